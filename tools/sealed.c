/* SPDX-License-Identifier: Apache-2.0 */
#include "sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder_sync.h"
#include "sql.h"

enum {
    FORMAT = 1,
    NONCE = 12,
    TAG = 16,
    KEY = 32,
    SALT = 16,
    /* RFC 7914: N, r, p. 32 MB and a tenth of a second for each guess. */
    SCRYPT_N = 1 << 15,
    SCRYPT_R = 8,
    SCRYPT_P = 1,
    /* A file may ask for more, but neither for a machine's memory nor for its afternoon: 256 MB,
     * and the time that they take. */
    SCRYPT_BLOCK = 128, /* octets: p times r times N of them are written and read */
    SCRYPT_WORK_MAX = 256 << 20,
    PARTS_MAX = 16,
    PATH_ROOM = 4096,
};

struct sealed {
    sqlite3 *db;
    struct uicc_crypto *crypto;
    uint8_t seal_key[KEY], mac_key[KEY];
    const char *what;
    char path[PATH_ROOM];
};

/* How the keys come from the secret; one row. */
static const char own_schema[] =
    "CREATE TABLE sealing (id INTEGER PRIMARY KEY CHECK (id = 1), kdf TEXT NOT NULL, salt BLOB NOT NULL,"
    " n INTEGER NOT NULL, r INTEGER NOT NULL, p INTEGER NOT NULL, probe BLOB NOT NULL);";

struct kdf {
    bool passphrase;
    uint8_t salt[SALT];
    uint64_t n, r, p;
};

static const char probe_text[] = "the right key";

/* ---- SQLite ---- */

static bool say(struct sealed_error *error, const char *path, const char *what)
{
    snprintf(error->text, sizeof error->text, "%.300s: %s", path, what);
    return false;
}

bool sealed_fail(struct sealed *s, struct sealed_error *error)
{
    return say(error, s->path, sql_text(s->db));
}

bool sealed_run(struct sealed *s, const char *sql, struct sealed_error *error)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK || sealed_fail(s, error);
}

bool sealed_begin(struct sealed *s, struct sealed_error *error)
{
    if (sealed_run(s, "BEGIN IMMEDIATE", error))
        return true;
    sealed_rollback(s); /* a statement that was interrupted may have begun */
    return false;
}

bool sealed_commit(struct sealed *s, struct sealed_error *error)
{
    if (sealed_run(s, "COMMIT", error))
        return true;
    sealed_rollback(s);
    return false;
}

void sealed_rollback(struct sealed *s)
{
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    if (sqlite3_get_autocommit(s->db) == 0) /* it was interrupted */
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

sqlite3_stmt *sealed_prepare(struct sealed *s, const char *sql, struct sealed_error *error)
{
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) == SQLITE_OK)
        return q;
    sealed_fail(s, error);
    return NULL;
}

void sealed_bind_text(sqlite3_stmt *q, int at, const char *text)
{
    sqlite3_bind_text(q, at, text, -1, SQLITE_TRANSIENT);
}

void sealed_bind_bytes(sqlite3_stmt *q, int at, struct span bytes)
{
    if (bytes.n > 0)
        sqlite3_bind_blob64(q, at, bytes.p, bytes.n, SQLITE_TRANSIENT);
    else
        sqlite3_bind_zeroblob(q, at, 0);
}

bool sealed_done(struct sealed *s, sqlite3_stmt *q, struct sealed_error *error)
{
    bool good = sqlite3_step(q) == SQLITE_DONE || sealed_fail(s, error);
    sqlite3_finalize(q);
    return good;
}

int sealed_next(struct sealed *s, sqlite3_stmt *q, struct sealed_error *error)
{
    const int rc = sqlite3_step(q);
    if (rc == SQLITE_ROW)
        return 1;
    return rc == SQLITE_DONE || sealed_fail(s, error) ? 0 : -1;
}

const char *sealed_text(sqlite3_stmt *q, int column)
{
    const void *text = sqlite3_column_text(q, column);
    return text != NULL ? text : "";
}

struct span sealed_bytes(sqlite3_stmt *q, int column)
{
    const void *p = sqlite3_column_blob(q, column);
    int n = sqlite3_column_bytes(q, column);
    return p != NULL && n > 0 ? span_of(p, (size_t)n) : SPAN_EMPTY;
}

sqlite3 *sealed_db(struct sealed *s)
{
    return s->db;
}

struct uicc_crypto *sealed_crypto(struct sealed *s)
{
    return s->crypto;
}

const char *sealed_path(const struct sealed *s)
{
    return s->path;
}

static bool pragma_number(struct sealed *s, const char *sql, int *value, struct sealed_error *error)
{
    sqlite3_stmt *q = sealed_prepare(s, sql, error);
    bool good = q != NULL && sqlite3_step(q) == SQLITE_ROW;
    if (good)
        *value = sqlite3_column_int(q, 0);
    else if (q != NULL)
        sealed_fail(s, error);
    sqlite3_finalize(q);
    return good;
}

/* ---- sealing ---- */

/* Each part with its length in front: the parts of one context are never those of another. */
static size_t with_lengths(const struct span *parts, size_t n, uint8_t lengths[PARTS_MAX][4],
                           struct span out[2 * PARTS_MAX])
{
    size_t m = 0;
    for (size_t i = 0; i < n && i < PARTS_MAX; i++) {
        for (int b = 0; b < 4; b++)
            lengths[i][b] = (uint8_t)(parts[i].n >> (24 - 8 * b));
        out[m++] = span_of(lengths[i], 4);
        out[m++] = parts[i];
    }
    return m;
}

static bool mac_with(struct sealed *s, const uint8_t key[KEY], const struct span *parts, size_t n,
                     uint8_t mac[SEALED_MAC])
{
    uint8_t lengths[PARTS_MAX][4];
    struct span all[2 * PARTS_MAX];
    if (n > PARTS_MAX)
        return false;
    size_t m = with_lengths(parts, n, lengths, all);
    return hmac_sha256(s->crypto, span_of(key, KEY), all, m, mac);
}

bool sealed_mac(struct sealed *s, const struct span *parts, size_t n_parts, uint8_t mac[SEALED_MAC])
{
    return mac_with(s, s->mac_key, parts, n_parts, mac);
}

/* The context goes into GCM as its MAC: of a fixed length, whatever the parts. */
bool sealed_seal(struct sealed *s, const struct span *context, size_t n_context, struct span plain,
                 uint8_t *out)
{
    uint8_t aad[SEALED_MAC];
    out[0] = FORMAT;
    bool good = sealed_mac(s, context, n_context, aad) && crypto_random(NULL, out + 1, NONCE) &&
                gcm_seal(s->crypto, s->seal_key, out + 1, span_of(aad, sizeof aad), plain, out + 1 + NONCE,
                         out + 1 + NONCE + plain.n);
    if (!good)
        crypto_wipe(out, plain.n + SEALED_OVERHEAD);
    return good;
}

bool sealed_unseal(struct sealed *s, const struct span *context, size_t n_context, struct span sealed,
                   uint8_t *out)
{
    uint8_t aad[SEALED_MAC];
    if (sealed.n < SEALED_OVERHEAD || sealed.p[0] != FORMAT)
        return false;
    size_t n = sealed.n - SEALED_OVERHEAD;
    return sealed_mac(s, context, n_context, aad) &&
           gcm_open(s->crypto, s->seal_key, sealed.p + 1, span_of(aad, sizeof aad),
                    span_slice(sealed, 1 + NONCE, n), sealed.p + 1 + NONCE + n, out);
}

/* ---- the secret ---- */

static bool scrypt(const char *passphrase, const struct kdf *k, uint8_t out[KEY])
{
    uint64_t n = k->n, r = k->r, p = k->p, memory = UINT64_C(2) * SCRYPT_WORK_MAX;
    uint8_t salt[SALT];
    char secret[SEALED_PASSPHRASE_MAX + 1]; /* OSSL_PARAM wants it modifiable, though it only reads it */
    size_t len = strlen(passphrase);
    if (len > SEALED_PASSPHRASE_MAX)
        return false;
    memcpy(secret, passphrase, len + 1);
    memcpy(salt, k->salt, SALT);
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, secret, len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt, SALT),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_R, &r),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_P, &p),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory),
        OSSL_PARAM_END,
    };
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "SCRYPT", NULL);
    EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    bool good = ctx != NULL && EVP_KDF_derive(ctx, out, KEY, params) == 1;
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    crypto_wipe(secret, sizeof secret);
    return good;
}

static bool key_path(const struct sealed_config *c, char path[PATH_ROOM], struct sealed_error *error)
{
    int n = c->key_file != NULL ? snprintf(path, PATH_ROOM, "%s", c->key_file)
                                : snprintf(path, PATH_ROOM, "%s.key", c->path);
    return (n > 0 && n < PATH_ROOM) || say(error, c->path, "the name of its key file is too long");
}

static bool make_key_file(const char *path, struct sealed_error *error)
{
    uint8_t key[KEY];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return say(error, path, strerror(errno));
    bool good = crypto_random(NULL, key, sizeof key) && write(fd, key, sizeof key) == (ssize_t)sizeof key &&
                fsync(fd) == 0 && (errno = folder_sync(path)) == 0;
    if (!good)
        say(error, path, strerror(errno));
    close(fd);
    crypto_wipe(key, sizeof key);
    if (!good)
        unlink(path);
    return good;
}

static bool read_key_file(const char *path, uint8_t key[KEY], struct sealed_error *error)
{
    uint8_t bytes[KEY + 1];
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        say(error, path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    bool good = false;
    if (!S_ISREG(st.st_mode))
        say(error, path, "not a regular file");
    else if ((st.st_mode & 077) != 0)
        say(error, path, "others than its owner may read this key file: chmod 600 it");
    else if (read(fd, bytes, sizeof bytes) != KEY)
        say(error, path, "not a key file: it has to have 32 octets");
    else {
        memcpy(key, bytes, KEY);
        good = true;
    }
    close(fd);
    crypto_wipe(bytes, sizeof bytes);
    return good;
}

/* The product of what a file says may be larger than any number here. */
static bool too_much_work(const struct kdf *k)
{
    uint64_t room = SCRYPT_WORK_MAX / SCRYPT_BLOCK;
    return k->n > room || k->r > room / k->n || k->p > room / k->n / k->r;
}

static bool secret_key(const struct sealed_config *c, const struct kdf *k, uint8_t key[KEY],
                       struct sealed_error *error)
{
    char path[PATH_ROOM];
    if (strcmp(c->path, ":memory:") == 0)
        return crypto_random(NULL, key, KEY) || say(error, c->path, "no random octets");
    if (k->passphrase && too_much_work(k))
        return say(error, c->path,
                   "its passphrase is stretched (scrypt) beyond what softuicc does: no file that it made");
    if (k->passphrase)
        return scrypt(c->passphrase, k, key) || say(error, c->path, "scrypt failed: no memory?");
    return key_path(c, path, error) && read_key_file(path, key, error);
}

static bool sub_key(struct sealed *s, const uint8_t secret[KEY], const struct kdf *k, const char *label,
                    uint8_t out[KEY])
{
    const struct span parts[] = {span_text(label), span_text(s->what), span_of(k->salt, SALT)};
    return mac_with(s, secret, parts, 3, out);
}

static bool probe(struct sealed *s, const struct kdf *k, const struct sealed_config *c, struct span *sealed,
                  uint8_t room[sizeof probe_text + SEALED_OVERHEAD])
{
    char numbers[128];
    snprintf(numbers, sizeof numbers, "%d %d %d %llu %llu %llu", c->application, c->version, k->passphrase,
             (unsigned long long)k->n, (unsigned long long)k->r, (unsigned long long)k->p);
    const struct span context[] = {span_text("probe"), span_text(numbers)};
    const struct span plain = span_of(probe_text, sizeof probe_text);
    if (sealed->n == 0) { /* to be made */
        *sealed = span_of(room, sizeof probe_text + SEALED_OVERHEAD);
        return sealed_seal(s, context, 2, plain, room);
    }
    return sealed->n == plain.n + SEALED_OVERHEAD && sealed_unseal(s, context, 2, *sealed, room) &&
           memcmp(room, probe_text, plain.n) == 0;
}

static bool take_keys(struct sealed *s, const struct sealed_config *c, const struct kdf *k,
                      struct sealed_error *error)
{
    uint8_t secret[KEY];
    bool good = secret_key(c, k, secret, error);
    if (good && (!sub_key(s, secret, k, "seal", s->seal_key) || !sub_key(s, secret, k, "mac", s->mac_key)))
        good = say(error, s->path, "HMAC failed");
    crypto_wipe(secret, sizeof secret);
    return good;
}

/* ---- opening ---- */

static bool read_kdf(struct sealed *s, struct kdf *k, struct span *sealed, uint8_t *room, size_t cap,
                     struct sealed_error *error)
{
    sqlite3_stmt *q = sealed_prepare(s, "SELECT kdf, salt, n, r, p, probe FROM sealing WHERE id = 1", error);
    if (q == NULL)
        return false;
    bool good = sqlite3_step(q) == SQLITE_ROW;
    if (good) {
        struct span salt = sealed_bytes(q, 1), bytes = sealed_bytes(q, 5);
        const char *kdf = sealed_text(q, 0);
        k->passphrase = strcmp(kdf, "scrypt") == 0;
        k->n = (uint64_t)sqlite3_column_int64(q, 2);
        k->r = (uint64_t)sqlite3_column_int64(q, 3);
        k->p = (uint64_t)sqlite3_column_int64(q, 4);
        good = (k->passphrase || strcmp(kdf, "file") == 0) && salt.n == SALT && bytes.n > 0 &&
               bytes.n <= cap && k->n > 0 && k->r > 0 && k->p > 0;
        if (good) {
            memcpy(k->salt, salt.p, SALT);
            memcpy(room, bytes.p, bytes.n);
            *sealed = span_of(room, bytes.n);
        }
    }
    sqlite3_finalize(q);
    return good || say(error, s->path, "damaged: it does not say how it is sealed");
}

static bool adopt(struct sealed *s, const struct sealed_config *c, struct sealed_error *error)
{
    int application = 0, version = 0;
    char text[128];
    if (!pragma_number(s, "PRAGMA application_id", &application, error) ||
        !pragma_number(s, "PRAGMA user_version", &version, error))
        return false;
    if (application != c->application) {
        snprintf(text, sizeof text, "an SQLite file, but no %s", c->what);
        return say(error, s->path, text);
    }
    if (version == c->version && sql_has_schema(s->db, (const char *const[]){own_schema, c->schema}, 2))
        return true;
    if (version == c->version) {
        snprintf(text, sizeof text, "damaged, or tampered with: it has not the tables of a %s", c->what);
        return say(error, s->path, text);
    }
    snprintf(text, sizeof text, "a %s of version %d; this softuicc knows version %d", c->what, version,
             c->version);
    return say(error, s->path, text);
}

static bool unlock(struct sealed *s, const struct sealed_config *c, struct sealed_error *error)
{
    struct kdf k;
    struct span sealed;
    uint8_t stored[sizeof probe_text + SEALED_OVERHEAD], room[sizeof probe_text + SEALED_OVERHEAD];
    if (!adopt(s, c, error) || !read_kdf(s, &k, &sealed, stored, sizeof stored, error))
        return false;
    if (k.passphrase && c->passphrase == NULL)
        return say(error, s->path, "it wants a passphrase");
    if (!k.passphrase && c->passphrase != NULL)
        return say(error, s->path, "it has a key file, and no passphrase");
    if (!take_keys(s, c, &k, error))
        return false;
    bool right = probe(s, &k, c, &sealed, room);
    crypto_wipe(room, sizeof room);
    return right || say(error, s->path, k.passphrase ? "wrong passphrase" : "not the key of this file");
}

static bool lock(struct sealed *s, const struct sealed_config *c, struct sealed_error *error)
{
    struct kdf k = {.passphrase = c->passphrase != NULL, .n = SCRYPT_N, .r = SCRYPT_R, .p = SCRYPT_P};
    struct span sealed = SPAN_EMPTY;
    uint8_t room[sizeof probe_text + SEALED_OVERHEAD];
    char marks[80];
    if (!crypto_random(NULL, k.salt, SALT))
        return say(error, s->path, "no random octets");
    snprintf(marks, sizeof marks, "PRAGMA application_id = %d; PRAGMA user_version = %d", c->application,
             c->version);
    if (!sealed_run(s, own_schema, error) || !sealed_run(s, c->schema, error) ||
        !sealed_run(s, marks, error) || !take_keys(s, c, &k, error))
        return false;
    if (!probe(s, &k, c, &sealed, room))
        return say(error, s->path, "sealing failed");
    sqlite3_stmt *q = sealed_prepare(s, "INSERT INTO sealing VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)", error);
    if (q == NULL)
        return false;
    sealed_bind_text(q, 1, k.passphrase ? "scrypt" : "file");
    sealed_bind_bytes(q, 2, span_of(k.salt, SALT));
    sqlite3_bind_int64(q, 3, (int64_t)k.n);
    sqlite3_bind_int64(q, 4, (int64_t)k.r);
    sqlite3_bind_int64(q, 5, (int64_t)k.p);
    sealed_bind_bytes(q, 6, sealed);
    return sealed_done(s, q, error);
}

static bool open_db(struct sealed *s, const char *path, struct sealed_error *error)
{
    if (sql_open(path, SQLITE_OPEN_READWRITE, &s->db) != SQLITE_OK) {
        say(error, path, sql_open_text(s->db));
        return false;
    }
    return sealed_run(s, "PRAGMA synchronous = EXTRA; PRAGMA secure_delete = ON", error);
}

static struct sealed *start(const struct sealed_config *c, struct sealed_error *error)
{
    struct sealed *s = calloc(1, sizeof *s);
    struct uicc_crypto *crypto = s != NULL ? crypto_new() : NULL;
    if (crypto == NULL) {
        free(s);
        say(error, c->path, "no memory");
        return NULL;
    }
    s->crypto = crypto;
    s->what = c->what;
    int n = snprintf(s->path, sizeof s->path, "%s", c->path);
    if (n <= 0 || (size_t)n >= sizeof s->path - 16) {
        say(error, c->path, "the file name is empty or too long");
        sealed_close(s);
        return NULL;
    }
    return s;
}

static bool create(struct sealed *s, const struct sealed_config *c, bool *made_key,
                   struct sealed_error *error)
{
    char key[PATH_ROOM];
    struct stat st;
    if (strcmp(c->path, ":memory:") != 0) {
        int fd = open(c->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
            return say(error, c->path, errno == EEXIST ? "exists already" : strerror(errno));
        close(fd);
        if (c->passphrase == NULL) {
            *made_key = key_path(c, key, error) && lstat(key, &st) != 0 && make_key_file(key, error);
            if (!*made_key && error->text[0] != '\0')
                return false;
        }
    }
    if (open_db(s, c->path, error) && sealed_begin(s, error) && lock(s, c, error) && sealed_commit(s, error))
        return true;
    return false;
}

struct sealed *sealed_open(const struct sealed_config *c, struct sealed_error *error)
{
    error->text[0] = '\0';
    struct sealed *s = start(c, error);
    if (s == NULL)
        return NULL;
    if (!c->create) {
        if (open_db(s, c->path, error) && unlock(s, c, error))
            return s;
        sealed_close(s);
        return NULL;
    }
    struct stat before;
    bool was_there = strcmp(c->path, ":memory:") == 0 || lstat(c->path, &before) == 0, made_key = false;
    if (create(s, c, &made_key, error))
        return s;
    sealed_close(s);
    char key[PATH_ROOM];
    struct sealed_error none;
    if (!was_there)
        unlink(c->path);
    if (made_key && key_path(c, key, &none))
        unlink(key);
    return NULL;
}

void sealed_close(struct sealed *s)
{
    if (s == NULL)
        return;
    sqlite3_close(s->db);
    crypto_free(s->crypto);
    crypto_wipe(s, sizeof *s);
    free(s);
}

bool sealed_wants_passphrase(const struct sealed_config *c, bool *wants, struct sealed_error *error)
{
    struct kdf k;
    struct span sealed;
    uint8_t room[sizeof probe_text + SEALED_OVERHEAD];
    struct sealed *s = start(c, error);
    if (s == NULL)
        return false;
    bool good = open_db(s, c->path, error) && adopt(s, c, error) &&
                read_kdf(s, &k, &sealed, room, sizeof room, error);
    if (good)
        *wants = k.passphrase;
    sealed_close(s);
    return good;
}
