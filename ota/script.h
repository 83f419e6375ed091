/* SPDX-License-Identifier: Apache-2.0
 *
 * Remote command scripts (ETSI TS 102 226 5): compact format, and expanded format with definite and
 * indefinite length. A script is a second caller of the card's dispatch, never a second command interpreter.
 */
#ifndef OTA_SCRIPT_H
#define OTA_SCRIPT_H

#include "applet.h"

/* Runs a script for the target applet in the name of `by`, and writes its response in the script's own
 * format. `receiver` keeps what a chain of scripts leaves behind (script chaining). The response never fills
 * `out`: what does not fit is the last command's data. */
void script_run(struct applet receiver, uint8_t target, const struct script_authority *by, struct span script,
                struct buf *out);

/* After a reset: what a chain of scripts left behind is forgotten, unless it was to outlive a reset. */
void script_chain_reset(struct applet receiver);

#endif
