/* SPDX-License-Identifier: Apache-2.0 */
#include "handover.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto.h"
#include "hex.h"
#include "one_line.h"
#include "profile.h"
#include "records.h"
#include "secret_text.h"
#include "sql.h"

enum { TEXT_MAX = 2 * HANDOVER_POR_MAX + 128 };

static bool say(struct handover_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool say(struct handover_error *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    one_line_make(error->text);
    return false;
}

static void drop_keys(struct handover_row *row)
{
    if (row->keys != NULL)
        crypto_wipe(row->keys, strlen(row->keys));
    free(row->keys);
    row->keys = NULL;
}

void handover_free(struct handover_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        free(list->rows[i].por);
        drop_keys(&list->rows[i]);
    }
    free(list->rows);
    *list = (struct handover_list){0};
}

/* ---- ranges ---- */

static bool digits(const char *text, size_t n)
{
    return strspn(text, "0123456789") >= n;
}

bool handover_range_of(const char *text, struct handover_range *range)
{
    const char *dash = strchr(text, '-');
    size_t n = dash != NULL ? (size_t)(dash - text) : 0;
    if (n < 6 || n > 15 || strlen(dash + 1) != n || !digits(text, n) || !digits(dash + 1, n))
        return false;
    memcpy(range->first, text, n);
    range->first[n] = '\0';
    memcpy(range->last, dash + 1, n + 1);
    return strcmp(range->first, range->last) <= 0;
}

bool handover_in_range(const struct handover_range *ranges, size_t n, const char *imsi)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(imsi) == strlen(ranges[i].first) && strcmp(imsi, ranges[i].first) >= 0 &&
            strcmp(imsi, ranges[i].last) <= 0)
            return true;
    return false;
}

/* ---- rows ---- */

static struct handover_row *new_row(struct handover_list *list, struct handover_error *error)
{
    if (list->n == list->cap) {
        size_t cap = list->cap == 0 ? 64 : 2 * list->cap;
        struct handover_row *rows =
            list->n < HANDOVER_ROWS_MAX ? realloc(list->rows, cap * sizeof *rows) : NULL;
        if (rows == NULL) {
            say(error, list->n < HANDOVER_ROWS_MAX ? "no memory" : "more than %d cards", HANDOVER_ROWS_MAX);
            return NULL;
        }
        list->rows = rows;
        list->cap = cap;
    }
    struct handover_row *row = &list->rows[list->n++];
    memset(row, 0, sizeof *row);
    return row;
}

static bool hex_text(const char *text, size_t max)
{
    size_t n = strspn(text, "0123456789abcdefABCDEF");
    return text[n] == '\0' && n % 2 == 0 && n <= 2 * max;
}

static bool small_number(const char *text, unsigned *value)
{
    size_t n = strspn(text, "0123456789");
    if (n < 1 || n > 3 || text[n] != '\0')
        return false;
    *value = (unsigned)strtoul(text, NULL, 10);
    return true;
}

static bool set(char *to, size_t room, const char *from)
{
    size_t n = strlen(from);
    if (n >= room)
        return false;
    memcpy(to, from, n + 1);
    return true;
}

/* The five fields, with '-' for an empty one. */
static bool fill_row(struct handover_list *list, char *const field[5], struct handover_error *error)
{
    const char *reference = strcmp(field[3], "-") == 0 ? "" : field[3],
               *por = strcmp(field[4], "-") == 0 ? "" : field[4];
    struct handover_row *row = new_row(list, error);
    if (row == NULL)
        return false;
    size_t iccid = strlen(field[0]), imsi = strlen(field[1]);
    if (iccid < 18 || !set(row->iccid, sizeof row->iccid, field[0]) || !digits(row->iccid, iccid))
        return say(error, "ICCID '%.24s' is not 18 to 20 digits", field[0]);
    if (imsi < 6 || !set(row->imsi, sizeof row->imsi, field[1]) || !digits(row->imsi, imsi))
        return say(error, "card %s: IMSI '%.20s' is not 6 to 15 digits", row->iccid, field[1]);
    if (!small_number(field[2], &row->index))
        return say(error, "card %s: index '%.20s' is no number", row->iccid, field[2]);
    if (!hex_text(reference, HANDOVER_REFERENCE_MAX) ||
        !set(row->reference, sizeof row->reference, reference))
        return say(error, "card %s: the reference is not hex of at most %d octets", row->iccid,
                   HANDOVER_REFERENCE_MAX);
    if (!hex_text(por, HANDOVER_POR_MAX))
        return say(error, "card %s: the proof of receipt is not hex", row->iccid);
    row->por = strdup(por);
    return row->por != NULL || say(error, "no memory");
}

/* Cuts at `mark`: exactly five fields. */
static bool cut(char *text, char mark, char *field[5])
{
    for (int i = 0; i < 5; i++) {
        char *next = strchr(text, mark);
        field[i] = text;
        if ((next == NULL) != (i == 4))
            return false;
        if (next != NULL) {
            *next = '\0';
            text = next + 1;
        }
    }
    return true;
}

bool handover_add_text(struct handover_list *list, const char *text, struct handover_error *error)
{
    char *field[5], *copy = strlen(text) < TEXT_MAX ? strdup(text) : NULL;
    if (copy == NULL)
        return say(error, "the row is too long");
    bool good = cut(copy, ',', field) ? fill_row(list, field, error)
                                      : say(error, "a row is iccid,imsi,index,reference,por ('-' for none)");
    free(copy);
    return good;
}

/* ---- keys that go along ---- */

/* The line, checked: it is this card's pair, with this IMSI. */
static bool set_keys(struct handover_row *row, const char *line, struct handover_error *error)
{
    char copy[KEYS_LINE_MAX];
    struct key_row keys;
    struct keys_error why;
    if (!set(copy, sizeof copy, line))
        return say(error, "card %s: its keys are too long", row->iccid);
    bool good =
        keys_parse("handover list", copy, &keys, &why) || say(error, "card %s: %s", row->iccid, why.text);
    if (good && (keys.common || strcmp(keys.iccid, row->iccid) != 0 || keys.index != row->index ||
                 strcmp(keys.imsi, row->imsi) != 0))
        good = say(error, "card %s: the keys with it are not those of its pair %u and IMSI %s", row->iccid,
                   row->index, row->imsi);
    crypto_wipe(copy, sizeof copy);
    crypto_wipe(&keys, sizeof keys);
    drop_keys(row);
    if (good && (row->keys = strdup(line)) == NULL)
        good = say(error, "no memory");
    return good;
}

/* The cards by ICCID and pair: a maker's file may have millions of rows, and is read once. */
struct wanting {
    struct handover_row **rows;
    size_t n;
    struct handover_error *error;
};

static int compare(const char *iccid, unsigned index, const struct handover_row *row)
{
    int order = strcmp(iccid, row->iccid);
    return order != 0 ? order : (index > row->index) - (index < row->index);
}

static int by_pair(const void *a, const void *b)
{
    struct handover_row *const *x = a, *const *y = b;
    return compare((*x)->iccid, (*x)->index, *y);
}

static bool give_keys(struct handover_row *row, const struct key_row *keys, struct handover_error *error)
{
    char line[KEYS_LINE_MAX];
    struct key_row own = *keys;
    snprintf(own.imsi, sizeof own.imsi, "%s", row->imsi);
    bool good =
        (keys_format(&own, line) || say(error, "card %s: its keys cannot be written down", row->iccid)) &&
        set_keys(row, line, error);
    crypto_wipe(&own, sizeof own);
    crypto_wipe(line, sizeof line);
    return good;
}

static bool offer(void *ctx, const struct key_row *keys, struct keys_error *why)
{
    struct wanting *w = ctx;
    size_t from = 0, to = w->n;
    if (keys->common || keys->pin)
        return true;
    while (from < to) { /* the first that is not before it */
        const size_t middle = from + (to - from) / 2;
        if (compare(keys->iccid, keys->index, w->rows[middle]) > 0)
            from = middle + 1;
        else
            to = middle;
    }
    for (; from < w->n && compare(keys->iccid, keys->index, w->rows[from]) == 0; from++)
        if (w->rows[from]->keys == NULL && !give_keys(w->rows[from], keys, w->error)) {
            memcpy(why->text, w->error->text, sizeof why->text);
            return false;
        }
    return true;
}

bool handover_add_keys(struct handover_list *list, const char *path, struct handover_error *error)
{
    struct keys_error why;
    struct wanting w = {malloc((list->n + 1) * sizeof *w.rows), list->n, error};
    if (w.rows == NULL)
        return say(error, "no memory");
    for (size_t i = 0; i < list->n; i++)
        w.rows[i] = &list->rows[i];
    qsort(w.rows, w.n, sizeof *w.rows, by_pair);
    for (size_t i = 0; i < list->n; i++)
        drop_keys(&list->rows[i]);
    bool good = keys_each(path, offer, &w, &why) || say(error, "%s", why.text);
    free(w.rows);
    for (size_t i = 0; i < list->n && good; i++)
        if (list->rows[i].keys == NULL)
            good =
                say(error, "%.300s: no pair %u for card %s", path, list->rows[i].index, list->rows[i].iccid);
    return good;
}

bool handover_write_keys(const struct handover_list *list, const char *path, struct handover_error *error)
{
    struct secret_text t = {0};
    struct cms_error why;
    char header[KEYS_LINE_MAX];
    keys_header(header);
    secret_text_add(&t, "%s\n", header);
    for (size_t i = 0; i < list->n; i++)
        if (list->rows[i].keys != NULL)
            secret_text_add(&t, "%s\n", list->rows[i].keys);
    bool good = !t.failed || say(error, "no memory");
    if (good && !cms_write_file(path, span_of(t.p, t.len), &why))
        good = say(error, "%s", why.text);
    secret_text_free(&t);
    return good;
}

/* ---- A's records ---- */

static sqlite3 *open_records(const char *path, int flags, struct handover_error *error)
{
    sqlite3 *db = NULL;
    if (sql_open(path, flags, &db) != SQLITE_OK) {
        say(error, "%.300s: %s", path, sql_open_text(db));
        sqlite3_close(db);
        return NULL;
    }
    return db;
}

static bool db_fail(sqlite3 *db, const char *path, struct handover_error *error)
{
    return say(error, "%.300s: %s", path, sql_text(db));
}

static bool blob_hex(sqlite3_stmt *q, int column, char **to)
{
    const void *p = sqlite3_column_blob(q, column);
    int n = sqlite3_column_bytes(q, column);
    size_t len = p != NULL && n > 0 ? (size_t)n : 0;
    *to = malloc(2 * len + 1);
    if (*to == NULL)
        return false;
    hex_format(span_of(p, len), *to);
    return true;
}

static const char *text_of(sqlite3_stmt *q, int column)
{
    const void *text = sqlite3_column_text(q, column);
    return text != NULL ? text : "";
}

static bool record_row(struct handover_list *list, sqlite3_stmt *q, struct handover_error *error)
{
    char iccid[32], imsi[32], index[16], *reference = NULL, *por = NULL;
    snprintf(iccid, sizeof iccid, "%s", text_of(q, 0));
    snprintf(imsi, sizeof imsi, "%s", text_of(q, 1));
    snprintf(index, sizeof index, "%lld", (long long)sqlite3_column_int64(q, 2));
    bool good = blob_hex(q, 3, &reference) && blob_hex(q, 4, &por);
    char *field[5] = {iccid, imsi, index, reference, por};
    good = good ? fill_row(list, field, error) : say(error, "no memory");
    free(reference);
    free(por);
    return good;
}

bool handover_add_records(struct handover_list *list, const char *path, const struct handover_range *ranges,
                          size_t n_ranges, struct handover_error *error)
{
    /* What the card said it has now counts, not what it was asked for. */
    static const char sql[] = "SELECT iccid, imsi, coalesce(active, wanted), reference, por FROM "
                              "change_order o WHERE outcome = 'obeyed' AND"
                              " coalesce(active, wanted) IS NOT NULL AND id = (SELECT max(id) FROM "
                              "change_order l WHERE l.iccid = o.iccid AND"
                              " l.outcome = 'obeyed') ORDER BY id";
    sqlite3_stmt *q = NULL;
    sqlite3 *db = open_records(path, SQLITE_OPEN_READONLY, error);
    if (db == NULL)
        return false;
    int rc = sqlite3_prepare_v2(db, sql, -1, &q, NULL);
    bool good = rc == SQLITE_OK || db_fail(db, path, error);
    while (good && (rc = sqlite3_step(q)) == SQLITE_ROW)
        if (handover_in_range(ranges, n_ranges, text_of(q, 1)))
            good = record_row(list, q, error);
    if (good && rc != SQLITE_DONE)
        good = db_fail(db, path, error);
    sqlite3_finalize(q);
    sqlite3_close(db);
    return good;
}

/* ---- the message ---- */

static void write_list(struct secret_text *t, const struct handover_list *list)
{
    bool keys = false;
    for (size_t i = 0; i < list->n; i++)
        keys = keys || list->rows[i].keys != NULL;
    secret_text_add(t, "softuicc-handover %d\nnumber %s\nfrom %s\nto %s\ncards %zu\n", keys ? 2 : 1,
                    list->number, list->from, list->to, list->n);
    for (size_t i = 0; i < list->n; i++) {
        const struct handover_row *r = &list->rows[i];
        secret_text_add(t, "%s\t%s\t%u\t%s\t%s\n", r->iccid, r->imsi, r->index,
                        r->reference[0] != '\0' ? r->reference : "-", r->por[0] != '\0' ? r->por : "-");
        if (r->keys != NULL) /* version 2 */
            secret_text_add(t, "key %s\n", r->keys);
    }
}

bool handover_pack(struct handover_list *list, const struct cms_identity *signer, X509 *to, uint8_t **out,
                   size_t *n, struct handover_error *error)
{
    uint8_t number[16];
    struct secret_text t = {0};
    struct cms_error why;
    if (list->n == 0)
        return say(error, "there is no card to hand over");
    if (!crypto_random(NULL, number, sizeof number) || !cms_print(signer->certificate, list->from) ||
        !cms_print(to, list->to))
        return say(error, "OpenSSL failed");
    hex_format(span_of(number, sizeof number), list->number);
    write_list(&t, list);
    bool good = !t.failed || say(error, "no memory");
    if (good && !cms_pack(span_of(t.p, t.len), signer, to, out, n, &why))
        good = say(error, "%s", why.text);
    secret_text_free(&t);
    return good;
}

static char *next_line(char **at, char *end)
{
    char *line = *at;
    char *stop = line < end ? memchr(line, '\n', (size_t)(end - line)) : NULL;
    if (stop == NULL || memchr(line, '\0', (size_t)(stop - line)) != NULL)
        return NULL;
    *stop = '\0';
    *at = stop + 1;
    return line;
}

static bool value(char **at, char *end, const char *name, char *to, size_t room)
{
    char *line = next_line(at, end);
    size_t n = strlen(name);
    return line != NULL && strncmp(line, name, n) == 0 && line[n] == ' ' && line[n + 1] != '\0' &&
           set(to, room, line + n + 1);
}

static bool read_list(char *at, char *end, struct handover_list *list, struct handover_error *error)
{
    char count[16] = "", expected[16], *line = next_line(&at, end);
    bool with_keys = line != NULL && strcmp(line, "softuicc-handover 2") == 0;
    if (line == NULL || (!with_keys && strcmp(line, "softuicc-handover 1") != 0))
        return say(error, "not a handover list");
    if (!value(&at, end, "number", list->number, sizeof list->number) ||
        !value(&at, end, "from", list->from, sizeof list->from) ||
        !value(&at, end, "to", list->to, sizeof list->to) || !value(&at, end, "cards", count, sizeof count) ||
        strlen(list->number) != 32 || !hex_text(list->number, 16))
        return say(error, "a handover list that is damaged");
    while ((line = next_line(&at, end)) != NULL) {
        char *field[5];
        if (with_keys && list->n > 0 && strncmp(line, "key ", 4) == 0 &&
            list->rows[list->n - 1].keys == NULL) {
            if (!set_keys(&list->rows[list->n - 1], line + 4, error))
                return false;
            continue;
        }
        if (!cut(line, '\t', field))
            return say(error, "a handover list that is damaged, at card %zu", list->n + 1);
        if (!fill_row(list, field, error))
            return false;
    }
    snprintf(expected, sizeof expected, "%zu", list->n);
    return (at == end && strcmp(count, expected) == 0) || say(error, "a handover list that is damaged");
}

bool handover_unpack(struct span packed, const struct cms_identity *self, X509 *trusted,
                     struct handover_list *out, struct handover_error *error)
{
    uint8_t *text = NULL;
    size_t n = 0;
    struct cms_error why;
    char us[CMS_PRINT_TEXT], them[CMS_PRINT_TEXT];
    *out = (struct handover_list){0};
    if (!cms_print(self->certificate, us) || !cms_print(trusted, them))
        return say(error, "OpenSSL failed");
    if (!cms_unpack(packed, self, trusted, NULL, &text, &n, &why))
        return say(error, "%s", why.text);
    bool good = read_list((char *)text, (char *)text + n, out, error);
    cms_free(text, n);
    /* What A signed for somebody else does not become a list for us because that one sent it on. */
    if (good && (strcmp(out->to, us) != 0 || strcmp(out->from, them) != 0))
        good = say(error, "the list was made for another certificate, and sent on to this one");
    if (!good)
        handover_free(out);
    return good;
}

/* ---- B's records ---- */

static const char tables[] =
    "CREATE TABLE IF NOT EXISTS handover (number TEXT PRIMARY KEY, sender TEXT NOT NULL,"
    " imported_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')), cards INTEGER NOT NULL) WITHOUT "
    "ROWID;"
    "CREATE TABLE IF NOT EXISTS handover_card (iccid TEXT NOT NULL, idx INTEGER NOT NULL, imsi TEXT NOT NULL "
    "UNIQUE,"
    " reference TEXT NOT NULL, por TEXT NOT NULL, number TEXT NOT NULL REFERENCES handover,"
    " PRIMARY KEY (iccid, idx)) WITHOUT ROWID;";

struct importing {
    sqlite3 *db;
    sqlite3_stmt *insert;
    const struct handover_list *list;
    const struct handover_policy *policy;
    const char *path;
    void (*refused)(void *ctx, const char *line);
    void *ctx;
    size_t n_refused;
};

static void refuse(struct importing *im, const struct handover_row *r, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void refuse(struct importing *im, const struct handover_row *r, const char *format, ...)
{
    char why[200], line[300];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    snprintf(line, sizeof line, "card %s, IMSI %s, index %u: %s", r->iccid, r->imsi, r->index, why);
    im->n_refused++;
    im->refused(im->ctx, line);
}

/* A response packet as a short message carries it (3GPP TS 31.115 5): UDHL 02, IEI 71, IEDL 00, RPL, and as
 * much as RPL says. Its check only A can verify, who has the keys; B keeps it for when it matters. */
static bool looks_like_por(const char *hex)
{
    enum { LEAST = 3 + 2 + 1 + 3 + 5 + 1 + 1 };
    uint8_t p[HANDOVER_POR_MAX];
    struct buf b = buf_of(p, sizeof p);
    if (!hex_parse(hex, &b, NULL) || b.len < LEAST)
        return false;
    return p[0] == 0x02 && p[1] == 0x71 && p[2] == 0 && (size_t)(p[3] << 8 | p[4]) == b.len - 5;
}

/* What is wrong with the row by itself; true: nothing. */
static bool plausible(struct importing *im, const struct handover_row *r)
{
    if (!handover_in_range(im->policy->ranges, im->policy->n_ranges, r->imsi))
        refuse(im, r, "the IMSI is none of ours");
    else if (r->index == 0 && r->keys == NULL)
        refuse(im, r, "pair 0 is the one the card was made with: nobody changes to it");
    else if (r->index >= im->policy->pairs)
        refuse(im, r, "the card has pairs 0 to %u only", im->policy->pairs - 1);
    else if (r->por[0] == '\0')
        refuse(im, r, "no proof of receipt: it is not known that the card obeyed");
    else if (!looks_like_por(r->por))
        refuse(im, r, "the proof of receipt is no response packet");
    else
        return true;
    return false;
}

/* What of this row is there already: in the records, or from a row before it. */
static bool insert_row(struct importing *im, const struct handover_row *r, struct handover_error *error)
{
    sqlite3_stmt *q = im->insert;
    sqlite3_bind_text(q, 1, r->iccid, -1, SQLITE_TRANSIENT);
    sqlite3_bind_int64(q, 2, r->index);
    sqlite3_bind_text(q, 3, r->imsi, -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(q, 4, r->reference, -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(q, 5, r->por, -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(q, 6, im->list->number, -1, SQLITE_TRANSIENT);
    int rc = sqlite3_step(q);
    int extended = sqlite3_extended_errcode(im->db);
    sqlite3_reset(q);
    if (rc == SQLITE_DONE)
        return true;
    if (rc != SQLITE_CONSTRAINT)
        return db_fail(im->db, im->path, error);
    refuse(im, r,
           extended == SQLITE_CONSTRAINT_UNIQUE ? "this IMSI was handed over before, or twice"
                                                : "this pair of this card was handed over before, or twice");
    return true;
}

static bool begin_list(struct importing *im, struct handover_error *error)
{
    sqlite3_stmt *q = NULL;
    if (sqlite3_exec(im->db, tables, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(im->db, "INSERT INTO handover (number, sender, cards) VALUES (?1, ?2, ?3)", -1, &q,
                           NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(im->db, "INSERT INTO handover_card VALUES (?1, ?2, ?3, ?4, ?5, ?6)", -1,
                           &im->insert, NULL) != SQLITE_OK) {
        sqlite3_finalize(q);
        return db_fail(im->db, im->path, error);
    }
    sqlite3_bind_text(q, 1, im->list->number, -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(q, 2, im->list->from, -1, SQLITE_TRANSIENT);
    sqlite3_bind_int64(q, 3, (sqlite3_int64)im->list->n);
    int rc = sqlite3_step(q);
    sqlite3_finalize(q);
    if (rc == SQLITE_CONSTRAINT)
        return say(error, "%.300s: this very list was imported before", im->path);
    return rc == SQLITE_DONE || db_fail(im->db, im->path, error);
}

static bool import_rows(struct importing *im, struct handover_error *error)
{
    const struct handover_list *list = im->list;
    if (!begin_list(im, error))
        return false;
    for (size_t i = 0; i < list->n; i++)
        if (plausible(im, &list->rows[i]) && !insert_row(im, &list->rows[i], error))
            return false;
    return im->n_refused == 0 ||
           say(error, "%zu of %zu cards refused; nothing was imported", im->n_refused, list->n);
}

bool handover_import(const struct handover_list *list, const struct handover_policy *policy,
                     const char *records, void (*refused)(void *ctx, const char *line), void *ctx,
                     struct handover_error *error)
{
    struct records_error why;
    struct importing im = {.list = list, .policy = policy, .path = records, .refused = refused, .ctx = ctx};
    /* Made if it is not there, and known to be records if it is. */
    struct stat st;
    bool was_there = stat(records, &st) == 0;
    struct records *made = records_open(records, &why);
    if (made == NULL)
        return say(error, "%s", why.text);
    records_close(made);
    im.db = open_records(records, SQLITE_OPEN_READWRITE, error);
    if (im.db == NULL)
        return false;
    sqlite3_extended_result_codes(im.db, 0);
    bool good =
        sqlite3_exec(im.db, "PRAGMA synchronous = EXTRA; BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK ||
        db_fail(im.db, records, error);
    good = good && import_rows(&im, error);
    sqlite3_finalize(im.insert);
    if (good && sqlite3_exec(im.db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        good = db_fail(im.db, records, error);
    sqlite3_close(im.db); /* rolls back */
    if (!good && !was_there)
        unlink(records);
    return good;
}
