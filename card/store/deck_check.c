/* SPDX-License-Identifier: Apache-2.0
 *
 * The first two pages of an LMDB file are meta pages, of which the one with the higher transaction number
 * counts; each leads to two trees, that of the free pages and that of the records (deck_pages.h).
 */
#include "deck_check.h"

enum {
    META_FLAGS = 10,
    META = 0x08,
    META_MAGIC = 16, /* 4, then version (4), address (8), size of the map (8) */
    META_FREE = META_MAGIC + 24,
    TREE = 48, /* pad or psize (4), flags (2), depth (2), three counts of pages and that of entries (8 each),
                  root (8) */
    META_RECORDS = META_FREE + TREE,
    META_LAST = META_RECORDS + TREE, /* last page (8), transaction (8) */

    INTEGER_KEY = 0x08,
};

#define MAGIC 0xBEEFC0DEu
#define BEYOND_MAX                                                                                           \
    ((uint64_t)1 << 30) /* octets that the pages may reach beyond the end of the file: free ones at the end  \
                         */

static bool check_meta(struct span file, struct span meta, size_t psize)
{
    if (meta.n < META_LAST + 16 || pages_get(meta, META_FLAGS, 2) != META ||
        pages_get(meta, META_MAGIC, 4) != MAGIC || pages_get(meta, META_MAGIC + 4, 4) != 1)
        return false;
    uint64_t last = pages_get(meta, META_LAST, 8);
    return pages_get(meta, META_FREE, 4) == psize &&
           (pages_get(meta, META_FREE + 4, 2) & 0xFF) == INTEGER_KEY &&
           pages_get(meta, META_RECORDS + 4, 2) == 0 && last >= 1 && last < (file.n + BEYOND_MAX) / psize;
}

static struct deck_root root_of(struct span meta, size_t at)
{
    return (struct deck_root){pages_get(meta, at + 40, 8), (unsigned)pages_get(meta, at + 6, 2)};
}

static struct deck_state state_of(struct span file, size_t psize, size_t which)
{
    struct span meta = span_slice(file, which * psize, psize);
    return (struct deck_state){.psize = psize,
                               .transaction = pages_get(meta, META_LAST + 8, 8),
                               .last = pages_get(meta, META_LAST, 8),
                               .free = root_of(meta, META_FREE),
                               .records = root_of(meta, META_RECORDS)};
}

size_t deck_page_size(struct span file)
{
    return (size_t)pages_get(file, META_FREE, 4);
}

uint64_t deck_end(struct span file, size_t psize)
{
    const uint64_t even = state_of(file, psize, 0).last, odd = state_of(file, psize, 1).last;
    return ((even > odd ? even : odd) + 1) * psize;
}

struct deck_state deck_newest(struct span file, size_t psize)
{
    const uint64_t even = pages_get(file, META_LAST + 8, 8), odd = pages_get(file, psize + META_LAST + 8, 8);
    return state_of(file, psize, odd > even);
}

bool deck_check_tree(struct pages *p, enum pages_tree tree, struct deck_root root)
{
    if (root.levels == 0)
        return root.pgno == PAGES_NONE;
    return pages_claim(p, root.pgno, 1) && pages_look_under(p, tree, root.pgno, root.levels, PAGES_UNBOUND);
}

static enum deck_soundness check_whole(struct span file, const struct deck_state *s)
{
    struct pages p;
    if (!pages_init(&p, file, s->psize, s->last))
        return DECK_UNCHECKED;
    bool sound = deck_check_tree(&p, PAGES_FREE, s->free) && deck_check_tree(&p, PAGES_RECORDS, s->records);
    pages_wipe(&p);
    return sound ? DECK_SOUND : DECK_UNSOUND;
}

/* Each transaction but the first frees the root page that there was (that of the state before, if it is
 * known), and lists it, last of all, under its own number: a meta page that gives itself another is found
 * out. */
static bool check_number(struct span file, const struct deck_state *s, const struct deck_state *before)
{
    const struct pages p = {.file = file,
                            .psize = s->psize,
                            .there = file.n / s->psize,
                            .last = s->last,
                            .key_max = PAGES_KEY_MAX};
    uint64_t transaction;
    struct span list;
    if (s->transaction <= 1)
        return true;
    if (!pages_last_freed(&p, s->free.pgno, s->free.levels, &transaction, &list) ||
        transaction != s->transaction)
        return false;
    bool freed = before == NULL || before->records.levels == 0;
    for (size_t at = 8; !freed && at < list.n; at += 8)
        freed = pages_get(list, at, 8) == before->records.pgno;
    return freed;
}

/* LMDB goes by the root, and not by the number of levels, which is what the rest of us goes by. */
static bool check_root(struct deck_root root)
{
    return (root.levels == 0) == (root.pgno == PAGES_NONE);
}

static enum deck_soundness check_state(struct span file, const struct deck_state *s,
                                       const struct deck_state *before, bool whole)
{
    if (!check_root(s->free) || !check_root(s->records) || !check_number(file, s, before))
        return DECK_UNSOUND;
    return whole ? check_whole(file, s) : DECK_SOUND;
}

enum deck_soundness deck_check(struct span file, bool whole)
{
    size_t psize = deck_page_size(file);
    if (psize < 512 || psize > 65536 || (psize & (psize - 1)) != 0)
        return DECK_UNSOUND;
    if (!check_meta(file, span_slice(file, 0, psize), psize) ||
        !check_meta(file, span_slice(file, psize, psize), psize))
        return DECK_UNSOUND;
    struct deck_state even = state_of(file, psize, 0), odd = state_of(file, psize, 1);
    /* Transactions take turns with the two meta pages, so the pages are one transaction apart, odd ones in
     * the second. A new file has transaction 0 in both. */
    bool turns = even.transaction % 2 == 0 && odd.transaction % 2 == 1 &&
                 (odd.transaction == even.transaction + 1 || even.transaction == odd.transaction + 1);
    if (!turns && (even.transaction != 0 || odd.transaction != 0))
        return DECK_UNSOUND;
    const bool odd_counts = odd.transaction > even.transaction;
    const struct deck_state *newest = odd_counts ? &odd : &even, *older = odd_counts ? &even : &odd;
    /* The state before the last transaction is whole as well: LMDB falls back on it when the last meta page
     * was torn, and so overwrites nothing of it. A meta page that was made to look older than it is, or put
     * back, leads to pages that are not so. But a process that is killed while it writes through the map may
     * leave the older meta page half written, the number of its transaction last, and so does LMDB when it
     * cannot write that page: then the file is longer than either state needs, for nobody closed it (deck.c,
     * fit_file). */
    const bool closed = file.n <= deck_end(file, psize);
    enum deck_soundness sound = check_state(file, newest, closed ? older : NULL, whole);
    if (sound == DECK_SOUND && closed)
        sound = check_state(file, older, NULL, whole);
    return sound;
}
