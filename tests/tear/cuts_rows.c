/* SPDX-License-Identifier: Apache-2.0
 *
 * What test_cuts has cards do: a line for every command that writes.
 */
#include "auth_profile.h"
#include "cuts.h"

#define ADM      "0020000A083132333435363738 "
#define USIM     "00A4040C07A0000000871002 "
#define MF       "00A4000C023F00 "
#define TERMINAL "8010000014FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF "
#define PIN(x)   "313233" x "FFFFFFFF"
#define CYCLIC                                                                                               \
    "00E0000029"                                                                                             \
    "62278205462100030483026F978A0105AB1080017F9000840132A40683010A9501088002000C880198 "
#define MADE                                                                                                 \
    "00E0000019"                                                                                             \
    "62178202412183026F998A01058B032F060280020010880108 "
#define BER                                                                                                  \
    "00E000001B"                                                                                             \
    "62198202392183026F968A0105AB0580017F900080020200880190 "
#define LONG                                                                                                 \
    "00E000001B"                                                                                             \
    "62198202412183026F958A0105AB0580017F9000800210008801A0 "
#define LONG_RECORDS                                                                                         \
    "00E0000029"                                                                                             \
    "6227820542210008FA83026F948A0105AB1080017F9000840132A40683010A950108800207D08801A8 "
#define LONG_CYCLIC                                                                                          \
    "00E0000029"                                                                                             \
    "6227820546210008FA83026F938A0105AB1080017F9000840132A40683010A950108800207D08801B0 "
#define RFM "B00001:"
#define NEXT_ORDER                                                                                           \
    "ota:0:BFFF3B:80e29000"                                                                                  \
    "0DE10B8109"                                                                                             \
    "080910200000000010"                                                                                     \
    "00C0000000 "
#define TRIAL_ORDER(policy)                                                                                  \
    "ota:0:BFFF3B:80e29000"                                                                                  \
    "13E1118109"                                                                                             \
    "080910200000000010"                                                                                     \
    "8404" policy "00C0000000 "
#define STATUS_POLL "80F2000C00 "

static void open_gba(struct fixture *f);
static void open_consent(struct fixture *f);
static void open_end(struct fixture *f);
static void open_usim(struct fixture *f);

/* Remote application management, by an operator's keyset: an application and a security domain of the
 * packages that every card has. */
#define RAM         "ota:0:000000:"
#define APPLICATION "07F0736F66740201"
#define DOMAIN      "07F0736F66740101"
#define INSTALL_APPLICATION                                                                                  \
    RAM "80E60C0021"                                                                                         \
        "08A00000015141434C"                                                                                 \
        "09A00000015141434C4D" APPLICATION "0100"                                                            \
        "02C900"                                                                                             \
        "00 "
#define INSTALL_DOMAIN                                                                                       \
    RAM "80E60C002F"                                                                                         \
        "07A0000001515350"                                                                                   \
        "08A000000151535041" DOMAIN "03804000"                                                               \
        "10EA0E800CFF0000000002011603B20201"                                                                 \
        "00 "

const struct row cut_rows[] = {
    {"UPDATE BINARY", "", USIM ADM "00A4000C026F46", "00D600000401020304", 0, NULL},
    {"UPDATE BINARY, whole file", "", USIM ADM "00A4000C026F46",
     "00D60000110102030405060708090A0B0C0D0E0F1011", 0, NULL},
    {"UPDATE RECORD", "", USIM ADM "00A4000C026FC6",
     "00DC010408"
     "0102030405060708",
     0, NULL},
    {"UPDATE RECORD, cyclic", ADM CYCLIC, MF "00A4000C026F97", "00DC000303A1A2A3", ONCE, NULL},
    {"UPDATE BINARY, a long file", ADM LONG, MF ADM "00A4000C026F95", "00D600000401020304", 0, NULL},
    {"UPDATE RECORD, a long file", ADM LONG_RECORDS, MF ADM "00A4000C026F94",
     "00DC010408"
     "0102030405060708",
     0, NULL},
    {"UPDATE RECORD, cyclic, a long file", ADM LONG_CYCLIC, MF ADM "00A4000C026F93",
     "00DC000308"
     "0102030405060708",
     ONCE, NULL},
    {"INCREASE, a long file", ADM LONG_CYCLIC "00DC0003080000000000000000", MF ADM "00A4000C026F93",
     "8032000003000001", ONCE, NULL},
    {"INCREASE", ADM CYCLIC "00DC000303000000", MF ADM "00A4000C026F97", "8032000003000001", ONCE, NULL},
    {"VERIFY PIN, right", "", USIM,
     "0020008108"
     "35363738FFFFFFFF",
     TRIES, NULL},
    {"VERIFY PIN, wrong", "", USIM,
     "0020008108"
     "35363739FFFFFFFF",
     0, NULL},
    {"VERIFY PIN, right at the last try",
     USIM "0020008108"
          "35363739FFFFFFFF 0020008108"
          "35363739FFFFFFFF",
     USIM,
     "0020008108"
     "35363738FFFFFFFF",
     TRIES, NULL},
    {"VERIFY PIN, wrong at the last try",
     USIM "0020008108"
          "35363739FFFFFFFF 0020008108"
          "35363739FFFFFFFF",
     USIM,
     "0020008108"
     "35363739FFFFFFFF",
     0, NULL},
    {"CHANGE PIN, right", "", USIM,
     "0024008110"
     "35363738FFFFFFFF"
     "31313131FFFFFFFF",
     TRIES | ONCE, NULL},
    {"CHANGE PIN, wrong", "", USIM,
     "0024008110"
     "35363739FFFFFFFF"
     "31313131FFFFFFFF",
     0, NULL},
    {"ENABLE PIN, right", "", USIM,
     "0028000108"
     "31323334FFFFFFFF",
     TRIES, NULL},
    {"ENABLE PIN, wrong", "", USIM,
     "0028000108"
     "31323335FFFFFFFF",
     0, NULL},
    {"DISABLE PIN, right",
     "0028000108"
     "31323334FFFFFFFF",
     USIM,
     "0026000108"
     "31323334FFFFFFFF",
     TRIES, NULL},
    {"DISABLE PIN, wrong",
     "0028000108"
     "31323334FFFFFFFF",
     USIM,
     "0026000108"
     "31323335FFFFFFFF",
     0, NULL},
    {"UNBLOCK PIN, right", "", USIM,
     "002C008110"
     "3837363534333231"
     "31313131FFFFFFFF",
     TRIES, NULL},
    {"UNBLOCK PIN, wrong", "", USIM,
     "002C008110"
     "3837363534333232"
     "31313131FFFFFFFF",
     0, NULL},
    {"VERIFY CHV", "", MF,
     "A020000208"
     "35363738FFFFFFFF",
     TRIES, NULL},
    {"VERIFY CHV, wrong", "", MF,
     "A020000208"
     "35363739FFFFFFFF",
     0, NULL},
    {"CHANGE CHV", "", MF,
     "A024000210"
     "35363738FFFFFFFF"
     "31313131FFFFFFFF",
     TRIES | ONCE, NULL},
    {"ENABLE CHV", "", MF,
     "A028000108"
     "31323334FFFFFFFF",
     TRIES, NULL},
    {"UNBLOCK CHV", "", MF,
     "A02C000210"
     "3837363534333231"
     "31313131FFFFFFFF",
     TRIES, NULL},
    {"UPDATE BINARY (class A0)", "", MF "A020000A083132333435363738 A0A40000027F20 A0A40000026F46",
     "A0D600000401020304", 0, NULL},
    {"INVALIDATE", "", MF "A020000A083132333435363738 A0A40000027F20 A0A40000026F46", "A004000000", 0, NULL},
    {"REHABILITATE", USIM ADM "00A4000C026F46 0004000000",
     MF "A020000A083132333435363738 A0A40000027F20 A0A40000026F46", "A044000000", 0, NULL},
    {"DEACTIVATE FILE", "", USIM ADM "00A4000C026F46", "0004000000", 0, NULL},
    {"ACTIVATE FILE", USIM ADM "00A4000C026F46 0004000000", USIM ADM "00A4000C026F46", "0044000000", 0, NULL},
    {"CREATE FILE (EF)", "", MF ADM, MADE, 0, NULL},
    {"CREATE FILE (EF), with contents", "", MF ADM,
     "00E000001F"
     "621D8202412183026F818A01058B032F060280020008A505C203A1A2A38800",
     0, NULL},
    {"CREATE FILE (cyclic)", "", MF ADM, CYCLIC, 0, NULL},
    {"CREATE FILE (DF)", "", MF ADM,
     "00E000001D"
     "621B8202782183025F008A01058B032F0607C609900140830101830181",
     0, NULL},
    {"CREATE FILE, the second", ADM MADE, MF ADM, CYCLIC, 0, NULL},
    {"DELETE FILE", ADM MADE CYCLIC, MF ADM,
     "00E4000002"
     "6F99",
     0, NULL},
    {"DELETE FILE, of the profile", "", MF USIM ADM,
     "00E4000002"
     "6F46",
     0, NULL},
    {"DELETE FILE (DF and what is in it)",
     ADM "00E000001D621B8202782183025F008A01058B032F0607C609900140830101830181 " MADE, MF ADM,
     "00E4000002"
     "5F00",
     0, NULL},
    {"RESIZE FILE", ADM MADE, MF ADM,
     "80D400000B"
     "620983026F998002"
     "0020C0",
     0, NULL},
    {"TERMINATE EF",
     ADM "00E000001A"
         "62188202412183026FA08A0105AB0580017F9000800200018800",
     MF "00A4000C026FA0", "00E8000000", 0, NULL},
    {"TERMINATE DF",
     ADM "00E0000014"
         "62128202782183025F008A0105AB0580017F9000",
     MF "00A4000C025F00", "00E6000000", 0, NULL},
    {"TERMINATE CARD USAGE", "", MF ADM, "00FE000000", ONCE, open_end},
    {"SET DATA", ADM BER, MF ADM "00A4000C026F96",
     "80DB008005"
     "8003010203",
     0, NULL},
    {"SET DATA, in parts", ADM BER, MF ADM "00A4000C026F96",
     "80DB008004"
     "80040102 80DB000002"
     "0304",
     0, NULL},
    {"SET DATA, deletes",
     ADM BER "80DB008005"
             "8003010203 80DB0080058103010203",
     MF ADM "00A4000C026F96",
     "80DB008001"
     "80",
     0, NULL},
    {"SUSPEND UICC", "", MF,
     "8076000004"
     "00010401",
     ONCE, NULL},
    {"SUSPEND UICC, ended by another command",
     MF "8076000004"
        "00010401",
     "", "00A4000C023F00", 0, NULL},
    {"SUSPEND UICC, resumed in vain",
     MF "8076000004"
        "00010401",
     "",
     "8076010008"
     "0000000000000000",
     ONCE, NULL},
    {"AUTHENTICATE", "auth:0:320", USIM, "auth:0:640", 0, NULL},
    {"AUTHENTICATE, the first", "", USIM, "auth:0:32", 0, NULL},
    {"AUTHENTICATE, resynchronisation", "auth:0:640", USIM, "auth:0:32", 0, NULL},
    {"AUTHENTICATE, wrong MAC", "", USIM, "auth:1:32", 0, NULL},
    {"AUTHENTICATE (GBA)", "", USIM,
     "0088008423"
     "DD1023553CBE9637A89D218AE64DAE47BF351055F328B43577B9B98C7F3F0D723FB244",
     ONCE, open_gba},
    {"AUTHENTICATE (GBA), NAF",
     USIM "0088008423"
          "DD1023553CBE9637A89D218AE64DAE47BF351055F328B43577B9B98C7F3F0D723FB244",
     USIM,
     "0088008448"
     "DE146E61662E6578616D706C652E6F7267010000000131"
     "30303130313031323334353637383040696D732E6D6E633030312E6D63633030312E336770706E6574776F726B2E6F7267",
     0, open_gba},
    {"RUN GSM ALGORITHM", "", MF "A0A40000027F20",
     "A088000010"
     "00112233445566778899AABBCCDDEEFF",
     0, NULL},
    {"remote file management", "", TERMINAL, "ota:0:" RFM "00A4000C026F7800D60000020004 ", 0, NULL},
    {"remote file management, two updates", "", TERMINAL,
     "ota:0:" RFM "00A4000C026F7800D6000002000400A4000C026F4600D60000020102 ", STEPS, NULL},
    {"remote file management, expanded", "", TERMINAL,
     "ota:0:" RFM "AE80220700A4000C026F78220700D600000200040000 ", 0, NULL},
    {"remote file management, chained", "", TERMINAL,
     "ota:0:" RFM "AA0A830111220500A4000C02 ota:0:" RFM "AA0C830111220700A4000C026F78 ota:0:" RFM
     "AA0A830103220700D6000002000422 ",
     STEPS | ONCE, NULL},
    {"remote PIN, wrong", "", TERMINAL, "ota:0:B00000:0020000A083132333435363739 ", 0, NULL},
    {"a message that says what was said", "ota:0:" RFM "00A4000C026F78", TERMINAL,
     "ota:0!:" RFM "00A4000C026F78", 0, NULL},
    {"a packet in parts", "", TERMINAL,
     "ota:0:" RFM "00A4000C026FE400DC010436"
     "A034800107812000112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF8204000000018304000000018"
     "401"
     "0100A4000C026F6100D6000028"
     "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F2021222324252627 ",
     STEPS, NULL},
    {"change order", "auth:0:320", TERMINAL, NEXT_ORDER, 0, NULL},
    {"change order, without a trial", "", TERMINAL,
     "ota:0:BFFF3B:80e290000FE10D8109"
     "080910200000000010"
     "8400"
     "00C0000000 ",
     ONCE, NULL},
    {"change order, with files", "", TERMINAL,
     "ota:0:BFFF3B:80e2900032E1308109"
     "080910200000000010"
     "840402000000A51DA60C91047FFF6F469304014E6577A60D91047FFF6F789202000193011000C0000000 ",
     0, NULL},
    {"change order, refused", "", TERMINAL,
     "ota:0:BFFF3B:80e2900010E10E8001078109"
     "080910200000000010"
     "00C0000000 ",
     ONCE, NULL},
    {"change order, staged", "", TERMINAL,
     "ota:0:BFFF3B:80e2900010E10E8109"
     "080910200000000010"
     "820177"
     "00C0000000 ",
     ONCE, open_consent},
    {"change order, consented to",
     TERMINAL "ota:0:BFFF3B:80e2900010E10E8109"
              "080910200000000010"
              "820177"
              "00C0000000 ",
     TERMINAL,
     "ota:c0:BFFF3B:80e2900010E10E8109"
     "080910200000000010"
     "820177"
     "00C0000000 ",
     ONCE, open_consent},
    {"a trial confirmed", TERMINAL NEXT_ORDER, USIM, "auth:1:32", ONCE, NULL},
    {"a trial's power-up", TERMINAL TRIAL_ORDER("03000000"), "", "reset", ONCE, NULL},
    {"a trial's last power-up", TERMINAL TRIAL_ORDER("04000000") "reset reset", "", "reset", ONCE | STEPS,
     NULL},
    {"a trial's poll", TERMINAL TRIAL_ORDER("00040000") "reset", TERMINAL, STATUS_POLL, ONCE, NULL},
    {"a trial's last poll", TERMINAL TRIAL_ORDER("00020000") "reset " TERMINAL STATUS_POLL, TERMINAL,
     STATUS_POLL, ONCE | STEPS, NULL},
    {"a trial's failed authentication", TERMINAL TRIAL_ORDER("00000200") "reset", USIM, "auth:0:32", ONCE,
     NULL},
    {"a trial's lost network", TERMINAL TRIAL_ORDER("00000002") "reset",
     TERMINAL "801200000E 801400000C810301050082028281830100", "80C200000CD60A190103820282811B0102", ONCE,
     NULL},
    {"suspension", "", TERMINAL, "ota:0:BFFF3B:80e2900003C60101 ", ONCE, NULL},
    {"PUT KEY (OTA keyset)", "", TERMINAL, "keyset", ONCE | KEYS, NULL},
    {"PUT KEY (K, OPc)", "auth:0:4096", TERMINAL, "subscriber", ONCE | KEYS, NULL},
    {"TERMINAL PROFILE", "", MF, TERMINAL, 0, NULL},
    {"FETCH and TERMINAL RESPONSE", "",
     TERMINAL "ota:0:BFFF3B:80e290000FE10D8109"
              "080910200000000010"
              "8400"
              "00C0000000",
     "801200000B 801400000C810301010482028281830100", ONCE, NULL},
    {"INSTALL", "", TERMINAL, INSTALL_APPLICATION, ONCE, open_usim},
    {"INSTALL (security domain)", "", TERMINAL, INSTALL_DOMAIN, 0, open_usim},
    {"INSTALL, the second", INSTALL_DOMAIN, TERMINAL, INSTALL_APPLICATION, ONCE, open_usim},
    {"INSTALL (for extradition)", INSTALL_DOMAIN INSTALL_APPLICATION, TERMINAL,
     RAM "80E6100014" DOMAIN "00" APPLICATION "00"
         "00"
         "00 ",
     0, open_usim},
    {"SET STATUS (application locked)", INSTALL_APPLICATION, TERMINAL,
     RAM "80F0408007"
         "F0736F66740201 ",
     0, open_usim},
    {"SET STATUS (application unlocked)",
     INSTALL_APPLICATION RAM "80F0408007"
                             "F0736F66740201",
     TERMINAL,
     RAM "80F0400707"
         "F0736F66740201 ",
     0, open_usim},
    {"SET STATUS (card locked)", "", TERMINAL, RAM "80F0807F00 ", ONCE, open_usim},
    {"DELETE (application)", INSTALL_DOMAIN INSTALL_APPLICATION, TERMINAL,
     RAM "80E4000009"
         "4F07F0736F66740201 ",
     0, open_usim},
    {"DELETE (security domain)", INSTALL_DOMAIN INSTALL_APPLICATION, TERMINAL,
     RAM "80E4000009"
         "4F07F0736F66740101 ",
     0, open_usim},
    {"MANAGE CHANNEL", "", MF, "0070000001 01A4000C023F00 0070800100", 0, NULL},
};
const size_t cut_rows_n = sizeof cut_rows / sizeof cut_rows[0];

static void open_gba(struct fixture *f)
{
    static const uint8_t ust[] = {27, 38, 68, 0}, ist[] = {2, 0};
    auth_open(f, &(struct auth_profile){.ust = ust, .ist = ist});
}

static void open_consent(struct fixture *f)
{
    fixture_open_text(
        f, "format: 1\nname: consent\ninclude: test\napplets:\n  - {class: subscription, params: C00101}\n"
           "keysets:\n  - ota:\n      version: 9\n      kic: {algorithm: aes, bits: 128, key: derived}\n"
           "      kid: {algorithm: aes, bits: 128, key: derived}\n      kik: {bits: 128, key: derived}\n    "
           "rights: [remote-change]\n");
}

static void open_usim(struct fixture *f)
{
    fixture_open(f, "usim");
}

static void open_end(struct fixture *f)
{
    fixture_open_text(f, "format: 1\nname: end\ninclude: test\naccess:\n  - {name: directory, terminate: "
                         "adm1, create-ef: adm1}\n");
}
