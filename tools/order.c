/* SPDX-License-Identifier: Apache-2.0 */
#include "order.h"

#include "hex.h"
#include "tlv.h"

enum {
    TAG_ORDER = 0xE1,
    TAG_RECEIPT = 0xE2,
    TAG_INDEX = 0x80,
    TAG_IMSI = 0x81,
    TAG_UNUSED = 0x81,
    TAG_REFERENCE = 0x82,
    TAG_REFRESH = 0x83,
    TAG_KCV_K = 0x83,
    TAG_KCV_KIC = 0x84,
};

/* STORE DATA (GlobalPlatform 2.3.1, 11.11): last block, BER-TLV structured data */
static const uint8_t order_header[] = {0x80, 0xE2, 0x90, 0x00};
/* GET RESPONSE closes a compact script that wants its last command's data (ETSI TS 102 226 5.2.1.1) */
static const uint8_t get_response[] = {0x00, 0xC0, 0x00, 0x00, 0x00};

bool order_script(const struct order *order, struct buf *out)
{
    uint8_t imsi[9];
    if (order->reference_len > ORDER_REFERENCE_MAX || !imsi_pack(order->imsi, imsi))
        return false;

    uint8_t bytes[64]; /* 2 + 3 + 11 + 10 + 3 at most */
    struct buf data = buf_of(bytes, sizeof bytes);
    size_t mark = buf_tlv_open(&data, TAG_ORDER);
    if (order->has_index)
        buf_tlv_u8(&data, TAG_INDEX, order->index);
    buf_tlv(&data, TAG_IMSI, span_of(imsi, sizeof imsi));
    if (order->reference_len > 0)
        buf_tlv(&data, TAG_REFERENCE, span_of(order->reference, order->reference_len));
    if (order->has_refresh)
        buf_tlv_u8(&data, TAG_REFRESH, order->refresh);
    buf_tlv_close(&data, mark);
    if (!buf_ok(&data))
        return false;

    buf_put(out, span_of(order_header, sizeof order_header));
    buf_u8(out, (uint8_t)data.len);
    buf_put(out, buf_span(&data));
    buf_put(out, span_of(get_response, sizeof get_response));
    return buf_ok(out);
}

static bool receipt_parse(struct span receipt, struct order_answer *out)
{
    bool has_active = false, has_unused = false;
    struct reader r = rd_of(receipt);
    struct tlv object;
    while (tlv_next(&r, &object)) {
        struct span v = object.value;
        switch (object.tag) {
        case TAG_INDEX:
            has_active = v.n == 1;
            out->active = has_active ? v.p[0] : 0;
            break;
        case TAG_UNUSED:
            has_unused = v.n == 1;
            out->unused = has_unused ? v.p[0] : 0;
            break;
        case TAG_REFERENCE:
            if (v.n == 0 || v.n > ORDER_REFERENCE_MAX)
                return false;
            memcpy(out->reference, v.p, v.n);
            out->reference_len = (uint8_t)v.n;
            break;
        case TAG_KCV_K:
            if (v.n != ORDER_KCV_LEN)
                return false;
            memcpy(out->kcv_k, v.p, v.n);
            out->has_kcv_k = true;
            break;
        case TAG_KCV_KIC:
            if (v.n != ORDER_KCV_LEN)
                return false;
            memcpy(out->kcv_kic, v.p, v.n);
            out->has_kcv_kic = true;
            break;
        default:
            break;
        }
    }
    return rd_ok(&r) && has_active && has_unused;
}

bool order_answer_parse(struct span data, struct order_answer *out)
{
    *out = (struct order_answer){0};
    struct order_answer answer = {0};
    struct reader r = rd_of(data);
    answer.executed = rd_u8(&r);
    answer.sw = rd_u16(&r);
    if (!rd_ok(&r) || answer.executed > ORDER_SCRIPT_COMMANDS)
        return false;
    if (r.left > 0) {
        struct tlv receipt;
        if (!tlv_next(&r, &receipt) || receipt.tag != TAG_RECEIPT || !rd_done(&r) ||
            !receipt_parse(receipt.value, &answer))
            return false;
        answer.has_receipt = true;
    }
    *out = answer;
    return true;
}

bool order_obeyed(const struct order_answer *answer)
{
    return answer->executed == ORDER_SCRIPT_COMMANDS && answer->sw == SW_OK && answer->has_receipt;
}
