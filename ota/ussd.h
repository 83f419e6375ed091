/* SPDX-License-Identifier: Apache-2.0
 *
 * Secured packets in USSD strings (3GPP TS 31.115 6), as the ENVELOPE (USSD Data Download) of TS 31.111
 * brings them and SEND USSD takes them. Pure; for both ends.
 *
 * What was verified: tag D9 of the envelope, 8A of the string, DCS before its octets, DCS 96 (TS 23.038 5:
 * with user data header, 8-bit data, class 2), status 0C of TS 102 225. That the header is that of a short
 * message, with 70 for a command and 71 for a response packet, follows from that DCS; the text of clause 6
 * was not at hand. Whoever has it and finds otherwise changes ussd_identifiers here, and nothing else.
 */
#ifndef OTA_USSD_H
#define OTA_USSD_H

#include "span.h"

enum {
    USSD_DCS = 0x96,
    USSD_STRING_MAX = 160, /* octets behind the DCS, TS 24.080 */
};

struct ussd_identifiers {
    uint8_t command, response; /* IEIs in the header */
};
extern const struct ussd_identifiers ussd_identifiers;

/* ENVELOPE's data: D9 { 82 device identities 83 81, 8A string }. *packet: what follows a header that says
 * "command packet", from CPL on. false: not such an envelope, or a string for others. */
bool ussd_envelope_parse(struct span envelope, struct span *packet);
/* The reverse; out becomes full when the packet does not fit one string. */
void ussd_envelope_build(struct span packet, struct buf *out);

/* The string object (8A) of SEND USSD for a response packet (from UDHL on, as scp80_response_build writes
 * it). full: it does not fit. */
void ussd_response_build(struct span response, struct buf *out);
/* And from what follows a SEND USSD command's device identities: the response packet, from UDHL on. */
bool ussd_response_parse(struct span rest, struct span *response);

#endif
