/* SPDX-License-Identifier: Apache-2.0
 *
 * What SCP02 and SCP03 have in common: the frame of a protected command and response. SCP02 MACs what is then
 * ciphered; SCP03 ciphers first, and MACs that.
 */
#include "scp_parts.h"

void scp_pad(struct buf *b, size_t from, size_t block)
{
    buf_u8(b, 0x80);
    buf_fill(b, 0, (block - (b->len - from) % block) % block);
}

/* 1 for 0, 0 for 1 to FF: without a compare, of which a compiler may make a jump. */
static unsigned is_zero(unsigned octet)
{
    return (octet - 1) >> 8 & 1;
}

bool scp_unpad(struct span in, size_t block, size_t *n)
{
    unsigned found = 0, bad = 0;
    size_t end = 0;
    for (size_t i = in.n; i > 0; i--) { /* all octets are looked at */
        unsigned zero = is_zero(in.p[i - 1]), mark = is_zero(in.p[i - 1] ^ 0x80u), first = mark & (found ^ 1);
        end |= (i - 1) & (0 - (size_t)first);
        bad |= (found ^ 1) & (zero ^ 1) & (mark ^ 1);
        found |= mark;
    }
    size_t too_long = (block - (in.n - end)) >> (8 * sizeof end - 1);
    *n = end;
    return (found & (bad ^ 1) & ((unsigned)too_long ^ 1)) != 0;
}

uint8_t scp_mac_class(uint8_t cla)
{
    return (uint8_t)((cla & 0x80) | 0x04);
}

bool scp_cryptogram(struct uicc_crypto *c, const struct scp_session *s, enum scp_side side,
                    uint8_t out[SCP_MAC_MAX])
{
    return s->protocol == SCP02 ? scp02_cryptogram(c, s, side, out) : scp03_cryptogram(c, s, side, out);
}

/* ---- ciphering of data fields ---- */

size_t scp_dek_block(const struct scp_session *s)
{
    return s->protocol == SCP02 ? 8 : 16;
}

static bool icv(struct uicc_crypto *c, const struct scp_session *s, bool response, uint8_t out[16])
{
    memset(out, 0, 16); /* SCP02 ciphers with an ICV of zero (E.4.6) */
    return s->protocol == SCP02 || scp03_icv(c, s, response, out);
}

static bool encipher(struct uicc_crypto *c, const struct scp_session *s, bool response, struct span in,
                     struct buf *out)
{
    uint8_t iv[16];
    size_t from = out->len;
    buf_put(out, in);
    scp_pad(out, from, scp_dek_block(s));
    uint8_t *at = out->p + from;
    size_t n = out->len - from;
    struct span key = span_of(s->enc, s->key_len);
    return buf_ok(out) && icv(c, s, response, iv) &&
           (s->protocol == SCP02 ? des_cbc_encrypt(c, key, iv, at, at, n)
                                 : aes_cbc_encrypt(c, key, iv, at, at, n));
}

/* What SCP03 has found authentic. SCP_MALFORMED: no whole blocks, or no padding. */
static enum scp_verdict decipher(struct uicc_crypto *c, const struct scp_session *s, bool response,
                                 struct span in, struct buf *out)
{
    uint8_t iv[16];
    size_t n;
    struct span key = span_of(s->enc, s->key_len);
    if (in.n == 0)
        return SCP_GOOD;
    uint8_t *at = buf_grow(out, in.n);
    if (at == NULL || !icv(c, s, response, iv))
        return SCP_FAILED;
    memcpy(at, in.p, in.n);
    if (in.n % scp_dek_block(s) != 0)
        return SCP_MALFORMED;
    if (!aes_cbc_decrypt(c, key, iv, at, at, in.n))
        return SCP_FAILED;
    if (!scp_unpad(span_of(at, in.n), scp_dek_block(s), &n))
        return SCP_MALFORMED;
    out->len = out->len - in.n + n;
    return SCP_GOOD;
}

static bool command_mac(struct uicc_crypto *c, struct scp_session *s, const uint8_t header[4], size_t lc,
                        struct span data, uint8_t mac[SCP_MAC_MAX])
{
    return s->protocol == SCP02 ? scp02_mac(c, s, header, lc, data, mac)
                                : scp03_mac(c, s, header, lc, data, mac);
}

/* ---- commands ---- */

bool scp_command_wrap(struct uicc_crypto *c, struct scp_session *s, const uint8_t header[4], struct span data,
                      struct buf *out)
{
    uint8_t mac[SCP_MAC_MAX];
    bool ciphered = (s->level & SCP_C_DECRYPTION) != 0 && data.n > 0;
    if ((s->level & SCP_C_DECRYPTION) != 0)
        s->counter++;
    if (data.n > SCP_DATA_MAX)
        return false;
    buf_u8(out, header[0] | ((header[0] & 0x40) != 0 ? 0x20 : 0x04));
    buf_put(out, span_of(header + 1, 3));
    buf_u8(out, 0);
    size_t at = out->len;
    bool ok = s->protocol != SCP02 || command_mac(c, s, header, data.n + s->mac_len, data, mac);
    if (ciphered)
        ok = ok && encipher(c, s, false, data, out);
    else
        buf_put(out, data);
    ok = ok && buf_ok(out);
    size_t n = out->len - at;
    if (s->protocol != SCP02)
        ok = ok && command_mac(c, s, header, n + s->mac_len, span_of(out->p + at, n), mac);
    if (!ok || n + s->mac_len > SCP_DATA_MAX)
        return false;
    out->p[at - 1] = (uint8_t)(n + s->mac_len);
    buf_put(out, span_of(mac, s->mac_len));
    return buf_ok(out);
}

/* SCP02 deciphers what it does not know to be authentic yet. Whatever is wrong with it is one error with a
 * wrong MAC, and takes the same way to it: no oracle of the padding. */
static enum scp_verdict unwrap_ciphered_scp02(struct uicc_crypto *c, struct scp_session *s,
                                              const uint8_t header[4], struct span body,
                                              const uint8_t *received, struct buf *plain)
{
    static const uint8_t iv[16];
    uint8_t mac[SCP_MAC_MAX], is[SCP_MAC_MAX + 1], wanted[SCP_MAC_MAX + 1];
    size_t n;
    if (body.n % scp_dek_block(s) != 0)
        return SCP_WRONG_MAC;
    uint8_t *at = buf_grow(plain, body.n);
    if (at == NULL || !des_cbc_decrypt(c, span_of(s->enc, s->key_len), iv, body.p, at, body.n))
        return SCP_FAILED;
    /* One compare of the MAC and of whether there was a padding: a compiler could make two of `and`. */
    is[s->mac_len] = scp_unpad(span_of(at, body.n), scp_dek_block(s), &n);
    wanted[s->mac_len] = true;
    if (!scp02_mac_padded(c, s, header, n, span_of(at, body.n), mac))
        return SCP_FAILED;
    memcpy(is, mac, s->mac_len);
    memcpy(wanted, received, s->mac_len);
    if (!crypto_equal(is, wanted, s->mac_len + 1u))
        return SCP_WRONG_MAC;
    plain->len = plain->len - body.n + n;
    return SCP_GOOD;
}

static enum scp_verdict unwrap(struct uicc_crypto *c, struct scp_session *s, const uint8_t header[4],
                               struct span data, struct buf *plain)
{
    uint8_t mac[SCP_MAC_MAX];
    if (data.n < s->mac_len || data.n > SCP_DATA_MAX)
        return SCP_MALFORMED;
    struct span body = span_slice(data, 0, data.n - s->mac_len),
                received = span_slice(data, body.n, s->mac_len);
    bool ciphered = (s->level & SCP_C_DECRYPTION) != 0;
    if (ciphered)
        s->counter++;
    if (s->protocol == SCP02 && ciphered && body.n > 0)
        return unwrap_ciphered_scp02(c, s, header, body, received.p, plain);
    if (!command_mac(c, s, header, data.n, body, mac))
        return SCP_FAILED;
    if (!crypto_equal(mac, received.p, s->mac_len))
        return SCP_WRONG_MAC;
    if (ciphered)
        return decipher(c, s, false, body, plain); /* of SCP02: nothing */
    buf_put(plain, body);
    return SCP_GOOD;
}

enum scp_verdict scp_command_unwrap(struct uicc_crypto *c, struct scp_session *s, const uint8_t header[4],
                                    struct span data, struct buf *plain)
{
    enum scp_verdict v = unwrap(c, s, header, data, plain);
    if (v == SCP_GOOD && !buf_ok(plain))
        v = SCP_FAILED;
    if (v != SCP_GOOD) {
        crypto_wipe(plain->p, plain->len);
        plain->len = 0;
    }
    return v;
}

/* ---- responses: SCP03 only, SCP02 with i = 15 and 55 protects none ---- */

bool scp_response_wrap(struct uicc_crypto *c, const struct scp_session *s, uint16_t sw, struct span data,
                       struct buf *out)
{
    uint8_t mac[SCP_MAC_MAX];
    size_t from = out->len;
    bool ok = true;
    if ((s->level & SCP_R_ENCRYPTION) != 0 && data.n > 0)
        ok = encipher(c, s, true, data, out);
    else
        buf_put(out, data);
    if (!ok || !buf_ok(out))
        return false;
    if ((s->level & SCP_R_MAC) == 0)
        return true;
    ok = scp03_rmac(c, s, span_of(out->p + from, out->len - from), sw, mac);
    buf_put(out, span_of(mac, s->mac_len));
    return ok && buf_ok(out);
}

enum scp_verdict scp_response_unwrap(struct uicc_crypto *c, const struct scp_session *s, uint16_t sw,
                                     struct span data, struct buf *plain)
{
    uint8_t mac[SCP_MAC_MAX];
    struct span body = data;
    if ((s->level & SCP_R_MAC) != 0) {
        if (data.n < s->mac_len)
            return SCP_MALFORMED;
        body = span_slice(data, 0, data.n - s->mac_len);
        if (!scp03_rmac(c, s, body, sw, mac))
            return SCP_FAILED;
        if (!crypto_equal(mac, data.p + body.n, s->mac_len))
            return SCP_WRONG_MAC;
    }
    if ((s->level & SCP_R_ENCRYPTION) != 0)
        return decipher(c, s, true, body, plain);
    buf_put(plain, body);
    return buf_ok(plain) ? SCP_GOOD : SCP_FAILED;
}

/* ---- key data ---- */

bool scp_dek_encrypt(struct uicc_crypto *c, const struct scp_session *s, struct span in, uint8_t *out)
{
    static const uint8_t iv[16];
    struct span key = span_of(s->dek, s->key_len);
    bool ok = in.n % scp_dek_block(s) == 0;
    if (s->protocol != SCP02)
        return ok && aes_cbc_encrypt(c, key, iv, in.p, out, in.n);
    for (size_t i = 0; i < in.n && ok; i += 8)
        ok = des_cbc_encrypt(c, key, iv, in.p + i, out + i, 8);
    return ok;
}

bool scp_dek_decrypt(struct uicc_crypto *c, const struct scp_session *s, struct span in, uint8_t *out)
{
    static const uint8_t iv[16];
    struct span key = span_of(s->dek, s->key_len);
    bool ok = in.n % scp_dek_block(s) == 0;
    if (s->protocol != SCP02)
        return ok && aes_cbc_decrypt(c, key, iv, in.p, out, in.n);
    for (size_t i = 0; i < in.n && ok; i += 8)
        ok = des_cbc_decrypt(c, key, iv, in.p + i, out + i, 8);
    return ok;
}
