/* SPDX-License-Identifier: Apache-2.0 */
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

/* Whatever ends the other process closes its end of the pipe. What comes from the terminal is not meant for
 * this one, nor is anybody to wait for its output. */
static _Noreturn void wait_and_remove(const char *dir, int gone)
{
    char octet;
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    (void)setsid(); /* nor what is meant for its group */
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        close(fd);
    while (read(gone, &octet, 1) < 0 && errno == EINTR)
        ;
    nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    _exit(0);
}

bool scratch_make(const struct subcommand *cmd, struct scratch *s)
{
    const char *base = getenv("TMPDIR");
    int ends[2];
    *s = (struct scratch){.alive = -1};
    int n = snprintf(s->dir, sizeof s->dir, "%s/softuicc-%s-XXXXXX",
                     base != NULL && base[0] != '\0' ? base : "/tmp", cmd->name);
    if (n <= 0 || n >= SCRATCH_ROOM || mkdtemp(s->dir) == NULL) {
        cli_refuse(cmd, "no directory for temporary files: %s",
                   n < SCRATCH_ROOM ? strerror(errno) : "$TMPDIR is too long");
        s->dir[0] = '\0';
        return false;
    }
    if (pipe2(ends, O_CLOEXEC) != 0)
        return true; /* then it stays if this process is killed */
    s->waiting = fork();
    if (s->waiting == 0) {
        close(ends[1]);
        wait_and_remove(s->dir, ends[0]);
    }
    close(ends[0]);
    s->alive = ends[1];
    return true;
}

void scratch_remove(struct scratch *s)
{
    if (s->dir[0] == '\0')
        return;
    nftw(s->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    s->dir[0] = '\0';
    if (s->alive >= 0)
        close(s->alive);
    if (s->alive >= 0 && s->waiting > 0)
        while (waitpid(s->waiting, NULL, 0) < 0 && errno == EINTR)
            ;
}
