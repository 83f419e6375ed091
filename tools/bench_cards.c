/* SPDX-License-Identifier: Apache-2.0
 *
 * Cards under measurement, in process, and the commands that are measured.
 */
#include <stdlib.h>

#include "bench.h"
#include "scp80.h"
#include "sms.h"
#include "sw.h"

/* ---- talking ---- */

static sw_t say(struct subject *s, const uint8_t *command, size_t n, struct span *data)
{
    size_t got = uicc_transmit(s->card, command, n, s->response);
    s->octets = n + got;
    *data = span_of(s->response, got - 2);
    return (sw_t)(s->response[got - 2] << 8 | s->response[got - 1]);
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
    cli_refuse(s->bench->cmd, "%s (%s): the card answered %04X (%s)", what, s->store_name, sw, sw_text(sw));
    return false;
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
    const struct profile_pair *pair = &s->pair;
    const struct aka_algorithm *aka = aka_algorithm(pair->algorithm);
    uint8_t rand[16], sqn[6], mac[AKA_MAC_MAX];
    struct aka_vector v;
    sqn_to(++s->seq << pair->sqn.ind_bits, sqn);
    bool good = aka != NULL && crypto_random(NULL, rand, sizeof rand) &&
                aka->f2345(s->env.crypto, &pair->key, rand, &v) &&
                aka->f1(s->env.crypto, &pair->key, rand, sqn, amf, mac, NULL);
    struct buf out = buf_of(b->command[i], BENCH_COMMAND_ROOM);
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
    for (unsigned i = 0; i < BENCH_BATCH; i++)
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

/* UPDATE BINARY of EF.FPLMN: something else each time, so that there is something to write */

static bool update_ready(struct subject *s)
{
    return usim_ready(s) && select_file(s, 0x6F7B);
}

static bool update_step(struct subject *s, const struct batch *b, unsigned i)
{
    const uint8_t command[8] = {0x00, 0xD6, 0x00, 0x00, 0x03, 0x62, 0xF2, (uint8_t)(i % 2 << 4)};
    struct span data;
    (void)b;
    sw_t sw = say(s, command, sizeof command, &data);
    return sw == SW_OK || failed(s, "UPDATE BINARY", sw);
}

/* A card taken from its store, powered up, and put back: what paging costs */

static bool open_step(struct subject *s, const struct batch *b, unsigned i)
{
    const struct uicc_config config = {
        .env = &s->env, .profile = s->bench->profile, .store = s->store, .classes = s->bench->classes};
    uint8_t atr[UICC_ATR_MAX];
    (void)b;
    (void)i;
    uicc_close(s->card);
    enum uicc_result result = uicc_open(&config, &s->card);
    if (result != UICC_OK)
        s->card = NULL;
    if (result == UICC_OK && uicc_reset(s->card, atr) > 0)
        return true;
    cli_refuse(s->bench->cmd, "opening a card: %s", uicc_result_text(result));
    return false;
}

/* SCP80: a script with UPDATE BINARYs of EF.FPLMN, to the remote file management of the USIM */

struct envelopes {
    uint8_t (*part)[BENCH_COMMAND_ROOM];
    size_t *n;
};

static bool envelope_of(void *ctx, unsigned nth, struct span tpdu)
{
    struct envelopes *to = ctx;
    uint8_t room[256];
    struct buf envelope = buf_of(room, sizeof room);
    envelope_sms_pp_build(&(struct envelope_sms_pp){.tpdu = tpdu}, &envelope);
    if (nth >= BENCH_PARTS_MAX || !buf_ok(&envelope) || envelope.len > 255)
        return false;
    struct buf out = buf_of(to->part[nth], BENCH_COMMAND_ROOM);
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
    const struct keyset *keys = &s->pair.ota;
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
    for (unsigned i = 0; i < BENCH_BATCH; i++) {
        struct buf packet = buf_of(room, sizeof room);
        struct envelopes to = {b->part[i], b->part_n[i]};
        uint64_t cntr = ++s->cntr;
        for (size_t n = 0; n < SCP80_CNTR_LEN; n++)
            c.cntr[n] = (uint8_t)(cntr >> (8 * (SCP80_CNTR_LEN - 1 - n)));
        memset(b->part_n[i], 0, sizeof b->part_n[i]);
        if (!buf_ok(&script) || !scp80_command_build(s->env.crypto, keys, &c, buf_span(&script), &packet) ||
            !sms_packet_split(buf_span(&packet), (uint8_t)cntr, span_of(originator, sizeof originator),
                              envelope_of, &to) ||
            to.n[s->parts - 1] == 0 || (s->parts < BENCH_PARTS_MAX && to.n[s->parts] != 0)) {
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
    if (scp80_response_open(s->env.crypto, &s->pair.ota, spi2_of_bench, data, &r, &work, &result) !=
        SCP80_GENUINE) {
        cli_refuse(s->bench->cmd, "SCP80 command: the PoR is not genuine");
        return false;
    }
    /* Number of commands executed, then the last status word (TS 102 226 5.1.2). */
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
bool bench_cipher_once(struct subject *s, uint8_t octets[800])
{
    enum { COMMAND_CLEAR = 10, RESPONSE_CLEAR = 9 }; /* octets that are not ciphered */
    static const uint8_t iv[16] = {0};
    const struct keyset *k = &s->pair.ota;
    struct uicc_crypto *crypto = s->env.crypto;
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

/* ---- measures ---- */

const struct measure bench_select = {NULL, NULL, select_step};
const struct measure bench_read = {read_ready, NULL, read_step};
const struct measure bench_update = {update_ready, NULL, update_step};
const struct measure bench_authenticate = {usim_ready, authenticate_prepare, authenticate_step};
const struct measure bench_packet = {NULL, packet_prepare, packet_step};
const struct measure bench_open = {NULL, NULL, open_step};

__attribute__((noinline)) bool bench_batch(struct subject *s, const struct measure *m, const struct batch *b)
{
    bool good = true;
    for (unsigned i = 0; good && i < BENCH_BATCH; i++)
        good = m->step(s, b, i);
    return good;
}

static bool warm_up(struct subject *s, const struct measure *m, struct batch *b)
{
    bool good = (m->ready == NULL || m->ready(s)) && (m->prepare == NULL || m->prepare(s, b));
    for (unsigned i = 0; good && i < BENCH_BATCH; i++)
        good = m->step(s, b, i);
    return good;
}

bool bench_run(struct subject *s, const struct measure *m, uint64_t *ops, uint64_t *ns)
{
    const uint64_t enough = s->bench->ns_per_measure, start = bench_now(CLOCK_MONOTONIC);
    struct batch *batch = malloc(sizeof *batch);
    *ops = *ns = 0;
    if (batch == NULL) {
        cli_refuse(s->bench->cmd, "no memory");
        return false;
    }
    bool good = warm_up(s, m, batch);
    do {
        good = good && (m->prepare == NULL || m->prepare(s, batch));
        uint64_t from = bench_now(s->clock);
        good = good && bench_batch(s, m, batch);
        *ns += bench_now(s->clock) - from;
        *ops += BENCH_BATCH;
    } while (good && *ns < enough && bench_now(CLOCK_MONOTONIC) - start < 10 * enough);
    crypto_wipe(batch, sizeof *batch);
    free(batch);
    return good;
}

/* ---- cards ---- */

static bool make_card(struct subject *s, bool fresh)
{
    struct bench *b = s->bench;
    uint8_t atr[UICC_ATR_MAX];
    const struct uicc_config config = {
        .env = &s->env, .profile = b->profile, .store = s->store, .classes = b->classes};
    const struct uicc_personal personal = {.iccid = BENCH_ICCID, .seed = b->seed, .seed_len = sizeof b->seed};
    enum uicc_result result = fresh ? uicc_personalise(&config, &personal) : UICC_OK;
    if (result == UICC_OK)
        result = uicc_open(&config, &s->card);
    if (result != UICC_OK) {
        s->card = NULL;
        cli_refuse(b->cmd, "making a card: %s", uicc_result_text(result));
        return false;
    }
    if (uicc_reset(s->card, atr) > 0)
        return true;
    cli_refuse(b->cmd, "the card is mute");
    return false;
}

bool subject_open(struct subject *s, struct bench *b, struct deck *deck)
{
    struct deck_error error = {"no memory"};
    *s = (struct subject){.bench = b,
                          .store_name = "memory",
                          .clock = CLOCK_THREAD_CPUTIME_ID,
                          .updates = 1,
                          .parts = 1,
                          .env = {.random = crypto_random, .crypto = crypto_new(), .guard = b->guard},
                          .response = malloc(UICC_RESPONSE_MAX)};
    s->store = deck != NULL ? deck_card(deck, BENCH_ICCID, &error) : store_mem_new();
    if (s->env.crypto == NULL || s->response == NULL || s->store == NULL)
        cli_refuse(b->cmd, "%s", error.text);
    else if (!personal_pair(s->env.crypto, &b->profile->p, span_of(b->seed, sizeof b->seed), BENCH_ICCID, 0,
                            &s->pair))
        cli_refuse(b->cmd, "profile %s has no K/OTA pair", b->profile->p.name);
    else
        return make_card(s, deck == NULL);
    return false;
}

void subject_close(struct subject *s)
{
    uicc_close(s->card);
    store_close(s->store);
    free(s->response);
    if (s->env.crypto != NULL)
        crypto_free(s->env.crypto);
    crypto_wipe(s, sizeof *s);
}
