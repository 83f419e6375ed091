/* SPDX-License-Identifier: Apache-2.0
 *
 * What every sub-command of softuicc shares: how it is described, how it reports errors, how it opens a deck
 * and a card. Exit codes: 0 ok, 1 refused or failed, 2 usage.
 */
#ifndef TOOLS_CLI_H
#define TOOLS_CLI_H

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>

#include "deck.h"
#include "profile.h"
#include "uicc.h"

enum { EXIT_OK = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

struct subcommand {
    const char *name;                  /* "new" */
    const char *summary;               /* one line for `softuicc --help` */
    const char *help;                  /* whole text of `softuicc new --help`, usage line first */
    int (*run)(int argc, char **argv); /* argv[0] is the sub-command's name; uses getopt_long from optind 1 */
};

/* One per file cmd_NAME.c */
extern const struct subcommand cmd_new, cmd_run, cmd_show, cmd_apdu, cmd_ota, cmd_change, cmd_bench,
    cmd_profile, cmd_commands, cmd_smsc, cmd_vault, cmd_auc, cmd_handover, cmd_modem, cmd_add, cmd_remove,
    cmd_export, cmd_diff, cmd_rehearse, cmd_applet;

/* A process that holds K must not leave it in a core file, nor let another process of the same user read its
 * memory; it lives on when a file may not grow; and no file it opens is taken for its standard output. false:
 * the error has been printed, if it can be. */
bool cli_protect(void);

/* One line on stderr, "softuicc NAME: ...", and the exit code to return. */
int cli_refuse(const struct subcommand *cmd, const char *format, ...) __attribute__((format(printf, 2, 3)));
int cli_usage(const struct subcommand *cmd, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A file with keys or a passphrase in it (NULL: none) that others than its owner may read is used, but told
 * about: in a line on stderr like those above. */
void cli_warn_readable(const struct subcommand *cmd, const char *path);

/* Hex from the command line, min to max octets. false: the error has been printed ("--seed: 'zz' is no hex
 * digit at position 1"). */
bool cli_hex(const struct subcommand *cmd, const char *what, const char *text, size_t min, size_t max,
             uint8_t *to, size_t *n);
bool cli_number(const struct subcommand *cmd, const char *what, const char *text, uint64_t min, uint64_t max,
                uint64_t *value);
/* The same to an unsigned. */
bool cli_unsigned(const struct subcommand *cmd, const char *what, const char *text, unsigned min,
                  unsigned max, unsigned *value);
/* Decimal digits only, min to max of them. */
bool cli_digits(const struct subcommand *cmd, const char *what, const char *text, size_t min, size_t max);

/* Options as a table; a row says where in the request its value goes, or who takes it. The table ends with a
 * row without a name. "-o" stands for "--out". */
struct cli_setting {
    const char *name;
    enum {
        CLI_TEXT,   /* to a const char * */
        CLI_ICCID,  /* likewise, if it is one */
        CLI_FLAG,   /* to a bool: that it was given */
        CLI_TAKEN,  /* its value (optarg) is for `take` */
        CLI_SWITCH, /* likewise, but it has none */
        CLI_MAYBE,  /* likewise, and it may have one: optarg, or NULL */
    } kind;
    size_t at;              /* offsetof */
    bool (*take)(void *at); /* gets what lies there in the request. false: the error has been printed */
};
/* All options of the command line. false: *code is what to return. *given (may be NULL):
 * bit i: row i of the table. */
bool cli_settings(const struct subcommand *cmd, int argc, char **argv, const struct cli_setting *table,
                  void *request, uint32_t *given, int *code);
/* The same with several tables, each of a part of the request: options that sub-commands share. The last has
 * no table. *given is of the first. */
struct cli_part {
    const struct cli_setting *table;
    size_t at; /* offsetof */
};
bool cli_parts(const struct subcommand *cmd, int argc, char **argv, const struct cli_part *parts,
               void *request, uint32_t *given, int *code);
/* Of a sub-command with verbs, where an option that a verb does not look at would be taken for obeyed.
 * `common` and `own` are the names that it has, between blanks: " iccid index ". false: the error has
 * been printed (a wrong use). */
bool cli_settings_for(const struct subcommand *cmd, const struct cli_setting *table, uint32_t given,
                      const char *verb, const char *common, const char *own);

/* An ICCID on the command line: 18 to 20 digits. */
bool cli_iccid(const struct subcommand *cmd, const char *what, const char *text);

/* Upper-case hex digits, without a newline. */
void cli_put_hex(FILE *f, struct span s);
/* Text as a JSON string, quotes included. */
void cli_put_json(FILE *f, const char *text);
/* Flushes stdout: EXIT_OK, or a refusal when it could not be written (disk full, closed pipe). */
int cli_finish(const struct subcommand *cmd);

/* A deck, a card of it, and the world the card lives in. */
struct cli_card {
    struct uicc_env env;
    struct uicc_crypto *crypto;
    struct deck *deck;
    struct uicc_profile *profile;
    struct uicc_store *store;
    struct uicc *card; /* NULL when only the deck was wanted */
    char iccid[DECK_ICCID_MAX + 1];
};

/* Opens DECK, and its card `iccid` (NULL: the only one; more than one is an error that says to use --card;
 * "": the deck only). The card has not been reset. On false the error has been printed, nothing is open and
 * *code is what to return. Do not move or copy *out while it is open: the card points to its env. env.ctx and
 * env.trace may be set after opening. */
bool cli_card_open(const struct subcommand *cmd, const char *path, const char *iccid,
                   enum deck_durability durability, struct cli_card *out, int *code);
/* The same, with --anchor if *anchor has a path. */
bool cli_card_open_anchored(const struct subcommand *cmd, const char *path, const char *iccid,
                            enum deck_durability durability, const struct deck_anchor *anchor,
                            struct cli_card *out, int *code);
void cli_card_close(struct cli_card *c);

/* Closes the card of c, if any, and opens this one of the same deck. Errors as above; c stays open without a
 * card. */
bool cli_card_switch(const struct subcommand *cmd, const char *path, const char *iccid, struct cli_card *c,
                     int *code);
/* Every class for cards of this profile (plugins.h); NULL: the error has been printed. *env, when
 * not NULL, gets its guard. */
const struct applet_class *const *cli_classes(const struct subcommand *cmd, const struct profile *profile,
                                              struct uicc_env *env);

/* --durability. false: it was said. */
bool cli_durability(const struct subcommand *cmd, const char *name, enum deck_durability *durability);

/* --anchor-reset is for an --anchor. false: it was said. */
bool cli_anchor(const struct subcommand *cmd, const struct deck_anchor *anchor);

/* Runs serve() with what is to end it (SIGINT, SIGTERM, SIGHUP unless that is ignored) as a descriptor that
 * becomes readable, not blocking: between two commands, never in one. SIGPIPE is held back as well, or the
 * end of a pipe that reads a trace would end it. Returns what serve() does. */
int cli_with_signals(const struct subcommand *cmd, int (*serve)(void *ctx, int stop_fd), void *ctx);

/* All applet classes softuicc has, NULL at the end: the composition root. */
extern const struct applet_class *const cli_applet_classes[];

#endif
