/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect.h"

#include "fs.h"

bool uicc_inspect_file(const struct uicc *card, uint16_t file, struct uicc_file_info *out)
{
    if (!fs_exists(card, file))
        return false;
    struct span own;
    const struct made_file *made = fs_made(card, file);
    bool own_rule = made != NULL && (made->access_tag == 0x8C || made->access_tag == 0xAB);
    *out = (struct uicc_file_info){
        .row = fs_file(card, file),
        .deactivated = fs_state(card, file) == FILE_STATE_DEACTIVATED,
        .terminated = fs_state(card, file) == FILE_STATE_TERMINATED,
        .made = made != NULL,
        .changed = objects_get(card->objects,
                               object_id(OBJECT_FILE_BODY, (uint32_t)fs_linked(card, file) << 8), &own),
        .rule_tag = own_rule ? made->access_tag : 0,
        .rule = own_rule ? span_of(made->access_data, made->access_len) : SPAN_EMPTY,
        .body = fs_is_ef(fs_file(card, file)) ? fs_body(card, file) : SPAN_EMPTY,
    };
    return true;
}

uint16_t uicc_inspect_files(const struct uicc *card)
{
    return fs_count(card);
}

void uicc_inspect_path(const struct uicc *card, uint16_t file, char path[UICC_PATH_MAX])
{
    size_t at = UICC_PATH_MAX - 1; /* built from the end */
    path[at] = '\0';
    for (;;) {
        const struct profile_file *f = fs_file(card, file);
        char fid[5] = "";
        const char *name = f->name;
        if (name == NULL || name[0] == '\0' || fs_made(card, file) != NULL) {
            for (int i = 0; i < 4; i++)
                fid[i] = "0123456789ABCDEF"[f->fid >> (12 - 4 * i) & 0x0F];
            name = fid;
        }
        size_t n = strlen(name), bar = path[at] != '\0';
        if (n + bar > at)
            break;
        if (bar)
            path[--at] = '/';
        at -= n;
        memcpy(path + at, name, n);
        if (file == 0)
            break;
        file = f->parent; /* the tree has one root: this ends */
    }
    memmove(path, path + at, UICC_PATH_MAX - at);
}

bool uicc_inspect_pin(const struct uicc *card, unsigned pin, struct uicc_pin_info *out)
{
    if (pin >= card->profile->n_pins)
        return false;
    struct pin_state state;
    pin_state(card, (int)pin, &state);
    *out = (struct uicc_pin_info){state.reference, state.tries, state.puk_tries, state.enabled};
    return true;
}
