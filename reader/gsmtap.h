/* SPDX-License-Identifier: Apache-2.0
 *
 * A trace sink that sends what passes between terminal and card as GSMTAP over UDP, so that Wireshark shows
 * it live.
 *
 * The header is version 2 of the format that libosmocore's gsmtap.h describes: 16 octets, type SIM (04),
 * sub-type APDU (00) or ATR (01). What follows is a T=0 exchange as a sniffer on the contacts would see it:
 * header, data one way or the other, SW1 SW2.
 */
#ifndef READER_GSMTAP_H
#define READER_GSMTAP_H

#include "uicc.h"

enum {
    GSMTAP_PORT = 4729,
    GSMTAP_HEADER = 16,
    GSMTAP_FRAME_MAX = 65000, /* a UDP datagram takes 65507 octets; what is longer is cut */
};

struct gsmtap {
    int fd;       /* -1: none */
    uint8_t slot; /* tells cards apart: the header's sub-slot */
};

/* 0, or an errno value: ENOENT when the host's name is unknown. Nobody needs to listen there. */
int gsmtap_open(struct gsmtap *g, const char *host, uint16_t port, uint8_t slot);
void gsmtap_close(struct gsmtap *g);

/* The frame for an event into `to`, which has room for GSMTAP_FRAME_MAX octets. 0: this event has none (a
 * note, a mute card). What the event withholds is there as octets FF, as many as its P3 says: the dissector
 * needs the lengths. */
size_t gsmtap_frame(const struct uicc_trace_event *event, uint8_t slot, uint8_t *to);

/* A sink (trace.h): ctx is the struct gsmtap. What cannot be sent is lost: a trace must not hold up the card.
 */
void gsmtap_event(void *ctx, const struct uicc_trace_event *event);

#endif
