/* SPDX-License-Identifier: Apache-2.0
 *
 * The ToolkitRegistry of each applet (ETSI TS 102 241, uicc.toolkit.ToolkitRegistry). An applet that never
 * changes what its class registers for has no object in the store and costs nothing; the first change writes
 * its entry. The class's events always count as well: a later version of it may have more.
 */
#include "fs.h"
#include "toolkit_registry.h"

/* Items of OBJECT_TOOLKIT, behind the applet's index. Stored: values never change meaning. */
enum {
    ITEM_ENTRY = 0,
    ITEM_FILES = 1,    /* files it watches, two octets each */
    ITEM_PATHS = 2,    /* those of them that were deleted: toolkit_path, one behind the other */
    ITEM_MENU = 0x100, /* + slot */
    ENTRY_FORMAT = 1,
    ENTRY_LEN = 5 + TOOLKIT_EVENTS / 8,
    MENU_HEADER_LEN = 7,
    PRIORITY_LOWEST = 0xFF,
    POLL_SYSTEM_SECONDS = 30,
    FILES_MAX = 64,
    FIRST_OWN_ID = 0x80, /* of a menu entry */
    PATHS_MAX = 512,     /* octets */
};

static uint32_t item_id(uint8_t applet, uint16_t item)
{
    return object_id(OBJECT_TOOLKIT, (uint32_t)applet << 16 | item);
}

static bool item_get(const struct uicc *card, uint8_t applet, uint16_t item, struct span *out)
{
    return objects_get(card->objects, item_id(applet, item), out);
}

/* What the terminal knows may not be true any more, and is told after the command. */
static void touched(struct uicc *card)
{
    card->ram.toolkit.known = false;
    card->ram.toolkit.changed = true;
    card->ram.toolkit.touched = true;
}

static enum toolkit_result item_put(struct applet self, uint16_t item, struct span value)
{
    touched(self.card);
    return objects_put(self.card->objects, item_id(self.index, item), value) ? TOOLKIT_OK
                                                                             : TOOLKIT_REGISTRY_ERROR;
}

static bool item_remove(struct applet self, uint16_t item)
{
    struct span there;
    if (!item_get(self.card, self.index, item, &there))
        return true;
    touched(self.card);
    return objects_remove(self.card->objects, item_id(self.index, item));
}

/* An applet of the profile has no install parameters: it may have all there is. */
struct toolkit_limits toolkit_limits_of(const struct uicc *card, uint8_t applet)
{
    const struct toolkit_parameters *p = applet_toolkit(card, applet);
    struct toolkit_limits limits = {
        .timers = TOOLKIT_TIMERS, .entries = TOOLKIT_MENU_SLOTS, .channels = TOOLKIT_CHANNELS};
    if (p == NULL)
        return limits;
    limits.timers = p->timers;
    limits.text = p->text_max;
    limits.channels = p->channels;
    limits.entries = p->n_menu;
    for (unsigned i = 0; i < p->n_menu && i < TOOLKIT_MENU_SLOTS; i++) {
        limits.menu[i].position = p->menu[i].position;
        limits.menu[i].id = p->menu[i].id;
    }
    return limits;
}

/* ---- the entry ---- */

static void add_events(uint8_t *bits, const uint8_t *events)
{
    for (; events != NULL && *events != 0; events++)
        bits[*events / 8] |= (uint8_t)(1u << *events % 8);
}

static bool class_entry(const struct applet_class *class, struct toolkit_entry *out)
{
    *out = (struct toolkit_entry){.priority = PRIORITY_LOWEST};
    if (class == NULL || class->toolkit == NULL)
        return false;
    out->priority = class->toolkit->priority;
    add_events(out->asked, class->toolkit->events);
    add_events(out->events, class->toolkit->events);
    add_events(out->events, class->toolkit->unasked);
    return true;
}

static bool read_entry(const struct uicc *card, uint8_t applet, struct toolkit_entry *out)
{
    struct span bytes;
    const struct applet_class *class = applet_class_of(card, applet);
    const struct toolkit_parameters *parameters = applet_toolkit(card, applet);
    if (class == NULL || class->event == NULL)
        return false;
    if (!item_get(card, applet, ITEM_ENTRY, &bytes) || bytes.n != ENTRY_LEN) {
        bool any = class_entry(class, out);
        if (parameters != NULL)
            out->priority = parameters->priority;
        return any;
    }
    struct reader r = rd_of(bytes);
    struct toolkit_entry of_class;
    bool known = rd_u8(&r) == ENTRY_FORMAT;
    out->priority = rd_u8(&r);
    out->timers = rd_u8(&r);
    out->poll = rd_u16(&r);
    rd_copy(&r, out->asked, sizeof out->asked);
    (void)class_entry(class, &of_class);
    if (out->priority == 0) /* older versions took it from installation parameters: before the receiver of
                               over-the-air messages */
        out->priority = of_class.priority;
    for (size_t i = 0; i < sizeof out->events; i++) {
        out->asked[i] |= of_class.asked[i];
        out->events[i] = out->asked[i] | of_class.events[i];
    }
    return known && rd_done(&r);
}

bool toolkit_entry_load(const struct uicc *card, uint8_t applet, struct toolkit_entry *out)
{
    return applet_active(card, applet) && read_entry(card, applet, out);
}

/* To change it, which an applet does that is being installed, and not active yet: what is not there yet is
 * made of the class's. */
static void load_own(struct applet self, struct toolkit_entry *e)
{
    const struct toolkit_parameters *parameters = applet_toolkit(self.card, self.index);
    if (!read_entry(self.card, self.index, e))
        *e = (struct toolkit_entry){.priority = parameters != NULL ? parameters->priority : PRIORITY_LOWEST};
}

static enum toolkit_result store_own(struct applet self, const struct toolkit_entry *e)
{
    uint8_t bytes[ENTRY_LEN];
    struct buf out = buf_of(bytes, sizeof bytes);
    struct toolkit_entry before;
    load_own(self, &before);
    if (before.priority == e->priority && before.timers == e->timers && before.poll == e->poll &&
        memcmp(before.asked, e->asked, sizeof e->asked) == 0)
        return TOOLKIT_OK; /* nothing to write down */
    buf_u8(&out, ENTRY_FORMAT);
    buf_u8(&out, e->priority);
    buf_u8(&out, e->timers);
    buf_u16(&out, e->poll);
    buf_put(&out, span_of(e->asked, sizeof e->asked));
    return item_put(self, ITEM_ENTRY, buf_span(&out));
}

static void set_bit(struct toolkit_entry *e, unsigned event, bool on)
{
    uint8_t bit = (uint8_t)(1u << event % 8);
    e->asked[event / 8] = on ? e->asked[event / 8] | bit : e->asked[event / 8] & (uint8_t)~bit;
}

/* Whatever state the applet is in: one that is being installed has entries before it is active, and one that
 * is locked keeps what it has. */
bool toolkit_menu_of(const struct uicc *card, uint8_t applet, unsigned slot, struct toolkit_menu *out)
{
    struct span bytes;
    if (!item_get(card, applet, (uint16_t)(ITEM_MENU | slot), &bytes))
        return false;
    struct reader r = rd_of(bytes);
    out->applet = applet;
    out->id = rd_u8(&r);
    out->position = rd_u8(&r);
    out->enabled = rd_u8(&r) != 0;
    out->help = rd_u8(&r) != 0;
    out->next_action = rd_u8(&r);
    out->icon_qualifier = rd_u8(&r);
    out->icon = rd_u8(&r);
    out->text = rd_rest(&r);
    return rd_ok(&r);
}

/* ---- events ---- */

enum event_way { BY_ITSELF, BY_OTHER_MEANS, NOT_KEPT, NO_SUCH_EVENT };

static enum event_way way_of(unsigned event)
{
    switch (event) {
    case TOOLKIT_MENU_SELECTION:
    case TOOLKIT_MENU_SELECTION_HELP_REQUEST:
    case TOOLKIT_TIMER_EXPIRATION:
    case TOOLKIT_STATUS_COMMAND:
    case TOOLKIT_EXTERNAL_FILE_UPDATE:
        return BY_OTHER_MEANS;
    case TOOLKIT_PROACTIVE_HANDLER_AVAILABLE:
        return NOT_KEPT;
    case TOOLKIT_FORMATTED_SMS_PP_UPD: /* messages that the terminal stores itself, and the card reads there:
                                          phase 1 */
    case TOOLKIT_UNFORMATTED_SMS_PP_UPD:
        return NO_SUCH_EVENT;
    case TOOLKIT_UNRECOGNISED_ENVELOPE:
    case TOOLKIT_APPLICATION_DESELECT:
    case TOOLKIT_FIRST_COMMAND_AFTER_ATR:
        return BY_ITSELF;
    default:
        return (event >= TOOLKIT_PROFILE_DOWNLOAD && event <= TOOLKIT_CAG_CELL_SELECTION) ||
                       (event >= TOOLKIT_USSD_DOWNLOAD && event <= TOOLKIT_PROSE_REPORT)
                   ? BY_ITSELF
                   : NO_SUCH_EVENT;
    }
}

bool toolkit_event_exclusive(unsigned event)
{
    return event == TOOLKIT_CALL_CONTROL || event == TOOLKIT_MO_SHORT_MESSAGE_CONTROL;
}

bool toolkit_event_once(unsigned event)
{
    return event == TOOLKIT_USER_ACTIVITY || event == TOOLKIT_IDLE_SCREEN_AVAILABLE;
}

static bool taken(struct applet self, unsigned event)
{
    struct toolkit_entry e;
    for (unsigned i = 0; i < applets_count(self.card); i++)
        if (i != self.index && toolkit_entry_load(self.card, (uint8_t)i, &e) && toolkit_entry_has(&e, event))
            return true;
    return false;
}

static void wait_for_handler(struct applet self, bool on)
{
    uint8_t bit = (uint8_t)(1u << self.index % 8), *octet = &self.card->ram.toolkit.available[self.index / 8];
    *octet = on ? *octet | bit : *octet & (uint8_t)~bit;
    self.card->ram.toolkit.offering |= on;
}

static enum toolkit_result deregister_files(struct applet self);

static enum toolkit_result change_event(struct applet self, enum toolkit_event event, bool on)
{
    struct toolkit_entry e;
    switch (way_of(event)) {
    case NO_SUCH_EVENT:
        return TOOLKIT_EVENT_NOT_SUPPORTED;
    case BY_OTHER_MEANS:
        return !on && event == TOOLKIT_EXTERNAL_FILE_UPDATE ? deregister_files(self)
                                                            : TOOLKIT_EVENT_NOT_ALLOWED;
    case NOT_KEPT:
        wait_for_handler(self, on);
        return TOOLKIT_OK;
    default:
        break;
    }
    if (!on && class_entry(applet_class_of(self.card, self.index), &e) &&
        (e.asked[event / 8] >> event % 8 & 1) != 0)
        return TOOLKIT_EVENT_NOT_ALLOWED; /* what its class always listens to */
    if (on && toolkit_event_exclusive(event) && taken(self, event))
        return TOOLKIT_EVENT_ALREADY_REGISTERED;
    /* its registration has not changed, what the terminal knows may have */
    if (on && toolkit_event_once(event))
        touched(self.card);
    load_own(self, &e);
    set_bit(&e, event, on);
    return store_own(self, &e);
}

enum toolkit_result toolkit_set_event(struct applet self, enum toolkit_event event)
{
    return change_event(self, event, true);
}

enum toolkit_result toolkit_clear_event(struct applet self, enum toolkit_event event)
{
    return change_event(self, event, false);
}

/* Files that are there, or places where one was. */
static bool watches_files(struct applet self)
{
    struct span list;
    return item_get(self.card, self.index, ITEM_FILES, &list) ||
           item_get(self.card, self.index, ITEM_PATHS, &list);
}

bool toolkit_event_is_set(struct applet self, enum toolkit_event event)
{
    struct toolkit_entry e;
    struct toolkit_menu menu;
    if (event == TOOLKIT_PROACTIVE_HANDLER_AVAILABLE)
        return (self.card->ram.toolkit.available[self.index / 8] >> self.index % 8 & 1) != 0;
    if (event == TOOLKIT_EXTERNAL_FILE_UPDATE)
        return watches_files(self);
    if (event == TOOLKIT_MENU_SELECTION || event == TOOLKIT_MENU_SELECTION_HELP_REQUEST) {
        for (unsigned slot = 0; slot < TOOLKIT_MENU_SLOTS; slot++)
            if (toolkit_menu_of(self.card, self.index, slot, &menu) &&
                (event == TOOLKIT_MENU_SELECTION || menu.help))
                return true;
        return false;
    }
    load_own(self, &e);
    return event == TOOLKIT_TIMER_EXPIRATION ? e.timers != 0 : toolkit_entry_has(&e, event);
}

enum toolkit_result toolkit_set_priority(struct applet self, uint8_t priority)
{
    struct toolkit_entry e;
    load_own(self, &e);
    e.priority = priority == 0 ? PRIORITY_LOWEST : priority; /* 00 is reserved */
    return store_own(self, &e);
}

/* ---- timers and polling ---- */

uint8_t toolkit_timer_owner(struct uicc *card, unsigned timer)
{
    struct toolkit_entry e;
    if (timer < 1 || timer > TOOLKIT_TIMERS)
        return NO_APPLET;
    for (unsigned i = 0; i < applets_count(card); i++)
        if (toolkit_entry_load(card, (uint8_t)i, &e) && (e.timers >> (timer - 1) & 1) != 0)
            return (uint8_t)i;
    return NO_APPLET;
}

uint8_t toolkit_timers(struct applet self)
{
    struct toolkit_entry e;
    load_own(self, &e);
    return e.timers;
}

/* One that is locked, or not selectable yet, keeps its timers; what an operator's applet had while another's
 * pair is active is for those who run. */
static bool timer_taken(const struct uicc *card, unsigned timer)
{
    struct toolkit_entry e;
    for (unsigned i = 0; i < applets_count(card); i++)
        if (!applet_suspended(card, (uint8_t)i) && read_entry(card, (uint8_t)i, &e) &&
            (e.timers >> (timer - 1) & 1) != 0)
            return true;
    return false;
}

static unsigned count(uint8_t bits)
{
    unsigned n = 0;
    for (; bits != 0; bits &= (uint8_t)(bits - 1))
        n++;
    return n;
}

enum toolkit_result toolkit_allocate_timer(struct applet self, uint8_t *timer)
{
    struct toolkit_entry e;
    *timer = 0;
    load_own(self, &e);
    if (count(e.timers) >= toolkit_limits_of(self.card, self.index).timers)
        return TOOLKIT_NO_TIMER_AVAILABLE;
    for (uint8_t n = 1; n <= TOOLKIT_TIMERS; n++)
        if (!timer_taken(self.card, n)) {
            e.timers |= (uint8_t)(1u << (n - 1));
            *timer = n;
            return store_own(self, &e);
        }
    return TOOLKIT_NO_TIMER_AVAILABLE;
}

enum toolkit_result toolkit_release_timer(struct applet self, uint8_t timer)
{
    struct toolkit_entry e;
    load_own(self, &e);
    if (timer < 1 || timer > TOOLKIT_TIMERS || (e.timers >> (timer - 1) & 1) == 0)
        return TOOLKIT_INVALID_TIMER_ID;
    e.timers &= (uint8_t) ~(1u << (timer - 1));
    return store_own(self, &e);
}

/* The system's own: that of a terminal that nobody asked for another (TS 102 221 14.5.1: 30 s). An applet
 * that leaves it to the card gets that, or what others want. */
enum toolkit_result toolkit_request_poll_interval(struct applet self, uint16_t seconds)
{
    struct toolkit_entry e, class;
    if (seconds == TOOLKIT_POLL_SYSTEM)
        seconds = POLL_SYSTEM_SECONDS;
    if (seconds > TOOLKIT_POLL_MAX)
        return TOOLKIT_REGISTRY_ERROR;
    load_own(self, &e);
    e.poll = seconds;
    (void)class_entry(applet_class_of(self.card, self.index), &class);
    set_bit(&e, TOOLKIT_STATUS_COMMAND, seconds != 0 || toolkit_entry_has(&class, TOOLKIT_STATUS_COMMAND));
    return store_own(self, &e);
}

/* ---- files ---- */

/* Where a file is: its root (the MF's index, or an ADF's), and the FIDs on the way down; in front,
 * how many octets that are. */
bool toolkit_path(const struct uicc *card, uint16_t file, struct buf *out)
{
    uint16_t fids[TOOLKIT_PATH_LEVELS];
    size_t n = 0;
    for (; file != 0 && fs_file(card, file)->kind != FILE_ADF; file = fs_file(card, file)->parent) {
        if (n == TOOLKIT_PATH_LEVELS)
            return false;
        fids[n++] = fs_file(card, file)->fid;
    }
    buf_u8(out, (uint8_t)(2 + 2 * n));
    buf_u16(out, file);
    while (n > 0)
        buf_u16(out, fids[--n]);
    return buf_ok(out);
}

enum { PATH_MAX_LEN = 3 + 2 * TOOLKIT_PATH_LEVELS };

/* every_name: it, or one that is linked with it. */
static bool same_file(struct uicc *card, uint16_t one, uint16_t file, bool every_name)
{
    return one == file || (every_name && admin_file_body(card, one) == admin_file_body(card, file));
}

static bool has_index(struct uicc *card, uint8_t applet, uint16_t file, bool every_name)
{
    struct span files;
    struct reader r;
    if (!item_get(card, applet, ITEM_FILES, &files))
        return false;
    for (r = rd_of(files); r.left >= 2;)
        if (same_file(card, rd_u16(&r), file, every_name))
            return true;
    return false;
}

static struct span next_path(struct reader *r)
{
    struct reader from = *r;
    uint8_t n = rd_u8(&from);
    return rd_take(r, 1u + n);
}

static bool has_path(struct uicc *card, uint8_t applet, uint16_t file)
{
    uint8_t bytes[PATH_MAX_LEN];
    struct buf path = buf_of(bytes, sizeof bytes);
    struct span paths;
    struct reader r;
    if (!item_get(card, applet, ITEM_PATHS, &paths) || !toolkit_path(card, file, &path))
        return false;
    for (r = rd_of(paths); r.left > 0 && rd_ok(&r);)
        if (span_equal(next_path(&r), buf_span(&path)))
            return true;
    return false;
}

static bool registered(struct uicc *card, uint8_t applet, uint16_t file)
{
    return has_index(card, applet, file, true) || has_path(card, applet, file);
}

/* TS 102 241: a directory stands for the files that are in it, not for those further down. */
bool toolkit_watches_file(struct uicc *card, uint8_t applet, uint16_t file)
{
    return registered(card, applet, file) ||
           (file != 0 && registered(card, applet, fs_file(card, file)->parent));
}

static enum toolkit_result store_list(struct applet self, uint16_t item, struct span list)
{
    struct toolkit_entry e;
    enum toolkit_result result = TOOLKIT_OK;
    if (list.n > 0)
        result = item_put(self, item, list);
    else if (!item_remove(self, item))
        result = TOOLKIT_REGISTRY_ERROR;
    load_own(self, &e);
    set_bit(&e, TOOLKIT_EXTERNAL_FILE_UPDATE, watches_files(self));
    return result == TOOLKIT_OK ? store_own(self, &e) : result;
}

enum toolkit_result toolkit_register_file(struct applet self, uint16_t file)
{
    uint8_t bytes[2 * FILES_MAX];
    struct buf files = buf_of(bytes, sizeof bytes);
    struct span now;
    if (registered(self.card, self.index, file))
        return TOOLKIT_OK;
    if (item_get(self.card, self.index, ITEM_FILES, &now))
        buf_put(&files, now);
    buf_u16(&files, file);
    return buf_ok(&files) ? store_list(self, ITEM_FILES, buf_span(&files)) : TOOLKIT_REGISTRY_ERROR;
}

static enum toolkit_result drop_index(struct applet self, uint16_t file, bool every_name)
{
    uint8_t bytes[2 * FILES_MAX];
    struct buf files = buf_of(bytes, sizeof bytes);
    struct span now;
    if (!item_get(self.card, self.index, ITEM_FILES, &now))
        return TOOLKIT_OK;
    const size_t before = now.n;
    for (struct reader r = rd_of(now); r.left >= 2;) {
        uint16_t one = rd_u16(&r);
        if (!same_file(self.card, one, file, every_name))
            buf_u16(&files, one);
    }
    return files.len == before ? TOOLKIT_OK : store_list(self, ITEM_FILES, buf_span(&files));
}

/* The list of paths without this file's, and with it at the end if it is to be there. */
static enum toolkit_result change_path(struct applet self, uint16_t file, bool there)
{
    uint8_t bytes[PATHS_MAX], own[PATH_MAX_LEN];
    struct buf paths = buf_of(bytes, sizeof bytes), path = buf_of(own, sizeof own);
    struct span now = SPAN_EMPTY;
    if ((!item_get(self.card, self.index, ITEM_PATHS, &now) && !there) ||
        !toolkit_path(self.card, file, &path))
        return TOOLKIT_OK;
    const size_t before = now.n;
    for (struct reader r = rd_of(now); r.left > 0 && rd_ok(&r);) {
        struct span one = next_path(&r);
        if (!span_equal(one, buf_span(&path)))
            buf_put(&paths, one);
    }
    if (there && paths.cap - paths.len >= path.len) /* the oldest stay: what is gone may never come back */
        buf_put(&paths, buf_span(&path));
    return paths.len == before ? TOOLKIT_OK : store_list(self, ITEM_PATHS, buf_span(&paths));
}

enum toolkit_result toolkit_deregister_file(struct applet self, uint16_t file)
{
    enum toolkit_result result = drop_index(self, file, true);
    return result == TOOLKIT_OK ? change_path(self, file, false) : result;
}

static enum toolkit_result deregister_files(struct applet self)
{
    enum toolkit_result result = store_list(self, ITEM_FILES, SPAN_EMPTY);
    return result == TOOLKIT_OK ? store_list(self, ITEM_PATHS, SPAN_EMPTY) : result;
}

/* Its index will be another's; who watched it watches the place, for it may be made again. */
bool toolkit_file_deleted(struct uicc *card, uint16_t file)
{
    bool ok = true;
    for (unsigned i = 0; i < applets_count(card); i++) {
        const struct applet self = {card, (uint8_t)i};
        if (has_index(card, self.index, file, false))
            ok = drop_index(self, file, false) == TOOLKIT_OK && change_path(self, file, true) == TOOLKIT_OK &&
                 ok;
    }
    return ok;
}

/* ---- menu entries ---- */

bool toolkit_menu_load(const struct uicc *card, uint8_t applet, unsigned slot, struct toolkit_menu *out)
{
    return applet_active(card, applet) && toolkit_menu_of(card, applet, slot, out);
}

static enum toolkit_result menu_store(struct applet self, unsigned slot, const struct toolkit_menu *m)
{
    uint8_t bytes[MENU_HEADER_LEN + 255];
    struct buf out = buf_of(bytes, sizeof bytes);
    buf_u8(&out, m->id);
    buf_u8(&out, m->position);
    buf_u8(&out, m->enabled);
    buf_u8(&out, m->help);
    buf_u8(&out, m->next_action);
    buf_u8(&out, m->icon_qualifier);
    buf_u8(&out, m->icon);
    buf_put(&out, m->text);
    return buf_ok(&out) ? item_put(self, (uint16_t)(ITEM_MENU | slot), buf_span(&out))
                        : TOOLKIT_ALLOWED_LENGTH_EXCEEDED;
}

static bool menu_of(const struct uicc *card, uint8_t applet, uint8_t id, struct toolkit_menu *out,
                    unsigned *slot)
{
    for (*slot = 0; id != 0 && *slot < TOOLKIT_MENU_SLOTS; ++*slot)
        if (toolkit_menu_of(card, applet, *slot, out) && out->id == id)
            return true;
    return false;
}

uint8_t toolkit_menu_owner(struct uicc *card, uint8_t id, struct toolkit_menu *out)
{
    unsigned slot;
    for (unsigned i = 0; i < applets_count(card); i++)
        if (applet_active(card, (uint8_t)i) && menu_of(card, (uint8_t)i, id, out, &slot))
            return (uint8_t)i;
    return NO_APPLET;
}

static bool menu_own(struct applet self, uint8_t id, struct toolkit_menu *out, unsigned *slot)
{
    return menu_of(self.card, self.index, id, out, slot);
}

/* By an applet of any state: one that comes back finds its identifiers its own. */
static bool id_taken(const struct uicc *card, uint8_t id)
{
    struct toolkit_menu m;
    unsigned slot;
    for (unsigned i = 0; i < applets_count(card); i++)
        if (menu_of(card, (uint8_t)i, id, &m, &slot))
            return true;
    return false;
}

static bool id_promised(const struct uicc *card, uint8_t id)
{
    for (unsigned i = 0; i < applets_count(card); i++) {
        const struct toolkit_parameters *p = applet_toolkit(card, (uint8_t)i);
        for (unsigned k = 0; p != NULL && k < p->n_menu; k++)
            if (p->menu[k].id == id)
                return true;
    }
    return false;
}

bool toolkit_identifiers_free(const struct uicc *card, const struct toolkit_parameters *wanted)
{
    for (unsigned i = 0; i < wanted->n_menu; i++) {
        uint8_t id = wanted->menu[i].id;
        if (id != 0 && (id >= FIRST_OWN_ID || id_taken(card, id) || id_promised(card, id)))
            return false;
    }
    return true;
}

/* Identifiers that the card chooses begin at 80: below, install parameters may ask for some (TS 102
 * 226 8.2.1.3.2.2.1). */
static uint8_t free_id(const struct uicc *card, uint8_t wanted)
{
    if (wanted != 0 && !id_taken(card, wanted))
        return wanted;
    for (unsigned id = FIRST_OWN_ID; id <= 0xFF; id++)
        if (!id_taken(card, (uint8_t)id))
            return (uint8_t)id;
    return 0;
}

static void set_content(struct toolkit_menu *m, const struct toolkit_menu_entry *entry)
{
    m->help = entry->help;
    m->next_action = entry->next_action;
    m->icon_qualifier = entry->icon_qualifier;
    m->icon = entry->icon;
    m->text = entry->text;
}

static bool text_fits(struct applet self, const struct toolkit_menu_entry *entry)
{
    struct toolkit_limits limits = toolkit_limits_of(self.card, self.index);
    return entry->text.n <= (limits.text != 0 ? limits.text : 255u);
}

/* The menu as a whole must fit into one command; an entry that would make it too long is taken out again. */
static bool menu_fits(struct uicc *card)
{
    uint8_t bytes[TOOLKIT_COMMAND_MAX];
    struct buf menu = buf_of(bytes, sizeof bytes);
    bool help;
    return toolkit_menu_build(card, true, &menu, &help);
}

enum toolkit_result toolkit_init_menu_entry(struct applet self, const struct toolkit_menu_entry *entry,
                                            uint8_t *id)
{
    struct toolkit_limits limits = toolkit_limits_of(self.card, self.index);
    struct toolkit_menu m = {.applet = self.index, .enabled = true};
    struct toolkit_menu there;
    unsigned slot = 0;
    *id = 0;
    while (slot < TOOLKIT_MENU_SLOTS && toolkit_menu_of(self.card, self.index, slot, &there))
        slot++;
    if (slot >= TOOLKIT_MENU_SLOTS || slot >= limits.entries)
        return TOOLKIT_REGISTRY_ERROR;
    if (!text_fits(self, entry))
        return TOOLKIT_ALLOWED_LENGTH_EXCEEDED;
    m.id = free_id(self.card, limits.menu[slot].id);
    m.position = limits.menu[slot].position;
    set_content(&m, entry);
    if (m.id == 0)
        return TOOLKIT_REGISTRY_ERROR;
    enum toolkit_result result = menu_store(self, slot, &m);
    if (result == TOOLKIT_OK && !menu_fits(self.card)) {
        (void)item_remove(self, (uint16_t)(ITEM_MENU | slot));
        return TOOLKIT_ALLOWED_LENGTH_EXCEEDED;
    }
    *id = m.id;
    return result;
}

/* The stored text is borrowed, and moves: what goes back must be a copy. */
struct menu_copy {
    struct toolkit_menu m;
    uint8_t text[255];
};

static void copy_text(struct menu_copy *c)
{
    c->m.text = span_slice(c->m.text, 0, sizeof c->text);
    memcpy(c->text, c->m.text.p, c->m.text.n);
    c->m.text.p = c->text;
}

enum toolkit_result toolkit_change_menu_entry(struct applet self, uint8_t id,
                                              const struct toolkit_menu_entry *entry)
{
    struct menu_copy before;
    struct toolkit_menu m;
    unsigned slot;
    if (!menu_own(self, id, &before.m, &slot))
        return TOOLKIT_MENU_ENTRY_NOT_FOUND;
    if (!text_fits(self, entry))
        return TOOLKIT_ALLOWED_LENGTH_EXCEEDED;
    copy_text(&before);
    m = before.m;
    m.enabled = true; /* TS 102 241: what is changed is enabled */
    set_content(&m, entry);
    enum toolkit_result result = menu_store(self, slot, &m);
    if (result == TOOLKIT_OK && !menu_fits(self.card)) {
        (void)menu_store(self, slot, &before.m);
        return TOOLKIT_ALLOWED_LENGTH_EXCEEDED;
    }
    return result;
}

enum toolkit_result toolkit_enable_menu_entry(struct applet self, uint8_t id, bool enable)
{
    struct menu_copy c;
    unsigned slot;
    if (!menu_own(self, id, &c.m, &slot))
        return TOOLKIT_MENU_ENTRY_NOT_FOUND;
    if (c.m.enabled == enable)
        return TOOLKIT_OK;
    copy_text(&c);
    c.m.enabled = enable;
    enum toolkit_result result = menu_store(self, slot, &c.m);
    if (result == TOOLKIT_OK && enable && !menu_fits(self.card)) {
        c.m.enabled = false;
        (void)menu_store(self, slot, &c.m);
        return TOOLKIT_ALLOWED_LENGTH_EXCEEDED;
    }
    return result;
}

enum toolkit_result toolkit_remove_menu_entry(struct applet self, uint8_t id)
{
    struct toolkit_menu m;
    unsigned slot;
    if (!menu_own(self, id, &m, &slot))
        return TOOLKIT_MENU_ENTRY_NOT_FOUND;
    return item_remove(self, (uint16_t)(ITEM_MENU | slot)) ? TOOLKIT_OK : TOOLKIT_REGISTRY_ERROR;
}

/* ---- the end ---- */

bool toolkit_deregister(struct applet self)
{
    bool ok = item_remove(self, ITEM_ENTRY) && item_remove(self, ITEM_FILES) && item_remove(self, ITEM_PATHS);
    for (unsigned slot = 0; slot < TOOLKIT_MENU_SLOTS; slot++)
        ok = item_remove(self, (uint16_t)(ITEM_MENU | slot)) && ok;
    toolkit_cancel(self.card, self.index, 0);
    wait_for_handler(self, false);
    for (unsigned i = 0; i < TOOLKIT_CHANNELS; i++)
        if (self.card->ram.toolkit.channel_owner[i] == self.index + 1)
            self.card->ram.toolkit.channel_owner[i] = 0;
    return ok;
}
