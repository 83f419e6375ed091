/* SPDX-License-Identifier: Apache-2.0
 *
 * multi-imsi: several IMSIs, one at a time, by what the terminal says of its service. The key stays: for
 * networks whose authentication centre knows all of these IMSIs with it.
 *
 * Parameters of the installation, BER-TLV:
 *   80  the IMSIs, as EF.IMSI has them (TS 31.102 4.2.2), 9 octets each, at most 8; the first is the home's
 *   81  how many reports of no service in a row before the next IMSI is tried; one octet; without it 2
 *   82  rules: country and IMSI: the MCC's three digits in two octets (0M MM), the index: 3 octets each,
 *       at most 16. A report of service, full or limited, from a country that has a rule chooses its IMSI
 *
 * It needs ADM1 in its access domain (profile: `access: [pin1, adm1]`), for that is what updates EF.IMSI.
 *
 * At a change what belongs to the network that was left goes with the IMSI, in one transaction: location,
 * keys, forbidden networks. Then the terminal begins anew. What has to survive a terminal that is switched
 * off just then, the count of reports, is kept at once.
 */
#include <string.h>

#include "uicc_applet.h"

enum { IMSI_LEN = 9, IMSIS_MAX = 8, RULE_LEN = 3, RULES_MAX = 16, STRIKES_DEFAULT = 2 };
enum { INDEX = 1, STRIKES = 2 }; /* its objects */
enum { FID_IMSI = 0x6F07, REFRESH_UICC_RESET = 0x04 };
enum { NORMAL_SERVICE = 0, LIMITED_SERVICE = 1, NO_SERVICE = 2 };

struct settings {
    uint8_t imsis[IMSI_LEN * IMSIS_MAX], rules[RULE_LEN * RULES_MAX];
    size_t n_imsis, n_rules;
    uint8_t strikes;
};

/* One-octet tags and lengths below 80: that is enough for these. */
static bool take(struct settings *s, const uint8_t *p, size_t n)
{
    memset(s, 0, sizeof *s);
    s->strikes = STRIKES_DEFAULT;
    for (size_t at = 0; at < n;) {
        if (n - at < 2 || p[at + 1] > 0x7F || p[at + 1] > n - at - 2)
            return false;
        const uint8_t tag = p[at], len = p[at + 1], *value = p + at + 2;
        if (tag == 0x80 && len % IMSI_LEN == 0 && len <= sizeof s->imsis) {
            memcpy(s->imsis, value, len);
            s->n_imsis = len / IMSI_LEN;
        } else if (tag == 0x81 && len == 1 && value[0] > 0) {
            s->strikes = value[0];
        } else if (tag == 0x82 && len % RULE_LEN == 0 && len <= sizeof s->rules) {
            memcpy(s->rules, value, len);
            s->n_rules = len / RULE_LEN;
        } else {
            return false;
        }
        at += 2u + len;
    }
    for (size_t i = 0; i < s->n_rules; i++)
        if (s->rules[i * RULE_LEN + 2] >= s->n_imsis)
            return false;
    return s->n_imsis > 0;
}

static bool settings_of(const struct uicc_applet *self, struct settings *s)
{
    uint8_t octets[256];
    size_t n = uicc_get_parameters(self, octets, sizeof octets);
    return n <= sizeof octets && take(s, octets, n);
}

static uint8_t object(const struct uicc_applet *self, uint16_t item)
{
    uint8_t octet = 0;
    (void)uicc_get(self, item, &octet, 1);
    return octet;
}

static uicc_sw install(const struct uicc_applet *self, const struct uicc_installation *how)
{
    static const uint8_t events[] = {UICC_EVENT_EVENT_DOWNLOAD_LOCATION_STATUS};
    struct settings s;
    if (!take(&s, how->parameters.p, how->parameters.n))
        return UICC_SW_WRONG_DATA;
    return uicc_set_event_list(self, events, sizeof events);
}

/* ---- the change ---- */

static struct uicc_span usim(void)
{
    static const uint8_t aid[] = {0xA0, 0,    0,    0,    0x87, 0x10, 0x02, 0xFF,
                                  0xFF, 0xFF, 0xFF, 0x89, 0x07, 0x09, 0,    0};
    return uicc_span_of(aid, sizeof aid);
}

/* What a USIM has of the network it was in (TS 31.102 4.2): what each file then is. Those that a card has not
 * are passed over. */
static const struct {
    uint16_t fid;
    uint8_t n, octets[18];
} left_behind[] = {
    {0x6F7E,
     11,
     {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0x01}}, /* EF.LOCI: not updated */
    {0x6F73,
     14,
     {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0x01}}, /* EF.PSLOCI */
    {0x6FE3,
     18,
     {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE,
      0x01}},            /* EF.EPSLOCI */
    {0x6F08, 1, {0x07}}, /* EF.Keys: no key */
    {0x6F09, 1, {0x07}}, /* EF.KeysPS */
    {0x6F7B, 12, {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}}, /* EF.FPLMN */
};

static uicc_sw change_to(const struct uicc_applet *self, const struct settings *s, uint8_t index)
{
    struct uicc_file_view view;
    struct uicc_proactive_handler h;
    uicc_sw sw = uicc_get_the_file_view(self, usim(), &view);
    if (sw == UICC_SW_OK)
        sw = uicc_select(self, &view, FID_IMSI, NULL);
    if (sw == UICC_SW_OK)
        sw = uicc_update_binary(self, &view, 0, s->imsis + index * IMSI_LEN, IMSI_LEN);
    for (size_t i = 0; sw == UICC_SW_OK && i < sizeof left_behind / sizeof left_behind[0]; i++) {
        sw = uicc_select(self, &view, left_behind[i].fid, NULL);
        if (sw == UICC_SW_FILE_NOT_FOUND)
            sw = UICC_SW_OK;
        else if (sw == UICC_SW_OK)
            sw = uicc_update_binary(self, &view, 0, left_behind[i].octets, left_behind[i].n);
    }
    if (sw == UICC_SW_OK)
        sw = uicc_put(self, INDEX, &index, 1);
    if (sw != UICC_SW_OK)
        return sw; /* all of it, or nothing */
    uicc_note(self, "multi-imsi: another IMSI");
    uicc_init(&h, UICC_PRO_CMD_REFRESH, REFRESH_UICC_RESET, UICC_DEV_ID_TERMINAL);
    (void)uicc_send(self, &h);
    return UICC_SW_OK;
}

/* ---- when ---- */

static uicc_sw strikes_are(const struct uicc_applet *self, uint8_t n)
{
    return object(self, STRIKES) == n ? UICC_SW_OK : uicc_put_now(self, STRIKES, &n, 1);
}

/* TS 24.008 10.5.1.3: MCC digits 2 and 1, then x and 3. */
static bool rule_for(const struct settings *s, struct uicc_span place, uint8_t *index)
{
    if (place.n < 3)
        return false;
    const uint8_t mcc[2] = {(uint8_t)(place.p[0] & 0x0F),
                            (uint8_t)((place.p[0] & 0xF0) | (place.p[1] & 0x0F))};
    for (size_t i = 0; i < s->n_rules; i++)
        if (memcmp(s->rules + i * RULE_LEN, mcc, 2) == 0) {
            *index = s->rules[i * RULE_LEN + 2];
            return true;
        }
    return false;
}

static uicc_sw location_status(const struct uicc_applet *self, const struct uicc_event *event)
{
    struct settings s;
    struct uicc_span status, place = {NULL, 0};
    uint8_t wanted, now = object(self, INDEX);
    if (!settings_of(self, &s) || !uicc_find_tlv(event->data, UICC_TAG_LOCATION_STATUS, 1, &status) ||
        status.n != 1)
        return UICC_SW_OK;
    (void)uicc_find_tlv(event->data, UICC_TAG_LOCATION_INFORMATION, 1, &place);
    if (status.p[0] != NO_SERVICE && rule_for(&s, place, &wanted) && wanted != now) {
        uicc_sw sw = strikes_are(self, 0);
        return sw == UICC_SW_OK ? change_to(self, &s, wanted) : sw;
    }
    if (status.p[0] == NORMAL_SERVICE)
        return strikes_are(self, 0);
    const uint8_t strikes = (uint8_t)(object(self, STRIKES) + 1);
    if (strikes < s.strikes)
        return strikes_are(self, strikes);
    uicc_sw sw = strikes_are(self, 0);
    return sw == UICC_SW_OK && s.n_imsis > 1 ? change_to(self, &s, (uint8_t)((now + 1) % s.n_imsis)) : sw;
}

static uicc_sw process_toolkit(const struct uicc_applet *self, const struct uicc_event *event)
{
    return event->event == UICC_EVENT_EVENT_DOWNLOAD_LOCATION_STATUS ? location_status(self, event)
                                                                     : UICC_SW_OK;
}

static const struct uicc_applet_class multi_imsi = {
    .name = "multi-imsi",
    .module = {13, {0xF0, 'm', 'u', 'l', 't', 'i', '-', 'i', 'm', 's', 'i', 1, 1}},
    .install = install,
    .process_toolkit = process_toolkit,
};

static const struct uicc_applet_class *const classes[] = {&multi_imsi, NULL};

UICC_EXPORT const struct uicc_package uicc_package = {
    .abi = UICC_APPLET_ABI,
    .aid = {12, {0xF0, 'm', 'u', 'l', 't', 'i', '-', 'i', 'm', 's', 'i', 1}},
    .version = {1, 0},
    .classes = classes,
};
