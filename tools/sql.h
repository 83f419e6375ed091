/* SPDX-License-Identifier: Apache-2.0
 *
 * SQLite files, which may have come from anybody, or have been in anybody's hands.
 */
#ifndef TOOLS_SQL_H
#define TOOLS_SQL_H

#include <sqlite3.h>
#include <stdbool.h>

/* As sqlite3_open_v2, with its flags and results; and nothing that is in the file runs: no trigger, no view,
 * no function of a schema. Waits for others that write. */
int sql_open(const char *path, int flags, sqlite3 **db);

/* What went wrong last, in general words: SQLite's own (sqlite3_errmsg) repeat what is in the file, which may
 * be a key, or what somebody has put there instead. */
const char *sql_text(sqlite3 *db);

/* Why sql_open did not: what the system said, which SQLite has no words for, else SQLite. db may be NULL. */
const char *sql_open_text(sqlite3 *db);

/* Has the file exactly the tables and indices that these statements make, and nothing else? Columns that were
 * added, or keys and constraints that went, change what later statements do. */
bool sql_has_schema(sqlite3 *db, const char *const *statements, unsigned n);

/* Is each column of the row that q stands on what its letter says? t: text without a NUL octet, b: octets,
 * n: an integer, o: octets or NULL. A table keeps whatever is put into it, and what is compared as text is
 * not what SQLite compares. */
bool sql_row_is(sqlite3_stmt *q, const char *letters);

#endif
