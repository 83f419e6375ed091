/* SPDX-License-Identifier: Apache-2.0
 *
 * MANAGE SECURE CHANNEL sets a channel up: the terminal learns of the one endpoint there is (the platform's),
 * both derive a master and a connection from the key they share, and prove it to each other. TRANSACT DATA
 * then carries sealed APDUs, which run as any command of the logical channel that their class names.
 *
 * What an inner command changed is committed with it; the outer one has nothing to commit.
 */
#include "secure_channel.h"

#include <stdlib.h>

#include "hex.h"
#include "kernel.h"
#include "secure_codec.h"

enum { MASTERS = 2, MANAGE_MAX = 512 };

struct connection {
    enum { FREE, ESTABLISHED, STARTED } state;
    uint8_t master;  /* slot */
    uint8_t channel; /* logical channel that it was started on */
    uint8_t container;
    struct secure_connection keys;
};

struct transfer { /* a data transfer session */
    enum { IDLE, TAKING, ANSWERING } state;
    uint8_t connection;   /* slot */
    uint8_t left;         /* blocks still to come */
    uint16_t n, at, last; /* octets; those already fetched, and before the block fetched last */
    uint8_t octets[SECURE_SEALED_MAX];
};

struct secure_channels {
    bool has_master[MASTERS];
    struct secure_master masters[MASTERS];
    uint8_t next_master, next_connection; /* slots are used in turn: the oldest gives way */
    struct connection connections[SECURE_SESSIONS];
    struct transfer transfers[SECURE_SESSIONS];
    /* MANAGE SECURE CHANNEL under way */
    uint8_t procedure, channel;
    bool answering;
    uint16_t n, at;
    uint8_t octets[MANAGE_MAX];
};

void secure_channels_free(struct uicc *card)
{
    if (card->secure != NULL)
        crypto_wipe(card->secure, sizeof *card->secure);
    free(card->secure);
    card->secure = NULL;
}

size_t secure_channels_footprint(const struct uicc *card)
{
    return card->secure != NULL ? sizeof *card->secure : 0;
}

static const struct secure_channel_service *service_of(struct uicc *card, struct applet *provider)
{
    return applet_service(card, "secure-channel", 0, provider);
}

/* ---- procedures: objects in, objects out ---- */

/* What identifies the card: EF.ICCID's octets. */
static struct span uicc_id(struct uicc *card)
{
    enum { EF_ICCID = 0x2FE2 };
    return admin_file_read(card, admin_file_in(card, 0, EF_ICCID));
}

static bool object(struct span objects, uint32_t tag, size_t n, struct span *out)
{
    return tlv_find(objects, tag, out) && out->n == n;
}

static sw_t retrieve_endpoints(struct uicc *card, struct buf *out)
{
    struct applet provider;
    const struct secure_channel_service *service = service_of(card, &provider);
    bool required = service->required(provider) != SECURE_OPTIONAL;
    const uint8_t endpoint[7] = {
        SECURE_PLATFORM,
        SECURE_BY_APDU,
        (uint8_t)(SECURE_APDU_CHANNEL | SECURE_FOUR_AT_A_TIME | (required ? SECURE_REQUIRED : 0)),
        SECURE_PRE_AGREED,
        SECURE_CONTAINER_MAX,
        0,
        0};
    buf_tlv(out, SECURE_UICC_ID, uicc_id(card));
    buf_tlv(out, SECURE_ENDPOINT, span_of(endpoint, sizeof endpoint));
    return SW_OK;
}

static bool random_id(struct uicc *card, uint8_t id[SECURE_ID_LEN])
{
    return card->env->random(card->env->ctx, id, SECURE_ID_LEN);
}

static void drop_connection(struct secure_channels *s, unsigned slot)
{
    crypto_wipe(&s->connections[slot], sizeof s->connections[slot]);
    for (unsigned i = 0; i < SECURE_SESSIONS; i++)
        if (s->transfers[i].connection == slot)
            crypto_wipe(&s->transfers[i], sizeof s->transfers[i]);
}

/* What of MANAGE SECURE CHANNEL is under way: blocks taken, or an answer. */
static void drop_procedure(struct secure_channels *s)
{
    crypto_wipe(s->octets, sizeof s->octets);
    s->n = s->at = 0;
    s->answering = false;
}

void secure_channels_leave(struct uicc *card, uint8_t channel)
{
    struct secure_channels *s = card->secure;
    if (s == NULL)
        return;
    for (unsigned i = 0; i < SECURE_SESSIONS; i++)
        if (s->connections[i].state == STARTED && s->connections[i].channel == channel)
            drop_connection(s, i);
    if (s->channel == channel)
        drop_procedure(s);
}

static void drop_master(struct secure_channels *s, unsigned slot)
{
    crypto_wipe(&s->masters[slot], sizeof s->masters[slot]);
    s->has_master[slot] = false;
    for (unsigned i = 0; i < SECURE_SESSIONS; i++)
        if (s->connections[i].state != FREE && s->connections[i].master == slot)
            drop_connection(s, i);
}

static sw_t establish_master(struct uicc *card, struct span objects, struct buf *out)
{
    struct applet provider;
    struct secure_channels *s = card->secure;
    struct secure_master master;
    const struct secure_channel_service *service = service_of(card, &provider);
    struct span agreement, terminal_id;
    uint8_t key[32];
    size_t n = 0;
    if (!object(objects, SECURE_KEY_AGREEMENT, 1, &agreement) ||
        !tlv_find(objects, SECURE_TERMINAL_ID, &terminal_id) || terminal_id.n == 0 ||
        terminal_id.n > SECURE_TERMINAL_ID_MAX)
        return SW_WRONG_DATA;
    if ((agreement.p[0] & SECURE_PRE_AGREED) == 0)
        return SW_FUNCTION_NOT_SUPPORTED;
    if (!service->key(provider, terminal_id, key, &n))
        return SW_CONDITIONS_NOT_SATISFIED;
    bool ok = random_id(card, master.id) &&
              secure_master_secret(card->env->crypto, span_of(key, n), uicc_id(card), terminal_id, &master);
    crypto_wipe(key, sizeof key);
    if (ok) {
        unsigned slot = s->next_master++ % MASTERS;
        drop_master(s, slot);
        s->masters[slot] = master;
        s->has_master[slot] = true;
        buf_tlv_u8(out, SECURE_KEY_AGREEMENT, SECURE_PRE_AGREED);
        buf_tlv(out, SECURE_MSA_ID, span_of(master.id, SECURE_ID_LEN));
    }
    crypto_wipe(&master, sizeof master);
    return ok ? SW_OK : SW_TECHNICAL_PROBLEM;
}

static bool find_master(const struct secure_channels *s, struct span id, unsigned *slot)
{
    for (*slot = 0; *slot < MASTERS; ++*slot)
        if (s->has_master[*slot] && id.n >= SECURE_ID_LEN &&
            memcmp(s->masters[*slot].id, id.p, SECURE_ID_LEN) == 0)
            return true;
    return false;
}

static bool find_connection(const struct secure_channels *s, struct span id, unsigned *slot)
{
    for (*slot = 0; *slot < SECURE_SESSIONS; ++*slot)
        if (s->connections[*slot].state != FREE && id.n >= SECURE_ID_LEN &&
            memcmp(s->connections[*slot].keys.id, id.p, SECURE_ID_LEN) == 0)
            return true;
    return false;
}

static const uint8_t algorithms[2] = {SECURE_AES_128, SECURE_CMAC};

/* The terminal says what it can do; we choose the only pair that we do: single DES and CRC32 protect nothing.
 */
static sw_t establish_connection(struct uicc *card, struct span objects, struct buf *out)
{
    struct secure_channels *s = card->secure;
    struct span id, offered, nonce;
    uint8_t own[SECURE_ID_LEN];
    unsigned master;
    if (!object(objects, SECURE_MSA_ID, SECURE_ID_LEN, &id) ||
        !object(objects, SECURE_ALGORITHMS, 2, &offered) ||
        !object(objects, SECURE_TERMINAL_NONCE, SECURE_ID_LEN, &nonce))
        return SW_WRONG_DATA;
    if (!find_master(s, id, &master))
        return SW_DATA_NOT_FOUND;
    if ((offered.p[0] & SECURE_AES_128) == 0 || (offered.p[1] & SECURE_CMAC) == 0)
        return SW_FUNCTION_NOT_SUPPORTED;
    unsigned slot = s->next_connection++ % SECURE_SESSIONS;
    struct connection *c = &s->connections[slot];
    drop_connection(s, slot);
    if (!random_id(card, c->keys.id) || !random_id(card, own) ||
        !secure_connection_keys(card->env->crypto, &s->masters[master], nonce.p, own, &c->keys)) {
        drop_connection(s, slot);
        return SW_TECHNICAL_PROBLEM;
    }
    c->state = ESTABLISHED;
    c->master = (uint8_t)master;
    buf_tlv(out, SECURE_ALGORITHMS, span_of(algorithms, sizeof algorithms));
    buf_tlv(out, SECURE_CSA_ID, span_of(c->keys.id, SECURE_ID_LEN));
    buf_tlv(out, SECURE_UICC_NONCE, span_of(own, sizeof own));
    return SW_OK;
}

/* One channel a logical channel: a new one takes the place of the old. A wrong proof ends the connection:
 * there is one try for each. */
static sw_t start(struct uicc *card, uint8_t channel, struct span objects, struct buf *out)
{
    struct secure_channels *s = card->secure;
    struct span chosen, id, proof, size;
    uint8_t mac[SECURE_ID_LEN];
    unsigned slot;
    if (!object(objects, SECURE_ALGORITHMS, 2, &chosen) ||
        !object(objects, SECURE_CSA_ID, SECURE_ID_LEN, &id) ||
        !object(objects, SECURE_START_MAC, SECURE_ID_LEN, &proof) ||
        !object(objects, SECURE_CONTAINER_SIZE, 1, &size) || size.p[0] < SECURE_CONTAINER_MIN ||
        size.p[0] > SECURE_CONTAINER_MAX)
        return SW_WRONG_DATA;
    if (!find_connection(s, id, &slot) || s->connections[slot].state != ESTABLISHED)
        return SW_DATA_NOT_FOUND;
    struct connection *c = &s->connections[slot];
    if (!span_equal(chosen, span_of(algorithms, sizeof algorithms)) ||
        !secure_start_mac(card->env->crypto, &c->keys, false, chosen, size.p[0], mac) ||
        !crypto_equal(mac, proof.p, SECURE_ID_LEN) ||
        !secure_start_mac(card->env->crypto, &c->keys, true, chosen, size.p[0], mac)) {
        drop_connection(s, slot);
        return SW_SECURITY_STATUS;
    }
    for (unsigned i = 0; i < SECURE_SESSIONS; i++)
        if (s->connections[i].state == STARTED && s->connections[i].channel == channel)
            drop_connection(s, i);
    c->state = STARTED;
    c->channel = channel;
    c->container = size.p[0];
    buf_tlv(out, SECURE_START_MAC, span_of(mac, sizeof mac));
    return SW_OK;
}

/* A master with all its connections, or connections, each named with a MAC. Every MAC is verified before
 * anything ends. */
static sw_t terminate(struct uicc *card, struct span objects)
{
    struct secure_channels *s = card->secure;
    struct reader r = rd_of(objects);
    struct tlv o;
    uint8_t mac[SECURE_ID_LEN];
    uint8_t connections = 0, masters = 0;
    while (tlv_next(&r, &o)) {
        unsigned slot;
        if (o.value.n != 2 * SECURE_ID_LEN || (o.tag != SECURE_MSA_ID && o.tag != SECURE_CSA_ID))
            return SW_WRONG_DATA;
        bool of_master = o.tag == SECURE_MSA_ID;
        if (!(of_master ? find_master(s, o.value, &slot) : find_connection(s, o.value, &slot)))
            return SW_DATA_NOT_FOUND;
        bool ok = of_master ? secure_master_end_mac(card->env->crypto, &s->masters[slot], mac)
                            : secure_end_mac(card->env->crypto, &s->connections[slot].keys, mac);
        if (!ok || !crypto_equal(mac, o.value.p + SECURE_ID_LEN, SECURE_ID_LEN))
            return SW_SECURITY_STATUS;
        if (of_master)
            masters |= (uint8_t)(1u << slot);
        else
            connections |= (uint8_t)(1u << slot);
    }
    if (!rd_ok(&r) || (masters == 0 && connections == 0))
        return SW_WRONG_DATA;
    for (unsigned i = 0; i < SECURE_SESSIONS; i++)
        if ((connections >> i & 1) != 0)
            drop_connection(s, i);
    for (unsigned i = 0; i < MASTERS; i++)
        if ((masters >> i & 1) != 0)
            drop_master(s, i);
    return SW_OK;
}

/* ---- MANAGE SECURE CHANNEL: blocks there and back (11.1.20.1) ---- */

/* The whole template is here: run the procedure; the answer takes its place. */
static sw_t run_procedure(struct call *call, uint8_t procedure, struct span objects)
{
    struct secure_channels *s = call->card->secure;
    uint8_t bytes[MANAGE_MAX];
    struct buf out = buf_of(bytes, sizeof bytes);
    sw_t sw;
    size_t mark = buf_tlv_open(&out, SECURE_TEMPLATE), head = out.len;
    switch (procedure) {
    case SECURE_RETRIEVE_ENDPOINTS:
        sw = retrieve_endpoints(call->card, &out);
        break;
    case SECURE_ESTABLISH_MASTER:
        sw = establish_master(call->card, objects, &out);
        break;
    case SECURE_ESTABLISH_CONNECTION:
        sw = establish_connection(call->card, objects, &out);
        break;
    case SECURE_START:
        sw = start(call->card, call->session->channel, objects, &out);
        break;
    default:
        sw = terminate(call->card, objects);
    }
    bool any = out.len > head;
    buf_tlv_close(&out, mark);
    if (sw == SW_OK && !buf_ok(&out))
        sw = SW_TECHNICAL_PROBLEM;
    s->answering = sw == SW_OK && any;
    s->procedure = procedure;
    s->channel = call->session->channel;
    s->at = 0;
    s->n = s->answering ? (uint16_t)out.len : 0;
    memcpy(s->octets, bytes, s->n);
    crypto_wipe(bytes, sizeof bytes);
    return sw != SW_OK ? sw : s->answering ? SW_RESPONSE_AVAILABLE : SW_OK;
}

static sw_t take_block(struct call *call, uint8_t procedure, bool first)
{
    struct secure_channels *s = call->card->secure;
    struct span block = call->cmd->data;
    struct tlv template;
    if (block.n == 0)
        return SW_WRONG_LENGTH;
    if (first) {
        drop_procedure(s);
        s->procedure = procedure;
        s->channel = call->session->channel;
    } else if (s->answering || s->n == 0 || s->procedure != procedure ||
               s->channel != call->session->channel) {
        return SW_CONDITIONS_NOT_SATISFIED;
    }
    if (block.n > sizeof s->octets - s->n) {
        s->n = 0;
        return SW_WRONG_DATA;
    }
    memcpy(s->octets + s->n, block.p, block.n);
    s->n = (uint16_t)(s->n + block.n);
    struct reader r = rd_of(span_of(s->octets, s->n));
    if (!tlv_next(&r, &template)) { /* not whole yet, if it is a template at all */
        if (s->octets[0] == SECURE_TEMPLATE)
            return SW_MORE_DATA_EXPECTED;
        s->n = 0;
        return SW_WRONG_DATA;
    }
    bool whole = rd_done(&r) && template.tag == SECURE_TEMPLATE;
    s->n = 0;
    return whole ? run_procedure(call, procedure, template.value) : SW_WRONG_DATA;
}

static sw_t give_block(struct call *call, uint8_t procedure, bool first)
{
    struct secure_channels *s = call->card->secure;
    if (first && procedure == SECURE_RETRIEVE_ENDPOINTS &&
        !(s->answering && s->procedure == procedure && s->channel == call->session->channel && s->at == 0)) {
        sw_t sw = run_procedure(call, procedure, SPAN_EMPTY);
        if (sw != SW_RESPONSE_AVAILABLE)
            return sw;
    }
    if (!s->answering || s->procedure != procedure || s->channel != call->session->channel ||
        first != (s->at == 0))
        return SW_CONDITIONS_NOT_SATISFIED;
    size_t left = (size_t)s->n - s->at, n = call->cmd->le < left ? call->cmd->le : left;
    if (call->cmd->le > left) /* said before anything is given: it will be asked again */
        return SW_WITH(SW_WRONG_LE, left);
    buf_put(call->out, span_of(s->octets + s->at, n));
    s->at = (uint16_t)(s->at + n);
    if (s->at < s->n)
        return SW_MORE_DATA_AVAILABLE;
    drop_procedure(s);
    return SW_OK;
}

/* State for channels exists from the first command on, if the card has a key for anybody. */
static sw_t need_state(struct uicc *card)
{
    struct applet provider;
    if (service_of(card, &provider) == NULL)
        return SW_FUNCTION_NOT_SUPPORTED;
    if (card->secure == NULL)
        card->secure = calloc(1, sizeof *card->secure);
    return card->secure != NULL ? SW_OK : SW_MEMORY_PROBLEM;
}

sw_t command_manage_secure_channel(struct call *call)
{
    enum { P2_RFU = 0x5F };
    uint8_t procedure = call->cmd->p1 & 0x0F,
            p2 = call->cmd->p2 & (uint8_t)~P2_RFU; /* RFU bits are ignored */
    sw_t sw = need_state(call->card);
    if (sw != SW_OK)
        return sw;
    if (procedure > SECURE_TERMINATE)
        return SW_WRONG_P1P2;
    bool response = (p2 & SECURE_NEXT_RESPONSE) != 0, first = (p2 & SECURE_FIRST_DATA) != 0;
    if (response)
        return call->cmd->data.n == 0 ? give_block(call, procedure, first) : SW_WRONG_LENGTH;
    return procedure == SECURE_RETRIEVE_ENDPOINTS ? SW_WRONG_P1P2 : take_block(call, procedure, first);
}

/* ---- TRANSACT DATA ---- */

static bool started_on(const struct secure_channels *s, uint8_t channel, uint8_t *slot)
{
    for (*slot = 0; *slot < SECURE_SESSIONS; ++*slot)
        if (s->connections[*slot].state == STARTED && s->connections[*slot].channel == channel)
            return true;
    return false;
}

/* One command through the card's own dispatch. There is no second channel inside, and nothing waits for GET
 * RESPONSE: data and status word come at once. */
static void run_inner(struct uicc *card, struct span apdu, struct buf *out)
{
    enum { INS_GET_RESPONSE = 0xC0, INS_MANAGE = 0x73, INS_TRANSACT = 0x75 };
    uint8_t bytes[SECURE_RESPONSE_MAX];
    struct buf data = buf_of(bytes, sizeof bytes - 2);
    struct command cmd;
    const struct command_row *row = NULL;
    sw_t sw = command_parse(apdu, &cmd);
    if (sw == SW_OK && (cmd.klass == CLASS_UNKNOWN || cmd.messaging != 0 || cmd.chained))
        sw = SW_CLA_NOT_SUPPORTED;
    if (sw == SW_OK && !card->ram.channels[cmd.channel].open)
        sw = SW_CHANNEL_NOT_SUPPORTED;
    if (sw == SW_OK && cmd.klass != CLASS_GSM &&
        (cmd.ins == INS_GET_RESPONSE || cmd.ins == INS_MANAGE || cmd.ins == INS_TRANSACT))
        sw = SW_CONDITIONS_NOT_SATISFIED;
    if (sw == SW_OK) {
        card->ram.inner = true;
        sw = session_execute(card, &card->ram.channels[cmd.channel], &cmd, &data, &row);
        card->ram.inner = false;
        toolkit_after(card, row, sw);
        if (cmd.has_le && data.len > cmd.le)
            data.len = cmd.le;
    }
    sw = toolkit_announce(card, session_status(card, &cmd, row, sw));
    buf_put(out, buf_span(&data));
    buf_u16(out, sw);
    crypto_wipe(bytes, sizeof bytes);
}

/* The last block is here. What cannot be opened ends the connection. */
static sw_t run_sealed(struct call *call, struct transfer *t, unsigned session)
{
    uint8_t plain_bytes[SECURE_SEALED_MAX], response_bytes[SECURE_RESPONSE_MAX];
    struct buf plain = buf_of(plain_bytes, sizeof plain_bytes),
               response = buf_of(response_bytes, sizeof response_bytes),
               sealed = buf_of(t->octets, sizeof t->octets);
    struct connection *c = &call->card->secure->connections[t->connection];
    struct span apdu;
    if (!secure_open(call->card->env->crypto, &c->keys.to_uicc, span_of(t->octets, t->n), &plain, &apdu)) {
        drop_connection(call->card->secure, t->connection);
        return SW_SECURITY_STATUS;
    }
    if (!card_commit(call->card)) { /* of nothing; the command has a transaction of its own */
        crypto_wipe(plain_bytes, sizeof plain_bytes);
        return SW_MEMORY_PROBLEM;
    }
    run_inner(call->card, apdu, &response);
    objects_begin(call->card->objects);
    crypto_wipe(plain_bytes, sizeof plain_bytes);
    if (c->state != STARTED) {
        /* it closed the logical channel: keys and session are gone, and there is nobody to answer */
        crypto_wipe(response_bytes, sizeof response_bytes);
        return SW_OK;
    }
    bool ok = buf_ok(&response) &&
              secure_seal(call->card->env->crypto, &c->keys.to_terminal, buf_span(&response), &sealed);
    crypto_wipe(response_bytes, sizeof response_bytes);
    if (!ok) {
        drop_connection(call->card->secure, t->connection);
        return SW_TECHNICAL_PROBLEM;
    }
    t->state = ANSWERING;
    t->n = (uint16_t)sealed.len;
    t->at = t->last = 0;
    return SW_WITH(SW_DATA_TRANSFER, session << 6 | SECURE_ONGOING);
}

static sw_t take_data(struct call *call, struct transfer *t, unsigned session, uint8_t slot)
{
    struct span value;
    struct reader r = rd_of(call->cmd->data);
    struct tlv o;
    if (!tlv_next(&r, &o) || !rd_done(&r) || o.tag != SECURE_DATA)
        return SW_WRONG_DATA;
    value = o.value;
    if (t->state == ANSWERING && t->at < t->n) /* 11.1.21.1: not while there is an answer to be had */
        return SW_CONDITIONS_NOT_SATISFIED;
    if (t->state != TAKING) {
        t->state = TAKING;
        t->connection = slot;
        t->n = 0;
    } else if (call->cmd->p2 + 1 != t->left || t->connection != slot) {
        t->state = IDLE;
        return SW_WRONG_P1P2;
    }
    if (value.n > call->card->secure->connections[slot].container || value.n > sizeof t->octets - t->n) {
        t->state = IDLE;
        return SW_WRONG_DATA;
    }
    memcpy(t->octets + t->n, value.p, value.n);
    t->n = (uint16_t)(t->n + value.n);
    t->left = call->cmd->p2;
    return t->left > 0 ? SW_WITH(SW_DATA_TRANSFER, session << 6 | SECURE_BLOCK_TAKEN)
                       : run_sealed(call, t, session);
}

static sw_t give_data(struct call *call, struct transfer *t, unsigned session)
{
    if (t->state != ANSWERING)
        return SW_CONDITIONS_NOT_SATISFIED;
    if ((call->cmd->p1 & SECURE_AGAIN) != 0)
        t->at = t->last;
    size_t container = call->card->secure->connections[t->connection].container, left = (size_t)t->n - t->at;
    size_t n = left < container ? left : container, whole = n + (n > 127 ? 3 : 2);
    if (left == 0)
        return SW_CONDITIONS_NOT_SATISFIED;
    if (call->cmd->le != whole)
        return SW_WITH(SW_WRONG_LE, whole);
    buf_tlv(call->out, SECURE_DATA, span_of(t->octets + t->at, n));
    t->last = t->at;
    t->at = (uint16_t)(t->at + n);
    return t->at < t->n ? SW_WITH(SW_DATA_TRANSFER, session << 6 | SECURE_MORE_BLOCKS) : SW_OK;
}

sw_t command_transact_data(struct call *call)
{
    struct secure_channels *s = call->card->secure;
    unsigned session = call->cmd->p1 >> 6;
    uint8_t slot;
    if (s == NULL || !started_on(s, call->session->channel, &slot)) {
        struct applet provider;
        return service_of(call->card, &provider) == NULL ? SW_FUNCTION_NOT_SUPPORTED
                                                         : SW_CONDITIONS_NOT_SATISFIED;
    }
    struct transfer *t = &s->transfers[session];
    const bool has_data = (call->cmd->p1 & SECURE_HAS_DATA) != 0;
    const bool done = t->state == ANSWERING && t->at == t->n;
    /* another secure channel's session */
    if (t->state != IDLE && t->connection != slot && !(done && has_data))
        return SW_CONDITIONS_NOT_SATISFIED;
    if ((call->cmd->p1 & SECURE_ABORT) != 0) {
        crypto_wipe(t, sizeof *t);
        return SW_OK;
    }
    if (has_data)
        return call->cmd->data.n > 0 ? take_data(call, t, session, slot) : SW_WRONG_LENGTH;
    return call->cmd->data.n == 0 ? give_data(call, t, session) : SW_WRONG_LENGTH;
}

/* ---- what may cross in clear ---- */

/* What a terminal needs before there is a channel, and to get at what came through it. */
static bool sets_up(const struct command_row *row)
{
    return row->handler == command_manage_secure_channel || row->handler == command_transact_data ||
           row->handler == command_get_response || row->handler == command_terminal_capability;
}

bool secure_channel_lets(const struct call *call)
{
    struct applet provider;
    const struct command_row *row = call->row;
    bool keys = (row->flags & ROW_SECRET_RESPONSE) != 0 && row->access == ACCESS_APPLICATION_PIN;
    if (call->card->ram.channel_requirement == 0) { /* it does not change while the card is on */
        const struct secure_channel_service *service = service_of(call->card, &provider);
        call->card->ram.channel_requirement =
            (uint8_t)(1 + (service != NULL ? service->required(provider) : SECURE_OPTIONAL));
    }
    unsigned required = call->card->ram.channel_requirement - 1u;
    if (required == SECURE_OPTIONAL || call->session->remote || call->card->ram.inner || sets_up(row))
        return true;
    return required == SECURE_FOR_KEYS && !keys;
}
