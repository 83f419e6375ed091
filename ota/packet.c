/* SPDX-License-Identifier: Apache-2.0
 *
 * What was not authenticated gets one answer, whatever is wrong with it, made without any key; and it
 * costs the same cipher calls.
 */
#include "packet.h"

#include <stdlib.h>

#include "registry.h"
#include "scp80.h"
#include "script.h"
#include "services.h"

/* One packet on its way through. Wiped at the end. */
struct packet {
    struct applet self;
    struct scp80_command command;
    struct applet provider;               /* who holds the keyset */
    const struct ota_key_service *service;
    struct ota_key_reference reference;
    struct keyset keys;
    bool has_keys;
    bool authenticated;                   /* CC verified: keys may be used in the answer */
    bool read;                            /* nothing was wrong with it, whoever sent it */
    struct span data;                     /* plain secured data */
    enum toolkit_event event;             /* for applets that take the data themselves: what brought it */
    size_t limit;                         /* what the report can carry ... */
    enum scp80_status elsewhere;          /* ... and what it says when the answer goes another way */
};

static bool ciphered(const struct packet *p)
{
    return (p->command.spi1 & SPI1_CIPHERING) != 0;
}

static bool signed_by_key(const struct packet *p)
{
    return (p->command.spi1 & SPI1_CHECK) == SPI1_CC;
}

/* ---- keys ---- */

/* The security domain that the target is, or belongs to. */
static uint8_t domain_of_target(const struct uicc *card, uint8_t target)
{
    if (target == NO_APPLET || applet_class_of(card, target)->security_domain)
        return target;
    return applet_domain(card, target);
}

/* A supplementary one that has any of its own is reached by those only; locked or suspended, too. */
static bool has_own_keys(const struct packet *p, uint8_t domain)
{
    const struct applet_class *class = applet_class_of(p->self.card, domain);
    const struct applet any = {p->self.card, domain};
    const struct ota_key_service *service = class->share != NULL ? class->share(any, "ota-keys") : NULL;
    return service != NULL && service->alone != NULL && service->alone(any);
}

/* One that has none is served by the one that it belongs to (GlobalPlatform 2.3 7.3.3). */
static uint8_t serving_domain(const struct packet *p, uint8_t domain)
{
    for (uint8_t steps = 0; steps < APPLETS_MAX && domain != NO_APPLET && !has_own_keys(p, domain); steps++) {
        uint8_t parent = applet_domain(p->self.card, domain);
        if (parent == domain) /* the issuer's */
            break;
        domain = parent;
    }
    return domain;
}

/* The keysets of a security domain are for messages to it and to what is its own; but what the profile gave
 * the issuer's belongs to operators, and so does what nobody's keysets serve. */
static bool concerns(const struct packet *p, uint8_t target)
{
    const struct uicc *card = p->self.card;
    uint8_t domain = serving_domain(p, domain_of_target(card, target)), mine = p->provider.index;
    if (applet_class_of(card, mine)->security_domain)
        return mine == domain &&
               (mine != applet_issuer_domain(card) || mine == target || target >= card_profile_applets(card));
    return domain == NO_APPLET || !has_own_keys(p, domain);
}

/* The nth keyset of this version that may open a message to this target. */
static bool find_keys(struct packet *p, uint8_t version, unsigned nth)
{
    uint8_t target = applet_by_tar(p->self.card, p->command.tar);
    for (unsigned provider = 0; version != 0; provider++) {
        p->service = applet_service(p->self.card, "ota-keys", provider, &p->provider);
        if (p->service == NULL)
            return false;
        if (!concerns(p, target))
            continue;
        for (unsigned n = 0; p->service->find(p->provider, version, n, &p->reference, &p->keys); n++)
            if (nth-- == 0)
                return true;
    }
    return false;
}

/* Keysets of one version there may be: an operator's, the stand-by of a trial, the issuer's
 * security domain's. A packet that none of them opens costs as many tries, whichever version it
 * names and whatever the card has. */
enum { TRIES = 3 };

/* Tries every keyset of the version that KIc and KID name. In place of one that is not there the same ciphers
 * run under a key that nobody has, and never succeed. */
static bool unwrap(struct packet *p, struct buf *work)
{
    uint8_t kic = scp80_kic_version(&p->command), kid = scp80_kid_version(&p->command);
    uint8_t version = kic != 0 ? kic : kid;
    bool same = kic == 0 || kid == 0 || kic == kid; /* ciphering and checksum with keys of one keyset */
    bool keyless = !ciphered(p) && !signed_by_key(p); /* nothing, or a redundancy check */
    enum scp80_status status = SCP80_CHECK_FAILED;
    for (unsigned nth = 0; status != SCP80_POR_OK; nth++) {
        p->has_keys = same && find_keys(p, version, nth);
        if (!p->has_keys && nth >= (keyless ? 1 : TRIES))
            return false;
        work->len = 0;
        status = scp80_command_open(applet_crypto(p->self), p->has_keys ? &p->keys : NULL, &p->command, work,
                                    &p->data);
    }
    p->authenticated = p->has_keys && signed_by_key(p);
    p->read = p->has_keys || keyless;
    return p->read;
}

/* ---- may it? ---- */

/* TS 102 225 5.1.1 orders each part of the SPI: no check < RC < CC < DS, no ciphering < ciphering, no
 * counter < ... < plus one. */
static bool level_reached(uint8_t spi1, uint8_t msl)
{
    return (spi1 & SPI1_CHECK) >= (msl & SPI1_CHECK) && (spi1 & SPI1_CIPHERING) >= (msl & SPI1_CIPHERING) &&
           (spi1 & SPI1_COUNTER) >= (msl & SPI1_COUNTER);
}

static enum scp80_status find_target(const struct packet *p, uint8_t *target)
{
    *target = applet_by_tar(p->self.card, p->command.tar);
    /* The stand-by keyset of a trial reaches the applet that gave it, and nothing else. */
    if (p->has_keys && p->reference.standby && *target != p->provider.index)
        return SCP80_TAR_UNKNOWN;
    if (*target == NO_APPLET || !applet_selectable(p->self.card, *target) ||
        (!applet_class_of(p->self.card, *target)->script_target &&
         !toolkit_event_is_set((struct applet){p->self.card, *target}, p->event)))
        return SCP80_TAR_UNKNOWN;
    uint8_t msl = applet_row_of(p->self.card, *target)->msl;
    return level_reached(p->command.spi1, msl) ? SCP80_POR_OK : SCP80_SECURITY_LEVEL;
}

static uint64_t counter_value(const uint8_t cntr[SCP80_CNTR_LEN])
{
    struct reader r = rd_of(span_of(cntr, SCP80_CNTR_LEN));
    return rd_be(&r, SCP80_CNTR_LEN);
}

/* TS 102 225 5.1.4. The received value is stored before anything runs: a power cut afterwards costs the
 * command, never the protection against its replay. */
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
    return p->service->set_counter(p->provider, &p->reference, p->command.cntr) ? SCP80_POR_OK
                                                                                : SCP80_NO_MEMORY;
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

static bool build_response(const struct packet *p, enum scp80_status status, struct span data,
                           struct buf *out)
{
    struct scp80_response r = {.status = (uint8_t)status, .kid = p->command.kid};
    memcpy(r.tar, p->command.tar, sizeof r.tar);
    /* TS 102 225 5.2: a copy of the command's. But not what a key had to decipher, for anybody. */
    if (p->authenticated || (p->read && !ciphered(p)))
        memcpy(r.cntr, p->command.cntr, sizeof r.cntr);
    /* No key is used in an answer to what was not authenticated, whatever SPI2 asks for; a
     * redundancy check takes none. */
    bool plain_rc = p->read && (p->command.spi2 & (SPI2_POR_CHECK | SPI2_POR_CIPHERED)) == SPI2_POR_RC;
    uint8_t spi2 = p->authenticated || plain_rc ? p->command.spi2 : 0;
    return scp80_response_build(applet_crypto(p->self), p->authenticated ? &p->keys : NULL, spi2, &r, data,
                                out);
}

static enum packet_answer answer(const struct packet *p, enum scp80_status status, struct span data,
                                 struct buf *out, struct buf *report)
{
    if (!answer_wanted(p, status) || !build_response(p, status, data, out))
        return PACKET_NO_ANSWER;
    /* Only the authenticated may make the terminal send (and pay for) messages. */
    if (!p->authenticated || ((p->command.spi2 & SPI2_POR_SUBMIT) == 0 && out->len <= p->limit))
        return PACKET_ANSWER_BY_REPORT;
    return build_response(p, p->elsewhere, SPAN_EMPTY, report) ? PACKET_ANSWER_BY_SUBMIT : PACKET_NO_ANSWER;
}

/* ---- the whole way ---- */

/* TS 102 241, TS 31.130: EVENT_FORMATTED_SMS_PP_ENV. What it writes is the response packet's additional data;
 * when it fails there is none. */
static void to_applet(const struct packet *p, uint8_t target, struct buf *result)
{
    const struct event event = {
        .kind = EVENT_TOOLKIT, .toolkit = (uint8_t)p->event, .data = p->data, .out = result};
    if (toolkit_tell(p->self.card, target, &event) != SW_OK)
        applet_note(p->self, "the applet that the packet was for refused it");
}

static uint32_t rights_of(const struct packet *p)
{
    if (!p->authenticated)
        return 0;
    return p->reference.rights | RIGHT_AUTHENTIC | (p->reference.standby ? RIGHT_STANDBY : 0);
}

static enum packet_answer process(struct packet *p, struct span octets, struct buf *work, struct buf *result,
                                  struct buf *out, struct buf *report)
{
    uint8_t target;
    enum scp80_status status = scp80_command_parse(octets, &p->command);
    /* What is only ciphered is not deciphered for a target that would not have it: whether the result makes
     * sense would tell a forger something of the key, and of what others sent. */
    if (status == SCP80_POR_OK && ciphered(p) && !signed_by_key(p)) {
        status = find_target(p, &target);
        if (status != SCP80_POR_OK) {
            applet_note(p->self, scp80_status_text(status));
            return answer(p, status, SPAN_EMPTY, out, report);
        }
    }
    if (status != SCP80_POR_OK || !unwrap(p, work)) {
        p->authenticated = false;
        applet_note(p->self, "command packet refused: not authentic");
        return answer(p, SCP80_UNIDENTIFIED_ERROR, SPAN_EMPTY, out, report);
    }
    status = find_target(p, &target);
    if (status == SCP80_POR_OK)
        status = spend_counter(p);
    const struct script_authority by = {
        .rights = rights_of(p),
        .key_item = p->reference.item,
        .owner = p->authenticated ? p->reference.owner : NO_OWNER,
        .key_provider = p->provider.index,
        .keys = p->authenticated ? &p->keys : NULL,
    };
    if (status == SCP80_POR_OK && !applet_class_of(p->self.card, target)->script_target)
        to_applet(p, target, result);
    else if (status == SCP80_POR_OK)
        script_run(p->self, target, &by, p->data, result);
    applet_note(p->self, scp80_status_text(status));
    return answer(p, status, buf_span(result), out, report);
}

enum packet_answer packet_process(struct applet self, struct span octets, enum toolkit_event event,
                                  size_t limit, enum scp80_status elsewhere, struct buf *out,
                                  struct buf *report)
{
    /* header, check and padding of a response packet need less */
    enum { RESULT_MAX = PACKET_RESPONSE_MAX - 64 };
    struct packet p = {.self = self, .event = event, .limit = limit, .elsewhere = elsewhere};
    uint8_t *memory = malloc(octets.n + RESULT_MAX);
    if (memory == NULL)
        return PACKET_NO_ANSWER;
    struct buf work = buf_of(memory, octets.n), result = buf_of(memory + octets.n, RESULT_MAX);
    enum packet_answer to = process(&p, octets, &work, &result, out, report);
    crypto_wipe(memory, octets.n + RESULT_MAX);
    free(memory);
    crypto_wipe(&p, sizeof p);
    return to;
}
