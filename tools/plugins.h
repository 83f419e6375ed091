/* SPDX-License-Identifier: Apache-2.0
 *
 * Applets from shared objects (card/include/uicc_applet.h): those that a profile names are loaded when it is
 * opened. They stay loaded as long as the process lives.
 */
#ifndef TOOLS_PLUGINS_H
#define TOOLS_PLUGINS_H

#include "profile.h"
#include "uicc.h"

struct plugins_error {
    char text[768]; /* one line for a person */
};

/* Every class for cards of this profile, NULL at the end: the program's, and those of the shared objects of
 * this and every other profile so far. NULL: *error. */
const struct applet_class *const *plugins_classes(const struct profile *profile, struct plugins_error *error);

/* What the environment of such cards needs: NULL while nothing was loaded. */
const struct uicc_guard *plugins_guard(void);

#endif
