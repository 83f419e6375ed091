/* SPDX-License-Identifier: Apache-2.0
 *
 * What an operator must remember of his cards: the last counter used with each OTA keyset (ETSI TS 102 225: a
 * counter is never used twice), and each change order with the card's proof of receipt. One SQLite file, mode
 * 0600. Everything is on the disk when a function returns true, so that a counter is taken before the packet
 * that carries it leaves the house.
 */
#ifndef TOOLS_RECORDS_H
#define TOOLS_RECORDS_H

#include "span.h"

struct records;

struct records_error {
    char text[512]; /* one line for a person */
};

enum { RECORDS_COUNTER_BITS = 40 }; /* CNTR has five octets */
#define RECORDS_COUNTER_MAX ((UINT64_C(1) << RECORDS_COUNTER_BITS) - 1)

/* Opens the file, or makes it. NULL: *error says why. */
struct records *records_open(const char *path, struct records_error *error);
void records_close(struct records *r); /* NULL is allowed */

/* Which keyset a counter belongs to. */
struct records_keyset {
    const char *iccid;
    bool common;      /* a common keyset's number in place of a pair's index */
    unsigned index;
    unsigned version; /* of the keyset: bits 8-5 of KIc and KID */
};

/* The next counter, from 1 on. false: used up, or the file could not be written. */
bool records_take_counter(struct records *r, const struct records_keyset *keyset, uint64_t *counter,
                          struct records_error *error);

/* Notes that a counter chosen by hand is used now. false also when it is not above the last one noted. */
bool records_use_counter(struct records *r, const struct records_keyset *keyset, uint64_t counter,
                         struct records_error *error);

/* An order about to be sent. */
struct records_order {
    struct records_keyset keyset;
    uint64_t counter;
    const char *imsi;
    bool has_index;
    unsigned index;
    struct span reference; /* may be empty */
    struct span packet;    /* the command packet, from CPL on: ciphered, as it goes out */
};

/* What became of it. An order that was never answered stays in the log without one:
 * its outcome is not known. */
struct records_outcome {
    const char *outcome;   /* a word: "obeyed", "refused", ... */
    unsigned sw;           /* of the order in the script; 0: none came back */
    bool has_receipt;
    unsigned active, unused;
    struct span por;       /* the response packet as the card gave it: the evidence; may be empty */
};

bool records_order(struct records *r, const struct records_order *order, int64_t *id,
                   struct records_error *error);
bool records_answer(struct records *r, int64_t id, const struct records_outcome *outcome,
                    struct records_error *error);

#endif
