/* SPDX-License-Identifier: Apache-2.0
 *
 * What decoders write to: one description of fields and lists that comes out as a line of text for people or
 * as JSON. Pure: a bounded buffer, sticky when full.
 */
#ifndef TOOLS_DECODE_OUT_H
#define TOOLS_DECODE_OUT_H

#include "span.h"

enum { OUT_DEPTH_MAX = 8 };

struct out {
    struct buf text;
    bool json;
    unsigned depth;
    struct {
        bool list;   /* its members have no names */
        bool some;   /* it has one already */
        bool nested; /* text: a list of objects, told apart by semicolons */
    } levels[OUT_DEPTH_MAX];
};

/* The outermost value is an object; out_end closes it and ends the text with a NUL. false: it did not fit. */
void out_begin(struct out *o, bool json, char *to, size_t room);
bool out_end(struct out *o);

/* Names are JSON's, in lower case with underscores; text has them with blanks. One that begins with '*' is
 * left out of text: what it is shows; with ':' too, and a colon stands before the value. In a list the name
 * is NULL. */
void out_string(struct out *o, const char *name, const char *utf8);
void out_format(struct out *o, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void out_number(struct out *o, const char *name, uint64_t value);
void out_hex(struct out *o, const char *name, struct span octets);
/* Text has the name when it is true, and nothing when it is not. */
void out_flag(struct out *o, const char *name, bool value);

void out_open_object(struct out *o, const char *name);
void out_open_list(struct out *o, const char *name, bool of_objects);
void out_close(struct out *o);

/* ---- what many files have ---- */

void out_plmn(struct out *o, const char *name, struct span three);
void out_index(struct out *o, const char *name, uint8_t record); /* of a record; 00 and FF: none */
void out_key(struct out *o, const char *name, struct span key);  /* whether there is one, never the key */
void out_named(struct out *o, const char *name, const char *const *names, size_t n, uint8_t value);
#define OUT_NAMED(o, name, names, value) out_named(o, name, names, sizeof(names) / sizeof((names)[0]), value)

#endif
