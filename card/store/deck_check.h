/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the deck: whether LMDB may be let loose on a file. LMDB trusts its file, and a page that was
 * tampered with can make it read or write anywhere; what softuicc itself has sealed in the records comes too
 * late for that. Pure: a view of the file in, yes or no out.
 */
#ifndef STORE_DECK_CHECK_H
#define STORE_DECK_CHECK_H

#include "deck_pages.h"

enum deck_soundness {
    DECK_SOUND,
    DECK_UNSOUND,
    DECK_UNCHECKED, /* no memory to check with */
};

/* whole: every page of every tree of both states, once. Otherwise what opening the file takes, the meta
 * pages; all else is then for deck_gate.h, before LMDB comes to it. */
enum deck_soundness deck_check(struct span file, bool whole);

/* What the meta page says that counts: the state after the last transaction. Of a file that deck_check has
 * found sound, or that LMDB has written since. */
struct deck_root {
    uint64_t pgno;
    unsigned levels; /* 0: an empty tree */
};

struct deck_state {
    size_t psize;
    uint64_t transaction, last; /* page in use */
    struct deck_root free, records;
};

size_t deck_page_size(struct span file);

/* Octets up to the last page that either state has in use. A file that is longer was not closed: of that one
 * deck_check lets the state before the last transaction be as it may. */
uint64_t deck_end(struct span file, size_t psize);
struct deck_state deck_newest(struct span file, size_t psize);

/* A tree as a whole, of which no page is claimed yet. */
bool deck_check_tree(struct pages *p, enum pages_tree tree, struct deck_root root);

#endif
