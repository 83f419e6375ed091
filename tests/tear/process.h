/* SPDX-License-Identifier: Apache-2.0
 *
 * `softuicc run` as a process of its own, in a reader that the test plays (vpcd's end of the line, on a port
 * that the system chose).
 */
#ifndef TEAR_PROCESS_H
#define TEAR_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct reader_end {
    int listening, fd; /* fd: -1 without a card in the reader */
    unsigned port;
};

bool reader_open(struct reader_end *r); /* false: no socket */
void reader_close(struct reader_end *r);

/* argv of softuicc run; the words behind `more`, up to a NULL, are added. Standard error goes to `log` (NULL:
 * nowhere). */
pid_t softuicc_run(const char *softuicc, const char *deck, unsigned port, const char *durability,
                   const char *log);

/* Waits for the card and powers it: false when the process ends, or nothing comes in ten seconds. */
bool reader_insert(struct reader_end *r, pid_t pid);
void reader_eject(struct reader_end *r); /* the line is cut */

/* A command and its answer. until: CLOCK_MONOTONIC in microseconds, 0: ten seconds. Returns the answer's
 * length, 0: the time was up, or the card is gone. */
size_t reader_transmit(struct reader_end *r, const uint8_t *command, size_t n, uint8_t *answer, size_t room,
                       uint64_t until);

uint64_t microseconds(void);

#endif
