/* SPDX-License-Identifier: Apache-2.0
 *
 * The ToolkitRegistry (ETSI TS 102 241): events, exclusive ones, menu, timers, poll interval, files; what the
 * card asks for on all applets' behalf. Who is told of an event: test_triggering.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hex.h"
#include "kernel.h"
#include "toolkit_applets.h"

#define LOCATION_LOST "80C200000CD60A990103820282819B0102"

/* What the terminal said, and nothing behind it: an applet may ask for any bit. */
static void test_profile_bits(void **state)
{
    struct toolkit_play *p = *state;
    const struct toolkit *t = &p->f.card->ram.toolkit;
    toolkit_profile(p);
    for (unsigned octet = 0; octet <= 8192; octet++)
        for (unsigned bit = 0; bit <= 9; bit++)
            assert_int_equal(toolkit_profile_bit(t, octet, bit),
                             octet >= 1 && octet <= 40 && bit >= 1 && bit <= 8);
}

static void test_registration(void **state)
{
    struct toolkit_play *p = *state;
    toolkit_begin(p);
    static const uint8_t not_allowed[] = {TOOLKIT_MENU_SELECTION, TOOLKIT_MENU_SELECTION_HELP_REQUEST,
                                          TOOLKIT_TIMER_EXPIRATION, TOOLKIT_STATUS_COMMAND,
                                          TOOLKIT_EXTERNAL_FILE_UPDATE};
    for (size_t i = 0; i < sizeof not_allowed; i++)
        assert_int_equal(toolkit_set_event(p->applet[ONE], not_allowed[i]), TOOLKIT_EVENT_NOT_ALLOWED);
    assert_int_equal(toolkit_set_event(p->applet[ONE], 0), TOOLKIT_EVENT_NOT_SUPPORTED);
    assert_int_equal(toolkit_set_event(p->applet[ONE], 100), TOOLKIT_EVENT_NOT_SUPPORTED);
    assert_int_equal(toolkit_set_event(p->applet[ONE], 200), TOOLKIT_EVENT_NOT_SUPPORTED);
    static const uint8_t exclusive[] = {TOOLKIT_CALL_CONTROL, TOOLKIT_MO_SHORT_MESSAGE_CONTROL};
    for (size_t i = 0; i < sizeof exclusive; i++) {
        assert_int_equal(toolkit_set_event(p->applet[ONE], exclusive[i]), TOOLKIT_OK);
        assert_int_equal(toolkit_set_event(p->applet[ONE], exclusive[i]), TOOLKIT_OK);
        assert_int_equal(toolkit_set_event(p->applet[TWO], exclusive[i]), TOOLKIT_EVENT_ALREADY_REGISTERED);
        assert_true(toolkit_event_is_set(p->applet[ONE], exclusive[i]));
        assert_false(toolkit_event_is_set(p->applet[TWO], exclusive[i]));
        assert_int_equal(toolkit_clear_event(p->applet[ONE], exclusive[i]), TOOLKIT_OK);
        assert_int_equal(toolkit_set_event(p->applet[TWO], exclusive[i]), TOOLKIT_OK);
    }
    toolkit_end(p);
    /* what a transaction that is aborted registered was never there */
    toolkit_begin(p);
    assert_int_equal(toolkit_set_event(p->applet[ONE], TOOLKIT_LOCATION_STATUS), TOOLKIT_OK);
    assert_true(card_abort(p->f.card));
    assert_false(toolkit_event_is_set(p->applet[ONE], TOOLKIT_LOCATION_STATUS));
    apdu(&p->f, LOCATION_LOST, "9000");
    assert_int_equal(p->n_seen, 0);
}

/* ---- what the card asks for on all applets' behalf ---- */

static void test_event_list(void **state)
{
    struct toolkit_play *p = *state;
    toolkit_profile(p);
    apdu(&p->f, "80F2000C00", "9000"); /* nobody wants anything */
    CHANGE(p, toolkit_set_event(p->applet[ONE], TOOLKIT_LOCATION_STATUS));
    CHANGE(p, toolkit_set_event(p->applet[TWO], TOOLKIT_CALL_CONNECTED));
    exchange(&p->f, "80F2000C00", "91*");
    fetch(p, "D00D8103..0500820281829902"
             "0103");
    answer_proactive(&p->f, 0, "", "9000");
    /* only once; and again when it changed, whatever the order in which they came */
    apdu(&p->f, "80F2000C00", "9000");
    CHANGE(p, toolkit_set_event(p->applet[THREE], TOOLKIT_LOCATION_STATUS));
    apdu(&p->f, "80F2000C00", "9000");
    CHANGE(p, toolkit_clear_event(p->applet[ONE], TOOLKIT_LOCATION_STATUS));
    apdu(&p->f, "80F2000C00", "9000");
    CHANGE(p, toolkit_clear_event(p->applet[THREE], TOOLKIT_LOCATION_STATUS));
    exchange(&p->f, "80F2000C00", "91*");
    fetch(p, "D00C8103..0500820281829901"
             "01");
    answer_proactive(&p->f, 0, "", "9000");
    CHANGE(p, toolkit_clear_event(p->applet[TWO], TOOLKIT_CALL_CONNECTED));
    exchange(&p->f, "80F2000C00", "91*");
    fetch(p, "D00B8103..0500820281829900"); /* an empty list takes it away */
    answer_proactive(&p->f, 0, "", "9000");
    /* two changes before the terminal fetches: it hears of the last one only */
    CHANGE(p, toolkit_set_event(p->applet[ONE], TOOLKIT_USER_ACTIVITY));
    exchange(&p->f, "80F2000C00", "91*");
    CHANGE(p, toolkit_set_event(p->applet[ONE], TOOLKIT_IDLE_SCREEN_AVAILABLE));
    exchange(&p->f, "80F2000C00", "91*");
    fetch(p, "D00D8103..0500820281829902"
             "0405");
    answer_proactive(&p->f, 0, "", "9000");
    /* a new start: again, by itself; and not the events that this terminal has not */
    fixture_reset(&p->f);
    exchange(&p->f, "8010000005FFFFFFFF41", "91*"); /* SET UP EVENT LIST, idle screen, not user activity */
    fetch(p, "D00C8103..0500820281829901"
             "05");
    answer_proactive(&p->f, 0, "", "9000");
    fixture_reset(&p->f);
    apdu(&p->f, "8010000005FFFFFFFFFE", "9000"); /* a terminal without SET UP EVENT LIST */
    apdu(&p->f, "80F2000C00", "9000");
}

/* TS 102 223 7.5.5, 7.5.6: user activity and the idle screen are reported once, and are then no longer in the
 * terminal's list. Who wants to hear of the next registers again. */
static void test_reported_once(void **state)
{
    struct toolkit_play *p = *state;
    static const struct {
        uint8_t event;
        const char *envelope, *list;
    } once[] = {{TOOLKIT_USER_ACTIVITY, "80C2000009D60799010482028281",
                 "D00C8103..0500820281829901"
                 "04"},
                {TOOLKIT_IDLE_SCREEN_AVAILABLE, "80C2000009D60799010582020281",
                 "D00C8103..0500820281829901"
                 "05"}};
    toolkit_profile(p);
    for (size_t i = 0; i < sizeof once / sizeof once[0]; i++) {
        CHANGE(p, toolkit_set_event(p->applet[ONE], once[i].event));
        exchange(&p->f, "80F2000C00", "91*");
        fetch(p, once[i].list);
        answer_proactive(&p->f, 0, "", "9000");
        CHANGE(p, toolkit_set_event(p->applet[ONE], once[i].event)); /* it is there already */
        apdu(&p->f, "80F2000C00", "9000");
        for (unsigned k = 0; k < 2; k++) {
            apdu(&p->f, once[i].envelope, "9000"); /* not by itself */
            apdu(&p->f, "80F2000C00", "9000");
        }
        CHANGE(p, toolkit_set_event(p->applet[ONE], once[i].event));
        exchange(&p->f, "80F2000C00", "91*");
        fetch(p, once[i].list);
        answer_proactive(&p->f, 0, "", "9000");
        apdu(&p->f, once[i].envelope, "9000");
        CHANGE(p, toolkit_clear_event(p->applet[ONE], once[i].event)); /* and what is left of the list goes */
        exchange(&p->f, "80F2000C00", "91*");
        fetch(p, "D00B8103..0500820281829900");
        answer_proactive(&p->f, 0, "", "9000");
    }
    CHANGE(p, toolkit_set_event(p->applet[ONE], TOOLKIT_LOCATION_STATUS)); /* of others there is no end */
    exchange(&p->f, "80F2000C00", "91*");
    fetch(p, "D00C8103..0500820281829901" "03");
    answer_proactive(&p->f, 0, "", "9000");
    apdu(&p->f, LOCATION_LOST, "9000");
    CHANGE(p, toolkit_set_event(p->applet[ONE], TOOLKIT_LOCATION_STATUS));
    apdu(&p->f, "80F2000C00", "9000");
}

static void test_poll_interval(void **state)
{
    struct toolkit_play *p = *state;
    toolkit_profile(p);
    CHANGE(p, toolkit_request_poll_interval(p->applet[ONE], 600));
    exchange(&p->f, "80F2000C00", "91*");
    fetch(p, "D00D8103..0300820281828402"
             "000A"); /* minutes */
    answer_proactive(&p->f, 0, "8402000A", "9000");
    CHANGE(p, toolkit_request_poll_interval(p->applet[TWO], 30));
    exchange(&p->f, "80F2000C00", "91*");
    fetch(p, "D00D8103..0300820281828402"
             "011E"); /* seconds */
    answer_proactive(&p->f, 0, "8402011E", "9000");
    toolkit_forget_seen(p);
    apdu(&p->f, "80F2000C00", "9000");
    assert_int_equal(toolkit_told(p, ONE, TOOLKIT_STATUS_COMMAND), 1);
    assert_int_equal(toolkit_told(p, TWO, TOOLKIT_STATUS_COMMAND), 1);
    assert_int_equal(toolkit_told(p, THREE, TOOLKIT_STATUS_COMMAND), 0);
    /* no longer than 255 minutes; as long as the card likes */
    toolkit_begin(p);
    assert_int_equal(toolkit_request_poll_interval(p->applet[TWO], 15301), TOOLKIT_REGISTRY_ERROR);
    assert_int_equal(toolkit_request_poll_interval(p->applet[TWO], 0xFFFE), TOOLKIT_REGISTRY_ERROR);
    assert_int_equal(toolkit_request_poll_interval(p->applet[TWO], 15300), TOOLKIT_OK);
    toolkit_end(p);
    toolkit_drain(p);
    CHANGE(p, toolkit_request_poll_interval(p->applet[TWO], TOOLKIT_POLL_SYSTEM));
    exchange(&p->f, "80F2000C00", "91*");
    fetch(p, "D00D8103..0300820281828402"
             "011E");
    answer_proactive(&p->f, 0, "8402011E", "9000");
    assert_true(toolkit_event_is_set(p->applet[TWO], TOOLKIT_STATUS_COMMAND));
    CHANGE(p, toolkit_request_poll_interval(p->applet[ONE], 0));
    CHANGE(p, toolkit_request_poll_interval(p->applet[TWO], 0));
    exchange(&p->f, "80F2000C00", "91*");
    fetch(p, "D0098103..040082028182"); /* POLLING OFF */
    answer_proactive(&p->f, 0, "", "9000");
    toolkit_forget_seen(p);
    apdu(&p->f, "80F2000C00", "9000");
    assert_int_equal(p->n_seen, 0);
}

/* ---- menu ---- */

static const struct toolkit_menu_entry balance = {{(const uint8_t *)"Balance", 7}, 0x21, true, 0, 0};
static const struct toolkit_menu_entry roaming = {{(const uint8_t *)"Roaming", 7}, 0, false, 0, 0};
static const struct toolkit_menu_entry icon = {{(const uint8_t *)"Icon", 4}, 0, false, 1, 7};
static const struct toolkit_menu_entry plain_icon = {{(const uint8_t *)"Roaming", 7}, 0, false, 0, 9};
static const struct toolkit_menu_entry without_text = {{NULL, 0}, 0, false, 0, 0};

static void test_menu(void **state)
{
    struct toolkit_play *p = *state;
    uint8_t a, b, c;
    toolkit_profile(p);
    CHANGE(p, toolkit_init_menu_entry(p->applet[TWO], &roaming, &b));
    CHANGE(p, toolkit_init_menu_entry(p->applet[ONE], &balance, &a));
    assert_true(a != b && a >= 0x80 && b >= 0x80);
    exchange(&p->f, "80F2000C00", "91*");
    /* one's before two's, whoever came first; help is available (qualifier 80); next action indicators */
    fetch(p, "D0278103..258082028182"
             "8504"
             "55494343"
             "8F08"
             "8142616C616E6365"
             "8F08"
             "80526F616D696E67"
             "1802"
             "2100");
    answer_proactive(&p->f, 0, "", "9000");
    toolkit_forget_seen(p);
    apdu(&p->f,
         "80C2000009D3078202018190018"
         "1",
         "9000");
    assert_int_equal(p->n_seen, 1);
    assert_int_equal(toolkit_told(p, ONE, TOOLKIT_MENU_SELECTION), 1);
    assert_int_equal(p->seen[0].id, 0x81);
    apdu(&p->f, "80C200000BD309820201819001819500", "9000");
    assert_int_equal(toolkit_told(p, ONE, TOOLKIT_MENU_SELECTION_HELP_REQUEST), 1);
    apdu(&p->f,
         "80C2000009D307820201819001"
         "80",
         "9000");
    assert_int_equal(toolkit_told(p, TWO, TOOLKIT_MENU_SELECTION), 1);
    apdu(&p->f, "80C200000BD309820201819001809500", "9000"); /* help that was not offered */
    assert_int_equal(p->n_seen, 3);
    apdu(&p->f,
         "80C2000009D307820201819001"
         "90",
         "9000"); /* nobody's */
    assert_int_equal(p->n_seen, 3);

    /* changed, disabled, another's */
    assert_int_equal(toolkit_change_menu_entry(p->applet[TWO], a, &icon), TOOLKIT_MENU_ENTRY_NOT_FOUND);
    CHANGE(p, toolkit_change_menu_entry(p->applet[ONE], a, &icon));
    exchange(&p->f, "80F2000C00", "91*");
    /* not every entry has an icon: none is shown */
    fetch(p, "D0208103..250082028182"
             "8504"
             "55494343"
             "8F05"
             "8149636F6E"
             "8F08"
             "80526F616D696E67");
    answer_proactive(&p->f, 0, "", "9000");
    /* all have: one that does not explain itself makes the whole list so */
    CHANGE(p, toolkit_change_menu_entry(p->applet[TWO], b, &plain_icon));
    exchange(&p->f, "80F2000C00", "91*");
    fetch(p, "D0258103..250082028182"
             "8504"
             "55494343"
             "8F05"
             "8149636F6E"
             "8F08"
             "80526F616D696E67"
             "1F03"
             "010709");
    answer_proactive(&p->f, 0, "", "9000");
    CHANGE(p, toolkit_change_menu_entry(p->applet[TWO], b, &roaming));
    toolkit_drain(p);
    /* what is changed is enabled; it may be without a text */
    CHANGE(p, toolkit_enable_menu_entry(p->applet[ONE], a, false));
    toolkit_drain(p);
    CHANGE(p, toolkit_change_menu_entry(p->applet[ONE], a, &without_text));
    exchange(&p->f, "80F2000C00", "91*");
    fetch(p, "D01C8103..250082028182"
             "8504"
             "55494343"
             "8F01"
             "81"
             "8F08"
             "80526F616D696E67");
    answer_proactive(&p->f, 0, "", "9000");
    CHANGE(p, toolkit_enable_menu_entry(p->applet[ONE], a, false));
    exchange(&p->f, "80F2000C00", "91*");
    fetch(p, "D0198103..250082028182"
             "8504"
             "55494343"
             "8F08"
             "80526F616D696E67");
    answer_proactive(&p->f, 0, "", "9000");
    toolkit_forget_seen(p);
    apdu(&p->f,
         "80C2000009D307820201819001"
         "81",
         "9000"); /* disabled */
    assert_int_equal(p->n_seen, 0);
    CHANGE(p, toolkit_remove_menu_entry(p->applet[TWO], b));
    exchange(&p->f, "80F2000C00", "91*");
    fetch(p, "D0118103..250082028182"
             "8504"
             "55494343"
             "8F00"); /* TS 102 223 6.4.8: none left */
    answer_proactive(&p->f, 0, "", "9000");
    apdu(&p->f, "80F2000C00", "9000");

    /* no more than SET UP MENU can hold, and a refused entry leaves nothing */
    static const uint8_t text[200] = {'x'};
    const struct toolkit_menu_entry long_one = {{text, sizeof text}, 0, false, 0, 0};
    toolkit_begin(p);
    assert_int_equal(toolkit_init_menu_entry(p->applet[THREE], &long_one, &b), TOOLKIT_OK);
    assert_int_equal(toolkit_init_menu_entry(p->applet[THREE], &long_one, &c),
                     TOOLKIT_ALLOWED_LENGTH_EXCEEDED);
    assert_int_equal(toolkit_init_menu_entry(p->applet[THREE], &roaming, &c), TOOLKIT_OK);
    assert_int_equal(toolkit_change_menu_entry(p->applet[THREE], c, &long_one),
                     TOOLKIT_ALLOWED_LENGTH_EXCEEDED);
    assert_int_equal(toolkit_init_menu_entry(p->applet[THREE], &without_text, &a), TOOLKIT_OK);
    toolkit_end(p);
    exchange(&p->f, "80F2000C00", "91*");
    fetch(p, "*");
    assert_int_equal(p->f.response_len, 2 + 3 + 9 + 6 + 203 + 1 + 10 + 3);
}

/* ---- timers ---- */

static void test_timers(void **state)
{
    struct toolkit_play *p = *state;
    uint8_t timer, timers[8];
    toolkit_profile(p);
    for (unsigned i = 0; i < 8; i++) {
        CHANGE(p, toolkit_allocate_timer(p->applet[i % 2], &timers[i]));
        assert_int_equal(timers[i], i + 1);
    }
    toolkit_begin(p);
    assert_int_equal(toolkit_allocate_timer(p->applet[THREE], &timer), TOOLKIT_NO_TIMER_AVAILABLE);
    assert_int_equal(toolkit_release_timer(p->applet[TWO], 1), TOOLKIT_INVALID_TIMER_ID);
    assert_int_equal(toolkit_release_timer(p->applet[TWO], 0), TOOLKIT_INVALID_TIMER_ID);
    assert_int_equal(toolkit_release_timer(p->applet[TWO], 9), TOOLKIT_INVALID_TIMER_ID);
    /* TIMER MANAGEMENT of another's timer, of none */
    assert_false(proactive_send(p->applet[TWO], 0x27, 0, span_of("\xA4\x01\x01\xA5\x03\x00\x01\x00", 8)));
    assert_false(proactive_send(p->applet[TWO], 0x27, 0, span_of("\xA4\x01\x09\xA5\x03\x00\x01\x00", 8)));
    assert_false(proactive_send(p->applet[TWO], 0x27, 0, SPAN_EMPTY));
    assert_true(proactive_send(p->applet[TWO], 0x27, 0, span_of("\xA4\x01\x02\xA5\x03\x00\x01\x00", 8)));
    toolkit_end(p);
    exchange(&p->f, "80F2000C00", "91*");
    fetch(p, "D0118103..270082028182A40102A503000100");
    answer_proactive(&p->f, 0, "A40102", "9000");
    toolkit_forget_seen(p);
    apdu(&p->f, "80C200000ED70C82028281A40102A503000100", "9000");
    assert_int_equal(p->n_seen, 1);
    assert_int_equal(toolkit_told(p, TWO, TOOLKIT_TIMER_EXPIRATION), 1);
    assert_int_equal(p->seen[0].id, 2);
    CHANGE(p, toolkit_release_timer(p->applet[TWO], 2));
    apdu(&p->f, "80C200000ED70C82028281A40102A503000100", "9000");
    assert_int_equal(p->n_seen, 1);
    CHANGE(p, toolkit_allocate_timer(p->applet[THREE], &timer));
    assert_int_equal(timer, 2);
    assert_int_equal(toolkit_timers(p->applet[THREE]), 0x02);
}

/* ---- locked, and back ---- */

static void lock(struct toolkit_play *p, unsigned who, bool locked)
{
    toolkit_begin(p);
    assert_int_equal(applet_set_life(p->f.card, p->applet[who].index,
                                     locked ? LIFE_SELECTABLE | LIFE_LOCKED : LIFE_SELECTABLE),
                     SW_OK);
    toolkit_end(p);
}

/* What a locked applet has stays its own; when it comes back, and the menu has grown meanwhile beyond what a
 * command can hold, the terminal gets what fits. */
static void test_locked(void **state)
{
    struct toolkit_play *p = *state;
    uint8_t a, b, c, timer, others;
    static const uint8_t text[100] = {'x'};
    const struct toolkit_menu_entry long_one = {{text, sizeof text}, 0, false, 0, 0};
    toolkit_profile(p);
    CHANGE(p, toolkit_init_menu_entry(p->applet[ONE], &long_one, &a));
    CHANGE(p, toolkit_init_menu_entry(p->applet[ONE], &roaming, &b));
    CHANGE(p, toolkit_allocate_timer(p->applet[ONE], &timer));
    toolkit_drain(p);
    lock(p, ONE, true);
    for (unsigned i = 0; i < 2; i++) {
        CHANGE(p, toolkit_init_menu_entry(p->applet[TWO], &long_one, &c));
        assert_true(c != a && c != b);
    }
    CHANGE(p, toolkit_allocate_timer(p->applet[TWO], &others));
    assert_int_not_equal(others, timer);
    toolkit_drain(p);
    lock(p, ONE, false);
    exchange(&p->f, "80F2000C00", "91*");
    fetch(p, "*"); /* title, one's two entries, and the first of two's */
    assert_int_equal(p->f.response_len, 3 + 9 + 6 + 103 + 10 + 103 + 2);
    assert_int_equal(p->f.response[3 + 9 + 6 + 2], a);
    answer_proactive(&p->f, 0, "", "9000");
    toolkit_begin(p);
    assert_int_equal(toolkit_enable_menu_entry(p->applet[ONE], a, false), TOOLKIT_OK);
    assert_int_equal(toolkit_enable_menu_entry(p->applet[ONE], a, true), TOOLKIT_ALLOWED_LENGTH_EXCEEDED);
    toolkit_end(p);
    exchange(&p->f, "80F2000C00", "91*");
    fetch(p, "*");
    assert_int_equal(p->f.response_len, 3 + 9 + 6 + 10 + 103 + 103 + 2);
    assert_int_equal(p->f.response[3 + 9 + 6 + 2], b);
}

/* Data of a secured packet goes to the applet whose TAR it names, if it registered; what it writes is in the
 * response packet. */
static sw_t reads_formatted(struct toolkit_play *p, unsigned who, const struct event *event)
{
    (void)p;
    (void)who;
    if (event->toolkit == TOOLKIT_FORMATTED_SMS_PP_ENV)
        buf_put(event->out, span_of("pong", 4));
    return SW_OK;
}

static sw_t fails(struct toolkit_play *p, unsigned who, const struct event *event)
{
    (void)p;
    (void)who;
    (void)event;
    return SW_CONDITIONS_NOT_SATISFIED;
}

static void test_formatted(void **state)
{
    struct toolkit_play *p = *state;
    struct fixture_por por;
    const struct fixture_ota ota = {0, 0x1619, "BFFF11", "70696E67", 0};
    fixture_ota(&p->f, &ota, &por);
    assert_int_equal(por.status, SCP80_TAR_UNKNOWN);
    CHANGE(p, toolkit_set_event(p->applet[ONE], TOOLKIT_FORMATTED_SMS_PP_ENV));
    CHANGE(p, toolkit_set_event(p->applet[TWO], TOOLKIT_FORMATTED_SMS_PP_ENV));
    CHANGE(p, toolkit_set_event(p->applet[THREE], TOOLKIT_UNFORMATTED_SMS_PP_ENV));
    p->does = reads_formatted;
    fixture_ota(&p->f, &ota, &por);
    assert_int_equal(por.verdict, SCP80_GENUINE);
    assert_int_equal(por.status, SCP80_POR_OK);
    assert_int_equal(p->n_seen, 1);
    assert_int_equal(p->seen[0].who, ONE);
    assert_memory_equal(p->seen[0].data, "ping", 4);
    assert_true(por.n >= 4 && memcmp(por.data, "pong", 4) == 0);
    p->does = fails;
    fixture_ota(&p->f, &ota, &por);
    assert_int_equal(por.status, SCP80_POR_OK);
    assert_int_equal(por.n, 0);
    /* one that is no command packet */
    toolkit_forget_seen(p);
    p->does = NULL;
    apdu(&p->f,
         "80C200001A"
         "D118820283818B12000481214300F61111111111111103414243",
         "9000");
    assert_int_equal(p->n_seen, 1);
    assert_int_equal(toolkit_told(p, THREE, TOOLKIT_UNFORMATTED_SMS_PP_ENV), 1);
}

/* A registry that nobody uses costs nothing in the store. */
/* The operator's title of the menu: when it changes, the terminal is told. */
static void test_title(void **state)
{
    struct toolkit_play *p = *state;
    uint8_t id;
    CHANGE(p, toolkit_init_menu_entry(p->applet[ONE], &roaming, &id));
    apdu(&p->f, "0020000A083132333435363738", "9000");
    exchange(&p->f, "00E000001C621A82027821" "83027F108A01058B032F0601" "C606900100830101" "8100", "9*");
    exchange(&p->f, "00E0000018621682024121" "83026F548A01058B032F0601" "800200088800", "9*");
    toolkit_profile(p);
    exchange(&p->f, "80F2000C00", "91*");
    fetch(p, "*");
    answer_proactive(&p->f, 0, "", "9*");
    toolkit_drain(p);
    apdu(&p->f, "00D60000088504" "4D656E75" "FFFF", "911B");
    fetch(p, "D0198103..250082028182" "85044D656E75" "8F0880526F616D696E67");
    answer_proactive(&p->f, 0, "", "9000");
    apdu(&p->f, "00D60000088504" "4D656E75" "FFFF", "9000"); /* the same again */
}

static void test_costs_nothing(void **state)
{
    struct toolkit_play *p = *state;
    uint32_t id;
    struct span value;
    size_t before = uicc_footprint(p->f.card);
    toolkit_profile(p);
    apdu(&p->f, LOCATION_LOST, "9000");
    for (size_t cursor = 0; objects_each(p->f.card->objects, &cursor, &id, &value);)
        assert_true(id >> 24 != OBJECT_TOOLKIT);
    assert_true(uicc_footprint(p->f.card) <= before + 64);
    assert_true(sizeof(struct toolkit) + sizeof(struct toolkit_queue) < 256);
    /* and one that was used and deregistered leaves nothing */
    uint8_t n;
    CHANGE(p, toolkit_set_event(p->applet[ONE], TOOLKIT_LOCATION_STATUS));
    CHANGE(p, toolkit_allocate_timer(p->applet[ONE], &n));
    CHANGE(p, toolkit_init_menu_entry(p->applet[ONE], &roaming, &n));
    toolkit_begin(p);
    assert_true(toolkit_deregister(p->applet[ONE]));
    toolkit_end(p);
    for (size_t cursor = 0; objects_each(p->f.card->objects, &cursor, &id, &value);)
        assert_true(id >> 24 != OBJECT_TOOLKIT);
    apdu(&p->f, "80F2000C00", "9000");
}

/* 9300: a class that does one thing at a time, and a queue that is full of what nobody fetches. */
static sw_t shows_text(struct toolkit_play *p, unsigned who, const struct event *event)
{
    if (event->kind == EVENT_TOOLKIT)
        (void)proactive_send(p->applet[who], 0x21, 0, span_of("\x8D\x03\x04hi", 5));
    return SW_OK;
}

static void test_busy(void **state)
{
    struct toolkit_play *p = *state;
    uint8_t mine, theirs;
    CHANGE(p, toolkit_init_menu_entry(p->applet[THREE], &roaming, &mine));
    CHANGE(p, toolkit_init_menu_entry(p->applet[ONE], &balance, &theirs));
    toolkit_profile(p);
    toolkit_drain(p);
    p->does = shows_text;
    exchange(&p->f, "80C2000009D30782020181900180", "9110");
    apdu(&p->f, "80C2000009D30782020181900180", "9300");
    exchange(&p->f, "80C2000009D30782020181900181", "9110"); /* one's class does several things */
    exchange(&p->f, "80F2000C00", "9110");                   /* other commands are served */
    toolkit_drain(p);
    for (unsigned i = 0; i < 300; i++) {
        exchange(&p->f, "80C2000009D30782020181900181", "9*");
        if (p->f.response[0] == 0x93)
            break;
    }
    assert_int_equal(p->f.response[0], 0x93);
    assert_true(p->f.card->queue.used <= TOOLKIT_QUEUE_MAX);
    fixture_reset(&p->f);
    apdu(&p->f, "80F2000C00", "9000");
    assert_null(p->f.card->queue.p);
}

/* SUSPEND UICC: gives the command that resumes, as hex. */
static void suspend(struct fixture *f, char resume[40])
{
    exchange(f, "8076000004"
                "00010401",
             "0401................9000");
    strcpy(resume, "8076010008");
    for (int i = 0; i < 8; i++)
        snprintf(resume + strlen(resume), 3, "%02x", f->response[2 + i]);
    fixture_reset(f);
}

/* A terminal that resumes the card does not send TERMINAL PROFILE again, and need not: menu, events, poll
 * interval are as they were, changes are told as ever. */
static void test_resumed(void **state)
{
    struct toolkit_play *p = *state;
    char resume[40];
    uint8_t id;
    toolkit_profile(p);
    CHANGE(p, toolkit_init_menu_entry(p->applet[ONE], &balance, &id));
    toolkit_drain(p);
    suspend(&p->f, resume);
    fixture_restart(&p->f);
    for (unsigned i = 0; i < APPLETS; i++)
        p->applet[i].card = p->f.card;
    toolkit_forget_seen(p);
    apdu(&p->f, resume, "9000"); /* nothing to be told again */
    assert_int_equal(toolkit_told(p, ONE, TOOLKIT_PROFILE_DOWNLOAD), 0);
    CHANGE(p, toolkit_set_event(p->applet[TWO], TOOLKIT_USER_ACTIVITY));
    exchange(&p->f, "80F2000C00", "91*");
    fetch(p, "D00C8103..05008202818299" "0104"); /* SET UP EVENT LIST */
    /* what the terminal does instead of taking the power away ends it */
    answer_proactive(&p->f, 0, "", "9*");
    exchange(&p->f,
             "8076000004"
             "00010401",
             "0401................9000");
    strcpy(resume, "8076010008");
    for (int i = 0; i < 8; i++)
        snprintf(resume + strlen(resume), 3, "%02x", p->f.response[2 + i]);
    apdu(&p->f, "80F2000C00", "9000");
    fixture_reset(&p->f);
    apdu(&p->f, resume, "6985");
}

/* An applet that is locked, or suspended with its operator, hears of nothing: not of the answer to what it
 * asked for before, nor of its channel, its file, or that the handler is free. */
static void test_locked_hears_nothing(void **state)
{
    struct toolkit_play *p = *state;
    apdu(&p->f, "0020000A083132333435363738", "9000");
    exchange(&p->f, "00A4040C07" USIM_AID_PREFIX, "9000");
    exchange(&p->f, "00A4000C026F46", "9000"); /* EF.SPN */
    toolkit_profile(p);
    toolkit_drain(p);
    CHANGE(p, toolkit_register_file(p->applet[ONE], p->f.card->ram.channels[0].view.ef));
    toolkit_begin(p);
    assert_true(proactive_send(p->applet[ONE], 0x02, 0, SPAN_EMPTY));
    toolkit_end(p);
    exchange(&p->f, "8012000000", "D0*");
    p->f.card->ram.toolkit.channel_owner[0] = (uint8_t)(p->applet[ONE].index + 1);
    CHANGE(p, toolkit_set_event(p->applet[ONE], TOOLKIT_PROACTIVE_HANDLER_AVAILABLE));
    toolkit_begin(p);
    assert_int_equal(applet_set_life(p->f.card, p->applet[ONE].index, LIFE_LOCKED | LIFE_SELECTABLE), SW_OK);
    toolkit_end(p);
    toolkit_forget_seen(p);
    answer_proactive(&p->f, 0, "", "9*");
    toolkit_drain(p);
    exchange(&p->f, "80C200000DD60B99010A820282813802C100", "9*"); /* channel status: link dropped */
    apdu(&p->f, "00D600000105", "9*");
    for (unsigned i = 0; i < p->n_seen; i++)
        assert_int_not_equal(p->seen[i].who, ONE);
}

/* Whoever is there after a change of operator is told from then on, and the menu is his: before the terminal
 * starts anew, or if it does not. */
static void test_other_operator(void **state)
{
    struct toolkit_play *p = *state;
    uint8_t id;
    for (unsigned who = ONE; who <= TWO; who++) {
        toolkit_begin(p);
        assert_int_equal(applet_set_owner(p->f.card, p->applet[who].index, (uint16_t)who), SW_OK);
        toolkit_end(p);
        CHANGE(p, toolkit_set_event(p->applet[who], TOOLKIT_USER_ACTIVITY));
        CHANGE(p, toolkit_init_menu_entry(p->applet[who], who == ONE ? &balance : &roaming, &id));
    }
    toolkit_profile(p);
    toolkit_drain(p);
    apdu(&p->f, "80C2000009D60799010482028281", "9000");
    assert_int_equal(toolkit_told(p, ONE, TOOLKIT_USER_ACTIVITY), 1);
    assert_int_equal(toolkit_told(p, TWO, TOOLKIT_USER_ACTIVITY), 0);
    toolkit_begin(p);
    assert_true(proactive_send(p->applet[ONE], 0x02, 0, SPAN_EMPTY));
    toolkit_end(p);
    fixture_expect(&p->f, 0, "80E290000DE10B810908091010103254761800", "E2*9000");
    exchange(&p->f, "80F2000C00", "91*");
    /* REFRESH: not done; and what ONE wanted to be done is not even said */
    fetch(p, "D0098103..010482028182");
    answer_proactive(&p->f, 0x20, "", "91*");
    /* user activity was reported once: TWO has not heard of it */
    fetch(p, "D00C8103..0500820281829901" "04");
    answer_proactive(&p->f, 0, "", "91*");
    fetch(p, "*");
    assert_int_equal(p->f.response[5 + (p->f.response[1] > 127)], 0x25);
    toolkit_drain(p);
    exchange(&p->f, "80C2000009D60799010482028281", "9*");
    assert_int_equal(toolkit_told(p, ONE, TOOLKIT_USER_ACTIVITY), 1);
    assert_int_equal(toolkit_told(p, TWO, TOOLKIT_USER_ACTIVITY), 1);
}

/* Call control has one applet; that it is the present operator's does not keep the card from the next, whose
 * order says what his subscription may be used for. */
static void test_order_and_call_control(void **state)
{
    struct toolkit_play *p = *state;
    toolkit_begin(p);
    assert_int_equal(applet_set_owner(p->f.card, p->applet[ONE].index, 0), SW_OK);
    toolkit_end(p);
    CHANGE(p, toolkit_set_event(p->applet[ONE], TOOLKIT_CALL_CONTROL));
    toolkit_profile(p);
    toolkit_drain(p);
    fixture_expect(&p->f, 0, "80E2900012E11081090809101010325476" "18A80381010F00", "E2*9000");
    exchange(&p->f, "80C2000011D40F82028281860681112222222213020000", "9*");
    assert_int_equal(toolkit_told(p, ONE, TOOLKIT_CALL_CONTROL), 0);
}

/* A file that was deleted is watched by nobody; another that takes its place in memory is another; one that
 * is made where it was is watched again. One file under two names is one. */
static void test_deleted_file(void **state)
{
    struct toolkit_play *p = *state;
    apdu(&p->f, "0020000A083132333435363738", "9000");
    exchange(&p->f, "00E0000019621782024121" "83022F308A01058B032F0601" "800200088801E8", "9000");
    CHANGE(p, toolkit_register_file(p->applet[ONE], p->f.card->ram.channels[0].view.ef));
    apdu(&p->f, "00D600000105", "9000");
    assert_int_equal(toolkit_told(p, ONE, TOOLKIT_EXTERNAL_FILE_UPDATE), 1);
    apdu(&p->f, "00E40000022F30", "9000");
    exchange(&p->f, "00E0000019621782024121" "83022F318A01058B032F0601" "800200088801E0", "9000");
    apdu(&p->f, "00D600000105", "9000");
    assert_int_equal(toolkit_told(p, ONE, TOOLKIT_EXTERNAL_FILE_UPDATE), 1);
    assert_true(toolkit_event_is_set(p->applet[ONE], TOOLKIT_EXTERNAL_FILE_UPDATE));
    for (int again = 0; again < 2; again++) {
        exchange(&p->f, "00E0000019621782024121" "83022F308A01058B032F0601" "800200088801E8", "9000");
        apdu(&p->f, "00D600000105", "9000");
        assert_int_equal(toolkit_told(p, ONE, TOOLKIT_EXTERNAL_FILE_UPDATE), 2 + again);
        apdu(&p->f, "00E40000022F30", "9000");
        fixture_restart(&p->f);
        p->applet[ONE].card = p->f.card;
        apdu(&p->f, "0020000A083132333435363738", "9000");
    }
    /* and not any more when it says so, whether the file is there or not */
    exchange(&p->f, "00E0000019621782024121" "83022F308A01058B032F0601" "800200088801E8", "9000");
    CHANGE(p, toolkit_deregister_file(p->applet[ONE], p->f.card->ram.channels[0].view.ef));
    assert_false(toolkit_event_is_set(p->applet[ONE], TOOLKIT_EXTERNAL_FILE_UPDATE));
    apdu(&p->f, "00D600000105", "9000");
    assert_int_equal(toolkit_told(p, ONE, TOOLKIT_EXTERNAL_FILE_UPDATE), 3);
}

/* A directory stands for the files in it, not for those further down; each registration ends by itself, or
 * all at once. What the event says: the path. */
static void test_watched_directory(void **state)
{
    struct toolkit_play *p = *state;
    const struct applet one = p->applet[ONE];
    apdu(&p->f, "0020000A083132333435363738", "9000");
    exchange(&p->f, "00E0000019621782024121" "83022F308A01058B032F0601" "800200088801E8", "9000");
    const uint16_t ef = p->f.card->ram.channels[0].view.ef;
    CHANGE(p, toolkit_register_file(one, 0));
    CHANGE(p, toolkit_register_file(one, ef));
    toolkit_forget_seen(p);
    apdu(&p->f, "00D600000105", "9000");
    assert_int_equal(p->n_seen, 1);
    assert_int_equal(p->seen[0].n, 4 + 2 + 5);
    assert_memory_equal(p->seen[0].data, "\x82\x02\x82\x81\x92\x05\x01\x3F\x00\x2F\x30", 11);
    CHANGE(p, toolkit_deregister_file(one, ef));
    apdu(&p->f, "00D600000105", "9000");
    assert_int_equal(p->n_seen, 2);
    exchange(&p->f, "00E000001462128202782183025F108A01058B032F0607C600", "9000");
    exchange(&p->f, "00E0000019621782024121" "83026F308A01058B032F0601" "800200088801E8", "9000");
    apdu(&p->f, "00D600000105", "9000");
    assert_int_equal(p->n_seen, 2);
    /* Below an ADF: 7FFF, and whose it is. */
    exchange(&p->f, "00A4040C10A0000000871002FFFFFFFF8907090000", "9000");
    CHANGE(p, toolkit_register_file(one, p->f.card->ram.channels[0].view.df));
    exchange(&p->f, "00A4000C026F7E", "9000");
    exchange(&p->f, "00D600000105", "9000");
    assert_int_equal(p->n_seen, 3);
    assert_int_equal(p->seen[2].tag, p->f.card->ram.channels[0].view.ef);
    assert_memory_equal(p->seen[2].data,
                        "\x82\x02\x82\x81\x92\x07\x01\x3F\x00\x7F\xFF\x6F\x7E\xAF\x10\xA0\x00\x00\x00\x87",
                        20);
    toolkit_begin(p);
    assert_int_equal(toolkit_set_event(one, TOOLKIT_EXTERNAL_FILE_UPDATE), TOOLKIT_EVENT_NOT_ALLOWED);
    toolkit_end(p);
    CHANGE(p, toolkit_clear_event(one, TOOLKIT_EXTERNAL_FILE_UPDATE));
    assert_false(toolkit_event_is_set(one, TOOLKIT_EXTERNAL_FILE_UPDATE));
    exchange(&p->f, "00D600000105", "9000");
    assert_int_equal(p->n_seen, 3);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, toolkit_setup, toolkit_teardown)
    const struct CMUnitTest tests[] = {
        T(test_profile_bits),
        T(test_registration),
        T(test_event_list),
        T(test_poll_interval),
        T(test_menu),
        T(test_timers),
        T(test_formatted),
        T(test_title),
        T(test_costs_nothing),
        T(test_busy),
        T(test_locked),
        T(test_resumed),
        T(test_deleted_file),
        T(test_watched_directory),
        T(test_locked_hears_nothing),
        T(test_other_operator),
        T(test_reported_once),
        T(test_order_and_call_control),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
