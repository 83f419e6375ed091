/* SPDX-License-Identifier: Apache-2.0 */
#include "sms.h"

#include "tlv.h"

/* First octet of a TPDU, TS 23.040 9.2.2. */
enum {
    TP_MTI = 0x03,
    TP_MTI_DELIVER = 0x00,
    TP_MTI_SUBMIT = 0x01,
    TP_MMS = 0x04, /* SMS-DELIVER: 1 says that no more messages wait */
    TP_VPF = 0x18, /* SMS-SUBMIT: which form of validity period is there */
    TP_VPF_NONE = 0x00,
    TP_VPF_RELATIVE = 0x10,
    TP_UDHI = 0x40,
};

enum { ADDRESS_DIGITS_MAX = 20, SEPTETS_MAX = 160 };

/* ---- data coding scheme, TS 23.038 4 ---- */

static bool dcs_is_8bit(uint8_t dcs)
{
    if ((dcs & 0x80) == 0) /* general groups, bit 6: compressed (never ours), bits 4-3: alphabet */
        return (dcs & 0x2C) == 0x04;
    return (dcs & 0xF4) == 0xF4; /* data coding/message class */
}

static bool dcs_is_class2(uint8_t dcs)
{
    if ((dcs & 0x80) == 0)
        return (dcs & 0x33) == 0x12;
    return (dcs & 0xF3) == 0xF2;
}

/* TP-UDL counts septets with the 7-bit alphabet (TS 23.040 9.2.3.16), else octets. */
static bool dcs_is_7bit(uint8_t dcs)
{
    if ((dcs & 0x80) == 0)
        return (dcs & 0x2C) == 0x00;
    return (dcs & 0xF4) == 0xF0;
}

static bool dcs_ours(uint8_t dcs)
{
    return dcs_is_8bit(dcs) || dcs_is_class2(dcs);
}

/* ---- parts of TPDUs ---- */

/* TS 23.040 9.1.2.5: length in semi-octets, at most 20; type of address; digits. */
static struct span read_address(struct reader *r)
{
    struct reader look = *r;
    size_t digits = rd_u8(&look);
    if (digits > ADDRESS_DIGITS_MAX)
        r->bad = true;
    struct span address = rd_take(r, 2 + (digits + 1) / 2);
    if (address.n > 0 && (address.p[1] & 0x80) == 0) /* bit 8 of the type is always 1 */
        r->bad = true;
    return address;
}

static bool address_ok(struct span address)
{
    struct reader r = rd_of(address);
    (void)read_address(&r);
    return rd_done(&r);
}

static struct span read_user_data(struct reader *r, uint8_t dcs)
{
    size_t n = rd_u8(r);
    if (dcs_is_7bit(dcs)) {
        if (n > SEPTETS_MAX)
            r->bad = true;
        n = (n * 7 + 7) / 8;
    }
    if (n > SMS_UD_MAX)
        r->bad = true;
    return rd_take(r, n);
}

bool sms_deliver_parse(struct span tpdu, struct sms_deliver *out)
{
    struct reader r = rd_of(tpdu);
    *out = (struct sms_deliver){0};
    uint8_t first = rd_u8(&r);
    out->has_udh = (first & TP_UDHI) != 0;
    out->originator = read_address(&r);
    out->pid = rd_u8(&r);
    out->dcs = rd_u8(&r);
    rd_copy(&r, out->timestamp, sizeof out->timestamp);
    out->user_data = read_user_data(&r, out->dcs);
    return rd_done(&r) && (first & TP_MTI) == TP_MTI_DELIVER && dcs_ours(out->dcs);
}

/* What both builders ask for: data that TP-UDL can count in octets. */
static bool user_data_ok(uint8_t dcs, struct span user_data)
{
    return dcs_ours(dcs) && !dcs_is_7bit(dcs) && user_data.n <= SMS_UD_MAX;
}

void sms_deliver_build(const struct sms_deliver *sms, struct buf *out)
{
    if (!address_ok(sms->originator) || !user_data_ok(sms->dcs, sms->user_data)) {
        out->full = true;
        return;
    }
    buf_u8(out, (uint8_t)(TP_MTI_DELIVER | TP_MMS | (sms->has_udh ? TP_UDHI : 0)));
    buf_put(out, sms->originator);
    buf_u8(out, sms->pid);
    buf_u8(out, sms->dcs);
    buf_put(out, span_of(sms->timestamp, sizeof sms->timestamp));
    buf_u8(out, (uint8_t)sms->user_data.n);
    buf_put(out, sms->user_data);
}

size_t sms_validity_octets(uint8_t first)
{
    switch (first & TP_VPF) {
    case TP_VPF_NONE:
        return 0;
    case TP_VPF_RELATIVE:
        return 1;
    default: /* enhanced, absolute */
        return 7;
    }
}

bool sms_submit_parse(struct span tpdu, struct sms_submit *out)
{
    struct reader r = rd_of(tpdu);
    *out = (struct sms_submit){0};
    uint8_t first = rd_u8(&r);
    out->has_udh = (first & TP_UDHI) != 0;
    out->reference = rd_u8(&r);
    out->destination = read_address(&r);
    out->pid = rd_u8(&r);
    out->dcs = rd_u8(&r);
    (void)rd_take(&r, sms_validity_octets(first));
    out->user_data = read_user_data(&r, out->dcs);
    return rd_done(&r) && (first & TP_MTI) == TP_MTI_SUBMIT && dcs_ours(out->dcs);
}

void sms_submit_build(const struct sms_submit *sms, struct buf *out)
{
    if (!address_ok(sms->destination) || !user_data_ok(sms->dcs, sms->user_data)) {
        out->full = true;
        return;
    }
    buf_u8(out, (uint8_t)(TP_MTI_SUBMIT | TP_VPF_NONE | (sms->has_udh ? TP_UDHI : 0)));
    buf_u8(out, sms->reference);
    buf_put(out, sms->destination);
    buf_u8(out, sms->pid);
    buf_u8(out, sms->dcs);
    buf_u8(out, (uint8_t)sms->user_data.n);
    buf_put(out, sms->user_data);
}

/* ---- user data header ---- */

bool sms_udh_parse(struct span user_data, struct sms_udh *out)
{
    struct reader r = rd_of(user_data);
    *out = (struct sms_udh){0};
    struct reader header = rd_of(rd_take(&r, rd_u8(&r)));
    out->body = rd_rest(&r);
    if (!rd_ok(&r)) {
        *out = (struct sms_udh){0};
        return false;
    }
    while (rd_ok(&header) && header.left > 0) {
        uint8_t id = rd_u8(&header);
        struct reader value = rd_of(rd_take(&header, rd_u8(&header)));
        if (!rd_ok(&header))
            break;
        /* TS 23.040 9.2.3.24: of an element that stands twice, or two that exclude each other, the last
         * counts. */
        switch (id) {
        case UDH_CONCAT_8:
        case UDH_CONCAT_16:
            out->concatenated = true;
            out->reference16 = id == UDH_CONCAT_16;
            out->reference = (uint16_t)rd_be(&value, out->reference16 ? 2 : 1);
            out->total = rd_u8(&value);
            out->part = rd_u8(&value);
            header.bad |= !rd_done(&value);
            break;
        case UDH_COMMAND_PACKET:
            out->command_packet = true;
            header.bad |= value.left != 0; /* TS 31.115 4: IEDL 00 */
            break;
        case UDH_RESPONSE_PACKET:
            out->response_packet = true;
            header.bad |= value.left != 0;
            break;
        default:
            break;
        }
    }
    if (!rd_ok(&header))
        *out = (struct sms_udh){0};
    return rd_ok(&header);
}

/* ---- ENVELOPE (SMS-PP DOWNLOAD) ---- */

enum {
    BER_SMS_PP_DOWNLOAD = 0xD1, /* TS 101 220 7.2 */
    CTLV_DEVICE_IDENTITIES = 0x02,
    CTLV_ADDRESS = 0x06,
    CTLV_SMS_TPDU = 0x0B,
    CTLV_COMPREHENSION = 0x80,
};

/* From the network to the UICC, TS 102 223 8.7. */
static const uint8_t network_to_uicc[2] = {0x83, 0x81};

bool envelope_sms_pp_parse(struct span envelope, struct envelope_sms_pp *out)
{
    *out = (struct envelope_sms_pp){SPAN_EMPTY, SPAN_EMPTY};
    struct reader r = rd_of(envelope);
    struct tlv outer, t;
    if (!tlv_next(&r, &outer) || !rd_done(&r) || outer.tag != BER_SMS_PP_DOWNLOAD)
        return false;
    bool devices = false, address = false, tpdu = false;
    struct reader inner = rd_of(outer.value);
    while (ctlv_next(&inner, &t, NULL)) {
        if (t.tag == CTLV_DEVICE_IDENTITIES && !devices) {
            devices = true;
            if (!span_equal(t.value, span_of(network_to_uicc, sizeof network_to_uicc)))
                return false;
        } else if (t.tag == CTLV_ADDRESS && !address) {
            address = true;
            out->address = t.value;
        } else if (t.tag == CTLV_SMS_TPDU && !tpdu) {
            tpdu = true;
            out->tpdu = t.value;
        }
    }
    if (rd_done(&inner) && devices && tpdu)
        return true;
    *out = (struct envelope_sms_pp){SPAN_EMPTY, SPAN_EMPTY};
    return false;
}

void envelope_sms_pp_build(const struct envelope_sms_pp *e, struct buf *out)
{
    size_t mark = buf_tlv_open(out, BER_SMS_PP_DOWNLOAD);
    buf_tlv(out, CTLV_COMPREHENSION | CTLV_DEVICE_IDENTITIES,
            span_of(network_to_uicc, sizeof network_to_uicc));
    if (e->address.n > 0)
        buf_tlv(out, CTLV_COMPREHENSION | CTLV_ADDRESS, e->address);
    buf_tlv(out, CTLV_COMPREHENSION | CTLV_SMS_TPDU, e->tpdu);
    buf_tlv_close(out, mark);
}

/* ---- the way out ---- */

/* TS 23.040 9.1.2.3: * is 1010, # 1011 */
static unsigned semi_octet(char digit)
{
    return digit == '*' ? 0x0A : digit == '#' ? 0x0B : (unsigned)(digit - '0');
}

static bool pack_digits(const char *number, const char *allowed, struct buf *out)
{
    uint8_t type = 0x81; /* unknown, ISDN/telephone numbering plan (TS 23.040 9.1.2.5) */
    if (number[0] == '+') {
        type = 0x91; /* international */
        number++;
    }
    size_t n = strlen(number);
    if (n < 1 || n > ADDRESS_DIGITS_MAX || strspn(number, allowed) != n)
        return false;
    buf_u8(out, (uint8_t)n);
    buf_u8(out, type);
    for (size_t i = 0; i < n; i += 2) {
        unsigned high = i + 1 < n ? semi_octet(number[i + 1]) : 0x0F;
        buf_u8(out, (uint8_t)(high << 4 | semi_octet(number[i])));
    }
    return buf_ok(out);
}

bool sms_address_pack(const char *number, struct buf *out)
{
    return pack_digits(number, "0123456789", out);
}

bool sms_dialled_pack(const char *number, struct buf *out)
{
    return pack_digits(number, "0123456789*#", out);
}

static void put_concatenation(struct buf *b, uint8_t ref, size_t total, size_t part)
{
    buf_u8(b, UDH_CONCAT_8);
    buf_u8(b, 3);
    buf_u8(b, ref);
    buf_u8(b, (uint8_t)total);
    buf_u8(b, (uint8_t)part);
}

bool sms_packet_split(struct span packet, uint8_t ref, struct span originator,
                      bool (*each)(void *ctx, unsigned nth, struct span tpdu), void *ctx)
{
    enum {
        IE_PACKET = 2,
        IE_CONCAT = 5,
        ALONE = SMS_UD_MAX - 1 - IE_PACKET,
        FIRST = SMS_UD_MAX - 1 - IE_CONCAT - IE_PACKET,
        LATER = SMS_UD_MAX - 1 - IE_CONCAT,
    };
    size_t total = 1;
    if (packet.n > ALONE)
        total += (packet.n - FIRST + LATER - 1) / LATER;
    if (total > 255)
        return false;
    size_t at = 0;
    for (size_t part = 1; part <= total; part++) {
        uint8_t user_data[SMS_UD_MAX], tpdu[SMS_TPDU_MAX];
        struct buf ud = buf_of(user_data, sizeof user_data), b = buf_of(tpdu, sizeof tpdu);
        buf_u8(&ud, (uint8_t)((total > 1 ? IE_CONCAT : 0) + (part == 1 ? IE_PACKET : 0)));
        if (total > 1)
            put_concatenation(&ud, ref, total, part);
        if (part == 1) { /* TS 31.115 4: the identifier of a command packet stands in the first part only */
            buf_u8(&ud, UDH_COMMAND_PACKET);
            buf_u8(&ud, 0);
        }
        struct span piece = span_slice(packet, at, sizeof user_data - ud.len);
        at += piece.n;
        buf_put(&ud, piece);
        const struct sms_deliver sms = {
            .originator = originator,
            .pid = SMS_PID_USIM_DOWNLOAD,
            .dcs = SMS_DCS_CLASS2_8BIT,
            .timestamp = {0x00, 0x10, 0x10}, /* 1 January 2000: any valid time does, nobody reads it */
            .has_udh = true,
            .user_data = buf_span(&ud),
        };
        sms_deliver_build(&sms, &b);
        if (!buf_ok(&b) || !each(ctx, (unsigned)(part - 1), buf_span(&b)))
            return false;
    }
    return true;
}
