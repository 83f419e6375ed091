/* SPDX-License-Identifier: Apache-2.0
 *
 * The card: PINs, identity, generic and restricted access, logical channels. TS 27.007 5.6, 7.4, 7.5, 8.
 */
#include <ctype.h>
#include <stdio.h>

#include "at_inner.h"
#include "crypto.h"

static at_result no_card(struct at_call *c)
{
    return at_sim_error(modem_sim_state(c->modem) == MODEM_SIM_READY ? MODEM_SIM_FAILURE
                                                                     : modem_sim_state(c->modem),
                        FAMILY_CME);
}

/* ---- PINs ---- */

/* What a command about a PIN came to. Blocked is told apart, so that the user looks for the PUK. */
static at_result pin_result(struct at_call *c, sw_t sw, enum modem_pin which)
{
    bool second = which == MODEM_PIN2 || which == MODEM_PUK2;
    if (sw == SW_OK)
        return AT_OK;
    if (sw == 0)
        return no_card(c);
    if ((sw & 0xFFF0) == 0x63C0 && (sw & 0xF) != 0)
        return AT_CME + CME_WRONG_PASSWORD;
    if ((sw & 0xFFF0) == 0x63C0 || sw == SW_BLOCKED || sw == SW_GSM_CHV_BLOCKED)
        return AT_CME + (which == MODEM_PUK1 || which == MODEM_PUK2 ? CME_SIM_FAILURE
                         : second                                   ? CME_SIM_PUK2
                                                                    : CME_SIM_PUK);
    if (sw == SW_SECURITY_STATUS || (sw & 0xFF00) == 0x9800)
        return AT_CME + CME_WRONG_PASSWORD;
    if (sw == SW_WRONG_DATA)
        return AT_CME + CME_PARAMETERS;
    return AT_CME + CME_NOT_ALLOWED; /* 6984: not enabled */
}

void at_pin2_given(struct at_modem *a)
{
    for (size_t i = 0; i < AT_PEERS_MAX; i++)
        if (a->peers[i] != NULL)
            a->peers[i]->pin2_wanted = a->peers[i]->pin2_refused = false;
}

at_result at_pin2_refused(struct at_call *c)
{
    return AT_CME + (modem_pin_tries(c->modem, MODEM_PIN2) == 0 ? CME_SIM_PUK2 : CME_SIM_PIN2);
}

/* A command about PIN2 or its PUK, or one that began with it. */
static at_result pin2_result(struct at_call *c, sw_t sw, enum modem_pin which)
{
    if (sw == SW_OK)
        at_pin2_given(c->at->shared);
    return pin_result(c, sw, which);
}

/* PIN1 was refused too often after the SIM was initialised. */
static bool pin1_used_up(struct at_call *c)
{
    return modem_pin_tries(c->modem, MODEM_PIN1) == 0;
}

/* TS 27.007 8.3: what is given with a second PIN is a PUK. Which one: the card has to want it. */
static at_result unblock_when_ready(struct at_call *c)
{
    const char *puk = at_string(c, 0), *new_pin = at_string(c, 1);
    if (pin1_used_up(c))
        return pin_result(c, modem_pin_unblock(c->modem, MODEM_PIN1, puk, new_pin), MODEM_PUK1);
    if (modem_pin_tries(c->modem, MODEM_PIN2) != 0)
        return modem_sim_state(c->modem) == MODEM_SIM_READY ? AT_CME + CME_NOT_ALLOWED : no_card(c);
    return pin2_result(c, modem_pin_unblock(c->modem, MODEM_PIN2, puk, new_pin), MODEM_PUK2);
}

static at_result enter_when_ready(struct at_call *c)
{
    if (at_given(c, 1))
        return unblock_when_ready(c);
    if (modem_pin_locked(c->modem) && pin1_used_up(c))
        return AT_CME + CME_SIM_PUK;
    if (!c->at->pin2_wanted)
        return AT_CME + CME_NOT_ALLOWED; /* TS 27.007 8.3: none is pending */
    return pin2_result(c, modem_pin_enter(c->modem, MODEM_PIN2, at_string(c, 0)), MODEM_PIN2);
}

static at_result enter_pin(struct at_call *c)
{
    switch (modem_sim_state(c->modem)) {
    case MODEM_SIM_PIN:
        if (at_given(c, 1)) /* nobody asked for a PUK */
            return AT_CME + CME_NOT_ALLOWED;
        return pin_result(c, modem_pin_enter(c->modem, MODEM_PIN1, at_string(c, 0)), MODEM_PIN1);
    case MODEM_SIM_PUK:
        if (!at_given(c, 1))
            return AT_CME + CME_SIM_PUK;
        return pin_result(c, modem_pin_unblock(c->modem, MODEM_PIN1, at_string(c, 0), at_string(c, 1)),
                          MODEM_PUK1);
    case MODEM_SIM_READY:
        return enter_when_ready(c);
    default:
        return no_card(c);
    }
}

/* What an initialised SIM wants none the less: a PIN1 that it is locked with may have been used up since, and
 * PIN2 is wanted by single commands. */
static at_result pin_when_ready(struct at_call *c)
{
    const char *code = "READY";
    if (modem_pin_locked(c->modem) && pin1_used_up(c))
        code = "SIM PUK";
    else if (c->at->pin2_refused)
        code = at_pin2_refused(c) == AT_CME + CME_SIM_PUK2 ? "SIM PUK2" : "SIM PIN2";
    if (modem_sim_state(c->modem) != MODEM_SIM_READY) /* it did not answer */
        return no_card(c);
    at_say(c->at, "+CPIN: %s", code);
    return AT_OK;
}

static at_result pin(struct at_call *c)
{
    if (c->form == AT_SET)
        return enter_pin(c);
    switch (modem_sim_state(c->modem)) {
    case MODEM_SIM_READY:
        return pin_when_ready(c);
    case MODEM_SIM_PIN:
        at_say(c->at, "+CPIN: SIM PIN");
        return AT_OK;
    case MODEM_SIM_PUK:
        at_say(c->at, "+CPIN: SIM PUK");
        return AT_OK;
    default:
        return no_card(c);
    }
}

/* TS 27.007 8.65. <sel_code> may end in a *. */
static at_result pin_retries(struct at_call *c)
{
    static const struct {
        const char *code;
        enum modem_pin which;
        unsigned usual;
    } rows[] = {{"SIM PIN", MODEM_PIN1, 3},
                {"SIM PUK", MODEM_PUK1, 10},
                {"SIM PIN2", MODEM_PIN2, 3},
                {"SIM PUK2", MODEM_PUK2, 10}};
    struct span wanted = at_text(c, 0);
    bool any = wanted.n == 0 || wanted.p[wanted.n - 1] == '*', found = false;
    if (wanted.n > 0 && any)
        wanted.n--;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct span code = span_of(rows[i].code, strlen(rows[i].code));
        if (any ? !span_starts(code, wanted) : !span_equal(code, wanted))
            continue;
        int tries = modem_pin_tries(c->modem, rows[i].which);
        if (tries >= 0)
            at_say(c->at, "+CPINR: %s,%d,%u", rows[i].code, tries, rows[i].usual);
        found = true;
    }
    return found ? AT_OK : AT_CME + CME_PARAMETERS;
}

/* EF.EST (TS 31.102 4.2.47), service 1: fixed dialling numbers. */
enum { EF_EST = 0x6F56, EST_FDN = 0x01 };

static at_result fixed_dialling(struct at_call *c, uint32_t mode)
{
    uint8_t services[16];
    struct buf b = buf_of(services, sizeof services);
    struct modem_crsm how = {.command = 0xB0, .fid = EF_EST, .p3 = 1};
    sw_t sw = 0;
    if (!modem_restricted(c->modem, &how, &b, &sw))
        return no_card(c);
    if (sw == SW_SECURITY_STATUS) /* PIN1 first */
        return no_card(c);
    if (sw != SW_OK || b.len == 0)
        return AT_CME + CME_NOT_SUPPORTED;
    if (mode == 2) {
        at_say(c->at, "+CLCK: %d", (services[0] & EST_FDN) != 0);
        return AT_OK;
    }
    at_result result = pin2_result(c, modem_pin_enter(c->modem, MODEM_PIN2, at_string(c, 2)), MODEM_PIN2);
    if (result != AT_OK)
        return result;
    services[0] = (uint8_t)(mode == 1 ? services[0] | EST_FDN : services[0] & ~EST_FDN);
    how = (struct modem_crsm){.command = 0xD6, .fid = EF_EST, .p3 = 1, .data = span_of(services, 1)};
    if (!modem_restricted(c->modem, &how, NULL, &sw))
        return no_card(c);
    return sw == SW_OK ? AT_OK : AT_CME + CME_NOT_ALLOWED;
}

static at_result facility_lock(struct at_call *c)
{
    uint32_t mode = at_number(c, 1, 2);
    if (mode != 2 && !at_given(c, 2))
        return AT_CME + CME_PARAMETERS;
    if (at_is(at_text(c, 0), "FD"))
        return fixed_dialling(c, mode);
    if (mode == 2) {
        at_say(c->at, "+CLCK: %d", modem_pin_locked(c->modem) ? 1 : 0);
        return AT_OK;
    }
    if (modem_pin_locked(c->modem) ==
        (mode == 1)) /* it is so already: the PIN is none the less to be right, but the card says no */
        return mode == 1 ? pin_result(c, modem_pin_enter(c->modem, MODEM_PIN1, at_string(c, 2)), MODEM_PIN1)
                         : AT_OK;
    return pin_result(c, modem_pin_lock(c->modem, mode == 1, at_string(c, 2)), MODEM_PIN1);
}

static at_result password(struct at_call *c)
{
    if (c->form == AT_TEST) {
        at_say(c->at, "+CPWD: (\"SC\",8),(\"P2\",8)");
        return AT_OK;
    }
    const enum modem_pin which = at_is(at_text(c, 0), "P2") ? MODEM_PIN2 : MODEM_PIN1;
    const sw_t sw = modem_pin_change(c->modem, which, at_string(c, 1), at_string(c, 2));
    return which == MODEM_PIN2 ? pin2_result(c, sw, which) : pin_result(c, sw, which);
}

/* ---- identity ---- */

static at_result imsi(struct at_call *c)
{
    if (modem_imsi(c->modem)[0] == '\0')
        return AT_CME + CME_SIM_FAILURE;
    at_say(c->at, "%s", modem_imsi(c->modem));
    return AT_OK;
}

/* No specification has it, and all modems do: the row's name says under which. */
static at_result iccid(struct at_call *c)
{
    if (modem_iccid(c->modem)[0] == '\0')
        return AT_CME + CME_SIM_FAILURE;
    at_say(c->at, "%s: %s", c->row->name, modem_iccid(c->modem));
    return AT_OK;
}

/* ---- access ---- */

/* "sw" of an answer behind its data, as +CSIM and +CGLA show it; the length counts hexadecimal digits. */
static at_result say_response(struct at_call *c, const char *name, struct buf *data, sw_t sw)
{
    char before[48];
    buf_u16(data, sw);
    if (!buf_ok(data))
        return AT_CME + CME_MEMORY_FAILURE;
    snprintf(before, sizeof before, "%s: %zu,\"", name, 2 * data->len);
    at_say_hex(c->at, before, buf_span(data), "\"");
    return AT_OK;
}

enum { RESPONSE_MAX = MODEM_DATA_MAX + 2 };

/* TS 27.007 8.17 */
static at_result generic_access(struct at_call *c)
{
    uint8_t bytes[RESPONSE_MAX];
    struct buf data = buf_of(bytes, sizeof bytes);
    sw_t sw = 0;
    struct span command = at_text(c, 1);
    if (at_number(c, 0, 0) != 2 * command.n || command.n < 4)
        return AT_CME + CME_PARAMETERS;
    at_result result =
        modem_apdu(c->modem, command, &data, &sw) ? say_response(c, "+CSIM", &data, sw) : no_card(c);
    crypto_wipe(bytes, data.len);
    return result;
}

/* sw1, sw2 and the answer, of +CRSM and +CRLA. */
static at_result say_restricted(struct at_call *c, const struct buf *data, sw_t sw)
{
    char before[48];
    snprintf(before, sizeof before, "%s: %u,%u,\"", c->row->name, (unsigned)(sw >> 8), (unsigned)(sw & 0xFF));
    if (data->len == 0)
        before[strlen(before) - 2] = '\0';
    at_say_hex(c->at, before, buf_span(data), data->len == 0 ? "" : "\"");
    return AT_OK;
}

/* The parameters behind <command>, as both have them: fileid, P1, P2, P3, data, pathid. */
static bool restricted_of(struct at_call *c, unsigned from, struct modem_crsm *how)
{
    *how = (struct modem_crsm){
        .command = (uint8_t)at_number(c, from, 0),
        .fid = (uint16_t)at_number(c, from + 1, 0),
        .p1 = (uint8_t)at_number(c, from + 2, 0),
        .p2 = (uint8_t)at_number(c, from + 3, 0),
        .p3 = (uint8_t)at_number(c, from + 4, 0),
        .data = at_text(c, from + 5),
        .path = at_text(c, from + 6),
    };
    return how->data.n <= 255 && how->path.n <= 8 && how->path.n % 2 == 0;
}

/* TS 27.007 8.18 */
static at_result restricted_access(struct at_call *c)
{
    uint8_t bytes[512];
    struct buf data = buf_of(bytes, sizeof bytes);
    struct modem_crsm how;
    sw_t sw = 0;
    if (!restricted_of(c, 0, &how))
        return AT_CME + CME_PARAMETERS;
    if (!modem_restricted(c->modem, &how, &data, &sw))
        return no_card(c);
    return say_restricted(c, &data, sw);
}

/* ---- logical channels, TS 27.007 8.43 to 8.48 ---- */

static at_result open_channel(struct at_call *c)
{
    unsigned channel = 0;
    uint8_t bytes[256];
    struct buf fcp = buf_of(bytes, sizeof bytes);
    sw_t sw = 0;
    if (at_text(c, 0).n > MODEM_AID_MAX)
        return AT_CME + CME_PARAMETERS;
    if (!modem_channel_open(c->modem, at_text(c, 0), &channel, &fcp, &sw))
        return no_card(c);
    if (sw != SW_OK)
        return AT_CME + (sw == SW_FILE_NOT_FOUND ? CME_NOT_FOUND : CME_MEMORY_FULL);
    at_say(c->at, "+CCHO: %u", channel);
    return AT_OK;
}

static at_result close_channel(struct at_call *c)
{
    sw_t sw = 0;
    if (!modem_channel_close(c->modem, at_number(c, 0, 0), &sw) || sw != SW_OK)
        return AT_CME + CME_INVALID_INDEX;
    return AT_OK;
}

static at_result channel_access(struct at_call *c)
{
    uint8_t bytes[RESPONSE_MAX];
    struct buf data = buf_of(bytes, sizeof bytes);
    sw_t sw = 0;
    struct span command = at_text(c, 2);
    if (at_number(c, 1, 0) != 2 * command.n || command.n < 4)
        return AT_CME + CME_PARAMETERS;
    at_result result = AT_CME + CME_INVALID_INDEX;
    if (modem_channel_apdu(c->modem, at_number(c, 0, 0), command, &data, &sw))
        result = say_response(c, "+CGLA", &data, sw);
    crypto_wipe(bytes, data.len); /* AUTHENTICATE's has CK and IK */
    return result;
}

/* A file below what the channel has selected, or by its path; sets *sw. */
static bool channel_select(struct at_call *c, unsigned channel, const struct modem_crsm *how, struct buf *fcp,
                           sw_t *sw)
{
    uint8_t bytes[5 + 12];
    struct buf apdu = buf_of(bytes, sizeof bytes);
    struct span path = how->path;
    if (span_starts(path, span_of("\x3F\x00", 2)))
        path = span_slice(path, 2, path.n);
    bool by_path = how->path.n > 0;
    const uint8_t header[] = {0x00, 0xA4, by_path ? 0x08 : 0x00, 0x04, (uint8_t)(path.n + 2)};
    buf_put(&apdu, span_of(header, sizeof header));
    buf_put(&apdu, path);
    buf_u16(&apdu, how->fid);
    return modem_channel_apdu(c->modem, channel, buf_span(&apdu), fcp, sw);
}

static bool channel_command(struct at_call *c, unsigned channel, const struct modem_crsm *how,
                            struct buf *data, sw_t *sw)
{
    uint8_t bytes[5 + 255];
    struct buf apdu = buf_of(bytes, sizeof bytes);
    /* TS 102 221 11.2, 11.3: STATUS, RETRIEVE DATA and SET DATA */
    const bool etsi = how->command == 0xF2 || how->command == 0xCB || how->command == 0xDB;
    const uint8_t header[] = {etsi ? 0x80 : 0x00, how->command, how->p1, how->p2,
                              how->data.n > 0 ? (uint8_t)how->data.n : how->p3};
    buf_put(&apdu, span_of(header, sizeof header));
    buf_put(&apdu, how->data);
    return modem_channel_apdu(c->modem, channel, buf_span(&apdu), data, sw);
}

/* TS 27.007 8.46: what +CRSM does, on a channel */
static at_result restricted_channel(struct at_call *c)
{
    uint8_t bytes[512], fcp_bytes[256];
    struct buf data = buf_of(bytes, sizeof bytes), fcp = buf_of(fcp_bytes, sizeof fcp_bytes);
    struct modem_crsm how;
    unsigned channel = at_number(c, 0, 0);
    sw_t sw = SW_OK;
    if (!restricted_of(c, 1, &how))
        return AT_CME + CME_PARAMETERS;
    if (how.command != 0xF2 && !channel_select(c, channel, &how, &fcp, &sw))
        return AT_CME + CME_INVALID_INDEX;
    if (sw == SW_OK && how.command == 0xC0)
        buf_put(&data, buf_span(&fcp));
    else if (sw == SW_OK && !channel_command(c, channel, &how, &data, &sw))
        return AT_CME + CME_INVALID_INDEX;
    return say_restricted(c, &data, sw);
}

/* TS 27.007 8.48: the records of EF.DIR; option 1: the application that is in use */
static at_result applications(struct at_call *c)
{
    struct modem_app app;
    if (at_number(c, 0, 0) == 0) {
        at_say_hex(c->at, "+CUAD: \"", modem_dir(c->modem), "\"");
        return AT_OK;
    }
    for (unsigned i = 0; modem_app(c->modem, i, &app); i++)
        if (app.aid_len >= 7 &&
            memcmp(app.aid, "\xA0\x00\x00\x00\x87\x10\x02", 7) == 0) { /* the USIM, TS 101 220 E */
            at_say_hex(c->at, "+CUAD: \"\",1,\"", span_of(app.aid, app.aid_len), "\"");
            return AT_OK;
        }
    at_say(c->at, "+CUAD: \"\",0");
    return AT_OK;
}

#define RESTRICTED "(176,178,192,203,214,219,220,242)[|n,(0-255),(0-255),(0-255),o,o"

static const struct at_command rows[] = {
    {"+CPIN", "27.007 8.3", "s,[s", pin, AT_READ | AT_TEST | AT_SET, NEEDS_NOTHING, FAMILY_CME, 0, 0},
    {"+CPINR", "27.007 8.65", "[s", pin_retries, AT_EXECUTE | AT_TEST | AT_SET, NEEDS_CARD, FAMILY_CME, 0, 0},
    {"+CLCK", "27.007 7.4", "(\"SC\",\"FD\")|(0-2),[s,n", facility_lock, AT_TEST | AT_SET, NEEDS_CARD,
     FAMILY_CME, 0, 0},
    {"+CPWD", "27.007 7.5", "(\"SC\",\"P2\"),s,s", password, AT_TEST | AT_SET | AT_OWN_TEST, NEEDS_CARD,
     FAMILY_CME, 0, 0},
    {"+CIMI", "27.007 5.6", "", imsi, AT_EXECUTE | AT_TEST, NEEDS_SIM, FAMILY_CME, 0, 0},
    {"+CCID", "no specification: ICCID", "", iccid, AT_EXECUTE | AT_READ | AT_TEST, NEEDS_CARD, FAMILY_CME, 0,
     0},
    {"+ICCID", "no specification: ICCID", "", iccid, AT_EXECUTE | AT_READ | AT_TEST, NEEDS_CARD, FAMILY_CME,
     0, 0},
    {"^ICCID", "no specification: ICCID", "", iccid, AT_EXECUTE | AT_READ | AT_TEST, NEEDS_CARD, FAMILY_CME,
     0, 0},
    {"%CCID", "no specification: ICCID", "", iccid, AT_EXECUTE | AT_READ | AT_TEST, NEEDS_CARD, FAMILY_CME, 0,
     0},
    {"+CSIM", "27.007 8.17", "n,o", generic_access, AT_TEST | AT_SET, NEEDS_CARD, FAMILY_CME, 0, 0},
    {"+CRSM", "27.007 8.18", "|" RESTRICTED, restricted_access, AT_TEST | AT_SET, NEEDS_CARD, FAMILY_CME, 0,
     0},
    {"+CCHO", "27.007 8.45", "o", open_channel, AT_TEST | AT_SET, NEEDS_CARD, FAMILY_CME, 0, 0},
    {"+CCHC", "27.007 8.46", "n", close_channel, AT_TEST | AT_SET, NEEDS_CARD, FAMILY_CME, 0, 0},
    {"+CGLA", "27.007 8.43", "n,n,o", channel_access, AT_TEST | AT_SET, NEEDS_CARD, FAMILY_CME, 0, 0},
    {"+CRLA", "27.007 8.44", "n|" RESTRICTED, restricted_channel, AT_TEST | AT_SET, NEEDS_CARD, FAMILY_CME, 0,
     0},
    {"+CUAD", "27.007 8.47", "[(0,1)|o", applications, AT_EXECUTE | AT_TEST | AT_SET, NEEDS_CARD, FAMILY_CME,
     0, 0},
};
const struct at_table at_table_card = {rows, sizeof rows / sizeof rows[0]};
