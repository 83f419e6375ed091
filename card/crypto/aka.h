/* SPDX-License-Identifier: Apache-2.0
 *
 * The authentication functions f1 to f5* of 3GPP TS 33.102 6.3 as a table of algorithms, and GSM's A3/A8
 * derived from them (TS 33.102 6.8.1.2, conversion functions c2 and c3).
 */
#ifndef CRYPTO_AKA_H
#define CRYPTO_AKA_H

#include "crypto.h"

enum aka_id {
    AKA_MILENAGE = 1,
    AKA_TUAK = 2,
    AKA_XOR = 3
}; /* stored in decks: values never change meaning */

enum {
    AKA_MAC_MAX = 32, /* octets: what f1 and f1* write at most */
    AKA_RES_MAX = 32,
    AKA_CK_MAX = 32,
    AKA_ITERATIONS_MAX = 16, /* of Keccak; more only makes the card slow */
};

/* TS 35.206 4.1: r1 to r5 (rotations in bits, 0 to 127) and c1 to c5. An operator may choose others (5.3). */
struct milenage_constants {
    uint8_t r[5];
    uint8_t c[5][16];
};

/* One subscriber's key material; a secret: wipe it. Sizes are in octets, and 0 stands for what is usual with
 * the algorithm, so that a key whose parameters are all zero is one of the standard's defaults. */
struct aka_key {
    uint8_t k[32];
    uint8_t k_len;   /* 16 or 32 */
    uint8_t opc[32]; /* OPc (16) or TOPc (32) */
    uint8_t opc_len;
    uint8_t mac_len;    /* of MAC-A and MAC-S. TUAK: 8 (usual), 16, 32; the others 8 */
    uint8_t res_len;    /* TUAK: 4, 8 (usual), 16, 32; XOR: 4 to 16 (usual); Milenage 8 */
    uint8_t ck_len;     /* TUAK: 16 (usual), 32; the others 16 */
    uint8_t ik_len;     /* likewise */
    uint8_t iterations; /* TUAK: of Keccak-f, 1 (usual) to AKA_ITERATIONS_MAX; the others 0 */
    bool own_constants; /* Milenage: r and c are those below, not the standard's */
    struct milenage_constants milenage;
};

struct aka_vector { /* a secret: wipe it */
    uint8_t res[AKA_RES_MAX];
    uint8_t ck[AKA_CK_MAX], ik[AKA_CK_MAX];
    uint8_t ak[6];
    uint8_t res_len, ck_len, ik_len;
};

/* The functions return false when the key is not valid for the algorithm (aka_key_valid), or OpenSSL fails;
 * outputs are then zeroed. Outputs do not overlap inputs, but opc may be op. */
struct aka_algorithm {
    enum aka_id id;
    const char *name;  /* "milenage" */
    uint8_t k_lens[2]; /* admissible lengths of K, 0 for none */
    uint8_t opc_len;   /* 0: the algorithm has neither OP nor OPc, and no `opc` */
    uint8_t mac_len;   /* the usual one */
    /* Are the parameters in range? Lengths of K and OPc are aka_key_valid's matter. */
    bool (*parameters)(const struct aka_key *key);
    /* f2, f3, f4, f5 */
    bool (*f2345)(struct uicc_crypto *c, const struct aka_key *key, const uint8_t rand[16],
                  struct aka_vector *out);
    /* f1 over SQN (48 bits) and AMF: the network's MAC-A; f1*: the card's MAC-S; aka_mac_len octets, at most
     * AKA_MAC_MAX. Either output may be NULL. */
    bool (*f1)(struct uicc_crypto *c, const struct aka_key *key, const uint8_t rand[16], const uint8_t sqn[6],
               const uint8_t amf[2], uint8_t *mac_a, uint8_t *mac_s);
    /* What a card does with a challenge: f2 to f5, then f1 over the SQN that AK reveals. `token` is the head
     * of AUTN, SQN xor AK || AMF; sqn gets SQN. Saves what the two have in common. */
    bool (*challenge)(struct uicc_crypto *c, const struct aka_key *key, const uint8_t rand[16],
                      const uint8_t token[8], struct aka_vector *out, uint8_t sqn[6], uint8_t *mac_a);
    /* f5*: the anonymity key of a resynchronisation token */
    bool (*f5star)(struct uicc_crypto *c, const struct aka_key *key, const uint8_t rand[16], uint8_t ak[6]);
    /* OPc from OP (TOPc from TOP) */
    bool (*opc)(struct uicc_crypto *c, const struct aka_key *key_with_k, const uint8_t *op, uint8_t *opc);
};

/* NULL when there is no such algorithm. */
const struct aka_algorithm *aka_algorithm(unsigned id);
const struct aka_algorithm *aka_algorithm_named(const char *name);

/* Lengths and parameters are such as the algorithm has. */
bool aka_key_valid(const struct aka_algorithm *a, const struct aka_key *key);

/* Its parameters are those that the algorithm usually has. */
bool aka_key_usual(const struct aka_key *key);

/* Octets of MAC-A and MAC-S with this key. */
size_t aka_mac_len(const struct aka_algorithm *a, const struct aka_key *key);

/* `challenge` of an algorithm whose f1 has nothing in common with the others. */
bool aka_challenge_in_parts(const struct aka_algorithm *a, struct uicc_crypto *c, const struct aka_key *key,
                            const uint8_t rand[16], const uint8_t token[8], struct aka_vector *out,
                            uint8_t sqn[6], uint8_t *mac_a);

/* A key as bytes: in objects, and in profiles. At most AKA_KEY_ENCODED_MAX octets. decode takes one key,
 * checks bounds only (aka_key_valid does the rest) and leaves what follows; when there is none it returns
 * false, makes the reader bad and zeroes *out. */
enum { AKA_KEY_ENCODED_MAX = 2 * 33 + 6 + 85 };
void aka_key_encode(const struct aka_key *key, struct buf *out);
bool aka_key_decode(struct reader *in, struct aka_key *out);

/* c2: SRES from RES; c3: Kc from CK and IK (TS 33.102 6.8.1.2). CK and IK of 256 bits, for which c3 is not
 * defined, are folded in the same manner. */
void aka_gsm(const struct aka_vector *v, uint8_t sres[4], uint8_t kc[8]);

#endif
