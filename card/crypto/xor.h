/* SPDX-License-Identifier: Apache-2.0
 *
 * The test algorithm of 3GPP TS 34.108 8.1.2, which test equipment expects of a test USIM. It protects
 * nothing. Private to card/crypto: others reach it through aka_algorithm().
 */
#ifndef CRYPTO_XOR_H
#define CRYPTO_XOR_H

#include "aka.h"

extern const struct aka_algorithm aka_xor;

#endif
