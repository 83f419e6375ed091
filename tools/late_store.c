/* SPDX-License-Identifier: Apache-2.0 */
#include "late_store.h"

#include <stdlib.h>
#include <string.h>

struct late_store {
    struct uicc_store store;
    struct uicc_store *inner, *memory;
    uint32_t *changed; /* ids, going up */
    size_t n, room;
};

static struct late_store *of(struct uicc_store *s)
{
    return (struct late_store *)s;
}

static enum store_result late_load(struct uicc_store *s,
                                   bool (*each)(void *ctx, uint32_t id, struct span value), void *ctx)
{
    return store_load(of(s)->memory, each, ctx);
}

static size_t place_of(const struct late_store *l, uint32_t id)
{
    size_t low = 0, high = l->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (l->changed[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_changed(const struct late_store *l, uint32_t id)
{
    size_t at = place_of(l, id);
    return at < l->n && l->changed[at] == id;
}

static bool reserve(struct late_store *l, size_t more)
{
    if (l->room - l->n >= more)
        return true;
    size_t room = 2 * l->room + more;
    uint32_t *p = realloc(l->changed, room * sizeof *p);
    if (p == NULL)
        return false;
    l->changed = p;
    l->room = room;
    return true;
}

static enum store_result late_write(struct uicc_store *s, const struct store_change *changes, size_t n)
{
    struct late_store *l = of(s);
    enum store_result result = reserve(l, n) ? store_write(l->memory, changes, n) : STORE_FAILED;
    for (size_t i = 0; result == STORE_OK && i < n; i++) {
        size_t at = place_of(l, changes[i].id);
        if (at < l->n && l->changed[at] == changes[i].id)
            continue;
        memmove(l->changed + at + 1, l->changed + at, (l->n++ - at) * sizeof *l->changed);
        l->changed[at] = changes[i].id;
    }
    return result;
}

static void late_close(struct uicc_store *s)
{
    struct late_store *l = of(s);
    store_close(l->memory);
    store_close(l->inner);
    free(l->changed);
    free(l);
}

static bool remember(void *ctx, uint32_t id, struct span value)
{
    struct late_store *l = ctx;
    return store_write(l->memory, &(struct store_change){.id = id, .value = value}, 1) == STORE_OK;
}

struct uicc_store *late_store_new(struct uicc_store *inner)
{
    static const struct store_ops ops = {late_load, late_write, late_close};
    struct late_store *l = calloc(1, sizeof *l);
    if (l == NULL) {
        store_close(inner);
        return NULL;
    }
    *l = (struct late_store){.store = {&ops}, .inner = inner, .memory = store_mem_new()};
    if (l->memory != NULL && store_load(inner, remember, l) == STORE_OK)
        return &l->store;
    late_close(&l->store);
    return NULL;
}

struct settling {
    const struct late_store *l;
    struct store_change *changes; /* one for each id that has changed: a removal, unless a value is met */
};

static bool value_of(void *ctx, uint32_t id, struct span value)
{
    struct settling *settling = ctx;
    if (is_changed(settling->l, id))
        settling->changes[place_of(settling->l, id)] = (struct store_change){.id = id, .value = value};
    return true;
}

bool late_store_settle(struct uicc_store *s)
{
    struct late_store *l = of(s);
    if (l->n == 0)
        return true;
    struct settling settling = {l, calloc(l->n, sizeof *settling.changes)};
    for (size_t i = 0; settling.changes != NULL && i < l->n; i++)
        settling.changes[i] = (struct store_change){.id = l->changed[i], .remove = true};
    bool good = settling.changes != NULL && store_load(l->memory, value_of, &settling) == STORE_OK &&
                store_write(l->inner, settling.changes, l->n) == STORE_OK;
    free(settling.changes);
    if (good)
        l->n = 0;
    return good;
}
