/* SPDX-License-Identifier: Apache-2.0
 *
 * The file system: where files are, what is in them, who may. A file is named by its index in the profile; its content is the card's own
 * object when it was ever changed, else the profile's, which all cards share.
 */
#ifndef FS_FS_H
#define FS_FS_H

#include "card.h"

const struct profile_file *fs_file(const struct uicc *card, uint16_t file);
bool fs_is_ef(const struct profile_file *f);

struct span fs_body(const struct uicc *card, uint16_t file);
uint8_t *fs_edit(struct uicc *card, uint16_t file);  /* for writing, in the transaction; NULL: no memory */
bool fs_deactivated(const struct uicc *card, uint16_t file);

/* The ADF (or the MF) that a file lies in. */
uint16_t fs_application_dir(const struct uicc *card, uint16_t file);

/* ---- access (access.c) ---- */

/* Access mode bits of an EF, TS 102 221 9.3 table 9.4 (ISO/IEC 7816-4 table 16). */
enum { AM_READ = 0x01, AM_UPDATE = 0x02, AM_DEACTIVATE = 0x08, AM_ACTIVATE = 0x10, AM_TERMINATE = 0x20, AM_DELETE = 0x40 };

/* SW_OK when the session may do this to the file by the rule that the file's FCP refers to; else SW_SECURITY_STATUS. */
sw_t fs_access(const struct uicc *card, const struct session *session, uint16_t file, uint8_t mode);

/* ---- PINs (pin.c) ---- */

struct pin_state {
    uint8_t reference, tries, puk_tries;
    bool enabled;
};
/* Index of the PIN with this reference as this session sees it (local PINs belong to the selected application); -1: none. */
int pin_find(const struct uicc *card, const struct session *session, uint8_t reference);
void pin_state(const struct uicc *card, int pin, struct pin_state *out);
/* The session has this key reference: verified, or disabled; remote: in its access domain. */
bool pin_satisfied(const struct uicc *card, const struct session *session, uint8_t reference);
/* The PIN that AUTHENTICATE asks for (TS 31.102 7.1.1.1): the application's, when enabled. */
bool pin_application_satisfied(const struct uicc *card, const struct session *session);

/* ---- FCP (fcp.c) ---- */
void fs_fcp(const struct uicc *card, const struct session *session, uint16_t file, struct buf *out);

/* ---- handlers ---- */
sw_t command_select(struct call *call);
sw_t command_status(struct call *call);
sw_t command_read_binary(struct call *call);
sw_t command_update_binary(struct call *call);
sw_t command_read_record(struct call *call);
sw_t command_update_record(struct call *call);
sw_t command_verify(struct call *call);
sw_t command_change_pin(struct call *call);
sw_t command_disable_pin(struct call *call);
sw_t command_enable_pin(struct call *call);
sw_t command_unblock_pin(struct call *call);

#endif
