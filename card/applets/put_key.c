/* SPDX-License-Identifier: Apache-2.0
 *
 * PUT KEY (GlobalPlatform 11.8, Amendment D 7.2) over the air: an OTA keyset, or K and OPc, with another
 * algorithm if need be, replaced where the keyset's rights permit it (TR 33.812 A3, A4, S4). Keys come
 * encrypted under the key-encryption key of the keyset that secured the message. All of them are decrypted
 * and their check values compared before any is stored.
 */
#include "key_field.h"
#include "pairs.h"

enum {
    KVN_SUBSCRIBER = 0x7A, /* ours: the active pair's K and OPc, where GlobalPlatform has a key version */
    ID_FIRST = 0x01, ID_ALGORITHM = 0x04, ID_MULTIPLE = 0x80,
    ALGORITHM = 0xA9, ALGORITHM_ID = 0x80, ALGORITHM_PARAMETERS = 0x81, ALGORITHM_SQN = 0x82,
    KVN_MAX = 15,
};

struct kek {
    struct applet self;
    const struct keyset *keys;
};

static bool decrypt(void *ctx, struct span in, uint8_t *out)
{
    const struct kek *kek = ctx;
    const uint8_t iv[16] = {0};
    struct span key = span_of(kek->keys->kik, kek->keys->kik_len);
    if (kek->keys->kik_len == 0)
        return false;
    if (keyset_kik_algorithm(kek->keys) == OTA_AES)
        return aes_cbc_decrypt(applet_crypto(kek->self), key, iv, in.p, out, in.n);
    bool ok = true;
    for (size_t i = 0; i < in.n && ok; i += 8) /* GlobalPlatform E.4.7: DES keys under ECB */
        ok = des_cbc_decrypt(applet_crypto(kek->self), key, iv, in.p + i, out + i, 8);
    return ok;
}

static sw_t read_key(struct applet self, const struct keyset *keys, struct reader *r, struct new_key *out)
{
    struct kek kek = {self, keys};
    const struct key_decipher decipher = {keyset_kik_algorithm(keys) == OTA_AES ? 16 : 8, decrypt, &kek};
    return key_field_read(self, r, &decipher, false, out) == SW_OK ? SW_OK : SW_WRONG_DATA;
}

static sw_t put_keyset(struct call *call, uint8_t version, const struct new_key keys[3])
{
    struct applet self = call->self;
    unsigned index = pair_active(self);
    struct keyset set, other;
    uint32_t rights, other_rights;
    struct span bytes;
    if (version == 0 || version > KVN_MAX)
        return SW_WRONG_DATA;
    for (uint16_t i = 0; applet_get(self, (uint16_t)(ITEM_COMMON_KEYS | i), &bytes); i++) {
        bool clash = ota_secret_load(self, (uint16_t)(ITEM_COMMON_KEYS | i), &other_rights, &other) &&
                     other.version == version;
        crypto_wipe(&other, sizeof other);
        if (clash)
            return SW_WRONG_DATA;
    }
    if (!ota_secret_load(self, (uint16_t)(ITEM_OTA | index), &rights, &set))
        return SW_TECHNICAL_PROBLEM;
    sw_t sw = set.version == call->cmd->p1 ? SW_OK : SW_DATA_NOT_FOUND;
    /* What PUT KEY does not speak of stays: rights, and how many octets of its checksum an AES keyset
     * has (TS 102 225 5.1.3.2). */
    struct keyset fresh = {.version = version, .mac_len = keys[1].algorithm == OTA_AES ? set.mac_len : 8};
    fresh.kic_algorithm = keys[0].algorithm;
    fresh.kid_algorithm = keys[1].algorithm;
    fresh.kic_len = keys[0].len;
    fresh.kid_len = keys[1].len;
    fresh.kik_len = keys[2].len;
    memcpy(fresh.kic, keys[0].key, sizeof fresh.kic);
    memcpy(fresh.kid, keys[1].key, sizeof fresh.kid);
    memcpy(fresh.kik, keys[2].key, sizeof fresh.kik);
    if (sw == SW_OK && (!keyset_valid(&fresh) || keys[2].algorithm != keys[0].algorithm))
        sw = SW_WRONG_DATA;
    for (int i = 0; i < 3 && sw == SW_OK; i++) /* what a profile may not have, does not come later */
        if (!applet_profile(self)->insecure &&
            ota_key_is_des(keys[i].algorithm, span_of(keys[i].key, keys[i].len)))
            sw = SW_WRONG_DATA;
    /* New keys, new counter; but not when it is the old KID: what was said under it before must not count a
     * second time, also when its version comes back later. */
    const bool go_on = fresh.kid_algorithm == set.kid_algorithm && fresh.kid_len == set.kid_len &&
                       crypto_equal(fresh.kid, set.kid, set.kid_len);
    if (sw == SW_OK && (!ota_secret_put(self, (uint16_t)(ITEM_OTA | index), rights, &fresh) ||
                        (!go_on && !applet_remove_if_there(self, (uint16_t)(ITEM_COUNTER | index)))))
        sw = SW_MEMORY_PROBLEM;
    crypto_wipe(&set, sizeof set);
    crypto_wipe(&fresh, sizeof fresh);
    return sw;
}

static bool same_key(const struct aka_secret *a, const struct aka_secret *b)
{
    uint8_t octets[2][AKA_KEY_ENCODED_MAX] = {{0}};
    struct buf one = buf_of(octets[0], sizeof octets[0]), other = buf_of(octets[1], sizeof octets[1]);
    aka_key_encode(&a->key, &one);
    aka_key_encode(&b->key, &other);
    bool same = a->algorithm == b->algorithm && one.len == other.len &&
                crypto_equal(octets[0], octets[1], sizeof octets[0]);
    crypto_wipe(octets, sizeof octets);
    return same;
}

/* The sequence numbers of a new key are fresh. Those of a key that comes again go on, or its challenges could
 * be played once more; under another scheme from the highest on. */
static bool sequence_after(struct applet self, unsigned index, const struct aka_secret *old,
                           const struct aka_secret *fresh)
{
    const uint16_t item = (uint16_t)(ITEM_SQN | index);
    struct sqn_state state;
    struct span stored;
    uint8_t bytes[SQN_STATE_MAX];
    if (!same_key(old, fresh))
        return applet_remove_if_there(self, item);
    if (old->sqn.ind_bits == fresh->sqn.ind_bits || !applet_get(self, item, &stored) ||
        !sqn_state_decode(&old->sqn, stored, &state))
        return true;
    const uint64_t highest = sqn_highest(&old->sqn, &state);
    for (size_t i = 0; i < SQN_SLOTS; i++)
        state.seq[i] = highest >> fresh->sqn.ind_bits;
    return applet_put(self, item, span_of(bytes, sqn_state_encode(&fresh->sqn, &state, bytes)));
}

/* K, OPc, or both. */
static sw_t put_subscriber_keys(struct call *call, const struct new_key *k, const struct new_key *opc)
{
    struct applet self = call->self;
    unsigned index = pair_active(self);
    struct aka_secret secret, old;
    if (!aka_secret_load(self, index, &secret))
        return SW_TECHNICAL_PROBLEM;
    old = secret;
    if (k != NULL) {
        memcpy(secret.key.k, k->key, sizeof secret.key.k);
        secret.key.k_len = k->len;
    }
    if (opc != NULL) {
        memcpy(secret.key.opc, opc->key, sizeof secret.key.opc);
        secret.key.opc_len = opc->len;
    }
    sw_t sw = aka_key_valid(secret.algorithm, &secret.key) ? SW_OK : SW_WRONG_DATA;
    if (sw == SW_OK && !aka_secret_put(self, index, &secret))
        sw = SW_MEMORY_PROBLEM;
    if (sw == SW_OK && k != NULL &&
        (!sequence_after(self, index, &old, &secret) || !subscription_tell_users(self)))
        sw = SW_MEMORY_PROBLEM;
    crypto_wipe(&old, sizeof old);
    crypto_wipe(&secret, sizeof secret);
    return sw;
}

/* Parameters of Milenage: r1 to r5, c1 to c5; of TUAK: octets of MAC, RES, CK and IK, iterations; of XOR:
 * octets of RES. None: the standard's. */
static bool read_parameters(unsigned id, struct span parameters, struct aka_key *key)
{
    struct reader r = rd_of(parameters);
    if (parameters.n == 0)
        return true;
    if (id == AKA_MILENAGE) {
        key->own_constants = true;
        rd_copy(&r, key->milenage.r, sizeof key->milenage.r);
        rd_copy(&r, &key->milenage.c[0][0], sizeof key->milenage.c);
    } else if (id == AKA_TUAK) {
        key->mac_len = rd_u8(&r);
        key->res_len = rd_u8(&r);
        key->ck_len = rd_u8(&r);
        key->ik_len = rd_u8(&r);
        key->iterations = rd_u8(&r);
    } else {
        key->res_len = rd_u8(&r);
    }
    return rd_done(&r);
}

static bool read_algorithm(struct applet self, struct span value, struct aka_secret *out)
{
    struct span id, parameters, scheme;
    if (!tlv_find(value, ALGORITHM_ID, &id) || id.n != 1 || (out->algorithm = aka_algorithm(id.p[0])) == NULL)
        return false;
    /* what a profile may not have, does not come later */
    if (out->algorithm->id == AKA_XOR && !applet_profile(self)->insecure)
        return false;
    out->key = (struct aka_key){0};
    (void)tlv_find(value, ALGORITHM_PARAMETERS, &parameters);
    if (tlv_find(value, ALGORITHM_SQN, &scheme)) {
        /* else the sequence numbers go on being checked as they were (TS 33.102 annex C) */
        struct reader r = rd_of(scheme);
        out->sqn.ind_bits = rd_u8(&r);
        out->sqn.delta = rd_be(&r, 8);
        out->sqn.age = rd_be(&r, 8);
        if (!rd_done(&r) || out->sqn.ind_bits > 5)
            return false;
    }
    return read_parameters(out->algorithm->id, parameters, &out->key);
}

/* The algorithm of the active pair, with new keys for it: nothing of the old ones would fit. */
static sw_t put_algorithm(struct call *call, struct span value, const struct new_key keys[2], size_t n)
{
    struct applet self = call->self;
    unsigned index = pair_active(self);
    struct aka_secret secret, old;
    if (!aka_secret_load(self, index, &secret))
        return SW_TECHNICAL_PROBLEM;
    old = secret;
    bool good = read_algorithm(self, value, &secret) && n == (secret.algorithm->opc_len != 0 ? 2u : 1u);
    if (good) {
        memcpy(secret.key.k, keys[0].key, sizeof secret.key.k);
        secret.key.k_len = keys[0].len;
        if (n == 2) {
            memcpy(secret.key.opc, keys[1].key, sizeof secret.key.opc);
            secret.key.opc_len = keys[1].len;
        }
    }
    sw_t sw = good && aka_key_valid(secret.algorithm, &secret.key) ? SW_OK : SW_WRONG_DATA;
    if (sw == SW_OK && (!aka_secret_put(self, index, &secret) ||
                        !sequence_after(self, index, &old, &secret) || !subscription_tell_users(self)))
        sw = SW_MEMORY_PROBLEM;
    crypto_wipe(&old, sizeof old);
    crypto_wipe(&secret, sizeof secret);
    return sw;
}

/* P1: version of the keyset that is replaced, or KVN_SUBSCRIBER. P2: identifier of the first key: 81, KIc,
 * KID and KIK; for the subscriber's keys 01 K, 02 OPc, 81 both, 84 both and an algorithm for them. Data: the
 * new version, for 84 the algorithm, then the keys. The answer: version and check values. */
static sw_t put_key(struct call *call, const struct keyset *kek, struct new_key keys[3])
{
    struct reader r = rd_of(call->cmd->data);
    bool subscriber = call->cmd->p1 == KVN_SUBSCRIBER;
    uint8_t version = rd_u8(&r), p2 = call->cmd->p2;
    size_t n = 0;
    bool with_algorithm = subscriber && p2 == (ID_ALGORITHM | ID_MULTIPLE);
    struct tlv algorithm = {0};
    if (with_algorithm && (!tlv_next(&r, &algorithm) || algorithm.tag != ALGORITHM))
        return SW_WRONG_DATA;
    while (r.left > 0) {
        sw_t sw = n < 3 ? read_key(call->self, kek, &r, &keys[n++]) : SW_WRONG_DATA;
        if (sw != SW_OK)
            return sw;
    }
    sw_t sw;
    if (with_algorithm)
        sw = n > 0 ? put_algorithm(call, algorithm.value, keys, n) : SW_WRONG_DATA;
    else if (subscriber && p2 == (ID_FIRST | ID_MULTIPLE) && n == 2)
        sw = put_subscriber_keys(call, &keys[0], &keys[1]);
    else if (subscriber && (p2 == ID_FIRST || p2 == ID_FIRST + 1) && n == 1)
        sw = put_subscriber_keys(call, p2 == ID_FIRST ? &keys[0] : NULL, p2 == ID_FIRST ? NULL : &keys[0]);
    else if (!subscriber && p2 == (ID_FIRST | ID_MULTIPLE) && n == 3)
        sw = put_keyset(call, version, keys);
    else
        return SW_WRONG_P1P2;
    if (sw != SW_OK)
        return sw;
    buf_u8(call->out, version);
    for (size_t i = 0; i < n; i++)
        buf_put(call->out, span_of(keys[i].kcv, KEY_CHECK_LEN));
    bool noted =
        audit(call->self, AUDIT_KEYS_REPLACED, (uint8_t)pair_active(call->self), call->session->key_item);
    return noted ? SW_OK : SW_MEMORY_PROBLEM;
}

sw_t command_put_key(struct call *call)
{
    const struct keyset *kek = script_keys(call);
    struct trial trial;
    struct new_key keys[3];
    if (trial_load(call->self, &trial)) /* whose keys would they be? */
        return SW_TRIAL_RUNNING;
    sw_t sw = kek != NULL ? put_key(call, kek, keys) : SW_TECHNICAL_PROBLEM;
    crypto_wipe(keys, sizeof keys);
    return sw;
}
