/* SPDX-License-Identifier: Apache-2.0 */
#include "modem_link.h"

#include "crypto.h"

/* ---- in process ---- */

static bool card_reset_link(void *ctx, uint8_t atr[MODEM_ATR_MAX], size_t *n)
{
    struct link_card *c = ctx;
    *n = c->card != NULL ? uicc_reset(c->card, atr) : 0;
    c->on = *n > 0;
    return c->on;
}

static bool card_exchange_link(void *ctx, struct span command, struct buf *response)
{
    struct link_card *c = ctx;
    uint8_t octets[UICC_RESPONSE_MAX];
    if (c->card == NULL || !c->on)
        return false;
    const size_t n = uicc_transmit(c->card, command.p, command.n, octets);
    buf_put(response, span_of(octets, n));
    crypto_wipe(octets, n);
    return buf_ok(response);
}

static void card_off(void *ctx)
{
    struct link_card *c = ctx;
    if (c->card != NULL && c->on)
        uicc_power_off(c->card);
    c->on = false;
}

static const char *card_why(void *ctx)
{
    const struct link_card *c = ctx;
    return c->card == NULL ? "no card is in the slot" : "the card is mute: its storage cannot be trusted";
}

struct modem_link link_of_card(struct link_card *c)
{
    return (struct modem_link){card_reset_link, card_exchange_link, card_off, card_why, c};
}

/* ---- PC/SC ---- */

static bool pcsc_reset_link(void *ctx, uint8_t atr[MODEM_ATR_MAX], size_t *n)
{
    return pcsc_power(ctx, true) && pcsc_atr(ctx, atr, n);
}

static bool pcsc_exchange_link(void *ctx, struct span command, struct buf *response)
{
    struct terminal t = pcsc_terminal(ctx);
    return t.exchange(t.ctx, command, response);
}

static void pcsc_off(void *ctx)
{
    (void)pcsc_power(ctx, false);
}

static const char *pcsc_why_link(void *ctx)
{
    return pcsc_why(ctx);
}

struct modem_link link_of_pcsc(struct pcsc *p)
{
    return (struct modem_link){pcsc_reset_link, pcsc_exchange_link, pcsc_off, pcsc_why_link, p};
}

/* ---- the battery ---- */

void link_cut_arm(struct link_cut *c, unsigned nth, bool by_ins, uint8_t ins, bool after)
{
    c->armed = nth > 0;
    c->left = nth;
    c->by_ins = by_ins;
    c->ins = ins;
    c->after = after;
    c->happened = false;
}

static bool cut_reset(void *ctx, uint8_t atr[MODEM_ATR_MAX], size_t *n)
{
    struct link_cut *c = ctx;
    c->why = NULL;
    return c->inner.reset(c->inner.ctx, atr, n);
}

static bool fall_out(struct link_cut *c)
{
    c->armed = false;
    c->happened = true;
    c->why = "the battery fell out";
    c->inner.off(c->inner.ctx);
    return false;
}

static bool cut_exchange(void *ctx, struct span command, struct buf *response)
{
    struct link_cut *c = ctx;
    c->commands++;
    const bool counts = c->armed && (!c->by_ins || (command.n > 1 && command.p[1] == c->ins));
    const bool now = counts && --c->left == 0;
    if (now && !c->after)
        return fall_out(c);
    const bool good = c->inner.exchange(c->inner.ctx, command, response);
    return now ? fall_out(c) : good;
}

static void cut_off(void *ctx)
{
    struct link_cut *c = ctx;
    c->inner.off(c->inner.ctx);
}

static const char *cut_why(void *ctx)
{
    struct link_cut *c = ctx;
    return c->why != NULL ? c->why : c->inner.why != NULL ? c->inner.why(c->inner.ctx) : "";
}

struct modem_link link_of_cut(struct link_cut *c)
{
    return (struct modem_link){cut_reset, cut_exchange, cut_off, cut_why, c};
}
