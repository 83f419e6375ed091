/* SPDX-License-Identifier: Apache-2.0
 *
 * The block: header, index (open addressing, linear probing), heap of entries. The index holds octet offsets
 * into the block, so a look-up touches one slot and the entry itself; 0 is an empty slot, as no entry lies at
 * the block's start.
 */
#include "objmap.h"

#include "crypto.h"

#include <stdlib.h>

struct objmap {
    uint32_t size;  /* octets of the block */
    uint32_t heap;  /* offset of the first entry */
    uint32_t top;   /* offset behind the last entry: free from here to size */
    uint32_t live;  /* octets that the entries in use would take if packed */
    uint32_t count; /* entries in use */
    uint32_t bits;  /* the index has 2^bits slots */
    uint32_t slot[];
};

struct entry {
    uint32_t id;
    unsigned n : 17;    /* octets of the value, or DEAD */
    unsigned room : 15; /* of value[], in units of ALIGN: a value may shrink and grow again in place */
    uint8_t value[];
};

#define DEAD 0x1FFFFu

enum {
    ALIGN = 4, /* of entries, for their header's sake */
    BITS_MIN = 3,
    BITS_MAX = 28,
    SLACK = 64, /* free octets left at the least when the heap is sized */
};

static uint32_t padded(size_t n)
{
    return (uint32_t)((n + ALIGN - 1) & ~(size_t)(ALIGN - 1));
}

static uint32_t need_of(size_t n)
{
    return (uint32_t)sizeof(struct entry) + padded(n);
}

static uint32_t room_of(const struct entry *e)
{
    return (uint32_t)e->room * ALIGN;
}

static struct entry *entry_at(struct objmap *m, uint32_t offset)
{
    return (struct entry *)(void *)((uint8_t *)m + offset);
}

static const struct entry *entry_of(const struct objmap *m, uint32_t offset)
{
    return (const struct entry *)(const void *)((const uint8_t *)m + offset);
}

/* Ids come in runs and with a type in their high bits: fold these in, then take the top bits of a
 * golden-ratio product. */
static uint32_t home(const struct objmap *m, uint32_t id)
{
    id ^= id >> 16;
    return (id * 0x9E3779B1u) >> (32 - m->bits);
}

/* The slot that has the id, or else the empty one where it belongs. There is always an empty one. */
static uint32_t find(const struct objmap *m, uint32_t id)
{
    uint32_t mask = (1u << m->bits) - 1;
    uint32_t i = home(m, id);
    while (m->slot[i] != 0 && entry_of(m, m->slot[i])->id != id)
        i = (i + 1) & mask;
    return i;
}

static struct objmap *new_block(uint32_t bits, uint64_t heap_size)
{
    uint64_t heap = sizeof(struct objmap) + ((uint64_t)sizeof(uint32_t) << bits);
    uint64_t size = (heap + heap_size + 15) & ~(uint64_t)15; /* what malloc would round to anyway */
    if (size > UINT32_MAX)
        return NULL;
    struct objmap *m = calloc(1, (size_t)size);
    if (m == NULL)
        return NULL;
    m->size = (uint32_t)size;
    m->heap = m->top = (uint32_t)heap;
    m->bits = bits;
    return m;
}

struct objmap *objmap_new(void)
{
    return new_block(BITS_MIN, SLACK);
}

struct objmap *objmap_clone(const struct objmap *m)
{
    struct objmap *copy = malloc(m->size);
    if (copy != NULL)
        memcpy(copy, m, m->size);
    return copy;
}

void objmap_free(struct objmap *m)
{
    if (m == NULL)
        return;
    crypto_wipe(m, m->size);
    free(m);
}

bool objmap_get(const struct objmap *m, uint32_t id, struct span *out)
{
    uint32_t offset = m->slot[find(m, id)];
    if (offset == 0) {
        *out = SPAN_EMPTY;
        return false;
    }
    const struct entry *e = entry_of(m, offset);
    *out = (struct span){e->value, e->n};
    return true;
}

uint8_t *objmap_at(struct objmap *m, uint32_t id, size_t *n)
{
    uint32_t offset = m->slot[find(m, id)];
    if (offset == 0) {
        *n = 0;
        return NULL;
    }
    struct entry *e = entry_at(m, offset);
    *n = e->n;
    return e->value;
}

/* A new entry at the top, where there is room, for an id that has none in use. */
static struct entry *append(struct objmap *m, uint32_t id, size_t n)
{
    struct entry *e = entry_at(m, m->top);
    e->id = id;
    e->room = (padded(n) / ALIGN) & 0x7FFF; /* OBJMAP_MAKE_MAX fits */
    e->n = n & DEAD;
    m->slot[find(m, id)] = m->top;
    m->top += need_of(n);
    m->live += need_of(n);
    m->count++;
    return e;
}

/* Closes the gaps. Entries keep their order and only move down, so one pass with memmove does. */
static void compact(struct objmap *m)
{
    uint32_t to = m->heap;
    for (uint32_t from = m->heap; from < m->top;) {
        struct entry *e = entry_at(m, from);
        uint32_t whole = (uint32_t)sizeof *e + room_of(e);
        if (e->n != DEAD) {
            uint32_t need = need_of(e->n);
            if (to != from) {
                /* Find the slot before the move: probing reads entries, this one among them. */
                uint32_t slot = find(m, e->id);
                memmove(entry_at(m, to), e, need);
                m->slot[slot] = to;
            }
            entry_at(m, to)->room = ((need - (uint32_t)sizeof *e) / ALIGN) & 0x7FFF;
            to += need;
        }
        from += whole;
    }
    crypto_wipe((uint8_t *)m + to, m->top - to);
    m->top = to;
}

static bool rebuild(struct objmap **m, uint32_t bits, uint64_t heap_size)
{
    struct objmap *old = *m;
    struct objmap *grown = new_block(bits, heap_size);
    if (grown == NULL)
        return false;
    size_t cursor = 0;
    uint32_t id;
    struct span value;
    while (objmap_each(old, &cursor, &id, &value)) {
        struct entry *e = append(grown, id, value.n);
        if (value.n > 0)
            memcpy(e->value, value.p, value.n);
    }
    objmap_free(old);
    *m = grown;
    return true;
}

/* A sixteenth more than is needed, so that growing costs a constant per octet and a card's memory stays close
 * to its payload. */
static uint64_t with_slack(uint64_t octets)
{
    return octets + octets / 16 + SLACK;
}

/* Room at the top for `octets` more, and in the index for n more. */
static bool make_room(struct objmap **m, uint64_t octets, uint64_t n)
{
    uint32_t bits = (*m)->bits;
    while ((*m)->count + n > ((uint64_t)3 << bits) / 4) /* a quarter of the slots stays empty */
        if (++bits > BITS_MAX)
            return false;
    bool index_fits = bits == (*m)->bits;
    if (index_fits && octets <= (*m)->size - (*m)->top)
        return true;
    uint64_t want = (*m)->live + octets;
    uint64_t heap_size = (*m)->size - (*m)->heap;
    bool roomy = index_fits && with_slack(want) <= heap_size;
    if (!roomy && rebuild(m, bits, with_slack(want) > heap_size ? with_slack(want) : heap_size))
        return true;
    if (!index_fits || want > heap_size)
        return false;
    compact(*m);
    return true;
}

bool objmap_reserve(struct objmap **m, size_t octets, size_t n)
{
    if (octets > UINT32_MAX || n > UINT32_MAX / 32)
        return false;
    return make_room(m, octets + (uint64_t)n * (sizeof(struct entry) + ALIGN - 1), n);
}

/* Wipes the value and gives the entry up. The index is the caller's business. */
static void kill(struct objmap *m, struct entry *e)
{
    m->live -= need_of(e->n);
    m->count--;
    crypto_wipe(e->value, room_of(e));
    e->n = DEAD;
}

static bool points_into(const struct objmap *m, struct span s)
{
    uintptr_t start = (uintptr_t)m, p = (uintptr_t)s.p;
    return s.n > 0 && p >= start && p < start + m->size;
}

/* A value that lies in the map would move or be wiped under our hands: by way of a copy. */
static bool put_own(struct objmap **m, uint32_t id, struct span value)
{
    uint8_t *copy = malloc(value.n);
    if (copy == NULL)
        return false;
    memcpy(copy, value.p, value.n);
    bool good = objmap_put(m, id, span_of(copy, value.n));
    crypto_wipe(copy, value.n);
    free(copy);
    return good;
}

/* The entry of an object, made or changed to take n octets; what it holds of a longer value is wiped. NULL:
 * no memory. */
static struct entry *place(struct objmap **m, uint32_t id, size_t n)
{
    uint32_t offset = (*m)->slot[find(*m, id)];
    if (offset != 0 && padded(n) <= room_of(entry_at(*m, offset))) {
        struct entry *e = entry_at(*m, offset);
        if (n < e->n)
            crypto_wipe(e->value + n, e->n - n);
        (*m)->live = (*m)->live - need_of(e->n) + need_of(n);
        e->n = n & DEAD;
        return e;
    }
    if (!make_room(m, need_of(n), offset == 0 ? 1 : 0))
        return NULL;
    /* The slot of an object that moves stays taken, so that nothing else moves in the index: append finds it
     * by the id that the dead entry still has. */
    if (offset != 0)
        kill(*m, entry_at(*m, (*m)->slot[find(*m, id)]));
    return append(*m, id, n);
}

uint8_t *objmap_make(struct objmap **m, uint32_t id, size_t n)
{
    struct entry *e = n <= OBJMAP_MAKE_MAX ? place(m, id, n) : NULL;
    return e != NULL ? e->value : NULL;
}

bool objmap_put(struct objmap **m, uint32_t id, struct span value)
{
    if (value.n > OBJMAP_VALUE_MAX)
        return false;
    if (points_into(*m, value))
        return put_own(m, id, value);
    struct entry *e = place(m, id, value.n);
    if (e != NULL && value.n > 0)
        memcpy(e->value, value.p, value.n);
    return e != NULL;
}

void objmap_remove(struct objmap *m, uint32_t id)
{
    uint32_t mask = (1u << m->bits) - 1;
    uint32_t gap = find(m, id);
    if (m->slot[gap] == 0)
        return;
    kill(m, entry_at(m, m->slot[gap]));
    /* Move back what probing would no longer reach across the gap, instead of leaving a tombstone. */
    for (uint32_t i = (gap + 1) & mask; m->slot[i] != 0; i = (i + 1) & mask) {
        uint32_t at_home = home(m, entry_of(m, m->slot[i])->id);
        if (((i - at_home) & mask) >= ((i - gap) & mask)) {
            m->slot[gap] = m->slot[i];
            gap = i;
        }
    }
    m->slot[gap] = 0;
}

void objmap_clear(struct objmap *m)
{
    crypto_wipe((uint8_t *)m + m->heap, m->top - m->heap);
    memset(m->slot, 0, sizeof(uint32_t) << m->bits);
    m->top = m->heap;
    m->live = 0;
    m->count = 0;
}

/* To so many octets of heap, if the block is above that. Without memory for it the
 * map stays as large as it is. */
static void shrink(struct objmap **m, uint32_t above, uint64_t heap_size)
{
    uint32_t bits = BITS_MIN;
    while ((*m)->count > (3u << bits) / 4)
        bits++;
    if (above > sizeof(struct objmap) + (sizeof(uint32_t) << bits) + heap_size)
        (void)rebuild(m, bits, heap_size);
}

void objmap_trim(struct objmap **m)
{
    shrink(m, (*m)->size / 2, with_slack((*m)->live));
}

/* What is loaded changes in place for the most part. */
void objmap_fit(struct objmap **m)
{
    shrink(m, (*m)->size, (*m)->live + SLACK);
}

bool objmap_each(const struct objmap *m, size_t *cursor, uint32_t *id, struct span *value)
{
    size_t at = *cursor == 0 ? m->heap : *cursor;
    while (at < m->top) {
        const struct entry *e = entry_of(m, (uint32_t)at);
        at += sizeof *e + room_of(e);
        if (e->n == DEAD)
            continue;
        *cursor = at;
        *id = e->id;
        *value = (struct span){e->value, e->n};
        return true;
    }
    *cursor = at;
    return false;
}

size_t objmap_count(const struct objmap *m)
{
    return m->count;
}

size_t objmap_size(const struct objmap *m)
{
    return m->size;
}
