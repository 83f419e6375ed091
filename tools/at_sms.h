/* SPDX-License-Identifier: Apache-2.0
 *
 * What at_sms.c and at_sms_memory.c share.
 */
#ifndef TOOLS_AT_SMS_H
#define TOOLS_AT_SMS_H

#include "at_inner.h"
#include "at_sms_text.h"
#include "decode_text.h"

enum { AT_SMS_LINE_MAX = 1024 };

bool at_text_mode(const struct at *at);
at_result at_sms_parameter(const struct at *at); /* +CMS ERROR 304 or 305 */

/* A telephone number that the peer gave in its character set; 145 as its type puts a + before it. */
bool at_sms_number(struct at *at, struct span text, uint32_t type, char to[AT_NUMBER_MAX]);
/* <da>,<toda> as the nth parameter and the next; *type: 0 when that is not given. */
bool at_sms_take_number(struct at_call *c, unsigned nth, char number[AT_NUMBER_MAX], uint8_t *type);
/* Text for between quotation marks. */
void at_sms_shown(const struct at *at, const char *utf8, char *to, size_t room);

/* A <pdu> of `length` octets of TPDU; centre: "" for none. */
bool at_sms_pdu(struct span text, uint32_t length, char centre[AT_NUMBER_MAX], struct buf *tpdu);
bool at_sms_submit_of(struct at *at, struct span text, struct buf *tpdu);
/* Sends it, and says `name`: reference. centre "": the card's. */
at_result at_sms_send(struct at *at, const char *name, const char *centre, struct span tpdu);
at_result at_sms_ask(struct at_call *c, at_result (*text)(struct at *at, struct span text));
void at_sms_data(struct at *at,
                 void (*line)(struct at *at, const char *before, struct span octets, const char *after),
                 const char *before, const struct at_tpdu *t);

#endif
