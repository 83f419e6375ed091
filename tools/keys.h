/* SPDX-License-Identifier: Apache-2.0
 *
 * Key files: what the card maker notes down of the cards he makes, and what an operator is given of it. One line a K/OTA pair (or common
 * keyset), tab separated, a header line first, '#' comments:
 *
 *   iccid  index  imsi  algorithm  k  opc  kvn  kic_algorithm  kic  kid_algorithm  kid  kik
 *
 * index is the pair's, or "c0", "c1", ... for a common keyset (no imsi, algorithm, k, opc: "-"). Files are made with mode 0600.
 */
#ifndef TOOLS_KEYS_H
#define TOOLS_KEYS_H

#include <stdio.h>

#include "profile.h"

struct key_row {
    char iccid[21];
    bool common;
    unsigned index;
    char imsi[16];             /* "" when not (yet) associated: "-" in the file */
    struct profile_pair pair;  /* of a common keyset only pair.ota */
};

void keys_write_header(FILE *f);
void keys_write_row(FILE *f, const struct key_row *row);

/* The row for (iccid, index) of a file; iccid may be NULL when the file has one card only. false: *error is one line with file and line number
 * where it applies. Wipe the row after use. */
struct keys_error {
    char text[512];
};
/* All rows, one after the other. Wipe each after use; keys_close wipes the rest. false from keys_open: *error, and nothing is open. keys_next: 1, 0 at the end,
 * -1 and *error. */
struct keys_reader;
struct keys_reader *keys_open(const char *path, struct keys_error *error);
int keys_next(struct keys_reader *r, struct key_row *row);
void keys_close(struct keys_reader *r);

bool keys_find(const char *path, const char *iccid, bool common, unsigned index, struct key_row *row, struct keys_error *error);

#endif
