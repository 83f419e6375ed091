/* SPDX-License-Identifier: Apache-2.0 */
#include "smsc_text.h"

#include <stdio.h>

#include "decode_text.h"
#include "hex.h"

enum {
    TP_MMS = 0x04,
    TP_UDHI = 0x40,
    TP_MTI = 0x03,
    MTI_SUBMIT = 0x01,
    DCS_DEFAULT = 0x00,
    DCS_OCTETS = 0x04,
    DCS_UCS2 = 0x08,
    CODING_DEFAULT = 0x00, /* data_coding */
    CODING_ASCII = 0x01,
    CODING_LATIN_1 = 0x03,
    CODING_UCS2 = 0x08,
    SEPTETS_MAX = 160, /* TS 23.040 9.2.3.24 */
};

/* Septets that a user data header takes, and the bits that fill the last one (9.2.3.24.1). */
static size_t header_septets(size_t header)
{
    return (8 * header + 6) / 7;
}

static unsigned fill_bits(size_t header)
{
    return (unsigned)(7 * header_septets(header) - 8 * header);
}

/* Latin-1, whose characters are the first of Unicode. */
static uint8_t from_latin(struct span latin, struct buf *out)
{
    char utf8[2 * SMPP_MESSAGE_MAX + 1];
    size_t n = 0;
    for (size_t i = 0; i < latin.n && n + 2 < sizeof utf8; i++) {
        const uint8_t c = latin.p[i] != 0 ? latin.p[i] : '?'; /* it ends no text here */
        if (c >= 0x80)
            utf8[n++] = (char)(0xC0 | c >> 6);
        utf8[n++] = (char)(c < 0x80 ? c : 0x80 | (c & 0x3F));
    }
    utf8[n] = '\0';
    if (text_to_gsm(utf8, out))
        return DCS_DEFAULT;
    *out = buf_of(out->p, out->cap);
    out->full = !text_to_ucs2(utf8, out);
    return DCS_UCS2;
}

/* TP-DCS of what is behind the header; *text gets its characters: a septet an octet, or octets as they are.
 */
static uint8_t recode(uint8_t coding, struct span body, struct buf *text)
{
    const bool classed = (coding & 0xF0) == 0xF0 || (coding & 0xD0) == 0x10; /* TS 23.038 4 */
    if (coding == CODING_ASCII || coding == CODING_LATIN_1)
        return from_latin(body, text);
    buf_put(text, body);
    return coding == CODING_DEFAULT ? DCS_DEFAULT
           : coding == CODING_UCS2  ? DCS_UCS2
           : classed                ? coding
                                    : DCS_OCTETS;
}

bool smsc_text_originator(const struct smpp_address *from, const char *own, struct buf *out)
{
    enum { TYPE_ALPHANUMERIC = 0xD0, NAME_MAX_SEPTETS = 11 };
    char number[SMPP_ADDRESS_MAX + 2];
    uint8_t octets[2 * SMPP_ADDRESS_MAX];
    struct buf name = buf_of(octets, sizeof octets);
    if (from->digits[0] == '\0')
        return sms_address_pack(own, out);
    if (from->ton != SMPP_TON_ALPHANUMERIC) {
        const bool plus = from->ton == SMPP_TON_INTERNATIONAL && from->digits[0] != '+';
        snprintf(number, sizeof number, "%s%s", plus ? "+" : "", from->digits);
        return sms_address_pack(number, out);
    }
    if (!text_to_gsm(from->digits, &name) || name.len > NAME_MAX_SEPTETS)
        return false;
    buf_u8(out, (uint8_t)((7 * name.len + 3) / 4)); /* semi-octets that are used */
    buf_u8(out, TYPE_ALPHANUMERIC);
    text_pack(buf_span(&name), 0, out);
    return buf_ok(out);
}

uint32_t smsc_text_deliver(const struct smpp_message *m, struct span originator, const uint8_t stamp[7],
                           struct buf *tpdu)
{
    const bool udhi = (m->esm_class & SMPP_CLASS_UDHI) != 0;
    const struct span data = span_of(m->data, m->n);
    const size_t header = udhi && m->n > 0 ? m->data[0] + 1u : 0;
    uint8_t octets[2 * SMPP_MESSAGE_MAX];
    struct buf text = buf_of(octets, sizeof octets);
    if (header > m->n || (udhi && m->n == 0))
        return SMPP_INVALID_MESSAGE_LENGTH;
    const uint8_t dcs = recode(m->data_coding, span_slice(data, header, data.n), &text);
    const bool packed = text_dcs_is_7bit(dcs);
    const size_t length = text.len + (packed ? header_septets(header) : header);
    if (!buf_ok(&text) || length > (packed ? SEPTETS_MAX : SMS_UD_MAX))
        return SMPP_INVALID_MESSAGE_LENGTH;
    buf_u8(tpdu, (uint8_t)(TP_MMS | (udhi ? TP_UDHI : 0)));
    buf_put(tpdu, originator);
    buf_u8(tpdu, m->protocol_id);
    buf_u8(tpdu, dcs);
    buf_put(tpdu, span_of(stamp, 7));
    buf_u8(tpdu, (uint8_t)length);
    buf_put(tpdu, span_slice(data, 0, header));
    if (packed)
        text_pack(buf_span(&text), fill_bits(header), tpdu);
    else
        buf_put(tpdu, buf_span(&text));
    return buf_ok(tpdu) ? SMPP_OK : SMPP_INVALID_MESSAGE_LENGTH;
}

/* Its digits, its type, and swapped BCD: TS 23.040 9.1.2.5. */
void smsc_text_destination(struct span address, struct smpp_address *to)
{
    enum { TYPE = 0x70, INTERNATIONAL = 0x10, ALPHANUMERIC = 0x50 };
    char digits[2 * SMS_ADDRESS_MAX + 1];
    struct reader r = rd_of(address);
    (void)rd_u8(&r);
    const uint8_t type = rd_u8(&r) & TYPE;
    const struct span packed = rd_rest(&r);
    if (type != ALPHANUMERIC && 2 * packed.n < sizeof digits && bcd_unpack(packed, digits) &&
        strlen(digits) >= 1 && strlen(digits) <= SMPP_ADDRESS_MAX && smpp_address(digits, to) &&
        type == INTERNATIONAL)
        to->ton = SMPP_TON_INTERNATIONAL;
}

bool smsc_text_submit(struct span tpdu, struct sms_submit *out, struct buf *text)
{
    struct reader r = rd_of(tpdu);
    const uint8_t first = rd_u8(&r);
    *out = (struct sms_submit){.has_udh = (first & TP_UDHI) != 0, .reference = rd_u8(&r)};
    const struct span rest = rd_rest(&r);
    if (rest.n == 0)
        return false;
    out->destination = span_slice(rest, 0, 2 + (rest.p[0] + 1u) / 2);
    r = rd_of(span_slice(rest, out->destination.n, rest.n));
    out->pid = rd_u8(&r);
    out->dcs = rd_u8(&r);
    (void)rd_take(&r, sms_validity_octets(first));
    const uint8_t length = rd_u8(&r);
    const bool packed = text_dcs_is_7bit(out->dcs);
    out->user_data = rd_take(&r, packed ? (7u * length + 7) / 8 : length);
    const size_t header = out->has_udh && out->user_data.n > 0 ? out->user_data.p[0] + 1u : 0;
    if (!rd_ok(&r) || (first & TP_MTI) != MTI_SUBMIT || header > out->user_data.n)
        return false;
    if (packed) {
        const size_t before = header_septets(header);
        buf_put(text, span_slice(out->user_data, 0, header));
        text_unpack(span_slice(out->user_data, header, out->user_data.n),
                    length > before ? length - before : 0, fill_bits(header), text);
        out->user_data = buf_span(text);
        out->dcs = DCS_DEFAULT;
    }
    return buf_ok(text);
}
