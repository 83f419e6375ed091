/* SPDX-License-Identifier: Apache-2.0
 *
 * What the card itself asks for on all applets' behalf (ETSI TS 102 241, "system proactive commands"):
 * SET UP EVENT LIST is the union of what they registered for, POLL INTERVAL the shortest that any of them
 * wants, SET UP MENU made of the entries of all. Each is sent after TERMINAL PROFILE, and again when it
 * changed.
 */
#include "cat.h"
#include "kernel.h"
#include "toolkit_registry.h"

/* Which code of the event list (TS 102 223 8.25) stands for which event. */
static const struct {
    uint8_t event, code;
} listed[] = {
    {TOOLKIT_MT_CALL, 0x00},
    {TOOLKIT_CALL_CONNECTED, 0x01},
    {TOOLKIT_CALL_DISCONNECTED, 0x02},
    {TOOLKIT_LOCATION_STATUS, 0x03},
    {TOOLKIT_USER_ACTIVITY, 0x04},
    {TOOLKIT_IDLE_SCREEN_AVAILABLE, 0x05},
    {TOOLKIT_CARD_READER_STATUS, 0x06},
    {TOOLKIT_LANGUAGE_SELECTION, 0x07},
    {TOOLKIT_BROWSER_TERMINATION, 0x08},
    {TOOLKIT_DATA_AVAILABLE, 0x09},
    {TOOLKIT_CHANNEL_STATUS, 0x0A},
    {TOOLKIT_ACCESS_TECHNOLOGY_CHANGE, 0x0B},
    {TOOLKIT_DISPLAY_PARAMETERS_CHANGED, 0x0C},
    {TOOLKIT_LOCAL_CONNECTION, 0x0D},
    {TOOLKIT_NETWORK_SEARCH_MODE_CHANGE, 0x0E},
    {TOOLKIT_BROWSING_STATUS, 0x0F},
    {TOOLKIT_FRAMES_INFORMATION_CHANGE, 0x10},
    {TOOLKIT_IWLAN_ACCESS_STATUS, 0x11},
    {TOOLKIT_NETWORK_REJECTION, 0x12},
    {TOOLKIT_HCI_CONNECTIVITY, 0x13},
    {TOOLKIT_CSG_CELL_SELECTION, 0x15},
    {TOOLKIT_CONTACTLESS_STATE_REQUEST, 0x16},
    {TOOLKIT_IMS_REGISTRATION, 0x17},
    {TOOLKIT_INCOMING_IMS_DATA, 0x18},
    {TOOLKIT_PROFILE_CONTAINER, 0x19},
    {TOOLKIT_SECURED_PROFILE_CONTAINER, 0x1B},
    {TOOLKIT_POLL_INTERVAL_NEGOTIATION, 0x1C},
    {TOOLKIT_DATA_CONNECTION_STATUS_CHANGE, 0x1D},
    {TOOLKIT_CAG_CELL_SELECTION, 0x1E},
};

uint8_t toolkit_event_of_code(uint8_t code)
{
    for (size_t i = 0; i < sizeof listed / sizeof listed[0]; i++)
        if (listed[i].code == code)
            return listed[i].event;
    return 0;
}

bool toolkit_code_of_event(unsigned event, uint8_t *code)
{
    for (size_t i = 0; i < sizeof listed / sizeof listed[0]; i++)
        if (listed[i].event == event) {
            *code = listed[i].code;
            return true;
        }
    return false;
}

enum { TOLD_NOTHING = 0, TOLD_NOT_IN_FORCE = 1 };

/* FNV-1a: only to see whether something changed. None of the two above for something. */
static uint32_t digest(struct span s, uint8_t qualifier)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ s.p[i]) * 16777619u;
    h ^= qualifier;
    return h > TOLD_NOT_IN_FORCE ? h : h + 2;
}

void toolkit_event_used(struct uicc *card)
{
    uint32_t *told = &card->ram.toolkit.told[SYSTEM_EVENTS];
    *told = *told != TOLD_NOTHING ? (uint32_t)TOLD_NOT_IN_FORCE : *told;
}

/* ---- what there is to ask for: false for nothing ---- */

/* Only what the terminal offers: an event that it does not know would make it refuse the list. */
static bool events_wanted(struct uicc *card, struct buf *out, uint8_t *type, uint8_t *qualifier)
{
    const struct toolkit *t = &card->ram.toolkit;
    uint8_t asked[TOOLKIT_EVENTS / 8] = {0};
    struct toolkit_entry e;
    for (unsigned i = 0; i < applets_count(card); i++)
        if (toolkit_entry_load(card, (uint8_t)i, &e))
            for (size_t k = 0; k < sizeof asked; k++)
                asked[k] |= e.asked[k];
    size_t mark = buf_tlv_open(out, CAT_COMPREHENSION | CAT_TAG_EVENT_LIST);
    bool any = false;
    for (size_t i = 0; i < sizeof listed / sizeof listed[0]; i++)
        if ((asked[listed[i].event / 8] >> listed[i].event % 8 & 1) != 0 &&
            cat_profile_has(span_of(t->profile, t->profile_len), cat_event_facility(listed[i].code))) {
            buf_u8(out, listed[i].code);
            any = true;
        }
    buf_tlv_close(out, mark);
    *type = PROACTIVE_SET_UP_EVENT_LIST;
    *qualifier = 0;
    return any;
}

static bool poll_wanted(struct uicc *card, struct buf *out, uint8_t *type, uint8_t *qualifier)
{
    struct toolkit_entry e;
    uint8_t duration[2];
    uint16_t shortest = 0;
    for (unsigned i = 0; i < applets_count(card); i++)
        if (toolkit_entry_load(card, (uint8_t)i, &e) && e.poll != 0 && (shortest == 0 || e.poll < shortest))
            shortest = e.poll;
    *qualifier = 0;
    *type = shortest != 0 ? PROACTIVE_POLL_INTERVAL : PROACTIVE_POLLING_OFF;
    if (shortest == 0)
        return false;
    cat_duration(shortest, duration);
    buf_tlv(out, CAT_COMPREHENSION | CAT_TAG_DURATION, span_of(duration, sizeof duration));
    return true;
}

/* ---- the menu ---- */

enum { MENU_MAX = 64 };

struct menu_order {
    unsigned n;
    struct toolkit_menu entries[MENU_MAX];
};

/* Where every entry is in the list, also of those that are not shown now: they come back to their places. An
 * identifier is one octet, so there are no more than this. */
struct menu_list {
    unsigned n;
    struct {
        uint8_t applet, slot;
    } at[255];
};

/* TS 102 226 8.2.1.3.2.2.1: the place that an entry asks for is the one it gets;
 * what was there moves down. */
static void list_insert(struct menu_list *l, uint8_t applet, uint8_t slot, uint8_t position)
{
    unsigned at = position != 0 && position - 1u < l->n ? position - 1u : l->n;
    if (l->n == sizeof l->at / sizeof l->at[0])
        return;
    memmove(l->at + at + 1, l->at + at, (l->n - at) * sizeof l->at[0]);
    l->at[at].applet = applet;
    l->at[at].slot = slot;
    l->n++;
}

/* As if each had come when its applet was installed. */
static void list_all(struct uicc *card, struct menu_list *l)
{
    uint8_t applets[APPLETS_MAX];
    struct toolkit_menu m;
    const unsigned n = applets_count(card);
    l->n = 0;
    for (unsigned i = 0; i < n; i++) {
        unsigned at = i;
        for (; at > 0 && applet_is_later(card, applets[at - 1], (uint8_t)i); at--)
            applets[at] = applets[at - 1];
        applets[at] = (uint8_t)i;
    }
    for (unsigned i = 0; i < n; i++)
        for (uint8_t slot = 0; slot < TOOLKIT_MENU_SLOTS; slot++)
            if (toolkit_menu_of(card, applets[i], slot, &m))
                list_insert(l, applets[i], slot, m.position);
}

static void menu_collect(struct uicc *card, struct menu_order *o)
{
    struct menu_list list;
    list_all(card, &list);
    o->n = 0;
    for (unsigned i = 0; i < list.n && o->n < MENU_MAX; i++) {
        struct toolkit_menu *m = &o->entries[o->n];
        if (toolkit_menu_load(card, list.at[i].applet, list.at[i].slot, m) && m->enabled)
            o->n++;
    }
}

enum { DF_TELECOM = 0x7F10, EF_SUME = 0x6F54 };

void toolkit_note_title(struct uicc *card, uint16_t file)
{
    if (admin_file_fid(card, file) == EF_SUME)
        card->ram.toolkit.changed = true;
}

/* EF.SUME (TS 51.011 10.3.34; on a UICC it lies in DF.TELECOM): the title, if the operator gave one. */
static struct span menu_title(struct uicc *card)
{
    enum { TITLE = 0x85 };
    struct span title = SPAN_EMPTY;
    uint16_t telecom = admin_file_in(card, 0, DF_TELECOM);
    uint16_t file =
        telecom != PROFILE_NO_FILE ? admin_file_in(card, telecom, EF_SUME) : (uint16_t)PROFILE_NO_FILE;
    if (file != PROFILE_NO_FILE)
        (void)tlv_find(admin_file_read(card, file), TITLE, &title);
    return title;
}

static void menu_put(const struct menu_order *order, struct span title, struct buf *out, bool *help)
{
    static const uint8_t no_title[] = {'U', 'I', 'C', 'C'};
    /* TS 102 241: icons, if every entry has one; one that does not explain itself makes all so */
    bool actions = false, icons = order->n > 0;
    uint8_t qualifier = 0;
    *help = false;
    buf_tlv(out, CAT_COMPREHENSION | CAT_TAG_ALPHA_IDENTIFIER,
            title.n > 0 ? title : span_of(no_title, sizeof no_title));
    for (unsigned i = 0; i < order->n; i++) {
        const struct toolkit_menu *m = &order->entries[i];
        size_t mark = buf_tlv_open(out, CAT_COMPREHENSION | CAT_TAG_ITEM);
        buf_u8(out, m->id);
        buf_put(out, m->text);
        buf_tlv_close(out, mark);
        actions |= m->next_action != 0;
        icons &= m->icon != 0;
        qualifier |= m->icon_qualifier;
        *help |= m->help;
    }
    if (order->n == 0) /* TS 102 223 6.4.8: one item without anything takes the menu away */
        buf_tlv(out, CAT_COMPREHENSION | CAT_TAG_ITEM, SPAN_EMPTY);
    if (actions) {
        size_t mark = buf_tlv_open(out, CAT_TAG_NEXT_ACTION);
        for (unsigned i = 0; i < order->n; i++)
            buf_u8(out, order->entries[i].next_action);
        buf_tlv_close(out, mark);
    }
    if (icons) {
        size_t mark = buf_tlv_open(out, CAT_TAG_ITEM_ICON_LIST);
        buf_u8(out, qualifier);
        for (unsigned i = 0; i < order->n; i++)
            buf_u8(out, order->entries[i].icon);
        buf_tlv_close(out, mark);
    }
}

/* Applets come back (unlocked, or with their operator's pair) whose entries were fitted to another menu than
 * is there now: the last ones are then left out, rather than the whole menu. */
bool toolkit_menu_build(struct uicc *card, bool whole, struct buf *out, bool *help)
{
    enum { ROUND = 3 + 5 + 4 }; /* D0 and its length, command details, device identities */
    struct menu_order order;
    struct span title = menu_title(card);
    menu_collect(card, &order);
    for (;; order.n--) {
        *out = buf_of(out->p, out->cap);
        menu_put(&order, title, out, help);
        if (buf_ok(out) && out->len + ROUND <= TOOLKIT_COMMAND_MAX)
            return true;
        if (whole || order.n == 0)
            return false;
    }
}

static bool menu_wanted(struct uicc *card, struct buf *out, uint8_t *type, uint8_t *qualifier)
{
    enum { HELP_AVAILABLE = 0x80 };
    struct toolkit_menu m;
    bool help, any = false;
    *type = PROACTIVE_SET_UP_MENU;
    if (!toolkit_menu_build(card, false, out, &help))
        out->full = true;
    *qualifier = help ? HELP_AVAILABLE : 0;
    for (unsigned i = 0; i < applets_count(card) && !any; i++)
        for (unsigned slot = 0; slot < TOOLKIT_MENU_SLOTS && !any; slot++)
            any = toolkit_menu_load(card, (uint8_t)i, slot, &m) && m.enabled;
    return any;
}

/* ---- telling the terminal ---- */

static const struct {
    bool (*wanted)(struct uicc *card, struct buf *out, uint8_t *type, uint8_t *qualifier);
    /* of proactive commands: each takes the place of the one before it, of whichever type */
    uint8_t types[2];
} kinds[SYSTEM_KINDS] = {
    [SYSTEM_EVENTS] = {events_wanted, {PROACTIVE_SET_UP_EVENT_LIST, 0}},
    [SYSTEM_POLL] = {poll_wanted, {PROACTIVE_POLL_INTERVAL, PROACTIVE_POLLING_OFF}},
    [SYSTEM_MENU] = {menu_wanted, {PROACTIVE_SET_UP_MENU, 0}},
};

bool toolkit_system_kind(uint8_t type, enum toolkit_system *kind)
{
    for (unsigned i = 0; i < SYSTEM_KINDS; i++)
        if (type == kinds[i].types[0] || (type == kinds[i].types[1] && type != 0)) {
            *kind = (enum toolkit_system)i;
            return true;
        }
    return false;
}

/* true: the terminal knows, or need not. */
static bool tell(struct uicc *card, enum toolkit_system kind)
{
    uint8_t bytes[TOOLKIT_COMMAND_MAX], type, qualifier;
    struct buf rest = buf_of(bytes, sizeof bytes);
    struct toolkit *t = &card->ram.toolkit;
    bool any = kinds[kind].wanted(card, &rest, &type, &qualifier);
    uint32_t now = any ? digest(buf_span(&rest), qualifier) : TOLD_NOTHING;
    if (now == t->told[kind] || !buf_ok(&rest))
        return true;
    for (unsigned i = 0; i < 2 && kinds[kind].types[i] != 0; i++)
        /* one that was not fetched yet is out of date */
        toolkit_cancel(card, NO_APPLET, kinds[kind].types[i]);
    if (!cat_profile_has(span_of(t->profile, t->profile_len), cat_facility(type, qualifier)))
        return true;
    if (!toolkit_queue_command(card, NO_APPLET, type, qualifier, buf_span(&rest)))
        return false;
    t->told[kind] = now;
    return true;
}

/* Without a TERMINAL PROFILE there is nobody to tell. */
void toolkit_synchronise(struct uicc *card)
{
    bool all = true;
    if (card->ram.toolkit.profile_len == 0)
        return;
    for (unsigned kind = 0; kind < SYSTEM_KINDS; kind++)
        all = tell(card, kind) && all;
    card->ram.toolkit.changed = !all;
    toolkit_settle(card, true); /* no transaction is open */
}

/* What it did not do for good is not asked again before something changes; for a while, the queue asks again
 * by itself (proactive.c). */
void toolkit_system_answered(struct uicc *card, uint8_t type, uint8_t general_result, struct span response)
{
    enum { PERFORMED_LAST = 0x0F };
    const struct cat_command *c = cat_command(type);
    struct span chosen;
    if (type == PROACTIVE_POLL_INTERVAL) /* TS 102 223 6.4.6: the terminal says what it made of it */
        card->ram.toolkit.poll =
            general_result <= PERFORMED_LAST && ctlv_find(response, CAT_TAG_DURATION, 0, &chosen)
                ? (uint16_t)cat_duration_seconds(chosen)
                : 0;
    if (general_result > PERFORMED_LAST && c != NULL)
        applet_note((struct applet){card, NO_APPLET}, c->name);
}
