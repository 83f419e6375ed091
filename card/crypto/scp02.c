/* SPDX-License-Identifier: Apache-2.0
 *
 * SCP02 (GlobalPlatform Card Specification, appendix E): three 3DES keys, C-MAC on the modified APDU, the ICV
 * encrypted (i bits 1, 3 and 5). R-MAC (i bit 6) is not offered.
 */
#include "scp_parts.h"

enum { BLOCK = 8, KEY = 16, MAC_ROOM = 5 + SCP_DATA_MAX + BLOCK };

/* Derivation constants, E.4.1. */
enum { DERIVE_MAC = 0x0101, DERIVE_DEK = 0x0181, DERIVE_ENC = 0x0182 };

static const uint8_t zero_iv[BLOCK];

static bool derive(struct uicc_crypto *c, const uint8_t *key, unsigned constant, uint16_t sequence,
                   uint8_t out[KEY])
{
    const uint8_t data[KEY] = {(uint8_t)(constant >> 8), (uint8_t)constant, (uint8_t)(sequence >> 8),
                               (uint8_t)sequence};
    return des_cbc_encrypt(c, span_of(key, KEY), zero_iv, data, out, sizeof data);
}

/* E.4.4, ISO/IEC 9797-1 algorithm 3: single DES, the last block 3DES. `padded` is of whole blocks. */
static bool retail_mac(struct uicc_crypto *c, const uint8_t key[KEY], const uint8_t iv[BLOCK],
                       struct buf *padded, uint8_t mac[BLOCK])
{
    uint8_t work[MAC_ROOM + BLOCK], chain[BLOCK];
    size_t before = padded->len - BLOCK;
    memcpy(chain, iv, BLOCK);
    bool ok = buf_ok(padded) && before <= sizeof work;
    if (ok && before > 0) {
        ok = des_cbc_encrypt(c, span_of(key, BLOCK), iv, padded->p, work, before);
        memcpy(chain, work + before - BLOCK, BLOCK);
    }
    ok = ok && des_cbc_encrypt(c, span_of(key, KEY), chain, padded->p + before, mac, BLOCK);
    crypto_wipe(work, sizeof work);
    return ok;
}

/* E.3.4: the first command's ICV is zero; then the last C-MAC, encrypted with the first half of the C-MAC
 * session key. */
static bool first_value(struct uicc_crypto *c, const struct scp_session *s, uint8_t icv[BLOCK])
{
    memset(icv, 0, BLOCK);
    return !s->chained || des_cbc_encrypt(c, span_of(s->mac, BLOCK), zero_iv, s->chaining, icv, BLOCK);
}

static void put_command(struct buf *b, const uint8_t header[4], size_t lc, struct span data)
{
    buf_u8(b, scp_mac_class(header[0]));
    buf_put(b, span_of(header + 1, 3));
    buf_u8(b, (uint8_t)lc);
    buf_put(b, data);
}

static bool chain(struct scp_session *s, bool ok, const uint8_t mac[BLOCK])
{
    if (ok)
        memcpy(s->chaining, mac, BLOCK);
    s->chained = true;
    return ok;
}

bool scp02_mac(struct uicc_crypto *c, struct scp_session *s, const uint8_t header[4], size_t lc,
               struct span data, uint8_t mac[SCP_MAC_MAX])
{
    uint8_t bytes[MAC_ROOM], icv[BLOCK];
    struct buf b = buf_of(bytes, sizeof bytes);
    put_command(&b, header, lc, data);
    scp_pad(&b, 0, BLOCK);
    bool ok = buf_ok(&b) && first_value(c, s, icv) && retail_mac(c, s->mac, icv, &b, mac);
    crypto_wipe(bytes, sizeof bytes);
    return chain(s, ok, mac);
}

/* MAC and cipher pad alike (E.4.4, E.4.6), so that what is deciphered has the MAC's padding in it already: 80
 * and zeros. Five octets of header before it, its last block may hold nothing but zeros, and is then not part
 * of what has the MAC. Both MACs are computed, that with the last block and that without, and one is taken.
 */
bool scp02_mac_padded(struct uicc_crypto *c, struct scp_session *s, const uint8_t header[4], size_t n,
                      struct span data, uint8_t mac[SCP_MAC_MAX])
{
    enum { HEADER = 5 };
    uint8_t bytes[MAC_ROOM], icv[BLOCK], without[BLOCK];
    struct buf b = buf_of(bytes, sizeof bytes);
    put_command(&b, header, n + BLOCK, data);
    buf_fill(&b, 0, BLOCK - HEADER);
    struct buf shorter = b;
    shorter.len -= BLOCK;
    bool ok = buf_ok(&b) && first_value(c, s, icv) && retail_mac(c, s->mac, icv, &b, mac) &&
              retail_mac(c, s->mac, icv, &shorter, without);
    /* All ones when 80 is in the last block: HEADER + n >= data.n. */
    uint8_t with = (uint8_t)(((HEADER + n - data.n) >> (8 * sizeof n - 1)) - 1);
    for (size_t i = 0; ok && i < BLOCK; i++)
        mac[i] = (uint8_t)((mac[i] & with) | (without[i] & ~with));
    crypto_wipe(bytes, sizeof bytes);
    crypto_wipe(without, sizeof without);
    return chain(s, ok, mac);
}

bool scp02_challenge(struct uicc_crypto *c, const struct scp_keys *keys, uint16_t sequence, struct span aid,
                     uint8_t out[SCP02_CHALLENGE])
{
    uint8_t key[KEY], bytes[32], mac[BLOCK];
    struct buf b = buf_of(bytes, sizeof bytes);
    buf_put(&b, aid);
    scp_pad(&b, 0, BLOCK);
    bool ok = keys->len == KEY && derive(c, keys->mac, DERIVE_MAC, sequence, key) &&
              retail_mac(c, key, zero_iv, &b, mac);
    if (ok)
        memcpy(out, mac, SCP02_CHALLENGE);
    crypto_wipe(key, sizeof key);
    return ok;
}

bool scp02_begin(struct uicc_crypto *c, const struct scp_keys *keys, uint16_t sequence,
                 const uint8_t host_challenge[SCP02_HOST_CHALLENGE],
                 const uint8_t card_challenge[SCP02_CHALLENGE], struct scp_session *out)
{
    *out = (struct scp_session){
        .protocol = SCP02, .level = SCP_C_MAC, .mac_len = BLOCK, .key_len = KEY, .sequence = sequence};
    memcpy(out->host_challenge, host_challenge, SCP02_HOST_CHALLENGE);
    memcpy(out->card_challenge, card_challenge, SCP02_CHALLENGE);
    bool ok = keys->len == KEY && derive(c, keys->enc, DERIVE_ENC, sequence, out->enc) &&
              derive(c, keys->mac, DERIVE_MAC, sequence, out->mac) &&
              derive(c, keys->dek, DERIVE_DEK, sequence, out->dek);
    if (!ok)
        crypto_wipe(out, sizeof *out);
    return ok;
}

/* E.4.2: full 3DES MAC under S-ENC; the card over host challenge, sequence counter and card challenge, the
 * host with the former last. */
bool scp02_cryptogram(struct uicc_crypto *c, const struct scp_session *s, enum scp_side side, uint8_t out[8])
{
    uint8_t bytes[24], encrypted[24];
    struct buf b = buf_of(bytes, sizeof bytes);
    if (side == SCP_CARD)
        buf_put(&b, span_of(s->host_challenge, SCP02_HOST_CHALLENGE));
    buf_u16(&b, s->sequence);
    buf_put(&b, span_of(s->card_challenge, SCP02_CHALLENGE));
    if (side == SCP_HOST)
        buf_put(&b, span_of(s->host_challenge, SCP02_HOST_CHALLENGE));
    scp_pad(&b, 0, BLOCK);
    bool ok =
        buf_ok(&b) && des_cbc_encrypt(c, span_of(s->enc, KEY), zero_iv, bytes, encrypted, sizeof encrypted);
    if (ok)
        memcpy(out, encrypted + 16, BLOCK);
    crypto_wipe(encrypted, sizeof encrypted);
    return ok;
}
