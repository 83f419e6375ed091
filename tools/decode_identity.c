/* SPDX-License-Identifier: Apache-2.0
 *
 * What there is to say of a card and its subscriber: identities, languages, services,
 * IMS, charges, phone book.
 */
#include "decode_rows.h"
#include "decode_text.h"
#include "hex.h"
#include "tlv.h"

/* ---- identity and languages ---- */

/* ETSI TS 102 221 13.2 */
static bool iccid(struct span s, struct out *o)
{
    char text[24];
    if (s.n != 10 || !bcd_unpack(s, text))
        return false;
    out_string(o, "*ICCID", text);
    return true;
}

/* TS 31.102 4.2.2 */
static bool imsi(struct span s, struct out *o)
{
    char text[16];
    if (!imsi_unpack(s, text))
        return false;
    out_string(o, "*IMSI", text);
    return true;
}

/* ETSI TS 102 221 13.3, TS 31.102 4.2.1: pairs of letters (ISO 639) in the default alphabet */
static bool languages(struct span s, struct out *o)
{
    if (s.n % 2 != 0)
        return false;
    out_open_list(o, "*languages", false);
    for (struct reader r = rd_of(s); r.left > 0;) {
        char text[16];
        struct span two = rd_take(&r, 2);
        text_gsm(two, text, sizeof text);
        if (!text_blank(two))
            out_string(o, NULL, text);
    }
    out_close(o);
    return true;
}

/* TS 51.011 10.3.1: coding schemes of TS 23.038 */
static bool language_codes(struct span s, struct out *o)
{
    out_open_list(o, "*cbs_coding_schemes", false);
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != 0xFF)
            out_format(o, NULL, "%02X", s.p[i]);
    out_close(o);
    return true;
}

/* ETSI TS 102 221 13.1 */
static bool directory(struct span s, struct out *o)
{
    struct span application, value;
    char text[TEXT_ROOM];
    if (!tlv_find(s, 0x61, &application) || !tlv_find(application, 0x4F, &value))
        return false;
    out_hex(o, "AID", value);
    if (tlv_find(application, 0x50, &value)) {
        text_alpha(value, text, sizeof text);
        out_string(o, "label", text);
    }
    return true;
}

/* ETSI TS 102 221 13.6 */
static bool power(struct span s, struct out *o)
{
    struct reader r = rd_of(s);
    unsigned milliamperes = rd_u8(&r), timeout = rd_u8(&r), flags = rd_u8(&r);
    if (!rd_ok(&r))
        return false;
    out_format(o, "maximum_current", "%u mA", milliamperes);
    if (timeout == 0xFF)
        out_string(o, "time-out", "none");
    else
        out_number(o, "time-out", timeout);
    out_flag(o, "increased_idle_current", (flags & 0x01) != 0);
    out_flag(o, "suspension", (flags & 0x02) != 0);
    return true;
}

/* ---- services ---- */

static bool services(struct span s, struct out *o, const char *(*name_of)(unsigned n))
{
    if (s.n == 0)
        return false;
    out_open_list(o, "*services", false);
    for (unsigned n = 1; n <= 8 * s.n; n++) {
        if ((s.p[(n - 1) / 8] >> (n - 1) % 8 & 1) == 0)
            continue;
        const char *name = name_of(n);
        if (!o->json) {
            out_format(o, NULL, "%u %s", n, name != NULL ? name : "?");
            continue;
        }
        out_open_object(o, NULL);
        out_number(o, "number", n);
        out_string(o, "name", name != NULL ? name : "");
        out_close(o);
    }
    out_close(o);
    return true;
}

static bool ust(struct span s, struct out *o)
{
    return services(s, o, decode_ust_service);
}

static bool est(struct span s, struct out *o)
{
    return services(s, o, decode_est_service);
}

static bool ist(struct span s, struct out *o)
{
    return services(s, o, decode_ist_service);
}

/* TS 51.011 10.3.7: two bits each, allocated and activated. */
static bool sst(struct span s, struct out *o)
{
    out_open_list(o, "*services", false);
    for (unsigned n = 1; n <= 4 * s.n; n++) {
        unsigned bits = s.p[(n - 1) / 4] >> 2 * ((n - 1) % 4) & 3u;
        if ((bits & 1) == 0)
            continue;
        const char *name = decode_sst_service(n);
        if (!o->json) {
            out_format(o, NULL, "%u %s%s", n, name != NULL ? name : "?", bits == 1 ? " (not activated)" : "");
            continue;
        }
        out_open_object(o, NULL);
        out_number(o, "number", n);
        out_string(o, "name", name != NULL ? name : "");
        out_flag(o, "activated", bits == 3);
        out_close(o);
    }
    out_close(o);
    return true;
}

/* ---- IMS: TLV 80 with text ---- */

static bool uri(struct span s, struct out *o, const char *name)
{
    char text[TEXT_ROOM];
    struct span value;
    if (!tlv_find(s, 0x80, &value))
        return false;
    text_utf8(value, text, sizeof text);
    out_string(o, name, text);
    return true;
}

static bool impi(struct span s, struct out *o)
{
    return uri(s, o, "*IMPI");
}

static bool impu(struct span s, struct out *o)
{
    return uri(s, o, "*IMPU");
}

static bool domain(struct span s, struct out *o)
{
    return uri(s, o, "*domain");
}

/* TS 31.102 4.4.11.10 */
static bool supi_nai(struct span s, struct out *o)
{
    static const char *const names[] = {"NSI", "GLI", "GCI"};
    char text[TEXT_ROOM];
    struct reader r = rd_of(s);
    struct tlv t;
    bool some = false;
    while (r.left > 0 && r.p[0] != 0xFF && tlv_next(&r, &t)) {
        if (t.tag < 0x80 || t.tag > 0x82)
            continue;
        text_utf8(t.value, text, sizeof text);
        out_string(o, names[t.tag - 0x80], text);
        some = true;
    }
    return some && rd_ok(&r);
}

/* TS 31.103 4.2.8: type of address, address */
static bool pcscf(struct span s, struct out *o)
{
    char text[TEXT_ROOM];
    struct span value;
    if (!tlv_find(s, 0x80, &value) || value.n < 2)
        return false;
    struct span address = span_slice(value, 1, value.n);
    if (value.p[0] == 0) {
        text_utf8(address, text, sizeof text);
        out_string(o, "*name", text);
    } else if (value.p[0] == 1 && address.n == 4) {
        out_format(o, "*ipv4", "%u.%u.%u.%u", address.p[0], address.p[1], address.p[2], address.p[3]);
    } else {
        out_hex(o, value.p[0] == 2 ? "ipv6" : "address", address);
    }
    return true;
}

/* ---- the rest ---- */

static bool rules(struct span s, struct out *o)
{
    return decode_rule(s, o);
}

/* TS 31.102 4.2.7, 4.2.9 */
static bool units(struct span s, struct out *o)
{
    struct reader r = rd_of(s);
    uint64_t value = rd_be(&r, 3);
    if (!rd_done(&r))
        return false;
    out_number(o, "*units", value);
    return true;
}

/* TS 31.102 4.2.13: currency, elementary price per unit as EPPU * 10^EX */
static bool price(struct span s, struct out *o)
{
    char text[32];
    struct reader r = rd_of(s);
    text_gsm(rd_take(&r, 3), text, sizeof text);
    unsigned first = rd_u8(&r), second = rd_u8(&r);
    if (!rd_done(&r))
        return false;
    int exponent = (int)(second >> 5 & 7);
    out_string(o, "currency", text);
    out_format(o, "price", "%u x 10^%d", first << 4 | (second & 0x0F),
               (second & 0x10) != 0 ? -exponent : exponent);
    return true;
}

/* TS 31.102 4.2.48: number of APNs, each a DD with labels (TS 23.003 9.1) */
static bool apns(struct span s, struct out *o)
{
    struct reader r = rd_of(s);
    uint8_t n = rd_u8(&r);
    struct tlv t;
    out_open_list(o, "*APNs", false);
    for (unsigned i = 0; i < n && r.left > 0 && r.p[0] != 0xFF && tlv_next(&r, &t); i++) {
        char text[TEXT_ROOM];
        size_t at = 0;
        struct reader labels = rd_of(t.value);
        while (rd_ok(&labels) && labels.left > 0) {
            struct span label = rd_take(&labels, rd_u8(&labels));
            if (at > 0 && at + 1 < sizeof text)
                text[at++] = '.';
            text_utf8(label, text + at, sizeof text - at);
            at += strlen(text + at);
        }
        text[at] = '\0';
        if (!rd_ok(&labels))
            return false;
        if (t.tag == 0xDD)
            out_string(o, NULL, t.value.n > 0 ? text : "given by the network");
    }
    out_close(o);
    return rd_ok(&r);
}

static bool one_number(struct span s, struct out *o)
{
    if (s.n != 1)
        return false;
    out_number(o, "*value", s.p[0]);
    return true;
}

/* TS 31.102 4.4.2.2: files of the phone book */
static bool phone_book(struct span s, struct out *o)
{
    static const char *const names[] = {"ADN", "IAP", "EXT1", "SNE",   "ANR",  "PBC", "GRP",
                                        "AAS", "GAS", "UID",  "EMAIL", "CCP1", "PURI"};
    struct reader r = rd_of(s), inside;
    struct tlv t, file;
    out_open_list(o, "*files", false);
    while (r.left > 0 && r.p[0] != 0xFF && tlv_next(&r, &t)) {
        if (t.tag < 0xA8 || t.tag > 0xAA)
            return false;
        for (inside = rd_of(t.value); tlv_next(&inside, &file);) {
            struct reader value = rd_of(file.value);
            uint16_t fid = rd_u16(&value);
            uint8_t sfi = value.left > 0 ? rd_u8(&value) : 0;
            const char *name = file.tag >= 0xC0 && file.tag - 0xC0u < sizeof names / sizeof names[0]
                                   ? names[file.tag - 0xC0u]
                                   : "?";
            if (rd_ok(&value) && sfi != 0)
                out_format(o, NULL, "%s %04X (SFI %02X, type %u)", name, fid, sfi, (unsigned)(t.tag - 0xA7u));
            else if (rd_ok(&value))
                out_format(o, NULL, "%s %04X (type %u)", name, fid, (unsigned)(t.tag - 0xA7u));
        }
    }
    out_close(o);
    return rd_ok(&r);
}

/* Any file that is a list of BER-TLV objects. */
static bool objects(struct span s, struct out *o)
{
    struct reader r = rd_of(s);
    struct tlv t;
    out_open_list(o, "*objects", true);
    while (r.left > 0 && r.p[0] != 0xFF && tlv_next(&r, &t)) {
        out_open_object(o, NULL);
        out_format(o, "tag", "%02X", (unsigned)t.tag);
        out_hex(o, ":value", t.value);
        out_close(o);
    }
    out_close(o);
    return rd_ok(&r);
}

static bool from_preferred(struct span s, struct out *o)
{
    if (s.n != 1)
        return false;
    out_string(o, "*from_preferred", (s.p[0] & 1) != 0 ? "yes" : "no");
    return true;
}

/* ---- their files ---- */

static const struct decode_row rows[] = {
    {PLACE_MF, 0x2F00, directory, "TS 102 221 13.1", false},
    {PLACE_MF, 0x2FE2, iccid, "TS 102 221 13.2", false},
    {PLACE_MF, 0x2F05, languages, "TS 102 221 13.3", false},
    {PLACE_MF, 0x2F06, rules, "TS 102 221 13.4", false},
    {PLACE_MF, 0x2F08, power, "TS 102 221 13.6", false},

    {PLACE_USIM, 0x6F05, languages, "TS 31.102 4.2.1", false},
    {PLACE_USIM, 0x6F07, imsi, "TS 31.102 4.2.2", false},
    {PLACE_USIM, 0x6F37, units, "TS 31.102 4.2.7", false},
    {PLACE_USIM, 0x6F38, ust, "TS 31.102 4.2.8", false},
    {PLACE_USIM, 0x6F39, units, "TS 31.102 4.2.9", false},
    {PLACE_USIM, 0x6F41, price, "TS 31.102 4.2.13", false},
    {PLACE_USIM, 0x6F82, units, "TS 31.102 4.2.35", false},
    {PLACE_USIM, 0x6F83, units, "TS 31.102 4.2.36", false},
    {PLACE_USIM, 0x6F56, est, "TS 31.102 4.2.47", false},
    {PLACE_USIM, 0x6F57, apns, "TS 31.102 4.2.48", false},
    {PLACE_USIM, 0x6F06, rules, "TS 31.102 4.2.55", false},
    {PLACE_USIM, 0x6FDB, one_number, "TS 31.102 4.2.85", false},
    {PLACE_USIM, 0x6FE8, objects, "TS 31.102 4.2.94", false},
    {PLACE_USIM, 0x6FF3, objects, "TS 31.102 4.2.103", false},
    {PLACE_USIM, 0x6FF4, objects, "TS 31.102 4.2.104", false},
    {PLACE_USIM, 0x6FF5, objects, "TS 31.102 4.2.105", false},
    {PLACE_USIM, 0x6FF6, objects, "TS 31.102 4.2.106", false},
    {PLACE_USIM, 0x6FF7, from_preferred, "TS 31.102 4.2.107", false},

    {PLACE_GSM_ACCESS, 0x4F64, one_number, "TS 31.102 4.4.3.4", false},

    {PLACE_5GS, 0x4F09, supi_nai, "TS 31.102 4.4.11.10", false},
    {PLACE_5GS, 0x4F0B, objects, "TS 31.102 4.4.11.12", false},
    {PLACE_5GS, 0x4F0C, objects, "TS 31.102 4.4.11.13", false},

    {PLACE_PHONEBOOK, 0x4F30, phone_book, "TS 31.102 4.4.2.1", false},

    {PLACE_ISIM, 0x6F02, impi, "TS 31.103 4.2.2", false},
    {PLACE_ISIM, 0x6F03, domain, "TS 31.103 4.2.3", false},
    {PLACE_ISIM, 0x6F04, impu, "TS 31.103 4.2.4", false},
    {PLACE_ISIM, 0x6F06, rules, "TS 31.103 4.2.6", false},
    {PLACE_ISIM, 0x6F07, ist, "TS 31.103 4.2.7", false},
    {PLACE_ISIM, 0x6F09, pcscf, "TS 31.103 4.2.8", false},
    {PLACE_ISIM, 0x6FF7, from_preferred, "TS 31.103 4.2.17", false},

    {PLACE_TELECOM, 0x6F06, rules, "TS 31.102 4.6", false},

    {PLACE_GSM, 0x6F05, language_codes, "TS 51.011 10.3.1", false},
    {PLACE_GSM, 0x6F07, imsi, "TS 51.011 10.3.2", false},
    {PLACE_GSM, 0x6F37, units, "TS 51.011 10.3.6", false},
    {PLACE_GSM, 0x6F38, sst, "TS 51.011 10.3.7", false},
    {PLACE_GSM, 0x6F39, units, "TS 51.011 10.3.8", false},
    {PLACE_GSM, 0x6F41, price, "TS 51.011 10.3.12", false},
    {PLACE_GSM, 0x6F64, one_number, "TS 51.011 10.3.39", false},
};

const struct decode_rows decode_identity = {rows, sizeof rows / sizeof rows[0]};
