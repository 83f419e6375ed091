/* SPDX-License-Identifier: Apache-2.0 */
#include "objmap.h"
#include "store.h"

#include <stdlib.h>

struct mem_store {
    struct uicc_store store;
    struct objmap *map;
};

static enum store_result mem_load(struct uicc_store *s,
                                  bool (*each)(void *ctx, uint32_t id, struct span value), void *ctx)
{
    const struct mem_store *mem = (const struct mem_store *)s;
    size_t cursor = 0;
    uint32_t id;
    struct span value;
    while (objmap_each(mem->map, &cursor, &id, &value))
        if (!each(ctx, id, value))
            return STORE_FAILED;
    return STORE_OK;
}

static enum store_result mem_write(struct uicc_store *s, const struct store_change *changes, size_t n)
{
    struct mem_store *mem = (struct mem_store *)s;
    size_t octets = 0;
    for (size_t i = 0; i < n; i++) {
        if (!changes[i].remove && changes[i].value.n > OBJMAP_VALUE_MAX)
            return STORE_FAILED;
        octets += changes[i].remove ? 0 : changes[i].value.n;
    }
    /* One put is all or nothing by itself; of several, none may fail for want of memory once the first is
     * done. */
    if (n > 1 && !objmap_reserve(&mem->map, octets, n))
        return STORE_FAILED;
    for (size_t i = 0; i < n; i++) {
        if (changes[i].remove)
            objmap_remove(mem->map, changes[i].id);
        else if (!objmap_put(&mem->map, changes[i].id, changes[i].value))
            return STORE_FAILED; /* the only change there is */
    }
    return STORE_OK;
}

static void mem_close(struct uicc_store *s)
{
    struct mem_store *mem = (struct mem_store *)s;
    objmap_free(mem->map);
    free(mem);
}

struct uicc_store *store_mem_new(void)
{
    static const struct store_ops ops = {mem_load, mem_write, mem_close};
    struct mem_store *mem = calloc(1, sizeof *mem);
    if (mem == NULL)
        return NULL;
    mem->store.ops = &ops;
    mem->map = objmap_new();
    if (mem->map == NULL) {
        free(mem);
        return NULL;
    }
    return &mem->store;
}
