/* SPDX-License-Identifier: Apache-2.0 */
#include "kept.h"

#include <stdlib.h>

#include "crypto.h"

struct kept {
    struct kept *next;
    size_t n;
    max_align_t data[];
};

void *kept_new(struct kept **list, size_t n)
{
    struct kept *k = calloc(1, sizeof *k + (n == 0 ? 1 : n));
    if (k == NULL)
        return NULL;
    k->next = *list;
    k->n = n;
    *list = k;
    return k->data;
}

void kept_free(struct kept **list)
{
    while (*list != NULL) {
        struct kept *k = *list;
        *list = k->next;
        crypto_wipe(k->data, k->n);
        free(k);
    }
}
