/* SPDX-License-Identifier: Apache-2.0
 *
 * The SMSC's end of a terminal's local socket: modem_sms_socket.h has what is said on it.
 */
#ifndef TOOLS_SMSC_MODEM_H
#define TOOLS_SMSC_MODEM_H

#include "span.h"
#include "sw.h"

struct smsc_modem;

struct smsc_modem_heard { /* what the terminal says; ctx is the caller's */
    void (*report)(void *ctx, struct span user_data);
    unsigned (*submit)(void *ctx, struct span tpdu); /* RP cause, 0: taken */
    void *ctx;
};

/* Connects, and waits for the terminal to say who it is. NULL: *why is a text. */
struct smsc_modem *smsc_modem_open(const char *path, const char **why);
void smsc_modem_close(struct smsc_modem *m); /* NULL is allowed */

const char *smsc_modem_iccid(const struct smsc_modem *m); /* "": no card is there */
const char *smsc_modem_imsi(const struct smsc_modem *m);
int smsc_modem_fd(const struct smsc_modem *m); /* to be watched; -1: it hung up */

/* Hands over an SMS-DELIVER and listens until the card is quiet again. false: the terminal is gone, or nobody
 * could be asked. *sw: the card's status word, 0: it was not for the card. *failure: TP-FCS. */
bool smsc_modem_deliver(struct smsc_modem *m, const char *centre, struct span tpdu,
                        const struct smsc_modem_heard *heard, sw_t *sw, uint8_t *failure);

/* Takes a line that has come by itself: between two, there is time to pass on what the first had. */
void smsc_modem_listen(struct smsc_modem *m, const struct smsc_modem_heard *heard);

#endif
