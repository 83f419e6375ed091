/* SPDX-License-Identifier: Apache-2.0
 *
 * The deck's tree: sealed records, and the transactions that writes of cards go into.
 */
#include "deck_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* DECK_NONE commits after so many: more saves nothing, and is memory */
enum { LOOSE_WRITES = 4096, LOOSE_OCTETS = 1 << 20 };

#define MAP_BATCH ((size_t)64 << 30)
#define MAP_STEP  ((size_t)64 << 20)

void deck_say(struct deck_error *error, const char *format, ...)
{
    if (error == NULL)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
}

const char *deck_reason(int rc)
{
    switch (rc) {
    case ENOSPC:
    case EDQUOT:
        return "the disk is full";
    case EROFS:
        return "the file system is read-only";
    case EBADF:
        return "it was opened for reading alone";
    case ESTALE:
        return "it was replaced meanwhile: try again";
    case ECANCELED:
        return "the disk failed in the middle of a write, and it is not known what came of it: open it again";
    case ECHILD:
        return "it belongs to another process";
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
        return "the file is damaged or has been tampered with";
    case MDB_MAP_FULL:
        return "too much for one batch";
    default:
        return mdb_strerror(rc);
    }
}

void deck_say_unread(const struct deck *d, struct deck_error *error, int rc)
{
    if (d->unanchored)
        deck_say(error,
                 "%s is not to be used any more, for its anchor could not be written (%s): open it again",
                 d->path, deck_reason(rc));
    else
        deck_say(error, "%s cannot be read: %s", d->path, deck_reason(rc));
}

enum store_result deck_result(int rc)
{
    if (rc == 0)
        return STORE_OK;
    return rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND ? STORE_TAMPERED : STORE_FAILED;
}

/* ---- records ---- */

static int gate_error(enum deck_soundness sound)
{
    return sound == DECK_SOUND ? 0 : (sound == DECK_UNSOUND ? MDB_CORRUPTED : ENOMEM);
}

/* Whether the tree has other pages now than after the last change, or when the transaction began. */
static void changed(struct deck *d, MDB_txn *txn, struct span key, bool removed)
{
    MDB_stat now;
    if (d->gate == NULL || mdb_stat(txn, d->dbi, &now) != 0)
        return;
    gate_changed(d->gate, key, removed, (long)(now.ms_leaf_pages - d->shape.ms_leaf_pages),
                 (long)(now.ms_branch_pages - d->shape.ms_branch_pages));
    d->shape = now;
}

static int put(struct deck *d, MDB_txn *txn, struct span key, MDB_val *v, unsigned flags)
{
    MDB_val k = val(key);
    int rc = gate_error(gate_key(d->gate, key));
    if (rc != 0)
        return rc;
    d->touched = true;
    d->loose_octets += v->mv_size;
    rc = mdb_put(txn, d->dbi, &k, v, flags);
    changed(d, txn, key, false);
    return rc;
}

int tree_put_clear(struct deck *d, MDB_txn *txn, struct span key, struct span octets)
{
    MDB_val v = val(octets);
    return put(d, txn, key, &v, 0);
}

int tree_put(struct deck *d, MDB_txn *txn, struct span key, struct span plain, unsigned flags,
             struct span *sealed)
{
    MDB_val v = {plain.n + SEAL_OVERHEAD, NULL};
    int rc = put(d, txn, key, &v, MDB_RESERVE | flags);
    if (rc != 0)
        return rc;
    if (!seal(&d->sealer, key, plain, v.mv_data))
        return EIO;
    if (sealed != NULL)
        *sealed = span_from(v);
    return 0;
}

int tree_delete(struct deck *d, MDB_txn *txn, struct span key)
{
    MDB_val k = val(key);
    int rc = gate_error(gate_delete(d->gate, key));
    if (rc != 0)
        return rc;
    d->touched = true;
    rc = mdb_del(txn, d->dbi, &k, NULL);
    changed(d, txn, key, true);
    return rc;
}

int tree_find(struct deck *d, MDB_txn *txn, struct span key, struct span *sealed)
{
    MDB_val k = val(key), v = {0, NULL};
    int rc = gate_error(gate_key(d->gate, key));
    if (rc == 0)
        rc = mdb_get(txn, d->dbi, &k, &v);
    *sealed = span_from(v);
    return rc;
}

enum store_result tree_get(struct deck *d, MDB_txn *txn, struct span key, uint8_t *plain, size_t n)
{
    struct span sealed;
    int rc = tree_find(d, txn, key, &sealed);
    if (rc == MDB_NOTFOUND)
        return STORE_TAMPERED;
    if (rc != 0)
        return deck_result(rc);
    bool good = sealed.n == n + SEAL_OVERHEAD && unseal(&d->sealer, key, sealed, plain);
    return good ? STORE_OK : STORE_TAMPERED;
}

int tree_put_count(struct deck *d, MDB_txn *txn, uint64_t cards)
{
    uint8_t plain[8];
    struct buf b = buf_of(plain, sizeof plain);
    buf_be(&b, cards, 8);
    int rc = tree_put(d, txn, KEY_COUNT, buf_span(&b), 0, NULL);
    if (rc == 0)
        d->cards = cards;
    return rc;
}

/* Without an anchor it does not count, but says of which roots it is still to be true. */
static int put_writes(struct deck *d, MDB_txn *txn, bool bind)
{
    uint8_t plain[8 + SEAL_TAG];
    struct buf b = buf_of(plain, sizeof plain);
    buf_be(&b, d->writes + (d->anchor != NULL), 8);
    if (bind && !seal_set_finish(&d->sealer, &d->roots))
        return EIO;
    if (bind)
        buf_put(&b, span_of(d->roots.mark, SEAL_TAG));
    return tree_put(d, txn, KEY_WRITES, buf_span(&b), 0, NULL);
}

bool tree_get_writes(struct deck *d, MDB_txn *txn, int *rc)
{
    uint8_t plain[8 + SEAL_TAG];
    struct span sealed;
    *rc = tree_find(d, txn, KEY_WRITES, &sealed);
    if (*rc == MDB_NOTFOUND)
        return true;
    d->bound = sealed.n == sizeof plain + SEAL_OVERHEAD;
    if (*rc != 0 || (!d->bound && sealed.n != 8 + SEAL_OVERHEAD) ||
        !unseal(&d->sealer, KEY_WRITES, sealed, plain))
        return false;
    struct reader r = rd_of(span_of(plain, sealed.n - SEAL_OVERHEAD));
    d->writes = rd_be(&r, 8);
    if (d->bound)
        rd_copy(&r, d->roots.mark, SEAL_TAG);
    d->roots_committed = d->roots;
    return rd_done(&r);
}

bool tree_root_changed(struct deck *d, struct span was, struct span is)
{
    return !d->bound || ((was.n == 0 || seal_set_flip(&d->sealer, &d->roots, was)) &&
                         (is.n == 0 || seal_set_flip(&d->sealer, &d->roots, is)));
}

int tree_seek(struct deck *d, MDB_txn *txn, struct span from, struct span *key)
{
    MDB_cursor *cursor;
    MDB_val k = val(from), v;
    int rc = gate_error(gate_range(d->gate, from, SPAN_EMPTY));
    if (rc == 0)
        rc = mdb_cursor_open(txn, d->dbi, &cursor);
    if (rc != 0)
        return rc;
    rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
    mdb_cursor_close(cursor);
    *key = span_from(k);
    return rc;
}

int tree_scan_begin(struct deck *d, MDB_txn *txn, struct span prefix, struct tree_scan *scan)
{
    int rc = gate_error(gate_range(d->gate, prefix, prefix));
    *scan = (struct tree_scan){.prefix = prefix};
    return rc == 0 ? mdb_cursor_open(txn, d->dbi, &scan->cursor) : rc;
}

int tree_scan_next(struct tree_scan *scan, struct span *key, struct span *sealed)
{
    MDB_val k = val(scan->prefix), v;
    int rc = mdb_cursor_get(scan->cursor, &k, &v, scan->begun ? MDB_NEXT : MDB_SET_RANGE);
    scan->begun = true;
    if (rc != 0)
        return rc;
    *key = span_from(k);
    *sealed = span_from(v);
    return span_starts(*key, scan->prefix) ? 0 : MDB_NOTFOUND;
}

void tree_scan_end(struct tree_scan *scan)
{
    if (scan->cursor != NULL)
        mdb_cursor_close(scan->cursor);
    scan->cursor = NULL;
}

/* ---- the map ---- */

uint64_t tree_used(struct deck *d)
{
    MDB_envinfo info;
    MDB_stat tree;
    if (mdb_env_info(d->env, &info) != 0 || mdb_env_stat(d->env, &tree) != 0)
        return 0;
    return ((uint64_t)info.me_last_pgno + 1) * tree.ms_psize;
}

/* No transaction may be open. */
static int set_map(struct deck *d, size_t size)
{
    /* A write through the map has no way to say that the disk is full, but SIGBUS. */
    int rc = d->mapped ? posix_fallocate(d->fd, 0, (off_t)size) : 0;
    if (rc != 0)
        return rc;
    /* LMDB gives the old map up before it has the new one, and goes on without any if that fails. So see
     * first whether the process may have as many addresses, and if it still fails use the deck no more. */
    void *probe = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (probe == MAP_FAILED)
        return ENOMEM;
    (void)munmap(probe, size);
    rc = mdb_env_set_mapsize(d->env, size);
    if (rc != 0)
        d->lost = rc;
    return rc;
}

/* Without a mapped file the map is but addresses. With one it is disk space too: not so much at a time. */
static int grow(struct deck *d)
{
    MDB_envinfo info;
    int rc = mdb_env_info(d->env, &info);
    if (rc != 0)
        return rc;
    size_t size = info.me_mapsize;
    rc = set_map(d, size + (d->mapped && size > MAP_STEP ? MAP_STEP : size));
    return rc == 0 || d->lost ? rc : set_map(d, size + MAP_FIRST);
}

/* Room enough for a transaction that cannot be done again from the start; less where there is not so much. */
static int reserve(struct deck *d)
{
    MDB_envinfo info;
    size_t used = tree_used(d);
    if (used == 0 || mdb_env_info(d->env, &info) != 0)
        return EIO;
    for (size_t room = d->mapped ? used + MAP_STEP : MAP_BATCH; room >= MAP_FIRST; room /= 2) {
        if (info.me_mapsize >= used + room / 2)
            return 0;
        int rc = set_map(d, used + room);
        if (rc == 0 || d->lost)
            return rc;
    }
    return 0;
}

/* ---- transactions ---- */

static int usable(const struct deck *d)
{
    if (d->pid != getpid()) /* a forked child has our nonces and our lock, and no business here */
        return ECHILD;
    return d->durability == DECK_READ ? EBADF : d->lost;
}

MDB_txn *tree_read_begin(struct deck *d, int *rc)
{
    *rc = d->open != NULL ? 0 : d->lost;
    if (d->open != NULL || *rc != 0)
        return d->open;
    *rc =
        d->reading == NULL ? mdb_txn_begin(d->env, NULL, MDB_RDONLY, &d->reading) : mdb_txn_renew(d->reading);
    return *rc == 0 ? d->reading : NULL;
}

void tree_read_end(struct deck *d)
{
    if (d->open == NULL)
        mdb_txn_reset(d->reading);
}

static void trouble(struct deck *d, enum store_result result, int rc)
{
    struct statvfs fs;
    /* LMDB calls a write that stops half-way an input/output error, whatever the reason. */
    if (rc == EIO && fstatvfs(d->fd, &fs) == 0 && fs.f_bavail * fs.f_frsize < MAP_FIRST)
        rc = ENOSPC;
    deck_say(&d->trouble, "%s cannot be written: %s", d->unanchored ? "the anchor" : d->path,
             result == STORE_TAMPERED ? "it has been tampered with" : deck_reason(rc));
}

/* The deck has it: now the anchor. The other way round, a cut between the two would lock everybody out; so,
 * the write is in the deck and nobody has been told of it. If the anchor cannot be written, the next opening
 * is to try it. */
static int tell_anchor(struct deck *d)
{
    int rc = anchor_write(d->anchor, &d->sealer, ++d->writes, d->durability == DECK_POWER);
    d->unanchored = rc != 0;
    d->lost = rc;
    return rc;
}

/* What the deck keeps count of: with the transaction, or without it. */
static void as_written(struct deck *d, bool bind)
{
    d->cards_committed = d->cards;
    d->bound = bind;
    if (bind)
        d->roots_committed = d->roots;
}

static void as_before(struct deck *d)
{
    d->cards = d->cards_committed;
    if (d->bound)
        d->roots = d->roots_committed;
}

/* LMDB gives itself up when it cannot write the page that ends a commit, even if the disk is full for a
 * moment only. Opened again, it goes on from the commit before. If the file has this one after all, cards in
 * memory are behind it, and nobody may build on them. */
static int commit(struct deck *d, MDB_txn *txn)
{
    MDB_txn *probe;
    MDB_envinfo info;
    size_t id = mdb_txn_id(txn);
    const bool bind = d->bound && d->cards <= BOUND_CARDS;
    int rc = d->anchor != NULL || d->bound ? put_writes(d, txn, bind) : 0;
    if (rc != 0) {
        mdb_txn_abort(txn);
        return rc;
    }
    rc = mdb_txn_commit(txn);
    if (rc == 0)
        as_written(d, bind);
    if (rc == 0)
        return d->anchor != NULL ? tell_anchor(d) : 0;
    if (rc == MDB_MAP_FULL)
        return rc;
    int state = mdb_txn_begin(d->env, NULL, MDB_RDONLY, &probe);
    if (state == 0)
        mdb_txn_abort(probe);
    if (state != MDB_PANIC)
        return rc;
    d->lost = deck_reopen(d, d->unpublished ? d->new_path : d->path);
    if (d->lost == 0 && (mdb_env_info(d->env, &info) != 0 || info.me_last_txnid != id - 1))
        d->lost = ECANCELED;
    deck_lengthen(d);
    return rc;
}

/* Every transaction that writes begins here. */
static int begin(struct deck *d, MDB_txn **txn)
{
    gate_begin(d->gate);
    int rc = mdb_txn_begin(d->env, NULL, 0, txn);
    if (rc == 0 && d->gate != NULL)
        (void)mdb_stat(*txn, d->dbi, &d->shape);
    return rc;
}

static int open_begin(struct deck *d)
{
    int rc = usable(d);
    if (rc != 0 || d->open != NULL)
        return rc;
    d->loose = d->loose_octets = 0;
    rc = reserve(d);
    return rc == 0 ? begin(d, &d->open) : rc;
}

void tree_abort(struct deck *d)
{
    if (d->open != NULL)
        mdb_txn_abort(d->open);
    d->open = NULL;
    as_before(d);
}

/* What cannot be committed is gone. Of DECK_NONE's own these are writes that cards took for done, so there is
 * no going on. */
static int open_commit(struct deck *d)
{
    MDB_txn *txn = d->open;
    if (txn == NULL)
        return 0;
    d->open = NULL;
    int rc = commit(d, txn);
    if (rc == 0)
        return 0;
    as_before(d);
    d->spoiled = true;
    trouble(d, STORE_FAILED, rc);
    return rc;
}

static enum store_result write_loose(struct deck *d, step_fn *step, void *ctx)
{
    if (d->spoiled)
        return STORE_FAILED;
    int rc = open_begin(d);
    enum store_result result = rc == 0 ? step(d, d->open, ctx, &rc) : STORE_FAILED;
    if (result != STORE_OK) {
        trouble(d, result, rc);
        /* Half of this step may be in the transaction. */
        d->spoiled = d->batch || d->touched;
        if (d->spoiled)
            tree_abort(d);
    } else if (!d->batch && (++d->loose >= LOOSE_WRITES || d->loose_octets >= LOOSE_OCTETS) &&
               open_commit(d) != 0) {
        result = STORE_FAILED;
    }
    return result;
}

static enum store_result write_now(struct deck *d, step_fn *step, void *ctx)
{
    for (;;) {
        MDB_txn *txn = NULL;
        enum store_result result = STORE_FAILED;
        int rc = usable(d);
        if (rc == 0)
            rc = begin(d, &txn);
        if (rc == 0) {
            result = step(d, txn, ctx, &rc);
            if (result != STORE_OK) {
                mdb_txn_abort(txn);
            } else if ((rc = commit(d, txn)) == 0) {
                return STORE_OK;
            } else {
                result = STORE_FAILED;
            }
        }
        as_before(d);
        if (rc == MDB_MAP_FULL && (rc = grow(d)) == 0)
            continue;
        trouble(d, result, rc);
        return result;
    }
}

enum store_result tree_write(struct deck *d, step_fn *step, void *ctx)
{
    d->touched = false;
    return d->batch || d->durability == DECK_NONE ? write_loose(d, step, ctx) : write_now(d, step, ctx);
}

int tree_sync(struct deck *d)
{
    int rc = d->spoiled ? EIO : usable(d);
    if (rc == 0)
        rc = open_commit(d);
    if (rc == 0)
        rc = mdb_env_sync(d->env, 1);
    return rc == 0 && d->anchor != NULL ? anchor_sync(d->anchor) : rc;
}

/* The line of the write that failed, if that is why; otherwise a new one. */
static void say_why(const struct deck *d, struct deck_error *error, int rc)
{
    if (d->spoiled)
        deck_say(error, "%s", d->trouble.text);
    else
        deck_say(error, "%s cannot be written: %s", d->path, deck_reason(rc));
}

bool deck_sync(struct deck *d, struct deck_error *error)
{
    pthread_mutex_lock(&d->mutex);
    int rc = d->batch ? EINVAL : tree_sync(d);
    if (d->batch)
        deck_say(error, "%s: there is an open batch", d->path);
    else if (rc != 0)
        say_why(d, error, rc);
    pthread_mutex_unlock(&d->mutex);
    return rc == 0;
}

bool deck_batch_begin(struct deck *d, struct deck_error *error)
{
    pthread_mutex_lock(&d->mutex);
    int rc = d->batch || d->spoiled ? EINVAL : open_commit(d);
    if (rc == 0)
        rc = open_begin(d);
    if (rc == 0)
        d->batch = true;
    else if (d->batch)
        deck_say(error, "%s: there is an open batch already", d->path);
    else
        say_why(d, error, rc);
    pthread_mutex_unlock(&d->mutex);
    return rc == 0;
}

bool deck_batch_end(struct deck *d, struct deck_error *error)
{
    pthread_mutex_lock(&d->mutex);
    bool good = false;
    if (!d->batch) {
        deck_say(error, "%s: there is no batch", d->path);
    } else {
        int rc = d->spoiled ? EIO : open_commit(d);
        good = rc == 0;
        if (!good)
            say_why(d, error, rc);
        d->spoiled =
            false; /* nothing but the batch was lost: what came before it was committed when it began */
        d->batch = false;
    }
    pthread_mutex_unlock(&d->mutex);
    return good;
}

void deck_batch_abort(struct deck *d)
{
    pthread_mutex_lock(&d->mutex);
    if (d->batch) {
        tree_abort(d);
        d->batch = d->spoiled = false; /* what came before it was committed when it began */
    }
    pthread_mutex_unlock(&d->mutex);
}

uint64_t deck_count(struct deck *d)
{
    pthread_mutex_lock(&d->mutex);
    uint64_t cards = d->cards;
    pthread_mutex_unlock(&d->mutex);
    return cards;
}

uint64_t deck_octets(struct deck *d)
{
    pthread_mutex_lock(&d->mutex);
    uint64_t octets = tree_used(d);
    pthread_mutex_unlock(&d->mutex);
    return octets;
}

const char *deck_trouble(const struct deck *d)
{
    return d->trouble.text;
}
