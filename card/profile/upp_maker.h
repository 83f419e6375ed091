/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of the package importer share: the state of one import, the DER walk, errors and notes. Not
 * for others.
 */
#ifndef PROFILE_UPP_MAKER_H
#define PROFILE_UPP_MAKER_H

#include "tlv.h"
#include "upp.h"
#include "upp_templates.h"

struct kept;

enum {
    UPP_CONTENT_MAX = 8 << 20, /* octets of all files together */
    UPP_EF_MAX = 0xFFFF,       /* TS 102 221 11.1.1.4.1: two octets of file size */
    UPP_RECORDS_MAX = 254,     /* TS 102 221 8.2.2.2 */
    UPP_NOTES_MAX = 2048,
    UPP_LINKS_MAX = 8, /* links to links */
    UPP_SHARED_MAX = 16,
    UPP_RFMS_MAX = 24,
    UPP_KEYSETS = 16, /* by version: 1 to 15 are SCP80's (TS 102 225 5.1.2) */
    UPP_NO_NODE = 0xFFFF,
};

/* A file while the package is read. Indices of nodes are not those of the profile: some are left out. */
struct node {
    struct profile_file f; /* parent: a node; size, content: see data */
    uint16_t id;           /* what paths in the package call it: the FID, or the temporary one of an ADF */
    uint8_t *data;         /* f.size octets */
    bool sfi_implied;      /* the SFI is from the FID, not from the package */
    bool out;              /* not on the card, nor what lies below */
    struct span link;      /* linkPath */
    const struct node *linked; /* where that leads in the end; NULL: no link */
    uint8_t aid[PROFILE_AID_MAX];
    uint8_t aid_len;
    const char *class_name; /* ADF: of the applet */
    size_t offset;          /* where the package speaks of it */
    unsigned pe;
    const char *pe_name;
    uint16_t place; /* index in the profile */
};

struct upp_pin {
    struct profile_pin p;
    uint16_t owner;  /* local: node of the directory */
    uint8_t unblock; /* reference of its PUK; 0: none */
    size_t offset;
    unsigned pe;
};

struct upp_puk {
    uint8_t reference, tries;
    uint8_t value[8];
};

struct upp_shared { /* a directory that uses another's PINs */
    uint16_t owner, of;
    size_t offset;
    unsigned pe;
};

struct upp_rfm {
    struct profile_applet a;
    uint8_t adf_aid[PROFILE_AID_MAX];
    uint8_t adf_aid_len; /* 0: starts in the MF */
    size_t offset;
    unsigned pe;
};

struct upp_keyset {
    bool has[4]; /* by key identifier: 1 KIc, 2 KID, 3 KIK */
    uint8_t kik_algorithm;
    struct keyset k;
    size_t offset;
    unsigned pe;
};

/* The package's first security domain: the issuer's of the card. */
enum { UPP_CHANNEL_KEYSETS = 8 };

struct upp_domain {
    bool there;
    struct profile_applet a;
    struct upp_keyset keysets[UPP_CHANNEL_KEYSETS]; /* of SCP02 and SCP03 */
    unsigned n_keysets;
};

struct upp_tally { /* a property that many files have and the card has not: one note for all */
    unsigned n;
    size_t offset;
    unsigned pe;
    const char *name;
};

struct maker {
    struct span package;
    const char *origin;
    const struct upp_options *o;
    struct upp_error *error;
    struct upp_import *out;
    bool failed;

    unsigned pe; /* the element being read, for messages */
    const char *pe_name;
    const char *element; /* and where in it; "" for all of it */

    struct kept *kept;
    size_t content;
    struct node *nodes;
    size_t n_nodes, cap_nodes;
    uint16_t usim, isim, csim; /* the ADFs that came last */
    uint16_t context;          /* the directory that pinCodes are for */
    const char *naa;           /* and the application that akaParameter is for */
    unsigned skipped;          /* files of this element below a directory that is left out */
    struct upp_tally not_shareable;

    struct upp_pin pins[PROFILE_PINS_MAX];
    unsigned n_pins;
    struct upp_puk puks[PROFILE_PINS_MAX];
    unsigned n_puks;
    struct upp_shared shared[UPP_SHARED_MAX];
    unsigned n_shared;
    struct upp_rfm rfms[UPP_RFMS_MAX];
    unsigned n_rfms;
    struct upp_keyset keysets[UPP_KEYSETS];
    struct upp_domain domain;
    bool in_domain; /* being read */
    struct profile_pair pair;
    bool has_aka, has_key;
    struct span aka; /* the algoConfiguration that pair 0 has */
    bool weak;       /* keys or security levels of a test card */
    struct profile p;
};

/* ---- errors and notes: both name the element being read ---- */

/* Always false. The first error stays. `at` points into the package. */
bool upp_fail(struct maker *m, const uint8_t *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool upp_no_memory(struct maker *m);
void upp_note(struct maker *m, const uint8_t *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* At the end, of something that was read before. */
void upp_note_later(struct maker *m, size_t offset, unsigned pe, const char *name, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

void *upp_keep(struct maker *m, size_t n); /* zeroed, freed with the maker; NULL: out of memory, said so */
bool upp_has_class(const struct maker *m, const char *name);

/* ---- DER ---- */

/* The next object; false at the end, and when it is malformed (m->failed then). */
bool upp_next(struct maker *m, struct reader *r, struct tlv *t);

/* The fields of a SEQUENCE. A tag that stands several times in the list is met in that order (the optional
 * ones come last then). out[i].p is NULL for a field that is absent. What is not in the list is noted, what
 * is missing is an error. */
struct upp_field {
    uint32_t tag;
    const char *name;
    bool needed;
    uint16_t min, max; /* octets; max 0: any */
};
bool upp_fields(struct maker *m, struct span in, const struct upp_field *list, size_t n, struct span *out);
/* An INTEGER's content, or an unsigned number of up to four octets; false: negative or too large. */
bool upp_number(struct maker *m, struct span s, uint32_t max, uint32_t *out);

#define UPP_COUNT(array) (sizeof(array) / sizeof(array)[0])

/* ---- the parts ---- */

/* upp_files.c */
bool upp_read_template(struct maker *m, const struct upp_template *t, struct span body);
bool upp_read_files(struct maker *m, struct span body); /* genericFileManagement */
void upp_skip_csim(struct maker *m, struct span body);
uint16_t upp_path(struct maker *m, struct span path); /* UPP_NO_NODE: no such file */
uint16_t upp_child(const struct maker *m, uint16_t parent, uint16_t id);
bool upp_finish_files(struct maker *m);

/* upp_keys.c */
bool upp_read_pins(struct maker *m, struct span body);
bool upp_read_puks(struct maker *m, struct span body);
bool upp_read_aka(struct maker *m, struct span body);
bool upp_read_domain(struct maker *m, struct span body);
bool upp_read_rfm(struct maker *m, struct span body);
bool upp_finish_keys(struct maker *m); /* after the files */

#endif
