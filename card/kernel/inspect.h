/* SPDX-License-Identifier: Apache-2.0
 *
 * Looking into an opened card from outside, for `softuicc show` and tests: files and
 * PIN states. Never secrets.
 */
#ifndef KERNEL_INSPECT_H
#define KERNEL_INSPECT_H

#include "profile.h"
#include "uicc.h"

struct uicc_file_info {
    const struct profile_file *row;  /* the profile's line: kind, FID, SFI, size, access rule, name, parent */
    bool deactivated;
    bool terminated;
    bool made;                       /* by CREATE FILE: not of the profile */
    bool changed;                    /* the card has content of its own */
    struct span body;                /* borrowed until the card is next used */
    /* 8C compact, AB expanded: a rule of its own in place of a reference to EF.ARR; else 0 */
    uint8_t rule_tag;
    struct span rule;
};

struct uicc_pin_info {
    uint8_t reference, tries, puk_tries;
    bool enabled;
};

/* Files have indices below this. Not every one is in use: files can be deleted. */
uint16_t uicc_inspect_files(const struct uicc *card);

/* "MF/ADF.USIM/EF.IMSI"; FIDs for files without a name; a path that is too long loses its beginning. */
enum { UICC_PATH_MAX = 128 };
void uicc_inspect_path(const struct uicc *card, uint16_t file, char path[UICC_PATH_MAX]);

/* false: no such index. */
bool uicc_inspect_file(const struct uicc *card, uint16_t file, struct uicc_file_info *out);
bool uicc_inspect_pin(const struct uicc *card, unsigned pin, struct uicc_pin_info *out);

#endif
