/* SPDX-License-Identifier: Apache-2.0
 *
 * Who the vault deals with, and who gets what: operators and their certificates, the vault's own, entitlement
 * and delivery.
 */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "hex.h"
#include "vault_inner.h"

/* ---- operators ---- */

static bool to_der(const X509 *x, uint8_t **der, size_t *n)
{
    unsigned char *p = NULL;
    int len = i2d_X509(x, &p);
    *der = p;
    *n = len > 0 ? (size_t)len : 0;
    return len > 0;
}

/* The operator's certificate; NULL: *error. */
static X509 *operator_certificate(struct vault *v, const char *name, struct sealed_error *error)
{
    X509 *x = NULL;
    sqlite3_stmt *q = sealed_prepare(v->file, "SELECT certificate FROM operator WHERE name = ?1", error);
    if (q == NULL)
        return NULL;
    sealed_bind_text(q, 1, name);
    const int row = sealed_next(v->file, q, error);
    if (row > 0)
        x = cms_certificate_of(sealed_bytes(q, 0));
    sqlite3_finalize(q);
    if (x == NULL && row >= 0)
        vault_say(error, "%.300s: it knows no operator '%s'", sealed_path(v->file), name);
    return x;
}

/* One party under two names could be given what was meant for one of them. */
static bool nobody_elses(struct vault *v, const char *name, const X509 *x, struct sealed_error *error)
{
    bool good = true;
    int row = 0;
    sqlite3_stmt *q = sealed_prepare(v->file, "SELECT name, certificate FROM operator", error);
    if (q == NULL)
        return false;
    while (good && (row = sealed_next(v->file, q, error)) > 0) {
        X509 *other = cms_certificate_of(sealed_bytes(q, 1));
        if (strcmp(sealed_text(q, 0), name) != 0 && (other == NULL || cms_same_key(x, other)))
            good =
                vault_say(error, "the key of this certificate is that of operator '%s'", sealed_text(q, 0));
        X509_free(other);
    }
    sqlite3_finalize(q);
    return good && row == 0;
}

bool vault_put_operator(struct vault *v, const char *name, const X509 *certificate,
                        struct sealed_error *error)
{
    uint8_t *der = NULL;
    size_t n = 0;
    if (!vault_name_ok(name))
        return vault_say(error, "an operator's name has 1 to %d printable characters", VAULT_NAME_MAX);
    if (!nobody_elses(v, name, certificate, error))
        return false;
    if (!to_der(certificate, &der, &n))
        return vault_say(error, "the certificate cannot be encoded");
    const struct span columns[] = {span_text(name), span_of(der, n)};
    bool good = false;
    sqlite3_stmt *q = sealed_prepare(v->file, "INSERT INTO operator VALUES (?1, ?2)", error);
    if (q != NULL) {
        sealed_bind_text(q, 1, name);
        sealed_bind_bytes(q, 2, columns[1]);
        good = sealed_done(v->file, q, error) &&
               (vault_mark_flip(v, &v->state.operators, 1, "operator", columns, 2) ||
                vault_say(error, "HMAC failed"));
    }
    OPENSSL_free(der);
    return good;
}

static bool drop_operator(struct vault *v, const char *name, struct sealed_error *error)
{
    uint8_t *der = NULL;
    size_t n = 0;
    X509 *x = operator_certificate(v, name, error);
    bool good = x != NULL && to_der(x, &der, &n);
    const struct span columns[] = {span_text(name), span_of(der, n)};
    if (x != NULL && !(good && vault_mark_flip(v, &v->state.operators, -1, "operator", columns, 2)))
        good = vault_say(error, "HMAC failed");
    X509_free(x);
    OPENSSL_free(der);
    sqlite3_stmt *q = good ? sealed_prepare(v->file, "DELETE FROM operator WHERE name = ?1", error) : NULL;
    if (q == NULL)
        return false;
    sealed_bind_text(q, 1, name);
    return sealed_done(v->file, q, error);
}

static bool operator_known(struct vault *v, const char *name)
{
    struct sealed_error none;
    X509 *x = operator_certificate(v, name, &none);
    X509_free(x);
    return x != NULL;
}

static bool set_operator(struct vault *v, const char *name, X509 *certificate, bool renew,
                         struct sealed_error *error)
{
    struct cms_error why;
    char print[CMS_PRINT_TEXT];
    if (!cms_usable(certificate, &why))
        return vault_cms_said(error, &why);
    if (!cms_print(certificate, print))
        return vault_say(error, "SHA-256 failed");
    if (!vault_begin(v, error))
        return false;
    bool good = vault_still_ours(v, error);
    if (good && !renew && operator_known(v, name))
        good = vault_say(error, "%.300s: it has an operator '%s' already", sealed_path(v->file), name);
    good =
        good && (!renew || drop_operator(v, name, error)) && vault_put_operator(v, name, certificate, error);
    return good ? vault_conclude(v, renew ? "renew" : "operator", "", "", name, print, error)
                : vault_abandon(v);
}

bool vault_operator_add(struct vault *v, const char *name, X509 *certificate, struct sealed_error *error)
{
    return set_operator(v, name, certificate, false, error);
}

bool vault_operator_renew(struct vault *v, const char *name, X509 *certificate, struct sealed_error *error)
{
    return set_operator(v, name, certificate, true, error);
}

/* ---- the vault's own certificate ---- */

static bool store_identity(struct vault *v, struct span certificate, struct span key,
                           struct sealed_error *error)
{
    const struct span context[] = {span_text("identity"), certificate};
    uint8_t *sealed = malloc(key.n + SEALED_OVERHEAD);
    if (sealed == NULL || !sealed_seal(v->file, context, 2, key, sealed)) {
        free(sealed);
        return vault_say(error, "the private key cannot be sealed");
    }
    sqlite3_stmt *q = sealed_prepare(v->file, "UPDATE state SET certificate = ?1, private_key = ?2", error);
    bool good = q != NULL;
    if (good) {
        sealed_bind_bytes(q, 1, certificate);
        sealed_bind_bytes(q, 2, span_of(sealed, key.n + SEALED_OVERHEAD));
        good = sealed_done(v->file, q, error);
    }
    free(sealed);
    return good;
}

bool vault_identify(struct vault *v, const struct cms_identity *identity, struct sealed_error *error)
{
    struct cms_error why;
    char print[CMS_PRINT_TEXT];
    uint8_t *certificate = NULL;
    unsigned char *key = NULL;
    size_t n = 0;
    if (!cms_usable(identity->certificate, &why))
        return vault_cms_said(error, &why);
    if (X509_check_private_key(identity->certificate, identity->key) != 1)
        return vault_say(error, "the private key is not that of the certificate");
    if (!vault_begin(v, error))
        return false;
    int n_key = i2d_PrivateKey(identity->key, &key);
    bool good = vault_still_ours(v, error);
    if (good && (n_key <= 0 || !to_der(identity->certificate, &certificate, &n) ||
                 !cms_print(identity->certificate, print)))
        good = vault_say(error, "the certificate or its key cannot be encoded");
    good = good && store_identity(v, span_of(certificate, n), span_of(key, (size_t)n_key), error);
    OPENSSL_free(certificate);
    OPENSSL_clear_free(key, n_key > 0 ? (size_t)n_key : 0);
    if (!good || !vault_conclude(v, "identity", "", "", "", print, error))
        return good ? false : vault_abandon(v);
    X509_free(v->certificate);
    X509_up_ref(identity->certificate);
    v->certificate = identity->certificate;
    return true;
}

const X509 *vault_certificate(const struct vault *v)
{
    return v->certificate;
}

bool vault_identity(struct vault *v, struct cms_identity *out, struct sealed_error *error)
{
    *out = (struct cms_identity){0};
    if (v->certificate == NULL)
        return vault_say(error, "%.300s: it has no certificate of its own (vault identity)",
                         sealed_path(v->file));
    sqlite3_stmt *q =
        sealed_prepare(v->file, "SELECT certificate, private_key FROM state WHERE id = 1", error);
    if (q == NULL)
        return false;
    const int row = sealed_next(v->file, q, error);
    struct span certificate = row > 0 ? sealed_bytes(q, 0) : SPAN_EMPTY;
    struct span sealed = row > 0 ? sealed_bytes(q, 1) : SPAN_EMPTY;
    const struct span context[] = {span_text("identity"), certificate};
    size_t n = sealed.n > SEALED_OVERHEAD ? sealed.n - SEALED_OVERHEAD : 0;
    uint8_t *key = n > 0 ? malloc(n) : NULL;
    if (key != NULL && sealed_unseal(v->file, context, 2, sealed, key)) {
        const unsigned char *p = key;
        out->key = d2i_AutoPrivateKey(NULL, &p, (long)n);
        out->certificate = v->certificate;
    }
    cms_free(key, n);
    sqlite3_finalize(q);
    if (row < 0)
        return false;
    return out->key != NULL ||
           vault_say(error, "%.300s: its private key does not open", sealed_path(v->file));
}

/* ---- who gets what ---- */

struct row { /* of table pair; wiped after use */
    char index[VAULT_INDEX_MAX + 1];
    char entitled[VAULT_NAME_MAX + 1], holder[VAULT_NAME_MAX + 1];
    uint8_t sealed[KEYS_LINE_MAX + SEALED_OVERHEAD];
    size_t n;
};

static bool find_pair(struct vault *v, const struct vault_pair *pair, struct row *row,
                      struct sealed_error *error)
{
    memset(row, 0, sizeof *row);
    vault_index_text(pair, row->index);
    sqlite3_stmt *q = sealed_prepare(
        v->file, "SELECT entitled, holder, sealed FROM pair WHERE iccid = ?1 AND idx = ?2", error);
    if (q == NULL)
        return false;
    sealed_bind_text(q, 1, pair->iccid);
    sealed_bind_text(q, 2, row->index);
    const int found = sealed_next(v->file, q, error);
    bool good = found > 0;
    if (good) {
        struct span sealed = sealed_bytes(q, 2);
        const char *entitled = sealed_text(q, 0), *holder = sealed_text(q, 1);
        good = sealed.n <= sizeof row->sealed && strlen(entitled) <= VAULT_NAME_MAX &&
               strlen(holder) <= VAULT_NAME_MAX;
        if (good) {
            memcpy(row->sealed, sealed.p, sealed.n);
            row->n = sealed.n;
            snprintf(row->entitled, sizeof row->entitled, "%s", entitled);
            snprintf(row->holder, sizeof row->holder, "%s", holder);
        }
    }
    sqlite3_finalize(q);
    if (found < 0)
        return false;
    return good ||
           vault_say(error, "%.300s: no pair %s of card %s", sealed_path(v->file), row->index, pair->iccid);
}

static bool set_pair(struct vault *v, const struct vault_pair *pair, const struct row *row,
                     const char *entitled, const char *holder, struct sealed_error *error)
{
    struct span columns[] = {span_text(pair->iccid), span_text(row->index), span_text(row->entitled),
                             span_text(row->holder), span_of(row->sealed, row->n)};
    bool good = vault_mark_flip(v, &v->state.pairs, -1, "pair", columns, 5);
    columns[2] = span_text(entitled);
    columns[3] = span_text(holder);
    if (!good || !vault_mark_flip(v, &v->state.pairs, 1, "pair", columns, 5))
        return vault_say(error, "HMAC failed");
    sqlite3_stmt *q = sealed_prepare(
        v->file, "UPDATE pair SET entitled = ?3, holder = ?4 WHERE iccid = ?1 AND idx = ?2", error);
    if (q == NULL)
        return false;
    sealed_bind_text(q, 1, pair->iccid);
    sealed_bind_text(q, 2, row->index);
    sealed_bind_text(q, 3, entitled);
    sealed_bind_text(q, 4, holder);
    return sealed_done(v->file, q, error);
}

static bool may_entitle(struct vault *v, const struct vault_pair *pair, const char *party,
                        const struct row *row, struct sealed_error *error)
{
    if (!operator_known(v, party))
        return vault_say(error, "%.300s: it knows no operator '%s'", sealed_path(v->file), party);
    if (row->holder[0] != '\0' && strcmp(row->holder, party) != 0)
        return vault_say(error, "pair %s of card %s was revealed to '%s': it is nobody else's any more",
                         row->index, pair->iccid, row->holder);
    if (row->entitled[0] != '\0')
        return vault_say(error, "'%s' is entitled to pair %s of card %s already", row->entitled, row->index,
                         pair->iccid);
    return true;
}

bool vault_entitle(struct vault *v, const struct vault_pair *pair, const char *party,
                   struct sealed_error *error)
{
    struct row row;
    if (!vault_begin(v, error))
        return false;
    bool good = vault_still_ours(v, error) && find_pair(v, pair, &row, error) &&
                may_entitle(v, pair, party, &row, error) && set_pair(v, pair, &row, party, row.holder, error);
    return good ? vault_conclude(v, "entitle", pair->iccid, row.index, party, "", error) : vault_abandon(v);
}

bool vault_withdraw(struct vault *v, const struct vault_pair *pair, struct sealed_error *error)
{
    struct row row;
    if (!vault_begin(v, error))
        return false;
    bool good = vault_still_ours(v, error) && find_pair(v, pair, &row, error);
    if (good && row.entitled[0] == '\0')
        good = vault_say(error, "nobody is entitled to pair %s of card %s", row.index, pair->iccid);
    if (good && row.holder[0] != '\0')
        good = vault_say(error, "pair %s of card %s was revealed to '%s': that cannot be taken back",
                         row.index, pair->iccid, row.holder);
    good = good && set_pair(v, pair, &row, "", "", error);
    return good ? vault_conclude(v, "withdraw", pair->iccid, row.index, row.entitled, "", error)
                : vault_abandon(v);
}

static bool may_reveal(const struct vault_pair *pair, const char *party, const struct row *row,
                       struct sealed_error *error)
{
    if (row->holder[0] != '\0' && strcmp(row->holder, party) != 0)
        return vault_say(error, "pair %s of card %s was revealed to '%s': never to anybody else", row->index,
                         pair->iccid, row->holder);
    if (strcmp(row->entitled, party) != 0)
        return vault_say(error, "'%s' is not entitled to pair %s of card %s", party, row->index, pair->iccid);
    return true;
}

/* What the delivery says: who sends it to whom, which entry of the log it is, and one row of a key file. */
static bool write_delivery(struct vault *v, const char *party, const X509 *to, const char *line,
                           struct secret_text *out)
{
    char print[CMS_PRINT_TEXT], id[33];
    if (!cms_print(to, print))
        return false;
    hex_format(span_of(v->state.id, sizeof v->state.id), id);
    secret_text_add(out, "softuicc-vault-delivery 1\nvault %s\nto %s\nname %s\nentry %lld\nkeys\n%s\n", id,
                   print, party, (long long)v->state.entries + 1, line);
    return !out->failed;
}

static bool pack_delivery(struct vault *v, const struct vault_pair *pair, const char *party, X509 *to,
                          const struct row *row, struct vault_delivery *out, struct sealed_error *error)
{
    struct secret_text text = {0};
    struct cms_identity self = {0};
    struct cms_error why;
    char line[KEYS_LINE_MAX];
    if (!vault_unseal_line(v, pair->iccid, row->index, span_of(row->sealed, row->n), line))
        return vault_say(error, "%.300s: the seal of pair %s of card %s is broken", sealed_path(v->file),
                         row->index, pair->iccid);
    bool good = write_delivery(v, party, to, line, &text) || vault_say(error, "no memory");
    crypto_wipe(line, sizeof line);
    good = good && (v->certificate == NULL || vault_identity(v, &self, error));
    if (good &&
        !cms_pack(span_of(text.p, text.len), self.key != NULL ? &self : NULL, to, &out->bytes, &out->n, &why))
        good = vault_cms_said(error, &why);
    EVP_PKEY_free(self.key);
    secret_text_free(&text);
    return good;
}

/* What was sent, to which certificate: enough to prove later what it was. */
static bool delivery_detail(const struct vault_delivery *d, const X509 *to, char detail[192])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    char hex[2 * VAULT_HASH + 1], print[CMS_PRINT_TEXT];
    if (EVP_Digest(d->bytes, d->n, digest, &n, EVP_sha256(), NULL) != 1 || n != VAULT_HASH ||
        !cms_print(to, print))
        return false;
    hex_format(span_of(digest, VAULT_HASH), hex);
    snprintf(detail, 192, "certificate %s message %s", print, hex);
    return true;
}

bool vault_reveal(struct vault *v, const struct vault_pair *pair, const char *party,
                  struct vault_delivery *out, struct sealed_error *error)
{
    struct row row;
    char detail[192] = "";
    X509 *to = NULL;
    *out = (struct vault_delivery){0};
    if (!vault_begin(v, error))
        return false;
    bool good = vault_still_ours(v, error) && find_pair(v, pair, &row, error) &&
                may_reveal(pair, party, &row, error) &&
                (to = operator_certificate(v, party, error)) != NULL &&
                pack_delivery(v, pair, party, to, &row, out, error);
    if (good && !delivery_detail(out, to, detail))
        good = vault_say(error, "SHA-256 failed");
    good = good && set_pair(v, pair, &row, row.entitled, party, error);
    X509_free(to);
    good =
        good ? vault_conclude(v, "reveal", pair->iccid, row.index, party, detail, error) : vault_abandon(v);
    if (good) {
        out->entry = v->state.entries;
        memcpy(out->hash, v->state.head, VAULT_HASH);
    } else {
        cms_free(out->bytes, out->n);
        *out = (struct vault_delivery){0};
    }
    return good;
}
