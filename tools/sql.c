/* SPDX-License-Identifier: Apache-2.0 */
#include "sql.h"

#include <string.h>

enum { BUSY_MS = 5000 }; /* another softuicc is writing: it takes milliseconds */

int sql_open(const char *path, int flags, sqlite3 **db)
{
    int rc = sqlite3_open_v2(path, db, flags, NULL);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_busy_timeout(*db, BUSY_MS);
    sqlite3_db_config(*db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(*db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(*db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_db_config(*db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return SQLITE_OK;
}

const char *sql_text(sqlite3 *db)
{
    const int why = sqlite3_errcode(db);
    /* The statements are ours, and right: it is the tables. */
    return why == SQLITE_ERROR ? "its tables are not as softuicc makes them" : sqlite3_errstr(why);
}

const char *sql_open_text(sqlite3 *db)
{
    if (db == NULL)
        return "no memory";
    const int why = sqlite3_errcode(db) == SQLITE_CANTOPEN ? sqlite3_system_errno(db) : 0;
    return why != 0 ? strerror(why) : sql_text(db);
}

static bool same_column(sqlite3_stmt *a, sqlite3_stmt *b, int column)
{
    const int n = sqlite3_column_bytes(a, column);
    const void *x = sqlite3_column_blob(a, column), *y = sqlite3_column_blob(b, column);
    return sqlite3_column_type(a, column) == sqlite3_column_type(b, column) &&
           n == sqlite3_column_bytes(b, column) && (n == 0 || memcmp(x, y, (size_t)n) == 0);
}

/* Row by row the same: type, name, table, and the statement that made it (NULL: an index of SQLite's own).
 * What ANALYZE leaves changes no result. */
static bool same_schema(sqlite3 *db, sqlite3 *wanted)
{
    static const char sql[] = "SELECT type, name, tbl_name, sql FROM sqlite_master"
                              " WHERE name NOT GLOB 'sqlite_stat[14]' ORDER BY type, name";
    sqlite3_stmt *a = NULL, *b = NULL;
    int rc = SQLITE_ERROR;
    bool same = sqlite3_prepare_v2(db, sql, -1, &a, NULL) == SQLITE_OK &&
                sqlite3_prepare_v2(wanted, sql, -1, &b, NULL) == SQLITE_OK;
    while (same && (rc = sqlite3_step(a)) == SQLITE_ROW) {
        same = sqlite3_step(b) == SQLITE_ROW;
        for (int i = 0; same && i < 4; i++)
            same = same_column(a, b, i);
    }
    same = same && rc == SQLITE_DONE && sqlite3_step(b) == SQLITE_DONE;
    sqlite3_finalize(a);
    sqlite3_finalize(b);
    return same;
}

bool sql_has_schema(sqlite3 *db, const char *const *statements, unsigned n)
{
    sqlite3 *wanted = NULL;
    bool good = sqlite3_open(":memory:", &wanted) == SQLITE_OK;
    for (unsigned i = 0; good && i < n; i++)
        good = sqlite3_exec(wanted, statements[i], NULL, NULL, NULL) == SQLITE_OK;
    good = good && same_schema(db, wanted);
    sqlite3_close(wanted);
    return good;
}

static bool column_is(sqlite3_stmt *q, int column, char letter)
{
    const int type = sqlite3_column_type(q, column);
    if (letter == 'n')
        return type == SQLITE_INTEGER;
    if (letter != 't')
        return type == SQLITE_BLOB || (letter == 'o' && type == SQLITE_NULL);
    const void *text = type == SQLITE_TEXT ? sqlite3_column_text(q, column) : NULL;
    return text != NULL && strlen(text) == (size_t)sqlite3_column_bytes(q, column);
}

bool sql_row_is(sqlite3_stmt *q, const char *letters)
{
    for (int i = 0; letters[i] != '\0'; i++)
        if (!column_is(q, i, letters[i]))
            return false;
    return true;
}
