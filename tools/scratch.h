/* SPDX-License-Identifier: Apache-2.0
 *
 * A directory for temporary files, below $TMPDIR or /tmp, that goes when this process does: by
 * scratch_remove, or at the hands of a second process, which waits for the first to end.
 */
#ifndef TOOLS_SCRATCH_H
#define TOOLS_SCRATCH_H

#include <sys/types.h>

#include "cli.h"

enum { SCRATCH_ROOM = 512 };

struct scratch {
    char dir[SCRATCH_ROOM]; /* "": there is none */
    int alive;              /* open as long as this process lives; -1: nobody waits for it */
    pid_t waiting;
};

/* Before there are threads. false: the error has been printed. */
bool scratch_make(const struct subcommand *cmd, struct scratch *s);
/* With everything in it. */
void scratch_remove(struct scratch *s);

#endif
