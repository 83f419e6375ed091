/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gsmtap.h"
#include "trace.h"

static uint8_t frame[GSMTAP_FRAME_MAX];

static void expect_frame(const struct uicc_trace_event *e, uint8_t slot, uint8_t subtype, const void *payload,
                         size_t n)
{
    const uint8_t header[GSMTAP_HEADER] = {2, 4, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, subtype, 0, slot, 0};
    assert_int_equal(gsmtap_frame(e, slot, frame), GSMTAP_HEADER + n);
    assert_memory_equal(frame, header, sizeof header);
    assert_memory_equal(frame + GSMTAP_HEADER, payload, n);
}

static struct uicc_trace_event apdu(const void *command, size_t n, const void *response, size_t m)
{
    return (struct uicc_trace_event){.kind = UICC_TRACE_APDU,
                                     .command = command,
                                     .command_len = n,
                                     .response = response,
                                     .response_len = m};
}

static void an_atr(void **state)
{
    (void)state;
    struct uicc_trace_event e = {
        .kind = UICC_TRACE_RESET, .command = (const uint8_t *)"\x3B\x9F", .command_len = 2};
    expect_frame(&e, 3, 1, "\x3B\x9F", 2);
}

static void nothing_for_notes_and_mute_cards(void **state)
{
    (void)state;
    assert_int_equal(gsmtap_frame(&(struct uicc_trace_event){.kind = UICC_TRACE_NOTE, .text = "x"}, 0, frame),
                     0);
    assert_int_equal(gsmtap_frame(&(struct uicc_trace_event){.kind = UICC_TRACE_RESET}, 0, frame), 0);
}

static void an_exchange_as_on_the_contacts(void **state)
{
    (void)state;
    struct uicc_trace_event e = apdu("\x00\xA4\x00\x04\x02\x3F\x00", 7, "\x61\x32", 2);
    expect_frame(&e, 0, 0, "\x00\xA4\x00\x04\x02\x3F\x00\x61\x32", 9);
    e = apdu("\x00\xB0\x00\x00\x02", 5, "\xAB\xCD\x90\x00", 4);
    expect_frame(&e, 0, 0, "\x00\xB0\x00\x00\x02\xAB\xCD\x90\x00", 9);
    e = apdu("\x00\xE6\x00\x00", 4, "\x90\x00", 2); /* no P3: T=0 has one */
    expect_frame(&e, 0, 0, "\x00\xE6\x00\x00\x00\x90\x00", 7);
    e = apdu("\x00\xA4\x00\x04\x02\x3F\x00\x00", 8, "\x61\x32", 2); /* Le: T=0 has none beside data */
    expect_frame(&e, 0, 0, "\x00\xA4\x00\x04\x02\x3F\x00\x61\x32", 9);
    e = apdu("\x00", 1, "\x67\x00", 2); /* no command at all */
    expect_frame(&e, 0, 0, "\x00\x67\x00", 3);
}

static void what_is_withheld_has_its_length(void **state)
{
    (void)state;
    struct uicc_trace_event e = apdu("\x00\x20\x00\x01\x08", 5, "\x90\x00", 2);
    e.withheld = true;
    expect_frame(&e, 0, 0, "\x00\x20\x00\x01\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x90\x00", 15);
    e = apdu("\x00\xC0\x00\x00\x0A", 5, "\x90\x00", 2);
    e.withheld = true;
    expect_frame(&e, 0, 0, "\x00\xC0\x00\x00\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x90\x00", 17);
    e = apdu("\x00\x20\x00", 3, "\x67\x00", 2); /* cut short, and still somebody's PIN perhaps */
    e.withheld = true;
    expect_frame(&e, 0, 0, "\x00\x20\x00\x67\x00", 5);
}

static void long_exchanges_are_cut(void **state)
{
    (void)state;
    uint8_t *big = calloc(1, UICC_COMMAND_MAX);
    assert_non_null(big);
    struct uicc_trace_event e = apdu(big, UICC_COMMAND_MAX, big, UICC_COMMAND_MAX);
    assert_int_equal(gsmtap_frame(&e, 0, frame), GSMTAP_FRAME_MAX);
    free(big);
}

static void frames_arrive(void **state)
{
    (void)state;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof here;
    int listener = socket(AF_INET, SOCK_DGRAM, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&here, sizeof here), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&here, &n), 0);
    struct gsmtap g;
    assert_int_equal(gsmtap_open(&g, "127.0.0.1", ntohs(here.sin_port), 1), 0);
    struct trace_fan fan = {.n = 0};
    trace_fan_add(&fan, (struct trace_sink){gsmtap_event, &g});
    trace_fan_add(&fan, (struct trace_sink){gsmtap_event, &g});
    struct uicc_trace_event e = apdu("\x00\xB0\x00\x00\x00", 5, "\x6C\x0A", 2);
    trace_fan_event(&fan, &e);
    for (int i = 0; i < 2; i++)
        assert_int_equal(recv(listener, frame, sizeof frame, 0), GSMTAP_HEADER + 7);
    close(listener);
    for (int i = 0; i < 3; i++) /* nobody listens: nothing happens */
        gsmtap_event(&g, &e);
    gsmtap_close(&g);
    gsmtap_event(&g, &e);
}

static void unknown_hosts(void **state)
{
    (void)state;
    struct gsmtap g;
    assert_int_equal(gsmtap_open(&g, "no.such.host.invalid", 1, 0), ENOENT);
    gsmtap_close(&g);
}

static void a_fan_has_its_limit(void **state)
{
    (void)state;
    struct trace_fan fan = {.n = 0};
    for (int i = 0; i < 2 * TRACE_SINKS_MAX; i++)
        trace_fan_add(&fan, (struct trace_sink){gsmtap_event, NULL});
    assert_int_equal(fan.n, TRACE_SINKS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_atr),
        cmocka_unit_test(nothing_for_notes_and_mute_cards),
        cmocka_unit_test(an_exchange_as_on_the_contacts),
        cmocka_unit_test(what_is_withheld_has_its_length),
        cmocka_unit_test(long_exchanges_are_cut),
        cmocka_unit_test(frames_arrive),
        cmocka_unit_test(unknown_hosts),
        cmocka_unit_test(a_fan_has_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
