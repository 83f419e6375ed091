/* SPDX-License-Identifier: Apache-2.0
 *
 * A deck that is too large to be looked through when it is opened, and pages of it that were changed: the
 * root, branches, leaves, overflow pages, the list of free pages. Whatever is below them is refused, or as it
 * was; the other cards go on working, and are written to. test_large [STEP]: every STEPth octet of each page.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "folder.h"
#include "deck_tree.h"
#include "objects.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CARDS = 5600, OBJECTS = 10, SMALL = 900, BIG = 5000, PAGE = 4096, HEADER = 64 };

static size_t stride = 41;

struct world {
    struct uicc_crypto *crypto;
    char folder[256], deck[300], key[320];
    struct deck_error error;
    int fd;
    unsigned long refused, gone, same;
};

static const uint8_t *content(uint32_t id)
{
    static uint8_t octets[BIG];
    memset(octets, (int)id, sizeof octets);
    return octets;
}

static void iccid_of(unsigned card, char iccid[24])
{
    snprintf(iccid, 24, "89445%014u", card);
}

/* As it was made, but for object 0, which counts what was written. */
static enum store_result whole_card(struct deck *d, unsigned card)
{
    struct objects *o = NULL;
    struct deck_error error;
    char iccid[24];
    struct span v;
    iccid_of(card, iccid);
    struct uicc_store *s = deck_card(d, iccid, &error);
    if (s == NULL) {
        assert_true(strstr(error.text, "tampered") != NULL && strchr(error.text, '\n') == NULL);
        return STORE_TAMPERED;
    }
    enum store_result result = objects_open(s, &o);
    for (uint32_t id = 1; id < OBJECTS && result == STORE_OK; id++)
        if (!objects_get(o, id, &v) || !span_equal(v, span_of(content(id), id == OBJECTS - 1 ? BIG : SMALL)))
            fail_msg("card %u is another, and nobody says so", card);
    objects_close(o);
    store_close(s);
    return result;
}

static enum store_result write_card(struct deck *d, unsigned card, uint8_t value)
{
    const struct store_change change = {.id = 0, .value = span_of(&value, 1)};
    char iccid[24];
    iccid_of(card, iccid);
    struct uicc_store *s = deck_card(d, iccid, NULL);
    enum store_result result = s != NULL ? store_write(s, &change, 1) : STORE_TAMPERED;
    store_close(s);
    return result;
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct stat st;
    if (w == NULL)
        return -1;
    w->crypto = crypto_new();
    if (w->crypto == NULL || !folder_make(w->folder, "large"))
        return -1;
    snprintf(w->deck, sizeof w->deck, "%s/d.uicc", w->folder);
    snprintf(w->key, sizeof w->key, "%s.key", w->deck);
    struct deck *d = deck_create(w->deck, span_of("profile", 7), w->crypto, &w->error);
    for (unsigned card = 0; d != NULL && card < CARDS; card++) {
        struct store_change c[OBJECTS];
        char iccid[24];
        for (uint32_t id = 0; id < OBJECTS; id++)
            c[id] = (struct store_change){.id = id, .value = span_of(content(id), id == 0 ? 1 : SMALL)};
        static uint8_t big[BIG];
        memset(big, OBJECTS - 1, sizeof big);
        c[OBJECTS - 1].value = span_of(big, BIG);
        for (uint32_t id = 1; id < OBJECTS - 1; id++) {
            static uint8_t each[OBJECTS][SMALL];
            memset(each[id], (int)id, SMALL);
            c[id].value = span_of(each[id], SMALL);
        }
        iccid_of(card, iccid);
        struct uicc_store *s = deck_new_card(d, iccid, &w->error);
        if (s == NULL || store_write(s, c, OBJECTS) != STORE_OK)
            return -1;
        store_close(s);
    }
    char gone[24]; /* free pages, of several transactions */
    for (unsigned i = 0; i < 4; i++) {
        iccid_of(100 + i, gone);
        if (d == NULL || !deck_remove_card(d, gone, &w->error) || (i == 0 && !deck_publish(d, &w->error)))
            return -1;
    }
    deck_close(d);
    w->fd = open(w->deck, O_RDWR | O_CLOEXEC);
    *state = w;
    return w->fd >= 0 && fstat(w->fd, &st) == 0 && st.st_size > DECK_WHOLE ? 0 : -1;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    close(w->fd);
    unlink(w->deck);
    unlink(w->key);
    int rc = rmdir(w->folder);
    crypto_free(w->crypto);
    free(w);
    return rc;
}

/* ---- where a card is ---- */

struct places {
    uint64_t branch[PAGES_DEPTH_MAX], leaf, overflow, free_leaf, free_overflow;
    unsigned branches;
};

static uint64_t big_in(struct span page)
{
    for (size_t i = 0; i < pages_keys(page); i++) {
        size_t at = (size_t)pages_get(page, 16 + 2 * i, 2);
        if (pages_get(page, at + 4, 2) == 1)
            return pages_get(page, at + 8 + (size_t)pages_get(page, at + 6, 2), 8);
    }
    return 0;
}

static struct places find(struct world *w, unsigned card, uint8_t id)
{
    struct places found = {.branches = 0};
    struct stat st;
    uint8_t key[ROOT_KEY + 4] = {'C'};
    char iccid[24];
    iccid_of(card, iccid);
    for (size_t i = 0; iccid[i] != '\0'; i++)
        key[1 + i / 2] |= (uint8_t)((iccid[i] - '0' + 1) << (i % 2 == 0 ? 4 : 0));
    key[ROOT_KEY + 3] = id;
    assert_int_equal(fstat(w->fd, &st), 0);
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, w->fd, 0);
    assert_true(p != MAP_FAILED);
    const struct pages view = {.file = span_of(p, (size_t)st.st_size), .psize = PAGE};
    struct deck_state s = deck_newest(view.file, PAGE);
    uint64_t pgno = s.records.pgno;
    while (found.branches + 1 < s.records.levels) {
        struct span page = pages_at(&view, pgno);
        found.branch[found.branches++] = pgno;
        pgno = pages_child(page, pages_way(page, span_of(key, sizeof key)));
    }
    found.leaf = pgno;
    found.overflow = big_in(pages_at(&view, pgno));
    found.free_leaf = s.free.pgno;
    found.free_overflow = big_in(pages_at(&view, s.free.pgno));
    assert_true(s.free.levels == 1 && found.branches >= 2);
    (void)munmap(p, (size_t)st.st_size);
    return found;
}

/* ---- what is changed, and what comes of it ---- */

static void try_octet(struct world *w, uint64_t pgno, size_t at, uint8_t with, unsigned card, bool others)
{
    uint8_t was, now;
    const off_t where = (off_t)(pgno * PAGE + at);
    assert_int_equal(pread(w->fd, &was, 1, where), 1);
    now = was ^ with;
    assert_int_equal(pwrite(w->fd, &now, 1, where), 1);
    struct deck *d = deck_open(w->deck, DECK_POWER, w->crypto, &w->error);
    if (d == NULL) {
        assert_true(strlen(w->error.text) > 10 && strchr(w->error.text, '\n') == NULL && !others);
        w->refused++;
    } else {
        *(whole_card(d, card) == STORE_OK ? &w->same : &w->gone) += 1;
        if (others)
            assert_true(whole_card(d, CARDS - 1) == STORE_OK && whole_card(d, 7) == STORE_OK);
    }
    deck_close(d);
    assert_int_equal(pwrite(w->fd, &was, 1, where), 1);
}

static void try_page(struct world *w, const char *what, uint64_t pgno, unsigned card, bool others)
{
    static const uint8_t with[] = {0x01, 0x02, 0x10, 0x80, 0xFF};
    for (size_t at = 0; at < PAGE; at += at < HEADER ? 1 : stride)
        for (size_t i = 0; i < sizeof with; i++)
            try_octet(w, pgno, at, with[i], card, others);
    print_message("# %s: %lu times the deck refused, %lu times the card, %lu without effect\n", what,
                  w->refused, w->gone, w->same);
    assert_true(w->refused + w->gone > HEADER && w->refused + w->gone + w->same > HEADER);
    w->refused = w->gone = w->same = 0;
}

static void test_pages(void **state)
{
    struct world *w = *state;
    const unsigned card = CARDS / 2;
    struct places p = find(w, card, OBJECTS - 1);
    try_page(w, "the root", p.branch[0], card, false);
    try_page(w, "a branch", p.branch[p.branches - 1], card, true);
    try_page(w, "a leaf", p.leaf, card, true);
    try_page(w, "the free pages", p.free_leaf, card, false);
    /* Of what is in the value itself its own seal is to tell. */
    for (size_t at = 0; at < 16; at++)
        try_octet(w, p.overflow, at, 0xFF, card, true);
    assert_true(w->gone >= 12 && w->refused == 0); /* two octets of a page's header are not used */
    w->gone = w->same = 0;
}

/* Nobody writes to what is unsound, or beside it; everybody else goes on, in any order, and what was changed
 * is as sound as before when it is put right. */
static void test_writing(void **state)
{
    struct world *w = *state;
    const unsigned card = CARDS / 3;
    static const enum deck_durability all[] = {DECK_POWER, DECK_PROCESS, DECK_NONE};
    for (size_t i = 0; i < 2; i++) {
        const struct places p = find(w, card, 0);
        const uint64_t changed = i == 0 ? p.leaf : p.branch[p.branches - 1];
        const off_t where = (off_t)(changed * PAGE + 12); /* where its list of nodes ends */
        uint16_t was, wrong;
        assert_int_equal(pread(w->fd, &was, sizeof was, where), sizeof was);
        wrong = (uint16_t)(was + 2);
        assert_int_equal(pwrite(w->fd, &wrong, sizeof wrong, where), sizeof wrong);
        for (size_t k = 0; k < 3; k++) {
            char iccid[24];
            struct deck *d = deck_open(w->deck, all[k], w->crypto, &w->error);
            assert_non_null(d);
            assert_int_equal(write_card(d, card, 1), STORE_TAMPERED);
            iccid_of(card, iccid);
            assert_false(deck_remove_card(d, iccid, &w->error));
            assert_non_null(strstr(w->error.text, "tampered"));
            for (unsigned n = 0; n < 20; n++) {
                unsigned other = n * 277 % CARDS;
                other = other >= 100 && other < 104 ? 99 : other; /* (these are gone) */
                assert_int_equal(write_card(d, other, (uint8_t)(k + n)), STORE_OK);
            }
            /* Going through all of them ends there, and says so. */
            unsigned cards = 0;
            char at[DECK_ICCID_MAX + 1];
            for (bool more = deck_next(d, "", at); more; more = deck_after(d, at, at))
                cards++;
            assert_true(cards < card + 10);
            assert_non_null(strstr(deck_trouble(d), "cannot be read"));
            deck_close(d);
        }
        assert_int_equal(pwrite(w->fd, &was, sizeof was, where), sizeof was);
        struct deck *d = deck_open(w->deck, DECK_PROCESS, w->crypto, &w->error);
        assert_non_null(d);
        assert_int_equal(write_card(d, card, (uint8_t)i), STORE_OK);
        assert_int_equal(whole_card(d, card), STORE_OK);
        deck_close(d);
    }
}

/* A page in two places, or in the tree and free. */
static void test_twice(void **state)
{
    struct world *w = *state;
    const unsigned card = CARDS / 4;
    struct places p = find(w, card, OBJECTS - 1), q = find(w, card + 200, OBJECTS - 1);
    struct stat st;
    assert_int_equal(fstat(w->fd, &st), 0);
    uint8_t *file = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, w->fd, 0);
    assert_true(file != MAP_FAILED);
    uint8_t *branch = file + p.branch[p.branches - 1] * PAGE;
    struct deck_state s = deck_newest(span_of(file, (size_t)st.st_size), PAGE);
    const struct pages view = {.file = span_of(file, (size_t)st.st_size),
                               .psize = PAGE,
                               .there = (uint64_t)st.st_size / PAGE,
                               .last = s.last,
                               .key_max = PAGES_KEY_MAX};
    uint64_t transaction;
    struct span list;
    assert_true(pages_last_freed(&view, s.free.pgno, s.free.levels, &transaction, &list));
    const uint64_t others[] = {p.overflow,  p.branch[0], q.leaf, pages_get(list, 8, 8),
                               s.free.pgno, s.last + 1,  1};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        uint8_t kept[PAGE];
        memcpy(kept, branch, PAGE);
        size_t node = (size_t)pages_get(span_of(branch, PAGE), 16 + 2 * 1, 2);
        memcpy(branch + node, &others[i], 4);
        struct deck *d = deck_open(w->deck, DECK_PROCESS, w->crypto, &w->error);
        assert_non_null(d);
        /* q's leaf may be looked at first: then this branch is found out, or else q's. */
        enum store_result far = whole_card(d, card + 200), near = whole_card(d, card);
        assert_true(far == STORE_OK && (near == STORE_TAMPERED || others[i] == q.leaf));
        char iccid[24];
        iccid_of(card, iccid);
        assert_false(deck_remove_card(d, iccid, &w->error)); /* looks at all leaves of that branch */
        assert_int_equal(whole_card(d, CARDS - 1), STORE_OK);
        deck_close(d);
        memcpy(branch, kept, PAGE);
    }
    (void)munmap(file, (size_t)st.st_size);
    struct deck *d = deck_open(w->deck, DECK_PROCESS, w->crypto, &w->error);
    assert_int_equal(whole_card(d, card), STORE_OK);
    deck_close(d);
}

/* A meta page that says of a tree that there is none, and where its root is all the same: LMDB goes by the
 * root. */
static void test_no_levels(void **state)
{
    enum { NUMBER = 144 };
    struct world *w = *state;
    static const off_t depths[] = {16 + 24 + 6, 16 + 24 + 48 + 6};
    uint64_t number[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pread(w->fd, &number[i], 8, (off_t)i * PAGE + NUMBER), 8);
    const off_t meta = number[1] > number[0] ? PAGE : 0;
    for (size_t i = 0; i < 2; i++) {
        uint16_t was, none = 0;
        assert_int_equal(pread(w->fd, &was, sizeof was, meta + depths[i]), sizeof was);
        assert_true(was > 0);
        assert_int_equal(pwrite(w->fd, &none, sizeof none, meta + depths[i]), sizeof none);
        struct deck *d = deck_open(w->deck, DECK_POWER, w->crypto, &w->error);
        assert_null(d);
        assert_non_null(strstr(w->error.text, "is damaged"));
        assert_int_equal(pwrite(w->fd, &was, sizeof was, meta + depths[i]), sizeof was);
    }
    struct deck *d = deck_open(w->deck, DECK_POWER, w->crypto, &w->error);
    assert_non_null(d);
    deck_close(d);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strtoul(argv[1], NULL, 10) > 0)
        stride = strtoul(argv[1], NULL, 10);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pages), cmocka_unit_test(test_twice),
                                       cmocka_unit_test(test_no_levels), cmocka_unit_test(test_writing)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
