/* SPDX-License-Identifier: Apache-2.0
 *
 * Every command that writes, with everything that it asks of the world refused at every single place: power cut at its nth write, nth write alone failing
 * (a disk that is full for a moment), nth allocation, cipher or random octet failing, that once or for good. For each of these:
 *
 *  - what the store has is a state that the undisturbed command goes through as well, whole; OTA counters, SQN, PIN tries apart, which may be spent;
 *  - the card in memory says the same as the store;
 *  - the card starts again, counters and SQN have not gone back, and no PIN try is there that was not there before, but for a right PIN;
 *  - an answer that is the undisturbed one is given only when the new state is stored;
 *  - the answer does not tell a right PIN from a wrong one unless a try was spent on it;
 *  - said once more (by the card that went on, and by one that was started again), the command ends where the undisturbed one ends.
 *
 * A new command that writes gets a line in `rows`. test_cuts [NAME]: only rows whose name begins so.
 */
#include "auth_profile.h"
#include "card.h"
#include "faults.h"
#include "inspect.h"
#include "pairs.h"

enum fault { CUT, FAIL_ONCE, MEMORY_ONCE, MEMORY, CIPHER_ONCE, CIPHER, RANDOM, FAULTS };
static const char *const fault_names[FAULTS] = {"power cut at write", "failing write",        "failing allocation", "no memory from allocation",
                                                "failing cipher",     "no cipher from cipher", "no random octets from"};

enum flag {
    TRIES = 1,   /* a right PIN or PUK: tries come back */
    ONCE = 2,    /* said twice it does something else: not compared */
    STEPS = 4,   /* several transactions, each of which may be the last */
    KEYS = 8,    /* replaces keys: their counters start afresh */
};

struct row {
    const char *name;
    const char *made;    /* what the card goes through before, for good ... */
    const char *session; /* ... and after each power-up */
    const char *action;
    unsigned flags;
    void (*open)(struct fixture *f); /* NULL: profile `test` */
};

/* Steps, separated by spaces: an APDU in hexadecimal; or
 *   reset             power off and on
 *   auth:PAIR:SQN     AUTHENTICATE by the network of that pair
 *   ota:KEYS:TAR:SCRIPT  a command packet under the keyset of that pair (or c0: the first common one), in as many messages as it takes
 *   keyset, subscriber   PUT KEY of an OTA keyset, of K and OPc */
#define ADM      "0020000A083132333435363738 "
#define USIM     "00A4040C07A0000000871002 "
#define MF       "00A4000C023F00 "
#define TERMINAL "8010000014FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF "
#define PIN(x)   "313233" x "FFFFFFFF"
#define CYCLIC   "00E0000029" "62278205462100030483026F978A0105AB1080017F9000840132A40683010A9501088002000C880198 "
#define MADE     "00E0000019" "62178202412183026F998A01058B032F060280020010880108 "
#define MADE_DF  "00E0000024" "62228202782183025F018A01058B032F0607C6099001408301018301818104000001008800 "
#define BER      "00E000001B" "62198202392183026F968A0105AB0580017F900080020200880190 "
#define RFM      "B00001:"
#define ORDER(more_len, len, more) "ota:0:BFFF3B:AE8022" more_len "80E29000" len more "00" "0000 "
#define NEXT_ORDER "ota:0:BFFF3B:80e29000" "0DE10B8109" "080910200000000010" "00C0000000 "
#define TRIAL_ORDER(policy) "ota:0:BFFF3B:80e29000" "13E1118109" "080910200000000010" "8404" policy "00C0000000 "
#define STATUS_POLL "80F2000C00 "

static void open_gba(struct fixture *f);
static void open_consent(struct fixture *f);
static void open_end(struct fixture *f);
static void open_usim(struct fixture *f);

/* Remote application management, by an operator's keyset: an application and a security domain of the packages that every card has. */
#define RAM         "ota:0:000000:"
#define APPLICATION "07F0736F66740201"
#define DOMAIN      "07F0736F66740101"
#define INSTALL_APPLICATION RAM "80E60C0021" "08A00000015141434C" "09A00000015141434C4D" APPLICATION "0100" "02C900" "00 "
#define INSTALL_DOMAIN      RAM "80E60C002F" "07A0000001515350" "08A000000151535041" DOMAIN "03804000" "10EA0E800CFF0000000002011603B20201" "00 "

static const struct row rows[] = {
    {"UPDATE BINARY", "", USIM ADM "00A4000C026F46", "00D600000401020304", 0, NULL},
    {"UPDATE BINARY, whole file", "", USIM ADM "00A4000C026F46", "00D60000110102030405060708090A0B0C0D0E0F1011", 0, NULL},
    {"UPDATE RECORD", "", USIM ADM "00A4000C026FC6", "00DC010408" "0102030405060708", 0, NULL},
    {"UPDATE RECORD, cyclic", ADM CYCLIC, MF "00A4000C026F97", "00DC000303A1A2A3", ONCE, NULL},
    {"INCREASE", ADM CYCLIC "00DC000303000000", MF ADM "00A4000C026F97", "8032000003000001", ONCE, NULL},
    {"VERIFY PIN, right", "", USIM, "0020008108" "35363738FFFFFFFF", TRIES, NULL},
    {"VERIFY PIN, wrong", "", USIM, "0020008108" "35363739FFFFFFFF", 0, NULL},
    {"VERIFY PIN, right at the last try", USIM "0020008108" "35363739FFFFFFFF 0020008108" "35363739FFFFFFFF", USIM, "0020008108" "35363738FFFFFFFF", TRIES, NULL},
    {"VERIFY PIN, wrong at the last try", USIM "0020008108" "35363739FFFFFFFF 0020008108" "35363739FFFFFFFF", USIM, "0020008108" "35363739FFFFFFFF", 0, NULL},
    {"CHANGE PIN, right", "", USIM, "0024008110" "35363738FFFFFFFF" "31313131FFFFFFFF", TRIES | ONCE, NULL},
    {"CHANGE PIN, wrong", "", USIM, "0024008110" "35363739FFFFFFFF" "31313131FFFFFFFF", 0, NULL},
    {"ENABLE PIN, right", "", USIM, "0028000108" "31323334FFFFFFFF", TRIES, NULL},
    {"ENABLE PIN, wrong", "", USIM, "0028000108" "31323335FFFFFFFF", 0, NULL},
    {"DISABLE PIN, right", "0028000108" "31323334FFFFFFFF", USIM, "0026000108" "31323334FFFFFFFF", TRIES, NULL},
    {"DISABLE PIN, wrong", "0028000108" "31323334FFFFFFFF", USIM, "0026000108" "31323335FFFFFFFF", 0, NULL},
    {"UNBLOCK PIN, right", "", USIM, "002C008110" "3837363534333231" "31313131FFFFFFFF", TRIES, NULL},
    {"UNBLOCK PIN, wrong", "", USIM, "002C008110" "3837363534333232" "31313131FFFFFFFF", 0, NULL},
    {"VERIFY CHV", "", MF, "A020000208" "35363738FFFFFFFF", TRIES, NULL},
    {"VERIFY CHV, wrong", "", MF, "A020000208" "35363739FFFFFFFF", 0, NULL},
    {"CHANGE CHV", "", MF, "A024000210" "35363738FFFFFFFF" "31313131FFFFFFFF", TRIES | ONCE, NULL},
    {"ENABLE CHV", "", MF, "A028000108" "31323334FFFFFFFF", TRIES, NULL},
    {"UNBLOCK CHV", "", MF, "A02C000210" "3837363534333231" "31313131FFFFFFFF", TRIES, NULL},
    {"UPDATE BINARY (class A0)", "", MF "A020000A083132333435363738 A0A40000027F20 A0A40000026F46", "A0D600000401020304", 0, NULL},
    {"INVALIDATE", "", MF "A020000A083132333435363738 A0A40000027F20 A0A40000026F46", "A004000000", 0, NULL},
    {"REHABILITATE", USIM ADM "00A4000C026F46 0004000000", MF "A020000A083132333435363738 A0A40000027F20 A0A40000026F46", "A044000000", 0, NULL},
    {"DEACTIVATE FILE", "", USIM ADM "00A4000C026F46", "0004000000", 0, NULL},
    {"ACTIVATE FILE", USIM ADM "00A4000C026F46 0004000000", USIM ADM "00A4000C026F46", "0044000000", 0, NULL},
    {"CREATE FILE (EF)", "", MF ADM, MADE, 0, NULL},
    {"CREATE FILE (EF), with contents", "", MF ADM, "00E000001F" "621D8202412183026F818A01058B032F060280020008A505C203A1A2A38800", 0, NULL},
    {"CREATE FILE (cyclic)", "", MF ADM, CYCLIC, 0, NULL},
    {"CREATE FILE (DF)", "", MF ADM, "00E000001D" "621B8202782183025F008A01058B032F0607C609900140830101830181", 0, NULL},
    {"CREATE FILE, the second", ADM MADE, MF ADM, CYCLIC, 0, NULL},
    {"DELETE FILE", ADM MADE CYCLIC, MF ADM, "00E4000002" "6F99", 0, NULL},
    {"DELETE FILE, of the profile", "", MF USIM ADM, "00E4000002" "6F46", 0, NULL},
    {"DELETE FILE (DF and what is in it)", ADM "00E000001D621B8202782183025F008A01058B032F0607C609900140830101830181 " MADE, MF ADM, "00E4000002" "5F00", 0, NULL},
    {"RESIZE FILE", ADM MADE, MF ADM, "80D400000B" "620983026F998002" "0020C0", 0, NULL},
    {"TERMINATE EF", ADM "00E000001A" "62188202412183026FA08A0105AB0580017F9000800200018800", MF "00A4000C026FA0", "00E8000000", 0, NULL},
    {"TERMINATE DF", ADM "00E0000014" "62128202782183025F008A0105AB0580017F9000", MF "00A4000C025F00", "00E6000000", 0, NULL},
    {"TERMINATE CARD USAGE", "", MF ADM, "00FE000000", ONCE, open_end},
    {"SET DATA", ADM BER, MF ADM "00A4000C026F96", "80DB008005" "8003010203", 0, NULL},
    {"SET DATA, in parts", ADM BER, MF ADM "00A4000C026F96", "80DB008004" "80040102 80DB000002" "0304", 0, NULL},
    {"SET DATA, deletes", ADM BER "80DB008005" "8003010203 80DB0080058103010203", MF ADM "00A4000C026F96", "80DB008001" "80", 0, NULL},
    {"SUSPEND UICC", "", MF, "8076000004" "00010401", ONCE, NULL},
    {"SUSPEND UICC, ended by another command", MF "8076000004" "00010401", "", "00A4000C023F00", 0, NULL},
    {"SUSPEND UICC, resumed in vain", MF "8076000004" "00010401", "", "8076010008" "0000000000000000", ONCE, NULL},
    {"AUTHENTICATE", "auth:0:320", USIM, "auth:0:640", 0, NULL},
    {"AUTHENTICATE, the first", "", USIM, "auth:0:32", 0, NULL},
    {"AUTHENTICATE, resynchronisation", "auth:0:640", USIM, "auth:0:32", 0, NULL},
    {"AUTHENTICATE, wrong MAC", "", USIM, "auth:1:32", 0, NULL},
    {"AUTHENTICATE (GBA)", "", USIM, "0088008423" "DD1023553CBE9637A89D218AE64DAE47BF351055F328B43577B9B98C7F3F0D723FB244", ONCE, open_gba},
    {"AUTHENTICATE (GBA), NAF", USIM "0088008423" "DD1023553CBE9637A89D218AE64DAE47BF351055F328B43577B9B98C7F3F0D723FB244", USIM,
     "0088008448" "DE146E61662E6578616D706C652E6F7267010000000131" "30303130313031323334353637383040696D732E6D6E633030312E6D63633030312E336770706E6574776F726B2E6F7267", 0,
     open_gba},
    {"RUN GSM ALGORITHM", "", MF "A0A40000027F20", "A088000010" "00112233445566778899AABBCCDDEEFF", 0, NULL},
    {"remote file management", "", TERMINAL, "ota:0:" RFM "00A4000C026F7800D60000020004 ", 0, NULL},
    {"remote file management, two updates", "", TERMINAL, "ota:0:" RFM "00A4000C026F7800D6000002000400A4000C026F4600D60000020102 ", STEPS, NULL},
    {"remote file management, expanded", "", TERMINAL, "ota:0:" RFM "AE80220700A4000C026F78220700D600000200040000 ", 0, NULL},
    {"remote file management, chained", "", TERMINAL, "ota:0:" RFM "AA0A830111220500A4000C02 ota:0:" RFM "AA0C830111220700A4000C026F78 ota:0:" RFM "AA0A830103220700D6000002000422 ",
     STEPS | ONCE, NULL},
    {"remote PIN, wrong", "", TERMINAL, "ota:0:B00000:0020000A083132333435363739 ", 0, NULL},
    {"a message that says what was said", "ota:0:" RFM "00A4000C026F78", TERMINAL, "ota:0!:" RFM "00A4000C026F78", 0, NULL},
    {"a packet in parts", "", TERMINAL,
     "ota:0:" RFM "00A4000C026FE400DC010436" "A034800107812000112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF8204000000018304000000018401"
     "0100A4000C026F6100D6000028" "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F2021222324252627 ",
     STEPS, NULL},
    {"change order", "auth:0:320", TERMINAL, NEXT_ORDER, 0, NULL},
    {"change order, without a trial", "", TERMINAL, "ota:0:BFFF3B:80e290000FE10D8109" "080910200000000010" "8400" "00C0000000 ", ONCE, NULL},
    {"change order, with files", "", TERMINAL,
     "ota:0:BFFF3B:80e2900032E1308109" "080910200000000010" "840402000000A51DA60C91047FFF6F469304014E6577A60D91047FFF6F789202000193011000C0000000 ", 0, NULL},
    {"change order, refused", "", TERMINAL, "ota:0:BFFF3B:80e2900010E10E8001078109" "080910200000000010" "00C0000000 ", ONCE, NULL},
    {"change order, staged", "", TERMINAL, "ota:0:BFFF3B:80e2900010E10E8109" "080910200000000010" "820177" "00C0000000 ", ONCE, open_consent},
    {"change order, consented to", TERMINAL "ota:0:BFFF3B:80e2900010E10E8109" "080910200000000010" "820177" "00C0000000 ", TERMINAL,
     "ota:c0:BFFF3B:80e2900010E10E8109" "080910200000000010" "820177" "00C0000000 ", ONCE, open_consent},
    {"a trial confirmed", TERMINAL NEXT_ORDER, USIM, "auth:1:32", ONCE, NULL},
    {"a trial's power-up", TERMINAL TRIAL_ORDER("03000000"), "", "reset", ONCE, NULL},
    {"a trial's last power-up", TERMINAL TRIAL_ORDER("04000000") "reset reset", "", "reset", ONCE | STEPS, NULL},
    {"a trial's poll", TERMINAL TRIAL_ORDER("00040000") "reset", TERMINAL, STATUS_POLL, ONCE, NULL},
    {"a trial's last poll", TERMINAL TRIAL_ORDER("00020000") "reset " TERMINAL STATUS_POLL, TERMINAL, STATUS_POLL, ONCE | STEPS, NULL},
    {"a trial's failed authentication", TERMINAL TRIAL_ORDER("00000200") "reset", USIM, "auth:0:32", ONCE, NULL},
    {"a trial's lost network", TERMINAL TRIAL_ORDER("00000002") "reset", TERMINAL "801200000E 801400000C810301050082028281830100", "80C200000CD60A190103820282811B0102", ONCE, NULL},
    {"suspension", "", TERMINAL, "ota:0:BFFF3B:80e2900003C60101 ", ONCE, NULL},
    {"PUT KEY (OTA keyset)", "", TERMINAL, "keyset", ONCE | KEYS, NULL},
    {"PUT KEY (K, OPc)", "auth:0:4096", TERMINAL, "subscriber", ONCE | KEYS, NULL},
    {"TERMINAL PROFILE", "", MF, TERMINAL, 0, NULL},
    {"FETCH and TERMINAL RESPONSE", "", TERMINAL "ota:0:BFFF3B:80e290000FE10D8109" "080910200000000010" "8400" "00C0000000", "801200000B 801400000C810301010482028281830100", ONCE, NULL},
    {"INSTALL", "", TERMINAL, INSTALL_APPLICATION, ONCE, open_usim},
    {"INSTALL (security domain)", "", TERMINAL, INSTALL_DOMAIN, 0, open_usim},
    {"INSTALL, the second", INSTALL_DOMAIN, TERMINAL, INSTALL_APPLICATION, ONCE, open_usim},
    {"INSTALL (for extradition)", INSTALL_DOMAIN INSTALL_APPLICATION, TERMINAL, RAM "80E6100014" DOMAIN "00" APPLICATION "00" "00" "00 ", 0, open_usim},
    {"SET STATUS (application locked)", INSTALL_APPLICATION, TERMINAL, RAM "80F0408007" "F0736F66740201 ", 0, open_usim},
    {"SET STATUS (application unlocked)", INSTALL_APPLICATION RAM "80F0408007" "F0736F66740201", TERMINAL, RAM "80F0400707" "F0736F66740201 ", 0, open_usim},
    {"SET STATUS (card locked)", "", TERMINAL, RAM "80F0807F00 ", ONCE, open_usim},
    {"DELETE (application)", INSTALL_DOMAIN INSTALL_APPLICATION, TERMINAL, RAM "80E4000009" "4F07F0736F66740201 ", 0, open_usim},
    {"DELETE (security domain)", INSTALL_DOMAIN INSTALL_APPLICATION, TERMINAL, RAM "80E4000009" "4F07F0736F66740101 ", 0, open_usim},
    {"MANAGE CHANNEL", "", MF, "0070000001 01A4000C023F00 0070800100", 0, NULL},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static void open_test(struct fixture *f)
{
    fixture_open(f, "test");
}

static void open_gba(struct fixture *f)
{
    static const uint8_t ust[] = {27, 38, 68, 0}, ist[] = {2, 0};
    auth_open(f, &(struct auth_profile){.ust = ust, .ist = ist});
}

static void open_consent(struct fixture *f)
{
    fixture_open_text(f, "format: 1\nname: consent\ninclude: test\napplets:\n  - {class: subscription, params: C00101}\n"
                         "keysets:\n  - ota:\n      version: 9\n      kic: {algorithm: aes, bits: 128, key: derived}\n"
                         "      kid: {algorithm: aes, bits: 128, key: derived}\n      kik: {bits: 128, key: derived}\n    rights: [remote-change]\n");
}

static void open_usim(struct fixture *f)
{
    fixture_open(f, "usim");
}

static void open_end(struct fixture *f)
{
    fixture_open_text(f, "format: 1\nname: end\ninclude: test\naccess:\n  - {name: directory, terminate: adm1, create-ef: adm1}\n");
}

/* ---- running steps ---- */

enum { SAID_MAX = 8192, MESSAGES = 8, STATES_MAX = 16 };

/* Everything the card answered. */
struct said {
    uint8_t octets[SAID_MAX];
    size_t n;
};

/* Every command of a row is made before the first is sent: making them is not the card's doing. */
struct prepared {
    bool reset;
    struct fixture_message message;
};

static void transmit(struct fixture *f, struct span command, struct said *said)
{
    uint8_t *exact = malloc(command.n > 0 ? command.n : 1);
    memcpy(exact, command.p, command.n);
    faults_on();
    size_t n = uicc_transmit(f->card, exact, command.n, f->response);
    if (n == 2 && (f->response[0] == 0x61 || f->response[0] == 0x9F)) {
        const uint8_t get[5] = {exact[0], 0xC0, 0, 0, f->response[1]};
        n = uicc_transmit(f->card, get, 5, f->response);
    }
    faults_off();
    free(exact);
    f->response_len = n;
    assert_true(n >= 2);
    uint16_t sw = (uint16_t)(f->response[n - 2] << 8 | f->response[n - 1]);
    if (sw_find(sw) == NULL)
        fail_msg("status word %04x", sw);
    if (said != NULL && said->n + n <= SAID_MAX) {
        memcpy(said->octets + said->n, f->response, n);
        said->n += n;
    }
}

static void add_hex(struct prepared *p, const char *hex)
{
    struct buf out = buf_of(p->message.apdu, sizeof p->message.apdu);
    if (!hex_parse(hex, &out, NULL))
        fail_msg("bad hex %s", hex);
    p->message.n = out.len;
}

static size_t add_ota(struct fixture *f, unsigned keys, const char *tar, const char *script, bool again, struct prepared *p, size_t room)
{
    struct fixture_message m[MESSAGES];
    const struct fixture_ota ota = {keys, 0x1619, tar, script, again ? f->counter : 0};
    size_t n = fixture_messages(f, &ota, (uint8_t)f->counter, "12345", m, room < MESSAGES ? room : MESSAGES);
    for (size_t i = 0; i < n; i++)
        p[i] = (struct prepared){false, m[i]};
    return n;
}

/* A key data field: type 88, own length, the key under KIK, its check value (test_trial.c). */
static void key_field(struct fixture *f, const struct keyset *kek, uint8_t octet, struct buf *out)
{
    const uint8_t iv[16] = {0}, head[] = {0x88, 17, 16}, kcv = 3;
    uint8_t key[16], ones[16], encrypted[16];
    memset(key, octet, 16);
    memset(ones, 1, 16);
    assert_true(aes_cbc_encrypt(f->crypto, span_of(kek->kik, kek->kik_len), iv, key, encrypted, 16));
    buf_put(out, span_of(head, 3));
    buf_put(out, span_of(encrypted, 16));
    assert_true(aes_ecb_encrypt(f->crypto, span_of(key, 16), ones, encrypted, 16));
    buf_put(out, span_of(&kcv, 1));
    buf_put(out, span_of(encrypted, 3));
}

static size_t add_put_key(struct fixture *f, bool subscriber, struct prepared *p, size_t room)
{
    struct profile_pair pair;
    uint8_t octets[200];
    char hex[500], script[600];
    struct buf data = buf_of(octets, sizeof octets);
    assert_true(personal_pair(f->crypto, &f->profile->p, span_of(f->seed, 16), FIXTURE_ICCID, 0, &pair));
    buf_u8(&data, subscriber ? 0x7A : 3);
    for (int i = 0; i < (subscriber ? 2 : 3); i++)
        key_field(f, &pair.ota, (uint8_t)(0x31 + i), &data);
    hex_format(buf_span(&data), hex);
    snprintf(script, sizeof script, "80D8%s81%02zx%s00C0000000", subscriber ? "7A" : "01", data.len, hex);
    return add_ota(f, 0, "BFFF3B", script, false, p, room);
}

static size_t prepare(struct fixture *f, const char *steps, struct prepared *to, size_t room)
{
    char words[2048], *rest = NULL;
    size_t n = 0;
    snprintf(words, sizeof words, "%s", steps);
    for (char *w = strtok_r(words, " ", &rest); w != NULL; w = strtok_r(NULL, " ", &rest)) {
        unsigned index;
        unsigned long long sqn;
        char tar[7], script[1024], mark[2] = "";
        assert_true(n < room);
        to[n].reset = false;
        if (strcmp(w, "reset") == 0) {
            to[n++].reset = true;
        } else if (sscanf(w, "auth:%u:%llu", &index, &sqn) == 2) {
            struct aka_vector expected;
            add_hex(&to[n], "0088008122");
            /* always the same challenge: two runs must be comparable, so the test's own random octets may not be in it */
            fixture_challenge_of(f, index, sqn, (const uint8_t *)"0123456789abcdef", to[n].message.apdu + 5, &expected);
            to[n++].message.n = 5 + 34;
        } else if (sscanf(w, "ota:c%u:%6[0-9A-F]:%1000s", &index, tar, script) == 3) {
            n += add_ota(f, FIXTURE_COMMON + index, tar, script, false, to + n, room - n);
        } else if (sscanf(w, "ota:%u:%6[0-9A-F]:%1000s", &index, tar, script) == 3) {
            n += add_ota(f, index, tar, script, false, to + n, room - n);
        } else if (sscanf(w, "ota:%u%1[!]:%6[0-9A-F]:%1000s", &index, mark, tar, script) == 4) {
            n += add_ota(f, index, tar, script, true, to + n, room - n);
        } else if (strcmp(w, "keyset") == 0 || strcmp(w, "subscriber") == 0) {
            n += add_put_key(f, w[0] == 's', to + n, room - n);
        } else {
            add_hex(&to[n++], w);
        }
    }
    return n;
}

enum { PREPARED_MAX = 24 };

static void run_steps(struct fixture *f, const char *steps, struct said *said)
{
    struct prepared p[PREPARED_MAX];
    size_t n = prepare(f, steps, p, PREPARED_MAX);
    for (size_t i = 0; i < n; i++) {
        uint8_t atr[UICC_ATR_MAX];
        if (!p[i].reset) {
            transmit(f, span_of(p[i].message.apdu, p[i].message.n), said);
            continue;
        }
        faults_on();
        size_t len = uicc_reset(f->card, atr);
        faults_off();
        assert_true(len > 0);
    }
}

/* ---- states ---- */

struct state {
    uint8_t *octets; /* as fixture_snapshot; malloc'ed */
    size_t n;
};

static void state_free(struct state *s)
{
    free(s->octets);
    *s = (struct state){0};
}

/* PIN tries, SQN, OTA counters, strikes of a trial, the log of what was refused: what may be spent for nothing. */
static bool is_counter(uint32_t id)
{
    switch (id >> 24) {
    case OBJECT_PIN_TRIES:
        return true;
    case OBJECT_APPLET:
        switch (id & 0xFF00) {
        case ITEM_SQN:
        case ITEM_COUNTER:
        case ITEM_COMMON_COUNTER:
        case ITEM_TRIED:
            return true;
        case 0:
            return (id & 0xFFFF) == ITEM_LOG;
        default:
            return false;
        }
    default:
        return false;
    }
}

/* Without counters; in place. */
static struct state without_counters(struct state s)
{
    struct reader r = rd_of(span_of(s.octets, s.n));
    size_t n = 0;
    while (r.left > 0) {
        struct reader at = r;
        uint32_t id = rd_u32(&r);
        struct span value = rd_take(&r, rd_u32(&r));
        assert_true(rd_ok(&r));
        if (is_counter(id))
            continue;
        struct span whole = rd_take(&at, 8 + value.n);
        memmove(s.octets + n, whole.p, whole.n);
        n += whole.n;
    }
    s.n = n;
    return s;
}

static struct state stored(struct fixture *f)
{
    struct state s;
    s.octets = fixture_snapshot(f, &s.n);
    return s;
}

static bool same_state(const struct state *a, const struct state *b)
{
    return a->n == b->n && memcmp(a->octets, b->octets, a->n) == 0;
}

/* What the running card takes for true, as if it were stored. */
static struct state in_memory(struct fixture *f)
{
    struct fixture g = {.memory = store_mem_new()};
    size_t cursor = 0;
    uint32_t id;
    struct span value;
    assert_non_null(g.memory);
    while (objects_each(f->card->objects, &cursor, &id, &value)) {
        const struct store_change change = {.id = id, .value = value};
        assert_int_equal(store_write(g.memory, &change, 1), STORE_OK);
    }
    struct state s = stored(&g);
    store_close(g.memory);
    return s;
}

static struct span find_object(const struct state *s, uint32_t wanted)
{
    struct reader r = rd_of(span_of(s->octets, s->n));
    while (r.left > 0) {
        uint32_t id = rd_u32(&r);
        struct span value = rd_take(&r, rd_u32(&r));
        if (id == wanted)
            return value;
    }
    return SPAN_EMPTY;
}

/* The first object in which two states differ, for people. */
static void differ(const struct state *a, const struct state *b, char *text, size_t room)
{
    for (int way = 0; way < 2; way++) {
        const struct state *x = way == 0 ? a : b, *y = way == 0 ? b : a;
        struct reader r = rd_of(span_of(x->octets, x->n));
        while (r.left > 0) {
            uint32_t id = rd_u32(&r);
            struct span value = rd_take(&r, rd_u32(&r)), other = find_object(y, id);
            char one[65], two[65];
            if (span_equal(value, other))
                continue;
            hex_format(span_slice(value, 0, 32), one);
            hex_format(span_slice(other, 0, 32), two);
            snprintf(text, room, "object %08x: %zu %s, %zu %s", (unsigned)id, value.n, one, other.n, two);
            return;
        }
    }
    snprintf(text, room, "nothing");
}

/* ---- one row ---- */

enum { PAIRS = 4, PINS = 4 };

struct counters {
    uint64_t sqn[PAIRS], ota[PAIRS];
    uint8_t tries[PINS], puk_tries[PINS];
};

static struct counters counters_of(struct fixture *f)
{
    struct counters c = {.sqn = {0}};
    struct applet subscription;
    struct uicc_pin_info pin;
    for (unsigned i = 0; i < PINS && uicc_inspect_pin(f->card, i, &pin); i++) {
        c.tries[i] = pin.tries;
        c.puk_tries[i] = pin.puk_tries;
    }
    for (unsigned i = 0; i < PAIRS && subscription_of(f->card, &subscription); i++) {
        struct pair_info info;
        if (!subscription_info(subscription, i, &info))
            continue;
        struct reader r = rd_of(span_of(info.counter, 5));
        c.ota[i] = rd_be(&r, 5);
        c.sqn[i] = info.sqn;
    }
    return c;
}

struct reference {
    struct fixture *factory;      /* the card before the action; a copy has to go through row->session */
    struct state all[STATES_MAX]; /* the store after each write of the undisturbed action, counters left out */
    size_t n;
    struct said said;
    long calls[FAULT_KINDS];
    struct counters before;
};

static void session(struct fixture *f, const struct row *row)
{
    f->env.random = faults_random;
    faults_random_start(1);
    faults_disarm();
    run_steps(f, row->session, NULL);
    faults_disarm();
}

static void start(struct fixture *f, const struct row *row, const struct reference *ref)
{
    fixture_copy(f, ref->factory);
    session(f, row);
}

/* The states between: the action again and again, cut one write later each time. */
static void make_reference(const struct row *row, struct reference *ref)
{
    static struct fixture f;
    start(&f, row, ref);
    long before = fault_store_writes(f.store);
    ref->before = counters_of(&f);
    run_steps(&f, row->action, &ref->said);
    long writes = fault_store_writes(f.store) - before;
    for (int k = 0; k < FAULT_KINDS; k++)
        ref->calls[k] = faults_calls((enum fault_kind)k);
    fixture_discard(&f);
    assert_true(writes < STATES_MAX);
    for (long n = 0; n <= writes; n++) {
        start(&f, row, ref);
        fault_store_cut_at(f.store, n < writes ? n : -1);
        run_steps(&f, row->action, NULL);
        ref->all[ref->n++] = without_counters(stored(&f));
        fixture_discard(&f);
    }
}

static void arm(struct fixture *f, enum fault fault, long n)
{
    switch (fault) {
    case CUT:
        fault_store_cut_at(f->store, n);
        break;
    case FAIL_ONCE:
        fault_store_fail_at(f->store, n);
        break;
    case MEMORY_ONCE:
    case MEMORY:
        faults_arm(FAULT_MEMORY, n, fault == MEMORY);
        break;
    case CIPHER_ONCE:
    case CIPHER:
        faults_arm(FAULT_CIPHER, n, fault == CIPHER);
        break;
    default:
        faults_arm(FAULT_RANDOM, n, true);
    }
}

static long places(const struct reference *ref, enum fault fault)
{
    switch (fault) {
    case CUT:
    case FAIL_ONCE:
        return (long)ref->n - 1;
    case MEMORY_ONCE:
    case MEMORY:
        return ref->calls[FAULT_MEMORY];
    case CIPHER_ONCE:
    case CIPHER:
        return ref->calls[FAULT_CIPHER];
    default:
        return ref->calls[FAULT_RANDOM];
    }
}

static unsigned long trials;

static bool among(const struct reference *ref, const struct state *s)
{
    for (size_t i = 0; i < ref->n; i++)
        if (same_state(s, &ref->all[i]))
            return true;
    return false;
}

static void not_back(const struct row *row, const struct reference *ref, struct fixture *f, const char *where)
{
    struct counters now = counters_of(f);
    for (int i = 0; i < PAIRS && (row->flags & KEYS) == 0; i++)
        if (now.sqn[i] < ref->before.sqn[i] || now.ota[i] < ref->before.ota[i])
            fail_msg("%s: a counter of pair %d went back", where, i);
    for (int i = 0; i < PINS && (row->flags & TRIES) == 0; i++)
        if (now.tries[i] > ref->before.tries[i] || now.puk_tries[i] > ref->before.puk_tries[i])
            fail_msg("%s: PIN %d has more tries", where, i);
}

/* The command once more, nothing in its way: it ends where the undisturbed one ended. */
static void once_more(const struct row *row, const struct reference *ref, struct fixture *f, const char *where)
{
    char text[300];
    if ((row->flags & ONCE) != 0)
        return;
    run_steps(f, row->action, NULL);
    struct state s = without_counters(stored(f));
    if (!same_state(&s, &ref->all[ref->n - 1])) {
        differ(&s, &ref->all[ref->n - 1], text, sizeof text);
        fail_msg("%s, and said once more: %s", where, text);
    }
    state_free(&s);
}

static void disturb(const struct row *row, const struct reference *ref, enum fault fault, long n, struct said *said)
{
    static struct fixture f, g;
    char where[200], text[300];
    snprintf(where, sizeof where, "%s, %s %ld", row->name, fault_names[fault], n);
    trials++;
    start(&f, row, ref);
    arm(&f, fault, n);
    said->n = 0;
    run_steps(&f, row->action, said);
    faults_disarm();
    fault_store_cut_at(f.store, -1);

    struct state now = stored(&f), live = in_memory(&f);
    if (!same_state(&now, &live)) {
        differ(&live, &now, text, sizeof text);
        fail_msg("%s: in memory and stored differ: %s", where, text);
    }
    state_free(&live);
    now = without_counters(now);
    if (!among(ref, &now)) {
        differ(&now, &ref->all[0], text, sizeof text);
        char other[300];
        differ(&now, &ref->all[ref->n - 1], other, sizeof other);
        fail_msg("%s: neither old nor new:\n  not old: %s\n  not new: %s", where, text, other);
    }
    bool done = said->n == ref->said.n && memcmp(said->octets, ref->said.octets, said->n) == 0;
    if (done && said->n > 0 && !same_state(&now, &ref->all[ref->n - 1])) {
        differ(&now, &ref->all[ref->n - 1], text, sizeof text);
        fail_msg("%s: answered as if done: %s", where, text);
    }
    state_free(&now);

    fixture_copy(&g, &f); /* opens it again from the store */
    g.env.random = faults_random;
    not_back(row, ref, &g, where);
    session(&g, row);
    once_more(row, ref, &g, where);
    fixture_discard(&g);
    once_more(row, ref, &f, where);
    fixture_discard(&f);
}

static const char *only;

/* Rows whose names differ in `right` and `wrong` only. */
static const struct row *wrong_of(const struct row *row)
{
    const char *right = strstr(row->name, ", right");
    for (const struct row *r = row; right != NULL && r < rows + ROWS; r++) {
        const char *wrong = strstr(r->name, ", wrong");
        if (wrong != NULL && wrong - r->name == right - row->name && strncmp(r->name, row->name, (size_t)(right - row->name)) == 0 &&
            strcmp(wrong + 7, right + 7) == 0)
            return r;
    }
    return NULL;
}

static void open_row(const struct row *row, struct reference *ref)
{
    static struct fixture whole;
    if (ref->factory == NULL)
        ref->factory = malloc(sizeof whole);
    (row->open != NULL ? row->open : open_test)(ref->factory);
    ref->factory->env.random = faults_random;
    faults_random_start(1);
    faults_disarm();
    run_steps(ref->factory, row->made, NULL);
}

static void close_row(struct reference *ref)
{
    for (size_t i = 0; i < ref->n; i++)
        state_free(&ref->all[i]);
    fixture_close(ref->factory);
    free(ref->factory);
}

static void test_rows(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + ROWS; row++) {
        struct reference ref = {.n = 0};
        static struct said said;
        if (only != NULL && strncmp(row->name, only, strlen(only)) != 0)
            continue;
        open_row(row, &ref);
        make_reference(row, &ref);
        for (int fault = 0; fault < FAULTS; fault++)
            for (long n = 0; n < places(&ref, (enum fault)fault); n++)
                disturb(row, &ref, (enum fault)fault, n, &said);
        char answer[13];
        hex_format(span_slice(span_of(ref.said.octets, ref.said.n), ref.said.n > 6 ? ref.said.n - 6 : 0, 6), answer);
        print_message("# %-40s %zu writes, %ld allocations, %ld ciphers, %ld random; ..%s\n", row->name, ref.n - 1, ref.calls[FAULT_MEMORY],
                      ref.calls[FAULT_CIPHER], ref.calls[FAULT_RANDOM], answer);
        close_row(&ref);
    }
    print_message("# %lu disturbances\n", trials);
}

/* A right PIN and a wrong one, with the same thing going wrong at the same place: as long as no try was spent for good, the answers are the same. */
static void test_pins_tell_nothing(void **state)
{
    (void)state;
    unsigned compared = 0;
    for (const struct row *right = rows; right < rows + ROWS; right++) {
        const struct row *both[2] = {right, wrong_of(right)};
        if (both[1] == NULL)
            continue;
        struct reference ref = {.n = 0};
        open_row(right, &ref);
        make_reference(right, &ref);
        for (int fault = 0; fault < FAULTS; fault++)
            for (long n = 0; n < places(&ref, (enum fault)fault); n++) {
                static struct fixture f;
                static struct said said[2];
                bool spent = false;
                for (int way = 0; way < 2; way++) {
                    start(&f, right, &ref);
                    arm(&f, (enum fault)fault, n);
                    said[way].n = 0;
                    run_steps(&f, both[way]->action, &said[way]);
                    fault_store_cut_at(f.store, -1);
                    fixture_restart(&f);
                    struct counters now = counters_of(&f);
                    spent |= way == 1 && (memcmp(now.tries, ref.before.tries, sizeof now.tries) != 0 ||
                                          memcmp(now.puk_tries, ref.before.puk_tries, sizeof now.puk_tries) != 0);
                    fixture_discard(&f);
                }
                if (!spent && (said[0].n != said[1].n || memcmp(said[0].octets, said[1].octets, said[0].n) != 0))
                    fail_msg("%s: %s %ld: the answer tells a right one from a wrong one, and no try was spent", right->name, fault_names[fault], n);
                compared += !spent;
            }
        close_row(&ref);
    }
    assert_true(compared >= 4);
}

/* Making a card, and opening it, with every allocation, write and cipher failing: no card or a whole one, and what is there can be opened. */
static void test_making(void **state)
{
    (void)state;
    static struct fixture f;
    open_test(&f);
    static const struct uicc_env env_of_test = {.random = faults_random};
    struct uicc_env env = env_of_test;
    env.crypto = f.crypto;
    unsigned made = 0, refused = 0, opened = 0, mute = 0;
    for (int fault = 0; fault < FAULTS; fault++)
        for (long n = 0;; n++) {
            struct fixture g = {.memory = store_mem_new()};
            g.store = fault_store_new(g.memory);
            const struct uicc_config config = {&env, f.profile, g.store, f.classes};
            const struct uicc_personal personal = {FIXTURE_ICCID, NULL, f.seed, sizeof f.seed, NULL};
            long calls = 0;
            faults_disarm();
            arm(&g, (enum fault)fault, n);
            faults_on();
            enum uicc_result result = uicc_personalise(&config, &personal);
            faults_off();
            for (int k = 0; k < FAULT_KINDS; k++)
                calls += faults_calls((enum fault_kind)k);
            faults_disarm();
            fault_store_cut_at(g.store, -1);
            struct uicc *card;
            assert_int_equal(uicc_open(&config, &card), result == UICC_OK ? UICC_OK : UICC_NOT_PERSONALISED);
            uicc_close(card);
            made += result == UICC_OK;
            refused += result != UICC_OK;
            store_close(g.store);
            store_close(g.memory);
            if (result == UICC_OK && n > calls)
                break;
        }
    for (long n = 0;; n++) {
        uint8_t atr[UICC_ATR_MAX];
        const struct uicc_config config = {&env, f.profile, f.store, f.classes};
        struct uicc *card;
        faults_arm(FAULT_MEMORY, n, n % 2 == 0);
        faults_on();
        enum uicc_result result = uicc_open(&config, &card);
        size_t len = result == UICC_OK ? uicc_reset(card, atr) : 0;
        faults_off();
        long calls = faults_calls(FAULT_MEMORY);
        opened += len > 0;
        mute += len == 0;
        uicc_close(card);
        if (n > calls)
            break;
    }
    faults_disarm();
    fixture_close(&f);
    print_message("# %u made, %u not, %u opened, %u not\n", made, refused, opened, mute);
    assert_true(made >= FAULTS && refused > 40 && opened > 0 && mute > 2);
}

int main(int argc, char **argv)
{
    only = argc > 1 ? argv[1] : NULL;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_pins_tell_nothing), cmocka_unit_test(test_making)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
