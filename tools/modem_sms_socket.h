/* SPDX-License-Identifier: Apache-2.0
 *
 * A terminal's short messages over a local socket, so that an SMSC may be another process. SOCK_SEQPACKET;
 * one SMSC at a time; a message is a line of words:
 *
 *   the terminal     the SMSC
 *   CARD iccid imsi                      who is here ("-": nobody); again whenever that changes
 *                    DELIVER n centre tpdu     an SMS-DELIVER, in hex; n is the SMSC's
 *   REPORT n fcs sw data                 its report: TP-FCS (00: delivered), the card's status word (0000: it
 * was not for the card), user data ("-": none) ABSENT n                             nobody could be asked: no
 * service, or the power went QUIET n                              after REPORT or ABSENT: the card has said
 * all it wanted to say because of it SUBMIT n centre tpdu                 an SMS-SUBMIT of the card or its
 * user; n is the terminal's TAKEN n cause             RP cause, 0: taken
 */
#ifndef TOOLS_MODEM_SMS_SOCKET_H
#define TOOLS_MODEM_SMS_SOCKET_H

#include "modem.h"

struct sms_socket;

struct sms_socket_error {
    char text[512];
};

enum { SMS_SOCKET_LINE_MAX = 1024 };

/* Listens there; a socket that nobody listens at gives way. NULL: *error. */
struct sms_socket *sms_socket_open(struct modem *m, const char *path, struct sms_socket_error *error);
void sms_socket_close(struct sms_socket *s); /* NULL is allowed */

/* A message from the terminal: 0, or RP cause (38, network out of order, when no SMSC is there). */
unsigned sms_socket_submit(struct sms_socket *s, const char *centre, struct span tpdu);

#endif
