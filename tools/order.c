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
    TAG_TRIAL = 0x84,
    TAG_MNC_DIGITS = 0x85,
    TAG_FILES = 0xA5,
    TAG_FILE = 0xA6,
    TAG_FILE_PATH = 0x91,
    TAG_FILE_OFFSET = 0x92,
    TAG_FILE_DATA = 0x93,
};

/* STORE DATA (GlobalPlatform 2.3.1, 11.11): last block, BER-TLV structured data */
static const uint8_t order_header[] = {0x80, 0xE2, 0x90, 0x00};
/* GET RESPONSE closes a compact script that wants its last command's data (ETSI TS 102 226 5.1.1) */
static const uint8_t get_response[] = {0x00, 0xC0, 0x00, 0x00, 0x00};

static const uint8_t select_imsi[] = {0x00, 0xA4, 0x00, 0x04, 0x02, 0x6F, 0x07};
static const uint8_t update_imsi[] = {0x00, 0xD6, 0x00, 0x00, 0x09};

bool order_add_file(struct order *order, struct span path, unsigned offset, struct span data)
{
    struct buf b = {.p = order->files, .cap = sizeof order->files, .len = order->files_len};
    const uint8_t at[2] = {(uint8_t)(offset >> 8), (uint8_t)offset};
    size_t mark = buf_tlv_open(&b, TAG_FILE);
    buf_tlv(&b, TAG_FILE_PATH, path);
    if (offset != 0)
        buf_tlv(&b, TAG_FILE_OFFSET, span_of(at, 2));
    buf_tlv(&b, TAG_FILE_DATA, data);
    buf_tlv_close(&b, mark);
    if (!buf_ok(&b))
        return false;
    order->files_len = (uint8_t)b.len;
    return true;
}

bool order_script(const struct order *order, struct buf *out)
{
    uint8_t imsi[9];
    if (order->reference_len > ORDER_REFERENCE_MAX || order->trial_len > ORDER_TRIAL_MAX ||
        !imsi_pack(order->imsi, imsi))
        return false;
    if (order->keep) {
        buf_put(out, span_of(select_imsi, sizeof select_imsi));
        buf_put(out, span_of(update_imsi, sizeof update_imsi));
        buf_put(out, span_of(imsi, sizeof imsi));
        return buf_ok(out);
    }

    uint8_t bytes[255]; /* what one command takes */
    struct buf data = buf_of(bytes, sizeof bytes);
    size_t mark = buf_tlv_open(&data, TAG_ORDER);
    if (order->has_index)
        buf_tlv_u8(&data, TAG_INDEX, order->index);
    buf_tlv(&data, TAG_IMSI, span_of(imsi, sizeof imsi));
    if (order->reference_len > 0)
        buf_tlv(&data, TAG_REFERENCE, span_of(order->reference, order->reference_len));
    if (order->has_refresh)
        buf_tlv_u8(&data, TAG_REFRESH, order->refresh);
    if (order->has_trial)
        buf_tlv(&data, TAG_TRIAL, span_of(order->trial, order->trial_len));
    if (order->mnc_digits != 0)
        buf_tlv_u8(&data, TAG_MNC_DIGITS, order->mnc_digits);
    if (order->files_len > 0)
        buf_tlv(&data, TAG_FILES, span_of(order->files, order->files_len));
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

bool order_obeyed(const struct order *order, const struct order_answer *answer)
{
    return answer->executed == ORDER_SCRIPT_COMMANDS && answer->sw == SW_OK &&
           (answer->has_receipt || order->keep);
}
