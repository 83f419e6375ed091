/* SPDX-License-Identifier: Apache-2.0 */
#include "scratch.h"

#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>

bool scratch_make(const struct subcommand *cmd, char dir[SCRATCH_ROOM])
{
    const char *base = getenv("TMPDIR");
    int n = snprintf(dir, SCRATCH_ROOM, "%s/softuicc-%s-XXXXXX",
                     base != NULL && base[0] != '\0' ? base : "/tmp", cmd->name);
    if (n > 0 && n < SCRATCH_ROOM && mkdtemp(dir) != NULL)
        return true;
    cli_refuse(cmd, "no directory for temporary files: %s",
               n < SCRATCH_ROOM ? strerror(errno) : "$TMPDIR is too long");
    return false;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

void scratch_remove(const char *dir)
{
    nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}
