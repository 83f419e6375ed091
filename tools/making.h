/* SPDX-License-Identifier: Apache-2.0
 *
 * Making cards in a deck: what `new` and `add` have in common. Where the cards' numbers come from is a
 * source's matter: a series that counts up, or the rows of a file.
 */
#ifndef TOOLS_MAKING_H
#define TOOLS_MAKING_H

#include <signal.h>

#include "cli.h"

struct vault;

enum { MAKING_SEED_MIN = 16, MAKING_SEED_MAX = 64, MAKING_SEED_DRAWN = 32, MAKING_PATH_ROOM = 4096 };

/* ---- sources ---- */

struct card_data {
    char iccid[24], imsi[24];
    const struct personal_given *given; /* borrowed until the next call; NULL: nothing */
};

enum source_result { SOURCE_CARD, SOURCE_END, SOURCE_FAILED /* and told */ };

struct card_source {
    enum source_result (*next)(void *ctx, struct card_data *out);
    bool (*rewind)(void *ctx); /* to the first card again */
    void *ctx;
    uint64_t count; /* 0: not known before */
};

/* ICCIDs and IMSIs that count up. */
struct series {
    uint64_t first;
    int digits;
    int fixed; /* so many leading digits belong to the issuer or the network */
};

struct numbering {
    uint64_t count;
    struct series iccids; /* without the check digit */
    struct series imsis;
    const char *verbatim; /* the only card's ICCID as it is; NULL: by counting */
    uint64_t at;          /* the source's */
};

/* --count and --seed of the command line (optarg). false: the error has been printed (a wrong use). */
bool making_take_count(const struct subcommand *cmd, struct numbering *n);
bool making_take_seed(const struct subcommand *cmd, uint8_t seed[MAKING_SEED_MAX], size_t *len);
/* Check and set one half each. false: the error has been printed (a wrong use). */
bool numbering_iccid(const struct subcommand *cmd, struct numbering *n, const char *text);
bool numbering_imsi(const struct subcommand *cmd, struct numbering *n, const char *text,
                    const struct profile *p);
/* An ICCID that somebody else chose: taken whatever its check digit if there is one card, else the first to
 * count from. */
bool numbering_foreign(const struct subcommand *cmd, struct numbering *n, const char *text);

void numbering_card(const struct numbering *n, uint64_t nth, struct card_data *out);
struct card_source numbering_source(struct numbering *n);

/* ---- the key record: keys.h ---- */

struct key_record {
    FILE *f;          /* NULL: none is kept */
    const char *path; /* its name, once it is whole */
    char *buffer;
    struct vault *vault; /* a second record, sealed; NULL: none. Whoever opened it closes it */
    char temporary[MAKING_PATH_ROOM]; /* "" when there is none to remove */
};

/* path NULL: no record. Never over an existing file: neither of its own name nor of its
 * temporary one, which may be all there is of the keys of cards that a making into a deck that
 * has its name (live) has left there. */
bool record_open(const struct subcommand *cmd, const char *path, bool live, struct key_record *r);
/* On the disk under its name. */
bool record_publish(const struct subcommand *cmd, struct key_record *r);
void record_close(struct key_record *r);

/* ---- making ---- */

struct making {
    const struct subcommand *cmd;
    struct uicc_crypto *crypto;
    const struct uicc_profile *profile;
    struct deck *deck;
    struct span seed;
    struct key_record record;
    bool live;        /* the deck has its name: what a batch made is there, whatever comes after */
    bool replace;     /* a card that is there already is made anew; all cards in one step then */
    const char *left; /* what to say when interrupted: "nothing was made" */
    uint64_t made;
    struct card_data first, last;
};

/* All cards of the source, and their keys' record; shows progress on a terminal. false: the error has been
 * printed; m->made says how many the deck may have (none of them for certain, with replace: then close it
 * without more ado). */
bool making_cards(struct making *m, const struct card_source *source);

/* Takes away the cards that making_cards has made before it failed. */
bool making_undo(struct making *m, const struct card_source *source);

/* Is there a card with this ICCID? DECK_UNREAD: that has been said. */
enum deck_has making_has_card(const struct subcommand *cmd, struct deck *d, const char *iccid);

/* Signals are blocked while cards are made, and looked at now and then: so that ^C cleans up without a
 * handler, for which there would have to be a global. Once they are let through, one that came takes effect.
 */
void making_hold_signals(sigset_t *before);
void making_release_signals(const sigset_t *before);

#endif
