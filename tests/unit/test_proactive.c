/* SPDX-License-Identifier: Apache-2.0
 *
 * Proactive commands (ETSI TS 102 223 clause 6): every type of the table, gated by TERMINAL PROFILE, built,
 * fetched and decoded; the 91xx state machine with terminals that are wrong, slow, busy, or begin anew; and
 * that a REFRESH after a change of operator is not lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hex.h"
#include "kernel.h"
#include "toolkit_applets.h"

/* ---- the table ---- */

/* The mandatory objects of a type, each with some value that fits. */
static struct span objects_for(const struct cat_command *c, struct buf *out)
{
    out->len = 0;
    for (const char *tag = c->mandatory; *tag != '\0'; tag++)
        buf_tlv(out, CAT_COMPREHENSION | (uint8_t)*tag,
                span_of("\x01\x02\x03", *tag == CAT_TAG_TIMER_IDENTIFIER ? 1 : 3));
    return buf_span(out);
}

static void send_profile(struct toolkit_play *p, const uint8_t octets[40])
{
    uint8_t apdu_octets[45] = {0x80, 0x10, 0, 0, 40};
    memcpy(apdu_octets + 5, octets, 40);
    fixture_transmit(&p->f, span_of(apdu_octets, sizeof apdu_octets), true);
    assert_int_equal(p->f.response[0] & 0xF0, 0x90);
}

static bool refused_to_applets(uint8_t type)
{
    return type == PROACTIVE_SET_UP_EVENT_LIST || type == PROACTIVE_SET_UP_MENU ||
           type == PROACTIVE_POLL_INTERVAL || type == PROACTIVE_POLLING_OFF;
}

static uint8_t device_for(const struct cat_command *c)
{
    return c->to == CAT_CHANNEL ? CAT_CHANNEL + 3 : c->to;
}

/* Gated by exactly its own facility; then it comes out of FETCH as it went in. */
static void one_command(struct toolkit_play *p, const struct cat_command *c, uint8_t qualifier)
{
    uint8_t bytes[128], profile[40];
    struct buf objects = buf_of(bytes, sizeof bytes);
    struct span rest = objects_for(c, &objects);
    struct cat_facility facility = cat_facility(c->type, qualifier);
    struct cat_proactive got;
    assert_in_range(facility.octet, 1, 40);
    assert_in_range(facility.bit, 1, 8);
    memset(profile, 0xFF, sizeof profile);
    profile[facility.octet - 1] &= (uint8_t) ~(1u << (facility.bit - 1));
    send_profile(p, profile);
    p->f.card->ram.toolkit.channel_owner[2] = (uint8_t)(p->applet[ONE].index + 1);
    toolkit_begin(p);
    assert_false(proactive_send_to(p->applet[ONE], c->type, qualifier, device_for(c), rest));
    assert_false(toolkit_queue_command(p->f.card, p->applet[ONE].index, c->type, qualifier, rest));
    toolkit_end(p);
    memset(profile, 0, sizeof profile);
    profile[facility.octet - 1] = (uint8_t)(1u << (facility.bit - 1));
    send_profile(p, profile);
    p->f.card->ram.toolkit.channel_owner[2] = (uint8_t)(p->applet[ONE].index + 1);
    toolkit_begin(p);
    if (rest.n > 0) /* what its type must have is missing; or is cut */
        assert_false(proactive_send_to(p->applet[ONE], c->type, qualifier, device_for(c), SPAN_EMPTY));
    assert_false(
        proactive_send_to(p->applet[ONE], c->type, qualifier, device_for(c), span_of("\x85\x05", 2)));
    bool sent = proactive_send_to(p->applet[ONE], c->type, qualifier, device_for(c), rest);
    assert_int_equal(sent, !refused_to_applets(c->type));
    if (!sent)
        assert_true(toolkit_queue_command(p->f.card, NO_APPLET, c->type, qualifier, rest));
    toolkit_end(p);
    exchange(&p->f, "80F2000C00", "91*");
    exchange(&p->f, "8012000000", "D0*");
    assert_true(cat_proactive_parse(span_of(p->f.response, p->f.response_len - 2), &got));
    assert_int_equal(got.details.type, c->type);
    assert_int_equal(got.details.qualifier, qualifier);
    assert_int_equal(got.from, CAT_UICC);
    assert_int_equal(got.to, device_for(c));
    assert_true(span_equal(got.rest, rest));
    toolkit_forget_seen(p);
    p->f.proactive = got.details;
    answer_proactive(&p->f, 0x31, "", "9000");
    if (sent) {
        assert_int_equal(p->n_seen, 1);
        assert_int_equal(p->seen[0].kind, EVENT_TERMINAL_RESPONSE);
        assert_int_equal(p->seen[0].tag, c->type);
        assert_int_equal(p->seen[0].id, 0x31);
    }
}

static void test_every_command(void **state)
{
    struct toolkit_play *p = *state;
    uint8_t timer;
    assert_true(cat_commands_n >= 43);
    CHANGE(p, toolkit_allocate_timer(p->applet[ONE], &timer));
    assert_int_equal(timer, 1);
    for (size_t i = 0; i < cat_commands_n; i++) {
        const struct cat_command *c = &cat_commands[i];
        assert_ptr_equal(cat_command(c->type), c); /* no type twice */
        if (c->type != CAT_PROVIDE_LOCAL_INFORMATION)
            one_command(p, c, 0);
    }
    unsigned infos = 0;
    for (unsigned qualifier = 0; qualifier < 256; qualifier++)
        if (cat_facility(CAT_PROVIDE_LOCAL_INFORMATION, (uint8_t)qualifier).octet != 0) {
            assert_non_null(cat_local_info_name((uint8_t)qualifier));
            one_command(p, cat_command(CAT_PROVIDE_LOCAL_INFORMATION), (uint8_t)qualifier);
            infos++;
        }
    assert_int_equal(infos, 25);
    for (unsigned mode = 0; mode <= 10; mode++)
        one_command(p, cat_command(PROACTIVE_REFRESH), (uint8_t)mode);
    one_command(p, cat_command(PROACTIVE_TIMER_MANAGEMENT), 2); /* get current value: a facility of its own */
    /* TS 102 223 6.4.20, 5.2: the readers' status is the terminal's to tell, an identifier a reader's */
    static const struct {
        uint8_t qualifier, device, bit;
        bool sent;
    } readers[] = {{0, CAT_TERMINAL, 4, true}, {0, CAT_READER, 4, false},   {1, CAT_READER + 7, 5, true},
                   {1, CAT_READER, 4, false},  {1, CAT_TERMINAL, 5, false}, {1, CAT_READER + 8, 5, false}};
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
        uint8_t profile[40] = {[6] = (uint8_t)(1u << (readers[i].bit - 1))};
        fixture_reset(&p->f);
        send_profile(p, profile);
        toolkit_begin(p);
        assert_int_equal(
            proactive_send_to(p->applet[ONE], 0x33, readers[i].qualifier, readers[i].device, SPAN_EMPTY),
            readers[i].sent);
        toolkit_end(p);
    }
}

/* REFRESH with a file list (6.4.7): as long as a command can be. */
static void test_file_list(void **state)
{
    struct toolkit_play *p = *state;
    uint8_t bytes[300];
    struct buf rest = buf_of(bytes, sizeof bytes);
    toolkit_profile(p);
    size_t mark = buf_tlv_open(&rest, CAT_COMPREHENSION | CAT_TAG_FILE_LIST);
    buf_u8(&rest, 30);
    for (unsigned i = 0; i < 30; i++)
        buf_put(&rest, span_of("\x3F\x00\x7F\xFF\x6F\x07", 6));
    buf_tlv_close(&rest, mark);
    toolkit_begin(p);
    assert_true(proactive_send(p->applet[ONE], PROACTIVE_REFRESH, 0x01, buf_span(&rest)));
    assert_true(proactive_send(p->applet[ONE], PROACTIVE_REFRESH, 0x01,
                               buf_span(&rest))); /* the same once more: once is enough */
    assert_true(proactive_send(p->applet[ONE], PROACTIVE_REFRESH, 0x04, SPAN_EMPTY));
    memset(bytes, 0, sizeof bytes);
    rest.len = 0;
    buf_tlv(&rest, 0x8D, span_of(p->seen, 250)); /* a text too long for any command */
    assert_false(proactive_send(p->applet[ONE], 0x21, 0, buf_span(&rest)));
    /* FETCH brings 256 octets at most: no command is longer (TS 102 221 11.2.3) */
    rest.len = 0;
    buf_tlv(&rest, 0x8D, span_of(p->seen, 242));
    assert_false(proactive_send(p->applet[ONE], 0x21, 0, buf_span(&rest)));
    toolkit_end(p);
    exchange(&p->f, "80F2000C00", "91C4");
    fetch(p, "D081C18103..0101820281829281B51E*");
    answer_proactive(&p->f, 3, "", "910B");
    fetch(p, "D0098103..010482028182");
    answer_proactive(&p->f, 0, "", "9000");
    rest.len = 0;
    buf_tlv(&rest, 0x8D, span_of(p->seen, 241));
    toolkit_begin(p);
    assert_true(proactive_send(p->applet[ONE], 0x21, 0, buf_span(&rest)));
    toolkit_end(p);
    apdu(&p->f, "80F2000C00", "9100");
    apdu(&p->f, "8012000000", "D081FD*");
    assert_int_equal(p->f.response_len, 258);
    answer_proactive(&p->f, 0, "", "9000");
}

/* ---- the state machine ---- */

static void one_waiting(struct toolkit_play *p)
{
    toolkit_begin(p);
    assert_true(proactive_send(p->applet[ONE], 0x21, 0, span_of("\x8D\x03\x04hi", 5)));
    toolkit_end(p);
}

static void test_fetch(void **state)
{
    struct toolkit_play *p = *state;
    toolkit_profile(p);
    apdu(&p->f, "8012000000", "6985");
    one_waiting(p);
    apdu(&p->f, "80F2000C00", "9110");
    apdu(&p->f, "00A4000C023F00", "9110"); /* in place of 9000 of any command ... */
    apdu(&p->f, "00A4000C026FFF", "6A82"); /* ... but of no other word */
    apdu(&p->f, "00A40004022F00", "61*");
    apdu(&p->f, "0070000001", "019110");
    apdu(&p->f, "81F2000C00",
         "9110"); /* on any channel; but fetched on the basic one (TS 102 221 table 10.5) */
    apdu(&p->f, "8112000010", "6881");
    apdu(&p->f, "8114000001", "6881");
    apdu(&p->f, "81C2000002D100", "6881");
    apdu(&p->f, "8110000001FF", "6881");
    apdu(&p->f, "80120000FF", "6C10");
    apdu(&p->f, "801200000F", "6C10");
    apdu(&p->f, "8012000100", "6A86");
    apdu(&p->f, "8012000010", "D0*");
    apdu(&p->f, "80F2000C00", "9000"); /* it is being executed */
    apdu(&p->f, "8012000010", "D0*");  /* lost on the way: once more */
    answer_proactive(&p->f, 0, "", "9000");
    apdu(&p->f, "8012000010", "6985");
    answer_proactive(&p->f, 0, "", "6985");
    assert_int_equal(p->n_seen, 1);
}

/* Answers that make no sense: announced again, the right one still counts; after the third it is given up,
 * and the applet told. */
static void test_wrong_answers(void **state)
{
    static const char *const wrong[] = {
        "8014000001FF",                       /* no object */
        "8014000003810100",                   /* a cut one */
        "801400000C810363210082028281830100", /* another number */
        "80140000098202828183010081"
        "00", /* details without content */
        "801400000C"
        "8103FF2200820282818301"
        "00", /* another type */
        "8014000006810301210083",
    };
    struct toolkit_play *p = *state;
    toolkit_profile(p);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        toolkit_forget_seen(p);
        one_waiting(p);
        apdu(&p->f, "80F2000C00", "9110");
        apdu(&p->f, "8012000010", "D0*");
        apdu(&p->f, wrong[i], "6*");
        apdu(&p->f, "80F2000C00", i == 3 ? "91*" : "9110");
        answer_proactive(&p->f, 0, "", "9000"); /* without another FETCH */
        assert_int_equal(p->n_seen, 1);
        assert_true(p->seen[0].n > 0);
        toolkit_forget_seen(p);
        one_waiting(p);
        for (unsigned k = 0; k < 3; k++) {
            apdu(&p->f, "80F2000C00", "9110");
            apdu(&p->f, "8012000010", "D0*");
            apdu(&p->f, wrong[i], "6A80");
        }
        apdu(&p->f, "80F2000C00", "9000");
        assert_int_equal(p->n_seen, 1);
        assert_int_equal(p->seen[0].kind, EVENT_TERMINAL_RESPONSE);
        assert_int_equal(p->seen[0].id, CAT_NO_RESULT);
        assert_int_equal(p->seen[0].n, 0);
    }
}

static sw_t asks_on(struct toolkit_play *p, unsigned who, const struct event *event)
{
    if (event->kind != EVENT_TERMINAL_RESPONSE)
        return SW_OK;
    if (event->tag == 0x21)
        return proactive_send(p->applet[who], 0x22, 0, span_of("\x8D\x02\x04?", 4)) ? SW_OK
                                                                                    : SW_TECHNICAL_PROBLEM;
    if (event->tag == 0x22)
        return proactive_send(p->applet[who], 0x02, 0, SPAN_EMPTY) ? SW_CONDITIONS_NOT_SATISFIED
                                                                   : SW_TECHNICAL_PROBLEM;
    return SW_OK;
}

/* A response brings the next command; one whose applet fails brings nothing, and is over all the same. */
static void test_nested(void **state)
{
    struct toolkit_play *p = *state;
    toolkit_profile(p);
    p->does = asks_on;
    one_waiting(p);
    apdu(&p->f, "80F2000C00", "9110");
    apdu(&p->f, "8012000010", "D0*");
    answer_proactive(&p->f, 0, "", "910F");
    fetch(p, "D00D8103..2200820281828D02043F");
    answer_proactive(&p->f, 0x12, "", "9000");
    apdu(&p->f, "80F2000C00", "9000");
    assert_int_equal(p->n_seen, 2);
    assert_int_equal(p->seen[1].id, 0x12);
}

/* What an aborted command queued was never there; what was there before stays. */
static sw_t sends_and_fails(struct toolkit_play *p, unsigned who, const struct event *event)
{
    (void)event;
    (void)proactive_send(p->applet[who], 0x21, 0, span_of("\x8D\x03\x04hi", 5));
    return SW_CONDITIONS_NOT_SATISFIED;
}

static void test_abort(void **state)
{
    struct toolkit_play *p = *state;
    toolkit_profile(p);
    CHANGE(p, toolkit_set_event(p->applet[ONE], TOOLKIT_IDLE_SCREEN_AVAILABLE));
    toolkit_drain(p);
    one_waiting(p);
    apdu(&p->f, "80F2000C00", "9110");
    apdu(&p->f, "8012000010", "D0*");
    p->does = sends_and_fails;
    apdu(&p->f, "80C2000009D60799010582020281", "9000");
    answer_proactive(&p->f, 0, "", "9000"); /* its answer's handling fails as well */
    apdu(&p->f, "80F2000C00", "9000");
    assert_true(toolkit_idle(p->f.card));
    /* reset in the middle: nothing is left, numbers begin anew */
    p->does = NULL;
    one_waiting(p);
    apdu(&p->f, "8012000010", "D0*");
    fixture_reset(&p->f);
    apdu(&p->f, "80F2000C00", "9000");
    answer_proactive(&p->f, 0, "", "6985");
    /* a TERMINAL PROFILE without a reset: announced again */
    toolkit_profile(p);
    toolkit_drain(p);
    one_waiting(p);
    apdu(&p->f, "8012000010", "D0*");
    toolkit_profile(p);
    exchange(&p->f, "80F2000C00", "91*");
    toolkit_drain(p);
    /* but that of one who had begun it is taken: what REFRESH asks for has a TERMINAL PROFILE in it */
    toolkit_begin(p);
    assert_true(proactive_send(p->applet[ONE], PROACTIVE_REFRESH, 0x03, SPAN_EMPTY));
    toolkit_end(p);
    exchange(&p->f, "80F2000C00", "910B");
    fetch(p, "D0098103..010382028182");
    toolkit_forget_seen(p);
    toolkit_profile(p);
    p->f.proactive.number ^= 0x40;
    answer_proactive(&p->f, 0, "", "6985"); /* of no command */
    p->f.proactive.number ^= 0x40;
    answer_proactive(&p->f, 0, "", "9*");
    assert_int_equal(p->n_seen, 1);
    assert_int_equal(p->seen[0].kind, EVENT_TERMINAL_RESPONSE);
    exchange(&p->f, "80F2000C00", "9*");
    toolkit_drain(p);
    answer_proactive(&p->f, 0, "", "6985");
    /* never fetched: announced for ever, everything else works */
    one_waiting(p);
    for (unsigned i = 0; i < 100; i++)
        apdu(&p->f, "00A4000C023F00", "9110");
}

/* Terminals at random: whatever they send, the card answers, and works afterwards. */
static void test_hostile(void **state)
{
    struct toolkit_play *p = *state;
    srand(7);
    for (unsigned round = 0; round < 3000; round++) {
        uint8_t command[5 + 40] = {0x80, 0x14, 0, 0, 0};
        size_t n = (size_t)rand() % 40;
        if (round % 100 == 0) {
            fixture_reset(&p->f);
            toolkit_profile(p);
        }
        if (toolkit_idle(p->f.card))
            one_waiting(p);
        if (rand() % 3 == 0) {
            uint8_t fetch_octets[5] = {0x80, 0x12, 0, 0, (uint8_t)(rand() % 2 == 0 ? 0x10 : rand())};
            fixture_transmit(&p->f, span_of(fetch_octets, 5), rand() % 2 == 0);
        }
        command[4] = (uint8_t)n;
        for (size_t i = 0; i < n; i++)
            command[5 + i] = (uint8_t)rand();
        static const uint8_t good[] = {0x81, 3, 1, 0x21, 0, 0x82, 2, 0x82, 0x81, 0x83, 1, 0};
        if (n >= sizeof good && rand() % 2 == 0) {
            memcpy(command + 5, good, sizeof good);
            command[5 + 2] = rand() % 3 == 0 ? (uint8_t)rand() : p->f.card->ram.toolkit.number;
            command[5 + 11] = (uint8_t)(rand() % 4 << 4 | rand() % 16);
            if (rand() % 2 == 0)
                command[5 + rand() % (int)sizeof good] ^= (uint8_t)(1 << rand() % 8);
            command[4] = sizeof good;
            n = sizeof good;
        }
        fixture_transmit(&p->f, span_of(command, 5 + n), false);
    }
    fixture_reset(&p->f);
    toolkit_profile(p);
    toolkit_drain(p);
    one_waiting(p);
    apdu(&p->f, "80F2000C00", "9110");
    apdu(&p->f, "8012000010", "D0*");
    answer_proactive(&p->f, 0, "", "9000");
}

/* ---- what is put off ---- */

static const struct toolkit_menu_entry first_entry = {{(const uint8_t *)"First", 5}, 0, false, 0, 0};
static const struct toolkit_menu_entry second_entry = {{(const uint8_t *)"Second", 6}, 0, false, 0, 0};

/* What the card asks for on all applets' behalf has changed when the terminal, busy, puts the old one off:
 * the new one is the last that it hears. */
static void test_out_of_date(void **state)
{
    struct toolkit_play *p = *state;
    uint8_t id;
    toolkit_profile(p);
    CHANGE(p, toolkit_init_menu_entry(p->applet[ONE], &first_entry, &id));
    exchange(&p->f, "80F2000C00", "91*");
    fetch(p, "D0178103..250082028182" "850455494343" "8F06804669727374");
    CHANGE(p, toolkit_init_menu_entry(p->applet[ONE], &second_entry, &id));
    apdu(&p->f, "80F2000C00", "9000"); /* it is being executed */
    answer_proactive(&p->f, CAT_RESULT_TERMINAL_BUSY, "", "9122");
    fetch(p, "D0208103..250082028182" "850455494343" "8F06804669727374" "8F07815365636F6E64");
    answer_proactive(&p->f, 0, "", "9000");
    apdu(&p->f, "80F2000C00", "9000");
    /* one that was not put off in between, and changed; to another command */
    CHANGE(p, toolkit_request_poll_interval(p->applet[ONE], 600));
    exchange(&p->f, "80F2000C00", "91*");
    fetch(p, "D00D8103..0300820281828402000A");
    answer_proactive(&p->f, CAT_RESULT_TERMINAL_BUSY, "", "9000");
    CHANGE(p, toolkit_request_poll_interval(p->applet[ONE], 0));
    apdu(&p->f, "00A4000C023F00", "910B");
    fetch(p, "D0098103..040082028182");
    answer_proactive(&p->f, 0, "", "9000");
    apdu(&p->f, "80F2000C00", "9000");
    /* fetched, and changed before its answer */
    CHANGE(p, toolkit_request_poll_interval(p->applet[ONE], 600));
    exchange(&p->f, "80F2000C00", "91*");
    fetch(p, "D00D8103..0300820281828402000A");
    CHANGE(p, toolkit_request_poll_interval(p->applet[ONE], 0));
    apdu(&p->f, "00A4000C023F00", "9000");
    answer_proactive(&p->f, CAT_RESULT_TERMINAL_BUSY, "", "910B");
    fetch(p, "D0098103..040082028182");
    answer_proactive(&p->f, 0, "", "9000");
    apdu(&p->f, "80F2000C00", "9000");
}

/* A command whose applet is gone is nobody's: put off, it is not asked for again. */
static void test_gone_while_executed(void **state)
{
    struct toolkit_play *p = *state;
    toolkit_profile(p);
    one_waiting(p);
    apdu(&p->f, "80F2000C00", "9110");
    apdu(&p->f, "8012000010", "D0*");
    toolkit_begin(p);
    assert_true(toolkit_deregister(p->applet[ONE]));
    toolkit_end(p);
    answer_proactive(&p->f, CAT_RESULT_TERMINAL_BUSY, "", "9000");
    apdu(&p->f, "80F2000C00", "9000");
    assert_int_equal(p->n_seen, 0);
    assert_true(toolkit_idle(p->f.card));
}

/* ---- REFRESH after a change of operator must not be lost ---- */

static void order(struct toolkit_play *p, const char *imsi)
{
    char script[200], tar[7];
    struct fixture_por por;
    fixture_order(imsi, -1, NULL, script, sizeof script);
    fixture_tar(&p->f, "subscription", tar);
    const struct fixture_ota ota = {0, 0x1619, tar, script, 0};
    fixture_ota(&p->f, &ota, &por);
    assert_int_equal(por.status, SCP80_POR_OK);
    assert_int_equal(por.sw >> 8, 0x91);
}

static void test_refresh_busy(void **state)
{
    struct toolkit_play *p = *state;
    toolkit_profile(p);
    order(p, "001020000000001");
    fetch(p, "D0098103..010482028182");
    answer_proactive(&p->f, CAT_RESULT_TERMINAL_BUSY, "", "9000"); /* in a call */
    for (unsigned i = 0; i < 5; i++) {
        apdu(&p->f, "00A4000C023F00", "9000"); /* not at once: that would be a loop */
        apdu(&p->f, "80F2000C00", "910B");     /* at the next poll */
        fetch(p, "D0098103..010482028182");
        answer_proactive(&p->f, CAT_RESULT_NETWORK_BUSY, "", "9000");
    }
    apdu(&p->f, "80C2000009D60799010582020281", "910B"); /* or the next envelope */
    fetch(p, "D0098103..010482028182");
    answer_proactive(&p->f, 0, "", "9000");
    apdu(&p->f, "80F2000C00", "9000");
}

/* Refused for good (3X): not asked again; a reset makes up for it, as the new IMSI is then read. And a queue
 * that others filled has room for it. */
static void test_refresh_refused(void **state)
{
    struct toolkit_play *p = *state;
    toolkit_profile(p);
    toolkit_begin(p);
    while (proactive_send(p->applet[ONE], 0x21, 0, span_of("\x8D\x03\x04hi", 5)))
        ;
    toolkit_end(p);
    order(p, "001020000000001");
    bool refresh = false;
    for (unsigned i = 0; i < 500 && !refresh; i++) {
        exchange(&p->f, "8012000000", "D0*");
        refresh = p->f.proactive.type == PROACTIVE_REFRESH;
        answer_proactive(&p->f, refresh ? CAT_RESULT_BEYOND_TERMINAL : 0, "", "9*");
    }
    assert_true(refresh);
    apdu(&p->f, "80F2000C00", "9000");
    char imsi[16];
    fixture_reset(&p->f);
    fixture_imsi(&p->f, imsi);
    assert_string_equal(imsi, "001020000000001");
}

/* No more channels than it may have: those that it has asked for count. */
static void test_channels_asked_for(void **state)
{
    struct toolkit_play *p = *state;
    static const uint8_t buffer[] = {0xB9, 0x02, 0x01, 0x00};
    const struct span rest = span_of(buffer, sizeof buffer);
    toolkit_profile(p);
    toolkit_begin(p);
    for (unsigned i = 0; i < TOOLKIT_CHANNELS; i++)
        assert_true(proactive_send(p->applet[ONE], 0x40, 0x01, rest));
    assert_false(proactive_send(p->applet[ONE], 0x40, 0x01, rest));
    assert_true(proactive_send(p->applet[TWO], 0x40, 0x01, rest));
    toolkit_end(p);
    exchange(&p->f, "80F2000C00", "91*");
    fetch(p, "*");
    answer_proactive(&p->f, 0x30, "", "91*");
    toolkit_begin(p);
    assert_true(proactive_send(p->applet[ONE], 0x40, 0x01, rest));
    assert_false(proactive_send(p->applet[ONE], 0x40, 0x01, rest));
    toolkit_end(p);
    toolkit_drain(p);
}

/* A deck that an older version made, in the middle of a trial that location status can end: nothing is
 * registered, and is at the next TERMINAL PROFILE. */
static void test_old_deck(void **state)
{
    struct toolkit_play *p = *state;
    struct fixture_por por;
    struct applet subscription;
    char tar[7];
    fixture_tar(&p->f, "subscription", tar);
    const struct fixture_ota ota = {0, 0x1619, tar,
                                    "80E29000"
                                    "13E1118109"
                                    "080910200000000010"
                                    "840400000002"
                                    "00C0000000",
                                    0};
    fixture_ota(&p->f, &ota, &por);
    assert_int_equal(por.status, SCP80_POR_OK);
    assert_true(subscription_of(p->f.card, &subscription));
    assert_true(toolkit_event_is_set(subscription, TOOLKIT_LOCATION_STATUS));
    toolkit_begin(p);
    assert_true(toolkit_deregister(subscription));
    toolkit_end(p);
    fixture_restart(&p->f);
    toolkit_profile(p);
    fetch(p, "D00C8103..0500820281829901"
             "03");
    answer_proactive(&p->f, 0, "", "9000");
    apdu(&p->f, "80C200000CD60A990103820282819B0102", "9000");
    apdu(&p->f, "80C200000CD60A990103820282819B0102", "91*"); /* rolled back: REFRESH */
    toolkit_drain(p);
    toolkit_profile(p); /* and there is nothing to watch any more */
    apdu(&p->f, "80F2000C00", "9000");
}

/* A trace says what the toolkit's commands are about. */
static void keep_detail(void *ctx, const struct uicc_trace_event *e)
{
    struct toolkit_play *p = ctx;
    snprintf(p->f.trace, sizeof p->f.trace, "%s", e->detail != NULL ? e->detail : "-");
}

static void test_trace(void **state)
{
    struct toolkit_play *p = *state;
    toolkit_profile(p);
    p->f.env.trace = keep_detail;
    p->f.env.ctx = p;
    one_waiting(p);
    apdu(&p->f, "80F2000C00", "9110");
    assert_string_equal(p->f.trace, "-");
    apdu(&p->f, "8012000010", "D0*");
    assert_string_equal(p->f.trace, "DISPLAY TEXT");
    apdu(&p->f, "8014000003810100", "6A80");
    assert_string_equal(p->f.trace, "-");
    answer_proactive(&p->f, 0x12, "", "9000");
    assert_string_equal(p->f.trace, "DISPLAY TEXT: no response from user");
    apdu(&p->f, "80C200000CD60A990103820282819B0102", "9000");
    assert_string_equal(p->f.trace, "event download, location status");
    apdu(&p->f, "80C2000009D607990199820282" "81", "9000");
    assert_string_equal(p->f.trace, "event download, unknown");
    toolkit_begin(p);
    assert_true(proactive_send(p->applet[ONE], CAT_PROVIDE_LOCAL_INFORMATION, CAT_PLI_IMEI, SPAN_EMPTY));
    toolkit_end(p);
    apdu(&p->f, "801200000B", "D0*");
    assert_string_equal(p->f.trace, "PROVIDE LOCAL INFORMATION, IMEI");
}

/* ---- the codecs ---- */

static void test_codecs(void **state)
{
    (void)state;
    uint8_t bytes[64], value[3], duration[2];
    struct buf out = buf_of(bytes, sizeof bytes);
    struct cat_response r;
    const struct cat_details details = {7, 0x26, 1};
    cat_response_build(&out, &details, 0x20, span_of("\x02", 1),
                       span_of("\x14\x08\x3A\x15\x32\x54\x76\x98\x10\x32", 10));
    assert_true(cat_response_parse(buf_span(&out), &r));
    assert_int_equal(r.details.number, 7);
    assert_int_equal(r.details.type, 0x26);
    assert_int_equal(r.result, 0x20);
    assert_int_equal(r.additional.n, 1);
    struct span imei;
    assert_true(ctlv_find(r.rest, CAT_TAG_IMEI, 0, &imei) && imei.n == 8);
    for (size_t n = 0; n < out.len;
         n++) { /* cut anywhere: never read beyond, and no response without its result */
        uint8_t *exact = malloc(n > 0 ? n : 1);
        memcpy(exact, bytes, n);
        assert_true(!cat_response_parse(span_of(exact, n), &r) || n >= 13);
        struct cat_proactive p;
        assert_false(cat_proactive_parse(span_of(exact, n), &p));
        free(exact);
    }
    cat_timer_value(3723, value);
    assert_memory_equal(value, "\x10\x20\x30", 3);
    assert_int_equal(cat_timer_seconds(span_of(value, 3)), 3723);
    cat_duration(90, duration);
    assert_memory_equal(duration, "\x01\x5A", 2);
    cat_duration(3601, duration);
    assert_memory_equal(duration, "\x00\x3D", 2);
    assert_string_equal(cat_result_text(0x20), "terminal currently unable to process command");
    assert_string_equal(cat_event_name(3), "location status");
    assert_string_equal(cat_envelope_name(0xD3), "menu selection");
    assert_string_equal(cat_tag_name(0x0D), "text string");
    assert_null(cat_result_text(0x7F));
    assert_null(cat_command(0x7F));
    assert_false(cat_profile_has(span_of("\xFF", 1), (struct cat_facility){0, 0}));
    assert_false(cat_profile_has(span_of("\xFF", 1), (struct cat_facility){2, 1}));
    assert_true(cat_profile_has(span_of("\x01", 1), (struct cat_facility){1, 1}));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, toolkit_setup, toolkit_teardown)
    const struct CMUnitTest tests[] = {
        T(test_every_command),   T(test_file_list), T(test_fetch),   T(test_wrong_answers),
        T(test_nested),          T(test_abort),     T(test_hostile), T(test_refresh_busy),
        T(test_refresh_refused), T(test_old_deck), T(test_channels_asked_for), T(test_trace),  T(test_codecs),
        T(test_out_of_date), T(test_gone_while_executed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
