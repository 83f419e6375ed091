/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

/* TS 102 221 10.1.1: 0X and 8X code channels 0 to 3 (bits 2-1) and secure messaging (bits 4-3); 4X, 6X, CX
 * and EX code channels 4 to 19 (bits 4-1) and secure messaging (bit 6). */
static void parse_class(struct command *c)
{
    uint8_t cla = c->cla;
    c->klass = CLASS_UNKNOWN;
    c->channel = 0;
    c->messaging = 0;
    c->chained = false;
    if (cla == 0xA0) {
        c->klass = CLASS_GSM;
    } else if ((cla & 0x60) == 0x00) {
        c->klass = (cla & 0x80) != 0 ? CLASS_ETSI : CLASS_ISO;
        c->channel = cla & 0x03;
        c->messaging = (cla >> 2) & 0x03;
        c->chained = (cla & 0x10) != 0;
    } else if ((cla & 0x40) != 0 && cla != 0xFF) { /* FF is PPS, never a class */
        c->klass = (cla & 0x80) != 0 ? CLASS_ETSI : CLASS_ISO;
        c->channel = (uint8_t)(4 + (cla & 0x0F));
        c->messaging = (cla & 0x20) != 0;
        c->chained = (cla & 0x10) != 0;
    }
}

static sw_t parse_extended(struct reader *r, struct command *c)
{
    c->extended = true;
    (void)rd_u8(r); /* the leading 00 */
    uint32_t first = rd_u16(r);
    if (r->left == 0) { /* case 2E */
        c->has_le = true;
        c->le = first == 0 ? 65536 : first;
        return SW_OK;
    }
    c->data = rd_take(r, first);
    if (first == 0 || !rd_ok(r))
        return SW_WRONG_LENGTH;
    if (r->left == 2) {
        uint32_t le = rd_u16(r);
        c->has_le = true;
        c->le = le == 0 ? 65536 : le;
    }
    return rd_done(r) ? SW_OK : SW_WRONG_LENGTH;
}

sw_t command_parse(struct span apdu, struct command *out)
{
    struct reader r = rd_of(apdu);
    *out = (struct command){0};
    out->cla = rd_u8(&r);
    out->ins = rd_u8(&r);
    out->p1 = rd_u8(&r);
    out->p2 = rd_u8(&r);
    if (!rd_ok(&r))
        return SW_WRONG_LENGTH;
    parse_class(out);
    if (r.left == 0)
        return SW_OK;
    out->has_p3 = true;
    if (r.left >= 3 && r.p[0] == 0)
        return parse_extended(&r, out);
    uint8_t p3 = rd_u8(&r);
    if (r.left == 0) { /* five octets: Le, or Lc 0; the command's case decides later */
        out->has_le = true;
        out->le = p3 == 0 ? 256 : p3;
        return SW_OK;
    }
    out->data = rd_take(&r, p3);
    if (p3 == 0 || !rd_ok(&r))
        return SW_WRONG_LENGTH;
    if (r.left == 1) {
        uint8_t le = rd_u8(&r);
        out->has_le = true;
        out->le = le == 0 ? 256 : le;
    }
    return rd_done(&r) ? SW_OK : SW_WRONG_LENGTH;
}

uint8_t command_cla(enum apdu_class klass, uint8_t channel)
{
    uint8_t base = klass == CLASS_ETSI ? 0x80 : klass == CLASS_GSM ? 0xA0 : 0x00;
    if (klass == CLASS_GSM || channel < 4)
        return (uint8_t)(base | (klass == CLASS_GSM ? 0 : channel));
    return (uint8_t)(base | 0x40 | ((channel - 4) & 0x0F));
}
