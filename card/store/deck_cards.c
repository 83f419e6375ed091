/* SPDX-License-Identifier: Apache-2.0
 *
 * Cards in the tree. A card's root record has the card's ICCID as its key and its objects the same with their
 * id behind it, so that all of them lie side by side: a small write changes one leaf, and the next card is
 * one seek away without an index of cards.
 */
#include "deck_tree.h"

#include <errno.h>
#include <stdlib.h>

enum {
    OBJECT_KEY = ROOT_KEY + 4,
    ROOT_PLAIN = 4 + SEAL_TAG,
    KEY_MAX = 511, /* of LMDB as it is built everywhere: what others may have put there */
};

struct card {
    struct uicc_store store;
    struct deck *deck;
    struct uicc_crypto
        *crypto; /* to open records with, outside of the deck's lock; NULL: the deck's, within */
    uint8_t key[ROOT_KEY];
    bool fresh; /* from deck_new_card, nothing written yet */
    /* The root record's content, good as long as the record has this tag: a batch that was given up, or a
     * second store of the same card, changes it behind our back. */
    bool known;
    uint8_t tag[SEAL_TAG];
    uint32_t count;
    uint8_t mark[SEAL_TAG];
};

/* 'C', then two digits an octet as digit + 1, with 0 for none: the order of keys is that of the strings. */
static bool root_key(const char *iccid, uint8_t key[ROOT_KEY])
{
    memset(key, 0, ROOT_KEY);
    key[0] = 'C';
    for (size_t i = 0; iccid[i] != '\0'; i++) {
        if (i >= DECK_ICCID_MAX || iccid[i] < '0' || iccid[i] > '9')
            return false;
        uint8_t nibble = (uint8_t)(iccid[i] - '0' + 1);
        key[1 + i / 2] |= (uint8_t)(i % 2 == 0 ? nibble << 4 : nibble);
    }
    return true;
}

static void iccid_of(const uint8_t *key, char iccid[DECK_ICCID_MAX + 1])
{
    size_t n = 0;
    for (size_t i = 0; i < DECK_ICCID_MAX; i++) {
        uint8_t nibble = i % 2 == 0 ? key[1 + i / 2] >> 4 : key[1 + i / 2] & 0x0F;
        if (nibble == 0 || nibble > 10)
            break;
        iccid[n++] = (char)('0' + nibble - 1);
    }
    iccid[n] = '\0';
}

static void object_key(const uint8_t root[ROOT_KEY], uint32_t id, uint8_t key[OBJECT_KEY])
{
    struct buf b = buf_of(key, OBJECT_KEY);
    buf_put(&b, span_of(root, ROOT_KEY));
    buf_u32(&b, id);
}

/* ---- one card's store ---- */

/* *rc is an error of LMDB if that was why, else 0. */
static enum store_result root_read(struct card *c, MDB_txn *txn, int *rc)
{
    struct deck *d = c->deck;
    struct span key = span_of(c->key, ROOT_KEY);
    struct span sealed;
    *rc = tree_find(d, txn, key, &sealed);
    if (*rc != 0) {
        c->known = false;
        return *rc == MDB_NOTFOUND ? STORE_TAMPERED : deck_result(*rc);
    }
    struct span tag = seal_tag(sealed);
    if (c->known && tag.n == SEAL_TAG && memcmp(tag.p, c->tag, SEAL_TAG) == 0)
        return STORE_OK;
    uint8_t plain[ROOT_PLAIN];
    c->known = false;
    if (sealed.n != ROOT_PLAIN + SEAL_OVERHEAD || !unseal(&d->sealer, key, sealed, plain))
        return STORE_TAMPERED;
    struct reader r = rd_of(span_of(plain, sizeof plain));
    c->count = rd_u32(&r);
    rd_copy(&r, c->mark, sizeof c->mark);
    memcpy(c->tag, tag.p, SEAL_TAG);
    c->known = rd_done(&r);
    return STORE_OK;
}

/* c->known: root_read has found one in this transaction, or this has written it. */
static int root_write(struct card *c, MDB_txn *txn, uint32_t count, const uint8_t mark[SEAL_TAG],
                      unsigned flags)
{
    uint8_t plain[ROOT_PLAIN];
    struct buf b = buf_of(plain, sizeof plain);
    struct span sealed;
    const bool was = c->known;
    buf_u32(&b, count);
    buf_put(&b, span_of(mark, SEAL_TAG));
    c->known = false;
    int rc = tree_put(c->deck, txn, span_of(c->key, ROOT_KEY), buf_span(&b), flags, &sealed);
    if (rc != 0)
        return rc;
    if (!tree_root_changed(c->deck, was ? span_of(c->tag, SEAL_TAG) : SPAN_EMPTY, seal_tag(sealed)))
        return EIO;
    c->count = count;
    memcpy(c->mark, mark, SEAL_TAG);
    memcpy(c->tag, seal_tag(sealed).p, SEAL_TAG);
    c->known = true;
    return 0;
}

struct card_changes {
    struct card *card;
    const struct store_change *changes;
    size_t n;
};

/* One object. The set and the count follow. */
static int write_object(struct card *c, MDB_txn *txn, const struct store_change *change, struct seal_set *set,
                        uint32_t *count, unsigned flags)
{
    struct deck *d = c->deck;
    uint8_t key[OBJECT_KEY];
    object_key(c->key, change->id, key);
    struct span sealed, old;
    int rc = c->fresh ? MDB_NOTFOUND : tree_find(d, txn, span_of(key, sizeof key), &old);
    bool was = rc == 0;
    if (rc != 0 && rc != MDB_NOTFOUND)
        return rc;
    if (was && !seal_set_flip(&d->sealer, set, seal_tag(old)))
        return MDB_CORRUPTED;
    *count += (uint32_t)!change->remove - (uint32_t)was;
    if (change->remove)
        return was ? tree_delete(d, txn, span_of(key, sizeof key)) : 0;
    rc = tree_put(d, txn, span_of(key, sizeof key), change->value, flags, &sealed);
    return rc == 0 && !seal_set_flip(&d->sealer, set, seal_tag(sealed)) ? EIO : rc;
}

static int by_id(const void *a, const void *b)
{
    const struct store_change *x = *(const struct store_change *const *)a,
                              *y = *(const struct store_change *const *)b;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* A new card's records go in in the order of their keys, and if it comes after all other cards they are
 * appended: that fills the pages of the tree, which would be left half full otherwise. */
static int write_fresh(struct card *c, MDB_txn *txn, const struct card_changes *w, struct seal_set *set,
                       uint32_t *count)
{
    struct span key = span_of(c->key, ROOT_KEY), next;
    int rc = tree_seek(c->deck, txn, key, &next);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return rc;
    unsigned flags = rc == MDB_NOTFOUND ? MDB_APPEND : 0;
    const struct store_change **sorted = calloc(w->n + 1, sizeof *sorted);
    if (sorted == NULL)
        return ENOMEM;
    for (size_t i = 0; i < w->n; i++)
        sorted[i] = &w->changes[i];
    qsort(sorted, w->n, sizeof(*sorted), by_id);
    rc = root_write(c, txn, 0, set->mark, flags);
    for (size_t i = 0; i < w->n && rc == 0; i++)
        rc = write_object(c, txn, sorted[i], set, count, flags);
    free(sorted);
    return rc == 0 ? tree_put_count(c->deck, txn, c->deck->cards + 1) : rc;
}

static enum store_result write_objects(struct deck *d, MDB_txn *txn, void *ctx, int *rc)
{
    struct card_changes *w = ctx;
    struct card *c = w->card;
    struct seal_set set = {.mark = {0}};
    uint32_t count = 0;
    for (size_t i = 0; i < w->n; i++)
        if (!w->changes[i].remove && w->changes[i].value.n > DECK_VALUE_MAX) {
            *rc = EFBIG;
            return STORE_FAILED;
        }
    enum store_result result = root_read(c, txn, rc);
    if (c->fresh) {
        if (*rc != MDB_NOTFOUND) {
            *rc = *rc == 0 ? EEXIST : *rc;
            return STORE_FAILED;
        }
        *rc = write_fresh(c, txn, w, &set, &count);
    } else {
        if (result != STORE_OK)
            return result;
        count = c->count;
        memcpy(set.mark, c->mark, SEAL_TAG);
        for (size_t i = 0; i < w->n && *rc == 0; i++)
            *rc = write_object(c, txn, &w->changes[i], &set, &count, 0);
    }
    if (*rc == 0 && !seal_set_finish(&d->sealer, &set))
        *rc = EIO;
    if (*rc == 0)
        *rc = root_write(c, txn, count, set.mark, 0);
    return deck_result(*rc);
}

static enum store_result card_write(struct uicc_store *s, const struct store_change *changes, size_t n)
{
    struct card *c = (struct card *)s;
    struct deck *d = c->deck;
    struct card_changes w = {c, changes, n};
    pthread_mutex_lock(&d->mutex);
    enum store_result result = tree_write(d, write_objects, &w);
    if (result == STORE_OK)
        c->fresh = false;
    pthread_mutex_unlock(&d->mutex);
    return result;
}

/* A card's sealed records as they lie in the deck: object key, length (4), sealed record, again and again. */
struct copied {
    uint8_t *p;
    size_t n, room;
};

static bool copy_record(struct copied *to, struct span key, struct span sealed)
{
    const size_t n = key.n + 4 + sealed.n;
    if (to->room - to->n < n) {
        const size_t room = 2 * to->room + n;
        uint8_t *p = realloc(to->p, room);
        if (p == NULL)
            return false;
        to->p = p;
        to->room = room;
    }
    struct buf b = buf_of(to->p + to->n, n);
    buf_put(&b, key);
    buf_u32(&b, (uint32_t)sealed.n);
    buf_put(&b, sealed);
    to->n += n;
    return buf_ok(&b);
}

static enum store_result copy_objects(struct card *c, MDB_txn *txn, struct copied *to)
{
    struct tree_scan scan;
    struct span key, sealed;
    uint32_t count = 0;
    enum store_result result = STORE_OK;
    int rc = tree_scan_begin(c->deck, txn, span_of(c->key, ROOT_KEY), &scan);
    if (rc == 0)
        rc = tree_scan_next(&scan, &key, &sealed); /* the root */
    while (rc == 0 && result == STORE_OK && (rc = tree_scan_next(&scan, &key, &sealed)) == 0) {
        if (count++ == c->count || key.n != OBJECT_KEY || sealed.n > DECK_VALUE_MAX + SEAL_OVERHEAD)
            result = STORE_TAMPERED;
        else if (!copy_record(to, key, sealed))
            result = STORE_FAILED;
    }
    tree_scan_end(&scan);
    return rc == 0 || rc == MDB_NOTFOUND ? result : deck_result(rc);
}

/* Each where it lies: what is in clear then is wiped with the copy. */
static enum store_result open_objects(const struct card *c, struct sealer *sealer,
                                      const struct copied *copied,
                                      bool (*each)(void *ctx, uint32_t id, struct span value), void *ctx)
{
    struct seal_set set = {.n = 0};
    uint32_t count = 0;
    for (size_t at = 0; at < copied->n; count++) {
        struct reader r = rd_of(span_of(copied->p + at, copied->n - at));
        const struct span key = rd_take(&r, OBJECT_KEY), sealed = rd_take(&r, rd_u32(&r));
        uint8_t *clear = copied->p + at + OBJECT_KEY + 4 + SEAL_HEAD;
        if (!seal_set_flip(sealer, &set, seal_tag(sealed)) || !unseal(sealer, key, sealed, clear))
            return STORE_TAMPERED;
        struct reader id = rd_of(span_slice(key, ROOT_KEY, 4));
        if (!each(ctx, rd_u32(&id), span_of(clear, sealed.n - SEAL_OVERHEAD)))
            return STORE_FAILED;
        at += OBJECT_KEY + 4 + sealed.n;
    }
    if (!seal_set_finish(sealer, &set))
        return STORE_FAILED;
    return count == c->count && crypto_equal(set.mark, c->mark, SEAL_TAG) ? STORE_OK : STORE_TAMPERED;
}

/* The deck is locked while the records are copied, and while they are opened only if that needs its crypto:
 * most of the work of threads that open cards is this. */
static enum store_result card_load(struct uicc_store *s,
                                   bool (*each)(void *ctx, uint32_t id, struct span value), void *ctx)
{
    struct card *c = (struct card *)s;
    struct deck *d = c->deck;
    struct copied copied = {0};
    if (c->fresh)
        return STORE_OK;
    pthread_mutex_lock(&d->mutex);
    enum store_result result = STORE_FAILED;
    int rc;
    MDB_txn *txn = tree_read_begin(d, &rc);
    if (txn != NULL) {
        result = root_read(c, txn, &rc);
        if (result == STORE_OK)
            result = copy_objects(c, txn, &copied);
        tree_read_end(d);
    }
    if (c->crypto == NULL && result == STORE_OK)
        result = open_objects(c, &d->sealer, &copied, each, ctx);
    struct sealer own = c->crypto != NULL ? d->sealer : (struct sealer){0};
    pthread_mutex_unlock(&d->mutex);
    own.crypto = c->crypto;
    if (c->crypto != NULL && result == STORE_OK)
        result = open_objects(c, &own, &copied, each, ctx);
    seal_wipe(&own);
    if (copied.p != NULL)
        crypto_wipe(copied.p, copied.n);
    free(copied.p);
    return result;
}

static void card_close(struct uicc_store *s)
{
    struct card *c = (struct card *)s;
    crypto_wipe(c, sizeof *c);
    free(c);
}

static const struct store_ops card_ops = {card_load, card_write, card_close};

static struct uicc_store *open_card(struct deck *d, const char *iccid, bool fresh, struct deck_error *error)
{
    struct card *c = calloc(1, sizeof *c);
    if (c == NULL) {
        deck_say(error, "out of memory");
        return NULL;
    }
    c->store.ops = &card_ops;
    c->deck = d;
    c->fresh = fresh;
    if (iccid[0] == '\0' || !root_key(iccid, c->key)) {
        deck_say(error, "'%.40s' is not an ICCID: it has 1 to %d digits", iccid, DECK_ICCID_MAX);
        free(c);
        return NULL;
    }
    pthread_mutex_lock(&d->mutex);
    int rc;
    MDB_txn *txn = tree_read_begin(d, &rc);
    bool there = false, good = false;
    if (txn != NULL) {
        struct span next;
        enum store_result result = root_read(c, txn, &rc);
        there = rc == 0;
        if (rc == MDB_NOTFOUND) {
            /* Objects without their root: somebody took that away. */
            rc = tree_seek(d, txn, span_of(c->key, ROOT_KEY), &next);
            there = rc == 0 && span_starts(next, span_of(c->key, ROOT_KEY));
            rc = rc == MDB_NOTFOUND ? 0 : rc;
        }
        tree_read_end(d);
        good = rc == 0 && there == !fresh && (fresh || result == STORE_OK);
    }
    pthread_mutex_unlock(&d->mutex);
    if (good)
        return &c->store;
    if (rc != 0)
        deck_say_unread(d, error, rc);
    else if (fresh)
        deck_say(error, "%s has a card %s already", d->path, iccid);
    else if (there)
        deck_say(error, "%s: card %s has been tampered with", d->path, iccid);
    else
        deck_say(error, "%s has no card %s", d->path, iccid);
    card_close(&c->store);
    return NULL;
}

struct uicc_store *deck_card(struct deck *d, const char *iccid, struct deck_error *error)
{
    return open_card(d, iccid, false, error);
}

struct uicc_store *deck_card_of_thread(struct deck *d, const char *iccid, struct uicc_crypto *crypto,
                                       struct deck_error *error)
{
    struct uicc_store *s = open_card(d, iccid, false, error);
    if (s != NULL)
        ((struct card *)s)->crypto = crypto;
    return s;
}

struct uicc_store *deck_new_card(struct deck *d, const char *iccid, struct deck_error *error)
{
    return open_card(d, iccid, true, error);
}

static enum store_result remove_objects(struct deck *d, MDB_txn *txn, void *ctx, int *rc)
{
    struct span root = span_of(ctx, ROOT_KEY), next, sealed;
    uint8_t tag[SEAL_TAG];
    *rc = tree_find(d, txn, root, &sealed);
    if (*rc != 0 && *rc != MDB_NOTFOUND)
        return deck_result(*rc);
    const struct span was = span_of(tag, seal_tag(sealed).n);
    if (was.n > 0)
        memcpy(tag, seal_tag(sealed).p, was.n);
    while ((*rc = tree_seek(d, txn, root, &next)) == 0 && span_starts(next, root)) {
        uint8_t key[KEY_MAX]; /* a key in the tree does not last through its removal */
        if (next.n > sizeof key)
            return STORE_TAMPERED;
        memcpy(key, next.p, next.n);
        *rc = tree_delete(d, txn, span_of(key, next.n));
        /* (not before: a step that has changed nothing is not undone) */
        if (*rc == 0 && next.n == ROOT_KEY && !tree_root_changed(d, was, SPAN_EMPTY))
            *rc = EIO;
        if (*rc != 0)
            return deck_result(*rc);
    }
    if (*rc == 0 || *rc == MDB_NOTFOUND)
        *rc = tree_put_count(d, txn, d->cards - (d->cards > 0));
    return deck_result(*rc);
}

/* 0: there is something of this card. */
static int look_for(struct deck *d, const uint8_t key[ROOT_KEY])
{
    struct span root = span_of(key, ROOT_KEY), next;
    int rc;
    MDB_txn *txn = tree_read_begin(d, &rc);
    if (txn == NULL)
        return rc;
    rc = tree_seek(d, txn, root, &next);
    if (rc == 0 && !span_starts(next, root))
        rc = MDB_NOTFOUND;
    tree_read_end(d);
    return rc;
}

enum deck_has deck_has_card(struct deck *d, const char *iccid, struct deck_error *error)
{
    uint8_t key[ROOT_KEY];
    if (iccid[0] == '\0' || !root_key(iccid, key))
        return DECK_HAS_NOT;
    pthread_mutex_lock(&d->mutex);
    int rc = look_for(d, key);
    if (rc != 0 && rc != MDB_NOTFOUND)
        deck_say_unread(d, error, rc);
    pthread_mutex_unlock(&d->mutex);
    return rc == 0 ? DECK_HAS : rc == MDB_NOTFOUND ? DECK_HAS_NOT : DECK_UNREAD;
}

bool deck_remove_card(struct deck *d, const char *iccid, struct deck_error *error)
{
    uint8_t key[ROOT_KEY];
    if (iccid[0] == '\0' || !root_key(iccid, key)) {
        deck_say(error, "'%.40s' is not an ICCID: it has 1 to %d digits", iccid, DECK_ICCID_MAX);
        return false;
    }
    pthread_mutex_lock(&d->mutex);
    /* Looked for first: that there is no such card must not spoil a batch. */
    int rc = look_for(d, key);
    enum store_result result = rc == 0 ? tree_write(d, remove_objects, key) : STORE_FAILED;
    if (rc == MDB_NOTFOUND)
        deck_say(error, "%s has no card %s", d->path, iccid);
    else if (rc != 0)
        deck_say_unread(d, error, rc);
    else if (result != STORE_OK)
        deck_say(error, "%s", d->trouble.text);
    pthread_mutex_unlock(&d->mutex);
    return result == STORE_OK;
}

/* ---- all cards ---- */

/* What a key begins with may be no card's: somebody else has put it there. */
static bool names_card(const uint8_t *key, char iccid[DECK_ICCID_MAX + 1])
{
    uint8_t packed[ROOT_KEY];
    iccid_of(key, iccid);
    return iccid[0] != '\0' && root_key(iccid, packed) && memcmp(packed, key, ROOT_KEY) == 0;
}

int deck_mark_roots(struct deck *d, MDB_txn *txn, uint8_t mark[SEAL_TAG], uint64_t *n)
{
    struct seal_set set = {.n = 0};
    struct tree_scan scan;
    struct span key, sealed;
    uint8_t last[ROOT_KEY] = {0};
    char iccid[DECK_ICCID_MAX + 1];
    int rc = tree_scan_begin(d, txn, KEY_CARDS, &scan);
    for (*n = 0; rc == 0 && (rc = tree_scan_next(&scan, &key, &sealed)) == 0;) {
        if (key.n >= ROOT_KEY && memcmp(key.p, last, ROOT_KEY) != 0) {
            memcpy(last, key.p, ROOT_KEY);
            *n += names_card(last, iccid);
        }
        if (key.n != ROOT_KEY)
            continue;
        if (!seal_set_flip(&d->sealer, &set, seal_tag(sealed)))
            rc = sealed.n < SEAL_OVERHEAD ? MDB_CORRUPTED : EIO;
    }
    tree_scan_end(&scan);
    if (rc == MDB_NOTFOUND)
        rc = seal_set_finish(&d->sealer, &set) ? 0 : EIO;
    memcpy(mark, set.mark, SEAL_TAG);
    return rc;
}

/* The first key that is behind every one that begins with this. */
static void step_over(uint8_t key[ROOT_KEY])
{
    size_t i = ROOT_KEY;
    do
        key[--i]++;
    while (key[i] == 0 && i > 0);
}

/* The first card at or behind a key. A key that is not a card's is passed over: it leads to nothing,
 * and maybe round in a circle. */
static bool next_card(struct deck *d, uint8_t from[ROOT_KEY], char iccid[DECK_ICCID_MAX + 1])
{
    bool found = false;
    pthread_mutex_lock(&d->mutex);
    int rc;
    MDB_txn *txn = tree_read_begin(d, &rc);
    while (rc == 0 && !found) {
        struct span k;
        rc = tree_seek(d, txn, span_of(from, ROOT_KEY), &k);
        if (rc != 0 || k.n == 0 || k.p[0] != 'C')
            break;
        uint8_t at[ROOT_KEY] = {0};
        memcpy(at, k.p, k.n < ROOT_KEY ? k.n : ROOT_KEY);
        if (memcmp(at, from, ROOT_KEY) < 0)
            break; /* a tree that somebody has put in disorder does not send us round for ever */
        memcpy(from, at, ROOT_KEY);
        found = names_card(from, iccid) && k.n >= ROOT_KEY;
        if (k.n >= ROOT_KEY)
            step_over(from);
    }
    if (rc != 0 && rc != MDB_NOTFOUND)
        deck_say_unread(d, &d->trouble, rc);
    if (txn != NULL)
        tree_read_end(d);
    pthread_mutex_unlock(&d->mutex);
    return found;
}

bool deck_next(struct deck *d, const char *from, char iccid[DECK_ICCID_MAX + 1])
{
    uint8_t key[ROOT_KEY];
    return root_key(from, key) && next_card(d, key, iccid);
}

bool deck_after(struct deck *d, const char *than, char iccid[DECK_ICCID_MAX + 1])
{
    uint8_t key[ROOT_KEY];
    if (!root_key(than, key))
        return false;
    step_over(key);
    return next_card(d, key, iccid);
}
