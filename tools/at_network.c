/* SPDX-License-Identifier: Apache-2.0
 *
 * Network: registration, operators, signal, preferred lists. TS 27.007 7, 8, 10.
 */
#include <stdio.h>

#include "at_sms.h"

/* ---- registration: +CREG, +CGREG, +CEREG, +C5GREG (TS 27.007 7.2, 10.1.20, 10.1.22, 10.1.47) ---- */

enum { ACT_E_UTRAN = 7, ACT_E_UTRAN_NB = 9, ACT_5GC = 10, ACT_MAX = 13 };

/* Which access technologies a command speaks of. +CREG and +CGREG speak of any, as modems do that register
 * for both domains at once (combined attach): clients that know no +CEREG go by them. */
static const struct domain {
    const char *name;
    uint8_t setting;
    uint8_t low, high;
} domains[] = {
    {"+CREG", SET_CREG, 0, 255},
    {"+CGREG", SET_CGREG, 0, 255},
    {"+CEREG", SET_CEREG, ACT_E_UTRAN, ACT_E_UTRAN_NB},
    {"+C5GREG", SET_C5GREG, ACT_5GC, ACT_MAX},
};
enum { N_DOMAINS = sizeof domains / sizeof domains[0] };

/* "1,"0001","00000001",7" for <n> of 2 and more, "1" below; with the reject cause for 3 and more. */
static void registration_text(const struct at_modem *a, const struct domain *d, uint32_t n, char *to,
                              size_t room)
{
    enum modem_registration stat = modem_registration(a->modem);
    struct modem_operator op = {0};
    bool served = modem_operator(a->modem, &op);
    if (served && (op.act < d->low || op.act > d->high)) {
        stat = MODEM_NOT_REGISTERED;
        served = false;
    } else if (!served && d->low >= ACT_5GC) { /* it does not look for such */
        stat = MODEM_NOT_REGISTERED;
    }
    int used = snprintf(to, room, "%d", (int)stat);
    if (n >= 2 && served)
        used += snprintf(to + used, room - (size_t)used, ",\"%04X\",\"%08X\",%u",
                         (unsigned)modem_location_area(a->modem), (unsigned)modem_cell(a->modem), op.act);
    if (n >= 3 && stat == MODEM_DENIED && modem_reject_cause(a->modem) != 0)
        snprintf(to + used, room - (size_t)used, ",,,,0,%u", modem_reject_cause(a->modem));
}

static const struct domain *domain_of(const char *name)
{
    for (size_t i = 0; i < N_DOMAINS; i++)
        if (strcmp(domains[i].name, name) == 0)
            return &domains[i];
    return &domains[0];
}

static at_result registration(struct at_call *c)
{
    const struct domain *d = domain_of(c->row->name);
    char text[64];
    uint32_t *n = c->at->set + d->setting;
    if (c->form != AT_READ) {
        *n = at_number(c, 0, 0);
        registration_text(c->at->shared, d, *n, c->at->registration[d - domains],
                          sizeof c->at->registration[0]);
        return AT_OK;
    }
    registration_text(c->at->shared, d, *n, text, sizeof text);
    at_say(c->at, "%s: %u,%s", d->name, (unsigned)*n, text);
    return AT_OK;
}

/* TS 27.007 7.3, <mode>: the modem knows it, whom others than peers may have told. */
static unsigned cops_mode(const struct modem *m, bool else_any)
{
    switch (modem_operator_selection(m)) {
    case MODEM_MANUAL:
        return else_any ? 4 : 1;
    case MODEM_DEREGISTERED:
        return 2;
    case MODEM_AUTOMATIC:
    default:
        return 0;
    }
}

/* TS 27.007 7.3, <mode> 4: when the operator named does not take us, the modem chooses. Not where the
 * subscription itself is refused: nobody takes that. */
static void choose_instead(struct at_modem *a, enum modem_registration state)
{
    enum { CAUSE_IMSI_UNKNOWN = 2, CAUSE_ILLEGAL_MS = 3 }; /* TS 24.008 10.5.3.6 */
    const unsigned cause = modem_reject_cause(a->modem);
    if (cops_mode(a->modem, a->cops_else_any) != 4 || state != MODEM_DENIED || cause == CAUSE_IMSI_UNKNOWN ||
        cause == CAUSE_ILLEGAL_MS)
        return;
    a->cops_else_any = false;
    modem_operator_select(a->modem, NULL);
}

void at_on_registration(void *ctx, enum modem_registration state)
{
    struct at_modem *a = ctx;
    for (size_t i = 0; i < AT_PEERS_MAX; i++) {
        struct at *at = a->peers[i];
        if (at == NULL)
            continue;
        for (size_t d = 0; d < N_DOMAINS; d++) {
            char text[64];
            uint32_t n = at->set[domains[d].setting];
            registration_text(a, &domains[d], n, text, sizeof text);
            if (n > 0 && strcmp(text, at->registration[d]) != 0)
                at_tell(at, "%s: %s", domains[d].name, text);
            snprintf(at->registration[d], sizeof at->registration[d], "%s", text);
        }
    }
    at_indicators_changed(a);
    choose_instead(a, state);
}

/* ---- operators: +COPS, TS 27.007 7.3 ---- */

enum { FORMAT_LONG, FORMAT_SHORT, FORMAT_NUMERIC };

/* The name as the peer wants it: short names have eight characters. */
static void operator_name(const struct at *at, const struct modem_operator *op, uint32_t format, char *to,
                          size_t room)
{
    char name[MODEM_TEXT_MAX];
    snprintf(name, sizeof name, "%s", op->name[0] != '\0' ? op->name : op->plmn);
    if (format == FORMAT_SHORT) {
        size_t n = strlen(name) < 8 ? strlen(name) : 8;
        while (n > 0 && ((uint8_t)name[n] & 0xC0) == 0x80) /* not within a character */
            n--;
        while (n > 0 && name[n - 1] == ' ')
            n--;
        name[n] = '\0';
    }
    if (format == FORMAT_NUMERIC)
        snprintf(to, room, "%s", op->plmn);
    else
        at_sms_shown(at, name, to, room);
}

static at_result operators_test(struct at_call *c)
{
    char line[1800];
    size_t n = 0;
    struct modem_operator op;
    for (unsigned i = 0; modem_operators(c->modem, i, &op); i++) {
        char full[4 * MODEM_TEXT_MAX + 1], brief[64];
        operator_name(c->at, &op, FORMAT_LONG, full, sizeof full);
        operator_name(c->at, &op, FORMAT_SHORT, brief, sizeof brief);
        if (n + sizeof full + sizeof brief + 32 > sizeof line)
            break;
        n += (size_t)snprintf(line + n, sizeof line - n, "(%d,\"%s\",\"%s\",\"%s\",%u),", (int)op.status,
                              full, brief, op.plmn, op.act);
    }
    snprintf(line + n, sizeof line - n, "%s,(0-4),(0-2)", n == 0 ? "," : "");
    at_say(c->at, "+COPS: %s", line);
    return AT_OK;
}

static at_result operators_read(struct at_call *c)
{
    struct modem_operator op;
    char name[4 * MODEM_TEXT_MAX + 1];
    const unsigned mode = cops_mode(c->modem, c->at->shared->cops_else_any);
    if (!modem_operator(c->modem, &op)) {
        at_say(c->at, "+COPS: %u", mode);
        return AT_OK;
    }
    uint32_t format = c->at->set[SET_COPS_FORMAT];
    operator_name(c->at, &op, format, name, sizeof name);
    at_say(c->at, "+COPS: %u,%u,\"%s\",%u", mode, (unsigned)format, name, op.act);
    return AT_OK;
}

/* The network that <oper> names, among those in the air. */
static bool find_operator(struct at_call *c, struct modem_operator *op)
{
    char utf8[MODEM_TEXT_MAX];
    uint32_t format = at_number(c, 1, c->at->set[SET_COPS_FORMAT]);
    if (format == FORMAT_NUMERIC || !at_charset_from(c->at->charset, at_text(c, 2), utf8, sizeof utf8))
        snprintf(utf8, sizeof utf8, "%.*s", (int)sizeof utf8 - 1, at_string(c, 2));
    for (unsigned i = 0; modem_operators(c->modem, i, op); i++) {
        const char *name = format == FORMAT_NUMERIC ? op->plmn : op->name;
        size_t n = format == FORMAT_SHORT && strlen(name) > 8 ? 8 : strlen(name);
        if (strlen(utf8) == n && strncmp(utf8, name, n) == 0 &&
            (!at_given(c, 3) || at_number(c, 3, 0) == op->act))
            return true;
    }
    return false;
}

at_result at_radio_error(struct modem *m)
{
    const at_result sim = at_sim_error(modem_sim_state(m), FAMILY_CME);
    return sim != AT_OK || modem_function_get(m) == MODEM_FULL ? sim : AT_CME + CME_NO_NETWORK;
}

static at_result operators_set(struct at_call *c)
{
    struct at_modem *a = c->at->shared;
    struct modem_operator op;
    uint32_t mode = at_number(c, 0, 0);
    const bool as_it_is =
        mode == 0 && modem_operator_selection(c->modem) == MODEM_AUTOMATIC && modem_registered(c->modem);
    if (at_given(c, 1))
        c->at->set[SET_COPS_FORMAT] = at_number(c, 1, 0);
    if (mode == 3 || as_it_is) /* only the format; or there is nothing to do */
        return AT_OK;
    const at_result refused = mode == 2 ? AT_OK : at_radio_error(c->modem);
    if (refused != AT_OK)
        return refused;
    if (mode == 1 || mode == 4) {
        if (!at_given(c, 2))
            return AT_CME + CME_PARAMETERS;
        bool found = find_operator(c, &op);
        if (!found && mode == 1)
            return AT_CME + CME_NO_NETWORK;
        if (!found)
            mode = 0;
        a->cops_else_any = mode == 4; /* before the answer, which may come at once */
        modem_operator_select(c->modem, found ? op.plmn : NULL);
    } else {
        modem_operator_select(c->modem, mode == 2 ? "" : NULL);
        a->cops_else_any = false;
    }
    return AT_OK;
}

static at_result operators(struct at_call *c)
{
    if (c->form == AT_TEST)
        return operators_test(c);
    return c->form == AT_READ ? operators_read(c) : operators_set(c);
}

/* ---- signal ---- */

/* The radio is a model without distances: all or nothing. TS 27.007 8.5: 31 is -51 dBm or greater, 99
 * unknown. */
static at_result signal_quality(struct at_call *c)
{
    struct modem_operator op;
    at_say(c->at, "+CSQ: %d,99", modem_operator(c->modem, &op) ? 31 : 99);
    return AT_OK;
}

/* TS 27.007 8.69: <rxlev>,<ber>,<rscp>,<ecno>,<rsrq>,<rsrp>: those of the technology in use at their best. */
static at_result extended_quality(struct at_call *c)
{
    struct modem_operator op;
    bool served = modem_operator(c->modem, &op);
    if (served && op.act >= ACT_E_UTRAN)
        at_say(c->at, "+CESQ: 99,99,255,255,34,97");
    else if (served && op.act >= 2)
        at_say(c->at, "+CESQ: 99,99,96,49,255,255");
    else
        at_say(c->at, "+CESQ: %d,99,255,255,255,255", served ? 63 : 99);
    return AT_OK;
}

/* Signalling is over when its answer is given: idle, and never an unsolicited result code. */
static at_result signalling(struct at_call *c)
{
    if (c->form == AT_READ)
        at_say(c->at, "+CSCON: 0,0");
    return AT_OK;
}

/* TS 27.007 5.9: 25 is GERAN, UTRAN and E-UTRAN. What is in the air decides. */
static at_result wireless_data_service(struct at_call *c)
{
    if (c->form == AT_READ)
        at_say(c->at, "+WS46: 25");
    return AT_OK;
}

/* ---- preferred operators: +CPOL, +CPLS (TS 27.007 7.19, 7.20) ---- */

static const uint16_t plmn_lists[] = {
    0x6F60, 0x6F61, 0x6F62}; /* EF.PLMNwAcT, EF.OPLMNwAcT, EF.HPLMNwAcT; TS 31.102 4.2.5, .53, .54 */

enum { ENTRY = 5 /* PLMN, access technologies */, PLMNS_MAX = 255 / ENTRY };

/* Access technology identifiers in an entry, in the order of +CPOL's <GSM_AcTn> and so on. */
static const uint16_t act_bits[] = {0x0080, 0x0040, 0x8000, 0x4000, 0x0800};

static at_result card_says(struct at_call *c, bool there, sw_t sw)
{
    if (!there)
        return at_sim_error(modem_sim_state(c->modem) == MODEM_SIM_READY ? MODEM_SIM_FAILURE
                                                                         : modem_sim_state(c->modem),
                            FAMILY_CME);
    if (sw == SW_OK)
        return AT_OK;
    if (sw == SW_SECURITY_STATUS || sw == SW_GSM_ACCESS) /* TS 31.102 4.2.53, 4.2.54: ADM, which is no PIN2 */
        return AT_CME + CME_NOT_ALLOWED;
    return AT_CME + (sw == SW_FILE_NOT_FOUND || sw == SW_GSM_NOT_FOUND ? CME_NOT_FOUND : CME_MEMORY_FAILURE);
}

static at_result read_list(struct at_call *c, struct buf *list)
{
    const struct modem_crsm how = {.command = 0xB0, .fid = plmn_lists[c->at->set[SET_CPLS]]};
    sw_t sw = 0;
    bool there = modem_restricted(c->modem, &how, list, &sw);
    return card_says(c, there, sw);
}

static at_result list_read(struct at_call *c)
{
    uint8_t bytes[256];
    struct buf list = buf_of(bytes, sizeof bytes);
    at_result result = read_list(c, &list);
    struct reader r = rd_of(buf_span(&list));
    for (unsigned i = 1; result == AT_OK && r.left >= ENTRY; i++) {
        char plmn[7];
        struct span entry = rd_take(&r, 3);
        uint16_t act = rd_u16(&r);
        if (!plmn_unpack(entry, plmn))
            continue;
        at_say(c->at, "+CPOL: %u,2,\"%s\",%d,%d,%d,%d,%d", i, plmn, (act & act_bits[0]) != 0,
               (act & act_bits[1]) != 0, (act & act_bits[2]) != 0, (act & act_bits[3]) != 0,
               (act & act_bits[4]) != 0);
    }
    return result;
}

static bool is_plmn(const char *digits)
{
    size_t n = strlen(digits);
    return (n == 5 || n == 6) && strspn(digits, "0123456789") == n;
}

/* Of the first place that has no network, from 1; 0: none. */
static uint32_t free_place(struct span list)
{
    struct reader r = rd_of(list);
    for (uint32_t i = 1; r.left >= ENTRY; i++)
        if (span_equal(span_slice(rd_take(&r, ENTRY), 0, 3), span_of("\xFF\xFF\xFF", 3)))
            return i;
    return 0;
}

static at_result list_write(struct at_call *c)
{
    uint8_t bytes[256], entry[ENTRY] = {0xFF, 0xFF, 0xFF, 0, 0};
    struct buf list = buf_of(bytes, sizeof bytes);
    at_result result = read_list(c, &list);
    if (result != AT_OK)
        return result;
    if (!at_given(c, 0) && !at_given(c, 2)) /* only the format of reading, and there is one */
        return at_number(c, 1, 0) == 2 ? AT_OK : AT_CME + CME_PARAMETERS;
    const uint32_t index = at_given(c, 0) ? at_number(c, 0, 0) : free_place(buf_span(&list));
    if (index == 0 && !at_given(c, 0))
        return AT_CME + CME_MEMORY_FULL;
    if (index == 0 || index > list.len / ENTRY)
        return AT_CME + CME_INVALID_INDEX;
    if (at_given(c, 2)) {
        uint16_t act = at_given(c, 3) ? 0 : 0xC880; /* without any said: all */
        for (unsigned i = 0; i < 5; i++)
            if (at_number(c, 3 + i, 0) != 0)
                act |= act_bits[i];
        if (at_number(c, 1, 2) != 2 || !is_plmn(at_string(c, 2)))
            return AT_CME + CME_PARAMETERS;
        plmn_pack(at_string(c, 2), entry);
        entry[3] = (uint8_t)(act >> 8);
        entry[4] = (uint8_t)act;
    }
    size_t offset = (index - 1) * ENTRY;
    const struct modem_crsm how = {.command = 0xD6,
                                   .fid = plmn_lists[c->at->set[SET_CPLS]],
                                   .p1 = (uint8_t)(offset >> 8),
                                   .p2 = (uint8_t)offset,
                                   .p3 = ENTRY,
                                   .data = span_of(entry, sizeof entry)};
    sw_t sw = 0;
    bool there = modem_restricted(c->modem, &how, NULL, &sw);
    return card_says(c, there, sw);
}

static at_result preferred(struct at_call *c)
{
    uint8_t bytes[256];
    struct buf list = buf_of(bytes, sizeof bytes);
    if (c->form == AT_READ)
        return list_read(c);
    if (c->form == AT_SET)
        return list_write(c);
    at_result result = read_list(c, &list);
    if (result == AT_OK)
        at_say(c->at, "+CPOL: (1-%zu),(2)", list.len / ENTRY);
    return result;
}

void at_on_sim(void *ctx, enum modem_sim state)
{
    struct at_modem *a = ctx;
    bool there = state != MODEM_SIM_ABSENT && state != MODEM_SIM_OFF;
    for (size_t i = 0; i < AT_PEERS_MAX; i++)
        if (a->peers[i] != NULL && a->personality->inserted != NULL && there != a->card_there)
            at_tell(a->peers[i], "%s%d", a->personality->inserted, there);
    if (!there)
        a->asked = NULL; /* what was shown is nobody's to acknowledge any more */
    a->card_there = there;
    at_pin2_given(a);
    at_indicators_changed(a);
}

static const struct at_command rows[] = {
    {"+CREG", "27.007 7.2", "[(0-3)", registration, AT_EXECUTE | AT_READ | AT_TEST | AT_SET, NEEDS_NOTHING,
     FAMILY_CME, 0, 0},
    {"+CGREG", "27.007 10.1.20", "[(0-3)", registration, AT_EXECUTE | AT_READ | AT_TEST | AT_SET,
     NEEDS_NOTHING, FAMILY_CME, 0, 0},
    {"+CEREG", "27.007 10.1.22", "[(0-3)", registration, AT_EXECUTE | AT_READ | AT_TEST | AT_SET,
     NEEDS_NOTHING, FAMILY_CME, 0, 0},
    {"+C5GREG", "27.007 10.1.47", "[(0-3)", registration, AT_EXECUTE | AT_READ | AT_TEST | AT_SET,
     NEEDS_NOTHING, FAMILY_CME, 0, 0},
    {"+COPS", "27.007 7.3", "[(0-4),(0-2),s,(0-13)", operators,
     AT_EXECUTE | AT_READ | AT_TEST | AT_SET | AT_OWN_TEST, NEEDS_POWER, FAMILY_CME, 0, 0},
    {"+CSQ", "27.007 8.5", "(0-31,99),(99)", signal_quality, AT_EXECUTE | AT_TEST, NEEDS_NOTHING, FAMILY_CME,
     0, 0},
    {"+CESQ", "27.007 8.69", "(0-63,99),(99),(0-96,255),(0-49,255),(0-34,255),(0-97,255)", extended_quality,
     AT_EXECUTE | AT_TEST, NEEDS_NOTHING, FAMILY_CME, 0, 0},
    {"+CSCON", "27.007 10.1.30", "[(0)", signalling, AT_EXECUTE | AT_READ | AT_TEST | AT_SET, NEEDS_NOTHING,
     FAMILY_CME, 0, 0},
    {"+CPLS", "27.007 7.20", "(0-2)", NULL, AT_READ | AT_TEST | AT_SET, NEEDS_NOTHING, FAMILY_CME, SET_CPLS,
     1},
    {"+CPOL", "27.007 7.19", "[n,(0-2),s,(0,1),(0,1),(0,1),(0,1),(0,1)", preferred,
     AT_READ | AT_TEST | AT_SET | AT_OWN_TEST, NEEDS_SIM, FAMILY_CME, 0, 0},
    {"+WS46", "27.007 5.9", "(25)", wireless_data_service, AT_READ | AT_TEST | AT_SET, NEEDS_NOTHING,
     FAMILY_CME, 0, 0},
};
const struct at_table at_table_network = {rows, sizeof rows / sizeof rows[0]};
