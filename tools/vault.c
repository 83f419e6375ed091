/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include "hex.h"
#include "one_line.h"
#include "sql.h"
#include "vault_inner.h"

enum { APPLICATION = 0x75695661 /* "uiVa" */, VERSION = 1, COLUMNS_MAX = 8 };

static const char schema[] =
    "CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), vault BLOB NOT NULL, certificate BLOB,"
    " private_key BLOB, transferred TEXT NOT NULL, pairs INTEGER NOT NULL, pairs_mark BLOB NOT NULL,"
    " operators INTEGER NOT NULL, operators_mark BLOB NOT NULL, inherited INTEGER NOT NULL,"
    " inherited_mark BLOB NOT NULL, entries INTEGER NOT NULL, head BLOB NOT NULL, mac BLOB NOT NULL);"
    "CREATE TABLE pair (iccid TEXT NOT NULL, idx TEXT NOT NULL, entitled TEXT NOT NULL, holder TEXT NOT NULL,"
    " sealed BLOB NOT NULL, PRIMARY KEY (iccid, idx)) WITHOUT ROWID;"
    "CREATE TABLE operator (name TEXT PRIMARY KEY, certificate BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE log (entry INTEGER PRIMARY KEY, at TEXT NOT NULL, event TEXT NOT NULL, iccid TEXT NOT NULL,"
    " idx TEXT NOT NULL, party TEXT NOT NULL, detail TEXT NOT NULL, hash BLOB NOT NULL);"
    "CREATE INDEX log_of_pair ON log (iccid, idx);"
    "CREATE TABLE inherited (entry INTEGER PRIMARY KEY, at TEXT NOT NULL, event TEXT NOT NULL, iccid TEXT "
    "NOT NULL,"
    " idx TEXT NOT NULL, party TEXT NOT NULL, detail TEXT NOT NULL, hash BLOB NOT NULL);";

/* ---- small things ---- */

bool vault_say(struct sealed_error *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    one_line_make(error->text);
    return false;
}

bool vault_name_ok(const char *name)
{
    size_t n = strlen(name);
    return n > 0 && n <= VAULT_NAME_MAX && one_line_is(name);
}

void vault_index_text(const struct vault_pair *pair, char text[VAULT_INDEX_MAX + 1])
{
    snprintf(text, VAULT_INDEX_MAX + 1, "%s%u",
             pair->pin      ? "p"
             : pair->common ? "c"
                            : "",
             pair->index % 1000);
}

bool vault_cms_said(struct sealed_error *error, const struct cms_error *cms)
{
    return vault_say(error, "%s", cms->text);
}

/* ---- authentication of all there is ---- */

bool vault_mark_flip(struct vault *v, struct vault_mark *mark, int by, const char *table,
                     const struct span *columns, size_t n)
{
    struct span parts[COLUMNS_MAX + 1] = {span_text(table)};
    uint8_t mac[SEALED_MAC];
    if (n > COLUMNS_MAX)
        return false;
    for (size_t i = 0; i < n; i++)
        parts[i + 1] = columns[i];
    if (!sealed_mac(v->file, parts, n + 1, mac))
        return false;
    for (size_t i = 0; i < sizeof mac; i++)
        mark->sum[i] ^= mac[i];
    mark->count += by;
    return true;
}

/* All columns of the row that q stands on: numbers, as SQLite writes them, as text. */
static bool mark_row(struct vault *v, struct vault_mark *mark, const char *table, sqlite3_stmt *q)
{
    struct span columns[COLUMNS_MAX];
    int n = sqlite3_column_count(q);
    for (int i = 0; i < n && i < COLUMNS_MAX; i++)
        columns[i] =
            sqlite3_column_type(q, i) == SQLITE_BLOB ? sealed_bytes(q, i) : span_text(sealed_text(q, i));
    return vault_mark_flip(v, mark, 1, table, columns, (size_t)n);
}

/* types: sql_row_is. The same octets as text and as a BLOB are two pairs to SQLite, and one to the HMAC. */
static bool mark_table(struct vault *v, const char *table, const char *types, const char *sql,
                       const struct vault_mark *expected, struct sealed_error *error)
{
    struct vault_mark mark = {0};
    sqlite3_stmt *q = sealed_prepare(v->file, sql, error);
    if (q == NULL)
        return false;
    int row = 0;
    bool whole = true, good = true;
    while (whole && good && (row = sealed_next(v->file, q, error)) > 0) {
        whole = sql_row_is(q, types);
        good = !whole || mark_row(v, &mark, table, q);
    }
    sqlite3_finalize(q);
    if (!good)
        return vault_say(error, "HMAC failed");
    if (row < 0)
        return false;
    if (whole && mark.count == expected->count && crypto_equal(mark.sum, expected->sum, sizeof mark.sum))
        return true;
    return vault_say(error, "%.300s: tampered with: rows of '%s' were changed, added or removed",
                     sealed_path(v->file), table);
}

static bool state_mac(struct vault *v, struct span certificate, struct span private_key,
                      uint8_t mac[SEALED_MAC])
{
    const struct vault_state *s = &v->state;
    char numbers[128];
    snprintf(numbers, sizeof numbers, "%lld %lld %lld %lld", (long long)s->pairs.count,
             (long long)s->operators.count, (long long)s->inherited.count, (long long)s->entries);
    const struct span parts[] = {
        span_text("state"),
        span_of(s->id, sizeof s->id),
        certificate,
        private_key,
        span_text(s->transferred),
        span_text(numbers),
        span_of(s->pairs.sum, SEALED_MAC),
        span_of(s->operators.sum, SEALED_MAC),
        span_of(s->inherited.sum, SEALED_MAC),
        span_of(s->head, VAULT_HASH),
    };
    return sealed_mac(v->file, parts, sizeof parts / sizeof parts[0], mac);
}

static bool fixed(sqlite3_stmt *q, int column, uint8_t *to, size_t n)
{
    struct span s = sealed_bytes(q, column);
    if (s.n != n)
        return false;
    memcpy(to, s.p, n);
    return true;
}

static const char state_columns[] = "SELECT vault, certificate, private_key, transferred, pairs, pairs_mark, "
                                    "operators, operators_mark, inherited,"
                                    " inherited_mark, entries, head, mac FROM state WHERE id = 1";

static bool take_state(struct vault *v, sqlite3_stmt *q)
{
    struct vault_state *s = &v->state;
    uint8_t mac[SEALED_MAC], stored[SEALED_MAC];
    if (!sql_row_is(q, "bootnbnbnbnbb"))
        return false;
    const char *transferred = sealed_text(q, 3);
    if (!fixed(q, 0, s->id, sizeof s->id) || strlen(transferred) >= sizeof s->transferred ||
        !fixed(q, 5, s->pairs.sum, SEALED_MAC) || !fixed(q, 7, s->operators.sum, SEALED_MAC) ||
        !fixed(q, 9, s->inherited.sum, SEALED_MAC) || !fixed(q, 11, s->head, VAULT_HASH) ||
        !fixed(q, 12, stored, sizeof stored))
        return false;
    memset(s->transferred, 0, sizeof s->transferred);
    memcpy(s->transferred, transferred, strlen(transferred));
    s->pairs.count = sqlite3_column_int64(q, 4);
    s->operators.count = sqlite3_column_int64(q, 6);
    s->inherited.count = sqlite3_column_int64(q, 8);
    s->entries = sqlite3_column_int64(q, 10);
    struct span certificate = sealed_bytes(q, 1);
    if (!state_mac(v, certificate, sealed_bytes(q, 2), mac) || !crypto_equal(mac, stored, sizeof mac))
        return false;
    X509_free(v->certificate);
    v->certificate = certificate.n > 0 ? cms_certificate_of(certificate) : NULL;
    return certificate.n == 0 || v->certificate != NULL;
}

static bool load_state(struct vault *v, struct sealed_error *error)
{
    sqlite3_stmt *q = sealed_prepare(v->file, state_columns, error);
    if (q == NULL)
        return false;
    const int row = sealed_next(v->file, q, error);
    bool good = row > 0 && take_state(v, q);
    sqlite3_finalize(q);
    if (row < 0)
        return false;
    return good || vault_say(error, "%.300s: tampered with: the row 'state' is not what the vault wrote",
                             sealed_path(v->file));
}

bool vault_entry_hash(const uint8_t before[VAULT_HASH], int64_t entry, const struct vault_entry *e,
                      uint8_t hash[VAULT_HASH])
{
    char number[32];
    snprintf(number, sizeof number, "%lld", (long long)entry);
    const char *const fields[] = {number, e->at, e->event, e->iccid, e->index, e->party, e->detail};
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(ctx, before, VAULT_HASH) == 1;
    /* The NUL that ends each field belongs to the message: no two entries have the same one. */
    for (size_t i = 0; good && i < sizeof fields / sizeof fields[0]; i++)
        good = EVP_DigestUpdate(ctx, fields[i], strlen(fields[i]) + 1) == 1;
    good = good && EVP_DigestFinal_ex(ctx, hash, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    return good;
}

static void entry_of(sqlite3_stmt *q, struct vault_entry *e)
{
    *e = (struct vault_entry){sealed_text(q, 1), sealed_text(q, 2), sealed_text(q, 3),
                              sealed_text(q, 4), sealed_text(q, 5), sealed_text(q, 6)};
}

/* Recomputes a chain. wanted: an entry whose hash must be this one, or 0. */
static bool check_chain(struct vault *v, const char *table, int64_t entries, const uint8_t head[VAULT_HASH],
                        int64_t wanted, const uint8_t *wanted_hash, struct sealed_error *error)
{
    char sql[128];
    snprintf(sql, sizeof sql,
             "SELECT entry, at, event, iccid, idx, party, detail, hash FROM %s ORDER BY entry", table);
    uint8_t hash[VAULT_HASH] = {0};
    int64_t n = 0;
    int row = 0;
    bool whole = true, found = wanted == 0;
    sqlite3_stmt *q = sealed_prepare(v->file, sql, error);
    if (q == NULL)
        return false;
    while (whole && (row = sealed_next(v->file, q, error)) > 0) {
        struct vault_entry e;
        n++;
        if (!(whole = sql_row_is(q, "nttttttb"))) /* before anything is converted */
            break;
        struct span stored = sealed_bytes(q, 7);
        entry_of(q, &e);
        whole = sqlite3_column_int64(q, 0) == n && vault_entry_hash(hash, n, &e, hash) &&
                span_equal(stored, span_of(hash, sizeof hash));
        if (whole && n == wanted)
            found = memcmp(hash, wanted_hash, sizeof hash) == 0;
    }
    sqlite3_finalize(q);
    if (row < 0)
        return false;
    if (!whole)
        return vault_say(error, "%.300s: tampered with: the chain of '%s' breaks at entry %lld",
                         sealed_path(v->file), table, (long long)n);
    if (n != entries || memcmp(hash, head, sizeof hash) != 0)
        return vault_say(error, "%.300s: tampered with: the end of '%s' is missing", sealed_path(v->file),
                         table);
    if (!found)
        return vault_say(
            error, "%.300s: entry %lld of the log is not the one that was noted: put back to an older state?",
            sealed_path(v->file), (long long)wanted);
    return true;
}

static bool authenticate(struct vault *v, int64_t wanted, const uint8_t *hash, struct sealed_error *error)
{
    const struct vault_state *s = &v->state;
    return load_state(v, error) &&
           mark_table(v, "pair", "ttttb", "SELECT iccid, idx, entitled, holder, sealed FROM pair", &s->pairs,
                      error) &&
           mark_table(v, "operator", "tb", "SELECT name, certificate FROM operator", &s->operators, error) &&
           mark_table(v, "inherited", "nttttttb",
                      "SELECT entry, at, event, iccid, idx, party, detail, hash FROM inherited",
                      &s->inherited, error) &&
           check_chain(v, "log", s->entries, s->head, wanted, hash, error);
}

/* -1: *error. */
static int64_t number_of(struct vault *v, const char *sql, struct sealed_error *error)
{
    sqlite3_stmt *q = sealed_prepare(v->file, sql, error);
    int64_t n = q != NULL && sealed_next(v->file, q, error) > 0 ? sqlite3_column_int64(q, 0) : -1;
    sqlite3_finalize(q);
    return n;
}

/* Another process may have written since: what it left is authenticated like what was there at first. */
static bool up_to_date(struct vault *v, struct sealed_error *error)
{
    int64_t now = number_of(v, "PRAGMA data_version", error);
    if (now >= 0 && now == v->data_version)
        return true;
    if (!authenticate(v, 0, NULL, error))
        return false;
    v->data_version = now;
    return true;
}

bool vault_begin(struct vault *v, struct sealed_error *error)
{
    error->text[0] = '\0';
    if (!sealed_begin(v->file, error))
        return false;
    if (up_to_date(v, error))
        return true;
    sealed_rollback(v->file);
    return false;
}

void vault_undo(struct vault *v)
{
    sealed_rollback(v->file);
    v->data_version = -1; /* the state in memory may be ahead of the file's */
}

static bool store_state(struct vault *v, struct sealed_error *error)
{
    const struct vault_state *s = &v->state;
    uint8_t mac[SEALED_MAC];
    sqlite3_stmt *q =
        sealed_prepare(v->file, "SELECT certificate, private_key FROM state WHERE id = 1", error);
    if (q == NULL)
        return false;
    const int row = sealed_next(v->file, q, error);
    bool good = row > 0 && state_mac(v, sealed_bytes(q, 0), sealed_bytes(q, 1), mac);
    sqlite3_finalize(q);
    if (row < 0)
        return false;
    if (!good)
        return vault_say(error, "%.300s: its state cannot be authenticated", sealed_path(v->file));
    q = sealed_prepare(
        v->file,
        "UPDATE state SET transferred = ?1, pairs = ?2, pairs_mark = ?3, operators = ?4,"
        " operators_mark = ?5, inherited = ?6, inherited_mark = ?7, entries = ?8, head = ?9, mac = ?10",
        error);
    if (q == NULL)
        return false;
    sealed_bind_text(q, 1, s->transferred);
    sqlite3_bind_int64(q, 2, s->pairs.count);
    sealed_bind_bytes(q, 3, span_of(s->pairs.sum, SEALED_MAC));
    sqlite3_bind_int64(q, 4, s->operators.count);
    sealed_bind_bytes(q, 5, span_of(s->operators.sum, SEALED_MAC));
    sqlite3_bind_int64(q, 6, s->inherited.count);
    sealed_bind_bytes(q, 7, span_of(s->inherited.sum, SEALED_MAC));
    sqlite3_bind_int64(q, 8, s->entries);
    sealed_bind_bytes(q, 9, span_of(s->head, VAULT_HASH));
    sealed_bind_bytes(q, 10, span_of(mac, sizeof mac));
    return sealed_done(v->file, q, error);
}

bool vault_commit(struct vault *v, struct sealed_error *error)
{
    if (store_state(v, error) && sealed_commit(v->file, error))
        return true;
    vault_undo(v);
    return false;
}

/* ---- the log ---- */

bool vault_log(struct vault *v, struct vault_entry *e, struct sealed_error *error)
{
    char at[32];
    struct tm tm;
    time_t now = time(NULL);
    if (gmtime_r(&now, &tm) == NULL || strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        return vault_say(error, "no clock");
    e->at = at;
    bool good = vault_entry_hash(v->state.head, v->state.entries + 1, e, v->state.head);
    e->at = NULL;
    if (!good)
        return vault_say(error, "SHA-256 failed");
    v->state.entries++;
    sqlite3_stmt *q =
        sealed_prepare(v->file, "INSERT INTO log VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", error);
    if (q == NULL)
        return false;
    sqlite3_bind_int64(q, 1, v->state.entries);
    sealed_bind_text(q, 2, at);
    sealed_bind_text(q, 3, e->event);
    sealed_bind_text(q, 4, e->iccid);
    sealed_bind_text(q, 5, e->index);
    sealed_bind_text(q, 6, e->party);
    sealed_bind_text(q, 7, e->detail);
    sealed_bind_bytes(q, 8, span_of(v->state.head, VAULT_HASH));
    return sealed_done(v->file, q, error);
}

bool vault_conclude(struct vault *v, const char *event, const char *iccid, const char *index,
                     const char *party, const char *detail, struct sealed_error *error)
{
    struct vault_entry e = {NULL, event, iccid, index, party, detail};
    if (vault_log(v, &e, error))
        return vault_commit(v, error);
    vault_undo(v);
    return false;
}

bool vault_abandon(struct vault *v)
{
    vault_undo(v);
    return false;
}

bool vault_still_ours(struct vault *v, struct sealed_error *error)
{
    return v->state.transferred[0] == '\0' ||
           vault_say(error, "%.300s: it was transferred to another key manager: this vault only looks on",
                     sealed_path(v->file));
}

/* ---- opening ---- */

static bool make_state(struct vault *v, struct sealed_error *error)
{
    if (!crypto_random(NULL, v->state.id, sizeof v->state.id))
        return vault_say(error, "no random octets");
    sqlite3_stmt *q = sealed_prepare(
        v->file, "INSERT INTO state VALUES (1, ?1, NULL, NULL, '', 0, x'', 0, x'', 0, x'', 0, x'', x'')",
        error);
    if (q == NULL)
        return false;
    sealed_bind_bytes(q, 1, span_of(v->state.id, sizeof v->state.id));
    return sealed_done(v->file, q, error);
}

static struct sealed_config config_of(const char *path)
{
    return (struct sealed_config){
        .path = path, .what = "vault", .application = APPLICATION, .version = VERSION, .schema = schema};
}

struct vault *vault_open(const struct vault_config *config, struct sealed_error *error)
{
    struct sealed_config c = config_of(config->path);
    c.create = config->create;
    c.key_file = config->key_file;
    c.passphrase = config->passphrase;
    struct vault *v = calloc(1, sizeof *v);
    if (v == NULL) {
        vault_say(error, "no memory");
        return NULL;
    }
    v->data_version = -1;
    v->file = sealed_open(&c, error);
    bool good = v->file != NULL;
    if (good && config->create) {
        good = sealed_begin(v->file, error) && make_state(v, error) &&
               vault_conclude(v, "made", "", "", "", "", error);
        v->data_version = good ? number_of(v, "PRAGMA data_version", error) : -1;
    } else if (good) {
        good = vault_begin(v, error);
        sealed_rollback(v->file); /* of a step that wrote nothing */
    }
    if (good)
        return v;
    vault_close(v);
    return NULL;
}

void vault_close(struct vault *v)
{
    if (v == NULL)
        return;
    sqlite3_finalize(v->insert);
    X509_free(v->certificate);
    sealed_close(v->file);
    crypto_wipe(v, sizeof *v);
    free(v);
}

bool vault_wants_passphrase(const char *path, bool *wants, struct sealed_error *error)
{
    const struct sealed_config c = config_of(path);
    return sealed_wants_passphrase(&c, wants, error);
}

/* ---- pairs ---- */

static bool seal_line(struct vault *v, const char *iccid, const char *index, const char *line, uint8_t *out)
{
    const struct span context[] = {span_text("pair"), span_text(iccid), span_text(index)};
    return sealed_seal(v->file, context, 3, span_text(line), out);
}

bool vault_unseal_line(struct vault *v, const char *iccid, const char *index, struct span sealed,
                       char line[KEYS_LINE_MAX])
{
    const struct span context[] = {span_text("pair"), span_text(iccid), span_text(index)};
    if (sealed.n < SEALED_OVERHEAD + 1 || sealed.n >= KEYS_LINE_MAX + SEALED_OVERHEAD)
        return false;
    memset(line, 0, KEYS_LINE_MAX);
    return sealed_unseal(v->file, context, 3, sealed, (uint8_t *)line);
}

bool vault_prepare_import(struct vault *v, struct sealed_error *error)
{
    v->insert = sealed_prepare(v->file, "INSERT INTO pair VALUES (?1, ?2, ?3, ?4, ?5)", error);
    return v->insert != NULL;
}

static bool insert_pair(struct vault *v, const char *iccid, const char *index, const char *entitled,
                        const char *holder, struct span sealed, struct sealed_error *error)
{
    sealed_bind_text(v->insert, 1, iccid);
    sealed_bind_text(v->insert, 2, index);
    sealed_bind_text(v->insert, 3, entitled);
    sealed_bind_text(v->insert, 4, holder);
    sealed_bind_bytes(v->insert, 5, sealed);
    int rc = sqlite3_step(v->insert);
    sqlite3_reset(v->insert);
    if (rc == SQLITE_CONSTRAINT)
        return vault_say(error, "%.300s: it has pair %s of card %s already", sealed_path(v->file), index,
                         iccid);
    if (rc != SQLITE_DONE)
        return sealed_fail(v->file, error);
    const struct span columns[] = {span_text(iccid), span_text(index), span_text(entitled), span_text(holder),
                                   sealed};
    return vault_mark_flip(v, &v->state.pairs, 1, "pair", columns, 5) || vault_say(error, "HMAC failed");
}

bool vault_put_pair(struct vault *v, const struct key_row *row, const char *entitled, const char *holder,
                    struct sealed_error *error)
{
    char line[KEYS_LINE_MAX], index[VAULT_INDEX_MAX + 1];
    uint8_t sealed[KEYS_LINE_MAX + SEALED_OVERHEAD];
    const struct vault_pair pair = {row->iccid, row->common, row->index, row->pin};
    vault_index_text(&pair, index);
    bool good = keys_format(row, line) && seal_line(v, row->iccid, index, line, sealed);
    size_t n = strlen(line) + SEALED_OVERHEAD;
    crypto_wipe(line, sizeof line);
    if (!good)
        return vault_say(error, "pair %s of card %s cannot be sealed", index, row->iccid);
    return insert_pair(v, row->iccid, index, entitled, holder, span_of(sealed, n), error);
}

bool vault_import_begin(struct vault *v, struct sealed_error *error)
{
    if (!vault_begin(v, error))
        return false;
    if (vault_still_ours(v, error) && vault_prepare_import(v, error))
        return true;
    return vault_abandon(v);
}

bool vault_import_row(struct vault *v, const struct key_row *row, struct sealed_error *error)
{
    return vault_put_pair(v, row, "", "", error);
}

bool vault_import_end(struct vault *v, const char *source, struct sealed_error *error)
{
    char detail[256];
    sqlite3_finalize(v->insert);
    v->insert = NULL;
    snprintf(detail, sizeof detail, "%lld pairs now; from %.200s", (long long)v->state.pairs.count, source);
    one_line_make(detail); /* a name of a file: in the log it is a line, and in a transfer a field of one */
    return vault_conclude(v, "import", "", "", "", detail, error);
}

void vault_import_abort(struct vault *v)
{
    sqlite3_finalize(v->insert);
    v->insert = NULL;
    vault_undo(v);
}

struct import {
    struct vault *v;
    uint64_t rows;
};

static bool import_row(void *ctx, const struct key_row *row, struct keys_error *error)
{
    struct import *i = ctx;
    struct sealed_error why;
    i->rows++;
    if (vault_import_row(i->v, row, &why))
        return true;
    memcpy(error->text, why.text, sizeof error->text);
    return false;
}

bool vault_import_file(struct vault *v, const char *path, uint64_t *rows, struct sealed_error *error)
{
    struct import i = {v, 0};
    struct keys_error why;
    if (!vault_import_begin(v, error))
        return false;
    const char *name = strrchr(path, '/');
    bool good = keys_each(path, import_row, &i, &why);
    if (!good)
        vault_say(error, "%s", why.text);
    else if (i.rows == 0)
        good = vault_say(error, "%.300s: no keys in it", path);
    *rows = i.rows;
    if (good)
        return vault_import_end(v, name != NULL ? name + 1 : path, error);
    vault_import_abort(v);
    return false;
}

/* ---- looking ---- */

bool vault_status(struct vault *v, struct vault_status *out, struct sealed_error *error)
{
    memset(out, 0, sizeof *out);
    if (!vault_begin(v, error))
        return false;
    const struct vault_state *s = &v->state;
    int64_t revealed = number_of(v, "SELECT count(*) FROM pair WHERE holder <> ''", error);
    int64_t entitled =
        revealed < 0 ? -1 : number_of(v, "SELECT count(*) FROM pair WHERE entitled <> ''", error);
    sealed_rollback(v->file);
    if (entitled < 0)
        return false;
    hex_format(span_of(s->id, sizeof s->id), out->id);
    out->pairs = (uint64_t)s->pairs.count;
    out->operators = (uint64_t)s->operators.count;
    out->entries = s->entries;
    out->revealed = (uint64_t)revealed;
    out->entitled = (uint64_t)entitled;
    memcpy(out->head, s->head, VAULT_HASH);
    memcpy(out->transferred, s->transferred, sizeof out->transferred);
    return true;
}

/* Every seal opens, and what is under it is the pair that the row says. */
static bool check_seals(struct vault *v, struct sealed_error *error)
{
    sqlite3_stmt *q = sealed_prepare(v->file, "SELECT iccid, idx, sealed FROM pair", error);
    if (q == NULL)
        return false;
    int at = 0;
    bool good = true;
    char line[KEYS_LINE_MAX];
    struct key_row row;
    struct keys_error why;
    while (good && (at = sealed_next(v->file, q, error)) > 0) {
        char index[VAULT_INDEX_MAX + 1] = "";
        good = vault_unseal_line(v, sealed_text(q, 0), sealed_text(q, 1), sealed_bytes(q, 2), line) &&
               keys_parse("vault", line, &row, &why);
        if (good)
            vault_index_text(&(struct vault_pair){row.iccid, row.common, row.index, row.pin}, index);
        if (!good || strcmp(row.iccid, sealed_text(q, 0)) != 0 || strcmp(index, sealed_text(q, 1)) != 0)
            good = vault_say(error, "%.300s: the seal of pair %.8s of card %.24s is broken",
                             sealed_path(v->file), sealed_text(q, 1), sealed_text(q, 0));
    }
    crypto_wipe(line, sizeof line);
    crypto_wipe(&row, sizeof row);
    sqlite3_finalize(q);
    return good && at == 0;
}

bool vault_story(struct vault *v, const char *whose, struct sealed_error *error)
{
    static const struct {
        const char *sql, *what;
    } checks[] = {
        {"SELECT count(*) FROM pair p WHERE holder <> '' AND NOT EXISTS (SELECT 1 FROM log l WHERE l.iccid = "
         "p.iccid"
         " AND l.idx = p.idx AND l.event IN ('reveal', 'held') AND l.party = p.holder)",
         "a pair has a holder that the log does not know"},
        {"SELECT count(*) FROM log l WHERE event IN ('reveal', 'held') AND NOT EXISTS (SELECT 1 FROM pair p "
         "WHERE"
         " p.iccid = l.iccid AND p.idx = l.idx AND p.holder = l.party)",
         "a pair was revealed that has another holder, or none"},
        {"SELECT count(*) FROM pair WHERE entitled <> '' AND holder <> '' AND entitled <> holder",
         "somebody is entitled to a pair that another holds"},
        {"SELECT count(*) FROM pair WHERE (entitled <> '' AND entitled NOT IN (SELECT name FROM operator)) OR"
         " (holder <> '' AND holder NOT IN (SELECT name FROM operator))",
         "a pair belongs to an operator that is not there"},
    };
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        const int64_t n = number_of(v, checks[i].sql, error);
        if (n != 0)
            return n > 0 && vault_say(error, "%.300s: inconsistent: %s", whose, checks[i].what);
    }
    return true;
}

/* The chain taken over from another vault ends as it did when it was taken over. */
static bool check_inherited(struct vault *v, struct sealed_error *error)
{
    if (v->state.inherited.count == 0)
        return true;
    struct buf out;
    uint8_t head[VAULT_HASH];
    sqlite3_stmt *q = sealed_prepare(v->file, "SELECT detail FROM log WHERE event = 'receive'", error);
    if (q == NULL)
        return false;
    out = buf_of(head, sizeof head);
    const int row = sealed_next(v->file, q, error);
    bool good = row > 0 && hex_parse(sealed_text(q, 0), &out, NULL) && out.len == VAULT_HASH;
    sqlite3_finalize(q);
    if (row < 0)
        return false;
    if (!good)
        return vault_say(error, "%.300s: inconsistent: nobody knows where its inherited log came from",
                         sealed_path(v->file));
    return check_chain(v, "inherited", v->state.inherited.count, head, 0, NULL, error);
}

bool vault_verify(struct vault *v, int64_t entry, const uint8_t hash[VAULT_HASH], struct sealed_error *error)
{
    error->text[0] = '\0';
    if (!sealed_begin(v->file, error))
        return false;
    bool good = authenticate(v, entry, hash, error) && check_inherited(v, error) && check_seals(v, error) &&
                vault_story(v, sealed_path(v->file), error);
    sealed_rollback(v->file);
    return good;
}

static bool each_row(struct vault *v, const char *sql, bool (*each)(void *each_ctx, sqlite3_stmt *q),
                     void *ctx, struct sealed_error *error)
{
    if (!vault_begin(v, error))
        return false;
    sqlite3_stmt *q = sealed_prepare(v->file, sql, error);
    int row = 0;
    bool good = q != NULL;
    while (good && (row = sealed_next(v->file, q, error)) > 0)
        good = each(ctx, q);
    good = good && row == 0;
    sqlite3_finalize(q);
    sealed_rollback(v->file);
    return good;
}

struct pairs_ctx {
    bool (*each)(void *ctx, const struct vault_line *line);
    void *ctx;
};

static bool pair_line(void *ctx, sqlite3_stmt *q)
{
    const struct pairs_ctx *c = ctx;
    const struct vault_line line = {sealed_text(q, 0), sealed_text(q, 1), sealed_text(q, 2),
                                    sealed_text(q, 3)};
    return c->each(c->ctx, &line);
}

bool vault_each_pair(struct vault *v, bool (*each)(void *ctx, const struct vault_line *line), void *ctx,
                     struct sealed_error *error)
{
    struct pairs_ctx c = {each, ctx};
    return each_row(v, "SELECT iccid, idx, entitled, holder FROM pair ORDER BY iccid, length(idx), idx",
                    pair_line, &c, error);
}

struct operators_ctx {
    bool (*each)(void *ctx, const struct vault_operator_line *line);
    void *ctx;
};

static bool operator_line(void *ctx, sqlite3_stmt *q)
{
    const struct operators_ctx *c = ctx;
    char print[CMS_PRINT_TEXT] = "", until[32] = "";
    struct tm tm;
    X509 *x = cms_certificate_of(sealed_bytes(q, 1));
    if (x != NULL && cms_print(x, print) && ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) == 1)
        strftime(until, sizeof until, "%Y-%m-%d", &tm);
    X509_free(x);
    const struct vault_operator_line line = {sealed_text(q, 0), print, until};
    return c->each(c->ctx, &line);
}

bool vault_each_operator(struct vault *v, bool (*each)(void *ctx, const struct vault_operator_line *line),
                         void *ctx, struct sealed_error *error)
{
    struct operators_ctx c = {each, ctx};
    return each_row(v, "SELECT name, certificate FROM operator ORDER BY name", operator_line, &c, error);
}

struct log_ctx {
    bool (*each)(void *ctx, const struct vault_log_line *line);
    void *ctx;
};

static bool log_line(void *ctx, sqlite3_stmt *q)
{
    const struct log_ctx *c = ctx;
    const struct vault_log_line line = {sqlite3_column_int64(q, 0), sealed_text(q, 1), sealed_text(q, 2),
                                        sealed_text(q, 3),          sealed_text(q, 4), sealed_text(q, 5),
                                        sealed_text(q, 6),          sealed_bytes(q, 7)};
    return c->each(c->ctx, &line);
}

bool vault_each_entry(struct vault *v, bool (*each)(void *ctx, const struct vault_log_line *line), void *ctx,
                      struct sealed_error *error)
{
    struct log_ctx c = {each, ctx};
    return each_row(v, "SELECT entry, at, event, iccid, idx, party, detail, hash FROM log ORDER BY entry",
                    log_line, &c, error);
}
