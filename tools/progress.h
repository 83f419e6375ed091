/* SPDX-License-Identifier: Apache-2.0
 *
 * How far long work has come, on stderr when a person looks at it: a line that is drawn again twice a second.
 */
#ifndef TOOLS_PROGRESS_H
#define TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool person, drawn;
    uint64_t shown; /* when, in milliseconds */
};

struct progress progress_begin(void);
/* of 0: not known */
void progress_cards(struct progress *p, uint64_t done, uint64_t of);
/* Before anything else is printed, and when the work is done. An error's line needs none: it is
 * longer, and takes its place. */
void progress_clear(struct progress *p);

#endif
