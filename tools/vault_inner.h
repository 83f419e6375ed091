/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the vault: what its parts (the store, the parties, what it sends) share.
 */
#ifndef TOOLS_VAULT_INNER_H
#define TOOLS_VAULT_INNER_H

#include "secret_text.h"
#include "vault.h"

/* The rows of a table: how many, and the exclusive or of HMACs over each. Nobody without the key knows any of
 * these, so no set of rows can be made to match another's mark. */
struct vault_mark {
    int64_t count;
    uint8_t sum[SEALED_MAC];
};

struct vault_state { /* the one row that authenticates all others */
    uint8_t id[16];
    struct vault_mark pairs, operators, inherited;
    int64_t entries;
    uint8_t head[VAULT_HASH];
    char transferred[CMS_PRINT_TEXT];
};

struct vault {
    struct sealed *file;
    struct vault_state state;
    int64_t data_version; /* SQLite's, when all was last authenticated */
    X509 *certificate;    /* the vault's own, or NULL */
    sqlite3_stmt *insert; /* while importing */
};

struct vault_entry { /* of a log */
    const char *at, *event, *iccid, *index, *party, *detail;
};

/* A step: begin authenticates what it will build on. commit stores the state; either undoes all when it
 * fails. */
bool vault_begin(struct vault *v, struct sealed_error *error);
bool vault_commit(struct vault *v, struct sealed_error *error);
void vault_undo(struct vault *v);

/* The step's last part: what was done goes into the log, and all of it onto the disk. Either
 * undoes all when it fails. */
bool vault_conclude(struct vault *v, const char *event, const char *iccid, const char *index,
                    const char *party, const char *detail, struct sealed_error *error);
bool vault_abandon(struct vault *v); /* false */
/* false: it was transferred to another key manager. */
bool vault_still_ours(struct vault *v, struct sealed_error *error);

/* Adds to the log; hash (may be NULL) gets that of the new entry. e->at is set. */
bool vault_log(struct vault *v, struct vault_entry *e, struct sealed_error *error);
/* The hash of an entry that follows one of this hash. */
bool vault_entry_hash(const uint8_t before[VAULT_HASH], int64_t entry, const struct vault_entry *e,
                      uint8_t hash[VAULT_HASH]);
bool vault_mark_flip(struct vault *v, struct vault_mark *mark, int by, const char *table,
                     const struct span *columns, size_t n);

bool vault_put_pair(struct vault *v, const struct key_row *row, const char *entitled, const char *holder,
                    struct sealed_error *error);
bool vault_prepare_import(struct vault *v, struct sealed_error *error);
bool vault_put_operator(struct vault *v, const char *name, const X509 *certificate,
                        struct sealed_error *error);
/* What was sealed, as the line of a key file. Wipe it. */
bool vault_unseal_line(struct vault *v, const char *iccid, const char *index, struct span sealed,
                       char line[KEYS_LINE_MAX]);
/* The vault's own certificate and key; the key is freed by the caller. */
bool vault_identity(struct vault *v, struct cms_identity *out, struct sealed_error *error);

/* Rows and log tell the same story. If not: *error says where, of `whose` (a vault's file, a transfer). */
bool vault_story(struct vault *v, const char *whose, struct sealed_error *error);

bool vault_say(struct sealed_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What went wrong in CMS, said as one of the vault's errors: false. */
bool vault_cms_said(struct sealed_error *error, const struct cms_error *cms);
bool vault_name_ok(const char *name);
void vault_index_text(const struct vault_pair *pair, char text[VAULT_INDEX_MAX + 1]);

#endif
