/* SPDX-License-Identifier: Apache-2.0
 *
 * Short messages that are for people, or from them: SMPP has characters and a data_coding (SMPP 3.4, 5.2.19),
 * the radio interface a TPDU of TS 23.040, whose default alphabet is packed. Pure.
 */
#ifndef TOOLS_SMSC_TEXT_H
#define TOOLS_SMSC_TEXT_H

#include "smpp.h"
#include "sms.h"

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
