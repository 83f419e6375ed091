/* SPDX-License-Identifier: Apache-2.0
 *
 * Hexadecimal text and the digit coding of the field: swapped BCD, as EF.ICCID (ETSI TS 102 221 13.2) and
 * EF.IMSI (3GPP TS 31.102 4.2.2) use it.
 */
#ifndef APDU_HEX_H
#define APDU_HEX_H

#include "span.h"

/* What a hex digit is worth, upper or lower case; -1: it is none. */
int hex_digit(char c);

/* Reads hex digits, upper or lower case, blanks (space, tab, newline, colon) between octets allowed.
 * Appends to out. false: a character that is no digit, an odd number of digits, or no room; *where (may
 * be NULL) gets its offset. */
bool hex_parse(const char *text, struct buf *out, size_t *where);

/* Writes lower case digits and a NUL: to must have room for 2 * s.n + 1. */
void hex_format(struct span s, char *to);

/* Digits to swapped BCD, padded with F to n octets. false when text has other characters or is too long. */
bool bcd_pack(const char *digits, uint8_t *to, size_t n);

/* Swapped BCD to text, up to the first F nibble: to must have room for 2 * s.n + 1.
 * false on a nibble A to E. */
bool bcd_unpack(struct span s, char *to);

/* EF.IMSI (TS 31.102 4.2.2): length, then parity and digits. 6 to 15 digits. false when text, or the file, is
 * none; unpack then leaves an empty text. */
bool imsi_pack(const char *digits, uint8_t to[9]);
bool imsi_unpack(struct span ef_imsi, char to[16]);

/* The Luhn check digit (ISO/IEC 7812-1) of a string of digits, as ITU-T E.118 puts
 * it at the end of an ICCID. */
char luhn_digit(const char *digits);

#endif
