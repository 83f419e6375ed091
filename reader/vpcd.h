/* SPDX-License-Identifier: Apache-2.0
 *
 * The wire format of vsmartcard's vpcd (a 16-bit length, then that many octets), sans I/O: octets go in as
 * they arrive, split anywhere, and whole messages come out. The card's end.
 */
#ifndef READER_VPCD_H
#define READER_VPCD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VPCD_PORT = 35963, VPCD_FRAME_MAX = 65535 };

enum vpcd_message {
    VPCD_MORE,      /* no whole message yet */
    VPCD_POWER_OFF, /* length 1, control 00 */
    VPCD_POWER_ON,  /* control 01 */
    VPCD_RESET,     /* control 02 */
    VPCD_ATR,       /* control 04: answer with the ATR */
    VPCD_APDU,
    VPCD_UNKNOWN, /* length 0: ignored */
};

struct vpcd {
    uint8_t in[2 + VPCD_FRAME_MAX];
    size_t have; /* octets in `in` */
    size_t at;   /* where the next message starts, or the one handed out last ... */
    size_t used; /* ... and how long that one is: dropped, and wiped, by the next call */
};

void vpcd_init(struct vpcd *v);

/* Wipes what came in: commands carry PINs. */
void vpcd_wipe(struct vpcd *v);

/* Where to receive to, and how much fits: never 0 once vpcd_next has said VPCD_MORE. After receiving n octets
 * call vpcd_received. */
uint8_t *vpcd_room(struct vpcd *v, size_t *room);
void vpcd_received(struct vpcd *v, size_t n);

/* The next whole message; for VPCD_APDU *apdu, *n say where, valid until the next call. Call until VPCD_MORE.
 * One octet that is no control is a PC/SC client's APDU of one octet: the driver sends it so, waits for its
 * answer, and hangs its clients if there is none. (An APDU of the octet 00, 01 or 02 cannot be told from a
 * control and does hang them; only the driver could help that.) */
enum vpcd_message vpcd_next(struct vpcd *v, const uint8_t **apdu, size_t *n);

/* The two length octets that go before an answer of n octets (send both in one write). */
void vpcd_prefix(size_t n, uint8_t prefix[2]);

#endif
