/* SPDX-License-Identifier: Apache-2.0 */
#include "fs.h"

const struct profile_file *fs_file(const struct uicc *card, uint16_t file)
{
    return &card->profile->files[file];
}

bool fs_is_ef(const struct profile_file *f)
{
    return f->kind >= FILE_TRANSPARENT;
}

struct span fs_body(const struct uicc *card, uint16_t file)
{
    struct span own;
    if (objects_get(card->objects, object_id(OBJECT_FILE_BODY, (uint32_t)file << 8), &own))
        return own;
    return fs_file(card, file)->content;
}

uint8_t *fs_edit(struct uicc *card, uint16_t file)
{
    return objects_edit(card->objects, object_id(OBJECT_FILE_BODY, (uint32_t)file << 8), fs_file(card, file)->content);
}

bool fs_deactivated(const struct uicc *card, uint16_t file)
{
    struct span own;
    if (objects_get(card->objects, object_id(OBJECT_FILE_STATE, (uint32_t)file << 8), &own) && own.n == 1)
        return own.p[0] != 0;
    return fs_file(card, file)->deactivated;
}

uint16_t fs_application_dir(const struct uicc *card, uint16_t file)
{
    while (file != 0 && fs_file(card, file)->kind != FILE_ADF) /* parents have smaller indices: this ends */
        file = fs_file(card, file)->parent;
    return file;
}

/* ---- what applets may do with their own files ---- */

uint16_t admin_file(struct applet self, uint16_t fid)
{
    const struct profile *p = self.card->profile;
    uint16_t adf = p->applets[self.index].adf;
    return adf == PROFILE_NO_FILE ? PROFILE_NO_FILE : profile_child(p, adf, fid);
}

uint16_t admin_file_in(struct uicc *card, uint16_t df, uint16_t fid)
{
    return profile_child(card->profile, df, fid);
}

struct span admin_file_read(struct uicc *card, uint16_t file)
{
    return file == PROFILE_NO_FILE ? SPAN_EMPTY : fs_body(card, file);
}

bool admin_file_update(struct uicc *card, uint16_t file, size_t offset, struct span data)
{
    if (file == PROFILE_NO_FILE || !fs_is_ef(fs_file(card, file)))
        return false;
    size_t size = fs_file(card, file)->size;
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
    const struct profile_file *f = fs_file(card, file);
    size_t step = f->record_len > 0 ? f->record_len : f->size;
    memset(body, rest, f->size);
    for (size_t i = 0; i < f->size; i += step)
        body[i] = first;
    return true;
}
