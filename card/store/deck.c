/* SPDX-License-Identifier: Apache-2.0
 *
 * The deck's files: making, publishing, opening, locking. README.md has the format, and what each step leaves
 * when it is cut short.
 */
#include "deck_check.h"
#include "deck_tree.h"
#include "folder_sync.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FORMAT = 1, /* what this code writes, and the newest it reads */
    KEY_FILE = 32,
    HEADER_PLAIN = 8 + 2 + 2,
    HEADER_BOUND = 5 + HEADER_PLAIN, /* what its seal is bound to: key and plain text */
    LOCK_OCTET = 0,                  /* of the deck file: held by whoever has the deck open */
    PID_OCTET = 1,                   /* tells who that is */
};

static const char MAGIC[8] = {'s', 'o', 'f', 't', 'u', 'i', 'c', 'c'};

/* ---- files ---- */

static char *joined(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);
    char *s = malloc(n + m + 1);
    if (s == NULL)
        return NULL;
    memcpy(s, path, n);
    memcpy(s + n, end, m + 1);
    return s;
}

static bool exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static struct deck *deck_alloc(const char *path, struct deck_error *error)
{
    struct deck *d = calloc(1, sizeof *d);
    if (d != NULL) {
        pthread_mutex_init(&d->mutex, NULL);
        d->fd = -1;
        d->pid = getpid();
        d->path = joined(path, "");
        d->key_path = joined(path, ".key");
        d->new_path = joined(path, ".new");
        d->new_key_path = joined(path, ".new.key");
    }
    if (d == NULL || !d->path || !d->key_path || !d->new_path || !d->new_key_path) {
        deck_say(error, "out of memory");
        deck_close(d);
        return NULL;
    }
    return d;
}

static void unlock_file(int fd)
{
    struct flock lock = {.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = LOCK_OCTET, .l_len = 1};
    (void)fcntl(fd, F_OFD_SETLK,
                &lock); /* not left to close: a forked child may have the file open as well */
}

/* How long the file is tells the next opening whether it was closed, and what it is to hold against us
 * (deck_check.h). A meta page that was being written when its process was killed, or its disk failed, is put
 * right by the next transaction; until then the file stays longer than it need be. */
static void fit_file(struct deck *d, uint64_t used, bool closing)
{
    struct stat st;
    if (used == 0 || fstat(d->fd, &st) != 0)
        return;
    const size_t n = st.st_size < (off_t)used ? (size_t)st.st_size : (size_t)used;
    void *p = mmap(NULL, n, PROT_READ, MAP_SHARED, d->fd, 0);
    if (p == MAP_FAILED)
        return;
    const struct span file = span_of(p, n);
    const bool whole = deck_check(file, false) == DECK_SOUND;
    const size_t page = deck_page_size(file);
    const off_t end = (off_t)deck_end(file, page);
    (void)munmap(p, n);
    if (!whole && st.st_size <= end)
        (void)ftruncate(d->fd, end + (off_t)page);
    else if (whole && closing && st.st_size > (off_t)used)
        (void)ftruncate(d->fd, (off_t)used); /* what the map has taken more than is in use */
}

void deck_lengthen(struct deck *d)
{
    fit_file(d, tree_used(d), false);
}

static void close_env(struct deck *d)
{
    uint64_t used = 0;
    if (d->batch)
        tree_abort(d);
    if (d->opened && !d->unpublished && (d->durability == DECK_POWER ? !d->spoiled : tree_sync(d) == 0))
        used = tree_used(d);
    tree_abort(d);
    if (d->reading != NULL)
        mdb_txn_abort(d->reading);
    mdb_env_close(d->env);
    fit_file(d, used, true);
    if (!d->opened && d->short_size > 0)
        (void)ftruncate(d->fd, d->short_size); /* not accepted: what was added to be able to look */
}

void deck_close(struct deck *d)
{
    if (d == NULL)
        return;
    bool mine = d->pid == getpid(); /* a forked child only forgets */
    if (d->env != NULL && mine) {
        close_env(d);
    }
    if (d->unpublished && mine) {
        (void)unlink(d->new_path);
        (void)unlink(d->new_key_path);
    }
    if (d->fd >= 0) {
        if (mine)
            unlock_file(d->fd);
        (void)close(d->fd);
    }
    anchor_close(d->anchor, mine);
    gate_free(d->gate);
    seal_wipe(&d->sealer);
    if (d->profile != NULL)
        crypto_wipe(d->profile, d->profile_len);
    free(d->profile);
    free(d->path);
    free(d->key_path);
    free(d->new_path);
    free(d->new_key_path);
    pthread_mutex_destroy(&d->mutex);
    free(d);
}

struct span deck_profile(const struct deck *d)
{
    return span_of(d->profile, d->profile_len);
}

/* Who has PID_OCTET, in words. */
static void holder(int fd, char text[96])
{
    struct flock who = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = PID_OCTET, .l_len = 1};
    char name[32] = "", path[64];
    /* One's own locks do not show here; and another process may not have come to tell yet. */
    snprintf(text, 96, "this process, or one just starting");
    if (fcntl(fd, F_GETLK, &who) != 0 || who.l_type == F_UNLCK)
        return;
    snprintf(path, sizeof path, "/proc/%ld/comm", (long)who.l_pid);
    FILE *f = fopen(path, "re");
    if (f != NULL) {
        if (fgets(name, sizeof name, f) != NULL)
            name[strcspn(name, "\n")] = '\0';
        fclose(f);
    }
    if (name[0] != '\0')
        snprintf(text, 96, "process %ld (%s)", (long)who.l_pid, name);
    else
        snprintf(text, 96, "process %ld", (long)who.l_pid);
}

/* An open file description's lock: holds against this very process as well, for LMDB does not bear a file
 * that is opened twice and written; and LMDB's own handling of the file cannot lose it. What it cannot tell
 * is a pid: PID_OCTET is for that (of several readers in one process, which do each other no harm, until the
 * first of them closes the file). */
static bool lock_file(int fd, bool reading)
{
    struct flock lock = {
        .l_type = reading ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCK_OCTET, .l_len = 1};
    return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

static bool same_file(int fd, const char *path)
{
    struct stat a, b;
    return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* The first meta page of an LMDB file: magic number and format, behind the page header. */
static bool is_lmdb(int fd)
{
    uint8_t head[24];
    uint32_t magic, version;
    if (pread(fd, head, sizeof head, 0) != (ssize_t)sizeof head)
        return false;
    memcpy(&magic, head + 16, 4);
    memcpy(&version, head + 20, 4);
    return magic == 0xBEEFC0DE && version == 1;
}

/* Before LMDB sees it. A file of up to `whole` octets is looked through; a larger one would keep everybody
 * waiting, and is looked at as its parts are needed. */
static int check_file(struct deck *d, off_t whole)
{
    struct stat st;
    if (fstat(d->fd, &st) != 0)
        return errno;
    const size_t n = (size_t)st.st_size;
    void *p = mmap(NULL, n, PROT_READ, MAP_SHARED, d->fd, 0);
    if (p == MAP_FAILED)
        return errno;
    enum deck_soundness sound = deck_check(span_of(p, n), st.st_size <= whole);
    if (sound == DECK_SOUND && st.st_size > whole)
        sound = gate_new(d->fd, span_of(p, n), &d->gate);
    if (d->gate == NULL)
        (void)munmap(p, n);
    return sound == DECK_SOUND ? 0 : (sound == DECK_UNSOUND ? MDB_CORRUPTED : ENOMEM);
}

/* LMDB on the file that d->fd has locked. */
static int open_env(struct deck *d, const char *path)
{
    struct stat st;
    MDB_txn *txn;
    const bool reading = d->durability == DECK_READ;
    unsigned flags = MDB_NOSUBDIR | MDB_NOLOCK | MDB_NORDAHEAD | (reading ? MDB_RDONLY : 0) |
                     (d->durability == DECK_POWER ? 0 : MDB_NOSYNC) | (d->mapped ? MDB_WRITEMAP : 0);
    int fd;
    int rc = fstat(d->fd, &st) == 0 ? mdb_env_create(&d->env) : errno;
    if (rc == 0)
        rc = mdb_env_set_mapsize(d->env, d->mapped ? (size_t)st.st_size : MAP_FIRST);
    if (rc == 0)
        rc = mdb_env_open(d->env, path, flags, 0600);
    if (rc == 0)
        rc = mdb_env_get_fd(d->env, &fd);
    if (rc == 0 && !(same_file(fd, path) && same_file(d->fd, path)))
        rc = ESTALE; /* replaced in between */
    /* A file cut short would end us by SIGBUS. With zeros behind it, LMDB sees that its pages are not what
     * they should be. A sound file may be a little short too, where the last pages were not needed in the
     * end. (Whoever only reads leaves it so: check_file has not let pass what is not there.) */
    uint64_t used = rc == 0 && !reading ? tree_used(d) : 0;
    if (rc == 0 && (uint64_t)st.st_size < used) {
        d->short_size = st.st_size;
        rc = ftruncate(d->fd, (off_t)used) == 0 ? 0 : errno;
    }
    if (rc == 0)
        rc = mdb_txn_begin(d->env, NULL, MDB_RDONLY, &txn);
    if (rc == 0) {
        rc = mdb_dbi_open(txn, NULL, 0, &d->dbi);
        (void)mdb_txn_commit(txn); /* so that the handle lasts */
    }
    if (rc == 0) {
        struct flock pid = {.l_type = reading ? F_RDLCK : F_WRLCK,
                            .l_whence = SEEK_SET,
                            .l_start = PID_OCTET,
                            .l_len = 1};
        (void)fcntl(d->fd, F_SETLK, &pid);
    }
    return rc;
}

int deck_reopen(struct deck *d, const char *path)
{
    if (d->reading != NULL)
        mdb_txn_abort(d->reading);
    d->reading = NULL;
    mdb_env_close(d->env);
    d->env = NULL;
    int rc = open_env(d, path);
    if (rc != 0 && d->env != NULL) {
        mdb_env_close(d->env);
        d->env = NULL;
    }
    return rc;
}

/* Through the map LMDB writes some six times as fast, with nothing lost by kill -9: what is in the map is
 * with the operating system. The space is to be there before (see set_map), and is given back by deck_close.
 * Where there is none, it goes without. */
static int open_mapped(struct deck *d, const char *path)
{
    struct stat st;
    if (fstat(d->fd, &st) != 0)
        return errno;
    const off_t room = (off_t)(tree_used(d) + MAP_FIRST); /* of one that was not closed it is there already */
    if (posix_fallocate(d->fd, 0, room > st.st_size ? room : st.st_size) != 0)
        return ftruncate(d->fd, st.st_size) == 0 ? 0 : errno;
    d->mapped = true;
    return deck_reopen(d, path);
}

static bool read_key(struct deck *d, const char *path, uint8_t key[KEY_FILE], struct deck_error *error)
{
    uint8_t bytes[KEY_FILE + 1];
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK /* a pipe is none: not waited for */);
    if (fd < 0 && errno == ENOENT)
        deck_say(error, "%s is missing: %s cannot be read without its key", path, d->path);
    else if (fd < 0)
        deck_say(error, "%s cannot be opened: %s", path, deck_reason(errno));
    if (fd < 0)
        return false;
    bool good = false;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        deck_say(error, "%s is not a file", path);
    else if ((st.st_mode & 077) != 0)
        deck_say(error, "%s is open to other users (mode %04o): chmod 600 %s", path,
                 (unsigned)(st.st_mode & 07777), path);
    else if (read(fd, bytes, sizeof bytes) != KEY_FILE)
        deck_say(error, "%s is not a storage key: that has %d octets", path, KEY_FILE);
    else
        good = true;
    if (good)
        memcpy(key, bytes, KEY_FILE);
    crypto_wipe(bytes, sizeof bytes);
    (void)close(fd);
    return good;
}

/* A new file of mode 0600 with these octets, on the disk. */
static int write_file(const char *path, struct span content)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    int rc = fchmod(fd, 0600) == 0 ? 0 : errno; /* whatever the umask */
    ssize_t n = rc == 0 ? write(fd, content.p, content.n) : 0;
    if (rc == 0 && n != (ssize_t)content.n)
        rc = n < 0 ? errno : ENOSPC;
    if (rc == 0 && fsync(fd) != 0)
        rc = errno;
    (void)close(fd);
    if (rc != 0)
        (void)unlink(path);
    return rc;
}

/* Never over an existing file. Where the file system cannot promise that, looking first has to do. */
static int move(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    if (exists(to))
        return EEXIST;
    return rename(from, to) == 0 ? 0 : errno;
}

/* A making cut short between its two renames (see deck_publish): key in place, deck not. */
static bool half_published(const struct deck *d)
{
    return !exists(d->path) && exists(d->key_path) && exists(d->new_path) && !exists(d->new_key_path);
}

/* ---- making a deck ---- */

static void header(struct buf *b)
{
    buf_put(b, span_of(MAGIC, sizeof MAGIC));
    buf_u16(b, FORMAT);
    buf_u16(b, FORMAT); /* the oldest reader that may read this */
}

static struct span header_key(uint8_t room[HEADER_BOUND], struct span clear)
{
    struct buf b = buf_of(room, HEADER_BOUND);
    buf_put(&b, KEY_HEADER);
    buf_put(&b, clear);
    return buf_span(&b);
}

static enum store_result write_first(struct deck *d, MDB_txn *txn, void *ctx, int *rc)
{
    const struct span *profile = ctx;
    uint8_t record[HEADER_PLAIN + SEAL_OVERHEAD], bound[HEADER_BOUND];
    struct buf b = buf_of(record, sizeof record);
    header(&b);
    bool good = seal(&d->sealer, header_key(bound, buf_span(&b)), SPAN_EMPTY, record + HEADER_PLAIN);
    *rc = good ? tree_put_clear(d, txn, KEY_HEADER, span_of(record, sizeof record)) : EIO;
    if (*rc == 0)
        *rc = tree_put_count(d, txn, 0);
    if (*rc == 0)
        *rc = tree_put(d, txn, KEY_PROFILE, *profile, 0, NULL);
    return deck_result(*rc);
}

/* false: there is something that a new deck must not stand in for. */
static bool may_make(const struct deck *d, struct deck_error *error)
{
    if (exists(d->path))
        deck_say(error, "%s exists already", d->path);
    else if (half_published(d))
        deck_say(error, "%s is made but for its name: opening it once completes it", d->path);
    else if (exists(d->key_path))
        deck_say(error, "%s exists already: it may be the only key of a deck", d->key_path);
    else
        return true;
    return false;
}

/* DECK.new, empty and locked by us. What a making that was killed has left of it is emptied; anything else is
 * not ours. */
static bool take_new(struct deck *d, struct deck_error *error)
{
    char who[96];
    struct stat st;
    int fd = open(d->new_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
    if (fd < 0) {
        deck_say(error, "%s cannot be made: %s", d->new_path, deck_reason(errno));
        return false;
    }
    bool good = false;
    if (!lock_file(fd, false)) {
        holder(fd, who);
        deck_say(error, "%s is being made by %s", d->path, who);
    } else if (!same_file(fd, d->new_path) || fstat(fd, &st) != 0) {
        deck_say(error, "%s was replaced while it was opened: try again", d->new_path);
    } else if (!S_ISREG(st.st_mode) || (st.st_size != 0 && !is_lmdb(fd))) {
        deck_say(error, "%s is in the way: remove it", d->new_path);
    } else if (!may_make(d, error)) {
        /* Somebody has published since that was asked. If he was killed in it DECK.new is that deck; else it
         * is a new file, which with his key would look like one. */
        if (st.st_size == 0)
            (void)unlink(d->new_path);
    } else if (fchmod(fd, 0600) != 0 || ftruncate(fd, 0) != 0) {
        deck_say(error, "%s cannot be made: %s", d->new_path, deck_reason(errno));
    } else if (unlink(d->new_key_path) != 0 && errno != ENOENT) {
        deck_say(error, "%s cannot be removed: %s", d->new_key_path, deck_reason(errno));
    } else {
        good = true;
    }
    if (!good) {
        (void)close(fd);
        return false;
    }
    d->fd = fd;
    d->unpublished = true;
    return true;
}

static bool keep_profile(struct deck *d, struct span profile)
{
    d->profile = malloc(profile.n > 0 ? profile.n : 1);
    if (d->profile == NULL)
        return false;
    d->profile_len = profile.n;
    if (profile.n > 0)
        memcpy(d->profile, profile.p, profile.n);
    return true;
}

static bool make(struct deck *d, struct span profile, struct uicc_crypto *crypto, struct deck_error *error)
{
    uint8_t key[KEY_FILE];
    int rc = open_env(d, d->new_path);
    if (rc == 0) {
        bool good = crypto_random(NULL, key, sizeof key) && seal_init(&d->sealer, crypto, key);
        rc = good ? write_file(d->new_key_path, span_of(key, sizeof key)) : EIO;
        crypto_wipe(key, sizeof key);
    }
    if (rc == 0 && !keep_profile(d, profile))
        rc = ENOMEM;
    if (rc != 0)
        deck_say(error, "%s cannot be made: %s", d->path, deck_reason(rc));
    else if (tree_write(d, write_first, &profile) != STORE_OK)
        deck_say(error, "%s", d->trouble.text);
    else
        d->opened = true;
    return d->opened;
}

struct deck *deck_create(const char *path, struct span profile, struct uicc_crypto *crypto,
                         struct deck_error *error)
{
    struct deck *d = deck_alloc(path, error);
    if (d == NULL)
        return NULL;
    d->durability = DECK_NONE;
    if (may_make(d, error) && take_new(d, error) && make(d, profile, crypto, error))
        return d;
    deck_close(d);
    return NULL;
}

/* The key first: with the deck under its name everything is there. Between the two steps the deck is whole,
 * and the next deck_open takes the second one (complete_publishing). */
bool deck_publish(struct deck *d, struct deck_error *error)
{
    pthread_mutex_lock(&d->mutex);
    const char *what = d->path;
    int rc = 0;
    bool ready = d->unpublished && !d->batch;
    if (ready) {
        rc = tree_sync(d);
        if (rc == 0 && (rc = move(d->new_key_path, d->key_path)) != 0)
            what = d->key_path;
        else if (rc == 0 && ((rc = folder_sync(d->path)) != 0 || (rc = move(d->new_path, d->path)) != 0))
            /* (synced in between: no power cut may leave a deck without its key) */
            (void)move(d->key_path, d->new_key_path);
        if (rc == 0) {
            d->unpublished = false;
            d->durability = DECK_POWER;
            (void)mdb_env_set_flags(d->env, MDB_NOSYNC, 0);
            /* It is made. A power cut that takes the name back leaves what the next deck_open completes. */
            (void)folder_sync(d->path);
        }
    }
    if (!ready)
        deck_say(error, "%s: %s", d->path, d->batch ? "there is an open batch" : "it has its name already");
    else if (rc == EEXIST)
        deck_say(error, "%s exists already", what);
    else if (rc != 0 && d->spoiled)
        deck_say(error, "%s", d->trouble.text);
    else if (rc != 0)
        deck_say(error, "%s cannot be made: %s", what, deck_reason(rc));
    pthread_mutex_unlock(&d->mutex);
    return ready && rc == 0;
}

/* ---- opening a deck ---- */

/* Magic and version first: what follows them is this version's. */
static bool read_header(struct deck *d, MDB_txn *txn, struct deck_error *error)
{
    uint8_t bound[HEADER_BOUND], nothing;
    struct span record;
    int rc = tree_find(d, txn, KEY_HEADER, &record);
    if (rc != 0 && rc != MDB_NOTFOUND) {
        deck_say_unread(d, error, rc);
        return false;
    }
    struct reader r = rd_of(record);
    struct span clear = span_slice(record, 0, HEADER_PLAIN);
    bool ours = span_equal(rd_take(&r, sizeof MAGIC), span_of(MAGIC, sizeof MAGIC));
    unsigned format = rd_u16(&r), oldest = rd_u16(&r);
    if (!ours || !rd_ok(&r)) {
        deck_say(error, "%s is not a deck: it is an LMDB file of something else", d->path);
    } else if (oldest > FORMAT) {
        deck_say(error, "%s was made by a newer softuicc (format %u; this one reads up to %d)", d->path,
                 format, FORMAT);
    } else if (!unseal(&d->sealer, header_key(bound, clear), rd_rest(&r), &nothing)) {
        deck_say(error, "%s is not the key of %s", d->key_path, d->path);
    } else {
        return true;
    }
    return false;
}

/* Of a record that every deck has, or may have. */
static void say_first(const struct deck *d, struct deck_error *error, int rc)
{
    if (rc == 0 || rc == MDB_NOTFOUND)
        deck_say(error, "%s has been tampered with: it is not as softuicc wrote it", d->path);
    else
        deck_say_unread(d, error, rc);
}

static bool read_first(struct deck *d, MDB_txn *txn, struct deck_error *error)
{
    uint8_t count[8];
    struct span sealed;
    if (!read_header(d, txn, error))
        return false;
    int rc = tree_find(d, txn, KEY_PROFILE, &sealed);
    bool good = rc == 0 && sealed.n >= SEAL_OVERHEAD;
    if (good) {
        d->profile_len = sealed.n - SEAL_OVERHEAD;
        d->profile = malloc(sealed.n);
        if (d->profile == NULL) {
            d->profile_len = 0;
            deck_say(error, "out of memory");
            return false;
        }
        good = unseal(&d->sealer, KEY_PROFILE, sealed, d->profile);
    }
    if (good && tree_get(d, txn, KEY_COUNT, count, sizeof count) == STORE_OK) {
        struct reader r = rd_of(span_of(count, sizeof count));
        d->cards = d->cards_committed = rd_be(&r, 8);
        if (tree_get_writes(d, txn, &rc))
            return true;
    }
    say_first(d, error, rc);
    return false;
}

static bool complete_publishing(struct deck *d, struct deck_error *error)
{
    int rc = move(d->new_path, d->path);
    if (rc == 0)
        (void)folder_sync(d->path); /* as in deck_publish */
    else
        deck_say(error, "%s cannot be made: %s", d->path, deck_reason(rc));
    return rc == 0;
}

static bool lock_existing(struct deck *d, const char *path, struct deck_error *error)
{
    char who[96];
    struct stat st;
    const bool reading = d->durability == DECK_READ;
    d->fd = open(path, (reading ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOCTTY);
    if (d->fd < 0) {
        if (errno == ENOENT)
            deck_say(error, "there is no deck %s", d->path);
        else
            deck_say(error, "%s cannot be opened: %s", path, deck_reason(errno));
    } else if (fstat(d->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        deck_say(error, "%s is not a deck", path);
    } else if (!lock_file(d->fd, reading)) {
        if (errno == EAGAIN || errno == EACCES) {
            holder(d->fd, who);
            deck_say(error, "deck %s is in use by %s", d->path, who);
        } else {
            deck_say(error, "%s cannot be locked: %s", path, deck_reason(errno));
        }
    } else if (!is_lmdb(d->fd)) {
        deck_say(error, "%s is not a deck", path);
    } else {
        return true;
    }
    return false;
}

/* So many cards are there; the deck said another number if one was put in or taken away behind our back. */
static enum store_result write_count(struct deck *d, MDB_txn *txn, void *ctx, int *rc)
{
    const uint64_t *cards = ctx;
    *rc = *cards != d->cards ? tree_put_count(d, txn, *cards) : 0;
    return deck_result(*rc);
}

/* The count is of one state of all cards: an older one of a single card, put into the newest deck, would win
 * its PIN tries back as well. Of a deck whose count had no mark so far what is there is taken for good.
 * *cards: as many as there are. */
static bool check_roots(struct deck *d, bool reset, uint64_t *cards, struct deck_error *error)
{
    uint8_t mark[SEAL_TAG];
    int rc;
    *cards = d->cards;
    if (!d->bound && d->cards > BOUND_CARDS)
        return true;
    MDB_txn *txn = tree_read_begin(d, &rc);
    if (txn != NULL) {
        rc = deck_mark_roots(d, txn, mark, cards);
        tree_read_end(d);
    }
    if (rc != 0) {
        deck_say_unread(d, error, rc);
        return false;
    }
    if (!reset && (*cards != d->cards || (d->bound && !crypto_equal(mark, d->roots.mark, SEAL_TAG)))) {
        deck_say(error,
                 "%s: a card in it is an older copy, or is gone: bring back the newest deck, or if that is "
                 "on purpose, say "
                 "--anchor-reset",
                 d->path);
        return false;
    }
    memcpy(d->roots.mark, mark, SEAL_TAG);
    d->roots_committed = d->roots;
    d->bound = true;
    return true;
}

/* After --anchor-reset the deck is written once, so that every copy there was is older than it. */
static bool drop_anchor(struct deck *d, const struct deck_anchor *anchor, struct deck_error *error)
{
    uint64_t cards;
    if (!check_roots(d, anchor->reset, &cards, error))
        return false;
    d->anchor = anchor_open(anchor->path, anchor->reset, &d->sealer, d->path, &d->writes, error);
    if (d->anchor == NULL || !anchor->reset)
        return d->anchor != NULL;
    bool good = tree_write(d, write_count, &cards) == STORE_OK && tree_sync(d) == 0;
    if (!good)
        deck_say(error, "%s", d->trouble.text);
    return good;
}

struct deck *deck_open_upto(const char *path, enum deck_durability durability, struct uicc_crypto *crypto,
                            const struct deck_anchor *anchor, struct deck_error *error, off_t whole)
{
    uint8_t key[KEY_FILE];
    struct deck *d = deck_alloc(path, error);
    if (d == NULL)
        return NULL;
    d->durability = durability;
    if (anchor != NULL && durability == DECK_READ) {
        deck_say(error, "%s is only to be read, and an anchor is for decks that are written", path);
        deck_close(d);
        return NULL;
    }
    bool half = half_published(d);
    if (half && durability == DECK_READ)
        d->durability = DECK_PROCESS;
    const char *file = half ? d->new_path : d->path;
    bool good = lock_existing(d, file, error) && read_key(d, d->key_path, key, error);
    if (good) {
        good = seal_init(&d->sealer, crypto, key);
        crypto_wipe(key, sizeof key);
        if (!good)
            deck_say(error, "%s cannot be opened: no random octets", d->path);
    }
    int rc = good ? check_file(d, whole) : 0;
    if (good && rc == 0)
        rc = open_env(d, file);
    MDB_txn *txn = good && rc == 0 ? tree_read_begin(d, &rc) : NULL;
    if (txn != NULL) {
        good = read_first(d, txn, error);
        tree_read_end(d);
    }
    if (good && txn != NULL && durability == DECK_PROCESS)
        rc = open_mapped(d, file);
    if (rc != 0) {
        deck_say(error, "%s cannot be opened: %s", file, deck_reason(rc));
        good = false;
    }
    d->opened = good; /* whether somebody may use it now is another matter */
    if (good && (!half || complete_publishing(d, error)) && (anchor == NULL || drop_anchor(d, anchor, error)))
        return d;
    deck_close(d);
    return NULL;
}

struct deck *deck_open_anchored(const char *path, enum deck_durability durability, struct uicc_crypto *crypto,
                                const struct deck_anchor *anchor, struct deck_error *error)
{
    return deck_open_upto(path, durability, crypto, anchor, error, DECK_WHOLE);
}

struct deck *deck_open(const char *path, enum deck_durability durability, struct uicc_crypto *crypto,
                       struct deck_error *error)
{
    return deck_open_anchored(path, durability, crypto, NULL, error);
}
