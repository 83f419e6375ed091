/* SPDX-License-Identifier: Apache-2.0
 *
 * What the terminal has to tell the card of itself: EVENT DOWNLOAD (ETSI TS 102 223 7.5), TIMER EXPIRATION
 * (7.4); and the timers of TIMER MANAGEMENT (6.4.21).
 */
#include "modem_inner.h"
#include "tlv.h"

enum {
    RETRY_MS = 1000,
    TRIES_MAX = 30, /* of the timer's; then it is given up */
    TIMER_START = 0,
    TIMER_STOP = 1,
    TIMER_VALUE = 2,
    RESULT_CONTRADICTION = 0x24, /* with the state of the timer */
    RESULT_NOT_UNDERSTOOD = 0x32,
};

/* ---- envelopes ---- */

static void retry_later(struct modem *m);
static void go_on(struct modem *m, bool by_timer);

static bool send_now(struct modem *m, struct span envelope, sw_t *sw)
{
    uint8_t octets[256];
    struct buf data = buf_of(octets, sizeof octets);
    return modem_stk_envelope(m, envelope, &data, sw);
}

/* What the card was too busy for (9300) is told again (TS 102 223 7.5): at the end of its session, and in any
 * case after a while. */
static void retry(void *ctx)
{
    struct modem *m = ctx;
    go_on(m, true);
    if (m->stk.n_waiting > 0) /* it is busy still, or a command of its own is under way */
        retry_later(m);
}

static void retry_later(struct modem *m)
{
    struct loop_timer *t = &m->stk.retry;
    t->fire = retry;
    t->ctx = m;
    if (!t->set)
        loop_start(m->loop, t, RETRY_MS);
}

static void queue(struct modem *m, struct span envelope)
{
    struct modem_stk *s = &m->stk;
    if (s->n_waiting == MODEM_ENVELOPES_MAX) {
        note_why(m, "envelope dropped", "the card has been busy for too long");
        return;
    }
    memcpy(s->waiting[s->n_waiting].octets, envelope.p, envelope.n);
    s->waiting[s->n_waiting++].n = (uint8_t)envelope.n;
    retry_later(m);
}

void envelope_send(struct modem *m, struct span envelope)
{
    sw_t sw;
    if (!m->powered || envelope.n > sizeof m->stk.waiting[0].octets)
        return;
    if (m->stk.n_waiting > 0) {
        queue(m, envelope); /* in order */
        return;
    }
    if (send_now(m, envelope, &sw) && sw == SW_TOOLKIT_BUSY)
        queue(m, envelope);
}

/* The first of those that wait. true: it is settled, one way or the other. A card that is busy with sessions
 * of its own is given up after as much time as any other: what counts is the timer's tries. */
static bool tell_first(struct modem *m, bool by_timer)
{
    struct modem_stk *s = &m->stk;
    uint8_t octets[255];
    const uint8_t n = s->waiting[0].n;
    sw_t sw = 0;
    memcpy(octets, s->waiting[0].octets, n);
    s->telling = true; /* what it starts may end a session, and come back here */
    const bool there = send_now(m, span_of(octets, n), &sw);
    s->telling = false;
    if (!there || s->n_waiting == 0)
        return false;
    s->tries += by_timer;
    if (sw == SW_TOOLKIT_BUSY && s->tries < TRIES_MAX)
        return false;
    if (sw == SW_TOOLKIT_BUSY)
        note_why(m, "envelope dropped", "the card stays busy");
    s->tries = 0;
    memmove(s->waiting, s->waiting + 1, --s->n_waiting * sizeof s->waiting[0]);
    return true;
}

static void go_on(struct modem *m, bool by_timer)
{
    const struct modem_stk *s = &m->stk;
    while (s->n_waiting > 0 && !s->telling && !s->pending && !s->executing && m->powered &&
           tell_first(m, by_timer))
        ;
}

void envelope_go_on(struct modem *m)
{
    go_on(m, false);
}

void event_send(struct modem *m, uint8_t event, uint8_t from, struct span objects)
{
    uint8_t octets[255];
    struct buf b = buf_of(octets, sizeof octets);
    struct modem_note n;
    if (!m->powered || event >= 32 || (m->stk.events >> event & 1) == 0)
        return;
    const uint8_t devices[] = {from, 0x81};
    const size_t mark = buf_tlv_open(&b, CAT_EVENT_DOWNLOAD);
    buf_tlv_u8(&b, 0x99, event);
    buf_tlv(&b, 0x82, span_of(devices, sizeof devices));
    buf_put(&b, objects);
    buf_tlv_close(&b, mark);
    if (!buf_ok(&b))
        return;
    note_begin(&n, m, "event");
    note_number(&n, "event", event);
    note_hex(&n, "objects", objects);
    note_end(&n);
    envelope_send(m, buf_span(&b));
}

/* ---- timers ---- */

static void put_value(struct buf *b, uint64_t ms)
{
    uint8_t value[3];
    cat_timer_value((uint32_t)((ms + 999) / 1000), value);
    buf_tlv(b, CAT_COMPREHENSION | CAT_TAG_TIMER_VALUE, span_of(value, sizeof value));
}

static void expired(void *ctx)
{
    uint8_t octets[32];
    struct buf b = buf_of(octets, sizeof octets);
    const struct modem_timer *t = ctx;
    struct modem *m = t->modem;
    struct modem_note n;
    const uint8_t devices[] = {0x82, 0x81};
    note_begin(&n, m, "timer");
    note_number(&n, "id", t->id);
    note_end(&n);
    const size_t mark = buf_tlv_open(&b, CAT_TIMER_EXPIRATION);
    buf_tlv(&b, 0x82, span_of(devices, sizeof devices));
    buf_tlv_u8(&b, 0xA4, t->id);
    /* TS 102 223 7.4.2: what has passed since it was started, and not what is left */
    put_value(&b, (loop_now(m->loop) - t->started) / 1000 * 1000);
    buf_tlv_close(&b, mark);
    envelope_send(m, buf_span(&b));
}

void stk_timers_stop(struct modem *m)
{
    for (unsigned i = 0; i < MODEM_TIMERS; i++)
        loop_stop(m->loop, &m->stk.timers[i].timer);
}

void stk_timer(struct modem *m)
{
    const struct span body = m->stk.command.is.rest;
    struct span id, value;
    struct modem_result r = {.general = CAT_RESULT_OK};
    struct buf b = buf_of(r.objects, sizeof r.objects);
    const uint8_t what = m->stk.command.is.details.qualifier & 3;
    if (!ctlv_find(body, CAT_TAG_TIMER_IDENTIFIER, 0, &id) || id.n != 1) {
        stk_done(m, CAT_RESULT_VALUES_MISSING);
        return;
    }
    const bool given = ctlv_find(body, CAT_TAG_TIMER_VALUE, 0, &value);
    if (id.p[0] < 1 || id.p[0] > MODEM_TIMERS || what > TIMER_VALUE ||
        (what == TIMER_START && (!given || cat_timer_seconds(value) == 0))) {
        stk_done(m, what == TIMER_START && !given ? CAT_RESULT_VALUES_MISSING : RESULT_NOT_UNDERSTOOD);
        return;
    }
    struct loop_timer *t = &m->stk.timers[id.p[0] - 1].timer;
    if (what == TIMER_START) {
        t->fire = expired;
        t->ctx = &m->stk.timers[id.p[0] - 1];
        m->stk.timers[id.p[0] - 1].started = loop_now(m->loop);
        loop_start(m->loop, t, cat_timer_seconds(value) * UINT64_C(1000));
    } else if (!t->set) {
        stk_done(m, RESULT_CONTRADICTION);
        return;
    }
    buf_tlv_u8(&b, 0xA4, id.p[0]);
    if (what != TIMER_START) {
        const uint64_t now = loop_now(m->loop);
        put_value(&b, t->due > now ? t->due - now : 0);
        if (what == TIMER_STOP)
            loop_stop(m->loop, t);
    }
    r.n_objects = b.len;
    stk_finish(m, &r);
}
