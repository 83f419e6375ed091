/* SPDX-License-Identifier: Apache-2.0
 *
 * Files and what is in them, for people and scripts to read: of a card, or of a profile. What `show`, `diff`
 * and `profile show` have in common.
 */
#ifndef TOOLS_TREE_H
#define TOOLS_TREE_H

#include <stdio.h>

#include "decode.h"
#include "uicc.h"

/* A file as it is now. */
struct tree_file {
    const struct profile_file *row;
    bool deactivated, terminated, made;
    struct span body; /* borrowed */
    uint8_t rule_tag; /* 8C, AB: a rule of its own; 0: row->arr_fid and row->arr_record */
    struct span rule;
};

/* Where files come from: a card's, or what cards of a profile begin with. */
struct tree_source {
    const struct profile *p;
    const struct uicc *card; /* NULL: the profile's */
};

uint16_t tree_files(const struct tree_source *s); /* indices are below this; not all are in use */
bool tree_file(const struct tree_source *s, uint16_t file, struct tree_file *out);

/* "3F00/ADF.USIM/5F3B"; deep trees are cut at the front. */
enum { TREE_PATH_MAX = 128 };
void tree_path(const struct tree_source *s, uint16_t file, char path[TREE_PATH_MAX]);
/* "MF/ADF.USIM/DF.GSM-ACCESS" */
void tree_names(const struct tree_source *s, uint16_t file, char path[TREE_PATH_MAX]);

/* The known directory that the file lies in. */
enum decode_place tree_place(const struct tree_source *s, uint16_t file);

/* The access rule in force for a file, in expanded format; SPAN_EMPTY when there is none or it is a compact
 * one. */
struct span tree_rule(const struct tree_source *s, uint16_t file);

/* The file's octets are not to be shown: it has keys, or nobody may read it, or it is unknown
 * and only administrators may. */
bool tree_secret(const struct tree_source *s, uint16_t file, const struct tree_file *f);

/* One line a file's content, or a record: decoded, or in hexadecimal, or why not. `room` as DECODE_ROOM.
 * whole: never cut. */
void tree_content(const struct tree_source *s, uint16_t file, const struct tree_file *f, struct span content,
                  bool whole, char *to, size_t room);

/* "transparent", "ADF", ... */
const char *tree_kind(uint8_t kind);

struct tree_options {
    bool contents;
    const char *only; /* files whose path (either kind) has this in it, whatever its case; NULL: all */
};

/* One line a file, a heading first, children below their parent; with contents indented below. false: no file
 * is like options->only. */
bool tree_print_source(FILE *to, const struct tree_source *s, const struct tree_options *options);
bool tree_json_source(FILE *to, const struct tree_source *s, const struct tree_options *options);

/* What cards of this profile begin with, with contents. */
void tree_print(FILE *to, const struct profile *p, const struct tree_source *source);

const char *tree_pin_name(uint8_t reference);

#endif
