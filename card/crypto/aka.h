/* SPDX-License-Identifier: Apache-2.0
 *
 * The authentication functions f1 to f5* of 3GPP TS 33.102 6.3 as a table of algorithms, and GSM's A3/A8
 * derived from them (TS 33.102 6.8.1.2, conversion functions c2 and c3).
 */
#ifndef CRYPTO_AKA_H
#define CRYPTO_AKA_H

#include "crypto.h"

enum aka_id { AKA_MILENAGE = 1 }; /* stored in decks: values never change meaning */

struct aka_key { /* one subscriber's key material; a secret: wipe it */
    uint8_t k[32];
    uint8_t k_len;   /* 16 or 32 */
    uint8_t opc[32]; /* OPc (16) or TOPc (32) */
    uint8_t opc_len;
};

struct aka_vector { /* a secret: wipe it */
    uint8_t res[16];
    uint8_t res_len;
    uint8_t ck[16], ik[16];
    uint8_t ak[6];
};

/* The functions return false when K or OPc has a length that is not the algorithm's, or OpenSSL fails;
 * outputs are then zeroed. Outputs do not overlap inputs, but opc may be op. */
struct aka_algorithm {
    enum aka_id id;
    const char *name;  /* "milenage" */
    uint8_t k_lens[2]; /* admissible lengths of K, 0 for none */
    uint8_t opc_len;
    uint8_t mac_len;
    /* f2, f3, f4, f5 */
    bool (*f2345)(struct uicc_crypto *c, const struct aka_key *key, const uint8_t rand[16],
                  struct aka_vector *out);
    /* f1 over SQN (48 bits) and AMF: the network's MAC-A; f1*: the card's MAC-S. Either output may be NULL.
     */
    bool (*f1)(struct uicc_crypto *c, const struct aka_key *key, const uint8_t rand[16], const uint8_t sqn[6],
               const uint8_t amf[2], uint8_t *mac_a, uint8_t *mac_s);
    /* f5*: the anonymity key of a resynchronisation token */
    bool (*f5star)(struct uicc_crypto *c, const struct aka_key *key, const uint8_t rand[16], uint8_t ak[6]);
    /* OPc from OP (TOPc from TOP) */
    bool (*opc)(struct uicc_crypto *c, const struct aka_key *key_with_k, const uint8_t *op, uint8_t *opc);
};

/* NULL when there is no such algorithm. */
const struct aka_algorithm *aka_algorithm(unsigned id);
const struct aka_algorithm *aka_algorithm_named(const char *name);

/* c2: SRES from RES; c3: Kc from CK and IK (TS 33.102 6.8.1.2). */
void aka_gsm(const struct aka_vector *v, uint8_t sres[4], uint8_t kc[8]);

#endif
