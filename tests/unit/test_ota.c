/* SPDX-License-Identifier: Apache-2.0
 *
 * The receiving applet beyond one message and the compact format: messages in parts both ways, cell
 * broadcast, expanded scripts, chaining (3GPP TS 31.115, ETSI TS 102 226 5.2).
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "card_fixture.h"
#include "hex.h"
#include "pairs.h"
#include "sms.h"
#include "ussd.h"

enum { SPI = 0x1619, PARTS = 8 };

/* A script that does nothing much, n octets long at least: SELECTs of EF.LOCI without data. */
static const char *long_script(char *to, size_t n)
{
    to[0] = '\0';
    for (size_t i = 0; i < n; i += 7)
        strcat(to, "00A4000C026F7E");
    return to;
}

static void assert_por(const struct fixture_por *por, unsigned status, const char *hex)
{
    uint8_t octets[600];
    struct buf b = buf_of(octets, sizeof octets);
    char got[1300];
    assert_true(por->answered);
    assert_int_equal(por->verdict, SCP80_GENUINE);
    assert_int_equal(por->status, status);
    assert_true(hex_parse(hex, &b, NULL));
    hex_format(span_of(por->data, por->n < 600 ? por->n : 600), got);
    if (por->n != b.len || memcmp(por->data, octets, b.len) != 0)
        fail_msg("got %s, want %s", got, hex);
}

/* ---- in parts ---- */

static void test_parts(void **state)
{
    static const unsigned orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}};
    struct fixture *f = *state;
    struct fixture_message m[PARTS];
    struct fixture_por por;
    char script[2000];
    struct fixture_ota ota = {0, SPI, "B00001", long_script(script, 420), 0};
    for (size_t o = 0; o < 3; o++) {
        size_t n = fixture_messages(f, &ota, 0, "12345", m, PARTS);
        assert_int_equal(n, 4);
        for (size_t i = 0; i < 4; i++) {
            fixture_ota_raw(f, &ota, span_of(m[orders[o][i]].apdu, m[orders[o][i]].n), &por);
            assert_int_equal(por.sw, 0x9000);
            if (i < 3)
                assert_false(por.answered);
        }
        assert_por(&por, SCP80_POR_OK, "3C9000");
    }
}

static void test_duplicate_parts(void **state)
{
    struct fixture *f = *state;
    struct fixture_message m[PARTS];
    struct fixture_por por;
    char script[2000];
    struct fixture_ota ota = {0, SPI, "B00001", long_script(script, 200), 0};
    assert_int_equal(fixture_messages(f, &ota, 9, "12345", m, PARTS), 2);
    for (int i = 0; i < 3; i++) {
        fixture_ota_raw(f, &ota, span_of(m[1].apdu, m[1].n), &por);
        assert_false(por.answered);
    }
    fixture_ota_raw(f, &ota, span_of(m[0].apdu, m[0].n), &por);
    assert_por(&por, SCP80_POR_OK, "1D9000");
    /* the whole of it again: a replay */
    fixture_ota_raw(f, &ota, span_of(m[0].apdu, m[0].n), &por);
    assert_false(por.answered);
    fixture_ota_raw(f, &ota, span_of(m[1].apdu, m[1].n), &por);
    assert_int_equal(por.status, SCP80_CNTR_LOW);
}

/* Two senders with the same reference, interleaved; each is answered when it is whole. */
static void test_two_senders(void **state)
{
    struct fixture *f = *state;
    struct fixture_message a[PARTS], b[PARTS];
    struct fixture_por por;
    char script[2000];
    struct fixture_ota ota = {0, SPI, "B00001", long_script(script, 200), 0};
    fixture_messages(f, &ota, 5, "111", a, PARTS);
    fixture_messages(f, &ota, 5, "222", b, PARTS);
    fixture_ota_raw(f, &ota, span_of(a[1].apdu, a[1].n), &por);
    fixture_ota_raw(f, &ota, span_of(b[0].apdu, b[0].n), &por);
    assert_false(por.answered);
    fixture_ota_raw(f, &ota, span_of(a[0].apdu, a[0].n), &por);
    assert_por(&por, SCP80_POR_OK, "1D9000");
    fixture_ota_raw(f, &ota, span_of(b[1].apdu, b[1].n), &por);
    assert_por(&por, SCP80_POR_OK, "1D9000");
}

/* What has arrived is forgotten at reset: the card has no clock it can trust. And it costs memory
 * only as long as it is there. */
static void test_reset_in_between(void **state)
{
    struct fixture *f = *state;
    struct fixture_message m[PARTS];
    struct fixture_por por;
    char script[2000];
    struct fixture_ota ota = {0, SPI, "B00001", long_script(script, 200), 0};
    size_t before = uicc_footprint(f->card);
    fixture_messages(f, &ota, 5, "111", m, PARTS);
    fixture_ota_raw(f, &ota, span_of(m[0].apdu, m[0].n), &por);
    assert_true(uicc_footprint(f->card) > before + 4096);
    fixture_reset(f);
    assert_true(uicc_footprint(f->card) <= before + 64);
    fixture_ota_raw(f, &ota, span_of(m[1].apdu, m[1].n), &por);
    assert_false(por.answered);
    fixture_ota_raw(f, &ota, span_of(m[0].apdu, m[0].n), &por);
    assert_int_equal(por.status, SCP80_POR_OK);
    assert_true(uicc_footprint(f->card) < before + 4096);
}

static void test_changed_parts(void **state)
{
    struct fixture *f = *state;
    struct fixture_message m[PARTS];
    struct fixture_por por;
    char script[2000];
    size_t n, k;
    struct fixture_ota ota = {0, SPI, "B00001", long_script(script, 200), 0};
    fixture_messages(f, &ota, 5, "111", m, PARTS);
    uint8_t *before = fixture_snapshot(f, &n);
    for (size_t i = 60; i < m[1].n; i += 3) { /* in the second part, which is all ciphered text */
        fixture_reset(f);
        struct fixture_message changed = m[1];
        changed.apdu[i] ^= 0x80;
        fixture_ota_raw(f, &ota, span_of(m[0].apdu, m[0].n), &por);
        fixture_ota_raw(f, &ota, span_of(changed.apdu, changed.n), &por);
        assert_true(por.answered);
        assert_int_equal(por.verdict, SCP80_UNPROTECTED);
        assert_int_equal(por.status, SCP80_UNIDENTIFIED_ERROR);
    }
    uint8_t *after = fixture_snapshot(f, &k);
    assert_int_equal(n, k);
    assert_memory_equal(before, after, n);
    free(before);
    free(after);
}

/* ---- long answers: 0B in the report, then as many messages as it takes ---- */

static uint16_t reference_of_last; /* of the concatenated message that fetch_submit had last */

static size_t fetch_submit(struct fixture *f, uint8_t *to, unsigned expected_total)
{
    struct sms_submit sms;
    struct sms_udh udh;
    struct span content, tpdu;
    size_t n = 0;
    for (unsigned part = 1; part <= expected_total; part++) {
        assert_int_equal(f->response[f->response_len - 2], 0x91);
        const uint8_t fetch[5] = {0x80, 0x12, 0, 0, f->response[f->response_len - 1]};
        assert_int_equal(fixture_transmit(f, span_of(fetch, 5), false), 0x9000);
        assert_true(tlv_find(span_of(f->response, f->response_len - 2), 0xD0, &content));
        assert_true(ctlv_find(content, 0x0B, 0, &tpdu));
        assert_true(sms_submit_parse(tpdu, &sms));
        assert_true(sms.has_udh && sms_udh_parse(sms.user_data, &udh));
        assert_int_equal(udh.response_packet, part == 1);
        if (expected_total > 1) {
            assert_int_equal(udh.total, expected_total);
            assert_int_equal(udh.part, part);
            assert_true(part == 1 || udh.reference == reference_of_last);
            reference_of_last = udh.reference;
        }
        if (part == 1) {
            memcpy(to, "\x02\x71\x00", 3);
            n = 3;
        }
        memcpy(to + n, udh.body.p, udh.body.n);
        n += udh.body.n;
        answer_proactive(f, 0, "", "9*");
    }
    assert_int_equal(f->response[f->response_len - 2], 0x90);
    return n;
}

/* A terminal takes 128 octets for the report (TS 31.111 7.1.1.2), and not one more. */
static void test_report_length(void **state)
{
    struct fixture *f = *state;
    struct fixture_por por = {0};
    size_t longest = 0;
    exchange(f, "0020000A083132333435363738", "9*");
    exchange(f, "00E0000019" "6217" "82024121" "83022F30" "8A0105" "8B032F0601" "800200A0" "8801E8", "9*");
    for (unsigned n = 0x40; n < 0x80 && por.status != SCP80_RESPONSE_BY_SUBMIT; n++) {
        char script[80];
        snprintf(script, sizeof script, "00A4000C022F30" "00B00000%02X", n);
        const struct fixture_ota ota = {0, SPI, "B00000", script, 0};
        fixture_ota(f, &ota, &por);
        assert_true(por.answered);
        assert_true(f->response_len - 2 <= 128);
        if (por.status == SCP80_POR_OK && f->response_len - 2 > longest)
            longest = f->response_len - 2;
    }
    assert_int_equal(por.status, SCP80_RESPONSE_BY_SUBMIT);
    assert_true(longest > 112);
}

static void test_long_answer(void **state)
{
    struct fixture *f = *state;
    struct fixture_por por;
    uint8_t response[1000];
    /* EF.SMS: 176 octets a record; all that fits a short message by far */
    struct fixture_ota ota = {0, SPI, "B00001", "00A4000C026F3C00B20104B0", 0};
    fixture_ota(f, &ota, &por);
    assert_int_equal(por.verdict, SCP80_GENUINE);
    assert_int_equal(por.status, SCP80_RESPONSE_BY_SUBMIT);
    assert_int_equal(por.n, 0);
    size_t n = fetch_submit(f, response, 2);
    fixture_open_por(f, &ota, span_of(response, n), &por);
    assert_int_equal(por.verdict, SCP80_GENUINE);
    assert_int_equal(por.status, SCP80_POR_OK);
    assert_int_equal(por.n, 3 + 176);
    assert_memory_equal(por.data, "\x02\x90\x00", 3);
    /* the next has another reference: whoever puts them together does not take a part of the one for the
     * other's (TS 23.040 9.2.3.24.1) */
    const uint16_t reference = reference_of_last;
    unsigned same = 0;
    for (int i = 0; i < 3; i++) {
        fixture_ota(f, &ota, &por);
        (void)fetch_submit(f, response, 2);
        same += reference_of_last == reference;
    }
    assert_true(same < 3);
    /* asked for by SUBMIT although it is short */
    ota.spi = 0x1639;
    ota.script = "00A4000C026F7E";
    fixture_ota(f, &ota, &por);
    assert_int_equal(por.status, SCP80_RESPONSE_BY_SUBMIT);
    n = fetch_submit(f, response, 1);
    fixture_open_por(f, &ota, span_of(response, n), &por);
    assert_por(&por, SCP80_POR_OK, "019000");
    /* a terminal that sends nothing */
    fixture_reset(f);
    apdu(f, "801000000100", "9000");
    fixture_ota(f, &ota, &por);
    assert_false(por.answered);
}

/* TS 102 223 6.6.9: the answer goes back through the service centre that the ENVELOPE named; without one,
 * through the terminal's own. */
static void test_service_centre(void **state)
{
    struct fixture *f = *state;
    struct fixture_por por;
    uint8_t command[261], bytes[261];
    struct fixture_ota ota = {0, 0x1639, "B00001", "00A4000C026F7E", 0};
    struct span inner, tpdu, content, found;
    static const uint8_t centre[] = {0x91, 0x94, 0x71, 0xF0};
    for (int named = 0; named < 2; named++) {
        size_t n = fixture_envelope(f, &ota, command);
        assert_true(tlv_find(span_of(command + 5, n - 5), 0xD1, &inner) && ctlv_find(inner, 0x0B, 0, &tpdu));
        struct buf e = buf_of(bytes, sizeof bytes);
        buf_put(&e, span_of(command, 5));
        const struct envelope_sms_pp with = {named ? span_of(centre, sizeof centre) : SPAN_EMPTY, tpdu};
        envelope_sms_pp_build(&with, &e);
        assert_true(buf_ok(&e));
        bytes[4] = (uint8_t)(e.len - 5);
        fixture_ota_raw(f, &ota, buf_span(&e), &por);
        assert_int_equal(por.status, SCP80_RESPONSE_BY_SUBMIT);
        const uint8_t fetch[5] = {0x80, 0x12, 0, 0, f->response[f->response_len - 1]};
        assert_int_equal(fixture_transmit(f, span_of(fetch, 5), false), 0x9000);
        assert_true(tlv_find(span_of(f->response, f->response_len - 2), 0xD0, &content));
        assert_int_equal(ctlv_find(content, 0x06, 0, &found), named != 0);
        assert_true(!named || span_equal(found, span_of(centre, sizeof centre)));
        answer_proactive(f, 0, "", "9*");
    }
}

/* A forger makes no device send a message. */
static void test_no_submit_for_forgers(void **state)
{
    struct fixture *f = *state;
    struct fixture_por por;
    uint8_t command[261];
    struct fixture_ota ota = {0, 0x1639, "B00001", "00A4000C026F7E", 0};
    size_t n = fixture_envelope(f, &ota, command);
    command[n - 1] ^= 1;
    fixture_ota_raw(f, &ota, span_of(command, n), &por);
    assert_int_equal(por.verdict, SCP80_UNPROTECTED);
    assert_int_equal(por.status, SCP80_UNIDENTIFIED_ERROR);
    assert_int_equal(por.sw, 0x9000);
    apdu(f, "8012000000", "6985");
}

/* ---- cell broadcast ---- */

static size_t page(uint16_t serial, unsigned number, unsigned total, struct span content, uint16_t identifier,
                   uint8_t out[261])
{
    struct buf b = buf_of(out, 261);
    const uint8_t head[] = {0x80, 0xC2, 0, 0, 96, 0xD2, 94, 0x82, 2, 0x83, 0x81, 0x8C, 88};
    buf_put(&b, span_of(head, sizeof head));
    buf_u16(&b, serial);
    buf_u16(&b, identifier);
    buf_u8(&b, 0x96);
    buf_u8(&b, (uint8_t)(number << 4 | total));
    buf_put(&b, content);
    buf_fill(&b, 0x2B, 82 - content.n);
    return b.len;
}

static void test_cell_broadcast(void **state)
{
    struct fixture *f = *state;
    uint8_t packet[300], command[261];
    const struct fixture_ota short_one = {0, SPI, "B00001", "00A4000C026F7800D60000020004", 0};
    size_t n = fixture_packet(f, &short_one, packet, sizeof packet);
    size_t len = page(1, 1, 1, span_of(packet, n), 0x1080, command);
    assert_int_equal(fixture_transmit(f, span_of(command, len), false), 0x9000); /* nobody to answer to */
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
    exchange(f, "00A4000C026F78", "9*");
    apdu(f, "00B0000002", "00049000");
    /* in two pages, the second first; a page for others does nothing */
    const struct fixture_ota long_one = {
        0, SPI, "B00001",
        "00A4000C026F7E00A4000C026F7E00A4000C026F7E00A4000C026F7E00A4000C026F7E00A4000C026F7E00A4000C026F7E"
        "00A4000C026F7E00A4000C026F7E00A4000C026F7800D60000020008",
        0};
    n = fixture_packet(f, &long_one, packet, sizeof packet);
    assert_true(n > 82);
    len = page(2, 2, 2, span_of(packet + 82, n - 82), 0x109F, command);
    assert_int_equal(fixture_transmit(f, span_of(command, len), false), 0x9000);
    len = page(2, 1, 2, span_of(packet, 82), 0x1000, command);
    assert_int_equal(fixture_transmit(f, span_of(command, len), false), 0x9000);
    apdu(f, "00B0000002", "00049000");
    len = page(2, 1, 2, span_of(packet, 82), 0x109F, command);
    assert_int_equal(fixture_transmit(f, span_of(command, len), false), 0x9000);
    apdu(f, "00B0000002", "00089000");
    command[12] = 87; /* a page that is none */
    assert_int_equal(fixture_transmit(f, span_of(command, len), false), 0x9000);
}

/* ---- expanded format ---- */

static void run(struct fixture *f, const char *script, const char *response)
{
    struct fixture_por por;
    const struct fixture_ota ota = {0, SPI, "B00001", script, 0};
    fixture_ota(f, &ota, &por);
    assert_por(&por, SCP80_POR_OK, response);
}

/* ---- USSD ---- */

/* ENVELOPE (USSD download) with this packet; the answer, opened. */
static void by_ussd(struct fixture *f, const struct fixture_ota *ota, struct fixture_por *por)
{
    uint8_t packet[300], command[261];
    struct buf b = {.p = command, .cap = sizeof command, .len = 5};
    size_t n = fixture_packet(f, ota, packet, sizeof packet);
    memcpy(command, "\x80\xC2\0\0", 4);
    ussd_envelope_build(span_of(packet, n), &b);
    assert_true(buf_ok(&b) && b.len <= 260);
    command[4] = (uint8_t)(b.len - 5);
    fixture_ota_raw(f, ota, buf_span(&b), por);
}

static void test_ussd(void **state)
{
    struct fixture *f = *state;
    struct fixture_por por;
    struct fixture_ota ota = {0, SPI, "B00001", "00A4000C026F7800D60000020004" "00B0000002", 0};
    by_ussd(f, &ota, &por);
    assert_por(&por, SCP80_POR_OK, "0390000004");
    /* a response that is wanted elsewhere: announced with 0C, and in SEND USSD */
    ota.spi = SPI | 0x20;
    ota.script = "00B0000002";
    by_ussd(f, &ota, &por);
    assert_int_equal(por.verdict, SCP80_GENUINE);
    assert_int_equal(por.status, SCP80_RESPONSE_BY_USSD);
    assert_int_equal(f->response[f->response_len - 2], 0x91);
    exchange(f, "80120000" "00", "D0*");
    const struct span fetched = span_of(f->response, f->response_len - 2);
    struct span inner, details, response;
    assert_true(tlv_find(fetched, 0xD0, &inner) && ctlv_find(inner, 0x01, 0, &details) &&
                details.p[1] == 0x12);
    assert_true(ussd_response_parse(inner, &response));
    fixture_open_por(f, &ota, response, &por);
    assert_int_equal(por.verdict, SCP80_GENUINE);
    assert_int_equal(por.status, SCP80_POR_OK);
    assert_int_equal(por.data[1], 0x69); /* no EF selected: the script began anew */
    exchange(f, "801400000C" "8103" "011200" "82028281" "830100", "9000");
    /* what is authentic and too late is told so the same way */
    ota.counter = 1;
    by_ussd(f, &ota, &por);
    assert_int_equal(por.verdict, SCP80_GENUINE); /* its counter is used up, says the signed answer */
    exchange(f, "80120000" "00", "D0*");
    exchange(f, "801400000C" "8103" "021200" "82028281" "830100", "9000");
    /* a forger gets the answer that forgers get, and nothing is sent for him */
    uint8_t packet[300], command[261];
    struct buf b = {.p = command, .cap = sizeof command, .len = 5};
    ota.counter = 0;
    size_t n = fixture_packet(f, &ota, packet, sizeof packet);
    packet[n - 1] ^= 1;
    memcpy(command, "\x80\xC2\0\0", 4);
    ussd_envelope_build(span_of(packet, n), &b);
    command[4] = (uint8_t)(b.len - 5);
    fixture_ota_raw(f, &ota, buf_span(&b), &por);
    assert_int_equal(por.verdict, SCP80_UNPROTECTED);
    assert_int_equal(por.status, SCP80_UNIDENTIFIED_ERROR);
    apdu(f, "8012000000", "6985");
}

/* Other strings are none of the receiver's business. */
static void test_ussd_for_others(void **state)
{
    struct fixture *f = *state;
    static const char *const others[] = {
        "80C200000AD908" "82028381" "8A020FAA",              /* text, no data coding with a header */
        "80C200000DD90B" "82028381" "8A0596027100" "00",     /* a response packet */
        "80C200000DD90B" "82028381" "8A0596057000" "00",     /* a header longer than the string */
        "80C200000DD90B" "82028281" "8A0596027000" "00",     /* not from the network */
        "80C2000007D905" "82028381" "00",
        "80C2000008D906" "82028381" "8A00",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        uint8_t octets[64];
        struct buf b = buf_of(octets, sizeof octets);
        struct span packet;
        assert_true(hex_parse(others[i], &b, NULL));
        octets[4] = (uint8_t)(b.len - 5);
        octets[6] = (uint8_t)(b.len - 7);
        assert_int_equal(fixture_transmit(f, buf_span(&b), false), 0x9000);
        assert_false(ussd_envelope_parse(span_slice(buf_span(&b), 5, b.len), &packet));
    }
    uint8_t big[USSD_STRING_MAX], out[300];
    memset(big, 0, sizeof big);
    for (size_t n = USSD_STRING_MAX - 4; n <= USSD_STRING_MAX; n++) {
        struct buf b = buf_of(out, sizeof out);
        ussd_envelope_build(span_of(big, n), &b);
        assert_int_equal(buf_ok(&b), n <= USSD_STRING_MAX - 3);
    }
}

/* S8: what is managed does not change with the bearer. The same order, by each. */
static void test_bearers(void **state)
{
    (void)state;
    char script[200];
    char imsi[3][16];
    struct pair_info info[3];
    fixture_order("001020000000001", -1, "0102", script, sizeof script);
    for (int way = 0; way < 3; way++) {
        struct fixture *f = malloc(sizeof *f);
        struct fixture_por por = {0};
        struct applet list;
        uint8_t packet[300], command[261];
        fixture_open(f, "test");
        fixture_terminal_profile(f);
        char tar[7];
        fixture_tar(f, "subscription", tar);
        const struct fixture_ota ota = {0, SPI, tar, script, 7};
        if (way == 0) {
            fixture_ota(f, &ota, &por);
        } else if (way == 1) {
            by_ussd(f, &ota, &por);
        } else {
            size_t n = fixture_packet(f, &ota, packet, sizeof packet);
            for (unsigned i = 0; i * 82 < n; i++) {
                size_t len = page(9, i + 1, (unsigned)(n + 81) / 82,
                                  span_slice(span_of(packet, n), i * 82, 82), 0x1080, command);
                (void)fixture_transmit(f, span_of(command, len), false);
            }
        }
        if (way < 2) { /* who can be answered gets the same receipt */
            assert_int_equal(por.verdict, SCP80_GENUINE);
            assert_int_equal(por.status, SCP80_POR_OK);
            assert_int_equal(por.data[3], 0xE2);
        }
        fixture_imsi(f, imsi[way]);
        assert_true(subscription_of(f->card, &list) && subscription_info(list, 1, &info[way]));
        assert_string_equal(imsi[way], "001020000000001");
        assert_int_equal(info[way].state, PAIR_ON_TRIAL);
        assert_int_equal(fixture_authenticate(f, 1, 32), 0xDB);
        fixture_close(f);
        free(f);
    }
}

static void test_expanded_definite(void **state)
{
    struct fixture *f = *state;
    run(f, "AA092207" "00A4000C026F7E", "AB07" "800101" "23029000");
    run(f, "AA10" "220700A4000C026F78" "220500B0000002", "AB09" "800102" "2304" "0001" "9000");
    /* the C-APDU is longer than the template */
    run(f, "AA09220800A40004026F7E", "AB06" "800100" "900102");
    run(f, "AA0A2208" "00A4000C026F7E00", "AB07800101" "23029000");    /* a case 4 command with Le */
    run(f, "AA0B2209" "00A4000C026F7E0000", "AB07800101" "23026700");
    run(f, "AA00", "AB03800100");
    run(f, "AA072205" "00FF000000", "AB07800101" "23026D00");          /* it ends with the first that fails */
    run(f, "AA10" "220500FF000000" "220700A4000C026F7E", "AB07800101" "23026D00");
    run(f, "AA02" "2500", "AB06800100" "900101");                      /* a tag we do not know */
    run(f, "AA0A22", "AB06800100" "900102");
    run(f, "AA83", "AB06800100" "900102");
    run(f, "AA0C" "220A00A40004" "026F7E" "000000", "AB07800101" "23026700");
}

static void test_expanded_data(void **state)
{
    struct fixture *f = *state;
    struct fixture_por por;
    const struct fixture_ota ota = {0, SPI, "B00001", "AA0A220800A40004026F7E00", 0};
    /* a case 4 command with Le has its data in the R-APDU: no GET RESPONSE here */
    fixture_ota(f, &ota, &por);
    assert_int_equal(por.status, SCP80_POR_OK);
    assert_memory_equal(por.data + 2, "\x80\x01\x01\x23", 4);
    assert_int_equal(por.data[7], 0x62);
    assert_memory_equal(por.data + por.n - 2, "\x90\x00", 2);
    run(f, "AA09220700A40004026F7E", "AB07800101" "23026126");
    run(f, "AA07220500C0000000", "AB07800101" "23026985"); /* nothing ever waits here */
}

static void test_expanded_indefinite(void **state)
{
    struct fixture *f = *state;
    run(f,
        "AE80"
        "220700A4000C026F78"
        "220500B0000002"
        "0000",
        "AF80"
        "23029000"
        "2304"
        "0001"
        "9000"
        "0000");
    run(f, "AE80" "0000", "AF80" "0000");
    run(f, "AE80" "220500FF000000" "220500B0000002" "0000", "AF80" "23026D00" "0000");
    run(f, "AE80" "220700A4000C026F78", "AF80" "23029000" "900103" "0000"); /* no end of contents */
    run(f, "AE05" "0000", "AF80" "900103" "0000");
    run(f, "AE80" "2201" "0000", "AF80" "23026700" "0000");
    run(f, "AE80" "9900" "0000", "AF80" "900101" "0000");
}

/* A response that does not fit takes those after it with it: the n-th R-APDU is the n-th command's. */
static void test_expanded_long(void **state)
{
    struct fixture *f = *state;
    char script[1500] = "AE80" "220700A4000C026F3C";
    for (int i = 0; i < 10; i++)
        strcat(script, "220500B20104B0");
    strcat(script, "220700A4000C026F3C" "0000");
    const struct fixture_ota ota = {0, SPI, "B00001", script, 0};
    struct fixture_message parts[4];
    struct fixture_por por = {0};
    uint8_t response[4200];
    size_t n = fixture_messages(f, &ota, 5, "12345", parts, 4), responses = 0;
    for (size_t i = 0; i < n; i++)
        fixture_ota_raw(f, &ota, span_of(parts[i].apdu, parts[i].n), &por);
    assert_int_equal(por.status, SCP80_RESPONSE_BY_SUBMIT);
    n = fetch_submit(f, response, 12);
    fixture_open_por(f, &ota, span_of(response, n), &por);
    assert_int_equal(por.verdict, SCP80_GENUINE);
    assert_memory_equal(por.data, "\xAF\x80", 2);
    struct reader r = rd_of(span_of(por.data + 2, por.n - 4));
    struct tlv t;
    for (; tlv_next(&r, &t); responses++) {
        assert_int_equal(t.tag, 0x23);
        assert_int_equal(t.value.n, responses == 0 ? 2 : 178);
    }
    assert_true(rd_done(&r));
    assert_true(responses > 5 && responses < 11);
}

static void test_actions(void **state)
{
    struct fixture *f = *state;
    /* early response: told of before the rest runs */
    run(f, "AA14" "810182" "220700A4000C026F78" "220600D6000001" "00", "AB07800102" "23029000");
    run(f, "AE80" "220700A4000C026F78" "810182" "220600D600000101" "0000", "AF80" "23029000" "0000");
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
    exchange(f, "00A4000C026F78", "9*");
    apdu(f, "00B0000001", "019000");
    /* immediate action: REFRESH */
    struct fixture_por por;
    struct fixture_ota ota = {0, SPI, "B00001", "AA0E" "8105" "8103010104" "220500A4000C00", 0};
    fixture_ota(f, &ota, &por);
    assert_int_equal(por.sw >> 8, 0x91);
    exchange(f, "8012000000", "D00981030.010482028182 9000");
    fixture_reset(f);
    fixture_terminal_profile(f);
    /* error action: only when something fails */
    ota.script = "AA10" "8205" "8103010104" "220700A4000C026F78";
    fixture_ota(f, &ota, &por);
    assert_int_equal(por.sw, 0x9000);
    ota.script = "AA10" "8205" "8103010104" "220700A4000C026FFF";
    fixture_ota(f, &ota, &por);
    assert_int_equal(por.sw >> 8, 0x91);
    fixture_reset(f);
    fixture_terminal_profile(f);
    ota.script = "AA12" "8205" "8103010104" "8200" "220700A4000C026FFF"; /* taken back */
    fixture_ota(f, &ota, &por);
    assert_int_equal(por.sw, 0x9000);
    /* one that the terminal does not offer */
    fixture_reset(f);
    apdu(f, "80100000020100", "9000");
    run(f, "AA0E" "8105" "8103010104" "220500A4000C00", "AB06800100" "810101");
    run(f, "AE80" "8105" "8103010104" "220500A4000C00" "0000", "AF80" "810101" "0000");
    run(f, "AA0E" "8205" "8103010104" "220500A4000C00", "AB07800101" "23029000");
    run(f, "AA07" "8105" "9103010104", "AB06800100" "900102");
    fixture_reset(f);
    fixture_terminal_profile(f);
    run(f, "AA03" "810177", "AB06800100" "900102"); /* a record of EF.RMA, which is not there */
    run(f, "AA03" "810102", "AB06800100" "900102");
    run(f, "AA0C" "810181" "220700A4000C026F78", "AB07800101" "23029000");
    /* with device identities: they are not sent twice */
    ota.script = "AA0B" "8109" "8103010104" "82028182";
    fixture_ota(f, &ota, &por);
    assert_int_equal(por.sw, 0x910B);
    exchange(f, "801200000B", "D00981030.010482028182 9000");
}

static void test_chaining(void **state)
{
    struct fixture *f = *state;
    const char *first = "AA0C" "830101" "220700A4000C026F78", *read_middle = "AA0A" "830102" "220500B0000002",
               *read_last = "AA0A" "830103" "220500B0000002", *keep = "AA0C" "830111" "220700A4000C026F78";
    run(f, first, "AB07800101" "23029000");
    run(f, read_middle, "AB09800101" "230400019000");
    run(f, read_last, "AB09800101" "230400019000");
    run(f, read_last, "AB06800100" "830101");                /* nothing before it any more */
    run(f, first, "AB07800101" "23029000");
    run(f, "00A4000C026F7E", "019000");                      /* another script ends it */
    run(f, read_last, "AB06800100" "830101");
    run(f, first, "AB07800101" "23029000");
    fixture_reset(f);
    run(f, read_last, "AB06800100" "830101");                /* forgotten at reset */
    run(f, keep, "AB07800101" "23029000");
    fixture_restart(f);
    run(f, read_middle, "AB09800101" "230400019000");        /* kept over one */
    fixture_restart(f);
    run(f, read_last, "AB09800101" "230400019000");
    run(f, "AA03830104", "AB06800100" "830102");
    run(f, "AA0C" "220700A4000C026F78" "830101", "AB0A800101" "23029000" "900101"); /* it must come first */
    /* another target does not go on where this one was */
    struct fixture_por por;
    run(f, first, "AB07800101" "23029000");
    const struct fixture_ota other = {0, SPI, "B00000", read_last, 0};
    fixture_ota(f, &other, &por);
    assert_por(&por, SCP80_POR_OK, "AB06800100" "830101");
}

/* A file that was deleted between two scripts of a chain is no file for the second; neither is another that
 * came in its place the first's. */
static void test_chaining_deleted(void **state)
{
    struct fixture *f = *state;
    const char *first = "AA0C" "830111" "220700A4000C026F99", *last = "AA0A" "830103" "220500B0000002";
    enum { DELETED_AND_RESTARTED, DELETED, REPLACED, CASES };
    for (int i = 0; i < CASES; i++) {
        exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
        exchange(f, "0020000A083132333435363738", "9000");
        apdu(f, "00E0000018" "62168202412183026F998A01058B036F0602800200108800", "9000");
        run(f, first, "AB07800101" "23029000");
        exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
        apdu(f, "00E40000026F99", "9000");
        if (i == REPLACED)
            apdu(f, "00E0000018" "62168202412183026F988A01058B036F0602800200108800", "9000");
        if (i == DELETED_AND_RESTARTED)
            fixture_restart(f);
        run(f, last, "AB06800100" "830101");
        exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
        exchange(f, "0020000A083132333435363738", "9000");
        if (i == REPLACED)
            apdu(f, "00E40000026F98", "9000");
    }
}

/* Nor does the next operator go on where the last one was, though his keys have the same rights. */
static void test_chaining_next_operator(void **state)
{
    struct fixture *f = *state;
    struct fixture_por por;
    char tar[7];
    fixture_tar(f, "subscription", tar);
    run(f, "AA0C" "830111" "220700A4000C026F78", "AB07800101" "23029000");
    const struct fixture_ota order = {0, SPI, tar, "AA15221380E290000DE10B810908091010103254761800", 0};
    fixture_ota(f, &order, &por);
    assert_memory_equal(por.data + 7, "\xE2\x10\x80\x01\x01", 5);
    fixture_restart(f);
    const struct fixture_ota next = {1, SPI, "B00001", "AA0A" "830103" "220500B0000002", 0};
    fixture_ota(f, &next, &por);
    assert_por(&por, SCP80_POR_OK, "AB06800100" "830101");
}

/* TS 102 226 5.1.1, 5.2.1.1: P3 00 of the last command asks for all there is, 256 octets are no limit;
 * what is lost is told by 62F1. */
static void test_all_there_is(void **state)
{
    struct fixture *f = *state;
    struct fixture_por por;
    uint8_t response[1000];
    static const struct {
        const char *create;
        size_t octets;
        uint16_t sw;
    } rows[] = {{"62168202412183026F998A01058B036F06028002012C8800", 300, 0x9000},
                {"62168202412183026F998A01058B036F06028002028A8800", 512, 0x62F1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char command[80];
        exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
        exchange(f, "0020000A083132333435363738", "9000");
        snprintf(command, sizeof command, "00E0000018%s", rows[i].create);
        apdu(f, command, "9000");
        /* a response that was cut ends the script */
        const struct fixture_ota ota = {0, SPI, "B00001",
                                        i == 0 ? "00A4000C026F99"
                                                 "00B0000000"
                                               : "00A4000C026F99"
                                                 "00B0000000"
                                                 "00A4000C026F7E",
                                        0};
        fixture_ota(f, &ota, &por);
        assert_int_equal(por.status, SCP80_RESPONSE_BY_SUBMIT);
        size_t n = fetch_submit(f, response, i == 0 ? 3 : 5);
        fixture_open_por(f, &ota, span_of(response, n), &por);
        assert_int_equal(por.verdict, SCP80_GENUINE);
        assert_int_equal(por.n, 3 + rows[i].octets);
        assert_int_equal(por.data[0], 2);
        assert_int_equal(por.data[1] << 8 | por.data[2], rows[i].sw);
        exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
        apdu(f, "00E40000026F99", "9000");
    }
}

/* What the terminal has begun, a script does not go on with. */
static void test_blocks_of_the_terminal(void **state)
{
    struct fixture *f = *state;
    char block[2 * 255 + 20] = "80DB0080FF" "9F1082012C";
    for (int i = 0; i < 250; i++)
        strcat(block, "5A");
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
    exchange(f, "0020000A083132333435363738", "9000");
    apdu(f, "00E0000018" "62168202792183026F998A01058B036F06028002020088" "00", "9000");
    apdu(f, block, "63F1");
    run(f, "00A4000C026F99" "80DB000001" "5B", "026985");
    strcpy(block, "80DB000032");
    for (int i = 0; i < 50; i++)
        strcat(block, "5B");
    apdu(f, block, "9000");
    apdu(f, "80CB0080029F10", "62F1");
    run(f, "00A4000C026F99" "80CB000000", "026985");
}

/* The second block of an object: a script does not know how long it is. */
static void test_all_of_an_object(void **state)
{
    struct fixture *f = *state;
    struct fixture_por por;
    char block[2 * 255 + 20] = "80DB0080FF" "9F1082012C";
    for (int i = 0; i < 250; i++)
        strcat(block, "5A");
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
    exchange(f, "0020000A083132333435363738", "9000");
    apdu(f, "00E0000018" "62168202792183026F998A01058B036F06028002020088" "00", "9000");
    apdu(f, block, "63F1");
    strcpy(block, "80DB000032");
    for (int i = 0; i < 50; i++)
        strcat(block, "5B");
    apdu(f, block, "9000");
    const struct fixture_ota ota = {0, SPI, "B00001", "00A4000C026F99" "80CB0080029F10" "80CB000000", 0};
    fixture_ota(f, &ota, &por);
    assert_int_equal(por.status, SCP80_POR_OK);
    assert_int_equal(por.n, 3 + 50);
    assert_memory_equal(por.data, "\x03\x90\x00\x5B\x5B", 5);
}

/* The change order in expanded format: its answer comes without GET RESPONSE. */
static void test_expanded_order(void **state)
{
    struct fixture *f = *state;
    struct fixture_por por;
    char tar[7];
    fixture_tar(f, "subscription", tar);
    const struct fixture_ota ota = {0, SPI, tar, "AA15221380E290000DE10B810908091010103254761800", 0};
    fixture_ota(f, &ota, &por);
    assert_int_equal(por.verdict, SCP80_GENUINE);
    assert_memory_equal(por.data + 2, "\x80\x01\x01\x23", 4);
    assert_memory_equal(por.data + 7, "\xE2\x10\x80\x01\x01\x81\x01\x02", 8);
    assert_int_equal(por.sw >> 8, 0x91);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_parts),
        T(test_duplicate_parts),
        T(test_two_senders),
        T(test_reset_in_between),
        T(test_changed_parts),
        T(test_report_length),
        T(test_long_answer),
        T(test_service_centre),
        T(test_no_submit_for_forgers),
        T(test_cell_broadcast),
        T(test_ussd),
        T(test_ussd_for_others),
        cmocka_unit_test(test_bearers),
        T(test_expanded_definite),
        T(test_expanded_data),
        T(test_expanded_indefinite),
        T(test_expanded_long),
        T(test_actions),
        T(test_all_there_is),
        T(test_blocks_of_the_terminal),
        T(test_all_of_an_object),
        T(test_chaining),
        T(test_chaining_deleted),
        T(test_chaining_next_operator),
        T(test_expanded_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
