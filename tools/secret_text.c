/* SPDX-License-Identifier: Apache-2.0 */
#include "secret_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto.h"

void secret_text_add(struct secret_text *t, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (!t->failed && n >= 0 && t->len + (size_t)n + 1 > t->cap) {
        size_t cap = 2 * (t->len + (size_t)n + 1);
        char *p = malloc(cap);
        t->failed = p == NULL;
        if (p != NULL) {
            if (t->len > 0)
                memcpy(p, t->p, t->len);
            crypto_wipe(t->p, t->len);
            free(t->p);
            t->p = p;
            t->cap = cap;
        }
    }
    if (!t->failed && n >= 0) {
        vsnprintf(t->p + t->len, t->cap - t->len, format, again);
        t->len += (size_t)n;
    }
    va_end(again);
}

void secret_text_free(struct secret_text *t)
{
    crypto_wipe(t->p, t->len);
    free(t->p);
    *t = (struct secret_text){0};
}
