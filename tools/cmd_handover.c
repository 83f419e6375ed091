/* SPDX-License-Identifier: Apache-2.0
 *
 * softuicc handover: the list of changed cards that one operator gives the next.
 */
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"
#include "handover.h"

struct request {
    const struct subcommand *cmd;
    const char *records, *sign, *key, *to, *certificate, *trust, *out, *keys;
    struct handover_range ranges[HANDOVER_RANGES_MAX];
    size_t n_ranges;
    struct handover_list list;
    unsigned pairs;
    bool json;
    char **words;
    int n_words;
};

static int needs(const struct request *r, const char *option)
{
    return cli_usage(r->cmd, "%s is needed", option);
}

static int load(const struct request *r, const char *certificate, const char *key,
                struct cms_identity *identity)
{
    struct cms_error error;
    identity->certificate = cms_certificate(certificate, &error);
    if (identity->certificate != NULL &&
        (key == NULL || (identity->key = cms_private_key(key, &error)) != NULL))
        return EXIT_OK;
    return cli_refuse(r->cmd, "%s", error.text);
}

static void unload(struct cms_identity *identity)
{
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
}

/* ---- make ---- */

static int write_list(struct request *r, const struct cms_identity *signer, X509 *to)
{
    struct handover_error error;
    struct cms_error why;
    uint8_t *bytes = NULL;
    size_t n = 0;
    if (!handover_pack(&r->list, signer, to, &bytes, &n, &error))
        return cli_refuse(r->cmd, "%s", error.text);
    int code = EXIT_OK;
    if (!cms_write_file(r->out, span_of(bytes, n), &why))
        code = cli_refuse(r->cmd, "%s", why.text);
    else if (r->json)
        printf("{\"cards\": %zu, \"number\": \"%s\", \"to\": \"%s\"}\n", r->list.n, r->list.number,
               r->list.to);
    else
        printf("%s: list %s of %zu card%s\n", r->out, r->list.number, r->list.n, r->list.n == 1 ? "" : "s");
    cms_free(bytes, n);
    return code == EXIT_OK ? cli_finish(r->cmd) : code;
}

static int do_make(struct request *r)
{
    struct handover_error error;
    struct cms_identity signer = {0}, to = {0};
    if (r->n_words > 0)
        return cli_usage(r->cmd, "what is '%.60s' for?", r->words[0]);
    if (r->records == NULL && r->list.n == 0)
        return needs(r, "--records FILE or --row ICCID,IMSI,INDEX,REFERENCE,POR");
    if (r->records != NULL && r->n_ranges == 0)
        return cli_usage(r->cmd, "whose cards of the records are they? --imsi-range FIRST-LAST is needed");
    if (r->sign == NULL || r->key == NULL)
        return needs(r, r->sign == NULL ? "--sign CERT" : "--key FILE");
    if (r->to == NULL || r->out == NULL)
        return needs(r, r->to == NULL ? "--to CERT" : "--out FILE");
    int code = load(r, r->sign, r->key, &signer);
    if (code == EXIT_OK)
        code = load(r, r->to, NULL, &to);
    if (code == EXIT_OK && r->records != NULL &&
        !handover_add_records(&r->list, r->records, r->ranges, r->n_ranges, &error))
        code = cli_refuse(r->cmd, "%s", error.text);
    if (code == EXIT_OK)
        cli_warn_readable(r->cmd, r->keys);
    if (code == EXIT_OK && r->keys != NULL && !handover_add_keys(&r->list, r->keys, &error))
        code = cli_refuse(r->cmd, "%s", error.text);
    if (code == EXIT_OK)
        code = write_list(r, &signer, to.certificate);
    unload(&signer);
    unload(&to);
    return code;
}

/* ---- import, show ---- */

static void refused(void *ctx, const char *line)
{
    const struct request *r = ctx;
    cli_refuse(r->cmd, "%s", line);
}

static void tell(const struct request *r)
{
    const struct handover_list *l = &r->list;
    if (r->json)
        printf("{\"number\": \"%s\", \"from\": \"%s\", \"cards\": [", l->number, l->from);
    for (size_t i = 0; i < l->n; i++) {
        const struct handover_row *row = &l->rows[i];
        if (r->json)
            printf("%s\n  {\"iccid\": \"%s\", \"imsi\": \"%s\", \"index\": %u, \"reference\": \"%s\", "
                   "\"por\": \"%s\"}",
                   i > 0 ? "," : "", row->iccid, row->imsi, row->index, row->reference, row->por);
        else
            printf("%s\t%s\t%u\t%s\n", row->iccid, row->imsi, row->index,
                   row->reference[0] != '\0' ? row->reference : "-");
    }
    if (r->json)
        puts("]}");
}

static int take(struct request *r, const struct cms_identity *self, X509 *trusted)
{
    struct handover_error error;
    struct cms_error why;
    uint8_t *bytes = NULL;
    size_t n = 0;
    if (!cms_read_file(r->words[0], &bytes, &n, &why))
        return cli_refuse(r->cmd, "%s", why.text);
    bool good = handover_unpack(span_of(bytes, n), self, trusted, &r->list, &error);
    cms_free(bytes, n);
    if (!good)
        return cli_refuse(r->cmd, "%s: %s", r->words[0], error.text);
    size_t keys = 0;
    for (size_t i = 0; i < r->list.n; i++)
        keys += r->list.rows[i].keys != NULL;
    if (keys > 0 && r->keys == NULL)
        return cli_refuse(r->cmd,
                          "%s: %zu of its cards come with their keys: say with --keys FILE where they go",
                          r->words[0], keys);
    if (keys == 0 && r->keys != NULL)
        return cli_refuse(r->cmd, "%s: it has no keys for --keys", r->words[0]);
    const struct handover_policy policy = {r->ranges, r->n_ranges, r->pairs};
    /* The keys first: a list counts as imported only when nothing of it can be lost any more. */
    if (r->keys != NULL && !handover_write_keys(&r->list, r->keys, &error))
        return cli_refuse(r->cmd, "%s", error.text);
    if (!handover_import(&r->list, &policy, r->records, refused, r, &error)) {
        if (r->keys != NULL)
            (void)unlink(r->keys);
        return cli_refuse(r->cmd, "%s: %s", r->words[0], error.text);
    }
    tell(r);
    return cli_finish(r->cmd);
}

static int do_import(struct request *r)
{
    struct cms_identity self = {0}, trusted = {0};
    if (r->n_words != 1)
        return cli_usage(r->cmd, "import takes one list");
    if (r->certificate == NULL || r->key == NULL)
        return needs(r, r->certificate == NULL ? "--cert FILE" : "--key FILE");
    if (r->trust == NULL)
        return needs(r, "--trust FILE");
    if (r->records == NULL)
        return needs(r, "--records FILE");
    if (r->n_ranges == 0)
        return needs(r, "--imsi-range FIRST-LAST");
    int code = load(r, r->certificate, r->key, &self);
    if (code == EXIT_OK)
        code = load(r, r->trust, NULL, &trusted);
    if (code == EXIT_OK)
        code = take(r, &self, trusted.certificate);
    unload(&self);
    unload(&trusted);
    return code;
}

/* ---- the command line ---- */

static bool take_range(void *request)
{
    struct request *r = request;
    if (r->n_ranges == HANDOVER_RANGES_MAX) {
        cli_usage(r->cmd, "--imsi-range: at most %d of them", HANDOVER_RANGES_MAX);
        return false;
    }
    if (handover_range_of(optarg, &r->ranges[r->n_ranges++]))
        return true;
    cli_usage(r->cmd,
              "--imsi-range: '%.40s' is not two IMSIs of the same length, FIRST-LAST, the lower one first",
              optarg);
    return false;
}

static bool take_row(void *request)
{
    struct request *r = request;
    struct handover_error error;
    if (handover_add_text(&r->list, optarg, &error))
        return true;
    cli_usage(r->cmd, "--row: %s", error.text);
    return false;
}

static bool take_pairs(void *request)
{
    struct request *r = request;
    return cli_unsigned(r->cmd, "--pairs", optarg, 2, 255, &r->pairs);
}

static const struct cli_setting settings[] = {
    {"records", CLI_TEXT, offsetof(struct request, records), NULL},
    {"row", CLI_TAKEN, 0, take_row},
    {"sign", CLI_TEXT, offsetof(struct request, sign), NULL},
    {"key", CLI_TEXT, offsetof(struct request, key), NULL},
    {"to", CLI_TEXT, offsetof(struct request, to), NULL},
    {"cert", CLI_TEXT, offsetof(struct request, certificate), NULL},
    {"trust", CLI_TEXT, offsetof(struct request, trust), NULL},
    {"out", CLI_TEXT, offsetof(struct request, out), NULL},
    {"imsi-range", CLI_TAKEN, 0, take_range},
    {"pairs", CLI_TAKEN, 0, take_pairs},
    {"keys", CLI_TEXT, offsetof(struct request, keys), NULL},
    {"json", CLI_FLAG, offsetof(struct request, json), NULL},
    {NULL, CLI_FLAG, 0, NULL},
};

static int carry_out(struct request *r, int argc, char **argv)
{
    static const char common[] = " records imsi-range keys key json ";
    uint32_t given = 0;
    int code;
    if (!cli_settings(r->cmd, argc, argv, settings, r, &given, &code))
        return code;
    if (optind == argc)
        return cli_usage(r->cmd, "which of make, import?");
    r->words = argv + optind + 1;
    r->n_words = argc - optind - 1;
    if (strcmp(argv[optind], "make") == 0)
        return cli_settings_for(r->cmd, settings, given, "make", common, " row sign to out ") ? do_make(r)
                                                                                              : EXIT_USAGE;
    if (strcmp(argv[optind], "import") == 0)
        return cli_settings_for(r->cmd, settings, given, "import", common, " cert trust pairs ")
                   ? do_import(r)
                   : EXIT_USAGE;
    return cli_usage(r->cmd, "'%.40s' is none of make, import", argv[optind]);
}

static int run(int argc, char **argv)
{
    struct request r = {.cmd = &cmd_handover, .pairs = 255};
    int code = carry_out(&r, argc, argv);
    handover_free(&r.list);
    return code;
}

const struct subcommand cmd_handover = {
    .name = "handover",
    .summary = "the list of changed cards that one operator gives the next",
    .help =
        "Usage: softuicc handover make (--records FILE --imsi-range FIRST-LAST | --row ROW ...)\n"
        "                              --sign CERT --key KEY --to CERT -o FILE\n"
        "       softuicc handover import FILE --cert CERT --key KEY --trust CERT --records FILE\n"
        "                              --imsi-range FIRST-LAST [--pairs N]\n"
        "Which cards went over to the next operator: ICCID, new IMSI, index of the pair, order\n"
        "reference and the card's proof of receipt. Signed by the one, enveloped for the other. No keys: those\n"
        "the key manager has; but where the key stayed (softuicc change --keep-key), with --keys K and OTA keys.\n\n"
        "  --records FILE          make: the cards whose last order was obeyed, from softuicc change;\n"
        "                          import: where the list goes, all of it or nothing\n"
        "  --row ICCID,IMSI,INDEX,REFERENCE,POR   make: a card by hand; '-' for none; may be repeated\n"
        "  --imsi-range FIRST-LAST   the next operator's IMSIs; may be repeated\n"
        "  --pairs N               import: so many pairs the cards have (default: 255)\n"
        "  --keys FILE             make: adds each card's keys, from this key file (alternative 3a);\n"
        "                          import: where they go; mode 0600, never overwritten\n"
        "  --sign CERT, --key KEY  make: who signs\n"
        "  --to CERT               make: whom it is for\n"
        "  --cert CERT, --key KEY  import: whom it is for\n"
        "  --trust CERT            import: who must have signed it\n"
        "  --out FILE, -o FILE     make: the list; mode 0600, never overwritten\n"
        "  --json                  print JSON\n"
        "  --help                  this text\n\n"
        "A row that import refuses is told in one line, and then nothing is imported: an IMSI out of\n"
        "range, an index the card cannot have, no proof of receipt, a card or IMSI that came before.\n",
    .run = run,
};
