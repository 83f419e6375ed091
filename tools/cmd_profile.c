/* SPDX-License-Identifier: Apache-2.0
 *
 * softuicc profile: looks at profiles without making cards.
 */
#include "cli.h"
#include "package.h"
#include "profile_yaml.h"
#include "tree.h"

static int list(const struct subcommand *cmd)
{
    for (const char *const *name = profile_builtin_names; *name != NULL; name++)
        puts(*name);
    return cli_finish(cmd);
}

static unsigned count_efs(const struct profile *p)
{
    unsigned n = 0;
    for (uint16_t i = 0; i < p->n_files; i++)
        n += p->files[i].kind >= FILE_TRANSPARENT;
    return n;
}

/* A package, a YAML file or a built-in profile. false: the error has been printed. package->notes is empty
 * unless it was a package. */
static bool load(const struct subcommand *cmd, const char *name, struct upp_import *package)
{
    struct profile_error error;
    struct upp_error package_error;
    *package = (struct upp_import){0};
    if (upp_detect(name)) {
        if (!package_load(name, NULL, 0, package, &package_error))
            cli_refuse(cmd, "%s", package_error.text);
    } else {
        package->profile = profile_load(name, &error);
        if (package->profile == NULL)
            cli_refuse(cmd, "%s", error.text);
    }
    return package->profile != NULL;
}

static int check(const struct subcommand *cmd, const char *name)
{
    struct upp_import u;
    if (!load(cmd, name, &u))
        return EXIT_REFUSED;
    const struct profile *p = &u.profile->p;
    unsigned efs = count_efs(p);
    printf("%s: good: profile %s, %u EFs in %u directories, %u PINs, %u applets, %u K/OTA pairs, %u common "
           "keysets%s\n",
           name, p->name, efs, p->n_files - efs, p->n_pins, p->n_applets, p->n_pairs, p->n_keysets,
           p->insecure ? "; insecure: well-known keys or MSL 0 are allowed" : "");
    package_print_notes(stdout, name, &u);
    upp_free(&u);
    return cli_finish(cmd);
}

static void show_pins(const struct profile *p)
{
    for (unsigned i = 0; i < p->n_pins; i++) {
        const struct profile_pin *pin = &p->pins[i];
        printf("PIN     %02X %-11s %s, %u tries, unblocking %u tries\n", pin->reference,
               tree_pin_name(pin->reference), pin->enabled ? "enabled" : "disabled", pin->tries,
               pin->puk_tries);
    }
}

static void show_applets(const struct profile *p)
{
    for (unsigned i = 0; i < p->n_applets; i++) {
        const struct profile_applet *a = &p->applets[i];
        printf("applet  %-14s AID ", a->class_name);
        if (a->aid_len == 0)
            putchar('-');
        cli_put_hex(stdout, span_of(a->aid, a->aid_len));
        for (unsigned t = 0; t < a->n_tars && t < 4; t++) {
            fputs(t == 0 ? ", TAR " : " ", stdout);
            cli_put_hex(stdout, span_of(a->tars[t], 3));
        }
        if (a->n_tars > 0)
            printf(", MSL %02X", a->msl);
        putchar('\n');
    }
}

/* Never keys: algorithms and where the keys come from. */
static void show_pairs(const struct profile *p)
{
    for (unsigned i = 0; i < p->n_pairs; i++) {
        const struct profile_pair *pair = &p->pairs[i];
        const struct aka_algorithm *aka = aka_algorithm(pair->algorithm);
        printf("pair    %u %s, K %s, OPc %s, keyset version %u (%s)\n", i, aka != NULL ? aka->name : "?",
               pair->derived & PAIR_DERIVE_K ? "derived" : "given",
               pair->derived & PAIR_DERIVE_OPC ? "derived" : "given", pair->ota.version,
               pair->derived & PAIR_DERIVE_OTA ? "derived" : "given");
    }
    for (unsigned i = 0; i < p->n_keysets; i++)
        printf("keyset  c%u version %u (%s)\n", i, p->keysets[i].keys.version,
               p->keysets[i].derived ? "derived" : "given");
}

static int show(const struct subcommand *cmd, const char *name)
{
    struct upp_import u;
    if (!load(cmd, name, &u))
        return EXIT_REFUSED;
    const struct profile *p = &u.profile->p;
    printf("profile %s%s%s\nATR     ", p->name, p->title[0] != '\0' ? ": " : "", p->title);
    cli_put_hex(stdout, span_of(p->atr, p->atr_len));
    if (u.iccid[0] != '\0')
        printf("\nICCID   %s", u.iccid);
    printf("\nIMSI    %s\n", p->imsi[0] != '\0' ? p->imsi : "-");
    show_pins(p);
    show_applets(p);
    show_pairs(p);
    tree_print(stdout, p, NULL);
    package_print_notes(stdout, name, &u);
    upp_free(&u);
    return cli_finish(cmd);
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {{NULL, 0, NULL, 0}};
    const struct subcommand *cmd = &cmd_profile;
    int code = EXIT_USAGE;
    if (cli_option(cmd, argc, argv, options, &code) != -1)
        return code;
    const char *verb = optind < argc ? argv[optind] : "";
    int operands = argc - optind - 1;
    if (strcmp(verb, "list") == 0)
        return operands == 0 ? list(cmd) : cli_usage(cmd, "list takes no argument");
    if (strcmp(verb, "check") == 0)
        return operands == 1 ? check(cmd, argv[optind + 1])
                             : cli_usage(cmd, "check takes one profile: a name or a file");
    if (strcmp(verb, "show") == 0)
        return operands == 1 ? show(cmd, argv[optind + 1])
                             : cli_usage(cmd, "show takes one profile: a name or a file");
    return cli_usage(cmd, "'%.40s' is none of check, list, show", verb);
}

const struct subcommand cmd_profile = {
    .name = "profile",
    .summary = "check, list or show profiles",
    .help = "Usage: softuicc profile list\n"
            "       softuicc profile check NAME|FILE\n"
            "       softuicc profile show NAME|FILE\n"
            "Profiles are what cards are made of: file tree, PINs, applets, key list.\n\n"
            "  list    names the built-in profiles\n"
            "  check   reads a built-in profile, a YAML file or a profile package for eUICCs (DER) and\n"
            "          says what is in it, or what is wrong with it and where; of a package also what\n"
            "          cards made from it have not, or have otherwise\n"
            "  show    what cards of that profile will have: PINs, applets, pairs and files; no\n"
            "          secrets\n"
            "  --help  this text\n",
    .run = run,
};
