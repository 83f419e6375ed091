/* SPDX-License-Identifier: Apache-2.0
 *
 * Profiles as text. One that is taken goes into its bytes and back, and makes a card that starts; one that is
 * not is refused in one line. The input may begin with "include: test", so that little has to be right to get
 * far.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"
#include "profile_card.h"
#include "profile_yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct profile_error e = {""};
    struct uicc_profile *p = profile_load_text((const char *)data, n, "input", &e);
    if (p == NULL) {
        fuzz_refused(e.text);
        return 0;
    }
    fuzz_profile_holds(p);
    profile_free(p);
    return 0;
}
