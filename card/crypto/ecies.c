/* SPDX-License-Identifier: Apache-2.0
 *
 * The private key comes from outside (the environment's random; in a test, TS 33.501 C.4), and the public one
 * is computed from it. Points are mbed TLS's work, whose multiplication takes the same steps for all scalars
 * and which wipes what it frees; it does not expand compressed points, so that is done here, of public
 * numbers.
 */
#include "ecies.h"

#include <mbedtls/ecdh.h>
#include <nettle/aes.h>
#include <nettle/ctr.h>
#include <nettle/nettle-meta.h>

enum { SHARED_LEN = 32, ENC_KEY_LEN = 16, ICB_LEN = 16, MAC_KEY_LEN = 32 };

/* ---- the shared secret ---- */

struct agreement {
    mbedtls_ecp_group group;
    mbedtls_ecp_point own, peer;
    mbedtls_mpi secret, shared;
};

static void agreement_close(struct agreement *a)
{
    mbedtls_ecp_group_free(&a->group);
    mbedtls_ecp_point_free(&a->own);
    mbedtls_ecp_point_free(&a->peer);
    mbedtls_mpi_free(&a->secret);
    mbedtls_mpi_free(&a->shared);
}

static bool agreement_open(struct agreement *a, mbedtls_ecp_group_id curve)
{
    mbedtls_ecp_group_init(&a->group);
    mbedtls_ecp_point_init(&a->own);
    mbedtls_ecp_point_init(&a->peer);
    mbedtls_mpi_init(&a->secret);
    mbedtls_mpi_init(&a->shared);
    return mbedtls_ecp_group_load(&a->group, curve) == 0;
}

/* own = secret * G */
static bool own_point(struct agreement *a)
{
    return mbedtls_ecp_mul(&a->group, &a->own, &a->secret, &a->group.G, NULL, NULL) == 0;
}

/* shared = x of secret * peer. Refused: a peer of small order, whose shared secret is zero (RFC 7748 6.1). */
static enum ecies_result share(struct agreement *a)
{
    int rc = mbedtls_ecdh_compute_shared(&a->group, &a->shared, &a->peer, &a->secret, NULL, NULL);
    if (rc == MBEDTLS_ERR_MPI_ALLOC_FAILED || rc == MBEDTLS_ERR_ECP_ALLOC_FAILED)
        return ECIES_FAILED;
    return rc == 0 && mbedtls_mpi_cmp_int(&a->shared, 0) != 0 ? ECIES_OK : ECIES_BAD_KEY;
}

/* ---- X25519: numbers are little-endian (RFC 7748 5) ---- */

static enum ecies_result x25519(struct agreement *a, struct span public, const uint8_t *secret,
                                struct ecies_seal *seal, uint8_t shared[SHARED_LEN])
{
    uint8_t scalar[ECIES_SECRET_LEN], peer[32];
    if (public.n != sizeof peer)
        return ECIES_BAD_KEY;
    memcpy(scalar, secret, sizeof scalar);
    scalar[0] &= 0xF8;
    scalar[31] = (uint8_t)((scalar[31] & 0x7F) | 0x40);
    memcpy(peer, public.p, sizeof peer);
    peer[31] &= 0x7F;
    enum ecies_result result = ECIES_FAILED;
    if (mbedtls_mpi_read_binary_le(&a->secret, scalar, sizeof scalar) == 0 &&
        mbedtls_mpi_read_binary_le(&a->peer.X, peer, sizeof peer) == 0 &&
        mbedtls_mpi_mod_mpi(&a->peer.X, &a->peer.X, &a->group.P) == 0 &&
        mbedtls_mpi_lset(&a->peer.Z, 1) == 0 && own_point(a) &&
        mbedtls_mpi_write_binary_le(&a->own.X, seal->key, 32) == 0) {
        seal->key_len = 32;
        result = share(a);
        if (result == ECIES_OK && mbedtls_mpi_write_binary_le(&a->shared, shared, SHARED_LEN) != 0)
            result = ECIES_FAILED;
    }
    crypto_wipe(scalar, sizeof scalar);
    return result;
}

/* ---- P-256: numbers are big-endian ---- */

/* y of a compressed point (SEC 1 2.3.4): a square root of x^3 - 3x + b, which for p = 3 mod 4 is its power of
 * (p + 1) / 4. Where there is none, the point that comes out is not on the curve, and is refused as such. */
static bool expand(struct agreement *a, uint8_t odd)
{
    mbedtls_mpi power, three;
    const mbedtls_mpi *p = &a->group.P, *x = &a->peer.X;
    mbedtls_mpi *y = &a->peer.Y;
    mbedtls_mpi_init(&power);
    mbedtls_mpi_init(&three);
    bool good = mbedtls_mpi_mul_mpi(y, x, x) == 0 && mbedtls_mpi_lset(&three, 3) == 0 &&
                mbedtls_mpi_sub_mpi(y, y, &three) == 0 && mbedtls_mpi_mul_mpi(y, y, x) == 0 &&
                mbedtls_mpi_add_mpi(y, y, &a->group.B) == 0 && mbedtls_mpi_mod_mpi(y, y, p) == 0 &&
                mbedtls_mpi_add_int(&power, p, 1) == 0 && mbedtls_mpi_shift_r(&power, 2) == 0 &&
                mbedtls_mpi_exp_mod(y, y, &power, p, NULL) == 0 &&
                (mbedtls_mpi_get_bit(y, 0) == odd || mbedtls_mpi_sub_mpi(y, p, y) == 0);
    mbedtls_mpi_free(&power);
    mbedtls_mpi_free(&three);
    return good;
}

/* RFC 5480 2.2: 02 or 03 and x, or 04, x and y. */
static enum ecies_result p256_peer(struct agreement *a, struct span public)
{
    bool whole = public.n == 65 && public.p[0] == 4;
    if (!whole && (public.n != 33 || (public.p[0] != 2 && public.p[0] != 3)))
        return ECIES_BAD_KEY;
    if (mbedtls_mpi_read_binary(&a->peer.X, public.p + 1, 32) != 0 || mbedtls_mpi_lset(&a->peer.Z, 1) != 0 ||
        (whole ? mbedtls_mpi_read_binary(&a->peer.Y, public.p + 33, 32) != 0 : !expand(a, public.p[0] & 1)))
        return ECIES_FAILED;
    return mbedtls_ecp_check_pubkey(&a->group, &a->peer) == 0 ? ECIES_OK : ECIES_BAD_KEY;
}

static enum ecies_result p256(struct agreement *a, struct span public, const uint8_t *secret,
                              struct ecies_seal *seal, uint8_t shared[SHARED_LEN])
{
    size_t n = 0;
    enum ecies_result result = p256_peer(a, public);
    if (result != ECIES_OK)
        return result;
    if (mbedtls_mpi_read_binary(&a->secret, secret, ECIES_SECRET_LEN) != 0)
        return ECIES_FAILED;
    if (mbedtls_ecp_check_privkey(&a->group, &a->secret) != 0)
        return ECIES_DRAW_AGAIN;
    if (!own_point(a) || mbedtls_ecp_point_write_binary(&a->group, &a->own, MBEDTLS_ECP_PF_COMPRESSED, &n,
                                                        seal->key, sizeof seal->key) != 0)
        return ECIES_FAILED;
    seal->key_len = (uint8_t)n;
    result = share(a);
    if (result == ECIES_OK && mbedtls_mpi_write_binary(&a->shared, shared, SHARED_LEN) != 0)
        result = ECIES_FAILED;
    return result;
}

static enum ecies_result agree(enum ecies_profile profile, struct span public, const uint8_t *secret,
                               struct ecies_seal *seal, uint8_t shared[SHARED_LEN])
{
    struct agreement a;
    bool montgomery = profile == ECIES_A;
    if (!montgomery && profile != ECIES_B)
        return ECIES_BAD_KEY;
    enum ecies_result result = ECIES_FAILED;
    if (agreement_open(&a, montgomery ? MBEDTLS_ECP_DP_CURVE25519 : MBEDTLS_ECP_DP_SECP256R1))
        result =
            montgomery ? x25519(&a, public, secret, seal, shared) : p256(&a, public, secret, seal, shared);
    agreement_close(&a);
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

static void encipher(const struct keys *keys, struct span plain, uint8_t *cipher)
{
    struct aes128_ctx aes;
    uint8_t counter[ICB_LEN];
    memcpy(counter, keys->icb, sizeof counter);
    aes128_set_encrypt_key(&aes, keys->enc);
    ctr_crypt(&aes, nettle_aes128.encrypt, sizeof counter, counter, plain.n, cipher, plain.p);
    crypto_wipe(&aes, sizeof aes);
}

static bool protect(struct uicc_crypto *c, const uint8_t shared[SHARED_LEN], struct span plain,
                    struct ecies_seal *seal, uint8_t *cipher)
{
    struct keys keys;
    uint8_t mac[32] = {0};
    const struct span text = span_of(cipher, plain.n); /* SharedInfo2 is empty */
    bool good = derive(c, shared, seal, &keys);
    if (good && plain.n > 0)
        encipher(&keys, plain, cipher);
    good = good && hmac_sha256(c, span_of(keys.mac, sizeof keys.mac), &text, 1, mac);
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
    enum ecies_result result = agree(profile, public, secret, seal, shared);
    if (result == ECIES_OK && !protect(c, shared, plain, seal, cipher))
        result = ECIES_FAILED;
    if (result != ECIES_OK) {
        memset(seal, 0, sizeof *seal);
        crypto_wipe(cipher, plain.n);
    }
    crypto_wipe(shared, sizeof shared);
    return result;
}
