/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of comma-separated values (RFC 4180): a header line that names the columns, then rows. The separator
 * may also be a semicolon or a tab: the header tells. Fields may stand in double quotes, but not go over
 * several lines. Empty lines, and lines that begin with '#', are passed over. What is read is taken for a
 * secret: wiped, and never repeated in an error.
 */
#ifndef TOOLS_CSV_H
#define TOOLS_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { CSV_LINE_MAX = 4096, CSV_FIELDS_MAX = 96 };

struct csv_error {
    char text[512]; /* one line, with file and line number where it applies */
};

struct csv {
    FILE *f;
    const char *path;
    unsigned long line;
    char separator;
    size_t columns;              /* every row has as many */
    char *field[CSV_FIELDS_MAX]; /* of the line read last */
    size_t n;
    char text[CSV_LINE_MAX];
    char buffer[8192];
};

enum csv_result { CSV_ROW, CSV_END, CSV_BAD };

/* Opens the file and reads its header: the names are in c->field, in lower case, until the next row. Do not
 * move c while it is open. false: *error, and nothing is open. */
bool csv_open(struct csv *c, const char *path, struct csv_error *error);
enum csv_result csv_row(struct csv *c, struct csv_error *error);
/* Back to the first row. */
bool csv_rewind(struct csv *c, struct csv_error *error);
void csv_close(struct csv *c); /* wipes; also what was never opened, if it is all zero */

/* "FILE:LINE: ..." */
void csv_say(const struct csv *c, struct csv_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
