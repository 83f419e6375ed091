/* SPDX-License-Identifier: Apache-2.0
 *
 * Decks: making, opening, locking, growing, and that nothing stored can be changed, removed or put back
 * unseen.
 */
#include "deck.h"
#include "folder.h"
#include "objects.h"
#include "seal.h"

#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ICCID "8944500000000000001"

struct world {
    struct uicc_crypto *crypto;
    char folder[256];
    char deck[300], key[320], fresh[320], fresh_key[320];
    struct deck_error error;
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    if (w == NULL)
        return -1;
    w->crypto = crypto_new();
    if (w->crypto == NULL || !folder_make_on_disk(w->folder, "deck"))
        return -1;
    snprintf(w->deck, sizeof w->deck, "%s/d.uicc", w->folder);
    snprintf(w->key, sizeof w->key, "%s.key", w->deck);
    snprintf(w->fresh, sizeof w->fresh, "%s.new", w->deck);
    snprintf(w->fresh_key, sizeof w->fresh_key, "%s.new.key", w->deck);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    unlink(w->deck);
    unlink(w->key);
    unlink(w->fresh);
    unlink(w->fresh_key);
    int rc = rmdir(w->folder); /* fails if anything else was left */
    crypto_free(w->crypto);
    free(w);
    return rc;
}

static struct span text(const char *s)
{
    return span_of(s, strlen(s));
}

static bool there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static void said(const struct world *w, const char *what)
{
    if (strstr(w->error.text, what) == NULL)
        fail_msg("'%s' does not say '%s'", w->error.text, what);
    assert_null(strchr(w->error.text, '\n'));
}

static void put(struct uicc_store *s, uint32_t id, const char *value)
{
    struct store_change change = {.id = id, .value = text(value)};
    assert_int_equal(store_write(s, &change, 1), STORE_OK);
}

static bool has(struct uicc_store *s, uint32_t id, const char *value)
{
    struct objects *o;
    struct span v;
    assert_int_equal(objects_open(s, &o), STORE_OK);
    bool good = objects_get(o, id, &v) ? value != NULL && span_equal(v, text(value)) : value == NULL;
    objects_close(o);
    return good;
}

static enum store_result load_result(struct uicc_store *s)
{
    struct objects *o;
    enum store_result result = objects_open(s, &o);
    objects_close(o);
    return result;
}

static struct uicc_store *card(struct world *w, struct deck *d, const char *iccid)
{
    struct uicc_store *s = deck_card(d, iccid, &w->error);
    if (s == NULL)
        fail_msg("%s", w->error.text);
    return s;
}

static struct uicc_store *new_card(struct world *w, struct deck *d, const char *iccid)
{
    struct uicc_store *s = deck_new_card(d, iccid, &w->error);
    if (s == NULL)
        fail_msg("%s", w->error.text);
    return s;
}

static struct deck *open_deck(struct world *w, enum deck_durability durability)
{
    struct deck *d = deck_open(w->deck, durability, w->crypto, &w->error);
    if (d == NULL)
        fail_msg("%s", w->error.text);
    return d;
}

/* A deck with one card of three objects, closed. */
static void make_deck(struct world *w)
{
    struct deck *d = deck_create(w->deck, text("profile"), w->crypto, &w->error);
    if (d == NULL)
        fail_msg("%s", w->error.text);
    struct uicc_store *s = new_card(w, d, ICCID);
    put(s, 1, "first object");
    put(s, 2, "second object");
    put(s, 0xFFFFFFFF, "");
    store_close(s);
    assert_true(deck_publish(d, &w->error));
    deck_close(d);
}

static void make_and_open(void **state)
{
    struct world *w = *state;
    struct stat st;
    struct deck *d = deck_create(w->deck, text("the profile"), w->crypto, &w->error);
    assert_non_null(d);
    assert_false(there(w->deck) || there(w->key));
    assert_true(stat(w->fresh_key, &st) == 0 && (st.st_mode & 07777) == 0600 && st.st_size == 32);
    assert_true(stat(w->fresh, &st) == 0 && (st.st_mode & 07777) == 0600);
    assert_true(span_equal(deck_profile(d), text("the profile")));
    struct uicc_store *s = new_card(w, d, ICCID);
    assert_int_equal(deck_count(d), 0); /* there once something is written */
    put(s, 7, "seven");
    assert_int_equal(deck_count(d), 1);
    assert_true(has(s, 7, "seven"));
    assert_true(deck_publish(d, &w->error));
    assert_false(there(w->fresh) || there(w->fresh_key));
    assert_false(deck_publish(d, &w->error));
    put(s, 8, "eight");
    store_close(s);
    assert_true(deck_sync(d, &w->error));
    deck_close(d);
    assert_true(there(w->deck) && there(w->key));

    static const enum deck_durability all[] = {DECK_POWER, DECK_PROCESS, DECK_NONE};
    for (size_t i = 0; i < 3; i++) {
        char value[] = {(char)('a' + i), '\0'};
        d = open_deck(w, all[i]);
        assert_true(span_equal(deck_profile(d), text("the profile")));
        assert_int_equal(deck_count(d), 1);
        s = card(w, d, ICCID);
        assert_true(has(s, 7, i == 0 ? "seven" : (char[]){(char)('a' + i - 1), '\0'}));
        assert_true(has(s, 8, "eight"));
        put(s, 7, value);
        assert_true(has(s, 7, value));
        store_close(s);
        deck_close(d);
    }
    d = open_deck(w, DECK_POWER);
    s = card(w, d, ICCID);
    assert_true(has(s, 7, "c"));
    struct store_change changes[] = {
        {.id = 7, .remove = true}, {.id = 99, .remove = true}, {.id = 9, .value = text("nine")}};
    assert_int_equal(store_write(s, changes, 3), STORE_OK);
    assert_true(has(s, 7, NULL) && has(s, 8, "eight") && has(s, 9, "nine"));
    store_close(s);
    assert_null(deck_card(d, "8944", &w->error));
    said(w, "has no card 8944");
    assert_null(deck_new_card(d, ICCID, &w->error));
    said(w, "has a card " ICCID " already");
    assert_null(deck_card(d, "", &w->error));
    assert_null(deck_card(d, "89445x", &w->error));
    assert_null(deck_new_card(d, "894450000000000000123", &w->error));
    said(w, "is not an ICCID");
    deck_close(d);

    assert_null(deck_create(w->deck, text("p"), w->crypto, &w->error));
    said(w, "exists already");
    assert_int_equal(unlink(w->deck), 0);
    assert_null(deck_create(w->deck, text("p"), w->crypto, &w->error));
    said(w, "d.uicc.key exists already");
    assert_true(there(w->key));
}

/* In the C library's place: somebody else makes the deck between the look at what
 * is there and the next step. */
static struct world *meanwhile;
static unsigned looks;

int lstat(const char *restrict path, struct stat *restrict st)
{
    const int rc = fstatat(AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW);
    struct world *w = meanwhile;
    if (w != NULL && strcmp(path, w->key) == 0 && ++looks == 2) { /* nothing is looked at behind that */
        meanwhile = NULL;
        struct deck *d = deck_create(w->deck, text("the other's"), w->crypto, NULL);
        assert_true(deck_publish(d, NULL));
        deck_close(d);
    }
    return rc;
}

static void made_meanwhile(void **state)
{
    struct world *w = *state;
    meanwhile = w;
    assert_null(deck_create(w->deck, text("ours"), w->crypto, &w->error));
    said(w, "exists already");
    assert_null(meanwhile);
    assert_true(there(w->deck) && there(w->key) && !there(w->fresh) && !there(w->fresh_key));
}

static void making_cut_short(void **state)
{
    struct world *w = *state;
    struct deck *d = deck_create(w->deck, text("p"), w->crypto, &w->error);
    deck_close(d);
    assert_false(there(w->fresh) || there(w->fresh_key) || there(w->deck) || there(w->key));

    /* Killed while making: the next one clears up. */
    pid_t pid = fork();
    if (pid == 0) {
        d = deck_create(w->deck, text("p"), w->crypto, NULL);
        _exit(d == NULL);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_true(there(w->fresh) && there(w->fresh_key));
    assert_null(deck_open(w->deck, DECK_POWER, w->crypto, &w->error));
    said(w, "there is no deck");
    d = deck_create(w->deck, text("other"), w->crypto, &w->error);
    assert_non_null(d);
    assert_null(deck_create(w->deck, text("third"), w->crypto, &w->error));
    said(w, "is being made by");

    /* Somebody else was quicker. */
    int fd = open(w->deck, O_CREAT | O_WRONLY, 0600);
    close(fd);
    assert_false(deck_publish(d, &w->error));
    said(w, "d.uicc exists already");
    assert_true(there(w->fresh) && there(w->fresh_key) && !there(w->key));
    unlink(w->deck);
    assert_true(deck_publish(d, &w->error));
    deck_close(d);

    /* Killed between the two renames of publishing: whole, but for the name. */
    assert_int_equal(rename(w->deck, w->fresh), 0);
    assert_null(deck_create(w->deck, text("p"), w->crypto, &w->error));
    said(w, "opening it once completes it");
    d = open_deck(w, DECK_POWER);
    assert_true(span_equal(deck_profile(d), text("other")));
    assert_true(there(w->deck) && !there(w->fresh));
    deck_close(d);
    unlink(w->deck);
    unlink(w->key);

    /* Not ours to remove. */
    FILE *f = fopen(w->fresh, "w");
    fputs("some other file, as long as one likes it to be", f);
    fclose(f);
    assert_null(deck_create(w->deck, text("p"), w->crypto, &w->error));
    said(w, "in the way");
    assert_true(there(w->fresh));
}

static void write_key(const struct world *w, const void *bytes, size_t n, mode_t mode)
{
    FILE *f = fopen(w->key, "w");
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
    assert_int_equal(chmod(w->key, mode), 0);
}

static void refuses(struct world *w, const char *why)
{
    assert_null(deck_open(w->deck, DECK_POWER, w->crypto, &w->error));
    said(w, why);
}

static void wrong_files(void **state)
{
    struct world *w = *state;
    uint8_t key[33] = {0}, wrong[33] = {1};
    refuses(w, "there is no deck");
    make_deck(w);
    FILE *f = fopen(w->key, "r");
    assert_int_equal(fread(key, 1, sizeof key, f), 32);
    fclose(f);

    write_key(w, wrong, 32, 0600);
    refuses(w, "is not the key of");
    write_key(w, key, 31, 0600);
    refuses(w, "is not a storage key");
    write_key(w, key, 33, 0600);
    refuses(w, "is not a storage key");
    write_key(w, key, 32, 0640);
    refuses(w, "chmod 600");
    unlink(w->key);
    refuses(w, "is missing");
    assert_int_equal(mkfifo(w->key, 0600), 0); /* nobody is waited for */
    alarm(20);
    refuses(w, "is not a file");
    alarm(0);
    unlink(w->key);
    write_key(w, key, 32, 0400);
    deck_close(open_deck(w, DECK_POWER));

    /* A folder, an empty file, some file, an LMDB file of somebody else. */
    char kept[320];
    snprintf(kept, sizeof kept, "%s.kept", w->deck);
    assert_int_equal(rename(w->deck, kept), 0);
    assert_int_equal(mkdir(w->deck, 0700), 0);
    refuses(w, "cannot be opened: Is a directory");
    assert_int_equal(rmdir(w->deck), 0);
    f = fopen(w->deck, "w");
    fclose(f);
    refuses(w, "is not a deck");
    f = fopen(w->deck, "w");
    for (int i = 0; i < 10000; i++)
        fputs("no deck", f);
    fclose(f);
    refuses(w, "is not a deck");
    unlink(w->deck);
    MDB_env *env;
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_open(env, w->deck, MDB_NOSUBDIR | MDB_NOLOCK, 0600), 0);
    mdb_env_close(env);
    refuses(w, "LMDB file of something else");
    unlink(w->deck);

    /* Cut short. */
    assert_int_equal(rename(kept, w->deck), 0);
    assert_int_equal(truncate(w->deck, 2 * 4096 + 100), 0);
    assert_null(deck_open(w->deck, DECK_POWER, w->crypto, &w->error));
}

/* ---- the deck behind softuicc's back ---- */

struct raw {
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
};

static struct raw raw_open(const struct world *w)
{
    struct raw r;
    assert_int_equal(mdb_env_create(&r.env), 0);
    assert_int_equal(mdb_env_set_mapsize(r.env, (size_t)64 << 20), 0);
    assert_int_equal(mdb_env_open(r.env, w->deck, MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOSYNC, 0600), 0);
    assert_int_equal(mdb_txn_begin(r.env, NULL, 0, &r.txn), 0);
    assert_int_equal(mdb_dbi_open(r.txn, NULL, 0, &r.dbi), 0);
    return r;
}

static void raw_close(struct raw *r)
{
    assert_int_equal(mdb_txn_commit(r->txn), 0);
    mdb_env_close(r->env);
}

enum { RECORDS = 16, RECORD_MAX = 200 };

struct record {
    uint8_t key[32], value[RECORD_MAX];
    MDB_val k, v;
};

/* All records of a small deck. */
static size_t raw_all(const struct world *w, struct record records[RECORDS])
{
    struct raw r = raw_open(w);
    MDB_cursor *cursor;
    MDB_val k, v;
    size_t n = 0;
    assert_int_equal(mdb_cursor_open(r.txn, r.dbi, &cursor), 0);
    for (; mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0; n++) {
        assert_true(n < RECORDS && k.mv_size <= 32 && v.mv_size <= RECORD_MAX);
        memcpy(records[n].key, k.mv_data, k.mv_size);
        memcpy(records[n].value, v.mv_data, v.mv_size);
        records[n].k = (MDB_val){k.mv_size, records[n].key};
        records[n].v = (MDB_val){v.mv_size, records[n].value};
    }
    mdb_cursor_close(cursor);
    raw_close(&r);
    return n;
}

static void raw_put(const struct world *w, MDB_val k, MDB_val v)
{
    struct raw r = raw_open(w);
    assert_int_equal(mdb_put(r.txn, r.dbi, &k, &v, 0), 0);
    raw_close(&r);
}

static void raw_delete(const struct world *w, MDB_val k)
{
    struct raw r = raw_open(w);
    assert_int_equal(mdb_del(r.txn, r.dbi, &k, NULL), 0);
    raw_close(&r);
}

/* What a later version makes, and says that this one cannot read; the octets after that are its own business.
 */
static void newer_format(void **state)
{
    struct world *w = *state;
    struct record *records = calloc(RECORDS, sizeof *records);
    make_deck(w);
    size_t n = raw_all(w, records), header = 0;
    while (header < n && memcmp(records[header].key, "0deck", 5) != 0)
        header++;
    assert_true(header < n);
    records[header].value[9] = 7;
    records[header].value[11] = 2;
    records[header].v.mv_size = 20;
    raw_put(w, records[header].k, records[header].v);
    refuses(w, "was made by a newer softuicc (format 7; this one reads up to 1)");
    free(records);
}

/* true when the deck or its card is not accepted. */
static bool notices(struct world *w)
{
    struct deck *d = deck_open(w->deck, DECK_PROCESS, w->crypto, &w->error);
    if (d == NULL)
        return true;
    struct uicc_crypto *own = crypto_new();
    struct uicc_store *s = deck_card(d, ICCID, &w->error);
    bool noticed = s == NULL || load_result(s) == STORE_TAMPERED;
    struct uicc_store *t = deck_card_of_thread(d, ICCID, own, &w->error);
    assert_int_equal(noticed, t == NULL || load_result(t) == STORE_TAMPERED);
    store_close(t);
    store_close(s);
    crypto_free(own);
    deck_close(d);
    return noticed;
}

static void tampering(void **state)
{
    struct world *w = *state;
    struct record *before = calloc(RECORDS, sizeof *before), *after = calloc(RECORDS, sizeof *after);
    make_deck(w);
    size_t n = raw_all(w, before);
    assert_int_equal(n, 3 + 1 + 3);
    assert_false(notices(w));

    for (size_t i = 0; i < n; i++) {
        /* Every octet of every record; one octet less, one more; the record gone. */
        for (size_t j = 0; j < before[i].v.mv_size; j++) {
            before[i].value[j] ^= (uint8_t)(1 << j % 8);
            raw_put(w, before[i].k, before[i].v);
            before[i].value[j] ^= (uint8_t)(1 << j % 8);
            if (!notices(w))
                fail_msg("record %zu octet %zu", i, j);
        }
        raw_put(w, before[i].k, (MDB_val){before[i].v.mv_size - 1, before[i].value});
        assert_true(notices(w));
        raw_put(w, before[i].k, (MDB_val){before[i].v.mv_size + 1, before[i].value});
        assert_true(notices(w));
        raw_delete(w, before[i].k);
        assert_true(notices(w));
        /* Another record's value in its place. */
        for (size_t j = 0; j < n; j++)
            if (j != i) {
                raw_put(w, before[i].k, before[j].v);
                assert_true(notices(w));
            }
        raw_put(w, before[i].k, before[i].v);
        assert_false(notices(w));
    }

    /* A change, and then each single record of before put back; and the whole card, which nothing in the deck
     * can tell. */
    struct deck *d = open_deck(w, DECK_PROCESS);
    struct uicc_store *s = card(w, d, ICCID);
    struct store_change changes[] = {{.id = 1, .value = text("FIRST OBJECT")},
                                     {.id = 2, .remove = true},
                                     {.id = 3, .value = text("third")}};
    assert_int_equal(store_write(s, changes, 3), STORE_OK);
    store_close(s);
    deck_close(d);
    assert_int_equal(raw_all(w, after), n);
    for (size_t i = 0; i < n; i++) {
        bool same = false;
        for (size_t j = 0; j < n; j++)
            same = same || (after[j].k.mv_size == before[i].k.mv_size &&
                            memcmp(after[j].key, before[i].key, before[i].k.mv_size) == 0 &&
                            memcmp(after[j].value, before[i].value, before[i].v.mv_size) == 0);
        if (same)
            continue;
        raw_put(w, before[i].k, before[i].v);
        assert_true(notices(w));
        raw_delete(w, before[i].k);
        for (size_t j = 0; j < n; j++)
            raw_put(w, after[j].k, after[j].v);
        assert_false(notices(w));
    }

    /* An object added under the card's key, of whatever shape. */
    size_t root = 0;
    while (after[root].k.mv_size != 11)
        root++;
    for (size_t len = 12; len <= 20; len++) {
        uint8_t key[32] = {0};
        memcpy(key, after[root].key, 11);
        key[11] = 0x70;
        raw_put(w, (MDB_val){len, key}, after[root + 1].v);
        assert_true(notices(w));
        raw_delete(w, (MDB_val){len, key});
    }
    assert_false(notices(w));

    /* A write to a card that was tampered with does not launder it. */
    for (size_t i = 0; i < n; i++)
        if (after[i].k.mv_size == 15) {
            raw_delete(w, after[i].k);
            break;
        }
    d = open_deck(w, DECK_PROCESS);
    s = card(w, d, ICCID);
    put(s, 1, "written again");
    put(s, 3, "written again");
    assert_int_equal(load_result(s), STORE_TAMPERED);
    store_close(s);
    deck_close(d);
    free(before);
    free(after);
}

/* One octet of the file changed, anywhere, or the end cut off: refused, or the very cards that were in it,
 * which can then be written to. Nothing crashes, nothing runs for ever. In a child, as that is what it would
 * take down. */
static int look_at_all(struct world *w)
{
    enum { REFUSED = 0, SEEN = 1, WRONG = 2 };
    char iccid[DECK_ICCID_MAX + 1];
    struct deck *d = deck_open(w->deck, DECK_PROCESS, w->crypto, &w->error);
    unsigned n = 0;
    for (bool more = d != NULL && deck_next(d, "", iccid); more; more = deck_after(d, iccid, iccid), n++) {
        struct uicc_store *s = deck_card(d, iccid, &w->error);
        struct objects *o = NULL;
        struct span v;
        enum store_result result = s != NULL ? objects_open(s, &o) : STORE_TAMPERED;
        if (result == STORE_OK) {
            if (!objects_get(o, 3, &v) || v.n != 300 || objects_put_now(o, 1, text(iccid)) != STORE_OK)
                result = STORE_FAILED;
            objects_close(o);
        }
        store_close(s);
        if (result != STORE_OK) {
            deck_close(d);
            return result == STORE_TAMPERED ? REFUSED : WRONG;
        }
    }
    deck_close(d);
    return d == NULL ? REFUSED : (n == 40 ? SEEN : WRONG);
}

static void file_tampering(void **state)
{
    struct world *w = *state;
    uint8_t value[3000] = {1};
    make_deck(w);
    struct deck *d = open_deck(w, DECK_POWER);
    assert_true(deck_remove_card(d, ICCID, &w->error));
    for (unsigned i = 0; i < 40; i++) {
        char iccid[24];
        snprintf(iccid, sizeof iccid, "%u", 1000 + i);
        struct store_change changes[] = {{.id = 1, .value = span_of(value, 10)},
                                         {.id = 3, .value = span_of(value, 300)},
                                         {.id = 4, .value = span_of(value, i % 8 == 0 ? sizeof value : 100)}};
        struct uicc_store *s = new_card(w, d, iccid);
        assert_int_equal(store_write(s, changes, 3), STORE_OK);
        store_close(s);
    }
    deck_close(d);
    struct stat st;
    assert_int_equal(stat(w->deck, &st), 0);
    size_t n = (size_t)st.st_size;
    uint8_t *file = malloc(n);
    assert_non_null(file);
    FILE *f = fopen(w->deck, "r");
    assert_int_equal(fread(file, 1, n, f), n);
    fclose(f);

    uint32_t seed = 99;
    for (int trial = 0; trial < 600; trial++) {
        seed = seed * 1664525 + 1013904223;
        size_t at = (seed >> 4) % n, length = n;
        if (trial % 3 == 0)
            at =
                at / 4096 * 4096 + (seed >> 20) % 160; /* headers and pointers of pages, and the meta pages */
        /* The number of a meta page's transaction: lowered by two, it makes the transaction before it the
         * last one, which is the deck as it was a moment ago. A deck cannot tell. */
        if (at % 4096 / 8 == 144 / 8 && at < 2 * 4096)
            continue;
        uint8_t flip = (uint8_t)(1u << (seed >> 28) % 8);
        if (trial % 50 == 49)
            length = at;
        file[at] ^= flip;
        f = fopen(w->deck, "w");
        assert_int_equal(fwrite(file, 1, length, f), length);
        fclose(f);
        file[at] ^= flip;
        pid_t pid = fork();
        if (pid == 0) {
            alarm(20);
            _exit(look_at_all(w));
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
            fail_msg("octet %zu bit %02X length %zu: status %X", at, flip, length, (unsigned)status);
    }
    free(file);
}

/* What stands in the file is not what was stored: no clear text, no key. */
static void sealed(void **state)
{
    struct world *w = *state;
    static const char secret[] = "0123456789ABCDEF-K-is-a-secret";
    uint8_t key[32];
    struct deck *d = deck_create(w->deck, text(secret), w->crypto, &w->error);
    struct uicc_store *s = new_card(w, d, ICCID);
    put(s, 1, secret);
    store_close(s);
    assert_true(deck_publish(d, &w->error));
    deck_close(d);
    FILE *f = fopen(w->key, "r");
    assert_int_equal(fread(key, 1, sizeof key, f), 32);
    fclose(f);
    f = fopen(w->deck, "r");
    static uint8_t content[1 << 20];
    size_t n = fread(content, 1, sizeof content, f);
    fclose(f);
    assert_true(n > 0 && n < sizeof content);
    assert_null(memmem(content, n, secret, 8));
    assert_null(memmem(content, n, key, 8));
}

/* No nonce seals two things: whatever is seen in the deck at any time, over openings, batches that are given
 * up and a counter that is used up. */
static void nonces(void **state)
{
    enum { ROUNDS = 24, SEEN = ROUNDS * RECORDS };
    struct world *w = *state;
    struct record *all = calloc(SEEN, sizeof *all), *now = calloc(RECORDS, sizeof *now);
    size_t seen = 0;
    make_deck(w);
    for (int round = 0; round < ROUNDS; round++) {
        char value[16];
        struct deck *d =
            open_deck(w, (enum deck_durability[]){DECK_POWER, DECK_PROCESS, DECK_NONE}[round % 3]);
        struct uicc_store *s = card(w, d, ICCID);
        snprintf(value, sizeof value, "%d", round);
        assert_true(deck_batch_begin(d, &w->error));
        put(s, 1, round % 2 == 0 ? value : "given up");
        if (round % 2 == 0)
            assert_true(deck_batch_end(d, &w->error));
        store_close(s);
        deck_close(d);
        size_t n = raw_all(w, now);
        for (size_t i = 0; i < n; i++) {
            bool known = memcmp(now[i].key, "0deck", 5) == 0; /* written once */
            for (size_t j = 0; j < seen && !known; j++) {
                known = all[j].v.mv_size == now[i].v.mv_size &&
                        memcmp(all[j].value, now[i].value, now[i].v.mv_size) == 0;
                if (!known && memcmp(all[j].value, now[i].value, SEAL_HEAD) == 0)
                    fail_msg("round %d, record %zu: a nonce that was there before", round, i);
            }
            if (!known)
                all[seen++] = now[i];
        }
    }
    assert_true(seen > ROUNDS);
    free(all);
    free(now);

    struct sealer sealer;
    const uint8_t key[32] = {1};
    uint8_t out[4][SEAL_OVERHEAD];
    assert_true(seal_init(&sealer, w->crypto, key));
    sealer.counter = UINT32_MAX - 2;
    for (size_t i = 0; i < 4; i++) {
        assert_true(seal(&sealer, text("key"), SPAN_EMPTY, out[i]));
        for (size_t j = 0; j < i; j++)
            assert_true(memcmp(out[i], out[j], SEAL_HEAD) != 0);
    }
    assert_true(memcmp(out[1], out[2], 1 + SEAL_PREFIX) != 0 && memcmp(out[2], out[3], 1 + SEAL_PREFIX) == 0);
    seal_wipe(&sealer);
}

static void one_process_at_a_time(void **state)
{
    struct world *w = *state;
    int ready[2], done[2];
    char expected[64], byte = 0;
    make_deck(w);
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(done), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct deck *d = deck_open(w->deck, DECK_PROCESS, w->crypto, NULL);
        if (write(ready[1], d != NULL ? "y" : "n", 1) != 1 || read(done[0], &byte, 1) != 1)
            _exit(1);
        deck_close(d);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    refuses(w, "is in use by process");
    snprintf(expected, sizeof expected, "process %ld (", (long)pid);
    said(w, expected);
    assert_int_equal(write(done[1], "x", 1), 1);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    for (int i = 0; i < 2; i++) {
        close(ready[i]);
        close(done[i]);
    }

    /* Nor twice in one. And a child forked off cannot write, nor does it give the lock up. */
    struct deck *d = open_deck(w, DECK_PROCESS);
    struct uicc_store *s = card(w, d, ICCID);
    refuses(w, "is in use by");
    pid = fork();
    if (pid == 0) {
        struct store_change change = {.id = 1, .value = text("child")};
        int bad = store_write(s, &change, 1) != STORE_FAILED ||
                  strstr(deck_trouble(d), "it belongs to another process") == NULL;
        store_close(s);
        deck_close(d);
        _exit(bad);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    refuses(w, "is in use by");
    put(s, 1, "parent");
    store_close(s);
    deck_close(d);
    d = open_deck(w, DECK_PROCESS);
    s = card(w, d, ICCID);
    assert_true(has(s, 1, "parent"));
    store_close(s);
    deck_close(d);
}

/* Several may read it, nobody then writes it, and it stays as it is, to the octet and the minute;
 * also when it was not closed. */
static void only_read(void **state)
{
    struct world *w = *state;
    struct stat before = {.st_size = 0}, after;
    make_deck(w);
    for (int killed = 0; killed < 2; killed++) {
        pid_t pid = killed ? fork() : -1;
        if (pid == 0)
            _exit(deck_open(w->deck, DECK_PROCESS, w->crypto, NULL) == NULL);
        int status = 0;
        assert_true(!killed || waitpid(pid, &status, 0) == pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        const off_t closed = before.st_size;
        assert_int_equal(stat(w->deck, &before), 0);
        assert_true(!killed || before.st_size > closed);
        struct deck *one = open_deck(w, DECK_READ), *other = open_deck(w, DECK_READ);
        struct uicc_store *s = card(w, one, ICCID), *t = card(w, other, ICCID);
        assert_true(has(s, 1, "first object") && has(t, 2, "second object"));
        refuses(w, "is in use by");
        struct store_change change = {.id = 1, .value = text("another")};
        assert_int_equal(store_write(s, &change, 1), STORE_FAILED);
        assert_non_null(strstr(deck_trouble(one), "for reading alone"));
        assert_false(deck_batch_begin(one, &w->error));
        said(w, "for reading alone");
        assert_true(has(s, 1, "first object"));
        store_close(s);
        store_close(t);
        deck_close(one);
        refuses(w, "is in use by"); /* the other reads on */
        deck_close(other);
        assert_int_equal(stat(w->deck, &after), 0);
        assert_int_equal(after.st_size, before.st_size);
        assert_int_equal(after.st_mtim.tv_sec, before.st_mtim.tv_sec);
        assert_int_equal(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
    }
    struct deck *d = open_deck(w, DECK_POWER);
    assert_null(deck_open(w->deck, DECK_READ, w->crypto, &w->error));
    said(w, "is in use by");
    deck_close(d);
    const struct deck_anchor anchor = {"/nonexistent/anchor", false};
    assert_null(deck_open_anchored(w->deck, DECK_READ, w->crypto, &anchor, &w->error));
    said(w, "an anchor is for decks that are written");
}

/* A deck whose processes are killed, one after the other, does not grow: the map's space is there already. */
static void killed_again_and_again(void **state)
{
    enum { KILLS = 4, MOST = 6 << 20 /* map and deck */ };
    struct world *w = *state;
    struct stat st;
    make_deck(w);
    assert_int_equal(stat(w->deck, &st), 0);
    const off_t closed = st.st_size;
    for (int i = 0; i < KILLS; i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(deck_open(w->deck, DECK_PROCESS, w->crypto, NULL) == NULL);
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert_int_equal(stat(w->deck, &st), 0);
        assert_true(st.st_size <= MOST);
    }
    deck_close(open_deck(w, DECK_POWER));
    assert_int_equal(stat(w->deck, &st), 0);
    assert_int_equal(st.st_size, closed);
}

static void many_cards(void **state)
{
    struct world *w = *state;
    static const char *const iccids[] = {"1",  "10",   "100",  "11",
                                         "89", "8944", "8945", "99999999999999999999"};
    enum { N = 8 };
    char iccid[DECK_ICCID_MAX + 1];
    struct deck *d = deck_create(w->deck, SPAN_EMPTY, w->crypto, &w->error);
    assert_false(deck_next(d, "", iccid));
    for (size_t i = 0; i < N; i++) { /* in some other order than theirs */
        struct uicc_store *s = new_card(w, d, iccids[(i * 3) % N]);
        put(s, 0, iccids[(i * 3) % N]);
        put(s, UINT32_MAX, "last");
        store_close(s);
    }
    assert_true(deck_publish(d, &w->error));
    deck_close(d);

    d = open_deck(w, DECK_PROCESS);
    assert_int_equal(deck_count(d), N);
    size_t n = 0;
    for (bool more = deck_next(d, "", iccid); more; more = deck_after(d, iccid, iccid)) {
        assert_string_equal(iccid, iccids[n++]);
        struct uicc_store *s = card(w, d, iccid);
        assert_true(has(s, 0, iccid));
        store_close(s);
    }
    assert_int_equal(n, N);
    assert_true(deck_next(d, "12", iccid));
    assert_string_equal(iccid, "89");
    assert_true(deck_next(d, "8944", iccid));
    assert_string_equal(iccid, "8944");
    assert_true(deck_after(d, "11", iccid));
    assert_string_equal(iccid, "89");
    assert_false(deck_after(d, "99999999999999999999", iccid));
    assert_false(deck_next(d, "x", iccid));

    assert_true(deck_remove_card(d, "10", &w->error));
    assert_false(deck_remove_card(d, "10", &w->error));
    said(w, "has no card 10");
    assert_int_equal(deck_count(d), N - 1);
    assert_null(deck_card(d, "10", &w->error));
    assert_true(deck_after(d, "1", iccid));
    assert_string_equal(iccid, "100");
    deck_close(d);

    /* Keys that look like a card's and are none do not lead astray. */
    uint8_t key[40];
    memset(key, 0xFF, sizeof key);
    key[0] = 'C';
    raw_put(w, (MDB_val){40, key}, (MDB_val){1, key});
    raw_put(w, (MDB_val){11, key}, (MDB_val){1, key});
    raw_put(w, (MDB_val){1, key}, (MDB_val){1, key});
    key[1] = 0x92;
    raw_put(w, (MDB_val){40, key}, (MDB_val){1, key});
    raw_put(w, (MDB_val){5, key}, (MDB_val){1, key});
    d = open_deck(w, DECK_PROCESS);
    n = 0;
    for (bool more = deck_next(d, "", iccid); more; more = deck_after(d, iccid, iccid))
        n++;
    assert_int_equal(n, N - 1);
    assert_int_equal(deck_count(d), N - 1);
    deck_close(d);
}

static void batches(void **state)
{
    struct world *w = *state;
    static const enum deck_durability all[] = {DECK_POWER, DECK_PROCESS, DECK_NONE};
    static const uint8_t big[65537];
    make_deck(w);
    for (size_t i = 0; i < 3; i++) {
        struct deck *d = open_deck(w, all[i]);
        struct uicc_store *a = card(w, d, ICCID);
        assert_false(deck_batch_end(d, &w->error));
        said(w, "there is no batch");

        put(a, 1, "before");
        assert_true(deck_batch_begin(d, &w->error));
        assert_false(deck_batch_begin(d, &w->error));
        assert_false(deck_sync(d, &w->error));
        struct uicc_store *b = new_card(w, d, "89451");
        put(a, 1, "kept");
        put(b, 1, "kept");
        assert_int_equal(deck_count(d), 2);
        assert_true(deck_batch_end(d, &w->error));
        assert_true(has(a, 1, "kept") && has(b, 1, "kept"));

        /* One failing write spoils it, and all later ones; then everything is as before. */
        assert_true(deck_batch_begin(d, &w->error));
        struct uicc_store *c = new_card(w, d, "89452");
        put(a, 1, "lost");
        put(c, 1, "lost");
        assert_true(deck_remove_card(d, "89451", &w->error));
        assert_int_equal(deck_count(d), 2);
        struct store_change change = {.id = 2, .value = {big, sizeof big}};
        assert_int_equal(store_write(a, &change, 1), STORE_FAILED);
        assert_true(strstr(deck_trouble(d), "cannot be written") != NULL);
        change.value.n = 1;
        assert_int_equal(store_write(a, &change, 1), STORE_FAILED);
        assert_false(deck_batch_end(d, &w->error));
        assert_string_equal(w->error.text, deck_trouble(d));
        store_close(c);
        assert_int_equal(deck_count(d), 2);
        assert_true(has(a, 1, "kept") && has(b, 1, "kept"));
        assert_null(deck_card(d, "89452", &w->error));

        /* Or it is given up, spoiled or not. */
        for (int spoiled = 0; spoiled < 2; spoiled++) {
            assert_true(deck_batch_begin(d, &w->error));
            c = new_card(w, d, "89452");
            put(c, 1, "lost");
            if (spoiled == 1) {
                change.value.n = sizeof big;
                assert_int_equal(store_write(c, &change, 1), STORE_FAILED);
            }
            deck_batch_abort(d);
            deck_batch_abort(d);
            store_close(c);
            assert_int_equal(deck_count(d), 2);
            assert_true(has(a, 1, "kept") && has(b, 1, "kept"));
            assert_null(deck_card(d, "89452", &w->error));
        }

        /* And all goes on; what is too long alone does no harm. */
        change.value.n = sizeof big;
        assert_int_equal(store_write(a, &change, 1), STORE_FAILED);
        put(a, 1, "after");
        assert_true(deck_sync(d, &w->error));

        /* A batch that is never ended. */
        assert_true(deck_batch_begin(d, &w->error));
        put(a, 1, "lost");
        store_close(a);
        store_close(b);
        deck_close(d);
        d = open_deck(w, all[i]);
        a = card(w, d, ICCID);
        assert_true(has(a, 1, "after"));
        store_close(a);
        assert_int_equal(deck_count(d), 2);
        assert_true(deck_remove_card(d, "89451", &w->error));
        assert_int_equal(deck_count(d), 1);
        deck_close(d);
    }
}

/* The disk is full, as far as this process is concerned: a write fails as a whole, and all goes on once there
 * is room. */
static void disk_full(void **state)
{
    struct world *w = *state;
    static const enum deck_durability all[] = {DECK_POWER, DECK_PROCESS};
    struct rlimit before, limit;
    uint8_t *bytes = calloc(1, 60000);
    make_deck(w);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    for (size_t i = 0; i < 2; i++) {
        for (int batch = 0; batch < 2; batch++) {
            struct deck *d = open_deck(w, all[i]);
            struct uicc_store *s = card(w, d, ICCID);
            put(s, 1, "old");
            put(s, 2, "old");
            limit = before;
            limit.rlim_cur = (rlim_t)6 << 20;
            assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
            if (batch)
                assert_true(deck_batch_begin(d, &w->error));
            enum store_result result = STORE_OK;
            for (uint32_t id = 100; id < 400 && result == STORE_OK; id++) {
                struct store_change changes[] = {{.id = 1, .value = text("old")},
                                                 {.id = id, .value = span_of(bytes, 60000)}};
                result = store_write(s, changes, 2);
            }
            if (batch)
                assert_false(deck_batch_end(d, &w->error));
            else
                assert_int_equal(result, STORE_FAILED);
            assert_non_null(strstr(deck_trouble(d), "cannot be written"));
            struct store_change changes[] = {{.id = 1, .value = text("new")},
                                             {.id = 99, .value = span_of(bytes, 60000)},
                                             {.id = 98, .value = span_of(bytes, 60000)}};
            if (!batch) {
                assert_int_equal(store_write(s, changes, 3), STORE_FAILED);
                assert_true(has(s, 1, "old") && has(s, 99, NULL));
            }
            assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
            assert_true(has(s, 1, "old") && has(s, 99, NULL));
            assert_int_equal(store_write(s, changes, 3), STORE_OK);
            changes[1].remove = changes[2].remove = true;
            assert_int_equal(store_write(s, changes, 3), STORE_OK);
            assert_true(has(s, 1, "new") && has(s, 2, "old"));
            for (uint32_t id = 100; id < 400; id++) {
                struct store_change gone = {.id = id, .remove = true};
                assert_int_equal(store_write(s, &gone, 1), STORE_OK);
            }
            store_close(s);
            deck_close(d);
        }
    }
    free(bytes);

    /* Not even room to begin with. */
    char path[320];
    snprintf(path, sizeof path, "%s2", w->deck);
    limit = before;
    limit.rlim_cur = 4096;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    struct deck *d = deck_create(path, SPAN_EMPTY, w->crypto, &w->error);
    bool published = d != NULL && deck_publish(d, &w->error); /* its first commit may come only here */
    deck_close(d);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(published);
    signal(SIGXFSZ, SIG_DFL);
}

/* Past several growths of the map, which begins at 4 MiB. */
static void growing(void **state)
{
    struct world *w = *state;
    enum { CARDS = 12, OBJECTS = 50, LONG = 60000 };
    uint8_t *bytes = malloc(65536);
    make_deck(w);
    struct deck *d = open_deck(w, DECK_PROCESS);
    for (uint32_t i = 0; i < CARDS; i++) {
        char iccid[24];
        snprintf(iccid, sizeof iccid, "8988%u", 100 + i);
        struct uicc_store *s = new_card(w, d, iccid);
        for (uint32_t id = 0; id < OBJECTS; id++) {
            memset(bytes, (int)(i + id), 65536);
            struct store_change changes[] = {{.id = id, .value = span_of(bytes, LONG + id)},
                                             {.id = id + 1000, .value = span_of(bytes, id)}};
            assert_int_equal(store_write(s, changes, 2), STORE_OK);
        }
        memset(bytes, 0x77, 65536);
        struct store_change longest = {.id = 5000, .value = span_of(bytes, 65536)};
        assert_int_equal(store_write(s, &longest, 1), STORE_OK);
        store_close(s);
    }
    deck_close(d);
    d = open_deck(w, DECK_PROCESS);
    assert_int_equal(deck_count(d), CARDS + 1);
    for (uint32_t i = 0; i < CARDS; i++) {
        char iccid[24];
        struct objects *o;
        struct span v;
        snprintf(iccid, sizeof iccid, "8988%u", 100 + i);
        struct uicc_store *s = card(w, d, iccid);
        assert_int_equal(objects_open(s, &o), STORE_OK);
        for (uint32_t id = 0; id < OBJECTS; id++) {
            assert_true(objects_get(o, id, &v) && v.n == LONG + id && v.p[LONG - 1] == (uint8_t)(i + id));
            assert_true(objects_get(o, id + 1000, &v) && v.n == id);
        }
        assert_true(objects_get(o, 5000, &v) && v.n == 65536 && v.p[65535] == 0x77);
        objects_close(o);
        store_close(s);
    }
    deck_close(d);
    free(bytes);
}

/* Many small cards and changes, against what was said to be written. */
static void churn(void **state)
{
    struct world *w = *state;
    enum { CARDS = 40, ROUNDS = 3000 };
    static char now[CARDS][16];
    memset(now, 0, sizeof now);
    uint32_t seed = 12345;
    make_deck(w);
    for (int round = 0; round < ROUNDS;) {
        struct deck *d = open_deck(w, round % 2 == 0 ? DECK_PROCESS : DECK_NONE);
        for (int i = 0; i < 500; i++, round++) {
            seed = seed * 1664525 + 1013904223;
            unsigned c = (seed >> 16) % CARDS;
            char iccid[24];
            snprintf(iccid, sizeof iccid, "8944%u", 1000 + c);
            if (now[c][0] != '\0' && (seed >> 8) % 10 == 0) {
                assert_true(deck_remove_card(d, iccid, &w->error));
                now[c][0] = '\0';
                continue;
            }
            struct uicc_store *s = now[c][0] != '\0' ? card(w, d, iccid) : new_card(w, d, iccid);
            snprintf(now[c], sizeof now[c], "%d", round);
            put(s, seed % 7, now[c]);
            put(s, 100, now[c]);
            store_close(s);
        }
        deck_close(d);
    }
    struct deck *d = open_deck(w, DECK_POWER);
    uint64_t cards = 1;
    for (unsigned c = 0; c < CARDS; c++) {
        char iccid[24];
        snprintf(iccid, sizeof iccid, "8944%u", 1000 + c);
        if (now[c][0] == '\0') {
            assert_null(deck_card(d, iccid, &w->error));
            continue;
        }
        cards++;
        struct uicc_store *s = card(w, d, iccid);
        assert_true(has(s, 100, now[c]));
        store_close(s);
    }
    assert_int_equal(deck_count(d), cards);
    deck_close(d);
}

/* LMDB keeps the pages of a large value that shrinks within a transaction: such a deck was taken for damaged.
 */
static void shrunk(void **state)
{
    struct world *w = *state;
    static uint8_t octets[20000];
    make_deck(w);
    for (size_t n = sizeof octets; n > 0; n /= 3) {
        struct deck *d = open_deck(w, DECK_PROCESS);
        struct uicc_store *s = card(w, d, ICCID);
        assert_true(deck_batch_begin(d, &w->error));
        const struct store_change large = {.id = 2, .value = span_of(octets, sizeof octets)},
                                  small = {.id = 2, .value = span_of(octets, n)};
        assert_int_equal(store_write(s, &large, 1), STORE_OK);
        assert_int_equal(store_write(s, &small, 1), STORE_OK);
        assert_true(deck_batch_end(d, &w->error));
        store_close(s);
        deck_close(d);
        d = open_deck(w, DECK_PROCESS);
        s = card(w, d, ICCID);
        assert_int_equal(load_result(s), STORE_OK);
        store_close(s);
        deck_close(d);
    }
}

/* ---- several threads ---- */

struct reading {
    struct deck *d;
    const char *iccid, *value; /* of its object 1 */
    atomic_uint good;          /* loads that gave this */
    atomic_bool *stop, failed;
};

static bool is_value(void *ctx, uint32_t id, struct span value)
{
    const struct reading *r = ctx;
    return id != 1 || span_equal(value, text(r->value));
}

/* With crypto of its own, as deck_card_of_thread wants it. */
static void *read_on(void *ctx)
{
    struct reading *r = ctx;
    struct uicc_crypto *crypto = crypto_new();
    atomic_store(&r->failed, crypto == NULL);
    while (crypto != NULL && !atomic_load(r->stop)) {
        struct uicc_store *s = deck_card_of_thread(r->d, r->iccid, crypto, NULL);
        const bool good = s != NULL && store_load(s, is_value, r) == STORE_OK;
        store_close(s);
        if (!good)
            atomic_store(&r->failed, true);
        atomic_fetch_add(&r->good, good);
    }
    crypto_free(crypto);
    return NULL;
}

static void threads(void **state)
{
    enum { READERS = 3, LOADS = 20, WRITES = 300 };
    struct world *w = *state;
    struct uicc_crypto *own = crypto_new();
    struct reading readers[READERS];
    pthread_t ids[READERS];
    char iccids[READERS][3], values[READERS][200];
    atomic_bool stop = false;
    make_deck(w);
    struct deck *d = open_deck(w, DECK_NONE);
    for (unsigned i = 0; i < READERS; i++) {
        snprintf(iccids[i], sizeof iccids[i], "1%u", i);
        memset(values[i], 'a' + (int)i, sizeof values[i]);
        values[i][sizeof values[i] - 1] = '\0';
        struct uicc_store *s = new_card(w, d, iccids[i]);
        put(s, 1, values[i]);
        for (uint32_t id = 2; id < 40; id++)
            put(s, id, "another");
        store_close(s);
        readers[i] = (struct reading){.d = d, .iccid = iccids[i], .value = values[i], .stop = &stop};
        assert_int_equal(pthread_create(&ids[i], NULL, read_on, &readers[i]), 0);
    }
    struct uicc_store *s = card(w, d, ICCID);
    char value[16];
    bool busy = true;
    for (unsigned i = 0; i < WRITES || busy; i++) {
        busy = false;
        for (unsigned k = 0; k < READERS; k++)
            busy = busy || (!atomic_load(&readers[k].failed) && atomic_load(&readers[k].good) < LOADS);
        snprintf(value, sizeof value, "write %u", i);
        put(s, 1, value);
        assert_true(has(s, 1, value));
    }
    store_close(s);
    atomic_store(&stop, true);
    for (unsigned i = 0; i < READERS; i++) {
        pthread_join(ids[i], NULL);
        assert_false(atomic_load(&readers[i].failed));
        assert_true(has(s = card(w, d, iccids[i]), 1, values[i]));
        store_close(s);
    }
    assert_null(deck_card_of_thread(d, "13", own, &w->error));
    said(w, "has no card 13");
    deck_close(d);
    crypto_free(own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(make_and_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(making_cut_short, set_up, tear_down),
        cmocka_unit_test_setup_teardown(made_meanwhile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(newer_format, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tampering, set_up, tear_down),
        cmocka_unit_test_setup_teardown(file_tampering, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sealed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nonces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_process_at_a_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(killed_again_and_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_cards, set_up, tear_down),
        cmocka_unit_test_setup_teardown(batches, set_up, tear_down),
        cmocka_unit_test_setup_teardown(disk_full, set_up, tear_down),
        cmocka_unit_test_setup_teardown(growing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(churn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(shrunk, set_up, tear_down),
        cmocka_unit_test_setup_teardown(threads, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
