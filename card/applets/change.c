/* SPDX-License-Identifier: Apache-2.0
 *
 * The change order (ota/README.md has it octet by octet): which pair, which files, in one transaction.
 */
#include "hex.h"
#include "pairs.h"

/* ---- the order ---- */

struct order {
    bool has_index, has_trial;
    uint8_t index;
    struct span imsi;
    struct span reference;
    uint8_t refresh;
    struct trial_policy trial;
    bool final;              /* no trial: the old pair is retired at once */
    uint8_t mnc_length;      /* 0: as it is */
    struct span bundle;
    struct span use;
};

/* Exactly one ORDER object; an object inside that we do not know makes the order void: it may be a
 * condition we would break. */
static sw_t order_parse(struct applet self, struct span data, struct order *out)
{
    struct reader r = rd_of(data);
    struct tlv order, t;
    *out = (struct order){.refresh = REFRESH_UICC_RESET};
    out->final = !trial_usual(self, &out->trial);
    if (!tlv_next(&r, &order) || !rd_done(&r) || order.tag != ORDER)
        return SW_WRONG_DATA;
    uint64_t seen = 0;
    for (r = rd_of(order.value); tlv_next(&r, &t);) {
        uint64_t bit = UINT64_C(1) << (t.tag & 0x3F);
        if (seen & bit)
            return SW_WRONG_DATA;
        seen |= bit;
        switch (t.tag) {
        case ORDER_INDEX:
            if (t.value.n != 1)
                return SW_WRONG_DATA;
            out->has_index = true;
            out->index = t.value.p[0];
            break;
        case ORDER_IMSI:
            out->imsi = t.value;
            break;
        case ORDER_REFERENCE:
            if (t.value.n < 1 || t.value.n > ORDER_REFERENCE_MAX)
                return SW_WRONG_DATA;
            out->reference = t.value;
            break;
        case ORDER_REFRESH:
            /* TS 102 223 8.6: 00 to 08 are modes of REFRESH; only those that end with a new start make a
             * terminal read the IMSI anew. */
            if (t.value.n != 1 ||
                (t.value.p[0] != REFRESH_UICC_RESET && t.value.p[0] != 0x05 && t.value.p[0] != 0x06))
                return SW_WRONG_DATA;
            out->refresh = t.value.p[0];
            break;
        case ORDER_TRIAL:
            out->final = t.value.n == 0;
            if (!out->final && !trial_policy_read(t.value, &out->trial))
                return SW_WRONG_DATA;
            break;
        case ORDER_MNC_LENGTH:
            if (t.value.n != 1 || (t.value.p[0] != 2 && t.value.p[0] != 3))
                return SW_WRONG_DATA;
            out->mnc_length = t.value.p[0];
            break;
        case ORDER_FILES:
            out->bundle = t.value;
            break;
        case ORDER_USE:
            out->use = t.value;
            if (use_check(t.value) != SW_OK)
                return SW_WRONG_DATA;
            break;
        default:
            return SW_WRONG_DATA;
        }
    }
    return rd_ok(&r) ? SW_OK : SW_WRONG_DATA;
}

static sw_t choose_pair(struct applet self, const struct order *order, unsigned *index)
{
    struct pair_record s;
    if (order->has_index) {
        *index = order->index;
        if (!pair_load(self, *index, &s))
            return SW_INDEX_UNKNOWN;
        return s.state == PAIR_UNUSED || s.state == PAIR_STAGED ? SW_OK : SW_INDEX_IN_USE;
    }
    for (*index = 0; pair_load(self, *index, &s); ++*index)
        if (s.state == PAIR_UNUSED || s.state == PAIR_STAGED)
            return SW_OK;
    return SW_LIST_EXHAUSTED;
}

static sw_t answer_order(struct applet self, struct span reference, unsigned index, struct buf *out)
{
    struct pair_info info;
    if (!subscription_info(self, index, &info))
        return SW_TECHNICAL_PROBLEM;
    size_t mark = buf_tlv_open(out, ORDER_RESULT);
    buf_tlv_u8(out, RESULT_INDEX, (uint8_t)index);
    buf_tlv_u8(out, RESULT_UNUSED, (uint8_t)pair_count_unused(self));
    if (reference.n > 0)
        buf_tlv(out, RESULT_REFERENCE, reference);
    buf_tlv(out, RESULT_KCV_K, span_of(info.kcv_k, 3));
    buf_tlv(out, RESULT_KCV_KIC, span_of(info.kcv_kic, 3));
    buf_tlv_close(out, mark);
    return SW_OK;
}

/* The pair the card is on becomes the stand-by, or is retired at once; the new one is on trial, or active. */
static bool switch_pair(struct applet self, unsigned to, const struct order *order, uint8_t *was)
{
    unsigned from = pair_active(self);
    struct pair_record s;
    if (!pair_load(self, from, &s))
        return false;
    *was = s.state;
    s.state = order->final ? PAIR_RETIRED : PAIR_STANDBY;
    if (!pair_put(self, from, &s))
        return false;
    s = (struct pair_record){.state = order->final ? PAIR_ACTIVE : PAIR_ON_TRIAL, .has_imsi = true};
    memcpy(s.imsi, order->imsi.p, PAIR_IMSI_LEN);
    if (!pair_put(self, to, &s) || !pair_set_active(self, to))
        return false;
    /* the old operator's applets have nothing to say of what follows: call control may have been theirs */
    registry_refresh(self.card);
    return true;
}

static bool note_order(struct applet self, const struct order *order, unsigned from, unsigned to)
{
    struct order_record r = {
        .outcome = order->final ? ORDER_CONFIRMED : ORDER_ON_TRIAL, .from = (uint8_t)from, .to = (uint8_t)to};
    memcpy(r.imsi, order->imsi.p, PAIR_IMSI_LEN);
    r.reference_len = (uint8_t)order->reference.n;
    if (order->reference.n > 0)
        memcpy(r.reference, order->reference.p, order->reference.n);
    return order_record_put(self, &r);
}

/* The same order again, because its receipt was lost: the same answer, and nothing else. Same means: same
 * reference, and the pair and IMSI it led to. */
static bool is_repetition(struct applet self, const struct order *order, struct order_record *r)
{
    return order->reference.n > 0 && order_record_load(self, r) && r->outcome != ORDER_ROLLED_BACK &&
           span_equal(order->reference, span_of(r->reference, r->reference_len)) &&
           span_equal(order->imsi, span_of(r->imsi, PAIR_IMSI_LEN)) &&
           (!order->has_index || order->index == r->to);
}

static sw_t carry_out(struct call *call, const struct order *order, unsigned index)
{
    struct applet self = call->self;
    unsigned from = pair_active(self);
    uint8_t was = PAIR_ACTIVE;
    struct file_changes c;
    if (!file_changes_begin(&c, self))
        return SW_MEMORY_PROBLEM;
    subscription_files_change(&c, order->imsi, order->mnc_length);
    sw_t sw = c.ok ? subscription_files_bundle(&c, order->bundle) : SW_NOT_ENOUGH_MEMORY;
    bool ok = sw == SW_OK && c.ok && subscription_tell_users(self) && switch_pair(self, index, order, &was) &&
              use_put(self, index, order->use) && note_order(self, order, from, index) &&
              audit(self, AUDIT_ORDERED, (uint8_t)index, call->session->key_item);
    if (ok && !order->final) {
        const struct trial trial = {(uint8_t)from, (uint8_t)index, was, order->trial};
        ok = trial_begin(self, &trial) && applet_put(self, ITEM_SAVED, buf_span(&c.saved));
    }
    file_changes_end(&c);
    if (sw != SW_OK)
        return sw;
    return ok ? answer_order(self, order->reference, index, call->out) : SW_MEMORY_PROBLEM;
}

/* ---- dual consent ---- */

bool subscription_dual_consent(struct applet self)
{
    struct span value;
    return tlv_find(applet_row(self)->params, AUTHORITY, &value) && value.n == 1 &&
           value.p[0] == AUTHORITY_BOTH;
}

bool subscription_unstage(struct applet self)
{
    struct pair_record s;
    struct span waiting;
    if (!applet_get(self, ITEM_STAGED, &waiting))
        return true;
    for (unsigned i = 0; pair_load(self, i, &s); i++) {
        if (s.state != PAIR_STAGED)
            continue;
        s.state = PAIR_UNUSED;
        if (!pair_put(self, i, &s))
            return false;
    }
    return applet_remove(self, ITEM_STAGED);
}

/* Is this the consent to the order that waits? Then it goes on. Else this order waits from now
 * on, in place of any other. */
static sw_t stage(struct call *call, unsigned index, bool *go_on)
{
    struct applet self = call->self;
    struct span waiting, data = call->cmd->data;
    uint8_t bytes[1 + 255];
    struct buf staged = buf_of(bytes, sizeof bytes);
    uint8_t kind = (uint8_t)((call->session->key_item & ITEM_KIND) >> 8);
    struct pair_record s;
    *go_on = applet_get(self, ITEM_STAGED, &waiting) && waiting.n > 1 && waiting.p[0] != kind &&
             span_equal(span_slice(waiting, 1, waiting.n), data);
    if (!subscription_unstage(self))
        return SW_MEMORY_PROBLEM;
    if (*go_on)
        return SW_OK;
    buf_u8(&staged, kind);
    buf_put(&staged, data);
    if (!pair_load(self, index, &s))
        return SW_TECHNICAL_PROBLEM;
    s.state = PAIR_STAGED;
    if (!buf_ok(&staged) || !applet_put(self, ITEM_STAGED, buf_span(&staged)) || !pair_put(self, index, &s))
        return SW_MEMORY_PROBLEM;
    size_t mark = buf_tlv_open(call->out, ORDER_RESULT);
    buf_tlv_u8(call->out, RESULT_INDEX, (uint8_t)index);
    buf_tlv(call->out, RESULT_STAGED, SPAN_EMPTY);
    buf_tlv_close(call->out, mark);
    return SW_OK;
}

/* STORE DATA with an ORDER: one transaction, begun and committed by whoever runs the command. */
static sw_t obey_order(struct call *call)
{
    struct order order;
    struct order_record last;
    struct trial trial;
    unsigned index;
    char digits[16];
    sw_t sw = order_parse(call->self, call->cmd->data, &order);
    if (sw == SW_OK && !imsi_unpack(order.imsi, digits))
        sw = SW_IMSI_MALFORMED;
    if (sw != SW_OK)
        return sw;
    if (is_repetition(call->self, &order, &last))
        return answer_order(call->self, order.reference, last.to, call->out);
    if (trial_load(call->self, &trial))
        return SW_TRIAL_RUNNING;
    if ((call->session->rights & RIGHT_STANDBY) != 0) /* after an order without trial in the same script */
        return SW_NO_AUTHORITY;
    sw = choose_pair(call->self, &order, &index);
    bool go_on = true;
    if (sw == SW_OK && subscription_dual_consent(call->self))
        sw = stage(call, index, &go_on);
    if (sw == SW_OK && go_on)
        sw = carry_out(call, &order, index);
    if (sw != SW_OK || !go_on)
        return sw;
    /* A terminal that does not offer REFRESH finds the new IMSI when it next powers the card up. */
    if (!proactive_send(call->self, PROACTIVE_REFRESH, order.refresh, SPAN_EMPTY))
        applet_note(call->self, "REFRESH not sent: the terminal's TERMINAL PROFILE does not offer it");
    return SW_OK;
}

/* ---- suspension and resumption of the active subscription ---- */

static sw_t obey_suspension(struct call *call, struct span value)
{
    enum { RESUME = 0, SUSPEND = 1 };
    struct pair_record s;
    struct trial trial;
    unsigned index = pair_active(call->self);
    if (value.n != 1 || value.p[0] > SUSPEND)
        return SW_WRONG_DATA;
    if (trial_load(call->self, &trial))
        return SW_TRIAL_RUNNING;
    if (!pair_load(call->self, index, &s))
        return SW_TECHNICAL_PROBLEM;
    bool suspend = value.p[0] == SUSPEND;
    s.state = suspend ? PAIR_BLOCKED : PAIR_ACTIVE;
    bool ok = pair_put(call->self, index, &s) && audit(call->self, suspend ? AUDIT_SUSPENDED : AUDIT_RESUMED,
                                                       (uint8_t)index, call->session->key_item);
    return ok ? SW_OK : SW_MEMORY_PROBLEM;
}

sw_t command_order(struct call *call)
{
    struct reader r = rd_of(call->cmd->data);
    struct tlv t;
    if (!tlv_next(&r, &t) || !rd_done(&r))
        return SW_WRONG_DATA;
    /* The stand-by keyset of a trial repeats orders and asks questions; it decides nothing any more. */
    if (t.tag != ORDER && (call->session->rights & RIGHT_STANDBY) != 0)
        return SW_NO_AUTHORITY;
    switch (t.tag) {
    case ORDER:
        return obey_order(call);
    case ORDER_SUSPENSION:
        return obey_suspension(call, t.value);
    case SELECTION:
        return subscription_dual_consent(call->self) ? SW_NO_AUTHORITY : selection_replace(call, t.value);
    default:
        return SW_WRONG_DATA;
    }
}
