/* SPDX-License-Identifier: Apache-2.0
 *
 * BER-TLV structure EFs: RETRIEVE DATA and SET DATA (ETSI TS 102 221 8.2.2.4, 11.3). A file's body is its
 * objects one after the other. Objects longer than an APDU are sent, and fetched, in blocks; what is under
 * way is volatile and belongs to one channel.
 */
#include <stdlib.h>

#include "fs.h"

enum {
    FIRST_BLOCK = 0x80,
    NEXT_BLOCK = 0x00,
    PREVIOUS_BLOCK = 0x40,
    BLOCK_MODE = 0xE0,
    TAG_LIST = 0x5C,
    TAG_OCTETS_MAX = 3,
    OBJECT_MAX = 65535
};

void fs_transfer_end(struct uicc *card)
{
    struct ber_transfer *t = &card->transfer;
    if (t->data != NULL)
        crypto_wipe(t->data, t->n);
    free(t->data);
    *t = (struct ber_transfer){.file = PROFILE_NO_FILE};
}

static bool transfer_begin(struct call *call, bool setting, size_t n)
{
    struct ber_transfer *t = &call->card->transfer;
    fs_transfer_end(call->card);
    t->data = malloc(n + 1);
    if (t->data == NULL)
        return false;
    t->file = call->target;
    t->channel = call->session->channel;
    t->remote = call->session->remote;
    t->setting = setting;
    t->n = n;
    return true;
}

/* The next block belongs to what this channel began on this file; anything else ended it. So does
 * the previous one, which can be asked for, or sent, once more (11.3.1.2: "retransmit previous
 * block"), after the last as well. */
static bool transfer_is(const struct call *call, bool setting, uint8_t mode)
{
    struct ber_transfer *t = &call->card->transfer;
    if (t->data == NULL || t->file != call->target || t->channel != call->session->channel ||
        t->remote != call->session->remote || t->setting != setting)
        return false;
    if (mode == PREVIOUS_BLOCK)
        t->at = t->last;
    return t->at < t->n;
}

/* Where in the body the object with this tag stands, tag and length included. */
static bool find_object(struct span body, uint32_t tag, struct span *whole)
{
    struct reader r = rd_of(body);
    struct tlv t;
    for (const uint8_t *start = r.p; tlv_next(&r, &t); start = r.p)
        if (t.tag == tag) {
            *whole = span_of(start, (size_t)(r.p - start));
            return true;
        }
    return false;
}

static size_t tag_length(uint32_t tag)
{
    return tag > 0xFFFF ? 3 : tag > 0xFF ? 2 : 1;
}

/* ---- RETRIEVE DATA ---- */

static sw_t retrieve_block(struct call *call)
{
    struct ber_transfer *t = &call->card->transfer;
    size_t room = call->cmd->data.n == 0 && call->cmd->le < 256 ? call->cmd->le : 255;
    size_t left = t->n - t->at, n = left < room ? left : room;
    bool all = call->session->remote && call->cmd->le == 256; /* a script cannot repeat its command */
    if (call->cmd->data.n == 0 && !call->cmd->extended && left < call->cmd->le && !all)
        return SW_WITH(SW_WRONG_LE, left); /* said before anything is given: the command will come again */
    buf_put(call->out, span_of(t->data + t->at, n));
    t->last = t->at;
    t->at += n;
    return t->at < t->n ? SW_MORE_DATA_AVAILABLE : SW_OK;
}

/* As long as an object may be, and in blocks like one. */
static sw_t list_tags(struct call *call)
{
    enum { HEAD_MAX = 4 };
    struct span body = fs_body(call->card, call->target);
    if (!transfer_begin(call, false, HEAD_MAX + body.n)) /* no tag is longer than its object */
        return SW_MEMORY_PROBLEM;
    struct buf list = buf_of(call->card->transfer.data, HEAD_MAX + body.n);
    size_t mark = buf_tlv_open(&list, TAG_LIST);
    struct tlv t;
    for (struct reader r = rd_of(body); tlv_next(&r, &t);)
        buf_be(&list, t.tag, tag_length(t.tag));
    buf_tlv_close(&list, mark);
    call->card->transfer.n = list.len;
    return retrieve_block(call);
}

sw_t command_retrieve_data(struct call *call)
{
    if (fs_file(call->card, call->target)->kind != FILE_BERTLV)
        return SW_INCOMPATIBLE_FILE;
    fs_make_current(call);
    uint8_t mode = call->cmd->p2 & BLOCK_MODE;
    if (mode == NEXT_BLOCK || mode == PREVIOUS_BLOCK)
        return call->cmd->data.n == 0 && transfer_is(call, false, mode) ? retrieve_block(call)
                                                                        : SW_CONDITIONS_NOT_SATISFIED;
    if (mode != FIRST_BLOCK)
        return SW_WRONG_P1P2;
    fs_transfer_end(call->card);
    uint32_t tag = 0;
    if (call->cmd->data.n == 0 || call->cmd->data.n > 3)
        return SW_WRONG_LENGTH;
    for (size_t i = 0; i < call->cmd->data.n; i++)
        tag = tag << 8 | call->cmd->data.p[i];
    if (tag == TAG_LIST)
        return list_tags(call);
    struct span whole;
    if (!find_object(fs_body(call->card, call->target), tag, &whole))
        return SW_DATA_NOT_FOUND;
    if (!transfer_begin(call, false, whole.n))
        return SW_MEMORY_PROBLEM;
    memcpy(call->card->transfer.data, whole.p, whole.n);
    return retrieve_block(call);
}

/* ---- SET DATA ---- */

/* The object replaces the one with its tag, or is added; an object without value takes it away (11.3.2.1). */
static sw_t store_object(struct call *call, struct span object)
{
    struct reader r = rd_of(object);
    struct tlv t;
    struct span body = fs_body(call->card, call->target), old = SPAN_EMPTY;
    if (!tlv_next(&r, &t) || !rd_done(&r))
        return SW_WRONG_DATA;
    bool exists = find_object(body, t.tag, &old);
    if (!exists && t.value.n == 0)
        return SW_DATA_NOT_FOUND;
    size_t keep = body.n - old.n, add = t.value.n == 0 ? 0 : object.n;
    if (keep + add > fs_size(call->card, call->target))
        return SW_NOT_ENOUGH_MEMORY;
    uint8_t *bytes = malloc(keep + add + 1);
    if (bytes == NULL)
        return SW_MEMORY_PROBLEM;
    struct buf out = buf_of(bytes, keep + add);
    size_t before = exists ? (size_t)(old.p - body.p) : body.n;
    buf_put(&out, span_slice(body, 0, before));
    buf_put(&out, span_slice(object, 0, add));
    buf_put(&out, span_slice(body, before + old.n, body.n));
    bool ok = objects_put(call->card->objects,
                          object_id(OBJECT_FILE_BODY, (uint32_t)fs_linked(call->card, call->target) << 8),
                          buf_span(&out));
    free(bytes);
    return ok ? SW_OK : SW_MEMORY_PROBLEM;
}

/* How many octets the tag has that this begins with; 0: it is cut short, or longer than any. */
static size_t tag_octets(struct span s)
{
    size_t n = 1;
    if (s.n > 0 && (s.p[0] & 0x1F) != 0x1F)
        return 1;
    while (n < s.n && n < TAG_OCTETS_MAX && (s.p[n] & 0x80) != 0)
        n++;
    return n < s.n && n < TAG_OCTETS_MAX ? n + 1 : 0;
}

/* How long the object will be that begins with these octets: tag, length, value. 0: they make no sense. */
static size_t object_length(struct span first)
{
    struct reader r = rd_of(first);
    if (rd_take(&r, tag_octets(first)).n == 0)
        return 0;
    uint8_t length = rd_u8(&r);
    size_t n = length;
    if (length > 0x83 || length == 0x80)
        return 0;
    if (length > 0x80)
        n = (size_t)rd_be(&r, length & 0x0Fu);
    size_t head = first.n - r.left;
    return rd_ok(&r) && n <= OBJECT_MAX ? head + n : 0;
}

static sw_t set_block(struct call *call, struct span block)
{
    struct ber_transfer *t = &call->card->transfer;
    if (block.n > t->n - t->at) {
        fs_transfer_end(call->card);
        return SW_WRONG_DATA;
    }
    memcpy(t->data + t->at, block.p, block.n);
    t->last = t->at;
    t->at += block.n;
    return t->at < t->n ? SW_MORE_DATA_EXPECTED : store_object(call, span_of(t->data, t->n));
}

sw_t command_set_data(struct call *call)
{
    if (fs_file(call->card, call->target)->kind != FILE_BERTLV)
        return SW_INCOMPATIBLE_FILE;
    fs_make_current(call);
    struct span data = call->cmd->data;
    uint8_t mode = call->cmd->p2 & BLOCK_MODE;
    if (mode == NEXT_BLOCK || mode == PREVIOUS_BLOCK) {
        if (!transfer_is(call, true, mode))
            return SW_CONDITIONS_NOT_SATISFIED;
        if (call->card->transfer.at > 0)
            return set_block(call, data);
    } else if (mode != FIRST_BLOCK) {
        return SW_WRONG_P1P2;
    }
    fs_transfer_end(call->card); /* the first block, or that again: it says anew how long the object is */
    if (data.p[0] == TAG_LIST) /* 11.3.1: it stands for the list of tags */
        return SW_WRONG_DATA;
    if (data.n == tag_octets(data)) {
        /* 11.3.2.1: a tag alone takes its object away, as a length of zero does */
        uint8_t object[TAG_OCTETS_MAX + 1] = {0};
        memcpy(object, data.p, data.n);
        return store_object(call, span_of(object, data.n + 1));
    }
    size_t n = object_length(data);
    if (n == 0)
        return SW_WRONG_DATA;
    if (n > fs_size(call->card, call->target))
        return SW_NOT_ENOUGH_MEMORY;
    if (!transfer_begin(call, true, n))
        return SW_MEMORY_PROBLEM;
    return set_block(call, data);
}
