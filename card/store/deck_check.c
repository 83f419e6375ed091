/* SPDX-License-Identifier: Apache-2.0
 *
 * The data format of LMDB 0.9 (data version 1) on a 64-bit machine, as its documentation and headers describe
 * it: integers in the machine's order; pages of psize octets, the first two of them meta pages, of which the
 * one with the higher transaction number counts; two B-trees, that of the free pages and the main one.
 */
#include "deck_check.h"

#include <stdlib.h>

enum {
    PAGE_HEADER = 16, /* pgno (8), pad (2), flags (2), lower (2), upper (2); or in an overflow page pages (4)
                         at lower */
    AT_FLAGS = 10,
    AT_LOWER = 12,
    AT_UPPER = 14,
    BRANCH = 0x01,
    LEAF = 0x02,
    OVERFLOW = 0x04,
    META = 0x08,
    KIND = 0xFFFF, /* all flags: others are of kinds of page that a deck has none of, or of pages in memory: one that calls itself dirty would be written to in place */

    NODE_HEADER = 8, /* size or page, low (2), high (2), flags (2), size of the key (2) */
    BIG = 0x01,      /* the value is the number (8) of the first overflow page */

    META_MAGIC = PAGE_HEADER, /* 4, then version (4), address (8), size of the map (8) */
    META_TREES = META_MAGIC + 24,
    TREE = 48, /* pad or psize (4), flags (2), depth (2), three counts of pages and that of entries (8 each),
                  root (8) */
    META_LAST = META_TREES + 2 * TREE, /* last page (8), transaction (8) */

    INTEGER_KEY = 0x08,
    DEPTH_MAX = 32,
    KEY_MAX = 511,
    VALUE_MAX = 1 << 30,
};

#define MAGIC   0xBEEFC0DEu
#define NO_PAGE UINT64_MAX
#define BEYOND_MAX                                                                                           \
    ((uint64_t)1 << 30) /* octets that the pages may reach beyond the end of the file: free ones at the end  \
                         */

struct check {
    struct span file;
    size_t psize;
    uint64_t last;   /* page */
    uint8_t *seen;   /* a bit a page: each has one use */
    bool free_pages; /* this tree is that of the free pages */
    unsigned depth;
    struct span before; /* the last key met on the way through the leaves */
    struct span least;  /* what the branch says that the next one is not below */
};

static uint64_t get(struct span s, size_t at, size_t n)
{
    uint16_t v16 = 0;
    uint32_t v32 = 0;
    uint64_t v64 = 0;
    struct span from = span_slice(s, at, n);
    if (from.n != n)
        return 0;
    if (n == 2)
        memcpy(&v16, from.p, 2);
    else if (n == 4)
        memcpy(&v32, from.p, 4);
    else
        memcpy(&v64, from.p, 8);
    return n == 2 ? v16 : (n == 4 ? v32 : v64);
}

static bool see(struct check *c, uint64_t pgno, uint64_t n)
{
    if (pgno < 2 || n == 0 || pgno > c->last || n > c->last - pgno + 1)
        return false;
    for (uint64_t i = pgno; i < pgno + n; i++) {
        uint8_t bit = (uint8_t)(1u << i % 8);
        if (c->seen[i / 8] & bit)
            return false;
        c->seen[i / 8] |= bit;
    }
    return true;
}

/* n pages from the file; empty when they are not there, or not of this kind. */
static struct span pages(struct check *c, uint64_t pgno, uint64_t n)
{
    uint64_t in_file = c->file.n / c->psize;
    if (!see(c, pgno, n) || pgno >= in_file || n > in_file - pgno)
        return SPAN_EMPTY;
    struct span p = span_slice(c->file, (size_t)pgno * c->psize, (size_t)n * c->psize);
    return get(p, 0, 8) == pgno ? p : SPAN_EMPTY;
}

/* A list of free pages: their number, and then they, going down. */
static bool check_list(struct check *c, struct span list)
{
    uint64_t n = get(list, 0, 8), before = NO_PAGE;
    if (list.n < 8 || n > list.n / 8 - 1)
        return false;
    for (size_t i = 1; i <= n; i++) {
        uint64_t pgno = get(list, 8 * i, 8);
        if (pgno >= before || !see(c, pgno, 1))
            return false;
        before = pgno;
    }
    return true;
}

static bool check_value(struct check *c, struct span node, size_t key_len, uint64_t n, bool big)
{
    struct span value = span_slice(node, NODE_HEADER + key_len, (size_t)n);
    if (big) {
        uint64_t count = (PAGE_HEADER + n - 1) / c->psize + 1;
        struct span p = pages(c, get(node, NODE_HEADER + key_len, 8), count);
        if (p.n == 0 || (get(p, AT_FLAGS, 2) & KIND) != OVERFLOW || get(p, AT_LOWER, 4) != count)
            return false;
        value = span_slice(p, PAGE_HEADER, (size_t)n);
    }
    return value.n == n && (!c->free_pages || check_list(c, value));
}

static size_t keys_of(struct span page)
{
    return ((size_t)get(page, AT_LOWER, 2) - PAGE_HEADER) / 2;
}

static struct span node_of(struct span page, size_t i)
{
    return span_slice(page, (size_t)get(page, PAGE_HEADER + 2 * i, 2), page.n);
}

static uint64_t child_of(struct span page, size_t i)
{
    struct span node = node_of(page, i);
    return get(node, 0, 2) | get(node, 2, 2) << 16 | get(node, 4, 2) << 32;
}

/* As LMDB orders them: numbers in the tree of free pages, octets in the other. */
static int compare(const struct check *c, struct span a, struct span b)
{
    if (c->free_pages && a.n == 8 && b.n == 8) {
        uint64_t x = get(a, 0, 8), y = get(b, 0, 8);
        return x < y ? -1 : x > y;
    }
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n > 0 ? memcmp(a.p, b.p, n) : 0;
    return order != 0 ? order : (a.n < b.n ? -1 : a.n > b.n);
}

static struct span key_of(struct span page, size_t i)
{
    struct span node = node_of(page, i);
    return span_slice(node, NODE_HEADER, (size_t)get(node, 6, 2));
}

/* The next key on the way through the tree. */
static bool in_order(struct check *c, struct span key, bool leaf)
{
    if (c->before.n > 0 && compare(c, key, c->before) <= 0)
        return false;
    if (!leaf) {
        c->least = key;
        return true;
    }
    if (c->least.n > 0 && compare(c, key, c->least) < 0)
        return false;
    c->before = key;
    return true;
}

/* Everything in a page but where its branches lead. */
static bool check_page(struct check *c, struct span page, bool leaf)
{
    size_t lower = (size_t)get(page, AT_LOWER, 2), upper = (size_t)get(page, AT_UPPER, 2), taken = 0;
    if (page.n == 0 || (get(page, AT_FLAGS, 2) & KIND) != (leaf ? LEAF : BRANCH))
        return false;
    if (lower < PAGE_HEADER || lower % 2 != 0 || upper < lower || upper > c->psize)
        return false;
    size_t n = keys_of(page);
    if (n < (leaf ? 1 : 2))
        return false;
    for (size_t i = 0; i < n; i++) {
        size_t at = (size_t)get(page, PAGE_HEADER + 2 * i, 2);
        struct span node = node_of(page, i);
        size_t key_len = (size_t)get(node, 6, 2), size = NODE_HEADER + key_len;
        uint64_t flags = get(node, 4, 2), value = get(node, 0, 2) | get(node, 2, 2) << 16;
        if (at < upper || at % 2 != 0 || node.n < NODE_HEADER)
            return false;
        /* The first key of a branch page is not looked at, and left out. */
        if (key_len > KEY_MAX || (key_len == 0 && (leaf || i > 0)) ||
            (c->free_pages && key_len != 8 && key_len != 0))
            return false;
        if (leaf) {
            if ((flags & ~(uint64_t)BIG) != 0 || value > VALUE_MAX)
                return false;
            size += flags == BIG ? 8 : (size_t)value;
        }
        if (size > node.n)
            return false;
        if (leaf &&
            !(in_order(c, key_of(page, i), true) && check_value(c, node, key_len, value, flags == BIG)))
            return false;
        taken += size + size % 2;
    }
    return taken == c->psize - upper;
}

/* From the root down, every page once; the way back up is kept here and not on the stack of the machine. */
static bool check_tree(struct check *c, uint64_t root)
{
    struct {
        struct span page;
        size_t next;
    } way[DEPTH_MAX];
    unsigned depth = 0;
    c->before = c->least = SPAN_EMPTY;
    if (c->depth == 0)
        return root == NO_PAGE;
    if (c->depth > DEPTH_MAX)
        return false;
    uint64_t pgno = root;
    for (;;) {
        bool leaf = depth + 1 == c->depth;
        struct span page = pages(c, pgno, 1);
        if (!check_page(c, page, leaf))
            return false;
        if (!leaf) {
            way[depth].page = page;
            way[depth++].next = 0;
        }
        while (depth > 0 && way[depth - 1].next == keys_of(way[depth - 1].page))
            depth--;
        if (depth == 0)
            return true;
        size_t i = way[depth - 1].next++;
        if (i > 0 && !in_order(c, key_of(way[depth - 1].page, i), false))
            return false;
        pgno = child_of(way[depth - 1].page, i);
    }
}

static bool check_meta(struct span file, struct span meta, size_t psize)
{
    if (meta.n < META_LAST + 16 || (get(meta, AT_FLAGS, 2) & KIND) != META ||
        get(meta, META_MAGIC, 4) != MAGIC || get(meta, META_MAGIC + 4, 4) != 1)
        return false;
    uint64_t last = get(meta, META_LAST, 8);
    return get(meta, META_TREES, 4) == psize && (get(meta, META_TREES + 4, 2) & 0xFF) == INTEGER_KEY &&
           get(meta, META_TREES + TREE + 4, 2) == 0 && last >= 1 && last < (file.n + BEYOND_MAX) / psize;
}

/* Few pages, by its own account. */
static bool is_small(struct span tree)
{
    enum { SMALL = 4096 };
    uint64_t pages = 0;
    for (size_t i = 0; i < 3; i++) {
        uint64_t n = get(tree, 8 + 8 * i, 8);
        pages = n > SMALL ? SMALL + 1 : pages + n;
    }
    return pages <= SMALL;
}

/* Both trees of a meta page, every page of them once; of a large file that of the free pages only, if it is small: LMDB takes from it where to write. */
static enum deck_soundness check_state(struct span file, struct span meta, size_t psize, bool whole)
{
    struct check c = {.file = file, .psize = psize, .last = get(meta, META_LAST, 8)};
    uint64_t transaction = get(meta, META_LAST + 8, 8);
    c.seen = calloc(1, (size_t)(c.last / 8 + 1));
    if (c.seen == NULL)
        return DECK_UNCHECKED;
    bool sound = true;
    for (size_t tree = 0; tree < (whole ? 2 : 1) && sound; tree++) {
        struct span t = span_slice(meta, META_TREES + tree * TREE, TREE);
        if (!whole && !is_small(t))
            break;
        c.free_pages = tree == 0;
        c.depth = (unsigned)get(t, 6, 2);
        sound = check_tree(&c, get(t, 40, 8));
        /* Each transaction but the first frees the root page that there was, and lists it, last of all, under its own number: a meta page that gives itself another is found out. */
        if (sound && tree == 0 && transaction > 1)
            sound = get(c.before, 0, 8) == transaction;
    }
    free(c.seen);
    return sound ? DECK_SOUND : DECK_UNSOUND;
}

enum deck_soundness deck_check(struct span file, bool whole)
{
    size_t psize = (size_t)get(file, META_TREES, 4);
    if (psize < 512 || psize > 65536 || (psize & (psize - 1)) != 0)
        return DECK_UNSOUND;
    struct span meta[2] = {span_slice(file, 0, psize), span_slice(file, psize, psize)};
    if (!check_meta(file, meta[0], psize) || !check_meta(file, meta[1], psize))
        return DECK_UNSOUND;
    /* Transactions take turns with the two meta pages, so the pages are one transaction apart, odd ones in
     * the second. A new file has transaction 0 in both. */
    uint64_t even = get(meta[0], META_LAST + 8, 8), odd = get(meta[1], META_LAST + 8, 8);
    bool turns = even % 2 == 0 && odd % 2 == 1 && (odd == even + 1 || even == odd + 1);
    if (!turns && (even != 0 || odd != 0))
        return DECK_UNSOUND;
    struct span newest = meta[odd > even], older = meta[odd <= even];
    enum deck_soundness sound = check_state(file, newest, psize, whole);
    /* The state before the last transaction is whole as well: LMDB falls back on it when the last meta page was torn, and so overwrites nothing of it. A meta page that was made to
     * look older than it is, or put back, leads to pages that are not so. But a process that is killed while it writes through the map may leave the older meta page half
     * written, the number of its transaction last: then the file is longer than it need be, for nobody closed it. */
    if (sound == DECK_SOUND && file.n <= (get(newest, META_LAST, 8) + 1) * psize)
        sound = check_state(file, older, psize, whole);
    return sound;
}
