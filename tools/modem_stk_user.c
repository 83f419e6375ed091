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
    RESULT_NO_RESPONSE = 0x12,
    UNABLE_NO_SERVICE = 0x04,
    PATIENCE_MS = 60000, /* how long somebody may think */
    SET_UP_MENU = 0x25,
    DISPLAY_TEXT = 0x21,
};

/* Without a user: what the result is, at once, or after nobody came. Types that are not here are beyond this
 * terminal. */
static const struct kind {
    uint8_t type;
    bool waits;
    uint8_t result;
} kinds[] = {
    {0x20, false, CAT_RESULT_OK},                                           /* PLAY TONE */
    {DISPLAY_TEXT, false, CAT_RESULT_OK}, {0x22, true, RESULT_NO_RESPONSE}, /* GET INKEY */
    {0x23, true, RESULT_NO_RESPONSE},                                       /* GET INPUT */
    {0x24, true, RESULT_NO_RESPONSE},                                       /* SELECT ITEM */
    {SET_UP_MENU, false, CAT_RESULT_OK},  {0x28, false, CAT_RESULT_OK},     /* SET UP IDLE MODE TEXT */
};

static const struct kind *kind_of(uint8_t type)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].type == type)
            return &kinds[i];
    return NULL;
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
    return c->is.details.type == DISPLAY_TEXT && (c->is.details.qualifier & 0x80) != 0;
}

void stk_user(struct modem *m)
{
    struct modem_stk *s = &m->stk;
    const struct kind *k = kind_of(s->command.is.details.type);
    const struct span whole = span_of(s->command.octets, s->command.n);
    s->with_user = true;
    s->patience.fire = nobody;
    s->patience.ctx = m;
    if (s->command.is.details.type == SET_UP_MENU) {
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
        stk_done(m, k != NULL ? k->result : CAT_RESULT_BEYOND_TERMINAL);
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
    struct modem_result r = {.general = CAT_RESULT_OK};
    struct buf b = buf_of(r.objects, sizeof r.objects);
    uint8_t place[9];
    struct buf where = buf_of(place, sizeof place);
    switch (m->stk.command.is.details.qualifier) {
    case 0x00:
        register_location(m, &where);
        if (where.len == 0) {
            stk_done_with(m, CAT_RESULT_TERMINAL_BUSY, UNABLE_NO_SERVICE);
            return;
        }
        buf_tlv(&b, 0x93, buf_span(&where));
        break;
    case CAT_PLI_IMEI:
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
            stk_done_with(m, CAT_RESULT_TERMINAL_BUSY, UNABLE_NO_SERVICE);
            return;
        }
        buf_tlv_u8(&b, 0xBF, now.act == 7 ? 0x08 : now.act == 2 ? 0x03 : 0x00);
        break;
    }
    case CAT_PLI_IMEISV:
        put_identity(&b, 0xE2, m->imeisv, 0x03);
        break;
    case 0x09:
        buf_tlv_u8(&b, 0xE5, m->reg.manual ? 0x00 : 0x01);
        break;
    default: /* no measurements, no timing advance: there is no radio */
        stk_done(m, CAT_RESULT_BEYOND_TERMINAL);
        return;
    }
    r.n_objects = b.len;
    stk_finish(m, &r);
}
