/* SPDX-License-Identifier: Apache-2.0
 *
 * The loop that keeps cards in virtual readers: connects to vpcd (one TCP port a slot), serves power and APDUs, reconnects when pcscd goes
 * away. Sees the cards only through uicc.h.
 */
#ifndef READER_SERVE_H
#define READER_SERVE_H

#include "uicc.h"

struct serve_slot {
    struct uicc *card;
    const char *host;
    uint16_t port;
};

enum serve_event { SERVE_CONNECTED, SERVE_WAITING, SERVE_LOST, SERVE_POWER_ON, SERVE_POWER_OFF };

struct serve_options {
    const struct serve_slot *slots;
    size_t n_slots;
    /* A file descriptor that becomes readable when the loop is to end (a signalfd, a pipe); -1: never. */
    int stop_fd;
    /* Called on changes, not in a loop: a slot that cannot connect says WAITING once. detail: a short text. May be NULL. */
    void (*notify)(void *ctx, size_t slot, enum serve_event event, const char *detail);
    void *ctx;
};

/* Serves until stop_fd is readable. 0, or an errno value when the loop itself could not go on (no memory, host name unknown). */
int serve(const struct serve_options *options);

#endif
