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

static int run(int argc, char **argv)
{
    enum { CARD = 256 };
    static const struct option options[] = {{"card", required_argument, NULL, CARD}, {NULL, 0, NULL, 0}};
    const struct subcommand *cmd = &cmd_remove;
    char **iccids = calloc((size_t)argc, sizeof *iccids);
    size_t n = 0;
    int opt, code = EXIT_USAGE;
    if (iccids == NULL)
        return cli_refuse(cmd, "no memory");
    bool good = true;
    while (good && (opt = cli_option(cmd, argc, argv, options, &code)) != -1) {
        if (opt == CLI_DONE) {
            free(iccids);
            return code;
        }
        good = cli_iccid(cmd, "--card", optarg);
        for (size_t i = 0; good && i < n; i++)
            if (strcmp(iccids[i], optarg) == 0) {
                cli_usage(cmd, "--card %s twice", optarg);
                good = false;
            }
        iccids[n++] = optarg;
    }
    code = EXIT_USAGE;
    struct cli_card c;
    if (!good)
        ;
    else if (optind + 1 != argc)
        cli_usage(cmd, optind == argc ? "which deck?" : "one deck at a time");
    else if (n == 0)
        cli_usage(cmd, "which card? (--card ICCID)");
    else if (cli_card_open(cmd, argv[optind], "", DECK_POWER, &c, &code)) {
        code = remove_from(cmd, c.deck, argv[optind], iccids, n);
        cli_card_close(&c);
    }
    free(iccids);
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
