/* SPDX-License-Identifier: Apache-2.0
 *
 * Milenage (3GPP TS 35.206). Private to card/crypto: others reach it through aka_algorithm().
 */
#ifndef CRYPTO_MILENAGE_H
#define CRYPTO_MILENAGE_H

#include "aka.h"

/* TS 35.206 4.1: c1 to c5 and r1 to r5 (rotations in bits). An operator may choose others, within the rules
 * of TS 35.206 5.3. */
struct milenage_constants {
    uint8_t c[5][16];
    uint8_t r[5];
};

extern const struct aka_algorithm aka_milenage;

#endif
