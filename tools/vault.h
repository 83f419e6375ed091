/* SPDX-License-Identifier: Apache-2.0
 *
 * The key store of the card maker, or of a third party (3GPP TR 33.812 5.3.2.2, and 5.3.2.3 V1): every K/OTA
 * pair of every card, sealed. It gives out one pair at a time, to the one operator that is entitled to it,
 * enveloped for that operator's certificate; and it keeps a log of that which cannot be changed afterwards
 * without being noticed: a hash chain, whose head is authenticated by the vault's key.
 *
 * When a vault is opened, and whenever another process has changed it, all of it is authenticated before
 * anything is done: no row can have been changed, added, removed or put back. What cannot be seen from inside
 * is a whole file put back in its older state: for that, note the head of the log elsewhere and have it
 * looked for (vault_verify).
 */
#ifndef TOOLS_VAULT_H
#define TOOLS_VAULT_H

#include "cms.h"
#include "keys.h"
#include "sealed.h"

struct vault;

enum {
    VAULT_NAME_MAX = 64, /* octets of an operator's name: printable, no control characters */
    VAULT_INDEX_MAX = 5, /* characters of an index: "0" to "254", "c0" to "c14", "p0" to "p23" */
    VAULT_HASH = 32,
};

struct vault_config {
    const char *path; /* ":memory:" keeps nothing */
    bool create;
    const char *key_file, *passphrase; /* as in struct sealed_config */
};

struct vault *vault_open(const struct vault_config *config, struct sealed_error *error);
void vault_close(struct vault *v); /* NULL is allowed */
bool vault_wants_passphrase(const char *path, bool *wants, struct sealed_error *error);

/* One pair, or common keyset, of a card. */
struct vault_pair {
    const char *iccid;
    bool common;
    unsigned index;
    bool pin; /* common, too: a PIN's row (keys.h) */
};

/* ---- filling it: all between begin and end is one step; closing the vault before the end undoes it ---- */
bool vault_import_begin(struct vault *v, struct sealed_error *error);
bool vault_import_row(struct vault *v, const struct key_row *row, struct sealed_error *error);
bool vault_import_end(struct vault *v, const char *source, struct sealed_error *error);
void vault_import_abort(struct vault *v);
bool vault_import_file(struct vault *v, const char *path, uint64_t *rows, struct sealed_error *error);

/* ---- whom it deals with ---- */
bool vault_operator_add(struct vault *v, const char *name, X509 *certificate, struct sealed_error *error);
bool vault_operator_renew(struct vault *v, const char *name, X509 *certificate, struct sealed_error *error);
/* The vault's own certificate: signs what it sends, and what is transferred to it is enveloped for it. */
bool vault_identify(struct vault *v, const struct cms_identity *identity, struct sealed_error *error);
/* The certificate, or NULL when it has none. */
const X509 *vault_certificate(const struct vault *v);

/* ---- who gets what ---- */
bool vault_entitle(struct vault *v, const struct vault_pair *pair, const char *party,
                   struct sealed_error *error);
/* Only what was not revealed yet. */
bool vault_withdraw(struct vault *v, const struct vault_pair *pair, struct sealed_error *error);

/* The pair for the operator, as a CMS message; free with cms_free. It is in the log, durably, before this
 * returns. Once more for the same operator is allowed (a message may be lost); for another it never is. */
struct vault_delivery {
    uint8_t *bytes;
    size_t n;
    int64_t entry;            /* of the log */
    uint8_t hash[VAULT_HASH]; /* of that entry */
};
bool vault_reveal(struct vault *v, const struct vault_pair *pair, const char *party,
                  struct vault_delivery *out, struct sealed_error *error);

/* The operator's side: opens a delivery made for `self`. trusted: the vault's certificate, or NULL when it
 * signs nothing. Wipe the row. */
struct vault_opened {
    struct key_row row;
    char vault[33];                /* hex */
    char name[VAULT_NAME_MAX + 1]; /* as which the vault knows us */
    int64_t entry;
    bool has_signature;
};
bool vault_unpack(struct span packed, const struct cms_identity *self, X509 *trusted,
                  struct vault_opened *out, struct sealed_error *error);

/* ---- another key manager (V1) ---- */
/* Everything, with the log, for another vault's certificate. From then on this vault reveals nothing, and
 * transfers to nobody else. */
bool vault_transfer(struct vault *v, X509 *to, uint8_t **out, size_t *n, struct sealed_error *error);
/* Takes it over: into a vault that has neither pairs nor operators, but an identity. */
bool vault_receive(struct vault *v, struct span packed, X509 *from, uint64_t *pairs,
                   struct sealed_error *error);

/* ---- looking ---- */
struct vault_status {
    char id[33]; /* hex */
    uint64_t pairs, operators, revealed, entitled;
    int64_t entries;
    uint8_t head[VAULT_HASH];
    char transferred[CMS_PRINT_TEXT]; /* to which certificate; "": it was not */
};
bool vault_status(struct vault *v, struct vault_status *out, struct sealed_error *error);

/* Authenticates everything anew: every row, the chain, every seal; and that rows and log say the same. entry
 * 0, or an entry and the hash that it was once noted with: refused when it has another now. */
bool vault_verify(struct vault *v, int64_t entry, const uint8_t hash[VAULT_HASH], struct sealed_error *error);

/* No keys in any of these. A false from `each` ends it, and is returned with *error as it left it. */
struct vault_line {
    const char *iccid, *index, *entitled, *holder; /* of a pair; "" for nobody */
};
struct vault_operator_line {
    const char *name, *print, *until;
};
struct vault_log_line {
    int64_t entry;
    const char *at, *event, *iccid, *index, *party, *detail;
    struct span hash;
};
bool vault_each_pair(struct vault *v, bool (*each)(void *ctx, const struct vault_line *line), void *ctx,
                     struct sealed_error *error);
bool vault_each_operator(struct vault *v, bool (*each)(void *ctx, const struct vault_operator_line *line),
                         void *ctx, struct sealed_error *error);
bool vault_each_entry(struct vault *v, bool (*each)(void *ctx, const struct vault_log_line *line), void *ctx,
                      struct sealed_error *error);

#endif
