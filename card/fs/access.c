/* SPDX-License-Identifier: Apache-2.0
 *
 * Access rules in expanded format, read where the standard keeps them: in EF.ARR (ETSI TS 102 221 9.2.7, ISO/IEC 7816-4 5.4.3). They
 * are evaluated from the file's present content at every access, so that an updated EF.ARR is obeyed at once.
 */
#include "fs.h"

enum {
    DO_AM_BYTE = 0x80,
    DO_AM_INS = 0x84,
    DO_ALWAYS = 0x90,
    DO_NEVER = 0x97,
    DO_AUTHENTICATION = 0xA4,
    DO_OR = 0xA0,
    DO_NOT = 0xA7,
    DO_AND = 0xAF,
    CRT_KEY_REFERENCE = 0x83,
    CRT_USAGE = 0x95,
    USAGE_USER_AUTHENTICATION = 0x08, /* knowledge based */
};

/* One security condition that is not a template. Unknown objects are never satisfied. */
static bool condition(const struct uicc *card, const struct session *session, const struct tlv *t)
{
    struct span key, usage;
    switch (t->tag) {
    case DO_ALWAYS:
        return t->value.n == 0;
    case DO_AUTHENTICATION:
        if (!tlv_find(t->value, CRT_KEY_REFERENCE, &key) || key.n != 1)
            return false;
        if (tlv_find(t->value, CRT_USAGE, &usage) && (usage.n != 1 || (usage.p[0] & USAGE_USER_AUTHENTICATION) == 0))
            return false;
        return pin_satisfied(card, session, key.p[0]);
    default:
        return false;
    }
}

/* A condition or a template of conditions. Templates do not nest here: two levels are what TS 102 221 shows, and a bound that
 * needs no recursion. */
static bool satisfied(const struct uicc *card, const struct session *session, const struct tlv *t)
{
    if (t->tag != DO_OR && t->tag != DO_AND && t->tag != DO_NOT)
        return condition(card, session, t);
    struct reader r = rd_of(t->value);
    struct tlv inner;
    bool any = false, all = true, some = false;
    while (tlv_next(&r, &inner)) {
        bool ok = condition(card, session, &inner);
        any |= ok;
        all &= ok;
        some = true;
    }
    if (!rd_ok(&r) || !some)
        return false;
    return t->tag == DO_OR ? any : t->tag == DO_AND ? all : !any;
}

/* The EF.ARR a file's FCP refers to: searched from the file's directory up to the application's (TS 102 221 9.2.7). */
static struct span rule_of(const struct uicc *card, uint16_t file)
{
    const struct profile_file *f = fs_file(card, file);
    uint16_t dir = f->kind == FILE_ADF || f->kind == FILE_MF ? file : f->parent;
    uint16_t arr = PROFILE_NO_FILE;
    for (;;) {
        arr = profile_child(card->profile, dir, f->arr_fid);
        if (arr != PROFILE_NO_FILE || dir == 0)
            break;
        dir = fs_file(card, dir)->parent;
    }
    if (arr == PROFILE_NO_FILE || fs_file(card, arr)->kind != FILE_LINEAR || f->arr_record == 0)
        return SPAN_EMPTY;
    size_t len = fs_file(card, arr)->record_len;
    return span_slice(fs_body(card, arr), (f->arr_record - 1u) * len, len);
}

/* Rules are a sequence: an access mode object, then its security condition, or several that must all hold, up to the next access mode.
 * The mode may have several bits; the rule speaks for each. Padding (FF) ends the record. What no rule speaks of is never allowed. */
sw_t fs_access(const struct uicc *card, const struct session *session, uint16_t file, uint8_t mode)
{
    struct reader r = rd_of(rule_of(card, file));
    struct tlv t;
    bool applies = false, holds = false, conditions = false;
    while (r.left > 0 && r.p[0] != 0xFF && tlv_next(&r, &t)) {
        if (t.tag >= 0x80 && t.tag <= 0x8F) { /* an access mode object begins the next rule */
            if (applies && conditions)
                break;
            applies = t.tag == DO_AM_BYTE && t.value.n == 1 && (t.value.p[0] & mode) == mode && (t.value.p[0] & 0x80) == 0;
            holds = true;
            conditions = false;
        } else if (applies) {
            holds = holds && satisfied(card, session, &t);
            conditions = true;
        }
    }
    return rd_ok(&r) && applies && conditions && holds ? SW_OK : SW_SECURITY_STATUS;
}
