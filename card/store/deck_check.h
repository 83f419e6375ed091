/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the deck: whether LMDB may be let loose on a file. LMDB trusts its file, and a page that was
 * tampered with can make it read or write anywhere; what softuicc itself has sealed in the records comes too
 * late for that. Pure: a view of the file in, yes or no out.
 */
#ifndef STORE_DECK_CHECK_H
#define STORE_DECK_CHECK_H

#include "span.h"

enum deck_soundness {
    DECK_SOUND,
    DECK_UNSOUND,
    DECK_UNCHECKED, /* no memory to check with */
};

/* whole: every page of every tree of both states, once; otherwise the meta pages, and the trees of free pages if these are small. */
enum deck_soundness deck_check(struct span file, bool whole);

#endif
