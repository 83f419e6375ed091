/* SPDX-License-Identifier: Apache-2.0 */
#include "smpp_esme.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "crypto.h"
#include "one_line.h"

struct smpp_esme {
    struct smpp_link link;
    const char *endpoint;
    uint32_t sequence; /* of our last command */
    unsigned heard_n;
    void (*heard)(void *ctx, const struct smpp_message *message);
    void *ctx;
    /* the answer that is waited for */
    uint32_t awaited, asked; /* sequence number, command */
    bool answered;
    struct smpp_pdu answer;
};

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static bool gone(struct smpp_esme *e, struct smpp_link_error *error, const char *why)
{
    snprintf(error->text, sizeof error->text, "%.200s: %s", e->endpoint, why);
    return false;
}

/* What an ESME owes for this one. */
static bool serve(struct smpp_esme *e, const struct smpp_pdu *pdu, uint32_t status)
{
    struct smpp_pdu reply = {
        .command = pdu->command | SMPP_RESPONSE, .status = status, .sequence = pdu->sequence};
    if (status == SMPP_INVALID_COMMAND)
        reply.command = SMPP_GENERIC_NACK;
    else if (pdu->command != SMPP_DELIVER_SM && pdu->command != SMPP_ENQUIRE_LINK &&
             pdu->command != SMPP_UNBIND)
        reply = (struct smpp_pdu){
            .command = SMPP_GENERIC_NACK, .status = SMPP_INVALID_COMMAND, .sequence = pdu->sequence};
    if (status == SMPP_OK && pdu->command == SMPP_DELIVER_SM &&
        (pdu->message.esm_class & SMPP_CLASS_TYPE) == 0) {
        e->heard_n++;
        if (e->heard != NULL)
            e->heard(e->ctx, &pdu->message);
    }
    return smpp_link_put(&e->link, &reply);
}

static bool take(struct smpp_esme *e, struct span bytes, struct smpp_link_error *error)
{
    struct smpp_pdu pdu;
    uint32_t status = smpp_parse(bytes, &pdu);
    bool good = true;
    if ((pdu.command & SMPP_RESPONSE) == 0) {
        good = serve(e, &pdu, status) || gone(e, error, "the SMSC does not take its answers");
        if (good && pdu.command == SMPP_UNBIND)
            good = smpp_link_flush(&e->link) && gone(e, error, "the SMSC ended the session");
    } else if (pdu.sequence == e->awaited && !e->answered) {
        e->answer = pdu;
        e->answered = true;
        /* A nack, or the answer to something else, is none that takes it, whatever its status. */
        if ((status != SMPP_OK || pdu.command != (e->asked | SMPP_RESPONSE)) && e->answer.status == SMPP_OK)
            e->answer.status = SMPP_UNKNOWN_ERROR;
        one_line_make(e->answer.message_id); /* it is printed */
    }
    crypto_wipe(&pdu, sizeof pdu);
    return good;
}

/* Writes, waits until `until` for something to read, and serves all of it. */
static bool turn(struct smpp_esme *e, uint64_t until, struct smpp_link_error *error)
{
    if (!smpp_link_flush(&e->link))
        return gone(e, error, strerror(errno));
    uint64_t now = now_ms();
    struct pollfd wait = {.fd = e->link.fd,
                          .events = (short)(POLLIN | (smpp_link_pending(&e->link) ? POLLOUT : 0))};
    int n = poll(&wait, 1, until > now ? (int)(until - now) : 0);
    if (n < 0 && errno != EINTR)
        return gone(e, error, strerror(errno));
    if (n > 0 && (wait.revents & ~POLLOUT) != 0 && !smpp_link_read(&e->link))
        return gone(e, error, errno == 0 ? "the SMSC hung up" : strerror(errno));
    enum smpp_link_next next;
    struct span bytes;
    while ((next = smpp_link_next(&e->link, &bytes)) == SMPP_LINK_PDU)
        if (!take(e, bytes, error))
            return false;
    return next != SMPP_LINK_LOST || gone(e, error, "what the SMSC sends is not SMPP");
}

/* Sends a command and waits for its answer. */
static bool ask(struct smpp_esme *e, struct smpp_pdu *pdu, unsigned timeout_ms, struct smpp_link_error *error)
{
    const uint64_t until = now_ms() + timeout_ms;
    /* 2.6: from 1 to 7FFFFFFF */
    e->sequence = e->sequence == UINT32_C(0x7FFFFFFF) ? 1 : e->sequence + 1;
    pdu->sequence = e->awaited = e->sequence;
    e->asked = pdu->command;
    e->answered = false;
    if (!smpp_link_put(&e->link, pdu))
        return gone(e, error, "the SMSC does not read");
    while (!e->answered) {
        if (!turn(e, until, error))
            return e->answered;
        if (!e->answered && now_ms() >= until)
            return gone(e, error, "no answer from the SMSC in time");
    }
    return true;
}

static bool bind_to(struct smpp_esme *e, const char *system_id, const char *password, unsigned timeout_ms,
                    struct smpp_link_error *error)
{
    struct smpp_pdu pdu = {.command = SMPP_BIND_TRANSCEIVER};
    snprintf(pdu.system_id, sizeof pdu.system_id, "%s", system_id);
    snprintf(pdu.password, sizeof pdu.password, "%s", password);
    bool good = ask(e, &pdu, timeout_ms, error);
    crypto_wipe(&pdu, sizeof pdu);
    if (good && e->answer.status != SMPP_OK) {
        snprintf(error->text, sizeof error->text, "%.200s does not let '%.20s' in: %s (%02X)", e->endpoint,
                 system_id, smpp_status_text(e->answer.status), (unsigned)e->answer.status);
        return false;
    }
    return good;
}

struct smpp_esme *smpp_esme_open(const char *endpoint, const char *system_id, const char *password,
                                 unsigned timeout_ms, struct smpp_link_error *error)
{
    struct smpp_esme *e = calloc(1, sizeof *e);
    if (e == NULL) {
        snprintf(error->text, sizeof error->text, "no memory");
        return NULL;
    }
    e->endpoint = endpoint;
    bool connected = smpp_link_connect(&e->link, endpoint, timeout_ms, error);
    if (connected && bind_to(e, system_id, password, timeout_ms, error))
        return e;
    if (connected)
        smpp_link_close(&e->link);
    free(e);
    return NULL;
}

void smpp_esme_close(struct smpp_esme *e)
{
    enum { GOODBYE_MS = 1000 };
    struct smpp_link_error ignored;
    if (e == NULL)
        return;
    struct smpp_pdu pdu = {.command = SMPP_UNBIND};
    (void)ask(e, &pdu, GOODBYE_MS, &ignored);
    smpp_link_close(&e->link);
    crypto_wipe(e, sizeof *e);
    free(e);
}

void smpp_esme_listen(struct smpp_esme *e, void (*heard)(void *ctx, const struct smpp_message *message),
                      void *ctx)
{
    e->heard = heard;
    e->ctx = ctx;
}

bool smpp_esme_submit(struct smpp_esme *e, const struct smpp_message *message, unsigned timeout_ms,
                      uint32_t *status, char message_id[SMPP_MESSAGE_ID_MAX + 1],
                      struct smpp_link_error *error)
{
    struct smpp_pdu pdu = {.command = SMPP_SUBMIT_SM, .message = *message};
    message_id[0] = '\0';
    if (!ask(e, &pdu, timeout_ms, error))
        return false;
    *status = e->answer.status;
    if (*status == SMPP_OK)
        memcpy(message_id, e->answer.message_id, sizeof e->answer.message_id);
    return true;
}

bool smpp_esme_wait(struct smpp_esme *e, unsigned timeout_ms, struct smpp_link_error *error)
{
    const uint64_t until = now_ms() + timeout_ms;
    const unsigned before = e->heard_n;
    do {
        if (!turn(e, until, error))
            return e->heard_n != before;
    } while (e->heard_n == before && now_ms() < until);
    /* The acknowledgement goes out now: the other end may be waiting for it. */
    return smpp_link_flush(&e->link) || gone(e, error, strerror(errno));
}
