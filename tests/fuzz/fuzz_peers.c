/* SPDX-License-Identifier: Apache-2.0
 *
 * What other programs and cards say to softuicc: the first letter of the input tells which, the rest, behind
 * a line end, is theirs.
 *
 *   s  lines of an SMSC on a terminal's socket      g  the answer of a gateway to an HLR/AuC
 *   m  lines of a terminal to an SMSC               c  what a card in a reader answers, (length, octets)*
 *   p  an answer to a change order, ciphered or in plain
 *   e  what an SMSC sends to an ESME of ours: lines of command, status, sequence, body, in hex; "!" and
 * octets
 */
/* cmocka.h needs these before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "apdu_channel.h"
#include "fuzz.h"
#include "fuzz_sql.h"
#include "hex.h"
#include "modem_play.h"
#include "modem_sms_socket.h"
#include "order.h"
#include "ota_por.h"
#include "smpp_esme.h"
#include "smsc_modem.h"
#include "terminal.h"
#include "unix_socket.h"

#undef exchange /* card_fixture.h has a macro of this name; struct terminal a member */

enum { LINES_MAX = 24, ANSWER_ROOM = 65538, AUTN_MIN = 16, RES_MIN = 4 /* TS 33.102 6.3.7 */ };

static struct {
    char path[100];
    struct uicc_crypto *crypto;
    int connected; /* what unix_socket_connect is to give; -1: what it finds */
    int gateway;   /* the socket of one that is asked; -1: nobody is */
    struct span answer;
    int smsc;          /* our end of an ESME's link; -1: there is none */
    struct span lines; /* that the SMSC has still to say */
    struct buf said;
} us;

/* The next line, without its end; false: there is none. */
static bool next_line(struct span *rest, char line[SMS_SOCKET_LINE_MAX + 1])
{
    if (rest->n == 0)
        return false;
    const uint8_t *end = memchr(rest->p, '\n', rest->n);
    const size_t n = end != NULL ? (size_t)(end - rest->p) : rest->n;
    const size_t taken = n < SMS_SOCKET_LINE_MAX ? n : SMS_SOCKET_LINE_MAX;
    memcpy(line, rest->p, taken);
    line[taken] = '\0';
    *rest = span_slice(*rest, n + 1, rest->n);
    return true;
}

/* ---- an SMSC, and a terminal of ours ---- */

struct tally {
    unsigned answers, quiets;
};

static void hear(int fd, struct tally *t, const struct play *p)
{
    char line[SMS_SOCKET_LINE_MAX + 1], k[33];
    ssize_t n;
    hex_format(span_of(p->f.profile->p.pairs[0].key.k, 16), k);
    while ((n = recv(fd, line, sizeof line - 1, MSG_DONTWAIT)) > 0) {
        line[n] = '\0';
        if (fuzz_has(line, (size_t)n, k, 32))
            fuzz_die("the terminal says K");
        t->answers += strncmp(line, "REPORT ", 7) == 0 || strncmp(line, "ABSENT ", 7) == 0;
        t->quiets += strncmp(line, "QUIET ", 6) == 0;
    }
}

static bool a_delivery(const char *line)
{
    char copy[SMS_SOCKET_LINE_MAX + 1], *save = NULL;
    memcpy(copy, line, strlen(line) + 1);
    const char *verb = strtok_r(copy, " ", &save);
    return verb != NULL && strcmp(verb, "DELIVER") == 0 && strtok_r(NULL, " ", &save) != NULL &&
           strtok_r(NULL, " ", &save) != NULL && strtok_r(NULL, " ", &save) != NULL;
}

/* Every DELIVER is answered once, and then it is quiet. */
static void smsc_lines(struct span rest)
{
    struct play p;
    struct sms_socket_error e = {""};
    struct tally told = {0, 0};
    unsigned asked = 0;
    char line[SMS_SOCKET_LINE_MAX + 1];
    play_begin(&p, "test");
    (void)unlink(us.path);
    struct sms_socket *s = sms_socket_open(p.modem, us.path, &e);
    const int fd = s != NULL ? unix_socket_connect(us.path, SOCK_SEQPACKET) : -1;
    if (fd < 0)
        fuzz_die("cannot begin: %s", e.text);
    play_register(&p);
    for (unsigned i = 0; i < LINES_MAX && next_line(&rest, line); i++) {
        if (line[0] == '\0') { /* an empty packet is the end, to a socket */
            play_pass(&p, 500);
            continue;
        }
        asked += a_delivery(line);
        (void)send(fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT);
        play_pass(&p, 1);
        hear(fd, &told, &p);
    }
    play_pass(&p, 600000);
    hear(fd, &told, &p);
    if (told.answers != asked || told.quiets != asked)
        fuzz_die("%u messages, %u answers, quiet %u times", asked, told.answers, told.quiets);
    (void)close(fd);
    play_pass(&p, 10);
    sms_socket_close(s);
    for (size_t i = 0; i < p.log_len; i++)
        if (iscntrl((unsigned char)p.log[i]) && p.log[i] != '\n')
            fuzz_die("an event with control characters");
    if (modem_registration(p.modem) != MODEM_HOME)
        (void)modem_power_cycle(p.modem);
    play_end(&p);
}

/* ---- a terminal, and an SMSC of ours ---- */

static void report(void *ctx, struct span user_data)
{
    (void)ctx;
    if (user_data.n == 0 || user_data.n > 256)
        fuzz_die("a report of %zu octets", user_data.n);
}

static unsigned submit(void *ctx, struct span tpdu)
{
    (void)ctx;
    return tpdu.n > MODEM_TPDU_MAX ? 38 : (unsigned)(tpdu.n & 0x7F);
}

static void number(const char *what, const char *text, size_t max)
{
    if (strlen(text) > max || strspn(text, "0123456789") != strlen(text))
        fuzz_die("%s '%s' is none", what, text);
}

static void terminal_lines(struct span rest)
{
    static const uint8_t tpdu[12] = {0x04, 0x03, 0x81, 0x21, 0xF3};
    const struct smsc_modem_heard heard = {report, submit, NULL};
    const char *why = NULL;
    char line[SMS_SOCKET_LINE_MAX + 1];
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        exit(1);
    /* all of it is said before anything is asked, and then it hangs up: nobody waits */
    for (unsigned i = 0; i < LINES_MAX && next_line(&rest, line); i++)
        if (line[0] != '\0')
            (void)send(ends[1], line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)shutdown(ends[1], SHUT_WR);
    us.connected = ends[0];
    struct smsc_modem *m = smsc_modem_open("there", &why);
    us.connected = -1;
    if (m == NULL && (why == NULL || why[0] == '\0'))
        fuzz_die("a refusal without a reason");
    for (int i = 0; m != NULL && i < 3; i++) {
        sw_t sw;
        uint8_t failure;
        (void)smsc_modem_deliver(m, "12345", span_of(tpdu, sizeof tpdu), &heard, &sw, &failure);
        smsc_modem_listen(m, &heard);
        number("ICCID", smsc_modem_iccid(m), 20);
        number("IMSI", smsc_modem_imsi(m), 15);
    }
    smsc_modem_close(m);
    (void)close(ends[1]);
}

/* ---- a gateway ---- */

/* While a gateway is asked: it has answered when the asker begins to wait. */
static void answer_now(void)
{
    char request[AUC_REQUEST_MAX];
    struct sockaddr_un from;
    socklen_t n = sizeof from;
    if (recvfrom(us.gateway, request, sizeof request, MSG_DONTWAIT, (struct sockaddr *)&from, &n) > 0)
        (void)sendto(us.gateway, us.answer.p, us.answer.n, MSG_DONTWAIT, (const struct sockaddr *)&from, n);
}

static void gateway_answer(struct span rest)
{
    struct network_vector v;
    struct modem_network *network = network_new(1);
    const struct network_spec spec = {.plmn = "00101", .name = "A", .area = 1, .cell = 1, .gateway = us.path};
    (void)unlink(us.path);
    us.gateway = unix_socket_listen(us.path, SOCK_DGRAM);
    us.answer = rest;
    if (network == NULL || us.gateway < 0 || network_add(network, &spec) != 0)
        exit(1);
    for (int triplet = 0; triplet < 2; triplet++)
        if (network_vector(network, 0, "001010123456780", triplet != 0, &v) == NETWORK_OK && triplet == 0 &&
            (v.autn_len < AUTN_MIN || v.autn_len > sizeof v.autn || v.res_len < RES_MIN ||
             v.res_len > sizeof v.res))
            fuzz_die("a vector with an AUTN of %u octets and a RES of %u", v.autn_len, v.res_len);
    network_free(network);
    (void)close(us.gateway);
    us.gateway = -1;
}

/* ---- an SMSC over SMPP ---- */

/* One line as a PDU of the right length, or as it is. */
static void smsc_octets(const char *line, struct buf *out)
{
    uint8_t octets[SMS_SOCKET_LINE_MAX];
    struct buf body = buf_of(octets, sizeof octets);
    unsigned long words[3] = {0, 0, 0};
    char *at = NULL;
    if (line[0] == '!') {
        if (hex_parse(line + 1, &body, NULL))
            buf_put(out, buf_span(&body));
        return;
    }
    for (int i = 0; i < 3; i++, line = at)
        words[i] = strtoul(line, &at, 16);
    if (!hex_parse(at, &body, NULL))
        return;
    const uint32_t head[] = {SMPP_HEADER + (uint32_t)body.len, (uint32_t)words[0], (uint32_t)words[1],
                             (uint32_t)words[2]};
    for (int i = 0; i < 4; i++) {
        buf_u16(out, (uint16_t)(head[i] >> 16));
        buf_u16(out, (uint16_t)head[i]);
    }
    buf_put(out, buf_span(&body));
}

/* Has the SMSC said that? */
static bool said(struct span stream, uint32_t command, uint32_t sequence)
{
    while (stream.n >= SMPP_HEADER) {
        struct reader r = rd_of(stream);
        uint32_t words[4];
        for (int i = 0; i < 4; i++) {
            words[i] = (uint32_t)rd_u16(&r) << 16;
            words[i] |= rd_u16(&r);
        }
        if (words[1] == command && words[2] == SMPP_OK && words[3] == sequence)
            return true;
        if (words[0] < SMPP_HEADER)
            return false;
        stream = span_slice(stream, words[0], stream.n);
    }
    return false;
}

static void heard_message(void *ctx, const struct smpp_message *m)
{
    (void)ctx;
    if (m->n > SMPP_MESSAGE_MAX)
        fuzz_die("a message of %zu octets", m->n);
}

/* A line is said each time that the ESME begins to wait, so that it can be an answer; then it hangs up. */
static void say_next(void)
{
    char line[SMS_SOCKET_LINE_MAX + 1];
    const size_t before = us.said.len;
    while (us.said.len == before && next_line(&us.lines, line))
        smsc_octets(line, &us.said); /* what is no line is nothing to wait for */
    if (buf_ok(&us.said) && us.said.len > before)
        (void)send(us.smsc, us.said.p + before, us.said.len - before, MSG_NOSIGNAL | MSG_DONTWAIT);
    else
        (void)shutdown(us.smsc, SHUT_WR);
}

static void smsc_stream(struct span rest)
{
    static uint8_t octets[1 << 15];
    struct smpp_link_error e = {""};
    struct smpp_message m = {.n = 3};
    char id[SMPP_MESSAGE_ID_MAX + 1];
    int ends[2];
    uint32_t status = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        exit(1);
    us.said = buf_of(octets, sizeof octets);
    us.lines = rest;
    us.smsc = ends[1];
    us.connected = ends[0];
    struct smpp_esme *esme = smpp_esme_open("there:2775", "us", "word", 1000, &e);
    us.connected = -1;
    if (esme == NULL)
        fuzz_refused(e.text);
    else if (!said(buf_span(&us.said), SMPP_BIND_TRANSCEIVER | SMPP_RESPONSE, 1))
        fuzz_die("bound, and the SMSC has not said so");
    (void)smpp_address("12345", &m.source);
    (void)smpp_address("67890", &m.destination);
    if (esme != NULL) {
        smpp_esme_listen(esme, heard_message, NULL);
        if (!smpp_esme_submit(esme, &m, 1000, &status, id, &e))
            fuzz_refused(e.text);
        else if (status == SMPP_OK && !said(buf_span(&us.said), SMPP_SUBMIT_SM | SMPP_RESPONSE, 2))
            fuzz_die("a message taken, and the SMSC has not said so");
        for (const char *c = id; *c != '\0'; c++)
            if (iscntrl((unsigned char)*c))
                fuzz_die("a message_id with control characters, which is printed");
        if (!smpp_esme_wait(esme, 0, &e))
            fuzz_refused(e.text);
    }
    smpp_esme_close(esme);
    us.smsc = -1;
    (void)close(ends[1]);
}

/* ---- a card in a reader ---- */

struct liar {
    struct reader in;
};

static bool exchange(void *ctx, struct span command, struct buf *response)
{
    struct liar *l = ctx;
    if (command.n < 4 || command.n > 261)
        fuzz_die("a TPDU of %zu octets", command.n);
    if (l->in.left == 0)
        return false;
    const size_t n = rd_u8(&l->in);
    buf_put(response, rd_take(&l->in, n < l->in.left ? n : l->in.left));
    return true;
}

static bool reset(void *ctx)
{
    struct liar *l = ctx;
    return rd_u8(&l->in) != 0;
}

static bool sms(void *ctx, struct span tpdu)
{
    (void)ctx;
    return tpdu.n > 0;
}

static void card_answers(struct span rest)
{
    static uint8_t octets[ANSWER_ROOM];
    static const uint8_t tpdu[12] = {0x04, 0x03, 0x81, 0x21, 0xF3},
                         get_data[] = {0x80, 0xCA, 0x00, 0xE0, 0x00};
    struct liar l = {rd_of(rest)};
    const struct terminal t = {exchange, reset, &l, sms, sms, NULL};
    struct terminal_asked asked = {0};
    struct buf b = buf_of(octets, sizeof octets);
    char iccid[21], imsi[16];
    sw_t sw = 0;
    if (terminal_profile(&t, &asked, &sw) && terminal_iccid(&t, iccid, &sw)) {
        number("ICCID", iccid, 20);
        if (terminal_imsi(&t, imsi, &sw))
            number("IMSI", imsi, 15);
        if (terminal_sms(&t, "12345", span_of(tpdu, sizeof tpdu), &b, &sw))
            (void)terminal_serve(&t, &asked, &sw);
    }
    struct apdu_channel channel = {.crypto = us.crypto, .kvn = 0x30, .level = 3, .keys = {.len = 16}};
    for (unsigned step = 0; step < APDU_CHANNEL_STEPS; step++) {
        uint8_t command[64];
        struct buf c = buf_of(command, sizeof command);
        b = buf_of(octets, sizeof octets);
        const size_t n = rd_u8(&l.in);
        const struct span answer = rd_take(&l.in, n < l.in.left ? n : l.in.left);
        if (apdu_channel_step(&channel, step, answer, &c) != NULL)
            break;
        if (step == 2 && answer.n > 0)
            fuzz_die("a card without the keys has a channel");
    }
    b = buf_of(octets, sizeof octets);
    if (apdu_channel_wrap(&channel, span_of(get_data, sizeof get_data), &b))
        (void)apdu_channel_unwrap(&channel, 0x9000, rest, &b);
}

static void order_answer(struct span rest)
{
    static const struct order_answer none;
    static uint8_t room[4096];
    struct order_answer answer;
    struct ota_por por;
    struct buf work = buf_of(room, sizeof room);
    struct reader r = rd_of(rest);
    struct keyset keys = {.version = 1,
                          .kic_algorithm = OTA_AES,
                          .kid_algorithm = OTA_AES,
                          .mac_len = 8,
                          .kic_len = 16,
                          .kid_len = 16};
    const struct scp80_command command = {.spi1 = 0x16, .spi2 = rd_u8(&r), .tar = {0xB0, 0x00, 0x10}};
    memset(keys.kic, 0x11, 16);
    memset(keys.kid, 0x22, 16);
    const struct span packet = rd_rest(&r);
    if (!order_answer_parse(packet, &answer) && memcmp(&answer, &none, sizeof none) != 0)
        fuzz_die("an answer that is none, and says something");
    ota_por_open(us.crypto, &keys, &command, packet, &work, &por);
    if (por.kind == OTA_POR_GENUINE)
        fuzz_die("a genuine answer of somebody without the keys");
    (void)ota_por_heard(&por, &command);
    if (por.opened)
        (void)order_answer_parse(por.data, &answer);
}

/* ---- wraps ---- */

int __real_unix_socket_connect(const char *path, int type);
int __wrap_unix_socket_connect(const char *path, int type);
int __wrap_unix_socket_connect(const char *path, int type)
{
    return us.connected >= 0 ? us.connected : __real_unix_socket_connect(path, type);
}

bool __real_smpp_link_connect(struct smpp_link *l, const char *endpoint, unsigned timeout_ms,
                              struct smpp_link_error *error);
bool __wrap_smpp_link_connect(struct smpp_link *l, const char *endpoint, unsigned timeout_ms,
                              struct smpp_link_error *error);
bool __wrap_smpp_link_connect(struct smpp_link *l, const char *endpoint, unsigned timeout_ms,
                              struct smpp_link_error *error)
{
    return us.connected >= 0 ? smpp_link_init(l, us.connected)
                             : __real_smpp_link_connect(l, endpoint, timeout_ms, error);
}

int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
    if (us.gateway >= 0)
        answer_now();
    if (us.smsc >= 0)
        say_next();
    return __real_poll(fds, n, timeout);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (us.crypto == NULL) {
        us.connected = us.gateway = us.smsc = -1;
        us.crypto = crypto_new();
        (void)snprintf(us.path, sizeof us.path, "%s/socket", fuzz_folder());
    }
    const struct span rest = n > 2 ? span_of(data + 2, n - 2) : SPAN_EMPTY;
    switch (n > 0 ? data[0] : '\0') {
    case 's':
        smsc_lines(rest);
        break;
    case 'm':
        terminal_lines(rest);
        break;
    case 'g':
        gateway_answer(rest);
        break;
    case 'e':
        smsc_stream(rest);
        break;
    case 'c':
        card_answers(rest);
        break;
    default:
        order_answer(rest);
        break;
    }
    return 0;
}
