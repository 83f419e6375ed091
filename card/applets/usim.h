/* SPDX-License-Identifier: Apache-2.0 */
#ifndef APPLETS_USIM_H
#define APPLETS_USIM_H

#include "applet.h"

extern const struct applet_class usim_class;

#endif
