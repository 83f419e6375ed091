/* SPDX-License-Identifier: Apache-2.0
 *
 * The card application toolkit (ETSI TS 102 223): the queue of proactive commands and the 91xx state machine.
 */
#ifndef TOOLKIT_TOOLKIT_H
#define TOOLKIT_TOOLKIT_H

#include "span.h"
#include "sw.h"

enum { TOOLKIT_PROFILE_MAX = 48, TOOLKIT_QUEUE_MAX = 768, TOOLKIT_COMMAND_MAX = 258 };

struct toolkit { /* volatile; no pointers */
    uint8_t profile[TOOLKIT_PROFILE_MAX]; /* the terminal's TERMINAL PROFILE */
    uint8_t profile_len;
    uint8_t number;                       /* of the last proactive command, 1 to 254 (TS 102 223 8.6) */
    bool fetched;                         /* the first of the queue has been fetched and awaits its TERMINAL RESPONSE */
    uint16_t used;                        /* octets of queue */
    uint8_t queue[TOOLKIT_QUEUE_MAX];     /* entries: applet, type, length (2), then the whole D0 object */
};

/* Number of octets of the command the terminal should FETCH now; 0 for none, or when one is being executed. */
size_t toolkit_pending(const struct toolkit *t);

/* True when the terminal announced this facility: octet (from 1) and bit (1 to 8) of TS 102 223 5.2. */
bool toolkit_profile_bit(const struct toolkit *t, unsigned octet, unsigned bit);

struct call;
struct uicc;
struct event;
/* This applet is gone: so is what it queued. */
void toolkit_forget(struct uicc *card, uint8_t applet);
sw_t applets_tell(struct uicc *card, const struct event *event, bool polls);
sw_t command_terminal_profile(struct call *call);
sw_t command_envelope(struct call *call);
sw_t command_fetch(struct call *call);
sw_t command_terminal_response(struct call *call);

#endif
