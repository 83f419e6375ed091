/* SPDX-License-Identifier: Apache-2.0
 *
 * The ISIM (3GPP TS 31.103): its files are the profile's; its own command is AUTHENTICATE. It shares K with
 * the USIM, as TS 33.203 8.1 allows, and with it the sequence number.
 */
#include "isim.h"

#include "authenticate.h"

enum {
    FID_IST = 0x6F07,
    SERVICE_GBA = 2, /* TS 31.103 4.2.7 */
};

static const struct gba_files gba = {.bootstrapping = 0x6FD5, .naf_list = 0x6FD7};

static sw_t command_authenticate(struct call *call)
{
    switch (call->cmd->p2) {
    case AUTH_AKA:
        return authenticate_aka(call, false);
    case AUTH_GBA:
        return service_available(call->self, FID_IST, SERVICE_GBA) ? authenticate_gba(call, &gba)
                                                                   : SW_AUTHENTICATION_CONTEXT;
    case AUTH_HTTP_DIGEST: /* needs a password that no K/OTA pair has */
        return SW_AUTHENTICATION_CONTEXT;
    default:
        return SW_WRONG_P1P2;
    }
}

static bool subscription_changed(struct applet self)
{
    return gba_forget(self, &gba);
}

static const struct subscriber_service subscriber = {subscription_changed};

static const void *share(struct applet self, const char *service)
{
    (void)self;
    return strcmp(service, "subscriber") == 0 ? &subscriber : NULL;
}

static const struct command_row rows[] = {
    {"AUTHENTICATE", "TS 31.103 7.1.2", CLASS_ISO, 0x88, 0x00, 0xFF, CASE_4, 1, 255, TARGET_NONE,
     ACCESS_APPLICATION_PIN, ROW_SECRET_RESPONSE, command_authenticate},
    {"AUTHENTICATE (BER-TLV)", "TS 31.103 7.1.2", CLASS_ISO, 0x89, 0x00, 0x00, CASE_4, 0, 255, TARGET_NONE,
     ACCESS_APPLICATION_PIN, ROW_SECRET_RESPONSE, command_authenticate_odd},
};

static const struct command_table table = {rows, sizeof rows / sizeof rows[0]};

const struct applet_class isim_class = {
    .name = "isim",
    .commands = &table,
    .share = share,
};
