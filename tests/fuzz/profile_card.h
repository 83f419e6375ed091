/* SPDX-License-Identifier: Apache-2.0
 *
 * What the targets `yaml` and `upp` ask of a profile that was taken: it is the same after it was kept, and a
 * card that is made of it starts.
 */
#ifndef FUZZ_PROFILE_CARD_H
#define FUZZ_PROFILE_CARD_H

#include "profile.h"

/* Calls fuzz_die when something does not hold. The card has every class there is. */
void fuzz_profile_holds(struct uicc_profile *profile);

#endif
