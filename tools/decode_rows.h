/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of decoders, in one part for each subject. Between decode.c and the subjects' files only.
 */
#ifndef TOOLS_DECODE_ROWS_H
#define TOOLS_DECODE_ROWS_H

#include "decode.h"

enum { TEXT_ROOM = 520, NUMBER_ROOM = 48 };

struct decode_row {
    enum decode_place place;
    uint16_t fid;
    bool (*decode)(struct span content,
                   struct out *o); /* false: not what the clause says; NULL: not decoded */
    const char *clause;
    bool secret; /* there are keys in it */
};

struct decode_rows {
    const struct decode_row *rows;
    size_t n;
};

extern const struct decode_rows decode_identity, decode_network, decode_keys, decode_numbers;

#endif
