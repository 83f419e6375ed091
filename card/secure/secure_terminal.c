/* SPDX-License-Identifier: Apache-2.0 */
#include "secure_terminal.h"

#include "tlv.h"

enum { INS_MANAGE = 0x73, INS_TRANSACT = 0x75, LC_MAX = 255, PROCEDURE_MAX = 512, ROUNDS_MAX = 64 };

const char *secure_result_text(enum secure_result result)
{
    static const char *const texts[] = {
        [SECURE_OK] = "ok",
        [SECURE_LINK_GONE] = "the card does not answer",
        [SECURE_NOT_OFFERED] = "the card offers no secure channel for APDUs with a pre-shared key",
        [SECURE_REFUSED] = "the card refused",
        [SECURE_WRONG_KEY] = "the card has another key",
        [SECURE_BROKEN] = "an answer was not the card's, or makes no sense",
    };
    return (size_t)result < sizeof texts / sizeof texts[0] ? texts[result] : "unknown result";
}

/* Case 2, with 6Cxx followed up. */
static enum secure_result fetch(struct secure_terminal *t, uint8_t ins, uint8_t p1, uint8_t p2,
                                struct buf *data, sw_t *sw)
{
    uint8_t command[5] = {0, ins, p1, p2, 0};
    if (!t->exchange(t->ctx, span_of(command, sizeof command), data, sw))
        return SECURE_LINK_GONE;
    if ((*sw & 0xFF00) != SW_WRONG_LE)
        return SECURE_OK;
    command[4] = (uint8_t)*sw;
    return t->exchange(t->ctx, span_of(command, sizeof command), data, sw) ? SECURE_OK : SECURE_LINK_GONE;
}

static enum secure_result send(struct secure_terminal *t, uint8_t ins, uint8_t p1, uint8_t p2,
                               struct span block, sw_t *sw)
{
    uint8_t command[5 + LC_MAX];
    struct buf out = buf_of(command, sizeof command);
    const uint8_t header[5] = {0, ins, p1, p2, (uint8_t)block.n};
    buf_put(&out, span_of(header, sizeof header));
    buf_put(&out, block);
    bool ok = buf_ok(&out) && t->exchange(t->ctx, buf_span(&out), NULL, sw);
    return ok ? SECURE_OK : SECURE_LINK_GONE;
}

/* One procedure of MANAGE SECURE CHANNEL: its objects there (none: SPAN_EMPTY) and back, in blocks. *objects
 * is what is in the template. */
static enum secure_result procedure(struct secure_terminal *t, uint8_t p1, struct span command,
                                    struct buf *room, struct span *objects, sw_t *sw)
{
    enum secure_result r = SECURE_OK;
    uint8_t bytes[PROCEDURE_MAX];
    struct buf whole = buf_of(bytes, sizeof bytes);
    *objects = SPAN_EMPTY;
    if (command.n > 0)
        buf_tlv(&whole, SECURE_TEMPLATE, command);
    for (size_t at = 0; r == SECURE_OK && at < whole.len; at += LC_MAX) {
        r = send(t, INS_MANAGE, p1, at == 0 ? SECURE_FIRST_DATA : SECURE_NEXT_DATA,
                 span_slice(buf_span(&whole), at, LC_MAX), sw);
        if (r == SECURE_OK && *sw != SW_OK && *sw != SW_MORE_DATA_EXPECTED && *sw != SW_RESPONSE_AVAILABLE &&
            (*sw & 0xFF00) != SW_PROACTIVE)
            return SECURE_REFUSED;
    }
    if (command.n > 0 && *sw != SW_RESPONSE_AVAILABLE) /* it has none */
        return r;
    for (unsigned i = 0; r == SECURE_OK && (i == 0 || *sw == SW_MORE_DATA_AVAILABLE); i++) {
        if (i == ROUNDS_MAX)
            return SECURE_BROKEN;
        r = fetch(t, INS_MANAGE, p1, i == 0 ? SECURE_FIRST_RESPONSE : SECURE_NEXT_RESPONSE, room, sw);
    }
    if (r != SECURE_OK)
        return r;
    if (*sw != SW_OK && (*sw & 0xFF00) != SW_PROACTIVE)
        return SECURE_REFUSED;
    return buf_ok(room) && tlv_find(buf_span(room), SECURE_TEMPLATE, objects) ? SECURE_OK : SECURE_BROKEN;
}

static bool object(struct span objects, uint32_t tag, size_t n, struct span *out)
{
    return tlv_find(objects, tag, out) && out->n == n;
}

/* Does an endpoint suit us? Type, then capabilities: transport, types, key agreement, container (11.1.20.2).
 */
static bool suits(struct secure_terminal *t, struct span objects)
{
    struct reader r = rd_of(objects);
    struct tlv o;
    while (tlv_next(&r, &o)) {
        struct reader e = rd_of(o.value);
        uint8_t type = rd_u8(&e), transport = rd_u8(&e), types = rd_u8(&e), agreement = rd_u8(&e),
                container = rd_u8(&e);
        if (o.tag != SECURE_ENDPOINT || !rd_ok(&e) || type != SECURE_PLATFORM ||
            (transport & SECURE_BY_APDU) == 0 || (types & SECURE_APDU_CHANNEL) == 0 ||
            (agreement & SECURE_PRE_AGREED) == 0 || container < SECURE_CONTAINER_MIN)
            continue;
        t->required = (types & SECURE_REQUIRED) != 0;
        if (t->container > container)
            t->container = container;
        return true;
    }
    return false;
}

static enum secure_result make_master(struct secure_terminal *t, struct span psk, struct span uicc_id,
                                      struct span terminal_id, sw_t *sw)
{
    uint8_t command_bytes[64], response_bytes[PROCEDURE_MAX];
    struct buf command = buf_of(command_bytes, sizeof command_bytes),
               response = buf_of(response_bytes, sizeof response_bytes);
    struct span objects, id;
    buf_tlv_u8(&command, SECURE_KEY_AGREEMENT, SECURE_PRE_AGREED);
    buf_tlv(&command, SECURE_TERMINAL_ID, terminal_id);
    enum secure_result r = procedure(t, SECURE_ESTABLISH_MASTER, buf_span(&command), &response, &objects, sw);
    if (r != SECURE_OK)
        return r;
    if (!object(objects, SECURE_MSA_ID, SECURE_ID_LEN, &id))
        return SECURE_BROKEN;
    memcpy(t->master.id, id.p, SECURE_ID_LEN);
    return secure_master_secret(t->crypto, psk, uicc_id, terminal_id, &t->master) ? SECURE_OK : SECURE_BROKEN;
}

static const uint8_t algorithms[2] = {SECURE_AES_128, SECURE_CMAC};

static enum secure_result make_connection(struct secure_terminal *t, sw_t *sw)
{
    uint8_t nonce[SECURE_ID_LEN], command_bytes[96], response_bytes[PROCEDURE_MAX];
    struct buf command = buf_of(command_bytes, sizeof command_bytes),
               response = buf_of(response_bytes, sizeof response_bytes);
    struct span objects, chosen, id, theirs;
    if (!t->random(t->ctx, nonce, sizeof nonce))
        return SECURE_BROKEN;
    buf_tlv(&command, SECURE_MSA_ID, span_of(t->master.id, SECURE_ID_LEN));
    buf_tlv(&command, SECURE_ALGORITHMS, span_of(algorithms, sizeof algorithms));
    buf_tlv(&command, SECURE_TERMINAL_NONCE, span_of(nonce, sizeof nonce));
    enum secure_result r =
        procedure(t, SECURE_ESTABLISH_CONNECTION, buf_span(&command), &response, &objects, sw);
    if (r != SECURE_OK)
        return r;
    if (!object(objects, SECURE_ALGORITHMS, sizeof algorithms, &chosen) ||
        !span_equal(chosen, span_of(algorithms, sizeof algorithms)) ||
        !object(objects, SECURE_CSA_ID, SECURE_ID_LEN, &id) ||
        !object(objects, SECURE_UICC_NONCE, SECURE_ID_LEN, &theirs))
        return SECURE_BROKEN;
    memcpy(t->connection.id, id.p, SECURE_ID_LEN);
    return secure_connection_keys(t->crypto, &t->master, nonce, theirs.p, &t->connection) ? SECURE_OK
                                                                                          : SECURE_BROKEN;
}

static enum secure_result start(struct secure_terminal *t, sw_t *sw)
{
    uint8_t mac[SECURE_ID_LEN], command_bytes[96], response_bytes[PROCEDURE_MAX];
    struct buf command = buf_of(command_bytes, sizeof command_bytes),
               response = buf_of(response_bytes, sizeof response_bytes);
    const struct span chosen = span_of(algorithms, sizeof algorithms);
    struct span objects, proof;
    if (!secure_start_mac(t->crypto, &t->connection, false, chosen, t->container, mac))
        return SECURE_BROKEN;
    buf_tlv(&command, SECURE_ALGORITHMS, chosen);
    buf_tlv(&command, SECURE_CSA_ID, span_of(t->connection.id, SECURE_ID_LEN));
    buf_tlv(&command, SECURE_START_MAC, span_of(mac, sizeof mac));
    buf_tlv_u8(&command, SECURE_CONTAINER_SIZE, t->container);
    enum secure_result r = procedure(t, SECURE_START, buf_span(&command), &response, &objects, sw);
    if (r != SECURE_OK)
        return r == SECURE_REFUSED && *sw == SW_SECURITY_STATUS ? SECURE_WRONG_KEY : r;
    if (!secure_start_mac(t->crypto, &t->connection, true, chosen, t->container, mac))
        return SECURE_BROKEN;
    return object(objects, SECURE_START_MAC, SECURE_ID_LEN, &proof) &&
                   crypto_equal(mac, proof.p, SECURE_ID_LEN)
               ? SECURE_OK
               : SECURE_WRONG_KEY;
}

static void forget(struct secure_terminal *t)
{
    crypto_wipe(&t->master, sizeof t->master);
    crypto_wipe(&t->connection, sizeof t->connection);
    t->open = false;
}

enum secure_result secure_terminal_open(struct secure_terminal *t, struct span psk, struct span terminal_id,
                                        sw_t *sw)
{
    uint8_t bytes[PROCEDURE_MAX];
    struct buf room = buf_of(bytes, sizeof bytes);
    struct span objects, uicc_id;
    *sw = 0;
    if (t->container == 0 || t->container > SECURE_CONTAINER_MAX)
        t->container = SECURE_CONTAINER_MAX;
    enum secure_result r = procedure(t, SECURE_RETRIEVE_ENDPOINTS, SPAN_EMPTY, &room, &objects, sw);
    if (r == SECURE_REFUSED ||
        (r == SECURE_OK && (!tlv_find(objects, SECURE_UICC_ID, &uicc_id) || !suits(t, objects))))
        r = SECURE_NOT_OFFERED;
    if (r == SECURE_OK)
        r = make_master(t, psk, uicc_id, terminal_id, sw);
    if (r == SECURE_OK)
        r = make_connection(t, sw);
    if (r == SECURE_OK)
        r = start(t, sw);
    t->open = r == SECURE_OK;
    if (r != SECURE_OK)
        forget(t);
    return r;
}

/* ---- TRANSACT DATA ---- */

static uint8_t session_bits(const struct secure_terminal *t)
{
    return (uint8_t)((t->session & 3) << 6);
}

static enum secure_result send_blocks(struct secure_terminal *t, struct span sealed, sw_t *sw)
{
    size_t blocks = (sealed.n + t->container - 1) / t->container;
    enum secure_result r = SECURE_OK;
    for (size_t i = 0; i < blocks && r == SECURE_OK; i++) {
        uint8_t bytes[LC_MAX];
        struct buf block = buf_of(bytes, sizeof bytes);
        buf_tlv(&block, SECURE_DATA, span_slice(sealed, i * t->container, t->container));
        r = send(t, INS_TRANSACT, session_bits(t) | SECURE_HAS_DATA, (uint8_t)(blocks - 1 - i),
                 buf_span(&block), sw);
        if (r == SECURE_OK && (*sw & 0xFF00) != SW_DATA_TRANSFER)
            return SECURE_REFUSED;
    }
    return r;
}

static enum secure_result fetch_blocks(struct secure_terminal *t, struct buf *sealed, sw_t *sw)
{
    for (unsigned i = 0; i < ROUNDS_MAX; i++) {
        uint8_t bytes[LC_MAX + 1];
        struct buf block = buf_of(bytes, sizeof bytes);
        struct span value;
        enum secure_result r = fetch(t, INS_TRANSACT, session_bits(t), 0, &block, sw);
        if (r != SECURE_OK)
            return r;
        bool more = *sw == SW_WITH(SW_DATA_TRANSFER, session_bits(t) | SECURE_MORE_BLOCKS);
        if (!more && *sw != SW_OK && (*sw & 0xFF00) != SW_PROACTIVE)
            return SECURE_REFUSED;
        if (!tlv_find(buf_span(&block), SECURE_DATA, &value))
            return SECURE_BROKEN;
        buf_put(sealed, value);
        if (!more)
            return buf_ok(sealed) ? SECURE_OK : SECURE_BROKEN;
    }
    return SECURE_BROKEN;
}

static enum secure_result transmit(struct secure_terminal *t, struct span apdu, struct buf *data, sw_t *sw)
{
    uint8_t out_bytes[SECURE_SEALED_MAX], in_bytes[SECURE_SEALED_MAX], plain_bytes[SECURE_SEALED_MAX];
    struct buf out = buf_of(out_bytes, sizeof out_bytes), in = buf_of(in_bytes, sizeof in_bytes),
               plain = buf_of(plain_bytes, sizeof plain_bytes);
    struct span response;
    if (!secure_seal(t->crypto, &t->connection.to_uicc, apdu, &out))
        return SECURE_BROKEN;
    enum secure_result r = send_blocks(t, buf_span(&out), sw);
    if (r == SECURE_OK)
        r = fetch_blocks(t, &in, sw);
    if (r == SECURE_OK &&
        (!secure_open(t->crypto, &t->connection.to_terminal, buf_span(&in), &plain, &response) ||
         response.n < 2))
        r = SECURE_BROKEN;
    if (r == SECURE_OK) {
        buf_put(data, span_slice(response, 0, response.n - 2));
        struct reader words = rd_of(span_slice(response, response.n - 2, 2));
        *sw = rd_u16(&words);
        r = buf_ok(data) ? SECURE_OK : SECURE_BROKEN;
    }
    crypto_wipe(plain_bytes, sizeof plain_bytes);
    return r;
}

enum secure_result secure_terminal_transmit(struct secure_terminal *t, struct span apdu, struct buf *data,
                                            sw_t *sw)
{
    *sw = 0;
    if (!t->open)
        return SECURE_BROKEN;
    enum secure_result r = transmit(t, apdu, data, sw);
    if (r != SECURE_OK)
        forget(t);
    return r;
}

enum secure_result secure_terminal_close(struct secure_terminal *t, sw_t *sw)
{
    uint8_t value[2 * SECURE_ID_LEN], command_bytes[64], response_bytes[64];
    struct buf command = buf_of(command_bytes, sizeof command_bytes),
               response = buf_of(response_bytes, sizeof response_bytes);
    struct span objects;
    *sw = 0;
    if (!t->open)
        return SECURE_OK;
    memcpy(value, t->connection.id, SECURE_ID_LEN);
    enum secure_result r =
        secure_end_mac(t->crypto, &t->connection, value + SECURE_ID_LEN) ? SECURE_OK : SECURE_BROKEN;
    buf_tlv(&command, SECURE_CSA_ID, span_of(value, sizeof value));
    if (r == SECURE_OK)
        r = procedure(t, SECURE_TERMINATE, buf_span(&command), &response, &objects, sw);
    forget(t);
    return r;
}
