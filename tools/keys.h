/* SPDX-License-Identifier: Apache-2.0
 *
 * Key files: what the card maker notes down of the cards he makes, and what an operator is given of it. One
 * line a K/OTA pair (or common keyset), tab separated, a header line first, '#' comments:
 *
 *   iccid  index  imsi  algorithm  k  opc  kvn  kic_algorithm  kic  kid_algorithm  kid  kik  parameters
 *
 * index is the pair's, or "c0", "c1", ... for a common keyset (no imsi, algorithm, k, opc, parameters: "-").
 * The numbers go on with "d1", "d2", ... for keysets of security domains: their kvn is above 15 for SCP02 and
 * SCP03 (32: 20, 48: 30), and kic, kid, kik are ENC, MAC, DEK. parameters has what is not as usual with the
 * algorithm and the sequence numbers, "name=value" with commas between: ind, delta, age (the SQN scheme;
 * usual are 5, 2^28, 0), mac, res, ck, ik (octets), iterations, r and c (Milenage's own constants, hex). A
 * file may lack the column: all is as usual then. Files are made with mode 0600.
 *
 * "p0", "p1", ... are PINs that the card alone has ("derived" in its profile, or given by a CSV file), with
 * the number in the profile's list: kvn is the key reference (10: ADM1), k the PIN and opc its PUK, eight
 * octets each; the rest is "-" and "none".
 */
#ifndef TOOLS_KEYS_H
#define TOOLS_KEYS_H

#include <stdio.h>

#include "profile.h"

struct key_row {
    char iccid[21];
    bool common;               /* a keyset that is no operator's: one of a security domain, too */
    bool domain;
    /* a PIN; common, too: no operator's keys. pair.ota.version: key reference;
     * pair.key.k: value, .opc: PUK */
    bool pin;
    unsigned index;
    char imsi[16];             /* "" when not (yet) associated: "-" in the file */
    struct profile_pair pair;  /* of a common keyset only pair.ota */
};

void keys_write_header(FILE *f);
void keys_write_row(FILE *f, const struct key_row *row);

/* The row for (iccid, index) of a file; iccid may be NULL when the file has one card only. false: *error is
 * one line with file and line number where it applies. Wipe the row after use. */
struct keys_error {
    char text[512];
};
/* All rows, one after the other. Wipe each after use; keys_close wipes the rest. false from keys_open:
 * *error, and nothing is open. keys_next: 1, 0 at the end, -1 and *error. */
struct keys_reader;
struct keys_reader *keys_open(const char *path, struct keys_error *error);
int keys_next(struct keys_reader *r, struct key_row *row);
void keys_close(struct keys_reader *r);

/* What stands before the number in `index`: "", "c", "d", "p". */
const char *keys_kind(const struct key_row *row);

bool keys_find(const char *path, const char *iccid, bool common, unsigned index, struct key_row *row,
               struct keys_error *error);

/* Keysets of security domains are numbered among the common ones, and found as such; those of SCP02 and SCP03
 * secure no packet over the air. false: it is one, and *error says so. */
bool keys_over_air(const char *path, const struct key_row *row, struct keys_error *error);

/* Every row of a file, in its order, to `each`, whose false ends it (it has then set *error). The
 * row is wiped after the call. */
bool keys_each(const char *path, bool (*each)(void *ctx, const struct key_row *row, struct keys_error *error),
               void *ctx, struct keys_error *error);

/* One row as the line of a file, NUL and no line end; at most KEYS_LINE_MAX octets. A secret: wipe it. false:
 * something in the row has no place in a key file. */
enum { KEYS_LINE_MAX = 1024 };
bool keys_format(const struct key_row *row, char line[KEYS_LINE_MAX]);
void keys_header(char line[KEYS_LINE_MAX]); /* the first line, without its end */
/* And back; `line` is cut up. `name` stands for the file in *error. */
bool keys_parse(const char *name, char line[KEYS_LINE_MAX], struct key_row *row, struct keys_error *error);

#endif
