/* SPDX-License-Identifier: Apache-2.0
 *
 * The registry in memory: what the profile says, and over it what objects say otherwise. Changes are in
 * install.c and packages.c.
 */
#include <stdlib.h>

#include "install.h"

/* In place of a class that is not there: it does nothing, so that nobody who walks the applets need ask. */
static const struct applet_class no_class = {.name = ""};
static const struct profile_applet no_row = {.class_name = "", .adf = PROFILE_NO_FILE};

/* ---- look-up ---- */

static const struct applet_entry *entry_of(const struct uicc *card, uint8_t index)
{
    return card->registry.entries != NULL && index < APPLETS_MAX ? card->registry.entries[index] : NULL;
}

uint8_t applets_count(const struct uicc *card)
{
    return card->registry.n;
}

uint8_t card_profile_applets(const struct uicc *card)
{
    return card->profile->n_applets;
}

bool applet_exists(const struct uicc *card, uint8_t index)
{
    return index < card->profile->n_applets || entry_of(card, index) != NULL;
}

const struct profile_applet *applet_row_of(const struct uicc *card, uint8_t index)
{
    if (index < card->profile->n_applets)
        return &card->profile->applets[index];
    const struct applet_entry *e = entry_of(card, index);
    return e != NULL ? &e->row : &no_row;
}

const struct applet_class *applet_class_of(const struct uicc *card, uint8_t index)
{
    if (index < card->profile->n_applets)
        return card->registry.classes[index] == NO_CLASS
                   ? &no_class
                   : card->registry.known[card->registry.classes[index]];
    const struct applet_entry *e = entry_of(card, index);
    return e != NULL ? e->class : &no_class;
}

uint8_t applet_life(const struct uicc *card, uint8_t index)
{
    const struct applet_entry *e = entry_of(card, index);
    return e != NULL ? e->life : LIFE_SELECTABLE;
}

uint16_t applet_owner(const struct uicc *card, uint8_t index)
{
    const struct applet_entry *e = entry_of(card, index);
    return e != NULL ? e->owner : NO_OWNER;
}

bool applet_suspended(const struct uicc *card, uint8_t index)
{
    return owner_suspended(card, applet_owner(card, index));
}

bool owner_suspended(const struct uicc *card, uint16_t owner)
{
    return owner != NO_OWNER && !card->registry.anyone && owner != card->registry.active;
}

/* Whoever knows which operator's pair is the active one shares "owner". When nobody does, nobody is
 * suspended. */
void registry_refresh(struct uicc *card)
{
    struct registry *r = &card->registry;
    struct applet provider;
    if (!r->owned && !card->made.owned)
        return;
    const uint16_t before = r->active;
    const struct owner_service *service = applet_service(card, "owner", 0, &provider);
    r->anyone = service == NULL;
    r->active = service != NULL ? service->active(provider) : NO_OWNER;
    if (r->active == before)
        return;
    fs_settle(card); /* a channel may stand on a file that is not there any more */
    for (uint8_t i = 0; i < applets_count(card); i++)
        if (applet_suspended(card, i)) /* nor is what it wanted of the terminal done in another's time */
            toolkit_cancel(card, i, 0);
    card->ram.toolkit.known = !(card->ram.toolkit.changed = true);
}

bool applet_active(const struct uicc *card, uint8_t index)
{
    const struct applet_entry *e = entry_of(card, index);
    if (e == NULL)
        return index < card->profile->n_applets;
    return (e->life & LIFE_LOCKED) == 0 && (e->life & LIFE_SELECTABLE) == LIFE_SELECTABLE &&
           !applet_suspended(card, index);
}

bool applet_selectable(const struct uicc *card, uint8_t index)
{
    uint8_t life = card_life(card);
    return applet_active(card, index) &&
           (life < CARD_LOCKED || (life == CARD_LOCKED && index == applet_issuer_domain(card)));
}

void applet_privileges(const struct uicc *card, uint8_t index, uint8_t privileges[3])
{
    const struct applet_entry *e = entry_of(card, index);
    memcpy(privileges, e != NULL ? e->privileges : applet_class_of(card, index)->privileges, 3);
}

uint8_t applet_issuer_domain(const struct uicc *card)
{
    for (uint8_t i = 0; i < card->profile->n_applets; i++)
        if (applet_class_of(card, i)->security_domain)
            return i;
    return NO_APPLET;
}

uint8_t applet_domain(const struct uicc *card, uint8_t index)
{
    const struct applet_entry *e = entry_of(card, index);
    return e != NULL && e->domain != NO_APPLET ? e->domain : applet_issuer_domain(card);
}

uint32_t applet_file_access(const struct uicc *card, uint8_t index, bool admin, uint16_t adf)
{
    const struct applet_entry *e = entry_of(card, index);
    if (index < card->profile->n_applets)
        return card->profile->applets[index].access;
    if (e == NULL)
        return 0;
    const struct access_domain *domain = admin ? &e->admin : &e->files;
    if (adf == 0)
        return domain->uicc;
    for (uint8_t i = 0; i < domain->n_adfs; i++) {
        uint8_t application = applet_by_aid(card, aid_span(&domain->adf[i].aid));
        if (application != NO_APPLET && applet_row_of(card, application)->adf == adf)
            return domain->adf[i].access;
    }
    return 0;
}

void applet_origin(const struct uicc *card, uint8_t index, struct aid *package, struct aid *module)
{
    const struct applet_entry *e = entry_of(card, index);
    const struct applet_class *class = applet_class_of(card, index);
    *package = *module = (struct aid){0};
    if (index >= card->profile->n_applets && e != NULL) {
        *package = e->package;
        *module = e->module;
    } else if (class->package != NULL) {
        (void)aid_set(package, span_of(class->package->aid, class->package->aid_len));
        (void)aid_set(module, span_of(class->module, class->module_len));
    }
}

static uint32_t turn_of(const struct uicc *card, uint8_t index)
{
    return card->registry.entries != NULL && card->registry.entries[index] != NULL
               ? card->registry.entries[index]->turn
               : 0;
}

bool applet_is_later(const struct uicc *card, uint8_t index, uint8_t than)
{
    const uint32_t a = turn_of(card, index), b = turn_of(card, than);
    return a != b ? a > b : index > than;
}

const struct toolkit_parameters *applet_toolkit(const struct uicc *card, uint8_t index)
{
    const struct applet_entry *e = entry_of(card, index);
    return e != NULL && e->has_toolkit ? &e->toolkit : NULL;
}

uint8_t applet_by_aid(const struct uicc *card, struct span aid)
{
    for (uint8_t i = 0; i < applets_count(card) && aid.n > 0; i++) {
        const struct profile_applet *row = applet_row_of(card, i);
        if (span_equal(span_of(row->aid, row->aid_len), aid))
            return i;
    }
    return NO_APPLET;
}

uint8_t applet_by_tar(struct uicc *card, const uint8_t tar[3])
{
    for (uint8_t i = 0; i < applets_count(card); i++) {
        const struct profile_applet *row = applet_row_of(card, i);
        for (uint8_t t = 0; t < row->n_tars; t++)
            if (memcmp(row->tars[t], tar, 3) == 0)
                return applet_active(card, i) ? i : NO_APPLET;
    }
    return NO_APPLET;
}

uint8_t card_life(const struct uicc *card)
{
    struct span own;
    if (objects_get(card->objects, object_id(OBJECT_CARD, 2), &own) && own.n == 1)
        return own.p[0];
    return CARD_SECURED;
}

/* ---- classes ---- */

bool registry_bind(struct uicc *card, const struct applet_class *const *known)
{
    struct registry *r = &card->registry;
    r->known = known;
    r->active = NO_OWNER;
    r->n = card->profile->n_applets;
    for (uint8_t i = 0; i < r->n; i++) {
        const struct profile_applet *row = &card->profile->applets[i];
        uint8_t c = 0;
        while (known[c] != NULL && c < NO_CLASS && strcmp(known[c]->name, row->class_name) != 0)
            c++;
        bool packaged = row->class_name[0] == '\0' && row->so != NULL &&
                        row->so[0] != '\0'; /* a package, and no applet of it */
        if (c == NO_CLASS || (known[c] == NULL && !packaged))
            return false;
        r->classes[i] = packaged ? NO_CLASS : c;
    }
    return true;
}

const struct applet_class *class_by_module(const struct uicc *card, struct span package, struct span module)
{
    for (size_t i = 0; card->registry.known[i] != NULL; i++) {
        const struct applet_class *c = card->registry.known[i];
        if (c->installable && c->package != NULL && span_equal(span_of(c->module, c->module_len), module) &&
            span_equal(span_of(c->package->aid, c->package->aid_len), package))
            return c;
    }
    /* Nobody has it built in: who can run what was loaded? */
    struct package_info info;
    if (!package_find(card, package, &info) || info.slot == NO_PACKAGE)
        return NULL;
    for (size_t i = 0; card->registry.known[i] != NULL; i++)
        if (card->registry.known[i]->runs != NULL &&
            card->registry.known[i]->runs(card, package_file(card, &info), module))
            return card->registry.known[i];
    return NULL;
}

/* ---- what is stored ---- */

enum {
    INSTANCE_FORMAT = 1,
    /* Objects behind the format. Stored: values never change meaning. */
    TAG_LIFE = 0x01,
    TAG_PRIVILEGES = 0x02,
    TAG_DOMAIN = 0x03,
    TAG_OWNER = 0x04,
    TAG_TURN = 0x05,
    TAG_AID = 0x4F,
    TAG_PACKAGE = 0xC4,
    TAG_MODULE = 0x84,
    TAG_PARAMETERS = 0xC9,
    TAG_SYSTEM = 0xEF,
    TAG_UICC = 0xEA,
};

bool aid_set(struct aid *to, struct span from)
{
    if (from.n < 5 || from.n > sizeof to->octets)
        return false;
    to->n = (uint8_t)from.n;
    memcpy(to->octets, from.p, from.n);
    return true;
}

void instance_encode(const struct applet_entry *e, bool changed_only, struct span system, struct span uicc,
                     struct buf *out)
{
    const uint8_t owner[2] = {(uint8_t)(e->owner >> 8), (uint8_t)e->owner};
    buf_u8(out, INSTANCE_FORMAT);
    buf_tlv_u8(out, TAG_LIFE, e->life);
    buf_tlv(out, TAG_PRIVILEGES, span_of(e->privileges, sizeof e->privileges));
    buf_tlv_u8(out, TAG_DOMAIN, e->domain);
    buf_tlv(out, TAG_OWNER, span_of(owner, sizeof owner));
    if (changed_only)
        return;
    buf_tlv(out, TAG_AID, span_of(e->row.aid, e->row.aid_len));
    buf_tlv(out, TAG_PACKAGE, aid_span(&e->package));
    buf_tlv(out, TAG_MODULE, aid_span(&e->module));
    buf_tlv(out, TAG_PARAMETERS, e->row.params);
    buf_tlv(out, TAG_SYSTEM, system);
    buf_tlv(out, TAG_UICC, uicc);
    const uint8_t turn[4] = {(uint8_t)(e->turn >> 24), (uint8_t)(e->turn >> 16), (uint8_t)(e->turn >> 8),
                             (uint8_t)e->turn};
    buf_tlv(out, TAG_TURN, span_of(turn, sizeof turn));
}

static bool encoded_field(struct span value, uint32_t tag, struct span *out)
{
    return tlv_find(span_slice(value, 1, value.n), tag, out);
}

void instance_parameters(struct span stored, struct span *system, struct span *uicc)
{
    (void)encoded_field(stored, TAG_SYSTEM, system);
    (void)encoded_field(stored, TAG_UICC, uicc);
}

struct applet_entry *entry_new(struct span parameters)
{
    struct applet_entry *e = calloc(1, sizeof *e + parameters.n);
    if (e == NULL)
        return NULL;
    uint8_t *own = (uint8_t *)(e + 1);
    if (parameters.n > 0)
        memcpy(own, parameters.p, parameters.n);
    *e = (struct applet_entry){
        .row = {.class_name = "", .adf = PROFILE_NO_FILE, .params = span_of(own, parameters.n)},
        .class = &no_class,
        .life = LIFE_SELECTABLE,
        .domain = NO_APPLET,
        .owner = NO_OWNER,
        .octets = sizeof *e + parameters.n,
    };
    return e;
}

void entry_bind(const struct uicc *card, struct applet_entry *e)
{
    const struct applet_class *class = class_by_module(card, aid_span(&e->package), aid_span(&e->module));
    e->class = class != NULL ? class : &no_class;
    e->row.class_name = e->class->name;
}

struct applet_entry *entry_of_profile(const struct uicc *card, uint8_t index)
{
    struct applet_entry *e = entry_new(SPAN_EMPTY);
    if (e == NULL)
        return NULL;
    e->row = card->profile->applets[index];
    e->class = applet_class_of(card, index);
    memcpy(e->privileges, e->class->privileges, sizeof e->privileges);
    return e;
}

static bool decode_common(struct span value, struct applet_entry *e)
{
    struct span life, privileges, domain, owner;
    if (value.n == 0 || value.p[0] != INSTANCE_FORMAT || !encoded_field(value, TAG_LIFE, &life) ||
        life.n != 1 || !encoded_field(value, TAG_PRIVILEGES, &privileges) || privileges.n != 3 ||
        !encoded_field(value, TAG_DOMAIN, &domain) || domain.n != 1 ||
        !encoded_field(value, TAG_OWNER, &owner) || owner.n != 2)
        return false;
    e->life = life.p[0];
    memcpy(e->privileges, privileges.p, 3);
    e->domain = domain.p[0];
    e->owner = (uint16_t)(owner.p[0] << 8 | owner.p[1]);
    return true;
}

/* NULL: it makes no sense, or no memory. */
static struct applet_entry *instance_decode(const struct uicc *card, uint8_t index, struct span value)
{
    struct span parameters = SPAN_EMPTY, system = SPAN_EMPTY, uicc = SPAN_EMPTY, aid, package, module;
    bool profiles = index < card->profile->n_applets;
    if (!profiles)
        (void)encoded_field(value, TAG_PARAMETERS, &parameters);
    struct applet_entry *e = entry_new(parameters);
    bool ok = e != NULL && decode_common(value, e);
    if (ok && profiles) {
        e->row = card->profile->applets[index];
        e->class = applet_class_of(card, index);
        return e;
    }
    struct aid own;
    ok = ok && encoded_field(value, TAG_AID, &aid) && aid_set(&own, aid) &&
         encoded_field(value, TAG_PACKAGE, &package) && aid_set(&e->package, package) &&
         encoded_field(value, TAG_MODULE, &module) && aid_set(&e->module, module);
    if (ok) {
        e->row.aid_len = own.n;
        memcpy(e->row.aid, own.octets, own.n);
        instance_parameters(value, &system, &uicc);
        ok = installation_parameters(system, uicc, e) == SW_OK;
    }
    struct span turn;
    if (ok && encoded_field(value, TAG_TURN, &turn)) { /* not in decks of older versions */
        struct reader r = rd_of(turn);
        e->turn = rd_u32(&r);
        ok = rd_done(&r);
    }
    if (!ok) {
        free(e);
        return NULL;
    }
    entry_bind(card, e);
    return e;
}

static void entries_free(struct applet_entry **entries)
{
    for (size_t i = 0; entries != NULL && i < APPLETS_MAX; i++)
        free(entries[i]);
    free(entries);
}

struct applet_entry **registry_entries(struct uicc *card)
{
    if (card->registry.entries == NULL)
        card->registry.entries = calloc(APPLETS_MAX, sizeof *card->registry.entries);
    return card->registry.entries;
}

void registry_free(struct uicc *card)
{
    entries_free(card->registry.entries);
    card->registry.entries = NULL;
}

size_t registry_footprint(const struct uicc *card)
{
    size_t n = 0;
    if (card->registry.entries == NULL)
        return 0;
    for (size_t i = 0; i < APPLETS_MAX; i++)
        n += card->registry.entries[i] != NULL ? card->registry.entries[i]->octets : 0;
    return n + APPLETS_MAX * sizeof *card->registry.entries;
}

void registry_count(struct uicc *card)
{
    struct registry *r = &card->registry;
    r->n = card->profile->n_applets;
    r->owned = false;
    for (uint8_t i = 0; r->entries != NULL && i < APPLETS_MAX; i++) {
        if (r->entries[i] == NULL)
            continue;
        r->owned = r->owned || r->entries[i]->owner != NO_OWNER;
        if (i >= r->n)
            r->n = (uint8_t)(i + 1);
    }
}

bool registry_load(struct uicc *card)
{
    struct registry *r = &card->registry;
    struct applet_entry **entries = NULL;
    size_t cursor = 0;
    uint32_t id;
    struct span value;
    while (objects_each(card->objects, &cursor, &id, &value)) {
        uint32_t index = id & 0xFFFFFF;
        if (id >> 24 != OBJECT_INSTANCE)
            continue;
        if (entries == NULL)
            entries = calloc(APPLETS_MAX, sizeof *entries);
        if (entries == NULL || index >= APPLETS_MAX ||
            (entries[index] = instance_decode(card, (uint8_t)index, value)) == NULL) {
            entries_free(entries);
            return false;
        }
    }
    /* What comes from a shared object is kept account of, even if the profile made it. */
    for (uint8_t i = 0; i < card->profile->n_applets; i++) {
        const struct profile_applet *row = &card->profile->applets[i];
        if (row->so == NULL || row->so[0] == '\0' || row->class_name[0] == '\0' ||
            (entries != NULL && entries[i] != NULL))
            continue;
        if (entries == NULL)
            entries = calloc(APPLETS_MAX, sizeof *entries);
        if (entries == NULL || (entries[i] = entry_of_profile(card, i)) == NULL) {
            entries_free(entries);
            return false;
        }
    }
    for (cursor = 0; entries != NULL && objects_each(card->objects, &cursor, &id, &value);) {
        uint32_t index = (id & 0xFFFFFF) >> 16;
        if (id >> 24 == OBJECT_APPLET && index < APPLETS_MAX && entries[index] != NULL)
            entries[index]->used += (uint32_t)value.n;
    }
    registry_free(card);
    r->entries = entries;
    registry_count(card);
    r->dirty = false;
    return true;
}
