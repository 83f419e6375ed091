/* SPDX-License-Identifier: Apache-2.0 */
#include "aka.h"

#include "milenage.h"
#include "tuak.h"
#include "xor.h"

static const struct aka_algorithm *const algorithms[] = {&aka_milenage, &aka_tuak, &aka_xor};

enum { N_ALGORITHMS = sizeof algorithms / sizeof algorithms[0] };

const struct aka_algorithm *aka_algorithm(unsigned id)
{
    for (size_t i = 0; i < N_ALGORITHMS; i++)
        if ((unsigned)algorithms[i]->id == id)
            return algorithms[i];
    return NULL;
}

const struct aka_algorithm *aka_algorithm_named(const char *name)
{
    for (size_t i = 0; i < N_ALGORITHMS; i++)
        if (strcmp(algorithms[i]->name, name) == 0)
            return algorithms[i];
    return NULL;
}

bool aka_key_valid(const struct aka_algorithm *a, const struct aka_key *key)
{
    return key->k_len > 0 && (key->k_len == a->k_lens[0] || key->k_len == a->k_lens[1]) &&
           key->opc_len == a->opc_len && a->parameters(key);
}

bool aka_key_usual(const struct aka_key *k)
{
    return k->mac_len == 0 && k->res_len == 0 && k->ck_len == 0 && k->ik_len == 0 && k->iterations == 0 &&
           !k->own_constants;
}

bool aka_challenge_in_parts(const struct aka_algorithm *a, struct uicc_crypto *c, const struct aka_key *key,
                            const uint8_t rand[16], const uint8_t token[8], struct aka_vector *out,
                            uint8_t sqn[6], uint8_t *mac_a)
{
    bool good = a->f2345(c, key, rand, out);
    for (size_t i = 0; i < 6; i++)
        sqn[i] = good ? token[i] ^ out->ak[i] : 0;
    return a->f1(c, key, rand, sqn, token + 6, mac_a, NULL) && good;
}

size_t aka_mac_len(const struct aka_algorithm *a, const struct aka_key *key)
{
    return key->mac_len != 0 ? key->mac_len : a->mac_len;
}

void aka_key_encode(const struct aka_key *key, struct buf *out)
{
    if (key->k_len > sizeof key->k || key->opc_len > sizeof key->opc) {
        out->full = true;
        return;
    }
    buf_u8(out, key->k_len);
    buf_put(out, span_of(key->k, key->k_len));
    buf_u8(out, key->opc_len);
    buf_put(out, span_of(key->opc, key->opc_len));
    buf_u8(out, key->mac_len);
    buf_u8(out, key->res_len);
    buf_u8(out, key->ck_len);
    buf_u8(out, key->ik_len);
    buf_u8(out, key->iterations);
    buf_u8(out, key->own_constants);
    if (key->own_constants) {
        buf_put(out, span_of(key->milenage.r, sizeof key->milenage.r));
        buf_put(out, span_of(key->milenage.c, sizeof key->milenage.c));
    }
}

static uint8_t counted(struct reader *in, uint8_t *to, size_t room)
{
    uint8_t n = rd_u8(in);
    if (n > room)
        in->bad = true;
    if (rd_ok(in))
        rd_copy(in, to, n);
    return n;
}

bool aka_key_decode(struct reader *in, struct aka_key *out)
{
    *out = (struct aka_key){0};
    out->k_len = counted(in, out->k, sizeof out->k);
    out->opc_len = counted(in, out->opc, sizeof out->opc);
    out->mac_len = rd_u8(in);
    out->res_len = rd_u8(in);
    out->ck_len = rd_u8(in);
    out->ik_len = rd_u8(in);
    out->iterations = rd_u8(in);
    uint8_t own = rd_u8(in);
    if (own > 1)
        in->bad = true;
    out->own_constants = own == 1;
    if (out->own_constants) {
        rd_copy(in, out->milenage.r, sizeof out->milenage.r);
        rd_copy(in, out->milenage.c[0], sizeof out->milenage.c);
    }
    if (!rd_ok(in))
        crypto_wipe(out, sizeof *out);
    return rd_ok(in);
}

/* xors `in`, padded with zeros, to `out` piece by piece */
static void fold(uint8_t *restrict out, size_t n, const uint8_t *restrict in, size_t in_len)
{
    for (size_t i = 0; i < in_len; i += n)
        for (size_t k = 0; k < n && i + k < in_len; k++)
            out[k] ^= in[i + k];
}

void aka_gsm(const struct aka_vector *v, uint8_t sres[4], uint8_t kc[8])
{
    /* c2 folds RES to 32 bits, c3 folds CK and IK to 64 (TS 33.102 6.8.1.2). */
    memset(sres, 0, 4);
    memset(kc, 0, 8);
    fold(sres, 4, v->res, v->res_len);
    fold(kc, 8, v->ck, v->ck_len);
    fold(kc, 8, v->ik, v->ik_len);
}
