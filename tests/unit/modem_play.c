/* SPDX-License-Identifier: Apache-2.0 */
#include "modem_play.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cat.h"
#include "hex.h"
#include "sms.h"

#undef exchange /* card_fixture.h has a macro of this name; struct modem_link a member */

/* ---- the injector ---- */

static bool inject_reset(void *ctx, uint8_t atr[MODEM_ATR_MAX], size_t *n)
{
    struct play *p = ctx;
    p->resets++;
    p->n_queue = 0;
    p->fetched = false;
    return p->inner.reset(p->inner.ctx, atr, n);
}

/* 9000 becomes 91xx as long as something of ours is to be fetched. */
static void put_sw(struct play *p, struct buf *response, uint16_t sw)
{
    if (sw == 0x9000 && p->n_queue > 0 && !p->fetched)
        sw = (uint16_t)(0x9100 | (p->queue[0].n & 0xFF));
    buf_u16(response, sw);
}

static bool inject_exchange(void *ctx, struct span command, struct buf *response)
{
    struct play *p = ctx;
    const uint8_t ins = command.p[1];
    if (ins == 0x12 && p->n_queue > 0 && !p->fetched) {
        buf_put(response, span_of(p->queue[0].octets, p->queue[0].n));
        buf_u16(response, 0x9000);
        p->fetched = true;
        return true;
    }
    if (ins == 0x14 && p->fetched) {
        p->response_len = command.n - 5;
        memcpy(p->response, command.p + 5, p->response_len);
        p->responses++;
        p->fetched = false;
        memmove(p->queue, p->queue + 1, --p->n_queue * sizeof p->queue[0]);
        put_sw(p, response, 0x9000);
        return true;
    }
    if (ins == 0xC2) {
        p->envelopes++;
        p->envelope_len = command.n - 5;
        memcpy(p->envelope, command.p + 5, p->envelope_len);
        if (p->busy) {
            buf_u16(response, 0x9300);
            return true;
        }
        if (p->control != NULL && (command.p[5] == CAT_CALL_CONTROL || command.p[5] == CAT_MO_SMS_CONTROL)) {
            assert_true(hex_parse(p->control, response, NULL));
            buf_u16(response, 0x9000);
            return true;
        }
    }
    p->statuses += ins == 0xF2;
    uint8_t octets[70000];
    struct buf inner = buf_of(octets, sizeof octets);
    if (!p->inner.exchange(p->inner.ctx, command, &inner) || inner.len < 2)
        return false;
    buf_put(response, span_slice(buf_span(&inner), 0, inner.len - 2));
    put_sw(p, response, (uint16_t)(octets[inner.len - 2] << 8 | octets[inner.len - 1]));
    return true;
}

static void inject_off(void *ctx)
{
    struct play *p = ctx;
    p->inner.off(p->inner.ctx);
}

static const char *inject_why(void *ctx)
{
    struct play *p = ctx;
    return p->inner.why(p->inner.ctx);
}

/* ---- beginning and ending ---- */

static void log_event(void *ctx, const char *what, const char *json)
{
    struct play *p = ctx;
    int n = snprintf(p->log + p->log_len, PLAY_LOG_MAX - p->log_len, "%s {%s}\n", what, json);
    p->log_len += n > 0 && (size_t)n < PLAY_LOG_MAX - p->log_len ? (size_t)n : 0;
}

void play_subscriber(struct play *p, struct auc *auc, unsigned index, const char *imsi)
{
    struct sealed_error error;
    struct key_row row = {.index = index};
    memcpy(row.iccid, FIXTURE_ICCID, sizeof FIXTURE_ICCID);
    assert_true(personal_pair(p->f.crypto, &p->f.profile->p, span_of(p->f.seed, sizeof p->f.seed),
                              FIXTURE_ICCID, index, &row.pair));
    if (!auc_add(auc, &row, imsi, &error))
        fail_msg("%s", error.text);
    crypto_wipe(&row, sizeof row);
}

struct auc *play_centre(void)
{
    struct sealed_error error;
    const struct auc_config config = {":memory:", true, NULL, NULL};
    struct auc *a = auc_open(&config, &error);
    if (a == NULL)
        fail_msg("%s", error.text);
    return a;
}

void play_begin_with(struct play *p, const char *profile, struct modem_config config)
{
    memset(p, 0, sizeof *p);
    p->log = calloc(1, PLAY_LOG_MAX);
    assert_non_null(p->log);
    fixture_open(&p->f, profile);
    p->slot = (struct link_card){.card = p->f.card};
    p->inner = link_of_card(&p->slot);
    p->battery = (struct link_cut){.inner = {inject_reset, inject_exchange, inject_off, inject_why, p}};
    p->loop = loop_new(true);
    p->network = network_new(1);
    p->auc[0] = play_centre();
    play_subscriber(p, p->auc[0], 0, FIXTURE_IMSI);
    const struct network_spec home = {
        .plmn = "00101", .name = "A", .act = 0, .area = 0x1234, .cell = 0x5678, .auc = p->auc[0]};
    assert_int_equal(network_add(p->network, &home), 0);
    config.link = link_of_cut(&p->battery);
    config.loop = p->loop;
    config.network = p->network;
    config.seed = 1;
    p->modem = modem_new(&config);
    assert_non_null(p->modem);
    const struct modem_user user = {.log = log_event, .ctx = p};
    assert_true(modem_listen(p->modem, &user));
}

void play_begin(struct play *p, const char *profile)
{
    play_begin_with(p, profile, (struct modem_config){.imei = "490154203237518", .svn = "42"});
}

void play_end(struct play *p)
{
    if (getenv("MODEM_LOG") != NULL)
        fprintf(stderr, "%s\n", p->log);
    modem_free(p->modem);
    network_free(p->network);
    for (size_t i = 0; i < 3; i++)
        auc_close(p->auc[i]);
    loop_free(p->loop);
    fixture_close(&p->f);
    free(p->log);
}

void play_operator_b(struct play *p, const char *imsi)
{
    p->auc[1] = play_centre();
    if (imsi != NULL)
        play_subscriber(p, p->auc[1], 1, imsi);
    const struct network_spec b = {
        .plmn = "00102", .name = "B", .act = 7, .area = 0x2222, .cell = 0x123, .auc = p->auc[1]};
    assert_int_equal(network_add(p->network, &b), 1);
}

/* ---- going on ---- */

void play_pass(struct play *p, uint64_t ms)
{
    const uint64_t until = loop_now(p->loop) + ms;
    do
        assert_true(loop_step(p->loop, until - loop_now(p->loop)));
    while (loop_now(p->loop) < until);
}

void play_register(struct play *p)
{
    assert_int_equal(modem_function_set(p->modem, MODEM_FULL), MODEM_SIM_READY);
    play_pass(p, 10);
    assert_int_equal(modem_registration(p->modem), MODEM_HOME);
}

void play_proactive(struct play *p, uint8_t type, uint8_t qualifier, uint8_t to, const char *rest)
{
    uint8_t octets[256];
    struct buf more = buf_of(octets, sizeof octets),
               b = buf_of(p->queue[p->n_queue].octets, sizeof p->queue[0].octets);
    const struct cat_details details = {1, type, qualifier};
    const unsigned before = p->responses;
    uint8_t answer[256];
    struct buf data = buf_of(answer, sizeof answer);
    sw_t sw;
    assert_true(p->n_queue < PLAY_QUEUE_MAX && hex_parse(rest, &more, NULL));
    cat_proactive_build(&b, &details, to, buf_span(&more));
    assert_true(buf_ok(&b));
    p->queue[p->n_queue++].n = b.len;
    /* the next command says so */
    assert_true(modem_apdu(p->modem, span_of("\x80\xF2\x00\x0C\x00", 5), &data, &sw));
    for (unsigned i = 0; i < 100 && p->responses == before; i++)
        play_pass(p, 1);
}

static bool like(const char *text, const char *pattern)
{
    for (; *pattern != '\0' && *pattern != '*'; text++, pattern++) {
        if (*pattern == ' ')
            text--;
        else if (*text == '\0' || (*pattern != '.' && (*text | 0x20) != (*pattern | 0x20)))
            return false;
    }
    return *pattern == '*' || *text == '\0';
}

void play_answered_at(struct play *p, const char *pattern, const char *file, int line)
{
    char hex[2 * 256 + 1];
    const struct span result = span_slice(span_of(p->response, p->response_len), 9, 255);
    hex_format(result, hex);
    if (!like(hex, pattern))
        fail_msg("%s:%d: answer %s, not %s", file, line, hex, pattern);
}

void play_told_at(struct play *p, const char *pattern, const char *file, int line)
{
    char hex[2 * 256 + 1];
    hex_format(span_of(p->envelope, p->envelope_len), hex);
    if (!like(hex, pattern))
        fail_msg("%s:%d: envelope %s, not %s", file, line, hex, pattern);
}

const char *play_logged(struct play *p, const char *from, const char *text)
{
    const char *at = strstr(from != NULL ? from : p->log, text);
    if (at == NULL)
        fail_msg("the log has no '%s':\n%s", text, from != NULL ? from : p->log);
    return at + strlen(text);
}

bool play_has_logged(const struct play *p, const char *text)
{
    return strstr(p->log, text) != NULL;
}

/* ---- short messages ---- */

void play_reported(void *ctx, const struct modem_report *report)
{
    struct play_report *r = ctx;
    r->n++;
    r->lost = report->lost;
    r->failure = report->failure;
    r->sw = report->sw;
    r->data_len = report->user_data.n;
    assert_true(report->user_data.n <= sizeof r->data);
    if (report->user_data.n > 0)
        memcpy(r->data, report->user_data.p, report->user_data.n);
}

bool play_sms(struct play *p, const char *tpdu, struct play_report *report)
{
    uint8_t octets[256];
    struct buf b = buf_of(octets, sizeof octets);
    memset(report, 0, sizeof *report);
    assert_true(hex_parse(tpdu, &b, NULL));
    if (!modem_sms_deliver(p->modem, "+00101000001", buf_span(&b), play_reported, report))
        return false;
    for (unsigned i = 0; i < 100 && report->n == 0; i++)
        play_pass(p, 1);
    return true;
}

static bool take(void *ctx, unsigned nth, struct span tpdu)
{
    assert_int_equal(nth, 0);
    hex_format(tpdu, ctx);
    return true;
}

void play_order(struct play *p, unsigned index, const char *imsi, const char *reference, char hex[400])
{
    char tar[7], script[200];
    uint8_t packet[400], address[SMS_ADDRESS_MAX];
    struct buf from = buf_of(address, sizeof address);
    fixture_tar(&p->f, "subscription", tar);
    fixture_order(imsi, -1, reference, script, sizeof script);
    const struct fixture_ota ota = {index, FIXTURE_SPI, tar, script, 0};
    const size_t n = fixture_packet(&p->f, &ota, packet, sizeof packet);
    assert_true(sms_address_pack("12345", &from));
    assert_true(sms_packet_split(span_of(packet, n), 0, buf_span(&from), take, hex));
}
