/* SPDX-License-Identifier: Apache-2.0
 *
 * READ, UPDATE and SEARCH RECORD, INCREASE (ETSI TS 102 221 11.1.5 to 11.1.8). Dispatch has resolved
 * the file and checked access.
 */
#include "fs.h"

enum { MODE = 0x07, MODE_NEXT = 2, MODE_PREVIOUS = 3, MODE_ABSOLUTE = 4 };

static bool has_records(const struct profile_file *f)
{
    return f->kind == FILE_LINEAR || f->kind == FILE_CYCLIC;
}

static unsigned record_count(const struct uicc *card, uint16_t file)
{
    const struct profile_file *f = fs_file(card, file);
    return f->record_len > 0 ? (unsigned)(fs_size(card, file) / f->record_len) : 0;
}

static struct span record_of(const struct uicc *card, uint16_t file, unsigned record)
{
    size_t len = fs_file(card, file)->record_len;
    return span_slice(fs_body(card, file), (record - 1) * len, len);
}

static unsigned pointer(const struct call *call)
{
    return call->session->view.ef == call->target ? call->session->view.record : 0;
}

/* Which record P1 and P2 mean, 1 to count (TS 102 221 11.1.5.2). Cyclic files wrap
 * round, linear ones do not. */
static sw_t find_record(const struct call *call, unsigned *record)
{
    const struct command *cmd = call->cmd;
    unsigned count = record_count(call->card, call->target), now = pointer(call);
    bool cyclic = fs_file(call->card, call->target)->kind == FILE_CYCLIC;
    switch (cmd->p2 & MODE) {
    case MODE_ABSOLUTE:
        *record = cmd->p1 == 0 ? now : cmd->p1;
        break;
    case MODE_NEXT:
        if (cmd->p1 != 0)
            return SW_WRONG_P1P2;
        *record = now + 1; /* no pointer: the first */
        if (cyclic && *record > count)
            *record = 1;
        break;
    case MODE_PREVIOUS:
        if (cmd->p1 != 0)
            return SW_WRONG_P1P2;
        *record = now == 0 ? count : now - 1; /* no pointer: the last */
        if (cyclic && *record == 0)
            *record = count;
        break;
    default:
        return SW_WRONG_P1P2;
    }
    return *record >= 1 && *record <= count ? SW_OK : SW_RECORD_NOT_FOUND;
}

static void move_pointer(struct call *call, unsigned record)
{
    fs_make_current(call);
    if ((call->cmd->p2 & MODE) != MODE_ABSOLUTE)
        call->session->view.record = (uint8_t)record;
}

sw_t command_read_record(struct call *call)
{
    const struct profile_file *f = fs_file(call->card, call->target);
    if (!has_records(f))
        return SW_INCOMPATIBLE_FILE;
    unsigned record;
    sw_t sw = find_record(call, &record);
    if (sw != SW_OK)
        return sw;
    if (call->cmd->le < f->record_len) /* a record is read whole */
        return SW_WITH(SW_WRONG_LE, f->record_len);
    move_pointer(call, record);
    buf_put(call->out, record_of(call->card, call->target, record));
    return SW_OK;
}

/* Cyclic files keep their records newest first: record 1 is the one written last (TS 102 221 8.2.2.3). */
bool admin_file_push_record(struct uicc *card, uint16_t file, struct span data)
{
    size_t len = fs_file(card, file)->record_len, size = fs_size(card, file);
    uint8_t *body = fs_edit(card, file);
    if (body == NULL || size < len || data.n != len)
        return false;
    memmove(body + len, body, size - len);
    memcpy(body, data.p, len);
    return true;
}

sw_t command_update_record(struct call *call)
{
    const struct profile_file *f = fs_file(call->card, call->target);
    if (!has_records(f))
        return SW_INCOMPATIBLE_FILE;
    if (call->cmd->data.n != f->record_len)
        return SW_WRONG_LENGTH;
    if (f->kind == FILE_CYCLIC) { /* only PREVIOUS, and P1 is 00 (TS 102 221 11.1.6.1) */
        if ((call->cmd->p2 & MODE) != MODE_PREVIOUS || call->cmd->p1 != 0)
            return SW_INCOMPATIBLE_FILE;
        if (!admin_file_push_record(call->card, call->target, call->cmd->data))
            return SW_MEMORY_PROBLEM;
        move_pointer(call, 1);
        return SW_OK;
    }
    unsigned record;
    sw_t sw = find_record(call, &record);
    if (sw != SW_OK)
        return sw;
    if (!admin_file_update(call->card, call->target, (record - 1) * (size_t)f->record_len, call->cmd->data))
        return SW_MEMORY_PROBLEM;
    move_pointer(call, record);
    return SW_OK;
}

/* ---- SEARCH RECORD ---- */

struct search {
    unsigned from;      /* first record to look at */
    bool backward;
    /* 0: from the beginning of a record; else an offset or a character to start behind (11.1.7.2) */
    uint8_t indication;
    bool by_character;
    struct span wanted;
};

/* Simple search: P2 says forward or backward from record P1. Enhanced: two octets of the data say so, and
 * where in a record to begin. */
static sw_t search_parse(const struct call *call, unsigned count, struct search *s)
{
    enum { FORWARD = 4, BACKWARD = 5, ENHANCED = 6, BY_CHARACTER = 0x08 };
    const struct command *cmd = call->cmd;
    unsigned now = pointer(call);
    *s = (struct search){.from = cmd->p1, .wanted = cmd->data};
    switch (cmd->p2 & MODE) {
    case FORWARD:
    case BACKWARD:
        s->backward = (cmd->p2 & MODE) == BACKWARD;
        if (s->from == 0)
            s->from = now;
        return s->from >= 1 && s->from <= count ? SW_OK : SW_RECORD_NOT_FOUND;
    case ENHANCED:
        break;
    default:
        return SW_WRONG_P1P2;
    }
    if (cmd->data.n < 3)
        return SW_WRONG_LENGTH;
    s->by_character = (cmd->data.p[0] & BY_CHARACTER) != 0;
    s->indication = cmd->data.p[1];
    s->wanted = span_slice(cmd->data, 2, cmd->data.n);
    switch (cmd->data.p[0] & MODE) {
    case 4: /* forward from P1, 5: backward from P1; P1 00: from the current record */
    case 5:
        s->backward = (cmd->data.p[0] & MODE) == 5;
        if (s->from == 0)
            s->from = now;
        return s->from >= 1 && s->from <= count ? SW_OK : SW_RECORD_NOT_FOUND;
    case 6: /* forward from the next record */
        s->from = now + 1;
        return cmd->p1 == 0 ? SW_OK : SW_WRONG_P1P2;
    case 7: /* backward from the previous one */
        s->backward = true;
        s->from = now == 0 ? count : now - 1;
        return cmd->p1 == 0 ? SW_OK : SW_WRONG_P1P2;
    default:
        return SW_WRONG_DATA;
    }
}

static bool record_has(struct span record, const struct search *s)
{
    size_t at = 0;
    if (s->by_character) { /* behind the first such character */
        const uint8_t *mark = memchr(record.p, s->indication, record.n);
        if (mark == NULL)
            return false;
        at = (size_t)(mark - record.p) + 1;
    } else {
        at = s->indication;
    }
    if (at > record.n || s->wanted.n > record.n - at)
        return false;
    return memmem(record.p + at, record.n - at, s->wanted.p, s->wanted.n) != NULL;
}

sw_t command_search_record(struct call *call)
{
    if (!has_records(fs_file(call->card, call->target)))
        return SW_INCOMPATIBLE_FILE;
    unsigned count = record_count(call->card, call->target), first = 0;
    struct search s;
    sw_t sw = search_parse(call, count, &s);
    if (sw != SW_OK)
        return sw;
    if (s.wanted.n > fs_file(call->card, call->target)->record_len)
        return SW_WRONG_LENGTH;
    fs_make_current(call);
    for (unsigned i = s.from; i >= 1 && i <= count; i = s.backward ? i - 1 : i + 1)
        if (record_has(record_of(call->card, call->target, i), &s)) {
            first = first == 0 ? i : first;
            buf_u8(call->out, (uint8_t)i);
        }
    if (first == 0)
        return SW_END_OF_FILE; /* "unsuccessful search" */
    call->session->view.record = (uint8_t)first;
    return SW_OK;
}

/* ---- INCREASE ---- */

/* TS 102 221 11.1.8: the value in record 1 of a cyclic file plus the data becomes the new record 1. The
 * answer is the new value and what was added. */
sw_t command_increase(struct call *call)
{
    const struct profile_file *f = fs_file(call->card, call->target);
    struct span added = call->cmd->data;
    uint8_t sum[255];
    enum { ADDED_MAX = 127 };
    if (f->kind != FILE_CYCLIC)
        return SW_INCOMPATIBLE_FILE;
    size_t len = f->record_len;
    if (added.n > len || added.n > ADDED_MAX)
        return SW_WRONG_LENGTH;
    struct span old = record_of(call->card, call->target, 1);
    if (old.n != len)
        return SW_RECORD_NOT_FOUND;
    unsigned carry = 0;
    for (size_t i = 0; i < len; i++) { /* big-endian, right-aligned */
        size_t at = len - 1 - i;
        carry += old.p[at] + (i < added.n ? added.p[added.n - 1 - i] : 0u);
        sum[at] = (uint8_t)carry;
        carry >>= 8;
    }
    if (carry != 0)
        return SW_INCREASE_MAX;
    if (!admin_file_push_record(call->card, call->target, span_of(sum, len)))
        return SW_MEMORY_PROBLEM;
    fs_make_current(call);
    call->session->view.record = 1;
    buf_put(call->out, span_of(sum, len));
    buf_put(call->out, added);
    return SW_OK;
}
