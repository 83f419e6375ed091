/* SPDX-License-Identifier: Apache-2.0
 *
 * The operator's end of OTA: SPI in words, scripts in all formats, answers taken apart, put together from
 * parts, and weighed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <stdio.h>

#include "octets.h"
#include "ota_build.h"
#include "ota_join.h"
#include "ota_por.h"

static void words(void **state)
{
    (void)state;
    uint8_t spi1 = 0x16, spi2 = 0xFF;
    char wrong[24];
    assert_true(ota_check_named("none", &spi1));
    assert_int_equal(spi1, 0x14);
    assert_true(ota_check_named("cc", &spi1));
    assert_true(ota_counter_named("plus-one", &spi1));
    assert_int_equal(spi1, 0x1E);
    assert_true(ota_counter_named("none", &spi1));
    assert_int_equal(spi1, 0x06);
    assert_false(ota_check_named("CC", &spi1));
    assert_false(ota_counter_named("", &spi1));

    static const struct {
        const char *list;
        uint8_t spi2;
    } good[] = {
        {"never", 0x00},      {"always", 0x01},
        {"error", 0x02},      {"always,cc,ciphered", 0x19},
        {"always,rc", 0x05},  {"submit,always,cc,ciphered", 0x39},
        {"error,none", 0x02}, {"always,ds", 0x0D},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(ota_por_named(good[i].list, &spi2, wrong));
        assert_int_equal(spi2, good[i].spi2);
    }
    static const struct {
        const char *list, *wrong;
    } bad[] = {
        {"", ""},
        {"cc", ""},
        {"always,", ""},
        {"always,cd", "cd"},
        {"always,error", "error"},
        {"always,cc,rc", "rc"},
        {"always,ciphered,ciphered", "ciphered"},
        {"alway", "alway"},
        {"always,a-word-that-is-much-too-long-to-show", "a-word-that-is-much-too"},
    };
    spi2 = 0x77;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(ota_por_named(bad[i].list, &spi2, wrong));
        assert_string_equal(wrong, bad[i].wrong);
        assert_int_equal(spi2, 0x77);
    }
}

static void scripts(void **state)
{
    (void)state;
    uint8_t room[256], bytes[256];
    struct ota_script s = {.bytes = room, .cap = sizeof room};
    struct octets select = unhex("00A40004026F07"), read = unhex("00B0000009");
    static const struct {
        enum ota_format format;
        const char *hex;
    } rows[] = {
        {OTA_COMPACT, "00A40004026F07 00B0000009"},
        {OTA_EXPANDED, "AA10 2207 00A40004026F07 2205 00B0000009"},
        {OTA_EXPANDED_INDEFINITE, "AE80 2207 00A40004026F07 2205 00B0000009 0000"},
    };
    assert_true(ota_script_add(&s, span_of(select.p, select.n)));
    assert_true(ota_script_add(&s, span_of(read.p, read.n)));
    assert_int_equal(s.n, 2);
    for (size_t i = 0; i < 3; i++) {
        struct buf out = buf_of(bytes, sizeof bytes);
        ota_script_build(&s, rows[i].format, &out);
        assert_true(buf_ok(&out));
        assert_span(buf_span(&out), rows[i].hex);
    }
    struct buf little = buf_of(bytes, 10);
    ota_script_build(&s, OTA_EXPANDED, &little);
    assert_false(buf_ok(&little));
    while (ota_script_add(&s, span_of(select.p, select.n)))
        assert_true(s.used <= sizeof room);
    const size_t used = s.used;
    assert_false(ota_script_add(&s, span_of(select.p, select.n)));
    assert_int_equal(s.used, used);
}

/* Compact format has no Le behind data, no extended lengths, and always a P3. */
static void compact(void **state)
{
    (void)state;
    static const struct {
        const char *apdu, *script;
        unsigned wrong; /* in compact format */
    } rows[] = {
        {"00A40004026F07", "00A40004026F07", 0}, {"00A40004026F0700", NULL, 2},  {"00A40004", "00A4000400", 0},
        {"00B0000000", "00B0000000", 0},         {"00D600000000016F", NULL, 2}, {"00A40004036F07", NULL, 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t room[64], bytes[64];
        struct ota_script s = {.bytes = room, .cap = sizeof room};
        struct octets read = unhex("00B0000009"), apdu = unhex(rows[i].apdu);
        struct buf out = buf_of(bytes, sizeof bytes);
        assert_true(ota_script_add(&s, span_of(read.p, read.n)) &&
                    ota_script_add(&s, span_of(apdu.p, apdu.n)));
        assert_int_equal(ota_script_wrong(&s, OTA_COMPACT), rows[i].wrong);
        assert_int_equal(ota_script_wrong(&s, OTA_EXPANDED), 0);
        ota_script_build(&s, OTA_COMPACT, &out);
        struct octets expected = unhex(rows[i].script != NULL ? rows[i].script : "");
        if (rows[i].script != NULL)
            assert_true(span_equal(span_slice(buf_span(&out), 5, out.len), span_of(expected.p, expected.n)));
    }
}

static void results(void **state)
{
    (void)state;
    static const struct {
        enum ota_format format;
        const char *hex;
        int executed, sw; /* -1: not there; executed -2: no answer to a script */
        int bad;
        const char *data;
    } rows[] = {
        {OTA_COMPACT, "02 9000 AABB", 2, 0x9000, -1, "AABB"},
        {OTA_COMPACT, "AB 6982", 0xAB, 0x6982, -1, ""},
        {OTA_COMPACT, "02 90", -2, 0, -1, ""},
        {OTA_COMPACT, "", -2, 0, -1, ""},
        {OTA_EXPANDED, "AB09 800102 2304 AABB9000", 2, 0x9000, -1, "AABB"},
        {OTA_EXPANDED, "AB0A 80020102 2304 AABB9000", 0x102, 0x9000, -1, "AABB"},
        {OTA_EXPANDED, "AF80 2304 AABB9000 2302 6A82 0000", 2, 0x6A82, -1, ""},
        {OTA_EXPANDED, "AF80 2302 9000 2302 6A82 0000", 2, 0x6A82, -1, ""},
        {OTA_EXPANDED_INDEFINITE, "AF80 2302 9000 900101 0000", 1, 0x9000, 1, ""},
        {OTA_EXPANDED, "AB03 800100", 0, -1, -1, ""},
        {OTA_EXPANDED, "AB06 800100 900103", 0, -1, 3, ""},
        {OTA_EXPANDED, "02 9000", -2, 0, -1, ""},
        {OTA_EXPANDED, "AB0A 800102 2304 AABB9000", -2, 0, -1, ""}, /* longer than there is */
        {OTA_EXPANDED, "AB03 230190", -2, 0, -1, ""},               /* an R-APDU of one octet */
        {OTA_EXPANDED, "AF80 2302 9000", -2, 0, -1, ""},            /* no end of contents */
        {OTA_EXPANDED, "AF80", -2, 0, -1, ""},
        {OTA_EXPANDED, "", -2, 0, -1, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct octets o = unhex(rows[i].hex);
        uint8_t *exact = malloc(o.n > 0 ? o.n : 1);
        struct ota_results r;
        assert_non_null(exact);
        memcpy(exact, o.p, o.n);
        bool good = ota_results_parse(span_of(exact, o.n), rows[i].format, &r);
        assert_int_equal(good, rows[i].executed != -2);
        assert_int_equal(r.has_sw, good && rows[i].sw >= 0);
        if (good) {
            assert_int_equal(r.executed, rows[i].executed);
            assert_int_equal(r.bad_format, rows[i].bad >= 0);
            assert_span(r.data, rows[i].data);
        }
        if (good && rows[i].sw >= 0)
            assert_int_equal(r.sw, rows[i].sw);
        if (rows[i].bad >= 0)
            assert_int_equal(r.bad, rows[i].bad);
        free(exact);
    }
    assert_string_equal(ota_bad_format_text(2), "wrong length");
}

static enum ota_join_result add(struct ota_join *j, const char *hex, struct span *packet)
{
    struct octets o = unhex(hex);
    uint8_t *exact = malloc(o.n);
    assert_non_null(exact);
    memcpy(exact, o.p, o.n);
    enum ota_join_result r = ota_join_add(j, span_of(exact, o.n), packet);
    free(exact);
    return r;
}

static void parts(void **state)
{
    (void)state;
    struct ota_join *j = ota_join_new();
    struct span packet;
    assert_non_null(j);
    assert_int_equal(add(j, "02 7100 0003 AABBCC", &packet), OTA_JOIN_WHOLE);
    assert_span(packet, "027100 0003 AABBCC");
    /* Two messages under way, parts backwards, some twice. */
    assert_int_equal(add(j, "05 0003 07 02 02 CCDD", &packet), OTA_JOIN_PART);
    assert_int_equal(add(j, "05 0003 08 03 03 03", &packet), OTA_JOIN_PART);
    assert_int_equal(add(j, "05 0003 07 02 02 CCDD", &packet), OTA_JOIN_PART);
    assert_int_equal(add(j, "07 0003 08 03 01 7100 01", &packet), OTA_JOIN_PART);
    assert_int_equal(add(j, "07 0003 07 02 01 7100 AABB", &packet), OTA_JOIN_WHOLE);
    assert_span(packet, "027100 AABB CCDD");
    assert_int_equal(add(j, "05 0003 08 03 02 02", &packet), OTA_JOIN_WHOLE);
    assert_span(packet, "027100 010203");
    /* A reference used again; reference 0; 16 bits of it are another one than 8. */
    assert_int_equal(add(j, "07 0003 00 02 01 7100 11", &packet), OTA_JOIN_PART);
    assert_int_equal(add(j, "06 0804 0000 02 02 99", &packet), OTA_JOIN_PART);
    assert_int_equal(add(j, "05 0003 00 02 02 22", &packet), OTA_JOIN_WHOLE);
    assert_span(packet, "027100 1122");
    /* One of one; parts that there are not; no response packet; no header. */
    assert_int_equal(add(j, "07 0003 01 01 01 7100 33", &packet), OTA_JOIN_WHOLE);
    assert_int_equal(add(j, "05 0003 01 02 00 33", &packet), OTA_JOIN_NONE);
    assert_int_equal(add(j, "05 0003 01 02 03 33", &packet), OTA_JOIN_NONE);
    assert_int_equal(add(j, "05 0003 01 00 00 33", &packet), OTA_JOIN_NONE);
    assert_int_equal(add(j, "02 7000 33", &packet), OTA_JOIN_NONE);
    assert_int_equal(add(j, "00 33", &packet), OTA_JOIN_NONE);
    assert_int_equal(add(j, "FF 33", &packet), OTA_JOIN_NONE);
    assert_int_equal(add(j, "05 0003 55 02 01 33", &packet), OTA_JOIN_PART);
    assert_int_equal(add(j, "05 0003 55 02 02 33", &packet), OTA_JOIN_NONE); /* two parts of something else */
    ota_join_free(j);
}

static void bounded(void **state)
{
    (void)state;
    struct ota_join *j = ota_join_new();
    struct span packet;
    char hex[32];
    assert_non_null(j);
    /* More beginnings than there is room for: the newest can still be finished. */
    for (unsigned ref = 0; ref < 256; ref++) {
        snprintf(hex, sizeof hex, "0700 03 %02X 02 01 7100 %02X", ref, ref);
        assert_int_equal(add(j, hex, &packet), OTA_JOIN_PART);
    }
    assert_int_equal(add(j, "05 0003 FF 02 02 EE", &packet), OTA_JOIN_WHOLE);
    assert_span(packet, "027100 FFEE");
    assert_int_equal(add(j, "05 0003 00 02 02 EE", &packet), OTA_JOIN_PART); /* begun anew */
    ota_join_free(j);
}

static void proofs(void **state)
{
    (void)state;
    struct uicc_crypto *crypto = crypto_new();
    struct keyset keys = {.version = 1, .kic_algorithm = OTA_AES, .kid_algorithm = OTA_AES, .mac_len = 8};
    assert_non_null(crypto);
    keys.kic_len = keys.kid_len = 16;
    memset(keys.kic, 0x20, 16);
    memset(keys.kid, 0x21, 16);
    struct scp80_command command = {
        .spi1 = 0x16, .spi2 = 0x19, .kic = 0x12, .kid = 0x12, .tar = {0xB0, 0, 1}};
    command.cntr[4] = 5;
    const struct {
        uint8_t status, cntr, spi2;
        enum ota_por_kind kind;
        enum ota_heard heard;
    } rows[] = {
        {SCP80_POR_OK, 5, 0x19, OTA_POR_GENUINE, OTA_HEARD_FINAL},
        {SCP80_CNTR_LOW, 5, 0x19, OTA_POR_GENUINE, OTA_HEARD_FINAL},
        {SCP80_RESPONSE_BY_SUBMIT, 5, 0x19, OTA_POR_GENUINE, OTA_HEARD_MORE},
        {SCP80_POR_OK, 4, 0x19, OTA_POR_OTHER, OTA_HEARD_DOUBTFUL},
        {SCP80_UNIDENTIFIED_ERROR, 0, 0x00, OTA_POR_UNPROTECTED, OTA_HEARD_DOUBTFUL},
    };
    struct ota_por last = {.kind = OTA_POR_NONE};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t bytes[128], work_bytes[128];
        struct buf packet = buf_of(bytes, sizeof bytes), work = buf_of(work_bytes, sizeof work_bytes);
        struct scp80_response r = {.status = rows[i].status, .tar = {0xB0, 0, 1}, .kid = 0x12};
        struct ota_por por;
        r.cntr[4] = rows[i].cntr;
        assert_true(
            scp80_response_build(crypto, &keys, rows[i].spi2, &r, span_of("\x01\x90\x00", 3), &packet));
        ota_por_open(crypto, &keys, &command, buf_span(&packet), &work, &por);
        assert_int_equal(por.kind, rows[i].kind);
        assert_int_equal(ota_por_heard(&por, &command), rows[i].heard);
        assert_true(ota_por_better(&por, &last));
        bytes[packet.len - 1] ^= 1;
        work.len = 0;
        struct ota_por changed;
        ota_por_open(crypto, &keys, &command, buf_span(&packet), &work, &changed);
        assert_int_not_equal(changed.kind, OTA_POR_GENUINE);
        assert_int_equal(ota_por_heard(&changed, &command), OTA_HEARD_DOUBTFUL);
        assert_false(rows[i].kind == OTA_POR_GENUINE && ota_por_better(&changed, &por));
    }
    /* The announced answer takes the place of its announcement, not the other way round. */
    struct ota_por announced = {.kind = OTA_POR_GENUINE, .opened = true};
    struct ota_por final = announced;
    announced.response.status = SCP80_RESPONSE_BY_SUBMIT;
    assert_true(ota_por_better(&final, &announced));
    assert_false(ota_por_better(&announced, &final));
    crypto_free(crypto);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),   cmocka_unit_test(scripts), cmocka_unit_test(compact),
        cmocka_unit_test(results), cmocka_unit_test(parts),   cmocka_unit_test(bounded),
        cmocka_unit_test(proofs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
