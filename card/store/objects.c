/* SPDX-License-Identifier: Apache-2.0
 *
 * The journal of the open transaction is a map as well: of every id that the transaction touched it has the
 * bytes from before, and behind them an octet that says whether there was such an object. Its block is kept
 * for the next transaction, wiped.
 *
 * An abort must not fail for want of memory, and does not: the map never shrinks inside a transaction, so
 * what was in it at the beginning fits again once the new objects are out. objects_put_now, which adds to it
 * for good, first reserves room for everything in the journal.
 */
#include "objects.h"

#include "crypto.h"

#include <stdlib.h>

enum {
    ABSENT = 0,
    PRESENT = 1,
    /* octets: a larger block goes back, so that one large transaction does not cost for ever */
    JOURNAL_KEPT = 512,
    FEW_CHANGES = 8,    /* that need no heap in a commit */
    LOAD_OCTETS = 4096, /* what most cards need: room for it is made at once, and fitted in the end */
    LOAD_OBJECTS = 48,
    SCRATCH = 256, /* old values up to this length need no heap in objects_put_now */
};

struct objects {
    struct uicc_store *store;
    struct objmap *map;
    struct objmap *journal;
    bool open;
};

static bool load_one(void *ctx, uint32_t id, struct span value)
{
    struct objects *o = ctx;
    return objmap_put(&o->map, id, value);
}

enum store_result objects_open(struct uicc_store *store, struct objects **out)
{
    *out = NULL;
    struct objects *o = calloc(1, sizeof *o);
    if (o == NULL)
        return STORE_FAILED;
    o->store = store;
    o->map = objmap_new();
    o->journal = objmap_new();
    enum store_result result = STORE_FAILED;
    if (o->map != NULL && o->journal != NULL && objmap_reserve(&o->map, LOAD_OCTETS, LOAD_OBJECTS))
        result = store_load(store, load_one, o);
    if (result == STORE_OK) {
        objmap_fit(&o->map);
        *out = o;
    } else {
        objects_close(o);
    }
    return result;
}

void objects_close(struct objects *o)
{
    if (o == NULL)
        return;
    objmap_free(o->map);
    objmap_free(o->journal);
    free(o);
}

bool objects_get(const struct objects *o, uint32_t id, struct span *out)
{
    return objmap_get(o->map, id, out);
}

bool objects_each(const struct objects *o, size_t *cursor, uint32_t *id, struct span *value)
{
    return objmap_each(o->map, cursor, id, value);
}

void objects_begin(struct objects *o)
{
    objects_abort(o); /* a caller that forgot to end a transaction must not see it continued */
    o->open = true;
}

/* Values may be secrets: the time of a comparison must not tell how far they agree. */
static bool same(struct span a, struct span b)
{
    return a.n == b.n && (a.n == 0 || crypto_equal(a.p, b.p, a.n));
}

/* An object as it was before the transaction, from its entry in the journal. false: there was none. */
static bool before(struct span entry, struct span *old)
{
    *old = span_slice(entry, 0, entry.n - 1);
    return entry.p[entry.n - 1] == PRESENT;
}

/* Keeps what an object is before its first change in this transaction. */
static bool remember(struct objects *o, uint32_t id)
{
    struct span old;
    if (objmap_get(o->journal, id, &old))
        return true;
    bool present = objmap_get(o->map, id, &old);
    uint8_t *entry = objmap_make(&o->journal, id, old.n + 1);
    if (entry == NULL)
        return false;
    if (old.n > 0)
        memcpy(entry, old.p, old.n);
    entry[old.n] = present ? PRESENT : ABSENT;
    return true;
}

bool objects_put(struct objects *o, uint32_t id, struct span value)
{
    struct span now;
    if (!o->open || value.n > OBJMAP_VALUE_MAX)
        return false;
    if (objmap_get(o->map, id, &now) && same(now, value))
        return true;
    return remember(o, id) && objmap_put(&o->map, id, value);
}

bool objects_remove(struct objects *o, uint32_t id)
{
    struct span now;
    if (!o->open)
        return false;
    if (!objmap_get(o->map, id, &now))
        return true;
    if (!remember(o, id))
        return false;
    objmap_remove(o->map, id);
    return true;
}

uint8_t *objects_edit(struct objects *o, uint32_t id, struct span initial)
{
    size_t n;
    if (!o->open || initial.n > OBJMAP_VALUE_MAX || !remember(o, id))
        return NULL;
    uint8_t *p = objmap_at(o->map, id, &n);
    if (p != NULL && n == initial.n)
        return p;
    return objmap_put(&o->map, id, initial) ? objmap_at(o->map, id, &n) : NULL;
}

/* The transaction is over, whichever way. */
static void end(struct objects *o)
{
    o->open = false;
    if (objmap_count(o->journal) == 0)
        return;
    objmap_clear(o->journal);
    if (objmap_size(o->journal) > JOURNAL_KEPT)
        objmap_trim(&o->journal);
    objmap_trim(&o->map);
}

/* What the store is to write: what differs from before. Ids and pointers only, no values. */
static size_t list_changes(const struct objects *o, struct store_change *changes)
{
    size_t n = 0, cursor = 0;
    uint32_t id;
    struct span entry, old, now;
    while (objmap_each(o->journal, &cursor, &id, &entry)) {
        bool was = before(entry, &old);
        bool is = objmap_get(o->map, id, &now);
        if (was == is && same(old, now)) /* changed back, or made and removed: both are empty then */
            continue;
        changes[n++] = (struct store_change){.id = id, .value = now, .remove = !is};
    }
    return n;
}

enum store_result objects_commit(struct objects *o)
{
    struct store_change few[FEW_CHANGES], *changes = few;
    if (objmap_count(o->journal) > FEW_CHANGES)
        changes = calloc(objmap_count(o->journal), sizeof *changes);
    enum store_result result = STORE_FAILED;
    if (changes != NULL) {
        size_t n = list_changes(o, changes);
        result = n == 0 ? STORE_OK : store_write(o->store, changes, n);
    }
    if (result == STORE_OK)
        end(o);
    else
        objects_abort(o);
    if (changes != few)
        free(changes);
    return result;
}

void objects_abort(struct objects *o)
{
    size_t cursor = 0;
    uint32_t id;
    struct span entry, old;
    /* First everything out that takes room which the old values need. */
    while (objmap_each(o->journal, &cursor, &id, &entry)) {
        size_t n = 0;
        bool was = before(entry, &old);
        uint8_t *p = objmap_at(o->map, id, &n);
        if (was && p != NULL && n == old.n) {
            if (n > 0)
                memcpy(p, old.p, n);
        } else {
            objmap_remove(o->map, id);
        }
    }
    cursor = 0;
    while (objmap_each(o->journal, &cursor, &id, &entry)) {
        struct span now;
        if (before(entry, &old) && !objmap_get(o->map, id, &now))
            (void)objmap_put(&o->map, id, old); /* there is room: see the top of this file */
    }
    end(o);
}

enum store_result objects_put_now(struct objects *o, uint32_t id, struct span value)
{
    uint8_t scratch[SCRATCH];
    uint8_t *kept = scratch;
    struct span old;
    if (objmap_get(o->journal, id, &old)) /* it cannot be both undone with the transaction and kept */
        return STORE_FAILED;
    bool present = objmap_get(o->map, id, &old);
    size_t n = old.n;
    if (n > sizeof scratch && (kept = malloc(n)) == NULL)
        return STORE_FAILED;
    if (n > 0)
        memcpy(kept, old.p, n);

    /* Memory first, as that can be taken back for certain, which the store cannot: either the old value still
     * has its room, or there is room reserved for it. */
    enum store_result result = STORE_FAILED;
    if (objmap_put(&o->map, id, value)) {
        struct store_change change = {.id = id};
        size_t in_journal = objmap_count(o->journal);
        if (in_journal == 0 || objmap_reserve(&o->map, objmap_size(o->journal) + n, in_journal + 1)) {
            (void)objmap_get(o->map, id, &change.value);
            result = store_write(o->store, &change, 1);
        }
        if (result != STORE_OK) {
            if (present)
                (void)objmap_put(&o->map, id, span_of(kept, n));
            else
                objmap_remove(o->map, id);
        }
    }
    if (n > 0)
        crypto_wipe(kept, n);
    if (kept != scratch)
        free(kept);
    return result;
}

size_t objects_footprint(const struct objects *o)
{
    return sizeof *o + objmap_size(o->map) + objmap_size(o->journal);
}
