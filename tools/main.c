/* SPDX-License-Identifier: Apache-2.0
 *
 * softuicc-tools: one command, a table of sub-commands. The program softuicc (front.c)
 * starts it for all but `run`.
 */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "cli.h"

static const struct subcommand *const commands[] = {
    &cmd_new,  &cmd_add,    &cmd_remove,  &cmd_run,      &cmd_show,  &cmd_diff,     &cmd_applet,
    &cmd_apdu, &cmd_ota,    &cmd_change,  &cmd_smsc,     &cmd_modem, &cmd_vault,    &cmd_handover,
    &cmd_auc,  &cmd_export, &cmd_profile, &cmd_commands, &cmd_bench, &cmd_rehearse,
};

enum { N_COMMANDS = sizeof commands / sizeof commands[0], WORD_MAX = 15 };

static const struct subcommand *find(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

/* Edits (insert, delete, replace) that turn a into b; long words count as far apart. */
static size_t distance(const char *a, const char *b)
{
    size_t row[WORD_MAX + 1];
    size_t na = strlen(a), nb = strlen(b);
    if (na > WORD_MAX || nb > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= nb; j++)
        row[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[nb];
}

static int unknown(const char *name)
{
    const struct subcommand *nearest = NULL;
    size_t best = 3; /* farther away is no slip of the fingers */
    for (size_t i = 0; i < N_COMMANDS; i++) {
        bool prefix = strlen(name) >= 2 && strncmp(commands[i]->name, name, strlen(name)) == 0;
        size_t d = prefix ? 0 : distance(name, commands[i]->name);
        if (d < best) {
            best = d;
            nearest = commands[i];
        }
    }
    if (nearest != NULL)
        fprintf(stderr, "softuicc: no command '%.40s'; did you mean '%s'?\n", name, nearest->name);
    else
        fprintf(stderr, "softuicc: no command '%.40s'; softuicc --help lists them\n", name);
    return EXIT_USAGE;
}

/* As cli_finish, for what is no command's output. */
static int written(void)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return EXIT_OK;
    perror("softuicc: cannot write the output");
    return EXIT_REFUSED;
}

static int overview(FILE *to)
{
    fputs("Usage: softuicc COMMAND [ARGUMENT...]\n"
          "A UICC (SIM card) in software that changes operator over the air.\n\nCommands:\n",
          to);
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(to, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
    fputs(
        "\nsoftuicc help COMMAND, or softuicc COMMAND --help, says more; so does the man page softuicc(1).\n"
        "Exit codes: 0 done, 1 refused or failed, 2 wrong usage.\n",
        to);
    return to == stderr ? EXIT_USAGE : written();
}

static int help(int argc, char **argv)
{
    if (argc < 3)
        return overview(stdout);
    const struct subcommand *cmd = find(argv[2]);
    if (cmd == NULL)
        return unknown(argv[2]);
    fputs(cmd->help, stdout);
    return cli_finish(cmd);
}

int main(int argc, char **argv)
{
    if (!cli_protect())
        return EXIT_REFUSED;
    /* what the kernel calls it; who holds a deck is told by that name */
    (void)prctl(PR_SET_NAME, "softuicc", 0, 0, 0);
    if (argc < 2)
        return overview(stderr);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
        return help(strcmp(argv[1], "help") == 0 ? argc : 1, argv);
    if (strcmp(argv[1], "--version") == 0) {
        puts("softuicc " SOFTUICC_VERSION);
        return written();
    }
    const struct subcommand *cmd = find(argv[1]);
    if (cmd == NULL)
        return unknown(argv[1]);
    return cmd->run(argc - 1, argv + 1);
}
