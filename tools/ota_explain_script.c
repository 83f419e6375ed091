/* SPDX-License-Identifier: Apache-2.0
 *
 * Remote command scripts and their answers (ETSI TS 102 226 5), explained.
 */
#include "ota_explain_inner.h"

#include "command.h"
#include "ota_build.h"
#include "sw.h"
#include "tlv.h"

enum { OF_ISO = 1 << CLASS_ISO, OF_ETSI = 1 << CLASS_ETSI, OF_GSM = 1 << CLASS_GSM };

struct instruction {
    uint8_t ins;
    uint8_t classes;
    bool out; /* P3 is Le: the command has no data */
    const char *name, *clause;
};

static const struct instruction instructions[] = {
    {0xA4, OF_ISO | OF_GSM, false, "SELECT", "TS 102 221 11.1.1"},
    {0xF2, OF_ETSI | OF_GSM, true, "STATUS", "TS 102 221 11.1.2"},
    {0xB0, OF_ISO | OF_GSM, true, "READ BINARY", "TS 102 221 11.1.3"},
    {0xD6, OF_ISO | OF_GSM, false, "UPDATE BINARY", "TS 102 221 11.1.4"},
    {0xB2, OF_ISO | OF_GSM, true, "READ RECORD", "TS 102 221 11.1.5"},
    {0xDC, OF_ISO | OF_GSM, false, "UPDATE RECORD", "TS 102 221 11.1.6"},
    {0xA2, OF_ISO | OF_GSM, false, "SEARCH RECORD", "TS 102 221 11.1.7"},
    {0x32, OF_ETSI | OF_GSM, false, "INCREASE", "TS 102 221 11.1.8"},
    {0x20, OF_ISO | OF_GSM, false, "VERIFY PIN", "TS 102 221 11.1.9"},
    {0x24, OF_ISO | OF_GSM, false, "CHANGE PIN", "TS 102 221 11.1.10"},
    {0x26, OF_ISO | OF_GSM, false, "DISABLE PIN", "TS 102 221 11.1.11"},
    {0x28, OF_ISO | OF_GSM, false, "ENABLE PIN", "TS 102 221 11.1.12"},
    {0x2C, OF_ISO | OF_GSM, false, "UNBLOCK PIN", "TS 102 221 11.1.13"},
    {0x04, OF_ISO | OF_GSM, false, "DEACTIVATE FILE", "TS 102 221 11.1.14"},
    {0x44, OF_ISO | OF_GSM, false, "ACTIVATE FILE", "TS 102 221 11.1.15"},
    {0x88, OF_ISO | OF_GSM, false, "AUTHENTICATE", "TS 102 221 11.1.16"},
    {0x70, OF_ISO, false, "MANAGE CHANNEL", "TS 102 221 11.1.17"},
    {0x84, OF_ISO, true, "GET CHALLENGE", "TS 102 221 11.1.18"},
    {0xC0, OF_ISO | OF_GSM, true, "GET RESPONSE", "TS 102 226 5.1.1"},
    {0xCB, OF_ETSI, false, "RETRIEVE DATA", "TS 102 221 11.3.1"},
    {0xDB, OF_ETSI, false, "SET DATA", "TS 102 221 11.3.2"},
    {0xE0, OF_ISO, false, "CREATE FILE", "TS 102 222 6.3"},
    {0xE4, OF_ISO, false, "DELETE FILE", "TS 102 222 6.4"},
    {0xD4, OF_ETSI, false, "RESIZE FILE", "TS 102 222 6.10"},
    {0xE2, OF_ETSI, false, "STORE DATA", "GlobalPlatform 2.3.1 11.11"},
    {0xE4, OF_ETSI, false, "DELETE", "GlobalPlatform 2.3.1 11.2"},
    {0xCA, OF_ISO | OF_ETSI, true, "GET DATA", "GlobalPlatform 2.3.1 11.3"},
    {0xE6, OF_ETSI, false, "INSTALL", "GlobalPlatform 2.3.1 11.5"},
    {0xE8, OF_ETSI, false, "LOAD", "GlobalPlatform 2.3.1 11.6"},
    {0xD8, OF_ETSI, false, "PUT KEY", "GlobalPlatform 2.3.1 11.8"},
    {0xF0, OF_ETSI, false, "SET STATUS", "GlobalPlatform 2.3.1 11.10"},
};

static const struct instruction get_status = {0xF2, OF_ETSI, false, "GET STATUS",
                                              "GlobalPlatform 2.3.1 11.4"};
static const struct instruction unknown_instruction = {0, 0, false, "a command not in the table",
                                                       "TS 102 226 5.1.1"};

static const struct instruction *instruction_of(const struct command *c)
{
    if (c->klass == CLASS_ETSI && c->ins == 0xF2 && c->p1 >= 0x10) /* 8X F2 is STATUS, and GlobalPlatform's */
        return &get_status;
    for (size_t i = 0; i < sizeof instructions / sizeof instructions[0]; i++)
        if (instructions[i].ins == c->ins && (instructions[i].classes & 1u << c->klass) != 0)
            return &instructions[i];
    return &unknown_instruction;
}

/* CLA INS P1 P2; what follows is told by the caller. */
static const struct instruction *explain_header(struct printer *p, struct span four, unsigned number)
{
    struct command c;
    (void)command_parse(four, &c);
    const struct instruction *i = instruction_of(&c);
    say_field(p, span_slice(four, 0, 2), "CLA INS", i->clause, "command %u: %s", number, i->name);
    say_field(p, span_slice(four, 2, 2), "P1 P2", i->clause, "parameters");
    return i;
}

/* TS 102 226 5.1.1: commands one after the other; P3 is Lc or Le. */
static void explain_compact(struct printer *p, struct span script, struct why *why)
{
    struct reader r = rd_of(script);
    unsigned number = 0;
    while (r.left > 0) {
        if (r.left < 5) {
            struct span rest = rd_rest(&r);
            say_field(p, rest, "rest", "TS 102 226 5.1.1", "no command: CLA INS P1 P2 P3 are 5 octets");
            say_because(why, "the script ends with %zu octets that are no command", rest.n);
            break;
        }
        const struct instruction *i = explain_header(p, rd_take(&r, 4), ++number);
        struct span p3 = rd_take(&r, 1);
        unsigned n = p3.p[0];
        if (i->out) {
            say_field(p, p3, "Le", i->clause, "%u octets wanted%s", n == 0 ? 256 : n, n == 0 ? " (00)" : "");
            continue;
        }
        say_field(p, p3, "Lc", i->clause, "%u octets of data", n);
        if (n > r.left) {
            say_field(p, rd_rest(&r), "data", i->clause, "cut: Lc is more than there is");
            say_because(why, "the data of command %u is shorter than its Lc", number);
            break;
        }
        struct span data = rd_take(&r, n);
        if (n > 0)
            say_field(p, data, "data", i->clause, "command data");
        if (r.left == 1) {
            say_field(p, rd_take(&r, 1), "Le", "TS 102 226 5.1.1",
                      "behind the data: compact format has none");
            say_because(why,
                        "an Le behind the data of the last command: to the card another command, cut short");
        }
    }
    say_note(p, "%u command%s in compact format", number, number == 1 ? "" : "s");
}

static void explain_apdu(struct printer *p, struct span apdu, unsigned number)
{
    struct command c;
    if (apdu.n < 4) {
        say_field(p, apdu, "C-APDU", "TS 102 226 5.2.1.1", "command %u: shorter than a header", number);
        return;
    }
    const struct instruction *i = explain_header(p, span_slice(apdu, 0, 4), number);
    bool good = command_parse(apdu, &c) == SW_OK;
    if (!good)
        say_field(p, span_slice(apdu, 4, apdu.n), "rest", i->clause, "lengths that do not fit");
    else if (c.data.n > 0)
        say_field(p, c.data, "data", i->clause, "command data, Lc %zu%s", c.data.n,
                  c.has_le ? ", with Le" : "");
    else if (c.has_le)
        say_field(p, span_slice(apdu, 4, apdu.n), "P3", i->clause, "Le %u, or Lc 0", (unsigned)c.le);
}

static const char *expanded_name(uint32_t tag)
{
    switch (tag) {
    case 0x22:
        return "C-APDU";
    case 0x23:
        return "R-APDU";
    case 0x80:
        return "number of executed commands";
    case 0x81:
        return "immediate action";
    case 0x82:
        return "error action";
    case 0x83:
        return "script chaining";
    case 0x90:
        return "bad format";
    default:
        return "unknown object";
    }
}

/* TS 102 226 5.2: AA and AB with a length, AE and AF with 80 ... 00 00. */
static void explain_expanded(struct printer *p, struct span data, struct why *why)
{
    struct reader r = rd_of(data);
    struct tlv t;
    struct span inner;
    const bool command = data.p[0] == 0xAA || data.p[0] == 0xAE;
    const char *const clause = command ? "TS 102 226 5.2.1" : "TS 102 226 5.2.2";
    if (data.p[0] == 0xAE || data.p[0] == 0xAF) {
        struct span head = rd_take(&r, 2);
        say_field(p, head, "template", clause, "%s, expanded format of indefinite length",
                  command ? "commands" : "responses");
        inner = rd_rest(&r);
        if (head.n < 2 || head.p[1] != 0x80 || inner.n < 2 || inner.p[inner.n - 1] != 0 ||
            inner.p[inner.n - 2] != 0)
            say_because(why, "the scripting template of indefinite length is not 80 ... 00 00");
        inner = span_slice(inner, 0, inner.n >= 2 ? inner.n - 2 : 0);
    } else {
        if (!tlv_next(&r, &t) || !rd_done(&r)) {
            say_field(p, data, "template", clause, "length does not fit");
            say_because(why, "the length of the scripting template does not fit");
            return;
        }
        say_field(p, span_slice(data, 0, data.n - t.value.n), "template", clause,
                  "%s, expanded format, %zu octets", command ? "commands" : "responses", t.value.n);
        inner = t.value;
    }
    r = rd_of(inner);
    unsigned number = 0;
    while (tlv_next(&r, &t)) {
        if (t.tag == 0x22 && command) {
            explain_apdu(p, t.value, ++number);
        } else if (t.tag == 0x23 && t.value.n >= 2) {
            struct reader sw = rd_of(span_slice(t.value, t.value.n - 2, 2));
            unsigned word = rd_u16(&sw);
            say_field(p, t.value, "R-APDU", "TS 102 226 5.2.2", "response %u: %04X, %s", ++number, word,
                      sw_text((sw_t)word));
        } else if (t.tag == 0x80 && t.value.n >= 1 && t.value.n <= 4) {
            struct reader count = rd_of(t.value);
            say_field(p, t.value, "executed", "TS 102 226 5.2.2", "%s: %u", expanded_name(t.tag),
                      (unsigned)rd_be(&count, t.value.n));
        } else if (t.tag == 0x90 && t.value.n == 1) {
            say_field(p, t.value, "bad format", "TS 102 226 5.2.2", "the card cannot read the script: %s",
                      ota_bad_format_text(t.value.p[0]));
            say_because(why, "the card cannot read the script: %s", ota_bad_format_text(t.value.p[0]));
        } else if (t.tag == 0x81 && command && t.value.n == 1 &&
                   (t.value.p[0] == 0x81 || t.value.p[0] == 0x82)) {
            say_field(p, t.value, "action", "TS 102 226 5.2.1.2", "%s: %s", expanded_name(t.tag),
                      t.value.p[0] == 0x81 ? "a proactive session follows"
                                           : "the response is sent before the rest runs");
        } else if (t.tag == 0x81 && t.value.n == 1 && !command) {
            say_field(p, t.value, "action", "TS 102 226 5.2.2", "%s: %s", expanded_name(t.tag),
                      t.value.p[0] == 0x01 ? "could not be done" : "unknown answer");
            say_because(why, "an action of the script could not be done");
        } else {
            say_field(p, t.value, "object", "TS 102 226 5.2", "tag %02X, %s", (unsigned)t.tag,
                      expanded_name(t.tag));
        }
    }
    if (!rd_ok(&r))
        say_because(why, "an object in the scripting template does not fit");
}

void explain_script(struct printer *p, struct span data, struct why *why)
{
    if (data.n == 0)
        say_note(p, "no secured data: an empty script");
    else if (data.p[0] == 0xAA || data.p[0] == 0xAE)
        explain_expanded(p, data, why);
    else
        explain_compact(p, data, why);
}

void explain_results(struct printer *p, struct span data)
{
    struct why ignored = {"", 0};
    if (data.n == 0) {
        say_note(p, "no additional response data");
    } else if (data.p[0] == 0xAB || data.p[0] == 0xAF) {
        explain_expanded(p, data, &ignored);
        if (ignored.len > 0)
            say_note(p, "%s", ignored.text);
    } else if (data.n < 3) {
        say_field(p, data, "data", "TS 102 226 5.1.2", "shorter than an answer to a script");
    } else {
        say_field(p, span_slice(data, 0, 1), "executed", "TS 102 226 5.1.2",
                  "number of commands executed: %u", data.p[0]);
        unsigned word = (unsigned)data.p[1] << 8 | data.p[2];
        say_field(p, span_slice(data, 1, 2), "SW", "TS 102 226 5.1.2", "of the last command executed: %s",
                  sw_text((sw_t)word));
        if (data.n > 3)
            say_field(p, span_slice(data, 3, data.n), "data", "TS 102 226 5.1.2", "its response data");
    }
}
