/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decode.h"
#include "decode_text.h"
#include "hex.h"

static uint8_t octets[1024];
static char text[DECODE_ROOM], json[DECODE_ROOM];

static struct span from_hex(const char *hex)
{
    struct buf b = buf_of(octets, sizeof octets);
    assert_true(hex_parse(hex, &b, NULL));
    return buf_span(&b);
}

struct example {
    enum decode_place place;
    uint16_t fid;
    const char *content, *text, *json; /* json NULL: not compared */
};

#define FF8 "FFFFFFFFFFFFFFFF"
#define KEY "00112233445566778899AABBCCDDEEFF"

static const struct example examples[] = {
    {PLACE_MF, 0x2FE2, "98001010000000000091",
     "8900010100000000001"
     "9",
     "{\"ICCID\": \"89000101000000000019\"}"},
    {PLACE_MF, 0x2F00, "61184F10A0000000871002FFFFFFFF890709000050045553494DFFFF",
     "AID A0000000871002FFFFFFFF8907090000, label USIM",
     "{\"AID\": \"A0000000871002FFFFFFFF8907090000\", \"label\": \"USIM\"}"},
    {PLACE_MF, 0x2F00, "61104F07A0000000871002500580004200FC", "AID A0000000871002, label B\u00FC", NULL},
    {PLACE_MF, 0x2F05, "656E6465FFFF", "en, de", "{\"languages\": [\"en\", \"de\"]}"},
    {PLACE_MF, 0x2F06,
     "80010190008002"
     "4A"
     "A406830101950108",
     NULL, NULL}, /* cut: see rules below */
    {PLACE_MF, 0x2F08, "3CFF000000", "maximum current 60 mA, time-out none", NULL},
    {PLACE_USIM, 0x6F07, "080910101032547698", "001010123456789", "{\"IMSI\": \"001010123456789\"}"},
    {PLACE_USIM, 0x6F08, "07" FF8 FF8 FF8 FF8, "KSI 7, CK absent, IK absent",
     "{\"KSI\": 7, \"CK\": false, \"IK\": false}"},
    {PLACE_USIM, 0x6F09, "02" KEY KEY, "KSI 2, CK present, IK present", NULL},
    {PLACE_USIM, 0x6F60, "00F110C080FFFFFF000013008408000000000000",
     "001/01 UTRAN+E-UTRAN+GSM, 310/480 NG-RAN, 000/000", NULL},
    {PLACE_USIM, 0x6F60, "00F1100300", "001/01 satellite E-UTRAN (WB-S1)+satellite E-UTRAN (NB-S1)", NULL},
    {PLACE_USIM, 0x6F60, "00F110FFFF",
     "001/01 UTRAN+E-UTRAN+NG-RAN+satellite NG-RAN+satellite E-UTRAN (WB-S1)+satellite E-UTRAN (NB-S1)+GSM+"
     "GSM COMPACT+cdma2000 HRPD+cdma2000 1xRTT",
     NULL},
    {PLACE_USIM, 0x6F31, "50", "480 min", NULL},
    {PLACE_USIM, 0x6F31, "51", "default", NULL},
    {PLACE_USIM, 0x6F31, "05", "30 min", "{\"period\": \"30 min\"}"},
    {PLACE_USIM, 0x6F31, "00", "no search", NULL},
    {PLACE_USIM, 0x6F38, "0106",
     "1 local phone book, 10 short message storage, 11 short message status reports",
     "{\"services\": [{\"number\": 1, \"name\": \"local phone book\"}, {\"number\": 10, \"name\": \"short "
     "message "
     "storage\"}, {\"number\": 11, \"name\": \"short message status reports\"}]}"},
    {PLACE_USIM, 0x6F3E, "0A0BFFFF", "0A0B", NULL},
    {PLACE_USIM, 0x6F46, "01736F667475696363FFFF", "softuicc, network name required at home",
     "{\"name\": \"softuicc\", \"network_name_required_at_home\": true, \"name_not_required_abroad\": "
     "false}"},
    {PLACE_USIM, 0x6F45, "03E8FFFF0001", "1000, 1", "{\"messages\": [1000, 1]}"},
    {PLACE_USIM, 0x6F50, "03E803EAFFFFFFFF", "1000-1002", NULL},
    {PLACE_USIM, 0x6F78, "8401", "access class 0, 15", "{\"access_classes\": [0, 15]}"},
    {PLACE_USIM, 0x6F78, "0000", "access class none", NULL},
    {PLACE_USIM, 0x6F7B, "00F110FFFFFF130014", "001/01, 310/410",
     "{\"networks\": [\"001/01\", \"310/410\"]}"},
    {PLACE_USIM, 0x6F7E, "0102030400F1101234FF00", "TMSI 01020304, PLMN 001/01, LAC 1234, updated", NULL},
    {PLACE_USIM, 0x6F7E, "FFFFFFFFFFFFFFFFFEFF01", "TMSI none, PLMN none, LAC FFFE, not updated", NULL},
    {PLACE_USIM, 0x6FAD, "00000002", "normal operation, MNC digits 2", NULL},
    {PLACE_USIM, 0x6FAD, "01000102", "normal operation and specific facilities, ciphering indicator, MNC digits 2", NULL},
    {PLACE_USIM, 0x6FAD, "02000102", "maintenance, MNC digits 2", NULL},
    {PLACE_USIM, 0x6FB7, "11F2FF456D657267656E6379FF00", "112, Emergency, any service",
     "{\"number\": \"112\", \"name\": \"Emergency\", \"categories\": []}"},
    {PLACE_USIM, 0x6FB7, "11F0FF03", "110, police, ambulance", NULL},
    {PLACE_USIM, 0x6F73, "FFFFFFFFFFFFFF00F110000105FF", NULL, NULL},
    {PLACE_USIM, 0x6F73, "FFFFFFFFFFFFFF00F11000010501",
     "P-TMSI none, signature none, PLMN 001/01, LAC 0001, RAC 05, not "
     "updated",
     NULL},
    {PLACE_USIM, 0x6F40, "4D79206E756D62657207915155052143F5FFFFFFFFFFFF", "My number, +15555012345", NULL},
    {PLACE_USIM, 0x6F3B,
     "80004200FC"
     "038121F3FFFFFFFFFFFFFFFFFF02",
     "B\xC3\xBC, 123, extension record 2", NULL},
    {PLACE_USIM, 0x6F3C,
     "03079194710600403404"
     "0B9194711122334400007110101202900006"
     "C8329BFD0E01",
     "received, to be read, service centre +491760000443, from +49171122334, length 6", NULL},
    {PLACE_USIM, 0x6F3C, "00FFFF", "free", NULL},
    {PLACE_USIM, 0x6F42, "534D5343E1FFFFFFFFFFFFFFFFFFFFFFFF07910001010000F1FFFFFFFF0000A7",
     "SMSC, service centre +00101000001, PID 00, DCS 00, validity 1440 min", NULL},
    {PLACE_USIM, 0x6F43, "05FE", "last reference 5, memory full", NULL},
    {PLACE_USIM, 0x6F47, "03AABB", "report on record 3", NULL},
    {PLACE_USIM, 0x6F4B, "0202214300000000000000000004", "x", NULL},
    {PLACE_USIM, 0x6F4B, "02022143FFFFFFFFFFFFFFFF04", "more digits 1234, next record 4", NULL},
    {PLACE_USIM, 0x6F4B, "00022143FFFFFFFFFFFFFFFFFF", "data 022143FFFFFFFFFFFFFFFF", NULL},
    {PLACE_USIM, 0x6F4B, "00FFFFFFFFFFFFFFFFFFFFFFFF", "free", NULL},
    {PLACE_USIM, 0x6F4B, "01AABBCCDDEEFF00112233FFFF", "subaddress AABBCCDDEEFF00112233FF", NULL},
    {PLACE_USIM, 0x6F4D, "4142038121F3FFFFFFFFFFFFFFFFFFFFFF", "AB, 123", NULL},
    {PLACE_USIM, 0x6F4D, "038121F3FFFFFFFFFFFFFFFFFFFF02", "123, comparison record 2", NULL},
    {PLACE_USIM, 0x6F3C, "01000403" "81C1F20000" "62116221000000" "00", "received, read, from 1a2, length 0", NULL},
    {PLACE_USIM, 0x6F57, "01DD03056162", "x", NULL}, /* cut */
    {PLACE_USIM, 0x6F57, "01DD0603616263056F", "x", NULL},
    {PLACE_USIM, 0x6F56, "05", "1 fixed dialling numbers (FDN), 3 APN control list", NULL},
    {PLACE_USIM, 0x6F57, "02DD0904746573740361706EDD00FF", "test.apn, given by the network", NULL},
    {PLACE_USIM, 0x6F5B, "F00001F00000", "START CS 00001, START PS 00000", NULL},
    {PLACE_USIM, 0x6F5C, "F10000", "10000", NULL},
    {PLACE_USIM, 0x6F2C, "12345678FFFFFFFFFFFFFFFFFFFFFFFF",
     "network present, network subset absent, service provider absent, "
     "corporate absent",
     NULL},
    {PLACE_USIM, 0x6FC5, "430880F3B7995E4F8FC7450880F3B7995E4F8FC7FFFF",
     "full name softuicc, short name softuicc", NULL},
    {PLACE_USIM, 0x6FC5, "430590004200FC", "full name B\xC3\xBC", NULL},
    {PLACE_USIM, 0x6FC6, "00F1100000FFFE01", "PLMN 001/01, areas from 0000, to FFFE, PNN record 1", NULL},
    {PLACE_USIM, 0x6FC6, "DDFDDD0000FFFE00", "PLMN ??\?/??, areas from 0000, to FFFE, PNN record none", NULL},
    {PLACE_USIM, 0x6FC9, "01000000", "voice 1, fax none, email none, other none", NULL},
    {PLACE_USIM, 0x6FCA, "0103000000", "voice 3", NULL},
    {PLACE_USIM, 0x6FCA, "0000000000", "nothing waiting", NULL},
    {PLACE_USIM, 0x6FCD, "A305800300F110FF", "001/01", NULL},
    {PLACE_USIM, 0x6FE3, "FFFFFFFFFFFFFFFFFFFFFFFF00F110000001",
     "GUTI none, PLMN 001/01, TAC 0000, not updated", NULL},
    {PLACE_USIM, 0x6FE4, "A01F8001028110" KEY "820400000005830400000006FFFF", NULL, NULL},
    {PLACE_USIM, 0x6FE4,
     "A0218001028110" KEY "82040000000583040000000684"
     "0102FFFF",
     NULL, NULL},
    {PLACE_USIM, 0x6FE4,
     "A0248001028110" KEY "8204000000058304000000068401"
     "02FFFF",
     "KSI 2, KASME present, uplink count 00000005, downlink count 00000006, algorithms 02", NULL},
    {PLACE_GSM_ACCESS, 0x4F20, "001122334455667703", "CKSN 3, Kc present", "{\"CKSN\": 3, \"Kc\": true}"},
    {PLACE_5GS, 0x4F01, "FFFFFFFFFFFFFFFFFFFFFFFFFF00F11000000101",
     "GUTI none, PLMN 001/01, TAC 000001, not updated", NULL},
    {PLACE_5GS, 0x4F05, "8010" KEY "8110FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "KAUSF present, KSEAF absent",
     NULL},
    {PLACE_5GS, 0x4F06, "03000000", "multimedia priority, mission critical", NULL},
    {PLACE_5GS, 0x4F07, "A006020101020000A1098001018104AABBCCDD",
     "schemes B (02) with key 1, A (01) with key 2, null, keys "
     "identifier 1, public key AABBCCDD",
     "{\"schemes\": [{\"scheme\": 2, \"name\": \"B\", \"key_index\": 1}, {\"scheme\": 1, \"name\": \"A\", "
     "\"key_index\": 2}, "
     "{\"scheme\": 0, \"name\": \"null\", \"key_index\": 0}], \"keys\": [{\"identifier\": 1, \"public_key\": "
     "\"AABBCCDD\"}]}"},
    {PLACE_5GS, 0x4F08, "00F110000000FFFFFE01", "PLMN 001/01, areas from 000000, to FFFFFE, PNN record 1",
     NULL},
    {PLACE_5GS, 0x4F09, "800775407465737421", "NSI u@test!", NULL},
    {PLACE_5GS, 0x4F0A, "21F3FFFF", "123", "{\"routing_indicator\": \"123\"}"},
    {PLACE_SAIP, 0x4F01, "A0020000", "schemes null, keys none", NULL},
    {PLACE_ISIM, 0x6F02,
     "800B"
     "6D65406578616D706C6520FFFF",
     "me@example ", NULL},
    {PLACE_ISIM, 0x6F04, "80077369703A614062FF", "sip:a@b", "{\"IMPU\": \"sip:a@b\"}"},
    {PLACE_ISIM, 0x6F03, "80036E6574", "net", NULL},
    {PLACE_ISIM, 0x6F07, "81", "1 P-CSCF address, 8 SM-over-IP, with data download via SMS-PP", NULL},
    {PLACE_ISIM, 0x6F09, "8005017F000001", "127.0.0.1", NULL},
    {PLACE_TELECOM, 0x6F3A,
     "FFFF0291"
     "88F8"
     "FFFFFFFFFFFFFFFFFFFF",
     NULL, NULL},
    {PLACE_GSM, 0x6F38, "C10F",
     "1 CHV1 disable function (not activated), 4 short message storage, 5 advice of charge, 6 "
     "capability configuration parameters",
     NULL},
    {PLACE_GSM, 0x6FB7, "11F2FF19F1FFFFFFFF", "112, 911", NULL},
    {PLACE_GSM, 0x6FAE, "03", "phase 2+", NULL},
    {PLACE_PHONEBOOK, 0x4F30, "8006C0044F3A0500", "x", NULL},
    {PLACE_PHONEBOOK, 0x4F30, "A80AC0034F3A05C1024F2500FFFF", NULL, NULL},
    {PLACE_PHONEBOOK, 0x4F30, "A809C0034F3A05C1024F25FFFF", "ADN 4F3A (SFI 05, type 1), IAP 4F25 (type 1)",
     NULL},
};

/* text NULL: any; "x": it is to be refused. */
static void known_contents(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        const struct example *e = &examples[i];
        struct span content = from_hex(e->content);
        enum decode_result result = decode(e->place, e->fid, content, false, text, sizeof text);
        enum decode_result again = decode(e->place, e->fid, content, true, json, sizeof json);
        assert_int_equal(result, again);
        if (e->text == NULL)
            continue;
        if (strcmp(e->text, "x") == 0) {
            assert_int_equal(result, DECODE_BAD);
            continue;
        }
        if (result != DECODED || strcmp(text, e->text) != 0 ||
            (e->json != NULL && strcmp(json, e->json) != 0)) {
            print_error("%04X %s: %d '%s', not '%s'\n%s\n", e->fid, e->content, (int)result, text, e->text,
                        json);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void emptiness(void **state)
{
    (void)state;
    assert_int_equal(decode(PLACE_USIM, 0x6F40, from_hex(FF8 FF8), false, text, sizeof text), DECODE_EMPTY);
    assert_int_equal(decode(PLACE_USIM, 0x6F07, SPAN_EMPTY, false, text, sizeof text), DECODE_EMPTY);
    assert_int_equal(decode(PLACE_UNKNOWN, 0x6F07, from_hex("00"), false, text, sizeof text), DECODE_UNKNOWN);
    assert_int_equal(decode(PLACE_USIM, 0x1234, from_hex("00"), false, text, sizeof text), DECODE_UNKNOWN);
    assert_string_equal(text, "");
}

/* ---- rules ---- */

static void rule_is(const char *hex, const char *expected)
{
    struct out o;
    struct span rule = from_hex(hex);
    out_begin(&o, false, text, sizeof text);
    bool good = decode_rule(rule, &o);
    good = out_end(&o) && good;
    if (expected == NULL) {
        assert_false(good);
        return;
    }
    assert_true(good);
    assert_string_equal(text, expected);
}

static void access_rules(void **state)
{
    (void)state;
    rule_is("8001019000"
            "800102A406830101950108"
            "FFFF",
            "read: always; update: PIN1");
    rule_is("8001039700", "read, update: never");
    rule_is("800101A010A406830101950108A40683010A950108", "read: PIN1 or ADM1");
    rule_is("800101AF10A406830101950108A40683010A950108", "read: PIN1 and ADM1");
    rule_is("800101A00FA406830101950108A70590009E0100", "read: PIN1 or not (always or 9E:00)");
    rule_is("800101"
            "A406830101950108"
            "A406830181950108",
            "read: PIN1 and PIN2");
    rule_is("800106A40683010A950108", "create EF, create DF: ADM1");
    rule_is("840132A406830101950108"
            "8401D4A40683010A950108",
            "increase: PIN1; resize: ADM1");
    rule_is("84010A9000", "INS 0A: always");
    rule_is("800101A40683017F950108", "read: key 7F");
    rule_is("8203AABBCC9000", "82:AABBCC: always");
    rule_is("800101", "read: never");
    rule_is("", "none");
    rule_is("8001", NULL);                                       /* cut */
    rule_is("800101A010A406", NULL);                             /* cut */
    rule_is("9000", NULL);                                       /* a condition of nothing */
    rule_is("800101A000", NULL);                                 /* a template of nothing */
    rule_is("800101A010A00EA00CA00AA008A006A004A0029000", NULL); /* too deep */

    decode_condition(from_hex("8001019000800102A406830101950108"), 0x02, 0, text, sizeof text);
    assert_string_equal(text, "PIN1");
    decode_condition(from_hex("8001019000"), 0x02, 0, text, sizeof text);
    assert_string_equal(text, "never");
    decode_condition(from_hex("8001"), 0x01, 0, text, sizeof text);
    assert_string_equal(text, "");
}

/* ---- texts ---- */

static void alphabets(void **state)
{
    (void)state;
    char to[32], few[4];
    text_gsm(from_hex("00011B6548FF41"), to, sizeof to);
    assert_string_equal(to, "@\xC2\xA3\xE2\x82\xACH");
    text_alpha(from_hex("8000480069FFFF0041"), to, sizeof to);
    assert_string_equal(to, "Hi");
    text_alpha(from_hex("81020841E3"), to, sizeof to); /* base 0400: Cyrillic */
    assert_string_equal(to, "A\xD1\xA3");
    text_alpha(from_hex("8202041041B0"), to, sizeof to);
    assert_string_equal(to, "A\xD1\x80");
    text_alpha(from_hex("81FF"), to, sizeof to);
    text_alpha(from_hex("82"), to, sizeof to);
    text_ucs2(from_hex("D83DDE00"), to, sizeof to);
    assert_string_equal(to, "\xEF\xBF\xBD\xEF\xBF\xBD");
    text_utf8(from_hex("C3BC80C0AFED9F80EDA080F48080"), to, sizeof to);
    assert_string_equal(to, "\xC3\xBC??\?\xED\x9F\x80?\?\?\?\?\?");
    text_gsm(from_hex("414243444546"), few, sizeof few);
    assert_string_equal(few, "ABC");
    text_utf8(from_hex("4142C3BC"), few, sizeof few);
    assert_string_equal(few, "AB");
    text_gsm_packed(from_hex("C8329BFD06"), 5, 0, to, sizeof to);
    assert_string_equal(to, "Hello");
    text_number(0x91, from_hex("21A3FB"), to, sizeof to);
    assert_string_equal(to, "+123*#");
    text_number(0x91, SPAN_EMPTY, to, sizeof to);
    assert_string_equal(to, "");
    assert_false(text_plmn(from_hex("FFFFFF"), to));
    assert_false(text_plmn(from_hex("A0F110"), to));
    assert_false(text_plmn(from_hex("00F1"), to));
}

static void json_is_escaped(void **state)
{
    (void)state;
    assert_int_equal(decode(PLACE_USIM, 0x6F46,
                            from_hex("002241"
                                     "0A"
                                     "1B2F42"),
                            true, json, sizeof json),
                     DECODED);
    assert_non_null(strstr(json, "\"name\": \"\\\"A\\u000a\\\\B\""));
    assert_int_equal(decode(PLACE_USIM, 0x6F46, from_hex("00410A42"), false, text, sizeof text), DECODED);
    assert_string_equal(text, "A?B");
    /* U+009B is ESC [ to a terminal. */
    assert_int_equal(decode(PLACE_USIM, 0x6F46, from_hex("0080009B00320041"), false, text, sizeof text),
                     DECODED);
    assert_string_equal(text, "?2A");
    assert_int_equal(decode(PLACE_USIM, 0x6F46, from_hex("0080009B00320041"), true, json, sizeof json),
                     DECODED);
    assert_non_null(strstr(json, "\"name\": \"\\u009b2A\""));
}

static void little_room(void **state)
{
    (void)state;
    char guarded[16];
    memset(guarded, 'x', sizeof guarded);
    assert_int_equal(decode(PLACE_USIM, 0x6F38, from_hex("FFFE"), false, guarded, 8), DECODE_UNKNOWN);
    assert_string_equal(guarded, "");
    assert_int_equal(guarded[8], 'x');
}

/* ---- anything at all ---- */

/* A value, whatever it is: enough to tell JSON from something that merely looks like it. */
static bool balanced(const char *s)
{
    int depth = 0;
    bool string = false;
    for (; *s != '\0'; s++) {
        if (string) {
            if (*s == '\\')
                s++;
            else if (*s == '"')
                string = false;
            else if ((unsigned char)*s < 0x20)
                return false;
        } else if (*s == '"') {
            string = true;
        } else if (*s == '{' || *s == '[') {
            depth++;
        } else if (*s == '}' || *s == ']') {
            depth--;
        }
    }
    return !string && depth == 0;
}

static void try_both(enum decode_place place, uint16_t fid, struct span content)
{
    /* at its exact size on the heap, so that a sanitizer sees a read beyond it */
    uint8_t *copy = malloc(content.n > 0 ? content.n : 1);
    assert_non_null(copy);
    memcpy(copy, content.p, content.n);
    struct span s = span_of(copy, content.n);
    enum decode_result a = decode(place, fid, s, false, text, sizeof text);
    enum decode_result b = decode(place, fid, s, true, json, sizeof json);
    assert_int_equal(a, b);
    if (a == DECODED) {
        assert_true(balanced(json));
        assert_null(strchr(text, '\n'));
    }
    free(copy);
}

static void cut_and_garbled(void **state)
{
    (void)state;
    uint8_t bytes[1024];
    uint32_t seed = 1;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        const struct example *e = &examples[i];
        struct span whole = from_hex(e->content);
        for (size_t n = 0; n <= whole.n; n++)
            try_both(e->place, e->fid, span_slice(whole, 0, n));
        for (size_t at = 0; at < whole.n; at++)
            for (int v = 0; v < 256; v += at < 4 ? 1 : 15) {
                memcpy(bytes, whole.p, whole.n);
                bytes[at] = (uint8_t)v;
                try_both(e->place, e->fid, span_of(bytes, whole.n));
            }
    }
    for (int place = PLACE_UNKNOWN; place <= PLACE_SAIP; place++)
        for (unsigned fid = 0x2F00; fid <= 0x6FFF; fid++) {
            if (decode_clause((enum decode_place)place, (uint16_t)fid) == NULL)
                continue;
            for (int round = 0; round < 40; round++) {
                size_t n = 0;
                seed = seed * 1103515245u + 12345u;
                for (; n < (seed >> 8) % 200; n++)
                    bytes[n] = (uint8_t)((seed = seed * 1103515245u + 12345u) >> 16);
                try_both((enum decode_place)place, (uint16_t)fid, span_of(bytes, n));
            }
        }
}

/* Whatever is in a file that may have a key: no four octets of it come out. */
static void keys_never_come_out(void **state)
{
    (void)state;
    static const char *const contents[] = {
        KEY KEY "05",
        "05" KEY KEY,
        "A0248001028110" KEY "820400000005830400000006840102",
        "A0808001028110" KEY KEY,
        "8010" KEY "8110" KEY,
        "8111" KEY,
        "0011223344556677"
        "05",
        KEY,
    };
    static const char *const parts[] = {"11223344", "44556677", "8899AABB", "CCDDEEFF", "55667788"};
    for (int place = PLACE_UNKNOWN; place <= PLACE_SAIP; place++)
        for (unsigned fid = 0x2F00; fid <= 0x6FFF; fid++)
            for (size_t i = 0; decode_secret((enum decode_place)place, (uint16_t)fid) && i < 8; i++) {
                struct span s = from_hex(contents[i]);
                decode((enum decode_place)place, (uint16_t)fid, s, false, text, sizeof text);
                decode((enum decode_place)place, (uint16_t)fid, s, true, json, sizeof json);
                for (size_t part = 0; part < 5; part++) {
                    assert_null(strstr(text, parts[part]));
                    assert_null(strstr(json, parts[part]));
                }
            }
    assert_true(decode_secret(PLACE_USIM, 0x6F08));
    assert_false(decode_secret(PLACE_USIM, 0x6F07));
}

static void service_names(void **state)
{
    (void)state;
    assert_null(decode_ust_service(0));
    assert_null(decode_ust_service(26));
    assert_string_equal(decode_ust_service(27), "GSM access");
    assert_string_equal(decode_ust_service(68), "GBA");
    assert_string_equal(decode_ust_service(85), "EPS mobility management information");
    assert_string_equal(decode_ust_service(99), "URI support by UICC");
    assert_string_equal(decode_ust_service(122), "5GS mobility management information");
    assert_string_equal(decode_ust_service(124), "subscription identifier privacy");
    assert_string_equal(decode_ust_service(142), "5G NSWO");
    assert_null(decode_ust_service(4096));
    assert_string_equal(decode_ist_service(8), "SM-over-IP, with data download via SMS-PP");
    assert_string_equal(decode_sst_service(27), "menu selection");
    assert_string_equal(decode_sst_service(38), "GPRS");
    assert_string_equal(decode_sst_service(56), "service provider display information");
    assert_string_equal(decode_est_service(3), "APN control list");
    assert_string_equal(decode_key_reference(0x01), "PIN1");
    assert_string_equal(decode_key_reference(0x0A), "ADM1");
    assert_string_equal(decode_key_reference(0x81), "PIN2");
    assert_string_equal(decode_key_reference(0xFF), "");
}

static void places(void **state)
{
    (void)state;
    const uint8_t usim[] = {0xA0, 0, 0, 0, 0x87, 0x10, 0x02, 0xFF},
                  isim[] = {0xA0, 0, 0, 0, 0x87, 0x10, 0x04};
    struct profile_file f = {.kind = FILE_MF, .fid = 0x3F00};
    assert_int_equal(decode_place(&f, SPAN_EMPTY, PLACE_UNKNOWN), PLACE_MF);
    f = (struct profile_file){.kind = FILE_ADF, .fid = 0x7FFF};
    assert_int_equal(decode_place(&f, span_of(usim, sizeof usim), PLACE_MF), PLACE_USIM);
    assert_int_equal(decode_place(&f, span_of(isim, sizeof isim), PLACE_MF), PLACE_ISIM);
    assert_int_equal(decode_place(&f, span_of(isim, 6), PLACE_MF), PLACE_UNKNOWN);
    f = (struct profile_file){.kind = FILE_DF, .fid = 0x5F3B};
    assert_int_equal(decode_place(&f, SPAN_EMPTY, PLACE_USIM), PLACE_GSM_ACCESS);
    assert_int_equal(decode_place(&f, SPAN_EMPTY, PLACE_TELECOM), PLACE_UNKNOWN);
    f.fid = 0x7F10;
    assert_int_equal(decode_place(&f, SPAN_EMPTY, PLACE_MF), PLACE_TELECOM);
    f.fid = 0x5FC0;
    assert_int_equal(decode_place(&f, SPAN_EMPTY, PLACE_USIM), PLACE_5GS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_contents),  cmocka_unit_test(emptiness),
        cmocka_unit_test(access_rules),    cmocka_unit_test(alphabets),
        cmocka_unit_test(json_is_escaped), cmocka_unit_test(little_room),
        cmocka_unit_test(cut_and_garbled), cmocka_unit_test(keys_never_come_out),
        cmocka_unit_test(service_names),   cmocka_unit_test(places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
