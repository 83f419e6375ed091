/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines of a text that may come from a pipe or a device, where a line need never end.
 */
#ifndef TOOLS_LINES_H
#define TOOLS_LINES_H

#include <stdio.h>
#include <sys/types.h>

enum { LINES_OCTETS_MAX = 1 << 20 };

/* As getline, for lines of up to LINES_OCTETS_MAX octets; what moves is wiped behind it. -1: the end (errno
 * 0), or errno says what is wrong. *line is the caller's to wipe and free in any case. */
ssize_t lines_next(char **line, size_t *room, FILE *f);

/* What errno means after -1. */
const char *lines_trouble(void);

#endif
