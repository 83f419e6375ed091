/* SPDX-License-Identifier: Apache-2.0
 *
 * The gate of dispatch: which file does a command mean, and may this session do that to it. The only place where access is decided.
 */
#include "fs.h"

static sw_t by_sfi(const struct uicc *card, const struct view *view, uint8_t sfi, uint16_t *target)
{
    *target = sfi >= 1 && sfi <= 30 ? profile_sfi(card->profile, view->df, sfi) : PROFILE_NO_FILE;
    return *target == PROFILE_NO_FILE ? SW_FILE_NOT_FOUND : SW_OK;
}

static sw_t current_ef(const struct view *view, uint16_t *target)
{
    *target = view->ef;
    return view->ef == PROFILE_NO_FILE ? SW_NO_EF_SELECTED : SW_OK;
}

static sw_t resolve(const struct uicc *card, const struct view *view, const struct command *cmd, enum target kind,
                    uint16_t *target)
{
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
    case TARGET_CURRENT_EF:
        return current_ef(view, target);
    case TARGET_CURRENT_DF:
        *target = view->df;
        return SW_OK;
    }
    return SW_TECHNICAL_PROBLEM;
}

/* TS 31.102 7.1.1: AUTHENTICATE works in the application whose ADF, or a DF below, is current. */
static bool inside_application(const struct call *call)
{
    uint16_t adf = call->card->profile->applets[call->self.index].adf;
    return adf == PROFILE_NO_FILE || fs_application_dir(call->card, call->session->view.df) == adf;
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
    case ACCESS_APPLICATION_PIN:
        if (!inside_application(call))
            return SW_CONDITIONS_NOT_SATISFIED;
        return pin_application_satisfied(card, session) ? SW_OK : SW_SECURITY_STATUS;
    case ACCESS_REMOTE_CHANGE:
        if (!session->remote)
            return SW_SECURITY_STATUS;
        return (session->rights & RIGHT_REMOTE_CHANGE) != 0 ? SW_OK : SW_NO_AUTHORITY;
    case ACCESS_ADMIN:
        if (session->remote)
            return (session->rights & RIGHT_ADMIN) != 0 ? SW_OK : SW_SECURITY_STATUS;
        return pin_satisfied(card, session, 0x0A) ? SW_OK : SW_SECURITY_STATUS;
    }
    return SW_TECHNICAL_PROBLEM;
}

/* Is the row for this kind of session at all? TS 102 226 table 8.2 lists what a script may use. */
static sw_t suits(const struct session *session, const struct command_row *row)
{
    if (session->remote)
        return (row->flags & ROW_REMOTE) != 0 ? SW_OK : SW_INS_NOT_SUPPORTED;
    return SW_OK;
}

static sw_t admit(struct call *call, const struct command_row *row)
{
    sw_t sw = suits(call->session, row);
    if (sw == SW_OK)
        sw = resolve(call->card, &call->session->view, call->cmd, row->target, &call->target);
    if (sw == SW_OK)
        sw = permitted(call, row->access);
    /* TS 102 221 8.5: a deactivated file can only be selected and activated. */
    if (sw == SW_OK && (row->access == ACCESS_READ || row->access == ACCESS_UPDATE) &&
        fs_deactivated(call->card, call->target))
        sw = SW_REFERENCED_DATA_INVALIDATED;
    return sw;
}

const struct gate card_gate = {admit};
