/* SPDX-License-Identifier: Apache-2.0
 *
 * A store in memory that stands for another: what reaches the other one, and when.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "late_store.h"

/* The other one: a store in memory that outlives its user, counts writes, and fails when told. */
struct other {
    struct uicc_store store;
    struct uicc_store *memory;
    unsigned writes;
    bool fails;
};

static enum store_result other_load(struct uicc_store *s,
                                    bool (*each)(void *ctx, uint32_t id, struct span value), void *ctx)
{
    struct other *o = (struct other *)s;
    return o->fails ? STORE_TAMPERED : store_load(o->memory, each, ctx);
}

static enum store_result other_write(struct uicc_store *s, const struct store_change *changes, size_t n)
{
    struct other *o = (struct other *)s;
    o->writes++;
    return o->fails ? STORE_FAILED : store_write(o->memory, changes, n);
}

static void other_close(struct uicc_store *s)
{
    (void)s;
}

static const struct store_ops other_ops = {other_load, other_write, other_close};

static void put(struct uicc_store *s, uint32_t id, const char *value)
{
    const struct store_change change = {
        .id = id, .value = span_of(value, strlen(value)), .remove = value[0] == '\0'};
    assert_int_equal(store_write(s, &change, 1), STORE_OK);
}

struct list {
    char text[100];
};

static bool add(void *ctx, uint32_t id, struct span value)
{
    struct list *l = ctx;
    size_t n = strlen(l->text);
    assert_true(id < 10 && n + value.n + 3 < sizeof l->text);
    l->text[n++] = (char)('0' + id);
    memcpy(l->text + n, value.p, value.n);
    l->text[n + value.n] = ' ';
    l->text[n + value.n + 1] = '\0';
    return true;
}

/* "1one 3three ": in the order of ids. */
static struct list all(struct uicc_store *s)
{
    struct list l = {""}, sorted = {""};
    assert_int_equal(store_load(s, add, &l), STORE_OK);
    for (char id = '0'; id <= '9'; id++)
        for (const char *at = l.text; at != NULL && *at != '\0'; at = strchr(at, ' ') + 1)
            if (*at == id)
                strncat(sorted.text, at, (size_t)(strchr(at, ' ') + 1 - at));
    return sorted;
}

static void other_open(struct other *o)
{
    *o = (struct other){.store = {&other_ops}, .memory = store_mem_new()};
    assert_non_null(o->memory);
    put(o->memory, 1, "one");
    put(o->memory, 2, "two");
    put(o->memory, 3, "three");
}

static void test_settles(void **state)
{
    (void)state;
    struct other o;
    other_open(&o);
    struct uicc_store *s = late_store_new(&o.store);
    assert_non_null(s);
    assert_true(late_store_settle(s)); /* nothing to do */
    put(s, 5, "five");
    put(s, 2, "");
    put(s, 1, "uno");
    put(s, 1, "eins");
    put(s, 4, "four");
    put(s, 4, "");
    assert_int_equal(o.writes, 0);
    assert_string_equal(all(s).text, "1eins 3three 5five ");
    assert_string_equal(all(o.memory).text, "1one 2two 3three ");
    assert_true(late_store_settle(s));
    assert_int_equal(o.writes, 1);
    assert_string_equal(all(o.memory).text, "1eins 3three 5five ");
    assert_true(late_store_settle(s));
    assert_int_equal(o.writes, 1);
    put(s, 3, "drei");
    assert_true(late_store_settle(s));
    assert_string_equal(all(o.memory).text, "1eins 3drei 5five ");
    store_close(s);
    store_close(o.memory);
}

static void test_given_up(void **state)
{
    (void)state;
    struct other o;
    other_open(&o);
    struct uicc_store *s = late_store_new(&o.store);
    put(s, 1, "uno");
    store_close(s);
    assert_string_equal(all(o.memory).text, "1one 2two 3three ");
    store_close(o.memory);
}

static void test_other_fails(void **state)
{
    (void)state;
    struct other o;
    other_open(&o);
    struct uicc_store *s = late_store_new(&o.store);
    put(s, 1, "uno");
    o.fails = true;
    assert_false(late_store_settle(s));
    o.fails = false;
    assert_string_equal(all(o.memory).text, "1one 2two 3three ");
    assert_true(late_store_settle(s));
    assert_string_equal(all(o.memory).text, "1uno 2two 3three ");
    store_close(s);
    o.fails = true;
    assert_null(late_store_new(&o.store));
    store_close(o.memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settles),
        cmocka_unit_test(test_given_up),
        cmocka_unit_test(test_other_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
