/* SPDX-License-Identifier: Apache-2.0
 *
 * A virtual terminal for tests: a card in memory, a virtual clock, authentication centres in memory. Between
 * terminal and card sits an injector that can say what the card has not said: proactive commands of the
 * test's own.
 */
#ifndef TESTS_MODEM_PLAY_H
#define TESTS_MODEM_PLAY_H

#include "card_fixture.h"
#include "modem.h"
#include "modem_link.h"
#include "modem_network.h"

enum { PLAY_LOG_MAX = 1 << 19, PLAY_QUEUE_MAX = 16 };

struct play {
    struct fixture f;
    struct link_card slot;
    struct link_cut battery;
    struct loop *loop;
    struct auc *auc[3];
    struct modem_network *network;
    struct modem *modem;
    char *log; /* lines of word and {members} */
    size_t log_len;
    /* the injector */
    struct modem_link inner;
    struct {
        uint8_t octets[258];
        size_t n;
    } queue[PLAY_QUEUE_MAX];
    unsigned n_queue;
    bool fetched;          /* the first of the queue */
    uint8_t response[256]; /* the last TERMINAL RESPONSE to one of ours */
    size_t response_len;
    unsigned responses;    /* to ours */
    uint8_t envelope[256]; /* the last ENVELOPE */
    size_t envelope_len;
    unsigned envelopes, statuses, resets;
    bool busy; /* answers ENVELOPE by 9300 */
    const char *control; /* its answer to CALL CONTROL and MO SHORT MESSAGE CONTROL, in hex; NULL: its own */
};

/* A card of this profile, network A (00101) that serves its first pair by FIXTURE_IMSI. The terminal is off.
 * Fields of config that are not given are the play's. */
void play_begin(struct play *p, const char *profile);
void play_begin_with(struct play *p, const char *profile, struct modem_config config);
void play_end(struct play *p); /* with MODEM_LOG in the environment: prints the log */

struct auc *play_centre(void);
/* This centre now serves the card's pair by this IMSI. */
void play_subscriber(struct play *p, struct auc *auc, unsigned index, const char *imsi);
/* A second operator: network B, 00102, whose centre has pair 1 by this IMSI (NULL: it has nobody). */
void play_operator_b(struct play *p, const char *imsi);

/* So many milliseconds of the terminal's life. */
void play_pass(struct play *p, uint64_t ms);
/* On, and registered with network A. */
void play_register(struct play *p);

/* The card has this proactive command to say: what follows the device identities, in hex. `to` is the device.
 * Plays on until it was answered, or a while passed. */
void play_proactive(struct play *p, uint8_t type, uint8_t qualifier, uint8_t to, const char *rest);
/* Compares the last TERMINAL RESPONSE, from the result object on, with a pattern ('.' for any digit, '*' at
 * the end). */
#define play_answered(p, pattern) play_answered_at(p, pattern, __FILE__, __LINE__)
void play_answered_at(struct play *p, const char *pattern, const char *file, int line);
#define play_told(p, pattern) play_told_at(p, pattern, __FILE__, __LINE__) /* the last ENVELOPE */
void play_told_at(struct play *p, const char *pattern, const char *file, int line);

/* The log has this, after `from`; returns where it ends. Fails the test if not. */
const char *play_logged(struct play *p, const char *from, const char *text);
bool play_has_logged(const struct play *p, const char *text);

/* An SMS-DELIVER's report. */
struct play_report {
    unsigned n; /* reports so far */
    bool lost;
    uint8_t failure;
    sw_t sw;
    uint8_t data[256];
    size_t data_len;
};
void play_reported(void *ctx, const struct modem_report *report);
/* Hands the terminal a TPDU in hex and plays on until it is reported. false: not taken. */
bool play_sms(struct play *p, const char *tpdu, struct play_report *report);
/* The change order of pair `index`'s operator, as a TPDU in hex. */
void play_order(struct play *p, unsigned index, const char *imsi, const char *reference, char hex[400]);

#endif
