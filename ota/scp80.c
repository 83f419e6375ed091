/* SPDX-License-Identifier: Apache-2.0 */
#include "scp80.h"

/* Command packet, TS 102 225 5.1: CPL 2, CHL 1, SPI 2, KIc 1, KID 1, TAR 3 | CNTR 5, PCNTR 1, RC/CC/DS, data,
 * padding. Response packet, 5.2: RPL 2, RHL 1, TAR 3 | CNTR 5, PCNTR 1, status 1, RC/CC/DS, data, padding.
 * Ciphering covers what stands right of the bar. */
enum {
    COMMAND_CLEAR = 10, /* CPL to TAR */
    COMMAND_FIXED = 6,  /* CNTR, PCNTR */
    CHL_MIN = 13,       /* SPI to PCNTR */
    RESPONSE_CLEAR = 6, /* RPL to TAR */
    RESPONSE_FIXED = 7, /* CNTR, PCNTR, status */
    RHL_MIN = 10,       /* TAR to status */
    CHECK_MAX = 8,
    BLOCK_MAX = 16,
};

/* TS 31.115 5: the user data header of a response packet, which its RC/CC/DS covers as well. */
static const uint8_t response_udh[3] = {0x02, 0x71, 0x00};

const char *scp80_status_text(unsigned status)
{
    static const char *const text[] = {
        "PoR OK",
        "RC/CC/DS failed",
        "CNTR low",
        "CNTR high",
        "CNTR blocked",
        "ciphering error",
        "unidentified security error",
        "insufficient memory to process the message",
        "more time needed",
        "TAR unknown",
        "insufficient security level",
        "actual response follows in SMS-SUBMIT",
        "actual response follows in USSD",
    };
    return status < sizeof text / sizeof text[0] ? text[status] : "reserved response status code";
}

/* ---- algorithms ---- */

/* Bits 4-1 of KIc and KID, TS 102 225 5.1.2 and 5.1.3. What is implicit (0) or proprietary (3) cannot be
 * interpreted; DES in ECB mode (0D) was never fit for use. */
static enum ota_algorithm algorithm_of(uint8_t octet)
{
    switch (octet & 0x0F) {
    case 0x01:
        return OTA_DES;
    case 0x05: /* 2 keys */
    case 0x09: /* 3 keys */
        return OTA_3DES;
    case 0x02:
        return OTA_AES;
    default:
        return OTA_NONE;
    }
}

static uint8_t key_len_of(uint8_t octet)
{
    switch (octet & 0x0F) {
    case 0x01:
        return 8;
    case 0x09:
        return 24;
    default:
        return 16; /* for AES the octet does not tell */
    }
}

static size_t block_of(unsigned algorithm)
{
    return algorithm == OTA_AES ? 16 : algorithm == OTA_NONE ? 1 : 8;
}

static bool cbc(struct uicc_crypto *crypto, const struct keyset *keys, bool encrypt, uint8_t *p, size_t n)
{
    static const uint8_t iv[BLOCK_MAX] = {
        0}; /* TS 102 225 5.1.2: zero; CNTR in the first block makes messages differ */
    struct span key = span_of(keys->kic, keys->kic_len);
    switch (keys->kic_algorithm) {
    case OTA_DES:
    case OTA_3DES:
        return encrypt ? des_cbc_encrypt(crypto, key, iv, p, p, n)
                       : des_cbc_decrypt(crypto, key, iv, p, p, n);
    case OTA_AES:
        return encrypt ? aes_cbc_encrypt(crypto, key, iv, p, p, n)
                       : aes_cbc_decrypt(crypto, key, iv, p, p, n);
    default:
        return false;
    }
}

/* RC of TS 102 225 5.1.3.2: the CRCs of ISO/IEC 13239 (least significant bit first, preset to ones,
 * complemented), most significant octet first in the packet. n is 2 or 4. */
static void redundancy_check(const struct span *parts, size_t n_parts, size_t n, uint8_t out[CHECK_MAX])
{
    const uint32_t ones = n == 2 ? 0xFFFF : 0xFFFFFFFF;
    const uint32_t polynomial = n == 2 ? 0x8408 : 0xEDB88320;
    uint32_t crc = ones;
    for (size_t i = 0; i < n_parts; i++)
        for (size_t j = 0; j < parts[i].n; j++) {
            crc ^= parts[i].p[j];
            for (int bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ ((crc & 1) != 0 ? polynomial : 0);
        }
    crc ^= ones;
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(crc >> (8 * (n - 1 - i)));
}

/* SPI2 codes the check of the PoR in bits 4-3 as SPI1 codes that of the command in bits 2-1. */
static unsigned por_check(uint8_t spi2)
{
    return ((unsigned)spi2 & SPI2_POR_CHECK) >> 2;
}

/* RC or CC of n octets (what SPI says, in SPI1's coding). */
static bool compute_check(struct uicc_crypto *crypto, const struct keyset *keys, unsigned check,
                          const struct span *parts, size_t n_parts, size_t n, uint8_t out[CHECK_MAX])
{
    if (check == SPI1_NO_CHECK)
        return true;
    if (check == SPI1_RC) {
        redundancy_check(parts, n_parts, n, out);
        return true;
    }
    struct span key = span_of(keys->kid, keys->kid_len);
    uint8_t mac[16] = {0};
    bool good = false;
    if (keys->kid_algorithm == OTA_AES)
        good = aes_cmac(crypto, key, parts, n_parts, mac);
    else if (keys->kid_algorithm == OTA_DES || keys->kid_algorithm == OTA_3DES)
        good = des_mac(crypto, key, parts, n_parts, mac);
    memcpy(out, mac, n);
    crypto_wipe(mac, sizeof mac);
    return good;
}

/* ---- commands ---- */

static bool por_wanted(uint8_t spi2)
{
    return (spi2 & SPI2_POR) != SPI2_POR_NO;
}

/* What a PoR is to be protected with counts only when the command has a CC: no key is used in an answer to
 * what was not authenticated (design.md, rule 3). */
static bool uses_kic(uint8_t spi1, uint8_t spi2)
{
    return (spi1 & SPI1_CIPHERING) != 0 ||
           ((spi1 & SPI1_CHECK) == SPI1_CC && por_wanted(spi2) && (spi2 & SPI2_POR_CIPHERED) != 0);
}

static bool uses_kid(uint8_t spi1)
{
    return (spi1 & SPI1_CHECK) == SPI1_CC;
}

uint8_t scp80_kic_version(const struct scp80_command *c)
{
    return uses_kic(c->spi1, c->spi2) ? c->kic >> 4 : 0;
}

uint8_t scp80_kid_version(const struct scp80_command *c)
{
    return uses_kid(c->spi1) ? c->kid >> 4 : 0;
}

/* TS 102 225 5.1.3.2: bits 2-1 of KID 01 say CRC, bits 4-3 which. 0: neither of the two that there are. */
static size_t crc_len(uint8_t kid)
{
    return (kid & 0x0F) == 0x01 ? 2 : (kid & 0x0F) == 0x05 ? 4 : 0;
}

/* Does CHL leave room for exactly the check that SPI1 announces? A CC has 8 octets or, when the keyset says
 * so, 4. */
static bool check_len_fits(const struct scp80_command *c, size_t n)
{
    switch (c->spi1 & SPI1_CHECK) {
    case SPI1_NO_CHECK:
        return n == 0;
    case SPI1_RC:
        return crc_len(c->kid) != 0 && n == crc_len(c->kid);
    case SPI1_CC:
        return n == 8 || n == 4;
    default: /* DS: no algorithm for it was ever specified */
        return false;
    }
}

enum scp80_status scp80_command_parse(struct span packet, struct scp80_command *out)
{
    struct reader r = rd_of(packet);
    *out = (struct scp80_command){.packet = packet};
    size_t cpl = rd_u16(&r);
    size_t chl = rd_u8(&r);
    out->spi1 = rd_u8(&r);
    out->spi2 = rd_u8(&r);
    out->kic = rd_u8(&r);
    out->kid = rd_u8(&r);
    rd_copy(&r, out->tar, sizeof out->tar);
    struct reader secured = r;
    rd_copy(&r, out->cntr, sizeof out->cntr);
    out->pcntr = rd_u8(&r);
    if (rd_ok(&secured))
        out->secured = rd_rest(&secured);

    if (!rd_ok(&r) || cpl + 2 != packet.n || chl < CHL_MIN || chl + 1 > cpl)
        return SCP80_UNIDENTIFIED_ERROR;
    /* Reserved bits of SPI are ignored (TS 102 225 5.1.1); reserved codings cannot be. */
    if ((out->spi2 & SPI2_POR) == SPI2_POR || (por_wanted(out->spi2) && por_check(out->spi2) == SPI1_DS))
        return SCP80_UNIDENTIFIED_ERROR;
    if (!check_len_fits(out, chl - CHL_MIN))
        return SCP80_UNIDENTIFIED_ERROR;
    if (uses_kid(out->spi1) && algorithm_of(out->kid) == OTA_NONE)
        return SCP80_UNIDENTIFIED_ERROR;
    if (uses_kic(out->spi1, out->spi2) && algorithm_of(out->kic) == OTA_NONE)
        return SCP80_UNIDENTIFIED_ERROR;
    if ((out->spi1 & SPI1_CIPHERING) != 0 && out->secured.n % block_of(algorithm_of(out->kic)) != 0)
        return SCP80_UNIDENTIFIED_ERROR;
    return SCP80_POR_OK;
}

/* Keys that are the ones the packet names: algorithm, length and version. */
static bool keys_fit(const struct keyset *keys, const struct scp80_command *c)
{
    return (!uses_kic(c->spi1, c->spi2) || c->kic == keyset_kic_octet(keys)) &&
           (!uses_kid(c->spi1) || c->kid == keyset_kid_octet(keys));
}

/* Where the right keys are not there, these make a packet cost what it would have cost with them. */
static void keys_stand_in(const struct scp80_command *c, struct keyset *keys)
{
    *keys = (struct keyset){
        .version = c->kic >> 4,
        .kic_algorithm = (uint8_t)algorithm_of(c->kic),
        .kid_algorithm = (uint8_t)algorithm_of(c->kid),
        .mac_len = CHECK_MAX,
        .kic_len = key_len_of(c->kic),
        .kid_len = key_len_of(c->kid),
    };
}

enum scp80_status scp80_command_open(struct uicc_crypto *crypto, const struct keyset *keys,
                                     struct scp80_command *c, struct buf *work, struct span *data)
{
    *data = SPAN_EMPTY;
    /* The caller may have kept c, or made it himself: lengths count from the packet only. */
    struct scp80_command p;
    if (scp80_command_parse(c->packet, &p) != SCP80_POR_OK)
        return SCP80_UNIDENTIFIED_ERROR;
    const unsigned check = p.spi1 & SPI1_CHECK;
    const bool ciphered = (p.spi1 & SPI1_CIPHERING) != 0;
    const size_t check_len = p.packet.p[2] - (size_t)CHL_MIN;

    bool good = true;
    struct keyset stand_in;
    if (uses_kic(p.spi1, p.spi2) || uses_kid(p.spi1))
        good = keys != NULL && keyset_valid(keys) && keys_fit(keys, &p);
    if (keys == NULL || !good) {
        keys_stand_in(&p, &stand_in);
        keys = &stand_in;
    }
    if (check == SPI1_CC)
        good &= check_len == keys->mac_len;

    const size_t mark = work->len;
    uint8_t *plain = buf_grow(work, p.secured.n);
    if (plain == NULL)
        return SCP80_NO_MEMORY;
    memcpy(plain, p.secured.p, p.secured.n);
    if (ciphered)
        good &= cbc(crypto, keys, false, plain, p.secured.n);

    /* From here on nothing returns early: what the padding says, what the check says, and which of the two
     * was wrong must not show (design.md, rule 3). */
    const size_t head = COMMAND_FIXED + check_len;
    const size_t body = p.secured.n - head;
    const size_t pcntr = plain[SCP80_CNTR_LEN];
    const size_t pcntr_max = ciphered ? block_of(keys->kic_algorithm) - 1 : 0;
    good &= pcntr <= pcntr_max && pcntr <= body;

    /* TS 102 225 5.1.3: RC/CC run over all fields before them, and the data with its padding. */
    const struct span parts[] = {
        span_slice(p.packet, 0, COMMAND_CLEAR),
        span_of(plain, COMMAND_FIXED),
        span_of(plain + head, body),
    };
    uint8_t expected[CHECK_MAX] = {0};
    good &= compute_check(crypto, keys, check, parts, sizeof parts / sizeof parts[0], check_len, expected);
    good &= crypto_equal(expected, plain + COMMAND_FIXED, check_len);
    crypto_wipe(expected, sizeof expected);

    if (!good) {
        crypto_wipe(plain, p.secured.n);
        work->len = mark;
        return SCP80_CHECK_FAILED;
    }
    memcpy(c->cntr, plain, SCP80_CNTR_LEN);
    c->pcntr = (uint8_t)pcntr;
    *data = span_of(plain + head, body - pcntr);
    return SCP80_POR_OK;
}

static size_t check_len_of(const struct keyset *keys, unsigned check, size_t crc)
{
    return check == SPI1_RC ? crc : check == SPI1_CC && keys != NULL ? keys->mac_len : 0;
}

size_t scp80_command_overhead(const struct keyset *keys, uint8_t spi1, size_t *block)
{
    if (block != NULL)
        *block = (spi1 & SPI1_CIPHERING) != 0 && keys != NULL ? block_of(keys->kic_algorithm) : 1;
    return COMMAND_CLEAR + COMMAND_FIXED + check_len_of(keys, spi1 & SPI1_CHECK, 4);
}

static size_t padding_for(const struct keyset *keys, bool ciphered, size_t n)
{
    if (!ciphered)
        return 0;
    size_t block = block_of(keys->kic_algorithm);
    return (block - n % block) % block;
}

/* Lengths and algorithm are ours to trust only if the keyset is one. */
static bool keys_usable(const struct keyset *keys, bool kic, bool kid)
{
    return (!kic && !kid) ||
           (keys != NULL && keyset_valid(keys) && (!kic || keys->kic_algorithm != OTA_NONE) &&
            (!kid || keys->kid_algorithm != OTA_NONE));
}

/* Where the parts of a packet are in a buffer, and how long: what stays clear, what is fixed of the secured
 * part, then the check, data and padding to the end. */
struct layout {
    size_t from, clear, fixed, check_len;
};

/* Puts the check in its place, and ciphers. false: nothing is left of the packet. */
static bool secure(struct uicc_crypto *crypto, const struct keyset *keys, unsigned check, bool ciphered,
                   const struct layout *l, struct buf *out)
{
    const size_t total = out->len - l->from, head = l->clear + l->fixed;
    uint8_t *packet = out->p + l->from, cc[CHECK_MAX] = {0};
    const struct span parts[] = {
        span_of(packet, head),
        span_of(packet + head + l->check_len, total - head - l->check_len),
    };
    bool good = compute_check(crypto, keys, check, parts, sizeof parts / sizeof parts[0], l->check_len, cc);
    memcpy(packet + head, cc, l->check_len);
    if (good && ciphered)
        good = cbc(crypto, keys, true, packet + l->clear, total - l->clear);
    if (!good) {
        crypto_wipe(packet, total);
        out->len = l->from;
    }
    return good;
}

bool scp80_command_build(struct uicc_crypto *crypto, const struct keyset *keys, const struct scp80_command *c,
                         struct span data, struct buf *out)
{
    const unsigned check = c->spi1 & SPI1_CHECK;
    const bool ciphered = (c->spi1 & SPI1_CIPHERING) != 0;
    if (check == SPI1_DS || (check == SPI1_RC && crc_len(c->kid) == 0))
        return false;
    if ((c->spi2 & SPI2_POR) == SPI2_POR || (por_wanted(c->spi2) && por_check(c->spi2) == SPI1_DS))
        return false;
    const bool kic = uses_kic(c->spi1, c->spi2), kid = uses_kid(c->spi1);
    if (!keys_usable(keys, kic, kid) || ((kic || kid) && !keys_fit(keys, c)))
        return false;
    const size_t check_len = check_len_of(keys, check, crc_len(c->kid));
    const size_t head = COMMAND_FIXED + check_len;
    if (data.n > SCP80_PACKET_MAX)
        return false;
    const size_t padding = padding_for(keys, ciphered, head + data.n);
    const size_t total = COMMAND_CLEAR + head + data.n + padding;
    if (total > SCP80_PACKET_MAX)
        return false;

    const size_t mark = out->len;
    buf_u16(out, (uint16_t)(total - 2));
    buf_u8(out, (uint8_t)(CHL_MIN + check_len));
    buf_u8(out, c->spi1);
    buf_u8(out, c->spi2);
    buf_u8(out, c->kic);
    buf_u8(out, c->kid);
    buf_put(out, span_of(c->tar, sizeof c->tar));
    buf_put(out, span_of(c->cntr, sizeof c->cntr));
    buf_u8(out, (uint8_t)padding);
    buf_fill(out, 0, check_len);
    buf_put(out, data);
    buf_fill(out, 0, padding);
    if (!buf_ok(out)) {
        out->len = mark;
        return false;
    }
    return secure(crypto, keys, check, ciphered,
                  &(const struct layout){mark, COMMAND_CLEAR, COMMAND_FIXED, check_len}, out);
}

/* ---- responses ---- */

bool scp80_response_build(struct uicc_crypto *crypto, const struct keyset *keys, uint8_t spi2,
                          const struct scp80_response *r, struct span data, struct buf *out)
{
    const unsigned check = por_check(spi2);
    const bool ciphered = (spi2 & SPI2_POR_CIPHERED) != 0;
    if (check == SPI1_DS || !keys_usable(keys, ciphered, check == SPI1_CC) || data.n > SCP80_PACKET_MAX)
        return false;
    /* KID of a command that carries a CC says nothing of a CRC: 32 bits then. */
    const size_t check_len = check_len_of(keys, check, crc_len(r->kid) == 2 ? 2 : 4);
    const size_t head = RESPONSE_FIXED + check_len;
    const size_t padding = padding_for(keys, ciphered, head + data.n);
    const size_t total = RESPONSE_CLEAR + head + data.n + padding;
    if (total > SCP80_PACKET_MAX)
        return false;

    const size_t mark = out->len;
    buf_put(out, span_of(response_udh, sizeof response_udh));
    buf_u16(out, (uint16_t)(total - 2));
    buf_u8(out, (uint8_t)(RHL_MIN + check_len));
    buf_put(out, span_of(r->tar, sizeof r->tar));
    buf_put(out, span_of(r->cntr, sizeof r->cntr));
    buf_u8(out, (uint8_t)padding);
    buf_u8(out, r->status);
    buf_fill(out, 0, check_len);
    buf_put(out, data);
    buf_fill(out, 0, padding);
    if (!buf_ok(out)) {
        out->len = mark;
        return false;
    }
    return secure(
        crypto, keys, check, ciphered,
        &(const struct layout){mark, sizeof response_udh + RESPONSE_CLEAR, RESPONSE_FIXED, check_len}, out);
}

/* Takes the secured part of a response as if it had a check of this kind and were ciphered (or not); out and
 * data are set unless MALFORMED or FORGED. `secured` is our own copy. */
static enum scp80_verdict read_response(struct uicc_crypto *crypto, const struct keyset *keys, unsigned check,
                                        bool ciphered, size_t check_len, struct span clear, uint8_t *secured,
                                        size_t n, struct scp80_response *out, struct span *data)
{
    const size_t head = RESPONSE_FIXED + check_len;
    const size_t block = ciphered ? block_of(keys->kic_algorithm) : 1;
    if (n < head || n % block != 0)
        return SCP80_MALFORMED;
    if (ciphered && !cbc(crypto, keys, false, secured, n))
        return SCP80_FORGED;
    const struct span parts[] = {
        clear,
        span_of(secured, RESPONSE_FIXED),
        span_of(secured + head, n - head),
    };
    uint8_t expected[CHECK_MAX] = {0};
    bool good =
        compute_check(crypto, keys, check, parts, sizeof parts / sizeof parts[0], check_len, expected);
    good &= crypto_equal(expected, secured + RESPONSE_FIXED, check_len);
    crypto_wipe(expected, sizeof expected);
    const size_t padding = secured[SCP80_CNTR_LEN];
    if (!good)
        return SCP80_FORGED;
    if (padding >= block || padding > n - head)
        return check == SPI1_NO_CHECK ? SCP80_MALFORMED : SCP80_FORGED;
    memcpy(out->cntr, secured, SCP80_CNTR_LEN);
    out->pcntr = (uint8_t)padding;
    out->status = secured[SCP80_CNTR_LEN + 1];
    *data = span_of(secured + head, n - head - padding);
    return check == SPI1_CC ? SCP80_GENUINE : SCP80_UNPROTECTED;
}

enum scp80_verdict scp80_response_open(struct uicc_crypto *crypto, const struct keyset *keys, uint8_t spi2,
                                       struct span packet, struct scp80_response *out, struct buf *work,
                                       struct span *data)
{
    *out = (struct scp80_response){0};
    *data = SPAN_EMPTY;
    const unsigned check = por_check(spi2);
    const bool ciphered = (spi2 & SPI2_POR_CIPHERED) != 0;
    struct reader r = rd_of(packet);
    struct span udh = rd_take(&r, sizeof response_udh);
    out->packet = span_slice(packet, sizeof response_udh, packet.n);
    size_t rpl = rd_u16(&r);
    size_t rhl = rd_u8(&r);
    rd_copy(&r, out->tar, sizeof out->tar);
    struct span secured = rd_rest(&r);
    if (!rd_ok(&r) || !span_equal(udh, span_of(response_udh, sizeof response_udh)) ||
        rpl + 2 != out->packet.n || rhl < RHL_MIN || rhl + 1 > rpl)
        return SCP80_MALFORMED;
    const size_t check_len = rhl - RHL_MIN;
    const struct span clear = span_slice(packet, 0, sizeof response_udh + RESPONSE_CLEAR);

    const size_t mark = work->len;
    uint8_t *plain = buf_grow(work, secured.n);
    if (plain == NULL)
        return SCP80_MALFORMED;
    memcpy(plain, secured.p, secured.n);

    bool expected = false; /* has it the form that spi2 asked for? */
    if (check == SPI1_NO_CHECK)
        expected = check_len == 0;
    else if (check == SPI1_RC)
        expected = check_len == 2 || check_len == 4;
    else if (check == SPI1_CC)
        expected = keys != NULL && check_len == keys->mac_len;
    expected = expected && keys_usable(keys, ciphered, check == SPI1_CC);

    enum scp80_verdict verdict = SCP80_MALFORMED;
    if (expected)
        verdict = read_response(crypto, keys, check, ciphered, check_len, clear, plain, secured.n, out, data);
    else if (check_len != 0)
        verdict = SCP80_FORGED; /* a check that we did not ask for, or have no key for */
    /* Without a check only sense tells whether it was ciphered: a card that could not read the command
     * answers in clear. */
    bool nonsense = verdict == SCP80_UNPROTECTED && ciphered && check == SPI1_NO_CHECK &&
                    out->status > SCP80_RESPONSE_BY_USSD;
    if (check_len == 0 && (verdict == SCP80_MALFORMED || nonsense)) {
        memcpy(plain, secured.p, secured.n);
        verdict = read_response(crypto, keys, SPI1_NO_CHECK, false, 0, clear, plain, secured.n, out, data);
    }
    if (verdict == SCP80_FORGED || verdict == SCP80_MALFORMED) {
        crypto_wipe(plain, secured.n);
        work->len = mark;
        *data = SPAN_EMPTY;
    }
    return verdict;
}
