/* SPDX-License-Identifier: Apache-2.0 */
#include "records.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sql.h"

struct records {
    sqlite3 *db;
    char path[256]; /* for messages: the head of a longer one */
};

enum {
    APPLICATION_ID = 0x75696363, /* "uicc" */
    SCHEMA_VERSION = 1,
};

static const char schema[] =
    "CREATE TABLE counter ("
    " iccid TEXT NOT NULL, common INTEGER NOT NULL, pair INTEGER NOT NULL, kvn INTEGER NOT NULL,"
    " last INTEGER NOT NULL,"
    " PRIMARY KEY (iccid, common, pair, kvn)) WITHOUT ROWID;"
    "CREATE TABLE change_order ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " sent_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')),"
    " iccid TEXT NOT NULL, common INTEGER NOT NULL, pair INTEGER NOT NULL, kvn INTEGER NOT NULL,"
    " counter INTEGER NOT NULL, imsi TEXT NOT NULL, wanted INTEGER, reference BLOB, packet BLOB NOT NULL,"
    " answered_at TEXT, outcome TEXT, sw INTEGER, active INTEGER, unused INTEGER, por BLOB);"
    "CREATE INDEX change_order_of_card ON change_order (iccid, id);";

static bool fail(struct records *r, struct records_error *error)
{
    snprintf(error->text, sizeof error->text, "%s: %s", r->path, sql_text(r->db));
    return false;
}

static bool run(struct records *r, const char *sql, struct records_error *error)
{
    return sqlite3_exec(r->db, sql, NULL, NULL, NULL) == SQLITE_OK || fail(r, error);
}

static bool pragma_number(struct records *r, const char *sql, int *value, struct records_error *error)
{
    sqlite3_stmt *s = NULL;
    bool ok = sqlite3_prepare_v2(r->db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW;
    if (ok)
        *value = sqlite3_column_int(s, 0);
    else
        fail(r, error);
    sqlite3_finalize(s);
    return ok;
}

/* Makes the tables in a fresh file; refuses a file that is some other program's, or of a later softuicc. */
static bool adopt(struct records *r, struct records_error *error)
{
    int application = 0, version = 0, objects = 0;
    if (!pragma_number(r, "PRAGMA application_id", &application, error) ||
        !pragma_number(r, "PRAGMA user_version", &version, error) ||
        !pragma_number(r, "SELECT count(*) FROM sqlite_master", &objects, error))
        return false;
    if (application == 0 && version == 0 && objects == 0) {
        char marks[80];
        snprintf(marks, sizeof marks, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                 (int)APPLICATION_ID, (int)SCHEMA_VERSION);
        return run(r, schema, error) && run(r, marks, error);
    }
    if (application != APPLICATION_ID) {
        snprintf(error->text, sizeof error->text, "%s: an SQLite file, but not softuicc's records", r->path);
        return false;
    }
    if (version != SCHEMA_VERSION) {
        snprintf(error->text, sizeof error->text, "%s: records of version %d; this softuicc knows version %d",
                 r->path, version, (int)SCHEMA_VERSION);
        return false;
    }
    return true;
}

struct records *records_open(const char *path, struct records_error *error)
{
    struct records *r = calloc(1, sizeof *r);
    if (r == NULL) {
        snprintf(error->text, sizeof error->text, "no memory");
        return NULL;
    }
    snprintf(r->path, sizeof r->path, "%s", path);

    /* SQLite would make the file readable by all; packets and counters are the operator's business. */
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        snprintf(error->text, sizeof error->text, "%s: %s", r->path, strerror(errno));
        free(r);
        return NULL;
    }
    close(fd);

    if (sql_open(path, SQLITE_OPEN_READWRITE, &r->db) != SQLITE_OK) {
        snprintf(error->text, sizeof error->text, "%s: %s", r->path, sql_open_text(r->db));
        records_close(r);
        return NULL;
    }
    if (!run(r, "PRAGMA synchronous = EXTRA; BEGIN IMMEDIATE", error) || !adopt(r, error) ||
        !run(r, "COMMIT", error)) {
        records_close(r); /* rolls back */
        return NULL;
    }
    return r;
}

void records_close(struct records *r)
{
    if (r == NULL)
        return;
    sqlite3_close(r->db);
    free(r);
}

static void bind_keyset(sqlite3_stmt *s, const struct records_keyset *k)
{
    sqlite3_bind_text(s, 1, k->iccid, -1, SQLITE_TRANSIENT);
    sqlite3_bind_int(s, 2, k->common);
    sqlite3_bind_int64(s, 3, k->index);
    sqlite3_bind_int64(s, 4, k->version);
}

/* Steps a statement once and is done with it. *row (may be NULL) is column 0 of the row, when there is one.
 */
static bool finish(struct records *r, sqlite3_stmt *s, int64_t *row, bool *has_row,
                   struct records_error *error)
{
    int rc = sqlite3_step(s);
    bool ok = rc == SQLITE_ROW || rc == SQLITE_DONE;
    if (has_row != NULL)
        *has_row = rc == SQLITE_ROW;
    if (rc == SQLITE_ROW && row != NULL)
        *row = sqlite3_column_int64(s, 0);
    if (!ok)
        fail(r, error);
    sqlite3_finalize(s);
    return ok;
}

static bool last_counter(struct records *r, const struct records_keyset *k, uint64_t *last,
                         struct records_error *error)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(
            r->db, "SELECT last FROM counter WHERE iccid = ?1 AND common = ?2 AND pair = ?3 AND kvn = ?4", -1,
            &s, NULL) != SQLITE_OK)
        return fail(r, error);
    bind_keyset(s, k);
    int64_t value = 0;
    bool has_row = false;
    if (!finish(r, s, &value, &has_row, error))
        return false;
    *last = has_row && value > 0 ? (uint64_t)value : 0;
    return true;
}

static bool set_counter(struct records *r, const struct records_keyset *k, uint64_t counter,
                        struct records_error *error)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(r->db,
                           "INSERT INTO counter (iccid, common, pair, kvn, last) VALUES (?1, ?2, ?3, ?4, ?5)"
                           " ON CONFLICT (iccid, common, pair, kvn) DO UPDATE SET last = excluded.last",
                           -1, &s, NULL) != SQLITE_OK)
        return fail(r, error);
    bind_keyset(s, k);
    sqlite3_bind_int64(s, 5, (int64_t)counter);
    return finish(r, s, NULL, NULL, error);
}

/* Reads and writes the counter in one transaction that no other process can get between. wanted 0: the next.
 */
static bool advance(struct records *r, const struct records_keyset *k, uint64_t wanted, uint64_t *counter,
                    struct records_error *error)
{
    uint64_t last = 0;
    bool ok = run(r, "BEGIN IMMEDIATE", error) && last_counter(r, k, &last, error);
    if (ok && wanted == 0 && last >= RECORDS_COUNTER_MAX) {
        snprintf(error->text, sizeof error->text,
                 "%s: the counter of this keyset is used up; it needs new keys", r->path);
        ok = false;
    } else if (ok && wanted != 0 && wanted <= last) {
        snprintf(error->text, sizeof error->text,
                 "%s: counter %" PRIu64 " was used: the last one is %" PRIu64, r->path, wanted, last);
        ok = false;
    }
    *counter = wanted != 0 ? wanted : last + 1;
    ok = ok && set_counter(r, k, *counter, error) && run(r, "COMMIT", error);
    if (!ok) {
        *counter = 0;
        sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return ok;
}

bool records_take_counter(struct records *r, const struct records_keyset *keyset, uint64_t *counter,
                          struct records_error *error)
{
    return advance(r, keyset, 0, counter, error);
}

bool records_use_counter(struct records *r, const struct records_keyset *keyset, uint64_t counter,
                         struct records_error *error)
{
    uint64_t used;
    if (counter == 0 || counter > RECORDS_COUNTER_MAX) {
        snprintf(error->text, sizeof error->text, "counter %" PRIu64 " is out of range", counter);
        return false;
    }
    return advance(r, keyset, counter, &used, error);
}

static void bind_bytes(sqlite3_stmt *s, int at, struct span bytes)
{
    if (bytes.n > 0)
        sqlite3_bind_blob64(s, at, bytes.p, bytes.n, SQLITE_TRANSIENT);
    else
        sqlite3_bind_null(s, at);
}

bool records_order(struct records *r, const struct records_order *order, int64_t *id,
                   struct records_error *error)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(
            r->db,
            "INSERT INTO change_order (iccid, common, pair, kvn, counter, imsi, wanted, reference, packet)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            -1, &s, NULL) != SQLITE_OK)
        return fail(r, error);
    bind_keyset(s, &order->keyset);
    sqlite3_bind_int64(s, 5, (int64_t)order->counter);
    sqlite3_bind_text(s, 6, order->imsi, -1, SQLITE_TRANSIENT);
    if (order->has_index)
        sqlite3_bind_int64(s, 7, order->index);
    bind_bytes(s, 8, order->reference);
    bind_bytes(s, 9, order->packet);
    if (!finish(r, s, NULL, NULL, error))
        return false;
    *id = sqlite3_last_insert_rowid(r->db);
    return true;
}

bool records_answer(struct records *r, int64_t id, const struct records_outcome *outcome,
                    struct records_error *error)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(
            r->db,
            "UPDATE change_order SET answered_at = strftime('%Y-%m-%dT%H:%M:%fZ'), outcome = ?2, sw = ?3,"
            " active = ?4, unused = ?5, por = ?6 WHERE id = ?1",
            -1, &s, NULL) != SQLITE_OK)
        return fail(r, error);
    sqlite3_bind_int64(s, 1, id);
    sqlite3_bind_text(s, 2, outcome->outcome, -1, SQLITE_TRANSIENT);
    if (outcome->sw != 0)
        sqlite3_bind_int64(s, 3, outcome->sw);
    if (outcome->has_receipt) {
        sqlite3_bind_int64(s, 4, outcome->active);
        sqlite3_bind_int64(s, 5, outcome->unused);
    }
    bind_bytes(s, 6, outcome->por);
    if (!finish(r, s, NULL, NULL, error))
        return false;
    if (sqlite3_changes(r->db) != 1) {
        snprintf(error->text, sizeof error->text, "%s: there is no order %" PRId64, r->path, id);
        return false;
    }
    return true;
}
