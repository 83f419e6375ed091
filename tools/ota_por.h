/* SPDX-License-Identifier: Apache-2.0
 *
 * What a response packet proves about the command it claims to answer.
 */
#ifndef TOOLS_OTA_POR_H
#define TOOLS_OTA_POR_H

#include "scp80.h"

enum ota_por_kind {
    OTA_POR_NONE,           /* nothing came back */
    OTA_POR_UNINTELLIGIBLE, /* no response packet */
    OTA_POR_FORGED,         /* a check is there, and wrong */
    OTA_POR_OTHER,          /* genuine, but answers another command: an old one, brought again */
    OTA_POR_UNPROTECTED,    /* no CC: anybody can have sent it */
    OTA_POR_GENUINE,
};

struct ota_por {
    enum ota_por_kind kind;
    bool opened; /* the response's header is known */
    struct scp80_response response;
    struct span data; /* additional response data, in the work given */
};

/* Opens a response packet (from 02 71 00 on). `work` is as for scp80_response_open; a secret, as the response
 * may have been ciphered. */
void ota_por_open(struct uicc_crypto *crypto, const struct keyset *keys, const struct scp80_command *command,
                  struct span packet, struct buf *work, struct ota_por *out);

/* What is to be done after it: MORE, the card announces that the answer itself will come by another message
 * (0B, 0C, 08); DOUBTFUL, somebody who is not the card may have said it, and a better one may still come. */
enum ota_heard { OTA_HEARD_FINAL, OTA_HEARD_MORE, OTA_HEARD_DOUBTFUL };
enum ota_heard ota_por_heard(const struct ota_por *por, const struct scp80_command *command);

/* Does `candidate` say more than `best`? */
bool ota_por_better(const struct ota_por *candidate, const struct ota_por *best);

const char *ota_por_name(enum ota_por_kind kind);

/* What a person can do about a packet that a genuine proof of receipt says was not
 * executed: "; do this", or "". */
const char *ota_por_advice(uint8_t status);

#endif
