/* SPDX-License-Identifier: Apache-2.0
 *
 * READ and UPDATE, BINARY and RECORD (ETSI TS 102 221 11.1.3 to 11.1.6). Dispatch has resolved the file and checked access.
 */
#include "fs.h"

/* A file addressed by SFI becomes the current EF (TS 102 221 11.1.3.1). */
static void make_current(struct call *call)
{
    struct view *view = &call->session->view;
    if (view->ef != call->target) {
        view->ef = call->target;
        view->record = 0;
    }
}

static size_t binary_offset(const struct command *cmd)
{
    return (cmd->p1 & 0x80) != 0 ? cmd->p2 : (size_t)cmd->p1 << 8 | cmd->p2;
}

sw_t command_read_binary(struct call *call)
{
    const struct profile_file *f = fs_file(call->card, call->target);
    if (f->kind != FILE_TRANSPARENT)
        return SW_INCOMPATIBLE_FILE;
    struct span body = fs_body(call->card, call->target);
    size_t offset = binary_offset(call->cmd);
    if (offset >= body.n)
        return SW_WRONG_PARAMETERS;
    make_current(call);
    buf_put(call->out, span_slice(body, offset, call->cmd->le)); /* fewer than Le: T=0 makes 6Cxx of it */
    return SW_OK;
}

sw_t command_update_binary(struct call *call)
{
    const struct profile_file *f = fs_file(call->card, call->target);
    if (f->kind != FILE_TRANSPARENT)
        return SW_INCOMPATIBLE_FILE;
    size_t offset = binary_offset(call->cmd);
    if (offset >= f->size)
        return SW_WRONG_PARAMETERS;
    if (call->cmd->data.n > f->size - offset)
        return SW_WRONG_LENGTH;
    if (!admin_file_update(call->card, call->target, offset, call->cmd->data))
        return SW_MEMORY_PROBLEM;
    make_current(call);
    return SW_OK;
}

enum { MODE = 0x07, MODE_NEXT = 2, MODE_PREVIOUS = 3, MODE_ABSOLUTE = 4 };

static unsigned record_count(const struct profile_file *f)
{
    return f->record_len > 0 ? (unsigned)(f->size / f->record_len) : 0;
}

/* Which record P1 and P2 mean, 1 to count (TS 102 221 11.1.5.2). Cyclic files wrap round, linear ones do not. */
static sw_t find_record(const struct call *call, const struct profile_file *f, unsigned *record)
{
    const struct command *cmd = call->cmd;
    unsigned count = record_count(f);
    unsigned now = call->session->view.ef == call->target ? call->session->view.record : 0;
    switch (cmd->p2 & MODE) {
    case MODE_ABSOLUTE:
        *record = cmd->p1 == 0 ? now : cmd->p1;
        break;
    case MODE_NEXT:
        if (cmd->p1 != 0)
            return SW_WRONG_P1P2;
        *record = now + 1; /* no pointer: the first */
        if (f->kind == FILE_CYCLIC && *record > count)
            *record = 1;
        break;
    case MODE_PREVIOUS:
        if (cmd->p1 != 0)
            return SW_WRONG_P1P2;
        *record = now == 0 ? count : now - 1; /* no pointer: the last */
        if (f->kind == FILE_CYCLIC && *record == 0)
            *record = count;
        break;
    default:
        return SW_WRONG_P1P2;
    }
    return *record >= 1 && *record <= count ? SW_OK : SW_RECORD_NOT_FOUND;
}

static void move_pointer(struct call *call, unsigned record)
{
    make_current(call);
    if ((call->cmd->p2 & MODE) != MODE_ABSOLUTE)
        call->session->view.record = (uint8_t)record;
}

sw_t command_read_record(struct call *call)
{
    const struct profile_file *f = fs_file(call->card, call->target);
    if (f->kind != FILE_LINEAR && f->kind != FILE_CYCLIC)
        return SW_INCOMPATIBLE_FILE;
    unsigned record;
    sw_t sw = find_record(call, f, &record);
    if (sw != SW_OK)
        return sw;
    if (call->cmd->le < f->record_len) /* a record is read whole: T=0 makes 6Cxx of this */
        return SW_WITH(SW_WRONG_LE, f->record_len);
    move_pointer(call, record);
    buf_put(call->out, span_slice(fs_body(call->card, call->target), (record - 1) * (size_t)f->record_len, f->record_len));
    return SW_OK;
}

/* Cyclic files keep their records newest first: record 1 is the one written last (TS 102 221 8.2.2.3). */
static bool push_record(struct uicc *card, uint16_t file, const struct profile_file *f, struct span data)
{
    uint8_t *body = fs_edit(card, file);
    if (body == NULL)
        return false;
    memmove(body + f->record_len, body, f->size - f->record_len);
    memcpy(body, data.p, f->record_len);
    return true;
}

sw_t command_update_record(struct call *call)
{
    const struct profile_file *f = fs_file(call->card, call->target);
    if (f->kind != FILE_LINEAR && f->kind != FILE_CYCLIC)
        return SW_INCOMPATIBLE_FILE;
    if (call->cmd->data.n != f->record_len)
        return SW_WRONG_LENGTH;
    if (f->kind == FILE_CYCLIC) { /* only PREVIOUS, and P1 is 00 (TS 102 221 11.1.6.1) */
        if ((call->cmd->p2 & MODE) != MODE_PREVIOUS || call->cmd->p1 != 0)
            return SW_INCOMPATIBLE_FILE;
        if (!push_record(call->card, call->target, f, call->cmd->data))
            return SW_MEMORY_PROBLEM;
        move_pointer(call, 1);
        return SW_OK;
    }
    unsigned record;
    sw_t sw = find_record(call, f, &record);
    if (sw != SW_OK)
        return sw;
    if (!admin_file_update(call->card, call->target, (record - 1) * (size_t)f->record_len, call->cmd->data))
        return SW_MEMORY_PROBLEM;
    move_pointer(call, record);
    return SW_OK;
}
