/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls and supplementary services, as far as a modem without calls has them: TS 27.007 6, 7.
 */
#include <stdio.h>

#include "at_inner.h"
#include "decode_text.h"
#include "hex.h"

/* +CLIP, +COLP, +CLIR: what this side wants, and what the network provides: 2 says that nobody knows. */
static at_result line_identification(struct at_call *c)
{
    uint32_t *set = c->at->set + c->row->setting;
    if (c->form == AT_READ)
        at_say(c->at, "%s: %u,2", c->row->name, (unsigned)*set);
    else
        *set = at_number(c, 0, 0);
    return AT_OK;
}

/* Call waiting: mode 2 asks the network, which knows of no calls. */
static at_result call_waiting(struct at_call *c)
{
    if (c->form == AT_READ) {
        at_say(c->at, "+CCWA: %u", (unsigned)c->at->set[SET_CCWA]);
        return AT_OK;
    }
    c->at->set[SET_CCWA] = at_number(c, 0, c->at->set[SET_CCWA]);
    if (!at_given(c, 1))
        return AT_OK;
    if (at_number(c, 1, 0) != 2)
        return AT_CME + CME_NOT_ALLOWED;
    at_say(c->at, "+CCWA: 0,%u", (unsigned)at_number(c, 2, 7));
    return AT_OK;
}

/* ---- USSD, TS 27.007 7.15 ---- */

/* The alphabet of a cell broadcast data coding scheme (TS 23.038 5), which USSD uses. */
static enum { ALPHABET_DEFAULT, ALPHABET_8BIT, ALPHABET_UCS2 } alphabet_of(uint8_t dcs)
{
    if (dcs == 0x11) /* UCS2 behind a language indication */
        return ALPHABET_UCS2;
    if ((dcs & 0xC0) == 0x40 || (dcs & 0xF0) == 0x90) /* general data coding, with user data header */
        return (dcs & 0x0C) == 0x08 ? ALPHABET_UCS2 : (dcs & 0x0C) == 0x04 ? ALPHABET_8BIT : ALPHABET_DEFAULT;
    return (dcs & 0xF4) == 0xF4 ? ALPHABET_8BIT : ALPHABET_DEFAULT;
}

/* The text as the coding scheme has it: the default alphabet in septets, UCS2 or octets. */
static bool ussd_octets(struct at_call *c, uint8_t dcs, struct buf *out)
{
    char utf8[512];
    uint8_t septets[256];
    struct buf b = buf_of(septets, sizeof septets);
    if (alphabet_of(dcs) != ALPHABET_DEFAULT) /* hexadecimal digits, whatever the character set */
        return hex_parse(at_string(c, 1), out, NULL);
    if (!at_charset_from(c->at->charset, at_text(c, 1), utf8, sizeof utf8) || !text_to_gsm(utf8, &b))
        return false;
    text_pack(buf_span(&b), 0, out);
    /* TS 23.038 6.1.2.3.1: seven spare bits would read as @; a <CR> says so */
    if (b.len % 8 == 7 && buf_ok(out))
        out->p[out->len - 1] |= '\r' << 1;
    return buf_ok(out);
}

static at_result ussd(struct at_call *c)
{
    uint8_t octets[182];
    struct buf b = buf_of(octets, sizeof octets);
    if (c->form == AT_READ) {
        at_say(c->at, "+CUSD: %u", (unsigned)c->at->set[SET_CUSD]);
        return AT_OK;
    }
    uint32_t n = at_number(c, 0, c->at->set[SET_CUSD]);
    if (n == 2) {
        modem_ussd_cancel(c->modem);
        return AT_OK;
    }
    c->at->set[SET_CUSD] = n;
    if (!at_given(c, 1))
        return AT_OK;
    uint8_t dcs = (uint8_t)at_number(c, 2, 15);
    at_result ready = at_sim_error(modem_sim_state(c->modem), FAMILY_CME);
    if (ready != AT_OK)
        return ready;
    if (!ussd_octets(c, dcs, &b))
        return AT_CME + CME_INVALID_TEXT;
    return modem_ussd(c->modem, dcs, buf_span(&b)) ? AT_OK : AT_CME + CME_NO_NETWORK;
}

void at_on_ussd(void *ctx, bool more, uint8_t dcs, struct span text)
{
    struct at_modem *a = ctx;
    char utf8[512], shown[2048], before[16], after[16];
    snprintf(before, sizeof before, "+CUSD: %d,\"", more ? 1 : 0);
    snprintf(after, sizeof after, "\",%u", dcs);
    text_gsm_packed(text, text.n * 8 / 7, 0, utf8, sizeof utf8);
    size_t last = strlen(utf8);
    if (last > 0 && utf8[last - 1] == '\r') /* padding */
        utf8[last - 1] = '\0';
    for (size_t i = 0; i < AT_PEERS_MAX; i++) {
        struct at *at = a->peers[i];
        if (at == NULL || at->set[SET_CUSD] != 1)
            continue;
        if (alphabet_of(dcs) == ALPHABET_DEFAULT)
            at_tell_span(at, before, span_of(shown, at_charset_to(at->charset, utf8, shown, sizeof shown)),
                         after);
        else
            at_tell_hex(at, before, text, after);
    }
}

/* ---- hanging up what is not there ---- */

static const struct at_command rows[] = {
    {"+CHUP", "27.007 6.5", "", at_plain, AT_EXECUTE | AT_TEST, NEEDS_NOTHING, FAMILY_CME, 0, 0},
    {"+CLCC", "27.007 7.18", "", at_plain, AT_EXECUTE | AT_TEST, NEEDS_NOTHING, FAMILY_CME, 0, 0},
    {"+CRC", "27.007 6.11", "[(0,1)", NULL, AT_EXECUTE | AT_READ | AT_TEST | AT_SET, NEEDS_NOTHING,
     FAMILY_CME, SET_CRC, 1},
    {"+CVHU", "27.007 6.20", "(0-2)", NULL, AT_READ | AT_TEST | AT_SET, NEEDS_NOTHING, FAMILY_CME, SET_CVHU,
     1},
    {"+CLIP", "27.007 7.6", "[(0,1)", line_identification, AT_READ | AT_TEST | AT_SET, NEEDS_NOTHING,
     FAMILY_CME, SET_CLIP, 1},
    {"+CLIR", "27.007 7.7", "[(0-2)", line_identification, AT_READ | AT_TEST | AT_SET, NEEDS_NOTHING,
     FAMILY_CME, SET_CLIR, 1},
    {"+COLP", "27.007 7.8", "[(0,1)", line_identification, AT_READ | AT_TEST | AT_SET, NEEDS_NOTHING,
     FAMILY_CME, SET_COLP, 1},
    {"+CCWA", "27.007 7.12", "[(0,1)|(0-2),n", call_waiting, AT_READ | AT_TEST | AT_SET, NEEDS_NOTHING,
     FAMILY_CME, 0, 0},
    {"+CSSN", "27.007 7.17", "[(0,1),(0,1)", NULL, AT_READ | AT_TEST | AT_SET, NEEDS_NOTHING, FAMILY_CME,
     SET_CSSN_I, 2},
    {"+CUSD", "27.007 7.15", "[(0-2)|s,n", ussd, AT_READ | AT_TEST | AT_SET, NEEDS_POWER, FAMILY_CME, 0, 0},
};
const struct at_table at_table_calls = {rows, sizeof rows / sizeof rows[0]};
