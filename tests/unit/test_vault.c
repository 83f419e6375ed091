/* SPDX-License-Identifier: Apache-2.0
 *
 * The vault: one pair, once, to the one who is entitled to it; and whatever is changed in the file behind its
 * back is noticed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz_sql.h"
#include "hex.h"
#include "identity.h"
#include "one_line.h"
#include "vault.h"

#define CARD  "8900101000000000019"
#define CARD2 "8900101000000000027"

struct place {
    char dir[64], path[96], key[96], copy[96];
    struct cms_identity a, b, self;
};

static int setup(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    if (p == NULL)
        return -1;
    snprintf(p->dir, sizeof p->dir, "/tmp/softuicc-vault-XXXXXX");
    if (mkdtemp(p->dir) == NULL) {
        free(p);
        return -1;
    }
    snprintf(p->path, sizeof p->path, "%s/vault", p->dir);
    snprintf(p->key, sizeof p->key, "%s/vault.key", p->dir);
    snprintf(p->copy, sizeof p->copy, "%s/copy", p->dir);
    p->a = identity("A", true);
    p->b = identity("B", false);
    p->self = identity("vault", false);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;
    unlink(p->path);
    unlink(p->key);
    unlink(p->copy);
    int rc = rmdir(p->dir);
    identity_free(&p->a);
    identity_free(&p->b);
    identity_free(&p->self);
    free(p);
    return rc;
}

static void fill(struct vault *v)
{
    struct sealed_error e;
    struct key_row row;
    good(e, vault_import_begin(v, &e));
    for (unsigned i = 0; i < 3; i++) {
        row = identity_pair(CARD, false, i);
        good(e, vault_import_row(v, &row, &e));
        row = identity_pair(CARD2, false, i);
        good(e, vault_import_row(v, &row, &e));
    }
    row = identity_pair(CARD, true, 0);
    good(e, vault_import_row(v, &row, &e));
    good(e, vault_import_end(v, "test", &e));
}

static struct vault *made(const struct place *p)
{
    struct sealed_error e;
    const struct vault_config config = {.path = p->path, .create = true};
    struct vault *v = vault_open(&config, &e);
    if (v == NULL)
        fail_msg("%s", e.text);
    fill(v);
    good(e, vault_operator_add(v, "A", p->a.certificate, &e));
    good(e, vault_operator_add(v, "B", p->b.certificate, &e));
    return v;
}

static struct vault *opened(const char *path, const struct place *p, struct sealed_error *e)
{
    const struct vault_config config = {.path = path, .key_file = p->key};
    return vault_open(&config, e);
}

static struct vault_pair pair(unsigned index)
{
    return (struct vault_pair){.iccid = CARD, .index = index};
}

/* ---- what it is for ---- */

static void test_reveal(void **state)
{
    struct place *p = *state;
    struct sealed_error e;
    struct vault_delivery d, again;
    struct vault_opened o;
    struct vault *v = made(p);
    const struct vault_pair one = pair(1);
    const struct key_row expected = identity_pair(CARD, false, 1);

    bad(e, vault_reveal(v, &one, "B", &d, &e), "'B' is not entitled");
    assert_null(d.bytes);
    good(e, vault_entitle(v, &one, "B", &e));
    bad(e, vault_reveal(v, &one, "A", &d, &e), "'A' is not entitled");
    bad(e, vault_entitle(v, &one, "A", &e), "'B' is entitled to pair 1");
    good(e, vault_reveal(v, &one, "B", &d, &e));

    /* only he can open it */
    bad(e, vault_unpack(span_of(d.bytes, d.n), &p->a, NULL, &o, &e), "not enveloped for this certificate");
    bad(e, vault_unpack(span_of(d.bytes, d.n), &p->b, p->self.certificate, &o, &e),
        "signature: there is none");
    good(e, vault_unpack(span_of(d.bytes, d.n), &p->b, NULL, &o, &e));
    assert_false(o.has_signature);
    assert_string_equal(o.name, "B");
    assert_int_equal(o.entry, d.entry);
    assert_memory_equal(&o.row, &expected, sizeof expected);
    /* its bytes have no key in clear */
    assert_null(memmem(d.bytes, d.n, "AAAAAAAA", 8));

    /* once more for him; never for another */
    good(e, vault_reveal(v, &one, "B", &again, &e));
    assert_true(again.entry > d.entry);
    cms_free(again.bytes, again.n);
    bad(e, vault_withdraw(v, &one, &e), "cannot be taken back");
    bad(e, vault_entitle(v, &one, "A", &e), "revealed to 'B'");
    bad(e, vault_reveal(v, &one, "A", &again, &e), "revealed to 'B': never to anybody else");
    good(e, vault_verify(v, d.entry, d.hash, &e));
    cms_free(d.bytes, d.n);
    vault_close(v);
    v = opened(p->path, p, &e);
    assert_non_null(v);
    bad(e, vault_reveal(v, &one, "A", &again, &e), "revealed to 'B': never to anybody else");
    vault_close(v);
}

static void test_withdraw_and_common(void **state)
{
    struct place *p = *state;
    struct sealed_error e;
    struct vault_delivery d;
    struct vault *v = made(p);
    const struct vault_pair zero = pair(0), common = {.iccid = CARD, .common = true};
    struct vault_opened o;
    good(e, vault_entitle(v, &zero, "A", &e));
    good(e, vault_withdraw(v, &zero, &e));
    bad(e, vault_withdraw(v, &zero, &e), "nobody is entitled");
    bad(e, vault_reveal(v, &zero, "A", &d, &e), "not entitled");
    good(e, vault_entitle(v, &common, "A", &e));
    good(e, vault_reveal(v, &common, "A", &d, &e));
    good(e, vault_unpack(span_of(d.bytes, d.n), &p->a, NULL, &o, &e));
    assert_true(o.row.common);
    cms_free(d.bytes, d.n);
    vault_close(v);
}

static void test_signed(void **state)
{
    struct place *p = *state;
    struct sealed_error e;
    struct vault_delivery d;
    struct vault_opened o;
    struct vault *v = made(p);
    const struct vault_pair one = pair(1);
    struct cms_identity wrong = {p->self.certificate, p->a.key};
    bad(e, vault_identify(v, &wrong, &e), "not that of the certificate");
    good(e, vault_identify(v, &p->self, &e));
    good(e, vault_entitle(v, &one, "B", &e));
    good(e, vault_reveal(v, &one, "B", &d, &e));
    good(e, vault_unpack(span_of(d.bytes, d.n), &p->b, p->self.certificate, &o, &e));
    assert_true(o.has_signature);
    bad(e, vault_unpack(span_of(d.bytes, d.n), &p->b, p->a.certificate, &o, &e), "not by the certificate");
    good(e, vault_unpack(span_of(d.bytes, d.n), &p->b, NULL, &o, &e));
    assert_true(o.has_signature);

    /* no octet of it can be changed, and no part left out */
    for (size_t i = 0; i < d.n; i += 7) {
        d.bytes[i] ^= 1;
        if (vault_unpack(span_of(d.bytes, d.n), &p->b, p->self.certificate, &o, &e)) {
            const struct key_row expected = identity_pair(CARD, false, 1); /* an octet that says nothing */
            assert_memory_equal(&o.row, &expected, sizeof expected);
        }
        d.bytes[i] ^= 1;
    }
    for (size_t n = 0; n < d.n; n += 13)
        assert_false(vault_unpack(span_of(d.bytes, n), &p->b, p->self.certificate, &o, &e));
    cms_free(d.bytes, d.n);
    vault_close(v);
}

/* B sends A what the vault made for B: A must not take it for his own. */
static void test_forwarded(void **state)
{
    struct place *p = *state;
    struct sealed_error e;
    struct cms_error why;
    struct vault_delivery d;
    struct vault_opened o;
    struct vault *v = made(p);
    const struct vault_pair one = pair(1);
    uint8_t *clear = NULL, *forwarded = NULL;
    size_t n = 0, n_forwarded = 0;
    good(e, vault_entitle(v, &one, "B", &e));
    good(e, vault_reveal(v, &one, "B", &d, &e));
    good(why, cms_unpack(span_of(d.bytes, d.n), &p->b, NULL, NULL, &clear, &n, &why));
    good(why, cms_pack(span_of(clear, n), NULL, p->a.certificate, &forwarded, &n_forwarded, &why));
    bad(e, vault_unpack(span_of(forwarded, n_forwarded), &p->a, NULL, &o, &e),
        "made for another certificate");
    cms_free(clear, n);
    cms_free(forwarded, n_forwarded);
    cms_free(d.bytes, d.n);
    vault_close(v);
}

static void test_operators(void **state)
{
    struct place *p = *state;
    struct sealed_error e;
    struct vault_delivery d;
    struct vault_opened o;
    struct vault *v = made(p);
    struct cms_identity old = identity_made("old", false, -7200, -3600),
                        soon = identity_made("soon", false, 3600, 7200), other = identity("B again", true);
    const struct vault_pair one = pair(1);
    bad(e, vault_operator_add(v, "C", p->b.certificate, &e), "is that of operator 'B'");
    bad(e, vault_operator_add(v, "B", other.certificate, &e), "an operator 'B' already");
    bad(e, vault_operator_add(v, "C", old.certificate, &e), "expired");
    bad(e, vault_operator_add(v, "C", soon.certificate, &e), "not valid yet");
    bad(e, vault_operator_add(v, "", other.certificate, &e), "name");
    bad(e, vault_operator_add(v, "C\nD", other.certificate, &e), "name");
    bad(e, vault_operator_renew(v, "C", other.certificate, &e), "no operator 'C'");
    bad(e, vault_entitle(v, &one, "C", &e), "no operator 'C'");
    bad(e, vault_entitle(v, &(struct vault_pair){.iccid = CARD, .index = 9}, "B", &e),
        "no pair 9 of card " CARD);
    bad(e, vault_entitle(v, &(struct vault_pair){.iccid = "8900101000000000035"}, "B", &e), "no pair 0");
    good(e, vault_entitle(v, &one, "B", &e));
    good(e, vault_reveal(v, &one, "B", &d, &e));
    cms_free(d.bytes, d.n);
    /* he lost his key: the same party with another certificate */
    good(e, vault_operator_renew(v, "B", other.certificate, &e));
    good(e, vault_reveal(v, &one, "B", &d, &e));
    bad(e, vault_unpack(span_of(d.bytes, d.n), &p->b, NULL, &o, &e), "not enveloped");
    good(e, vault_unpack(span_of(d.bytes, d.n), &other, NULL, &o, &e));
    cms_free(d.bytes, d.n);
    good(e, vault_verify(v, 0, NULL, &e));
    identity_free(&old);
    identity_free(&soon);
    identity_free(&other);
    vault_close(v);
}

static bool is_one_line(void *ctx, const struct vault_log_line *line)
{
    (void)ctx;
    assert_true(one_line_is(line->detail));
    return true;
}

static void test_import(void **state)
{
    struct place *p = *state;
    struct sealed_error e;
    struct vault_status before, after;
    struct vault *v = made(p);
    struct key_row row = identity_pair("8900101000000000035", false, 0);
    good(e, vault_status(v, &before, &e));
    assert_int_equal(before.pairs, 7);
    good(e, vault_import_begin(v, &e));
    good(e, vault_import_row(v, &row, &e));
    row = identity_pair(CARD, false, 2);
    bad(e, vault_import_row(v, &row, &e), "it has pair 2 of card " CARD " already");
    vault_import_abort(v);
    good(e, vault_status(v, &after, &e));
    assert_memory_equal(&before, &after, sizeof after);
    uint64_t rows = 0;
    bad(e, vault_import_file(v, "/nonexistent", &rows, &e), "No such file");
    /* The log names the file: as one line, and as one field of a transfer. */
    row = identity_pair("8900101000000000035", false, 0);
    good(e, vault_import_begin(v, &e));
    good(e, vault_import_row(v, &row, &e));
    good(e, vault_import_end(v, "a\tb\n7:00 reveal", &e));
    good(e, vault_each_entry(v, is_one_line, NULL, &e));
    good(e, vault_verify(v, 0, NULL, &e));
    vault_close(v);
}

static bool count_entries(void *ctx, const struct vault_log_line *line)
{
    int64_t *n = ctx;
    assert_int_equal(line->entry, ++*n);
    return true;
}

/* Two processes: what the one writes the other authenticates and goes on from. */
static void test_two_at_once(void **state)
{
    struct place *p = *state;
    struct sealed_error e;
    struct vault_delivery d;
    struct vault *v = made(p), *w = opened(p->path, p, &e);
    const struct vault_pair one = pair(1), two = pair(2);
    int64_t n = 0;
    assert_non_null(w);
    good(e, vault_entitle(v, &one, "A", &e));
    good(e, vault_entitle(w, &two, "A", &e));
    bad(e, vault_entitle(w, &one, "B", &e), "'A' is entitled");
    good(e, vault_reveal(w, &one, "A", &d, &e));
    cms_free(d.bytes, d.n);
    bad(e, vault_withdraw(v, &one, &e), "cannot be taken back");
    good(e, vault_verify(v, 0, NULL, &e));
    good(e, vault_verify(w, 0, NULL, &e));
    good(e, vault_each_entry(v, count_entries, &n, &e));
    assert_int_equal(n, 7);
    vault_close(v);
    vault_close(w);
}

/* ---- secrets ---- */

static void test_secrets(void **state)
{
    struct place *p = *state;
    struct sealed_error e;
    struct stat st;
    bool wants;
    struct vault *v = made(p);
    vault_close(v);
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(p->key, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    good(e, vault_wants_passphrase(p->path, &wants, &e));
    assert_false(wants);
    const struct vault_config again = {.path = p->path, .create = true};
    bad(e, vault_open(&again, &e) != NULL, "exists already");
    const struct vault_config phrase = {.path = p->path, .passphrase = "x"};
    bad(e, vault_open(&phrase, &e) != NULL, "it has a key file");
    assert_int_equal(chmod(p->key, 0640), 0);
    bad(e, opened(p->path, p, &e) != NULL, "chmod 600");
    assert_int_equal(chmod(p->key, 0600), 0);
    FILE *f = fopen(p->key, "r+");
    assert_non_null(f);
    fputs("another key", f);
    fclose(f);
    bad(e, opened(p->path, p, &e) != NULL, "not the key of this file");
    unlink(p->key);
    bad(e, opened(p->path, p, &e) != NULL, "vault.key: No such file");
}

static void copy_file(const char *from, const char *to)
{
    char buffer[4096];
    size_t n;
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");
    assert_non_null(in);
    assert_non_null(out);
    while ((n = fread(buffer, 1, sizeof buffer, in)) > 0)
        assert_int_equal(fwrite(buffer, 1, n, out), n);
    fclose(in);
    assert_int_equal(fclose(out), 0);
}

static void execute(const char *path, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    char *why = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
    assert_true(sqlite3_total_changes(db) > 0);
    sqlite3_close(db);
}

static void test_passphrase(void **state)
{
    struct place *p = *state;
    struct sealed_error e;
    struct stat st;
    bool wants;
    struct vault_config config = {.path = p->path, .create = true, .passphrase = "correct horse"};
    struct vault *v = vault_open(&config, &e);
    assert_non_null(v);
    fill(v);
    vault_close(v);
    assert_int_not_equal(stat(p->key, &st), 0);
    config.create = false;
    good(e, vault_wants_passphrase(p->path, &wants, &e));
    assert_true(wants);
    config.passphrase = "correct horsf";
    bad(e, vault_open(&config, &e) != NULL, "wrong passphrase");
    config.passphrase = NULL;
    bad(e, vault_open(&config, &e) != NULL, "it wants a passphrase");
    config.passphrase = "correct horse";
    v = vault_open(&config, &e);
    assert_non_null(v);
    good(e, vault_verify(v, 0, NULL, &e));
    vault_close(v);
    /* What a file that somebody made may cost whoever opens it: 2 GB for a guess no more. */
    static const char *const costly[] = {"n = 1048576, r = 16", "r = 9223372036854775807", "p = 128"};
    for (size_t i = 0; i < sizeof costly / sizeof costly[0]; i++) {
        char sql[128];
        snprintf(sql, sizeof sql, "UPDATE sealing SET %s", costly[i]);
        copy_file(p->path, p->copy);
        execute(p->copy, sql);
        config.path = p->copy;
        bad(e, vault_open(&config, &e) != NULL, "beyond what softuicc does");
    }
}

/* ---- tampering ---- */

static void noticed(const struct place *p, const char *sql)
{
    struct sealed_error e = {""};
    copy_file(p->path, p->copy);
    execute(p->copy, sql);
    struct vault *v = opened(p->copy, p, &e);
    if (v != NULL)
        fail_msg("not noticed: %s", sql);
    assert_null(strchr(e.text, '\n'));
    assert_true(e.text[0] != '\0');
}

/* A vault with something in every table and column. */
static void make_full(struct place *p)
{
    struct sealed_error e;
    struct vault_delivery d;
    struct vault *source, *v;
    const struct vault_config config = {.path = p->path, .create = true},
                              memory = {.path = ":memory:", .create = true};
    const struct vault_pair one = pair(1), two = pair(2);
    struct cms_identity second = identity("second vault", true);
    uint8_t *all = NULL;
    size_t n = 0;
    uint64_t pairs = 0;
    source = vault_open(&memory, &e);
    assert_non_null(source);
    fill(source);
    good(e, vault_operator_add(source, "A", p->a.certificate, &e));
    good(e, vault_operator_add(source, "B", p->b.certificate, &e));
    good(e, vault_identify(source, &p->self, &e));
    good(e, vault_entitle(source, &one, "B", &e));
    good(e, vault_reveal(source, &one, "B", &d, &e));
    cms_free(d.bytes, d.n);
    good(e, vault_transfer(source, second.certificate, &all, &n, &e));
    vault_close(source);
    v = vault_open(&config, &e);
    assert_non_null(v);
    good(e, vault_identify(v, &second, &e));
    good(e, vault_receive(v, span_of(all, n), p->self.certificate, &pairs, &e));
    cms_free(all, n);
    good(e, vault_entitle(v, &two, "A", &e));
    good(e, vault_verify(v, 0, NULL, &e));
    vault_close(v);
    identity_free(&second);
}

static void test_every_column(void **state)
{
    struct place *p = *state;
    static const char *const tables[] = {"state", "pair", "operator", "log", "inherited", "sealing"};
    make_full(p);
    unsigned columns = 0;
    sqlite3 *db;
    assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
        char sql[256];
        sqlite3_stmt *q;
        snprintf(sql, sizeof sql, "SELECT name, type FROM pragma_table_info('%s')", tables[t]);
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
        while (sqlite3_step(q) == SQLITE_ROW) {
            const char *name = (const char *)sqlite3_column_text(q, 0),
                       *type = (const char *)sqlite3_column_text(q, 1);
            if (strcmp(name, "id") == 0) /* CHECK: it cannot be changed, only go, with its row */
                continue;
            const char *change = strcmp(type, "TEXT") == 0 ? "%1$s || 'x'"
                                 : strcmp(type, "BLOB") == 0
                                     ? "CAST(substr(%1$s, 1, length(%1$s) - 1) ||"
                                       " CASE substr(%1$s, -1) WHEN x'00' THEN x'01' ELSE x'00' END"
                                       " AS BLOB)"
                                     : "%1$s + 1000";
            char value[300];
            /* the formats are those three lines above */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            snprintf(value, sizeof value, change, name);
#pragma GCC diagnostic pop
            char update[700];
            /* the last row only: the smallest change there is */
            snprintf(update, sizeof update, "UPDATE %s SET %s = %s WHERE %s = (SELECT max(%s) FROM %s)",
                     tables[t], name, value, name, name, tables[t]);
            noticed(p, update);
            columns++;
        }
        sqlite3_finalize(q);
        snprintf(sql, sizeof sql, "DELETE FROM %s", tables[t]);
        noticed(p, sql);
    }
    sqlite3_close(db);
    assert_true(columns > 35);
}

static void test_tampering(void **state)
{
    struct place *p = *state;
    make_full(p);
    noticed(p, "DELETE FROM pair WHERE idx = '2'");
    noticed(p, "DELETE FROM log WHERE entry = (SELECT max(entry) FROM log)");
    noticed(p, "DELETE FROM operator WHERE name = 'A'");
    noticed(p, "INSERT INTO pair SELECT '8900101000000000035', idx, entitled, holder, sealed FROM pair WHERE "
               "iccid = '" CARD "'");
    noticed(p, "UPDATE pair SET holder = '' WHERE holder = 'B'");
    noticed(p, "UPDATE pair SET entitled = 'B' WHERE entitled = 'A'");
    noticed(p, "UPDATE operator SET certificate = (SELECT certificate FROM operator WHERE name = 'B') WHERE "
               "name = 'A'");
    noticed(p, "UPDATE operator SET name = CASE name WHEN 'A' THEN 'B ' ELSE 'A ' END");
    noticed(
        p, "UPDATE pair SET sealed = (SELECT sealed FROM pair o WHERE o.iccid = pair.iccid AND o.idx = '0')");
    noticed(p, "UPDATE log SET party = 'A' WHERE party = 'B'");
    noticed(p, "UPDATE state SET transferred = '' || transferred || ' '");
    /* what reads the same and is another to SQLite: a pair that is there could be taken in once more, and be
     * given to another (fuzz_vault) */
    noticed(p, "UPDATE pair SET idx = CAST(idx AS BLOB) WHERE holder = 'B'");
    noticed(p, "UPDATE pair SET idx = idx || char(0) WHERE holder = 'B'");
    noticed(p, "UPDATE pair SET holder = CAST(holder AS BLOB) WHERE holder = 'B'");
    noticed(p, "UPDATE operator SET name = CAST(name AS BLOB)");
    noticed(p, "UPDATE log SET event = CAST(event AS BLOB) WHERE event = 'entitle'");
    noticed(p, "UPDATE state SET vault = CAST(vault AS TEXT)");
    /* tables that keep no promise */
#define CHANGES "UPDATE sealing SET id = id; " /* nothing; but execute() wants a row */
    noticed(p, CHANGES "CREATE TABLE x AS SELECT * FROM pair; DROP TABLE pair; ALTER TABLE x RENAME TO pair");
    noticed(p, CHANGES "ALTER TABLE pair ADD COLUMN more");
    noticed(p, CHANGES "CREATE UNIQUE INDEX one_each ON pair (holder) WHERE holder <> ''");
    noticed(p, CHANGES "CREATE TRIGGER t AFTER UPDATE ON pair BEGIN UPDATE pair SET holder = ''; END");
    noticed(p, CHANGES "ALTER TABLE log RENAME TO l; CREATE VIEW log AS SELECT * FROM l");
    noticed(p, CHANGES "DROP INDEX log_of_pair");
}

/* What a person may do to any SQLite file does no harm. */
static void test_housekeeping(void **state)
{
    struct place *p = *state;
    struct sealed_error e;
    make_full(p);
    copy_file(p->path, p->copy);
    execute(p->copy, "UPDATE sealing SET id = id; ANALYZE; VACUUM");
    struct vault *v = opened(p->copy, p, &e);
    if (v == NULL)
        fail_msg("%s", e.text);
    good(e, vault_verify(v, 0, NULL, &e));
    vault_close(v);
}

/* Nobody without the key can mend the chain; and an older state of the whole file is found by a head noted
 * elsewhere. */
static void test_older_state(void **state)
{
    struct place *p = *state;
    struct sealed_error e;
    struct vault_delivery d;
    struct vault_status s;
    struct vault *v = made(p);
    const struct vault_pair one = pair(1);
    good(e, vault_entitle(v, &one, "B", &e));
    vault_close(v);
    copy_file(p->path, p->copy); /* before it was revealed */
    v = opened(p->path, p, &e);
    assert_non_null(v);
    good(e, vault_reveal(v, &one, "B", &d, &e));
    cms_free(d.bytes, d.n);
    good(e, vault_status(v, &s, &e));
    assert_int_equal(s.entries, d.entry);
    assert_memory_equal(s.head, d.hash, VAULT_HASH);
    vault_close(v);
    v = opened(p->copy, p, &e);
    assert_non_null(v);
    good(e, vault_verify(v, 0, NULL, &e));
    bad(e, vault_verify(v, d.entry, d.hash, &e), "put back to an older state?");
    vault_close(v);
}

/* ---- another key manager ---- */

static void test_transfer(void **state)
{
    struct place *p = *state;
    struct sealed_error e;
    struct vault_delivery d;
    struct vault_opened o;
    struct vault_status s;
    uint8_t *all = NULL, *again = NULL;
    size_t n = 0, n_again = 0;
    uint64_t pairs = 0;
    const struct vault_config memory = {.path = ":memory:", .create = true};
    const struct vault_pair zero = pair(0), one = pair(1), two = pair(2);
    struct cms_identity second = identity("second vault", true), third = identity("third vault", false);
    struct vault *v = made(p), *w = vault_open(&memory, &e);
    assert_non_null(w);
    good(e, vault_entitle(v, &zero, "A", &e));
    good(e, vault_entitle(v, &one, "B", &e));
    good(e, vault_reveal(v, &zero, "A", &d, &e));
    cms_free(d.bytes, d.n);
    bad(e, vault_transfer(v, second.certificate, &all, &n, &e), "no certificate of its own");
    good(e, vault_identify(v, &p->self, &e));
    good(e, vault_transfer(v, second.certificate, &all, &n, &e));

    /* the old one only looks on */
    bad(e, vault_reveal(v, &one, "B", &d, &e), "only looks on");
    bad(e, vault_entitle(v, &two, "A", &e), "only looks on");
    bad(e, vault_transfer(v, third.certificate, &again, &n_again, &e), "transferred to another certificate");
    good(e, vault_transfer(v, second.certificate, &again, &n_again, &e)); /* the first was lost */
    cms_free(again, n_again);
    good(e, vault_verify(v, 0, NULL, &e));
    vault_close(v);

    /* the new one knows who has what */
    bad(e, vault_receive(w, span_of(all, n), p->self.certificate, &pairs, &e), "no certificate of its own");
    good(e, vault_identify(w, &third, &e));
    bad(e, vault_receive(w, span_of(all, n), p->self.certificate, &pairs, &e), "not enveloped");
    good(e, vault_identify(w, &second, &e));
    bad(e, vault_receive(w, span_of(all, n), p->a.certificate, &pairs, &e), "not by the certificate");
    good(e, vault_status(w, &s, &e));
    assert_int_equal(s.pairs, 0);
    good(e, vault_receive(w, span_of(all, n), p->self.certificate, &pairs, &e));
    assert_int_equal(pairs, 7);
    bad(e, vault_receive(w, span_of(all, n), p->self.certificate, &pairs, &e), "while it is empty");
    bad(e, vault_entitle(w, &zero, "B", &e), "revealed to 'A'");
    bad(e, vault_reveal(w, &zero, "B", &d, &e), "revealed to 'A'");
    good(e, vault_reveal(w, &one, "B", &d, &e));
    good(e, vault_unpack(span_of(d.bytes, d.n), &p->b, second.certificate, &o, &e));
    const struct key_row expected = identity_pair(CARD, false, 1);
    assert_memory_equal(&o.row, &expected, sizeof expected);
    cms_free(d.bytes, d.n);
    good(e, vault_verify(w, 0, NULL, &e));
    cms_free(all, n);
    vault_close(w);
    identity_free(&second);
    identity_free(&third);
}

/* What an operator, or the key manager, does with a vault; false: *e. */
static bool do_nth(unsigned nth, const struct cms_identity *second, struct vault *v, uint8_t **all, size_t *n,
                   struct sealed_error *e)
{
    struct vault_delivery d = {0};
    const struct vault_pair zero = pair(0), one = pair(1);
    bool done;
    switch (nth) {
    case 0:
        return vault_entitle(v, &one, "B", e);
    case 1:
        return vault_operator_add(v, "C", second->certificate, e);
    case 2:
        done = vault_reveal(v, &zero, "A", &d, e);
        cms_free(d.bytes, d.n);
        return done;
    case 3:
        return vault_verify(v, 0, NULL, e);
    default:
        return vault_transfer(v, second->certificate, all, n, e);
    }
}

/* Whatever step of SQLite's does not succeed: it is refused with the reason, and nothing happened. A row that
 * could not be read is not one that is not there, nor one that was tampered with. */
static void test_steps_that_fail(void **state)
{
    enum { DOINGS = 5, STEPS = 1000 };
    struct place *p = *state;
    struct sealed_error e;
    struct vault_status s;
    uint64_t pairs = 0;
    const struct vault_config memory = {.path = ":memory:", .create = true};
    const struct vault_pair zero = pair(0);
    struct cms_identity second = identity("second vault", false);
    (void)fuzz_folder(); /* all connections from now on */
    struct vault *v = made(p);
    good(e, vault_identify(v, &p->self, &e));
    good(e, vault_entitle(v, &zero, "A", &e));
    for (unsigned nth = 0; nth < DOINGS; nth++) {
        uint8_t *all = NULL;
        size_t n = 0, refused = 0;
        bool done = false;
        for (long step = 0; !done && step < STEPS; step++) {
            good(e, vault_verify(v, 0, NULL, &e)); /* in step with the file */
            good(e, vault_status(v, &s, &e));
            e.text[0] = '\0';
            fuzz_sql_interrupt(step);
            done = do_nth(nth, &second, v, &all, &n, &e);
            fuzz_sql_interrupt(-1);
            refused += !done;
            if (!done && strstr(e.text, "interrupted") == NULL)
                fail_msg("doing %u, step %ld: '%s'", nth, step, e.text);
        }
        assert_true(done);
        assert_true(refused > 0);
        if (all == NULL)
            continue;
        struct vault *w = vault_open(&memory, &e);
        assert_non_null(w);
        good(e, vault_identify(w, &second, &e));
        good(e, vault_receive(w, span_of(all, n), p->self.certificate, &pairs, &e));
        assert_int_equal(pairs, 7);
        vault_close(w);
        cms_free(all, n);
    }
    vault_close(v);
    identity_free(&second);
}

/* What a party that is known, and not honest, may send. */
static void test_sent(void **state)
{
    struct place *p = *state;
    struct sealed_error e;
    struct cms_error why;
    struct vault_opened o;
    uint64_t pairs;
    char text[2048], line[KEYS_LINE_MAX], b[CMS_PRINT_TEXT], self[CMS_PRINT_TEXT];
    const struct key_row row = identity_pair(CARD, false, 1);
    const struct vault_config memory = {.path = ":memory:", .create = true};
    static const struct {
        const char *vault, *name;
    } deliveries[] = {{"00112233445566778899aabbccddeeff", "B\033[2J"},
                      {"00112233445566778899aabbccddeef", "B"},
                      {"\r", "B"}};
    static const struct {
        const char *lines, *entitled, *holder, *words;
    } transfers[] = {
        {"", "X", "", "inconsistent: a pair belongs to an operator that is not there"},
        {"", "A", "B", "inconsistent: somebody is entitled to a pair that another holds"},
        {"log\t1\t\033]0;\tmade\t\t\t\t\n", "", "", "damaged"},
        {"log\t01\t2026\tmade\t\t\t\t\n", "", "", "damaged"},
    };
    assert_true(cms_print(p->b.certificate, b) && cms_print(p->self.certificate, self) &&
                keys_format(&row, line));
    for (size_t i = 0; i < sizeof deliveries / sizeof deliveries[0]; i++) {
        uint8_t *packed;
        size_t n;
        snprintf(text, sizeof text,
                 "softuicc-vault-delivery 1\nvault %s\nto %s\nname %s\nentry 1\nkeys\n%s\n",
                 deliveries[i].vault, b, deliveries[i].name, line);
        good(why, cms_pack(span_text(text), &p->a, p->b.certificate, &packed, &n, &why));
        bad(e, vault_unpack(span_of(packed, n), &p->b, p->a.certificate, &o, &e), "damaged");
        cms_free(packed, n);
    }
    struct vault *v = vault_open(&memory, &e);
    assert_non_null(v);
    good(e, vault_identify(v, &p->self, &e));
    for (size_t i = 0; i < sizeof transfers / sizeof transfers[0]; i++) {
        uint8_t *packed;
        size_t n;
        snprintf(text, sizeof text,
                 "softuicc-vault-transfer 1\nvault 00112233445566778899aabbccddeeff\nto %s\nentries 0\nhead "
                 "%064d\npairs 1\n%spair\t%s\t%s\t%s\n",
                 self, 0, transfers[i].lines, transfers[i].entitled, transfers[i].holder, line);
        good(why, cms_pack(span_text(text), &p->a, p->self.certificate, &packed, &n, &why));
        bad(e, vault_receive(v, span_of(packed, n), p->a.certificate, &pairs, &e), transfers[i].words);
        cms_free(packed, n);
        good(e, vault_verify(v, 0, NULL, &e));
    }
    vault_close(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reveal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_withdraw_and_common, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forwarded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_operators, setup, teardown),
        cmocka_unit_test_setup_teardown(test_import, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_secrets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_passphrase, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_column, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tampering, setup, teardown),
        cmocka_unit_test_setup_teardown(test_housekeeping, setup, teardown),
        cmocka_unit_test_setup_teardown(test_older_state, setup, teardown),
        cmocka_unit_test_setup_teardown(test_transfer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_steps_that_fail, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sent, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
