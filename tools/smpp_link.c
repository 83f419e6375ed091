/* SPDX-License-Identifier: Apache-2.0 */
#include "smpp_link.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto.h"

bool smpp_link_init(struct smpp_link *l, int fd)
{
    const int on = 1;
    memset(l, 0, sizeof *l);
    l->fd = fd;
    /* PDUs are short, and each waits for its answer. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

void smpp_link_close(struct smpp_link *l)
{
    if (l->fd >= 0)
        close(l->fd);
    crypto_wipe(l->in, sizeof l->in); /* passwords */
    crypto_wipe(l->out, sizeof l->out);
    l->fd = -1;
}

bool smpp_endpoint(const char *text, char host[256], char port[6])
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL)
        return false;
    const char *from = text, *to = colon;
    if (*from == '[') {
        if (to == from || to[-1] != ']')
            return false;
        from++;
        to--;
    } else if (memchr(from, ':', (size_t)(to - from)) != NULL) {
        return false; /* an IPv6 address without brackets: where its port begins cannot be told */
    }
    size_t n = (size_t)(to - from), digits = strlen(colon + 1);
    if (n == 0 || n > 255 || digits < 1 || digits > 5 || strspn(colon + 1, "0123456789") != digits)
        return false;
    memcpy(host, from, n);
    host[n] = '\0';
    memcpy(port, colon + 1, digits + 1);
    unsigned number = 0;
    for (const char *d = port; *d != '\0'; d++)
        number = number * 10 + (unsigned)(*d - '0');
    return number <= 65535;
}

/* One of the addresses that the name has. errno on false. */
static bool connect_one(struct smpp_link *l, const struct addrinfo *a, unsigned timeout_ms)
{
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
    if (fd < 0)
        return false;
    bool good = smpp_link_init(l, fd);
    if (good && connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
        good = errno == EINPROGRESS;
        struct pollfd wait = {.fd = fd, .events = POLLOUT};
        int error = ETIMEDOUT;
        socklen_t n = sizeof error;
        if (good && poll(&wait, 1, (int)timeout_ms) == 1)
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n);
        if (good && error != 0) {
            errno = error;
            good = false;
        }
    }
    if (good)
        return true;
    int why = errno;
    smpp_link_close(l);
    errno = why;
    return false;
}

bool smpp_link_connect(struct smpp_link *l, const char *endpoint, unsigned timeout_ms,
                       struct smpp_link_error *error)
{
    char host[256], port[6];
    l->fd = -1;
    if (!smpp_endpoint(endpoint, host, port)) {
        snprintf(error->text, sizeof error->text, "'%.200s' is not HOST:PORT", endpoint);
        return false;
    }
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *all = NULL;
    int rc = getaddrinfo(host, port, &hints, &all);
    if (rc != 0) {
        snprintf(error->text, sizeof error->text, "%.200s: %s", endpoint, gai_strerror(rc));
        return false;
    }
    bool good = false;
    for (const struct addrinfo *a = all; a != NULL && !good; a = a->ai_next)
        good = connect_one(l, a, timeout_ms);
    if (!good)
        snprintf(error->text, sizeof error->text, "%.200s: %s", endpoint, strerror(errno));
    freeaddrinfo(all);
    return good;
}

bool smpp_link_read(struct smpp_link *l)
{
    if (l->in_at > 0) {
        memmove(l->in, l->in + l->in_at, l->in_len - l->in_at);
        l->in_len -= l->in_at;
        l->in_at = 0;
    }
    if (l->in_len == sizeof l->in)
        return true;
    ssize_t n = recv(l->fd, l->in + l->in_len, sizeof l->in - l->in_len, 0);
    if (n > 0) {
        l->in_len += (size_t)n;
        return true;
    }
    if (n == 0) {
        errno = 0;
        return false;
    }
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static enum smpp_link_next look(const struct smpp_link *l, struct span *pdu)
{
    const struct span stream = span_of(l->in + l->in_at, l->in_len - l->in_at);
    if (stream.n < 4)
        return SMPP_LINK_NONE;
    const uint32_t length = smpp_length(stream);
    if (length < SMPP_HEADER || length > SMPP_PDU_MAX)
        return SMPP_LINK_LOST;
    *pdu = span_slice(stream, 0, length);
    return stream.n < length ? SMPP_LINK_NONE : SMPP_LINK_PDU;
}

enum smpp_link_next smpp_link_next(struct smpp_link *l, struct span *pdu)
{
    const enum smpp_link_next found = look(l, pdu);
    if (found == SMPP_LINK_PDU)
        l->in_at += pdu->n;
    return found;
}

bool smpp_link_ready(const struct smpp_link *l)
{
    struct span pdu;
    return look(l, &pdu) != SMPP_LINK_NONE;
}

uint32_t smpp_link_peek(const struct smpp_link *l)
{
    struct span pdu;
    if (look(l, &pdu) != SMPP_LINK_PDU)
        return 0;
    struct reader r = rd_of(pdu);
    (void)rd_u32(&r);
    return rd_u32(&r);
}

size_t smpp_link_room(const struct smpp_link *l)
{
    return sizeof l->out - (l->out_len - l->out_at);
}

bool smpp_link_put(struct smpp_link *l, const struct smpp_pdu *pdu)
{
    if (l->out_at > 0) {
        memmove(l->out, l->out + l->out_at, l->out_len - l->out_at);
        l->out_len -= l->out_at;
        l->out_at = 0;
    }
    struct buf out = {l->out, sizeof l->out, l->out_len, false};
    smpp_build(pdu, &out);
    if (!buf_ok(&out))
        return false;
    l->out_len = out.len;
    return true;
}

bool smpp_link_flush(struct smpp_link *l)
{
    while (l->out_at < l->out_len) {
        ssize_t n = send(l->fd, l->out + l->out_at, l->out_len - l->out_at, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK;
        l->out_at += (size_t)n;
    }
    l->out_at = l->out_len = 0;
    return true;
}
