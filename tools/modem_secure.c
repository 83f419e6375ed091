/* SPDX-License-Identifier: Apache-2.0 */
#include "modem_secure.h"

#include <stdio.h>

static bool raw(void *ctx, struct span command, struct buf *data, sw_t *sw)
{
    struct link_secure *s = ctx;
    uint8_t bytes[65536 + 2];
    struct buf response = buf_of(bytes, sizeof bytes);
    if (!s->inner.exchange(s->inner.ctx, command, &response) || !buf_ok(&response) || response.len < 2)
        return false;
    struct reader r = rd_of(buf_span(&response));
    struct span body = rd_take(&r, response.len - 2);
    *sw = rd_u16(&r);
    if (data != NULL)
        buf_put(data, body);
    return data == NULL || buf_ok(data);
}

static bool broken(struct link_secure *s, enum secure_result result, sw_t sw)
{
    if (result != SECURE_LINK_GONE)
        snprintf(s->why, sizeof s->why, "secure channel: %s (status word %04X)", secure_result_text(result),
                 sw);
    return false;
}

static bool secure_exchange(void *ctx, struct span command, struct buf *response)
{
    struct link_secure *s = ctx;
    sw_t sw;
    if (!s->channel.open) {
        enum secure_result opened = secure_terminal_open(&s->channel, span_of(s->key, s->key_len),
                                                         span_of(s->identity, strlen(s->identity)), &sw);
        if (opened != SECURE_OK)
            return broken(s, opened, sw);
    }
    enum secure_result result = secure_terminal_transmit(&s->channel, command, response, &sw);
    if (result != SECURE_OK)
        return broken(s, result, sw);
    buf_u16(response, sw);
    return buf_ok(response);
}

static void forget(struct link_secure *s)
{
    crypto_wipe(&s->channel, sizeof s->channel);
    s->channel =
        (struct secure_terminal){.crypto = s->crypto, .exchange = raw, .ctx = s, .random = crypto_random};
    s->why[0] = '\0';
}

static bool secure_reset(void *ctx, uint8_t atr[MODEM_ATR_MAX], size_t *n)
{
    struct link_secure *s = ctx;
    forget(s);
    return s->inner.reset(s->inner.ctx, atr, n);
}

static void secure_off(void *ctx)
{
    struct link_secure *s = ctx;
    crypto_wipe(&s->channel, sizeof s->channel);
    s->inner.off(s->inner.ctx);
}

static const char *secure_why(void *ctx)
{
    struct link_secure *s = ctx;
    return s->why[0] != '\0' ? s->why : s->inner.why != NULL ? s->inner.why(s->inner.ctx) : "";
}

struct modem_link link_of_secure(struct link_secure *s)
{
    forget(s);
    return (struct modem_link){secure_reset, secure_exchange, secure_off, secure_why, s};
}
