/* SPDX-License-Identifier: Apache-2.0 */
#include "auc.h"

#include <stdarg.h>
#include <stdlib.h>

#include "hex.h"
#include "one_line.h"
#include "sql.h"

enum { APPLICATION = 0x75694175 /* "uiAu" */, VERSION = 1 };

static const char schema[] =
    "CREATE TABLE subscriber (id INTEGER PRIMARY KEY AUTOINCREMENT, imsi TEXT NOT NULL, idx INTEGER NOT NULL,"
    " iccid TEXT NOT NULL, algorithm TEXT NOT NULL, ind_bits INTEGER NOT NULL, delta INTEGER NOT NULL,"
    " sqn INTEGER NOT NULL, key BLOB NOT NULL, UNIQUE (imsi, idx));"
    "CREATE INDEX subscriber_of_pair ON subscriber (iccid, idx);";

struct auc {
    struct sealed *file;
};

struct subscriber { /* one row; wipe it */
    int64_t id;
    unsigned index;
    char iccid[21];
    const struct aka_algorithm *algorithm;
    struct sqn_scheme scheme;
    uint64_t sqn;
    struct aka_key key;
};

static bool say(struct sealed_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool say(struct sealed_error *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    one_line_make(error->text);
    return false;
}

/* ---- opening ---- */

static struct sealed_config config_of(const char *path)
{
    return (struct sealed_config){.path = path,
                                  .what = "data base of an authentication centre",
                                  .application = APPLICATION,
                                  .version = VERSION,
                                  .schema = schema};
}

struct auc *auc_open(const struct auc_config *config, struct sealed_error *error)
{
    struct sealed_config c = config_of(config->path);
    c.create = config->create;
    c.key_file = config->key_file;
    c.passphrase = config->passphrase;
    struct auc *a = calloc(1, sizeof *a);
    if (a == NULL) {
        say(error, "no memory");
        return NULL;
    }
    a->file = sealed_open(&c, error);
    if (a->file != NULL)
        return a;
    free(a);
    return NULL;
}

void auc_close(struct auc *a)
{
    if (a == NULL)
        return;
    sealed_close(a->file);
    free(a);
}

bool auc_wants_passphrase(const char *path, bool *wants, struct sealed_error *error)
{
    const struct sealed_config c = config_of(path);
    return sealed_wants_passphrase(&c, wants, error);
}

/* ---- rows ---- */

/* A key is sealed for its subscriber, card and pair, and for how it is to be used. */
static void place(const char *imsi, const struct subscriber *s, char text[128])
{
    snprintf(text, 128, "%s %s %u %s %u %llu", imsi, s->iccid, s->index, s->algorithm->name,
             s->scheme.ind_bits, (unsigned long long)s->scheme.delta);
}

static bool seal_key(struct auc *a, const char *imsi, const struct subscriber *s,
                     uint8_t out[AKA_KEY_ENCODED_MAX + SEALED_OVERHEAD], size_t *n)
{
    char where[128];
    uint8_t plain[AKA_KEY_ENCODED_MAX];
    struct buf b = buf_of(plain, sizeof plain);
    place(imsi, s, where);
    const struct span context[] = {span_text("subscriber"), span_text(where)};
    aka_key_encode(&s->key, &b);
    bool good = buf_ok(&b) && sealed_seal(a->file, context, 2, buf_span(&b), out);
    *n = b.len + SEALED_OVERHEAD;
    crypto_wipe(plain, sizeof plain);
    return good;
}

static bool unseal_key(struct auc *a, const char *imsi, struct span sealed, struct subscriber *s)
{
    char where[128];
    uint8_t plain[AKA_KEY_ENCODED_MAX];
    place(imsi, s, where);
    const struct span context[] = {span_text("subscriber"), span_text(where)};
    if (sealed.n <= SEALED_OVERHEAD || sealed.n > sizeof plain + SEALED_OVERHEAD)
        return false;
    size_t n = sealed.n - SEALED_OVERHEAD;
    bool good = sealed_unseal(a->file, context, 2, sealed, plain);
    struct reader r = rd_of(span_of(plain, n));
    good = good && aka_key_decode(&r, &s->key) && rd_done(&r) && aka_key_valid(s->algorithm, &s->key);
    crypto_wipe(plain, sizeof plain);
    return good;
}

static bool imsi_ok(const char *imsi)
{
    size_t n = strspn(imsi, "0123456789");
    return imsi[n] == '\0' && n >= 6 && n <= 15;
}

#define ROW "SELECT id, idx, iccid, algorithm, ind_bits, delta, sqn, key, imsi FROM subscriber "

static bool read_row(sqlite3_stmt *q, struct subscriber *s)
{
    int64_t index = sqlite3_column_int64(q, 1), ind_bits = sqlite3_column_int64(q, 4),
            sqn = sqlite3_column_int64(q, 6);
    memset(s, 0, sizeof *s);
    if (!sql_row_is(q, "nnttnnnbt") || !imsi_ok(sealed_text(q, 8)))
        return false;
    const char *iccid = sealed_text(q, 2);
    s->algorithm = aka_algorithm_named(sealed_text(q, 3));
    if (index < 0 || index >= PROFILE_PAIRS_MAX || ind_bits < 0 || ind_bits > 5 || sqn < 0 ||
        sqn >> 48 != 0 || strlen(iccid) >= sizeof s->iccid || iccid[strspn(iccid, "0123456789")] != '\0' ||
        s->algorithm == NULL)
        return false;
    s->id = sqlite3_column_int64(q, 0);
    s->index = (unsigned)index;
    memcpy(s->iccid, iccid, strlen(iccid) + 1);
    s->scheme =
        (struct sqn_scheme){.ind_bits = (uint8_t)ind_bits, .delta = (uint64_t)sqlite3_column_int64(q, 5)};
    s->sqn = (uint64_t)sqn;
    return true;
}

/* The subscriber's row and key. */
static bool find(struct auc *a, const char *imsi, int index, struct subscriber *s, struct sealed_error *error)
{
    sqlite3_stmt *q = sealed_prepare(a->file,
                                     index == AUC_CURRENT ? ROW "WHERE imsi = ?1 ORDER BY id DESC LIMIT 1"
                                                          : ROW "WHERE imsi = ?1 AND idx = ?2",
                                     error);
    if (q == NULL)
        return false;
    sealed_bind_text(q, 1, imsi);
    if (index != AUC_CURRENT)
        sqlite3_bind_int(q, 2, index);
    int rc = sqlite3_step(q);
    bool good = rc == SQLITE_ROW;
    if (good && (!read_row(q, s) || !unseal_key(a, imsi, sealed_bytes(q, 7), s))) {
        crypto_wipe(s, sizeof *s);
        good = say(error, "%.300s: the key of IMSI %s does not open: it was changed", sealed_path(a->file),
                   imsi);
    } else if (rc == SQLITE_DONE && index != AUC_CURRENT) {
        say(error, "%.300s: IMSI %s has no pair %d", sealed_path(a->file), imsi, index);
    } else if (rc == SQLITE_DONE) {
        say(error, "%.300s: no IMSI %s", sealed_path(a->file), imsi);
    } else if (rc != SQLITE_ROW) {
        sealed_fail(a->file, error);
    }
    sqlite3_finalize(q);
    return good;
}

/* The highest sequence number that this pair was given under whatever IMSI. */
static bool sqn_before(struct auc *a, const struct subscriber *s, uint64_t *sqn, struct sealed_error *error)
{
    sqlite3_stmt *q =
        sealed_prepare(a->file, "SELECT max(sqn) FROM subscriber WHERE iccid = ?1 AND idx = ?2", error);
    if (q == NULL)
        return false;
    sealed_bind_text(q, 1, s->iccid);
    sqlite3_bind_int64(q, 2, s->index);
    const bool good = sealed_next(a->file, q, error) > 0; /* an aggregate always has a row */
    *sqn = good ? (uint64_t)sqlite3_column_int64(q, 0) : 0;
    sqlite3_finalize(q);
    return good;
}

static bool insert(struct auc *a, const char *imsi, const struct subscriber *s, struct sealed_error *error)
{
    uint8_t sealed[AKA_KEY_ENCODED_MAX + SEALED_OVERHEAD];
    size_t n = 0;
    if (!seal_key(a, imsi, s, sealed, &n))
        return say(error, "the key cannot be sealed");
    sqlite3_stmt *q =
        sealed_prepare(a->file,
                       "INSERT INTO subscriber (imsi, idx, iccid, algorithm, ind_bits, delta, sqn, key)"
                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                       error);
    if (q == NULL)
        return false;
    sealed_bind_text(q, 1, imsi);
    sqlite3_bind_int64(q, 2, s->index);
    sealed_bind_text(q, 3, s->iccid);
    sealed_bind_text(q, 4, s->algorithm->name);
    sqlite3_bind_int64(q, 5, s->scheme.ind_bits);
    sqlite3_bind_int64(q, 6, (int64_t)s->scheme.delta);
    sqlite3_bind_int64(q, 7, (int64_t)s->sqn);
    sealed_bind_bytes(q, 8, span_of(sealed, n));
    int rc = sqlite3_step(q);
    sqlite3_finalize(q);
    if (rc == SQLITE_CONSTRAINT)
        return say(error, "%.300s: IMSI %s has a pair %u already", sealed_path(a->file), imsi, s->index);
    return rc == SQLITE_DONE || sealed_fail(a->file, error);
}

bool auc_add(struct auc *a, const struct key_row *row, const char *imsi, struct sealed_error *error)
{
    struct subscriber s;
    if (row->common)
        return say(error, "a common keyset authenticates nobody");
    if (!imsi_ok(imsi))
        return say(error, "an IMSI has 6 to 15 digits");
    memset(&s, 0, sizeof s);
    s.index = row->index;
    memcpy(s.iccid, row->iccid, sizeof s.iccid);
    s.algorithm = aka_algorithm(row->pair.algorithm);
    s.scheme = row->pair.sqn;
    s.key = row->pair.key;
    bool good = s.algorithm != NULL && aka_key_valid(s.algorithm, &s.key) && s.scheme.delta >> 48 == 0;
    if (!good)
        say(error, "pair %u of card %s has no key to authenticate with", row->index, row->iccid);
    else if (!sealed_begin(a->file, error))
        good = false;
    else if (sqn_before(a, &s, &s.sqn, error) && insert(a, imsi, &s, error))
        good = sealed_commit(a->file, error);
    else {
        sealed_rollback(a->file);
        good = false;
    }
    crypto_wipe(&s, sizeof s);
    return good;
}

bool auc_remove(struct auc *a, const char *imsi, int index, struct sealed_error *error)
{
    sqlite3_stmt *q =
        sealed_prepare(a->file,
                       index == AUC_CURRENT ? "DELETE FROM subscriber WHERE imsi = ?1"
                                            : "DELETE FROM subscriber WHERE imsi = ?1 AND idx = ?2",
                       error);
    if (q == NULL)
        return false;
    sealed_bind_text(q, 1, imsi);
    if (index != AUC_CURRENT)
        sqlite3_bind_int(q, 2, index);
    if (!sealed_done(a->file, q, error))
        return false;
    return sqlite3_changes(sealed_db(a->file)) > 0 ||
           say(error, "%.300s: no such subscriber", sealed_path(a->file));
}

/* ---- sequence numbers ---- */

/* Under every IMSI that the pair has: it is one card that looks at them. */
static bool store_sqn(struct auc *a, const struct subscriber *s, uint64_t sqn, struct sealed_error *error)
{
    sqlite3_stmt *q =
        sealed_prepare(a->file, "UPDATE subscriber SET sqn = ?3 WHERE iccid = ?1 AND idx = ?2", error);
    if (q == NULL)
        return false;
    sealed_bind_text(q, 1, s->iccid);
    sqlite3_bind_int64(q, 2, s->index);
    sqlite3_bind_int64(q, 3, (int64_t)sqn);
    return sealed_done(a->file, q, error);
}

/* SEQ one higher, IND the next in turn. false: there are none left. */
static bool following(const struct sqn_scheme *scheme, uint64_t sqn, uint64_t *next)
{
    uint64_t mask = (UINT64_C(1) << scheme->ind_bits) - 1;
    uint64_t seq = (sqn >> scheme->ind_bits) + 1;
    *next = seq << scheme->ind_bits | ((sqn + 1) & mask);
    return *next >> 48 == 0;
}

/* SEQ one higher, IND 0. 0: there are none left. */
static uint64_t next_of_ind_0(const struct sqn_scheme *scheme, uint64_t sqn)
{
    const uint64_t next = ((sqn >> scheme->ind_bits) + 1) << scheme->ind_bits;
    return next >> 48 == 0 ? next : 0;
}

/* Takes the next SQN of the subscriber, durably. */
static bool take_sqn(struct auc *a, const char *imsi, int index, struct subscriber *s,
                     struct sealed_error *error)
{
    uint64_t next = 0;
    if (!sealed_begin(a->file, error))
        return false;
    bool good = find(a, imsi, index, s, error) && sqn_before(a, s, &s->sqn, error);
    if (good && !following(&s->scheme, s->sqn, &next))
        good = say(error, "%.300s: the sequence numbers of IMSI %s are used up", sealed_path(a->file), imsi);
    if (good && store_sqn(a, s, next, error)) {
        s->sqn = next;
        if (sealed_commit(a->file, error))
            return true;
    } else {
        sealed_rollback(a->file);
    }
    crypto_wipe(s, sizeof *s);
    return false;
}

/* ---- vectors ---- */

static bool take_rand(const uint8_t *given, uint8_t rand[16])
{
    if (given == NULL)
        return crypto_random(NULL, rand, 16);
    memcpy(rand, given, 16);
    return true;
}

static bool make_autn(struct auc *a, const struct subscriber *s, const uint8_t amf[2], struct auc_vector *v)
{
    uint8_t sqn[6];
    size_t mac = aka_mac_len(s->algorithm, &s->key);
    sqn_to(s->sqn, sqn);
    if (!s->algorithm->f1(sealed_crypto(a->file), &s->key, v->rand, sqn, amf, v->autn + 8, NULL))
        return false;
    for (int i = 0; i < 6; i++)
        v->autn[i] = sqn[i] ^ v->aka.ak[i];
    memcpy(v->autn + 6, amf, 2);
    v->autn_len = (uint8_t)(8 + mac);
    return true;
}

static bool respond(struct auc *a, const struct subscriber *s, const uint8_t *rand, struct auc_vector *v)
{
    memset(v, 0, sizeof *v);
    v->index = s->index;
    if (!take_rand(rand, v->rand) || !s->algorithm->f2345(sealed_crypto(a->file), &s->key, v->rand, &v->aka))
        return false;
    aka_gsm(&v->aka, v->sres, v->kc);
    return true;
}

bool auc_vector(struct auc *a, const char *imsi, int index, const uint8_t amf[2], const uint8_t *rand,
                struct auc_vector *out, struct sealed_error *error)
{
    struct subscriber s;
    memset(out, 0, sizeof *out);
    if (!take_sqn(a, imsi, index, &s, error))
        return false;
    bool good = respond(a, &s, rand, out) && make_autn(a, &s, amf, out);
    out->sqn = s.sqn;
    crypto_wipe(&s, sizeof s);
    if (!good)
        crypto_wipe(out, sizeof *out);
    return good || say(error, "the algorithm of IMSI %s failed", imsi);
}

bool auc_triplet(struct auc *a, const char *imsi, int index, const uint8_t *rand, struct auc_vector *out,
                 struct sealed_error *error)
{
    struct subscriber s;
    memset(out, 0, sizeof *out);
    if (!find(a, imsi, index, &s, error))
        return false;
    bool good = respond(a, &s, rand, out);
    crypto_wipe(&s, sizeof s);
    if (!good)
        crypto_wipe(out, sizeof *out);
    return good || say(error, "the algorithm of IMSI %s failed", imsi);
}

/* ---- resynchronisation ---- */

/* SQN_MS from AUTS = SQN_MS xor AK* || MAC-S, with AMF* = 0000 (TS 33.102 6.3.3). */
static bool open_auts(struct auc *a, const struct subscriber *s, const uint8_t rand[16], struct span auts,
                      uint64_t *sqn_ms)
{
    static const uint8_t amf[2] = {0, 0};
    struct uicc_crypto *c = sealed_crypto(a->file);
    uint8_t ak[6], sqn[6], mac[AKA_MAC_MAX];
    size_t n = aka_mac_len(s->algorithm, &s->key);
    if (auts.n != 6 + n || !s->algorithm->f5star(c, &s->key, rand, ak))
        return false;
    for (size_t i = 0; i < 6; i++)
        sqn[i] = auts.p[i] ^ ak[i];
    bool good = s->algorithm->f1(c, &s->key, rand, sqn, amf, NULL, mac) && crypto_equal(mac, auts.p + 6, n);
    *sqn_ms = sqn_from(sqn);
    crypto_wipe(ak, sizeof ak);
    crypto_wipe(mac, sizeof mac);
    return good;
}

/* TS 33.102 6.3.5 (2): is the next SQN one that the card would take, which says that sqn_ms is its highest?
 */
static bool in_range(const struct sqn_scheme *scheme, uint64_t sqn, uint64_t sqn_ms)
{
    uint64_t seq = sqn >> scheme->ind_bits, seq_ms = sqn_ms >> scheme->ind_bits;
    return seq >= seq_ms && (scheme->delta == 0 || seq + 1 - seq_ms <= scheme->delta);
}

bool auc_resync(struct auc *a, const char *imsi, int index, const uint8_t rand[16], struct span auts,
                bool *set, struct sealed_error *error)
{
    struct subscriber s;
    uint64_t sqn_ms = 0;
    *set = false;
    if (!sealed_begin(a->file, error))
        return false;
    bool good = find(a, imsi, index, &s, error) && sqn_before(a, &s, &s.sqn, error);
    if (good && !open_auts(a, &s, rand, auts, &sqn_ms))
        good = say(error, "AUTS is not from the card of IMSI %s, or not for this RAND: MAC-S is wrong", imsi);
    *set = good && !in_range(&s.scheme, s.sqn, sqn_ms);
    good = good && (!*set || store_sqn(a, &s, sqn_ms, error));
    crypto_wipe(&s, sizeof s);
    if (good)
        return sealed_commit(a->file, error);
    sealed_rollback(a->file);
    *set = false;
    return false;
}

/* ---- looking ---- */

static bool show(struct auc *a, sqlite3_stmt *q, bool with_keys,
                 bool (*each)(void *ctx, const struct auc_subscriber *s), void *ctx,
                 struct sealed_error *error)
{
    struct subscriber s;
    const bool sound = read_row(q, &s); /* before anything is converted */
    const char *imsi = sealed_text(q, 8);
    if (!sound || (with_keys && !unseal_key(a, imsi, sealed_bytes(q, 7), &s)))
        return say(error, "%.300s: the row of IMSI %.15s is damaged", sealed_path(a->file), imsi);
    const struct auc_subscriber line = {
        .imsi = imsi,
        .iccid = s.iccid,
        .index = s.index,
        .current = sqlite3_column_int(q, 9) != 0,
        .algorithm = s.algorithm,
        .scheme = s.scheme,
        .sqn = s.sqn,
        .next = next_of_ind_0(&s.scheme, s.sqn),
        .key = with_keys ? &s.key : NULL,
    };
    bool good = each(ctx, &line);
    crypto_wipe(&s, sizeof s);
    return good;
}

bool auc_each(struct auc *a, bool with_keys, bool (*each)(void *ctx, const struct auc_subscriber *s),
              void *ctx, struct sealed_error *error)
{
    error->text[0] = '\0';
    sqlite3_stmt *q = sealed_prepare(
        a->file,
        "SELECT id, idx, iccid, algorithm, ind_bits, delta, sqn, key, imsi,"
        " id = (SELECT max(id) FROM subscriber o WHERE o.imsi = s.imsi) FROM subscriber s ORDER BY imsi, idx",
        error);
    if (q == NULL)
        return false;
    int rc = SQLITE_DONE;
    bool good = true;
    while (good && (rc = sqlite3_step(q)) == SQLITE_ROW)
        good = show(a, q, with_keys, each, ctx, error);
    if (good && rc != SQLITE_DONE)
        good = sealed_fail(a->file, error);
    sqlite3_finalize(q);
    return good;
}
