/* SPDX-License-Identifier: Apache-2.0
 *
 * The bearers of command packets: short messages, whole or in parts (3GPP TS 31.115 4), cell broadcast pages
 * (TS 31.115 5), USSD strings (TS 31.115 6). Each brings a packet to packet.c, and takes the response packet
 * back: in the delivery report, or in messages that the terminal is asked to send, one after the other. What
 * a packet does knows nothing of who brought it.
 *
 * A further bearer is a row of `bearers`: what event brings something of it, whether it is a packet and
 * whole, how long a response goes back at once, and how another one is sent. CAT-TP (ETSI TS 102 127) would
 * come by EVENT DOWNLOAD "data available" of a channel of this applet's, with RECEIVE DATA and SEND DATA
 * around the same packets. HTTPS (TS 102 226 annex B) brings scripts that TLS has secured: to script_run,
 * which is what packet.c calls, too.
 */
#include "receiver.h"

#include <stdlib.h>

#include "assembly.h"
#include "cat.h"
#include "packet.h"
#include "page.h"
#include "scp80.h"
#include "script.h"
#include "sms.h"
#include "ussd.h"

enum {
    TAG_TPDU = 0x8B,
    TAG_ADDRESS = 0x86,
    CENTRE_MAX = 12,              /* TON and NPI, twenty digits and a filler */
    /* what an ENVELOPE may be answered with (TS 31.111 7.1.1.2); the delivery report itself has room
     * for 159 (TS 23.040 9.2.2.1a) */
    REPORT_MAX = 128,
    PART_FIRST = 132, PART_NEXT = 134, /* octets of a response packet in a message: 140 less its header */
    PARTS_MAX = 31,
};

/* Volatile memory: what is under way. Exists only while something is. */
struct under_way {
    struct assembly assembly;
    uint8_t destination[SMS_ADDRESS_MAX];
    uint8_t destination_len;
    uint8_t centre[CENTRE_MAX];
    uint8_t centre_len;
    uint8_t reference;                 /* of the last concatenated response */
    uint8_t next, total;               /* parts of the response still to send; total 0: none */
    size_t response_len;
    uint8_t response[PACKET_RESPONSE_MAX];
};

struct bearer;

/* A packet that a bearer brought. */
struct brought {
    const struct bearer *bearer;
    struct span packet;
    struct span originator;            /* TP-OA: where a SUBMIT would go; empty: nobody can be answered */
    /* the service centre it came through, and a SUBMIT goes back through; may be empty */
    struct span centre;
    uint8_t *memory;                   /* of a packet that was put together; freed at the end */
};

struct bearer {
    uint8_t tag;                       /* of the ENVELOPE */
    enum toolkit_event event;          /* that an applet would be told of which takes the data itself */
    /* a packet, whole? *ours: nobody else's, in any case */
    bool (*from)(struct applet self, struct span envelope, struct brought *out, bool *ours);
    /* octets of a response that goes back at once; 0: nobody can be answered */
    size_t report_max;
    enum scp80_status elsewhere;       /* what is said at once when the response goes another way */
    bool (*send)(struct applet self, const struct brought *b, struct span response);
};

/* ---- answers by SMS-SUBMIT ---- */

static bool send_part(struct applet self, struct under_way *w)
{
    uint8_t ud[SMS_UD_MAX], tpdu_octets[SMS_TPDU_MAX], rest_octets[SMS_TPDU_MAX + 4 + CENTRE_MAX + 2];
    struct buf user_data = buf_of(ud, sizeof ud), tpdu = buf_of(tpdu_octets, sizeof tpdu_octets),
               rest = buf_of(rest_octets, sizeof rest_octets);
    size_t from = w->next == 1 ? 0 : PART_FIRST + (w->next - 2u) * PART_NEXT;
    if (w->total == 1) { /* the response packet brings its header, 02 71 00, with it */
        buf_put(&user_data, span_of(w->response, w->response_len));
    } else {
        const uint8_t concatenation[5] = {UDH_CONCAT_8, 3, w->reference, w->total, w->next};
        const uint8_t packet[2] = {UDH_RESPONSE_PACKET, 0};
        buf_u8(&user_data, w->next == 1 ? 7 : 5);
        buf_put(&user_data, span_of(concatenation, 5));
        if (w->next == 1) /* TS 31.115 4.4: only the first part says that it is a response packet */
            buf_put(&user_data, span_of(packet, 2));
        buf_put(&user_data, span_slice(span_of(w->response, w->response_len), 3 + from,
                                       w->next == 1 ? PART_FIRST : PART_NEXT));
    }
    const struct sms_submit sms = {
        .destination = span_of(w->destination, w->destination_len),
        .pid = SMS_PID_USIM_DOWNLOAD,
        .dcs = SMS_DCS_CLASS2_8BIT,
        .has_udh = true,
        .user_data = buf_span(&user_data),
    };
    sms_submit_build(&sms, &tpdu);
    /* TS 102 223 6.6.9: without it, the terminal takes the one that it has itself, which is the
     * current operator's at best */
    if (w->centre_len > 0)
        buf_tlv(&rest, TAG_ADDRESS, span_of(w->centre, w->centre_len));
    buf_tlv(&rest, TAG_TPDU, buf_span(&tpdu));
    return buf_ok(&tpdu) && buf_ok(&rest) && proactive_send(self, PROACTIVE_SEND_SMS, 0, buf_span(&rest));
}

static void release(struct applet self, struct under_way *w)
{
    if (w != NULL && w->total == 0 && assembly_idle(&w->assembly))
        applet_transient_free(self);
}

/* The first part goes at once, each further one when the terminal has answered for the one before. */
static bool begin_to_send(struct applet self, struct under_way *w, const struct brought *b,
                          struct span response)
{
    struct span destination = b->originator, centre = b->centre;
    if (w->total != 0 || destination.n == 0 || destination.n > sizeof w->destination ||
        response.n > sizeof w->response)
        return false;
    size_t body = response.n - 3,
           more = body > PART_FIRST ? (body - PART_FIRST + PART_NEXT - 1) / PART_NEXT : 0;
    if (more + 1 > PARTS_MAX)
        return false;
    memcpy(w->destination, destination.p, destination.n);
    w->destination_len = (uint8_t)destination.n;
    w->centre_len = centre.n > CENTRE_MAX ? 0 : (uint8_t)centre.n;
    if (w->centre_len > 0)
        memcpy(w->centre, centre.p, w->centre_len);
    memcpy(w->response, response.p, response.n);
    w->response_len = response.n;
    /* the one before is not remembered: what a modulo counter is for, a random number does as well */
    if (!applet_random(self, &w->reference, 1))
        return false;
    w->next = 1;
    w->total = response.n <= SMS_UD_MAX ? 1 : (uint8_t)(more + 1);
    if (send_part(self, w))
        return true;
    crypto_wipe(w->response, sizeof w->response);
    w->total = 0;
    return false;
}

static bool send_messages(struct applet self, const struct brought *b, struct span response)
{
    struct under_way *w = applet_transient(self, sizeof *w);
    bool sending = w != NULL && begin_to_send(self, w, b, response);
    release(self, w);
    return sending;
}

static void sent(struct applet self)
{
    struct under_way *w = applet_transient(self, sizeof *w);
    if (w == NULL)
        return;
    if (w->total != 0 && (w->next++ >= w->total || !send_part(self, w))) {
        crypto_wipe(w->response, sizeof w->response);
        w->total = 0;
    }
    release(self, w);
}

/* The response packet brings its header with it; one string is all there is of USSD. */
static bool send_ussd(struct applet self, const struct brought *b, struct span response)
{
    uint8_t octets[USSD_STRING_MAX + 8];
    struct buf rest = buf_of(octets, sizeof octets);
    (void)b;
    ussd_response_build(response, &rest);
    return buf_ok(&rest) && proactive_send(self, PROACTIVE_SEND_USSD, 0, buf_span(&rest));
}

/* ---- bearers: is it for us, and whole? ---- */

/* A part of a message in several. False until it is whole; the packet then is the caller's to free. */
static bool put_together(struct applet self, const struct assembly_part *part, struct brought *out)
{
    enum { WHOLE_MAX = ASSEMBLY_PARTS_MAX * ASSEMBLY_PART_MAX };
    struct under_way *w = applet_transient(self, sizeof *w);
    out->memory = w != NULL ? malloc(WHOLE_MAX) : NULL;
    if (out->memory == NULL)
        return false;
    struct buf whole = buf_of(out->memory, WHOLE_MAX);
    bool complete = assembly_take(&w->assembly, part, &whole);
    release(self, w);
    out->packet = buf_span(&whole);
    return complete;
}

/* TS 31.115 4: PID "(U)SIM data download", 8-bit class 2, a user data header with a command packet's.
 * Anything else is none of our business. */
static bool from_sms(struct applet self, struct span envelope, struct brought *out, bool *ours)
{
    struct envelope_sms_pp e;
    struct sms_deliver sms;
    struct sms_udh udh;
    if (!envelope_sms_pp_parse(envelope, &e) || !sms_deliver_parse(e.tpdu, &sms))
        return false;
    if (sms.pid != SMS_PID_USIM_DOWNLOAD || !sms.has_udh || !sms_udh_parse(sms.user_data, &udh))
        return false;
    out->originator = sms.originator;
    out->centre = e.address;
    out->packet = udh.body;
    *ours = udh.command_packet || udh.concatenated;
    if (!udh.concatenated || udh.total == 1)
        return udh.command_packet;
    uint8_t source[ASSEMBLY_SOURCE_MAX];
    struct buf who = buf_of(source, sizeof source);
    buf_u8(&who, udh.reference16);
    buf_put(&who, sms.originator);
    const struct assembly_part part = {buf_span(&who), udh.reference,      udh.total,
                                       udh.part,       udh.command_packet, udh.body};
    return buf_ok(&who) && put_together(self, &part, out);
}

/* TS 31.115 5: what follows the packet's length is padding. */
static bool from_page(struct applet self, struct span envelope, struct brought *out, bool *ours)
{
    struct cb_page page;
    if (!cb_envelope_parse(envelope, &page))
        return false;
    *ours = true;
    out->packet = page.content;
    if (page.total > 1) {
        const uint8_t source[3] = {0xFF, (uint8_t)(page.identifier >> 8), (uint8_t)page.identifier};
        const struct assembly_part part = {span_of(source, 3), page.serial, page.total,
                                           page.page,          true,        page.content};
        if (!put_together(self, &part, out))
            return false;
    }
    struct reader length = rd_of(out->packet);
    out->packet = span_slice(out->packet, 0, 2u + rd_u16(&length));
    return true;
}

static bool from_ussd(struct applet self, struct span envelope, struct brought *out, bool *ours)
{
    (void)self;
    *ours = ussd_envelope_parse(envelope, &out->packet);
    return *ours;
}

static const struct bearer bearers[] = {
    {CAT_SMS_PP, TOOLKIT_FORMATTED_SMS_PP_ENV, from_sms, REPORT_MAX, SCP80_RESPONSE_BY_SUBMIT, send_messages},
    {CAT_CELL_BROADCAST, TOOLKIT_FORMATTED_SMS_CB, from_page, 0, SCP80_RESPONSE_BY_SUBMIT, NULL},
    {CAT_USSD_DOWNLOAD, TOOLKIT_USSD_DOWNLOAD, from_ussd, USSD_STRING_MAX, SCP80_RESPONSE_BY_USSD, send_ussd},
};

static void deliver(struct applet self, const struct brought *b, struct buf *report)
{
    struct buf response = {.p = malloc(PACKET_RESPONSE_MAX), .cap = PACKET_RESPONSE_MAX};
    uint8_t notice_octets[128];
    struct buf notice = buf_of(notice_octets, sizeof notice_octets);
    if (response.p == NULL)
        return;
    const struct bearer *way = b->bearer;
    switch (
        packet_process(self, b->packet, way->event, way->report_max, way->elsewhere, &response, &notice)) {
    case PACKET_ANSWER_BY_SUBMIT:
        if (way->send != NULL && way->send(self, b, buf_span(&response)))
            buf_put(report, buf_span(&notice));
        else
            applet_note(self,
                        "response lost: it does not go back at once, and the terminal does not send it");
        break;
    case PACKET_ANSWER_BY_REPORT:
        if (way->report_max > 0)
            buf_put(report, buf_span(&response));
        break;
    default:
        break;
    }
    crypto_wipe(response.p, response.cap);
    free(response.p);
}

static void envelope(struct applet self, const struct event *event)
{
    for (size_t i = 0; i < sizeof bearers / sizeof bearers[0]; i++) {
        struct brought b = {.bearer = &bearers[i]};
        bool ours = false;
        if (bearers[i].tag != event->tag)
            continue;
        if (bearers[i].from(self, event->data, &b, &ours))
            deliver(self, &b, event->out);
        *event->handled = ours;
        free(b.memory);
    }
}

static sw_t event(struct applet self, const struct event *event_)
{
    switch (event_->kind) {
    case EVENT_TOOLKIT:
        envelope(self, event_);
        break;
    case EVENT_TERMINAL_RESPONSE:
        if (event_->tag == PROACTIVE_SEND_SMS)
            sent(self);
        break;
    case EVENT_POWER_ON:
        script_chain_reset(self);
        break;
    default:
        break;
    }
    return SW_OK;
}

/* First of all, before any priority that an applet can have: what it takes is no other applet's to see. */
static const uint8_t events[] = {TOOLKIT_UNFORMATTED_SMS_PP_ENV, TOOLKIT_UNFORMATTED_SMS_CB,
                                 TOOLKIT_USSD_DOWNLOAD, 0};
static const struct toolkit_class toolkit = {.events = events, .priority = 0};

const struct applet_class ota_class = {
    .name = "ota",
    .toolkit = &toolkit,
    .event = event,
};
