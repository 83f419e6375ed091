/* SPDX-License-Identifier: Apache-2.0
 *
 * A folder for a test's files.
 */
#ifndef TEAR_FOLDER_H
#define TEAR_FOLDER_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Made: below TMPDIR if it is set, else in `otherwise`. */
static inline bool folder_make_in(char folder[256], const char *otherwise, const char *name)
{
    const char *tmp = getenv("TMPDIR");
    int n = snprintf(folder, 256, "%.200s/softuicc-%s-XXXXXX", tmp != NULL ? tmp : otherwise, name);
    return n > 0 && n < 256 && mkdtemp(folder) != NULL;
}

/* On a disk, or what stands for one. */
static inline bool folder_make_on_disk(char folder[256], const char *name)
{
    return folder_make_in(folder, "/tmp", name);
}

/* In memory if there is such a place, for nobody wants to wait for the disk. */
static inline bool folder_make(char folder[256], const char *name)
{
    return folder_make_in(folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", name);
}

#endif
