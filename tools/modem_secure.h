/* SPDX-License-Identifier: Apache-2.0
 *
 * A link on which everything goes through the secure channel of ETSI TS 102 484: PINs, AUTHENTICATE with CK
 * and IK, and these once more on their way into EF.Keys.
 */
#ifndef TOOLS_MODEM_SECURE_H
#define TOOLS_MODEM_SECURE_H

#include "modem.h"
#include "secure_terminal.h"

struct link_secure {
    struct modem_link inner;
    struct uicc_crypto *crypto;  /* the caller's */
    uint8_t key[SECURE_PSK_MAX]; /* a secret: the caller wipes it */
    size_t key_len;
    char identity[SECURE_TERMINAL_ID_MAX + 1]; /* who the terminal says it is: its IMEI */
    struct secure_terminal channel;
    char why[160]; /* the link broke; "" */
};

/* The channel is opened by the first command after a reset. A card that has another key, or none, breaks the
 * link: nothing goes in clear. */
struct modem_link link_of_secure(struct link_secure *s);

#endif
