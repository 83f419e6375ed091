/* SPDX-License-Identifier: Apache-2.0 */
#include "decode_text.h"

/* TS 23.038 6.2.1; 1B leads to the extension table. */
static const uint16_t gsm[128] = {
    '@',   0xA3, '$',   0xA5,  0xE8,  0xE9,  0xF9,  0xEC,  0xF2,  0xC7,  '\n',  0xD8, 0xF8, '\r', 0xC5, 0xE5,
    0x394, '_',  0x3A6, 0x393, 0x39B, 0x3A9, 0x3A0, 0x3A8, 0x3A3, 0x398, 0x39E, 0,    0xC6, 0xE6, 0xDF, 0xC9,
    ' ',   '!',  '"',   '#',   0xA4,  '%',   '&',   '\'',  '(',   ')',   '*',   '+',  ',',  '-',  '.',  '/',
    '0',   '1',  '2',   '3',   '4',   '5',   '6',   '7',   '8',   '9',   ':',   ';',  '<',  '=',  '>',  '?',
    0xA1,  'A',  'B',   'C',   'D',   'E',   'F',   'G',   'H',   'I',   'J',   'K',  'L',  'M',  'N',  'O',
    'P',   'Q',  'R',   'S',   'T',   'U',   'V',   'W',   'X',   'Y',   'Z',   0xC4, 0xD6, 0xD1, 0xDC, 0xA7,
    0xBF,  'a',  'b',   'c',   'd',   'e',   'f',   'g',   'h',   'i',   'j',   'k',  'l',  'm',  'n',  'o',
    'p',   'q',  'r',   's',   't',   'u',   'v',   'w',   'x',   'y',   'z',   0xE4, 0xF6, 0xF1, 0xFC, 0xE0,
};

/* TS 23.038 6.2.1.1 */
static const struct {
    uint8_t septet;
    uint16_t character;
} extension[] = {{0x14, '^'}, {0x28, '{'}, {0x29, '}'}, {0x2F, '\\'},  {0x3C, '['},
                 {0x3D, '~'}, {0x3E, ']'}, {0x40, '|'}, {0x65, 0x20AC}};

struct text {
    char *to;
    size_t room, n;
    bool escaped; /* the last septet was 1B */
};

static struct text text_of(char *to, size_t room)
{
    if (room > 0)
        to[0] = '\0';
    return (struct text){to, room, 0, false};
}

static void put_utf8(struct text *t, uint16_t c)
{
    char bytes[3];
    size_t n;
    if (c >= 0xD800 && c <= 0xDFFF)
        c = 0xFFFD; /* UCS2 has no surrogates */
    if (c < 0x80) {
        bytes[0] = (char)c;
        n = 1;
    } else if (c < 0x800) {
        bytes[0] = (char)(0xC0 | c >> 6);
        bytes[1] = (char)(0x80 | (c & 0x3F));
        n = 2;
    } else {
        bytes[0] = (char)(0xE0 | c >> 12);
        bytes[1] = (char)(0x80 | (c >> 6 & 0x3F));
        bytes[2] = (char)(0x80 | (c & 0x3F));
        n = 3;
    }
    if (t->n + n >= t->room)
        return;
    memcpy(t->to + t->n, bytes, n);
    t->n += n;
    t->to[t->n] = '\0';
}

static void put_septet(struct text *t, uint8_t septet)
{
    septet &= 0x7F;
    if (t->escaped) {
        uint16_t c = gsm[septet] != 0 ? gsm[septet] : ' ';
        for (size_t i = 0; i < sizeof extension / sizeof extension[0]; i++)
            if (extension[i].septet == septet)
                c = extension[i].character;
        t->escaped = false;
        put_utf8(t, c);
    } else if (septet == 0x1B) {
        t->escaped = true;
    } else {
        put_utf8(t, gsm[septet]);
    }
}

void text_gsm(struct span s, char *to, size_t room)
{
    struct text t = text_of(to, room);
    for (size_t i = 0; i < s.n && s.p[i] != 0xFF; i++)
        put_septet(&t, s.p[i]);
}

/* TS 23.038 6.1.2.1: the seven bits from this one on, the low ones first. */
static uint8_t septet_at(struct span s, size_t bit)
{
    unsigned two = s.p[bit / 8];
    if (bit / 8 + 1 < s.n)
        two |= (unsigned)s.p[bit / 8 + 1] << 8;
    return (uint8_t)(two >> bit % 8 & 0x7F);
}

void text_gsm_packed(struct span s, size_t septets, unsigned skip, char *to, size_t room)
{
    struct text t = text_of(to, room);
    size_t bit = skip;
    for (size_t i = 0; i < septets && bit + 7 <= 8 * s.n; i++, bit += 7)
        put_septet(&t, septet_at(s, bit));
}

void text_unpack(struct span s, size_t septets, unsigned skip, struct buf *out)
{
    size_t bit = skip;
    for (size_t i = 0; i < septets && bit + 7 <= 8 * s.n; i++, bit += 7)
        buf_u8(out, septet_at(s, bit));
}

void text_pack(struct span septets, unsigned skip, struct buf *out)
{
    unsigned bits = 0, waiting = skip;
    for (size_t i = 0; i < septets.n; i++) {
        bits |= (unsigned)(septets.p[i] & 0x7F) << waiting;
        waiting += 7;
        if (waiting >= 8) {
            buf_u8(out, (uint8_t)bits);
            bits >>= 8;
            waiting -= 8;
        }
    }
    if (waiting > 0)
        buf_u8(out, (uint8_t)bits);
}

void text_ucs2(struct span s, char *to, size_t room)
{
    struct text t = text_of(to, room);
    for (size_t i = 0; i + 1 < s.n; i += 2) {
        uint16_t c = (uint16_t)(s.p[i] << 8 | s.p[i + 1]);
        if (c == 0xFFFF)
            break;
        put_utf8(&t, c);
    }
}

/* 81: characters of one half page at base << 7; 82: at any base (TS 102 221 annex A). */
static void based(struct span s, uint16_t base, size_t n, char *to, size_t room)
{
    struct text t = text_of(to, room);
    for (size_t i = 0; i < s.n && i < n; i++)
        if ((s.p[i] & 0x80) != 0)
            put_utf8(&t, (uint16_t)(base + (s.p[i] & 0x7F)));
        else
            put_septet(&t, s.p[i]);
}

void text_alpha(struct span s, char *to, size_t room)
{
    struct reader r = rd_of(s);
    uint8_t form = rd_u8(&r);
    if (form == 0x80) {
        text_ucs2(rd_rest(&r), to, room);
    } else if (form == 0x81 && s.n >= 3) {
        size_t n = rd_u8(&r);
        uint16_t base = (uint16_t)(rd_u8(&r) << 7);
        based(rd_rest(&r), base, n, to, room);
    } else if (form == 0x82 && s.n >= 4) {
        size_t n = rd_u8(&r);
        uint16_t base = rd_u16(&r);
        based(rd_rest(&r), base, n, to, room);
    } else {
        text_gsm(s, to, room);
    }
}

/* Octets of the UTF-8 sequence at the start of s; 0: it is none (RFC 3629 4). */
static size_t sequence(struct span s)
{
    uint8_t c = s.p[0];
    size_t n = c < 0x80                ? 1
               : c >= 0xC2 && c < 0xE0 ? 2
               : c >= 0xE0 && c < 0xF0 ? 3
               : c >= 0xF0 && c < 0xF5 ? 4
                                       : 0;
    if (n > s.n)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s.p[i] & 0xC0) != 0x80)
            return 0;
    if ((c == 0xE0 && s.p[1] < 0xA0) || (c == 0xED && s.p[1] >= 0xA0) || (c == 0xF0 && s.p[1] < 0x90) ||
        (c == 0xF4 && s.p[1] >= 0x90))
        return 0;
    return n;
}

void text_utf8(struct span s, char *to, size_t room)
{
    size_t at = 0;
    while (s.n > 0 && s.p[0] != 0xFF) {
        size_t n = sequence(s);
        if (at + (n > 0 ? n : 1) >= room)
            break;
        if (n > 0)
            memcpy(to + at, s.p, n);
        else
            to[at] = '?';
        at += n > 0 ? n : 1;
        s = span_slice(s, n > 0 ? n : 1, s.n);
    }
    if (room > 0)
        to[at] = '\0';
}

/* The next character of UTF-8 text; false at its end, or when it is none (*text is then not at the NUL). */
static bool next_character(const char **text, uint32_t *c)
{
    struct span s = span_of(*text, strlen(*text));
    size_t n = s.n > 0 ? sequence(s) : 0;
    if (n == 0)
        return false;
    *c = n == 1 ? s.p[0] : s.p[0] & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++)
        *c = *c << 6 | (s.p[i] & 0x3Fu);
    *text += n;
    return true;
}

static bool put_gsm(uint32_t c, struct buf *out)
{
    for (uint8_t i = 0; i < 128; i++)
        if (gsm[i] == c && i != 0x1B) {
            buf_u8(out, i);
            return true;
        }
    for (size_t i = 0; i < sizeof extension / sizeof extension[0]; i++)
        if (extension[i].character == c) {
            buf_u8(out, 0x1B);
            buf_u8(out, extension[i].septet);
            return true;
        }
    return false;
}

bool text_to_gsm(const char *utf8, struct buf *out)
{
    uint32_t c;
    while (next_character(&utf8, &c))
        if (!put_gsm(c, out))
            return false;
    return *utf8 == '\0' && buf_ok(out);
}

bool text_to_ucs2(const char *utf8, struct buf *out)
{
    uint32_t c;
    while (next_character(&utf8, &c)) {
        if (c > 0xFFFF)
            return false;
        buf_u16(out, (uint16_t)c);
    }
    return *utf8 == '\0' && buf_ok(out);
}

static void digits_of(struct span s, const char digits[16], char *to, size_t room)
{
    size_t at = 0;
    for (size_t i = 0; i < 2 * s.n && at + 1 < room; i++) {
        uint8_t digit = i % 2 == 0 ? s.p[i / 2] & 0x0F : s.p[i / 2] >> 4;
        if (digit == 0x0F)
            break;
        to[at++] = digits[digit];
    }
    if (room > 0)
        to[at] = '\0';
}

static const char dialled[16] = "0123456789*#p?e", addressed[16] = "0123456789*#abc";

void text_digits(struct span s, char *to, size_t room)
{
    digits_of(s, dialled, to, room);
}

static void number_of(uint8_t ton_npi, struct span octets, const char digits[16], char *to, size_t room)
{
    bool international = (ton_npi & 0x70) == 0x10; /* TS 24.008 10.5.4.7 */
    if (room == 0)
        return;
    to[0] = international ? '+' : '\0';
    digits_of(octets, digits, to + international, room - international);
    if (international && room > 1 && to[1] == '\0')
        to[0] = '\0';
}

void text_number(uint8_t ton_npi, struct span digits, char *to, size_t room)
{
    number_of(ton_npi, digits, dialled, to, room);
}

void text_address(uint8_t ton_npi, struct span digits, char *to, size_t room)
{
    number_of(ton_npi, digits, addressed, to, room);
}

bool text_plmn(struct span three, char to[8])
{
    to[0] = '\0';
    if (three.n != 3)
        return false;
    const uint8_t mcc[3] = {three.p[0] & 0x0F, three.p[0] >> 4, three.p[1] & 0x0F};
    const uint8_t mnc[3] = {three.p[2] & 0x0F, three.p[2] >> 4, three.p[1] >> 4};
    char text[8];
    size_t n = 0;
    for (int i = 0; i < 6; i++) {
        uint8_t digit = i < 3 ? mcc[i] : mnc[i - 3];
        if (i == 5 && digit == 0x0F)
            break; /* an MNC of two digits */
        if (digit > 9 && digit != 0x0D)
            return false;
        if (i == 3)
            text[n++] = '/';
        text[n++] = digit == 0x0D ? '?' : (char)('0' + digit);
    }
    text[n] = '\0';
    memcpy(to, text, n + 1);
    return true;
}

bool text_blank(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != 0xFF)
            return false;
    return true;
}

struct span text_trimmed(struct span s)
{
    while (s.n > 0 && s.p[s.n - 1] == 0xFF)
        s.n--;
    return s;
}

/* TS 23.038 4: of the general groups, and of F0 to FF; E0 is UCS2; all else, what is reserved too, is of the
 * default alphabet. */
bool text_dcs_is_7bit(uint8_t dcs)
{
    if ((dcs & 0x80) == 0)
        return (dcs & 0x20) == 0 && ((dcs & 0x0C) == 0x00 || (dcs & 0x0C) == 0x0C);
    if ((dcs & 0xF0) == 0xF0)
        return (dcs & 0x04) == 0;
    return (dcs & 0xF0) != 0xE0;
}

void text_string(const char *utf8, struct buf *out)
{
    enum { OCTETS = 0x04, UCS2 = 0x08 };
    struct buf text = {out->p, out->cap, out->len, out->full};
    buf_u8(&text, OCTETS);
    if (!text_to_gsm(utf8, &text)) {
        text = (struct buf){out->p, out->cap, out->len, out->full};
        buf_u8(&text, UCS2);
        text.full |= !text_to_ucs2(utf8, &text);
    }
    *out = text;
}
