/* SPDX-License-Identifier: Apache-2.0
 *
 * Changes of operator by alternative 3b (3GPP TR 33.812 5.3.2.2), played between a card maker and operators
 * on the cards of a deck, over a channel that loses, repeats, reorders and spoils messages. Each party uses
 * only what it legally holds. Deterministic: the same plan gives the same outcome, on however many threads.
 */
#ifndef TOOLS_REHEARSE_H
#define TOOLS_REHEARSE_H

#include "deck.h"
#include "profile.h"
#include "uicc.h"

enum { REHEARSE_OPERATORS_MAX = 8, REHEARSE_SLOTS = 32, REHEARSE_SEED_MAX = 64, REHEARSE_POINTS_MAX = 40 };

struct rehearse_plan {
    struct deck *deck;
    const struct uicc_profile *profile; /* the deck's */
    const struct applet_class *const *classes;
    uint8_t seed[REHEARSE_SEED_MAX]; /* what the cards' keys were derived from: the maker's secret */
    size_t seed_len;
    unsigned operators; /* 2 to REHEARSE_OPERATORS_MAX: each hands over to the next */
    double loss, duplicate, reorder, corrupt, cuts,
        unattached; /* 0 to 1: per message, per command of the card, per step of time */
};

/* Counts, and nothing but counts: they are added up as one array (rehearse_add). */
struct rehearse_outcome {
    unsigned long cards, changed, rolled_back, unreachable,
        stranded; /* changed: with the last operator; stranded: no operator can authenticate it */
    unsigned long orders, lost, duplicated, reordered, corrupted, delivered, refused,
        answers_lost; /* messages */
    unsigned long cuts, authentications, resynchronised,
        trials_lost;                          /* trials_lost: changes that the card took back by itself */
    unsigned long revealed, revealed_wrongly; /* pairs given to an operator; those given to two */
    unsigned long served_wrongly; /* cards that answer an operator besides the one they are with */
    unsigned long changes;        /* confirmed hand-overs */
    unsigned long orders_needed[REHEARSE_SLOTS],
        steps_needed[REHEARSE_SLOTS]; /* confirmed hand-overs by number of orders, of steps of time; the last:
                                         or more */
};

void rehearse_add(struct rehearse_outcome *to, const struct rehearse_outcome *more);

enum rehearse_result {
    REHEARSE_PLAYED,
    REHEARSE_NO_CARD,   /* it cannot be opened, or memory is out */
    REHEARSE_WRONG_KEY, /* its pairs are not what the seed gives: the maker does not know this card */
    REHEARSE_NOT_STORED, /* what came of it cannot be written to the deck, where it is as it was */
    REHEARSE_NOT_SERVED, /* it does not authenticate with its first pair, though the maker knows it */
};

/* Plays the card of this ICCID, the nth of the deck, and adds what came of it. crypto is the thread's own. */
enum rehearse_result rehearse_card(const struct rehearse_plan *plan, struct uicc_crypto *crypto,
                                   const char *iccid, unsigned long nth, struct rehearse_outcome *out);

/* ---- all cards ---- */

struct rehearse_point { /* how far it was when so many cards were done */
    unsigned long cards;
    double seconds;     /* since the first card, by the clock */
    double cpu_seconds; /* of all threads */
    unsigned long
        kib; /* memory of this process that is its own (not the deck's pages, which are the file's) */
    unsigned long deck_kib; /* the file */
};

struct rehearse_run {
    unsigned threads;
    double making_seconds;                             /* 0: the deck was there */
    struct rehearse_point points[REHEARSE_POINTS_MAX]; /* at 100, 200, 500, 1000, ...; the last: the end */
    unsigned n_points;
};

struct rehearse_watch {
    /* Called now and then by the thread that called rehearse_all. false: stop, after the cards under way. */
    bool (*tick)(void *ctx, const struct rehearse_outcome *so_far);
    void *ctx;
};

/* All cards of the deck, or the first `cards` of them. *failed: the ICCID of the card that could not be
 * played. REHEARSE_NO_CARD with failed[0] 0: no thread, or no memory. */
enum rehearse_result rehearse_all(const struct rehearse_plan *plan, unsigned long cards, unsigned threads,
                                  const struct rehearse_watch *watch, struct rehearse_outcome *out,
                                  struct rehearse_run *run, char failed[DECK_ICCID_MAX + 1]);

#endif
