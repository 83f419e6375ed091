/* SPDX-License-Identifier: Apache-2.0
 *
 * Cards as rows of a CSV file: numbers, keys and PINs that somebody else has chosen, as card makers deliver
 * them and pySim's tools read them.
 *
 *   iccid imsi          always there
 *   ki (or k), opc, op  of pair 0; op: OPc is computed from it
 *   kicN kidN kikN      the OTA keyset of version N: pair 0's, or a common one
 *   pin1 puk1 pin2 puk2 adm1 (or pin_adm) to adm5
 *   acc smsp msisdn     what the files of these names contain
 *   algorithm           only checked
 *
 * An empty field is as if its column were not there: the profile's, or derived.
 */
#ifndef TOOLS_CARD_CSV_H
#define TOOLS_CARD_CSV_H

#include "csv.h"
#include "making.h"

struct csv_column {
    uint8_t kind;
    uint8_t number; /* N */
};

struct card_csv {
    const struct subcommand *cmd;
    const struct profile *p;
    struct uicc_crypto *crypto;
    struct csv csv;
    struct csv_column columns[CSV_FIELDS_MAX];
    struct personal_given given; /* of the row read last */
};

/* Opens the file and reads its header; a column that is not known, that is there twice, or for which the
 * profile has no place is an error. All zero before; do not move it while it is open. */
bool card_csv_open(struct card_csv *c, const struct subcommand *cmd, const char *path,
                   const struct profile *p, struct uicc_crypto *crypto, struct csv_error *error);
void card_csv_close(struct card_csv *c); /* wipes */

/* The next card. */
enum csv_result card_csv_next(struct card_csv *c, struct card_data *out, struct csv_error *error);

/* Reads all rows, and goes back to the first: whether they are sound is known before a card is made. Errors
 * are printed. */
bool card_csv_check(struct card_csv *c);

struct card_source card_csv_source(struct card_csv *c);

#endif
