/* SPDX-License-Identifier: Apache-2.0
 *
 * Text that came from a file or a message, in something that a person reads on a terminal.
 */
#ifndef APDU_ONE_LINE_H
#define APDU_ONE_LINE_H

#include <stdbool.h>
#include <stddef.h>

/* Octets of the control character that begins here; 0: none does. Those from U+0080 to U+009F are two in
 * UTF-8, and a terminal may obey them, too: U+009B is ESC [. A NUL is one. */
static inline size_t one_line_control(const char *text)
{
    const unsigned char c = (unsigned char)text[0], next = c == 0xC2 ? (unsigned char)text[1] : 0;
    if (c < 0x20 || c == 0x7F)
        return 1;
    return next >= 0x80 && next <= 0x9F ? 2 : 0;
}

/* No control characters: neither a second line nor what a terminal would obey. */
static inline bool one_line_is(const char *text)
{
    for (; *text != '\0'; text++)
        if (one_line_control(text) > 0)
            return false;
    return true;
}

/* Makes it so: '?' in their place. */
static inline void one_line_make(char *text)
{
    for (; *text != '\0'; text++)
        for (size_t n = one_line_control(text); n > 0; n--)
            text[n - 1] = '?';
}

#endif
