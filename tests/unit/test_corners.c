/* SPDX-License-Identifier: Apache-2.0
 *
 * Corners of commands that the chapters' tests pass by: selection by AID in scripts and by occurrence, every
 * form of CREATE FILE's access rule and SFI, a card whose usage is terminated, no entropy, keys under 3DES,
 * orders with every optional part.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "card_fixture.h"
#include "hex.h"
#include "kernel.h"
#include "pairs.h"

enum { SPI = 0x1619 };

static struct fixture *opened(const char *yaml)
{
    struct fixture *f = malloc(sizeof *f);
    if (yaml != NULL)
        fixture_open_text(f, yaml);
    else
        fixture_open(f, "test");
    fixture_terminal_profile(f);
    return f;
}

static void closed(struct fixture *f)
{
    fixture_close(f);
    free(f);
}

static void verify_adm(struct fixture *f)
{
    apdu(f, "0020000A083132333435363738", "9000");
}

static void create(struct fixture *f, const char *fcp, const char *answer)
{
    char command[300];
    size_t n = strlen(fcp) / 2;
    snprintf(command, sizeof command, "00E00000%02zx62%02zx%s", n + 2, n, fcp);
    apdu(f, command, answer);
}

/* Compact script for a TAR under pair `keys`: number of commands and status word of the answer. */
static void script(struct fixture *f, unsigned keys, const char *tar, const char *hex, unsigned count,
                   unsigned sw)
{
    struct fixture_por por;
    const struct fixture_ota ota = {keys, SPI, tar, hex, 0};
    fixture_ota(f, &ota, &por);
    assert_int_equal(por.verdict, SCP80_GENUINE);
    assert_int_equal(por.status, SCP80_POR_OK);
    if (por.data[0] != count || (unsigned)(por.data[1] << 8 | por.data[2]) != sw)
        fail_msg("%s: %u commands, %02x%02x", hex, por.data[0], por.data[1], por.data[2]);
}

static void test_remote_selection(void **state)
{
    (void)state;
    struct fixture *f = opened(NULL);
    script(f, 0, "B00001", "00A4000C023F00" "00A4040C07A0000000871002" "00A4000C026F07", 3, 0x9000);
    /* no script reaches another application */
    script(f, 0, "B00001", "00A4040C0BF0736F6674756963630101", 1, 0x6A82);
    script(f, 0, "B00000", "00A4040C07A0000000871002", 1, 0x6A82);
    script(f, 0, "B00000", "00A4000C027FFF", 1, 0x6A82);
    /* RETRIEVE DATA: a case 4 command with its first block */
    script(f, 0, "B00001", "80CB00800180", 1, 0x6986);
    script(f, 0, "B00001", "0CA4000C023F00", 1, 0x6882);
    script(f, 0, "B00001", "00C0000000", 1, 0x6985);
    /* no repeating in a script: the right length, no data */
    script(f, 0, "B00001", "00A4000C026F7E00B000000C", 2, 0x6C0B);
    closed(f);
}

static void test_occurrences(void **state)
{
    (void)state;
    struct fixture *f = opened("format: 1\nname: two\ninclude: usim\n");
    exchange(f, "00A4040405A000000087", "62*8410A0000000871002*");  /* first or only */
    exchange(f, "00A4040605A000000087", "62*8410A0000000871004*");  /* next */
    exchange(f, "00A4040605A000000087", "6A82");
    exchange(f, "00A4040705A000000087", "62*8410A0000000871002*");  /* previous */
    exchange(f, "00A4040705A000000087", "6A82");
    exchange(f, "00A4040505A000000087", "62*8410A0000000871004*");  /* last */
    exchange(f, "00A4040405A000000087", "62*8410A0000000871004*");  /* the active one stays it */
    fixture_reset(f);
    exchange(f, "00A4040605A000000087", "62*8410A0000000871002*");  /* none active: next is the first */
    fixture_reset(f);
    exchange(f, "00A4040705A000000087", "62*8410A0000000871004*");  /* previous is the last */
    closed(f);
}

static void test_create_forms(void **state)
{
    (void)state;
    struct fixture *f = opened(NULL);
    verify_adm(f);
    /* EF.ARR by SE: 01 record 2, 00 record 3 */
    create(f, "8202412183026F418A01058B062F060102000380020004", "9000");
    /* no SFI object: the low bits of the FID */
    apdu(f, "00B0810004", "FFFFFFFF9000");
    /* the same low bits: taken, so it has none */
    create(f, "8202412183026F618A01058B032F060280020004", "9000");
    exchange(f, "00A40004026F61", "62*8800*");
    create(f, "8202412183026F5F8A01058B032F060280020004880100", "9000");   /* SFI 00 */
    create(f, "8202412183026F5E8A01058B032F0602800200048801FF", "9000");   /* SFI 1F with RFU bits: none */
    create(f, "8202412183026F5D8A01058B062F060502070380020004", "6A80");   /* no rule for our SE */
    create(f, "8202412183026F5D8A01058B042F06010280020004A503C10177", "9000");
    apdu(f, "00B0000004", "777777779000");                                 /* filled with a pattern */
    create(f, "8202412183026F5C8A01058B032F060280020005A504C20201028800", "9000");
    apdu(f, "00B0000005", "01020102019000");                               /* a pattern, repeated */
    create(f, "8202412183026F5B8A01058B032F060280020004A503C1008800", "6A80");
    create(f, "8202412183026F5A8A01058B032F060280020004A506C10112C00180" "8800", "9000");
    exchange(f, "00A40004026F5A", "62*C00180*");
    create(f, "8202412183026F598A01048B032F0602800200048800", "9000");     /* made deactivated */
    apdu(f, "00B0000001", "6984");
    create(f, "8202392183026F588A01058B032F0602800200108800", "9000");
    apdu(f, "80D400000A620883026F5880020020", "6A81");                     /* RESIZE of a BER-TLV file */
    create(f, "820546210004028302" "6F578A01058B032F0602800200088800", "9000");
    apdu(f, "80D400000A620883026F578002000C", "6981");                     /* of a cyclic one */
    apdu(f, "80D400000A620883023F0080020020", "6982");
    apdu(f, "80D400000A620883026F5A8002FFFF", "9000");
    closed(f);
}

static void test_terminated_card(void **state)
{
    (void)state;
    struct fixture *f = opened(
        "format: 1\nname: end\ninclude: test\naccess:\n  - {name: directory, terminate: adm1, create-ef: adm1}\n");
    apdu(f, "00FE000000", "6982");
    verify_adm(f);
    /* TERMINATE DF is not for the MF */
    apdu(f, "00E6000000", "6981");
    apdu(f, "00FE000001", "6700");
    apdu(f, "00FE000000", "9000");
    exchange(f, "00A40004023F00", "6285");
    apdu(f, "0020000A083132333435363738", "6985");
    exchange(f, "00A4040C07A0000000871002", "9000");
    apdu(f, "0088008111" "1000000000000000000000000000000000", "6985");
    fixture_restart(f);
    exchange(f, "00A4000C023F00", "6285");
    apdu(f, "00B0820009", "6985");
    closed(f);
}

static bool no_random(void *ctx, uint8_t *to, size_t n)
{
    (void)ctx;
    memset(to, 0, n);
    return false;
}

static void test_no_entropy(void **state)
{
    (void)state;
    struct fixture *f = opened(NULL);
    f->env.random = no_random;
    apdu(f, "0084000008", "6F00");
    apdu(f, "8076000004" "00010401", "6F00");
    apdu(f, "00A4000C023F00", "9000");
    closed(f);
}

/* SUSPEND UICC: on the basic channel, and not while the terminal has something to fetch. */
static void test_suspension_conditions(void **state)
{
    (void)state;
    struct fixture *f = opened(NULL);
    apdu(f, "0070000001", "019000");
    apdu(f, "8176000004" "00010401", "6985");
    char order[200], tar[7];
    struct fixture_por por;
    fixture_tar(f, "subscription", tar);
    fixture_order("001020000000001", -1, NULL, order, sizeof order);
    const struct fixture_ota ota = {0, SPI, tar, order, 0};
    fixture_ota(f, &ota, &por);
    apdu(f, "8076000004" "00010401", "6985");                              /* REFRESH waits */
    exchange(f, "8012000000", "D0*");
    apdu(f, "8076000004" "00010401", "6985");                              /* and now its answer */
    apdu(f, "801400000C810301050082028281830100", "6A80");                 /* not to that command */
    apdu(f, "8014000003810100", "6A80");
    exchange(f, "801400000C810301010482028281830100", "9000");
    closed(f);
}

/* An order to the subscription applet, in a compact script. */
static void order(struct fixture *f, unsigned keys, const char *objects, unsigned sw)
{
    char hex[400], tar[7];
    size_t n = strlen(objects) / 2;
    fixture_tar(f, "subscription", tar);
    snprintf(hex, sizeof hex, "80E29000%02zxE1%02zx%s", n + 2, n, objects);
    script(f, keys, tar, hex, 1, sw);
}

static void test_order_parts(void **state)
{
    (void)state;
    struct fixture *f = opened(NULL);
    char tar[7];
    fixture_tar(f, "subscription", tar);
    order(f, 0, "8200", 0x6A80);
    order(f, 0, "8209010203040506070809", 0x6A80);
    order(f, 0, "830100", 0x6A80);
    order(f, 0, "8403000000", 0x6A80);
    order(f, 0, "8701AA", 0x6A80);
    order(f, 0, "810908091020", 0x6A80);
    order(f, 0, "8109080910200000000010" "8109080910200000000011", 0x6A80); /* which of the two? */
    order(f, 0, "8109080910200000000010" "820101" "820102", 0x6A80);
    order(f, 0, "8109080910200000000010" "A50B" "A609" "91027FFF" "9303AABBCC", 0x6A82); /* a directory */
    order(f, 0, "8109080910200000000010" "A50D" "A60B" "91067FFF6F076F07" "9301AA", 0x6A82);
    script(f, 0, tar, "80E290000400000000", 1, 0x6A80);
    script(f, 0, tar, "80E2900003C70101", 1, 0x6A80);
    script(f, 0, tar, "80E2900001E1", 1, 0x6A80);
    order(f, 0, "8109080910200000000010" "830105", 0x6112);                /* REFRESH in another mode */
    exchange(f, "8012000000", "D00981030.010582028182*");
    script(f, 1, tar, "80E2900003C60101", 1, 0x6A95);                      /* no suspension during a trial */
    script(f, 1, tar, "80D80181080100000000000000", 1, 0x6A95);            /* and no new keys */
    closed(f);
}

/* The longest list there can be, from one end to the other (B1, B7). */
static void test_longest_list(void **state)
{
    (void)state;
    struct fixture *f = opened("format: 1\nname: long\ninclude: test\npairs:\n  - algorithm: milenage\n    k: derived\n    opc: derived\n    ota:\n      version: 1\n"
                               "      kic: {algorithm: aes, bits: 128, key: derived}\n      kid: {algorithm: aes, bits: 128, key: derived}\n"
                               "      kik: {bits: 128, key: derived}\n    rights: [remote-change]\n    repeat: 255\n");
    fixture_expect(f, 0, "80E2900010E10E8001FF810908091020000000001000", "6A91"); /* 255 there is not */
    fixture_expect(f, 0, "80E2900010E10E8001FE810908091020000000001000", "E2108001FE8101FD*9000");
    fixture_reset(f);
    fixture_terminal_profile(f);
    assert_int_equal(fixture_authenticate(f, 254, 32), 0xDB);
    fixture_expect(f, 0, "80E290000DE10B810908091020000000002000", "unprotected 06");
    /* the next is one that is unused, from the beginning */
    fixture_expect(f, 254, "80E290000FE10D8109080910200000000020840000", "E2108001018101FC*9000");
    assert_int_equal(fixture_authenticate(f, 1, 32), 0xDB);
    closed(f);
}

/* TS 102 221 9.4.1, 9.5.1, 11.1.11: a PIN that the universal PIN stands in for is not
 * free, but wants that one. */
static void test_universal_pin(void **state)
{
#define PIN1 "31323334FFFFFFFF"
#define UNIVERSAL "35353535FFFFFFFF"
    (void)state;
    struct fixture *f =
        opened("format: 1\nname: universal\ninclude: test\npins:\n  - {name: pin1, enabled: yes}\n"
               "  - {name: universal, reference: \"11\", value: 5555, puk: 87654321}\n");
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9000");
    exchange(f, "00A40004026F07", "62*");
    apdu(f, "00B0000009", "6982");
    apdu(f, "0026800108" UNIVERSAL, "63C2"); /* whose place it takes says so */
    apdu(f, "0026801108" UNIVERSAL, "6A81"); /* it does not take its own */
    apdu(f, "0026800108" PIN1, "9000");
    apdu(f, "00B0000009", "6982");           /* not free */
    apdu(f, "0020000108" PIN1, "6984");      /* and PIN1 helps no more */
    apdu(f, "0020001108" PIN1, "63C2");
    apdu(f, "0020001108" UNIVERSAL, "9000");
    apdu(f, "00B0000009", "08*9000");
    fixture_restart(f); /* that it stands in lasts, that it was verified does not */
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9000");
    exchange(f, "00A40004026F07", "*" "9000");
    /* the usage qualifier tells the terminal */
    assert_non_null(memmem(f->response, f->response_len, "\x95\x01\x08\x83\x01\x11", 6));
    apdu(f, "00B0000009", "6982");
    apdu(f, "0020001108" UNIVERSAL, "9000");
    apdu(f, "00B0000009", "08*9000");
    assert_int_equal(fixture_authenticate(f, 0, 32), 0xDB); /* AUTHENTICATE goes by the same */
    exchange(f, "00A40004026F07", "62*");
    apdu(f, "0028000108" PIN1, "9000"); /* ENABLE: PIN1 is itself again */
    assert_true(fixture_transmit(f, span_of((const uint8_t *)"\x00\xA4\x00\x04\x02\x6F\x07", 7), true) ==
                0x9000);
    assert_non_null(memmem(f->response, f->response_len, "\x95\x01\x00\x83\x01\x11", 6));
    fixture_reset(f);
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9000");
    exchange(f, "00A40004026F07", "62*");
    apdu(f, "0020001108" UNIVERSAL, "9000");
    apdu(f, "00B0000009", "6982");
    apdu(f, "0020000108" PIN1, "9000");
    apdu(f, "00B0000009", "08*9000");
    closed(f);
#undef PIN1
#undef UNIVERSAL
}

static const char des_profile[] = "format: 1\n"
                                  "name: des\n"
                                  "include: test\n"
                                  "insecure: yes\n"
                                  "pairs:\n"
                                  "  - algorithm: milenage\n"
                                  "    k: derived\n"
                                  "    opc: derived\n"
                                  "    ota:\n"
                                  "      version: 2\n"
                                  "      kic: {algorithm: 3des, bits: 128, key: derived}\n"
                                  "      kid: {algorithm: 3des, bits: 128, key: derived}\n"
                                  "      kik: {bits: 128, key: derived}\n"
                                  "    rights: [replace-keys]\n"
                                  "keysets:\n"
                                  "  - ota:\n"
                                  "      version: 5\n"
                                  "      kic: {algorithm: aes, bits: 128, key: derived}\n"
                                  "      kid: {algorithm: aes, bits: 128, key: derived}\n"
                                  "      kik: {bits: 128, key: derived}\n"
                                  "    rights: [remote-change]\n";

/* A field of PUT KEY for a 3DES key under a 3DES KIK. */
static void des_field(struct fixture *f, const struct keyset *kek, uint8_t fill, struct buf *out)
{
    const uint8_t iv[8] = {0}, zeros[8] = {0};
    uint8_t key[16], check[8];
    for (size_t i = 0; i < 16; i++)
        key[i] = (uint8_t)(fill + 2 * i);
    assert_true(des_cbc_encrypt(f->crypto, span_of(key, 16), iv, zeros, check, 8));
    for (size_t i = 0; i < 16; i += 8)
        assert_true(des_cbc_encrypt(f->crypto, span_of(kek->kik, kek->kik_len), iv, key + i, key + i, 8));
    buf_u8(out, 0x80);
    buf_u8(out, 16);
    buf_put(out, span_of(key, 16));
    buf_u8(out, 3);
    buf_put(out, span_of(check, 3));
}

static void put_des_keys(struct fixture *f, unsigned version, unsigned p2, unsigned fields, unsigned sw)
{
    struct profile_pair pair;
    uint8_t data[150];
    char hex[400], text[301], tar[7];
    struct buf out = buf_of(data, sizeof data);
    fixture_tar(f, "subscription", tar);
    assert_true(personal_pair(f->crypto, &f->profile->p, span_of(f->seed, 16), FIXTURE_ICCID, 0, &pair));
    buf_u8(&out, (uint8_t)version);
    for (unsigned i = 0; i < fields; i++)
        des_field(f, &pair.ota, (uint8_t)(0x20 + 0x40 * i), &out);
    hex_format(buf_span(&out), text);
    snprintf(hex, sizeof hex, "80D802%02x%02zx%s", p2, out.len, text);
    script(f, 0, tar, hex, 1, sw);
}

static void test_put_des_keys(void **state)
{
    (void)state;
    struct fixture *f = opened(des_profile);
    char tar[7];
    fixture_tar(f, "subscription", tar);
    put_des_keys(f, 5, 0x81, 3, 0x6A80);     /* the common keyset's version */
    put_des_keys(f, 0, 0x81, 3, 0x6A80);
    put_des_keys(f, 16, 0x81, 3, 0x6A80);
    put_des_keys(f, 3, 0x81, 2, 0x6A86);
    put_des_keys(f, 3, 0x81, 4, 0x6A80);
    script(f, 0, tar, "80D802810103", 1, 0x6A86);                          /* no keys at all */
    script(f, 0, tar, "80D802810603810101020300", 1, 0x6A80);              /* a type that is none */
    script(f, 0, tar, "80D8028109038804100102030300", 1, 0x6A80);          /* a key shorter than it says */
    script(f, 0, tar, "80E2900003C60101", 1, 0x6A94);                      /* this keyset orders nothing */
    put_des_keys(f, 3, 0x81, 3, 0x610A);
    struct fixture_por por;
    const struct fixture_ota old = {0, SPI, tar, "80CAE40000", 0};
    fixture_ota(f, &old, &por);
    assert_int_equal(por.verdict, SCP80_UNPROTECTED);                      /* the old keys are gone */
    closed(f);
}

/* PUT KEY of K as a session of pair 0's keyset runs it; what the keyset is, the test says. */
static void put_k(struct fixture *f, const struct keyset *keys, unsigned p1, unsigned p2,
                  const struct buf *data, sw_t want)
{
    struct applet self;
    struct session session;
    struct keyset old;
    uint8_t bytes[300], answer[300];
    struct buf apdu = buf_of(bytes, sizeof bytes), out = buf_of(answer, sizeof answer);
    uint32_t rights = 0;
    assert_true(subscription_of(f->card, &self) && ota_secret_load(self, ITEM_OTA, &rights, &old));
    objects_begin(f->card->objects);
    assert_true(ota_secret_put(self, ITEM_OTA, rights, keys) && card_commit(f->card));
    const struct script_authority by = {rights | RIGHT_AUTHENTIC | RIGHT_REPLACE_KEYS, ITEM_COUNTER, 0,
                                        self.index, keys};
    session_open_remote(f->card, self.index, &by, &session);
    buf_put(&apdu, span_of("\x80\xD8", 2));
    buf_u8(&apdu, (uint8_t)p1);
    buf_u8(&apdu, (uint8_t)p2);
    buf_u8(&apdu, (uint8_t)data->len);
    buf_put(&apdu, buf_span(data));
    buf_u8(&apdu, 0);
    objects_begin(f->card->objects);
    assert_int_equal(session_execute_remote(f->card, &session, buf_span(&apdu), NULL, &out), want);
    session_close_remote(f->card);
    assert_true(card_commit(f->card));
}

/* A keyset without KIc has a KIK all the same, of KID's algorithm; one with a short checksum keeps it. */
static void test_put_key_without_kic(void **state)
{
    (void)state;
    struct fixture *f = opened(NULL);
    struct profile_pair pair;
    struct applet self;
    uint8_t octets[200], key[16];
    uint32_t rights = 0;
    assert_true(personal_pair(f->crypto, &f->profile->p, span_of(f->seed, 16), FIXTURE_ICCID, 0, &pair));
    struct keyset keys = pair.ota;
    keys.kic_algorithm = OTA_NONE;
    keys.kic_len = 0;
    keys.mac_len = 4;
    memset(key, 0x77, sizeof key);
    struct buf data = buf_of(octets, sizeof octets);
    buf_u8(&data, 0x7A);
    fixture_key_field(f, &keys, key, 16, false, &data);
    put_k(f, &keys, 0x7A, 0x01, &data, SW_OK);
    data = buf_of(octets, sizeof octets);
    buf_u8(&data, 3);
    for (uint8_t i = 0; i < 3; i++) {
        key[0] = i;
        fixture_key_field(f, &keys, key, 16, false, &data);
    }
    put_k(f, &keys, keys.version, 0x81, &data, SW_OK);
    assert_true(subscription_of(f->card, &self) && ota_secret_load(self, ITEM_OTA, &rights, &keys));
    assert_int_equal(keys.version, 3);
    assert_int_equal(keys.mac_len, 4);
    closed(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_remote_selection),    cmocka_unit_test(test_occurrences),
        cmocka_unit_test(test_create_forms),        cmocka_unit_test(test_terminated_card),
        cmocka_unit_test(test_no_entropy),          cmocka_unit_test(test_suspension_conditions),
        cmocka_unit_test(test_order_parts),         cmocka_unit_test(test_put_des_keys),
        cmocka_unit_test(test_put_key_without_kic), cmocka_unit_test(test_longest_list),
        cmocka_unit_test(test_universal_pin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
