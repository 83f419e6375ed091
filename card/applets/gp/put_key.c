/* SPDX-License-Identifier: Apache-2.0
 *
 * A security domain's keys: PUT KEY (11.8), DELETE [key] (11.2.2.3.2), and a keyset by STORE DATA (Amendment
 * A). Keys come under the DEK of the secure channel session, or the KIK of the OTA message. Nothing is stored
 * before every check value was compared.
 */
#include "domain.h"
#include "key_field.h"

enum { MULTIPLE = 0x80, KEY_ID = 0xD0, KEY_VERSION = 0xD2 };

static bool decipher(void *ctx, struct span in, uint8_t *out)
{
    return domain_dek_decrypt(ctx, in, out);
}

/* What a profile may not have, does not come later. */
static bool acceptable(struct applet self, uint8_t version, const struct new_key *k)
{
    enum key_use use = domain_key_use(version);
    if (use == KEY_USE_NONE || (use == KEY_USE_SCP02 && (k->algorithm != OTA_3DES || k->len != 16)) ||
        (use == KEY_USE_SCP03 && k->algorithm != OTA_AES))
        return false;
    return applet_profile(self)->insecure ||
           (!ota_key_is_des(k->algorithm, span_of(k->key, k->len)) && !profile_key_known(k->key, k->len));
}

static void set_key(struct domain_keyset *set, unsigned at, const struct new_key *k)
{
    set->key[at] = (struct domain_key){.algorithm = k->algorithm, .len = k->len};
    memcpy(set->key[at].value, k->key, k->len);
}

/* The key that says whose word it is, KID or MAC, is the one that there was: what was said under it before
 * must not count a second time. */
static bool same_voice(const struct domain_keyset *before, const struct domain_keyset *after)
{
    const struct domain_key *was = &before->key[1], *is = &after->key[1];
    return was->algorithm == is->algorithm && was->algorithm != OTA_NONE && was->len == is->len &&
           crypto_equal(was->value, is->value, is->len);
}

static bool speaks_as_before(struct applet self, const struct domain_keyset *set)
{
    struct domain_keyset old;
    bool same = domain_keyset_load(self, set->version, &old) && same_voice(&old, set);
    crypto_wipe(&old, sizeof old);
    return same;
}

/* A security domain with keys of its own is personalized (5.3.2.4). */
static sw_t stored(struct applet self, const struct domain_keyset *set)
{
    const bool go_on = speaks_as_before(self, set);
    if (!domain_keyset_put(self, set) || (!go_on && !domain_counters_reset(self, set->version)) ||
        !domain_counter_reserve(self, set->version))
        return SW_NOT_ENOUGH_MEMORY;
    if (!domain_is_issuer(self) && domain_keyset_complete(set) &&
        applet_life(self.card, self.index) == LIFE_SELECTABLE)
        return applet_set_life(self.card, self.index, LIFE_PERSONALIZED);
    return SW_OK;
}

/* old 00: a keyset, or keys of one, that was not there. Else keys that were: under another version, they
 * leave the old one. */
static sw_t put_keys(struct call *call, uint8_t old, uint8_t version, unsigned first,
                     const struct new_key *keys, unsigned n)
{
    struct domain_keyset set, from, before;
    struct span counter;
    uint8_t octets[5];
    struct buf kept = buf_of(octets, sizeof octets);
    sw_t sw = SW_OK;
    bool there = domain_keyset_load(call->self, version, &set);
    bool moved = old != 0 && old != version;
    if (moved && (there || !domain_keyset_load(call->self, old, &from)))
        sw = there ? SW_WRONG_DATA : SW_DATA_NOT_FOUND;
    else if (old == version && !there)
        sw = SW_DATA_NOT_FOUND;
    if (sw == SW_OK && (moved || there))
        domain_dek_keep(call, moved ? &from : &set);
    if (sw == SW_OK && moved) {
        before = from;
        if (applet_get(call->self, domain_counter_item(old), &counter))
            buf_put(&kept, counter); /* it goes with the last key of its version */
    }
    set.version = version;
    for (unsigned i = 0; i < n && sw == SW_OK; i++) {
        bool exists =
            moved ? from.key[first + i].algorithm != OTA_NONE : set.key[first + i].algorithm != OTA_NONE;
        if (exists != (old != 0))
            sw = old != 0 ? SW_DATA_NOT_FOUND : SW_WRONG_DATA;
        if (moved)
            from.key[first + i] = (struct domain_key){0};
        set_key(&set, first + i, &keys[i]);
    }
    if (sw == SW_OK && moved && !domain_keyset_put(call->self, &from))
        sw = SW_NOT_ENOUGH_MEMORY;
    if (sw == SW_OK)
        sw = stored(call->self, &set);
    /* What is said under a key that comes again is counted on: its session keys are the same whatever the
     * version, and the old one may come back. */
    if (sw == SW_OK && kept.len > 0 && domain_key_use(old) == domain_key_use(version) &&
        same_voice(&before, &set) && !applet_put(call->self, domain_counter_item(version), buf_span(&kept)))
        sw = SW_NOT_ENOUGH_MEMORY;
    crypto_wipe(&set, sizeof set);
    if (moved) {
        crypto_wipe(&from, sizeof from);
        crypto_wipe(&before, sizeof before);
    }
    return sw;
}

static sw_t put_key(struct call *call, struct new_key keys[DOMAIN_KEYS_MAX])
{
    const struct command *cmd = call->cmd;
    const struct key_decipher under = {domain_dek_block(call), decipher, call};
    struct reader r = rd_of(cmd->data);
    uint8_t version = rd_u8(&r), first = cmd->p2 & 0x7F;
    unsigned n = 0;
    if (first < 1 || first > DOMAIN_KEYS_MAX)
        return SW_WRONG_P1P2;
    while (r.left > 0 && n < DOMAIN_KEYS_MAX + 1u - first) {
        sw_t sw = key_field_read(call->self, &r, &under, true, &keys[n]);
        if (sw != SW_OK)
            return sw;
        if (!acceptable(call->self, version, &keys[n++]))
            return SW_WRONG_DATA;
    }
    if (!rd_done(&r) || n == 0 || (n > 1) != ((cmd->p2 & MULTIPLE) != 0))
        return SW_WRONG_DATA;
    sw_t sw = put_keys(call, cmd->p1, version, first - 1u, keys, n);
    if (sw != SW_OK)
        return sw;
    buf_u8(call->out, version);
    for (unsigned i = 0; i < n; i++)
        buf_put(call->out, span_of(keys[i].kcv, KEY_CHECK_LEN));
    return SW_OK;
}

/* P1: version of the keyset whose keys are replaced, 00: they are new. P2: identifier of the first key, 80
 * besides when there are several. Data: the new version, then the keys. The answer: version and check values.
 */
sw_t command_domain_put_key(struct call *call)
{
    struct new_key keys[DOMAIN_KEYS_MAX] = {0};
    sw_t sw = domain_may(call, POWER_KEYS);
    if (sw == SW_OK)
        sw = put_key(call, keys);
    crypto_wipe(keys, sizeof keys);
    return sw;
}

/* Amendment A 4.1: a whole keyset, its keys one after the other under the DEK, of the kind that the DGI
 * before said. It replaces what there was of that version. */
sw_t domain_store_keys(struct call *call, struct applet to, const struct domain_personalization *p,
                       struct span encrypted)
{
    uint8_t plain[DOMAIN_KEYS_MAX * SCP_KEY_MAX];
    struct domain_keyset set = {.version = p->key_version}, old;
    size_t n = (size_t)p->key_len * DOMAIN_KEYS_MAX, block = domain_dek_block(call);
    sw_t sw =
        (p->key_type == KEY_TYPE_AES || p->key_type == KEY_TYPE_DES) ? SW_OK : SW_ALGORITHM_NOT_SUPPORTED;
    if (sw == SW_OK && ((p->key_len != 16 && p->key_len != 24 && p->key_len != 32) ||
                        encrypted.n != (n + block - 1) / block * block || encrypted.n > sizeof plain ||
                        !domain_dek_decrypt(call, encrypted, plain)))
        sw = SW_WRONG_DATA;
    for (unsigned i = 0; i < DOMAIN_KEYS_MAX && sw == SW_OK; i++) {
        struct new_key k = {.algorithm = p->key_type == KEY_TYPE_AES ? OTA_AES : OTA_3DES, .len = p->key_len};
        memcpy(k.key, plain + (size_t)i * p->key_len, p->key_len);
        if (acceptable(to, set.version, &k))
            set_key(&set, i, &k);
        else
            sw = SW_WRONG_DATA;
        crypto_wipe(&k, sizeof k);
    }
    if (sw == SW_OK && to.index == call->self.index && domain_keyset_load(to, set.version, &old)) {
        domain_dek_keep(call, &old);
        crypto_wipe(&old, sizeof old);
    }
    if (sw == SW_OK)
        sw = domain_keyset_complete(&set) ? stored(to, &set) : SW_WRONG_DATA;
    crypto_wipe(plain, sizeof plain);
    crypto_wipe(&set, sizeof set);
    return sw;
}

/* ---- DELETE [key] ---- */

static bool octet(struct span data, uint32_t tag, uint8_t *out)
{
    struct span value;
    bool there = tlv_find(data, tag, &value) && value.n == 1;
    *out = there ? value.p[0] : 0;
    return there;
}

/* By identifier (D0), version (D2) or both: every key that they mean. */
sw_t domain_delete_key(struct call *call, struct span data)
{
    uint8_t id, version;
    bool by_id = octet(data, KEY_ID, &id), by_version = octet(data, KEY_VERSION, &version), found = false;
    struct domain_keyset set;
    if (!by_id && !by_version)
        return SW_WRONG_DATA;
    for (uint8_t v = 1; v <= KEYSET_VERSION_MAX; v++) {
        bool hit = false;
        if ((by_version && v != version) || !domain_keyset_load(call->self, v, &set))
            continue;
        for (uint8_t k = 0; k < DOMAIN_KEYS_MAX; k++) {
            if ((by_id && k + 1 != id) || set.key[k].algorithm == OTA_NONE)
                continue;
            if (!hit)
                domain_dek_keep(call, &set);
            hit = true;
            crypto_wipe(&set.key[k], sizeof set.key[k]);
        }
        bool ok = !hit || domain_keyset_put(call->self, &set);
        crypto_wipe(&set, sizeof set);
        if (!ok)
            return SW_MEMORY_PROBLEM;
        found = found || hit;
    }
    return found ? SW_OK : SW_DATA_NOT_FOUND;
}
