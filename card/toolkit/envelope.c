/* SPDX-License-Identifier: Apache-2.0
 *
 * TERMINAL PROFILE and ENVELOPE (ETSI TS 102 221 11.2.1, 11.2.2): which event an envelope is (TS 102 223
 * clause 7, TS 31.111 clause 7), and who is told.
 */
#include "cat.h"
#include "toolkit_registry.h"

sw_t command_terminal_profile(struct call *call)
{
    struct toolkit *t = &call->card->ram.toolkit;
    struct span known =
        span_slice(call->cmd->data, 0, sizeof t->profile); /* later octets: facilities we have no use for */
    memset(t->profile, 0, sizeof t->profile);
    memcpy(t->profile, known.p, known.n);
    t->profile_len = (uint8_t)known.n;
    /* A terminal that begins anew without a reset: it knows nothing of menus and lists, and will not answer
     * for what it fetched before. */
    toolkit_restart(call->card);
    memset(t->told, 0, sizeof t->told);
    t->poll = 0;
    memset(t->channel_owner, 0, sizeof t->channel_owner);
    t->changed = true;
    const struct event event = {.kind = EVENT_TOOLKIT, .toolkit = TOOLKIT_PROFILE_DOWNLOAD};
    return toolkit_trigger(call->card, &event);
}

/* ---- SUSPEND UICC, TS 102 221 11.1.22: a terminal that resumes the card goes on where it was ---- */

void toolkit_suspend(const struct uicc *card, struct buf *out)
{
    const struct toolkit *t = &card->ram.toolkit;
    buf_u8(out, t->number);
    buf_u8(out, t->profile_len);
    buf_put(out, span_of(t->profile, t->profile_len));
    buf_put(out, span_of(t->available, sizeof t->available));
    buf_put(out, span_of(t->channel_owner, sizeof t->channel_owner));
    for (unsigned i = 0; i < SYSTEM_KINDS; i++)
        buf_u32(out, t->told[i]);
    buf_u16(out, t->poll);
}

bool toolkit_resume(struct uicc *card, struct reader *r)
{
    struct toolkit now = {.changed = true};
    now.number = rd_u8(r);
    now.profile_len = rd_u8(r);
    if (now.profile_len > sizeof now.profile)
        return false;
    rd_copy(r, now.profile, now.profile_len);
    rd_copy(r, now.available, sizeof now.available);
    rd_copy(r, now.channel_owner, sizeof now.channel_owner);
    for (unsigned i = 0; i < SYSTEM_KINDS; i++)
        now.told[i] = rd_u32(r);
    if (r->left > 0) /* not in decks of older versions */
        now.poll = rd_u16(r);
    for (size_t i = 0; i < sizeof now.available; i++) {
        now.available[i] |= card->ram.toolkit.available[i]; /* and who has asked since the power came back */
        now.offering |= now.available[i] != 0;
    }
    if (rd_ok(r))
        card->ram.toolkit = now;
    return rd_ok(r);
}

/* ---- to whom ---- */

/* One applet, by what it owns: a menu entry, a timer, a channel. What is nobody's, or without what its kind
 * must have, is taken note of and has no effect. */
static sw_t to_owner(struct call *call, uint8_t owner, struct event *event)
{
    const struct applet_class *class = owner != NO_APPLET ? applet_class_of(call->card, owner) : NULL;
    if (class == NULL)
        return SW_OK;
    if (class->toolkit != NULL && class->toolkit->one_session && toolkit_waits_for(call->card, owner))
        return SW_TOOLKIT_BUSY;
    return toolkit_trigger_owner(call->card, owner, event);
}

static bool one_octet(struct span in, uint32_t tag, uint8_t *out)
{
    struct span value;
    if (!ctlv_find(in, tag, 0, &value) || value.n < 1)
        return false;
    *out = value.p[0];
    return true;
}

/* TS 102 223 7.2. A terminal whose commands pile up unfetched would not see what a selection brings. */
static sw_t menu_selection(struct call *call, struct span inner, struct event *event)
{
    struct toolkit_menu m;
    struct span help;
    if (!one_octet(inner, CAT_TAG_ITEM_IDENTIFIER, &event->id))
        return SW_OK;
    uint8_t owner = toolkit_menu_owner(call->card, event->id, &m);
    if (owner == NO_APPLET || !m.enabled)
        return SW_OK;
    if (toolkit_crowded(call->card))
        return SW_TOOLKIT_BUSY;
    event->toolkit = TOOLKIT_MENU_SELECTION;
    if (ctlv_find(inner, CAT_TAG_HELP_REQUEST, 0, &help)) {
        if (!m.help) /* there is none: it was not offered, and nothing was selected */
            return SW_OK;
        event->toolkit = TOOLKIT_MENU_SELECTION_HELP_REQUEST;
    }
    return to_owner(call, owner, event);
}

/* 7.4 */
static sw_t timer_expiration(struct call *call, struct span inner, struct event *event)
{
    if (!one_octet(inner, CAT_TAG_TIMER_IDENTIFIER, &event->id))
        return SW_OK;
    event->toolkit = TOOLKIT_TIMER_EXPIRATION;
    return to_owner(call, toolkit_timer_owner(call->card, event->id), event);
}

/* 7.5: one event in the list. Those of a channel go to who opened it. */
static sw_t event_download(struct call *call, struct span inner, struct event *event)
{
    enum { CHANNEL = 0x07, ACCESS_TECHNOLOGIES = 0x14 };
    struct span list;
    uint8_t status;
    if (!ctlv_find(inner, CAT_TAG_EVENT_LIST, 0, &list) || list.n != 1)
        return SW_OK;
    event->toolkit = toolkit_event_of_code(list.p[0] == ACCESS_TECHNOLOGIES ? 0x0B : list.p[0]);
    if (event->toolkit == 0)
        return SW_OK;
    if (toolkit_event_once(event->toolkit))
        toolkit_event_used(call->card);
    if ((event->toolkit == TOOLKIT_DATA_AVAILABLE || event->toolkit == TOOLKIT_CHANNEL_STATUS) &&
        one_octet(inner, CAT_TAG_CHANNEL_STATUS, &status) && (status & CHANNEL) != 0) {
        event->id = status & CHANNEL;
        uint8_t owner = call->card->ram.toolkit.channel_owner[event->id - 1];
        struct toolkit_entry e;
        if (owner == 0 || !toolkit_entry_load(call->card, (uint8_t)(owner - 1), &e) ||
            !toolkit_entry_has(&e, event->toolkit))
            return SW_OK; /* TS 102 241: who opened it, if he registered */
        return to_owner(call, (uint8_t)(owner - 1), event);
    }
    return toolkit_trigger(call->card, event);
}

/* Everything else goes to those who registered. Call control and MO SMS control have one; without it (and
 * without an answer of its own) the terminal may go on: 9000 and no data is "allowed, no modification"
 * (7.3.1.6, TS 31.111 7.3.2.2). */
static const struct {
    uint8_t tag, event;
} plain[] = {
    {CAT_SMS_PP, TOOLKIT_UNFORMATTED_SMS_PP_ENV},
    {CAT_CELL_BROADCAST, TOOLKIT_UNFORMATTED_SMS_CB},
    {CAT_CALL_CONTROL, TOOLKIT_CALL_CONTROL},
    {CAT_MO_SMS_CONTROL, TOOLKIT_MO_SHORT_MESSAGE_CONTROL},
    {CAT_USSD_DOWNLOAD, TOOLKIT_USSD_DOWNLOAD},
    {CAT_MMS_TRANSFER_STATUS, TOOLKIT_MMS_TRANSFER_STATUS},
    {CAT_MMS_NOTIFICATION, TOOLKIT_MMS_NOTIFICATION},
    {CAT_TERMINAL_APPLICATION, TOOLKIT_TERMINAL_APPLICATION},
    {CAT_GEOGRAPHICAL_LOCATION, TOOLKIT_GEOGRAPHICAL_LOCATION_REPORT},
    {CAT_ENVELOPE_CONTAINER, TOOLKIT_ENVELOPE_CONTAINER},
    {CAT_PROSE_REPORT, TOOLKIT_PROSE_REPORT},
};

sw_t command_envelope(struct call *call)
{
    enum { ENVELOPE_FIRST = 0xD1, ENVELOPE_LAST = 0xDF };
    struct reader r = rd_of(call->cmd->data);
    struct tlv t;
    bool handled = false;
    if (!tlv_next(&r, &t) || !rd_done(&r))
        return SW_WRONG_DATA;
    struct event event = {
        .kind = EVENT_TOOLKIT, .tag = t.tag, .data = call->cmd->data, .out = call->out, .handled = &handled};
    toolkit_release(call->card);
    switch (t.tag) {
    case CAT_MENU_SELECTION:
        return menu_selection(call, t.value, &event);
    case CAT_TIMER_EXPIRATION:
        return timer_expiration(call, t.value, &event);
    case CAT_EVENT_DOWNLOAD:
        return event_download(call, t.value, &event);
    default:
        break;
    }
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        if (plain[i].tag == t.tag) {
            event.toolkit = plain[i].event;
            return toolkit_trigger(call->card, &event);
        }
    /* TS 102 241: applets that ask for it see what nobody else understands. */
    event.toolkit = TOOLKIT_UNRECOGNISED_ENVELOPE;
    if (toolkit_wanted(call->card, TOOLKIT_UNRECOGNISED_ENVELOPE))
        return toolkit_trigger(call->card, &event);
    return t.tag >= ENVELOPE_FIRST && t.tag <= ENVELOPE_LAST ? SW_OK : SW_WRONG_DATA;
}
