/* SPDX-License-Identifier: Apache-2.0
 *
 * GBA_U (3GPP TS 33.220 5.3, annex G; TS 31.102 7.1.1). The expected values come from an independent
 * implementation (Python's hashlib and hmac) over the first test set of TS 35.207.
 */
#include "auth_profile.h"
#include "hex.h"

#define USIM "00A4040C07" USIM_AID_PREFIX
#define ISIM "00A4040C07" ISIM_AID_PREFIX
#define RAND "23553CBE9637A89D218AE64DAE47BF35"
#define AUTN_GBA                                                                                             \
    "55F328B43577B9B98C7F3F0D723FB244" /* SQN FF9BB4D0B607, AMF B9B9, MAC masked with SHA-1(IK) */
#define AUTN_3G "55F328B43577B9B94A9FFAC354DFAFB3"
#define BOOTSTRAP(p2)                                                                                        \
    "008800" p2 "23"                                                                                         \
    "DD10" RAND "10" AUTN_GBA
#define NAF "6E61662E6578616D706C652E6F72670100000001" /* naf.example.org, 01 00000001 */
#define IMPI                                                                                                 \
    "30303130313031323334353637383040696D732E6D6E633030312E6D63633030312E336770706E6574776F726B2E6F7267"
#define DERIVE                                                                                               \
    "0088008448"                                                                                             \
    "DE14" NAF "31" IMPI
#define KS_EXT_NAF "DB200F846151BF77090FF28A02BA2887A9D1243D3E5357E3ADD88D1746E78FA7C29C9000"

static const uint8_t gba_ust[] = {27, 38, 68, 0}, gba_ist[] = {2, 0}, plain_ust[] = {27, 38, 0};

static struct fixture *opened(const struct auth_profile *o)
{
    struct fixture *f = malloc(sizeof *f);
    assert_non_null(f);
    auth_open(f, o);
    return f;
}

static int setup(void **state)
{
    *state = opened(&(struct auth_profile){.ust = gba_ust, .ist = gba_ist});
    return 0;
}

static void test_whole(void **state)
{
    struct fixture *f = *state;
    exchange(f, USIM, "9000");
    exchange(f, DERIVE, "6985"); /* nothing was bootstrapped */
    exchange(f, BOOTSTRAP("84"), "DB08A54211D5E3BA50BF9000");
    /* EF.GBABP: RAND, neither B-TID nor lifetime yet */
    exchange(f, "00A4000C026FD6", "9000");
    exchange(f, "00B0000032", "10" RAND "0000FF*");
    exchange(f, DERIVE, KS_EXT_NAF);
    exchange(f, "00A4000C026FDA", "9000");
    exchange(f, "00B2010428", "8014" NAF "8100FF*");
    /* the terminal brings B-TID and lifetime; the next derivation notes the B-TID in the same record */
    exchange(f, "00A4000C026FD6", "9000");
    exchange(f,
             "00D6001108"
             "03414243"
             "03313233",
             "9000");
    exchange(f, DERIVE, KS_EXT_NAF);
    exchange(f, "00A4000C026FDA", "9000");
    exchange(f, "00B2010428", "8014" NAF "8103414243FF*");
    exchange(f, "00B2020428", "FFFF*");
    /* Ks outlives power; CK and IK never came out */
    fixture_restart(f);
    exchange(f, USIM, "9000");
    exchange(f, DERIVE, KS_EXT_NAF);
    /* a new bootstrapping with the same challenge is a replay; Ks stays */
    exchange(f, BOOTSTRAP("84"), "DC0E*");
    exchange(f, DERIVE, KS_EXT_NAF);
}

/* The mask on the MAC keeps the two contexts apart. */
static void test_contexts_apart(void **state)
{
    struct fixture *f = *state;
    exchange(f, USIM, "9000");
    apdu(f,
         "0088008122"
         "10" RAND "10" AUTN_GBA,
         "9862");
    apdu(f,
         "0088008423"
         "DD10" RAND "10" AUTN_3G,
         "9862");
    exchange(f, DERIVE, "6985");
    exchange(f, BOOTSTRAP("84"), "DB08A54211D5E3BA50BF9000");
}

static void test_lengths(void **state)
{
    struct fixture *f = *state;
    exchange(f, USIM, "9000");
    apdu(f,
         "0088008401"
         "DD",
         "6700");
    apdu(f,
         "0088008402"
         "DD00",
         "6700");
    apdu(f,
         "0088008412"
         "DD10" RAND,
         "6700");
    apdu(f,
         "0088008422"
         "DD10" RAND "10"
         "55F328B43577B9B98C7F3F0D723FB2",
         "6700");
    apdu(f,
         "0088008424"
         "DD10" RAND "10" AUTN_GBA "00",
         "6700");
    apdu(f,
         "0088008422"
         "DD0F"
         "23553CBE9637A89D218AE64DAE47BF"
         "10" AUTN_GBA,
         "6700");
    apdu(f,
         "0088008424"
         "DD10" RAND "11" AUTN_GBA "00",
         "6700");
    apdu(f,
         "0088008401"
         "DE",
         "6700");
    apdu(f,
         "0088008403"
         "DE0000",
         "6700");
    apdu(f,
         "0088008404"
         "DE010041",
         "6700");
    apdu(f,
         "0088008404"
         "DE000141",
         "6700");
    apdu(f,
         "0088008405"
         "DE01410241",
         "6700");
    apdu(f,
         "0088008405"
         "DE01410042",
         "6700");
    apdu(f,
         "0088008401"
         "DC",
         "6A80");
    apdu(f,
         "0088008405"
         "0001410141",
         "6A80");
    apdu(f, "0088008400", "6700");
    apdu(f, "00880084", "6700");
}

static void derive_for(struct fixture *f, char naf, const char *pattern)
{
    char command[64];
    snprintf(command, sizeof command,
             "008800840A"
             "DE05%02X01000000"
             "0241%02X",
             (unsigned)naf, (unsigned)naf);
    exchange(f, command, pattern);
}

static void assert_list(struct fixture *f, const char *nafs)
{
    char command[16], pattern[32];
    exchange(f, "00A4000C026FDA", "9000");
    for (unsigned i = 0; nafs[i] != 0; i++) {
        snprintf(command, sizeof command, "00B2%02X0428", i + 1);
        snprintf(pattern, sizeof pattern, nafs[i] == '-' ? "FFFF*" : "8005%02X01000000*", (unsigned)nafs[i]);
        exchange(f, command, pattern);
    }
}

/* TS 31.102 7.1.1: a record of the NAF, else a free one, else that of the NAF used longest ago. */
static void test_naf_list(void **state)
{
    struct fixture *f = *state;
    exchange(f, USIM, "9000");
    exchange(f, BOOTSTRAP("84"), "DB*");
    derive_for(f, 'A', "DB20*");
    assert_list(f, "A--");
    derive_for(f, 'B', "DB20*");
    derive_for(f, 'C', "DB20*");
    assert_list(f, "ABC");
    derive_for(f, 'A', "DB20*"); /* B is now the oldest */
    derive_for(f, 'D', "DB20*");
    assert_list(f, "ADC");
    fixture_restart(f);
    exchange(f, USIM, "9000");
    derive_for(f, 'E', "DB20*");
    assert_list(f, "ADE");
    derive_for(f, 'F', "DB20*");
    assert_list(f, "FDE");
    /* emptied by ADM: free before old */
    exchange(f,
             "00DC020428"
             "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
             "9000");
    derive_for(f, 'G', "DB20*");
    assert_list(f, "FGE");
    /* too long for a record: told so, nothing changed */
    exchange(f,
             "008800842F"
             "DE2B"
             "4142434445464748494A4B4C4D4E4F505152535455565758595A6162636465666768696A6B6C0100000001"
             "0141",
             "9866");
    assert_list(f, "FGE");
}

static void test_no_service(void **state)
{
    (void)state;
    struct fixture *f = opened(&(struct auth_profile){.ust = plain_ust});
    exchange(f, USIM, "9000");
    apdu(f, BOOTSTRAP("84"), "9864");
    apdu(f,
         "0088008401"
         "DC",
         "9864");
    exchange(f, ISIM, "9000");
    apdu(f, BOOTSTRAP("84"), "9864");
    fixture_close(f);
    free(f);
}

/* A file too small for RAND is seen before the challenge is spent. */
static void test_no_room(void **state)
{
    (void)state;
    struct fixture *f = opened(&(struct auth_profile){.ust = gba_ust, .gbabp_size = 18});
    exchange(f, USIM, "9000");
    apdu(f, BOOTSTRAP("84"), "9866");
    exchange(f,
             "0088008122"
             "10" RAND "10" AUTN_3G,
             "DB08A54211D5E3BA50BF*");
    fixture_close(f);
    free(f);
}

/* ADM1 deletes EF.GBANL. */
static void delete_list(struct fixture *f)
{
    apdu(f,
         "0020000A08"
         "3132333435363738",
         "9000");
    apdu(f,
         "00E4000002"
         "6FDA",
         "9000");
}

/* And makes it: linear, 2 records of 40 octets, rule 1 of 6F06. */
static void create_list(struct fixture *f)
{
    apdu(f,
         "00E000001B"
         "6219"
         "8205422100280283026FDA8A01058B036F0601800200508800",
         "9000");
}

/* Files that CREATE FILE made are as good as the profile's; a file of another structure is none. */
static void test_made_files(void **state)
{
    struct fixture *f = *state;
    exchange(f, USIM, "9000");
    exchange(f, BOOTSTRAP("84"), "DB*");
    delete_list(f);
    exchange(f, DERIVE, "9866");
    create_list(f);
    exchange(f, DERIVE, KS_EXT_NAF);
    apdu(f, "00B2010428", "8014" NAF "8100FF*");
    derive_for(f, 'A', "DB20*");
    derive_for(f, 'B', "DB20*");
    apdu(f, "00B2010428", "800542*");
    fixture_restart(f);
    exchange(f, USIM, "9000");
    derive_for(f, 'C', "DB20*");
    exchange(f, "00A4000C026FDA", "9000");
    apdu(f, "00B2020428", "800543*");
    delete_list(f);
    apdu(f,
         "00E0000018"
         "6216"
         "8202412183026FDA8A01058B036F0601800200508800",
         "9000"); /* transparent */
    exchange(f, DERIVE, "9866");
    apdu(f,
         "00E4000002"
         "6FD6",
         "9000");
    apdu(f,
         "00E0000018"
         "6216"
         "8202392183026FD68A01058B036F0601800200508800",
         "9000"); /* BER-TLV */
    exchange(f, BOOTSTRAP("84"), "9866");
}

/* A list that became shorter: records that are gone are not the oldest. */
static void test_shorter_list(void **state)
{
    struct fixture *f = *state;
    exchange(f, USIM, "9000");
    exchange(f, BOOTSTRAP("84"), "DB*");
    for (const char *naf = "ABCAB"; *naf != '\0'; naf++)
        derive_for(f, *naf, "DB20*");
    assert_list(f, "ABC"); /* the third is the oldest */
    delete_list(f);
    create_list(f);
    for (const char *naf = "DEFG"; *naf != '\0'; naf++)
        derive_for(f, *naf, "DB20*");
    assert_list(f, "FG");
    derive_for(f, 'F', "DB20*");
    derive_for(f, 'H', "DB20*");
    assert_list(f, "FH");
}

/* A suspended subscription makes no keys, nor of what it had before; then it goes on. */
static void test_suspended(void **state)
{
    struct fixture *f = *state;
    const char *applications[] = {USIM, ISIM};
    exchange(f, USIM, "9000");
    exchange(f, BOOTSTRAP("84"), "DB*");
    exchange(f, DERIVE, KS_EXT_NAF);
    fixture_expect(f, 0, "80E2900003C60101", "9000");
    for (size_t i = 0; i < 2; i++) {
        exchange(f, applications[i], "9000");
        exchange(f, BOOTSTRAP("84"), "6985");
        exchange(f, DERIVE, "6985");
    }
    exchange(f, USIM, "9000");
    fixture_restart(f);
    exchange(f, USIM, "9000");
    exchange(f, DERIVE, "6985");
    fixture_expect(f, 0, "80E2900003C60100", "9000");
    exchange(f, USIM, "9000");
    exchange(f, DERIVE, KS_EXT_NAF);
}

/* The ISIM has files, services and a Ks of its own, and the same sequence numbers. */
static void test_isim(void **state)
{
    struct fixture *f = *state;
    exchange(f, ISIM, "9000");
    exchange(f, BOOTSTRAP("84"), "DB08A54211D5E3BA50BF9000");
    exchange(f, DERIVE, KS_EXT_NAF);
    exchange(f, "00A4000C026FD7", "9000");
    exchange(f, "00B2010428", "8014" NAF "8100FF*");
    exchange(f, "00A4000C026FD5", "9000");
    exchange(f, "00B0000032", "10" RAND "0000FF*");
    exchange(f, USIM, "9000");
    exchange(f, DERIVE, "6985");
    exchange(f, BOOTSTRAP("84"), "DC0E*");
}

/* A change of subscription takes the old operator's Ks and the traces of it. */
static void test_change(void **state)
{
    struct fixture *f = *state;
    char script[200];
    struct fixture_por por;
    exchange(f, USIM, "9000");
    exchange(f, BOOTSTRAP("84"), "DB*");
    exchange(f, DERIVE, KS_EXT_NAF);
    fixture_order("001010000000007", -1, NULL, script, sizeof script);
    const struct fixture_ota ota = {0, 0x1619, "BFFF3B", script, 0};
    fixture_ota(f, &ota, &por);
    assert_int_equal(por.status, SCP80_POR_OK);
    assert_memory_equal(por.data, "\x02\x90\x00", 3);
    exchange(f, USIM, "9000");
    exchange(f, DERIVE, "6985");
    exchange(f, "00A4000C026FD6", "9000");
    exchange(f, "00B0000014", "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF9000");
    exchange(f, "00A4000C026FDA", "9000");
    exchange(f, "00B2010428", "FFFF*");
    assert_int_equal(fixture_authenticate(f, 1, 32), 0xDB); /* the new pair is a TUAK pair */
}

/* What was bootstrapped with the old K ends with it. */
static void test_new_key(void **state)
{
    struct fixture *f = *state;
    struct profile_pair pair;
    uint8_t octets[100], k[16];
    char hex[201], command[240];
    struct buf data = buf_of(octets, sizeof octets);
    exchange(f, USIM, "9000");
    exchange(f, BOOTSTRAP("84"), "DB*");
    exchange(f, DERIVE, KS_EXT_NAF);
    assert_true(personal_pair(f->crypto, &f->profile->p, span_of(f->seed, 16), FIXTURE_ICCID, 0, &pair));
    memset(k, 0x77, sizeof k);
    buf_u8(&data, 0x7A);
    fixture_key_field(f, &pair.ota, k, sizeof k, false, &data);
    hex_format(buf_span(&data), hex);
    snprintf(command, sizeof command, "80D87A01%02zx%s00", data.len, hex);
    fixture_expect(f, 0, command, "7A*9000");
    exchange(f, USIM, "9000");
    exchange(f, DERIVE, "6985");
}

/* A power cut anywhere in a bootstrapping: afterwards Ks and EF.GBABP are both there or both not, and the
 * challenge is not accepted twice. */
static void test_cut(void **state)
{
    (void)state;
    for (unsigned cut = 0; cut < 4; cut++) {
        struct fixture *f = opened(&(struct auth_profile){.ust = gba_ust});
        exchange(f, USIM, "9000");
        fault_store_cut_at(f->store, cut);
        exchange(f, BOOTSTRAP("84"), "*");
        bool answered = f->response[0] == 0xDB;
        fixture_restart(f);
        exchange(f, USIM, "9000");
        exchange(f, DERIVE, "*");
        bool derived = f->response[0] == 0xDB;
        exchange(f, "00A4000C026FD6", "9000");
        exchange(f, "00B0000011", derived ? "10" RAND "9000" : "FF*");
        assert_true(derived || !answered);
        if (answered)
            exchange(f, BOOTSTRAP("84"), "DC*");
        fixture_close(f);
        free(f);
    }
}

/* Nothing of what goes to a trace is a key. */
static void test_trace(void **state)
{
    struct fixture *f = *state;
    exchange(f, USIM, "9000");
    f->tracing = true;
    exchange(f, BOOTSTRAP("84"), "DB*");
    exchange(f, DERIVE, KS_EXT_NAF);
    assert_non_null(strstr(f->trace, "00880084"));
    assert_null(strstr(f->trace, "0f846151bf77090f"));
    assert_null(strstr(f->trace, "a54211d5e3ba50bf"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_whole),
        T(test_contexts_apart),
        T(test_lengths),
        T(test_naf_list),
        cmocka_unit_test(test_no_service),
        cmocka_unit_test(test_no_room),
        T(test_made_files),
        T(test_isim),
        T(test_shorter_list),
        T(test_suspended),
        T(test_change),
        T(test_new_key),
        cmocka_unit_test(test_cut),
        T(test_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
