/* SPDX-License-Identifier: Apache-2.0 */
#include "ota_explain.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "cli.h"
#include "command.h"
#include "ota_build.h"
#include "sms.h"
#include "sw.h"
#include "tlv.h"

static const char clause_command[] = "TS 102 225 5.1";
static const char clause_response[] = "TS 102 225 5.2";

enum { CLEAR_LEN = 10, CHL_MIN = 13, RESPONSE_CLEAR_LEN = 6, RHL_MIN = 10 };

/* ---- printing ---- */

struct printer {
    FILE *to;
    bool json;
    bool in_section, any_section, any_field;
    const uint8_t *base; /* offsets count from here ... */
    size_t offset;       /* ... which is this far into what was given */
};

enum verdict { ACCEPTED, REFUSED, UNDECIDED, PROVED, UNPROVED };

static void section_end(struct printer *p)
{
    if (p->in_section && p->json)
        fputs("]}", p->to);
    p->in_section = false;
}

static void section(struct printer *p, const char *title)
{
    section_end(p);
    if (p->json) {
        fputs(p->any_section ? ",{\"title\":" : "{\"title\":", p->to);
        cli_put_json(p->to, title);
        fputs(",\"fields\":[", p->to);
    } else {
        fprintf(p->to, "%s%s\n", p->any_section ? "\n" : "", title);
    }
    p->in_section = p->any_section = true;
    p->any_field = false;
}

static void item_start(struct printer *p)
{
    if (p->json && p->any_field)
        fputc(',', p->to);
    p->any_field = true;
}

static void text_octets(struct printer *p, struct span octets)
{
    enum { PER_LINE = 32 };
    for (size_t i = 0; i < octets.n; i += PER_LINE) {
        fprintf(p->to, "%19s", "");
        cli_put_hex(p->to, span_slice(octets, i, PER_LINE));
        fputc('\n', p->to);
    }
}

static void field(struct printer *p, struct span octets, const char *name, const char *clause,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));

/* One field: where it lies, its octets, what they are called and what they mean. */
static void field(struct printer *p, struct span octets, const char *name, const char *clause,
                  const char *format, ...)
{
    enum { SHORT = 8 };
    char meaning[400];
    va_list args;
    va_start(args, format);
    vsnprintf(meaning, sizeof meaning, format, args);
    va_end(args);
    size_t at = p->offset + (octets.p != NULL && p->base != NULL ? (size_t)(octets.p - p->base) : 0);
    item_start(p);
    if (p->json) {
        fprintf(p->to, "{\"offset\":%zu,\"octets\":\"", at);
        cli_put_hex(p->to, octets);
        fputs("\",\"name\":", p->to);
        cli_put_json(p->to, name);
        fputs(",\"meaning\":", p->to);
        cli_put_json(p->to, meaning);
        fputs(",\"clause\":", p->to);
        cli_put_json(p->to, clause);
        fputc('}', p->to);
        return;
    }
    fprintf(p->to, "%5zu  %-10s  ", at, name);
    if (octets.n <= SHORT) {
        cli_put_hex(p->to, octets);
        fprintf(p->to, "%*s", (int)(2 * (SHORT - octets.n)), "");
    } else {
        fprintf(p->to, "%-*s", 2 * SHORT, "below");
    }
    fprintf(p->to, "  %s  [%s]\n", meaning, clause);
    if (octets.n > SHORT)
        text_octets(p, octets);
}

static void note(struct printer *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note(struct printer *p, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    item_start(p);
    if (p->json) {
        fputs("{\"note\":", p->to);
        cli_put_json(p->to, text);
        fputc('}', p->to);
    } else {
        fprintf(p->to, "       - %s\n", text);
    }
}

/* Ends the section. */
static void verdict(struct printer *p, enum verdict v, const char *why)
{
    static const struct {
        const char *json, *text;
    } words[] = {
        [ACCEPTED] = {"accepted", "A card with these keys would accept it"},
        [REFUSED] = {"refused", "A card would refuse it"},
        [UNDECIDED] = {"undecided", "Whether a card would accept it is open"},
        [PROVED] = {"genuine", "Genuine"},
        [UNPROVED] = {"unproved", "Proves nothing"},
    };
    if (p->json) {
        fprintf(p->to, "],\"verdict\":\"%s\",\"why\":", words[v].json);
        cli_put_json(p->to, why);
        fputc('}', p->to);
    } else {
        fprintf(p->to, "    => %s: %s\n", words[v].text, why);
    }
    p->in_section = false;
}

/* Offsets of what follows count from `base`, which lies (or whose cipher text lay) where `origin` points. */
struct place {
    const uint8_t *base;
    size_t offset;
};

static struct place rebase(struct printer *p, const uint8_t *base, const uint8_t *origin)
{
    struct place before = {p->base, p->offset};
    p->offset += origin != NULL && p->base != NULL ? (size_t)(origin - p->base) : 0;
    p->base = base;
    return before;
}

static void restore(struct printer *p, struct place before)
{
    p->base = before.base;
    p->offset = before.offset;
}

/* Reasons, one after the other. */
struct why {
    char text[900];
    size_t len;
};

static void because(struct why *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void because(struct why *w, const char *format, ...)
{
    if (w->len > 0 && w->len + 3 < sizeof w->text) {
        memcpy(w->text + w->len, "; ", 3);
        w->len += 2;
    }
    va_list args;
    va_start(args, format);
    int n = vsnprintf(w->text + w->len, sizeof w->text - w->len, format, args);
    va_end(args);
    if (n > 0)
        w->len += (size_t)n < sizeof w->text - w->len ? (size_t)n : sizeof w->text - w->len - 1;
}

/* ---- names ---- */

struct tar_row {
    const char *name;
    uint8_t tar[3];
    const char *text;
};

/* TS 101 220 annex D reserves 000000 for the issuer security domain and B0xxxx for remote file management;
 * which of the latter means what is the profile's to say, as is the subscription applet's. These are the
 * built-in profiles'. */
static const struct tar_row tars[] = {
    {"isd", {0x00, 0x00, 0x00}, "issuer security domain (remote application management)"},
    {"uicc", {0xB0, 0x00, 0x00}, "remote file management, UICC shared file system"},
    {"usim", {0xB0, 0x00, 0x01}, "remote file management, USIM"},
    {"isim", {0xB0, 0x00, 0x02}, "remote file management, ISIM"},
    {"subscription", {0xBF, 0xFF, 0x3B}, "softuicc's subscription applet"},
};

bool ota_tar_named(const char *name, uint8_t tar[3])
{
    for (size_t i = 0; i < sizeof tars / sizeof tars[0]; i++)
        if (strcmp(tars[i].name, name) == 0) {
            memcpy(tar, tars[i].tar, 3);
            return true;
        }
    return false;
}

static const char *tar_text(struct span tar)
{
    for (size_t i = 0; i < sizeof tars / sizeof tars[0]; i++)
        if (span_equal(tar, span_of(tars[i].tar, 3)))
            return tars[i].text;
    return tar.n > 0 && tar.p[0] == 0xB0 ? "a remote file management application" : "an application's own";
}

static const char *check_name(unsigned check)
{
    static const char *const names[] = {"no check", "RC", "CC", "DS"};
    return names[check & 3];
}

static const char *counter_text(uint8_t spi1)
{
    switch (spi1 & SPI1_COUNTER) {
    case SPI1_NO_COUNTER:
        return "no counter";
    case SPI1_COUNTER_UNCHECKED:
        return "counter there but not checked";
    case SPI1_COUNTER_HIGHER:
        return "counter must be higher than the stored one";
    default:
        return "counter must be one more than the stored one";
    }
}

static const char *por_text(uint8_t spi2)
{
    switch (spi2 & SPI2_POR) {
    case SPI2_POR_NO:
        return "no PoR";
    case SPI2_POR_ALWAYS:
        return "PoR always";
    case SPI2_POR_ON_ERROR:
        return "PoR on error only";
    default:
        return "reserved coding";
    }
}

static const char *algorithm_text(uint8_t octet, bool crc, bool mac)
{
    switch (octet & 0x0F) {
    case 0x00:
        return "algorithm known implicitly";
    case 0x01:
        return crc ? "CRC 16" : "DES in CBC mode";
    case 0x05:
        return crc ? "CRC 32" : "triple DES, outer CBC, two keys";
    case 0x09:
        return crc ? "reserved" : "triple DES, outer CBC, three keys";
    case 0x0D:
        return crc || mac ? "reserved" : "DES in ECB mode";
    case 0x02:
        return crc ? "reserved" : mac ? "AES in CMAC mode" : "AES in CBC mode";
    case 0x03:
    case 0x07:
    case 0x0B:
    case 0x0F:
        return "proprietary";
    default:
        return "reserved";
    }
}

static size_t block_of(uint8_t kic)
{
    switch (kic & 0x0F) {
    case 0x01:
    case 0x05:
    case 0x09:
        return 8;
    case 0x02:
        return 16;
    default:
        return 0;
    }
}

/* ---- keys ---- */

static bool kic_used(uint8_t spi1, uint8_t spi2)
{
    return scp80_kic_version(&(struct scp80_command){.spi1 = spi1, .spi2 = spi2, .kic = 0xF0}) != 0;
}

static bool kid_used(uint8_t spi1, uint8_t spi2)
{
    return scp80_kid_version(&(struct scp80_command){.spi1 = spi1, .spi2 = spi2, .kid = 0xF0}) != 0;
}

static uint8_t algorithm_of(uint8_t octet)
{
    switch (octet & 0x0F) {
    case 0x01:
        return OTA_DES;
    case 0x05:
    case 0x09:
        return OTA_3DES;
    case 0x02:
        return OTA_AES;
    default:
        return OTA_NONE;
    }
}

bool ota_keys_fit(const struct ota_keys *keys, bool need_kic, bool need_kid, uint8_t kic, uint8_t kid,
                  size_t mac_len, struct keyset *out, const char **why)
{
    *out = (struct keyset){0};
    if (keys == NULL || (!keys->has_set && keys->kic_len == 0 && keys->kid_len == 0)) {
        *why = "no keys were given";
        return false;
    }
    if (keys->has_set) {
        *out = keys->set;
        return true;
    }
    if ((need_kic && keys->kic_len == 0) || (need_kid && keys->kid_len == 0)) {
        *why = need_kic && keys->kic_len == 0 ? "no key for ciphering (--kic-key) was given"
                                              : "no key for the CC (--kid-key) was given";
        return false;
    }
    kic = keys->has_kic ? keys->kic : kic;
    kid = keys->has_kid ? keys->kid : kid;
    if (need_kic && need_kid && kic >> 4 != kid >> 4) {
        *why = "KIc and KID name different key versions, which a keyset of softuicc does not have";
        return false;
    }
    out->version = need_kic ? kic >> 4 : kid >> 4;
    out->mac_len = keys->mac_len != 0 ? keys->mac_len : mac_len == 4 ? 4 : 8;
    if (need_kic) {
        out->kic_algorithm = algorithm_of(kic);
        out->kic_len = (uint8_t)keys->kic_len;
        memcpy(out->kic, keys->kic_key, keys->kic_len);
    }
    if (need_kid) {
        out->kid_algorithm = algorithm_of(kid);
        out->kid_len = (uint8_t)keys->kid_len;
        memcpy(out->kid, keys->kid_key, keys->kid_len);
    }
    if (out->version == 0)
        *why = "key version 0 names no key: the high half of KIc and KID is 1 to 15";
    else if ((need_kic && (keyset_kic_octet(out) != kic || out->kic_algorithm == OTA_NONE)) ||
             (need_kid && (keyset_kid_octet(out) != kid || out->kid_algorithm == OTA_NONE)) ||
             !keyset_valid(out))
        *why = "the keys' lengths do not fit the algorithms that KIc and KID name";
    else
        return true;
    crypto_wipe(out, sizeof *out);
    return false;
}

/* ---- scripts ---- */

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
    {0xC0, OF_ISO | OF_GSM, true, "GET RESPONSE", "TS 102 226 5.2.1"},
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
                                                       "TS 102 226 5.2.1"};

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
    field(p, span_slice(four, 0, 2), "CLA INS", i->clause, "command %u: %s", number, i->name);
    field(p, span_slice(four, 2, 2), "P1 P2", i->clause, "parameters");
    return i;
}

/* TS 102 226 5.2.1: commands one after the other; P3 is Lc or Le, and only the last may have an Le behind its
 * data. */
static void explain_compact(struct printer *p, struct span script, struct why *why)
{
    struct reader r = rd_of(script);
    unsigned number = 0;
    while (r.left > 0) {
        if (r.left < 5) {
            struct span rest = rd_rest(&r);
            field(p, rest, "rest", "TS 102 226 5.2.1", "no command: CLA INS P1 P2 P3 are 5 octets");
            because(why, "the script ends with %zu octets that are no command", rest.n);
            break;
        }
        const struct instruction *i = explain_header(p, rd_take(&r, 4), ++number);
        struct span p3 = rd_take(&r, 1);
        unsigned n = p3.p[0];
        if (i->out) {
            field(p, p3, "Le", i->clause, "%u octets wanted%s", n == 0 ? 256 : n, n == 0 ? " (00)" : "");
            continue;
        }
        field(p, p3, "Lc", i->clause, "%u octets of data", n);
        if (n > r.left) {
            field(p, rd_rest(&r), "data", i->clause, "cut: Lc is more than there is");
            because(why, "the data of command %u is shorter than its Lc", number);
            break;
        }
        struct span data = rd_take(&r, n);
        if (n > 0)
            field(p, data, "data", i->clause, "command data");
        if (r.left == 1)
            field(p, rd_take(&r, 1), "Le", "TS 102 226 5.2.1", "of the last command");
    }
    note(p, "%u command%s in compact format", number, number == 1 ? "" : "s");
}

static void explain_apdu(struct printer *p, struct span apdu, unsigned number)
{
    struct command c;
    if (apdu.n < 4) {
        field(p, apdu, "C-APDU", "TS 102 226 5.2.1.2", "command %u: shorter than a header", number);
        return;
    }
    const struct instruction *i = explain_header(p, span_slice(apdu, 0, 4), number);
    bool good = command_parse(apdu, &c) == SW_OK;
    if (!good)
        field(p, span_slice(apdu, 4, apdu.n), "rest", i->clause, "lengths that do not fit");
    else if (c.data.n > 0)
        field(p, c.data, "data", i->clause, "command data, Lc %zu%s", c.data.n, c.has_le ? ", with Le" : "");
    else if (c.has_le)
        field(p, span_slice(apdu, 4, apdu.n), "P3", i->clause, "Le %u, or Lc 0", (unsigned)c.le);
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

/* TS 102 226 5.2.1.2: AA and AB with a length, AE and AF with 80 ... 00 00. */
static void explain_expanded(struct printer *p, struct span data, struct why *why)
{
    struct reader r = rd_of(data);
    struct tlv t;
    struct span inner;
    const bool command = data.p[0] == 0xAA || data.p[0] == 0xAE;
    if (data.p[0] == 0xAE || data.p[0] == 0xAF) {
        struct span head = rd_take(&r, 2);
        field(p, head, "template", "TS 102 226 5.2.1.2", "%s, expanded format of indefinite length",
              command ? "commands" : "responses");
        inner = rd_rest(&r);
        if (head.n < 2 || head.p[1] != 0x80 || inner.n < 2 || inner.p[inner.n - 1] != 0 ||
            inner.p[inner.n - 2] != 0)
            because(why, "the scripting template of indefinite length is not 80 ... 00 00");
        inner = span_slice(inner, 0, inner.n >= 2 ? inner.n - 2 : 0);
    } else {
        if (!tlv_next(&r, &t) || !rd_done(&r)) {
            field(p, data, "template", "TS 102 226 5.2.1.2", "length does not fit");
            because(why, "the length of the scripting template does not fit");
            return;
        }
        field(p, span_slice(data, 0, data.n - t.value.n), "template", "TS 102 226 5.2.1.2",
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
            field(p, t.value, "R-APDU", "TS 102 226 5.2.1.2", "response %u: %04X, %s", ++number, word,
                  sw_text((sw_t)word));
        } else if (t.tag == 0x80 && t.value.n >= 1 && t.value.n <= 4) {
            struct reader count = rd_of(t.value);
            field(p, t.value, "executed", "TS 102 226 5.2.1.2", "%s: %u", expanded_name(t.tag),
                  (unsigned)rd_be(&count, t.value.n));
        } else if (t.tag == 0x90 && t.value.n == 1) {
            field(p, t.value, "bad format", "TS 102 226 5.2.1.2", "the card cannot read the script: %s",
                  ota_bad_format_text(t.value.p[0]));
            because(why, "the card cannot read the script: %s", ota_bad_format_text(t.value.p[0]));
        } else {
            field(p, t.value, "object", "TS 102 226 5.2.1.2", "tag %02X, %s", (unsigned)t.tag,
                  expanded_name(t.tag));
        }
    }
    if (!rd_ok(&r))
        because(why, "an object in the scripting template does not fit");
}

static void explain_script(struct printer *p, struct span data, struct why *why)
{
    if (data.n == 0)
        note(p, "no secured data: an empty script");
    else if (data.p[0] == 0xAA || data.p[0] == 0xAE)
        explain_expanded(p, data, why);
    else
        explain_compact(p, data, why);
}

static void explain_results(struct printer *p, struct span data)
{
    struct why ignored = {"", 0};
    if (data.n == 0) {
        note(p, "no additional response data");
    } else if (data.p[0] == 0xAB || data.p[0] == 0xAF) {
        explain_expanded(p, data, &ignored);
        if (ignored.len > 0)
            note(p, "%s", ignored.text);
    } else if (data.n < 3) {
        field(p, data, "data", "TS 102 226 5.2.1", "shorter than an answer to a script");
    } else {
        field(p, span_slice(data, 0, 1), "executed", "TS 102 226 5.2.1", "number of commands executed: %u",
              data.p[0]);
        unsigned word = (unsigned)data.p[1] << 8 | data.p[2];
        field(p, span_slice(data, 1, 2), "SW", "TS 102 226 5.2.1", "of the last command executed: %s",
              sw_text((sw_t)word));
        if (data.n > 3)
            field(p, span_slice(data, 3, data.n), "data", "TS 102 226 5.2.1", "its response data");
    }
}

/* ---- command packets ---- */

struct explainer {
    struct printer out;
    const struct ota_explain *e;
    const struct span *inputs;
    size_t n_inputs, at;
    /* of the last command packet seen: what a response is opened with */
    bool has_command;
    uint8_t spi2, kic, kid;
    bool has_cntr; /* the command could be read */
    uint8_t tar[3], cntr[SCP80_CNTR_LEN];
};

/* Secured part with the cipher taken off, as far as it can be; for looking at, whatever the check says. */
static bool decipher(struct uicc_crypto *crypto, const struct keyset *keys, uint8_t *p, size_t n)
{
    static const uint8_t iv[16] = {0};
    const struct span key = span_of(keys->kic, keys->kic_len);
    if (keys->kic_algorithm == OTA_AES)
        return n % 16 == 0 && aes_cbc_decrypt(crypto, key, iv, p, p, n);
    if (keys->kic_algorithm == OTA_DES || keys->kic_algorithm == OTA_3DES)
        return n % 8 == 0 && des_cbc_decrypt(crypto, key, iv, p, p, n);
    return false;
}

static bool all_zero(struct span s)
{
    uint8_t seen = 0;
    for (size_t i = 0; i < s.n; i++)
        seen |= s.p[i];
    return seen == 0;
}

/* Why scp80_command_parse does not like it; in its order. */
static void why_malformed(const struct scp80_command *c, struct why *why)
{
    struct reader r = rd_of(c->packet);
    const size_t cpl = rd_u16(&r), chl = rd_u8(&r);
    const unsigned check = c->spi1 & SPI1_CHECK;
    const bool crc = check == SPI1_RC;
    if (c->packet.n < CLEAR_LEN + 6)
        because(why, "%zu octets are shorter than the fixed part of a command packet", c->packet.n);
    if (rd_ok(&r) && cpl + 2 != c->packet.n)
        because(why, "CPL counts %zu octets, but %zu follow it", cpl, c->packet.n - 2);
    if (rd_ok(&r) && (chl < CHL_MIN || chl + 1 > cpl))
        because(why, "CHL %zu is not between 13 and what CPL leaves room for", chl);
    if ((c->spi2 & SPI2_POR) == SPI2_POR)
        because(why, "SPI2 asks for a PoR by a reserved coding");
    if (check == SPI1_DS || ((c->spi2 & SPI2_POR) != 0 && (c->spi2 & SPI2_POR_CHECK) == SPI2_POR_DS))
        because(why, "SPI asks for a DS, for which no algorithm is specified");
    if (rd_ok(&r) && chl >= CHL_MIN && check != SPI1_DS) {
        size_t n = chl - CHL_MIN;
        size_t crc_len = (c->kid & 0x0F) == 1 ? 2 : (c->kid & 0x0F) == 5 ? 4 : 0;
        if (check == SPI1_NO_CHECK && n != 0)
            because(why, "CHL makes room for a check of %zu octets, SPI1 has none", n);
        if (check == SPI1_CC && n != 8 && n != 4)
            because(why, "CHL makes room for %zu octets of CC: 8 (or 4) it would have", n);
        if (crc && crc_len == 0)
            because(why, "SPI1 has an RC, but KID %02X names neither CRC 16 nor CRC 32", c->kid);
        else if (crc && n != crc_len)
            because(why, "CHL makes room for %zu octets of RC, KID asks for %zu", n, crc_len);
    }
    if (kid_used(c->spi1, c->spi2) && algorithm_of(c->kid) == OTA_NONE)
        because(why, "KID %02X names no algorithm for a CC that is supported", c->kid);
    if (kic_used(c->spi1, c->spi2) && block_of(c->kic) == 0)
        because(why, "KIc %02X names no algorithm that is supported", c->kic);
    else if ((c->spi1 & SPI1_CIPHERING) != 0 && c->secured.n % block_of(c->kic) != 0)
        because(why, "the ciphered part has %zu octets, no multiple of the block of %zu", c->secured.n,
                block_of(c->kic));
    if (why->len == 0)
        because(why, "the header cannot be interpreted");
}

/* Header fields, as far as they are there. */
static void explain_command_header(struct printer *p, const struct scp80_command *c)
{
    struct reader r = rd_of(c->packet);
    const bool crc = (c->spi1 & SPI1_CHECK) == SPI1_RC;
    const bool kic = kic_used(c->spi1, c->spi2), kid = kid_used(c->spi1, c->spi2);
    struct span s = rd_take(&r, 2);
    if (s.n > 0)
        field(p, s, "CPL", clause_command, "command packet length: %u octets follow",
              (unsigned)s.p[0] << 8 | s.p[1]);
    s = rd_take(&r, 1);
    if (s.n > 0)
        field(p, s, "CHL", clause_command, "command header length: %u octets, from SPI to the check", s.p[0]);
    s = rd_take(&r, 1);
    if (s.n > 0)
        field(p, s, "SPI1", "TS 102 225 5.1.1", "%s, %sciphered, %s%s", check_name(c->spi1),
              (c->spi1 & SPI1_CIPHERING) != 0 ? "" : "not ", counter_text(c->spi1),
              (c->spi1 & SPI1_RESERVED) != 0 ? "; reserved bits set (ignored)" : "");
    s = rd_take(&r, 1);
    if (s.n > 0) {
        if ((c->spi2 & SPI2_POR) == SPI2_POR_NO)
            field(p, s, "SPI2", "TS 102 225 5.1.1", "no PoR");
        else
            field(p, s, "SPI2", "TS 102 225 5.1.1", "%s, with %s, %sciphered, by %s%s", por_text(c->spi2),
                  check_name((unsigned)c->spi2 >> 2), (c->spi2 & SPI2_POR_CIPHERED) != 0 ? "" : "not ",
                  (c->spi2 & SPI2_POR_SUBMIT) != 0 ? "SMS-SUBMIT" : "SMS-DELIVER-REPORT",
                  (c->spi2 & SPI2_RESERVED) != 0 ? "; reserved bits set (ignored)" : "");
    }
    s = rd_take(&r, 1);
    if (s.n > 0)
        field(p, s, "KIc", "TS 102 225 5.1.2", "key version %u, %s%s", c->kic >> 4,
              algorithm_text(c->kic, false, false), kic ? "" : " (not used: nothing is ciphered)");
    s = rd_take(&r, 1);
    if (s.n > 0)
        field(p, s, "KID", "TS 102 225 5.1.3", "%s %u, %s%s", crc ? "no key, upper half" : "key version",
              c->kid >> 4, algorithm_text(c->kid, crc, true),
              kid || crc ? "" : " (not used: the command has no CC)");
    s = rd_take(&r, 3);
    if (s.n > 0)
        field(p, s, "TAR", "TS 101 220 annex D", "%s", tar_text(s));
    if (!rd_ok(&r) && r.left > 0)
        field(p, span_of(r.p, r.left), "rest", clause_command, "cut in the middle of a field");
}

static uint64_t counter_of(struct span cntr)
{
    struct reader r = rd_of(cntr);
    return rd_be(&r, cntr.n);
}

static void judge_counter(const struct ota_explain *e, const struct scp80_command *c, uint64_t counter,
                          struct why *why)
{
    if (!e->has_counter)
        return;
    unsigned mode = c->spi1 & SPI1_COUNTER;
    if (mode != SPI1_COUNTER_HIGHER && mode != SPI1_COUNTER_PLUS_ONE)
        return;
    if (counter <= e->counter)
        because(why, "CNTR %" PRIu64 " is not above the stored %" PRIu64 ": status 02, CNTR low", counter,
                e->counter);
    else if (mode == SPI1_COUNTER_PLUS_ONE && counter != e->counter + 1)
        because(why, "CNTR %" PRIu64 " is more than one above the stored %" PRIu64 ": status 03, CNTR high",
                counter, e->counter);
}

/* What a card's policy may still have against a packet that is in order. */
static void policy_notes(struct printer *p, const struct scp80_command *c)
{
    if ((c->spi1 & (SPI1_CIPHERING | SPI1_CHECK)) != (SPI1_CIPHERING | SPI1_CC))
        note(p, "less than CC and ciphering: below the usual minimum security level, which answers 0A (TS "
                "102 225 5.2.1)");
    if ((c->spi1 & SPI1_CHECK) != SPI1_CC && (c->spi2 & SPI2_POR) != SPI2_POR_NO &&
        (c->spi2 & (SPI2_POR_CHECK | SPI2_POR_CIPHERED)) != 0)
        note(p, "without a CC nothing proves who asks: the card uses no key in its PoR, whatever SPI2 says");
    if ((c->spi1 & 0x10) == 0)
        note(p, "without a counter that is checked it can be replayed (TS 102 225 5.1.4)");
    if ((kic_used(c->spi1, c->spi2) && (c->kic & 0x0F) == 1) ||
        (kid_used(c->spi1, c->spi2) && (c->kid & 0x0F) == 1))
        note(p, "single DES: refused unless the card's profile allows it");
}

/* The secured part in clear: CNTR to padding. Returns false when it makes no sense. */
static bool explain_secured(struct explainer *x, const struct scp80_command *c, struct span plain,
                            size_t check_len, struct why *why)
{
    struct printer *p = &x->out;
    const bool ciphered = (c->spi1 & SPI1_CIPHERING) != 0;
    struct reader r = rd_of(plain);
    struct span s = rd_take(&r, SCP80_CNTR_LEN);
    const uint64_t counter = counter_of(s);
    field(p, s, "CNTR", "TS 102 225 5.1.4", "counter %" PRIu64 "%s", counter,
          (c->spi1 & SPI1_COUNTER) == SPI1_NO_COUNTER ? " (not used)" : "");
    s = rd_take(&r, 1);
    const size_t pcntr = s.n > 0 ? s.p[0] : 0;
    field(p, s, "PCNTR", clause_command, "%zu octet%s of padding", pcntr, pcntr == 1 ? "" : "s");
    if (check_len > 0)
        field(p, rd_take(&r, check_len), check_name(c->spi1), "TS 102 225 5.1.3",
              "check over everything from CPL to the padding but itself");
    if (pcntr > r.left || pcntr >= (ciphered ? block_of(c->kic) : 1)) {
        field(p, rd_rest(&r), "data", clause_command, "padding unknown: PCNTR makes no sense");
        because(why, "PCNTR %zu %s", pcntr,
                ciphered ? "is a whole block or more than there is" : "in a packet that is not ciphered");
        return false;
    }
    struct span data = rd_take(&r, r.left - pcntr);
    struct span padding = rd_rest(&r);
    struct why script = {"", 0};
    explain_script(p, data, &script);
    if (script.len > 0) /* not the security layer's to refuse: the card answers with a status word */
        note(p, "the script will fail: %s", script.text);
    if (padding.n > 0)
        field(p, padding, "padding", clause_command, "%s", all_zero(padding) ? "zeros" : "not zeros");
    judge_counter(x->e, c, counter, why);
    return true;
}

/* The CC that these keys would make. */
static bool expected_cc(const struct explainer *x, const struct keyset *keys, const struct scp80_command *c,
                        struct span plain, size_t check_len, uint8_t mac[16])
{
    const struct span parts[] = {
        span_slice(c->packet, 0, CLEAR_LEN),
        span_slice(plain, 0, 6),
        span_slice(plain, 6 + check_len, plain.n),
    };
    const struct span key = span_of(keys->kid, keys->kid_len);
    if (keys->kid_algorithm == OTA_AES)
        return aes_cmac(x->e->crypto, key, parts, 3, mac);
    if (keys->kid_algorithm == OTA_DES || keys->kid_algorithm == OTA_3DES)
        return des_mac(x->e->crypto, key, parts, 3, mac);
    return false;
}

static void why_not_opened(const struct explainer *x, const struct keyset *keys,
                           const struct scp80_command *c, struct span plain, size_t check_len, bool sense,
                           struct why *why)
{
    const bool kic = kic_used(c->spi1, c->spi2), kid = kid_used(c->spi1, c->spi2);
    if (kic && keyset_kic_octet(keys) != c->kic)
        because(why, "KIc %02X is not the %02X of the keys given", c->kic, keyset_kic_octet(keys));
    if (kid && keyset_kid_octet(keys) != c->kid)
        because(why, "KID %02X is not the %02X of the keys given", c->kid, keyset_kid_octet(keys));
    const unsigned check = c->spi1 & SPI1_CHECK;
    if (check == SPI1_CC && check_len != keys->mac_len)
        because(why, "the CC has %zu octets, these keys make %u", check_len, keys->mac_len);
    uint8_t mac[16];
    if (check == SPI1_CC && expected_cc(x, keys, c, plain, check_len, mac) &&
        !crypto_equal(mac, plain.p + 6, check_len)) {
        if ((c->spi1 & SPI1_CIPHERING) != 0 && !sense)
            because(why, "CC wrong, and the deciphered padding makes no sense: the key for KIc is another, "
                         "or the packet was changed");
        else
            because(why, "CC wrong: the key for KID is another, or the packet was changed");
    }
    if (check == SPI1_RC)
        because(why, "RC wrong, or what it covers was changed");
    if (why->len == 0)
        because(why, "check failed");
}

static void explain_command(struct explainer *x, struct span packet)
{
    struct printer *p = &x->out;
    struct scp80_command c;
    const enum scp80_status parsed = scp80_command_parse(packet, &c);
    struct why why = {"", 0};
    explain_command_header(p, &c);
    if (packet.n >= CLEAR_LEN) {
        x->has_command = true;
        x->has_cntr = false;
        x->spi2 = c.spi2;
        x->kic = c.kic;
        x->kid = c.kid;
    }
    if (parsed != SCP80_POR_OK) {
        if (c.secured.n > 0)
            field(p, c.secured, "secured", clause_command,
                  "CNTR and all that follows: not taken apart, the header is wrong");
        why_malformed(&c, &why);
        because(&why, "one answer for all of this: 06 or 01, unprotected, or none (TS 102 225 5.2.1)");
        verdict(p, REFUSED, why.text);
        return;
    }
    const bool ciphered = (c.spi1 & SPI1_CIPHERING) != 0;
    const bool kic = kic_used(c.spi1, c.spi2), kid = kid_used(c.spi1, c.spi2);
    const size_t check_len = packet.p[2] - (size_t)CHL_MIN;
    struct keyset keys;
    const char *missing = NULL;
    const bool have = ota_keys_fit(x->e->keys, kic, kid, c.kic, c.kid, check_len, &keys, &missing);
    uint8_t *room = malloc(2 * c.secured.n);
    if (room == NULL) {
        verdict(p, UNDECIDED, "memory ran out");
        crypto_wipe(&keys, sizeof keys);
        return;
    }
    memcpy(room, c.secured.p, c.secured.n);
    const bool clear = !ciphered || (have && decipher(x->e->crypto, &keys, room, c.secured.n));
    struct buf work = buf_of(room + c.secured.n, c.secured.n);
    struct span data, plain = span_of(room, c.secured.n);
    const enum scp80_status opened = scp80_command_open(x->e->crypto, have ? &keys : NULL, &c, &work, &data);
    bool sense = false;
    if (clear) {
        if (ciphered)
            note(p, "deciphered with the key for KIc%s:",
                 opened == SCP80_POR_OK ? "" : ", without proof that it is the right one");
        struct place before = rebase(p, room, c.secured.p);
        sense = explain_secured(x, &c, plain, check_len, &why);
        restore(p, before);
    } else {
        field(p, c.secured, "secured", clause_command, "ciphered from CNTR on");
    }
    policy_notes(p, &c);
    x->has_cntr = opened == SCP80_POR_OK;
    memcpy(x->tar, c.tar, sizeof x->tar);
    memcpy(x->cntr, c.cntr, sizeof x->cntr);
    if (opened == SCP80_POR_OK) {
        const bool good = why.len == 0;
        if (good && (c.spi1 & SPI1_CHECK) == SPI1_CC)
            because(&why, "the CC verifies");
        else if (good)
            because(&why, "nothing is wrong with its form, and it has no CC to verify");
        verdict(p, good ? ACCEPTED : REFUSED, why.text);
    } else if ((kic || kid) && !have) {
        because(&why, "%s", missing);
        verdict(p, UNDECIDED, why.text);
    } else {
        why_not_opened(x, have ? &keys : &(struct keyset){0}, &c, plain, check_len, sense, &why);
        because(&why, "one answer for all of this: 01 or 06, unprotected, or none (TS 102 225 5.2.1)");
        verdict(p, REFUSED, why.text);
    }
    crypto_wipe(room, 2 * c.secured.n);
    free(room);
    crypto_wipe(&keys, sizeof keys);
}

/* ---- response packets ---- */

/* Tries what the response may have been asked to be: as the SPI says if there is one, else ciphered with CC,
 * CC, ciphered, plain. */
static enum scp80_verdict try_response(const struct explainer *x, const struct keyset *keys,
                                       struct span whole, struct scp80_response *r, struct buf *work,
                                       struct span *data, uint8_t *spi2)
{
    static const uint8_t guesses[] = {SPI2_POR_CC | SPI2_POR_CIPHERED, SPI2_POR_CC,       SPI2_POR_RC,
                                      SPI2_POR_RC | SPI2_POR_CIPHERED, SPI2_POR_CIPHERED, 0};
    if (x->e->has_spi || x->has_command) {
        *spi2 = x->e->has_spi ? x->e->spi2 : x->spi2;
        return scp80_response_open(x->e->crypto, keys, *spi2, whole, r, work, data);
    }
    enum scp80_verdict first = SCP80_MALFORMED;
    for (size_t i = 0; i < sizeof guesses; i++) {
        *spi2 = guesses[i];
        enum scp80_verdict v = scp80_response_open(x->e->crypto, keys, *spi2, whole, r, work, data);
        if (v == SCP80_GENUINE || v == SCP80_UNPROTECTED)
            return v;
        first = first == SCP80_MALFORMED ? v : first;
    }
    return first;
}

static void explain_response_secured(struct printer *p, struct span plain, size_t check_len, bool cleared)
{
    struct reader r = rd_of(plain);
    struct span s = rd_take(&r, SCP80_CNTR_LEN);
    field(p, s, "CNTR", "TS 102 225 5.1.4", "counter %" PRIu64 " of the command, if the card could read it",
          counter_of(s));
    s = rd_take(&r, 1);
    size_t pcntr = s.n > 0 ? s.p[0] : 0;
    field(p, s, "PCNTR", clause_response, "%zu octet%s of padding", pcntr, pcntr == 1 ? "" : "s");
    s = rd_take(&r, 1);
    if (s.n > 0)
        field(p, s, "status", "TS 102 225 5.2.1", "%s", scp80_status_text(s.p[0]));
    if (check_len > 0)
        field(p, rd_take(&r, check_len), "RC/CC/DS", "TS 102 225 5.1.3",
              "check over 02 71 00 and everything from RPL to the padding but itself");
    if (!cleared || pcntr > r.left) {
        field(p, rd_rest(&r), "data", clause_response, "response data, and padding");
        return;
    }
    explain_results(p, rd_take(&r, r.left - pcntr));
    s = rd_rest(&r);
    if (s.n > 0)
        field(p, s, "padding", clause_response, "%s", all_zero(s) ? "zeros" : "not zeros");
}

static void response_verdict(struct printer *p, enum scp80_verdict v, const struct scp80_response *r,
                             const char *missing)
{
    struct why why = {"", 0};
    switch (v) {
    case SCP80_GENUINE:
        because(&why, "the CC verifies; status %02X, %s", r->status, scp80_status_text(r->status));
        verdict(p, PROVED, why.text);
        return;
    case SCP80_UNPROTECTED:
        because(&why, "no CC; status %02X, %s: anybody can have sent it", r->status,
                scp80_status_text(r->status));
        break;
    case SCP80_FORGED:
        if (missing != NULL)
            because(&why, "the check cannot be verified: %s", missing);
        else
            because(&why,
                    "the check does not verify: other keys, another SPI, changed on its way, or forged");
        break;
    case SCP80_MALFORMED:
    default:
        because(&why, "lengths do not fit: RPL, RHL, padding or block");
        break;
    }
    verdict(p, UNPROVED, why.text);
}

/* body: from RPL on; sw: a status word that stood behind it, or empty. */
static void explain_response(struct explainer *x, struct span body, struct span sw)
{
    struct printer *p = &x->out;
    struct reader r = rd_of(body);
    struct span s = rd_take(&r, 2);
    if (s.n > 0)
        field(p, s, "RPL", clause_response, "response packet length: %u octets follow%s",
              (unsigned)s.p[0] << 8 | s.p[1], ((size_t)s.p[0] << 8 | s.p[1]) + 2 == body.n ? "" : " (wrong)");
    s = rd_take(&r, 1);
    const size_t rhl = s.n > 0 ? s.p[0] : 0;
    if (s.n > 0)
        field(p, s, "RHL", clause_response, "response header length: %zu octets, from TAR to the check", rhl);
    s = rd_take(&r, 3);
    if (s.n > 0)
        field(p, s, "TAR", "TS 101 220 annex D", "%s", tar_text(s));
    struct span secured = rd_ok(&r) ? rd_rest(&r) : SPAN_EMPTY;

    const size_t check_len = rhl >= RHL_MIN ? rhl - RHL_MIN : 0;
    const uint8_t asked = x->e->has_spi ? x->e->spi2 : x->has_command ? x->spi2 : 0x19;
    struct keyset keys;
    const char *missing = NULL;
    const bool have =
        ota_keys_fit(x->e->keys, (asked & SPI2_POR_CIPHERED) != 0, (asked & SPI2_POR_CHECK) == SPI2_POR_CC,
                     x->kic, x->kid, check_len, &keys, &missing);
    uint8_t *room = malloc(3 + 2 * body.n);
    if (room == NULL) {
        verdict(p, UNPROVED, "memory ran out");
        crypto_wipe(&keys, sizeof keys);
        return;
    }
    memcpy(room, "\x02\x71\x00", 3); /* the header that the check covers, whatever stood in the message */
    if (body.n > 0)
        memcpy(room + 3, body.p, body.n);
    struct buf work = buf_of(room + 3 + body.n, body.n);
    struct scp80_response response;
    struct span data;
    uint8_t spi2 = 0;
    enum scp80_verdict v =
        try_response(x, have ? &keys : NULL, span_of(room, 3 + body.n), &response, &work, &data, &spi2);
    const bool cleared = v == SCP80_GENUINE || v == SCP80_UNPROTECTED;
    if (cleared) {
        struct span plain = buf_span(&work);
        if (!span_equal(plain, secured))
            note(p, "deciphered with the key for KIc:");
        struct place before = rebase(p, plain.p, secured.p);
        explain_response_secured(p, plain, check_len, true);
        restore(p, before);
    } else if (secured.n >= 7 + check_len && rhl >= RHL_MIN && secured.p[5] == 0 &&
               secured.p[6] <= SCP80_RESPONSE_BY_USSD) {
        /* No padding and a status that there is: in all likelihood not ciphered. */
        note(p, "as it stands, if it is not ciphered:");
        explain_response_secured(p, secured, check_len, true);
    } else if (secured.n > 0) {
        field(p, secured, "secured", clause_response, "CNTR, PCNTR, status, check, data: ciphered, or wrong");
    }
    if (sw.n == 2)
        field(p, sw, "SW1 SW2", "TS 102 221 10.2", "status word of the ENVELOPE: %s",
              sw_text((sw_t)(sw.p[0] << 8 | sw.p[1])));
    if (v == SCP80_GENUINE && x->has_cntr &&
        (memcmp(response.tar, x->tar, sizeof x->tar) != 0 ||
         memcmp(response.cntr, x->cntr, sizeof x->cntr) != 0))
        note(p, "TAR and CNTR are not those of the command before it: the answer to another one");
    response_verdict(p, v, &response, have ? NULL : missing);
    crypto_wipe(room, 3 + 2 * body.n);
    free(room);
    crypto_wipe(&keys, sizeof keys);
}

/* ---- short messages ---- */

static void explain_address(struct printer *p, struct reader *r, const char *name)
{
    struct reader look = *r;
    size_t digits = rd_u8(&look);
    struct span s = rd_take(r, 2 + (digits + 1) / 2);
    char number[2 + 2 * 255] = "";
    size_t n = 0;
    if (s.n >= 2) {
        if ((s.p[1] & 0x70) == 0x10)
            number[n++] = '+';
        for (size_t i = 0; i < digits && 2 + i / 2 < s.n; i++) {
            unsigned d = i % 2 == 0 ? s.p[2 + i / 2] & 0x0Fu : (unsigned)s.p[2 + i / 2] >> 4;
            number[n++] = "0123456789*#abc?"[d];
        }
        number[n] = '\0';
        field(p, s, name, "TS 23.040 9.1.2.5", "%zu digits, type %02X: %.60s%s", digits, s.p[1], number,
              digits > 20 ? " (more than 20 digits)" : "");
    }
}

static const char *dcs_text(uint8_t dcs)
{
    switch (dcs) {
    case 0xF6:
    case 0x16:
        return "8-bit data, class 2 (for the UICC)";
    case 0x04:
    case 0xF4:
    case 0xF5:
    case 0xF7:
        return "8-bit data, not class 2: a terminal may keep it";
    case 0x00:
    case 0xF0:
    case 0xF1:
    case 0xF2:
    case 0xF3:
        return "7-bit alphabet: no secured packet";
    default:
        return "data coding scheme";
    }
}

static void explain_pid_dcs(struct printer *p, struct reader *r)
{
    struct span s = rd_take(r, 1);
    if (s.n > 0)
        field(p, s, "TP-PID", "TS 23.040 9.2.3.9", "%s",
              s.p[0] == SMS_PID_USIM_DOWNLOAD
                  ? "(U)SIM data download"
                  : "not (U)SIM data download: a terminal does not hand it to the card");
    s = rd_take(r, 1);
    if (s.n > 0)
        field(p, s, "TP-DCS", "TS 23.038 4", "%s", dcs_text(s.p[0]));
}

static void explain_element(struct printer *p, struct span ie, uint8_t id, struct span value)
{
    switch (id) {
    case UDH_CONCAT_8:
        if (value.n == 3)
            field(p, ie, "IE 00", "TS 23.040 9.2.3.24.1", "concatenation: reference %u, part %u of %u",
                  value.p[0], value.p[2], value.p[1]);
        else
            field(p, ie, "IE 00", "TS 23.040 9.2.3.24.1", "concatenation of the wrong length");
        break;
    case UDH_CONCAT_16:
        if (value.n == 4)
            field(p, ie, "IE 08", "TS 23.040 9.2.3.24.8", "concatenation: reference %u, part %u of %u",
                  (unsigned)value.p[0] << 8 | value.p[1], value.p[3], value.p[2]);
        else
            field(p, ie, "IE 08", "TS 23.040 9.2.3.24.8", "concatenation of the wrong length");
        break;
    case UDH_COMMAND_PACKET:
        field(p, ie, "CPI 70", "TS 31.115 4", "a command packet follows%s",
              value.n == 0 ? "" : " (IEDL should be 00)");
        break;
    case UDH_RESPONSE_PACKET:
        field(p, ie, "RPI 71", "TS 31.115 5", "a response packet follows%s",
              value.n == 0 ? "" : " (IEDL should be 00)");
        break;
    default:
        field(p, ie, "IE", "TS 23.040 9.2.3.24", "identifier %02X, no concern of a card", id);
        break;
    }
}

static void explain_udh(struct printer *p, struct span user_data)
{
    struct reader r = rd_of(user_data);
    struct span s = rd_take(&r, 1);
    if (s.n == 0)
        return;
    field(p, s, "UDHL", "TS 23.040 9.2.3.24", "user data header of %u octets%s", s.p[0],
          s.p[0] > r.left ? " (more than there are)" : "");
    struct reader h = rd_of(rd_take(&r, s.p[0]));
    while (rd_ok(&h) && h.left > 0) {
        const struct reader start = h;
        uint8_t id = rd_u8(&h);
        struct span value = rd_take(&h, rd_u8(&h));
        struct span ie = span_of(start.p, rd_ok(&h) ? start.left - h.left : start.left);
        if (rd_ok(&h))
            explain_element(p, ie, id, value);
        else
            field(p, ie, "IE", "TS 23.040 9.2.3.24", "cut: an element longer than the header");
    }
}

/* What an input carries as a short message's user data: false when it is none. */
static bool message_in(enum ota_kind kind, struct span input, struct span *tpdu, bool *udh,
                       struct span *user_data);
static enum ota_kind kind_of(const struct ota_explain *e, struct span input);

/* Is input i a part of the message that `of` is a part of? */
static bool is_part(const struct explainer *x, size_t i, const struct sms_udh *of, struct sms_udh *out)
{
    struct span tpdu, user_data;
    bool udh;
    return message_in(kind_of(x->e, x->inputs[i]), x->inputs[i], &tpdu, &udh, &user_data) && udh &&
           sms_udh_parse(user_data, out) && out->concatenated && out->reference == of->reference &&
           out->reference16 == of->reference16 && out->total == of->total;
}

static void explain_whole(struct explainer *x, const struct sms_udh *first, struct span packet)
{
    if (first->command_packet) {
        explain_command(x, packet);
    } else if (first->response_packet) {
        explain_response(x, packet, SPAN_EMPTY);
    } else {
        field(&x->out, packet, "data", "TS 31.115 4",
              "neither command nor response packet: never reaches remote management");
        section_end(&x->out);
    }
}

/* One part of several: the packet is explained with the part that completes it. */
static void explain_part(struct explainer *x, const struct sms_udh *here)
{
    struct printer *p = &x->out;
    struct sms_udh parts[256], u;
    bool there[256] = {false};
    unsigned n = 0;
    bool more_to_come = false;
    if (here->part < 1 || here->part > here->total) {
        note(p, "part %u of %u is none: refused (TS 23.040 9.2.3.24.1)", here->part, here->total);
        return;
    }
    field(p, here->body, "part", "TS 23.040 9.2.3.24.1", "%zu octets of the packet", here->body.n);
    for (size_t i = 0; i < x->n_inputs; i++)
        if (is_part(x, i, here, &u)) {
            more_to_come = more_to_come || i > x->at;
            if (i <= x->at && u.part >= 1 && u.part <= u.total && !there[u.part]) {
                there[u.part] = true;
                parts[u.part] = u;
                n++;
            }
        }
    if (n < here->total) {
        if (!more_to_come)
            note(p, "%u of %u parts are here: give all of them to see the packet", n, here->total);
        return;
    }
    size_t size = 0;
    for (unsigned i = 1; i <= here->total; i++)
        size += parts[i].body.n;
    uint8_t *whole = malloc(size > 0 ? size : 1);
    if (whole == NULL) {
        note(p, "memory ran out");
        return;
    }
    struct buf b = buf_of(whole, size);
    for (unsigned i = 1; i <= here->total; i++)
        buf_put(&b, parts[i].body);
    section(p, "the packet of all parts (offsets in the packet)");
    struct place before = {p->base, p->offset};
    p->base = whole;
    p->offset = 0;
    explain_whole(x, &parts[1], buf_span(&b));
    restore(p, before);
    free(whole);
}

static void explain_user_data(struct explainer *x, bool udh, struct span user_data)
{
    struct printer *p = &x->out;
    struct sms_udh u;
    if (!udh) {
        field(p, user_data, "TP-UD", "TS 23.040 9.2.3.24", "no user data header: not for remote management");
        return;
    }
    explain_udh(p, user_data);
    if (!sms_udh_parse(user_data, &u)) {
        note(p, "the user data header does not fit: refused");
        return;
    }
    if (u.concatenated) {
        explain_part(x, &u);
        return;
    }
    if (u.command_packet)
        section(p, "command packet");
    else if (u.response_packet)
        section(p, "response packet");
    explain_whole(x, &u, u.body);
}

static void explain_user_data_of(struct explainer *x, struct reader *r, bool udh, bool parsed)
{
    struct printer *p = &x->out;
    struct span s = rd_take(r, 1);
    if (s.n > 0)
        field(p, s, "TP-UDL", "TS 23.040 9.2.3.16", "%u octets of user data%s", s.p[0],
              s.p[0] != r->left     ? " (wrong)"
              : s.p[0] > SMS_UD_MAX ? " (more than 140)"
                                    : "");
    struct span user_data = rd_rest(r);
    if (!rd_ok(r) || !parsed) {
        if (user_data.n > 0)
            field(p, user_data, "TP-UD", "TS 23.040 9.2.3.24", "user data");
        note(p, "not a well-formed short message with 8-bit data: nothing in it reaches remote management");
        return;
    }
    explain_user_data(x, udh, user_data);
}

static unsigned swapped(uint8_t octet)
{
    return (octet & 0x0Fu) * 10 + ((unsigned)octet >> 4);
}

static void explain_deliver(struct explainer *x, struct span tpdu)
{
    struct printer *p = &x->out;
    struct reader r = rd_of(tpdu);
    struct sms_deliver sms;
    bool parsed = sms_deliver_parse(tpdu, &sms);
    struct span s = rd_take(&r, 1);
    uint8_t first = s.n > 0 ? s.p[0] : 0;
    if (s.n > 0)
        field(p, s, "flags", "TS 23.040 9.2.2.1", "%s, %s, %s",
              (first & 3) == 0 ? "SMS-DELIVER" : "no SMS-DELIVER",
              (first & 0x40) != 0 ? "with user data header" : "no user data header",
              (first & 0x04) != 0 ? "no more messages wait" : "more messages wait");
    explain_address(p, &r, "TP-OA");
    explain_pid_dcs(p, &r);
    s = rd_take(&r, 7);
    if (s.n == 7)
        field(p, s, "TP-SCTS", "TS 23.040 9.2.3.11", "20%02u-%02u-%02u %02u:%02u:%02u, time zone octet %02X",
              swapped(s.p[0]), swapped(s.p[1]), swapped(s.p[2]), swapped(s.p[3]), swapped(s.p[4]),
              swapped(s.p[5]), s.p[6]);
    explain_user_data_of(x, &r, (first & 0x40) != 0, parsed);
}

static void explain_submit(struct explainer *x, struct span tpdu)
{
    struct printer *p = &x->out;
    struct reader r = rd_of(tpdu);
    struct sms_submit sms;
    bool parsed = sms_submit_parse(tpdu, &sms);
    struct span s = rd_take(&r, 1);
    uint8_t first = s.n > 0 ? s.p[0] : 0;
    if (s.n > 0)
        field(p, s, "flags", "TS 23.040 9.2.2.2", "%s, %s", (first & 3) == 1 ? "SMS-SUBMIT" : "no SMS-SUBMIT",
              (first & 0x40) != 0 ? "with user data header" : "no user data header");
    s = rd_take(&r, 1);
    if (s.n > 0)
        field(p, s, "TP-MR", "TS 23.040 9.2.3.6", "message reference %u", s.p[0]);
    explain_address(p, &r, "TP-DA");
    explain_pid_dcs(p, &r);
    if ((first & 0x18) != 0) {
        s = rd_take(&r, (first & 0x18) == 0x10 ? 1 : 7);
        if (s.n > 0)
            field(p, s, "TP-VP", "TS 23.040 9.2.3.12", "validity period");
    }
    explain_user_data_of(x, &r, (first & 0x40) != 0, parsed);
}

/* ---- ENVELOPE ---- */

/* The APDU around it, when there is one; then SMS-PP DOWNLOAD. */
static struct span envelope_in(struct span input)
{
    struct reader r = rd_of(input);
    uint8_t cla = rd_u8(&r), ins = rd_u8(&r);
    uint16_t p1p2 = rd_u16(&r);
    size_t lc = rd_u8(&r);
    if (!rd_ok(&r) || (cla & 0x80) == 0 || ins != 0xC2 || p1p2 != 0)
        return input;
    return span_slice(input, 5, lc);
}

static void explain_object(struct printer *p, uint32_t tag, struct span object, struct span value)
{
    switch (tag) {
    case 0x02:
        field(p, object, "devices", "TS 102 223 8.7", "device identities: %s",
              value.n == 2 && value.p[0] == 0x83 && value.p[1] == 0x81 ? "network to UICC"
                                                                       : "not network to UICC: refused");
        break;
    case 0x06:
        field(p, object, "address", "TS 102 223 8.1", "of the service centre");
        break;
    case 0x0B:
        field(p, span_slice(object, 0, object.n - value.n), "SMS TPDU", "TS 102 223 8.13",
              "%zu octets follow", value.n);
        break;
    default:
        field(p, object, "object", "TS 102 223 8", "tag %02X, not looked at", (unsigned)tag);
        break;
    }
}

static void explain_envelope(struct explainer *x, struct span input)
{
    struct printer *p = &x->out;
    struct span data = envelope_in(input);
    if (data.p != input.p) {
        field(p, span_slice(input, 0, 2), "CLA INS", "TS 102 221 11.2.2", "ENVELOPE");
        field(p, span_slice(input, 2, 2), "P1 P2", "TS 102 221 11.2.2", "parameters");
        field(p, span_slice(input, 4, 1), "Lc", "TS 102 221 11.2.2", "%u octets of data%s", input.p[4],
              (size_t)input.p[4] > data.n ? " (more than there are)" : "");
    }
    struct reader r = rd_of(data);
    struct tlv t;
    if (!tlv_next(&r, &t)) {
        field(p, data, "data", "TS 102 223 7", "no BER-TLV object: refused");
        return;
    }
    field(p, span_slice(data, 0, (size_t)(t.value.p - data.p)), "tag", "TS 101 220 7.2", "%s, %zu octets",
          t.tag == 0xD1 ? "SMS-PP download" : "not SMS-PP download", t.value.n);
    struct reader inner = rd_of(t.value);
    struct span tpdu = SPAN_EMPTY;
    while (inner.left > 0 && rd_ok(&inner)) {
        const struct reader start = inner;
        if (!ctlv_next(&inner, &t, NULL)) {
            field(p, span_of(start.p, start.left), "object", "TS 101 220 7.1.1",
                  "length does not fit: refused");
            break;
        }
        explain_object(p, t.tag, span_of(start.p, start.left - inner.left), t.value);
        if (t.tag == 0x0B && tpdu.n == 0)
            tpdu = t.value;
    }
    if (data.p != input.p) {
        struct span rest = span_slice(input, 5 + data.n, input.n);
        if (rest.n == 1)
            field(p, rest, "Le", "TS 102 221 11.2.2", "response data wanted");
    }
    struct envelope_sms_pp e;
    if (!envelope_sms_pp_parse(data, &e))
        note(p, "not a well-formed SMS-PP download: nothing in it reaches remote management");
    if (tpdu.n > 0) {
        section(p, "SMS-DELIVER");
        explain_deliver(x, tpdu);
    }
}

/* ---- what is it? ---- */

static bool check_len_there_is(size_t n)
{
    return n == 0 || n == 2 || n == 4 || n == 8;
}

/* CHL is 13 and a check, RHL 10 and a check: no number is both. */
static bool looks_command(struct span s)
{
    return s.n > 2 && s.p[2] >= CHL_MIN && check_len_there_is(s.p[2] - (size_t)CHL_MIN);
}

static bool looks_response(struct span s)
{
    return s.n > 2 && s.p[2] >= RHL_MIN && check_len_there_is(s.p[2] - (size_t)RHL_MIN);
}

static bool length_fits(struct span s, size_t trailing)
{
    return s.n >= 2 + trailing && ((size_t)s.p[0] << 8 | s.p[1]) + 2 + trailing == s.n;
}

static enum ota_kind kind_of(const struct ota_explain *e, struct span s)
{
    if (e->as != OTA_KIND_UNKNOWN)
        return e->as;
    struct envelope_sms_pp envelope;
    struct sms_deliver deliver;
    struct sms_submit submit;
    if (envelope_in(s).p != s.p || envelope_sms_pp_parse(s, &envelope))
        return OTA_KIND_ENVELOPE;
    if (span_starts(s, span_of("\x02\x71\x00", 3)))
        return OTA_KIND_RESPONSE;
    if (span_starts(s, span_of("\x02\x70\x00", 3)))
        return OTA_KIND_COMMAND;
    if (length_fits(s, 0) && looks_command(s))
        return OTA_KIND_COMMAND;
    if ((length_fits(s, 0) || length_fits(s, 2)) && looks_response(s))
        return OTA_KIND_RESPONSE;
    if (sms_deliver_parse(s, &deliver))
        return OTA_KIND_DELIVER;
    if (sms_submit_parse(s, &submit))
        return OTA_KIND_SUBMIT;
    /* Damaged, then. */
    if (s.n > 0 && s.p[0] == 0xD1)
        return OTA_KIND_ENVELOPE;
    if (s.n > 12 && (s.p[0] & ~0x64) == 0 && s.p[0] != 0 && s.p[1] <= 20 && (s.p[2] & 0x80) != 0)
        return OTA_KIND_DELIVER;
    if (looks_command(s))
        return OTA_KIND_COMMAND;
    if (looks_response(s))
        return OTA_KIND_RESPONSE;
    return OTA_KIND_UNKNOWN;
}

static bool message_in(enum ota_kind kind, struct span input, struct span *tpdu, bool *udh,
                       struct span *user_data)
{
    struct envelope_sms_pp envelope;
    struct sms_deliver deliver;
    struct sms_submit submit;
    *tpdu = input;
    if (kind == OTA_KIND_ENVELOPE) {
        if (!envelope_sms_pp_parse(envelope_in(input), &envelope))
            return false;
        *tpdu = envelope.tpdu;
        kind = OTA_KIND_DELIVER;
    }
    if (kind == OTA_KIND_DELIVER && sms_deliver_parse(*tpdu, &deliver)) {
        *udh = deliver.has_udh;
        *user_data = deliver.user_data;
        return true;
    }
    if (kind == OTA_KIND_SUBMIT && sms_submit_parse(*tpdu, &submit)) {
        *udh = submit.has_udh;
        *user_data = submit.user_data;
        return true;
    }
    return false;
}

static void explain_input(struct explainer *x, struct span s)
{
    struct printer *p = &x->out;
    p->base = s.p;
    p->offset = 0;
    switch (kind_of(x->e, s)) {
    case OTA_KIND_COMMAND:
        section(p, "command packet");
        if (span_starts(s, span_of("\x02\x70\x00", 3))) {
            explain_udh(p, span_slice(s, 0, 3));
            s = span_slice(s, 3, s.n);
        }
        explain_command(x, s);
        break;
    case OTA_KIND_RESPONSE: {
        section(p, "response packet");
        if (span_starts(s, span_of("\x02\x71\x00", 3))) {
            explain_udh(p, span_slice(s, 0, 3));
            s = span_slice(s, 3, s.n);
        }
        struct span sw = SPAN_EMPTY;
        if (length_fits(s, 2)) { /* as a card's answer ends */
            sw = span_slice(s, s.n - 2, 2);
            s = span_slice(s, 0, s.n - 2);
        }
        explain_response(x, s, sw);
        break;
    }
    case OTA_KIND_DELIVER:
        section(p, "SMS-DELIVER");
        explain_deliver(x, s);
        break;
    case OTA_KIND_SUBMIT:
        section(p, "SMS-SUBMIT");
        explain_submit(x, s);
        break;
    case OTA_KIND_ENVELOPE:
        section(p, "ENVELOPE");
        explain_envelope(x, s);
        break;
    case OTA_KIND_UNKNOWN:
    default:
        break;
    }
    section_end(p);
}

bool ota_explain(const struct ota_explain *e, const struct span *inputs, size_t n, size_t *which)
{
    for (*which = 0; *which < n; (*which)++)
        if (inputs[*which].n == 0 || kind_of(e, inputs[*which]) == OTA_KIND_UNKNOWN)
            return false;
    struct explainer x = {.out = {.to = e->to, .json = e->json}, .e = e, .inputs = inputs, .n_inputs = n};
    if (e->json)
        fputs("{\"sections\":[", e->to);
    for (x.at = 0; x.at < n; x.at++)
        explain_input(&x, inputs[x.at]);
    if (e->json)
        fputs("]}\n", e->to);
    return true;
}
