/* SPDX-License-Identifier: Apache-2.0
 *
 * Thin wrappers round OpenSSL's EVP. struct uicc_crypto holds fetched algorithms and contexts keyed with the
 * last few keys of each kind, so that a block costs a block and neither a look-up nor a key schedule; it is
 * the environment's, one per thread, and never holds anything but these keys and their schedules
 * (crypto_forget wipes them). Functions return false only when OpenSSL fails (memory) or a length is not one
 * the algorithm has (or above INT_MAX); the output is then zeroed. Pointers to zero octets may be NULL; input
 * and output are the same place or do not overlap.
 */
#ifndef CRYPTO_CRYPTO_H
#define CRYPTO_CRYPTO_H

#include "span.h"

struct uicc_crypto;

/* NULL: no memory. An algorithm that OpenSSL lacks fails at its first use */
struct uicc_crypto *crypto_new(void);
void crypto_free(struct uicc_crypto *c);
/* Wipes every cached key and schedule. The next use of each key costs an allocation too: for when a card is
 * closed or a key is gone for good, not for every command. */
void crypto_forget(struct uicc_crypto *c);

/* Overwrites memory in a way that the compiler keeps. */
void crypto_wipe(void *p, size_t n);

/* Compares n octets in a time that depends on n only. */
bool crypto_equal(const uint8_t *a, const uint8_t *b, size_t n);

/* AES, key of 16, 24 or 32 octets, n a multiple of 16; in and out may be the same. */
bool aes_ecb_encrypt(struct uicc_crypto *c, struct span key, const uint8_t *in, uint8_t *out, size_t n);
bool aes_cbc_encrypt(struct uicc_crypto *c, struct span key, const uint8_t iv[16], const uint8_t *in,
                     uint8_t *out, size_t n);
bool aes_cbc_decrypt(struct uicc_crypto *c, struct span key, const uint8_t iv[16], const uint8_t *in,
                     uint8_t *out, size_t n);

/* AES-CMAC (NIST SP 800-38B) over the concatenation of parts; all 16 octets, the caller truncates. */
bool aes_cmac(struct uicc_crypto *c, struct span key, const struct span *parts, size_t n_parts,
              uint8_t mac[16]);

/* DES in EDE, outer CBC. Key of 8 (single DES, as EDE with three equal keys), 16 or 24 octets; n a multiple
 * of 8. */
bool des_cbc_encrypt(struct uicc_crypto *c, struct span key, const uint8_t iv[8], const uint8_t *in,
                     uint8_t *out, size_t n);
bool des_cbc_decrypt(struct uicc_crypto *c, struct span key, const uint8_t iv[8], const uint8_t *in,
                     uint8_t *out, size_t n);

/* The last block of outer-CBC (3)DES, IV zero, over the concatenation of parts padded with zeros to a
 * multiple of 8: the cryptographic checksum of ETSI TS 102 225 5.1.3. false for no octets at all: there is no
 * block to be the last. */
bool des_mac(struct uicc_crypto *c, struct span key, const struct span *parts, size_t n_parts,
             uint8_t mac[8]);

/* AES-256-GCM, nonce of 12 octets, tag of 16. open returns false and zeroes out when the tag does not match.
 */
bool gcm_seal(struct uicc_crypto *c, const uint8_t key[32], const uint8_t nonce[12], struct span aad,
              struct span plain, uint8_t *out, uint8_t tag[16]);
bool gcm_open(struct uicc_crypto *c, const uint8_t key[32], const uint8_t nonce[12], struct span aad,
              struct span sealed, const uint8_t tag[16], uint8_t *out);

/* HMAC-SHA-256 over the concatenation of parts. */
bool hmac_sha256(struct uicc_crypto *c, struct span key, const struct span *parts, size_t n_parts,
                 uint8_t mac[32]);

/* SHA-1: only where a specification has it (TS 33.220 5.3.2). */
bool digest_sha1(struct uicc_crypto *c, struct span in, uint8_t out[20]);
bool digest_sha256(struct uicc_crypto *c, struct span in, uint8_t out[32]);

/* Octets from the operating system: the random of a struct uicc_env (ctx is not used). */
bool crypto_random(void *ctx, uint8_t *to, size_t n);

#endif
