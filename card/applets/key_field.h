/* SPDX-License-Identifier: Apache-2.0
 *
 * A key in the data of PUT KEY (GlobalPlatform Card Specification 2.3, 11.8.2.3; Amendment D 7.2): type, key
 * data, check value.
 */
#ifndef APPLETS_KEY_FIELD_H
#define APPLETS_KEY_FIELD_H

#include "applet.h"
#include "keyset.h"

enum { KEY_TYPE_DES = 0x80, KEY_TYPE_AES = 0x88, KEY_CHECK_LEN = 3 };

struct new_key {       /* a secret */
    uint8_t algorithm; /* enum ota_algorithm */
    uint8_t len;
    uint8_t key[32];
    uint8_t kcv[KEY_CHECK_LEN];
};

/* Deciphers key data under the key-encryption key in force; in.n is a multiple of `block`. */
struct key_decipher {
    size_t block;
    bool (*run)(void *ctx, struct span in, uint8_t *out);
    void *ctx;
};

/* One key field. SW_WRONG_DATA: malformed, or cannot be deciphered; SW_ALGORITHM_NOT_SUPPORTED: another type
 * than DES and AES; SW_KEY_CHECK_VALUE: that of the key is another. A field without check value is taken when
 * `unchecked`. Wipe *out whatever comes. */
sw_t key_field_read(struct applet self, struct reader *r, const struct key_decipher *decipher, bool unchecked,
                    struct new_key *out);

/* Key check value: first three octets of the encryption of a block of 01 (AES; GlobalPlatform Amendment
 * D 4.1.4) or of 00 (DES). */
bool key_check_value(struct applet self, uint8_t algorithm, struct span key, uint8_t out[3]);

#endif
