/* SPDX-License-Identifier: Apache-2.0
 *
 * A folder for a test whose decks are written thousands of times.
 */
#ifndef TEAR_FOLDER_H
#define TEAR_FOLDER_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Made: below TMPDIR if it is set, else in memory if there is such a place, for nobody
 * wants to wait for the disk. */
static inline bool folder_make(char folder[256], const char *name)
{
    const char *tmp = getenv("TMPDIR");
    if (tmp == NULL)
        tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    int n = snprintf(folder, 256, "%.200s/softuicc-%s-XXXXXX", tmp, name);
    return n > 0 && n < 256 && mkdtemp(folder) != NULL;
}

#endif
