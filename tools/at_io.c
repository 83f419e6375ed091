/* SPDX-License-Identifier: Apache-2.0 */
#include "at_io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "crypto.h"

enum { INPUT_MAX = 4096, PATH_MAX_ = 256 };

struct port {
    struct at_io *io;
    struct port *next;
    struct at *at;
    int fd;      /* of the peer; -1: none left, the port is to go */
    int opens;   /* pty: inotify descriptor that tells when somebody opens the other end; -1: no pty */
    bool there;  /* somebody has the other end open */
    int openers; /* pty: how many */
    int own_opens, own_closes; /* events to come that are our own doing */
    uint8_t in[INPUT_MAX];     /* what at_input has not yet taken */
    size_t in_n;
    char path[64];
    char link[PATH_MAX_];
};

struct at_io {
    struct at_modem *modem;
    struct loop *loop;
    struct port *ports;
    int listener;
};

static bool refuse(struct at_io_error *error, const char *what, const char *name)
{
    snprintf(error->text, sizeof error->text, "%s%s%.200s: %s", what, name[0] != '\0' ? " " : "", name,
             strerror(errno));
    return false;
}

/* ---- moving octets ---- */

static void watch(struct port *p);

static void flush(struct port *p)
{
    struct span out = at_output(p->at);
    while (p->there && out.n > 0) {
        ssize_t n = p->opens >= 0 ? write(p->fd, out.p, out.n) : send(p->fd, out.p, out.n, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break; /* full, or gone: poll will say which */
        at_sent(p->at, (size_t)n);
        out = at_output(p->at);
    }
}

/* What came in, as far as its answers find room. */
static void digest(struct port *p)
{
    flush(p);
    while (p->in_n > 0) {
        size_t n = at_input(p->at, span_of(p->in, p->in_n));
        if (n == 0)
            break;
        memmove(p->in, p->in + n, p->in_n - n);
        crypto_wipe(p->in + p->in_n - n, n); /* a PIN, maybe */
        p->in_n -= n;
        flush(p);
    }
}

/* 0: the peer is gone. */
static bool take_in(struct port *p)
{
    ssize_t n = read(p->fd, p->in + p->in_n, sizeof p->in - p->in_n);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    p->in_n += (size_t)n;
    return n > 0;
}

static void unsolicited(void *ctx)
{
    struct port *p = ctx;
    if (!p->there) { /* nobody listens */
        at_sent(p->at, at_output(p->at).n);
        return;
    }
    flush(p);
    watch(p);
}

/* What the one who went has not read is not for the next. */
static void forget_output(struct port *p)
{
    int slave = open(p->path, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (slave < 0)
        return;
    p->own_opens++;
    p->own_closes++;
    (void)tcflush(slave, TCIFLUSH);
    close(slave);
}

/* ---- ports that come and go ---- */

/* The link may be another modem's by now. */
static bool still_ours(const struct port *p)
{
    char to[sizeof p->path];
    const ssize_t n = readlink(p->link, to, sizeof to);
    return n >= 0 && (size_t)n == strlen(p->path) && memcmp(to, p->path, (size_t)n) == 0;
}

static void port_free(struct port *p)
{
    if (p->fd >= 0) {
        loop_unwatch(p->io->loop, p->fd);
        close(p->fd);
    }
    if (p->opens >= 0) {
        loop_unwatch(p->io->loop, p->opens);
        close(p->opens);
    }
    if (p->link[0] != '\0' && still_ours(p))
        unlink(p->link);
    at_close(p->at);
    crypto_wipe(p->in, sizeof p->in);
    free(p);
}

static void port_remove(struct port *p)
{
    struct port **at = &p->io->ports;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    port_free(p);
}

static struct port *port_add(struct at_io *io)
{
    struct port *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->io = io;
    p->fd = p->opens = -1;
    p->at = at_open(io->modem);
    if (p->at == NULL) {
        free(p);
        return NULL;
    }
    at_on_output(p->at, unsolicited, p);
    p->next = io->ports;
    io->ports = p;
    return p;
}

static void ready(void *ctx, short revents)
{
    struct port *p = ctx;
    bool alive = true;
    if ((revents & POLLIN) != 0 && p->in_n < sizeof p->in)
        alive = take_in(p);
    else if ((revents & (POLLHUP | POLLERR)) != 0)
        alive = false;
    if (alive) {
        digest(p);
        watch(p);
    } else if (p->opens >= 0) {
        p->there = false;
        watch(p);
    } else {
        port_remove(p);
    }
}

/* true: the last one who had the other end open has closed it. */
static bool count_opener(struct port *p, uint32_t mask)
{
    int *own = (mask & IN_OPEN) != 0 ? &p->own_opens : &p->own_closes;
    if (*own > 0) {
        (*own)--;
        return false;
    }
    if ((mask & IN_OPEN) != 0) {
        p->openers++;
        return false;
    }
    return (mask & IN_CLOSE) != 0 && p->openers > 0 && --p->openers == 0;
}

/* true: the line was hung up, be it that somebody has opened it again. */
static bool take_events(struct port *p)
{
    _Alignas(struct inotify_event) uint8_t events[4096];
    ssize_t n;
    bool hung_up = false;
    while ((n = read(p->opens, events, sizeof events)) > 0) {
        struct reader r = rd_of(span_of(events, (size_t)n));
        while (r.left >= sizeof(struct inotify_event)) {
            struct inotify_event event;
            rd_copy(&r, (uint8_t *)&event, sizeof event);
            (void)rd_take(&r, event.len);
            hung_up |= count_opener(p, event.mask);
        }
    }
    return hung_up;
}

/* Somebody opened the other end of the pty, or closed it. What the one who went said last may still have to
 * be read. Octets that are read before the news of an opening cannot be from who opened: those are heard, and
 * the rest of the line forgotten. */
static void opened(void *ctx, short revents)
{
    struct port *p = ctx;
    (void)revents;
    bool hung_up = take_events(p);
    while (hung_up && p->openers == 0 && p->in_n < sizeof p->in) {
        size_t before = p->in_n;
        bool more = take_in(p) && p->in_n > before;
        (void)take_events(p);
        if (p->openers == 0 && more)
            digest(p);
        if (!more)
            break;
    }
    if (hung_up) {
        at_hang_up(p->at);
        p->there = false; /* until watch() has looked: is it somebody who has it open? */
        if (p->openers == 0) {
            p->in_n = 0;
            forget_output(p);
        }
        digest(p);
    }
    watch(p);
}

/* A pty that nobody has open says POLLHUP all the time: it is left alone until inotify calls. */
static void watch(struct port *p)
{
    if (p->opens >= 0 && !p->there) {
        struct pollfd look = {.fd = p->fd};
        p->there = poll(&look, 1, 0) >= 0 && (look.revents & POLLHUP) == 0;
        if (!p->there) {
            loop_unwatch(p->io->loop, p->fd);
            return;
        }
        at_pick_up(p->at);
    }
    short events = 0;
    if (p->in_n < sizeof p->in)
        events |= POLLIN;
    if (at_output(p->at).n > 0)
        events |= POLLOUT;
    (void)loop_watch(p->io->loop, p->fd, events, ready, p); /* false only for a descriptor that is new */
}

/* ---- the pty ---- */

static bool make_link(struct port *p, const char *link, struct at_io_error *error)
{
    struct stat st;
    if (strlen(link) >= sizeof p->link) {
        errno = ENAMETOOLONG;
        return refuse(error, "link", link);
    }
    if (lstat(link, &st) == 0) {
        if (!S_ISLNK(st.st_mode)) {
            errno = EEXIST;
            return refuse(error, "link", link);
        }
        (void)unlink(link);
    }
    if (symlink(p->path, link) != 0)
        return refuse(error, "link", link);
    snprintf(p->link, sizeof p->link, "%s", link);
    return true;
}

/* No line discipline between peer and modem: it would echo, and make lines of its own. */
static bool make_raw(const char *path)
{
    struct termios t;
    int slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0)
        return false;
    bool ok = tcgetattr(slave, &t) == 0;
    cfmakeraw(&t);
    ok = ok && tcsetattr(slave, TCSANOW, &t) == 0;
    return close(slave) == 0 && ok;
}

static bool start_pty(struct port *p, const char *link, struct at_io_error *error)
{
    p->fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (p->fd < 0 || grantpt(p->fd) != 0 || unlockpt(p->fd) != 0 ||
        ptsname_r(p->fd, p->path, sizeof p->path) != 0 || !make_raw(p->path))
        return refuse(error, "pseudo-terminal", "");
    p->opens = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (p->opens < 0 || inotify_add_watch(p->opens, p->path, IN_OPEN | IN_CLOSE) < 0)
        return refuse(error, "inotify of", p->path);
    if (!loop_watch(p->io->loop, p->opens, POLLIN, opened, p)) {
        errno = ENOMEM;
        return refuse(error, "pseudo-terminal", "");
    }
    watch(p);
    return link == NULL || make_link(p, link, error);
}

bool at_io_pty(struct at_io *io, const char *link, const char **path, struct at_io_error *error)
{
    struct port *p = port_add(io);
    if (p == NULL) {
        snprintf(error->text, sizeof error->text, "no room for another peer");
        return false;
    }
    if (!start_pty(p, link, error)) {
        port_remove(p);
        return false;
    }
    *path = p->path;
    return true;
}

/* ---- TCP ---- */

static void connection(void *ctx, short revents)
{
    struct at_io *io = ctx;
    (void)revents;
    int fd = accept4(io->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    struct port *p = port_add(io);
    if (p == NULL || !loop_watch(io->loop, fd, POLLIN, ready, p)) {
        if (p != NULL)
            port_remove(p);
        close(fd); /* too many */
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    p->fd = fd;
    p->there = true;
    at_pick_up(p->at);
}

bool at_io_listen(struct at_io *io, uint16_t port, uint16_t *bound, struct at_io_error *error)
{
    char name[16];
    struct sockaddr_in here = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof here;
    snprintf(name, sizeof name, "%u", port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) != 0 ||
        bind(fd, (const struct sockaddr *)&here, sizeof here) != 0 || listen(fd, 4) != 0 ||
        getsockname(fd, (struct sockaddr *)&here, &n) != 0 ||
        !loop_watch(io->loop, fd, POLLIN, connection, io)) {
        refuse(error, "TCP port", name);
        if (fd >= 0)
            close(fd);
        return false;
    }
    io->listener = fd;
    *bound = ntohs(here.sin_port);
    return true;
}

/* ---- all of it ---- */

struct at_io *at_io_new(struct at_modem *a, struct loop *loop)
{
    struct at_io *io = calloc(1, sizeof *io);
    if (io != NULL) {
        io->modem = a;
        io->loop = loop;
        io->listener = -1;
    }
    return io;
}

void at_io_free(struct at_io *io)
{
    if (io == NULL)
        return;
    while (io->ports != NULL)
        port_remove(io->ports);
    if (io->listener >= 0) {
        loop_unwatch(io->loop, io->listener);
        close(io->listener);
    }
    free(io);
}

struct at_service {
    struct at_modem *modem;
    struct at_io *io;
    const char *path;
    uint16_t port;
};

struct at_service *at_service_open(struct modem *m, const struct at_service_config *config,
                                   struct at_io_error *error)
{
    struct at_service *s = calloc(1, sizeof *s);
    snprintf(error->text, sizeof error->text, "no memory");
    if (s == NULL)
        return NULL;
    s->path = "";
    s->modem = at_modem_new(m, at_personality_find(config->personality));
    s->io = s->modem != NULL ? at_io_new(s->modem, modem_loop(m)) : NULL;
    if (s->io != NULL && (!config->pty || at_io_pty(s->io, config->link, &s->path, error)) &&
        (!config->tcp || at_io_listen(s->io, config->port, &s->port, error)))
        return s;
    at_service_close(s);
    return NULL;
}

void at_service_close(struct at_service *s)
{
    if (s == NULL)
        return;
    at_io_free(s->io);
    at_modem_free(s->modem);
    free(s);
}

const char *at_service_pty(const struct at_service *s)
{
    return s->path;
}

uint16_t at_service_port(const struct at_service *s)
{
    return s->port;
}
