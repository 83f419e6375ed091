/* SPDX-License-Identifier: Apache-2.0
 *
 * Scenarios for a virtual terminal: statements, one a line, that do things to it and expect things of it.
 * softuicc(1) has the language. What a scenario does not answer itself goes the modem's usual way.
 */
#ifndef TOOLS_MODEM_SCRIPT_H
#define TOOLS_MODEM_SCRIPT_H

#include "modem.h"
#include "modem_link.h"
#include "modem_network.h"

struct script;

struct script_error {
    char text[512]; /* one line, with file and line number where it applies */
};

struct script_world { /* all of it the caller's */
    struct modem *modem;
    struct loop *loop;
    struct modem_network *network;
    struct link_cut *battery;
    FILE *out;            /* for `print`; may be NULL */
    const char *auc_key;  /* key file of the centres that a scenario opens; NULL: beside each */
    uint64_t patience_ms; /* what an `expect` without `within` waits */
};

/* Listens to the modem from now on. NULL: no memory, or too many listen. */
struct script *script_new(const struct script_world *world);
void script_free(
    struct script *s); /* closes the centres it opened: after the network's last use; NULL is allowed */

/* Reads a whole file first, and plays nothing if anything in it is no statement. false: *error. */
bool script_play(struct script *s, const char *name, const char *text, struct script_error *error);

/* One statement; an empty line or a comment does nothing. false: *error, which begins with `where`. */
bool script_line(struct script *s, const char *where, const char *line, struct script_error *error);

#endif
