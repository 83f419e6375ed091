/* SPDX-License-Identifier: Apache-2.0
 *
 * softuicc rehearse: changes of operator on many cards, with everything going wrong; and what came of it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "crypto.h"
#include "profile_yaml.h"
#include "rehearse.h"
#include "rehearse_report.h"

static int run(int argc, char **argv);

const struct subcommand cmd_rehearse = {
    .name = "rehearse",
    .summary = "play changes of operator on many cards, with messages lost and power cut",
    .help =
        "Usage: softuicc rehearse [--cards N] [--operators N] [--loss P] [--duplicate P] [--reorder P]\n"
        "         [--corrupt P] [--cuts P] [--unattached P] [--seed HEX] [--profile NAME] [--json] [--report "
        "FILE]\n"
        "Plays 3GPP TR 33.812 alternative 3b between the card maker and operators A, B, C on cards in "
        "process.\n"
        "Each party holds only what it is entitled to. At the end every card is asked for an "
        "authentication.\n\n"
        "  --cards N         how many cards (100)\n"
        "  --operators N     how many operators, each handing over to the next (3; 2 to 8)\n"
        "  --loss P          messages and challenges lost, 0 to 1 (0.1)\n"
        "  --duplicate P     messages that come twice (0.05)\n"
        "  --reorder P       messages that another overtakes (0.05)\n"
        "  --corrupt P       messages with a bit changed (0.02)\n"
        "  --cuts P          commands during which power may fail at a random write (0.02)\n"
        "  --unattached P    steps of time in which a device is off or out of reach (0.2)\n"
        "  --seed HEX        16 octets; the same seed gives the same outcome (zeros)\n"
        "  --profile NAME    profile of the cards (usim)\n"
        "  --json            the outcome as JSON\n"
        "  --report FILE     a page (HTML, self-contained) with plots\n\n"
        "Exit code 1 if a card is left without a working subscription, or a key reached the wrong party.\n",
    .run = run,
};

enum {
    OPT_CARDS = 1,
    OPT_OPERATORS,
    OPT_LOSS,
    OPT_DUPLICATE,
    OPT_REORDER,
    OPT_CORRUPT,
    OPT_CUTS,
    OPT_UNATTACHED,
    OPT_SEED,
    OPT_PROFILE,
    OPT_JSON,
    OPT_REPORT
};

static const struct option options[] = {
    {"cards", required_argument, NULL, OPT_CARDS},
    {"operators", required_argument, NULL, OPT_OPERATORS},
    {"loss", required_argument, NULL, OPT_LOSS},
    {"duplicate", required_argument, NULL, OPT_DUPLICATE},
    {"reorder", required_argument, NULL, OPT_REORDER},
    {"corrupt", required_argument, NULL, OPT_CORRUPT},
    {"cuts", required_argument, NULL, OPT_CUTS},
    {"unattached", required_argument, NULL, OPT_UNATTACHED},
    {"seed", required_argument, NULL, OPT_SEED},
    {"profile", required_argument, NULL, OPT_PROFILE},
    {"json", no_argument, NULL, OPT_JSON},
    {"report", required_argument, NULL, OPT_REPORT},
    {NULL, 0, NULL, 0},
};

static bool probability(const char *what, const char *text, double *to)
{
    char *end;
    *to = strtod(text, &end);
    if (end != text && *end == '\0' && *to >= 0 && *to <= 1)
        return true;
    (void)cli_usage(&cmd_rehearse, "%s: '%.40s' is no probability (0 to 1)", what, text);
    return false;
}

struct request {
    struct rehearse_plan plan;
    uint64_t cards;
    const char *profile, *report;
    bool json;
};

static bool parse_one(int option, struct request *r)
{
    uint64_t n;
    size_t len;
    double *const to[] = {&r->plan.loss,    &r->plan.duplicate, &r->plan.reorder,
                          &r->plan.corrupt, &r->plan.cuts,      &r->plan.unattached};
    switch (option) {
    case OPT_CARDS:
        return cli_number(&cmd_rehearse, "--cards", optarg, 1, 100000000, &r->cards);
    case OPT_OPERATORS:
        if (!cli_number(&cmd_rehearse, "--operators", optarg, 2, REHEARSE_OPERATORS_MAX, &n))
            return false;
        r->plan.operators = (unsigned)n;
        return true;
    case OPT_SEED:
        return cli_hex(&cmd_rehearse, "--seed", optarg, sizeof r->plan.seed, sizeof r->plan.seed,
                       r->plan.seed, &len);
    case OPT_PROFILE:
        r->profile = optarg;
        return true;
    case OPT_JSON:
        r->json = true;
        return true;
    case OPT_REPORT:
        r->report = optarg;
        return true;
    default:
        return probability(options[option - 1].name, optarg, to[option - OPT_LOSS]);
    }
}

static int play(const struct request *r, struct rehearse_outcome *out)
{
    bool progress = isatty(STDERR_FILENO) == 1;
    for (uint64_t i = 0; i < r->cards; i++) {
        if (!rehearse_card(&r->plan, i, out))
            return cli_refuse(&cmd_rehearse, "card %llu could not be made", (unsigned long long)i);
        if (progress && (i % 100 == 99 || i + 1 == r->cards))
            fprintf(stderr,
                    "\r%llu of %llu cards: %lu changed, %lu rolled back, %lu unreachable, %lu without a "
                    "subscription",
                    (unsigned long long)i + 1, (unsigned long long)r->cards, out->changed, out->rolled_back,
                    out->unreachable, out->stranded);
    }
    if (progress)
        fputc('\n', stderr);
    return EXIT_OK;
}

static int show(const struct request *r, const struct rehearse_outcome *out)
{
    if (r->report != NULL) {
        FILE *f = fopen(r->report, "w");
        if (f == NULL)
            return cli_refuse(&cmd_rehearse, "%s: %s", r->report, strerror(errno));
        rehearse_html(f, &r->plan, out);
        bool bad = ferror(f) != 0;
        if (fclose(f) != 0 || bad)
            return cli_refuse(&cmd_rehearse, "%s: %s", r->report, strerror(errno));
    }
    if (r->json)
        rehearse_json(stdout, &r->plan, out);
    else
        rehearse_text(stdout, out);
    return cli_finish(&cmd_rehearse);
}

static int run(int argc, char **argv)
{
    struct request r = {.plan = {.operators = 3,
                                 .loss = 0.1,
                                 .duplicate = 0.05,
                                 .reorder = 0.05,
                                 .corrupt = 0.02,
                                 .cuts = 0.02,
                                 .unattached = 0.2},
                        .cards = 100,
                        .profile = "usim"};
    struct rehearse_outcome out = {0};
    struct profile_error error;
    int option, code = EXIT_OK;
    while ((option = cli_option(&cmd_rehearse, argc, argv, options, &code)) != -1) {
        if (option == CLI_DONE)
            return code;
        if (!parse_one(option, &r))
            return EXIT_USAGE;
    }
    if (optind < argc)
        return cli_usage(&cmd_rehearse, "unexpected argument '%.40s'", argv[optind]);
    struct uicc_profile *profile = profile_load(r.profile, &error);
    if (profile == NULL)
        return cli_refuse(&cmd_rehearse, "%s", error.text);
    r.plan.profile = profile;
    r.plan.classes = cli_classes(&cmd_rehearse, &profile->p, NULL);
    if (r.plan.classes == NULL) {
        profile_free(profile);
        return EXIT_REFUSED;
    }
    r.plan.crypto = crypto_new();
    if (r.plan.crypto == NULL)
        code = cli_refuse(&cmd_rehearse, "no memory");
    else if (profile->p.n_pairs < r.plan.operators)
        code = cli_usage(&cmd_rehearse, "profile %s has %u pairs: not enough for %u operators", r.profile,
                         profile->p.n_pairs, r.plan.operators);
    else
        code = play(&r, &out);
    if (code == EXIT_OK)
        code = show(&r, &out);
    if (code == EXIT_OK && (out.stranded > 0 || out.revealed_wrongly > 0))
        code = EXIT_REFUSED;
    if (r.plan.crypto != NULL)
        crypto_free(r.plan.crypto);
    profile_free(profile);
    return code;
}
