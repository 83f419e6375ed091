/* SPDX-License-Identifier: Apache-2.0 */
#include "fs.h"

bool fs_is_ef(const struct profile_file *f)
{
    return f->kind >= FILE_TRANSPARENT;
}

uint16_t fs_linked(const struct uicc *card, uint16_t file)
{
    uint16_t link = file < card->profile->n_files ? card->profile->files[file].link : 0;
    return link != 0 ? link : file;
}

static uint32_t body_id(const struct uicc *card, uint16_t file)
{
    return object_id(OBJECT_FILE_BODY, (uint32_t)fs_linked(card, file) << 8);
}

/* A profile's BER-TLV file has FF after its objects, up to its size; a body is the objects alone. */
static struct span objects_of(struct span content)
{
    struct reader r = rd_of(content);
    struct tlv t;
    const uint8_t *end = content.p;
    while (r.left > 0 && r.p[0] != 0xFF && tlv_next(&r, &t))
        end = r.p;
    return span_of(content.p, content.n == 0 ? 0 : (size_t)(end - content.p));
}

struct span fs_body(const struct uicc *card, uint16_t file)
{
    struct span own;
    if (objects_get(card->objects, body_id(card, file), &own))
        return own;
    const struct profile_file *f = fs_file(card, fs_linked(card, file));
    return f->kind == FILE_BERTLV ? objects_of(f->content) : f->content;
}

size_t fs_size(const struct uicc *card, uint16_t file)
{
    const struct profile_file *f = fs_file(card, file);
    /* a BER-TLV file's size is what it may grow to */
    return f->kind == FILE_BERTLV ? f->size : fs_body(card, file).n;
}

uint8_t *fs_edit(struct uicc *card, uint16_t file)
{
    return objects_edit(card->objects, body_id(card, file), fs_body(card, file));
}

/* Both names of a linked file are of one file, with one life cycle; but a name can be
 * deleted without the other. */
uint8_t fs_state(const struct uicc *card, uint16_t file)
{
    struct span own;
    if (objects_get(card->objects, object_id(OBJECT_FILE_STATE, (uint32_t)file << 8), &own) && own.n == 1 &&
        (own.p[0] == FILE_STATE_DELETED || fs_linked(card, file) == file))
        return own.p[0];
    if (fs_linked(card, file) != file)
        return fs_state(card, fs_linked(card, file));
    return fs_file(card, file)->deactivated ? FILE_STATE_DEACTIVATED : FILE_STATE_ACTIVATED;
}

bool fs_set_state(struct uicc *card, uint16_t file, uint8_t state)
{
    if (state != FILE_STATE_DELETED)
        file = fs_linked(card, file);
    return objects_put(card->objects, object_id(OBJECT_FILE_STATE, (uint32_t)file << 8), span_of(&state, 1));
}

uint16_t fs_application_dir(const struct uicc *card, uint16_t file)
{
    while (file != 0 && fs_file(card, file)->kind != FILE_ADF) /* the tree has one root: this ends */
        file = fs_file(card, file)->parent;
    return file;
}

void fs_leave_application(const struct uicc *card, struct view *v)
{
    if (fs_application_dir(card, v->df) != 0 ||
        (v->ef != PROFILE_NO_FILE && fs_application_dir(card, v->ef) != 0))
        *v = (struct view){.ef = PROFILE_NO_FILE};
}

/* ---- what applets may do with their own files ---- */

uint16_t admin_file(struct applet self, uint16_t fid)
{
    uint16_t adf = applet_row(self)->adf;
    return adf == PROFILE_NO_FILE ? PROFILE_NO_FILE : fs_child(self.card, adf, fid);
}

uint16_t admin_file_in(struct uicc *card, uint16_t df, uint16_t fid)
{
    return fs_child(card, df, fid);
}

struct span admin_file_read(struct uicc *card, uint16_t file)
{
    return file == PROFILE_NO_FILE ? SPAN_EMPTY : fs_body(card, file);
}

bool admin_file_exists(struct uicc *card, uint16_t file)
{
    return fs_exists(card, file) && fs_is_ef(fs_file(card, file));
}

uint16_t admin_file_body(struct uicc *card, uint16_t file)
{
    return file == PROFILE_NO_FILE ? file : fs_linked(card, file);
}

bool admin_file_has_names(struct uicc *card, uint16_t file)
{
    return file < card->profile->n_files && card->profile->files[file].has_names;
}

uint16_t admin_file_fid(struct uicc *card, uint16_t file)
{
    return fs_file(card, file)->fid;
}

uint16_t admin_file_parent(struct uicc *card, uint16_t file)
{
    return fs_file(card, file)->parent;
}

bool admin_file_closed(struct uicc *card, uint16_t file)
{
    uint8_t state = fs_state(card, file);
    const struct profile_file *f = fs_file(card, fs_linked(card, file));
    return state != FILE_STATE_ACTIVATED &&
           !(state == FILE_STATE_DEACTIVATED && fs_is_ef(f) && f->open_deactivated);
}

uint8_t admin_file_record_len(struct uicc *card, uint16_t file)
{
    return file == PROFILE_NO_FILE ? 0 : fs_file(card, file)->record_len;
}

bool admin_file_update(struct uicc *card, uint16_t file, size_t offset, struct span data)
{
    if (file == PROFILE_NO_FILE || !fs_is_ef(fs_file(card, file)))
        return false;
    size_t size = fs_body(card, file).n;
    if (offset > size || data.n > size - offset)
        return false;
    uint8_t *body = fs_edit(card, file);
    if (body == NULL)
        return false;
    if (data.n > 0)
        memcpy(body + offset, data.p, data.n);
    return true;
}

bool admin_file_fill(struct uicc *card, uint16_t file, uint8_t first, uint8_t rest)
{
    if (file == PROFILE_NO_FILE || !fs_is_ef(fs_file(card, file)))
        return false;
    uint8_t *body = fs_edit(card, file);
    if (body == NULL)
        return false;
    size_t size = fs_body(card, file).n, record = fs_file(card, file)->record_len;
    size_t step = record > 0 ? record : size;
    memset(body, rest, size);
    for (size_t i = 0; i < size; i += step)
        body[i] = first;
    return true;
}
