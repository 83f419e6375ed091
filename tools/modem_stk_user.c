/* SPDX-License-Identifier: Apache-2.0
 *
 * Proactive commands that want a user (ETSI TS 102 223 6.4): to whom they go, and what a terminal does when
 * nobody is there.
 */
#include <stdlib.h>
#include <time.h>

#include "modem_inner.h"
#include "tlv.h"

enum {
    RESULT_OK = 0x00,
    RESULT_NO_RESPONSE = 0x12,
    RESULT_BEYOND = 0x30,
    RESULT_NETWORK_UNABLE = 0x21,
    RESULT_TERMINAL_UNABLE = 0x20,
    UNABLE_NO_SERVICE = 0x04,
    PATIENCE_MS = 60000, /* how long somebody may think */
    TEXT_MS = 10000,     /* how long a text stands that needs no answer */
    SET_UP_MENU = 0x25,
    DISPLAY_TEXT = 0x21,
};

static const struct kind {
    uint8_t type;
    const char *name;
    /* Without a user: result at once, or after nobody came. */
    bool waits;
    uint8_t result;
} kinds[] = {
    {0x01, "REFRESH", false, RESULT_OK},
    {0x02, "MORE TIME", false, RESULT_OK},
    {0x03, "POLL INTERVAL", false, RESULT_OK},
    {0x04, "POLLING OFF", false, RESULT_OK},
    {0x05, "SET UP EVENT LIST", false, RESULT_OK},
    {0x10, "SET UP CALL", false, RESULT_BEYOND},
    {0x11, "SEND SS", false, RESULT_BEYOND},
    {0x12, "SEND USSD", false, RESULT_OK},
    {0x13, "SEND SHORT MESSAGE", false, RESULT_OK},
    {0x14, "SEND DTMF", false, RESULT_BEYOND},
    {0x15, "LAUNCH BROWSER", false, RESULT_BEYOND},
    {0x20, "PLAY TONE", false, RESULT_OK},
    {DISPLAY_TEXT, "DISPLAY TEXT", false, RESULT_OK},
    {0x22, "GET INKEY", true, RESULT_NO_RESPONSE},
    {0x23, "GET INPUT", true, RESULT_NO_RESPONSE},
    {0x24, "SELECT ITEM", true, RESULT_NO_RESPONSE},
    {SET_UP_MENU, "SET UP MENU", false, RESULT_OK},
    {0x26, "PROVIDE LOCAL INFORMATION", false, RESULT_OK},
    {0x27, "TIMER MANAGEMENT", false, RESULT_OK},
    {0x28, "SET UP IDLE MODE TEXT", false, RESULT_OK},
    {0x30, "PERFORM CARD APDU", false, RESULT_BEYOND},
    {0x31, "POWER ON CARD", false, RESULT_BEYOND},
    {0x32, "POWER OFF CARD", false, RESULT_BEYOND},
    {0x33, "GET READER STATUS", false, RESULT_BEYOND},
    {0x34, "RUN AT COMMAND", false, RESULT_BEYOND},
    {0x35, "LANGUAGE NOTIFICATION", false, RESULT_OK},
    {0x40, "OPEN CHANNEL", false, RESULT_OK},
    {0x41, "CLOSE CHANNEL", false, RESULT_OK},
    {0x42, "RECEIVE DATA", false, RESULT_OK},
    {0x43, "SEND DATA", false, RESULT_OK},
    {0x44, "GET CHANNEL STATUS", false, RESULT_OK},
    {0x70, "ACTIVATE", false, RESULT_BEYOND},
};

static const struct kind *kind_of(uint8_t type)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].type == type)
            return &kinds[i];
    return NULL;
}

const char *stk_name(uint8_t type)
{
    const struct kind *k = kind_of(type);
    return k != NULL ? k->name : "?";
}

static void nobody(void *ctx)
{
    struct modem *m = ctx;
    if (m->stk.with_user)
        stk_done(m, RESULT_NO_RESPONSE);
}

/* TS 102 223 6.4.1: with bit 8 of the qualifier the text stands until the user clears it, else for a while.
 */
static bool text_waits(const struct modem_command *c)
{
    return c->type == DISPLAY_TEXT && (c->qualifier & 0x80) != 0;
}

void stk_user(struct modem *m)
{
    struct modem_stk *s = &m->stk;
    const struct kind *k = kind_of(s->command.type);
    const struct span whole = span_of(s->command.octets, s->command.n);
    s->with_user = true;
    s->patience.fire = nobody;
    s->patience.ctx = m;
    if (s->command.type == SET_UP_MENU) {
        memcpy(s->menu, s->command.octets, s->command.n);
        s->menu_len = s->command.n;
    }
    loop_start(m->loop, &s->patience, PATIENCE_MS);
    for (unsigned i = 0; i < m->n_users; i++)
        if (m->users[i].stk != NULL && m->users[i].stk(m->users[i].ctx, whole))
            return; /* or it was answered already */
    if (!s->executing)
        return;
    if (k == NULL || !(k->waits || text_waits(&s->command)))
        stk_done(m, k != NULL ? k->result : RESULT_BEYOND);
}

/* ---- PROVIDE LOCAL INFORMATION, 6.4.15 ---- */

/* IMEI and IMEISV as TS 24.008 10.5.1.4 has them (TS 102 223 8.20, 8.74): the first digit and the type of
 * identity, then pairs. The IMEI's last digit is sent as 0; an even number of digits ends with F. */
static void put_identity(struct buf *b, uint32_t tag, const char *digits, uint8_t type)
{
    uint8_t octets[9];
    const size_t n = strlen(digits);
    const bool odd = n % 2 != 0;
    memset(octets, 0xFF, sizeof octets);
    octets[0] = (uint8_t)((digits[0] - '0') << 4 | (odd ? 0x08 : 0x00) | type);
    for (size_t i = 1; i < n && i / 2 + i % 2 < sizeof octets; i++) {
        const uint8_t digit = odd && i == n - 1 ? 0 : (uint8_t)(digits[i] - '0');
        uint8_t *at = &octets[(i + 1) / 2];
        *at = (uint8_t)(i % 2 != 0 ? (*at & 0xF0) | digit : (*at & 0x0F) | digit << 4);
    }
    buf_tlv(b, tag, span_of(octets, n / 2 + 1));
}

static uint8_t swapped(int n)
{
    return (uint8_t)(n % 10 << 4 | n / 10 % 10);
}

/* A virtual clock begins with 2026, so that a run does not depend on the day. */
static void put_date(struct modem *m, struct buf *b)
{
    const time_t now =
        loop_is_virtual(m->loop) ? (time_t)(UINT64_C(1767225600) + loop_now(m->loop) / 1000) : time(NULL);
    struct tm t;
    if (gmtime_r(&now, &t) == NULL)
        return;
    const uint8_t date[7] = {swapped(t.tm_year),
                             swapped(t.tm_mon + 1),
                             swapped(t.tm_mday),
                             swapped(t.tm_hour),
                             swapped(t.tm_min),
                             swapped(t.tm_sec),
                             0x00};
    buf_tlv(b, 0xA6, span_of(date, sizeof date));
}

void stk_local_information(struct modem *m)
{
    struct modem_result r = {.general = RESULT_OK};
    struct buf b = buf_of(r.objects, sizeof r.objects);
    uint8_t place[9];
    struct buf where = buf_of(place, sizeof place);
    switch (m->stk.command.qualifier) {
    case 0x00:
        register_location(m, &where);
        if (where.len == 0) {
            stk_done_with(m, RESULT_TERMINAL_UNABLE, UNABLE_NO_SERVICE);
            return;
        }
        buf_tlv(&b, 0x93, buf_span(&where));
        break;
    case 0x01:
        put_identity(&b, 0x94, m->imei, 0x02);
        break;
    case 0x03:
        put_date(m, &b);
        break;
    case 0x04:
        if (m->language[0] == 0xFF || m->language[0] == 0)
            buf_tlv(&b, 0xAD, span_of("en", 2));
        else
            buf_tlv(&b, 0xAD, span_of(m->language, 2));
        break;
    case 0x06: {
        struct modem_operator now;
        if (!modem_operator(m, &now)) {
            stk_done_with(m, RESULT_TERMINAL_UNABLE, UNABLE_NO_SERVICE);
            return;
        }
        buf_tlv_u8(&b, 0xBF, now.act == 7 ? 0x08 : now.act == 2 ? 0x03 : 0x00);
        break;
    }
    case 0x08:
        put_identity(&b, 0xE2, m->imeisv, 0x03);
        break;
    case 0x09:
        buf_tlv_u8(&b, 0xE5, m->reg.manual ? 0x00 : 0x01);
        break;
    default: /* no measurements, no timing advance: there is no radio */
        stk_done(m, RESULT_BEYOND);
        return;
    }
    r.n_objects = b.len;
    stk_finish(m, &r);
}
