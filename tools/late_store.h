/* SPDX-License-Identifier: Apache-2.0
 *
 * A card's store in memory that stands for another: what is written to it reaches the other when it is
 * settled, in one step, and not at all when it is closed before. So cards that are played at the same time do
 * not wait for each other's writes, and a card whose play was broken off is as it was.
 */
#ifndef TOOLS_LATE_STORE_H
#define TOOLS_LATE_STORE_H

#include <stdbool.h>

#include "store.h"

/* inner is its own from now on, whatever comes. NULL: inner cannot be loaded, or no memory. */
struct uicc_store *late_store_new(struct uicc_store *inner);

/* false: nothing has reached the other one, and the next time may do better. */
bool late_store_settle(struct uicc_store *s);

#endif
