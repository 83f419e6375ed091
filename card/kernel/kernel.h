/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the kernel's own files.
 */
#ifndef KERNEL_KERNEL_H
#define KERNEL_KERNEL_H

#include "card.h"

/* Ends the transaction, and brings what memory has of files and applets in line with the objects. false:
 * storage failed, or no memory. */
bool card_commit(struct uicc *card);
bool card_abort(struct uicc *card);
/* What card_abort could not do for want of memory. false: still none, and no command may run. */
bool card_reload(struct uicc *card);

/* Runs one parsed command for a session as a transaction: find, fit, admit, handle, commit or abort. *row
 * (may be NULL at the end) is the command's. */
sw_t session_execute(struct uicc *card, struct session *session, struct command *cmd, struct buf *out,
                     const struct command_row **row);

/* Ends the step under way (keep: commits it; else, or when that fails, it leaves no
 * trace) and begins the next. */
bool session_step(struct uicc *card, bool keep);
/* Ends the transaction: as sw says, it commits or leaves no trace. What the status word then is. */
sw_t session_finish(struct uicc *card, sw_t sw);

/* The row that a command means to this session. The status word as dispatch_find gives it. */
sw_t session_find(const struct uicc *card, const struct session *session, const struct command *cmd,
                  const struct command_row **row);

/* The command is done, by call->session. If it changed a file's content (or made it, or took it away),
 * applets that watch files are told, and may refuse; then nothing of it may be committed. */
sw_t session_tell_watchers(const struct call *call);

/* The status word that the client gets, in the words of the command's class. */
sw_t session_status(const struct uicc *card, const struct command *cmd, const struct command_row *row,
                    sw_t sw);

/* Never runs: GET RESPONSE belongs to the T=0 fold and to remote scripts, which see its row first. The row is
 * there so that the command is in the table, with its lengths. */
sw_t command_get_response(struct call *call);

/* The T=0 fold (transmit.c). */
size_t fold_t0(struct uicc *card, const struct command_row *row, const struct command *cmd, struct buf *out,
               sw_t sw);

void channels_reset(struct uicc *card);

/* This applet has been deselected: what is CLEAR_ON_DESELECT goes, unless another channel has it selected. */
void transients_deselect(struct uicc *card, uint8_t applet);
size_t applet_transient_size(struct applet self, uint8_t slot); /* 0: there is none */

/* The application of this session ends: deselect, local PINs forgotten (select.c). */
void session_leave_applet(struct uicc *card, struct session *session);
/* Likewise, of an applet that is not asked any more. */
void session_drop_applet(struct uicc *card, struct session *session);

/* platform.c */
sw_t command_open_channel(struct call *call);
sw_t command_close_channel(struct call *call);
sw_t command_get_challenge(struct call *call);
sw_t command_terminal_capability(struct call *call);
sw_t command_suspend(struct call *call);
sw_t command_resume(struct call *call);
/* Another command came first after a reset: what was suspended is over. false: that could not be stored, so
 * the command must not run. */
bool suspend_forget(struct uicc *card);

#endif
