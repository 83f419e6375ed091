/* SPDX-License-Identifier: Apache-2.0
 *
 * Transactions on a card's objects: against a plain model by random operations, with a store that fails.
 */
#include "fault_store.h"
#include "objects.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { IDS = 40, LONGEST = 300 };

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

static struct span text(const char *s)
{
    return span_of(s, strlen(s));
}

static void set(struct model *m, unsigned i, struct span v)
{
    m->there[i] = true;
    m->n[i] = v.n;
    if (v.n > 0)
        memcpy(m->value[i], v.p, v.n);
}

static void check(const struct objects *o, const struct model *m)
{
    for (unsigned i = 0; i < IDS; i++) {
        struct span v;
        assert_int_equal(objects_get(o, i, &v), m->there[i]);
        if (m->there[i]) {
            assert_int_equal(v.n, m->n[i]);
            assert_memory_equal(v.p, m->value[i], v.n);
        }
    }
}

static void check_store(struct uicc_store *s, const struct model *m)
{
    struct objects *o;
    assert_int_equal(objects_open(s, &o), STORE_OK);
    check(o, m);
    objects_close(o);
}

static void random_transactions(void **state)
{
    (void)state;
    struct model *m = malloc(sizeof *m), *kept = malloc(sizeof *kept);
    assert_true(m != NULL && kept != NULL);
    for (uint32_t trial = 1; trial <= 40; trial++) {
        uint32_t seed = trial * 2654435761u;
        struct uicc_store *inner = store_mem_new();
        struct uicc_store *s = fault_store_new(inner);
        struct objects *o;
        memset(m, 0, sizeof *m);
        assert_int_equal(objects_open(s, &o), STORE_OK);
        for (int transaction = 0; transaction < 60; transaction++) {
            bool touched[IDS] = {false};
            *kept = *m;
            objects_begin(o);
            for (uint32_t step = next(&seed) % 12; step > 0; step--) {
                unsigned i = next(&seed) % IDS;
                uint8_t bytes[LONGEST];
                struct span v =
                    span_of(bytes, next(&seed) % 3 == 0 ? next(&seed) % LONGEST : next(&seed) % 12);
                for (size_t j = 0; j < v.n; j++)
                    bytes[j] = (uint8_t)next(&seed);
                switch (next(&seed) % 8) {
                case 0:
                case 1:
                case 2:
                    assert_true(objects_put(o, i, v));
                    set(m, i, v);
                    touched[i] = true;
                    break;
                case 3:
                case 4:
                    assert_true(objects_remove(o, i));
                    m->there[i] = false;
                    touched[i] = true;
                    break;
                case 5: {
                    uint8_t *p = objects_edit(o, i, v);
                    assert_non_null(p);
                    if (!m->there[i] || m->n[i] != v.n)
                        set(m, i, v);
                    if (v.n > 0)
                        p[0] = m->value[i][0] = (uint8_t)next(&seed);
                    touched[i] = true;
                    break;
                }
                default: {
                    bool fail = next(&seed) % 3 == 0;
                    fault_store_cut_at(s, fail ? 0 : -1);
                    if (!touched[i]) {
                        assert_int_equal(objects_put_now(o, i, v), fail ? STORE_FAILED : STORE_OK);
                        if (!fail) {
                            set(m, i, v);
                            set(kept, i, v);
                        }
                    }
                    fault_store_cut_at(s, -1);
                    break;
                }
                }
                check(o, m);
            }
            switch (next(&seed) % 4) {
            case 0:
                objects_abort(o);
                *m = *kept;
                break;
            case 1: {
                long writes = fault_store_writes(s);
                fault_store_cut_at(s, 0);
                if (objects_commit(o) == STORE_FAILED) {
                    assert_true(fault_store_is_cut(s));
                    *m = *kept;
                } else {
                    assert_false(fault_store_is_cut(s)); /* nothing had changed */
                }
                assert_int_equal(fault_store_writes(s), writes);
                fault_store_cut_at(s, -1);
                break;
            }
            default:
                assert_int_equal(objects_commit(o), STORE_OK);
                break;
            }
            check(o, m);
            check_store(s, m);
        }
        objects_close(o);
        check_store(inner, m);
        store_close(s);
        store_close(inner);
    }
    free(m);
    free(kept);
}

/* A store that notes what it is told to write. */
struct noting {
    struct uicc_store store;
    size_t writes, n;
    struct store_change last[8];
};

static enum store_result noting_load(struct uicc_store *s, bool (*each)(void *, uint32_t, struct span),
                                     void *ctx)
{
    (void)s;
    each(ctx, 1, text("one"));
    each(ctx, 2, text("two"));
    each(ctx, 3, text("three"));
    return STORE_OK;
}

static enum store_result noting_write(struct uicc_store *s, const struct store_change *changes, size_t n)
{
    struct noting *noting = (struct noting *)s;
    noting->writes++;
    noting->n = n;
    for (size_t i = 0; i < n && i < 8; i++)
        noting->last[i] = changes[i];
    return STORE_OK;
}

static void writes_what_changed(void **state)
{
    (void)state;
    static const struct store_ops ops = {noting_load, noting_write, NULL};
    struct noting s = {.store = {&ops}};
    struct objects *o;
    assert_int_equal(objects_open(&s.store, &o), STORE_OK);

    objects_begin(o);
    assert_int_equal(objects_commit(o), STORE_OK);
    objects_begin(o);
    assert_true(objects_put(o, 1, text("one")));        /* the same */
    assert_true(objects_put(o, 2, text("2")));          /* there */
    assert_true(objects_put(o, 2, text("two")));        /* and back */
    assert_true(objects_put(o, 9, text("nine")));       /* made */
    assert_true(objects_remove(o, 9));                  /* and removed */
    assert_true(objects_remove(o, 8));                  /* never was */
    assert_non_null(objects_edit(o, 3, text("*****"))); /* looked at, so to say */
    assert_int_equal(objects_commit(o), STORE_OK);
    assert_int_equal(s.writes, 0);

    objects_begin(o);
    assert_true(objects_put(o, 2, text("2")));
    assert_true(objects_put(o, 2, text("22")));
    assert_true(objects_remove(o, 1));
    objects_edit(o, 3, text("*****"))[4] = 'E';
    assert_true(objects_put(o, 5, SPAN_EMPTY));
    assert_int_equal(objects_commit(o), STORE_OK);
    assert_int_equal(s.writes, 1);
    assert_int_equal(s.n, 4);
    unsigned met = 0;
    for (size_t i = 0; i < s.n; i++) {
        const struct store_change *c = &s.last[i];
        met |= 1u << c->id;
        assert_int_equal(c->remove, c->id == 1);
        if (c->id == 2)
            assert_true(span_equal(c->value, text("22")));
        else if (c->id == 3)
            assert_true(span_equal(c->value, text("threE")));
        else
            assert_int_equal(c->value.n, 0);
    }
    assert_int_equal(met, 1 << 1 | 1 << 2 | 1 << 3 | 1 << 5);
    objects_close(o);
}

static void edges(void **state)
{
    (void)state;
    struct uicc_store *s = store_mem_new();
    struct objects *o;
    struct span v;
    static const uint8_t big[OBJMAP_VALUE_MAX + 1];
    assert_int_equal(objects_open(s, &o), STORE_OK);

    /* Nothing changes outside a transaction. */
    assert_false(objects_put(o, 1, text("x")));
    assert_false(objects_remove(o, 1));
    assert_null(objects_edit(o, 1, text("x")));
    assert_int_equal(objects_commit(o), STORE_OK);
    objects_abort(o);
    assert_false(objects_get(o, 1, &v));

    assert_int_equal(objects_put_now(o, 1, text("now")), STORE_OK);
    objects_begin(o);
    assert_true(objects_put(o, 1, text("later")));
    assert_int_equal(objects_put_now(o, 1, text("again")), STORE_FAILED); /* touched */
    assert_int_equal(objects_put_now(o, 2, text("counter")), STORE_OK);
    assert_false(objects_put(o, 3, span_of(big, sizeof big)));
    assert_null(objects_edit(o, 3, span_of(big, sizeof big)));
    assert_int_equal(objects_put_now(o, 3, span_of(big, sizeof big)), STORE_FAILED);
    assert_true(objects_put(o, 3, span_of(big, OBJMAP_VALUE_MAX)));
    assert_true(objects_remove(o, 3));
    objects_begin(o); /* aborts */
    assert_true(objects_get(o, 1, &v) && span_equal(v, text("now")));
    assert_true(objects_get(o, 2, &v) && span_equal(v, text("counter")));
    assert_false(objects_get(o, 3, &v));

    /* The longest value, and its undoing. */
    assert_true(objects_put(o, 4, span_of(big, OBJMAP_VALUE_MAX)));
    assert_int_equal(objects_commit(o), STORE_OK);
    objects_begin(o);
    assert_true(objects_remove(o, 4));
    objects_abort(o);
    assert_true(objects_get(o, 4, &v) && v.n == OBJMAP_VALUE_MAX);

    /* A value from the card itself. */
    objects_begin(o);
    assert_true(objects_get(o, 2, &v));
    assert_true(objects_put(o, 5, v));
    assert_int_equal(objects_commit(o), STORE_OK);
    assert_true(objects_get(o, 5, &v) && span_equal(v, text("counter")));

    /* A large transaction does not make the card large for ever. */
    objects_begin(o);
    for (uint32_t id = 100; id < 2100; id++)
        assert_true(objects_put(o, id, text("0123456789")));
    assert_int_equal(objects_commit(o), STORE_OK);
    objects_begin(o);
    for (uint32_t id = 100; id < 2100; id++)
        assert_true(objects_remove(o, id));
    assert_true(objects_remove(o, 4));
    assert_int_equal(objects_commit(o), STORE_OK);
    assert_true(objects_footprint(o) < 2048);
    objects_close(o);

    /* A store that cannot be read. */
    struct uicc_store *f = fault_store_new(s);
    fault_store_cut_at(f, 0);
    struct store_change none = {.id = 1};
    assert_int_equal(store_write(f, &none, 1), STORE_FAILED);
    assert_true(fault_store_is_cut(f));
    assert_int_equal(objects_open(f, &o), STORE_FAILED);
    assert_null(o);
    store_close(f);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_transactions),
        cmocka_unit_test(writes_what_changed),
        cmocka_unit_test(edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
