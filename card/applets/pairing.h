/* SPDX-License-Identifier: Apache-2.0
 *
 * USAT application pairing (3GPP TS 31.102 4.2.100 to 4.2.102): this card works in the terminals of a list
 * only.
 */
#ifndef APPLETS_PAIRING_H
#define APPLETS_PAIRING_H

#include "applet.h"

extern const struct applet_class pairing_class;

#endif
