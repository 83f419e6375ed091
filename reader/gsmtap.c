/* SPDX-License-Identifier: Apache-2.0 */
#include "gsmtap.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    VERSION = 2,
    TYPE_SIM = 4,
    SUBTYPE_APDU = 0,
    SUBTYPE_ATR = 1,
    AT_VERSION = 0,
    AT_HEADER_WORDS = 1,
    AT_TYPE = 2,
    AT_SUBTYPE = 12,
    AT_SUBSLOT = 14,
    APDU_HEADER = 4, /* CLA INS P1 P2; then P3 */
    TPDU_HEADER = 5,
    STATUS_WORD = 2,
};

int gsmtap_open(struct gsmtap *g, const char *host, uint16_t port, uint8_t slot)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *list, *a;
    char service[8];
    *g = (struct gsmtap){.fd = -1, .slot = slot};
    snprintf(service, sizeof service, "%u", (unsigned)port);
    if (getaddrinfo(host, service, &hints, &list) != 0)
        return ENOENT;
    int error = ENOENT;
    for (a = list; a != NULL && g->fd < 0; a = a->ai_next) {
        int fd = socket(a->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0) {
            g->fd = fd;
            break;
        }
        error = errno;
        if (fd >= 0)
            close(fd);
    }
    freeaddrinfo(list);
    return g->fd >= 0 ? 0 : error;
}

void gsmtap_close(struct gsmtap *g)
{
    if (g->fd >= 0)
        close(g->fd);
    g->fd = -1;
}

struct frame {
    uint8_t *to;
    size_t n;
};

static void put(struct frame *f, const uint8_t *octets, size_t n)
{
    if (n > GSMTAP_FRAME_MAX - f->n)
        n = GSMTAP_FRAME_MAX - f->n;
    if (n > 0)
        memcpy(f->to + f->n, octets, n);
    f->n += n;
}

static void put_header(struct frame *f, uint8_t subtype, uint8_t slot)
{
    uint8_t header[GSMTAP_HEADER] = {0};
    header[AT_VERSION] = VERSION;
    header[AT_HEADER_WORDS] = GSMTAP_HEADER / 4;
    header[AT_TYPE] = TYPE_SIM;
    header[AT_SUBTYPE] = subtype;
    header[AT_SUBSLOT] = slot;
    put(f, header, sizeof header);
}

/* ISO/IEC 7816-3 10.3: on T=0 a command without data or Le has a P3 of 00, and one with data has no Le. A
 * reader's APDU may differ in both. */
static void put_command(struct frame *f, const struct uicc_trace_event *e)
{
    static const uint8_t no_p3 = 0;
    size_t n = e->command_len;
    if (n > TPDU_HEADER && e->command[APDU_HEADER] != 0 && n > TPDU_HEADER + (size_t)e->command[APDU_HEADER])
        n = TPDU_HEADER + (size_t)e->command[APDU_HEADER];
    put(f, e->command, n);
    if (n == APDU_HEADER)
        put(f, &no_p3, 1);
}

static void put_withheld(struct frame *f, const struct uicc_trace_event *e)
{
    static const uint8_t unknown[] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    size_t left =
        e->command_len == TPDU_HEADER && e->response_len == STATUS_WORD ? e->command[APDU_HEADER] : 0;
    while (left > 0) {
        size_t n = left < sizeof unknown ? left : sizeof unknown;
        put(f, unknown, n);
        left -= n;
    }
}

size_t gsmtap_frame(const struct uicc_trace_event *event, uint8_t slot, uint8_t *to)
{
    struct frame f = {.to = to};
    switch (event->kind) {
    case UICC_TRACE_RESET:
        if (event->command_len == 0)
            return 0;
        put_header(&f, SUBTYPE_ATR, slot);
        put(&f, event->command, event->command_len);
        break;
    case UICC_TRACE_APDU:
        put_header(&f, SUBTYPE_APDU, slot);
        put_command(&f, event);
        if (event->withheld)
            put_withheld(&f, event);
        put(&f, event->response, event->response_len);
        break;
    case UICC_TRACE_NOTE:
        return 0;
    }
    return f.n;
}

void gsmtap_event(void *ctx, const struct uicc_trace_event *event)
{
    const struct gsmtap *g = ctx;
    uint8_t frame[GSMTAP_FRAME_MAX];
    size_t n = g->fd >= 0 ? gsmtap_frame(event, g->slot, frame) : 0;
    /* Where nobody listens (Wireshark does not: it looks on), a frame's refusal is told to the one after it,
     * which is then not sent: once more. */
    if (n > 0 && send(g->fd, frame, n, MSG_NOSIGNAL) < 0 && errno == ECONNREFUSED)
        (void)send(g->fd, frame, n, MSG_NOSIGNAL);
}
