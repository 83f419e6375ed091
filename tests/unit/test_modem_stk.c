/* SPDX-License-Identifier: Apache-2.0
 *
 * The virtual terminal as the card's servant: proactive commands, events, timers, data channels (ETSI TS 102
 * 223, 3GPP TS 31.111).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "hex.h"
#include "modem_inner.h"
#include "modem_play.h"

enum { TERMINAL = 0x82, NETWORK = 0x83, DISPLAY = 0x02, CHANNEL_1 = 0x21 };

static void setup(struct play *p)
{
    play_begin(p, "usim");
    play_register(p);
}

/* ---- the state machine ---- */

static void test_sessions(void **state)
{
    (void)state;
    struct play p;
    setup(&p);
    play_proactive(&p, 0x02, 0, TERMINAL, ""); /* MORE TIME */
    play_answered(&p, "830100");
    assert_false(modem_stk_busy(p.modem));
    play_proactive(&p, 0x99, 0, TERMINAL, ""); /* a type of nobody's */
    play_answered(&p, "830131");
    play_proactive(&p, 0x03, 0, TERMINAL, ""); /* POLL INTERVAL without a duration */
    play_answered(&p, "830136");
    play_proactive(&p, 0x40, 0, TERMINAL, ""); /* OPEN CHANNEL without a buffer size */
    play_answered(&p, "830136");
    play_proactive(&p, 0x70, 0, TERMINAL, "7B0101"); /* ACTIVATE: not one of ours */
    play_answered(&p, "830131");
    /* Two in one session: the second is fetched after the first's response. */
    p.queue[0].n = 0;
    play_proactive(&p, 0x02, 0, TERMINAL, "");
    const unsigned before = p.responses;
    play_proactive(&p, 0x02, 0, TERMINAL, "");
    assert_int_equal(p.responses, before + 1);
    /* Something that is no proactive command at all. */
    memcpy(p.queue[0].octets, "\xD0\x03\x01\x02\x03", 5);
    p.queue[0].n = 5;
    p.n_queue = 1;
    sw_t sw;
    assert_true(modem_apdu(p.modem, span_of("\x80\xF2\x00\x0C\x00", 5), NULL, &sw));
    assert_int_equal(sw, 0x9105);
    play_pass(&p, 10);
    play_answered(&p, "830132");
    play_end(&p);
}

static void test_polling(void **state)
{
    (void)state;
    struct play p;
    setup(&p);
    unsigned before = p.statuses;
    play_pass(&p, 300000);
    assert_in_range(p.statuses - before, 9, 10); /* every 30 s */
    play_proactive(&p, 0x03, 0, TERMINAL,
                   "840201"
                   "05"); /* every 5 s */
    play_answered(&p, "830100 84020105");
    before = p.statuses;
    play_pass(&p, 300000);
    assert_in_range(p.statuses - before, 59, 60);
    play_proactive(&p, 0x03, 0, TERMINAL,
                   "840200"
                   "02"); /* 2 minutes */
    play_answered(&p, "830100 840201 78");
    before = p.statuses;
    play_pass(&p, 600000);
    assert_in_range(p.statuses - before, 4, 5);
    play_proactive(&p, 0x04, 0, TERMINAL, ""); /* POLLING OFF: as at the beginning */
    play_answered(&p, "830100");
    before = p.statuses;
    play_pass(&p, 300000);
    assert_in_range(p.statuses - before, 9, 10);
    play_proactive(&p, 0x03, 0, TERMINAL,
                   "840203"
                   "01");
    play_answered(&p, "830132");
    play_end(&p);
}

/* A card that always wants something more: time goes on all the same, and the terminal does other things. */
static void again_and_again(void *ctx, struct span proactive, struct span response)
{
    struct play *p = ctx;
    (void)proactive;
    (void)response;
    p->n_queue++; /* the same once more: it is removed when it has been answered */
    p->queue[p->n_queue - 1] = p->queue[0];
}

static void test_never_done(void **state)
{
    (void)state;
    struct play p;
    setup(&p);
    const struct modem_user user = {.stk_done = again_and_again, .ctx = &p};
    assert_true(modem_listen(p.modem, &user));
    play_proactive(&p, 0x02, 0, TERMINAL, "");
    const unsigned before = p.responses, statuses = p.statuses;
    play_pass(&p, 100000);
    assert_in_range(p.responses - before, 1000, 11000);
    assert_in_range(p.statuses - statuses, 2, 4);
    play_end(&p);
}

/* ---- REFRESH ---- */

struct refreshes {
    unsigned n;
    uint8_t mode;
    size_t files;
};

static void refreshed(void *ctx, uint8_t mode, struct span files)
{
    struct refreshes *r = ctx;
    r->n++;
    r->mode = mode;
    r->files = files.n;
}

static void change_spn(struct play *p, const char *hex)
{
    char command[60];
    fixture_apdu(&p->f, "00A4040C07A0000000871002", "9000", true, __FILE__, __LINE__);
    fixture_apdu(&p->f, "0020000A083132333435363738", "9000", true, __FILE__, __LINE__);
    fixture_apdu(&p->f, "00A40804047FFF6F46", "61*", false, __FILE__, __LINE__);
    snprintf(command, sizeof command, "00D6000005%s", hex);
    fixture_apdu(&p->f, command, "9000", true, __FILE__, __LINE__);
}

static void test_refresh(void **state)
{
    (void)state;
    struct play p;
    struct refreshes r = {0};
    setup(&p);
    const struct modem_user user = {.refresh = refreshed, .ctx = &r};
    assert_true(modem_listen(p.modem, &user));
    play_proactive(&p, 0x03, 0, TERMINAL, "84020105"); /* polls every 5 s: TS 102 223 6.4.6 */
    static const uint8_t modes[] = {0x00, 0x02, 0x03, 0x05, 0x06};
    for (size_t i = 0; i < sizeof modes; i++) {
        char name[11];
        snprintf(name, sizeof name, "01414243%02zX", 0x30 + i);
        change_spn(&p, name);
        const unsigned resets = p.resets;
        play_proactive(&p, 0x01, modes[i], TERMINAL,
                       "920701"
                       "3F007FFF6F46");
        play_answered(&p, "830100");
        assert_int_equal(r.mode, modes[i]);
        assert_int_equal(modem_spn(p.modem)[3], '0' + (int)i); /* read again */
        assert_int_equal(p.resets, resets);
        play_pass(&p, 10);
        assert_int_equal(modem_registration(p.modem), MODEM_HOME);
        const unsigned statuses = p.statuses;
        play_pass(&p, 60000);
        assert_in_range(p.statuses - statuses, 11, 12);
    }
    change_spn(&p, "0158595A39");
    play_proactive(&p, 0x01, 0x01, TERMINAL,
                   "920701"
                   "3F007FFF6F46");
    play_answered(&p, "830103"); /* more was read than was named */
    assert_memory_equal(modem_spn(p.modem), "XYZ9", 4);
    assert_int_equal(r.files, 7);
    play_proactive(&p, 0x01, 0x01, TERMINAL, "");
    play_answered(&p, "830136");
    play_proactive(&p, 0x01, 0x07, TERMINAL,
                   "F20A"
                   "1300144000"
                   "00F1208000"); /* steering of roaming */
    play_answered(&p, "830100");
    play_proactive(&p, 0x01, 0x42, TERMINAL, "");
    play_answered(&p, "830130");
    const unsigned resets = p.resets, answers = p.responses;
    play_proactive(&p, 0x01, 0x04, TERMINAL, ""); /* UICC reset is its own answer */
    assert_int_equal(p.resets, resets + 1);
    assert_int_equal(p.responses, answers);
    assert_int_equal(r.mode, 0x04);
    play_pass(&p, 10);
    assert_int_equal(modem_registration(p.modem), MODEM_HOME);
    play_end(&p);
}

/* A PIN that was verified is not asked for again by a session reset; after a UICC reset it is, and the
 * terminal knows it. */
static void test_refresh_with_pin(void **state)
{
    (void)state;
    struct play p;
    play_begin_with(&p, "usim", (struct modem_config){.pin = "1234"});
    play_register(&p);
    assert_int_equal(modem_pin_lock(p.modem, true, "1234"), SW_OK);
    play_proactive(&p, 0x01, 0x05, TERMINAL, "");
    play_answered(&p, "830100");
    assert_int_equal(modem_sim_state(p.modem), MODEM_SIM_READY);
    play_proactive(&p, 0x01, 0x04, TERMINAL, "");
    play_pass(&p, 10);
    assert_int_equal(modem_sim_state(p.modem), MODEM_SIM_READY);
    assert_int_equal(modem_registration(p.modem), MODEM_HOME);
    play_end(&p);
}

/* ---- timers ---- */

static void test_timers(void **state)
{
    (void)state;
    struct play p;
    setup(&p);
    const unsigned before = p.envelopes;
    play_proactive(&p, 0x27, 0x00, TERMINAL, "A40103 A503000300"); /* timer 3: 30 minutes */
    play_answered(&p, "830100 A40103");
    play_pass(&p, 600000);
    play_proactive(&p, 0x27, 0x02, TERMINAL, "A40103");
    play_answered(&p, "830100 A40103 A503000200"); /* 20 left */
    play_proactive(&p, 0x27, 0x01, TERMINAL, "A40103");
    play_answered(&p, "830100 A40103 A503000200");
    play_proactive(&p, 0x27, 0x01, TERMINAL, "A40103");
    play_answered(&p, "830124"); /* it does not run */
    play_pass(&p, 3600000);
    assert_int_equal(p.envelopes, before);
    play_proactive(&p, 0x27, 0x00, TERMINAL, "A40101 A503000050"); /* 5 s */
    play_proactive(&p, 0x27, 0x00, TERMINAL, "A40108 A503000030"); /* 3 s */
    play_pass(&p, 3500);
    assert_int_equal(p.envelopes, before + 1);
    play_told(&p, "D70C 82028281 A40108 A503000030"); /* 7.4.2: since its start */
    play_pass(&p, 3000);
    assert_int_equal(p.envelopes, before + 2);
    play_told(&p, "D70C 82028281 A40101 A503000050");
    play_proactive(&p, 0x27, 0x00, TERMINAL, "A40109 A503000050");
    play_answered(&p, "830132");
    play_proactive(&p, 0x27, 0x00, TERMINAL, "A40101");
    play_answered(&p, "830136");
    /* A card that is busy hears of it when its session is over. */
    play_proactive(&p, 0x27, 0x00, TERMINAL, "A40102 A503000010");
    p.busy = true;
    play_pass(&p, 1500);
    assert_int_equal(p.envelopes, before + 3);
    p.busy = false;
    play_proactive(&p, 0x02, 0, TERMINAL, "");
    play_pass(&p, 10);
    assert_int_equal(p.envelopes, before + 4);
    play_told(&p, "D70C 82028281 A40102 A503000010");
    play_pass(&p, 60000);
    assert_int_equal(p.envelopes, before + 4);
    /* Power off: none is left. */
    play_proactive(&p, 0x27, 0x00, TERMINAL, "A40102 A503000010");
    assert_int_equal(modem_power_cycle(p.modem), MODEM_SIM_READY);
    play_pass(&p, 5000);
    assert_int_equal(p.envelopes, before + 4);
    play_end(&p);
}

/* 9300 without a session of the card's: what it was not told is told again, in order, and not for ever. */
static void test_busy(void **state)
{
    (void)state;
    struct play p;
    setup(&p);
    const unsigned before = p.envelopes;
    play_proactive(&p, 0x27, 0x00, TERMINAL, "A40101 A503000010");
    play_proactive(&p, 0x27, 0x00, TERMINAL, "A40102 A503000020");
    p.busy = true;
    play_pass(&p, 5500);
    assert_in_range(p.envelopes - before, 4, 6);
    play_told(&p, "D70C 82028281 A40101 A503000010"); /* still the first */
    p.busy = false;
    const unsigned then = p.envelopes;
    play_pass(&p, 1100);
    assert_int_equal(p.envelopes, then + 2);
    play_told(&p, "D70C 82028281 A40102 A503000020");
    play_pass(&p, 60000);
    assert_int_equal(p.envelopes, then + 2);
    p.busy = true;
    play_proactive(&p, 0x27, 0x00, TERMINAL, "A40101 A503000010");
    play_pass(&p, 600000);
    play_logged(&p, NULL, "envelope dropped");
    p.busy = false;
    const unsigned given_up = p.envelopes;
    play_pass(&p, 60000);
    assert_int_equal(p.envelopes, given_up);
    /* Sessions of its own are no tries: a card that has many within a moment is not given up. */
    p.busy = true;
    play_proactive(&p, 0x27, 0x00, TERMINAL, "A40101 A503000010");
    play_pass(&p, 1100);
    for (unsigned i = 0; i < 40; i++)
        play_proactive(&p, 0x02, 0, TERMINAL, "");
    assert_true(p.envelopes > given_up + 40);
    p.busy = false;
    const unsigned told = p.envelopes;
    play_pass(&p, 2000);
    assert_int_equal(p.envelopes, told + 1);
    play_told(&p, "D70C 82028281 A40101 A503000010");
    /* gone with the power */
    p.busy = true;
    play_proactive(&p, 0x27, 0x00, TERMINAL, "A40101 A503000010");
    play_pass(&p, 1500);
    p.busy = false;
    assert_int_equal(modem_power_cycle(p.modem), MODEM_SIM_READY);
    play_pass(&p, 60000);
    assert_int_equal(p.envelopes, told + 2);
    play_end(&p);
}

/* ---- events and local information ---- */

static void test_location_status(void **state)
{
    (void)state;
    struct play p;
    struct sealed_error error;
    setup(&p);
    assert_int_equal(p.envelopes, 0); /* nobody asked */
    play_proactive(&p, 0x05, 0, TERMINAL,
                   "9902"
                   "0312");
    play_answered(&p, "830100");
    play_pass(&p, 10);
    assert_int_equal(p.envelopes, 1);
    play_told(&p, "D6.. 990103 82028281 9B0100 9307 00F110 1234 5678");
    play_pass(&p, 100000);
    play_proactive(&p, 0x05, 0, TERMINAL,
                   "9902"
                   "0312"); /* once more: no news */
    play_pass(&p, 100000);
    assert_int_equal(p.envelopes, 1);
    network_switch(p.network, 0, false);
    modem_radio_changed(p.modem);
    play_pass(&p, 10);
    assert_int_equal(p.envelopes, 2);
    play_told(&p, "D6.. 990103 82028281 9B0102"); /* no service */
    assert_true(auc_remove(p.auc[0], FIXTURE_IMSI, AUC_CURRENT, &error));
    network_switch(p.network, 0, true);
    modem_radio_changed(p.modem);
    play_pass(&p, 10);
    assert_int_equal(p.envelopes, 4); /* rejected, and so limited service */
    play_told(&p, "D6.. 990103 82028281 9B0101");
    play_end(&p);

    setup(&p); /* E-UTRAN has other words for the place; rejected there */
    play_operator_b(&p, NULL);
    play_proactive(&p, 0x05, 0, TERMINAL, "990112");
    modem_operator_select(p.modem, "00102");
    play_pass(&p, 10);
    play_told(&p, "D6.. 990112 82028381 7D0500F1202222 BF0108 740109 75010B");
    const struct network_spec c = {.plmn = "00103", .name = "C", .act = 0, .area = 0x3333, .auc = p.auc[1]};
    assert_int_equal(network_add(p.network, &c), 2);
    modem_operator_select(p.modem, "00103");
    play_pass(&p, 10);
    play_told(&p, "D6.. 990112 82028381 9305 00F130 3333 BF0100 740102 75010B"); /* an IMSI attach */
    play_subscriber(&p, p.auc[1], 1, FIXTURE_IMSI); /* another K: it is the card that says no */
    const unsigned rejections = p.envelopes;
    modem_operator_select(p.modem, "00103");
    play_pass(&p, 10);
    assert_int_equal(modem_reject_cause(p.modem), 20);
    assert_int_equal(p.envelopes, rejections);
    play_proactive(&p, 0x05, 0, TERMINAL, "99020312"); /* 6.4.16 */
    play_answered(&p, "830100");
    play_proactive(&p, 0x05, 0, TERMINAL, "99020300"); /* calls: there are none, and the profile says none */
    play_answered(&p, "830130");
    const struct span profile = modem_stk_profile_get(p.modem);
    /* search mode, which is answered; no ESN, which is not */
    assert_true(cat_profile_has(profile, cat_facility(CAT_PROVIDE_LOCAL_INFORMATION, 0x09)));
    assert_false(cat_profile_has(profile, cat_facility(CAT_PROVIDE_LOCAL_INFORMATION, 0x07)));
    play_proactive(&p, 0x05, 0, TERMINAL, "9901FF");
    play_answered(&p, "830130");
    play_proactive(&p, 0x05, 0, TERMINAL, "9900"); /* none any more */
    play_answered(&p, "830100");
    const unsigned before = p.envelopes;
    modem_operator_select(p.modem, NULL);
    play_pass(&p, 10);
    assert_int_equal(p.envelopes, before);
    play_end(&p);

    setup(&p); /* who roams and finds home again updates its location, and attaches no more */
    play_operator_b(&p, NULL);
    play_subscriber(&p, p.auc[1], 0, FIXTURE_IMSI);
    network_switch(p.network, 0, false);
    modem_radio_changed(p.modem);
    play_pass(&p, 10);
    assert_int_equal(modem_registration(p.modem), MODEM_ROAMING);
    play_proactive(&p, 0x05, 0, TERMINAL, "990112");
    assert_true(auc_remove(p.auc[0], FIXTURE_IMSI, AUC_CURRENT, &error));
    network_switch(p.network, 0, true);
    play_pass(&p, 31 * 60000);
    play_told(&p, "D6.. 990112 82028381 9305 00F110 1234 BF0100 740100 750102");
    play_end(&p);
}

static void test_local_information(void **state)
{
    (void)state;
    struct play p;
    setup(&p);
    static const struct {
        uint8_t qualifier;
        const char *answer;
    } asked[] = {
        {0x00, "830100 9307 00F11012345678"},
        {0x01, "830100 9408 4A09512430325701"}, /* 49 015420 323751: the last digit is sent as 0 */
        {0x03, "830100 A607 621010 0000.. 00"},
        {0x04, "830100 AD02656E"},
        {0x06, "830100 BF0100"},
        {0x08, "830100 E209 43 09512430325741 F2"}, /* ... 1 42 */
        {0x09, "830100 E50101"},
        {0x02, "830130"},
        {0x05, "830130"},
    };
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        play_proactive(&p, 0x26, asked[i].qualifier, TERMINAL, "");
        play_answered(&p, asked[i].answer);
    }
    network_switch(p.network, 0, false);
    modem_radio_changed(p.modem);
    play_proactive(&p, 0x26, 0x00, TERMINAL, "");
    play_answered(&p, "83022004");
    play_proactive(&p, 0x26, 0x01, TERMINAL, "");
    play_answered(&p, "830100 94*");
    play_end(&p);
}

/* ---- messages of the card ---- */

struct sent {
    unsigned n, cause;
    uint8_t first, mr;
    char centre[22];
    char hex[2 * MODEM_TPDU_MAX + 1];
};

static unsigned take(void *ctx, const char *centre, struct span tpdu)
{
    struct sent *s = ctx;
    s->n++;
    s->first = tpdu.p[0];
    s->mr = tpdu.p[1];
    hex_format(tpdu, s->hex);
    snprintf(s->centre, sizeof s->centre, "%s", centre);
    return s->cause;
}

static void test_messages(void **state)
{
    (void)state;
    struct play p;
    struct sent s = {0};
    setup(&p);
    network_on_submit(p.network, take, &s);
    play_proactive(&p, 0x13, 0, NETWORK,
                   "8604"
                   "91947121"
                   "8B0C"
                   "010005812143F50004026869");
    play_answered(&p, "830100");
    assert_int_equal(s.n, 1);
    assert_string_equal(s.centre, "+491712");
    play_proactive(&p, 0x13, 0, NETWORK,
                   "8B0C"
                   "010005812143F50004026869"); /* by EF.SMSP's centre */
    play_answered(&p, "830100");
    assert_string_equal(s.centre, "+00101000001");
    /* packing required: "hellohello" in octets becomes septets, with and without a header; class 1 stays */
    play_proactive(&p, 0x13, 1, NETWORK, "8B14 010005812143F500F5 0A 68656C6C6F68656C6C6F");
    play_answered(&p, "830100");
    assert_string_equal(s.hex + 4, "05812143f500f10ae8329bfd4697d9ec37");
    play_proactive(&p, 0x13, 1, NETWORK, "8B16 510005812143F50004A7 0B 050003010201 68656C6C6F");
    play_answered(&p, "830100");
    assert_string_equal(s.hex + 4, "05812143f50000a70c050003010201d06536fb0d");
    const unsigned before = s.n;
    play_proactive(&p, 0x13, 1, NETWORK, "8B0E 010005812143F50008 04 00680069"); /* UCS2 has none */
    play_answered(&p, "830132");
    play_proactive(&p, 0x13, 1, NETWORK, "8B0E 410005812143F50004 04 FF680069"); /* no such header */
    play_answered(&p, "830132");
    assert_int_equal(s.n, before);
    s.cause = 41;
    play_proactive(&p, 0x13, 0, NETWORK,
                   "8B0C"
                   "010005812143F50004026869");
    play_answered(&p, "83023529");
    play_proactive(&p, 0x13, 0, NETWORK, "");
    play_answered(&p, "830136");
    network_switch(p.network, 0, false);
    modem_radio_changed(p.modem);
    play_proactive(&p, 0x13, 0, NETWORK,
                   "8B0C"
                   "010005812143F50004026869");
    play_answered(&p, "83022004");
    network_switch(p.network, 0, true);
    modem_radio_changed(p.modem);
    play_pass(&p, 10);
    assert_true(network_ussd_script(p.network, "*100#", "Credit: 5"));
    play_proactive(&p, 0x12, 0, NETWORK,
                   "8A06"
                   "0F"
                   "AA180C3602"); /* *100#, packed */
    play_answered(&p, "830100 8D0A04 4372656469743A2035");
    /* 8.15: in the default alphabet, which is not ASCII, or UCS2 */
    assert_true(network_ussd_script(p.network, "*101#", "$5 @_"));
    play_proactive(&p, 0x12, 0, NETWORK,
                   "8A06"
                   "F4"
                   "2A31303123");
    play_answered(&p, "830100 8D0604 0235200011");
    assert_true(network_ussd_script(p.network, "*102#", "\xD0\x96"));
    play_proactive(&p, 0x12, 0, NETWORK,
                   "8A06"
                   "F4"
                   "2A31303223");
    play_answered(&p, "830100 8D0308 0416");
    play_proactive(&p, 0x12, 0, NETWORK,
                   "8A06"
                   "F4"
                   "2A39393923");
    play_answered(&p, "83023700");
    play_end(&p);
}

/* TS 31.111 7.3.1.1, 7.3.2.2: a card that controls messages and USSD strings is asked about its own, while
 * its command is under way. */
static void test_own_control(void **state)
{
    (void)state;
    struct play p;
    struct sent s = {0};
    static const char message[] = "8B0C 010005812143F50004026869", string[] = "8A06 0F AA180C3602";
    setup(&p);
    network_on_submit(p.network, take, &s);
    assert_true(network_ussd_script(p.network, "*100#", "5"));
    p.modem->ust[3] |= 0x60; /* services 30 and 31 */
    unsigned before = p.envelopes;
    play_proactive(&p, 0x13, 0, NETWORK, message);
    play_answered(&p, "830100");
    assert_int_equal(s.n, 1);
    assert_int_equal(p.envelopes, ++before);
    play_told(&p, "D5.. 02028281 86 07 91 000101 0000 F1 86 04 81 2143F5 13*");
    play_proactive(&p, 0x12, 0, NETWORK, string);
    play_answered(&p, "830100 8D*");
    assert_int_equal(p.envelopes, ++before);
    play_told(&p, "D4.. 02028281 8A06 0FAA180C3602 13*");
    p.busy = true; /* no answer is no permission, but there may be one later */
    play_proactive(&p, 0x13, 0, NETWORK, message);
    play_answered(&p, "830125");
    play_proactive(&p, 0x12, 0, NETWORK, string);
    play_answered(&p, "830125");
    p.busy = false;
    p.control = "0100";
    play_proactive(&p, 0x13, 0, NETWORK, message);
    play_answered(&p, "83023901");
    play_proactive(&p, 0x12, 0, NETWORK, string);
    play_answered(&p, "83023901");
    assert_int_equal(s.n, 1);
    p.control = "0208 86019186038121F3"; /* to 123: done, as it wants it (TS 102 223 8.12) */
    play_proactive(&p, 0x13, 0, NETWORK, message);
    play_answered(&p, "830105");
    assert_int_equal(s.n, 2);
    assert_string_equal(s.hex + 4, "038121f30004026869");
    assert_true(network_ussd_script(p.network, "*101#", "6"));
    p.control = "0208 8A06F42A31303123";
    play_proactive(&p, 0x12, 0, NETWORK, string);
    play_answered(&p, "830105 8D020436");
    assert_false(modem_ussd(p.modem, 0xF4, span_of("*100#", 5))); /* a user would mind */
    p.control = "0206 8604812143F5";                              /* a call in its place */
    play_proactive(&p, 0x12, 0, NETWORK, string);
    play_answered(&p, "83023902");
    s.n = 1;
    p.modem->ust[3] &= (uint8_t)~0x60;
    play_proactive(&p, 0x13, 0, NETWORK, message);
    play_answered(&p, "830100");
    assert_int_equal(s.n, 2);
    play_end(&p);
}

/* ---- the user ---- */

struct person {
    unsigned asked, ended;
    uint8_t last[300];
    size_t n;
    bool there;
};

static bool asked(void *ctx, struct span proactive)
{
    struct person *u = ctx;
    u->asked++;
    u->n = proactive.n;
    memcpy(u->last, proactive.p, proactive.n);
    return u->there;
}

static void ended(void *ctx)
{
    ((struct person *)ctx)->ended++;
}

static void test_user(void **state)
{
    (void)state;
    struct play p;
    struct person u = {.there = true};
    sw_t sw;
    setup(&p);
    const struct modem_user user = {.stk = asked, .stk_end = ended, .ctx = &u};
    assert_true(modem_listen(p.modem, &user));
    play_proactive(&p, 0x21, 0x80, DISPLAY,
                   "8D0404"
                   "4F4B3F"); /* DISPLAY TEXT, cleared by the user */
    assert_int_equal(u.asked, 1);
    assert_memory_equal(modem_stk_waiting(p.modem).p, "\xD0", 1);
    const unsigned before = p.responses;
    play_pass(&p, 1000);
    assert_int_equal(p.responses, before);
    assert_true(modem_stk_answer(p.modem, 0x00, SPAN_EMPTY, SPAN_EMPTY, &sw));
    play_answered(&p, "830100");
    assert_int_equal(u.ended, 1);
    assert_false(modem_stk_answer(p.modem, 0x00, SPAN_EMPTY, SPAN_EMPTY, &sw));
    assert_int_equal(modem_stk_waiting(p.modem).n, 0);
    play_proactive(&p, 0x23, 0x00, TERMINAL, "8D0104 91020004"); /* GET INPUT */
    assert_true(modem_stk_answer(p.modem, 0x00, SPAN_EMPTY, span_of("\x8D\x03\x04\x34\x32", 5), &sw));
    play_answered(&p, "830100 8D03043432");
    play_proactive(&p, 0x24, 0x00, TERMINAL, "8F03014131 8F03024232"); /* SELECT ITEM */
    assert_true(modem_stk_answer(p.modem, 0x00, SPAN_EMPTY, span_of("\x90\x01\x02", 3), &sw));
    play_answered(&p, "830100 900102");
    play_proactive(&p, 0x22, 0x04, TERMINAL, "8D0104"); /* GET INKEY; the user goes away */
    play_pass(&p, 61000);
    play_answered(&p, "830112");
    play_proactive(&p, 0x24, 0x00, TERMINAL, "8F03014131"); /* a response of the AT peer's own making */
    assert_true(
        modem_stk_response(p.modem, span_of("\x81\x03\x01\x24\x00\x82\x02\x82\x81\x83\x01\x11", 12), &sw));
    play_answered(&p, "830111");

    u.there = false; /* nobody */
    static const struct {
        uint8_t type, to;
        const char *rest, *answer;
        unsigned after;
    } alone[] = {
        {0x21, DISPLAY, "8D0404414243", "830100", 0},
        {0x22, TERMINAL, "8D0104", "830112", 61000},
        {0x20, 0x03, "", "830100", 0},
        {0x28, TERMINAL, "8D0404414243", "830100", 0},
        {0x24, TERMINAL, "8F03014131", "830112", 61000},
        {0x10, NETWORK, "86028121", "830130", 0},
        {0x15, TERMINAL, "3100", "830130", 0},
        {0x25, TERMINAL, "850141 8F03014131", "830100", 0},
        {0x35, TERMINAL, "", "830100", 0},
        {0x14, NETWORK, "AC0112", "830130", 0},
    };
    for (size_t i = 0; i < sizeof alone / sizeof alone[0]; i++) {
        play_proactive(&p, alone[i].type, 0, alone[i].to, alone[i].rest);
        if (alone[i].after > 0)
            play_pass(&p, alone[i].after);
        play_answered(&p, alone[i].answer);
    }
    assert_int_equal(modem_stk_menu(p.modem).p[0], 0xD0);
    play_end(&p);
}

/* ---- data channels ---- */

struct server {
    struct loop *loop;
    int listener, fd;
    bool datagrams, says_nothing; /* answers by a datagram without octets */
    char heard[2000];
    size_t n;
};

static void serve(void *ctx, short revents)
{
    struct server *s = ctx;
    struct sockaddr_in from;
    socklen_t length = sizeof from;
    char octets[2000];
    (void)revents;
    ssize_t n = recvfrom(s->fd, octets, sizeof octets, 0, (struct sockaddr *)&from, &length);
    if (n <= 0) {
        loop_unwatch(s->loop, s->fd);
        close(s->fd);
        s->fd = -1;
        return;
    }
    memcpy(s->heard + s->n, octets, (size_t)n);
    s->n += (size_t)n;
    /* says it back, in capitals */
    for (ssize_t i = 0; i < n; i++)
        octets[i] = octets[i] >= 'a' && octets[i] <= 'z' ? (char)(octets[i] - 32) : octets[i];
    if (s->datagrams) /* an empty one first, which says nothing */
        assert_int_equal(sendto(s->fd, octets, 0, 0, (struct sockaddr *)&from, length), 0);
    if (s->says_nothing)
        return;
    if (s->datagrams)
        assert_int_equal(sendto(s->fd, octets, (size_t)n, 0, (struct sockaddr *)&from, length), n);
    else
        assert_int_equal(send(s->fd, octets, (size_t)n, 0), n);
}

static void greet(void *ctx, short revents)
{
    struct server *s = ctx;
    (void)revents;
    s->fd = accept(s->listener, NULL, NULL);
    assert_true(s->fd >= 0 && loop_watch(s->loop, s->fd, POLLIN, serve, s));
}

static uint16_t open_server_at(struct server *s, struct loop *loop, bool datagrams, uint16_t port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    *s = (struct server){.loop = loop, .fd = -1, .datagrams = datagrams};
    s->listener = socket(AF_INET, datagrams ? SOCK_DGRAM : SOCK_STREAM, 0);
    assert_true(s->listener >= 0 && bind(s->listener, (struct sockaddr *)&at, sizeof at) == 0);
    assert_true(datagrams || listen(s->listener, 1) == 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&at, &n), 0);
    if (datagrams)
        s->fd = s->listener;
    assert_true(loop_watch(loop, s->listener, POLLIN, datagrams ? serve : greet, s));
    return ntohs(at.sin_port);
}

static uint16_t open_server(struct server *s, struct loop *loop, bool datagrams)
{
    return open_server_at(s, loop, datagrams, 0);
}

static void close_server(struct server *s)
{
    if (s->fd >= 0 && s->fd != s->listener) {
        loop_unwatch(s->loop, s->fd);
        close(s->fd);
    }
    loop_unwatch(s->loop, s->listener);
    close(s->listener);
}

static void open_channel(struct play *p, uint8_t qualifier, const char *protocol, uint16_t port,
                         const char *address)
{
    char rest[200];
    snprintf(rest, sizeof rest, "350103 39020100 3C03%s%04X 3E05%s", protocol, port, address);
    play_proactive(p, 0x40, qualifier, TERMINAL, rest);
}

static void test_tcp(void **state)
{
    (void)state;
    struct play p;
    struct server s;
    setup(&p);
    const uint16_t port = open_server(&s, p.loop, false);
    play_proactive(&p, 0x05, 0, TERMINAL,
                   "9902"
                   "090A");
    open_channel(&p, 0x01, "02", port, "217F000001");
    play_answered(&p, "830100 B8028100 B50103 B9020100");
    play_proactive(&p, 0x43, 0x00, CHANNEL_1,
                   "B603"
                   "616263"); /* kept */
    play_answered(&p, "830100 B701FD");
    assert_int_equal(s.n, 0);
    play_proactive(&p, 0x43, 0x01, CHANNEL_1,
                   "B602"
                   "6465");
    play_answered(&p, "830100 B701FF");
    const unsigned before = p.envelopes;
    for (unsigned i = 0; i < 200 && p.envelopes == before; i++)
        play_pass(&p, 10);
    assert_memory_equal(s.heard, "abcde", 5);
    play_told(&p, "D60E 990109 82028281 B8028100 B70105");
    play_proactive(&p, 0x42, 0, CHANNEL_1, "B70103");
    play_answered(&p, "830100 B603414243 B70102");
    play_proactive(&p, 0x44, 0, TERMINAL, "");
    play_answered(&p, "830100 B8028100");
    play_proactive(&p, 0x42, 0, CHANNEL_1, "B701FF");
    play_answered(&p, "830102 B6024445 B70100");
    /* The other end hangs up. */
    loop_unwatch(p.loop, s.fd);
    close(s.fd);
    s.fd = -1;
    const unsigned then = p.envelopes;
    for (unsigned i = 0; i < 200 && p.envelopes == then; i++)
        play_pass(&p, 10);
    play_told(&p, "D60B 99010A 82028281 B8020105");
    play_proactive(&p, 0x43, 0x01, CHANNEL_1, "B60161");
    play_answered(&p, "83023A02");
    play_proactive(&p, 0x41, 0, CHANNEL_1, "");
    play_answered(&p, "830100");
    play_proactive(&p, 0x41, 0, CHANNEL_1, "");
    play_answered(&p, "83023A03");
    close_server(&s);
    play_end(&p);
}

/* A server that says more than the terminal has room for and then resets the connection: the card is told,
 * and has all the time that it wants. */
static void test_reset_link(void **state)
{
    (void)state;
    struct play p;
    struct server s;
    char many[400];
    setup(&p);
    memset(many, 'x', sizeof many);
    const uint16_t port = open_server(&s, p.loop, false);
    play_proactive(&p, 0x05, 0, TERMINAL,
                   "9902"
                   "090A");
    open_channel(&p, 0x01, "02", port, "217F000001");
    play_answered(&p, "830100 B8028100 *");
    assert_int_equal(send(s.fd, many, sizeof many, 0), sizeof many);
    loop_unwatch(p.loop, s.fd);
    play_proactive(&p, 0x43, 0x01, CHANNEL_1, "B60161"); /* unread when it closes: a reset */
    play_answered(&p, "830100 B701FF");
    assert_int_equal(setsockopt(s.fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger)),
                     0);
    close(s.fd);
    s.fd = -1;
    play_pass(&p, 1000); /* the clock goes on */
    play_told(&p, "D60E 990109 82028281 B8028100 B701FF");
    play_proactive(&p, 0x42, 0, CHANNEL_1, "B701ED");
    play_pass(&p, 10000);
    play_proactive(&p, 0x44, 0, TERMINAL, "");
    play_answered(&p, "830100 B8020105");
    close_server(&s);
    play_end(&p);
}

/* What a SEND DATA that failed had is not sent by the next one. */
static void test_sent_again(void **state)
{
    (void)state;
    struct play p;
    struct server s;
    setup(&p);
    const uint16_t port = open_server(&s, p.loop, false);
    close_server(&s); /* nobody is at home */
    open_channel(&p, 0x00, "02", port, "217F000001");
    play_answered(&p, "830100 B8020100 *");
    play_proactive(&p, 0x43, 0x01, CHANNEL_1, "B60161");
    play_answered(&p, "83023A07");
    assert_int_equal(open_server_at(&s, p.loop, false, port), port);
    play_proactive(&p, 0x43, 0x01, CHANNEL_1, "B60161");
    play_answered(&p, "830100 B701FF");
    for (unsigned i = 0; i < 200 && s.n == 0; i++)
        play_pass(&p, 10);
    play_pass(&p, 10);
    assert_int_equal(s.n, 1);
    close_server(&s);
    play_end(&p);
}

static void test_udp_and_demand(void **state)
{
    (void)state;
    struct play p;
    struct server s, t;
    setup(&p);
    const uint16_t port = open_server(&s, p.loop, true), stream = open_server(&t, p.loop, false);
    play_proactive(&p, 0x05, 0, TERMINAL, "990109");
    open_channel(&p, 0x01, "01", port, "217F000001");
    play_answered(&p, "830100 B8028100 *");
    play_proactive(&p, 0x43, 0x01, CHANNEL_1,
                   "B605"
                   "68656C6C6F");
    unsigned before = p.envelopes;
    for (unsigned i = 0; i < 200 && p.envelopes == before; i++)
        play_pass(&p, 10);
    play_proactive(&p, 0x42, 0, CHANNEL_1, "B70105");
    play_answered(&p, "830100 B60548454C4C4F B70100");
    s.says_nothing = true; /* it is an answer all the same: the clock waits for no other */
    play_proactive(&p, 0x43, 0x01, CHANNEL_1, "B60161");
    play_pass(&p, 100);
    assert_false(p.modem->stk.bip[0].awaited);
    open_channel(&p, 0x00, "02", stream,
                 "217F000001"); /* on demand: not connected before there is something to say */
    play_answered(&p, "830100 B8020200 *");
    assert_int_equal(t.fd, -1);
    play_proactive(&p, 0x43, 0x01, 0x22, "B60161");
    play_answered(&p, "830100 B701FF");
    before = p.envelopes;
    for (unsigned i = 0; i < 200 && p.envelopes == before; i++)
        play_pass(&p, 10);
    play_told(&p, "D60E 990109 82028281 B8028200 B70101");
    /* The power goes: so do the channels. */
    assert_int_equal(modem_power_cycle(p.modem), MODEM_SIM_READY);
    play_pass(&p, 10);
    play_proactive(&p, 0x44, 0, TERMINAL, "");
    play_answered(&p, "830100 B8020000");
    close_server(&s);
    close_server(&t);
    play_end(&p);
}

/* TS 102 223 6.6.27.2: in front of the transport level stands the local address. */
static void test_local_address(void **state)
{
    (void)state;
    static const struct {
        const char *local, *answer;
    } rows[] = {
        {"BE00", "830100 B8028100 B50103 B9020100 BE05217F000001"},
        {"BE0121", "830100 B8028100 B50103 B9020100 BE05217F000001"},
        {"BE0521C0000201", "830100 B8028100 B50103 B9020100"}, /* one of its own: nothing to be told */
        {"", "830100 B8028100 B50103 B9020100"},
    };
    struct play p;
    struct server s;
    char rest[200];
    setup(&p);
    const uint16_t port = open_server(&s, p.loop, true);
    play_proactive(&p, 0x05, 0, TERMINAL, "9902090A");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(rest, sizeof rest, "350103 39020100 470403616263 %s 0D0104 0D0104 3C0301%04X 3E05217F000001",
                 rows[i].local, port);
        play_proactive(&p, 0x40, 0x01, TERMINAL, rest);
        play_answered(&p, rows[i].answer);
        play_proactive(&p, 0x41, 0, CHANNEL_1, "");
        play_answered(&p, "830100");
    }
    snprintf(rest, sizeof rest, "350103 39020100 BE0121 3C0301%04X", port); /* and no destination */
    play_proactive(&p, 0x40, 0x01, TERMINAL, rest);
    play_answered(&p, "830136");
    /* The only address that there is, in the wrong place */
    snprintf(rest, sizeof rest, "350103 39020100 3E05217F000001 3C0301%04X", port);
    play_proactive(&p, 0x40, 0x01, TERMINAL, rest);
    play_answered(&p, "830100 B8028100 B50103 B9020100");
    play_proactive(&p, 0x41, 0, CHANNEL_1, "");
    snprintf(rest, sizeof rest, "350103 39020100 3E05217F000001 3E05217F000001 3C0301%04X", port);
    play_proactive(&p, 0x40, 0x01, TERMINAL, rest);
    play_answered(&p, "830136");
    snprintf(rest, sizeof rest, "350103 39020100 BE0121 3C0301%04X 3E05217F000001", port);
    play_proactive(&p, 0x40, 0x05, TERMINAL, rest); /* in the background: the event tells it (7.5.11) */
    play_answered(&p, "830100 B8020100 B50103 B9020100");
    play_pass(&p, 100);
    play_told(&p, "D612 99010A 82028281 B8028100 BE05217F000001");
    close_server(&s);
    play_end(&p);
}

static void test_channel_errors(void **state)
{
    (void)state;
    struct play p;
    struct server s;
    setup(&p);
    const uint16_t port = open_server(&s, p.loop, false);
    close_server(&s); /* nobody listens there now */
    open_channel(&p, 0x01, "02", port, "217F000001");
    play_answered(&p, "83023A07");
    open_channel(&p, 0x01, "02", 80, "21C0000201"); /* not this machine */
    play_answered(&p, "83023A05");
    open_channel(&p, 0x01, "03", port, "217F000001"); /* the card as server: not announced */
    play_answered(&p, "83023A06");
    play_proactive(&p, 0x40, 1, TERMINAL, "39020100");
    play_answered(&p, "830136");
    play_proactive(&p, 0x42, 0, CHANNEL_1, "B70105");
    play_answered(&p, "83023A03");
    /* More than there are. */
    for (unsigned i = 1; i <= 7; i++) {
        char pattern[32];
        open_channel(&p, 0x00, "02", port, "217F000001");
        snprintf(pattern, sizeof pattern, "830100 B802%02X00 *", i);
        play_answered(&p, pattern);
    }
    open_channel(&p, 0x00, "02", port, "217F000001");
    play_answered(&p, "83023A01");
    play_proactive(&p, 0x43, 0x01, 0x27, "B60161");
    play_answered(&p, "83023A07");
    network_switch(p.network, 0, false);
    modem_radio_changed(p.modem);
    open_channel(&p, 0x00, "02", port, "217F000001");
    play_answered(&p, "83022004");
    network_switch(p.network, 0, true);
    modem_radio_changed(p.modem);
    play_pass(&p, 10);
    /* A link ends with the network. */
    assert_int_equal(open_server_at(&s, p.loop, false, port), port);
    play_proactive(&p, 0x05, 0, TERMINAL, "99010A");
    play_proactive(&p, 0x43, 0x01, CHANNEL_1, "B60161"); /* opens it */
    play_answered(&p, "830100 B701FF");
    assert_int_equal(modem_function_set(p.modem, MODEM_FLIGHT), MODEM_SIM_READY);
    play_told(&p, "D60B 99010A 82028281 B8020105");
    play_proactive(&p, 0x44, 0, TERMINAL, "");
    play_answered(&p, "830100 B8020105 *");
    close_server(&s);
    play_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_polling),
        cmocka_unit_test(test_never_done),
        cmocka_unit_test(test_refresh),
        cmocka_unit_test(test_refresh_with_pin),
        cmocka_unit_test(test_timers),
        cmocka_unit_test(test_busy),
        cmocka_unit_test(test_location_status),
        cmocka_unit_test(test_local_information),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_own_control),
        cmocka_unit_test(test_user),
        cmocka_unit_test(test_tcp),
        cmocka_unit_test(test_reset_link),
        cmocka_unit_test(test_sent_again),
        cmocka_unit_test(test_udp_and_demand),
        cmocka_unit_test(test_local_address),
        cmocka_unit_test(test_channel_errors),
    };
    return cmocka_run_group_tests_name("modem-stk", tests, NULL, NULL);
}
