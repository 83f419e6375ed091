/* SPDX-License-Identifier: Apache-2.0
 *
 * Every function of uicc_applet.h, called by an applet that writes down what it saw; by the areas of ETSI TS
 * 102 268 (FileView, administration, registry, handlers, proactive, triggering, exceptions).
 */
#include "card_fixture.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "api.h"
#include "api_applet.h"
#include "hex.h"
#include "kernel.h"

/* ---- the card ---- */

struct api {
    struct fixture f;
    struct foreign_class foreign;
    uint8_t first, second; /* indices of two instances, of priorities 10 and 20 */
};

#define FIRST  "F074657374AA01"
#define SECOND "F074657374AA02"

static sw_t make(struct api *a, uint8_t number, uint8_t priority, uint8_t *index)
{
    /* toolkit: priority, 2 timers, 10 octets of text, 2 entries, no channel; files: all outside ADFs;
     * administration: the same */
    const uint8_t uicc[] = {0x80, 9,    priority, 2,    10, 2,    0, number == 1 ? 0x21 : 0x31,
                            0,    0,    0,        0x81, 4,  0,    1, 0x00,
                            0,    0x82, 4,        0,    1,  0x00, 0};
    const uint8_t aid[7] = {0xF0, 't', 'e', 's', 't', 0xAA, number};
    const struct applet_installation how = {.domain = NO_APPLET,
                                            .owner = NO_OWNER,
                                            .package = span_of("\xF0test\x01", 6),
                                            .module = span_of("\xF0test\x01\x01", 7),
                                            .aid = span_of(aid, 7),
                                            .parameters = span_of("params", 6),
                                            .uicc = span_of(uicc, sizeof uicc),
                                            .selectable = true};
    objects_begin(a->f.card->objects);
    sw_t sw = applet_install(a->f.card, &how, index);
    if (sw == SW_OK)
        assert_true(card_commit(a->f.card));
    else
        assert_true(card_abort(a->f.card));
    a->f.card->ram.toolkit.changed = true;
    return sw;
}

static void open_api(struct api *a)
{
    size_t n;
    assert_null(package_check(&test_package, &n));
    assert_int_equal(n, 1);
    foreign_class_of(&test_package, 0, &a->foreign);
    const struct applet_class *const more[] = {&a->foreign.base, NULL};
    fixture_open_classes(&a->f, "test", more);
    assert_int_equal(make(a, 1, 0x10, &a->first), SW_OK);
    assert_int_equal(make(a, 2, 0x20, &a->second), SW_OK);
}

static void drain(struct api *a);

static void run_area(struct api *a, unsigned area, unsigned p2, const char *answer)
{
    char command[16];
    snprintf(command, sizeof command, "8090%02X%02X00", area, p2);
    exchange(&a->f, command, answer);
}

static void log_is(struct api *a, uint8_t index, const char *expected)
{
    struct span log;
    char hex[2048];
    (void)applet_get((struct applet){a->f.card, index}, LOG, &log);
    assert_true(log.n < 1000);
    hex_format(log, hex);
    if (strcasecmp(hex, expected) != 0)
        fail_msg("events seen:\n%s\nnot\n%s", hex, expected);
}

static void forget(struct api *a)
{
    for (int i = 0; i < 2; i++) {
        objects_begin(a->f.card->objects);
        assert_true(applet_remove_if_there((struct applet){a->f.card, i == 0 ? a->first : a->second}, LOG));
        assert_true(card_commit(a->f.card));
    }
}

/* Fetches and answers "performed" until nothing waits. */
static void drain(struct api *a)
{
    for (int i = 0; i < 20; i++) {
        uint16_t sw = fixture_transmit(&a->f, span_of("\x80\xF2\x00\x0C\x00", 5), false);
        if (sw >> 8 != 0x91)
            return;
        const uint8_t fetch[5] = {0x80, 0x12, 0, 0, (uint8_t)sw};
        assert_int_equal(fixture_transmit(&a->f, span_of(fetch, 5), false), 0x9000);
        uint8_t response[] = {0x80, 0x14, 0,    0,    0x0C, 0x81, 0x03, 0,   0,
                              0,    0x82, 0x02, 0x82, 0x81, 0x83, 0x01, 0x00};
        struct span inner, details;
        assert_true(tlv_find(span_of(a->f.response, a->f.response_len - 2), 0xD0, &inner));
        assert_true(ctlv_find(inner, 1, 0, &details));
        memcpy(response + 7, details.p, 3);
        sw = fixture_transmit(&a->f, span_of(response, sizeof response), false);
        assert_true(sw == 0x9000 || sw >> 8 == 0x91);
    }
    fail_msg("proactive commands without end");
}

static void test_area_files(void **state)
{
    (void)state;
    struct api a;
    open_api(&a);
    apdu(&a.f, "00A4040C07" FIRST, "9000");
    run_area(&a, FILES, 0, "9000");
    run_area(&a, ADMIN, 0, "9000");
    run_area(&a, BER_TLV, 0, "9000");
    run_area(&a, CONTEXTS, 0, "9000");
    apdu(&a.f, "00B0000000", "6C04"); /* process has it, not the kernel: 9000 would be the file system's */
    apdu(&a.f, "00A4000C023F00", "9000");
    apdu(&a.f, "80F2000C00", "9000");
    fixture_close(&a.f);
}

/* An application whose access domain has ADM1 in the USIM; with its name's last octet. */
static void install_with_access(struct api *a, char name, uint16_t owner, bool access)
{
    static const uint8_t uicc[] = {0x81, 3 + 1 + 1 + 16 + 5 + 1,
                            0,    1,
                            0xFF, 0,
                            16,   0xA0,
                            0,    0,
                            0,    0x87,
                            0x10, 0x02,
                            0xFF, 0xFF,
                            0xFF, 0xFF,
                            0x89, 0x07,
                            0x09, 0,
                            0,    4,
                            0x02, 0,
                            0x01, 0,
                            0};
    const char aid[] = {(char)0xF0, 't', 'e', 's', 't', (char)0xAA, name};
    uint8_t index;
    struct applet_installation how = {.domain = NO_APPLET,
                                      .owner = owner,
                                      .package = span_of("\xF0test\x01", 6),
                                      .module = span_of("\xF0test\x01\x01", 7),
                                      .aid = span_of(aid, sizeof aid),
                                      .parameters = span_of("params", 6),
                                      .uicc = access ? span_of(uicc, sizeof uicc) : SPAN_EMPTY,
                                      .selectable = true};
    objects_begin(a->f.card->objects);
    assert_int_equal(session_finish(a->f.card, applet_install(a->f.card, &how, &index)), SW_OK);
}

static bool on_trial(struct api *a)
{
    enum { TRIAL = 0x0002 }; /* pairs.h, ITEM_TRIAL */
    struct applet subscription;
    struct span trial;
    assert_non_null(applet_service(a->f.card, "owner", 0, &subscription));
    return applet_get(subscription, TRIAL, &trial);
}

static void test_area_access(void **state)
{
    (void)state;
    struct api a;
    struct span imsi;
    open_api(&a);
    install_with_access(&a, 4, NO_OWNER, true);
    install_with_access(&a, 5, NO_OWNER, false);
    apdu(&a.f, "00A4040C07 F074657374AA05", "9000");
    run_area(&a, DOMAINS, 1, "9000");
    apdu(&a.f, "00A4040C07 F074657374AA04", "9000");
    run_area(&a, DOMAINS, 0, "9000");
    /* The subscription knows of its new IMSI. */
    struct applet subscription;
    assert_non_null(applet_service(a.f.card, "owner", 0, &subscription));
    assert_true(applet_get(subscription, 0x0200, &imsi));
    assert_memory_equal(imsi.p + imsi.n - 9, "\x08\x09\x10\x10\x10\x32\x54\x76\x98", 9);
    assert_false(on_trial(&a));
    fixture_close(&a.f);
    /* What an operator's application writes is the operator's word: it is on trial
     * like that of his scripts. */
    open_api(&a);
    install_with_access(&a, 6, 0, true);
    apdu(&a.f, "00A4040C07 F074657374AA06", "9000");
    run_area(&a, DOMAINS, 0, "9000");
    assert_true(on_trial(&a));
    fixture_close(&a.f);
}

static void test_area_framework(void **state)
{
    (void)state;
    struct api a;
    struct span value;
    open_api(&a);
    apdu(&a.f, "00A4040C07" FIRST, "9000");
    run_area(&a, FRAMEWORK, 0, "9000");
    run_area(&a, FRAMEWORK, 3, "9000");
    /* Deselected on its only channel: CLEAR_ON_DESELECT is clear; deselect() ran. */
    apdu(&a.f, "00A4040C07" SECOND, "9000");
    apdu(&a.f, "00A4040C07" FIRST, "9000");
    assert_true(applet_get((struct applet){a.f.card, a.first}, 50, &value));
    run_area(&a, FRAMEWORK, 1, "9000");
    fixture_reset(&a.f);
    apdu(&a.f, "00A4040C07" FIRST, "9000");
    run_area(&a, FRAMEWORK, 0, "9000");
    run_area(&a, CRYPTO, 0, "9000");
    /* An exception undoes. */
    run_area(&a, KEEP, 1, "6985");
    assert_false(applet_get((struct applet){a.f.card, a.first}, KEPT, &value));
    run_area(&a, KEEP, 0, "9000");
    assert_true(applet_get((struct applet){a.f.card, a.first}, KEPT, &value));
    /* It refuses to be selected. */
    run_area(&a, SET_ORDER, 0xFF, "9000");
    apdu(&a.f, "00A4040C07" SECOND, "9000");
    apdu(&a.f, "00A4040C07" FIRST, "6985");
    fixture_close(&a.f);
}

static void test_area_pins(void **state)
{
    (void)state;
    struct api a;
    open_api(&a);
    apdu(&a.f, "00A4040C07" FIRST, "9000");
    run_area(&a, PINS, 0, "9000");
    run_area(&a, CHECK_PINS, 0xEE, "6F00");
    fixture_restart(&a.f);
    apdu(&a.f, "00A4040C07" FIRST, "9000");
    run_area(&a, BLOCKED_PINS, 0, "9000");
    assert_false(owner_pin_check((struct applet){a.f.card, a.first}, 3, span_of("1234", 4)));
    assert_true(owner_pin_check((struct applet){a.f.card, a.first}, 3, span_of("abcd", 4)));
    assert_true(owner_pin_validated((struct applet){a.f.card, a.first}, 3));
    fixture_reset(&a.f);
    assert_false(owner_pin_validated((struct applet){a.f.card, a.first}, 3));
    /* A try is gone however the power goes. */
    fault_store_cut_at(a.f.store, 0);
    assert_false(owner_pin_check((struct applet){a.f.card, a.first}, 3, span_of("abcd", 4)));
    fault_store_cut_at(a.f.store, 1);
    assert_false(owner_pin_check((struct applet){a.f.card, a.first}, 3, span_of("abcd", 4)));
    fixture_restart(&a.f);
    assert_int_equal(owner_pin_tries((struct applet){a.f.card, a.first}, 3), 2);
    fixture_close(&a.f);
}

static void test_area_sharing(void **state)
{
    (void)state;
    struct api a;
    struct span value;
    char command[32];
    open_api(&a);
    apdu(&a.f, "00A4040C07" FIRST, "9000");
    run_area(&a, KEEP, 0, "9000");
    apdu(&a.f, "00A4040C07" SECOND, "9000");
    snprintf(command, sizeof command, "8090%02X%02X00", FIREWALL, a.first);
    apdu(&a.f, command, "9000");
    assert_true(applet_get((struct applet){a.f.card, a.first}, KEPT, &value));
    assert_true(span_equal(value, span_of("own", 3)));
    /* A method: the request, and who asked; written in the server's own objects. */
    exchange(&a.f, "80900A00 09 01 00" FIRST, "72657175657374" SECOND "9000");
    exchange(&a.f, "80900A00 09 01 01" FIRST, "72657175657374" SECOND "9000");
    assert_true(applet_get((struct applet){a.f.card, a.first}, KEPT, &value));
    assert_true(span_equal(value, span_of("request", 7)));
    apdu(&a.f, "80900A00 09 02 00" FIRST, "6A82"); /* not shared */
    apdu(&a.f, "80900A00 09 01 00 F074657374AA09", "6A82");
    apdu(&a.f, "80900A00 09 01 03" FIRST, "6983");
    apdu(&a.f, "80900A00 09 01 00" SECOND, "6A82"); /* itself */
    apdu(&a.f, "80900A00 09 01 02" FIRST, "6985");  /* back and forth: bounded */
    /* Nobody serves who is locked. */
    objects_begin(a.f.card->objects);
    assert_int_equal(applet_set_life(a.f.card, a.first, 0x87), SW_OK);
    assert_true(card_commit(a.f.card));
    apdu(&a.f, "80900A00 09 01 00" FIRST, "6A82");
    fixture_close(&a.f);
}

static void test_area_registry(void **state)
{
    (void)state;
    struct api a;
    open_api(&a);
    fixture_terminal_profile(&a.f);
    drain(&a);
    apdu(&a.f, "00A4040C07" FIRST, "9000");
    run_area(&a, REGISTRY, 0, "91..");
    forget(&a);
    /* The terminal is asked for events, menu and polling by the card. */
    drain(&a);
    forget(&a);
    /* Menu selection: to whom the entry is; help is another event; a disabled entry is nobody's. */
    exchange(&a.f, "80C2000009 D30782020181900121", "9000");
    exchange(&a.f, "80C200000B D309820201819001219500", "9000");
    exchange(&a.f, "80C2000009 D30782020181900131", "9000");
    log_is(&a, a.first,
           "07"
           "21"
           "D3"
           "07"
           "82020181900121"
           "08"
           "21"
           "D3"
           "09"
           "820201819001219500");
    log_is(&a, a.second, "");
    forget(&a);
    /* A timer. */
    exchange(&a.f, "80C200000E D70C82028281A40101A503000000", "9000");
    exchange(&a.f, "80C200000E D70C82028281A40102A503000000", "9000");
    log_is(&a, a.first,
           "0B"
           "01"
           "D7"
           "0C"
           "82028281A40101A503000000");
    forget(&a);
    /* Polls, and the file. */
    apdu(&a.f, "80F2000C00", "9000");
    apdu(&a.f, "00A4000C023F00", "9000");
    log_is(&a, a.first,
           "13"
           "00"
           "00"
           "00");
    forget(&a);
    /* It has READ and UPDATE BINARY of its own: another channel has not. */
    apdu(&a.f, "0070000101", "9000"); /* MANAGE CHANNEL 1 */
    apdu(&a.f, "01A4000C022F05", "9000");
    apdu(&a.f, "01D6000002656E", "9000");
    log_is(&a, a.first,
           "7C"
           "00"
           "05"
           "0B"
           "82028281"
           "9205013F002F05");
    /* All of it lasts. */
    fixture_restart(&a.f);
    forget(&a);
    exchange(&a.f, "80C2000009 D30782020181900121", "9000");
    log_is(&a, a.first,
           "07"
           "21"
           "D3"
           "07"
           "82020181900121");
    /* Locked, it has no entry in the menu and no events; unlocked, all is as it was. */
    fixture_terminal_profile(&a.f);
    drain(&a);
    for (int locked = 1; locked >= 0; locked--) {
        objects_begin(a.f.card->objects);
        assert_int_equal(session_finish(a.f.card, applet_set_life(a.f.card, a.first, locked ? 0x87 : 0x07)),
                         SW_OK);
        forget(&a);
        a.f.tracing = true;
        a.f.trace_len = 0;
        apdu(&a.f, "00A4000C023F00", "9*");
        drain(&a);
        a.f.tracing = false;
        /* "Changed", in SET UP MENU */
        assert_int_equal(strstr(a.f.trace, "4368616e676564") != NULL, !locked);
        memset(a.f.trace, 0, sizeof a.f.trace);
        forget(&a);
        exchange(&a.f, "80C2000009 D30782020181900121", "9000");
        exchange(&a.f, "80C200000E D70C82028281A40101A503000000", "9000");
        log_is(&a, a.first,
               locked ? "" : "0721D307820201819001210B01D70C82028281A40101A503000000");
    }
    fixture_close(&a.f);
}

static void test_area_triggering(void **state)
{
    (void)state;
    struct api a;
    open_api(&a);
    fixture_terminal_profile(&a.f);
    drain(&a);
    /* Both want it; the second in installation order is asked second, by its priority. */
    for (int i = 0; i < 2; i++) {
        apdu(&a.f, i == 0 ? "00A4040C07" FIRST : "00A4040C07" SECOND, "9000");
        run_area(&a, SET_EVENT, UICC_EVENT_EVENT_DOWNLOAD_LOCATION_STATUS, i == 0 ? "91.." : "9000");
        drain(&a);
    }
    forget(&a);
    exchange(&a.f, "80C200000F D60D99010382028281 9B0100 930103", "9000");
    log_is(&a, a.first,
           "0F"
           "00"
           "D6"
           "0D"
           "990103820282819B0100930103");
    log_is(&a, a.second,
           "0F"
           "00"
           "D6"
           "0D"
           "990103820282819B0100930103");
    forget(&a);
    /* The first says it is handled. */
    apdu(&a.f, "00A4040C07" FIRST, "9000");
    run_area(&a, SET_ORDER, DO_HANDLE, "9000");
    exchange(&a.f, "80C200000F D60D99010382028281 9B0100 930103", "9000");
    log_is(&a, a.second, "");
    forget(&a);
    /* An exception: what it wrote is undone, the other is told all the same, the command is answered as if
     * nothing were. */
    run_area(&a, SET_ORDER, DO_FAIL, "9000");
    exchange(&a.f, "80C200000F D60D99010382028281 9B0100 930103", "9000");
    log_is(&a, a.first, "");
    log_is(&a, a.second,
           "0F"
           "00"
           "D6"
           "0D"
           "990103820282819B0100930103");
    forget(&a);
    /* Call control is one applet's, and it answers. */
    run_area(&a, SET_ORDER, DO_POST, "9000");
    run_area(&a, SET_EVENT, UICC_EVENT_CALL_CONTROL_BY_NAA, "9000");
    apdu(&a.f, "00A4040C07" SECOND, "9000");
    run_area(&a, SET_EVENT, UICC_EVENT_CALL_CONTROL_BY_NAA, "6A89");
    exchange(&a.f, "80C200000B D409820282818603812143", "0200 9000");
    log_is(&a, a.first,
           "09"
           "00"
           "D4"
           "09"
           "820282818603812143");
    /* What nobody knows, and what nobody asked for. */
    forget(&a);
    run_area(&a, SET_EVENT, UICC_EVENT_UNRECOGNIZED_ENVELOPE, "9000");
    exchange(&a.f, "80C2000004 E5028202", "9000");
    log_is(&a, a.second,
           "78"
           "00"
           "E5"
           "02"
           "8202");
    /* Who posts first has answered; the others hear of it all the same, and their answer is none. */
    apdu(&a.f, "00A4040C07" FIRST, "9000");
    run_area(&a, SET_EVENT, UICC_EVENT_UNRECOGNIZED_ENVELOPE, "9000");
    forget(&a);
    exchange(&a.f, "80C2000004 E5028202", "0200 9000");
    log_is(&a, a.first, "7800E5028202");
    log_is(&a, a.second, "7800E5028202");
    apdu(&a.f, "00A4040C07" SECOND, "9000");
    run_area(&a, SET_ORDER, DO_POST, "9000");
    exchange(&a.f, "80C2000004 E5028202", "0200 9000");
    fixture_close(&a.f);
}

static void test_area_proactive(void **state)
{
    (void)state;
    struct api a;
    open_api(&a);
    fixture_terminal_profile(&a.f);
    drain(&a);
    apdu(&a.f, "00A4040C07" FIRST, "9000");
    run_area(&a, SET_EVENT, UICC_EVENT_EVENT_DOWNLOAD_LOCATION_STATUS, "91..");
    drain(&a);
    forget(&a);
    /* send(), and what it returns in Java: the terminal's answer. */
    run_area(&a, PROACTIVE, 1, "9116");
    apdu(&a.f, "8012000016", "D014 8103..2301 82028182 8D05 04 57686F3F 9102010A 9000");
    exchange(&a.f, "8014000011 8103012301 82028281 830100 8D03044162", "6A80"); /* of another command */
    char number[8], answer[64];
    snprintf(number, sizeof number, "%02X", a.f.card->ram.toolkit.number);
    snprintf(answer, sizeof answer, "8014000011 8103%s2301 82028281 830100 8D03044162", number);
    exchange(&a.f, answer, "9000");
    snprintf(answer, sizeof answer,
             "C9"
             "00"
             "23"
             "11"
             "8103%s23018202828183"
             "01008D03044162",
             number);
    log_is(&a, a.first, answer);
    /* The general result is there to be asked for; and an aborted command sends nothing. */
    run_area(&a, PROACTIVE, 2, "6F00");
    apdu(&a.f, "80F2000C00", "9000");
    /* The longest, and one whose text is null (TS 102 223 8.15). */
    run_area(&a, PROACTIVE, 3, "9100");
    apdu(&a.f, "8012000000", "D081FD8103..210082028102 8D81F104 78*");
    snprintf(answer, sizeof answer, "801400000C 8103%02X2100 82028281 830100", a.f.card->ram.toolkit.number);
    exchange(&a.f, answer, "9000");
    run_area(&a, PROACTIVE, 4, "9111");
    apdu(&a.f, "8012000011", "D00F8103..230082028182 8D00 9102010A 9000");
    snprintf(answer, sizeof answer, "801400000C 8103%02X2300 82028281 830100", a.f.card->ram.toolkit.number);
    exchange(&a.f, answer, "9000");
    /* Several at a time wait in a row. */
    run_area(&a, SET_ORDER, DO_SEND, "9000");
    exchange(&a.f, "80C200000F D60D99010382028281 9B0100 930103", "9113");
    exchange(&a.f, "80C200000F D60D99010382028281 9B0100 930103", "9113");
    forget(&a);
    drain(&a);
    struct span log;
    assert_true(applet_get((struct applet){a.f.card, a.first}, LOG, &log));
    assert_int_equal(log.n, 2 * (4 + 12));

    /* Deleted in the middle of its session: the terminal's answer goes to nobody, and the next command is as
     * ever. */
    exchange(&a.f, "80C200000F D60D99010382028281 9B0100 930103", "9113");
    exchange(&a.f, "80C200000F D60D99010382028281 9B0100 930103", "9113");
    apdu(&a.f, "8012000013", "D0118103..218182028102 8D0604 68656C6C6F 9000");
    snprintf(number, sizeof number, "%02X", a.f.card->ram.toolkit.number - 1);
    objects_begin(a.f.card->objects);
    assert_int_equal(applet_delete(a.f.card, a.first), SW_OK);
    assert_true(card_commit(a.f.card));
    snprintf(answer, sizeof answer, "801400000C 8103%s2181 82028281 830100", number);
    uint16_t sw = fixture_transmit(&a.f, span_of("\x80\xF2\x00\x0C\x00", 5), false);
    assert_int_equal(sw, 0x9000);
    exchange(&a.f, answer, "*");
    drain(&a);
    exchange(&a.f, "80C200000F D60D99010382028281 9B0100 930103", "9000");
    /* And installed in the middle of another's. */
    apdu(&a.f, "00A4040C07" SECOND, "9000");
    run_area(&a, PROACTIVE, 1, "9116");
    apdu(&a.f, "8012000016", "D014*");
    assert_int_equal(make(&a, 1, 0x10, &a.first), SW_OK);
    log_is(&a, a.first, "");
    snprintf(answer, sizeof answer, "801400000C 8103%02X2301 82028281 830110", a.f.card->ram.toolkit.number);
    exchange(&a.f, answer, "9000");
    struct span seen;
    assert_true(applet_get((struct applet){a.f.card, a.second}, LOG, &seen));
    assert_int_equal(seen.p[seen.n - 16], UICC_EVENT_TERMINAL_RESPONSE);
    assert_int_equal(seen.p[seen.n - 15], 0x10); /* ended by the user */
    fixture_close(&a.f);
}

/* Secured data for a TAR of an applet's (EVENT_FORMATTED_SMS_PP_ENV): behind the minimum security level of
 * its installation; what it posts is in the proof of receipt. */
static void test_area_messages(void **state)
{
    (void)state;
    struct api a;
    struct fixture_por por;
    uint8_t index;
    open_api(&a);
    /* priority 30, MSL 16 (checksum, ciphering, counter), TAR B0AA01 */
    static const uint8_t uicc[] = {0x80, 13, 0x30, 0, 0, 0, 0, 2, 0x01, 0x16, 3, 0xB0, 0xAA, 0x01, 0};
    const struct applet_installation how = {.domain = NO_APPLET,
                                            .owner = NO_OWNER,
                                            .package = span_of("\xF0test\x01", 6),
                                            .module = span_of("\xF0test\x01\x01", 7),
                                            .aid = span_of("\xF0test\xAA\x03", 7),
                                            .parameters = span_of("params", 6),
                                            .uicc = span_of(uicc, sizeof uicc),
                                            .selectable = true};
    objects_begin(a.f.card->objects);
    assert_int_equal(session_finish(a.f.card, applet_install(a.f.card, &how, &index)), SW_OK);
    struct fixture_ota ota = {.index = 0, .spi = 0x1619, .tar = "B0AA01", .script = "0102030405"};
    /* Not before it asks for it. */
    fixture_ota(&a.f, &ota, &por);
    assert_true(por.answered);
    assert_int_equal(por.status, SCP80_TAR_UNKNOWN);
    apdu(&a.f, "00A4040C07 F074657374AA03", "9000");
    run_area(&a, SET_EVENT, UICC_EVENT_FORMATTED_SMS_PP_ENV, "9000");
    run_area(&a, SET_ORDER, DO_POST, "9000");
    fixture_ota(&a.f, &ota, &por);
    assert_true(por.answered);
    assert_int_equal(por.status, SCP80_POR_OK);
    assert_int_equal(por.n, 2);
    assert_memory_equal(por.data, "\x02\x00", 2);
    log_is(&a, index,
           "02"
           "00"
           "00"
           "05"
           "0102030405");
    /* Its exception: the packet is acknowledged, and nothing of it is there. */
    run_area(&a, SET_ORDER, DO_FAIL, "9000");
    fixture_ota(&a.f, &ota, &por);
    assert_true(por.answered && por.n == 0);
    log_is(&a, index,
           "02"
           "00"
           "00"
           "05"
           "0102030405");
    /* Below its level: 0A. */
    ota.spi = 0x1219;
    fixture_ota(&a.f, &ota, &por);
    assert_true(por.answered);
    assert_int_equal(por.status, SCP80_SECURITY_LEVEL);
    /* Locked, it is not there. */
    ota.spi = 0x1619;
    objects_begin(a.f.card->objects);
    assert_int_equal(session_finish(a.f.card, applet_set_life(a.f.card, index, 0x87)), SW_OK);
    fixture_ota(&a.f, &ota, &por);
    assert_true(por.answered);
    assert_int_equal(por.status, SCP80_TAR_UNKNOWN);
    fixture_close(&a.f);
}

/* What an event's objects say. */
static void test_event_objects(void **state)
{
    (void)state;
    static const uint8_t channels[] = {0x02, 0x02, 0x82, 0x81, 0x83, 0x03, 0x10, 0x01, 0x02, 0xB8, 0x01,
                                       0x83, 0x38, 0x02, 0x81, 0x00, 0xB8, 0x02, 0x82, 0x05, 0x8D, 0x00};
    uint8_t answer[8];
    uint16_t status;
    bool handled = false;
    struct uicc_span value = {NULL, 0};
    struct uicc_buf out = uicc_buf_of(answer, sizeof answer);
    struct uicc_event e = {
        .event = UICC_EVENT_TERMINAL_RESPONSE, .id = 0x10, .data = uicc_span_of(channels, sizeof channels)};
    assert_int_equal(uicc_get_general_result(&e), 0x10);
    assert_true(uicc_get_additional_information(&e, &value));
    assert_true(value.n == 2 && value.p[1] == 2);
    assert_int_equal(uicc_get_channel_identifier(&e), 3);
    assert_true(uicc_get_channel_status(&e, 1, &status) && status == 0x8100);
    assert_true(uicc_get_channel_status(&e, 2, &status) && status == 0x8205);
    assert_false(uicc_get_channel_status(&e, 3, &status)); /* too short */
    assert_false(uicc_get_channel_status(&e, 4, &status));
    assert_false(uicc_get_text_string(&e, NULL, &value));
    assert_int_equal(uicc_get_item_identifier(&e), 0);
    assert_false(uicc_find_tlv(e.data, UICC_TAG_RESULT, 2, &value));
    assert_false(uicc_find_tlv(e.data, UICC_TAG_RESULT, 0, &value));
    e.data.n = 4;
    assert_false(uicc_get_additional_information(&e, &value));
    assert_int_equal(uicc_get_channel_identifier(&e), 0);
    assert_int_equal(uicc_post_as_ber_tlv(&e, 0x33, "abc", 3), UICC_SW_CONDITIONS_NOT_SATISFIED);
    e.out = &out;
    e.handled = &handled;
    assert_int_equal(uicc_post_as_ber_tlv(&e, 0x33, "abc", 3), UICC_SW_OK);
    assert_true(!handled && out.len == 5);
    assert_memory_equal(answer,
                        "\x33\x03"
                        "abc",
                        5);
    static const uint8_t longest[256] = {0};
    assert_int_equal(uicc_post_as_ber_tlv(&e, 0x33, longest, sizeof longest), UICC_SW_WRONG_LENGTH);
    /* And into those of a command. */
    struct uicc_proactive_handler h;
    uicc_init(&h, UICC_PRO_CMD_SELECT_ITEM, 0, 0);
    uicc_append_item(&h, 1, "one", 3);
    uicc_append_item(&h, 0xFF, NULL, 0);
    uicc_append_text(&h, UICC_TAG_TEXT_STRING, UICC_DCS_UCS2, NULL, 0);
    assert_int_equal(h.objects.len, 11);
    assert_memory_equal(h.octets, "\x8F\x04\x01" "one" "\x8F\x01\xFF\x8D\x00", 11);
    uicc_append_item(&h, 2, longest, sizeof longest);
    assert_true(h.objects.full);
}

/* TERMINAL PROFILE, the first command, the handler that is free again: told in order, once. */
static void test_area_moments(void **state)
{
    (void)state;
    struct api a;
    static const uint8_t events[] = {UICC_EVENT_PROFILE_DOWNLOAD, UICC_EVENT_FIRST_COMMAND_AFTER_ATR};
    open_api(&a);
    fixture_terminal_profile(&a.f);
    drain(&a);
    apdu(&a.f, "00A4040C07" FIRST, "9000");
    for (size_t i = 0; i < sizeof events; i++)
        run_area(&a, SET_EVENT, events[i], "9*");
    drain(&a);
    forget(&a);
    fixture_reset(&a.f);
    apdu(&a.f, "00A4000C023F00", "9000");
    apdu(&a.f, "00A4000C023F00", "9000");
    fixture_terminal_profile(&a.f);
    log_is(&a, a.first,
           "C8"
           "00"
           "00"
           "00"
           "7F"
           "00"
           "00"
           "00"
           "01"
           "00"
           "00"
           "00");
    drain(&a);
    /* PROACTIVE_HANDLER_AVAILABLE comes when nothing is under way any more, and once. */
    apdu(&a.f, "00A4040C07" FIRST, "9000");
    run_area(&a, PROACTIVE, 1, "91..");
    apdu(&a.f, "00A4040C07" SECOND, "91..");
    run_area(&a, SET_EVENT, UICC_EVENT_PROACTIVE_HANDLER_AVAILABLE, "91..");
    forget(&a);
    log_is(&a, a.second, "");
    drain(&a);
    log_is(&a, a.second,
           "7B"
           "00"
           "00"
           "00");
    apdu(&a.f, "00A4000C023F00", "9000");
    log_is(&a, a.second,
           "7B"
           "00"
           "00"
           "00");
    fixture_close(&a.f);
}

/* One that is installed and not selectable yet registers all the same, and is asked when it is. */
static void test_not_selectable_yet(void **state)
{
    (void)state;
    struct api a;
    open_api(&a);
    fixture_terminal_profile(&a.f);
    drain(&a);
    objects_begin(a.f.card->objects);
    assert_int_equal(applet_set_life(a.f.card, a.first, LIFE_INSTALLED), SW_OK);
    const struct applet self = {a.f.card, a.first};
    assert_int_equal(toolkit_set_event(self, TOOLKIT_LOCATION_STATUS), TOOLKIT_OK);
    assert_int_equal(toolkit_set_event(self, TOOLKIT_USER_ACTIVITY), TOOLKIT_OK);
    /* Each entry and each timer is another one, and its own to change and to give back. */
    uint8_t one, two, timers[2];
    const struct toolkit_menu_entry entry = {.text = span_of("entry", 5)};
    assert_int_equal(toolkit_init_menu_entry(self, &entry, &one), TOOLKIT_OK);
    assert_int_equal(toolkit_init_menu_entry(self, &entry, &two), TOOLKIT_OK);
    assert_int_not_equal(one, two);
    assert_int_equal(toolkit_init_menu_entry(self, &entry, &two), TOOLKIT_REGISTRY_ERROR);
    assert_int_equal(toolkit_change_menu_entry(self, one, &entry), TOOLKIT_OK);
    assert_int_equal(toolkit_remove_menu_entry(self, one), TOOLKIT_OK);
    assert_true(toolkit_event_is_set(self, TOOLKIT_MENU_SELECTION));
    assert_int_equal(toolkit_allocate_timer(self, &timers[0]), TOOLKIT_OK);
    assert_int_equal(toolkit_allocate_timer(self, &timers[1]), TOOLKIT_OK);
    assert_int_not_equal(timers[0], timers[1]);
    assert_int_equal(toolkit_release_timer(self, timers[0]), TOOLKIT_OK);
    assert_true(card_commit(a.f.card));
    forget(&a);
    exchange(&a.f, "80C200000F D60D99010382028281 9B0100 930103", "9000");
    log_is(&a, a.first, "");
    objects_begin(a.f.card->objects);
    assert_int_equal(applet_set_life(a.f.card, a.first, LIFE_SELECTABLE), SW_OK);
    assert_true(card_commit(a.f.card));
    drain(&a);
    exchange(&a.f, "80C200000F D60D99010382028281 9B0100 930103", "9000");
    log_is(&a, a.first,
           "0F"
           "00"
           "D6"
           "0D"
           "990103820282819B0100930103");
    fixture_close(&a.f);
}

/* A file that an applet makes is whose the applet is: nobody's stays through a change of operator, an
 * operator's is there with his pair. */
static void test_owner_of_files(void **state)
{
    (void)state;
    struct api a;
    open_api(&a);
    fixture_terminal_profile(&a.f);
    drain(&a);
    objects_begin(a.f.card->objects);
    assert_int_equal(applet_set_owner(a.f.card, a.second, 0), SW_OK);
    assert_true(card_commit(a.f.card));
    apdu(&a.f, "00A4040C07" FIRST, "9000");
    run_area(&a, MAKE_FILE, 0x71, "9000");
    apdu(&a.f, "00A4040C07" SECOND, "9000");
    run_area(&a, MAKE_FILE, 0x72, "9000");
    apdu(&a.f, "00A4000C024F71", "9000");
    apdu(&a.f, "00A4000C024F72", "9000");
    fixture_expect(&a.f, 0, "80E290000DE10B810908091020000000001000", "E2*9000");
    fixture_reset(&a.f);
    apdu(&a.f, "00A4000C024F71", "9000");
    apdu(&a.f, "00A4000C024F72", "6A82");
    fixture_close(&a.f);
}

/* VERIFY to an applet that takes all commands: what it is given is no trace's. */
static void test_pin_in_trace(void **state)
{
    (void)state;
    struct api a;
    open_api(&a);
    apdu(&a.f, "00A4040C07" FIRST, "9000");
    a.f.tracing = true;
    a.f.trace_len = 0;
    apdu(&a.f, "0020000104" "70617373", "6D00");
    apdu(&a.f, "0022000104" "64617461", "6D00");
    assert_non_null(strstr(a.f.trace, "0020000104"));
    assert_null(strstr(a.f.trace, "70617373"));
    assert_non_null(strstr(a.f.trace, "64617461"));
    fixture_close(&a.f);
}

static void test_package_check(void **state)
{
    (void)state;
    size_t n;
    struct uicc_package p = test_package;
    static const struct uicc_applet_class nameless = {.name = "", .module = {7, "\xF0test\x01\x01"}};
    static const struct uicc_applet_class *const wrong[] = {&nameless, NULL}, *const none[] = {NULL};
    p.abi = 99;
    assert_non_null(strstr(package_check(&p, &n), "another version"));
    p = test_package;
    p.aid.n = 4;
    assert_non_null(package_check(&p, &n));
    p = test_package;
    p.classes = wrong;
    assert_non_null(strstr(package_check(&p, &n), "no name"));
    p.classes = none;
    assert_non_null(strstr(package_check(&p, &n), "no class"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_area_files),         cmocka_unit_test(test_area_access),
        cmocka_unit_test(test_area_framework),     cmocka_unit_test(test_area_pins),
        cmocka_unit_test(test_area_sharing),       cmocka_unit_test(test_area_registry),
        cmocka_unit_test(test_area_triggering),    cmocka_unit_test(test_area_proactive),
        cmocka_unit_test(test_area_messages),      cmocka_unit_test(test_area_moments),
        cmocka_unit_test(test_not_selectable_yet), cmocka_unit_test(test_package_check),
        cmocka_unit_test(test_owner_of_files),     cmocka_unit_test(test_pin_in_trace),
        cmocka_unit_test(test_event_objects),
    };
    return cmocka_run_group_tests_name("api", tests, NULL, NULL);
}
