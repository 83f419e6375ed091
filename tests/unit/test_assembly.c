/* SPDX-License-Identifier: Apache-2.0
 *
 * Concatenated messages (3GPP TS 23.040 9.2.3.24.1), as traps.md wants them: any order, duplicates,
 * interleaved references, two originators, parts missing, 0 of n, n of less, 255 parts, references used
 * again, reference 0; bounded in memory, number and patience.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "assembly.h"

static uint8_t whole[ASSEMBLY_PARTS_MAX * ASSEMBLY_PART_MAX];
static size_t whole_len;

/* A part whose body is its number and its text. */
static bool take(struct assembly *a, const char *source, uint16_t reference, unsigned total, unsigned number,
                 const char *body)
{
    const struct assembly_part p = {
        span_of(source, strlen(source)), reference, (uint8_t)total, (uint8_t)number, number == 1,
        span_of(body, strlen(body))};
    struct buf out = buf_of(whole, sizeof whole);
    bool done = assembly_take(a, &p, &out);
    whole_len = out.len;
    return done;
}

static void assert_whole(const char *text)
{
    assert_int_equal(whole_len, strlen(text));
    assert_memory_equal(whole, text, whole_len);
}

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct assembly));
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static void test_orders(void **state)
{
    struct assembly *a = *state;
    static const unsigned orders[6][3] = {{1, 2, 3}, {1, 3, 2}, {2, 1, 3}, {2, 3, 1}, {3, 1, 2}, {3, 2, 1}};
    static const char *const bodies[] = {"one", "two", "three"};
    for (int i = 0; i < 6; i++) {
        assert_false(take(a, "A", 0, 3, orders[i][0], bodies[orders[i][0] - 1]));
        assert_false(assembly_idle(a));
        assert_false(take(a, "A", 0, 3, orders[i][1], bodies[orders[i][1] - 1]));
        assert_true(take(a, "A", 0, 3, orders[i][2], bodies[orders[i][2] - 1]));
        assert_whole("onetwothree");
        assert_true(assembly_idle(a));
    }
}

static void test_duplicates(void **state)
{
    struct assembly *a = *state;
    assert_false(take(a, "A", 7, 2, 2, "b"));
    assert_false(take(a, "A", 7, 2, 2, "b"));
    assert_false(take(a, "A", 7, 2, 2, "b"));
    assert_true(take(a, "A", 7, 2, 1, "a"));
    assert_whole("ab");
    assert_false(take(a, "A", 7, 2, 1, "a")); /* a late duplicate begins a message that never ends */
    assert_true(take(a, "A", 7, 2, 2, "b"));
}

static void test_interleaved(void **state)
{
    struct assembly *a = *state;
    assert_false(take(a, "A", 1, 2, 1, "a"));
    assert_false(take(a, "B", 1, 2, 1, "x")); /* same reference, another originator */
    assert_false(take(a, "A", 2, 2, 2, "d"));
    assert_true(take(a, "B", 1, 2, 2, "y"));
    assert_whole("xy");
    assert_true(take(a, "A", 2, 2, 1, "c"));
    assert_whole("cd");
    assert_true(take(a, "A", 1, 2, 2, "b"));
    assert_whole("ab");
}

static void test_nonsense(void **state)
{
    struct assembly *a = *state;
    assert_false(take(a, "A", 1, 0, 0, "a"));
    assert_false(take(a, "A", 1, 2, 0, "a"));
    assert_false(take(a, "A", 1, 2, 3, "a"));
    assert_false(take(a, "A", 1, ASSEMBLY_PARTS_MAX + 1, 1, "a"));
    assert_false(take(a, "A", 1, 255, 255, "a"));
    char longer[ASSEMBLY_PART_MAX + 2];
    memset(longer, 'x', sizeof longer);
    longer[ASSEMBLY_PART_MAX + 1] = '\0';
    assert_false(take(a, "A", 1, 2, 1, longer));
    assert_true(assembly_idle(a));
    assert_true(take(a, "A", 1, 1, 1, "whole")); /* one of one */
    assert_whole("whole");
    assert_false(take(a, "A", 1, 2, 1, ""));     /* empty parts are parts */
    assert_true(take(a, "A", 1, 2, 2, "z"));
    assert_whole("z");
}

static void test_reused(void **state)
{
    struct assembly *a = *state;
    assert_false(take(a, "A", 1, 3, 1, "old"));
    assert_false(take(a, "A", 1, 3, 2, "old"));
    assert_false(take(a, "A", 1, 2, 1, "new")); /* another number of parts: another message */
    assert_true(take(a, "A", 1, 2, 2, "!"));
    assert_whole("new!");
    assert_false(take(a, "A", 1, 2, 1, "old"));
    assert_false(take(a, "A", 1, 2, 1, "new")); /* another content of the same part */
    assert_true(take(a, "A", 1, 2, 2, "!"));
    assert_whole("new!");
}

static void test_longest(void **state)
{
    struct assembly *a = *state;
    char body[ASSEMBLY_PART_MAX + 1];
    memset(body, 'x', ASSEMBLY_PART_MAX);
    body[ASSEMBLY_PART_MAX] = '\0';
    for (unsigned i = ASSEMBLY_PARTS_MAX; i >= 2; i--)
        assert_false(take(a, "A", 0xFFFF, ASSEMBLY_PARTS_MAX, i, body));
    assert_true(take(a, "A", 0xFFFF, ASSEMBLY_PARTS_MAX, 1, body));
    assert_int_equal(whole_len, sizeof whole);
}

/* The fifth message makes the oldest go; one that does not grow goes after a while. */
static void test_bounds(void **state)
{
    struct assembly *a = *state;
    for (unsigned i = 0; i <= ASSEMBLY_MESSAGES; i++)
        assert_false(take(a, "A", (uint16_t)i, 2, 1, "a"));
    for (unsigned i = 1; i <= ASSEMBLY_MESSAGES; i++)
        assert_true(take(a, "A", (uint16_t)i, 2, 2, "b"));
    assert_false(take(a, "A", 0, 2, 2, "b"));
    assert_false(take(a, "B", 9, 2, 1, "a"));
    for (unsigned i = 1; i < ASSEMBLY_PATIENCE; i++)
        assert_true(take(a, "C", (uint16_t)i, 1, 1, "x"));
    assert_true(take(a, "B", 9, 2, 2, "b"));
    assert_false(take(a, "B", 9, 2, 1, "a"));
    for (unsigned i = 0; i <= ASSEMBLY_PATIENCE; i++)
        assert_true(take(a, "C", (uint16_t)i, 1, 1, "x"));
    assert_false(take(a, "B", 9, 2, 2, "b"));
}

/* The first part alone says that it is a command packet; without it the message is
 * dropped when it is whole. */
static void test_not_a_packet(void **state)
{
    struct assembly *a = *state;
    struct assembly_part p = {span_of("A", 1), 1, 2, 2, true, span_of("b", 1)};
    struct buf out = buf_of(whole, sizeof whole);
    assert_false(assembly_take(a, &p, &out));
    p.number = 1;
    p.packet = false;
    assert_false(assembly_take(a, &p, &out));
    assert_true(assembly_idle(a));
    assert_int_equal(out.len, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_orders), T(test_duplicates), T(test_interleaved), T(test_nonsense),
        T(test_reused), T(test_longest),    T(test_bounds),      T(test_not_a_packet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
