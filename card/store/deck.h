/* SPDX-License-Identifier: Apache-2.0
 *
 * A deck: one LMDB file ("*.uicc") that holds one card or a million, keyed by ICCID, and the profile they
 * were made from. Objects are sealed (AES-256-GCM) under a storage key that lies beside the deck (DECK.key,
 * mode 0600), not in it; each is bound to its card and id, and each card's set of objects is bound together,
 * so that changing, removing or putting back any one of them is seen when the card is opened. One process at
 * a time has a deck open.
 *
 * A deck and its cards may be used by several threads: it locks itself. Its crypto is then to be its own.
 * What store_load calls for each object may not use the deck, which may be locked meanwhile. A process forked
 * off may not use the deck: writes fail there.
 */
#ifndef STORE_DECK_H
#define STORE_DECK_H

#include "crypto.h"
#include "store.h"

struct deck;

enum deck_durability {
    DECK_POWER,   /* every write is on the disk before the card answers */
    DECK_PROCESS, /* every write is with the operating system: survives kill -9, not a power cut of the
                     machine */
    DECK_NONE,    /* written when the deck is closed (and now and then) */
    DECK_READ,    /* not written at all, for writes fail: several processes at a time may read */
};

enum { DECK_ICCID_MAX = 20 };

struct deck_error {
    char text[512]; /* one line for a person: what, where, what to do */
};

/* Makes DECK and DECK.key; `profile` is kept in it (any bytes). Fails if either file exists. The deck appears
 * under its name only at deck_publish: until then it is DECK.new, and closing it removes that, so that a
 * making cut short leaves nothing that looks like a deck; what is left of one that was killed is removed by
 * the next. Before deck_publish writes are as with DECK_NONE, after it as with DECK_POWER. NULL: *error says
 * why. crypto stays the caller's and must outlive the deck. */
struct deck *deck_create(const char *path, struct span profile, struct uicc_crypto *crypto,
                         struct deck_error *error);
bool deck_publish(struct deck *d, struct deck_error *error);

/* Opens an existing deck. Held by another process: NULL, and *error names the process (pid and command). With
 * DECK_READ the file need not be writable, and stays as it is; but one whose making was killed just before it
 * had its name gets that by any opening. */
struct deck *deck_open(const char *path, enum deck_durability durability, struct uicc_crypto *crypto,
                       struct deck_error *error);
/* The same with a file outside of the deck that knows how often the deck was written, so that an older copy
 * of it, put back, is refused; of up to 4096 cards also one of a card. It is to be where whoever may put it
 * back does not come; made at the first opening with one. reset: an older copy is accepted, or a new anchor
 * begun: somebody has restored it on purpose. NULL: none, as it has to be with DECK_READ. */
struct deck_anchor {
    const char *path;
    bool reset;
};
struct deck *deck_open_anchored(const char *path, enum deck_durability durability, struct uicc_crypto *crypto,
                                const struct deck_anchor *anchor, struct deck_error *error);
/* Aborts an open batch. Writes what is not on the disk yet; deck_sync before tells whether that works. */
void deck_close(struct deck *d);

/* Everything written so far is on the disk, whatever the durability. Not inside a batch. */
bool deck_sync(struct deck *d, struct deck_error *error);

struct span deck_profile(const struct deck *d); /* borrowed, as long as the deck is open */
uint64_t deck_count(struct deck *d);            /* number of cards */
uint64_t deck_octets(struct deck *d);           /* of the file that are in use; 0: cannot be told */

/* One line on the last write that failed, or on why deck_next or deck_after could not go on, "" when there
 * was none: they can only say that it was so. Borrowed until the next of them. */
const char *deck_trouble(const struct deck *d);

/* The card whose ICCID is the smallest not below `from` ("" for the first): its digits in iccid. false: none,
 * or the deck could not be read there, which deck_trouble tells then. ICCIDs are ordered as strings. */
bool deck_next(struct deck *d, const char *from, char iccid[DECK_ICCID_MAX + 1]);
/* The card after this ICCID, for going through all: for (more = deck_next(d, "", i); more; more =
 * deck_after(d, i, i)) */
bool deck_after(struct deck *d, const char *than, char iccid[DECK_ICCID_MAX + 1]);

/* Is there a card with this ICCID, or something of one? DECK_UNREAD: it cannot be told, *error says why. */
enum deck_has { DECK_HAS_NOT, DECK_HAS, DECK_UNREAD };
enum deck_has deck_has_card(struct deck *d, const char *iccid, struct deck_error *error);

/* The store of one card, closed by store_close before the deck is. deck_card: NULL with *error when there is
 * none; deck_new_card: NULL with *error when there is one. A new card exists once its first write has
 * happened. */
struct uicc_store *deck_card(struct deck *d, const char *iccid, struct deck_error *error);
/* deck_card for one of several threads: what it loads is opened with this crypto, which is the thread's own
 * and outlives the store, while others use the deck. */
struct uicc_store *deck_card_of_thread(struct deck *d, const char *iccid, struct uicc_crypto *crypto,
                                       struct deck_error *error);
struct uicc_store *deck_new_card(struct deck *d, const char *iccid, struct deck_error *error);
bool deck_remove_card(struct deck *d, const char *iccid, struct deck_error *error);

/* Between the two, writes of all cards go into one transaction of the deck: all of them or none. A write that
 * fails spoils the batch: so do all that follow, and deck_batch_end, and nothing of the batch is kept. Cards
 * that have written in a batch that was not kept are to be closed and opened again, since what they have in
 * memory is ahead of their store. */
bool deck_batch_begin(struct deck *d, struct deck_error *error);
bool deck_batch_end(struct deck *d, struct deck_error *error);
void deck_batch_abort(struct deck *d); /* nothing of an open batch is kept; does nothing when there is none */

#endif
