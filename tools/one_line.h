/* SPDX-License-Identifier: Apache-2.0
 *
 * Text that came from a file or a message, in something that a person reads on a terminal.
 */
#ifndef TOOLS_ONE_LINE_H
#define TOOLS_ONE_LINE_H

#include <stdbool.h>

static inline bool one_line_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7F;
}

/* No control characters: neither a second line nor what a terminal would obey. */
static inline bool one_line_is(const char *text)
{
    for (; *text != '\0'; text++)
        if (one_line_control(*text))
            return false;
    return true;
}

/* Makes it so: '?' in their place. */
static inline void one_line_make(char *text)
{
    for (; *text != '\0'; text++)
        if (one_line_control(*text))
            *text = '?';
}

#endif
