/* SPDX-License-Identifier: Apache-2.0 */
#include "sqn.h"

enum { SQN_BITS = 48, IND_BITS_MAX = 5 };

uint64_t sqn_from(const uint8_t sqn[6])
{
    struct reader r = rd_of(span_of(sqn, 6));
    return rd_be(&r, 6);
}

void sqn_to(uint64_t value, uint8_t sqn[6])
{
    struct buf b = buf_of(sqn, 6);
    buf_be(&b, value, 6);
}

static size_t slots(const struct sqn_scheme *scheme)
{
    return (size_t)1 << scheme->ind_bits;
}

static size_t ind_of(const struct sqn_scheme *scheme, uint64_t sqn)
{
    return (size_t)(sqn & (slots(scheme) - 1));
}

static uint64_t seq_max(const struct sqn_scheme *scheme)
{
    return (UINT64_C(1) << (SQN_BITS - scheme->ind_bits)) - 1;
}

/* The slot of the highest SQN: of two slots with the same SEQ the one with the higher IND. */
static size_t highest(const struct sqn_scheme *scheme, const struct sqn_state *state)
{
    size_t best = 0;
    for (size_t i = 1; i < slots(scheme); i++)
        if (state->seq[i] >= state->seq[best])
            best = i;
    return best;
}

bool sqn_fresh(const struct sqn_scheme *scheme, const struct sqn_state *state, uint64_t sqn)
{
    if (scheme->ind_bits > IND_BITS_MAX || sqn >> SQN_BITS != 0)
        return false;
    uint64_t seq = sqn >> scheme->ind_bits;
    uint64_t seq_ms = state->seq[highest(scheme, state)];
    /* Each difference is taken only in the direction in which it is positive: an unsigned wrap here would
     * refuse every SEQ below the highest on an IND that is still fresh. */
    if (seq > seq_ms && scheme->delta != 0 && seq - seq_ms > scheme->delta) /* C.2.1: SEQ - SEQ_MS <= delta */
        return false;
    if (seq < seq_ms && scheme->age != 0 && seq_ms - seq >= scheme->age) /* C.2.2: SEQ_MS - SEQ < L */
        return false;
    return seq > state->seq[ind_of(scheme, sqn)];
}

void sqn_accept(const struct sqn_scheme *scheme, struct sqn_state *state, uint64_t sqn)
{
    if (scheme->ind_bits > IND_BITS_MAX || sqn >> SQN_BITS != 0)
        return;
    uint64_t *slot = &state->seq[ind_of(scheme, sqn)];
    uint64_t seq = sqn >> scheme->ind_bits;
    if (seq > *slot)
        *slot = seq;
}

uint64_t sqn_highest(const struct sqn_scheme *scheme, const struct sqn_state *state)
{
    if (scheme->ind_bits > IND_BITS_MAX)
        return 0;
    size_t best = highest(scheme, state);
    /* SEQ 0 is never accepted, so a state of zeros has accepted nothing, and its SQN_MS is 0 and not the
     * highest IND. */
    return state->seq[best] == 0 ? 0 : state->seq[best] << scheme->ind_bits | best;
}

/* Six octets at once, for every AUTHENTICATE reads and writes up to 32 such numbers;
 * compilers make two moves of it. */
static uint64_t load48(const uint8_t *p)
{
    uint32_t high = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    uint32_t low = (uint32_t)p[4] << 8 | p[5];
    return (uint64_t)high << 16 | low;
}

static void store48(uint8_t *p, uint64_t v)
{
    p[0] = (uint8_t)(v >> 40);
    p[1] = (uint8_t)(v >> 32);
    p[2] = (uint8_t)(v >> 24);
    p[3] = (uint8_t)(v >> 16);
    p[4] = (uint8_t)(v >> 8);
    p[5] = (uint8_t)v;
}

size_t sqn_state_encode(const struct sqn_scheme *scheme, const struct sqn_state *state,
                        uint8_t out[SQN_STATE_MAX])
{
    if (scheme->ind_bits > IND_BITS_MAX)
        return 0;
    size_t n = slots(scheme);
    for (size_t i = 0; i < n; i++)
        store48(out + 6 * i, state->seq[i]);
    return 6 * n;
}

bool sqn_state_decode(const struct sqn_scheme *scheme, struct span in, struct sqn_state *state)
{
    *state = (struct sqn_state){{0}};
    if (scheme->ind_bits > IND_BITS_MAX || in.n != 6 * slots(scheme))
        return false;
    uint64_t all = 0;
    size_t n = slots(scheme);
    for (size_t i = 0; i < n; i++) {
        state->seq[i] = load48(in.p + 6 * i);
        all |= state->seq[i];
    }
    if (all <= seq_max(scheme)) /* seq_max is all ones: no SEQ is above it when their union is not */
        return true;
    *state = (struct sqn_state){{0}};
    return false;
}
