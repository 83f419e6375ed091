/* SPDX-License-Identifier: Apache-2.0
 *
 * An OTA keyset: what KIc and KID of a command packet refer to (ETSI TS 102 225 5.1.2, 5.1.3). A secret: wipe
 * it.
 */
#ifndef CRYPTO_KEYSET_H
#define CRYPTO_KEYSET_H

#include "span.h"

/* Stored in decks: values never change meaning. The coding of KIc/KID bits 4-1 follows from algorithm and key
 * length. */
enum ota_algorithm { OTA_NONE = 0, OTA_DES = 1, OTA_3DES = 2, OTA_AES = 3 };

struct keyset {
    uint8_t version;       /* 1 to 15: bits 8-5 of KIc and KID; a security domain's others: up to 7F */
    uint8_t kic_algorithm; /* enum ota_algorithm */
    uint8_t kid_algorithm;
    uint8_t mac_len;                   /* 8; 4 for a keyset that says so (AES-CMAC-32) */
    uint8_t kic_len, kid_len, kik_len; /* octets; 16 or 24 for 3DES, 16, 24 or 32 for AES */
    uint8_t kic[32];
    uint8_t kid[32];
    uint8_t
        kik[32]; /* the key-encryption key of PUT KEY; its algorithm is keyset_kik_algorithm */
};

/* The KIc (or KID) octet that names a key of this keyset, TS 102 225 5.1.2 (table: 2 keys 3DES 01 01, AES 00
 * 10, ...). 0 when the keyset has no such key. */
uint8_t keyset_kic_octet(const struct keyset *k);
uint8_t keyset_kid_octet(const struct keyset *k);

/* The key version numbers of SCP80's keysets are below this (GlobalPlatform UICC Configuration). */
enum { KEYSET_OTA_MAX = 15, KEYSET_VERSION_MAX = 0x7F };

/* Lengths and algorithms agree and nothing is out of range: version 1 to 7F, KIc or KID or both, KIK or none.
 * Looks at no key: weak and well-known ones are the profile loader's matter. */
bool keyset_valid(const struct keyset *k);

/* What KIK enciphers by: KIc's algorithm, or KID's where there is no KIc. */
uint8_t keyset_kik_algorithm(const struct keyset *k);

/* A key that protects no more than single DES does: that of DES, and one of 3DES whose first two or last two
 * parts are the same but for the parity bits. */
bool ota_key_is_des(unsigned algorithm, struct span key);

/* A keyset as bytes: in objects, and in profiles. At most KEYSET_ENCODED_MAX octets; encode makes `out` full
 * rather than write what is not valid. decode takes one keyset and leaves what follows to the caller
 * (rd_done); when there is no valid one it returns false, makes the reader bad and zeroes *out. */
enum { KEYSET_ENCODED_MAX = 7 + 3 * 32 };
void keyset_encode(const struct keyset *k, struct buf *out);
bool keyset_decode(struct reader *in, struct keyset *out);

#endif
