/* SPDX-License-Identifier: Apache-2.0
 *
 * The encrypting half of ECIES as SUCIs use it: 3GPP TS 33.501 C.3, profiles A (X25519) and B (P-256). Both
 * derive with the ANSI X9.63 function over SHA-256, encipher with AES-128 in counter mode and sign with
 * HMAC-SHA-256.
 */
#ifndef CRYPTO_ECIES_H
#define CRYPTO_ECIES_H

#include "crypto.h"

enum ecies_profile { ECIES_A = 1, ECIES_B = 2 }; /* the protection scheme identifiers of TS 33.501 C.1 */

enum {
    ECIES_SECRET_LEN = 32, /* the ephemeral private key */
    ECIES_PUBLIC_MAX = 33,
    ECIES_MAC_LEN = 8,
};

struct ecies_seal { /* with the cipher text, the scheme output: ephemeral key || cipher text || MAC */
    uint8_t key[ECIES_PUBLIC_MAX];
    uint8_t key_len; /* 32 (A), 33 (B: always compressed, C.3.4.2) */
    uint8_t mac[ECIES_MAC_LEN];
};

enum ecies_result {
    ECIES_OK,
    ECIES_BAD_KEY,    /* not a public key of this profile */
    ECIES_DRAW_AGAIN, /* the ephemeral private key is none; take other random octets */
    ECIES_FAILED,     /* OpenSSL failed */
};

/* Enciphers plain for the holder of `public` (A: 32 octets; B: 33, compressed, or 65, uncompressed). `secret`
 * is the ephemeral private key, fresh random octets each time; the caller wipes it. cipher has plain.n
 * octets. Outputs are zeroed unless ECIES_OK. */
enum ecies_result ecies_seal(struct uicc_crypto *c, enum ecies_profile profile, struct span public,
                             const uint8_t secret[ECIES_SECRET_LEN], struct span plain,
                             struct ecies_seal *seal, uint8_t *cipher);

#endif
