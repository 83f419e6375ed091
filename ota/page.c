/* SPDX-License-Identifier: Apache-2.0 */
#include "page.h"

#include "cat.h"
#include "tlv.h"

bool cb_envelope_parse(struct span envelope, struct cb_page *out)
{
    struct span inner, page;
    if (!tlv_find(envelope, CAT_CELL_BROADCAST, &inner) || !ctlv_find(inner, CAT_TAG_CB_PAGE, 0, &page) ||
        page.n != CB_PAGE)
        return false;
    struct reader r = rd_of(page);
    out->serial = rd_u16(&r);
    out->identifier = rd_u16(&r);
    (void)rd_u8(&r); /* data coding: packets are octets whatever it says */
    uint8_t pages = rd_u8(&r);
    out->page = pages >> 4;
    out->total = pages & 0x0F;
    out->content = rd_rest(&r);
    return out->identifier >= CB_PACKET_FIRST && out->identifier <= CB_PACKET_LAST;
}

void cb_envelope_build(struct span content, uint16_t serial, unsigned page, unsigned total, struct buf *out)
{
    enum { PADDING = 0x2B };
    const uint8_t devices[2] = {CAT_NETWORK, CAT_UICC};
    size_t mark = buf_tlv_open(out, CAT_CELL_BROADCAST);
    buf_tlv(out, CAT_COMPREHENSION | CAT_TAG_DEVICE_IDENTITIES, span_of(devices, 2));
    size_t inner = buf_tlv_open(out, CAT_COMPREHENSION | CAT_TAG_CB_PAGE);
    buf_u16(out, serial);
    buf_u16(out, CB_PACKET_FIRST);
    buf_u8(out, CB_DCS);
    buf_u8(out, (uint8_t)(page << 4 | total));
    buf_put(out, content);
    if (content.n < CB_PAGE_CONTENT)
        buf_fill(out, PADDING, CB_PAGE_CONTENT - content.n);
    buf_tlv_close(out, inner);
    buf_tlv_close(out, mark);
}
