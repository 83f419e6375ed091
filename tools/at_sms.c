/* SPDX-License-Identifier: Apache-2.0
 *
 * Short messages, TS 27.005: settings, sending, what comes in. at_sms_memory.c has those that are stored.
 */
#include "at_sms.h"

#include <stdio.h>

#include "hex.h"
#include "sms.h"

enum {
    FIRST_SUBMIT = 0x01,
    FIRST_UDHI = 0x40,
    TEXT_LIMIT = 1024,      /* what may be typed: 160 characters in any set */
    FCS_UNSPECIFIED = 0xFF, /* TS 23.040 9.2.3.22 */
};

bool at_text_mode(const struct at *at)
{
    return at->set[SET_CMGF] != 0;
}

at_result at_sms_parameter(const struct at *at)
{
    return AT_CMS + (at_text_mode(at) ? CMS_TEXT_PARAMETER : CMS_PDU_PARAMETER);
}

/* ---- numbers, which are strings of the peer's character set ---- */

static bool is_number(const char *text)
{
    return text[strspn(text, "+0123456789*#")] == '\0';
}

bool at_sms_number(struct at *at, struct span text, uint32_t type, char to[AT_NUMBER_MAX])
{
    char utf8[AT_NUMBER_MAX];
    if (text.n >= 2 * sizeof utf8 * 2)
        return false;
    if (!at_charset_from(at->charset, text, utf8, sizeof utf8) || !is_number(utf8)) {
        if (text.n >= sizeof utf8)
            return false;
        memcpy(utf8, text.p, text.n); /* clients with UCS2 give numbers in plain digits, too */
        utf8[text.n] = '\0';
    }
    bool plus = utf8[0] == '+';
    snprintf(to, AT_NUMBER_MAX, "%s%.*s", !plus && type == 145 ? "+" : "", AT_NUMBER_MAX - 2, utf8);
    return is_number(to) && strspn(to, "+") <= 1 && to[0] != '\0' && strcmp(to, "+") != 0;
}

void at_sms_shown(const struct at *at, const char *utf8, char *to, size_t room)
{
    const size_t n = at_charset_to(at->charset, utf8, to, room);
    for (size_t i = 0; i < n; i++) {
        const uint8_t c = (uint8_t)to[i];
        if (c == 0x00) /* of the default alphabet alone */
            to[i] = (char)AT_GSM_COMMERCIAL_AT;
        else if (c == '"' || c == '\r' || c == '\n' || (c < 0x20 && at->charset != CHARSET_GSM))
            to[i] = '?';
    }
}

/* TS 23.040 9.1.2.5: bit 8 of a type is set, and letters are no number. */
bool at_sms_take_number(struct at_call *c, unsigned nth, char number[AT_NUMBER_MAX], uint8_t *type)
{
    const uint32_t given = at_number(c, nth + 1, 129);
    *type = at_given(c, nth + 1) ? (uint8_t)given : 0;
    return given >= 0x80 && given <= 0xFF && (given & 0x70) != 0x50 &&
           at_sms_number(c->at, at_text(c, nth), given, number);
}

static unsigned type_of(const char *number)
{
    return number[0] == '+' ? 145 : 129;
}

/* ---- settings ---- */

static at_result service(struct at_call *c)
{
    if (c->form == AT_READ) {
        at_say(c->at, "+CSMS: %u,1,1,0", (unsigned)c->at->set[SET_CSMS]);
        return AT_OK;
    }
    c->at->set[SET_CSMS] = at_number(c, 0, 0);
    at_say(c->at, "+CSMS: 1,1,0");
    return AT_OK;
}

static at_result centre(struct at_call *c)
{
    char number[AT_NUMBER_MAX] = "", shown[4 * AT_NUMBER_MAX];
    const uint32_t type = at_number(c, 1, 129);
    if (c->form == AT_READ) {
        if (!modem_sms_centre(c->modem, number))
            number[0] = '\0';
        at_sms_shown(c->at, number, shown, sizeof shown);
        at_say(c->at, "+CSCA: \"%s\",%u", shown, type_of(number));
        return AT_OK;
    }
    /* No other type would be kept. */
    if ((type != 129 && type != 145) || !at_sms_number(c->at, at_text(c, 0), type, number) ||
        strlen(number) > 21)
        return at_sms_parameter(c->at);
    return modem_sms_centre_set(c->modem, number) ? AT_OK : AT_CMS + CMS_SIM_FAILURE;
}

/* ---- sending ---- */

/* <pdu>: service centre and TPDU, in hexadecimal digits. */
bool at_sms_pdu(struct span text, uint32_t length, char centre_[AT_NUMBER_MAX], struct buf *tpdu)
{
    uint8_t bytes[16 + MODEM_TPDU_MAX];
    char digits[2 * sizeof bytes + 16];
    struct buf b = buf_of(bytes, sizeof bytes);
    if (text.n >= sizeof digits)
        return false;
    memcpy(digits, text.p, text.n);
    digits[text.n] = '\0';
    if (!hex_parse(digits, &b, NULL))
        return false;
    struct reader r = rd_of(buf_span(&b));
    bool ok = at_centre_take(&r, centre_) && r.left == length && length > 0;
    buf_put(tpdu, rd_rest(&r));
    return ok && buf_ok(tpdu);
}

/* User data as the coding scheme of +CSMP has it: text in septets, or octets given in hexadecimal digits. */
static bool user_data(struct at *at, struct span text, struct at_submit *s, struct buf *out)
{
    char utf8[TEXT_LIMIT + 1];
    uint8_t septets[2 * 160 + 2];
    struct buf b = buf_of(septets, sizeof septets);
    if (at_tpdu_is_text(s->first, s->dcs)) {
        if (!at_charset_from(at->charset, text, utf8, sizeof utf8) || !text_to_gsm(utf8, &b) || b.len > 160)
            return false;
        text_pack(buf_span(&b), 0, out);
        s->length = b.len;
    } else {
        if (text.n >= sizeof utf8)
            return false;
        memcpy(utf8, text.p, text.n);
        utf8[text.n] = '\0';
        if (!hex_parse(utf8, out, NULL))
            return false;
        s->length = text_dcs_is_7bit(s->dcs) ? out->len * 8 / 7 : out->len;
    }
    s->user_data = buf_span(out);
    return buf_ok(out);
}

/* The SMS-SUBMIT of a text to whom the prompt's command named, by +CSMP's settings. */
bool at_sms_submit_of(struct at *at, struct span text, struct buf *tpdu)
{
    uint8_t bytes[SMS_UD_MAX];
    struct buf data = buf_of(bytes, sizeof bytes);
    const uint8_t first = (uint8_t)((at->set[SET_CSMP_FO] & ~3u) | FIRST_SUBMIT),
                  validity = (uint8_t)at->set[SET_CSMP_VP];
    /* +CSMP has a number for <vp>: what announces seven octets cannot be sent. */
    struct at_submit s = {
        .first = first,
        .validity = sms_validity_octets(first) != 0 ? span_of(&validity, 1) : SPAN_EMPTY,
        .pid = (uint8_t)at->set[SET_CSMP_PID],
        .dcs = (uint8_t)at->set[SET_CSMP_DCS],
        .number = at->prompt.number,
        .type = at->prompt.type,
    };
    if (!user_data(at, text, &s, &data))
        return false;
    at_submit_build(&s, tpdu);
    return buf_ok(tpdu);
}

at_result at_sms_send(struct at *at, const char *name, const char *centre_, struct span tpdu)
{
    uint8_t reference = 0;
    unsigned err = modem_sms_submit(at->shared->modem, centre_[0] != '\0' ? centre_ : NULL, tpdu, &reference);
    if (err != 0)
        return AT_CMS + (int)err;
    at_say(at, "%s: %u", name, reference);
    return AT_OK;
}

static at_result send_text(struct at *at, struct span text)
{
    uint8_t bytes[MODEM_TPDU_MAX];
    struct buf tpdu = buf_of(bytes, sizeof bytes);
    char centre_[AT_NUMBER_MAX] = "";
    if (!at_text_mode(at)) {
        if (!at_sms_pdu(text, at->prompt.length, centre_, &tpdu))
            return AT_CMS + CMS_PDU_PARAMETER;
    } else if (!at_sms_submit_of(at, text, &tpdu)) {
        return AT_CMS + CMS_TEXT_PARAMETER;
    }
    return at_sms_send(at, at->prompt.name, centre_, buf_span(&tpdu));
}

/* Parameters of +CMGS and +CMGW: <length> in PDU mode, else <da>[,<toda>]. */
at_result at_sms_ask(struct at_call *c, at_result (*text)(struct at *at, struct span text))
{
    struct at_prompt *p = &c->at->prompt;
    *p = (struct at_prompt){.text = text, .limit = TEXT_LIMIT, .name = c->row->name};
    if (at_text_mode(c->at)) {
        if (at_given(c, 0) && !at_sms_take_number(c, 0, p->number, &p->type))
            return AT_CMS + CMS_TEXT_PARAMETER;
        return AT_PROMPT;
    }
    const char *digits = at_string(c, 0);
    p->length = 0;
    for (; *digits >= '0' && *digits <= '9' && p->length <= MODEM_TPDU_MAX; digits++)
        p->length = 10 * p->length + (uint32_t)(*digits - '0');
    if (*digits != '\0' || p->length == 0 || p->length > MODEM_TPDU_MAX)
        return AT_CMS + CMS_PDU_PARAMETER;
    return AT_PROMPT;
}

static at_result send(struct at_call *c)
{
    return at_sms_ask(c, send_text);
}

/* +CMGC: an SMS-COMMAND, in PDU mode; text mode has other parameters (3.5.5), and none of ours. */
static at_result command(struct at_call *c)
{
    return at_text_mode(c->at) ? AT_CMS + CMS_NOT_SUPPORTED : at_sms_ask(c, send_text);
}

/* ---- what comes in ---- */

/* A message to be shown goes to the first peer that wants such: +CNMI <mt> 2, or 3 and class 3
 * (TS 27.005 3.4.1). */
static bool wants_message(const struct at *at, const struct at_tpdu *t)
{
    if (!at_listens(at) || at->set[SET_CNMI_MODE] == 0)
        return false;
    if (t->type == AT_STATUS_REPORT)
        return at->set[SET_CNMI_DS] == 1;
    bool class_3 = (t->dcs & 0x80) == 0 ? (t->dcs & 0x13) == 0x13 : (t->dcs & 0xF3) == 0xF3;
    return at->set[SET_CNMI_MT] == 2 || (at->set[SET_CNMI_MT] == 3 && class_3);
}

static void show_pdu(struct at *at, const char *name, const char *centre_, struct span tpdu)
{
    uint8_t bytes[16 + MODEM_TPDU_MAX];
    struct buf pdu = buf_of(bytes, sizeof bytes);
    char before[48];
    at_centre_build(centre_, &pdu);
    buf_put(&pdu, tpdu);
    snprintf(before, sizeof before, "%s%zu\r\n", name, tpdu.n);
    at_tell_hex(at, before, buf_span(&pdu), "");
}

static void show_text(struct at *at, const char *centre_, const struct at_tpdu *t)
{
    char line[AT_SMS_LINE_MAX], number[4 * AT_NUMBER_MAX], stamp[AT_STAMP_MAX], discharge[AT_STAMP_MAX];
    at_sms_shown(at, t->address, number, sizeof number);
    at_stamp_text(t->stamp, stamp);
    if (t->type == AT_STATUS_REPORT) {
        at_stamp_text(t->discharge, discharge);
        at_tell(at, "+CDS: %u,%u,\"%s\",%u,\"%s\",\"%s\",%u", t->first, t->reference, number, t->address_type,
                stamp, discharge, t->status);
        return;
    }
    int n = snprintf(line, sizeof line, "+CMT: \"%s\",,\"%s\"", number, stamp);
    if (at->set[SET_CSDH] != 0) {
        char sca[4 * AT_NUMBER_MAX];
        at_sms_shown(at, centre_, sca, sizeof sca);
        n += snprintf(line + n, sizeof line - (size_t)n, ",%u,%u,%u,%u,\"%s\",%u,%zu", t->address_type,
                      t->first, t->pid, t->dcs, sca, type_of(centre_), t->length);
    }
    snprintf(line + n, sizeof line - (size_t)n, "\r\n");
    at_sms_data(at, at_tell_span, line, t);
}

/* A line before, and the user data: text, or hexadecimal digits. */
void at_sms_data(struct at *at,
                 void (*line)(struct at *at, const char *before, struct span octets, const char *after),
                 const char *before, const struct at_tpdu *t)
{
    char utf8[1024], shown[2 * SMS_UD_MAX + 1 > 1024 ? 2 * SMS_UD_MAX + 1 : 1024];
    size_t n;
    if (at_tpdu_is_text(t->first, t->dcs)) {
        at_tpdu_text(t, utf8, sizeof utf8);
        n = at_charset_to(at->charset, utf8, shown, sizeof shown);
    } else {
        hex_format(t->user_data, shown);
        for (n = 0; shown[n] != '\0'; n++)
            if (shown[n] >= 'a')
                shown[n] = (char)(shown[n] - 'a' + 'A');
    }
    line(at, before, span_of(shown, n), "");
}

bool at_on_sms_direct(void *ctx, const char *centre_, struct span tpdu)
{
    struct at_modem *a = ctx;
    struct at_tpdu t;
    if (!at_tpdu_parse(tpdu, &t))
        return false;
    for (size_t i = 0; i < AT_PEERS_MAX; i++) {
        struct at *at = a->peers[i];
        if (!wants_message(at, &t))
            continue;
        if (at_text_mode(at))
            show_text(at, centre_, &t);
        else
            show_pdu(at, t.type == AT_STATUS_REPORT ? "+CDS: " : "+CMT: ,", centre_, tpdu);
        a->asked = at->set[SET_CSMS] == 1 ? at : NULL;
        if (a->asked == NULL) /* being shown is enough */
            modem_sms_acknowledge(a->modem, 0);
        return true;
    }
    return false;
}

/* +CNMI <ds> 2, TS 27.005 3.4.1 */
bool at_on_sms_report_kept(void *ctx)
{
    const struct at_modem *a = ctx;
    bool kept = false;
    for (size_t i = 0; i < AT_PEERS_MAX; i++)
        kept = kept || (a->peers[i] != NULL && a->peers[i]->set[SET_CNMI_DS] == 2);
    return kept;
}

/* TS 27.005 3.4.4: who does not acknowledge what is routed to him gets no more of it; what comes is stored.
 */
void at_on_sms_given_up(void *ctx)
{
    struct at_modem *a = ctx;
    if (a->asked == NULL)
        return;
    a->asked->set[SET_CNMI_MT] = a->asked->set[SET_CNMI_DS] = 0;
    a->asked = NULL;
}

void at_on_sms_stored(void *ctx, enum modem_memory memory, unsigned index)
{
    struct at_modem *a = ctx;
    struct modem_sms sms;
    bool report = modem_sms_read(a->modem, memory, index, &sms) && sms.tpdu_len > 0 &&
                  (sms.tpdu[0] & 3) == AT_STATUS_REPORT;
    for (size_t i = 0; i < AT_PEERS_MAX; i++) {
        struct at *at = a->peers[i];
        if (at == NULL || at->set[SET_CNMI_MODE] == 0 || at->set[report ? SET_CNMI_DS : SET_CNMI_MT] == 0)
            continue;
        at_tell(at, "%s: \"%s\",%u", report ? "+CDSI" : "+CMTI", memory == MODEM_SM ? "SM" : "ME", index);
    }
    at_indicators_changed(a);
}

/* ---- +CNMA ---- */

static at_result acknowledge(struct at *at, uint8_t failure)
{
    struct at_modem *a = at->shared;
    if (a->asked != at)
        return AT_CMS + CMS_NO_CNMA;
    a->asked = NULL;
    return modem_sms_acknowledge(a->modem, failure) ? AT_OK : AT_CMS + CMS_NO_CNMA;
}

/* The acknowledgement's PDU: an SMS-DELIVER-REPORT (TS 23.040 9.2.2.1a); in the negative one TP-FCS comes
 * second. */
static at_result acknowledge_text(struct at *at, struct span text)
{
    uint8_t bytes[MODEM_TPDU_MAX];
    struct buf report = buf_of(bytes, sizeof bytes);
    char digits[2 * MODEM_TPDU_MAX + 1];
    if (text.n >= sizeof digits)
        return AT_CMS + CMS_PDU_PARAMETER;
    memcpy(digits, text.p, text.n);
    digits[text.n] = '\0';
    if (!hex_parse(digits, &report, NULL) || report.len != at->prompt.length)
        return AT_CMS + CMS_PDU_PARAMETER;
    struct reader r = rd_of(buf_span(&report));
    (void)rd_u8(&r);
    uint8_t failure = rd_u8(&r);
    if (at->prompt.positive)
        failure = 0;
    else if (failure < 0x80)
        failure = FCS_UNSPECIFIED;
    return acknowledge(at, failure);
}

static at_result new_message(struct at_call *c)
{
    uint32_t n = at_number(c, 0, 0);
    if (c->at->shared->asked != c->at)
        return AT_CMS + CMS_NO_CNMA;
    if (c->at->set[SET_CSMS] != 1)
        return AT_CMS + CMS_NOT_ALLOWED;
    if (at_given(c, 1) && at_number(c, 1, 0) > 0) {
        c->at->prompt =
            (struct at_prompt){.text = acknowledge_text, .limit = 2 * MODEM_TPDU_MAX, .positive = n != 2};
        c->at->prompt.length = at_number(c, 1, 0);
        return AT_PROMPT;
    }
    return acknowledge(c->at, n == 2 ? FCS_UNSPECIFIED : 0);
}

void at_sms_given_up(struct at *at)
{
    if (at->shared->asked == at)
        (void)acknowledge(at, FCS_UNSPECIFIED);
}

static const struct at_command rows[] = {
    {"+CSMS", "27.005 3.2.1", "(0,1)", service, AT_READ | AT_TEST | AT_SET, NEEDS_NOTHING, FAMILY_CMS, 0, 0},
    {"+CMGF", "27.005 3.2.3", "[(0,1)", NULL, AT_EXECUTE | AT_READ | AT_TEST | AT_SET, NEEDS_NOTHING,
     FAMILY_CMS, SET_CMGF, 1},
    {"+CSCA", "27.005 3.3.1", "s,[n", centre, AT_READ | AT_TEST | AT_SET, NEEDS_SIM, FAMILY_CMS, 0, 0},
    {"+CSMP", "27.005 3.3.2", "[|(0-255),(0-255),(0-255),(0-255)", NULL, AT_READ | AT_TEST | AT_SET,
     NEEDS_NOTHING, FAMILY_CMS, SET_CSMP_FO, 4},
    {"+CSDH", "27.005 3.3.3", "[(0,1)", NULL, AT_EXECUTE | AT_READ | AT_TEST | AT_SET, NEEDS_NOTHING,
     FAMILY_CMS, SET_CSDH, 1},
    {"+CNMI", "27.005 3.4.1", "[(0-3),(0-3),(0,2),(0-2),(0,1)", NULL, AT_EXECUTE | AT_READ | AT_TEST | AT_SET,
     NEEDS_NOTHING, FAMILY_CMS, SET_CNMI_MODE, 5},
    {"+CNMA", "27.005 3.4.4", "[(0-2)|n", new_message, AT_EXECUTE | AT_TEST | AT_SET, NEEDS_NOTHING,
     FAMILY_CMS, 0, 0},
    {"+CMGS", "27.005 3.5.1, 4.3", "s,[n", send, AT_TEST | AT_SET, NEEDS_SIM, FAMILY_CMS, 0, 0},
    {"+CMGC", "27.005 3.5.5, 4.6", "s,[s,s,s,s,s", command, AT_TEST | AT_SET, NEEDS_SIM, FAMILY_CMS, 0, 0},
    {"+CMMS", "27.005 3.5.6", "[(0-2)", NULL, AT_EXECUTE | AT_READ | AT_TEST | AT_SET, NEEDS_NOTHING,
     FAMILY_CMS, SET_CMMS, 1},
    {"+CGSMS", "27.007 10.1.21", "[(0-3)", NULL, AT_EXECUTE | AT_READ | AT_TEST | AT_SET, NEEDS_NOTHING,
     FAMILY_CMS, SET_CGSMS, 1},
};
const struct at_table at_table_sms = {rows, sizeof rows / sizeof rows[0]};
