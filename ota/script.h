/* SPDX-License-Identifier: Apache-2.0
 *
 * Remote command scripts in compact format (ETSI TS 102 226 5.2.1). A script is a second caller of the card's dispatch, never a second command
 * interpreter.
 */
#ifndef OTA_SCRIPT_H
#define OTA_SCRIPT_H

#include "applet.h"

/* Runs the commands one after the other until one fails, and writes the response: number of commands executed, status word of the last, its response
 * data if there is any. */
void script_run_compact(struct uicc *card, struct session *session, struct span script, struct buf *out);

#endif
