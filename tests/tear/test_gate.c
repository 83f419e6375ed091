/* SPDX-License-Identifier: Apache-2.0
 *
 * test_gate [SEEDS [FIRST]]: that LMDB comes to no page which the gate has not looked at, whatever is looked
 * up, put and removed, in short transactions and in long ones. Every page that the gate does not know is
 * taken out of LMDB's map (mprotect), so that touching it ends the test. With even seeds keys are long, so
 * that a few thousand records make a tree of five levels, of which the branch pages have few children and
 * merge often.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "folder.h"
#include "../../card/store/deck_gate.c" /* what it knows is nobody else's business */

#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEYS = 4000, STEPS = 6000, MAP = 64 << 20, PAGE = 4096, VALUE = 9000 };

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
    for (uint32_t i = from; i < from + n && i < KEYS; i++) {
        go_through(w, i, 0);
        change(w, i, true);
    }
}

static void step(struct world *w, uint32_t near)
{
    /* Some of it here and there, some of it where others were before. */
    uint32_t i = pick(w, 4) == 0 ? pick(w, KEYS) : (near + pick(w, 60)) % KEYS;
    switch (pick(w, w->writes ? 10 : 3)) {
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
    default:
        change(w, i, true);
    }
}

static void fill(struct world *w)
{
    uint32_t i = pick(w, KEYS);
    begin(w, true);
    for (uint32_t n = 0; n < KEYS; n++, i = (i + 1787) % KEYS) /* (no divisor of KEYS: every key once) */
        if (pick(w, 8) != 0)
            change(w, i, false);
    end(w, true);
}

static void play(struct world *w, uint64_t seed)
{
    w->random = seed;
    w->longish = seed % 2 == 0;
    w->depth = w->removed_pages = 0;
    int fd = open(w->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    MDB_env *env;
    MDB_txn *txn;
    assert_int_equal(mdb_env_create(&env), 0); /* empty, with its meta pages */
    assert_int_equal(mdb_env_open(env, w->path, MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOSYNC, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, NULL, 0, &w->dbi), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    open_all(w);
    fill(w);
    close_all(w);
    for (unsigned done = 0; done < STEPS;) {
        open_all(w);
        for (unsigned openings = 1 + pick(w, 6); openings > 0; openings--) {
            /* A step of its own, some that belong together, or a batch. */
            unsigned n = pick(w, 3) == 0 ? 1 : 1 + pick(w, pick(w, 3) == 0 ? 400 : 20);
            uint32_t near = pick(w, KEYS);
            begin(w, pick(w, 4) != 0);
            for (; n > 0; n--, done++)
                step(w, near);
            end(w, pick(w, 5) != 0);
        }
        close_all(w);
        if (pick(w, 3) == 0) { /* as much again as was removed */
            open_all(w);
            fill(w);
            close_all(w);
        }
    }
}

static void test_pages(void **state)
{
    struct world *w = *state;
    const struct sigaction action = {.sa_sigaction = touched, .sa_flags = SA_SIGINFO};
    assert_int_equal(sigaction(SIGSEGV, &action, NULL), 0); /* (cmocka has its own) */
    for (unsigned long i = 0; i < seeds; i++) {
        play(w, first_seed + i);
        assert_true(!w->longish || (w->depth >= 4 && w->removed_pages > 50));
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
