/* SPDX-License-Identifier: Apache-2.0
 *
 * An applet with a menu of two entries, for tests of terminals: "Balance" shows a text, "Top up" asks for an amount and shows what was entered.
 */
#ifndef TESTS_MENU_APPLET_H
#define TESTS_MENU_APPLET_H

#include "applet.h"

extern const struct applet_class menu_class; /* "menu" */

/* A profile that has it. */
#define MENU_PROFILE "format: 1\ninclude: usim\nname: menu\napplets:\n  - {class: menu}\n"

#endif
