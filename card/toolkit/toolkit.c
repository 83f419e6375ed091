/* SPDX-License-Identifier: Apache-2.0 */
#include "toolkit.h"

#include "card.h"

/* Queue entries: applet, proactive command type, length (2 octets), the D0 object. */
enum { ENTRY_HEADER = 4, TAG_PROACTIVE = 0xD0, COMMAND_DETAILS = 0x81, DEVICE_IDENTITIES = 0x82, NUMBER_MAX = 254 };

struct entry {
    uint8_t applet, type;
    struct span command;
};

static bool first_entry(const struct toolkit *t, struct entry *out)
{
    struct reader r = rd_of(span_of(t->queue, t->used));
    out->applet = rd_u8(&r);
    out->type = rd_u8(&r);
    out->command = rd_take(&r, rd_u16(&r));
    return t->used > 0 && rd_ok(&r);
}

static void drop_first(struct toolkit *t)
{
    struct entry e;
    if (!first_entry(t, &e))
        return;
    size_t n = ENTRY_HEADER + e.command.n;
    memmove(t->queue, t->queue + n, t->used - n);
    t->used = (uint16_t)(t->used - n);
    t->fetched = false;
}

size_t toolkit_pending(const struct toolkit *t)
{
    struct entry e;
    return !t->fetched && first_entry(t, &e) ? e.command.n : 0;
}

bool toolkit_profile_bit(const struct toolkit *t, unsigned octet, unsigned bit)
{
    return octet >= 1 && octet <= t->profile_len && (t->profile[octet - 1] >> (bit - 1) & 1) != 0;
}

/* Which facility of TERMINAL PROFILE (TS 102 223 5.2) a proactive command needs. */
static const struct {
    uint8_t type, octet, bit;
} facilities[] = {
    {PROACTIVE_REFRESH, 3, 8},
    {PROACTIVE_SET_UP_EVENT_LIST, 5, 1},
    {PROACTIVE_SEND_SMS, 4, 2},
    {PROACTIVE_TIMER_MANAGEMENT, 8, 1},
};

static bool offered(const struct toolkit *t, uint8_t type)
{
    for (size_t i = 0; i < sizeof facilities / sizeof facilities[0]; i++)
        if (facilities[i].type == type)
            return toolkit_profile_bit(t, facilities[i].octet, facilities[i].bit);
    return false;
}

bool proactive_send(struct applet self, uint8_t type, uint8_t qualifier, struct span rest)
{
    struct toolkit *t = &self.card->ram.toolkit;
    if (!offered(t, type))
        return false;
    uint8_t number = t->number >= NUMBER_MAX ? 1 : (uint8_t)(t->number + 1);
    struct buf queue = {t->queue, sizeof t->queue, t->used, false};
    buf_u8(&queue, self.index);
    buf_u8(&queue, type);
    size_t length_at = queue.len;
    buf_u16(&queue, 0);
    size_t start = queue.len;
    size_t mark = buf_tlv_open(&queue, TAG_PROACTIVE);
    const uint8_t details[3] = {number, type, qualifier};
    const uint8_t devices[2] = {0x81, 0x82}; /* from the UICC to the terminal */
    buf_tlv(&queue, COMMAND_DETAILS, span_of(details, 3));
    buf_tlv(&queue, DEVICE_IDENTITIES, span_of(devices, 2));
    buf_put(&queue, rest);
    buf_tlv_close(&queue, mark);
    size_t n = queue.len - start;
    if (!buf_ok(&queue) || n > TOOLKIT_COMMAND_MAX)
        return false;
    t->queue[length_at] = (uint8_t)(n >> 8);
    t->queue[length_at + 1] = (uint8_t)n;
    t->used = (uint16_t)queue.len;
    t->number = number;
    return true;
}

/* What it has fetched is still answered, to nobody; the rest is forgotten. */
void toolkit_forget(struct uicc *card, uint8_t applet)
{
    struct toolkit *t = &card->ram.toolkit;
    size_t at = 0;
    while (at + ENTRY_HEADER <= t->used) {
        size_t n = ENTRY_HEADER + ((size_t)t->queue[at + 2] << 8 | t->queue[at + 3]);
        if (t->queue[at] != applet) {
            at += n;
        } else if (at == 0 && t->fetched) {
            t->queue[at] = NO_APPLET;
            at += n;
        } else {
            memmove(t->queue + at, t->queue + at + n, t->used - at - n);
            t->used = (uint16_t)(t->used - n);
        }
    }
}

/* An event that has nothing to be answered, to every applet (or to those that want polls). */
sw_t applets_tell(struct uicc *card, const struct event *event, bool polls)
{
    for (uint8_t i = 0; i < applets_count(card); i++) {
        const struct applet_class *class = applet_class_of(card, i);
        if (class->event == NULL || (polls && !class->polls) || !applet_active(card, i))
            continue;
        sw_t sw = class->event((struct applet){card, i}, event);
        if (sw != SW_OK)
            return sw;
    }
    return SW_OK;
}

/* ---- the commands of TS 102 221 11.2 ---- */

sw_t command_terminal_profile(struct call *call)
{
    struct toolkit *t = &call->card->ram.toolkit;
    struct span known = span_slice(call->cmd->data, 0, sizeof t->profile); /* later octets: facilities we have no use for */
    memset(t->profile, 0, sizeof t->profile);
    memcpy(t->profile, known.p, known.n);
    t->profile_len = (uint8_t)known.n;
    const struct event event = {.kind = EVENT_TERMINAL_PROFILE};
    return applets_tell(call->card, &event, false);
}

static bool listens(const struct applet_class *class, uint32_t tag)
{
    for (const uint8_t *t = class->envelope_tags; t != NULL && *t != 0; t++)
        if (*t == tag)
            return true;
    return false;
}

sw_t command_envelope(struct call *call)
{
    enum { ENVELOPE_FIRST = 0xD1, ENVELOPE_LAST = 0xDF };
    struct reader r = rd_of(call->cmd->data);
    struct tlv t;
    if (!tlv_next(&r, &t) || !rd_done(&r) || t.tag < ENVELOPE_FIRST || t.tag > ENVELOPE_LAST)
        return SW_WRONG_DATA;
    bool handled = false;
    const struct event event = {.kind = EVENT_ENVELOPE, .tag = t.tag, .data = call->cmd->data, .out = call->out, .handled = &handled};
    for (uint8_t i = 0; i < applets_count(call->card) && !handled; i++) {
        const struct applet_class *class = applet_class_of(call->card, i);
        if (class->event == NULL || !listens(class, t.tag) || !applet_active(call->card, i))
            continue;
        sw_t sw = class->event((struct applet){call->card, i}, &event);
        if (sw != SW_OK)
            return sw;
    }
    return SW_OK;
}

sw_t command_fetch(struct call *call)
{
    struct toolkit *t = &call->card->ram.toolkit;
    struct entry e;
    if (t->fetched || !first_entry(t, &e))
        return SW_CONDITIONS_NOT_SATISFIED;
    if (call->cmd->le != e.command.n) /* a wrong length must not use up the command */
        return SW_WITH(SW_WRONG_LE, e.command.n);
    buf_put(call->out, e.command);
    t->fetched = true;
    return SW_OK;
}

sw_t command_terminal_response(struct call *call)
{
    struct toolkit *t = &call->card->ram.toolkit;
    struct entry e;
    struct span details;
    if (!t->fetched || !first_entry(t, &e))
        return SW_CONDITIONS_NOT_SATISFIED;
    if (!ctlv_find(call->cmd->data, COMMAND_DETAILS & 0x7F, 0, &details) || details.n != 3 || details.p[1] != e.type)
        return SW_WRONG_DATA;
    drop_first(t);
    const struct applet_class *class = applet_class_of(call->card, e.applet);
    const struct event event = {.kind = EVENT_TERMINAL_RESPONSE, .tag = e.type, .data = call->cmd->data};
    return class->event != NULL && applet_active(call->card, e.applet) ? class->event((struct applet){call->card, e.applet}, &event) : SW_OK;
}
