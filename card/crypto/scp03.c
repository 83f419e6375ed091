/* SPDX-License-Identifier: Apache-2.0
 *
 * SCP03 (GlobalPlatform Card Specification, Amendment D): session keys by NIST SP 800-108 in counter mode
 * with AES-CMAC; C-MAC and R-MAC chained, ciphering with a counted ICV.
 */
#include "scp_parts.h"

enum { BLOCK = 16 };

/* Table 4-1. */
enum {
    DERIVE_CARD_CRYPTOGRAM = 0x00,
    DERIVE_HOST_CRYPTOGRAM = 0x01,
    DERIVE_CHALLENGE = 0x02,
    DERIVE_ENC = 0x04,
    DERIVE_MAC = 0x06,
    DERIVE_RMAC = 0x07,
};

/* 4.1.5: label (eleven octets of zero, then the constant), 00, length in bits, counter, context. n octets, at
 * most 32. */
static bool derive(struct uicc_crypto *c, struct span key, uint8_t constant, struct span context1,
                   struct span context2, uint8_t *out, size_t n)
{
    uint8_t head[16] = {0}, block[BLOCK];
    bool ok = true;
    head[11] = constant;
    head[13] = (uint8_t)(n * 8 >> 8);
    head[14] = (uint8_t)(n * 8);
    for (size_t done = 0; ok && done < n; done += BLOCK) {
        head[15] = (uint8_t)(done / BLOCK + 1);
        const struct span parts[] = {span_of(head, sizeof head), context1, context2};
        ok = aes_cmac(c, key, parts, 3, block);
        memcpy(out + done, block, n - done < BLOCK ? n - done : BLOCK);
    }
    crypto_wipe(block, sizeof block);
    return ok;
}

static bool length_fits(const struct scp_keys *keys)
{
    return keys->len == 16 || keys->len == 24 || keys->len == 32;
}

bool scp03_challenge(struct uicc_crypto *c, const struct scp_keys *keys, const uint8_t sequence[3],
                     struct span aid, uint8_t *out, size_t n)
{
    return length_fits(keys) && (n == 8 || n == 16) &&
           derive(c, span_of(keys->enc, keys->len), DERIVE_CHALLENGE, span_of(sequence, 3), aid, out, n);
}

bool scp03_begin(struct uicc_crypto *c, const struct scp_keys *keys, const uint8_t *host_challenge,
                 const uint8_t *card_challenge, size_t n, struct scp_session *out)
{
    *out = (struct scp_session){
        .protocol = SCP03, .level = SCP_C_MAC, .mac_len = (uint8_t)n, .key_len = keys->len};
    bool ok = length_fits(keys) && (n == 8 || n == 16);
    if (ok) {
        struct span host = span_of(host_challenge, n), card = span_of(card_challenge, n);
        memcpy(out->host_challenge, host_challenge, n);
        memcpy(out->card_challenge, card_challenge, n);
        memcpy(out->dek, keys->dek, keys->len);
        ok = derive(c, span_of(keys->enc, keys->len), DERIVE_ENC, host, card, out->enc, keys->len) &&
             derive(c, span_of(keys->mac, keys->len), DERIVE_MAC, host, card, out->mac, keys->len) &&
             derive(c, span_of(keys->mac, keys->len), DERIVE_RMAC, host, card, out->rmac, keys->len);
    }
    if (!ok)
        crypto_wipe(out, sizeof *out);
    return ok;
}

bool scp03_cryptogram(struct uicc_crypto *c, const struct scp_session *s, enum scp_side side,
                      uint8_t out[SCP_MAC_MAX])
{
    return derive(
        c, span_of(s->mac, s->key_len), side == SCP_CARD ? DERIVE_CARD_CRYPTOGRAM : DERIVE_HOST_CRYPTOGRAM,
        span_of(s->host_challenge, s->mac_len), span_of(s->card_challenge, s->mac_len), out, s->mac_len);
}

bool scp03_mac(struct uicc_crypto *c, struct scp_session *s, const uint8_t header[4], size_t lc,
               struct span data, uint8_t mac[SCP_MAC_MAX])
{
    const uint8_t head[5] = {scp_mac_class(header[0]), header[1], header[2], header[3], (uint8_t)lc};
    const struct span parts[] = {span_of(s->chaining, BLOCK), span_of(head, sizeof head), data};
    if (!aes_cmac(c, span_of(s->mac, s->key_len), parts, 3, mac))
        return false;
    memcpy(s->chaining, mac, BLOCK);
    return true;
}

bool scp03_rmac(struct uicc_crypto *c, const struct scp_session *s, struct span data, uint16_t sw,
                uint8_t mac[SCP_MAC_MAX])
{
    const uint8_t status[2] = {(uint8_t)(sw >> 8), (uint8_t)sw};
    const struct span parts[] = {span_of(s->chaining, BLOCK), data, span_of(status, sizeof status)};
    return aes_cmac(c, span_of(s->rmac, s->key_len), parts, 3, mac);
}

/* 6.2.6, 6.2.7: the number of the command, of a response with the first bit set, encrypted. */
bool scp03_icv(struct uicc_crypto *c, const struct scp_session *s, bool response, uint8_t icv[16])
{
    uint8_t block[BLOCK] = {response ? 0x80 : 0x00};
    for (int i = 0; i < 4; i++)
        block[15 - i] = (uint8_t)(s->counter >> (8 * i));
    return aes_ecb_encrypt(c, span_of(s->enc, s->key_len), block, icv, BLOCK);
}
