/* SPDX-License-Identifier: Apache-2.0
 *
 * The anchor of a deck: an older copy of the deck is refused, and a PIN try is not won by putting it back;
 * wherever the two writes are cut apart nobody is locked out. test_anchor [KILLS]
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "folder.h"
#include "deck.h"
#include "objects.h"

#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ICCID "8944500000000000001"

enum { ROOM = 24 << 20 /* a deck that was not closed is long */, ANCHOR_ROOM = 1024 };

static unsigned kills = 40;

struct image {
    uint8_t octets[ROOM];
    size_t n;
};

struct world {
    struct uicc_crypto *crypto;
    char folder[256], deck[300], key[320], anchor[300];
    struct deck_error error;
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    if (w == NULL)
        return -1;
    w->crypto = crypto_new();
    if (w->crypto == NULL || !folder_make(w->folder, "anchor"))
        return -1;
    snprintf(w->deck, sizeof w->deck, "%s/d.uicc", w->folder);
    snprintf(w->key, sizeof w->key, "%s.key", w->deck);
    snprintf(w->anchor, sizeof w->anchor, "%s/anchor", w->folder);
    struct deck *d = deck_create(w->deck, span_of("profile", 7), w->crypto, &w->error);
    assert_non_null(d);
    struct uicc_store *s = deck_new_card(d, ICCID, &w->error);
    const uint8_t zero = 0;
    const struct store_change c = {.id = 1, .value = span_of(&zero, 1)};
    assert_int_equal(store_write(s, &c, 1), STORE_OK);
    store_close(s);
    assert_true(deck_publish(d, &w->error));
    deck_close(d);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    unlink(w->deck);
    unlink(w->key);
    unlink(w->anchor);
    int rc = rmdir(w->folder); /* fails if anything else was left */
    crypto_free(w->crypto);
    free(w);
    return rc;
}

static struct image *keep(const char *path)
{
    struct image *i = calloc(1, sizeof *i);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(i != NULL && fd >= 0);
    ssize_t n = read(fd, i->octets, ROOM);
    assert_true(n > 0 && n < ROOM);
    i->n = (size_t)n;
    close(fd);
    return i;
}

static void put_octets(const char *path, const uint8_t *octets, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, octets, n), n);
    close(fd);
}

static void put_back(const char *path, const struct image *i)
{
    put_octets(path, i->octets, i->n);
}

static struct deck *open_with(struct world *w, enum deck_durability durability, bool reset)
{
    const struct deck_anchor anchor = {w->anchor, reset};
    return deck_open_anchored(w->deck, durability, w->crypto, &anchor, &w->error);
}

static void said(const struct world *w, const char *what)
{
    if (strstr(w->error.text, what) == NULL)
        fail_msg("'%s' does not say '%s'", w->error.text, what);
    assert_null(strchr(w->error.text, '\n'));
}

static void refused(struct world *w, const char *why)
{
    w->error.text[0] = '\0';
    assert_null(open_with(w, DECK_POWER, false));
    said(w, why);
}

/* What is refused is as it was, whatever was done to be able to look at it. */
static void refused_as_it_is(struct world *w)
{
    struct stat before, after;
    assert_int_equal(stat(w->deck, &before), 0);
    assert_null(open_with(w, DECK_PROCESS, false));
    said(w, "is an older copy");
    assert_int_equal(stat(w->deck, &after), 0);
    assert_int_equal(after.st_size, before.st_size);
}

static enum store_result put(struct deck *d, uint8_t value)
{
    struct uicc_store *s = deck_card(d, ICCID, NULL);
    const struct store_change c = {.id = 1, .value = span_of(&value, 1)};
    assert_non_null(s);
    enum store_result result = store_write(s, &c, 1);
    store_close(s);
    return result;
}

static uint8_t value_of(struct deck *d)
{
    struct uicc_store *s = deck_card(d, ICCID, NULL);
    struct objects *o;
    struct span v;
    assert_non_null(s);
    assert_int_equal(objects_open(s, &o), STORE_OK);
    assert_true(objects_get(o, 1, &v) && v.n == 1);
    uint8_t value = v.p[0];
    objects_close(o);
    store_close(s);
    return value;
}

static void opens(struct world *w, uint8_t value)
{
    struct deck *d = open_with(w, DECK_POWER, false);
    if (d == NULL)
        fail_msg("%s", w->error.text);
    assert_int_equal(value_of(d), value);
    deck_close(d);
}

static void write_one(struct world *w, enum deck_durability durability, uint8_t value)
{
    struct deck *d = open_with(w, durability, false);
    if (d == NULL)
        fail_msg("%s", w->error.text);
    assert_int_equal(put(d, value), STORE_OK);
    deck_close(d);
}

static void test_older(void **state)
{
    struct world *w = *state;
    static const enum deck_durability all[] = {DECK_POWER, DECK_PROCESS, DECK_NONE};
    struct image *before = keep(w->deck);
    for (size_t i = 0; i < 3; i++) {
        write_one(w, all[i], (uint8_t)(10 * i + 1));
        struct image *old = keep(w->deck), *anchor = keep(w->anchor);
        write_one(w, all[i], (uint8_t)(10 * i + 2));
        struct image *now = keep(w->deck);
        put_back(w->deck, old);
        refused(w, "is an older copy");
        refused(w, "--anchor-reset");
        refused_as_it_is(w);
        put_back(w->deck, before); /* of a time when it had no anchor */
        refused(w, "it was written 0 times");
        put_back(w->deck, now);
        opens(w, (uint8_t)(10 * i + 2));
        /* Cut between the two writes, which is nobody's fault: the next opening tells the anchor. */
        put_back(w->anchor, anchor);
        opens(w, (uint8_t)(10 * i + 2));
        put_back(w->deck, old);
        refused(w, "is an older copy");
        put_back(w->deck, now);
        opens(w, (uint8_t)(10 * i + 2));
        free(old);
        free(anchor);
        free(now);
    }
    /* Without the option it opens as ever, and what is written then is not counted. */
    struct deck *d = deck_open(w->deck, DECK_POWER, w->crypto, &w->error);
    assert_non_null(d);
    assert_int_equal(put(d, 99), STORE_OK);
    deck_close(d);
    opens(w, 99);
    free(before);
}

/* All records of a deck that begin with 'C', those of its cards, as somebody without the key may have kept
 * them. */
struct records {
    struct {
        uint8_t key[32], value[128];
        MDB_val k, v;
    } all[16];
    size_t n;
};

static MDB_txn *raw_begin(const struct world *w, MDB_env **env, MDB_dbi *dbi)
{
    MDB_txn *txn;
    assert_int_equal(mdb_env_create(env), 0);
    assert_int_equal(mdb_env_open(*env, w->deck, MDB_NOSUBDIR | MDB_NOLOCK, 0600), 0);
    assert_int_equal(mdb_txn_begin(*env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, NULL, 0, dbi), 0);
    return txn;
}

static void cards_get(const struct world *w, struct records *r)
{
    MDB_env *env;
    MDB_dbi dbi;
    MDB_cursor *cursor;
    MDB_val k = {1, (void *)(uintptr_t) "C"}, v;
    MDB_txn *txn = raw_begin(w, &env, &dbi);
    assert_int_equal(mdb_cursor_open(txn, dbi, &cursor), 0);
    r->n = 0;
    for (int rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE); rc == 0;
         rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT), r->n++) {
        assert_true(r->n < 16 && k.mv_size <= 32 && v.mv_size <= 128);
        memcpy(r->all[r->n].key, k.mv_data, k.mv_size);
        memcpy(r->all[r->n].value, v.mv_data, v.mv_size);
        r->all[r->n].k = (MDB_val){k.mv_size, r->all[r->n].key};
        r->all[r->n].v = (MDB_val){v.mv_size, r->all[r->n].value};
    }
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    mdb_env_close(env);
}

static void cards_put(const struct world *w, struct records *r)
{
    MDB_env *env;
    MDB_dbi dbi;
    MDB_txn *txn = raw_begin(w, &env, &dbi);
    for (size_t i = 0; i < r->n; i++)
        assert_int_equal(mdb_put(txn, dbi, &r->all[i].k, &r->all[i].v, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void add_card(struct deck *d, const char *iccid)
{
    const uint8_t value = 1;
    const struct store_change c = {.id = 1, .value = span_of(&value, 1)};
    struct uicc_store *s = deck_new_card(d, iccid, NULL);
    assert_non_null(s);
    assert_int_equal(store_write(s, &c, 1), STORE_OK);
    store_close(s);
}

/* Not the deck is put back but the records of a card, in the newest deck with its count. */
static void test_older_card(void **state)
{
    struct world *w = *state;
    static struct records one, two;
    static const enum deck_durability all[] = {DECK_POWER, DECK_PROCESS, DECK_NONE};
    for (size_t i = 0; i < 3; i++) {
        write_one(w, all[i], 1);
        cards_get(w, &one);
        write_one(w, all[i], 2);
        cards_get(w, &two);
        opens(w, 2);
        cards_put(w, &one);
        refused(w, "a card in it is an older copy");
        cards_put(w, &two);
        opens(w, 2);
        /* Whoever writes without the anchor leaves it right; in a batch, too, or in one that is given up. */
        struct deck *d = deck_open(w->deck, all[i], w->crypto, &w->error);
        assert_non_null(d);
        assert_int_equal(put(d, 3), STORE_OK);
        add_card(d, "8944500000000000002");
        assert_true(deck_batch_begin(d, &w->error));
        assert_int_equal(put(d, 4), STORE_OK);
        add_card(d, "8944500000000000003");
        assert_true(deck_batch_end(d, &w->error));
        assert_true(deck_batch_begin(d, &w->error));
        assert_int_equal(put(d, 9), STORE_OK);
        add_card(d, "8944500000000000004");
        assert_true(deck_remove_card(d, "8944500000000000002", &w->error));
        deck_close(d);
        opens(w, 4);
        d = open_with(w, all[i], false);
        assert_non_null(d);
        assert_true(deck_remove_card(d, "8944500000000000002", &w->error));
        assert_true(deck_remove_card(d, "8944500000000000003", &w->error));
        deck_close(d);
        opens(w, 4);
        /* On purpose: what is there counts from then on. */
        cards_put(w, &one);
        refused(w, "--anchor-reset");
        d = open_with(w, all[i], true);
        assert_non_null(d);
        assert_int_equal(value_of(d), 1);
        deck_close(d);
        opens(w, 1);
    }
}

static void cards_remove(const struct world *w, const struct records *r)
{
    MDB_env *env;
    MDB_dbi dbi;
    MDB_txn *txn = raw_begin(w, &env, &dbi);
    for (size_t i = 0; i < r->n; i++) {
        MDB_val k = r->all[i].k;
        assert_int_equal(mdb_del(txn, dbi, &k, NULL), 0);
    }
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

/* Of so many cards the anchor does not tell, and of one less it does, whichever way it came to that; and of
 * one that is gone. */
static void test_limit(void **state)
{
    enum { LIMIT = 4096 };
    struct world *w = *state;
    static struct records one;
    char iccid[24];
    write_one(w, DECK_POWER, 1);
    cards_get(w, &one);
    struct deck *d = open_with(w, DECK_NONE, false);
    assert_non_null(d);
    for (unsigned i = 1; i < LIMIT;
         i++) { /* in front of that card, and of the others that are looked at here */
        snprintf(iccid, sizeof iccid, "1%018u", i);
        add_card(d, iccid);
    }
    assert_int_equal(put(d, 2), STORE_OK);
    deck_close(d);
    opens(w, 2);
    cards_put(w, &one);
    refused(w, "a card in it is an older copy");
    d = open_with(w, DECK_NONE, true);
    assert_non_null(d);
    add_card(d, "2");
    assert_int_equal(deck_count(d), LIMIT + 1);
    assert_int_equal(put(d, 3), STORE_OK);
    deck_close(d);
    cards_put(w, &one);
    opens(w, 1); /* README.md says so */
    d = open_with(w, DECK_PROCESS, false);
    assert_non_null(d);
    assert_true(deck_remove_card(d, "2", &w->error));
    deck_close(d);
    opens(w, 1);
    write_one(w, DECK_POWER, 4);
    opens(w, 4);
    cards_put(w, &one);
    refused(w, "a card in it is an older copy");
    cards_remove(w, &one);
    refused(w, "or is gone");
    /* On purpose: then there are so many cards, as the deck says as well from then on. */
    d = open_with(w, DECK_POWER, true);
    assert_non_null(d);
    deck_close(d);
    d = open_with(w, DECK_POWER, false);
    if (d == NULL)
        fail_msg("%s", w->error.text);
    assert_int_equal(deck_count(d), LIMIT - 1);
    deck_close(d);
}

/* A root that is gone: what is left of its card still counts, until it is removed. */
static void test_remains(void **state)
{
    struct world *w = *state;
    static struct records one;
    write_one(w, DECK_POWER, 1);
    cards_get(w, &one);
    assert_int_equal(one.n, 2);
    one.n = 1; /* the root comes first */
    cards_remove(w, &one);
    refused(w, "or is gone");
    for (int reset = 1; reset >= 0; reset--) {
        struct deck *d = open_with(w, DECK_POWER, reset == 1);
        if (d == NULL)
            fail_msg("%s", w->error.text);
        assert_int_equal(deck_count(d), 1);
        if (reset == 0)
            assert_true(deck_remove_card(d, ICCID, &w->error));
        deck_close(d);
    }
    struct deck *d = open_with(w, DECK_POWER, false);
    if (d == NULL)
        fail_msg("%s", w->error.text);
    assert_int_equal(deck_count(d), 0);
    deck_close(d);
}

/* A card that is gone is noticed as well when a deck is to have its first anchor. */
static void test_gone_before(void **state)
{
    struct world *w = *state;
    static struct records one;
    cards_get(w, &one);
    cards_remove(w, &one);
    refused(w, "or is gone");
    struct deck *d = open_with(w, DECK_POWER, true);
    assert_non_null(d);
    deck_close(d);
    d = open_with(w, DECK_POWER, false);
    if (d == NULL)
        fail_msg("%s", w->error.text);
    assert_int_equal(deck_count(d), 0);
    deck_close(d);
}

/* All leaves with this key, also such as are not in use any more: made unsound, or put right again. */
static void spoil(const struct world *w, const char *iccid)
{
    enum { PAGE = 4096, FLAGS = 10, LEAF = 2, SPOILT = LEAF | 0x40 };
    uint8_t key[11] = {'C'}, page[PAGE];
    unsigned n = 0;
    for (size_t i = 0; iccid[i] != '\0'; i++)
        key[1 + i / 2] |= (uint8_t)((iccid[i] - '0' + 1) << (i % 2 == 0 ? 4 : 0));
    int fd = open(w->deck, O_RDWR | O_CLOEXEC);
    for (off_t at = 2 * PAGE; pread(fd, page, PAGE, at) == PAGE; at += PAGE)
        if ((page[FLAGS] == LEAF || page[FLAGS] == SPOILT) && memmem(page, PAGE, key, sizeof key) != NULL) {
            page[FLAGS] ^= LEAF ^ SPOILT;
            assert_int_equal(pwrite(fd, page, PAGE, at), PAGE);
            n++;
        }
    assert_true(n > 0);
    close(fd);
}

/* In a deck that is looked at page by page a card that cannot be removed, as LMDB would come to a page that
 * is unsound, is not counted as removed either. */
static void test_not_removed(void **state)
{
    enum { CARDS = 200, LARGE = 65 << 20 };
    struct world *w = *state;
    char iccid[24], other[24];
    snprintf(iccid, sizeof iccid, "1%018u", CARDS / 2);
    snprintf(other, sizeof other, "1%018u", CARDS / 2 + 40);
    struct deck *d = open_with(w, DECK_NONE, false);
    assert_non_null(d);
    for (unsigned i = 1; i < CARDS; i++) {
        char each[24];
        snprintf(each, sizeof each, "1%018u", i);
        add_card(d, each);
    }
    assert_int_equal(put(d, 1), STORE_OK);
    deck_close(d);
    spoil(w, other);
    assert_int_equal(truncate(w->deck, LARGE), 0);
    d = deck_open(w->deck, DECK_NONE, w->crypto, &w->error);
    if (d == NULL)
        fail_msg("%s", w->error.text);
    assert_false(deck_remove_card(d, iccid, &w->error));
    said(w, "tampered");
    assert_int_equal(put(d, 2), STORE_OK);
    deck_close(d);
    spoil(w, other);
    opens(w, 2);
}

/* A backup: accepted when somebody says so, and then every other copy is older, the abandoned ones too. */
static void test_reset(void **state)
{
    struct world *w = *state;
    write_one(w, DECK_POWER, 1);
    struct image *old = keep(w->deck);
    write_one(w, DECK_POWER, 2);
    struct image *now = keep(w->deck);
    put_back(w->deck, old);
    struct deck *d = open_with(w, DECK_NONE, true);
    assert_non_null(d);
    assert_int_equal(value_of(d), 1);
    deck_close(d);
    opens(w, 1);
    struct image *after = keep(w->deck);
    put_back(w->deck, now);
    refused(w, "is an older copy");
    put_back(w->deck, old);
    refused(w, "is an older copy");
    put_back(w->deck, after);
    opens(w, 1);
    free(old);
    free(now);
    free(after);
}

/* Nor is the abandoned one taken back when the anchor has not heard of its last write, and has lost the one
 * before. */
static void test_reset_unheard(void **state)
{
    enum { SLOT = 512, COUNT = 40 };
    struct world *w = *state;
    write_one(w, DECK_POWER, 1);
    struct image *old = keep(w->deck);
    for (uint8_t lost = 0; lost < 3; lost++) { /* no slot, or one of the two */
        put_back(w->deck, old);
        struct deck *d = open_with(w, DECK_POWER, true);
        assert_non_null(d);
        deck_close(d);
        write_one(w, DECK_POWER, 2);
        struct image *anchor = keep(w->anchor);
        write_one(w, DECK_POWER, 3);
        struct image *abandoned = keep(w->deck);
        if (lost > 0)
            anchor->octets[(size_t)(lost - 1) * SLOT + COUNT] ^= 1;
        put_back(w->anchor, anchor);
        put_back(w->deck, old);
        d = open_with(w, DECK_POWER, true);
        assert_non_null(d);
        assert_int_equal(value_of(d), 1);
        deck_close(d);
        opens(w, 1);
        put_back(w->deck, abandoned);
        refused(w, "is an older copy");
        free(anchor);
        free(abandoned);
    }
    free(old);
}

/* Whatever it is, it is no anchor: also who resets has named the wrong file. */
static void not_overwritten(struct world *w, const char *path)
{
    const struct deck_anchor anchor = {path, true};
    struct image *before = keep(path);
    assert_null(deck_open_anchored(w->deck, DECK_POWER, w->crypto, &anchor, &w->error));
    said(w, "is no anchor");
    struct image *after = keep(path);
    assert_true(after->n == before->n && memcmp(after->octets, before->octets, after->n) == 0);
    free(before);
    free(after);
}

static void test_missing(void **state)
{
    struct world *w = *state;
    struct stat st;
    struct deck *d = open_with(w, DECK_POWER, false); /* made, for its owner only */
    assert_non_null(d);
    assert_true(stat(w->anchor, &st) == 0 && (st.st_mode & 07777) == 0600);
    deck_close(d);
    assert_int_equal(unlink(w->anchor), 0);
    opens(w, 0); /* nothing was written: made again */
    put_octets(w->anchor, (const uint8_t *)"", 0);
    opens(w, 0); /* its maker was killed */
    write_one(w, DECK_POWER, 1);
    assert_int_equal(unlink(w->anchor), 0);
    refused(w, "there is no anchor");
    assert_int_equal(stat(w->anchor, &st), -1);
    put_octets(w->anchor, (const uint8_t *)"", 0);
    refused(w, "there is no anchor");
    put_octets(w->anchor, (const uint8_t *)"uiccanch", 8);
    refused(w, "is damaged");
    d = open_with(w, DECK_POWER, true);
    assert_non_null(d);
    deck_close(d);
    opens(w, 1);
    not_overwritten(w, w->deck);
    not_overwritten(w, w->key);
    put_octets(w->anchor, (const uint8_t *)"not an anchor, but some other file of somebody's", 48);
    not_overwritten(w, w->anchor);
    assert_int_equal(unlink(w->anchor), 0);
    assert_int_equal(mkdir(w->anchor, 0700), 0);
    refused(w, "cannot be opened for writing");
    assert_int_equal(rmdir(w->anchor), 0);
    char kept[sizeof w->anchor];
    memcpy(kept, w->anchor, sizeof kept);
    snprintf(w->anchor, sizeof w->anchor, "/dev/null");
    refused(w, "is not a file");
    snprintf(w->anchor, sizeof w->anchor, "%s/none/anchor", w->folder);
    assert_null(open_with(w, DECK_POWER, true));
    said(w, "cannot be made");
    memcpy(w->anchor, kept, sizeof kept);
}

/* Two copies that are open at a time would each have their tries, and come to the same number. */
static void test_copies(void **state)
{
    struct world *w = *state;
    char copy[sizeof w->deck + 8], copy_key[sizeof copy + 8];
    const struct deck_anchor anchor = {w->anchor, false};
    write_one(w, DECK_POWER, 1);
    struct image *deck = keep(w->deck), *key = keep(w->key);
    snprintf(copy, sizeof copy, "%s.copy", w->deck);
    snprintf(copy_key, sizeof copy_key, "%s.key", copy);
    put_back(copy, deck);
    put_back(copy_key, key);
    struct deck *d = open_with(w, DECK_POWER, false);
    assert_non_null(d);
    assert_null(deck_open_anchored(copy, DECK_POWER, w->crypto, &anchor, &w->error));
    said(w, "is in use: another copy of");
    pid_t pid = fork();
    if (pid == 0) { /* which does not give it up */
        deck_close(d);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_null(deck_open_anchored(copy, DECK_POWER, w->crypto, &anchor, &w->error));
    assert_int_equal(put(d, 2), STORE_OK);
    deck_close(d);
    assert_null(deck_open_anchored(copy, DECK_POWER, w->crypto, &anchor, &w->error));
    said(w, "is an older copy");
    opens(w, 2);
    unlink(copy);
    unlink(copy_key);
    free(deck);
    free(key);
}

static void test_other(void **state)
{
    struct world *w = *state;
    write_one(w, DECK_POWER, 1);
    void *other_state;
    assert_int_equal(set_up(&other_state), 0);
    struct world *other = other_state;
    write_one(other, DECK_POWER, 7);
    struct image *mine = keep(w->anchor), *theirs = keep(other->anchor);
    put_back(w->anchor, theirs);
    refused(w, "is the anchor of another deck");
    assert_null(open_with(w, DECK_POWER, true)); /* somebody else's is not ours to overwrite */
    said(w, "is the anchor of another deck");
    struct image *still = keep(w->anchor);
    assert_true(still->n == theirs->n && memcmp(still->octets, theirs->octets, still->n) == 0);
    put_back(w->anchor, mine);
    opens(w, 1);
    free(mine);
    free(theirs);
    free(still);
    assert_int_equal(tear_down(&other_state), 0);
}

/* Every octet of it changed, every length: refused, or no more than one write behind; and the deck as it is
 * always has its way where one of the two slots is whole. */
static void test_torn(void **state)
{
    struct world *w = *state;
    for (uint8_t i = 1; i <= 3; i++)
        write_one(w, DECK_POWER, i);
    struct image *three = keep(w->deck);
    write_one(w, DECK_POWER, 4);
    write_one(w, DECK_POWER, 5);
    struct image *five = keep(w->deck), *anchor = keep(w->anchor);
    for (size_t at = 0; at < anchor->n; at++) {
        uint8_t changed[ANCHOR_ROOM];
        memcpy(changed, anchor->octets, anchor->n);
        changed[at] ^= 0x40;
        put_back(w->deck, five);
        put_octets(w->anchor, changed, anchor->n);
        opens(w, 5);
        put_back(w->deck, three); /* two writes ago */
        put_octets(w->anchor, changed, anchor->n);
        refused(w, "is an older copy");
    }
    put_back(w->deck, five);
    for (size_t n = 0; n < anchor->n; n++) {
        put_octets(w->anchor, anchor->octets, n);
        struct deck *d = open_with(w, DECK_POWER, false);
        /* the first slot has the write before, or the last; without it there is nothing left */
        assert_int_equal(d != NULL, n >= 63);
        deck_close(d);
    }
    uint8_t nonsense[ANCHOR_ROOM];
    memset(nonsense, 0xA5, sizeof nonsense);
    put_octets(w->anchor, nonsense, sizeof nonsense);
    refused(w, "is no anchor");
    free(three);
    free(five);
    free(anchor);
}

/* The anchor's disk fails: the write is refused, and nothing more is written; what is in
 * the deck counts next time. */
static void test_failing(void **state)
{
    struct world *w = *state;
    char kept[sizeof w->anchor];
    memcpy(kept, w->anchor, sizeof kept);
    int fd = memfd_create("anchor", MFD_ALLOW_SEALING | MFD_CLOEXEC);
    assert_true(fd >= 0);
    snprintf(w->anchor, sizeof w->anchor, "/proc/self/fd/%d", fd);
    write_one(w, DECK_POWER, 1);
    struct deck *d = open_with(w, DECK_PROCESS, false);
    assert_non_null(d);
    assert_int_equal(put(d, 2), STORE_OK);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
    assert_int_equal(put(d, 3), STORE_FAILED);
    assert_non_null(strstr(deck_trouble(d), "the anchor cannot be written"));
    struct uicc_store *s = deck_card(d, ICCID, &w->error);
    assert_null(s); /* what came of it the card in memory does not know */
    said(w, "its anchor could not be written");
    char iccid[DECK_ICCID_MAX + 1];
    assert_false(deck_next(d, "", iccid));
    assert_non_null(strstr(deck_trouble(d), "its anchor could not be written"));
    assert_false(deck_remove_card(d, ICCID, &w->error));
    said(w, "its anchor could not be written");
    assert_false(deck_sync(d, &w->error));
    deck_close(d);
    refused(w, "cannot be read or written");
    memcpy(w->anchor, kept, sizeof kept);
    d = open_with(w, DECK_POWER, true);
    assert_non_null(d);
    assert_int_equal(value_of(d), 3);
    deck_close(d);
    close(fd);
}

/* Killed at any instant: it opens, and has all that was told to be written. A copy of the deck from before
 * the last that was told is refused. */
static void test_killed(void **state)
{
    struct world *w = *state;
    uint32_t seed = 2026;
    for (unsigned i = 0; i < kills; i++) {
        int pipe_fds[2];
        assert_int_equal(pipe(pipe_fds), 0);
        struct image *before = keep(w->deck);
        pid_t pid = fork();
        if (pid == 0) {
            struct uicc_crypto *crypto = crypto_new();
            const struct deck_anchor anchor = {w->anchor, false};
            struct deck *d =
                deck_open_anchored(w->deck, i % 2 == 0 ? DECK_POWER : DECK_PROCESS, crypto, &anchor, NULL);
            for (uint8_t value = 1; d != NULL; value++)
                if (put(d, value) != STORE_OK || write(pipe_fds[1], &value, 1) != 1)
                    break;
            _exit(1);
        }
        close(pipe_fds[1]);
        uint8_t last = 0, told;
        seed = seed * 1664525 + 1013904223;
        unsigned writes = (seed >> 16) % 40;
        while (writes-- > 0 && read(pipe_fds[0], &told, 1) == 1)
            last = told;
        usleep((seed >> 8) % 300);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        bool some = last != 0;
        while (read(pipe_fds[0], &told, 1) == 1) {
            last = told;
            some = true;
        }
        close(pipe_fds[0]);
        if (some) {
            struct image *now = keep(w->deck);
            put_back(w->deck, before);
            refused(w, "is an older copy");
            put_back(w->deck, now);
            free(now);
        }
        struct deck *d = open_with(w, DECK_POWER, false);
        if (d == NULL)
            fail_msg("%s", w->error.text);
        uint8_t value = value_of(d);
        assert_true(!some || value == last || value == (uint8_t)(last + 1));
        deck_close(d);
        free(before);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        kills = (unsigned)strtoul(argv[1], NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_older, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_older_card, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_remains, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gone_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_not_removed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reset, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reset_unheard, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_missing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_copies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_torn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_killed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
