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

#include "cli.h"
#include "hex.h"
#include "keys.h"
#include "package.h"
#include "profile_yaml.h"
#include "vault.h"

enum {
    SEED_MIN = 16,
    SEED_MAX = 64,
    SEED_DEFAULT = 32,
    COUNT_MAX = 100000000,
    CARDS_PER_TRANSACTION = 1024,
    PATH_ROOM = 4096,
    ISSUER_DIGITS = 7, /* of an ICCID: 89, country, issuer (ITU-T E.118): what counting up must not change */
};

/* Of the test network 001 01: 89, 00101, a serial number of eleven digits; the check digit follows. */
#define DEFAULT_ICCID "890010100000000001"

/* A number that counts up with the cards, in decimal with leading zeros. */
struct series {
    uint64_t first;
    int digits;
    int fixed; /* so many leading digits belong to the issuer or the network */
};

struct order {
    const char *deck, *profile_name, *package, *iccid, *imsi, *keys, *vault, *passphrase_file;
    uint64_t count, pairs;
    const char *verbatim; /* the only card's ICCID, as its package has it; NULL: by counting */
    uint8_t seed[SEED_MAX];
    size_t seed_len;
    struct series iccids; /* without the check digit */
    struct series imsis;
};

struct works { /* what is open while cards are made */
    const struct subcommand *cmd;
    const struct order *order;
    struct uicc_crypto *crypto;
    struct uicc_profile *profile;
    struct deck *deck;
    FILE *keys;
    char *keys_buffer;
    char keys_temporary[PATH_ROOM]; /* "" when there is none to remove */
    struct vault *vault;
    bool vault_made, vault_key_made; /* here: they go again if the deck does not come to be */
};

static void number(const struct series *s, uint64_t nth, char out[24])
{
    snprintf(out, 24, "%0*" PRIu64, s->digits, s->first + nth);
}

static void card_iccid(const struct order *o, uint64_t nth, char out[24])
{
    if (o->verbatim != NULL) {
        snprintf(out, 24, "%s", o->verbatim);
        return;
    }
    number(&o->iccids, nth, out);
    char check[2] = {luhn_digit(out), '\0'};
    strcat(out, check);
}

/* True when the last of `count` numbers still begins with the fixed digits. */
static bool series_fits(const struct series *s, uint64_t count)
{
    uint64_t below = 1;
    for (int i = s->fixed; i < s->digits; i++)
        below *= 10;
    return s->first % below + (count - 1) < below;
}

static bool series_of(const char *text, size_t n, int fixed, struct series *s)
{
    char digits[24];
    if (n >= sizeof digits)
        return false;
    memcpy(digits, text, n);
    digits[n] = '\0';
    *s = (struct series){.first = strtoull(digits, NULL, 10), .digits = (int)n, .fixed = fixed};
    return true;
}

/* Digits of MCC and MNC, by EF.AD octet 4 (TS 31.102 4.2.18). */
static int network_digits(const struct profile *p)
{
    for (uint16_t i = 0; i < p->n_files; i++) {
        const struct profile_file *f = &p->files[i];
        if (f->fid == 0x6FAD && f->kind == FILE_TRANSPARENT && f->content.n >= 4 && f->content.p[3] == 3)
            return 6;
    }
    return 5;
}

/* The ICCID that a package has is its card's, whatever its check digit. Several cards count up from it. */
static bool package_iccid(const struct subcommand *cmd, struct order *o, const char *text)
{
    size_t n = strlen(text);
    if (n > 18)
        n--;
    if (o->count == 1)
        o->verbatim = text;
    if (series_of(text, n, ISSUER_DIGITS, &o->iccids) && series_fits(&o->iccids, o->count))
        return true;
    cli_usage(cmd, "%" PRIu64 " cards from the package's ICCID %s on would run over into the issuer's number",
              o->count, text);
    return false;
}

static bool check_iccid(const struct subcommand *cmd, struct order *o)
{
    const char *text = o->iccid != NULL ? o->iccid : DEFAULT_ICCID;
    if (!cli_iccid(cmd, "--iccid", text))
        return false;
    size_t n = strlen(text);
    if (n > 18) {
        char body[24];
        memcpy(body, text, n - 1);
        body[--n] = '\0';
        char check = luhn_digit(body);
        if (text[n] != check) {
            cli_usage(cmd,
                      "--iccid: the check digit of %s is %c, not %c (give 18 digits to have it computed)",
                      text, check, text[n]);
            return false;
        }
    }
    if (!series_of(text, n, ISSUER_DIGITS, &o->iccids) || !series_fits(&o->iccids, o->count)) {
        cli_usage(cmd, "--iccid: %" PRIu64 " cards from %s on would run over into the issuer's number",
                  o->count, text);
        return false;
    }
    return true;
}

static bool check_imsi(const struct subcommand *cmd, struct order *o, const struct profile *p)
{
    const char *text = o->imsi != NULL ? o->imsi : p->imsi;
    if (o->imsi == NULL && text[0] == '\0') {
        cli_usage(cmd, "profile %s has no IMSI of its own: give one with --imsi", p->name);
        return false;
    }
    if (!cli_digits(cmd, "--imsi", text, 6, 15))
        return false;
    if (!series_of(text, strlen(text), network_digits(p), &o->imsis) || !series_fits(&o->imsis, o->count)) {
        cli_usage(cmd, "--imsi: %" PRIu64 " cards from %s on would run over into the network code", o->count,
                  text);
        return false;
    }
    return true;
}

/* a + suffix is the same name as b. */
static bool same_name(const char *a, const char *suffix, const char *b)
{
    size_t n = strlen(a);
    return strncmp(a, b, n) == 0 && strcmp(b + n, suffix) == 0;
}

static bool absent(const struct subcommand *cmd, const char *what, const char *path, const char *suffix)
{
    struct stat st;
    char whole[PATH_ROOM];
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
    if (o->deck[0] == '\0' || strlen(o->deck) > PATH_ROOM - 16) {
        cli_usage(cmd, "the name of the deck is %s", o->deck[0] == '\0' ? "empty" : "too long");
        return false;
    }
    if (o->keys != NULL && (o->keys[0] == '\0' || strlen(o->keys) > PATH_ROOM - 16)) {
        cli_usage(cmd, "--keys: the file name is %s", o->keys[0] == '\0' ? "empty" : "too long");
        return false;
    }
    for (size_t i = 0; o->keys != NULL && i < sizeof ours / sizeof ours[0]; i++)
        for (size_t j = 0; j < sizeof record / sizeof record[0]; j++) {
            char name[PATH_ROOM];
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

/* ---- the key record ---- */

static bool keys_open(struct works *w)
{
    enum { BUFFER = 1 << 16 };
    if (w->order->keys == NULL)
        return true;
    char path[sizeof w->keys_temporary];
    snprintf(path, sizeof path, "%s.new", w->order->keys);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        cli_refuse(w->cmd, "--keys: %s: %s%s", path, strerror(errno),
                   errno == EEXIST ? " (left by a making that was cut short? then remove it)" : "");
        return false;
    }
    memcpy(w->keys_temporary, path, sizeof path);
    w->keys_buffer = malloc(BUFFER);
    w->keys = fdopen(fd, "w");
    if (w->keys == NULL || w->keys_buffer == NULL) {
        if (w->keys == NULL)
            close(fd);
        cli_refuse(w->cmd, "no memory");
        return false;
    }
    setvbuf(w->keys, w->keys_buffer, _IOFBF, BUFFER);
    keys_write_header(w->keys);
    return true;
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
    char key[PATH_ROOM + 8];
    snprintf(key, sizeof key, "%s.key", w->order->vault);
    bool make = lstat(w->order->vault, &st) != 0, key_there = lstat(key, &st) == 0;
    bool good = make || vault_wants_passphrase(w->order->vault, &wants, &error);
    good = good && (!wants || sealed_passphrase(w->order->passphrase_file, make, passphrase, &error));
    if (good) {
        const struct vault_config config = {w->order->vault, make, NULL, wants ? passphrase : NULL};
        w->vault = vault_open(&config, &error);
        w->vault_made = make && w->vault != NULL;
        w->vault_key_made = w->vault_made && !wants && !key_there;
    }
    crypto_wipe(passphrase, sizeof passphrase);
    good = w->vault != NULL && vault_import_begin(w->vault, &error);
    if (!good)
        cli_refuse(w->cmd, "--vault: %s", error.text);
    return good;
}

static bool vault_finish(struct works *w)
{
    struct sealed_error error;
    if (w->vault == NULL || vault_import_end(w->vault, w->order->deck, &error))
        return true;
    cli_refuse(w->cmd, "--vault: %s", error.text);
    return false;
}

static void vault_end(struct works *w)
{
    char key[PATH_ROOM + 8];
    vault_close(w->vault);
    if (!w->vault_made)
        return;
    snprintf(key, sizeof key, "%s.key", w->order->vault);
    unlink(w->order->vault);
    if (w->vault_key_made)
        unlink(key);
}

/* A row for each record there is. */
static bool keys_note(struct works *w, const struct key_row *row)
{
    struct sealed_error error;
    if (w->keys != NULL)
        keys_write_row(w->keys, row);
    if (w->vault == NULL || vault_import_row(w->vault, row, &error))
        return true;
    cli_refuse(w->cmd, "--vault: %s", error.text);
    return false;
}

static bool keys_add(struct works *w, const char *iccid, const char *imsi)
{
    if (w->keys == NULL && w->vault == NULL)
        return true;
    const struct profile *p = &w->profile->p;
    struct span seed = span_of(w->order->seed, w->order->seed_len);
    struct key_row row;
    memset(&row, 0, sizeof row);
    memcpy(row.iccid, iccid, strlen(iccid) + 1);
    memcpy(row.imsi, imsi, strlen(imsi) + 1);
    bool good = true, noted = true;
    for (row.index = 0; good && noted && row.index < p->n_pairs; row.index++) {
        good = personal_pair(w->crypto, p, seed, iccid, row.index, &row.pair);
        noted = !good || keys_note(w, &row);
        row.imsi[0] = '\0'; /* only the first pair belongs to an IMSI yet (TR 33.812 5.3.2.2) */
    }
    memset(&row.imsi, 0, sizeof row.imsi);
    row.common = true;
    for (row.index = 0; good && noted && row.index < p->n_keysets; row.index++) {
        struct profile_keyset set;
        good = personal_keyset(w->crypto, p, seed, iccid, row.index, &set);
        if (good) {
            row.pair.ota = set.keys;
            noted = keys_note(w, &row);
        }
        crypto_wipe(&set, sizeof set);
    }
    crypto_wipe(&row, sizeof row);
    if (!good)
        cli_refuse(w->cmd, "card %s: deriving its keys failed", iccid);
    else if (w->keys != NULL && ferror(w->keys))
        cli_refuse(w->cmd, "--keys: %s: %s", w->keys_temporary, strerror(errno));
    return good && noted && (w->keys == NULL || !ferror(w->keys));
}

/* On the disk under its final name: link() takes the name only if nobody else has it. */
static bool keys_publish(struct works *w)
{
    if (w->keys == NULL)
        return true;
    bool good = fflush(w->keys) == 0 && !ferror(w->keys) && fsync(fileno(w->keys)) == 0 &&
                link(w->keys_temporary, w->order->keys) == 0;
    if (!good)
        cli_refuse(w->cmd, "--keys: %s: %s", w->order->keys, strerror(errno));
    return good;
}

static void keys_close(struct works *w)
{
    if (w->keys != NULL)
        fclose(w->keys);
    if (w->keys_temporary[0] != '\0')
        unlink(w->keys_temporary);
    if (w->keys_buffer != NULL)
        crypto_wipe(w->keys_buffer, 1 << 16);
    free(w->keys_buffer);
}

/* ---- making ---- */

static bool make_card(struct works *w, uint64_t nth)
{
    char iccid[24], imsi[24];
    card_iccid(w->order, nth, iccid);
    number(&w->order->imsis, nth, imsi);
    struct deck_error error;
    struct uicc_store *store = deck_new_card(w->deck, iccid, &error);
    if (store == NULL) {
        cli_refuse(w->cmd, "%s", error.text);
        return false;
    }
    const struct uicc_env env = {.random = crypto_random, .crypto = w->crypto};
    const struct uicc_config config = {
        .env = &env, .profile = w->profile, .store = store, .classes = cli_applet_classes};
    const struct uicc_personal personal = {
        .iccid = iccid, .imsi = imsi, .seed = w->order->seed, .seed_len = w->order->seed_len};
    enum uicc_result result = uicc_personalise(&config, &personal);
    store_close(store);
    if (result != UICC_OK) {
        bool told = result == UICC_STORE_FAILED && deck_trouble(w->deck)[0] != '\0';
        cli_refuse(w->cmd, "card %s of profile %s: %s", iccid, w->profile->p.name,
                   told ? deck_trouble(w->deck) : uicc_result_text(result));
        return false;
    }
    return keys_add(w, iccid, imsi);
}

/* Signals are blocked while cards are made, and looked at between two cards: so that ^C cleans up without a
 * handler, for which there would have to be a global. */
static void stop_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
}

static bool interrupted(void)
{
    sigset_t ours, pending;
    stop_signals(&ours);
    if (sigpending(&pending) != 0)
        return false;
    return sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1 ||
           sigismember(&pending, SIGHUP) == 1;
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static bool make_cards(struct works *w)
{
    const uint64_t count = w->order->count;
    const bool person = isatty(STDERR_FILENO) == 1;
    uint64_t shown = now_ms();
    bool drawn = false, good = true;
    struct deck_error error;
    for (uint64_t i = 0; good && i < count; i++) {
        if (i % CARDS_PER_TRANSACTION == 0 && !deck_batch_begin(w->deck, &error)) {
            good = false;
            cli_refuse(w->cmd, "%s", error.text);
            break;
        }
        good = make_card(w, i);
        bool last = i + 1 == count || (i + 1) % CARDS_PER_TRANSACTION == 0;
        if (good && last && !deck_batch_end(w->deck, &error)) {
            good = false;
            cli_refuse(w->cmd, "%s", error.text);
        }
        if (good && interrupted()) {
            good = false;
            cli_refuse(w->cmd, "interrupted; nothing was made");
        }
        if (good && person && now_ms() - shown > 500) {
            shown = now_ms();
            drawn = true;
            fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " cards", i + 1, count);
        }
    }
    if (drawn)
        fputs(good ? "\r\033[K" : "\n", stderr);
    return good;
}

static bool make(struct works *w)
{
    struct deck_error error;
    uint8_t *bytes = NULL;
    size_t n = 0;
    if (!profile_encode(&w->profile->p, &bytes, &n)) {
        cli_refuse(w->cmd, "no memory");
        return false;
    }
    if (!keys_open(w) || !vault_start(w)) {
        crypto_wipe(bytes, n);
        free(bytes);
        return false;
    }
    w->deck = deck_create(w->order->deck, span_of(bytes, n), w->crypto, &error);
    crypto_wipe(bytes, n);
    free(bytes);
    if (w->deck == NULL) {
        cli_refuse(w->cmd, "%s", error.text);
        return false;
    }
    if (!make_cards(w) || !keys_publish(w) || !vault_finish(w))
        return false;
    /* The record of the keys comes first: keys without a card are waste paper, a card without a record of its
     * keys is lost. */
    if (!deck_publish(w->deck, &error)) {
        if (w->keys != NULL)
            unlink(w->order->keys);
        cli_refuse(w->cmd, "%s", error.text);
        return false;
    }
    w->vault_made = false;
    return true;
}

static void report(const struct order *o, const struct profile *p, bool random_seed)
{
    char first[24], last[24];
    printf("%s: %" PRIu64 " card%s of profile %s", o->deck, o->count, o->count == 1 ? "" : "s", p->name);
    card_iccid(o, 0, first);
    card_iccid(o, o->count - 1, last);
    printf(", ICCID %s", first);
    if (o->count > 1)
        printf(" to %s", last);
    number(&o->imsis, 0, first);
    number(&o->imsis, o->count - 1, last);
    printf(", IMSI %s", first);
    if (o->count > 1)
        printf(" to %s", last);
    printf(", %u K/OTA pair%s%s; storage key in %s.key", p->n_pairs, p->n_pairs == 1 ? "" : "s",
           o->count > 1 ? " each" : "", o->deck);
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

static int create(const struct subcommand *cmd, struct order *o, struct uicc_crypto *crypto)
{
    struct works w = {.cmd = cmd, .order = o, .crypto = crypto};
    struct upp_import package;
    bool random_seed = o->seed_len == 0;
    int code;
    if (!check_paths(cmd, o, &code))
        return code;
    if (!load(&w, &package))
        return EXIT_REFUSED;
    code = EXIT_USAGE;
    bool numbered =
        o->package != NULL && o->iccid == NULL ? package_iccid(cmd, o, package.iccid) : check_iccid(cmd, o);
    if (numbered && check_imsi(cmd, o, &w.profile->p)) {
        code = EXIT_REFUSED;
        if (random_seed)
            o->seed_len = SEED_DEFAULT;
        if (random_seed && !crypto_random(NULL, o->seed, o->seed_len))
            cli_refuse(cmd, "no random octets from the operating system");
        else if (make(&w)) {
            report(o, &w.profile->p, random_seed);
            if (o->package != NULL)
                package_print_notes(stdout, o->package, &package);
            code = cli_finish(cmd);
        }
    }
    keys_close(&w);
    vault_end(&w);
    if (w.deck != NULL)
        deck_close(w.deck);
    profile_free(w.profile);
    upp_free(&package);
    return code;
}

static int run(int argc, char **argv)
{
    enum { PROFILE = 256, UPP, PAIRS, ICCID, IMSI, COUNT, SEED, KEYS, VAULT, PASSPHRASE_FILE };
    static const struct option options[] = {
        {"profile", required_argument, NULL, PROFILE},
        {"upp", required_argument, NULL, UPP},
        {"pairs", required_argument, NULL, PAIRS},
        {"iccid", required_argument, NULL, ICCID},
        {"imsi", required_argument, NULL, IMSI},
        {"count", required_argument, NULL, COUNT},
        {"seed", required_argument, NULL, SEED},
        {"keys", required_argument, NULL, KEYS},
        {"vault", required_argument, NULL, VAULT},
        {"passphrase-file", required_argument, NULL, PASSPHRASE_FILE},
        {NULL, 0, NULL, 0},
    };
    const struct subcommand *cmd = &cmd_new;
    struct order o = {.count = 1};
    int opt, code = EXIT_USAGE;
    bool pairs = false;
    while ((opt = cli_option(cmd, argc, argv, options, &code)) != -1) {
        switch (opt) {
        case PROFILE:
            o.profile_name = optarg;
            break;
        case UPP:
            o.package = optarg;
            break;
        case PAIRS:
            pairs = true;
            if (!cli_number(cmd, "--pairs", optarg, 0, PROFILE_PAIRS_MAX - 1, &o.pairs))
                return EXIT_USAGE;
            break;
        case ICCID:
            o.iccid = optarg;
            break;
        case IMSI:
            o.imsi = optarg;
            break;
        case COUNT:
            if (!cli_number(cmd, "--count", optarg, 1, COUNT_MAX, &o.count))
                return EXIT_USAGE;
            break;
        case SEED:
            if (!cli_hex(cmd, "--seed", optarg, SEED_MIN, SEED_MAX, o.seed, &o.seed_len))
                return EXIT_USAGE;
            memset(optarg, '*', strlen(optarg)); /* out of sight of ps */
            break;
        case KEYS:
            o.keys = optarg;
            break;
        case VAULT:
            o.vault = optarg;
            break;
        case PASSPHRASE_FILE:
            o.passphrase_file = optarg;
            break;
        default:
            return code;
        }
    }
    if (optind + 1 != argc)
        return cli_usage(cmd, optind == argc ? "which deck?" : "one deck at a time, not '%.60s' as well",
                         optind == argc ? "" : argv[optind + 1]);
    o.deck = argv[optind];
    if (o.package != NULL && o.profile_name != NULL)
        return cli_usage(cmd, "--profile and --upp: a card is made of one of them");
    if (pairs && o.package == NULL)
        return cli_usage(cmd, "--pairs: for --upp only; a profile lists its pairs itself");
    if (o.profile_name == NULL)
        o.profile_name = "usim";
    if (o.package != NULL && o.imsi != NULL && !cli_digits(cmd, "--imsi", o.imsi, 6, 15))
        return EXIT_USAGE;
    struct uicc_crypto *crypto = crypto_new();
    if (crypto == NULL)
        return cli_refuse(cmd, "OpenSSL's libcrypto lacks an algorithm, or memory ran out");
    sigset_t ours, before;
    stop_signals(&ours);
    sigprocmask(SIG_BLOCK, &ours, &before);
    code = create(cmd, &o, crypto);
    sigprocmask(SIG_SETMASK, &before,
                NULL); /* a signal that came takes effect here, after everything was tidied up */
    crypto_wipe(&o.seed, sizeof o.seed);
    crypto_free(crypto);
    return code;
}

const struct subcommand cmd_new = {
    .name = "new",
    .summary = "make a deck of one card or many",
    .help = "Usage: softuicc new DECK [--profile NAME|FILE] [--iccid N] [--imsi N] [--count N]\n"
            "                         [--seed HEX] [--keys FILE] [--vault FILE]\n"
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
