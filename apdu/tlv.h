/* SPDX-License-Identifier: Apache-2.0
 *
 * BER-TLV (ISO/IEC 8825-1, definite lengths, as ETSI TS 101 220 7.1.1 restricts it) and COMPREHENSION-TLV
 * (ETSI TS 101 220 7.1.1.1) over the span types.
 */
#ifndef APDU_TLV_H
#define APDU_TLV_H

#include "span.h"

struct tlv {
    uint32_t tag; /* as it stands on the wire: 0x82, 0x9F70, 0x7F4E; at most three octets */
    struct span value;
};

/* The next BER-TLV object of r. false at the end of input or when the object is malformed: rd_ok(r) tells
 * which (a malformed object makes the reader bad). Lengths of up to three octets (83 xxxxxx). */
bool tlv_next(struct reader *r, struct tlv *out);

/* The first object of `in` (top level only) with this tag; false if absent or if
 * `in` is malformed before it. */
bool tlv_find(struct span in, uint32_t tag, struct span *value);

/* The next COMPREHENSION-TLV. out->tag comes without the comprehension bit (82 and 02 both give 02), which
 * goes to *comprehension when that is not NULL. Three-octet tags (7F xx xx) give the 15 bits. */
bool ctlv_next(struct reader *r, struct tlv *out, bool *comprehension);

/* The n-th (from 0) COMPREHENSION-TLV with this tag (without the comprehension bit). */
bool ctlv_find(struct span in, uint32_t tag, unsigned nth, struct span *value);

/* Appends a whole object. */
void buf_tlv(struct buf *b, uint32_t tag, struct span value);
void buf_tlv_u8(struct buf *b, uint32_t tag, uint8_t value);
void buf_tlv_u16(struct buf *b, uint32_t tag, uint16_t value);

/* A constructed object: write its content between open and close; close puts the length in (one to four
 * octets, moving the content when more than one is needed). Objects nest; close them in reverse order. */
size_t buf_tlv_open(struct buf *b, uint32_t tag);
void buf_tlv_close(struct buf *b, size_t mark);

#endif
