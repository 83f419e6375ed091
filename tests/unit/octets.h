/* SPDX-License-Identifier: Apache-2.0
 *
 * Octets written as hex, and compared with it. For tests of cmocka, whose header comes before.
 */
#ifndef TESTS_OCTETS_H
#define TESTS_OCTETS_H

#include "hex.h"

struct octets {
    uint8_t p[1024];
    size_t n;
};

static inline struct octets unhex(const char *text)
{
    struct octets o = {.n = 0};
    struct buf b = buf_of(o.p, sizeof o.p);
    assert_true(hex_parse(text, &b, NULL));
    o.n = b.len;
    return o;
}

static inline void assert_span(struct span got, const char *hex)
{
    struct octets want = unhex(hex);
    char text[2 * sizeof want.p + 1];
    assert_true(got.n <= sizeof want.p);
    hex_format(got, text);
    if (!span_equal(got, span_of(want.p, want.n)))
        fail_msg("got %s, want %s", text, hex);
}

#endif
