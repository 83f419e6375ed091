/* SPDX-License-Identifier: Apache-2.0
 *
 * Proactive commands (ETSI TS 102 223 clause 6): the queue, and the 91xx state machine of FETCH and TERMINAL
 * RESPONSE (TS 102 221 7.4.2, 11.2.3, 11.2.4).
 *
 * One command at a time is the terminal's: `fetched` until its TERMINAL RESPONSE. After a response that
 * cannot be read, or belongs to another command, it is announced again; the right answer, or another FETCH,
 * still count. After a third such answer it is given up, and its applet told so. No terminal, however broken,
 * stops the card for good.
 */
#include <stdlib.h>

#include "cat.h"
#include "kernel.h"
#include "toolkit_registry.h"

enum {
    NUMBER_MAX = 254,
    TRIES_MAX = 3, /* answers that make no sense before a command is given up */
    FLAG_HELD = 1,  /* the terminal was busy: not before the next STATUS or ENVELOPE */
    FLAG_BEGUN = 2, /* it was fetched before TERMINAL PROFILE came */
    HEADER_LEN = 6,
    OPEN_CHANNEL = 0x40,
    CLOSE_CHANNEL = 0x41,
};

struct entry { /* in the queue: applet, type, flags, tries, length (2), the D0 object */
    size_t at;
    uint8_t applet, type, flags, tries;
    struct span command;
};

static bool entry_at(const struct uicc *card, size_t at, struct entry *out)
{
    struct reader r = rd_of(span_slice(span_of(card->queue.p, card->queue.used), at, card->queue.used));
    if (at >= card->queue.used)
        return false;
    out->at = at;
    out->applet = rd_u8(&r);
    out->type = rd_u8(&r);
    out->flags = rd_u8(&r);
    out->tries = rd_u8(&r);
    out->command = rd_take(&r, rd_u16(&r));
    return rd_ok(&r);
}

static size_t entry_end(const struct entry *e)
{
    return e->at + HEADER_LEN + e->command.n;
}

static void set_flags(struct uicc *card, const struct entry *e, uint8_t flags, uint8_t tries)
{
    card->queue.p[e->at + 2] = flags;
    card->queue.p[e->at + 3] = tries;
}

static void drop(struct uicc *card, const struct entry *e)
{
    struct toolkit_queue *q = &card->queue;
    struct toolkit *t = &card->ram.toolkit;
    size_t end = entry_end(e), n = end - e->at;
    if (t->fetched && t->fetched_at == e->at)
        t->fetched = t->again = false;
    else if (t->fetched && t->fetched_at > e->at)
        t->fetched_at = (uint16_t)(t->fetched_at - n);
    memmove(q->p + e->at, q->p + end, q->used - end);
    q->used = (uint16_t)(q->used - n);
    if (q->settled > e->at)
        q->settled = (uint16_t)(q->settled - n);
    crypto_wipe(q->p + q->used, n);
}

/* The first that may be offered. */
static bool next_entry(const struct uicc *card, struct entry *out)
{
    for (size_t at = 0; entry_at(card, at, out); at = entry_end(out))
        if ((out->flags & FLAG_HELD) == 0)
            return true;
    return false;
}

size_t toolkit_pending(const struct uicc *card)
{
    struct entry e;
    const struct toolkit *t = &card->ram.toolkit;
    if (t->fetched)
        return t->again && entry_at(card, t->fetched_at, &e) ? e.command.n : 0;
    return next_entry(card, &e) ? e.command.n : 0;
}

sw_t toolkit_announce(const struct uicc *card, sw_t sw)
{
    size_t n = sw == SW_OK ? toolkit_pending(card) : 0;
    return n == 0 ? sw : SW_WITH(SW_PROACTIVE, n > 255 ? 0 : n);
}

bool toolkit_idle(const struct uicc *card)
{
    return card->queue.used == 0;
}

bool toolkit_crowded(const struct uicc *card)
{
    return card->queue.used + HEADER_LEN + TOOLKIT_COMMAND_MAX > TOOLKIT_QUEUE_MAX;
}

bool toolkit_waits_for(const struct uicc *card, uint8_t applet)
{
    struct entry e;
    for (size_t at = 0; entry_at(card, at, &e); at = entry_end(&e))
        if (e.applet == applet)
            return true;
    return false;
}

void toolkit_cancel(struct uicc *card, uint8_t applet, uint8_t type)
{
    struct entry e;
    for (size_t at = 0; entry_at(card, at, &e);) {
        bool running = card->ram.toolkit.fetched && card->ram.toolkit.fetched_at == at;
        bool meant = e.applet == applet && (type == 0 || e.type == type);
        if (meant && !running) {
            drop(card, &e);
            continue;
        }
        if (meant && type == 0) /* its answer is nobody's any more */
            card->queue.p[at] = NO_APPLET;
        at = entry_end(&e);
    }
}

void toolkit_release(struct uicc *card)
{
    struct entry e;
    for (size_t at = 0; entry_at(card, at, &e); at = entry_end(&e))
        set_flags(card, &e, e.flags & (uint8_t)~FLAG_HELD, e.tries);
}

void toolkit_restart(struct uicc *card)
{
    struct toolkit *t = &card->ram.toolkit;
    struct entry e;
    if (t->fetched && entry_at(card, t->fetched_at, &e))
        set_flags(card, &e, e.flags | FLAG_BEGUN, e.tries);
    t->fetched = t->again = false;
    toolkit_release(card);
}

void toolkit_settle(struct uicc *card, bool keep)
{
    struct toolkit_queue *q = &card->queue;
    if (!keep && q->used > q->settled) {
        crypto_wipe(q->p + q->settled, (size_t)q->used - q->settled);
        q->used = q->settled;
    }
    q->settled = q->used;
    if (!keep && card->ram.toolkit.touched) { /* what the registry said was taken back */
        card->ram.toolkit.known = false;
        card->ram.toolkit.changed = true;
    }
    card->ram.toolkit.touched = false;
}

void toolkit_queue_free(struct uicc *card)
{
    if (card->queue.p != NULL)
        crypto_wipe(card->queue.p, card->queue.cap);
    free(card->queue.p);
    card->queue = (struct toolkit_queue){NULL, 0, 0, 0};
}

/* Room for n more octets: in steps, for most cards need little and many none. */
static bool make_room(struct toolkit_queue *q, size_t n)
{
    enum { STEP = 256 };
    size_t cap = (q->used + n + STEP - 1) / STEP * STEP;
    if (q->used + n <= q->cap)
        return true;
    uint8_t *p = malloc(cap);
    if (p == NULL)
        return false;
    if (q->p != NULL) {
        memcpy(p, q->p, q->used);
        crypto_wipe(q->p, q->cap);
    }
    free(q->p);
    q->p = p;
    q->cap = (uint16_t)cap;
    return true;
}

/* The queue's memory goes when nothing is left in it: but not while a transaction may still put something
 * back. */
static void trim(struct uicc *card)
{
    if (card->queue.p != NULL && card->queue.used == 0)
        toolkit_queue_free(card);
}

bool toolkit_profile_bit(const struct toolkit *t, unsigned octet, unsigned bit)
{
    return octet <= t->profile_len && bit <= 8 &&
           cat_profile_has(span_of(t->profile, t->profile_len),
                           (struct cat_facility){(uint8_t)octet, (uint8_t)bit});
}

/* The same REFRESH once is enough. */
static bool queued_already(const struct uicc *card, uint8_t applet, const struct cat_details *details,
                           struct span rest)
{
    struct entry e;
    struct cat_proactive p;
    for (size_t at = 0; entry_at(card, at, &e); at = entry_end(&e))
        if (e.applet == applet && e.type == details->type &&
            !(card->ram.toolkit.fetched && card->ram.toolkit.fetched_at == at) &&
            cat_proactive_parse(e.command, &p) && p.details.qualifier == details->qualifier &&
            span_equal(p.rest, rest))
            return true;
    return false;
}

static bool queue_put(struct uicc *card, uint8_t applet, const struct cat_details *details, uint8_t to,
                      struct span rest)
{
    struct toolkit_queue *q = &card->queue;
    uint8_t bytes[TOOLKIT_COMMAND_MAX];
    struct buf command = buf_of(bytes, sizeof bytes);
    bool reserved = applet == NO_APPLET || details->type == PROACTIVE_REFRESH;
    cat_proactive_build(&command, details, to, rest);
    size_t n = HEADER_LEN + command.len, limit = TOOLKIT_QUEUE_MAX + (reserved ? TOOLKIT_QUEUE_RESERVE : 0);
    bool ok = buf_ok(&command) && q->used + n <= limit && make_room(q, n);
    if (ok) {
        struct buf out = {q->p, q->cap, q->used, false};
        buf_u8(&out, applet);
        buf_u8(&out, details->type);
        buf_u16(&out, 0); /* flags, tries */
        buf_u16(&out, (uint16_t)command.len);
        buf_put(&out, buf_span(&command));
        q->used = (uint16_t)out.len;
    }
    crypto_wipe(bytes, sizeof bytes);
    return ok;
}

static bool queue_command_to(struct uicc *card, uint8_t applet, uint8_t type, uint8_t qualifier, uint8_t to,
                             struct span rest)
{
    struct toolkit *t = &card->ram.toolkit;
    if (!cat_profile_has(span_of(t->profile, t->profile_len), cat_facility(type, qualifier)) ||
        !cat_proactive_complete(type, rest))
        return false;
    const struct cat_details details = {t->number >= NUMBER_MAX ? 1 : (uint8_t)(t->number + 1), type,
                                        qualifier};
    if (type == PROACTIVE_REFRESH && queued_already(card, applet, &details, rest))
        return true;
    if (!queue_put(card, applet, &details, to, rest))
        return false;
    t->number = details.number;
    return true;
}

bool toolkit_queue_command(struct uicc *card, uint8_t applet, uint8_t type, uint8_t qualifier,
                           struct span rest)
{
    const struct cat_command *c = cat_command(type);
    return c != NULL && queue_command_to(card, applet, type, qualifier, c->to, rest);
}

/* ---- what an applet may send ---- */

/* Those that it has, and those that it has asked for. */
static unsigned channels_of(struct applet self)
{
    struct entry e;
    unsigned n = 0;
    for (unsigned i = 0; i < TOOLKIT_CHANNELS; i++)
        n += self.card->ram.toolkit.channel_owner[i] == self.index + 1;
    for (size_t at = 0; entry_at(self.card, at, &e); at = entry_end(&e))
        n += e.applet == self.index && e.type == OPEN_CHANNEL;
    return n;
}

static bool is_reader(uint8_t device)
{
    return device >= CAT_READER && device < CAT_READER + 8;
}

/* TS 102 241: what the card itself asks for on all applets' behalf is no applet's to ask for; a timer must be
 * its own, and so must a channel. */
static bool allowed(struct applet self, const struct cat_command *c, uint8_t qualifier, uint8_t device,
                    struct span rest)
{
    struct span timer;
    switch (c->type) {
    case OPEN_CHANNEL:
        return channels_of(self) < toolkit_limits_of(self.card, self.index).channels;
    case PROACTIVE_SET_UP_EVENT_LIST:
    case PROACTIVE_SET_UP_MENU:
    case PROACTIVE_POLL_INTERVAL:
    case PROACTIVE_POLLING_OFF:
        return false;
    case PROACTIVE_TIMER_MANAGEMENT:
        return ctlv_find(rest, CAT_TAG_TIMER_IDENTIFIER, 0, &timer) && timer.n == 1 &&
               toolkit_timer_owner(self.card, timer.p[0]) == self.index;
    case CAT_GET_READER_STATUS: /* of all of them; of one its identifier (TS 102 223 6.4.20) */
        return qualifier == CAT_READER_IDENTIFIER ? is_reader(device) : device == c->to;
    default:
        if (c->to == CAT_CHANNEL)
            return device > CAT_CHANNEL && device <= CAT_CHANNEL + TOOLKIT_CHANNELS &&
                   self.card->ram.toolkit.channel_owner[device - CAT_CHANNEL - 1] == self.index + 1;
        if (c->to == CAT_READER)
            return is_reader(device);
        return true;
    }
}

bool proactive_send_to(struct applet self, uint8_t type, uint8_t qualifier, uint8_t device, struct span rest)
{
    const struct cat_command *c = cat_command(type);
    return c != NULL && allowed(self, c, qualifier, device, rest) &&
           queue_command_to(self.card, self.index, type, qualifier, device, rest);
}

bool proactive_send(struct applet self, uint8_t type, uint8_t qualifier, struct span rest)
{
    const struct cat_command *c = cat_command(type);
    return c != NULL && proactive_send_to(self, type, qualifier, c->to, rest);
}

/* ---- FETCH and TERMINAL RESPONSE ---- */

sw_t command_fetch(struct call *call)
{
    struct toolkit *t = &call->card->ram.toolkit;
    struct entry e;
    /* A terminal that lost what it fetched may have it again. */
    if (t->fetched ? !entry_at(call->card, t->fetched_at, &e) : !next_entry(call->card, &e))
        return SW_CONDITIONS_NOT_SATISFIED;
    if (call->cmd->le != e.command.n) /* a wrong length must not use up the command */
        return SW_WITH(SW_WRONG_LE, e.command.n);
    buf_put(call->out, e.command);
    t->fetched = true;
    t->again = false;
    t->fetched_at = (uint16_t)e.at;
    return SW_OK;
}

/* Channels belong to who opened them (TS 102 223 8.56: channel status, the channel in the first octet's low
 * three bits). */
static void note_channel(struct uicc *card, const struct entry *e, const struct cat_response *r)
{
    enum { CHANNEL = 0x07, PERFORMED_LAST = 0x0F };
    struct span status;
    struct cat_proactive p;
    if (r->result > PERFORMED_LAST)
        return;
    if (e->type == OPEN_CHANNEL && ctlv_find(r->rest, CAT_TAG_CHANNEL_STATUS, 0, &status) && status.n >= 1 &&
        (status.p[0] & CHANNEL) != 0)
        card->ram.toolkit.channel_owner[(status.p[0] & CHANNEL) - 1] = (uint8_t)(e->applet + 1);
    if (e->type == CLOSE_CHANNEL && cat_proactive_parse(e->command, &p) && p.to > CAT_CHANNEL &&
        p.to <= CAT_CHANNEL + TOOLKIT_CHANNELS)
        card->ram.toolkit.channel_owner[p.to - CAT_CHANNEL - 1] = 0;
}

/* Has the card, since this was fetched, asked for something else in its place? */
static bool out_of_date(const struct uicc *card, const struct entry *e, enum toolkit_system kind)
{
    struct entry later;
    enum toolkit_system other;
    for (size_t at = 0; entry_at(card, at, &later); at = entry_end(&later))
        if (at != e->at && later.applet == NO_APPLET && toolkit_system_kind(later.type, &other) &&
            other == kind)
            return true;
    return false;
}

/* What must not be lost because the terminal was busy: a REFRESH after a change of subscription, and what the
 * card itself asks for. */
static bool asked_again(const struct uicc *card, const struct entry *e, uint8_t result)
{
    enum toolkit_system kind;
    if (result != CAT_RESULT_TERMINAL_BUSY && result != CAT_RESULT_NETWORK_BUSY)
        return false;
    return e->type == PROACTIVE_REFRESH ||
           (toolkit_system_kind(e->type, &kind) && !out_of_date(card, e, kind));
}

static sw_t answered(struct uicc *card, const struct entry *e, uint8_t result, struct span data)
{
    uint8_t applet = e->applet, type = e->type;
    drop(card, e);
    if (applet == NO_APPLET) {
        toolkit_system_answered(card, type, result, data);
        return SW_OK;
    }
    const struct event event = {.kind = EVENT_TERMINAL_RESPONSE, .tag = type, .data = data, .id = result};
    return toolkit_trigger_owner(card, applet, &event);
}

static sw_t makes_no_sense(struct uicc *card, const struct entry *e)
{
    card->ram.toolkit.again = true;
    set_flags(card, e, e->flags, (uint8_t)(e->tries + 1));
    if (e->tries + 1 >= TRIES_MAX) /* what the applet makes of it is kept, whatever the terminal is told */
        (void)session_step(card, answered(card, e, CAT_NO_RESULT, SPAN_EMPTY) == SW_OK);
    return SW_WRONG_DATA;
}

static bool answers(const struct cat_response *r, const struct entry *e)
{
    struct cat_proactive p;
    return cat_proactive_parse(e->command, &p) && r->details.type == p.details.type &&
           r->details.number == p.details.number;
}

/* A terminal that initialises the card anew, as REFRESH asks it to, sends TERMINAL PROFILE before it answers
 * that REFRESH: else it would be asked for it again, and again. */
static bool begun_before(const struct uicc *card, const struct cat_response *r, struct entry *e)
{
    for (size_t at = 0; entry_at(card, at, e); at = entry_end(e))
        if ((e->flags & FLAG_BEGUN) != 0 && answers(r, e))
            return true;
    return false;
}

sw_t command_terminal_response(struct call *call)
{
    struct uicc *card = call->card;
    struct toolkit *t = &card->ram.toolkit;
    struct entry e;
    struct cat_response r;
    const bool readable = cat_response_parse(call->cmd->data, &r);
    if (!t->fetched ? !readable || !begun_before(card, &r, &e) : !entry_at(card, t->fetched_at, &e))
        return SW_CONDITIONS_NOT_SATISFIED;
    if (!readable || !answers(&r, &e))
        return makes_no_sense(card, &e);
    if (asked_again(card, &e, r.result)) {
        t->fetched = t->again = false;
        set_flags(card, &e, FLAG_HELD, 0);
        return SW_OK;
    }
    note_channel(card, &e, &r);
    sw_t sw = answered(card, &e, r.result, call->cmd->data);
    trim(card);
    return sw;
}
