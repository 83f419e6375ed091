/* SPDX-License-Identifier: Apache-2.0 */
#include "api_applet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

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
    CHECK(uicc_view_command(self, &v, 0x00, 0xB0, 0, 0, uicc_span_of(NULL, 0), 600, &out) ==
          UICC_SW_WRONG_LENGTH);
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
const struct uicc_package test_package = {
    UICC_APPLET_ABI, {6, "\xF0test\x01"}, {1, 0}, classes_of_package};
