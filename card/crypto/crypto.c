/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto.h"

#include <nettle/aes.h>
#include <nettle/cbc.h>
#include <nettle/cmac.h>
#include <nettle/des.h>
#include <nettle/gcm.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <nettle/nettle-meta.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <stdlib.h>

/* A kind fixes cipher, key length and direction: what a schedule is good for. The three lengths of AES stand
 * together (aes_kind). */
enum kind {
    KIND_ENC_128,
    KIND_ENC_192,
    KIND_ENC_256,
    KIND_DEC_128,
    KIND_DEC_192,
    KIND_DEC_256,
    KIND_CMAC_128,
    KIND_CMAC_192,
    KIND_CMAC_256,
    KIND_DES,
    KIND_GCM,
    KINDS,
    KIND_NONE = KINDS
};

struct cmac_schedule {
    struct cmac128_key subkeys;
    union {
        struct aes128_ctx aes128;
        struct aes192_ctx aes192;
        struct aes256_ctx aes256;
    } cipher;
};

enum use { USE_ENCRYPT, USE_DECRYPT, USE_CMAC, USE_DES, USE_GCM };

static const struct kind_row {
    uint8_t key_len;
    uint8_t use; /* enum use */
    uint16_t schedule_len;
    const struct nettle_cipher *aes; /* NULL: not AES, or known by the use */
} kinds[KINDS] = {
    [KIND_ENC_128] = {16, USE_ENCRYPT, sizeof(struct aes128_ctx), &nettle_aes128},
    [KIND_ENC_192] = {24, USE_ENCRYPT, sizeof(struct aes192_ctx), &nettle_aes192},
    [KIND_ENC_256] = {32, USE_ENCRYPT, sizeof(struct aes256_ctx), &nettle_aes256},
    [KIND_DEC_128] = {16, USE_DECRYPT, sizeof(struct aes128_ctx), &nettle_aes128},
    [KIND_DEC_192] = {24, USE_DECRYPT, sizeof(struct aes192_ctx), &nettle_aes192},
    [KIND_DEC_256] = {32, USE_DECRYPT, sizeof(struct aes256_ctx), &nettle_aes256},
    [KIND_CMAC_128] = {16, USE_CMAC, sizeof(struct cmac_schedule), &nettle_aes128},
    [KIND_CMAC_192] = {24, USE_CMAC, sizeof(struct cmac_schedule), &nettle_aes192},
    [KIND_CMAC_256] = {32, USE_CMAC, sizeof(struct cmac_schedule), &nettle_aes256},
    [KIND_DES] = {24, USE_DES, sizeof(struct des3_ctx), NULL},
    [KIND_GCM] = {32, USE_GCM, sizeof(struct gcm_aes256_ctx), NULL},
};

enum { SLOTS = 4, KEY_MAX = 32 }; /* a card uses at most two keys of a kind in one command */

struct slot {
    void *schedule; /* made at the first use, of the kind's length */
    uint64_t used;  /* when: least recent goes first */
    bool keyed;     /* key[] is what the schedule was made of */
    uint8_t key[KEY_MAX];
};

struct family {
    unsigned recent; /* the slot to try first */
    struct slot slots[SLOTS];
};

struct uicc_crypto {
    uint64_t clock;
    struct family families[KINDS];
};

void crypto_wipe(void *p, size_t n)
{
    if (n > 0)
        explicit_bzero(p, n);
}

bool crypto_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
    return n == 0 || memeql_sec(a, b, n) != 0;
}

/* ---- schedules ---- */

static void slot_wipe(struct slot *s, enum kind kind)
{
    if (s->schedule != NULL)
        crypto_wipe(s->schedule, kinds[kind].schedule_len);
    free(s->schedule);
    crypto_wipe(s, sizeof *s);
}

void crypto_forget(struct uicc_crypto *c)
{
    for (int k = 0; k < KINDS; k++) {
        for (int i = 0; i < SLOTS; i++)
            slot_wipe(&c->families[k].slots[i], (enum kind)k);
        c->families[k].recent = 0;
    }
}

void crypto_free(struct uicc_crypto *c)
{
    if (c == NULL)
        return;
    crypto_forget(c);
    free(c);
}

struct uicc_crypto *crypto_new(void)
{
    return calloc(1, sizeof(struct uicc_crypto));
}

static void schedule(const struct kind_row *row, void *to, const uint8_t *key)
{
    struct cmac_schedule *cmac = to;
    switch ((enum use)row->use) {
    case USE_ENCRYPT:
        row->aes->set_encrypt_key(to, key);
        break;
    case USE_DECRYPT:
        row->aes->set_decrypt_key(to, key);
        break;
    case USE_CMAC:
        row->aes->set_encrypt_key(&cmac->cipher, key);
        cmac128_set_key(&cmac->subkeys, &cmac->cipher, row->aes->encrypt);
        break;
    case USE_DES:
        des3_set_key(to, key); /* says whether the key is weak: not judged here */
        break;
    case USE_GCM:
        gcm_aes256_set_key(to, key);
        break;
    }
}

/* The schedule of this key (of the kind's length). Every compare takes the same time whatever the keys; which
 * slot it was shows, and tells only that a key was used before. NULL: no memory, or there is no such kind. */
static void *keyed(struct uicc_crypto *c, enum kind kind, const uint8_t *key)
{
    if (kind == KIND_NONE)
        return NULL;
    struct family *f = &c->families[kind];
    size_t n = kinds[kind].key_len;
    struct slot *s = &f->slots[f->recent];
    if (s->keyed && crypto_equal(s->key, key, n))
        return s->schedule;
    struct slot *oldest = &f->slots[0];
    for (unsigned i = 0; i < SLOTS; i++) {
        s = &f->slots[i];
        if (s->keyed && crypto_equal(s->key, key, n)) {
            f->recent = i;
            s->used = ++c->clock;
            return s->schedule;
        }
        if (s->used < oldest->used)
            oldest = s;
    }
    s = oldest;
    s->keyed = false;
    crypto_wipe(s->key, sizeof s->key);
    if (s->schedule == NULL)
        s->schedule = malloc(kinds[kind].schedule_len);
    if (s->schedule == NULL)
        return NULL;
    schedule(&kinds[kind], s->schedule, key);
    memcpy(s->key, key, n);
    s->keyed = true;
    s->used = ++c->clock;
    f->recent = (unsigned)(s - f->slots);
    return s->schedule;
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

/* The schedule for n octets in whole blocks. Otherwise NULL, and the output zeroed. */
static void *ready(struct uicc_crypto *c, enum kind kind, const uint8_t *key, size_t block, uint8_t *out,
                   size_t n)
{
    void *with = n % block == 0 ? keyed(c, kind, key) : NULL;
    if (with == NULL)
        crypto_wipe(out, n);
    return with;
}

bool aes_ecb_encrypt(struct uicc_crypto *c, struct span key, const uint8_t *in, uint8_t *out, size_t n)
{
    enum kind kind = aes_kind(KIND_ENC_128, key.n);
    const void *with = ready(c, kind, key.p, 16, out, n);
    if (with != NULL && n > 0)
        kinds[kind].aes->encrypt(with, n, out, in);
    return with != NULL;
}

bool aes_cbc_encrypt(struct uicc_crypto *c, struct span key, const uint8_t iv[16], const uint8_t *in,
                     uint8_t *out, size_t n)
{
    uint8_t chain[16];
    enum kind kind = aes_kind(KIND_ENC_128, key.n);
    const void *with = ready(c, kind, key.p, 16, out, n);
    if (with != NULL && n > 0) {
        memcpy(chain, iv, sizeof chain);
        cbc_encrypt(with, kinds[kind].aes->encrypt, sizeof chain, chain, n, out, in);
    }
    return with != NULL;
}

bool aes_cbc_decrypt(struct uicc_crypto *c, struct span key, const uint8_t iv[16], const uint8_t *in,
                     uint8_t *out, size_t n)
{
    uint8_t chain[16];
    enum kind kind = aes_kind(KIND_DEC_128, key.n);
    const void *with = ready(c, kind, key.p, 16, out, n);
    if (with != NULL && n > 0) {
        memcpy(chain, iv, sizeof chain);
        cbc_decrypt(with, kinds[kind].aes->decrypt, sizeof chain, chain, n, out, in);
    }
    return with != NULL;
}

/* Single DES and two-key 3DES are EDE with keys repeated (NIST SP 800-67 3.1, keying options 3 and 2): one
 * schedule for all three. */
static bool des_expand(struct span key, uint8_t full[24])
{
    if (key.n != 8 && key.n != 16 && key.n != 24)
        return false;
    for (size_t i = 0; i < 24; i++)
        full[i] = key.p[i % key.n];
    return true;
}

static const struct des3_ctx *des_keyed(struct uicc_crypto *c, struct span key)
{
    uint8_t full[24];
    const struct des3_ctx *with = des_expand(key, full) ? keyed(c, KIND_DES, full) : NULL;
    crypto_wipe(full, sizeof full);
    return with;
}

/* As nettle wants them, whose ciphers take any context. */
static void des_in(const void *with, size_t n, uint8_t *out, const uint8_t *in)
{
    des3_encrypt(with, n, out, in);
}

static void des_out(const void *with, size_t n, uint8_t *out, const uint8_t *in)
{
    des3_decrypt(with, n, out, in);
}

typedef void cbc_fn(const void *ctx, nettle_cipher_func *f, size_t block_size, uint8_t *iv, size_t length,
                    uint8_t *dst, const uint8_t *src);

static bool des_cbc(struct uicc_crypto *c, struct span key, const uint8_t iv[8], cbc_fn *mode,
                    nettle_cipher_func *cipher, const uint8_t *in, uint8_t *out, size_t n)
{
    uint8_t chain[8];
    const struct des3_ctx *with = n % 8 == 0 ? des_keyed(c, key) : NULL;
    if (with == NULL) {
        crypto_wipe(out, n);
        return false;
    }
    if (n > 0) {
        memcpy(chain, iv, sizeof chain);
        mode(with, cipher, sizeof chain, chain, n, out, in);
    }
    return true;
}

bool des_cbc_encrypt(struct uicc_crypto *c, struct span key, const uint8_t iv[8], const uint8_t *in,
                     uint8_t *out, size_t n)
{
    return des_cbc(c, key, iv, cbc_encrypt, des_in, in, out, n);
}

bool des_cbc_decrypt(struct uicc_crypto *c, struct span key, const uint8_t iv[8], const uint8_t *in,
                     uint8_t *out, size_t n)
{
    return des_cbc(c, key, iv, cbc_decrypt, des_out, in, out, n);
}

/* ---- MACs ---- */

bool des_mac(struct uicc_crypto *c, struct span key, const struct span *parts, size_t n_parts, uint8_t mac[8])
{
    const struct des3_ctx *with = des_keyed(c, key);
    size_t fill = 0, total = 0;
    memset(mac, 0, 8); /* the chain, and in the end the checksum */
    for (size_t i = 0; with != NULL && i < n_parts; i++) {
        total += parts[i].n;
        for (struct reader r = rd_of(parts[i]); !rd_done(&r);) {
            mac[fill++] ^= rd_u8(&r);
            if (fill == 8) {
                des3_encrypt(with, 8, mac, mac);
                fill = 0;
            }
        }
    }
    bool good = with != NULL && total > 0;
    if (good && fill > 0) /* the padding is zeros: nothing to add */
        des3_encrypt(with, 8, mac, mac);
    if (!good)
        crypto_wipe(mac, 8);
    return good;
}

bool aes_cmac(struct uicc_crypto *c, struct span key, const struct span *parts, size_t n_parts,
              uint8_t mac[16])
{
    struct cmac128_ctx chain;
    enum kind kind = aes_kind(KIND_CMAC_128, key.n);
    const struct cmac_schedule *with = keyed(c, kind, key.p);
    if (with == NULL) {
        crypto_wipe(mac, 16);
        return false;
    }
    cmac128_init(&chain);
    for (size_t i = 0; i < n_parts; i++)
        if (parts[i].n > 0)
            cmac128_update(&chain, &with->cipher, kinds[kind].aes->encrypt, parts[i].n, parts[i].p);
    cmac128_digest(&chain, &with->subkeys, &with->cipher, kinds[kind].aes->encrypt, 16, mac);
    crypto_wipe(&chain, sizeof chain);
    return true;
}

bool hmac_sha256(struct uicc_crypto *c, struct span key, const struct span *parts, size_t n_parts,
                 uint8_t mac[32])
{
    static const uint8_t none[1] = {0}; /* a key of no octets has no address */
    struct hmac_sha256_ctx ctx;
    (void)c;
    hmac_sha256_set_key(&ctx, key.n, key.n > 0 ? key.p : none);
    for (size_t i = 0; i < n_parts; i++)
        if (parts[i].n > 0)
            hmac_sha256_update(&ctx, parts[i].n, parts[i].p);
    hmac_sha256_digest(&ctx, 32, mac);
    crypto_wipe(&ctx, sizeof ctx);
    return true;
}

/* ---- digests ---- */

bool digest_sha1(struct uicc_crypto *c, struct span in, uint8_t out[20])
{
    struct sha1_ctx ctx;
    (void)c;
    sha1_init(&ctx);
    if (in.n > 0)
        sha1_update(&ctx, in.n, in.p);
    sha1_digest(&ctx, 20, out);
    crypto_wipe(&ctx, sizeof ctx);
    return true;
}

bool digest_sha256(struct uicc_crypto *c, struct span in, uint8_t out[32])
{
    struct sha256_ctx ctx;
    (void)c;
    sha256_init(&ctx);
    if (in.n > 0)
        sha256_update(&ctx, in.n, in.p);
    sha256_digest(&ctx, 32, out);
    crypto_wipe(&ctx, sizeof ctx);
    return true;
}

/* ---- GCM ---- */

static struct gcm_aes256_ctx *gcm_start(struct uicc_crypto *c, const uint8_t *key, const uint8_t *nonce,
                                        struct span aad)
{
    struct gcm_aes256_ctx *ctx = keyed(c, KIND_GCM, key);
    if (ctx == NULL)
        return NULL;
    gcm_aes256_set_iv(ctx, GCM_IV_SIZE, nonce);
    if (aad.n > 0)
        gcm_aes256_update(ctx, aad.n, aad.p);
    return ctx;
}

bool gcm_seal(struct uicc_crypto *c, const uint8_t key[32], const uint8_t nonce[12], struct span aad,
              struct span plain, uint8_t *out, uint8_t tag[16])
{
    struct gcm_aes256_ctx *ctx = gcm_start(c, key, nonce, aad);
    if (ctx == NULL) {
        crypto_wipe(out, plain.n);
        crypto_wipe(tag, 16);
        return false;
    }
    if (plain.n > 0)
        gcm_aes256_encrypt(ctx, plain.n, out, plain.p);
    gcm_aes256_digest(ctx, 16, tag);
    return true;
}

bool gcm_open(struct uicc_crypto *c, const uint8_t key[32], const uint8_t nonce[12], struct span aad,
              struct span sealed, const uint8_t tag[16], uint8_t *out)
{
    uint8_t expected[16];
    struct gcm_aes256_ctx *ctx = gcm_start(c, key, nonce, aad);
    if (ctx != NULL) {
        if (sealed.n > 0)
            gcm_aes256_decrypt(ctx, sealed.n, out, sealed.p);
        gcm_aes256_digest(ctx, 16, expected);
    }
    bool good = ctx != NULL && crypto_equal(expected, tag, sizeof expected);
    if (!good)
        crypto_wipe(out, sealed.n);
    crypto_wipe(expected, sizeof expected);
    return good;
}
