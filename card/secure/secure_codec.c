/* SPDX-License-Identifier: Apache-2.0 */
#include "secure_codec.h"

/* What a key or a MAC is for: the first octet of what is hashed. */
enum purpose { FOR_MASTER = 1, FOR_CIPHERS, FOR_MACS, FOR_START, FOR_ANSWER, FOR_END, FOR_MASTER_END };

enum { COUNTER_LEN = 4, MAC_LEN = 16, BLOCK = 16, PAD_FIRST = 0x80 };

static struct span octet_of(const uint8_t *purpose)
{
    return span_of(purpose, 1);
}

bool secure_master_secret(struct uicc_crypto *c, struct span psk, struct span uicc_id,
                          struct span terminal_id, struct secure_master *master)
{
    const uint8_t purpose = FOR_MASTER, lengths[2] = {(uint8_t)uicc_id.n, (uint8_t)terminal_id.n};
    const struct span parts[] = {octet_of(&purpose), span_of(lengths, 2), uicc_id, terminal_id,
                                 span_of(master->id, sizeof master->id)};
    return hmac_sha256(c, psk, parts, 5, master->secret);
}

static bool two_keys(struct uicc_crypto *c, const struct secure_master *master, enum purpose what,
                     struct span rest, uint8_t first[16], uint8_t second[16])
{
    uint8_t keys[32];
    const uint8_t purpose = (uint8_t)what;
    const struct span parts[] = {octet_of(&purpose), rest};
    bool ok = hmac_sha256(c, span_of(master->secret, sizeof master->secret), parts, 2, keys);
    memcpy(first, keys, 16);
    memcpy(second, keys + 16, 16);
    crypto_wipe(keys, sizeof keys);
    return ok;
}

bool secure_connection_keys(struct uicc_crypto *c, const struct secure_master *master,
                            const uint8_t terminal_nonce[SECURE_ID_LEN],
                            const uint8_t uicc_nonce[SECURE_ID_LEN], struct secure_connection *connection)
{
    uint8_t seed[3 * SECURE_ID_LEN];
    memcpy(seed, connection->id, SECURE_ID_LEN);
    memcpy(seed + SECURE_ID_LEN, terminal_nonce, SECURE_ID_LEN);
    memcpy(seed + 2 * SECURE_ID_LEN, uicc_nonce, SECURE_ID_LEN);
    connection->to_uicc.counter = connection->to_terminal.counter = 0;
    return two_keys(c, master, FOR_CIPHERS, span_of(seed, sizeof seed), connection->to_uicc.cipher,
                    connection->to_terminal.cipher) &&
           two_keys(c, master, FOR_MACS, span_of(seed, sizeof seed), connection->to_uicc.mac,
                    connection->to_terminal.mac);
}

bool secure_start_mac(struct uicc_crypto *c, const struct secure_connection *connection, bool by_uicc,
                      struct span algorithms, uint8_t container, uint8_t mac[SECURE_ID_LEN])
{
    const struct secure_way *way = by_uicc ? &connection->to_terminal : &connection->to_uicc;
    const uint8_t purpose = by_uicc ? FOR_ANSWER : FOR_START;
    const struct span parts[] = {octet_of(&purpose), span_of(connection->id, SECURE_ID_LEN), algorithms,
                                 span_of(&container, 1)};
    return aes_cmac(c, span_of(way->mac, sizeof way->mac), parts, 4, mac);
}

bool secure_end_mac(struct uicc_crypto *c, const struct secure_connection *connection,
                    uint8_t mac[SECURE_ID_LEN])
{
    const uint8_t purpose = FOR_END;
    const struct span parts[] = {octet_of(&purpose), span_of(connection->id, SECURE_ID_LEN)};
    return aes_cmac(c, span_of(connection->to_uicc.mac, sizeof connection->to_uicc.mac), parts, 2, mac);
}

bool secure_master_end_mac(struct uicc_crypto *c, const struct secure_master *master,
                           uint8_t mac[SECURE_ID_LEN])
{
    uint8_t key[16], unused[16];
    const uint8_t purpose = FOR_MASTER_END;
    const struct span parts[] = {octet_of(&purpose), span_of(master->id, SECURE_ID_LEN)};
    bool ok = two_keys(c, master, FOR_MASTER_END, SPAN_EMPTY, key, unused) &&
              aes_cmac(c, span_of(key, sizeof key), parts, 2, mac);
    crypto_wipe(key, sizeof key);
    crypto_wipe(unused, sizeof unused);
    return ok;
}

/* ---- sealed APDUs: AES-CBC of counter, APDU and padding with IV zero (the counter makes the first block a
 * new one each time), and a CMAC over that ---- */

static const uint8_t iv_zero[BLOCK];

static void put_counter(uint32_t counter, uint8_t to[COUNTER_LEN])
{
    for (size_t i = 0; i < COUNTER_LEN; i++)
        to[i] = (uint8_t)(counter >> (24 - 8 * i));
}

bool secure_seal(struct uicc_crypto *c, struct secure_way *way, struct span apdu, struct buf *out)
{
    size_t n = (COUNTER_LEN + apdu.n + 1 + BLOCK - 1) / BLOCK * BLOCK;
    uint8_t *to = way->counter != UINT32_MAX ? buf_grow(out, n + MAC_LEN) : NULL;
    if (to == NULL)
        return false;
    put_counter(way->counter + 1, to);
    if (apdu.n > 0)
        memcpy(to + COUNTER_LEN, apdu.p, apdu.n);
    memset(to + COUNTER_LEN + apdu.n, 0, n - COUNTER_LEN - apdu.n);
    to[COUNTER_LEN + apdu.n] = PAD_FIRST;
    const struct span sealed = {to, n};
    bool ok = aes_cbc_encrypt(c, span_of(way->cipher, sizeof way->cipher), iv_zero, to, to, n) &&
              aes_cmac(c, span_of(way->mac, sizeof way->mac), &sealed, 1, to + n);
    if (!ok)
        crypto_wipe(to, n + MAC_LEN);
    way->counter += ok;
    return ok;
}

/* Padding: what is behind the last octet that is not zero, which must be 80. */
static bool unpad(struct span *s)
{
    while (s->n > 0 && s->p[s->n - 1] == 0)
        s->n--;
    if (s->n == 0 || s->p[s->n - 1] != PAD_FIRST)
        return false;
    s->n--;
    return true;
}

bool secure_open(struct uicc_crypto *c, struct secure_way *way, struct span sealed, struct buf *room,
                 struct span *apdu)
{
    uint8_t mac[MAC_LEN], expected[COUNTER_LEN];
    *apdu = SPAN_EMPTY;
    if (sealed.n < BLOCK + MAC_LEN || sealed.n % BLOCK != 0 || way->counter == UINT32_MAX)
        return false;
    const struct span ciphered = span_slice(sealed, 0, sealed.n - MAC_LEN);
    if (!aes_cmac(c, span_of(way->mac, sizeof way->mac), &ciphered, 1, mac) ||
        !crypto_equal(mac, sealed.p + ciphered.n, MAC_LEN))
        return false;
    uint8_t *plain = buf_grow(room, ciphered.n);
    if (plain == NULL ||
        !aes_cbc_decrypt(c, span_of(way->cipher, sizeof way->cipher), iv_zero, ciphered.p, plain, ciphered.n))
        return false;
    put_counter(way->counter + 1, expected);
    struct span s = span_slice(span_of(plain, ciphered.n), COUNTER_LEN, ciphered.n);
    if (memcmp(plain, expected, COUNTER_LEN) != 0 || !unpad(&s)) {
        crypto_wipe(plain, ciphered.n);
        return false;
    }
    way->counter++;
    *apdu = s;
    return true;
}
