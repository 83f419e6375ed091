/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz_sql.h"

#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STATEMENTS_MAX = 4096, STEPS = 20000, VALUE_MAX = 1 << 16 };

static char folder[64];

static void clear(void)
{
    DIR *d = opendir(folder);
    for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
        if (e->d_name[0] != '.')
            (void)unlinkat(dirfd(d), e->d_name, 0);
    if (d != NULL)
        (void)closedir(d);
    (void)rmdir(folder);
}

/* ---- steps that are interrupted ---- */

static long steps_left = -1;

static int interrupt(void *ctx)
{
    (void)ctx;
    return steps_left >= 0 && steps_left-- == 0;
}

void fuzz_sql_interrupt(long nth)
{
    steps_left = nth;
}

static int listen_to(sqlite3 *db, const char **why, const struct sqlite3_api_routines *api)
{
    (void)why, (void)api;
    sqlite3_progress_handler(db, 1, interrupt, NULL);
    return SQLITE_OK;
}

const char *fuzz_folder(void)
{
    if (folder[0] != '\0')
        return folder;
    (void)snprintf(folder, sizeof folder, "%s/softuicc-fuzz-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(folder) == NULL)
        exit(1);
    (void)atexit(clear);
    (void)sqlite3_auto_extension((void (*)(void))listen_to);
    return folder;
}

static int allowed(void *ctx, int what, const char *a, const char *b, const char *c, const char *d)
{
    static const char *const pragmas[] = {"journal_mode", "application_id", "user_version",   "encoding",
                                          "auto_vacuum",  "page_size",      "writable_schema"};
    (void)ctx, (void)b, (void)c, (void)d;
    if (what == SQLITE_ATTACH)
        return SQLITE_DENY;
    if (what != SQLITE_PRAGMA)
        return SQLITE_OK;
    for (size_t i = 0; i < sizeof pragmas / sizeof pragmas[0]; i++)
        if (sqlite3_stricmp(a, pragmas[i]) == 0)
            return SQLITE_OK;
    return SQLITE_DENY;
}

static int enough(void *ctx)
{
    return --*(int *)ctx <= 0;
}

void fuzz_sql(const char *path, struct span statements)
{
    char text[STATEMENTS_MAX + 1];
    sqlite3 *db = NULL;
    int left = STEPS / 100;
    const size_t n = statements.n < STATEMENTS_MAX ? statements.n : STATEMENTS_MAX;
    if (n > 0)
        memcpy(text, statements.p, n);
    text[n] = '\0';
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK) {
        (void)sqlite3_set_authorizer(db, allowed, NULL);
        sqlite3_progress_handler(db, 100, enough, &left);
        (void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, VALUE_MAX);
        (void)sqlite3_limit(db, SQLITE_LIMIT_VDBE_OP, STEPS);
        (void)sqlite3_exec(db, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
        (void)sqlite3_exec(db, text, NULL, NULL, NULL);
        if (sqlite3_get_autocommit(db) == 0)
            (void)sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    }
    (void)sqlite3_close(db);
}

void fuzz_overwrite(const char *path, struct span changes)
{
    struct reader r = rd_of(changes);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    while (fd >= 0 && rd_ok(&r) && r.left > 0) {
        const off_t at = rd_u16(&r);
        const struct span octets = rd_take(&r, rd_u8(&r) % 64u);
        if (rd_ok(&r) && octets.n > 0 && pwrite(fd, octets.p, octets.n, at) != (ssize_t)octets.n)
            exit(1);
    }
    if (fd >= 0)
        (void)close(fd);
}

uint8_t *fuzz_slurp(const char *path, size_t *n)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    *n = 0;
    if (fd < 0)
        return NULL;
    uint8_t *p = fstat(fd, &st) == 0 ? malloc((size_t)st.st_size + 1) : NULL;
    if (p == NULL || read(fd, p, (size_t)st.st_size) != st.st_size)
        exit(1);
    *n = (size_t)st.st_size;
    (void)close(fd);
    return p;
}

void fuzz_gone(const char *path)
{
    static const char *const beside[] = {"", "-journal", "-wal", "-shm"};
    char name[300];
    for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
        (void)snprintf(name, sizeof name, "%s%s", path, beside[i]);
        (void)unlink(name);
    }
}

void fuzz_spill(const char *path, struct span content)
{
    fuzz_gone(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, content.p, content.n) != (ssize_t)content.n)
        exit(1);
    (void)close(fd);
}

bool fuzz_same(const char *path, struct span content)
{
    size_t n;
    uint8_t *p = fuzz_slurp(path, &n);
    const bool same = p != NULL && n == content.n && memcmp(p, content.p, n) == 0;
    free(p);
    return same;
}
