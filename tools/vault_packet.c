/* SPDX-License-Identifier: Apache-2.0
 *
 * What a vault sends: one pair to an operator, or everything to another vault. Inside the CMS message is
 * text, a line for each thing.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "hex.h"
#include "one_line.h"
#include "vault_inner.h"

/* The lines of a message, cut up where it lies. */
struct lines {
    char *at, *end;
};

static char *next_line(struct lines *l)
{
    char *line = l->at;
    char *stop = line < l->end ? memchr(line, '\n', (size_t)(l->end - line)) : NULL;
    if (stop == NULL || memchr(line, '\0', (size_t)(stop - line)) != NULL)
        return NULL;
    *stop = '\0';
    l->at = stop + 1;
    return line;
}

/* What follows "WORD " in the next line; NULL when it is another line. */
static char *next_value(struct lines *l, const char *word)
{
    char *line = next_line(l);
    size_t n = strlen(word);
    return line != NULL && strncmp(line, word, n) == 0 && line[n] == ' ' ? line + n + 1 : NULL;
}

/* As SQLite writes it, too: what is authenticated is its text. */
static bool number(const char *text, int64_t *value)
{
    size_t n = strspn(text, "0123456789");
    if (n == 0 || n > 18 || text[n] != '\0' || (n > 1 && text[0] == '0'))
        return false;
    *value = strtoll(text, NULL, 10);
    return true;
}

/* Cut at tabs: exactly n fields. */
static bool fields(char *line, char **field, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *tab = strchr(line, '\t');
        field[i] = line;
        if ((tab == NULL) != (i + 1 == n))
            return false;
        if (tab != NULL) {
            *tab = '\0';
            line = tab + 1;
        }
    }
    return true;
}

/* ---- to an operator ---- */

static bool copy(char *to, size_t room, const char *from)
{
    int n = from != NULL ? snprintf(to, room, "%s", from) : -1;
    return n > 0 && (size_t)n < room;
}

/* 32 digits, as write_delivery and write_all put them. */
static bool is_id(const char *text)
{
    return text != NULL && strlen(text) == 32 && strspn(text, "0123456789abcdef") == 32;
}

/* A signature for another recipient's message must not make one that he forwards to us. */
static bool for_us(const char *to, const X509 *self, struct sealed_error *error)
{
    char print[CMS_PRINT_TEXT];
    return (to != NULL && cms_print(self, print) && strcmp(to, print) == 0) ||
           vault_say(error, "it was made for another certificate, and sent on to this one");
}

static bool read_delivery(struct lines *l, const X509 *self, struct vault_opened *out,
                          struct sealed_error *error)
{
    char *first = next_line(l), line[KEYS_LINE_MAX];
    struct keys_error why;
    if (first == NULL || strcmp(first, "softuicc-vault-delivery 1") != 0)
        return vault_say(error, "not a vault's delivery");
    bool good = copy(out->vault, sizeof out->vault, next_value(l, "vault")) && is_id(out->vault);
    if (!for_us(next_value(l, "to"), self, error))
        return false;
    good = copy(out->name, sizeof out->name, next_value(l, "name")) && vault_name_ok(out->name) && good;
    char *entry = next_value(l, "entry"), *keys = next_line(l), *row = next_line(l);
    good = good && entry != NULL && number(entry, &out->entry) && keys != NULL && strcmp(keys, "keys") == 0 &&
           row != NULL && strlen(row) < sizeof line && l->at == l->end;
    if (!good)
        return vault_say(error, "a vault's delivery that is damaged");
    memcpy(line, row, strlen(row) + 1);
    good = keys_parse("delivery", line, &out->row, &why) || vault_say(error, "%s", why.text);
    crypto_wipe(line, sizeof line);
    return good;
}

bool vault_unpack(struct span packed, const struct cms_identity *self, X509 *trusted,
                  struct vault_opened *out, struct sealed_error *error)
{
    uint8_t *text = NULL;
    size_t n = 0;
    struct cms_error why;
    memset(out, 0, sizeof *out);
    if (!cms_unpack(packed, self, trusted, &out->has_signature, &text, &n, &why))
        return vault_say(error, "%s", why.text);
    struct lines l = {(char *)text, (char *)text + n};
    bool good = read_delivery(&l, self->certificate, out, error);
    cms_free(text, n);
    if (!good)
        crypto_wipe(&out->row, sizeof out->row);
    return good;
}

/* ---- to another vault ---- */

static bool write_operators(struct vault *v, struct secret_text *t, struct sealed_error *error)
{
    sqlite3_stmt *q = sealed_prepare(v->file, "SELECT name, certificate FROM operator ORDER BY name", error);
    if (q == NULL)
        return false;
    int row;
    while ((row = sealed_next(v->file, q, error)) > 0) {
        struct span der = sealed_bytes(q, 1);
        char *hex = malloc(2 * der.n + 1);
        t->failed = t->failed || hex == NULL;
        if (hex != NULL) {
            hex_format(der, hex);
            secret_text_add(t, "operator\t%s\t%s\n", sealed_text(q, 0), hex);
        }
        free(hex);
    }
    sqlite3_finalize(q);
    return row == 0;
}

static bool write_log(struct vault *v, struct secret_text *t, struct sealed_error *error)
{
    sqlite3_stmt *q = sealed_prepare(
        v->file, "SELECT entry, at, event, iccid, idx, party, detail FROM log ORDER BY entry", error);
    if (q == NULL)
        return false;
    int row;
    while ((row = sealed_next(v->file, q, error)) > 0)
        secret_text_add(t, "log\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", sealed_text(q, 0), sealed_text(q, 1),
                       sealed_text(q, 2), sealed_text(q, 3), sealed_text(q, 4), sealed_text(q, 5),
                       sealed_text(q, 6));
    sqlite3_finalize(q);
    return row == 0;
}

static bool write_pairs(struct vault *v, struct secret_text *t, struct sealed_error *error)
{
    char line[KEYS_LINE_MAX];
    int row = 0;
    bool good = true;
    sqlite3_stmt *q = sealed_prepare(v->file, "SELECT iccid, idx, entitled, holder, sealed FROM pair", error);
    if (q == NULL)
        return false;
    while (good && (row = sealed_next(v->file, q, error)) > 0) {
        good = vault_unseal_line(v, sealed_text(q, 0), sealed_text(q, 1), sealed_bytes(q, 4), line) ||
               vault_say(error, "%.300s: the seal of pair %.8s of card %.24s is broken", sealed_path(v->file),
                         sealed_text(q, 1), sealed_text(q, 0));
        if (good)
            secret_text_add(t, "pair\t%s\t%s\t%s\n", sealed_text(q, 2), sealed_text(q, 3), line);
        crypto_wipe(line, sizeof line);
    }
    sqlite3_finalize(q);
    return good && row == 0;
}

static bool write_all(struct vault *v, const char *to, struct secret_text *t, struct sealed_error *error)
{
    const struct vault_state *s = &v->state;
    char id[33], head[2 * VAULT_HASH + 1];
    hex_format(span_of(s->id, sizeof s->id), id);
    hex_format(span_of(s->head, VAULT_HASH), head);
    secret_text_add(
        t, "softuicc-vault-transfer 1\nvault %s\nto %s\nentries %" PRId64 "\nhead %s\npairs %" PRId64 "\n",
        id, to, s->entries, head, s->pairs.count);
    return write_operators(v, t, error) && write_log(v, t, error) && write_pairs(v, t, error) &&
           (!t->failed || vault_say(error, "no memory"));
}

bool vault_transfer(struct vault *v, X509 *to, uint8_t **out, size_t *n, struct sealed_error *error)
{
    struct secret_text text = {0};
    struct cms_identity self = {0};
    struct cms_error why;
    char print[CMS_PRINT_TEXT];
    *out = NULL;
    *n = 0;
    if (!cms_print(to, print))
        return vault_say(error, "SHA-256 failed");
    if (!vault_begin(v, error))
        return false;
    struct vault_entry e = {NULL, "transfer", "", "", print, ""};
    bool good = v->state.transferred[0] == '\0' || strcmp(v->state.transferred, print) == 0 ||
                vault_say(error, "%.300s: it was transferred to another certificate: %s",
                          sealed_path(v->file), v->state.transferred);
    if (good && v->state.inherited.count != 0)
        good = vault_say(error, "%.300s: it was received from another vault, and goes no further",
                         sealed_path(v->file));
    good = good && vault_identity(v, &self, error) && vault_log(v, &e, error);
    memcpy(v->state.transferred, print, sizeof print);
    good = good && write_all(v, print, &text, error);
    if (good && !cms_pack(span_of(text.p, text.len), &self, to, out, n, &why))
        good = vault_say(error, "%s", why.text);
    secret_text_free(&text);
    EVP_PKEY_free(self.key);
    if (good)
        good = vault_commit(v, error);
    else
        vault_undo(v);
    if (!good) {
        cms_free(*out, *n);
        *out = NULL;
    }
    return good;
}

struct receiving {
    struct vault *v;
    uint8_t chain[VAULT_HASH], head[VAULT_HASH]; /* computed so far; promised */
    int64_t entries, n_entries, pairs, n_pairs;
    struct sealed_error *error;
};

static bool damaged(struct sealed_error *error)
{
    return vault_say(error, "a vault's transfer that is damaged");
}

static bool take_operator(struct receiving *r, char *line)
{
    char *f[3];
    size_t n = 0;
    if (!fields(line, f, 3))
        return damaged(r->error);
    n = strlen(f[2]) / 2;
    uint8_t *der = malloc(n > 0 ? n : 1);
    struct buf b = buf_of(der, n);
    X509 *x = der != NULL && hex_parse(f[2], &b, NULL) ? cms_certificate_of(buf_span(&b)) : NULL;
    bool good = x != NULL ? vault_put_operator(r->v, f[1], x, r->error) : damaged(r->error);
    X509_free(x);
    free(der);
    return good;
}

static bool take_entry(struct receiving *r, char *line)
{
    char *f[8];
    int64_t entry;
    struct vault *v = r->v;
    if (!fields(line, f, 8) || !number(f[1], &entry) || entry != r->n_entries + 1)
        return damaged(r->error);
    for (int i = 2; i < 8; i++)
        if (!one_line_is(f[i])) /* `vault log` prints it */
            return damaged(r->error);
    const struct vault_entry e = {f[2], f[3], f[4], f[5], f[6], f[7]};
    r->n_entries = entry;
    if (!vault_entry_hash(r->chain, entry, &e, r->chain))
        return damaged(r->error);
    const struct span columns[] = {
        span_text(f[1]), span_text(f[2]), span_text(f[3]), span_text(f[4]),
        span_text(f[5]), span_text(f[6]), span_text(f[7]), span_of(r->chain, VAULT_HASH)};
    sqlite3_stmt *q =
        sealed_prepare(v->file, "INSERT INTO inherited VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", r->error);
    if (q == NULL)
        return false;
    sqlite3_bind_int64(q, 1, entry);
    for (int i = 2; i < 8; i++)
        sealed_bind_text(q, i, f[i]);
    sealed_bind_bytes(q, 8, columns[7]);
    return sealed_done(v->file, q, r->error) &&
           (vault_mark_flip(v, &v->state.inherited, 1, "inherited", columns, 8) ||
            vault_say(r->error, "HMAC failed"));
}

static bool take_pair(struct receiving *r, char *line)
{
    char keys[KEYS_LINE_MAX], index[VAULT_INDEX_MAX + 1];
    struct key_row row;
    struct keys_error why;
    char *entitled = strchr(line, '\t');
    char *holder = entitled != NULL ? strchr(entitled + 1, '\t') : NULL;
    char *rest = holder != NULL ? strchr(holder + 1, '\t') : NULL;
    if (rest == NULL || strlen(rest + 1) >= sizeof keys)
        return damaged(r->error);
    *entitled++ = *holder++ = *rest++ = '\0';
    memcpy(keys, rest, strlen(rest) + 1);
    if (strlen(entitled) > VAULT_NAME_MAX || strlen(holder) > VAULT_NAME_MAX ||
        !keys_parse("transfer", keys, &row, &why)) {
        crypto_wipe(keys, sizeof keys);
        return damaged(r->error);
    }
    r->n_pairs++;
    vault_index_text(&(struct vault_pair){row.iccid, row.common, row.index, row.pin}, index);
    bool good = vault_put_pair(r->v, &row, entitled, holder, r->error);
    struct vault_entry e = {NULL, "held", row.iccid, index, holder, "as revealed by the vault before"};
    if (good && holder[0] != '\0')
        good = vault_log(r->v, &e, r->error);
    crypto_wipe(&row, sizeof row);
    crypto_wipe(keys, sizeof keys);
    return good;
}

static bool read_transfer(struct receiving *r, struct lines *l)
{
    char *first = next_line(l), *line;
    if (first == NULL || strcmp(first, "softuicc-vault-transfer 1") != 0)
        return vault_say(r->error, "not a vault's transfer");
    struct buf head = buf_of(r->head, sizeof r->head);
    char *id = next_value(l, "vault"), *to = next_value(l, "to");
    if (id == NULL || !for_us(to, r->v->certificate, r->error))
        return id == NULL ? damaged(r->error) : false;
    char *entries = next_value(l, "entries"), *hash = next_value(l, "head"), *pairs = next_value(l, "pairs");
    if (entries == NULL || hash == NULL || pairs == NULL || !number(entries, &r->entries) ||
        !number(pairs, &r->pairs) || !hex_parse(hash, &head, NULL) || head.len != VAULT_HASH)
        return damaged(r->error);
    while ((line = next_line(l)) != NULL) {
        bool good = strncmp(line, "operator\t", 9) == 0 ? take_operator(r, line)
                    : strncmp(line, "log\t", 4) == 0    ? take_entry(r, line)
                    : strncmp(line, "pair\t", 5) == 0   ? take_pair(r, line)
                                                        : damaged(r->error);
        if (!good)
            return false;
    }
    if (l->at != l->end || r->n_entries != r->entries || r->n_pairs != r->pairs ||
        memcmp(r->chain, r->head, VAULT_HASH) != 0)
        return damaged(r->error);
    return true;
}

static bool receive(struct vault *v, struct lines *l, uint64_t *pairs, struct sealed_error *error)
{
    struct receiving r = {.v = v, .error = error};
    char head[2 * VAULT_HASH + 1];
    if (!vault_prepare_import(v, error))
        return false;
    bool good = read_transfer(&r, l);
    sqlite3_finalize(v->insert);
    v->insert = NULL;
    hex_format(span_of(r.head, VAULT_HASH), head);
    struct vault_entry e = {NULL, "receive", "", "", "", head};
    *pairs = (uint64_t)r.n_pairs;
    if (!good || !vault_log(v, &e, error))
        return false;
    /* Nothing would be left to do about it once it is ours. */
    return vault_story(v, "a vault's transfer", error);
}

bool vault_receive(struct vault *v, struct span packed, X509 *from, uint64_t *pairs,
                   struct sealed_error *error)
{
    struct cms_identity self = {0};
    struct cms_error why;
    uint8_t *text = NULL;
    size_t n = 0;
    if (!vault_begin(v, error))
        return false;
    const struct vault_state *s = &v->state;
    bool good =
        (s->pairs.count == 0 && s->operators.count == 0 && s->inherited.count == 0 &&
         s->transferred[0] == '\0') ||
        vault_say(error, "%.300s: a vault takes over another only while it is empty", sealed_path(v->file));
    good = good && vault_identity(v, &self, error);
    if (good && !cms_unpack(packed, &self, from, NULL, &text, &n, &why))
        good = vault_say(error, "%s", why.text);
    EVP_PKEY_free(self.key);
    if (good) {
        struct lines l = {(char *)text, (char *)text + n};
        good = receive(v, &l, pairs, error);
    }
    cms_free(text, n);
    if (good)
        return vault_commit(v, error);
    vault_undo(v);
    return false;
}
