/* SPDX-License-Identifier: Apache-2.0 */
#include "apdu_channel.h"

#include "command.h"
#include "sw.h"

struct wanted {
    const char *iccid;
    uint8_t kvn;
    struct scp_keys *out;
    bool found;
};

static bool look(void *ctx, const struct key_row *row, struct keys_error *error)
{
    struct wanted *w = ctx;
    const struct keyset *k = &row->pair.ota;
    (void)error;
    if (w->found || !row->domain || k->version != w->kvn || strcmp(row->iccid, w->iccid) != 0)
        return true;
    *w->out = (struct scp_keys){.len = k->kic_len};
    memcpy(w->out->enc, k->kic, sizeof w->out->enc);
    memcpy(w->out->mac, k->kid, sizeof w->out->mac);
    memcpy(w->out->dek, k->kik, sizeof w->out->dek);
    w->found = k->kic_len == k->kid_len && k->kic_len == k->kik_len;
    return true;
}

bool apdu_channel_keys(const char *path, const char *iccid, uint8_t kvn, struct scp_keys *out,
                       struct keys_error *error)
{
    struct wanted w = {iccid, kvn, out, false};
    if (!keys_each(path, look, &w, error))
        return false;
    if (!w.found)
        snprintf(error->text, sizeof error->text, "%.300s: no keyset %02X of a security domain of card %s",
                 path, kvn, iccid);
    return w.found;
}

static const char *authenticate(struct apdu_channel *c, struct span answer, struct buf *command)
{
    struct reader r = rd_of(answer);
    uint8_t cryptogram[SCP_MAC_MAX], host[8];
    memcpy(host, c->session.host_challenge, sizeof host);
    (void)rd_take(&r, 11); /* key diversification data, key version */
    uint8_t protocol = rd_u8(&r);
    uint16_t sequence = protocol == SCP02 ? rd_u16(&r) : rd_u8(&r); /* SCP03: the option i */
    struct span challenge = rd_take(&r, protocol == SCP02 ? (size_t)SCP02_CHALLENGE : 8),
                proof = rd_take(&r, 8);
    if (!rd_ok(&r) || (protocol != SCP02 && protocol != SCP03))
        return "that is no answer to INITIALIZE UPDATE";
    bool ok = protocol == SCP02 ? scp02_begin(c->crypto, &c->keys, sequence, host, challenge.p, &c->session)
                                : scp03_begin(c->crypto, &c->keys, host, challenge.p, 8, &c->session);
    if (!ok || !scp_cryptogram(c->crypto, &c->session, SCP_CARD, cryptogram))
        return "the keys are none of that protocol";
    if (!crypto_equal(cryptogram, proof.p, 8))
        return "the card's cryptogram is wrong: it has other keys";
    const uint8_t header[4] = {0x80, 0x82, c->level, 0x00};
    ok = scp_cryptogram(c->crypto, &c->session, SCP_HOST, cryptogram) &&
         scp_command_wrap(c->crypto, &c->session, header, span_of(cryptogram, 8), command);
    c->session.level = c->level;
    return ok ? NULL : "OpenSSL failed";
}

const char *apdu_channel_step(struct apdu_channel *c, unsigned step, struct span answer, struct buf *command)
{
    uint8_t host[8];
    static const uint8_t select[4] = {0x00, 0xA4, 0x04, 0x00};
    switch (step) {
    case 0:
        c->open = false;
        buf_put(command, span_of(select, sizeof select));
        buf_u8(command, (uint8_t)c->aid_len);
        buf_put(command, span_of(c->aid, c->aid_len));
        return NULL;
    case 1: {
        const uint8_t update[5] = {0x80, 0x50, c->kvn, 0x00, 8};
        if (!crypto_random(NULL, host, sizeof host))
            return "OpenSSL failed";
        memcpy(c->session.host_challenge, host, sizeof host);
        buf_put(command, span_of(update, sizeof update));
        buf_put(command, span_of(host, sizeof host));
        return NULL;
    }
    default:
        return authenticate(c, answer, command);
    }
}

bool apdu_channel_wrap(struct apdu_channel *c, struct span command, struct buf *out)
{
    struct command parsed;
    if (!c->open || command_parse(command, &parsed) != SW_OK || parsed.klass != CLASS_ETSI ||
        parsed.messaging != 0 || parsed.channel != 0)
        return false;
    return scp_command_wrap(c->crypto, &c->session, command.p, parsed.data, out);
}

const char *apdu_channel_unwrap(struct apdu_channel *c, uint16_t sw, struct span data, struct buf *plain)
{
    if (!sw_is_ok(sw) && !sw_is_warning(sw)) {
        /* an error has no MAC; and these end the session */
        c->open = c->open && sw != SW_SECURITY_STATUS && sw != SW_SECURE_MESSAGING_OBJECTS;
        return NULL;
    }
    uint16_t meant =
        (sw & 0xFF00) == SW_PROACTIVE ? (uint16_t)SW_OK : sw; /* 9000, and the terminal is asked to fetch */
    return scp_response_unwrap(c->crypto, &c->session, meant, data, plain) == SCP_GOOD
               ? NULL
               : "the answer's MAC is wrong";
}
