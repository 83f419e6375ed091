/* SPDX-License-Identifier: Apache-2.0
 *
 * softuicc new: makes cards. Everything is checked before anything is written, and until the last step
 * nothing bears the name of the deck: whatever goes wrong, there is either the whole deck or none.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "card_csv.h"
#include "cli.h"
#include "making.h"
#include "package.h"
#include "profile_yaml.h"
#include "vault.h"

/* Of the test network 001 01: 89, 00101, a serial number of eleven digits; the check digit follows. */
#define DEFAULT_ICCID "890010100000000001"

struct order {
    const char *deck, *profile_name, *package, *iccid, *imsi, *csv, *keys, *vault, *passphrase_file;
    uint64_t pairs;
    uint8_t seed[MAKING_SEED_MAX];
    size_t seed_len;
    bool paired, counted; /* --pairs, --count */
    struct numbering numbering;
};

struct works { /* what is open while cards are made */
    const struct subcommand *cmd;
    struct order *order;
    struct uicc_crypto *crypto;
    struct uicc_profile *profile;
    struct making making;
    bool vault_made, vault_key_made; /* here: they go again if the deck does not come to be */
};

/* a + suffix is the same name as b. */
static bool same_name(const char *a, const char *suffix, const char *b)
{
    size_t n = strlen(a);
    return strncmp(a, b, n) == 0 && strcmp(b + n, suffix) == 0;
}

static bool absent(const struct subcommand *cmd, const char *what, const char *path, const char *suffix)
{
    struct stat st;
    char whole[MAKING_PATH_ROOM];
    snprintf(whole, sizeof whole, "%s%s", path, suffix);
    if (lstat(whole, &st) != 0)
        return true;
    cli_refuse(cmd, "%s%s exists already; nothing was made", what, whole);
    return false;
}

/* The making itself would find all this out, but only after the work. */
static bool check_paths(const struct subcommand *cmd, const struct order *o, int *code)
{
    /* What the deck and the record are called, at last and while they are made. */
    static const char *const ours[] = {"", ".key", ".new", ".key.new"}, *const record[] = {"", ".new"};
    *code = EXIT_USAGE;
    if (o->deck[0] == '\0' || strlen(o->deck) > MAKING_PATH_ROOM - 16) {
        cli_usage(cmd, "the name of the deck is %s", o->deck[0] == '\0' ? "empty" : "too long");
        return false;
    }
    if (o->keys != NULL && (o->keys[0] == '\0' || strlen(o->keys) > MAKING_PATH_ROOM - 16)) {
        cli_usage(cmd, "--keys: the file name is %s", o->keys[0] == '\0' ? "empty" : "too long");
        return false;
    }
    for (size_t i = 0; o->keys != NULL && i < sizeof ours / sizeof ours[0]; i++)
        for (size_t j = 0; j < sizeof record / sizeof record[0]; j++) {
            char name[MAKING_PATH_ROOM];
            snprintf(name, sizeof name, "%s%s", o->keys, record[j]);
            if (same_name(o->deck, ours[i], name)) {
                cli_usage(cmd, "--keys: %s is what a file of the deck is called; choose another name", name);
                return false;
            }
        }
    *code = EXIT_REFUSED;
    return absent(cmd, "", o->deck, "") && absent(cmd, "", o->deck, ".key") &&
           (o->keys == NULL || absent(cmd, "--keys: ", o->keys, ""));
}

/* ---- the vault ---- */

static bool vault_start(struct works *w)
{
    struct sealed_error error = {""};
    char passphrase[SEALED_PASSPHRASE_MAX + 1] = "";
    struct stat st;
    bool wants = w->order->passphrase_file != NULL;
    if (w->order->vault == NULL)
        return true;
    char key[MAKING_PATH_ROOM + 8];
    snprintf(key, sizeof key, "%s.key", w->order->vault);
    bool make = lstat(w->order->vault, &st) != 0, key_there = lstat(key, &st) == 0;
    bool good = make || vault_wants_passphrase(w->order->vault, &wants, &error);
    if (good && wants)
        cli_warn_readable(w->cmd, w->order->passphrase_file);
    good = good && (!wants || sealed_passphrase(w->order->passphrase_file, make, passphrase, &error));
    if (good) {
        const struct vault_config config = {w->order->vault, make, NULL, wants ? passphrase : NULL};
        w->making.record.vault = vault_open(&config, &error);
        w->vault_made = make && w->making.record.vault != NULL;
        w->vault_key_made = w->vault_made && !wants && !key_there;
    }
    crypto_wipe(passphrase, sizeof passphrase);
    good = w->making.record.vault != NULL && vault_import_begin(w->making.record.vault, &error);
    if (!good)
        cli_refuse(w->cmd, "--vault: %s", error.text);
    return good;
}

static bool vault_finish(struct works *w)
{
    struct sealed_error error;
    if (w->making.record.vault == NULL || vault_import_end(w->making.record.vault, w->order->deck, &error))
        return true;
    cli_refuse(w->cmd, "--vault: %s", error.text);
    return false;
}

static void vault_end(struct works *w)
{
    char key[MAKING_PATH_ROOM + 8];
    vault_close(w->making.record.vault);
    w->making.record.vault = NULL;
    if (!w->vault_made)
        return;
    snprintf(key, sizeof key, "%s.key", w->order->vault);
    unlink(w->order->vault);
    if (w->vault_key_made)
        unlink(key);
}

/* ---- making ---- */

static bool make(struct works *w, const struct card_source *source)
{
    struct making *m = &w->making;
    struct deck_error error;
    uint8_t *bytes = NULL;
    size_t n = 0;
    *m = (struct making){.cmd = w->cmd,
                         .crypto = w->crypto,
                         .profile = w->profile,
                         .seed = span_of(w->order->seed, w->order->seed_len),
                         .left = "nothing was made"};
    if (!profile_encode(&w->profile->p, &bytes, &n)) {
        cli_refuse(w->cmd, "no memory");
        return false;
    }
    bool good = record_open(w->cmd, w->order->keys, false, &m->record) && vault_start(w);
    if (good) {
        m->deck = deck_create(w->order->deck, span_of(bytes, n), w->crypto, &error);
        if (m->deck == NULL)
            cli_refuse(w->cmd, "%s", error.text);
    }
    crypto_wipe(bytes, n);
    free(bytes);
    if (m->deck == NULL || !making_cards(m, source) || !record_publish(w->cmd, &m->record))
        return false;
    /* The record of the keys comes first: keys without a card are waste paper, a card without a record of its
     * keys is lost. */
    good = vault_finish(w);
    if (good && !deck_publish(m->deck, &error)) {
        cli_refuse(w->cmd, "%s", error.text);
        good = false;
    }
    if (good)
        w->vault_made = false;
    else if (m->record.f != NULL)
        unlink(w->order->keys);
    return good;
}

static void report(const struct works *w, bool random_seed)
{
    const struct making *m = &w->making;
    const struct order *o = w->order;
    const struct profile *p = &w->profile->p;
    bool several = m->made > 1;
    printf("%s: %" PRIu64 " card%s of profile %s", o->deck, m->made, several ? "s" : "", p->name);
    printf(", ICCID %s%s%s", m->first.iccid, several ? " to " : "", several ? m->last.iccid : "");
    printf(", IMSI %s%s%s", m->first.imsi, several ? " to " : "", several ? m->last.imsi : "");
    printf(", %u K/OTA pair%s%s; storage key in %s.key", p->n_pairs, p->n_pairs == 1 ? "" : "s",
           several ? " each" : "", o->deck);
    if (o->keys != NULL)
        printf("; keys recorded in %s", o->keys);
    if (o->vault != NULL)
        printf("; keys sealed in %s", o->vault);
    putchar('\n');
    if (o->keys == NULL && o->vault == NULL && random_seed)
        puts("no --keys and no --seed: what was derived for these cards, nobody but they will ever know");
}

/* From a package or from YAML. false: the error has been printed. */
static bool load(struct works *w, struct upp_import *package)
{
    struct profile_error error;
    struct upp_error package_error;
    const struct order *o = w->order;
    *package = (struct upp_import){0};
    if (o->package == NULL) {
        if (upp_detect(o->profile_name)) {
            cli_refuse(w->cmd, "%s is a profile package for eUICCs: --upp, not --profile, takes it",
                       o->profile_name);
            return false;
        }
        w->profile = profile_load(o->profile_name, &error);
        if (w->profile == NULL)
            cli_refuse(w->cmd, "%s", error.text);
        return w->profile != NULL;
    }
    if (!package_load(o->package, o->imsi, (unsigned)o->pairs, package, &package_error))
        cli_refuse(w->cmd, "%s", package_error.text);
    w->profile = package->profile;
    package->profile = NULL;
    return w->profile != NULL;
}

/* What the cards' numbers are to be. false: the error has been printed, *code is what to return. */
static bool choose_source(const struct works *w, const struct upp_import *package, struct card_csv *csv,
                          struct card_source *source, int *code)
{
    struct order *o = w->order;
    struct csv_error error;
    if (o->csv != NULL) {
        *code = EXIT_REFUSED;
        *source = card_csv_source(csv);
        bool good = card_csv_open(csv, w->cmd, o->csv, &w->profile->p, w->crypto, &error);
        if (!good)
            cli_refuse(w->cmd, "%s", error.text);
        return good && card_csv_check(csv);
    }
    *code = EXIT_USAGE;
    *source = numbering_source(&o->numbering);
    bool numbered = o->package != NULL && o->iccid == NULL
                        ? numbering_foreign(w->cmd, &o->numbering, package->iccid)
                        : numbering_iccid(w->cmd, &o->numbering, o->iccid != NULL ? o->iccid : DEFAULT_ICCID);
    return numbered && numbering_imsi(w->cmd, &o->numbering, o->imsi, &w->profile->p);
}

static int create(const struct subcommand *cmd, struct order *o, struct uicc_crypto *crypto)
{
    struct works w = {.cmd = cmd, .order = o, .crypto = crypto};
    struct upp_import package;
    struct card_csv csv;
    struct card_source source;
    bool random_seed = o->seed_len == 0;
    int code;
    if (!check_paths(cmd, o, &code))
        return code;
    if (!load(&w, &package))
        return EXIT_REFUSED;
    memset(&csv, 0, sizeof csv);
    if (choose_source(&w, &package, &csv, &source, &code)) {
        code = EXIT_REFUSED;
        if (random_seed)
            o->seed_len = MAKING_SEED_DRAWN;
        if (random_seed && !crypto_random(NULL, o->seed, o->seed_len))
            cli_refuse(cmd, "no random octets from the operating system");
        else if (make(&w, &source)) {
            report(&w, random_seed);
            if (o->package != NULL)
                package_print_notes(stdout, o->package, &package);
            code = cli_finish(cmd);
        }
    }
    card_csv_close(&csv);
    vault_end(&w);
    record_close(&w.making.record);
    if (w.making.deck != NULL)
        deck_close(w.making.deck);
    profile_free(w.profile);
    upp_free(&package);
    return code;
}

static bool take_pairs(void *order)
{
    struct order *o = order;
    o->paired = true;
    return cli_number(&cmd_new, "--pairs", optarg, 0, PROFILE_PAIRS_MAX - 1, &o->pairs);
}

static bool take_count(void *order)
{
    struct order *o = order;
    o->counted = true;
    return making_take_count(&cmd_new, &o->numbering);
}

static bool take_seed(void *order)
{
    struct order *o = order;
    return making_take_seed(&cmd_new, o->seed, &o->seed_len);
}

static const struct cli_setting settings[] = {
    {"profile", CLI_TEXT, offsetof(struct order, profile_name), NULL},
    {"upp", CLI_TEXT, offsetof(struct order, package), NULL},
    {"pairs", CLI_TAKEN, 0, take_pairs},
    {"iccid", CLI_TEXT, offsetof(struct order, iccid), NULL},
    {"imsi", CLI_TEXT, offsetof(struct order, imsi), NULL},
    {"count", CLI_TAKEN, 0, take_count},
    {"csv", CLI_TEXT, offsetof(struct order, csv), NULL},
    {"seed", CLI_TAKEN, 0, take_seed},
    {"keys", CLI_TEXT, offsetof(struct order, keys), NULL},
    {"vault", CLI_TEXT, offsetof(struct order, vault), NULL},
    {"passphrase-file", CLI_TEXT, offsetof(struct order, passphrase_file), NULL},
    {NULL, CLI_FLAG, 0, NULL},
};

static int run(int argc, char **argv)
{
    const struct subcommand *cmd = &cmd_new;
    struct order o = {.numbering = {.count = 1}};
    int code;
    if (!cli_settings(cmd, argc, argv, settings, &o, NULL, &code))
        return code;
    if (optind + 1 != argc)
        return cli_usage(cmd, optind == argc ? "which deck?" : "one deck at a time, not '%.60s' as well",
                         optind == argc ? "" : argv[optind + 1]);
    o.deck = argv[optind];
    if (o.package != NULL && o.profile_name != NULL)
        return cli_usage(cmd, "--profile and --upp: a card is made of one of them");
    if (o.paired && o.package == NULL)
        return cli_usage(cmd, "--pairs: for --upp only; a profile lists its pairs itself");
    if (o.csv != NULL && (o.package != NULL || o.iccid != NULL || o.imsi != NULL || o.counted))
        return cli_usage(cmd, "--csv: the file says how many cards there are and what their numbers are");
    if (o.passphrase_file != NULL && o.vault == NULL)
        return cli_usage(cmd, "--passphrase-file: is the vault's, and there is no --vault");
    if (o.profile_name == NULL)
        o.profile_name = "usim";
    if (o.package != NULL && o.imsi != NULL && !cli_digits(cmd, "--imsi", o.imsi, 6, 15))
        return EXIT_USAGE;
    struct uicc_crypto *crypto = crypto_new();
    if (crypto == NULL)
        return cli_refuse(cmd, "out of memory");
    sigset_t before;
    making_hold_signals(&before);
    code = create(cmd, &o, crypto);
    making_release_signals(&before);
    crypto_wipe(&o.seed, sizeof o.seed);
    crypto_free(crypto);
    return code;
}

const struct subcommand cmd_new = {
    .name = "new",
    .summary = "make a deck of one card or many",
    .help = "Usage: softuicc new DECK [--profile NAME|FILE] [--iccid N] [--imsi N] [--count N]\n"
            "                         [--seed HEX] [--keys FILE] [--vault FILE]\n"
            "       softuicc new DECK --csv CSV [--profile NAME|FILE] [--seed HEX] [--keys FILE]\n"
            "       softuicc new DECK --upp FILE [--pairs N] [--iccid N] [--imsi N] [...]\n"
            "Makes DECK, and DECK.key with the storage key that its secrets are sealed under.\n\n"
            "  --profile NAME|FILE  what the cards are made of: a built-in profile (default: usim)\n"
            "                       or a YAML file\n"
            "  --upp FILE           in its place, a profile package for eUICCs (TCA Interoperable Format,\n"
            "                       unprotected, DER); ICCID, IMSI and the first pair are its own. What it\n"
            "                       has and the card has not is listed\n"
            "  --pairs N            with --upp: N derived K/OTA pairs after its own (default: 0)\n"
            "  --iccid N            ICCID of the first card: 19 or 20 digits, the last of which is the\n"
            "                       check digit, or 18 digits, to which it is added\n"
            "                       (default: " DEFAULT_ICCID " and check digit, a test range)\n"
            "  --imsi N             IMSI of the first card, 6 to 15 digits (default: the profile's)\n"
            "  --count N            so many cards; ICCID and IMSI count up (default: 1)\n"
            "  --csv CSV            a card for each row, with numbers, keys and PINs from its columns\n"
            "                       (softuicc add --help lists them)\n"
            "  --seed HEX           16 to 64 octets that derived keys come from (default: random)\n"
            "  --keys FILE          the card maker's record: every key of every card; made with mode\n"
            "                       0600, never overwritten\n"
            "  --vault FILE         the same into a vault (see softuicc vault), sealed; made, with its key in\n"
            "                       FILE.key, if there is none\n"
            "  --passphrase-file FILE  the vault's passphrase is its first line\n"
            "  --help               this text\n\n"
            "Nothing is left behind when it fails or is interrupted.\n",
    .run = run,
};
