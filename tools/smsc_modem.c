/* SPDX-License-Identifier: Apache-2.0 */
#include "smsc_modem.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hex.h"
#include "modem_sms_socket.h"
#include "unix_socket.h"

enum {
    GREETING_MS = 5000,
    REPORT_MS = 100000, /* a user may be asked something */
};

struct smsc_modem {
    int fd; /* -1: it hung up */
    char path[108];
    char iccid[21], imsi[16];
    unsigned long number; /* of the delivery under way */
    bool reported, absent, quiet;
    sw_t sw;
    uint8_t failure;
};

const char *smsc_modem_iccid(const struct smsc_modem *m)
{
    return m->iccid;
}

const char *smsc_modem_imsi(const struct smsc_modem *m)
{
    return m->imsi;
}

int smsc_modem_fd(const struct smsc_modem *m)
{
    return m->fd;
}

static void hung_up(struct smsc_modem *m)
{
    if (m->fd >= 0)
        close(m->fd);
    m->fd = -1;
}

static void say(struct smsc_modem *m, const char *line)
{
    if (m->fd >= 0 && send(m->fd, line, strlen(line), MSG_NOSIGNAL) < 0)
        hung_up(m);
}

/* ---- what it says ---- */

static bool octets_of(const char *hex, struct buf *out)
{
    return hex != NULL && (strcmp(hex, "-") == 0 || hex_parse(hex, out, NULL));
}

/* Digits, as many as there is room for; all else ('-', too) is none. */
static void take_digits(const char *word, char *to, size_t room)
{
    const bool good = word != NULL && strlen(word) < room && strspn(word, "0123456789") == strlen(word);
    snprintf(to, room, "%s", good ? word : "");
}

static void take_card(struct smsc_modem *m, const char *iccid, const char *imsi)
{
    take_digits(iccid, m->iccid, sizeof m->iccid);
    take_digits(imsi, m->imsi, sizeof m->imsi);
}

static void take_submit(struct smsc_modem *m, const char *n, const char *hex,
                        const struct smsc_modem_heard *heard)
{
    uint8_t octets[MODEM_TPDU_MAX];
    struct buf tpdu = buf_of(octets, sizeof octets);
    char line[64];
    const unsigned cause =
        heard != NULL && octets_of(hex, &tpdu) ? heard->submit(heard->ctx, buf_span(&tpdu)) : 38;
    snprintf(line, sizeof line, "TAKEN %.20s %u", n != NULL ? n : "0", cause);
    say(m, line);
}

static void handle(struct smsc_modem *m, char *line, const struct smsc_modem_heard *heard)
{
    uint8_t octets[256];
    struct buf data = buf_of(octets, sizeof octets);
    char *save = NULL, *words[5] = {NULL};
    words[0] = strtok_r(line, " ", &save);
    for (size_t i = 1; i < 5 && words[i - 1] != NULL; i++)
        words[i] = strtok_r(NULL, " ", &save);
    if (words[0] == NULL || words[1] == NULL)
        return;
    const bool ours = strtoul(words[1], NULL, 10) == m->number;
    if (strcmp(words[0], "CARD") == 0) {
        take_card(m, words[1], words[2]);
    } else if (strcmp(words[0], "SUBMIT") == 0) {
        take_submit(m, words[1], words[3], heard);
    } else if (strcmp(words[0], "ABSENT") == 0 && ours) {
        m->absent = true;
    } else if (strcmp(words[0], "QUIET") == 0 && ours) {
        m->quiet = true;
    } else if (strcmp(words[0], "REPORT") == 0 && ours && words[3] != NULL && octets_of(words[4], &data)) {
        m->reported = true;
        m->failure = (uint8_t)strtoul(words[2], NULL, 16);
        m->sw = (sw_t)strtoul(words[3], NULL, 16);
        if (data.len > 0 && heard != NULL)
            heard->report(heard->ctx, buf_span(&data));
    }
}

/* One line, waited for so long. false: none came. */
static bool hear(struct smsc_modem *m, int wait_ms, const struct smsc_modem_heard *heard)
{
    char line[SMS_SOCKET_LINE_MAX + 1];
    struct pollfd p = {.fd = m->fd, .events = POLLIN};
    if (m->fd < 0 || poll(&p, 1, wait_ms) != 1)
        return false;
    ssize_t n = recv(m->fd, line, SMS_SOCKET_LINE_MAX, 0);
    if (n <= 0) {
        hung_up(m);
        return false;
    }
    line[n] = '\0';
    handle(m, line, heard);
    return true;
}

/* ---- */

static bool greet(struct smsc_modem *m, const char **why)
{
    m->fd = unix_socket_connect(m->path, SOCK_SEQPACKET);
    *why = strerror(errno);
    if (m->fd < 0)
        return false;
    *why = "no terminal answers there";
    const bool good = hear(m, GREETING_MS, NULL);
    if (!good)
        hung_up(m);
    return good;
}

struct smsc_modem *smsc_modem_open(const char *path, const char **why)
{
    struct smsc_modem *m = calloc(1, sizeof *m);
    *why = "no memory";
    if (m == NULL)
        return NULL;
    m->fd = -1;
    *why = "the name of a socket is shorter";
    if (strlen(path) < sizeof m->path) {
        memcpy(m->path, path, strlen(path) + 1);
        if (greet(m, why))
            return m;
    }
    smsc_modem_close(m);
    return NULL;
}

void smsc_modem_close(struct smsc_modem *m)
{
    if (m == NULL)
        return;
    hung_up(m);
    free(m);
}

bool smsc_modem_deliver(struct smsc_modem *m, const char *centre, struct span tpdu,
                        const struct smsc_modem_heard *heard, sw_t *sw, uint8_t *failure)
{
    char line[SMS_SOCKET_LINE_MAX], hex[2 * MODEM_TPDU_MAX + 1];
    *sw = 0;
    *failure = 0xFF;
    if (tpdu.n > MODEM_TPDU_MAX)
        return false;
    hex_format(tpdu, hex);
    snprintf(line, sizeof line, "DELIVER %lu %s %s", ++m->number, centre, hex);
    m->reported = m->absent = m->quiet = false;
    const char *why;
    if (m->fd < 0 && !greet(m, &why)) /* it went; maybe it has come back */
        return false;
    say(m, line);
    while (!m->quiet)
        if (!hear(m, REPORT_MS, heard))
            return false;
    *sw = m->sw;
    *failure = m->failure;
    return m->reported;
}

void smsc_modem_listen(struct smsc_modem *m, const struct smsc_modem_heard *heard)
{
    (void)hear(m, 0, heard);
}
