/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared objects that are no packages, each in its own way: -DWRONG_ABI, -DNO_SYMBOL, -DSAME_CLASS. */
#include "uicc_applet.h"

static const struct uicc_applet_class usim = {.name = "usim", .module = {5, "\xF0wron"}};
static const struct uicc_applet_class *const classes[] = {&usim, NULL};

#if defined(NO_SYMBOL)
UICC_EXPORT const struct uicc_package another_name;
UICC_EXPORT const struct uicc_package another_name = {
    .abi = UICC_APPLET_ABI, .aid = {5, "\xF0wron"}, .classes = classes};
#elif defined(WRONG_ABI)
UICC_EXPORT const struct uicc_package uicc_package = {
    .abi = UICC_APPLET_ABI + 1, .aid = {5, "\xF0wron"}, .classes = classes};
#else
UICC_EXPORT const struct uicc_package uicc_package = {
    .abi = UICC_APPLET_ABI, .aid = {5, "\xF0wron"}, .classes = classes};
#endif
