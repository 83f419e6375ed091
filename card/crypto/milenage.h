/* SPDX-License-Identifier: Apache-2.0
 *
 * Milenage (3GPP TS 35.206). Private to card/crypto: others reach it through aka_algorithm().
 */
#ifndef CRYPTO_MILENAGE_H
#define CRYPTO_MILENAGE_H

#include "aka.h"

extern const struct aka_algorithm aka_milenage;

#endif
