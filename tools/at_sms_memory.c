/* SPDX-License-Identifier: Apache-2.0
 *
 * Short messages in memory, TS 27.005 3.2.2, 3.4, 3.5: on the card (SM, EF.SMS) or in the modem (ME).
 */
#include <stdio.h>

#include "at_sms.h"
#include "hex.h"

/* First octet of EF.SMS's record, TS 31.102 4.2.25 */
enum { STATE_READ = 0x01, STATE_UNREAD = 0x03, STATE_SENT = 0x05, STATE_UNSENT = 0x07 };

/* <stat>, TS 27.005 3.1 */
enum { REC_UNREAD, REC_READ, STO_UNSENT, STO_SENT, ALL };
static const char *const stat_names[] = {"REC UNREAD", "REC READ", "STO UNSENT", "STO SENT", "ALL"};

static unsigned stat_of(uint8_t state)
{
    switch (state & 0x07) {
    case STATE_UNREAD:
        return REC_UNREAD;
    case STATE_READ:
        return REC_READ;
    case STATE_UNSENT:
        return STO_UNSENT;
    default:
        return STO_SENT;
    }
}

/* A number in PDU mode, a word in text mode. */
static bool stat_given(struct at_call *c, unsigned i, unsigned otherwise, unsigned *stat)
{
    *stat = otherwise;
    if (!at_given(c, i))
        return true;
    for (unsigned s = 0; s <= ALL; s++) {
        char number[2] = {(char)('0' + s), '\0'};
        if (at_is(at_text(c, i), at_text_mode(c->at) ? stat_names[s] : number)) {
            *stat = s;
            return true;
        }
    }
    return false;
}

/* ---- which memory ---- */

static const char *memory_name(enum modem_memory memory)
{
    return memory == MODEM_ME ? "ME" : "SM";
}

static at_result preferred(struct at_call *c)
{
    struct at_modem *a = c->at->shared;
    enum modem_memory *mem[3] = {&c->at->mem_read, &c->at->mem_write, &a->mem_receive};
    char line[128];
    size_t n = 0;
    for (unsigned i = 0; c->form == AT_SET && i < 3; i++)
        if (at_given(c, i))
            *mem[i] = at_is(at_text(c, i), "ME") ? MODEM_ME : MODEM_SM;
    if (c->form == AT_SET && at_given(c, 2))
        modem_sms_memory(c->modem, a->mem_receive);
    for (unsigned i = 0; i < 3; i++) {
        unsigned used = modem_sms_used(c->modem, *mem[i]), all = modem_sms_capacity(c->modem, *mem[i]);
        if (i > 0)
            line[n++] = ',';
        n += (size_t)(c->form == AT_READ ? snprintf(line + n, sizeof line - n, "\"%s\",%u,%u",
                                                    memory_name(*mem[i]), used, all)
                                         : snprintf(line + n, sizeof line - n, "%u,%u", used, all));
    }
    at_say(c->at, "+CPMS: %s", line);
    return AT_OK;
}

/* ---- reading ---- */

static void say_pdu(struct at *at, const char *before, const struct modem_sms *sms)
{
    uint8_t bytes[16 + MODEM_TPDU_MAX];
    struct buf pdu = buf_of(bytes, sizeof bytes);
    at_centre_build(sms->centre, &pdu);
    buf_put(&pdu, span_of(sms->tpdu, sms->tpdu_len));
    at_say_hex(at, before, buf_span(&pdu), "");
}

/* What +CMGR and +CMGL have in common: stat, who, (alpha,) when. */
static int head(struct at *at, const struct at_tpdu *t, unsigned stat, char *line, size_t room)
{
    char number[4 * AT_NUMBER_MAX], stamp[AT_STAMP_MAX], discharge[AT_STAMP_MAX];
    at_sms_shown(at, t->address, number, sizeof number);
    at_stamp_text(t->stamp, stamp);
    if (t->type == AT_STATUS_REPORT) {
        at_stamp_text(t->discharge, discharge);
        return snprintf(line, room, "\"%s\",%u,%u,\"%s\",%u,\"%s\",\"%s\",%u", stat_names[stat], t->first,
                        t->reference, number, t->address_type, stamp, discharge, t->status);
    }
    if (t->type == AT_SUBMIT)
        return snprintf(line, room, "\"%s\",\"%s\",", stat_names[stat], number);
    return snprintf(line, room, "\"%s\",\"%s\",,\"%s\"", stat_names[stat], number, stamp);
}

/* <vp>, TS 27.005 3.1: a number, a time, or (enhanced) hexadecimal digits; nothing when there is none */
static int validity_text(const struct at_tpdu *t, char *to, size_t room)
{
    enum { TP_VPF = 0x18, ABSOLUTE = 0x18 };
    char text[AT_STAMP_MAX] = "";
    if (t->validity.n == 1)
        return snprintf(to, room, ",%u", t->validity.p[0]);
    if (t->validity.n == 0)
        return snprintf(to, room, ",");
    if ((t->first & TP_VPF) == ABSOLUTE)
        at_stamp_text(t->validity, text);
    else
        hex_format(t->validity, text);
    return snprintf(to, room, ",\"%s\"", text);
}

static void say_text(struct at *at, const struct modem_sms *sms, const struct at_tpdu *t)
{
    char line[AT_SMS_LINE_MAX], sca[4 * AT_NUMBER_MAX];
    int n = snprintf(line, sizeof line, "+CMGR: ");
    n += head(at, t, stat_of(sms->state), line + n, sizeof line - (size_t)n);
    if (t->type == AT_STATUS_REPORT) {
        at_say(at, "%s", line);
        return;
    }
    if (at->set[SET_CSDH] != 0) {
        at_sms_shown(at, sms->centre, sca, sizeof sca);
        n += snprintf(line + n, sizeof line - (size_t)n, ",%u,%u,%u,%u", t->address_type, t->first, t->pid,
                      t->dcs);
        if (t->type == AT_SUBMIT)
            n += validity_text(t, line + n, sizeof line - (size_t)n);
        n += snprintf(line + n, sizeof line - (size_t)n, ",\"%s\",%u,%zu", sca,
                      sms->centre[0] == '+' ? 145 : 129, t->length);
    }
    snprintf(line + n, sizeof line - (size_t)n, "\r\n");
    at_sms_data(at, at_say_span, line, t);
}

static void mark_read(struct at *at, unsigned index, const struct modem_sms *sms)
{
    if (stat_of(sms->state) == REC_UNREAD) {
        modem_sms_mark(at->shared->modem, at->mem_read, index, STATE_READ);
        at_indicators_changed(at->shared);
    }
}

static at_result read_one(struct at_call *c)
{
    struct modem_sms sms;
    struct at_tpdu t;
    char before[48];
    unsigned index = at_number(c, 0, 0);
    if (!modem_sms_read(c->modem, c->at->mem_read, index, &sms))
        return AT_CMS + CMS_INVALID_INDEX;
    if (at_text_mode(c->at)) {
        if (!at_tpdu_parse(span_of(sms.tpdu, sms.tpdu_len), &t))
            return AT_CMS + CMS_MEMORY_FAILURE;
        say_text(c->at, &sms, &t);
    } else {
        snprintf(before, sizeof before, "+CMGR: %u,,%u\r\n", stat_of(sms.state), sms.tpdu_len);
        say_pdu(c->at, before, &sms);
    }
    mark_read(c->at, index, &sms);
    return AT_OK;
}

static void list_one(struct at *at, unsigned index, const struct modem_sms *sms)
{
    char line[AT_SMS_LINE_MAX];
    struct at_tpdu t;
    if (!at_text_mode(at)) {
        snprintf(line, sizeof line, "+CMGL: %u,%u,,%u\r\n", index, stat_of(sms->state), sms->tpdu_len);
        say_pdu(at, line, sms);
        return;
    }
    if (!at_tpdu_parse(span_of(sms->tpdu, sms->tpdu_len), &t))
        return;
    int n = snprintf(line, sizeof line, "+CMGL: %u,", index);
    n += head(at, &t, stat_of(sms->state), line + n, sizeof line - (size_t)n);
    if (t.type == AT_STATUS_REPORT) {
        at_say(at, "%s", line);
        return;
    }
    if (t.type == AT_SUBMIT)
        n += snprintf(line + n, sizeof line - (size_t)n, ",");
    if (at->set[SET_CSDH] != 0)
        n += snprintf(line + n, sizeof line - (size_t)n, ",%u,%zu", t.address_type, t.length);
    snprintf(line + n, sizeof line - (size_t)n, "\r\n");
    at_sms_data(at, at_say_span, line, &t);
}

static at_result list(struct at_call *c)
{
    if (c->form == AT_TEST) {
        at_say(c->at, at_text_mode(c->at)
                          ? "+CMGL: (\"REC UNREAD\",\"REC READ\",\"STO UNSENT\",\"STO SENT\",\"ALL\")"
                          : "+CMGL: (0-4)");
        return AT_OK;
    }
    unsigned wanted, n = modem_sms_capacity(c->modem, c->at->mem_read);
    if (!stat_given(c, 0, REC_UNREAD, &wanted))
        return at_sms_parameter(c->at);
    for (unsigned i = 1; i <= n; i++) {
        struct modem_sms sms;
        if (!modem_sms_read(c->modem, c->at->mem_read, i, &sms) ||
            (wanted != ALL && stat_of(sms.state) != wanted))
            continue;
        list_one(c->at, i, &sms);
        mark_read(c->at, i, &sms);
    }
    return AT_OK;
}

/* ---- deleting ---- */

static at_result remove_messages(struct at_call *c)
{
    /* <delflag>: which of them besides the one named; bits are stats */
    static const uint8_t flags[] = {0, 1 << REC_READ, 1 << REC_READ | 1 << STO_SENT,
                                    1 << REC_READ | 1 << STO_SENT | 1 << STO_UNSENT, 0xFF};
    unsigned n = modem_sms_capacity(c->modem, c->at->mem_read);
    uint8_t which = flags[at_number(c, 1, 0)];
    if (c->form == AT_TEST) {
        at_say(c->at, "+CMGD: (1-%u),(0-4)", n);
        return AT_OK;
    }
    if (which == 0) {
        unsigned index = at_number(c, 0, 0);
        if (index == 0 || index > n)
            return AT_CMS + CMS_INVALID_INDEX;
        modem_sms_delete(c->modem, c->at->mem_read, index); /* an empty place is no error */
    }
    for (unsigned i = 1; which != 0 && i <= n; i++) {
        struct modem_sms sms;
        if (modem_sms_read(c->modem, c->at->mem_read, i, &sms) && (which & 1u << stat_of(sms.state)) != 0)
            modem_sms_delete(c->modem, c->at->mem_read, i);
    }
    at_indicators_changed(c->at->shared);
    return AT_OK;
}

/* ---- writing, sending what was written ---- */

/* <stat> of +CMGW, and the state it is stored with. A message in text mode is one to be sent. */
static const uint8_t states[] = {STATE_UNREAD, STATE_READ, STATE_UNSENT, STATE_SENT};

static at_result write_text(struct at *at, struct span text)
{
    struct modem_sms sms = {.state = states[at->prompt.stat]};
    struct buf tpdu = buf_of(sms.tpdu, sizeof sms.tpdu);
    char centre[AT_NUMBER_MAX] = "";
    if (!at_text_mode(at)) {
        if (!at_sms_pdu(text, at->prompt.length, centre, &tpdu))
            return AT_CMS + CMS_PDU_PARAMETER;
    } else if (!at_sms_submit_of(at, text, &tpdu)) {
        return AT_CMS + CMS_TEXT_PARAMETER;
    }
    snprintf(sms.centre, sizeof sms.centre, "%.*s", (int)sizeof sms.centre - 1, centre);
    sms.tpdu_len = (uint8_t)tpdu.len;
    unsigned index = modem_sms_write(at->shared->modem, at->mem_write, &sms);
    if (index == 0)
        return AT_CMS + CMS_MEMORY_FULL;
    at_say(at, "+CMGW: %u", index);
    return AT_OK;
}

/* What PDU mode has for <stat> is <toda> in text mode: a number after all. */
static bool take_type(struct at_arg *a)
{
    uint32_t n = 0;
    for (size_t i = 0; i < a->text.n; i++) {
        if (a->text.p[i] < '0' || a->text.p[i] > '9' || n > 25)
            return false;
        n = 10 * n + (uint32_t)(a->text.p[i] - '0');
    }
    *a = (struct at_arg){.kind = ARG_NUMBER, .number = n};
    return n >= 128 && n <= 255;
}

static at_result write_one(struct at_call *c)
{
    const bool text = at_text_mode(c->at);
    unsigned stat;
    if (!stat_given(c, text ? 2 : 1, STO_UNSENT, &stat) || stat == ALL ||
        (text && at_given(c, 1) && !take_type(&c->arg[1])))
        return at_sms_parameter(c->at);
    at_result result = at_sms_ask(c, write_text);
    c->at->prompt.stat = (uint8_t)stat;
    return result;
}

/* A message may be stored before it is known to whom it goes (TS 27.005 3.5.3); sent it cannot be then. */
static bool to_nobody(const struct modem_sms *sms)
{
    struct at_tpdu t;
    return at_tpdu_parse(span_of(sms->tpdu, sms->tpdu_len), &t) && t.type == AT_SUBMIT &&
           t.address[0] == '\0';
}

/* The same SMS-SUBMIT to somebody else. */
static bool readdress(const struct modem_sms *sms, const char *number, uint8_t type, struct buf *out)
{
    struct at_tpdu t;
    if (!at_tpdu_parse(span_of(sms->tpdu, sms->tpdu_len), &t) || t.type != AT_SUBMIT)
        return false;
    const struct at_submit s = {.first = t.first,
                                .validity = t.validity,
                                .pid = t.pid,
                                .dcs = t.dcs,
                                .number = number,
                                .type = type,
                                .length = t.length,
                                .user_data = t.user_data};
    at_submit_build(&s, out);
    return buf_ok(out);
}

static at_result send_stored(struct at_call *c)
{
    struct modem_sms sms;
    uint8_t bytes[MODEM_TPDU_MAX];
    struct buf tpdu = buf_of(bytes, sizeof bytes);
    char number[AT_NUMBER_MAX];
    uint8_t type;
    unsigned index = at_number(c, 0, 0);
    if (!modem_sms_read(c->modem, c->at->mem_write, index, &sms))
        return AT_CMS + CMS_INVALID_INDEX;
    if (stat_of(sms.state) < STO_UNSENT)
        return AT_CMS + CMS_NOT_ALLOWED;
    if (at_given(c, 1)) {
        if (!at_sms_take_number(c, 1, number, &type) || !readdress(&sms, number, type, &tpdu))
            return at_sms_parameter(c->at);
    } else if (to_nobody(&sms)) {
        return at_sms_parameter(c->at);
    } else {
        buf_put(&tpdu, span_of(sms.tpdu, sms.tpdu_len));
    }
    at_result result = at_sms_send(c->at, "+CMSS", sms.centre, buf_span(&tpdu));
    if (result == AT_OK)
        modem_sms_mark(c->modem, c->at->mem_write, index, STATE_SENT);
    return result;
}

#define MEMORIES "(\"SM\",\"ME\")"

static const struct at_command rows[] = {
    {"+CPMS", "27.005 3.2.2", MEMORIES ",[" MEMORIES "," MEMORIES, preferred, AT_READ | AT_TEST | AT_SET,
     NEEDS_SIM, FAMILY_CMS, 0, 0},
    {"+CMGR", "27.005 3.4.3, 4.2", "n", read_one, AT_TEST | AT_SET, NEEDS_SIM, FAMILY_CMS, 0, 0},
    {"+CMGL", "27.005 3.4.2, 4.1", "[s", list, AT_EXECUTE | AT_TEST | AT_SET | AT_OWN_TEST, NEEDS_SIM,
     FAMILY_CMS, 0, 0},
    {"+CMGD", "27.005 3.5.4", "n,[(0-4)", remove_messages, AT_TEST | AT_SET | AT_OWN_TEST, NEEDS_SIM, FAMILY_CMS, 0,
     0},
    {"+CMGW", "27.005 3.5.3, 4.4", "[s,s,s", write_one, AT_EXECUTE | AT_TEST | AT_SET, NEEDS_SIM, FAMILY_CMS,
     0, 0},
    {"+CMSS", "27.005 3.5.2, 4.7", "n,[s,n", send_stored, AT_TEST | AT_SET, NEEDS_SIM, FAMILY_CMS, 0, 0},
};
const struct at_table at_table_sms_memory = {rows, sizeof rows / sizeof rows[0]};
