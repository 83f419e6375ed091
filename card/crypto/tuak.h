/* SPDX-License-Identifier: Apache-2.0
 *
 * TUAK (3GPP TS 35.231). Private to card/crypto: others reach it through aka_algorithm().
 */
#ifndef CRYPTO_TUAK_H
#define CRYPTO_TUAK_H

#include "aka.h"

extern const struct aka_algorithm aka_tuak;

#endif
