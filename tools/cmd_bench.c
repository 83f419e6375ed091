/* SPDX-License-Identifier: Apache-2.0
 *
 * softuicc bench: what a command costs, in process, without a reader. Every number in the documentation comes
 * from here. What the network's end computes (vectors, command packets) is made in batches, outside the time
 * measured; every answer is checked.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "profile_yaml.h"
#include "scp80.h"
#include "scratch.h"
#include "sms.h"
#include "sw.h"

enum {
    BATCH = 64,
    COMMAND_ROOM = 5 + 255 + 1,
    EXEC_RUNS = 21,
    RESULTS_MAX = 16,
    PARTS_MAX = 5,
    PATH_ROOM = SCRATCH_ROOM + 16,
};

#define BENCH_ICCID "8900101000000000019"

struct result {
    const char *name, *store;
    uint64_t ops, ns;
    uint64_t crypto_ops, crypto_ns; /* the same cipher calls alone; 0: not measured */
};

struct bench {
    const struct subcommand *cmd;
    struct uicc_env env;
    struct uicc_profile *profile;
    struct profile_pair pair; /* pair 0 of the card: what the network's end knows */
    uint8_t seed[16];
    uint64_t ns_per_measure;
    struct result results[RESULTS_MAX];
    size_t n_results;
    size_t footprint;
    uint64_t first_atr_ns;
    uint8_t *response; /* UICC_RESPONSE_MAX */
};

/* A card under measurement. */
struct subject {
    struct bench *bench;
    struct uicc *card;
    const char *store; /* what it is kept in, for the report */
    uint64_t seq;      /* of AUTHENTICATE: the last one used */
    uint64_t cntr;     /* of SCP80: the last one used */
    unsigned updates;  /* SCP80: UPDATE BINARYs in the script */
    unsigned parts;    /* SCP80: short messages the packet takes */
    size_t packet_n;   /* SCP80: octets of the command packet, and of the response packet with its header */
    size_t response_n;
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- talking ---- */

static sw_t say(struct subject *s, const uint8_t *command, size_t n, struct span *data)
{
    size_t got = uicc_transmit(s->card, command, n, s->bench->response);
    *data = span_of(s->bench->response, got - 2);
    return (sw_t)(s->bench->response[got - 2] << 8 | s->bench->response[got - 1]);
}

/* A command of case 4 as T=0 has it: 61xx, then GET RESPONSE. */
static sw_t say_case_4(struct subject *s, const uint8_t *command, size_t n, struct span *data)
{
    sw_t sw = say(s, command, n, data);
    if ((sw & 0xFF00) != SW_DATA_AVAILABLE)
        return sw;
    const uint8_t get_response[5] = {0x00, 0xC0, 0x00, 0x00, (uint8_t)sw};
    return say(s, get_response, sizeof get_response, data);
}

static bool failed(struct subject *s, const char *what, sw_t sw)
{
    cli_refuse(s->bench->cmd, "%s (%s): the card answered %04X (%s)", what, s->store, sw, sw_text(sw));
    return false;
}

/* ---- one batch of each kind: prepare outside the time, run inside ---- */

struct batch {
    uint8_t command[BATCH][COMMAND_ROOM];
    size_t n[BATCH];
    uint8_t expect[BATCH][AKA_RES_MAX];
    size_t expect_n[BATCH];
    uint8_t part[BATCH][PARTS_MAX][COMMAND_ROOM]; /* of SCP80 commands: ENVELOPEs */
    size_t part_n[BATCH][PARTS_MAX];
};

struct measure {
    const char *name;
    bool (*ready)(struct subject *s);                    /* once: selects what is needed; may be NULL */
    bool (*prepare)(struct subject *s, struct batch *b); /* each batch */
    bool (*step)(struct subject *s, const struct batch *b, unsigned i); /* timed */
};

static bool run_measure(struct subject *s, const struct measure *m)
{
    struct bench *bench = s->bench;
    struct batch *batch = malloc(sizeof *batch);
    if (batch == NULL) {
        cli_refuse(bench->cmd, "no memory");
        return false;
    }
    uint64_t ops = 0, ns = 0, wall = now_ns();
    bool good = m->ready == NULL || m->ready(s);
    /* The first batch warms up and does not count. */
    for (unsigned round = 0;
         good && (round < 2 || (ns < bench->ns_per_measure && now_ns() - wall < 10 * bench->ns_per_measure));
         round++) {
        good = m->prepare == NULL || m->prepare(s, batch);
        uint64_t start = now_ns();
        for (unsigned i = 0; good && i < BATCH; i++)
            good = m->step(s, batch, i);
        if (round > 0) {
            ns += now_ns() - start;
            ops += BATCH;
        }
    }
    crypto_wipe(batch, sizeof *batch);
    free(batch);
    if (good && bench->n_results < RESULTS_MAX)
        bench->results[bench->n_results++] = (struct result){m->name, s->store, ops, ns, 0, 0};
    return good;
}

/* SELECT and READ BINARY of EF.ICCID */

static bool select_file(struct subject *s, uint16_t fid)
{
    const uint8_t command[7] = {0x00, 0xA4, 0x00, 0x04, 0x02, (uint8_t)(fid >> 8), (uint8_t)fid};
    struct span data;
    sw_t sw = say_case_4(s, command, sizeof command, &data);
    return sw == SW_OK || failed(s, "SELECT", sw);
}

static bool select_step(struct subject *s, const struct batch *b, unsigned i)
{
    (void)b;
    return select_file(s, i % 2 == 0 ? 0x3F00 : 0x2FE2);
}

static bool read_ready(struct subject *s)
{
    return select_file(s, 0x3F00) && select_file(s, 0x2FE2);
}

static bool read_step(struct subject *s, const struct batch *b, unsigned i)
{
    static const uint8_t command[5] = {0x00, 0xB0, 0x00, 0x00, 0x0A};
    struct span data;
    (void)b;
    (void)i;
    sw_t sw = say(s, command, sizeof command, &data);
    return (sw == SW_OK && data.n == 10) || failed(s, "READ BINARY", sw);
}

/* AUTHENTICATE in 3G context (TS 31.102 7.1.2) */

static const struct profile_applet *applet_of_class(const struct profile *p, const char *name)
{
    for (unsigned i = 0; i < p->n_applets; i++)
        if (strcmp(p->applets[i].class_name, name) == 0 && p->applets[i].aid_len > 0)
            return &p->applets[i];
    return NULL;
}

static bool usim_ready(struct subject *s)
{
    const struct profile_applet *usim = applet_of_class(&s->bench->profile->p, "usim");
    uint8_t command[5 + PROFILE_AID_MAX] = {0x00, 0xA4, 0x04, 0x04};
    struct span data;
    if (usim == NULL) {
        cli_refuse(s->bench->cmd, "profile %s has no USIM", s->bench->profile->p.name);
        return false;
    }
    command[4] = usim->aid_len;
    memcpy(command + 5, usim->aid, usim->aid_len);
    sw_t sw = say_case_4(s, command, 5u + usim->aid_len, &data);
    return sw == SW_OK || failed(s, "SELECT of the USIM", sw);
}

/* What an authentication centre sends: RAND, and AUTN = SQN xor AK || AMF || MAC (TS 33.102 6.3.2). */
static bool make_vector(struct subject *s, struct batch *b, unsigned i)
{
    static const uint8_t head[6] = {0x00, 0x88, 0x00, 0x81, 0x22, 0x10}, amf[2] = {0x80, 0x00};
    const struct profile_pair *pair = &s->bench->pair;
    const struct aka_algorithm *aka = aka_algorithm(pair->algorithm);
    uint8_t rand[16], sqn[6], mac[AKA_MAC_MAX];
    struct aka_vector v;
    sqn_to(++s->seq << pair->sqn.ind_bits, sqn);
    bool good = aka != NULL && crypto_random(NULL, rand, sizeof rand) &&
                aka->f2345(s->bench->env.crypto, &pair->key, rand, &v) &&
                aka->f1(s->bench->env.crypto, &pair->key, rand, sqn, amf, mac, NULL);
    struct buf out = buf_of(b->command[i], COMMAND_ROOM);
    if (good) {
        for (size_t n = 0; n < sizeof sqn; n++)
            sqn[n] ^= v.ak[n];
        buf_put(&out, span_of(head, sizeof head));
        buf_put(&out, span_of(rand, sizeof rand));
        buf_u8(&out, 0x10);
        buf_put(&out, span_of(sqn, sizeof sqn));
        buf_put(&out, span_of(amf, sizeof amf));
        buf_put(&out, span_of(mac, 8));
        memcpy(b->expect[i], v.res, v.res_len);
        b->expect_n[i] = v.res_len;
    }
    b->n[i] = out.len;
    crypto_wipe(&v, sizeof v);
    return good && buf_ok(&out);
}

static bool authenticate_prepare(struct subject *s, struct batch *b)
{
    for (unsigned i = 0; i < BATCH; i++)
        if (!make_vector(s, b, i)) {
            cli_refuse(s->bench->cmd, "computing an authentication vector failed");
            return false;
        }
    return true;
}

static bool authenticate_step(struct subject *s, const struct batch *b, unsigned i)
{
    struct span data;
    sw_t sw = say_case_4(s, b->command[i], b->n[i], &data);
    size_t n = b->expect_n[i];
    /* DB, length, RES, ... */
    if (sw == SW_OK && data.n > n + 2 && data.p[0] == 0xDB && data.p[1] == n &&
        memcmp(data.p + 2, b->expect[i], n) == 0)
        return true;
    return failed(s, sw == SW_OK ? "AUTHENTICATE: wrong RES" : "AUTHENTICATE", sw);
}

/* SCP80: a script with UPDATE BINARYs of EF.FPLMN, to the remote file management of the USIM */

struct envelopes {
    uint8_t (*part)[COMMAND_ROOM];
    size_t *n;
};

static bool envelope_of(void *ctx, unsigned nth, struct span tpdu)
{
    struct envelopes *to = ctx;
    uint8_t room[256];
    struct buf envelope = buf_of(room, sizeof room);
    envelope_sms_pp_build(&(struct envelope_sms_pp){.tpdu = tpdu}, &envelope);
    if (nth >= PARTS_MAX || !buf_ok(&envelope) || envelope.len > 255)
        return false;
    struct buf out = buf_of(to->part[nth], COMMAND_ROOM);
    buf_put(&out, span_of((const uint8_t[]){0x80, 0xC2, 0x00, 0x00, (uint8_t)envelope.len}, 5));
    buf_put(&out, buf_span(&envelope));
    to->n[nth] = out.len;
    return buf_ok(&out);
}

static const uint8_t spi2_of_bench = SPI2_POR_ALWAYS | SPI2_POR_CC | SPI2_POR_CIPHERED;

static bool packet_prepare(struct subject *s, struct batch *b)
{
    static const uint8_t select[] = {0x00, 0xA4, 0x00, 0x04, 0x02, 0x6F, 0x7B}; /* EF.FPLMN */
    static const uint8_t update_one[] = {0x00, 0xD6, 0x00, 0x00, 0x03, 0x62, 0xF2, 0x10};
    static const uint8_t update_four[] = {0x00, 0xD6, 0x00, 0x00, 0x0C, 0x62, 0xF2, 0x10, 0x62,
                                          0xF2, 0x20, 0x62, 0xF2, 0x30, 0x62, 0xF2, 0x40};
    static const uint8_t originator[] = {0x04, 0x81, 0x21, 0x43};
    const struct keyset *keys = &s->bench->pair.ota;
    struct scp80_command c = {
        .spi1 = SPI1_CC | SPI1_CIPHERING | SPI1_COUNTER_HIGHER,
        .spi2 = spi2_of_bench,
        .kic = keyset_kic_octet(keys),
        .kid = keyset_kid_octet(keys),
        .tar = {0xB0, 0x00, 0x01},
    };
    uint8_t commands[700], room[800];
    struct buf script = buf_of(commands, sizeof commands);
    buf_put(&script, span_of(select, sizeof select));
    for (unsigned i = 0; i < s->updates; i++)
        buf_put(&script, s->updates == 1 ? span_of(update_one, sizeof update_one)
                                         : span_of(update_four, sizeof update_four));
    for (unsigned i = 0; i < BATCH; i++) {
        struct buf packet = buf_of(room, sizeof room);
        struct envelopes to = {b->part[i], b->part_n[i]};
        uint64_t cntr = ++s->cntr;
        for (size_t n = 0; n < SCP80_CNTR_LEN; n++)
            c.cntr[n] = (uint8_t)(cntr >> (8 * (SCP80_CNTR_LEN - 1 - n)));
        memset(b->part_n[i], 0, sizeof b->part_n[i]);
        if (!buf_ok(&script) ||
            !scp80_command_build(s->bench->env.crypto, keys, &c, buf_span(&script), &packet) ||
            !sms_packet_split(buf_span(&packet), (uint8_t)cntr, span_of(originator, sizeof originator),
                              envelope_of, &to) ||
            to.n[s->parts - 1] == 0 || (s->parts < PARTS_MAX && to.n[s->parts] != 0)) {
            cli_refuse(s->bench->cmd, "building a command packet in %u short message%s failed", s->parts,
                       s->parts == 1 ? "" : "s");
            return false;
        }
        s->packet_n = packet.len;
    }
    return true;
}

static bool packet_step(struct subject *s, const struct batch *b, unsigned i)
{
    struct span data = SPAN_EMPTY;
    sw_t sw = SW_OK;
    for (unsigned part = 0; part < s->parts && sw == SW_OK; part++)
        sw = say_case_4(s, b->part[i][part], b->part_n[i][part], &data);
    if (sw != SW_OK || data.n == 0)
        return failed(s, "ENVELOPE with a command packet", sw);
    if (i > 0)
        return true;
    s->response_n = data.n;
    /* One PoR of a batch is opened: it must be genuine and say that the script went through. Its cost is in
     * the noise. */
    uint8_t room[256];
    struct buf work = buf_of(room, sizeof room);
    struct scp80_response r;
    struct span result;
    if (scp80_response_open(s->bench->env.crypto, &s->bench->pair.ota, spi2_of_bench, data, &r, &work,
                            &result) != SCP80_GENUINE) {
        cli_refuse(s->bench->cmd, "SCP80 command: the PoR is not genuine");
        return false;
    }
    /* Number of commands executed, then the last status word (TS 102 226 5.2.1.2). */
    if (r.status != SCP80_POR_OK || result.n < 3 || result.p[0] != 1 + s->updates || result.p[1] != 0x90) {
        cli_refuse(s->bench->cmd, "SCP80 command: the PoR says %02X (%s), last status word %02X%02X",
                   r.status, scp80_status_text(r.status), result.n >= 3 ? result.p[1] : 0,
                   result.n >= 3 ? result.p[2] : 0);
        return false;
    }
    return true;
}

/* What of it is cipher: the same calls on as many octets, alone. The card deciphers and checks the command,
 * then signs and ciphers its response. */
static bool cipher_once(struct subject *s, uint8_t *octets)
{
    enum { COMMAND_CLEAR = 10, RESPONSE_CLEAR = 9 }; /* octets that are not ciphered */
    static const uint8_t iv[16] = {0};
    const struct keyset *k = &s->bench->pair.ota;
    struct uicc_crypto *crypto = s->bench->env.crypto;
    const bool aes = k->kic_algorithm == OTA_AES, cmac = k->kid_algorithm == OTA_AES;
    const struct span kic = span_of(k->kic, k->kic_len), kid = span_of(k->kid, k->kid_len);
    const struct span in = span_of(octets, s->packet_n - k->mac_len),
                      out = span_of(octets, s->response_n - k->mac_len);
    const size_t n = s->packet_n - COMMAND_CLEAR, m = s->response_n - RESPONSE_CLEAR;
    uint8_t mac[16];
    return (aes ? aes_cbc_decrypt(crypto, kic, iv, octets, octets, n)
                : des_cbc_decrypt(crypto, kic, iv, octets, octets, n)) &&
           (cmac ? aes_cmac(crypto, kid, &in, 1, mac) : des_mac(crypto, kid, &in, 1, mac)) &&
           (cmac ? aes_cmac(crypto, kid, &out, 1, mac) : des_mac(crypto, kid, &out, 1, mac)) &&
           (aes ? aes_cbc_encrypt(crypto, kic, iv, octets, octets, m)
                : des_cbc_encrypt(crypto, kic, iv, octets, octets, m));
}

static bool measure_cipher(struct subject *s)
{
    struct result *r = &s->bench->results[s->bench->n_results - 1];
    uint8_t octets[800] = {0};
    for (unsigned round = 0; round < 2 || r->crypto_ns < s->bench->ns_per_measure / 4; round++) {
        uint64_t start = now_ns();
        for (unsigned i = 0; i < BATCH; i++)
            if (!cipher_once(s, octets)) {
                cli_refuse(s->bench->cmd, "a cipher failed");
                return false;
            }
        if (round > 0) { /* the first warms up */
            r->crypto_ns += now_ns() - start;
            r->crypto_ops += BATCH;
        }
    }
    return true;
}

/* ---- cards ---- */

static bool card_in(struct bench *b, struct uicc_store *store, bool fresh, struct uicc **card)
{
    uint8_t atr[UICC_ATR_MAX];
    const struct uicc_config config = {
        .env = &b->env, .profile = b->profile, .store = store, .classes = cli_classes(b->cmd, &b->profile->p, &b->env)};
    if (config.classes == NULL)
        return false;
    const struct uicc_personal personal = {.iccid = BENCH_ICCID, .seed = b->seed, .seed_len = sizeof b->seed};
    enum uicc_result result = fresh ? uicc_personalise(&config, &personal) : UICC_OK;
    if (result == UICC_OK)
        result = uicc_open(&config, card);
    if (result != UICC_OK) {
        cli_refuse(b->cmd, "making a card: %s", uicc_result_text(result));
        return false;
    }
    if (uicc_reset(*card, atr) == 0) {
        cli_refuse(b->cmd, "the card is mute");
        uicc_close(*card);
        return false;
    }
    return true;
}

static const struct measure select_measure = {"SELECT", NULL, NULL, select_step};
static const struct measure read_measure = {"READ BINARY", read_ready, NULL, read_step};
static const struct measure authenticate_measure = {"AUTHENTICATE", usim_ready, authenticate_prepare,
                                                    authenticate_step};
static const struct measure packet_measure = {"SCP80 command", NULL, packet_prepare, packet_step};

static const struct {
    uint8_t algorithm; /* enum ota_algorithm */
    unsigned updates, parts;
    struct measure measure;
} ciphers[] = {
    {OTA_AES, 1, 1, {"SCP80 AES 1 SMS", NULL, packet_prepare, packet_step}},
    {OTA_AES, 33, 5, {"SCP80 AES 5 SMS", NULL, packet_prepare, packet_step}},
    {OTA_3DES, 1, 1, {"SCP80 3DES 1 SMS", NULL, packet_prepare, packet_step}},
    {OTA_3DES, 33, 5, {"SCP80 3DES 5 SMS", NULL, packet_prepare, packet_step}},
};

/* A card whose first pair has keys of this algorithm, 128 bits: the profile's own for as long as this takes.
 */
static bool bench_cipher(struct bench *b, size_t i)
{
    struct keyset *of_profile = &b->profile->p.pairs[0].ota;
    const struct keyset before = *of_profile;
    const struct profile_pair pair = b->pair;
    struct subject s = {
        .bench = b, .store = "memory", .updates = ciphers[i].updates, .parts = ciphers[i].parts};
    of_profile->kic_algorithm = of_profile->kid_algorithm = ciphers[i].algorithm;
    of_profile->kic_len = of_profile->kid_len = of_profile->kik_len = 16;
    of_profile->mac_len = 8;
    struct uicc_store *store = store_mem_new();
    bool good = store != NULL && personal_pair(b->env.crypto, &b->profile->p,
                                               span_of(b->seed, sizeof b->seed), BENCH_ICCID, 0, &b->pair);
    if (!good)
        cli_refuse(b->cmd, "no memory");
    good = good && card_in(b, store, true, &s.card);
    if (good) {
        good = run_measure(&s, &ciphers[i].measure) && measure_cipher(&s);
        uicc_close(s.card);
    }
    store_close(store);
    *of_profile = before;
    b->pair = pair;
    return good;
}

static bool bench_memory(struct bench *b)
{
    struct uicc_store *store = store_mem_new();
    struct subject s = {.bench = b, .store = "memory", .updates = 1, .parts = 1};
    if (store == NULL) {
        cli_refuse(b->cmd, "no memory");
        return false;
    }
    bool good = card_in(b, store, true, &s.card);
    if (good) {
        good = run_measure(&s, &select_measure) && run_measure(&s, &read_measure) &&
               run_measure(&s, &authenticate_measure) && run_measure(&s, &packet_measure);
        b->footprint = uicc_footprint(s.card);
        uicc_close(s.card);
    }
    store_close(store);
    for (size_t i = 0; good && i < sizeof ciphers / sizeof ciphers[0]; i++)
        good = bench_cipher(b, i);
    return good;
}

static bool bench_deck(struct bench *b, const char *path)
{
    struct deck_error error;
    struct subject s = {.bench = b, .store = "LMDB, process", .updates = 1, .parts = 1};
    struct deck *deck = deck_open(path, DECK_PROCESS, b->env.crypto, &error);
    struct uicc_store *store = deck != NULL ? deck_card(deck, BENCH_ICCID, &error) : NULL;
    bool good = store != NULL;
    if (!good)
        cli_refuse(b->cmd, "%s", error.text);
    if (good && card_in(b, store, false, &s.card)) {
        good = run_measure(&s, &authenticate_measure) && run_measure(&s, &packet_measure);
        uicc_close(s.card);
    } else {
        good = false;
    }
    store_close(store);
    if (deck != NULL)
        deck_close(deck);
    return good;
}

static bool make_deck(struct bench *b, const char *path)
{
    struct deck_error error;
    uint8_t *bytes = NULL;
    size_t n = 0;
    if (!profile_encode(&b->profile->p, &bytes, &n)) {
        cli_refuse(b->cmd, "no memory");
        return false;
    }
    struct deck *deck = deck_create(path, span_of(bytes, n), b->env.crypto, &error);
    crypto_wipe(bytes, n);
    free(bytes);
    struct uicc_store *store = deck != NULL ? deck_new_card(deck, BENCH_ICCID, &error) : NULL;
    struct uicc *card = NULL;
    bool good = store != NULL;
    if (!good)
        cli_refuse(b->cmd, "%s", error.text);
    if (good)
        good = card_in(b, store, true, &card);
    if (card != NULL)
        uicc_close(card);
    store_close(store);
    if (good && !deck_publish(deck, &error)) {
        good = false;
        cli_refuse(b->cmd, "%s", error.text);
    }
    if (deck != NULL)
        deck_close(deck);
    return good;
}

/* ---- from exec to the first ATR ---- */

/* Reads the child's output until a line "ATR ..." is complete. */
static bool wait_for_atr(int fd)
{
    char text[512];
    size_t n = 0;
    while (n < sizeof text - 1) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 10000) <= 0)
            return false;
        ssize_t got = read(fd, text + n, sizeof text - 1 - n);
        if (got <= 0)
            return false;
        n += (size_t)got;
        text[n] = '\0';
        const char *atr = strstr(text, "ATR ");
        if (atr != NULL && strchr(atr, '\n') != NULL)
            return true;
    }
    return false;
}

static bool exec_once(const char *deck, uint64_t *ns)
{
    char self[PATH_ROOM], verb[] = "apdu", program[] = "softuicc", path[PATH_ROOM];
    char *const argv[] = {program, verb, path, NULL};
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    int ends[2];
    if (n <= 0 || pipe2(ends, O_CLOEXEC) != 0)
        return false;
    self[n] = '\0';
    snprintf(path, sizeof path, "%s", deck);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    pid_t child = 0;
    uint64_t start = now_ns();
    bool good = posix_spawn(&child, self, &actions, NULL, argv, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (good) {
        good = wait_for_atr(ends[0]);
        *ns = now_ns() - start;
        int status = 0;
        if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
            good = false;
    }
    close(ends[0]);
    return good;
}

static int earlier(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The median of several: the first runs fill the page cache. */
static bool bench_exec(struct bench *b, const char *deck)
{
    uint64_t ns[EXEC_RUNS];
    for (int i = 0; i < EXEC_RUNS; i++)
        if (!exec_once(deck, &ns[i])) {
            cli_refuse(b->cmd, "softuicc apdu, run as a process of its own, gave no ATR");
            return false;
        }
    qsort(ns, EXEC_RUNS, sizeof ns[0], earlier);
    b->first_atr_ns = ns[EXEC_RUNS / 2];
    return true;
}

/* ---- all of it ---- */

static double per_op(uint64_t ns, uint64_t ops)
{
    return ops == 0 ? 0 : (double)ns / (double)ops;
}

static void print_text(const struct bench *b)
{
    printf("%-16s %-15s %12s %12s %14s\n", "command", "store", "ops/s", "ns/op", "of it cipher");
    for (size_t i = 0; i < b->n_results; i++) {
        const struct result *r = &b->results[i];
        printf("%-16s %-15s %12.0f %12.0f", r->name, r->store, (double)r->ops * 1e9 / (double)r->ns,
               per_op(r->ns, r->ops));
        if (r->crypto_ops > 0)
            printf(" %12.0f %%", 100 * per_op(r->crypto_ns, r->crypto_ops) / per_op(r->ns, r->ops));
        putchar('\n');
    }
    printf("memory per card  %zu octets beyond the profile\nexec to ATR      %.2f ms (median of %d)\n",
           b->footprint, (double)b->first_atr_ns / 1e6, EXEC_RUNS);
}

static void print_json(const struct bench *b)
{
    printf("{\n  \"version\": \"%s\",\n  \"profile\": ", SOFTUICC_VERSION);
    cli_put_json(stdout, b->profile->p.name);
    fputs(",\n  \"commands\": [", stdout);
    for (size_t i = 0; i < b->n_results; i++) {
        const struct result *r = &b->results[i];
        printf("%s\n    {\"name\": \"%s\", \"store\": \"%s\", \"ops\": %" PRIu64
               ", \"ops_per_s\": %.0f, \"ns_per_op\": %.0f",
               i > 0 ? "," : "", r->name, r->store, r->ops, (double)r->ops * 1e9 / (double)r->ns,
               per_op(r->ns, r->ops));
        if (r->crypto_ops > 0)
            printf(", \"cipher_ns_per_op\": %.0f, \"cipher_share\": %.3f",
                   per_op(r->crypto_ns, r->crypto_ops),
                   per_op(r->crypto_ns, r->crypto_ops) / per_op(r->ns, r->ops));
        putchar('}');
    }
    printf("\n  ],\n  \"octets_per_card\": %zu,\n  \"exec_to_atr_ms\": %.3f\n}\n", b->footprint,
           (double)b->first_atr_ns / 1e6);
}

static bool measure_all(struct bench *b)
{
    char dir[SCRATCH_ROOM], deck[PATH_ROOM];
    if (!scratch_make(b->cmd, dir))
        return false;
    snprintf(deck, sizeof deck, "%s/deck.uicc", dir);
    bool good = bench_memory(b) && make_deck(b, deck) && bench_deck(b, deck) && bench_exec(b, deck);
    scratch_remove(dir);
    return good;
}

static int bench(const struct subcommand *cmd, const char *profile, uint64_t seconds, bool json)
{
    struct profile_error error;
    struct bench b = {.cmd = cmd, .seed = "benchmark seed!", .ns_per_measure = seconds * 1000000000u};
    int code = EXIT_REFUSED;
    b.env = (struct uicc_env){.random = crypto_random, .crypto = crypto_new()};
    b.response = malloc(UICC_RESPONSE_MAX);
    b.profile = profile_load(profile, &error);
    if (b.profile == NULL)
        cli_refuse(cmd, "%s", error.text);
    else if (b.env.crypto == NULL || b.response == NULL)
        cli_refuse(cmd, "no memory");
    else if (!personal_pair(b.env.crypto, &b.profile->p, span_of(b.seed, sizeof b.seed), BENCH_ICCID, 0,
                            &b.pair))
        cli_refuse(cmd, "profile %s has no K/OTA pair", b.profile->p.name);
    else if (measure_all(&b)) {
        json ? print_json(&b) : print_text(&b);
        code = cli_finish(cmd);
    }
    crypto_wipe(&b.pair, sizeof b.pair);
    free(b.response);
    if (b.profile != NULL)
        profile_free(b.profile);
    if (b.env.crypto != NULL)
        crypto_free(b.env.crypto);
    return code;
}

static int run(int argc, char **argv)
{
    enum { JSON = 256, SECONDS, PROFILE };
    static const struct option options[] = {
        {"json", no_argument, NULL, JSON},
        {"seconds", required_argument, NULL, SECONDS},
        {"profile", required_argument, NULL, PROFILE},
        {NULL, 0, NULL, 0},
    };
    const struct subcommand *cmd = &cmd_bench;
    const char *profile = "test";
    uint64_t seconds = 1;
    bool json = false;
    int opt, code = EXIT_USAGE;
    while ((opt = cli_option(cmd, argc, argv, options, &code)) != -1) {
        switch (opt) {
        case JSON:
            json = true;
            break;
        case SECONDS:
            if (!cli_number(cmd, "--seconds", optarg, 0, 3600, &seconds))
                return EXIT_USAGE;
            break;
        case PROFILE:
            profile = optarg;
            break;
        default:
            return code;
        }
    }
    if (optind != argc)
        return cli_usage(cmd, "'%.40s': no arguments, only options", argv[optind]);
    return bench(cmd, profile, seconds, json);
}

const struct subcommand cmd_bench = {
    .name = "bench",
    .summary = "measure what commands cost",
    .help = "Usage: softuicc bench [--seconds N] [--profile NAME|FILE] [--json]\n"
            "Measures, in process and without a reader: SELECT and READ BINARY, AUTHENTICATE (3G\n"
            "context) and an SCP80 command (ciphered and signed, its PoR too, one UPDATE BINARY) with\n"
            "the card's objects in memory and in an LMDB deck at process durability; the same under\n"
            "AES-128 and 3DES in one short message and (33 updates) in five, and what the cipher\n"
            "calls in it take alone; memory per\n"
            "card; the time from exec to the first ATR. Commands include their GET RESPONSE.\n\n"
            "  --seconds N          time for each measure (default: 1; 0: one batch of 64)\n"
            "  --profile NAME|FILE  what kind of card (default: test)\n"
            "  --json               for scripts\n"
            "  --help               this text\n\n"
            "The temporary deck is made below $TMPDIR, or /tmp.\n",
    .run = run,
};
