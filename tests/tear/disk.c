/* SPDX-License-Identifier: Apache-2.0 */
#undef _FILE_OFFSET_BITS /* the functions here are to have their own names; those with 64 in them stand      \
                            beside */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SECTOR = 512 };

enum kind { WRITE, SYNC, LENGTH };

struct event {
    enum kind kind;
    bool synced; /* WRITE: through a descriptor that waits for the disk */
    size_t at, n;
    uint8_t *octets;
};

static struct {
    bool on;
    dev_t device;
    ino_t inode;
    uint8_t *first; /* the file in the beginning */
    size_t first_n;
    struct event *events;
    size_t n, room;
    long left, calls; /* until a call fails; -1: never */
    long ends;
    int error;
    bool half, for_good;
    long folders; /* until the fsync of one fails */
    int folder_error;
} disk = {.left = -1, .folders = -1};

static bool watched(int fd)
{
    struct stat st;
    return disk.on && fstat(fd, &st) == 0 && st.st_dev == disk.device && st.st_ino == disk.inode;
}

static bool strike(void)
{
    disk.calls++;
    if (disk.left < 0 || disk.left-- > 0)
        return false;
    disk.left = disk.for_good ? 0 : -1;
    errno = disk.error;
    return true;
}

static bool waits(int fd)
{
    return (fcntl(fd, F_GETFL) & O_DSYNC) != 0;
}

static void record(enum kind kind, int fd, size_t at, const void *octets, size_t n)
{
    if (disk.n == disk.room) {
        disk.room = disk.room * 2 + 64;
        disk.events = realloc(disk.events, disk.room * sizeof *disk.events);
    }
    struct event *e = disk.events == NULL ? NULL : &disk.events[disk.n++];
    uint8_t *copy = kind == WRITE ? malloc(n + 1) : NULL;
    if (e == NULL || (kind == WRITE && copy == NULL))
        abort();
    if (kind == WRITE && n > 0)
        memcpy(copy, octets, n);
    *e = (struct event){kind, kind == WRITE && waits(fd), at, n, copy};
}

/* ---- in the C library's place ---- */

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
    if (!watched(fd))
        return syscall(SYS_pwrite64, fd, p, n, at);
    if (strike()) {
        int error = errno;
        disk.ends += waits(fd);
        errno = error;
        if (!disk.half || n < 2)
            return -1;
        n /= 2; /* a short write: what a disk that is full does first */
    }
    ssize_t done = syscall(SYS_pwrite64, fd, p, n, at);
    if (done > 0)
        record(WRITE, fd, (size_t)at, p, (size_t)done);
    return done;
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
    return pwrite(fd, p, n, at);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
    if (!watched(fd))
        return syscall(SYS_writev, fd, v, n);
    if (strike()) {
        if (!disk.half)
            return -1;
        n = 1;
    }
    off_t at = lseek(fd, 0, SEEK_CUR);
    ssize_t done = syscall(SYS_writev, fd, v, n);
    ssize_t left = done;
    for (int i = 0; i < n && left > 0; i++) {
        size_t part = (size_t)left < v[i].iov_len ? (size_t)left : v[i].iov_len;
        record(WRITE, fd, (size_t)at, v[i].iov_base, part);
        at += (off_t)part;
        left -= (ssize_t)part;
    }
    return done;
}

int fdatasync(int fd)
{
    if (!disk.on)
        return (int)syscall(SYS_fdatasync, fd);
    if (!watched(fd))
        return 0; /* an image that is being looked at: the real disk is slow */
    if (strike())
        return -1;
    record(SYNC, fd, 0, NULL, 0);
    return 0;
}

int fsync(int fd)
{
    struct stat st;
    if (disk.folders >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) && disk.folders-- == 0) {
        errno = disk.folder_error;
        return -1;
    }
    return watched(fd) ? fdatasync(fd) : (int)syscall(SYS_fsync, fd);
}

int ftruncate(int fd, off_t n)
{
    if (!watched(fd))
        return (int)syscall(SYS_ftruncate, fd, n);
    if (strike())
        return -1;
    int rc = (int)syscall(SYS_ftruncate, fd, n);
    if (rc == 0)
        record(LENGTH, fd, (size_t)n, NULL, 0);
    return rc;
}

int ftruncate64(int fd, off64_t n)
{
    return ftruncate(fd, n);
}

/* ---- images ---- */

void disk_forget(void)
{
    for (size_t i = 0; i < disk.n; i++)
        free(disk.events[i].octets);
    free(disk.events);
    free(disk.first);
    disk.events = NULL;
    disk.first = NULL;
    disk.n = disk.room = 0;
    disk.ends = 0;
    disk.on = false;
}

void disk_watch(const char *path)
{
    struct stat st;
    disk_forget();
    FILE *f = fopen(path, "rbe");
    if (f == NULL || fstat(fileno(f), &st) != 0)
        abort();
    disk.first_n = (size_t)st.st_size;
    disk.first = malloc(disk.first_n + 1);
    if (disk.first == NULL || fread(disk.first, 1, disk.first_n, f) != disk.first_n)
        abort();
    (void)fclose(f);
    disk.device = st.st_dev;
    disk.inode = st.st_ino;
    disk.on = true;
}

size_t disk_events(void)
{
    return disk.n;
}

struct image {
    uint8_t *octets;
    size_t n, room;
};

static void put(struct image *m, size_t at, const uint8_t *octets, size_t n)
{
    if (at + n > m->room)
        abort();
    if (at > m->n)
        memset(m->octets + m->n, 0, at - m->n);
    memcpy(m->octets + at, octets, n);
    if (at + n > m->n)
        m->n = at + n;
}

static uint64_t toss(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545F4914F6CDD1Du >> 63;
}

static void put_some(struct image *m, const struct event *e, uint64_t *seed)
{
    for (size_t done = 0; done < e->n;) {
        size_t n = SECTOR - (e->at + done) % SECTOR;
        n = n < e->n - done ? n : e->n - done;
        if (*seed == 1 || toss(seed) != 0)
            put(m, e->at + done, e->octets + done, n);
        done += n;
    }
}

/* Is this write on the disk for certain, the last of these events being under way? */
static bool certain(size_t i, size_t events)
{
    if (disk.events[i].synced && i + 1 < events)
        return true;
    for (size_t k = i + 1; k + 1 < events; k++)
        if (disk.events[k].kind == SYNC)
            return true;
    return false;
}

bool disk_image(size_t events, uint64_t seed, const char *path)
{
    struct image m = {.n = disk.first_n, .room = disk.first_n};
    for (size_t i = 0; i < events; i++)
        if (disk.events[i].at + disk.events[i].n > m.room)
            m.room = disk.events[i].at + disk.events[i].n;
    m.octets = calloc(1, m.room + 1);
    if (m.octets == NULL)
        return false;
    memcpy(m.octets, disk.first, disk.first_n);
    for (size_t i = 0; i < events; i++) {
        const struct event *e = &disk.events[i];
        if (e->kind == WRITE && certain(i, events))
            put(&m, e->at, e->octets, e->n);
        else if (e->kind == WRITE && seed != 0)
            put_some(&m, e, &seed);
        else if (e->kind == LENGTH && (certain(i, events) || seed == 1)) {
            if (e->at > m.n)
                memset(m.octets + m.n, 0, e->at - m.n);
            m.n = e->at;
        }
    }
    FILE *f = fopen(path, "wbe");
    bool good = f != NULL && fwrite(m.octets, 1, m.n, f) == m.n;
    if (f != NULL && fclose(f) != 0)
        good = false;
    free(m.octets);
    return good;
}

/* ---- failing ---- */

void disk_fail(long nth, int error, bool half, bool for_good)
{
    disk.left = nth;
    disk.error = error;
    disk.half = half;
    disk.for_good = for_good;
    disk.calls = 0;
}

void disk_fail_folder(long nth, int error)
{
    disk.folders = nth;
    disk.folder_error = error;
}

void disk_mend(void)
{
    disk.left = -1;
    disk.calls = 0;
}

long disk_calls(void)
{
    return disk.calls;
}

long disk_ends(void)
{
    return disk.ends;
}
