/* SPDX-License-Identifier: Apache-2.0 */
#include "tlv.h"

/* ISO/IEC 8825-1 8.1.2: the low five bits all set announce further tag octets, bit 8
 * says that one more follows. */
static uint32_t ber_tag(struct reader *r)
{
    uint32_t tag = rd_u8(r);
    if ((tag & 0x1F) != 0x1F)
        return tag;
    for (int more = 0; more < 2; more++) {
        uint8_t next = rd_u8(r);
        tag = (tag << 8) | next;
        if ((next & 0x80) == 0)
            return tag;
    }
    r->bad = true; /* a tag of more than three octets occurs in none of our specifications */
    return tag;
}

static size_t ber_length(struct reader *r)
{
    uint8_t first = rd_u8(r);
    if (first < 0x80)
        return first;
    if (first == 0x80 || first > 0x83) { /* indefinite, or more than any APDU or SMS can carry */
        r->bad = true;
        return 0;
    }
    return (size_t)rd_be(r, first & 0x0Fu);
}

bool tlv_next(struct reader *r, struct tlv *out)
{
    *out = (struct tlv){0, SPAN_EMPTY};
    if (r->bad || r->left == 0)
        return false;
    out->tag = ber_tag(r);
    out->value = rd_take(r, ber_length(r));
    return rd_ok(r);
}

bool tlv_find(struct span in, uint32_t tag, struct span *value)
{
    struct reader r = rd_of(in);
    struct tlv t;
    while (tlv_next(&r, &t))
        if (t.tag == tag) {
            *value = t.value;
            return true;
        }
    *value = SPAN_EMPTY;
    return false;
}

bool ctlv_next(struct reader *r, struct tlv *out, bool *comprehension)
{
    *out = (struct tlv){0, SPAN_EMPTY};
    if (r->bad || r->left == 0)
        return false;
    uint32_t tag = rd_u8(r);
    bool must = (tag & 0x80) != 0;
    /* 00 and FF are not used, 80 is reserved (ETSI TS 101 220 7.1.1.1) */
    if (tag == 0x00 || tag == 0x80 || tag == 0xFF)
        r->bad = true;
    tag &= 0x7F;
    if (tag == 0x7F) { /* three-octet format: 7F, then 16 bits of which the first is the comprehension bit */
        tag = rd_u16(r);
        must = (tag & 0x8000) != 0;
        tag &= 0x7FFF;
    }
    out->tag = tag;
    out->value = rd_take(r, ber_length(r));
    if (comprehension != NULL)
        *comprehension = must;
    return rd_ok(r);
}

bool ctlv_find(struct span in, uint32_t tag, unsigned nth, struct span *value)
{
    struct reader r = rd_of(in);
    struct tlv t;
    while (ctlv_next(&r, &t, NULL))
        if (t.tag == tag && nth-- == 0) {
            *value = t.value;
            return true;
        }
    *value = SPAN_EMPTY;
    return false;
}

static size_t octets_for(size_t n)
{
    return n < 0x80 ? 1 : n < 0x100 ? 2 : n < 0x10000 ? 3 : 4;
}

static void put_tag(struct buf *b, uint32_t tag)
{
    buf_be(b, tag, tag > 0xFFFF ? 3 : tag > 0xFF ? 2 : 1);
}

static void put_length(uint8_t *at, size_t n, size_t octets)
{
    if (octets == 1) {
        at[0] = (uint8_t)n;
        return;
    }
    at[0] = (uint8_t)(0x80 | (octets - 1));
    for (size_t i = 1; i < octets; i++)
        at[i] = (uint8_t)(n >> (8 * (octets - 1 - i)));
}

void buf_tlv(struct buf *b, uint32_t tag, struct span value)
{
    put_tag(b, tag);
    size_t octets = octets_for(value.n);
    uint8_t *at = buf_grow(b, octets);
    if (at != NULL)
        put_length(at, value.n, octets);
    buf_put(b, value);
}

void buf_tlv_u8(struct buf *b, uint32_t tag, uint8_t value)
{
    buf_tlv(b, tag, span_of(&value, 1));
}

void buf_tlv_u16(struct buf *b, uint32_t tag, uint16_t value)
{
    const uint8_t v[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    buf_tlv(b, tag, span_of(v, 2));
}

size_t buf_tlv_open(struct buf *b, uint32_t tag)
{
    put_tag(b, tag);
    buf_u8(b, 0);
    return b->len;
}

void buf_tlv_close(struct buf *b, size_t mark)
{
    if (b->full || mark == 0 || mark > b->len)
        return;
    size_t n = b->len - mark;
    size_t octets = octets_for(n);
    if (octets > 1) {
        if (buf_grow(b, octets - 1) == NULL)
            return;
        memmove(b->p + mark + octets - 1, b->p + mark, n);
    }
    put_length(b->p + mark - 1, n, octets);
}
