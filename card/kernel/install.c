/* SPDX-License-Identifier: Apache-2.0
 *
 * Instances made and deleted, and changes of their state (GlobalPlatform Card
 * Specification 2.3, 5.3, 9.3, 9.5). All in the command's transaction: what is in memory is read again when
 * that is aborted.
 */
#include <stdlib.h>

#include "fs.h"
#include "install.h"
#include "kernel.h"

enum { STORED_MAX = 1024 }; /* octets of an instance as stored: its parameters came in one or two commands */

/* ---- room ---- */

/* It is this domain, or belongs to it, or to one that does. */
static bool belongs(const struct uicc *card, uint8_t index, uint8_t domain)
{
    for (uint8_t steps = 0; steps < APPLETS_MAX && index != NO_APPLET && index != domain; steps++) {
        uint8_t parent = applet_domain(card, index);
        if (parent == index) /* the issuer's */
            return false;
        index = parent;
    }
    return index == domain;
}

static uint32_t packages_used(const struct uicc *card, uint8_t domain)
{
    struct package_info info;
    uint32_t n = 0;
    for (unsigned cursor = 0; package_next(card, &cursor, &info);)
        if (info.slot != NO_PACKAGE && belongs(card, info.domain, domain))
            n += info.octets;
    return n;
}

uint32_t domain_used(const struct uicc *card, uint8_t domain)
{
    uint32_t n = packages_used(card, domain);
    for (uint8_t i = 0; card->registry.entries != NULL && i < applets_count(card); i++) {
        const struct applet_entry *e = card->registry.entries[i];
        if (e != NULL && belongs(card, i, domain))
            n += e->used;
    }
    return n;
}

static bool has_room(const struct uicc *card, uint8_t domain, uint32_t n)
{
    const struct applet_entry *e =
        card->registry.entries != NULL && domain < APPLETS_MAX ? card->registry.entries[domain] : NULL;
    if (e == NULL || e->quota == 0)
        return true;
    uint32_t used = domain_used(card, domain);
    return used <= e->quota && n <= e->quota - used;
}

/* In the domain, and in those that it belongs to; `already` counts there where it belongs now. */
static bool room_up(const struct uicc *card, uint8_t domain, uint32_t n, uint8_t already)
{
    for (uint8_t steps = 0; steps < APPLETS_MAX && domain != NO_APPLET; steps++) {
        uint8_t parent = applet_domain(card, domain);
        if ((already == NO_APPLET || !belongs(card, already, domain)) && !has_room(card, domain, n))
            return false;
        if (parent == domain)
            break;
        domain = parent;
    }
    return true;
}

bool domain_has_room(const struct uicc *card, uint8_t domain, uint32_t n)
{
    return room_up(card, domain, n, NO_APPLET);
}

bool registry_account(struct uicc *card, uint8_t index, size_t before, size_t after)
{
    struct applet_entry *e =
        card->registry.entries != NULL && index < APPLETS_MAX ? card->registry.entries[index] : NULL;
    if (e == NULL)
        return true;
    if (after > before) { /* less is always allowed */
        uint32_t more = (uint32_t)(after - before);
        uint8_t domain = e->class->security_domain ? index : applet_domain(card, index);
        uint32_t quota = e->quota != 0 ? e->quota : QUOTA_DEFAULT;
        if (!e->class->security_domain && (e->used > quota || more > quota - e->used))
            return false;
        if (domain != NO_APPLET && !domain_has_room(card, domain, more))
            return false;
    }
    e->used += (uint32_t)(after - before);
    card->registry.dirty = true;
    return true;
}

/* ---- storing ---- */

static bool store(struct uicc *card, uint8_t index, struct span system, struct span uicc)
{
    uint8_t bytes[STORED_MAX];
    struct buf out = buf_of(bytes, sizeof bytes);
    instance_encode(card->registry.entries[index], index < card->profile->n_applets, system, uicc, &out);
    card->registry.dirty = true;
    registry_count(card);
    return buf_ok(&out) && objects_put(card->objects, object_id(OBJECT_INSTANCE, index), buf_span(&out));
}

/* The entry of an applet whose state changes; one of the profile's gets its first. NULL: no such applet, or
 * no memory. */
static struct applet_entry *changing(struct uicc *card, uint8_t index)
{
    if (!applet_exists(card, index) || registry_entries(card) == NULL)
        return NULL;
    struct applet_entry *e = card->registry.entries[index];
    if (e != NULL)
        return e;
    e = entry_of_profile(card, index);
    if (e == NULL)
        return NULL;
    size_t cursor = 0;
    uint32_t id;
    struct span value;
    while (objects_each(card->objects, &cursor, &id, &value))
        if (id >> 24 == OBJECT_APPLET && (id & 0xFFFFFF) >> 16 == index)
            e->used += (uint32_t)value.n;
    card->registry.entries[index] = e;
    card->registry.dirty = true;
    return e;
}

static sw_t changed(struct uicc *card, uint8_t index)
{
    struct span stored, system = SPAN_EMPTY, uicc = SPAN_EMPTY;
    uint8_t bytes[STORED_MAX];
    struct buf kept = buf_of(bytes, sizeof bytes); /* the new value replaces what they lie in */
    if (objects_get(card->objects, object_id(OBJECT_INSTANCE, index), &stored)) {
        buf_put(&kept, stored);
        instance_parameters(buf_span(&kept), &system, &uicc);
    }
    return buf_ok(&kept) && store(card, index, system, uicc) ? SW_OK : SW_MEMORY_PROBLEM;
}

bool applet_selected(const struct uicc *card, uint8_t index)
{
    for (uint8_t c = 0; c < APDU_CHANNELS; c++)
        if (card->ram.channels[c].open && card->ram.channels[c].applet == index)
            return true;
    return false;
}

/* Whoever has it selected has no longer. It is not told by deselect, but by uninstall if it is deleted: this
 * may be in the middle of a transaction. */
static void leave(struct uicc *card, uint8_t index)
{
    for (uint8_t c = 0; c < APDU_CHANNELS; c++)
        if (card->ram.channels[c].open && card->ram.channels[c].applet == index) {
            session_drop_applet(card, &card->ram.channels[c]);
            card->ram.channels[c].view = (struct view){.ef = PROFILE_NO_FILE};
        }
}

/* ---- install ---- */

/* An index that nothing of a former owner is left of. */
static uint8_t free_index(const struct uicc *card)
{
    for (uint8_t i = card->profile->n_applets; i < APPLETS_MAX; i++) {
        size_t cursor = 0;
        uint32_t id;
        struct span value;
        bool used = applet_exists(card, i);
        while (!used && objects_each(card->objects, &cursor, &id, &value))
            used = id >> 24 == OBJECT_APPLET && (id & 0xFFFFFF) >> 16 == i;
        if (!used)
            return i;
    }
    return NO_APPLET;
}

static bool tar_in_use(const struct uicc *card, const struct profile_applet *wanted)
{
    for (uint8_t i = 0; i < applets_count(card); i++) {
        const struct profile_applet *row = applet_row_of(card, i);
        for (uint8_t t = 0; t < row->n_tars; t++)
            for (uint8_t w = 0; w < wanted->n_tars; w++)
                if (memcmp(row->tars[t], wanted->tars[w], sizeof row->tars[t]) == 0)
                    return true;
    }
    return false;
}

static sw_t fill_in(struct uicc *card, const struct applet_installation *how, struct applet_entry *e)
{
    struct aid aid;
    struct package_info ignored;
    if (!aid_set(&aid, how->aid) || !aid_set(&e->package, how->package) || !aid_set(&e->module, how->module))
        return SW_WRONG_DATA;
    if (applet_by_aid(card, how->aid) != NO_APPLET || package_find(card, how->aid, &ignored))
        return SW_WRONG_DATA; /* GlobalPlatform 2.3 11.1.3: an AID names one thing on a card */
    e->row.aid_len = aid.n;
    memcpy(e->row.aid, aid.octets, aid.n);
    e->life = how->selectable ? LIFE_SELECTABLE : LIFE_INSTALLED;
    memcpy(e->privileges, how->privileges, sizeof e->privileges);
    e->domain = how->domain;
    e->owner = how->owner;
    for (uint8_t i = 0; card->registry.entries != NULL && i < APPLETS_MAX; i++)
        if (card->registry.entries[i] != NULL && card->registry.entries[i]->turn >= e->turn)
            e->turn = card->registry.entries[i]->turn + 1;
    e->turn += e->turn == 0;
    sw_t sw = installation_parameters(how->system, how->uicc, e);
    if (sw == SW_OK && e->has_toolkit && !toolkit_identifiers_free(card, &e->toolkit))
        return SW_WRONG_DATA;
    if (sw == SW_OK && tar_in_use(card, &e->row))
        return SW_WRONG_DATA; /* TS 102 226 8.2.1.3.2.2.1 */
    return sw;
}

/* What an instance takes before it keeps anything itself is charged to it as well. */
static sw_t install(struct uicc *card, const struct applet_installation *how, uint8_t index,
                    struct applet_entry *e)
{
    if (how->domain != NO_APPLET && !domain_has_room(card, how->domain, e->needed))
        return SW_NOT_ENOUGH_MEMORY;
    if (!store(card, index, how->system, how->uicc))
        return SW_NOT_ENOUGH_MEMORY;
    card->ram.installing = (uint8_t)(index + 1);
    sw_t sw = e->class->install != NULL ? e->class->install((struct applet){card, index}, NULL) : SW_OK;
    card->ram.installing = 0;
    return sw;
}

sw_t applet_install(struct uicc *card, const struct applet_installation *how, uint8_t *index)
{
    struct package_info info;
    if (!package_find(card, how->package, &info) || class_by_module(card, how->package, how->module) == NULL)
        return SW_DATA_NOT_FOUND;
    *index = free_index(card);
    struct applet_entry *e =
        *index == NO_APPLET || registry_entries(card) == NULL ? NULL : entry_new(how->parameters);
    if (e == NULL)
        return SW_NOT_ENOUGH_MEMORY;
    sw_t sw = fill_in(card, how, e);
    if (sw != SW_OK) {
        free(e);
        return sw;
    }
    entry_bind(card, e);
    /* What is volatile of one whose installation failed: no abort takes it back. */
    applet_transient_free((struct applet){card, *index});
    (void)toolkit_clear_event((struct applet){card, *index}, TOOLKIT_PROACTIVE_HANDLER_AVAILABLE);
    card->registry.entries[*index] = e;
    card->registry.dirty = true;
    registry_count(card);
    registry_refresh(card);
    return install(card, how, *index, e);
}

/* ---- delete ---- */

static bool owns_something(const struct uicc *card, uint8_t domain)
{
    struct package_info info;
    for (uint8_t i = 0; i < applets_count(card); i++)
        if (i != domain && applet_exists(card, i) && applet_domain(card, i) == domain)
            return true;
    for (unsigned cursor = 0; package_next(card, &cursor, &info);)
        if (info.slot != NO_PACKAGE && info.domain == domain)
            return true;
    return false;
}

/* Nothing may change while the objects are walked: ids first, some at a time. */
static bool remove_objects(struct uicc *card, uint8_t index)
{
    for (;;) {
        uint32_t ids[32], id;
        size_t n = 0, cursor = 0;
        struct span value;
        while (n < sizeof ids / sizeof ids[0] && objects_each(card->objects, &cursor, &id, &value))
            if (id >> 24 == OBJECT_APPLET && (id & 0xFFFFFF) >> 16 == index)
                ids[n++] = id;
        if (n == 0)
            return true;
        for (size_t i = 0; i < n; i++)
            if (!objects_remove(card->objects, ids[i]))
                return false;
    }
}

sw_t applet_delete(struct uicc *card, uint8_t index)
{
    if (!applet_exists(card, index))
        return SW_DATA_NOT_FOUND;
    if (index < card->profile->n_applets || owns_something(card, index))
        return SW_CONDITIONS_NOT_SATISFIED;
    struct registry *r = &card->registry;
    struct applet_entry *e = r->entries[index];
    leave(card, index);
    if (e->class->uninstall != NULL)
        e->class->uninstall((struct applet){card, index});
    applet_transient_free((struct applet){card, index});
    r->dirty = true;
    if (!toolkit_deregister((struct applet){card, index}) || !remove_objects(card, index) ||
        !objects_remove(card->objects, object_id(OBJECT_INSTANCE, index)))
        return SW_MEMORY_PROBLEM;
    free(e);
    r->entries[index] = NULL;
    registry_count(card);
    return SW_OK;
}

/* One round: what nothing depends on any more. *gone: something went, and what it depended on may be next. */
static bool forget_some(struct uicc *card, uint16_t owner, bool *gone)
{
    struct package_info p;
    *gone = false;
    for (uint8_t i = card->profile->n_applets; i < applets_count(card); i++) {
        if (!applet_exists(card, i) || applet_owner(card, i) != owner)
            continue;
        sw_t sw = applet_delete(card, i);
        if (sw != SW_OK && sw != SW_CONDITIONS_NOT_SATISFIED)
            return false;
        *gone = *gone || sw == SW_OK;
    }
    for (unsigned cursor = 0; package_next(card, &cursor, &p);) {
        if (p.slot == NO_PACKAGE || p.owner != owner)
            continue;
        sw_t sw = package_remove(card, aid_span(&p.aid));
        if (sw == SW_MEMORY_PROBLEM)
            return false;
        *gone = *gone || sw == SW_OK;
    }
    return true;
}

bool applets_forget(struct uicc *card, uint16_t owner)
{
    struct package_info p;
    bool gone;
    do {
        if (!forget_some(card, owner, &gone))
            return false;
    } while (gone);
    /* What others depend on */
    for (uint8_t i = card->profile->n_applets; i < applets_count(card); i++)
        if (applet_exists(card, i) && applet_owner(card, i) == owner &&
            applet_set_owner(card, i, OWNER_GONE) != SW_OK)
            return false;
    for (unsigned cursor = 0; package_next(card, &cursor, &p);)
        if (p.slot != NO_PACKAGE && p.owner == owner && !package_set_owner(card, &p, OWNER_GONE))
            return false;
    return true;
}

/* ---- states ---- */

sw_t applet_set_life(struct uicc *card, uint8_t index, uint8_t life)
{
    struct applet_entry *e = changing(card, index);
    if (e == NULL)
        return applet_exists(card, index) ? SW_MEMORY_PROBLEM : SW_DATA_NOT_FOUND;
    e->life = life;
    if (!applet_active(card, index))
        leave(card, index);
    return changed(card, index);
}

enum { DEATHS_ALLOWED = 3 };

static bool count_death(struct uicc *card, uint8_t index)
{
    struct span counted;
    const uint32_t id = object_id(OBJECT_APPLET, (uint32_t)index << 16 | ITEM_DEATHS);
    uint8_t n = objects_get(card->objects, id, &counted) && counted.n == 1 ? counted.p[0] : 0;
    n++;
    if (!objects_put(card->objects, id, span_of(&n, 1)))
        return false;
    if (n < DEATHS_ALLOWED)
        return true;
    applet_note((struct applet){card, index}, "an applet has died three times and is locked");
    return objects_remove(card->objects, id) &&
           applet_set_life(card, index, applet_life(card, index) | LIFE_LOCKED) == SW_OK;
}

void registry_bury(struct uicc *card)
{
    uint8_t index = (uint8_t)(card->ram.died - 1);
    card->ram.died = 0;
    if (!applet_exists(card, index)) /* its installation was what it died in */
        return;
    objects_begin(card->objects);
    if (count_death(card, index))
        (void)card_commit(card);
    else
        (void)card_abort(card);
}

sw_t applet_set_privileges(struct uicc *card, uint8_t index, const uint8_t privileges[3])
{
    struct applet_entry *e = changing(card, index);
    if (e == NULL)
        return applet_exists(card, index) ? SW_MEMORY_PROBLEM : SW_DATA_NOT_FOUND;
    memcpy(e->privileges, privileges, sizeof e->privileges);
    return changed(card, index);
}

sw_t applet_set_owner(struct uicc *card, uint8_t index, uint16_t owner)
{
    struct applet_entry *e = changing(card, index);
    if (e == NULL)
        return applet_exists(card, index) ? SW_MEMORY_PROBLEM : SW_DATA_NOT_FOUND;
    e->owner = owner;
    return changed(card, index);
}

sw_t applet_extradite(struct uicc *card, uint8_t index, uint8_t domain)
{
    if (!applet_exists(card, domain) || !applet_class_of(card, domain)->security_domain)
        return SW_DATA_NOT_FOUND;
    struct applet_entry *e = changing(card, index);
    if (e == NULL)
        return applet_exists(card, index) ? SW_MEMORY_PROBLEM : SW_DATA_NOT_FOUND;
    if (!room_up(card, domain, e->used, index))
        return SW_NOT_ENOUGH_MEMORY;
    e->domain = domain;
    e->owner = applet_owner(card, domain);
    return changed(card, index);
}

sw_t registry_install(struct uicc *card, const struct applet_installation *how, uint8_t *index)
{
    objects_begin(card->objects);
    return session_finish(card, applet_install(card, how, index));
}

sw_t registry_delete(struct uicc *card, uint8_t index)
{
    objects_begin(card->objects);
    return session_finish(card, applet_delete(card, index));
}

sw_t card_set_life(struct uicc *card, uint8_t life)
{
    const uint8_t yes = 1;
    bool ok = objects_put(card->objects, object_id(OBJECT_CARD, 2), span_of(&life, 1));
    if (life ==
        CARD_TERMINATED) /* the end of the file system, too: as TERMINATE CARD USAGE (TS 102 222 6.9) */
        ok = ok && objects_put(card->objects, object_id(OBJECT_CARD, 1), span_of(&yes, 1));
    return ok ? SW_OK : SW_MEMORY_PROBLEM;
}
