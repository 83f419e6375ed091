/* SPDX-License-Identifier: Apache-2.0
 *
 * The virtual terminal with a card in memory: a virtual clock, an authentication centre in memory, no socket
 * but BIP's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "card_fixture.h"
#include "hex.h"
#include "modem.h"
#include "modem_link.h"
#include "modem_network.h"

enum { LOG_MAX = 1 << 18 };

struct play {
    struct fixture f;
    struct link_card slot;
    struct link_cut battery;
    struct loop *loop;
    struct auc *auc[3];
    struct modem_network *network;
    struct modem *modem;
    char *log; /* lines of word and members */
    size_t log_len;
};

static void log_event(void *ctx, const char *what, const char *json)
{
    struct play *p = ctx;
    int n = snprintf(p->log + p->log_len, LOG_MAX - p->log_len, "%s {%s}\n", what, json);
    p->log_len += n > 0 && (size_t)n < LOG_MAX - p->log_len ? (size_t)n : 0;
}

static void add_subscriber(struct play *p, struct auc *auc, unsigned index, const char *imsi)
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

static struct auc *centre(void)
{
    struct sealed_error error;
    const struct auc_config config = {":memory:", true, NULL, NULL};
    struct auc *a = auc_open(&config, &error);
    if (a == NULL)
        fail_msg("%s", error.text);
    return a;
}

static void begin_with(struct play *p, const char *profile, struct modem_config config)
{
    memset(p, 0, sizeof *p);
    p->log = calloc(1, LOG_MAX);
    assert_non_null(p->log);
    fixture_open(&p->f, profile);
    p->slot = (struct link_card){.card = p->f.card};
    p->battery = (struct link_cut){.inner = link_of_card(&p->slot)};
    p->loop = loop_new(true);
    p->network = network_new(1);
    p->auc[0] = centre();
    add_subscriber(p, p->auc[0], 0, FIXTURE_IMSI);
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

static void begin(struct play *p, const char *profile)
{
    begin_with(p, profile, (struct modem_config){.imei = "490154203237518"});
}

static void end(struct play *p)
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

/* So many seconds of the terminal's life. */
static void pass(struct play *p, unsigned seconds)
{
    const uint64_t until = loop_now(p->loop) + seconds * UINT64_C(1000);
    do
        assert_true(loop_step(p->loop, until - loop_now(p->loop)));
    while (loop_now(p->loop) < until);
}

static void test_registers(void **state)
{
    (void)state;
    struct play p;
    begin(&p, "usim");
    assert_int_equal(modem_function_set(p.modem, MODEM_FULL), MODEM_SIM_READY);
    assert_string_equal(modem_imsi(p.modem), FIXTURE_IMSI);
    pass(&p, 1);
    assert_int_equal(modem_registration(p.modem), MODEM_HOME);
    end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registers),
    };
    return cmocka_run_group_tests_name("modem", tests, NULL, NULL);
}
