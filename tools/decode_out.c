/* SPDX-License-Identifier: Apache-2.0 */
#include "decode_out.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "decode_text.h"
#include "one_line.h"

static void put(struct out *o, const char *text)
{
    buf_put(&o->text, span_of(text, strlen(text)));
}

static void put_escaped(struct out *o, const char *text)
{
    char escape[8];
    for (; *text != '\0'; text++) {
        const size_t control = one_line_control(text);
        text += control > 1; /* of those of two octets, the second is the number */
        unsigned char c = (unsigned char)*text;
        if (control == 0 && !(o->json && (c == '"' || c == '\\'))) {
            buf_u8(&o->text, c);
        } else if (!o->json) {
            put(o, "?"); /* one line stays one line, and a terminal is not steered by what a file contains */
        } else {
            snprintf(escape, sizeof escape, c == '"' || c == '\\' ? "\\%c" : "\\u%04x", c);
            put(o, escape);
        }
    }
}

static void put_name(struct out *o, const char *name)
{
    bool silent = name[0] == '*' || name[0] == ':';
    if (o->json) {
        put(o, "\"");
        put_escaped(o, name + silent);
        put(o, "\": ");
        return;
    }
    for (; !silent && *name != '\0'; name++)
        buf_u8(&o->text, *name == '_' ? ' ' : (uint8_t)*name);
}

/* What stands before a member's value. */
static void member(struct out *o, const char *name)
{
    unsigned d = o->depth;
    if (o->levels[d].some)
        put(o, o->json ? ", " : o->levels[d].nested ? "; " : name != NULL && name[0] == ':' ? ": " : ", ");
    o->levels[d].some = true;
    if (o->levels[d].list || name == NULL)
        return;
    put_name(o, name);
    if (!o->json && name[0] != '*' && name[0] != ':')
        put(o, " ");
}

void out_begin(struct out *o, bool json, char *to, size_t room)
{
    union {
        char *c;
        uint8_t *u;
    } at = {.c = to};
    *o = (struct out){.text = buf_of(at.u, room), .json = json};
    if (json)
        put(o, "{");
}

bool out_end(struct out *o)
{
    if (o->json)
        put(o, "}");
    buf_u8(&o->text, '\0');
    return buf_ok(&o->text) && o->depth == 0;
}

void out_string(struct out *o, const char *name, const char *utf8)
{
    member(o, name);
    if (o->json)
        put(o, "\"");
    put_escaped(o, utf8);
    if (o->json)
        put(o, "\"");
}

void out_format(struct out *o, const char *name, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    out_string(o, name, text);
}

void out_number(struct out *o, const char *name, uint64_t value)
{
    char text[24];
    member(o, name);
    snprintf(text, sizeof text, "%" PRIu64, value);
    put(o, text);
}

void out_hex(struct out *o, const char *name, struct span octets)
{
    static const char digits[] = "0123456789ABCDEF";
    member(o, name);
    if (o->json)
        put(o, "\"");
    for (size_t i = 0; i < octets.n; i++) {
        buf_u8(&o->text, (uint8_t)digits[octets.p[i] >> 4]);
        buf_u8(&o->text, (uint8_t)digits[octets.p[i] & 0x0F]);
    }
    if (o->json)
        put(o, "\"");
}

void out_flag(struct out *o, const char *name, bool value)
{
    if (o->json) {
        member(o, name);
        put(o, value ? "true" : "false");
    } else if (value) {
        if (o->levels[o->depth].some)
            put(o, ", ");
        o->levels[o->depth].some = true;
        put_name(o, name[0] == '*' ? name + 1 : name);
    }
}

static void open(struct out *o, const char *name, bool list, bool nested)
{
    member(o, name);
    if (o->depth + 1 >= OUT_DEPTH_MAX) { /* a decoder's mistake, not its input's */
        o->text.full = true;
        return;
    }
    o->depth++;
    o->levels[o->depth].list = list;
    o->levels[o->depth].some = false;
    o->levels[o->depth].nested = nested;
    if (o->json)
        put(o, list ? "[" : "{");
}

void out_open_object(struct out *o, const char *name)
{
    open(o, name, false, false);
}

void out_open_list(struct out *o, const char *name, bool of_objects)
{
    open(o, name, true, of_objects);
}

void out_close(struct out *o)
{
    bool list = o->levels[o->depth].list;
    if (!o->json && list && !o->levels[o->depth].some)
        put(o, "none");
    if (o->json)
        put(o, list ? "]" : "}");
    if (o->depth > 0)
        o->depth--;
}

/* ---- what many files have ---- */

void out_plmn(struct out *o, const char *name, struct span three)
{
    char text[8];
    if (text_plmn(three, text))
        out_string(o, name, text);
    else
        out_string(o, name, text_blank(three) ? "none" : "no PLMN");
}

void out_index(struct out *o, const char *name, uint8_t record)
{
    if (record == 0xFF || record == 0)
        out_string(o, name, "none");
    else
        out_number(o, name, record);
}

void out_key(struct out *o, const char *name, struct span key)
{
    if (o->json)
        out_flag(o, name, !text_blank(key));
    else
        out_string(o, name, text_blank(key) ? "absent" : "present");
}

void out_named(struct out *o, const char *name, const char *const *names, size_t n, uint8_t value)
{
    if (value < n && names[value] != NULL)
        out_string(o, name, names[value]);
    else
        out_format(o, name, "%02X", value);
}
