/* SPDX-License-Identifier: Apache-2.0
 *
 * READ BINARY and UPDATE BINARY (ETSI TS 102 221 11.1.3, 11.1.4). Dispatch has resolved
 * the file and checked access.
 */
#include "fs.h"

/* A file addressed by SFI becomes the current EF (TS 102 221 11.1.3.1). */
void fs_make_current(struct call *call)
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
    fs_make_current(call);
    /* TS 102 226 5.1.1, 5.2.1.1: over the air P3 00 asks for all there is, and 256 octets are no limit; what
     * the response has no room for is lost, and 62F1 says so. */
    bool all = call->session->remote && !call->cmd->extended && call->cmd->le == 256;
    /* fewer than Le: T=0 makes 6Cxx of it */
    struct span part = span_slice(body, offset, all ? body.n : call->cmd->le);
    size_t room = call->out->cap - call->out->len;
    buf_put(call->out, all ? span_slice(part, 0, room) : part);
    return all && part.n > room ? SW_MORE_DATA_AVAILABLE : SW_OK;
}

sw_t command_update_binary(struct call *call)
{
    if (fs_file(call->card, call->target)->kind != FILE_TRANSPARENT)
        return SW_INCOMPATIBLE_FILE;
    size_t offset = binary_offset(call->cmd), size = fs_size(call->card, call->target);
    if (offset >= size)
        return SW_WRONG_PARAMETERS;
    if (call->cmd->data.n > size - offset)
        return SW_WRONG_LENGTH;
    if (!admin_file_update(call->card, call->target, offset, call->cmd->data))
        return SW_MEMORY_PROBLEM;
    fs_make_current(call);
    return SW_OK;
}
