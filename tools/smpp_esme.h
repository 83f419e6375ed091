/* SPDX-License-Identifier: Apache-2.0
 *
 * An ESME: who sends short messages through somebody's SMSC over SMPP 3.4, as transceiver, and hears what
 * comes back.
 */
#ifndef TOOLS_SMPP_ESME_H
#define TOOLS_SMPP_ESME_H

#include "smpp_link.h"

struct smpp_esme;

/* Connects and binds within so many milliseconds. NULL: *error says why. */
struct smpp_esme *smpp_esme_open(const char *endpoint, const char *system_id, const char *password,
                                 unsigned timeout_ms, struct smpp_link_error *error);

/* Unbinds and hangs up. NULL is allowed. */
void smpp_esme_close(struct smpp_esme *e);

/* Every message that the SMSC delivers, at any time that one of the functions below waits; it has been
 * acknowledged when heard() returns. Receipts do not count. */
void smpp_esme_listen(struct smpp_esme *e, void (*heard)(void *ctx, const struct smpp_message *message),
                      void *ctx);

/* Submits a message and waits for the SMSC's word. *status is what it said; message_id is empty unless it is
 * SMPP_OK. false: the connection is gone, or the time is up: whether the message was taken is not known. */
bool smpp_esme_submit(struct smpp_esme *e, const struct smpp_message *message, unsigned timeout_ms,
                      uint32_t *status, char message_id[SMPP_MESSAGE_ID_MAX + 1],
                      struct smpp_link_error *error);

/* Waits until something was heard, for at most so many milliseconds. false: the connection is gone. */
bool smpp_esme_wait(struct smpp_esme *e, unsigned timeout_ms, struct smpp_link_error *error);

#endif
