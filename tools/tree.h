/* SPDX-License-Identifier: Apache-2.0
 *
 * A profile's files and PINs for people to read: what `show` and `profile show` have in common.
 */
#ifndef TOOLS_TREE_H
#define TOOLS_TREE_H

#include <stdio.h>

#include "profile.h"

/* What a card says of a file beyond its profile. */
struct tree_live {
    bool deactivated;
};

struct tree_source {
    bool (*file)(void *ctx, uint16_t file, struct tree_live *live); /* false: not known */
    void *ctx;
};

enum { TREE_PATH_MAX = 96 };

/* "3F00/ADF.USIM/5F3B"; deep trees are cut at the front. */
void tree_path(const struct profile *p, uint16_t file, char path[TREE_PATH_MAX]);

/* "transparent", "ADF", ... */
const char *tree_kind(uint8_t kind);

/* "PIN1", "ADM1", ...; "" for a reference without a name of its own. */
const char *tree_pin_name(uint8_t reference);

/* One line a file, a heading first, children below their parent. source may be NULL: what a fresh card would say. */
void tree_print(FILE *to, const struct profile *p, const struct tree_source *source);
void tree_json(FILE *to, const struct profile *p, const struct tree_source *source);

#endif
