/* SPDX-License-Identifier: Apache-2.0
 *
 * What somebody who can write to an SQLite file may do to it: statements of the fuzzer's, and octets of the
 * file itself.
 */
#ifndef FUZZ_SQL_H
#define FUZZ_SQL_H

#include "span.h"

/* A folder of our own in memory, where there is such a thing; what is left in it goes at exit. */
const char *fuzz_folder(void);
/* Runs statements on the file, as far as they go and for a while: none that reaches another file. */
void fuzz_sql(const char *path, struct span statements);
/* The nth step from now on of SQLite's machine, on whatever connection, is interrupted; -1: none. Of all
 * connections opened after fuzz_folder was called for the first time. */
void fuzz_sql_interrupt(long nth);
/* (offset, length, octets) again and again, over the file. */
void fuzz_overwrite(const char *path, struct span changes);

/* A whole file: read (NULL: there is none; free it), written, with whatever SQLite keeps beside it removed.
 */
uint8_t *fuzz_slurp(const char *path, size_t *n);
void fuzz_spill(const char *path, struct span content);
void fuzz_gone(const char *path);
/* Has it these octets? */
bool fuzz_same(const char *path, struct span content);

#endif
