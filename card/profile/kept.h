/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that lives as long as a profile is being read, and is wiped when it goes: what is in it may be keys.
 */
#ifndef PROFILE_KEPT_H
#define PROFILE_KEPT_H

#include <stddef.h>

struct kept;

/* n octets of zeros, one of the list; NULL: no memory. */
void *kept_new(struct kept **list, size_t n);
void kept_free(struct kept **list);

#endif
