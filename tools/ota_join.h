/* SPDX-License-Identifier: Apache-2.0
 *
 * Response packets as they come back in short messages: alone, or in parts (3GPP TS 23.040 9.2.3.24.1) in any
 * order, some twice. Bounded, whatever comes.
 */
#ifndef TOOLS_OTA_JOIN_H
#define TOOLS_OTA_JOIN_H

#include "sms.h"

enum {
    OTA_JOIN_MESSAGES = 4, /* in parts at the same time; one more drops the one begun first */
    OTA_JOIN_ROOM = 255 * SMS_UD_MAX,
};

struct ota_join_message {
    bool used;
    uint64_t begun; /* the how-manieth */
    uint16_t reference;
    bool reference16, response;
    uint8_t total, have;
    uint8_t n[255];  /* octets of each part ... */
    bool there[255]; /* ... that is here */
    uint8_t parts[255][SMS_UD_MAX];
};

struct ota_join {
    uint64_t begun;
    struct ota_join_message messages[OTA_JOIN_MESSAGES];
    uint8_t whole[3 + OTA_JOIN_ROOM];
};

/* Large: on the heap. NULL: no memory. */
struct ota_join *ota_join_new(void);
void ota_join_free(struct ota_join *j);

/* Takes the user data (from UDHL on) of a short message. With OTA_JOIN_WHOLE *packet is a response packet,
 * from 02 71 00 on as scp80_response_open wants it, borrowed until the next call. OTA_JOIN_PART: others are
 * to come, or it had come before. OTA_JOIN_NONE: it belongs to no response packet. */
enum ota_join_result { OTA_JOIN_NONE, OTA_JOIN_PART, OTA_JOIN_WHOLE };
enum ota_join_result ota_join_add(struct ota_join *j, struct span user_data, struct span *packet);

#endif
