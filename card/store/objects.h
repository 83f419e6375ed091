/* SPDX-License-Identifier: Apache-2.0
 *
 * A card's objects: in memory for reading, in the store for good, changed in transactions only. One
 * transaction at a time; reads see its changes. What must survive a torn command (PIN tries, OTA counters,
 * SQN) goes through objects_put_now.
 */
#ifndef STORE_OBJECTS_H
#define STORE_OBJECTS_H

#include "objmap.h"
#include "store.h"

struct objects; /* opaque */

/* Loads every object of the store. *out is NULL unless STORE_OK. The store stays the caller's. */
enum store_result objects_open(struct uicc_store *store, struct objects **out);
void objects_close(struct objects *o); /* aborts an open transaction; wipes; does not close the store */

/* Borrowed until the next change or the end of the transaction. false: no such object (*out is then empty).
 */
bool objects_get(const struct objects *o, uint32_t id, struct span *out);

/* Every object, in no particular order: start with *cursor 0; false at the end. Nothing
 * may be changed on the way. */
bool objects_each(const struct objects *o, size_t *cursor, uint32_t *id, struct span *value);

/* A transaction that is still open is aborted. */
void objects_begin(struct objects *o);

/* Inside a transaction. false: no transaction, no memory, or value too long; the transaction should then be
 * aborted. A value may point to another object of the card. */
bool objects_put(struct objects *o, uint32_t id, struct span value);
bool objects_remove(struct objects *o, uint32_t id);

/* Inside a transaction: the object for writing in place, its old bytes kept for an abort. When there is no
 * such object, or its length differs from initial.n, it is first set to `initial`. NULL: as objects_put's
 * false. Valid until the next change or the end of the transaction. */
uint8_t *objects_edit(struct objects *o, uint32_t id, struct span initial);

/* Writes what changed, and only that, as one step. On anything but STORE_OK the transaction is undone, as by
 * objects_abort. A transaction that changed nothing costs nothing. */
enum store_result objects_commit(struct objects *o);
void objects_abort(struct objects *o);

/* Sets one object durably at once, whether or not a transaction is open (which must not have touched this
 * id), and whatever becomes of that transaction. On anything but STORE_OK nothing is changed; that is the
 * answer for a touched id too. */
enum store_result objects_put_now(struct objects *o, uint32_t id, struct span value);

size_t objects_footprint(const struct objects *o);

#endif
