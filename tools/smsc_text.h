/* SPDX-License-Identifier: Apache-2.0
 *
 * Short messages that are for people, or from them: SMPP has characters and a data_coding (SMPP 3.4, 5.2.19),
 * the radio interface a TPDU of TS 23.040, whose default alphabet is packed. Pure.
 */
#ifndef TOOLS_SMSC_TEXT_H
#define TOOLS_SMSC_TEXT_H

#include "smpp.h"
#include "sms.h"

/* TP-OA of a source_addr: a number, or a name of up to eleven characters of the default alphabet (TON 5; TS
 * 23.040 9.1.2.5); `own` for who does not say who he is (SMPP 3.4, 4.4.1). false: it is none of these. */
bool smsc_text_originator(const struct smpp_address *from, const char *own, struct buf *out);

/* TP-DA of a card's message as destination_addr. What is no number leaves *to as it is: a name was never
 * given to the card but as the source of what it answers, and that is known in SMPP's own characters. */
void smsc_text_destination(struct span address, struct smpp_address *to);

/* Appends the SMS-DELIVER. data_coding: 0 the default alphabet, 1 and 3 Latin (in the default alphabet, or in
 * UCS2 if that has not all of it), 8 UCS2, 10 to 1F, 30 to 3F and F0 to FF are TP-DCS; all else is octets. A
 * character is an octet, behind the user data header, if there is one; UCS2 has two. SMPP_OK, or what to
 * refuse with. */
uint32_t smsc_text_deliver(const struct smpp_message *m, struct span originator, const uint8_t stamp[7],
                           struct buf *tpdu);

/* An SMS-SUBMIT of any coding. Septets come unpacked into `text` (behind the header), dcs is then 0: a
 * character an octet, as SMPP has them. false: it is none. *out borrows from tpdu and text. */
bool smsc_text_submit(struct span tpdu, struct sms_submit *out, struct buf *text);

#endif
