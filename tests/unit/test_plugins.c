/* SPDX-License-Identifier: Apache-2.0
 *
 * test_plugins HOSTILE.so WRONG-ABI.so NO-SYMBOL.so SAME-CLASS.so: shared objects are loaded, or refused with
 * a reason; and what hostile applets do is undone, the card lives, and the others do not notice.
 */
#include "card_fixture.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "api.h"
#include "cli.h"
#include "guard.h"
#include "kernel.h"
#include "plugins.h"

/* What a hostile applet has taken of its process's memory when it is stopped is lost, as guard.h says;
 * what we lose is still a leak. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:hostile.c\n";
}

static char **objects; /* whole paths */

/* cmocka puts handlers of its own in place of the guard's before each test. */
static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
static struct sigaction handlers[5];

static void keep_handlers(bool put_back)
{
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(sigaction(faults[i], put_back ? &handlers[i] : NULL, put_back ? NULL : &handlers[i]),
                         0);
}

#define BAD "F062616401"
#define BAD_AID(n)                                                                                           \
    "\xF0"                                                                                                   \
    "bad\x01" n

enum { GOOD = 0xFF };

static const struct applet_class *const *load(const char *path, struct plugins_error *error)
{
    struct profile_applet row = {.class_name = "", .so = path};
    const struct profile p = {.n_applets = 1, .applets = &row};
    return plugins_classes(&p, error);
}

static void open_card(struct fixture *f)
{
    struct plugins_error error;
    const struct applet_class *const *all = load(objects[0], &error);
    if (all == NULL)
        fail_msg("%s", error.text);
    size_t own = 0;
    while (cli_applet_classes[own] != NULL)
        own++;
    fixture_open_classes(f, "test", all + own);
    f->env.guard = plugins_guard();
    assert_non_null(f->env.guard);
    guard_set_budget(30, 120);
    keep_handlers(true);
}

static sw_t make(struct fixture *f, const char *aid, uint8_t module, struct span parameters, uint8_t *index)
{
    static const uint8_t quota[] = {0xD8, 2, 0x40, 0x00};
    const uint8_t module_aid[8] = {0xF0, 'b', 'a', 'd', 1, 0, 0, module};
    const struct applet_installation how = {.domain = NO_APPLET,
                                            .owner = NO_OWNER,
                                            .package = span_of("\xF0"
                                                               "bad\x01\x00\x00",
                                                               7),
                                            .module = span_of(module_aid, 8),
                                            .aid = span_of(aid, strlen(aid)),
                                            .parameters = parameters,
                                            .system = span_of(quota, sizeof quota),
                                            .selectable = true};
    objects_begin(f->card->objects);
    return session_finish(f->card, applet_install(f->card, &how, index));
}

/* The card works: a file is read, an applet of the profile selected. */
static void lives(struct fixture *f)
{
    apdu(f, "00A4040C07" USIM_AID_PREFIX, "9.*"); /* 91xx where something waits to be fetched */
    apdu(f, "00A4000C026F05", "9.*");
    exchange(f, "00B0000002", "656E 9*");
}

static void test_dies_in_install(void **state)
{
    (void)state;
    static const uint8_t ways[] = {0, 2, 6, 7, 8, 9};
    struct fixture f;
    uint8_t index;
    size_t n, m;
    open_card(&f);
    uint8_t count = applets_count(f.card);
    uint8_t *before = fixture_snapshot(&f, &n);
    for (size_t i = 0; i < sizeof ways; i++) {
        assert_int_equal(make(&f, BAD_AID("\x01"), 1, span_of(&ways[i], 1), &index), SW_TECHNICAL_PROBLEM);
        assert_int_equal(applets_count(f.card), count);
        lives(&f);
    }
    uint8_t *after = fixture_snapshot(&f, &m);
    assert_int_equal(n, m);
    assert_memory_equal(before, after, n);
    free(before);
    free(after);
    assert_int_equal(make(&f, BAD_AID("\x01"), 1, SPAN_EMPTY, &index), SW_OK);
    fixture_close(&f);
}

/* Every way to die or not to end, in a command. */
static void test_commands(void **state)
{
    (void)state;
    static const uint8_t deadly[] = {0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 12};
    struct fixture f;
    uint8_t index, neighbour;
    char command[16];
    open_card(&f);
    assert_int_equal(make(&f, BAD_AID("\x02"), 1, SPAN_EMPTY, &neighbour), SW_OK);
    apdu(&f, "00A4040C06" BAD "02", "9000");
    apdu(&f, "8001FF00", "9000");
    for (size_t i = 0; i < sizeof deadly; i++) {
        assert_int_equal(make(&f, BAD_AID("\x01"), 1, SPAN_EMPTY, &index), SW_OK);
        snprintf(command, sizeof command, "8001%02X00", deadly[i]);
        apdu(&f, "00A4040C06" BAD "01", "9000");
        apdu(&f, "8001FF00", "9000");
        /* Three times, each undone; then it is locked, for good. */
        for (int death = 0; death < 3; death++) {
            apdu(&f, "00A4040C06" BAD "01", "9000");
            apdu(&f, command, "6F00");
            if (death < 2)
                exchange(&f, "8002000000", "676F6F64 9000");
            lives(&f);
        }
        apdu(&f, "00A4040C06" BAD "01", "6A82");
        fixture_restart(&f);
        f.env.guard = plugins_guard();
        apdu(&f, "00A4040C06" BAD "01", "6A82");
        assert_int_equal(applet_life(f.card, index), LIFE_SELECTABLE | LIFE_LOCKED);
        apdu(&f, "00A4040C06" BAD "02", "9000");
        exchange(&f, "8002000000", "676F6F64 9000");
        objects_begin(f.card->objects);
        assert_int_equal(session_finish(f.card, applet_delete(f.card, index)), SW_OK);
    }
    fixture_close(&f);
}

/* Who dies when it is deselected is deselected all the same. */
static void test_deselect(void **state)
{
    (void)state;
    struct fixture f;
    struct span kept;
    uint8_t bad;
    open_card(&f);
    assert_int_equal(make(&f, BAD_AID("\x01"), 1, SPAN_EMPTY, &bad), SW_OK);
    for (int i = 0; i < 3; i++) {
        apdu(&f, "00A4040C06" BAD "01", "9000");
        apdu(&f, "80030000", "9000");
        apdu(&f, "00A4040C07" USIM_AID_PREFIX, "9000");
        apdu(&f, "00A4000C026F07", "9000");
        assert_true(applet_get((struct applet){f.card, bad}, 1, &kept) &&
                    span_equal(kept, span_of("bad-by", 6)));
    }
    apdu(&f, "00A4040C06" BAD "01", "6A82"); /* and locked in the end */
    lives(&f);
    fixture_close(&f);
}

/* What it may not, or not so much of, it is told. */
static void test_refused(void **state)
{
    (void)state;
    struct fixture f;
    uint8_t index, neighbour;
    char command[16];
    open_card(&f);
    assert_int_equal(make(&f, BAD_AID("\x01"), 1, SPAN_EMPTY, &index), SW_OK);
    assert_int_equal(make(&f, BAD_AID("\x02"), 1, SPAN_EMPTY, &neighbour), SW_OK);
    fixture_terminal_profile(&f);
    apdu(&f, "00A4040C06" BAD "02", "9000");
    apdu(&f, "8001FF00", "9000");
    apdu(&f, "00A4040C06" BAD "01", "9000");
    apdu(&f, "80010500", "6A84"); /* D8: 16 KiB */
    snprintf(command, sizeof command, "80010B%02X", neighbour);
    apdu(&f, command, "6982");
    apdu(&f, "80010D00", "6982"); /* it was installed without an access domain */
    apdu(&f, "80010F00", "6A84"); /* and none of them is sent, for the command fails */
    apdu(&f, "80F2000C00", "9000");
    apdu(&f, "80010E00", "91*");
    assert_true(uicc_footprint(f.card) < 4096 + 4 * UICC_TRANSIENT_MAX + 8192);
    apdu(&f, "00A4040C06" BAD "02", "91*");
    exchange(&f, "8002000000", "676F6F64 *");
    lives(&f);
    fixture_close(&f);
}

/* In an event: the applet after it is told, what it did is undone. */
static void test_events(void **state)
{
    (void)state;
    static const uint8_t ways[] = {0, 2, 6, 9};
    for (size_t i = 0; i < sizeof ways; i++) {
        struct fixture f;
        struct span kept;
        uint8_t bad, good;
        const uint8_t parameters[2] = {0, ways[i]}, kind[2] = {0, GOOD};
        open_card(&f);
        assert_int_equal(make(&f, BAD_AID("\x01"), 1, span_of(parameters, 2), &bad), SW_OK);
        assert_int_equal(make(&f, BAD_AID("\x02"), 1, span_of(kind, 2), &good), SW_OK);
        for (int n = 0; n < 4; n++)
            exchange(&f, "80C200000F D60D99010382028281 9B0100 930103", "9000");
        assert_true(applet_get((struct applet){f.card, good}, 1, &kept));
        assert_false(applet_get((struct applet){f.card, bad}, 1, &kept));
        assert_false(applet_active(f.card, bad)); /* three times was enough */
        assert_true(applet_active(f.card, good));
        lives(&f);
        fixture_close(&f);
    }
}

/* The server dies: the client's command is undone with it, and it is the server that is to blame. */
static void test_shared(void **state)
{
    (void)state;
    struct fixture f;
    struct span kept;
    uint8_t server, client;
    open_card(&f);
    assert_int_equal(make(&f, BAD_AID("\x01"), 1, SPAN_EMPTY, &server), SW_OK);
    assert_int_equal(make(&f, BAD_AID("\x02"), 2, SPAN_EMPTY, &client), SW_OK);
    apdu(&f, "00A4040C06" BAD "02", "9000");
    apdu(&f, "8001FF0006" BAD "01", "9000");
    assert_true(applet_get((struct applet){f.card, server}, 1, &kept) &&
                applet_get((struct applet){f.card, client}, 1, &kept));
    objects_begin(f.card->objects);
    assert_true(applet_remove((struct applet){f.card, client}, 1));
    assert_true(card_commit(f.card));
    static const char *const ways[] = {"8001060006" BAD "01", "8001090006" BAD "01", "8001080006" BAD "01"};
    for (int i = 0; i < 3; i++) {
        apdu(&f, ways[i], "6*");
        assert_false(applet_get((struct applet){f.card, client}, 1, &kept));
    }
    assert_false(applet_active(f.card, server));
    assert_true(applet_active(f.card, client));
    apdu(&f, "8001FF0006" BAD "01", "9000");
    /* Time is another matter: it is the client's, who chose whom to call; else a client could have any server
     * locked that is called when little is left. */
    assert_int_equal(make(&f, BAD_AID("\x03"), 1, SPAN_EMPTY, &server), SW_OK);
    for (int i = 0; i < 3; i++) {
        apdu(&f, "00A4040C06" BAD "02", "9000");
        apdu(&f, "8001020006" BAD "03", "6F00");
    }
    assert_true(applet_active(f.card, server));
    assert_false(applet_active(f.card, client));
    lives(&f);
    fixture_close(&f);
}

/* Other threads run the same code, on cards of their own, while one is cut off in the middle of malloc: none
 * of them fails. */
enum { THREADS = 3, CALLS = 4000 };

struct worker {
    struct fixture f;
    uint8_t command[5];
    unsigned calls, good;
    pthread_t thread;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    static const uint8_t select[] = {0x00, 0xA4, 0x04, 0x0C, 6, 0xF0, 'b', 'a', 'd', 1, 1};
    uint8_t *answer = malloc(UICC_RESPONSE_MAX);
    for (unsigned i = 0; answer != NULL && i < w->calls; i++) {
        (void)uicc_transmit(w->f.card, select, sizeof select, answer);
        size_t n = uicc_transmit(w->f.card, w->command, sizeof w->command, answer);
        w->good += n >= 2 && answer[n - 2] == 0x90 && answer[n - 1] == 0x00;
    }
    free(answer);
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    struct worker *w = calloc(THREADS, sizeof *w);
    uint8_t index;
    assert_non_null(w);
    for (int i = 0; i < THREADS; i++) {
        open_card(&w[i].f);
        assert_int_equal(make(&w[i].f, BAD_AID("\x01"), 1, SPAN_EMPTY, &index), SW_OK);
        memcpy(w[i].command, i == 0 ? "\x80\x01\x03\x00\x00" : "\x80\x01\xFF\x00\x00", 5);
        w[i].calls = i == 0 ? 3 : CALLS;
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(w[i].thread, NULL), 0);
    assert_int_equal(w[0].good, 0);
    for (int i = 1; i < THREADS; i++)
        assert_int_equal(w[i].good, CALLS);
    for (int i = 0; i < THREADS; i++)
        fixture_close(&w[i].f);
    free(w);
}

static void wrong(const char *path, const char *word)
{
    struct plugins_error error;
    assert_null(load(path, &error));
    if (strstr(error.text, word) == NULL || strncmp(error.text, path, strlen(path)) != 0 ||
        strchr(error.text, '\n') != NULL)
        fail_msg("%s", error.text);
}

static void test_not_loaded(void **state)
{
    (void)state;
    struct plugins_error error;
    wrong("/nonexistent/hello.so", "No such file");
    wrong("hello.so", "whole path");
    wrong(objects[1], "another version of uicc_applet.h");
    wrong(objects[2], "no symbol \"uicc_package\"");
    wrong(objects[3], "a class \"usim\" already");
    struct profile_applet row = {.class_name = "missing", .so = objects[0]};
    const struct profile p = {.n_applets = 1, .applets = &row};
    assert_null(plugins_classes(&p, &error));
    assert_non_null(strstr(error.text, "has no class \"missing\"; it has: hostile, client"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_loaded), cmocka_unit_test(test_dies_in_install),
        cmocka_unit_test(test_commands),   cmocka_unit_test(test_refused),
        cmocka_unit_test(test_deselect),   cmocka_unit_test(test_threads),
        cmocka_unit_test(test_events),     cmocka_unit_test(test_shared),
    };
    static char *paths[4];
    objects = paths;
    for (int i = 0; i + 1 < argc && i < 4; i++)
        paths[i] = realpath(argv[i + 1], NULL);
    if (guard_get() == NULL)
        return 2;
    keep_handlers(false);
    return argc == 5 ? cmocka_run_group_tests_name("plugins", tests, NULL, NULL) : 2;
}
