/* SPDX-License-Identifier: Apache-2.0
 *
 * One APDU over the card-terminal interface: class and channel, dispatch, proactive pending, the T=0 fold,
 * trace. T=0 exists in this file and nowhere else.
 */
#include <stdlib.h>

#include "fs.h"
#include "inspect.h"
#include "kernel.h"

static size_t answer(uint8_t *response, size_t n, sw_t sw)
{
    response[n] = (uint8_t)(sw >> 8);
    response[n + 1] = (uint8_t)sw;
    return n + 2;
}

static void drop_waiting(struct uicc *card)
{
    if (card->ram.waiting > 0)
        crypto_wipe(card->waiting, card->waiting_cap);
    card->ram.waiting = 0;
    card->ram.waiting_from = 0;
    card->ram.waiting_secret = false;
    card->ram.repeats = false;
}

static bool keep_waiting(struct uicc *card, uint8_t channel, struct span data, sw_t last, bool secret)
{
    if (data.n > card->waiting_cap) {
        uint8_t *bigger = malloc(data.n);
        if (bigger == NULL)
            return false;
        if (card->waiting != NULL)
            crypto_wipe(card->waiting, card->waiting_cap);
        free(card->waiting);
        card->waiting = bigger;
        card->waiting_cap = data.n;
    }
    memcpy(card->waiting, data.p, data.n);
    card->ram.waiting = data.n;
    card->ram.waiting_from = 0;
    card->ram.waiting_sw = last;
    card->ram.waiting_channel = channel;
    card->ram.waiting_secret = secret;
    return true;
}

static void header_of(const struct command *cmd, uint8_t header[4])
{
    const uint8_t octets[4] = {cmd->cla, cmd->ins, cmd->p1, cmd->p2};
    memcpy(header, octets, sizeof octets);
}

/* The command that was answered 6Cxx, with its Le put right: it has run. */
static bool repeats(const struct uicc *card, const struct command *cmd)
{
    uint8_t header[4];
    header_of(cmd, header);
    return card->ram.repeats && cmd->data.n == 0 && cmd->has_le && cmd->le == card->ram.waiting &&
           memcmp(header, card->ram.repeated, sizeof header) == 0;
}

static sw_t announce(size_t n)
{
    return SW_WITH(SW_DATA_AVAILABLE, n > 255 ? 0 : n);
}

/* TS 102 221 7.3.1.1: on T=0 a case 4 command answers two octets and GET RESPONSE brings the data; a case 2
 * command whose Le is not what there is answers 6Cxx and is asked again. Returns the length of the response
 * in out->p, status word included. */
size_t fold_t0(struct uicc *card, const struct command_row *row, const struct command *cmd, struct buf *out,
               sw_t sw)
{
    if (out->len == 0 || row == NULL)
        return answer(out->p, 0, toolkit_announce(card, sw));
    /* with a MAC in its data field, what is a case 2 command by itself went over T=0 as case 4 */
    bool no_data = cmd->messaging == 0;
    if (no_data && (row->iso_case == CASE_2 || (row->iso_case == CASE_2_OR_4 && cmd->data.n == 0))) {
        if (!cmd->extended && sw == SW_OK && out->len != cmd->le && out->len <= 255) {
            size_t right = out->len;
            if ((row->flags & ROW_ONCE) != 0 && keep_waiting(card, cmd->channel, buf_span(out), sw,
                                                             (row->flags & ROW_SECRET_RESPONSE) != 0)) {
                card->ram.repeats = true;
                header_of(cmd, card->ram.repeated);
            }
            crypto_wipe(out->p, out->len);
            return answer(out->p, 0, SW_WITH(SW_WRONG_LE, right));
        }
        if (out->len > cmd->le) { /* never more than was asked for */
            crypto_wipe(out->p + cmd->le, out->len - cmd->le);
            out->len = cmd->le;
        }
        return answer(out->p, out->len, toolkit_announce(card, sw));
    }
    /* GlobalPlatform's 6310 (11.4.3.2) is no warning of the transport's: it follows the data. */
    bool after = sw == SW_OK || sw == SW_MORE_ENTRIES;
    bool kept = keep_waiting(card, cmd->channel, buf_span(out), after || !sw_is_warning(sw) ? sw : SW_OK,
                             (row->flags & ROW_SECRET_RESPONSE) != 0);
    crypto_wipe(out->p, out->len);
    if (!kept)
        return answer(out->p, 0, SW_TECHNICAL_PROBLEM);
    /* A warning is told at once; the data can be had after it (TS 102 221 C.1). */
    return answer(out->p, 0, after ? announce(card->ram.waiting) : sw);
}

/* TS 102 221 12.1.1.1: at once after its command and on its channel, or the response is lost. */
static size_t get_response(struct uicc *card, const struct command *cmd, uint8_t *response)
{
    if (card->ram.waiting_channel != cmd->channel)
        drop_waiting(card);
    size_t left = card->ram.waiting;
    if (left == 0)
        return answer(response, 0, SW_TECHNICAL_PROBLEM);
    if (cmd->le > left)
        return answer(response, 0, SW_WITH(SW_WRONG_LE, left));
    memcpy(response, card->waiting + card->ram.waiting_from, cmd->le);
    card->ram.waiting -= cmd->le;
    card->ram.waiting_from += cmd->le;
    if (card->ram.waiting > 0)
        return answer(response, cmd->le, announce(card->ram.waiting));
    sw_t last = card->ram.waiting_sw;
    crypto_wipe(card->waiting, card->waiting_cap);
    card->ram.waiting_from = 0;
    return answer(response, cmd->le, toolkit_announce(card, last));
}

/* ---- secure messaging: what the trace gets is what went over the line ---- */

static const struct secure_messaging *messaging_of(const struct uicc *card, const struct session *session)
{
    return session->applet == NO_APPLET ? NULL : applet_class_of(card, session->applet)->messaging;
}

static sw_t unprotect(struct uicc *card, struct session *session, struct command *cmd, struct buf *plain)
{
    enum { PROPRIETARY = 1 }; /* GlobalPlatform 11.1.4: not the ISO/IEC 7816-4 formats */
    const struct secure_messaging *m = messaging_of(card, session);
    if (m == NULL || cmd->messaging != PROPRIETARY)
        return SW_SECURE_MESSAGING_NOT_SUPPORTED;
    sw_t sw = m->unwrap((struct applet){card, session->applet}, session, cmd, plain, &session->secured);
    if (sw != SW_OK)
        return sw;
    cmd->data = buf_span(plain);
    cmd->has_le = false; /* it stood for the protected response */
    return SW_OK;
}

static bool protect(struct uicc *card, const struct session *session, sw_t sw, struct buf *out)
{
    /* the command may have ended its application */
    const struct secure_messaging *m = messaging_of(card, session);
    return m == NULL || (!sw_is_ok(sw) && !sw_is_warning(sw)) ||
           m->wrap((struct applet){card, session->applet}, session, sw, out);
}

/* TS 102 221 11.1.22.3: a terminal says what it can do before it resumes the card. Any other command ends the
 * suspension, and so does any that comes before the power was taken away. */
static bool before_resumption(const struct uicc *card, const struct command_row *row)
{
    return !card->ram.suspended && row != NULL &&
           (row->handler == command_resume || row->handler == command_terminal_capability);
}

static size_t execute(struct uicc *card, const struct command *line, uint8_t response[UICC_RESPONSE_MAX],
                      const struct command_row **row)
{
    struct command opened = *line; /* secure messaging changes it; what came over the line stays as it came */
    struct command *cmd = &opened;
    if (cmd->klass == CLASS_UNKNOWN)
        return answer(response, 0, SW_CLA_NOT_SUPPORTED);
    if (!card->ram.channels[cmd->channel].open)
        return answer(response, 0, SW_CHANNEL_NOT_SUPPORTED);
    if (cmd->chained)
        return answer(response, 0, SW_NO_SUCH_CLA_FUNCTION);
    struct session *session = &card->ram.channels[cmd->channel];
    if (session_find(card, session, cmd, row) == SW_OK && ((*row)->flags & ROW_KEEPS_RESPONSE) != 0) {
        sw_t sw = dispatch_fit(*row, cmd);
        return sw == SW_OK ? get_response(card, cmd, response) : answer(response, 0, sw);
    }
    if (repeats(card, cmd))
        return get_response(card, cmd, response);
    drop_waiting(card);
    if (card->ram.may_resume && !before_resumption(card, *row) && !suspend_forget(card))
        return answer(response, 0, SW_MEMORY_PROBLEM);
    uint8_t plain[256];
    struct buf plain_data = buf_of(plain, sizeof plain);
    if (cmd->messaging != 0) {
        sw_t refused = unprotect(card, session, cmd, &plain_data);
        if (refused != SW_OK)
            return answer(response, 0, refused);
    }
    if (!card->ram.started)
        toolkit_first_command(card);
    const struct view before = session->view;
    struct buf out = buf_of(response, UICC_RESPONSE_MAX - 2);
    sw_t sw = session_execute(card, session, cmd, &out, row);
    toolkit_after(card, *row, sw);
    card->ram.started = true;
    session->secured = 0;
    crypto_wipe(plain, plain_data.len);
    if (cmd->messaging != 0 && !protect(card, session, sw, &out)) {
        crypto_wipe(out.p, out.len);
        return answer(response, 0, SW_TECHNICAL_PROBLEM);
    }
    size_t n = fold_t0(card, *row, cmd, &out, sw);
    if (response[0] == SW_WRONG_LE >> 8 && n == 2) {
        /* to be sent again: it must find things as it found them the first time */
        session->view = before;
        fs_leave_gone(card, &session->view); /* but not what it has ended */
    }
    return n;
}

/* A command that was refused before its row was found may still be somebody's PIN with a wrong class or
 * length; one that an applet takes may be that applet's PIN, under the same instruction. */
static bool maybe_secret(struct span command)
{
    for (size_t i = 0; i < kernel_commands.n; i++)
        if (command.n > 1 && kernel_commands.rows[i].ins == command.p[1] &&
            (kernel_commands.rows[i].flags & ROW_SECRET_DATA) != 0)
            return true;
    return false;
}

/* Is it a row of key_files.def? */
static bool holds_keys(const struct uicc *card, uint16_t file)
{
    enum { APPLICATION = 0 };
    static const struct {
        uint16_t df, fid;
    } files[] = {
#define KEY_FILE(df, fid, sfi) {df, fid},
#include "key_files.def"
    };
    if (file == PROFILE_NO_FILE || !fs_exists(card, file))
        return false;
    const struct profile_file *f = fs_file(card, file), *parent = fs_file(card, f->parent);
    const uint16_t df = parent->kind == FILE_ADF ? APPLICATION : parent->fid;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (files[i].fid == f->fid && files[i].df == df)
            return true;
    return false;
}

/* The file a command worked on: the one dispatch resolved, or for SELECT and STATUS the current one. */
static uint16_t traced_file(const struct uicc *card, const struct command_row *row, const struct command *cmd,
                            sw_t sw)
{
    enum { INS_SELECT = 0xA4, INS_STATUS = 0xF2 };
    if (row == NULL || card->ram.target != PROFILE_NO_FILE)
        return card->ram.target;
    if ((row->ins != INS_SELECT && row->ins != INS_STATUS) || !sw_is_ok(sw) ||
        !card->ram.channels[cmd->channel].open)
        return PROFILE_NO_FILE;
    const struct view *view = &card->ram.channels[cmd->channel].view;
    return row->ins == INS_SELECT && view->ef != PROFILE_NO_FILE ? view->ef : view->df;
}

/* Sinks never see what is secret: the header of such a command, the status word of such a response. */
static void trace(const struct uicc *card, const struct command_row *row, const struct command *cmd,
                  bool secret_response, struct span command, struct span response)
{
    if (card->env->trace == NULL)
        return;
    bool secret_data = row != NULL && (row->flags & ROW_ANY_INS) == 0 ? (row->flags & ROW_SECRET_DATA) != 0
                                                                      : maybe_secret(command);
    const bool on_file = row != NULL && (row->target == TARGET_EF_SFI_P1 || row->target == TARGET_EF_SFI_P2 ||
                                         row->target == TARGET_EF_SFI_P2_LOW);
    if (on_file && holds_keys(card, card->ram.target)) {
        secret_data = secret_data || cmd->data.n > 0;
        secret_response = secret_response || response.n > 2;
    }
    struct uicc_trace_event event = {.kind = UICC_TRACE_APDU};
    if (secret_data)
        command = span_slice(command, 0, 5);
    if (secret_response)
        response = span_slice(response, response.n - 2, 2);
    event.command = command.p;
    event.command_len = command.n;
    event.response = response.p;
    event.response_len = response.n;
    event.text = row != NULL ? row->name : "unknown command";
    event.status = sw_text((sw_t)(response.p[response.n - 2] << 8 | response.p[response.n - 1]));
    event.withheld = secret_data || secret_response;
    char path[UICC_PATH_MAX];
    uint16_t file =
        traced_file(card, row, cmd, (sw_t)(response.p[response.n - 2] << 8 | response.p[response.n - 1]));
    if (file != PROFILE_NO_FILE && fs_exists(card, file)) {
        uicc_inspect_path(card, file, path);
        event.file = path;
    }
    char about[TOOLKIT_TEXT_MAX];
    /* Under secure messaging the data field is a cryptogram: nothing to describe. */
    if (row != NULL && cmd->messaging == 0 &&
        toolkit_describe(row, cmd->data, span_slice(response, 0, response.n - 2), about, sizeof about))
        event.detail = about;
    card->env->trace(card->env->ctx, &event);
}

size_t uicc_transmit(struct uicc *card, const uint8_t *command, size_t n, uint8_t response[UICC_RESPONSE_MAX])
{
    const struct command_row *row = NULL;
    struct command cmd;
    bool secret = card->ram.waiting_secret;
    size_t len;
    card->ram.target = PROFILE_NO_FILE;
    sw_t sw = card->ram.powered ? command_parse(span_of(command, n), &cmd) : SW_TECHNICAL_PROBLEM;
    if (sw == SW_OK) {
        len = execute(card, &cmd, response, &row);
        sw = session_status(card, &cmd, row, (sw_t)(response[len - 2] << 8 | response[len - 1]));
        len = answer(response, len - 2, sw);
    } else {
        len = answer(response, 0, sw);
    }
    secret = len > 2 && row != NULL &&
             ((row->flags & ROW_SECRET_RESPONSE) != 0 || ((row->flags & ROW_KEEPS_RESPONSE) != 0 && secret));
    if (card->env->trace != NULL)
        trace(card, row, &cmd, secret, span_of(command, n), span_of(response, len));
    return len;
}
