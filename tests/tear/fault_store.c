/* SPDX-License-Identifier: Apache-2.0 */
#include "fault_store.h"

#include <stdlib.h>

struct fault_store {
    struct uicc_store store;
    struct uicc_store *inner;
    long left; /* writes that still succeed; -1: all */
    long writes;
    bool cut;
    bool once;   /* `left` is up to a write that fails, and no more */
};

static enum store_result fault_load(struct uicc_store *s,
                                    bool (*each)(void *ctx, uint32_t id, struct span value), void *ctx)
{
    struct fault_store *f = (struct fault_store *)s;
    return f->cut ? STORE_FAILED : store_load(f->inner, each, ctx);
}

static enum store_result fault_write(struct uicc_store *s, const struct store_change *changes, size_t n)
{
    struct fault_store *f = (struct fault_store *)s;
    if (f->left == 0) {
        f->cut = !f->once;
        f->left = -1;
        return STORE_FAILED;
    }
    if (f->cut)
        return STORE_FAILED;
    if (f->left > 0)
        f->left--;
    f->writes++;
    return store_write(f->inner, changes, n);
}

static void fault_close(struct uicc_store *s)
{
    free((struct fault_store *)s);
}

struct uicc_store *fault_store_new(struct uicc_store *inner)
{
    static const struct store_ops ops = {fault_load, fault_write, fault_close};
    struct fault_store *f = calloc(1, sizeof *f);
    if (f == NULL)
        return NULL;
    *f = (struct fault_store){.store = {&ops}, .inner = inner, .left = -1};
    return &f->store;
}

void fault_store_cut_at(struct uicc_store *s, long n)
{
    struct fault_store *f = (struct fault_store *)s;
    f->left = n;
    f->cut = f->once = false;
}

void fault_store_fail_at(struct uicc_store *s, long n)
{
    struct fault_store *f = (struct fault_store *)s;
    f->left = n;
    f->cut = false;
    f->once = true;
}

long fault_store_writes(const struct uicc_store *s)
{
    return ((const struct fault_store *)s)->writes;
}

bool fault_store_is_cut(const struct uicc_store *s)
{
    return ((const struct fault_store *)s)->cut;
}
