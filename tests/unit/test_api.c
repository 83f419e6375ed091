/* SPDX-License-Identifier: Apache-2.0
 *
 * Every function of uicc_applet.h, called by an applet that writes down what it saw; by the areas of ETSI TS
 * 102 268 (FileView, administration, registry, handlers, proactive, triggering, exceptions). The applet is a
 * package as a shared object has one, linked into the test.
 */
#include "card_fixture.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "api.h"
#include "hex.h"
#include "kernel.h"

/* ---- the applet ---- */

enum { LOG = 1, ORDERS = 2, KEPT = 3 };

/* What it does when an event comes, besides writing it down; set by command 80 0E. */
enum { DO_NOTHING, DO_POST, DO_FAIL, DO_SEND, DO_HANDLE };

static uicc_sw note_event(const struct uicc_applet *self, const struct uicc_event *e)
{
    uint8_t log[1024];
    size_t n = uicc_get(self, LOG, log, sizeof log);
    size_t data = e->data.n < 24 ? e->data.n : 24;
    if (n + 4 + data > sizeof log)
        return UICC_SW_NOT_ENOUGH_MEMORY;
    log[n++] = e->event;
    log[n++] = e->id;
    log[n++] = (uint8_t)e->tag;
    log[n++] = (uint8_t)data;
    if (data > 0)
        memcpy(log + n, e->data.p, data);
    return uicc_put(self, LOG, log, n + data);
}

static uicc_sw process_toolkit(const struct uicc_applet *self, const struct uicc_event *e)
{
    uint8_t order = DO_NOTHING;
    struct uicc_proactive_handler h;
    uicc_sw sw = note_event(self, e);
    if (sw != UICC_SW_OK)
        return sw;
    (void)uicc_get(self, ORDERS, &order, 1);
    switch (e->event == UICC_EVENT_TERMINAL_RESPONSE || e->event == UICC_EVENT_POWER_ON ? DO_NOTHING
                                                                                        : order) {
    case DO_POST:
        return uicc_post(e, "\x02\x00", 2);
    case DO_FAIL:
        return UICC_SW_TECHNICAL_PROBLEM;
    case DO_SEND:
        uicc_init_display_text(&h, 0x81, UICC_DCS_8_BIT_DATA, "hello", 5);
        return uicc_send(self, &h);
    case DO_HANDLE:
        if (e->handled != NULL)
            *e->handled = true;
        return UICC_SW_OK;
    default:
        return UICC_SW_OK;
    }
}

#define TRY(expression)                                                                                      \
    do {                                                                                                     \
        uicc_sw sw_ = (expression);                                                                          \
        if (sw_ != UICC_SW_OK)                                                                               \
            return sw_;                                                                                      \
    } while (0)

/* Where it went wrong is told in the response. */
#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            print_message("line %d\n", __LINE__);                                                            \
            return 0x6400;                                                                                   \
        }                                                                                                    \
    } while (0)

static struct uicc_span usim_aid(void)
{
    return uicc_span_of("\xA0\x00\x00\x00\x87\x10\x02\xFF\xFF\xFF\xFF\x89\x07\x09\x00\x00", 16);
}

static uicc_sw test_files(const struct uicc_applet *self, const struct uicc_apdu *apdu)
{
    struct uicc_file_view v, usim;
    uint8_t octets[300], fcp[128];
    struct uicc_buf out = uicc_buf_of(fcp, sizeof fcp);
    size_t n;
    (void)apdu;
    TRY(uicc_get_the_uicc_view(self, &v));
    CHECK(uicc_read_binary(self, &v, 0, octets, 4) == UICC_SW_NO_EF_SELECTED);
    CHECK(uicc_select(self, &v, 0x7777, NULL) == UICC_SW_FILE_NOT_FOUND);
    TRY(uicc_status(self, &v, &out));
    CHECK(out.len > 4 && fcp[0] == 0x62);
    out.len = 0;
    TRY(uicc_select(self, &v, 0x2F05, &out)); /* EF.PL */
    CHECK(fcp[0] == 0x62);
    TRY(uicc_read_binary(self, &v, 0, octets, 4));
    CHECK(memcmp(octets, "en", 2) == 0);
    CHECK(uicc_read_binary(self, &v, 2, octets, 3) == UICC_SW_WRONG_PARAMETERS);
    TRY(uicc_update_binary(self, &v, 0, "de", 2)); /* access domain 00: full */
    TRY(uicc_read_binary(self, &v, 0, octets, 2));
    CHECK(memcmp(octets, "de", 2) == 0);
    CHECK(uicc_update_binary(self, &v, 3, "de", 2) == UICC_SW_WRONG_LENGTH);
    n = sizeof octets;
    CHECK(uicc_read_record(self, &v, 1, UICC_REC_ACC_MODE_ABSOLUTE_CURRENT, octets, &n) ==
          UICC_SW_INCOMPATIBLE_FILE);
    TRY(uicc_select(self, &v, 0x2FE2, NULL)); /* EF.ICCID: update never, whatever the domain says */
    CHECK(uicc_update_binary(self, &v, 0, "x", 1) == UICC_SW_SECURITY_STATUS);
    /* Records: EF.DIR */
    TRY(uicc_select(self, &v, 0x2F00, NULL));
    n = sizeof octets;
    TRY(uicc_read_record(self, &v, 1, UICC_REC_ACC_MODE_ABSOLUTE_CURRENT, octets, &n));
    CHECK(n == 38 && octets[0] == 0x61);
    n = sizeof octets;
    CHECK(uicc_read_record(self, &v, 2, UICC_REC_ACC_MODE_ABSOLUTE_CURRENT, octets, &n) ==
          UICC_SW_RECORD_NOT_FOUND);
    n = sizeof octets;
    TRY(uicc_read_record(self, &v, 0, UICC_REC_ACC_MODE_NEXT, octets, &n));
    n = sizeof octets;
    CHECK(uicc_read_record(self, &v, 0, UICC_REC_ACC_MODE_NEXT, octets, &n) == UICC_SW_RECORD_NOT_FOUND);
    TRY(uicc_update_record(self, &v, 1, UICC_REC_ACC_MODE_ABSOLUTE_CURRENT, octets, 38));
    CHECK(uicc_update_record(self, &v, 1, UICC_REC_ACC_MODE_ABSOLUTE_CURRENT, octets, 37) ==
          UICC_SW_WRONG_LENGTH);
    out.len = 0;
    TRY(uicc_search_record(self, &v, 1, UICC_SIMPLE_SEARCH_START_FORWARD, uicc_span_of("USIM", 4), &out));
    CHECK(out.len == 1 && fcp[0] == 1);
    /* A view of an application, and its limits. */
    CHECK(uicc_get_the_file_view(self, uicc_span_of("\xA0\x00\x00\x00\x99", 5), &usim) ==
          UICC_SW_FILE_NOT_FOUND);
    TRY(uicc_get_the_file_view(self, usim_aid(), &usim));
    TRY(uicc_select(self, &usim, 0x6F07, NULL));
    CHECK(uicc_read_binary(self, &usim, 0, octets, 9) ==
          UICC_SW_SECURITY_STATUS); /* its domain there: none */
    TRY(uicc_select(self, &usim, 0x7FFF, NULL));
    CHECK(uicc_select(self, &usim, 0x3F00, NULL) == UICC_SW_FILE_NOT_FOUND);
    CHECK(uicc_select(self, &v, 0x6F07, NULL) == UICC_SW_FILE_NOT_FOUND);
    /* A view that was made up leads nowhere. */
    usim.df = 0x1234;
    CHECK(uicc_read_binary(self, &usim, 0, octets, 1) == UICC_SW_NO_EF_SELECTED);
    usim.df = 0;
    CHECK(uicc_select(self, &usim, 0x2F05, NULL) == UICC_SW_FILE_NOT_FOUND);
    usim.root = 0x1234;
    CHECK(uicc_select(self, &usim, 0x2F05, NULL) == UICC_SW_FILE_NOT_FOUND);
    /* Commands that no view has. */
    CHECK(uicc_view_command(self, &v, 0x00, 0x20, 0, 1, uicc_span_of("1234\xFF\xFF\xFF\xFF", 8), 0, NULL) ==
          UICC_SW_INS_NOT_SUPPORTED);
    CHECK(uicc_view_command(self, &v, 0x80, 0x12, 0, 0, uicc_span_of(NULL, 0), 20, NULL) ==
          UICC_SW_INS_NOT_SUPPORTED);
    /* Deactivate and activate. */
    TRY(uicc_select(self, &v, 0x2F05, NULL));
    TRY(uicc_deactivate_file(self, &v));
    CHECK(uicc_read_binary(self, &v, 0, octets, 1) == UICC_SW_REFERENCED_DATA_INVALIDATED);
    CHECK(uicc_select(self, &v, 0x2F05, NULL) == 0x6283);
    TRY(uicc_deactivate_file(self, &v)); /* twice is once */
    TRY(uicc_activate_file(self, &v));
    TRY(uicc_activate_file(self, &v));
    TRY(uicc_read_binary(self, &v, 0, octets, 1));
    /* The current EF, not the directory if there is none. */
    TRY(uicc_select(self, &v, 0x3F00, NULL));
    CHECK(uicc_deactivate_file(self, &v) == UICC_SW_NO_EF_SELECTED);
    CHECK(uicc_activate_file(self, &v) == UICC_SW_NO_EF_SELECTED);
    return UICC_SW_OK;
}

static const uint8_t fcp_new[] = {0x62, 0x1B, 0x82, 0x02, 0x41, 0x21, 0x83, 0x02, 0x4F, 0x77,
                                  0x8A, 0x01, 0x05, 0x8B, 0x03, 0x2F, 0x06, 0x01, 0x80, 0x02,
                                  0x01, 0x90, 0x88, 0x00, 0xA5, 0x03, 0xC1, 0x01, 0x00};
static uicc_sw test_admin(const struct uicc_applet *self, const struct uicc_apdu *apdu)
{
    struct uicc_file_view v, plain;
    uint8_t octets[400];
    static const uint8_t resize[] = {0x62, 0x08, 0x83, 0x02, 0x4F, 0x77, 0x80, 0x02, 0x00, 0x10};
    (void)apdu;
    TRY(uicc_get_the_uicc_view(self, &plain));
    CHECK(uicc_create_file(self, &plain, uicc_span_of(fcp_new, sizeof fcp_new)) == UICC_SW_INS_NOT_SUPPORTED);
    TRY(uicc_get_the_admin_file_view(self, uicc_span_of(NULL, 0), &v));
    TRY(uicc_create_file(self, &v, uicc_span_of(fcp_new, sizeof fcp_new)));
    memset(octets, 0x5A, sizeof octets);
    TRY(uicc_update_binary(self, &v, 0, octets, 400)); /* longer than one command */
    memset(octets, 0, sizeof octets);
    TRY(uicc_read_binary(self, &v, 0, octets, 400));
    CHECK(octets[399] == 0x5A);
    CHECK(uicc_create_file(self, &v, uicc_span_of(fcp_new, sizeof fcp_new)) == UICC_SW_ALREADY_EXISTS);
    TRY(uicc_select(self, &v, 0x3F00, NULL));
    TRY(uicc_resize_file(self, &v, uicc_span_of(resize, sizeof resize)));
    TRY(uicc_select(self, &v, 0x4F77, NULL));
    CHECK(uicc_read_binary(self, &v, 0, octets, 17) == UICC_SW_WRONG_PARAMETERS);
    TRY(uicc_select(self, &v, 0x3F00, NULL));
    TRY(uicc_delete_file(self, &v, 0x4F77));
    CHECK(uicc_select(self, &v, 0x4F77, NULL) == UICC_SW_FILE_NOT_FOUND);
    CHECK(uicc_delete_file(self, &v, 0x4F77) == UICC_SW_FILE_NOT_FOUND);
    /* The current file itself: the view is on its directory then. */
    TRY(uicc_create_file(self, &v, uicc_span_of(fcp_new, sizeof fcp_new)));
    TRY(uicc_delete_file(self, &v, 0x4F77));
    CHECK(uicc_read_binary(self, &v, 0, octets, 1) == UICC_SW_NO_EF_SELECTED);
    CHECK(uicc_delete_file(self, &v, 0x4F77) == UICC_SW_FILE_NOT_FOUND);
    /* More than a response has room for is not answered as if there were none. */
    static const uint8_t grow[] = {0x62, 0x08, 0x83, 0x02, 0x4F, 0x77, 0x80, 0x02, 0x03, 0x00};
    struct uicc_buf out = uicc_buf_of(octets, sizeof octets);
    TRY(uicc_create_file(self, &v, uicc_span_of(fcp_new, sizeof fcp_new)));
    TRY(uicc_resize_file(self, &v, uicc_span_of(grow, sizeof grow)));
    CHECK(uicc_view_command(self, &v, 0x00, 0xB0, 0, 0, uicc_span_of(NULL, 0), 600, &out) == UICC_SW_WRONG_LENGTH);
    TRY(uicc_delete_file(self, &v, 0x4F77));
    return UICC_SW_OK;
}

/* read, update, INCREASE, RESIZE FILE and deletion: always */
static const uint8_t fcp_cyclic[] = {0x62, 0x29, 0x82, 0x04, 0x46, 0x21, 0x00, 0xFD, 0x83, 0x02, 0x4F,
                                     0x79, 0x8A, 0x01, 0x05, 0xAB, 0x14, 0x80, 0x01, 0x03, 0x90, 0x00,
                                     0x84, 0x01, 0x32, 0x90, 0x00, 0x84, 0x01, 0xD4, 0x90, 0x00, 0x80,
                                     0x01, 0x40, 0x90, 0x00, 0x80, 0x02, 0x01, 0xFA, 0x88, 0x00};
static const uint8_t fcp_linear[] = {0x62, 0x18, 0x82, 0x04, 0x42, 0x21, 0x00, 0x04, 0x83,
                                     0x02, 0x4F, 0x7A, 0x8A, 0x01, 0x05, 0x8B, 0x03, 0x2F,
                                     0x06, 0x01, 0x80, 0x02, 0x00, 0x0C, 0x88, 0x00};
static const uint8_t fcp_df[] = {0x62, 0x12, 0x82, 0x02, 0x78, 0x21, 0x83, 0x02, 0x5F, 0x7B,
                                 0x8A, 0x01, 0x05, 0x8B, 0x03, 0x2F, 0x06, 0x01, 0xC6, 0x00};

static uicc_sw test_contexts(const struct uicc_applet *self, const struct uicc_apdu *apdu)
{
    struct uicc_file_view v, other;
    uint8_t octets[300], value[255] = {0};
    struct uicc_buf out = uicc_buf_of(octets, sizeof octets);
    size_t n = sizeof octets;
    (void)apdu;
    TRY(uicc_get_the_admin_file_view(self, uicc_span_of(NULL, 0), &v));
    /* Over the end of the file: nothing is written. */
    TRY(uicc_create_file(self, &v, uicc_span_of(fcp_new, sizeof fcp_new)));
    memset(octets, 0x5A, sizeof octets);
    CHECK(uicc_update_binary(self, &v, 101, octets, 300) == UICC_SW_WRONG_LENGTH);
    TRY(uicc_read_binary(self, &v, 101, octets, 299));
    CHECK(octets[0] == 0x00 && octets[254] == 0x00 && octets[298] == 0x00);
    memset(octets, 0x5A, sizeof octets);
    TRY(uicc_update_binary(self, &v, 100, octets, 300));
    TRY(uicc_read_binary(self, &v, 99, octets, 300));
    CHECK(octets[0] == 0x00 && octets[1] == 0x5A && octets[299] == 0x5A);
    CHECK(uicc_update_binary(self, &v, 0x7FFF, octets, 2) == UICC_SW_WRONG_PARAMETERS);
    /* Deleted by another view: this one is on its directory, and goes on from there. */
    TRY(uicc_get_the_uicc_view(self, &other));
    TRY(uicc_select(self, &other, 0x4F77, NULL));
    TRY(uicc_delete_file(self, &v, 0x4F77));
    CHECK(uicc_read_binary(self, &other, 0, octets, 1) == UICC_SW_NO_EF_SELECTED);
    TRY(uicc_select(self, &other, 0x2F05, NULL));
    TRY(uicc_create_file(self, &v, uicc_span_of(fcp_df, sizeof fcp_df)));
    TRY(uicc_create_file(self, &v, uicc_span_of(fcp_new, sizeof fcp_new)));
    TRY(uicc_select(self, &other, 0x5F7B, NULL));
    TRY(uicc_select(self, &other, 0x4F77, NULL));
    TRY(uicc_select(self, &v, 0x3F00, NULL));
    TRY(uicc_delete_file(self, &v, 0x5F7B));
    TRY(uicc_create_file(self, &v, uicc_span_of(fcp_new, sizeof fcp_new))); /* has the index of one of them */
    TRY(uicc_delete_file(self, &v, 0x4F77));
    TRY(uicc_select(self, &other, 0x2F05, NULL));
    /* Each has its own record pointer. */
    TRY(uicc_create_file(self, &v, uicc_span_of(fcp_linear, sizeof fcp_linear)));
    for (uint8_t i = 1; i <= 3; i++)
        TRY(uicc_update_record(self, &v, i, UICC_REC_ACC_MODE_ABSOLUTE_CURRENT,
                               i == 1   ? "ABCD"
                               : i == 2 ? "BCAD"
                                        : "xxCB",
                               4));
    TRY(uicc_select(self, &other, 0x4F7A, NULL));
    CHECK(uicc_read_record(self, &other, 0, UICC_REC_ACC_MODE_ABSOLUTE_CURRENT, octets, &n) ==
          UICC_SW_RECORD_NOT_FOUND);
    CHECK(uicc_search_record(self, &v, 0, UICC_SIMPLE_SEARCH_START_FORWARD, uicc_span_of("A", 1), &out) ==
          UICC_SW_RECORD_NOT_FOUND); /* no current one */
    TRY(uicc_search_record(self, &v, 2, UICC_SIMPLE_SEARCH_START_BACKWARD, uicc_span_of("A", 1), &out));
    CHECK(out.len == 2 && octets[0] == 2 && octets[1] == 1);
    n = 4;
    TRY(uicc_read_record(self, &v, 0, UICC_REC_ACC_MODE_ABSOLUTE_CURRENT, octets, &n));
    CHECK(memcmp(octets, "BCAD", 4) == 0);
    n = 4;
    TRY(uicc_read_record(self, &other, 0, UICC_REC_ACC_MODE_NEXT, octets, &n));
    CHECK(memcmp(octets, "ABCD", 4) == 0);
    /* No room: said, and nothing is moved. */
    n = 3;
    CHECK(uicc_read_record(self, &other, 0, UICC_REC_ACC_MODE_NEXT, octets, &n) == 0x6C04);
    n = 4;
    TRY(uicc_read_record(self, &other, 0, UICC_REC_ACC_MODE_NEXT, octets, &n));
    CHECK(n == 4 && memcmp(octets, "BCAD", 4) == 0);
    out = uicc_buf_of(octets, 2);
    TRY(uicc_search_record(self, &other, 1, UICC_SIMPLE_SEARCH_START_FORWARD, uicc_span_of("C", 1), &out));
    CHECK(out.full && out.len == 2 && octets[0] == 1 && octets[1] == 2);
    out = uicc_buf_of(octets, sizeof octets);
    /* Enhanced: from the record behind the current one, from an offset, behind a value. */
    out.len = 0;
    TRY(uicc_enhanced_search_record(self, &v, 0, UICC_SEARCH_INDICATION_START_FORWARD_FROM_NEXT,
                                    uicc_span_of("C", 1), &out));
    CHECK(out.len == 1 && octets[0] == 3);
    out.len = 0;
    TRY(uicc_enhanced_search_record(self, &v, 1, UICC_SEARCH_INDICATION_START_FORWARD_FROM_RECORD + 2,
                                    uicc_span_of("C", 1), &out));
    CHECK(out.len == 2 && octets[0] == 1 && octets[1] == 3);
    out.len = 0;
    TRY(uicc_enhanced_search_record(
        self, &v, 3, UICC_SEARCH_INDICATION_START_BACKWARD_FROM_RECORD | UICC_SEARCH_INDICATION_VALUE | 'C',
        uicc_span_of("D", 1), &out));
    CHECK(out.len == 2 && octets[0] == 2 && octets[1] == 1);
    CHECK(uicc_enhanced_search_record(self, &v, 0, UICC_SEARCH_INDICATION_START_BACKWARD_FROM_PREVIOUS,
                                      uicc_span_of("xx", 2), &out) == 0x6282);
    CHECK(uicc_enhanced_search_record(self, &v, 0, UICC_SEARCH_INDICATION_START_FORWARD_FROM_NEXT,
                                      uicc_span_of(value, 254), &out) == UICC_SW_WRONG_LENGTH);
    TRY(uicc_delete_file(self, &v, 0x4F7A));
    /* INCREASE: 1 to 127 octets, of a record as long as any. */
    TRY(uicc_create_file(self, &v, uicc_span_of(fcp_cyclic, sizeof fcp_cyclic)));
    TRY(uicc_update_record(self, &v, 0, UICC_REC_ACC_MODE_PREVIOUS, value, 253));
    value[126] = 5;
    out.len = 0;
    TRY(uicc_increase(self, &v, uicc_span_of(value, 127), &out));
    static const uint8_t larger[] = {0x62, 0x08, 0x83, 0x02, 0x4F, 0x79, 0x80, 0x02, 0x03, 0x00};
    CHECK(!out.full && out.len == 253 && octets[252] == 5 && octets[125] == 0);
    CHECK(uicc_increase(self, &v, uicc_span_of(value, 128), &out) == UICC_SW_WRONG_LENGTH);
    CHECK(uicc_select(self, &v, 0x7FFF, NULL) == UICC_SW_FILE_NOT_FOUND); /* no view of an application */
    TRY(uicc_select(self, &v, 0x3F00, NULL));
    CHECK(uicc_resize_file(self, &v, uicc_span_of(larger, sizeof larger)) == UICC_SW_INCOMPATIBLE_FILE);
    CHECK(uicc_create_file(self, &v, uicc_span_of("\x62\x00", 2)) == UICC_SW_WRONG_DATA);
    return uicc_delete_file(self, &v, 0x4F79);
}

static const uint8_t fcp_ber_tlv[] = {0x62, 0x16, 0x82, 0x02, 0x79, 0x21, 0x83, 0x02, 0x4F, 0x78, 0x8A, 0x01,
                                      0x05, 0x8B, 0x03, 0x2F, 0x06, 0x01, 0x80, 0x02, 0x04, 0x00, 0x88, 0x00};

static uicc_sw test_ber_tlv(const struct uicc_applet *self, const struct uicc_apdu *apdu)
{
    struct uicc_file_view v;
    uint8_t octets[900], back[900];
    const struct uicc_span tag = uicc_span_of("\x81", 1), other = uicc_span_of("\x9F\x22", 2);
    (void)apdu;
    TRY(uicc_get_the_admin_file_view(self, uicc_span_of(NULL, 0), &v));
    TRY(uicc_create_file(self, &v, uicc_span_of(fcp_ber_tlv, sizeof fcp_ber_tlv)));
    /* Objects of one block, of blocks that end with the object, and longer. */
    static const size_t lengths[] = {0x01, 0xFB, 0xFC, 0xFD, 0x1FA, 0x1FB, 0x31C};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        size_t n = 4 + lengths[i];
        struct uicc_buf out = uicc_buf_of(back, sizeof back);
        memset(octets, (int)(0x30 + i), sizeof octets);
        memcpy(octets, "\x81\x82", 2);
        octets[2] = (uint8_t)(lengths[i] >> 8);
        octets[3] = (uint8_t)lengths[i];
        TRY(uicc_set_data(self, &v, uicc_span_of(octets, n)));
        TRY(uicc_retrieve_data(self, &v, tag, &out));
        CHECK(out.len == n && memcmp(back, octets, n) == 0);
    }
    struct uicc_buf out = uicc_buf_of(back, sizeof back);
    CHECK(uicc_retrieve_data(self, &v, other, &out) == UICC_SW_DATA_NOT_FOUND);
    TRY(uicc_set_data(self, &v, uicc_span_of("\x9F\x22\x02hi", 5)));
    TRY(uicc_retrieve_data(self, &v, uicc_span_of("\x5C", 1), &out));
    CHECK(out.len == 5 && memcmp(back, "\x5C\x03\x81\x9F\x22", 5) == 0);
    /* An object that is longer than it says, shorter, or longer than the file. */
    CHECK(uicc_set_data(self, &v, uicc_span_of("\x9F\x22\x01hi", 5)) == UICC_SW_WRONG_DATA);
    CHECK(uicc_set_data(self, &v, uicc_span_of("\x9F\x22\x03hi", 5)) == UICC_SW_WRONG_DATA);
    CHECK(uicc_set_data(self, &v, uicc_span_of("\x9F\x22\x82\x04\x01hi", 7)) == UICC_SW_NOT_ENOUGH_MEMORY);
    out = uicc_buf_of(back, sizeof back);
    TRY(uicc_retrieve_data(self, &v, other, &out));
    CHECK(out.len == 5);
    out = uicc_buf_of(back, 300);
    TRY(uicc_retrieve_data(self, &v, tag, &out));
    CHECK(out.full);
    TRY(uicc_set_data(self, &v, other));
    CHECK(uicc_set_data(self, &v, other) == UICC_SW_DATA_NOT_FOUND);
    TRY(uicc_select(self, &v, 0x2F05, NULL));
    CHECK(uicc_retrieve_data(self, &v, tag, &out) == UICC_SW_INCOMPATIBLE_FILE);
    TRY(uicc_select(self, &v, 0x3F00, NULL));
    TRY(uicc_delete_file(self, &v, 0x4F78));
    return UICC_SW_OK;
}

static uicc_sw test_framework(const struct uicc_applet *self, const struct uicc_apdu *apdu)
{
    uint8_t octets[64], *memory;
    struct uicc_aid aid = uicc_get_aid(self);
    CHECK(aid.n >= 5 && aid.octets[0] == 0xF0);
    CHECK(uicc_get_parameters(self, octets, sizeof octets) == 6 && memcmp(octets, "params", 6) == 0);
    CHECK(uicc_get_parameters(self, NULL, 0) == 6);
    /* Objects. */
    CHECK(uicc_get(self, 100, octets, sizeof octets) == 0);
    TRY(uicc_put(self, 100, "object", 6));
    CHECK(uicc_get(self, 100, octets, 3) == 6 && memcmp(octets, "obj", 3) == 0);
    TRY(uicc_remove(self, 100));
    TRY(uicc_remove(self, 100));
    CHECK(uicc_put(self, UICC_ITEMS, "x", 1) == UICC_SW_WRONG_DATA);
    CHECK(uicc_put(self, 100, octets, (size_t)UICC_OBJECT_MAX + 1) == UICC_SW_NOT_ENOUGH_MEMORY);
    TRY(uicc_put(self, 101, &apdu->p2, 1));
    CHECK(uicc_put_now(self, 101, "b", 1) == UICC_SW_CONDITIONS_NOT_SATISFIED);
    TRY(uicc_put_now(self, 102, "now", 3));
    /* Transient arrays: P2 says whether they should have kept what an earlier command wrote. */
    memory = uicc_make_transient(self, 0, 16, UICC_CLEAR_ON_RESET);
    CHECK(memory != NULL && memory[3] == ((apdu->p2 & 1) != 0 ? 7 : 0));
    memory[3] = 7;
    CHECK(uicc_make_transient(self, 0, 17, UICC_CLEAR_ON_RESET) == NULL);
    memory = uicc_make_transient(self, 1, 16, UICC_CLEAR_ON_DESELECT);
    CHECK(memory != NULL && memory[3] == ((apdu->p2 & 2) != 0 ? 8 : 0));
    memory[3] = 8;
    CHECK(uicc_make_transient(self, UICC_TRANSIENTS, 16, UICC_CLEAR_ON_RESET) == NULL);
    CHECK(uicc_make_transient(self, 2, UICC_TRANSIENT_MAX + 1, UICC_CLEAR_ON_RESET) == NULL);
    uicc_note(self, "a line in the trace");
    return UICC_SW_OK;
}

static uicc_sw test_pins(const struct uicc_applet *self, const struct uicc_apdu *apdu)
{
    (void)apdu;
    CHECK(uicc_pin_get_tries_remaining(self, 3) == 0);
    CHECK(!uicc_pin_check(self, 3, "1234", 4));
    TRY(uicc_pin_create(self, 3, 3, "1234", 4));
    CHECK(uicc_pin_create(self, 3, 3, "1234", 4) == UICC_SW_CONDITIONS_NOT_SATISFIED);
    CHECK(uicc_pin_create(self, 4, 3, "12345678901234567", 17) == UICC_SW_WRONG_DATA);
    CHECK(uicc_pin_create(self, 16, 3, "1234", 4) == UICC_SW_WRONG_DATA);
    CHECK(uicc_pin_get_tries_remaining(self, 3) == 3 && !uicc_pin_is_validated(self, 3));
    return UICC_SW_OK;
}

static uicc_sw check_pins(const struct uicc_applet *self, const struct uicc_apdu *apdu)
{
    (void)apdu;
    CHECK(!uicc_pin_check(self, 3, "1235", 4));
    CHECK(uicc_pin_get_tries_remaining(self, 3) == 2);
    CHECK(uicc_pin_check(self, 3, "1234", 4));
    CHECK(uicc_pin_is_validated(self, 3) && uicc_pin_get_tries_remaining(self, 3) == 3);
    CHECK(!uicc_pin_check(self, 3, "123", 3)); /* a wrong one takes the right one back */
    CHECK(!uicc_pin_check(self, 3, "12340", 5));
    CHECK(!uicc_pin_is_validated(self, 3));
    CHECK(uicc_pin_check(self, 3, "1234", 4));
    uicc_pin_reset(self, 3);
    CHECK(!uicc_pin_is_validated(self, 3));
    for (int i = 0; i < 3; i++)
        CHECK(!uicc_pin_check(self, 3, "0000", 4));
    CHECK(uicc_pin_get_tries_remaining(self, 3) == 0);
    CHECK(!uicc_pin_check(self, 3, "1234", 4));
    return apdu->p2 == 0xEE ? UICC_SW_TECHNICAL_PROBLEM
                            : UICC_SW_OK; /* tries are spent, whatever becomes of the command */
}

static uicc_sw blocked_pins(const struct uicc_applet *self, const struct uicc_apdu *apdu)
{
    (void)apdu;
    CHECK(!uicc_pin_check(self, 3, "1234", 4));
    TRY(uicc_pin_reset_and_unblock(self, 3));
    return uicc_pin_update(self, 3, "abcd", 4);
}

static uicc_sw test_crypto(const struct uicc_applet *self, const struct uicc_apdu *apdu)
{
    uint8_t a[64] = {0}, b[64] = {0}, key[32] = {0};
    (void)apdu;
    CHECK(uicc_random(self, a, 16) && uicc_random(self, b, 16) && memcmp(a, b, 16) != 0);
    /* FIPS 180: "abc" */
    TRY(uicc_digest(self, UICC_SHA_1, uicc_span_of("abc", 3), a));
    CHECK(memcmp(a, "\xA9\x99\x3E\x36", 4) == 0);
    TRY(uicc_digest(self, UICC_SHA_256, uicc_span_of("abc", 3), a));
    CHECK(memcmp(a, "\xBA\x78\x16\xBF", 4) == 0);
    CHECK(uicc_digest(self, (enum uicc_digest)9, uicc_span_of("abc", 3), a) ==
          UICC_SW_FUNCTION_NOT_SUPPORTED);
    /* AES-128 of zeros under zeros (FIPS 197 known answer). */
    memset(b, 0, 16);
    TRY(uicc_cipher(self, UICC_AES_CBC_ENCRYPT, uicc_span_of(key, 16), NULL, uicc_span_of(b, 16), a));
    CHECK(memcmp(a, "\x66\xE9\x4B\xD4", 4) == 0);
    TRY(uicc_cipher(self, UICC_AES_CBC_DECRYPT, uicc_span_of(key, 16), NULL, uicc_span_of(a, 16), b));
    CHECK(b[0] == 0 && b[15] == 0);
    key[0] = 1;
    TRY(uicc_cipher(self, UICC_DES3_CBC_ENCRYPT, uicc_span_of(key, 24), a, uicc_span_of(b, 16), a + 16));
    TRY(uicc_cipher(self, UICC_DES3_CBC_DECRYPT, uicc_span_of(key, 24), a, uicc_span_of(a + 16, 16), a + 32));
    CHECK(memcmp(a + 32, b, 16) == 0);
    CHECK(uicc_cipher(self, UICC_AES_CBC_ENCRYPT, uicc_span_of(key, 16), NULL, uicc_span_of(b, 15), a) ==
          UICC_SW_WRONG_LENGTH);
    CHECK(uicc_cipher(self, UICC_AES_CBC_ENCRYPT, uicc_span_of(key, 15), NULL, uicc_span_of(b, 16), a) ==
          UICC_SW_WRONG_LENGTH);
    TRY(uicc_mac(self, UICC_AES_CMAC, uicc_span_of(key, 16), uicc_span_of("x", 1), a));
    TRY(uicc_mac(self, UICC_DES3_CBC_MAC, uicc_span_of(key, 16), uicc_span_of("x", 1), a));
    TRY(uicc_mac(self, UICC_HMAC_SHA_256, uicc_span_of(key, 16), uicc_span_of("x", 1), a));
    return UICC_SW_OK;
}

static uicc_sw test_registry(const struct uicc_applet *self, const struct uicc_apdu *apdu)
{
    static const uint8_t list[] = {UICC_EVENT_PROFILE_DOWNLOAD, UICC_EVENT_EVENT_DOWNLOAD_LOCATION_STATUS};
    static const uint8_t not_all[] = {UICC_EVENT_FIRST_COMMAND_AFTER_ATR, UICC_EVENT_PROFILE_DOWNLOAD,
                                      UICC_EVENT_TIMER_EXPIRATION};
    struct uicc_menu_entry entry = {.text = uicc_span_of("Entry", 5), .help_supported = true};
    struct uicc_file_view v;
    uint8_t id, second, third, timer, more;
    (void)apdu;
    TRY(uicc_set_event_list(self, list, 2));
    CHECK(uicc_is_event_set(self, UICC_EVENT_PROFILE_DOWNLOAD) &&
          uicc_is_event_set(self, UICC_EVENT_EVENT_DOWNLOAD_LOCATION_STATUS));
    /* One of the list that cannot be had: none of the others, but what it had already. */
    CHECK(uicc_set_event_list(self, not_all, sizeof not_all) == UICC_SW_CONDITIONS_NOT_SATISFIED);
    CHECK(uicc_is_event_set(self, UICC_EVENT_PROFILE_DOWNLOAD) &&
          !uicc_is_event_set(self, UICC_EVENT_FIRST_COMMAND_AFTER_ATR));
    TRY(uicc_set_event(self, UICC_EVENT_PROFILE_DOWNLOAD)); /* twice is once */
    TRY(uicc_clear_event(self, UICC_EVENT_PROFILE_DOWNLOAD));
    CHECK(!uicc_is_event_set(self, UICC_EVENT_PROFILE_DOWNLOAD));
    CHECK(uicc_set_event(self, UICC_EVENT_TIMER_EXPIRATION) == UICC_SW_CONDITIONS_NOT_SATISFIED);
    CHECK(uicc_set_event(self, UICC_EVENT_MENU_SELECTION) == UICC_SW_CONDITIONS_NOT_SATISFIED);
    CHECK(uicc_set_event(self, UICC_EVENT_STATUS_COMMAND) == UICC_SW_CONDITIONS_NOT_SATISFIED);
    CHECK(uicc_set_event(self, (enum uicc_event_number)99) == UICC_SW_FUNCTION_NOT_SUPPORTED);
    /* Two menu entries, two timers: what it was installed with. */
    TRY(uicc_init_menu_entry(self, &entry, &id));
    TRY(uicc_init_menu_entry(self, &entry, &second));
    CHECK(id == 0x21 && second != 0 && second != id);
    CHECK(uicc_init_menu_entry(self, &entry, &third) == UICC_SW_MEMORY_PROBLEM);
    entry.text = uicc_span_of("much too long an entry", 22);
    CHECK(uicc_change_menu_entry(self, id, &entry) == UICC_SW_WRONG_LENGTH);
    entry.text = uicc_span_of("Changed", 7);
    TRY(uicc_change_menu_entry(self, id, &entry));
    TRY(uicc_disable_menu_entry(self, second));
    TRY(uicc_enable_menu_entry(self, second));
    TRY(uicc_disable_menu_entry(self, second));
    CHECK(uicc_enable_menu_entry(self, 0x77) == UICC_SW_DATA_NOT_FOUND);
    CHECK(uicc_is_event_set(self, UICC_EVENT_MENU_SELECTION));
    TRY(uicc_allocate_timer(self, &timer));
    TRY(uicc_allocate_timer(self, &more));
    CHECK(timer >= 1 && timer <= 8 && more != timer);
    CHECK(uicc_allocate_timer(self, &third) == UICC_SW_NOT_ENOUGH_MEMORY);
    TRY(uicc_release_timer(self, more));
    CHECK(uicc_release_timer(self, more) == UICC_SW_DATA_NOT_FOUND);
    CHECK(uicc_release_timer(self, 9) == UICC_SW_DATA_NOT_FOUND);
    CHECK(uicc_get_poll_interval(self) == UICC_POLL_NO_DURATION);
    CHECK(uicc_request_poll_interval(self, 15301) == UICC_SW_MEMORY_PROBLEM);
    TRY(uicc_request_poll_interval(self, UICC_POLL_SYSTEM_DURATION));
    CHECK(uicc_is_event_set(self, UICC_EVENT_STATUS_COMMAND) && uicc_get_poll_interval(self) == 30);
    TRY(uicc_request_poll_interval(self, 30));
    CHECK(uicc_get_poll_interval(self) == 30);
    TRY(uicc_get_the_uicc_view(self, &v));
    TRY(uicc_register_file_event(self, &v)); /* the MF */
    CHECK(uicc_is_event_set(self, UICC_EVENT_EXTERNAL_FILE_UPDATE));
    TRY(uicc_clear_event(self, UICC_EVENT_EXTERNAL_FILE_UPDATE));
    CHECK(!uicc_is_event_set(self, UICC_EVENT_EXTERNAL_FILE_UPDATE));
    TRY(uicc_select(self, &v, 0x2F05, NULL));
    TRY(uicc_register_file_event(self, &v));
    return UICC_SW_OK;
}

static uicc_sw test_proactive(const struct uicc_applet *self, const struct uicc_apdu *apdu)
{
    struct uicc_proactive_handler h;
    uicc_init(&h, (enum uicc_proactive_command)0x25, 0, 0); /* SET UP MENU is the card's */
    CHECK(uicc_send(self, &h) == UICC_SW_CONDITIONS_NOT_SATISFIED);
    uicc_init_start_timer(&h, 8, 0, 0, 10); /* not its own */
    CHECK(uicc_send(self, &h) == UICC_SW_CONDITIONS_NOT_SATISFIED);
    uicc_init_display_text(&h, 0, UICC_DCS_8_BIT_DATA, "", 0);
    for (int i = 0; i < 30; i++)
        uicc_append_tlv(&h.objects, 0x85, "0123456789", 10);
    CHECK(h.objects.full && uicc_send(self, &h) == UICC_SW_WRONG_LENGTH);
    /* As long as FETCH can bring it, and not an octet more. */
    uint8_t text[241];
    memset(text, 'x', sizeof text);
    uicc_init_get_input(&h, 0, UICC_DCS_8_BIT_DATA, text, 237, 1, 10);
    CHECK(h.objects.full);
    uicc_init_get_input(&h, 0, UICC_DCS_8_BIT_DATA, text, 236, 1, 10);
    CHECK(!h.objects.full && h.objects.len == 244);
    uicc_init_display_text(&h, 0, UICC_DCS_8_BIT_DATA, text, 241);
    CHECK(uicc_send(self, &h) == UICC_SW_WRONG_LENGTH);
    uicc_init_display_text(&h, 0, UICC_DCS_8_BIT_DATA, text, 240);
    if (apdu->p2 == 3)
        return uicc_send(self, &h);
    uicc_init_close_channel(&h, 2); /* not its own */
    CHECK(h.destination == 0x22 && uicc_send(self, &h) == UICC_SW_CONDITIONS_NOT_SATISFIED);
    CHECK(uicc_check_terminal_profile(self, 0));
    CHECK(uicc_get_terminal_profile_value(self, 15, 0) == 0xFFFF &&
          uicc_get_terminal_profile_value(self, 6, 4) == 7);
    CHECK(uicc_get_terminal_profile_value(self, 8 * 20 + 3, 8 * 20 - 2) ==
          3); /* two bits of the last octet, four behind it */
    CHECK(uicc_get_terminal_profile_value(self, 4, 5) == 0 &&
          uicc_get_terminal_profile_value(self, 16, 0) == 0);
    if (apdu->p2 == 4) {
        uicc_init_get_input(&h, 0, UICC_DCS_8_BIT_DATA, NULL, 0, 1, 10);
        return uicc_send(self, &h);
    }
    if (apdu->p2 == 1) {
        uicc_init_get_input(&h, 0x01, UICC_DCS_8_BIT_DATA, "Who?", 4, 1, 10);
        return uicc_send(self, &h);
    }
    if (apdu->p2 == 2) {
        uicc_init_get_inkey(&h, 0x00, UICC_DCS_8_BIT_DATA, "?", 1);
        TRY(uicc_send(self, &h));
        return UICC_SW_TECHNICAL_PROBLEM; /* undone: nothing to fetch */
    }
    return UICC_SW_OK;
}

/* Firewall: in somebody else's name. */
static uicc_sw test_firewall(const struct uicc_applet *self, const struct uicc_apdu *apdu)
{
    struct uicc_applet other = *self;
    struct uicc_file_view v;
    uint8_t octets[16];
    other.index = apdu->p2;
    CHECK(uicc_get(&other, KEPT, octets, sizeof octets) == 0);
    CHECK(uicc_put(&other, KEPT, "mine", 4) == UICC_SW_CONDITIONS_NOT_SATISFIED);
    CHECK(uicc_remove(&other, KEPT) == UICC_SW_CONDITIONS_NOT_SATISFIED);
    CHECK(uicc_make_transient(&other, 0, 16, UICC_CLEAR_ON_RESET) == NULL);
    CHECK(!uicc_pin_check(&other, 3, "1234", 4));
    CHECK(uicc_pin_update(&other, 3, "0000", 4) == UICC_SW_CONDITIONS_NOT_SATISFIED);
    CHECK(uicc_get_the_uicc_view(&other, &v) == UICC_SW_CONDITIONS_NOT_SATISFIED);
    CHECK(uicc_set_event(&other, UICC_EVENT_PROFILE_DOWNLOAD) == UICC_SW_CONDITIONS_NOT_SATISFIED);
    CHECK(uicc_get_aid(&other).n == 0);
    return UICC_SW_OK;
}

/* The AID in the data, parameter P1 of the data, method. */
static uicc_sw test_share(const struct uicc_applet *self, const struct uicc_apdu *apdu)
{
    return uicc_invoke(self, uicc_span_of(apdu->data.p + 2, apdu->data.n - 2), apdu->data.p[0],
                       apdu->data.p[1], uicc_span_of("request", 7), apdu->out);
}

static bool get_shareable_interface_object(const struct uicc_applet *self, struct uicc_span client,
                                           uint8_t parameter)
{
    (void)self;
    return client.n >= 5 && parameter == 1;
}

static uicc_sw invoke(const struct uicc_applet *self, struct uicc_span client, uint8_t parameter,
                      uint8_t method, struct uicc_span in, struct uicc_buf *out)
{
    (void)parameter;
    uicc_append(out, in.p, in.n);
    uicc_append(out, client.p, client.n);
    switch (method) {
    case 1:
        return uicc_put(self, KEPT, in.p, in.n);
    case 2: /* back again: ends, for depth is bounded */
        return uicc_invoke(self, client, 1, 2, in, NULL);
    case 3:
        return UICC_SW_BLOCKED;
    default:
        return UICC_SW_OK;
    }
}

static uicc_sw order(const struct uicc_applet *self, const struct uicc_apdu *apdu)
{
    return uicc_put(self, ORDERS, &apdu->p2, 1);
}

static uicc_sw set_event(const struct uicc_applet *self, const struct uicc_apdu *apdu)
{
    return uicc_set_event(self, (enum uicc_event_number)apdu->p2);
}

static uicc_sw keep(const struct uicc_applet *self, const struct uicc_apdu *apdu)
{
    TRY(uicc_put(self, KEPT, "own", 3));
    return apdu->p2 == 1 ? UICC_SW_CONDITIONS_NOT_SATISFIED : UICC_SW_OK;
}

/* With an access domain that has ADM1 in the USIM, and nothing outside of ADFs (P2 00); or none at all (P2
 * 01). */
static uicc_sw test_domains(const struct uicc_applet *self, const struct uicc_apdu *apdu)
{
    struct uicc_file_view v, usim, admin;
    uint8_t octets[9] = {0x08, 0x09, 0x10, 0x10, 0x10, 0x32, 0x54, 0x76, 0x98};
    TRY(uicc_get_the_uicc_view(self, &v));
    TRY(uicc_select(self, &v, 0x2F05, NULL));
    TRY(uicc_read_binary(self, &v, 0, octets + 7, 2)); /* read always */
    CHECK(uicc_update_binary(self, &v, 0, "xx", 2) == UICC_SW_SECURITY_STATUS);
    CHECK(uicc_deactivate_file(self, &v) == UICC_SW_SECURITY_STATUS);
    octets[7] = 0x76;
    octets[8] = 0x98;
    TRY(uicc_get_the_file_view(self, usim_aid(), &usim));
    TRY(uicc_select(self, &usim, 0x6F07, NULL));
    CHECK(uicc_read_binary(self, &usim, 0, octets, 1) ==
          UICC_SW_SECURITY_STATUS); /* PIN1: not in the domain, and not asked of the user either */
    CHECK(uicc_update_binary(self, &usim, 0, octets, 9) ==
          (apdu->p2 == 0 ? UICC_SW_OK : UICC_SW_SECURITY_STATUS));
    TRY(uicc_get_the_admin_file_view(self, uicc_span_of(NULL, 0), &admin));
    CHECK(uicc_create_file(self, &admin, uicc_span_of(fcp_new, sizeof fcp_new)) == UICC_SW_SECURITY_STATUS);
    return UICC_SW_OK;
}

/* A file of its own in the MF, whose identifier ends with P2. */
static uicc_sw make_file(const struct uicc_applet *self, const struct uicc_apdu *apdu)
{
    struct uicc_file_view v;
    uint8_t fcp[sizeof fcp_new];
    memcpy(fcp, fcp_new, sizeof fcp);
    fcp[9] = apdu->p2;
    TRY(uicc_get_the_admin_file_view(self, uicc_span_of(NULL, 0), &v));
    return uicc_create_file(self, &v, uicc_span_of(fcp, sizeof fcp));
}

static uicc_sw (*const areas[])(const struct uicc_applet *self, const struct uicc_apdu *apdu) = {
    test_files,  test_admin,    test_framework, test_pins,     check_pins, blocked_pins,
    test_crypto, test_registry, test_proactive, test_firewall, test_share, order,
    set_event,   keep,          test_domains,   test_ber_tlv,  make_file,  test_contexts,
};
enum {
    FILES,
    ADMIN,
    FRAMEWORK,
    PINS,
    CHECK_PINS,
    BLOCKED_PINS,
    CRYPTO,
    REGISTRY,
    PROACTIVE,
    FIREWALL,
    SHARE,
    SET_ORDER,
    SET_EVENT,
    KEEP,
    DOMAINS,
    BER_TLV,
    MAKE_FILE,
    CONTEXTS
};

static uicc_sw process(const struct uicc_applet *self, const struct uicc_apdu *apdu)
{
    if (apdu->ins == 0xB0) { /* even what is the kernel's elsewhere comes here */
        uicc_append(apdu->out, "mine", 4);
        return UICC_SW_OK;
    }
    if (apdu->cla != 0x80 || apdu->ins != 0x10 + 0x80 || apdu->p1 >= sizeof areas / sizeof areas[0])
        return UICC_SW_INS_NOT_SUPPORTED;
    return areas[apdu->p1](self, apdu);
}

static uicc_sw install(const struct uicc_applet *self, const struct uicc_installation *how)
{
    (void)self;
    return how->parameters.n == 6 && !how->personalising ? UICC_SW_OK : UICC_SW_WRONG_DATA;
}

static uicc_sw select_(const struct uicc_applet *self)
{
    uint8_t order_ = 0;
    (void)uicc_get(self, ORDERS, &order_, 1);
    return order_ == 0xFF ? UICC_SW_CONDITIONS_NOT_SATISFIED : UICC_SW_OK;
}

static void deselect(const struct uicc_applet *self)
{
    (void)uicc_put(self, 50, "deselected", 10);
}

static void uninstall(const struct uicc_applet *self)
{
    uicc_note(self, "uninstall");
}

static const struct uicc_applet_class recorder = {
    .name = "recorder",
    .module = {7, "\xF0test\x01\x01"},
    .install = install,
    .uninstall = uninstall,
    .select = select_,
    .deselect = deselect,
    .process = process,
    .process_toolkit = process_toolkit,
    .get_shareable_interface_object = get_shareable_interface_object,
    .invoke = invoke,
};
static const struct uicc_applet_class *const classes_of_package[] = {&recorder, NULL};
static const struct uicc_package test_package = {
    UICC_APPLET_ABI, {6, "\xF0test\x01"}, {1, 0}, classes_of_package};

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
    /* What an operator's application writes is the operator's word: it is on trial like that of his scripts. */
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
        assert_int_equal(session_finish(a.f.card, applet_set_life(a.f.card, a.first, locked ? 0x87 : 0x07)), SW_OK);
        forget(&a);
        a.f.tracing = true;
        a.f.trace_len = 0;
        apdu(&a.f, "00A4000C023F00", "9*");
        drain(&a);
        a.f.tracing = false;
        assert_int_equal(strstr(a.f.trace, "4368616e676564") != NULL, !locked); /* "Changed", in SET UP MENU */
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
    assert_int_equal(uicc_post_as_ber_tlv(&e, 0x33, answer, 256), UICC_SW_WRONG_LENGTH);
    /* And into those of a command. */
    struct uicc_proactive_handler h;
    uicc_init(&h, UICC_PRO_CMD_SELECT_ITEM, 0, 0);
    uicc_append_item(&h, 1, "one", 3);
    uicc_append_item(&h, 0xFF, NULL, 0);
    uicc_append_text(&h, UICC_TAG_TEXT_STRING, UICC_DCS_UCS2, NULL, 0);
    assert_int_equal(h.objects.len, 11);
    assert_memory_equal(h.octets, "\x8F\x04\x01" "one" "\x8F\x01\xFF\x8D\x00", 11);
    uicc_append_item(&h, 2, answer, 241);
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

/* A file that an applet makes is whose the applet is: nobody's stays through a change of operator, an operator's is
 * there with his pair. */
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
