/* SPDX-License-Identifier: Apache-2.0
 *
 * The terminal's part in a proactive session (ETSI TS 102 223 4, 6): 91xx, FETCH, execution, TERMINAL
 * RESPONSE. Which command is whose, and what goes into the answer.
 */
#include "crypto.h"
#include "decode_text.h"
#include "modem_inner.h"
#include "tlv.h"

enum {
    INS_TERMINAL_PROFILE = 0x10,
    INS_FETCH = 0x12,
    INS_TERMINAL_RESPONSE = 0x14,
    INS_ENVELOPE = 0xC2,
    TYPE_SET_UP_EVENT_LIST = 0x05, /* TS 102 223 9.4 */
    EVENT_LOCATION_STATUS = 0x03,
    RESULT_BY_CONTROL = 0x05, /* 8.12: performed, as the card's control wants it */
    RESULT_CONTROL_BUSY = 0x25,
    RESULT_TYPE_UNKNOWN = 0x31,
    RESULT_NOT_UNDERSTOOD = 0x32,
    RESULT_SMS_ERROR = 0x35,
    RESULT_USSD_ERROR = 0x37,
    RESULT_CONTROL = 0x39,      /* by the card, for good */
    CONTROL_NOT_ALLOWED = 0x01, /* TS 31.111 8.12.8 */
    CONTROL_OTHER_TYPE = 0x02,
    CMS_NO_SERVICE = 331, /* TS 27.005 3.2.5 */
    UNABLE_NO_SERVICE = 0x04,
    FETCHES_AT_ONCE = 256, /* of one session; then it goes on more slowly */
    FETCH_LATER_MS = 10,
};

/* What this terminal can do: TS 102 223 5.2, TS 31.111 5.2. An octet a line. */
static const uint8_t full_profile[] = {
    0xFB, /* profile download, SMS-PP download, menu selection, 9EXX, timer expiration, USSD strings in call
             control, call control */
    0x0F, /* command result, call control with cell identity, MO short message control */
    0xFF, /* DISPLAY TEXT, GET INKEY, GET INPUT, MORE TIME, PLAY TONE, POLL INTERVAL, POLLING OFF, REFRESH */
    0x6B, /* SELECT ITEM, SEND SHORT MESSAGE, SEND USSD, SET UP MENU, PROVIDE LOCAL INFORMATION (place, IMEI)
           */
    0x11, /* SET UP EVENT LIST, location status */
    0x1C, /* events data available, channel status, access technology change */
    0x00, 0x1F,       /* TIMER MANAGEMENT twice, date and time, GET INKEY yes/no, SET UP IDLE MODE TEXT */
    0xA9,             /* text of DISPLAY TEXT ... language, LANGUAGE NOTIFICATION, access technology */
    0x00, 0x00,       /* no soft keys */
    0x1F,             /* OPEN CHANNEL, CLOSE CHANNEL, RECEIVE DATA, SEND DATA, GET CHANNEL STATUS */
    0xE2,             /* by packet service, seven channels */
    0x00, 0x00, 0x00, /* display: whatever size */
    0x43,             /* TCP and UDP, client, remote; E-UTRAN */
    0xC0,             /* IMEISV, network search mode */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10, /* event network rejection */
};

/* One without display: what a meter or a tracker has. */
static const uint8_t machine_profile[] = {
    0xF3, 0x0F, 0xE8, 0x4A, 0x11, 0x1C, 0x00, 0x07, 0x80,
    0x00, 0x00, 0x1F, 0xE2, 0x00, 0x00, 0x00, 0x43, 0x40,
};

/* An old data modem: SMS-PP, REFRESH, SEND SHORT MESSAGE, and a few that cost nothing. */
static const uint8_t old_profile[] = {0x13, 0x00, 0xE8, 0x02};

static const struct {
    const char *name;
    struct span octets;
} presets[] = {
    {"full", {full_profile, sizeof full_profile}},
    {"machine", {machine_profile, sizeof machine_profile}},
    {"old", {old_profile, sizeof old_profile}},
    {"none", {NULL, 0}},
};

bool modem_stk_preset(const char *name, struct span *profile)
{
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++)
        if (strcmp(presets[i].name, name) == 0) {
            *profile = presets[i].octets;
            return true;
        }
    return false;
}

/* ---- the state machine ---- */

static void fetch(void *ctx);

void stk_pending(struct modem *m, uint8_t length)
{
    struct modem_stk *s = &m->stk;
    s->pending = true;
    s->pending_len = length;
    /* Not at once: the command that said so has not been dealt with yet. */
    if (!s->executing && !s->fetch.set) /* a card that is never done must not stop the clock */
        loop_start(m->loop, &s->fetch, s->fetched > FETCHES_AT_ONCE ? FETCH_LATER_MS : 0);
}

void stk_quiet(struct modem *m)
{
    struct modem_stk *s = &m->stk;
    s->pending = false;
    loop_stop(m->loop, &s->fetch);
    if (!s->session || s->executing)
        return;
    s->session = false;
    s->fetched = 0;
    for (unsigned i = 0; i < m->n_users; i++)
        if (m->users[i].stk_end != NULL)
            m->users[i].stk_end(m->users[i].ctx);
    envelope_go_on(m);
}

static void respond(struct modem *m, struct span data)
{
    struct modem_note n;
    sw_t sw;
    m->stk.executing = m->stk.with_user = false;
    loop_stop(m->loop, &m->stk.patience);
    note_begin(&n, m, "terminal response");
    note_hex(&n, "data", data);
    note_end(&n);
    for (unsigned i = 0; i < m->n_users; i++)
        if (m->users[i].stk_done != NULL)
            m->users[i].stk_done(m->users[i].ctx, span_of(m->stk.command.octets, m->stk.command.n), data);
    (void)card_send(m, 0x80, INS_TERMINAL_RESPONSE, 0, 0, data, CARD_NO_LE, NULL, &sw);
}

void stk_finish(struct modem *m, const struct modem_result *r)
{
    uint8_t octets[255];
    struct buf b = buf_of(octets, sizeof octets);
    if (!m->stk.executing)
        return;
    const struct cat_details *details = &m->stk.command.is.details;
    cat_response_build(&b, details, r->general, span_of(r->additional, r->n_additional),
                       span_of(r->objects, r->n_objects));
    if (!buf_ok(&b)) { /* longer than a TERMINAL RESPONSE can be */
        b = buf_of(octets, sizeof octets);
        cat_response_build(&b, details, CAT_RESULT_BEYOND_TERMINAL, SPAN_EMPTY, SPAN_EMPTY);
    }
    respond(m, buf_span(&b));
}

void stk_done(struct modem *m, uint8_t general)
{
    const struct modem_result r = {.general = general};
    stk_finish(m, &r);
}

void stk_done_with(struct modem *m, uint8_t general, uint8_t additional)
{
    const struct modem_result r = {.general = general, .additional = {additional}, .n_additional = 1};
    stk_finish(m, &r);
}

/* ---- commands that need nobody ---- */

static void more_time(struct modem *m)
{
    stk_done(m, CAT_RESULT_OK);
}

/* TS 102 223 8.8: unit (minutes, seconds, tenths of seconds) and how many. */
static void poll_interval(struct modem *m)
{
    struct span d;
    const uint32_t asked =
        ctlv_find(m->stk.command.is.rest, CAT_TAG_DURATION, 0, &d) ? cat_duration_seconds(d) : 0;
    if (asked == 0) {
        stk_done(m, RESULT_NOT_UNDERSTOOD);
        return;
    }
    struct modem_result r = {.general = CAT_RESULT_OK};
    struct buf b = buf_of(r.objects, sizeof r.objects);
    uint8_t granted[2];
    cat_duration(asked, granted);
    buf_tlv(&b, 0x84, span_of(granted, 2));
    r.n_objects = b.len;
    m->stk.poll_s = asked;
    m->stk.polling_off = false;
    init_restart_polling(m);
    stk_finish(m, &r);
}

static void polling_off(struct modem *m)
{
    m->stk.polling_off = true;
    init_restart_polling(m);
    stk_done(m, CAT_RESULT_OK);
}

static void set_up_event_list(struct modem *m)
{
    struct span list;
    if (!ctlv_find(m->stk.command.is.rest, CAT_TAG_EVENT_LIST, 0, &list)) {
        stk_done(m, CAT_RESULT_VALUES_MISSING);
        return;
    }
    /* 6.4.16: all of them or none; what the terminal can tell of stands in its profile. */
    for (size_t i = 0; i < list.n; i++)
        if (!cat_profile_has(modem_stk_profile_get(m), cat_event_facility(list.p[i]))) {
            stk_done(m, CAT_RESULT_BEYOND_TERMINAL);
            return;
        }
    const uint32_t before = m->stk.events;
    m->stk.events = 0;
    for (size_t i = 0; i < list.n; i++)
        if (list.p[i] < 32)
            m->stk.events |= 1u << list.p[i];
    stk_done(m, CAT_RESULT_OK);
    /* Who asks for it anew wants to know: the state that there is now is news. */
    if ((m->stk.events & ~before & 1u << EVENT_LOCATION_STATUS) == 0)
        return;
    m->reg.told = false;
    if (m->powered && m->reg.state != MODEM_SEARCHING)
        register_tell_card(m);
}

/* The card's control of calls and messages does not let its own command through (TS 31.111 7.3.1.1, 7.3.2.2):
 * one that is busy may when it comes again. true: that is the answer. */
static bool stopped(struct modem *m, enum modem_control said)
{
    if (modem_control_allows(said))
        return false;
    if (said == MODEM_CONTROL_BUSY)
        stk_done(m, RESULT_CONTROL_BUSY);
    else
        stk_done_with(m, RESULT_CONTROL, CONTROL_NOT_ALLOWED);
    return true;
}

static uint8_t performed(enum modem_control said)
{
    return said == MODEM_MODIFIED ? RESULT_BY_CONTROL : CAT_RESULT_OK;
}

/* TS 102 223 6.4.10, TS 31.111 6.4.10: address and SMS TPDU, which may be an SMS-SUBMIT to be packed. */
static void send_short_message(struct modem *m)
{
    struct span tpdu, address;
    char centre[22] = "";
    const struct span body = m->stk.command.is.rest;
    if (!ctlv_find(body, CAT_TAG_SMS_TPDU, 0, &tpdu) || tpdu.n < 2 || tpdu.n > MODEM_TPDU_MAX) {
        stk_done(m, CAT_RESULT_VALUES_MISSING);
        return;
    }
    uint8_t octets[MODEM_TPDU_MAX];
    struct buf packed = buf_of(octets, sizeof octets);
    if ((m->stk.command.is.details.qualifier & 1) != 0) { /* packing required */
        if (!sms_pack(tpdu, &packed)) {
            stk_done(m, RESULT_NOT_UNDERSTOOD);
            return;
        }
        tpdu = buf_span(&packed);
    }
    if (ctlv_find(body, CAT_TAG_ADDRESS, 0, &address))
        sms_address_text(address, centre);
    uint8_t reference = 0; /* TS 31.111 7.3.2.2: the card is asked about its own messages, too */
    enum modem_control said;
    const unsigned cause = sms_submit(m, centre[0] != '\0' ? centre : NULL, tpdu, &reference, &said);
    if (stopped(m, said))
        return;
    if (cause == 0)
        stk_done(m, performed(said));
    else if (cause == CMS_NO_SERVICE)
        stk_done_with(m, CAT_RESULT_TERMINAL_BUSY, UNABLE_NO_SERVICE);
    else
        stk_done_with(m, RESULT_SMS_ERROR, (uint8_t)(cause < 256 ? cause : 0));
}

/* TS 31.111 6.4.12: the network's answer goes into the response. */
static void send_ussd(struct modem *m)
{
    struct span ussd;
    char text[184];
    uint8_t octets[255];
    struct buf allowed = buf_of(octets, sizeof octets);
    if (!ctlv_find(m->stk.command.is.rest, CAT_TAG_USSD_STRING, 0, &ussd) || ussd.n < 1) {
        stk_done(m, CAT_RESULT_VALUES_MISSING);
        return;
    }
    if (m->reg.service != SERVICE_NORMAL) {
        stk_done_with(m, CAT_RESULT_TERMINAL_BUSY, UNABLE_NO_SERVICE);
        return;
    }
    const enum modem_control said = control_ussd(m, ussd, &allowed);
    if (stopped(m, said))
        return;
    ussd = buf_span(&allowed);
    if (ussd.n == 0) { /* a call or supplementary service in its place, of which there are none here */
        stk_done_with(m, RESULT_CONTROL, CONTROL_OTHER_TYPE);
        return;
    }
    const char *answer = ussd_text(ussd.p[0], span_slice(ussd, 1, ussd.n), text, sizeof text)
                             ? network_ussd(m->network, text)
                             : NULL;
    if (answer == NULL) {
        stk_done_with(m, RESULT_USSD_ERROR, 0x00); /* no specific cause */
        return;
    }
    struct modem_result r = {.general = performed(said)};
    struct buf b = buf_of(r.objects, sizeof r.objects);
    const size_t mark = buf_tlv_open(&b, 0x8D);
    text_string(answer, &b);
    buf_tlv_close(&b, mark);
    r.n_objects = b.len;
    stk_finish(m, &r);
}

/* ---- which is whose ---- */

static const struct {
    uint8_t type;
    void (*execute)(struct modem *m);
} commands[] = {
    {0x01, stk_refresh},
    {0x02, more_time},
    {0x03, poll_interval},
    {0x04, polling_off},
    {TYPE_SET_UP_EVENT_LIST, set_up_event_list},
    {0x10, stk_user}, /* SET UP CALL */
    {0x11, stk_user}, /* SEND SS */
    {0x12, send_ussd},
    {0x13, send_short_message},
    {0x14, stk_user}, /* SEND DTMF */
    {0x15, stk_user}, /* LAUNCH BROWSER */
    {0x20, stk_user}, /* PLAY TONE */
    {0x21, stk_user}, /* DISPLAY TEXT */
    {0x22, stk_user}, /* GET INKEY */
    {0x23, stk_user}, /* GET INPUT */
    {0x24, stk_user}, /* SELECT ITEM */
    {0x25, stk_user}, /* SET UP MENU */
    {CAT_PROVIDE_LOCAL_INFORMATION, stk_local_information},
    {0x27, stk_timer},
    {0x28, stk_user},  /* SET UP IDLE MODE TEXT */
    {0x34, stk_user},  /* RUN AT COMMAND: who listens may have them (at_toolkit.c) */
    {0x35, more_time}, /* LANGUAGE NOTIFICATION */
    {0x40, stk_open_channel},
    {0x41, stk_close_channel},
    {0x42, stk_receive_data},
    {0x43, stk_send_data},
    {0x44, stk_channel_status},
};

/* What a person would read of it: a text string (TS 102 223 8.15) or an alpha identifier (8.2). */
static void note_words(struct modem_note *n, struct span objects)
{
    struct span value;
    char text[512];
    if (ctlv_find(objects, CAT_TAG_TEXT_STRING, 0, &value) && value.n > 0) {
        const struct span body = span_slice(value, 1, value.n);
        switch (value.p[0] & 0x0C) {
        case 0x00:
            text_gsm_packed(body, body.n * 8 / 7, 0, text, sizeof text);
            break;
        case 0x08:
            text_ucs2(body, text, sizeof text);
            break;
        default:
            text_gsm(body, text, sizeof text);
            break;
        }
        note_text(n, "text", text);
    } else if (ctlv_find(objects, CAT_TAG_ALPHA_IDENTIFIER, 0, &value) && value.n > 0) {
        text_alpha(value, text, sizeof text);
        note_text(n, "text", text);
    }
}

static void note_command(struct modem *m)
{
    const struct modem_command *c = &m->stk.command;
    struct modem_note n;
    note_begin(&n, m, "proactive");
    const struct cat_command *known = cat_command(c->is.details.type);
    note_text(&n, "command", known != NULL ? known->name : "?");
    note_number(&n, "qualifier", c->is.details.qualifier);
    note_words(&n, c->is.rest);
    note_hex(&n, "data", span_of(c->octets, c->n));
    note_end(&n);
}

static void fetch(void *ctx)
{
    struct modem *m = ctx;
    struct modem_stk *s = &m->stk;
    struct buf b = buf_of(s->command.octets, sizeof s->command.octets);
    sw_t sw;
    if (!m->powered || !s->pending || s->executing)
        return;
    s->pending = false;
    s->session = s->executing = true; /* before its 9000, which ends no session */
    if (!card_send(m, 0x80, INS_FETCH, 0, 0, SPAN_EMPTY, s->pending_len, &b, &sw) || sw != SW_OK) {
        s->executing = false; /* nothing there after all: a later 91xx says so again */
        return;
    }
    s->command.n = b.len;
    s->fetched++;
    if (!cat_proactive_parse(span_of(s->command.octets, s->command.n), &s->command.is)) {
        /* something has to stand in the answer (TS 102 223 6.8.1) */
        s->command.is = (struct cat_proactive){.details = {.number = 1}};
        stk_done(m, RESULT_NOT_UNDERSTOOD);
        return;
    }
    note_command(m);
    if (cat_command(s->command.is.details.type) != NULL &&
        !cat_proactive_complete(s->command.is.details.type, s->command.is.rest)) {
        stk_done(m, CAT_RESULT_VALUES_MISSING);
        return;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (commands[i].type == s->command.is.details.type) {
            commands[i].execute(m);
            return;
        }
    stk_done(m, RESULT_TYPE_UNKNOWN);
}

void stk_init(struct modem *m)
{
    struct modem_stk *s = &m->stk;
    memcpy(s->profile, full_profile, sizeof full_profile);
    s->profile_len = sizeof full_profile;
    s->fetch = (struct loop_timer){.fire = fetch, .ctx = m};
    s->patience = (struct loop_timer){.ctx = m};
    for (unsigned i = 0; i < MODEM_BIP_CHANNELS; i++) {
        s->bip[i].modem = m;
        s->bip[i].fd = -1;
    }
    for (unsigned i = 0; i < MODEM_TIMERS; i++) {
        s->timers[i].modem = m;
        s->timers[i].id = (uint8_t)(i + 1);
    }
}

void stk_dark(struct modem *m)
{
    struct modem_stk *s = &m->stk;
    loop_stop(m->loop, &s->fetch);
    loop_stop(m->loop, &s->patience);
    stk_timers_stop(m);
    bip_dark(m);
    s->pending = s->session = s->executing = s->with_user = s->polling_off = false;
    s->events = 0;
    s->menu_len = 0;
    s->poll_s = 0;
    loop_stop(m->loop, &s->retry);
    s->n_waiting = s->tries = 0;
    s->fetched = 0;
}

bool stk_send_profile(struct modem *m)
{
    sw_t sw;
    return m->stk.profile_len == 0 ||
           card_send(m, 0x80, INS_TERMINAL_PROFILE, 0, 0, span_of(m->stk.profile, m->stk.profile_len),
                     CARD_NO_LE, NULL, &sw);
}

/* ---- asked from outside ---- */

void modem_stk_profile(struct modem *m, struct span profile)
{
    if (profile.n > sizeof m->stk.profile)
        profile.n = sizeof m->stk.profile;
    if (profile.n > 0)
        memcpy(m->stk.profile, profile.p, profile.n);
    m->stk.profile_len = (uint8_t)profile.n;
}

struct span modem_stk_profile_get(const struct modem *m)
{
    return span_of(m->stk.profile, m->stk.profile_len);
}

bool modem_stk_busy(const struct modem *m)
{
    return m->stk.pending || (m->stk.executing && !m->stk.with_user);
}

struct span modem_stk_waiting(const struct modem *m)
{
    return m->stk.with_user ? span_of(m->stk.command.octets, m->stk.command.n) : SPAN_EMPTY;
}

struct span modem_stk_menu(const struct modem *m)
{
    return span_of(m->stk.menu, m->stk.menu_len);
}

bool modem_stk_response(struct modem *m, struct span response, sw_t *sw)
{
    *sw = SW_OK;
    if (!m->stk.with_user || response.n > 255)
        return false;
    respond(m, response);
    return m->powered;
}

bool modem_stk_answer(struct modem *m, uint8_t result, struct span additional, struct span objects, sw_t *sw)
{
    struct modem_result r = {
        .general = result, .n_additional = (uint8_t)additional.n, .n_objects = objects.n};
    *sw = SW_OK;
    if (!m->stk.with_user || additional.n > sizeof r.additional || objects.n > sizeof r.objects)
        return false;
    memcpy(r.additional, additional.p != NULL ? additional.p : r.additional, additional.n);
    memcpy(r.objects, objects.p != NULL ? objects.p : r.objects, objects.n);
    stk_finish(m, &r);
    return m->powered;
}

bool modem_stk_envelope(struct modem *m, struct span envelope, struct buf *data, sw_t *sw)
{
    *sw = 0;
    return m->powered && envelope.n <= 255 && card_send(m, 0x80, INS_ENVELOPE, 0, 0, envelope, 0, data, sw);
}
