/* SPDX-License-Identifier: Apache-2.0
 *
 * A card in memory, a virtual modem that has it, and peers that talk AT commands to that modem.
 */
#ifndef TESTS_AT_BENCH_H
#define TESTS_AT_BENCH_H

#include "api.h"
#include "at.h"
#include "card_fixture.h"
#include "loop.h"
#include "modem_network.h"

struct at_bench {
    struct fixture f;
    struct foreign_class menu;
    struct loop *loop;
    struct modem_network *network;
    struct auc *auc;
    struct modem *modem;
    struct at_modem *shared;
    struct at *at, *other; /* two peers; the second only when asked for */
    char said[1 << 17];    /* what a peer was last answered: <CR><LF>s as |, one each */
    const char
        *control; /* what the card says to MO SHORT MESSAGE CONTROL, in hex; NULL: the card itself says it */
    uint8_t submitted[176]; /* for a test that looks at what the network got */
    size_t submitted_n;
    char submitted_by[22]; /* the service centre */
    bool copied; /* fixture_copy made the card */
    bool gone;   /* the card does not answer */
};

/* With a home network of MCC MNC 00101 that knows the card's first pair. The modem is off. Fails the running
 * test if it can't. */
void at_bench_open(struct at_bench *b, const char *profile, const char *personality);
/* With a profile of the test's own. */
void at_bench_open_text(struct at_bench *b, const char *profile, const char *personality);
/* With a card that has menu_applet.h's menu. */
void at_bench_open_menu(struct at_bench *b, const char *personality);
/* With a card as factory's is. */
void at_bench_open_copy(struct at_bench *b, const struct fixture *factory, const char *personality);
void at_bench_close(struct at_bench *b);
/* For cmocka: *state is a bench with a card of profile usim. */
int at_bench_setup(void **state);
int at_bench_teardown(void **state);
/* Turns the modem on, and lets it register. */
void at_bench_on(struct at_bench *b);

/* Runs the loop for so long (virtual time). */
void at_bench_run(struct at_bench *b, unsigned ms);

/* Octets to a peer; what it then had to say, in b->said. */
const char *at_bench_raw(struct at_bench *b, struct at *at, const char *octets, size_t n);
/* A line and its <CR>, from the first peer, whose echo is off: "AT+CPIN?" gives "|+CPIN: READY||OK|". */
const char *at_bench_say(struct at_bench *b, const char *line);
/* What a peer was told since. */
const char *at_bench_heard(struct at_bench *b, struct at *at);

#define at_expect(b, line, answer) assert_string_equal(at_bench_say((b), (line)), (answer))

#endif
