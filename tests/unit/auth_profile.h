/* SPDX-License-Identifier: Apache-2.0
 *
 * A profile for the tests of authentication: a USIM and an ISIM whose files anyone may read and write, with
 * the services, the key and the contents that a test asks for.
 */
#ifndef TESTS_AUTH_PROFILE_H
#define TESTS_AUTH_PROFILE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "card_fixture.h"
#include "hex.h"

#define ISIM_AID_PREFIX "A0000000871004"

/* Milenage with the first test set of 3GPP TS 35.207, any sequence number above the last. */
#define PAIR_TEST_SET_1                                                                                      \
    "  - algorithm: milenage\n"                                                                              \
    "    k: 465b5ce8b199b49faa5f0a2ee238a6bc\n"                                                              \
    "    opc: cd63cb71954a9f4e48a5994e37a02baf\n"                                                            \
    "    sqn: {delta: 0}\n"

struct auth_profile {
    const uint8_t *ust; /* numbers of the available services, 0 at the end; NULL: none */
    const uint8_t *ist;
    const char *pair;      /* the lines of pair 0 above its OTA keys; NULL: PAIR_TEST_SET_1 */
    const char *imsi;      /* NULL: FIXTURE_IMSI */
    unsigned mnc_len;      /* 0: 2 */
    const char *calc_5gs;  /* hexadecimal; NULL: nothing there */
    const char *calc_saip; /* NULL: no DF.SAIP */
    const char *supi_nai;
    const char *routing;
    unsigned gbabp_size;    /* 0: 50 */
    unsigned gbanl_records; /* 0: 3 */
};

static inline void service_table(const uint8_t *services, char hex[2 * 19 + 1])
{
    uint8_t table[19] = {0};
    for (; services != NULL && *services != 0; services++)
        table[(*services - 1) / 8] |= (uint8_t)(1 << (*services - 1) % 8);
    hex_format(span_of(table, sizeof table), hex);
}

/* The profile as text; free it. */
static inline char *auth_text(const struct auth_profile *o)
{
    static const char ota_keys[] = "    ota:\n"
                                   "      version: 1\n"
                                   "      kic: {algorithm: aes, bits: 128, key: derived}\n"
                                   "      kid: {algorithm: aes, bits: 128, key: derived}\n"
                                   "      kik: {bits: 128, key: derived}\n"
                                   "    rights: [remote-change, replace-keys]\n";
    char ust[39], ist[39], saip[700] = "", *text = malloc(16384);
    assert_non_null(text);
    service_table(o->ust, ust);
    service_table(o->ist, ist);
    if (o->calc_saip != NULL)
        snprintf(saip, sizeof saip,
                 "  - {path: MF/ADF.USIM/DF.SAIP, kind: df, fid: 5FD0, access: dir}\n"
                 "  - {path: MF/ADF.USIM/DF.SAIP/EF.SUCI_Calc_Info, kind: transparent, fid: 4F01, size: 200, "
                 "access: free, "
                 "content: \"%s\"}\n",
                 o->calc_saip);
    int n = snprintf(
        text, 16384,
        "format: 1\nname: auth\ninsecure: true\natr: 3B9F96801FC78031E073F6210067736F6674756963B2\nimsi: "
        "\"%s\"\n"
        "access:\n"
        "  - {name: free, read: always, update: always, delete: adm1}\n"
        "  - {name: dir, create-ef: adm1, create-df: adm1, delete-child: adm1}\n"
        "pins:\n"
        "  - {name: pin1, reference: 01, value: 1234, enabled: no, puk: 12345678}\n"
        "  - {name: adm1, reference: 0A, value: 12345678}\n"
        "files:\n"
        "  - {path: MF, kind: mf, access: dir}\n"
        "  - {path: MF/EF.ARR, kind: linear, fid: 2F06, access: free, fill: access-rules}\n"
        "  - {path: MF/ADF.USIM, kind: adf, access: dir}\n"
        "  - {path: MF/ADF.USIM/EF.ARR, kind: linear, fid: 6F06, access: free, fill: access-rules}\n"
        "  - {path: MF/ADF.USIM/EF.IMSI, kind: transparent, fid: 6F07, size: 9, access: free, fill: imsi}\n"
        "  - {path: MF/ADF.USIM/EF.AD, kind: transparent, fid: 6FAD, access: free, content: \"000000%02X\"}\n"
        "  - {path: MF/ADF.USIM/EF.UST, kind: transparent, fid: 6F38, access: free, content: \"%s\"}\n"
        "  - {path: MF/ADF.USIM/EF.GBABP, kind: transparent, fid: 6FD6, size: %u, access: free}\n"
        "  - {path: MF/ADF.USIM/EF.GBANL, kind: linear, fid: 6FDA, records: {length: 40, count: %u}, access: "
        "free}\n"
        "  - {path: MF/ADF.USIM/DF.5GS, kind: df, fid: 5FC0, access: dir}\n"
        "  - {path: MF/ADF.USIM/DF.5GS/EF.SUCI_Calc_Info, kind: transparent, fid: 4F07, size: 200, access: "
        "free, content: \"%s\"}\n"
        "  - {path: MF/ADF.USIM/DF.5GS/EF.SUPI_NAI, kind: transparent, fid: 4F09, size: 250, access: free, "
        "content: \"%s\"}\n"
        "  - {path: MF/ADF.USIM/DF.5GS/EF.Routing_Indicator, kind: transparent, fid: 4F0A, size: 4, access: "
        "free, content: \"%s\"}\n"
        "%s"
        "  - {path: MF/ADF.ISIM, kind: adf, access: dir}\n"
        "  - {path: MF/ADF.ISIM/EF.ARR, kind: linear, fid: 6F06, access: free, fill: access-rules}\n"
        "  - {path: MF/ADF.ISIM/EF.IST, kind: transparent, fid: 6F07, access: free, content: \"%s\"}\n"
        "  - {path: MF/ADF.ISIM/EF.GBABP, kind: transparent, fid: 6FD5, size: 50, access: free}\n"
        "  - {path: MF/ADF.ISIM/EF.GBANL, kind: linear, fid: 6FD7, records: {length: 40, count: 2}, access: "
        "free}\n"
        "applets:\n"
        "  - {class: usim, aid: A0000000871002FFFFFFFF8907090000, adf: MF/ADF.USIM}\n"
        "  - {class: isim, aid: A0000000871004FFFFFFFF8907090000, adf: MF/ADF.ISIM}\n"
        "  - {class: subscription, aid: F0736F6674756963630101, tars: [BFFF3B], msl: 16}\n"
        "  - {class: ota}\n"
        "pairs:\n%s%s"
        "  - algorithm: tuak\n    k: derived\n    topc: derived\n%s",
        o->imsi != NULL ? o->imsi : FIXTURE_IMSI, o->mnc_len != 0 ? o->mnc_len : 2, ust,
        o->gbabp_size != 0 ? o->gbabp_size : 50, o->gbanl_records != 0 ? o->gbanl_records : 3,
        o->calc_5gs != NULL ? o->calc_5gs : "", o->supi_nai != NULL ? o->supi_nai : "",
        o->routing != NULL ? o->routing : "", saip, ist, o->pair != NULL ? o->pair : PAIR_TEST_SET_1,
        ota_keys, ota_keys);
    assert_in_range(n, 1, 16383);
    return text;
}

static inline void auth_open(struct fixture *f, const struct auth_profile *o)
{
    char *text = auth_text(o);
    fixture_open_text(f, text);
    free(text);
}

#endif
