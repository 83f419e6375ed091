/* SPDX-License-Identifier: Apache-2.0
 *
 * imei-lock: the card works in one device only (3GPP TR 33.812 5.2.4; the idea of TS 31.102's USAT
 * application pairing). After each start it asks the terminal for its IMEI. In another device, or one that
 * will not say, EF.IMSI is deactivated and the terminal is told to begin anew: there is no subscription then.
 * Back in its own device, it is activated again.
 *
 * Parameters of the installation: IMEIs as EF_IPD and TS 102 223 8.20 have them, 8 octets each, at most 8.
 * None: it pairs with the first device that it meets. It needs ADM1 in its access domain (profile: `access:
 * [adm1]`), for that is what deactivates EF.IMSI.
 *
 * A lock, not a vault: who holds ADM1 can activate the file, and AUTHENTICATE goes on working for one who has
 * the IMSI from elsewhere.
 */
#include <string.h>

#include "uicc_applet.h"

enum { IMEI_LEN = 8, IMEIS_MAX = 8 };
enum { ALLOWED = 1, LOCKED = 2 }; /* its objects: IMEIs; whether EF.IMSI is deactivated, by us */
enum { PLI_IMEI = 0x01, REFRESH_UICC_RESET = 0x04, FID_IMSI = 0x6F07 };

static struct uicc_span usim(void)
{
    static const uint8_t aid[] = {0xA0, 0,    0,    0,    0x87, 0x10, 0x02, 0xFF,
                                  0xFF, 0xFF, 0xFF, 0x89, 0x07, 0x09, 0,    0};
    return uicc_span_of(aid, sizeof aid);
}

static uicc_sw install(const struct uicc_applet *self, const struct uicc_installation *how)
{
    if (how->parameters.n % IMEI_LEN != 0 || how->parameters.n > IMEI_LEN * IMEIS_MAX)
        return UICC_SW_WRONG_DATA;
    if (how->parameters.n > 0) {
        uicc_sw sw = uicc_put(self, ALLOWED, how->parameters.p, how->parameters.n);
        if (sw != UICC_SW_OK)
            return sw;
    }
    return uicc_set_event(self, UICC_EVENT_PROFILE_DOWNLOAD);
}

/* The first 14 digits: the 15th is a check digit, which terminals send as 0. The first octet has a digit in
 * its high half. */
static bool same_device(const uint8_t *a, const uint8_t *b)
{
    return (a[0] & 0xF0) == (b[0] & 0xF0) && memcmp(a + 1, b + 1, IMEI_LEN - 2) == 0 &&
           (a[7] & 0x0F) == (b[7] & 0x0F);
}

static uicc_sw is_allowed(const struct uicc_applet *self, struct uicc_span imei, bool *allowed)
{
    uint8_t list[IMEI_LEN * IMEIS_MAX];
    size_t n = uicc_get(self, ALLOWED, list, sizeof list);
    *allowed = false;
    if (imei.n != IMEI_LEN)
        return UICC_SW_OK;
    if (n == 0) { /* the first device */
        *allowed = true;
        return uicc_put(self, ALLOWED, imei.p, imei.n);
    }
    for (size_t i = 0; i + IMEI_LEN <= n && i + IMEI_LEN <= sizeof list; i += IMEI_LEN)
        *allowed = *allowed || same_device(list + i, imei.p);
    return UICC_SW_OK;
}

/* Only when something changes: after the reset that it asks for, the same question has the same answer. */
static uicc_sw set_locked(const struct uicc_applet *self, bool locked)
{
    struct uicc_file_view view;
    struct uicc_proactive_handler h;
    uint8_t now = 0;
    const uint8_t then = locked;
    (void)uicc_get(self, LOCKED, &now, 1);
    if (now == then)
        return UICC_SW_OK;
    uicc_sw sw = uicc_get_the_file_view(self, usim(), &view);
    if (sw == UICC_SW_OK)
        sw = uicc_select(self, &view, FID_IMSI, NULL);
    if (sw == UICC_SW_OK || sw == 0x6283) /* selected, and deactivated */
        sw = locked ? uicc_deactivate_file(self, &view) : uicc_activate_file(self, &view);
    if (sw == UICC_SW_OK)
        sw = uicc_put(self, LOCKED, &then, 1);
    if (sw != UICC_SW_OK)
        return sw;
    uicc_init(&h, UICC_PRO_CMD_REFRESH, REFRESH_UICC_RESET, UICC_DEV_ID_TERMINAL);
    (void)uicc_send(self, &h); /* one that cannot begin anew does so when it is next switched on */
    return UICC_SW_OK;
}

static uicc_sw process_toolkit(const struct uicc_applet *self, const struct uicc_event *event)
{
    struct uicc_proactive_handler h;
    struct uicc_span imei = {NULL, 0};
    bool allowed;
    switch (event->event) {
    case UICC_EVENT_PROFILE_DOWNLOAD:
        uicc_init(&h, UICC_PRO_CMD_PROVIDE_LOCAL_INFORMATION, PLI_IMEI, UICC_DEV_ID_TERMINAL);
        return uicc_send(self, &h) == UICC_SW_OK ? UICC_SW_OK : set_locked(self, true);
    case UICC_EVENT_TERMINAL_RESPONSE:
        if (event->tag != UICC_PRO_CMD_PROVIDE_LOCAL_INFORMATION)
            return UICC_SW_OK;
        (void)uicc_find_tlv(event->data, UICC_TAG_IMEI, 1, &imei);
        if (is_allowed(self, imei, &allowed) != UICC_SW_OK)
            allowed = false;
        return set_locked(self, !allowed);
    default:
        return UICC_SW_OK;
    }
}

static const struct uicc_applet_class imei_lock = {
    .name = "imei-lock",
    .module = {12, {0xF0, 'i', 'm', 'e', 'i', '-', 'l', 'o', 'c', 'k', 1, 1}},
    .install = install,
    .process_toolkit = process_toolkit,
};

static const struct uicc_applet_class *const classes[] = {&imei_lock, NULL};

UICC_EXPORT const struct uicc_package uicc_package = {
    .abi = UICC_APPLET_ABI,
    .aid = {11, {0xF0, 'i', 'm', 'e', 'i', '-', 'l', 'o', 'c', 'k', 1}},
    .version = {1, 0},
    .classes = classes,
};
