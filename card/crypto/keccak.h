/* SPDX-License-Identifier: Apache-2.0
 *
 * The permutation Keccak-f[1600] (FIPS 202 3.3), which TUAK uses bare. Private to card/crypto.
 */
#ifndef CRYPTO_KECCAK_H
#define CRYPTO_KECCAK_H

#include <stdint.h>

/* 25 lanes in the order of FIPS 202 3.1.2: lane (x, y) is state[x + 5 * y]; octet i of the 1600-bit string is
 * bits 8 (i mod 8) and up of lane i / 8. Constant time. */
void keccak_f1600(uint64_t state[25]);

#endif
