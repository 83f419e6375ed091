/* SPDX-License-Identifier: Apache-2.0
 *
 * ARA-M: the access rule application of GlobalPlatform Secure Element Access Control 1.1. Which software in
 * the device may talk to which application of the card is decided by the device; the rules it goes by are
 * here.
 */
#ifndef GP_ARA_M_H
#define GP_ARA_M_H

#include "applet.h"

extern const struct applet_class ara_m_class;

#endif
