/* SPDX-License-Identifier: Apache-2.0 */
#include "key_field.h"

bool key_check_value(struct applet self, uint8_t algorithm, struct span key, uint8_t out[3])
{
    uint8_t block[16], encrypted[16];
    const uint8_t iv[8] = {0};
    memset(block, algorithm == OTA_AES ? 0x01 : 0x00, sizeof block);
    bool ok = algorithm == OTA_AES ? aes_ecb_encrypt(applet_crypto(self), key, block, encrypted, 16)
                                   : des_cbc_encrypt(applet_crypto(self), key, iv, block, encrypted, 8);
    memset(out, 0, 3);
    if (ok)
        memcpy(out, encrypted, 3);
    crypto_wipe(encrypted, sizeof encrypted);
    return ok;
}

/* Whole blocks are the encrypted key and nothing else; otherwise the key's own length stands before them
 * (11.8.2.3.1, Amendment D 7.2). */
static bool split(struct span field, size_t block, uint8_t *len, struct span *encrypted)
{
    if (field.n > 0 && field.n % block == 0) {
        *len = (uint8_t)field.n;
        *encrypted = field;
        return true;
    }
    struct reader r = rd_of(field);
    *len = rd_u8(&r);
    *encrypted = rd_rest(&r);
    return rd_ok(&r) && encrypted->n % block == 0 && encrypted->n >= *len && encrypted->n - *len < block;
}

sw_t key_field_read(struct applet self, struct reader *r, const struct key_decipher *decipher, bool unchecked,
                    struct new_key *out)
{
    uint8_t plain[48];
    struct span encrypted;
    *out = (struct new_key){0};
    uint8_t type = rd_u8(r);
    struct span field = rd_take(r, rd_u8(r));
    struct span check = rd_take(r, rd_u8(r));
    if (!rd_ok(r))
        return SW_WRONG_DATA;
    if (type != KEY_TYPE_AES && type != KEY_TYPE_DES)
        return SW_ALGORITHM_NOT_SUPPORTED;
    out->algorithm = type == KEY_TYPE_AES ? OTA_AES : OTA_3DES;
    if (!split(field, decipher->block, &out->len, &encrypted) || encrypted.n > sizeof plain ||
        (check.n != KEY_CHECK_LEN && (check.n != 0 || !unchecked)))
        return SW_WRONG_DATA;
    if (out->len != 16 && out->len != 24 && (out->len != 32 || type == KEY_TYPE_DES))
        return SW_WRONG_DATA;
    bool ok = decipher->run(decipher->ctx, encrypted, plain);
    if (ok)
        memcpy(out->key, plain, out->len);
    crypto_wipe(plain, sizeof plain);
    if (!ok || !key_check_value(self, out->algorithm, span_of(out->key, out->len), out->kcv))
        return SW_WRONG_DATA;
    return check.n == 0 || crypto_equal(out->kcv, check.p, KEY_CHECK_LEN) ? SW_OK : SW_KEY_CHECK_VALUE;
}
