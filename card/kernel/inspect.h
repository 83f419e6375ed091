/* SPDX-License-Identifier: Apache-2.0
 *
 * Looking into an opened card from outside, for `softuicc show` and tests: files and PIN states. Never secrets.
 */
#ifndef KERNEL_INSPECT_H
#define KERNEL_INSPECT_H

#include "profile.h"
#include "uicc.h"

struct uicc_file_info {
    const struct profile_file *row;  /* the profile's line: kind, FID, SFI, size, access rule, name, parent */
    bool deactivated;
    bool changed;                    /* the card has content of its own */
    struct span body;                /* borrowed until the card is next used */
};

struct uicc_pin_info {
    uint8_t reference, tries, puk_tries;
    bool enabled;
};

/* false: no such index. */
bool uicc_inspect_file(const struct uicc *card, uint16_t file, struct uicc_file_info *out);
bool uicc_inspect_pin(const struct uicc *card, unsigned pin, struct uicc_pin_info *out);

#endif
