/* SPDX-License-Identifier: Apache-2.0
 *
 * Status words. sw.def is the one table: name, value, text, clause. Where SW2 carries a number (61xx, 63Cx,
 * 6Cxx, 91xx) the table has the value with a zero there, and SW_WITH() fills it in.
 */
#ifndef APDU_SW_H
#define APDU_SW_H

#include <stddef.h>
#include <stdint.h>

typedef uint16_t sw_t;

enum {
#define SW(name, value, text, clause) SW_##name = value,
#include "sw.def"
#undef SW
};

#define SW_WITH(sw, low) ((sw_t)((sw) | ((low) & 0xFFu)))

struct sw_info {
    sw_t value;
    const char *name; /* as in SW_name */
    const char *text;
    const char *clause;
};

/* The row of the table that describes sw; for 61xx and the like the row of the family. NULL
 * for a word we never send. */
const struct sw_info *sw_find(sw_t sw);

/* A short text for any status word, "unknown status word" included. */
const char *sw_text(sw_t sw);

/* 9000, 91xx, 92xx, 61xx and class A0's 9Fxx: the command did what it was asked. */
static inline int sw_is_ok(sw_t sw)
{
    return sw == SW_OK || (sw & 0xFF00) == SW_PROACTIVE || (sw & 0xFF00) == SW_DATA_AVAILABLE ||
           (sw & 0xFF00) == SW_GSM_DATA_AVAILABLE ||
           ((sw & 0xFF00) == SW_DATA_TRANSFER && sw != SW_GSM_MEMORY_PROBLEM);
}

/* 62xx, 63xx (but not 63Cx): a warning: the command counts as done, its changes are kept. */
static inline int sw_is_warning(sw_t sw)
{
    return (sw & 0xFF00) == 0x6200 || ((sw & 0xFF00) == 0x6300 && (sw & 0xF0) != 0xC0);
}

#endif
