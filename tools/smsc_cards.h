/* SPDX-License-Identifier: Apache-2.0
 *
 * The cards that an SMSC of ours reaches, each in a terminal of its own: those of a deck, opened and powered
 * up at their first message, or the one in a PC/SC reader, or in a `softuicc modem`. And which of them a
 * number belongs to.
 */
#ifndef TOOLS_SMSC_CARDS_H
#define TOOLS_SMSC_CARDS_H

#include "cli.h"
#include "sms.h"
#include "sw.h"

enum {
    SMSC_OPEN_MAX = 4096,     /* cards powered at the same time; the one not used for longest gives way */
    SMSC_LISTED_MAX = 100000, /* a larger deck's IMSIs are not looked up */
};

struct smsc_cards;

struct smsc_cards_options {
    const struct subcommand *cmd;
    /* deck, reader or modem (a terminal's socket); routes may be NULL */
    const char *deck, *reader, *modem, *routes;
    enum deck_durability durability;
    struct deck_anchor anchor;
    FILE *trace;       /* NULL: none */
    uint64_t start_ns; /* of its times */
};

/* NULL: it was said, and *code is what to return. */
struct smsc_cards *smsc_cards_open(const struct smsc_cards_options *options, int *code);
void smsc_cards_close(struct smsc_cards *c); /* NULL is allowed */

uint64_t smsc_cards_count(const struct smsc_cards *c);

/* Which card has this number (digits). false: none. */
bool smsc_cards_route(struct smsc_cards *c, const char *digits, char iccid[DECK_ICCID_MAX + 1]);

/* What a card says to a message: user data of its delivery report, or a short message it sends, which is
 * answered by 0 or an RP cause (TS 24.011 8.2.5.4). */
struct smsc_listener {
    void (*report)(void *ctx, struct span user_data);
    unsigned (*submit)(void *ctx, const struct sms_submit *sms);
    void *ctx;
};

/* Hands the card an SMS-DELIVER, serves what it asks for then, and obeys its REFRESH. false: there is no such
 * card, or it gives no sensible answer. *sw is its status word for the message. */
bool smsc_cards_deliver(struct smsc_cards *c, const char *iccid, const char *centre, struct span tpdu,
                        const struct smsc_listener *listener, sw_t *sw);

/* A terminal that is another process speaks by itself: its descriptor, to be watched (-1: none), and what is
 * to be done when it is readable: a line of it. What its user sends goes to the listener. The terminal does
 * nothing else until it has the answer. */
int smsc_cards_fd(const struct smsc_cards *c);
void smsc_cards_listen(struct smsc_cards *c, const struct smsc_listener *listener);
const char *smsc_cards_number(const struct smsc_cards *c); /* by which that terminal is known: its IMSI */

/* What is delivered between the two goes to the deck in one transaction. false: nothing of it is in the deck,
 * though the cards believe so: what they said must not be passed on, and the cards not be used any more. It
 * was said. */
bool smsc_cards_begin(struct smsc_cards *c);
bool smsc_cards_commit(struct smsc_cards *c);

#endif
