/* SPDX-License-Identifier: Apache-2.0
 *
 * Step names are those of FIPS 202 3.2. rho and pi are one walk along the single cycle that pi makes of the
 * 24 lanes other than (0, 0).
 */
#include "keccak.h"

enum { ROUNDS = 24 };

static const uint64_t iota[ROUNDS] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808A, 0x8000000080008000, 0x000000000000808B,
    0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008A, 0x0000000000000088,
    0x0000000080008009, 0x000000008000000A, 0x000000008000808B, 0x800000000000008B, 0x8000000000008089,
    0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800A, 0x800000008000000A,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

static uint64_t rotate(uint64_t v, unsigned bits) /* 1 to 63 */
{
    return v << bits | v >> (64 - bits);
}

void keccak_f1600(uint64_t state[25])
{
    static const uint8_t lane[24] = {10, 7,  11, 17, 18, 3, 5,  16, 8,  21, 24, 4,
                                     15, 23, 19, 13, 12, 2, 20, 14, 22, 9,  6,  1};
    static const uint8_t bits[24] = {1,  3,  6,  10, 15, 21, 28, 36, 45, 55, 2,  14,
                                     27, 41, 56, 8,  25, 43, 62, 18, 39, 61, 20, 44};
    uint64_t column[5];
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned x = 0; x < 5; x++) /* theta */
            column[x] = state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20];
        for (unsigned x = 0; x < 5; x++) {
            uint64_t d = column[(x + 4) % 5] ^ rotate(column[(x + 1) % 5], 1);
            for (unsigned y = 0; y < 25; y += 5)
                state[x + y] ^= d;
        }
        uint64_t carried = state[1]; /* rho, pi */
        for (unsigned i = 0; i < 24; i++) {
            uint64_t there = state[lane[i]];
            state[lane[i]] = rotate(carried, bits[i]);
            carried = there;
        }
        for (unsigned y = 0; y < 25; y += 5) { /* chi */
            for (unsigned x = 0; x < 5; x++)
                column[x] = state[x + y];
            for (unsigned x = 0; x < 5; x++)
                state[x + y] = column[x] ^ (~column[(x + 1) % 5] & column[(x + 2) % 5]);
        }
        state[0] ^= iota[round];
    }
}
