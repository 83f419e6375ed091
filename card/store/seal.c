/* SPDX-License-Identifier: Apache-2.0 */
#include "seal.h"

static bool derive(struct uicc_crypto *crypto, const uint8_t storage_key[32], const char *label,
                   uint8_t key[32])
{
    struct span part = span_of(label, strlen(label));
    return hmac_sha256(crypto, span_of(storage_key, 32), &part, 1, key);
}

bool seal_init(struct sealer *s, struct uicc_crypto *crypto, const uint8_t storage_key[32])
{
    uint8_t identity[32];
    s->crypto = crypto;
    s->counter = 0;
    if (!derive(crypto, storage_key, "softuicc deck 1 identity", identity))
        return false;
    memcpy(s->identity, identity, sizeof s->identity);
    return derive(crypto, storage_key, "softuicc deck 1 records", s->key) &&
           derive(crypto, storage_key, "softuicc deck 1 sets", s->set_key) &&
           crypto_random(NULL, s->prefix, sizeof s->prefix);
}

void seal_wipe(struct sealer *s)
{
    crypto_wipe(s, sizeof *s);
}

/* No nonce twice under one key: within an opening of the deck by the counter, among openings by the random
 * prefix. */
static bool next_nonce(struct sealer *s, uint8_t nonce[SEAL_NONCE])
{
    if (s->counter == UINT32_MAX) {
        if (!crypto_random(NULL, s->prefix, sizeof s->prefix))
            return false;
        s->counter = 0;
    }
    s->counter++;
    struct buf b = buf_of(nonce, SEAL_NONCE);
    buf_put(&b, span_of(s->prefix, sizeof s->prefix));
    buf_u32(&b, s->counter);
    return buf_ok(&b);
}

enum { AAD_MAX = 64 };

static struct span additional(uint8_t *room, struct span key, uint8_t format)
{
    struct buf b = buf_of(room, AAD_MAX);
    buf_u8(&b, format);
    buf_put(&b, key);
    return buf_ok(&b) ? buf_span(&b) : SPAN_EMPTY;
}

bool seal(struct sealer *s, struct span key, struct span plain, uint8_t *out)
{
    uint8_t room[AAD_MAX];
    struct span aad = additional(room, key, SEAL_FORMAT);
    uint8_t *nonce = out + 1;
    uint8_t *body = nonce + SEAL_NONCE;
    out[0] = SEAL_FORMAT;
    return aad.n > 0 && next_nonce(s, nonce) &&
           gcm_seal(s->crypto, s->key, nonce, aad, plain, body, body + plain.n);
}

bool unseal(struct sealer *s, struct span key, struct span sealed, uint8_t *out)
{
    uint8_t room[AAD_MAX];
    if (sealed.n < SEAL_OVERHEAD || sealed.p[0] != SEAL_FORMAT)
        return false;
    struct span aad = additional(room, key, SEAL_FORMAT);
    struct span body = span_slice(sealed, 1 + SEAL_NONCE, sealed.n - SEAL_OVERHEAD);
    return aad.n > 0 && gcm_open(s->crypto, s->key, sealed.p + 1, aad, body, seal_tag(sealed).p, out);
}

struct span seal_tag(struct span sealed)
{
    return sealed.n < SEAL_OVERHEAD ? SPAN_EMPTY : span_slice(sealed, sealed.n - SEAL_TAG, SEAL_TAG);
}

bool seal_set_finish(struct sealer *s, struct seal_set *set)
{
    bool good = set->n == 0 || aes_ecb_encrypt(s->crypto, span_of(s->set_key, sizeof s->set_key),
                                               set->pending, set->pending, set->n * SEAL_TAG);
    for (size_t i = 0; good && i < set->n * SEAL_TAG; i++)
        set->mark[i % SEAL_TAG] ^= set->pending[i];
    set->n = 0;
    return good;
}

bool seal_set_flip(struct sealer *s, struct seal_set *set, struct span tag)
{
    if (tag.n != SEAL_TAG || (set->n == SEAL_PENDING && !seal_set_finish(s, set)))
        return false;
    memcpy(set->pending + set->n++ * SEAL_TAG, tag.p, SEAL_TAG);
    return true;
}
