/* SPDX-License-Identifier: Apache-2.0
 *
 * The struct uicc_guard of this program: applets from shared objects run under it. One that faults, aborts or
 * does not end is cut off; the card undoes what it was doing and goes on. It is a help against mistakes.
 * Against malice it is none: a shared object is code in this process, and may read and write all of it.
 */
#ifndef TOOLS_GUARD_H
#define TOOLS_GUARD_H

#include "uicc.h"

enum { GUARD_CPU_MS = 1000, GUARD_WALL_MS = 30000 };

/* For any thread; each that uses it gets a signal stack and two timers of its own. NULL: the system has no
 * timers to give. */
const struct uicc_guard *guard_get(void);

/* Milliseconds of processor time, and of waiting, that one call into an applet may take: the defaults are
 * above. */
void guard_set_budget(unsigned cpu_ms, unsigned wall_ms);

/* Code of a shared object: where an applet may be cut off when its time is over. Elsewhere, in malloc say, it
 * might hold a lock, and is cut off when it comes back. At most 64. */
void guard_add_code(const void *from, const void *to);

#endif
