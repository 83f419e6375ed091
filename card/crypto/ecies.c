/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenSSL's EVP generates its own ephemeral keys, from its own random. Here the private key comes from
 * outside (the environment's random; in a test, TS 33.501 C.4), so the public one must be computed from it:
 * EVP does that for X25519 but not for P-256, which is therefore done with EC_POINT. Its multiplication by
 * one scalar takes the same time for all scalars.
 */
#include "ecies.h"

#include <limits.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/objects.h>

enum { SHARED_LEN = 32, ENC_KEY_LEN = 16, ICB_LEN = 16, MAC_KEY_LEN = 32 };

/* ---- X25519 ---- */

static bool x25519_derive(EVP_PKEY *own, EVP_PKEY *peer, uint8_t shared[SHARED_LEN])
{
    size_t n = SHARED_LEN;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
    /* fails for a peer of small order, whose shared secret is zero (RFC 7748 6.1) */
    bool good = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
                EVP_PKEY_derive(ctx, shared, &n) == 1 && n == SHARED_LEN;
    EVP_PKEY_CTX_free(ctx);
    return good;
}

static enum ecies_result agree_x25519(struct span public, const uint8_t *secret, struct ecies_seal *seal,
                                      uint8_t shared[SHARED_LEN])
{
    if (public.n != 32)
        return ECIES_BAD_KEY;
    enum ecies_result result = ECIES_FAILED;
    EVP_PKEY *own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret, ECIES_SECRET_LEN);
    EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, public.p, public.n);
    size_t n = sizeof seal->key;
    if (own != NULL && peer != NULL && EVP_PKEY_get_raw_public_key(own, seal->key, &n) == 1 && n == 32) {
        seal->key_len = 32;
        result = x25519_derive(own, peer, shared) ? ECIES_OK : ECIES_BAD_KEY;
    }
    EVP_PKEY_free(own);
    EVP_PKEY_free(peer);
    return result;
}

/* ---- P-256 ---- */

struct p256 {
    EC_GROUP *group;
    BN_CTX *ctx;
    BIGNUM *secret, *x;
    EC_POINT *own, *peer, *shared;
};

static bool p256_open(struct p256 *p)
{
    p->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    p->ctx = BN_CTX_secure_new();
    p->secret = BN_secure_new();
    p->x = BN_secure_new();
    if (p->group == NULL || p->ctx == NULL || p->secret == NULL || p->x == NULL)
        return false;
    BN_set_flags(p->secret, BN_FLG_CONSTTIME);
    p->own = EC_POINT_new(p->group);
    p->peer = EC_POINT_new(p->group);
    p->shared = EC_POINT_new(p->group);
    return p->own != NULL && p->peer != NULL && p->shared != NULL;
}

static void p256_close(struct p256 *p)
{
    EC_POINT_clear_free(p->shared);
    EC_POINT_free(p->peer);
    EC_POINT_free(p->own);
    BN_clear_free(p->x);
    BN_clear_free(p->secret);
    BN_CTX_free(p->ctx);
    EC_GROUP_free(p->group);
}

/* RFC 5480 2.2: 02 or 03 and x, or 04, x and y. EC_POINT_oct2point sees that the point is on the curve. */
static bool p256_peer(struct p256 *p, struct span public)
{
    bool shape =
        (public.n == 33 && (public.p[0] == 2 || public.p[0] == 3)) || (public.n == 65 && public.p[0] == 4);
    return shape && EC_POINT_oct2point(p->group, p->peer, public.p, public.n, p->ctx) == 1;
}

static enum ecies_result p256_agree(struct p256 *p, struct span public, const uint8_t *secret,
                                    struct ecies_seal *seal, uint8_t shared[SHARED_LEN])
{
    if (BN_bin2bn(secret, ECIES_SECRET_LEN, p->secret) == NULL)
        return ECIES_FAILED;
    if (!p256_peer(p, public))
        return ECIES_BAD_KEY;
    if (BN_is_zero(p->secret) || BN_cmp(p->secret, EC_GROUP_get0_order(p->group)) >= 0)
        return ECIES_DRAW_AGAIN;
    if (EC_POINT_mul(p->group, p->own, p->secret, NULL, NULL, p->ctx) != 1 ||
        EC_POINT_point2oct(p->group, p->own, POINT_CONVERSION_COMPRESSED, seal->key, 33, p->ctx) != 33 ||
        EC_POINT_mul(p->group, p->shared, NULL, p->peer, p->secret, p->ctx) != 1 ||
        EC_POINT_get_affine_coordinates(p->group, p->shared, p->x, NULL, p->ctx) != 1 ||
        BN_bn2binpad(p->x, shared, SHARED_LEN) != SHARED_LEN)
        return ECIES_FAILED;
    seal->key_len = 33;
    return ECIES_OK;
}

static enum ecies_result agree_p256(struct span public, const uint8_t *secret, struct ecies_seal *seal,
                                    uint8_t shared[SHARED_LEN])
{
    struct p256 p = {0};
    enum ecies_result result = p256_open(&p) ? p256_agree(&p, public, secret, seal, shared) : ECIES_FAILED;
    p256_close(&p);
    return result;
}

/* ---- keys, cipher, MAC ---- */

struct keys { /* in the order in which TS 33.501 C.3.3 cuts them from the derived octets */
    uint8_t enc[ENC_KEY_LEN];
    uint8_t icb[ICB_LEN];
    uint8_t mac[MAC_KEY_LEN];
};

/* ANSI X9.63 (SEC 1 3.6.1): SHA-256(Z || counter || SharedInfo1), counter from 1; SharedInfo1 is the
 * ephemeral public key. */
static bool derive(struct uicc_crypto *c, const uint8_t shared[SHARED_LEN], const struct ecies_seal *seal,
                   struct keys *keys)
{
    uint8_t in[SHARED_LEN + 4 + ECIES_PUBLIC_MAX], out[2][32];
    bool good = true;
    for (uint8_t i = 0; i < 2; i++) {
        struct buf b = buf_of(in, sizeof in);
        buf_put(&b, span_of(shared, SHARED_LEN));
        buf_u32(&b, i + 1u);
        buf_put(&b, span_of(seal->key, seal->key_len));
        good = good && digest_sha256(c, buf_span(&b), out[i]);
    }
    memcpy(keys->enc, out[0], ENC_KEY_LEN);
    memcpy(keys->icb, out[0] + ENC_KEY_LEN, ICB_LEN);
    memcpy(keys->mac, out[1], MAC_KEY_LEN);
    crypto_wipe(in, sizeof in);
    crypto_wipe(out, sizeof out);
    return good;
}

static bool encipher(const struct keys *keys, struct span plain, uint8_t *cipher)
{
    int n = 0;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool good = ctx != NULL && plain.n <= INT_MAX &&
                EVP_EncryptInit_ex(ctx, EVP_aes_128_ctr(), NULL, keys->enc, keys->icb) == 1 &&
                (plain.n == 0 || EVP_EncryptUpdate(ctx, cipher, &n, plain.p, (int)plain.n) == 1) &&
                (size_t)n == plain.n;
    EVP_CIPHER_CTX_free(ctx);
    return good;
}

static bool protect(struct uicc_crypto *c, const uint8_t shared[SHARED_LEN], struct span plain,
                    struct ecies_seal *seal, uint8_t *cipher)
{
    struct keys keys;
    uint8_t mac[32] = {0};
    const struct span text = span_of(cipher, plain.n); /* SharedInfo2 is empty */
    bool good = derive(c, shared, seal, &keys) && encipher(&keys, plain, cipher) &&
                hmac_sha256(c, span_of(keys.mac, sizeof keys.mac), &text, 1, mac);
    memcpy(seal->mac, mac, ECIES_MAC_LEN);
    crypto_wipe(&keys, sizeof keys);
    crypto_wipe(mac, sizeof mac);
    return good;
}

enum ecies_result ecies_seal(struct uicc_crypto *c, enum ecies_profile profile, struct span public,
                             const uint8_t secret[ECIES_SECRET_LEN], struct span plain,
                             struct ecies_seal *seal, uint8_t *cipher)
{
    uint8_t shared[SHARED_LEN] = {0};
    memset(seal, 0, sizeof *seal);
    enum ecies_result result = profile == ECIES_A   ? agree_x25519(public, secret, seal, shared)
                               : profile == ECIES_B ? agree_p256(public, secret, seal, shared)
                                                    : ECIES_BAD_KEY;
    if (result == ECIES_OK && !protect(c, shared, plain, seal, cipher))
        result = ECIES_FAILED;
    if (result != ECIES_OK) {
        memset(seal, 0, sizeof *seal);
        crypto_wipe(cipher, plain.n);
    }
    crypto_wipe(shared, sizeof shared);
    return result;
}
