/* SPDX-License-Identifier: Apache-2.0
 *
 * The Bearer Independent Protocol (ETSI TS 102 223 6.4.27 to 6.4.31): channels of the card, each a TCP or UDP
 * socket of ours. Only to this machine, unless the user allows more.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "modem_inner.h"
#include "tlv.h"

enum {
    OBJECT_BEARER = 0x35,
    OBJECT_DATA = 0x36,
    OBJECT_DATA_LENGTH = 0x37,
    OBJECT_BUFFER_SIZE = 0x39,
    OBJECT_TRANSPORT = 0x3C,
    OBJECT_ADDRESS = 0x3E,
    PROTOCOL_UDP = 0x01, /* TS 102 223 8.59 */
    PROTOCOL_TCP = 0x02,
    ADDRESS_IPV4 = 0x21,
    ADDRESS_IPV6 = 0x57,
    BUFFER_MAX = 1500, /* and no more is granted */
    BUFFER_USUAL = 1000,
    QUALIFIER_AT_ONCE = 0x01,
    QUALIFIER_BACKGROUND = 0x04,
    EVENT_DATA_AVAILABLE = 0x09,
    EVENT_CHANNEL_STATUS = 0x0A,
    RESULT_MISSING_INFORMATION = 0x02, /* as much as there was */
    RESULT_MODIFIED = 0x07,
    RESULT_BIP = 0x3A,
    UNABLE_NO_SERVICE = 0x04,
    BIP_NO_CHANNEL = 0x01, /* 8.12.11 */
    BIP_CLOSED = 0x02,
    BIP_NOT_VALID = 0x03,
    BIP_SECURITY = 0x05,
    BIP_NO_TRANSPORT = 0x06,
    BIP_NOT_REACHABLE = 0x07,
    CONNECT_MS = 10000,
    ANSWER_MS = 200, /* what we hold back so that a short answer is told of in one event */
};

static unsigned number_of(const struct modem_bip *c)
{
    return (unsigned)(c - c->modem->stk.bip) + 1;
}

/* Which address of this machine the link has, for a card that asked for a dynamic one (TS 102 223 6.8,
 * 7.5.11). */
static void put_local(struct buf *b, const struct modem_bip *c)
{
    struct sockaddr_storage at;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    socklen_t n = sizeof at;
    if (!c->wants_local || !c->connected || getsockname(c->fd, (struct sockaddr *)&at, &n) != 0)
        return;
    const size_t mark = buf_tlv_open(b, CAT_COMPREHENSION | OBJECT_ADDRESS);
    if (at.ss_family == AF_INET) {
        memcpy(&in, &at, sizeof in);
        buf_u8(b, ADDRESS_IPV4);
        buf_put(b, span_of((const uint8_t *)&in.sin_addr, 4));
    } else {
        memcpy(&in6, &at, sizeof in6);
        buf_u8(b, ADDRESS_IPV6);
        buf_put(b, span_of((const uint8_t *)&in6.sin6_addr, 16));
    }
    buf_tlv_close(b, mark);
}

static void put_status(struct buf *b, const struct modem_bip *c, uint8_t more)
{
    const uint8_t octets[2] = {(uint8_t)(number_of(c) | (c->connected ? 0x80 : 0x00)), more};
    buf_tlv(b, 0xB8, span_of(octets, sizeof octets));
}

static void close_socket(struct modem_bip *c)
{
    if (c->fd >= 0) {
        loop_unwatch(c->modem->loop, c->fd);
        close(c->fd);
    }
    if (c->awaited)
        loop_expect(c->modem->loop, -1);
    c->awaited = false;
    c->fd = -1;
    c->connected = false;
}

static void drop(struct modem_bip *c)
{
    loop_stop(c->modem->loop, &c->patience);
    close_socket(c);
    free(c->in);
    free(c->out);
    *c = (struct modem_bip){.modem = c->modem, .fd = -1};
}

void bip_dark(struct modem *m)
{
    for (unsigned i = 0; i < MODEM_BIP_CHANNELS; i++)
        if (m->stk.bip[i].open)
            drop(&m->stk.bip[i]);
}

static void await(struct modem_bip *c, bool on)
{
    if (on || c->awaited)
        loop_expect(c->modem->loop, on && c->awaited ? 0 : on ? 1 : -1);
    c->awaited = on;
}

static void note_channel(const struct modem_bip *c, const char *what)
{
    struct modem_note n;
    note_begin(&n, c->modem, what);
    note_number(&n, "channel", number_of(c));
    note_end(&n);
}

/* ---- events ---- */

static void tell_data(void *ctx)
{
    struct modem_bip *c = ctx;
    uint8_t octets[8];
    struct buf b = buf_of(octets, sizeof octets);
    if (!c->open || c->told || c->in_len == 0)
        return;
    c->told = true;
    put_status(&b, c, 0);
    buf_tlv_u8(&b, 0xB7, (uint8_t)(c->in_len > 255 ? 255 : c->in_len));
    event_send(c->modem, EVENT_DATA_AVAILABLE, 0x82, buf_span(&b));
}

static void tell_data_soon(struct modem_bip *c)
{
    if (c->told || c->in_len == 0 || c->patience.set)
        return;
    c->patience.fire = tell_data;
    c->patience.ctx = c;
    loop_start(c->modem->loop, &c->patience, ANSWER_MS);
}

/* The other end hung up; what came before can still be fetched. */
static void link_lost(struct modem_bip *c)
{
    uint8_t octets[8];
    struct buf b = buf_of(octets, sizeof octets);
    close_socket(c);
    c->dropped = true;
    note_channel(c, "channel dropped");
    put_status(&b, c, 0x05); /* link dropped */
    event_send(c->modem, EVENT_CHANNEL_STATUS, 0x82, buf_span(&b));
}

/* ---- sockets ---- */

static void ready(void *ctx, short revents);

static void watch(struct modem_bip *c)
{
    const bool writes = !c->connected || (c->out_len > 0 && c->sending);
    const bool reads = c->connected && c->in_len < c->buffer && (c->stream || c->in_len == 0);
    if (!reads && !writes) { /* a link that was reset says so all the time: not before there is room again */
        loop_unwatch(c->modem->loop, c->fd);
        return;
    }
    (void)loop_watch(c->modem->loop, c->fd, (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0)), ready, c);
}

static void receive(struct modem_bip *c)
{
    ssize_t n = recv(c->fd, c->in + c->in_len, c->buffer - c->in_len, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    await(c, false); /* something has come, be it nothing but an ICMP message */
    if (n <= 0 && !c->stream)
        return; /* that, or a datagram is empty: UDP does not hang up */
    if (n <= 0) {
        link_lost(c);
        tell_data_soon(c);
        return;
    }
    c->in_len += (size_t)n;
    tell_data_soon(c);
}

static void transmit(struct modem_bip *c)
{
    if (!c->connected || !c->sending || c->out_len == 0)
        return;
    ssize_t n = send(c->fd, c->out, c->out_len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (n < 0 && c->stream) {
        link_lost(c);
        return;
    }
    const size_t sent = n < 0 || !c->stream ? c->out_len : (size_t)n; /* a datagram goes whole, or is lost */
    memmove(c->out, c->out + sent, c->out_len - sent);
    c->out_len -= sent;
    c->sending = c->out_len > 0;
    await(c, true);
}

static void opened(struct modem_bip *c, uint8_t error);
static void sent(struct modem_bip *c);

/* Without a network no link stands. */
void bip_no_service(struct modem *m)
{
    for (unsigned i = 0; i < MODEM_BIP_CHANNELS; i++) {
        struct modem_bip *c = &m->stk.bip[i];
        if (!c->open || c->fd < 0)
            continue;
        if (c->connected)
            link_lost(c);
        else
            opened(c, BIP_NOT_REACHABLE);
    }
}

static void connected(struct modem_bip *c)
{
    int error = 0;
    socklen_t n = sizeof error;
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0 || error != 0) {
        opened(c, BIP_NOT_REACHABLE);
        return;
    }
    c->connected = true;
    opened(c, 0);
}

static void ready(void *ctx, short revents)
{
    struct modem_bip *c = ctx;
    if (!c->connected)
        connected(c);
    else if ((revents & (POLLIN | POLLHUP | POLLERR)) != 0 && c->in_len < c->buffer)
        receive(c);
    if (c->open && c->connected && (revents & POLLOUT) != 0)
        transmit(c);
    if (c->open && c->fd >= 0)
        watch(c);
}

static bool may_reach(const struct modem_bip *c)
{
    if (c->modem->allow_network)
        return true;
    if (c->to_len == sizeof(struct sockaddr_in)) {
        struct sockaddr_in in;
        memcpy(&in, c->to, sizeof in);
        return ntohl(in.sin_addr.s_addr) >> 24 == 127;
    }
    struct sockaddr_in6 in6;
    memcpy(&in6, c->to, sizeof in6);
    return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
}

static void too_slow(void *ctx)
{
    struct modem_bip *c = ctx;
    if (!c->connected)
        opened(c, BIP_NOT_REACHABLE);
}

/* 0, or an error of 8.12.11. The end of it is opened(). */
static uint8_t dial(struct modem_bip *c)
{
    struct sockaddr_storage to;
    memset(&to, 0, sizeof to);
    memcpy(&to, c->to, c->to_len);
    c->fd = socket(to.ss_family, (c->stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (c->fd < 0)
        return BIP_NO_TRANSPORT;
    if (connect(c->fd, (const struct sockaddr *)&to, c->to_len) != 0 && errno != EINPROGRESS)
        return BIP_NOT_REACHABLE;
    await(c, true);
    c->patience.fire = too_slow;
    c->patience.ctx = c;
    loop_start(c->modem->loop, &c->patience, CONNECT_MS);
    watch(c);
    return 0;
}

/* ---- OPEN CHANNEL ---- */

static void answer_open(struct modem_bip *c, uint8_t general)
{
    struct modem *m = c->modem;
    struct modem_result r = {.general = general};
    struct buf b = buf_of(r.objects, sizeof r.objects);
    struct span bearer;
    put_status(&b, c, 0);
    if (ctlv_find(m->stk.command.is.rest, OBJECT_BEARER, 0, &bearer) && bearer.n < 32)
        buf_tlv(&b, 0xB5, bearer);
    buf_tlv_u16(&b, 0xB9, c->buffer);
    put_local(&b, c);
    r.n_objects = b.len;
    stk_finish(m, &r);
}

/* The link is there, or will not be. */
static void opened(struct modem_bip *c, uint8_t error)
{
    struct modem *m = c->modem;
    loop_stop(m->loop, &c->patience);
    await(c, false);
    note_channel(c, error == 0 ? "channel open" : "channel not open");
    if (c->waits == BIP_WAITS_OPEN) {
        const uint8_t general = c->granted_less ? RESULT_MODIFIED : CAT_RESULT_OK;
        c->waits = BIP_WAITS_NOTHING;
        if (error != 0)
            drop(c);
        else
            watch(c);
        if (error != 0)
            stk_done_with(m, RESULT_BIP, error);
        else
            answer_open(c, general);
        return;
    }
    if (c->waits == BIP_WAITS_SEND) {
        c->waits = BIP_WAITS_NOTHING;
        if (error != 0) {
            close_socket(c);
            c->out_len -= c->given; /* not sent: the card will say it again */
            stk_done_with(m, RESULT_BIP, error);
        } else {
            sent(c);
        }
        return;
    }
    /* in the background: the event is the answer */
    if (error != 0) {
        link_lost(c);
        return;
    }
    uint8_t octets[32];
    struct buf b = buf_of(octets, sizeof octets);
    put_status(&b, c, 0);
    put_local(&b, c);
    watch(c);
    event_send(m, EVENT_CHANNEL_STATUS, 0x82, buf_span(&b));
}

static bool read_address(struct modem_bip *c, struct span address, struct span transport)
{
    struct reader a = rd_of(address), t = rd_of(transport);
    const uint8_t type = rd_u8(&a), protocol = rd_u8(&t);
    const uint16_t port = rd_u16(&t);
    if (!rd_ok(&t) || (protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP))
        return false;
    c->stream = protocol == PROTOCOL_TCP;
    if (type == ADDRESS_IPV4 && a.left == 4) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
        rd_copy(&a, (uint8_t *)&in.sin_addr, 4);
        memcpy(c->to, &in, sizeof in);
        c->to_len = sizeof in;
        return true;
    }
    if (type == ADDRESS_IPV6 && a.left == 16) {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        rd_copy(&a, (uint8_t *)&in6.sin6_addr, 16);
        memcpy(c->to, &in6, sizeof in6);
        c->to_len = sizeof in6;
        return true;
    }
    return false;
}

/* The address of the other end stands behind the transport level, the local one before it (TS 102 223
 * 6.6.27.2). *local: that one was asked for, and any will do (8.58: no address, or its type alone). A whole
 * address that is the only one is where the card wants to go, wherever it stands. */
static bool find_address(struct span body, struct span transport, struct span *address, bool *local)
{
    struct span own;
    if (transport.n == 0)
        return false;
    const size_t end = (size_t)(transport.p - body.p) + transport.n;
    *local = ctlv_find(span_slice(body, 0, end), OBJECT_ADDRESS, 0, &own) && own.n <= 1;
    if (ctlv_find(span_slice(body, end, body.n), OBJECT_ADDRESS, 0, address))
        return true;
    return ctlv_find(body, OBJECT_ADDRESS, 0, address) && address->n > 1 &&
           !ctlv_find(body, OBJECT_ADDRESS, 1, &own);
}

static struct modem_bip *free_channel(struct modem *m)
{
    for (unsigned i = 0; i < MODEM_BIP_CHANNELS; i++)
        if (!m->stk.bip[i].open)
            return &m->stk.bip[i];
    return NULL;
}

static bool make_buffers(struct modem_bip *c, struct span size)
{
    struct reader r = rd_of(size);
    const uint16_t asked = size.n == 2 ? rd_u16(&r) : BUFFER_USUAL;
    c->granted_less = asked > BUFFER_MAX || asked == 0;
    c->buffer = asked > BUFFER_MAX ? BUFFER_MAX : asked == 0 ? BUFFER_USUAL : asked;
    c->in = malloc(c->buffer);
    c->out = malloc(c->buffer);
    return c->in != NULL && c->out != NULL;
}

void stk_open_channel(struct modem *m)
{
    const struct span body = m->stk.command.is.rest;
    const uint8_t qualifier = m->stk.command.is.details.qualifier;
    struct span transport, address, size = SPAN_EMPTY;
    bool local;
    if (!ctlv_find(body, OBJECT_TRANSPORT, 0, &transport) ||
        !find_address(body, transport, &address, &local)) {
        stk_done(m, CAT_RESULT_VALUES_MISSING); /* other bearers than a network's (8.52) have neither */
        return;
    }
    if (m->reg.service != SERVICE_NORMAL) {
        stk_done_with(m, CAT_RESULT_TERMINAL_BUSY, UNABLE_NO_SERVICE);
        return;
    }
    struct modem_bip *c = free_channel(m);
    if (c == NULL) {
        stk_done_with(m, RESULT_BIP, BIP_NO_CHANNEL);
        return;
    }
    c->open = true;
    c->wants_local = local;
    (void)ctlv_find(body, OBJECT_BUFFER_SIZE, 0, &size);
    uint8_t error = !read_address(c, address, transport) ? BIP_NO_TRANSPORT
                    : !may_reach(c)                      ? BIP_SECURITY
                    : !make_buffers(c, size)             ? BIP_NO_CHANNEL
                                                         : 0;
    if (error == BIP_SECURITY)
        note_channel(c, "channel refused: not this machine");
    const bool at_once = (qualifier & QUALIFIER_AT_ONCE) != 0 || !c->stream;
    c->on_demand = !at_once;
    c->waits = at_once && (qualifier & QUALIFIER_BACKGROUND) == 0 ? BIP_WAITS_OPEN : BIP_WAITS_NOTHING;
    if (error == 0 && at_once)
        error = dial(c);
    if (error != 0) {
        drop(c);
        stk_done_with(m, RESULT_BIP, error);
    } else if (c->waits == BIP_WAITS_NOTHING) {
        answer_open(c, c->granted_less ? RESULT_MODIFIED : CAT_RESULT_OK);
    }
}

/* ---- the others ---- */

/* The channel that the command is for: destination 21 to 27 (8.7). NULL: it has been answered. */
static struct modem_bip *addressed(struct modem *m)
{
    const unsigned nth = (unsigned)m->stk.command.is.to - CAT_CHANNEL - 1;
    if (nth >= MODEM_BIP_CHANNELS || !m->stk.bip[nth].open) {
        stk_done_with(m, RESULT_BIP, BIP_NOT_VALID);
        return NULL;
    }
    return &m->stk.bip[nth];
}

void stk_close_channel(struct modem *m)
{
    struct modem_bip *c = addressed(m);
    if (c == NULL)
        return;
    drop(c);
    stk_done(m, CAT_RESULT_OK);
}

/* SEND DATA has its data on the way: how much room there is now. */
static void sent(struct modem_bip *c)
{
    struct modem_result r = {.general = CAT_RESULT_OK};
    struct buf b = buf_of(r.objects, sizeof r.objects);
    c->sending = true;
    transmit(c);
    if (c->fd >= 0)
        watch(c);
    const size_t room = c->buffer - c->out_len;
    buf_tlv_u8(&b, 0xB7, (uint8_t)(room > 255 ? 255 : room));
    r.n_objects = b.len;
    stk_finish(c->modem, &r);
}

void stk_send_data(struct modem *m)
{
    struct span data;
    struct modem_bip *c = addressed(m);
    if (c == NULL)
        return;
    if (!ctlv_find(m->stk.command.is.rest, OBJECT_DATA, 0, &data)) {
        stk_done(m, CAT_RESULT_VALUES_MISSING);
        return;
    }
    if (c->dropped) {
        stk_done_with(m, RESULT_BIP, BIP_CLOSED);
        return;
    }
    if (data.n > c->buffer - c->out_len) {
        stk_done_with(m, CAT_RESULT_TERMINAL_BUSY, 0x00); /* no specific cause */
        return;
    }
    memcpy(c->out + c->out_len, data.p != NULL ? data.p : c->out, data.n);
    c->out_len += data.n;
    c->given = data.n;
    if ((m->stk.command.is.details.qualifier & 1) == 0) { /* to be kept until more comes */
        struct modem_result r = {.general = CAT_RESULT_OK};
        struct buf b = buf_of(r.objects, sizeof r.objects);
        const size_t room = c->buffer - c->out_len;
        buf_tlv_u8(&b, 0xB7, (uint8_t)(room > 255 ? 255 : room));
        r.n_objects = b.len;
        stk_finish(m, &r);
    } else if (c->connected) {
        sent(c);
    } else if (c->fd >= 0) { /* being opened in the background */
        c->waits = BIP_WAITS_SEND;
    } else {
        const uint8_t error = dial(c);
        c->waits = error == 0 ? BIP_WAITS_SEND : BIP_WAITS_NOTHING;
        if (error != 0) {
            close_socket(c);
            c->out_len -= c->given;
            stk_done_with(m, RESULT_BIP, error);
        }
    }
}

void stk_receive_data(struct modem *m)
{
    struct span wanted;
    struct modem_bip *c = addressed(m);
    struct modem_result r = {.general = CAT_RESULT_OK};
    struct buf b = buf_of(r.objects, sizeof r.objects);
    if (c == NULL)
        return;
    if (!ctlv_find(m->stk.command.is.rest, OBJECT_DATA_LENGTH, 0, &wanted) || wanted.n != 1) {
        stk_done(m, CAT_RESULT_VALUES_MISSING);
        return;
    }
    /* The response has room for 255 octets, 18 of which are other objects. */
    enum { PIECE = 237 };
    size_t n = wanted.p[0] < PIECE ? wanted.p[0] : PIECE;
    if (n > c->in_len) {
        n = c->in_len;
        r.general = RESULT_MISSING_INFORMATION;
    }
    buf_tlv(&b, 0xB6, span_of(c->in, n));
    c->in_len -= n;
    memmove(c->in, c->in + n, c->in_len);
    buf_tlv_u8(&b, 0xB7, (uint8_t)(c->in_len > 255 ? 255 : c->in_len));
    r.n_objects = b.len;
    if (c->in_len == 0)
        c->told = false;
    if (c->fd >= 0)
        watch(c);
    stk_finish(m, &r);
}

void stk_channel_status(struct modem *m)
{
    struct modem_result r = {.general = CAT_RESULT_OK};
    struct buf b = buf_of(r.objects, sizeof r.objects);
    bool any = false;
    for (unsigned i = 0; i < MODEM_BIP_CHANNELS; i++)
        if (m->stk.bip[i].open) {
            put_status(&b, &m->stk.bip[i], m->stk.bip[i].dropped ? 0x05 : 0x00);
            any = true;
        }
    if (!any)
        buf_tlv_u16(&b, 0xB8, 0x0000);
    r.n_objects = b.len;
    stk_finish(m, &r);
}
