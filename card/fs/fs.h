/* SPDX-License-Identifier: Apache-2.0
 *
 * The file system: where files are, what is in them, who may. A file is named by its index in the profile;
 * its content is the card's own object when it was ever changed, else the profile's, which all cards share.
 */
#ifndef FS_FS_H
#define FS_FS_H

#include "card.h"

/* ---- files (files.c, made.c) ---- */

/* Stored: values never change meaning. */
enum file_state {
    FILE_STATE_ACTIVATED = 0,
    FILE_STATE_DEACTIVATED = 1,
    FILE_STATE_TERMINATED = 2,
    FILE_STATE_DELETED = 3
};

/* The file's row; its `size` is the one it was made with (fs_size is today's), its
 * `content` what it had then. */
const struct profile_file *fs_file(const struct uicc *card, uint16_t file);
const struct made_file *fs_made(const struct uicc *card, uint16_t file); /* NULL for a file of the profile */
uint16_t fs_count(const struct uicc *card);                              /* indices in use are below this */
bool fs_exists(const struct uicc *card, uint16_t file);
/* Special file information (TS 102 222 6.3.2.2.2, table 5). */
enum { SPECIAL_HIGH_UPDATE = 0x80, SPECIAL_OPEN_DEACTIVATED = 0x40 };

bool fs_is_ef(const struct profile_file *f);

/* By FID or SFI right below a directory; PROFILE_NO_FILE if there is none. Constant time. */
uint16_t fs_child(const struct uicc *card, uint16_t parent, uint16_t fid);
uint16_t fs_child_sfi(const struct uicc *card, uint16_t parent, uint8_t sfi);

/* The file whose body and life cycle it has: itself, or what it is linked to. */
uint16_t fs_linked(const struct uicc *card, uint16_t file);
struct span fs_body(const struct uicc *card, uint16_t file);
size_t fs_size(const struct uicc *card, uint16_t file);
uint8_t *fs_edit(struct uicc *card, uint16_t file);  /* for writing, in the transaction; NULL: no memory */
uint8_t fs_state(const struct uicc *card, uint16_t file); /* enum file_state */
bool fs_set_state(struct uicc *card, uint16_t file, uint8_t state);

/* The ADF (or the MF) that a file lies in. */
uint16_t fs_application_dir(const struct uicc *card, uint16_t file);
/* The session left its application, whose directory is none of its any more: the view goes to the MF. */
void fs_leave_application(const struct uicc *card, struct view *view);

/* Reads the files that CREATE FILE made; false: what is stored makes no sense, or there is no memory: no file
 * may be used then, and made.dirty stays. */
bool fs_load_made(struct uicc *card);
void fs_free_made(struct uicc *card);

/* Makes a file as a child of row->row.parent, its body filled with one octet; removes one with all below it;
 * changes a body's size. In the transaction. */
sw_t fs_make(struct uicc *card, const struct made_file *row, uint8_t fill, uint16_t *file);
sw_t fs_remove(struct uicc *card, uint16_t file);
bool fs_resize(struct uicc *card, uint16_t file, size_t size);

/* Such changes are committed: no channel stays on a file that is gone. */
void fs_settle(struct uicc *card);
/* nor this view: it goes to the nearest directory that is left */
void fs_leave_gone(const struct uicc *card, struct view *view);

/* ---- access (access.c) ---- */

/* Access mode bits, ISO/IEC 7816-4 tables 16 and 17 (ETSI TS 102 221 9.3): of an EF, and of a DF. */
enum {
    AM_READ = 0x01,
    AM_UPDATE = 0x02,
    AM_DEACTIVATE = 0x08,
    AM_ACTIVATE = 0x10,
    AM_TERMINATE = 0x20,
    AM_DELETE = 0x40,
    AM_DELETE_CHILD = 0x01,
    AM_CREATE_EF = 0x02,
    AM_CREATE_DF = 0x04,
};

/* SW_OK when the session may do this to the file by the rule that the file's FCP gives or refers
 * to; else SW_SECURITY_STATUS. */
sw_t fs_access(const struct uicc *card, const struct session *session, uint16_t file, uint8_t mode);
/* Likewise for an instruction that has no access mode bit (AM_DO 84): INCREASE, RESIZE FILE. */
sw_t fs_access_ins(const struct uicc *card, const struct session *session, uint16_t file, uint8_t ins);

/* ---- PINs (pin.c) ---- */

struct pin_state {
    uint8_t reference, tries, puk_tries;
    bool enabled;
    bool replaced; /* disabled, the universal PIN being verified in its place */
};
/* Index of the PIN with this reference as this session sees it (local PINs belong to the
 * selected application); -1: none. */
int pin_find(const struct uicc *card, const struct session *session, uint8_t reference);
void pin_state(const struct uicc *card, int pin, struct pin_state *out);
/* At personalisation: another value, another PUK (8 octets each; NULL: the profile's). */
bool pin_give(struct uicc *card, int pin, const uint8_t *value, const uint8_t *puk);
/* The session has this key reference: verified, or disabled; remote: in its access domain. */
bool pin_satisfied(const struct uicc *card, const struct session *session, uint8_t reference);
/* Some PIN is replaced by the universal PIN. */
bool pin_universal_used(const struct uicc *card);
/* The PIN that AUTHENTICATE asks for (TS 31.102 7.1.1.1): the application's, when enabled. */
bool pin_application_satisfied(const struct uicc *card, const struct session *session);

/* The file that SELECT's data mean with this P1 (TS 102 221 11.1.1.2: 00, 01, 03, 08, 09), or
 * PROFILE_NO_FILE (select.c). */
uint16_t fs_find(const struct uicc *card, const struct session *session, uint8_t p1, struct span data);
/* makes it the current one */
void fs_choose(struct session *session, const struct uicc *card, uint16_t file);

/* ---- FCP (fcp.c) ---- */
void fs_fcp(const struct uicc *card, const struct session *session, uint16_t file, struct buf *out);

/* A file addressed by SFI becomes the current EF. */
void fs_make_current(struct call *call);

/* Ends what RETRIEVE DATA or SET DATA has under way, and wipes it (berlv.c). */
void fs_transfer_end(struct uicc *card);

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
sw_t command_search_record(struct call *call);
sw_t command_increase(struct call *call);
sw_t command_retrieve_data(struct call *call);
sw_t command_set_data(struct call *call);
sw_t command_activate_file(struct call *call);
sw_t command_deactivate_file(struct call *call);
sw_t command_create_file(struct call *call);
sw_t command_delete_file(struct call *call);
sw_t command_resize_file(struct call *call);
sw_t command_terminate_ef(struct call *call);
sw_t command_terminate_df(struct call *call);
sw_t command_terminate_card(struct call *call);

#endif
