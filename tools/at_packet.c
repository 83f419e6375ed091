/* SPDX-License-Identifier: Apache-2.0
 *
 * Packet domain, TS 27.007 10. Contexts are defined and shown; the network in the air has no gateway to a
 * packet data network, so that none can be activated, and the modem says so instead of handing out an address
 * that nothing answers at.
 */
#include <stdio.h>

#include "at_inner.h"

enum { CME_UNSPECIFIED_GPRS = 148 };

/* Attached is who is registered: the network serves circuits and packets together, and who detaches leaves
 * both. */
static at_result attach(struct at_call *c)
{
    bool now = modem_registered(c->modem);
    if (c->form == AT_READ) {
        at_say(c->at, "+CGATT: %d", now);
        return AT_OK;
    }
    bool wanted = at_number(c, 0, 1) == 1;
    if (wanted == now)
        return AT_OK;
    const at_result refused = wanted ? at_radio_error(c->modem) : AT_OK;
    if (refused != AT_OK)
        return refused;
    modem_operator_select(c->modem, wanted ? NULL : "");
    c->at->shared->cops_else_any = false; /* +COPS? says what it came to */
    return AT_OK;
}

static at_result define(struct at_call *c)
{
    struct at_context *contexts = c->at->shared->contexts;
    static const char *const types[] = {"IP", "IPV6", "IPV4V6"};
    switch (c->form) {
    case AT_TEST:
        for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
            at_say(c->at, "+CGDCONT: (1-%d),\"%s\",,,(0),(0)", AT_CONTEXTS, types[i]);
        return AT_OK;
    case AT_READ:
        for (unsigned i = 0; i < AT_CONTEXTS; i++)
            if (contexts[i].defined)
                at_say(c->at, "+CGDCONT: %u,\"%s\",\"%s\",\"\",0,0", i + 1, contexts[i].type,
                       contexts[i].apn);
        return AT_OK;
    default:
        break;
    }
    struct at_context *x = &contexts[at_number(c, 0, 1) - 1];
    if (at_text(c, 2).n >= sizeof x->apn)
        return AT_CME + CME_PARAMETERS;
    *x = (struct at_context){0};
    if (c->n == 1) /* this one is no more */
        return AT_OK;
    snprintf(x->type, sizeof x->type, "%s", at_given(c, 1) ? at_string(c, 1) : "IP");
    snprintf(x->apn, sizeof x->apn, "%s", at_string(c, 2));
    for (char *a = x->apn; *a != '\0'; a++)
        if (*a == '"' || (unsigned char)*a < 0x20)
            *a = '?';
    x->defined = true;
    return AT_OK;
}

static at_result activate(struct at_call *c)
{
    struct at_context *contexts = c->at->shared->contexts;
    if (c->form == AT_READ) {
        for (unsigned i = 0; i < AT_CONTEXTS; i++)
            if (contexts[i].defined)
                at_say(c->at, "+CGACT: %u,0", i + 1);
        return AT_OK;
    }
    if (at_number(c, 0, 0) == 0)
        return AT_OK;
    for (unsigned i = 1; i < c->n; i++)
        if (at_number(c, i, 0) == 0 || at_number(c, i, 0) > AT_CONTEXTS ||
            !contexts[at_number(c, i, 1) - 1].defined)
            return AT_CME + CME_PARAMETERS;
    c->at->shared->call_end = "No gateway to a packet data network";
    return AT_CME + (modem_registered(c->modem) ? CME_UNSPECIFIED_GPRS : CME_NO_NETWORK);
}

static at_result address(struct at_call *c)
{
    const struct at_context *contexts = c->at->shared->contexts;
    const bool all = c->n == 0; /* without any <cid>: of those that are defined */
    for (unsigned i = 0; i < c->n; i++)
        if (at_number(c, i, 0) == 0 || at_number(c, i, 0) > AT_CONTEXTS)
            return AT_CME + CME_PARAMETERS;
    for (unsigned i = 0; i < (all ? AT_CONTEXTS : c->n); i++) {
        const unsigned cid = all ? i + 1 : at_number(c, i, 0);
        if (contexts[cid - 1].defined)
            at_say(c->at, "+CGPADDR: %u", cid);
    }
    return AT_OK;
}

static at_result address_test(struct at_call *c)
{
    if (c->form != AT_TEST)
        return address(c);
    const struct at_context *contexts = c->at->shared->contexts;
    char text[64] = "";
    size_t n = 0;
    for (unsigned i = 0; i < AT_CONTEXTS; i++)
        if (contexts[i].defined)
            n += (size_t)snprintf(text + n, sizeof text - n, n == 0 ? "%u" : ",%u", i + 1);
    at_say(c->at, "+CGPADDR: (%s)", text);
    return AT_OK;
}

static at_result mobile_class(struct at_call *c)
{
    if (c->form == AT_READ)
        at_say(c->at, "+CGCLASS: \"B\"");
    return AT_OK;
}

static const struct at_command rows[] = {
    {"+CGATT", "27.007 10.1.9", "(0,1)", attach, AT_READ | AT_TEST | AT_SET, NEEDS_POWER, FAMILY_CME, 0, 0},
    {"+CGDCONT", "27.007 10.1.1", "(1-8),[(\"IP\",\"IPV6\",\"IPV4V6\"),s,s,(0),(0),n*", define,
     AT_READ | AT_TEST | AT_SET | AT_OWN_TEST, NEEDS_NOTHING, FAMILY_CME, 0, 0},
    {"+CGACT", "27.007 10.1.10", "(0,1)[|n*", activate, AT_READ | AT_TEST | AT_SET, NEEDS_POWER, FAMILY_CME,
     0, 0},
    {"+CGPADDR", "27.007 10.1.14", "n*", address_test, AT_EXECUTE | AT_TEST | AT_SET | AT_OWN_TEST,
     NEEDS_POWER, FAMILY_CME, 0, 0},
    {"+CGEREP", "27.007 10.1.19", "[(0-2),(0,1)", NULL, AT_EXECUTE | AT_READ | AT_TEST | AT_SET,
     NEEDS_NOTHING, FAMILY_CME, SET_CGEREP_MODE, 2},
    {"+CGCLASS", "27.007 10.1.11", "(\"B\")", mobile_class, AT_READ | AT_TEST | AT_SET, NEEDS_NOTHING,
     FAMILY_CME, 0, 0},
};
const struct at_table at_table_packet = {rows, sizeof rows / sizeof rows[0]};
