/* SPDX-License-Identifier: Apache-2.0
 *
 * A seeded random stateful test: well-formed commands with random parameters, mutated ones, OTA messages,
 * resets, restarts and power cuts in between. The card must answer each with a status word that sw.def
 * knows, give back PIN tries only for a right PIN or PUK, never lower a counter or an SQN, and never give
 * out a key. Run under sanitizers.
 *
 *   test_random SEED COUNT        that many APDUs from this seed (1, 20000)
 *   test_random FIRST-LAST COUNT the same for each seed of a range, a line each; every seed is a run of its
 *   own, so that a search goes on where another
 *                                 one ended
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gp_host.h"
#include "inspect.h"

struct random {
    uint64_t state;
};

static uint32_t next(struct random *r) /* xorshift64*: repeatable everywhere */
{
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return (uint32_t)((r->state * 0x2545F4914F6CDD1Du) >> 32);
}

static uint32_t below(struct random *r, uint32_t n)
{
    return next(r) % n;
}

static const char *const seeds[] = {
    "00A40004023F00",
    "00A4000C022F00",
    "00A40004022FE2",
    "00A4040C07A0000000871002",
    "00A4040407A0000000871002",
    "00A40004026F07",
    "00A40804047FFF6F7E",
    "00A40004027FFF",
    "00A4030400",
    "00B0000000",
    "00B000000A",
    "00B0820000",
    "00B2010400",
    "00B2000200",
    "00B201F400",
    "00D600000401020304",
    "00D6870001FF",
    "00DC0104"
    "0A0102030405060708090A",
    "80F2000000",
    "80F2000C00",
    "80F2000100",
    "0020000108"
    "31323334FFFFFFFF",
    "0020000100",
    "0020000A00",
    "0020000A08"
    "3132333435363738",
    "0024000110"
    "31323334FFFFFFFF31323334FFFFFFFF",
    "0026000108"
    "31323334FFFFFFFF",
    "0028000108"
    "31323334FFFFFFFF",
    "002C000110"
    "313233343536373831323334FFFFFFFF",
    "00C0000000",
    "00C0000010",
    "0088008011"
    "1000112233445566778899AABBCCDDEEFF",
    "0088008122"
    "1000112233445566778899AABBCCDDEEFF"
    "1000112233445566778899AABBCCDDEEFF",
    "80100000"
    "0AFFFFFFFFFFFFFFFFFFFF",
    "8012000000",
    "801200000B",
    "80140000"
    "0C810301010482028281830100",
    "00A2010402FFFF",
    "00A2010605040000FFFF",
    "8032000003000001",
    "00040000",
    "00440000",
    "0044000002"
    "6F07",
    "0004000002"
    "2F05",
    "00E00000"
    "1A6218820241218302"
    "6F998A01058B032F060180020010880100A500",
    "00E0000018"
    "6216820241218302"
    "4F018A01058B032F06018002001088"
    "00",
    "00E0000016"
    "6214820278218302"
    "5F018A01058B032F0601C600",
    "00E4000002"
    "6F99",
    "80D400000A"
    "6208830"
    "26F9980020020",
    "00E8000000",
    "00E6000000",
    "0070000001",
    "0070000100",
    "0070800100",
    "0170000001",
    "0084000008",
    "80AA000005A903810101",
    "0073000000",
    "80760000"
    "0400010A00",
    "80760100"
    "080011223344556677",
    "80CB008001"
    "5C",
    "80CB000000",
    "80DB008003"
    "800101",
    "80DB0000"
    "021122",
    "41A40004023F00",
    "01A40004022F00",
    "01B2010426",
    "00E000001B"
    "6219820239218302"
    "6F988A01058B032F060180020100A50385018088"
    "00",
    "00A40004026F98",
    /* class A0 */
    "A0A40000023F00",
    "A0A40000027F20",
    "A0A40000027F20",
    "A0A40000027F10",
    "A0A40000026F07",
    "A0A40000026F7E",
    "A0A40000026F20",
    "A0A40000026F3C",
    "A0A40000026F42",
    "A0C0000016",
    "A0C000000F",
    "A0F2000016",
    "A0B0000009",
    "A0D600000101",
    "A0B20104B0",
    "A0B2000228",
    "A0DC000228"
    "0102030405060708091011121314151617181920"
    "0102030405060708091011121314151617181920",
    "A0A2001001FF",
    "A0A200020100",
    "A032000003000001",
    "A004000000",
    "A044000000",
    "A020000108"
    "31323334FFFFFFFF",
    "A020000208"
    "35363738FFFFFFFF",
    "A020000A08"
    "3132333435363738",
    "A024000210"
    "35363738FFFFFFFF35363738FFFFFFFF",
    "A026000108"
    "31323334FFFFFFFF",
    "A028000108"
    "31323334FFFFFFFF",
    "A02C000010"
    "313233343536373831323334FFFFFFFF",
    "A088000010"
    "00112233445566778899AABBCCDDEEFF",
    "A0FA000000",
    "A010000003FFFFFF",
    "A012000010",
    "A0140000"
    "0C810301010482028281830100",
    "A0C2000002D100",
    /* the toolkit: what terminals answer, and every kind of envelope */
    "8010000028"
    "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
    "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
    "801000000100",
    "8012000000",
    "8012000009",
    "801400000C"
    "810302010482028281830120",
    "801400000D"
    "81030201048202828183022002",
    "801400000C"
    "810301050082028281830100",
    "801400000C"
    "810302270082028281830130",
    "8014000001"
    "FF",
    "8014000003"
    "810100",
    "801400000F"
    "810301400082028281830100380181",
    "8112000009",
    "80C2000009"
    "D30782020181900180",
    "80C2000014"
    "D41282028281860391214313070"
    "0F11000010001",
    "80C2000010"
    "D50E828202828603912143860391F1F1",
    "80C200000C"
    "D60A1901038202828"
    "11B0102",
    "80C2000009"
    "D60719010582020281",
    "80C200000E"
    "D70C82028281A40101A503000100",
    "80C2000006"
    "D90482028281",
    "80C2000004"
    "DD020000",
    "80C2000002DF00",
    "80C2000002E100",
    /* security domains, in the clear */
    "00A40400"
    "08"
    "A000000151000000",
    "00A40400"
    "09"
    "A00000015141434C00",
    "00A40400"
    "07"
    "F0736F66740101",
    "8050200008"
    "0102030405060708",
    "8050300010"
    "01020304050607080102030405060708",
    "8482010010"
    "01020304050607080102030405060708",
    "84F280020A"
    "4F000102030405060708",
    "80CA006600",
    "80CA00E000",
    "80CAFF4000",
    "80CAFF6000",
    "80CADF2000",
    "80CAFF501A"
    "E1184F00C114"
    "1111111111111111111111111111111111111111",
    "80E2900023"
    "F021E21FE1184F00C114"
    "1111111111111111111111111111111111111111"
    "E303D00101",
    "80E2900002F100",
    "80F28002024F00",
    "80C2000002D100",
    "80C2000018D11682028381"
    "8B1040048121437FF61111111111111100",
    "80CAE30000",
    "80E2900002E100",
};

/* What goes under a secure channel session. */
static const char *const domain_seeds[] = {
    "80F28002024F00",
    "80F24002024F00",
    "80F24003024F00",
    "80F21002024F00",
    "80F24002094F005C054F9F70C5CC",
    "80F0408007F0736F66740101",
    "80F0400707F0736F66740101",
    "80F0807F00",
    "80F0800F00",
    "80E60C0021"
    "07A0000001515350"
    "08A000000151535041"
    "07F0736F66740101"
    "03804000"
    "02C900"
    "00",
    "80E60C0030"
    "07A0000001515350"
    "08A000000151535041"
    "07F0736F66740101"
    "03804000"
    "10EA0E800CFF0000000002011603B20201"
    "00",
    "80E60C0021"
    "08A00000015141434C"
    "09A00000015141434C4D"
    "07F0736F66740102"
    "0100"
    "02C900"
    "00",
    "80E608000E"
    "0000"
    "07F0736F66740102"
    "010000"
    "00",
    "80E6100014"
    "07F0736F66740101"
    "00"
    "07F0736F66740102"
    "000000",
    "80E6400010"
    "0000"
    "07F0736F66740101"
    "03804000"
    "0000",
    "80E6200012"
    "0000"
    "09A00000015141434C00"
    "00000000",
    "80E602000C"
    "07F0736F66740301"
    "00000000",
    "80E880002A"
    "C428"
    "DECAFFED"
    "0102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F2021222324",
    "80E8000008"
    "C410010203040506",
    "80E880010A"
    "0708090A0B0C0D0E0F10",
    "80E40000094F07F0736F66740102",
    "80E40080094F07F0736F66740101",
    "80E40080094F07F0736F66740301",
    "80E4000003D20121",
    "80E2900006"
    "4204AABBCCDD",
    "80E288000D"
    "00B90BB909800188810110830134",
    "80E2900023"
    "F021E21FE1184F00C114"
    "1111111111111111111111111111111111111111"
    "E303D00101",
    "80D8000116"
    "3A"
    "8810"
    "000102030405060708090A0B0C0D0E0F"
    "03"
    "010203",
    "80D8000115"
    "2A"
    "8010"
    "100102030405060708090A0B0C0D0E0F"
    "0000",
    "80CA00E000",
    "80CA00D300",
};

/* One command of a host that has the keys: it opens a session when there is none (any more), speaks under it
 * otherwise. Not mutated behind the MAC, but before it. */
static uint16_t domain_command(struct random *r, struct gp_host *h)
{
    static const char *const aids[] = {ISD_AID, "F0736F66740101", "A00000015141434C00"};
    if (h->scp.protocol == 0 || below(r, 30) == 0) {
        h->scp = (struct scp_session){0};
        gp_keys(h->f, below(r, 2) == 0 ? 0x20 : 0x30, &h->keys);
        uint8_t version = below(r, 2) == 0 ? 0x20 : 0x30;
        gp_keys(h->f, version, &h->keys);
        uint16_t sw = gp_select(h, aids[below(r, 3)]);
        if (sw == 0x9000)
            sw = gp_initialize(h, version, version == 0x30 && below(r, 2) == 0 ? 16 : 8);
        if (sw == 0x9000)
            sw = gp_authenticate(h, below(r, 2) == 0 ? 0x01 : 0x03);
        if (sw != 0x9000)
            h->scp = (struct scp_session){0};
        return sw == 0 ? 0x9000 : sw;
    }
    const char *text = domain_seeds[below(r, sizeof domain_seeds / sizeof domain_seeds[0])];
    char command[600];
    snprintf(command, sizeof command, "%s", text);
    for (uint32_t m = below(r, 3); m > 0; m--) { /* digits of P1, P2 and the data */
        size_t n = strlen(command), at = 4 + below(r, (uint32_t)n - 4);
        if (at != 8 && at != 9) /* Lc is the frame's */
            command[at] = "0123456789ABCDEF"[below(r, 16)];
    }
    uint16_t sw = gp_send(h, command);
    if (sw == 0x6982 || sw == 0x6985 || sw == 0x6988 || sw == 0x6882 || sw == 0x6F00)
        h->scp = (struct scp_session){0};
    return sw;
}

static size_t make(struct random *r, struct fixture *f, uint8_t *to, size_t room)
{
    struct buf out = buf_of(to, room);
    static const char *const scripts[] = {
        "00A4000C026F7800D60000020004",
        "80E2900002E100",
        "00A40004023F0000C0000000",
        "00B0",
        "",
        "A0A40000027F20A0A40000026F07A0B0000009",
        "80F24002024F0000C0000000",
        "80E602000C07F0736F6674030100000000",
        "80E60C003007A000000151535008A00000015153504107F0736F667401010380400010EA0E800CFF0000000002011603B2020100",
        "80E40000094F07F0736F66740101"};
    static const char *const tars[] = {"B00000", "B00001", "A1B2C3", "000000", "B20201"};
    switch (below(r, 16)) {
    case 0: { /* noise */
        size_t n = below(r, 300);
        for (size_t i = 0; i < n; i++)
            buf_u8(&out, (uint8_t)next(r));
        return out.len;
    }
    case 1: { /* an OTA message, sometimes then damaged below */
        static const uint16_t spis[] = {0x1619, 0x1619, 0x1601, 0x1602, 0x1600, 0x1639,
                                        0x1E19, 0x1611, 0x0619, 0x0000, 0x0001};
        const struct fixture_ota ota = {below(r, 4), spis[below(r, sizeof spis / sizeof spis[0])],
                                        tars[below(r, 5)], scripts[below(r, 10)], 0};
        out.len = fixture_envelope(f, &ota, to);
        break;
    }
    default: {
        const char *text = seeds[below(r, sizeof seeds / sizeof seeds[0])];
        for (size_t i = 0; text[2 * i] != '\0'; i++) {
            unsigned octet;
            sscanf(text + 2 * i, "%2x", &octet);
            buf_u8(&out, (uint8_t)octet);
        }
    }
    }
    for (uint32_t m = below(r, 4); m > 0 && out.len > 0; m--) /* up to three changes */
        switch (below(r, 6)) {
        case 0:
            to[below(r, (uint32_t)out.len)] = (uint8_t)next(r);
            break;
        case 1:
            to[below(r, (uint32_t)out.len)] ^= (uint8_t)(1u << below(r, 8));
            break;
        case 2:
            out.len = below(r, (uint32_t)out.len + 1);
            break;
        case 3:
            buf_u8(&out, (uint8_t)next(r));
            break;
        case 4:
            if (out.len > 3)
                to[2 + below(r, 2)] = (uint8_t)next(r);
            break;
        default:
            break;
        }
    return out.len;
}

/* No 8 octets of any key in a response. */
static void assert_no_key(const struct fixture *f, const struct profile_pair *pairs, size_t n)
{
    for (size_t p = 0; p < n; p++) {
        const struct span keys[] = {
            span_of(pairs[p].key.k, pairs[p].key.k_len), span_of(pairs[p].key.opc, pairs[p].key.opc_len),
            span_of(pairs[p].ota.kic, pairs[p].ota.kic_len), span_of(pairs[p].ota.kid, pairs[p].ota.kid_len)};
        for (size_t k = 0; k < 4; k++)
            if (f->response_len > 8 && memmem(f->response, f->response_len, keys[k].p, 8) != NULL)
                fail_msg("a key in a response");
    }
}

static struct {
    uint64_t first, last;
    unsigned long count;
} arguments = {1, 1, 20000};

enum { PAIRS = 4, PINS = 8 };

/* What must not be given back. */
struct spent {
    uint8_t tries[PINS], puk_tries[PINS];
    uint64_t sqn[PAIRS], counter[PAIRS];
};

static void look(const struct fixture *f, bool counters, struct spent *now)
{
    struct applet subscription;
    struct uicc_pin_info pin;
    for (unsigned i = 0; i < PINS && uicc_inspect_pin(f->card, i, &pin); i++) {
        now->tries[i] = pin.tries;
        now->puk_tries[i] = pin.puk_tries;
    }
    for (unsigned i = 0; counters && i < PAIRS; i++) {
        struct pair_info info;
        assert_true(subscription_of(f->card, &subscription));
        if (!subscription_info(subscription, i, &info))
            continue;
        struct reader r = rd_of(span_of(info.counter, 5));
        now->counter[i] = rd_be(&r, 5);
        now->sqn[i] = info.sqn;
    }
}

/* May this command, answered so, give tries back? Only those that compare a PIN, and only when they found it
 * right: then they answer 9000, or, when the store failed behind it, 6581. */
static bool may_give_back(const uint8_t *command, size_t n, uint16_t sw)
{
    /* C2: an envelope's script is a terminal too */
    static const uint8_t pin_commands[] = {0x20, 0x24, 0x26, 0x28, 0x2C, 0xC2};
    bool good = (sw & 0xFF00) == 0x9000 || (sw & 0xFF00) == 0x9100 || (sw & 0xFF00) == 0x6100 ||
                sw == SW_MEMORY_PROBLEM || sw == SW_GSM_MEMORY_PROBLEM;
    return n > 1 && good && memchr(pin_commands, command[1], sizeof pin_commands) != NULL;
}

static void assert_spent(const struct spent *before, const struct spent *now, bool may)
{
    for (int i = 0; i < PINS && !may; i++)
        if (now->tries[i] > before->tries[i] || now->puk_tries[i] > before->puk_tries[i])
            fail_msg("tries of PIN %d were given back", i);
    for (int i = 0; i < PAIRS; i++)
        if (now->sqn[i] < before->sqn[i] || now->counter[i] < before->counter[i])
            fail_msg("a counter of pair %d went back", i);
}

/* What traces say is text, however wrong the command. */
static void traced(void *ctx, const struct uicc_trace_event *e)
{
    (void)ctx;
    for (const char *c = e->detail; c != NULL && *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            fail_msg("a trace with octet %02X", (unsigned char)*c);
}

/* One seed. */
static void run_seed(const struct fixture *factory, uint64_t seed, unsigned long count)
{
    static struct fixture f;
    struct random r = {seed * 0x9E3779B97F4A7C15u | 1};
    struct profile_pair pairs[PAIRS];
    struct spent before = {.tries = {0}}, now = {.tries = {0}};
    struct gp_host host = {.f = &f};
    fixture_copy(&f, factory);
    f.env.trace = traced;
    for (unsigned i = 0; i < PAIRS; i++)
        assert_true(personal_pair(f.crypto, &f.profile->p, span_of(f.seed, 16), FIXTURE_ICCID, i, &pairs[i]));
    look(&f, true, &before);
    for (unsigned long i = 0; i < count; i++) {
        uint8_t command[700];
        uint16_t sw;
        size_t n = 0;
        if (below(&r, 8) == 0) {
            sw = domain_command(&r, &host);
        } else {
            n = make(&r, &f, command, sizeof command);
            sw = fixture_transmit(&f, span_of(command, n), below(&r, 2) == 0);
        }
        if (sw_find(sw) == NULL)
            fail_msg("command %lu of seed %llu: status word %04x", i, (unsigned long long)seed, sw);
        assert_no_key(&f, pairs, PAIRS);
        switch (below(&r, 200)) {
        case 0:
            fixture_reset(&f);
            break;
        case 1:
            fixture_restart(&f);
            break;
        case 2:
            fault_store_cut_at(f.store, below(&r, 3));
            break;
        case 3:
            if (fault_store_is_cut(f.store))
                fixture_restart(&f);
            break;
        default:
            break;
        }
        now = before;
        look(&f, i % 64 == 0, &now);
        assert_spent(&before, &now, may_give_back(command, n, sw));
        before = now;
        if (below(&r, 4000) == 0) { /* a fresh card, lest all PINs stay blocked */
            uint64_t counter = f.counter;
            fixture_discard(&f);
            fixture_copy(&f, factory);
            f.env.trace = traced;
            f.counter = counter;
            look(&f, true, &before);
        }
    }
    fixture_discard(&f);
}

static void test_random(void **state)
{
    (void)state;
    static struct fixture factory;
    fixture_open(&factory, "test");
    for (uint64_t seed = arguments.first; seed <= arguments.last; seed++) {
        run_seed(&factory, seed, arguments.count);
        if (arguments.last > arguments.first) {
            print_message("seed %llu: %lu commands; %llu in all\n", (unsigned long long)seed, arguments.count,
                          (unsigned long long)(seed - arguments.first + 1) * arguments.count);
            (void)fflush(stdout);
        }
    }
    fixture_close(&factory);
}

int main(int argc, char **argv)
{
    char *end;
    if (argc > 1) {
        arguments.first = arguments.last = strtoull(argv[1], &end, 0);
        if (*end == '-')
            arguments.last = strtoull(end + 1, NULL, 0);
    }
    if (argc > 2)
        arguments.count = strtoul(argv[2], NULL, 0);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
