/* SPDX-License-Identifier: Apache-2.0
 *
 * Change of operator by OTA (3GPP TR 33.812 alternative 3b), through ENVELOPEs as a terminal sends them: B1
 * to B8, what an attacker may try, and a power cut at every write.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "card_fixture.h"
#include "hex.h"
#include "kernel.h"

enum { SPI_POR = 0x1619 }; /* CC, ciphering, counter higher; PoR always, CC, ciphered */

static void order(struct fixture *f, unsigned keys, const char *imsi, int index, struct fixture_por *por)
{
    char script[200], tar[7];
    fixture_tar(f, "subscription", tar);
    fixture_order(imsi, index, "0102", script, sizeof script);
    const struct fixture_ota ota = {keys, SPI_POR, tar, script, 0};
    fixture_ota(f, &ota, por);
}

static void assert_imsi(struct fixture *f, const char *expected)
{
    char digits[16];
    fixture_imsi(f, digits);
    assert_string_equal(digits, expected);
}

/* Compact response: number of commands, status word, data. */
static unsigned result_sw(const struct fixture_por *por)
{
    assert_true(por->n >= 3);
    return (unsigned)por->data[1] << 8 | por->data[2];
}

static void obeyed(const struct fixture_por *por, unsigned index, unsigned unused)
{
    assert_true(por->answered);
    assert_int_equal(por->verdict, SCP80_GENUINE);
    assert_int_equal(por->status, SCP80_POR_OK);
    assert_int_equal(por->data[0], 2);
    assert_int_equal(result_sw(por), 0x9000);
    assert_int_equal(por->data[3], ORDER_RESULT);
    assert_int_equal(por->data[5], RESULT_INDEX);
    assert_int_equal(por->data[7], index);
    assert_int_equal(por->data[10], unused);
    assert_memory_equal(por->data + 11, "\x82\x02\x01\x02", 4);
}

static void refused(const struct fixture_por *por, unsigned sw)
{
    assert_int_equal(por->verdict, SCP80_GENUINE);
    assert_int_equal(por->status, SCP80_POR_OK);
    assert_int_equal(por->data[0], 1);
    assert_int_equal(result_sw(por), sw);
}

/* The uniform answer to what is not authentic: no key in it, nothing said. */
static void not_authentic(const struct fixture_por *por)
{
    assert_true(por->answered);
    assert_int_equal(por->verdict, SCP80_UNPROTECTED);
    assert_int_equal(por->status, SCP80_UNIDENTIFIED_ERROR);
    assert_int_equal(por->n, 0);
}

static void obey_refresh(struct fixture *f)
{
    assert_int_equal(f->response[f->response_len - 2], 0x91);
    exchange(f, "8012000000", "D00981030.010482028182 9000");
    exchange(f, "801400000C810301010482028281830100", "9000");
    fixture_reset(f);
    fixture_terminal_profile(f);
}

/* A snapshot but for the log, where refusals are noted. */
static size_t without_log(uint8_t *all, size_t n)
{
    enum { OBJECT_OF_APPLET = 5, LOG = 0x0004 };
    struct reader r = rd_of(span_of(all, n));
    size_t kept = 0;
    while (r.left > 0) {
        const uint8_t *at = r.p;
        uint32_t id = rd_u32(&r);
        (void)rd_take(&r, rd_u32(&r));
        assert_true(rd_ok(&r));
        size_t size = (size_t)(r.p - at);
        if (id >> 24 == OBJECT_OF_APPLET && (id & 0xFFFF) == LOG)
            continue;
        memmove(all + kept, at, size);
        kept += size;
    }
    return kept;
}

static void test_whole_list(void **state)
{
    struct fixture *f = *state;
    struct fixture_por por;
    char imsi[16];
    assert_imsi(f, FIXTURE_IMSI);
    assert_int_equal(fixture_authenticate(f, 0, 1 << 20), 0xDB);
    for (unsigned next = 1; next <= 3; next++) {
        snprintf(imsi, sizeof imsi, "00102987654321%u", next);
        order(f, next - 1, imsi, -1, &por);
        obeyed(&por, next, 3 - next);                                        /* B3, B8 */
        obey_refresh(f);                                                     /* B4 */
        assert_imsi(f, imsi);
        assert_int_equal(fixture_authenticate(f, next - 1, 1 << 21), 0x9862); /* B6: the old K is gone */
        assert_int_equal(fixture_authenticate(f, next, 32), 0xDB);           /* V6: fresh sequence numbers */
        /* B6: the old operator's OTA keys too */
        order(f, next - 1, "001010000000000", -1, &por);
        not_authentic(&por);
        assert_imsi(f, imsi);
    }
    size_t n, m;
    order(f, 3, "001010000000000", 9, &por); /* has the OTA counter's object made */
    refused(&por, SW_INDEX_UNKNOWN);
    uint8_t *before = fixture_snapshot(f, &n);
    order(f, 3, "001010000000000", -1, &por);                                /* B7 */
    refused(&por, SW_LIST_EXHAUSTED);
    uint8_t *after = fixture_snapshot(f, &m);
    n = without_log(before, n);
    m = without_log(after, m);
    assert_int_equal(n, m);
    size_t differ = 0;
    for (size_t i = 0; i < n; i++)
        differ += before[i] != after[i];
    /* the OTA counter and nothing else */
    assert_in_range(differ, 1, 5);
    free(before);
    free(after);
    assert_imsi(f, imsi);
    assert_int_equal(fixture_authenticate(f, 3, 64), 0xDB);
}

static void test_index(void **state)
{
    struct fixture *f = *state;
    struct fixture_por por;
    order(f, 0, "001020000000001", 0, &por);
    refused(&por, SW_INDEX_IN_USE);
    order(f, 0, "001020000000001", 4, &por);
    refused(&por, SW_INDEX_UNKNOWN);
    order(f, 0, "001020000000001", 255, &por);
    refused(&por, SW_INDEX_UNKNOWN);
    order(f, 0, "001020000000001", 2, &por);
    obeyed(&por, 2, 2);
    assert_int_equal(fixture_authenticate(f, 2, 32), 0xDB);
    order(f, 2, "001020000000002", 0, &por);
    refused(&por, SW_INDEX_IN_USE);
    order(f, 2, "001020000000002", -1, &por); /* the next unused one is 1 */
    obeyed(&por, 1, 1);
    assert_int_equal(fixture_authenticate(f, 1, 32), 0xDB);
    order(f, 1, "001020000000003", -1, &por);
    obeyed(&por, 3, 0);
}

static void test_network_context(void **state)
{
    struct fixture *f = *state;
    struct fixture_por por;
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
    exchange(f, "00A4000C026F7E", "9*");
    exchange(f, "00D600000B0102030405060708090A00", "9*");
    exchange(f, "00A4000C026F08", "9*");
    exchange(f, "00D600000301AABB", "9*");
    order(f, 0, "001020000000001", -1, &por);
    obeyed(&por, 1, 2);
    exchange(f, "00A4000C026F7E", "9*");
    exchange(f, "00B000000B", "FFFFFFFFFFFFFFFFFEFF01 91*");
    exchange(f, "00A4000C026F08", "9*");
    exchange(f, "00B0000021", "07FFFF*");
}

/* Everything that the old network left behind (TS 31.102, TS 51.011): where it is, and what stands for
 * "nothing known", of which what is not said is FF. */
static const struct {
    const char *path; /* from the MF, or 7FFF the USIM's ADF */
    const char *nothing;
} left_behind[] = {
    {"7FFF6F7E", "FFFFFFFFFFFFFFFFFEFF01"},                       /* EF.LOCI */
    {"7FFF6F73", "FFFFFFFFFFFFFFFFFFFFFFFEFF01"},                 /* EF.PSLOCI */
    {"7FFF6FE3", "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFE01"},         /* EF.EPSLOCI */
    {"7FFF5FC04F01", "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFE01"}, /* EF.5GS3GPPLOCI */
    {"7FFF5FC04F02", "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFE01"}, /* EF.5GSN3GPPLOCI */
    {"7FFF5F3B4F20", "FFFFFFFFFFFFFFFF07"},                       /* EF.Kc */
    {"7FFF5F3B4F52", "FFFFFFFFFFFFFFFF07"},                       /* EF.KcGPRS */
    {"7FFF6F08", "07"},                                           /* EF.Keys */
    {"7FFF6F09", "07"},                                           /* EF.KeysPS */
    {"7FFF6F7B", ""},                                             /* EF.FPLMN */
    {"7FFF6FC4", ""},                                             /* EF.NETPAR */
    {"7FFF6FE4", ""},                                             /* EF.EPSNSC */
    {"7FFF5FC04F03", ""},                                         /* EF.5GS3GPPNSC */
    {"7FFF5FC04F04", ""},                                         /* EF.5GSN3GPPNSC */
    {"7FFF5FC04F05", ""},                                         /* EF.5GAUTHKEYS */
    {"7F206F20", "FFFFFFFFFFFFFFFF07"},                           /* DF.GSM: EF.Kc */
    {"7F206F52", "FFFFFFFFFFFFFFFF07"},                           /* EF.KcGPRS */
    {"7F206F7E", "FFFFFFFFFFFFFFFFFEFF01"},                       /* EF.LOCI */
    {"7F206F53", "FFFFFFFFFFFFFFFFFFFFFFFEFF01"},                 /* EF.LOCIGPRS */
    {"7F206F74", ""},                                             /* EF.BCCH */
    {"7F206F7B", ""},                                             /* EF.FPLMN */
};
enum { LEFT_BEHIND = sizeof left_behind / sizeof left_behind[0], OLD = 0xAA };

static uint16_t left_file(struct fixture *f, size_t i)
{
    uint8_t octets[8];
    struct buf path = buf_of(octets, sizeof octets);
    uint16_t file = 0;
    assert_true(hex_parse(left_behind[i].path, &path, NULL));
    for (struct reader r = rd_of(buf_span(&path)); r.left > 0;) {
        uint16_t fid = rd_u16(&r);
        file = fid == 0x7FFF ? applet_row_of(f->card, 0)->adf : admin_file_in(f->card, file, fid);
        if (file == PROFILE_NO_FILE)
            fail_msg("%s is not there", left_behind[i].path);
    }
    return file;
}

/* By READ and UPDATE, as a terminal does. */
static void leave_behind(struct fixture *f)
{
    apdu(f, "0020000A083132333435363738", "9*");
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
    for (size_t i = 0; i < LEFT_BEHIND; i++) {
        const struct profile_file *e = &f->profile->p.files[left_file(f, i)];
        char select[40];
        uint8_t update[5 + 255];
        snprintf(select, sizeof select, "00A4080C%02zx%s", strlen(left_behind[i].path) / 2,
                 left_behind[i].path);
        exchange(f, select, "9*");
        memset(update, OLD, sizeof update);
        size_t step = e->record_len != 0 ? e->record_len : e->size < 200 ? e->size : 200;
        for (size_t at = 0; at < e->size; at += step) {
            size_t n = e->size - at < step ? e->size - at : step;
            const uint8_t header[] = {0x00, e->record_len != 0 ? 0xDC : 0xD6,
                                      (uint8_t)(e->record_len != 0 ? at / step + 1 : at >> 8),
                                      (uint8_t)(e->record_len != 0 ? 4 : at), (uint8_t)n};
            memcpy(update, header, sizeof header);
            assert_int_equal(fixture_transmit(f, span_of(update, 5 + n), false) & 0xF000, 0x9000);
        }
    }
}

static void assert_left(struct fixture *f, bool old)
{
    for (size_t i = 0; i < LEFT_BEHIND; i++) {
        uint8_t octets[32];
        struct buf nothing = buf_of(octets, sizeof octets);
        struct span body = admin_file_read(f->card, left_file(f, i));
        assert_true(hex_parse(left_behind[i].nothing, &nothing, NULL));
        for (size_t k = 0; k < body.n; k++)
            if (body.p[k] != (old ? OLD : k < nothing.len ? nothing.p[k] : 0xFF))
                fail_msg("%s: octet %zu is %02X", left_behind[i].path, k, body.p[k]);
    }
}

/* None of it is there for the next network; all of it is again for the old one, when
 * the change does not hold. */
static void test_left_behind(void **state)
{
    (void)state;
    struct fixture *f = malloc(sizeof *f);
    for (int links = 0; links < 2; links++) {
        if (links != 0) /* what DF.GSM and the ADF have in common is one file */
            fixture_open(f, "usim");
        else
            fixture_open_text(f, "format: 1\nname: apart\ninclude: usim\nfiles:\n"
                                 "  - {path: MF/DF.GSM/EF.Kc, size: 9}\n  - {path: MF/DF.GSM/EF.KcGPRS, size: 9}\n  - {path: MF/DF.GSM/EF.LOCI, size: 11}\n"
                                 "  - {path: MF/DF.GSM/EF.LOCIGPRS, size: 14}\n  - {path: MF/DF.GSM/EF.FPLMN, size: 12}\n");
        fixture_terminal_profile(f);
        leave_behind(f);
        assert_left(f, true);
        fixture_expect(f, 0, "80E2900013E1118109080910200000000010" "840401000000" "00", "E2*9000");
        assert_left(f, false);
        fixture_restart(f); /* its one power-up is over */
        assert_imsi(f, FIXTURE_IMSI);
        assert_left(f, true);
        fixture_close(f);
    }
    free(f);
}

static void test_malformed_orders(void **state)
{
    static const struct {
        const char *script;
        unsigned sw;
    } bad[] = {
        {"80e2900002e100", 0x6A93},                                          /* no IMSI */
        /* type of identity is not IMSI */
        {"80e290000de10b8109080a10101032547698", 0x6A93},
        {"80e290000de10b81090" "00910101032547698", 0x6A93},
        {"80e290000ce10a8108080910101032547" "6", 0x6A93},
        {"80e2900010e10e80020101810908091010103254" "76f8", 0x6A80},         /* index of two octets */
        {"80e290000fe20d800101810908091010103254" "76f8", 0x6A80},           /* not an order */
        {"80e2900010e10d8001018109080910101032547" "6f800", 0x6A80},         /* something behind it */
        {"80e2900012e11080010180010181090809101010325476f8", 0x6A80},        /* twice */
        {"80e290000fe10d8401018109080910101032547" "6f8", 0x6A80},           /* an object we do not know */
        /* a REFRESH that does not start anew */
        {"80e290000fe10d8301008109080910101032547" "6f8", 0x6A80},
        {"80e290000de10c81090809101010325476f8", 0x6A80},                    /* length beyond the end */
        {"80e2800002e100", 0x6A86},
    };
    struct fixture *f = *state;
    struct fixture_por por;
    char tar[7];
    fixture_tar(f, "subscription", tar);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct fixture_ota ota = {0, SPI_POR, tar, bad[i].script, 0};
        fixture_ota(f, &ota, &por);
        assert_int_equal(por.verdict, SCP80_GENUINE);
        if (result_sw(&por) != bad[i].sw)
            fail_msg("%s: got %04x, want %04x", bad[i].script, result_sw(&por), bad[i].sw);
    }
    assert_imsi(f, FIXTURE_IMSI);
}

/* S2: replay, and every change of one octet of a genuine packet. */
static void test_replay_and_forgery(void **state)
{
    struct fixture *f = *state;
    struct fixture_por por;
    char script[200], tar[7];
    uint8_t command[261];
    fixture_tar(f, "subscription", tar);
    fixture_order("001020000000001", -1, NULL, script, sizeof script);
    const struct fixture_ota ota = {0, SPI_POR, tar, script, 77};
    size_t n = fixture_envelope(f, &ota, command);
    size_t packet = 0;
    while (memcmp(command + packet, "\x02\x70\x00", 3) != 0)
        packet++;
    size_t len, len_after;
    uint8_t *before = fixture_snapshot(f, &len);
    for (size_t i = packet; i < n; i++) {
        uint8_t forged[261];
        memcpy(forged, command, n);
        forged[i] ^= (uint8_t)(1u << i % 8);
        fixture_transmit(f, span_of(forged, n), true);
        uint8_t *after = fixture_snapshot(f, &len_after);
        assert_int_equal(len, len_after);
        assert_memory_equal(before, after, len);
        free(after);
    }
    free(before);
    fixture_ota_raw(f, &ota, span_of(command, n), &por);
    assert_int_equal(por.verdict, SCP80_GENUINE);
    assert_int_equal(por.status, SCP80_POR_OK);
    fixture_ota_raw(f, &ota, span_of(command, n), &por); /* replayed while the new subscription is on trial */
    assert_int_equal(por.verdict, SCP80_GENUINE);
    assert_int_equal(por.status, SCP80_CNTR_LOW);
    assert_int_equal(fixture_authenticate(f, 1, 32), 0xDB);
    fixture_ota_raw(f, &ota, span_of(command, n), &por); /* and after it: the keyset is no longer valid */
    not_authentic(&por);
    assert_imsi(f, "001020000000001");
}

static void test_counter(void **state)
{
    struct fixture *f = *state;
    struct fixture_por por;
    char tar[7];
    fixture_tar(f, "subscription", tar);
    const char *script = "80e2900002e100"; /* authentic, without effect */
    struct fixture_ota ota = {0, SPI_POR, tar, script, 10};
    fixture_ota(f, &ota, &por);
    assert_int_equal(por.status, SCP80_POR_OK);
    fixture_ota(f, &ota, &por);
    assert_int_equal(por.verdict, SCP80_GENUINE);
    assert_int_equal(por.status, SCP80_CNTR_LOW);
    ota.counter = 9;
    fixture_ota(f, &ota, &por);
    assert_int_equal(por.status, SCP80_CNTR_LOW);
    ota.spi = 0x1E19; /* exactly plus one */
    ota.counter = 12;
    fixture_ota(f, &ota, &por);
    assert_int_equal(por.status, SCP80_CNTR_HIGH);
    ota.counter = 11;
    fixture_ota(f, &ota, &por);
    assert_int_equal(por.status, SCP80_POR_OK);
    ota.spi = SPI_POR;
    ota.counter = 0xFFFFFFFFFF;
    fixture_ota(f, &ota, &por);
    assert_int_equal(por.status, SCP80_POR_OK);
    fixture_ota(f, &ota, &por);
    assert_int_equal(por.status, SCP80_CNTR_BLOCKED);
    fixture_restart(f);
    fixture_ota(f, &ota, &por);
    assert_int_equal(por.status, SCP80_CNTR_BLOCKED);
}

static void test_security_level(void **state)
{
    struct fixture *f = *state;
    struct fixture_por por;
    char tar[7];
    fixture_tar(f, "subscription", tar);
    char script[200];
    fixture_order("001020000000001", -1, NULL, script, sizeof script);
    /* no ciphering; no counter; neither; no CC */
    static const uint16_t weak[] = {0x1219, 0x0619, 0x0219, 0x1419};
    for (size_t i = 0; i < sizeof weak / sizeof weak[0]; i++) {
        const struct fixture_ota ota = {0, weak[i], tar, script, 0};
        fixture_ota(f, &ota, &por);
        assert_true(por.answered);
        assert_int_equal(por.status, SCP80_SECURITY_LEVEL);
    }
    struct fixture_ota ota = {0, 0x0001, tar, script, 0};
    fixture_ota(f, &ota, &por);
    assert_int_equal(por.status, SCP80_SECURITY_LEVEL);
    assert_int_equal(por.verdict, SCP80_UNPROTECTED);
    ota = (struct fixture_ota){0, SPI_POR, "A1B2C3", script, 0};
    fixture_ota(f, &ota, &por);
    assert_int_equal(por.status, SCP80_TAR_UNKNOWN);
    assert_imsi(f, FIXTURE_IMSI);
}

static void test_por_modes(void **state)
{
    struct fixture *f = *state;
    struct fixture_por por;
    struct fixture_ota ota = {0, 0x1600, "B00001", "00A4000C026F07", 0};
    fixture_ota(f, &ota, &por); /* never */
    assert_false(por.answered);
    ota.spi = 0x1602; /* on error: there is none */
    fixture_ota(f, &ota, &por);
    assert_false(por.answered);
    ota.tar = "A1B2C3";
    fixture_ota(f, &ota, &por);
    assert_int_equal(por.status, SCP80_TAR_UNKNOWN);
    ota.tar = "B00001";
    static const uint16_t asked[] = {0x1601, 0x1609, 0x1611, 0x1619};
    for (size_t i = 0; i < 4; i++) {
        ota.spi = asked[i];
        fixture_ota(f, &ota, &por);
        assert_int_equal(por.verdict, (asked[i] & 0x08) != 0 ? SCP80_GENUINE : SCP80_UNPROTECTED);
        assert_int_equal(por.status, SCP80_POR_OK);
        assert_memory_equal(por.data, "\x01\x90\x00", 3);
    }
    ota.spi = 0x1639; /* by SMS-SUBMIT: 0B in the report, the response in SEND SHORT MESSAGE */
    fixture_ota(f, &ota, &por);
    assert_int_equal(por.status, SCP80_RESPONSE_BY_SUBMIT);
    assert_int_equal(por.sw >> 8, 0x91);
    exchange(f, "8012000000", "D0..81030.130082028183 8B..*");
}

/* Remote file management: one's own view and rights, whatever the terminal has selected or verified. */
static void test_rfm(void **state)
{
    struct fixture *f = *state;
    struct fixture_por por;
    struct fixture_ota ota = {0, SPI_POR, "B00001", "00A40000026F7800D60000020004" "00B0000002", 0};
    exchange(f, "00A4000C022FE2", "9*");
    fixture_ota(f, &ota, &por);
    assert_int_equal(por.status, SCP80_POR_OK);
    assert_memory_equal(por.data, "\x03\x90\x00\x00\x04", 5);
    exchange(f, "00B000000A", "98*"); /* the terminal's EF is still current */
    exchange(f, "00D60000019" "8", "6982");
    ota.script = "00A40004023F00";   /* scp80.md: a SELECT says how much waits */
    fixture_ota(f, &ota, &por);
    assert_int_equal(por.data[0], 1);
    assert_int_equal(por.data[1], 0x61);
    ota.script = "00A40004023F0000C0000000";
    fixture_ota(f, &ota, &por);
    assert_memory_equal(por.data, "\x02\x90\x00\x62", 4);
    ota.script = "00A4000C026F0700D6000001FF00FF000000";
    fixture_ota(f, &ota, &por);
    assert_memory_equal(por.data, "\x02\x6A\x93", 3); /* no IMSI: nobody can take the card its subscription */
    ota.script = "00A4000C026F7800D6000001FF00FF000000";
    fixture_ota(f, &ota, &por);
    assert_memory_equal(por.data, "\x03\x6D\x00", 3); /* the first that fails ends it */
    static const char *const forbidden[] = {
        "002000010831323334FFFFFFFF",
        "0088008122"
        "1000000000000000000000000000000000"
        "1000000000000000000000000000000000",
        "8010000001FF",
        "80C2000002D100",
        "01A40004023F00",
        "80E2900002E100",
    };
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++) {
        ota.script = forbidden[i];
        fixture_ota(f, &ota, &por);
        assert_int_equal(por.data[0], 1);
        assert_true(por.data[1] == 0x6D || por.data[1] == 0x68);
    }
    ota.script = "00A4"; /* cut short */
    fixture_ota(f, &ota, &por);
    assert_memory_equal(por.data, "\x01\x67\x00", 3);
}

/* The order from the card-terminal interface, and the list without ADM1: refused. With ADM1 the list
 * is visible, keys are not. */
static void test_local(void **state)
{
    struct fixture *f = *state;
    char aid[40] = "";
    const struct profile *p = &f->profile->p;
    for (int i = 0; i < p->n_applets; i++)
        if (strcmp(p->applets[i].class_name, "subscription") == 0)
            for (int k = 0; k < p->applets[i].aid_len; k++)
                snprintf(aid + 2 * k, 3, "%02x", p->applets[i].aid[k]);
    char select[60];
    snprintf(select, sizeof select, "00A40400%02x%s", (unsigned)strlen(aid) / 2, aid);
    exchange(f, select, "6F*");
    apdu(f, "80E290000DE10B81090809101010325476F8", "6982");
    apdu(f, "80CA00E300", "6A86");
    apdu(f, "80CAE30000", "6982");
    apdu(f, "80CAE40000", "6982");
    apdu(f, "80CAE50000", "6982");
    apdu(f, "0020000A083132333435363738", "9000");
    exchange(f, "80CAE30000", "E3..80010085010386*");
    exchange(f, "80CAE30400", "6A88");
    exchange(f, "80CAE40000", "6A88");
    exchange(f, "80CAE50000", "6A88");
    apdu(f, "80E290000DE10B81090809101010325476F8", "6982"); /* ADM1 is not the operator */
    uint8_t data[34];
    struct aka_vector v;
    fixture_challenge(f, 0, 32, data, &v);
    assert_imsi(f, FIXTURE_IMSI);
}

/* TERMINAL PROFILE without REFRESH: the change happens, nothing is asked of the terminal. */
static void test_no_refresh(void **state)
{
    struct fixture *f = *state;
    struct fixture_por por;
    fixture_reset(f);
    apdu(f, "801000000100", "9000");
    order(f, 0, "001020000000001", -1, &por);
    obeyed(&por, 1, 2);
    assert_int_equal(por.sw, 0x9000);
    assert_imsi(f, "001020000000001");
}

/* design.md, "One change of operator": a power cut at every write of the order. After each the card is wholly
 * the old one or wholly the new one, and always on a subscription that works. */
static void test_cut(void **state)
{
    (void)state;
    bool completed = false;
    unsigned olds = 0, news = 0;
    for (long cut = 0; !completed; cut++) {
        struct fixture *f = malloc(sizeof *f);
        struct fixture_por por;
        fixture_open(f, "test");
        fixture_terminal_profile(f);
        assert_int_equal(fixture_authenticate(f, 0, 32), 0xDB);
        fault_store_cut_at(f->store, cut);
        order(f, 0, "001020000000001", -1, &por);
        completed = !fault_store_is_cut(f->store);
        fixture_restart(f);
        char imsi[16];
        fixture_imsi(f, imsi);
        bool old = strcmp(imsi, FIXTURE_IMSI) == 0;
        if (old) {
            olds++;
            assert_int_equal(fixture_authenticate(f, 0, 64), 0xDB);
            assert_int_equal(fixture_authenticate(f, 1, 32), 0x9862);
        } else {
            news++;
            assert_string_equal(imsi, "001020000000001");
            assert_int_equal(fixture_authenticate(f, 1, 32), 0xDB);
            assert_int_equal(fixture_authenticate(f, 0, 64), 0x9862);
        }
        order(f, old ? 0 : 1, "001020000000002", -1, &por); /* whoever is in charge can go on */
        assert_int_equal(por.verdict, SCP80_GENUINE);
        assert_int_equal(result_sw(&por), 0x9000);
        fixture_close(f);
        free(f);
        assert_true(cut < 100);
    }
    assert_true(olds >= 2 && news >= 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_whole_list),
        T(test_index),
        T(test_network_context),
        cmocka_unit_test(test_left_behind),
        T(test_malformed_orders),
        T(test_replay_and_forgery),
        T(test_counter),
        T(test_security_level),
        T(test_por_modes),
        T(test_rfm),
        T(test_local),
        T(test_no_refresh),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
