/* SPDX-License-Identifier: Apache-2.0
 *
 * The key of the secure channel between card and terminal (ETSI TS 102 484; requirement P3).
 */
#ifndef APPLETS_SECURE_H
#define APPLETS_SECURE_H

#include "applet.h"

extern const struct applet_class secure_class;

#endif
