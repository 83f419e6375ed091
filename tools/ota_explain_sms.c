/* SPDX-License-Identifier: Apache-2.0
 *
 * Short messages and the ENVELOPE that brings them to the card (3GPP TS 23.040, ETSI TS 102 223), explained.
 */
#include "ota_explain_inner.h"

#include <stdlib.h>

#include "cat.h"
#include "decode_text.h"
#include "page.h"
#include "sms.h"
#include "tlv.h"
#include "ussd.h"

/* ---- short messages ---- */

/* The APDU around it, when there is one; then SMS-PP DOWNLOAD. */
struct span explain_envelope_in(struct span input)
{
    struct reader r = rd_of(input);
    uint8_t cla = rd_u8(&r), ins = rd_u8(&r);
    uint16_t p1p2 = rd_u16(&r);
    size_t lc = rd_u8(&r);
    if (!rd_ok(&r) || (cla & 0x80) == 0 || ins != 0xC2 || p1p2 != 0)
        return input;
    return span_slice(input, 5, lc);
}

static void explain_address(struct printer *p, struct reader *r, const char *name)
{
    struct reader look = *r;
    size_t digits = rd_u8(&look);
    struct span s = rd_take(r, 2 + (digits + 1) / 2);
    char number[2 + 2 * 255] = "";
    size_t n = 0;
    if (s.n >= 2) {
        if ((s.p[1] & 0x70) == 0x10)
            number[n++] = '+';
        for (size_t i = 0; i < digits && 2 + i / 2 < s.n; i++) {
            unsigned d = i % 2 == 0 ? s.p[2 + i / 2] & 0x0Fu : (unsigned)s.p[2 + i / 2] >> 4;
            number[n++] = "0123456789*#abc?"[d];
        }
        number[n] = '\0';
        if ((s.p[1] & 0x70) == 0x50) { /* letters: septets, and what is counted are half-octets */
            text_gsm_packed(span_slice(s, 2, s.n), digits * 4 / 7, 0, number, sizeof number);
            say_field(p, s, name, "TS 23.040 9.1.2.5", "%zu half-octets, type %02X: %.60s", digits, s.p[1],
                      number);
            return;
        }
        say_field(p, s, name, "TS 23.040 9.1.2.5", "%zu digits, type %02X: %.60s%s", digits, s.p[1], number,
                  digits > 20 ? " (more than 20 digits)" : "");
    }
}

/* TS 23.038 4: the general group and the one of data coding and message class */
static const char *dcs_text(uint8_t dcs)
{
    const bool classed = (dcs & 0xF0) == 0xF0, general = (dcs & 0xE0) == 0x00;
    const bool class_2 = (classed || (dcs & 0x10) != 0) && (dcs & 0x03) == 0x02;
    if (text_dcs_is_7bit(dcs) && (classed || general))
        return "7-bit alphabet: no secured packet";
    if ((classed && (dcs & 0x04) != 0) || (general && (dcs & 0x0C) == 0x04))
        return class_2 ? "8-bit data, class 2 (for the UICC)"
                       : "8-bit data, not class 2: a terminal may keep it";
    return general && (dcs & 0x0C) == 0x08 ? "UCS2: no secured packet" : "data coding scheme";
}

/* Returns the coding scheme. */
static uint8_t explain_pid_dcs(struct printer *p, struct reader *r)
{
    struct span s = rd_take(r, 1);
    if (s.n > 0)
        say_field(p, s, "TP-PID", "TS 23.040 9.2.3.9", "%s",
                  s.p[0] == SMS_PID_USIM_DOWNLOAD
                      ? "(U)SIM data download"
                      : "not (U)SIM data download: a terminal does not hand it to the card");
    s = rd_take(r, 1);
    if (s.n > 0)
        say_field(p, s, "TP-DCS", "TS 23.038 4", "%s", dcs_text(s.p[0]));
    return s.n > 0 ? s.p[0] : 0;
}

static void explain_element(struct printer *p, struct span ie, uint8_t id, struct span value)
{
    switch (id) {
    case UDH_CONCAT_8:
        if (value.n == 3)
            say_field(p, ie, "IE 00", "TS 23.040 9.2.3.24.1", "concatenation: reference %u, part %u of %u",
                      value.p[0], value.p[2], value.p[1]);
        else
            say_field(p, ie, "IE 00", "TS 23.040 9.2.3.24.1", "concatenation of the wrong length");
        break;
    case UDH_CONCAT_16:
        if (value.n == 4)
            say_field(p, ie, "IE 08", "TS 23.040 9.2.3.24.8", "concatenation: reference %u, part %u of %u",
                      (unsigned)value.p[0] << 8 | value.p[1], value.p[3], value.p[2]);
        else
            say_field(p, ie, "IE 08", "TS 23.040 9.2.3.24.8", "concatenation of the wrong length");
        break;
    case UDH_COMMAND_PACKET:
        say_field(p, ie, "CPI 70", "TS 31.115 4", "a command packet follows%s",
                  value.n == 0 ? "" : " (IEDL should be 00)");
        break;
    case UDH_RESPONSE_PACKET:
        say_field(p, ie, "RPI 71", "TS 31.115 4.4", "a response packet follows%s",
                  value.n == 0 ? "" : " (IEDL should be 00)");
        break;
    default:
        say_field(p, ie, "IE", "TS 23.040 9.2.3.24", "identifier %02X, no concern of a card", id);
        break;
    }
}

void explain_udh(struct printer *p, struct span user_data)
{
    struct reader r = rd_of(user_data);
    struct span s = rd_take(&r, 1);
    if (s.n == 0)
        return;
    say_field(p, s, "UDHL", "TS 23.040 9.2.3.24", "user data header of %u octets%s", s.p[0],
              s.p[0] > r.left ? " (more than there are)" : "");
    struct reader h = rd_of(rd_take(&r, s.p[0]));
    while (rd_ok(&h) && h.left > 0) {
        const struct reader start = h;
        uint8_t id = rd_u8(&h);
        struct span value = rd_take(&h, rd_u8(&h));
        struct span ie = span_of(start.p, rd_ok(&h) ? start.left - h.left : start.left);
        if (rd_ok(&h))
            explain_element(p, ie, id, value);
        else
            say_field(p, ie, "IE", "TS 23.040 9.2.3.24", "cut: an element longer than the header");
    }
}

/* What an input carries as a short message's user data: false when it is none. */
static bool message_in(enum ota_kind kind, struct span input, struct span *tpdu, bool *udh,
                       struct span *user_data)
{
    struct envelope_sms_pp envelope;
    struct sms_deliver deliver;
    struct sms_submit submit;
    *tpdu = input;
    if (kind == OTA_KIND_ENVELOPE) {
        if (!envelope_sms_pp_parse(explain_envelope_in(input), &envelope))
            return false;
        *tpdu = envelope.tpdu;
        kind = OTA_KIND_DELIVER;
    }
    if (kind == OTA_KIND_DELIVER && sms_deliver_parse(*tpdu, &deliver)) {
        *udh = deliver.has_udh;
        *user_data = deliver.user_data;
        return true;
    }
    if (kind == OTA_KIND_SUBMIT && sms_submit_parse(*tpdu, &submit)) {
        *udh = submit.has_udh;
        *user_data = submit.user_data;
        return true;
    }
    return false;
}

/* Is input i a part of the message that `of` is a part of? */
static bool is_part(const struct explainer *x, size_t i, const struct sms_udh *of, struct sms_udh *out)
{
    struct span tpdu, user_data;
    bool udh;
    return message_in(explain_kind(x->e, x->inputs[i]), x->inputs[i], &tpdu, &udh, &user_data) && udh &&
           sms_udh_parse(user_data, out) && out->concatenated && out->reference == of->reference &&
           out->reference16 == of->reference16 && out->total == of->total;
}

static void explain_whole(struct explainer *x, const struct sms_udh *first, struct span packet)
{
    if (first->command_packet) {
        explain_command(x, packet);
    } else if (first->response_packet) {
        explain_response(x, packet, SPAN_EMPTY);
    } else {
        say_field(&x->out, packet, "data", "TS 31.115 4",
                  "neither command nor response packet: never reaches remote management");
        say_section_end(&x->out);
    }
}

/* One part of several: the packet is explained with the part that completes it. */
static void explain_part(struct explainer *x, const struct sms_udh *here)
{
    struct printer *p = &x->out;
    struct sms_udh parts[256], u;
    bool there[256] = {false};
    unsigned n = 0;
    bool more_to_come = false;
    if (here->part < 1 || here->part > here->total) {
        say_note(p, "part %u of %u is none: refused (TS 23.040 9.2.3.24.1)", here->part, here->total);
        return;
    }
    say_field(p, here->body, "part", "TS 23.040 9.2.3.24.1", "%zu octets of the packet", here->body.n);
    for (size_t i = 0; i < x->n_inputs; i++)
        if (is_part(x, i, here, &u)) {
            more_to_come = more_to_come || i > x->at;
            if (i <= x->at && u.part >= 1 && u.part <= u.total && !there[u.part]) {
                there[u.part] = true;
                parts[u.part] = u;
                n++;
            }
        }
    if (n < here->total) {
        if (!more_to_come)
            say_note(p, "%u of %u parts are here: give all of them to see the packet", n, here->total);
        return;
    }
    size_t size = 0;
    for (unsigned i = 1; i <= here->total; i++)
        size += parts[i].body.n;
    uint8_t *whole = malloc(size > 0 ? size : 1);
    if (whole == NULL) {
        say_note(p, "memory ran out");
        return;
    }
    struct buf b = buf_of(whole, size);
    for (unsigned i = 1; i <= here->total; i++)
        buf_put(&b, parts[i].body);
    say_section(p, "the packet of all parts (offsets in the packet)");
    struct place before = {p->base, p->offset};
    p->base = whole;
    p->offset = 0;
    explain_whole(x, &parts[1], buf_span(&b));
    say_restore(p, before);
    free(whole);
}

static void explain_user_data(struct explainer *x, bool udh, struct span user_data)
{
    struct printer *p = &x->out;
    struct sms_udh u;
    if (!udh) {
        say_field(p, user_data, "TP-UD", "TS 23.040 9.2.3.24",
                  "no user data header: not for remote management");
        return;
    }
    explain_udh(p, user_data);
    if (!sms_udh_parse(user_data, &u)) {
        say_note(p, "the user data header does not fit: refused");
        return;
    }
    if (u.concatenated) {
        explain_part(x, &u);
        return;
    }
    if (u.command_packet)
        say_section(p, "command packet");
    else if (u.response_packet)
        say_section(p, "response packet");
    explain_whole(x, &u, u.body);
}

static void explain_user_data_of(struct explainer *x, struct reader *r, uint8_t dcs, bool udh, bool parsed)
{
    struct printer *p = &x->out;
    struct span s = rd_take(r, 1);
    const bool septets = text_dcs_is_7bit(dcs);
    const unsigned octets = s.n == 0 ? 0 : septets ? (s.p[0] * 7u + 7) / 8 : s.p[0];
    if (s.n > 0)
        say_field(p, s, "TP-UDL", "TS 23.040 9.2.3.16", "%u %s of user data%s", s.p[0],
                  septets ? "septets" : "octets",
                  octets != r->left     ? " (wrong)"
                  : octets > SMS_UD_MAX ? " (more than 140 octets)"
                                        : "");
    struct span user_data = rd_rest(r);
    if (!rd_ok(r) || !parsed) {
        if (user_data.n > 0)
            say_field(p, user_data, "TP-UD", "TS 23.040 9.2.3.24", "user data");
        say_note(p,
                 "not a well-formed short message with 8-bit data: nothing in it reaches remote management");
        return;
    }
    explain_user_data(x, udh, user_data);
}

static unsigned swapped(uint8_t octet)
{
    return (octet & 0x0Fu) * 10 + ((unsigned)octet >> 4);
}

void explain_deliver(struct explainer *x, struct span tpdu)
{
    struct printer *p = &x->out;
    struct reader r = rd_of(tpdu);
    struct sms_deliver sms;
    bool parsed = sms_deliver_parse(tpdu, &sms);
    struct span s = rd_take(&r, 1);
    uint8_t first = s.n > 0 ? s.p[0] : 0;
    if (s.n > 0)
        say_field(p, s, "flags", "TS 23.040 9.2.2.1", "%s, %s, %s",
                  (first & 3) == 0 ? "SMS-DELIVER" : "no SMS-DELIVER",
                  (first & 0x40) != 0 ? "with user data header" : "no user data header",
                  (first & 0x04) != 0 ? "no more messages wait" : "more messages wait");
    explain_address(p, &r, "TP-OA");
    const uint8_t dcs = explain_pid_dcs(p, &r);
    s = rd_take(&r, 7);
    if (s.n == 7)
        say_field(p, s, "TP-SCTS", "TS 23.040 9.2.3.11",
                  "20%02u-%02u-%02u %02u:%02u:%02u, time zone octet %02X", swapped(s.p[0]), swapped(s.p[1]),
                  swapped(s.p[2]), swapped(s.p[3]), swapped(s.p[4]), swapped(s.p[5]), s.p[6]);
    explain_user_data_of(x, &r, dcs, (first & 0x40) != 0, parsed);
}

void explain_submit(struct explainer *x, struct span tpdu)
{
    struct printer *p = &x->out;
    struct reader r = rd_of(tpdu);
    struct sms_submit sms;
    bool parsed = sms_submit_parse(tpdu, &sms);
    struct span s = rd_take(&r, 1);
    uint8_t first = s.n > 0 ? s.p[0] : 0;
    if (s.n > 0)
        say_field(p, s, "flags", "TS 23.040 9.2.2.2", "%s, %s",
                  (first & 3) == 1 ? "SMS-SUBMIT" : "no SMS-SUBMIT",
                  (first & 0x40) != 0 ? "with user data header" : "no user data header");
    s = rd_take(&r, 1);
    if (s.n > 0)
        say_field(p, s, "TP-MR", "TS 23.040 9.2.3.6", "message reference %u", s.p[0]);
    explain_address(p, &r, "TP-DA");
    const uint8_t dcs = explain_pid_dcs(p, &r);
    if (sms_validity_octets(first) != 0) {
        s = rd_take(&r, sms_validity_octets(first));
        if (s.n > 0)
            say_field(p, s, "TP-VP", "TS 23.040 9.2.3.12", "validity period");
    }
    explain_user_data_of(x, &r, dcs, (first & 0x40) != 0, parsed);
}

/* ---- ENVELOPE ---- */

static void explain_object(struct printer *p, uint32_t tag, struct span object, struct span value)
{
    switch (tag) {
    case 0x02:
        say_field(p, object, "devices", "TS 102 223 8.7", "device identities: %s",
                  value.n == 2 && value.p[0] == 0x83 && value.p[1] == 0x81 ? "network to UICC"
                                                                           : "not network to UICC: refused");
        break;
    case 0x06:
        say_field(p, object, "address", "TS 102 223 8.1", "of the service centre");
        break;
    case CAT_TAG_USSD_STRING:
    case CAT_TAG_CB_PAGE:
    case CAT_TAG_SMS_TPDU:
        say_field(p, span_slice(object, 0, object.n - value.n),
                  tag == CAT_TAG_SMS_TPDU  ? "SMS TPDU"
                  : tag == CAT_TAG_CB_PAGE ? "page"
                                           : "string",
                  tag == CAT_TAG_SMS_TPDU  ? "TS 102 223 8.13"
                  : tag == CAT_TAG_CB_PAGE ? "TS 31.111 8.5"
                                           : "TS 31.111 8.17",
                  "%zu octets follow", value.n);
        break;
    default:
        say_field(p, object, "object", "TS 102 223 8", "tag %02X, not looked at", (unsigned)tag);
        break;
    }
}

/* ---- USSD strings and pages ---- */

static void explain_ussd(struct explainer *x, struct span string)
{
    struct printer *p = &x->out;
    struct reader r = rd_of(string);
    struct span dcs = rd_take(&r, 1), user_data = rd_rest(&r);
    if (dcs.n == 1)
        say_field(p, dcs, "DCS", "TS 23.038 5", "%s",
                  dcs.p[0] == USSD_DCS ? "with user data header, 8-bit data, class 2"
                                       : "no octets for the card: not for remote management");
    if (dcs.n == 1 && dcs.p[0] == USSD_DCS)
        explain_user_data(x, true, user_data);
    else if (user_data.n > 0)
        say_field(p, user_data, "string", "TS 24.080", "%zu octets", user_data.n);
}

/* The pages of a packet among the inputs up to this one, put together; false: not all of them. */
static bool join_pages(const struct explainer *x, const struct cb_page *of, struct buf *out)
{
    for (unsigned number = 1; number <= of->total; number++) {
        bool found = false;
        for (size_t i = 0; i <= x->at && !found; i++) {
            struct cb_page page;
            found = cb_envelope_parse(explain_envelope_in(x->inputs[i]), &page) &&
                    page.serial == of->serial && page.total == of->total &&
                    page.identifier == of->identifier && page.page == number;
            if (found)
                buf_put(out, page.content);
        }
        if (!found)
            return false;
    }
    return buf_ok(out);
}

static void explain_page(struct explainer *x, struct span envelope, struct span page)
{
    struct printer *p = &x->out;
    struct cb_page cb;
    uint8_t octets[CB_PAGES_MAX * CB_PAGE_CONTENT];
    struct buf whole = buf_of(octets, sizeof octets);
    bool ours = cb_envelope_parse(envelope, &cb);
    if (page.n != CB_PAGE) {
        say_note(p, "a page has %d octets: refused", (int)CB_PAGE);
        return;
    }
    say_field(p, span_slice(page, 0, 2), "serial", "TS 23.041 9.4.1.2.1", "serial number");
    say_field(p, span_slice(page, 2, 2), "identifier", "TS 31.115 5", "%s",
              ours ? "a command packet" : "not one of 1080 to 109F: not for remote management");
    say_field(p, span_slice(page, 4, 1), "DCS", "TS 23.038 5",
              "data coding; a packet is octets whatever it says");
    say_field(p, span_slice(page, 5, 1), "pages", "TS 23.041 9.4.1.2.4", "page %u of %u", page.p[5] >> 4,
              page.p[5] & 0x0F);
    if (!ours)
        return;
    say_field(p, cb.content, "content", "TS 31.115 5", "octets of the packet, and padding on the last page");
    if (!join_pages(x, &cb, &whole) || whole.len < 2) {
        say_note(p, "not all %u pages are here: give all of them to see the packet", cb.total);
        return;
    }
    say_section(p, cb.total > 1 ? "the packet of all pages (offsets in the packet)" : "command packet");
    struct place before = {p->base, p->offset};
    if (cb.total > 1) {
        p->base = whole.p;
        p->offset = 0;
    }
    struct reader length = rd_of(cb.total > 1 ? buf_span(&whole) : cb.content);
    size_t n = 2u + rd_u16(&length);
    explain_command(x, span_slice(cb.total > 1 ? buf_span(&whole) : cb.content, 0, n));
    say_restore(p, before);
}

void explain_envelope(struct explainer *x, struct span input)
{
    struct printer *p = &x->out;
    struct span data = explain_envelope_in(input);
    if (data.p != input.p) {
        say_field(p, span_slice(input, 0, 2), "CLA INS", "TS 102 221 11.2.2", "ENVELOPE");
        say_field(p, span_slice(input, 2, 2), "P1 P2", "TS 102 221 11.2.2", "parameters");
        say_field(p, span_slice(input, 4, 1), "Lc", "TS 102 221 11.2.2", "%u octets of data%s", input.p[4],
                  (size_t)input.p[4] > data.n ? " (more than there are)" : "");
    }
    struct reader r = rd_of(data);
    struct tlv t;
    if (!tlv_next(&r, &t)) {
        say_field(p, data, "data", "TS 102 223 7", "no BER-TLV object: refused");
        return;
    }
    say_field(p, span_slice(data, 0, (size_t)(t.value.p - data.p)), "tag", "TS 101 220 7.2", "%s, %zu octets",
              t.tag == CAT_SMS_PP           ? "SMS-PP download"
              : t.tag == CAT_USSD_DOWNLOAD  ? "USSD download"
              : t.tag == CAT_CELL_BROADCAST ? "cell broadcast download"
                                            : "not SMS-PP download, nor of USSD or cell broadcast",
              t.value.n);
    const uint32_t carries = t.tag == CAT_USSD_DOWNLOAD    ? CAT_TAG_USSD_STRING
                             : t.tag == CAT_CELL_BROADCAST ? CAT_TAG_CB_PAGE
                                                           : CAT_TAG_SMS_TPDU;
    struct reader inner = rd_of(t.value);
    struct span tpdu = SPAN_EMPTY;
    while (inner.left > 0 && rd_ok(&inner)) {
        const struct reader start = inner;
        if (!ctlv_next(&inner, &t, NULL)) {
            say_field(p, span_of(start.p, start.left), "object", "TS 101 220 7.1.1",
                      "length does not fit: refused");
            break;
        }
        explain_object(p, t.tag, span_of(start.p, start.left - inner.left), t.value);
        if (t.tag == carries && tpdu.n == 0)
            tpdu = t.value;
    }
    if (data.p != input.p) {
        struct span rest = span_slice(input, 5 + data.n, input.n);
        if (rest.n == 1)
            say_field(p, rest, "Le", "TS 102 221 11.2.2", "response data wanted");
    }
    struct envelope_sms_pp e;
    if (carries != CAT_TAG_SMS_TPDU && tpdu.n > 0) {
        say_section(p, carries == CAT_TAG_USSD_STRING ? "USSD string" : "cell broadcast page");
        if (carries == CAT_TAG_USSD_STRING)
            explain_ussd(x, tpdu);
        else
            explain_page(x, data, tpdu);
        return;
    }
    if (!envelope_sms_pp_parse(data, &e))
        say_note(p, "not a well-formed SMS-PP download: nothing in it reaches remote management");
    if (tpdu.n > 0) {
        say_section(p, "SMS-DELIVER");
        explain_deliver(x, tpdu);
    }
}
