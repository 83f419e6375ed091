/* SPDX-License-Identifier: Apache-2.0
 *
 * softuicc commands: the command tables, printed. What the card answers is data (apdu/dispatch.h), so the
 * list of it need not be written, and cannot be wrong.
 */
#include "card.h"
#include "cli.h"

enum form { TEXT, MARKDOWN, JSON };

#define NAME_OF(names, value) name_of(names, sizeof(names) / sizeof((names)[0]), (unsigned)(value))

static const char *name_of(const char *const *names, size_t n, unsigned value)
{
    return value < n && names[value] != NULL ? names[value] : "?";
}

/* TS 102 221 10.1.1: the X is the logical channel; channels from 4 on are coded in 4X to 7X and CX to FX. */
static const char *cla_text(const struct command_row *row)
{
    static const char *const names[] = {
        [CLASS_ISO] = "0X 4X 6X", [CLASS_ETSI] = "8X CX EX", [CLASS_GSM] = "A0"};
    if ((row->flags & ROW_BASIC) != 0)
        return "80";
    return NAME_OF(names, row->klass);
}

static const char *case_text(enum apdu_case iso_case)
{
    static const char *const names[] = {
        [CASE_1] = "1", [CASE_2] = "2", [CASE_3] = "3", [CASE_4] = "4", [CASE_2_OR_4] = "2 or 4"};
    return NAME_OF(names, iso_case);
}

static const char *target_text(enum target target)
{
    static const char *const names[] = {
        [TARGET_NONE] = "-",
        [TARGET_EF_SFI_P1] = "EF: SFI in P1, or current",
        [TARGET_EF_SFI_P2] = "EF: SFI in P2, or current",
        [TARGET_EF_SFI_P2_LOW] = "EF: SFI in P2 b5-b1, or current",
        [TARGET_CURRENT_EF] = "current EF",
        [TARGET_CURRENT_DF] = "current DF",
        [TARGET_NAMED_EF] = "EF: FID in the data, or current",
        [TARGET_NAMED_DF] = "DF: FID in the data, or current",
        [TARGET_NAMED] = "file named in the data, or current",
        [TARGET_CHILD] = "file of the current DF, FID in the data",
        [TARGET_FCP_CHILD] = "file of the current DF, FID in the FCP",
        [TARGET_MF] = "MF",
    };
    return NAME_OF(names, target);
}

static const char *access_text(enum access access)
{
    static const char *const names[] = {
        [ACCESS_FREE] = "always",
        [ACCESS_READ] = "READ",
        [ACCESS_UPDATE] = "UPDATE",
        [ACCESS_ACTIVATE] = "ACTIVATE",
        [ACCESS_DEACTIVATE] = "DEACTIVATE",
        [ACCESS_TERMINATE] = "TERMINATE",
        [ACCESS_DELETE] = "DELETE FILE, or the DF's DELETE CHILD",
        [ACCESS_CREATE] = "the DF's CREATE EF or CREATE DF",
        [ACCESS_BY_INS] = "the rule for this INS",
        [ACCESS_APPLICATION_PIN] = "application PIN",
        [ACCESS_REMOTE_CHANGE] = "OTA keyset with remote-change",
        [ACCESS_REMOTE_KEYS] = "OTA keyset with replace-keys",
        [ACCESS_OPERATOR] = "ADM1, or an OTA keyset",
        [ACCESS_ADMIN] = "ADM1, or the owner's OTA keyset",
        [ACCESS_DOMAIN] = "secure channel, or OTA keyset with manage-applets",
        [ACCESS_DOMAIN_OR_ADMIN] = "likewise, or ADM1",
    };
    return NAME_OF(names, access);
}

static void p1_text(const struct command_row *row, char out[12])
{
    if (row->p1_mask == 0)
        snprintf(out, 12, "-");
    else if (row->p1_mask == 0xFF)
        snprintf(out, 12, "%02X", row->p1);
    else
        snprintf(out, 12, "%02X/%02X", row->p1, row->p1_mask);
}

static void print_text(const char *owner, const struct command_row *row)
{
    char p1[12];
    p1_text(row, p1);
    printf("%-8s  %02X   %-5s  %-26s  %-6s  %-37s  %-38s  %-12s  %s\n", cla_text(row), row->ins, p1,
           row->name, case_text(row->iso_case), access_text(row->access), target_text(row->target), owner,
           row->clause);
}

static void print_markdown(const char *owner, const struct command_row *row)
{
    char p1[12];
    p1_text(row, p1);
    printf("| %s | %02X | %s | %s | %s | %s | %s | %s | %s |\n", cla_text(row), row->ins, p1,
           row->name, case_text(row->iso_case), access_text(row->access), target_text(row->target), owner,
           row->clause);
}

static void json_text(const char *name, const char *text)
{
    printf(", \"%s\": ", name);
    cli_put_json(stdout, text);
}

static void json_flag(const char *name, const struct command_row *row, uint32_t flag)
{
    printf(", \"%s\": %s", name, (row->flags & flag) != 0 ? "true" : "false");
}

static void print_json(const char *owner, const struct command_row *row)
{
    fputs("{\"name\": ", stdout);
    cli_put_json(stdout, row->name);
    json_text("of", owner);
    json_text("cla", cla_text(row));
    printf(", \"ins\": \"%02X\"", row->ins);
    if (row->p1_mask != 0)
        printf(", \"p1\": \"%02X\", \"p1_mask\": \"%02X\"", row->p1, row->p1_mask);
    json_text("case", case_text(row->iso_case));
    printf(", \"lc_min\": %u, \"lc_max\": %u", row->lc_min, row->lc_max);
    json_text("access", access_text(row->access));
    json_text("target", target_text(row->target));
    json_flag("in_scripts", row, ROW_REMOTE);
    json_flag("secret_data", row, ROW_SECRET_DATA);
    json_flag("secret_response", row, ROW_SECRET_RESPONSE);
    json_text("clause", row->clause);
    putchar('}');
}

static void print_row(enum form form, const char *owner, const struct command_row *row, bool first)
{
    switch (form) {
    case TEXT:
        print_text(owner, row);
        break;
    case MARKDOWN:
        print_markdown(owner, row);
        break;
    case JSON:
        fputs(first ? "\n  " : ",\n  ", stdout);
        print_json(owner, row);
        break;
    }
}

static void print_head(enum form form)
{
    switch (form) {
    case TEXT:
        printf("%-8s  %-3s  %-5s  %-26s  %-6s  %-37s  %-38s  %-12s  %s\n", "CLA", "INS", "P1", "command",
               "case", "access", "target", "of", "clause");
        break;
    case MARKDOWN:
        puts("| CLA | INS | P1 | command | case | access | target | of | clause |\n"
             "|---|---|---|---|---|---|---|---|---|");
        break;
    case JSON:
        putchar('[');
        break;
    }
}

static void print_table(enum form form, const char *owner, const struct command_table *table, bool *first)
{
    for (size_t i = 0; table != NULL && i < table->n; i++) {
        print_row(form, owner, &table->rows[i], *first);
        *first = false;
    }
}

/* The kernel's table, then each applet class's: what is there while it is selected, and what is there
 * whatever is. */
static void print_tables(enum form form)
{
    bool first = true;
    print_head(form);
    print_table(form, "kernel", &kernel_commands, &first);
    for (size_t c = 0; cli_applet_classes[c] != NULL; c++) {
        const struct applet_class *class = cli_applet_classes[c];
        print_table(form, class->name, class->commands, &first);
        print_table(form, class->name, class->card_commands, &first);
    }
    if (form == JSON)
        puts("\n]");
}

static bool take_form(enum form *form, enum form wanted)
{
    const bool good = *form == TEXT || *form == wanted;
    *form = wanted;
    if (!good)
        cli_usage(&cmd_commands, "--json or --markdown, not both");
    return good;
}

static bool take_json(void *form)
{
    return take_form(form, JSON);
}

static bool take_markdown(void *form)
{
    return take_form(form, MARKDOWN);
}

static const struct cli_setting settings[] = {
    {"json", CLI_SWITCH, 0, take_json},
    {"markdown", CLI_SWITCH, 0, take_markdown},
    {NULL, CLI_FLAG, 0, NULL},
};

static int run(int argc, char **argv)
{
    const struct subcommand *cmd = &cmd_commands;
    enum form form = TEXT;
    int code;
    if (!cli_settings(cmd, argc, argv, settings, &form, NULL, &code))
        return code;
    if (optind < argc)
        return cli_usage(cmd, "no argument expected, not '%.60s'", argv[optind]);
    print_tables(form);
    return cli_finish(cmd);
}

const struct subcommand cmd_commands = {
    .name = "commands",
    .summary = "list the commands that cards answer",
    .help = "Usage: softuicc commands [--json|--markdown]\n"
            "Lists the command tables of the kernel and of every applet class: CLA and INS (and P1 where it\n"
            "tells commands apart), ISO case, what right the command needs on which file, clause.\n\n"
            "  --json      for scripts: also the length of the data, whether it may stand in an OTA script,\n"
            "              and what is withheld from traces\n"
            "  --markdown  as a table for documents\n"
            "  --help      this text\n",
    .run = run,
};
