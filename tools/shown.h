/* SPDX-License-Identifier: Apache-2.0
 *
 * What stands in a table where a number or a word should be, as an error repeats it. Columns get mixed up: it
 * may be a key, a PIN or a part of one, and is then not repeated.
 */
#ifndef TOOLS_SHOWN_H
#define TOOLS_SHOWN_H

#include <stdio.h>
#include <string.h>

struct shown {
    char text[48];
};

/* In quotation marks; or how long it is. Eight octets in hexadecimal, as a PIN is written, are the shortest
 * secret; an ICCID has more digits than that, and no letters. */
static inline struct shown shown(const char *field)
{
    enum { SECRET_MIN = 16, ICCID_MIN = 18, ICCID_MAX = 20 };
    struct shown s;
    const size_t n = strlen(field);
    if (n < SECRET_MIN || (n >= ICCID_MIN && n <= ICCID_MAX && strspn(field, "0123456789") == n))
        (void)snprintf(s.text, sizeof s.text, "'%.40s'", field);
    else
        (void)snprintf(s.text, sizeof s.text, "of %zu characters", n);
    return s;
}

#endif
