/* SPDX-License-Identifier: Apache-2.0 */
#include "at_sms_text.h"

#include <stdio.h>

#include "decode_text.h"
#include "sms.h"

enum {
    TP_MTI = 0x03,
    TP_UDHI = 0x40,
    TON_ALPHANUMERIC = 0x50,
};

bool at_tpdu_is_text(uint8_t first, uint8_t dcs)
{
    return text_dcs_is_7bit(dcs) && (first & TP_UDHI) == 0;
}

/* TS 23.040 9.1.2.5 */
static void take_address(struct reader *r, struct at_tpdu *t)
{
    size_t digits = rd_u8(r);
    t->address_type = rd_u8(r);
    struct span value = rd_take(r, (digits + 1) / 2);
    if (digits > 20)
        r->bad = true;
    if ((t->address_type & 0x70) == TON_ALPHANUMERIC)
        text_gsm_packed(value, digits * 4 / 7, 0, t->address, sizeof t->address);
    else
        text_address(t->address_type, value, t->address, sizeof t->address);
}

static void take_user_data(struct reader *r, struct at_tpdu *t)
{
    t->length = rd_u8(r);
    size_t octets = text_dcs_is_7bit(t->dcs) ? (7 * t->length + 7) / 8 : t->length;
    if (octets > SMS_UD_MAX)
        r->bad = true;
    t->user_data = rd_take(r, octets);
}

/* TP-PI and what it announces, TS 23.040 9.2.3.27 */
static void take_optional(struct reader *r, struct at_tpdu *t)
{
    if (r->left == 0)
        return;
    uint8_t indicator = rd_u8(r);
    if ((indicator & 1) != 0)
        t->pid = rd_u8(r);
    if ((indicator & 2) != 0)
        t->dcs = rd_u8(r);
    if ((indicator & 4) != 0)
        take_user_data(r, t);
}

bool at_tpdu_parse(struct span tpdu, struct at_tpdu *t)
{
    struct reader r = rd_of(tpdu);
    *t = (struct at_tpdu){0};
    t->first = rd_u8(&r);
    switch (t->first & TP_MTI) {
    case AT_DELIVER:
        t->type = AT_DELIVER;
        take_address(&r, t);
        t->pid = rd_u8(&r);
        t->dcs = rd_u8(&r);
        t->stamp = rd_take(&r, 7);
        take_user_data(&r, t);
        break;
    case AT_SUBMIT:
        t->type = AT_SUBMIT;
        t->reference = rd_u8(&r);
        take_address(&r, t);
        t->pid = rd_u8(&r);
        t->dcs = rd_u8(&r);
        t->validity = rd_take(&r, sms_validity_octets(t->first));
        take_user_data(&r, t);
        break;
    case AT_STATUS_REPORT:
        t->type = AT_STATUS_REPORT;
        t->reference = rd_u8(&r);
        take_address(&r, t);
        t->stamp = rd_take(&r, 7);
        t->discharge = rd_take(&r, 7);
        t->status = rd_u8(&r);
        take_optional(&r, t);
        break;
    default:
        return false;
    }
    return rd_ok(&r);
}

void at_tpdu_text(const struct at_tpdu *t, char *utf8, size_t room)
{
    text_gsm_packed(t->user_data, t->length, 0, utf8, room);
}

void at_stamp_text(struct span stamp, char to[AT_STAMP_MAX])
{
    unsigned v[7] = {0};
    for (size_t i = 0; i < 7 && i < stamp.n; i++)
        v[i] = (stamp.p[i] & 0xFu) % 10 * 10 + (stamp.p[i] >> 4) % 10;
    bool west = stamp.n == 7 && (stamp.p[6] & 0x08) != 0; /* the sign is bit 3 of the first digit */
    if (stamp.n == 7)
        v[6] = (stamp.p[6] & 0x7u) * 10 + (stamp.p[6] >> 4) % 10;
    snprintf(to, AT_STAMP_MAX, "%02u/%02u/%02u,%02u:%02u:%02u%c%02u", v[0] % 100, v[1] % 100, v[2] % 100,
             v[3] % 100, v[4] % 100, v[5] % 100, west ? '-' : '+', v[6] % 100);
}

bool at_address_pack(const char *number, uint8_t type, struct buf *out)
{
    uint8_t bytes[SMS_ADDRESS_MAX];
    struct buf address = buf_of(bytes, sizeof bytes);
    if (!sms_dialled_pack(number, &address))
        return false;
    if (type != 0 && number[0] != '+')
        bytes[1] = type;
    buf_put(out, buf_span(&address));
    return buf_ok(out);
}

static bool put_address(const struct at_submit *s, struct buf *out)
{
    static const uint8_t nobody[] = {0, 0x81};
    if (s->number[0] != '\0')
        return at_address_pack(s->number, s->type, out);
    buf_put(out, span_of(nobody, sizeof nobody));
    return buf_ok(out);
}

void at_submit_build(const struct at_submit *s, struct buf *out)
{
    buf_u8(out, s->first);
    buf_u8(out, 0); /* TP-MR: the modem's */
    if (!put_address(s, out) || s->user_data.n > SMS_UD_MAX || s->length > 255)
        out->full = true;
    buf_u8(out, s->pid);
    buf_u8(out, s->dcs);
    if (s->validity.n != sms_validity_octets(s->first))
        out->full = true;
    buf_put(out, s->validity);
    buf_u8(out, (uint8_t)s->length);
    buf_put(out, s->user_data);
}

void at_centre_build(const char *number, struct buf *out)
{
    uint8_t bytes[SMS_ADDRESS_MAX];
    struct buf address = buf_of(bytes, sizeof bytes);
    if (number[0] == '\0' || !sms_address_pack(number, &address)) {
        buf_u8(out, 0);
        return;
    }
    buf_u8(out, (uint8_t)(address.len - 1)); /* octets, where TP-OA counts digits */
    buf_put(out, span_slice(buf_span(&address), 1, address.len));
}

bool at_centre_take(struct reader *r, char number[AT_NUMBER_MAX])
{
    struct reader centre = rd_of(rd_take(r, rd_u8(r)));
    number[0] = '\0';
    if (centre.left == 0)
        return rd_ok(r);
    uint8_t type = rd_u8(&centre);
    text_address(type, rd_rest(&centre), number, AT_NUMBER_MAX);
    return rd_ok(r);
}
