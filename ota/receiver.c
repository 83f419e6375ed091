/* SPDX-License-Identifier: Apache-2.0
 *
 * One OTA short message: ENVELOPE (SMS-PP) -> command packet -> keyset -> decrypt and verify -> target and its minimum security -> counter, stored before
 * anything runs -> script -> response packet. ETSI TS 102 225, 3GPP TS 31.115.
 *
 * What was not authenticated gets one answer, whatever is wrong with it, made without any key; and it costs the same cipher calls.
 */
#include "receiver.h"

#include "scp80.h"
#include "script.h"
#include "services.h"
#include "sms.h"

enum {
    TAG_SMS_PP = 0xD1,
    PACKET_MAX = 256,       /* one short message */
    SCRIPT_RESPONSE_MAX = 3 + 512,
    RESPONSE_MAX = 768,
    REPORT_MAX = 140,       /* what we put into a delivery report; TS 23.040 9.2.2.1a has room for 159 */
    SMS_MAX = SMS_UD_MAX,
};

/* One packet on its way through. Wiped at the end. */
struct packet {
    struct applet self;
    struct span originator;
    struct scp80_command command;
    struct applet provider;               /* who holds the keyset */
    const struct ota_key_service *service;
    struct ota_key_reference reference;
    struct keyset keys;
    bool has_keys;
    bool authenticated;                   /* CC verified: keys may be used in the answer */
    uint8_t work[PACKET_MAX];
    struct span data;                     /* plain secured data, in work */
};

/* ---- is it for us? ---- */

/* 3GPP TS 31.115 4: PID "(U)SIM data download", class 2, a user data header with a command packet's. Anything else is none of our business. */
static bool command_packet_of(struct span envelope, struct span *originator, struct span *packet, bool *in_parts)
{
    struct envelope_sms_pp e;
    struct sms_deliver sms;
    struct sms_udh udh;
    if (!envelope_sms_pp_parse(envelope, &e) || !sms_deliver_parse(e.tpdu, &sms))
        return false;
    if (sms.pid != SMS_PID_USIM_DOWNLOAD || !sms.has_udh || !sms_udh_parse(sms.user_data, &udh))
        return false;
    *originator = sms.originator;
    *packet = udh.body;
    *in_parts = udh.concatenated && udh.total != 1;
    return udh.command_packet;
}

/* ---- keys ---- */

static bool find_keys(struct packet *p, uint8_t version)
{
    for (unsigned nth = 0; version != 0; nth++) {
        p->service = applet_service(p->self.card, "ota-keys", nth, &p->provider);
        if (p->service == NULL)
            break;
        if (p->service->find(p->provider, version, &p->reference, &p->keys))
            return true;
    }
    return false;
}

static bool unwrap(struct packet *p)
{
    uint8_t kic = scp80_kic_version(&p->command), kid = scp80_kid_version(&p->command);
    uint8_t version = kic != 0 ? kic : kid;
    bool same = kic == 0 || kid == 0 || kic == kid; /* ciphering and checksum with keys of one keyset */
    struct buf work = buf_of(p->work, sizeof p->work);
    bool keyless = (p->command.spi1 & (SPI1_CIPHERING | SPI1_CHECK)) == 0;
    p->has_keys = same && find_keys(p, version);
    /* Without a keyset the same ciphers run under a key that nobody has, and never succeed. */
    enum scp80_status status =
        scp80_command_open(applet_crypto(p->self), p->has_keys ? &p->keys : NULL, &p->command, &work, &p->data);
    if (status != SCP80_POR_OK || (!p->has_keys && !keyless))
        return false;
    p->authenticated = p->has_keys && (p->command.spi1 & SPI1_CHECK) == SPI1_CC;
    return true;
}

/* ---- may it? ---- */

/* TS 102 225 5.1.1 orders each part of the SPI: no check < RC < CC < DS, no ciphering < ciphering, no counter < ... < plus one. */
static bool level_reached(uint8_t spi1, uint8_t msl)
{
    return (spi1 & SPI1_CHECK) >= (msl & SPI1_CHECK) && (spi1 & SPI1_CIPHERING) >= (msl & SPI1_CIPHERING) &&
           (spi1 & SPI1_COUNTER) >= (msl & SPI1_COUNTER);
}

static enum scp80_status find_target(const struct packet *p, uint8_t *target)
{
    *target = applet_by_tar(p->self.card, p->command.tar);
    if (*target == NO_APPLET || !applet_class_of(p->self.card, *target)->script_target)
        return SCP80_TAR_UNKNOWN;
    uint8_t msl = applet_profile(p->self)->applets[*target].msl;
    return level_reached(p->command.spi1, msl) ? SCP80_POR_OK : SCP80_SECURITY_LEVEL;
}

static uint64_t counter_value(const uint8_t cntr[SCP80_CNTR_LEN])
{
    struct reader r = rd_of(span_of(cntr, SCP80_CNTR_LEN));
    return rd_be(&r, SCP80_CNTR_LEN);
}

/* TS 102 225 5.1.4. The received value is stored before anything runs: a power cut afterwards costs the command, never the protection
 * against its replay. */
static enum scp80_status spend_counter(const struct packet *p)
{
    static const uint64_t maximum = 0xFFFFFFFFFF;
    uint8_t stored_octets[SCP80_CNTR_LEN];
    uint8_t mode = p->command.spi1 & SPI1_COUNTER;
    if (mode != SPI1_COUNTER_HIGHER && mode != SPI1_COUNTER_PLUS_ONE)
        return SCP80_POR_OK;
    if (!p->authenticated) /* a counter that anybody could move is no protection: nobody may */
        return SCP80_SECURITY_LEVEL;
    p->service->counter(p->provider, &p->reference, stored_octets);
    uint64_t stored = counter_value(stored_octets), received = counter_value(p->command.cntr);
    if (stored == maximum)
        return SCP80_CNTR_BLOCKED;
    if (received <= stored)
        return SCP80_CNTR_LOW;
    if (mode == SPI1_COUNTER_PLUS_ONE && received != stored + 1)
        return SCP80_CNTR_HIGH;
    return p->service->set_counter(p->provider, &p->reference, p->command.cntr) ? SCP80_POR_OK : SCP80_NO_MEMORY;
}

/* ---- the answer ---- */

static bool answer_wanted(const struct packet *p, enum scp80_status status)
{
    if (!p->authenticated && applet_profile(p->self)->ota_silent)
        return false;
    switch (p->command.spi2 & SPI2_POR) {
    case SPI2_POR_ALWAYS:
        return true;
    case SPI2_POR_ON_ERROR:
        return status != SCP80_POR_OK;
    default:
        return false;
    }
}

static bool build_response(const struct packet *p, enum scp80_status status, struct span data, struct buf *out)
{
    struct scp80_response r = {.status = (uint8_t)status, .kid = p->command.kid};
    memcpy(r.tar, p->command.tar, sizeof r.tar);
    if (p->authenticated)
        memcpy(r.cntr, p->command.cntr, sizeof r.cntr);
    /* No key is used in an answer to what was not authenticated, whatever SPI2 asks for. */
    uint8_t spi2 = p->authenticated ? p->command.spi2 : 0;
    return scp80_response_build(applet_crypto(p->self), p->authenticated ? &p->keys : NULL, spi2, &r, data, out);
}

/* TS 31.115 5: the response packet in an SMS-SUBMIT to the command's originator, by SEND SHORT MESSAGE. */
static bool send_by_submit(const struct packet *p, struct span response)
{
    enum { TAG_TPDU = 0x8B };
    uint8_t tpdu_octets[SMS_TPDU_MAX], rest_octets[SMS_TPDU_MAX + 4];
    struct buf tpdu = buf_of(tpdu_octets, sizeof tpdu_octets), rest = buf_of(rest_octets, sizeof rest_octets);
    const struct sms_submit sms = {
        .destination = p->originator,
        .pid = SMS_PID_USIM_DOWNLOAD,
        .dcs = SMS_DCS_CLASS2_8BIT,
        .has_udh = true,
        .user_data = response,
    };
    if (response.n > SMS_MAX)
        return false;
    sms_submit_build(&sms, &tpdu);
    buf_tlv(&rest, TAG_TPDU, buf_span(&tpdu));
    return buf_ok(&tpdu) && buf_ok(&rest) && proactive_send(p->self, PROACTIVE_SEND_SMS, 0, buf_span(&rest));
}

static void answer(const struct packet *p, enum scp80_status status, struct span data, struct buf *out)
{
    uint8_t octets[RESPONSE_MAX];
    struct buf response = buf_of(octets, sizeof octets);
    if (!answer_wanted(p, status))
        return;
    if (!build_response(p, status, data, &response))
        return;
    /* Only the authenticated may make the terminal send (and pay for) a message. */
    bool by_submit = p->authenticated && ((p->command.spi2 & SPI2_POR_SUBMIT) != 0 || response.len > REPORT_MAX);
    if (by_submit) {
        bool sent = send_by_submit(p, buf_span(&response));
        crypto_wipe(octets, response.len);
        response.len = 0;
        if (!build_response(p, sent ? SCP80_RESPONSE_BY_SUBMIT : SCP80_NO_MEMORY, SPAN_EMPTY, &response))
            return;
    }
    buf_put(out, buf_span(&response));
    crypto_wipe(octets, sizeof octets);
}

/* ---- the whole way ---- */

static void run_script(struct packet *p, uint8_t target, struct buf *out)
{
    struct session session;
    session_open_remote(p->self.card, target, p->has_keys ? p->reference.rights : 0, &session);
    script_run_compact(p->self.card, &session, p->data, out);
}

static void process(struct packet *p, struct span packet, struct buf *out)
{
    uint8_t result_octets[SCRIPT_RESPONSE_MAX], target;
    struct buf result = buf_of(result_octets, sizeof result_octets);
    if (scp80_command_parse(packet, &p->command) != SCP80_POR_OK || !unwrap(p)) {
        p->authenticated = false;
        applet_note(p->self, "command packet refused: not authentic");
        answer(p, SCP80_UNIDENTIFIED_ERROR, SPAN_EMPTY, out);
        return;
    }
    enum scp80_status status = find_target(p, &target);
    if (status == SCP80_POR_OK)
        status = spend_counter(p);
    if (status == SCP80_POR_OK)
        run_script(p, target, &result);
    applet_note(p->self, scp80_status_text(status));
    answer(p, status, buf_span(&result), out);
    crypto_wipe(result_octets, result.len);
}

static sw_t event(struct applet self, const struct event *event)
{
    struct packet p = {.self = self};
    struct span packet;
    bool in_parts;
    if (event->kind != EVENT_ENVELOPE || !command_packet_of(event->data, &p.originator, &packet, &in_parts))
        return SW_OK;
    *event->handled = true;
    if (in_parts) {
        applet_note(self, "command packet in several short messages: ignored, concatenated messages are not put together");
        return SW_OK;
    }
    process(&p, packet, event->out);
    crypto_wipe(&p, sizeof p);
    return SW_OK;
}

static const uint8_t envelope_tags[] = {TAG_SMS_PP, 0};

const struct applet_class ota_class = {
    .name = "ota",
    .envelope_tags = envelope_tags,
    .event = event,
};
