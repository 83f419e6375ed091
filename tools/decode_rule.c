/* SPDX-License-Identifier: Apache-2.0
 *
 * Access rules in words (ETSI TS 102 221 9.2.4, ISO/IEC 7816-4 5.4.3). What is not understood is shown in
 * hexadecimal: never taken for less than it is.
 */
#include <stdio.h>

#include "decode.h"
#include "tlv.h"

enum {
    AM_BYTE = 0x80,
    AM_INS = 0x84,
    ALWAYS = 0x90,
    NEVER = 0x97,
    AUTHENTICATION = 0xA4,
    OR = 0xA0,
    NOT = 0xA7,
    AND = 0xAF,
    KEY_REFERENCE = 0x83,
    AM_CREATE_DF = 0x04, /* of a DF; of an EF it would be WRITE, which the UICC has not */
    CONDITION_ROOM = 256,
    DEPTH_MAX = 6,
};

const char *decode_key_reference(uint8_t reference)
{
    /* TS 102 221 9.5.1, table 9.3 */
    static const char names[][12] = {
        "PIN1",       "PIN1 app 2", "PIN1 app 3", "PIN1 app 4", "PIN1 app 5", "PIN1 app 6",
        "PIN1 app 7", "PIN1 app 8", "",           "ADM1",       "ADM2",       "ADM3",
        "ADM4",       "ADM5",       "",           "",           "universal",
    };
    static const char local[][12] = {
        "PIN2",       "PIN2 app 2", "PIN2 app 3", "PIN2 app 4", "PIN2 app 5", "PIN2 app 6", "PIN2 app 7",
        "PIN2 app 8", "",           "ADM6",       "ADM7",       "ADM8",       "ADM9",       "ADM10",
    };
    if (reference >= 0x81 && reference - 0x81u < sizeof local / sizeof local[0])
        return local[reference - 0x81];
    if (reference >= 1 && reference - 1u < sizeof names / sizeof names[0])
        return names[reference - 1];
    return "";
}

/* ---- conditions ---- */

struct line {
    char text[CONDITION_ROOM];
    size_t n;
};

static void put(struct line *l, const char *text)
{
    for (; *text != '\0' && l->n + 1 < sizeof l->text; text++)
        l->text[l->n++] = *text;
    l->text[l->n] = '\0';
}

static void put_octets(struct line *l, uint32_t tag, struct span value)
{
    char part[16];
    snprintf(part, sizeof part, "%02X:", (unsigned)tag);
    put(l, part);
    for (size_t i = 0; i < value.n; i++) {
        snprintf(part, sizeof part, "%02X", value.p[i]);
        put(l, part);
    }
}

static void put_condition(struct line *l, const struct tlv *t)
{
    struct span key;
    char number[8];
    if (t->tag == ALWAYS && t->value.n == 0) {
        put(l, "always");
    } else if (t->tag == NEVER && t->value.n == 0) {
        put(l, "never");
    } else if (t->tag == AUTHENTICATION && tlv_find(t->value, KEY_REFERENCE, &key) && key.n == 1) {
        const char *name = decode_key_reference(key.p[0]);
        snprintf(number, sizeof number, "key %02X", key.p[0]);
        put(l, name[0] != '\0' ? name : number);
    } else {
        put_octets(l, t->tag, t->value);
    }
}

static const char *joining(uint32_t tag)
{
    return tag == AND ? " and " : " or ";
}

/* One security condition; templates in templates with a stack of our own. false: malformed, or too deep. */
static bool put_conditions(struct line *l, const struct tlv *first)
{
    struct level {
        struct reader r;
        uint32_t tag;
        unsigned n;
    } stack[DEPTH_MAX];
    if (first->tag != OR && first->tag != AND && first->tag != NOT) {
        put_condition(l, first);
        return true;
    }
    int depth = 0;
    stack[0] = (struct level){rd_of(first->value), first->tag, 0};
    put(l, first->tag == NOT ? "not (" : "");
    for (;;) {
        struct level *top = &stack[depth];
        struct tlv t;
        if (tlv_next(&top->r, &t)) {
            put(l, top->n++ > 0 ? joining(top->tag) : "");
            if (t.tag != OR && t.tag != AND && t.tag != NOT) {
                put_condition(l, &t);
                continue;
            }
            if (++depth == DEPTH_MAX)
                return false;
            stack[depth] = (struct level){rd_of(t.value), t.tag, 0};
            put(l, t.tag == NOT ? "not (" : "(");
        } else {
            if (!rd_ok(&top->r) || top->n == 0)
                return false;
            put(l, depth > 0 || top->tag == NOT ? ")" : "");
            if (depth-- == 0)
                return true;
        }
    }
}

/* ---- rules ---- */

static bool is_mode(uint32_t tag)
{
    return tag >= 0x80 && tag <= 0x8F;
}

/* The next access mode and all conditions after it, which must all hold. 1; 0 at the end, which padding FF
 * marks too; -1: malformed. */
static int next_rule(struct reader *r, struct tlv *mode, struct line *l)
{
    struct tlv t;
    *l = (struct line){.n = 0};
    if (r->left == 0 || r->p[0] == 0xFF)
        return 0;
    if (!tlv_next(r, mode) || !is_mode(mode->tag))
        return -1;
    bool some = false;
    while (r->left > 0 && r->p[0] != 0xFF && !is_mode(r->p[0])) {
        if (!tlv_next(r, &t))
            return -1;
        put(l, some ? " and " : "");
        some = true;
        if (!put_conditions(l, &t))
            return -1;
    }
    if (!some)
        put(l, "never");
    return 1;
}

static void out_modes(struct out *out, const struct tlv *mode, bool of_df)
{
    static const char *const of_ef[] = {"read",     "update",    "write", "deactivate",
                                        "activate", "terminate", "delete"};
    static const char *const of_dir[] = {"delete child", "create EF", "create DF", "deactivate",
                                         "activate",     "terminate", "delete"};
    out_open_list(out, "*modes", false);
    if (mode->tag == AM_BYTE && mode->value.n == 1 && (mode->value.p[0] & 0x80) == 0) {
        for (int bit = 0; bit < 7; bit++)
            if ((mode->value.p[0] >> bit & 1) != 0)
                out_string(out, NULL, of_df ? of_dir[bit] : of_ef[bit]);
    } else if (mode->tag == AM_INS && mode->value.n > 0) {
        for (size_t i = 0; i < mode->value.n; i++) {
            uint8_t ins = mode->value.p[i];
            if (ins == 0x32 || ins == 0xD4)
                out_string(out, NULL, ins == 0x32 ? "increase" : "resize");
            else
                out_format(out, NULL, "INS %02X", ins);
        }
    } else {
        struct line l = {.n = 0};
        put_octets(&l, mode->tag, mode->value);
        out_string(out, NULL, l.text);
    }
    out_close(out);
}

/* An access mode byte means other things for a DF; the record does not say for which it is, but only DFs have
 * rules with "create DF". */
static bool speaks_of_df(struct span rule)
{
    struct reader r = rd_of(rule);
    struct tlv mode;
    struct line l;
    while (next_rule(&r, &mode, &l) == 1)
        if (mode.tag == AM_BYTE && mode.value.n == 1 &&
            (mode.value.p[0] & (0x80 | AM_CREATE_DF)) == AM_CREATE_DF)
            return true;
    return false;
}

bool decode_rule(struct span rule, struct out *out)
{
    struct reader r = rd_of(rule);
    struct tlv mode;
    struct line l;
    int more;
    bool df = speaks_of_df(rule);
    out_open_list(out, "*rules", true);
    while ((more = next_rule(&r, &mode, &l)) == 1) {
        out_open_object(out, NULL);
        out_modes(out, &mode, df);
        out_string(out, ":condition", l.text);
        out_close(out);
    }
    out_close(out);
    return more == 0;
}

bool decode_condition(struct span rule, uint8_t mode_bit, uint8_t ins, char *to, size_t room)
{
    struct reader r = rd_of(rule);
    struct tlv mode;
    struct line l;
    int more;
    bool found = false;
    snprintf(to, room, "never");
    while ((more = next_rule(&r, &mode, &l)) == 1) {
        bool speaks = ins != 0 ? mode.tag == AM_INS && mode.value.n > 0 &&
                                     memchr(mode.value.p, ins, mode.value.n) != NULL
                               : mode.tag == AM_BYTE && mode.value.n == 1 && (mode.value.p[0] & 0x80) == 0 &&
                                     (mode.value.p[0] & mode_bit) == mode_bit;
        if (speaks && !found)
            snprintf(to, room, "%s", l.text);
        found = found || speaks;
    }
    if (more < 0 && room > 0)
        to[0] = '\0';
    return found || more < 0;
}
