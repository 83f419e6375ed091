/* SPDX-License-Identifier: Apache-2.0
 *
 * Security domains: secure channel sessions, every command and word, keys, life cycles, content, power cuts.
 * The host is gp_host.h, with a card of profile `test`.
 */
#include "gp_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hex.h"
#include "registry.h"
#include "security_domain.h"
#include "sw.h"

#define ARA_AID     "A00000015141434C00"

static const struct {
    uint8_t version, level;
    size_t n;
} sessions[] = {
    {0x20, 0x01, 8}, {0x20, 0x03, 8},  {0x30, 0x01, 8},  {0x30, 0x03, 8}, {0x30, 0x11, 8},
    {0x30, 0x13, 8}, {0x30, 0x33, 8},  {0x30, 0x01, 16}, {0x31, 0x33, 8}, {0x31, 0x33, 16},
    {0x32, 0x33, 8}, {0x32, 0x03, 16}, {0x32, 0x13, 16},
};

/* ---- sessions ---- */

static void test_sessions(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h;
    fixture_open(&f, "test");
    for (size_t i = 0; i < sizeof sessions / sizeof sessions[0]; i++) {
        gp_open(&h, &f, ISD_AID, sessions[i].version, sessions[i].level, sessions[i].n);
        gp(&h, "80F28002024F00",
           "E3 .. 4F08 A000000151000000 9F70 01 0F C503 98DC00 CC08 A000000151000000 9000");
        gp(&h, "80CA00E000", "E0 .. *");
        gp(&h, "80CA00D300", "D301 .. 9000");
        assert_int_equal(f.response[2], 0x80 | sessions[i].level);
        gp(&h, "80CA123400", "6A88");
        gp(&h, "80F28002024F00", "E3*");
    }
    fixture_close(&f);
}

static void test_select(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "test");
    exchange(&f, "00A4040008" ISD_AID, "6F .. 8408" ISD_AID "A5 .. 73 21 0607 2A864886FC6B01*");
    /* nothing without a session but to look */
    exchange(&f, "80CA006600", "66 .. 73*");
    exchange(&f, "80CA006700", "67*");
    exchange(&f, "80CA00E000", "E0*");
    exchange(&f, "80CA00CF00", "CF0A988812010000000000*");
    exchange(&f, "80CA004500", "450A*");
    exchange(&f, "80CA004200", "420498881201 9000");
    exchange(&f, "80CA5F5000", "6A88");
    exchange(&f, "80CA9F7F00", "6A88");
    exchange(&f, "80CA00C100", "C102 0000 9000");
    exchange(&f, "80CA00D300", "D301 00 9000");
    exchange(&f, "80CA2F0000", "61*");
    exchange(&f, "80CAFF2100", "FF21*");
    exchange(&f, "80F28002024F00", "6982");
    exchange(&f, "80F0400F08" ISD_AID, "6982");
    exchange(&f, "80E60C0001 00", "6982");
    exchange(&f, "80E8000001 00", "6982");
    exchange(&f, "80E40000024F00", "6982");
    exchange(&f, "80D8000101 00", "6982");
    exchange(&f, "80E2800001 00", "6982");
    exchange(&f, "84F28002024F00", "6985");
    exchange(&f, "88F28002024F00", "6882");
    exchange(&f, "80F2000000", "62*"); /* STATUS of TS 102 221 is there as ever */
    exchange(&f, "80F2FF0000", "6A86");
    /* secure messaging is for those who offer it */
    exchange(&f, "00A40004023F00", "*");
    exchange(&f, "00A4040C07" USIM_AID_PREFIX, "9000");
    exchange(&f, "04B0000001", "6882");
    fixture_close(&f);
}

static void test_initialize(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h = {.f = &f};
    fixture_open(&f, "test");
    gp_keys(&f, 0x20, &h.keys);
    assert_int_equal(gp_select(&h, ISD_AID), 0x9000);
    assert_int_equal(gp_initialize(&h, 0x00, 8), 0x9000); /* the first there is */
    assert_int_equal(h.update[10], 0x20);
    exchange(&f, "8050210008 0102030405060708", "6A88");
    exchange(&f, "8050010008 0102030405060708", "6A88");
    exchange(&f, "8050200108 0102030405060708", "6A86");
    exchange(&f, "8050200007 01020304050607", "6700");
    exchange(&f, "8050200009 010203040506070809", "6700");
    exchange(&f, "8050300009 010203040506070809", "6700");
    /* EXTERNAL AUTHENTICATE: levels, cryptogram, in the clear, without INITIALIZE UPDATE */
    static const uint8_t bad[] = {0x00, 0x02, 0x10, 0x11, 0x13, 0x33, 0x81};
    for (size_t i = 0; i < sizeof bad; i++) {
        assert_int_equal(gp_initialize(&h, 0x20, 8), 0x9000);
        assert_int_equal(gp_authenticate(&h, bad[i]), 0x6A86);
        assert_int_equal(gp_authenticate(&h, 0x01), 0x6985); /* that was the session */
    }
    assert_int_equal(gp_initialize(&h, 0x20, 8), 0x9000);
    exchange(&f, "8082010008 0102030405060708", "6985");
    assert_int_equal(gp_initialize(&h, 0x20, 8), 0x9000);
    h.scp.host_challenge[0] ^= 1; /* another cryptogram under a good MAC */
    assert_int_equal(gp_authenticate(&h, 0x01), 0x6300);
    assert_int_equal(gp_initialize(&h, 0x20, 8), 0x9000);
    h.scp.mac[0] ^= 2; /* a wrong MAC */
    assert_int_equal(gp_authenticate(&h, 0x01), 0x6982);
    /* other keys: another card cryptogram than the host expects, nothing else */
    gp_keys(&f, 0x31, &h.keys);
    h.keys.enc[5] ^= 1;
    exchange(&f, "8050310008 A0A3A6A9ACAFB2B5", "9888*");
    fixture_close(&f);
}

/* The counters: SCP02's moves with a session that was opened, SCP03's with each challenge; both are there
 * after a power cut, and neither repeats. */
static void test_sequence(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h = {.f = &f};
    fixture_open(&f, "test");
    gp_keys(&f, 0x20, &h.keys);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(gp_select(&h, ISD_AID), 0x9000);
        assert_int_equal(gp_initialize(&h, 0x20, 8), 0x9000);
        assert_int_equal(h.update[13], i);
        assert_int_equal(gp_initialize(&h, 0x20, 8), 0x9000);
        assert_int_equal(h.update[13], i);
        assert_int_equal(gp_authenticate(&h, 0x03), 0x9000);
        fixture_restart(&f);
    }
    gp_keys(&f, 0x30, &h.keys);
    uint8_t last[8] = {0};
    for (unsigned i = 1; i < 4; i++) {
        assert_int_equal(gp_select(&h, ISD_AID), 0x9000);
        assert_int_equal(gp_initialize(&h, 0x30, 8), 0x9000);
        assert_int_equal(h.update[12], 0x70);
        assert_int_equal(h.update[31], i);
        assert_memory_not_equal(last, h.update + 13, 8);
        memcpy(last, h.update + 13, 8);
        fixture_restart(&f);
    }
    /* a card that cannot write the counter down opens no session */
    gp_keys(&f, 0x20, &h.keys);
    assert_int_equal(gp_select(&h, ISD_AID), 0x9000);
    assert_int_equal(gp_initialize(&h, 0x20, 8), 0x9000);
    fault_store_cut_at(f.store, 0);
    assert_int_equal(gp_authenticate(&h, 0x01), 0x6581);
    fault_store_cut_at(f.store, -1);
    fixture_close(&f);
}

/* Two sessions begun with one value of SCP02's counter have the same keys: only one of them is opened. With
 * i = 55 they would have the same challenge, too, and what is heard of one could
 * be said again in the other. */
static void test_sequence_on_two_channels(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h = {.f = &f}, other = {.f = &f, .channel = 1};
    fixture_open(&f, "test");
    gp_keys(&f, 0x20, &h.keys);
    gp_keys(&f, 0x20, &other.keys);
    exchange(&f, "0070000001", "019000");
    assert_int_equal(gp_select(&h, ISD_AID), 0x9000);
    assert_int_equal(gp_select(&other, ISD_AID), 0x9000);
    assert_int_equal(gp_initialize(&h, 0x20, 8), 0x9000);
    assert_int_equal(gp_initialize(&other, 0x20, 8), 0x9000);
    assert_memory_equal(h.update + 12, other.update + 12, 2);
    assert_int_equal(gp_authenticate(&h, 0x03), 0x9000);
    assert_int_equal(gp_authenticate(&other, 0x03), 0x6985);
    assert_int_equal(gp_send(&other, "80F28002024F00"), 0x6985);
    gp(&h, "80F28002024F00", "E3*9000");
    assert_int_equal(gp_initialize(&other, 0x20, 8), 0x9000); /* with the next one it is */
    assert_int_equal(gp_authenticate(&other, 0x03), 0x9000);
    gp(&h, "80F28002024F00", "E3*9000");
    fixture_close(&f);
}

static void keep_traced(void *ctx, const struct uicc_trace_event *e)
{
    struct fixture *f = ctx;
    char hex[601];
    hex_format(span_of(e->command, e->command_len), hex);
    snprintf(f->trace, sizeof f->trace, "%s %s", hex, e->detail != NULL ? e->detail : "-");
}

/* A command under secure messaging is traced as it came over the line; what was in it is not described. */
static void test_session_traced(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h;
    uint8_t wrapped[300];
    char expected[610];
    fixture_open(&f, "test");
    gp_open(&h, &f, ISD_AID, 0x30, 0x03, 8);
    f.env.trace = keep_traced;
    size_t n = gp_wrap(&h, "80C2000010D60E1901038202828113058182838485868788", wrapped);
    hex_format(span_of(wrapped, n), expected);
    strcat(expected, " -");
    (void)fixture_transmit(&f, span_of(wrapped, n), false);
    assert_string_equal(f.trace, expected);
    fixture_close(&f);
}

/* What ends a session, and what an attacker may try in it. */
static void test_session_end(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h, other;
    uint8_t first[300], second[300];
    fixture_open(&f, "test");
    for (int which = 0; which < 2; which++) {
        uint8_t version = which == 0 ? 0x20 : 0x30;
        /* again */
        gp_open(&h, &f, ISD_AID, version, 0x01, 8);
        size_t n = gp_wrap(&h, "80F28002024F00", first);
        assert_int_equal(fixture_transmit(&f, span_of(first, n), true), 0x9000);
        assert_int_equal(fixture_transmit(&f, span_of(first, n), true), 0x6982);
        assert_int_equal(gp_send(&h, "80F28002024F00"), 0x6985);
        /* out of order */
        gp_open(&h, &f, ISD_AID, version, 0x03, 8);
        n = gp_wrap(&h, "80F28002024F00", first);
        size_t m = gp_wrap(&h, "80F24002024F00", second);
        assert_int_equal(fixture_transmit(&f, span_of(second, m), true), 0x6982);
        assert_int_equal(fixture_transmit(&f, span_of(first, n), true), 0x6985);
        /* changed */
        gp_open(&h, &f, ISD_AID, version, 0x03, 8);
        n = gp_wrap(&h, "80F28002024F00", first);
        first[n - 1] ^= 1;
        assert_int_equal(fixture_transmit(&f, span_of(first, n), true), 0x6982);
        /* too short for a MAC */
        gp_open(&h, &f, ISD_AID, version, 0x01, 8);
        exchange(&f, "84F28002024F00", "6988");
        assert_int_equal(gp_send(&h, "80F28002024F00"), 0x6985);
        /* in the clear: it does not count, and does not end the session */
        gp_open(&h, &f, ISD_AID, version, 0x01, 8);
        exchange(&f, "80F28002024F00", "6982");
        gp(&h, "80F28002024F00", "E3*9000");
        /* selected anew; left; reset */
        assert_int_equal(gp_select(&h, ISD_AID), 0x9000);
        assert_int_equal(gp_send(&h, "80F28002024F00"), 0x6985);
        gp_open(&h, &f, ISD_AID, version, 0x01, 8);
        exchange(&f, "00A4040C07" USIM_AID_PREFIX, "9000");
        assert_int_equal(gp_send(&h, "80F28002024F00"), 0x6882);
        assert_int_equal(gp_select(&h, ISD_AID), 0x9000);
        assert_int_equal(gp_send(&h, "80F28002024F00"), 0x6985);
        gp_open(&h, &f, ISD_AID, version, 0x01, 8);
        fixture_reset(&f);
        assert_int_equal(gp_select(&h, ISD_AID), 0x9000);
        assert_int_equal(gp_send(&h, "80F28002024F00"), 0x6985);
        /* INITIALIZE UPDATE ends it, too, and between the two nothing else is heard */
        gp_open(&h, &f, ISD_AID, version, 0x01, 8);
        other = h;
        assert_int_equal(gp_initialize(&h, version, 8), 0x9000);
        assert_int_equal(gp_send(&other, "80F28002024F00"), 0x6985);
        assert_int_equal(gp_authenticate(&h, 0x01), 0x6985);
        /* two channels have two sessions; closing one leaves the other */
        gp_open(&h, &f, ISD_AID, version, 0x01, 8);
        exchange(&f, "0070000001", "019000");
        other = (struct gp_host){.f = &f, .channel = 1};
        gp_keys(&f, version, &other.keys);
        assert_int_equal(gp_select(&other, ISD_AID), 0x9000);
        assert_int_equal(gp_initialize(&other, version, 8), 0x9000);
        assert_int_equal(gp_authenticate(&other, 0x03), 0x9000);
        gp(&other, "80F28002024F00", "E3*9000");
        gp(&h, "80F28002024F00", "E3*9000");
        exchange(&f, "0070800100", "9000");
        gp(&h, "80F28002024F00", "E3*9000");
        exchange(&f, "0070000001", "019000");
        assert_int_equal(gp_select(&other, ISD_AID), 0x9000);
        assert_int_equal(gp_send(&other, "80F28002024F00"), 0x6985);
        exchange(&f, "0070800100", "9000");
        /* a channel whose class byte is of the other coding */
        exchange(&f, "0070000500", "9000");
        other = (struct gp_host){.f = &f, .channel = 5};
        gp_keys(&f, version, &other.keys);
        assert_int_equal(gp_select(&other, ISD_AID), 0x9000);
        assert_int_equal(gp_initialize(&other, version, 8), 0x9000);
        assert_int_equal(gp_authenticate(&other, which == 0 ? 0x03 : 0x33), 0x9000);
        gp(&other, "80F28002024F00", "E3*9000");
        exchange(&f, "0070800500", "9000");
    }
    fixture_close(&f);
}

/* ---- GET STATUS ---- */

static void install_ssd(struct gp_host *h, const char *aid_lv, const char *more)
{
    char command[300];
    size_t n = (strlen(SSD_PACKAGE SSD_MODULE) + strlen(aid_lv) + strlen(more)) / 2;
    snprintf(command, sizeof command, "80E60C00%02zx" SSD_PACKAGE SSD_MODULE "%s%s", n, aid_lv, more);
    gp(h, command, "009000");
}

static void test_get_status(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h;
    char aid[48];
    fixture_open(&f, "test");
    gp_open(&h, &f, ISD_AID, 0x30, 0x01, 8);
    gp(&h, "80F28000024F00", "08 A000000151000000 0F 98 9000");
    gp(&h, "80F28002094F07A0000001510000", "E3*9000");
    gp(&h, "80F2800209 4F07A0000001510001", "6A88");
    gp(&h, "80F28002085C044F9F70C5 4F00", "*"); /* in either order */
    gp(&h, "80F2400209 4F00 5C054F9F70C5CC", "E3 .. 4F*9000");
    gp(&h, "80F2400209 4F07A0000000871002", "E3 .. 4F10A0000000871002*9F70 01 07*9000");
    gp(&h, "80F22002024F00", "E3*4F07A00000015153509F700101CE020203*9000");
    gp(&h, "80F2100209 4F07A0000001515350",
       "E3 .. 4F07A0000001515350 9F700101 CE020203 8408A000000151535041 CC08" ISD_AID "9000");
    gp(&h, "80F2100009 4F07A0000001515350", "07A0000001515350 01 00 01 08A000000151535041 9000");
    gp(&h, "80F22000094F07A0000001515350", "07A0000001515350 01 00 9000");
    gp(&h, "80F2100208 4F00 5C02 4F84", "*");
    gp(&h, "80F2300202 4F00", "6A86");
    gp(&h, "80F2800402 4F00", "6A86");
    gp(&h, "80F2800202 5F00", "6A80");
    gp(&h, "80F2800203 4F0101", "6A88");
    gp(&h, "80F2800202 4F01", "6A80");
    gp(&h, "80F2800302 4F00", "6985"); /* nothing to go on with */
    /* more than a response takes: 30 more of 30 octets each */
    for (unsigned i = 0; i < 30; i++) {
        snprintf(aid, sizeof aid, "10F0736F667400000000000000000000%02x", i);
        install_ssd(&h, aid, "01800000");
    }
    gp(&h, "80F2400202 4F00", "E3*6310");
    size_t n = f.response_len;
    assert_true(n > 900 && n <= 1002);
    gp(&h, "80F2400302 4F00", "E3*9000");
    gp(&h, "80F2400302 4F00", "6985");
    /* another subset, another query: not a continuation */
    gp(&h, "80F2400202 4F00", "E3*6310");
    gp(&h, "80F2200302 4F00", "6985");
    fixture_close(&f);
}

/* ---- PUT KEY, DELETE key ---- */

static void put_keys(char *command, size_t room, uint8_t p1, uint8_t p2, uint8_t version, const char *fields)
{
    snprintf(command, room, "80D8%02x%02x%02zx%02x%s", p1, p2, 1 + strlen(fields) / 2, version, fields);
}

static void test_put_key(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h, again;
    for (int which = 0; which < 2; which++) { /* DEK of SCP02: 3DES in ECB; of SCP03: AES in CBC */
        char fields[400] = "", command[600];
        fixture_open(&f, "test");
        gp_open(&h, &f, ISD_AID, which == 0 ? 0x20 : 0x32, 0x03, 8);
        gp_key_field(&h, 0x88, K1, fields);
        gp_key_field(&h, 0x88, K2, fields);
        gp_key_field(&h, 0x88, K3, fields);
        put_keys(command, sizeof command, 0x00, 0x81, 0x3A, fields);
        gp(&h, command, "3A ...... ...... ...... 9000");
        gp(&h, command, "6A80"); /* it is there */
        put_keys(command, sizeof command, 0x3B, 0x81, 0x3B, fields);
        gp(&h, command, "6A88");
        put_keys(command, sizeof command, 0x3A, 0x81, 0x30, fields);
        gp(&h, command, "6A80"); /* 30 is there */
        put_keys(command, sizeof command, 0x00, 0x81, 0x21, fields);
        gp(&h, command, "6A80"); /* no AES keys for SCP02 */
        put_keys(command, sizeof command, 0x00, 0x81, 0x40, fields);
        gp(&h, command, "6A80"); /* no use for that version */
        put_keys(command, sizeof command, 0x00, 0x82, 0x3B, fields);
        gp(&h, command, "6A80"); /* there is no key 4 */
        put_keys(command, sizeof command, 0x00, 0x01, 0x3B, fields);
        gp(&h, command, "6A80"); /* several, and not said so */
        put_keys(command, sizeof command, 0x00, 0x80, 0x3B, fields);
        gp(&h, command, "6A86");
        gp(&h, "80CA00E000", "E0*C004013A8810C004023A8810C004033A8810*");
        /* they open a session */
        again = (struct gp_host){.f = &f, .keys.len = 16};
        struct buf b = buf_of(again.keys.enc, 16);
        assert_true(hex_parse(K1, &b, NULL));
        b = buf_of(again.keys.mac, 16);
        assert_true(hex_parse(K2, &b, NULL));
        b = buf_of(again.keys.dek, 16);
        assert_true(hex_parse(K3, &b, NULL));
        assert_int_equal(gp_select(&again, ISD_AID), 0x9000);
        assert_int_equal(gp_initialize(&again, 0x3A, 8), 0x9000);
        assert_int_equal(gp_authenticate(&again, 0x33), 0x9000);
        /* another DEK: what was said under ENC and MAC must not count a second time */
        struct domain_keyset_info info;
        const struct applet isd = {f.card, applet_issuer_domain(f.card)};
        assert_true(domain_keyset_inspect(isd, 0x39, &info));
        assert_int_equal(info.counter, 1);
        fields[0] = '\0';
        gp_key_field(&again, 0x88, K1, fields);
        put_keys(command, sizeof command, 0x3A, 0x03, 0x3A, fields);
        gp(&again, command, "3A ...... 9000");
        assert_true(domain_keyset_inspect(isd, 0x39, &info));
        assert_int_equal(info.counter, 1);
        /* one key replaced; under another version all three; check value */
        fields[0] = '\0';
        gp_key_field(&again, 0x88, K3, fields);
        put_keys(command, sizeof command, 0x3A, 0x02, 0x3A, fields);
        gp(&again, command, "3A ...... 9000");
        fields[strlen(fields) - 1] ^= 1;
        put_keys(command, sizeof command, 0x3A, 0x02, 0x3A, fields);
        gp(&again, command, "9485");
        fields[0] = '\0';
        gp_key_field(&again, 0x85, K3, fields);
        put_keys(command, sizeof command, 0x3A, 0x02, 0x3A, fields);
        gp(&again, command, "9484");
        fields[0] = '\0';
        gp_key_field(&again, 0x88, K1 K2, fields);
        gp_key_field(&again, 0x88, K2 K3, fields);
        gp_key_field(&again, 0x88, K3 K1, fields);
        put_keys(command, sizeof command, 0x3A, 0x81, 0x3C, fields);
        gp(&again, command, "3C*9000");
        gp(&again, "80CA00E000", "E0*C004013C8820*9000");
        /* single DES by another name, and keys with too few octets */
        fields[0] = '\0';
        gp_key_field(&again, 0x80, K1, fields);
        put_keys(command, sizeof command, 0x00, 0x01, 0x05, fields);
        gp(&again, command, "05 ...... 9000");
        gp(&again, "80D8000103 01 8000", "6A80");
        gp(&again, "80D8000106 01 800411223344", "6A80");
        /* DELETE: a version, an identifier of all, both, none that there is */
        gp(&again, "80E4000003 D2013C", "009000");
        gp(&again, "80E4000003 D2013C", "6A88");
        gp(&again, "80E4000006 D00101 D20131", "009000");
        gp(&again, "80E4000003 D00103", "009000");
        gp(&again, "80CA00E000", "E0 .. C0*9000");
        gp(&again, "80E4000003 D10103", "6A80");
        gp(&again, "80E4000103 D20120", "6A86");
        assert_int_equal(gp_initialize(&again, 0x31, 8), 0x6A88); /* incomplete */
        fixture_close(&f);
    }
}

/* Keys that come again under another version are no new keys: a session that was opened with
 * them is not opened once more. */
static void test_put_key_moved(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h, again;
    struct domain_keyset_info info;
    char fields[400] = "", command[600];
    uint8_t initialize[13] = {0x80, 0x50, 0x3C, 0x00, 0x08}, first[64];
    fixture_open(&f, "test");
    gp_open(&h, &f, ISD_AID, 0x30, 0x03, 8);
    gp_key_field(&h, 0x88, K1, fields);
    gp_key_field(&h, 0x88, K2, fields);
    gp_key_field(&h, 0x88, K3, fields);
    put_keys(command, sizeof command, 0x00, 0x81, 0x3A, fields);
    gp(&h, command, "3A*9000");
    again = (struct gp_host){.f = &f, .keys.len = 16};
    static const char *const keys[] = {K1, K2, K3};
    uint8_t *const to[] = {again.keys.enc, again.keys.mac, again.keys.dek};
    for (int i = 0; i < 3; i++) {
        struct buf b = buf_of(to[i], 16);
        assert_true(hex_parse(keys[i], &b, NULL));
    }
    assert_int_equal(gp_select(&again, ISD_AID), 0x9000);
    assert_int_equal(gp_initialize(&again, 0x3A, 8), 0x9000);
    assert_int_equal(gp_authenticate(&again, 0x01), 0x9000);
    memcpy(first, again.update, sizeof first);
    const size_t n = again.update_len;
    gp_open(&h, &f, ISD_AID, 0x30, 0x03, 8);
    fields[0] = '\0';
    gp_key_field(&h, 0x88, K1, fields);
    gp_key_field(&h, 0x88, K2, fields);
    gp_key_field(&h, 0x88, K3, fields);
    put_keys(command, sizeof command, 0x3A, 0x81, 0x3C, fields);
    gp(&h, command, "3C*9000");
    const struct applet isd = {f.card, applet_issuer_domain(f.card)};
    assert_true(domain_keyset_inspect(isd, 0x39, &info));
    assert_int_equal(info.version, 0x3C);
    assert_int_equal(info.counter, 1);
    /* the same host challenge: another card challenge */
    memcpy(initialize + 5, again.scp.host_challenge, 8);
    assert_int_equal(gp_select(&h, ISD_AID), 0x9000);
    assert_int_equal(fixture_transmit(&f, span_of(initialize, sizeof initialize), true), 0x9000);
    assert_true(n >= 29 && memcmp(f.response + 13, first + 13, 8) != 0);
    /* under another version with another MAC they are new */
    gp_open(&h, &f, ISD_AID, 0x30, 0x03, 8);
    fields[0] = '\0';
    gp_key_field(&h, 0x88, K1, fields);
    gp_key_field(&h, 0x88, K3, fields);
    gp_key_field(&h, 0x88, K2, fields);
    put_keys(command, sizeof command, 0x3C, 0x81, 0x3D, fields);
    gp(&h, command, "3D*9000");
    assert_true(domain_keyset_inspect(isd, 0x39, &info));
    assert_int_equal(info.version, 0x3D);
    assert_int_equal(info.counter, 0);
    fixture_close(&f);
}

/* ---- life cycles ---- */

static void test_card_life(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h;
    fixture_open(&f, "test");
    gp_open(&h, &f, ISD_AID, 0x20, 0x01, 8);
    gp(&h, "80F0800700", "6985");
    gp(&h, "80F0800700", "6985"); /* not back */
    gp(&h, "80F0803300", "6A86");
    gp(&h, "80F0807F00", "9000");
    gp(&h, "80F28002024F00", "E3*9F70017F*9000");
    /* locked: looked at and unlocked */
    gp(&h, "80E60C0001 00", "6985");
    gp(&h, "80E40000094F07A0000000871002", "6985");
    gp(&h, "80E2900003 420101", "6985");
    exchange(&f, "00A4040C07" USIM_AID_PREFIX, "6A82");
    fixture_restart(&f);
    exchange(&f, "00A4040C07" USIM_AID_PREFIX, "6A82");
    gp_open(&h, &f, ISD_AID, 0x30, 0x01, 8);
    gp(&h, "80F0800F00", "9000");
    exchange(&f, "00A4040C07" USIM_AID_PREFIX, "9000");
    gp_open(&h, &f, ISD_AID, 0x30, 0x01, 8);
    gp(&h, "80F080FF00", "9000");
    fixture_restart(&f);
    exchange(&f, "00A4040C07" USIM_AID_PREFIX, "6*");
    exchange(&f, "00A4040008" ISD_AID, "6A82");
    exchange(&f, "00A40004022FE2", "*");
    exchange(&f, "00B000000A", "6985");
    fixture_close(&f);
}

static void test_application_life(void **state)
{
    (void)state;
    struct fixture f;
    struct gp_host h;
    fixture_open(&f, "test");
    gp_open(&h, &f, ISD_AID, 0x20, 0x03, 8);
    gp(&h, "80F0408007 " USIM_AID_PREFIX, "6A88"); /* the whole AID */
    gp(&h, "80F0408010 A0000000871002FFFFFFFF8907090000", "9000");
    gp(&h, "80F0408010 A0000000871002FFFFFFFF8907090000", "6985");
    gp(&h, "80F2400209 4F07A0000000871002", "*9F700187*9000");
    exchange(&f, "00A4040C07" USIM_AID_PREFIX, "6A82");
    gp_open(&h, &f, ISD_AID, 0x20, 0x03, 8);
    gp(&h, "80F0400710 A0000000871002FFFFFFFF8907090000", "9000");
    gp(&h, "80F0400710 A0000000871002FFFFFFFF8907090000", "6985");
    gp(&h, "80F0408008 " ISD_AID, "6985");
    gp(&h, "80F0208008 " ISD_AID, "6A86");
    gp(&h, "80F0608010 A0000000871002FFFFFFFF8907090000", "6A80"); /* no security domain */
    exchange(&f, "00A4040C07" USIM_AID_PREFIX, "9000");
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sessions),         cmocka_unit_test(test_select),
        cmocka_unit_test(test_initialize),       cmocka_unit_test(test_sequence),
        cmocka_unit_test(test_sequence_on_two_channels),
        cmocka_unit_test(test_session_traced),
        cmocka_unit_test(test_session_end),
        cmocka_unit_test(test_get_status),
        cmocka_unit_test(test_put_key),
        cmocka_unit_test(test_put_key_moved),
        cmocka_unit_test(test_card_life),
        cmocka_unit_test(test_application_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
