/* SPDX-License-Identifier: Apache-2.0 */
#include "modem_sms_socket.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hex.h"
#include "unix_socket.h"

enum {
    TAKEN_MS = 5000, /* what an SMSC has for its word */
    QUIET_MS = 100,  /* between two looks whether the card is quiet */
    CAUSE_OUT_OF_ORDER = 38,
    CAUSE_FAILURE = 41,
    DELIVERIES_MAX = 16,
};

struct delivery {
    struct sms_socket *socket;
    char n[16]; /* the SMSC's; "" when free */
    bool stale; /* the SMSC that it came from has gone: its number says nothing to the next */
    struct loop_timer quiet;
};

struct sms_socket {
    struct modem *modem;
    int listen_fd, fd; /* -1: none */
    char path[108];
    unsigned long submitted;
    struct delivery deliveries[DELIVERIES_MAX];
    char imsi[16], iccid[21]; /* as told */
};

static void say(struct sms_socket *s, const char *line)
{
    if (s->fd >= 0)
        (void)send(s->fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void say_card(struct sms_socket *s, bool always)
{
    char line[80];
    const char *iccid = modem_iccid(s->modem), *imsi = modem_imsi(s->modem);
    if (!always && strcmp(iccid, s->iccid) == 0 && strcmp(imsi, s->imsi) == 0)
        return;
    snprintf(s->iccid, sizeof s->iccid, "%s", iccid);
    snprintf(s->imsi, sizeof s->imsi, "%s", imsi);
    snprintf(line, sizeof line, "CARD %s %s", iccid[0] != '\0' ? iccid : "-", imsi[0] != '\0' ? imsi : "-");
    say(s, line);
}

static void hung_up(struct sms_socket *s)
{
    struct loop *l = modem_loop(s->modem);
    if (s->fd < 0)
        return;
    loop_unwatch(l, s->fd);
    close(s->fd);
    s->fd = -1;
    for (unsigned i = 0; i < DELIVERIES_MAX; i++)
        s->deliveries[i].stale = true;
}

static void say_of(const struct delivery *d, const char *line)
{
    if (!d->stale)
        say(d->socket, line);
}

/* ---- DELIVER ---- */

static void look_quiet(void *ctx)
{
    struct delivery *d = ctx;
    char line[32];
    if (modem_stk_busy(d->socket->modem)) {
        loop_start(modem_loop(d->socket->modem), &d->quiet, QUIET_MS);
        return;
    }
    say_card(d->socket, false);
    snprintf(line, sizeof line, "QUIET %s", d->n);
    d->n[0] = '\0';
    say_of(d, line);
}

static void reported(void *ctx, const struct modem_report *r)
{
    struct delivery *d = ctx;
    char line[SMS_SOCKET_LINE_MAX], hex[2 * 256 + 1] = "-";
    if (r->user_data.n > 0 && r->user_data.n <= 256)
        hex_format(r->user_data, hex);
    if (r->lost)
        snprintf(line, sizeof line, "ABSENT %s", d->n);
    else
        snprintf(line, sizeof line, "REPORT %s %02X %04X %s", d->n, r->failure, r->sw, hex);
    say_of(d, line);
    d->quiet = (struct loop_timer){.fire = look_quiet, .ctx = d};
    loop_start(modem_loop(d->socket->modem), &d->quiet, r->lost ? 0 : 1);
}

static struct delivery *free_delivery(struct sms_socket *s)
{
    for (unsigned i = 0; i < DELIVERIES_MAX; i++)
        if (s->deliveries[i].n[0] == '\0')
            return &s->deliveries[i];
    return NULL;
}

static void deliver(struct sms_socket *s, const char *n, const char *centre, const char *hex)
{
    uint8_t octets[MODEM_TPDU_MAX];
    struct buf tpdu = buf_of(octets, sizeof octets);
    char line[64];
    struct delivery *d = free_delivery(s);
    if (d != NULL && strlen(n) < sizeof d->n && hex_parse(hex, &tpdu, NULL)) {
        d->socket = s;
        d->stale = false;
        memcpy(d->n, n, strlen(n) + 1);
        if (modem_sms_deliver(s->modem, centre, buf_span(&tpdu), reported, d))
            return;
        d->n[0] = '\0';
    }
    snprintf(line, sizeof line, "ABSENT %.15s", n);
    say(s, line);
    snprintf(line, sizeof line, "QUIET %.15s", n);
    say(s, line);
}

/* ---- the socket ---- */

/* A line that has come. false: there is none, and will be none. */
static bool receive(struct sms_socket *s, char line[SMS_SOCKET_LINE_MAX + 1])
{
    ssize_t n = recv(s->fd, line, SMS_SOCKET_LINE_MAX, MSG_DONTWAIT);
    if (n <= 0) {
        if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
            hung_up(s);
        return false;
    }
    line[n] = '\0';
    return true;
}

static void handle(struct sms_socket *s, char *line)
{
    char *save = NULL;
    const char *verb = strtok_r(line, " ", &save), *n = strtok_r(NULL, " ", &save),
               *centre = strtok_r(NULL, " ", &save), *hex = strtok_r(NULL, " ", &save);
    if (verb != NULL && strcmp(verb, "DELIVER") == 0 && hex != NULL)
        deliver(s, n, centre, hex);
}

static void ready(void *ctx, short revents)
{
    struct sms_socket *s = ctx;
    char line[SMS_SOCKET_LINE_MAX + 1];
    (void)revents;
    while (s->fd >= 0 && receive(s, line))
        handle(s, line);
}

static void accept_one(void *ctx, short revents)
{
    struct sms_socket *s = ctx;
    (void)revents;
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    hung_up(s); /* a new one takes over */
    s->fd = fd;
    if (loop_watch(modem_loop(s->modem), fd, POLLIN, ready, s))
        say_card(s, true);
    else
        hung_up(s);
}

unsigned sms_socket_submit(struct sms_socket *s, const char *centre, struct span tpdu)
{
    char line[SMS_SOCKET_LINE_MAX + 1], hex[2 * MODEM_TPDU_MAX + 1], number[24];
    if (s == NULL || s->fd < 0 || tpdu.n > MODEM_TPDU_MAX)
        return CAUSE_OUT_OF_ORDER;
    hex_format(tpdu, hex);
    snprintf(number, sizeof number, "%lu", ++s->submitted);
    snprintf(line, sizeof line, "SUBMIT %s %s %s", number, centre, hex);
    say(s, line);
    struct pollfd p = {.fd = s->fd, .events = POLLIN};
    while (s->fd >= 0 && poll(&p, 1, TAKEN_MS) == 1) {
        if (!receive(s, line))
            continue;
        char *save = NULL;
        const char *rest = strchr(line, ' ');
        if (strncmp(line, "TAKEN ", 6) != 0) {
            handle(s, line); /* a message for us came first */
            continue;
        }
        const char *n = strtok_r(line + 6, " ", &save), *cause = strtok_r(NULL, " ", &save);
        if (rest != NULL && n != NULL && cause != NULL && strcmp(n, number) == 0)
            return (unsigned)strtoul(cause, NULL, 10) & 0x7F;
    }
    return CAUSE_OUT_OF_ORDER;
}

static void sim_changed(void *ctx, enum modem_sim state)
{
    struct sms_socket *s = ctx;
    (void)state;
    say_card(s, false);
}

struct sms_socket *sms_socket_open(struct modem *m, const char *path, struct sms_socket_error *error)
{
    struct sms_socket *s = calloc(1, sizeof *s);
    const struct modem_user user = {.sim = sim_changed, .ctx = s};
    if (s == NULL || strlen(path) >= sizeof s->path) {
        snprintf(error->text, sizeof error->text,
                 s == NULL ? "no memory" : "%.200s: the name of a socket is shorter", path);
        free(s);
        return NULL;
    }
    s->modem = m;
    s->fd = -1;
    memcpy(s->path, path, strlen(path) + 1);
    s->listen_fd = unix_socket_listen(path, SOCK_SEQPACKET);
    if (s->listen_fd < 0)
        snprintf(error->text, sizeof error->text, "%.200s: %s", path, strerror(errno));
    else if (modem_listen(m, &user) && loop_watch(modem_loop(m), s->listen_fd, POLLIN, accept_one, s))
        return s;
    else
        snprintf(error->text, sizeof error->text, "no memory");
    sms_socket_close(s);
    return NULL;
}

void sms_socket_close(struct sms_socket *s)
{
    if (s == NULL)
        return;
    struct loop *l = modem_loop(s->modem);
    hung_up(s);
    for (unsigned i = 0; i < DELIVERIES_MAX; i++)
        if (s->deliveries[i].quiet.set)
            loop_stop(l, &s->deliveries[i].quiet);
    if (s->listen_fd >= 0) {
        loop_unwatch(l, s->listen_fd);
        close(s->listen_fd);
        unlink(s->path);
    }
    free(s);
}
