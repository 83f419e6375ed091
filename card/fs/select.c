/* SPDX-License-Identifier: Apache-2.0
 *
 * SELECT and STATUS (ETSI TS 102 221 11.1.1, 11.1.2, 8.4).
 */
#include "fs.h"
#include "kernel.h"

enum {
    FID_MF = 0x3F00,
    FID_CURRENT_ADF = 0x7FFF,
    BY_FID = 0x00,
    BY_CHILD_DF = 0x01,
    BY_PARENT = 0x03,
    BY_AID = 0x04,
    BY_PATH_FROM_MF = 0x08,
    BY_PATH_FROM_DF = 0x09,
    P2_DATA = 0x1C, /* b5-b3: what comes back; b5 and b3-b4 as 11.1.1.2 table 11.2 */
    P2_FCP = 0x04,
    P2_NO_DATA = 0x0C,
    P2_OCCURRENCE = 0x03,
    P2_SESSION = 0x60, /* application session control: activation 00, termination 10, others RFU */
    P2_TERMINATE = 0x40,
    AID_MIN = 5,
};

static bool is_dir(const struct uicc *card, uint16_t file)
{
    return file != PROFILE_NO_FILE && !fs_is_ef(fs_file(card, file));
}

/* The ADF of the application active on this channel: what 7FFF means. */
static uint16_t current_adf(const struct uicc *card, const struct session *session)
{
    uint8_t applet = session->applet;
    uint16_t adf = applet == NO_APPLET ? PROFILE_NO_FILE : applet_row_of(card, applet)->adf;
    return adf != PROFILE_NO_FILE && fs_file(card, adf)->kind == FILE_ADF ? adf : PROFILE_NO_FILE;
}

/* A file below df that can be reached by FID: an ADF is reached by AID only (8.4.1), whatever FID
 * the profile notes for it. */
static uint16_t child_of(const struct uicc *card, uint16_t df, uint16_t fid)
{
    uint16_t file = fs_child(card, df, fid);
    return file != PROFILE_NO_FILE && fs_file(card, file)->kind == FILE_ADF ? PROFILE_NO_FILE : file;
}

/* 8.4.2: by FID alone one reaches the MF, the current ADF, children of the current DF, its parent, its
 * siblings that are DFs, and itself. */
static uint16_t by_fid(const struct uicc *card, const struct session *session, uint16_t fid)
{
    uint16_t df = session->view.df;
    if (fid == FID_MF)
        return 0;
    if (fid == FID_CURRENT_ADF)
        return current_adf(card, session);
    uint16_t child = child_of(card, df, fid);
    if (child != PROFILE_NO_FILE)
        return child;
    if (fs_file(card, df)->kind == FILE_DF && fs_file(card, df)->fid == fid)
        return df;
    uint16_t parent = fs_file(card, df)->parent;
    if (fs_file(card, parent)->kind == FILE_DF && fs_file(card, parent)->fid == fid)
        return parent;
    uint16_t sibling = child_of(card, parent, fid);
    return is_dir(card, sibling) ? sibling : PROFILE_NO_FILE;
}

static uint16_t by_path(const struct uicc *card, const struct session *session, struct span path,
                        uint16_t from)
{
    struct reader r = rd_of(path);
    uint16_t at = from;
    for (bool first = true; r.left > 0 && at != PROFILE_NO_FILE; first = false) {
        uint16_t fid = rd_u16(&r);
        if (!rd_ok(&r) || !is_dir(card, at))
            return PROFILE_NO_FILE;
        at = first && fid == FID_CURRENT_ADF ? current_adf(card, session) : child_of(card, at, fid);
    }
    return at;
}

uint16_t fs_find(const struct uicc *card, const struct session *session, uint8_t p1, struct span data)
{
    uint16_t df = session->view.df, file;
    uint16_t fid = (uint16_t)(data.n == 2 ? data.p[0] << 8 | data.p[1] : FID_MF);
    switch (p1) {
    case BY_FID:
        return by_fid(card, session, fid);
    case BY_CHILD_DF:
        file = child_of(card, df, fid);
        return is_dir(card, file) ? file : PROFILE_NO_FILE;
    case BY_PARENT:
        return fs_file(card, df)->parent;
    case BY_PATH_FROM_MF:
        return by_path(card, session, data, 0);
    default:
        return by_path(card, session, data, df);
    }
}

void fs_choose(struct session *session, const struct uicc *card, uint16_t file)
{
    const struct profile_file *f = fs_file(card, file);
    if (fs_is_ef(f)) {
        session->view.df = f->parent;
        session->view.ef = file;
    } else {
        session->view.df = file;
        session->view.ef = PROFILE_NO_FILE;
    }
    session->view.record = 0;
}

static struct span aid_of(const struct uicc *card, uint8_t index)
{
    const struct profile_applet *row = applet_row_of(card, index);
    return span_of(row->aid, row->aid_len);
}

/* 8.4.1 and 11.1.1: which applet an AID, whole or its first octets, means; several that match are gone
 * through by "next" and "previous", starting from the one selected. */
static uint8_t find_applet(const struct call *call)
{
    const struct uicc *card = call->card;
    struct span wanted = call->cmd->data;
    if (wanted.n == 0) { /* GlobalPlatform 11.9.2: the issuer's security domain */
        uint8_t issuer = applet_issuer_domain(card);
        return issuer != NO_APPLET && applet_selectable(card, issuer) ? issuer : (uint8_t)NO_APPLET;
    }
    uint8_t matches[APPLETS_MAX], n = 0, now = NO_APPLET;
    for (uint8_t i = 0; i < applets_count(card); i++)
        if (applet_row_of(card, i)->aid_len > 0 && span_starts(aid_of(card, i), wanted) &&
            applet_selectable(card, i)) {
            if (i == call->session->applet)
                now = n;
            matches[n++] = i;
        }
    if (n == 0)
        return NO_APPLET;
    switch (call->cmd->p2 & P2_OCCURRENCE) {
    case 0: /* first or only; the application that is already active stays it (11.1.1.2) */
        return now != NO_APPLET && wanted.n < aid_of(card, matches[now]).n ? matches[now] : matches[0];
    case 1:
        return matches[n - 1];
    case 2:
        if (now == NO_APPLET)
            return matches[0];
        return now + 1 < n ? matches[now + 1] : NO_APPLET;
    default:
        if (now == NO_APPLET)
            return matches[n - 1];
        return now > 0 ? matches[now - 1] : NO_APPLET;
    }
}

void session_drop_applet(struct uicc *card, struct session *session)
{
    uint8_t applet = session->applet;
    if (applet == NO_APPLET)
        return;
    const struct applet_class *class = applet_class_of(card, applet);
    if (class->messaging != NULL && session->messaging)
        class->messaging->close((struct applet){card, applet}, session);
    session->messaging = false;
    session->applet = NO_APPLET;
    transients_deselect(card, applet);
    session->local = 0; /* verified local PINs end with the application session (TS 102 221 9.5.1) */
}

/* javacard.framework.Applet.deselect: a step of its own. One that fails in it is deselected all the same, and
 * what the command did besides stays. */
void session_leave_applet(struct uicc *card, struct session *session)
{
    if (session->applet == NO_APPLET)
        return;
    const struct applet_class *class = applet_class_of(card, session->applet);
    if (class->deselect != NULL && applet_active(card, session->applet)) {
        (void)session_step(card, true);
        class->deselect((struct applet){card, session->applet});
        (void)session_step(card, true);
    }
    if (!session->remote)
        toolkit_application_left(card, session->applet);
    session_drop_applet(card, session);
}

/* A script stays with the application it was sent to, whose minimum security level it has met (TS 102 226 7):
 * an AID only brings it back to that application's ADF. */
static sw_t select_remote(struct call *call, uint8_t index)
{
    uint16_t adf = current_adf(call->card, call->session);
    if (adf == PROFILE_NO_FILE || applet_row_of(call->card, index)->adf != adf)
        return SW_FILE_NOT_FOUND;
    fs_choose(call->session, call->card, adf);
    return SW_OK;
}

static sw_t select_applet(struct call *call)
{
    uint8_t index = find_applet(call);
    if (index == NO_APPLET)
        return SW_FILE_NOT_FOUND;
    if (call->session->remote)
        return select_remote(call, index);
    const uint16_t adf = applet_row_of(call->card, index)->adf; /* the row itself may move when a step ends */
    const struct applet_class *class = applet_class_of(call->card, index);
    if ((call->cmd->p2 & P2_SESSION) == P2_TERMINATE) {
        if (index != call->session->applet)
            return SW_CONDITIONS_NOT_SATISFIED;
        session_leave_applet(call->card, call->session);
        fs_choose(call->session, call->card, 0);
        return SW_OK;
    }
    if (index != call->session->applet) {
        if (class->select != NULL) {
            sw_t sw = class->select((struct applet){call->card, index});
            if (sw != SW_OK)
                return sw;
        }
        session_leave_applet(call->card, call->session);
        call->session->applet = index;
    } else if (class->messaging != NULL && call->session->messaging) {
        /* selected anew: a secure channel ends */
        class->messaging->close((struct applet){call->card, index}, call->session);
        call->session->messaging = false;
    }
    if (adf != PROFILE_NO_FILE && is_dir(call->card, adf)) {
        fs_choose(call->session, call->card, adf);
        return SW_OK;
    }
    fs_choose(call->session, call->card, 0);
    if ((call->cmd->p2 & P2_DATA) != P2_NO_DATA) {
        /* an applet without files: FCI with its name (GlobalPlatform 11.9.3.1) */
        size_t fci = buf_tlv_open(call->out, 0x6F);
        buf_tlv(call->out, 0x84, aid_of(call->card, index));
        size_t proprietary = buf_tlv_open(call->out, 0xA5);
        if (class->fci != NULL)
            class->fci((struct applet){call->card, index}, call->out);
        buf_tlv_close(call->out, proprietary);
        buf_tlv_close(call->out, fci);
    }
    return SW_OK;
}

/* How many octets of data each form of SELECT wants. */
static sw_t check_form(const struct command *cmd)
{
    size_t n = cmd->data.n;
    switch (cmd->p1) {
    case BY_FID:
        return n == 0 || n == 2 ? SW_OK : SW_WRONG_LENGTH;
    case BY_CHILD_DF:
        return n == 2 ? SW_OK : SW_WRONG_LENGTH;
    case BY_PARENT:
        return n == 0 ? SW_OK : SW_WRONG_LENGTH;
    case BY_AID:
        return n == 0 || (n >= AID_MIN && n <= PROFILE_AID_MAX) ? SW_OK : SW_WRONG_LENGTH;
    case BY_PATH_FROM_MF:
    case BY_PATH_FROM_DF:
        return n > 0 && n % 2 == 0 ? SW_OK : SW_WRONG_LENGTH;
    default:
        return SW_WRONG_P1P2;
    }
}

sw_t command_select(struct call *call)
{
    const struct command *cmd = call->cmd;
    uint8_t data = cmd->p2 & P2_DATA;
    /* 00 is what many terminals send: the FCP as well */
    if (data != P2_FCP && data != P2_NO_DATA && data != 0)
        return SW_WRONG_P1P2;
    if ((cmd->p2 & 0xA0) != 0 || (cmd->p1 != BY_AID && (cmd->p2 & (P2_SESSION | P2_OCCURRENCE)) != 0))
        return SW_WRONG_P1P2;
    sw_t sw = check_form(cmd);
    if (sw != SW_OK)
        return sw;
    uint16_t file;
    if (cmd->p1 == BY_AID) {
        sw = select_applet(call);
        if (sw != SW_OK || call->out->len > 0 || (cmd->p2 & P2_SESSION) == P2_TERMINATE)
            return sw;
        file = call->session->view.df;
    } else {
        file = fs_find(call->card, call->session, cmd->p1, cmd->data);
        if (file == PROFILE_NO_FILE)
            return SW_FILE_NOT_FOUND;
        fs_choose(call->session, call->card, file);
    }
    if (data != P2_NO_DATA)
        fs_fcp(call->card, call->session, file, call->out);
    switch (fs_state(call->card, file)) { /* 11.1.1.5: it is selected, and said what state it is in */
    case FILE_STATE_DEACTIVATED:
        return SW_FILE_DEACTIVATED;
    case FILE_STATE_TERMINATED:
        return SW_FILE_TERMINATED;
    default:
        return SW_OK;
    }
}

sw_t command_status(struct call *call)
{
    enum { STATUS_FCP = 0x00, STATUS_DF_NAME = 0x01, STATUS_NO_DATA = 0x0C };
    const struct command *cmd = call->cmd;
    if (cmd->p1 > 2) /* 11.1.2.2: none, current application initialised, about to be terminated */
        return SW_WRONG_P1P2;
    sw_t sw = toolkit_poll(call);
    if (sw != SW_OK)
        return sw;
    uint8_t applet = call->session->applet;
    switch (cmd->p2) {
    case STATUS_FCP:
        fs_fcp(call->card, call->session, call->session->view.df, call->out);
        return SW_OK;
    case STATUS_DF_NAME:
        if (applet == NO_APPLET)
            return SW_CONDITIONS_NOT_SATISFIED;
        buf_tlv(call->out, 0x84, aid_of(call->card, applet));
        return SW_OK;
    case STATUS_NO_DATA:
        return SW_OK;
    default:
        return SW_WRONG_P1P2;
    }
}
