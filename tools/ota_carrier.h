/* SPDX-License-Identifier: Apache-2.0
 *
 * The way of a command packet to a card, and of what the card answers back: over PC/SC, where we play short
 * message service and terminal ourselves; or over SMPP, to a card that any SMSC reaches.
 */
#ifndef TOOLS_OTA_CARRIER_H
#define TOOLS_OTA_CARRIER_H

#include "ota_por.h"
#include "terminal.h"

/* Where messages come from when nobody says: a number that nobody has. It is no part of their security, and
 * output is the same every time. */
#define OTA_ORIGINATOR "+99900000001"

enum { OTA_TIMEOUT_MS = 10000, OTA_SYSTEM_ID_MAX = 15, OTA_PASSWORD_MAX = 8 };

struct ota_carrier_options {
    const char *from; /* NULL: OTA_ORIGINATOR */
    unsigned timeout_ms;
    /* PC/SC */
    const char *reader; /* as pcsc_open */
    const char *iccid;  /* the card must have this one; NULL: any */
    bool silent;        /* leaves what the card asks for to whoever uses it next, where that can be done */
    /* SMPP */
    const char *smpp; /* HOST:PORT; NULL: PC/SC */
    const char *system_id, *password;
    const char *to; /* the card's number */
    bool ussd;           /* PC/SC only: in a USSD string, not in short messages */
    uint8_t data_coding; /* as it stands in a TPDU, class 2, SMSCs hand it through (SMPP 3.4, 5.2.19) */
};

struct ota_carrier;

struct ota_carrier_error {
    char text[600];
    bool reached; /* the card may have got the packet all the same */
};

/* The options must outlive the carrier. NULL: *error says why; nothing was sent. */
struct ota_carrier *ota_carrier_open(const struct ota_carrier_options *options,
                                     struct ota_carrier_error *error);
void ota_carrier_close(struct ota_carrier *c); /* NULL is allowed */

struct ota_carrier_job {
    struct span packet; /* from CPL on */
    uint8_t reference;  /* of concatenation */
    bool answer;        /* is one to be waited for? */
    /* Gets every response packet that comes (from 02 71 00 on), or what came in place of one. */
    enum ota_heard (*heard)(void *ctx, struct span packet);
    void *ctx;
};

struct ota_carrier_sent {
    unsigned parts;
    bool has_sw; /* PC/SC: the card's status word */
    sw_t sw;
    char message_id[65]; /* SMPP: the SMSC's, of the last part */
};

/* Sends the packet in as many messages as it needs and waits for the answer: until heard() calls one final,
 * or the time is up. What is doubtful ends the waiting a few seconds later. false: *error says why. */
bool ota_carrier_send(struct ota_carrier *c, const struct ota_carrier_job *job, struct ota_carrier_sent *sent,
                      struct ota_carrier_error *error);

/* Over PC/SC, obeys what the card asked for after its answer. *asked is all of it, since the beginning;
 * *was_reset says whether there was a reset. Over SMPP that is the card's own terminal's, and nothing is
 * asked. */
bool ota_carrier_follow(struct ota_carrier *c, struct terminal_asked *asked, bool *was_reset,
                        struct ota_carrier_error *error);

/* PC/SC only: NULL otherwise. */
const struct terminal *ota_carrier_terminal(const struct ota_carrier *c);
const char *ota_carrier_why(const struct ota_carrier *c); /* after one of its functions returned false */

#endif
