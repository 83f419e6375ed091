/* SPDX-License-Identifier: Apache-2.0
 *
 * The USIM (3GPP TS 31.102): its files are the profile's; its own command is AUTHENTICATE. Keys belong to whichever applet shares "aka".
 */
#include "usim.h"

#include "services.h"

enum {
    CONTEXT = 0x87, /* P2: b8 specific reference data, b3-b1 context (TS 31.102 7.1.2) */
    CONTEXT_GSM = 0x80,
    CONTEXT_3G = 0x81,
    TAG_SUCCESS = 0xDB,
    TAG_SYNCHRONISATION_FAILURE = 0xDC,
    FID_UST = 0x6F38,
    SERVICE_GSM_ACCESS = 27,           /* TS 31.102 4.2.8: Kc is given with a 3G authentication */
    SERVICE_GSM_SECURITY_CONTEXT = 38, /* the GSM context is there */
};

/* TS 31.102 4.2.8: service n is bit n-1 of EF.UST. */
static bool service(struct applet self, unsigned n)
{
    struct span ust = admin_file_read(self.card, admin_file(self, FID_UST));
    return (n - 1) / 8 < ust.n && (ust.p[(n - 1) / 8] >> (n - 1) % 8 & 1) != 0;
}

static void put_counted(struct buf *out, const uint8_t *p, size_t n)
{
    buf_u8(out, (uint8_t)n);
    buf_put(out, span_of(p, n));
}

static sw_t authenticate_3g(struct call *call, const struct aka_service *aka, struct applet provider)
{
    struct reader r = rd_of(call->cmd->data);
    struct span rand = rd_take(&r, rd_u8(&r));
    struct span autn = rd_take(&r, rd_u8(&r));
    if (!rd_done(&r) || rand.n != 16 || autn.n != 16)
        return SW_WRONG_LENGTH;
    struct aka_vector v;
    uint8_t auts[14], sres[4], kc[8];
    switch (aka->authenticate(provider, rand.p, autn.p, &v, auts)) {
    case AKA_ACCEPTED:
        break;
    case AKA_WRONG_MAC:
        return SW_AUTHENTICATION_MAC;
    case AKA_RESYNCHRONISE:
        buf_u8(call->out, TAG_SYNCHRONISATION_FAILURE);
        put_counted(call->out, auts, sizeof auts);
        return SW_OK;
    default:
        return SW_MEMORY_PROBLEM;
    }
    buf_u8(call->out, TAG_SUCCESS);
    put_counted(call->out, v.res, v.res_len);
    put_counted(call->out, v.ck, v.ck_len);
    put_counted(call->out, v.ik, v.ik_len);
    if (service(call->self, SERVICE_GSM_ACCESS)) {
        aka_gsm(&v, sres, kc);
        put_counted(call->out, kc, sizeof kc);
        crypto_wipe(kc, sizeof kc);
    }
    crypto_wipe(&v, sizeof v);
    return SW_OK;
}

static sw_t authenticate_gsm(struct call *call, const struct aka_service *aka, struct applet provider)
{
    if (!service(call->self, SERVICE_GSM_SECURITY_CONTEXT))
        return SW_AUTHENTICATION_CONTEXT;
    struct reader r = rd_of(call->cmd->data);
    struct span rand = rd_take(&r, rd_u8(&r));
    if (!rd_done(&r) || rand.n != 16)
        return SW_WRONG_LENGTH;
    struct aka_vector v;
    uint8_t sres[4], kc[8];
    if (!aka->respond(provider, rand.p, &v))
        return SW_TECHNICAL_PROBLEM;
    aka_gsm(&v, sres, kc);
    put_counted(call->out, sres, sizeof sres);
    put_counted(call->out, kc, sizeof kc);
    crypto_wipe(&v, sizeof v);
    crypto_wipe(kc, sizeof kc);
    return SW_OK;
}

static sw_t command_authenticate(struct call *call)
{
    struct applet provider;
    const struct aka_service *aka = applet_service(call->card, "aka", 0, &provider);
    if (aka == NULL)
        return SW_CONDITIONS_NOT_SATISFIED;
    if ((call->cmd->p2 & ~CONTEXT) != 0)
        return SW_WRONG_P1P2;
    switch (call->cmd->p2) {
    case CONTEXT_3G:
        return authenticate_3g(call, aka, provider);
    case CONTEXT_GSM:
        return authenticate_gsm(call, aka, provider);
    default:
        return (call->cmd->p2 & 0x80) != 0 ? SW_AUTHENTICATION_CONTEXT : SW_WRONG_P1P2;
    }
}

static const struct command_row rows[] = {
    {"AUTHENTICATE", "TS 31.102 7.1.2", CLASS_ISO, 0x88, 0x00, 0xFF, CASE_4, 1, 255, TARGET_NONE, ACCESS_APPLICATION_PIN,
     ROW_SECRET_RESPONSE, command_authenticate},
};

static const struct command_table table = {rows, sizeof rows / sizeof rows[0]};

const struct applet_class usim_class = {
    .name = "usim",
    .commands = &table,
};
