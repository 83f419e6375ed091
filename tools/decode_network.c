/* SPDX-License-Identifier: Apache-2.0
 *
 * Networks: lists, location, names, access classes.
 */
#include <stdio.h>

#include "decode_rows.h"
#include "decode_text.h"
#include "tlv.h"

/* ---- networks ---- */

enum { TECHNOLOGIES_ROOM = 192 };

/* TS 31.102 4.2.5: access technologies, two octets */
static void technologies(uint16_t act, char to[TECHNOLOGIES_ROOM])
{
    static const struct {
        uint16_t mask, bits;
        const char *name;
    } names[] = {
        {0x8000, 0x8000, "UTRAN"},
        {0x7000, 0x4000, "E-UTRAN"},
        {0x7000, 0x6000, "E-UTRAN (WB-S1)"},
        {0x7000, 0x5000, "E-UTRAN (NB-S1)"},
        {0x7000, 0x7000, "E-UTRAN"},
        {0x0800, 0x0800, "NG-RAN"},
        {0x0400, 0x0400, "satellite NG-RAN"},
        {0x0200, 0x0200, "satellite E-UTRAN (WB-S1)"},
        {0x0100, 0x0100, "satellite E-UTRAN (NB-S1)"},
        {0x008C, 0x0080, "GSM"},
        {0x008C, 0x0084, "GSM (no EC)"},
        {0x008C, 0x0088, "EC-GSM-IoT"},
        {0x008C, 0x008C, "GSM"},
        {0x0040, 0x0040, "GSM COMPACT"},
        {0x0020, 0x0020, "cdma2000 HRPD"},
        {0x0010, 0x0010, "cdma2000 1xRTT"},
    };
    size_t n = 0;
    to[0] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t length = strlen(names[i].name);
        if ((act & names[i].mask) != names[i].bits || n + length + 2 > TECHNOLOGIES_ROOM)
            continue;
        n += (size_t)snprintf(to + n, TECHNOLOGIES_ROOM - n, "%s%s", n > 0 ? "+" : "", names[i].name);
    }
}

static bool plmns_with_act(struct span s, struct out *o)
{
    char act[TECHNOLOGIES_ROOM], plmn[8];
    if (s.n == 0 || s.n % 5 != 0)
        return false;
    out_open_list(o, "*networks", false);
    for (struct reader r = rd_of(s); r.left > 0;) {
        struct span three = rd_take(&r, 3);
        technologies(rd_u16(&r), act);
        if (!text_plmn(three, plmn))
            continue;
        if (!o->json) {
            out_format(o, NULL, "%s%s%s", plmn, act[0] != '\0' ? " " : "", act);
            continue;
        }
        out_open_object(o, NULL);
        out_string(o, "PLMN", plmn);
        out_string(o, "access_technologies", act);
        out_close(o);
    }
    out_close(o);
    return true;
}

static bool plmns(struct span s, struct out *o)
{
    char text[8];
    if (s.n == 0 || s.n % 3 != 0)
        return false;
    out_open_list(o, "*networks", false);
    for (struct reader r = rd_of(s); r.left > 0;)
        if (text_plmn(rd_take(&r, 3), text))
            out_string(o, NULL, text);
    out_close(o);
    return true;
}

/* TS 31.102 4.2.66 */
static bool spdi(struct span s, struct out *o)
{
    struct span list, value;
    return tlv_find(s, 0xA3, &list) && tlv_find(list, 0x80, &value) && plmns(value, o);
}

/* TS 31.102 4.2.50: a PLMN and what of it is meant, six octets each */
static bool co_operative(struct span s, struct out *o)
{
    char text[8];
    out_open_list(o, "*networks", true);
    for (struct reader r = rd_of(s); r.left >= 6;) {
        struct span three = rd_take(&r, 3), rest = rd_take(&r, 3);
        if (!text_plmn(three, text))
            continue;
        out_open_object(o, NULL);
        out_string(o, "*PLMN", text);
        out_hex(o, "*ids", rest);
        out_close(o);
    }
    out_close(o);
    return true;
}

/* TS 31.102 4.2.6: times six minutes, up to eight hours (TS 22.011 3.2.2.5) */
static bool search_period(struct span s, struct out *o)
{
    if (s.n != 1)
        return false;
    if (s.p[0] == 0 && !o->json)
        out_string(o, NULL, "no search");
    else if (s.p[0] > 0x50)
        out_string(o, "*period", "default");
    else
        out_format(o, "*period", "%u min", 6u * s.p[0]);
    return true;
}

/* TS 31.102 4.2.15 */
static bool access_classes(struct span s, struct out *o)
{
    if (s.n != 2)
        return false;
    unsigned bits = (unsigned)s.p[0] << 8 | s.p[1];
    out_open_list(o, o->json ? "access_classes" : "access_class", false);
    for (unsigned n = 0; n < 16; n++)
        if (n != 10 && (bits >> n & 1) != 0) /* b3 of octet 1 is always 0 */
            out_number(o, NULL, n);
    out_close(o);
    return true;
}

static const char *const loci_states[] = {"updated", "not updated", "PLMN not allowed",
                                          "location area not allowed"};
static const char *const psloci_states[] = {"updated", "not updated", "PLMN not allowed",
                                            "routing area not allowed"};
static const char *const epsloci_states[] = {"updated", "not updated", "roaming not allowed"};

static void out_temporary(struct out *o, const char *name, struct span id)
{
    if (text_blank(id))
        out_string(o, name, "none");
    else
        out_hex(o, name, id);
}

/* TS 31.102 4.2.17 */
static bool loci(struct span s, struct out *o)
{
    struct reader r = rd_of(s);
    struct span tmsi = rd_take(&r, 4), plmn = rd_take(&r, 3), lac = rd_take(&r, 2);
    rd_u8(&r);
    uint8_t state = rd_u8(&r) & 7;
    if (!rd_done(&r))
        return false;
    out_temporary(o, "TMSI", tmsi);
    out_plmn(o, "PLMN", plmn);
    out_hex(o, "LAC", lac);
    OUT_NAMED(o, "*status", loci_states, state);
    return true;
}

/* TS 31.102 4.2.23 */
static bool psloci(struct span s, struct out *o)
{
    struct reader r = rd_of(s);
    struct span ptmsi = rd_take(&r, 4), signature = rd_take(&r, 3), plmn = rd_take(&r, 3),
                lac = rd_take(&r, 2), rac = rd_take(&r, 1);
    uint8_t state = rd_u8(&r) & 7;
    if (!rd_done(&r))
        return false;
    out_temporary(o, "P-TMSI", ptmsi);
    out_temporary(o, "signature", signature);
    out_plmn(o, "PLMN", plmn);
    out_hex(o, "LAC", lac);
    out_hex(o, "RAC", rac);
    OUT_NAMED(o, "*status", psloci_states, state);
    return true;
}

/* TS 31.102 4.2.91, 4.4.11.2: GUTI, last visited TAI, status */
static bool guti_loci(struct span s, struct out *o, size_t guti_len, size_t tac_len)
{
    struct reader r = rd_of(s);
    struct span guti = rd_take(&r, guti_len), plmn = rd_take(&r, 3), tac = rd_take(&r, tac_len);
    uint8_t state = rd_u8(&r) & 7;
    if (!rd_done(&r))
        return false;
    out_temporary(o, "GUTI", guti);
    out_plmn(o, "PLMN", plmn);
    out_hex(o, "TAC", tac);
    OUT_NAMED(o, "*status", epsloci_states, state);
    return true;
}

static bool epsloci(struct span s, struct out *o)
{
    return guti_loci(s, o, 12, 2);
}

static bool loci_5gs(struct span s, struct out *o)
{
    return guti_loci(s, o, 13, 3);
}

/* TS 31.102 4.2.59; 4.4.11.9 with areas of three octets */
static bool opl_of(struct span s, struct out *o, size_t area_len)
{
    struct reader r = rd_of(s);
    struct span plmn = rd_take(&r, 3), from = rd_take(&r, area_len), to = rd_take(&r, area_len);
    uint8_t record = rd_u8(&r);
    if (!rd_ok(&r))
        return false;
    out_plmn(o, "PLMN", plmn);
    out_hex(o, "areas_from", from);
    out_hex(o, "to", to);
    out_index(o, "PNN_record", record);
    return true;
}

static bool opl(struct span s, struct out *o)
{
    return opl_of(s, o, 2);
}

static bool opl_5g(struct span s, struct out *o)
{
    return opl_of(s, o, 3);
}

/* TS 24.008 10.5.3.5a: coding scheme and spare bits, then the text */
static void out_network_name(struct out *o, const char *name, struct span s)
{
    char text[TEXT_ROOM];
    struct reader r = rd_of(s);
    uint8_t head = rd_u8(&r);
    struct span rest = rd_rest(&r);
    if ((head & 0x70) == 0x10) {
        text_ucs2(rest, text, sizeof text);
    } else {
        size_t spare = head & 7, bits = 8 * rest.n;
        text_gsm_packed(rest, (bits - (spare <= bits ? spare : 0)) / 7, 0, text, sizeof text);
    }
    out_string(o, name, text);
}

/* TS 31.102 4.2.58 */
static bool pnn(struct span s, struct out *o)
{
    struct span name;
    if (!tlv_find(s, 0x43, &name) || name.n == 0)
        return false;
    out_network_name(o, "full_name", name);
    if (tlv_find(s, 0x45, &name) && name.n > 0)
        out_network_name(o, "short_name", name);
    return true;
}

/* TS 31.102 4.2.12 */
static bool spn(struct span s, struct out *o)
{
    char text[TEXT_ROOM];
    struct reader r = rd_of(s);
    uint8_t condition = rd_u8(&r);
    if (!rd_ok(&r))
        return false;
    text_alpha(rd_rest(&r), text, sizeof text);
    out_string(o, "*name", text);
    if (condition == 0xFF)
        return true;
    out_flag(o, "network_name_required_at_home", (condition & 1) != 0);
    out_flag(o, "name_not_required_abroad", (condition & 2) != 0);
    return true;
}

/* TS 31.102 4.2.18, TS 31.103 4.2.4 */
static bool administrative(struct span s, struct out *o)
{
    struct reader r = rd_of(s);
    uint8_t mode = rd_u8(&r);
    struct span information = rd_take(&r, 2);
    if (!rd_ok(&r))
        return false;
    const char *name = mode == 0x00   ? "normal operation"
                       : mode == 0x01 ? "normal operation and specific facilities"
                       : mode == 0x02 ? "maintenance"
                       : mode == 0x04 ? "cell test"
                       : mode == 0x80 ? "type approval"
                       : mode == 0x81 ? "type approval and specific facilities"
                                      : NULL;
    if (name != NULL)
        out_string(o, "*mode", name);
    else
        out_format(o, "mode", "%02X", mode);
    out_flag(o, "ciphering_indicator", (mode & 1) != 0 && (information.p[1] & 1) != 0); /* else the maker's */
    if (r.left > 0)
        out_number(o, "MNC_digits", rd_u8(&r) & 0x0F);
    return true;
}

/* TS 51.011 10.3.16 */
static bool phase(struct span s, struct out *o)
{
    static const char *const names[] = {"phase 1", NULL, "phase 2", "phase 2+"};
    if (s.n != 1)
        return false;
    OUT_NAMED(o, "*phase", names, s.p[0]);
    return true;
}

/* TS 31.102 4.2.10: an operator's identifier */
static bool group(struct span s, struct out *o)
{
    out_hex(o, "*GID", text_trimmed(s));
    return true;
}

/* TS 31.102 4.2.14: message identifiers */
static bool cb_messages(struct span s, struct out *o)
{
    if (s.n % 2 != 0)
        return false;
    out_open_list(o, "*messages", false);
    for (struct reader r = rd_of(s); r.left > 0;) {
        uint16_t id = rd_u16(&r);
        if (id != 0xFFFF)
            out_number(o, NULL, id);
    }
    out_close(o);
    return true;
}

/* TS 31.102 4.2.22 */
static bool cb_ranges(struct span s, struct out *o)
{
    if (s.n % 4 != 0)
        return false;
    out_open_list(o, "*ranges", false);
    for (struct reader r = rd_of(s); r.left > 0;) {
        unsigned from = rd_u16(&r), to = rd_u16(&r);
        if (from != 0xFFFF || to != 0xFFFF)
            out_format(o, NULL, "%u-%u", from, to);
    }
    out_close(o);
    return true;
}

/* ---- their files ---- */

static const struct decode_row rows[] = {
    {PLACE_USIM, 0x6F60, plmns_with_act, "TS 31.102 4.2.5", false},
    {PLACE_USIM, 0x6F31, search_period, "TS 31.102 4.2.6", false},
    {PLACE_USIM, 0x6F3E, group, "TS 31.102 4.2.10", false},
    {PLACE_USIM, 0x6F3F, group, "TS 31.102 4.2.11", false},
    {PLACE_USIM, 0x6F46, spn, "TS 31.102 4.2.12", false},
    {PLACE_USIM, 0x6F45, cb_messages, "TS 31.102 4.2.14", false},
    {PLACE_USIM, 0x6F78, access_classes, "TS 31.102 4.2.15", false},
    {PLACE_USIM, 0x6F7B, plmns, "TS 31.102 4.2.16", false},
    {PLACE_USIM, 0x6F7E, loci, "TS 31.102 4.2.17", false},
    {PLACE_USIM, 0x6FAD, administrative, "TS 31.102 4.2.18", false},
    {PLACE_USIM, 0x6F48, cb_messages, "TS 31.102 4.2.20", false},
    {PLACE_USIM, 0x6F50, cb_ranges, "TS 31.102 4.2.22", false},
    {PLACE_USIM, 0x6F73, psloci, "TS 31.102 4.2.23", false},
    {PLACE_USIM, 0x6F32, co_operative, "TS 31.102 4.2.50", false},
    {PLACE_USIM, 0x6F61, plmns_with_act, "TS 31.102 4.2.53", false},
    {PLACE_USIM, 0x6F62, plmns_with_act, "TS 31.102 4.2.54", false},
    {PLACE_USIM, 0x6FC5, pnn, "TS 31.102 4.2.58", false},
    {PLACE_USIM, 0x6FC6, opl, "TS 31.102 4.2.59", false},
    {PLACE_USIM, 0x6FCD, spdi, "TS 31.102 4.2.66", false},
    {PLACE_USIM, 0x6FD9, plmns, "TS 31.102 4.2.84", false},
    {PLACE_USIM, 0x6FE3, epsloci, "TS 31.102 4.2.91", false},

    {PLACE_5GS, 0x4F01, loci_5gs, "TS 31.102 4.4.11.2", false},
    {PLACE_5GS, 0x4F02, loci_5gs, "TS 31.102 4.4.11.3", false},
    {PLACE_5GS, 0x4F08, opl_5g, "TS 31.102 4.4.11.9", false},

    {PLACE_ISIM, 0x6FAD, administrative, "TS 31.103 4.2.5", false},

    {PLACE_GSM, 0x6F30, plmns, "TS 51.011 10.3.4", false},
    {PLACE_GSM, 0x6F31, search_period, "TS 51.011 10.3.5", false},
    {PLACE_GSM, 0x6F3E, group, "TS 51.011 10.3.9", false},
    {PLACE_GSM, 0x6F3F, group, "TS 51.011 10.3.10", false},
    {PLACE_GSM, 0x6F46, spn, "TS 51.011 10.3.11", false},
    {PLACE_GSM, 0x6F45, cb_messages, "TS 51.011 10.3.13", false},
    {PLACE_GSM, 0x6F78, access_classes, "TS 51.011 10.3.15", false},
    {PLACE_GSM, 0x6F7B, plmns, "TS 51.011 10.3.16", false},
    {PLACE_GSM, 0x6F7E, loci, "TS 51.011 10.3.17", false},
    {PLACE_GSM, 0x6FAD, administrative, "TS 51.011 10.3.18", false},
    {PLACE_GSM, 0x6FAE, phase, "TS 51.011 10.3.19", false},
    {PLACE_GSM, 0x6F48, cb_messages, "TS 51.011 10.3.26", false},
    {PLACE_GSM, 0x6F50, cb_ranges, "TS 51.011 10.3.28", false},
    {PLACE_GSM, 0x6F32, co_operative, "TS 51.011 10.3.30", false},
    {PLACE_GSM, 0x6F53, psloci, "TS 51.011 10.3.33", false},
    {PLACE_GSM, 0x6F60, plmns_with_act, "TS 51.011 10.3.35", false},
    {PLACE_GSM, 0x6F61, plmns_with_act, "TS 51.011 10.3.36", false},
    {PLACE_GSM, 0x6F62, plmns_with_act, "TS 51.011 10.3.37", false},
    {PLACE_GSM, 0x6FC5, pnn, "TS 51.011 10.3.41", false},
    {PLACE_GSM, 0x6FC6, opl, "TS 51.011 10.3.42", false},
    {PLACE_GSM, 0x6FCD, spdi, "TS 51.011 10.3.50", false},
};

const struct decode_rows decode_network = {rows, sizeof rows / sizeof rows[0]};
