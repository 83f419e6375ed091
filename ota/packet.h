/* SPDX-License-Identifier: Apache-2.0
 *
 * What happens to one whole command packet, whatever bearer brought it: keyset, decryption and verification,
 * target and its minimum security, counter, script, response packet (ETSI TS 102 225, TS 102 226).
 */
#ifndef OTA_PACKET_H
#define OTA_PACKET_H

#include "applet.h"
#include "scp80.h"

enum {
    /* octets of a response packet; longer script responses lose their last command's data (TS 102 226 5) */
    PACKET_RESPONSE_MAX = 4096,
};

/* Where the response packet is to go. */
enum packet_answer {
    PACKET_NO_ANSWER,
    PACKET_ANSWER_BY_REPORT,
    PACKET_ANSWER_BY_SUBMIT, /* asked for, and authentic */
};

/* Processes a packet (from CPL on) and writes the response packet (from UDHL on) to `out`. `report`, of at
 * least 64 octets, gets a short one for the delivery report when the answer goes another way (status
 * `elsewhere`: 0B or 0C). `limit`: the longest response the report can carry. `event`: what an applet that
 * takes the data itself must have registered for. */
enum packet_answer packet_process(struct applet self, struct span packet, enum toolkit_event event,
                                  size_t limit, enum scp80_status elsewhere, struct buf *out,
                                  struct buf *report);

#endif
