/* SPDX-License-Identifier: Apache-2.0 */
#include "terminal.h"

#include "command.h"
#include "crypto.h"
#include "hex.h"
#include "sms.h"
#include "tlv.h"

enum {
    INS_GET_RESPONSE = 0xC0,
    FOLLOW_UPS_MAX = 64, /* a card that sends 61xx for ever is broken */
    PROACTIVE_MAX = 32,  /* likewise one that never runs out of wishes */
    TAG_PROACTIVE = 0xD0,
    CTLV_COMMAND_DETAILS = 0x01,
    CMD_REFRESH = 0x01, /* types of command, ETSI TS 102 223 9.4 */
    CMD_MORE_TIME = 0x02,
    CMD_POLLING_OFF = 0x04,
    CMD_SET_UP_EVENT_LIST = 0x05,
    CMD_SEND_USSD = 0x12,
    CMD_SEND_SHORT_MESSAGE = 0x13,
    CTLV_SMS_TPDU = 0x0B,
    REFRESH_UICC_RESET = 0x04, /* command qualifier, 8.6 */
    RESULT_OK = 0x00,          /* general result, 8.12 */
    RESULT_NETWORK_UNABLE = 0x21,
    RESULT_BEYOND_TERMINAL = 0x30,
    SW_DOWNLOAD_ERROR = 0x9E00, /* TS 31.111: no card of ours sends it */
};

static bool exchange(const struct terminal *t, struct span command, struct buf *data, sw_t *sw)
{
    uint8_t bytes[65536 + 2];
    struct buf response = buf_of(bytes, sizeof bytes);
    *sw = 0;
    bool good = t->exchange(t->ctx, command, &response) && buf_ok(&response) && response.len >= 2;
    if (good) {
        struct reader r = rd_of(buf_span(&response));
        struct span body = rd_take(&r, response.len - 2);
        *sw = rd_u16(&r);
        if (data != NULL && body.n > 0)
            buf_put(data, body);
        good = data == NULL || buf_ok(data);
    }
    crypto_wipe(bytes, response.len); /* AUTHENTICATE's has CK and IK */
    return good;
}

static bool is_plain_warning(sw_t sw)
{
    return (sw & 0xFF00) == 0x6200 || ((sw & 0xFF00) == 0x6300 && (sw & 0xF0) != 0xC0);
}

static bool wants_get_response(sw_t sw)
{
    return (sw & 0xFF00) == SW_DATA_AVAILABLE || (sw & 0xFF00) == SW_WRONG_LE ||
           (sw & 0xFF00) == SW_GSM_DATA_AVAILABLE || (sw & 0xFF00) == SW_GSM_DOWNLOAD_ERROR;
}

/* TS 102 221 10.1.1: GET RESPONSE is of class 0X, on the channel of the command; TS 51.011: of class A0. */
static uint8_t get_response_cla(struct span apdu)
{
    struct command c;
    if (command_parse(apdu, &c) != SW_OK)
        return 0x00;
    return c.klass == CLASS_GSM ? apdu.p[0] : command_cla(CLASS_ISO, c.channel);
}

bool terminal_command(const struct terminal *t, struct span command, struct buf *data, sw_t *sw)
{
    if (!exchange(t, command, data, sw))
        return false;
    bool case_4_or_3 = command.n > 5;
    if ((*sw & 0xFF00) == SW_WRONG_LE && command.n == 5) {
        uint8_t again[5];
        memcpy(again, command.p, 4);
        again[4] = (uint8_t)*sw;
        if (!exchange(t, span_of(again, sizeof again), data, sw))
            return false;
    }
    /* What a command of case 4 answered is fetched, and the first warning it gave is its result. */
    sw_t warning = 0;
    if (case_4_or_3 && is_plain_warning(*sw) && data != NULL && data->len == 0) {
        warning = *sw;
        *sw = SW_DATA_AVAILABLE;
    } else if (case_4_or_3 && (*sw & 0xFF00) == SW_DOWNLOAD_ERROR) {
        /* TS 31.111 7.1.1.1: the message was not taken, and here is what to report of it. */
        warning = *sw;
        *sw = SW_WITH(SW_DATA_AVAILABLE, *sw);
    }
    uint8_t le = (uint8_t)*sw;
    for (unsigned i = 0; wants_get_response(*sw); i++) {
        if (i == FOLLOW_UPS_MAX)
            return false;
        le = (uint8_t)*sw;
        const uint8_t get_response[] = {get_response_cla(command), INS_GET_RESPONSE, 0x00, 0x00, le};
        if (!exchange(t, span_of(get_response, sizeof get_response), data, sw))
            return false;
    }
    if (warning != 0 && (*sw & 0xFF00) != SW_PROACTIVE)
        *sw = warning;
    return true;
}

/* Selects by file identifier or AID without asking for the FCP, then reads n octets from the start of the EF.
 */
static bool read_file(const struct terminal *t, const struct span *selects, size_t n_selects, uint8_t n,
                      struct buf *data, sw_t *sw)
{
    for (size_t i = 0; i < n_selects; i++) {
        if (!terminal_command(t, selects[i], NULL, sw))
            return false;
        if (*sw != SW_OK && (*sw & 0xFF00) != SW_PROACTIVE)
            return true;
    }
    const uint8_t read_binary[] = {0x00, 0xB0, 0x00, 0x00, n};
    if (!terminal_command(t, span_of(read_binary, sizeof read_binary), data, sw))
        return false;
    if ((*sw & 0xFF00) == SW_PROACTIVE)
        *sw = SW_OK;
    return true;
}

/* P2 0C: no data returned (TS 102 221 11.1.1.2) */
static const uint8_t select_mf[] = {0x00, 0xA4, 0x00, 0x0C, 0x02, 0x3F, 0x00};
static const uint8_t select_iccid[] = {0x00, 0xA4, 0x00, 0x0C, 0x02, 0x2F, 0xE2};
static const uint8_t select_usim[] = {0x00, 0xA4, 0x04, 0x0C, 0x07, 0xA0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x02};
static const uint8_t select_imsi[] = {0x00, 0xA4, 0x00, 0x0C, 0x02, 0x6F, 0x07};

bool terminal_iccid(const struct terminal *t, char iccid[21], sw_t *sw)
{
    const struct span selects[] = {span_of(select_mf, sizeof select_mf),
                                   span_of(select_iccid, sizeof select_iccid)};
    uint8_t bytes[10];
    struct buf data = buf_of(bytes, sizeof bytes);
    iccid[0] = '\0';
    if (!read_file(t, selects, 2, sizeof bytes, &data, sw))
        return false;
    if (*sw == SW_OK && (data.len != sizeof bytes || !bcd_unpack(buf_span(&data), iccid)))
        iccid[0] = '\0';
    return true;
}

bool terminal_imsi(const struct terminal *t, char imsi[16], sw_t *sw)
{
    const struct span selects[] = {span_of(select_usim, sizeof select_usim),
                                   span_of(select_imsi, sizeof select_imsi)};
    uint8_t bytes[9];
    struct buf data = buf_of(bytes, sizeof bytes);
    imsi[0] = '\0';
    if (!read_file(t, selects, 2, sizeof bytes, &data, sw))
        return false;
    if (*sw == SW_OK && !imsi_unpack(buf_span(&data), imsi))
        imsi[0] = '\0';
    return true;
}

void terminal_envelope_apdu(struct span data, struct buf *out)
{
    const uint8_t header[] = {0x80, 0xC2, 0x00, 0x00, (uint8_t)data.n};
    buf_put(out, span_of(header, sizeof header));
    buf_put(out, data);
    out->full = out->full || data.n > 255;
}

void terminal_envelope(const char *centre, struct span tpdu, struct buf *out)
{
    uint8_t address[SMS_ADDRESS_MAX], data[255];
    struct buf packed = buf_of(address, sizeof address), envelope = buf_of(data, sizeof data);
    if (!sms_address_pack(centre, &packed))
        envelope.full = true;
    /* sms_address_pack counts digits, as TP-OA does; the toolkit's address (TS 102 223 8.1) is type and
     * digits alone. */
    const struct envelope_sms_pp e = {.address = span_slice(buf_span(&packed), 1, packed.len), .tpdu = tpdu};
    envelope_sms_pp_build(&e, &envelope);
    terminal_envelope_apdu(buf_span(&envelope), out);
    out->full = out->full || envelope.full;
}

bool terminal_sms(const struct terminal *t, const char *centre, struct span tpdu, struct buf *report,
                  sw_t *sw)
{
    uint8_t bytes[5 + 255];
    struct buf apdu = buf_of(bytes, sizeof bytes);
    terminal_envelope(centre, tpdu, &apdu);
    return buf_ok(&apdu) && terminal_command(t, buf_span(&apdu), report, sw);
}

bool terminal_acknowledges(sw_t sw)
{
    const sw_t family = sw & 0xFF00;
    return sw_is_ok(sw) || family == 0x6200 || family == 0x6300 || family == 0x6F00;
}

/* SEND SHORT MESSAGE, TS 102 223 6.4.10: the general result. */
static uint8_t send_short_message(const struct terminal *t, struct span proactive,
                                  struct terminal_asked *asked)
{
    struct span tpdu;
    if (t->sms == NULL)
        return RESULT_BEYOND_TERMINAL;
    if (!ctlv_find(proactive, CTLV_SMS_TPDU, 0, &tpdu) || !t->sms(t->sms_ctx, tpdu))
        return RESULT_NETWORK_UNABLE;
    asked->messages++;
    return RESULT_OK;
}

/* SEND USSD, TS 31.111 6.4.12. */
static uint8_t send_ussd(const struct terminal *t, struct span proactive, struct terminal_asked *asked)
{
    if (t->ussd == NULL)
        return RESULT_BEYOND_TERMINAL;
    if (!t->ussd(t->sms_ctx, proactive))
        return RESULT_NETWORK_UNABLE;
    asked->messages++;
    return RESULT_OK;
}

/* Answers one proactive command. REFRESH by UICC reset is not answered: the reset is the answer (ETSI TS 102
 * 223 6.4.7). */
static bool answer(const struct terminal *t, struct span fetched, struct terminal_asked *asked, sw_t *sw)
{
    struct reader r = rd_of(fetched);
    struct tlv proactive;
    struct span details = SPAN_EMPTY;
    bool understood = tlv_next(&r, &proactive) && proactive.tag == TAG_PROACTIVE &&
                      ctlv_find(proactive.value, CTLV_COMMAND_DETAILS, 0, &details) && details.n == 3;
    if (!understood) {
        *sw = SW_TECHNICAL_PROBLEM;
        return true;
    }
    struct reader d = rd_of(details);
    uint8_t number = rd_u8(&d), type = rd_u8(&d), qualifier = rd_u8(&d);
    uint8_t result = RESULT_BEYOND_TERMINAL;
    switch (type) {
    case CMD_REFRESH:
        asked->refresh = true;
        asked->refresh_mode = qualifier;
        if (qualifier == REFRESH_UICC_RESET) {
            asked->reset_due = true;
            return true;
        }
        result = RESULT_OK; /* nothing is cached here that could be stale */
        break;
    case CMD_MORE_TIME:
    case CMD_POLLING_OFF:
    case CMD_SET_UP_EVENT_LIST:
        result = RESULT_OK;
        asked->others++;
        break;
    case CMD_SEND_SHORT_MESSAGE:
        result = send_short_message(t, proactive.value, asked);
        break;
    case CMD_SEND_USSD:
        result = send_ussd(t, proactive.value, asked);
        break;
    default:
        asked->others++;
        break;
    }
    /* command details, device identities (terminal to UICC), result: TS 102 223 6.8. What the network could
     * not do has a cause (8.12.3): none in particular. */
    const uint8_t causes = result == RESULT_NETWORK_UNABLE ? 1 : 0;
    const uint8_t response[] = {
        0x80, 0x14, 0x00, 0x00, (uint8_t)(0x0C + causes), 0x81,   0x03, number, type, qualifier, 0x82,
        0x02, 0x82, 0x81, 0x83, (uint8_t)(0x01 + causes), result, 0x00};
    return terminal_command(t, span_of(response, sizeof response - 1 + causes), NULL, sw);
}

bool terminal_serve(const struct terminal *t, struct terminal_asked *asked, sw_t *sw)
{
    for (unsigned i = 0; (*sw & 0xFF00) == SW_PROACTIVE && !asked->reset_due; i++) {
        if (i == PROACTIVE_MAX)
            return false;
        uint8_t bytes[256];
        struct buf fetched = buf_of(bytes, sizeof bytes);
        const uint8_t fetch[] = {0x80, 0x12, 0x00, 0x00, (uint8_t)*sw};
        if (!terminal_command(t, span_of(fetch, sizeof fetch), &fetched, sw))
            return false;
        if (*sw == SW_OK && !answer(t, buf_span(&fetched), asked, sw))
            return false;
    }
    return true;
}

bool terminal_profile(const struct terminal *t, struct terminal_asked *asked, sw_t *sw)
{
    /* TS 102 223 5.2. Octet 1: profile download, SMS-PP data download (and, TS 31.111, 9EXX for it). Octet 3:
     * MORE TIME, POLLING OFF, REFRESH. Octet 4: SEND SHORT MESSAGE, SEND USSD. */
    const uint8_t profile[] = {
        0x80, 0x10, 0x00,
        0x00, 0x04, 0x13,
        0x00, 0xC8, (uint8_t)((t->sms != NULL ? 0x02 : 0x00) | (t->ussd != NULL ? 0x08 : 0x00))};
    return terminal_command(t, span_of(profile, sizeof profile), NULL, sw) && terminal_serve(t, asked, sw);
}
