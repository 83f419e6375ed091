/* SPDX-License-Identifier: Apache-2.0
 *
 * Administrative commands of ETSI TS 102 222: CREATE, DELETE and RESIZE FILE, TERMINATE, and ACTIVATE and
 * DEACTIVATE FILE of TS 102 221 11.1.14, 11.1.15. Dispatch has found the file, and the right to it,
 * before any of these runs.
 */
#include "fs.h"

enum {
    FCP = 0x62,
    TAG_SIZE = 0x80,
    TAG_TOTAL_SIZE = 0x81,
    TAG_DESCRIPTOR = 0x82,
    TAG_FID = 0x83,
    TAG_DF_NAME = 0x84,
    TAG_SFI = 0x88,
    TAG_LIFE_CYCLE = 0x8A,
    TAG_REFERENCE = 0x8B,
    TAG_COMPACT = 0x8C,
    TAG_EXPANDED = 0xAB,
    TAG_PROPRIETARY = 0xA5,
    TAG_PIN_STATUS = 0xC6,
    TAG_SPECIAL_INFORMATION = 0xC0,
    TAG_FILLING = 0xC1,
    TAG_REPEAT = 0xC2,
    SFI_FROM_FID = 0xFF,
    FILE_SIZE_MAX = 0xFFFF,
    RECORDS_MAX = 254,
};

/* What a CREATE FILE asks for: FCP objects by tag. */
struct request {
    struct span descriptor, fid, life_cycle, size, sfi, reference, compact, expanded, proprietary, df_name;
    bool has_sfi;
};

static sw_t request_parse(struct span data, struct request *q)
{
    struct reader r = rd_of(data);
    struct tlv fcp, t;
    *q = (struct request){0};
    if (!tlv_next(&r, &fcp) || !rd_done(&r) || fcp.tag != FCP)
        return SW_WRONG_DATA;
    const struct {
        uint32_t tag;
        struct span *to;
    } known[] = {
        {TAG_DESCRIPTOR, &q->descriptor}, {TAG_FID, &q->fid}, {TAG_LIFE_CYCLE, &q->life_cycle}, {TAG_SIZE, &q->size}, {TAG_SFI, &q->sfi},
        {TAG_REFERENCE, &q->reference}, {TAG_COMPACT, &q->compact}, {TAG_EXPANDED, &q->expanded}, {TAG_PROPRIETARY, &q->proprietary},
        {TAG_DF_NAME, &q->df_name},
    };
    unsigned seen = 0;
    for (r = rd_of(fcp.value); tlv_next(&r, &t);) {
        bool taken = t.tag == TAG_TOTAL_SIZE || t.tag == TAG_PIN_STATUS; /* a DF's: nothing to reserve here */
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            if (known[i].tag == t.tag) {
                if ((seen >> i & 1) != 0) /* the gate went by the first descriptor: there is but one */
                    return SW_WRONG_DATA;
                seen |= 1u << i;
                *known[i].to = t.value;
                taken = true;
            }
        if (t.tag == TAG_SFI)
            q->has_sfi = true;
        if (!taken)
            return SW_WRONG_DATA;
    }
    return rd_ok(&r) && q->fid.n == 2 && q->descriptor.n >= 2 ? SW_OK : SW_WRONG_DATA;
}

/* TS 102 221 11.1.1.4.3. */
static uint8_t kind_of(struct span descriptor)
{
    switch (descriptor.p[0] & 0xBF) { /* without the bit "shareable" */
    case 0x38:
        return FILE_DF;
    case 0x01:
        return FILE_TRANSPARENT;
    case 0x02:
        return FILE_LINEAR;
    case 0x06:
        return FILE_CYCLIC;
    case 0x39:
        return FILE_BERTLV;
    default:
        return 0;
    }
}

static uint32_t number(struct span s)
{
    struct reader r = rd_of(s);
    return s.n > 4 ? UINT32_MAX : (uint32_t)rd_be(&r, s.n);
}

static sw_t structure(const struct request *q, struct profile_file *f)
{
    f->kind = kind_of(q->descriptor);
    f->fid = (uint16_t)(q->fid.p[0] << 8 | q->fid.p[1]);
    f->name = f->kind == FILE_DF ? "DF" : "EF";
    if (f->kind == 0 || f->fid == 0x3F00 || f->fid == 0x7FFF || f->fid == 0x3FFF || f->fid == 0xFFFF)
        return SW_WRONG_DATA;
    if (f->kind == FILE_DF)
        /* an ADF needs an application: INSTALL makes these */
        return q->df_name.n == 0 ? SW_OK : SW_FUNCTION_NOT_SUPPORTED;
    if (q->size.n == 0)
        return SW_WRONG_DATA;
    f->size = number(q->size);
    if (f->size > FILE_SIZE_MAX)
        return SW_NOT_ENOUGH_MEMORY;
    if (f->kind == FILE_LINEAR || f->kind == FILE_CYCLIC) {
        if (q->descriptor.n < 4)
            return SW_WRONG_DATA;
        unsigned len = (unsigned)q->descriptor.p[2] << 8 | q->descriptor.p[3];
        if (len == 0 || len > 255 || f->size == 0 || f->size % len != 0 || f->size / len > RECORDS_MAX)
            return SW_WRONG_DATA;
        f->record_len = (uint8_t)len;
    }
    return SW_OK;
}

/* TS 102 221 11.1.1.4.8: absent: the five low bits of the FID; empty: none; else b8-b4. */
static sw_t short_id(const struct uicc *card, const struct request *q, struct profile_file *f)
{
    if (f->kind == FILE_DF)
        return SW_OK;
    if (!q->has_sfi)
        f->sfi = f->fid & 0x1F;
    else if (q->sfi.n == 1)
        f->sfi = q->sfi.p[0] >> 3;
    if (f->sfi > 30 || q->sfi.n > 1 || (q->sfi.n == 1 && (q->sfi.p[0] & 0x07) != 0))
        f->sfi = 0;
    if (f->sfi != 0 && fs_child_sfi(card, f->parent, f->sfi) != PROFILE_NO_FILE) {
        if (q->has_sfi)
            return SW_WRONG_DATA;
        f->sfi = 0;
    }
    return SW_OK;
}

static sw_t access_rule(const struct request *q, struct made_file *m)
{
    if (q->reference.n == 3) {
        m->access_tag = TAG_REFERENCE;
        m->row.arr_record = q->reference.p[2];
    } else if (q->reference.n >= 4 && q->reference.n % 2 == 0) {
        /* FID, then SE and record: ours is SE 01, or 00 for any */
        m->access_tag = TAG_REFERENCE;
        for (size_t i = 2; i < q->reference.n; i += 2)
            if (q->reference.p[i] <= 1)
                m->row.arr_record = q->reference.p[i + 1];
    } else {
        struct span rule = q->compact.n > 0 ? q->compact : q->expanded;
        if (q->reference.n != 0 || rule.n == 0 || rule.n > sizeof m->access_data)
            return SW_WRONG_DATA;
        m->access_tag = q->compact.n > 0 ? TAG_COMPACT : TAG_EXPANDED;
        m->access_len = (uint8_t)rule.n;
        memcpy(m->access_data, rule.p, rule.n);
        return SW_OK;
    }
    m->row.arr_fid = (uint16_t)(q->reference.p[0] << 8 | q->reference.p[1]);
    return m->row.arr_record != 0 ? SW_OK : SW_WRONG_DATA;
}

/* TS 102 222 6.3.2.2.2: what a new EF is filled with, whether it is updated often, and
 * whether deactivation closes it. */
static uint8_t proprietary(const struct request *q, struct profile_file *f)
{
    struct span value;
    uint8_t fill = 0xFF;
    if (tlv_find(q->proprietary, TAG_SPECIAL_INFORMATION, &value) && value.n == 1) {
        f->high_update = (value.p[0] & SPECIAL_HIGH_UPDATE) != 0;
        f->open_deactivated = (value.p[0] & SPECIAL_OPEN_DEACTIVATED) != 0;
    }
    if ((tlv_find(q->proprietary, TAG_FILLING, &value) || tlv_find(q->proprietary, TAG_REPEAT, &value)) &&
        value.n >= 1)
        fill = value.p[0];
    return fill;
}

static bool fill_body(struct uicc *card, uint16_t file, const struct request *q)
{
    struct span pattern;
    size_t size = fs_body(card, file).n, step = fs_file(card, file)->record_len;
    bool repeat = tlv_find(q->proprietary, TAG_REPEAT, &pattern);
    if (!repeat && !tlv_find(q->proprietary, TAG_FILLING, &pattern))
        return true;
    if (pattern.n == 0 || size == 0)
        return true;
    uint8_t *body = fs_edit(card, file);
    if (body == NULL)
        return false;
    step = step == 0 ? size : step;
    for (size_t i = 0; i < size; i++) {
        /* filling: the last octet goes on; repeat: the pattern does; both in every record anew */
        size_t at = i % step;
        body[i] = repeat ? pattern.p[at % pattern.n] : pattern.p[at < pattern.n ? at : pattern.n - 1];
    }
    return true;
}

sw_t command_create_file(struct call *call)
{
    struct uicc *card = call->card;
    struct request q;
    struct made_file m = {.row = {.parent = call->target, .applet = NO_APPLET},
                          .owner = call->session->remote ? call->session->owner : NO_OWNER};
    sw_t sw = request_parse(call->cmd->data, &q);
    if (sw == SW_OK)
        sw = structure(&q, &m.row);
    if (sw == SW_OK && fs_child(card, m.row.parent, m.row.fid) != PROFILE_NO_FILE)
        sw = SW_FILE_EXISTS;
    if (sw == SW_OK)
        sw = short_id(card, &q, &m.row);
    if (sw == SW_OK)
        sw = access_rule(&q, &m);
    if (sw == SW_OK && (q.life_cycle.n != 1 || (q.life_cycle.p[0] != 0x05 && q.life_cycle.p[0] != 0x04)))
        /* operational, activated or deactivated; creation and initialisation states are for card makers */
        sw = SW_WRONG_DATA;
    if (sw != SW_OK)
        return sw;
    uint16_t file;
    sw = fs_make(card, &m, proprietary(&q, &m.row), &file);
    if (sw != SW_OK)
        return sw;
    bool ok = !fs_is_ef(&m.row) || m.row.kind == FILE_BERTLV || fill_body(card, file, &q);
    if (ok && q.life_cycle.p[0] == 0x04)
        ok = fs_set_state(card, file, FILE_STATE_DEACTIVATED);
    if (!ok)
        return SW_MEMORY_PROBLEM;
    fs_choose(call->session, card, file); /* 6.3.1: the new file becomes the current one */
    return SW_OK;
}

sw_t command_delete_file(struct call *call)
{
    const struct profile_file *f = fs_file(call->card, call->target);
    /* the card itself; an application is deleted with its applet */
    if (f->kind == FILE_MF || f->kind == FILE_ADF)
        return SW_CONDITIONS_NOT_SATISFIED;
    return fs_remove(call->card, call->target);
}

sw_t command_resize_file(struct call *call)
{
    struct span fcp, size;
    const struct profile_file *f = fs_file(call->card, call->target);
    if (!fs_is_ef(f) || f->kind == FILE_CYCLIC) /* TS 102 222 6.10: linear fixed, transparent and BER-TLV */
        return SW_INCOMPATIBLE_FILE;
    if (!tlv_find(call->cmd->data, FCP, &fcp) || !tlv_find(fcp, TAG_SIZE, &size) || size.n == 0)
        return SW_WRONG_DATA;
    uint32_t n = number(size);
    if (f->record_len > 0 && (n == 0 || n % f->record_len != 0 || n / f->record_len > RECORDS_MAX))
        return SW_WRONG_DATA;
    if (f->kind == FILE_BERTLV)
        return SW_FUNCTION_NOT_SUPPORTED;
    if (n > FILE_SIZE_MAX || (fs_made(call->card, call->target) != NULL &&
                              call->card->made.octets - f->size + n > MADE_OCTETS_MAX))
        return SW_NOT_ENOUGH_MEMORY;
    return fs_resize(call->card, call->target, n) ? SW_OK : SW_MEMORY_PROBLEM;
}

static sw_t set_state(struct call *call, uint8_t state)
{
    return fs_set_state(call->card, call->target, state) ? SW_OK : SW_MEMORY_PROBLEM;
}

sw_t command_activate_file(struct call *call)
{
    return set_state(call, FILE_STATE_ACTIVATED);
}

sw_t command_deactivate_file(struct call *call)
{
    if (call->target == 0) /* TS 102 221 11.1.14: the MF cannot be deactivated */
        return SW_INCOMPATIBLE_FILE;
    return set_state(call, FILE_STATE_DEACTIVATED);
}

sw_t command_terminate_ef(struct call *call)
{
    return fs_is_ef(fs_file(call->card, call->target)) ? set_state(call, FILE_STATE_TERMINATED)
                                                       : SW_INCOMPATIBLE_FILE;
}

sw_t command_terminate_df(struct call *call)
{
    const struct profile_file *f = fs_file(call->card, call->target);
    return f->kind == FILE_DF || f->kind == FILE_ADF ? set_state(call, FILE_STATE_TERMINATED)
                                                     : SW_INCOMPATIBLE_FILE;
}

sw_t command_terminate_card(struct call *call)
{
    const uint8_t yes = 1;
    bool ok = objects_put(call->card->objects, object_id(OBJECT_CARD, 1), span_of(&yes, 1));
    return ok && fs_set_state(call->card, 0, FILE_STATE_TERMINATED) ? SW_OK : SW_MEMORY_PROBLEM;
}
