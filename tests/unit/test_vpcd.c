/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vpcd.h"

enum { MAX_MESSAGES = 4096 };

/* What came out, in a form to compare: kind, and for APDUs length and a checksum of the octets. */
struct seen {
    size_t n;
    struct {
        enum vpcd_message kind;
        size_t length;
        uint32_t sum;
    } at[MAX_MESSAGES];
};

static uint32_t sum(const uint8_t *octets, size_t n)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ octets[i]) * 16777619u;
    return h;
}

/* Octets in, at most `step` at a time (0: as many as there is room for), messages out. */
static void feed(struct vpcd *v, const uint8_t *octets, size_t n, size_t step, struct seen *seen)
{
    while (n > 0) {
        size_t room = 0;
        uint8_t *to = vpcd_room(v, &room);
        assert_true(room > 0);
        assert_true(to >= v->in && to + room <= v->in + sizeof v->in);
        size_t part = n < room ? n : room;
        if (step > 0 && part > step)
            part = step;
        memcpy(to, octets, part);
        vpcd_received(v, part);
        octets += part;
        n -= part;
        for (;;) {
            const uint8_t *apdu = NULL;
            size_t length = 0;
            enum vpcd_message kind = vpcd_next(v, &apdu, &length);
            if (kind == VPCD_MORE)
                break;
            assert_true(seen->n < MAX_MESSAGES);
            seen->at[seen->n].kind = kind;
            seen->at[seen->n].length = length;
            seen->at[seen->n].sum = apdu != NULL ? sum(apdu, length) : 0;
            seen->n++;
        }
    }
}

static size_t put(uint8_t *to, const uint8_t *octets, size_t n)
{
    vpcd_prefix(n, to);
    if (n > 0)
        memcpy(to + 2, octets, n);
    return 2 + n;
}

static struct vpcd *fresh(void)
{
    struct vpcd *v = malloc(sizeof *v);
    assert_non_null(v);
    vpcd_init(v);
    return v;
}

static struct seen *nothing(void)
{
    struct seen *s = calloc(1, sizeof *s);
    assert_non_null(s);
    return s;
}

static const uint8_t select_mf[] = {0x00, 0xA4, 0x00, 0x04, 0x02, 0x3F, 0x00};
static const uint8_t off = 0, on = 1, reset = 2, atr = 4, odd = 0xFF;

/* One of each, the length prefix of the last one with a high octet. */
static size_t one_of_each(uint8_t *to)
{
    uint8_t big[300];
    memset(big, 0x5A, sizeof big);
    size_t n = 0;
    n += put(to + n, &on, 1);
    n += put(to + n, &atr, 1);
    n += put(to + n, NULL, 0);
    n += put(to + n, select_mf, sizeof select_mf);
    n += put(to + n, &odd, 1);
    n += put(to + n, &reset, 1);
    n += put(to + n, select_mf, 2);
    n += put(to + n, big, sizeof big);
    n += put(to + n, &off, 1);
    return n;
}

static void expect_one_of_each(const struct seen *s)
{
    static const enum vpcd_message kinds[] = {VPCD_POWER_ON, VPCD_ATR,  VPCD_UNKNOWN,
                                              VPCD_APDU,     VPCD_APDU, VPCD_RESET,
                                              VPCD_APDU,     VPCD_APDU, VPCD_POWER_OFF};
    static const size_t lengths[] = {0, 0, 0, 7, 1, 0, 2, 300, 0};
    assert_int_equal(s->n, sizeof kinds / sizeof kinds[0]);
    for (size_t i = 0; i < s->n; i++) {
        assert_int_equal(s->at[i].kind, kinds[i]);
        assert_int_equal(s->at[i].length, lengths[i]);
    }
    assert_int_equal(s->at[3].sum, sum(select_mf, sizeof select_mf));
    assert_int_equal(s->at[4].sum, sum(&odd, 1));
}

static void split_at_every_boundary(void **state)
{
    (void)state;
    uint8_t stream[512];
    size_t n = one_of_each(stream);
    for (size_t cut = 0; cut <= n; cut++) {
        struct vpcd *v = fresh();
        struct seen *s = nothing();
        feed(v, stream, cut, 0, s);
        feed(v, stream + cut, n - cut, 0, s);
        expect_one_of_each(s);
        free(s);
        free(v);
    }
}

static void in_steps_of_every_size(void **state)
{
    (void)state;
    uint8_t stream[512];
    size_t n = one_of_each(stream);
    for (size_t step = 1; step <= n; step++) {
        struct vpcd *v = fresh();
        struct seen *s = nothing();
        feed(v, stream, n, step, s);
        expect_one_of_each(s);
        free(s);
        free(v);
    }
}

static void every_one_octet_message(void **state)
{
    (void)state;
    for (unsigned octet = 0; octet < 256; octet++) {
        struct vpcd *v = fresh();
        struct seen *s = nothing();
        const uint8_t frame[] = {0x00, 0x01, (uint8_t)octet};
        feed(v, frame, sizeof frame, 0, s);
        assert_int_equal(s->n, 1);
        enum vpcd_message kind = octet == 0   ? VPCD_POWER_OFF
                                 : octet == 1 ? VPCD_POWER_ON
                                 : octet == 2 ? VPCD_RESET
                                 : octet == 4 ? VPCD_ATR
                                              : VPCD_APDU;
        assert_int_equal(s->at[0].kind, kind);
        free(s);
        free(v);
    }
}

static void longest_frames(void **state)
{
    (void)state;
    enum { FRAMES = 3 };
    uint8_t *stream = malloc(FRAMES * (2 + VPCD_FRAME_MAX));
    assert_non_null(stream);
    uint32_t sums[FRAMES];
    size_t n = 0;
    for (size_t i = 0; i < FRAMES; i++) {
        vpcd_prefix(VPCD_FRAME_MAX, stream + n);
        for (size_t j = 0; j < VPCD_FRAME_MAX; j++)
            stream[n + 2 + j] = (uint8_t)(j * 31 + i);
        sums[i] = sum(stream + n + 2, VPCD_FRAME_MAX);
        n += 2 + VPCD_FRAME_MAX;
    }
    static const size_t steps[] = {0, 1, 2, 3, 1460, 4096, 65534, 65535, 65536, 65537};
    for (size_t k = 0; k < sizeof steps / sizeof steps[0]; k++) {
        struct vpcd *v = fresh();
        struct seen *s = nothing();
        feed(v, stream, n, steps[k], s);
        assert_int_equal(s->n, FRAMES);
        for (size_t i = 0; i < FRAMES; i++) {
            assert_int_equal(s->at[i].kind, VPCD_APDU);
            assert_int_equal(s->at[i].length, VPCD_FRAME_MAX);
            assert_int_equal(s->at[i].sum, sums[i]);
        }
        free(s);
        free(v);
    }
    free(stream);
}

static uint32_t next_random(uint32_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 17;
    *x ^= *x << 5;
    return *x;
}

/* Whatever comes, split however: the messages depend on the octets only. */
static void random_octets_in_random_parts(void **state)
{
    (void)state;
    uint32_t x = 0x5EED0001u;
    enum { N = 2048 };
    uint8_t stream[N];
    for (int round = 0; round < 2000; round++) {
        size_t n = next_random(&x) % N;
        for (size_t i = 0; i < n; i++) /* mostly short lengths, or one frame would swallow all */
            stream[i] = next_random(&x) % 4 != 0 ? 0 : (uint8_t)next_random(&x);
        struct vpcd *v = fresh(), *w = fresh();
        struct seen *whole = nothing(), *parts = nothing();
        feed(v, stream, n, 0, whole);
        for (size_t i = 0; i < n;) {
            size_t part = 1 + next_random(&x) % 9;
            if (part > n - i)
                part = n - i;
            feed(w, stream + i, part, 0, parts);
            i += part;
        }
        assert_int_equal(whole->n, parts->n);
        assert_memory_equal(whole, parts, sizeof *whole);
        free(whole);
        free(parts);
        free(v);
        free(w);
    }
}

static void what_was_handled_is_wiped(void **state)
{
    (void)state;
    static const uint8_t pin[] = {0x00, 0x20, 0x00, 0x01, 0x08, '1', '2', '3', '4', 0xFF, 0xFF, 0xFF, 0xFF};
    uint8_t stream[64];
    size_t n = put(stream, pin, sizeof pin);
    n += put(stream + n, pin, sizeof pin);
    for (size_t step = 1; step <= n; step++) {
        struct vpcd *v = fresh();
        memset(v->in, 0, sizeof v->in);
        struct seen *s = nothing();
        feed(v, stream, n, step, s);
        assert_int_equal(s->n, 2);
        assert_null(memmem(v->in, sizeof v->in, "1234", 4));
        assert_null(memmem(v->in, sizeof v->in, "34", 2));
        free(s);
        free(v);
    }
}

static void prefix_is_big_endian(void **state)
{
    (void)state;
    uint8_t p[2];
    vpcd_prefix(0x1234, p);
    assert_int_equal(p[0], 0x12);
    assert_int_equal(p[1], 0x34);
    vpcd_prefix(VPCD_FRAME_MAX, p);
    assert_int_equal(p[0], 0xFF);
    assert_int_equal(p[1], 0xFF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(split_at_every_boundary),       cmocka_unit_test(in_steps_of_every_size),
        cmocka_unit_test(every_one_octet_message),       cmocka_unit_test(longest_frames),
        cmocka_unit_test(random_octets_in_random_parts), cmocka_unit_test(what_was_handled_is_wiped),
        cmocka_unit_test(prefix_is_big_endian),
    };
    return cmocka_run_group_tests_name("vpcd", tests, NULL, NULL);
}
