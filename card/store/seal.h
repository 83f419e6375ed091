/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the deck: how its records are sealed, and how a set of records is bound together.
 *
 * A sealed record is  format (1) | nonce (12) | ciphertext | tag (16),  AES-256-GCM, with the record's key in
 * the deck and the format octet as additional data: a record put in another one's place does not open.
 *
 * The mark of a set is the exclusive or of AES(set key, tag) over its records. The tags lie open in the file,
 * and an exclusive or of these could be matched by choosing among old versions; of values nobody without the
 * key can know, it cannot.
 */
#ifndef STORE_SEAL_H
#define STORE_SEAL_H

#include "crypto.h"

enum {
    SEAL_FORMAT = 1,
    SEAL_NONCE = 12,
    SEAL_HEAD = 1 + SEAL_NONCE, /* in front of the ciphertext */
    SEAL_TAG = 16,
    SEAL_OVERHEAD = SEAL_HEAD + SEAL_TAG,
    SEAL_PREFIX = 8,
    SEAL_PENDING = 32,
    SEAL_IDENTITY = 16,
};

struct sealer {
    struct uicc_crypto *crypto;
    uint8_t key[32];     /* of the records */
    uint8_t set_key[32]; /* of the marks of sets */
    uint8_t identity[SEAL_IDENTITY]; /* tells the storage key from others; no secret */
    uint8_t prefix[SEAL_PREFIX];
    uint32_t counter; /* nonce = prefix || counter; a used up counter draws a new prefix */
};

/* Both keys come from the storage key. false: no random octets, or crypto failed. */
bool seal_init(struct sealer *s, struct uicc_crypto *crypto, const uint8_t storage_key[32]);
void seal_wipe(struct sealer *s);

/* out has plain.n + SEAL_OVERHEAD octets. */
bool seal(struct sealer *s, struct span key, struct span plain, uint8_t *out);

/* out has room for sealed.n - SEAL_OVERHEAD octets; it may be where the ciphertext is. false: not what was
 * sealed under this key. */
bool unseal(struct sealer *s, struct span key, struct span sealed, uint8_t *out);

/* A sealed record's tag; empty when it is too short to be one. */
struct span seal_tag(struct span sealed);

struct seal_set {
    uint8_t mark[SEAL_TAG];
    uint8_t
        pending[SEAL_PENDING * SEAL_TAG]; /* tags to go into the mark, so that AES runs over many at once */
    size_t n;
};

/* Takes a record into the set, or out of it if it was in: the same step. */
bool seal_set_flip(struct sealer *s, struct seal_set *set, struct span tag);
/* After this, mark is the mark. */
bool seal_set_finish(struct sealer *s, struct seal_set *set);

#endif
