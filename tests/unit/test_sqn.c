/* SPDX-License-Identifier: Apache-2.0
 *
 * Sequence numbers, 3GPP TS 33.102 Annex C: the cases that other cards got wrong among them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sqn.h"

static const struct sqn_scheme plain = {.ind_bits = 5};

static uint64_t sqn(const struct sqn_scheme *scheme, uint64_t seq, uint64_t ind)
{
    return seq << scheme->ind_bits | ind;
}

static bool offer(const struct sqn_scheme *scheme, struct sqn_state *s, uint64_t seq, uint64_t ind)
{
    bool fresh = sqn_fresh(scheme, s, sqn(scheme, seq, ind));
    if (fresh)
        sqn_accept(scheme, s, sqn(scheme, seq, ind));
    return fresh;
}

static void test_octets(void **state)
{
    (void)state;
    static const uint8_t bytes[6] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xAB};
    uint8_t out[6];
    assert_true(sqn_from(bytes) == UINT64_C(0x0123456789AB));
    sqn_to(UINT64_C(0x0123456789AB), out);
    assert_memory_equal(out, bytes, 6);
    sqn_to(UINT64_C(0xFFFFFFFFFFFF), out);
    assert_true(sqn_from(out) == UINT64_C(0xFFFFFFFFFFFF));
    sqn_to(0, out);
    assert_true(sqn_from(out) == 0);
}

static void test_fresh_key(void **state)
{
    (void)state;
    struct sqn_state s = {{0}};
    assert_true(sqn_highest(&plain, &s) == 0); /* and not IND 31 */
    for (uint64_t ind = 0; ind < 32; ind++) {
        assert_false(sqn_fresh(&plain, &s, sqn(&plain, 0, ind)));
        assert_true(sqn_fresh(&plain, &s, sqn(&plain, 1, ind)));
        assert_true(sqn_fresh(&plain, &s, sqn(&plain, (UINT64_C(1) << 43) - 1, ind)));
    }
    assert_true(offer(&plain, &s, 1, 0));
    assert_true(sqn_highest(&plain, &s) == 32);
}

static void test_replay(void **state)
{
    (void)state;
    struct sqn_state s = {{0}};
    assert_true(offer(&plain, &s, 100, 3));
    assert_false(offer(&plain, &s, 100, 3));
    assert_false(offer(&plain, &s, 99, 3));
    assert_false(offer(&plain, &s, 1, 3));
    assert_true(offer(&plain, &s, 101, 3));
    assert_false(offer(&plain, &s, 100, 3));
    /* every number of a random order is accepted once at most, and never after a higher one of its IND */
    struct sqn_state t = {{0}};
    uint64_t last[32] = {0};
    uint32_t random = 7;
    for (int i = 0; i < 5000; i++) {
        random = random * 1664525 + 1013904223;
        uint64_t seq = random >> 16 & 0x3FF, ind = random >> 27;
        assert_int_equal(offer(&plain, &t, seq, ind), seq > last[ind]);
        last[ind] = seq > last[ind] ? seq : last[ind];
    }
}

/* An IND not used before accepts a SEQ below the highest of all: another node's numbers may lag behind. */
static void test_fresh_ind(void **state)
{
    (void)state;
    static const struct sqn_scheme schemes[] = {{5, 0, 0}, {5, UINT64_C(1) << 28, 0}, {5, 1, 0}};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        const struct sqn_scheme *scheme = &schemes[i];
        struct sqn_state s = {{0}};
        s.seq[0] = 1000000;
        assert_true(offer(scheme, &s, 5, 1));
        assert_false(offer(scheme, &s, 5, 1));
        assert_true(offer(scheme, &s, 6, 1));
        assert_true(offer(scheme, &s, 1000000, 2)); /* as high as the highest, but on its own IND */
        assert_true(offer(scheme, &s, 1, 31));
        assert_false(offer(scheme, &s, 999999, 0));
        assert_true(sqn_highest(scheme, &s) == sqn(scheme, 1000000, 2));
    }
}

static void test_delta(void **state)
{
    (void)state;
    const struct sqn_scheme scheme = {.ind_bits = 5, .delta = 10};
    struct sqn_state s = {{0}};
    assert_false(offer(&scheme, &s, 11, 4));
    assert_true(offer(&scheme, &s, 10, 4)); /* SEQ - SEQ_MS <= delta */
    assert_false(offer(&scheme, &s, 21, 4));
    assert_false(offer(&scheme, &s, 21, 5)); /* from the highest of all, not from the IND's own */
    assert_true(offer(&scheme, &s, 20, 5));
    assert_true(offer(&scheme, &s, 30, 4));
    assert_true(offer(&scheme, &s, 29, 5));
    assert_false(offer(&scheme, &s, (UINT64_C(1) << 43) - 1, 5));
    assert_true(sqn_highest(&scheme, &s) == sqn(&scheme, 30, 4)); /* what was refused left no trace */
}

static void test_age(void **state)
{
    (void)state;
    const struct sqn_scheme scheme = {.ind_bits = 5, .age = 10};
    struct sqn_state s = {{0}};
    assert_true(offer(&scheme, &s, 1000, 0));
    assert_false(offer(&scheme, &s, 990, 1)); /* SEQ_MS - SEQ < L */
    assert_false(offer(&scheme, &s, 1, 1));
    assert_true(offer(&scheme, &s, 991, 1));
    assert_true(offer(&scheme, &s, 1000, 2));
    assert_true(offer(&scheme, &s, UINT64_C(1) << 40, 3)); /* no limit upwards */
    assert_false(offer(&scheme, &s, 1001, 1));
    struct sqn_state t = {{0}};
    assert_true(offer(&scheme, &t, 5, 0)); /* not a limit before there is a highest */
}

static void test_highest(void **state)
{
    (void)state;
    struct sqn_state s = {{0}};
    assert_true(offer(&plain, &s, 7, 9));
    assert_true(sqn_highest(&plain, &s) == sqn(&plain, 7, 9));
    assert_true(offer(&plain, &s, 6, 30));
    assert_true(sqn_highest(&plain, &s) == sqn(&plain, 7, 9));
    assert_true(offer(&plain, &s, 7, 2)); /* the same SEQ: SQN decides, and that has the higher IND */
    assert_true(sqn_highest(&plain, &s) == sqn(&plain, 7, 9));
    assert_true(offer(&plain, &s, 7, 10));
    assert_true(sqn_highest(&plain, &s) == sqn(&plain, 7, 10));
    /* the network answers AUTS with a number above: accepted on every IND */
    for (uint64_t ind = 0; ind < 32; ind++)
        assert_true(sqn_fresh(&plain, &s, sqn(&plain, 8, ind)));
    sqn_accept(&plain, &s, sqn(&plain, 3, 10)); /* never lowers */
    assert_true(sqn_highest(&plain, &s) == sqn(&plain, 7, 10));
}

static void test_limits(void **state)
{
    (void)state;
    for (uint8_t bits = 0; bits <= 5; bits++) {
        const struct sqn_scheme scheme = {.ind_bits = bits};
        struct sqn_state s = {{0}};
        const uint64_t top = UINT64_C(0xFFFFFFFFFFFF);
        assert_true(sqn_fresh(&scheme, &s, top));
        sqn_accept(&scheme, &s, top);
        assert_false(sqn_fresh(&scheme, &s, top)); /* the end: nothing wraps */
        assert_true(sqn_highest(&scheme, &s) == top);
        assert_false(sqn_fresh(&scheme, &s, top + 1)); /* 49 bits */
        assert_false(sqn_fresh(&scheme, &s, UINT64_MAX));
        sqn_accept(&scheme, &s, UINT64_MAX);
        assert_true(sqn_highest(&scheme, &s) == top);
    }
    const struct sqn_scheme one = {.ind_bits = 0}; /* one counter only */
    struct sqn_state s = {{0}};
    assert_true(offer(&one, &s, 1, 0));
    assert_false(offer(&one, &s, 1, 0));
    assert_true(offer(&one, &s, 2, 0));
    assert_true(sqn_highest(&one, &s) == 2);

    const struct sqn_scheme wrong = {.ind_bits = 6}; /* no such scheme: accepts nothing, touches nothing */
    uint8_t out[SQN_STATE_MAX];
    assert_false(sqn_fresh(&wrong, &s, 1000));
    sqn_accept(&wrong, &s, 1000);
    assert_true(sqn_highest(&wrong, &s) == 0);
    assert_int_equal(sqn_state_encode(&wrong, &s, out), 0);
    assert_false(sqn_state_decode(&wrong, SPAN_EMPTY, &s));
}

static void test_stored(void **state)
{
    (void)state;
    for (uint8_t bits = 0; bits <= 5; bits++) {
        const struct sqn_scheme scheme = {.ind_bits = bits};
        struct sqn_state s = {{0}}, t;
        for (uint64_t ind = 0; ind < (UINT64_C(1) << bits); ind++)
            sqn_accept(&scheme, &s, sqn(&scheme, UINT64_C(0x123456789) + 77 * ind, ind));
        uint8_t out[SQN_STATE_MAX + 1] = {0};
        size_t n = sqn_state_encode(&scheme, &s, out);
        assert_int_equal(n, 6u << bits);
        memset(&t, 0xAA, sizeof t);
        assert_true(sqn_state_decode(&scheme, span_of(out, n), &t));
        assert_memory_equal(&s, &t, sizeof s);
        assert_false(sqn_state_decode(&scheme, span_of(out, n - 1), &t));
        assert_true(t.seq[0] == 0);
        assert_false(sqn_state_decode(&scheme, span_of(out, n + 1), &t));
        assert_false(sqn_state_decode(&scheme, SPAN_EMPTY, &t));
        out[n - 6] =
            0xFF; /* the last SEQ has more than 48 - bits bits, except where there are none to spare */
        assert_int_equal(sqn_state_decode(&scheme, span_of(out, n), &t), bits == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_octets),    cmocka_unit_test(test_fresh_key), cmocka_unit_test(test_replay),
        cmocka_unit_test(test_fresh_ind), cmocka_unit_test(test_delta),     cmocka_unit_test(test_age),
        cmocka_unit_test(test_highest),   cmocka_unit_test(test_limits),    cmocka_unit_test(test_stored),
    };
    return cmocka_run_group_tests_name("sqn", tests, NULL, NULL);
}
