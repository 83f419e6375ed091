/* SPDX-License-Identifier: Apache-2.0
 *
 * Triggering (ETSI TS 102 241): who registered for an event is told of it, in order of priority.
 */
#include "cat.h"
#include "fs.h"
#include "kernel.h"
#include "toolkit_registry.h"

sw_t toolkit_trigger_applet(struct uicc *card, uint8_t applet, const struct event *event)
{
    const struct applet_class *class = applet_class_of(card, applet);
    if (class == NULL || class->event == NULL || !applet_active(card, applet)) /* locked, or suspended with its operator: it hears of nothing */
        return SW_OK;
    return class->event((struct applet){card, applet}, event);
}

/* Applets by priority, those of one priority by their index. */
struct order {
    unsigned n;
    uint8_t applet[TOOLKIT_APPLETS], priority[TOOLKIT_APPLETS];
};

static void insert(struct order *o, uint8_t applet, uint8_t priority)
{
    unsigned at = o->n;
    while (at > 0 && o->priority[at - 1] > priority) {
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
    struct toolkit_entry e;
    out->n = 0;
    for (unsigned i = 0; i < applets_count(card); i++)
        if (toolkit_entry_load(card, (uint8_t)i, &e) && toolkit_entry_has(&e, event))
            insert(out, (uint8_t)i, e.priority);
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
    out->len = before;
}

sw_t toolkit_tell(struct uicc *card, uint8_t applet, const struct event *event)
{
    size_t before = event->out != NULL ? event->out->len : 0;
    if (!session_step(card, true))
        return SW_MEMORY_PROBLEM;
    sw_t sw = toolkit_trigger_applet(card, applet, event);
    if (!session_step(card, sw == SW_OK) && sw == SW_OK)
        sw = SW_MEMORY_PROBLEM;
    if (sw != SW_OK)
        take_back(event->out, before);
    return sw;
}

static void note_outcome(sw_t sw, bool *done, sw_t *first_failure)
{
    if (sw == SW_OK)
        *done = true;
    else if (*first_failure == SW_OK)
        *first_failure = sw;
}

sw_t toolkit_trigger(struct uicc *card, const struct event *event)
{
    struct order order;
    sw_t first_failure = SW_OK, last = SW_OK;
    bool done = false;
    bool handled = false;
    struct event told = *event;
    if (!toolkit_wanted(card, event->toolkit))
        return SW_OK;
    if (told.handled == NULL)
        told.handled = &handled;
    listeners(card, event->toolkit, &order);
    for (unsigned i = 0; i < order.n && !*told.handled; i++) {
        size_t before = told.out != NULL ? told.out->len : 0;
        if (i > 0 && last == SW_OK &&
            !session_step(card, true)) /* what the one before did is its own, and could not be kept */
            last = SW_MEMORY_PROBLEM;
        if (i > 0)
            note_outcome(last, &done, &first_failure);
        sw_t sw = last = toolkit_trigger_applet(card, order.applet[i], &told);
        /* One that was suspended, or locked, while another registered is back: the first answer is the answer. */
        if (sw == SW_OK && toolkit_event_exclusive(event->toolkit) && told.out != NULL && told.out->len > before)
            *told.handled = true;
        if (sw == SW_OK)
            continue;
        take_back(told.out, before);
        *told.handled = false;
        (void)session_step(card, false);
    }
    note_outcome(last, &done, &first_failure);
    return done ? SW_OK : first_failure;
}

sw_t toolkit_poll(struct call *call)
{
    const struct event event = {.kind = EVENT_TOOLKIT, .toolkit = TOOLKIT_STATUS_COMMAND};
    if (call->session->remote)
        return SW_OK;
    toolkit_release(call->card);
    sw_t sw = toolkit_trigger(call->card, &event);
    fs_leave_gone(call->card, &call->session->view); /* a subscription that was rolled back took its files along */
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
    const struct event event = {.kind = EVENT_TOOLKIT, .toolkit = TOOLKIT_PROACTIVE_HANDLER_AVAILABLE};
    t->offering = false; /* until one is left, or registers again */
    for (unsigned i = 0; i < applets_count(card) && toolkit_idle(card); i++) {
        if ((t->available[i / 8] >> i % 8 & 1) == 0)
            continue;
        t->available[i / 8] &= (uint8_t) ~(1u << i % 8);
        objects_begin(card->objects);
        (void)session_finish(card, toolkit_trigger_applet(card, (uint8_t)i, &event));
    }
    for (size_t i = 0; i < sizeof t->available; i++)
        t->offering |= t->available[i] != 0;
}

static bool changes_file(const struct command_row *row)
{
    return row != NULL && (row->access == ACCESS_UPDATE || row->access == ACCESS_BY_INS);
}

void toolkit_after(struct uicc *card, const struct command_row *row, sw_t sw, bool first)
{
    if (first && toolkit_wanted(card, TOOLKIT_FIRST_COMMAND_AFTER_ATR))
        trigger_alone(card,
                      &(struct event){.kind = EVENT_TOOLKIT, .toolkit = TOOLKIT_FIRST_COMMAND_AFTER_ATR});
    if (changes_file(row) && sw_is_ok(sw) && card->ram.target != PROFILE_NO_FILE &&
        toolkit_wanted(card, TOOLKIT_EXTERNAL_FILE_UPDATE))
        toolkit_file_changed(card, card->ram.target);
    if (card->ram.toolkit.changed)
        toolkit_synchronise(card);
    if (card->ram.toolkit.offering && toolkit_idle(card))
        offer_handler(card);
}

/* TS 102 241: the EnvelopeHandler of an update has the file's path (TS 102 223 8.18), and the AID of the application whose it is. */
static void say_which(const struct uicc *card, uint16_t file, struct buf *out)
{
    static const uint8_t from_terminal[] = {CAT_TERMINAL, CAT_UICC}, mf[] = {0x3F, 0x00}, adf[] = {0x7F, 0xFF};
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
    say_which(card, file, &which);
    const struct event event = {
        .kind = EVENT_TOOLKIT, .toolkit = TOOLKIT_EXTERNAL_FILE_UPDATE, .tag = file, .data = buf_span(&which)};
    for (unsigned i = 0; i < applets_count(card); i++) {
        if (!toolkit_watches_file(card, (uint8_t)i, file))
            continue;
        objects_begin(card->objects);
        (void)session_finish(card, toolkit_trigger_applet(card, (uint8_t)i, &event));
    }
}
