/* SPDX-License-Identifier: Apache-2.0
 *
 * To be run under valgrind's memcheck (constant-time): secrets are declared undefined, and memcheck then
 * reports every branch and every address that depends on one. Secret are the PINs and PUKs that are stored,
 * what a cipher or a checksum makes of a key while the card works (expected checksums and MACs, decrypted
 * text that nobody has verified). Not secret is the verdict of crypto_equal: that is what the card answers.
 *
 *   constant_time       whatever is wrong with a PIN, a checksum or a MAC: nothing may be reported
 *   constant_time leak  a compare that stops at the first difference: this must be reported, or the method
 * does not work here
 */
#include <valgrind/memcheck.h>

#include "attack.h"
#include "card.h"
#include "gp_host.h"

static bool working; /* inside the card */

bool __real_crypto_equal(const uint8_t *a, const uint8_t *b, size_t n);
bool __wrap_crypto_equal(const uint8_t *a, const uint8_t *b, size_t n);
bool __wrap_crypto_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
    bool equal = __real_crypto_equal(a, b, n);
    VALGRIND_MAKE_MEM_DEFINED(&equal, sizeof equal);
    return equal;
}

#define CIPHER(name, out, n, declared, passed)                                                               \
    bool __real_##name declared;                                                                             \
    bool __wrap_##name declared;                                                                             \
    bool __wrap_##name declared                                                                              \
    {                                                                                                        \
        bool good = __real_##name passed;                                                                    \
        VALGRIND_MAKE_MEM_DEFINED(&good, sizeof good);                                                       \
        VALGRIND_MAKE_MEM_DEFINED(out, n);                                                                   \
        if (working)                                                                                         \
            VALGRIND_MAKE_MEM_UNDEFINED(out, n);                                                             \
        return good;                                                                                         \
    }

CIPHER(aes_cmac, mac, 16,
       (struct uicc_crypto * c, struct span key, const struct span *parts, size_t n_parts, uint8_t mac[16]),
       (c, key, parts, n_parts, mac))
CIPHER(des_mac, mac, 8,
       (struct uicc_crypto * c, struct span key, const struct span *parts, size_t n_parts, uint8_t mac[8]),
       (c, key, parts, n_parts, mac))
CIPHER(aes_ecb_encrypt, out, n,
       (struct uicc_crypto * c, struct span key, const uint8_t *in, uint8_t *out, size_t n),
       (c, key, in, out, n))

CIPHER(aes_cbc_decrypt, out, n,
       (struct uicc_crypto * c, struct span key, const uint8_t iv[16], const uint8_t *in, uint8_t *out,
        size_t n),
       (c, key, iv, in, out, n))
CIPHER(des_cbc_decrypt, out, n,
       (struct uicc_crypto * c, struct span key, const uint8_t iv[8], const uint8_t *in, uint8_t *out,
        size_t n),
       (c, key, iv, in, out, n))

/* SCP02 MACs what it has deciphered. The S-boxes of DES are tables in OpenSSL, with addresses that depend on
 * what is enciphered: which is not what this is about, and so it enciphers a copy that is defined. */
bool __real_des_cbc_encrypt(struct uicc_crypto *c, struct span key, const uint8_t iv[8], const uint8_t *in,
                            uint8_t *out, size_t n);
bool __wrap_des_cbc_encrypt(struct uicc_crypto *c, struct span key, const uint8_t iv[8], const uint8_t *in,
                            uint8_t *out, size_t n);
bool __wrap_des_cbc_encrypt(struct uicc_crypto *c, struct span key, const uint8_t iv[8], const uint8_t *in,
                            uint8_t *out, size_t n)
{
    uint8_t start[8], copy[512];
    if (!working || n > sizeof copy)
        return __real_des_cbc_encrypt(c, key, iv, in, out, n);
    memcpy(start, iv, sizeof start);
    memcpy(copy, in, n);
    VALGRIND_MAKE_MEM_DEFINED(start, sizeof start);
    VALGRIND_MAKE_MEM_DEFINED(copy, n);
    bool good = __real_des_cbc_encrypt(c, key, start, copy, out, n);
    VALGRIND_MAKE_MEM_DEFINED(&good, sizeof good);
    VALGRIND_MAKE_MEM_UNDEFINED(out, n);
    return good;
}

static uint16_t transmit(struct fixture *f, const uint8_t *command, size_t n)
{
    working = true;
    size_t len = uicc_transmit(f->card, command, n, f->response);
    working = false;
    VALGRIND_MAKE_MEM_DEFINED(f->response, sizeof f->response);
    return (uint16_t)(f->response[len - 2] << 8 | f->response[len - 1]);
}

static void say(struct fixture *f, const char *hex)
{
    uint8_t octets[261];
    struct buf b = buf_of(octets, sizeof octets);
    assert_true(hex_parse(hex, &b, NULL));
    (void)transmit(f, octets, b.len);
}

/* The stored PINs and PUKs; their first octet says whether they are enabled. */
static void hide_pins(struct fixture *f, bool hide)
{
    size_t cursor = 0;
    uint32_t id;
    struct span value;
    while (objects_each(f->card->objects, &cursor, &id, &value)) {
        if (id >> 24 != OBJECT_PIN)
            continue;
        if (hide)
            VALGRIND_MAKE_MEM_UNDEFINED(value.p + 1, value.n - 1);
        else
            VALGRIND_MAKE_MEM_DEFINED(value.p, value.n);
    }
}

static void pins(struct fixture *f)
{
    static const char *const commands[] = {"0028000108"
                                           "31323334FFFFFFFF",
                                           "0020000108"
                                           "31323334FFFFFFFF",
                                           "0020000108"
                                           "31323335FFFFFFFF",
                                           "0020000108"
                                           "41323334FFFFFFFF",
                                           "0020000108"
                                           "31323334FFFFFFFF",
                                           "0024000110"
                                           "31323334FFFFFFFF"
                                           "34333231FFFFFFFF",
                                           "0024000110"
                                           "31323334FFFFFFFF"
                                           "34333231FFFFFFFF",
                                           "0026000108"
                                           "34333231FFFFFFFF",
                                           "0028000108"
                                           "34333231FFFFFF00",
                                           "002C000110"
                                           "3132333435363738"
                                           "31323334FFFFFFFF",
                                           "002C000110"
                                           "3132333435363739"
                                           "31323334FFFFFFFF",
                                           "0020000A08"
                                           "3132333435363738",
                                           "0020000A08"
                                           "3132333435363730",
                                           "A020000108"
                                           "31323334FFFFFFFF",
                                           "A020000208"
                                           "35363738FFFFFFFF",
                                           "A020000208"
                                           "35363778FFFFFFFF"};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        hide_pins(f, true);
        say(f, commands[i]);
        hide_pins(f, false);
    }
}

/* A wrong MAC in each of its octets. (A right one leads on to the sequence number, which is what the answer
 * is about.) */
static void macs(struct fixture *f)
{
    struct aka_vector expected;
    say(f, "00A4040C07" USIM_AID_PREFIX);
    for (int at = 26; at < 34; at++) {
        uint8_t command[5 + 34] = {0x00, 0x88, 0x00, 0x81, 34};
        fixture_challenge(f, 0, 32, command + 5, &expected);
        command[5 + at] ^= 0x10;
        assert_int_equal(transmit(f, command, sizeof command), 0x9862);
    }
}

/* A checksum that is right, one that is wrong in each of its octets; AES and 3DES. The response is not
 * ciphered: the S-boxes of DES are tables in OpenSSL, and its addresses depend on what is ciphered, which
 * here is text and checksum of the response. */
static void checksums(struct fixture *f)
{
    static const unsigned versions[] = {1, 2, 3, 4, 5};
    uint64_t cntr = 0;
    for (size_t v = 0; v < sizeof versions / sizeof versions[0]; v++)
        for (int wrong = -1; wrong < 8; wrong++) {
            uint8_t packet[300];
            struct fixture_message m[ATTACK_PARTS];
            const struct attack_packet a = {versions[v], 0x1209, "B00020", "00A4000C026F78", ++cntr, 0};
            size_t n = attack_build(f, &a, packet, sizeof packet);
            /* CPL (2), CHL, SPI (2), KIc, KID, TAR (3), CNTR (5), PCNTR, then the checksum */
            if (wrong >= 0)
                packet[16 + wrong] ^= 1;
            assert_int_equal(attack_split(span_of(packet, n), 0, m), 1);
            uint16_t sw = transmit(f, m[0].apdu, m[0].n);
            if (wrong < 0)
                assert_int_equal(sw >> 8, 0x61);
        }
}

/* Ciphered, and changed in its last octets, so that padding, counter and checksum come out as anything: no
 * branch may depend on what was deciphered before it is verified. */
static void ciphered(struct fixture *f)
{
    static const unsigned versions[] = {1, 4, 5}; /* those of AES; DES, see above */
    for (size_t v = 0; v < sizeof versions / sizeof versions[0]; v++)
        for (unsigned wrong = 1; wrong < 40; wrong += 3) {
            uint8_t packet[300];
            struct fixture_message m[ATTACK_PARTS];
            const struct attack_packet a = {versions[v], 0x1609, "B00021", "00A4000C026F78", 1000 + wrong, 0};
            size_t n = attack_build(f, &a, packet, sizeof packet);
            packet[n - 1 - wrong % (n - 12)] ^= 0x40;
            assert_int_equal(attack_split(span_of(packet, n), 0, m), 1);
            (void)transmit(f, m[0].apdu, m[0].n);
        }
}

/* SCP02 deciphers before it can verify: data of every length of padding, changed so that the padding is
 * right, or anything, or cut; and a MAC that is wrong. Each ends its session. */
static void secure_channel(struct fixture *f)
{
    static const int changes[] = {
        0, 1, 2, 7, 8, 9, 10, 16, 20}; /* octet from the end: of the MAC, of the padding, before it */
    for (unsigned n = 17; n <= 24; n++)
        for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
            struct gp_host h;
            uint8_t command[300];
            char hex[80];
            size_t at = (size_t)snprintf(hex, sizeof hex, "80E28800%02X", n);
            memset(hex + at, '0', 2 * n);
            hex[at + 2 * n] = '\0';
            gp_open(&h, f, ISD_AID, 0x20, 0x03, 8);
            size_t len = gp_wrap(&h, hex, command);
            command[len - 1 - (size_t)changes[i]] ^= 0x40;
            assert_int_equal(transmit(f, command, len), 0x6982);
        }
}

static void leak(struct fixture *f)
{
    const uint8_t *volatile right = f->seed;
    uint8_t given[16];
    memset(given, 0x5A, sizeof given);
    VALGRIND_MAKE_MEM_UNDEFINED(f->seed, sizeof f->seed);
    for (int i = 0; i < 16; i++)
        if (right[i] != given[i])
            puts("differs");
}

int main(int argc, char **argv)
{
    static struct fixture f;
    if (RUNNING_ON_VALGRIND == 0) {
        puts("not under valgrind");
        return 2;
    }
    fixture_open_text(&f, ATTACK_PROFILE);
    if (argc > 1 && strcmp(argv[1], "leak") == 0) {
        leak(&f);
        return 0;
    }
    pins(&f);
    macs(&f);
    checksums(&f);
    ciphered(&f);
    secure_channel(&f);
    fixture_close(&f);
    return VALGRIND_COUNT_ERRORS > 0 ? 1 : 0;
}
