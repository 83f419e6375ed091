/* SPDX-License-Identifier: Apache-2.0 */
#include "deck_anchor.h"

#include "deck_tree.h"
#include "folder_sync.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FORMAT = 1,
    HEAD = 8 + 2 + SEAL_IDENTITY, /* magic, format, identity of the deck's key */
    SLOT = HEAD + 8 + SEAL_OVERHEAD,
    SLOTS = 2,
    APART = 512, /* octets from slot to slot: a write that is torn spoils one of them */
    /* A reset goes beyond two writes that a deck may have and its anchor not, the last and one that a damaged
     * slot had; and is odd, so that the slot of the last one stays. */
    BEYOND = 3,
    LOCK_OCTET = 2, /* 0 and 1 have their use in a deck, which may be named here by mistake */
};

static const char MAGIC[8] = {'u', 'i', 'c', 'c', 'a', 'n', 'c', 'h'};

/* Bound to: no record of the deck has this key. */
#define LABEL span_of("anchor of the deck", 18)

struct anchor {
    int fd;
};

enum found {                /* the best of two slots counts */
             FOUND_NOTHING, /* no file, or one that was just made when its maker was killed */
             FOUND_FOREIGN, /* no anchor: somebody's file, which is not ours to write to */
             FOUND_DAMAGED,
             FOUND_OTHER, /* of another deck, or of a newer softuicc */
             FOUND_COUNT,
};

static enum found read_slot(struct sealer *s, struct span slot, uint64_t *writes)
{
    struct reader r = rd_of(slot);
    uint8_t plain[8];
    bool empty = true;
    for (size_t i = 0; i < slot.n; i++)
        empty = empty && slot.p[i] == 0;
    if (empty)
        return FOUND_NOTHING;
    if (!span_equal(rd_take(&r, sizeof MAGIC), span_of(MAGIC, sizeof MAGIC)))
        return FOUND_FOREIGN;
    if (rd_u16(&r) != FORMAT || !span_equal(rd_take(&r, SEAL_IDENTITY), span_of(s->identity, SEAL_IDENTITY)))
        return rd_ok(&r) ? FOUND_OTHER : FOUND_DAMAGED;
    if (r.left != 8 + SEAL_OVERHEAD || !unseal(s, LABEL, rd_rest(&r), plain))
        return FOUND_DAMAGED;
    struct reader count = rd_of(span_of(plain, sizeof plain));
    *writes = rd_be(&count, 8);
    return FOUND_COUNT;
}

/* The slots take turns: the higher count is that of the last write, and the other of the one before. */
static enum found read_all(struct sealer *s, int fd, uint64_t *writes, int *rc)
{
    uint8_t octets[APART * SLOTS] = {0};
    enum found found = FOUND_NOTHING;
    ssize_t n = pread(fd, octets, sizeof octets, 0);
    *rc = n < 0 ? errno : 0;
    *writes = 0;
    for (size_t i = 0; n > 0 && i < SLOTS; i++) {
        uint64_t count = 0;
        enum found slot = read_slot(s, span_slice(span_of(octets, (size_t)n), i * APART, SLOT), &count);
        if (slot == FOUND_COUNT && count > *writes)
            *writes = count;
        if (slot > found)
            found = slot;
    }
    return found;
}

int anchor_sync(struct anchor *a)
{
    return fsync(a->fd) == 0 ? 0 : errno;
}

int anchor_write(struct anchor *a, struct sealer *sealer, uint64_t writes, bool sync)
{
    uint8_t room[SLOT], plain[8];
    struct buf count = buf_of(plain, sizeof plain), b = buf_of(room, sizeof room);
    buf_be(&count, writes, 8);
    buf_put(&b, span_of(MAGIC, sizeof MAGIC));
    buf_u16(&b, FORMAT);
    buf_put(&b, span_of(sealer->identity, SEAL_IDENTITY));
    if (!seal(sealer, LABEL, buf_span(&count), room + HEAD))
        return EIO;
    ssize_t n = pwrite(a->fd, room, sizeof room, (off_t)(writes % SLOTS * APART));
    if (n != (ssize_t)sizeof room)
        return n < 0 ? errno : ENOSPC;
    return sync ? anchor_sync(a) : 0;
}

/* A lock of the open file: it holds against this process, too. Where the file system has none it goes
 * without. */
static bool lock(int fd, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = LOCK_OCTET, .l_len = 1};
    return fcntl(fd, F_OFD_SETLK, &lock) == 0 || (errno != EAGAIN && errno != EACCES);
}

void anchor_close(struct anchor *a, bool unlock)
{
    if (a == NULL)
        return;
    if (unlock)
        (void)lock(a->fd, F_UNLCK); /* not left to close: a forked child may have the file open as well */
    (void)close(a->fd);
    free(a);
}

static bool accept(enum found found, uint64_t known, uint64_t writes, const char *path, const char *deck,
                   struct deck_error *error)
{
    if (found == FOUND_NOTHING && writes > 0)
        deck_say(
            error,
            "%s: there is no anchor, but %s has had one: bring it back, or begin anew with --anchor-reset",
            path, deck);
    else if (found == FOUND_DAMAGED)
        deck_say(error, "%s is damaged: bring it back, or begin anew with --anchor-reset", path);
    else if (found == FOUND_COUNT && known > writes)
        deck_say(error,
                 "%s is an older copy: it was written %llu times, and %s knows of %llu: bring back the newest one, or if it "
                 "is older on purpose, say --anchor-reset",
                 deck, (unsigned long long)writes, path, (unsigned long long)known);
    else
        return true;
    return false;
}

/* The file, made if there is none and may be. -1: errno. */
static int open_file(const char *path, bool make, bool *made)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
    *made = fd < 0 && errno == ENOENT && make;
    return *made ? open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600) : fd;
}

/* Compares, and brings both to the higher count. */
static bool take_up(struct anchor *a, const char *path, bool reset, struct sealer *sealer, const char *deck,
                    uint64_t *writes, struct deck_error *error)
{
    struct stat st;
    uint64_t known = 0;
    int rc = fstat(a->fd, &st) != 0 ? errno : 0;
    enum found found = rc == 0 ? read_all(sealer, a->fd, &known, &rc) : FOUND_NOTHING;
    if (rc == 0 && !S_ISREG(st.st_mode)) {
        deck_say(error, "%s is not a file", path);
        return false;
    }
    if (rc == 0 && found == FOUND_OTHER) {
        deck_say(error, "%s is the anchor of another deck than %s", path, deck);
        return false;
    }
    if (rc == 0 && found == FOUND_FOREIGN) {
        deck_say(error, "%s is no anchor: if it was one, remove it and begin anew with --anchor-reset", path);
        return false;
    }
    if (rc == 0 && !reset && !accept(found, known, *writes, path, deck, error))
        return false;
    if (known > *writes)
        *writes = known;
    if (reset)
        *writes += BEYOND;
    if (rc == 0 && (found != FOUND_COUNT || known < *writes))
        rc = anchor_write(a, sealer, *writes, true);
    if (rc != 0)
        deck_say(error, "%s cannot be read or written: %s", path, deck_reason(rc));
    return rc == 0;
}

struct anchor *anchor_open(const char *path, bool reset, struct sealer *sealer, const char *deck,
                           uint64_t *writes, struct deck_error *error)
{
    bool made;
    struct anchor *a = calloc(1, sizeof *a);
    if (a == NULL) {
        deck_say(error, "out of memory");
        return NULL;
    }
    a->fd = open_file(path, *writes == 0 || reset, &made);
    bool good = false;
    if (a->fd < 0 && (made || errno != ENOENT))
        deck_say(error, "%s cannot be %s: %s", path, made ? "made" : "opened for writing",
                 deck_reason(errno));
    else if (a->fd < 0)
        (void)accept(FOUND_NOTHING, 0, *writes, path, deck, error);
    else if (!lock(a->fd, F_WRLCK))
        deck_say(error, "%s is in use: another copy of %s, or another deck, is open with it", path, deck);
    else
        good = take_up(a, path, reset, sealer, deck, writes, error);
    int rc = good && made ? folder_sync(path) : 0;
    if (rc != 0)
        deck_say(error, "%s cannot be made: %s", path, deck_reason(rc));
    if (good && rc == 0)
        return a;
    if (a->fd >= 0)
        (void)close(a->fd);
    free(a);
    return NULL;
}
