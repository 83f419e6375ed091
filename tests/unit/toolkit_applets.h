/* SPDX-License-Identifier: Apache-2.0
 *
 * Three applets for tests of the toolkit: each writes down what it is told, and does what the test says.
 * Profile `test` with them behind its own.
 */
#ifndef TESTS_TOOLKIT_APPLETS_H
#define TESTS_TOOLKIT_APPLETS_H

#include "card_fixture.h"

enum { ONE, TWO, THREE, APPLETS };

struct seen {
    unsigned who; /* ONE, TWO, THREE */
    enum event_kind kind;
    uint8_t toolkit, id;
    uint32_t tag;
    uint8_t data[300];
    size_t n;
};

struct toolkit_play {
    struct fixture f;
    struct applet applet[APPLETS];
    struct seen seen[64];
    unsigned n_seen;
    /* What an applet does when told; NULL: nothing, and 9000. */
    sw_t (*does)(struct toolkit_play *p, unsigned who, const struct event *event);
};

/* *state: a play that was opened; one at a time. */
int toolkit_setup(void **state);
int toolkit_teardown(void **state);
void toolkit_open(struct toolkit_play *p);
void toolkit_close(struct toolkit_play *p);

/* Runs a change of the registry as a command does. */
#define CHANGE(p, expression)                                                                                \
    do {                                                                                                     \
        toolkit_begin(p);                                                                                    \
        assert_int_equal((expression), TOOLKIT_OK);                                                          \
        toolkit_end(p);                                                                                      \
    } while (0)
void toolkit_begin(struct toolkit_play *p);
void toolkit_end(struct toolkit_play *p);

/* How often this applet was told of this event, since the log was emptied. */
unsigned toolkit_told(const struct toolkit_play *p, unsigned who, unsigned event);
void toolkit_forget_seen(struct toolkit_play *p);

/* TERMINAL PROFILE with all 40 octets set; what is pending then is left to the test. */
void toolkit_profile(struct toolkit_play *p);
/* Fetches what is pending and compares it with a pattern of hexadecimal digits; answers with this general
 * result, expecting that status word pattern. */
#define fetch(p, pattern) toolkit_fetch(p, pattern, __FILE__, __LINE__)
void toolkit_fetch(struct toolkit_play *p, const char *pattern, const char *file, int line);
/* Fetches and answers 00 until nothing is pending. */
void toolkit_drain(struct toolkit_play *p);

#endif
