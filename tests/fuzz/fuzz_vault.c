/* SPDX-License-Identifier: Apache-2.0
 *
 * A key manager's vault, and somebody who can write to its file. The input is text, a line for each step;
 * what each must come to, a model of a few letters knows. Whatever was done to the file behind the vault's
 * back: it is refused, or it is without effect on anything that comes after. A step that fails has changed
 * nothing, whatever it failed of.
 *
 *   o NAME CERT   an operator, with one of the certificates A to D     e PAIR NAME   is entitled
 *   n NAME CERT   his certificate is renewed                           w PAIR        no more
 *   i PAIR PAIR.. pairs are taken in, 0 to 5                           r PAIR NAME   revealed
 *   x CERT        all of it is transferred                             v             verified
 *   c             closed, and opened again                             k, p          the file is kept, put
 * back s SQL         statements on the file                               b HEX         octets of the file:
 * fuzz_sql.h y HEX         the key file is this                                 q TEXT        a passphrase's
 * file m N, h N, d N the next step's allocation, HMAC or step in SQLite that fails; f: the disk is full
 */
/* cmocka.h needs these before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "faults.h"
#include "fuzz.h"
#include "fuzz_sql.h"
#include "hex.h"
#include "identity.h"
#include "plain_cms.h"
#include "vault_inner.h"

#define CARD "8900101000000000019"

enum { PAIRS = 6, CERTIFICATES = 4, NAMES = 4, STEPS_MAX = 60, LINE_ROOM = 3000 };

struct model {
    struct {
        bool there;
        char entitled, holder; /* '\0': nobody */
    } pairs[PAIRS];
    char certificate[NAMES]; /* of operator 'A' + i; '\0': there is no such operator */
    int64_t entries;
    char transferred; /* to which certificate */
};

static struct {
    struct cms_identity certificates[CERTIFICATES], vault;
    char path[100], key_path[108];
    uint8_t *base, *key;
    size_t base_n, key_n;
    struct model base_model;
} made;

static struct {
    struct vault *v;
    struct model is;
    uint8_t *kept;
    size_t kept_n;
    struct model kept_is;
    bool faulty; /* the next step may fail */
    char kind;
    long nth;
} now;

/* ---- keys ---- */

/* Neither their octets nor their digits are in these. */
static void no_keys(const char *where, const uint8_t *p, size_t n)
{
    char digits[33];
    for (unsigned i = 0; i < PAIRS; i++) {
        const struct key_row row = identity_pair(CARD, false, i);
        hex_format(span_of(row.pair.key.k, 16), digits);
        if (fuzz_has(p, n, row.pair.key.k, 16) || fuzz_has(p, n, digits, 32))
            fuzz_die("K of pair %u is in %s", i, where);
    }
}

/* ---- beginning ---- */

static void opened(void)
{
    struct sealed_error e = {""};
    const struct vault_config config = {.path = made.path};
    now.v = vault_open(&config, &e);
    if (now.v == NULL)
        fuzz_die("a vault that nobody touched does not open: %s", e.text);
}

static bool see_pair(void *ctx, const struct vault_line *line)
{
    unsigned *seen = ctx;
    const unsigned i = (unsigned)strtoul(line->index, NULL, 10);
    if (strcmp(line->iccid, CARD) != 0 || i >= PAIRS || !now.is.pairs[i].there ||
        line->entitled[0] != now.is.pairs[i].entitled || line->holder[0] != now.is.pairs[i].holder)
        fuzz_die("pair %s of %s: entitled '%s', holder '%s'", line->index, line->iccid, line->entitled,
                 line->holder);
    *seen |= 1u << i;
    return true;
}

static bool see_operator(void *ctx, const struct vault_operator_line *line)
{
    unsigned *seen = ctx;
    char print[CMS_PRINT_TEXT];
    const unsigned i = (unsigned)(line->name[0] - 'A');
    if (i >= NAMES || now.is.certificate[i] == '\0' ||
        !cms_print(made.certificates[now.is.certificate[i] - 'A'].certificate, print) ||
        strcmp(print, line->print) != 0)
        fuzz_die("operator '%s' has another certificate, or should not be there", line->name);
    *seen |= 1u << i;
    return true;
}

static bool see_entry(void *ctx, const struct vault_log_line *line)
{
    int64_t *n = ctx;
    no_keys("the log", (const uint8_t *)line->detail, strlen(line->detail));
    if (line->entry != ++*n)
        fuzz_die("entry %lld of the log where %lld should be", (long long)line->entry, (long long)*n);
    return true;
}

/* All that can be seen of it is what the model says. */
static void compare(const char *when)
{
    struct sealed_error e = {""};
    struct vault_status s;
    unsigned pairs = 0, operators = 0, pairs_is = 0, operators_is = 0;
    int64_t entries = 0;
    if (!vault_status(now.v, &s, &e) || !vault_each_pair(now.v, see_pair, &pairs, &e) ||
        !vault_each_operator(now.v, see_operator, &operators, &e) ||
        !vault_each_entry(now.v, see_entry, &entries, &e))
        fuzz_die("%s it cannot be looked at: %s", when, e.text);
    for (unsigned i = 0; i < PAIRS; i++)
        pairs_is |= now.is.pairs[i].there ? 1u << i : 0;
    for (unsigned i = 0; i < NAMES; i++)
        operators_is |= now.is.certificate[i] != '\0' ? 1u << i : 0;
    if (pairs != pairs_is || operators != operators_is || entries != now.is.entries ||
        s.entries != now.is.entries || (s.transferred[0] != '\0') != (now.is.transferred != '\0'))
        fuzz_die("%s: pairs %02X (%02X), operators %X (%X), %lld entries (%lld)", when, pairs, pairs_is,
                 operators, operators_is, (long long)entries, (long long)now.is.entries);
    if (!vault_verify(now.v, 0, NULL, &e))
        fuzz_die("%s: %s", when, e.text);
}

static void make(void)
{
    struct sealed_error e = {""};
    static const char *const names[CERTIFICATES] = {"A", "B", "C", "D"};
    for (unsigned i = 0; i < CERTIFICATES; i++)
        made.certificates[i] = identity(names[i], false);
    made.vault = identity("vault", false);
    (void)snprintf(made.path, sizeof made.path, "%s/vault", fuzz_folder());
    (void)snprintf(made.key_path, sizeof made.key_path, "%s.key", made.path);
    const struct vault_config config = {.path = made.path, .create = true};
    const struct vault_pair one = {.iccid = CARD, .index = 1};
    struct vault *v = vault_open(&config, &e);
    bool good = v != NULL && vault_identify(v, &made.vault, &e) && vault_import_begin(v, &e);
    for (unsigned i = 0; good && i < 3; i++) {
        const struct key_row row = identity_pair(CARD, false, i);
        good = vault_import_row(v, &row, &e);
        made.base_model.pairs[i].there = true;
    }
    good = good && vault_import_end(v, "fuzz", &e) &&
           vault_operator_add(v, "A", made.certificates[0].certificate, &e) &&
           vault_operator_add(v, "B", made.certificates[1].certificate, &e) &&
           vault_entitle(v, &one, "A", &e);
    if (!good)
        fuzz_die("cannot begin: %s", e.text);
    vault_close(v);
    made.base_model.certificate[0] = 'A';
    made.base_model.certificate[1] = 'B';
    made.base_model.pairs[1].entitled = 'A';
    made.base_model.entries = 6;
    made.base = fuzz_slurp(made.path, &made.base_n);
    made.key = fuzz_slurp(made.key_path, &made.key_n);
}

/* ---- what fails ---- */

static void arm(void)
{
    sqlite3 *db = sealed_db(now.v->file);
    if (now.kind == 'm')
        faults_arm(FAULT_MEMORY, now.nth, false);
    else if (now.kind == 'h')
        faults_arm(FAULT_CIPHER, now.nth, false);
    if (now.kind == 'd')
        fuzz_sql_interrupt(now.nth);
    else if (now.kind == 'f')
        (void)sqlite3_exec(db, "PRAGMA max_page_count = 1", NULL, NULL, NULL);
    faults_on();
}

static void disarm(void)
{
    sqlite3 *db = sealed_db(now.v->file);
    faults_off();
    faults_disarm();
    fuzz_sql_interrupt(-1);
    if (now.kind == 'f')
        (void)sqlite3_exec(db, "PRAGMA max_page_count = 1073741823", NULL, NULL, NULL);
    now.kind = '\0';
}

/* ---- steps ---- */

/* Should it have been done? Only what was armed may be in the way. */
static void judge(const char *what, bool should, bool was, bool armed, const struct sealed_error *e)
{
    if (was && !should)
        fuzz_die("%s: done, and should have been refused", what);
    if (!was && should && !armed)
        fuzz_die("%s: refused, and should have been done: %s", what, e->text);
    if (!was)
        fuzz_refused(e->text);
    else
        now.is.entries++;
}

static X509 *certificate_of(char letter)
{
    return made.certificates[(unsigned)(letter - 'A') % CERTIFICATES].certificate;
}

static char letter_of(char c)
{
    return (char)('A' + (unsigned)(c - 'A') % CERTIFICATES);
}

static bool ours(void)
{
    return now.is.transferred == '\0';
}

static void operator(char c, char certificate, bool renew, bool armed)
{
    const char name[2] = {letter_of(c), '\0'}, print = letter_of(certificate);
    struct sealed_error e = {""};
    char *has = &now.is.certificate[name[0] - 'A'];
    bool should = ours() && (*has != '\0') == renew;
    for (unsigned i = 0; i < NAMES; i++)
        should = should && (now.is.certificate[i] != print || name[0] == (char)('A' + i));
    const bool was = renew ? vault_operator_renew(now.v, name, certificate_of(print), &e)
                           : vault_operator_add(now.v, name, certificate_of(print), &e);
    disarm();
    judge(renew ? "renew" : "operator", should, was, armed, &e);
    if (was)
        *has = print;
}

static void entitle(unsigned i, char c, bool armed)
{
    const char name[2] = {letter_of(c), '\0'};
    const struct vault_pair pair = {.iccid = CARD, .index = i};
    struct sealed_error e = {""};
    const bool should = ours() && now.is.pairs[i].there && now.is.certificate[name[0] - 'A'] != '\0' &&
                        now.is.pairs[i].entitled == '\0' &&
                        (now.is.pairs[i].holder == '\0' || now.is.pairs[i].holder == name[0]);
    const bool was = vault_entitle(now.v, &pair, name, &e);
    disarm();
    judge("entitle", should, was, armed, &e);
    if (was)
        now.is.pairs[i].entitled = name[0];
}

static void withdraw(unsigned i, bool armed)
{
    const struct vault_pair pair = {.iccid = CARD, .index = i};
    struct sealed_error e = {""};
    const bool should =
        ours() && now.is.pairs[i].there && now.is.pairs[i].entitled != '\0' && now.is.pairs[i].holder == '\0';
    const bool was = vault_withdraw(now.v, &pair, &e);
    disarm();
    judge("withdraw", should, was, armed, &e);
    if (was)
        now.is.pairs[i].entitled = '\0';
}

static void reveal(unsigned i, char c, bool armed)
{
    const char name[2] = {letter_of(c), '\0'};
    const struct vault_pair pair = {.iccid = CARD, .index = i};
    const struct key_row row = identity_pair(CARD, false, i);
    struct sealed_error e = {""};
    struct vault_delivery d;
    struct vault_opened o;
    const bool should = ours() && now.is.pairs[i].there && now.is.pairs[i].entitled == name[0] &&
                        (now.is.pairs[i].holder == '\0' || now.is.pairs[i].holder == name[0]);
    const bool was = vault_reveal(now.v, &pair, name, &d, &e);
    disarm();
    judge("reveal", should, was, armed, &e);
    if (!was && d.bytes != NULL)
        fuzz_die("keys in a delivery that was refused");
    if (!was)
        return;
    now.is.pairs[i].holder = name[0];
    const struct cms_identity *to = &made.certificates[now.is.certificate[name[0] - 'A'] - 'A'];
    if (!vault_unpack(span_of(d.bytes, d.n), to, made.vault.certificate, &o, &e))
        fuzz_die("a delivery that cannot be opened: %s", e.text);
    if (o.row.index != i || memcmp(o.row.pair.key.k, row.pair.key.k, 16) != 0 ||
        memcmp(o.row.pair.ota.kic, row.pair.ota.kic, 16) != 0 || o.entry != now.is.entries ||
        strcmp(o.name, name) != 0)
        fuzz_die("a delivery of another pair, or to another");
    cms_free(d.bytes, d.n);
}

static void import(const char *words, bool armed)
{
    struct sealed_error e = {""};
    bool should = ours(), was = vault_import_begin(now.v, &e);
    const bool begun = was;
    struct model then = now.is;
    for (; *words != '\0'; words++) {
        if (*words < '0' || *words > '9')
            continue;
        const unsigned i = (unsigned)(*words - '0') % PAIRS;
        const struct key_row row = identity_pair(CARD, false, i);
        should = should && !then.pairs[i].there;
        was = was && vault_import_row(now.v, &row, &e);
        then.pairs[i].there = true;
    }
    if (was)
        was = vault_import_end(now.v, "fuzz", &e);
    else if (begun)
        vault_import_abort(now.v);
    disarm();
    judge("import", should, was, armed, &e);
    if (was)
        memcpy(now.is.pairs, then.pairs, sizeof then.pairs);
}

static void transfer(char c, bool armed)
{
    const char to = letter_of(c);
    struct sealed_error e = {""};
    uint8_t *p = NULL;
    size_t n = 0;
    const bool should = ours() || now.is.transferred == to;
    const bool was = vault_transfer(now.v, certificate_of(to), &p, &n, &e);
    disarm();
    judge("transfer", should, was, armed, &e);
    if (!was && p != NULL)
        fuzz_die("keys in a transfer that was refused");
    if (was)
        now.is.transferred = to;
    cms_free(p, n);
}

/* What somebody did to the file while the vault was closed. */
static void tampered(void)
{
    struct sealed_error e = {""};
    bool wants;
    const struct vault_config config = {.path = made.path};
    if (!vault_wants_passphrase(made.path, &wants, &e))
        fuzz_refused(e.text);
    now.v = vault_open(&config, &e);
    if (now.v == NULL)
        fuzz_refused(e.text);
    else
        compare("after it was tampered with, and nothing said");
}

static void tamper(char how, const char *words)
{
    size_t n;
    uint8_t octets[LINE_ROOM / 2];
    struct buf b = buf_of(octets, sizeof octets);
    vault_close(now.v);
    uint8_t *before = fuzz_slurp(made.path, &n);
    if (how == 's')
        fuzz_sql(made.path, span_of(words, strlen(words)));
    else if (how == 'y' && hex_parse(words, &b, NULL))
        fuzz_spill(made.key_path, buf_span(&b));
    else if (how == 'b' && hex_parse(words, &b, NULL))
        fuzz_overwrite(made.path, buf_span(&b));
    tampered();
    if (now.v != NULL && how == 'y' && hex_parse(words, &b, NULL) &&
        !span_equal(buf_span(&b), span_of(made.key, made.key_n)))
        fuzz_die("a vault that opens with another key");
    if (how == 'y')
        fuzz_spill(made.key_path, span_of(made.key, made.key_n));
    if (now.v == NULL) {
        fuzz_spill(made.path, span_of(before, n));
        opened();
    }
    free(before);
}

/* A whole file put back is not seen from inside: but by the head that was noted. */
static void put_back(void)
{
    struct sealed_error e = {""};
    struct vault_status noted;
    if (now.kept == NULL || !vault_status(now.v, &noted, &e))
        return;
    vault_close(now.v);
    fuzz_spill(made.path, span_of(now.kept, now.kept_n));
    const bool older = now.kept_is.entries < now.is.entries;
    now.is = now.kept_is;
    opened();
    if (vault_verify(now.v, noted.entries, noted.head, &e) == older)
        fuzz_die("an older state that is not seen by its head, or one that is as it was and is refused");
}

static void keep(void)
{
    vault_close(now.v);
    free(now.kept);
    now.kept = fuzz_slurp(made.path, &now.kept_n);
    now.kept_is = now.is;
    opened();
}

static void passphrase(const char *text)
{
    struct sealed_error e = {""};
    char to[SEALED_PASSPHRASE_MAX + 1];
    if (!sealed_passphrase(fuzz_file(text, strlen(text)), false, to, &e))
        fuzz_refused(e.text);
    else if (strlen(to) != strlen(text) || strcmp(to, text) != 0)
        fuzz_die("another passphrase than the file's");
}

static void step(const char *line)
{
    const char *words = line[0] != '\0' && line[1] == ' ' ? line + 2 : "";
    const bool armed = now.faulty;
    const unsigned i = words[0] != '\0' ? (unsigned)(words[0] - '0') % PAIRS : 0;
    const char first = words[0] != '\0' ? words[0] : 'A', second = strlen(words) > 2 ? words[2] : 'A';
    struct sealed_error e = {""};
    now.faulty = false;
    if (armed && strchr("oniewrx", line[0]) != NULL && line[0] != '\0')
        arm();
    switch (line[0]) {
    case 'o':
    case 'n':
        operator(first, second, line[0] == 'n', armed);
        break;
    case 'e':
        entitle(i, second, armed);
        break;
    case 'w':
        withdraw(i, armed);
        break;
    case 'r':
        reveal(i, second, armed);
        break;
    case 'i':
        import(words, armed);
        break;
    case 'x':
        transfer(first, armed);
        break;
    case 'v':
        if (!vault_verify(now.v, 0, NULL, &e))
            fuzz_die("%s", e.text);
        break;
    case 'c':
        vault_close(now.v);
        opened();
        compare("opened again");
        break;
    case 'k':
        keep();
        break;
    case 'p':
        put_back();
        break;
    case 's':
    case 'b':
    case 'y':
        tamper(line[0], words);
        break;
    case 'q':
        passphrase(words);
        break;
    case 'm':
    case 'h':
    case 'd':
    case 'f':
        now.faulty = true;
        now.kind = line[0];
        now.nth = strtol(words, NULL, 10) & 0x3FFF;
        break;
    default:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char line[LINE_ROOM];
    if (made.base == NULL) {
        plain_cms = true;
        make();
    }
    fuzz_spill(made.path, span_of(made.base, made.base_n));
    now.is = made.base_model;
    now.faulty = false;
    opened();
    struct span rest = span_of(data, n);
    for (unsigned steps = 0; rest.n > 0 && steps < STEPS_MAX; steps++) {
        const uint8_t *stop = memchr(rest.p, '\n', rest.n);
        const size_t len = stop != NULL ? (size_t)(stop - rest.p) : rest.n;
        const size_t take = len < sizeof line ? len : sizeof line - 1;
        memcpy(line, rest.p, take);
        line[take] = '\0';
        rest = span_slice(rest, len + 1, rest.n);
        step(line);
    }
    compare("at the end");
    vault_close(now.v);
    now.v = NULL;
    size_t file_n;
    uint8_t *file = fuzz_slurp(made.path, &file_n);
    no_keys("the vault's file", file, file_n);
    free(file);
    free(now.kept);
    now.kept = NULL;
    return 0;
}
