/* SPDX-License-Identifier: Apache-2.0
 *
 * Changes of operator by alternative 3b (3GPP TR 33.812 5.3.2.2), played between a card maker and operators
 * on cards in process, over a channel that loses, repeats, reorders and spoils messages. Each party uses only
 * what it legally holds. Deterministic: the same plan gives the same outcome.
 */
#ifndef TOOLS_REHEARSE_H
#define TOOLS_REHEARSE_H

#include "profile.h"
#include "uicc.h"

enum { REHEARSE_OPERATORS_MAX = 8, REHEARSE_SLOTS = 32 };

struct rehearse_plan {
    const struct uicc_profile *profile;
    struct uicc_crypto *crypto;
    const struct applet_class *const *classes;
    uint8_t seed[16];
    unsigned operators; /* 2 to REHEARSE_OPERATORS_MAX: each hands over to the next */
    double loss, duplicate, reorder, corrupt, cuts,
        unattached; /* 0 to 1: per message, per command of the card, per step of time */
};

struct rehearse_outcome {
    unsigned long cards, changed, rolled_back, unreachable,
        stranded; /* changed: with the last operator; stranded: no operator can authenticate it */
    unsigned long orders, lost, duplicated, reordered, corrupted, delivered, refused,
        answers_lost; /* messages */
    unsigned long cuts, authentications, resynchronised,
        trials_lost;                          /* trials_lost: changes that the card took back by itself */
    unsigned long revealed, revealed_wrongly; /* pairs given to an operator; those given to two */
    unsigned long changes;                    /* confirmed hand-overs */
    unsigned long orders_needed[REHEARSE_SLOTS],
        steps_needed[REHEARSE_SLOTS]; /* confirmed hand-overs by number of orders, of steps of time; the last:
                                         or more */
};

/* Plays card number `nth` and adds what came of it. false: no memory, or the card could not be made. */
bool rehearse_card(const struct rehearse_plan *plan, unsigned long nth, struct rehearse_outcome *out);

#endif
