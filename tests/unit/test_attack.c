/* SPDX-License-Identifier: Apache-2.0
 *
 * What somebody tries who owns the radio: one test for every row of what SCP80 asks for (ETSI TS 102 225,
 * 3GPP TS 31.115, and our own rule that whatever is not authentic gets one answer and costs one price). The
 * price is counted, not timed: this program wraps the cipher functions.
 */
#include "attack.h"

#include "crypto.h"

/* ---- counting: --wrap of each cipher function ---- */

struct cost {
    unsigned decryptions, encryptions, macs;
    size_t decrypted, authenticated; /* octets */
};
static struct cost spent;

#define WRAP_CBC(name, calls, octets)                                                                        \
    bool __real_##name(struct uicc_crypto *c, struct span key, const uint8_t *iv, const uint8_t *in,         \
                       uint8_t *out, size_t n);                                                              \
    bool __wrap_##name(struct uicc_crypto *c, struct span key, const uint8_t *iv, const uint8_t *in,         \
                       uint8_t *out, size_t n);                                                              \
    bool __wrap_##name(struct uicc_crypto *c, struct span key, const uint8_t *iv, const uint8_t *in,         \
                       uint8_t *out, size_t n)                                                               \
    {                                                                                                        \
        spent.calls++;                                                                                       \
        octets += n;                                                                                         \
        return __real_##name(c, key, iv, in, out, n);                                                        \
    }
#define WRAP_MAC(name)                                                                                       \
    bool __real_##name(struct uicc_crypto *c, struct span key, const struct span *parts, size_t n,           \
                       uint8_t *mac);                                                                        \
    bool __wrap_##name(struct uicc_crypto *c, struct span key, const struct span *parts, size_t n,           \
                       uint8_t *mac);                                                                        \
    bool __wrap_##name(struct uicc_crypto *c, struct span key, const struct span *parts, size_t n,           \
                       uint8_t *mac)                                                                         \
    {                                                                                                        \
        spent.macs++;                                                                                        \
        for (size_t i = 0; i < n; i++)                                                                       \
            spent.authenticated += parts[i].n;                                                               \
        return __real_##name(c, key, parts, n, mac);                                                         \
    }
static size_t ignored;
WRAP_CBC(aes_cbc_decrypt, decryptions, spent.decrypted)
WRAP_CBC(des_cbc_decrypt, decryptions, spent.decrypted)
WRAP_CBC(aes_cbc_encrypt, encryptions, ignored)
WRAP_CBC(des_cbc_encrypt, encryptions, ignored)
WRAP_MAC(aes_cmac)
WRAP_MAC(des_mac)

/* ---- a card, and what it says ---- */

enum { SPI = 0x1619 };
#define USIM_TAR  "B00001"
#define WRITE_ACC "00A4000C026F7800D60000020004" /* EF.ACC becomes 0004 */

static int setup(void **state)
{
    struct fixture *f = malloc(sizeof *f);
    fixture_open_text(f, ATTACK_PROFILE);
    fixture_terminal_profile(f);
    *state = f;
    return 0;
}

struct snapshot {
    uint8_t *p;
    size_t n;
};

static struct snapshot take(struct fixture *f)
{
    struct snapshot s;
    s.p = fixture_snapshot(f, &s.n);
    return s;
}

static void unchanged(struct fixture *f, struct snapshot *before)
{
    struct snapshot after = take(f);
    assert_int_equal(before->n, after.n);
    assert_memory_equal(before->p, after.p, after.n);
    free(before->p);
    free(after.p);
    before->p = NULL;
}

/* Sends a packet, in parts if need be; what the last part is answered with is in f->response. */
static uint16_t send(struct fixture *f, struct span packet)
{
    static uint8_t reference;
    struct fixture_message m[ATTACK_PARTS];
    uint16_t sw = 0;
    size_t n = attack_split(packet, ++reference, m);
    for (size_t i = 0; i < n; i++)
        sw = fixture_transmit(f, span_of(m[i].apdu, m[i].n), true);
    return sw;
}

static uint16_t send_built(struct fixture *f, const struct attack_packet *a)
{
    uint8_t packet[2048];
    size_t n = attack_build(f, a, packet, sizeof packet);
    return send(f, span_of(packet, n));
}

/* The answer as the holder of the keys reads it. */
static struct fixture_por por_of(struct fixture *f, const struct attack_packet *a)
{
    struct fixture_por por = {0};
    struct keyset keys;
    uint8_t room[4200];
    struct buf work = buf_of(room, sizeof room);
    struct scp80_response r;
    struct span data;
    if (f->response_len <= 2)
        return por;
    por.answered = true;
    if (a->version != 0)
        attack_keys(f, a->version, &keys);
    por.verdict = scp80_response_open(f->crypto, a->version != 0 ? &keys : NULL, (uint8_t)a->spi,
                                      span_of(f->response, f->response_len - 2), &r, &work, &data);
    if (por.verdict == SCP80_GENUINE || por.verdict == SCP80_UNPROTECTED) {
        por.status = r.status;
        por.n = data.n;
        memcpy(por.data, data.p, data.n);
    }
    return por;
}

static struct fixture_por send_and_open(struct fixture *f, const struct attack_packet *a)
{
    send_built(f, a);
    return por_of(f, a);
}

static void silence(const struct fixture *f)
{
    assert_int_equal(f->response_len, 2);
    assert_int_equal(f->response[0], 0x90);
}

/* The one answer to what is not authentic: 06, no check, not ciphered, CNTR zero, no data; or none where the
 * packet (as it came) asks for none. */
static void uniform(const struct fixture *f, struct span packet)
{
    uint8_t expected[] = {0x02, 0x71, 0x00, 0x00, 0x0B, 0x0A, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x06, 0x90, 0x00};
    uint8_t wanted = packet.n > 4 ? packet.p[4] & SPI2_POR : 0;
    if (wanted != SPI2_POR_ALWAYS && wanted != SPI2_POR_ON_ERROR) {
        silence(f);
        return;
    }
    for (size_t i = 0; i < 3 && 7 + i < packet.n; i++)
        expected[6 + i] = packet.p[7 + i];
    assert_int_equal(f->response_len, sizeof expected);
    assert_memory_equal(f->response, expected, sizeof expected);
}

static unsigned acc(struct fixture *f)
{
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
    exchange(f, "00A4000C026F78", "9*");
    exchange(f, "00B0000002", "*");
    assert_int_equal(f->response_len, 4);
    return (unsigned)f->response[0] << 8 | f->response[1];
}

static uint32_t next(uint64_t *r) /* xorshift64* */
{
    *r ^= *r >> 12;
    *r ^= *r << 25;
    *r ^= *r >> 27;
    return (uint32_t)((*r * 0x2545F4914F6CDD1Du) >> 32);
}

/* ---- "CC, RC or DS wrong; ciphering error; header not to be interpreted; unknown keyset" ---- */

static const char *long_script(char *to, unsigned commands)
{
    to[0] = '\0';
    for (unsigned i = 0; i < commands; i++)
        strcat(to, "00A4000C026F7E");
    return strcat(to, WRITE_ACC);
}

/* A change of a bit of an octet in turn, and each of its values `every` so many octets. */
static void change_each_octet(struct fixture *f, struct span valid, unsigned every)
{
    uint8_t packet[2048];
    for (size_t i = 0; i < valid.n; i++) {
        unsigned all = i % every == 0 || i < 10 ? 255 : 8;
        for (unsigned k = 1; k <= all; k++) {
            memcpy(packet, valid.p, valid.n);
            packet[i] ^= (uint8_t)(all == 8 ? 1u << (k - 1) : k);
            send(f, span_of(packet, valid.n));
            uniform(f, span_of(packet, valid.n));
        }
    }
}

static void test_every_change_is_refused(void **state)
{
    struct fixture *f = *state;
    char text[1000];
    uint8_t packet[2048];
    static const uint16_t spis[] = {0x1619, 0x1221, 0x1E02, 0x0239, 0x0E09, 0x0601, 0x0A12, 0x1A15};
    for (unsigned version = 1; version <= ATTACK_VERSIONS; version++)
        for (size_t s = 0; s < sizeof spis / sizeof spis[0]; s++) {
            if (version > 3 && s != version % 4 && s != 4)
                continue; /* all SPIs with AES and both kinds of 3DES, two of them with the others */
            struct attack_packet a = {version, spis[s], "B00020", WRITE_ACC, 77, 0};
            struct snapshot before = take(f);
            size_t n = attack_build(f, &a, packet, sizeof packet);
            change_each_octet(f, span_of(packet, n), version <= 2 ? 1 : 1000);
            unchanged(f, &before);
        }
    /* expanded format; in parts */
    const struct attack_packet expanded = {1,
                                           SPI,
                                           USIM_TAR,
                                           "AA10"
                                           "220700A4000C026F78"
                                           "220500B0000002",
                                           78,
                                           0};
    const struct attack_packet parts[] = {{1, SPI, USIM_TAR, long_script(text, 30), 79, 0},
                                          {2, SPI, USIM_TAR, text, 80, 0}};
    struct snapshot before = take(f);
    size_t n = attack_build(f, &expanded, packet, sizeof packet);
    change_each_octet(f, span_of(packet, n), 1000);
    for (int i = 0; i < 2; i++) {
        n = attack_build(f, &parts[i], packet, sizeof packet);
        assert_true(n > 140);
        change_each_octet(f, span_of(packet, n), 1000);
    }
    unchanged(f, &before);
    send(f, span_of(packet, n)); /* and as it was, it is obeyed */
    assert_int_equal(por_of(f, &parts[1]).status, SCP80_POR_OK);
    assert_int_equal(acc(f), 4);
}

/* Truncated and extended: by every number of octets, with CPL as it was and with CPL that fits. */
static void test_every_length_is_refused(void **state)
{
    struct fixture *f = *state;
    uint8_t packet[400];
    for (unsigned version = 1; version <= 4; version++) {
        const struct attack_packet a = {version, SPI, USIM_TAR, WRITE_ACC, 77, 0};
        size_t n = attack_build(f, &a, packet, sizeof packet);
        struct snapshot before = take(f);
        for (size_t k = 0; k < n + 80; k++) {
            uint8_t other[400] = {0};
            memcpy(other, packet, n);
            if (k == n)
                continue;
            send(f, span_of(other, k));
            if (k > 9)
                uniform(f, span_of(other, k));
            if (k < 2)
                continue;
            other[0] = (uint8_t)((k - 2) >> 8);
            other[1] = (uint8_t)(k - 2);
            send(f, span_of(other, k));
            if (k > 9)
                uniform(f, span_of(other, k));
        }
        unchanged(f, &before);
    }
}

/* Everything that can be wrong with a packet and is seen only with a key; all under the same header but for
 * what is wrong. */
enum wrong {
    WRONG_CC,
    WRONG_PADDING,
    UNKNOWN_KEYSET,
    OTHER_KEYSET,
    KIC_OF_ANOTHER,
    KID_OF_ANOTHER,
    WRONG_ALGORITHM,
    WRONG_KEYS,
    WRONGS
};

static void make_wrong(struct fixture *f, const struct attack_packet *a, enum wrong wrong, uint8_t *packet,
                       size_t n)
{
    struct keyset keys;
    struct scp80_command c;
    unsigned other = a->version == 5 ? 4 : 5;
    switch (wrong) {
    case WRONG_CC:
        packet[n - 1] ^= 1;
        break;
    case WRONG_PADDING: { /* PCNTR FF under a CC and a ciphering that are right */
        uint8_t iv[16] = {0}, mac[16], *secured = packet + 10;
        attack_keys(f, a->version, &keys);
        assert_true(scp80_command_parse(span_of(packet, n), &c) == SCP80_POR_OK);
        struct span kic = span_of(keys.kic, keys.kic_len), kid = span_of(keys.kid, keys.kid_len);
        bool aes = keys.kic_algorithm == OTA_AES;
        assert_true(aes ? aes_cbc_decrypt(f->crypto, kic, iv, secured, secured, n - 10)
                        : des_cbc_decrypt(f->crypto, kic, iv, secured, secured, n - 10));
        secured[5] = 0xFF;
        const struct span parts[] = {span_of(packet, 16),
                                     span_of(packet + 16 + keys.mac_len, n - 16 - keys.mac_len)};
        assert_true(keys.kid_algorithm == OTA_AES ? aes_cmac(f->crypto, kid, parts, 2, mac)
                                                  : des_mac(f->crypto, kid, parts, 2, mac));
        memcpy(packet + 16, mac, keys.mac_len);
        assert_true(aes ? aes_cbc_encrypt(f->crypto, kic, iv, secured, secured, n - 10)
                        : des_cbc_encrypt(f->crypto, kic, iv, secured, secured, n - 10));
        break;
    }
    case UNKNOWN_KEYSET:
        packet[5] = (uint8_t)(0xC0 | (packet[5] & 0x0F));
        packet[6] = (uint8_t)(0xC0 | (packet[6] & 0x0F));
        break;
    case OTHER_KEYSET:
        packet[5] = (uint8_t)(other << 4 | (packet[5] & 0x0F));
        packet[6] = (uint8_t)(other << 4 | (packet[6] & 0x0F));
        break;
    case KIC_OF_ANOTHER:
        packet[5] = (uint8_t)(other << 4 | (packet[5] & 0x0F));
        break;
    case KID_OF_ANOTHER:
        packet[6] = (uint8_t)(0xC0 | (packet[6] & 0x0F));
        break;
    case WRONG_ALGORITHM:
        packet[5] = (uint8_t)((packet[5] & 0xF0) | ((packet[5] & 0x0F) == 0x05 ? 0x09 : 0x05));
        packet[6] = (uint8_t)((packet[6] & 0xF0) | ((packet[6] & 0x0F) == 0x05 ? 0x09 : 0x05));
        break;
    default:
        for (size_t i = 10; i < n; i++)
            packet[i] = (uint8_t)(packet[i] * 7 + 13);
    }
}

static void assert_same_cost(const struct fixture *f, struct cost a, struct cost b, const char *what)
{
    (void)f;
    if (a.decryptions != b.decryptions || a.encryptions != b.encryptions || a.macs != b.macs ||
        a.decrypted != b.decrypted || a.authenticated != b.authenticated)
        fail_msg("%s: %u decryptions of %zu octets, %u encryptions, %u checksums of %zu; others %u of %zu, "
                 "%u, %u of %zu",
                 what, a.decryptions, a.decrypted, a.encryptions, a.macs, a.authenticated, b.decryptions,
                 b.decrypted, b.encryptions, b.macs, b.authenticated);
}

static void same_cost_whatever_is_wrong(struct fixture *f, uint16_t spi, const char *tar)
{
    static const char *const names[WRONGS] = {"wrong CC",        "wrong padding",  "unknown keyset",
                                              "other keyset",    "KIc of another", "KID of another",
                                              "wrong algorithm", "wrong keys"};
    uint8_t valid[400], packet[400];
    for (unsigned version = 1; version <= 5; version++) {
        const struct attack_packet a = {version, spi, tar, WRITE_ACC, 77, 0};
        struct cost first = {0};
        size_t n = attack_build(f, &a, valid, sizeof valid);
        struct snapshot before = take(f);
        for (enum wrong w = 0; w < WRONGS; w++) {
            memcpy(packet, valid, n);
            make_wrong(f, &a, w, packet, n);
            if (w == WRONG_ALGORITHM && (spi & 0x0400) == 0)
                continue; /* below */
            spent = (struct cost){0};
            send(f, span_of(packet, n));
            uniform(f, span_of(packet, n));
            assert_true(spent.macs > 0);
            assert_int_equal(spent.encryptions, 0); /* no key is used for the answer */
            if (w == 0)
                first = spent;
            assert_same_cost(f, spent, first, names[w]);
        }
        unchanged(f, &before);
    }
}

static void test_same_answer_and_cost(void **state)
{
    same_cost_whatever_is_wrong(*state, SPI, USIM_TAR);
    same_cost_whatever_is_wrong(*state, 0x1602, USIM_TAR);
}

static void put_on_trial(struct fixture *f)
{
    struct fixture_por por;
    char script[200];
    fixture_order("001020000000001", -1, NULL, script, sizeof script);
    const struct fixture_ota ota = {0, SPI, "BFFF3B", script, 0};
    fixture_ota(f, &ota, &por);
    assert_int_equal(por.status, SCP80_POR_OK);
    assert_int_equal(por.verdict, SCP80_GENUINE);
    exchange(f, "8012000000", "D009*"); /* REFRESH */
    exchange(f, "801400000C810301010482028281830100", "9*");
}

/* Two keysets of one version, while a subscription is on trial: what is not authentic must not tell that, nor
 * which versions there are. */
static void test_same_cost_on_trial(void **state)
{
    put_on_trial(*state);
    same_cost_whatever_is_wrong(*state, SPI, USIM_TAR);
}

/* Nor for the issuer's security domain, which may have a third of that version. */
static void test_same_cost_of_three(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open_text(
        &f,
        "format: 1\ninclude: test\nname: three\napplets:\n  - class: isd\n    keys:\n"
        "      - {kvn: \"01\", algorithm: aes, bits: 128, enc: derived, mac: derived, dek: derived}\nkeysets:\n" ATTACK_KEYSET(
            2, "3des", 128, "3des", 128, 8) ATTACK_KEYSET(3, "3des", 192, "3des", 192, 8)
            ATTACK_KEYSET(4, "aes", 256, "aes", 256, 4) ATTACK_KEYSET(5, "aes", 192, "aes", 192, 8));
    fixture_terminal_profile(&f);
    put_on_trial(&f);
    same_cost_whatever_is_wrong(&f, SPI, "000000");
    fixture_close(&f);
}

/* Random packets whose lengths make sense: what each costs follows from its header alone, whatever the keys.
 */
static void test_cost_of_random_packets(void **state)
{
    struct fixture *f = *state;
    uint64_t r = 0x1234567;
    static const uint8_t nibbles[] = {0x01, 0x02, 0x05, 0x09};
    struct cost known = {0}; /* summed over packets under keysets that there are, and under others */
    struct cost unknown = {0};
    struct snapshot before = take(f);
    for (int i = 0; i < 4000; i++) {
        uint8_t packet[120];
        size_t n = 10 + 16 * (1 + next(&r) % 6);
        uint64_t same = r;
        for (int pass = 0; pass < 2;
             pass++) { /* the same packet, once for keysets 1 to 7 and once for 8 to 14 */
            r = same;
            for (size_t k = 0; k < n; k++)
                packet[k] = (uint8_t)next(&r);
            uint8_t version = (uint8_t)((1 + next(&r) % 7 + (pass == 0 ? 0 : 7)) << 4);
            packet[0] = 0;
            packet[1] = (uint8_t)(n - 2);
            packet[3] = (uint8_t)(SPI1_CC | (next(&r) & 0x1C));
            packet[2] = next(&r) % 4 == 0 ? 0x11 : 0x15;
            packet[4] = (uint8_t)(1 + next(&r) % 2);
            packet[5] = version | nibbles[next(&r) % 4];
            packet[6] = version | nibbles[next(&r) % 4];
            spent = (struct cost){0};
            send(f, span_of(packet, n));
            uniform(f, span_of(packet, n));
            struct cost *sum = pass == 0 ? &known : &unknown;
            sum->decryptions += spent.decryptions;
            sum->macs += spent.macs;
            sum->encryptions += spent.encryptions;
            sum->decrypted += spent.decrypted;
            sum->authenticated += spent.authenticated;
            assert_int_equal(spent.decryptions > 0, (packet[3] & SPI1_CIPHERING) != 0);
        }
        assert_same_cost(f, known, unknown, "packets under known keysets");
    }
    unchanged(f, &before);
}

/* What cannot be authentic, since it has no CC, is not tried with a key: whether it makes sense when
 * deciphered would be an oracle. */
static void test_no_oracle_without_checksum(void **state)
{
    struct fixture *f = *state;
    uint64_t r = 99;
    uint8_t answer[UICC_RESPONSE_MAX];
    size_t answer_len = 0;
    struct snapshot before = take(f);
    for (int i = 0; i < 600; i++) {
        uint8_t packet[] = {0, 40, 0x0D, 0x14, 0x01, 0x12, 0x12, 0xB0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                            0, 0,  0,    0,    0,    0,    0,    0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
        packet[5] = (uint8_t)((1 + (i & 1) * 10) << 4 | 2);
        for (size_t k = 10; k < sizeof packet; k++)
            packet[k] = (uint8_t)next(&r);
        spent = (struct cost){0};
        send(f, span_of(packet, sizeof packet));
        assert_int_equal(spent.decryptions + spent.encryptions + spent.macs, 0);
        if (i == 0) {
            answer_len = f->response_len;
            memcpy(answer, f->response, answer_len);
        }
        assert_int_equal(f->response_len, answer_len);
        assert_memory_equal(f->response, answer, answer_len);
    }
    unchanged(f, &before);
}

/* ---- "counter low, high, blocked" ---- */

static void test_counter_modes(void **state)
{
    struct fixture *f = *state;
    static const struct {
        uint16_t spi;
        uint64_t cntr;
        unsigned status;
    } steps[] = {
        {0x1219, 10, SCP80_POR_OK},
        {0x1219, 10, SCP80_CNTR_LOW},
        {0x1219, 9, SCP80_CNTR_LOW},
        {0x1219, 0, SCP80_CNTR_LOW},
        {0x1A19, 12, SCP80_CNTR_HIGH},
        {0x1A19, 10, SCP80_CNTR_LOW},
        {0x1A19, 11, SCP80_POR_OK},
        {0x1A19, 11, SCP80_CNTR_LOW},
        {0x0219, 3, SCP80_POR_OK},
        {0x0A19, 99, SCP80_POR_OK}, /* neither of these looks at it or moves it */
        {0x1A19, 12, SCP80_POR_OK},
        {0x1219, 0x100, SCP80_POR_OK},
        {0x1219, 0xFF, SCP80_CNTR_LOW},
        {0x1219, 0x1000000FF, SCP80_POR_OK},
        {0x1219, 0x1000000FE, SCP80_CNTR_LOW},
        {0x1A19, 0xFFFFFFFFFF, SCP80_CNTR_HIGH},
        {0x1219, 0xFFFFFFFFFE, SCP80_POR_OK},
        {0x1A19, 0xFFFFFFFFFF, SCP80_POR_OK},
        {0x1219, 0xFFFFFFFFFF, SCP80_CNTR_BLOCKED},
        {0x1A19, 0, SCP80_CNTR_BLOCKED},
        {0x1219, 1, SCP80_CNTR_BLOCKED},
        {0x0219, 1, SCP80_POR_OK},
    };
    for (unsigned version = 1; version <= ATTACK_VERSIONS;
         version++) /* each keyset has a counter of its own */
        for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
            const struct attack_packet a = {version,          steps[i].spi,  "B00020",
                                            "00A4000C026F78", steps[i].cntr, 0};
            struct fixture_por por = send_and_open(f, &a);
            assert_int_equal(por.verdict, SCP80_GENUINE);
            if (por.status != steps[i].status)
                fail_msg("keyset %u, step %zu: status %02x, want %02x", version, i, por.status,
                         steps[i].status);
            if (i % 3 == 0)
                fixture_restart(f); /* it is durable */
        }
}

/* Only what verified learns that a counter is low, and nothing but what verified moves it. */
static void test_counter_needs_checksum(void **state)
{
    struct fixture *f = *state;
    uint8_t packet[200];
    struct attack_packet a = {1, SPI, USIM_TAR, WRITE_ACC, 1000, 0};
    assert_int_equal(send_and_open(f, &a).status, SCP80_POR_OK);
    struct snapshot before = take(f);
    for (uint64_t cntr = 998; cntr < 1003; cntr++) {
        a.cntr = cntr;
        size_t n = attack_build(f, &a, packet, sizeof packet);
        packet[n - 1] ^= 0x40;
        send(f, span_of(packet, n));
        uniform(f, span_of(packet, n));
    }
    a = (struct attack_packet){1, 0x1401, "B00021", WRITE_ACC, 5000, 0}; /* ciphered, counted, without CC */
    assert_int_equal(send_and_open(f, &a).status, SCP80_SECURITY_LEVEL);
    a = (struct attack_packet){0, 0x1001, "B00023", WRITE_ACC, 5000, 0};
    assert_int_equal(send_and_open(f, &a).status, SCP80_SECURITY_LEVEL);
    unchanged(f, &before);
}

/* Stored before anything runs: a power cut in the script costs the command, not the protection. */
static void test_counter_before_execution(void **state)
{
    struct fixture *f = *state;
    uint8_t packet[200];
    const struct attack_packet a = {1, SPI, USIM_TAR, WRITE_ACC, 7, 0};
    size_t n = attack_build(f, &a, packet, sizeof packet);
    bool obeyed = false;
    for (unsigned cut = 0; cut < 6 && !obeyed; cut++) {
        fault_store_cut_at(f->store, cut);
        send(f, span_of(packet, n));
        bool was_cut = fault_store_is_cut(f->store);
        fixture_restart(f);
        unsigned now = acc(f);
        send(f, span_of(packet, n));
        struct fixture_por por = por_of(f, &a);
        if (cut == 0)
            assert_int_equal(now, 1);
        if (por.status == SCP80_POR_OK) {
            assert_int_equal(now, 1); /* it had not run: only then may it run now */
            obeyed = true;
        } else {
            assert_int_equal(por.status, SCP80_CNTR_LOW);
        }
        if (!was_cut)
            break;
    }
    send(f, span_of(packet, n));
    assert_int_equal(por_of(f, &a).status, SCP80_CNTR_LOW);
}

/* A session recorded and played back in any order, as often as one likes. */
static void test_replay_and_reordering(void **state)
{
    struct fixture *f = *state;
    uint8_t packet[6][200];
    size_t n[6];
    struct attack_packet a = {1, SPI, USIM_TAR, WRITE_ACC, 0, 0};
    for (unsigned i = 0; i < 6; i++) {
        a.cntr = 10 + i;
        n[i] = attack_build(f, &a, packet[i], sizeof packet[i]);
    }
    static const uint8_t order[] = {0, 0, 2, 1, 2, 0, 4, 3, 4, 5, 5, 4, 3, 2, 1, 0};
    int highest = -1;
    for (size_t k = 0; k < sizeof order; k++) {
        struct snapshot before = take(f);
        send(f, span_of(packet[order[k]], n[order[k]]));
        struct fixture_por por = por_of(f, &a);
        assert_int_equal(por.verdict, SCP80_GENUINE);
        assert_int_equal(por.status, order[k] > highest ? SCP80_POR_OK : SCP80_CNTR_LOW);
        if (order[k] > highest) {
            highest = order[k];
            free(before.p);
        } else {
            unchanged(f, &before);
        }
    }
}

/* ---- "security below the application's minimum" ---- */

static void test_security_levels(void **state)
{
    static const struct {
        const char *tar;
        uint8_t msl;
    } targets[] = {{"B00000", 0x16}, {USIM_TAR, 0x16}, {"BFFF3B", 0x16}, {"B00020", 0x02},
                   {"B00021", 0x04}, {"B00022", 0x01}, {"B00023", 0}};
    struct fixture *f = *state;
    uint64_t cntr = 100;
    for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++)
        for (unsigned spi1 = 0; spi1 < 0x20; spi1++) {
            if ((spi1 & SPI1_CHECK) == SPI1_DS)
                continue;
            bool rc = (spi1 & SPI1_CHECK) == SPI1_RC, cc = (spi1 & SPI1_CHECK) == SPI1_CC,
                 ciphered = (spi1 & SPI1_CIPHERING) != 0;
            uint64_t stored = cntr++;
            const struct attack_packet first = {1, 0x1219, "B00020", "", stored, 0};
            assert_int_equal(send_and_open(f, &first).status, SCP80_POR_OK);
            struct attack_packet a = {
                cc || ciphered ? 1 : 0, (uint16_t)(spi1 << 8 | 1), targets[t].tar, "00A4000C022FE2", cntr++,
                rc ? 0x05 : 0};
            bool reached = (spi1 & 3) >= (targets[t].msl & 3) && (spi1 & 4) >= (targets[t].msl & 4) &&
                           (spi1 & 0x18) >= (targets[t].msl & 0x18);
            if (!cc && (spi1 & 0x10) != 0)
                reached = false; /* nobody may move a counter without a checksum */
            struct snapshot before = take(f);
            struct fixture_por por = send_and_open(f, &a);
            assert_true(por.answered);
            if (por.status != (reached ? SCP80_POR_OK : SCP80_SECURITY_LEVEL))
                fail_msg("TAR %s, SPI1 %02x: %02x", targets[t].tar, spi1, por.status);
            if (reached && (spi1 & 0x10) != 0)
                free(before.p);
            else
                unchanged(f, &before);
        }
}

/* Level 0 gives no rights: what access domain the TAR has, is all there is. */
static void test_no_security_no_rights(void **state)
{
    struct fixture *f = *state;
    struct snapshot before = take(f);
    struct attack_packet a = {0, 0x0001, "B00023", WRITE_ACC, 0, 0};
    struct fixture_por por = send_and_open(f, &a);
    assert_int_equal(por.verdict, SCP80_UNPROTECTED);
    assert_int_equal(por.status, SCP80_POR_OK);
    assert_memory_equal(por.data, "\x02\x69\x82", 3);
    a = (struct attack_packet){0,         0x0101, "B00022",
                               WRITE_ACC, 0,      0x05}; /* CRC 32: right, and no proof of anything */
    por = send_and_open(f, &a);
    assert_int_equal(por.status, SCP80_POR_OK);
    assert_memory_equal(por.data, "\x02\x69\x82", 3);
    a.kid = 0x01; /* CRC 16 */
    por = send_and_open(f, &a);
    assert_int_equal(por.status, SCP80_POR_OK);
    /* wrong RC: uniform */
    uint8_t packet[100];
    for (uint8_t kid = 1; kid <= 5; kid += 4) {
        a.kid = kid;
        size_t n = attack_build(f, &a, packet, sizeof packet);
        for (size_t i = 10; i < n; i++) {
            if (i == 15)
                continue; /* PCNTR: any but 0 makes no sense here */
            packet[i] ^= 0x10;
            send(f, span_of(packet, n));
            uniform(f, span_of(packet, n));
            packet[i] ^= 0x10;
        }
    }
    unchanged(f, &before);
}

/* Nor does it make the terminal do anything: send (and pay for) a message, start anew. */
static void test_no_security_no_actions(void **state)
{
    struct fixture *f = *state;
    static const char *const scripts[] = {
        "AA0E" "8105" "8103010104" "220500A4000C00",                                 /* REFRESH */
        "AA13" "8111" "8103011300" "8B0A" "01000A8121436587F900",                    /* SEND SMS */
        /* when something fails */
        "AA15" "8205" "8103010104" "220C" "00FF000000" "0000000000" "0000",
        "AE80" "8105" "8103010104" "0000",
    };
    fixture_terminal_profile(f);
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        struct attack_packet a = {0, 0x0001, "B00023", scripts[i], 0, 0};
        struct fixture_por por = send_and_open(f, &a);
        assert_int_equal(por.status, SCP80_POR_OK);
        apdu(f, "8012000000", "6985");
    }
}

/* Nor does it end, or begin, a chain of scripts. */
static void test_no_security_no_chains(void **state)
{
    struct fixture *f = *state;
    static const char *const strangers[] = {"00A4000C026F7E",
                                            "AA0C"
                                            "830101"
                                            "220700A4000C026F7E",
                                            "AA03"
                                            "830103",
                                            "AA03"
                                            "830104"};
    struct fixture_por por;
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        const struct fixture_ota first = {0, FIXTURE_SPI, "B00001", "AA0C" "830101" "220700A4000C026F78", 0},
                                 last = {0, FIXTURE_SPI, "B00001", "AA0A" "830103" "220500B0000002", 0};
        fixture_ota(f, &first, &por);
        assert_int_equal(por.status, SCP80_POR_OK);
        struct snapshot before = take(f);
        struct attack_packet a = {0, 0x0001, "B00023", strangers[i], 0, 0};
        por = send_and_open(f, &a);
        assert_int_equal(por.status, SCP80_POR_OK);
        unchanged(f, &before);
        fixture_ota(f, &last, &por);
        assert_int_equal(por.n, 11);
        assert_memory_equal(por.data, "\xAB\x09\x80\x01\x01\x23\x04", 7);
    }
}

/* ---- "TAR unknown", and every TAR without any security ---- */

static void test_unknown_tars(void **state)
{
    struct fixture *f = *state;
    uint64_t r = 4711;
    char tar[7];
    struct snapshot before = take(f);
    for (int i = 0; i < 400; i++) {
        snprintf(tar, sizeof tar, "%06x", next(&r) & 0xFFFFFF);
        if (i < 24) /* one bit away from one that there is */
            snprintf(tar, sizeof tar, "%06x", 0xB00001 ^ (1u << i));
        if (strncmp(tar, "b0000", 5) == 0 || strncmp(tar, "b0002", 5) == 0)
            continue; /* these there are */
        const struct attack_packet a = {1 + (unsigned)i % ATTACK_VERSIONS, SPI, tar, WRITE_ACC, 1000, 0};
        struct fixture_por por = send_and_open(f, &a);
        assert_int_equal(por.verdict, SCP80_GENUINE);
        assert_int_equal(por.status, SCP80_TAR_UNKNOWN);
        assert_int_equal(por.n, 0);
    }
    unchanged(f, &before); /* the counter too: what reached nobody used nothing up */
}

static void test_every_tar_without_security(void **state)
{
    struct fixture *f = *state;
    static const char *const scripts[] = {WRITE_ACC,
                                          "80E2900002E100",
                                          "AA09220700A4000C026F78",
                                          "00A4000C022FE200B000000A",
                                          "80CAE30000",
                                          "80D8018100",
                                          ""};
    /* those of ETSI TS 101 220 annex D, of our profile, and some hundreds more */
    uint64_t r = 5;
    struct snapshot before = take(f);
    for (unsigned i = 0; i < 800; i++) {
        char tar[7];
        unsigned value = i < 256   ? 0xB00000 + i
                         : i < 260 ? (const unsigned[]){0x000000, 0xBFFF3B, 0xB20100, 0xB00100}[i - 256]
                                   : next(&r) & 0xFFFFFF;
        if (value == 0xB00023) /* the one that is open, by its profile */
            continue;
        snprintf(tar, sizeof tar, "%06X", value);
        bool known = value == 0xB00000 || value == 0xB00001 || value == 0xBFFF3B || value == 0 ||
                     (value >= 0xB00020 && value <= 0xB00022);
        struct attack_packet a = {0, 0x0000, tar, scripts[i % 7], i, 0};
        spent = (struct cost){0};
        send_built(f, &a);
        silence(f);
        a.spi = 0x0001;
        struct fixture_por por = send_and_open(f, &a);
        assert_int_equal(spent.decryptions + spent.encryptions + spent.macs, 0);
        assert_int_equal(por.verdict, SCP80_UNPROTECTED);
        assert_int_equal(por.status, known ? SCP80_SECURITY_LEVEL : SCP80_TAR_UNKNOWN);
        assert_int_equal(por.n, 0);
        a.spi = 0x0039; /* ciphered and signed, by SUBMIT: not for somebody without keys */
        a.spi |= 1;
        por = send_and_open(f, &a);
        assert_int_equal(spent.encryptions + spent.macs, 0);
        assert_int_equal(por.verdict, SCP80_UNPROTECTED);
        apdu(f, "8012000000", "6985"); /* nothing is sent */
    }
    unchanged(f, &before);
}

static void test_silent_policy(void **state)
{
    (void)state;
    struct fixture f;
    uint8_t packet[200];
    fixture_open_text(&f, ATTACK_PROFILE "ota: {silent: yes}\n");
    fixture_terminal_profile(&f);
    struct snapshot before = take(&f);
    struct attack_packet a = {1, SPI, USIM_TAR, WRITE_ACC, 9, 0};
    size_t n = attack_build(&f, &a, packet, sizeof packet);
    for (size_t i = 0; i < n; i++) {
        packet[i] ^= 0x04;
        send(&f, span_of(packet, n));
        silence(&f);
        packet[i] ^= 0x04;
    }
    static const struct attack_packet weak[] = {{0, 0x0001, USIM_TAR, "", 0, 0},
                                                {0, 0x0001, "123456", "", 0, 0},
                                                {1, 0x0401, USIM_TAR, "", 0, 0},
                                                {0, 0x0101, "B00022", "", 0, 5},
                                                {0, 0x0001, "B00023", "", 0, 0}};
    for (size_t i = 0; i < sizeof weak / sizeof weak[0]; i++) {
        send_built(&f, &weak[i]);
        silence(&f);
    }
    unchanged(&f, &before);
    a.tar = "123456"; /* who has the keys is answered */
    assert_int_equal(send_and_open(&f, &a).status, SCP80_TAR_UNKNOWN);
    a.tar = USIM_TAR;
    assert_int_equal(send_and_open(&f, &a).status, SCP80_POR_OK);
    fixture_close(&f);
}

/* ---- "PoR required: no, always, on error only; by DELIVER-REPORT or SUBMIT; none, RC, CC; ciphered or not"
 * ---- */

static void fetch_answer(struct fixture *f)
{
    struct sms_submit sms;
    struct span content, tpdu;
    exchange(f, "8012000000", "*");
    assert_true(f->response_len > 40);
    assert_true(tlv_find(span_of(f->response, f->response_len - 2), 0xD0, &content));
    assert_true(ctlv_find(content, 0x0B, 0, &tpdu));
    assert_true(sms_submit_parse(tpdu, &sms));
    uint8_t copy[SMS_UD_MAX];
    size_t n = sms.user_data.n;
    memcpy(copy, sms.user_data.p, n);
    answer_proactive(f, 0, "", "9*");
    memcpy(f->response, copy, n);
    f->response[n] = 0x90;
    f->response[n + 1] = 0;
    f->response_len = n + 2;
}

/* Who has no key and needs none gets his answer, too: CNTR as he sent it (TS 102 225 5.2), with the
 * redundancy check he asked for; what takes a key, he does not. */
static void test_por_without_keys(void **state)
{
    static const struct {
        uint16_t spi;
        const char *tar;
        uint8_t kid, status;
        size_t check;
    } rows[] = {
        {0x0001, "B00023", 0, SCP80_POR_OK, 0},    {0x0005, "B00023", 0x05, SCP80_POR_OK, 4},
        {0x0905, "B00022", 0x01, SCP80_POR_OK, 2}, {0x0915, "B00022", 0x05, SCP80_POR_OK, 0},
        {0x0909, "B00022", 0x05, SCP80_POR_OK, 0}, {0x0006, "777777", 0x05, SCP80_TAR_UNKNOWN, 4},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct attack_packet a = {0,          rows[i].spi, rows[i].tar, "00A4000C026F78", 0x0102030405,
                                        rows[i].kid};
        struct fixture_por por = send_and_open(f, &a);
        assert_int_equal(por.verdict, SCP80_UNPROTECTED);
        assert_true(f->response_len >= 16 + rows[i].check);
        assert_int_equal(f->response[5], 10 + rows[i].check);
        assert_memory_equal(f->response + 9, "\x01\x02\x03\x04\x05\x00", 6);
        assert_int_equal(f->response[15], rows[i].status);
    }
    /* What a key had to decipher is not said: CNTR zero. */
    const struct attack_packet ciphered = {1, 0x0C01, "B00021", "00A4000C026F78", 0x0102030405, 0};
    struct fixture_por por = send_and_open(f, &ciphered);
    assert_int_equal(por.status, SCP80_POR_OK);
    assert_memory_equal(f->response + 9, "\0\0\0\0\0", 5);
}

static void test_por_modes(void **state)
{
    struct fixture *f = *state;
    uint64_t cntr = 0;
    for (unsigned version = 1; version <= ATTACK_VERSIONS; version++)
        for (unsigned spi2 = 0; spi2 < 0x100; spi2++) {
            unsigned check = (spi2 & SPI2_POR_CHECK) >> 2, por_wanted = spi2 & SPI2_POR;
            bool submit = (spi2 & SPI2_POR_SUBMIT) != 0;
            if (por_wanted == 3 || (por_wanted != 0 && check == 3))
                continue; /* cannot be built: test_reserved_codings */
            for (int error = 0; error < 2; error++) {
                const struct attack_packet a = {
                    version, (uint16_t)(0x1600 | spi2), error ? "777777" : USIM_TAR, "00A4000C026F78", ++cntr,
                    0};
                spent = (struct cost){0};
                uint16_t sw = send_built(f, &a);
                unsigned encryptions = spent.encryptions;
                bool wanted = por_wanted == SPI2_POR_ALWAYS || (por_wanted == SPI2_POR_ON_ERROR && error);
                assert_int_equal(sw >> 8, wanted && submit ? 0x91 : 0x90);
                struct fixture_por por = por_of(f, &a);
                assert_int_equal(por.answered, wanted);
                if (!wanted)
                    continue;
                assert_int_equal(encryptions,
                                 1 + ((spi2 & SPI2_POR_CIPHERED) != 0 ? 1 + submit : 0)); /* 1: ours */
                assert_int_equal(por.verdict, check == 2 ? SCP80_GENUINE : SCP80_UNPROTECTED);
                if (submit) {
                    assert_int_equal(por.status, SCP80_RESPONSE_BY_SUBMIT);
                    assert_int_equal(por.n, 0);
                    fetch_answer(f);
                    por = por_of(f, &a);
                    assert_int_equal(por.verdict, check == 2 ? SCP80_GENUINE : SCP80_UNPROTECTED);
                }
                assert_int_equal(por.status, error ? SCP80_TAR_UNKNOWN : SCP80_POR_OK);
                assert_int_equal(por.n, error ? 0 : 3);
            }
        }
}

/* SPI2 and SPI1 with codings that nobody has defined, under a CC that is right. */
static void test_reserved_codings(void **state)
{
    struct fixture *f = *state;
    struct keyset keys;
    uint8_t iv[16] = {0}, mac[16], packet[100];
    attack_keys(f, 1, &keys);
    struct snapshot before = take(f);
    static const uint16_t bad[] = {0x1603, 0x160D, 0x161E, 0x1719, 0x1733};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct attack_packet a = {1, SPI, USIM_TAR, WRITE_ACC, 50, 0};
        size_t n = attack_build(f, &a, packet, sizeof packet);
        struct span kic = span_of(keys.kic, keys.kic_len), kid = span_of(keys.kid, keys.kid_len);
        assert_true(aes_cbc_decrypt(f->crypto, kic, iv, packet + 10, packet + 10, n - 10));
        packet[3] = (uint8_t)(bad[i] >> 8);
        packet[4] = (uint8_t)bad[i];
        const struct span parts[] = {span_of(packet, 16), span_of(packet + 24, n - 24)};
        assert_true(aes_cmac(f->crypto, kid, parts, 2, mac));
        memcpy(packet + 16, mac, 8);
        assert_true(aes_cbc_encrypt(f->crypto, kic, iv, packet + 10, packet + 10, n - 10));
        send(f, span_of(packet, n));
        uniform(f, span_of(packet, n));
    }
    unchanged(f, &before);
}

/* ---- "no key is used in an answer to a message that was not authenticated" ---- */

static void test_no_key_for_the_unauthenticated(void **state)
{
    struct fixture *f = *state;
    uint8_t packet[200];
    for (unsigned version = 1; version <= ATTACK_VERSIONS; version++)
        for (unsigned spi2 = 1; spi2 < 0x40; spi2++) {
            if ((spi2 & SPI2_POR) == 3 || (spi2 & SPI2_POR_CHECK) == SPI2_POR_DS)
                continue;
            const struct attack_packet a = {version, (uint16_t)(0x1600 | spi2), USIM_TAR, WRITE_ACC, 9, 0};
            size_t n = attack_build(f, &a, packet, sizeof packet);
            packet[n - 3] ^= 0x80;
            spent = (struct cost){0};
            send(f, span_of(packet, n));
            assert_int_equal(spent.encryptions, 0);
            unsigned macs = spent.macs;
            uniform(f, span_of(packet, n));
            packet[4] = 0; /* asks for nothing: the same number of checksums, so none was for an answer */
            spent = (struct cost){0};
            send(f, span_of(packet, n));
            assert_int_equal(spent.macs, macs);
            silence(f);
            apdu(f, "8012000000", "6985");
        }
}

/* ---- "CPL, CHL, PCNTR, UDHL, TLV lengths: checked before crypto" ---- */

static void test_lengths_before_crypto(void **state)
{
    struct fixture *f = *state;
    uint8_t packet[100];
    const struct attack_packet a = {1, SPI, USIM_TAR, WRITE_ACC, 9, 0};
    size_t n = attack_build(f, &a, packet, sizeof packet);
    struct snapshot before = take(f);
    for (unsigned at = 0; at < 3; at++)
        for (unsigned value = 0; value < 256; value++) {
            uint8_t was = packet[at];
            if (value == was ||
                (at == 2 &&
                 value == 0x11)) /* CHL 11: a checksum of 4 octets, which only the key knows it has not */
                continue;
            packet[at] = (uint8_t)value;
            spent = (struct cost){0};
            send(f, span_of(packet, n));
            assert_int_equal(spent.decryptions + spent.macs, 0);
            uniform(f, span_of(packet, n));
            packet[at] = was;
        }
    /* the headers around it: no length of an ENVELOPE can be off without the whole being dropped */
    struct fixture_message m[ATTACK_PARTS];
    assert_int_equal(attack_split(span_of(packet, n), 1, m), 1);
    size_t udhl = m[0].n - n - 3;
    const size_t lengths[] = {4, 6, 8, 12, udhl - 1, udhl, udhl + 2, 14};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        for (unsigned value = 0; value < 256; value++) {
            struct fixture_message changed = m[0];
            if (changed.apdu[lengths[i]] == value || (lengths[i] == 14 && value == 6))
                continue; /* an address of 6 digits takes as many octets as one of 5 */
            changed.apdu[lengths[i]] = (uint8_t)value;
            spent = (struct cost){0};
            fixture_transmit(f, span_of(changed.apdu, changed.n), true);
            assert_int_equal(spent.decryptions + spent.macs, 0);
        }
    unchanged(f, &before);
}

/* ---- "concatenation" ---- */

static size_t part(unsigned reference, bool wide, unsigned total, unsigned number, bool identifier,
                   struct span body, uint8_t out[261])
{
    uint8_t ud[SMS_UD_MAX];
    struct buf b = buf_of(ud, sizeof ud);
    buf_u8(&b, (uint8_t)((wide ? 6 : 5) + (identifier ? 2 : 0)));
    buf_u8(&b, wide ? UDH_CONCAT_16 : UDH_CONCAT_8);
    buf_u8(&b, wide ? 4 : 3);
    if (wide)
        buf_u8(&b, (uint8_t)(reference >> 8));
    buf_u8(&b, (uint8_t)reference);
    buf_u8(&b, (uint8_t)total);
    buf_u8(&b, (uint8_t)number);
    if (identifier)
        buf_u16(&b, 0x7000);
    buf_put(&b, body);
    assert_true(buf_ok(&b));
    return attack_envelope(buf_span(&b), true, 0x7F, 0xF6, out);
}

static void send_part(struct fixture *f, unsigned reference, bool wide, unsigned total, unsigned number,
                      bool identifier, struct span body)
{
    uint8_t command[261];
    size_t n = part(reference, wide, total, number, identifier, body, command);
    fixture_transmit(f, span_of(command, n), true);
}

static void test_concatenation(void **state)
{
    struct fixture *f = *state;
    uint8_t packet[2048], zeros[130] = {0};
    char text[1000];
    struct attack_packet a = {1, SPI, USIM_TAR, long_script(text, 30), 1, 0};
    size_t before_octets = uicc_footprint(f->card);
    size_t n = attack_build(f, &a, packet, sizeof packet);
    const struct span whole = span_of(packet, n), x = span_slice(whole, 0, 100),
                      y = span_slice(whole, 100, 100), z = span_slice(whole, 200, n);
    struct snapshot before = take(f);
    /* 0 of n, n of less, n of 0; more than the card puts together */
    send_part(f, 0, false, 3, 0, true, x);
    silence(f);
    send_part(f, 0, false, 3, 4, true, x);
    silence(f);
    send_part(f, 0, false, 0, 1, true, x);
    silence(f);
    for (unsigned total = 41; total < 256; total += 3)
        for (unsigned i = 1; i <= total; i++) {
            send_part(f, 7, false, total, i, i == 1, span_of(zeros, 100));
            silence(f);
        }
    assert_true(uicc_footprint(f->card) < before_octets + 4096);
    /* the identifier in a part that is not the first, or in none */
    send_part(f, 1, false, 3, 1, false, x);
    send_part(f, 1, false, 3, 2, true, y);
    send_part(f, 1, false, 3, 3, false, z);
    silence(f);
    send_part(f, 1, false, 3, 1, false, x);
    send_part(f, 1, false, 3, 2, false, y);
    send_part(f, 1, false, 3, 3, false, z);
    silence(f);
    /* two kinds of reference are two messages; totals that contradict each other start anew */
    send_part(f, 2, false, 3, 1, true, x);
    send_part(f, 2, true, 3, 2, false, y);
    send_part(f, 2, false, 3, 3, false, z);
    silence(f);
    send_part(f, 2, false, 4, 2, false, y);
    send_part(f, 2, false, 3, 1, true, x);
    send_part(f, 2, false, 3, 3, false, z);
    silence(f);
    /* parts swapped */
    send_part(f, 3, false, 3, 1, true, y);
    send_part(f, 3, false, 3, 2, false, x);
    send_part(f, 3, false, 3, 3, false, z);
    uniform(f, span_of(y.p, y.n));
    unchanged(f, &before);
    /* hundreds that are never finished: memory stays what it is */
    for (unsigned i = 0; i < 500; i++)
        send_part(f, 100 + i, true, 2 + i % 39, 1 + i % 2, true, x);
    assert_true(uicc_footprint(f->card) < before_octets + 64 * 1024);
    /* and in the middle of all that a whole one, reference 0, last part first, with duplicates */
    send_part(f, 0, true, 3, 3, false, z);
    send_part(f, 0, true, 3, 3, false, z);
    send_part(f, 0, true, 3, 1, true, x);
    send_part(f, 0, true, 3, 1, true, x);
    send_part(f, 0, true, 3, 2, false, y);
    assert_int_equal(por_of(f, &a).status, SCP80_POR_OK);
    send_part(f, 0, true, 3, 2, false, y); /* used again at once: nothing is left of it */
    silence(f);
    fixture_reset(f);
    assert_true(uicc_footprint(f->card) <= before_octets + 1024);
}

/* ---- "SMS that is not for the card, other ENVELOPE tags" ---- */

static void test_not_for_remote_management(void **state)
{
    struct fixture *f = *state;
    uint8_t packet[100], ud[SMS_UD_MAX], command[261];
    struct attack_packet a = {1, SPI, USIM_TAR, WRITE_ACC, 9, 0};
    size_t packet_len = attack_build(f, &a, packet, sizeof packet), n;
    struct buf b = buf_of(ud, sizeof ud);
    buf_put(&b, span_of((const uint8_t *)"\x02\x70\x00", 3));
    buf_put(&b, span_of(packet, packet_len));
    struct snapshot before = take(f);
    spent = (struct cost){0};
    for (unsigned pid = 0; pid < 256; pid++) {
        n = attack_envelope(buf_span(&b), true, (uint8_t)pid, 0xF6, command);
        if (pid != 0x7F)
            fixture_transmit(f, span_of(command, n), true);
    }
    for (unsigned dcs = 0; dcs < 256; dcs++) { /* TS 23.038: what is neither 8-bit data nor class 2 */
        bool general = (dcs & 0x80) == 0;
        if (general ? (dcs & 0x2C) == 0x04 || (dcs & 0x33) == 0x12
                    : (dcs & 0xF4) == 0xF4 || (dcs & 0xF3) == 0xF2)
            continue;
        n = attack_envelope(buf_span(&b), true, 0x7F, (uint8_t)dcs, command);
        fixture_transmit(f, span_of(command, n), true);
    }
    n = attack_envelope(buf_span(&b), false, 0x7F, 0xF6, command); /* no user data header */
    fixture_transmit(f, span_of(command, n), true);
    for (unsigned id = 0; id < 256; id++) { /* an element other than 70 */
        ud[1] = (uint8_t)id;
        n = attack_envelope(buf_span(&b), true, 0x7F, 0xF6, command);
        if (id != 0x70)
            fixture_transmit(f, span_of(command, n), true);
    }
    ud[1] = 0x70;
    n = attack_envelope(buf_span(&b), true, 0x7F, 0xF6, command);
    for (unsigned tag = 0; tag < 256; tag++) { /* every other ENVELOPE */
        command[5] = (uint8_t)tag;
        if (tag != 0xD1) {
            fixture_transmit(f, span_of(command, n), true);
            assert_true(f->response_len == 2);
        }
    }
    command[5] = 0xD1;
    for (unsigned from = 0; from < 256; from++) { /* the terminal's own word that it is the network's */
        command[9] = (uint8_t)from;
        if (from != 0x83)
            fixture_transmit(f, span_of(command, n), true);
    }
    command[9] = 0x83;
    assert_int_equal(spent.decryptions + spent.macs + spent.encryptions, 0);
    unchanged(f, &before);
    fixture_transmit(f, span_of(command, n), true);
    assert_int_equal(por_of(f, &a).status, SCP80_POR_OK);
}

/* ---- "DES", "public or all-equal keys" ---- */

#define KEYS_PROFILE                                                                                         \
    "format: 1\ninclude: usim\nname: keys\n%s\nkeysets:\n  - ota:\n      version: 9\n      kic: "            \
    "{algorithm: %s}\n"                                                                                      \
    "      kid: {algorithm: aes, bits: 128, key: 5E0B93D4A71F68C22B84E16D9037FA4C}\n      kik: {bits: %s, "  \
    "key: %.*s}\n    rights: []\n"

static bool loads(const char *head, const char *kic, const char *bits)
{
    static const char kik[] = "A94F1C62D80E73B5542B9DE6107FC83A6E35F2911A8C0BD4C75926E83D40B17A";
    char text[1500];
    struct profile_error error;
    int n = snprintf(text, sizeof text, KEYS_PROFILE, head, kic, bits, atoi(bits) / 4, kik);
    assert_in_range(n, 1, (int)sizeof text - 1);
    struct uicc_profile *p = profile_load_text(text, (size_t)n, "test", &error);
    bool ok = p != NULL;
    if (ok)
        profile_free(p);
    else if (strstr(error.text, "well-known") == NULL && strstr(error.text, "DES") == NULL)
        fail_msg("%s", error.text);
    return ok;
}

static void test_weak_keys(void **state)
{
    (void)state;
    static const char *const weak[][2] = {
        {"des, bits: 64, key: 9C26E0D3548BF17A", "64"},
        {"aes, bits: 128, key: 00000000000000000000000000000000", "128"},
        {"aes, bits: 128, key: FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "128"},
        {"aes, bits: 128, key: 11111111111111111111111111111111", "128"},
        {"aes, bits: 128, key: 000102030405060708090A0B0C0D0E0F", "128"},
        {"aes, bits: 128, key: 00112233445566778899AABBCCDDEEFF", "128"},
        {"aes, bits: 128, key: 404142434445464748494A4B4C4D4E4F", "128"}, /* GlobalPlatform's */
        {"aes, bits: 128, key: 465b5ce8b199b49faa5f0a2ee238a6bc", "128"}, /* 3GPP TS 35.208 */
        {"aes, bits: 128, key: 0123456789ABCDEF0123456789ABCDEF", "128"},
        {"aes, bits: 256, key: 0000000000000000000000000000000000000000000000000000000000000000", "256"},
        {"aes, bits: 192, key: 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF", "192"},
        {"3des, bits: 128, key: 00000000000000000000000000000000", "128"},
        /* 3DES that is single DES: parts that are equal but for what DES does not use, the lowest bits */
        {"3des, bits: 128, key: 9C26E0D3548BF17A9C26E0D3548BF17A", "128"},
        {"3des, bits: 128, key: 9C26E0D3548BF17A9D27E1D2558AF07B", "128"},
        {"3des, bits: 192, key: 9C26E0D3548BF17A9C26E0D3548BF17A15DC3EA872F6490B", "192"},
        {"3des, bits: 192, key: 15DC3EA872F6490B9C26E0D3548BF17A9C26E0D3548BF17B", "192"},
    };
    assert_true(loads("", "aes, bits: 128, key: 9C26E0D3548BF17A15DC3EA872F6490B", "128"));
    assert_true(loads("", "3des, bits: 128, key: 9C26E0D3548BF17A15DC3EA872F6490B", "128"));
    assert_true(loads("", "3des, bits: 192, key: 9C26E0D3548BF17A15DC3EA872F6490B7788190A3C5DE264", "192"));
    for (size_t i = 0; i < sizeof weak / sizeof weak[0]; i++) {
        if (loads("", weak[i][0], weak[i][1]))
            fail_msg("taken: %s", weak[i][0]);
        assert_true(loads("insecure: true", weak[i][0], weak[i][1]));
    }
}

/* And not by PUT KEY either: a keyset of 3DES keys, one of which is single DES. */
static void test_weak_keys_over_the_air(void **state)
{
    (void)state;
    struct fixture f;
    struct profile_pair pair;
    const uint8_t iv[16] = {0};
    fixture_open_text(
        &f, "format: 1\ninclude: usim\nname: keys\npairs:\n  - algorithm: milenage\n    k: derived\n    opc: "
            "derived\n"
            "    ota:\n      version: 1\n      kic: {algorithm: aes, bits: 128, key: derived}\n"
            "      kid: {algorithm: aes, bits: 128, key: derived}\n      kik: {bits: 128, key: derived}\n"
            "    rights: [replace-keys]\n");
    fixture_terminal_profile(&f);
    assert_false(f.profile->p.insecure);
    assert_true(personal_pair(f.crypto, &f.profile->p, span_of(f.seed, 16), FIXTURE_ICCID, 0, &pair));
    for (int algorithm = 3; algorithm > 0; algorithm -= 2) {
        /* nor the test algorithm; Milenage would be taken */
        uint8_t octets[100];
        const uint8_t key[16] = {1, 2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47},
                      head[] = {0x7A, 0xA9, 3, 0x80, 1, (uint8_t)algorithm};
        struct buf data = buf_of(octets, sizeof octets);
        char hex[201], command[220];
        buf_put(&data, span_of(head, sizeof head));
        for (int i = 0; i < (algorithm == 3 ? 1 : 2); i++)
            fixture_key_field(&f, &pair.ota, key, sizeof key, false, &data);
        hex_format(buf_span(&data), hex);
        snprintf(command, sizeof command, "80D87A84%02zx%s00", data.len, hex);
        fixture_expect(&f, 0, command, algorithm == 3 ? "6A80" : "7A*9000");
    }
    for (int weak = 0; weak < 4; weak++) { /* the fourth time none is */
        uint8_t octets[100], key[16], encrypted[16], block[8];
        struct buf data = buf_of(octets, sizeof octets);
        char hex[201], script[220];
        struct fixture_por por;
        buf_u8(&data, 1);
        for (int i = 0; i < 3; i++) {
            assert_true(crypto_random(NULL, key, sizeof key));
            if (i == weak)
                memcpy(key + 8, key, 8);
            memset(block, 0, sizeof block);
            assert_true(
                aes_cbc_encrypt(f.crypto, span_of(pair.ota.kik, pair.ota.kik_len), iv, key, encrypted, 16));
            assert_true(des_cbc_encrypt(f.crypto, span_of(key, 16), iv, block, block, 8));
            buf_u8(&data, 0x80);
            buf_u8(&data, 16);
            buf_put(&data, span_of(encrypted, 16));
            buf_u8(&data, 3);
            buf_put(&data, span_of(block, 3));
        }
        hex_format(buf_span(&data), hex);
        snprintf(script, sizeof script, "80D8%02x81%02zx%s", pair.ota.version, data.len, hex);
        const struct fixture_ota ota = {0, SPI, "BFFF3B", script, 0};
        fixture_ota(&f, &ota, &por);
        assert_int_equal(por.status, SCP80_POR_OK);
        assert_memory_equal(por.data, weak < 3 ? "\x01\x6A\x80" : "\x01\x61", weak < 3 ? 3 : 2);
    }
    fixture_close(&f);
}

/* DES in a packet where the keyset of that version is of another algorithm: no downgrade. */
static void test_no_downgrade(void **state)
{
    struct fixture *f = *state;
    static const uint8_t nibbles[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    uint8_t packet[100];
    struct snapshot before = take(f);
    for (unsigned version = 1; version <= ATTACK_VERSIONS; version++)
        for (size_t kic = 0; kic < 16; kic++)
            for (size_t kid = 0; kid < 16; kid++) {
                const struct attack_packet a = {version, SPI, USIM_TAR, WRITE_ACC, 9, 0};
                size_t n = attack_build(f, &a, packet, sizeof packet);
                uint8_t was[2] = {packet[5], packet[6]};
                packet[5] = (uint8_t)((packet[5] & 0xF0) | nibbles[kic]);
                packet[6] = (uint8_t)((packet[6] & 0xF0) | nibbles[kid]);
                if (packet[5] == was[0] && packet[6] == was[1])
                    continue;
                send(f, span_of(packet, n));
                uniform(f, span_of(packet, n));
            }
    unchanged(f, &before);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_every_change_is_refused),
        T(test_every_length_is_refused),
        T(test_same_answer_and_cost),
        T(test_same_cost_on_trial),
        cmocka_unit_test(test_same_cost_of_three),
        T(test_cost_of_random_packets),
        T(test_no_oracle_without_checksum),
        T(test_counter_modes),
        T(test_counter_needs_checksum),
        T(test_counter_before_execution),
        T(test_replay_and_reordering),
        T(test_security_levels),
        T(test_no_security_no_rights),
        T(test_no_security_no_actions),
        T(test_no_security_no_chains),
        T(test_unknown_tars),
        T(test_every_tar_without_security),
        cmocka_unit_test(test_silent_policy),
        T(test_por_modes),
        T(test_por_without_keys),
        T(test_reserved_codings),
        T(test_no_key_for_the_unauthenticated),
        T(test_lengths_before_crypto),
        T(test_concatenation),
        T(test_not_for_remote_management),
        cmocka_unit_test(test_weak_keys),
        cmocka_unit_test(test_weak_keys_over_the_air),
        T(test_no_downgrade),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
