/* SPDX-License-Identifier: Apache-2.0
 *
 * softuicc smsc: a small short message service centre on loopback. ESMEs bind over SMPP 3.4, what they submit
 * goes to cards, and what the cards answer is delivered to them. One loop, one thread; whatever comes in
 * costs bounded memory.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "hex.h"
#include "one_line.h"
#include "smpp_link.h"
#include "smsc_cards.h"
#include "smsc_text.h"
#include "terminal.h"
#include "trace.h"

enum {
    SESSIONS_MAX = 64,
    ACCOUNTS_MAX = 16,
    BIND_MS = 10000,  /* who has not bound by then is not going to (SMPP 3.4, 7.2: session_init_timer) */
    SLOW_MS = 5000,   /* so long transmitters wait for a receiver that has no room */
    READ_MS = 30000,  /* so long anybody may read nothing of what there is */
    ROUND_MAX = 1024, /* messages that share a transaction of the deck */
    /* What one PDU may put into a session's output: an answer and as many messages as a card may send in one
       go. */
    ROOM_MIN = SMPP_LINK_OUT / 2,
    ROOM_ONE = 2 * SMPP_PDU_MAX, /* one of these, and a receipt */
    CAUSE_OUT_OF_ORDER = 38,     /* TS 24.011 8.2.5.4 */
    CAUSE_CONGESTION = 42,
};

static const char default_listen[] = "127.0.0.1:2775";
/* The service centre, in ENVELOPEs, and who sends what comes from nobody: a number that nobody has. */
static const char centre[] = "+99900000000";
static const char system_id[] = "softuicc";

struct account {
    char id[SMPP_SYSTEM_ID_MAX + 1], password[SMPP_PASSWORD_MAX + 1];
};

struct session {
    struct smpp_link link;
    unsigned number; /* for the trace */
    uint32_t bound;  /* the command that bound it; 0: none yet */
    uint32_t sequence;
    uint64_t since_ms; /* connected, or ending */
    uint64_t moved_ms; /* it read last, or had nothing to */
    uint64_t full_ms;  /* there was no room for more from then on */
    bool hung_up;      /* it says no more; what it has said is served */
    bool ending;       /* when all is written */
    bool lost;         /* at once */
    char id[SMPP_SYSTEM_ID_MAX + 1];
};

struct smsc {
    const struct subcommand *cmd;
    struct smsc_cards_options cards_options;
    const char *listen, *trace_path;
    bool json;
    struct account accounts[ACCOUNTS_MAX]; /* secret */
    size_t n_accounts;
    /* running */
    struct smsc_cards *cards;
    int listen_fd, stop_fd;
    struct session *sessions[SESSIONS_MAX];
    unsigned sessions_ever;
    struct trace_text trace;
    uint64_t submitted, delivered, refused;
    unsigned in_round;
    bool failed; /* the deck: nothing more may leave the house */
    /* the message under way */
    struct session *sender, *hearer; /* of it, and of the answers; NULL: nobody */
    const struct smpp_message *message;
};

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- trace ---- */

static void note(struct smsc *s, const struct session *from, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void note(struct smsc *s, const struct session *from, const char *format, ...)
{
    char text[400], label[32];
    va_list args;
    if (s->trace.out == NULL)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    one_line_make(text); /* addresses are what somebody sent */
    snprintf(label, sizeof label, "smpp #%u", from->number);
    s->trace.label = label;
    trace_text_event(&s->trace, &(struct uicc_trace_event){.kind = UICC_TRACE_NOTE, .text = text});
    s->trace.label = NULL;
}

/* No password among it. */
static void note_pdu(struct smsc *s, const struct session *x, const char *way, const struct smpp_pdu *pdu)
{
    const struct smpp_message *m = &pdu->message;
    if (s->trace.out == NULL)
        return;
    if (pdu->command == SMPP_SUBMIT_SM || pdu->command == SMPP_DELIVER_SM)
        note(s, x, "%s %s %" PRIu32 " from %s to %s, %zu octets", way, smpp_command_name(pdu->command),
             pdu->sequence, m->source.digits, m->destination.digits, m->n);
    else
        note(s, x, "%s %s %" PRIu32 "%s%s", way, smpp_command_name(pdu->command), pdu->sequence,
             pdu->status != SMPP_OK ? ": " : "", pdu->status != SMPP_OK ? smpp_status_text(pdu->status) : "");
}

/* ---- what goes out ---- */

static bool has_room(const struct session *x)
{
    return smpp_link_room(&x->link) >= ROOM_MIN;
}

static void put(struct smsc *s, struct session *x, const struct smpp_pdu *pdu)
{
    note_pdu(s, x, "<-", pdu);
    if (!smpp_link_pending(&x->link))
        x->moved_ms = now_ms();
    const bool had_room = has_room(x);
    if (!smpp_link_put(&x->link, pdu))
        x->lost = true; /* it does not read */
    if (had_room && !has_room(x))
        x->full_ms = now_ms();
}

static void reply(struct smsc *s, struct session *x, const struct smpp_pdu *to, uint32_t status)
{
    struct smpp_pdu pdu = {
        .command = to->command | SMPP_RESPONSE, .status = status, .sequence = to->sequence};
    if (status != SMPP_OK)
        s->refused++;
    put(s, x, &pdu);
}

static void nack(struct smsc *s, struct session *x, uint32_t sequence, uint32_t status)
{
    const struct smpp_pdu pdu = {.command = SMPP_GENERIC_NACK, .status = status, .sequence = sequence};
    s->refused++;
    put(s, x, &pdu);
}

static bool hears(const struct session *x)
{
    return x != NULL && x->bound != 0 && x->bound != SMPP_BIND_TRANSMITTER && !x->lost && !x->hung_up &&
           !x->ending;
}

/* One that receives, by this name (NULL: whatever its name is): the first that has room, else the first. */
static struct session *receiver_named(const struct smsc *s, const char *id)
{
    struct session *first = NULL;
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        struct session *x = s->sessions[i];
        if (!hears(x) || (id != NULL && strcmp(x->id, id) != 0))
            continue;
        if (has_room(x))
            return x;
        if (first == NULL)
            first = x;
    }
    return first;
}

/* Who hears what comes for the sender: itself, unless it only transmits; then one with the same name. */
static struct session *receiver_of(const struct smsc *s, struct session *sender)
{
    return sender->bound != SMPP_BIND_TRANSMITTER ? sender : receiver_named(s, sender->id);
}

static void deliver(struct smsc *s, struct smpp_message *m, struct span user_data)
{
    struct smpp_pdu pdu = {.command = SMPP_DELIVER_SM};
    struct session *x = s->hearer;
    if (x == NULL || user_data.n >= sizeof m->data) {
        if (s->sender != NULL)
            note(s, s->sender, "-- an answer of %zu octets has nobody to go to", user_data.n);
        return;
    }
    m->n = user_data.n;
    if (user_data.n > 0)
        memcpy(m->data, user_data.p, user_data.n);
    x->sequence = x->sequence >= UINT32_C(0x7FFFFFFF) ? 1 : x->sequence + 1;
    pdu.sequence = x->sequence;
    pdu.message = *m;
    s->delivered++;
    put(s, x, &pdu);
}

/* User data of the delivery report: a message from the card back to who sent it one. */
static void card_reports(void *ctx, struct span user_data)
{
    struct smsc *s = ctx;
    struct smpp_message m = {
        .source = s->message->destination,
        .destination = s->message->source,
        .esm_class = SMPP_CLASS_UDHI,
        .protocol_id = s->message->protocol_id,
        .data_coding = s->message->data_coding,
    };
    deliver(s, &m, user_data);
}

static unsigned card_submits(void *ctx, const struct sms_submit *sms)
{
    struct smsc *s = ctx;
    struct smpp_message m = {
        .source = s->message->destination,
        .destination = s->message->source,
        .esm_class = sms->has_udh ? SMPP_CLASS_UDHI : 0,
        .protocol_id = sms->pid,
        .data_coding = sms->dcs,
    };
    if (s->hearer != NULL && smpp_link_room(&s->hearer->link) < ROOM_ONE)
        return CAUSE_CONGESTION;
    smsc_text_destination(sms->destination, &m.destination);
    deliver(s, &m, sms->user_data);
    return 0;
}

/* A message that answers none. */
static unsigned user_submits(void *ctx, const struct sms_submit *sms)
{
    struct smsc *s = ctx;
    s->hearer = receiver_named(s, NULL);
    if (s->hearer == NULL)
        return CAUSE_OUT_OF_ORDER;
    return has_room(s->hearer) ? card_submits(s, sms) : CAUSE_CONGESTION;
}

/* SMPP 3.4, 5.2.17: 01 asks for a receipt in any case, 10 when the message did not arrive.
 * Appendix B: what it looks like. */
static void receipt(struct smsc *s, const struct smpp_message *about, const char *id, time_t submitted,
                    bool arrived)
{
    enum { ALWAYS = 1, ON_FAILURE = 2, ASKED = 3 };
    const unsigned asked = about->registered_delivery & ASKED;
    char text[160], times[2][11] = {"", ""};
    const time_t when[2] = {submitted, time(NULL)};
    if (asked != ALWAYS && (asked != ON_FAILURE || arrived))
        return;
    for (size_t i = 0; i < 2; i++) {
        struct tm tm;
        if (gmtime_r(&when[i], &tm) != NULL)
            (void)strftime(times[i], sizeof times[i], "%y%m%d%H%M", &tm);
    }
    int n = snprintf(text, sizeof text,
                     "id:%s sub:001 dlvrd:%s submit date:%s done date:%s stat:%s err:%s text:", id,
                     arrived ? "001" : "000", times[0], times[1], arrived ? "DELIVRD" : "UNDELIV",
                     arrived ? "000" : "001");
    struct smpp_message m = {
        .source = about->destination, .destination = about->source, .esm_class = SMPP_CLASS_RECEIPT};
    if (n > 0 && n < (int)sizeof text)
        deliver(s, &m, span_of(text, (size_t)n));
}

/* ---- messages for cards ---- */

static uint8_t swapped(int value)
{
    return (uint8_t)((value % 10) << 4 | value / 10);
}

/* TP-SCTS, TS 23.040 9.2.3.11: now, UTC */
static void timestamp(uint8_t to[7])
{
    struct tm tm;
    time_t now = time(NULL);
    memset(to, 0, 7);
    if (gmtime_r(&now, &tm) == NULL)
        return;
    const int fields[6] = {tm.tm_year % 100, tm.tm_mon + 1, tm.tm_mday,
                           tm.tm_hour,       tm.tm_min,     tm.tm_sec % 60};
    for (size_t i = 0; i < 6; i++)
        to[i] = swapped(fields[i]);
}

/* A terminal hands a message to the card when its protocol identifier says so and it is of class 2
 * (TS 31.111 7.1.1). SMPP's "8 bit" has no class; with this protocol identifier class 2 is meant. Others
 * would stay in the terminal. */
static bool for_a_card(const struct smpp_message *m)
{
    enum { OCTETS_UNSPECIFIED = 0x02, CLASS_2_GENERAL = 0x16 };
    return m->protocol_id == SMS_PID_USIM_DOWNLOAD &&
           (m->data_coding == SMPP_CODING_8BIT || m->data_coding == OCTETS_UNSPECIFIED ||
            m->data_coding == SMS_DCS_CLASS2_8BIT || m->data_coding == CLASS_2_GENERAL);
}

/* SMPP_OK, or what to refuse it with. */
static uint32_t make_deliver(const struct smpp_message *m, struct buf *tpdu)
{
    uint8_t address[SMS_ADDRESS_MAX];
    struct buf originator = buf_of(address, sizeof address);
    if (!smsc_text_originator(&m->source, centre, &originator))
        return SMPP_INVALID_SOURCE;
    struct sms_deliver sms = {
        .originator = buf_span(&originator),
        .pid = m->protocol_id,
        .dcs = SMS_DCS_CLASS2_8BIT,
        .has_udh = (m->esm_class & SMPP_CLASS_UDHI) != 0,
        .user_data = span_of(m->data, m->n),
    };
    timestamp(sms.timestamp);
    if (!for_a_card(m))
        return smsc_text_deliver(m, sms.originator, sms.timestamp, tpdu);
    sms_deliver_build(&sms, tpdu);
    return buf_ok(tpdu) ? SMPP_OK : SMPP_INVALID_MESSAGE_LENGTH;
}

/* 0: a terminal's user has it. */
static bool taken(sw_t sw)
{
    return sw == 0 || terminal_acknowledges(sw);
}

/* SMPP_OK: *tpdu is for the card `iccid`, and there is room for its answers. */
static uint32_t prepare(struct smsc *s, struct session *x, const struct smpp_message *m, struct buf *tpdu,
                        char iccid[DECK_ICCID_MAX + 1])
{
    const char *digits = m->destination.digits + (m->destination.digits[0] == '+');
    if (x->bound != SMPP_BIND_TRANSMITTER && x->bound != SMPP_BIND_TRANSCEIVER)
        return SMPP_WRONG_BIND_STATUS;
    if (!for_a_card(m) && s->cards_options.modem == NULL)
        return SMPP_SUBMIT_FAILED;
    const uint32_t status = make_deliver(m, tpdu);
    if (status != SMPP_OK)
        return status;
    if (!smsc_cards_route(s->cards, digits, iccid))
        return SMPP_INVALID_DESTINATION;
    return s->hearer != NULL && !has_room(s->hearer) ? SMPP_QUEUE_FULL : SMPP_OK;
}

static void submit(struct smsc *s, struct session *x, const struct smpp_pdu *pdu)
{
    const struct smpp_message *m = &pdu->message;
    const struct smsc_listener listener = {card_reports, card_submits, s};
    char iccid[DECK_ICCID_MAX + 1];
    uint8_t bytes[SMS_TPDU_MAX];
    struct buf tpdu = buf_of(bytes, sizeof bytes);
    const time_t now = time(NULL);
    sw_t sw;
    s->hearer = receiver_of(s, x);
    const uint32_t status = prepare(s, x, m, &tpdu, iccid);
    if (status != SMPP_OK) {
        reply(s, x, pdu, status);
        return;
    }
    if (!smsc_cards_begin(s->cards)) {
        s->failed = true;
        return;
    }
    s->in_round++;
    /* First that it was taken, then what came of it. None of it leaves before the deck has it. */
    struct smpp_pdu response = {.command = SMPP_SUBMIT_SM | SMPP_RESPONSE, .sequence = pdu->sequence};
    snprintf(response.message_id, sizeof response.message_id, "%08" PRIX64, ++s->submitted);
    put(s, x, &response);
    s->sender = x;
    s->message = m;
    const bool answered = smsc_cards_deliver(s->cards, iccid, centre, buf_span(&tpdu), &listener, &sw);
    if (!answered)
        note(s, x, "-- card %s: no sensible answer; it is switched off", iccid);
    receipt(s, m, response.message_id, now, answered && taken(sw));
    s->sender = s->hearer = NULL;
}

static void listen_to_terminal(struct smsc *s)
{
    const struct smsc_listener listener = {card_reports, user_submits, s};
    struct smpp_message from = {.protocol_id = 0};
    (void)smpp_address(smsc_cards_number(s->cards), &from.destination);
    s->message = &from;
    s->hearer = NULL; /* of a report that comes too late */
    smsc_cards_listen(s->cards, &listener);
    s->message = NULL;
}

/* ---- sessions ---- */

/* Nothing more is served; what is written is still to be read. */
static void end_soon(struct session *x)
{
    x->ending = true;
    x->since_ms = now_ms();
}

/* The same time, whatever is wrong. */
static bool may_bind(const struct smsc *s, const struct smpp_pdu *pdu)
{
    bool good = s->n_accounts == 0;
    for (size_t i = 0; i < s->n_accounts; i++) {
        const struct account *a = &s->accounts[i];
        bool id = crypto_equal((const uint8_t *)a->id, (const uint8_t *)pdu->system_id, sizeof a->id);
        bool word =
            crypto_equal((const uint8_t *)a->password, (const uint8_t *)pdu->password, sizeof a->password);
        good = good || (id && word);
    }
    return good;
}

static void bind_session(struct smsc *s, struct session *x, const struct smpp_pdu *pdu)
{
    struct smpp_pdu answer = {.command = pdu->command | SMPP_RESPONSE, .sequence = pdu->sequence};
    if (x->bound != 0) {
        reply(s, x, pdu, SMPP_ALREADY_BOUND);
        return;
    }
    if (!may_bind(s, pdu)) {
        reply(s, x, pdu, SMPP_INVALID_PASSWORD);
        end_soon(x);
        return;
    }
    x->bound = pdu->command;
    memcpy(x->id, pdu->system_id, sizeof x->id);
    snprintf(answer.system_id, sizeof answer.system_id, "%s", system_id);
    put(s, x, &answer);
}

static void handle(struct smsc *s, struct session *x, struct span bytes)
{
    struct smpp_pdu pdu;
    const uint32_t status = smpp_parse(bytes, &pdu);
    note_pdu(s, x, "->", &pdu);
    if ((pdu.command & SMPP_RESPONSE) != 0) {
        /* Nothing waits for an answer: a message is delivered once. */
    } else if (status == SMPP_INVALID_COMMAND) {
        nack(s, x, pdu.sequence, status);
    } else if (status != SMPP_OK) {
        reply(s, x, &pdu, status);
        if (x->bound == 0) /* who begins like this is no ESME */
            end_soon(x);
    } else {
        switch (pdu.command) {
        case SMPP_BIND_RECEIVER:
        case SMPP_BIND_TRANSMITTER:
        case SMPP_BIND_TRANSCEIVER:
            bind_session(s, x, &pdu);
            break;
        case SMPP_SUBMIT_SM:
            submit(s, x, &pdu);
            break;
        case SMPP_ENQUIRE_LINK:
            reply(s, x, &pdu, SMPP_OK);
            break;
        case SMPP_UNBIND:
            reply(s, x, &pdu, x->bound != 0 ? SMPP_OK : SMPP_WRONG_BIND_STATUS);
            end_soon(x);
            break;
        default: /* deliver_sm, which is ours to send */
            nack(s, x, pdu.sequence, SMPP_INVALID_COMMAND);
            break;
        }
    }
    crypto_wipe(&pdu, sizeof pdu);
}

static void end_session(struct smsc *s, size_t i)
{
    struct session *x = s->sessions[i];
    note(s, x, "-- gone");
    smpp_link_close(&x->link);
    free(x);
    s->sessions[i] = NULL;
}

static void accept_session(struct smsc *s)
{
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return; /* gone again, or no descriptor left: there will be another time */
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        if (s->sessions[i] != NULL)
            continue;
        struct session *x = calloc(1, sizeof *x);
        if (x == NULL || !smpp_link_init(&x->link, fd)) {
            free(x);
            break;
        }
        x->number = ++s->sessions_ever;
        x->since_ms = x->moved_ms = now_ms();
        s->sessions[i] = x;
        note(s, x, "-- connected");
        return;
    }
    close(fd); /* all seats are taken */
}

/* What a transmitter submits waits a while until who hears the answers has read some: a receiver is slow
 * sooner than gone. */
static bool is_held(const struct smsc *s, struct session *x)
{
    if (smpp_link_peek(&x->link) != SMPP_SUBMIT_SM)
        return false;
    const struct session *receiver = receiver_of(s, x);
    return receiver != NULL && !has_room(receiver) && now_ms() < receiver->full_ms + SLOW_MS;
}

static bool may_serve(const struct smsc *s, struct session *x)
{
    return !x->ending && !x->lost && has_room(x) && !is_held(s, x);
}

/* Everything that a session has sent and that there is room to answer: several may have the same receiver. */
static void serve_session(struct smsc *s, struct session *x)
{
    struct span bytes;
    while (may_serve(s, x) && !s->failed && s->in_round < ROUND_MAX) {
        enum smpp_link_next next = smpp_link_next(&x->link, &bytes);
        if (next == SMPP_LINK_NONE) {
            if (x->hung_up)
                end_soon(x);
            return;
        }
        if (next == SMPP_LINK_LOST) {
            nack(s, x, 0, SMPP_INVALID_COMMAND_LENGTH);
            end_soon(x);
            return;
        }
        handle(s, x, bytes);
    }
}

static void flush_sessions(struct smsc *s)
{
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        struct session *x = s->sessions[i];
        if (x == NULL)
            continue;
        const size_t room = smpp_link_room(&x->link);
        if (!x->lost && !smpp_link_flush(&x->link))
            x->lost = true;
        if (smpp_link_room(&x->link) != room)
            x->moved_ms = now_ms();
        if (x->lost || (x->ending && !smpp_link_pending(&x->link)))
            end_session(s, i);
    }
}

enum { FIXED = 3 }; /* stop, listen, a terminal */

struct watch {
    struct pollfd fds[FIXED + SESSIONS_MAX];
    size_t session[FIXED + SESSIONS_MAX]; /* which one it is */
    nfds_t n;
    int timeout;
};

static void wake_at(struct watch *w, uint64_t now, uint64_t then)
{
    if (then > now && (w->timeout < 0 || then - now < (uint64_t)w->timeout))
        w->timeout = (int)(then - now);
}

/* When who does not bind, go or read is given up; 0: never. */
static uint64_t limit_of(const struct session *x)
{
    if (x->bound == 0 || x->ending)
        return x->since_ms + BIND_MS;
    return smpp_link_pending(&x->link) ? x->moved_ms + READ_MS : 0;
}

static void watch_limits(struct smsc *s, struct watch *w)
{
    const uint64_t now = now_ms();
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        const struct session *x = s->sessions[i];
        const uint64_t limit = x != NULL ? limit_of(x) : 0;
        if (limit != 0 && now >= limit) {
            end_session(s, i);
        } else if (x != NULL) {
            wake_at(w, now, limit);
            if (!has_room(x)) /* whoever is held because of it */
                wake_at(w, now, x->full_ms + SLOW_MS);
        }
    }
}

static void watch(struct smsc *s, struct watch *w)
{
    w->n = FIXED;
    w->timeout = -1;
    watch_limits(s, w); /* first: who goes holds nobody any more */
    w->fds[0] = (struct pollfd){.fd = s->stop_fd, .events = POLLIN};
    w->fds[1] = (struct pollfd){.fd = s->listen_fd, .events = POLLIN};
    w->fds[2] = (struct pollfd){.fd = smsc_cards_fd(s->cards), .events = POLLIN};
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        struct session *x = s->sessions[i];
        if (x == NULL)
            continue;
        const bool serves = may_serve(s, x), reads = serves && !x->hung_up;
        if (serves && smpp_link_ready(&x->link)) /* there was no room for the answer, or the round was full */
            w->timeout = 0;
        w->session[w->n] = i;
        w->fds[w->n++] = (struct pollfd){
            .fd = x->link.fd,
            .events = (short)((reads ? POLLIN : 0) | (smpp_link_pending(&x->link) ? POLLOUT : 0))};
    }
}

static void hear(struct smsc *s, struct session *x, short revents)
{
    if (x->hung_up || !may_serve(s, x)) {
        x->lost |= (revents & POLLERR) != 0;
    } else if (!smpp_link_read(&x->link)) {
        x->hung_up = errno == 0; /* what it said before that has come whole, and is served */
        x->lost |= !x->hung_up;
    }
}

static int loop(struct smsc *s)
{
    struct watch w;
    for (;;) {
        watch(s, &w);
        if (poll(w.fds, w.n, w.timeout) < 0 && errno != EINTR)
            return cli_refuse(s->cmd, "cannot go on: %s", strerror(errno));
        if ((w.fds[0].revents & POLLIN) != 0)
            return EXIT_OK;
        if (w.fds[1].revents != 0)
            accept_session(s);
        s->in_round = 0;
        if (w.fds[2].revents != 0)
            listen_to_terminal(s);
        for (nfds_t i = FIXED; i < w.n; i++) {
            if ((w.fds[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
                hear(s, s->sessions[w.session[i]], w.fds[i].revents);
        }
        for (size_t i = 0; i < SESSIONS_MAX; i++)
            if (s->sessions[i] != NULL)
                serve_session(s, s->sessions[i]);
        if (s->failed || !smsc_cards_commit(s->cards))
            return EXIT_REFUSED; /* it was said */
        flush_sessions(s);
    }
}

/* ---- opening ---- */

static bool is_loopback(const struct sockaddr *a)
{
    if (a->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, a, sizeof in);
        return ntohl(in.sin_addr.s_addr) >> 24 == 127;
    }
    struct sockaddr_in6 in6;
    memcpy(&in6, a, sizeof in6);
    return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
}

static bool listen_at(const struct addrinfo *a, int *fd)
{
    const int on = 1;
    *fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0)
        return false;
    (void)setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(*fd, a->ai_addr, a->ai_addrlen) == 0 && listen(*fd, SESSIONS_MAX) == 0)
        return true;
    int why = errno;
    close(*fd);
    *fd = -1;
    errno = why;
    return false;
}

static int open_port(struct smsc *s)
{
    char host[256], port[6];
    struct addrinfo *a = NULL;
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    if (!smpp_endpoint(s->listen, host, port))
        return cli_usage(s->cmd, "--listen: '%.60s' is not ADDRESS:PORT", s->listen);
    int rc = getaddrinfo(host, port, &hints, &a);
    if (rc != 0)
        return cli_refuse(s->cmd, "--listen %.200s: %s", s->listen, gai_strerror(rc));
    int code = EXIT_OK;
    if ((a->ai_family != AF_INET && a->ai_family != AF_INET6) || !is_loopback(a->ai_addr))
        code = cli_usage(s->cmd, "--listen: %.200s is not of this machine alone; SMPP is not ciphered", host);
    else if (!listen_at(a, &s->listen_fd))
        code = cli_refuse(s->cmd, "--listen %.200s: %s", s->listen, strerror(errno));
    freeaddrinfo(a);
    return code;
}

static int announce(const struct smsc *s)
{
    struct sockaddr_storage at;
    socklen_t n = sizeof at;
    char host[64] = "", port[16] = "";
    if (getsockname(s->listen_fd, (struct sockaddr *)&at, &n) == 0)
        (void)getnameinfo((struct sockaddr *)&at, n, host, sizeof host, port, sizeof port,
                          NI_NUMERICHOST | NI_NUMERICSERV);
    const bool six = at.ss_family == AF_INET6;
    if (s->json)
        printf("{\"listening\":\"%s%s%s:%s\",\"cards\":%" PRIu64 "}\n", six ? "[" : "", host, six ? "]" : "",
               port, smsc_cards_count(s->cards));
    else
        printf("listening at %s%s%s:%s, %" PRIu64 " card%s\n", six ? "[" : "", host, six ? "]" : "", port,
               smsc_cards_count(s->cards), smsc_cards_count(s->cards) == 1 ? "" : "s");
    return cli_finish(s->cmd);
}

static int tell_end(const struct smsc *s)
{
    if (s->json)
        printf("{\"submitted\":%" PRIu64 ",\"delivered\":%" PRIu64 ",\"refused\":%" PRIu64 "}\n",
               s->submitted, s->delivered, s->refused);
    else
        printf("%" PRIu64 " message%s submitted, %" PRIu64 " delivered, %" PRIu64 " PDU%s refused\n",
               s->submitted, s->submitted == 1 ? "" : "s", s->delivered, s->refused,
               s->refused == 1 ? "" : "s");
    return cli_finish(s->cmd);
}

static int serve(struct smsc *s)
{
    int code = open_port(s);
    if (code != EXIT_OK)
        return code;
    s->cards = smsc_cards_open(&s->cards_options, &code);
    if (s->cards != NULL) {
        code = announce(s);
        if (code == EXIT_OK)
            code = loop(s);
        if (code == EXIT_OK)
            code = tell_end(s);
        for (size_t i = 0; i < SESSIONS_MAX; i++)
            if (s->sessions[i] != NULL)
                end_session(s, i);
        smsc_cards_close(s->cards);
    }
    close(s->listen_fd);
    return code;
}

static int serve_traced(struct smsc *s)
{
    if (s->trace_path == NULL)
        return serve(s);
    struct timespec t;
    const bool to_stdout = strcmp(s->trace_path, "-") == 0;
    FILE *out = to_stdout ? stdout : fopen(s->trace_path, "ae");
    if (out == NULL)
        return cli_refuse(s->cmd, "--trace %s: %s", s->trace_path, strerror(errno));
    clock_gettime(CLOCK_MONOTONIC, &t);
    s->cards_options.trace = out;
    s->cards_options.start_ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    s->trace = (struct trace_text){.out = out, .times = true, .start_ns = s->cards_options.start_ns};
    int code = serve(s);
    bool failed = ferror(out) != 0;
    if (!to_stdout && fclose(out) != 0)
        failed = true;
    if (failed && code == EXIT_OK)
        code = cli_refuse(s->cmd, "--trace %s: could not be written, it is not complete", s->trace_path);
    return code;
}

static int run_smsc(void *ctx, int stop_fd)
{
    struct smsc *s = ctx;
    s->stop_fd = stop_fd;
    return serve_traced(s);
}

/* ---- the command line ---- */

/* ID:PASSWORD, and off the command line with it. */
static bool take_account(void *smsc)
{
    struct smsc *s = smsc;
    char *text = optarg;
    char *colon = strchr(text, ':');
    const size_t n = strlen(text);
    bool good = false;
    if (s->n_accounts == ACCOUNTS_MAX)
        cli_usage(s->cmd, "--account: at most %d", ACCOUNTS_MAX);
    else if (colon == NULL || colon == text || colon - text > SMPP_SYSTEM_ID_MAX ||
             strlen(colon + 1) > SMPP_PASSWORD_MAX)
        cli_usage(s->cmd, "--account: ID:PASSWORD, of at most %d and %d characters", SMPP_SYSTEM_ID_MAX,
                  SMPP_PASSWORD_MAX);
    else {
        struct account *a = &s->accounts[s->n_accounts++];
        memcpy(a->id, text, (size_t)(colon - text));
        memcpy(a->password, colon + 1, strlen(colon + 1));
        good = true;
    }
    crypto_wipe(text, n);
    return good;
}

static bool take_durability(void *smsc)
{
    struct smsc *s = smsc;
    return cli_durability(s->cmd, optarg, &s->cards_options.durability);
}

static const struct cli_setting settings[] = {
    {"listen", CLI_TEXT, offsetof(struct smsc, listen), NULL},
    {"deck", CLI_TEXT, offsetof(struct smsc, cards_options.deck), NULL},
    {"reader", CLI_TEXT, offsetof(struct smsc, cards_options.reader), NULL},
    {"modem", CLI_TEXT, offsetof(struct smsc, cards_options.modem), NULL},
    {"routes", CLI_TEXT, offsetof(struct smsc, cards_options.routes), NULL},
    {"account", CLI_TAKEN, 0, take_account},
    {"trace", CLI_TEXT, offsetof(struct smsc, trace_path), NULL},
    {"json", CLI_FLAG, offsetof(struct smsc, json), NULL},
    {"durability", CLI_TAKEN, 0, take_durability},
    {"anchor", CLI_TEXT, offsetof(struct smsc, cards_options.anchor.path), NULL},
    {"anchor-reset", CLI_FLAG, offsetof(struct smsc, cards_options.anchor.reset), NULL},
    {NULL, CLI_FLAG, 0, NULL},
};

static int parse(struct smsc *s, int argc, char **argv, bool *stop)
{
    int code;
    *stop = true;
    if (!cli_settings(s->cmd, argc, argv, settings, s, NULL, &code))
        return code;
    if (optind != argc)
        return cli_usage(s->cmd, "what is '%.60s' for? the deck goes with --deck", argv[optind]);
    if ((s->cards_options.deck != NULL) + (s->cards_options.reader != NULL) +
            (s->cards_options.modem != NULL) !=
        1)
        return cli_usage(s->cmd,
                         "which cards? --deck DECK, --reader NAME or --modem PATH is needed, one of them");
    if (!cli_anchor(s->cmd, &s->cards_options.anchor))
        return EXIT_USAGE;
    if (s->cards_options.anchor.path != NULL && s->cards_options.deck == NULL)
        return cli_usage(s->cmd, "--anchor is for a --deck");
    *stop = false;
    return EXIT_OK;
}

static int run(int argc, char **argv)
{
    struct smsc *s = calloc(1, sizeof *s);
    if (s == NULL)
        return cli_refuse(&cmd_smsc, "no memory");
    s->cmd = s->cards_options.cmd = &cmd_smsc;
    s->cards_options.durability = DECK_POWER;
    s->listen = default_listen;
    bool stop;
    int code = parse(s, argc, argv, &stop);
    if (!stop)
        code = cli_with_signals(s->cmd, run_smsc, s);
    crypto_wipe(s, sizeof *s);
    free(s);
    return code;
}

const struct subcommand cmd_smsc = {
    .name = "smsc",
    .summary = "a small SMSC on loopback, between SMPP and cards",
    .help = "Usage: softuicc smsc (--deck DECK | --reader NAME|NUMBER | --modem PATH) [--listen ADDRESS:PORT]\n"
            "                     [--routes FILE] [--account ID:PASSWORD]... [--trace FILE]\n"
            "                     [--durability power|process|none] [--anchor FILE] [--json]\n"
            "A short message service centre for tests and rehearsals, and the terminals of its cards.\n"
            "Serves ESMEs (SMPP 3.4) until SIGINT or SIGTERM: what they submit goes to cards as SMS-PP\n"
            "download; what a card reports or sends is delivered to the ESME; REFRESH is obeyed.\n\n"
            "  --deck DECK         the cards of a deck, in this process, powered up at their first message\n"
            "  --reader NAME|NUMBER  the card in a PC/SC reader\n"
            "  --modem PATH        the terminal whose --sms-socket that is; it gets texts for its user, too\n"
            "  --listen ADDRESS:PORT  loopback only (default: 127.0.0.1:2775; port 0: any that is free)\n"
            "  --routes FILE       whose number is whose: lines of number and ICCID; # begins a comment.\n"
            "                      What is not there goes to the card whose ICCID or IMSI it is; if there\n"
            "                      is one card only, to that\n"
            "  --account ID:PASSWORD  who may bind; repeatable (default: anybody)\n"
            "  --trace FILE        append every PDU, command and answer as text; - is standard output\n"
            "  --durability D      as softuicc run has it (power). Messages that come together are\n"
            "                      committed together, before any answer leaves\n"
            "  --anchor FILE, --anchor-reset  as softuicc run has them\n"
            "  --json              JSON, a line at the beginning and one at the end\n"
            "  --help              this text\n\n"
            "The first line printed is 'listening at ADDRESS:PORT, N cards'.\n",
    .run = run,
};
