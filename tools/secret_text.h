/* SPDX-License-Identifier: Apache-2.0
 *
 * A text that may have secrets in it: it grows, and is wiped when it moves and when it goes.
 */
#ifndef TOOLS_SECRET_TEXT_H
#define TOOLS_SECRET_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct secret_text {
    char *p;
    size_t len, cap;
    bool failed; /* sticky: memory ran out */
};

void secret_text_add(struct secret_text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void secret_text_free(struct secret_text *t);

#endif
