/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parties give each other: lists of changed cards, deliveries of a pair, a whole vault,
 * certificates, keys. The sender is known, and not to be trusted with more than what is his; or somebody on
 * the way has changed a message.
 *
 * The input is text: a letter that says what it is, another that says what fails ('-': nothing), a line end,
 * and the thing. The small letters put the right head before it; the large ones leave all of it
 * to the input.
 *
 *   l, L  a list, and what B makes of it          x  a certificate's file
 *   d, D  a delivery                              k  a private key's file
 *   t, T  a transfer                              r  SQL on A's records
 *   c     octets of a real message changed
 */
/* cmocka.h needs these before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "faults.h"
#include "fuzz.h"
#include "fuzz_sql.h"
#include "handover.h"
#include "hex.h"
#include "identity.h"
#include "plain_cms.h"
#include "records.h"
#include "vault_inner.h"

#define CARD   "8900101000000000019"
#define POR    "027100001c12b0001000000000000100000102030405060708090a0b0c0d0e0f10"
#define NUMBER "00112233445566778899aabbccddeeff"

enum { TEXT_ROOM = 1 << 17, MESSAGES = 4, FIELDS = 8 };

static const struct handover_range ours = {"001020000000000", "001020000009999"};
static const struct handover_policy policy = {&ours, 1, 4};

static const char key_line[] = CARD
    "\t1\t001020000000001\tmilenage\t40414243444546474849404142434445\t50515253545556575859505152535455\t1\t"
    "aes\t60616263646566676869606162636465\taes\t70717273747576777879707172737475\t-";
struct text {
    char p[TEXT_ROOM];
    size_t n;
};

static struct {
    struct cms_identity a, b, rsa, vault; /* A sends lists, B gets them */
    char a_print[CMS_PRINT_TEXT], b_print[CMS_PRINT_TEXT], vault_print[CMS_PRINT_TEXT];
    char *a_hex, *b_hex; /* their certificates */
    char records[100], out[100], sent[100];
    uint8_t *base, *sent_base; /* records before a list comes; A's */
    size_t base_n, sent_n;
    struct {
        uint8_t *p;
        size_t n;
    } real[MESSAGES];
    struct vault *v; /* takes transfers over */
} us;

/* '0' to '@' and on: the nth allocation of ours from now on fails; 'a' and on: a step of SQLite's does. */
static void begin(long failing)
{
    if (failing >= 'a')
        fuzz_sql_interrupt((failing - 'a') * (failing - 'a'));
    else if (failing >= '0')
        faults_arm(FAULT_MEMORY, failing - '0', false);
    faults_on();
}

static void end(void)
{
    faults_off();
    faults_disarm();
    fuzz_sql_interrupt(-1);
}

static void die_unless(bool good, const char *text)
{
    if (!good)
        fuzz_die("cannot begin: %s", text);
}

static char *der_hex(const X509 *x)
{
    unsigned char *der = NULL;
    const int n = i2d_X509(x, &der);
    char *hex = n > 0 ? malloc(2 * (size_t)n + 1) : NULL;
    die_unless(hex != NULL, "no certificate");
    hex_format(span_of(der, (size_t)n), hex);
    OPENSSL_free(der);
    return hex;
}

static void make_vault(void)
{
    struct sealed_error e;
    const struct vault_config config = {.path = ":memory:", .create = true};
    vault_close(us.v);
    us.v = vault_open(&config, &e);
    die_unless(us.v != NULL && vault_identify(us.v, &us.vault, &e), e.text);
}

static struct key_row a_row(void)
{
    char line[KEYS_LINE_MAX] = "";
    struct key_row row;
    struct keys_error why;
    memcpy(line, key_line, sizeof key_line);
    die_unless(keys_parse("row", line, &row, &why), why.text);
    return row;
}

static void take(unsigned nth, uint8_t *p, size_t n)
{
    us.real[nth].p = p;
    us.real[nth].n = n;
}

/* A list for B, one for a party with an RSA key, a delivery that is signed, one that is not. */
static void make_messages(void)
{
    struct handover_error e;
    struct sealed_error s;
    struct vault_delivery d;
    const struct key_row row = a_row();
    const struct vault_pair one = {.iccid = CARD, .index = 1};
    for (unsigned i = 0; i < 2; i++) {
        struct handover_list list = {0};
        uint8_t *p = NULL;
        size_t n = 0;
        die_unless(
            handover_add_text(&list, CARD ",001020000000001,1,A0B1,00", &e) &&
                handover_pack(&list, &us.a, i == 0 ? us.b.certificate : us.rsa.certificate, &p, &n, &e),
            e.text);
        take(i, p, n);
        handover_free(&list);
    }
    for (unsigned i = 0; i < 2; i++) {
        const struct vault_config config = {.path = ":memory:", .create = true};
        struct vault *v = vault_open(&config, &s);
        die_unless(v != NULL && vault_import_begin(v, &s) && vault_import_row(v, &row, &s) &&
                       vault_import_end(v, "fuzz", &s) && vault_operator_add(v, "B", us.b.certificate, &s) &&
                       vault_entitle(v, &one, "B", &s) && (i == 1 || vault_identify(v, &us.vault, &s)) &&
                       vault_reveal(v, &one, "B", &d, &s),
                   s.text);
        take(2 + i, d.bytes, d.n);
        vault_close(v);
    }
}

static void ignore(void *ctx, const char *line)
{
    (void)ctx;
    (void)line;
}

static void make(void)
{
    struct handover_error e;
    struct records_error r;
    struct handover_list list = {.number = "ffeeddccbbaa99887766554433221100", .from = "x", .to = "y"};
    us.a = identity("A", false);
    us.b = identity("B", false);
    us.rsa = identity("R", true);
    us.vault = identity("vault", false);
    die_unless(cms_print(us.a.certificate, us.a_print) && cms_print(us.b.certificate, us.b_print) &&
                   cms_print(us.vault.certificate, us.vault_print),
               "SHA-256");
    us.a_hex = der_hex(us.a.certificate);
    us.b_hex = der_hex(us.b.certificate);
    make_messages();
    make_vault();
    (void)snprintf(us.records, sizeof us.records, "%s/records", fuzz_folder());
    (void)snprintf(us.out, sizeof us.out, "%s/keys", fuzz_folder());
    (void)snprintf(us.sent, sizeof us.sent, "%s/sent", fuzz_folder());
    /* what B had before; two orders of A's */
    die_unless(handover_add_text(&list, "8900101000000000035,001020000000003,2,-," POR, &e) &&
                   handover_import(&list, &policy, us.records, ignore, NULL, &e),
               e.text);
    handover_free(&list);
    us.base = fuzz_slurp(us.records, &us.base_n);
    struct records *sent = records_open(us.sent, &r);
    for (unsigned i = 0; i < 2; i++) {
        int64_t id;
        const struct records_order order = {.keyset = {CARD, false, i, 1},
                                            .counter = 5,
                                            .imsi = i == 0 ? "001020000000001" : "001020000000002",
                                            .reference = span_of("ab", i),
                                            .packet = span_of("packet", 6)};
        const struct records_outcome outcome = {"obeyed", 0x9000, true, i + 1, 2, span_of("por", 3)};
        die_unless(sent != NULL && records_order(sent, &order, &id, &r) &&
                       records_answer(sent, id, &outcome, &r),
                   r.text);
    }
    records_close(sent);
    us.sent_base = fuzz_slurp(us.sent, &us.sent_n);
}

/* ---- texts ---- */

static void add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(t->p + t->n, TEXT_ROOM - t->n, format, args);
    va_end(args);
    if (n > 0 && (size_t)n < TEXT_ROOM - t->n)
        t->n += (size_t)n;
}

static void add_octets(struct text *t, struct span s)
{
    if (s.n > 0 && s.n < TEXT_ROOM - t->n) {
        memcpy(t->p + t->n, s.p, s.n);
        t->n += s.n;
    }
}

/* Lines that begin with this word, or that do not. */
static size_t lines(struct span s, const char *word, bool with)
{
    size_t count = 0;
    while (s.n > 0) {
        const uint8_t *end = memchr(s.p, '\n', s.n);
        const size_t n = end != NULL ? (size_t)(end - s.p) + 1 : s.n;
        count += span_starts(s, span_of(word, strlen(word))) == with;
        s = span_slice(s, n, s.n);
    }
    return count;
}

static bool printable(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7F)
            return false;
    return true;
}

static void fits(const char *what, const char *text)
{
    if (!printable(text))
        fuzz_die("%s with control characters was taken: it is printed later", what);
}

/* ---- lists ---- */

struct heard {
    size_t refused;
};

static void refused(void *ctx, const char *line)
{
    struct heard *h = ctx;
    h->refused++;
    fuzz_refused(line);
}

static bool same_row(const struct handover_row *x, const struct handover_row *y)
{
    return strcmp(x->iccid, y->iccid) == 0 && strcmp(x->imsi, y->imsi) == 0 && x->index == y->index &&
           strcmp(x->reference, y->reference) == 0 && strcmp(x->por, y->por) == 0 &&
           (x->keys == NULL) == (y->keys == NULL) && (x->keys == NULL || strcmp(x->keys, y->keys) == 0);
}

/* What was read is what would have been sent. */
static void send_on(const struct handover_list *list)
{
    struct handover_error e;
    struct handover_list again = *list, back;
    uint8_t *p = NULL;
    size_t n = 0;
    if (list->n == 0)
        return;
    if (!handover_pack(&again, &us.a, us.b.certificate, &p, &n, &e) ||
        !handover_unpack(span_of(p, n), &us.b, us.a.certificate, &back, &e))
        fuzz_die("a list that is taken cannot be sent: %s", e.text);
    if (back.n != list->n)
        fuzz_die("a list of another length when it is sent again");
    for (size_t i = 0; i < back.n; i++)
        if (!same_row(&back.rows[i], &list->rows[i]))
            fuzz_die("a list that is another when it is sent again, at row %zu", i);
    handover_free(&back);
    cms_free(p, n);
}

static int64_t count_of(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *q = NULL;
    int64_t n = -1;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
        n = sqlite3_column_int64(q, 0);
    (void)sqlite3_finalize(q);
    (void)sqlite3_close(db);
    return n;
}

/* All of it or nothing; and no list twice. */
static void import(const struct handover_list *list, long failing)
{
    struct handover_error e = {""};
    struct heard h = {0};
    size_t n;
    fuzz_spill(us.records, span_of(us.base, us.base_n));
    begin(failing);
    const bool good = handover_import(list, &policy, us.records, refused, &h, &e);
    end();
    if (good && h.refused > 0)
        fuzz_die("imported, though rows were refused");
    if (!good) {
        fuzz_refused(e.text);
        if (!fuzz_same(us.records, span_of(us.base, us.base_n)))
            fuzz_die("records changed by a list that was refused");
        return;
    }
    if (count_of(us.records, "SELECT count(*) FROM handover_card") != 1 + (int64_t)list->n ||
        count_of(us.records,
                 "SELECT count(*) FROM handover_card WHERE imsi NOT BETWEEN '001020000000000' AND "
                 "'001020000009999' OR length(imsi) <> 15 OR idx > 3") != 0)
        fuzz_die("records that have not what was imported");
    uint8_t *before = fuzz_slurp(us.records, &n);
    if (handover_import(list, &policy, us.records, refused, &h, &e))
        fuzz_die("a list that was imported twice");
    if (!fuzz_same(us.records, span_of(before, n)))
        fuzz_die("records changed by a list that came again");
    free(before);
}

static void write_keys(const struct handover_list *list)
{
    struct handover_error e;
    struct keys_error why;
    struct key_row row;
    size_t keys = 0;
    for (size_t i = 0; i < list->n; i++)
        keys += list->rows[i].keys != NULL;
    if (keys == 0)
        return;
    (void)unlink(us.out);
    if (!handover_write_keys(list, us.out, &e))
        fuzz_die("keys that came with a list cannot be written: %s", e.text);
    if (handover_write_keys(list, us.out, &e))
        fuzz_die("a file written over");
    fuzz_refused(e.text);
    struct keys_reader *r = keys_open(us.out, &why);
    if (r == NULL)
        fuzz_die("a key file that was written cannot be read: %s", why.text);
    while (keys_next(r, &row) > 0)
        keys--;
    keys_close(r);
    if (keys != 0)
        fuzz_die("a key file without some of its rows");
}

static void list(struct span rest, bool head, long failing)
{
    static struct text t;
    struct handover_error e = {""};
    struct handover_list got;
    t.n = 0;
    add(&t, "%c", 1);
    if (head)
        add(&t, "softuicc-handover %d\nnumber " NUMBER "\nfrom %s\nto %s\ncards %zu\n",
            lines(rest, "key ", true) > 0 ? 2 : 1, us.a_print, us.b_print, lines(rest, "key ", false));
    add_octets(&t, rest);
    begin(failing);
    const bool good = handover_unpack(span_of(t.p, t.n), &us.b, us.a.certificate, &got, &e);
    end();
    if (!good) {
        fuzz_refused(e.text);
        if (got.rows != NULL || got.n > 0)
            fuzz_die("a list that was refused, and is there");
        return;
    }
    send_on(&got);
    write_keys(&got);
    import(&got, failing);
    handover_free(&got);
}

/* ---- deliveries ---- */

static void check_delivery(const struct vault_opened *o)
{
    char line[KEYS_LINE_MAX];
    struct key_row back;
    struct keys_error why;
    if (strlen(o->vault) != 32 || strspn(o->vault, "0123456789abcdef") != 32)
        fuzz_die("a vault's number that is none: '%s'", o->vault);
    if (!vault_name_ok(o->name))
        fuzz_die("a name that no vault has for us was taken");
    if (!keys_format(&o->row, line) || !keys_parse("again", line, &back, &why) ||
        strcmp(back.iccid, o->row.iccid) != 0 || back.index != o->row.index || back.pin != o->row.pin ||
        back.domain != o->row.domain)
        fuzz_die("a delivery whose row cannot be written down");
}

static void delivery(struct span rest, bool head, long failing)
{
    static struct text t;
    struct sealed_error e = {""};
    struct vault_opened o;
    static const struct key_row none;
    t.n = 0;
    add(&t, "%c", 1);
    if (head)
        add(&t, "softuicc-vault-delivery 1\nvault " NUMBER "\nto %s\n", us.b_print);
    add_octets(&t, rest);
    begin(failing);
    const bool good = vault_unpack(span_of(t.p, t.n), &us.b, us.vault.certificate, &o, &e);
    end();
    if (good) {
        check_delivery(&o);
        return;
    }
    fuzz_refused(e.text);
    if (memcmp(&o.row, &none, sizeof none) != 0)
        fuzz_die("keys left behind by a delivery that was refused");
}

/* ---- transfers ---- */

/* The chain goes on by this line, if it is one of the log's. */
static void chain(struct span line, uint8_t hash[VAULT_HASH], int64_t *entries)
{
    char copy[2048], *field[FIELDS], *at = copy;
    size_t n = 0;
    if (line.n >= sizeof copy || line.n == 0)
        return;
    memcpy(copy, line.p, line.n);
    copy[line.n] = '\0';
    for (; n < FIELDS && at != NULL; n++) {
        field[n] = at;
        at = strchr(at, '\t');
        if (at != NULL)
            *at++ = '\0';
    }
    if (n == FIELDS) {
        const struct vault_entry e = {field[2], field[3], field[4], field[5], field[6], field[7]};
        (void)vault_entry_hash(hash, *entries + 1, &e, hash);
    }
    ++*entries;
}

/* '@A' and '@B' stand for certificates. */
static void add_line(struct text *t, struct span line)
{
    if (line.n > 3 && line.p[line.n - 3] == '@') {
        add_octets(t, span_slice(line, 0, line.n - 3));
        add(t, "%s\n", line.p[line.n - 2] == 'A' ? us.a_hex : us.b_hex);
    } else {
        add_octets(t, line);
    }
}

static void write_transfer(struct text *t, struct span rest)
{
    uint8_t hash[VAULT_HASH] = {0};
    char hex[2 * VAULT_HASH + 1];
    int64_t entries = 0;
    for (struct span s = rest; s.n > 0;) {
        const uint8_t *end = memchr(s.p, '\n', s.n);
        const size_t n = end != NULL ? (size_t)(end - s.p) : s.n;
        if (span_starts(s, span_of("log\t", 4)))
            chain(span_slice(s, 0, n), hash, &entries);
        s = span_slice(s, n + 1, s.n);
    }
    hex_format(span_of(hash, sizeof hash), hex);
    add(t, "softuicc-vault-transfer 1\nvault " NUMBER "\nto %s\nentries %lld\nhead %s\npairs %zu\n",
        us.vault_print, (long long)entries, hex, lines(rest, "pair\t", true));
    for (struct span s = rest; s.n > 0;) {
        const uint8_t *end = memchr(s.p, '\n', s.n);
        const size_t n = end != NULL ? (size_t)(end - s.p) + 1 : s.n;
        add_line(t, span_slice(s, 0, n));
        s = span_slice(s, n, s.n);
    }
}

struct held {
    char iccid[24], index[VAULT_INDEX_MAX + 1], holder[VAULT_NAME_MAX + 1];
};

static bool see_pair(void *ctx, const struct vault_line *line)
{
    struct held *h = ctx;
    fits("an ICCID", line->iccid);
    fits("the name of one entitled", line->entitled);
    fits("a holder's name", line->holder);
    if (line->holder[0] != '\0' && h->holder[0] == '\0') {
        (void)snprintf(h->iccid, sizeof h->iccid, "%s", line->iccid);
        (void)snprintf(h->index, sizeof h->index, "%s", line->index);
        (void)snprintf(h->holder, sizeof h->holder, "%s", line->holder);
    }
    return true;
}

static bool see_operator(void *ctx, const struct vault_operator_line *line)
{
    (void)ctx;
    fits("an operator's name", line->name);
    return true;
}

static bool see_entry(void *ctx, const struct vault_log_line *line)
{
    (void)ctx;
    fits("an entry's time", line->at);
    fits("an event", line->event);
    fits("an entry's party", line->party);
    fits("an entry's detail", line->detail);
    return true;
}

/* What somebody holds goes to nobody else. */
static void keeps(const struct held *h)
{
    static const char *const names[] = {"A", "B"};
    const bool common = h->index[0] == 'c' || h->index[0] == 'p';
    const struct vault_pair pair = {h->iccid, common, (unsigned)strtoul(h->index + common, NULL, 10),
                                    h->index[0] == 'p'};
    struct sealed_error e;
    struct vault_delivery d;
    for (size_t i = 0; i < 2 && h->holder[0] != '\0'; i++)
        if (strcmp(names[i], h->holder) != 0 &&
            (vault_entitle(us.v, &pair, names[i], &e) || vault_reveal(us.v, &pair, names[i], &d, &e)))
            fuzz_die("a pair that '%s' holds goes to '%s'", h->holder, names[i]);
}

static void transfer(struct span rest, bool head, long failing)
{
    static struct text t;
    struct sealed_error e = {""};
    struct vault_status before, after;
    struct held h = {.holder = ""};
    uint64_t pairs = 0;
    t.n = 0;
    add(&t, "%c", 1);
    if (head)
        write_transfer(&t, rest);
    else
        add_octets(&t, rest);
    if (!vault_status(us.v, &before, &e))
        fuzz_die("an empty vault that does not say so: %s", e.text);
    begin(failing);
    const bool good = vault_receive(us.v, span_of(t.p, t.n), us.a.certificate, &pairs, &e);
    end();
    if (!good)
        fuzz_refused(e.text);
    if (!vault_status(us.v, &after, &e) || !vault_verify(us.v, 0, NULL, &e))
        fuzz_die("%s a transfer the vault is not in order: %s", good ? "after" : "without", e.text);
    if (good ? after.pairs != pairs : memcmp(&before, &after, sizeof before) != 0)
        fuzz_die("%s",
                 good ? "not as many pairs as were received" : "a transfer that was refused left a trace");
    if (!good)
        return;
    if (!vault_each_pair(us.v, see_pair, &h, &e) || !vault_each_operator(us.v, see_operator, NULL, &e) ||
        !vault_each_entry(us.v, see_entry, NULL, &e))
        fuzz_die("a vault that was taken over cannot be looked at: %s", e.text);
    keeps(&h);
    make_vault();
}

/* ---- real messages ---- */

static void changed(struct span rest)
{
    static uint8_t octets[1 << 14];
    struct reader r = rd_of(rest);
    const unsigned nth = rd_u8(&r) % MESSAGES;
    struct handover_error e = {""};
    struct sealed_error s = {""};
    struct handover_list got;
    struct vault_opened o;
    size_t n = us.real[nth].n;
    memcpy(octets, us.real[nth].p, n);
    while (rd_ok(&r) && r.left > 0) {
        const size_t at = rd_u16(&r) % n;
        const struct span with = rd_take(&r, rd_u8(&r) % 32u);
        if (with.n > 0 && at + with.n <= n)
            memcpy(octets + at, with.p, with.n);
        else if (rd_ok(&r) && with.n == 0 && at > 0)
            n = at;
    }
    plain_cms = false;
    if (nth < 2) {
        if (handover_unpack(span_of(octets, n), nth == 0 ? &us.b : &us.rsa, us.a.certificate, &got, &e)) {
            if (got.n != 1 || strcmp(got.rows[0].imsi, "001020000000001") != 0 ||
                strcmp(got.rows[0].reference, "A0B1") != 0)
                fuzz_die("a list that was changed on the way is taken");
            handover_free(&got);
        } else {
            fuzz_refused(e.text);
        }
    } else if (vault_unpack(span_of(octets, n), &us.b, nth == 2 ? us.vault.certificate : NULL, &o, &s)) {
        const struct key_row row = a_row();
        if (memcmp(&o.row, &row, sizeof row) != 0 || strcmp(o.name, "B") != 0)
            fuzz_die("a delivery that was changed on the way is taken");
    } else {
        fuzz_refused(s.text);
    }
    plain_cms = true;
}

/* ---- certificates and keys ---- */

static void certificate(struct span rest)
{
    struct cms_error e = {""};
    char print[CMS_PRINT_TEXT];
    X509 *x = cms_certificate(fuzz_file(rest.p, rest.n), &e);
    if (x == NULL)
        fuzz_refused(e.text);
    else if (cms_usable(x, &e) && !cms_print(x, print))
        fuzz_die("a certificate that has no name");
    X509_free(x);
}

static void private_key(struct span rest)
{
    struct cms_error e = {""};
    EVP_PKEY *key = cms_private_key(fuzz_file(rest.p, rest.n), &e);
    if (key == NULL)
        fuzz_refused(e.text);
    EVP_PKEY_free(key);
}

/* ---- A's records ---- */

static void records(struct span rest)
{
    struct handover_error e = {""};
    struct records_error r = {""};
    struct handover_list got = {0};
    fuzz_spill(us.sent, span_of(us.sent_base, us.sent_n));
    fuzz_sql(us.sent, rest);
    if (!handover_add_records(&got, us.sent, &ours, 1, &e))
        fuzz_refused(e.text);
    else
        send_on(&got);
    handover_free(&got);
    struct records *book = records_open(us.sent, &r);
    const struct records_keyset keyset = {CARD, false, 0, 1};
    uint64_t first = 0, second = 0;
    if (book == NULL) {
        fuzz_refused(r.text);
        return;
    }
    if (records_take_counter(book, &keyset, &first, &r) && records_take_counter(book, &keyset, &second, &r) &&
        (first == 0 || second <= first || second > RECORDS_COUNTER_MAX))
        fuzz_die("a counter that does not go on: %llu, %llu", (unsigned long long)first,
                 (unsigned long long)second);
    records_close(book);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (us.v == NULL)
        make();
    const struct span rest = n > 3 ? span_of(data + 3, n - 3) : SPAN_EMPTY;
    const long failing = n > 1 ? data[1] : '-';
    const char what = n > 0 ? (char)data[0] : 'l';
    const bool head = what >= 'a';
    plain_cms = true;
    switch (what | 0x20) {
    case 'd':
        delivery(rest, head, failing);
        break;
    case 't':
        transfer(rest, head, failing);
        break;
    case 'c':
        changed(rest);
        break;
    case 'x':
        certificate(rest);
        break;
    case 'k':
        private_key(rest);
        break;
    case 'r':
        records(rest);
        break;
    default:
        list(rest, head, failing);
        break;
    }
    return 0;
}
