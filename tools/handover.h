/* SPDX-License-Identifier: Apache-2.0
 *
 * What operator A gives operator B when cards changed to B (3GPP TR 33.812 5.3.2.2: UICC, new IMSI, index): a
 * list, signed by A and enveloped for B. No keys: those B fetches from the key manager. With each card goes
 * A's order reference and the card's proof of receipt, as evidence. Where the key stayed (alternative 3a,
 * 5.3.1: new IMSI, K, OTA key), A has what B needs, and the list carries it, as the line of a key file.
 */
#ifndef TOOLS_HANDOVER_H
#define TOOLS_HANDOVER_H

#include "cms.h"
#include "keys.h"

enum {
    HANDOVER_REFERENCE_MAX = 8,
    HANDOVER_POR_MAX = 4096,
    HANDOVER_ROWS_MAX = 1000000,
    HANDOVER_RANGES_MAX = 16
};

struct handover_error {
    char text[512]; /* one line for a person */
};

struct handover_row {
    char iccid[21], imsi[16];
    unsigned index;
    char reference[2 * HANDOVER_REFERENCE_MAX + 1]; /* hex, as ordered; "" when there was none */
    char *por;                                      /* hex: the response packet; malloc'ed; "" for none */
    /* line of a key file; malloc'ed; NULL: none. A secret: handover_free wipes it */
    char *keys;
};

struct handover_list {
    struct handover_row *rows;
    size_t n, cap;
    char number[33];           /* hex: tells lists apart */
    char from[CMS_PRINT_TEXT]; /* certificates */
    char to[CMS_PRINT_TEXT];
};

void handover_free(struct handover_list *list);

/* IMSIs of the same length, first to last. */
struct handover_range {
    char first[16], last[16];
};
/* "001010000000000-001010000009999"; false: not that. */
bool handover_range_of(const char *text, struct handover_range *range);
bool handover_in_range(const struct handover_range *ranges, size_t n, const char *imsi);

/* One card, as text "iccid,imsi,index,reference,por". The list takes it as it is: whoever imports it checks.
 */
bool handover_add_text(struct handover_list *list, const char *text, struct handover_error *error);
/* The last order of each card in A's records (softuicc change --records) that was obeyed, where its IMSI is
 * in a range. */
bool handover_add_records(struct handover_list *list, const char *path, const struct handover_range *ranges,
                          size_t n_ranges, struct handover_error *error);

/* Alternative 3a: adds to each card its row of A's key file, with the new IMSI. */
bool handover_add_keys(struct handover_list *list, const char *path, struct handover_error *error);
/* B's key file, of the rows that have keys; mode 0600, never over another file. */
bool handover_write_keys(const struct handover_list *list, const char *path, struct handover_error *error);

/* Sets number, from and to, signs and envelops. Free *out with cms_free. */
bool handover_pack(struct handover_list *list, const struct cms_identity *signer, X509 *to, uint8_t **out,
                   size_t *n, struct handover_error *error);
/* B's side: only a list that `trusted` signed for `self`. */
bool handover_unpack(struct span packed, const struct cms_identity *self, X509 *trusted,
                     struct handover_list *out, struct handover_error *error);

/* What B believes: IMSIs in his ranges, indices from 1 to pairs - 1; index 0 too
 * where the keys come along. */
struct handover_policy {
    const struct handover_range *ranges;
    size_t n_ranges;
    unsigned pairs;
};
/* Checks each row, against the others and against what was imported before; `refused` is told of each that is
 * wrong, in one line. Only when none is does the list go into B's records, in one step. false: nothing was
 * imported. */
bool handover_import(const struct handover_list *list, const struct handover_policy *policy,
                     const char *records, void (*refused)(void *ctx, const char *line), void *ctx,
                     struct handover_error *error);

#endif
