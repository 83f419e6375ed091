/* SPDX-License-Identifier: Apache-2.0
 *
 * Secure channel sessions (10, appendix E; Amendment D): INITIALIZE UPDATE, EXTERNAL AUTHENTICATE, and the
 * secure messaging of what follows. One session a logical channel, in volatile memory. It ends when its
 * application is selected anew or left, with the channel, with a reset, and with the first command whose MAC
 * is wrong.
 */
#include "domain.h"

enum {
    SEQUENCE_LEN = 3,
    DIVERSIFICATION_LEN = 10,
    FID_ICCID = 0x2FE2,
    TAG_PROTOCOL = 0x81, /* in a security domain's parameters: protocol, option i (UICC Configuration,
                            installation parameters) */
    OPTION_S16 = 0x01,
    OPTION_PSEUDO_RANDOM_03 = 0x10,
    OPTION_PSEUDO_RANDOM_02 = 0x40,
    SCP02_DEFAULT = 0x15,
    SCP03_DEFAULT = 0x70,
};

struct domain_memory *domain_memory(struct applet domain)
{
    return domain.index == NO_APPLET ? NULL : applet_transient(domain, sizeof(struct domain_memory));
}

static void channel_close(struct domain_channel *channel)
{
    crypto_wipe(channel, sizeof *channel);
}

/* The option i that the domain's parameters give this protocol. */
static uint8_t option_of(struct applet domain, uint8_t protocol)
{
    struct reader r = rd_of(applet_row(domain)->params);
    struct tlv t;
    while (tlv_next(&r, &t))
        if (t.tag == TAG_PROTOCOL && t.value.n == 2 && t.value.p[0] == protocol)
            return t.value.p[1];
    return protocol == SCP02 ? SCP02_DEFAULT : SCP03_DEFAULT;
}

/* ---- sequence counters ---- */

static uint32_t sequence_of(struct applet domain, uint8_t version)
{
    struct span bytes;
    struct reader r =
        rd_of(applet_get(domain, (uint16_t)(DOMAIN_SEQUENCE | version), &bytes) ? bytes : SPAN_EMPTY);
    return (uint32_t)rd_be(&r, SEQUENCE_LEN);
}

/* Durable before it is used: no session is opened twice with one value. */
static bool sequence_spend(struct applet domain, uint8_t version, uint32_t value)
{
    const uint8_t bytes[SEQUENCE_LEN] = {(uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};
    return applet_put_now(domain, (uint16_t)(DOMAIN_SEQUENCE | version), span_of(bytes, sizeof bytes));
}

/* ---- INITIALIZE UPDATE, E.5.1, Amendment D 7.1.1 ---- */

struct beginning {
    struct call *call;
    struct applet domain; /* whose keys they are */
    uint8_t version;
    struct scp_keys keys;
    uint8_t option;
    uint8_t sequence[SEQUENCE_LEN];
    bool has_sequence;
};

static void scp_keys_of(const struct domain_keyset *set, struct scp_keys *out)
{
    out->len = set->key[0].len;
    memcpy(out->enc, set->key[0].value, sizeof out->enc);
    memcpy(out->mac, set->key[1].value, sizeof out->mac);
    memcpy(out->dek, set->key[2].value, sizeof out->dek);
}

/* With i = 55 and i = 70 the challenge follows from counter and AID, so that scripts can be prepared. */
static bool challenge(struct beginning *b, uint8_t *out, size_t n, bool pseudo_random, uint32_t sequence)
{
    const struct profile_applet *row = applet_row(b->call->self);
    struct span aid = span_of(row->aid, row->aid_len);
    struct uicc_crypto *c = applet_crypto(b->domain);
    if (!pseudo_random)
        return applet_random(b->domain, out, n);
    if (n == SCP02_CHALLENGE)
        return scp02_challenge(c, &b->keys, (uint16_t)sequence, aid, out);
    return scp03_challenge(c, &b->keys, b->sequence, aid, out, n);
}

static sw_t begin_scp02(struct beginning *b, struct scp_session *s)
{
    uint8_t card[SCP02_CHALLENGE];
    uint32_t sequence = sequence_of(b->domain, b->version);
    if (b->call->cmd->data.n != SCP02_HOST_CHALLENGE)
        return SW_WRONG_LENGTH;
    if (sequence > 0xFFFF) /* spent by the last session there can be */
        return SW_CONDITIONS_NOT_SATISFIED;
    return challenge(b, card, sizeof card, (b->option & OPTION_PSEUDO_RANDOM_02) != 0, sequence) &&
                   scp02_begin(applet_crypto(b->domain), &b->keys, (uint16_t)sequence, b->call->cmd->data.p,
                               card, s)
               ? SW_OK
               : SW_TECHNICAL_PROBLEM;
}

static sw_t begin_scp03(struct beginning *b, struct scp_session *s)
{
    uint8_t card[SCP_MAC_MAX];
    size_t n = b->call->cmd->data.n;
    bool pseudo_random = (b->option & OPTION_PSEUDO_RANDOM_03) != 0;
    if (n != 8 && n != 16)
        return SW_WRONG_LENGTH;
    b->option = (uint8_t)((b->option & ~OPTION_S16) | (n == 16 ? OPTION_S16 : 0));
    if (pseudo_random) { /* Amendment D 6.2.2.1: a counter value makes one challenge */
        uint32_t sequence = sequence_of(b->domain, b->version) + 1;
        if (sequence > 0xFFFFFF)
            return SW_CONDITIONS_NOT_SATISFIED;
        if (!sequence_spend(b->domain, b->version, sequence))
            return SW_MEMORY_PROBLEM;
        b->has_sequence = true;
        for (int i = 0; i < SEQUENCE_LEN; i++)
            b->sequence[i] = (uint8_t)(sequence >> (8 * (SEQUENCE_LEN - 1 - i)));
    }
    return challenge(b, card, n, pseudo_random, 0) &&
                   scp03_begin(applet_crypto(b->domain), &b->keys, b->call->cmd->data.p, card, n, s)
               ? SW_OK
               : SW_TECHNICAL_PROBLEM;
}

/* Key diversification data: the ICCID, by which a host knows whose keys to derive. */
static void put_diversification(struct call *call)
{
    struct span iccid = admin_file_read(call->card, admin_file_in(call->card, 0, FID_ICCID));
    buf_put(call->out, span_slice(iccid, 0, DIVERSIFICATION_LEN));
    if (iccid.n < DIVERSIFICATION_LEN)
        buf_fill(call->out, 0, DIVERSIFICATION_LEN - iccid.n);
}

static sw_t answer_update(const struct beginning *b, const struct scp_session *s)
{
    struct buf *out = b->call->out;
    uint8_t cryptogram[SCP_MAC_MAX];
    if (!scp_cryptogram(applet_crypto(b->domain), s, SCP_CARD, cryptogram))
        return SW_TECHNICAL_PROBLEM;
    put_diversification(b->call);
    buf_u8(out, b->version);
    buf_u8(out, s->protocol);
    if (s->protocol == SCP02) {
        buf_u16(out, s->sequence);
        buf_put(out, span_of(s->card_challenge, SCP02_CHALLENGE));
    } else {
        buf_u8(out, b->option);
        buf_put(out, span_of(s->card_challenge, s->mac_len));
    }
    buf_put(out, span_of(cryptogram, s->mac_len));
    if (b->has_sequence)
        buf_put(out, span_of(b->sequence, SEQUENCE_LEN));
    return SW_OK;
}

static sw_t initialize(struct beginning *b, struct domain_channel *channel)
{
    struct domain_keyset set;
    if (!domain_keyset_load(b->domain, b->version, &set) || !domain_keyset_complete(&set) ||
        b->version <= KEYSET_OTA_MAX) {
        crypto_wipe(&set, sizeof set);
        return SW_DATA_NOT_FOUND;
    }
    scp_keys_of(&set, &b->keys);
    crypto_wipe(&set, sizeof set);
    uint8_t protocol = domain_key_use(b->version) == KEY_USE_SCP02 ? SCP02 : SCP03;
    b->option = option_of(b->domain, protocol);
    sw_t sw = protocol == SCP02 ? begin_scp02(b, &channel->scp) : begin_scp03(b, &channel->scp);
    if (sw == SW_OK)
        sw = answer_update(b, &channel->scp);
    if (protocol == SCP03) /* its DEK is the static key, which stays where it is until it is needed */
        crypto_wipe(channel->scp.dek, sizeof channel->scp.dek);
    channel->state = CHANNEL_BEGUN;
    channel->version = b->version;
    channel->holder = b->domain.index;
    channel->applet = b->call->self.index;
    return sw;
}

/* P1: key version, 00: the first there is. P2, a key identifier, is 00. Data: the host challenge. */
sw_t command_initialize_update(struct call *call)
{
    struct applet own = domain_of(call->self);
    struct domain_memory *memory = domain_memory(own);
    if (memory == NULL || call->session->remote)
        return memory == NULL ? SW_NOT_ENOUGH_MEMORY : SW_CONDITIONS_NOT_SATISFIED;
    struct domain_channel *channel = &memory->channels[call->session->channel];
    channel_close(channel); /* a session under way ends */
    call->session->messaging = true;
    struct beginning b = {.call = call, .domain = domain_with_channel_keys(own), .version = call->cmd->p1};
    if (b.version == 0)
        b.version = domain_first_keyset(b.domain);
    sw_t sw = initialize(&b, channel);
    if (sw != SW_OK)
        channel_close(channel);
    crypto_wipe(&b.keys, sizeof b.keys);
    return sw;
}

/* ---- EXTERNAL AUTHENTICATE, E.5.2, Amendment D 7.1.2 ---- */

/* Without a C-MAC nothing could be authorised, so that level is not offered; R-MAC only by SCP03, and what it
 * offers is a chain. */
static bool level_offered(const struct scp_session *s, uint8_t level)
{
    switch (level) {
    case SCP_C_MAC:
    case SCP_C_MAC | SCP_C_DECRYPTION:
        return true;
    case SCP_C_MAC | SCP_R_MAC:
    case SCP_C_MAC | SCP_C_DECRYPTION | SCP_R_MAC:
    case SCP_C_MAC | SCP_C_DECRYPTION | SCP_R_MAC | SCP_R_ENCRYPTION:
        return s->protocol == SCP03;
    default:
        return false;
    }
}

static sw_t authenticate(struct call *call, struct domain_channel *channel)
{
    struct applet domain = {call->card, channel->holder};
    struct scp_session *s = &channel->scp;
    uint8_t expected[SCP_MAC_MAX];
    if (!level_offered(s, call->cmd->p1))
        return SW_WRONG_P1P2;
    if (call->cmd->data.n != s->mac_len)
        return SW_WRONG_LENGTH;
    if (!scp_cryptogram(applet_crypto(domain), s, SCP_HOST, expected))
        return SW_TECHNICAL_PROBLEM;
    if (!crypto_equal(expected, call->cmd->data.p, s->mac_len))
        return SW_HOST_CRYPTOGRAM;
    /* E.1.2.1: the counter of SCP02 counts sessions that were opened. Session keys follow from its value
     * alone: if a session of another logical channel was opened with it meanwhile, this one would be the
     * same. */
    if (s->protocol == SCP02 && sequence_of(domain, channel->version) != s->sequence)
        return SW_CONDITIONS_NOT_SATISFIED;
    if (s->protocol == SCP02 && !sequence_spend(domain, channel->version, s->sequence + 1u))
        return SW_MEMORY_PROBLEM;
    s->level = call->cmd->p1;
    channel->state = CHANNEL_OPEN;
    channel->first = true;
    return SW_OK;
}

/* Its own MAC has been verified by domain_unwrap, or it would not have come here as secured. */
sw_t command_external_authenticate(struct call *call)
{
    struct domain_memory *memory = domain_memory(domain_of(call->self));
    if (memory == NULL || call->session->remote || call->session->secured == 0)
        return SW_CONDITIONS_NOT_SATISFIED;
    struct domain_channel *channel = &memory->channels[call->session->channel];
    sw_t sw = channel->state == CHANNEL_BEGUN ? authenticate(call, channel) : SW_CONDITIONS_NOT_SATISFIED;
    if (sw != SW_OK)
        channel_close(channel);
    return sw;
}

/* ---- secure messaging ---- */

static struct domain_channel *channel_of(struct applet self, const struct session *session)
{
    struct domain_memory *memory = domain_memory(domain_of(self));
    return memory == NULL || session->remote ? NULL : &memory->channels[session->channel];
}

static sw_t domain_unwrap(struct applet self, const struct session *session, const struct command *cmd,
                          struct buf *plain, uint8_t *level)
{
    enum { INS_EXTERNAL_AUTHENTICATE = 0x82 };
    struct domain_channel *channel = channel_of(self, session);
    if (channel == NULL || channel->state == CHANNEL_CLOSED || channel->applet != self.index)
        return SW_CONDITIONS_NOT_SATISFIED;
    if (channel->state == CHANNEL_BEGUN && cmd->ins != INS_EXTERNAL_AUTHENTICATE) {
        channel_close(channel);
        return SW_CONDITIONS_NOT_SATISFIED;
    }
    const uint8_t header[4] = {cmd->cla, cmd->ins, cmd->p1, cmd->p2};
    switch (scp_command_unwrap(applet_crypto(self), &channel->scp, header, cmd->data, plain)) {
    case SCP_GOOD:
        *level = channel->scp.level;
        return SW_OK;
    case SCP_MALFORMED:
        channel_close(channel);
        return SW_SECURE_MESSAGING_OBJECTS;
    case SCP_WRONG_MAC:
        channel_close(channel);
        return SW_SECURITY_STATUS;
    default:
        channel_close(channel);
        return SW_TECHNICAL_PROBLEM;
    }
}

static bool domain_wrap(struct applet self, const struct session *session, sw_t sw, struct buf *out)
{
    struct domain_channel *channel = channel_of(self, session);
    if (channel == NULL || channel->state != CHANNEL_OPEN ||
        channel->applet != self.index) /* the command ended it, or was EXTERNAL AUTHENTICATE and failed */
        return true;
    if ((channel->scp.level & (SCP_R_MAC | SCP_R_ENCRYPTION)) == 0)
        return true;
    if (channel->first) { /* the response to EXTERNAL AUTHENTICATE has no MAC (Amendment D 6.2.5) */
        channel->first = false;
        return true;
    }
    uint8_t protected[2048];
    struct buf b = buf_of(protected, sizeof protected);
    bool ok = scp_response_wrap(applet_crypto(self), &channel->scp, sw, buf_span(out), &b);
    if (ok) {
        out->len = 0;
        buf_put(out, buf_span(&b));
    } else {
        channel_close(channel);
    }
    crypto_wipe(protected, b.len);
    return ok && buf_ok(out);
}

static void domain_close(struct applet self, const struct session *session)
{
    struct domain_memory *memory = domain_memory(domain_of(self));
    if (memory == NULL)
        return;
    channel_close(&memory->channels[session->channel]);
    /* What a command began for the next one ends with the session, too. */
    if (!memory->personalization.remote && memory->personalization.channel == session->channel)
        memory->personalization = (struct domain_personalization){0};
    if (!memory->status.remote && memory->status.channel == session->channel)
        memory->status = (struct domain_status){0};
}

const struct secure_messaging domain_messaging = {domain_unwrap, domain_wrap, domain_close};

/* ---- the data encryption key in force ---- */

/* TS 102 225 annex, TS 102 226 8.2.1.5: keys come under the KIK of the keyset that secured the message. */
static bool under_kik(struct call *call, struct span in, uint8_t *out)
{
    const struct keyset *keys = script_keys(call);
    struct scp_session s = {0};
    if (keys == NULL || keys->kik_len == 0)
        return false;
    s.protocol = keyset_kik_algorithm(keys) == OTA_AES ? SCP03 : SCP02;
    s.key_len = keys->kik_len;
    memcpy(s.dek, keys->kik, sizeof s.dek);
    bool ok = scp_dek_decrypt(applet_crypto(call->self), &s, in, out);
    crypto_wipe(&s, sizeof s);
    return ok;
}

static bool under_session(struct call *call, const struct domain_channel *channel, struct span in,
                          uint8_t *out)
{
    struct applet holder = {call->card, channel->holder};
    struct domain_keyset set;
    struct scp_session s = channel->scp;
    bool ok = true;
    if (s.protocol == SCP03 && !channel->dek_kept) {
        ok = domain_keyset_load(holder, channel->version, &set) && set.key[2].len == s.key_len;
        memcpy(s.dek, set.key[2].value, sizeof s.dek);
        crypto_wipe(&set, sizeof set);
    }
    ok = ok && scp_dek_decrypt(applet_crypto(call->self), &s, in, out);
    crypto_wipe(&s, sizeof s);
    return ok;
}

void domain_dek_keep(struct call *call, const struct domain_keyset *old)
{
    struct domain_channel *channel = channel_of(call->self, call->session);
    if (channel == NULL || channel->state != CHANNEL_OPEN || channel->scp.protocol != SCP03 ||
        channel->dek_kept || channel->holder != call->self.index || channel->version != old->version)
        return;
    memcpy(channel->scp.dek, old->key[2].value, sizeof channel->scp.dek);
    channel->dek_kept = true;
}

bool domain_dek_decrypt(struct call *call, struct span in, uint8_t *out)
{
    if (call->session->remote)
        return under_kik(call, in, out);
    const struct domain_channel *channel = channel_of(call->self, call->session);
    return channel != NULL && channel->state == CHANNEL_OPEN && under_session(call, channel, in, out);
}

size_t domain_dek_block(struct call *call)
{
    if (!call->session->remote) {
        const struct domain_channel *channel = channel_of(call->self, call->session);
        return channel != NULL && channel->state == CHANNEL_OPEN ? scp_dek_block(&channel->scp) : 8;
    }
    const struct keyset *keys = script_keys(call);
    return keys != NULL && keyset_kik_algorithm(keys) == OTA_AES ? 16 : 8;
}
