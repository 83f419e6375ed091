/* SPDX-License-Identifier: Apache-2.0
 *
 * test_gate [SEEDS [FIRST]]: that LMDB comes to no page which the gate has not looked at, whatever is looked
 * up, put and removed, in short transactions and in long ones. Every page that the gate does not know is
 * taken out of LMDB's map (mprotect), so that touching it ends the test. With even seeds keys are long, so
 * that a few thousand records make a tree of five levels, of which the branch pages have few children and
 * merge often. With every other two seeds the tree is made here, page by page: seven levels of pages with as
 * few children as LMDB leaves them after much was removed, and some with as many as there is room for, which
 * are split by the next one. LMDB itself comes to such trees with millions of records only.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../card/store/deck_gate.c" /* what it knows is nobody else's business */
#include "folder.h"

#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEYS = 4000, KEYS_MADE = 40000, STEPS = 6000, MAP = 128 << 20, PAGE = 4096, VALUE = 9000 };

static unsigned long seeds = 6, first_seed = 1;

struct world {
    char folder[256], path[300];
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    int fd;
    struct gate *gate;
    uint8_t *map;   /* LMDB's */
    bool *opened;   /* a page: LMDB may read it */
    uint64_t pages; /* that the file had when the gate was made */
    bool writes;    /* txn does */
    bool longish;   /* keys are */
    bool made;      /* the tree was, here */
    uint32_t keys;  /* that there may be */
    uint64_t random;
    unsigned long operations, commits, depth, removed_pages;
};

/* For the handler: where LMDB's map is. */
static const struct world *watched;

static void touched(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    const uint8_t *at = info->si_addr;
    char line[120];
    const bool mapped = watched != NULL && at >= watched->map && at < watched->map + MAP;
    int n = snprintf(line, sizeof line, "# operation %lu touched %s %ld\n",
                     watched != NULL ? watched->operations : 0, mapped ? "unknown page" : "an address",
                     mapped ? (long)((at - watched->map) / PAGE) : 0);
    if (write(STDERR_FILENO, line, (size_t)n) < 0)
        _exit(2);
    _exit(1);
}

static uint32_t pick(struct world *w, uint32_t n)
{
    w->random = w->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(w->random >> 33) % n;
}

/* The ith key: eight digits, and octets that make it long, or as long as a deck's. Neighbours share their
 * first six digits. */
static struct span key_of(const struct world *w, uint32_t i, uint8_t room[PAGES_KEY_MAX])
{
    size_t n = w->longish ? 300 + i * 7919u % 211 : 11 + i % 2 * 4;
    memset(room, 'k', n);
    (void)snprintf((char *)room, 9, "%08u", i);
    room[8] = '-';
    return span_of(room, n);
}

static MDB_val val_of(struct span s)
{
    return (MDB_val){s.n, (void *)(uintptr_t)s.p};
}

/* What the gate knows, LMDB may read. */
static void open_pages(struct world *w)
{
    for (uint64_t i = 2; i < w->pages; i++)
        if (!w->opened[i] && pages_known(&w->gate->pages, i)) {
            assert_int_equal(mprotect(w->map + i * PAGE, PAGE, PROT_READ), 0);
            w->opened[i] = true;
        }
}

static void sound(struct world *w, enum deck_soundness s)
{
    assert_int_equal(s, DECK_SOUND);
    open_pages(w);
    w->operations++;
}

static uint8_t *find_map(const struct world *w)
{
    char line[512];
    void *at = NULL;
    FILE *f = fopen("/proc/self/maps", "re");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        void *from;
        line[strcspn(line, "\n")] = '\0';
        if (strstr(line, w->path) != NULL && sscanf(line, "%p", &from) == 1 &&
            from != (const void *)w->gate->pages.file.p)
            at = from;
    }
    fclose(f);
    assert_non_null(at);
    return at;
}

static void begin(struct world *w, bool writes)
{
    w->writes = writes;
    if (writes)
        gate_begin(w->gate);
    assert_int_equal(mdb_txn_begin(w->env, NULL, writes ? 0 : MDB_RDONLY, &w->txn), 0);
}

static void end(struct world *w, bool keep)
{
    if (keep)
        assert_int_equal(mdb_txn_commit(w->txn), 0);
    else
        mdb_txn_abort(w->txn);
    w->commits += keep && w->writes;
    w->txn = NULL;
}

static void open_all(struct world *w)
{
    struct stat st;
    w->fd = open(w->path, O_RDWR | O_CLOEXEC);
    assert_true(w->fd >= 0 && fstat(w->fd, &st) == 0);
    void *view = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, w->fd, 0);
    assert_int_equal(gate_new(w->fd, span_of(view, (size_t)st.st_size), &w->gate), DECK_SOUND);
    w->gate->pages.key_max = PAGES_KEY_MAX;
    assert_int_equal(mdb_env_create(&w->env), 0);
    assert_int_equal(mdb_env_set_mapsize(w->env, MAP), 0);
    assert_int_equal(
        mdb_env_open(w->env, w->path, MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOSYNC | MDB_NORDAHEAD, 0600), 0);
    begin(w, false);
    assert_int_equal(mdb_dbi_open(w->txn, NULL, 0, &w->dbi), 0);
    end(w, true);
    w->map = find_map(w);
    w->pages = w->gate->pages.last + 1;
    w->opened = calloc((size_t)w->pages, sizeof *w->opened);
    watched = w;
    assert_int_equal(mprotect(w->map + 2 * PAGE, (size_t)(w->pages - 2) * PAGE, PROT_NONE), 0);
    open_pages(w);
}

static void close_all(struct world *w)
{
    watched = NULL;
    mdb_env_close(w->env);
    gate_free(w->gate);
    free(w->opened);
    close(w->fd);
}

/* ---- as deck_tree.c does it ---- */

static void find(struct world *w, uint32_t i)
{
    uint8_t room[PAGES_KEY_MAX];
    struct span key = key_of(w, i, room);
    MDB_val k = val_of(key), v;
    sound(w, gate_key(w->gate, key));
    int rc = mdb_get(w->txn, w->dbi, &k, &v);
    assert_true(rc == MDB_NOTFOUND || (rc == 0 && *(const uint8_t *)v.mv_data == (uint8_t)i));
}

static void change(struct world *w, uint32_t i, bool remove)
{
    static uint8_t value[VALUE];
    uint8_t room[PAGES_KEY_MAX];
    struct span key = key_of(w, i, room);
    MDB_val k = val_of(key), v = {pick(w, 40) == 0 ? VALUE : 1 + pick(w, 700), value};
    MDB_stat before, after;
    memset(value, (int)i, 701);
    sound(w, remove ? gate_delete(w->gate, key) : gate_key(w->gate, key));
    assert_int_equal(mdb_stat(w->txn, w->dbi, &before), 0);
    int rc = remove ? mdb_del(w->txn, w->dbi, &k, NULL) : mdb_put(w->txn, w->dbi, &k, &v, 0);
    assert_true(rc == 0 || (remove && rc == MDB_NOTFOUND));
    assert_int_equal(mdb_stat(w->txn, w->dbi, &after), 0);
    gate_changed(w->gate, key, remove, (long)(after.ms_leaf_pages - before.ms_leaf_pages),
                 (long)(after.ms_branch_pages - before.ms_branch_pages));
    if (remove && after.ms_branch_pages < before.ms_branch_pages)
        w->removed_pages++;
    w->depth = after.ms_depth > w->depth ? after.ms_depth : w->depth;
}

/* The first key at or behind this one; all that begin as it does. */
static void go_through(struct world *w, uint32_t i, size_t prefix_n)
{
    uint8_t room[PAGES_KEY_MAX];
    struct span from = key_of(w, i, room), prefix = span_slice(from, 0, prefix_n);
    MDB_cursor *cursor;
    if (prefix_n > 0)
        from = prefix;
    MDB_val k = val_of(from), v;
    sound(w, gate_range(w->gate, from, prefix));
    assert_int_equal(mdb_cursor_open(w->txn, w->dbi, &cursor), 0);
    int rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
    while (rc == 0 && prefix_n > 0 && span_starts(span_of(k.mv_data, k.mv_size), prefix))
        rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    assert_true(rc == 0 || rc == MDB_NOTFOUND);
    mdb_cursor_close(cursor);
}

/* A run of neighbours goes, as a card's records do. */
static void remove_run(struct world *w, uint32_t from, uint32_t n)
{
    for (uint32_t i = from; i < from + n && i < w->keys; i++) {
        go_through(w, i, 0);
        change(w, i, true);
    }
}

/* The first key that a branch page on the way to this one may have, some levels above the leaf. */
static uint32_t edge_of(struct world *w, uint32_t i)
{
    uint8_t room[PAGES_KEY_MAX];
    char digits[9] = "";
    struct way way;
    struct pages_bounds b;
    sound(w, go_to(w->gate, key_of(w, i, room), &way, &b));
    if (way.n < 3)
        return i;
    const struct span least = bounds_after(w->gate, &way, way.n - 2 - pick(w, way.n - 2)).least;
    if (least.n < 8)
        return i;
    memcpy(digits, least.p, 8);
    return (uint32_t)strtoul(digits, NULL, 10);
}

/* A branch page is split if it is full, and what is left of it goes but for little: from one of its ends on,
 * so that its neighbours need not be known. */
static void grow_and_strip(struct world *w, uint32_t at)
{
    const uint32_t edge = edge_of(w, at), wide = 4 + pick(w, w->longish ? 80 : 900);
    for (uint32_t n = pick(w, 4) == 0 ? wide : 1 + pick(w, 16); n > 0; n--)
        change(w, (edge + pick(w, wide)) % w->keys, false);
    remove_run(w, edge, wide >> pick(w, 3));
}

static void step(struct world *w, uint32_t near)
{
    /* Some of it here and there, some of it where others were before. */
    uint32_t i = pick(w, 4) == 0 ? pick(w, w->keys) : (near + pick(w, 60)) % w->keys;
    switch (pick(w, w->writes ? 11 : 3)) {
    case 0:
        find(w, i);
        break;
    case 1:
        go_through(w, i, 0);
        break;
    case 2:
        go_through(w, i, 6);
        break;
    case 3:
    case 4:
        change(w, i, false);
        break;
    case 5:
        remove_run(w, i, 1 + pick(w, 80));
        break;
    case 6:
        grow_and_strip(w, i);
        break;
    default:
        change(w, i, true);
    }
}

static void fill(struct world *w)
{
    uint32_t i = pick(w, w->keys);
    begin(w, true);
    for (uint32_t n = 0; n < w->keys; n++, i = (i + 1787) % w->keys) /* (a prime: every key once) */
        if (pick(w, 8) != 0)
            change(w, i, false);
    end(w, true);
}

/* ---- a tree of our own, in LMDB's format (deck_pages.c describes it) ---- */

enum { LEVELS = 7, HEADER = 16, NODE = 8, IS_BRANCH = 1, IS_LEAF = 2 };

struct maker {
    struct world *w;
    FILE *f;
    uint64_t pages;
    uint32_t next; /* key */
    uint64_t branches, leaves, entries;
};

struct page {
    uint8_t at[PAGE];
    size_t lower, upper;
};

static void put(uint8_t *at, uint64_t value, size_t n)
{
    memcpy(at, &value, n);
}

/* false: there is no room. */
static bool add_node(struct page *p, uint64_t head, struct span key, const uint8_t *value, size_t value_n)
{
    const size_t size = (NODE + key.n + value_n + 1) & ~(size_t)1;
    if (p->upper - p->lower < size + 2)
        return false;
    p->upper -= size;
    put(p->at + p->lower, p->upper, 2);
    p->lower += 2;
    uint8_t *node = p->at + p->upper;
    put(node, head, 6);
    put(node + 6, key.n, 2);
    if (key.n > 0)
        memcpy(node + NODE, key.p, key.n);
    if (value_n > 0)
        memcpy(node + NODE + key.n, value, value_n);
    return true;
}

static uint64_t write_page(struct maker *m, struct page *p, unsigned flags)
{
    put(p->at, m->pages, 8);
    put(p->at + 10, flags, 2);
    put(p->at + 12, p->lower, 2);
    put(p->at + 14, p->upper, 2);
    assert_int_equal(fwrite(p->at, 1, PAGE, m->f), PAGE);
    return m->pages++;
}

/* A page that the next value splits, or one that LMDB merges with another when it loses one. */
static uint64_t make_leaf(struct maker *m, uint32_t *first)
{
    struct page p = {.lower = HEADER, .upper = PAGE};
    const bool full = pick(m->w, 3) != 0;
    const unsigned wanted = full ? 2 : 1 + pick(m->w, 4);
    uint8_t room[PAGES_KEY_MAX], value[1800];
    *first = m->next;
    for (unsigned n = 0; n < wanted; n++) {
        memset(value, (int)m->next, sizeof value);
        const size_t value_n = full ? 1400 + pick(m->w, 400) : 1 + pick(m->w, 700);
        if (!add_node(&p, value_n, key_of(m->w, m->next, room), value, value_n))
            break;
        m->next += 1 + pick(m->w, 3);
        m->entries++;
    }
    m->leaves++;
    return write_page(m, &p, IS_LEAF);
}

/* So many levels are left; the first key that comes in it. The keys that a branch page has are those of the
 * pages below, or LMDB would have to have removed what was there. */
static uint64_t make_tree(struct maker *m, unsigned levels, uint32_t *first)
{
    struct page p = {.lower = HEADER, .upper = PAGE};
    const bool full = levels == 1 + pick(m->w, 3) && pick(m->w, m->w->longish ? 2 : 12) == 0;
    const unsigned wanted = full ? PAGE : 2 + pick(m->w, 4);
    uint8_t room[PAGES_KEY_MAX];
    if (levels == 0)
        return make_leaf(m, first);
    for (unsigned n = 0; n < wanted; n++) {
        const size_t longest = NODE + PAGES_KEY_MAX + 3;
        if (n > 1 && (m->next >= m->w->keys || p.upper - p.lower < (m->w->longish ? longest : 26)))
            break;
        uint32_t from;
        uint64_t child = make_tree(m, levels - 1, &from);
        if (n == 0)
            *first = from;
        assert_true(add_node(&p, child, n == 0 ? SPAN_EMPTY : key_of(m->w, from, room), NULL, 0));
    }
    m->branches++;
    return write_page(m, &p, IS_BRANCH);
}

/* In place of the empty tree that the newer of both meta pages says there is. */
static void make(struct world *w)
{
    struct maker m = {.w = w, .f = fopen(w->path, "r+be"), .pages = 2};
    uint8_t meta[2][PAGE];
    uint32_t first;
    assert_non_null(m.f);
    assert_int_equal(fread(meta, PAGE, 2, m.f), 2);
    assert_int_equal(fseek(m.f, 2 * PAGE, SEEK_SET), 0);
    const uint64_t root = make_tree(&m, LEVELS - 1, &first);
    const size_t at_last = HEADER + 24 + 2 * 48, at_main = HEADER + 24 + 48;
    const unsigned newer = memcmp(meta[1] + at_last + 8, meta[0] + at_last + 8, 8) > 0;
    const uint64_t record[] = {m.branches, m.leaves, 0, m.entries, root};
    put(meta[newer] + at_main + 6, LEVELS, 2);
    memcpy(meta[newer] + at_main + 8, record, sizeof record);
    put(meta[newer] + at_last, m.pages - 1, 8);
    rewind(m.f);
    assert_int_equal(fwrite(meta, PAGE, 2, m.f), 2);
    assert_int_equal(fclose(m.f), 0);
}

static void make_empty(struct world *w)
{
    MDB_env *env;
    MDB_txn *txn;
    int fd = open(w->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(mdb_env_create(&env), 0); /* with its meta pages */
    assert_int_equal(mdb_env_open(env, w->path, MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOSYNC, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, NULL, 0, &w->dbi), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

/* As much as there was in the beginning. */
static void renew(struct world *w)
{
    if (w->made) {
        make_empty(w);
        make(w);
        return;
    }
    open_all(w);
    fill(w);
    close_all(w);
}

static void play(struct world *w, uint64_t seed)
{
    w->random = seed;
    w->longish = seed % 2 == 0;
    w->made = seed % 4 == 0 || seed % 4 == 3;
    w->keys = w->made ? KEYS_MADE : KEYS;
    w->depth = w->removed_pages = 0;
    make_empty(w);
    renew(w);
    for (unsigned done = 0; done < STEPS;) {
        open_all(w);
        for (unsigned openings = 1 + pick(w, 6); openings > 0; openings--) {
            /* A step of its own, some that belong together, or a batch. */
            unsigned n = pick(w, 3) == 0 ? 1 : 1 + pick(w, pick(w, 3) == 0 ? 400 : 20);
            uint32_t near = pick(w, w->keys);
            begin(w, pick(w, 4) != 0);
            for (; n > 0; n--, done++)
                step(w, near);
            end(w, pick(w, 5) != 0);
        }
        close_all(w);
        if (pick(w, 3) == 0)
            renew(w);
    }
}

static void test_pages(void **state)
{
    struct world *w = *state;
    const struct sigaction action = {.sa_sigaction = touched, .sa_flags = SA_SIGINFO};
    assert_int_equal(sigaction(SIGSEGV, &action, NULL), 0); /* (cmocka has its own) */
    for (unsigned long i = 0; i < seeds; i++) {
        play(w, first_seed + i);
        assert_true((!w->longish && !w->made) || (w->depth >= 4 && w->removed_pages > 50));
    }
    print_message("# %lu operations, %lu commits\n", w->operations, w->commits);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    if (w == NULL)
        return -1;
    if (!folder_make(w->folder, "gate"))
        return -1;
    snprintf(w->path, sizeof w->path, "%s/d.uicc", w->folder);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    unlink(w->path);
    int rc = rmdir(w->folder);
    free(w);
    return rc;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        seeds = strtoul(argv[1], NULL, 10);
    if (argc > 2)
        first_seed = strtoul(argv[2], NULL, 10);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pages)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
