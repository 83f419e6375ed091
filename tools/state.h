/* SPDX-License-Identifier: Apache-2.0
 *
 * What a card says of itself besides its files, in words: numbers, PIN states, the list of
 * K/OTA pairs. Never secrets.
 */
#ifndef TOOLS_STATE_H
#define TOOLS_STATE_H

#include "inspect.h"
#include "subscription.h"

enum { STATE_DIGITS = 24 };

/* "" when the card has none. */
void state_imsi(const struct uicc *card, char text[16]);
void state_iccid(const struct uicc *card, char text[STATE_DIGITS]);

const char *state_of_pin(const struct uicc_pin_info *pin);
const char *state_of_pair(uint8_t state);

struct pair_texts {
    const char *algorithm;
    char imsi[16], kcv_k[7], kcv_kic[7], counter[11]; /* imsi "": none */
};

void state_pair_texts(const struct pair_info *info, struct pair_texts *out);

/* Are these the keys that the card has for this pair, by their check values? NULL: they are;
 * else "K", or "KIc" if `ota`. */
const char *state_wrong_key(struct uicc_crypto *crypto, const struct pair_info *info,
                            const struct profile_pair *pair, bool ota);

#endif
