/* SPDX-License-Identifier: Apache-2.0 */
#include "serve.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "vpcd.h"

enum {
    RETRY_FIRST_MS = 100,
    RETRY_MAX_MS = 1000,
    CONNECT_MS = 5000, /* a connection attempt that gets no answer at all */
    IDLE_MS = 3000,    /* pcscd asks for the ATR some times a second: this long without is worth a word */
    SNDBUF = 256 * 1024,
};

static const uint64_t NEVER = UINT64_MAX;

enum state { DOWN, CONNECTING, UP };

struct slot {
    const struct serve_slot *conf;
    struct addrinfo *addresses, *address; /* all, and the one being tried */
    int fd;
    enum state state;
    uint64_t deadline_ms; /* DOWN: try again; CONNECTING: give up; UP: say that the reader is idle */
    unsigned retry_ms;
    bool heard;   /* since it is UP, the reader has said something */
    bool waiting; /* SERVE_WAITING or SERVE_LOST has been said */
    bool quiet;   /* a peer that hung up without a word, or a mute card: nothing is said until it works */
    bool powered;
    bool ahead; /* reset for an ATR request, ahead of the power-on that it announces */
    size_t atr_len;
    uint8_t atr[UICC_ATR_MAX];
    struct vpcd in; /* last: 64 KiB that an unconnected slot never touches */
};

struct loop {
    const struct serve_options *options;
    struct slot *slots;
    struct pollfd *fds; /* one a slot, then stop_fd */
    uint8_t *response;  /* UICC_RESPONSE_MAX: one command at a time */
};

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

static void say(const struct loop *l, const struct slot *s, enum serve_event event, const char *detail)
{
    if (l->options->notify != NULL)
        l->options->notify(l->options->ctx, (size_t)(s - l->slots), event, detail);
}

static void say_connected(const struct loop *l, struct slot *s)
{
    char host[NI_MAXHOST] = "?", text[NI_MAXHOST + 16];
    getnameinfo(s->address->ai_addr, s->address->ai_addrlen, host, sizeof host, NULL, 0, NI_NUMERICHOST);
    snprintf(text, sizeof text, strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host,
             (unsigned)s->conf->port);
    s->waiting = false;
    say(l, s, SERVE_CONNECTED, text);
}

/* ---- power ---- */

static void power_off(const struct loop *l, struct slot *s)
{
    s->ahead = false;
    if (!s->powered)
        return;
    uicc_power_off(s->conf->card);
    s->powered = false;
    say(l, s, SERVE_POWER_OFF, "");
}

static void reset(const struct loop *l, struct slot *s)
{
    s->atr_len = uicc_reset(s->conf->card, s->atr);
    s->powered = true;
    s->ahead = false;
    say(l, s, SERVE_POWER_ON, "");
}

/* ---- connections ---- */

static void close_slot(struct slot *s, unsigned delay_ms)
{
    if (s->fd >= 0)
        close(s->fd);
    if (s->state == UP) { /* or nothing has come in: do not touch its 64 KiB */
        vpcd_wipe(&s->in);
        vpcd_init(&s->in);
    }
    s->fd = -1;
    s->state = DOWN;
    s->deadline_ms = now_ms() + delay_ms;
}

static void back_off(struct slot *s)
{
    close_slot(s, s->retry_ms);
    s->retry_ms = s->retry_ms * 2 < RETRY_MAX_MS ? s->retry_ms * 2 : RETRY_MAX_MS;
}

/* The card leaves the reader, which to the card is the loss of its power. */
static void drop(const struct loop *l, struct slot *s, const char *why)
{
    power_off(l, s);
    if (!s->quiet)
        say(l, s, SERVE_LOST, why);
    s->waiting = true;
    if (!s->heard)
        s->quiet = true;
    back_off(s);
}

static void connected(const struct loop *l, struct slot *s)
{
    s->state = UP;
    s->heard = false;
    s->deadline_ms = s->quiet ? NEVER : now_ms() + IDLE_MS;
    if (!s->quiet)
        say_connected(l, s);
}

static void refused(const struct loop *l, struct slot *s, int error)
{
    s->address = s->address->ai_next;
    if (s->address != NULL) { /* another address of the same host: at once */
        close_slot(s, 0);
        return;
    }
    s->address = s->addresses;
    if (!s->waiting)
        say(l, s, SERVE_WAITING, strerror(error));
    s->waiting = true;
    back_off(s);
}

static void start_connect(const struct loop *l, struct slot *s)
{
    const int on = 1, sndbuf = SNDBUF;
    const struct addrinfo *a = s->address;
    s->fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0) {
        refused(l, s, errno);
        return;
    }
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    /* A reader's host may vanish without a word. */
    setsockopt(s->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof sndbuf);
    if (connect(s->fd, a->ai_addr, a->ai_addrlen) == 0) {
        connected(l, s);
    } else if (errno == EINPROGRESS) {
        s->state = CONNECTING;
        s->deadline_ms = now_ms() + CONNECT_MS;
    } else {
        refused(l, s, errno);
    }
}

static void finish_connect(const struct loop *l, struct slot *s)
{
    int error = 0;
    socklen_t n = sizeof error;
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
        error = errno;
    if (error == 0)
        connected(l, s);
    else
        refused(l, s, error);
}

/* ---- messages ---- */

/* The driver reads what it asked for before it asks again, so an answer finds the socket's buffer (larger
 * than any answer) empty. What does not fit is therefore owed to a peer that does not listen, and other cards
 * must not wait for it. */
static bool answer(const struct loop *l, struct slot *s, const uint8_t *octets, size_t n)
{
    uint8_t prefix[2];
    vpcd_prefix(n, prefix);
    /* sendmsg takes pointers to non-const and only reads: a union, as no cast may drop const. */
    union {
        const uint8_t *from;
        void *to;
    } data = {.from = octets};
    struct iovec parts[2] = {{.iov_base = prefix, .iov_len = sizeof prefix},
                             {.iov_base = data.to, .iov_len = n}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t sent;
    do
        sent = sendmsg(s->fd, &message, MSG_NOSIGNAL); /* writev would raise SIGPIPE */
    while (sent < 0 && errno == EINTR);
    if (sent == (ssize_t)(n + sizeof prefix))
        return true;
    drop(l, s, sent < 0 && errno != EAGAIN ? strerror(errno) : "the reader does not take the answer");
    return false;
}

/* Storage that cannot be trusted gives a card without ATR. The protocol has no word for it: no card in the
 * reader comes nearest. */
static bool mute(const struct loop *l, struct slot *s)
{
    if (!s->quiet)
        say(l, s, SERVE_MUTE, "");
    s->quiet = true;
    s->retry_ms = RETRY_MAX_MS;
    drop(l, s, "");
    return false;
}

static bool answer_atr(const struct loop *l, struct slot *s)
{
    /* The driver's test whether a card is there is to ask for its ATR, some times a second, powered or not.
     * That is no power-up: the answer is what the card said last. A card that never said anything is reset,
     * and the power-on that follows is that reset, or every insertion would count as two power-ups. */
    if (s->atr_len == 0 && !s->powered) {
        reset(l, s);
        s->ahead = true;
    }
    return s->atr_len == 0 ? mute(l, s) : answer(l, s, s->atr, s->atr_len);
}

static bool answer_apdu(const struct loop *l, struct slot *s, const uint8_t *apdu, size_t n)
{
    /* A driver that missed that the card was gone (lost and back between two of its polls), or a client that
     * reconnects without asking for a reset, sends commands to a card nobody has powered. A silent reader
     * would hang them; the state that was lost is lost either way, and the card's answers say so. */
    if (!s->powered)
        reset(l, s);
    if (s->atr_len == 0)
        return mute(l, s);
    s->ahead = false;
    size_t length = uicc_transmit(s->conf->card, apdu, n, l->response);
    if (length > VPCD_FRAME_MAX) { /* the longest extended answer is one octet more than a frame can say */
        l->response[0] = 0x6F;
        l->response[1] = 0x00;
        explicit_bzero(l->response + 2, length - 2);
        length = 2;
    }
    bool good = answer(l, s, l->response, length);
    explicit_bzero(l->response, length);
    return good;
}

/* false: the slot is down. */
static bool serve_message(const struct loop *l, struct slot *s, enum vpcd_message message,
                          const uint8_t *apdu, size_t n)
{
    switch (message) {
    case VPCD_POWER_OFF:
        power_off(l, s);
        return true;
    case VPCD_POWER_ON:
    case VPCD_RESET:
        if (s->ahead)
            s->ahead = false;
        else
            reset(l, s);
        return s->atr_len > 0 || mute(l, s);
    case VPCD_ATR:
        return answer_atr(l, s);
    case VPCD_APDU:
        return answer_apdu(l, s, apdu, n);
    case VPCD_MORE:
    case VPCD_UNKNOWN:
        break;
    }
    return true;
}

static void serve_input(const struct loop *l, struct slot *s)
{
    const int on = 1;
    size_t room;
    uint8_t *to = vpcd_room(&s->in, &room);
    /* The driver writes length and payload in two segments and lets Nagle hold the second back until the
     * first is acknowledged. The kernel falls back to delayed acknowledgements as soon as we answer, so this
     * has to be said each time: 40 ms an APDU otherwise. */
    setsockopt(s->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    ssize_t n = recv(s->fd, to, room, 0);
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            drop(l, s, strerror(errno));
        return;
    }
    if (n == 0) {
        drop(l, s, "closed by the reader");
        return;
    }
    vpcd_received(&s->in, (size_t)n);
    for (;;) {
        const uint8_t *apdu = NULL;
        size_t length = 0;
        enum vpcd_message message = vpcd_next(&s->in, &apdu, &length);
        if (message == VPCD_MORE)
            return;
        if (!s->heard) {
            s->heard = true;
            s->deadline_ms = NEVER;
            s->retry_ms = RETRY_FIRST_MS;
        }
        if (!serve_message(l, s, message, apdu, length))
            return;
        if (s->quiet && s->atr_len > 0) {
            s->quiet = false;
            say_connected(l, s);
        }
    }
}

/* ---- the loop ---- */

static void serve_time(const struct loop *l, struct slot *s, uint64_t now)
{
    if (s->deadline_ms > now)
        return;
    switch (s->state) {
    case DOWN:
        start_connect(l, s);
        break;
    case CONNECTING:
        refused(l, s, ETIMEDOUT);
        break;
    case UP:
        s->deadline_ms = NEVER;
        say(l, s, SERVE_IDLE, "another card in it, or no PC/SC client running?");
        break;
    }
}

static void serve_ready(const struct loop *l, struct slot *s, const struct pollfd *ready)
{
    if (ready->revents == 0)
        return;
    if (s->state == CONNECTING)
        finish_connect(l, s);
    else if (s->state == UP)
        serve_input(l, s);
}

static int run(const struct loop *l)
{
    size_t n = l->options->n_slots;
    for (;;) {
        uint64_t now = now_ms(), next = NEVER;
        for (size_t i = 0; i < n; i++) {
            struct slot *s = &l->slots[i];
            serve_time(l, s, now);
            if (s->deadline_ms < next)
                next = s->deadline_ms;
            l->fds[i] = (struct pollfd){.fd = s->state == DOWN ? -1 : s->fd,
                                        .events = s->state == CONNECTING ? POLLOUT : POLLIN};
        }
        l->fds[n] = (struct pollfd){.fd = l->options->stop_fd, .events = POLLIN};
        now = now_ms();
        /* No deadline is further off than CONNECT_MS. One millisecond more, so as not to wake just short of
         * it. */
        int timeout = next == NEVER ? -1 : next <= now ? 0 : (int)(next - now) + 1;
        if (poll(l->fds, (nfds_t)(n + 1), timeout) < 0) {
            if (errno == EINTR)
                continue;
            return errno;
        }
        if (l->fds[n].revents != 0)
            return 0;
        for (size_t i = 0; i < n; i++)
            serve_ready(l, &l->slots[i], &l->fds[i]);
    }
}

static int resolve(struct slot *s)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    char port[8];
    snprintf(port, sizeof port, "%u", (unsigned)s->conf->port);
    int error = getaddrinfo(s->conf->host, port, &hints, &s->addresses);
    s->address = s->addresses;
    return error == 0 ? 0 : error == EAI_MEMORY ? ENOMEM : error == EAI_SYSTEM ? errno : ENOENT;
}

int serve(const struct serve_options *options, size_t *bad)
{
    size_t n = options->n_slots;
    struct loop l = {
        .options = options,
        .slots = calloc(n == 0 ? 1 : n, sizeof *l.slots),
        .fds = calloc(n + 1, sizeof *l.fds),
        .response = malloc(UICC_RESPONSE_MAX),
    };
    int result = l.slots == NULL || l.fds == NULL || l.response == NULL ? ENOMEM : 0;
    size_t opened = 0;
    while (result == 0 && opened < n) {
        struct slot *s = &l.slots[opened];
        s->conf = &options->slots[opened];
        s->fd = -1;
        s->retry_ms = RETRY_FIRST_MS;
        result = resolve(s);
        if (result == 0)
            opened++;
        else if (bad != NULL)
            *bad = opened;
    }
    if (result == 0)
        result = run(&l);
    for (size_t i = 0; i < opened; i++) {
        power_off(&l, &l.slots[i]);
        close_slot(&l.slots[i], 0);
        freeaddrinfo(l.slots[i].addresses);
    }
    free(l.response);
    free(l.fds);
    free(l.slots);
    return result;
}
