/* SPDX-License-Identifier: Apache-2.0 */
#include "services.h"

enum { CNTR_LEN = 5 }; /* TS 102 225 5.1 */

void ota_counter_kept(struct applet self, const struct ota_key_reference *ref, uint8_t cntr[5])
{
    struct span bytes;
    memset(cntr, 0, CNTR_LEN);
    if (applet_get(self, ref->item, &bytes) && bytes.n == CNTR_LEN)
        memcpy(cntr, bytes.p, CNTR_LEN);
}

bool ota_counter_keep(struct applet self, const struct ota_key_reference *ref, const uint8_t cntr[5])
{
    return applet_put_now(self, ref->item, span_of(cntr, CNTR_LEN));
}
