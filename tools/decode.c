/* SPDX-License-Identifier: Apache-2.0 */
#include "decode.h"

#include <stdio.h>

#include "decode_text.h"
#include "hex.h"
#include "tlv.h"

enum { TEXT_ROOM = 520, NUMBER_ROOM = 48 };

static bool blank(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != 0xFF)
            return false;
    return true;
}

/* Without the FFs at its end. */
static struct span trimmed(struct span s)
{
    while (s.n > 0 && s.p[s.n - 1] == 0xFF)
        s.n--;
    return s;
}

static void out_plmn(struct out *o, const char *name, struct span three)
{
    char text[8];
    if (text_plmn(three, text))
        out_string(o, name, text);
    else
        out_string(o, name, blank(three) ? "none" : "no PLMN");
}

static void out_index(struct out *o, const char *name, uint8_t record)
{
    if (record == 0xFF || record == 0)
        out_string(o, name, "none");
    else
        out_number(o, name, record);
}

/* "yes" or "no", never the key. */
static void out_key(struct out *o, const char *name, struct span key)
{
    if (o->json)
        out_flag(o, name, !blank(key));
    else
        out_string(o, name, blank(key) ? "absent" : "present");
}

static void out_named(struct out *o, const char *name, const char *const *names, size_t n, uint8_t value)
{
    if (value < n && names[value] != NULL)
        out_string(o, name, names[value]);
    else
        out_format(o, name, "%02X", value);
}

#define OUT_NAMED(o, name, names, value) out_named(o, name, names, sizeof(names) / sizeof((names)[0]), value)

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
        if (!blank(two))
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
        text_gsm(value, text, sizeof text);
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

/* ---- networks ---- */

/* TS 31.102 4.2.5: access technologies, two octets */
static void technologies(uint16_t act, char to[96])
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
        {0x0400, 0x0400, "satellite"},
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
        if ((act & names[i].mask) != names[i].bits || n + length + 2 > 96)
            continue;
        n += (size_t)snprintf(to + n, 96 - n, "%s%s", n > 0 ? "+" : "", names[i].name);
    }
}

static bool plmns_with_act(struct span s, struct out *o)
{
    char act[96], plmn[8];
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

/* TS 31.102 4.2.6: times six minutes */
static bool search_period(struct span s, struct out *o)
{
    if (s.n != 1)
        return false;
    if (s.p[0] == 0 && !o->json)
        out_string(o, NULL, "no search");
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
    if (blank(id))
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
    out_flag(o, "ciphering_indicator", (information.p[1] & 1) != 0);
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
    out_hex(o, "*GID", trimmed(s));
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

/* ---- keys: said to be there, never shown ---- */

/* TS 31.102 4.2.3, 4.2.4 */
static bool keys(struct span s, struct out *o)
{
    struct reader r = rd_of(s);
    uint8_t ksi = rd_u8(&r) & 7;
    struct span ck = rd_take(&r, 16), ik = rd_take(&r, 16);
    if (!rd_done(&r))
        return false;
    out_number(o, "KSI", ksi);
    out_key(o, "CK", ck);
    out_key(o, "IK", ik);
    return true;
}

/* TS 31.102 4.4.3.1, TS 51.011 10.3.3 */
static bool kc(struct span s, struct out *o)
{
    struct reader r = rd_of(s);
    struct span key = rd_take(&r, 8);
    uint8_t cksn = rd_u8(&r) & 7;
    if (!rd_done(&r))
        return false;
    out_number(o, "CKSN", cksn);
    out_key(o, "Kc", key);
    return true;
}

/* A NAS security context: TS 31.102 4.2.92 and 4.4.11.4, the same but for what the key is called. */
static bool nas_context(struct span s, struct out *o, const char *key_name)
{
    struct span context, value;
    if (!tlv_find(s, 0xA0, &context) || !tlv_find(context, 0x80, &value) || value.n != 1)
        return false;
    out_number(o, "KSI", value.p[0]);
    if (tlv_find(context, 0x81, &value))
        out_key(o, key_name, value);
    if (tlv_find(context, 0x82, &value))
        out_hex(o, "uplink_count", value);
    if (tlv_find(context, 0x83, &value))
        out_hex(o, "downlink_count", value);
    if (tlv_find(context, 0x84, &value))
        out_hex(o, "algorithms", value);
    return true;
}

static bool eps_nsc(struct span s, struct out *o)
{
    return nas_context(s, o, "KASME");
}

static bool nsc_5gs(struct span s, struct out *o)
{
    return nas_context(s, o, "KAMF");
}

/* TS 31.102 4.4.11.6 */
static bool auth_keys_5g(struct span s, struct out *o)
{
    static const struct {
        uint8_t tag;
        bool key;
        const char *name;
    } parts[] = {{0x80, true, "KAUSF"},
                 {0x81, true, "KSEAF"},
                 {0x82, false, "SOR_counter"},
                 {0x83, false, "UE_parameters_counter"}};
    struct span value;
    bool some = false;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (!tlv_find(s, parts[i].tag, &value))
            continue;
        some = true;
        if (parts[i].key)
            out_key(o, parts[i].name, value);
        else
            out_hex(o, parts[i].name, value);
    }
    return some;
}

/* TS 31.102 4.2.49: four depersonalisation control keys of four octets */
static bool control_keys(struct span s, struct out *o)
{
    static const char *const names[] = {"network", "network_subset", "service_provider", "corporate"};
    struct reader r = rd_of(s);
    if (s.n != 16)
        return false;
    for (size_t i = 0; i < 4; i++)
        out_key(o, names[i], rd_take(&r, 4));
    return true;
}

/* TS 31.102 4.2.51: START of both domains; 4.2.52 */
static bool start_hfn(struct span s, struct out *o)
{
    struct reader r = rd_of(s);
    uint64_t cs = rd_be(&r, 3), ps = rd_be(&r, 3);
    if (!rd_done(&r))
        return false;
    out_format(o, "START_CS", "%05X", (unsigned)(cs & 0xFFFFF));
    out_format(o, "START_PS", "%05X", (unsigned)(ps & 0xFFFFF));
    return true;
}

static bool threshold(struct span s, struct out *o)
{
    struct reader r = rd_of(s);
    uint64_t value = rd_be(&r, 3);
    if (!rd_done(&r))
        return false;
    out_format(o, "*maximum_start", "%05X", (unsigned)(value & 0xFFFFF));
    return true;
}

/* TS 31.102 4.2.79: RAND, B-TID, key lifetime; the key itself is not in it */
static bool bootstrapping(struct span s, struct out *o)
{
    char text[TEXT_ROOM];
    struct reader r = rd_of(s);
    struct span rand = rd_take(&r, rd_u8(&r)), btid = rd_take(&r, rd_u8(&r)),
                lifetime = rd_take(&r, rd_u8(&r));
    if (!rd_ok(&r))
        return false;
    if (rand.n == 0 && btid.n == 0 && !o->json) {
        out_string(o, NULL, "none");
        return true;
    }
    out_hex(o, "RAND", rand);
    text_utf8(btid, text, sizeof text);
    out_string(o, "B-TID", text);
    text_utf8(lifetime, text, sizeof text);
    out_string(o, "lifetime", text);
    return true;
}

/* ---- 5GS ---- */

/* TS 31.102 4.4.11.8: schemes in order of priority, each with the number of its key; public keys */
static bool suci(struct span s, struct out *o)
{
    static const char *const schemes[] = {"null", "A", "B"};
    struct span list, value;
    struct reader r;
    struct tlv t;
    if (!tlv_find(s, 0xA0, &list) || list.n % 2 != 0)
        return false;
    out_open_list(o, "schemes", false);
    for (r = rd_of(list); r.left > 0;) {
        uint8_t scheme = rd_u8(&r), key = rd_u8(&r);
        const char *name = scheme < 3 ? schemes[scheme] : "?";
        if (o->json) {
            out_open_object(o, NULL);
            out_number(o, "scheme", scheme);
            out_string(o, "name", name);
            out_number(o, "key_index", key);
            out_close(o);
        } else if (scheme == 0) {
            out_string(o, NULL, name);
        } else {
            out_format(o, NULL, "%s (%02X) with key %u", name, scheme, key);
        }
    }
    out_close(o);
    out_open_list(o, "keys", true);
    if (tlv_find(s, 0xA1, &list)) {
        bool open = false;
        for (r = rd_of(list); tlv_next(&r, &t);) {
            value = t.value;
            if (t.tag == 0x80 && value.n == 1) {
                if (open)
                    out_close(o);
                open = true;
                out_open_object(o, NULL);
                out_number(o, "identifier", value.p[0]);
            } else if (t.tag == 0x81 && open) {
                out_hex(o, "public_key", value);
            }
        }
        if (open)
            out_close(o);
        if (!rd_ok(&r))
            return false;
    }
    out_close(o);
    return true;
}

/* TS 31.102 4.4.11.11 */
static bool routing_indicator(struct span s, struct out *o)
{
    char text[16];
    if (s.n < 2)
        return false;
    text_digits(span_slice(s, 0, 2), text, sizeof text);
    out_string(o, "*routing_indicator", text[0] != '\0' ? text : "none");
    return true;
}

/* TS 31.102 4.4.11.7 */
static bool access_identities(struct span s, struct out *o)
{
    if (s.n != 4)
        return false;
    if (s.p[0] == 0 && !o->json)
        out_string(o, NULL, "no access identity");
    out_flag(o, "multimedia_priority", (s.p[0] & 1) != 0);
    out_flag(o, "mission_critical", (s.p[0] & 2) != 0);
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

/* ---- numbers ---- */

/* TS 31.102 4.4.2.3: X octets of name, then 14: length, TON/NPI, digits, capability, extension */
static bool dialling(struct span s, struct out *o)
{
    enum { FOOT = 14 };
    char text[TEXT_ROOM];
    if (s.n < FOOT)
        return false;
    struct reader r = rd_of(s);
    struct span alpha = rd_take(&r, s.n - FOOT);
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
    return true;
}

/* TS 31.102 4.4.2.4 */
static bool extension(struct span s, struct out *o)
{
    char text[NUMBER_ROOM];
    struct reader r = rd_of(s);
    uint8_t type = rd_u8(&r), length = rd_u8(&r);
    struct span data = rd_take(&r, 10);
    uint8_t next = rd_u8(&r);
    if (!rd_done(&r))
        return false;
    if (type == 0x02 && length <= 10) {
        text_digits(span_slice(data, 0, length), text, sizeof text);
        out_string(o, "more_digits", text);
    } else if (type == 0x00) {
        out_string(o, "*use", "free");
    } else {
        out_hex(o, type == 0x01 ? "subaddress" : "data", data);
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
        text_number(ton, octets, text, sizeof text);
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
        text_number(centre.p[0], span_slice(centre, 1, centre.n), text, sizeof text);
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
        text_number(ton, rd_take(&centre, length > 0 ? length - 1u : 0), text, sizeof text);
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
        if (t.tag == 0xDD)
            out_string(o, NULL, text[0] != '\0' ? text : "given by the network");
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
    while (r.left > 0 && r.p[0] != 0xFF && tlv_next(&r, &t))
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

/* ---- the table ---- */

typedef bool (*decoder)(struct span content, struct out *o);

struct row {
    enum decode_place place;
    uint16_t fid;
    decoder decode;
    const char *clause;
    bool secret;
};

static const struct row rows[] = {
    {PLACE_MF, 0x2F00, directory, "TS 102 221 13.1", false},
    {PLACE_MF, 0x2FE2, iccid, "TS 102 221 13.2", false},
    {PLACE_MF, 0x2F05, languages, "TS 102 221 13.3", false},
    {PLACE_MF, 0x2F06, rules, "TS 102 221 13.4", false},
    {PLACE_MF, 0x2F08, power, "TS 102 221 13.6", false},

    {PLACE_USIM, 0x6F05, languages, "TS 31.102 4.2.1", false},
    {PLACE_USIM, 0x6F07, imsi, "TS 31.102 4.2.2", false},
    {PLACE_USIM, 0x6F08, keys, "TS 31.102 4.2.3", true},
    {PLACE_USIM, 0x6F09, keys, "TS 31.102 4.2.4", true},
    {PLACE_USIM, 0x6F60, plmns_with_act, "TS 31.102 4.2.5", false},
    {PLACE_USIM, 0x6F31, search_period, "TS 31.102 4.2.6", false},
    {PLACE_USIM, 0x6F37, units, "TS 31.102 4.2.7", false},
    {PLACE_USIM, 0x6F38, ust, "TS 31.102 4.2.8", false},
    {PLACE_USIM, 0x6F39, units, "TS 31.102 4.2.9", false},
    {PLACE_USIM, 0x6F3E, group, "TS 31.102 4.2.10", false},
    {PLACE_USIM, 0x6F3F, group, "TS 31.102 4.2.11", false},
    {PLACE_USIM, 0x6F46, spn, "TS 31.102 4.2.12", false},
    {PLACE_USIM, 0x6F41, price, "TS 31.102 4.2.13", false},
    {PLACE_USIM, 0x6F45, cb_messages, "TS 31.102 4.2.14", false},
    {PLACE_USIM, 0x6F78, access_classes, "TS 31.102 4.2.15", false},
    {PLACE_USIM, 0x6F7B, plmns, "TS 31.102 4.2.16", false},
    {PLACE_USIM, 0x6F7E, loci, "TS 31.102 4.2.17", false},
    {PLACE_USIM, 0x6FAD, administrative, "TS 31.102 4.2.18", false},
    {PLACE_USIM, 0x6F48, cb_messages, "TS 31.102 4.2.20", false},
    {PLACE_USIM, 0x6FB7, emergency, "TS 31.102 4.2.21", false},
    {PLACE_USIM, 0x6F50, cb_ranges, "TS 31.102 4.2.22", false},
    {PLACE_USIM, 0x6F73, psloci, "TS 31.102 4.2.23", false},
    {PLACE_USIM, 0x6F3B, dialling, "TS 31.102 4.2.24", false},
    {PLACE_USIM, 0x6F3C, sms, "TS 31.102 4.2.25", false},
    {PLACE_USIM, 0x6F40, dialling, "TS 31.102 4.2.26", false},
    {PLACE_USIM, 0x6F42, sms_parameters, "TS 31.102 4.2.27", false},
    {PLACE_USIM, 0x6F43, sms_status, "TS 31.102 4.2.28", false},
    {PLACE_USIM, 0x6F49, dialling, "TS 31.102 4.2.29", false},
    {PLACE_USIM, 0x6F4B, extension, "TS 31.102 4.2.30", false},
    {PLACE_USIM, 0x6F4C, extension, "TS 31.102 4.2.31", false},
    {PLACE_USIM, 0x6F47, sms_report, "TS 31.102 4.2.32", false},
    {PLACE_USIM, 0x6F82, units, "TS 31.102 4.2.35", false},
    {PLACE_USIM, 0x6F83, units, "TS 31.102 4.2.36", false},
    {PLACE_USIM, 0x6F4E, extension, "TS 31.102 4.2.37", false},
    {PLACE_USIM, 0x6F4D, dialling, "TS 31.102 4.2.44", false},
    {PLACE_USIM, 0x6F55, extension, "TS 31.102 4.2.45", false},
    {PLACE_USIM, 0x6F56, est, "TS 31.102 4.2.47", false},
    {PLACE_USIM, 0x6F57, apns, "TS 31.102 4.2.48", false},
    {PLACE_USIM, 0x6F2C, control_keys, "TS 31.102 4.2.49", true},
    {PLACE_USIM, 0x6F32, co_operative, "TS 31.102 4.2.50", false},
    {PLACE_USIM, 0x6F5B, start_hfn, "TS 31.102 4.2.51", false},
    {PLACE_USIM, 0x6F5C, threshold, "TS 31.102 4.2.52", false},
    {PLACE_USIM, 0x6F61, plmns_with_act, "TS 31.102 4.2.53", false},
    {PLACE_USIM, 0x6F62, plmns_with_act, "TS 31.102 4.2.54", false},
    {PLACE_USIM, 0x6F06, rules, "TS 31.102 4.2.55", false},
    {PLACE_USIM, 0x6FC5, pnn, "TS 31.102 4.2.58", false},
    {PLACE_USIM, 0x6FC6, opl, "TS 31.102 4.2.59", false},
    {PLACE_USIM, 0x6FC7, dialling, "TS 31.102 4.2.60", false},
    {PLACE_USIM, 0x6FC8, extension, "TS 31.102 4.2.61", false},
    {PLACE_USIM, 0x6FC9, mailboxes, "TS 31.102 4.2.62", false},
    {PLACE_USIM, 0x6FCA, waiting, "TS 31.102 4.2.63", false},
    {PLACE_USIM, 0x6FCB, forwarding, "TS 31.102 4.2.64", false},
    {PLACE_USIM, 0x6FCC, extension, "TS 31.102 4.2.65", false},
    {PLACE_USIM, 0x6FCD, spdi, "TS 31.102 4.2.66", false},
    {PLACE_USIM, 0x6FCF, extension, "TS 31.102 4.2.68", false},
    {PLACE_USIM, 0x6FD6, bootstrapping, "TS 31.102 4.2.79", false},
    {PLACE_USIM, 0x6FD7, NULL, "TS 31.102 4.2.80", true},
    {PLACE_USIM, 0x6FD8, NULL, "TS 31.102 4.2.81", true},
    {PLACE_USIM, 0x6FD9, plmns, "TS 31.102 4.2.84", false},
    {PLACE_USIM, 0x6FDB, one_number, "TS 31.102 4.2.85", false},
    {PLACE_USIM, 0x6FE3, epsloci, "TS 31.102 4.2.91", false},
    {PLACE_USIM, 0x6FE4, eps_nsc, "TS 31.102 4.2.92", true},
    {PLACE_USIM, 0x6FE8, objects, "TS 31.102 4.2.94", false},
    {PLACE_USIM, 0x6FF3, objects, "TS 31.102 4.2.103", false},
    {PLACE_USIM, 0x6FF4, objects, "TS 31.102 4.2.104", false},
    {PLACE_USIM, 0x6FF5, objects, "TS 31.102 4.2.105", false},
    {PLACE_USIM, 0x6FF6, objects, "TS 31.102 4.2.106", false},
    {PLACE_USIM, 0x6FF7, from_preferred, "TS 31.102 4.2.107", false},

    {PLACE_GSM_ACCESS, 0x4F20, kc, "TS 31.102 4.4.3.1", true},
    {PLACE_GSM_ACCESS, 0x4F52, kc, "TS 31.102 4.4.3.2", true},
    {PLACE_GSM_ACCESS, 0x4F64, one_number, "TS 31.102 4.4.3.4", false},

    {PLACE_5GS, 0x4F01, loci_5gs, "TS 31.102 4.4.11.2", false},
    {PLACE_5GS, 0x4F02, loci_5gs, "TS 31.102 4.4.11.3", false},
    {PLACE_5GS, 0x4F03, nsc_5gs, "TS 31.102 4.4.11.4", true},
    {PLACE_5GS, 0x4F04, nsc_5gs, "TS 31.102 4.4.11.5", true},
    {PLACE_5GS, 0x4F05, auth_keys_5g, "TS 31.102 4.4.11.6", true},
    {PLACE_5GS, 0x4F06, access_identities, "TS 31.102 4.4.11.7", false},
    {PLACE_5GS, 0x4F07, suci, "TS 31.102 4.4.11.8", false},
    {PLACE_5GS, 0x4F08, opl_5g, "TS 31.102 4.4.11.9", false},
    {PLACE_5GS, 0x4F09, supi_nai, "TS 31.102 4.4.11.10", false},
    {PLACE_5GS, 0x4F0A, routing_indicator, "TS 31.102 4.4.11.11", false},
    {PLACE_5GS, 0x4F0B, objects, "TS 31.102 4.4.11.12", false},
    {PLACE_5GS, 0x4F0C, objects, "TS 31.102 4.4.11.13", false},
    {PLACE_SAIP, 0x4F01, suci, "TS 31.102 4.4.11.8", false},

    {PLACE_PHONEBOOK, 0x4F30, phone_book, "TS 31.102 4.4.2.1", false},
    {PLACE_PHONEBOOK, 0x4F3A, dialling, "TS 31.102 4.4.2.3", false},
    {PLACE_PHONEBOOK, 0x4F4A, extension, "TS 31.102 4.4.2.4", false},

    {PLACE_ISIM, 0x6F02, impi, "TS 31.103 4.2.2", false},
    {PLACE_ISIM, 0x6F03, domain, "TS 31.103 4.2.3", false},
    {PLACE_ISIM, 0x6F04, impu, "TS 31.103 4.2.4", false},
    {PLACE_ISIM, 0x6FAD, administrative, "TS 31.103 4.2.5", false},
    {PLACE_ISIM, 0x6F06, rules, "TS 31.103 4.2.6", false},
    {PLACE_ISIM, 0x6F07, ist, "TS 31.103 4.2.7", false},
    {PLACE_ISIM, 0x6F09, pcscf, "TS 31.103 4.2.8", false},
    {PLACE_ISIM, 0x6FD5, bootstrapping, "TS 31.103 4.2.9", false},
    {PLACE_ISIM, 0x6F3C, sms, "TS 31.103 4.2.12", false},
    {PLACE_ISIM, 0x6F43, sms_status, "TS 31.103 4.2.13", false},
    {PLACE_ISIM, 0x6F47, sms_report, "TS 31.103 4.2.14", false},
    {PLACE_ISIM, 0x6F42, sms_parameters, "TS 31.103 4.2.15", false},
    {PLACE_ISIM, 0x6FF7, from_preferred, "TS 31.103 4.2.17", false},

    {PLACE_TELECOM, 0x6F06, rules, "TS 31.102 4.6", false},
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
    {PLACE_TELECOM, 0x6F4D, dialling, "TS 51.011 10.5.13", false},
    {PLACE_TELECOM, 0x6F4E, extension, "TS 51.011 10.5.14", false},
    {PLACE_TELECOM, 0x6F47, sms_report, "TS 51.011 10.5.15", false},

    {PLACE_GSM, 0x6F05, language_codes, "TS 51.011 10.3.1", false},
    {PLACE_GSM, 0x6F07, imsi, "TS 51.011 10.3.2", false},
    {PLACE_GSM, 0x6F20, kc, "TS 51.011 10.3.3", true},
    {PLACE_GSM, 0x6F30, plmns, "TS 51.011 10.3.4", false},
    {PLACE_GSM, 0x6F31, search_period, "TS 51.011 10.3.5", false},
    {PLACE_GSM, 0x6F37, units, "TS 51.011 10.3.6", false},
    {PLACE_GSM, 0x6F38, sst, "TS 51.011 10.3.7", false},
    {PLACE_GSM, 0x6F39, units, "TS 51.011 10.3.8", false},
    {PLACE_GSM, 0x6F3E, group, "TS 51.011 10.3.9", false},
    {PLACE_GSM, 0x6F3F, group, "TS 51.011 10.3.10", false},
    {PLACE_GSM, 0x6F46, spn, "TS 51.011 10.3.11", false},
    {PLACE_GSM, 0x6F41, price, "TS 51.011 10.3.12", false},
    {PLACE_GSM, 0x6F45, cb_messages, "TS 51.011 10.3.13", false},
    {PLACE_GSM, 0x6F78, access_classes, "TS 51.011 10.3.15", false},
    {PLACE_GSM, 0x6F7B, plmns, "TS 51.011 10.3.16", false},
    {PLACE_GSM, 0x6F7E, loci, "TS 51.011 10.3.17", false},
    {PLACE_GSM, 0x6FAD, administrative, "TS 51.011 10.3.18", false},
    {PLACE_GSM, 0x6FAE, phase, "TS 51.011 10.3.19", false},
    {PLACE_GSM, 0x6F48, cb_messages, "TS 51.011 10.3.26", false},
    {PLACE_GSM, 0x6FB7, emergency_gsm, "TS 51.011 10.3.27", false},
    {PLACE_GSM, 0x6F50, cb_ranges, "TS 51.011 10.3.28", false},
    {PLACE_GSM, 0x6F2C, control_keys, "TS 51.011 10.3.29", true},
    {PLACE_GSM, 0x6F32, co_operative, "TS 51.011 10.3.30", false},
    {PLACE_GSM, 0x6F52, kc, "TS 51.011 10.3.32", true},
    {PLACE_GSM, 0x6F53, psloci, "TS 51.011 10.3.33", false},
    {PLACE_GSM, 0x6F60, plmns_with_act, "TS 51.011 10.3.35", false},
    {PLACE_GSM, 0x6F61, plmns_with_act, "TS 51.011 10.3.36", false},
    {PLACE_GSM, 0x6F62, plmns_with_act, "TS 51.011 10.3.37", false},
    {PLACE_GSM, 0x6F64, one_number, "TS 51.011 10.3.39", false},
    {PLACE_GSM, 0x6FC5, pnn, "TS 51.011 10.3.41", false},
    {PLACE_GSM, 0x6FC6, opl, "TS 51.011 10.3.42", false},
    {PLACE_GSM, 0x6FC7, dialling, "TS 51.011 10.3.43", false},
    {PLACE_GSM, 0x6FC8, extension, "TS 51.011 10.3.44", false},
    {PLACE_GSM, 0x6FC9, mailboxes, "TS 51.011 10.3.45", false},
    {PLACE_GSM, 0x6FCA, waiting, "TS 51.011 10.3.46", false},
    {PLACE_GSM, 0x6FCB, forwarding, "TS 51.011 10.3.47", false},
    {PLACE_GSM, 0x6FCC, extension, "TS 51.011 10.3.48", false},
    {PLACE_GSM, 0x6FCD, spdi, "TS 51.011 10.3.50", false},
};

static const struct row *find(enum decode_place place, uint16_t fid)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].place == place && rows[i].fid == fid)
            return &rows[i];
    return NULL;
}

enum decode_place decode_place(const struct profile_file *dir, struct span aid, enum decode_place above)
{
    /* ETSI TS 101 220 annex D: 3GPP, application code */
    static const uint8_t usim[] = {0xA0, 0, 0, 0, 0x87, 0x10, 0x02},
                         isim[] = {0xA0, 0, 0, 0, 0x87, 0x10, 0x04};
    if (dir->kind == FILE_MF)
        return PLACE_MF;
    if (dir->kind == FILE_ADF)
        return span_starts(aid, span_of(usim, sizeof usim))   ? PLACE_USIM
               : span_starts(aid, span_of(isim, sizeof isim)) ? PLACE_ISIM
                                                              : PLACE_UNKNOWN;
    switch (dir->fid) {
    case 0x7F10:
        return above == PLACE_MF ? PLACE_TELECOM : PLACE_UNKNOWN;
    case 0x7F20:
        return above == PLACE_MF ? PLACE_GSM : PLACE_UNKNOWN;
    case 0x5F3A:
        return above == PLACE_USIM || above == PLACE_TELECOM ? PLACE_PHONEBOOK : PLACE_UNKNOWN;
    case 0x5F3B: /* below DF.TELECOM it is DF.MULTIMEDIA */
        return above == PLACE_USIM ? PLACE_GSM_ACCESS : PLACE_UNKNOWN;
    case 0x5FC0:
        return above == PLACE_USIM ? PLACE_5GS : PLACE_UNKNOWN;
    case 0x5FD0:
        return above == PLACE_USIM ? PLACE_SAIP : PLACE_UNKNOWN;
    default:
        return PLACE_UNKNOWN;
    }
}

bool decode_secret(enum decode_place place, uint16_t fid)
{
    const struct row *row = find(place, fid);
    return row != NULL && row->secret;
}

const char *decode_clause(enum decode_place place, uint16_t fid)
{
    const struct row *row = find(place, fid);
    return row != NULL ? row->clause : NULL;
}

/* All FF is "nothing" for any file but a few, of which that is said all the same: a list without members, no
 * keys. */
enum decode_result decode(enum decode_place place, uint16_t fid, struct span content, bool json, char *to,
                          size_t room)
{
    struct out o;
    const struct row *row = find(place, fid);
    if (room > 0)
        to[0] = '\0';
    if (blank(content))
        return DECODE_EMPTY;
    if (row == NULL || row->decode == NULL)
        return DECODE_UNKNOWN;
    out_begin(&o, json, to, room);
    bool good = row->decode(content, &o);
    if (out_end(&o) && good)
        return DECODED;
    if (room > 0)
        to[0] = '\0';
    return DECODE_BAD;
}
