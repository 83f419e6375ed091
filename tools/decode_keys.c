/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys, said to be there and never shown, and what 5GS keeps.
 */
#include "decode_rows.h"
#include "decode_text.h"
#include "tlv.h"

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

/* ---- their files ---- */

static const struct decode_row rows[] = {
    {PLACE_USIM, 0x6F08, keys, "TS 31.102 4.2.3", true},
    {PLACE_USIM, 0x6F09, keys, "TS 31.102 4.2.4", true},
    {PLACE_USIM, 0x6F2C, control_keys, "TS 31.102 4.2.49", true},
    {PLACE_USIM, 0x6F5B, start_hfn, "TS 31.102 4.2.51", false},
    {PLACE_USIM, 0x6F5C, threshold, "TS 31.102 4.2.52", false},
    {PLACE_USIM, 0x6FD6, bootstrapping, "TS 31.102 4.2.79", false},
    {PLACE_USIM, 0x6FD7, NULL, "TS 31.102 4.2.80", true},
    {PLACE_USIM, 0x6FD8, NULL, "TS 31.102 4.2.81", true},
    {PLACE_USIM, 0x6FE4, eps_nsc, "TS 31.102 4.2.92", true},

    {PLACE_GSM_ACCESS, 0x4F20, kc, "TS 31.102 4.4.3.1", true},
    {PLACE_GSM_ACCESS, 0x4F52, kc, "TS 31.102 4.4.3.2", true},

    {PLACE_WLAN, 0x4F46, NULL, "TS 31.102 4.4.5.6", true}, /* EF.WRI: the master key of a re-authentication */

    {PLACE_5GS, 0x4F03, nsc_5gs, "TS 31.102 4.4.11.4", true},
    {PLACE_5GS, 0x4F04, nsc_5gs, "TS 31.102 4.4.11.5", true},
    {PLACE_5GS, 0x4F05, auth_keys_5g, "TS 31.102 4.4.11.6", true},
    {PLACE_5GS, 0x4F06, access_identities, "TS 31.102 4.4.11.7", false},
    {PLACE_5GS, 0x4F07, suci, "TS 31.102 4.4.11.8", false},
    {PLACE_5GS, 0x4F0A, routing_indicator, "TS 31.102 4.4.11.11", false},

    {PLACE_SAIP, 0x4F01, suci, "TS 31.102 4.4.11.8", false},

    {PLACE_ISIM, 0x6FD5, bootstrapping, "TS 31.103 4.2.9", false},

    {PLACE_GSM, 0x6F20, kc, "TS 51.011 10.3.3", true},
    {PLACE_GSM, 0x6F2C, control_keys, "TS 51.011 10.3.29", true},
    {PLACE_GSM, 0x6F52, kc, "TS 51.011 10.3.32", true},
};

const struct decode_rows decode_keys = {rows, sizeof rows / sizeof rows[0]};
