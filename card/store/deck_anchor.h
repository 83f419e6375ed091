/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the deck: a file outside of it that knows how often the deck was written, so that an older copy
 * of the deck is found out. README.md, "The anchor", has the format and the order of the two writes.
 */
#ifndef STORE_DECK_ANCHOR_H
#define STORE_DECK_ANCHOR_H

#include "deck.h"
#include "seal.h"

struct anchor;

/* For a deck that says it was written so often (0: it has never had an anchor), which *writes is. Made where
 * there is none yet. With reset an anchor that is damaged or knows of more gives way (not that of another
 * deck, nor any other file), and *writes is raised beyond what it knows of: then the deck is to be written
 * once. Locked until it is closed: two copies of a deck that are open at a time would each count, to the same
 * number. NULL: *error says why. The path stays the caller's. */
struct anchor *anchor_open(const char *path, bool reset, struct sealer *sealer, const char *deck,
                           uint64_t *writes, struct deck_error *error);
void anchor_close(struct anchor *a, bool unlock); /* unlock: not by a forked child */

/* The deck has been written, that often by now; on the disk before it returns if `sync`. An error of the
 * system, 0 if there was none. */
int anchor_write(struct anchor *a, struct sealer *sealer, uint64_t writes, bool sync);
int anchor_sync(struct anchor *a);

#endif
