/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the scenarios share: modem_script.c has the language, events and whole scripts;
 * modem_script_do.c what is done to the terminal and expected of it; modem_script_card.c what goes to the
 * card and comes from it, and its user.
 */
#ifndef TOOLS_MODEM_SCRIPT_INNER_H
#define TOOLS_MODEM_SCRIPT_INNER_H

#include "modem_script.h"

enum {
    WORDS_MAX = 16,
    LINE_MAX_OCTETS = 4096,
    CENTRES_MAX = 8,
    EVENTS_MAX = 4096, /* that an `expect` finds again; when there are more, the oldest go */
};

struct script_event {
    char *what, *json;
};

struct script {
    struct script_world world;
    struct script_event events[EVENTS_MAX];
    size_t n_events, at; /* at: the first that no `expect` has passed */
    struct {
        char path[256];
        struct auc *auc;
    } centres[CENTRES_MAX];
    unsigned n_centres;
    char names[NETWORKS_MAX][32]; /* of networks, as the scenario calls them; "": by their own name */
    unsigned reports;             /* of short messages, so far */
    bool away;                    /* nobody is there to answer */
    struct script_error *error;
    const char *where;
};

struct words {
    char text[LINE_MAX_OCTETS];
    const char *at[WORDS_MAX + 1];
    unsigned n;
};

struct statement {
    const char *name;
    unsigned min, max;                                      /* words after it */
    bool (*check)(struct script *s, const struct words *w); /* without doing anything; may be NULL */
    bool (*run)(struct script *s, const struct words *w);
};

/* false, and what is wrong, after where. */
bool script_wrong(struct script *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Is it one of these (NULL at the end)? */
bool script_one_of(struct script *s, const char *word, const char *const *choices);
bool script_duration(const char *text, uint64_t *ms);
bool script_number(const char *text, unsigned max, unsigned *value);
/* A '*' at the end of the wanted value stands for anything. */
bool script_like(const char *value, const char *wanted);
/* Looks for such an event from the first not passed on. */
bool script_find(const struct script *s, const char *what, const char *const *conditions, unsigned n,
                 size_t *where);
/* A step of the loop, not beyond this time. */
bool script_step(struct script *s, uint64_t until);
/* stk() of struct modem_user. */
bool script_takes(void *ctx, struct span proactive);

/* Two tables, a row without name at the end of each. */
extern const struct statement script_deeds[], script_card_deeds[];

#endif
