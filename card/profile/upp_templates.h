/* SPDX-License-Identifier: Apache-2.0
 *
 * The file templates of TCA "eUICC Profile Package: Interoperable Format", annex A, as tables: what a file is
 * when the package does not say otherwise.
 */
#ifndef PROFILE_UPP_TEMPLATES_H
#define PROFILE_UPP_TEMPLATES_H

#include "span.h"

enum {
    ROW_NEEDED = 1, /* not OPTIONAL in the element */
    ROW_HIGH = 2,   /* high update activity */
    ROW_REPEAT = 4, /* the pattern is repeated; else its last octet is */
    ROW_MANY = 8,   /* stands for several files: each must bring its FID */
};

/* Default content of a file or record: n octets, the last `tail` of which stand at the end, and what precedes
 * them fills the gap. */
struct upp_pattern {
    const char *p;
    uint8_t n, tail;
};

struct upp_row {
    const char *element; /* its name in the element's type */
    const char *name;
    uint8_t kind;     /* enum file_kind */
    uint16_t fid;     /* 0: the package must say */
    uint8_t sfi, arr; /* record of EF.ARR */
    uint8_t records;  /* 0: from the size */
    uint8_t length;   /* of a record, or of the file; 0: the package must say */
    uint8_t flags;
    struct upp_pattern fill;
};

/* Where the files of an element go. */
enum upp_place { UPP_IS_MF, UPP_IN_MF, UPP_IS_USIM, UPP_IN_USIM, UPP_IS_ISIM, UPP_IN_ISIM };

struct upp_template {
    uint8_t tag; /* number of the element in ProfileElement */
    uint8_t oid; /* 2.23.143.1.2.oid, a version may follow */
    uint8_t place;
    bool by_default; /* files that the package does not mention are made */
    uint8_t newest;  /* version */
    const struct upp_row
        *rows; /* row i is context tag i + 2; when the first is a directory, the others lie in it */
    uint8_t n;
};

/* NULL: an element without a template. */
const struct upp_template *upp_template(unsigned tag);
/* Row i as this version of the template has it. */
const struct upp_row *upp_template_row(const struct upp_template *t, unsigned i, unsigned version);

/* What people call the file with this FID in the directory that they call `dir` ("DF.TELECOM"); NULL: nothing
 * that is known. */
const char *upp_file_name(const char *dir, uint16_t fid);

#endif
