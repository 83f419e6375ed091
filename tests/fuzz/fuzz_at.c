/* SPDX-License-Identifier: Apache-2.0
 *
 * AT commands of two peers to a modem with a card: any octets on the line, messages from the network, a card
 * that is taken out, hang-ups, time that goes by. Whatever was said: no key of the card is in an answer, and
 * after a hang-up the modem answers AT with OK.
 *
 * The input is what the peers type; an octet 00 and the one behind it are something else (enum operation), so
 * that a corpus file is text that one can read.
 */
/* cmocka.h needs these before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "at_bench.h"
#include "at_inner.h"
#include "fuzz.h"
#include "hex.h"
#include "menu_applet.h"

enum operation {
    OP_TIME,    /* next octet: tenths of a second */
    OP_PEER,    /* the other one types from here on */
    OP_HANG_UP, /* this one does */
    OP_CARD,    /* is taken out, or put back and the modem turned on */
    OP_MESSAGE, /* next octet: length; an SMS-DELIVER or whatever from the network */
    OP_BREAK,   /* the line's octets before this one come one by one */
    OPERATIONS,
};

enum { STEPS_MAX = 4096 };

static void die(const char *what)
{
    (void)fprintf(stderr, "fuzz_at: %s\n", what);
    abort();
}

static void no_secret(struct at_bench *b, struct span key)
{
    char lower[65], upper[65];
    if (key.n > 32 || key.n < 8)
        return;
    hex_format(key, lower);
    for (size_t i = 0; i <= strlen(lower); i++)
        upper[i] = (char)(lower[i] >= 'a' && lower[i] <= 'f' ? lower[i] - 'a' + 'A' : lower[i]);
    size_t n = strlen(b->said);
    if (fuzz_has(b->said, n, lower, 2 * key.n) || fuzz_has(b->said, n, upper, 2 * key.n))
        die("a key in an answer");
}

static void look(struct at_bench *b, struct at *at)
{
    struct profile_pair pair;
    (void)at_bench_heard(b, at);
    if (b->said[0] == '\0')
        return;
    if (!personal_pair(b->f.crypto, &b->f.profile->p, span_of(b->f.seed, sizeof b->f.seed), FIXTURE_ICCID, 0,
                       &pair))
        die("no pair");
    no_secret(b, span_of(pair.key.k, pair.key.k_len));
    no_secret(b, span_of(pair.key.opc, pair.key.opc_len));
}

static void type(struct at_bench *b, struct at *at, struct span octets)
{
    while (octets.n > 0) {
        size_t n = at_input(at, octets);
        look(b, at);
        octets = span_slice(octets, n, octets.n);
    }
}

static void nobody(void *ctx, const struct modem_report *report)
{
    (void)ctx;
    (void)report;
}

static void operate(struct at_bench *b, struct at **at, uint8_t op, struct reader *r)
{
    switch (op % OPERATIONS) {
    case OP_TIME:
        at_bench_run(b, 100u * rd_u8(r));
        break;
    case OP_PEER:
        *at = *at == b->at ? b->other : b->at;
        break;
    case OP_HANG_UP:
        at_hang_up(*at);
        break;
    case OP_CARD:
        b->gone = !b->gone;
        if (!b->gone)
            modem_function_set(b->modem, MODEM_FULL);
        break;
    case OP_MESSAGE: {
        size_t n = rd_u8(r);
        (void)modem_sms_deliver(b->modem, "+4917", rd_take(r, n < r->left ? n : r->left), nobody, NULL);
        at_bench_run(b, 100);
        break;
    }
    default:
        break;
    }
    look(b, b->at);
    look(b, b->other);
}

/* A card as it left the factory, made once for all runs. */
static const struct fixture *factory(void)
{
    static struct fixture f;
    static struct foreign_class menu;
    if (f.profile == NULL) {
        foreign_class_of(&uicc_package, 0, &menu);
        const struct applet_class *const more[] = {&menu.base, NULL};
        fixture_open_text_classes(&f, MENU_PROFILE, more);
    }
    return &f;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct at_bench *b = malloc(sizeof *b);
    struct reader r = rd_of(span_of(data, n));
    if (b == NULL)
        return 0;
    at_bench_open_copy(b, factory(), n % 2 == 0 ? "generic" : "phonesim");
    b->other = at_open(b->shared);
    struct at *at = b->at;
    for (unsigned steps = 0; steps < STEPS_MAX && r.left > 0; steps++) {
        struct reader from = r;
        while (r.left > 0 && r.p[0] != 0)
            (void)rd_u8(&r);
        type(b, at, span_of(from.p, from.left - r.left));
        if (rd_u8(&r) == 0 && r.left > 0)
            operate(b, &at, rd_u8(&r), &r);
    }
    at_hang_up(b->at);
    at_defaults(b->at); /* AT&W may have stored another S3, or no echo */
    if (strcmp(at_bench_raw(b, b->at, "AT\r", 3), "AT\r|OK|") != 0)
        fuzz_die("no answer to AT after a hang-up but \"%.200s\"", b->said);
    at_bench_close(b);
    free(b);
    return 0;
}
