/* SPDX-License-Identifier: Apache-2.0
 *
 * A writer is killed (kill -9) at random instants. What the next opening finds is one of its transactions,
 * whole: old or new, never mixed, and never older than the last one it was told was done (DECK_PROCESS).
 */
#include "deck.h"
#include "folder.h"
#include "objects.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ICCID "8944500000000000001"

enum { TRIALS = 200, OBJECTS = 6 };

/* What the writer tells, in memory that outlives it. */
struct told {
    volatile uint64_t done; /* number of the last transaction that was done */
    volatile uint64_t begun;
    volatile uint64_t cards; /* made, other than the first */
};

struct world {
    struct uicc_crypto *crypto;
    struct told *told;
    char folder[256], deck[300];
};

static char *beside(const struct world *w, const char *end, char to[320])
{
    snprintf(to, 320, "%s%s", w->deck, end);
    return to;
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    if (w == NULL)
        return -1;
    w->crypto = crypto_new();
    w->told = mmap(NULL, sizeof *w->told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (w->crypto == NULL || w->told == MAP_FAILED || !folder_make_on_disk(w->folder, "kill"))
        return -1;
    snprintf(w->deck, sizeof w->deck, "%s/d.uicc", w->folder);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    char path[320];
    unlink(w->deck);
    unlink(beside(w, ".key", path));
    unlink(beside(w, ".new", path));
    unlink(beside(w, ".new.key", path));
    int rc = rmdir(w->folder);
    crypto_free(w->crypto);
    munmap(w->told, sizeof *w->told);
    free(w);
    return rc;
}

static void wait_some(uint32_t *seed, uint32_t most_us)
{
    *seed = *seed * 1664525 + 1013904223;
    struct timespec t = {0, (long)((*seed >> 8) % most_us) * 1000};
    nanosleep(&t, NULL);
}

static void kill_child(pid_t pid)
{
    int status;
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

/* Transaction k: every object tells k, in lengths that change, some of them long; and now and then a new
 * card. */
static void write_for_ever(const struct world *w, uint64_t k)
{
    static uint8_t bytes[20000];
    struct deck *d = deck_open(w->deck, DECK_PROCESS, w->crypto, NULL);
    struct uicc_store *s = d != NULL ? deck_card(d, ICCID, NULL) : NULL;
    struct objects *o;
    if (s == NULL || objects_open(s, &o) != STORE_OK)
        _exit(1);
    for (;; k++) {
        w->told->begun = k;
        objects_begin(o);
        for (uint32_t id = 0; id < OBJECTS; id++) {
            size_t n = id == 5 ? 8 + (k * 977) % (sizeof bytes - 8) : 8 + (k * (id + 3)) % 50;
            memset(bytes, (int)(k & 0xFF), n);
            memcpy(bytes, &k, 8);
            if ((k + id) % 4 == 0 ? !objects_remove(o, id) : !objects_put(o, id, span_of(bytes, n)))
                _exit(2);
        }
        if (objects_commit(o) != STORE_OK)
            _exit(3);
        w->told->done = k;
        if (k % 16 == 0) {
            char iccid[24];
            struct store_change change = {.id = 1, .value = span_of(&k, sizeof k)};
            snprintf(iccid, sizeof iccid, "89%llu", (unsigned long long)k);
            struct uicc_store *other = deck_new_card(d, iccid, NULL);
            if (other == NULL || store_write(other, &change, 1) != STORE_OK)
                _exit(4);
            w->told->cards++;
            store_close(other);
        }
    }
}

static void a_writer_killed(void **state)
{
    struct world *w = *state;
    struct deck_error error;
    uint32_t seed = 1;
    uint64_t k = 1;
    struct deck *d = deck_create(w->deck, SPAN_EMPTY, w->crypto, &error);
    assert_non_null(d);
    struct uicc_store *s = deck_new_card(d, ICCID, &error);
    assert_int_equal(store_write(s, NULL, 0), STORE_OK);
    store_close(s);
    assert_true(deck_publish(d, &error));
    deck_close(d);

    for (int trial = 0; trial < TRIALS; trial++) {
        pid_t pid = fork();
        if (pid == 0)
            write_for_ever(w, k);
        wait_some(&seed, 8000);
        kill_child(pid);

        d = deck_open(w->deck, DECK_PROCESS, w->crypto, &error);
        if (d == NULL)
            fail_msg("trial %d: %s", trial, error.text);
        struct objects *o;
        s = deck_card(d, ICCID, &error);
        if (s == NULL)
            fail_msg("trial %d: %s", trial, error.text);
        assert_int_equal(objects_open(s, &o), STORE_OK);
        uint64_t found = 0;
        struct span v;
        for (uint32_t id = 0; id < OBJECTS; id++)
            if (objects_get(o, id, &v)) {
                uint64_t of;
                memcpy(&of, v.p, 8);
                assert_true(found == 0 || found == of);
                found = of;
            }
        assert_true(found >= w->told->done && found <= w->told->begun);
        for (uint32_t id = 0; id < OBJECTS && found != 0; id++) {
            assert_int_equal(objects_get(o, id, &v), (found + id) % 4 != 0);
            if (v.n > 8)
                assert_int_equal(v.p[v.n - 1], found & 0xFF);
        }
        uint64_t cards = 0;
        char iccid[DECK_ICCID_MAX + 1];
        for (bool more = deck_next(d, "", iccid); more; more = deck_after(d, iccid, iccid))
            cards++;
        assert_int_equal(deck_count(d), cards);
        assert_true(cards == 1 + w->told->cards || cards == 2 + w->told->cards);
        w->told->cards = cards - 1;
        w->told->done = found;
        k = found + 1;
        if (k % 16 == 1)
            k += 15; /* that card may be there or not */
        objects_close(o);
        store_close(s);
        deck_close(d);
    }
    print_message("# %llu transactions, %d kills\n", (unsigned long long)k, TRIALS);
}

/* A maker killed anywhere leaves a whole deck or none, and never stands in the way of the next. */
static void a_maker_killed(void **state)
{
    struct world *w = *state;
    struct deck_error error;
    uint32_t seed = 7;
    char path[320];
    int whole = 0, none = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        pid_t pid = fork();
        if (pid == 0) {
            struct deck *d = deck_create(w->deck, SPAN_EMPTY, w->crypto, &error);
            for (unsigned i = 0; d != NULL && i < 50; i++) {
                char iccid[24];
                struct store_change change = {.id = i, .value = span_of("value", 5)};
                snprintf(iccid, sizeof iccid, "89%u", 100 + i);
                struct uicc_store *s = deck_new_card(d, iccid, &error);
                if (s == NULL || store_write(s, &change, 1) != STORE_OK)
                    _exit(1);
                store_close(s);
            }
            if (d == NULL || !deck_publish(d, &error))
                _exit(2);
            for (;;)
                pause();
        }
        wait_some(&seed, 6000);
        kill_child(pid);
        struct stat st;
        struct deck *d = deck_open(w->deck, DECK_PROCESS, w->crypto, &error);
        if (d != NULL) {
            assert_int_equal(deck_count(d), 50);
            deck_close(d);
            unlink(w->deck);
            unlink(beside(w, ".key", path));
            whole++;
        } else {
            assert_true(stat(w->deck, &st) != 0 && stat(beside(w, ".key", path), &st) != 0);
            none++;
        }
    }
    print_message("# %d whole, %d none\n", whole, none);
    struct deck *d = deck_create(w->deck, SPAN_EMPTY, w->crypto, &error);
    assert_non_null(d);
    deck_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_writer_killed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_maker_killed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
