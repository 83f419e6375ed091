/* SPDX-License-Identifier: Apache-2.0
 *
 * The USIM (3GPP TS 31.102): its files are the profile's; its own commands are AUTHENTICATE and GET IDENTITY.
 * What EF.UST does not announce is refused.
 */
#include "usim.h"

#include "authenticate.h"
#include "suci.h"

enum {                                    /* TS 31.102 4.2.8 */
       SERVICE_GSM_ACCESS = 27,           /* Kc is given with a 3G authentication */
       SERVICE_GSM_SECURITY_CONTEXT = 38, /* the GSM context is there */
       SERVICE_GBA = 68,
};

static const struct gba_files gba = {.bootstrapping = 0x6FD6, .naf_list = 0x6FDA};

static bool service(const struct call *call, unsigned n)
{
    return service_available(call->self, FID_UST, n);
}

static sw_t command_authenticate(struct call *call)
{
    switch (call->cmd->p2) {
    case AUTH_AKA: /* EPS and 5G use the same one (TS 31.102 7.1.1.1) */
        return authenticate_aka(call, service(call, SERVICE_GSM_ACCESS));
    case AUTH_GSM:
        return service(call, SERVICE_GSM_SECURITY_CONTEXT) ? authenticate_gsm(call)
                                                           : SW_AUTHENTICATION_CONTEXT;
    case AUTH_GBA:
        return service(call, SERVICE_GBA) ? authenticate_gba(call, &gba) : SW_AUTHENTICATION_CONTEXT;
    case AUTH_VGCS: /* voice group calls: their keys have no place in a K/OTA pair */
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

static const void *share(struct applet self, const char *name)
{
    (void)self;
    return strcmp(name, "subscriber") == 0 ? &subscriber : NULL;
}

static const struct command_row rows[] = {
    {"AUTHENTICATE", "TS 31.102 7.1.2", CLASS_ISO, 0x88, 0x00, 0xFF, CASE_4, 1, 255, TARGET_NONE,
     ACCESS_APPLICATION_PIN, ROW_SECRET_RESPONSE, command_authenticate},
    {"AUTHENTICATE (BER-TLV)", "TS 31.102 7.1.2", CLASS_ISO, 0x89, 0x00, 0x00, CASE_4, 0, 255, TARGET_NONE,
     ACCESS_APPLICATION_PIN, ROW_SECRET_RESPONSE, command_authenticate_odd},
    {"GET IDENTITY", "TS 31.102 7.5", CLASS_ETSI, 0x78, 0x00, 0xFF, CASE_2, 0, 0, TARGET_NONE,
     ACCESS_APPLICATION_PIN, 0, command_get_identity},
};

static const struct command_table table = {rows, sizeof rows / sizeof rows[0]};

const struct applet_class usim_class = {
    .name = "usim",
    .commands = &table,
    .share = share,
};
