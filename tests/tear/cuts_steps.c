/* SPDX-License-Identifier: Apache-2.0
 *
 * How test_cuts takes its steps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cuts.h"
#include "faults.h"
#include "hex.h"
#include "sw.h"

enum { MESSAGES = 8 };

/* Every command of a row is made before the first is sent: making them is not the card's doing. */
struct prepared {
    bool reset;
    struct fixture_message message;
};

static void transmit(struct fixture *f, struct span command, struct said *said)
{
    uint8_t *exact = malloc(command.n > 0 ? command.n : 1);
    memcpy(exact, command.p, command.n);
    faults_on();
    size_t n = uicc_transmit(f->card, exact, command.n, f->response);
    if (n == 2 && (f->response[0] == 0x61 || f->response[0] == 0x9F)) {
        const uint8_t get[5] = {exact[0], 0xC0, 0, 0, f->response[1]};
        n = uicc_transmit(f->card, get, 5, f->response);
    }
    faults_off();
    free(exact);
    f->response_len = n;
    assert_true(n >= 2);
    uint16_t sw = (uint16_t)(f->response[n - 2] << 8 | f->response[n - 1]);
    if (sw_find(sw) == NULL)
        fail_msg("status word %04x", sw);
    if (said != NULL && said->n + n <= SAID_MAX) {
        memcpy(said->octets + said->n, f->response, n);
        said->n += n;
    }
}

static void add_hex(struct prepared *p, const char *hex)
{
    struct buf out = buf_of(p->message.apdu, sizeof p->message.apdu);
    if (!hex_parse(hex, &out, NULL))
        fail_msg("bad hex %s", hex);
    p->message.n = out.len;
}

static size_t add_ota(struct fixture *f, unsigned keys, const char *tar, const char *script, bool again,
                      struct prepared *p, size_t room)
{
    struct fixture_message m[MESSAGES];
    const struct fixture_ota ota = {keys, 0x1619, tar, script, again ? f->counter : 0};
    size_t n = fixture_messages(f, &ota, (uint8_t)f->counter, "12345", m, room < MESSAGES ? room : MESSAGES);
    for (size_t i = 0; i < n; i++)
        p[i] = (struct prepared){false, m[i]};
    return n;
}

static size_t add_put_key(struct fixture *f, bool subscriber, struct prepared *p, size_t room)
{
    struct profile_pair pair;
    uint8_t octets[200];
    char hex[500], script[600];
    uint8_t keys[3][16];
    for (int i = 0; i < 3; i++)
        memset(keys[i], 0x31 + i, 16);
    struct buf data = buf_of(octets, sizeof octets);
    assert_true(personal_pair(f->crypto, &f->profile->p, span_of(f->seed, 16), FIXTURE_ICCID, 0, &pair));
    buf_u8(&data, subscriber ? 0x7A : 3);
    for (int i = 0; i < (subscriber ? 2 : 3); i++)
        fixture_key_field(f, &pair.ota, keys[i], 16, false, &data);
    hex_format(buf_span(&data), hex);
    snprintf(script, sizeof script, "80D8%s81%02zx%s00C0000000", subscriber ? "7A" : "01", data.len, hex);
    return add_ota(f, 0, "BFFF3B", script, false, p, room);
}

static size_t prepare(struct fixture *f, const char *steps, struct prepared *to, size_t room)
{
    char words[2048], *rest = NULL;
    size_t n = 0;
    snprintf(words, sizeof words, "%s", steps);
    for (char *w = strtok_r(words, " ", &rest); w != NULL; w = strtok_r(NULL, " ", &rest)) {
        unsigned index;
        unsigned long long sqn;
        char tar[7], script[1024], mark[2] = "";
        assert_true(n < room);
        to[n].reset = false;
        if (strcmp(w, "reset") == 0) {
            to[n++].reset = true;
        } else if (sscanf(w, "auth:%u:%llu", &index, &sqn) == 2) {
            struct aka_vector expected;
            add_hex(&to[n], "0088008122");
            /* always the same challenge: two runs must be comparable, so the test's own random octets may not
             * be in it */
            fixture_challenge_of(f, index, sqn, (const uint8_t *)"0123456789abcdef", to[n].message.apdu + 5,
                                 &expected);
            to[n++].message.n = 5 + 34;
        } else if (sscanf(w, "ota:c%u:%6[0-9A-F]:%1000s", &index, tar, script) == 3) {
            n += add_ota(f, FIXTURE_COMMON + index, tar, script, false, to + n, room - n);
        } else if (sscanf(w, "ota:%u:%6[0-9A-F]:%1000s", &index, tar, script) == 3) {
            n += add_ota(f, index, tar, script, false, to + n, room - n);
        } else if (sscanf(w, "ota:%u%1[!]:%6[0-9A-F]:%1000s", &index, mark, tar, script) == 4) {
            n += add_ota(f, index, tar, script, true, to + n, room - n);
        } else if (strcmp(w, "keyset") == 0 || strcmp(w, "subscriber") == 0) {
            n += add_put_key(f, w[0] == 's', to + n, room - n);
        } else {
            add_hex(&to[n++], w);
        }
    }
    return n;
}

enum { PREPARED_MAX = 24 };

void cut_steps(struct fixture *f, const char *steps, struct said *said)
{
    struct prepared p[PREPARED_MAX];
    size_t n = prepare(f, steps, p, PREPARED_MAX);
    for (size_t i = 0; i < n; i++) {
        uint8_t atr[UICC_ATR_MAX];
        if (!p[i].reset) {
            transmit(f, span_of(p[i].message.apdu, p[i].message.n), said);
            continue;
        }
        faults_on();
        size_t len = uicc_reset(f->card, atr);
        faults_off();
        assert_true(len > 0);
    }
}
