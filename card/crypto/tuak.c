/* SPDX-License-Identifier: Apache-2.0
 *
 * 3GPP TS 35.231. The specification numbers the bits of its values from the last octet's end and maps them
 * onto Keccak's state so that octets keep their bits and only change their order (5.2): each value goes in,
 * and comes out, back to front.
 */
#include "tuak.h"

#include "keccak.h"

enum {
    TOPC_LEN = 32,
    /* Where the values stand in the 200 octets of the state (6.1 to 6.5: bit number / 8). */
    AT_TOPC = 0,
    AT_INSTANCE = 32,
    AT_ALGONAME = 33,
    AT_RAND = 40,
    AT_AMF = 56,
    AT_SQN = 58,
    AT_K = 64,
    AT_PADDING = 96,
    AT_PADDING_END = 135,
    OUT_MAC = 0, /* TOPc, MAC-A, MAC-S and RES */
    OUT_CK = 32,
    OUT_IK = 64,
    OUT_AK = 96,
    /* INSTANCE, with its bit 0 as the octet's bit 8 */
    INSTANCE_TOPC = 0x00,
    INSTANCE_F1 = 0x00,
    INSTANCE_F1_STAR = 0x80,
    INSTANCE_F2345 = 0x40,
    INSTANCE_F5_STAR = 0xC0,
    INSTANCE_CK_256 = 0x04,
    INSTANCE_IK_256 = 0x02,
    INSTANCE_K_256 = 0x01,
};

/* The permutation's state: octets in, lanes while it runs. A secret. */
struct state {
    uint64_t lanes[25];
};

static void xor_in(struct state *s, size_t at, const uint8_t *value, size_t n)
{
    for (size_t i = 0; i < n; i++, at++)
        s->lanes[at / 8] ^= (uint64_t)value[n - 1 - i] << 8 * (at % 8);
}

static void take_out(const struct state *s, size_t at, uint8_t *value, size_t n)
{
    for (size_t i = 0; i < n; i++, at++)
        value[n - 1 - i] = (uint8_t)(s->lanes[at / 8] >> 8 * (at % 8));
}

static unsigned or_usual(uint8_t length, unsigned usual)
{
    return length != 0 ? length : usual;
}

static bool one_of(unsigned length, unsigned a, unsigned b, unsigned c, unsigned d)
{
    return length == a || length == b || length == c || length == d;
}

static bool tuak_parameters(const struct aka_key *key)
{
    return one_of(key->mac_len, 0, 8, 16, 32) && (key->res_len == 4 || one_of(key->res_len, 0, 8, 16, 32)) &&
           one_of(key->ck_len, 0, 16, 32, 0) && one_of(key->ik_len, 0, 16, 32, 0) &&
           key->iterations <= AKA_ITERATIONS_MAX && !key->own_constants;
}

static bool fits(const struct aka_key *key)
{
    return aka_key_valid(&aka_tuak, key);
}

/* One of the functions: fills the state and permutes it. rand, sqn and amf may be NULL. */
static void compute(struct state *s, const struct aka_key *key, const uint8_t *topc, unsigned instance,
                    const uint8_t *rand, const uint8_t *sqn, const uint8_t *amf)
{
    static const uint8_t name[7] = {'T', 'U', 'A', 'K', '1', '.', '0'};
    const uint8_t octets[3] = {(uint8_t)(instance | (key->k_len == 32 ? INSTANCE_K_256 : 0)), 0x1F, 0x80};
    *s = (struct state){{0}};
    xor_in(s, AT_TOPC, topc, TOPC_LEN);
    xor_in(s, AT_INSTANCE, &octets[0], 1);
    xor_in(s, AT_ALGONAME, name, sizeof name);
    if (rand != NULL)
        xor_in(s, AT_RAND, rand, 16);
    if (amf != NULL)
        xor_in(s, AT_AMF, amf, 2);
    if (sqn != NULL)
        xor_in(s, AT_SQN, sqn, 6);
    xor_in(s, AT_K, key->k, key->k_len);
    xor_in(s, AT_PADDING, &octets[1], 1);
    xor_in(s, AT_PADDING_END, &octets[2], 1);
    for (unsigned i = or_usual(key->iterations, 1); i > 0; i--)
        keccak_f1600(s->lanes);
}

static bool tuak_f2345(struct uicc_crypto *c, const struct aka_key *key, const uint8_t rand[16],
                       struct aka_vector *out)
{
    (void)c;
    struct state s;
    memset(out, 0, sizeof *out);
    if (!fits(key))
        return false;
    out->res_len = (uint8_t)or_usual(key->res_len, 8);
    out->ck_len = (uint8_t)or_usual(key->ck_len, 16);
    out->ik_len = (uint8_t)or_usual(key->ik_len, 16);
    /* The length of RES, in INSTANCE[2..4]: 000 for 32 bits, then one bit each for 64, 128 and 256, which are
     * 8, 16 and 32 octets. */
    unsigned instance = INSTANCE_F2345 | (out->res_len == 4 ? 0u : out->res_len) |
                        (out->ck_len == 32 ? INSTANCE_CK_256 : 0u) |
                        (out->ik_len == 32 ? INSTANCE_IK_256 : 0u);
    compute(&s, key, key->opc, instance, rand, NULL, NULL);
    take_out(&s, OUT_MAC, out->res, out->res_len);
    take_out(&s, OUT_CK, out->ck, out->ck_len);
    take_out(&s, OUT_IK, out->ik, out->ik_len);
    take_out(&s, OUT_AK, out->ak, sizeof out->ak);
    crypto_wipe(&s, sizeof s);
    return true;
}

static bool tuak_f1(struct uicc_crypto *c, const struct aka_key *key, const uint8_t rand[16],
                    const uint8_t sqn[6], const uint8_t amf[2], uint8_t *mac_a, uint8_t *mac_s)
{
    (void)c;
    struct state s;
    bool good = fits(key);
    size_t n =
        good ? or_usual(key->mac_len, 8) : 8; /* without a valid length, the usual one is what is zeroed */
    uint8_t *const macs[2] = {mac_a, mac_s};
    for (unsigned i = 0; i < 2; i++) {
        if (macs[i] == NULL)
            continue;
        memset(macs[i], 0, n);
        if (!good)
            continue;
        /* INSTANCE[2..4]: 001, 010 and 100 for 64, 128 and 256 bits */
        compute(&s, key, key->opc, (i == 0 ? INSTANCE_F1 : INSTANCE_F1_STAR) | (unsigned)n, rand, sqn, amf);
        take_out(&s, OUT_MAC, macs[i], n);
        crypto_wipe(&s, sizeof s);
    }
    return good;
}

static bool tuak_challenge(struct uicc_crypto *c, const struct aka_key *key, const uint8_t rand[16],
                           const uint8_t token[8], struct aka_vector *out, uint8_t sqn[6], uint8_t *mac_a)
{
    return aka_challenge_in_parts(&aka_tuak, c, key, rand, token, out, sqn, mac_a);
}

static bool tuak_f5star(struct uicc_crypto *c, const struct aka_key *key, const uint8_t rand[16],
                        uint8_t ak[6])
{
    (void)c;
    struct state s;
    memset(ak, 0, 6);
    if (!fits(key))
        return false;
    compute(&s, key, key->opc, INSTANCE_F5_STAR, rand, NULL, NULL);
    take_out(&s, OUT_AK, ak, 6);
    crypto_wipe(&s, sizeof s);
    return true;
}

static bool tuak_opc(struct uicc_crypto *c, const struct aka_key *key_with_k, const uint8_t *op, uint8_t *opc)
{
    (void)c;
    struct state s;
    if ((key_with_k->k_len != 16 && key_with_k->k_len != 32) || !tuak_parameters(key_with_k)) {
        memset(opc, 0, TOPC_LEN);
        return false;
    }
    compute(&s, key_with_k, op, INSTANCE_TOPC, NULL, NULL, NULL);
    take_out(&s, OUT_MAC, opc, TOPC_LEN);
    crypto_wipe(&s, sizeof s);
    return true;
}

const struct aka_algorithm aka_tuak = {
    .id = AKA_TUAK,
    .name = "tuak",
    .k_lens = {16, 32},
    .opc_len = TOPC_LEN,
    .mac_len = 8,
    .parameters = tuak_parameters,
    .f2345 = tuak_f2345,
    .f1 = tuak_f1,
    .challenge = tuak_challenge,
    .f5star = tuak_f5star,
    .opc = tuak_opc,
};
