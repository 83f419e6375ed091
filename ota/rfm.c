/* SPDX-License-Identifier: Apache-2.0
 *
 * Remote file management (ETSI TS 102 226 7): scripts of file commands, run by the kernel's table in the DF
 * that the profile gives. It has no command of its own: which of the kernel's a script may use is in that
 * table (ROW_REMOTE), what they may do is the access domain of its TAR.
 */
#include "receiver.h"

const struct applet_class rfm_class = {
    .name = "rfm",
    .script_target = true,
};
