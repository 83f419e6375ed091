/* SPDX-License-Identifier: Apache-2.0
 *
 * Access rules (ETSI TS 102 221 9.2.4 to 9.2.7, ISO/IEC 7816-4 5.4.3): in EF.ARR, which a file's FCP refers
 * to (8B); or in the FCP itself, in compact (8C) or expanded (AB) format. They are evaluated from what is
 * stored now at every access, so that an updated EF.ARR is obeyed at once.
 */
#include "fs.h"

enum {
    TAG_REFERENCE = 0x8B, TAG_COMPACT = 0x8C, TAG_EXPANDED = 0xAB,
    DO_AM_BYTE = 0x80,
    DO_AM_INS = 0x84,
    DO_ALWAYS = 0x90,
    DO_NEVER = 0x97,
    DO_AUTHENTICATION = 0xA4,
    DO_OR = 0xA0,
    DO_NOT = 0xA7,
    DO_AND = 0xAF,
    DO_SC_BYTE = 0x9E,
    CRT_KEY_REFERENCE = 0x83,
    CRT_USAGE = 0x95,
    USAGE_USER_AUTHENTICATION = 0x08, /* knowledge based */
    DEPTH_MAX = 4,                    /* templates in templates: more than any rule in the field */
};

/* What somebody wants to do: an access mode bit, or an instruction. */
struct wanted {
    uint8_t mode;
    uint8_t ins;  /* 0: none */
};

/* One security condition that is not a template. Unknown objects are never satisfied. */
static bool condition(const struct uicc *card, const struct session *session, const struct tlv *t)
{
    struct span key, usage;
    switch (t->tag) {
    case DO_ALWAYS:
        return t->value.n == 0;
    case DO_SC_BYTE: /* table 20: 00 no condition; FF never; others are for SEs we have not */
        return t->value.n == 1 && t->value.p[0] == 0;
    case DO_AUTHENTICATION:
        if (!tlv_find(t->value, CRT_KEY_REFERENCE, &key) || key.n != 1)
            return false;
        if (tlv_find(t->value, CRT_USAGE, &usage) &&
            (usage.n != 1 || (usage.p[0] & USAGE_USER_AUTHENTICATION) == 0))
            return false;
        return pin_satisfied(card, session, key.p[0]);
    default:
        return false;
    }
}

static bool is_template(uint32_t tag)
{
    return tag == DO_OR || tag == DO_AND || tag == DO_NOT;
}

/* A condition, or a template of conditions and templates: walked with a stack of its own, no
 * recursion on what a card's user may write. An empty template is never satisfied; NOT is satisfied
 * when none of what it has is. */
static bool satisfied(const struct uicc *card, const struct session *session, const struct tlv *first)
{
    struct level {
        struct reader r;
        uint32_t tag;
        bool any, all, some;
    } stack[DEPTH_MAX];
    if (!is_template(first->tag))
        return condition(card, session, first);
    int depth = 0;
    stack[0] = (struct level){rd_of(first->value), first->tag, false, true, false};
    for (;;) {
        struct level *top = &stack[depth];
        struct tlv t;
        bool value;
        if (tlv_next(&top->r, &t)) {
            if (is_template(t.tag)) {
                if (++depth == DEPTH_MAX)
                    return false;
                stack[depth] = (struct level){rd_of(t.value), t.tag, false, true, false};
                continue;
            }
            value = condition(card, session, &t);
        } else {
            if (!rd_ok(&top->r) || !top->some)
                return false; /* malformed: not satisfied, not even under a NOT */
            value = top->tag == DO_OR ? top->any : top->tag == DO_AND ? top->all : !top->any;
            if (depth-- == 0)
                return value;
            top = &stack[depth];
        }
        top->any |= value;
        top->all &= value;
        top->some = true;
    }
}

static bool speaks_of(const struct tlv *am, const struct wanted *wanted)
{
    if (wanted->ins != 0) /* one of the instructions listed */
        return am->tag == DO_AM_INS && am->value.n > 0 &&
               memchr(am->value.p, wanted->ins, am->value.n) != NULL;
    return am->tag == DO_AM_BYTE && am->value.n == 1 && (am->value.p[0] & 0x80) == 0 &&
           (am->value.p[0] & wanted->mode) == wanted->mode;
}

/* Expanded format is a sequence: an access mode object, then its security condition, or several that
 * must all hold, up to the next access mode. Padding (FF) ends a record of EF.ARR. What no rule
 * speaks of is never allowed. */
static bool expanded(const struct uicc *card, const struct session *session, struct span rule,
                     const struct wanted *wanted)
{
    struct reader r = rd_of(rule);
    struct tlv t;
    bool applies = false, holds = false, conditions = false;
    while (r.left > 0 && r.p[0] != 0xFF && tlv_next(&r, &t)) {
        if (t.tag >= 0x80 && t.tag <= 0x8F) { /* an access mode object begins the next rule */
            if (applies && conditions)
                break;
            applies = speaks_of(&t, wanted);
            holds = true;
            conditions = false;
        } else if (applies) {
            holds = holds && satisfied(card, session, &t);
            conditions = true;
        }
    }
    return rd_ok(&r) && applies && conditions && holds;
}

/* Compact format (ISO/IEC 7816-4 5.4.3.1): an AM byte, then a security condition byte for each bit
 * set in it, from bit 7 on. */
static bool compact(struct span rule, const struct wanted *wanted)
{
    struct reader r = rd_of(rule);
    uint8_t am = rd_u8(&r);
    if (wanted->ins != 0 || (am & 0x80) != 0)
        return false;
    for (int bit = 6; bit >= 0; bit--) {
        if ((am >> bit & 1) == 0)
            continue;
        uint8_t sc = rd_u8(&r);
        if (wanted->mode >> bit & 1)
            return rd_ok(&r) && sc == 0; /* 00: no condition; all else asks for an SE that we have not */
    }
    return false;
}

/* The EF.ARR a file's FCP refers to: searched from the file's directory up to the MF (TS 102 221 9.2.7). */
static struct span referenced(const struct uicc *card, uint16_t file)
{
    const struct profile_file *f = fs_file(card, file);
    uint16_t dir = fs_is_ef(f) || f->kind == FILE_DF ? f->parent : file;
    uint16_t arr = PROFILE_NO_FILE;
    for (;;) {
        arr = fs_child(card, dir, f->arr_fid);
        if (arr != PROFILE_NO_FILE || dir == 0)
            break;
        dir = fs_file(card, dir)->parent;
    }
    if (arr == PROFILE_NO_FILE || fs_file(card, arr)->kind != FILE_LINEAR || f->arr_record == 0)
        return SPAN_EMPTY;
    size_t len = fs_file(card, arr)->record_len;
    return span_slice(fs_body(card, arr), (f->arr_record - 1u) * len, len);
}

static sw_t check(const struct uicc *card, const struct session *session, uint16_t file,
                  const struct wanted *wanted)
{
    const struct made_file *made = fs_made(card, file);
    uint8_t tag = made != NULL ? made->access_tag : TAG_REFERENCE;
    bool ok;
    if (tag == TAG_COMPACT)
        ok = compact(span_of(made->access_data, made->access_len), wanted);
    else if (tag == TAG_EXPANDED)
        ok = expanded(card, session, span_of(made->access_data, made->access_len), wanted);
    else
        ok = expanded(card, session, referenced(card, file), wanted);
    return ok ? SW_OK : SW_SECURITY_STATUS;
}

sw_t fs_access(const struct uicc *card, const struct session *session, uint16_t file, uint8_t mode)
{
    const struct wanted wanted = {.mode = mode};
    return check(card, session, file, &wanted);
}

sw_t fs_access_ins(const struct uicc *card, const struct session *session, uint16_t file, uint8_t ins)
{
    const struct wanted wanted = {.ins = ins};
    return check(card, session, file, &wanted);
}
