/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that CREATE FILE made, and those of the profile that DELETE FILE took away. The objects are what
 * counts; the slots in memory are derived from them when the card is opened, and again when a transaction
 * that changed them is aborted.
 */
#include <stdlib.h>

#include "fs.h"

/* A row as bytes: kind, SFI, record length, flags, FID, parent, EF.ARR, size, access, owner (absent:
 * nobody's). Stored: append only. */
enum { FLAG_HIGH_UPDATE = 1, FLAG_OPEN_DEACTIVATED = 2, ROW_OCTETS_MAX = 32 + ACCESS_DATA_MAX };

static void row_encode(const struct made_file *m, struct buf *out)
{
    buf_u8(out, m->row.kind);
    buf_u8(out, m->row.sfi);
    buf_u8(out, m->row.record_len);
    buf_u8(out, (uint8_t)((m->row.high_update ? FLAG_HIGH_UPDATE : 0) |
                          (m->row.open_deactivated ? FLAG_OPEN_DEACTIVATED : 0)));
    buf_u16(out, m->row.fid);
    buf_u16(out, m->row.parent);
    buf_u16(out, m->row.arr_fid);
    buf_u8(out, m->row.arr_record);
    buf_u32(out, m->row.size);
    buf_u8(out, m->access_tag);
    buf_u8(out, m->access_len);
    buf_put(out, span_of(m->access_data, m->access_len));
    if (m->owner != NO_OWNER)
        buf_u16(out, m->owner);
}

static bool row_decode(struct span in, struct made_file *m)
{
    struct reader r = rd_of(in);
    *m = (struct made_file){.row = {.applet = NO_APPLET, .name = "EF"}};
    m->row.kind = rd_u8(&r);
    m->row.sfi = rd_u8(&r);
    m->row.record_len = rd_u8(&r);
    uint8_t flags = rd_u8(&r);
    m->row.high_update = (flags & FLAG_HIGH_UPDATE) != 0;
    m->row.open_deactivated = (flags & FLAG_OPEN_DEACTIVATED) != 0;
    m->row.fid = rd_u16(&r);
    m->row.parent = rd_u16(&r);
    m->row.arr_fid = rd_u16(&r);
    m->row.arr_record = rd_u8(&r);
    m->row.size = rd_u32(&r);
    m->access_tag = rd_u8(&r);
    m->access_len = rd_u8(&r);
    if (m->access_len > sizeof m->access_data)
        return false;
    rd_copy(&r, m->access_data, m->access_len);
    m->owner = r.left > 0 ? rd_u16(&r) : NO_OWNER;
    if (m->row.kind == FILE_DF)
        m->row.name = "DF";
    return rd_done(&r) && m->row.kind >= FILE_DF && m->row.kind <= FILE_BERTLV;
}

static unsigned bucket(uint16_t parent, unsigned what)
{
    return (parent * 31u + what) % MADE_BUCKETS;
}

static void link_slot(struct made_files *made, uint16_t slot)
{
    struct made_file *m = &made->slots[slot];
    unsigned b = bucket(m->row.parent, m->row.fid);
    m->next_fid = made->index->by_fid[b];
    made->index->by_fid[b] = slot;
    m->next_sfi = PROFILE_NO_FILE;
    if (m->row.sfi != 0) {
        b = bucket(m->row.parent, m->row.sfi);
        m->next_sfi = made->index->by_sfi[b];
        made->index->by_sfi[b] = slot;
    }
    made->octets += m->row.size;
}

static void relink(struct made_files *made)
{
    if (made->index != NULL)
        memset(made->index, 0xFF, sizeof *made->index); /* PROFILE_NO_FILE everywhere */
    made->octets = 0;
    made->owned = false;
    for (uint16_t i = 0; i < made->n; i++)
        if (made->slots[i].row.kind != 0) {
            link_slot(made, i);
            made->owned = made->owned || made->slots[i].owner != NO_OWNER;
        }
}

static bool reserve_slot(struct made_files *made, uint16_t slot)
{
    if (slot < made->n)
        return true;
    if (slot >= MADE_MAX)
        return false;
    if (made->index == NULL)
        made->index = malloc(sizeof *made->index);
    struct made_file *more = made->index != NULL ? realloc(made->slots, (slot + 8u) * sizeof *more) : NULL;
    if (more == NULL)
        return false;
    for (uint16_t i = made->n; i <= slot; i++)
        more[i] = (struct made_file){0};
    made->slots = more;
    made->n = (uint16_t)(slot + 1);
    return true;
}

static uint32_t made_id(const struct uicc *card, uint16_t slot)
{
    return object_id(OBJECT_FILE_MADE, ((uint32_t)card->profile->n_files + slot) << 8);
}

bool fs_load_made(struct uicc *card)
{
    struct made_files *made = &card->made;
    made->n = 0;
    made->gone = 0;
    made->dirty = true;
    size_t cursor = 0;
    uint32_t id;
    struct span value;
    while (objects_each(card->objects, &cursor, &id, &value)) {
        if (id >> 24 == OBJECT_FILE_STATE && value.n == 1 && value.p[0] == FILE_STATE_DELETED)
            made->gone++;
        if (id >> 24 != OBJECT_FILE_MADE)
            continue;
        uint32_t file = (id & 0xFFFFFF) >> 8;
        if (file < card->profile->n_files || !reserve_slot(made, (uint16_t)(file - card->profile->n_files)) ||
            !row_decode(value, &made->slots[file - card->profile->n_files]))
            return false;
    }
    relink(made);
    made->dirty = false;
    return true;
}

void fs_free_made(struct uicc *card)
{
    free(card->made.slots);
    free(card->made.index);
    card->made = (struct made_files){0};
}

const struct profile_file *fs_file(const struct uicc *card, uint16_t file)
{
    uint16_t n = card->profile->n_files;
    return file < n ? &card->profile->files[file] : &card->made.slots[file - n].row;
}

const struct made_file *fs_made(const struct uicc *card, uint16_t file)
{
    uint16_t n = card->profile->n_files;
    return file < n ? NULL : &card->made.slots[file - n];
}

uint16_t fs_count(const struct uicc *card)
{
    return (uint16_t)(card->profile->n_files + card->made.n);
}

/* TR 33.812 6.1: what an operator put on the card is not there while the card is another's. */
static bool suspended(const struct uicc *card, uint16_t file)
{
    const struct made_file *m = fs_made(card, file);
    return card->made.owned && m != NULL && owner_suspended(card, m->owner);
}

/* It takes room, whether or not it can be seen now. */
static bool occupied(const struct uicc *card, uint16_t file)
{
    if (file >= fs_count(card) || fs_file(card, file)->kind == 0)
        return false;
    return card->made.gone == 0 || fs_state(card, file) != FILE_STATE_DELETED;
}

bool fs_exists(const struct uicc *card, uint16_t file)
{
    return occupied(card, file) && !suspended(card, file);
}

/* It is there; and of two with one name it is the operator's own: the other is nobody's, and was
 * made while his was not there. */
static bool preferred(const struct uicc *card, uint16_t slot, uint16_t found)
{
    const uint16_t file = (uint16_t)(card->profile->n_files + slot);
    return !suspended(card, file) && (found == PROFILE_NO_FILE || card->made.slots[slot].owner != NO_OWNER);
}

uint16_t fs_child(const struct uicc *card, uint16_t parent, uint16_t fid)
{
    uint16_t file = profile_child(card->profile, parent, fid);
    if (file != PROFILE_NO_FILE && fs_exists(card, file))
        return file;
    if (card->made.n == 0)
        return PROFILE_NO_FILE;
    uint16_t slot = card->made.index->by_fid[bucket(parent, fid)], found = PROFILE_NO_FILE;
    while (slot != PROFILE_NO_FILE) {
        const struct made_file *m = &card->made.slots[slot];
        if (m->row.parent == parent && m->row.fid == fid && preferred(card, slot, found))
            found = (uint16_t)(card->profile->n_files + slot);
        slot = m->next_fid;
    }
    return found;
}

uint16_t fs_child_sfi(const struct uicc *card, uint16_t parent, uint8_t sfi)
{
    uint16_t file = profile_sfi(card->profile, parent, sfi);
    if (file != PROFILE_NO_FILE && fs_exists(card, file))
        return file;
    if (card->made.n == 0)
        return PROFILE_NO_FILE;
    uint16_t slot = card->made.index->by_sfi[bucket(parent, sfi)], found = PROFILE_NO_FILE;
    while (slot != PROFILE_NO_FILE) {
        const struct made_file *m = &card->made.slots[slot];
        if (m->row.parent == parent && m->row.sfi == sfi && preferred(card, slot, found))
            found = (uint16_t)(card->profile->n_files + slot);
        slot = m->next_sfi;
    }
    return found;
}

/* ---- changes, in a transaction ---- */

sw_t fs_make(struct uicc *card, const struct made_file *row, uint8_t fill, uint16_t *file)
{
    struct made_files *made = &card->made;
    uint16_t slot = 0;
    while (slot < made->n && made->slots[slot].row.kind != 0)
        slot++;
    if (made->octets + row->row.size > MADE_OCTETS_MAX)
        return SW_NOT_ENOUGH_MEMORY;
    made->dirty = true;
    if (!reserve_slot(made, slot))
        return SW_NOT_ENOUGH_MEMORY;
    *file = (uint16_t)(card->profile->n_files + slot);
    made->slots[slot] = *row;
    bool first = row->owner != NO_OWNER && !made->owned;
    relink(made);
    if (first) /* nobody has asked who is active before */
        registry_refresh(card);
    uint8_t bytes[ROW_OCTETS_MAX];
    struct buf out = buf_of(bytes, sizeof bytes);
    row_encode(row, &out);
    uint8_t *body = malloc(row->row.size + 1);
    bool ok = body != NULL && objects_put(card->objects, made_id(card, slot), buf_span(&out));
    if (ok && fs_is_ef(&row->row)) {
        memset(body, fill, row->row.size);
        size_t n = row->row.kind == FILE_BERTLV ? 0 : row->row.size;
        ok = objects_put(card->objects, object_id(OBJECT_FILE_BODY, (uint32_t)*file << 8), span_of(body, n));
    }
    free(body);
    return ok ? SW_OK : SW_MEMORY_PROBLEM;
}

static bool below(const struct uicc *card, uint16_t file, uint16_t df)
{
    while (file != df && file != 0)
        file = fs_file(card, file)->parent;
    return file == df;
}

static bool remove_one(struct uicc *card, uint16_t file)
{
    uint32_t what = (uint32_t)file << 8;
    bool ok =
        toolkit_file_deleted(card, file) && objects_remove(card->objects, object_id(OBJECT_FILE_BODY, what));
    if (file < card->profile->n_files) {
        card->made.gone++;
        return ok && fs_set_state(card, file, FILE_STATE_DELETED);
    }
    ok = ok && objects_remove(card->objects, object_id(OBJECT_FILE_STATE, what)) &&
         objects_remove(card->objects, object_id(OBJECT_FILE_MADE, what));
    return ok;
}

void fs_leave_gone(const struct uicc *card, struct view *v)
{
    if (v->ef != PROFILE_NO_FILE && !fs_exists(card, v->ef)) {
        v->ef = PROFILE_NO_FILE;
        v->record = 0;
    }
    if (fs_exists(card, v->df))
        return;
    uint16_t df = v->df;
    while (!fs_exists(card, df)) /* its row still tells where it was, if there is one */
        df = df < fs_count(card) ? fs_file(card, df)->parent : 0;
    *v = (struct view){.df = df, .ef = PROFILE_NO_FILE};
}

void fs_settle(struct uicc *card)
{
    for (uint8_t c = 0; c < APDU_CHANNELS; c++)
        fs_leave_gone(card, &card->ram.channels[c].view);
}

static bool remove_all(struct uicc *card, const bool *doomed)
{
    bool ok = true;
    card->made.dirty = true;
    for (uint16_t i = 0; i < fs_count(card) && ok; i++)
        if (doomed[i])
            ok = remove_one(card, i);
    for (uint16_t i = card->profile->n_files; i < fs_count(card); i++)
        if (doomed[i])
            card->made.slots[i - card->profile->n_files].row.kind = 0;
    relink(&card->made);
    return ok;
}

sw_t fs_remove(struct uicc *card, uint16_t file)
{
    bool *doomed = calloc(fs_count(card), sizeof *doomed), others = false;
    if (doomed == NULL)
        return SW_MEMORY_PROBLEM;
    for (uint16_t i = 0; i < fs_count(card); i++) {
        doomed[i] = occupied(card, i) && below(card, i, file);
        others = others || (doomed[i] && suspended(card, i));
    }
    /* Nobody deletes another operator's files with a directory around them. */
    bool ok = others || remove_all(card, doomed);
    free(doomed);
    return others ? SW_CONDITIONS_NOT_SATISFIED : ok ? SW_OK : SW_MEMORY_PROBLEM;
}

bool admin_files_forget(struct uicc *card, uint16_t owner)
{
    bool *doomed = card->made.owned ? calloc(fs_count(card), sizeof *doomed) : NULL, any = false;
    if (doomed == NULL)
        return !card->made.owned;
    for (uint16_t i = card->profile->n_files; i < fs_count(card); i++)
        if (occupied(card, i) && fs_made(card, i)->owner == owner)
            for (uint16_t k = card->profile->n_files; k < fs_count(card); k++)
                any = (doomed[k] = doomed[k] || (occupied(card, k) && below(card, k, i))) || any;
    bool ok = !any || remove_all(card, doomed);
    free(doomed);
    return ok;
}

bool fs_resize(struct uicc *card, uint16_t file, size_t size)
{
    struct span old = fs_body(card, file);
    uint8_t *body = malloc(size + 1);
    if (body == NULL)
        return false;
    memset(body, 0xFF, size);
    size_t keep = old.n < size ? old.n : size;
    if (keep > 0)
        memcpy(body, old.p, keep);
    bool ok = objects_put(card->objects, object_id(OBJECT_FILE_BODY, (uint32_t)fs_linked(card, file) << 8),
                          span_of(body, size));
    free(body);
    if (ok && file >= card->profile->n_files) {
        struct made_file *m = &card->made.slots[file - card->profile->n_files];
        uint8_t bytes[ROW_OCTETS_MAX];
        struct buf out = buf_of(bytes, sizeof bytes);
        card->made.dirty = true;
        m->row.size = (uint32_t)size;
        row_encode(m, &out);
        ok = objects_put(card->objects, made_id(card, (uint16_t)(file - card->profile->n_files)),
                         buf_span(&out));
        relink(&card->made);
    }
    return ok;
}
