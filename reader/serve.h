/* SPDX-License-Identifier: Apache-2.0
 *
 * The loop that keeps cards in virtual readers: connects to vpcd (one TCP port a slot), serves power and
 * APDUs, reconnects when pcscd goes away. Sees the cards only through uicc.h.
 */
#ifndef READER_SERVE_H
#define READER_SERVE_H

#include "uicc.h"

struct serve_slot {
    struct uicc *card;
    const char *host;
    uint16_t port;
};

/* What a slot's card goes through; each comes with a short text ("" where none is named). */
enum serve_event {
    SERVE_CONNECTED, /* text: the address and port */
    SERVE_IDLE,      /* connected, and nothing was asked for a while; text: what that may mean */
    SERVE_WAITING,   /* no reader there so far; text: the system's reason */
    SERVE_LOST,      /* the reader went away; text: why. Waited for in silence, until SERVE_CONNECTED */
    SERVE_MUTE,      /* the card gives no ATR: taken out of the reader, tried again now and then */
    SERVE_POWER_ON,  /* or reset */
    SERVE_POWER_OFF,
};

struct serve_options {
    const struct serve_slot *slots;
    size_t n_slots;
    /* A file descriptor that becomes readable when the loop is to end (a signalfd, a pipe); -1: never. */
    int stop_fd;
    /* Called on changes, not in a loop: a slot that cannot connect says WAITING once. detail: the text. May
     * be NULL. */
    void (*notify)(void *ctx, size_t slot, enum serve_event event, const char *detail);
    void *ctx;
};

/* Serves until stop_fd is readable; every card is without power then. 0, or an errno value when the loop
 * itself could not go on: ENOMEM, ENOENT when a host name is unknown (*bad, may be NULL, gets its slot). */
int serve(const struct serve_options *options, size_t *bad);

#endif
