/* SPDX-License-Identifier: Apache-2.0
 *
 * softuicc remove: takes cards out of a deck, for good.
 */
#include <stdlib.h>

#include "cli.h"
#include "making.h"

static int remove_from(const struct subcommand *cmd, struct deck *deck, const char *path, char *const *iccids,
                       size_t n)
{
    struct deck_error error;
    for (size_t i = 0; i < n; i++) {
        const enum deck_has has = making_has_card(cmd, deck, iccids[i]);
        if (has == DECK_UNREAD)
            return EXIT_REFUSED;
        if (has == DECK_HAS_NOT)
            return cli_refuse(cmd, "%s has no card %s; nothing was removed", path, iccids[i]);
    }
    /* all in one step */
    bool good = deck_batch_begin(deck, &error);
    for (size_t i = 0; good && i < n; i++)
        good = deck_remove_card(deck, iccids[i], &error);
    if (!good || !deck_batch_end(deck, &error))
        return cli_refuse(cmd, "%s", error.text);
    printf("%s: %zu card%s removed, %llu left\n", path, n, n == 1 ? "" : "s",
           (unsigned long long)deck_count(deck));
    return cli_finish(cmd);
}

struct request {
    char **iccids;
    size_t n;
};

static bool take_card(void *request)
{
    struct request *r = request;
    if (!cli_iccid(&cmd_remove, "--card", optarg))
        return false;
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->iccids[i], optarg) == 0) {
            cli_usage(&cmd_remove, "--card %s twice", optarg);
            return false;
        }
    r->iccids[r->n++] = optarg;
    return true;
}

static const struct cli_setting settings[] = {
    {"card", CLI_TAKEN, 0, take_card},
    {NULL, CLI_FLAG, 0, NULL},
};

static int run(int argc, char **argv)
{
    const struct subcommand *cmd = &cmd_remove;
    struct request r = {.iccids = calloc((size_t)argc, sizeof *r.iccids)};
    struct cli_card c;
    int code;
    if (r.iccids == NULL)
        return cli_refuse(cmd, "no memory");
    if (!cli_settings(cmd, argc, argv, settings, &r, NULL, &code))
        ;
    else if (optind + 1 != argc)
        code = cli_usage(cmd, optind == argc ? "which deck?" : "one deck at a time");
    else if (r.n == 0)
        code = cli_usage(cmd, "which card? (--card ICCID)");
    else if (cli_card_open(cmd, argv[optind], "", DECK_POWER, &c, &code)) {
        code = remove_from(cmd, c.deck, argv[optind], r.iccids, r.n);
        cli_card_close(&c);
    }
    free(r.iccids);
    return code;
}

const struct subcommand cmd_remove = {
    .name = "remove",
    .summary = "take cards out of a deck",
    .help = "Usage: softuicc remove DECK --card ICCID [--card ICCID]...\n"
            "Removes cards with all they have: keys, files, counters. That cannot be undone, but for the\n"
            "card maker's record (softuicc new --keys).\n\n"
            "  --card ICCID  which card; several of them go in one step, all or none\n"
            "  --help        this text\n",
    .run = run,
};
