/* SPDX-License-Identifier: Apache-2.0
 *
 * softuicc rehearse: changes of operator on many cards, with everything going wrong; and what came of it.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cms.h"
#include "making.h"
#include "profile_yaml.h"
#include "rehearse.h"
#include "rehearse_report.h"
#include "scratch.h"

static int run(int argc, char **argv);

const struct subcommand cmd_rehearse = {
    .name = "rehearse",
    .summary = "play changes of operator on many cards, with messages lost and power cut",
    .help =
        "Usage: softuicc rehearse [DECK] [--cards N] [--operators N] [--loss P] [--duplicate P] [--reorder P]\n"
        "         [--corrupt P] [--cuts P] [--unattached P] [--seed HEX] [--profile NAME|FILE] [--threads N]\n"
        "         [--json] [--report FILE]\n"
        "Plays 3GPP TR 33.812 alternative 3b between the card maker and operators A, B, C on the cards of a\n"
        "deck, in process. Each party holds only what it is entitled to. At the end every card is taken from\n"
        "the deck once more and asked for an authentication by those who hold a pair of it.\n\n"
        "  DECK              the deck to play on. One that is there is changed for good, and --seed must be what\n"
        "                    it was made with; one that is not there is made and stays; without DECK one is\n"
        "                    made below $TMPDIR, or /tmp, and removed\n"
        "  --cards N         how many cards to make (100), or to play of a deck that is there (all)\n"
        "  --operators N     how many operators, each handing over to the next (3; 2 to 8)\n"
        "  --loss P          messages and challenges lost, 0 to 1 (0.1)\n"
        "  --duplicate P     messages that come twice (0.05)\n"
        "  --reorder P       messages that another overtakes (0.05)\n"
        "  --corrupt P       messages with a bit changed (0.02)\n"
        "  --cuts P          commands during which power may fail at a random write (0.02)\n"
        "  --unattached P    steps of time in which a device is off or out of reach (0.2)\n"
        "  --seed HEX        16 to 64 octets; the same seed gives the same outcome (16 zeros)\n"
        "  --profile NAME|FILE  profile of the cards that are made (usim)\n"
        "  --threads N       cards that are played at a time (the machine's processors)\n"
        "  --json            the outcome as JSON\n"
        "  --report FILE     a page (HTML, self-contained) with plots\n"
        "  --help            this text\n\n"
        "Exit code 1 if a card is left without a working subscription, or answers an operator that it is not\n"
        "with, or a key reached the wrong party.\n",
    .run = run,
};

struct request {
    struct rehearse_plan plan;
    uint64_t cards; /* 0: not said */
    uint64_t threads;
    const char *deck, *profile, *report;
    bool json;
};

static bool probability(const char *what, double *to)
{
    char *end;
    *to = strtod(optarg, &end);
    if (end != optarg && *end == '\0' && *to >= 0 && *to <= 1)
        return true;
    (void)cli_usage(&cmd_rehearse, "--%s: '%.40s' is no probability (0 to 1)", what, optarg);
    return false;
}

static bool take_loss(void *p)
{
    return probability("loss", p);
}

static bool take_duplicate(void *p)
{
    return probability("duplicate", p);
}

static bool take_reorder(void *p)
{
    return probability("reorder", p);
}

static bool take_corrupt(void *p)
{
    return probability("corrupt", p);
}

static bool take_cuts(void *p)
{
    return probability("cuts", p);
}

static bool take_unattached(void *p)
{
    return probability("unattached", p);
}

static bool take_cards(void *request)
{
    struct request *r = request;
    return cli_number(&cmd_rehearse, "--cards", optarg, 1, 100000000, &r->cards);
}

static bool take_operators(void *request)
{
    struct request *r = request;
    return cli_unsigned(&cmd_rehearse, "--operators", optarg, 2, REHEARSE_OPERATORS_MAX, &r->plan.operators);
}

static bool take_seed(void *request)
{
    struct rehearse_plan *p = &((struct request *)request)->plan;
    return cli_hex(&cmd_rehearse, "--seed", optarg, MAKING_SEED_MIN, sizeof p->seed, p->seed, &p->seed_len);
}

static bool take_threads(void *request)
{
    struct request *r = request;
    return cli_number(&cmd_rehearse, "--threads", optarg, 1, 64, &r->threads);
}

static const struct cli_setting settings[] = {
    {"cards", CLI_TAKEN, 0, take_cards},
    {"operators", CLI_TAKEN, 0, take_operators},
    {"loss", CLI_TAKEN, offsetof(struct request, plan.loss), take_loss},
    {"duplicate", CLI_TAKEN, offsetof(struct request, plan.duplicate), take_duplicate},
    {"reorder", CLI_TAKEN, offsetof(struct request, plan.reorder), take_reorder},
    {"corrupt", CLI_TAKEN, offsetof(struct request, plan.corrupt), take_corrupt},
    {"cuts", CLI_TAKEN, offsetof(struct request, plan.cuts), take_cuts},
    {"unattached", CLI_TAKEN, offsetof(struct request, plan.unattached), take_unattached},
    {"seed", CLI_TAKEN, 0, take_seed},
    {"profile", CLI_TEXT, offsetof(struct request, profile), NULL},
    {"threads", CLI_TAKEN, 0, take_threads},
    {"json", CLI_FLAG, offsetof(struct request, json), NULL},
    {"report", CLI_TEXT, offsetof(struct request, report), NULL},
    {NULL, CLI_FLAG, 0, NULL},
};

/* ---- the deck ---- */

struct stage {
    const struct request *request;
    struct rehearse_plan plan;
    struct rehearse_outcome outcome;
    struct rehearse_run run;
    struct uicc_crypto *crypto; /* the deck's */
    char path[MAKING_PATH_ROOM];
    bool show; /* progress, on a terminal */
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The card maker's part: cards that count up, from the seed. */
static int make_deck(struct stage *st)
{
    const struct subcommand *cmd = &cmd_rehearse;
    const struct request *r = st->request;
    struct profile_error profile_error;
    struct deck_error error;
    struct numbering numbers = {.count = r->cards != 0 ? r->cards : 100};
    struct making m = {.cmd = cmd,
                       .crypto = st->crypto,
                       .seed = span_of(r->plan.seed, r->plan.seed_len),
                       .left = "no deck was made"};
    uint8_t *bytes = NULL;
    size_t n = 0;
    struct uicc_profile *profile = profile_load(r->profile != NULL ? r->profile : "usim", &profile_error);
    if (profile == NULL)
        return cli_refuse(cmd, "%s", profile_error.text);
    m.profile = profile;
    int code = EXIT_REFUSED;
    /* Operator A's numbers; those of the others are rehearse.c's. */
    if (numbering_iccid(cmd, &numbers, "898821100000000000") &&
        numbering_imsi(cmd, &numbers, "001010000000000", &profile->p) &&
        profile_encode(&profile->p, &bytes, &n)) {
        const struct card_source source = numbering_source(&numbers);
        m.deck = deck_create(st->path, span_of(bytes, n), st->crypto, &error);
        if (m.deck == NULL)
            (void)cli_refuse(cmd, "%s", error.text);
        else if (making_cards(&m, &source))
            code = deck_publish(m.deck, &error) ? EXIT_OK : cli_refuse(cmd, "%s", error.text);
        if (m.deck != NULL)
            deck_close(m.deck);
    }
    if (bytes != NULL)
        crypto_wipe(bytes, n);
    free(bytes);
    profile_free(profile);
    return code;
}

/* ---- playing ---- */

static bool tick(void *ctx, const struct rehearse_outcome *o)
{
    const struct stage *st = ctx;
    sigset_t pending;
    if (st->show)
        fprintf(
            stderr,
            "\r%lu of %llu cards: %lu changed, %lu rolled back, %lu unreachable, %lu without a subscription ",
            o->cards, (unsigned long long)st->request->cards, o->changed, o->rolled_back, o->unreachable,
            o->stranded);
    return sigpending(&pending) != 0 ||
           (sigismember(&pending, SIGINT) != 1 && sigismember(&pending, SIGTERM) != 1 &&
            sigismember(&pending, SIGHUP) != 1);
}

static int play(struct stage *st)
{
    const struct subcommand *cmd = &cmd_rehearse;
    const struct rehearse_watch watch = {tick, st};
    char failed[DECK_ICCID_MAX + 1];
    enum rehearse_result result =
        rehearse_all(&st->plan, (unsigned long)st->request->cards, (unsigned)st->request->threads, &watch,
                     &st->outcome, &st->run, failed);
    bool whole = tick(st, &st->outcome);
    const char *trouble = deck_trouble(st->plan.deck);
    if (st->show)
        fputc('\n', stderr);
    if (result == REHEARSE_WRONG_KEY)
        return cli_refuse(cmd, "card %s: its keys are not what --seed gives", failed);
    if (result == REHEARSE_NOT_SERVED)
        return cli_refuse(cmd,
                          "card %s does not authenticate with its first pair: it has changed operator already, or has no USIM that any terminal may "
                          "use",
                          failed);
    if (result != REHEARSE_PLAYED && failed[0] == '\0')
        return cli_refuse(cmd, "no thread, or no memory");
    if (result != REHEARSE_PLAYED)
        return cli_refuse(cmd, "card %s could not be %s%s%s", failed,
                          result == REHEARSE_NOT_STORED ? "stored" : "opened", trouble[0] != '\0' ? ": " : "",
                          trouble);
    if (trouble[0] != '\0')
        return cli_refuse(cmd, "%s", trouble);
    if (!whole)
        return cli_refuse(cmd, "interrupted after %lu cards", st->outcome.cards);
    return EXIT_OK;
}

/* Before hours are spent on it: can the report be written, and is there nothing else in its
 * place? An older report may go. */
static bool may_report(const char *path)
{
    struct cms_error error;
    struct stat st;
    if (stat(path, &st) != 0)
        return cms_can_write(path, &error) || (cli_refuse(&cmd_rehearse, "--report: %s", error.text), false);
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return true; /* a pipe, a terminal */
    char head[sizeof REHEARSE_HTML_HEAD] = "";
    FILE *f = fopen(path, "r+e");
    if (f == NULL) {
        cli_refuse(&cmd_rehearse, "--report: %s: %s", path, strerror(errno));
        return false;
    }
    bool ours =
        fread(head, 1, sizeof head - 1, f) == sizeof head - 1 && strcmp(head, REHEARSE_HTML_HEAD) == 0;
    fclose(f);
    if (!ours)
        cli_refuse(&cmd_rehearse, "--report: %s exists already, and is no report of a rehearsal", path);
    return ours;
}

static int report(const struct stage *st, const char *path)
{
    /* what is there now came meanwhile: the deck under another of its names, perhaps */
    if (!may_report(path))
        return EXIT_REFUSED;
    FILE *f = fopen(path, "we");
    if (f == NULL)
        return cli_refuse(&cmd_rehearse, "%s: %s", path, strerror(errno));
    rehearse_html(f, &st->plan, &st->outcome, &st->run);
    bool bad = ferror(f) != 0;
    if (fclose(f) != 0 || bad)
        return cli_refuse(&cmd_rehearse, "%s: %s", path, strerror(errno));
    return EXIT_OK;
}

static int show(const struct stage *st)
{
    const struct request *r = st->request;
    if (r->json)
        rehearse_json(stdout, &st->plan, &st->outcome, &st->run);
    else
        rehearse_text(stdout, &st->outcome, &st->run);
    int code = cli_finish(&cmd_rehearse);
    int reported = r->report != NULL ? report(st, r->report) : EXIT_OK;
    return code != EXIT_OK ? code : reported;
}

/* With the deck open. What a change writes is with the operating system now and then: a rehearsal that is
 * killed is played again, on another deck. */
static int on_deck(struct stage *st, struct request *r)
{
    const struct subcommand *cmd = &cmd_rehearse;
    struct deck_error error;
    int code;
    st->plan.deck = deck_open(st->path, DECK_NONE, st->crypto, &error);
    if (st->plan.deck == NULL)
        return cli_refuse(cmd, "%s", error.text);
    struct uicc_profile *profile = profile_decode(deck_profile(st->plan.deck));
    uint64_t there = deck_count(st->plan.deck);
    if (r->cards == 0 || r->cards > there)
        r->cards = there;
    st->plan.profile = profile;
    if (profile == NULL)
        code = cli_refuse(cmd, "%s: its profile cannot be read", st->path);
    else if (profile->p.n_pairs < st->plan.operators)
        code = cli_usage(cmd, "profile %s has %u pairs: not enough for %u operators", profile->p.name,
                         profile->p.n_pairs, st->plan.operators);
    else if ((st->plan.classes = cli_classes(cmd, &profile->p, NULL)) == NULL)
        code = EXIT_REFUSED;
    else
        code = play(st);
    if (code == EXIT_OK)
        code = show(st);
    if (profile != NULL)
        profile_free(profile);
    deck_close(st->plan.deck);
    const struct rehearse_outcome *o = &st->outcome;
    return code == EXIT_OK && (o->stranded > 0 || o->revealed_wrongly > 0 || o->served_wrongly > 0)
               ? EXIT_REFUSED
               : code;
}

/* What is made first would be written over at last. */
static bool report_is_deck(const struct request *r)
{
    static const char *const ours[] = {"", ".key"};
    for (size_t i = 0; r->deck != NULL && r->report != NULL && i < sizeof ours / sizeof ours[0]; i++) {
        char name[MAKING_PATH_ROOM];
        snprintf(name, sizeof name, "%s%s", r->deck, ours[i]);
        if (strcmp(name, r->report) != 0)
            continue;
        cli_usage(&cmd_rehearse, "--report: %s is what a file of the deck is called; choose another name",
                  name);
        return true;
    }
    return false;
}

static int rehearse(struct request *r)
{
    const struct subcommand *cmd = &cmd_rehearse;
    struct stage st = {.request = r, .plan = r->plan, .show = isatty(STDERR_FILENO) == 1};
    struct scratch scratch = {.dir = ""};
    int code = EXIT_OK;
    if (r->report != NULL && !may_report(r->report))
        return EXIT_REFUSED;
    if (report_is_deck(r))
        return EXIT_USAGE;
    if (r->deck == NULL && !scratch_make(cmd, &scratch))
        return EXIT_REFUSED;
    if (r->deck == NULL)
        snprintf(st.path, sizeof st.path, "%s/deck.uicc", scratch.dir);
    else
        snprintf(st.path, sizeof st.path, "%s", r->deck);
    bool there = access(st.path, F_OK) == 0;
    st.crypto = crypto_new();
    if (st.crypto == NULL)
        code = cli_refuse(cmd, "out of memory");
    else if (there && r->profile != NULL)
        code = cli_usage(cmd, "--profile: %s is there and has its own", st.path);
    else if (!there) {
        double start = now();
        code = make_deck(&st);
        st.run.making_seconds = now() - start;
    }
    if (code == EXIT_OK)
        code = on_deck(&st, r);
    if (st.crypto != NULL)
        crypto_free(st.crypto);
    scratch_remove(&scratch);
    return code;
}

static int run(int argc, char **argv)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct request r = {.plan = {.operators = 3,
                                 .loss = 0.1,
                                 .duplicate = 0.05,
                                 .reorder = 0.05,
                                 .corrupt = 0.02,
                                 .cuts = 0.02,
                                 .unattached = 0.2,
                                 .seed_len = MAKING_SEED_MIN},
                        .threads = processors < 1    ? 1
                                   : processors > 64 ? 64
                                                     : (uint64_t)processors};
    int code;
    if (!cli_settings(&cmd_rehearse, argc, argv, settings, &r, NULL, &code))
        return code;
    if (optind + 1 < argc)
        return cli_usage(&cmd_rehearse, "one deck only, not also '%.40s'", argv[optind + 1]);
    if (optind < argc)
        r.deck = argv[optind];
    if (r.deck != NULL && (r.deck[0] == '\0' || strlen(r.deck) > MAKING_PATH_ROOM - 16))
        return cli_usage(&cmd_rehearse, "the name of the deck is %s",
                         r.deck[0] == '\0' ? "empty" : "too long");
    sigset_t before;
    making_hold_signals(&before);
    code = rehearse(&r);
    making_release_signals(&before);
    crypto_wipe(&r.plan, sizeof r.plan);
    return code;
}
