/* SPDX-License-Identifier: Apache-2.0
 *
 * The character sets of +CSCS (TS 27.007 5.5). Inside, text is UTF-8.
 */
#include <stdio.h>

#include "at_inner.h"
#include "decode_text.h"
#include "hex.h"

static const struct {
    const char *name;
    enum at_charset set;
} names[] = {
    {"IRA", CHARSET_IRA}, {"GSM", CHARSET_GSM},       {"UCS2", CHARSET_UCS2},
    {"HEX", CHARSET_HEX}, {"8859-1", CHARSET_8859_1}, {"UTF-8", CHARSET_UTF8},
};
enum { N_NAMES = sizeof names / sizeof names[0] };

bool at_charset_by_name(struct span name, enum at_charset *set)
{
    for (size_t i = 0; i < N_NAMES; i++)
        if (at_is(name, names[i].name)) {
            *set = names[i].set;
            return true;
        }
    return false;
}

const char *at_charset_name(enum at_charset set)
{
    for (size_t i = 0; i < N_NAMES; i++)
        if (names[i].set == set)
            return names[i].name;
    return "IRA";
}

/* Latin-1 and IRA are the first 256 and 128 characters of Unicode. */
static bool from_latin(struct span text, uint8_t limit, char *utf8, size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        if (c > limit || c == 0 || n + 2 >= room)
            return false;
        if (c >= 0x80)
            utf8[n++] = (char)(0xC0 | c >> 6);
        utf8[n++] = (char)(c < 0x80 ? c : 0x80 | (c & 0x3F));
    }
    utf8[n] = '\0';
    return true;
}

static bool from_hex(struct span text, bool ucs2, char *utf8, size_t room)
{
    uint8_t octets[1024];
    char digits[2 * sizeof octets + 1];
    struct buf b = buf_of(octets, sizeof octets);
    if (text.n > 2 * sizeof octets)
        return false;
    memcpy(digits, text.p, text.n);
    digits[text.n] = '\0';
    if (!hex_parse(digits, &b, NULL) || (ucs2 && b.len % 2 != 0))
        return false;
    if (ucs2)
        text_ucs2(buf_span(&b), utf8, room);
    else
        text_gsm(buf_span(&b), utf8, room);
    return true;
}

bool at_charset_from(enum at_charset set, struct span text, char *utf8, size_t room)
{
    utf8[0] = '\0';
    if (text.n == 0)
        return true;
    switch (set) {
    case CHARSET_GSM:
        text_gsm(text, utf8, room);
        return true;
    case CHARSET_UCS2:
    case CHARSET_HEX:
        return from_hex(text, set == CHARSET_UCS2, utf8, room);
    case CHARSET_UTF8:
        text_utf8(text, utf8, room);
        return true;
    case CHARSET_IRA:
    case CHARSET_8859_1:
        break;
    }
    return from_latin(text, set == CHARSET_IRA ? 0x7F : 0xFF, utf8, room);
}

/* What a set has not becomes '?'. */
static size_t to_latin(const char *utf8, unsigned limit, char *to, size_t room)
{
    uint8_t ucs2[2048];
    struct buf b = buf_of(ucs2, sizeof ucs2);
    size_t n = 0;
    bool whole = text_to_ucs2(utf8, &b);
    struct reader r = rd_of(buf_span(&b));
    while (whole && r.left > 0 && n + 1 < room) {
        unsigned c = rd_u16(&r);
        to[n++] = c <= limit ? (char)c : '?';
    }
    to[n] = '\0';
    return n;
}

/* The default alphabet, character by character: what it has not is '?' there, too. */
static void to_gsm(const char *utf8, struct buf *out)
{
    while (*utf8 != '\0') {
        char one[5] = "";
        uint8_t octets[2];
        struct buf b = buf_of(octets, sizeof octets);
        size_t n = 0;
        do
            one[n++] = *utf8++;
        while (((uint8_t)*utf8 & 0xC0) == 0x80 && n + 1 < sizeof one);
        if (text_to_gsm(one, &b))
            buf_put(out, buf_span(&b));
        else
            buf_u8(out, '?');
    }
}

size_t at_charset_to(enum at_charset set, const char *utf8, char *to, size_t room)
{
    uint8_t octets[2048];
    struct buf b = buf_of(octets, sizeof octets);
    to[0] = '\0';
    switch (set) {
    case CHARSET_GSM:
    case CHARSET_HEX:
        to_gsm(utf8, &b);
        if (set == CHARSET_HEX && 2 * b.len < room) {
            hex_format(buf_span(&b), to);
        } else if (set == CHARSET_GSM && b.len < room) {
            memcpy(to, octets, b.len);
            to[b.len] = '\0';
            return b.len; /* a @ is the octet 00 */
        }
        return strlen(to);
    case CHARSET_UCS2:
        if (text_to_ucs2(utf8, &b) && 2 * b.len < room)
            hex_format(buf_span(&b), to);
        for (char *c = to; *c != '\0'; c++)
            if (*c >= 'a' && *c <= 'f')
                *c = (char)(*c - 'a' + 'A');
        return strlen(to);
    case CHARSET_UTF8:
        snprintf(to, room, "%s", utf8);
        return strlen(to);
    case CHARSET_IRA:
    case CHARSET_8859_1:
        break;
    }
    return to_latin(utf8, set == CHARSET_IRA ? 0x7F : 0xFF, to, room);
}
