/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the deck: what stands between LMDB and a file that is too large to be looked through when it is
 * opened. Before LMDB touches a part of the tree of records, the pages of that part are looked at
 * (deck_pages.h), each once in an opening. README.md, "The gate", says why that is all that LMDB can come to.
 *
 * A gate may be NULL: that of a file of which all is known. Every call is made with the deck's mutex held,
 * and answers DECK_SOUND, or says why LMDB may not go on.
 */
#ifndef STORE_DECK_GATE_H
#define STORE_DECK_GATE_H

#include "deck_check.h"

struct gate;

/* For a file that deck_check has not looked through, as it was found. All but its tree of records is looked
 * at now. DECK_SOUND: *g is there, and the view, which is of mmap, is its own now. DECK_UNCHECKED: no memory.
 */
enum deck_soundness gate_new(int fd, struct span file, struct gate **g);
void gate_free(struct gate *g);

/* A transaction that writes begins. Until the next one does, what is committed stays as it is. */
void gate_begin(struct gate *g);

/* A key is looked up or put. */
enum deck_soundness gate_key(struct gate *g, struct span key);

/* A cursor goes from the first key at or behind `from` to the first that does not begin with `prefix`; with
 * an empty prefix it stays where it is. */
enum deck_soundness gate_range(struct gate *g, struct span from, struct span prefix);

/* A key is removed. */
enum deck_soundness gate_delete(struct gate *g, struct span key);

/* The key was put or removed, and with that the tree has so many more leaf and branch pages, or fewer. */
void gate_changed(struct gate *g, struct span key, bool removed, long leaves, long branches);

#endif
