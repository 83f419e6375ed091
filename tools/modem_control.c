/* SPDX-License-Identifier: Apache-2.0
 *
 * Control by the card of what the user is about to do: calls, USSD strings, short messages (3GPP
 * TS 31.111 7.3), and what the card itself sends by SEND SHORT MESSAGE and SEND USSD. A terminal asks if the
 * card's service table announces it, and its own TERMINAL PROFILE.
 */
#include <stdio.h>

#include "cat.h"
#include "modem_inner.h"
#include "sms.h"
#include "tlv.h"

enum {
    SERVICE_CALL_CONTROL = 30, /* EF.UST, TS 31.102 4.2.8 */
    SERVICE_MO_SMS_CONTROL = 31,
    ALLOWED = 0x00, /* 7.3.1.6, 7.3.2.3 */
    NOT_ALLOWED = 0x01,
    ALLOWED_MODIFIED = 0x02,
};

/* The card announces the service, and the terminal that it asks (TS 31.111 5.2). */
static bool asks(const struct modem *m, unsigned service, size_t octet, uint8_t bit)
{
    return modem_service(m, service) && octet < m->stk.profile_len && (m->stk.profile[octet] & bit) != 0;
}

static bool asks_for_calls(const struct modem *m)
{
    return asks(m, SERVICE_CALL_CONTROL, 0, 0x80);
}

static const uint8_t terminal_to_uicc[] = {CAT_TERMINAL, CAT_UICC};

/* An address as the toolkit has it (TS 102 223 8.1): type and digits, without TP-DA's count. */
static bool put_address(struct buf *b, const char *number)
{
    uint8_t octets[SMS_ADDRESS_MAX];
    struct buf packed = buf_of(octets, sizeof octets);
    if (!sms_address_pack(number, &packed))
        return false;
    buf_tlv(b, CAT_COMPREHENSION | CAT_TAG_ADDRESS, span_slice(buf_span(&packed), 1, packed.len));
    return true;
}

/* Asks; *answer gets the objects that the card wants used instead. */
static enum modem_control ask(struct modem *m, uint8_t tag, struct span what, struct buf *answer)
{
    uint8_t octets[255], place[9], said[255];
    struct buf envelope = buf_of(octets, sizeof octets), where = buf_of(place, sizeof place),
               data = buf_of(said, sizeof said);
    struct modem_note n;
    sw_t sw = 0;
    size_t mark = buf_tlv_open(&envelope, tag);
    buf_tlv(&envelope, CAT_TAG_DEVICE_IDENTITIES, span_of(terminal_to_uicc, sizeof terminal_to_uicc));
    buf_put(&envelope, what);
    register_location(m, &where);
    buf_tlv(&envelope, CAT_TAG_LOCATION_INFORMATION, buf_span(&where));
    buf_tlv_close(&envelope, mark);
    if (!buf_ok(&envelope) || !modem_stk_envelope(m, buf_span(&envelope), &data, &sw))
        return MODEM_BARRED;
    struct reader r = rd_of(buf_span(&data));
    uint8_t result = data.len > 0 ? rd_u8(&r) : ALLOWED;
    struct span instead = rd_take(&r, r.left > 0 ? rd_u8(&r) : 0);
    /* 7.3.1.1: busy (9300) is no permission, and neither is an error */
    bool good =
        sw == SW_OK && rd_ok(&r) && (result == ALLOWED || (result == ALLOWED_MODIFIED && instead.n > 0));
    note_begin(&n, m, "control");
    note_text(&n, "of", tag == CAT_MO_SMS_CONTROL ? "message" : "call");
    note_text(&n, "result",
              sw == SW_TOOLKIT_BUSY ? "busy"
              : !good               ? "barred"
              : result == ALLOWED   ? "allowed"
                                    : "modified");
    note_end(&n);
    if (!good)
        return sw == SW_TOOLKIT_BUSY ? MODEM_CONTROL_BUSY : MODEM_BARRED;
    buf_put(answer, instead);
    return result == ALLOWED_MODIFIED ? MODEM_MODIFIED : MODEM_ALLOWED;
}

enum modem_control modem_call_control(struct modem *m, const char *number)
{
    uint8_t octets[64], other[255];
    struct buf what = buf_of(octets, sizeof octets), answer = buf_of(other, sizeof other);
    if (!asks_for_calls(m))
        return MODEM_ALLOWED;
    return put_address(&what, number) ? ask(m, CAT_CALL_CONTROL, buf_span(&what), &answer) : MODEM_BARRED;
}

enum modem_control control_ussd(struct modem *m, struct span string, struct buf *out)
{
    uint8_t octets[255], other[255];
    struct buf what = buf_of(octets, sizeof octets), answer = buf_of(other, sizeof other);
    struct span instead;
    enum modem_control said = MODEM_ALLOWED;
    if (asks_for_calls(m) && asks(m, SERVICE_CALL_CONTROL, 0, 0x40)) {
        buf_tlv(&what, CAT_COMPREHENSION | CAT_TAG_USSD_STRING, string);
        said = buf_ok(&what) ? ask(m, CAT_CALL_CONTROL, buf_span(&what), &answer) : MODEM_BARRED;
    }
    if (said == MODEM_MODIFIED)
        string = ctlv_find(buf_span(&answer), CAT_TAG_USSD_STRING, 0, &instead) ? instead : SPAN_EMPTY;
    buf_put(out, string);
    return said;
}

/* Octets in front of TP-DA: SMS-SUBMIT has TP-MR there, SMS-COMMAND TP-PID, -CT and -MN besides
 * (TS 23.040 9.2.2.2, 9.2.2.4). */
static size_t before_destination(struct span tpdu)
{
    return tpdu.n > 0 && (tpdu.p[0] & 0x03) == 0x02 ? 5 : 2;
}

/* The same message to the address that the card gave. */
static bool readdress(struct span tpdu, struct span address, struct buf *out)
{
    struct reader r = rd_of(tpdu);
    buf_put(out, rd_take(&r, before_destination(tpdu)));
    size_t digits = rd_u8(&r);
    (void)rd_take(&r, 1 + (digits + 1) / 2);
    size_t n = 2 * (address.n - 1);
    if (address.n > 1 && (address.p[address.n - 1] & 0xF0) == 0xF0)
        n--;
    buf_u8(out, (uint8_t)n);
    buf_put(out, address);
    buf_put(out, rd_rest(&r));
    return rd_ok(&r) && buf_ok(out) && address.n >= 2 && n <= 20;
}

enum modem_control control_sms(struct modem *m, char centre[MODEM_TEXT_MAX], struct span tpdu,
                               struct buf *out)
{
    uint8_t octets[64], other[255];
    struct buf what = buf_of(octets, sizeof octets), answer = buf_of(other, sizeof other);
    struct reader r = rd_of(tpdu);
    struct span destination;
    if (!asks(m, SERVICE_MO_SMS_CONTROL, 1, 0x08)) {
        buf_put(out, tpdu);
        return MODEM_ALLOWED;
    }
    (void)rd_take(&r, before_destination(tpdu));
    size_t digits = rd_u8(&r);
    destination = rd_take(&r, 1 + (digits + 1) / 2);
    if (!rd_ok(&r) ||
        !put_address(&what, centre)) /* 7.3.2.3: the service centre first, then the destination */
        return MODEM_BARRED;
    buf_tlv(&what, CAT_COMPREHENSION | CAT_TAG_ADDRESS, destination);
    enum modem_control said = ask(m, CAT_MO_SMS_CONTROL, buf_span(&what), &answer);
    struct span instead;
    char by[22] = "";
    if (said == MODEM_MODIFIED && ctlv_find(buf_span(&answer), CAT_TAG_ADDRESS, 0, &instead))
        sms_address_text(instead, by);
    if (by[0] != '\0')
        snprintf(centre, MODEM_TEXT_MAX, "%s", by);
    if (said == MODEM_MODIFIED && ctlv_find(buf_span(&answer), CAT_TAG_ADDRESS, 1, &instead))
        return readdress(tpdu, instead, out) ? MODEM_MODIFIED : MODEM_BARRED;
    buf_put(out, tpdu);
    return said;
}
