/* SPDX-License-Identifier: Apache-2.0 */
#ifndef APPLETS_ISIM_H
#define APPLETS_ISIM_H

#include "applet.h"

extern const struct applet_class isim_class;

#endif
