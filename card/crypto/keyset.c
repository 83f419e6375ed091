/* SPDX-License-Identifier: Apache-2.0 */
#include "keyset.h"

#include "crypto.h"

static bool length_fits(uint8_t algorithm, uint8_t n)
{
    switch (algorithm) {
    case OTA_NONE:
        return n == 0;
    case OTA_DES:
        return n == 8;
    case OTA_3DES:
        return n == 16 || n == 24;
    case OTA_AES:
        return n == 16 || n == 24 || n == 32;
    default:
        return false;
    }
}

/* Bits 8-5 the key, bits 4-1 the algorithm: TS 102 225 5.1.2 (KIc) and 5.1.3 (KID, cryptographic checksum)
 * code DES in CBC mode, 3DES with two and three keys, and AES (CBC, and CMAC) alike. */
static uint8_t octet(uint8_t version, uint8_t algorithm, uint8_t n)
{
    uint8_t key = (uint8_t)(version << 4);
    if (version > KEYSET_OTA_MAX)
        return 0;
    switch (algorithm) {
    case OTA_DES:
        return key | 0x01;
    case OTA_3DES:
        return key | (n == 24 ? 0x09 : 0x05);
    case OTA_AES:
        return key | 0x02;
    default:
        return 0;
    }
}

uint8_t keyset_kic_octet(const struct keyset *k)
{
    return octet(k->version, k->kic_algorithm, k->kic_len);
}

uint8_t keyset_kid_octet(const struct keyset *k)
{
    return octet(k->version, k->kid_algorithm, k->kid_len);
}

/* The lowest bit of each octet is parity, which DES does not look at. Looks at all octets: it is of keys. */
static bool same_des_key(const uint8_t *a, const uint8_t *b)
{
    unsigned differ = 0;
    for (size_t i = 0; i < 8; i++)
        differ |= (unsigned)(a[i] ^ b[i]) & 0xFE;
    return differ == 0;
}

bool ota_key_is_des(unsigned algorithm, struct span key)
{
    if (algorithm != OTA_DES && algorithm != OTA_3DES)
        return false;
    return key.n < 16 || same_des_key(key.p, key.p + 8) ||
           (key.n == 24 && same_des_key(key.p + 8, key.p + 16));
}

uint8_t keyset_kik_algorithm(const struct keyset *k)
{
    return k->kic_algorithm != OTA_NONE ? k->kic_algorithm : k->kid_algorithm;
}

bool keyset_valid(const struct keyset *k)
{
    if (k->version < 1 || k->version > KEYSET_VERSION_MAX)
        return false;
    if (!length_fits(k->kic_algorithm, k->kic_len) || !length_fits(k->kid_algorithm, k->kid_len))
        return false;
    if (k->kic_algorithm == OTA_NONE && k->kid_algorithm == OTA_NONE)
        return false;
    if (k->kik_len != 0 && !length_fits(keyset_kik_algorithm(k), k->kik_len))
        return false;
    /* TS 102 225 5.1.3.2: only the AES checksum has a length to choose. */
    return k->mac_len == 8 || (k->mac_len == 4 && k->kid_algorithm == OTA_AES);
}

void keyset_encode(const struct keyset *k, struct buf *out)
{
    if (!keyset_valid(k)) {
        out->full = true;
        return;
    }
    const uint8_t head[] = {k->version, k->kic_algorithm, k->kid_algorithm, k->mac_len,
                            k->kic_len, k->kid_len,       k->kik_len};
    buf_put(out, span_of(head, sizeof head));
    buf_put(out, span_of(k->kic, k->kic_len));
    buf_put(out, span_of(k->kid, k->kid_len));
    buf_put(out, span_of(k->kik, k->kik_len));
}

bool keyset_decode(struct reader *in, struct keyset *out)
{
    memset(out, 0, sizeof *out);
    out->version = rd_u8(in);
    out->kic_algorithm = rd_u8(in);
    out->kid_algorithm = rd_u8(in);
    out->mac_len = rd_u8(in);
    out->kic_len = rd_u8(in);
    out->kid_len = rd_u8(in);
    out->kik_len = rd_u8(in);
    if (!keyset_valid(out)) /* before the keys: it bounds their lengths */
        in->bad = true;
    else {
        rd_copy(in, out->kic, out->kic_len);
        rd_copy(in, out->kid, out->kid_len);
        rd_copy(in, out->kik, out->kik_len);
    }
    if (!rd_ok(in))
        crypto_wipe(out, sizeof *out);
    return rd_ok(in);
}
