/* SPDX-License-Identifier: Apache-2.0
 *
 * The package of menu_applet.c, linked in; as a shared object it is for interop/with-modem.
 */
#ifndef TESTS_MENU_APPLET_H
#define TESTS_MENU_APPLET_H

#include "uicc_applet.h"

/* A profile that has its applet. */
#define MENU_PROFILE "format: 1\ninclude: usim\nname: menu\napplets:\n  - {class: menu}\n"

#endif
