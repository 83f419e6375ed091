/* SPDX-License-Identifier: Apache-2.0
 *
 * Short messages: TPDUs, user data headers, the ENVELOPE around them, and the way of a long packet through
 * several.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "octets.h"
#include "sms.h"

/* ---- addresses ---- */

static void addresses(void **state)
{
    (void)state;
    static const struct {
        const char *number, *octets; /* NULL: refused */
    } rows[] = {
        {"+491234", "069194 2143"},
        {"12345", "058121 43f5"},
        {"1", "0181f1"},
        {"+12345678901234567890", "149121436587092143658709"},
        {"123456789012345678901", NULL},
        {"", NULL},
        {"+", NULL},
        {"++49", NULL},
        {"12 34", NULL},
        {"*100#", NULL},
        {"a", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t room[SMS_ADDRESS_MAX];
        struct buf b = buf_of(room, sizeof room);
        bool good = sms_address_pack(rows[i].number, &b);
        assert_int_equal(good, rows[i].octets != NULL);
        if (good)
            assert_span(buf_span(&b), rows[i].octets);
        else
            assert_int_equal(b.len, 0);
    }
    uint8_t small[3];
    struct buf b = buf_of(small, sizeof small);
    assert_false(sms_address_pack("+491234", &b));
    uint8_t room[SMS_ADDRESS_MAX]; /* as it is dialled, TS 23.040 9.1.2.3 */
    b = buf_of(room, sizeof room);
    assert_true(sms_dialled_pack("*100#", &b));
    assert_span(buf_span(&b), "05811a00fb");
    assert_false(sms_dialled_pack("*1p", &b));
}

/* ---- SMS-DELIVER ---- */

#define DELIVER_HEAD "44 06919421 43 7f f6 00101000000000"

static void deliver(void **state)
{
    (void)state;
    struct octets p = unhex(DELIVER_HEAD "05 027000 aabb");
    struct sms_deliver sms;
    assert_true(sms_deliver_parse(span_of(p.p, p.n), &sms));
    assert_span(sms.originator, "0691942143");
    assert_int_equal(sms.pid, 0x7F);
    assert_int_equal(sms.dcs, 0xF6);
    assert_span(span_of(sms.timestamp, 7), "00101000000000");
    assert_true(sms.has_udh);
    assert_span(sms.user_data, "027000aabb");
    uint8_t room[SMS_TPDU_MAX];
    struct buf b = buf_of(room, sizeof room);
    sms_deliver_build(&sms, &b);
    assert_true(buf_ok(&b));
    assert_true(span_equal(buf_span(&b), span_of(p.p, p.n)));
    /* No header, no data, an address without digits. */
    p = unhex("04 0080 00 04 00000000000000 00");
    assert_true(sms_deliver_parse(span_of(p.p, p.n), &sms));
    assert_false(sms.has_udh);
    assert_int_equal(sms.user_data.n, 0);
    b = buf_of(room, sizeof room);
    sms_deliver_build(&sms, &b);
    assert_true(span_equal(buf_span(&b), span_of(p.p, p.n)));
}

static void deliver_refused(void **state)
{
    (void)state;
    static const struct {
        const char *why, *tpdu;
    } rows[] = {
        {"empty", ""},
        {"one octet", "44"},
        {"SMS-SUBMIT", "45 0691942143 7f f6 00101000000000 05027000aabb"},
        {"SMS-STATUS-REPORT", "46 0691942143 7f f6 00101000000000 05027000aabb"},
        {"reserved MTI", "47 0691942143 7f f6 00101000000000 05027000aabb"},
        {"address of 21 digits", "44 15912143658709214365870921 7f f6 00101000000000 00"},
        {"address length FF", "44 ff91942143 7f f6 00101000000000 05027000aabb"},
        {"address type without its top bit", "44 0611942143 7f f6 00101000000000 05027000aabb"},
        {"address cut", "44 0691"},
        {"UDL too long", "44 0691942143 7f f6 00101000000000 06027000aabb"},
        {"UDL too short", "44 0691942143 7f f6 00101000000000 04027000aabb"},
        {"UDL missing", "44 0691942143 7f f6 00101000000000"},
        {"7-bit text without class", "04 0691942143 00 00 00101000000000 05c8329bfd06"},
        {"7-bit text of class 1", "04 0691942143 00 f1 00101000000000 05c8329bfd06"},
        {"UCS2", "04 0691942143 00 08 00101000000000 020041"},
        {"compressed", "04 0691942143 00 24 00101000000000 020041"},
        {"message waiting", "04 0691942143 00 c8 00101000000000 020041"},
        {"reserved coding group", "04 0691942143 00 96 00101000000000 020041"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct octets p = unhex(rows[i].tpdu);
        struct sms_deliver sms;
        if (sms_deliver_parse(span_of(p.p, p.n), &sms))
            fail_msg("%s is taken", rows[i].why);
    }
    /* 140 octets are the most. */
    struct octets p = unhex("44 0691942143 7f f6 00101000000000");
    struct sms_deliver sms;
    p.p[p.n] = 140;
    memset(p.p + p.n + 1, 0, 200);
    assert_true(sms_deliver_parse(span_of(p.p, p.n + 1 + 140), &sms));
    p.p[p.n] = 141;
    assert_false(sms_deliver_parse(span_of(p.p, p.n + 1 + 141), &sms));
}

static void codings(void **state)
{
    (void)state;
    static const uint8_t taken[] = {0x04, 0x14, 0x15, 0x16, 0x17, 0x44, 0x56, 0xF4, 0xF5, 0xF6, 0xF7, 0x1A};
    struct octets p = unhex(DELIVER_HEAD "08 027000aabbccddee");
    struct sms_deliver sms;
    for (size_t i = 0; i < sizeof taken; i++) {
        p.p[7] = taken[i];
        assert_true(sms_deliver_parse(span_of(p.p, p.n), &sms));
        assert_int_equal(sms.user_data.n, 8);
    }
    /* Class 2 with the 7-bit alphabet: UDL counts septets. 9 septets are 8 octets. */
    p.p[7] = 0xF2;
    p.p[15] = 9;
    assert_true(sms_deliver_parse(span_of(p.p, p.n), &sms));
    assert_int_equal(sms.user_data.n, 8);
    p.p[15] = 161;
    assert_false(sms_deliver_parse(span_of(p.p, p.n), &sms));
    /* The builder makes none of these. */
    uint8_t room[SMS_TPDU_MAX];
    struct buf b = buf_of(room, sizeof room);
    sms_deliver_build(&sms, &b);
    assert_true(b.full);
}

static void builders_refuse(void **state)
{
    (void)state;
    static const uint8_t data[141] = {0};
    struct octets address = unhex("0691942143"), bad = unhex("069194214300");
    uint8_t room[SMS_TPDU_MAX];
    struct sms_deliver d = {
        .originator = span_of(address.p, address.n), .dcs = 0xF6, .user_data = span_of(data, 140)};
    struct buf b = buf_of(room, sizeof room);
    sms_deliver_build(&d, &b);
    assert_true(buf_ok(&b));
    d.user_data.n = 141;
    b = buf_of(room, sizeof room);
    sms_deliver_build(&d, &b);
    assert_false(buf_ok(&b));
    d.user_data.n = 1;
    d.originator = span_of(bad.p, bad.n);
    b = buf_of(room, sizeof room);
    sms_deliver_build(&d, &b);
    assert_false(buf_ok(&b));
    d.originator = SPAN_EMPTY;
    b = buf_of(room, sizeof room);
    sms_deliver_build(&d, &b);
    assert_false(buf_ok(&b));
    struct sms_submit s = {.destination = span_of(address.p, 4), .dcs = 0xF6};
    b = buf_of(room, sizeof room);
    sms_submit_build(&s, &b);
    assert_false(buf_ok(&b));
}

/* ---- SMS-SUBMIT ---- */

static void submit(void **state)
{
    (void)state;
    struct octets p = unhex("41 07 0691942143 7f f6 06 027100 aabbcc");
    struct sms_submit sms;
    assert_true(sms_submit_parse(span_of(p.p, p.n), &sms));
    assert_int_equal(sms.reference, 7);
    assert_span(sms.destination, "0691942143");
    assert_int_equal(sms.pid, 0x7F);
    assert_true(sms.has_udh);
    assert_span(sms.user_data, "027100aabbcc");
    uint8_t room[SMS_TPDU_MAX];
    struct buf b = buf_of(room, sizeof room);
    sms_submit_build(&sms, &b);
    assert_true(buf_ok(&b));
    assert_true(span_equal(buf_span(&b), span_of(p.p, p.n)));
    /* Validity periods: relative (1 octet), enhanced and absolute (7). */
    static const char *const periods[] = {
        "51 07 0691942143 7f f6 a7 06 027100 aabbcc",
        "49 07 0691942143 7f f6 00000000000000 06 027100 aabbcc",
        "59 07 0691942143 7f f6 00101000000000 06 027100 aabbcc",
        "75 07 0691942143 7f f6 a7 06 027100 aabbcc", /* RD, SRR */
    };
    for (size_t i = 0; i < 4; i++) {
        p = unhex(periods[i]);
        assert_true(sms_submit_parse(span_of(p.p, p.n), &sms));
        assert_span(sms.user_data, "027100aabbcc");
        assert_false(sms_submit_parse(span_of(p.p, p.n - 1), &sms));
    }
    p = unhex("40 07 0691942143 7f f6 06 027100 aabbcc");
    assert_false(sms_submit_parse(span_of(p.p, p.n), &sms));
    p = unhex("41 07 1691942143 7f f6 06 027100 aabbcc");
    assert_false(sms_submit_parse(span_of(p.p, p.n), &sms));
    assert_false(sms_submit_parse(SPAN_EMPTY, &sms));
}

/* ---- user data header ---- */

static void headers(void **state)
{
    (void)state;
    struct sms_udh u;
    struct octets p = unhex("027000 001122");
    assert_true(sms_udh_parse(span_of(p.p, p.n), &u));
    assert_true(u.command_packet && !u.response_packet && !u.concatenated);
    assert_span(u.body, "001122");
    p = unhex("027100");
    assert_true(sms_udh_parse(span_of(p.p, p.n), &u));
    assert_true(u.response_packet && !u.command_packet);
    assert_int_equal(u.body.n, 0);
    p = unhex("07 0003ff0201 7000 aa");
    assert_true(sms_udh_parse(span_of(p.p, p.n), &u));
    assert_true(u.command_packet && u.concatenated && !u.reference16);
    assert_int_equal(u.reference, 0xFF);
    assert_int_equal(u.total, 2);
    assert_int_equal(u.part, 1);
    assert_span(u.body, "aa");
    p = unhex("06 08041234ff00 aabb");
    assert_true(sms_udh_parse(span_of(p.p, p.n), &u));
    assert_true(u.concatenated && u.reference16);
    assert_int_equal(u.reference, 0x1234);
    assert_int_equal(u.total, 255);
    assert_int_equal(u.part, 0);
    /* Unknown elements are skipped, the last of two counts, an empty header is one. */
    p = unhex("12 0504158a0000 24 01 01 7000 000301 0202 a000 99");
    p.p[0] = (uint8_t)(p.n - 2);
    assert_true(sms_udh_parse(span_of(p.p, p.n), &u));
    assert_true(u.command_packet && u.concatenated);
    assert_span(u.body, "99");
    p = unhex("0a 0003010203 0003040506 99");
    assert_true(sms_udh_parse(span_of(p.p, p.n), &u));
    assert_int_equal(u.reference, 4);
    assert_int_equal(u.part, 6);
    p = unhex("00aa");
    assert_true(sms_udh_parse(span_of(p.p, p.n), &u));
    assert_true(!u.command_packet && !u.concatenated);
    assert_span(u.body, "aa");
    static const char *const bad[] = {
        "",
        "01",
        "02 70",
        "01 70",     /* no IEDL */
        "02 7001",   /* IEDL beyond the header */
        "03 700100", /* IEDL of 70 is 00 */
        "03 710100",
        "ff 7000", /* UDHL beyond the message */
        "03 7000",
        "04 00020102", /* concatenation of the wrong length */
        "06 000401020304",
        "05 0803010203",
        "07 0805000102 0304",
        "04 700000 03", /* an element cut */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        p = unhex(bad[i]);
        if (sms_udh_parse(span_of(p.p, p.n), &u))
            fail_msg("header '%s' is taken", bad[i]);
        assert_int_equal(u.body.n, 0);
        assert_false(u.command_packet);
    }
}

/* ---- ENVELOPE ---- */

static void envelopes(void **state)
{
    (void)state;
    struct octets tpdu = unhex(DELIVER_HEAD "05027000aabb"), address = unhex("0791943254");
    struct envelope_sms_pp e = {span_of(address.p, 5), span_of(tpdu.p, tpdu.n)}, got;
    uint8_t room[300];
    struct buf b = buf_of(room, sizeof room);
    envelope_sms_pp_build(&e, &b);
    assert_span(buf_span(&b),
                "d1 22 82028381 8605 0791943254 8b15 4406919421437ff60010100000000005027000aabb");
    assert_true(envelope_sms_pp_parse(buf_span(&b), &got));
    assert_true(span_equal(got.address, e.address));
    assert_true(span_equal(got.tpdu, e.tpdu));
    e.address = SPAN_EMPTY;
    b = buf_of(room, sizeof room);
    envelope_sms_pp_build(&e, &b);
    assert_true(envelope_sms_pp_parse(buf_span(&b), &got));
    assert_int_equal(got.address.n, 0);
    /* Lengths above 127 take two octets. */
    uint8_t big[SMS_TPDU_MAX] = {0};
    e.tpdu = span_of(big, sizeof big);
    b = buf_of(room, sizeof room);
    envelope_sms_pp_build(&e, &b);
    assert_span(span_slice(buf_span(&b), 0, 10), "d181b7820283818b81b0");
    assert_true(envelope_sms_pp_parse(buf_span(&b), &got));
    assert_int_equal(got.tpdu.n, sizeof big);
    /* Tags without the comprehension bit, any order, an unknown object. */
    struct octets p = unhex("d10f 0b0244ff 0c0101 060191 02028381 7f");
    assert_false(envelope_sms_pp_parse(span_of(p.p, p.n), &got));
    p = unhex("d10e 0b0244ff 0c0101 060191 02028381");
    assert_true(envelope_sms_pp_parse(span_of(p.p, p.n), &got));
    assert_span(got.tpdu, "44ff");
    assert_span(got.address, "91");
    static const char *const bad[] = {
        "",
        "d1",
        "d100",
        "d104 82028381",          /* no TPDU */
        "d104 8b0244ff",          /* no device identities */
        "d108 82028281 8b0244ff", /* from the terminal */
        "d108 82028382 8b0244ff",
        "d108 82018381 8b0244ff",
        "d207 82028381 8b0244ff", /* cell broadcast */
        "d208 82028381 8b0244ff",
        "d109 82028381 8b0244ff", /* lengths */
        "d107 82028381 8b0244ff",
        "d108 82028381 8b0344ff",
        "d108 82028381 8b0244ff 00",
        "d180 82028381 8b0244ff",
        "d10a 82028381 8b0244ff 00ff",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        p = unhex(bad[i]);
        if (envelope_sms_pp_parse(span_of(p.p, p.n), &got))
            fail_msg("envelope '%s' is taken", bad[i]);
        assert_int_equal(got.tpdu.n, 0);
    }
}

/* ---- splitting ---- */

struct collector {
    uint8_t *packet;
    size_t len;
    unsigned parts;
    unsigned stop_at; /* refuse this part (from 0) */
    uint8_t ref, total;
};

static bool collect(void *ctx, unsigned nth, struct span tpdu)
{
    struct collector *c = ctx;
    if (nth == c->stop_at)
        return false;
    assert_int_equal(nth, c->parts);
    c->parts++;
    assert_true(tpdu.n <= SMS_TPDU_MAX);
    struct sms_deliver sms;
    struct sms_udh udh;
    assert_true(sms_deliver_parse(tpdu, &sms));
    assert_int_equal(sms.pid, SMS_PID_USIM_DOWNLOAD);
    assert_int_equal(sms.dcs, SMS_DCS_CLASS2_8BIT);
    assert_true(sms.has_udh);
    assert_true(sms_udh_parse(sms.user_data, &udh));
    assert_int_equal(udh.command_packet, nth == 0); /* only the first part carries CPI 70 */
    assert_int_equal(udh.concatenated, c->total > 1);
    if (c->total > 1) {
        assert_int_equal(udh.reference, c->ref);
        assert_int_equal(udh.total, c->total);
        assert_int_equal(udh.part, nth + 1);
        if (nth + 1 < c->total)
            assert_int_equal(sms.user_data.n, SMS_UD_MAX);
    }
    memcpy(c->packet + c->len, udh.body.p, udh.body.n);
    c->len += udh.body.n;
    return true;
}

static void split(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        unsigned parts; /* 0: refused */
    } rows[] = {
        {0, 1},
        {1, 1},
        {137, 1},
        {138, 2},
        {132 + 134, 2},
        {132 + 134 + 1, 3},
        {132 + 268, 3},
        {1000, 8},
        {132 + 254 * 134, 255},
        {132 + 254 * 134 + 1, 0},
        {65537, 0},
    };
    struct octets address = unhex("0691942143");
    uint8_t *packet = malloc(65537), *back = malloc(65537);
    assert_non_null(packet);
    assert_non_null(back);
    for (size_t i = 0; i < 65537; i++)
        packet[i] = (uint8_t)(i * 31 + i / 256);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (unsigned ref = 0; ref < 256; ref += 85) {
            struct collector c = {
                .packet = back, .stop_at = 999, .ref = (uint8_t)ref, .total = (uint8_t)rows[i].parts};
            bool good = sms_packet_split(span_of(packet, rows[i].n), (uint8_t)ref,
                                         span_of(address.p, address.n), collect, &c);
            assert_int_equal(good, rows[i].parts != 0);
            assert_int_equal(c.parts, rows[i].parts);
            if (good) {
                assert_int_equal(c.len, rows[i].n);
                assert_memory_equal(back, packet, rows[i].n);
            }
        }
    struct collector c = {.packet = back, .stop_at = 1, .ref = 1, .total = 3};
    assert_false(sms_packet_split(span_of(packet, 300), 1, span_of(address.p, address.n), collect, &c));
    assert_int_equal(c.parts, 1);
    assert_false(sms_packet_split(span_of(packet, 30), 1, SPAN_EMPTY, collect, &c));
    free(packet);
    free(back);
}

/* ---- mutations ---- */

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Everything that comes out lies inside what went in. */
static void inside(struct span part, struct span whole)
{
    if (part.n > 0)
        assert_true(part.p >= whole.p && part.n <= whole.n && (size_t)(part.p - whole.p) <= whole.n - part.n);
}

static void mutations(void **state)
{
    (void)state;
    static const char *const from[] = {
        DELIVER_HEAD "0a 0700030a0201 7000 aabb",
        "d122 82028381 8605 0791943254 8b15 4406919421437ff60010100000000005027000aabb",
        "41070691942143 7ff6 09 0608041234ff00 aabb",
        "0a 0804123403017000 0500 11223344",
        "59070691942143 7ff6 00101000000000 06 027100 aabbcc",
    };
    uint32_t seed = 23040;
    unsigned taken = 0;
    for (unsigned round = 0; round < 60000; round++) {
        struct octets p = unhex(from[next(&seed) % 5]);
        for (unsigned edits = 1 + next(&seed) % 4; edits > 0; edits--)
            switch (next(&seed) % 4) {
            case 0:
                p.p[next(&seed) % (p.n > 0 ? p.n : 1)] = (uint8_t)next(&seed);
                break;
            case 1:
                p.p[next(&seed) % (p.n > 0 ? p.n : 1)] ^= (uint8_t)(1u << next(&seed) % 8);
                break;
            case 2:
                p.n = next(&seed) % (p.n + 1);
                break;
            default:
                p.n += next(&seed) % 8;
                break;
            }
        uint8_t *copy = malloc(p.n > 0 ? p.n : 1);
        assert_non_null(copy);
        memcpy(copy, p.p, p.n);
        struct span in = span_of(copy, p.n);
        uint8_t room[SMS_TPDU_MAX];
        struct buf b = buf_of(room, sizeof room);
        struct sms_deliver d;
        if (sms_deliver_parse(in, &d)) {
            taken++;
            inside(d.originator, in);
            inside(d.user_data, in);
            assert_true(d.user_data.n <= SMS_UD_MAX && d.originator.n <= SMS_ADDRESS_MAX);
            sms_deliver_build(&d, &b);
        }
        struct sms_submit s;
        if (sms_submit_parse(in, &s)) {
            taken++;
            inside(s.destination, in);
            inside(s.user_data, in);
            assert_true(s.user_data.n <= SMS_UD_MAX);
        }
        struct sms_udh u;
        if (sms_udh_parse(in, &u)) {
            taken++;
            inside(u.body, in);
        }
        struct envelope_sms_pp e;
        if (envelope_sms_pp_parse(in, &e)) {
            taken++;
            inside(e.address, in);
            inside(e.tpdu, in);
        }
        free(copy);
    }
    assert_true(taken > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses), cmocka_unit_test(deliver),         cmocka_unit_test(deliver_refused),
        cmocka_unit_test(codings),   cmocka_unit_test(builders_refuse), cmocka_unit_test(submit),
        cmocka_unit_test(headers),   cmocka_unit_test(envelopes),       cmocka_unit_test(split),
        cmocka_unit_test(mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
