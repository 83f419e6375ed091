/* SPDX-License-Identifier: Apache-2.0
 *
 * The host of a GlobalPlatform secure channel, for softuicc apdu: keys from a key file, a session opened with
 * a security domain, commands protected and answers understood. No I/O with the card: the caller sends.
 */
#ifndef TOOLS_APDU_CHANNEL_H
#define TOOLS_APDU_CHANNEL_H

#include "keys.h"
#include "scp.h"

struct apdu_channel { /* a secret: wipe it */
    struct uicc_crypto *crypto;
    struct scp_keys keys;
    struct scp_session session;
    uint8_t kvn, level;
    uint8_t aid[16];
    size_t aid_len;
    bool open;
};

/* The keyset of this version of a security domain of this card. Two domains may have one of the same version:
 * then the first. false: *error. */
bool apdu_channel_keys(const char *path, const char *iccid, uint8_t kvn, struct scp_keys *out,
                       struct keys_error *error);

/* The commands that open a session, one after the other: SELECT, INITIALIZE UPDATE, EXTERNAL AUTHENTICATE
 * (step 0 to 2). `answer` is the data of the one before. NULL, or what is wrong. */
enum { APDU_CHANNEL_STEPS = 3 };
const char *apdu_channel_step(struct apdu_channel *c, unsigned step, struct span answer, struct buf *command);

/* A command of class 8X, CX or EX goes under the session: true, and `out` is what to send. false: it is sent
 * as it is. */
bool apdu_channel_wrap(struct apdu_channel *c, struct span command, struct buf *out);
/* Its answer in plain. NULL, or what is wrong with it. */
const char *apdu_channel_unwrap(struct apdu_channel *c, uint16_t sw, struct span data, struct buf *plain);

#endif
