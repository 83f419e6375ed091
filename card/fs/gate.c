/* SPDX-License-Identifier: Apache-2.0
 *
 * The gate of dispatch: which file does a command mean, and may this session do that to it. The only
 * place where access is decided.
 */
#include "fs.h"
#include "secure_channel.h"

enum { BY_FID = 0x00, TAG_FCP = 0x62, TAG_FID = 0x83, TAG_DESCRIPTOR = 0x82, FDB_DF = 0x38 };

static sw_t found(uint16_t file, uint16_t *target)
{
    *target = file;
    return file == PROFILE_NO_FILE ? SW_FILE_NOT_FOUND : SW_OK;
}

static sw_t by_sfi(const struct uicc *card, const struct view *view, uint8_t sfi, uint16_t *target)
{
    return found(sfi >= 1 && sfi <= 30 ? fs_child_sfi(card, view->df, sfi) : PROFILE_NO_FILE, target);
}

static sw_t current_ef(const struct view *view, uint16_t *target)
{
    *target = view->ef;
    return view->ef == PROFILE_NO_FILE ? SW_NO_EF_SELECTED : SW_OK;
}

/* A file of the current DF named by two octets. */
static sw_t child(const struct uicc *card, const struct view *view, struct span fid, uint16_t *target)
{
    if (fid.n != 2)
        return SW_WRONG_LENGTH;
    return found(fs_child(card, view->df, (uint16_t)(fid.p[0] << 8 | fid.p[1])), target);
}

static sw_t fcp_child(const struct uicc *card, const struct view *view, struct span data, uint16_t *target)
{
    struct span fcp, fid;
    if (!tlv_find(data, TAG_FCP, &fcp) || !tlv_find(fcp, TAG_FID, &fid) || fid.n != 2)
        return SW_WRONG_DATA;
    if (fid.p[0] == 0x3F && fid.p[1] == 0x00)
        return found(0, target);
    return child(card, view, fid, target);
}

static sw_t named(const struct uicc *card, const struct session *session, const struct command *cmd,
                  uint16_t *target)
{
    if (cmd->p1 != BY_FID && cmd->p1 != 0x08 && cmd->p1 != 0x09)
        return SW_WRONG_P1P2;
    if (cmd->data.n == 0) {
        *target = session->view.ef != PROFILE_NO_FILE ? session->view.ef : session->view.df;
        return cmd->p1 == BY_FID ? SW_OK : SW_WRONG_P1P2;
    }
    if (cmd->data.n % 2 != 0 || (cmd->p1 == BY_FID && cmd->data.n != 2))
        return SW_WRONG_LENGTH;
    return found(fs_find(card, session, cmd->p1, cmd->data), target);
}

static sw_t resolve(const struct uicc *card, const struct session *session, const struct command *cmd,
                    enum target kind, uint16_t *target)
{
    const struct view *view = &session->view;
    *target = PROFILE_NO_FILE;
    switch (kind) {
    case TARGET_NONE:
        return SW_OK;
    case TARGET_EF_SFI_P1: /* TS 102 221 11.1.3: b8 set, b7-b6 zero, SFI in b5-b1 */
        if ((cmd->p1 & 0x80) == 0)
            return current_ef(view, target);
        return (cmd->p1 & 0x60) != 0 ? SW_WRONG_P1P2 : by_sfi(card, view, cmd->p1 & 0x1F, target);
    case TARGET_EF_SFI_P2: /* TS 102 221 11.1.5: SFI in b8-b4 */
        return (cmd->p2 & 0xF8) == 0 ? current_ef(view, target) : by_sfi(card, view, cmd->p2 >> 3, target);
    case TARGET_EF_SFI_P2_LOW: /* TS 102 221 11.3.1: SFI in b5-b1 */
        return (cmd->p2 & 0x1F) == 0 ? current_ef(view, target) : by_sfi(card, view, cmd->p2 & 0x1F, target);
    case TARGET_CURRENT_EF:
        return current_ef(view, target);
    case TARGET_NAMED_EF:
        return cmd->data.n == 0 ? current_ef(view, target) : child(card, view, cmd->data, target);
    case TARGET_NAMED_DF:
        if (cmd->data.n > 0)
            return child(card, view, cmd->data, target);
        *target = view->df;
        return SW_OK;
    case TARGET_CURRENT_DF:
        *target = view->df;
        return SW_OK;
    case TARGET_NAMED:
        return named(card, session, cmd, target);
    case TARGET_CHILD:
        return cmd->data.n == 0 ? named(card, session, cmd, target) : child(card, view, cmd->data, target);
    case TARGET_FCP_CHILD:
        return fcp_child(card, view, cmd->data, target);
    case TARGET_MF:
        *target = 0;
        return SW_OK;
    }
    return SW_TECHNICAL_PROBLEM;
}

/* TS 31.102 7.1.1: AUTHENTICATE works in the application whose ADF, or a DF below, is current. */
static bool inside_application(const struct call *call)
{
    uint16_t adf = applet_row_of(call->card, call->self.index)->adf;
    /* DF.GSM, where class A0 starts, is no application's */
    if (adf == PROFILE_NO_FILE || fs_application_dir(call->card, adf) != adf)
        return true;
    return fs_application_dir(call->card, call->session->view.df) == adf;
}

/* TS 102 222 6.3: CREATE FILE needs the current DF's right to create a DF, or an EF, by the
 * file descriptor in its data. */
static sw_t may_create(const struct call *call)
{
    struct span fcp, descriptor;
    if (!tlv_find(call->cmd->data, TAG_FCP, &fcp) || !tlv_find(fcp, TAG_DESCRIPTOR, &descriptor) ||
        descriptor.n == 0)
        return SW_WRONG_DATA;
    bool df = (descriptor.p[0] & FDB_DF) == FDB_DF && (descriptor.p[0] & 0x07) == 0;
    return fs_access(call->card, call->session, call->target, df ? AM_CREATE_DF : AM_CREATE_EF);
}

static sw_t may_delete(const struct call *call)
{
    const struct uicc *card = call->card;
    if (call->target == 0)
        return fs_access(card, call->session, call->target, AM_DELETE);
    if (fs_access(card, call->session, call->target, AM_DELETE) == SW_OK)
        return SW_OK;
    return fs_access(card, call->session, fs_file(card, call->target)->parent, AM_DELETE_CHILD);
}

/* Of a security domain: the command came under its secure channel, with a C-MAC at least, or in a script
 * whose keyset may manage applets (TS 102 226 8). */
static bool by_domain(const struct session *session)
{
    if (session->remote)
        return (session->rights & RIGHT_MANAGE_APPLETS) != 0 && (session->rights & RIGHT_STANDBY) == 0;
    return session->secured != 0;
}

static sw_t permitted(const struct call *call, enum access access)
{
    const struct uicc *card = call->card;
    const struct session *session = call->session;
    switch (access) {
    case ACCESS_FREE:
        return SW_OK;
    case ACCESS_READ:
        return fs_access(card, session, call->target, AM_READ);
    case ACCESS_UPDATE:
        return fs_access(card, session, call->target, AM_UPDATE);
    case ACCESS_ACTIVATE:
        return fs_access(card, session, call->target, AM_ACTIVATE);
    case ACCESS_DEACTIVATE:
        return fs_access(card, session, call->target, AM_DEACTIVATE);
    case ACCESS_TERMINATE:
        return fs_access(card, session, call->target, AM_TERMINATE);
    case ACCESS_DELETE:
        return may_delete(call);
    case ACCESS_CREATE:
        return may_create(call);
    case ACCESS_BY_INS:
        return fs_access_ins(card, session, call->target, call->cmd->ins);
    case ACCESS_APPLICATION_PIN:
        if (!inside_application(call))
            return SW_CONDITIONS_NOT_SATISFIED;
        return pin_application_satisfied(card, session) ? SW_OK : SW_SECURITY_STATUS;
    case ACCESS_REMOTE_CHANGE:
        if (!session->remote)
            return SW_SECURITY_STATUS;
        return (session->rights & RIGHT_REMOTE_CHANGE) != 0 ? SW_OK : SW_NO_AUTHORITY;
    case ACCESS_REMOTE_KEYS:
        if (!session->remote)
            return SW_SECURITY_STATUS;
        return (session->rights & RIGHT_REPLACE_KEYS) != 0 && (session->rights & RIGHT_STANDBY) == 0
                   ? SW_OK
                   : SW_NO_AUTHORITY;
    case ACCESS_OPERATOR:
        if (session->remote)
            return (session->rights & RIGHT_AUTHENTIC) != 0 ? SW_OK : SW_SECURITY_STATUS;
        return pin_satisfied(card, session, 0x0A) ? SW_OK : SW_SECURITY_STATUS;
    case ACCESS_ADMIN:
        if (session->remote) /* whoever is stand-by has no business with what is the next operator's */
            return (session->rights & RIGHT_ADMIN) != 0 && (session->rights & RIGHT_STANDBY) == 0
                       ? SW_OK
                       : SW_SECURITY_STATUS;
        return pin_satisfied(card, session, 0x0A) ? SW_OK : SW_SECURITY_STATUS;
    case ACCESS_DOMAIN:
        return by_domain(session) ? SW_OK : SW_SECURITY_STATUS;
    case ACCESS_DOMAIN_OR_ADMIN:
        return by_domain(session) || (!session->remote && pin_satisfied(card, session, 0x0A))
                   ? SW_OK
                   : SW_SECURITY_STATUS;
    }
    return SW_TECHNICAL_PROBLEM;
}

/* Is the row for this kind of session at all? TS 102 226 table 8.2 lists what a script may use. A card whose
 * usage is terminated only lets itself be looked at (TS 102 222 6.9). */
static sw_t suits(const struct call *call, const struct command_row *row)
{
    struct span ended;
    if (call->session->remote && (row->flags & ROW_REMOTE) == 0)
        return SW_INS_NOT_SUPPORTED;
    if ((row->flags & ROW_TERMINATED) == 0 &&
        objects_get(call->card->objects, object_id(OBJECT_CARD, 1), &ended))
        return SW_CONDITIONS_NOT_SATISFIED;
    return SW_OK;
}

/* TS 102 221 8.5, TS 102 222 5.1: a deactivated file can only be selected, activated, terminated and deleted;
 * a terminated one only be selected and deleted. One that says so in its special file information is read and
 * updated nevertheless (TS 102 221 11.1.14). Both speak of the file alone. A directory that is closed closes
 * what is below, and an ADF its application's own commands: it would protect nothing otherwise. */
static sw_t alive(const struct call *call, const struct command_row *row)
{
    if ((call->target == PROFILE_NO_FILE && row->access != ACCESS_APPLICATION_PIN) ||
        row->access == ACCESS_FREE || row->access == ACCESS_DELETE)
        return SW_OK;
    /* an application works in its ADF */
    const uint16_t where = row->access == ACCESS_APPLICATION_PIN ? call->session->view.df : call->target;
    const bool administers = row->access == ACCESS_ACTIVATE || row->access == ACCESS_DEACTIVATE ||
                             row->access == ACCESS_TERMINATE || row->access == ACCESS_CREATE;
    for (uint16_t file = where;; file = fs_file(call->card, file)->parent) {
        uint8_t state = fs_state(call->card, file);
        bool open = administers || (file == call->target &&
                                    fs_file(call->card, fs_linked(call->card, file))->open_deactivated &&
                                    (row->access == ACCESS_READ || row->access == ACCESS_UPDATE));
        if (state == FILE_STATE_TERMINATED || (state == FILE_STATE_DEACTIVATED && !open))
            return SW_REFERENCED_DATA_INVALIDATED;
        if (file == 0)
            return SW_OK;
    }
}

static sw_t admit(struct call *call, const struct command_row *row)
{
    sw_t sw = suits(call, row);
    if (sw == SW_OK)
        sw = resolve(call->card, call->session, call->cmd, row->target, &call->target);
    if (sw == SW_OK)
        sw = permitted(call, row->access);
    if (sw == SW_OK && !secure_channel_lets(call))
        sw = SW_SECURITY_STATUS;
    return sw == SW_OK ? alive(call, row) : sw;
}

const struct gate card_gate = {admit};
