/* SPDX-License-Identifier: Apache-2.0
 *
 * Profile packages of whatever octets.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"
#include "upp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const classes[] = {"usim", "isim", "subscription", "ota", "rfm", NULL};
    const struct upp_options options = {.classes = classes, .imsi = "001010123456780", .pairs = 2};
    struct upp_import u;
    struct upp_error e;
    if (!upp_load(span_of(data, n), "input", &options, &u, &e))
        fuzz_refusal(e.text);
    upp_free(&u);
    return 0;
}
