/* SPDX-License-Identifier: Apache-2.0
 *
 * softuicc vault: the key store of the card maker or of a third party, and the operator's side of what it
 * sends.
 */
#include <stdlib.h>

#include "cli.h"
#include "hex.h"
#include "vault.h"

enum { NEW_PASSPHRASE = true };

struct request {
    const struct subcommand *cmd;
    const char *vault, *key_file, *passphrase_file;
    const char *iccid, *party, *certificate, *key, *trust, *out;
    bool passphrase, has_index, json, has_head;
    struct vault_pair pair;
    int64_t entry; /* of --head */
    uint8_t head[VAULT_HASH];
    char **words; /* after the verb */
    int n_words;
};

/* ---- options that take an index or a head ---- */

static bool take_index(void *request)
{
    struct request *r = request;
    const char *text = optarg;
    uint64_t number;
    r->pair.pin = text[0] == 'p';
    r->pair.common = text[0] == 'c' || r->pair.pin;
    if (!cli_number(r->cmd, "--index", text + r->pair.common, 0,
                    r->pair.pin      ? PROFILE_PINS_MAX - 1
                    : r->pair.common ? PROFILE_KEYSETS_MAX - 1
                                     : PROFILE_PAIRS_MAX - 1,
                    &number))
        return false;
    r->pair.index = (unsigned)number;
    r->has_index = true;
    return true;
}

/* "12:9f86..." as `vault log` and `vault reveal` print it. */
static bool take_head(void *request)
{
    struct request *r = request;
    const char *text = optarg;
    char number[24];
    uint64_t entry;
    size_t n, at = strcspn(text, ":");
    if (text[at] != ':' || at >= sizeof number) {
        cli_usage(r->cmd, "--head: ENTRY:HASH, as 'vault log' prints it");
        return false;
    }
    memcpy(number, text, at);
    number[at] = '\0';
    if (!cli_number(r->cmd, "--head", number, 1, INT64_MAX, &entry) ||
        !cli_hex(r->cmd, "--head", text + at + 1, VAULT_HASH, VAULT_HASH, r->head, &n))
        return false;
    r->entry = (int64_t)entry;
    r->has_head = true;
    return true;
}

/* ---- opening ---- */

static int open_vault(const struct request *r, bool create, struct vault **v)
{
    struct sealed_error error;
    char passphrase[SEALED_PASSPHRASE_MAX + 1] = "";
    bool wants = r->passphrase || r->passphrase_file != NULL, good;
    if (r->vault == NULL)
        return cli_usage(r->cmd, "which vault? --vault FILE is needed");
    if (wants && r->key_file != NULL)
        return cli_usage(r->cmd, "a passphrase or a key file: not both");
    good = create || vault_wants_passphrase(r->vault, &wants, &error);
    if (good && wants)
        cli_warn_readable(r->cmd, r->passphrase_file);
    if (good && wants)
        good = sealed_passphrase(r->passphrase_file, create, passphrase, &error);
    if (good) {
        const struct vault_config config = {r->vault, create, r->key_file, wants ? passphrase : NULL};
        *v = vault_open(&config, &error);
        good = *v != NULL;
    }
    crypto_wipe(passphrase, sizeof passphrase);
    return good ? EXIT_OK : cli_refuse(r->cmd, "%s", error.text);
}

/* Opens the vault, does one thing to it, closes it. */
static int with_vault(struct request *r, int (*act)(struct request *r, struct vault *v))
{
    struct vault *v = NULL;
    int code = open_vault(r, false, &v);
    if (code == EXIT_OK)
        code = act(r, v);
    vault_close(v);
    return code;
}

static int refuse(const struct request *r, const struct sealed_error *error)
{
    return cli_refuse(r->cmd, "%s", error->text);
}

static int needs(const struct request *r, const char *option)
{
    return cli_usage(r->cmd, "%s is needed", option);
}

/* --iccid and --index */
static int check_pair(struct request *r)
{
    if (r->iccid == NULL)
        return needs(r, "--iccid N");
    if (!r->has_index)
        return needs(r, "--index I");
    r->pair.iccid = r->iccid;
    return EXIT_OK;
}

static int load_certificate(const struct request *r, const char *path, X509 **x)
{
    struct cms_error error;
    *x = cms_certificate(path, &error);
    return *x != NULL ? EXIT_OK : cli_refuse(r->cmd, "%s", error.text);
}

static int load_identity(const struct request *r, struct cms_identity *identity)
{
    struct cms_error error;
    if (r->certificate == NULL || r->key == NULL)
        return needs(r, r->certificate == NULL ? "--cert FILE" : "--key FILE");
    identity->certificate = cms_certificate(r->certificate, &error);
    identity->key = identity->certificate != NULL ? cms_private_key(r->key, &error) : NULL;
    return identity->key != NULL ? EXIT_OK : cli_refuse(r->cmd, "%s", error.text);
}

static void free_identity(struct cms_identity *identity)
{
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
}

static void print_head(int64_t entry, const uint8_t hash[VAULT_HASH])
{
    char hex[2 * VAULT_HASH + 1];
    hex_format(span_of(hash, VAULT_HASH), hex);
    printf("%lld:%s", (long long)entry, hex);
}

/* For scripts. */
static void put_member(const char *name, const char *value, const char *end)
{
    printf("\"%s\": ", name);
    cli_put_json(stdout, value);
    fputs(end, stdout);
}

/* An object of a name and a number. */
static int put_count(const struct request *r, const char *name, const char *value, const char *what,
                     uint64_t n)
{
    putchar('{');
    put_member(name, value, ", ");
    printf("\"%s\": %llu}\n", what, (unsigned long long)n);
    return cli_finish(r->cmd);
}

/* ---- the verbs ---- */

static int do_init(struct request *r)
{
    struct vault *v = NULL;
    int code = open_vault(r, NEW_PASSPHRASE, &v);
    vault_close(v);
    if (code != EXIT_OK)
        return code;
    if (r->json)
        return put_count(r, "vault", r->vault, "pairs", 0);
    if (r->passphrase || r->passphrase_file != NULL)
        printf("%s: an empty vault; without its passphrase nobody opens it\n", r->vault);
    else
        printf("%s: an empty vault; its key is in %s%s\n", r->vault,
               r->key_file != NULL ? r->key_file : r->vault, r->key_file != NULL ? "" : ".key");
    return cli_finish(r->cmd);
}

static int import(struct request *r, struct vault *v)
{
    struct sealed_error error;
    uint64_t rows = 0;
    cli_warn_readable(r->cmd, r->words[0]);
    if (!vault_import_file(v, r->words[0], &rows, &error))
        return refuse(r, &error);
    if (r->json)
        return put_count(r, "vault", r->vault, "rows", rows);
    printf("%s: %llu rows of %s taken in; that file can be destroyed now\n", r->vault,
           (unsigned long long)rows, r->words[0]);
    return cli_finish(r->cmd);
}

static int do_import(struct request *r)
{
    if (r->n_words != 1)
        return cli_usage(r->cmd, "import takes one key file");
    return with_vault(r, import);
}

static int put_operator(struct request *r, struct vault *v)
{
    struct sealed_error error;
    X509 *x = NULL;
    int code = load_certificate(r, r->certificate, &x);
    if (code != EXIT_OK)
        return code;
    char print[CMS_PRINT_TEXT] = "";
    bool renew = strcmp(r->words[0], "renew") == 0;
    bool good = renew ? vault_operator_renew(v, r->words[1], x, &error)
                      : vault_operator_add(v, r->words[1], x, &error);
    cms_print(x, print);
    X509_free(x);
    if (!good)
        return refuse(r, &error);
    if (r->json) {
        putchar('{');
        put_member("operator", r->words[1], ", ");
        put_member("certificate", print, "}\n");
    } else {
        printf("operator '%s': certificate %s\n", r->words[1], print);
    }
    return cli_finish(r->cmd);
}

static int do_operator(struct request *r)
{
    if (r->n_words != 2 || (strcmp(r->words[0], "add") != 0 && strcmp(r->words[0], "renew") != 0))
        return cli_usage(r->cmd, "operator add NAME, or operator renew NAME");
    if (r->certificate == NULL)
        return needs(r, "--cert FILE");
    return with_vault(r, put_operator);
}

static int identity(struct request *r, struct vault *v)
{
    struct sealed_error error;
    struct cms_identity self = {0};
    int code = load_identity(r, &self);
    if (code == EXIT_OK && !vault_identify(v, &self, &error))
        code = refuse(r, &error);
    free_identity(&self);
    return code;
}

static int do_identity(struct request *r)
{
    return with_vault(r, identity);
}

static int entitle(struct request *r, struct vault *v)
{
    struct sealed_error error;
    return vault_entitle(v, &r->pair, r->party, &error) ? EXIT_OK : refuse(r, &error);
}

static int withdraw(struct request *r, struct vault *v)
{
    struct sealed_error error;
    return vault_withdraw(v, &r->pair, &error) ? EXIT_OK : refuse(r, &error);
}

static int do_entitle(struct request *r)
{
    if (r->party == NULL)
        return needs(r, "--operator NAME");
    int code = check_pair(r);
    return code == EXIT_OK ? with_vault(r, entitle) : code;
}

static int do_withdraw(struct request *r)
{
    int code = check_pair(r);
    return code == EXIT_OK ? with_vault(r, withdraw) : code;
}

static void tell_delivery(const struct request *r, const struct vault_delivery *d)
{
    if (r->json) {
        fputs("{\"iccid\": ", stdout);
        cli_put_json(stdout, r->iccid);
        printf(", \"index\": \"%s%u\", \"operator\": ",
               r->pair.pin      ? "p"
               : r->pair.common ? "c"
                                : "",
               r->pair.index);
        cli_put_json(stdout, r->party);
        fputs(", \"file\": ", stdout);
        cli_put_json(stdout, r->out);
        fputs(", \"head\": \"", stdout);
        print_head(d->entry, d->hash);
        puts("\"}");
        return;
    }
    printf("%s: pair %s%u of card %s for '%s' only; log ", r->out,
           r->pair.pin      ? "p"
           : r->pair.common ? "c"
                            : "",
           r->pair.index, r->iccid, r->party);
    print_head(d->entry, d->hash);
    putchar('\n');
}

static int reveal(struct request *r, struct vault *v)
{
    struct sealed_error error;
    struct cms_error why;
    struct vault_delivery d;
    if (!cms_can_write(r->out, &why))
        return cli_refuse(r->cmd, "%s", why.text);
    if (!vault_reveal(v, &r->pair, r->party, &d, &error))
        return refuse(r, &error);
    int code = EXIT_OK;
    if (!cms_write_file(r->out, span_of(d.bytes, d.n), &why))
        code = cli_refuse(r->cmd, "%s (it is in the log as revealed; it can be revealed to '%s' again)",
                          why.text, r->party);
    else {
        tell_delivery(r, &d);
        code = cli_finish(r->cmd);
    }
    cms_free(d.bytes, d.n);
    return code;
}

static int do_reveal(struct request *r)
{
    int code = check_pair(r);
    if (code != EXIT_OK)
        return code;
    if (r->party == NULL)
        return needs(r, "--to NAME");
    if (r->out == NULL)
        return needs(r, "--out FILE");
    return with_vault(r, reveal);
}

/* One row as a key file of its own. */
static int write_keys(const struct request *r, const struct vault_opened *opened)
{
    enum { ROOM = 2 * KEYS_LINE_MAX };
    char text[ROOM] = "", line[KEYS_LINE_MAX];
    struct cms_error why;
    FILE *f = fmemopen(text, sizeof text, "w");
    if (f == NULL || !keys_format(&opened->row, line)) {
        if (f != NULL)
            fclose(f);
        return cli_refuse(r->cmd, "no memory");
    }
    setvbuf(f, NULL, _IONBF, 0);
    fprintf(f, "# from vault %s, entry %lld of its log, for %s\n", opened->vault, (long long)opened->entry,
            opened->name);
    keys_write_header(f);
    fprintf(f, "%s\n", line);
    bool good = !ferror(f);
    good = fclose(f) == 0 && good;
    int code = EXIT_OK;
    if (!good)
        code = cli_refuse(r->cmd, "no memory");
    else if (!cms_write_file(r->out, span_text(text), &why))
        code = cli_refuse(r->cmd, "%s", why.text);
    crypto_wipe(text, sizeof text);
    crypto_wipe(line, sizeof line);
    return code;
}

static void tell_opened(const struct request *r, const struct vault_opened *o, bool trusted)
{
    if (r->json) {
        putchar('{');
        put_member("file", r->out, ", ");
        put_member("iccid", o->row.iccid, ", ");
        printf("\"index\": \"%s%u\", ", keys_kind(&o->row), o->row.index);
        put_member("vault", o->vault, ", ");
        printf("\"entry\": %lld, \"signed\": %s, \"verified\": %s}\n", (long long)o->entry,
               o->has_signature ? "true" : "false", trusted ? "true" : "false");
        return;
    }
    printf("%s: pair %s%u of card %s, from vault %s, entry %lld of its log; %s\n", r->out, keys_kind(&o->row),
           o->row.index, o->row.iccid, o->vault, (long long)o->entry,
           trusted            ? "its signature is good"
           : o->has_signature ? "signed, but --trust did not say by whom it should be"
                              : "not signed");
}

static int open_delivery(struct request *r, const struct cms_identity *self, X509 *trusted)
{
    struct cms_error why;
    struct sealed_error error;
    struct vault_opened opened;
    uint8_t *bytes = NULL;
    size_t n = 0;
    if (!cms_read_file(r->words[0], &bytes, &n, &why))
        return cli_refuse(r->cmd, "%s", why.text);
    bool good = vault_unpack(span_of(bytes, n), self, trusted, &opened, &error);
    cms_free(bytes, n);
    if (!good)
        return cli_refuse(r->cmd, "%s: %s", r->words[0], error.text);
    int code = write_keys(r, &opened);
    if (code == EXIT_OK) {
        tell_opened(r, &opened, trusted != NULL);
        code = cli_finish(r->cmd);
    }
    crypto_wipe(&opened, sizeof opened);
    return code;
}

static int do_open(struct request *r)
{
    struct cms_identity self = {0};
    X509 *trusted = NULL;
    if (r->n_words != 1)
        return cli_usage(r->cmd, "open takes one delivery");
    if (r->out == NULL)
        return needs(r, "--out FILE");
    int code = load_identity(r, &self);
    if (code == EXIT_OK && r->trust != NULL)
        code = load_certificate(r, r->trust, &trusted);
    if (code == EXIT_OK)
        code = open_delivery(r, &self, trusted);
    X509_free(trusted);
    free_identity(&self);
    return code;
}

static int transfer(struct request *r, struct vault *v)
{
    struct sealed_error error;
    struct cms_error why;
    X509 *to = NULL;
    uint8_t *bytes = NULL;
    size_t n = 0;
    int code = load_certificate(r, r->certificate, &to);
    if (code != EXIT_OK)
        return code;
    if (!cms_can_write(r->out, &why))
        code = cli_refuse(r->cmd, "%s", why.text);
    else if (!vault_transfer(v, to, &bytes, &n, &error))
        code = refuse(r, &error);
    else if (!cms_write_file(r->out, span_of(bytes, n), &why))
        code = cli_refuse(
            r->cmd, "%s (the vault counts as transferred; it can be transferred to this certificate again)",
            why.text);
    else {
        if (r->json) {
            putchar('{');
            put_member("file", r->out, ", ");
            put_member("vault", r->vault, "}\n");
        } else {
            printf("%s: everything in %s, which reveals nothing any more\n", r->out, r->vault);
        }
        code = cli_finish(r->cmd);
    }
    X509_free(to);
    cms_free(bytes, n);
    return code;
}

static int do_transfer(struct request *r)
{
    if (r->certificate == NULL)
        return needs(r, "--cert FILE");
    if (r->out == NULL)
        return needs(r, "--out FILE");
    return with_vault(r, transfer);
}

static int receive(struct request *r, struct vault *v)
{
    struct sealed_error error;
    struct cms_error why;
    X509 *from = NULL;
    uint8_t *bytes = NULL;
    size_t n = 0;
    uint64_t pairs = 0;
    int code = load_certificate(r, r->trust, &from);
    if (code == EXIT_OK && !cms_read_file(r->words[0], &bytes, &n, &why))
        code = cli_refuse(r->cmd, "%s", why.text);
    else if (code == EXIT_OK && !vault_receive(v, span_of(bytes, n), from, &pairs, &error))
        code = cli_refuse(r->cmd, "%s: %s", r->words[0], error.text);
    else if (code == EXIT_OK) {
        if (!r->json)
            printf("%s: %llu pairs taken over, with whom each was revealed to\n", r->vault,
                   (unsigned long long)pairs);
        code = r->json ? put_count(r, "vault", r->vault, "pairs", pairs) : cli_finish(r->cmd);
    }
    X509_free(from);
    cms_free(bytes, n);
    return code;
}

static int do_receive(struct request *r)
{
    if (r->n_words != 1)
        return cli_usage(r->cmd, "receive takes one transfer");
    if (r->trust == NULL)
        return needs(r, "--trust FILE");
    return with_vault(r, receive);
}

static int verify(struct request *r, struct vault *v)
{
    struct sealed_error error;
    struct vault_status s;
    if (!vault_verify(v, r->has_head ? r->entry : 0, r->head, &error) || !vault_status(v, &s, &error))
        return refuse(r, &error);
    if (r->json) {
        printf("{\"vault\": \"%s\", \"pairs\": %llu, \"operators\": %llu, \"entitled\": %llu, \"revealed\": "
               "%llu, "
               "\"transferred\": %s, \"head\": \"",
               s.id, (unsigned long long)s.pairs, (unsigned long long)s.operators,
               (unsigned long long)s.entitled, (unsigned long long)s.revealed,
               s.transferred[0] != '\0' ? "true" : "false");
        print_head(s.entries, s.head);
        puts("\"}");
    } else {
        printf("%s: good: %llu pairs, %llu revealed, %llu operators%s; log ", r->vault,
               (unsigned long long)s.pairs, (unsigned long long)s.revealed, (unsigned long long)s.operators,
               s.transferred[0] != '\0' ? ", transferred" : "");
        print_head(s.entries, s.head);
        putchar('\n');
    }
    return cli_finish(r->cmd);
}

static int do_verify(struct request *r)
{
    return with_vault(r, verify);
}

/* ---- lists ---- */

struct listing {
    bool json;
    const char *only; /* ICCID, or NULL */
    uint64_t n;
};

static bool list_pair(void *ctx, const struct vault_line *line)
{
    struct listing *l = ctx;
    if (l->only != NULL && strcmp(l->only, line->iccid) != 0)
        return true;
    if (l->json) {
        fputs(l->n > 0 ? ",\n  {" : "\n  {", stdout);
        put_member("iccid", line->iccid, ", ");
        put_member("index", line->index, ", ");
        put_member("entitled", line->entitled, ", ");
        put_member("holder", line->holder, "}");
    } else {
        printf("%-20s  %-5s  %-16s  %s\n", line->iccid, line->index,
               line->entitled[0] != '\0' ? line->entitled : "-",
               line->holder[0] != '\0' ? line->holder : "-");
    }
    l->n++;
    return !ferror(stdout);
}

static bool list_operator(void *ctx, const struct vault_operator_line *line)
{
    struct listing *l = ctx;
    if (l->json) {
        fputs(l->n > 0 ? ",\n  {" : "\n  {", stdout);
        put_member("name", line->name, ", ");
        put_member("certificate", line->print, ", ");
        put_member("until", line->until, "}");
    } else {
        printf("operator %s  %s  until %s\n", line->name, line->print, line->until);
    }
    l->n++;
    return !ferror(stdout);
}

static int list(struct request *r, struct vault *v)
{
    struct sealed_error error = {""};
    struct listing l = {.json = r->json, .only = r->iccid};
    if (l.json)
        fputs("{\"pairs\": [", stdout);
    else
        printf("%-20s  %-5s  %-16s  %s\n", "ICCID", "index", "entitled", "revealed to");
    bool good = vault_each_pair(v, list_pair, &l, &error);
    if (l.json)
        fputs("], \"operators\": [", stdout);
    l.n = 0;
    good = good && vault_each_operator(v, list_operator, &l, &error);
    if (l.json)
        puts("]}");
    return good || ferror(stdout) ? cli_finish(r->cmd) : refuse(r, &error);
}

static int do_list(struct request *r)
{
    return with_vault(r, list);
}

static bool log_entry(void *ctx, const struct vault_log_line *line)
{
    struct listing *l = ctx;
    char hex[2 * VAULT_HASH + 1] = "";
    if (line->hash.n == VAULT_HASH)
        hex_format(line->hash, hex);
    if (l->json) {
        fputs(l->n > 0 ? ",\n  {" : "\n  {", stdout);
        printf("\"entry\": %lld, ", (long long)line->entry);
        put_member("at", line->at, ", ");
        put_member("event", line->event, ", ");
        put_member("iccid", line->iccid, ", ");
        put_member("index", line->index, ", ");
        put_member("party", line->party, ", ");
        put_member("detail", line->detail, ", ");
        put_member("hash", hex, "}");
    } else {
        printf("%lld:%s %s %s%s%s%s%s%s%s%s%s\n", (long long)line->entry, hex, line->at, line->event,
               line->iccid[0] != '\0' ? " " : "", line->iccid, line->index[0] != '\0' ? " pair " : "",
               line->index, line->party[0] != '\0' ? " " : "", line->party,
               line->detail[0] != '\0' ? ": " : "", line->detail);
    }
    l->n++;
    return !ferror(stdout);
}

static int show_log(struct request *r, struct vault *v)
{
    struct sealed_error error = {""};
    struct listing l = {.json = r->json};
    if (l.json)
        fputs("[", stdout);
    bool good = vault_each_entry(v, log_entry, &l, &error);
    if (l.json)
        puts("]");
    return good || ferror(stdout) ? cli_finish(r->cmd) : refuse(r, &error);
}

static int do_log(struct request *r)
{
    return with_vault(r, show_log);
}

/* ---- the command line ---- */

static const struct cli_setting settings[] = {
    {"vault", CLI_TEXT, offsetof(struct request, vault), NULL},
    {"key-file", CLI_TEXT, offsetof(struct request, key_file), NULL},
    {"passphrase", CLI_FLAG, offsetof(struct request, passphrase), NULL},
    {"passphrase-file", CLI_TEXT, offsetof(struct request, passphrase_file), NULL},
    {"iccid", CLI_ICCID, offsetof(struct request, iccid), NULL},
    {"index", CLI_TAKEN, 0, take_index},
    {"operator", CLI_TEXT, offsetof(struct request, party), NULL},
    {"to", CLI_TEXT, offsetof(struct request, party), NULL},
    {"cert", CLI_TEXT, offsetof(struct request, certificate), NULL},
    {"key", CLI_TEXT, offsetof(struct request, key), NULL},
    {"trust", CLI_TEXT, offsetof(struct request, trust), NULL},
    {"out", CLI_TEXT, offsetof(struct request, out), NULL},
    {"head", CLI_TAKEN, 0, take_head},
    {"json", CLI_FLAG, offsetof(struct request, json), NULL},
    {NULL, CLI_FLAG, 0, NULL},
};

static const struct verb {
    const char *name;
    int (*run)(struct request *r);
    bool words; /* takes arguments of its own */
    const char *options;
} verbs[] = {
    {"init", do_init, false, ""},
    {"import", do_import, true, ""},
    {"operator", do_operator, true, " cert "},
    {"identity", do_identity, false, " cert key "},
    {"entitle", do_entitle, false, " operator to iccid index "},
    {"withdraw", do_withdraw, false, " iccid index "},
    {"reveal", do_reveal, false, " operator to iccid index out "},
    {"open", do_open, true, " cert key trust out "},
    {"list", do_list, false, " iccid "},
    {"log", do_log, false, ""},
    {"verify", do_verify, false, " head "},
    {"transfer", do_transfer, false, " cert out "},
    {"receive", do_receive, true, " trust "},
};

static int run_verb(struct request *r, const struct verb *verb, uint32_t given)
{
    if (r->n_words > 0 && !verb->words)
        return cli_usage(r->cmd, "what is '%.60s' for?", r->words[0]);
    return cli_settings_for(r->cmd, settings, given, verb->name,
                            " vault key-file passphrase passphrase-file json ", verb->options)
               ? verb->run(r)
               : EXIT_USAGE;
}

static int run(int argc, char **argv)
{
    struct request r = {.cmd = &cmd_vault};
    uint32_t given = 0;
    int code;
    if (!cli_settings(r.cmd, argc, argv, settings, &r, &given, &code))
        return code;
    if (optind == argc)
        return cli_usage(
            r.cmd, "which of init, import, operator, identity, entitle, withdraw, reveal, open, list, log, "
                   "verify, transfer, receive?");
    const char *name = argv[optind];
    r.words = argv + optind + 1;
    r.n_words = argc - optind - 1;
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return run_verb(&r, &verbs[i], given);
    return cli_usage(
        r.cmd,
        "'%.40s' is none of init, import, operator, identity, entitle, withdraw, reveal, open, list, "
        "log, verify, transfer, receive",
        name);
}

const struct subcommand cmd_vault = {
    .name = "vault",
    .summary = "the key store: reveals one pair at a time, to the operator entitled to it",
    .help = "Usage: softuicc vault VERB --vault FILE [OPTION...]\n"
            "The card maker's, or a third party's, store of every K/OTA pair of every card. What it reveals\n"
            "it reveals once, to one operator, enveloped for his certificate, and writes into a log that\n"
            "cannot be changed unnoticed. 'softuicc new --vault FILE' fills one while making cards.\n\n"
            "  init                 make an empty vault; its key goes to FILE.key\n"
            "  import KEYFILE       take in the pairs of a key file, all or none\n"
            "  operator add NAME --cert CERT    make an operator known by his certificate\n"
            "  operator renew NAME --cert CERT  give him another\n"
            "  identity --cert CERT --key KEY   the vault's own: it signs from then on\n"
            "  entitle --operator NAME --iccid N --index I   this pair is his, once he asks for it\n"
            "  withdraw --iccid N --index I     it is nobody's again, unless it was revealed\n"
            "  reveal --iccid N --index I --to NAME -o OUT   the pair, for NAME's eyes only\n"
            "  open MESSAGE --cert CERT --key KEY [--trust VAULTCERT] -o KEYFILE   the operator's side\n"
            "  list [--iccid N]     pairs, who is entitled to them and who has them; operators; no keys\n"
            "  log                  every entry, with its hash\n"
            "  verify [--head ENTRY:HASH]       rows, seals, chain; and that this entry is still there\n"
            "  transfer --cert CERT -o OUT      everything, for another vault; this one then only looks on\n"
            "  receive MESSAGE --trust VAULTCERT  take it over, into an empty vault with an identity\n\n"
            "  --vault FILE            the vault\n"
            "  --key-file FILE         its key, 32 octets (default: the vault's name and .key)\n"
            "  --passphrase            init: seal under a passphrase instead, asked for at the terminal\n"
            "  --passphrase-file FILE  the passphrase is its first line; - is the standard input\n"
            "  --iccid N, --index I    the card; the pair's index, c0, c1, ... for a common keyset, p0, ... for a PIN\n"
            "  --operator NAME, --to NAME   the operator\n"
            "  --cert FILE             certificate (X.509; PEM or DER; RSA or EC)\n"
            "  --key FILE              its private key; only its owner may read the file\n"
            "  --trust FILE            certificate of the vault that must have signed\n"
            "  --out FILE, -o FILE     what to write; mode 0600, never overwritten\n"
            "  --head ENTRY:HASH       an entry of the log, as noted earlier\n"
            "  --json                  print JSON\n"
            "  --help                  this text\n",
    .run = run,
};
