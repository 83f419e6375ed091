/* SPDX-License-Identifier: Apache-2.0
 *
 * Identification, errors, power, clock, indicators: TS 27.007 5, 6, 8, 9 and V.250 6.
 */
#include <stdio.h>
#include <time.h>

#include "at_inner.h"
#include "loop.h"

/* ---- who it is ---- */

static at_result manufacturer(struct at_call *c)
{
    at_say(c->at, "%s", c->at->shared->personality->manufacturer);
    return AT_OK;
}

static at_result model(struct at_call *c)
{
    at_say(c->at, "%s", c->at->shared->personality->model);
    return AT_OK;
}

static at_result revision(struct at_call *c)
{
    at_say(c->at, "%s", c->at->shared->personality->revision);
    return AT_OK;
}

static at_result capabilities(struct at_call *c)
{
    at_say(c->at, "+GCAP: %s", c->at->shared->personality->capabilities);
    return AT_OK;
}

/* Without a parameter the number alone, TS 27.007 5.4: <snt> 1 IMEI, 2 IMEISV, 3 software version. */
static at_result serial_number(struct at_call *c)
{
    switch (at_number(c, 0, 0)) {
    case 1:
        at_say(c->at, "+CGSN: \"%s\"", modem_imei(c->modem));
        break;
    case 2:
        at_say(c->at, "+CGSN: \"%s\"", modem_imeisv(c->modem));
        break;
    case 3:
        at_say(c->at, "+CGSN: \"%s\"", modem_imeisv(c->modem) + 14);
        break;
    default:
        at_say(c->at, "%s", modem_imei(c->modem));
        break;
    }
    return AT_OK;
}

static at_result all_commands(struct at_call *c)
{
    static const char basic[][3] = {"A", "D", "E", "H", "I", "L", "M",  "O",  "P",
                                    "Q", "S", "T", "V", "X", "Z", "&C", "&D", "&F"};
    const struct at_command *row;
    for (size_t i = 0; i < sizeof basic / sizeof basic[0]; i++)
        at_say(c->at, "AT%s", basic[i]);
    for (size_t i = 0; (row = at_command_nth(c->at, i)) != NULL; i++)
        if (at_command_has(c->at, row))
            at_say(c->at, "AT%s", row->name);
    return AT_OK;
}

/* ---- how it talks ---- */

static at_result character_set(struct at_call *c)
{
    if (c->form == AT_READ) {
        at_say(c->at, "+CSCS: \"%s\"", at_charset_name(c->at->charset));
        return AT_OK;
    }
    return at_charset_by_name(at_text(c, 0), &c->at->charset) ? AT_OK : AT_CME + CME_PARAMETERS;
}

/* ---- power ---- */

static at_result functionality(struct at_call *c)
{
    if (c->form == AT_READ) {
        at_say(c->at, "+CFUN: %d", (int)modem_function_get(c->modem));
        return AT_OK;
    }
    enum modem_function wanted = (enum modem_function)at_number(c, 0, MODEM_FULL);
    if (at_number(c, 1, 0) == 1)
        modem_function_set(c->modem, MODEM_OFF);
    bool toolkit =
        wanted == MODEM_FULL && c->at->shared->personality->toolkit_at_cfun && c->at->set[SET_CUSATA] == 0;
    if (toolkit)
        c->at->set[SET_CUSATA] = 1;
    modem_function_set(c->modem, wanted);
    if (toolkit)
        at_toolkit_menu(c->at);
    return AT_OK;
}

/* There are no calls: ready, or (nothing works without power) unavailable. */
static at_result activity(struct at_call *c)
{
    at_say(c->at, "+CPAS: %d", modem_function_get(c->modem) == MODEM_OFF ? 1 : 0);
    return AT_OK;
}

/* ---- clock, TS 27.007 8.15 ---- */

static at_result set_clock(struct at_call *c)
{
    int year, month, day, hour, minute, second, zone, used = 0;
    char sign;
    const char *text = at_string(c, 0);
    if (sscanf(text, "%2d/%2d/%2d,%2d:%2d:%2d%c%2d%n", &year, &month, &day, &hour, &minute, &second, &sign,
               &zone, &used) != 8 ||
        text[used] != '\0' || (sign != '+' && sign != '-') || month < 1 || month > 12 || day < 1 ||
        day > 31 || year < 0 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
        second > 59 || zone < 0 || zone > 56)
        return AT_CME + CME_PARAMETERS;
    struct tm tm = {.tm_year = 100 + year,
                    .tm_mon = month - 1,
                    .tm_mday = day,
                    .tm_hour = hour,
                    .tm_min = minute,
                    .tm_sec = second};
    int quarters = sign == '-' ? -zone : zone;
    int64_t now = (int64_t)timegm(&tm) - 900 * quarters;
    if (tm.tm_mday != day) /* no such day in this month */
        return AT_CME + CME_PARAMETERS;
    c->at->shared->clock = now - (int64_t)(loop_now(modem_loop(c->modem)) / 1000);
    c->at->shared->zone = (int8_t)quarters;
    return AT_OK;
}

static at_result clock_(struct at_call *c)
{
    if (c->form == AT_SET)
        return set_clock(c);
    struct at_modem *a = c->at->shared;
    time_t local = (time_t)(a->clock + (int64_t)(loop_now(modem_loop(c->modem)) / 1000) + 900 * a->zone);
    struct tm tm;
    if (gmtime_r(&local, &tm) == NULL)
        return AT_CME + CME_UNKNOWN;
    char text[32];
    strftime(text, sizeof text, "%y/%m/%d,%H:%M:%S", &tm);
    at_say(c->at, "+CCLK: \"%s%c%02d\"", text, a->zone < 0 ? '-' : '+', a->zone < 0 ? -a->zone : a->zone);
    return AT_OK;
}

/* ---- indicators, TS 27.007 8.9 ---- */

static unsigned no_calls(struct modem *m)
{
    (void)m;
    return 0;
}

static unsigned battery(struct modem *m)
{
    (void)m;
    return 5; /* it hangs on the mains */
}

/* The radio is a model without distances: where there is service, it is full. */
static unsigned signal_level(struct modem *m)
{
    struct modem_operator op;
    return modem_operator(m, &op) ? 5 : 0;
}

static unsigned service(struct modem *m)
{
    return modem_registered(m);
}

static unsigned roaming(struct modem *m)
{
    return modem_registration(m) == MODEM_ROAMING;
}

static unsigned unread(struct modem *m)
{
    struct modem_sms sms;
    unsigned n = modem_sms_capacity(m, MODEM_SM);
    for (unsigned i = 1; i <= n; i++)
        if (modem_sms_read(m, MODEM_SM, i, &sms) && sms.state == 0x03)
            return 1;
    return 0;
}

static unsigned full(struct modem *m)
{
    unsigned n = modem_sms_capacity(m, MODEM_SM);
    return n > 0 && modem_sms_used(m, MODEM_SM) == n;
}

static const struct {
    const char *name, *range;
    unsigned (*value)(struct modem *m);
} indicators[] = {
    {"battchg", "0-5", battery}, {"signal", "0-5", signal_level}, {"service", "0,1", service},
    {"message", "0,1", unread},  {"call", "0,1", no_calls},       {"roam", "0,1", roaming},
    {"smsfull", "0,1", full},
};
_Static_assert(sizeof indicators / sizeof indicators[0] == AT_INDICATORS, "as many as a peer remembers");

static at_result indicator_control(struct at_call *c)
{
    char text[256];
    size_t n = 0;
    for (size_t i = 0; i < AT_INDICATORS; i++) {
        int more = c->form == AT_TEST ? snprintf(text + n, sizeof text - n, "%s(\"%s\",(%s))",
                                                 i == 0 ? "" : ",", indicators[i].name, indicators[i].range)
                                      : snprintf(text + n, sizeof text - n, "%s%u", i == 0 ? "" : ",",
                                                 indicators[i].value(c->modem));
        n += more > 0 ? (size_t)more : 0;
    }
    at_say(c->at, "+CIND: %s", text);
    return AT_OK;
}

/* +CIEV for what has changed since this peer last heard of it. */
void at_indicators_changed(struct at_modem *a)
{
    for (size_t p = 0; p < AT_PEERS_MAX; p++) {
        struct at *at = a->peers[p];
        if (at == NULL || at->set[SET_CMER_MODE] == 0 || at->set[SET_CMER_IND] == 0)
            continue;
        for (unsigned i = 0; i < AT_INDICATORS; i++) {
            unsigned value = indicators[i].value(a->modem);
            if (value != at->indicators[i])
                at_tell(at, "+CIEV: %u,%u", i + 1, value);
            at->indicators[i] = (uint8_t)value;
        }
    }
}

static at_result event_reporting(struct at_call *c)
{
    struct at *at = c->at;
    if (c->form == AT_READ) {
        at_say(at, "+CMER: %u,%u,%u,%u,%u", (unsigned)at->set[SET_CMER_MODE],
               (unsigned)at->set[SET_CMER_KEYP], (unsigned)at->set[SET_CMER_DISP],
               (unsigned)at->set[SET_CMER_IND], (unsigned)at->set[SET_CMER_BFR]);
        return AT_OK;
    }
    for (unsigned i = 0; i < 5; i++)
        at->set[SET_CMER_MODE + i] = at_number(c, i, at->set[SET_CMER_MODE + i]);
    for (unsigned i = 0; i < AT_INDICATORS; i++)
        at->indicators[i] = (uint8_t)indicators[i].value(c->modem);
    return AT_OK;
}

/* ---- why it went wrong ---- */

static at_result extended_error(struct at_call *c)
{
    const char *why = c->at->shared->call_end;
    at_say(c->at, "+CEER: %s", why != NULL ? why : "No report available");
    return AT_OK;
}

static at_result no_fax(struct at_call *c)
{
    at_say(c->at, "0");
    return AT_OK;
}

static const struct at_command rows[] = {
    {"+CGMI", "27.007 5.1", "", manufacturer, AT_EXECUTE | AT_TEST, NEEDS_NOTHING, FAMILY_CME, 0, 0},
    {"+CGMM", "27.007 5.2", "", model, AT_EXECUTE | AT_TEST, NEEDS_NOTHING, FAMILY_CME, 0, 0},
    {"+CGMR", "27.007 5.3", "", revision, AT_EXECUTE | AT_TEST, NEEDS_NOTHING, FAMILY_CME, 0, 0},
    {"+CGSN", "27.007 5.4", "(0-3)", serial_number, AT_EXECUTE | AT_SET | AT_TEST, NEEDS_NOTHING, FAMILY_CME,
     0, 0},
    {"+GMI", "V.250 6.1.4", "", manufacturer, AT_EXECUTE | AT_TEST, NEEDS_NOTHING, FAMILY_V250, 0, 0},
    {"+GMM", "V.250 6.1.5", "", model, AT_EXECUTE | AT_TEST, NEEDS_NOTHING, FAMILY_V250, 0, 0},
    {"+GMR", "V.250 6.1.6", "", revision, AT_EXECUTE | AT_TEST, NEEDS_NOTHING, FAMILY_V250, 0, 0},
    {"+GSN", "V.250 6.1.7", "", serial_number, AT_EXECUTE | AT_TEST, NEEDS_NOTHING, FAMILY_V250, 0, 0},
    {"+GCAP", "V.250 6.1.9", "", capabilities, AT_EXECUTE | AT_TEST, NEEDS_NOTHING, FAMILY_V250, 0, 0},
    {"+CLAC", "27.007 8.37", "", all_commands, AT_EXECUTE | AT_TEST, NEEDS_NOTHING, FAMILY_CME, 0, 0},
    {"+CMEE", "27.007 9.1", "(0-2)", NULL, AT_EXECUTE | AT_READ | AT_TEST | AT_SET, NEEDS_NOTHING, FAMILY_CME,
     SET_CMEE, 1},
    {"+CSCS", "27.007 5.5", "(\"IRA\",\"GSM\",\"UCS2\",\"HEX\",\"8859-1\",\"UTF-8\")", character_set,
     AT_READ | AT_TEST | AT_SET, NEEDS_NOTHING, FAMILY_CME, 0, 0},
    {"+IPR", "V.250 6.2.10", "(0,9600,19200,38400,57600,115200,230400,460800,921600)", NULL,
     AT_READ | AT_TEST | AT_SET, NEEDS_NOTHING, FAMILY_V250, SET_IPR, 1},
    {"+ICF", "V.250 6.2.11", "(3),[(0-3)", NULL, AT_READ | AT_TEST | AT_SET, NEEDS_NOTHING, FAMILY_V250,
     SET_ICF_FORMAT, 2},
    {"+IFC", "V.250 6.2.12", "(0-2),[(0-2)", NULL, AT_READ | AT_TEST | AT_SET, NEEDS_NOTHING, FAMILY_V250,
     SET_IFC_TE, 2},
    {"+FCLASS", "27.007 C.2.1", "(0)", no_fax, AT_READ | AT_TEST | AT_SET, NEEDS_NOTHING, FAMILY_V250, 0, 0},
    {"+CFUN", "27.007 8.2", "[(0,1,4),(0,1)", functionality, AT_READ | AT_TEST | AT_SET | AT_EXECUTE,
     NEEDS_NOTHING, FAMILY_CME, 0, 0},
    {"+CPAS", "27.007 8.1", "(0-2)", activity, AT_EXECUTE | AT_TEST, NEEDS_NOTHING, FAMILY_CME, 0, 0},
    {"+CCLK", "27.007 8.15", "s", clock_, AT_READ | AT_TEST | AT_SET, NEEDS_NOTHING, FAMILY_CME, 0, 0},
    {"+CTZU", "27.007 8.40", "(0,1)", NULL, AT_READ | AT_TEST | AT_SET, NEEDS_NOTHING, FAMILY_CME, SET_CTZU,
     1},
    {"+CTZR", "27.007 8.41", "(0-2)", NULL, AT_READ | AT_TEST | AT_SET, NEEDS_NOTHING, FAMILY_CME, SET_CTZR,
     1},
    {"+CMER", "27.007 8.10", "[(0-3),(0),(0),(0,1),(0,1)", event_reporting,
     AT_EXECUTE | AT_READ | AT_TEST | AT_SET, NEEDS_NOTHING, FAMILY_CME, 0, 0},
    {"+CIND", "27.007 8.9", "", indicator_control, AT_READ | AT_TEST | AT_OWN_TEST, NEEDS_NOTHING, FAMILY_CME,
     0, 0},
    {"+CEER", "27.007 6.10", "", extended_error, AT_EXECUTE | AT_TEST, NEEDS_NOTHING, FAMILY_CME, 0, 0},
};
const struct at_table at_table_general = {rows, sizeof rows / sizeof rows[0]};
