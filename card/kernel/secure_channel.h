/* SPDX-License-Identifier: Apache-2.0
 *
 * The card's half of the APDU secure channel (ETSI TS 102 484; MANAGE SECURE CHANNEL and TRANSACT DATA of TS
 * 102 221 11.1.20, 11.1.21). State exists while a channel does.
 */
#ifndef KERNEL_SECURE_CHANNEL_H
#define KERNEL_SECURE_CHANNEL_H

#include "applet.h"

/* What goes through the channel only. Values of the applet's parameters. */
enum secure_requirement {
    SECURE_OPTIONAL = 0,
    SECURE_FOR_KEYS = 1, /* what answers with keys: AUTHENTICATE */
    SECURE_FOR_ALL = 2,  /* all but what sets the channel up */
};

/* "secure-channel": who keeps the pre-shared key. */
struct secure_channel_service {
    /* The key that this terminal and the card agreed on. false: none. Wipe it. */
    bool (*key)(struct applet provider, struct span terminal_id, uint8_t key[32], size_t *n);
    enum secure_requirement (*required)(struct applet provider);
};

struct secure_channels; /* of the heap */

struct call;
sw_t command_manage_secure_channel(struct call *call);
sw_t command_transact_data(struct call *call);

/* May this command's answer go over the line as it is? */
bool secure_channel_lets(const struct call *call);
void secure_channels_leave(struct uicc *card, uint8_t channel); /* this logical channel is closed */
void secure_channels_free(struct uicc *card);                   /* wipes */
size_t secure_channels_footprint(const struct uicc *card);

#endif
