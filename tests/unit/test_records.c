/* SPDX-License-Identifier: Apache-2.0
 *
 * The operator's records: a counter is never given out twice, whoever asks and whatever happens in between.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "records.h"

struct place {
    char dir[64], path[96];
};

static int setup(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    if (p == NULL)
        return -1;
    snprintf(p->dir, sizeof p->dir, "/tmp/softuicc-records-XXXXXX");
    if (mkdtemp(p->dir) == NULL) {
        free(p);
        return -1;
    }
    snprintf(p->path, sizeof p->path, "%s/records", p->dir);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;
    char journal[128];
    snprintf(journal, sizeof journal, "%s-journal", p->path);
    unlink(journal);
    unlink(p->path);
    int rc = rmdir(p->dir);
    free(p);
    return rc;
}

static const struct records_keyset pair0 = {"8988211000000430010", false, 0, 1};

static struct records *must_open(const struct place *p)
{
    struct records_error e = {""};
    struct records *r = records_open(p->path, &e);
    if (r == NULL)
        fail_msg("%s", e.text);
    return r;
}

static uint64_t take(struct records *r, const struct records_keyset *k)
{
    struct records_error e = {""};
    uint64_t counter = 0;
    if (!records_take_counter(r, k, &counter, &e))
        fail_msg("%s", e.text);
    return counter;
}

static void counters_rise(void **state)
{
    struct place *p = *state;
    struct records *r = must_open(p);
    for (uint64_t i = 1; i <= 5; i++)
        assert_int_equal(take(r, &pair0), i);
    /* each keyset has its own */
    struct records_keyset other = pair0;
    other.index = 1;
    assert_int_equal(take(r, &other), 1);
    other = pair0;
    other.common = true;
    assert_int_equal(take(r, &other), 1);
    other = pair0;
    other.version = 2;
    assert_int_equal(take(r, &other), 1);
    other = pair0;
    other.iccid = "8988211000000430028";
    assert_int_equal(take(r, &other), 1);
    records_close(r);

    r = must_open(p); /* and remembers it */
    assert_int_equal(take(r, &pair0), 6);
    records_close(r);
    struct stat st;
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void counters_by_hand(void **state)
{
    struct place *p = *state;
    struct records *r = must_open(p);
    struct records_error e = {""};
    assert_true(records_use_counter(r, &pair0, 100, &e));
    assert_false(records_use_counter(r, &pair0, 100, &e));
    assert_non_null(strstr(e.text, "100"));
    assert_false(records_use_counter(r, &pair0, 7, &e));
    assert_int_equal(take(r, &pair0), 101);
    assert_false(records_use_counter(r, &pair0, 0, &e));
    assert_false(records_use_counter(r, &pair0, RECORDS_COUNTER_MAX + 1, &e));
    assert_true(records_use_counter(r, &pair0, RECORDS_COUNTER_MAX, &e));
    uint64_t counter = 1;
    assert_false(records_take_counter(r, &pair0, &counter, &e)); /* used up: never starts again */
    assert_int_equal(counter, 0);
    assert_non_null(strstr(e.text, "used up"));
    records_close(r);
}

/* Two writers at once, one of them killed whenever it pleases chance: no counter comes twice, none goes back.
 */
static void counters_contended(void **state)
{
    struct place *p = *state;
    records_close(must_open(p));
    enum { CHILDREN = 4, EACH = 15 };
    int fd[2];
    assert_int_equal(pipe(fd), 0);
    for (int c = 0; c < CHILDREN; c++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            struct records_error e;
            struct records *r = records_open(p->path, &e);
            for (int i = 0; r != NULL && i < EACH; i++) {
                uint64_t counter;
                if (!records_take_counter(r, &pair0, &counter, &e) ||
                    write(fd[1], &counter, sizeof counter) != (ssize_t)sizeof counter)
                    _exit(1);
                if (c == 0 && i == EACH / 2)
                    raise(SIGKILL);
            }
            _exit(r == NULL);
        }
    }
    close(fd[1]);
    bool seen[CHILDREN * EACH + 2] = {false};
    uint64_t counter, n = 0;
    while (read(fd[0], &counter, sizeof counter) == (ssize_t)sizeof counter) {
        assert_true(counter >= 1 && counter <= CHILDREN * EACH);
        assert_false(seen[counter]);
        seen[counter] = true;
        n++;
    }
    close(fd[0]);
    int killed = 0, status;
    while (wait(&status) > 0) {
        if (WIFSIGNALED(status))
            killed++;
        else
            assert_int_equal(WEXITSTATUS(status), 0);
    }
    assert_int_equal(killed, 1);
    assert_int_equal(n, (CHILDREN - 1) * EACH + EACH / 2 + 1);
}

static int64_t number(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int64_t v = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return v;
}

static void orders_are_logged(void **state)
{
    struct place *p = *state;
    struct records *r = must_open(p);
    struct records_error e = {""};
    const struct records_order order = {.keyset = pair0,
                                        .counter = 7,
                                        .imsi = "001010123456781",
                                        .has_index = true,
                                        .index = 1,
                                        .reference = span_of("\x01\x02", 2),
                                        .packet = span_of("\x00\x10packet", 8)};
    int64_t first = 0, second = 0;
    assert_true(records_order(r, &order, &first, &e));
    assert_true(records_order(r, &order, &second, &e));
    assert_true(second > first);
    const struct records_outcome outcome = {.outcome = "obeyed",
                                            .sw = 0x9000,
                                            .has_receipt = true,
                                            .active = 1,
                                            .unused = 2,
                                            .por = span_of("\x02\x71\x00", 3)};
    assert_true(records_answer(r, first, &outcome, &e));
    assert_false(records_answer(r, 4711, &outcome, &e));
    records_close(r);
    assert_int_equal(number(p->path, "SELECT count(*) FROM change_order"), 2);
    assert_int_equal(
        number(p->path, "SELECT count(*) FROM change_order WHERE outcome IS NULL AND por IS NULL"), 1);
    assert_int_equal(
        number(p->path,
               "SELECT count(*) FROM change_order WHERE outcome = 'obeyed' AND sw = 36864 AND active = 1"
               " AND unused = 2 AND por = x'027100' AND packet = x'00107061636B6574' AND wanted = 1"
               " AND answered_at >= sent_at AND imsi = '001010123456781' AND counter = 7"),
        1);
}

static void not_ours(void **state)
{
    struct place *p = *state;
    struct records_error e = {""};
    FILE *f = fopen(p->path, "w");
    assert_non_null(f);
    fputs("this is a letter to my grandmother, who has no use for a data base at all; it must not be written "
          "over\n",
          f);
    fclose(f);
    assert_null(records_open(p->path, &e));
    assert_non_null(strstr(e.text, p->path));
    struct stat st;
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_size, 103);
    unlink(p->path);

    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE recipes (name TEXT)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_null(records_open(p->path, &e));
    assert_non_null(strstr(e.text, "not softuicc's"));
    unlink(p->path);

    records_close(must_open(p));
    assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_null(records_open(p->path, &e));
    assert_non_null(strstr(e.text, "version 99"));

    assert_null(records_open(p->dir, &e));
    assert_null(records_open("/nonexistent/records", &e));
    assert_non_null(strstr(e.text, "/nonexistent/records"));
    records_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(counters_rise, setup, teardown),
        cmocka_unit_test_setup_teardown(counters_by_hand, setup, teardown),
        cmocka_unit_test_setup_teardown(counters_contended, setup, teardown),
        cmocka_unit_test_setup_teardown(orders_are_logged, setup, teardown),
        cmocka_unit_test_setup_teardown(not_ours, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
