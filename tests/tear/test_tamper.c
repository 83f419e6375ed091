/* SPDX-License-Identifier: Apache-2.0
 *
 * test_tamper [STRIDE [BITS [gate]]]: a deck of one card, every STRIDEth octet of which is changed in turn
 * (of the deck and of its key), in as many ways as BITS has octets to exclusive-or with, then pages swapped,
 * put back to an older state, cut off and added. Whatever is done, the card is either refused, with a line
 * that says why, or is exactly what it was, and goes on to be: never a crash, never another PIN, try, key or
 * counter. With `gate` as if the deck were too large to be looked through when it is opened.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "folder.h"
#include "card.h"
#include "card_fixture.h"
#include "deck_check.h"
#include "deck_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROOM = 1 << 20, PAGE = 4096, HEADER = 16, TRANSACTION = 144, KEY = 32, NEWS = 12, PAST = 32 };

static size_t stride = 13;
static const uint8_t few[] = {0x01, 0xFF}, many[] = {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xFF};
static const uint8_t *masks = few;
static size_t n_masks = sizeof few;
static off_t whole = DECK_WHOLE;

struct world {
    struct fixture f; /* profile, ciphers, and the card as it should be, in memory */
    char folder[256], deck[300], key_file[320];
    uint8_t old[ROOM], now[ROOM], key[KEY + 1];
    size_t old_n, n;
    uint8_t *objects; /* of the card as it is now */
    size_t objects_n;
    struct {
        uint8_t *objects;
        size_t n;
    } past[PAST]; /* every state the card was in */
    size_t n_past;
    uint8_t image[PAST][ROOM / 4]; /* the file at that time */
    size_t image_n[PAST];
    bool may_be_old;
    uint8_t *profile; /* as the deck keeps it */
    size_t profile_n;
    struct deck_error error;
    unsigned long refused, same, loads;
};

/* Where the file was changed: a crash is to tell. */
static size_t at;

static void put_file(const char *path, const uint8_t *octets, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, octets, n), n);
    close(fd);
}

static size_t get_file(const char *path, uint8_t *octets)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t n = read(fd, octets, ROOM);
    assert_true(n > 0 && n < ROOM);
    close(fd);
    return (size_t)n;
}

static bool copy_object(void *ctx, uint32_t id, struct span value)
{
    const struct store_change change = {.id = id, .value = value};
    return store_write(ctx, &change, 1) == STORE_OK;
}

static struct uicc_store *store_replace(struct uicc_store *old, struct uicc_store *from)
{
    struct uicc_store *s = store_mem_new();
    store_close(old);
    assert_int_equal(store_load(from, copy_object, s), STORE_OK);
    return s;
}

static void say(struct uicc *card, const char *hex)
{
    static uint8_t answer[UICC_RESPONSE_MAX];
    uint8_t command[64];
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++)
        assert_int_equal(sscanf(hex + 2 * i, "%2hhx", &command[i]), 1);
    (void)uicc_transmit(card, command, n, answer);
}

static void remember(struct world *w, struct uicc_store *s)
{
    w->f.memory = store_replace(w->f.memory, s);
    assert_true(w->n_past < PAST);
    w->past[w->n_past].objects = fixture_snapshot(&w->f, &w->past[w->n_past].n);
    w->image_n[w->n_past] = get_file(w->deck, w->image[w->n_past]);
    w->n_past++;
}

static bool was_so(const struct world *w, const uint8_t *objects, size_t n)
{
    for (size_t i = 0; i < w->n_past; i++)
        if (n == w->past[i].n && memcmp(objects, w->past[i].objects, n) == 0)
            return true;
    return false;
}

/* A card in a deck, with some history: two states of the file, of which `now` is the newer. */
static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    uint8_t atr[UICC_ATR_MAX];
    if (w == NULL)
        return -1;
    if (!folder_make(w->folder, "tamper"))
        return -1;
    snprintf(w->deck, sizeof w->deck, "%s/d.uicc", w->folder);
    snprintf(w->key_file, sizeof w->key_file, "%s.key", w->deck);
    fixture_open(&w->f, "test");
    assert_true(profile_encode(&w->f.profile->p, &w->profile, &w->profile_n));
    struct deck *d = deck_create(w->deck, span_of(w->profile, w->profile_n), w->f.crypto, &w->error);
    assert_non_null(d);
    struct uicc_store *s = deck_new_card(d, FIXTURE_ICCID, &w->error);
    const struct uicc_config config = {&w->f.env, w->f.profile, s, w->f.classes};
    const struct uicc_personal personal = {FIXTURE_ICCID, NULL, w->f.seed, sizeof w->f.seed, NULL};
    struct uicc *card;
    assert_int_equal(uicc_personalise(&config, &personal), UICC_OK);
    assert_true(deck_publish(d, &w->error));
    assert_int_equal(uicc_open(&config, &card), UICC_OK);
    assert_true(uicc_reset(card, atr) > 0);
    static const char *const first[] = {
        /* files come and go: the tree has free pages, and one object pages of its own */
        "0020000A083132333435363738", "00E000001662148202412183026F998A01058B032F060280022000",
        "00E000001662148202412183026F988A01058B032F060280020100", "00E40000026F98"};
    remember(w, s);
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++) {
        say(card, first[i]);
        remember(w, s);
    }
    uicc_close(card);
    store_close(s);
    deck_close(d);
    w->old_n = get_file(w->deck, w->old);
    d = deck_open(w->deck, DECK_POWER, w->f.crypto, &w->error);
    s = deck_card(d, FIXTURE_ICCID, &w->error);
    const struct uicc_config again = {&w->f.env, w->f.profile, s, w->f.classes};
    assert_int_equal(uicc_open(&again, &card), UICC_OK);
    assert_true(uicc_reset(card, atr) > 0);
    for (int i = 0; i < NEWS; i++) { /* the last thing that happens is a try spent */
        say(card, i % 2 == 0 ? "00A40004023F00" : "0020000A083132333435363739");
        remember(w, s);
    }
    uicc_close(card);
    /* what has to be there */
    w->f.memory = store_replace(w->f.memory, s);
    store_close(s);
    deck_close(d);
    w->n = get_file(w->deck, w->now);
    assert_int_equal(get_file(w->key_file, w->old + w->old_n), KEY);
    memcpy(w->key, w->old + w->old_n, KEY);
    w->objects = fixture_snapshot(&w->f, &w->objects_n);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    if (at != SIZE_MAX)
        print_message("# (the last change was at octet %zu)\n", at);
    unlink(w->deck);
    unlink(w->key_file);
    int rc = rmdir(w->folder);
    free(w->objects);
    for (size_t i = 0; i < w->n_past; i++)
        free(w->past[i].objects);
    free(w->profile);
    fixture_close(&w->f);
    free(w);
    return rc;
}

/* Opens what lies there, as softuicc does, and looks at all of it. */
static bool card_is(struct world *w, enum deck_durability durability, bool write_too)
{
    struct fixture f = {.memory = NULL};
    char iccid[DECK_ICCID_MAX + 1];
    struct deck *d = deck_open_upto(w->deck, durability, w->f.crypto, NULL, &w->error, whole);
    if (d == NULL) {
        assert_true(strlen(w->error.text) > 10 && strchr(w->error.text, '\n') == NULL);
        return false;
    }
    if (!span_equal(deck_profile(d), span_of(w->profile, w->profile_n)))
        fail_msg("octet %zu: the profile is another, and nobody says so", at);
    (void)deck_next(d, "", iccid);
    struct uicc_store *s = deck_card(d, FIXTURE_ICCID, &w->error);
    enum store_result result = STORE_FAILED;
    struct uicc *card = NULL;
    if (s == NULL) {
        assert_true(strlen(w->error.text) > 10 && strchr(w->error.text, '\n') == NULL);
    } else {
        f.memory = store_mem_new();
        result = store_load(s, copy_object, f.memory);
        const struct uicc_config config = {&w->f.env, w->f.profile, s, w->f.classes};
        enum uicc_result opened = uicc_open(&config, &card);
        assert_int_equal(opened == UICC_OK, result == STORE_OK);
        assert_true(opened == UICC_OK || opened == UICC_TAMPERED || opened == UICC_STORE_FAILED);
        w->loads += result == STORE_OK;
    }
    if (result == STORE_OK) {
        size_t n;
        uint8_t *objects = fixture_snapshot(&f, &n);
        bool old = w->may_be_old && was_so(w, objects, n);
        if (!old && (n != w->objects_n || memcmp(objects, w->objects, n) != 0))
            fail_msg("octet %zu: the card is another%s, and nobody says so", at,
                     was_so(w, objects, n) ? ", as it once was" : "");
        free(objects);
        if (write_too) { /* it may go on as it is */
            uint8_t atr[UICC_ATR_MAX];
            assert_true(uicc_reset(card, atr) > 0);
            for (int i = 0; i < 3; i++)
                say(card, "0020000A083132333435363739");
        }
    }
    uicc_close(card);
    store_close(f.memory);
    store_close(s);
    deck_close(d);
    return result == STORE_OK;
}

static bool card_is_there(struct world *w, bool write_too)
{
    return card_is(w, DECK_POWER, write_too);
}

/* Who only reads comes to the same verdict, and leaves the file as it is. */
static void try_reading(struct world *w, const uint8_t *octets, size_t n, bool there)
{
    static uint8_t after[ROOM];
    put_file(w->deck, octets, n);
    if (card_is(w, DECK_READ, false) != there)
        fail_msg("octet %zu: read it is %s: %s", at, there ? "refused" : "accepted", w->error.text);
    assert_int_equal(get_file(w->deck, after), n);
    assert_memory_equal(after, octets, n);
}

static void try_it(struct world *w, const uint8_t *octets, size_t n)
{
    put_file(w->deck, octets, n);
    bool there = card_is_there(w, true);
    if (n > 0 && ((w->same + w->refused) % 4 == 0 || n != w->n))
        try_reading(w, octets, n, there);
    *(there ? &w->same : &w->refused) += 1;
}

static void told(struct world *w, const char *what)
{
    print_message("# %s: %lu refused, %lu without effect\n", what, w->refused, w->same);
    w->refused = w->same = 0;
    at = SIZE_MAX;
}

static void test_octets(void **state)
{
    struct world *w = *state;
    static uint8_t changed[ROOM];
    put_file(w->deck, w->now, w->n);
    assert_true(card_is_there(w, false));
    memcpy(changed, w->now, w->n);
    for (at = 0; at < w->n; at += at % PAGE < HEADER ? 1 : stride) {
        const bool header = at % PAGE < HEADER; /* of a page: each octet, in every way */
        const uint8_t *with = header ? many : masks;
        for (size_t i = 0; i < (header ? sizeof many : n_masks); i++) {
            changed[at] = (uint8_t)(w->now[at] ^ with[i]);
            try_it(w, changed, w->n);
            changed[at] = w->now[at];
        }
    }
    assert_true(w->refused > 200 && w->same > 200);
    told(w, "octets of the deck");
}

/* The meta pages after each of those transactions: their numbers decide which of the two counts. */
static void test_metas(void **state)
{
    struct world *w = *state;
    static uint8_t changed[ROOM];
    for (size_t i = w->n_past - (n_masks > sizeof few ? NEWS : 4); i < w->n_past; i++) {
        size_t n = w->image_n[i], newest = w->objects_n;
        uint8_t *objects = w->objects;
        w->objects = w->past[i].objects;
        w->objects_n = w->past[i].n;
        memcpy(changed, w->image[i], n);
        put_file(w->deck, changed, n);
        assert_true(card_is_there(w, false));
        assert_int_equal(deck_check(span_of(changed, n), false), DECK_SOUND);
        for (at = 0; at < PAGE + 160; at += at == 159 ? PAGE - 159 : 1)
            for (size_t k = 0; k < sizeof many; k++) {
                changed[at] = (uint8_t)(w->image[i][at] ^ many[k]);
                /* The number of a transaction, in a deck that is too large to be looked at as a whole. */
                if (at % PAGE >= TRANSACTION && at % PAGE < TRANSACTION + 8)
                    assert_int_equal(deck_check(span_of(changed, n), false), DECK_UNSOUND);
                put_file(w->deck, changed, n);
                *(card_is_there(w, false) ? &w->same : &w->refused) += 1;
                changed[at] = w->image[i][at];
            }
        w->objects = objects;
        w->objects_n = newest;
    }
    told(w, "meta pages, at several transactions");
}

/* What a process leaves that is killed while it writes a meta page through the map: the trees of the
 * transaction under way, and the number of the one before. That is no tampering; in a deck that was closed it
 * is. */
static void test_half_meta(void **state)
{
    enum { TREES = 40 };
    struct world *w = *state;
    static uint8_t changed[ROOM];
    struct stat st;
    memcpy(changed, w->now, w->n);
    memset(changed + w->n, 0, PAGE);
    uint64_t first, second;
    memcpy(&first, changed + TRANSACTION, sizeof first);
    memcpy(&second, changed + PAGE + TRANSACTION, sizeof second);
    uint8_t *older = changed + (first < second ? 0 : PAGE), *newer = changed + (first < second ? PAGE : 0);
    memcpy(older + TREES, newer + TREES, TRANSACTION - TREES);
    at = TREES;
    put_file(w->deck, changed, w->n + PAGE);
    for (unsigned i = 0; i < 3; i++) /* looked at, and closed: that page is as it was */
        if (!card_is_there(w, false))
            fail_msg("opened and closed %u times, and then: %s", i, w->error.text);
    assert_true(card_is_there(w, true));
    struct deck *d = deck_open(w->deck, DECK_POWER, w->f.crypto, &w->error);
    assert_non_null(d); /* written: that page is whole again */
    deck_close(d);
    assert_int_equal(stat(w->deck, &st), 0);
    assert_true((size_t)st.st_size <= w->n + 2 * PAGE);
    put_file(w->deck, changed, w->n);
    assert_false(card_is_there(w, false));
    at = SIZE_MAX;
}

static unsigned get16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Octets of a page that its ith node takes. */
static size_t node_size(const uint8_t *page, size_t i, bool leaf)
{
    const uint8_t *node = page + get16(page + HEADER + 2 * i);
    size_t value = !leaf ? 0 : get16(node + 4) != 0 ? 8 : get16(node) + ((size_t)get16(node + 2) << 16);
    return (8 + get16(node + 6) + value + 1) & ~(size_t)1;
}

/* Nodes that lie over each other, while what they take adds up as it should and each is whole: writing the
 * value of the one would make another header of the other, and LMDB go by that. */
static void test_overlap(void **state)
{
    enum { FLAGS = 10, LOWER = 12, UPPER = 14, BRANCH = 1, LEAF = 2, BY = 2 };
    struct world *w = *state;
    static uint8_t changed[ROOM];
    unsigned long tried = 0;
    for (size_t page = 2 * PAGE; page < w->n; page += PAGE) {
        const uint8_t *p = w->now + page;
        const unsigned kind = get16(p + FLAGS);
        memcpy(changed, w->now, w->n);
        changed[page + FLAGS] = 0xFF;
        if ((kind != BRANCH && kind != LEAF) || deck_check(span_of(changed, w->n), true) == DECK_SOUND)
            continue; /* values, and pages that are free */
        for (size_t i = 0; i < (get16(p + LOWER) - HEADER) / 2u; i++) {
            const unsigned from = get16(p + HEADER + 2 * i);
            if (from == get16(p + UPPER))
                continue; /* the lowest has nothing below it */
            const uint16_t to = (uint16_t)(from - BY);
            memcpy(changed, w->now, w->n);
            memcpy(changed + page + to, p + from, node_size(p, i, kind == LEAF));
            memcpy(changed + page + HEADER + 2 * i, &to, sizeof to);
            at = page + from;
            if (deck_check(span_of(changed, w->n), true) != DECK_UNSOUND)
                fail_msg("octet %zu: node %zu lies over its neighbour, and the page is taken for sound", at,
                         i);
            try_it(w, changed, w->n);
            tried++;
        }
    }
    assert_true(tried > 40);
    told(w, "nodes that lie over each other");
}

static void test_key(void **state)
{
    struct world *w = *state;
    put_file(w->deck, w->now, w->n);
    for (at = 0; at < KEY; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            w->key[at] ^= (uint8_t)(1u << bit);
            put_file(w->key_file, w->key, KEY);
            assert_false(card_is_there(w, false));
            assert_non_null(strstr(w->error.text, ".key"));
            w->key[at] ^= (uint8_t)(1u << bit);
        }
    for (size_t n = 0; n <= KEY + 1; n++) {
        put_file(w->key_file, w->key, n);
        assert_int_equal(card_is_there(w, false), n == KEY);
    }
    put_file(w->key_file, w->key, KEY);
    assert_true(card_is_there(w, false));
    told(w, "the key");
}

static void test_pages(void **state)
{
    struct world *w = *state;
    static uint8_t changed[ROOM];
    const size_t pages = w->n / PAGE, skip = stride > 1 ? 3 : 1, shorter = stride > 1 ? 509 : 61;
    for (size_t a = 0; a < pages; a++) /* swapped, and one in another's place */
        for (size_t b = 0; b < pages; b += skip) {
            at = a * PAGE;
            memcpy(changed, w->now, w->n);
            memcpy(changed + a * PAGE, w->now + b * PAGE, PAGE);
            try_it(w, changed, w->n);
            memcpy(changed + b * PAGE, w->now + a * PAGE, PAGE);
            try_it(w, changed, w->n);
        }
    told(w, "pages swapped and doubled");
    for (size_t a = 0; a < pages && a < w->old_n / PAGE; a++) /* as it was before */
        for (size_t b = a; b < pages && b < w->old_n / PAGE; b++) {
            /* A leaf, or several, may be the whole card as it once was, which nothing in the deck can tell; a
             * meta page may not. */
            w->may_be_old = b > 1;
            at = a * PAGE;
            memcpy(changed, w->now, w->n);
            memcpy(changed + a * PAGE, w->old + a * PAGE, (b - a + 1) * PAGE);
            try_it(w, changed, w->n);
        }
    w->may_be_old = false;
    told(w, "pages put back to what they were");
    for (size_t n = 0; n < w->n; n += shorter) {
        at = n;
        try_it(w, w->now, n);
    }
    told(w, "cut short");
    for (size_t more = 1; more < 3 * PAGE; more += 1000) {
        at = w->n;
        memcpy(changed, w->now, w->n);
        memset(changed + w->n, more % 2 == 0 ? 0 : 0xA5, more);
        try_it(w, changed, w->n + more);
    }
    told(w, "longer");
}

int main(int argc, char **argv)
{
    at = SIZE_MAX;
    if (argc > 1)
        stride = strtoul(argv[1], NULL, 10);
    if (argc > 2 && strcmp(argv[2], "all") == 0) {
        masks = many;
        n_masks = sizeof many;
    }
    if (argc > 3 && strcmp(argv[3], "gate") == 0)
        whole = 0;
    if (stride == 0)
        stride = 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_octets),    cmocka_unit_test(test_metas),
                                       cmocka_unit_test(test_half_meta), cmocka_unit_test(test_overlap),
                                       cmocka_unit_test(test_key),       cmocka_unit_test(test_pages)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
