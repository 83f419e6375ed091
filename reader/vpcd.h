/* SPDX-License-Identifier: Apache-2.0
 *
 * The wire format of vsmartcard's vpcd (a 16-bit length, then that many octets), sans I/O: octets go in as they arrive, split anywhere, and
 * whole messages come out. The card's end.
 */
#ifndef READER_VPCD_H
#define READER_VPCD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VPCD_PORT = 35963, VPCD_FRAME_MAX = 65535 };

enum vpcd_message {
    VPCD_MORE,       /* no whole message yet */
    VPCD_POWER_OFF,  /* length 1, control 00 */
    VPCD_POWER_ON,   /* control 01 */
    VPCD_RESET,      /* control 02 */
    VPCD_ATR,        /* control 04: answer with the ATR */
    VPCD_APDU,
    VPCD_UNKNOWN,    /* length 0, or a control nobody knows: ignored */
};

struct vpcd {
    uint8_t in[2 + VPCD_FRAME_MAX];
    size_t have;     /* octets in `in` */
    size_t used;     /* octets of the message handed out last, dropped by the next call */
};

void vpcd_init(struct vpcd *v);

/* Where to receive to, and how much fits (never 0). After receiving n octets call vpcd_received. */
uint8_t *vpcd_room(struct vpcd *v, size_t *room);
void vpcd_received(struct vpcd *v, size_t n);

/* The next whole message; for VPCD_APDU *apdu, *n say where, valid until the next call. Call until VPCD_MORE. */
enum vpcd_message vpcd_next(struct vpcd *v, const uint8_t **apdu, size_t *n);

/* The two length octets that go before an answer of n octets (send both in one write). */
void vpcd_prefix(size_t n, uint8_t prefix[2]);

#endif
