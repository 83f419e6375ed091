/* SPDX-License-Identifier: Apache-2.0
 *
 * 3GPP TS 34.108 8.1.2, names XDOUT and CDOUT as there: XDOUT = K xor RAND is all there is to it; the outputs
 * are XDOUT read from different places, and the MAC is XDOUT xor CDOUT = SQN || AMF.
 */
#include "xor.h"

enum { BLOCK = 16 };

static bool xor_parameters(const struct aka_key *key)
{
    return (key->mac_len == 0 || key->mac_len == 8) &&
           (key->res_len == 0 || (key->res_len >= 4 && key->res_len <= BLOCK)) &&
           (key->ck_len == 0 || key->ck_len == BLOCK) && (key->ik_len == 0 || key->ik_len == BLOCK) &&
           key->iterations == 0 && !key->own_constants;
}

static bool make_xdout(const struct aka_key *key, const uint8_t rand[16], uint8_t xdout[BLOCK])
{
    bool good = aka_key_valid(&aka_xor, key);
    for (size_t i = 0; i < BLOCK; i++)
        xdout[i] = good ? key->k[i] ^ rand[i] : 0;
    return good;
}

static bool xor_f2345(struct uicc_crypto *c, const struct aka_key *key, const uint8_t rand[16],
                      struct aka_vector *out)
{
    (void)c;
    uint8_t xdout[BLOCK];
    memset(out, 0, sizeof *out);
    bool good = make_xdout(key, rand, xdout);
    if (good) {
        out->res_len = key->res_len != 0 ? key->res_len : BLOCK;
        out->ck_len = out->ik_len = BLOCK;
        memcpy(out->res, xdout, out->res_len);
        for (size_t i = 0; i < BLOCK; i++) {
            out->ck[i] = xdout[(i + 1) % BLOCK];
            out->ik[i] = xdout[(i + 2) % BLOCK];
        }
        memcpy(out->ak, xdout + 3, sizeof out->ak);
    }
    crypto_wipe(xdout, sizeof xdout);
    return good;
}

/* f1 and f1* are the same function: AMF tells MAC-A from MAC-S. */
static bool xor_f1(struct uicc_crypto *c, const struct aka_key *key, const uint8_t rand[16],
                   const uint8_t sqn[6], const uint8_t amf[2], uint8_t *mac_a, uint8_t *mac_s)
{
    (void)c;
    uint8_t xdout[BLOCK], mac[8];
    bool good = make_xdout(key, rand, xdout);
    for (size_t i = 0; i < sizeof mac; i++)
        mac[i] = good ? xdout[i] ^ (i < 6 ? sqn[i] : amf[i - 6]) : 0;
    if (mac_a != NULL)
        memcpy(mac_a, mac, sizeof mac);
    if (mac_s != NULL)
        memcpy(mac_s, mac, sizeof mac);
    crypto_wipe(xdout, sizeof xdout);
    return good;
}

static bool xor_challenge(struct uicc_crypto *c, const struct aka_key *key, const uint8_t rand[16],
                          const uint8_t token[8], struct aka_vector *out, uint8_t sqn[6], uint8_t *mac_a)
{
    return aka_challenge_in_parts(&aka_xor, c, key, rand, token, out, sqn, mac_a);
}

static bool xor_f5star(struct uicc_crypto *c, const struct aka_key *key, const uint8_t rand[16],
                       uint8_t ak[6])
{
    (void)c;
    uint8_t xdout[BLOCK];
    bool good = make_xdout(key, rand, xdout);
    memcpy(ak, xdout + 3, 6);
    crypto_wipe(xdout, sizeof xdout);
    return good;
}

const struct aka_algorithm aka_xor = {
    .id = AKA_XOR,
    .name = "xor",
    .k_lens = {16, 0},
    .opc_len = 0,
    .mac_len = 8,
    .parameters = xor_parameters,
    .f2345 = xor_f2345,
    .f1 = xor_f1,
    .challenge = xor_challenge,
    .f5star = xor_f5star,
    .opc = NULL,
};
