/* SPDX-License-Identifier: Apache-2.0 */
#include "ota_explain_inner.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "cli.h"
#include "command.h"
#include "ota_build.h"
#include "sms.h"
#include "sw.h"
#include "tlv.h"

static const char clause_command[] = "TS 102 225 5.1";
static const char clause_response[] = "TS 102 225 5.2";

enum { CLEAR_LEN = 10, CHL_MIN = 13, RESPONSE_CLEAR_LEN = 6, RHL_MIN = 10 };

/* ---- names ---- */

struct tar_row {
    const char *name;
    uint8_t tar[3];
    const char *text;
};

/* TS 101 220 annex D reserves 000000 for the issuer security domain and B0xxxx for remote file management;
 * which of the latter means what is the profile's to say, as is the subscription applet's. These are the
 * built-in profiles'. */
static const struct tar_row tars[] = {
    {"isd", {0x00, 0x00, 0x00}, "issuer security domain (remote application management)"},
    {"uicc", {0xB0, 0x00, 0x00}, "remote file management, UICC shared file system"},
    {"usim", {0xB0, 0x00, 0x01}, "remote file management, USIM"},
    {"isim", {0xB0, 0x00, 0x02}, "remote file management, ISIM"},
    {"subscription", {0xBF, 0xFF, 0x3B}, "softuicc's subscription applet"},
};

bool ota_tar_named(const char *name, uint8_t tar[3])
{
    for (size_t i = 0; i < sizeof tars / sizeof tars[0]; i++)
        if (strcmp(tars[i].name, name) == 0) {
            memcpy(tar, tars[i].tar, 3);
            return true;
        }
    return false;
}

static const char *tar_text(struct span tar)
{
    for (size_t i = 0; i < sizeof tars / sizeof tars[0]; i++)
        if (span_equal(tar, span_of(tars[i].tar, 3)))
            return tars[i].text;
    return tar.n > 0 && tar.p[0] == 0xB0 ? "a remote file management application" : "an application's own";
}

static const char *check_name(unsigned check)
{
    static const char *const names[] = {"no check", "RC", "CC", "DS"};
    return names[check & 3];
}

static const char *counter_text(uint8_t spi1)
{
    switch (spi1 & SPI1_COUNTER) {
    case SPI1_NO_COUNTER:
        return "no counter";
    case SPI1_COUNTER_UNCHECKED:
        return "counter there but not checked";
    case SPI1_COUNTER_HIGHER:
        return "counter must be higher than the stored one";
    default:
        return "counter must be one more than the stored one";
    }
}

static const char *por_text(uint8_t spi2)
{
    switch (spi2 & SPI2_POR) {
    case SPI2_POR_NO:
        return "no PoR";
    case SPI2_POR_ALWAYS:
        return "PoR always";
    case SPI2_POR_ON_ERROR:
        return "PoR on error only";
    default:
        return "reserved coding";
    }
}

static const char *algorithm_text(uint8_t octet, bool crc, bool mac)
{
    if ((octet & 0x03) == 0) /* TS 102 225 5.1.2, 5.1.3: whatever bits 4 and 3 are */
        return "algorithm known implicitly";
    switch (octet & 0x0F) {
    case 0x01:
        return crc ? "CRC 16" : "DES in CBC mode";
    case 0x05:
        return crc ? "CRC 32" : "triple DES, outer CBC, two keys";
    case 0x09:
        return crc ? "reserved" : "triple DES, outer CBC, three keys";
    case 0x0D:
        return crc || mac ? "reserved" : "DES in ECB mode";
    case 0x02:
        return crc ? "reserved" : mac ? "AES in CMAC mode" : "AES in CBC mode";
    case 0x03:
    case 0x07:
    case 0x0B:
    case 0x0F:
        return "proprietary";
    default:
        return "reserved";
    }
}

static size_t block_of(uint8_t kic)
{
    switch (kic & 0x0F) {
    case 0x01:
    case 0x05:
    case 0x09:
        return 8;
    case 0x02:
        return 16;
    default:
        return 0;
    }
}

/* ---- keys ---- */

static bool kic_used(uint8_t spi1, uint8_t spi2)
{
    return scp80_kic_version(&(struct scp80_command){.spi1 = spi1, .spi2 = spi2, .kic = 0xF0}) != 0;
}

static bool kid_used(uint8_t spi1, uint8_t spi2)
{
    return scp80_kid_version(&(struct scp80_command){.spi1 = spi1, .spi2 = spi2, .kid = 0xF0}) != 0;
}

static uint8_t algorithm_of(uint8_t octet)
{
    switch (octet & 0x0F) {
    case 0x01:
        return OTA_DES;
    case 0x05:
    case 0x09:
        return OTA_3DES;
    case 0x02:
        return OTA_AES;
    default:
        return OTA_NONE;
    }
}

bool ota_keys_fit(const struct ota_keys *keys, bool need_kic, bool need_kid, uint8_t kic, uint8_t kid,
                  size_t mac_len, struct keyset *out, const char **why)
{
    *out = (struct keyset){0};
    if (keys == NULL || (!keys->has_set && keys->kic_len == 0 && keys->kid_len == 0)) {
        *why = "no keys were given";
        return false;
    }
    if (keys->has_set) {
        *out = keys->set;
        return true;
    }
    if ((need_kic && keys->kic_len == 0) || (need_kid && keys->kid_len == 0)) {
        *why = need_kic && keys->kic_len == 0 ? "no key for ciphering (--kic-key) was given"
                                              : "no key for the CC (--kid-key) was given";
        return false;
    }
    kic = keys->has_kic ? keys->kic : kic;
    kid = keys->has_kid ? keys->kid : kid;
    if (need_kic && need_kid && kic >> 4 != kid >> 4) {
        *why = "KIc and KID name different key versions, which a keyset of softuicc does not have";
        return false;
    }
    out->version = need_kic ? kic >> 4 : kid >> 4;
    out->mac_len = keys->mac_len != 0 ? keys->mac_len : mac_len == 4 ? 4 : 8;
    if (need_kic) {
        out->kic_algorithm = algorithm_of(kic);
        out->kic_len = (uint8_t)keys->kic_len;
        memcpy(out->kic, keys->kic_key, keys->kic_len);
    }
    if (need_kid) {
        out->kid_algorithm = algorithm_of(kid);
        out->kid_len = (uint8_t)keys->kid_len;
        memcpy(out->kid, keys->kid_key, keys->kid_len);
    }
    if (out->version == 0)
        *why = "key version 0 names no key: the high half of KIc and KID is 1 to 15";
    else if ((need_kic && (keyset_kic_octet(out) != kic || out->kic_algorithm == OTA_NONE)) ||
             (need_kid && (keyset_kid_octet(out) != kid || out->kid_algorithm == OTA_NONE)) ||
             !keyset_valid(out))
        *why = "the keys' lengths do not fit the algorithms that KIc and KID name";
    else
        return true;
    crypto_wipe(out, sizeof *out);
    return false;
}

/* ---- command packets ---- */

/* Secured part with the cipher taken off, as far as it can be; for looking at, whatever the check says. */
static bool decipher(struct uicc_crypto *crypto, const struct keyset *keys, uint8_t *p, size_t n)
{
    static const uint8_t iv[16] = {0};
    const struct span key = span_of(keys->kic, keys->kic_len);
    if (keys->kic_algorithm == OTA_AES)
        return n % 16 == 0 && aes_cbc_decrypt(crypto, key, iv, p, p, n);
    if (keys->kic_algorithm == OTA_DES || keys->kic_algorithm == OTA_3DES)
        return n % 8 == 0 && des_cbc_decrypt(crypto, key, iv, p, p, n);
    return false;
}

static bool all_zero(struct span s)
{
    uint8_t seen = 0;
    for (size_t i = 0; i < s.n; i++)
        seen |= s.p[i];
    return seen == 0;
}

/* Why scp80_command_parse does not like it; in its order. */
static void why_malformed(const struct scp80_command *c, struct why *why)
{
    struct reader r = rd_of(c->packet);
    const size_t cpl = rd_u16(&r), chl = rd_u8(&r);
    const unsigned check = c->spi1 & SPI1_CHECK;
    const bool crc = check == SPI1_RC;
    if (c->packet.n < CLEAR_LEN + 6)
        say_because(why, "%zu octets are shorter than the fixed part of a command packet", c->packet.n);
    if (rd_ok(&r) && cpl + 2 != c->packet.n)
        say_because(why, "CPL counts %zu octets, but %zu follow it", cpl, c->packet.n - 2);
    if (rd_ok(&r) && (chl < CHL_MIN || chl + 1 > cpl))
        say_because(why, "CHL %zu is not between 13 and what CPL leaves room for", chl);
    if ((c->spi2 & SPI2_POR) == SPI2_POR)
        say_because(why, "SPI2 asks for a PoR by a reserved coding");
    if (check == SPI1_DS || ((c->spi2 & SPI2_POR) != 0 && (c->spi2 & SPI2_POR_CHECK) == SPI2_POR_DS))
        say_because(why, "SPI asks for a DS, for which no algorithm is specified");
    if (rd_ok(&r) && chl >= CHL_MIN && check != SPI1_DS) {
        size_t n = chl - CHL_MIN;
        size_t crc_len = (c->kid & 0x0F) == 1 ? 2 : (c->kid & 0x0F) == 5 ? 4 : 0;
        if (check == SPI1_NO_CHECK && n != 0)
            say_because(why, "CHL makes room for a check of %zu octets, SPI1 has none", n);
        if (check == SPI1_CC && n != 8 && n != 4)
            say_because(why, "CHL makes room for %zu octets of CC: 8 (or 4) it would have", n);
        if (crc && crc_len == 0)
            say_because(why, "SPI1 has an RC, but KID %02X names neither CRC 16 nor CRC 32", c->kid);
        else if (crc && n != crc_len)
            say_because(why, "CHL makes room for %zu octets of RC, KID asks for %zu", n, crc_len);
    }
    if (kid_used(c->spi1, c->spi2) && algorithm_of(c->kid) == OTA_NONE)
        say_because(why, "KID %02X names no algorithm for a CC that is supported", c->kid);
    if (kic_used(c->spi1, c->spi2) && block_of(c->kic) == 0)
        say_because(why, "KIc %02X names no algorithm that is supported", c->kic);
    else if ((c->spi1 & SPI1_CIPHERING) != 0 && c->secured.n % block_of(c->kic) != 0)
        say_because(why, "the ciphered part has %zu octets, no multiple of the block of %zu", c->secured.n,
                block_of(c->kic));
    if (why->len == 0)
        say_because(why, "the header cannot be interpreted");
}

/* Header fields, as far as they are there. */
static void explain_command_header(struct printer *p, const struct scp80_command *c)
{
    struct reader r = rd_of(c->packet);
    const bool crc = (c->spi1 & SPI1_CHECK) == SPI1_RC;
    const bool kic = kic_used(c->spi1, c->spi2), kid = kid_used(c->spi1, c->spi2);
    struct span s = rd_take(&r, 2);
    if (s.n > 0)
        say_field(p, s, "CPL", clause_command, "command packet length: %u octets follow",
              (unsigned)s.p[0] << 8 | s.p[1]);
    s = rd_take(&r, 1);
    if (s.n > 0)
        say_field(p, s, "CHL", clause_command, "command header length: %u octets, from SPI to the check",
                  s.p[0]);
    s = rd_take(&r, 1);
    if (s.n > 0)
        say_field(p, s, "SPI1", "TS 102 225 5.1.1", "%s, %sciphered, %s%s", check_name(c->spi1),
              (c->spi1 & SPI1_CIPHERING) != 0 ? "" : "not ", counter_text(c->spi1),
              (c->spi1 & SPI1_RESERVED) != 0 ? "; reserved bits set (ignored)" : "");
    s = rd_take(&r, 1);
    if (s.n > 0) {
        if ((c->spi2 & SPI2_POR) == SPI2_POR_NO)
            say_field(p, s, "SPI2", "TS 102 225 5.1.1", "no PoR");
        else
            say_field(p, s, "SPI2", "TS 102 225 5.1.1", "%s, with %s, %sciphered, by %s%s", por_text(c->spi2),
                  check_name((unsigned)c->spi2 >> 2), (c->spi2 & SPI2_POR_CIPHERED) != 0 ? "" : "not ",
                  (c->spi2 & SPI2_POR_SUBMIT) != 0 ? "SMS-SUBMIT" : "SMS-DELIVER-REPORT",
                  (c->spi2 & SPI2_RESERVED) != 0 ? "; reserved bits set (ignored)" : "");
    }
    s = rd_take(&r, 1);
    if (s.n > 0)
        say_field(p, s, "KIc", "TS 102 225 5.1.2", "key version %u, %s%s", c->kic >> 4,
              algorithm_text(c->kic, false, false), kic ? "" : " (not used: nothing is ciphered)");
    s = rd_take(&r, 1);
    if (s.n > 0)
        say_field(p, s, "KID", "TS 102 225 5.1.3", "%s %u, %s%s", crc ? "no key, upper half" : "key version",
              c->kid >> 4, algorithm_text(c->kid, crc, true),
              kid || crc ? "" : " (not used: the command has no CC)");
    s = rd_take(&r, 3);
    if (s.n > 0)
        say_field(p, s, "TAR", "TS 101 220 annex D", "%s", tar_text(s));
    if (!rd_ok(&r) && r.left > 0)
        say_field(p, span_of(r.p, r.left), "rest", clause_command, "cut in the middle of a field");
}

static uint64_t counter_of(struct span cntr)
{
    struct reader r = rd_of(cntr);
    return rd_be(&r, cntr.n);
}

static void judge_counter(const struct ota_explain *e, const struct scp80_command *c, uint64_t counter,
                          struct why *why)
{
    unsigned mode = c->spi1 & SPI1_COUNTER;
    if (mode != SPI1_COUNTER_HIGHER && mode != SPI1_COUNTER_PLUS_ONE)
        return;
    if ((c->spi1 & SPI1_CHECK) != SPI1_CC) {
        say_because(why,
                    "a counter that is to be checked needs a CC: status 0A, insufficient security level");
        return;
    }
    if (!e->has_counter)
        return;
    if (e->counter == UINT64_C(0xFFFFFFFFFF)) /* TS 102 225 5.1.4 */
        say_because(why, "the stored counter has come to its end: status 04, CNTR blocked");
    else if (counter <= e->counter)
        say_because(why, "CNTR %" PRIu64 " is not above the stored %" PRIu64 ": status 02, CNTR low", counter,
                e->counter);
    else if (mode == SPI1_COUNTER_PLUS_ONE && counter != e->counter + 1)
        say_because(why,
                    "CNTR %" PRIu64 " is more than one above the stored %" PRIu64 ": status 03, CNTR high",
                    counter, e->counter);
}

/* What a card's policy may still have against a packet that is in order. */
static void policy_notes(struct printer *p, const struct scp80_command *c)
{
    if ((c->spi1 & (SPI1_CIPHERING | SPI1_CHECK)) != (SPI1_CIPHERING | SPI1_CC))
        say_note(p,
                 "less than CC and ciphering: below the usual minimum security level, which answers 0A (TS "
                 "102 225 5.2.1)");
    if ((c->spi1 & SPI1_CHECK) != SPI1_CC && (c->spi2 & SPI2_POR) != SPI2_POR_NO &&
        (c->spi2 & (SPI2_POR_CHECK | SPI2_POR_CIPHERED)) != 0)
        say_note(p,
                 "without a CC nothing proves who asks: the card uses no key in its PoR, whatever SPI2 says");
    if ((c->spi1 & 0x10) == 0)
        say_note(p, "without a counter that is checked it can be replayed (TS 102 225 5.1.4)");
    if ((kic_used(c->spi1, c->spi2) && (c->kic & 0x0F) == 1) ||
        (kid_used(c->spi1, c->spi2) && (c->kid & 0x0F) == 1))
        say_note(p, "single DES: refused unless the card's profile allows it");
}

/* The secured part in clear: CNTR to padding. Returns false when it makes no sense. */
static bool explain_secured(struct explainer *x, const struct scp80_command *c, struct span plain,
                            size_t check_len, struct why *why)
{
    struct printer *p = &x->out;
    const bool ciphered = (c->spi1 & SPI1_CIPHERING) != 0;
    struct reader r = rd_of(plain);
    struct span s = rd_take(&r, SCP80_CNTR_LEN);
    const uint64_t counter = counter_of(s);
    say_field(p, s, "CNTR", "TS 102 225 5.1.4", "counter %" PRIu64 "%s", counter,
          (c->spi1 & SPI1_COUNTER) == SPI1_NO_COUNTER ? " (not used)" : "");
    s = rd_take(&r, 1);
    const size_t pcntr = s.n > 0 ? s.p[0] : 0;
    say_field(p, s, "PCNTR", clause_command, "%zu octet%s of padding", pcntr, pcntr == 1 ? "" : "s");
    if (check_len > 0)
        say_field(p, rd_take(&r, check_len), check_name(c->spi1), "TS 102 225 5.1.3",
              "check over everything from CPL to the padding but itself");
    if (pcntr > r.left || pcntr >= (ciphered ? block_of(c->kic) : 1)) {
        say_field(p, rd_rest(&r), "data", clause_command, "padding unknown: PCNTR makes no sense");
        say_because(why, "PCNTR %zu %s", pcntr,
                ciphered ? "is a whole block or more than there is" : "in a packet that is not ciphered");
        return false;
    }
    struct span data = rd_take(&r, r.left - pcntr);
    struct span padding = rd_rest(&r);
    struct why script = {"", 0};
    explain_script(p, data, &script);
    if (script.len > 0) /* not the security layer's to refuse: the card answers with a status word */
        say_note(p, "the script will fail: %s", script.text);
    if (padding.n > 0)
        say_field(p, padding, "padding", clause_command, "%s", all_zero(padding) ? "zeros" : "not zeros");
    judge_counter(x->e, c, counter, why);
    return true;
}

/* The CC that these keys would make. */
static bool expected_cc(const struct explainer *x, const struct keyset *keys, const struct scp80_command *c,
                        struct span plain, size_t check_len, uint8_t mac[16])
{
    const struct span parts[] = {
        span_slice(c->packet, 0, CLEAR_LEN),
        span_slice(plain, 0, 6),
        span_slice(plain, 6 + check_len, plain.n),
    };
    const struct span key = span_of(keys->kid, keys->kid_len);
    if (keys->kid_algorithm == OTA_AES)
        return aes_cmac(x->e->crypto, key, parts, 3, mac);
    if (keys->kid_algorithm == OTA_DES || keys->kid_algorithm == OTA_3DES)
        return des_mac(x->e->crypto, key, parts, 3, mac);
    return false;
}

static void why_not_opened(const struct explainer *x, const struct keyset *keys,
                           const struct scp80_command *c, struct span plain, size_t check_len, bool sense,
                           struct why *why)
{
    const bool kic = kic_used(c->spi1, c->spi2), kid = kid_used(c->spi1, c->spi2);
    if (kic && keyset_kic_octet(keys) != c->kic)
        say_because(why, "KIc %02X is not the %02X of the keys given", c->kic, keyset_kic_octet(keys));
    if (kid && keyset_kid_octet(keys) != c->kid)
        say_because(why, "KID %02X is not the %02X of the keys given", c->kid, keyset_kid_octet(keys));
    const unsigned check = c->spi1 & SPI1_CHECK;
    if (check == SPI1_CC && check_len != keys->mac_len)
        say_because(why, "the CC has %zu octets, these keys make %u", check_len, keys->mac_len);
    uint8_t mac[16];
    if (check == SPI1_CC && expected_cc(x, keys, c, plain, check_len, mac) &&
        !crypto_equal(mac, plain.p + 6, check_len)) {
        if ((c->spi1 & SPI1_CIPHERING) != 0 && !sense)
            say_because(why,
                        "CC wrong, and the deciphered padding makes no sense: the key for KIc is another, "
                        "or the packet was changed");
        else
            say_because(why, "CC wrong: the key for KID is another, or the packet was changed");
    }
    if (check == SPI1_RC)
        say_because(why, "RC wrong, or what it covers was changed");
    if (why->len == 0)
        say_because(why, "check failed");
}

void explain_command(struct explainer *x, struct span packet)
{
    struct printer *p = &x->out;
    struct scp80_command c;
    const enum scp80_status parsed = scp80_command_parse(packet, &c);
    struct why why = {"", 0};
    explain_command_header(p, &c);
    if (packet.n >= CLEAR_LEN) {
        x->has_command = true;
        x->has_cntr = false;
        x->spi2 = c.spi2;
        x->kic = c.kic;
        x->kid = c.kid;
    }
    if (parsed != SCP80_POR_OK) {
        if (c.secured.n > 0)
            say_field(p, c.secured, "secured", clause_command,
                  "CNTR and all that follows: not taken apart, the header is wrong");
        why_malformed(&c, &why);
        say_because(&why, "one answer for all of this: 06 or 01, unprotected, or none (TS 102 225 5.2.1)");
        say_verdict(p, REFUSED, why.text);
        return;
    }
    const bool ciphered = (c.spi1 & SPI1_CIPHERING) != 0;
    const bool kic = kic_used(c.spi1, c.spi2), kid = kid_used(c.spi1, c.spi2);
    const size_t check_len = packet.p[2] - (size_t)CHL_MIN;
    struct keyset keys;
    const char *missing = NULL;
    const bool have = ota_keys_fit(x->e->keys, kic, kid, c.kic, c.kid, check_len, &keys, &missing);
    uint8_t *room = malloc(2 * c.secured.n);
    if (room == NULL) {
        say_verdict(p, UNDECIDED, "memory ran out");
        crypto_wipe(&keys, sizeof keys);
        return;
    }
    memcpy(room, c.secured.p, c.secured.n);
    const bool clear = !ciphered || (have && decipher(x->e->crypto, &keys, room, c.secured.n));
    struct buf work = buf_of(room + c.secured.n, c.secured.n);
    struct span data, plain = span_of(room, c.secured.n);
    const enum scp80_status opened = scp80_command_open(x->e->crypto, have ? &keys : NULL, &c, &work, &data);
    bool sense = false;
    if (clear) {
        if (ciphered)
            say_note(p, "deciphered with the key for KIc%s:",
                 opened == SCP80_POR_OK ? "" : ", without proof that it is the right one");
        struct place before = say_rebase(p, room, c.secured.p);
        sense = explain_secured(x, &c, plain, check_len, &why);
        say_restore(p, before);
    } else {
        say_field(p, c.secured, "secured", clause_command, "ciphered from CNTR on");
    }
    policy_notes(p, &c);
    x->has_cntr = opened == SCP80_POR_OK;
    memcpy(x->tar, c.tar, sizeof x->tar);
    memcpy(x->cntr, c.cntr, sizeof x->cntr);
    if (opened == SCP80_POR_OK) {
        const bool good = why.len == 0;
        if (good && (c.spi1 & SPI1_CHECK) == SPI1_CC)
            say_because(&why, "the CC verifies");
        else if (good)
            say_because(&why, "nothing is wrong with its form, and it has no CC to verify");
        say_verdict(p, good ? ACCEPTED : REFUSED, why.text);
    } else if ((kic || kid) && !have) {
        say_because(&why, "%s", missing);
        say_verdict(p, UNDECIDED, why.text);
    } else {
        why_not_opened(x, have ? &keys : &(struct keyset){0}, &c, plain, check_len, sense, &why);
        say_because(&why, "one answer for all of this: 01 or 06, unprotected, or none (TS 102 225 5.2.1)");
        say_verdict(p, REFUSED, why.text);
    }
    crypto_wipe(room, 2 * c.secured.n);
    free(room);
    crypto_wipe(&keys, sizeof keys);
}

/* ---- response packets ---- */

/* Tries what the response may have been asked to be: as the SPI says if there is one, else ciphered with CC,
 * CC, ciphered, plain. */
static enum scp80_verdict try_response(const struct explainer *x, const struct keyset *keys,
                                       struct span whole, struct scp80_response *r, struct buf *work,
                                       struct span *data, uint8_t *spi2)
{
    static const uint8_t guesses[] = {SPI2_POR_CC | SPI2_POR_CIPHERED, SPI2_POR_CC,       SPI2_POR_RC,
                                      SPI2_POR_RC | SPI2_POR_CIPHERED, SPI2_POR_CIPHERED, 0};
    if (x->e->has_spi || x->has_command) {
        *spi2 = x->e->has_spi ? x->e->spi2 : x->spi2;
        return scp80_response_open(x->e->crypto, keys, *spi2, whole, r, work, data);
    }
    enum scp80_verdict first = SCP80_MALFORMED;
    for (size_t i = 0; i < sizeof guesses; i++) {
        *spi2 = guesses[i];
        enum scp80_verdict v = scp80_response_open(x->e->crypto, keys, *spi2, whole, r, work, data);
        if (v == SCP80_GENUINE || v == SCP80_UNPROTECTED)
            return v;
        first = first == SCP80_MALFORMED ? v : first;
    }
    return first;
}

static void explain_response_secured(struct printer *p, struct span plain, size_t check_len, bool cleared)
{
    struct reader r = rd_of(plain);
    struct span s = rd_take(&r, SCP80_CNTR_LEN);
    say_field(p, s, "CNTR", "TS 102 225 5.1.4",
              "counter %" PRIu64 " of the command, if the card could read it", counter_of(s));
    s = rd_take(&r, 1);
    size_t pcntr = s.n > 0 ? s.p[0] : 0;
    say_field(p, s, "PCNTR", clause_response, "%zu octet%s of padding", pcntr, pcntr == 1 ? "" : "s");
    s = rd_take(&r, 1);
    if (s.n > 0)
        say_field(p, s, "status", "TS 102 225 5.2.1", "%s", scp80_status_text(s.p[0]));
    if (check_len > 0)
        say_field(p, rd_take(&r, check_len), "RC/CC/DS", "TS 102 225 5.1.3",
              "check over 02 71 00 and everything from RPL to the padding but itself");
    if (!cleared || pcntr > r.left) {
        say_field(p, rd_rest(&r), "data", clause_response, "response data, and padding");
        return;
    }
    explain_results(p, rd_take(&r, r.left - pcntr));
    s = rd_rest(&r);
    if (s.n > 0)
        say_field(p, s, "padding", clause_response, "%s", all_zero(s) ? "zeros" : "not zeros");
}

static void response_verdict(struct printer *p, enum scp80_verdict v, const struct scp80_response *r,
                             const char *missing)
{
    struct why why = {"", 0};
    switch (v) {
    case SCP80_GENUINE:
        say_because(&why, "the CC verifies; status %02X, %s", r->status, scp80_status_text(r->status));
        say_verdict(p, PROVED, why.text);
        return;
    case SCP80_UNPROTECTED:
        say_because(&why, "no CC; status %02X, %s: anybody can have sent it", r->status,
                scp80_status_text(r->status));
        break;
    case SCP80_FORGED:
        if (missing != NULL)
            say_because(&why, "the check cannot be verified: %s", missing);
        else
            say_because(&why,
                    "the check does not verify: other keys, another SPI, changed on its way, or forged");
        break;
    case SCP80_MALFORMED:
    default:
        say_because(&why, "lengths do not fit: RPL, RHL, padding or block");
        break;
    }
    say_verdict(p, UNPROVED, why.text);
}

/* body: from RPL on; sw: a status word that stood behind it, or empty. */
void explain_response(struct explainer *x, struct span body, struct span sw)
{
    struct printer *p = &x->out;
    struct reader r = rd_of(body);
    struct span s = rd_take(&r, 2);
    if (s.n > 0)
        say_field(p, s, "RPL", clause_response, "response packet length: %u octets follow%s",
              (unsigned)s.p[0] << 8 | s.p[1], ((size_t)s.p[0] << 8 | s.p[1]) + 2 == body.n ? "" : " (wrong)");
    s = rd_take(&r, 1);
    const size_t rhl = s.n > 0 ? s.p[0] : 0;
    if (s.n > 0)
        say_field(p, s, "RHL", clause_response, "response header length: %zu octets, from TAR to the check",
                  rhl);
    s = rd_take(&r, 3);
    if (s.n > 0)
        say_field(p, s, "TAR", "TS 101 220 annex D", "%s", tar_text(s));
    struct span secured = rd_ok(&r) ? rd_rest(&r) : SPAN_EMPTY;

    const size_t check_len = rhl >= RHL_MIN ? rhl - RHL_MIN : 0;
    const uint8_t asked = x->e->has_spi ? x->e->spi2 : x->has_command ? x->spi2 : 0x19;
    struct keyset keys;
    const char *missing = NULL;
    const bool have =
        ota_keys_fit(x->e->keys, (asked & SPI2_POR_CIPHERED) != 0, (asked & SPI2_POR_CHECK) == SPI2_POR_CC,
                     x->kic, x->kid, check_len, &keys, &missing);
    uint8_t *room = malloc(3 + 2 * body.n);
    if (room == NULL) {
        say_verdict(p, UNPROVED, "memory ran out");
        crypto_wipe(&keys, sizeof keys);
        return;
    }
    memcpy(room, "\x02\x71\x00", 3); /* the header that the check covers, whatever stood in the message */
    if (body.n > 0)
        memcpy(room + 3, body.p, body.n);
    struct buf work = buf_of(room + 3 + body.n, body.n);
    struct scp80_response response;
    struct span data;
    uint8_t spi2 = 0;
    enum scp80_verdict v =
        try_response(x, have ? &keys : NULL, span_of(room, 3 + body.n), &response, &work, &data, &spi2);
    const bool cleared = v == SCP80_GENUINE || v == SCP80_UNPROTECTED;
    if (cleared) {
        struct span plain = buf_span(&work);
        if (!span_equal(plain, secured))
            say_note(p, "deciphered with the key for KIc:");
        struct place before = say_rebase(p, plain.p, secured.p);
        explain_response_secured(p, plain, check_len, true);
        say_restore(p, before);
    } else if (secured.n >= 7 + check_len && rhl >= RHL_MIN && secured.p[5] == 0 &&
               secured.p[6] <= SCP80_RESPONSE_BY_USSD) {
        /* No padding and a status that there is: in all likelihood not ciphered. */
        say_note(p, "as it stands, if it is not ciphered:");
        explain_response_secured(p, secured, check_len, true);
    } else if (secured.n > 0) {
        say_field(p, secured, "secured", clause_response,
                  "CNTR, PCNTR, status, check, data: ciphered, or wrong");
    }
    if (sw.n == 2)
        say_field(p, sw, "SW1 SW2", "TS 102 221 10.2", "status word of the ENVELOPE: %s",
              sw_text((sw_t)(sw.p[0] << 8 | sw.p[1])));
    if (v == SCP80_GENUINE && x->has_cntr &&
        (memcmp(response.tar, x->tar, sizeof x->tar) != 0 ||
         memcmp(response.cntr, x->cntr, sizeof x->cntr) != 0))
        say_note(p, "TAR and CNTR are not those of the command before it: the answer to another one");
    response_verdict(p, v, &response, have ? NULL : missing);
    crypto_wipe(room, 3 + 2 * body.n);
    free(room);
    crypto_wipe(&keys, sizeof keys);
}

/* ---- what is it? ---- */

static bool check_len_there_is(size_t n)
{
    return n == 0 || n == 2 || n == 4 || n == 8;
}

/* CHL is 13 and a check, RHL 10 and a check: no number is both. */
static bool looks_command(struct span s)
{
    return s.n > 2 && s.p[2] >= CHL_MIN && check_len_there_is(s.p[2] - (size_t)CHL_MIN);
}

static bool looks_response(struct span s)
{
    return s.n > 2 && s.p[2] >= RHL_MIN && check_len_there_is(s.p[2] - (size_t)RHL_MIN);
}

static bool length_fits(struct span s, size_t trailing)
{
    return s.n >= 2 + trailing && ((size_t)s.p[0] << 8 | s.p[1]) + 2 + trailing == s.n;
}

enum ota_kind explain_kind(const struct ota_explain *e, struct span s)
{
    if (e->as != OTA_KIND_UNKNOWN)
        return e->as;
    struct envelope_sms_pp envelope;
    struct sms_deliver deliver;
    struct sms_submit submit;
    if (explain_envelope_in(s).p != s.p || envelope_sms_pp_parse(s, &envelope))
        return OTA_KIND_ENVELOPE;
    if (span_starts(s, span_of("\x02\x71\x00", 3)))
        return OTA_KIND_RESPONSE;
    if (span_starts(s, span_of("\x02\x70\x00", 3)))
        return OTA_KIND_COMMAND;
    if (length_fits(s, 0) && looks_command(s))
        return OTA_KIND_COMMAND;
    if ((length_fits(s, 0) || length_fits(s, 2)) && looks_response(s))
        return OTA_KIND_RESPONSE;
    if (sms_deliver_parse(s, &deliver))
        return OTA_KIND_DELIVER;
    if (sms_submit_parse(s, &submit))
        return OTA_KIND_SUBMIT;
    /* Damaged, then. */
    if (s.n > 0 && (s.p[0] == 0xD1 || s.p[0] == 0xD2 || s.p[0] == 0xD9))
        return OTA_KIND_ENVELOPE;
    if (s.n > 12 && (s.p[0] & ~0x64) == 0 && s.p[0] != 0 && s.p[1] <= 20 && (s.p[2] & 0x80) != 0)
        return OTA_KIND_DELIVER;
    if (looks_command(s))
        return OTA_KIND_COMMAND;
    if (looks_response(s))
        return OTA_KIND_RESPONSE;
    return OTA_KIND_UNKNOWN;
}

static void explain_input(struct explainer *x, struct span s)
{
    struct printer *p = &x->out;
    p->base = s.p;
    p->offset = 0;
    switch (explain_kind(x->e, s)) {
    case OTA_KIND_COMMAND:
        say_section(p, "command packet");
        if (span_starts(s, span_of("\x02\x70\x00", 3))) {
            explain_udh(p, span_slice(s, 0, 3));
            s = span_slice(s, 3, s.n);
        }
        explain_command(x, s);
        break;
    case OTA_KIND_RESPONSE: {
        say_section(p, "response packet");
        if (span_starts(s, span_of("\x02\x71\x00", 3))) {
            explain_udh(p, span_slice(s, 0, 3));
            s = span_slice(s, 3, s.n);
        }
        struct span sw = SPAN_EMPTY;
        if (length_fits(s, 2)) { /* as a card's answer ends */
            sw = span_slice(s, s.n - 2, 2);
            s = span_slice(s, 0, s.n - 2);
        }
        explain_response(x, s, sw);
        break;
    }
    case OTA_KIND_DELIVER:
        say_section(p, "SMS-DELIVER");
        explain_deliver(x, s);
        break;
    case OTA_KIND_SUBMIT:
        say_section(p, "SMS-SUBMIT");
        explain_submit(x, s);
        break;
    case OTA_KIND_ENVELOPE:
        say_section(p, "ENVELOPE");
        explain_envelope(x, s);
        break;
    case OTA_KIND_UNKNOWN:
    default:
        break;
    }
    say_section_end(p);
}

bool ota_explain(const struct ota_explain *e, const struct span *inputs, size_t n, size_t *which)
{
    for (*which = 0; *which < n; (*which)++)
        if (inputs[*which].n == 0 || explain_kind(e, inputs[*which]) == OTA_KIND_UNKNOWN)
            return false;
    struct explainer x = {.out = {.to = e->to, .json = e->json}, .e = e, .inputs = inputs, .n_inputs = n};
    if (e->json)
        fputs("{\"sections\":[", e->to);
    for (x.at = 0; x.at < n; x.at++)
        explain_input(&x, inputs[x.at]);
    if (e->json)
        fputs("]}\n", e->to);
    return true;
}
