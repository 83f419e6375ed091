/* SPDX-License-Identifier: Apache-2.0
 *
 * What the operator's tools read: the first octet says which. SMPP PDUs and streams of them, CSV and key
 * files, packets and short messages to be explained, contents of files to be decoded, access rules, responses
 * in parts, orders. Any octets are borne; what was built is read back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"
#include "decode.h"
#include "fuzz.h"
#include "keys.h"
#include "ota_explain.h"
#include "ota_join.h"
#include "smpp.h"

enum { ROOM = 1 << 16 };

static FILE *nowhere(void)
{
    static FILE *f;
    if (f == NULL && (f = fopen("/dev/null", "we")) == NULL)
        exit(1);
    return f;
}

static struct uicc_crypto *crypto(void)
{
    static struct uicc_crypto *c;
    if (c == NULL && (c = crypto_new()) == NULL)
        exit(1);
    return c;
}

/* ---- SMPP ---- */

static void smpp(struct span stream)
{
    while (stream.n > 0) {
        struct smpp_pdu pdu, back;
        uint8_t octets[4 * SMPP_PDU_MAX];
        uint32_t length = smpp_length(stream);
        if (length < SMPP_HEADER || length > SMPP_PDU_MAX || length > stream.n)
            length = (uint32_t)(stream.n < SMPP_PDU_MAX ? stream.n : SMPP_PDU_MAX);
        uint32_t status = smpp_parse(span_slice(stream, 0, length), &pdu);
        (void)smpp_command_name(pdu.command);
        (void)smpp_status_text(status);
        if (status == SMPP_OK) {
            struct buf out = buf_of(octets, sizeof octets);
            smpp_build(&pdu, &out);
            if (buf_ok(&out) && out.len <= SMPP_PDU_MAX) {
                if (smpp_parse(buf_span(&out), &back) != SMPP_OK || back.command != pdu.command ||
                    back.message.n != pdu.message.n ||
                    memcmp(back.message.data, pdu.message.data, pdu.message.n) != 0)
                    fuzz_die("a PDU that is another when it is built again (%08x)", (unsigned)pdu.command);
            }
        }
        stream = span_slice(stream, length, stream.n);
    }
}

/* ---- files ---- */

static void csv(struct span s)
{
    struct csv_error e = {""};
    static struct csv c;
    memset(&c, 0, sizeof c);
    if (!csv_open(&c, fuzz_file(s.p, s.n), &e)) {
        fuzz_refused(e.text);
        return;
    }
    enum csv_result result;
    while ((result = csv_row(&c, &e)) == CSV_ROW)
        if (c.n > CSV_FIELDS_MAX)
            fuzz_die("more fields than there is room for");
    if (result == CSV_BAD)
        fuzz_refused(e.text);
    csv_close(&c);
}

static bool row(void *ctx, const struct key_row *r, struct keys_error *error)
{
    char line[KEYS_LINE_MAX];
    struct key_row back;
    (void)ctx;
    if (keys_format(r, line) && (!keys_parse("again", line, &back, error) || back.index != r->index ||
                                 memcmp(&back.pair.ota, &r->pair.ota, sizeof back.pair.ota) != 0))
        fuzz_die("a row that is another when it is read again: %s", error->text);
    return true;
}

static void keys(struct span s)
{
    struct keys_error e = {""};
    static struct key_row r;
    if (!keys_each(fuzz_file(s.p, s.n), row, NULL, &e))
        fuzz_refused(e.text);
    e.text[0] = '\0';
    if (!keys_find(fuzz_file(s.p, s.n), "8900101000000000019", false, 1, &r, &e))
        fuzz_refused(e.text);
}

/* ---- explaining and decoding ---- */

static void explain(struct reader *r)
{
    struct span inputs[8];
    size_t n = 0, which;
    uint8_t how = rd_u8(r);
    struct ota_keys k = {.kic_len = 16, .kid_len = 16};
    const struct ota_explain e = {.to = nowhere(),
                                  .json = (how & 1) != 0,
                                  .crypto = crypto(),
                                  .as = (how & 2) != 0 ? OTA_KIND_UNKNOWN : (enum ota_kind)(how >> 2 & 7) % 6,
                                  .keys = (how & 0x20) != 0 ? &k : NULL,
                                  .has_spi = (how & 0x40) != 0,
                                  .spi2 = 0x39,
                                  .has_counter = (how & 0x80) != 0,
                                  .counter = 5};
    memset(k.kic_key, 0x11, 16);
    memset(k.kid_key, 0x22, 16);
    while (rd_ok(r) && r->left > 0 && n < 8) {
        inputs[n] = rd_take(r, 1u + rd_u8(r));
        n += inputs[n].n > 0;
    }
    (void)ota_explain(&e, inputs, n, &which);
}

static void decoding(struct reader *r)
{
    static char text[DECODE_ROOM];
    static const uint16_t fids[] = {
        0x2F00, 0x2FE2, 0x2F05, 0x2F06, 0x2F08, 0x6F05, 0x6F07, 0x6F08, 0x6F09, 0x6F31, 0x6F38, 0x6F3B,
        0x6F3C, 0x6F40, 0x6F42, 0x6F43, 0x6F45, 0x6F46, 0x6F47, 0x6F50, 0x6F56, 0x6F5B, 0x6F5C, 0x6F60,
        0x6F61, 0x6F62, 0x6F73, 0x6F78, 0x6F7B, 0x6F7E, 0x6FAD, 0x6FB7, 0x6FC4, 0x6FC5, 0x6FC6, 0x6FD9,
        0x6FE3, 0x6FE4, 0x6F02, 0x6F03, 0x6F04, 0x6F3A, 0x6F4A, 0x6F30, 0x4F20, 0x4F52, 0x4F01, 0x4F02,
        0x4F03, 0x4F04, 0x4F07, 0x4F09, 0x4F0A, 0x6FD5, 0x6FD6, 0x6FDA};
    uint8_t place = rd_u8(r), which = rd_u8(r);
    uint16_t raw = rd_u16(r), fid = (which & 0x80) != 0 ? raw : fids[which % (sizeof fids / sizeof fids[0])];
    struct span content = rd_rest(r);
    enum decode_result result = decode((enum decode_place)(place % (PLACE_SAIP + 1)), fid, content,
                                       (place & 0x80) != 0, text, sizeof text);
    if (result != DECODED && text[0] != '\0')
        fuzz_die("not decoded, and yet something was said");
    if (strlen(text) >= sizeof text)
        fuzz_die("longer than its room");
    decode_condition(content, (uint8_t)raw, 0, text, 64);
    decode_condition(content, 0, (uint8_t)raw, text, 64);
}

static void joining(struct reader *r)
{
    struct ota_join *j = ota_join_new();
    if (j == NULL)
        exit(1);
    while (rd_ok(r) && r->left > 0) {
        struct span whole, part = rd_take(r, 1u + rd_u8(r) % 140u);
        if (ota_join_add(j, part, &whole) == OTA_JOIN_WHOLE && (whole.n < 3 || whole.p[0] != 0x02))
            fuzz_die("a response packet that is none");
    }
    ota_join_free(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct reader r = rd_of(span_of(data, n));
    switch (rd_u8(&r) % 6) {
    case 0:
        smpp(rd_rest(&r));
        break;
    case 1:
        csv(rd_rest(&r));
        break;
    case 2:
        keys(rd_rest(&r));
        break;
    case 3:
        explain(&r);
        break;
    case 4:
        decoding(&r);
        break;
    default:
        joining(&r);
    }
    return 0;
}
