/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

/* A kind fixes cipher, key length and direction. A context never changes its kind, so a new key in an old
 * context costs a key schedule and neither an allocation nor a look-up. */
enum kind {
    KIND_ECB_128,
    KIND_ECB_192,
    KIND_ECB_256,
    KIND_CBC_ENC_128,
    KIND_CBC_ENC_192,
    KIND_CBC_ENC_256,
    KIND_CBC_DEC_128,
    KIND_CBC_DEC_192,
    KIND_CBC_DEC_256,
    KIND_CMAC_128,
    KIND_CMAC_192,
    KIND_CMAC_256,
    KIND_DES_ENC,
    KIND_DES_DEC,
    KIND_GCM_SEAL,
    KIND_GCM_OPEN,
    KINDS,
    KIND_NONE = KINDS
};

static const struct kind_row {
    const char *cipher;
    uint8_t key_len;
    bool encrypt;
    bool mac;
} kinds[KINDS] = {
    [KIND_ECB_128] = {"AES-128-ECB", 16, true, false},
    [KIND_ECB_192] = {"AES-192-ECB", 24, true, false},
    [KIND_ECB_256] = {"AES-256-ECB", 32, true, false},
    [KIND_CBC_ENC_128] = {"AES-128-CBC", 16, true, false},
    [KIND_CBC_ENC_192] = {"AES-192-CBC", 24, true, false},
    [KIND_CBC_ENC_256] = {"AES-256-CBC", 32, true, false},
    [KIND_CBC_DEC_128] = {"AES-128-CBC", 16, false, false},
    [KIND_CBC_DEC_192] = {"AES-192-CBC", 24, false, false},
    [KIND_CBC_DEC_256] = {"AES-256-CBC", 32, false, false},
    [KIND_CMAC_128] = {"AES-128-CBC", 16, true, true},
    [KIND_CMAC_192] = {"AES-192-CBC", 24, true, true},
    [KIND_CMAC_256] = {"AES-256-CBC", 32, true, true},
    [KIND_DES_ENC] = {"DES-EDE3-CBC", 24, true, false},
    [KIND_DES_DEC] = {"DES-EDE3-CBC", 24, false, false},
    [KIND_GCM_SEAL] = {"AES-256-GCM", 32, true, false},
    [KIND_GCM_OPEN] = {"AES-256-GCM", 32, false, false},
};

enum { SLOTS = 4, KEY_MAX = 32 }; /* a card uses at most two keys of a kind in one command */

struct slot {
    EVP_CIPHER_CTX *cipher; /* made at the first use; the MAC kinds have mac instead */
    EVP_MAC_CTX *mac;
    uint64_t used; /* when: least recent goes first */
    bool keyed;    /* key[] is what the context was keyed with */
    uint8_t key[KEY_MAX];
};

struct family {
    EVP_CIPHER *cipher;
    unsigned recent; /* the slot to try first */
    struct slot slots[SLOTS];
};

struct uicc_crypto {
    /* Fetched at the first use, as the families' ciphers are: a fetch costs a hundred blocks. */
    EVP_MAC *cmac;
    EVP_MD *sha1, *sha256;
    EVP_MD_CTX *digest;
    uint64_t clock;
    struct family families[KINDS];
};

void crypto_wipe(void *p, size_t n)
{
    if (n > 0)
        explicit_bzero(p, n); /* OPENSSL_cleanse does the same eight octets at a time */
}

bool crypto_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
    return n == 0 || CRYPTO_memcmp(a, b, n) == 0;
}

/* ---- contexts ---- */

static void slot_wipe(struct slot *s)
{
    EVP_CIPHER_CTX_free(s->cipher); /* the providers wipe their key schedules when they free them */
    EVP_MAC_CTX_free(s->mac);
    crypto_wipe(s, sizeof *s);
}

void crypto_forget(struct uicc_crypto *c)
{
    for (int k = 0; k < KINDS; k++) {
        for (int i = 0; i < SLOTS; i++)
            slot_wipe(&c->families[k].slots[i]);
        c->families[k].recent = 0;
    }
    EVP_MD_CTX_free(c->digest);
    c->digest = NULL;
}

void crypto_free(struct uicc_crypto *c)
{
    if (c == NULL)
        return;
    crypto_forget(c);
    for (int k = 0; k < KINDS; k++)
        EVP_CIPHER_free(c->families[k].cipher);
    EVP_MAC_free(c->cmac);
    EVP_MD_free(c->sha1);
    EVP_MD_free(c->sha256);
    OPENSSL_clear_free(c, sizeof *c);
}

struct uicc_crypto *crypto_new(void)
{
    return OPENSSL_zalloc(sizeof(struct uicc_crypto));
}

/* A CMAC with its cipher set. OSSL_PARAM wants the name modifiable, though it only reads it. */
static EVP_MAC_CTX *cmac_new(struct uicc_crypto *c, const char *cipher)
{
    char name[16] = {0};
    if (strlen(cipher) >= sizeof name)
        return NULL;
    memcpy(name, cipher, strlen(cipher));
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, name, 0),
                                 OSSL_PARAM_END};
    if (c->cmac == NULL)
        c->cmac = EVP_MAC_fetch(NULL, "CMAC", NULL);
    EVP_MAC_CTX *ctx = c->cmac != NULL ? EVP_MAC_CTX_new(c->cmac) : NULL;
    if (ctx != NULL && EVP_MAC_CTX_set_params(ctx, params) == 1)
        return ctx;
    EVP_MAC_CTX_free(ctx);
    return NULL;
}

static bool slot_key(struct uicc_crypto *c, enum kind kind, struct slot *s, const uint8_t *key)
{
    const struct kind_row *row = &kinds[kind];
    if (row->mac) {
        if (s->mac == NULL)
            s->mac = cmac_new(c, row->cipher);
        return s->mac != NULL && EVP_MAC_init(s->mac, key, row->key_len, NULL) == 1;
    }
    if (s->cipher != NULL)
        return EVP_CipherInit_ex(s->cipher, NULL, NULL, key, NULL, row->encrypt) == 1;
    EVP_CIPHER **cipher = &c->families[kind].cipher;
    if (*cipher == NULL)
        *cipher = EVP_CIPHER_fetch(NULL, row->cipher, NULL);
    s->cipher = *cipher != NULL ? EVP_CIPHER_CTX_new() : NULL;
    return s->cipher != NULL && EVP_CipherInit_ex(s->cipher, *cipher, NULL, key, NULL, row->encrypt) == 1 &&
           EVP_CIPHER_CTX_set_padding(s->cipher, 0) == 1; /* padding is the caller's; kept across new keys */
}

/* The context keyed with this key (of the kind's length). Every compare takes the same time whatever the
 * keys; which slot it was shows, and tells only that a key was used before. */
static struct slot *keyed(struct uicc_crypto *c, enum kind kind, const uint8_t *key)
{
    struct family *f = &c->families[kind];
    size_t n = kinds[kind].key_len;
    struct slot *s = &f->slots[f->recent];
    if (s->keyed && crypto_equal(s->key, key, n))
        return s;
    struct slot *oldest = &f->slots[0];
    for (unsigned i = 0; i < SLOTS; i++) {
        s = &f->slots[i];
        if (s->keyed && crypto_equal(s->key, key, n)) {
            f->recent = i;
            s->used = ++c->clock;
            return s;
        }
        if (s->used < oldest->used)
            oldest = s;
    }
    s = oldest;
    s->keyed = false;
    crypto_wipe(s->key, sizeof s->key);
    if (!slot_key(c, kind, s, key)) {
        slot_wipe(s);
        return NULL;
    }
    memcpy(s->key, key, n);
    s->keyed = true;
    s->used = ++c->clock;
    f->recent = (unsigned)(s - f->slots);
    return s;
}

/* The kind of the 128-bit key's row, or of the row for this length: the three stand in this order in enum
 * kind. */
static enum kind aes_kind(enum kind first, size_t key_len)
{
    switch (key_len) {
    case 16:
        return first;
    case 24:
        return first + 1;
    case 32:
        return first + 2;
    default:
        return KIND_NONE;
    }
}

/* ---- ciphers ---- */

static bool update(struct slot *s, const uint8_t *in, uint8_t *out, size_t n)
{
    int done = 0;
    return EVP_CipherUpdate(s->cipher, out, &done, in, (int)n) == 1 && (size_t)done == n;
}

/* Whole blocks, no padding: nothing is left in the context that a "final" would have to fetch. */
static bool blocks(struct uicc_crypto *c, enum kind kind, const uint8_t *key, const uint8_t *iv, size_t block,
                   const uint8_t *in, uint8_t *out, size_t n)
{
    bool good = kind != KIND_NONE && n % block == 0 && n <= INT_MAX;
    if (good && n > 0) {
        struct slot *s = keyed(c, kind, key);
        good = s != NULL && (iv == NULL || EVP_CipherInit_ex(s->cipher, NULL, NULL, NULL, iv, -1) == 1) &&
               update(s, in, out, n);
    }
    if (!good)
        crypto_wipe(out, n);
    return good;
}

bool aes_ecb_encrypt(struct uicc_crypto *c, struct span key, const uint8_t *in, uint8_t *out, size_t n)
{
    return blocks(c, aes_kind(KIND_ECB_128, key.n), key.p, NULL, 16, in, out, n);
}

bool aes_cbc_encrypt(struct uicc_crypto *c, struct span key, const uint8_t iv[16], const uint8_t *in,
                     uint8_t *out, size_t n)
{
    return blocks(c, aes_kind(KIND_CBC_ENC_128, key.n), key.p, iv, 16, in, out, n);
}

bool aes_cbc_decrypt(struct uicc_crypto *c, struct span key, const uint8_t iv[16], const uint8_t *in,
                     uint8_t *out, size_t n)
{
    return blocks(c, aes_kind(KIND_CBC_DEC_128, key.n), key.p, iv, 16, in, out, n);
}

/* Single DES and two-key 3DES are EDE with keys repeated (NIST SP 800-67 3.1, keying options 3 and 2). So
 * OpenSSL's legacy provider, where single DES lives, need not be there. */
static bool des_expand(struct span key, uint8_t full[24])
{
    if (key.n != 8 && key.n != 16 && key.n != 24)
        return false;
    for (size_t i = 0; i < 24; i++)
        full[i] = key.p[i % key.n];
    return true;
}

static bool des_blocks(struct uicc_crypto *c, enum kind kind, struct span key, const uint8_t iv[8],
                       const uint8_t *in, uint8_t *out, size_t n)
{
    uint8_t full[24] = {0};
    bool good = blocks(c, des_expand(key, full) ? kind : KIND_NONE, full, iv, 8, in, out, n);
    crypto_wipe(full, sizeof full);
    return good;
}

bool des_cbc_encrypt(struct uicc_crypto *c, struct span key, const uint8_t iv[8], const uint8_t *in,
                     uint8_t *out, size_t n)
{
    return des_blocks(c, KIND_DES_ENC, key, iv, in, out, n);
}

bool des_cbc_decrypt(struct uicc_crypto *c, struct span key, const uint8_t iv[8], const uint8_t *in,
                     uint8_t *out, size_t n)
{
    return des_blocks(c, KIND_DES_DEC, key, iv, in, out, n);
}

/* ---- MACs ---- */

bool des_mac(struct uicc_crypto *c, struct span key, const struct span *parts, size_t n_parts, uint8_t mac[8])
{
    static const uint8_t zero[8] = {0};
    uint8_t full[24] = {0};
    uint8_t chunk[256]; /* gathered input, enciphered in place; the chain goes on in the context */
    size_t fill = 0;
    size_t total = 0;
    struct slot *s = des_expand(key, full) ? keyed(c, KIND_DES_ENC, full) : NULL;
    bool good = s != NULL && EVP_CipherInit_ex(s->cipher, NULL, NULL, NULL, zero, -1) == 1;
    for (size_t i = 0; good && i < n_parts; i++) {
        struct span left = parts[i];
        while (good && left.n > 0) {
            if (fill == sizeof chunk) {
                good = update(s, chunk, chunk, fill);
                fill = 0;
            }
            struct span now = span_slice(left, 0, sizeof chunk - fill);
            memcpy(chunk + fill, now.p, now.n);
            fill += now.n;
            total += now.n;
            left = span_slice(left, now.n, left.n);
        }
    }
    while (good && fill % 8 != 0)
        chunk[fill++] = 0;
    good = good && total > 0 && update(s, chunk, chunk, fill);
    if (good)
        memcpy(mac, chunk + fill - 8, 8);
    else
        crypto_wipe(mac, 8);
    crypto_wipe(full, sizeof full);
    crypto_wipe(chunk, sizeof chunk);
    return good;
}

static bool mac_parts(EVP_MAC_CTX *ctx, const struct span *parts, size_t n_parts, uint8_t *mac, size_t n)
{
    for (size_t i = 0; i < n_parts; i++)
        if (parts[i].n > 0 && EVP_MAC_update(ctx, parts[i].p, parts[i].n) != 1)
            return false;
    size_t done = 0;
    return EVP_MAC_final(ctx, mac, &done, n) == 1 && done == n;
}

bool aes_cmac(struct uicc_crypto *c, struct span key, const struct span *parts, size_t n_parts,
              uint8_t mac[16])
{
    enum kind kind = aes_kind(KIND_CMAC_128, key.n);
    struct slot *s = kind == KIND_NONE ? NULL : keyed(c, kind, key.p);
    /* Without a key, "init" starts over with the key that is there. */
    bool good =
        s != NULL && EVP_MAC_init(s->mac, NULL, 0, NULL) == 1 && mac_parts(s->mac, parts, n_parts, mac, 16);
    if (!good)
        crypto_wipe(mac, 16);
    return good;
}

/* ---- digests ---- */

static bool digest_start(struct uicc_crypto *c, EVP_MD **md, const char *name)
{
    if (*md == NULL)
        *md = EVP_MD_fetch(NULL, name, NULL);
    if (c->digest == NULL)
        c->digest = EVP_MD_CTX_new();
    return *md != NULL && c->digest != NULL && EVP_DigestInit_ex(c->digest, *md, NULL) == 1;
}

static bool digest_add(struct uicc_crypto *c, struct span part)
{
    return part.n == 0 || EVP_DigestUpdate(c->digest, part.p, part.n) == 1;
}

static bool digest(struct uicc_crypto *c, EVP_MD **md, const char *name, struct span in, uint8_t *out,
                   unsigned n)
{
    unsigned done = 0;
    bool good = digest_start(c, md, name) && digest_add(c, in) &&
                EVP_DigestFinal_ex(c->digest, out, &done) == 1 && done == n;
    if (!good)
        crypto_wipe(out, n);
    return good;
}

bool digest_sha1(struct uicc_crypto *c, struct span in, uint8_t out[20])
{
    return digest(c, &c->sha1, "SHA1", in, out, 20);
}

bool digest_sha256(struct uicc_crypto *c, struct span in, uint8_t out[32])
{
    return digest(c, &c->sha256, "SHA2-256", in, out, 32);
}

/* One of the two passes of HMAC (RFC 2104 2): H(key xor pad || parts). */
static bool hmac_pass(struct uicc_crypto *c, const uint8_t key[64], uint8_t pad, const struct span *parts,
                      size_t n_parts, uint8_t out[32])
{
    uint8_t block[64];
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = key[i] ^ pad;
    bool good = digest_start(c, &c->sha256, "SHA2-256") && digest_add(c, span_of(block, sizeof block));
    for (size_t i = 0; good && i < n_parts; i++)
        good = digest_add(c, parts[i]);
    crypto_wipe(block, sizeof block);
    return good && EVP_DigestFinal_ex(c->digest, out, NULL) == 1;
}

/* Not EVP's HMAC: that fetches its digest by name, which costs the first one more than opening a deck. */
bool hmac_sha256(struct uicc_crypto *c, struct span key, const struct span *parts, size_t n_parts,
                 uint8_t mac[32])
{
    enum { INNER_PAD = 0x36, OUTER_PAD = 0x5C };
    uint8_t block[64] = {0}, inner[32];
    const struct span hashed = span_of(inner, sizeof inner);
    bool good = true;
    if (key.n > sizeof block)
        good = digest_sha256(c, key, block);
    else if (key.n > 0)
        memcpy(block, key.p, key.n);
    good = good && hmac_pass(c, block, INNER_PAD, parts, n_parts, inner) &&
           hmac_pass(c, block, OUTER_PAD, &hashed, 1, mac);
    if (!good)
        crypto_wipe(mac, 32);
    crypto_wipe(block, sizeof block);
    crypto_wipe(inner, sizeof inner);
    return good;
}

/* ---- GCM ---- */

static struct slot *gcm_start(struct uicc_crypto *c, enum kind kind, const uint8_t *key, const uint8_t *nonce,
                              struct span aad, size_t n)
{
    if (n > INT_MAX || aad.n > INT_MAX)
        return NULL;
    struct slot *s = keyed(c, kind, key);
    int done = 0;
    if (s == NULL || EVP_CipherInit_ex(s->cipher, NULL, NULL, NULL, nonce, -1) != 1)
        return NULL;
    return aad.n == 0 || EVP_CipherUpdate(s->cipher, NULL, &done, aad.p, (int)aad.n) == 1 ? s : NULL;
}

bool gcm_seal(struct uicc_crypto *c, const uint8_t key[32], const uint8_t nonce[12], struct span aad,
              struct span plain, uint8_t *out, uint8_t tag[16])
{
    uint8_t none[16]; /* GCM's "final" writes nothing, but wants a place to write it */
    int done = 0;
    struct slot *s = gcm_start(c, KIND_GCM_SEAL, key, nonce, aad, plain.n);
    bool good = s != NULL && (plain.n == 0 || update(s, plain.p, out, plain.n)) &&
                EVP_CipherFinal_ex(s->cipher, none, &done) == 1 &&
                EVP_CIPHER_CTX_ctrl(s->cipher, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1;
    if (!good) {
        crypto_wipe(out, plain.n);
        crypto_wipe(tag, 16);
    }
    return good;
}

bool gcm_open(struct uicc_crypto *c, const uint8_t key[32], const uint8_t nonce[12], struct span aad,
              struct span sealed, const uint8_t tag[16], uint8_t *out)
{
    uint8_t none[16];
    uint8_t expected[16]; /* OpenSSL wants it modifiable */
    int done = 0;
    memcpy(expected, tag, sizeof expected);
    struct slot *s = gcm_start(c, KIND_GCM_OPEN, key, nonce, aad, sealed.n);
    bool good = s != NULL && EVP_CIPHER_CTX_ctrl(s->cipher, EVP_CTRL_AEAD_SET_TAG, 16, expected) == 1 &&
                (sealed.n == 0 || update(s, sealed.p, out, sealed.n)) &&
                EVP_CipherFinal_ex(s->cipher, none, &done) == 1;
    if (!good)
        crypto_wipe(out, sealed.n);
    return good;
}
