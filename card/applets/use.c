/* SPDX-License-Identifier: Apache-2.0
 *
 * What a subscription may be used for (TR 33.812 P4): a service profile of the pair, which the card itself
 * enforces by call control and by control of short messages that the device sends (3GPP TS 31.111 7.3.1,
 * 7.3.2): a terminal asks before it sets up a call, a supplementary service, a packet data connection or a
 * short message, and obeys. It asks when services 30 and 31 of EF.UST say so. Emergency calls are not asked
 * for. A pair without a service profile is not restricted.
 */
#include "cat.h"
#include "pairs.h"

enum {
    USE_PAIR = 0x80, USE_FOR = 0x81, USE_NUMBER = 0x82, USE_APN = 0x83,
    FOR_CALLS = 0x01, FOR_SUPPLEMENTARY = 0x02, FOR_MESSAGES = 0x04, FOR_DATA = 0x08, FOR_ALL = 0x0F,
    NUMBER_DIGITS_MAX = 40,
};

/* ---- the service profile of a pair: what an order brought, else what the profile says of it ---- */

static bool use_load(struct applet self, unsigned pair, struct span *out)
{
    struct tlv t;
    if (applet_get(self, (uint16_t)(ITEM_USE | pair), out))
        return true;
    for (struct reader r = rd_of(applet_row(self)->params); tlv_next(&r, &t);) {
        struct span index;
        *out = t.value;
        if (t.tag == USE && tlv_find(t.value, USE_PAIR, &index) && index.n == 1 && index.p[0] == pair)
            return true;
    }
    *out = SPAN_EMPTY;
    return false;
}

sw_t use_check(struct span use)
{
    struct reader r = rd_of(use);
    struct tlv t;
    bool said = false;
    while (tlv_next(&r, &t)) {
        if (t.tag == USE_FOR && t.value.n == 1 && (t.value.p[0] & ~FOR_ALL) == 0)
            said = true;
        else if ((t.tag != USE_NUMBER && t.tag != USE_APN && t.tag != USE_PAIR) || t.value.n == 0)
            return SW_WRONG_DATA;
    }
    return rd_ok(&r) && said ? SW_OK : SW_WRONG_DATA;
}

/* Call control has one applet: it is asked for while some pair has a service profile. */
bool use_watch(struct applet self)
{
    struct span use;
    bool any = tlv_find(applet_row(self)->params, USE, &use);
    for (unsigned i = 0; i < applet_profile(self)->n_pairs && !any; i++)
        any = applet_get(self, (uint16_t)(ITEM_USE | i), &use);
    if (!any)
        return toolkit_clear_event(self, TOOLKIT_CALL_CONTROL) == TOOLKIT_OK &&
               toolkit_clear_event(self, TOOLKIT_MO_SHORT_MESSAGE_CONTROL) == TOOLKIT_OK;
    return toolkit_set_event(self, TOOLKIT_CALL_CONTROL) == TOOLKIT_OK &&
           toolkit_set_event(self, TOOLKIT_MO_SHORT_MESSAGE_CONTROL) == TOOLKIT_OK;
}

bool use_put(struct applet self, unsigned pair, struct span use)
{
    uint16_t item = (uint16_t)(ITEM_USE | pair);
    struct span before;
    if (use.n == 0 && !applet_get(self, item, &before))
        return true;
    return (use.n > 0 ? applet_put(self, item, use) : applet_remove(self, item)) && use_watch(self);
}

static bool allows(struct span use, uint8_t what)
{
    struct span value;
    return tlv_find(use, USE_FOR, &value) && value.n == 1 && (value.p[0] & what) == what;
}

/* ---- numbers: a prefix of the digits, whatever the type of number ---- */

static size_t digits_of(struct span address, uint8_t digits[NUMBER_DIGITS_MAX])
{
    struct reader r = rd_of(address);
    size_t n = 0;
    (void)rd_u8(&r); /* TS 102 223 8.1: type of number and numbering plan */
    while (r.left > 0 && n + 1 < NUMBER_DIGITS_MAX) {
        uint8_t two = rd_u8(&r);
        digits[n++] = two & 0x0F;
        if (two >> 4 != 0x0F)
            digits[n++] = two >> 4;
    }
    return n;
}

/* Is any number allowed, or this one? */
static bool number_allowed(struct span use, struct span address)
{
    uint8_t wanted[NUMBER_DIGITS_MAX], prefix[NUMBER_DIGITS_MAX];
    struct tlv t;
    bool any = true, matches = false;
    size_t n = digits_of(address, wanted);
    for (struct reader r = rd_of(use); tlv_next(&r, &t);)
        if (t.tag == USE_NUMBER) {
            size_t m = digits_of(t.value, prefix);
            any = false;
            matches = matches || (m > 0 && m <= n && memcmp(prefix, wanted, m) == 0);
        }
    return any || matches;
}

/* ---- access point names ---- */

/* The optional part of ACTIVATE PDP CONTEXT REQUEST (TS 24.008 9.5.1) or PDN CONNECTIVITY
 * REQUEST (TS 24.301 8.3.20). */
static struct span optional_part(uint32_t tag, struct span message)
{
    struct reader r = rd_of(message);
    if (tag == CAT_TAG_EPS_PARAMETERS) {
        (void)rd_take(&r, 4); /* bearer and discriminator, PTI, type, request and PDN type */
    } else {
        (void)rd_take(&r, 4);          /* discriminator, type, NSAPI, LLC SAPI */
        (void)rd_take(&r, rd_u8(&r));  /* quality of service */
        (void)rd_take(&r, rd_u8(&r));  /* PDP address */
    }
    return rd_rest(&r);
}

static bool apn_in(struct span elements, struct span *apn)
{
    enum { IEI_APN = 0x28 };
    struct reader r = rd_of(elements);
    *apn = SPAN_EMPTY;
    while (r.left > 0 && rd_ok(&r)) {
        uint8_t iei = rd_u8(&r);
        /* TS 24.007 11.2.4: one octet, or TLV */
        struct span value = (iei & 0x80) != 0 ? SPAN_EMPTY : rd_take(&r, rd_u8(&r));
        if (iei == IEI_APN && rd_ok(&r)) {
            *apn = value;
            return true;
        }
    }
    return false;
}

/* Without a list any access point will do; with one, a request that does not name its own
 * (5GS: it does not) is refused. */
static bool apn_allowed(struct span use, uint32_t tag, struct span message)
{
    struct tlv t;
    struct span apn;
    bool any = true, matches = false, named = tag != 0 && apn_in(optional_part(tag, message), &apn);
    for (struct reader r = rd_of(use); tlv_next(&r, &t);)
        if (t.tag == USE_APN) {
            any = false;
            matches = matches || (named && span_equal(apn, t.value));
        }
    return any || matches;
}

/* ---- the terminal asks ---- */

static bool call_allowed(struct span use, struct span asked)
{
    struct span value;
    if (ctlv_find(asked, CAT_TAG_ADDRESS, 0, &value))
        return allows(use, FOR_CALLS) && number_allowed(use, value);
    if (ctlv_find(asked, CAT_TAG_SS_STRING, 0, &value) || ctlv_find(asked, CAT_TAG_USSD_STRING, 0, &value))
        return allows(use, FOR_SUPPLEMENTARY);
    if (ctlv_find(asked, CAT_TAG_IMS_URI, 0, &value))
        return allows(use, FOR_CALLS) && number_allowed(use, SPAN_EMPTY); /* a URI is none of the numbers */
    uint32_t tag = ctlv_find(asked, CAT_TAG_PDP_PARAMETERS, 0, &value)   ? CAT_TAG_PDP_PARAMETERS
                   : ctlv_find(asked, CAT_TAG_EPS_PARAMETERS, 0, &value) ? CAT_TAG_EPS_PARAMETERS
                                                                         : 0;
    return allows(use, FOR_DATA) && apn_allowed(use, tag, value);
}

/* The first address is the service centre's, the second the destination's (TS 31.111 7.3.2.3). */
static bool message_allowed(struct span use, struct span asked)
{
    struct span destination;
    return allows(use, FOR_MESSAGES) && ctlv_find(asked, CAT_TAG_ADDRESS, 1, &destination) &&
           number_allowed(use, destination);
}

sw_t use_control(struct applet self, const struct event *event)
{
    /* TS 31.111 7.3.1.6, 7.3.2.4; then the length of what is to be used instead */
    enum { ALLOWED = 0x00, NOT_ALLOWED = 0x01 };
    struct span use, asked;
    if (!use_load(self, pair_active(self), &use)) /* others may control it */
        return SW_OK;
    bool good =
        tlv_find(event->data, event->tag, &asked) &&
        (event->toolkit == TOOLKIT_CALL_CONTROL ? call_allowed(use, asked) : message_allowed(use, asked));
    *event->handled = !good; /* what is allowed here may still be forbidden by another applet */
    if (!good) {
        buf_u8(event->out, NOT_ALLOWED);
        buf_u8(event->out, 0);
        applet_note(self, "the service profile of this subscription does not allow it");
    }
    return SW_OK;
}
