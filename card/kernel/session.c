/* SPDX-License-Identifier: Apache-2.0
 *
 * Running a command for a session: the terminal's logical channels and OTA scripts both come through here.
 */
#include "fs.h"
#include "kernel.h"

/* Whose commands count besides the kernel's: the selected applet's; for class A0 those of the applet that
 * serves it, whatever is selected. */
static uint8_t server(const struct uicc *card, const struct session *session, const struct command *cmd)
{
    if (cmd->klass != CLASS_GSM)
        return session->applet != NO_APPLET && applet_active(card, session->applet) ? session->applet
                                                                                    : (uint8_t)NO_APPLET;
    for (uint8_t i = 0; i < applets_count(card); i++)
        if (applet_class_of(card, i)->card_commands != NULL && applet_active(card, i))
            return i;
    return NO_APPLET;
}

static sw_t process(struct call *call)
{
    return applet_class_of(call->card, call->self.index)->process(call);
}

/* For a class that takes commands of any INS. */
static const struct command_row process_row = {
    "APPLET COMMAND", "GlobalPlatform 6.5",   CLASS_ETSI, 0, 0, 0, CASE_2_OR_4, 0, 65535, TARGET_NONE,
    ACCESS_FREE,      ROW_ONCE | ROW_ANY_INS, process};

/* The kernel's table, then that applet's. */
sw_t session_find(const struct uicc *card, const struct session *session, const struct command *cmd,
                  const struct command_row **row)
{
    const struct command_table *tables[2] = {&kernel_commands, NULL};
    size_t n = 1;
    uint8_t applet = server(card, session, cmd);
    if (applet != NO_APPLET)
        tables[n] = cmd->klass == CLASS_GSM ? applet_class_of(card, applet)->card_commands
                                            : applet_class_of(card, applet)->commands;
    n += tables[n] != NULL;
    sw_t sw = dispatch_find(tables, n, cmd, row);
    if (applet == NO_APPLET || session->remote || (cmd->klass != CLASS_ISO && cmd->klass != CLASS_ETSI) ||
        applet_class_of(card, applet)->process == NULL || (sw == SW_OK && ((*row)->flags & ROW_CARD) != 0))
        return sw;
    *row = &process_row;
    return SW_OK;
}

sw_t session_status(const struct uicc *card, const struct command *cmd, const struct command_row *row,
                    sw_t sw)
{
    uint8_t applet = cmd->klass == CLASS_GSM ? server(card, NULL, cmd) : NO_APPLET;
    return applet == NO_APPLET ? sw
                               : applet_class_of(card, applet)->card_status(cmd, row, sw, card->ram.waiting);
}

/* The file that a command has changed, by whatever means: its content, or whether one comes to it. */
static uint16_t changed_by(const struct call *call)
{
    switch (call->row->access) {
    case ACCESS_UPDATE:
    case ACCESS_BY_INS: /* INCREASE, RESIZE FILE */
    case ACCESS_DELETE:
    case ACCESS_DEACTIVATE:
    case ACCESS_TERMINATE:
        return call->target;
    case ACCESS_CREATE: /* with a filling pattern; of a DF: none */
        return call->session->view.ef;
    default:
        return PROFILE_NO_FILE;
    }
}

/* Applets that watch files hear of every change before it is committed, and may refuse it. */
sw_t session_tell_watchers(const struct call *call)
{
    struct uicc *card = call->card;
    const struct event event = {
        .kind = EVENT_FILE_UPDATED, .file = changed_by(call), .session = call->session};
    sw_t sw = SW_OK;
    if (event.file == PROFILE_NO_FILE)
        return SW_OK;
    toolkit_note_title(card, event.file);
    for (uint8_t i = 0; i < applets_count(card) && sw == SW_OK; i++)
        if (applet_class_of(card, i)->watches && applet_active(card, i))
            sw = applet_class_of(card, i)->event((struct applet){card, i}, &event);
    return sw;
}

/* Somebody who proved who he is wanted what he may not have. Nobody else is remembered: a
 * stranger could fill every log. */
static void tell_refused(const struct call *call, sw_t sw)
{
    if (call->session->remote && (call->session->rights & RIGHT_AUTHENTIC) != 0 &&
        call->self.index != NO_APPLET && applet_class_of(call->card, call->self.index)->refused != NULL)
        applet_class_of(call->card, call->self.index)->refused(call->self, call->session, sw);
}

/* Of the kernel's own table, not of an applet's. */
static bool is_kernels(const struct command_row *row)
{
    return row >= kernel_commands.rows && row < kernel_commands.rows + kernel_commands.n;
}

/* `call` is what ran, or would have: its row is NULL when there is no such command. */
static sw_t run(struct call *call, struct command *cmd)
{
    struct uicc *card = call->card;
    sw_t sw = session_find(card, call->session, cmd, &call->row);
    if (sw != SW_OK)
        return sw;
    if (!is_kernels(call->row))
        call->self.index = server(card, call->session, cmd);
    sw = dispatch_run(call->row, cmd, &card_gate, call);
    card->ram.target = call->target;
    return sw == SW_OK ? session_tell_watchers(call) : sw;
}

bool session_step(struct uicc *card, bool keep)
{
    bool ok = keep ? card_commit(card) : card_abort(card);
    objects_begin(card->objects);
    return ok;
}

sw_t session_finish(struct uicc *card, sw_t sw)
{
    if (sw_is_ok(sw) || sw_is_warning(sw))
        return card_commit(card) ? sw : SW_MEMORY_PROBLEM;
    return card_abort(card) ? sw : SW_TECHNICAL_PROBLEM;
}

/* Whoever took files away: a script, a roll-back, a change of operator. Most cards
 * have none that come or go. */
static void leave_gone(const struct uicc *card, struct session *session)
{
    if (card->made.n > 0 || card->made.gone > 0)
        fs_leave_gone(card, &session->view);
}

/* Every command is a transaction: it commits with its status word or leaves no trace. */
sw_t session_execute(struct uicc *card, struct session *session, struct command *cmd, struct buf *out,
                     const struct command_row **row)
{
    struct call call = {.card = card,
                        .session = session,
                        .cmd = cmd,
                        .self = {card, NO_APPLET},
                        .target = PROFILE_NO_FILE,
                        .out = out};
    *row = NULL;
    if (!card_reload(card)) /* for want of memory, after a command before this one */
        return SW_TECHNICAL_PROBLEM;
    objects_begin(card->objects);
    registry_refresh(card);
    leave_gone(card, session);
    const struct view before = session->view;
    const uint8_t applet = session->applet;
    sw_t sw = run(&call, cmd);
    *row = call.row;
    if (!buf_ok(out))
        sw = SW_TECHNICAL_PROBLEM;
    if (sw_is_ok(sw) || sw_is_warning(sw)) {
        if (card_commit(card)) {
            leave_gone(card, session);
            return sw;
        }
        sw = SW_MEMORY_PROBLEM;
    } else if (card_abort(card)) {
        tell_refused(&call, sw);
    } else {
        sw = SW_TECHNICAL_PROBLEM;
    }
    /* it may be on a file that was made and is not there now, or was on one that a step before took away */
    session->view = before;
    fs_leave_gone(card, &session->view);
    if (session->applet != applet) /* leaving one is a step of its own, and is not taken back */
        fs_leave_application(card, &session->view);
    crypto_wipe(out->p, out->len);
    out->len = 0;
    return sw;
}

sw_t command_get_response(struct call *call)
{
    (void)call;
    return SW_CONDITIONS_NOT_SATISFIED;
}

/* ---- OTA scripts ---- */

void session_open_remote(struct uicc *card, uint8_t applet, const struct script_authority *by,
                         struct session *out)
{
    const struct profile_applet *a = applet_row_of(card, applet);
    /* A profile that is not for tests lets nobody in without a checksum; what was installed since may. */
    const bool proven = (by->rights & RIGHT_AUTHENTIC) != 0 || card->profile->insecure;
    *out = (struct session){
        .open = true,
        .remote = true,
        .applet = applet,
        .view = {.df = a->adf == PROFILE_NO_FILE ? 0 : a->adf, .ef = PROFILE_NO_FILE},
        .granted = (by->rights & RIGHT_STANDBY) != 0 || !proven ? 0 : a->access,
        .rights = by->rights,
        .key_item = by->key_item,
        .key_provider = by->key_provider,
        .owner = by->owner,
    };
    card->ram.script_keys = by->keys;
}

void session_close_remote(struct uicc *card)
{
    card->ram.script_keys = NULL;
}

const struct keyset *script_keys(const struct call *call)
{
    return call->session->remote ? call->card->ram.script_keys : NULL;
}

/* An index is used again when its file was deleted: its FID goes with it. */
static uint16_t fid_of(const struct uicc *card, uint16_t file)
{
    return file != PROFILE_NO_FILE && fs_exists(card, file) ? fs_file(card, file)->fid : 0xFFFF;
}

void session_place_put(struct uicc *card, const struct session *session, struct buf *out)
{
    const struct view *v = &session->view;
    buf_u16(out, v->df);
    buf_u16(out, v->ef);
    buf_u8(out, v->record);
    buf_u16(out, fid_of(card, v->df));
    buf_u16(out, fid_of(card, v->ef));
}

bool session_place_take(struct uicc *card, struct session *session, struct reader *r)
{
    struct view v = {.df = rd_u16(r)}; /* one at a time: an initialiser's order is the compiler's */
    v.ef = rd_u16(r);
    v.record = rd_u8(r);
    bool same = rd_u16(r) == fid_of(card, v.df);
    same = rd_u16(r) == fid_of(card, v.ef) && same && rd_ok(r);
    if (!same || !fs_exists(card, v.df) || fs_is_ef(fs_file(card, v.df)))
        return false;
    if (v.ef != PROFILE_NO_FILE && (!fs_exists(card, v.ef) || !fs_is_ef(fs_file(card, v.ef))))
        return false;
    session->view = v;
    return true;
}

enum apdu_case session_case(struct uicc *card, const struct session *session, struct span header)
{
    struct command cmd;
    const struct command_row *row;
    if (command_parse(span_slice(header, 0, 4), &cmd) != SW_OK ||
        session_find(card, session, &cmd, &row) != SW_OK)
        return CASE_3;
    /* RETRIEVE DATA: the first block names its object (TS 102 221 11.3.1.2) */
    if (row->iso_case == CASE_2_OR_4)
        return (cmd.p2 & 0x80) != 0 ? CASE_4 : CASE_2;
    return row->iso_case;
}

static sw_t get_waiting(struct script_response *waiting, const struct command *cmd, struct buf *out)
{
    if (waiting->n == 0)
        return SW_CONDITIONS_NOT_SATISFIED;
    /* Le 00 asks for all there is, 256 octets are no limit (TS 102 226 5.1.1): a script cannot
     * wait for 6Cxx and repeat. */
    size_t n = cmd->le < waiting->n && cmd->le != 256 ? cmd->le : waiting->n;
    buf_put(out, span_of(waiting->data, n));
    memmove(waiting->data, waiting->data + n, waiting->n - n);
    waiting->n -= n;
    return waiting->n == 0 ? SW_OK : SW_WITH(SW_DATA_AVAILABLE, waiting->n > 255 ? 0 : waiting->n);
}

/* A command of this script has taken the card to another operator: what it says from now on counts as if it
 * came under the stand-by keyset of a trial. */
static void leave_to_next(struct uicc *card, struct session *session)
{
    struct applet provider;
    const struct owner_service *service =
        session->owner != NO_OWNER ? applet_service(card, "owner", 0, &provider) : NULL;
    if (service == NULL || service->active(provider) == session->owner)
        return;
    session->rights |= RIGHT_STANDBY;
    session->granted = 0;
}

static sw_t execute_remote(struct uicc *card, struct session *session, struct command *cmd,
                           struct script_response *waiting, struct buf *out, const struct command_row **row)
{
    enum { INS_GET_RESPONSE = 0xC0 };
    if (cmd->channel != 0)
        return SW_CHANNEL_NOT_SUPPORTED;
    if (cmd->messaging != 0)
        return SW_SECURE_MESSAGING_NOT_SUPPORTED;
    if (cmd->ins == INS_GET_RESPONSE && cmd->klass != CLASS_UNKNOWN && waiting != NULL)
        return cmd->data.n == 0 && cmd->has_le ? get_waiting(waiting, cmd, out) : SW_WRONG_LENGTH;
    if (waiting != NULL) {
        crypto_wipe(waiting->data, waiting->n);
        waiting->n = 0;
    }
    /* What the caller changed so far is its own step; the command is the next. */
    if (!card_commit(card)) {
        objects_begin(card->objects);
        return SW_MEMORY_PROBLEM;
    }
    sw_t sw = session_execute(card, session, cmd, out, row);
    if (*row != NULL && !is_kernels(*row))
        leave_to_next(card, session);
    objects_begin(card->objects);
    if (out->len == 0 || *row == NULL)
        return sw;
    size_t n = out->len;
    if ((*row)->iso_case == CASE_2 || ((*row)->iso_case == CASE_2_OR_4 && cmd->data.n == 0)) {
        if (n >= cmd->le || cmd->le == 256)
            return sw;
        out->len = 0;
        return SW_WITH(SW_WRONG_LE, n);
    }
    if (waiting == NULL && cmd->has_le)
        return sw;
    out->len = 0;
    if (waiting != NULL && n > sizeof waiting->data)
        return SW_TECHNICAL_PROBLEM;
    if (waiting != NULL) {
        memcpy(waiting->data, out->p, n);
        waiting->n = n;
    }
    return sw == SW_OK ? SW_WITH(SW_DATA_AVAILABLE, n > 255 ? 0 : n) : sw;
}

sw_t session_execute_remote(struct uicc *card, struct session *session, struct span apdu,
                            struct script_response *waiting, struct buf *out)
{
    struct command cmd;
    const struct command_row *row = NULL;
    sw_t sw = command_parse(apdu, &cmd);
    if (sw == SW_OK)
        sw = execute_remote(card, session, &cmd, waiting, out, &row);
    return session_status(card, &cmd, row, sw);
}
