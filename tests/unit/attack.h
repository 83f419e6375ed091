/* SPDX-License-Identifier: Apache-2.0
 *
 * What tests of the receiver share: a card with a keyset of every algorithm, remote file management at
 * several security levels, and packets under any of its keys.
 */
#ifndef TESTS_ATTACK_H
#define TESTS_ATTACK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "card_fixture.h"
#include "hex.h"
#include "sms.h"

/* Versions: 1 AES-128 (the active pair's); common ones: 2 3DES with two keys, 3 with three, 4 AES-256 with a
 * checksum of 4 octets, 5 AES-192, 6 DES, 7 ciphers in 3DES and signs in AES. TARs: B00020 asks for a
 * checksum and no more, B00021 for ciphering, B00022 for a redundancy check, B00023 for nothing. */
#define ATTACK_PROFILE                                                                                       \
    "format: 1\ninclude: test\nname: attack\n"                                                               \
    "applets:\n"                                                                                             \
    "  - {class: rfm, name: signed, start: MF/ADF.USIM, tars: [B00020], msl: 02, access: [pin1, adm1]}\n"    \
    "  - {class: rfm, name: ciphered, start: MF/ADF.USIM, tars: [B00021], msl: 04, access: []}\n"            \
    "  - {class: rfm, name: redundant, start: MF/ADF.USIM, tars: [B00022], msl: 01, access: []}\n"           \
    "  - {class: rfm, name: open, start: MF/ADF.USIM, tars: [B00023], msl: 00, access: []}\n"                \
    "keysets:\n" ATTACK_KEYSET(2, "3des", 128, "3des", 128, 8) ATTACK_KEYSET(3, "3des", 192, "3des", 192, 8) \
        ATTACK_KEYSET(4, "aes", 256, "aes", 256, 4) ATTACK_KEYSET(5, "aes", 192, "aes", 192, 8)              \
            ATTACK_KEYSET(6, "des", 64, "des", 64, 8) ATTACK_KEYSET(7, "3des", 128, "aes", 128, 8)
#define ATTACK_KEYSET(version, kic, kic_bits, kid, kid_bits, mac)                                            \
    "  - ota:\n      version: " #version "\n      kic: {algorithm: " kic ", bits: " #kic_bits                \
    ", key: derived}\n"                                                                                      \
    "      kid: {algorithm: " kid ", bits: " #kid_bits ", mac: " #mac ", key: derived}\n"                    \
    "      kik: {bits: " #kic_bits ", key: derived}\n    rights: [remote-change, admin]\n"

enum { ATTACK_VERSIONS = 7, ATTACK_PARTS = 8 };

struct attack_packet {
    unsigned version; /* of the keyset; 0: none */
    uint16_t spi;
    const char *tar;
    const char *script; /* hex */
    uint64_t cntr;
    uint8_t kid; /* for a redundancy check: 01 CRC 16, 05 CRC 32; else the keyset's */
};

static inline void attack_keys(struct fixture *f, unsigned version, struct keyset *keys)
{
    struct profile_pair pair;
    struct profile_keyset common;
    const struct span seed = span_of(f->seed, sizeof f->seed);
    if (version == 1) {
        assert_true(personal_pair(f->crypto, &f->profile->p, seed, FIXTURE_ICCID, 0, &pair));
        *keys = pair.ota;
    } else {
        assert_true(personal_keyset(f->crypto, &f->profile->p, seed, FIXTURE_ICCID, version - 2, &common));
        *keys = common.keys;
    }
    assert_int_equal(keys->version, version);
}

/* From CPL on. */
static inline size_t attack_build(struct fixture *f, const struct attack_packet *a, uint8_t *to, size_t room)
{
    uint8_t script[2048];
    struct keyset keys = {0};
    struct scp80_command c = {.spi1 = (uint8_t)(a->spi >> 8), .spi2 = (uint8_t)a->spi};
    struct buf s = buf_of(script, sizeof script), out = buf_of(to, room), tar = buf_of(c.tar, 3);
    if (a->version != 0) {
        attack_keys(f, a->version, &keys);
        c.kic = keyset_kic_octet(&keys);
        c.kid = keyset_kid_octet(&keys);
    }
    if (a->kid != 0)
        c.kid = a->kid;
    assert_true(hex_parse(a->tar, &tar, NULL) && hex_parse(a->script, &s, NULL));
    for (int i = 0; i < 5; i++)
        c.cntr[i] = (uint8_t)(a->cntr >> (8 * (4 - i)));
    assert_true(scp80_command_build(f->crypto, a->version != 0 ? &keys : NULL, &c, buf_span(&s), &out));
    return out.len;
}

struct attack_taking {
    struct fixture_message *to;
    size_t n;
};

static inline bool attack_take(void *ctx, unsigned nth, struct span tpdu)
{
    struct attack_taking *t = ctx;
    if (nth >= ATTACK_PARTS)
        return false;
    t->to[nth].n = fixture_wrap(tpdu, t->to[nth].apdu);
    t->n = nth + 1;
    return true;
}

/* The packet in ENVELOPEs; how many. */
static inline size_t attack_split(struct span packet, uint8_t ref, struct fixture_message to[ATTACK_PARTS])
{
    static const uint8_t from[] = {0x05, 0x81, 0x21, 0x43, 0xF5};
    struct attack_taking t = {to, 0};
    assert_true(sms_packet_split(packet, ref, span_of(from, sizeof from), attack_take, &t));
    return t.n;
}

/* One user data, UDHL first if `udhi`, in an ENVELOPE. */
static inline size_t attack_envelope(struct span user_data, bool udhi, uint8_t pid, uint8_t dcs,
                                     uint8_t apdu_out[261])
{
    uint8_t octets[SMS_TPDU_MAX];
    struct buf tpdu = buf_of(octets, sizeof octets);
    const uint8_t head[] = {
        udhi ? 0x44 : 0x04, 0x05, 0x81, 0x21, 0x43, 0xF5, pid, dcs, 0, 0x10, 0x10, 0, 0, 0, 0};
    buf_put(&tpdu, span_of(head, sizeof head));
    buf_u8(&tpdu, (uint8_t)user_data.n);
    buf_put(&tpdu, user_data);
    assert_true(buf_ok(&tpdu));
    return fixture_wrap(buf_span(&tpdu), apdu_out);
}

#endif
