/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys of a security domain: one store for those of SCP80, SCP02 and SCP03, an item for each key version
 * number; and the service "ota-keys".
 */
#include "domain.h"
#include "key_field.h"

enum { KEYSET_STORED_MAX = DOMAIN_KEYS_MAX * (2 + SCP_KEY_MAX) };

enum key_use domain_key_use(uint8_t version)
{
    if (version >= 0x01 && version <= KEYSET_OTA_MAX)
        return KEY_USE_SCP80;
    if ((version >= 0x20 && version <= 0x2F) || version == 0x70)
        return KEY_USE_SCP02;
    return version >= 0x30 && version <= 0x3F ? KEY_USE_SCP03 : KEY_USE_NONE;
}

static uint16_t item(unsigned kind, uint8_t version)
{
    return (uint16_t)(kind | version);
}

bool domain_keyset_load(struct applet self, uint8_t version, struct domain_keyset *out)
{
    struct span bytes;
    memset(out, 0, sizeof *out);
    if (domain_key_use(version) == KEY_USE_NONE || !applet_get(self, item(DOMAIN_KEYS, version), &bytes))
        return false;
    struct reader r = rd_of(bytes);
    out->version = version;
    for (int i = 0; i < DOMAIN_KEYS_MAX; i++) {
        out->key[i].algorithm = rd_u8(&r);
        out->key[i].len = rd_u8(&r);
        if (out->key[i].len > SCP_KEY_MAX)
            r.bad = true;
        else
            rd_copy(&r, out->key[i].value, out->key[i].len);
    }
    if (!rd_done(&r))
        crypto_wipe(out, sizeof *out);
    return rd_done(&r);
}

bool domain_keyset_put(struct applet self, const struct domain_keyset *set)
{
    uint8_t bytes[KEYSET_STORED_MAX];
    struct buf b = buf_of(bytes, sizeof bytes);
    bool any = false;
    for (int i = 0; i < DOMAIN_KEYS_MAX; i++) {
        buf_u8(&b, set->key[i].algorithm);
        buf_u8(&b, set->key[i].len);
        buf_put(&b, span_of(set->key[i].value, set->key[i].len));
        any = any || set->key[i].algorithm != OTA_NONE;
    }
    bool ok = any ? buf_ok(&b) && applet_put(self, item(DOMAIN_KEYS, set->version), buf_span(&b))
                  : applet_remove_if_there(self, item(DOMAIN_KEYS, set->version)) &&
                        domain_counters_reset(self, set->version);
    crypto_wipe(bytes, sizeof bytes);
    return ok;
}

bool domain_counters_reset(struct applet self, uint8_t version)
{
    return applet_remove_if_there(self, item(DOMAIN_SEQUENCE, version)) &&
           applet_remove_if_there(self, item(DOMAIN_COUNTER, version));
}

uint16_t domain_counter_item(uint8_t version)
{
    return item(domain_key_use(version) == KEY_USE_SCP80 ? DOMAIN_COUNTER : DOMAIN_SEQUENCE, version);
}

bool domain_counter_reserve(struct applet self, uint8_t version)
{
    static const uint8_t zero[5];
    const uint16_t counter = domain_counter_item(version);
    const size_t n = domain_key_use(version) == KEY_USE_SCP80 ? 5 : 3;
    struct span there;
    return applet_get(self, counter, &there) || applet_put(self, counter, span_of(zero, n));
}

bool domain_keyset_complete(const struct domain_keyset *set)
{
    enum key_use use = domain_key_use(set->version);
    uint8_t algorithm = use == KEY_USE_SCP02   ? OTA_3DES
                        : use == KEY_USE_SCP03 ? OTA_AES
                                               : set->key[0].algorithm;
    for (int i = 0; i < DOMAIN_KEYS_MAX; i++)
        if (set->key[i].algorithm == OTA_NONE ||
            (use != KEY_USE_SCP80 &&
             (set->key[i].algorithm != algorithm || set->key[i].len != set->key[0].len)))
            return false;
    return use != KEY_USE_SCP02 || set->key[0].len == 16;
}

uint8_t domain_first_keyset(struct applet self)
{
    struct domain_keyset set;
    uint8_t found = 0;
    for (uint8_t v = KEYSET_OTA_MAX + 1; v <= KEYSET_VERSION_MAX && found == 0; v++)
        if (domain_keyset_load(self, v, &set) && domain_keyset_complete(&set))
            found = v;
    crypto_wipe(&set, sizeof set);
    return found;
}

struct applet domain_of(struct applet any)
{
    bool itself = applet_class_of(any.card, any.index)->security_domain;
    return (struct applet){any.card, itself ? any.index : applet_domain(any.card, any.index)};
}

/* 7.3.3: until it has keys of its own, a supplementary security domain is served by the one that it belongs
 * to. The hierarchy has an end: each step must come nearer to the issuer's. */
struct applet domain_with_channel_keys(struct applet domain)
{
    for (uint8_t steps = 0;
         steps < APPLETS_MAX && domain.index != NO_APPLET && domain_first_keyset(domain) == 0; steps++) {
        uint8_t parent = applet_domain(domain.card, domain.index);
        if (parent == domain.index || parent == NO_APPLET)
            break;
        domain.index = parent;
    }
    return domain;
}

/* ---- from the profile ---- */

static bool install_keyset(struct applet self, const struct uicc_personal *personal, unsigned index)
{
    struct profile_keyset from;
    struct domain_keyset set = {0};
    bool ok = personal_keyset_given(applet_crypto(self), applet_profile(self),
                                    span_of(personal->seed, personal->seed_len), personal->iccid,
                                    personal->given, index, &from);
    if (ok) {
        const struct keyset *k = &from.keys;
        set = (struct domain_keyset){
            .version = k->version,
            .key = {{.algorithm = k->kic_algorithm, .len = k->kic_len},
                    {.algorithm = k->kid_algorithm, .len = k->kid_len},
                    {.algorithm = k->kic_algorithm, .len = k->kik_len}},
        };
        memcpy(set.key[0].value, k->kic, k->kic_len);
        memcpy(set.key[1].value, k->kid, k->kid_len);
        memcpy(set.key[2].value, k->kik, k->kik_len);
        ok = domain_keyset_put(self, &set);
    }
    crypto_wipe(&from, sizeof from);
    crypto_wipe(&set, sizeof set);
    return ok;
}

sw_t domain_keys_install(struct applet self, const struct uicc_personal *personal)
{
    const struct profile *p = applet_profile(self);
    for (unsigned i = profile_common_keysets(p); i < p->n_keysets; i++)
        if (p->keysets[i].domain == self.index + 1 && !install_keyset(self, personal, i))
            return SW_TECHNICAL_PROBLEM;
    return SW_OK;
}

/* ---- what may be shown ---- */

static uint64_t counter_of(struct applet self, const struct domain_keyset *set)
{
    struct span bytes;
    if (!applet_get(self, domain_counter_item(set->version), &bytes) || bytes.n > 8)
        return 0;
    struct reader r = rd_of(bytes);
    return rd_be(&r, bytes.n);
}

bool domain_keyset_inspect(struct applet self, uint8_t after, struct domain_keyset_info *out)
{
    static const char *const protocols[] = {
        [KEY_USE_SCP80] = "SCP80", [KEY_USE_SCP02] = "SCP02", [KEY_USE_SCP03] = "SCP03"};
    struct domain_keyset set;
    bool found = false;
    *out = (struct domain_keyset_info){0};
    for (unsigned v = after + 1u; v <= KEYSET_VERSION_MAX && !found; v++)
        found = domain_keyset_load(self, (uint8_t)v, &set);
    if (!found)
        return false;
    out->version = set.version;
    out->protocol = protocols[domain_key_use(set.version)];
    out->counter = counter_of(self, &set);
    for (int i = 0; i < DOMAIN_KEYS_MAX; i++) {
        const struct domain_key *k = &set.key[i];
        out->algorithm[i] = k->algorithm;
        out->len[i] = k->len;
        if (k->algorithm != OTA_NONE)
            (void)key_check_value(self, k->algorithm, span_of(k->value, k->len), out->kcv[i]);
    }
    crypto_wipe(&set, sizeof set);
    return true;
}

/* ---- SCP80: "ota-keys" ---- */

static bool ota_load(struct applet self, uint16_t counter_item, struct keyset *keys)
{
    struct domain_keyset set;
    uint8_t version = (uint8_t)counter_item;
    memset(keys, 0, sizeof *keys);
    bool ok =
        version <= KEYSET_OTA_MAX && domain_keyset_load(self, version, &set) && domain_keyset_complete(&set);
    if (ok) {
        keys->version = version;
        keys->mac_len = 8;
        keys->kic_algorithm = set.key[0].algorithm;
        keys->kid_algorithm = set.key[1].algorithm;
        keys->kic_len = set.key[0].len;
        keys->kid_len = set.key[1].len;
        keys->kik_len = set.key[2].algorithm == set.key[0].algorithm ? set.key[2].len : 0;
        memcpy(keys->kic, set.key[0].value, sizeof keys->kic);
        memcpy(keys->kid, set.key[1].value, sizeof keys->kid);
        memcpy(keys->kik, set.key[2].value, sizeof keys->kik);
        ok = keyset_valid(keys);
    }
    crypto_wipe(&set, sizeof set);
    if (!ok)
        crypto_wipe(keys, sizeof *keys);
    return ok;
}

/* Who has a security domain's keys may manage what is in it, and nothing else. */
static bool ota_find(struct applet self, uint8_t version, unsigned nth, struct ota_key_reference *ref,
                     struct keyset *keys)
{
    *ref = (struct ota_key_reference){.item = item(DOMAIN_COUNTER, version),
                                      .rights = RIGHT_MANAGE_APPLETS,
                                      .owner = applet_owner(self.card, self.index)};
    return nth == 0 && applet_active(self.card, self.index) && ota_load(self, version, keys);
}

static bool ota_alone(struct applet self)
{
    struct keyset keys;
    bool any = false;
    for (uint8_t v = 1; v <= KEYSET_OTA_MAX && !any && !domain_is_issuer(self); v++)
        any = ota_load(self, v, &keys);
    crypto_wipe(&keys, sizeof keys);
    return any;
}

const struct ota_key_service domain_ota_keys = {
    .find = ota_find, .counter = ota_counter_kept, .set_counter = ota_counter_keep, .alone = ota_alone};
