/* SPDX-License-Identifier: Apache-2.0
 *
 * A port of libuicc, as small as it can be: to see that the core links for a machine without an operating
 * system, and what it takes there. It calls everything a reader would call, so that nothing is left out. The
 * cryptography is the port's own, behind card/crypto/crypto.h; here it always fails, which costs nothing.
 */
#include <stdlib.h>

#include "crypto.h"
#include "ecies.h"
#include "gsm.h"
#include "isim.h"
#include "profile.h"
#include "receiver.h"
#include "store.h"
#include "subscription.h"
#include "uicc.h"
#include "usim.h"

/* ---- what a port brings ---- */

struct uicc_crypto {
    int nothing;
};

struct uicc_crypto *crypto_new(void)
{
    return calloc(1, sizeof(struct uicc_crypto));
}

void crypto_free(struct uicc_crypto *c)
{
    free(c);
}

void crypto_forget(struct uicc_crypto *c)
{
    (void)c;
}

void crypto_wipe(void *p, size_t n)
{
    volatile uint8_t *at = p;
    while (n-- > 0)
        *at++ = 0;
}

bool crypto_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
    uint8_t differs = 0;
    for (size_t i = 0; i < n; i++)
        differs |= (uint8_t)(a[i] ^ b[i]);
    return differs == 0;
}

#define FAILS(...)                                                                                           \
    {                                                                                                        \
        return false;                                                                                        \
    }

bool aes_ecb_encrypt(struct uicc_crypto *c, struct span key, const uint8_t *in, uint8_t *out, size_t n)
    FAILS() bool aes_cbc_encrypt(struct uicc_crypto *c, struct span key, const uint8_t iv[16],
                                 const uint8_t *in, uint8_t *out, size_t n)
        FAILS() bool aes_cbc_decrypt(struct uicc_crypto *c, struct span key, const uint8_t iv[16],
                                     const uint8_t *in, uint8_t *out,
                                     size_t n) FAILS() bool aes_cmac(struct uicc_crypto *c, struct span key,
                                                                     const struct span *parts, size_t n_parts,
                                                                     uint8_t mac[16])
            FAILS() bool des_cbc_encrypt(struct uicc_crypto *c, struct span key, const uint8_t iv[8],
                                         const uint8_t *in, uint8_t *out, size_t n)
                FAILS() bool des_cbc_decrypt(struct uicc_crypto *c, struct span key, const uint8_t iv[8],
                                             const uint8_t *in, uint8_t *out, size_t n)
                    FAILS() bool des_mac(struct uicc_crypto *c, struct span key, const struct span *parts,
                                         size_t n_parts, uint8_t mac[8])
                        FAILS() bool hmac_sha256(struct uicc_crypto *c, struct span key,
                                                 const struct span *parts, size_t n_parts, uint8_t mac[32])
                            FAILS() bool digest_sha1(struct uicc_crypto *c, struct span in, uint8_t out[20])
                                FAILS() bool digest_sha256(struct uicc_crypto *c, struct span in,
                                                           uint8_t out[32]) FAILS()

                                    enum ecies_result
    ecies_seal(struct uicc_crypto *c, enum ecies_profile profile, struct span public,
               const uint8_t secret[ECIES_SECRET_LEN], struct span plain, struct ecies_seal *seal,
               uint8_t *cipher)
{
    return ECIES_FAILED;
}

static bool no_random(void *ctx, uint8_t *to, size_t n)
{
    (void)ctx;
    memset(to, 0, n);
    return true;
}

/* ---- a card in a reader that never says anything ---- */

extern const uint8_t port_profile[];
extern const size_t port_profile_len;

const uint8_t port_profile[1] = {0};
const size_t port_profile_len = sizeof port_profile;

int main(void)
{
    static const struct applet_class *const classes[] = {
        &gsm_class, &isim_class, &ota_class, &rfm_class, &subscription_class, &usim_class, NULL};
    static uint8_t command[261], response[UICC_RESPONSE_MAX];
    const struct uicc_env env = {.random = no_random, .crypto = crypto_new()};
    struct uicc_profile *profile = profile_decode(span_of(port_profile, port_profile_len));
    struct uicc_store *store = store_mem_new();
    const struct uicc_config config = {.env = &env, .profile = profile, .store = store, .classes = classes};
    const struct uicc_personal personal = {.iccid = "8900101000000000019", .seed = command, .seed_len = 16};
    struct uicc *card = NULL;
    if (uicc_personalise(&config, &personal) != UICC_OK || uicc_open(&config, &card) != UICC_OK)
        return 1;
    (void)uicc_reset(card, response);
    for (;;)
        (void)uicc_transmit(card, command, sizeof command, response);
}
