/* SPDX-License-Identifier: Apache-2.0
 *
 * 3GPP TS 35.206, with AES-128 as the kernel function. Names (TEMP, IN1, OUT1 ...) are those of its
 * clause 4.1.
 */
#include "milenage.h"

enum { BLOCK = 16 };

static const struct milenage_constants standard = {
    .r = {64, 0, 32, 64, 96},
    .c = {{0}, {[15] = 1}, {[15] = 2}, {[15] = 4}, {[15] = 8}},
};

/* Eight octets at a time, and written out, so that compilers see one load, one byte swap, one store. */

static void xor_block(uint8_t *to, const uint8_t *from)
{
    uint64_t a[2], b[2];
    memcpy(a, to, BLOCK);
    memcpy(b, from, BLOCK);
    a[0] ^= b[0];
    a[1] ^= b[1];
    memcpy(to, a, BLOCK);
}

static uint64_t load(const uint8_t *p)
{
    return (uint64_t)p[0] << 56 | (uint64_t)p[1] << 48 | (uint64_t)p[2] << 40 | (uint64_t)p[3] << 32 |
           (uint64_t)p[4] << 24 | (uint64_t)p[5] << 16 | (uint64_t)p[6] << 8 | p[7];
}

static void store(uint8_t *p, uint64_t v)
{
    p[0] = (uint8_t)(v >> 56);
    p[1] = (uint8_t)(v >> 48);
    p[2] = (uint8_t)(v >> 40);
    p[3] = (uint8_t)(v >> 32);
    p[4] = (uint8_t)(v >> 24);
    p[5] = (uint8_t)(v >> 16);
    p[6] = (uint8_t)(v >> 8);
    p[7] = (uint8_t)v;
}

/* rot(x, r): cyclically by r bits towards the most significant bit (TS 35.206 3.2). */
static void rotate(uint8_t *to, const uint8_t *from, unsigned bits)
{
    uint64_t high = load(from);
    uint64_t low = load(from + 8);
    if ((bits & 64) != 0) {
        uint64_t swap = high;
        high = low;
        low = swap;
    }
    bits &= 63;
    if (bits != 0) { /* a shift by 64 is undefined */
        uint64_t carry = high >> (64 - bits);
        high = high << bits | low >> (64 - bits);
        low = low << bits | carry;
    }
    store(to, high);
    store(to + 8, low);
}

/* Everything a computation leaves on the stack, in one piece for one wipe. */
struct work {
    uint8_t temp[BLOCK];
    uint8_t mixed[BLOCK]; /* TEMP ^ OPc */
    uint8_t out[3][BLOCK];
};

static const struct milenage_constants *constants(const struct aka_key *key)
{
    return key->own_constants ? &key->milenage : &standard;
}

static bool usual(uint8_t length, uint8_t only)
{
    return length == 0 || length == only;
}

/* Two functions with the same rotation and the same constant would give the same output. */
static bool constants_differ(const struct milenage_constants *m)
{
    for (unsigned i = 0; i < 5; i++) {
        if (m->r[i] > 127)
            return false;
        for (unsigned j = 0; j < i; j++)
            if (m->r[i] == m->r[j] && memcmp(m->c[i], m->c[j], BLOCK) == 0)
                return false;
    }
    return true;
}

static bool milenage_parameters(const struct aka_key *key)
{
    return usual(key->mac_len, 8) && usual(key->res_len, 8) && usual(key->ck_len, 16) &&
           usual(key->ik_len, 16) && key->iterations == 0 &&
           (!key->own_constants || constants_differ(&key->milenage));
}

static bool fits(const struct aka_key *key)
{
    return aka_key_valid(&aka_milenage, key);
}

static bool encrypt(struct uicc_crypto *c, const struct aka_key *key, uint8_t *at, size_t n_blocks)
{
    return aes_ecb_encrypt(c, span_of(key->k, 16), at, at, n_blocks * BLOCK);
}

static bool make_temp(struct uicc_crypto *c, const struct aka_key *key, const uint8_t rand[16],
                      struct work *w)
{
    memcpy(w->temp, rand, BLOCK);
    xor_block(w->temp, key->opc);
    return fits(key) && encrypt(c, key, w->temp, 1);
}

/* OUT(first) to OUT(first + n - 1), for OUT2 to OUT5: E(rot(TEMP ^ OPc, r) ^ c) ^ OPc, all blocks in one
 * call. */
static bool make_out(struct uicc_crypto *c, const struct aka_key *key, unsigned first, unsigned n,
                     struct work *w)
{
    const struct milenage_constants *m = constants(key);
    memcpy(w->mixed, w->temp, BLOCK);
    xor_block(w->mixed, key->opc);
    for (unsigned i = 0; i < n; i++) {
        rotate(w->out[i], w->mixed, m->r[first - 1 + i]);
        xor_block(w->out[i], m->c[first - 1 + i]);
    }
    if (!encrypt(c, key, (uint8_t *)w->out, n))
        return false;
    for (unsigned i = 0; i < n; i++)
        xor_block(w->out[i], key->opc);
    return true;
}

/* OUT1: E(TEMP ^ rot(IN1 ^ OPc, r1) ^ c1) ^ OPc with IN1 = SQN || AMF || SQN || AMF; to out[0]. */
static bool make_out1(struct uicc_crypto *c, const struct aka_key *key, const uint8_t sqn[6],
                      const uint8_t amf[2], struct work *w)
{
    const struct milenage_constants *m = constants(key);
    for (size_t half = 0; half < BLOCK; half += 8) {
        memcpy(w->mixed + half, sqn, 6);
        memcpy(w->mixed + half + 6, amf, 2);
    }
    xor_block(w->mixed, key->opc);
    rotate(w->out[0], w->mixed, m->r[0]);
    xor_block(w->out[0], w->temp);
    xor_block(w->out[0], m->c[0]);
    if (!encrypt(c, key, w->out[0], 1))
        return false;
    xor_block(w->out[0], key->opc);
    return true;
}

/* OUT2 to OUT4 to a vector; leaves TEMP for make_out1. */
static bool make_vector(struct uicc_crypto *c, const struct aka_key *key, const uint8_t rand[16],
                        struct work *w, struct aka_vector *out)
{
    bool good = make_temp(c, key, rand, w) && make_out(c, key, 2, 3, w);
    memset(out, 0, sizeof *out);
    if (good) {
        memcpy(out->res, w->out[0] + 8, 8);
        memcpy(out->ak, w->out[0], 6);
        memcpy(out->ck, w->out[1], 16);
        memcpy(out->ik, w->out[2], 16);
        out->res_len = 8;
        out->ck_len = out->ik_len = 16;
    }
    return good;
}

static bool milenage_f2345(struct uicc_crypto *c, const struct aka_key *key, const uint8_t rand[16],
                           struct aka_vector *out)
{
    struct work w;
    bool good = make_vector(c, key, rand, &w, out);
    crypto_wipe(&w, sizeof w);
    return good;
}

static bool milenage_f1(struct uicc_crypto *c, const struct aka_key *key, const uint8_t rand[16],
                        const uint8_t sqn[6], const uint8_t amf[2], uint8_t *mac_a, uint8_t *mac_s)
{
    struct work w;
    bool good = make_temp(c, key, rand, &w) && make_out1(c, key, sqn, amf, &w);
    if (!good)
        memset(w.out[0], 0, BLOCK);
    if (mac_a != NULL)
        memcpy(mac_a, w.out[0], 8);
    if (mac_s != NULL)
        memcpy(mac_s, w.out[0] + 8, 8);
    crypto_wipe(&w, sizeof w);
    return good;
}

static bool milenage_challenge(struct uicc_crypto *c, const struct aka_key *key, const uint8_t rand[16],
                               const uint8_t token[8], struct aka_vector *out, uint8_t sqn[6], uint8_t *mac_a)
{
    struct work w;
    bool good = make_vector(c, key, rand, &w, out);
    for (size_t i = 0; i < 6; i++)
        sqn[i] = good ? token[i] ^ out->ak[i] : 0;
    good = good && make_out1(c, key, sqn, token + 6, &w);
    if (good) {
        memcpy(mac_a, w.out[0], 8);
    } else {
        memset(mac_a, 0, 8);
        crypto_wipe(out, sizeof *out);
    }
    crypto_wipe(&w, sizeof w);
    return good;
}

static bool milenage_f5star(struct uicc_crypto *c, const struct aka_key *key, const uint8_t rand[16],
                            uint8_t ak[6])
{
    struct work w;
    bool good = make_temp(c, key, rand, &w) && make_out(c, key, 5, 1, &w);
    memset(ak, 0, 6);
    if (good)
        memcpy(ak, w.out[0], 6);
    crypto_wipe(&w, sizeof w);
    return good;
}

static bool milenage_opc(struct uicc_crypto *c, const struct aka_key *key_with_k, const uint8_t *op,
                         uint8_t *opc)
{
    uint8_t out[BLOCK]; /* op and opc may be the same place */
    memcpy(out, op, BLOCK);
    bool good = key_with_k->k_len == 16 && encrypt(c, key_with_k, out, 1);
    if (good)
        xor_block(out, op);
    else
        memset(out, 0, BLOCK);
    memcpy(opc, out, BLOCK);
    crypto_wipe(out, sizeof out);
    return good;
}

const struct aka_algorithm aka_milenage = {
    .id = AKA_MILENAGE,
    .name = "milenage",
    .k_lens = {16, 0},
    .opc_len = 16,
    .mac_len = 8,
    .parameters = milenage_parameters,
    .f2345 = milenage_f2345,
    .f1 = milenage_f1,
    .challenge = milenage_challenge,
    .f5star = milenage_f5star,
    .opc = milenage_opc,
};
