/* SPDX-License-Identifier: Apache-2.0
 *
 * `softuicc smsc`, whole, with a deck and up to four ESMEs that send what they like: PDUs in any order and in
 * pieces, while messages to a card are under way. The input is text, a line for each step. Every request is
 * answered once, in order; only who knows the password is bound, and only who is bound transmits; nobody
 * hears a key, and neither key nor password is in the trace.
 *
 *   c E          connects                        w E N        what it sends goes in pieces of N from now on
 *   b E r|t|x P  binds as receiver, transmitter, transceiver; P 1: with the password
 *   s E N        a secured packet for the card, with the Nth counter; and asks for a receipt
 *   m E HEX      submit_sm with this body        p E CMD HEX  a PDU with this command and body
 *   q E, u E     enquire_link, unbind            r E HEX      octets
 *   x E          hangs up
 */
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "fuzz.h"
#include "fuzz_run.h"
#include "fuzz_sql.h"
#include "hex.h"
#include "keys.h"
#include "smpp.h"

#define ICCID    "8900101000000000019"
#define IMSI     "001010123456780"
#define PASSWORD "s3cr3t-w"
#define SEED     "00112233445566778899aabbccddeeff"

enum {
    ESMES = 4,
    PACKETS = 4,
    REQUESTS_MAX = 256,
    STREAM_ROOM = 1 << 15,
    STEPS_MAX = 80,
    LINE_ROOM = 2048,
    QUIET = 3,
    TURNS_MAX = 4000
};

struct esme {
    int fd;         /* -1: not there */
    bool gone;      /* the SMSC hung up */
    bool lost;      /* it has sent what no PDU begins with: nothing after that is read */
    uint32_t bound; /* the command; 0: not */
    uint32_t sequence, delivered;
    size_t piece;
    uint8_t out[STREAM_ROOM]; /* to be sent: from out_at; looked at as PDUs up to seen */
    size_t out_n, out_at, seen;
    uint8_t in[STREAM_ROOM]; /* heard, and not yet a PDU */
    size_t in_n;
    struct request {
        uint32_t sequence, command;
        bool right;           /* a bind: with the password */
    } requests[REQUESTS_MAX]; /* sent, and not yet answered */
    size_t n_requests;
    uint32_t last_status, last_command; /* of the last answer */
};

static struct {
    char deck[100], trace[100], input[100];
    uint8_t *octets, *key;
    size_t n, key_n;
    uint8_t packet[PACKETS][140];
    size_t packet_n[PACKETS];
    char k[33];
    uint8_t k_octets[16];
} made;

static struct {
    bool on;
    struct span steps;
    struct esme esmes[ESMES];
    int waiting; /* one that has connected and is to be accepted; -1 */
    unsigned quiet, turns, n_steps;
    bool told_to_end;
} world;

/* ---- what an ESME sends ---- */

static void queue(struct esme *e, struct span s)
{
    if (e->fd >= 0 && s.n > 0 && s.n <= sizeof e->out - e->out_n) {
        memcpy(e->out + e->out_n, s.p, s.n);
        e->out_n += s.n;
    }
}

static void queue_pdu(struct esme *e, uint32_t command, struct span body)
{
    uint8_t head[SMPP_HEADER];
    struct buf b = buf_of(head, sizeof head);
    const uint32_t values[] = {SMPP_HEADER + (uint32_t)body.n, command, 0, ++e->sequence};
    for (size_t i = 0; i < 4; i++) {
        buf_u16(&b, (uint16_t)(values[i] >> 16));
        buf_u16(&b, (uint16_t)values[i]);
    }
    queue(e, buf_span(&b));
    queue(e, body);
}

static void queue_built(struct esme *e, struct smpp_pdu *pdu)
{
    uint8_t octets[SMPP_PDU_MAX];
    struct buf b = buf_of(octets, sizeof octets);
    pdu->sequence = ++e->sequence;
    smpp_build(pdu, &b);
    if (buf_ok(&b))
        queue(e, buf_span(&b));
}

static void queue_message(struct esme *e, unsigned nth)
{
    struct smpp_pdu pdu = {.command = SMPP_SUBMIT_SM};
    struct smpp_message *m = &pdu.message;
    *m = (struct smpp_message){
        .esm_class = SMPP_CLASS_UDHI, .protocol_id = 0x7F, .data_coding = 0xF6, .registered_delivery = 1};
    (void)smpp_address("12345", &m->source);
    (void)smpp_address(nth % 2 == 0 ? IMSI : ICCID, &m->destination);
    m->n = made.packet_n[nth % PACKETS];
    memcpy(m->data, made.packet[nth % PACKETS], m->n);
    queue_built(e, &pdu);
}

static void queue_bind(struct esme *e, char as, bool right)
{
    struct smpp_pdu pdu = {.command = as == 'r'   ? SMPP_BIND_RECEIVER
                                      : as == 't' ? SMPP_BIND_TRANSMITTER
                                                  : SMPP_BIND_TRANSCEIVER,
                           .version = 0x34};
    (void)snprintf(pdu.system_id, sizeof pdu.system_id, "esme");
    (void)snprintf(pdu.password, sizeof pdu.password, "%s", right ? PASSWORD : "guess");
    queue_built(e, &pdu);
}

static uint32_t word_at(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* A bind with the account's name and password? */
static bool knows(struct span pdu)
{
    struct smpp_pdu p;
    return smpp_parse(pdu, &p) == SMPP_OK && strcmp(p.system_id, "esme") == 0 &&
           strcmp(p.password, PASSWORD) == 0;
}

/* What has been sent so far, as the other end must understand it. */
static void look_at_sent(struct esme *e)
{
    while (!e->lost && e->out_at - e->seen >= 4) {
        const uint8_t *p = e->out + e->seen;
        const uint32_t n = word_at(p);
        const bool none = n < SMPP_HEADER || n > SMPP_PDU_MAX;
        if (!none && e->out_at - e->seen < n)
            return;
        if (e->n_requests == REQUESTS_MAX)
            fuzz_die("nothing of %d requests was answered", REQUESTS_MAX);
        struct request *r = &e->requests[e->n_requests];
        if (none)
            *r = (struct request){0, 0, false};
        else
            *r = (struct request){word_at(p + 12), word_at(p + 4), knows(span_of(p, n))};
        e->n_requests += none || (r->command & SMPP_RESPONSE) == 0;
        e->lost = none;
        e->seen += none ? 0 : n;
    }
}

static void send_some(struct esme *e)
{
    size_t n = e->out_n - e->out_at;
    if (e->piece > 0 && e->piece < n)
        n = e->piece;
    const ssize_t sent = n > 0 ? send(e->fd, e->out + e->out_at, n, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;
    if (sent > 0) {
        e->out_at += (size_t)sent;
        world.quiet = 0;
        world.turns = 0; /* it may come an octet at a time */
    } else if (sent < 0 && errno != EAGAIN) {
        e->out_at = e->out_n; /* nobody listens */
    }
    look_at_sent(e);
}

/* ---- what an ESME hears ---- */

static void heard_answer(struct esme *e, const struct smpp_pdu *pdu, uint32_t status)
{
    if (e->n_requests == 0)
        fuzz_die("an answer to nobody: %08x", (unsigned)pdu->command);
    const struct request r = e->requests[0];
    memmove(e->requests, e->requests + 1, --e->n_requests * sizeof e->requests[0]);
    if (pdu->sequence != r.sequence)
        fuzz_die("answer %u where %u is next", (unsigned)pdu->sequence, (unsigned)r.sequence);
    if (pdu->command != SMPP_GENERIC_NACK && pdu->command != (r.command | SMPP_RESPONSE))
        fuzz_die("%08x as an answer to %08x", (unsigned)pdu->command, (unsigned)r.command);
    e->last_status = status;
    e->last_command = r.command;
    const bool good = pdu->command != SMPP_GENERIC_NACK && status == SMPP_OK;
    const bool binds = r.command == SMPP_BIND_RECEIVER || r.command == SMPP_BIND_TRANSMITTER ||
                       r.command == SMPP_BIND_TRANSCEIVER;
    if (good && binds) {
        if (!r.right || e->bound != 0)
            fuzz_die("bound %s", r.right ? "twice" : "without the password");
        e->bound = r.command;
    }
    if (good && r.command == SMPP_SUBMIT_SM && e->bound != SMPP_BIND_TRANSMITTER &&
        e->bound != SMPP_BIND_TRANSCEIVER)
        fuzz_die("a message taken of one who may not send");
}

static void heard_pdu(struct esme *e, struct span octets)
{
    struct smpp_pdu pdu;
    const uint32_t command = word_at(octets.p + 4), status = word_at(octets.p + 8);
    const uint32_t parsed = smpp_parse(octets, &pdu);
    if (fuzz_has(octets.p, octets.n, made.k_octets, 16))
        fuzz_die("K in a PDU");
    if ((command & SMPP_RESPONSE) != 0) {
        pdu.command = command;
        pdu.sequence = word_at(octets.p + 12);
        heard_answer(e, &pdu, status);
        return;
    }
    if (parsed != SMPP_OK || command != SMPP_DELIVER_SM)
        fuzz_die("a request that is none: %08x", (unsigned)command);
    if (e->bound != SMPP_BIND_RECEIVER && e->bound != SMPP_BIND_TRANSCEIVER)
        fuzz_die("a message for one who may not receive");
    if (pdu.sequence != ++e->delivered)
        fuzz_die("message %u where %u is next", (unsigned)pdu.sequence, (unsigned)e->delivered);
}

static void hear(struct esme *e)
{
    ssize_t n;
    while (!e->gone && (n = recv(e->fd, e->in + e->in_n, sizeof e->in - e->in_n, MSG_DONTWAIT)) != 0) {
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0) {
            e->gone = true;
            break;
        }
        e->in_n += (size_t)n;
        world.quiet = 0;
        size_t at = 0;
        while (e->in_n - at >= 4 && e->in_n - at >= word_at(e->in + at)) {
            const uint32_t length = word_at(e->in + at);
            if (length < SMPP_HEADER || length > SMPP_PDU_MAX)
                fuzz_die("a PDU of %u octets", (unsigned)length);
            heard_pdu(e, span_of(e->in + at, length));
            at += length;
        }
        memmove(e->in, e->in + at, e->in_n - at);
        e->in_n -= at;
    }
    if (e->fd >= 0 && !e->gone && recv(e->fd, e->in, 1, MSG_DONTWAIT | MSG_PEEK) == 0)
        e->gone = true;
}

/* ---- steps ---- */

static void connect_one(struct esme *e)
{
    int ends[2];
    if (e->fd >= 0 || world.waiting >= 0)
        return;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        exit(1);
    memset(e, 0, sizeof *e);
    e->fd = ends[0];
    world.waiting = ends[1];
}

/* The SMSC may only hang up when it was told to, or has said why. */
static void check_gone(const struct esme *e)
{
    if (e->gone && !world.told_to_end && e->last_status == SMPP_OK && e->last_command != SMPP_UNBIND)
        fuzz_die("the SMSC hung up on one who had done nothing");
    if (!e->gone && e->n_requests > 0)
        fuzz_die("%zu requests without an answer, the first is %08x", e->n_requests,
                 (unsigned)e->requests[0].command);
}

static void hang_up(struct esme *e)
{
    if (e->fd >= 0)
        (void)close(e->fd);
    e->fd = -1;
}

static void step(const char *line)
{
    uint8_t octets[LINE_ROOM / 2];
    struct buf b = buf_of(octets, sizeof octets);
    char what = line[0];
    const char *words = strlen(line) > 4 ? line + 4 : "";
    struct esme *e = &world.esmes[strlen(line) > 2 ? (unsigned char)line[2] % ESMES : 0];
    switch (what) {
    case 'c':
        connect_one(e);
        break;
    case 'w':
        e->piece = (size_t)(strtoul(words, NULL, 10) & 0xFFF);
        break;
    case 'b':
        queue_bind(e, words[0], strlen(words) > 2 && words[2] == '1');
        break;
    case 's':
        queue_message(e, (unsigned char)words[0]);
        break;
    case 'm':
        if (hex_parse(words, &b, NULL))
            queue_pdu(e, SMPP_SUBMIT_SM, buf_span(&b));
        break;
    case 'p': {
        char *rest = NULL;
        const uint32_t command = (uint32_t)strtoul(words, &rest, 16);
        if (hex_parse(rest, &b, NULL))
            queue_pdu(e, command, buf_span(&b));
        break;
    }
    case 'q':
        queue_pdu(e, SMPP_ENQUIRE_LINK, SPAN_EMPTY);
        break;
    case 'u':
        queue_pdu(e, SMPP_UNBIND, SPAN_EMPTY);
        break;
    case 'r':
        if (hex_parse(words, &b, NULL))
            queue(e, buf_span(&b));
        break;
    case 'x':
        hang_up(e);
        break;
    default:
        break;
    }
}

static void next_step(void)
{
    char line[LINE_ROOM];
    if (world.steps.n == 0 || world.n_steps++ >= STEPS_MAX)
        return;
    const uint8_t *end = memchr(world.steps.p, '\n', world.steps.n);
    const size_t n = end != NULL ? (size_t)(end - world.steps.p) : world.steps.n;
    const size_t taken = n < sizeof line ? n : sizeof line - 1;
    memcpy(line, world.steps.p, taken);
    line[taken] = '\0';
    world.steps = span_slice(world.steps, n + 1, world.steps.n);
    world.quiet = 0;
    step(line);
}

/* ---- the world: what happens while the SMSC waits ---- */

int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
    if (!world.on)
        return __real_poll(fds, n, timeout);
    if (++world.turns > TURNS_MAX)
        fuzz_die("it does not come to rest");
    for (size_t i = 0; i < ESMES; i++)
        if (world.esmes[i].fd >= 0) {
            hear(&world.esmes[i]);
            send_some(&world.esmes[i]);
        }
    next_step();
    int ready = __real_poll(fds, n, 0);
    if (world.waiting >= 0 && n > 1) {
        fds[1].revents = POLLIN;
        return ready + 1;
    }
    if (ready > 0 || world.quiet++ < QUIET || world.told_to_end)
        return ready;
    for (size_t i = 0; i < ESMES; i++)
        if (world.esmes[i].fd >= 0)
            check_gone(&world.esmes[i]);
    world.told_to_end = true;
    (void)raise(SIGTERM);
    return __real_poll(fds, n, 0);
}

int __real_accept4(int fd, struct sockaddr *from, socklen_t *n, int flags);
int __wrap_accept4(int fd, struct sockaddr *from, socklen_t *n, int flags);
int __wrap_accept4(int fd, struct sockaddr *from, socklen_t *n, int flags)
{
    if (!world.on)
        return __real_accept4(fd, from, n, flags);
    const int taken = world.waiting;
    world.waiting = -1;
    return taken;
}

/* ---- once ---- */

static int command(const struct subcommand *cmd, const char *words, struct fuzz_said *said)
{
    char text[1024], *argv[40], *save = NULL;
    int argc = 0;
    (void)snprintf(text, sizeof text, "%s %s", cmd->name, words);
    for (char *word = strtok_r(text, " ", &save); word != NULL && argc < 39;
         word = strtok_r(NULL, " ", &save))
        argv[argc++] = word;
    argv[argc] = NULL;
    return fuzz_run(cmd, argc, argv, "/dev/null", said);
}

static void make(void)
{
    char words[600], record[100], key[108];
    struct key_row row;
    struct keys_error e;
    struct fuzz_said said;
    (void)snprintf(made.deck, sizeof made.deck, "%s/deck", fuzz_folder());
    (void)snprintf(made.trace, sizeof made.trace, "%s/trace", fuzz_folder());
    (void)snprintf(record, sizeof record, "%s/record", fuzz_folder());
    (void)snprintf(key, sizeof key, "%s.key", made.deck);
    (void)snprintf(words, sizeof words, "%s --profile test --keys %s --seed " SEED, made.deck, record);
    if (command(&cmd_new, words, &said) != 0)
        fuzz_die("cannot begin: %s", said.err);
    free(said.out);
    free(said.err);
    for (unsigned i = 0; i < PACKETS; i++) {
        struct buf b = buf_of(made.packet[i], sizeof made.packet[i]);
        buf_put(&b, span_of("\x02\x70\x00", 3)); /* UDH: a command packet (TS 31.115 4.2) */
        (void)snprintf(words, sizeof words,
                       "encode --keys %s --iccid " ICCID
                       " --counter %u --tar usim --cipher --por %s --apdu 00A40004023F00",
                       record, i + 1, i % 2 == 0 ? "always,cc" : "always,cc,submit");
        if (command(&cmd_ota, words, &said) != 0)
            fuzz_die("cannot begin: %s", said.err);
        said.out[strcspn(said.out, "\n")] = '\0';
        if (!hex_parse(said.out, &b, NULL))
            fuzz_die("no packet: %s", said.out);
        made.packet_n[i] = b.len;
        free(said.out);
        free(said.err);
    }
    if (!keys_find(record, ICCID, false, 1, &row, &e))
        fuzz_die("cannot begin: %s", e.text);
    memcpy(made.k_octets, row.pair.key.k, 16);
    hex_format(span_of(made.k_octets, 16), made.k);
    made.octets = fuzz_slurp(made.deck, &made.n);
}

static void check_trace(void)
{
    size_t n;
    char *text = (char *)fuzz_slurp(made.trace, &n);
    if (text == NULL)
        return;
    if (fuzz_has(text, n, made.k, 32) || fuzz_has(text, n, PASSWORD, strlen(PASSWORD)))
        fuzz_die("a key or a password in the trace");
    for (size_t i = 0; i < n; i++)
        if (iscntrl((unsigned char)text[i]) && text[i] != '\n' && text[i] != '\t')
            fuzz_die("control characters in the trace");
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char words[400];
    struct fuzz_said said;
    sigset_t term, before;
    const struct timespec at_once = {0, 0};
    if (made.octets == NULL)
        make();
    fuzz_spill(made.deck, span_of(made.octets, made.n));
    fuzz_gone(made.trace);
    memset(&world, 0, sizeof world);
    for (size_t i = 0; i < ESMES; i++)
        world.esmes[i].fd = -1;
    world.waiting = -1;
    world.steps = span_of(data, n);
    world.on = true;
    (void)sigemptyset(&term);
    (void)sigaddset(&term, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &term, &before);
    (void)snprintf(words, sizeof words,
                   "--deck %s --listen 127.0.0.1:0 --account esme:" PASSWORD " --durability none --trace %s",
                   made.deck, made.trace);
    const int code = command(&cmd_smsc, words, &said);
    world.on = false;
    (void)sigtimedwait(&term, NULL, &at_once);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    if (code != 0)
        fuzz_die("the SMSC ended: %s", said.err);
    if (fuzz_has(said.out, said.out_n, PASSWORD, strlen(PASSWORD)))
        fuzz_die("the password is printed");
    for (size_t i = 0; i < ESMES; i++)
        hang_up(&world.esmes[i]);
    if (world.waiting >= 0)
        (void)close(world.waiting);
    check_trace();
    free(said.out);
    free(said.err);
    return 0;
}
