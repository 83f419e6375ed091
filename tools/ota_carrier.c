/* SPDX-License-Identifier: Apache-2.0 */
#include "ota_carrier.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ota_join.h"
#include "pcsc.h"
#include "smpp_esme.h"
#include "sms.h"
#include "ussd.h"

_Static_assert((int)OTA_SYSTEM_ID_MAX == (int)SMPP_SYSTEM_ID_MAX, "smpp.h");
_Static_assert((int)OTA_PASSWORD_MAX == (int)SMPP_PASSWORD_MAX, "smpp.h");

enum { DOUBT_MS = 3000 }; /* how much longer a better answer is waited for */

struct ota_carrier {
    const struct ota_carrier_options *options;
    struct ota_join *join;
    struct pcsc *pcsc;
    struct terminal terminal;
    struct terminal_asked asked;
    sw_t sw; /* the card's last status word */
    struct smpp_esme *esme;
    /* the sending under way */
    const struct ota_carrier_job *job;
    struct ota_carrier_sent *sent;
    struct ota_carrier_error *error;
    bool heard_any;
    enum ota_heard heard; /* the best so far: FINAL before MORE before DOUBTFUL */
    uint64_t doubt_ends;
};

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static bool say(struct ota_carrier_error *error, bool reached, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool say(struct ota_carrier_error *error, bool reached, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    error->reached = reached;
    return false;
}

/* ---- what comes back ---- */

static void hear(struct ota_carrier *c, struct span packet)
{
    enum ota_heard heard = c->job->heard(c->job->ctx, packet);
    if (!c->heard_any) {
        c->heard_any = true;
        c->heard = heard;
        c->doubt_ends = now_ms() + DOUBT_MS;
    } else if (heard < c->heard) {
        c->heard = heard;
    }
}

static void hear_user_data(struct ota_carrier *c, struct span user_data)
{
    struct span packet;
    switch (ota_join_add(c->join, user_data, &packet)) {
    case OTA_JOIN_WHOLE:
        hear(c, packet);
        break;
    case OTA_JOIN_NONE:
        hear(c, user_data);
        break;
    case OTA_JOIN_PART:
    default:
        break;
    }
}

static bool final(const struct ota_carrier *c)
{
    return c->heard_any && c->heard == OTA_HEARD_FINAL;
}

/* ---- PC/SC ---- */

static bool hear_submit(void *ctx, struct span tpdu)
{
    struct ota_carrier *c = ctx;
    struct sms_submit sms;
    /* Before and after the sending there is nobody who would read it. */
    if (c->job != NULL && sms_submit_parse(tpdu, &sms) && sms.has_udh)
        hear_user_data(c, sms.user_data);
    return true;
}

static bool hear_ussd(void *ctx, struct span proactive)
{
    struct ota_carrier *c = ctx;
    struct span response;
    if (c->job != NULL && ussd_response_parse(proactive, &response))
        hear_user_data(c, response);
    return true;
}

/* The right card, and one that has been told what this terminal can do. */
static bool greet(struct ota_carrier *c, struct ota_carrier_error *error)
{
    const struct terminal *t = &c->terminal;
    const char *reader = pcsc_reader(c->pcsc), *wanted = c->options->iccid;
    char iccid[21];
    sw_t sw;
    if (wanted != NULL) {
        if (!terminal_iccid(t, iccid, &sw))
            return say(error, false, "%s", pcsc_why(c->pcsc));
        if (sw != SW_OK)
            return say(error, false, "%.200s: the card does not show its ICCID: %s (%04X)", reader,
                       sw_text(sw), sw);
        if (iccid[0] == '\0')
            return say(error, false, "%.200s: the card's EF.ICCID holds no ICCID", reader);
        if (strcmp(iccid, wanted) != 0)
            return say(error, false, "%.200s: the card there has ICCID %s, not %s; nothing was sent", reader,
                       iccid, wanted);
    }
    if (!terminal_profile(t, &c->asked, &sw))
        return say(error, false, "%s", pcsc_why(c->pcsc));
    if (c->asked.reset_due) { /* a REFRESH from before, which this terminal owes the card */
        c->asked = (struct terminal_asked){0};
        if (!t->reset(t->ctx) || !terminal_profile(t, &c->asked, &sw))
            return say(error, false, "%s", pcsc_why(c->pcsc));
    }
    c->asked = (struct terminal_asked){0};
    if (sw != SW_OK)
        return say(error, false, "%.200s: the card refuses TERMINAL PROFILE: %s (%04X)", reader, sw_text(sw),
                   sw);
    return true;
}

static bool open_pcsc(struct ota_carrier *c, struct ota_carrier_error *error)
{
    struct pcsc_error why;
    c->pcsc = pcsc_open(c->options->reader, &why);
    if (c->pcsc == NULL)
        return say(error, false, "%s", why.text);
    c->terminal = pcsc_terminal(c->pcsc);
    c->terminal.sms = hear_submit;
    c->terminal.ussd = hear_ussd;
    c->terminal.sms_ctx = c;
    return greet(c, error);
}

/* An ENVELOPE went to the card, and this came back. */
static bool envelope_sent(struct ota_carrier *c, bool arrived, const struct buf *report)
{
    c->sent->parts++;
    if (!arrived)
        return say(c->error, true, "%s", pcsc_why(c->pcsc));
    c->sent->sw = c->sw;
    c->sent->has_sw = true;
    if (report->len > 0)
        hear_user_data(c, buf_span(report));
    return true;
}

static bool part_to_card(void *ctx, unsigned nth, struct span tpdu)
{
    struct ota_carrier *c = ctx;
    uint8_t bytes[256];
    struct buf report = buf_of(bytes, sizeof bytes);
    (void)nth;
    const char *centre = c->options->from != NULL ? c->options->from : OTA_ORIGINATOR;
    return envelope_sent(c, terminal_sms(&c->terminal, centre, tpdu, &report, &c->sw), &report);
}

static bool ussd_to_card(struct ota_carrier *c, struct span packet)
{
    uint8_t data[255], apdu_bytes[5 + 255], bytes[256];
    struct buf envelope = buf_of(data, sizeof data), apdu = buf_of(apdu_bytes, sizeof apdu_bytes),
               report = buf_of(bytes, sizeof bytes);
    ussd_envelope_build(packet, &envelope);
    terminal_envelope_apdu(buf_span(&envelope), &apdu);
    if (!buf_ok(&envelope) || !buf_ok(&apdu))
        return say(c->error, false, "%zu octets are more than a USSD string holds", packet.n);
    return envelope_sent(c, terminal_command(&c->terminal, buf_span(&apdu), &report, &c->sw), &report);
}

static bool serve_card(struct ota_carrier *c)
{
    if (terminal_serve(&c->terminal, &c->asked, &c->sw))
        return true;
    return say(c->error, true, "%s", pcsc_why(c->pcsc));
}

/* ---- SMPP ---- */

static void hear_message(void *ctx, const struct smpp_message *message)
{
    struct ota_carrier *c = ctx;
    if (c->job != NULL && (message->esm_class & SMPP_CLASS_UDHI) != 0)
        hear_user_data(c, span_of(message->data, message->n));
}

static bool open_smpp(struct ota_carrier *c, struct ota_carrier_error *error)
{
    struct smpp_link_error why;
    const struct ota_carrier_options *o = c->options;
    c->esme = smpp_esme_open(o->smpp, o->system_id, o->password, o->timeout_ms, &why);
    if (c->esme == NULL)
        return say(error, false, "%s", why.text);
    smpp_esme_listen(c->esme, hear_message, c);
    return true;
}

static bool part_to_smsc(void *ctx, unsigned nth, struct span tpdu)
{
    struct ota_carrier *c = ctx;
    const struct ota_carrier_options *o = c->options;
    struct smpp_link_error why;
    struct sms_deliver sms;
    uint32_t status = SMPP_OK;
    struct smpp_message m = {
        .esm_class = SMPP_CLASS_UDHI,
        .protocol_id = SMS_PID_USIM_DOWNLOAD,
        .data_coding = o->data_coding,
    };
    if (!sms_deliver_parse(tpdu, &sms) || sms.user_data.n >= sizeof m.data ||
        !smpp_address(o->to, &m.destination) ||
        !smpp_address(o->from != NULL ? o->from : OTA_ORIGINATOR, &m.source))
        return say(c->error, false, "the message cannot be made");
    m.n = sms.user_data.n;
    memcpy(m.data, sms.user_data.p, sms.user_data.n);
    c->sent->parts++;
    if (!smpp_esme_submit(c->esme, &m, o->timeout_ms, &status, c->sent->message_id, &why))
        return say(c->error, true, "%s", why.text);
    if (status != SMPP_OK)
        return say(c->error, false, "%.200s refuses the message%s: %s (%02X)", o->smpp,
                   nth > 0 ? ", after other parts of it" : "", smpp_status_text(status), (unsigned)status);
    return true;
}

static bool wait_for_answer(struct ota_carrier *c)
{
    struct smpp_link_error why;
    const uint64_t until = now_ms() + c->options->timeout_ms;
    while (!final(c)) {
        uint64_t now = now_ms(), end = until;
        if (c->heard_any && c->heard == OTA_HEARD_DOUBTFUL && c->doubt_ends < end)
            end = c->doubt_ends;
        if (now >= end)
            return true;
        if (!smpp_esme_wait(c->esme, (unsigned)(end - now), &why))
            return say(c->error, true, "%s", why.text);
    }
    return true;
}

/* ---- either ---- */

struct ota_carrier *ota_carrier_open(const struct ota_carrier_options *options,
                                     struct ota_carrier_error *error)
{
    struct ota_carrier *c = calloc(1, sizeof *c);
    struct ota_join *join = ota_join_new();
    if (c == NULL || join == NULL) {
        say(error, false, "no memory");
        free(c);
        ota_join_free(join);
        return NULL;
    }
    c->options = options;
    c->join = join;
    if (options->smpp != NULL ? open_smpp(c, error) : open_pcsc(c, error))
        return c;
    ota_carrier_close(c);
    return NULL;
}

void ota_carrier_close(struct ota_carrier *c)
{
    if (c == NULL)
        return;
    smpp_esme_close(c->esme);
    if (c->options->silent)
        pcsc_leave(c->pcsc);
    else
        pcsc_close(c->pcsc);
    ota_join_free(c->join);
    free(c);
}

bool ota_carrier_send(struct ota_carrier *c, const struct ota_carrier_job *job, struct ota_carrier_sent *sent,
                      struct ota_carrier_error *error)
{
    uint8_t address[SMS_ADDRESS_MAX];
    struct buf from = buf_of(address, sizeof address);
    *sent = (struct ota_carrier_sent){0};
    c->job = job;
    c->sent = sent;
    c->error = error;
    c->heard_any = false;
    say(error, false, "%zu octets are more than 255 short messages hold", job->packet.n);
    bool good = c->options->ussd
                    ? ussd_to_card(c, job->packet)
                    : sms_address_pack(c->options->from != NULL ? c->options->from : OTA_ORIGINATOR, &from) &&
                          sms_packet_split(job->packet, job->reference, buf_span(&from),
                                           c->esme != NULL ? part_to_smsc : part_to_card, c);
    /* The answer in the report is all there is, or another one was announced, or the card has something to
     * send: a PoR by SMS-SUBMIT. What it asks for after its answer is served by ota_carrier_follow. */
    if (good && c->pcsc != NULL && job->answer && !final(c) && (c->heard_any || !c->options->silent))
        good = serve_card(c);
    if (good && c->esme != NULL && job->answer)
        good = wait_for_answer(c);
    c->job = NULL;
    return good;
}

bool ota_carrier_follow(struct ota_carrier *c, struct terminal_asked *asked, bool *was_reset,
                        struct ota_carrier_error *error)
{
    *asked = (struct terminal_asked){0};
    *was_reset = false;
    if (c->pcsc == NULL)
        return true;
    bool served = terminal_serve(&c->terminal, &c->asked, &c->sw);
    *asked = c->asked;
    if (!served)
        return say(error, true, "%s; the card's REFRESH was not obeyed", pcsc_why(c->pcsc));
    if (asked->reset_due && !c->terminal.reset(c->terminal.ctx))
        return say(error, true, "%s; after the reset that the card asked for", pcsc_why(c->pcsc));
    *was_reset = asked->reset_due;
    return true;
}

const struct terminal *ota_carrier_terminal(const struct ota_carrier *c)
{
    return c->pcsc != NULL ? &c->terminal : NULL;
}

const char *ota_carrier_why(const struct ota_carrier *c)
{
    return c->pcsc != NULL ? pcsc_why(c->pcsc) : "";
}
