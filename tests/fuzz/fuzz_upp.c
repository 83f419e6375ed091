/* SPDX-License-Identifier: Apache-2.0
 *
 * Profile packages. The input is their DER as text, so that lengths are right whatever is changed, and a kept
 * input can be read: TAG{ .. } is an object of objects, TAG:OCTETS one of octets, =OCTETS octets as they are;
 * what is none of these is passed over. An input that begins with the octet of a profile header's tag is a
 * package as it is.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"
#include "hex.h"
#include "profile_card.h"
#include "tlv.h"
#include "upp.h"

enum { PACKAGE_MAX = 1 << 16, DEPTH_MAX = 24, PROFILE_HEADER = 0xA0 };

/* Hex digits, and spaces between them. */
static void octets(struct reader *r, struct buf *to)
{
    int high = -1;
    for (; r->left > 0; (void)rd_u8(r)) {
        int digit = hex_digit((char)r->p[0]);
        if (digit < 0 && r->p[0] != ' ')
            return;
        if (digit >= 0 && high >= 0)
            buf_u8(to, (uint8_t)(high << 4 | digit));
        if (digit >= 0)
            high = high < 0 ? digit : -1;
    }
}

static size_t package_of(struct span text, uint8_t *to)
{
    struct buf b = buf_of(to, PACKAGE_MAX);
    size_t open[DEPTH_MAX], depth = 0;
    uint32_t tag = 0;
    struct reader r = rd_of(text);
    while (r.left > 0 && buf_ok(&b)) {
        uint8_t c = rd_u8(&r);
        int digit = hex_digit((char)c);
        if (digit >= 0) {
            tag = tag << 4 | (uint32_t)digit;
            continue;
        }
        if (c == '{' && depth < DEPTH_MAX) {
            open[depth++] = buf_tlv_open(&b, tag);
        } else if (c == '}' && depth > 0) {
            buf_tlv_close(&b, open[--depth]);
        } else if (c == '=') {
            octets(&r, &b);
        } else if (c == ':') {
            size_t value = buf_tlv_open(&b, tag);
            octets(&r, &b);
            buf_tlv_close(&b, value);
        }
        tag = 0;
    }
    while (depth > 0)
        buf_tlv_close(&b, open[--depth]);
    return buf_ok(&b) ? b.len : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const classes[] = {"usim", "isim", "subscription", "ota", "rfm", "isd", "gsm", NULL};
    /* With and without a subscriber of its own. */
    const struct upp_options options = {.classes = classes,
                                        .get_identity = true,
                                        .gba = true,
                                        .imsi = n % 2 == 0 ? "001010123456780" : NULL,
                                        .pairs = 2};
    struct upp_import u;
    struct upp_error e;
    uint8_t *package = malloc(PACKAGE_MAX);
    if (package == NULL)
        return 0;
    struct span der = span_of(data, n);
    if (n == 0 || data[0] != PROFILE_HEADER)
        der = span_of(package, package_of(span_of(data, n), package));
    uint8_t *exact = malloc(der.n > 0 ? der.n : 1); /* sanitizers see a read beyond the end */
    if (exact != NULL && der.n > 0)
        memcpy(exact, der.p, der.n);
    if (exact != NULL && upp_load(span_of(exact, der.n), "input", &options, &u, &e)) {
        fuzz_profile_holds(u.profile);
        upp_free(&u);
    } else if (exact != NULL) {
        fuzz_refused(e.text);
    }
    free(exact);
    free(package);
    return 0;
}
