/* SPDX-License-Identifier: Apache-2.0
 *
 * softuicc applet: what applets a card has, and others on it or off it, without a terminal and without keys:
 * for those who hold the deck.
 */
#include <string.h>

#include "applets.h"
#include "cli.h"
#include "hex.h"

enum { PARAMETERS_MAX = 255 };

struct request {
    const struct subcommand *cmd;
    const char *deck, *iccid, *what, *aid_text, *domain_text;
    uint8_t aid[PROFILE_AID_MAX], domain[PROFILE_AID_MAX], params[PARAMETERS_MAX], system[PARAMETERS_MAX],
        uicc[PARAMETERS_MAX];
    size_t aid_len, domain_len, n_params, n_system, n_uicc;
    bool json, not_selectable;
};

static int list(const struct request *r, const struct cli_card *c)
{
    if (r->json) {
        fputs("{\n", stdout);
        applets_json(stdout, c->card, "  ");
        fputs("\n}\n", stdout);
    } else {
        applets_print(stdout, c->card);
    }
    return cli_finish(r->cmd);
}

static int no_class(const struct request *r, const struct applet_class *const *classes)
{
    char names[512] = "";
    for (size_t i = 0; classes[i] != NULL; i++) {
        size_t at = strlen(names);
        if (classes[i]->installable)
            (void)snprintf(names + at, sizeof names - at, "%s%s", at > 0 ? ", " : "", classes[i]->name);
    }
    return cli_refuse(r->cmd, "no class '%.60s' that can be installed; there %s%s", r->what,
                      names[0] == '\0' ? "is none: name a shared object in the profile (\"so\")" : "are ",
                      names);
}

static int install(const struct request *r, const struct cli_card *c)
{
    const struct applet_class *const *classes = cli_classes(r->cmd, &c->profile->p, NULL), *class = NULL;
    for (size_t i = 0; classes != NULL && classes[i] != NULL; i++)
        if (classes[i]->installable && classes[i]->package != NULL && strcmp(classes[i]->name, r->what) == 0)
            class = classes[i];
    if (class == NULL)
        return classes == NULL ? EXIT_REFUSED : no_class(r, classes);
    struct applet_installation how = {
        .domain = applet_issuer_domain(c->card),
        .owner = NO_OWNER,
        .package = span_of(class->package->aid, class->package->aid_len),
        .module = span_of(class->module, class->module_len),
        .aid = span_of(r->aid, r->aid_len),
        .parameters = span_of(r->params, r->n_params),
        .system = span_of(r->system, r->n_system),
        .uicc = span_of(r->uicc, r->n_uicc),
        .selectable = !r->not_selectable,
    };
    if (r->domain_text != NULL) {
        how.domain = applet_by_aid(c->card, span_of(r->domain, r->domain_len));
        if (how.domain == NO_APPLET || !applet_class_of(c->card, how.domain)->security_domain)
            return cli_refuse(r->cmd, "--domain: the card has no security domain %s", r->domain_text);
        how.owner = applet_owner(c->card, how.domain);
    }
    memcpy(how.privileges, class->privileges, sizeof how.privileges);
    if (applet_by_aid(c->card, how.aid) != NO_APPLET)
        return cli_refuse(r->cmd, "--aid: the card has an applet %s already", r->aid_text);
    uint8_t index;
    sw_t sw = registry_install(c->card, &how, &index);
    if (sw != SW_OK)
        return cli_refuse(r->cmd, "%s was not installed: %04X, %s", r->what, sw, sw_text(sw));
    printf("card %s: applet %u, %s, installed%s\n", c->iccid, index, r->what,
           r->not_selectable ? "" : " and selectable");
    return cli_finish(r->cmd);
}

static int delete_applet(const struct request *r, const struct cli_card *c)
{
    uint8_t index = applet_by_aid(c->card, span_of(r->aid, r->aid_len));
    if (index == NO_APPLET)
        return cli_refuse(r->cmd, "the card has no applet %s", r->aid_text);
    if (index < card_profile_applets(c->card))
        return cli_refuse(r->cmd, "%s is of the profile: it stays as long as the card", r->aid_text);
    sw_t sw = registry_delete(c->card, index);
    if (sw != SW_OK)
        return cli_refuse(r->cmd, "%s was not deleted: %04X, %s", r->aid_text, sw, sw_text(sw));
    printf("card %s: applet %s is deleted\n", c->iccid, r->aid_text);
    return cli_finish(r->cmd);
}

static const struct {
    const char *name;
    bool class, aid; /* needs: a class after the deck, --aid or an AID after the deck */
    int (*run)(const struct request *r, const struct cli_card *c);
} actions[] = {
    {"list", false, false, list}, {"install", true, true, install}, {"delete", false, true, delete_applet}};

static bool take_aid(void *request)
{
    struct request *r = request;
    r->aid_text = optarg;
    return cli_hex(r->cmd, "--aid", optarg, 5, PROFILE_AID_MAX, r->aid, &r->aid_len);
}

static bool take_params(void *request)
{
    struct request *r = request;
    return cli_hex(r->cmd, "--params", optarg, 0, PARAMETERS_MAX, r->params, &r->n_params);
}

static bool take_system(void *request)
{
    struct request *r = request;
    return cli_hex(r->cmd, "--system", optarg, 0, PARAMETERS_MAX, r->system, &r->n_system);
}

static bool take_uicc(void *request)
{
    struct request *r = request;
    return cli_hex(r->cmd, "--uicc", optarg, 0, PARAMETERS_MAX, r->uicc, &r->n_uicc);
}

static bool take_domain(void *request)
{
    struct request *r = request;
    r->domain_text = optarg;
    return cli_hex(r->cmd, "--domain", optarg, 5, PROFILE_AID_MAX, r->domain, &r->domain_len);
}

static const struct cli_setting settings[] = {
    {"card", CLI_ICCID, offsetof(struct request, iccid), NULL},
    {"aid", CLI_TAKEN, 0, take_aid},
    {"params", CLI_TAKEN, 0, take_params},
    {"system", CLI_TAKEN, 0, take_system},
    {"uicc", CLI_TAKEN, 0, take_uicc},
    {"domain", CLI_TAKEN, 0, take_domain},
    {"not-selectable", CLI_FLAG, offsetof(struct request, not_selectable), NULL},
    {"json", CLI_FLAG, offsetof(struct request, json), NULL},
    {NULL, CLI_FLAG, 0, NULL},
};

static int run(int argc, char **argv)
{
    struct request r = {.cmd = &cmd_applet};
    struct cli_card c;
    size_t action = 0, n_actions = sizeof actions / sizeof actions[0];
    int code;
    if (!cli_settings(r.cmd, argc, argv, settings, &r, NULL, &code))
        return code;
    while (optind < argc && action < n_actions && strcmp(argv[optind], actions[action].name) != 0)
        action++;
    if (optind == argc || action == n_actions)
        return cli_usage(r.cmd, "list, install or delete?");
    int words = argc - optind - 1;
    if (words < 1)
        return cli_usage(r.cmd, "which deck?");
    r.deck = argv[optind + 1];
    r.what = words > 1 ? argv[optind + 2] : NULL;
    if (words > 1 && actions[action].aid && !actions[action].class && r.aid_text == NULL) {
        r.aid_text = r.what; /* delete DECK AID */
        if (!cli_hex(r.cmd, "the AID", r.aid_text, 5, PROFILE_AID_MAX, r.aid, &r.aid_len))
            return EXIT_USAGE;
    }
    if (words > 2 || (words > 1 && !actions[action].aid))
        return cli_usage(r.cmd, "unexpected argument '%.60s'", argv[argc - 1]);
    if (actions[action].class && r.what == NULL)
        return cli_usage(r.cmd, "install what? The name of a class, as profiles have it");
    if (actions[action].aid && r.aid_text == NULL)
        return cli_usage(r.cmd, actions[action].class ? "--aid: which AID is it to have?"
                                                      : "which applet? Its AID, in hex");
    if (!cli_card_open(r.cmd, r.deck, r.iccid, DECK_POWER, &c, &code))
        return code;
    code = actions[action].run(&r, &c);
    cli_card_close(&c);
    return code;
}

const struct subcommand cmd_applet = {
    .name = "applet",
    .summary = "list the applets of a card, install and delete them",
    .help =
        "Usage: softuicc applet list DECK [--card ICCID] [--json]\n"
        "       softuicc applet install DECK CLASS --aid HEX [--params HEX] [--uicc HEX] [--system HEX]\n"
        "                               [--domain AID] [--not-selectable] [--card ICCID]\n"
        "       softuicc applet delete DECK AID [--card ICCID]\n"
        "Applets and packages of a card that is in no reader; what a security domain does with its keys, done by\n"
        "who holds the deck. The code of a class is the program's, or of a shared object that the profile names\n"
        "(\"so\"; with \"instance: no\" for one that is only to be installed from).\n\n"
        "  --card ICCID      which card of the deck, if it has more than one\n"
        "  --aid HEX         of the new applet\n"
        "  --params HEX      application specific parameters: the value of C9 (GlobalPlatform 11.5.2.3.7)\n"
        "  --uicc HEX        UICC system specific parameters: the value of EA: toolkit (80), access domains (81, 82)\n"
        "                    (ETSI TS 102 226 8.2.1.3.2.2)\n"
        "  --system HEX      system specific parameters: the value of EF: memory (C8, D8)\n"
        "  --domain AID      the security domain it belongs to (default: the issuer's)\n"
        "  --not-selectable  INSTALL [for install] only\n"
        "  --json            for scripts\n"
        "  --help            this text\n",
    .run = run,
};
