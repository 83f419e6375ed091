/* SPDX-License-Identifier: Apache-2.0
 *
 * The change order as bytes, and what may come back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hex.h"
#include "order.h"

static struct span hex(const char *text, uint8_t *to, size_t cap)
{
    struct buf b = buf_of(to, cap);
    assert_true(hex_parse(text, &b, NULL));
    return buf_span(&b);
}

static void assert_script(const struct order *order, const char *expected)
{
    uint8_t bytes[128], want[128];
    struct buf out = buf_of(bytes, sizeof bytes);
    assert_true(order_script(order, &out));
    struct span w = hex(expected, want, sizeof want);
    assert_int_equal(out.len, w.n);
    assert_memory_equal(bytes, w.p, w.n);
}

static void script_next_pair(void **state)
{
    (void)state;
    const struct order order = {.imsi = "001010123456780"};
    assert_script(&order, "80E29000 0D E10B 8109 080910101032547608 00C0000000");
}

static void script_everything(void **state)
{
    (void)state;
    const struct order order = {.imsi = "001010123456781",
                                .has_index = true,
                                .index = 3,
                                .has_refresh = true,
                                .refresh = 0x02,
                                .reference_len = 8,
                                .reference = {1, 2, 3, 4, 5, 6, 7, 8}};
    assert_script(&order,
                  "80E29000 1D E11B 800103 8109 080910101032547618 8208 0102030405060708 830102 00C0000000");
}

static void script_of_files(void **state)
{
    (void)state;
    struct order order = {
        .imsi = "001010123456781", .has_trial = true, .trial_len = 4, .trial = {3, 0, 2, 1}, .mnc_digits = 2};
    assert_true(order_add_file(&order, span_of((const uint8_t *)"\x7F\xFF\x6F\x46", 4), 0,
                               span_of((const uint8_t *)"\x00\x41", 2)));
    assert_true(order_add_file(&order, span_of((const uint8_t *)"\x2F\x05", 2), 0x0102,
                               span_of((const uint8_t *)"\x41", 1)));
    assert_script(&order, "80E29000 31 E12F 8109 080910101032547618 8404 03000201 850102"
                          " A519 A60A 9104 7FFF6F46 9302 0041 A60B 9102 2F05 9202 0102 9301 41 00C0000000");
    while (order_add_file(&order, span_of((const uint8_t *)"\x2F\x05", 2), 0,
                          span_of((const uint8_t *)"0123456789", 10)))
        assert_true(order.files_len <= ORDER_FILES_MAX);
    assert_true(order.files_len > ORDER_FILES_MAX - 20);
    order.trial_len = 0;
    order.files_len = 0;
    assert_script(&order, "80E29000 12 E110 8109 080910101032547618 8400 850102 00C0000000");
}

/* Alternative 3a: remote file management, and no receipt of the subscription applet's. */
static void script_keeps_the_key(void **state)
{
    (void)state;
    const struct order order = {.imsi = "001010123456781", .keep = true};
    assert_script(&order, "00A40004026F07 00D6000009 080910101032547618");
    struct order_answer a = {.executed = 2, .sw = SW_OK};
    assert_true(order_obeyed(&order, &a));
    a.executed = 1;
    assert_false(order_obeyed(&order, &a));
    a = (struct order_answer){.executed = 2, .sw = SW_TRIAL_RUNNING};
    assert_false(order_obeyed(&order, &a));
}

static void script_refuses(void **state)
{
    (void)state;
    uint8_t bytes[128];
    const struct order good = {.imsi = "001010123456780", .reference_len = 8};
    struct order bad = good;
    struct buf out = buf_of(bytes, sizeof bytes);
    bad.imsi = "00101012345678x";
    assert_false(order_script(&bad, &out));
    bad = good;
    bad.imsi = "0010101234567801";
    assert_false(order_script(&bad, &out));
    bad = good;
    bad.reference_len = 9;
    assert_false(order_script(&bad, &out));
    for (size_t room = 0;; room++) { /* never writes beyond what there is */
        out = buf_of(bytes, room);
        memset(bytes, 0xA5, sizeof bytes);
        bool fits = order_script(&good, &out);
        assert_int_equal(bytes[room], 0xA5);
        if (fits)
            break;
        assert_true(room < 64);
    }
}

static const struct order plain = {.imsi = "001010123456780"};

static bool parse(const char *text, struct order_answer *answer)
{
    uint8_t bytes[256];
    return order_answer_parse(hex(text, bytes, sizeof bytes), answer);
}

static void answer_obeyed(void **state)
{
    (void)state;
    struct order_answer a;
    assert_true(parse("02 9000 E2 14 800101 810102 8204 DEADBEEF 8303 112233 8403 445566", &a) == false);
    assert_true(parse("02 9000 E2 16 800101 810102 8204 DEADBEEF 8303 112233 8403 445566", &a));
    assert_true(order_obeyed(&plain, &a));
    assert_int_equal(a.executed, 2);
    assert_int_equal(a.sw, 0x9000);
    assert_int_equal(a.active, 1);
    assert_int_equal(a.unused, 2);
    assert_int_equal(a.reference_len, 4);
    assert_memory_equal(a.reference, "\xDE\xAD\xBE\xEF", 4);
    assert_true(a.has_kcv_k && a.has_kcv_kic);
    assert_memory_equal(a.kcv_k, "\x11\x22\x33", 3);
    assert_memory_equal(a.kcv_kic, "\x44\x55\x66", 3);
    /* less is enough, and what is not known is skipped */
    assert_true(parse("02 9000 E2 0A 800103 810100 9F7F 01 00", &a));
    assert_true(order_obeyed(&plain, &a));
    assert_int_equal(a.active, 3);
    assert_int_equal(a.unused, 0);
    assert_false(a.has_kcv_k || a.has_kcv_kic);
}

static void answer_refused(void **state)
{
    (void)state;
    struct order_answer a;
    assert_true(parse("01 6A90", &a));
    assert_int_equal(a.executed, 1);
    assert_int_equal(a.sw, SW_LIST_EXHAUSTED);
    assert_false(a.has_receipt);
    assert_false(order_obeyed(&plain, &a));
    /* executed, but without the receipt: not obeyed as far as anyone can prove */
    assert_true(parse("01 6116", &a));
    assert_false(order_obeyed(&plain, &a));
    assert_true(parse("02 9000", &a));
    assert_false(order_obeyed(&plain, &a));
    /* a receipt beside a status word that refuses does not count */
    assert_true(parse("02 6A80 E206 800101 810102", &a));
    assert_false(order_obeyed(&plain, &a));
}

static void answer_malformed(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "02",
        "02 90",
        "03 9000",                          /* more commands than the script has */
        "02 9000 E1 06 800101 810102",      /* an order, not a receipt */
        "02 9000 E2 06 800101 810102 00",   /* something after it */
        "02 9000 E2 07 800101 810102",      /* shorter than it says */
        "02 9000 E2 03 800101",             /* no number of unused pairs */
        "02 9000 E2 03 810101",             /* no index */
        "02 9000 E2 07 80020001 810102",    /* index of two octets */
        "02 9000 E2 08 800101 810102 8200", /* empty reference */
        "02 9000 E2 11 800101 810102 8209 000000000000000000",
        "02 9000 E2 0A 800101 810102 83021122",     /* short check value */
        "02 9000 E2 0C 800101 810102 840411223344", /* long one */
        "02 9000 E2 07 800101 810102 83",           /* torn object */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct order_answer a;
        memset(&a, 0xA5, sizeof a);
        if (parse(bad[i], &a))
            fail_msg("taken for an answer: %s", bad[i]);
        assert_int_equal(a.executed, 0);
        assert_false(a.has_receipt);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(script_next_pair), cmocka_unit_test(script_everything),
        cmocka_unit_test(script_of_files),  cmocka_unit_test(script_keeps_the_key),
        cmocka_unit_test(script_refuses),   cmocka_unit_test(answer_obeyed),
        cmocka_unit_test(answer_refused),   cmocka_unit_test(answer_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
