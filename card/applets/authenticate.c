/* SPDX-License-Identifier: Apache-2.0 */
#include "authenticate.h"

bool service_available(struct applet self, uint16_t table_fid, unsigned n)
{
    struct span table = admin_file_read(self.card, admin_file(self, table_fid));
    return (n - 1) / 8 < table.n && (table.p[(n - 1) / 8] >> (n - 1) % 8 & 1) != 0;
}

void put_counted(struct buf *out, const uint8_t *p, size_t n)
{
    buf_u8(out, (uint8_t)n);
    buf_put(out, span_of(p, n));
}

sw_t authenticate_challenge(struct call *call, enum aka_context context, struct span data,
                            struct aka_vector *v, bool *accepted)
{
    struct applet provider;
    struct aka_auts auts;
    struct reader r = rd_of(data);
    struct span rand = rd_take(&r, rd_u8(&r));
    struct span autn = rd_take(&r, rd_u8(&r));
    const struct aka_service *aka = applet_service(call->card, "aka", 0, &provider);
    *accepted = false;
    if (aka == NULL)
        return SW_CONDITIONS_NOT_SATISFIED;
    if (!rd_done(&r) || rand.n != 16)
        return SW_WRONG_LENGTH;
    switch (aka->authenticate(provider, context, rand.p, autn, v, &auts)) {
    case AKA_ACCEPTED:
        *accepted = true;
        return SW_OK;
    case AKA_RESYNCHRONISE:
        buf_u8(call->out, TAG_SYNCHRONISATION_FAILURE);
        put_counted(call->out, auts.octets, auts.n);
        return SW_OK;
    case AKA_WRONG_MAC:
        return SW_AUTHENTICATION_MAC;
    case AKA_BLOCKED:
        return SW_CONDITIONS_NOT_SATISFIED;
    case AKA_WRONG_LENGTH:
        return SW_WRONG_LENGTH;
    default:
        return SW_MEMORY_PROBLEM;
    }
}

sw_t authenticate_aka(struct call *call, bool with_kc)
{
    struct aka_vector v;
    bool accepted;
    uint8_t sres[4], kc[8];
    sw_t sw = authenticate_challenge(call, AKA_PLAIN, call->cmd->data, &v, &accepted);
    if (sw != SW_OK || !accepted)
        return sw;
    buf_u8(call->out, TAG_AUTHENTICATED);
    put_counted(call->out, v.res, v.res_len);
    put_counted(call->out, v.ck, v.ck_len);
    put_counted(call->out, v.ik, v.ik_len);
    if (with_kc) {
        aka_gsm(&v, sres, kc);
        put_counted(call->out, kc, sizeof kc);
        crypto_wipe(kc, sizeof kc);
    }
    crypto_wipe(&v, sizeof v);
    return SW_OK;
}

sw_t authenticate_gsm(struct call *call)
{
    struct applet provider;
    struct aka_vector v;
    uint8_t sres[4], kc[8];
    struct reader r = rd_of(call->cmd->data);
    struct span rand = rd_take(&r, rd_u8(&r));
    const struct aka_service *aka = applet_service(call->card, "aka", 0, &provider);
    if (aka == NULL)
        return SW_CONDITIONS_NOT_SATISFIED;
    if (!rd_done(&r) || rand.n != 16)
        return SW_WRONG_LENGTH;
    enum aka_verdict verdict = aka->respond(provider, rand.p, &v);
    if (verdict != AKA_ACCEPTED)
        return verdict == AKA_BLOCKED ? SW_CONDITIONS_NOT_SATISFIED : SW_TECHNICAL_PROBLEM;
    aka_gsm(&v, sres, kc);
    put_counted(call->out, sres, sizeof sres);
    put_counted(call->out, kc, sizeof kc);
    crypto_wipe(&v, sizeof v);
    crypto_wipe(kc, sizeof kc);
    return SW_OK;
}

sw_t command_authenticate_odd(struct call *call)
{
    enum { /* P1 (ETSI TS 102 221 11.1.16.2): b8 first block, b6 of the answer */
        FIRST_DATA = 0x80,
        NEXT_DATA = 0x00,
        FIRST_ANSWER = 0xA0,
        NEXT_ANSWER = 0x20,
        TAG_STRUCTURED = 0x73, /* TS 31.102 7.1.2: BER-TLV inside, or not */
        TAG_PLAIN = 0x53,
    };
    const struct command *cmd = call->cmd;
    if (cmd->p2 != AUTH_MBMS && cmd->p2 != AUTH_LOCAL_KEY)
        return SW_WRONG_P1P2;
    switch (cmd->p1) {
    case FIRST_DATA:
        if (cmd->data.n == 0)
            return SW_WRONG_LENGTH;
        if (cmd->data.p[0] != TAG_STRUCTURED && cmd->data.p[0] != TAG_PLAIN)
            return SW_WRONG_DATA;
        return SW_AUTHENTICATION_CONTEXT;
    case NEXT_DATA: /* no context ever accepts a first block, so that none of these has one before it */
        return cmd->data.n == 0 ? SW_WRONG_LENGTH : SW_CONDITIONS_NOT_SATISFIED;
    case FIRST_ANSWER:
    case NEXT_ANSWER:
        return cmd->data.n != 0 ? SW_WRONG_LENGTH : SW_CONDITIONS_NOT_SATISFIED;
    default:
        return SW_WRONG_P1P2;
    }
}
