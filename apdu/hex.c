/* SPDX-License-Identifier: Apache-2.0 */
#include "hex.h"

int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool hex_parse(const char *text, struct buf *out, size_t *where)
{
    size_t i = 0;
    bool good = true;
    while (good && text[i] != '\0') {
        if (strchr(" \t\r\n:", text[i]) != NULL) {
            i++;
            continue;
        }
        int high = hex_digit(text[i]);
        int low = high < 0 || text[i + 1] == '\0' ? -1 : hex_digit(text[i + 1]);
        if (low < 0) {
            i += high >= 0; /* point at the character that is wrong, or at the end */
            good = false;
        } else {
            buf_u8(out, (uint8_t)(high << 4 | low));
            good = buf_ok(out);
            i += good ? 2 : 0;
        }
    }
    if (where != NULL)
        *where = i;
    return good;
}

void hex_format(struct span s, char *to)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < s.n; i++) {
        to[2 * i] = digits[s.p[i] >> 4];
        to[2 * i + 1] = digits[s.p[i] & 0x0F];
    }
    to[2 * s.n] = '\0';
}

bool bcd_pack(const char *digits, uint8_t *to, size_t n)
{
    memset(to, 0xFF, n);
    for (size_t i = 0; digits[i] != '\0'; i++) {
        if (i >= 2 * n || digits[i] < '0' || digits[i] > '9')
            return false;
        uint8_t d = (uint8_t)(digits[i] - '0');
        to[i / 2] = (uint8_t)(i % 2 == 0 ? 0xF0 | d : (to[i / 2] & 0x0F) | d << 4);
    }
    return true;
}

bool bcd_unpack(struct span s, char *to)
{
    size_t n = 0;
    bool good = true;
    for (size_t i = 0; i < 2 * s.n; i++) {
        uint8_t d = i % 2 == 0 ? s.p[i / 2] & 0x0F : s.p[i / 2] >> 4;
        if (d == 0x0F)
            break;
        if (d > 9) {
            good = false;
            break;
        }
        to[n++] = (char)('0' + d);
    }
    to[n] = '\0';
    return good;
}

bool imsi_pack(const char *digits, uint8_t to[9])
{
    size_t n = strlen(digits);
    if (n < 6 || n > 15)
        return false;
    /* Octet 2 has the parity bit (1: odd number of digits) and digit 1; the rest follow in swapped BCD. */
    uint8_t rest[7];
    if (digits[0] < '0' || digits[0] > '9' || !bcd_pack(digits + 1, rest, sizeof rest))
        return false;
    to[0] = (uint8_t)(n / 2 + 1);
    to[1] = (uint8_t)((digits[0] - '0') << 4 | (n % 2 == 1 ? 0x09 : 0x01));
    memcpy(to + 2, rest, sizeof rest);
    return true;
}

bool imsi_unpack(struct span ef_imsi, char to[16])
{
    to[0] = '\0';
    if (ef_imsi.n != 9 || ef_imsi.p[0] < 1 || ef_imsi.p[0] > 8 || (ef_imsi.p[1] & 0x07) != 1)
        return false;
    size_t digits = 2u * ef_imsi.p[0] - 1 - ((ef_imsi.p[1] & 0x08) == 0);
    uint8_t first = ef_imsi.p[1] >> 4;
    if (first > 9 || digits < 6)
        return false;
    to[0] = (char)('0' + first);
    if (bcd_unpack(span_slice(ef_imsi, 2, ef_imsi.p[0] - 1u), to + 1) && strlen(to) == digits)
        return true;
    to[0] = '\0';
    return false;
}

char luhn_digit(const char *digits)
{
    unsigned sum = 0;
    size_t n = strlen(digits);
    for (size_t i = 0; i < n; i++) {
        unsigned d = (unsigned)(digits[n - 1 - i] - '0');
        if (i % 2 == 0) {
            d *= 2;
            d = d > 9 ? d - 9 : d;
        }
        sum += d;
    }
    return (char)('0' + (10 - sum % 10) % 10);
}
