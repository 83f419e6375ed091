/* SPDX-License-Identifier: Apache-2.0
 *
 * Executable load files (GlobalPlatform Card Specification 2.3, 5.2, 6.6): those that this program brings,
 * being the packages of its classes, and those that LOAD brought, which lie in the store. A loaded one whose
 * AID a package of the program has runs that package's code; another is kept, listed and hashed, and nothing
 * of it can be installed.
 */
#include <stdlib.h>

#include "install.h"

enum {
    PACKAGE_FORMAT = 1,
    /* Objects behind the format. Stored: values never change meaning. */
    TAG_AID = 0x4F,
    TAG_VERSION = 0x01,
    TAG_DOMAIN = 0x03,
    TAG_OWNER = 0x04,
    TAG_HASH = 0x05,
    TAG_MODULE = 0x84,
    STORED_MAX = 512,
};

static uint32_t info_id(uint8_t slot)
{
    return object_id(OBJECT_PACKAGE, (uint32_t)slot << 1);
}

static uint32_t file_id(uint8_t slot)
{
    return object_id(OBJECT_PACKAGE, (uint32_t)slot << 1 | 1);
}

/* ---- those of the program ---- */

static bool first_of_package(const struct applet_class *const *known, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (known[i]->package == known[at]->package)
            return false;
    return true;
}

static void describe(const struct applet_class *const *known, const struct applet_package *package,
                     struct package_info *out)
{
    *out = (struct package_info){.slot = NO_PACKAGE, .domain = NO_APPLET, .owner = NO_OWNER};
    (void)aid_set(&out->aid, span_of(package->aid, package->aid_len));
    memcpy(out->version, package->version, sizeof out->version);
    for (size_t i = 0; known[i] != NULL && out->n_modules < PACKAGE_MODULES_MAX; i++)
        if (known[i]->package == package &&
            aid_set(&out->modules[out->n_modules], span_of(known[i]->module, known[i]->module_len)))
            out->n_modules++;
}

/* ---- those that were loaded ---- */

static bool decode(struct span value, struct package_info *out)
{
    struct reader r = rd_of(value);
    struct tlv t;
    bool named = false;
    if (rd_u8(&r) != PACKAGE_FORMAT)
        return false;
    while (tlv_next(&r, &t))
        switch (t.tag) {
        case TAG_AID:
            named = aid_set(&out->aid, t.value);
            break;
        case TAG_VERSION:
            memcpy(out->version, t.value.p,
                   t.value.n < sizeof out->version ? t.value.n : sizeof out->version);
            break;
        case TAG_DOMAIN:
            out->domain = t.value.n == 1 ? t.value.p[0] : NO_APPLET;
            break;
        case TAG_OWNER:
            out->owner = t.value.n == 2 ? (uint16_t)(t.value.p[0] << 8 | t.value.p[1]) : NO_OWNER;
            break;
        case TAG_HASH:
            memcpy(out->hash, t.value.p, t.value.n < sizeof out->hash ? t.value.n : sizeof out->hash);
            break;
        case TAG_MODULE:
            if (out->n_modules < PACKAGE_MODULES_MAX && aid_set(&out->modules[out->n_modules], t.value))
                out->n_modules++;
            break;
        default:
            break;
        }
    return named && rd_ok(&r);
}

static void encode(const struct package_info *info, struct buf *out)
{
    const uint8_t owner[2] = {(uint8_t)(info->owner >> 8), (uint8_t)info->owner};
    buf_u8(out, PACKAGE_FORMAT);
    buf_tlv(out, TAG_AID, aid_span(&info->aid));
    buf_tlv(out, TAG_VERSION, span_of(info->version, sizeof info->version));
    buf_tlv_u8(out, TAG_DOMAIN, info->domain);
    buf_tlv(out, TAG_OWNER, span_of(owner, sizeof owner));
    buf_tlv(out, TAG_HASH, span_of(info->hash, sizeof info->hash));
    for (uint8_t i = 0; i < info->n_modules; i++)
        buf_tlv(out, TAG_MODULE, aid_span(&info->modules[i]));
}

static bool in_slot(const struct uicc *card, uint8_t slot, struct package_info *out)
{
    struct span value;
    *out = (struct package_info){.slot = slot, .domain = NO_APPLET, .owner = NO_OWNER};
    if (!objects_get(card->objects, info_id(slot), &value) || !decode(value, out))
        return false;
    out->octets = (uint32_t)package_file(card, out).n;
    return true;
}

struct span package_file(const struct uicc *card, const struct package_info *info)
{
    struct span file;
    if (info->slot != NO_PACKAGE && objects_get(card->objects, file_id(info->slot), &file))
        return file;
    return SPAN_EMPTY;
}

/* ---- all of them ---- */

bool package_next(const struct uicc *card, unsigned *cursor, struct package_info *out)
{
    const struct applet_class *const *known = card->registry.known;
    while (*cursor < PACKAGES_MAX)
        if (in_slot(card, (uint8_t)(*cursor)++, out))
            return true;
    for (size_t i = *cursor - PACKAGES_MAX; known[i] != NULL; i++) {
        struct package_info info;
        ++*cursor;
        if (known[i]->package == NULL || !first_of_package(known, i))
            continue;
        describe(known, known[i]->package, out);
        bool loaded = false; /* it is listed once, as what was loaded */
        for (uint8_t slot = 0; slot < PACKAGES_MAX; slot++)
            loaded = loaded ||
                     (in_slot(card, slot, &info) && span_equal(aid_span(&info.aid), aid_span(&out->aid)));
        if (!loaded)
            return true;
    }
    return false;
}

bool package_find(const struct uicc *card, struct span aid, struct package_info *out)
{
    for (unsigned cursor = 0; package_next(card, &cursor, out);)
        if (span_equal(aid_span(&out->aid), aid))
            return true;
    return false;
}

bool package_built_in(const struct uicc *card, struct span aid)
{
    for (size_t i = 0; card->registry.known[i] != NULL; i++) {
        const struct applet_package *p = card->registry.known[i]->package;
        if (p != NULL && span_equal(span_of(p->aid, p->aid_len), aid))
            return true;
    }
    return false;
}

/* ---- changes ---- */

sw_t package_add(struct uicc *card, struct package_info *info, struct span file)
{
    struct package_info other;
    uint8_t bytes[STORED_MAX];
    struct buf out = buf_of(bytes, sizeof bytes);
    bool known = package_find(card, aid_span(&info->aid), &other);
    if ((known && other.slot != NO_PACKAGE) || applet_by_aid(card, aid_span(&info->aid)) != NO_APPLET)
        return SW_WRONG_DATA;
    if (known && info->n_modules == 0) { /* its code is the program's: so are its modules */
        info->n_modules = other.n_modules;
        memcpy(info->modules, other.modules, sizeof info->modules);
    }
    if (info->domain != NO_APPLET && !domain_has_room(card, info->domain, (uint32_t)file.n))
        return SW_NOT_ENOUGH_MEMORY;
    for (info->slot = 0; info->slot < PACKAGES_MAX && in_slot(card, info->slot, &other); info->slot++)
        ;
    info->octets = (uint32_t)file.n;
    if (info->slot == PACKAGES_MAX || file.n > OBJMAP_VALUE_MAX ||
        !digest_sha256(card->env->crypto, file, info->hash))
        return SW_NOT_ENOUGH_MEMORY;
    encode(info, &out);
    bool ok = buf_ok(&out) && objects_put(card->objects, info_id(info->slot), buf_span(&out)) &&
              objects_put(card->objects, file_id(info->slot), file);
    return ok ? SW_OK : SW_NOT_ENOUGH_MEMORY;
}

sw_t package_remove(struct uicc *card, struct span aid)
{
    struct package_info info;
    if (!package_find(card, aid, &info))
        return SW_DATA_NOT_FOUND;
    if (info.slot == NO_PACKAGE)
        return SW_CONDITIONS_NOT_SATISFIED;
    for (uint8_t i = card->profile->n_applets; i < applets_count(card); i++) {
        struct aid package, module;
        applet_origin(card, i, &package, &module);
        if (applet_exists(card, i) && span_equal(aid_span(&package), aid))
            return SW_CONDITIONS_NOT_SATISFIED;
    }
    bool ok = objects_remove(card->objects, info_id(info.slot)) &&
              objects_remove(card->objects, file_id(info.slot));
    return ok ? SW_OK : SW_MEMORY_PROBLEM;
}

bool package_set_owner(struct uicc *card, const struct package_info *info, uint16_t owner)
{
    struct package_info changed = *info;
    uint8_t bytes[STORED_MAX];
    struct buf out = buf_of(bytes, sizeof bytes);
    changed.owner = owner;
    encode(&changed, &out);
    return buf_ok(&out) && objects_put(card->objects, info_id(info->slot), buf_span(&out));
}
