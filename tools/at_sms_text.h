/* SPDX-License-Identifier: Apache-2.0
 *
 * Short messages as +CMGF=1 shows and takes them (TS 27.005 3.1): TPDUs of TS 23.040 of every coding, unlike
 * ota/sms.h, which knows those that are for a card. Pure.
 */
#ifndef TOOLS_AT_SMS_TEXT_H
#define TOOLS_AT_SMS_TEXT_H

#include "span.h"

enum { AT_NUMBER_MAX = 48 };

enum at_tpdu_type { AT_DELIVER = 0, AT_SUBMIT = 1, AT_STATUS_REPORT = 2 };

struct at_tpdu {
    enum at_tpdu_type type;
    uint8_t first, reference, pid, dcs, status;
    struct span validity;         /* of a SUBMIT, as it stands: one octet (relative), seven or none */
    uint8_t address_type;         /* <tooa>, <toda>, <tora>; 0: no address */
    char address[AT_NUMBER_MAX];  /* UTF-8: digits with a +, or a name */
    struct span stamp, discharge; /* seven octets each, or empty */
    size_t length;                /* TP-UDL as it stands */
    struct span user_data;        /* with its header */
};

/* What is in an SMS-DELIVER, SMS-STATUS-REPORT (sent to a phone) or SMS-SUBMIT. false: it is none. */
bool at_tpdu_parse(struct span tpdu, struct at_tpdu *out);

/* The user data is text of the default alphabet, and not hexadecimal digits (TS 27.005 3.1, <data>). */
bool at_tpdu_is_text(uint8_t first, uint8_t dcs);

/* Text (UTF-8) of 7-bit user data; what has no room is cut. */
void at_tpdu_text(const struct at_tpdu *t, char *utf8, size_t room);

/* "yy/MM/dd,hh:mm:ss+zz" (TS 23.040 9.2.3.11) */
enum { AT_STAMP_MAX = 24 };
void at_stamp_text(struct span stamp, char to[AT_STAMP_MAX]);

/* TP-DA's octets of a number of digits, *, # and a + in front, of this type (0: what the number says by
 * itself; a + says enough). false: it is none of 1 to 20 digits. */
bool at_address_pack(const char *number, uint8_t type, struct buf *out);

/* An SMS-SUBMIT: number (with + or not; "": to nobody yet), validity as TP-VPF in the first octet has it, and
 * user data in octets of this many units (septets or octets). */
struct at_submit {
    uint8_t first, pid, dcs;
    struct span validity;
    const char *number;
    uint8_t type; /* as at_address_pack has it */
    size_t length;
    struct span user_data;
};
void at_submit_build(const struct at_submit *s,
                     struct buf *out); /* full: no such number or validity, or too long */

/* A service centre in front of a TPDU (TS 27.005 3.1, <pdu>; TS 24.011 8.2.5.1): octet count, type, digits;
 * or 00. */
void at_centre_build(const char *number, struct buf *out);
bool at_centre_take(struct reader *r, char number[AT_NUMBER_MAX]); /* "" for none */

#endif
