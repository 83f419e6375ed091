/* SPDX-License-Identifier: Apache-2.0
 *
 * Sequence numbers as 3GPP TS 33.102 Annex C keeps them on a USIM: SQN = SEQ || IND, one highest SEQ stored
 * per IND. Pure.
 */
#ifndef CRYPTO_SQN_H
#define CRYPTO_SQN_H

#include "span.h"

struct sqn_scheme {
    uint8_t ind_bits; /* 0 to 5 */
    uint64_t delta; /* C.2.1: the largest jump above the highest SEQ accepted so far (SEQ - SEQ_MS <= delta);
                       0: no limit */
    uint64_t age;   /* C.2.2 L: SEQ must lie less than L below the highest (SEQ_MS - SEQ < L); 0: no limit */
};

enum { SQN_SLOTS = 32, SQN_STATE_MAX = 6 * SQN_SLOTS };

struct sqn_state { /* all zero on a fresh key: the first SQN whose SEQ is above 0 is accepted */
    uint64_t seq[SQN_SLOTS];
};

uint64_t sqn_from(const uint8_t sqn[6]);
void sqn_to(uint64_t value, uint8_t sqn[6]);

/* True when a USIM accepts this SQN: SEQ above the one stored for its IND, within delta of the highest SEQ of
 * all, and not older than age allows. Does not change the state. False for a number of more than 48 bits. */
bool sqn_fresh(const struct sqn_scheme *scheme, const struct sqn_state *state, uint64_t sqn);

/* Stores an accepted SQN. Never lowers what is stored. */
void sqn_accept(const struct sqn_scheme *scheme, struct sqn_state *state, uint64_t sqn);

/* SQN_MS: the highest SQN accepted, which AUTS carries (TS 33.102 6.3.3, C.2.2); 0 on a fresh key. */
uint64_t sqn_highest(const struct sqn_scheme *scheme, const struct sqn_state *state);

/* The state as a stored object: 2^ind_bits entries of six octets. decode returns false on a wrong
 * length or a SEQ that the scheme cannot have, and leaves the state zeroed. */
size_t sqn_state_encode(const struct sqn_scheme *scheme, const struct sqn_state *state,
                        uint8_t out[SQN_STATE_MAX]);
bool sqn_state_decode(const struct sqn_scheme *scheme, struct span in, struct sqn_state *state);

#endif
