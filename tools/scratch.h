/* SPDX-License-Identifier: Apache-2.0
 *
 * A directory for temporary files, below $TMPDIR or /tmp.
 */
#ifndef TOOLS_SCRATCH_H
#define TOOLS_SCRATCH_H

#include "cli.h"

enum { SCRATCH_ROOM = 512 };

/* false: the error has been printed. */
bool scratch_make(const struct subcommand *cmd, char dir[SCRATCH_ROOM]);
/* With everything in it. */
void scratch_remove(const char *dir);

#endif
