/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers, and short messages.
 */
#include "decode_rows.h"
#include "decode_text.h"

/* ---- numbers ---- */

/* TS 31.102 4.4.2.3: X octets of name, then 14: length, TON/NPI, digits, capability, extension; of a
 * barred number one more (4.2.44) */
static bool number(struct span s, bool barred, struct out *o)
{
    const size_t foot = barred ? 15 : 14;
    char text[TEXT_ROOM];
    if (s.n < foot)
        return false;
    struct reader r = rd_of(s);
    struct span alpha = rd_take(&r, s.n - foot);
    uint8_t length = rd_u8(&r), ton = rd_u8(&r);
    struct span digits = rd_take(&r, 10);
    uint8_t capability = rd_u8(&r), extension = rd_u8(&r);
    if (length != 0xFF && length > 11)
        return false;
    text_alpha(alpha, text, sizeof text);
    if (text[0] != '\0' || o->json)
        out_string(o, "*name", text);
    text_number(ton, span_slice(digits, 0, length == 0xFF || length == 0 ? 0 : length - 1u), text,
                sizeof text);
    out_string(o, "*number", text[0] != '\0' || o->json ? text : "no number");
    if (capability != 0xFF)
        out_number(o, "capability_record", capability);
    if (extension != 0xFF)
        out_number(o, "extension_record", extension);
    const uint8_t comparison = barred ? rd_u8(&r) : 0xFF;
    if (comparison != 0xFF)
        out_number(o, "comparison_record", comparison);
    return true;
}

static bool dialling(struct span s, struct out *o)
{
    return number(s, false, o);
}

static bool barred(struct span s, struct out *o)
{
    return number(s, true, o);
}

/* TS 31.102 4.4.2.4: eleven octets of data; of more digits the first is their length */
static bool extension(struct span s, struct out *o)
{
    enum { SUBADDRESS = 0x01, MORE_DIGITS = 0x02 };
    char text[NUMBER_ROOM];
    struct reader r = rd_of(s);
    uint8_t type = rd_u8(&r);
    struct span data = rd_take(&r, 11);
    uint8_t next = rd_u8(&r);
    if (!rd_done(&r))
        return false;
    if (type == MORE_DIGITS && data.p[0] <= 10) {
        text_digits(span_slice(data, 1, 1u + data.p[0]), text, sizeof text);
        out_string(o, "more_digits", text);
    } else if (type == 0x00 && text_blank(data)) {
        out_string(o, "*use", "free");
    } else {
        out_hex(o, type == SUBADDRESS ? "subaddress" : "data", data);
    }
    if (next != 0xFF)
        out_number(o, "next_record", next);
    return true;
}

static void out_categories(struct out *o, uint8_t bits)
{
    /* TS 24.008 10.5.4.33 */
    static const char *const names[] = {"police",          "ambulance",    "fire brigade",   "marine guard",
                                        "mountain rescue", "manual eCall", "automatic eCall"};
    out_open_list(o, o->json ? "categories" : "*", false);
    if ((bits & 0x7F) == 0 && !o->json)
        out_string(o, NULL, "any service");
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if ((bits >> i & 1) != 0)
            out_string(o, NULL, names[i]);
    out_close(o);
}

/* TS 31.102 4.2.21: code, name, category */
static bool emergency(struct span s, struct out *o)
{
    char text[TEXT_ROOM];
    if (s.n < 4)
        return false;
    text_digits(span_slice(s, 0, 3), text, sizeof text);
    out_string(o, "*number", text);
    text_alpha(span_slice(s, 3, s.n - 4), text, sizeof text);
    if (text[0] != '\0' || o->json)
        out_string(o, "*name", text);
    if (s.p[s.n - 1] != 0xFF)
        out_categories(o, s.p[s.n - 1]);
    return true;
}

/* TS 51.011 10.3.27: codes of three octets */
static bool emergency_gsm(struct span s, struct out *o)
{
    char text[NUMBER_ROOM];
    if (s.n % 3 != 0)
        return false;
    out_open_list(o, "*numbers", false);
    for (struct reader r = rd_of(s); r.left > 0;) {
        text_digits(rd_take(&r, 3), text, sizeof text);
        if (text[0] != '\0')
            out_string(o, NULL, text);
    }
    out_close(o);
    return true;
}

/* TS 31.102 4.2.62: records of EF.MBDN */
static bool mailboxes(struct span s, struct out *o)
{
    static const char *const names[] = {"voice", "fax", "email", "other", "video"};
    if (s.n < 4)
        return false;
    for (size_t i = 0; i < s.n && i < 5; i++)
        out_index(o, names[i], s.p[i]);
    return true;
}

/* TS 31.102 4.2.63: what waits, and how many */
static bool waiting(struct span s, struct out *o)
{
    static const char *const names[] = {"voice", "fax", "email", "other", "video"};
    if (s.n < 5)
        return false;
    if ((s.p[0] & 0x1F) == 0 && !o->json)
        out_string(o, NULL, "nothing waiting");
    for (size_t i = 0; i + 1 < s.n && i < 5; i++)
        if ((s.p[0] >> i & 1) != 0)
            out_number(o, names[i], s.p[i + 1]);
    return true;
}

/* TS 31.102 4.2.64 */
static bool forwarding(struct span s, struct out *o)
{
    char text[NUMBER_ROOM];
    struct reader r = rd_of(s);
    uint8_t msp = rd_u8(&r), status = rd_u8(&r), length = rd_u8(&r), ton = rd_u8(&r);
    struct span digits = rd_take(&r, 10);
    rd_take(&r, 2);
    if (!rd_ok(&r) || (length != 0xFF && length > 11))
        return false;
    out_number(o, "profile", msp);
    out_flag(o, "voice", (status & 1) != 0);
    out_flag(o, "fax", (status & 2) != 0);
    out_flag(o, "data", (status & 4) != 0);
    text_number(ton, span_slice(digits, 0, length == 0xFF || length == 0 ? 0 : length - 1u), text,
                sizeof text);
    if (text[0] != '\0' || o->json)
        out_string(o, "*number", text);
    return true;
}

/* ---- short messages ---- */

/* TS 23.040 9.1.2.5: number of digits, TON/NPI, digits */
static void out_address(struct out *o, const char *name, uint8_t digits, uint8_t ton, struct span octets)
{
    char text[NUMBER_ROOM];
    if ((ton & 0x70) == 0x50) /* alphanumeric: septets, and "digits" are half-octets */
        text_gsm_packed(octets, digits * 4u / 7u, 0, text, sizeof text);
    else
        text_address(ton, octets, text, sizeof text);
    size_t most = (size_t)digits + (text[0] == '+'); /* what pads the last octet need not be F */
    if ((ton & 0x70) != 0x50 && most < strlen(text))
        text[most] = '\0';
    out_string(o, name, text);
}

static struct span take_address(struct reader *r, uint8_t *digits, uint8_t *ton)
{
    *digits = rd_u8(r);
    *ton = rd_u8(r);
    return rd_take(r, (*digits + 1u) / 2u);
}

static void out_sms_tpdu(struct out *o, struct span tpdu)
{
    /* TS 23.040 9.2.2; who sent it tells its type apart: what the card keeps as received is a DELIVER */
    struct reader r = rd_of(tpdu);
    uint8_t first = rd_u8(&r), digits = 0, ton = 0;
    bool submit = (first & 3) == 1;
    if (submit)
        rd_u8(&r);
    struct span address = take_address(&r, &digits, &ton);
    if (!rd_ok(&r) || (first & 3) > 1)
        return;
    out_address(o, submit ? "to" : "from", digits, ton, address);
    rd_take(&r, 2);
    if (submit)
        rd_take(&r, (first >> 3 & 3) == 0 ? 0 : (first >> 3 & 3) == 2 ? 1 : 7);
    else
        rd_take(&r, 7);
    uint8_t length = rd_u8(&r);
    if (rd_ok(&r))
        out_number(o, "length", length);
}

/* TS 31.102 4.2.25: a summary; the text is the user's own */
static bool sms(struct span s, struct out *o)
{
    char text[NUMBER_ROOM];
    struct reader r = rd_of(s);
    uint8_t status = rd_u8(&r) & 0x1F;
    if (!rd_ok(&r))
        return false;
    const char *name = (status & 1) == 0      ? "free"
                       : (status & 7) == 1    ? "received, read"
                       : (status & 7) == 3    ? "received, to be read"
                       : (status & 7) == 7    ? "to be sent"
                       : (status & 0x18) == 0 ? "sent"
                                              : "sent, status report requested";
    out_string(o, "*status", name);
    if ((status & 1) == 0)
        return true;
    uint8_t length = rd_u8(&r);
    struct span centre = rd_take(&r, length);
    if (!rd_ok(&r))
        return false;
    if (centre.n > 1) {
        text_address(centre.p[0], span_slice(centre, 1, centre.n), text, sizeof text);
        out_string(o, "service_centre", text);
    }
    out_sms_tpdu(o, rd_rest(&r));
    return true;
}

/* TS 31.102 4.2.32 */
static bool sms_report(struct span s, struct out *o)
{
    if (s.n == 0)
        return false;
    if (s.p[0] == 0)
        out_string(o, "*use", "free");
    else
        out_number(o, "report_on_record", s.p[0]);
    return true;
}

/* TS 31.102 4.2.28 */
static bool sms_status(struct span s, struct out *o)
{
    if (s.n < 2)
        return false;
    out_number(o, "last_reference", s.p[0]);
    out_flag(o, "memory_full", (s.p[1] & 1) == 0);
    return true;
}

/* TS 23.040 9.2.3.12.1 */
static void out_validity(struct out *o, uint8_t vp)
{
    if (vp <= 143)
        out_format(o, "validity", "%u min", 5u * (vp + 1u));
    else if (vp <= 167)
        out_format(o, "validity", "%u min", 720u + 30u * (vp - 143u));
    else if (vp <= 196)
        out_format(o, "validity", "%u days", vp - 166u);
    else
        out_format(o, "validity", "%u weeks", vp - 192u);
}

/* TS 31.102 4.2.27: name, then 28: indicators (a bit that is 0: present), destination, service centre, PID,
 * DCS, validity */
static bool sms_parameters(struct span s, struct out *o)
{
    enum { FOOT = 28 };
    char text[TEXT_ROOM];
    if (s.n < FOOT)
        return false;
    struct reader r = rd_of(s);
    text_alpha(rd_take(&r, s.n - FOOT), text, sizeof text);
    uint8_t absent = rd_u8(&r);
    struct reader destination = rd_of(rd_take(&r, 12)), centre = rd_of(rd_take(&r, 12));
    uint8_t pid = rd_u8(&r), dcs = rd_u8(&r), vp = rd_u8(&r), length, ton;
    if (text[0] != '\0' || o->json)
        out_string(o, "*name", text);
    if ((absent & 1) == 0) {
        struct span address = take_address(&destination, &length, &ton);
        if (rd_ok(&destination))
            out_address(o, "destination", length, ton, address);
    }
    if ((absent & 2) == 0) {
        length = rd_u8(&centre);
        ton = rd_u8(&centre);
        text_address(ton, rd_take(&centre, length > 0 ? length - 1u : 0), text, sizeof text);
        if (rd_ok(&centre))
            out_string(o, "service_centre", text);
    }
    if ((absent & 4) == 0)
        out_format(o, "PID", "%02X", pid);
    if ((absent & 8) == 0)
        out_format(o, "DCS", "%02X", dcs);
    if ((absent & 16) == 0)
        out_validity(o, vp);
    return true;
}

/* ---- their files ---- */

static const struct decode_row rows[] = {
    {PLACE_USIM, 0x6FB7, emergency, "TS 31.102 4.2.21", false},
    {PLACE_USIM, 0x6F3B, dialling, "TS 31.102 4.2.24", false},
    {PLACE_USIM, 0x6F3C, sms, "TS 31.102 4.2.25", false},
    {PLACE_USIM, 0x6F40, dialling, "TS 31.102 4.2.26", false},
    {PLACE_USIM, 0x6F42, sms_parameters, "TS 31.102 4.2.27", false},
    {PLACE_USIM, 0x6F43, sms_status, "TS 31.102 4.2.28", false},
    {PLACE_USIM, 0x6F49, dialling, "TS 31.102 4.2.29", false},
    {PLACE_USIM, 0x6F4B, extension, "TS 31.102 4.2.30", false},
    {PLACE_USIM, 0x6F4C, extension, "TS 31.102 4.2.31", false},
    {PLACE_USIM, 0x6F47, sms_report, "TS 31.102 4.2.32", false},
    {PLACE_USIM, 0x6F4E, extension, "TS 31.102 4.2.37", false},
    {PLACE_USIM, 0x6F4D, barred, "TS 31.102 4.2.44", false},
    {PLACE_USIM, 0x6F55, extension, "TS 31.102 4.2.45", false},
    {PLACE_USIM, 0x6FC7, dialling, "TS 31.102 4.2.60", false},
    {PLACE_USIM, 0x6FC8, extension, "TS 31.102 4.2.61", false},
    {PLACE_USIM, 0x6FC9, mailboxes, "TS 31.102 4.2.62", false},
    {PLACE_USIM, 0x6FCA, waiting, "TS 31.102 4.2.63", false},
    {PLACE_USIM, 0x6FCB, forwarding, "TS 31.102 4.2.64", false},
    {PLACE_USIM, 0x6FCC, extension, "TS 31.102 4.2.65", false},
    {PLACE_USIM, 0x6FCF, extension, "TS 31.102 4.2.68", false},

    {PLACE_PHONEBOOK, 0x4F3A, dialling, "TS 31.102 4.4.2.3", false},
    {PLACE_PHONEBOOK, 0x4F4A, extension, "TS 31.102 4.4.2.4", false},

    {PLACE_ISIM, 0x6F3C, sms, "TS 31.103 4.2.12", false},
    {PLACE_ISIM, 0x6F43, sms_status, "TS 31.103 4.2.13", false},
    {PLACE_ISIM, 0x6F47, sms_report, "TS 31.103 4.2.14", false},
    {PLACE_ISIM, 0x6F42, sms_parameters, "TS 31.103 4.2.15", false},

    {PLACE_TELECOM, 0x6F3A, dialling, "TS 51.011 10.5.1", false},
    {PLACE_TELECOM, 0x6F3B, dialling, "TS 51.011 10.5.2", false},
    {PLACE_TELECOM, 0x6F3C, sms, "TS 51.011 10.5.3", false},
    {PLACE_TELECOM, 0x6F40, dialling, "TS 51.011 10.5.5", false},
    {PLACE_TELECOM, 0x6F42, sms_parameters, "TS 51.011 10.5.6", false},
    {PLACE_TELECOM, 0x6F43, sms_status, "TS 51.011 10.5.7", false},
    {PLACE_TELECOM, 0x6F44, dialling, "TS 51.011 10.5.8", false},
    {PLACE_TELECOM, 0x6F49, dialling, "TS 51.011 10.5.9", false},
    {PLACE_TELECOM, 0x6F4A, extension, "TS 51.011 10.5.10", false},
    {PLACE_TELECOM, 0x6F4B, extension, "TS 51.011 10.5.11", false},
    {PLACE_TELECOM, 0x6F4C, extension, "TS 51.011 10.5.12", false},
    {PLACE_TELECOM, 0x6F4D, barred, "TS 51.011 10.5.13", false},
    {PLACE_TELECOM, 0x6F4E, extension, "TS 51.011 10.5.14", false},
    {PLACE_TELECOM, 0x6F47, sms_report, "TS 51.011 10.5.15", false},

    {PLACE_GSM, 0x6FB7, emergency_gsm, "TS 51.011 10.3.27", false},
    {PLACE_GSM, 0x6FC7, dialling, "TS 51.011 10.3.43", false},
    {PLACE_GSM, 0x6FC8, extension, "TS 51.011 10.3.44", false},
    {PLACE_GSM, 0x6FC9, mailboxes, "TS 51.011 10.3.45", false},
    {PLACE_GSM, 0x6FCA, waiting, "TS 51.011 10.3.46", false},
    {PLACE_GSM, 0x6FCB, forwarding, "TS 51.011 10.3.47", false},
    {PLACE_GSM, 0x6FCC, extension, "TS 51.011 10.3.48", false},
};

const struct decode_rows decode_numbers = {rows, sizeof rows / sizeof rows[0]};
