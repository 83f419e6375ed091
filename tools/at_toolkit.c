/* SPDX-License-Identifier: Apache-2.0
 *
 * The card application toolkit, TS 27.007 12: the peer plays the user. Proactive commands go to the first
 * peer that wants them; those that nobody takes the modem does by itself.
 */
#include <stdio.h>

#include "at_inner.h"
#include "cat.h"
#include "tlv.h"

enum { /* types of command, TS 102 223 9.4, and tags, 9.3 */
       SET_UP_MENU = 0x25,
       RUN_AT_COMMAND = 0x34,
       TAG_AT_COMMAND = 0x28,
       TAG_AT_RESPONSE = 0x29,
       AT_RESPONSE_MAX = 200, /* octets that a TERMINAL RESPONSE has room for besides */
};

static bool wants(const struct at *at)
{
    return at_listens(at) && at->set[SET_CUSATA] != 0;
}

/* Type of command in a proactive command's or a terminal response's objects; 0: none. */
static uint8_t command_type(struct span objects)
{
    struct span details;
    if (!ctlv_find(objects, CAT_TAG_COMMAND_DETAILS, 0, &details) || details.n != 3)
        return 0;
    return details.p[1];
}

/* RUN AT COMMAND, TS 102 223 6.4.23: the card is a peer of its own for as long as the line takes. What its
 * line answers goes back as it stands, cut when it is too long. */
static bool run_at_command(struct at_modem *a, struct span objects)
{
    uint8_t octets[AT_RESPONSE_MAX + 4];
    struct buf response = buf_of(octets, sizeof octets);
    struct span line;
    sw_t sw = 0;
    struct at *at = ctlv_find(objects, TAG_AT_COMMAND, 0, &line) ? at_open(a) : NULL;
    if (at == NULL)
        return false;
    at_defaults(at);
    at->set[SET_ECHO] = 0;
    (void)at_input(at, line);
    (void)at_input(at, span_of("\r", 1));
    buf_tlv(&response, CAT_COMPREHENSION | TAG_AT_RESPONSE, span_slice(at_output(at), 0, AT_RESPONSE_MAX));
    (void)modem_stk_answer(a->modem, 0x00, SPAN_EMPTY, buf_span(&response), &sw);
    at_close(at);
    return true;
}

bool at_on_stk(void *ctx, struct span proactive)
{
    struct at_modem *a = ctx;
    struct cat_proactive command;
    if (cat_proactive_parse(proactive, &command) && command.details.type == RUN_AT_COMMAND)
        return run_at_command(a, command.rest);
    for (size_t i = 0; i < AT_PEERS_MAX; i++) {
        struct at *at = a->peers[i];
        if (!wants(at))
            continue;
        at->menu_shown = false;
        at_tell_hex(at, "+CUSATP: \"", proactive, "\"");
        return true;
    }
    return false;
}

/* What the modem did by itself: told as a notification, for who wants to know (TS 27.007 12.3.1). */
void at_on_stk_done(void *ctx, struct span proactive, struct span response)
{
    struct at_modem *a = ctx;
    (void)response;
    if (a->answering) /* a peer did */
        return;
    for (size_t i = 0; i < AT_PEERS_MAX; i++)
        if (wants(a->peers[i]) && a->personality->handled != NULL)
            at_tell_hex(a->peers[i], a->personality->handled, proactive, "");
}

void at_on_stk_end(void *ctx)
{
    struct at_modem *a = ctx;
    for (size_t i = 0; i < AT_PEERS_MAX; i++)
        if (wants(a->peers[i]))
            at_tell(a->peers[i], "+CUSATEND");
}

void at_on_refresh(void *ctx, uint8_t mode, struct span files)
{
    struct at_modem *a = ctx;
    (void)mode;
    (void)files;
    at_indicators_changed(a);
}

/* The menu came when the card was initialised, maybe before this peer was there. */
void at_toolkit_menu(struct at *at)
{
    struct span menu = modem_stk_menu(at->shared->modem);
    if (menu.n == 0 || modem_stk_waiting(at->shared->modem).n > 0)
        return;
    at->menu_shown = true;
    at_tell_hex(at, "+CUSATP: \"", menu, "\"");
}

/* ---- profiles ---- */

/* <profile_storage>: 0 the peers', 1 the modem's own. */
static at_result read_profile(struct at_call *c)
{
    const struct at_modem *a = c->at->shared;
    const struct span profiles[] = {span_of(a->te_profile, a->te_profile_n),
                                    span_of(a->profile, a->profile_n)};
    for (unsigned i = 0; i < 2; i++)
        if (!at_given(c, 0) || at_number(c, 0, 0) == i) {
            char before[32];
            snprintf(before, sizeof before, "+CUSATR: %u,\"", i);
            at_say_hex(c->at, before, profiles[i], "\"");
        }
    return AT_OK;
}

static at_result write_profile(struct at_call *c)
{
    struct at_modem *a = c->at->shared;
    struct span profile = at_text(c, 1);
    if (profile.n > sizeof a->te_profile)
        return AT_CME + CME_PARAMETERS;
    if (profile.n > 0)
        memcpy(a->te_profile, profile.p, profile.n);
    a->te_profile_n = profile.n;
    return AT_OK;
}

/* <download>: which of them the next start-up sends: 0 the modem's own, 1 both put together: what either can
 * do. */
static at_result download(struct at_call *c)
{
    struct at_modem *a = c->at->shared;
    uint8_t both[sizeof a->profile] = {0};
    if (c->form == AT_READ) {
        at_say(c->at, "+CUSATD: %d,0", a->combined);
        return AT_OK;
    }
    a->combined = at_number(c, 0, 0) == 1;
    size_t n = a->combined && a->te_profile_n > a->profile_n ? a->te_profile_n : a->profile_n;
    for (size_t i = 0; i < n; i++)
        both[i] = (uint8_t)((i < a->profile_n ? a->profile[i] : 0) |
                            (a->combined && i < a->te_profile_n ? a->te_profile[i] : 0));
    modem_stk_profile(c->modem, span_of(both, n));
    return AT_OK;
}

static at_result activate(struct at_call *c)
{
    if (c->form == AT_READ) {
        at_say(c->at, "+CUSATA: %u", (unsigned)c->at->set[SET_CUSATA]);
        return AT_OK;
    }
    bool before = wants(c->at);
    c->at->set[SET_CUSATA] = at_number(c, 0, 1);
    if (!before && wants(c->at))
        at_toolkit_menu(c->at);
    return AT_OK;
}

/* ---- the card's commands and the user's answers ---- */

/* The one that waits for an answer, or the last menu. */
static at_result fetch(struct at_call *c)
{
    struct span waiting = modem_stk_waiting(c->modem);
    if (waiting.n == 0)
        waiting = modem_stk_menu(c->modem);
    if (waiting.n == 0)
        return AT_CME + CME_NOT_FOUND;
    at_say_hex(c->at, "+CUSATP: \"", waiting, "\"");
    return AT_OK;
}

static at_result terminal_response(struct at_call *c)
{
    sw_t sw = 0;
    struct span response = at_text(c, 0);
    if (c->at->menu_shown && command_type(response) == SET_UP_MENU && modem_stk_waiting(c->modem).n == 0) {
        c->at->menu_shown = false; /* the modem gave it when the menu came */
        return AT_OK;
    }
    c->at->shared->answering = true;
    bool wanted = modem_stk_response(c->modem, response, &sw);
    c->at->shared->answering = false;
    if (!wanted)
        return AT_CME + CME_NOT_ALLOWED;
    return sw == SW_OK || (sw & 0xFF00) == SW_PROACTIVE ? AT_OK : AT_CME + CME_SIM_WRONG;
}

static at_result envelope(struct at_call *c)
{
    uint8_t bytes[256];
    struct buf data = buf_of(bytes, sizeof bytes);
    sw_t sw = 0;
    if (!modem_stk_envelope(c->modem, at_text(c, 0), &data, &sw))
        return AT_CME + CME_SIM_FAILURE;
    if (sw == SW_TOOLKIT_BUSY)
        return AT_CME + CME_SIM_BUSY;
    if (sw != SW_OK && (sw & 0xFF00) != SW_PROACTIVE)
        return AT_CME + CME_SIM_WRONG;
    at_say_hex(c->at, "+CUSATE: \"", buf_span(&data), "\"");
    return AT_OK;
}

static const struct at_command rows[] = {
    {"+CUSATR", "27.007 12.2.2", "[(0,1)", read_profile, AT_EXECUTE | AT_TEST | AT_SET, NEEDS_NOTHING,
     FAMILY_CME, 0, 0},
    {"+CUSATW", "27.007 12.2.3", "(0)[|o", write_profile, AT_TEST | AT_SET, NEEDS_NOTHING, FAMILY_CME, 0, 0},
    {"+CUSATD", "27.007 12.2.4", "[(0,1),(0)", download, AT_EXECUTE | AT_READ | AT_TEST | AT_SET,
     NEEDS_NOTHING, FAMILY_CME, 0, 0},
    {"+CUSATA", "27.007 12.2.5", "[(0,1)", activate, AT_EXECUTE | AT_READ | AT_TEST | AT_SET, NEEDS_NOTHING,
     FAMILY_CME, 0, 0},
    {"+CUSATP", "the command under way, once more", "", fetch, AT_READ | AT_TEST, NEEDS_CARD, FAMILY_CME, 0,
     0},
    {"+CUSATT", "27.007 12.2.6", "o", terminal_response, AT_TEST | AT_SET, NEEDS_CARD, FAMILY_CME, 0, 0},
    {"+CUSATE", "27.007 12.2.7", "o", envelope, AT_TEST | AT_SET, NEEDS_CARD, FAMILY_CME, 0, 0},
};
const struct at_table at_table_toolkit = {rows, sizeof rows / sizeof rows[0]};
