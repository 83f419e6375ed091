/* SPDX-License-Identifier: Apache-2.0
 *
 * Profile packages of eUICCs on the command line: read for the applet classes that softuicc has, and what
 * they contain beyond those, told.
 */
#ifndef TOOLS_PACKAGE_H
#define TOOLS_PACKAGE_H

#include <stdio.h>

#include "upp.h"

/* Reads a package. `imsi` in place of its own, NULL for that one; `pairs` derived pairs after its own. false:
 * *error has one line. Free *out with upp_free. */
bool package_load(const char *path, const char *imsi, unsigned pairs, struct upp_import *out,
                  struct upp_error *error);

/* One line for each thing that the package has and the card has not, or has otherwise. */
void package_print_notes(FILE *f, const char *path, const struct upp_import *u);

#endif
