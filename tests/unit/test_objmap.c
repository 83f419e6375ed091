/* SPDX-License-Identifier: Apache-2.0
 *
 * The object map against a plain model, by random operations from fixed seeds.
 */
#include "objmap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { IDS = 97, LONGEST = 700 };

struct model {
    bool there[IDS];
    size_t n[IDS];
    uint8_t value[IDS][LONGEST];
};

static uint32_t next(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* Ids as a card has them: a kind in the high bits, runs in the low ones. */
static uint32_t id_of(unsigned i)
{
    return (uint32_t)(i % 5) << 24 | (uint32_t)(i % 3) << 16 | i;
}

static void check(const struct objmap *m, const struct model *model)
{
    size_t count = 0, seen = 0, cursor = 0;
    struct span value;
    uint32_t id;
    for (unsigned i = 0; i < IDS; i++) {
        assert_int_equal(objmap_get(m, id_of(i), &value), model->there[i]);
        if (model->there[i]) {
            count++;
            assert_int_equal(value.n, model->n[i]);
            assert_memory_equal(value.p, model->value[i], value.n);
        } else {
            assert_int_equal(value.n, 0);
        }
    }
    assert_int_equal(objmap_count(m), count);
    bool met[IDS] = {false};
    while (objmap_each(m, &cursor, &id, &value)) {
        unsigned i = id & 0xFFFF;
        assert_true(i < IDS && id == id_of(i) && model->there[i] && !met[i]);
        assert_int_equal(value.n, model->n[i]);
        met[i] = true;
        seen++;
    }
    assert_int_equal(seen, count);
    assert_false(objmap_each(m, &cursor, &id, &value));
}

static size_t length_of(uint32_t random)
{
    switch (random % 4) {
    case 0:
        return 0;
    case 1:
        return (random >> 8) % 16;
    default:
        return (random >> 8) % LONGEST;
    }
}

static void random_operations(void **state)
{
    (void)state;
    struct model *model = calloc(1, sizeof *model);
    assert_non_null(model);
    for (uint32_t trial = 1; trial <= 30; trial++) {
        uint32_t seed = trial * 2654435761u;
        struct objmap *m = objmap_new();
        assert_non_null(m);
        memset(model, 0, sizeof *model);
        for (int step = 0; step < 1500; step++) {
            unsigned i = next(&seed) % IDS;
            uint32_t what = next(&seed) % 100;
            uint8_t bytes[LONGEST];
            size_t n = length_of(next(&seed));
            for (size_t j = 0; j < n; j++)
                bytes[j] = (uint8_t)next(&seed);
            if (what < 55) {
                assert_true(objmap_put(&m, id_of(i), span_of(bytes, n)));
                model->there[i] = true;
                model->n[i] = n;
                memcpy(model->value[i], bytes, n);
            } else if (what < 85) {
                objmap_remove(m, id_of(i));
                model->there[i] = false;
            } else if (what < 90) {
                size_t have;
                uint8_t *p = objmap_at(m, id_of(i), &have);
                assert_int_equal(p != NULL, model->there[i]);
                for (size_t j = 0; j < have; j++)
                    p[j] = model->value[i][j] = (uint8_t)next(&seed);
            } else if (what < 94) {
                struct span from; /* the value of another object, straight from the map */
                unsigned k = next(&seed) % IDS;
                if (objmap_get(m, id_of(k), &from)) {
                    from = span_slice(from, next(&seed) % 8, from.n);
                    memcpy(model->value[i], from.p != NULL ? from.p : bytes, from.n);
                    model->n[i] = from.n;
                    model->there[i] = true;
                    assert_true(objmap_put(&m, id_of(i), from));
                }
            } else if (what < 96) {
                uint8_t *p = objmap_make(&m, id_of(i), n);
                assert_non_null(p);
                memcpy(p, bytes, n);
                memcpy(model->value[i], bytes, n);
                model->there[i] = true;
                model->n[i] = n;
            } else if (what < 97) {
                objmap_trim(&m);
            } else if (what < 98) {
                assert_true(objmap_reserve(&m, n, i));
            } else if (what < 99) {
                struct objmap *copy = objmap_clone(m);
                assert_non_null(copy);
                objmap_free(m);
                m = copy;
            } else if (step % 7 == 0) {
                objmap_clear(m);
                memset(model, 0, sizeof *model);
            }
            if (step % 16 == 0)
                check(m, model);
        }
        check(m, model);
        objmap_free(m);
    }
    free(model);
}

static void limits(void **state)
{
    (void)state;
    static const uint8_t big[OBJMAP_VALUE_MAX + 2];
    struct objmap *m = objmap_new();
    struct span value;
    assert_true(objmap_put(&m, 0, span_of(big, OBJMAP_VALUE_MAX)));
    assert_false(objmap_put(&m, 0, span_of(big, OBJMAP_VALUE_MAX + 1)));
    assert_null(objmap_make(&m, 0, OBJMAP_MAKE_MAX + 1));
    assert_true(objmap_get(m, 0, &value));
    assert_int_equal(value.n, OBJMAP_VALUE_MAX);
    assert_true(objmap_put(&m, UINT32_MAX, SPAN_EMPTY));
    assert_true(objmap_get(m, UINT32_MAX, &value));
    assert_int_equal(value.n, 0);
    assert_false(objmap_reserve(&m, SIZE_MAX, 1));
    objmap_remove(m, 0);
    objmap_trim(&m);
    assert_true(objmap_size(m) < 512);
    objmap_free(m);
}

static bool contains(const struct objmap *m, uint8_t octet, size_t run)
{
    const uint8_t *p = (const uint8_t *)m;
    size_t have = 0;
    for (size_t i = 0; i < objmap_size(m); i++) {
        have = p[i] == octet ? have + 1 : 0;
        if (have >= run)
            return true;
    }
    return false;
}

/* What is replaced, removed, shortened or moved away from leaves no bytes behind. */
static void wipes(void **state)
{
    (void)state;
    uint8_t key[64], other[64];
    memset(key, 0xA5, sizeof key);
    memset(other, 0x11, sizeof other);
    for (int how = 0; how < 6; how++) {
        struct objmap *m = objmap_new();
        for (uint32_t id = 0; id < 20; id++)
            assert_true(objmap_put(&m, id, span_of(other, 10 + id)));
        assert_true(objmap_put(&m, 7, span_of(key, sizeof key)));
        assert_true(contains(m, 0xA5, 4));
        switch (how) {
        case 0:
            objmap_remove(m, 7);
            break;
        case 1:
            assert_true(objmap_put(&m, 7, span_of(other, sizeof other)));
            break;
        case 2:
            assert_true(objmap_put(&m, 7, span_of(other, 3)));
            break;
        case 3:
            objmap_clear(m);
            break;
        case 4: /* a compaction moves it, then it goes */
            for (uint32_t id = 0; id < 7; id++)
                objmap_remove(m, id);
            for (uint32_t id = 100; id < 140; id++) {
                objmap_remove(m, id - 1);
                assert_true(objmap_put(&m, id, span_of(other, 50)));
            }
            objmap_remove(m, 7);
            break;
        default:
            assert_non_null(objmap_make(&m, 7, 0));
            break;
        }
        assert_false(contains(m, 0xA5, 2));
        objmap_free(m);
    }
}

/* A card of some 40 objects, a few of them files of 200 to 400 octets. */
static void overhead(void **state)
{
    (void)state;
    uint8_t bytes[400] = {0};
    size_t payload = 0;
    struct objmap *m = objmap_new();
    for (uint32_t id = 0; id < 44; id++) {
        size_t n = id % 2 == 0 ? 9 + id : 200 + 5 * id;
        n = n > sizeof bytes ? sizeof bytes : n;
        payload += n;
        assert_true(objmap_put(&m, id << 8, span_of(bytes, n)));
    }
    assert_true(objmap_size(m) - payload < 2560);
    objmap_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations),
        cmocka_unit_test(limits),
        cmocka_unit_test(wipes),
        cmocka_unit_test(overhead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
