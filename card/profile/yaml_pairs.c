/* SPDX-License-Identifier: Apache-2.0
 *
 * The key lists of a profile: pairs of subscriber and OTA keys, and keysets that are no operator's.
 */
#include "yaml_make.h"

#include <stdio.h>

/* ---- keys ---- */

/* "derived", or a key of one of two lengths (the second may be 0). *derived says which; then *n is the first
 * length. */
static bool read_key(const struct maker *m, const char *path, const char *text, size_t length, size_t other,
                     uint8_t *out, uint8_t *n, bool *derived)
{
    size_t got = length;
    *derived = strcmp(text, "derived") == 0;
    if (!*derived) {
        size_t max = other > length ? other : length, min = other != 0 && other < length ? other : length;
        if (!yaml_octets(m, path, text, out, min, max, &got))
            return false;
        if (got != length && got != other)
            return yaml_fail(m->s, path, "%zu octets; must be %zu or %zu", got, length, other);
        if (!m->insecure && profile_key_known(out, got))
            return yaml_fail(m->s, path,
                             "a well-known or regular key; use a random one, or \"derived\", or say "
                             "\"insecure: true\" for a card that is only a test card");
    }
    *n = (uint8_t)got;
    return true;
}

static bool key_bits(const struct maker *m, const char *path, int algorithm, uint32_t bits)
{
    bool good = algorithm == OTA_AES    ? bits == 128 || bits == 192 || bits == 256
                : algorithm == OTA_3DES ? bits == 128 || bits == 192
                                        : bits == 64;
    return good || yaml_fail(m->s, path, "must be %s",
                             algorithm == OTA_AES    ? "128, 192 or 256 for aes"
                             : algorithm == OTA_3DES ? "128 (two keys) or 192 (three keys) for 3des"
                                                     : "64 for des");
}

static bool ota_key(const struct maker *m, const char *path, const char *part, int algorithm,
                    const struct y_key *y, uint8_t *key, uint8_t *n, bool *derived)
{
    struct place bits, text;
    (void)snprintf(bits.text, sizeof bits.text, "%s.%s.bits", path, part);
    (void)snprintf(text.text, sizeof text.text, "%s.%s.key", path, part);
    if (!key_bits(m, bits.text, algorithm, y->bits) ||
        !read_key(m, text.text, y->key, y->bits / 8, 0, key, n, derived))
        return false;
    return *derived || m->insecure || !ota_key_is_des((unsigned)algorithm, span_of(key, *n)) ||
           yaml_fail(m->s, text.text,
                     "parts of it are equal: that is single DES, which is broken; use aes, or say "
                     "\"insecure: true\"");
}

/* `path` is that of the "ota" mapping. */
static bool read_ota(const struct maker *m, const char *path, const struct y_ota *y, struct keyset *k,
                     bool *derived)
{
    bool kic, kid, kik;
    struct place w;
    (void)snprintf(w.text, sizeof w.text, "%s.version", path);
    if (y->version < 1 || y->version > 15) /* TS 102 225 5.1.2: bits 8-5 of KIc; 0 names no key */
        return yaml_fail(m->s, w.text, "must be 1 to 15");
    k->version = y->version;
    k->kic_algorithm = (uint8_t)y->kic.algorithm;
    k->kid_algorithm = (uint8_t)y->kid.algorithm;
    (void)snprintf(w.text, sizeof w.text, "%s.kic.algorithm", path);
    if ((y->kic.algorithm == OTA_DES || y->kid.algorithm == OTA_DES) && !m->insecure)
        return yaml_fail(m->s, w.text, "single DES is broken; use aes, or say \"insecure: true\"");
    if (!ota_key(m, path, "kic", y->kic.algorithm, &y->kic, k->kic, &k->kic_len, &kic) ||
        !ota_key(m, path, "kid", y->kid.algorithm, &y->kid, k->kid, &k->kid_len, &kid) ||
        !ota_key(m, path, "kik", y->kic.algorithm, &y->kik, k->kik, &k->kik_len, &kik))
        return false;
    k->mac_len = y->kid.mac == 0 ? 8 : (uint8_t)y->kid.mac;
    (void)snprintf(w.text, sizeof w.text, "%s.kid.mac", path);
    if (y->kid.mac != 0 && y->kid.mac != 8 && !(y->kid.mac == 4 && y->kid.algorithm == OTA_AES))
        return yaml_fail(m->s, w.text, "must be 8 octets, or 4 with aes");
    if (kic != kid || kic != kik)
        return yaml_fail(m->s, path, "either all of kic, kid and kik are \"derived\" or none is");
    *derived = kic;
    return keyset_valid(k) || yaml_fail(m->s, path, "not a keyset that the card can use");
}

/* ---- key lists ---- */

struct size { /* a size in bits, as written, and where its octets go */
    const char *key;
    const uint32_t *bits;
    uint8_t *octets;
    uint16_t allowed[4];
};

static bool make_bits(const struct maker *m, unsigned i, const struct size *s)
{
    char list[32] = "";
    if (s->bits == NULL)
        return true;
    for (unsigned k = 0; k < 4 && s->allowed[k] != 0; k++) {
        if (*s->bits == s->allowed[k]) {
            *s->octets = (uint8_t)(*s->bits / 8);
            return true;
        }
        size_t n = strlen(list);
        (void)snprintf(list + n, sizeof list - n, "%s%u", k == 0 ? "" : ", ", s->allowed[k]);
    }
    return yaml_fail(m->s, yaml_at("pairs", i, s->key).text, "must be one of: %s (bits)", list);
}

/* TS 35.231 5.1 */
static bool make_tuak(const struct maker *m, unsigned i, const struct y_sizes *y, struct aka_key *key)
{
    const struct size sizes[] = {
        {"tuak.k", y->k, &key->k_len, {128, 256}},
        {"tuak.mac", y->mac, &key->mac_len, {64, 128, 256}},
        {"tuak.res", y->res, &key->res_len, {32, 64, 128, 256}},
        {"tuak.ck", y->ck, &key->ck_len, {128, 256}},
        {"tuak.ik", y->ik, &key->ik_len, {128, 256}},
    };
    for (unsigned k = 0; k < sizeof sizes / sizeof sizes[0]; k++)
        if (!make_bits(m, i, &sizes[k]))
            return false;
    if (y->iterations == NULL)
        return true;
    key->iterations = *y->iterations;
    return (key->iterations >= 1 && key->iterations <= AKA_ITERATIONS_MAX) ||
           yaml_fail(m->s, yaml_at("pairs", i, "tuak.iterations").text, "must be 1 to %d",
                     AKA_ITERATIONS_MAX);
}

/* TS 34.108 8.1.2 */
static bool make_xor(const struct maker *m, unsigned i, const struct y_sizes *y, struct aka_key *key)
{
    if (y->res == NULL)
        return true;
    key->res_len = (uint8_t)(*y->res / 8);
    return (*y->res >= 32 && *y->res <= 128 && *y->res % 8 == 0) ||
           yaml_fail(m->s, yaml_at("pairs", i, "xor.res").text, "must be 32 to 128 bits, a multiple of 8");
}

/* TS 35.206 4.1, 5.3 */
static bool make_milenage(const struct maker *m, unsigned i, const struct y_constants *y, struct aka_key *key)
{
    key->own_constants = true;
    for (unsigned k = 0; k < 5; k++) {
        key->milenage.r[k] = y->r[k];
        if (y->r[k] > 127)
            return yaml_fail(m->s, yaml_at_item("pairs", i, "milenage.r", k).text, "must be 0 to 127");
        if (!yaml_octets(m, yaml_at_item("pairs", i, "milenage.c", k).text, y->c[k], key->milenage.c[k], 16,
                         16, NULL))
            return false;
        for (unsigned j = 0; j < k; j++)
            if (y->r[j] == y->r[k] && memcmp(key->milenage.c[j], key->milenage.c[k], 16) == 0)
                return yaml_fail(m->s, yaml_at_item("pairs", i, "milenage.c", k).text,
                                 "r and c are the same as those of f%u; two functions would be one", j + 1);
    }
    return true;
}

static bool make_parameters(const struct maker *m, unsigned i, const struct y_pair *y, unsigned id,
                            struct aka_key *key)
{
    const struct {
        unsigned id;
        const void *given;
        const char *name;
    } mappings[] = {
        {AKA_TUAK, y->tuak, "tuak"}, {AKA_XOR, y->xor_test, "xor"}, {AKA_MILENAGE, y->milenage, "milenage"}};
    for (unsigned k = 0; k < 3; k++)
        if (mappings[k].given != NULL && mappings[k].id != id)
            return yaml_fail(m->s, yaml_at("pairs", i, mappings[k].name).text,
                             "parameters of another algorithm than the pair's");
    return (y->tuak == NULL || make_tuak(m, i, y->tuak, key)) &&
           (y->xor_test == NULL || make_xor(m, i, y->xor_test, key)) &&
           (y->milenage == NULL || make_milenage(m, i, y->milenage, key));
}

/* OPc or OP; TUAK calls them TOPc and TOP. */
static bool make_opc(const struct maker *m, unsigned i, const struct aka_algorithm *aka,
                     struct profile_pair *q)
{
    const struct y_pair *y = &m->y->pairs[i];
    bool tuak = aka->id == AKA_TUAK, derived = false;
    const char *const names[2] = {tuak ? "topc" : "opc", tuak ? "top" : "op"};
    const char *const texts[2] = {tuak ? y->topc : y->opc, tuak ? y->top : y->op};
    const char *const alien = tuak ? (y->opc != NULL ? "opc" : "op") : y->topc != NULL ? "topc" : "top";
    if (tuak ? y->opc != NULL || y->op != NULL : y->topc != NULL || y->top != NULL)
        return yaml_fail(m->s, yaml_at("pairs", i, alien).text,
                         "%s has none; TUAK has \"topc\" and \"top\", Milenage \"opc\" and \"op\"",
                         aka->name);
    if (aka->opc_len == 0) {
        if (texts[0] == NULL && texts[1] == NULL)
            return true;
        return yaml_fail(m->s, yaml_at("pairs", i, texts[0] != NULL ? "opc" : "op").text,
                         "%s has none; remove it", aka->name);
    }
    if ((texts[0] == NULL) == (texts[1] == NULL))
        return yaml_fail(m->s, yaml_at("pairs", i, "").text, "give either \"%s\" or \"%s\"", names[0],
                         names[1]);
    unsigned which = texts[0] != NULL ? 0 : 1;
    struct place w = yaml_at("pairs", i, names[which]);
    if (!read_key(m, w.text, texts[which], aka->opc_len, 0, q->key.opc, &q->key.opc_len, &derived))
        return false;
    if (derived && which == 1)
        return yaml_fail(m->s, w.text, "an OP is an operator's and is not derived; say \"%s: derived\"",
                         names[0]);
    q->derived |= derived ? PAIR_DERIVE_OPC : which == 1 ? PAIR_FROM_OP : 0;
    return true;
}

static bool make_aka(const struct maker *m, unsigned i, struct profile_pair *q)
{
    const struct y_pair *y = &m->y->pairs[i];
    const struct aka_algorithm *aka = aka_algorithm_named(y->algorithm);
    if (aka == NULL)
        return yaml_fail(m->s, yaml_at("pairs", i, "algorithm").text,
                         "no algorithm \"%s\"; there are: milenage, tuak, xor",
                         yaml_shown(y->algorithm, strlen(y->algorithm)).text);
    q->algorithm = (uint8_t)aka->id;
    struct place w = yaml_at("pairs", i, "k");
    if (aka->id == AKA_XOR && !m->insecure)
        return yaml_fail(m->s, yaml_at("pairs", i, "algorithm").text,
                         "the test algorithm protects nothing; use another, or say \"insecure: true\"");
    if (!make_parameters(m, i, y, aka->id, &q->key))
        return false;
    uint8_t said = q->key.k_len; /* 0: not */
    bool derived = false;
    if (!read_key(m, w.text, y->k, said != 0 ? said : aka->k_lens[0], said != 0 ? 0 : aka->k_lens[1],
                  q->key.k, &q->key.k_len, &derived))
        return false;
    q->derived = derived ? PAIR_DERIVE_K : 0;
    return make_opc(m, i, aka, q);
}

static bool make_pair(struct maker *m, unsigned i, struct profile_pair *q, unsigned *repeat)
{
    const struct y_pair *y = &m->y->pairs[i];
    bool derived = false;
    struct place w;
    if (!make_aka(m, i, q))
        return false;
    /* TS 33.102 C.3.2: 5 bits of index, 2^28 for the largest jump, no age limit */
    q->sqn.ind_bits = y->sqn.ind_bits == NULL ? 5 : *y->sqn.ind_bits;
    q->sqn.delta = y->sqn.delta == NULL ? 1u << 28 : *y->sqn.delta;
    q->sqn.age = y->sqn.age == NULL ? 0 : *y->sqn.age;
    if (q->sqn.ind_bits > 5)
        return yaml_fail(m->s, yaml_at("pairs", i, "sqn.ind-bits").text, "must be 0 to 5");
    /* TS 33.102 C.1.1.1: SQN has 48 bits */
    const uint64_t seq_max = (UINT64_C(1) << (48 - q->sqn.ind_bits)) - 1;
    if (q->sqn.delta > seq_max || q->sqn.age > seq_max)
        return yaml_fail(m->s, yaml_at("pairs", i, q->sqn.delta > seq_max ? "sqn.delta" : "sqn.age").text,
                         "must be at most %llu: a sequence number has no more bits",
                         (unsigned long long)seq_max);
    if (!read_ota(m, yaml_at("pairs", i, "ota").text, &y->ota, &q->ota, &derived))
        return false;
    if (derived)
        q->derived |= PAIR_DERIVE_OTA;
    q->ota_rights = y->rights;
    *repeat = y->repeat == NULL ? 1 : *y->repeat;
    w = yaml_at("pairs", i, "repeat");
    if (*repeat < 1 || *repeat > PROFILE_PAIRS_MAX)
        return yaml_fail(m->s, w.text, "must be 1 to %d", PROFILE_PAIRS_MAX);
    if (*repeat > 1 && ((q->derived & PAIR_DERIVE_K) == 0 || (q->derived & PAIR_DERIVE_OTA) == 0))
        return yaml_fail(m->s, w.text,
                         "pairs with the same keys are one pair; make \"k\" and the OTA keys \"derived\"");
    return true;
}

/* GlobalPlatform UICC Configuration, key version numbers: 01 to 0F SCP80, 20 to 2F SCP02, 30 to 3F SCP03; 70
 * is SCP02's on some makers' cards. */
static bool domain_protocol(const struct maker *m, const char *path, uint8_t version, int algorithm)
{
    bool scp80 = version >= 0x01 && version <= KEYSET_OTA_MAX;
    bool scp02 = (version >= 0x20 && version <= 0x2F) || version == 0x70,
         scp03 = version >= 0x30 && version <= 0x3F;
    if (!scp80 && !scp02 && !scp03)
        return yaml_fail(m->s, path, "must be 01 to 0F (SCP80), 20 to 2F or 70 (SCP02), or 30 to 3F (SCP03)");
    if ((scp02 && algorithm != OTA_3DES) || (scp03 && algorithm != OTA_AES))
        return yaml_fail(m->s, path, "SCP02 (20 to 2F, 70) has 3des keys, SCP03 (30 to 3F) has aes keys");
    return algorithm != OTA_DES || yaml_fail(m->s, path, "single DES is broken; use aes or 3des");
}

static bool domain_key(const struct maker *m, const char *path, const struct y_domain_keys *y,
                       const char *text, uint8_t *key, uint8_t *n, bool *derived)
{
    if (!read_key(m, path, text, y->bits / 8, 0, key, n, derived))
        return false;
    return *derived || m->insecure || !ota_key_is_des((unsigned)y->algorithm, span_of(key, *n)) ||
           yaml_fail(
               m->s, path,
               "parts of it are equal: that is single DES, which is broken; use aes, or say \"insecure: true\"");
}

static bool make_domain_keyset(struct maker *m, unsigned applet, unsigned i, struct profile_keyset *k)
{
    const struct y_domain_keys *y = &m->y->applets[applet].keys[i];
    struct place list = yaml_at("applets", applet, "keys"), w = yaml_at(list.text, i, "kvn");
    bool enc, mac, dek;
    k->domain = (uint8_t)(applet + 1);
    k->keys.mac_len = 8;
    k->keys.kic_algorithm = k->keys.kid_algorithm = (uint8_t)y->algorithm;
    if (!yaml_octet(m, w.text, y->kvn, &k->keys.version) ||
        !domain_protocol(m, w.text, k->keys.version, y->algorithm) ||
        !key_bits(m, yaml_at(list.text, i, "bits").text, y->algorithm, y->bits))
        return false;
    if (k->keys.version > KEYSET_OTA_MAX && y->algorithm == OTA_3DES && y->bits != 128)
        return yaml_fail(m->s, yaml_at(list.text, i, "bits").text,
                         "must be 128: SCP02 has keys of two parts");
    for (unsigned j = 0; j < m->p.n_keysets; j++)
        if (m->p.keysets[j].domain == k->domain && m->p.keysets[j].keys.version == k->keys.version)
            return yaml_fail(
                m->s, w.text,
                "another keyset of this security domain has the same version; each needs its own");
    if (!domain_key(m, yaml_at(list.text, i, "enc").text, y, y->enc, k->keys.kic, &k->keys.kic_len, &enc) ||
        !domain_key(m, yaml_at(list.text, i, "mac").text, y, y->mac, k->keys.kid, &k->keys.kid_len, &mac) ||
        !domain_key(m, yaml_at(list.text, i, "dek").text, y, y->dek, k->keys.kik, &k->keys.kik_len, &dek))
        return false;
    k->derived = enc;
    return (enc == mac && mac == dek) ||
           yaml_fail(m->s, yaml_at(list.text, i, "").text,
                     "either all of enc, mac and dek are \"derived\" or none is");
}

/* Behind the common ones. */
static bool make_domain_keysets(struct maker *m)
{
    for (unsigned a = 0; a < m->y->applets_count; a++)
        for (unsigned i = 0; i < m->y->applets[a].keys_count; i++) {
            struct place list = yaml_at("applets", a, "keys");
            if (m->p.n_keysets >= PROFILE_KEYSETS_MAX)
                return yaml_fail(m->s, yaml_at(list.text, i, "").text, "more than %d keysets",
                                 PROFILE_KEYSETS_MAX);
            if (!make_domain_keyset(m, a, i, &m->p.keysets[m->p.n_keysets]))
                return false;
            m->p.n_keysets++;
        }
    return true;
}

bool yaml_make_pairs(struct maker *m)
{
    unsigned n = 0;
    for (unsigned i = 0; i < m->y->pairs_count; i++) {
        unsigned repeat = 0;
        struct profile_pair *q = yaml_maker_memory(m, sizeof *q);
        if (q == NULL || !make_pair(m, i, q, &repeat))
            return false;
        if (repeat > PROFILE_PAIRS_MAX - n)
            return yaml_fail(m->s, yaml_at("pairs", i, "").text, "more than %d pairs", PROFILE_PAIRS_MAX);
        while (repeat-- > 0)
            m->p.pairs[n++] = *q;
    }
    m->p.n_pairs = (uint16_t)n;
    for (unsigned i = 0; i < m->y->keysets_count; i++) {
        struct profile_keyset *k = &m->p.keysets[i];
        struct place w = yaml_at("keysets", i, "ota");
        if (!read_ota(m, w.text, &m->y->keysets[i].ota, &k->keys, &k->derived))
            return false;
        k->rights = m->y->keysets[i].rights;
        /* KIc and KID name a keyset by its version only (TS 102 225 5.1.2) */
        w = yaml_at("keysets", i, "ota.version");
        for (unsigned j = 0; j < n; j++)
            if (m->p.pairs[j].ota.version == k->keys.version)
                return yaml_fail(m->s, w.text, "a pair's OTA keys have the same version; each needs its own");
        for (unsigned j = 0; j < i; j++)
            if (m->p.keysets[j].keys.version == k->keys.version)
                return yaml_fail(m->s, w.text, "%s has the same version; each needs its own",
                                 yaml_entry(m, "keysets", j).text);
    }
    return make_domain_keysets(m);
}
