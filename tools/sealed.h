/* SPDX-License-Identifier: Apache-2.0
 *
 * An SQLite file that keeps secrets: what the vault and the authentication centre have in common. The secrets
 * in it are sealed (AES-256-GCM), other rows authenticated (HMAC-SHA-256), under keys derived from a
 * passphrase (scrypt) or from a key file. Mode 0600. Everything is on the disk when a commit returns.
 */
#ifndef TOOLS_SEALED_H
#define TOOLS_SEALED_H

#include <sqlite3.h>

#include "crypto.h"

struct sealed;

struct sealed_error {
    char text[512]; /* one line for a person */
};

enum {
    SEALED_OVERHEAD = 1 + 12 + 16, /* format, nonce, tag */
    SEALED_MAC = 32,
    SEALED_PASSPHRASE_MAX = 255,
};

struct sealed_config {
    const char *path; /* ":memory:": kept nowhere, under a random key */
    const char *what; /* "vault": for messages */
    int application, version;
    const char *schema; /* SQL that makes the tables */
    bool create;        /* true: must not be there; false: must */
    const char
        *key_file; /* NULL: path + ".key". Made with `create` unless it is there; mode 0600 or stricter */
    const char *passphrase; /* in place of the key file, where not NULL */
};

/* NULL: *error says why, and nothing was made. */
struct sealed *sealed_open(const struct sealed_config *config, struct sealed_error *error);
void sealed_close(struct sealed *s); /* rolls back what was not committed; NULL is allowed */

/* Whether the file wants a passphrase rather than a key file. false: it cannot be told (*error). */
bool sealed_wants_passphrase(const struct sealed_config *config, bool *wants, struct sealed_error *error);

/* A passphrase: the first line of `file`, or asked for at the terminal when that is NULL (twice if `new`).
 * Wipe it. */
bool sealed_passphrase(const char *file, bool new, char to[SEALED_PASSPHRASE_MAX + 1],
                       struct sealed_error *error);

sqlite3 *sealed_db(struct sealed *s);
struct uicc_crypto *sealed_crypto(struct sealed *s);
const char *sealed_path(const struct sealed *s);

/* Puts SQLite's message into *error; false, so that it can be returned. */
bool sealed_fail(struct sealed *s, struct sealed_error *error);
bool sealed_run(struct sealed *s, const char *sql, struct sealed_error *error);
/* BEGIN IMMEDIATE: reads and writes that follow are one step, which no other process gets between. */
bool sealed_begin(struct sealed *s, struct sealed_error *error);
bool sealed_commit(struct sealed *s, struct sealed_error *error); /* rolls back when it fails */
void sealed_rollback(struct sealed *s);

/* NULL: *error. Statements are prepared anew each time: a table of them would have to be kept in step with
 * the schema. */
sqlite3_stmt *sealed_prepare(struct sealed *s, const char *sql, struct sealed_error *error);
void sealed_bind_text(sqlite3_stmt *q, int at, const char *text);
void sealed_bind_bytes(sqlite3_stmt *q, int at, struct span bytes);
/* Steps and finalises one that returns no rows. */
bool sealed_done(struct sealed *s, sqlite3_stmt *q, struct sealed_error *error);
/* Steps one that returns rows: 1 there is a row, 0 there is none (any more), -1 *error. Columns are read of a
 * row that is there only: SQLite promises nothing for others. */
int sealed_next(struct sealed *s, sqlite3_stmt *q, struct sealed_error *error);
/* Column as text ("" for NULL) and as octets; valid until the next step. */
const char *sealed_text(sqlite3_stmt *q, int column);
struct span sealed_bytes(sqlite3_stmt *q, int column);

/* Seals `plain` for the place that `context` names (each part with its length: no two contexts are alike).
 * out has plain.n + SEALED_OVERHEAD octets. */
bool sealed_seal(struct sealed *s, const struct span *context, size_t n_context, struct span plain,
                 uint8_t *out);
/* out has sealed.n - SEALED_OVERHEAD octets, at least 1. false: not what was sealed here under this key. */
bool sealed_unseal(struct sealed *s, const struct span *context, size_t n_context, struct span sealed,
                   uint8_t *out);
/* HMAC-SHA-256 over the parts, each with its length. */
bool sealed_mac(struct sealed *s, const struct span *parts, size_t n_parts, uint8_t mac[SEALED_MAC]);

static inline struct span span_text(const char *text)
{
    return span_of(text, strlen(text));
}

#endif
