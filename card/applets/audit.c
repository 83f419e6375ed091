/* SPDX-License-Identifier: Apache-2.0
 *
 * What the subscription applet tells of itself: the list, what became of the last
 * order, the log. Never a key.
 */
#include "pairs.h"

/* ---- the last order ---- */

enum { RECORD_MAX = 4 + PAIR_IMSI_LEN + ORDER_REFERENCE_MAX };

bool order_record_put(struct applet self, const struct order_record *r)
{
    uint8_t bytes[RECORD_MAX];
    struct buf out = buf_of(bytes, sizeof bytes);
    buf_u8(&out, r->outcome);
    buf_u8(&out, r->from);
    buf_u8(&out, r->to);
    buf_put(&out, span_of(r->imsi, PAIR_IMSI_LEN));
    buf_u8(&out, r->reference_len);
    buf_put(&out, span_of(r->reference, r->reference_len));
    return buf_ok(&out) && applet_put(self, ITEM_ORDER, buf_span(&out));
}

bool order_record_load(struct applet self, struct order_record *out)
{
    struct span bytes;
    *out = (struct order_record){0};
    if (!applet_get(self, ITEM_ORDER, &bytes))
        return false;
    struct reader r = rd_of(bytes);
    out->outcome = rd_u8(&r);
    out->from = rd_u8(&r);
    out->to = rd_u8(&r);
    rd_copy(&r, out->imsi, PAIR_IMSI_LEN);
    out->reference_len = rd_u8(&r);
    if (out->reference_len > ORDER_REFERENCE_MAX)
        return false;
    rd_copy(&r, out->reference, out->reference_len);
    return rd_done(&r);
}

/* ---- the log: entries of eight octets, the oldest first: number (4), event, pair, keyset's item (2) ---- */

enum { LOG_ENTRY = 8, LOG_MAX = 32, LOG_EVENT = 4, LOG_REFUSED_MAX = 8 };

/* Which entry makes room for a new one; as many as there are: none has to. What was refused pushes out eight
 * of the oldest at most, or a dismissed operator could have his traces vanish. */
static size_t makes_room(struct span log, uint8_t event)
{
    size_t n = log.n / LOG_ENTRY, refused = 0, first = n;
    for (size_t i = 0; i < n; i++)
        if (span_slice(log, i * LOG_ENTRY, LOG_ENTRY).p[LOG_EVENT] == AUDIT_REFUSED && refused++ == 0)
            first = i;
    if (event == AUDIT_REFUSED && refused >= LOG_REFUSED_MAX)
        return first;
    return n < LOG_MAX ? n : 0;
}

static void with_entry(struct applet self, uint8_t event, uint8_t octet, uint16_t key_item, struct buf *out)
{
    struct span old;
    uint32_t number = 0;
    if (applet_get(self, ITEM_LOG, &old) && old.n % LOG_ENTRY == 0 && old.n > 0) {
        struct reader last = rd_of(span_slice(old, old.n - LOG_ENTRY, 4));
        number = rd_u32(&last) + 1;
        size_t gone = makes_room(old, event);
        buf_put(out, span_slice(old, 0, gone * LOG_ENTRY));
        buf_put(out, span_slice(old, (gone + 1) * LOG_ENTRY, old.n));
    }
    buf_u32(out, number);
    buf_u8(out, event);
    buf_u8(out, octet);
    buf_u16(out, key_item);
}

bool audit(struct applet self, enum audit_event event, uint8_t index, uint16_t key_item)
{
    uint8_t bytes[LOG_ENTRY * (LOG_MAX + 1)];
    struct buf out = buf_of(bytes, sizeof bytes);
    with_entry(self, (uint8_t)event, index, key_item, &out);
    return buf_ok(&out) && applet_put(self, ITEM_LOG, buf_span(&out));
}

void audit_refused(struct applet self, const struct session *session, sw_t sw)
{
    uint8_t bytes[LOG_ENTRY * (LOG_MAX + 1)];
    struct buf out = buf_of(bytes, sizeof bytes);
    if (sw == SW_DATA_NOT_FOUND) /* a question that has no answer, not a refusal */
        return;
    with_entry(self, AUDIT_REFUSED, (uint8_t)sw, session->key_item, &out);
    if (!buf_ok(&out) || !applet_put_now(self, ITEM_LOG, buf_span(&out)))
        applet_note(self, "a refusal could not be noted in the log");
}

/* ---- GET DATA ---- */

/* From the index in P2 on, as many as fit an answer. */
static sw_t get_list(struct call *call)
{
    enum { ANSWER_MAX = 255, INFO_MAX = 64 };
    struct pair_info info;
    unsigned index = call->cmd->p2;
    for (; call->out->len + INFO_MAX <= ANSWER_MAX && subscription_info(call->self, index, &info); index++) {
        size_t mark = buf_tlv_open(call->out, PAIR_INFO);
        buf_tlv_u8(call->out, RESULT_INDEX, (uint8_t)index);
        buf_tlv_u8(call->out, PAIR_INFO_STATE, info.state);
        buf_tlv_u8(call->out, PAIR_INFO_ALGORITHM, info.algorithm);
        buf_tlv_u8(call->out, PAIR_INFO_KVN, info.kvn);
        if (info.has_imsi)
            buf_tlv(call->out, ORDER_IMSI, span_of(info.imsi, sizeof info.imsi));
        buf_tlv(call->out, RESULT_KCV_K, span_of(info.kcv_k, 3));
        buf_tlv(call->out, RESULT_KCV_KIC, span_of(info.kcv_kic, 3));
        buf_tlv_close(call->out, mark);
    }
    return call->out->len > 0 ? SW_OK : SW_DATA_NOT_FOUND;
}

/* For the operators on both sides of a change: reference, pairs, outcome. No IMSI: the one
 * need not know the other's. */
static sw_t get_last_order(struct call *call)
{
    struct order_record r;
    if (!order_record_load(call->self, &r))
        return SW_DATA_NOT_FOUND;
    size_t mark = buf_tlv_open(call->out, LAST_ORDER);
    buf_tlv_u8(call->out, RESULT_INDEX, r.to);
    if (r.reference_len > 0)
        buf_tlv(call->out, RESULT_REFERENCE, span_of(r.reference, r.reference_len));
    buf_tlv_u8(call->out, LAST_ORDER_OUTCOME, r.outcome);
    buf_tlv_close(call->out, mark);
    return SW_OK;
}

/* P2: how many of the newest entries are skipped; up to 31 fit an answer. */
static sw_t get_log(struct call *call)
{
    enum { ENTRIES_MAX = 31 };
    struct span log;
    if (!applet_get(call->self, ITEM_LOG, &log))
        return SW_DATA_NOT_FOUND;
    size_t n = log.n / LOG_ENTRY, skip = call->cmd->p2;
    if (skip >= n)
        return SW_DATA_NOT_FOUND;
    size_t count = n - skip < ENTRIES_MAX ? n - skip : ENTRIES_MAX;
    buf_put(call->out, span_slice(log, (n - skip - count) * LOG_ENTRY, count * LOG_ENTRY));
    return SW_OK;
}

sw_t command_get_data(struct call *call)
{
    switch (call->cmd->p1) {
    case PAIR_INFO:
        return get_list(call);
    case LAST_ORDER:
        return get_last_order(call);
    case SELECTION_INFO:
        return selection_tell(call);
    default:
        return get_log(call);
    }
}
