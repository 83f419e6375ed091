/* SPDX-License-Identifier: Apache-2.0
 *
 * The text codings of the field, to UTF-8. Pure; any input gives text. `to` gets a NUL; what does not fit is
 * left out. And back: from UTF-8, when a coding has all the characters.
 */
#ifndef TOOLS_DECODE_TEXT_H
#define TOOLS_DECODE_TEXT_H

#include "span.h"

/* GSM 7-bit default alphabet (TS 23.038 6.2.1), one octet a character, up to the first FF. */
void text_gsm(struct span s, char *to, size_t room);
/* The same packed, so many septets; `skip` fill bits first. */
void text_gsm_packed(struct span s, size_t septets, unsigned skip, char *to, size_t room);
/* UCS2, big-endian, up to FFFF. */
void text_ucs2(struct span s, char *to, size_t room);
/* An alpha identifier: ETSI TS 102 221 annex A: default alphabet, or UCS2 in three forms (80, 81, 82).
 * Padding FF. */
void text_alpha(struct span s, char *to, size_t room);
/* UTF-8 as it is, up to FF; octets that are none become '?'. */
void text_utf8(struct span s, char *to, size_t room);
/* Extended BCD digits (TS 31.102 table 4.4): 0-9 * # and p (pause), ? (wild), e; up to the first F. */
void text_digits(struct span s, char *to, size_t room);
/* A telephone number: TON/NPI octet, then digits; "+" before an international one. */
void text_number(uint8_t ton_npi, struct span digits, char *to, size_t room);
/* The same in a short message (TS 23.040 9.1.2.3), where the last digits are a, b, c. */
void text_address(uint8_t ton_npi, struct span digits, char *to, size_t room);
/* A PLMN (TS 24.008 10.5.1.13): "001/01", "310/410"; a digit D (any, in EF.OPL) is "?". false, and "":
 * FFFFFF, or no digits. */
bool text_plmn(struct span three, char to[8]);

/* UTF-8 to the default alphabet, one octet a character (two for those of the extension table). false: a
 * character that it has not, or text that is no UTF-8; out is then of no use. */
bool text_to_gsm(const char *utf8, struct buf *out);
/* UTF-8 to UCS2, big-endian. false likewise. */
bool text_to_ucs2(const char *utf8, struct buf *out);
/* A text string of the toolkit (TS 102 223 8.15) from UTF-8: coding scheme, then the default alphabet in
 * octets, or UCS2 if that has not all of it. out becomes full when it has no room, or the text is none. */
void text_string(const char *utf8, struct buf *out);
/* Septets (one octet each) packed, after `skip` fill bits (0 to 6). */
void text_pack(struct span septets, unsigned skip, struct buf *out);
/* User data of a short message with this TP-DCS (TS 23.038 4) is counted in septets. */
bool text_dcs_is_7bit(uint8_t dcs);
/* Packed septets, one octet each; at most `septets`. */
void text_unpack(struct span s, size_t septets, unsigned skip, struct buf *out);

/* All FF: nothing in it. */
bool text_blank(struct span s);
/* Without the FFs at its end. */
struct span text_trimmed(struct span s);

#endif
