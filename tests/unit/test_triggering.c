/* SPDX-License-Identifier: Apache-2.0
 *
 * Triggering (ETSI TS 102 241): who is told of an event, in which order, and what the
 * terminal hears of how they fared.
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

/* In order of priority, and of one priority the last installed first (TS 102 241); all of them. */
static void test_order(void **state)
{
    struct toolkit_play *p = *state;
    for (unsigned i = 0; i < APPLETS; i++)
        CHANGE(p, toolkit_set_event(p->applet[i], TOOLKIT_LOCATION_STATUS));
    apdu(&p->f, LOCATION_LOST, "9000");
    assert_int_equal(p->n_seen, 3);
    assert_int_equal(p->seen[0].who, THREE); /* priority 9 */
    assert_int_equal(p->seen[1].who, TWO);
    assert_int_equal(p->seen[2].who, ONE);
    toolkit_forget_seen(p);
    CHANGE(p, toolkit_set_priority(p->applet[ONE], 2));
    CHANGE(p, toolkit_set_priority(p->applet[TWO], 3));
    apdu(&p->f, LOCATION_LOST, "9000");
    assert_int_equal(p->seen[0].who, ONE);
    toolkit_forget_seen(p);
    CHANGE(p, toolkit_set_priority(p->applet[ONE], 0)); /* reserved: the lowest */
    CHANGE(p, toolkit_set_priority(p->applet[THREE], 1));
    apdu(&p->f, LOCATION_LOST, "9000");
    assert_int_equal(p->n_seen, 3);
    assert_int_equal(p->seen[0].who, THREE);
    assert_int_equal(p->seen[1].who, TWO);
    assert_int_equal(p->seen[2].who, ONE);
    assert_int_equal(p->seen[2].tag, 0xD6);
    assert_int_equal(p->seen[2].n, 12);
    /* kept over a restart of the program */
    fixture_restart(&p->f);
    p->applet[TWO].card = p->f.card;
    toolkit_forget_seen(p);
    apdu(&p->f, LOCATION_LOST, "9000");
    assert_int_equal(p->n_seen, 3);
    assert_int_equal(p->seen[0].who, THREE);
    CHANGE(p, toolkit_clear_event(p->applet[TWO], TOOLKIT_LOCATION_STATUS));
    toolkit_forget_seen(p);
    apdu(&p->f, LOCATION_LOST, "9000");
    assert_int_equal(p->n_seen, 2);
}

/* One of three fails: what it wrote is undone, the others are told all the same, the terminal hears nothing
 * of it. */
static sw_t second_fails(struct toolkit_play *p, unsigned who, const struct event *event)
{
    (void)event;
    assert_true(applet_put(p->applet[who], 1, span_of("x", 1)));
    return who == TWO ? SW_CONDITIONS_NOT_SATISFIED : SW_OK;
}

static sw_t all_fail(struct toolkit_play *p, unsigned who, const struct event *event)
{
    (void)p;
    (void)event;
    return who == ONE ? SW_FILE_NOT_FOUND : SW_CONDITIONS_NOT_SATISFIED;
}

static sw_t second_sends_and_fails(struct toolkit_play *p, unsigned who, const struct event *event)
{
    (void)event;
    if (who == TWO)
        assert_true(proactive_send(p->applet[TWO], 0x02, 0, SPAN_EMPTY));
    return who == TWO ? SW_CONDITIONS_NOT_SATISFIED : SW_OK;
}

static void test_failures(void **state)
{
    struct toolkit_play *p = *state;
    struct span value;
    toolkit_profile(p);
    for (unsigned i = 0; i < APPLETS; i++)
        CHANGE(p, toolkit_set_event(p->applet[i], TOOLKIT_LOCATION_STATUS));
    toolkit_drain(p);
    p->does = second_fails;
    apdu(&p->f, LOCATION_LOST, "9000");
    assert_int_equal(p->n_seen, 3);
    assert_true(applet_get(p->applet[ONE], 1, &value));
    assert_false(applet_get(p->applet[TWO], 1, &value));
    assert_true(applet_get(p->applet[THREE], 1, &value));
    p->does = second_sends_and_fails;
    apdu(&p->f, LOCATION_LOST, "9000");
    /* none did what it was told: that is not the terminal's to know */
    for (unsigned i = 0; i < APPLETS; i++)
        CHANGE(p,
               toolkit_set_event(
                   p->applet[i],
                   TOOLKIT_IDLE_SCREEN_AVAILABLE)); /* the subscription applet listens to location status */
    p->does = NULL;
    toolkit_drain(p);
    toolkit_forget_seen(p);
    p->does = all_fail;
    apdu(&p->f, "80C2000009D60799010582020281", "9000");
    assert_int_equal(p->n_seen, 3);
}

/* Busy is what the terminal is told if nobody did it; whether the one that failed comes before or behind. */
static enum { WELL, BUSY, BADLY, TOO_LONG } fares[APPLETS];

static sw_t as_told(struct toolkit_play *p, unsigned who, const struct event *event)
{
    assert_true(applet_put(p->applet[who], 1, span_of("x", 1)));
    if (event->out != NULL)
        buf_u8(event->out, (uint8_t)who);
    for (unsigned i = 0; fares[who] == TOO_LONG && i < UICC_RESPONSE_MAX; i++)
        buf_u8(event->out, 0);
    return fares[who] == BUSY ? SW_TOOLKIT_BUSY : fares[who] == BADLY ? SW_MEMORY_PROBLEM : SW_OK;
}

static void test_outcomes(void **state)
{
    struct toolkit_play *p = *state;
    static const struct {
        unsigned one, two;
        const char *answer;
    } rows[] = {
        {WELL, BUSY, "009000"}, {BUSY, WELL, "019000"}, {BUSY, BUSY, "9300"}, {BADLY, BUSY, "9300"},
        {BUSY, BADLY, "9300"},  {BADLY, WELL, "019000"}, {TOO_LONG, WELL, "019000"}, {TOO_LONG, TOO_LONG, "9000"},
    };
    struct span value;
    uint8_t id;
    toolkit_profile(p);
    toolkit_drain(p);
    CHANGE(p, toolkit_init_menu_entry(p->applet[ONE], &(struct toolkit_menu_entry){.text = span_of("x", 1)},
                                      &id));
    for (unsigned who = ONE; who <= TWO; who++)
        CHANGE(p, toolkit_set_event(p->applet[who], TOOLKIT_UNRECOGNISED_ENVELOPE));
    CHANGE(p, toolkit_request_poll_interval(p->applet[ONE], 30));
    toolkit_drain(p);
    p->does = as_told;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        toolkit_forget_seen(p);
        fares[ONE] = rows[i].one;
        fares[TWO] = rows[i].two;
        exchange(&p->f, "80C2000002E100", rows[i].answer);
        assert_int_equal(p->n_seen, 2);
        for (unsigned who = ONE; who <= TWO; who++) { /* what each changed is its own */
            assert_int_equal(applet_get(p->applet[who], 1, &value), fares[who] == WELL);
            toolkit_begin(p);
            assert_true(applet_remove(p->applet[who], 1));
            toolkit_end(p);
        }
    }
    /* A menu entry has one owner; STATUS knows no busy. */
    fares[ONE] = BUSY;
    char selection[] = "80C2000009D307820201819001..";
    snprintf(selection + sizeof selection - 3, 3, "%02X", id);
    apdu(&p->f, selection, "9300");
    apdu(&p->f, "80F2000C00", "9000");
    fares[ONE] = BADLY;
    apdu(&p->f, selection, "9000");
    apdu(&p->f, "80F2000C00", "9000");
    assert_int_equal(toolkit_told(p, ONE, TOOLKIT_STATUS_COMMAND), 2);
    assert_false(applet_get(p->applet[ONE], 1, &value));
    /* nor is it told of the answer to a command that its applet cannot stand */
    p->does = NULL;
    toolkit_begin(p);
    assert_true(proactive_send(p->applet[ONE], 0x02, 0, SPAN_EMPTY));
    toolkit_end(p);
    exchange(&p->f, "80F2000C00", "91*");
    fetch(p, "D0098103..020082028182");
    p->does = as_told;
    answer_proactive(&p->f, 0, "", "9000");
    assert_false(applet_get(p->applet[ONE], 1, &value));
    p->does = NULL;
}

/* What the card itself cannot do is its own failure, and is seen. */
static sw_t own_failure(struct toolkit_play *p, unsigned who, const struct event *event)
{
    (void)p;
    (void)event;
    return who == THREE ? SW_MEMORY_PROBLEM : SW_OK;
}

static void test_own_failure(void **state)
{
    struct toolkit_play *p = *state;
    CHANGE(p, toolkit_set_event(p->applet[THREE], TOOLKIT_UNRECOGNISED_ENVELOPE));
    p->does = own_failure;
    apdu(&p->f, "80C2000002E100", "6581"); /* its class comes in no package */
    p->does = NULL;
}

static sw_t wants_handler(struct toolkit_play *p, unsigned who, const struct event *event)
{
    if (event->toolkit == TOOLKIT_PROACTIVE_HANDLER_AVAILABLE)
        assert_true(proactive_send(p->applet[who], 0x02, 0, SPAN_EMPTY));
    return SW_OK;
}

static void test_other_events(void **state)
{
    struct toolkit_play *p = *state;
    apdu(&p->f, "0020000A083132333435363738", "9000");
    exchange(&p->f, "00A4040C07" USIM_AID_PREFIX, "9000");
    exchange(&p->f, "00A4000C026F46", "9000"); /* EF.SPN */
    uint16_t file = p->f.card->ram.channels[0].view.ef;
    CHANGE(p, toolkit_register_file(p->applet[ONE], file));
    CHANGE(p, toolkit_set_event(p->applet[TWO], TOOLKIT_FIRST_COMMAND_AFTER_ATR));
    CHANGE(p, toolkit_set_event(p->applet[TWO], TOOLKIT_UNRECOGNISED_ENVELOPE));
    apdu(&p->f, "00D600000102", "9000");
    assert_int_equal(toolkit_told(p, ONE, TOOLKIT_EXTERNAL_FILE_UPDATE), 1);
    assert_int_equal(p->seen[0].tag, file);
    apdu(&p->f, "00B0000001", "029000");
    apdu(&p->f, "00D6FFFF0102", "6A86");
    assert_int_equal(p->n_seen, 1);
    CHANGE(p, toolkit_deregister_file(p->applet[ONE], file));
    apdu(&p->f, "00D600000103", "9000");
    assert_int_equal(p->n_seen, 1);
    apdu(&p->f, "80C2000002E100", "9000");
    assert_int_equal(toolkit_told(p, TWO, TOOLKIT_UNRECOGNISED_ENVELOPE), 1);
    fixture_reset(&p->f);
    toolkit_forget_seen(p);
    apdu(&p->f, "00A4000C023F00", "9000");
    apdu(&p->f, "00A4000C023F00", "9000");
    assert_int_equal(toolkit_told(p, TWO, TOOLKIT_FIRST_COMMAND_AFTER_ATR), 1);
    CHANGE(p, toolkit_set_event(p->applet[THREE], TOOLKIT_PROFILE_DOWNLOAD));
    fixture_reset(&p->f);
    toolkit_forget_seen(p);
    toolkit_profile(p); /* two events in one: this one first, whatever the priorities */
    assert_int_equal(p->n_seen, 2);
    assert_int_equal(p->seen[0].toolkit, TOOLKIT_FIRST_COMMAND_AFTER_ATR);
    assert_int_equal(p->seen[1].toolkit, TOOLKIT_PROFILE_DOWNLOAD);

    /* once, one after the other, and only while nothing else is under way */
    toolkit_profile(p);
    p->does = wants_handler;
    toolkit_forget_seen(p);
    CHANGE(p, toolkit_set_event(p->applet[ONE], TOOLKIT_PROACTIVE_HANDLER_AVAILABLE));
    CHANGE(p, toolkit_set_event(p->applet[TWO], TOOLKIT_PROACTIVE_HANDLER_AVAILABLE));
    exchange(&p->f, "80F2000C00", "91*");
    /* the later of one priority */
    assert_int_equal(toolkit_told(p, TWO, TOOLKIT_PROACTIVE_HANDLER_AVAILABLE), 1);
    assert_int_equal(toolkit_told(p, ONE, TOOLKIT_PROACTIVE_HANDLER_AVAILABLE), 0);
    fetch(p, "D0098103..020082028182");
    answer_proactive(&p->f, 0, "", "91*");
    assert_int_equal(toolkit_told(p, TWO, TOOLKIT_PROACTIVE_HANDLER_AVAILABLE), 1);
    fetch(p, "D0098103..020082028182");
    answer_proactive(&p->f, 0, "", "9000");
    assert_int_equal(toolkit_told(p, ONE, TOOLKIT_PROACTIVE_HANDLER_AVAILABLE), 1);
}

static sw_t controls(struct toolkit_play *p, unsigned who, const struct event *event)
{
    (void)p;
    (void)who;
    if (event->toolkit == TOOLKIT_CALL_CONTROL)
        buf_put(event->out, span_of("\x01\x00", 2)); /* not allowed */
    if (event->toolkit == TOOLKIT_MO_SHORT_MESSAGE_CONTROL)
        buf_put(event->out, span_of("\x02\x06\x86\x04\x91\x21\x43\x65", 8)); /* allowed with modifications */
    return SW_OK;
}

static void test_control(void **state)
{
    struct toolkit_play *p = *state;
    static const char call[] = "80C2000014D41282028281860391214313070"
                               "0F11000010001";
    static const char message[] = "80C2000010D50E82028281860391214386039"
                                  "1F1F1";
    apdu(&p->f, call, "9000"); /* nobody: allowed, no modification */
    apdu(&p->f, message, "9000");
    CHANGE(p, toolkit_set_event(p->applet[ONE], TOOLKIT_CALL_CONTROL));
    CHANGE(p, toolkit_set_event(p->applet[TWO], TOOLKIT_MO_SHORT_MESSAGE_CONTROL));
    p->does = controls;
    exchange(&p->f, call, "01009000");
    exchange(&p->f, message,
             "020686049121436"
             "59000");
    p->does = all_fail; /* as if nobody were there */
    apdu(&p->f, message, "9000");
}

/* Events of a channel: who opened it, and only if he registered for them (TS 102 241). */
static void test_channel_events(void **state)
{
    struct toolkit_play *p = *state;
    static const char status[] = "80C200000ED60C99010A820282813802C10000",
                      other[] = "80C200000ED60C99010A820282813802C20000";
    toolkit_profile(p);
    p->f.card->ram.toolkit.channel_owner[0] = (uint8_t)(p->applet[ONE].index + 1);
    CHANGE(p, toolkit_set_event(p->applet[TWO], TOOLKIT_CHANNEL_STATUS));
    toolkit_drain(p);
    apdu(&p->f, status, "9000");
    assert_int_equal(p->n_seen, 0);
    CHANGE(p, toolkit_set_event(p->applet[ONE], TOOLKIT_CHANNEL_STATUS));
    apdu(&p->f, other, "9000");
    assert_int_equal(p->n_seen, 0);
    apdu(&p->f, status, "9000");
    assert_int_equal(p->n_seen, 1);
    assert_int_equal(toolkit_told(p, ONE, TOOLKIT_CHANNEL_STATUS), 1);
}

/* The end of an application's session, whichever way it came. */
static void test_deselected(void **state)
{
    struct toolkit_play *p = *state;
    static const uint8_t object[] = {0x2F, 16, 0xA0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x02};
    CHANGE(p, toolkit_set_event(p->applet[ONE], TOOLKIT_APPLICATION_DESELECT));
    exchange(&p->f, "00A4040C07" USIM_AID_PREFIX, "9000");
    exchange(&p->f, "00A4000C023F00", "9000"); /* the session goes on */
    exchange(&p->f, "00A4040C07" USIM_AID_PREFIX, "9000");
    assert_int_equal(p->n_seen, 0);
    exchange(&p->f, "00A4044C07" USIM_AID_PREFIX, "9000"); /* terminated */
    assert_int_equal(toolkit_told(p, ONE, TOOLKIT_APPLICATION_DESELECT), 1);
    assert_true(p->seen[0].n == 18);
    assert_memory_equal(p->seen[0].data, object, sizeof object);
    exchange(&p->f, "0070000001", "019000");
    exchange(&p->f, "01A4040C07" USIM_AID_PREFIX, "9000");
    apdu(&p->f, "00708001", "9000");
    assert_int_equal(toolkit_told(p, ONE, TOOLKIT_APPLICATION_DESELECT), 2);
    CHANGE(p, toolkit_clear_event(p->applet[ONE], TOOLKIT_APPLICATION_DESELECT));
    exchange(&p->f, "00A4040C07" USIM_AID_PREFIX, "9000");
    exchange(&p->f, "00A4044C07" USIM_AID_PREFIX, "9000");
    assert_int_equal(p->n_seen, 2);
}

/* Two may have come to control calls, one of them while the other was suspended with its operator: the answer
 * is that of the first who has one. */
static void test_one_answer(void **state)
{
    struct toolkit_play *p = *state;
    static const char call[] = "80C2000014D412820282818603912143130700F11000010001";
    CHANGE(p, toolkit_set_event(p->applet[ONE], TOOLKIT_CALL_CONTROL));
    toolkit_begin(p);
    assert_int_equal(applet_set_owner(p->f.card, p->applet[ONE].index, 1), SW_OK);
    toolkit_end(p);
    apdu(&p->f, "80F2000C00", "9000");
    CHANGE(p, toolkit_set_event(p->applet[TWO], TOOLKIT_CALL_CONTROL));
    toolkit_begin(p);
    assert_int_equal(applet_set_owner(p->f.card, p->applet[ONE].index, 0), SW_OK);
    toolkit_end(p);
    apdu(&p->f, "80F2000C00", "9000");
    toolkit_forget_seen(p);
    exchange(&p->f, call, "9000"); /* neither has one: both are asked */
    assert_int_equal(p->n_seen, 2);
    p->does = controls;
    exchange(&p->f, call, "01009000");
    p->does = NULL;
}

/* Writes an answer, if there is one to be written, asks for something, and refuses; or
 * is TWO, and says nothing. */
static sw_t refuses(struct toolkit_play *p, unsigned who, const struct event *event)
{
    if (event->out == NULL || who != ONE)
        return SW_OK;
    buf_u16(event->out, 0x0102);
    *event->handled = true;
    assert_true(proactive_send(p->applet[who], 0x21, 0x81, span_of("\x8D\x02\x04" "A", 4)));
    return SW_NO_INFORMATION_62;
}

/* An answer of refusal (TS 102 241: post(false)): the warning, the data after it, and what the applet did is
 * kept. Call control knows no such thing. */
static void test_refusal(void **state)
{
    struct toolkit_play *p = *state;
    toolkit_profile(p);
    for (unsigned i = 0; i < 2; i++)
        CHANGE(p, toolkit_set_event(p->applet[i], TOOLKIT_UNRECOGNISED_ENVELOPE));
    CHANGE(p, toolkit_set_event(p->applet[ONE], TOOLKIT_CALL_CONTROL));
    toolkit_drain(p);
    toolkit_forget_seen(p);
    p->does = refuses;
    apdu(&p->f, "80C2000004E5028202", "6200");
    apdu(&p->f, "00C0000002", "0102910F");
    assert_int_equal(toolkit_told(p, ONE, TOOLKIT_UNRECOGNISED_ENVELOPE), 1);
    fetch(p, "D00D8103..218182028102" "8D020441");
    answer_proactive(&p->f, 0, "", "9000");
    exchange(&p->f, "80C2000014D412820282818603912143130700F11000010001", "0102910F");
    p->does = NULL;
    toolkit_drain(p);
}

/* Class A0 has no warnings, but a word for this. */
static void test_refusal_gsm(void **state)
{
    struct toolkit_play *p = *state;
    toolkit_profile(p);
    CHANGE(p, toolkit_set_event(p->applet[ONE], TOOLKIT_UNRECOGNISED_ENVELOPE));
    toolkit_drain(p);
    p->does = refuses;
    apdu(&p->f, "A0C2000004E5028202", "9E02");
    apdu(&p->f, "A0C0000002", "0102910F");
    p->does = NULL;
}

/* Each writes an answer of its own, and something that is to be stored, which was not there before; THREE is
 * told first. */
static sw_t all_answer(struct toolkit_play *p, unsigned who, const struct event *event)
{
    assert_true(applet_put(p->applet[who], (uint16_t)p->n_seen, span_of("x", 1)));
    buf_u8(event->out, (uint8_t)(who + 1));
    return who == THREE ? SW_NO_INFORMATION_62 : SW_OK;
}

static sw_t first_answers(struct toolkit_play *p, unsigned who, const struct event *event)
{
    return who == THREE ? all_answer(p, who, event) : SW_OK;
}

/* What an applet did could not be stored: then it has not answered, and the next one can. */
static void test_answer_not_kept(void **state)
{
    struct toolkit_play *p = *state;
    struct span value;
    for (unsigned i = 0; i < APPLETS; i++)
        CHANGE(p, toolkit_set_event(p->applet[i], TOOLKIT_UNRECOGNISED_ENVELOPE));
    p->does = first_answers;
    apdu(&p->f, "80C2000004E5028202", "6200");
    apdu(&p->f, "00C0000001", "039000");
    fault_store_fail_at(p->f.store, 0);
    apdu(&p->f, "80C2000004E5028202", "9000");
    assert_false(applet_get(p->applet[THREE], 4, &value));
    p->does = all_answer;
    fault_store_fail_at(p->f.store, 0);
    exchange(&p->f, "80C2000004E5028202", "029000");
    assert_int_equal(p->n_seen, 9);
    assert_false(applet_get(p->applet[THREE], 7, &value));
    assert_true(applet_get(p->applet[TWO], 8, &value));
    assert_true(applet_get(p->applet[ONE], 9, &value));
    fault_store_cut_at(p->f.store, -1);
    p->does = NULL;
}

static sw_t asks_for_handler(struct toolkit_play *p, unsigned who, const struct event *event)
{
    if (event->toolkit == TOOLKIT_FIRST_COMMAND_AFTER_ATR)
        assert_int_equal(toolkit_set_event(p->applet[who], TOOLKIT_PROACTIVE_HANDLER_AVAILABLE), TOOLKIT_OK);
    return SW_OK;
}

/* The first command is RESUME: what the card knew of the terminal is known again, and what an applet asked
 * for in that command's event is not forgotten. */
static void test_resumed(void **state)
{
    struct toolkit_play *p = *state;
    char resume[40] = "8076010008";
    toolkit_profile(p);
    toolkit_drain(p);
    CHANGE(p, toolkit_request_poll_interval(p->applet[ONE], 60));
    CHANGE(p, toolkit_set_event(p->applet[TWO], TOOLKIT_FIRST_COMMAND_AFTER_ATR));
    exchange(&p->f, "80F2000C00", "91*");
    fetch(p, "D00D8103..0300820281828402013C");
    answer_proactive(&p->f, 0, "84020164", "9000"); /* as the terminal would have it: 100 s */
    exchange(&p->f,
             "8076000004"
             "00010401",
             "0401................9000");
    for (size_t i = 0; i < 8; i++)
        snprintf(resume + 10 + 2 * i, 3, "%02X", p->f.response[2 + i]);
    fixture_reset(&p->f);
    toolkit_forget_seen(p);
    p->does = asks_for_handler;
    apdu(&p->f, resume, "9000");
    assert_int_equal(toolkit_told(p, TWO, TOOLKIT_PROACTIVE_HANDLER_AVAILABLE), 1);
    assert_int_equal(p->f.card->ram.toolkit.poll, 100);
    p->does = NULL;
}

/* Older versions stored priority 00, from installation parameters, as it came. */
static void test_old_priority(void **state)
{
    struct toolkit_play *p = *state;
    struct span entry;
    uint8_t octets[64];
    const uint32_t id = object_id(OBJECT_TOOLKIT, (uint32_t)p->applet[ONE].index << 16);
    for (unsigned i = 0; i < APPLETS; i++)
        CHANGE(p, toolkit_set_event(p->applet[i], TOOLKIT_UNRECOGNISED_ENVELOPE));
    toolkit_begin(p);
    assert_true(objects_get(p->f.card->objects, id, &entry));
    assert_true(entry.n <= sizeof octets);
    memcpy(octets, entry.p, entry.n);
    octets[1] = 0;
    assert_true(objects_put(p->f.card->objects, id, span_of(octets, entry.n)));
    toolkit_end(p);
    apdu(&p->f, "80C2000004E5028202", "9000");
    assert_int_equal(p->n_seen, 3);
    assert_int_equal(p->seen[2].who, ONE);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, toolkit_setup, toolkit_teardown)
    const struct CMUnitTest tests[] = {
        T(test_order),        T(test_failures),     T(test_outcomes),       T(test_own_failure),
        T(test_other_events), T(test_control),      T(test_channel_events), T(test_deselected),
        T(test_one_answer),   T(test_refusal),      T(test_refusal_gsm),    T(test_answer_not_kept),
        T(test_resumed),      T(test_old_priority),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
