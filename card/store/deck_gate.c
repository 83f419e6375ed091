/* SPDX-License-Identifier: Apache-2.0
 *
 * What LMDB 0.9 comes to in the tree of records, of a state that is committed and of what a transaction makes
 * of it (mdb_page_search, mdb_cursor_sibling, mdb_page_split, mdb_rebalance and what that calls). A
 * transaction's own pages are not to be seen from outside; so the ways here go through the committed state,
 * which stays as it is until the transaction ends, and what the transaction has changed since is made up for.
 * README.md, "The gate".
 */
#include "deck_gate.h"

#include <stdlib.h>
#include <sys/mman.h>

enum {
    KEY_LONGEST = 32, /* octets; a deck's own have 5 to 15 */
    KEEPS = 3,        /* children of which one may go, and LMDB leaves a branch page where it is */
    HALVES = 32,      /* children, with such keys, of which LMDB leaves half where it splits their page */
};

#define LOOSE UINT32_MAX /* children lost: any number */

/* A branch page below which something was removed in this transaction, or that was split. */
struct thinned {
    uint64_t pgno;
    uint32_t lost;    /* of the children that it had in the committed state */
    uint32_t removed; /* keys, since when entries may have moved by so many pages */
    bool halved;      /* it was split, in the middle */
    bool mixed;       /* its children may have exchanged theirs */
    bool known;       /* all below it was looked at */
};

struct gate {
    struct pages pages; /* file: our view, which grows with the file */
    int fd;
    struct thinned *thinned; /* by pgno */
    size_t n_thinned, room_thinned;
    bool forgot; /* there was no memory for another of them: all are loose */
    /* The keys whose pages were looked at last: first <= key <= last, or no bound at that end of the tree.
     * They stay good: only removing a key leads others to pages where they were not before, and these are
     * known then. */
    bool recent;
    size_t first_n, last_n; /* 0: no bound */
    uint8_t first[PAGES_KEY_MAX], last[PAGES_KEY_MAX];
};

/* From the root to a leaf: the page, and which of its children comes next. */
struct way {
    unsigned n, levels; /* steps so far, and to a leaf; 0: the tree is empty */
    struct {
        uint64_t pgno;
        size_t at;
    } step[PAGES_DEPTH_MAX];
};

/* The root is nobody's child. Then the tree of free pages, as a whole: LMDB takes from it where to write; and
 * a page that is in it cannot be in the tree of records, where it would be something that once was. */
static enum deck_soundness look_at_first(struct gate *g, struct span file)
{
    const size_t psize = deck_page_size(file);
    const struct deck_state s = deck_newest(file, psize);
    if (!pages_init(&g->pages, file, psize, s.last))
        return DECK_UNCHECKED;
    g->pages.key_max = KEY_LONGEST;
    if (s.records.levels > 0 && !pages_claim(&g->pages, s.records.pgno, 1))
        return DECK_UNSOUND;
    return deck_check_tree(&g->pages, PAGES_FREE, s.free) ? DECK_SOUND : DECK_UNSOUND;
}

enum deck_soundness gate_new(int fd, struct span file, struct gate **g)
{
    *g = calloc(1, sizeof **g);
    if (*g == NULL)
        return DECK_UNCHECKED;
    (*g)->fd = fd;
    enum deck_soundness sound = look_at_first(*g, file);
    if (sound != DECK_SOUND) {
        pages_wipe(&(*g)->pages);
        free(*g);
        *g = NULL;
    }
    return sound;
}

void gate_free(struct gate *g)
{
    if (g == NULL)
        return;
    (void)munmap((void *)(uintptr_t)g->pages.file.p, g->pages.file.n);
    pages_wipe(&g->pages);
    free(g->thinned);
    free(g);
}

/* ---- ways through the committed state ---- */

/* The file grows, and pages of our own are read behind what was its end. */
static bool see_all(struct gate *g, uint64_t last)
{
    struct pages *p = &g->pages;
    if (last < p->file.n / p->psize)
        return true;
    size_t n = (size_t)(last + last / 4 + 1) * p->psize;
    void *q = mmap(NULL, n, PROT_READ, MAP_SHARED, g->fd, 0);
    if (q == MAP_FAILED)
        return false;
    (void)munmap((void *)(uintptr_t)p->file.p, p->file.n);
    p->file = span_of(q, n);
    return true;
}

/* Only pages that were looked at are on a way, or are below. */
static struct span page_on(const struct gate *g, const struct way *w, unsigned i)
{
    return pages_at(&g->pages, w->step[i].pgno);
}

static struct span first_of(struct span leaf)
{
    return pages_key(leaf, 0);
}

static struct span last_of(struct span leaf)
{
    return pages_key(leaf, pages_keys(leaf) - 1);
}

/* Of the page that comes after n steps. */
static struct pages_bounds bounds_after(const struct gate *g, const struct way *w, unsigned n)
{
    struct pages_bounds b = PAGES_UNBOUND;
    for (unsigned i = 0; i < n; i++)
        b = pages_bounds_of(page_on(g, w, i), w->step[i].at, b);
    return b;
}

enum turn { TO_THE_KEY, FIRST_CHILD, LAST_CHILD };

/* On from where the way ends down to a leaf. */
static enum deck_soundness go_down(struct gate *g, struct way *w, uint64_t pgno, enum turn turn,
                                   struct span key, struct pages_bounds *bounds)
{
    for (;;) {
        const bool leaf = w->n + 1 == w->levels;
        if (!pages_look(&g->pages, PAGES_RECORDS, pgno, leaf, *bounds))
            return DECK_UNSOUND;
        w->step[w->n].pgno = pgno;
        w->step[w->n].at = 0;
        w->n++;
        if (leaf)
            return DECK_SOUND;
        struct span page = pages_at(&g->pages, pgno);
        size_t at =
            turn == TO_THE_KEY ? pages_way(page, key) : (turn == LAST_CHILD ? pages_keys(page) - 1 : 0);
        w->step[w->n - 1].at = at;
        *bounds = pages_bounds_of(page, at, *bounds);
        pgno = pages_child(page, at);
    }
}

/* The leaf where the key is, or would be, and its bounds. An empty way: the tree is empty. */
static enum deck_soundness go_to(struct gate *g, struct span key, struct way *w, struct pages_bounds *bounds)
{
    struct deck_state s = deck_newest(g->pages.file, g->pages.psize);
    w->n = 0;
    w->levels = s.records.levels;
    *bounds = PAGES_UNBOUND;
    if (w->levels == 0)
        return DECK_SOUND;
    if (w->levels > PAGES_DEPTH_MAX)
        return DECK_UNSOUND;
    if (!see_all(g, s.last))
        return DECK_UNCHECKED;
    return go_down(g, w, s.records.pgno, TO_THE_KEY, key, bounds);
}

/* The first leaf behind all that is below a page of the way, or the last before it; the way stays when there
 * is none. */
static enum deck_soundness go_beside(struct gate *g, struct way *w, unsigned from, bool behind, bool *more,
                                     struct pages_bounds *bounds)
{
    unsigned n = from;
    while (n > 0 &&
           (behind ? w->step[n - 1].at + 1 >= pages_keys(page_on(g, w, n - 1)) : w->step[n - 1].at == 0))
        n--;
    *more = n > 0;
    if (n == 0)
        return DECK_SOUND;
    w->n = n;
    w->step[n - 1].at += behind ? 1 : SIZE_MAX;
    *bounds = bounds_after(g, w, n);
    return go_down(g, w, pages_child(page_on(g, w, n - 1), w->step[n - 1].at),
                   behind ? FIRST_CHILD : LAST_CHILD, SPAN_EMPTY, bounds);
}

/* A key that is not between those of its leaf may have been led there by what a branch says wrongly: the leaf
 * on that side then has keys that it may not have. */
static enum deck_soundness look_beside(struct gate *g, struct span key, const struct way *w)
{
    struct way beside = *w;
    struct pages_bounds b;
    bool more;
    struct span leaf = page_on(g, w, w->n - 1);
    const bool behind = pages_compare(PAGES_RECORDS, key, last_of(leaf)) > 0;
    if (!behind && pages_compare(PAGES_RECORDS, key, first_of(leaf)) >= 0)
        return DECK_SOUND;
    return go_beside(g, &beside, w->n - 1, behind, &more, &b);
}

/* go_to, and it is where it belongs. */
static enum deck_soundness go_where(struct gate *g, struct span key, struct way *w,
                                    struct pages_bounds *bounds)
{
    enum deck_soundness sound = go_to(g, key, w, bounds);
    return sound == DECK_SOUND && w->n > 0 ? look_beside(g, key, w) : sound;
}

/* ---- keys ---- */

static size_t keep(uint8_t room[PAGES_KEY_MAX], bool bound, struct span key)
{
    if (!bound || key.n > PAGES_KEY_MAX)
        return 0;
    memcpy(room, key.p, key.n);
    return key.n;
}

/* From the leaf of this first key to the one of this last key. */
static void remember(struct gate *g, struct span first, struct span last, struct pages_bounds bounds)
{
    g->first_n = keep(g->first, bounds.least.n > 0, first);
    g->last_n = keep(g->last, bounds.end.n > 0, last);
    g->recent = true;
}

static bool is_recent(const struct gate *g, struct span key)
{
    return g->recent && pages_compare(PAGES_RECORDS, key, span_of(g->first, g->first_n)) >= 0 &&
           (g->last_n == 0 || pages_compare(PAGES_RECORDS, key, span_of(g->last, g->last_n)) <= 0);
}

enum deck_soundness gate_key(struct gate *g, struct span key)
{
    struct way w;
    struct pages_bounds b;
    if (g == NULL || is_recent(g, key))
        return DECK_SOUND;
    enum deck_soundness sound = go_where(g, key, &w, &b);
    if (sound != DECK_SOUND || w.n == 0)
        return sound;
    struct span leaf = page_on(g, &w, w.n - 1);
    remember(g, first_of(leaf), last_of(leaf), b);
    return DECK_SOUND;
}

enum deck_soundness gate_range(struct gate *g, struct span from, struct span prefix)
{
    struct way w;
    struct pages_bounds b;
    if (g == NULL ||
        (is_recent(g, from) && !(prefix.n > 0 && span_starts(span_of(g->last, g->last_n), prefix))))
        return DECK_SOUND;
    enum deck_soundness sound = go_where(g, from, &w, &b);
    if (sound != DECK_SOUND || w.n == 0)
        return sound;
    const struct span first = first_of(page_on(g, &w, w.n - 1)), least = b.least;
    for (bool more = true; more && sound == DECK_SOUND;) {
        struct span last = last_of(page_on(g, &w, w.n - 1));
        if (pages_compare(PAGES_RECORDS, last, from) >= 0 && !(prefix.n > 0 && span_starts(last, prefix)))
            break;
        sound = go_beside(g, &w, w.n - 1, true, &more, &b);
    }
    if (sound == DECK_SOUND)
        remember(g, first, last_of(page_on(g, &w, w.n - 1)), (struct pages_bounds){least, b.end});
    return sound;
}

/* ---- removing ---- */

void gate_begin(struct gate *g)
{
    if (g == NULL)
        return;
    g->n_thinned = 0;
    g->forgot = false;
}

static size_t thinned_at(const struct gate *g, uint64_t pgno)
{
    size_t low = 0, high = g->n_thinned;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (g->thinned[middle].pgno < pgno)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct thinned *thinned_find(const struct gate *g, uint64_t pgno)
{
    size_t i = thinned_at(g, pgno);
    return i < g->n_thinned && g->thinned[i].pgno == pgno ? &g->thinned[i] : NULL;
}

/* Good until the next call. NULL: no memory. */
static struct thinned *thinned_add(struct gate *g, uint64_t pgno)
{
    size_t i = thinned_at(g, pgno);
    if (i < g->n_thinned && g->thinned[i].pgno == pgno)
        return &g->thinned[i];
    if (g->n_thinned == g->room_thinned) {
        size_t room = g->room_thinned * 2 + 8;
        struct thinned *more = realloc(g->thinned, room * sizeof *more);
        if (more == NULL)
            return NULL;
        g->thinned = more;
        g->room_thinned = room;
    }
    memmove(&g->thinned[i + 1], &g->thinned[i], (g->n_thinned++ - i) * sizeof *g->thinned);
    g->thinned[i] = (struct thinned){.pgno = pgno};
    return &g->thinned[i];
}

/* At least so many children are left in each of the pages that it is now. */
static uint64_t left_of(const struct gate *g, const struct way *w, unsigned i)
{
    const struct thinned *t = thinned_find(g, w->step[i].pgno);
    uint64_t n = pages_keys(page_on(g, w, i));
    if (t == NULL)
        return n;
    if (t->halved)
        n /= 2;
    return n > t->lost ? n - t->lost : 0;
}

/* The lowest page on the way that keeps two children whatever is removed now, with all above it: LMDB merges
 * no page of that level then, and comes to nothing that is not below it. The root has no neighbours. */
static unsigned reach(const struct gate *g, const struct way *w)
{
    unsigned top = w->n >= 2 ? w->n - 2 : 0;
    for (unsigned i = 0; i <= top; i++) {
        const struct thinned *t = thinned_find(g, w->step[i].pgno);
        if (t != NULL && t->lost == LOOSE)
            top = i > 0 ? i - 1 : 0;
        else if (t != NULL && t->mixed)
            top = i;
    }
    while (top > 0 && left_of(g, w, top) < KEEPS)
        top--;
    return g->forgot ? 0 : top;
}

enum deck_soundness gate_delete(struct gate *g, struct span key)
{
    struct way w;
    struct pages_bounds b;
    bool more;
    if (g == NULL)
        return DECK_SOUND;
    enum deck_soundness sound = go_to(g, key, &w, &b);
    if (sound != DECK_SOUND || w.n == 0)
        return sound;
    const unsigned top = reach(g, &w);
    struct thinned *t = thinned_add(g, w.step[top].pgno);
    if (t == NULL)
        return DECK_UNCHECKED;
    if (!t->known)
        t->known =
            pages_look_under(&g->pages, PAGES_RECORDS, w.step[top].pgno, w.n - top, bounds_after(g, &w, top));
    t->removed++;
    return t->known ? go_beside(g, &w, top, true, &more, &b) : DECK_UNSOUND;
}

static void loosen(struct gate *g, uint64_t pgno)
{
    struct thinned *t = thinned_add(g, pgno);
    if (t != NULL)
        t->lost = LOOSE;
    else
        g->forgot = true;
}

/* A page was split where a child on the way had a new neighbour to its right: in the middle, unless there is
 * nothing further to the right, when LMDB leaves that side but two. */
static void split(struct gate *g, const struct way *w, unsigned i)
{
    struct thinned *t = thinned_add(g, w->step[i].pgno);
    const uint64_t n = pages_keys(page_on(g, w, i));
    if (t == NULL)
        g->forgot = true;
    else if (t->halved || t->lost == LOOSE || n < (uint64_t)HALVES + t->lost ||
             w->step[i].at + 1 + (uint64_t)t->lost + t->removed >= n)
        t->lost = LOOSE;
    else
        t->halved = true;
}

/* What one removal did below `top`: a page of leaves gone, and of the branches above them at most one a
 * level. */
static void thin(struct gate *g, const struct way *w, unsigned top, long branches)
{
    const unsigned level = w->n - 1 - top;
    struct thinned *t = thinned_add(g, w->step[top].pgno);
    if (t == NULL) {
        g->forgot = true;
        return;
    }
    t->mixed = true;
    if (level > 2) /* pages that went and pages that were split may make up for each other */
        t->lost = LOOSE;
    else if ((level == 1 || branches < 0) && t->lost != LOOSE)
        t->lost++;
}

void gate_changed(struct gate *g, struct span key, bool removed, long leaves, long branches)
{
    struct way w;
    struct pages_bounds b;
    const bool gone = removed && leaves < 0;
    if (g == NULL || (!gone && branches <= 0))
        return;
    if (go_to(g, key, &w, &b) != DECK_SOUND) {
        g->forgot = true; /* it was sound before: no addresses */
        return;
    }
    const unsigned top = removed ? reach(g, &w) : w.n - 1, level = w.n - 1 - top;
    if (gone && level > 0)
        thin(g, &w, top, branches);
    /* Branch pages are split from the lowest level up; by a removal from the level where it has moved an
     * entry. */
    for (unsigned i = 1; !removed && i < w.n && (long)i <= branches; i++)
        split(g, &w, w.n - 1 - i);
    for (unsigned i = 1; removed && branches > 0 && i < w.n && (long)i <= branches + (long)level - 1; i++)
        loosen(g, w.step[w.n - 1 - i].pgno);
}
