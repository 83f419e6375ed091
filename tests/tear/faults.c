/* SPDX-License-Identifier: Apache-2.0 */
#include "faults.h"

#include <string.h>

#include "crypto.h"

static struct {
    bool on, armed, for_good;
    enum fault_kind kind;
    long left;
    long calls[FAULT_KINDS];
    uint64_t random;
} faults;

void faults_arm(enum fault_kind kind, long nth, bool for_good)
{
    faults_disarm();
    faults.armed = true;
    faults.kind = kind;
    faults.left = nth;
    faults.for_good = for_good;
}

void faults_disarm(void)
{
    faults.armed = false;
    memset(faults.calls, 0, sizeof faults.calls);
}

void faults_on(void)
{
    faults.on = true;
}

void faults_off(void)
{
    faults.on = false;
}

long faults_calls(enum fault_kind kind)
{
    return faults.calls[kind];
}

/* Is this call to fail? */
static bool strike(enum fault_kind kind)
{
    if (!faults.on)
        return false;
    faults.calls[kind]++;
    if (!faults.armed || faults.kind != kind || faults.left-- > 0)
        return false;
    faults.armed = faults.for_good;
    faults.left = 0;
    return true;
}

void faults_random_start(uint64_t seed)
{
    faults.random = seed * 2 + 1;
}

bool faults_random(void *ctx, uint8_t *to, size_t n)
{
    (void)ctx;
    if (strike(FAULT_RANDOM))
        return false;
    for (size_t i = 0; i < n; i++) {
        faults.random = faults.random * 6364136223846793005u + 1442695040888963407u;
        to[i] = (uint8_t)(faults.random >> 56);
    }
    return true;
}

/* ---- memory ---- */

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

void *__wrap_malloc(size_t n)
{
    return strike(FAULT_MEMORY) ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return strike(FAULT_MEMORY) ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return strike(FAULT_MEMORY) ? NULL : __real_realloc(p, n);
}

/* ---- ciphers: crypto.h promises that what they should have made is zero when they fail ---- */

#define CIPHER(name, out, size, declared, passed)                                                            \
    bool __real_##name declared;                                                                             \
    bool __wrap_##name declared;                                                                             \
    bool __wrap_##name declared                                                                              \
    {                                                                                                        \
        if (!strike(FAULT_CIPHER))                                                                           \
            return __real_##name passed;                                                                     \
        if ((size) > 0)                                                                                      \
            memset(out, 0, size);                                                                            \
        return false;                                                                                        \
    }

CIPHER(aes_ecb_encrypt, out, n,
       (struct uicc_crypto * c, struct span key, const uint8_t *in, uint8_t *out, size_t n),
       (c, key, in, out, n))
CIPHER(aes_cbc_encrypt, out, n,
       (struct uicc_crypto * c, struct span key, const uint8_t iv[16], const uint8_t *in, uint8_t *out,
        size_t n),
       (c, key, iv, in, out, n))
CIPHER(aes_cbc_decrypt, out, n,
       (struct uicc_crypto * c, struct span key, const uint8_t iv[16], const uint8_t *in, uint8_t *out,
        size_t n),
       (c, key, iv, in, out, n))
CIPHER(des_cbc_encrypt, out, n,
       (struct uicc_crypto * c, struct span key, const uint8_t iv[8], const uint8_t *in, uint8_t *out,
        size_t n),
       (c, key, iv, in, out, n))
CIPHER(des_cbc_decrypt, out, n,
       (struct uicc_crypto * c, struct span key, const uint8_t iv[8], const uint8_t *in, uint8_t *out,
        size_t n),
       (c, key, iv, in, out, n))
CIPHER(aes_cmac, mac, 16u,
       (struct uicc_crypto * c, struct span key, const struct span *parts, size_t n_parts, uint8_t mac[16]),
       (c, key, parts, n_parts, mac))
CIPHER(des_mac, mac, 8u,
       (struct uicc_crypto * c, struct span key, const struct span *parts, size_t n_parts, uint8_t mac[8]),
       (c, key, parts, n_parts, mac))
CIPHER(hmac_sha256, mac, 32u,
       (struct uicc_crypto * c, struct span key, const struct span *parts, size_t n_parts, uint8_t mac[32]),
       (c, key, parts, n_parts, mac))
CIPHER(digest_sha1, out, 20u, (struct uicc_crypto * c, struct span in, uint8_t out[20]), (c, in, out))
CIPHER(digest_sha256, out, 32u, (struct uicc_crypto * c, struct span in, uint8_t out[32]), (c, in, out))
