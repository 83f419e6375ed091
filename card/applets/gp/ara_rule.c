/* SPDX-License-Identifier: Apache-2.0 */
#include "ara_rule.h"

enum { APDU_AR_DO = 0xD0, NFC_AR_DO = 0xD1, PERM_AR_DO = 0xDB, PKG_REF_DO = 0xCA, RULE_MAX = 512 };

/* ---- one rule ---- */

static bool never_or_always(struct span v)
{
    return v.n == 1 && v.p[0] <= 1;
}

static bool sound(uint32_t tag, struct span v)
{
    switch (tag) {
    case AID_REF_DO:
        return v.n == 0 || (v.n >= 5 && v.n <= 16);
    case AID_REF_DO_EMPTY:
        return v.n == 0;
    case DEVICE_APP_REF_DO: /* hash of the certificate: none, SHA-1, SHA-256 */
        return v.n == 0 || v.n == 20 || v.n == 32;
    case PKG_REF_DO:
        return v.n >= 1 && v.n <= 127;
    case APDU_AR_DO: /* or filters: header and mask */
        return never_or_always(v) || (v.n > 0 && v.n % 8 == 0);
    case NFC_AR_DO:
        return never_or_always(v);
    case PERM_AR_DO:
        return v.n == 8;
    default:
        return true;
    }
}

static bool known(uint32_t within, uint32_t tag)
{
    if (within == REF_DO)
        return tag == AID_REF_DO || tag == AID_REF_DO_EMPTY || tag == DEVICE_APP_REF_DO || tag == PKG_REF_DO;
    return tag == APDU_AR_DO || tag == NFC_AR_DO || tag == PERM_AR_DO;
}

/* The objects of one half that are known; each at most once. */
static sw_t read_half(uint32_t tag, struct span value, struct buf *out)
{
    struct reader r = rd_of(value);
    struct tlv t;
    struct span twice;
    sw_t sw = SW_OK;
    size_t from = buf_tlv_open(out, tag), at = out->len;
    while (tlv_next(&r, &t)) {
        if (!known(tag, t.tag)) {
            sw = SW_RULE_PART_UNKNOWN;
            continue;
        }
        if (!sound(t.tag, t.value) || tlv_find(span_of(out->p + at, out->len - at), t.tag, &twice))
            return SW_WRONG_DATA;
        buf_tlv(out, t.tag, t.value);
        if (!buf_ok(out))
            return SW_WRONG_DATA;
    }
    buf_tlv_close(out, from);
    return rd_ok(&r) && buf_ok(out) ? sw : SW_WRONG_DATA;
}

static sw_t worse(sw_t a, sw_t b)
{
    return a == SW_WRONG_DATA || b == SW_OK ? a : b;
}

sw_t ara_rule_read(struct span value, struct buf *out)
{
    struct span reference, access, device, aid, empty;
    if (!tlv_find(value, REF_DO, &reference) || !tlv_find(value, AR_DO, &access) ||
        !tlv_find(reference, DEVICE_APP_REF_DO, &device))
        return SW_WRONG_DATA;
    if (tlv_find(reference, AID_REF_DO, &aid) && tlv_find(reference, AID_REF_DO_EMPTY, &empty))
        return SW_WRONG_DATA;
    size_t rule = buf_tlv_open(out, REF_AR_DO);
    sw_t sw = read_half(REF_DO, reference, out);
    if (sw != SW_WRONG_DATA)
        sw = worse(read_half(AR_DO, access, out), sw);
    buf_tlv_close(out, rule);
    struct reader r = rd_of(value);
    struct tlv t;
    while (tlv_next(&r, &t))
        if (t.tag != REF_DO && t.tag != AR_DO)
            sw = worse(sw, SW_RULE_PART_UNKNOWN);
    return rd_ok(&r) && buf_ok(out) ? sw : SW_WRONG_DATA;
}

/* ---- lists: REF-AR-DOs, one after the other ---- */

struct rule {
    struct span whole, reference, access;
};

static bool next_rule(struct reader *r, struct rule *out)
{
    const uint8_t *from = r->p;
    struct tlv t;
    if (!tlv_next(r, &t) || t.tag != REF_AR_DO)
        return false;
    out->whole = span_of(from, (size_t)(r->p - from));
    return tlv_find(t.value, REF_DO, &out->reference) && tlv_find(t.value, AR_DO, &out->access);
}

/* Two rules of one reference: what both say of one kind of access must be the same. What is new goes to
 * `extra`. */
static bool agree(struct span old, struct span fresh, struct buf *extra)
{
    struct reader r = rd_of(fresh);
    struct tlv t;
    struct span other;
    while (tlv_next(&r, &t)) {
        if (!tlv_find(old, t.tag, &other))
            buf_tlv(extra, t.tag, t.value);
        else if (!span_equal(other, t.value))
            return false;
    }
    return true;
}

static void put_merged(const struct rule *old, struct span extra, struct buf *out)
{
    size_t rule = buf_tlv_open(out, REF_AR_DO);
    buf_tlv(out, REF_DO, old->reference);
    size_t access = buf_tlv_open(out, AR_DO);
    buf_put(out, old->access);
    buf_put(out, extra);
    buf_tlv_close(out, access);
    buf_tlv_close(out, rule);
}

sw_t ara_rules_add(struct span rules, struct span rule, struct buf *out)
{
    struct reader r = rd_of(rules), own = rd_of(rule);
    struct rule old, fresh;
    sw_t sw = SW_OK;
    if (!next_rule(&own, &fresh))
        return SW_WRONG_DATA;
    while (next_rule(&r, &old)) {
        uint8_t bytes[RULE_MAX];
        struct buf extra = buf_of(bytes, sizeof bytes);
        if (!span_equal(old.reference, fresh.reference)) {
            buf_put(out, old.whole);
            continue;
        }
        if (!agree(old.access, fresh.access, &extra) || !buf_ok(&extra))
            return SW_FILE_EXISTS; /* 6A89: conflicting access rule */
        put_merged(&old, buf_span(&extra), out);
        sw = SW_RULE_EXISTS;
    }
    if (sw == SW_OK)
        buf_put(out, rule);
    return buf_ok(out) ? sw : SW_MEMORY_PROBLEM;
}

static bool meant(const struct rule *rule, const struct tlv *what, struct span whole)
{
    struct span value;
    switch (what->tag) {
    case AID_REF_DO:
    case AID_REF_DO_EMPTY:
        return tlv_find(rule->reference, what->tag, &value) && span_equal(value, what->value);
    case REF_DO:
        return span_equal(rule->reference, what->value);
    default:
        return span_equal(rule->whole, whole);
    }
}

bool ara_rules_delete(struct span rules, struct span what, struct buf *out, unsigned *n)
{
    struct reader r = rd_of(rules), w = rd_of(what);
    struct tlv t = {0};
    struct rule rule;
    *n = 0;
    if (what.n > 0 &&
        (!tlv_next(&w, &t) || !rd_done(&w) ||
         (t.tag != AID_REF_DO && t.tag != AID_REF_DO_EMPTY && t.tag != REF_DO && t.tag != REF_AR_DO)))
        return false;
    while (next_rule(&r, &rule)) {
        if (what.n == 0 || meant(&rule, &t, what))
            ++*n;
        else
            buf_put(out, rule.whole);
    }
    return buf_ok(out);
}

bool ara_rules_find(struct span rules, struct span reference, struct buf *out)
{
    struct reader r = rd_of(rules);
    struct rule rule;
    bool found = false;
    while (next_rule(&r, &rule)) {
        if (!span_equal(rule.reference, reference))
            continue;
        buf_tlv(out, AR_DO, rule.access);
        found = true;
    }
    return found && buf_ok(out);
}
