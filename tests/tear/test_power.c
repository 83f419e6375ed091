/* SPDX-License-Identifier: Apache-2.0
 *
 * What a power cut and a failing disk leave of a deck. Power: after every single write, sync and change of
 * length that LMDB and the deck make, the disk is taken to hold what was synced and any part of the rest
 * (nothing, everything, sectors by chance); the deck opens, and what the card has is the last transaction
 * that was answered or the one under way, whole. Failures: every one of these calls fails, with each error a
 * disk has, once or for good.
 */
#include "deck.h"
#include "disk.h"
#include "folder.h"
#include "objects.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ICCID "8944500000000000001"

enum {
    OBJECTS = 6,
    TRANSACTIONS = 40,
    EVENTS_MAX = 2000,
    TOSSES = 4,
    CALLS = 7 /* to the disk, and more than a transaction has */
};

struct world {
    struct uicc_crypto *crypto;
    char folder[256], deck[300], image[300], image_key[320];
    struct deck_error error;
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    if (w == NULL)
        return -1;
    w->crypto = crypto_new();
    if (w->crypto == NULL || !folder_make_on_disk(w->folder, "power"))
        return -1;
    snprintf(w->deck, sizeof w->deck, "%s/d.uicc", w->folder);
    snprintf(w->image, sizeof w->image, "%s/i.uicc", w->folder);
    snprintf(w->image_key, sizeof w->image_key, "%s.key", w->image);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    char key[320];
    snprintf(key, sizeof key, "%s.key", w->deck);
    disk_forget();
    unlink(w->deck);
    unlink(key);
    unlink(w->image);
    unlink(w->image_key);
    int rc = rmdir(w->folder);
    crypto_free(w->crypto);
    free(w);
    return rc;
}

/* Transaction k: every object tells k, in lengths that change, one of them in pages of its own; some go away.
 */
static enum store_result write_transaction(struct objects *o, uint64_t k)
{
    static uint8_t octets[20000];
    objects_begin(o);
    for (uint32_t id = 0; id < OBJECTS; id++) {
        size_t n = id == 5 ? 8 + (k * 977) % (sizeof octets - 8) : 8 + (k * (id + 3)) % 50;
        memset(octets, (int)(k & 0xFF), n);
        memcpy(octets, &k, 8);
        if (!((k + id) % 4 == 0 ? objects_remove(o, id) : objects_put(o, id, span_of(octets, n))))
            return STORE_FAILED;
    }
    return objects_commit(o);
}

/* The transaction whose state this is; fails the test when it is of no single one. */
static uint64_t transaction_of(const struct objects *o, const char *where)
{
    uint64_t found = 0;
    struct span v;
    for (uint32_t id = 0; id < OBJECTS; id++)
        if (objects_get(o, id, &v)) {
            uint64_t k;
            memcpy(&k, v.p, 8);
            if (found != 0 && found != k)
                fail_msg("%s: %llu and %llu mixed", where, (unsigned long long)found, (unsigned long long)k);
            found = k;
        }
    for (uint32_t id = 0; id < OBJECTS && found != 0; id++)
        if (objects_get(o, id, &v) != ((found + id) % 4 != 0) || (v.n > 8 && v.p[v.n - 1] != (found & 0xFF)))
            fail_msg("%s: object %u is not of transaction %llu", where, (unsigned)id,
                     (unsigned long long)found);
    return found;
}

static void make(struct world *w)
{
    struct deck *d = deck_create(w->deck, span_of("profile", 7), w->crypto, &w->error);
    assert_non_null(d);
    struct uicc_store *s = deck_new_card(d, ICCID, &w->error);
    assert_int_equal(store_write(s, NULL, 0), STORE_OK);
    store_close(s);
    assert_true(deck_publish(d, &w->error));
    deck_close(d);
}

static void copy_key(const struct world *w)
{
    uint8_t key[32];
    char path[320];
    snprintf(path, sizeof path, "%s.key", w->deck);
    int from = open(path, O_RDONLY), to = open(w->image_key, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(read(from, key, sizeof key), sizeof key);
    assert_int_equal(write(to, key, sizeof key), sizeof key);
    close(from);
    close(to);
}

static void copy_file(const char *from, const char *to)
{
    static uint8_t octets[4 << 20];
    int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t n = read(in, octets, sizeof octets);
    assert_true(n > 0 && (size_t)n < sizeof octets && write(out, octets, (size_t)n) == n);
    close(in);
    close(out);
}

/* The transaction in the image; UINT64_MAX: the deck does not open, or the card does not. */
static uint64_t open_image(struct world *w, const char *where)
{
    struct deck *d = deck_open(w->image, DECK_POWER, w->crypto, &w->error);
    struct uicc_store *s = d != NULL ? deck_card(d, ICCID, &w->error) : NULL;
    struct objects *o = NULL;
    uint64_t found = UINT64_MAX;
    if (s != NULL && objects_open(s, &o) == STORE_OK) {
        found = transaction_of(o, where);
        /* and it goes on from there */
        assert_int_equal(write_transaction(o, found + 1), STORE_OK);
        objects_close(o);
    }
    store_close(s);
    deck_close(d);
    return found;
}

/* Answered transactions as of each event. */
static uint64_t answered[EVENTS_MAX];

static void record(struct world *w, enum deck_durability durability, bool sync_each)
{
    disk_watch(w->deck);
    struct deck *d = deck_open(w->deck, durability, w->crypto, &w->error);
    struct uicc_store *s = deck_card(d, ICCID, &w->error);
    struct objects *o;
    assert_int_equal(objects_open(s, &o), STORE_OK);
    size_t events = 0;
    for (uint64_t k = 1; k <= TRANSACTIONS; k++) {
        assert_int_equal(write_transaction(o, k), STORE_OK);
        if (sync_each)
            assert_true(deck_sync(d, &w->error));
        assert_true(disk_events() < EVENTS_MAX);
        for (; events < disk_events(); events++)
            answered[events] = k - 1;
        answered[disk_events()] = k;
    }
    objects_close(o);
    store_close(s);
    deck_close(d);
    for (; events < disk_events(); events++)
        answered[events] = TRANSACTIONS;
    answered[disk_events()] = TRANSACTIONS;
}

/* DECK_POWER: whatever was answered is there. */
static void test_power(void **state)
{
    struct world *w = *state;
    unsigned images = 0, newer = 0;
    make(w);
    copy_key(w);
    record(w, DECK_POWER, false);
    size_t all = disk_events();
    for (size_t events = 0; events <= all; events++)
        for (uint64_t seed = 0; seed < 2 + TOSSES; seed++, images++) {
            char where[100];
            snprintf(where, sizeof where, "power cut in event %zu, seed %llu", events,
                     (unsigned long long)seed);
            assert_true(disk_image(events, seed < 2 ? seed : seed * 7919 + events, w->image));
            uint64_t found = open_image(w, where);
            if (found == UINT64_MAX)
                fail_msg("%s: %s", where, w->error.text);
            uint64_t was = events > 0 ? answered[events - 1] : 0;
            if (found < was || found > was + 1)
                fail_msg("%s: transaction %llu was answered, %llu is there", where, (unsigned long long)was,
                         (unsigned long long)found);
            newer += found > was;
        }
    print_message("# %zu events, %u images, %u with the transaction under way\n", all, images, newer);
    assert_true(all > 3 * TRANSACTIONS && newer > 10);
}

/* DECK_NONE promises nothing of a power cut but that nobody crashes on what it leaves: the page that makes a
 * commit may be there before its contents. */
static void test_none(void **state)
{
    struct world *w = *state;
    unsigned images = 0, whole = 0;
    make(w);
    copy_key(w);
    record(w, DECK_NONE, true);
    size_t all = disk_events();
    for (size_t events = 0; events <= all; events += 1 + all / 60)
        for (uint64_t seed = 0; seed < 2 + TOSSES; seed++, images++) {
            assert_true(disk_image(events, seed < 2 ? seed : seed * 104729 + events, w->image));
            whole += open_image(w, "whatever is left") != UINT64_MAX;
        }
    print_message("# %zu events, %u images, %u open\n", all, images, whole);
    assert_true(whole > 0);
}

/* DECK_PROCESS: what the map holds may come to the disk page by page, in any order: of two states of the
 * file, any mixture. */
static void test_map(void **state)
{
    struct world *w = *state;
    enum { PAGE = 4096, ROOM = 4 << 20, MIXTURES = 300 };
    static uint8_t old[ROOM], new[ROOM];
    unsigned whole = 0;
    uint64_t seed = 1;
    make(w);
    copy_key(w);
    struct deck *d = deck_open(w->deck, DECK_PROCESS, w->crypto, &w->error);
    struct uicc_store *s = deck_card(d, ICCID, &w->error);
    struct objects *o;
    assert_int_equal(objects_open(s, &o), STORE_OK);
    for (uint64_t k = 1; k <= 20; k++)
        assert_int_equal(write_transaction(o, k), STORE_OK);
    int fd = open(w->deck, O_RDONLY); /* an open-file-description lock is not lost with it */
    ssize_t n = pread(fd, old, ROOM, 0);
    for (uint64_t k = 21; k <= 24; k++)
        assert_int_equal(write_transaction(o, k), STORE_OK);
    assert_true(n > 0 && pread(fd, new, ROOM, 0) >= n);
    close(fd);
    objects_close(o);
    store_close(s);
    deck_close(d);
    for (int i = 0; i < MIXTURES; i++) {
        FILE *f = fopen(w->image, "wbe");
        for (size_t at = 0; at < (size_t)n; at += PAGE) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            bool newer = i == 0 ? false : (i == 1 ? true : seed >> 63 != 0);
            assert_int_equal(fwrite((newer ? new : old) + at, 1, PAGE, f), PAGE);
        }
        (void)fclose(f);
        uint64_t found = open_image(w, "a mixture");
        whole += found != UINT64_MAX;
        if (i < 2)
            assert_int_equal(found, i == 0 ? 20 : 24);
    }
    print_message("# process: %d mixtures of pages, %u open\n", MIXTURES, whole);
}

/* After a call that failed nothing more is written: the deck is closed, or its process killed then. It opens
 * again, as it was, or with that transaction. */
static void close_after(struct world *w, long nth, int error, bool half, bool for_good, const char *where)
{
    struct objects *o;
    struct deck *d = deck_open(w->deck, DECK_POWER, w->crypto, &w->error);
    assert_non_null(d);
    struct uicc_store *s = deck_card(d, ICCID, &w->error);
    assert_int_equal(objects_open(s, &o), STORE_OK);
    const uint64_t before = transaction_of(o, where);
    disk_fail(nth, error, half, for_good);
    const bool done = write_transaction(o, before + 1) == STORE_OK;
    disk_mend();
    /* A disk that cuts a meta page short for good, and is all right again when somebody else opens the deck,
     * is none. */
    if (!(half && for_good)) {
        copy_file(w->deck, w->image);
        const uint64_t found = open_image(w, where);
        if (found != before + done && found != before + 1)
            fail_msg("%s, killed then: %s", where, w->error.text);
    }
    objects_close(o);
    store_close(s);
    deck_close(d);
    d = deck_open(w->deck, DECK_POWER, w->crypto, &w->error);
    if (d == NULL)
        fail_msg("%s, closed then: %s", where, w->error.text);
    deck_close(d);
}

/* Every call to the disk fails, in every way. */
static void test_failing(void **state)
{
    struct world *w = *state;
    static const struct {
        int error;
        bool half, for_good;
    } ways[] = {{ENOSPC, false, false}, {ENOSPC, true, false}, {EIO, false, false},
                {ENOSPC, false, true},  {EROFS, false, true},  {EDQUOT, true, true}};
    make(w);
    copy_key(w);
    disk_watch(w->deck);
    unsigned failures = 0;
    long ended[sizeof ways / sizeof ways[0]] = {0};
    uint64_t k = 1;
    for (size_t way = 0; way < sizeof ways / sizeof ways[0]; way++)
        for (long nth = 0; nth < CALLS; nth++) {
            struct objects *o;
            char where[100];
            snprintf(where, sizeof where, "%s%s at call %ld", strerror(ways[way].error),
                     ways[way].for_good ? " for good" : "", nth);
            const long ends = disk_ends();
            for (int i = 0; i < 3; i++) /* no transaction has as many calls as the next */
                close_after(w, nth, ways[way].error, ways[way].half, ways[way].for_good, where);
            ended[way] += disk_ends() - ends;
            struct deck *d = deck_open(w->deck, DECK_POWER, w->crypto, &w->error);
            assert_non_null(d);
            struct uicc_store *s = deck_card(d, ICCID, &w->error);
            assert_int_equal(objects_open(s, &o), STORE_OK);
            uint64_t before = transaction_of(o, where);
            k = before + 1;
            disk_fail(nth, ways[way].error, ways[way].half, ways[way].for_good);
            bool done = write_transaction(o, k) == STORE_OK;
            assert_int_equal(transaction_of(o, where), done ? k : before);
            if (!done && deck_trouble(d)[0] == '\0')
                fail_msg("%s: no reason is given", where);
            failures += !done;
            if (!done) {
                disk_mend();
                k++; /* the disk is back: it goes on, without being opened again */
                if (write_transaction(o, k) != STORE_OK)
                    fail_msg("%s: the disk is back, and the deck says: %s", where, deck_trouble(d));
                assert_int_equal(transaction_of(o, where), k);
            }
            disk_mend();
            objects_close(o);
            store_close(s);
            deck_close(d);
            d = deck_open(w->deck, DECK_POWER, w->crypto, &w->error);
            if (d == NULL)
                fail_msg("%s: %s", where, w->error.text);
            s = deck_card(d, ICCID, &w->error);
            assert_non_null(s);
            assert_int_equal(objects_open(s, &o), STORE_OK);
            assert_int_equal(transaction_of(o, where), k);
            objects_close(o);
            store_close(s);
            deck_close(d);
        }
    for (size_t way = 0; way < sizeof ways / sizeof ways[0]; way++)
        assert_true(ended[way] > 0);
    print_message("# %u failed transactions\n", failures);
    assert_true(failures >= 18);
}

/* The folder cannot be synced when the deck is to get its name: it has not got it, and tries again; or when
 * it has it, and then whoever made it is not told that there is none. */
static void test_naming(void **state)
{
    struct world *w = *state;
    char path[320];
    struct deck *d = deck_create(w->deck, span_of("profile", 7), w->crypto, &w->error);
    assert_non_null(d);
    disk_fail_folder(0, EIO);
    assert_false(deck_publish(d, &w->error));
    assert_non_null(strstr(w->error.text, "cannot be made"));
    assert_int_equal(access(w->deck, F_OK), -1);
    snprintf(path, sizeof path, "%s.key", w->deck);
    assert_int_equal(access(path, F_OK), -1);
    disk_fail_folder(1, EIO);
    assert_true(deck_publish(d, &w->error));
    assert_int_equal(access(path, F_OK) | access(w->deck, F_OK), 0);
    deck_close(d);
    /* What a power cut may leave then. */
    snprintf(path, sizeof path, "%s.new", w->deck);
    assert_int_equal(rename(w->deck, path), 0);
    disk_fail_folder(0, EIO);
    d = deck_open(w->deck, DECK_POWER, w->crypto, &w->error);
    assert_non_null(d);
    deck_close(d);
    disk_fail_folder(-1, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_power, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_map, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_naming, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
