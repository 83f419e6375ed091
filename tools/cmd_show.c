/* SPDX-License-Identifier: Apache-2.0
 *
 * softuicc show: what is in a deck, and in a card. The card is opened but never powered up: a change of
 * operator on trial counts power-ups.
 */
#include <inttypes.h>

#include "applets.h"
#include "cli.h"
#include "domains.h"
#include "hex.h"
#include "inspect.h"
#include "state.h"
#include "subscription.h"
#include "tree.h"

enum { LISTED = 20 };

/* ---- printing: people ---- */

static void print_pins(const struct cli_card *c)
{
    struct uicc_pin_info pin;
    printf("\n%-14s %-4s %-9s %-6s %s\n", "PIN", "ref", "state", "tries", "unblocking tries");
    for (unsigned i = 0; uicc_inspect_pin(c->card, i, &pin); i++)
        printf("%-14s %02X   %-9s %-6u %u\n", tree_pin_name(pin.reference), pin.reference, state_of_pin(&pin),
               pin.tries, pin.puk_tries);
}

static void print_pairs(const struct cli_card *c)
{
    struct applet list;
    struct pair_info info;
    if (!subscription_of(c->card, &list))
        return;
    printf("\n%-5s %-8s %-10s %-15s  %-6s  %-3s %-7s %-10s  %s\n", "pair", "state", "algorithm", "IMSI",
           "KCV K", "KVN", "KCV KIc", "OTA CNTR", "SQN");
    for (unsigned i = 0; subscription_info(list, i, &info); i++) {
        struct pair_texts t;
        state_pair_texts(&info, &t);
        printf("%-5u %-8s %-10s %-15s  %-6s  %-3u %-7s %-10s  %" PRIu64 "\n", i, state_of_pair(info.state),
               t.algorithm, t.imsi[0] != '\0' ? t.imsi : "-", t.kcv_k, info.kvn, t.kcv_kic, t.counter,
               info.sqn);
    }
}

static bool print_files(const struct cli_card *c, const char *only)
{
    const struct tree_source source = {&c->profile->p, c->card};
    const struct tree_options options = {.contents = true, .only = only};
    return tree_print_source(stdout, &source, &options);
}

static void print_card(struct cli_card *c)
{
    char iccid[STATE_DIGITS], imsi[16];
    state_iccid(c->card, iccid);
    state_imsi(c->card, imsi);
    printf("profile  %s\nICCID    %s\nIMSI     %s\n", c->profile->p.name, iccid[0] != '\0' ? iccid : "-",
           imsi[0] != '\0' ? imsi : "-");
    print_pins(c);
    print_pairs(c);
    putchar('\n');
    domains_print(stdout, c->card);
    applets_print(stdout, c->card);
    putchar('\n');
    print_files(c, NULL);
}

static int list_cards(const struct subcommand *cmd, struct cli_card *c, const char *path, uint64_t count)
{
    char iccid[DECK_ICCID_MAX + 1];
    uint64_t n = 0;
    int code = EXIT_OK;
    printf("%s: %" PRIu64 " cards of profile %s\n%-20s  %s\n", path, count, c->profile->p.name, "ICCID",
           "IMSI");
    for (bool more = deck_next(c->deck, "", iccid); more && n < LISTED;
         more = deck_after(c->deck, iccid, iccid), n++) {
        char imsi[16];
        if (!cli_card_switch(cmd, path, iccid, c, &code))
            return code;
        state_imsi(c->card, imsi);
        printf("%-20s  %s\n", iccid, imsi[0] != '\0' ? imsi : "-");
    }
    if (deck_trouble(c->deck)[0] != '\0')
        return cli_refuse(cmd, "%s", deck_trouble(c->deck));
    if (count > n)
        printf("and %" PRIu64 " more (--json lists them all; --card ICCID shows one)\n", count - n);
    return cli_finish(cmd);
}

/* ---- printing: scripts ---- */

static void json_head(const struct cli_card *c, const char *path, uint64_t count)
{
    fputs("{\n  \"deck\": ", stdout);
    cli_put_json(stdout, path);
    fputs(",\n  \"profile\": ", stdout);
    cli_put_json(stdout, c->profile->p.name);
    printf(",\n  \"count\": %" PRIu64, count);
}

static void json_digits(const char *name, const char *digits)
{
    printf("\"%s\": ", name);
    if (digits[0] != '\0')
        cli_put_json(stdout, digits);
    else
        fputs("null", stdout);
}

static void json_pins(const struct cli_card *c)
{
    struct uicc_pin_info pin;
    fputs(",\n  \"pins\": [", stdout);
    for (unsigned i = 0; uicc_inspect_pin(c->card, i, &pin); i++) {
        printf("%s\n    {\"reference\": %u, \"name\": ", i > 0 ? "," : "", pin.reference);
        cli_put_json(stdout, tree_pin_name(pin.reference));
        printf(", \"enabled\": %s, \"tries\": %u, \"unblocking_tries\": %u}", pin.enabled ? "true" : "false",
               pin.tries, pin.puk_tries);
    }
    fputs("\n  ]", stdout);
}

static void json_pairs(const struct cli_card *c)
{
    struct applet list;
    struct pair_info info;
    fputs(",\n  \"pairs\": [", stdout);
    bool any = subscription_of(c->card, &list);
    for (unsigned i = 0; any && subscription_info(list, i, &info); i++) {
        struct pair_texts t;
        state_pair_texts(&info, &t);
        printf("%s\n    {\"index\": %u, \"state\": \"%s\", \"algorithm\": \"%s\", ", i > 0 ? "," : "", i,
               state_of_pair(info.state), t.algorithm);
        json_digits("imsi", t.imsi);
        printf(", \"kcv_k\": \"%s\", \"kvn\": %u, \"kcv_kic\": \"%s\", \"ota_counter\": \"%s\", \"sqn\": "
               "%" PRIu64 "}",
               t.kcv_k, info.kvn, t.kcv_kic, t.counter, info.sqn);
    }
    fputs("\n  ]", stdout);
}

static bool json_files(const struct cli_card *c, const char *only)
{
    const struct tree_source source = {&c->profile->p, c->card};
    const struct tree_options options = {.contents = true, .only = only};
    return tree_json_source(stdout, &source, &options);
}

static void json_card(struct cli_card *c, const char *path, uint64_t count)
{
    char iccid[STATE_DIGITS], imsi[16];
    state_iccid(c->card, iccid);
    state_imsi(c->card, imsi);
    json_head(c, path, count);
    fputs(",\n  ", stdout);
    json_digits("iccid", iccid);
    fputs(",\n  ", stdout);
    json_digits("imsi", imsi);
    json_pins(c);
    json_pairs(c);
    fputs(",\n", stdout);
    domains_json(stdout, c->card, "  ");
    fputs(",\n", stdout);
    applets_json(stdout, c->card, "  ");
    fputs(",\n  \"files\": ", stdout);
    json_files(c, NULL);
    fputs("\n}\n", stdout);
}

/* One card after the other: a deck of a million needs no more memory than one of two. */
static int json_cards(const struct subcommand *cmd, struct cli_card *c, const char *path, uint64_t count)
{
    char iccid[DECK_ICCID_MAX + 1];
    const char *comma = "";
    int code = EXIT_OK;
    json_head(c, path, count);
    fputs(",\n  \"cards\": [", stdout);
    for (bool more = deck_next(c->deck, "", iccid); more && !ferror(stdout);
         more = deck_after(c->deck, iccid, iccid)) {
        char imsi[16];
        if (!cli_card_switch(cmd, path, iccid, c, &code))
            return code;
        state_imsi(c->card, imsi);
        printf("%s\n    {", comma);
        json_digits("iccid", iccid);
        fputs(", ", stdout);
        json_digits("imsi", imsi);
        putchar('}');
        comma = ",";
    }
    if (deck_trouble(c->deck)[0] != '\0')
        return cli_refuse(cmd, "%s", deck_trouble(c->deck));
    fputs("\n  ]\n}\n", stdout);
    return cli_finish(cmd);
}

/* The files alone, and of them those that are like `only`. */
static int show_files(const struct subcommand *cmd, const struct cli_card *c, const char *only, bool json)
{
    bool some = json ? json_files(c, only) : print_files(c, only);
    if (json)
        putchar('\n');
    int code = cli_finish(cmd);
    return code == EXIT_OK && !some ? cli_refuse(cmd, "card %s has no file like '%.60s'", c->iccid, only)
                                    : code;
}

static int show(const struct subcommand *cmd, const char *path, const char *iccid, const char *only,
                bool json)
{
    struct cli_card c;
    char first[DECK_ICCID_MAX + 1];
    int code = EXIT_REFUSED;
    if (!cli_card_open(cmd, path, "", DECK_READ, &c, &code))
        return code;
    uint64_t count = deck_count(c.deck);
    if (iccid == NULL && count == 1 && deck_next(c.deck, "", first))
        iccid = first;
    if (iccid == NULL && only != NULL) {
        code = cli_usage(cmd, "--files: %s has %" PRIu64 " cards: which one? (--card)", path, count);
    } else if (iccid == NULL) {
        code = json ? json_cards(cmd, &c, path, count) : list_cards(cmd, &c, path, count);
    } else if (cli_card_switch(cmd, path, iccid, &c, &code)) {
        if (only != NULL) {
            code = show_files(cmd, &c, only, json);
        } else {
            json ? json_card(&c, path, count) : print_card(&c);
            code = cli_finish(cmd);
        }
    }
    cli_card_close(&c);
    return code;
}

struct request {
    const char *iccid, *only;
    bool json;
};

static const struct cli_setting settings[] = {
    {"card", CLI_ICCID, offsetof(struct request, iccid), NULL},
    {"files", CLI_TEXT, offsetof(struct request, only), NULL},
    {"json", CLI_FLAG, offsetof(struct request, json), NULL},
    {NULL, CLI_FLAG, 0, NULL},
};

static int run(int argc, char **argv)
{
    struct request r = {NULL, NULL, false};
    int code;
    if (!cli_settings(&cmd_show, argc, argv, settings, &r, NULL, &code))
        return code;
    if (optind + 1 != argc)
        return cli_usage(&cmd_show, optind == argc ? "which deck?" : "one deck at a time");
    return show(&cmd_show, argv[optind], r.iccid, r.only, r.json);
}

const struct subcommand cmd_show = {
    .name = "show",
    .summary = "show what is in a deck or a card",
    .help =
        "Usage: softuicc show DECK [--card ICCID] [--files PATH] [--json]\n"
        "Shows a card: profile, ICCID, IMSI, PIN states, the list of K/OTA pairs, keysets of\n"
        "security domains, applets and packages, the file tree with the files' contents decoded (or\n"
        "in hexadecimal) and who may read and update them.\n"
        "Of a deck with several cards and no --card: the first 20 cards and how many there are.\n"
        "Never shows keys or PINs. The card is not powered up and nothing in the deck changes.\n\n"
        "  --card ICCID  which card of the deck\n"
        "  --files PATH  only files with this in their path (MF/ADF.USIM/EF.IMSI or 3F00/ADF.USIM/6F07),\n"
        "                in full\n"
        "  --json        for scripts; lists all cards of a deck\n"
        "  --help        this text\n",
    .run = run,
};
