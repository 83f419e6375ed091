/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the files of test_cuts: the rows (what is done), and how their steps are taken.
 */
#ifndef TEAR_CUTS_H
#define TEAR_CUTS_H

#include "card_fixture.h"

enum flag {
    TRIES = 1, /* a right PIN or PUK: tries come back */
    ONCE = 2,  /* said twice it does something else: not compared */
    STEPS = 4, /* several transactions, each of which may be the last */
    KEYS = 8,  /* replaces keys: their counters start afresh */
};

struct row {
    const char *name;
    const char *made;    /* what the card goes through before, for good ... */
    const char *session; /* ... and after each power-up */
    const char *action;
    unsigned flags;
    void (*open)(struct fixture *f); /* NULL: profile `test` */
};

/* Steps, separated by spaces: an APDU in hexadecimal; or
 *   reset             power off and on
 *   auth:PAIR:SQN     AUTHENTICATE by the network of that pair
 *   ota:KEYS:TAR:SCRIPT  a command packet under the keyset of that pair (or c0: the first common one), in
 *                     as many messages as it takes
 *   keyset, subscriber  PUT KEY of an OTA keyset, of K and OPc */

extern const struct row cut_rows[];
extern const size_t cut_rows_n;

/* Everything the card answered. */
enum { SAID_MAX = 8192 };
struct said {
    uint8_t octets[SAID_MAX];
    size_t n;
};

/* Takes the steps; faults count and strike (faults.h) while the card has the word. said may be NULL. */
void cut_steps(struct fixture *f, const char *steps, struct said *said);

#endif
