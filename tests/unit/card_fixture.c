/* SPDX-License-Identifier: Apache-2.0 */
#include "card_fixture.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ara_m.h"
#include "gsm.h"
#include "hex.h"
#include "isim.h"
#include "pairing.h"
#include "receiver.h"
#include "secure.h"
#include "security_domain.h"
#include "sms.h"
#include "usim.h"

static const struct applet_class *const classes[] = {
    &gsm_class,    &isd_class, &isim_class,  &ota_class,          &pairing_class, &rfm_class,
    &secure_class, &ssd_class, &ara_m_class, &subscription_class, &usim_class,    NULL};

static void trace(void *ctx, const struct uicc_trace_event *e)
{
    struct fixture *f = ctx;
    char hex[2 * 600 + 1];
    if (!f->tracing)
        return;
    const struct span parts[2] = {span_of(e->command, e->command_len), span_of(e->response, e->response_len)};
    for (int i = 0; i < 2; i++) {
        hex_format(span_slice(parts[i], 0, 600), hex);
        int n = snprintf(f->trace + f->trace_len, sizeof f->trace - f->trace_len, "%s ", hex);
        f->trace_len += n > 0 && (size_t)n < sizeof f->trace - f->trace_len ? (size_t)n : 0;
    }
}

static struct uicc_config config_of(struct fixture *f)
{
    return (struct uicc_config){&f->env, f->profile, f->store, f->classes};
}

static void open_profile(struct fixture *f, struct uicc_profile *profile)
{
    f->profile = profile;
    f->env = (struct uicc_env){.ctx = f, .random = crypto_random, .trace = trace, .crypto = f->crypto};
    f->memory = store_mem_new();
    assert_non_null(f->memory);
    f->store = fault_store_new(f->memory);
    memset(f->seed, 0x5A, sizeof f->seed);
    const struct uicc_config config = config_of(f);
    const struct uicc_personal personal = {FIXTURE_ICCID, NULL, f->seed, sizeof f->seed, NULL};
    assert_int_equal(uicc_personalise(&config, &personal), UICC_OK);
    assert_int_equal(uicc_open(&config, &f->card), UICC_OK);
    fixture_reset(f);
}

static void fresh(struct fixture *f, const struct applet_class *const *more)
{
    size_t n = 0;
    *f = (struct fixture){.crypto = crypto_new()};
    assert_non_null(f->crypto);
    for (size_t i = 0; classes[i] != NULL; i++)
        f->classes[n++] = classes[i];
    for (size_t i = 0; more != NULL && more[i] != NULL; i++) {
        assert_true(n + 1 < sizeof f->classes / sizeof f->classes[0]);
        f->classes[n++] = more[i];
    }
}

void fixture_open(struct fixture *f, const char *profile)
{
    fixture_open_classes(f, profile, NULL);
}

void fixture_open_classes(struct fixture *f, const char *profile, const struct applet_class *const *more)
{
    struct profile_error error;
    fresh(f, more);
    struct uicc_profile *p = profile_load(profile, &error);
    if (p == NULL)
        fail_msg("%s", error.text);
    open_profile(f, p);
}

void fixture_open_text(struct fixture *f, const char *yaml)
{
    fixture_open_text_classes(f, yaml, NULL);
}

void fixture_open_text_classes(struct fixture *f, const char *yaml, const struct applet_class *const *more)
{
    struct profile_error error;
    fresh(f, more);
    struct uicc_profile *p = profile_load_text(yaml, strlen(yaml), "test", &error);
    if (p == NULL)
        fail_msg("%s", error.text);
    open_profile(f, p);
}

void fixture_close(struct fixture *f)
{
    uicc_close(f->card);
    store_close(f->store);
    store_close(f->memory);
    profile_free(f->profile);
    crypto_free(f->crypto);
}

static bool copy_object(void *ctx, uint32_t id, struct span value)
{
    const struct store_change change = {.id = id, .value = value};
    return store_write(ctx, &change, 1) == STORE_OK;
}

void fixture_copy(struct fixture *f, const struct fixture *factory)
{
    *f = (struct fixture){.crypto = factory->crypto,
                          .profile = factory->profile,
                          .env = factory->env,
                          .counter = factory->counter};
    memcpy(f->seed, factory->seed, sizeof f->seed);
    memcpy(f->classes, factory->classes, sizeof f->classes);
    f->env.ctx = f;
    f->memory = store_mem_new();
    assert_non_null(f->memory);
    assert_int_equal(store_load(factory->memory, copy_object, f->memory), STORE_OK);
    fixture_restart(f);
}

void fixture_discard(struct fixture *f)
{
    uicc_close(f->card);
    store_close(f->store);
    store_close(f->memory);
}

void fixture_restart(struct fixture *f)
{
    uicc_close(f->card);
    store_close(f->store);
    f->store = fault_store_new(f->memory);
    const struct uicc_config config = config_of(f);
    assert_int_equal(uicc_open(&config, &f->card), UICC_OK);
    fixture_reset(f);
}

void fixture_reset(struct fixture *f)
{
    uint8_t atr[UICC_ATR_MAX];
    assert_true(uicc_reset(f->card, atr) > 0);
}

uint16_t fixture_transmit(struct fixture *f, struct span command, bool follow)
{
    /* exact size: sanitizers see a read beyond the end */
    uint8_t *exact = calloc(1, command.n > 0 ? command.n : 1);
    if (command.n > 0)
        memcpy(exact, command.p, command.n);
    f->response_len = uicc_transmit(f->card, exact, command.n, f->response);
    assert_in_range(f->response_len, 2, UICC_RESPONSE_MAX);
    uint8_t cla = command.n > 0 ? exact[0] : 0;
    uint8_t header[5] = {0};
    if (command.n >= 4)
        memcpy(header, exact, 4);
    free(exact);
    uint8_t sw1 = f->response[f->response_len - 2], sw2 = f->response[f->response_len - 1];
    if (follow && f->response_len == 2 && sw1 == 0x61) {
        const uint8_t get[5] = {cla, 0xC0, 0, 0, sw2};
        f->response_len = uicc_transmit(f->card, get, 5, f->response);
    } else if (follow && f->response_len == 2 && sw1 == 0x6C) {
        header[4] = sw2;
        f->response_len = uicc_transmit(f->card, header, 5, f->response);
    }
    struct cat_proactive p;
    if (header[1] == 0x12 && cat_proactive_parse(span_of(f->response, f->response_len - 2), &p))
        f->proactive = p.details;
    return (uint16_t)(f->response[f->response_len - 2] << 8 | f->response[f->response_len - 1]);
}

static bool matches(const char *text, const char *pattern)
{
    for (; *pattern != '\0' && *pattern != '*'; text++, pattern++) {
        if (*pattern == ' ')
            text--;
        else if (*text == '\0' || (*pattern != '.' && (*text | 0x20) != (*pattern | 0x20)))
            return false;
    }
    return *pattern == '*' || *text == '\0';
}

void fixture_apdu(struct fixture *f, const char *command, const char *pattern, bool follow, const char *file,
                  int line)
{
    uint8_t octets[600];
    static _Thread_local char text[2 * UICC_RESPONSE_MAX + 1];
    struct buf out = buf_of(octets, sizeof octets);
    if (!hex_parse(command, &out, NULL))
        fail_msg("%s:%d: bad hex %s", file, line, command);
    fixture_transmit(f, buf_span(&out), follow);
    hex_format(span_of(f->response, f->response_len), text);
    if (!matches(text, pattern))
        fail_msg("%s:%d: > %s\n  got  %s\n  want %s", file, line, command, text, pattern);
}

void fixture_respond(struct fixture *f, uint8_t result, const char *rest, const char *pattern,
                     const char *file, int line)
{
    uint8_t bytes[255], more_bytes[255];
    char hex[2 * 260 + 1], text[2 * 265 + 1];
    struct buf data = buf_of(bytes, sizeof bytes), more = buf_of(more_bytes, sizeof more_bytes);
    assert_true(hex_parse(rest, &more, NULL));
    cat_response_build(&data, &f->proactive, result, SPAN_EMPTY, buf_span(&more));
    assert_true(buf_ok(&data));
    hex_format(buf_span(&data), hex);
    snprintf(text, sizeof text, "80140000%02X%s", (unsigned)data.len, hex);
    fixture_apdu(f, text, pattern, true, file, line);
}

void fixture_challenge_of(struct fixture *f, unsigned index, uint64_t sqn, const uint8_t rand[16],
                          uint8_t data[34], struct aka_vector *expected)
{
    struct profile_pair pair;
    const uint8_t amf[2] = {0x80, 0x00};
    uint8_t sqn_octets[6], mac[32];
    assert_true(personal_pair(f->crypto, &f->profile->p, span_of(f->seed, sizeof f->seed), FIXTURE_ICCID,
                              index, &pair));
    const struct aka_algorithm *a = aka_algorithm(pair.algorithm);
    data[0] = data[17] = 16;
    memcpy(data + 1, rand, 16);
    assert_true(a->f2345(f->crypto, &pair.key, data + 1, expected));
    sqn_to(sqn, sqn_octets);
    assert_true(a->f1(f->crypto, &pair.key, data + 1, sqn_octets, amf, mac, NULL));
    for (int i = 0; i < 6; i++)
        data[18 + i] = sqn_octets[i] ^ expected->ak[i];
    memcpy(data + 24, amf, 2);
    memcpy(data + 26, mac, 8);
}

void fixture_challenge(struct fixture *f, unsigned index, uint64_t sqn, uint8_t data[34],
                       struct aka_vector *expected)
{
    uint8_t rand[16];
    assert_true(crypto_random(NULL, rand, sizeof rand));
    fixture_challenge_of(f, index, sqn, rand, data, expected);
}

static void load_keys(struct fixture *f, unsigned index, struct keyset *keys)
{
    struct profile_pair pair;
    struct profile_keyset common;
    const struct span seed = span_of(f->seed, sizeof f->seed);
    if (index == FIXTURE_OTHER) {
        *keys = f->other_keys;
        return;
    }
    if (index >= FIXTURE_COMMON) {
        assert_true(
            personal_keyset(f->crypto, &f->profile->p, seed, FIXTURE_ICCID, index - FIXTURE_COMMON, &common));
        *keys = common.keys;
        return;
    }
    assert_true(personal_pair(f->crypto, &f->profile->p, seed, FIXTURE_ICCID, index, &pair));
    *keys = pair.ota;
}

size_t fixture_packet(struct fixture *f, const struct fixture_ota *ota, uint8_t *packet, size_t room)
{
    uint8_t script[4096];
    struct buf s = buf_of(script, sizeof script), p = buf_of(packet, room), tar;
    struct keyset keys;
    load_keys(f, ota->index, &keys);
    struct scp80_command c = {.spi1 = (uint8_t)(ota->spi >> 8),
                              .spi2 = (uint8_t)ota->spi,
                              .kic = keyset_kic_octet(&keys),
                              .kid = keyset_kid_octet(&keys)};
    if ((c.spi1 & SPI1_CIPHERING) == 0 && (c.spi2 & SPI2_POR_CIPHERED) == 0)
        c.kic = 0;
    if ((c.spi1 & SPI1_CHECK) == 0 && (c.spi2 & SPI2_POR_CHECK) == 0)
        c.kid = 0;
    tar = buf_of(c.tar, 3);
    assert_true(hex_parse(ota->tar, &tar, NULL) && hex_parse(ota->script, &s, NULL));
    f->counter = ota->counter != 0 ? ota->counter : f->counter + 1;
    for (int i = 0; i < 5; i++)
        c.cntr[i] = (uint8_t)(f->counter >> (8 * (4 - i)));
    assert_true(scp80_command_build(f->crypto, &keys, &c, buf_span(&s), &p));
    return p.len;
}

size_t fixture_wrap(struct span tpdu, uint8_t apdu_out[261])
{
    struct buf e = buf_of(apdu_out, 261);
    const uint8_t header[4] = {0x80, 0xC2, 0, 0};
    buf_put(&e, span_of(header, 4));
    buf_u8(&e, 0);
    size_t at = e.len;
    envelope_sms_pp_build(&(struct envelope_sms_pp){SPAN_EMPTY, tpdu}, &e);
    assert_true(buf_ok(&e));
    apdu_out[4] = (uint8_t)(e.len - at);
    return e.len;
}

struct taking {
    struct fixture_message *to;
    size_t room, n;
};

static bool take_message(void *ctx, unsigned nth, struct span tpdu)
{
    struct taking *t = ctx;
    assert_true(nth < t->room);
    t->to[nth].n = fixture_wrap(tpdu, t->to[nth].apdu);
    t->n = nth + 1;
    return true;
}

size_t fixture_messages(struct fixture *f, const struct fixture_ota *ota, uint8_t ref, const char *from,
                        struct fixture_message *to, size_t room)
{
    uint8_t packet[4200], address[12];
    struct buf a = buf_of(address, sizeof address);
    struct taking taking = {to, room, 0};
    size_t n = fixture_packet(f, ota, packet, sizeof packet);
    assert_true(sms_address_pack(from, &a));
    assert_true(sms_packet_split(span_of(packet, n), ref, buf_span(&a), take_message, &taking));
    return taking.n;
}

size_t fixture_envelope(struct fixture *f, const struct fixture_ota *ota, uint8_t apdu_out[261])
{
    struct fixture_message one;
    assert_int_equal(fixture_messages(f, ota, 0, "12345", &one, 1), 1);
    memcpy(apdu_out, one.apdu, one.n);
    return one.n;
}

void fixture_open_por(struct fixture *f, const struct fixture_ota *ota, struct span response,
                      struct fixture_por *por)
{
    struct keyset keys;
    uint8_t work[4200];
    struct buf w = buf_of(work, sizeof work);
    struct scp80_response r;
    struct span data;
    load_keys(f, ota->index, &keys);
    por->answered = true;
    por->verdict = scp80_response_open(f->crypto, &keys, (uint8_t)ota->spi, response, &r, &w, &data);
    if (por->verdict == SCP80_GENUINE || por->verdict == SCP80_UNPROTECTED) {
        por->status = r.status;
        por->n = data.n;
        memcpy(por->data, data.p, data.n);
    }
}

void fixture_ota_raw(struct fixture *f, const struct fixture_ota *ota, struct span command,
                     struct fixture_por *por)
{
    *por = (struct fixture_por){0};
    por->sw = fixture_transmit(f, command, true);
    if (f->response_len > 2)
        fixture_open_por(f, ota, span_of(f->response, f->response_len - 2), por);
}

void fixture_ota(struct fixture *f, const struct fixture_ota *ota, struct fixture_por *por)
{
    uint8_t command[261];
    size_t n = fixture_envelope(f, ota, command);
    fixture_ota_raw(f, ota, span_of(command, n), por);
}

void fixture_order(const char *imsi, int index, const char *reference, char *script, size_t room)
{
    uint8_t ef[9];
    char hex[19], inner[64] = "";
    assert_true(imsi_pack(imsi, ef));
    hex_format(span_of(ef, 9), hex);
    size_t n = 0;
    if (index >= 0)
        n += (size_t)snprintf(inner, sizeof inner, "8001%02x", (unsigned)index);
    n += (size_t)snprintf(inner + n, sizeof inner - n, "8109%s", hex);
    if (reference != NULL)
        n += (size_t)snprintf(inner + n, sizeof inner - n, "82%02x%s", (unsigned)strlen(reference) / 2,
                              reference);
    snprintf(script, room, "80e29000%02xe1%02x%s00c0000000", (unsigned)(n / 2 + 2), (unsigned)(n / 2), inner);
}

struct keyset fixture_aes_keyset(uint8_t version, const uint8_t kic[16], const uint8_t kid[16],
                                 const uint8_t kik[16])
{
    struct keyset keys = {.version = version,
                          .kic_algorithm = OTA_AES,
                          .kid_algorithm = OTA_AES,
                          .mac_len = 8,
                          .kic_len = 16,
                          .kid_len = 16,
                          .kik_len = 16};
    memcpy(keys.kic, kic, 16);
    memcpy(keys.kid, kid, 16);
    memcpy(keys.kik, kik, 16);
    return keys;
}

void fixture_key_field(struct fixture *f, const struct keyset *kek, const uint8_t *key, size_t len,
                       bool spoil, struct buf *out)
{
    const uint8_t iv[16] = {0};
    uint8_t block[32], encrypted[32];
    assert_true(aes_cbc_encrypt(f->crypto, span_of(kek->kik, kek->kik_len), iv, key, encrypted, len));
    buf_u8(out, 0x88);
    buf_u8(out, (uint8_t)(len + 1));
    buf_u8(out, (uint8_t)len);
    buf_put(out, span_of(encrypted, len));
    memset(block, 1, 16);
    assert_true(aes_ecb_encrypt(f->crypto, span_of(key, len), block, encrypted, 16));
    encrypted[2] ^= spoil;
    buf_u8(out, 3);
    buf_put(out, span_of(encrypted, 3));
}

void fixture_tar(struct fixture *f, const char *class_name, char hex[7])
{
    const struct profile *p = &f->profile->p;
    for (int i = 0; i < p->n_applets; i++)
        if (strcmp(p->applets[i].class_name, class_name) == 0) {
            assert_true(p->applets[i].n_tars > 0);
            hex_format(span_of(p->applets[i].tars[0], 3), hex);
            return;
        }
    fail_msg("no applet of class %s", class_name);
}

void fixture_imsi(struct fixture *f, char digits[16])
{
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
    exchange(f, "00A4000C026F07", "9*");
    exchange(f, "00B0000009", "*");
    assert_int_equal(f->response_len, 11);
    assert_true(imsi_unpack(span_of(f->response, 9), digits));
}

unsigned fixture_authenticate(struct fixture *f, unsigned index, uint64_t sqn)
{
    struct aka_vector expected;
    uint8_t command[5 + 34] = {0x00, 0x88, 0x00, 0x81, 34};
    fixture_challenge(f, index, sqn, command + 5, &expected);
    exchange(f, "00A4040C07" USIM_AID_PREFIX, "9*");
    uint16_t sw = fixture_transmit(f, span_of(command, sizeof command), true);
    if ((sw & 0xFF00) != 0x9000 && (sw & 0xFF00) != 0x9100)
        return sw;
    if (f->response[0] == 0xDB) {
        assert_int_equal(f->response[1], expected.res_len);
        assert_memory_equal(f->response + 2, expected.res, expected.res_len);
        assert_memory_equal(f->response + 3 + expected.res_len, expected.ck, expected.ck_len);
        assert_memory_equal(f->response + 4 + expected.res_len + expected.ck_len, expected.ik,
                            expected.ik_len);
    }
    return f->response[0];
}

void fixture_terminal_profile(struct fixture *f)
{
    exchange(f, "8010000014FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "9*");
}

int fixture_setup_bare(void **state)
{
    struct fixture *f = malloc(sizeof *f);
    assert_non_null(f);
    fixture_open(f, "test");
    *state = f;
    return 0;
}

int fixture_setup(void **state)
{
    (void)fixture_setup_bare(state);
    fixture_terminal_profile(*state);
    return 0;
}

int fixture_setup_usim(void **state)
{
    struct fixture *f = malloc(sizeof *f);
    assert_non_null(f);
    fixture_open(f, "usim");
    fixture_terminal_profile(f);
    *state = f;
    return 0;
}

int fixture_teardown(void **state)
{
    fixture_close(*state);
    free(*state);
    return 0;
}

struct object {
    uint32_t id;
    struct span value;
    uint8_t *copy;
};

struct objects_list {
    struct object list[512];
    size_t n;
};

static bool collect(void *ctx, uint32_t id, struct span value)
{
    struct objects_list *l = ctx;
    uint8_t *copy = malloc(value.n + 1);
    if (value.n > 0)
        memcpy(copy, value.p, value.n);
    l->list[l->n++] = (struct object){id, span_of(copy, value.n), copy};
    return l->n < 512;
}

static int by_id(const void *a, const void *b)
{
    uint32_t x = ((const struct object *)a)->id, y = ((const struct object *)b)->id;
    return x < y ? -1 : x > y;
}

uint8_t *fixture_snapshot(struct fixture *f, size_t *n)
{
    struct objects_list l = {.n = 0};
    assert_int_equal(store_load(f->memory, collect, &l), STORE_OK);
    qsort(l.list, l.n, sizeof l.list[0], by_id);
    size_t total = 0;
    for (size_t i = 0; i < l.n; i++)
        total += 8 + l.list[i].value.n;
    uint8_t *all = malloc(total + 1);
    struct buf out = buf_of(all, total);
    for (size_t i = 0; i < l.n; i++) {
        buf_u32(&out, l.list[i].id);
        buf_u32(&out, (uint32_t)l.list[i].value.n);
        buf_put(&out, l.list[i].value);
        free(l.list[i].copy);
    }
    assert_true(buf_ok(&out));
    *n = total;
    return all;
}

void fixture_command(struct fixture *f, unsigned keys, const char *apdu_hex, char *answer, size_t room)
{
    char tar[7], script[600];
    struct fixture_por por;
    size_t n = strlen(apdu_hex) / 2;
    fixture_tar(f, "subscription", tar);
    if (n < 0x80)
        snprintf(script, sizeof script, "AE8022%02zx%s0000", n, apdu_hex);
    else
        snprintf(script, sizeof script, "AE802281%02zx%s0000", n, apdu_hex);
    const struct fixture_ota ota = {keys, FIXTURE_SPI, tar, script, 0};
    struct fixture_message messages[4];
    size_t parts = fixture_messages(f, &ota, 0x31, "12345", messages, 4);
    for (size_t i = 0; i < parts; i++)
        fixture_ota_raw(f, &ota, span_of(messages[i].apdu, messages[i].n), &por);
    answer[0] = '\0';
    if (por.answered && por.verdict == SCP80_GENUINE && por.status == SCP80_POR_OK && por.n > 6) {
        assert_true(2 * (por.n - 6) < room);
        hex_format(span_of(por.data + 4, por.n - 6), answer);
    } else if (por.answered) {
        snprintf(answer, room, "%s %02x", por.verdict == SCP80_GENUINE ? "genuine" : "unprotected",
                 por.status);
    }
}

void fixture_expect(struct fixture *f, unsigned keys, const char *apdu_hex, const char *pattern)
{
    char answer[600];
    fixture_command(f, keys, apdu_hex, answer, sizeof answer);
    const char *a = answer, *p = pattern;
    for (; *p != '\0' && *p != '*'; a++, p++)
        if (*a == '\0' || (*p != '.' && (*a | 0x20) != (*p | 0x20)))
            fail_msg("%s under keyset %u: got %s, want %s", apdu_hex, keys, answer, pattern);
    if (*p == '\0' && *a != '\0')
        fail_msg("%s under keyset %u: got %s, want %s", apdu_hex, keys, answer, pattern);
}
