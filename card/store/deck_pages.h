/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the deck: the pages of an LMDB file, and whether one is as LMDB writes it. LMDB trusts its file:
 * a page that was tampered with can make it read or write anywhere.
 *
 * A page is looked at once, under the bounds that the pages above it give its keys, and then claims the pages
 * that it leads to: so each page has one place in a tree, or is free. Pure: a view of the file in, yes or no
 * out.
 */
#ifndef STORE_DECK_PAGES_H
#define STORE_DECK_PAGES_H

#include "span.h"

enum { PAGES_DEPTH_MAX = 32, PAGES_KEY_MAX = 511 };

#define PAGES_NONE UINT64_MAX /* the root of an empty tree */

struct pages {
    struct span file;
    size_t psize;
    uint64_t there; /* pages that the file had when it was found; of them */
    uint64_t last;  /* this is the last in use: what lies behind is ours */
    size_t key_max; /* octets of a key of the records; PAGES_KEY_MAX if nobody says otherwise */
    uint8_t *known; /* two bits a page: it has its use; it was looked at, or is ours to write */
};

/* The two trees of LMDB: that of our records, and that of the free pages, whose keys are numbers of
 * transactions. */
enum pages_tree { PAGES_RECORDS, PAGES_FREE };

/* of the keys of a page: least <= key < end; an empty one says nothing. */
struct pages_bounds {
    struct span least, end;
};

#define PAGES_UNBOUND ((struct pages_bounds){SPAN_EMPTY, SPAN_EMPTY})

/* false: no memory. */
bool pages_init(struct pages *p, struct span file, size_t psize, uint64_t last);
void pages_wipe(struct pages *p);

/* n pages from this one have their use from now on. false: one of them has one already, or there are none
 * such. */
bool pages_claim(struct pages *p, uint64_t pgno, uint64_t n);

/* It was looked at, or is ours. */
bool pages_known(const struct pages *p, uint64_t pgno);

/* Looks at a claimed page, if it was not looked at, and claims what it leads to. false: it is unsound. */
bool pages_look(struct pages *p, enum pages_tree tree, uint64_t pgno, bool leaf, struct pages_bounds bounds);

/* ... and at all below it. levels: 1 for a leaf. */
bool pages_look_under(struct pages *p, enum pages_tree tree, uint64_t pgno, unsigned levels,
                      struct pages_bounds bounds);

/* The last record of the tree of free pages: the number of its transaction, and the pages that it freed
 * (their number, and then they). For a first look: neither claims nor looks at anything else. false: that way
 * is unsound. */
bool pages_last_freed(const struct pages *p, uint64_t root, unsigned levels, uint64_t *transaction,
                      struct span *list);

/* ---- what is in a page that was looked at ---- */

struct span pages_at(const struct pages *p, uint64_t pgno); /* empty: not in the view */
size_t pages_keys(struct span page);
struct span pages_key(struct span page, size_t i);
uint64_t pages_child(struct span page, size_t i);
int pages_compare(enum pages_tree tree, struct span a, struct span b);
/* Which child leads to the key. */
size_t pages_way(struct span branch, struct span key);
struct pages_bounds pages_bounds_of(struct span branch, size_t i, struct pages_bounds above);

/* An integer of n octets (2, 4 or 8) in the machine's order, 0 beyond the end. */
static inline uint64_t pages_get(struct span s, size_t at, size_t n)
{
    uint16_t v16 = 0;
    uint32_t v32 = 0;
    uint64_t v64 = 0;
    if (at > s.n || n > s.n - at)
        return 0;
    if (n == 2)
        memcpy(&v16, s.p + at, 2);
    else if (n == 4)
        memcpy(&v32, s.p + at, 4);
    else
        memcpy(&v64, s.p + at, 8);
    return n == 2 ? v16 : (n == 4 ? v32 : v64);
}

#endif
