/* SPDX-License-Identifier: Apache-2.0
 *
 * The reader's end of vpcd's protocol (reader/vpcd.h is the card's): listens, takes a card in, exchanges
 * frames. For measuring.
 */
#ifndef TOOLS_VPCD_END_H
#define TOOLS_VPCD_END_H

#include <netinet/in.h>

#include "span.h"

enum { VPCD_END_WAIT_MS = 10000, VPCD_END_FRAME = 2 + 512 };

/* On a port of the loopback that the system chooses: *at. -1: errno says why. */
int vpcd_end_listen(struct sockaddr_in *at);

/* Waits for a card, gives it power and asks for its ATR. -1: no card, or no ATR, within ten seconds. */
int vpcd_end_card(int listener);

/* A frame: two octets of length, and what follows them, in one piece. *n: what follows. */
bool vpcd_end_give(int fd, struct span octets);
bool vpcd_end_take(int fd, uint8_t frame[VPCD_END_FRAME], size_t *n);

#endif
