/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect.h"

#include "fs.h"

bool uicc_inspect_file(const struct uicc *card, uint16_t file, struct uicc_file_info *out)
{
    if (!fs_exists(card, file))
        return false;
    struct span own;
    *out = (struct uicc_file_info){
        .row = fs_file(card, file),
        .deactivated = fs_state(card, file) == FILE_STATE_DEACTIVATED,
        .changed = objects_get(card->objects, object_id(OBJECT_FILE_BODY, (uint32_t)file << 8), &own),
        .body = fs_is_ef(fs_file(card, file)) ? fs_body(card, file) : SPAN_EMPTY,
    };
    return true;
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
