/* SPDX-License-Identifier: Apache-2.0
 *
 * Class A0 (3GPP TS 51.011): on a profile with DF.GSM, DF.TELECOM and a USIM; on one of a SIM alone; on the
 * built-in profile `test`, which has only the USIM's files; and on one without the applet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "card_fixture.h"

#define HEAD                                                                                                 \
    "format: 1\nname: sim\ninsecure: true\natr: 3B9F96801FC78031E073F6210067736F6674756963B2\nimsi: "        \
    "001010123456780\n"
#define ACCESS                                                                                               \
    "access:\n"                                                                                              \
    "  - {name: open-adm, read: always, update: adm1, activate: adm1, deactivate: adm1, increase: pin2}\n"   \
    "  - {name: pin-pin, read: pin1, update: pin1, activate: pin1, deactivate: pin1, increase: pin1}\n"      \
    "  - {name: pin-adm, read: pin1, update: adm1}\n"                                                        \
    "  - {name: pin2-pin2, read: pin2, update: pin2, activate: adm1, deactivate: pin2}\n"                    \
    "  - {name: fixed, read: always, update: never}\n"                                                       \
    "  - {name: either, read: pin1 or adm1, update: pin1 and adm1}\n"                                        \
    "  - {name: dir, create-ef: adm1, delete-child: adm1}\n"
#define PINS(pin2)                                                                                           \
    "pins:\n"                                                                                                \
    "  - {name: pin1, reference: 01, value: 1234, tries: 3, puk: 12345678, puk-tries: 10}\n"                 \
    "  - {name: pin2, " pin2 ", value: 5678, can-disable: no, tries: 3, puk: 87654321}\n"                    \
    "  - {name: adm1, reference: 0A, value: 12345678, tries: 10}\n"
#define FILES                                                                                                \
    "files:\n"                                                                                               \
    "  - {path: MF, kind: mf, access: dir}\n"                                                                \
    "  - {path: MF/EF.ICCID, kind: transparent, fid: 2FE2, size: 10, access: fixed, fill: iccid}\n"          \
    "  - {path: MF/EF.ARR, kind: linear, fid: 2F06, access: open-adm, fill: access-rules}\n"                 \
    "  - {path: MF/EF.BER, kind: ber-tlv, fid: 2F0B, size: 10, access: open-adm}\n"                          \
    "  - {path: MF/DF.GSM, kind: df, fid: 7F20, access: dir}\n"                                              \
    "  - {path: MF/DF.GSM/EF.IMSI, kind: transparent, fid: 6F07, size: 9, access: pin-adm, fill: imsi}\n"    \
    "  - {path: MF/DF.GSM/EF.LOCI, kind: transparent, fid: 6F7E, access: pin-pin, content: "                 \
    "1122334400F110123400 00}\n"                                                                             \
    "  - {path: MF/DF.GSM/EF.Kc, kind: transparent, fid: 6F20, access: pin-pin, content: "                   \
    "1122334455667788 01}\n"                                                                                 \
    "  - {path: MF/DF.GSM/EF.BCCH, kind: transparent, fid: 6F74, size: 16, access: pin-pin, content: 01}\n"  \
    "  - {path: MF/DF.GSM/EF.ACM, kind: cyclic, fid: 6F39, records: {length: 3, count: 2}, access: "         \
    "pin-pin, "                                                                                              \
    "contents: [000005, 000003]}\n"                                                                          \
    "  - {path: MF/DF.GSM/EF.GID1, kind: transparent, fid: 6F3E, access: pin2-pin2, content: 0102}\n"        \
    "  - {path: MF/DF.GSM/EF.GID2, kind: transparent, fid: 6F3F, access: either, content: 0304, "            \
    "deactivated: yes}\n"                                                                                    \
    "  - {path: MF/DF.GSM/DF.SoLSA, kind: df, fid: 5F70, access: dir}\n"                                     \
    "  - {path: MF/DF.GSM/DF.SoLSA/EF.SAI, kind: transparent, fid: 4F30, access: open-adm, content: 01}\n"   \
    "  - {path: MF/DF.TELECOM, kind: df, fid: 7F10, access: dir}\n"                                          \
    "  - {path: MF/DF.TELECOM/EF.ADN, kind: linear, fid: 6F3A, records: {length: 20, count: 3}, access: "    \
    "pin-pin}\n"
#define USIM_FILES                                                                                           \
    "  - {path: MF/ADF.USIM, kind: adf, access: dir}\n"                                                      \
    "  - {path: MF/ADF.USIM/EF.ARR, kind: linear, fid: 6F06, access: open-adm, fill: access-rules}\n"        \
    "  - {path: MF/ADF.USIM/EF.IMSI, kind: transparent, fid: 6F07, size: 9, access: pin-adm, fill: imsi}\n"  \
    "  - {path: MF/ADF.USIM/EF.SPN, kind: transparent, fid: 6F46, size: 17, access: open-adm, content: "     \
    "0141}\n"                                                                                                \
    "  - {path: MF/ADF.USIM/EF.MSISDN, kind: linear, fid: 6F40, records: {length: 28, count: 2}, access: "   \
    "pin-pin}\n"                                                                                             \
    "  - {path: MF/ADF.USIM/DF.GSM-ACCESS, kind: df, fid: 5F3B, access: dir}\n"                              \
    "  - {path: MF/ADF.USIM/DF.GSM-ACCESS/EF.KcGPRS, kind: transparent, fid: 4F52, access: pin-pin, "        \
    "content: 1122334455667788 01}\n"
#define KEYS                                                                                                 \
    "pairs:\n"                                                                                               \
    "  - algorithm: milenage\n    k: derived\n    opc: derived\n"                                            \
    "    ota:\n      version: 1\n      kic: {algorithm: aes, bits: 128, key: derived}\n"                     \
    "      kid: {algorithm: aes, bits: 128, mac: 8, key: derived}\n      kik: {bits: 128, key: derived}\n"   \
    "    rights: [remote-change]\n    repeat: 2\n"
#define OTA                                                                                                  \
    "  - {class: subscription, aid: F0736F6674756963630101, tars: [BFFF3B], msl: 16}\n  - {class: ota}\n"    \
    "  - {class: rfm, start: MF, tars: [B00000], msl: 16, access: [pin1, adm1]}\n"
#define USIM "  - {class: usim, aid: A0000000871002FFFFFFFF8907090000, adf: MF/ADF.USIM}\n"

/* A UICC with a USIM and with DF.GSM, and a SIM. */
static const char both[] = HEAD ACCESS PINS("reference: 81, scope: MF/ADF.USIM") FILES USIM_FILES
    "applets:\n" USIM OTA "  - {class: rfm, start: MF/ADF.USIM, tars: [B00001], msl: 16, access: [pin1, "
    "adm1]}\n  - {class: gsm}\n" KEYS;
static const char sim[] = HEAD ACCESS PINS("reference: 02") FILES "applets:\n  - {class: gsm}\n" OTA KEYS;
static const char none[] = HEAD ACCESS PINS("reference: 02") FILES "applets:\n" OTA KEYS;

#define PIN1  "31323334FFFFFFFF"
#define PIN2  "35363738FFFFFFFF"
#define PUK1  "3132333435363738"
#define PUK2  "3837363534333231"
#define WRONG "30303030FFFFFFFF"

static int open_card(void **state, const char *text)
{
    struct fixture *f = malloc(sizeof *f);
    if (text != NULL)
        fixture_open_text(f, text);
    else
        fixture_open(f, "test");
    *state = f;
    return 0;
}

static int setup(void **state)
{
    return open_card(state, both);
}

static int setup_sim(void **state)
{
    return open_card(state, sim);
}

static int setup_test(void **state)
{
    return open_card(state, NULL);
}

static int setup_none(void **state)
{
    return open_card(state, none);
}

/* Selects and gets the response, of either length. */
#define select(f, fid, pattern)                                                                              \
    do {                                                                                                     \
        apdu(f, "A0A4000002" fid, "9F..");                                                                   \
        apdu(f, (f)->response[1] == 22 ? "A0C0000016" : "A0C000000F", pattern);                              \
    } while (0)

static void test_select_df(void **state)
{
    struct fixture *f = *state;
    /* 9.2.1: RFU, free memory, FID, type, RFU, 9 octets: characteristics, DFs, EFs, codes, RFU, CHV1, PUK1,
     * CHV2, PUK2 */
    select(f, "3F00", "0000 0000 3F00 01 0000000000 09 31 02 02 05 00 83 8A 83 8A 9000");
    select(
        f, "7F20",
        "0000 0000 7F20 02 0000000000 09 31 01 09 05 00 83 8A 83 8A 9000"); /* 7 EFs, and 2 of the USIM's */
    select(f, "7F10", "0000 0000 7F10 02 0000000000 09 31 00 02 05 00 83 8A 83 8A 9000");
    apdu(f, "A0F2000016", "0000 0000 7F10 02 0000000000 09 31 00 02 05 00 83 8A 83 8A 9000");
    apdu(f, "A0F2000000", "6716"); /* 9.4.6: the right P3 */
    apdu(f, "A0F20000FF", "6716");
    apdu(f, "A0F2000007", "0000 0000 7F10 02 9000"); /* 9.2.2: as much as P3 says */
    apdu(f, "A0F2000016", "0000 0000 7F10 *");
    apdu(f, "A0F2010016", "6B00");
    apdu(f, "A0F2000116", "6B00");
    /* 9.3: b8 of the characteristics, CHV1 disabled; presentations left */
    apdu(f, "A020000108" WRONG, "9804");
    apdu(f, "A026000108" PIN1, "9000");
    select(f, "3F00", "0000 0000 3F00 01 0000000000 09 B1 02 02 05 00 83 8A 83 8A 9000");
    apdu(f, "A028000108" WRONG, "9804");
    apdu(f, "A02C000210" WRONG PIN2, "9804");
    apdu(f, "A0F2000016", "0000 0000 3F00 01 0000000000 09 B1 02 02 05 00 82 8A 83 89 9000");
}

static void test_select_ef(void **state)
{
    struct fixture *f = *state;
    /* 9.2.1: RFU, size, FID, type, increase, access, status, 2 octets: structure, record length */
    select(f, "2FE2", "0000 000A 2FE2 04 00 0FF0FF 01 02 00 00 9000"); /* always; never */
    select(f, "2F06", "0000 .... 2F06 04 00 04F044 01 02 01 .. 9000");
    apdu(f, "A0A40000022F0B", "9404"); /* BER-TLV: no SIM has one */
    select(f, "7F20", "*");
    select(f, "6F07", "0000 0009 6F07 04 00 14F0FF 01 02 00 00 9000");
    select(f, "6F7E", "0000 000B 6F7E 04 00 11F011 01 02 00 00 9000");
    select(f, "6F3E", "0000 0002 6F3E 04 00 22F042 01 02 00 00 9000");
    select(f, "6F39", "0000 0006 6F39 04 40 111011 01 02 03 03 9000");
    select(f, "6F3F",
           "0000 0002 6F3F 04 00 14F0FF 00 02 00 00 9000"); /* CHV1 or ADM1: CHV1; both: ADM; invalidated */
    select(f, "7F10", "*");
    select(f, "6F3A", "0000 003C 6F3A 04 00 11F011 01 02 01 14 9000");
}

/* 6.5, what can be reached from where. */
static void test_reach(void **state)
{
    struct fixture *f = *state;
    apdu(f, "A0A40000026F07", "9404");
    apdu(f, "A0A40000027FFF", "9404");
    apdu(f, "A0A40000025F3B", "9404"); /* DF.GSM-ACCESS is the USIM's */
    select(f, "7F20", "*");
    select(f, "5F70", "0000 0000 5F70 02 *"); /* child */
    select(f, "4F30", "*");
    select(f, "5F70", "0000 0000 5F70 02 *"); /* itself */
    select(f, "7F20", "0000 0000 7F20 02 *"); /* parent */
    select(f, "7F10", "0000 0000 7F10 02 *"); /* beside it */
    select(f, "7F20", "*");
    select(f, "5F70", "*");
    apdu(f, "A0A40000027F10", "9404"); /* not beside the parent */
    apdu(f, "A0A40000026F07", "9404");
    apdu(f, "A0F2000016", "0000 0000 5F70 02 *"); /* 8.1: a SELECT that failed changes nothing */
    select(f, "3F00", "*");
    apdu(f, "A0A40000022FE3", "9404");
    apdu(f, "A0A40400022FE2", "6B00");
    apdu(f, "A0A40001022FE2", "6B00");
    apdu(f, "A0A400000100", "6702");
    apdu(f, "A0A40000033F0000", "6702");
    apdu(f, "A0A4000000", "6702");
    /* files of the USIM where DF.GSM and DF.TELECOM have none: under the SIM's FID, in the SIM's directory */
    select(f, "7F20", "*");
    select(f, "6F46", "0000 0011 6F46 04 00 04*");
    apdu(f, "A0B0000002", "0141 9000");
    select(f, "6F52", "0000 0009 6F52 04 00 11*"); /* USIM/5F3B/4F52 */
    apdu(f, "A0F2000016", "0000 0000 7F20 02 *");
    apdu(f, "A0A40000026F40", "9404"); /* is DF.TELECOM's */
    apdu(f, "A0A40000024F52", "9404");
    apdu(f, "A0A40000026F06", "9404");
    select(f, "7F10", "*");
    select(f, "6F40", "0000 0038 6F40 04 00 11*");
    select(f, "7F10", "*");
}

static void test_binary(void **state)
{
    struct fixture *f = *state;
    apdu(f, "A0B000000A", "9400");
    select(f, "2FE2", "*");
    apdu(f, "A0B000000A", "98881201000000000001 9000");
    apdu(f, "A0B0000000", "670A");
    apdu(f, "A0B00000FF", "670A");
    apdu(f, "A0B0000002", "9888 9000");
    apdu(f, "A0B0000803", "6702");
    apdu(f, "A0B0000A01", "9402");
    apdu(f, "A0B0820001", "6B00"); /* no SFI in class A0 */
    apdu(f, "A0B0000001FF", "67*");
    apdu(f, "A0B201040A", "9408");
    apdu(f, "A0D6000001FF", "9804");
    select(f, "7F20", "*");
    apdu(f, "A0B0000001", "9400"); /* SELECT of a directory leaves no EF */
    select(f, "6F7E", "*");
    apdu(f, "A0B000000B", "9804");
    apdu(f, "A0D6000001FF", "9804");
    apdu(f, "A020000108" PIN1, "9000");
    apdu(f, "A0D6000401FF", "9000");
    apdu(f, "A0B000000B", "11223344FFF110123400 00 9000");
    apdu(f, "A0D6000A02FFFF", "6700");
    apdu(f, "A0D6000B01FF", "9402");
    apdu(f, "A0D6820001FF", "6B00");
    apdu(f, "A0D6000000", "6700");
    select(f, "6F07", "*");
    apdu(f, "A0D6000001FF", "9804"); /* ADM */
    apdu(f, "A020000A08" PUK1, "9000");
    apdu(f, "A0D60000010A", "9000");
    select(f, "6F3F", "*");
    apdu(f, "A0B0000002", "9810"); /* invalidated */
    fault_store_cut_at(f->store, 0);
    select(f, "6F7E", "*");
    apdu(f, "A0D600040100", "9240");
}

static void test_records(void **state)
{
    struct fixture *f = *state;
    apdu(f, "A020000108" PIN1, "9000");
    select(f, "7F10", "*");
    apdu(f, "A0B2010414", "9400");
    select(f, "6F3A", "*");
    apdu(f,
         "A0DC010414"
         "0101010101010101010101010101010101010101",
         "9000");
    apdu(f,
         "A0DC000214"
         "0202020202020202020202020202020202020202",
         "9000"); /* next, no pointer: the first */
    apdu(f,
         "A0DC000214"
         "0303030303030303030303030303030303030303",
         "9000");
    apdu(f, "A0B2010414", "02*");
    apdu(f, "A0B2000414", "03*"); /* the current one */
    apdu(f, "A0B2000314", "02*"); /* previous */
    apdu(f, "A0B2000314", "9402");
    apdu(f, "A0B2000200", "6714"); /* a wrong P3 does not move the pointer */
    apdu(f, "A0B2000215", "6714");
    apdu(f, "A0B2000210", "6714");
    apdu(f, "A0B2000214", "03*");
    apdu(f, "A0B2000214", "FF*");
    apdu(f, "A0B2000214", "9402");
    apdu(f, "A0B2040414", "9402");
    apdu(f, "A0B2010114", "6B00");
    apdu(f, "A0B2010514", "6B00");
    apdu(f, "A0B2010C14", "6B00");
    apdu(f, "A0B2010214", "6B00");
    apdu(f, "A0DC010402FFFF", "6700");
    apdu(f,
         "A0DC010C14"
         "0101010101010101010101010101010101010101",
         "6B00");
    apdu(f, "A0B0000001", "9408");
    /* 6.4.3, 8.1: cyclic, the pointer begins at the record written last */
    select(f, "7F20", "*");
    select(f, "6F39", "*");
    apdu(f, "A0B2000403", "000005 9000");
    apdu(f, "A0B2000203", "000003 9000");
    apdu(f, "A0B2000203", "000005 9000");
    apdu(f, "A0DC000303000007", "9000");
    apdu(f, "A0B2010403", "000007 9000");
    apdu(f, "A0B2020403", "000005 9000");
    apdu(f, "A0DC010403000007", "9408"); /* 8.6: PREVIOUS only */
}

/* 8.7 SEEK: records that start with the pattern. */
static void test_seek(void **state)
{
    struct fixture *f = *state;
    select(f, "7F10", "*");
    apdu(f, "A0A2000001FF", "9400");
    select(f, "6F3A", "*");
    apdu(f, "A0A2000001FF", "9804");
    apdu(f, "A020000108" PIN1, "9000");
    apdu(f,
         "A0DC010414"
         "4142434441424344414243444142434441424344",
         "9000");
    apdu(f,
         "A0DC030414"
         "4142444441424344414243444142434441424344",
         "9000");
    apdu(f, "A0A20000024142", "9000"); /* type 1, from the beginning */
    apdu(f, "A0B2000414", "41424344*");
    apdu(f, "A0A20012024142", "9F01"); /* type 2, from the next on */
    apdu(f, "A0C0000001", "03 9000");
    apdu(f, "A0A20012024142", "9404"); /* nor does it move the pointer */
    apdu(f, "A0B2000414", "41424444*");
    apdu(f, "A0A20013024142", "9F01"); /* back from the previous */
    apdu(f, "A0C0000001", "01 9000");
    apdu(f, "A0A20013024142", "9404");
    apdu(f, "A0A20011024142", "9F01"); /* back from the end */
    apdu(f, "A0C0000001", "03 9000");
    apdu(f, "A0A20010024142", "9F01");
    apdu(f, "A0C0000001", "01 9000");
    select(f, "6F3A", "*");
    apdu(f, "A0A20013024142", "9F01"); /* no pointer: the last */
    apdu(f, "A0C0000001", "03 9000");
    select(f, "6F3A", "*");
    apdu(f, "A0A20002024142", "9000"); /* the first */
    apdu(f, "A0B2000414", "41424344*");
    apdu(f, "A0A20010024243", "9404"); /* in the middle of a record: not SEEK's business */
    apdu(f, "A0A2001001FF", "9F01");
    apdu(f, "A0C0000001", "02 9000");
    apdu(f, "A0A2000015414243444142434441424344414243444142434455", "6700");
    apdu(f, "A0A2000000", "6700");
    apdu(f, "A0A2002001FF", "6B00");
    apdu(f, "A0A2000401FF", "6B00");
    apdu(f, "A0A2010001FF", "6B00");
    select(f, "7F20", "*");
    select(f, "6F7E", "*");
    apdu(f, "A0A2000001FF", "9408");
    select(f, "6F39", "*");
    apdu(f, "A0A200000100", "9408"); /* linear fixed only */
}

/* 8.8 INCREASE; 8.14, 8.15. */
static void test_increase_invalidate(void **state)
{
    struct fixture *f = *state;
    select(f, "7F20", "*");
    apdu(f, "A032000003000002", "9400");
    apdu(f, "A004000000", "9400");
    select(f, "6F39", "*");
    apdu(f, "A032000003000002", "9804");
    apdu(f, "A004000000", "9804");
    apdu(f, "A020000108" PIN1, "9000");
    apdu(f, "A032000003000002", "9F06");
    apdu(f, "A0C0000006", "000007 000002 9000");
    apdu(f, "A0B2010403", "000007 9000");
    apdu(f, "A0B2020403", "000005 9000");
    apdu(f, "A032000003FFFFFF", "9850");
    apdu(f, "A0B2010403", "000007 9000");
    apdu(f, "A0320000020002", "6703");
    apdu(f, "A032000103000002", "6B00");
    apdu(f, "A0320100030000 02", "6B00");
    apdu(f, "A044000000", "9810"); /* is not invalidated */
    apdu(f, "A004000000", "9000");
    apdu(f, "A004000000", "9810");
    apdu(f, "A032000003000002", "9810");
    apdu(f, "A0B2010403", "9810");
    apdu(f, "A0DC000303000002", "9810");
    select(f, "6F39", "0000 0006 6F39 04 40 111011 00 02 03 03 9000");
    apdu(f, "A044000000", "9000");
    apdu(f, "A0B2010403", "000007 9000");
    apdu(f, "A004000001", "6700");
    apdu(f, "A0040001", "6B00");
    apdu(f, "A0040100", "6B00");
    select(f, "6F7E", "*");
    apdu(f, "A032000003000002", "9408");
    select(f, "6F3E", "*");
    apdu(f, "A004000000", "9804");
    apdu(f, "A020000208" PIN2, "9000");
    apdu(f, "A004000000", "9000");
    fixture_restart(f);
    apdu(f, "A020000208" PIN2, "9000");
    apdu(f, "A020000A08" PUK1, "9000");
    select(f, "7F20", "*");
    select(f, "6F3E", "0000 0002 6F3E 04 00 22F042 00 02 00 00 9000");
    apdu(f, "A0A2000001FF", "9810");
    apdu(f, "A044000000", "9000");
    apdu(f, "A0B0000002", "0102 9000");
}

/* TS 102 222: what class 00 made, deleted or terminated is so in class A0. */
static void test_made_files(void **state)
{
    struct fixture *f = *state;
    apdu(f, "0020000A08" PUK1, "9000");
    apdu(f, "00A4000C027F20", "9000");
    apdu(f,
         "00E0000018"
         "6216 82024121 83026F74 8A0105 8B032F0601 80020004 8800",
         "6A89"); /* EF.BCCH is there */
    apdu(f,
         "00E0000018"
         "6216 82024121 83026FAE 8A0105 8B032F0601 80020004 8800",
         "9000");
    select(f, "7F20", "0000 0000 7F20 02 0000000000 09 31 01 0A *");
    select(f, "6FAE", "0000 0004 6FAE 04 00 04F044 01 02 00 00 9000");
    apdu(f, "A0D600000103", "9000");
    apdu(f,
         "00E400000"
         "26FAE",
         "9000");
    apdu(f, "A0B0000001", "9400");
    apdu(f, "A0A40000026FAE", "9404");
    select(f, "7F20", "0000 0000 7F20 02 0000000000 09 31 01 09 *");
}

static void test_chv(void **state)
{
    struct fixture *f = *state;
    select(f, "7F20", "*");
    select(f, "6F7E", "*");
    apdu(f, "A020000108" WRONG, "9804");
    apdu(f, "A0F2000016", "*8A838A9000");
    apdu(f, "A020000108" PIN1, "9000");
    apdu(f, "A0B0000001", "11 9000");
    apdu(f, "A020000108" WRONG, "9804"); /* takes away what a right one gave */
    apdu(f, "A0B0000001", "9804");
    apdu(f, "A028000108" PIN1, "9808"); /* is enabled */
    apdu(f, "A024000110" PIN1 "39393939FFFFFFFF", "9000");
    apdu(f,
         "A026000108"
         "39393939FFFFFFFF",
         "9000");
    apdu(f, "A0B0000001", "11 9000");
    apdu(f, "A020000108" PIN1, "9808"); /* is disabled */
    apdu(f, "A024000110" PIN1 PIN1, "9808");
    apdu(f, "A026000108" PIN1, "9808");
    apdu(f, "A028000108" PIN1, "9804");
    apdu(f,
         "A028000108"
         "39393939FFFFFFFF",
         "9000");
    apdu(f, "A020000108" WRONG, "9804");
    apdu(f, "A020000108" WRONG, "9804");
    apdu(f, "A020000108" WRONG, "9840"); /* no attempt left */
    apdu(f, "A020000108" PIN1, "9840");
    apdu(f, "A024000110" PIN1 PIN1, "9840");
    apdu(f, "A026000108" PIN1, "9840");
    apdu(f, "A02C000010" WRONG PIN1, "9804");
    apdu(f, "A02C000110" PUK1 PIN1, "6B00"); /* CHV1 is 00 here */
    apdu(f, "A02C000010" PUK1 PIN1, "9000");
    apdu(f, "A0B0000001", "11 9000");
    for (int i = 0; i < 9; i++)
        apdu(f, "A02C000010" WRONG PIN1, "9804");
    apdu(f, "A02C000010" WRONG PIN1, "9840");
    apdu(f, "A02C000010" PUK1 PIN1, "9840");
    /* CHV2 */
    select(f, "6F3E", "*");
    apdu(f, "A0B0000001", "9804");
    apdu(f, "A020000208" WRONG, "9804");
    apdu(f, "A020000208" PIN2, "9000");
    apdu(f, "A0B0000001", "01 9000");
    apdu(f, "A024000210" PIN2 PIN1, "9000");
    apdu(f, "A02C000210" PUK2 PIN2, "9000");
    apdu(f, "A026000208" PIN2, "6B00"); /* 8.11: CHV1 only */
    apdu(f, "A028000208" PIN2, "6B00");
    apdu(f, "A020000008" PIN1, "6B00");
    apdu(f, "A020000308" PIN1, "6B00");
    apdu(f, "A020010108" PIN1, "6B00");
    apdu(f,
         "A020000107"
         "31323334FFFFFF",
         "6708");
    apdu(f, "A020000100", "6708"); /* class A0 does not ask for the counter so */
    apdu(f, "A024000108" PIN1, "6710");
    apdu(f, "A024000210" PIN2 "31FFFFFFFFFFFFFF", "6F00"); /* no word for a CHV that is none */
    fixture_reset(f);
    select(f, "7F20", "*");
    select(f, "6F3E", "*");
    apdu(f, "A0B0000001", "9804");
}

/* CHV2 is the USIM's PIN2: one PIN, one session. */
static void test_chv2_is_pin2(void **state)
{
    struct fixture *f = *state;
    apdu(f, "A020000208" WRONG, "9804");
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9000");
    apdu(f, "0020008100", "63C2");
    apdu(f, "0020008108" PIN2, "9000");
    select(f, "3F00", "*");
    select(f, "7F20", "*");
    select(f, "6F3E", "*");
    apdu(f, "A0B0000001", "01 9000");
    apdu(f, "00A4044C07" USIM_AID_PREFIX, "9000"); /* the end of the application session */
    select(f, "7F20", "*");
    select(f, "6F3E", "*");
    apdu(f, "A0B0000001", "9804");
}

/* A profile with two applications, of which class A0 serves one. */
static int setup_usim(void **state)
{
    return fixture_setup_usim(state);
}

/* TS 51.011 9.4.4, 8.1: a SELECT that finds nothing leaves the application as it is; a CHV command has
 * left it, and its directory with it, even if it came to nothing. */
static void test_other_application(void **state)
{
    struct fixture *f = *state;
#define IMS "008800812210000102030405060708090A0B0C0D0E0F10000102030405060708090A0B0C0D0E0F00"
    exchange(f, "00A4040C07A0000000871004", "9000");
    exchange(f, IMS, "9862");
    apdu(f, "A0A40000026FEE", "9404");
    exchange(f, IMS, "9862"); /* the ISIM answers */
    exchange(f, "00A4000C026F02", "9000");
    apdu(f, "A020000308" PIN1, "6B00");
    exchange(f, IMS, "9862");
    apdu(f, "A020000108" PIN1, "9808");    /* is disabled */
    exchange(f, "00A4000C026F02", "6A82"); /* EF.IMPI is the ISIM's */
    exchange(f, "80F2000000", "62..8202....83023F00*");
    exchange(f, "00A4040C07A0000000871004", "9000");
    exchange(f, "00A4080C047F106F3A", "9000");
    apdu(f, "A020000108" PIN1, "9808");
    apdu(f, "A0F2000007", "00000000 7F10 02 9000"); /* a directory of the card's stays, and its file */
    exchange(f, "00B2010400", "FF*");
    exchange(f, "00A4040C07A0000000871004", "9000");
    apdu(f, "A0A40000023F00", "9F16");
    exchange(f, IMS, "6985");
#undef IMS
}

static void run(struct fixture *f, const char *get)
{
    struct profile_pair pair;
    struct aka_vector v;
    uint8_t rand[16], sres[4], kc[8];
    for (uint8_t i = 0; i < 16; i++)
        rand[i] = i;
    assert_true(personal_pair(f->crypto, &f->profile->p, span_of(f->seed, 16), FIXTURE_ICCID, 0, &pair));
    assert_true(aka_algorithm(pair.algorithm)->f2345(f->crypto, &pair.key, rand, &v));
    aka_gsm(&v, sres, kc);
    apdu(f, "A088000010000102030405060708090A0B0C0D0E0F", "9F0C");
    apdu(f, get, "*9000");
    assert_int_equal(f->response_len, 14);
    assert_memory_equal(f->response, sres, 4);
    assert_memory_equal(f->response + 4, kc, 8);
}

static void test_run_gsm(void **state)
{
    struct fixture *f = *state;
    select(f, "7F20", "*");
    apdu(f, "A088000010000102030405060708090A0B0C0D0E0F", "9804"); /* 8.16: CHV1 */
    apdu(f, "A020000108" PIN1, "9000");
    run(f, "A0C000000C");
    select(f, "5F70", "*");
    run(f, "A0C000000C");
    select(f, "3F00", "*");
    select(f, "7F10", "*");
    apdu(f, "A088000010000102030405060708090A0B0C0D0E0F", "9408"); /* 8.16: in DF.GSM or below */
    select(f, "3F00", "*");
    apdu(f, "A088000010000102030405060708090A0B0C0D0E0F", "9408");
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9000");
    apdu(f, "A088000010000102030405060708090A0B0C0D0E0F",
         "9408"); /* the ADF is not DF.GSM where there is one */
    apdu(f, "A0F2000016", "0000 0000 7FFF 02 *");
    apdu(f, "A0A40000026F07", "9404");
    select(f, "7F20", "*");
    apdu(f, "A088010010000102030405060708090A0B0C0D0E0F", "6B00");
    apdu(f, "A088000110000102030405060708090A0B0C0D0E0F", "6B00");
    apdu(f, "A08800000F000102030405060708090A0B0C0D0E", "6710");
    /* Kc is not for the trace */
    char kc[17];
    f->tracing = true;
    f->trace_len = 0;
    run(f, "A0C000000C");
    for (int i = 0; i < 8; i++)
        snprintf(kc + 2 * i, 3, "%02x", f->response[4 + i]);
    assert_null(strstr(f->trace, kc));
    f->trace_len = 0;
    apdu(f, "A020000108" PIN1, "9000");
    apdu(f, "A020000109" PIN1 "00", "6708");
    assert_null(strstr(f->trace, "31323334"));
}

static void test_get_response(void **state)
{
    struct fixture *f = *state;
    apdu(f, "A0C0000000", "6F00");       /* 9.2.18: nothing to get */
    apdu(f, "A0A40000023F0000", "9F16"); /* with Le */
    apdu(f, "A0C0000017", "6716");
    apdu(f, "A0C0000007", "00000000 3F00 01 9000"); /* less than there is: no 61xx here */
    apdu(f, "A0F2000001", "00 9000");
    apdu(f, "A0C0000001", "6F00"); /* another command drops what waited */
    apdu(f, "A0A40000023F00", "9F16");
    apdu(f, "A0C0000116", "00*"); /* P2 is not looked at */
    apdu(f, "A0C0010016", "6B00");
    apdu(f, "A0C0000002FFFF", "67*");
}

static void test_words(void **state)
{
    struct fixture *f = *state;
    apdu(f, "A0FE000000", "6D00");
    apdu(f, "A0A80000023F00", "6D00");
    apdu(f, "A1A40000023F00", "6E00");
    apdu(f, "A0FA000000", "9000"); /* SLEEP */
    apdu(f, "A0FA0000", "9000");
    apdu(f, "A0FA000001", "6700");
    apdu(f, "A0", "6700");
    apdu(f, "A0A400", "6700");
    /* class 00 keeps its own */
    apdu(f, "00A40004023F00", "61..");
    apdu(f, "00A40004026F99", "6A82");
    apdu(f, "00B0000001", "6986");
}

/* 3GPP TS 51.014 with TS 102 223's state machine: one toolkit, two classes. */
static void test_toolkit(void **state)
{
    struct fixture *f = *state;
    char script[128];
    struct fixture_por por;
    apdu(f, "A012000000", "6F00");
    apdu(f, "A01400000C810301010082028281830100", "6F00");
    apdu(f,
         "A0100000"
         "14FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
         "9000");
    apdu(f, "A0C2000002D100", "9000");
    apdu(f, "A0C2000002D602", "6F00");
    fixture_order("001010000000017", -1, NULL, script, sizeof script);
    const struct fixture_ota order = {0, 0x1619, "BFFF3B", script, 0};
    uint8_t command[261];
    size_t n = fixture_envelope(f, &order, command);
    command[0] = 0xA0;
    assert_int_equal(fixture_transmit(f, span_of(command, n), false) >> 8,
                     0x9F); /* the answer for the SMS-DELIVER-REPORT */
    uint8_t get[5] = {0xA0, 0xC0, 0, 0, f->response[1]};
    assert_int_equal(fixture_transmit(f, span_of(get, 5), false) >> 8, 0x91); /* then REFRESH */
    fixture_ota_raw(f, &order, span_of("\xA0\xC2\x00\x00\x02\xD1\x00", 7), &por);
    assert_int_equal(por.sw >> 8, 0x91);
    uint8_t fetch[5] = {0xA0, 0x12, 0, 0, (uint8_t)por.sw};
    apdu(f, "A012000001", "67..");
    assert_int_equal(f->response[1], fetch[4]);
    assert_int_equal(fixture_transmit(f, span_of(fetch, 5), false), 0x9000);
    assert_int_equal(f->response[0], 0xD0);
    apdu(f, "A01400000C810301010482028281830100", "9000");
    /* the change reached DF.GSM's own files and the USIM's */
    apdu(f, "A020000108" PIN1, "9000");
    select(f, "7F20", "*");
    select(f, "6F07", "*");
    apdu(f, "A0B0000009", "080910100000000071 9000");
    select(f, "6F7E", "*");
    apdu(f, "A0B000000B", "FFFFFFFFFFFFFFFFFEFF01 9000");
    select(f, "6F20", "*");
    apdu(f, "A0B0000009", "FFFFFFFFFFFFFFFF07 9000");
    select(f, "6F74", "*");
    apdu(f, "A0B0000002", "FFFF 9000");
    select(f, "6F52", "*"); /* the USIM's DF.GSM-ACCESS */
    apdu(f, "A0B0000009", "FFFFFFFFFFFFFFFF07 9000");
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9000");
    exchange(f, "00A4000C026F07", "9000");
    apdu(f, "00B0000009", "080910100000000071 9000");
}

/* Class A0 in a remote script: its words, its files, and no way out of the application it was sent to. */
static void test_remote(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *tar, *script, *answer; /* of the script: commands executed, last status word, last data */
    } steps[] = {
        {"B00000", "A0A40000023F00", "019F16"},
        {"B00000", "A0A40000023F00A0C0000007", "02900000000000 3F00 01"},
        {"B00000", "A0A40000027F20A0A40000026F07A0B0000009", "039000080910101032547608"},
        {"B00000", "A0A40000027F20A0A40000026F46",
         "029404"}, /* a file of the USIM, from a script for the MF */
        {"B00001", "A0A40000027F20A0A40000026F46A0B0000002", "0390000141"},
        {"B00001", "A0A40000026F99A0FA000000", "019404"},
        {"B00000", "A0A40000022FE2A0D6000001FF", "029804"},
        {"B00000", "A0FA000000", "016D00"},
        {"B00000", "A020000108" PIN1, "016D00"},
        {"B00000", "A0A40000022FE2A0B2010401", "029408"},
        {"B00000", "00A40004027F2000A40004026F07", "026120"},
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct fixture_por por;
        uint8_t octets[64];
        struct buf want = buf_of(octets, sizeof octets);
        for (const char *p = steps[i].answer; *p != '\0'; p += 2) {
            unsigned octet;
            p += *p == ' ';
            sscanf(p, "%2x", &octet);
            buf_u8(&want, (uint8_t)octet);
        }
        fixture_ota(f, &(struct fixture_ota){0, 0x1619, steps[i].tar, steps[i].script, 0}, &por);
        if (por.n < want.len || (i < 10 && por.n != want.len) ||
            memcmp(por.data, octets, i < 10 ? want.len : 2) != 0)
            fail_msg("script %zu: %zu octets %02x %02x%02x", i, por.n, por.data[0], por.data[1], por.data[2]);
    }
}

/* A SIM and nothing else: CHV2 is key reference 02. */
static void test_sim(void **state)
{
    struct fixture *f = *state;
    select(f, "3F00", "0000 0000 3F00 01 0000000000 09 31 02 02 05 00 83 8A 83 8A 9000");
    select(f, "7F20", "0000 0000 7F20 02 0000000000 09 31 01 07 05 *");
    apdu(f, "A0A40000026F46", "9404");
    select(f, "6F3E", "0000 0002 6F3E 04 00 22F042 *");
    apdu(f, "A0B0000001", "9804");
    apdu(f, "A020000208" PIN2, "9000");
    apdu(f, "A0B0000001", "01 9000");
    apdu(f, "A088000010000102030405060708090A0B0C0D0E0F", "9804");
    apdu(f, "A020000108" PIN1, "9000");
    run(f, "A0C000000C");
}

/* The built-in profile has neither DF.GSM nor DF.TELECOM. What srsUE and pySim's old tools read is there
 * nevertheless. */
static void test_virtual(void **state)
{
    struct fixture *f = *state;
    select(f, "3F00", "0000 0000 3F00 01 0000000000 09 B1 02 .. 05 00 83 8A 83 8A 9000");
    select(f, "2FE2", "*");
    apdu(f, "A0B000000A", "98881201000000000001 9000");
    select(f, "7F20", "0000 0000 7F20 02 0000000000 09 B1 00 .. 05 *");
    select(f, "6F07", "0000 0009 6F07 04 00 14*");
    apdu(f, "A0B0000009", "080910101032547608 9000");
    select(f, "6F7E", "*");
    select(f, "6F20", "0000 0009 6F20 04 *");
    apdu(f, "A0B0000009", "FFFFFFFFFFFFFFFF07 9000");
    apdu(f,
         "A0D6000009"
         "112233445566778800",
         "9000");
    select(f, "6F53", "0000 000E 6F53 04 *");
    select(f, "6FAD", "*");
    apdu(f, "A0B0000004", "00000002 9000");
    apdu(f, "A0A40000026F38", "9404"); /* EF.UST is no EF.SST */
    apdu(f, "A0A40000026F08", "9404");
    apdu(f, "A0A40000026F3C", "9404");
    apdu(f, "A0F2000016", "0000 0000 7F20 02 *");
    run(f, "A0C000000C");
    select(f, "7F10", "0000 0000 7F10 02 0000000000 09 B1 00 05 05 *");
    select(f, "6F3C", "0000 0370 6F3C 04 00 11F044 01 02 01 B0 9000");
    apdu(f, "A0A40000026F07", "9404");
    apdu(f, "A088000010000102030405060708090A0B0C0D0E0F", "9408");
    apdu(f, "A0F2000016", "0000 0000 7F10 02 *");
    select(f, "7F20", "*");
    select(f, "7F10", "*");
    select(f, "3F00", "*");
    apdu(f, "A0A40000026F07", "9404");
    /* the same file by class 00 */
    exchange(f, "00A40804067FFF5F3B4F20", "62*");
    exchange(f, "00B0000009", "112233445566778800 9000");
    run(f, "A0C000000C"); /* below what is DF.GSM in class A0 */
    apdu(f, "A0A40000027F20", "9404");
    exchange(f, "00A4000C027FFF", "9000");
    run(f, "A0C000000C"); /* the ADF, however it was selected */
    select(f, "6F07", "*");
}

/* Class A0 leaves whatever application was selected, and its files. */
static void test_other_applet(void **state)
{
    struct fixture *f = *state;
    exchange(f,
             "00A4040C"
             "0BF0736F6674756963630101",
             "9*");
    exchange(f, "80CAE30000", "6982");
    select(f, "7F20", "*");
    exchange(f, "80CAE30000", "6D00");
    exchange(f, "00A40004027FFF", "62*"); /* it is the USIM that is active now */
}

/* Without the applet there is no class A0. */
static void test_none(void **state)
{
    struct fixture *f = *state;
    apdu(f, "A0A40000023F00", "6E00");
    apdu(f, "A0C0000016", "6E00");
    apdu(f, "00A40004023F00", "61..");
    /* and a change of subscription reaches DF.GSM all the same */
    char script[128];
    struct fixture_por por;
    fixture_order("001010000000017", -1, NULL, script, sizeof script);
    fixture_ota(f, &(struct fixture_ota){0, 0x1619, "BFFF3B", script, 0}, &por);
    apdu(f, "0020000108" PIN1, "9000");
    exchange(f, "00A40804047F206F07", "62*");
    apdu(f, "00B0000009", "080910100000000071 9000");
}

int main(void)
{
#define T(name, setup) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_select_df, setup),    T(test_select_ef, setup),
        T(test_reach, setup),        T(test_binary, setup),
        T(test_records, setup),      T(test_chv, setup),
        T(test_seek, setup),         T(test_increase_invalidate, setup),
        T(test_made_files, setup),   T(test_chv2_is_pin2, setup),
        T(test_run_gsm, setup),      T(test_get_response, setup),
        T(test_words, setup),        T(test_toolkit, setup),
        T(test_remote, setup),       T(test_sim, setup_sim),
        T(test_virtual, setup_test), T(test_other_applet, setup_test),
        T(test_none, setup_none),    T(test_other_application, setup_usim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
