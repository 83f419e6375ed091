/* SPDX-License-Identifier: Apache-2.0 */
#include "sw.h"

static const struct sw_info table[] = {
#define SW(name, value, text, clause) {value, #name, text, clause},
#include "sw.def"
#undef SW
};

static const struct sw_info *row(sw_t value)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].value == value)
            return &table[i];
    return NULL;
}

const struct sw_info *sw_find(sw_t sw)
{
    const struct sw_info *exact = row(sw);
    if (exact != NULL)
        return exact;
    switch (sw >> 8) { /* the families that carry a number in SW2 */
    case 0x61:
    case 0x67: /* class A0: the right P3 (TS 51.011 9.4.6) */
    case 0x6C:
    case 0x91:
    case 0x92:
    case 0x93:
    case 0x9E:
    case 0x9F:
        return row((sw_t)(sw & 0xFF00));
    case 0x63:
        return (sw & 0xF0) == 0xC0 ? row(SW_TRIES_LEFT) : NULL;
    default:
        return NULL;
    }
}

const char *sw_text(sw_t sw)
{
    const struct sw_info *info = sw_find(sw);
    return info != NULL ? info->text : "unknown status word";
}
