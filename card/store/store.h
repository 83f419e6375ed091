/* SPDX-License-Identifier: Apache-2.0
 *
 * Where one card keeps its objects: the interface that back ends implement. An object is an id and up to 64
 * KiB of bytes. A write of several changes is one step: after it, or after a power cut anywhere in it, all
 * are there or none.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "span.h"

enum store_result {
    STORE_OK,
    STORE_FAILED,   /* I/O error, disk full, out of memory: nothing was changed */
    STORE_TAMPERED, /* what is stored fails its authentication */
};

struct store_change {
    uint32_t id;
    struct span value;
    bool remove; /* the object goes away; value is ignored */
};

struct uicc_store; /* a back end's structure has it as first member */

struct store_ops {
    /* Calls each() for every object, in any order; stops when it returns false (result STORE_FAILED). The
     * value is borrowed for the call. */
    enum store_result (*load)(struct uicc_store *s, bool (*each)(void *ctx, uint32_t id, struct span value),
                              void *ctx);
    /* All or nothing. The ids are distinct. */
    enum store_result (*write)(struct uicc_store *s, const struct store_change *changes, size_t n);
    void (*close)(struct uicc_store *s);
};

struct uicc_store {
    const struct store_ops *ops;
};

static inline enum store_result store_load(struct uicc_store *s,
                                           bool (*each)(void *ctx, uint32_t id, struct span value), void *ctx)
{
    return s->ops->load(s, each, ctx);
}

static inline enum store_result store_write(struct uicc_store *s, const struct store_change *changes,
                                            size_t n)
{
    return s->ops->write(s, changes, n);
}

static inline void store_close(struct uicc_store *s)
{
    if (s != NULL)
        s->ops->close(s);
}

/* Keeps objects in memory: for tests and benchmarks, and cards that need not last. NULL: no memory. */
struct uicc_store *store_mem_new(void);

#endif
