/* SPDX-License-Identifier: Apache-2.0 */
#include "vpcd.h"

#include <string.h>

void vpcd_init(struct vpcd *v)
{
    v->have = 0;
    v->at = 0;
    v->used = 0;
}

void vpcd_wipe(struct vpcd *v)
{
    explicit_bzero(v, sizeof *v);
}

/* Done with the message handed out last. */
static void drop(struct vpcd *v)
{
    explicit_bzero(v->in + v->at, v->used);
    v->at += v->used;
    v->used = 0;
    if (v->at == v->have) {
        v->at = 0;
        v->have = 0;
    }
}

uint8_t *vpcd_room(struct vpcd *v, size_t *room)
{
    drop(v);
    /* Only the start of a message can be left here, and moving it to the front makes room for the longest
     * one. Done once per receive and not per message, or many small messages in one segment would cost their
     * number squared. */
    if (v->at > 0) {
        size_t left = v->have - v->at;
        memmove(v->in, v->in + v->at, left);
        explicit_bzero(v->in + left, v->have - left);
        v->have = left;
        v->at = 0;
    }
    *room = sizeof v->in - v->have;
    return v->in + v->have;
}

void vpcd_received(struct vpcd *v, size_t n)
{
    size_t room = sizeof v->in - v->have;
    v->have += n < room ? n : room;
}

enum vpcd_message vpcd_next(struct vpcd *v, const uint8_t **apdu, size_t *n)
{
    drop(v);
    const uint8_t *start = v->in + v->at;
    size_t left = v->have - v->at;
    if (left < 2)
        return VPCD_MORE;
    size_t length = (size_t)start[0] << 8 | start[1];
    if (left - 2 < length)
        return VPCD_MORE;
    v->used = 2 + length;
    if (length == 0)
        return VPCD_UNKNOWN;
    if (length == 1) {
        switch (start[2]) {
        case 0:
            return VPCD_POWER_OFF;
        case 1:
            return VPCD_POWER_ON;
        case 2:
            return VPCD_RESET;
        case 4:
            return VPCD_ATR;
        default:
            break;
        }
    }
    *apdu = start + 2;
    *n = length;
    return VPCD_APDU;
}

void vpcd_prefix(size_t n, uint8_t prefix[2])
{
    prefix[0] = (uint8_t)(n >> 8);
    prefix[1] = (uint8_t)n;
}
