/* SPDX-License-Identifier: Apache-2.0
 *
 * A map from object id to bytes in one contiguous, position-independent block: no pointer inside, so that
 * copying the block copies the map (snapshot, fork, page out). Look-up does not slow down with the number of
 * objects.
 */
#ifndef STORE_OBJMAP_H
#define STORE_OBJMAP_H

#include "span.h"

struct objmap;

enum {
    OBJMAP_VALUE_MAX = 65536,
    OBJMAP_MAKE_MAX = OBJMAP_VALUE_MAX + 1, /* the journal puts a mark behind a value of any length */
};

struct objmap *objmap_new(void);                     /* NULL: no memory */
struct objmap *objmap_clone(const struct objmap *m); /* NULL: no memory */
void objmap_free(struct objmap *m);                  /* wipes */

/* The object's bytes, borrowed until the map is next changed. */
bool objmap_get(const struct objmap *m, uint32_t id, struct span *out);

/* Sets an object; value may point into the map. May move the map: *m is updated, the old block wiped. false:
 * no memory, or more than 64 KiB; nothing changed. Bytes that are no longer in use are wiped. */
bool objmap_put(struct objmap **m, uint32_t id, struct span value);
void objmap_remove(struct objmap *m, uint32_t id);

/* Sets an object to n octets for the caller to fill: they are zero, or octets of the object's former value.
 * Otherwise as objmap_put. NULL: no memory, or n above OBJMAP_MAKE_MAX. */
uint8_t *objmap_make(struct objmap **m, uint32_t id, size_t n);

/* Room for n more objects of `octets` altogether: putting those cannot fail then, whatever is removed or put
 * in place of an object at most as long in between. A map never gets smaller but by objmap_trim. May move the
 * map. false: no memory. */
bool objmap_reserve(struct objmap **m, size_t octets, size_t n);

/* Removes every object and keeps the block for the next ones. */
void objmap_clear(struct objmap *m);

/* Gives memory back when less than half of the block is needed (fit: whenever there
 * is any). May move the map. */
void objmap_trim(struct objmap **m);
void objmap_fit(struct objmap **m);

/* The object's bytes for writing in place, its length unchanged; NULL if there is no such object. */
uint8_t *objmap_at(struct objmap *m, uint32_t id, size_t *n);

/* Every object, in no particular order: start with *cursor 0; false at the end. */
bool objmap_each(const struct objmap *m, size_t *cursor, uint32_t *id, struct span *value);

size_t objmap_count(const struct objmap *m); /* objects */
size_t objmap_size(const struct objmap *m);  /* octets of the block */

#endif
