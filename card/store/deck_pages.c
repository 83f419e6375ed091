/* SPDX-License-Identifier: Apache-2.0
 *
 * The data format of LMDB 0.9 (data version 1) on a 64-bit machine, as its documentation and headers describe
 * it: integers in the machine's order; pages of psize octets; B-trees of branch and leaf pages, and overflow
 * pages for values that fill more than half of one.
 */
#include "deck_pages.h"

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

    NODE_HEADER = 8, /* size or page, low (2), high (2), flags (2), size of the key (2) */
    BIG = 0x01,      /* the value is the number (8) of the first overflow page */

    VALUE_MAX = 1 << 30,
    PAGE_MAX = 65536,
};

enum { CLAIMED = 1, SOUND = 2, A_PAGE = 2 /* bits */, IN_OCTET = 8 / A_PAGE };

bool pages_init(struct pages *p, struct span file, size_t psize, uint64_t last)
{
    *p = (struct pages){
        .file = file, .psize = psize, .there = file.n / psize, .last = last, .key_max = PAGES_KEY_MAX};
    /* Of a large file these are zeros that take no memory before they are written to. */
    p->known = calloc(1, (size_t)(last / IN_OCTET + 1));
    return p->known != NULL;
}

void pages_wipe(struct pages *p)
{
    free(p->known);
    p->known = NULL;
}

bool pages_known(const struct pages *p, uint64_t pgno)
{
    return pgno > p->last || (p->known[pgno / IN_OCTET] >> pgno % IN_OCTET * A_PAGE & SOUND) != 0;
}

static void mark(struct pages *p, uint64_t pgno, unsigned as)
{
    p->known[pgno / IN_OCTET] = (uint8_t)(p->known[pgno / IN_OCTET] | as << pgno % IN_OCTET * A_PAGE);
}

static bool claim(struct pages *p, uint64_t pgno, uint64_t n, unsigned as)
{
    if (pgno < 2 || n == 0 || pgno > p->last || n > p->last - pgno + 1) /* 0 and 1 are the meta pages */
        return false;
    for (uint64_t i = pgno; i < pgno + n; i++) {
        if (p->known[i / IN_OCTET] >> i % IN_OCTET * A_PAGE & CLAIMED)
            return false;
        mark(p, i, as);
    }
    return true;
}

bool pages_claim(struct pages *p, uint64_t pgno, uint64_t n)
{
    return claim(p, pgno, n, CLAIMED);
}

/* For pages that LMDB does not read before it has written them, or of which there is no more to see. */
static bool claim_done(struct pages *p, uint64_t pgno, uint64_t n)
{
    return claim(p, pgno, n, CLAIMED | SOUND);
}

/* n pages as they were found; empty when they are not there, or the first is another. */
static struct span found(const struct pages *p, uint64_t pgno, uint64_t n)
{
    if (pgno >= p->there || n > p->there - pgno)
        return SPAN_EMPTY;
    struct span s = span_slice(p->file, (size_t)pgno * p->psize, (size_t)n * p->psize);
    return pages_get(s, 0, 8) == pgno ? s : SPAN_EMPTY;
}

/* All flags are to be these: others are of kinds of page that a deck has none of, or of pages in memory: one
 * that calls itself dirty would be written to in place. */
static bool is_kind(struct span page, uint64_t flags)
{
    return page.n > 0 && pages_get(page, AT_FLAGS, 2) == flags;
}

/* ---- what is in a page ---- */

struct span pages_at(const struct pages *p, uint64_t pgno)
{
    if (pgno >= p->file.n / p->psize)
        return SPAN_EMPTY;
    return span_slice(p->file, (size_t)pgno * p->psize, p->psize);
}

size_t pages_keys(struct span page)
{
    size_t lower = (size_t)pages_get(page, AT_LOWER, 2);
    return lower > PAGE_HEADER ? (lower - PAGE_HEADER) / 2 : 0;
}

static struct span node_of(struct span page, size_t i)
{
    return span_slice(page, (size_t)pages_get(page, PAGE_HEADER + 2 * i, 2), page.n);
}

struct span pages_key(struct span page, size_t i)
{
    struct span node = node_of(page, i);
    return span_slice(node, NODE_HEADER, (size_t)pages_get(node, 6, 2));
}

static uint64_t child_of(struct span node)
{
    return pages_get(node, 0, 2) | pages_get(node, 2, 2) << 16 | pages_get(node, 4, 2) << 32;
}

uint64_t pages_child(struct span page, size_t i)
{
    return child_of(node_of(page, i));
}

static uint64_t size_of(struct span node) /* of its value */
{
    return pages_get(node, 0, 2) | pages_get(node, 2, 2) << 16;
}

static bool is_big(struct span node)
{
    return pages_get(node, 4, 2) == BIG;
}

/* As LMDB orders them: numbers in the tree of free pages, octets in the other. */
int pages_compare(enum pages_tree tree, struct span a, struct span b)
{
    if (tree == PAGES_FREE && a.n == 8 && b.n == 8) {
        uint64_t x = pages_get(a, 0, 8), y = pages_get(b, 0, 8);
        return x < y ? -1 : x > y;
    }
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n > 0 ? memcmp(a.p, b.p, n) : 0;
    return order != 0 ? order : (a.n < b.n ? -1 : a.n > b.n);
}

size_t pages_way(struct span branch, struct span key)
{
    size_t low = 0, high = pages_keys(branch);
    while (high - low > 1) { /* the first key says nothing, and is left out */
        size_t middle = low + (high - low) / 2;
        struct span at = pages_key(branch, middle);
        int order = memcmp(at.p, key.p, at.n < key.n ? at.n : key.n);
        if (order < 0 || (order == 0 && at.n <= key.n))
            low = middle;
        else
            high = middle;
    }
    return low;
}

struct pages_bounds pages_bounds_of(struct span branch, size_t i, struct pages_bounds above)
{
    return (struct pages_bounds){i > 0 ? pages_key(branch, i) : above.least,
                                 i + 1 < pages_keys(branch) ? pages_key(branch, i + 1) : above.end};
}

/* ---- whether it is as it should be ---- */

/* Where a page is looked at without claiming anything, there is no `to`. */
struct look {
    const struct pages *p;
    struct pages *to;
    enum pages_tree tree;
    bool leaf;
};

/* A list of free pages: their number, and then they, going down. */
static bool check_list(struct pages *to, struct span list)
{
    uint64_t n = pages_get(list, 0, 8), before = UINT64_MAX;
    if (list.n < 8 || n > list.n / 8 - 1)
        return false;
    for (size_t i = 1; i <= n; i++) {
        uint64_t pgno = pages_get(list, 8 * i, 8);
        if (pgno >= before || !claim_done(to, pgno, 1))
            return false;
        before = pgno;
    }
    return true;
}

/* The value of a leaf's node, wherever it is. LMDB leaves a value that shrinks within a transaction the
 * overflow pages that it has: there may be more of them than it needs. */
static bool value_of(const struct look *l, struct span node, struct span *value)
{
    const size_t at = NODE_HEADER + (size_t)pages_get(node, 6, 2);
    const uint64_t n = size_of(node), pgno = pages_get(node, at, 8);
    *value = span_slice(node, at, (size_t)n);
    if (is_big(node)) {
        uint64_t count = pages_get(found(l->p, pgno, 1), AT_LOWER, 4);
        struct span s = found(l->p, pgno, count);
        if (!is_kind(s, OVERFLOW) || (l->to != NULL && !claim_done(l->to, pgno, count)))
            return false;
        *value = span_slice(s, PAGE_HEADER, (size_t)n);
    }
    return value->n == n;
}

/* One node: octets that it takes in its page, 0 if it is unsound. */
static size_t check_node(const struct look *l, struct span node, bool first)
{
    size_t key_len = (size_t)pages_get(node, 6, 2), size = NODE_HEADER + key_len;
    struct span value;
    if (node.n < NODE_HEADER || key_len > l->p->key_max)
        return 0;
    /* The first key of a branch page is not looked at, and left out. */
    if (key_len == 0 ? l->leaf || !first : l->tree == PAGES_FREE && key_len != 8)
        return 0;
    if (l->leaf) {
        if ((pages_get(node, 4, 2) & ~(uint64_t)BIG) != 0 || size_of(node) > VALUE_MAX)
            return 0;
        size += is_big(node) ? 8 : (size_t)size_of(node);
    }
    if (size > node.n || l->to == NULL)
        return size > node.n ? 0 : size;
    if (!l->leaf)
        return pages_claim(l->to, child_of(node), 1) ? size : 0;
    return value_of(l, node, &value) && (l->tree != PAGES_FREE || check_list(l->to, value)) ? size : 0;
}

/* Places in a page, by twos of octets. */
struct places {
    uint8_t bits[PAGE_MAX / 2 / 8 + 1];
};

static bool take_place(struct places *p, size_t at) /* false: it is taken */
{
    uint8_t *octet = &p->bits[at / 2 / 8], bit = (uint8_t)(1u << at / 2 % 8);
    bool taken = (*octet & bit) != 0;
    *octet |= bit;
    return !taken;
}

/* Nodes fill a page from `upper` to its end, in any order: one begins where another ends. Where they would
 * lie over each other, writing the one would change the length of the other. */
struct layout {
    struct places begin, end;
};

static void layout_begin(struct layout *y, struct span page)
{
    memset(y->begin.bits, 0, page.n / 2 / 8 + 1);
    memset(y->end.bits, 0, page.n / 2 / 8 + 1);
}

static bool layout_node(struct layout *y, size_t at, size_t size)
{
    return at % 2 == 0 && take_place(&y->begin, at) && take_place(&y->end, at + size + size % 2);
}

static bool layout_is_whole(struct layout *y, struct span page, size_t upper)
{
    return take_place(&y->begin, page.n) && take_place(&y->end, upper) &&
           memcmp(y->begin.bits, y->end.bits, page.n / 2 / 8 + 1) == 0;
}

static bool check_page(const struct look *l, struct span page, struct pages_bounds bounds)
{
    size_t lower = (size_t)pages_get(page, AT_LOWER, 2), upper = (size_t)pages_get(page, AT_UPPER, 2);
    struct layout layout;
    if (!is_kind(page, l->leaf ? LEAF : BRANCH) || page.n > PAGE_MAX)
        return false;
    if (lower < PAGE_HEADER || lower % 2 != 0 || upper < lower || upper > page.n)
        return false;
    size_t n = pages_keys(page);
    if (n < (l->leaf ? 1 : 2))
        return false;
    struct span before = SPAN_EMPTY;
    layout_begin(&layout, page);
    for (size_t i = 0; i < n; i++) {
        size_t at = (size_t)pages_get(page, PAGE_HEADER + 2 * i, 2),
               size = check_node(l, span_slice(page, at, page.n), i == 0);
        if (at < upper || size == 0 || !layout_node(&layout, at, size))
            return false;
        if (!l->leaf && i == 0)
            continue;
        struct span key = pages_key(page, i);
        if (before.n > 0
                ? pages_compare(l->tree, key, before) <= 0
                : bounds.least.n > 0 && pages_compare(l->tree, key, bounds.least) < (l->leaf ? 0 : 1))
            return false; /* (what a branch says lies between the keys to its left and to its right) */
        before = key;
    }
    return layout_is_whole(&layout, page, upper) &&
           (bounds.end.n == 0 || pages_compare(l->tree, before, bounds.end) < 0);
}

bool pages_look(struct pages *p, enum pages_tree tree, uint64_t pgno, bool leaf, struct pages_bounds bounds)
{
    const struct look l = {p, p, tree, leaf};
    if (pages_known(p, pgno))
        return true;
    if (!check_page(&l, found(p, pgno, 1), bounds))
        return false;
    mark(p, pgno, SOUND);
    return true;
}

/* Every page once; the way back up is kept here and not on the stack of the machine. */
bool pages_look_under(struct pages *p, enum pages_tree tree, uint64_t pgno, unsigned levels,
                      struct pages_bounds bounds)
{
    struct {
        struct span page;
        size_t next;
        struct pages_bounds bounds;
    } way[PAGES_DEPTH_MAX];
    unsigned depth = 0;
    if (levels == 0 || levels > PAGES_DEPTH_MAX)
        return false;
    for (;;) {
        const bool leaf = depth + 1 == levels;
        if (!pages_look(p, tree, pgno, leaf, bounds))
            return false;
        if (!leaf) {
            way[depth].page = pages_at(p, pgno);
            way[depth].next = 0;
            way[depth++].bounds = bounds;
        }
        size_t i = 0;
        while (depth > 0) {
            const struct span page = way[depth - 1].page;
            const size_t n = pages_keys(page);
            while ((i = way[depth - 1].next) < n && depth + 1 == levels &&
                   pages_known(p, pages_child(page, i)))
                way[depth - 1].next++; /* a leaf of which there is no more to see */
            if (i < n)
                break;
            depth--;
        }
        if (depth == 0)
            return true;
        way[depth - 1].next++;
        bounds = pages_bounds_of(way[depth - 1].page, i, way[depth - 1].bounds);
        pgno = pages_child(way[depth - 1].page, i);
    }
}

bool pages_last_freed(const struct pages *p, uint64_t root, unsigned levels, uint64_t *transaction,
                      struct span *list)
{
    uint64_t pgno = root;
    struct pages_bounds bounds = PAGES_UNBOUND;
    if (levels == 0 || levels > PAGES_DEPTH_MAX)
        return false;
    for (; levels > 0; levels--) {
        const struct look l = {p, NULL, PAGES_FREE, levels == 1};
        struct span page = found(p, pgno, 1);
        if (!check_page(&l, page, bounds))
            return false;
        size_t i = pages_keys(page) - 1;
        if (levels > 1) {
            bounds = pages_bounds_of(page, i, bounds);
            pgno = pages_child(page, i);
            continue;
        }
        *transaction = pages_get(pages_key(page, i), 0, 8);
        if (!value_of(&l, node_of(page, i), list))
            return false;
    }
    return true;
}
