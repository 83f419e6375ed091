/* SPDX-License-Identifier: Apache-2.0
 *
 * Putting concatenated messages together (3GPP TS 23.040 9.2.3.24.1): any order, duplicates, several at a
 * time. Pure but for the memory it is given; bounded by that memory, by a number of messages under way and by
 * a count of messages that came in between: the card has no clock.
 */
#ifndef OTA_ASSEMBLY_H
#define OTA_ASSEMBLY_H

#include "span.h"

enum {
    ASSEMBLY_MESSAGES = 4,   /* under way at the same time; a fifth makes the oldest go */
    ASSEMBLY_PARTS_MAX = 40, /* of one message: about 5 KiB of packet */
    ASSEMBLY_PART_MAX = 140, /* octets of one part */
    /* parts of other messages that may come before one that does not grow is given up */
    ASSEMBLY_PATIENCE = 64,
    ASSEMBLY_SOURCE_MAX = 16,
};

struct assembly_message {
    /* originator and kind of reference: what tells equal references apart */
    uint8_t source[ASSEMBLY_SOURCE_MAX];
    uint8_t source_len;
    uint16_t reference;
    uint8_t total;         /* 0: the slot is free */
    uint8_t have;          /* parts received */
    bool packet;           /* the first part said that it is a command packet */
    uint32_t touched;      /* value of `clock` when it last grew */
    uint8_t lengths[ASSEMBLY_PARTS_MAX];  /* 0xFF: not there yet */
    uint8_t parts[ASSEMBLY_PARTS_MAX][ASSEMBLY_PART_MAX];
};

struct assembly { /* all zero to begin with */
    uint32_t clock;        /* parts seen */
    struct assembly_message messages[ASSEMBLY_MESSAGES];
};

struct assembly_part {
    struct span source;
    uint16_t reference;
    uint8_t total, number; /* as received */
    bool packet;           /* this part's header has the command packet's identifier */
    struct span body;
};

/* Takes a part. True when it completes its message, and the message is a command packet: `out` then has the
 * whole. A message that is complete and is none is dropped. Parts that make no sense (0 of n, n of less, too
 * many, too long) are dropped; a part that contradicts what was received under its reference starts the
 * message anew: the reference was used again. */
bool assembly_take(struct assembly *a, const struct assembly_part *part, struct buf *out);

/* Nothing is under way: the memory can go. */
bool assembly_idle(const struct assembly *a);

#endif
