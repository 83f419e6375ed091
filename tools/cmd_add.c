/* SPDX-License-Identifier: Apache-2.0
 *
 * softuicc add: further cards in a deck, of the deck's own profile. Everything is checked before anything is
 * written; what fails on the way is taken back.
 */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "card_csv.h"
#include "cli.h"
#include "making.h"

struct request {
    const char *deck, *iccid, *imsi, *csv, *keys;
    uint8_t seed[MAKING_SEED_MAX];
    size_t seed_len;
    bool replace, counted;
    struct numbering numbering;
};

/* ICCIDs of a file. With --replace nothing else tells a card that stands there twice from one of the deck's:
 * the second row would take the place of the first. */
struct numbers {
    char (*at)[DECK_ICCID_MAX + 1];
    size_t n, room;
};

static bool numbers_add(struct numbers *all, const char *iccid)
{
    if (all->n == all->room) {
        size_t room = all->room == 0 ? 1024 : 2 * all->room;
        void *more = realloc(all->at, room * sizeof *all->at);
        if (more == NULL)
            return false;
        all->at = more;
        all->room = room;
    }
    memcpy(all->at[all->n++], iccid, strlen(iccid) + 1);
    return true;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* NULL: none is there twice. */
static const char *numbers_twice(struct numbers *all)
{
    if (all->n > 1)
        qsort(all->at, all->n, sizeof *all->at, by_text);
    for (size_t i = 1; i < all->n; i++)
        if (strcmp(all->at[i - 1], all->at[i]) == 0)
            return all->at[i];
    return NULL;
}

static bool check_card(const struct making *m, const struct request *r, const struct card_data *card,
                       struct numbers *all)
{
    const enum deck_has has = m->replace ? DECK_HAS_NOT : making_has_card(m->cmd, m->deck, card->iccid);
    if (has == DECK_UNREAD)
        return false;
    if (has == DECK_HAS) {
        cli_refuse(m->cmd, "%s has a card %s already (--replace makes it anew)", r->deck, card->iccid);
        return false;
    }
    if (!m->replace || r->csv == NULL || numbers_add(all, card->iccid))
        return true;
    cli_refuse(m->cmd, "no memory");
    return false;
}

/* No card of the source is in the deck, and with --replace none is there twice; all of its rows are sound. */
static bool check_source(const struct making *m, const struct request *r, const struct card_source *source)
{
    enum source_result result;
    struct card_data card;
    struct numbers all = {NULL, 0, 0};
    uint64_t n = 0;
    while ((result = source->next(source->ctx, &card)) == SOURCE_CARD && check_card(m, r, &card, &all))
        n++;
    if (result == SOURCE_END && n == 0)
        cli_refuse(m->cmd, "%s has no row", r->csv != NULL ? r->csv : r->deck);
    const char *twice = result == SOURCE_END ? numbers_twice(&all) : NULL;
    if (twice != NULL)
        cli_refuse(m->cmd, "%s has card %s twice", r->csv, twice);
    free(all.at);
    return result == SOURCE_END && n > 0 && twice == NULL && source->rewind(source->ctx);
}

/* false: the error has been printed, and the deck has the cards it had, or is to be closed (--replace). */
static bool make(struct making *m, const struct request *r, const struct card_source *source)
{
    if (!check_source(m, r, source) || !record_open(m->cmd, r->keys, true, &m->record))
        return false;
    bool good = making_cards(m, source);
    if (good && record_publish(m->cmd, &m->record))
        return true;
    const bool stay = m->replace ? good : !making_undo(m, source);
    if (stay && m->record.f != NULL) { /* cards whose keys stand nowhere else */
        cli_refuse(m->cmd, "%s, and their keys are in %s: keep it, under another name",
                   m->replace ? "the cards were made all the same" : "what is left of them is in the deck",
                   m->record.temporary);
        m->record.temporary[0] = '\0';
    }
    return false;
}

static void report(const struct making *m, const struct request *r, bool random_seed)
{
    bool several = m->made > 1;
    printf("%s: %llu card%s %s, ICCID %s%s%s, IMSI %s%s%s", r->deck, (unsigned long long)m->made,
           several ? "s" : "", r->replace ? "made, anew where there was one" : "added", m->first.iccid,
           several ? " to " : "", several ? m->last.iccid : "", m->first.imsi, several ? " to " : "",
           several ? m->last.imsi : "");
    if (r->keys != NULL)
        printf("; keys recorded in %s", r->keys);
    putchar('\n');
    if (r->keys == NULL && random_seed)
        puts("no --keys and no --seed: what was derived for these cards, nobody but they will ever know");
}

static int add_to(const struct subcommand *cmd, struct request *r, struct cli_card *c, struct card_csv *csv)
{
    struct making m = {.cmd = cmd,
                       .crypto = c->crypto,
                       .profile = c->profile,
                       .deck = c->deck,
                       .live = true,
                       .replace = r->replace,
                       .left = "no card was added"};
    struct csv_error error;
    struct card_source source;
    bool random_seed = r->seed_len == 0;
    if (r->csv != NULL) {
        if (!card_csv_open(csv, cmd, r->csv, &c->profile->p, c->crypto, &error))
            return cli_refuse(cmd, "%s", error.text);
        source = card_csv_source(csv);
    } else {
        if (!numbering_iccid(cmd, &r->numbering, r->iccid) ||
            !numbering_imsi(cmd, &r->numbering, r->imsi, &c->profile->p))
            return EXIT_USAGE;
        source = numbering_source(&r->numbering);
    }
    if (random_seed)
        r->seed_len = MAKING_SEED_DRAWN;
    if (random_seed && !crypto_random(NULL, r->seed, r->seed_len))
        return cli_refuse(cmd, "no random octets from the operating system");
    m.seed = span_of(r->seed, r->seed_len);
    bool good = make(&m, r, &source);
    record_close(&m.record);
    if (!good)
        return EXIT_REFUSED;
    report(&m, r, random_seed);
    return cli_finish(cmd);
}

/* link() would notice, but only after the work. */
static bool keys_absent(const struct subcommand *cmd, const char *path)
{
    struct stat st;
    if (path == NULL || lstat(path, &st) != 0)
        return true;
    cli_refuse(cmd, "--keys: %s exists already", path);
    return false;
}

static int add(const struct subcommand *cmd, struct request *r)
{
    struct cli_card c;
    struct card_csv *csv = calloc(1, sizeof *csv);
    int code = EXIT_REFUSED;
    if (csv == NULL)
        return cli_refuse(cmd, "no memory");
    if (keys_absent(cmd, r->keys) && cli_card_open(cmd, r->deck, "", DECK_POWER, &c, &code)) {
        code = add_to(cmd, r, &c, csv);
        cli_card_close(&c);
    }
    card_csv_close(csv);
    free(csv);
    return code;
}

static bool take_count(void *request)
{
    struct request *r = request;
    r->counted = true;
    return making_take_count(&cmd_add, &r->numbering);
}

static bool take_seed(void *request)
{
    struct request *r = request;
    return making_take_seed(&cmd_add, r->seed, &r->seed_len);
}

static const struct cli_setting settings[] = {
    {"iccid", CLI_TEXT, offsetof(struct request, iccid), NULL},
    {"imsi", CLI_TEXT, offsetof(struct request, imsi), NULL},
    {"count", CLI_TAKEN, 0, take_count},
    {"csv", CLI_TEXT, offsetof(struct request, csv), NULL},
    {"seed", CLI_TAKEN, 0, take_seed},
    {"keys", CLI_TEXT, offsetof(struct request, keys), NULL},
    {"replace", CLI_FLAG, offsetof(struct request, replace), NULL},
    {NULL, CLI_FLAG, 0, NULL},
};

static int run(int argc, char **argv)
{
    const struct subcommand *cmd = &cmd_add;
    struct request r = {.numbering = {.count = 1}};
    int code;
    if (!cli_settings(cmd, argc, argv, settings, &r, NULL, &code))
        return code;
    if (optind + 1 != argc)
        return cli_usage(cmd, optind == argc ? "which deck?" : "one deck at a time");
    if (r.keys != NULL && (r.keys[0] == '\0' || strlen(r.keys) > MAKING_PATH_ROOM - 16))
        return cli_usage(cmd, "--keys: the file name is %s", r.keys[0] == '\0' ? "empty" : "too long");
    if (r.csv != NULL && (r.iccid != NULL || r.imsi != NULL || r.counted))
        return cli_usage(cmd, "--csv: the file says how many cards there are and what their numbers are");
    if (r.csv == NULL && (r.iccid == NULL || r.imsi == NULL))
        return cli_usage(cmd, "which cards? --csv, or --iccid and --imsi");
    r.deck = argv[optind];
    sigset_t before;
    making_hold_signals(&before);
    code = add(cmd, &r);
    making_release_signals(&before);
    crypto_wipe(&r.seed, sizeof r.seed);
    return code;
}

const struct subcommand cmd_add = {
    .name = "add",
    .summary = "make further cards in a deck",
    .help = "Usage: softuicc add DECK --iccid N --imsi N [--count N] [--seed HEX] [--keys FILE] [--replace]\n"
            "       softuicc add DECK --csv CSV [--seed HEX] [--keys FILE] [--replace]\n"
            "Makes cards of the deck's profile.\n\n"
            "  --iccid N    ICCID of the first card: 18 digits, or 19 or 20 with the check digit\n"
            "  --imsi N     IMSI of the first card, 6 to 15 digits\n"
            "  --count N    so many cards; ICCID and IMSI count up (default: 1)\n"
            "  --csv CSV    a card for each row. The first line names the columns, in any order:\n"
            "                 iccid, imsi         always\n"
            "                 ki, opc (or op)     of pair 0; hexadecimal\n"
            "                 kicN, kidN, kikN    the OTA keyset of version N\n"
            "                 pin1, puk1, pin2, puk2, adm1 to adm5 (pin_adm is adm1)\n"
            "                 acc, smsp           the files' contents, hexadecimal\n"
            "                 msisdn              digits, with + if international\n"
            "                 algorithm           milenage, ...; must be the profile's\n"
            "               A field that is empty is derived, or the profile's. Any other column is\n"
            "               an error.\n"
            "  --seed HEX   16 to 64 octets that derived keys come from (default: random)\n"
            "  --keys FILE  the card maker's record: every key of every card that is made; mode 0600,\n"
            "               never overwritten\n"
            "  --replace    make cards anew that are there already: fresh keys, files, counters. All\n"
            "               cards in one step then, which takes memory when there are very many\n"
            "  --help       this text\n\n"
            "When it fails or is interrupted, the deck has the cards it had. When it is killed, or power\n"
            "fails, cards may have been made already: their keys are in FILE.new.\n",
    .run = run,
};
