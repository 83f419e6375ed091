/* SPDX-License-Identifier: Apache-2.0
 *
 * Triggering (ETSI TS 102 241): who registered for an event is told of it, in order of priority.
 */
#include "cat.h"
#include "fs.h"
#include "kernel.h"
#include "toolkit_registry.h"

/* What an applet did is kept: it did it, or it says with a warning that its answer is one of refusal (TS 102
 * 241: post(false)). */
static bool kept(sw_t sw)
{
    return sw == SW_OK || sw_is_warning(sw);
}

sw_t toolkit_trigger_applet(struct uicc *card, uint8_t applet, const struct event *event)
{
    const struct applet_class *class = applet_class_of(card, applet);
    /* locked, or suspended with its operator: it hears of nothing */
    if (class == NULL || class->event == NULL || !applet_active(card, applet))
        return SW_OK;
    sw_t sw = class->event((struct applet){card, applet}, event);
    /* an answer that is too long is none */
    return kept(sw) && event->out != NULL && !buf_ok(event->out) ? SW_TECHNICAL_PROBLEM : sw;
}

/* Applets by priority; of one priority the last installed is first (TS 102 241). */
struct order {
    unsigned n;
    uint8_t applet[TOOLKIT_APPLETS], priority[TOOLKIT_APPLETS];
};

static void insert(const struct uicc *card, struct order *o, uint8_t applet, uint8_t priority)
{
    unsigned at = o->n;
    while (at > 0 && (o->priority[at - 1] > priority || (o->priority[at - 1] == priority &&
                                                         applet_is_later(card, applet, o->applet[at - 1])))) {
        o->applet[at] = o->applet[at - 1];
        o->priority[at] = o->priority[at - 1];
        at--;
    }
    o->applet[at] = applet;
    o->priority[at] = priority;
    o->n++;
}

static void listeners(struct uicc *card, unsigned event, struct order *out)
{
    out->n = 0;
    for (unsigned i = 0; i < applets_count(card); i++) {
        struct toolkit_entry e = {.priority = TOOLKIT_PRIORITY_DEFAULT};
        bool wants = toolkit_entry_load(card, (uint8_t)i, &e) && toolkit_entry_has(&e, event);
        if (event == TOOLKIT_PROACTIVE_HANDLER_AVAILABLE) /* nothing that is stored */
            wants = (card->ram.toolkit.available[i / 8] >> i % 8 & 1) != 0;
        if (wants)
            insert(card, out, (uint8_t)i, e.priority);
    }
}

bool toolkit_wanted(struct uicc *card, unsigned event)
{
    struct toolkit *t = &card->ram.toolkit;
    struct toolkit_entry e;
    if (!t->known) {
        memset(t->wanted, 0, sizeof t->wanted);
        for (unsigned i = 0; i < applets_count(card); i++)
            if (toolkit_entry_load(card, (uint8_t)i, &e))
                for (size_t k = 0; k < sizeof t->wanted; k++)
                    t->wanted[k] |= e.events[k];
        t->known = true;
    }
    return event < TOOLKIT_EVENTS && (t->wanted[event / 8] >> event % 8 & 1) != 0;
}

static void take_back(struct buf *out, size_t before)
{
    if (out == NULL)
        return;
    crypto_wipe(out->p + before, out->len - before);
    *out = (struct buf){out->p, out->cap, before, false};
}

sw_t toolkit_tell(struct uicc *card, uint8_t applet, const struct event *event)
{
    size_t before = event->out != NULL ? event->out->len : 0;
    if (!session_step(card, true))
        return SW_MEMORY_PROBLEM;
    sw_t sw = toolkit_trigger_applet(card, applet, event);
    if (!session_step(card, kept(sw)) && kept(sw))
        sw = SW_MEMORY_PROBLEM;
    if (!kept(sw))
        take_back(event->out, before);
    return kept(sw) ? SW_OK : sw;
}

/* ---- what the terminal hears of it ---- */

/* TS 102 241: an applet's exception is its own affair. The terminal hears of two things: that all
 * who were told are busy (9300, which ENVELOPE may answer: TS 102 221 10.2.1.2), and that the card
 * itself could not do its part: it could not store what was done, or one of its own classes, which
 * come in no package, says so. */
struct outcome {
    bool done, busy, broken;
    sw_t answer; /* with which the data goes: 9000, or the warning of who posted it */
};

/* Call control is answered with 9000 whatever the answer is; a refusal without data is none. */
static void note_answer(struct outcome *o, sw_t sw, const struct event *event, size_t before)
{
    if (sw != SW_OK && event->out != NULL && event->out->len > before &&
        !toolkit_event_exclusive(event->toolkit))
        o->answer = sw;
}

/* It did not do it: what it changed and wrote is undone. */
static void note_failure(struct uicc *card, struct outcome *o, uint8_t applet, sw_t sw,
                         const struct event *event, size_t before)
{
    const struct applet_class *class = applet_class_of(card, applet);
    o->busy |= sw == SW_TOOLKIT_BUSY;
    o->broken |= sw == SW_MEMORY_PROBLEM && class != NULL && class->package == NULL;
    take_back(event->out, before);
    (void)session_step(card, false);
    if (sw != SW_TOOLKIT_BUSY)
        applet_note((struct applet){card, applet}, "the applet failed in its event: what it did is undone");
}

/* What the one before did is its own, and is kept before the next is told. What could not be kept was not
 * answered either: `from` is where its answer begins. */
static void end_step(struct uicc *card, struct outcome *o, struct buf *out, size_t from)
{
    if (session_step(card, true)) {
        o->done = true;
        return;
    }
    o->broken = true;
    if (out != NULL && out->len > from) {
        take_back(out, from);
        o->answer = SW_OK;
    }
}

static sw_t outcome_status(const struct outcome *o, const struct event *event)
{
    if (o->done)
        return o->answer;
    if (o->broken)
        return SW_MEMORY_PROBLEM;
    return o->busy && event->out != NULL ? SW_TOOLKIT_BUSY : SW_OK;
}

sw_t toolkit_trigger_owner(struct uicc *card, uint8_t applet, const struct event *event)
{
    struct outcome o = {.answer = SW_OK};
    size_t before = event->out != NULL ? event->out->len : 0;
    sw_t sw = toolkit_trigger_applet(card, applet, event);
    if (kept(sw)) {
        note_answer(&o, sw, event, before);
        return o.answer;
    }
    note_failure(card, &o, applet, sw, event, before);
    return outcome_status(&o, event);
}

sw_t toolkit_trigger(struct uicc *card, const struct event *event)
{
    struct order order;
    struct outcome o = {.answer = SW_OK};
    bool handled = false, open = false; /* open: what the one before did is still to be kept */
    size_t before = 0;
    struct event told = *event;
    if (!toolkit_wanted(card, event->toolkit))
        return SW_OK;
    if (told.handled == NULL)
        told.handled = &handled;
    listeners(card, event->toolkit, &order);
    for (unsigned i = 0; i < order.n && !*told.handled; i++) {
        if (open)
            end_step(card, &o, told.out, before);
        before = told.out != NULL ? told.out->len : 0;
        sw_t sw = toolkit_trigger_applet(card, order.applet[i], &told);
        open = kept(sw);
        if (!open) {
            note_failure(card, &o, order.applet[i], sw, &told, before);
            *told.handled = false;
            continue;
        }
        /* The first answer is the answer. Call control is asked of one; the other was suspended, or
         * locked, while he registered. */
        if (before > 0) {
            take_back(told.out, before);
            continue;
        }
        note_answer(&o, sw, &told, before);
        if (toolkit_event_exclusive(event->toolkit) && told.out != NULL && told.out->len > 0)
            *told.handled = true;
    }
    o.done |= open; /* or its command's commit says that it is not */
    return outcome_status(&o, event);
}

sw_t toolkit_poll(struct call *call)
{
    const struct event event = {.kind = EVENT_TOOLKIT, .toolkit = TOOLKIT_STATUS_COMMAND};
    if (call->session->remote)
        return SW_OK;
    toolkit_release(call->card);
    sw_t sw = toolkit_trigger(call->card, &event);
    /* a subscription that was rolled back took its files along */
    fs_leave_gone(call->card, &call->session->view);
    return sw;
}

/* ---- what follows a command ---- */

static void trigger_alone(struct uicc *card, const struct event *event)
{
    objects_begin(card->objects);
    sw_t sw = toolkit_trigger(card, event);
    (void)session_finish(card, sw);
}

/* TS 102 241: one after the other, as long as the one before left nothing to be done; the registration ends
 * with the trigger. */
static void offer_handler(struct uicc *card)
{
    struct toolkit *t = &card->ram.toolkit;
    struct order order;
    const struct event event = {.kind = EVENT_TOOLKIT, .toolkit = TOOLKIT_PROACTIVE_HANDLER_AVAILABLE};
    t->offering = false; /* until one is left, or registers again */
    listeners(card, TOOLKIT_PROACTIVE_HANDLER_AVAILABLE, &order);
    for (unsigned i = 0; i < order.n && toolkit_idle(card); i++) {
        t->available[order.applet[i] / 8] &= (uint8_t) ~(1u << order.applet[i] % 8);
        objects_begin(card->objects);
        (void)session_finish(card, toolkit_trigger_applet(card, order.applet[i], &event));
    }
    for (size_t i = 0; i < sizeof t->available; i++)
        t->offering |= t->available[i] != 0;
}

void toolkit_application_left(struct uicc *card, uint8_t applet)
{
    card->ram.toolkit.left = (uint8_t)(applet + 1);
}

/* TS 102 241: whichever way it ended, by SELECT of another, by MANAGE CHANNEL, or terminated. */
static void tell_deselected(struct uicc *card)
{
    const struct profile_applet *row = applet_row_of(card, (uint8_t)(card->ram.toolkit.left - 1));
    uint8_t bytes[2 + PROFILE_AID_MAX];
    if (row->aid_len == 0) /* the card's way to serve class A0: nothing that anybody could have selected */
        return;
    struct buf which = buf_of(bytes, sizeof bytes);
    buf_tlv(&which, CAT_TAG_AID, span_of(row->aid, row->aid_len));
    trigger_alone(card, &(struct event){.kind = EVENT_TOOLKIT,
                                        .toolkit = TOOLKIT_APPLICATION_DESELECT,
                                        .data = buf_span(&which)});
}

static bool changes_file(const struct command_row *row)
{
    return row != NULL && (row->access == ACCESS_UPDATE || row->access == ACCESS_BY_INS);
}

/* TS 102 241: if that command triggers applets itself, as TERMINAL PROFILE does, this comes first. */
void toolkit_first_command(struct uicc *card)
{
    if (card_reload(card) && toolkit_wanted(card, TOOLKIT_FIRST_COMMAND_AFTER_ATR))
        trigger_alone(card,
                      &(struct event){.kind = EVENT_TOOLKIT, .toolkit = TOOLKIT_FIRST_COMMAND_AFTER_ATR});
}

void toolkit_after(struct uicc *card, const struct command_row *row, sw_t sw)
{
    if (changes_file(row) && sw_is_ok(sw) && card->ram.target != PROFILE_NO_FILE &&
        toolkit_wanted(card, TOOLKIT_EXTERNAL_FILE_UPDATE))
        toolkit_file_changed(card, card->ram.target);
    if (card->ram.toolkit.left != 0 && toolkit_wanted(card, TOOLKIT_APPLICATION_DESELECT))
        tell_deselected(card);
    card->ram.toolkit.left = 0;
    if (card->ram.toolkit.changed)
        toolkit_synchronise(card);
    if (card->ram.toolkit.offering && toolkit_idle(card))
        offer_handler(card);
}

/* TS 102 241: the EnvelopeHandler of an update has the file's path (TS 102 223 8.18), and the AID of
 * the application whose it is. */
static void say_which(const struct uicc *card, uint16_t file, struct buf *out)
{
    static const uint8_t from_terminal[] = {CAT_TERMINAL, CAT_UICC}, mf[] = {0x3F, 0x00},
                         adf[] = {0x7F, 0xFF};
    uint8_t bytes[3 + 2 * TOOLKIT_PATH_LEVELS];
    struct buf path = buf_of(bytes, sizeof bytes);
    buf_tlv(out, CAT_COMPREHENSION | CAT_TAG_DEVICE_IDENTITIES, span_of(from_terminal, sizeof from_terminal));
    if (!toolkit_path(card, file, &path))
        return;
    struct reader r = rd_of(buf_span(&path));
    (void)rd_u8(&r);
    const uint16_t root = rd_u16(&r);
    size_t mark = buf_tlv_open(out, CAT_COMPREHENSION | CAT_TAG_FILE_LIST);
    buf_u8(out, 1);
    buf_put(out, span_of(mf, sizeof mf));
    buf_put(out, root != 0 ? span_of(adf, sizeof adf) : SPAN_EMPTY);
    buf_put(out, rd_rest(&r));
    buf_tlv_close(out, mark);
    if (root != 0 && fs_file(card, root)->applet != NO_APPLET) {
        const struct profile_applet *row = applet_row_of(card, fs_file(card, root)->applet);
        buf_tlv(out, CAT_COMPREHENSION | CAT_TAG_AID, span_of(row->aid, row->aid_len));
    }
}

void toolkit_file_changed(struct uicc *card, uint16_t file)
{
    uint8_t bytes[96];
    struct buf which = buf_of(bytes, sizeof bytes);
    struct order order;
    say_which(card, file, &which);
    const struct event event = {.kind = EVENT_TOOLKIT,
                                .toolkit = TOOLKIT_EXTERNAL_FILE_UPDATE,
                                .tag = file,
                                .data = buf_span(&which)};
    listeners(card, TOOLKIT_EXTERNAL_FILE_UPDATE, &order);
    for (unsigned i = 0; i < order.n; i++) {
        if (!toolkit_watches_file(card, order.applet[i], file))
            continue;
        objects_begin(card->objects);
        (void)session_finish(card, toolkit_trigger_applet(card, order.applet[i], &event));
    }
}
