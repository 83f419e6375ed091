/* SPDX-License-Identifier: Apache-2.0
 *
 * The applets and packages of an opened card, for people and for scripts.
 */
#ifndef TOOLS_APPLETS_H
#define TOOLS_APPLETS_H

#include <stdio.h>

#include "registry.h"

/* Two tables, with a line of headings each. */
void applets_print(FILE *f, const struct uicc *card);
/* "applets": [...], "packages": [...], each line begun with this. */
void applets_json(FILE *f, const struct uicc *card, const char *indent);

/* "selectable", "installed", "locked", "suspended", ...: what an applet is in. */
const char *applets_state(const struct uicc *card, uint8_t index);

#endif
