/* SPDX-License-Identifier: Apache-2.0
 *
 * A store over another one that loses power at a chosen write. It does not own the inner store: after the
 * cut, open a card on the inner store again to see what a terminal would find.
 */
#ifndef TEAR_FAULT_STORE_H
#define TEAR_FAULT_STORE_H

#include "store.h"

struct uicc_store *fault_store_new(struct uicc_store *inner); /* NULL: no memory */

/* From now on n writes succeed; the one after them, and every call from then on, fails with STORE_FAILED and
 * does not reach the inner store. -1: never. Also ends a cut. */
void fault_store_cut_at(struct uicc_store *s, long n);

/* The nth write from now on (0: the next) fails and changes nothing, as when the disk is full for a moment;
 * all others succeed. Also ends a cut. */
void fault_store_fail_at(struct uicc_store *s, long n);

/* Writes that reached the inner store, since the beginning. */
long fault_store_writes(const struct uicc_store *s);
/* Since fault_store_cut_at or fault_store_fail_at. */
bool fault_store_is_cut(const struct uicc_store *s);

#endif
