/* SPDX-License-Identifier: Apache-2.0
 *
 * Secured packets in cell broadcast pages (3GPP TS 31.115 5), as ENVELOPE (Cell Broadcast Download)
 * of TS 31.111 7.1.2 brings them: 88 octets, of which 6 are header (TS 23.041 9.4.1): serial number,
 * message identifier, data coding, page of how many. The identifier says that it is a command
 * packet. Pure; for both ends.
 */
#ifndef OTA_PAGE_H
#define OTA_PAGE_H

#include "span.h"

enum {
    CB_PAGE = 88, CB_PAGE_CONTENT = 82, CB_PAGES_MAX = 15,
    CB_PACKET_FIRST = 0x1080, CB_PACKET_LAST = 0x109F, /* message identifiers of command packets */
    CB_DCS = 0x96, /* TS 23.038 5: 8-bit data, class 2 */
};

struct cb_page {
    uint16_t serial, identifier;
    uint8_t page, total;
    struct span content; /* the packet's octets; on the last page, padding behind them */
};

/* ENVELOPE's data: D2 { 82 device identities, 8C page }. false: not that, or a page for others. */
bool cb_envelope_parse(struct span envelope, struct cb_page *out);
/* A page of a packet; content.n is at most CB_PAGE_CONTENT. */
void cb_envelope_build(struct span content, uint16_t serial, unsigned page, unsigned total, struct buf *out);

#endif
