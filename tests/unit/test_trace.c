/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "trace.h"

struct sink {
    struct trace_text trace;
    char *text;
    size_t n;
};

static void sink_open(struct sink *s)
{
    memset(s, 0, sizeof *s);
    s->trace.out = open_memstream(&s->text, &s->n);
    assert_non_null(s->trace.out);
}

/* Every event is flushed, so the text is there before the stream is closed. */
static void sink_expect(struct sink *s, const char *text)
{
    assert_string_equal(s->text, text);
    fclose(s->trace.out);
    free(s->text);
}

static void one_line_each_way(void **state)
{
    (void)state;
    struct sink s;
    sink_open(&s);
    const uint8_t atr[] = {0x3B, 0x9F};
    const uint8_t command[] = {0x00, 0xA4, 0x00, 0x04, 0x02, 0x3F, 0x00};
    const uint8_t response[] = {0x61, 0x32};
    trace_text_event(&s,
                     &(struct uicc_trace_event){.kind = UICC_TRACE_RESET, .command = atr, .command_len = 2});
    trace_text_event(&s, &(struct uicc_trace_event){.kind = UICC_TRACE_APDU,
                                                    .command = command,
                                                    .command_len = sizeof command,
                                                    .response = response,
                                                    .response_len = sizeof response,
                                                    .text = "SELECT",
                                                    .status = "response data available"});
    trace_text_event(&s, &(struct uicc_trace_event){.kind = UICC_TRACE_NOTE, .text = "power off"});
    sink_expect(&s, "== ATR 3B9F\n"
                    "-> 00A40004023F00  SELECT\n"
                    "<- 6132  response data available\n"
                    "-- power off\n");
}

static void what_is_missing_is_left_out(void **state)
{
    (void)state;
    struct sink s;
    sink_open(&s);
    trace_text_event(&s, &(struct uicc_trace_event){.kind = UICC_TRACE_RESET});
    trace_text_event(&s, &(struct uicc_trace_event){.kind = UICC_TRACE_APDU});
    trace_text_event(&s, &(struct uicc_trace_event){.kind = UICC_TRACE_NOTE});
    sink_expect(&s, "== mute\n-> \n<- \n-- \n");
}

static void withheld_is_said(void **state)
{
    (void)state;
    struct sink s;
    sink_open(&s);
    const uint8_t header[] = {0x00, 0x20, 0x00, 0x01, 0x08}, sw[] = {0x90, 0x00};
    trace_text_event(&s, &(struct uicc_trace_event){.kind = UICC_TRACE_APDU,
                                                    .command = header,
                                                    .command_len = sizeof header,
                                                    .response = sw,
                                                    .response_len = sizeof sw,
                                                    .text = "VERIFY PIN",
                                                    .withheld = true});
    sink_expect(&s, "-> 0020000108  VERIFY PIN\n<- 9000\n"
                    "-- a secret in this command or its answer is not shown\n");
}

static void a_text_stays_on_its_line(void **state)
{
    (void)state;
    struct sink s;
    sink_open(&s);
    trace_text_event(
        &s, &(struct uicc_trace_event){.kind = UICC_TRACE_NOTE, .text = "a\n-> b\033[2J\x7F\xC3\xA9"});
    sink_expect(&s, "-- a?-> b?[2J?\xC3\xA9\n");
}

static void label_and_times(void **state)
{
    (void)state;
    struct sink s;
    sink_open(&s);
    s.trace.label = "8988211000000000018";
    s.trace.times = true;
    trace_text_event(&s, &(struct uicc_trace_event){.kind = UICC_TRACE_NOTE, .text = "x"});
    assert_true(s.trace.start_ns != 0);
    sink_expect(&s, "   0.000000 8988211000000000018 -- x\n");
}

static void long_octets_whole(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 65538; n = n < 300 ? n + 1 : n * 3 + 1) {
        struct sink s;
        sink_open(&s);
        uint8_t *octets = malloc(n + 1);
        char *expected = malloc(2 * n + 32), *at = expected;
        assert_non_null(octets);
        assert_non_null(expected);
        at += sprintf(at, "-> \n<- ");
        for (size_t i = 0; i < n; i++) {
            octets[i] = (uint8_t)(i * 7);
            at += sprintf(at, "%02X", octets[i]);
        }
        strcpy(at, "\n");
        trace_text_event(
            &s, &(struct uicc_trace_event){.kind = UICC_TRACE_APDU, .response = octets, .response_len = n});
        sink_expect(&s, expected);
        free(octets);
        free(expected);
    }
}

static void a_full_disk_is_no_loop(void **state)
{
    (void)state;
    struct trace_text t = {.out = fopen("/dev/full", "w")};
    assert_non_null(t.out);
    for (int i = 0; i < 3; i++)
        trace_text_event(&t, &(struct uicc_trace_event){.kind = UICC_TRACE_NOTE, .text = "x"});
    assert_true(ferror(t.out));
    fclose(t.out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_line_each_way),      cmocka_unit_test(what_is_missing_is_left_out),
        cmocka_unit_test(withheld_is_said),       cmocka_unit_test(a_text_stays_on_its_line),
        cmocka_unit_test(label_and_times),        cmocka_unit_test(long_octets_whole),
        cmocka_unit_test(a_full_disk_is_no_loop),
    };
    return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
