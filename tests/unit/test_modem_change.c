/* SPDX-License-Identifier: Apache-2.0
 *
 * Changes of operator (3GPP TR 33.812 5.3.2.2) with a terminal in the loop: one that loses its power at the
 * worst moment, a new operator who does not know the card, a radio that is gone. Whatever happens, the card
 * is with an operator at the end (A5).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "hex.h"
#include "modem_play.h"

#define IMSI_B "001020000000042"

/* Where a terminal loses its power: before or after (the answer is lost) the nth command of this kind, from
 * the order on. */
static const struct moment {
    const char *name;
    uint8_t ins;
    bool after;
    unsigned nth;
} moments[] = {
    {"before ENVELOPE", 0xC2, false, 1},
    {"after ENVELOPE, before GET RESPONSE", 0xC2, true, 1},
    {"in GET RESPONSE: the receipt is lost", 0xC0, true, 1},
    {"before FETCH", 0x12, false, 1},
    {"after FETCH", 0x12, true, 1},
    {"before the card is told that the session ends", 0xF2, false,
     1}, /* REFRESH is obeyed: STATUS, then the reset */
    {"during REFRESH: before the MF is selected", 0xA4, false, 1},
    {"during REFRESH: after EF.IMSI was selected", 0xA4, true, 8},
    {"before TERMINAL PROFILE", 0x10, false, 1},
    {"after TERMINAL PROFILE", 0x10, true, 1},
    {"before the first AKA", 0x88, false, 1},
    {"after the first AKA: RES is lost", 0x88, true, 1},
    {"after AKA: before the location is kept", 0xD6, false, 1},
    {"after AKA: keys half kept", 0xD6, true, 2},
};

/* B over UTRAN: the card keeps keys and location in five files. */
static void operator_b(struct play *p)
{
    p->auc[1] = play_centre();
    play_subscriber(p, p->auc[1], 1, IMSI_B);
    const struct network_spec b = {
        .plmn = "00102", .name = "B", .act = 2, .area = 0x2222, .cell = 0x123, .auc = p->auc[1]};
    assert_int_equal(network_add(p->network, &b), 1);
}

/* The terminal is on again; the operator has no receipt, and orders once more (the same reference: the same
 * order). true: the card is with B at the end. */
static bool recover(struct play *p)
{
    struct play_report r;
    char hex[400];
    for (unsigned i = 0; i < 5; i++) {
        struct modem_operator op;
        (void)modem_function_set(p->modem, MODEM_FULL);
        play_pass(p, 1000);
        if (!modem_operator(p->modem, &op))
            fail_msg("no operator takes the card: %s", p->log);
        if (strcmp(op.plmn, "00102") == 0)
            return true;
        play_order(p, 0, IMSI_B, "0A0B", hex);
        (void)play_sms(p, hex, &r);
        play_pass(p, 1000);
    }
    return false;
}

static void play_moment(const struct moment *m, bool restart)
{
    struct play p;
    struct play_report r;
    char hex[400];
    play_begin(&p, "usim");
    operator_b(&p);
    play_register(&p);
    play_order(&p, 0, IMSI_B, "0A0B", hex);
    link_cut_arm(&p.battery, m->nth, true, m->ins, m->after);
    (void)play_sms(&p, hex, &r);
    play_pass(&p, 1000);
    if (!p.battery.happened)
        fail_msg("%s: never came to that", m->name);
    assert_int_equal(modem_sim_state(p.modem), MODEM_SIM_ABSENT);
    play_logged(&p, NULL, "card lost {\"why\":\"the battery fell out\"}");
    if (restart) { /* the card's process dies, too: what the store has is what there is */
        fixture_restart(&p.f);
        p.slot.card = p.f.card;
        uicc_power_off(p.f.card);
    }
    if (!recover(&p))
        fail_msg("%s: the card never came to B", m->name);
    /* B's subscription works, and goes on working; A's does not. */
    assert_string_equal(modem_imsi(p.modem), IMSI_B);
    for (unsigned i = 0; i < 40; i++) {
        assert_int_equal(modem_power_cycle(p.modem), MODEM_SIM_READY);
        play_pass(&p, 1000);
        assert_int_equal(modem_registration(p.modem), MODEM_HOME);
    }
    assert_string_equal(modem_imsi(p.modem), IMSI_B);
    play_end(&p);
}

static void test_worst_moments(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++) {
        play_moment(&moments[i], false);
        play_moment(&moments[i], true);
    }
}

/* At every single command of the whole change, one after the other. */
static void test_every_moment(void **state)
{
    (void)state;
    struct play p;
    struct play_report r;
    char hex[400];
    bool happened = true;
    unsigned n;
    for (n = 1; happened; n++) {
        play_begin(&p, "test");
        play_operator_b(&p, IMSI_B);
        play_register(&p);
        play_order(&p, 0, IMSI_B, "0A0B", hex);
        link_cut_arm(&p.battery, n, false, 0, n % 2 == 0);
        (void)play_sms(&p, hex, &r);
        play_pass(&p, 1000);
        happened = p.battery.happened;
        if (!recover(&p))
            fail_msg("cut at command %u: the card never came to B", n);
        play_end(&p);
        assert_in_range(n, 1, 500);
    }
    assert_in_range(n, 50, 500); /* the change takes so many */
}

/* B never heard of the card: rejected, and after so many power-ups the card goes back to A by itself. */
static void test_rolls_back(void **state)
{
    (void)state;
    struct play p;
    struct play_report r;
    char hex[400];
    unsigned power_ups = 0;
    play_begin(&p, "usim");
    play_operator_b(&p, NULL);
    play_register(&p);
    play_order(&p, 0, IMSI_B, "0A0B", hex);
    assert_true(play_sms(&p, hex, &r));
    assert_int_equal(r.failure, 0);
    play_pass(&p, 1000);
    assert_string_equal(modem_imsi(p.modem), IMSI_B);
    assert_int_equal(modem_registration(p.modem), MODEM_DENIED);
    assert_int_equal(modem_reject_cause(p.modem), 2);
    while (strcmp(modem_imsi(p.modem), IMSI_B) == 0 && power_ups < 100) {
        (void)modem_power_cycle(p.modem);
        play_pass(&p, 1000);
        power_ups++;
    }
    assert_in_range(power_ups, 1, 30); /* ota/README.md: 30 power-ups */
    assert_string_equal(modem_imsi(p.modem), FIXTURE_IMSI);
    play_pass(&p, 1000);
    assert_int_equal(modem_registration(p.modem), MODEM_HOME);
    play_end(&p);
}

/* The order of the operator with these limits of the trial (ota/README.md, 84). */
static void order_with_limits(struct play *p, const char *limits, char hex[400])
{
    char tar[7], script[200];
    uint8_t packet[400], octets[256];
    struct buf b = buf_of(octets, sizeof octets);
    fixture_tar(&p->f, "subscription", tar);
    snprintf(script, sizeof script, "80e29000%02zxe1%02zx8109080910200000000024%s00c0000000",
             13 + strlen(limits) / 2, 11 + strlen(limits) / 2, limits);
    const struct fixture_ota ota = {0, FIXTURE_SPI, tar, script, 0};
    const size_t n = fixture_packet(&p->f, &ota, packet, sizeof packet);
    /* SMS-DELIVER from 12345 with user data header 70 */
    assert_true(hex_parse("4405812143F57FF662101000000000", &b, NULL));
    buf_u8(&b, (uint8_t)(n + 3));
    buf_put(&b, span_of("\x02\x70\x00", 3));
    buf_put(&b, span_of(packet, n));
    hex_format(buf_span(&b), hex);
}

/* Limits that a terminal in the field comes to without its user: no service, STATUS polls, a timer. */
static void test_rolls_back_by_itself(void **state)
{
    (void)state;
    static const struct {
        const char *limits, *why;
        unsigned minutes; /* that it may take */
        bool denied;      /* B is there, and refuses; else it is out of reach */
    } trials[] = {
        {"840400000002", "no service told twice", 5, false},
        {"840400030000", "three polls", 5, true},
        {"8405000000000A", "ten minutes", 15, true},
    };
    for (size_t i = 0; i < sizeof trials / sizeof trials[0]; i++) {
        struct play p;
        struct play_report r;
        char hex[400];
        play_begin(&p, "usim");
        play_operator_b(&p, NULL);
        play_register(&p);
        network_switch(p.network, 1, trials[i].denied);
        order_with_limits(&p, trials[i].limits, hex);
        assert_true(play_sms(&p, hex, &r));
        assert_int_equal(r.failure, 0);
        for (unsigned s = 0; s < trials[i].minutes * 60 && modem_registration(p.modem) != MODEM_HOME; s++) {
            play_pass(&p, 1000);
            if (!trials[i].denied && s % 40 == 30) { /* coverage comes and goes */
                network_switch(p.network, 0, s % 80 == 30);
                modem_radio_changed(p.modem);
            }
        }
        if (!trials[i].denied) {
            network_switch(p.network, 0, true);
            modem_radio_changed(p.modem);
            play_pass(&p, 1000);
        }
        if (strcmp(modem_imsi(p.modem), FIXTURE_IMSI) != 0 || modem_registration(p.modem) != MODEM_HOME)
            fail_msg("%s: not back at A: %s %d", trials[i].why, modem_imsi(p.modem),
                     modem_registration(p.modem));
        play_end(&p);
    }
}

/* Confirmed by the first AKA, the change is final; and from B on to C. */
static void test_on_and_on(void **state)
{
    (void)state;
    struct play p;
    struct play_report r;
    char hex[400];
    play_begin(&p, "usim");
    play_operator_b(&p, IMSI_B);
    p.auc[2] = play_centre();
    play_subscriber(&p, p.auc[2], 2, "001030000000007");
    const struct network_spec c = {
        .plmn = "00103", .name = "C", .act = 2, .area = 3, .cell = 3, .auc = p.auc[2]};
    assert_int_equal(network_add(p.network, &c), 2);
    play_register(&p);
    play_order(&p, 0, IMSI_B, "01", hex);
    assert_true(play_sms(&p, hex, &r));
    play_pass(&p, 1000);
    assert_string_equal(modem_imsi(p.modem), IMSI_B);
    assert_int_equal(modem_registration(p.modem), MODEM_HOME);
    p.f.counter = 0;
    play_order(&p, 0, FIXTURE_IMSI, "02", hex); /* A has nothing to say any more */
    assert_true(play_sms(&p, hex, &r));
    play_pass(&p, 1000);
    assert_string_equal(modem_imsi(p.modem), IMSI_B);
    p.f.counter = 0;
    play_order(&p, 1, "001030000000007", "03", hex);
    assert_true(play_sms(&p, hex, &r));
    assert_int_equal(r.failure, 0);
    play_pass(&p, 1000);
    assert_string_equal(modem_imsi(p.modem), "001030000000007");
    assert_int_equal(modem_registration(p.modem), MODEM_HOME);
    struct modem_operator op;
    assert_true(modem_operator(p.modem, &op));
    assert_string_equal(op.name, "C");
    play_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worst_moments), cmocka_unit_test(test_every_moment),
        cmocka_unit_test(test_rolls_back),    cmocka_unit_test(test_rolls_back_by_itself),
        cmocka_unit_test(test_on_and_on),
    };
    return cmocka_run_group_tests_name("modem-change", tests, NULL, NULL);
}
