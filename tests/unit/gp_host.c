/* SPDX-License-Identifier: Apache-2.0 */
#include "gp_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "command.h"
#include "hex.h"

static size_t octets_of(const char *hex, uint8_t *to, size_t room)
{
    struct buf b = buf_of(to, room);
    assert_true(hex_parse(hex, &b, NULL));
    return b.len;
}

void gp_keys(struct fixture *f, uint8_t version, struct scp_keys *out)
{
    const struct profile *p = &f->profile->p;
    struct profile_keyset set;
    for (unsigned i = profile_common_keysets(p); i < p->n_keysets; i++)
        if (p->keysets[i].keys.version == version) {
            assert_true(
                personal_keyset(f->crypto, p, span_of(f->seed, sizeof f->seed), FIXTURE_ICCID, i, &set));
            out->len = set.keys.kic_len;
            memcpy(out->enc, set.keys.kic, sizeof out->enc);
            memcpy(out->mac, set.keys.kid, sizeof out->mac);
            memcpy(out->dek, set.keys.kik, sizeof out->dek);
            return;
        }
    fail_msg("the profile has no keyset %02x of a security domain", version);
}

/* As a terminal does over T=0: GET RESPONSE as often as there is something. */
static uint16_t transmit(struct gp_host *h, const uint8_t *command, size_t n)
{
    struct fixture *f = h->f;
    uint8_t all[4096];
    size_t len = 0;
    uint16_t sw = fixture_transmit(f, span_of(command, n), false);
    for (;;) {
        size_t got = f->response_len - 2;
        assert_true(len + got <= sizeof all);
        memcpy(all + len, f->response, got);
        len += got;
        if ((sw & 0xFF00) == 0x6C00 && n == 5) {
            const uint8_t again[5] = {command[0], command[1], command[2], command[3], (uint8_t)sw};
            sw = fixture_transmit(f, span_of(again, 5), false);
            continue;
        }
        if ((sw & 0xFF00) != 0x6100)
            break;
        const uint8_t get[5] = {command[0], 0xC0, 0, 0, (uint8_t)sw};
        sw = fixture_transmit(f, span_of(get, 5), false);
    }
    memcpy(f->response, all, len);
    f->response[len] = (uint8_t)(sw >> 8);
    f->response[len + 1] = (uint8_t)sw;
    f->response_len = len + 2;
    return sw;
}

uint16_t gp_select(struct gp_host *h, const char *aid)
{
    uint8_t command[32] = {command_cla(CLASS_ISO, h->channel), 0xA4, 0x04, 0x00};
    size_t n = octets_of(aid, command + 5, 16);
    command[4] = (uint8_t)n;
    return transmit(h, command, 5 + n);
}

uint16_t gp_initialize(struct gp_host *h, uint8_t version, size_t n)
{
    uint8_t command[32] = {command_cla(CLASS_ETSI, h->channel), 0x50, version, 0, (uint8_t)n};
    struct fixture *f = h->f;
    for (size_t i = 0; i < n; i++)
        command[5 + i] = (uint8_t)(0xA0 + 3 * i);
    uint16_t sw = transmit(h, command, 5 + n);
    if (sw != 0x9000)
        return sw;
    h->update_len = f->response_len - 2;
    memcpy(h->update, f->response, h->update_len);
    const uint8_t *u = h->update;
    uint8_t cryptogram[16];
    if (u[11] == 2) {
        assert_int_equal(h->update_len, 28);
        assert_true(
            scp02_begin(f->crypto, &h->keys, (uint16_t)(u[12] << 8 | u[13]), command + 5, u + 14, &h->scp));
    } else {
        assert_int_equal(u[11], 3);
        assert_int_equal(u[12] & 1, n == 16);
        assert_int_equal(h->update_len, 13 + 2 * n + ((u[12] & 0x10) != 0 ? 3 : 0));
        assert_true(scp03_begin(f->crypto, &h->keys, command + 5, u + 13, n, &h->scp));
    }
    assert_true(scp_cryptogram(f->crypto, &h->scp, SCP_CARD, cryptogram));
    const uint8_t *sent = u + (u[11] == 2 ? 20 : 13 + n);
    return memcmp(cryptogram, sent, h->scp.mac_len) == 0 ? sw : 0;
}

uint16_t gp_authenticate(struct gp_host *h, uint8_t level)
{
    const uint8_t header[4] = {command_cla(CLASS_ETSI, h->channel), 0x82, level, 0};
    uint8_t cryptogram[16], command[64];
    struct buf b = buf_of(command, sizeof command);
    assert_true(scp_cryptogram(h->f->crypto, &h->scp, SCP_HOST, cryptogram));
    assert_true(scp_command_wrap(h->f->crypto, &h->scp, header, span_of(cryptogram, h->scp.mac_len), &b));
    uint16_t sw = transmit(h, command, b.len);
    if (sw == 0x9000)
        h->scp.level = level;
    return sw;
}

void gp_open(struct gp_host *h, struct fixture *f, const char *aid, uint8_t version, uint8_t level, size_t n)
{
    *h = (struct gp_host){.f = f};
    gp_keys(f, version, &h->keys);
    assert_int_equal(gp_select(h, aid), 0x9000);
    assert_int_equal(gp_initialize(h, version, n), 0x9000);
    assert_int_equal(h->update[10], version);
    assert_int_equal(gp_authenticate(h, level), 0x9000);
}

size_t gp_wrap(struct gp_host *h, const char *command, uint8_t out[300])
{
    uint8_t plain[300];
    size_t n = octets_of(command, plain, sizeof plain);
    struct buf b = buf_of(out, 300);
    plain[0] = command_cla(CLASS_ETSI, h->channel);
    assert_true(scp_command_wrap(h->f->crypto, &h->scp, plain,
                                 n > 5 ? span_of(plain + 5, plain[4]) : SPAN_EMPTY, &b));
    return b.len;
}

uint16_t gp_send(struct gp_host *h, const char *command)
{
    uint8_t wrapped[300], plain[4096];
    struct buf p = buf_of(plain, sizeof plain);
    struct fixture *f = h->f;
    size_t n = gp_wrap(h, command, wrapped);
    uint16_t sw = transmit(h, wrapped, n);
    if (sw != 0x9000 && (sw & 0xFF00) != 0x6200 && (sw & 0xFF00) != 0x6300)
        return sw;
    assert_int_equal(
        scp_response_unwrap(f->crypto, &h->scp, sw, span_of(f->response, f->response_len - 2), &p), SCP_GOOD);
    memcpy(f->response, plain, p.len);
    f->response[p.len] = (uint8_t)(sw >> 8);
    f->response[p.len + 1] = (uint8_t)sw;
    f->response_len = p.len + 2;
    return sw;
}

bool gp_matches(const char *text, const char *pattern)
{
    const char *star = NULL, *from = NULL;
    while (*text != '\0' || *pattern == '*' || *pattern == ' ') {
        if (*pattern == ' ') {
            pattern++;
        } else if (*pattern == '*') {
            star = ++pattern;
            from = text;
        } else if (*pattern != '\0' && *text != '\0' &&
                   (*pattern == '.' || (*text | 0x20) == (*pattern | 0x20))) {
            text++;
            pattern++;
        } else if (star != NULL && *from != '\0') {
            text = ++from;
            pattern = star;
        } else {
            return false;
        }
    }
    return *pattern == '\0';
}

void gp_exchange(struct gp_host *h, const char *command, const char *pattern, const char *file, int line)
{
    char text[8193];
    gp_send(h, command);
    assert_true(h->f->response_len * 2 < sizeof text);
    hex_format(span_of(h->f->response, h->f->response_len), text);
    if (!gp_matches(text, pattern))
        fail_msg("%s:%d: %s\n  answered %s\n  expected %s", file, line, command, text, pattern);
}

const char *gp_command(const char *header, const char *data)
{
    static _Thread_local char text[4][600];
    static _Thread_local unsigned at;
    char *to = text[at++ % 4];
    size_t digits = 0;
    for (const char *d = data; *d != '\0'; d++)
        digits += *d != ' ';
    assert_true(digits % 2 == 0 && digits <= 510);
    snprintf(to, 600, "%s%02zx%s", header, digits / 2, data);
    return to;
}

void gp_key_field(struct gp_host *h, uint8_t type, const char *key, char *to)
{
    uint8_t plain[48] = {0}, encrypted[48], block[16], check[16];
    const uint8_t iv[8] = {0};
    struct fixture *f = h->f;
    size_t n = octets_of(key, plain, 32), unit = scp_dek_block(&h->scp),
           padded = (n + unit - 1) / unit * unit;
    assert_true(scp_dek_encrypt(f->crypto, &h->scp, span_of(plain, padded), encrypted));
    memset(block, type == 0x88 ? 1 : 0, sizeof block);
    if (type == 0x88)
        assert_true(aes_ecb_encrypt(f->crypto, span_of(plain, n), block, check, 16));
    else
        assert_true(des_cbc_encrypt(f->crypto, span_of(plain, n), iv, block, check, 8));
    uint8_t field[64];
    struct buf b = buf_of(field, sizeof field);
    buf_u8(&b, type);
    buf_u8(&b, (uint8_t)(padded == n ? n : padded + 1));
    if (padded != n)
        buf_u8(&b, (uint8_t)n);
    buf_put(&b, span_of(encrypted, padded));
    buf_u8(&b, 3);
    buf_put(&b, span_of(check, 3));
    hex_format(buf_span(&b), to + strlen(to));
}

/* ---- what tests install ---- */

const char *gp_install(unsigned p1, const char *package, const char *module, const char *aid,
                           const char *privileges, const char *parameters)
{
    char header[16], data[520];
    snprintf(header, sizeof header, "80E6%02x00", p1);
    snprintf(data, sizeof data, "%s%s%02zx%s%02zx%s%s00", package, module, strlen(aid) / 2, aid,
             strlen(privileges) / 2, privileges, parameters);
    return gp_command(header, data);
}

void gp_make_ssd(struct gp_host *h, const char *aid, const char *privileges, const char *parameters)
{
    gp(h, gp_install(0x0C, SSD_PACKAGE, SSD_MODULE, aid, privileges, parameters), "009000");
}

void gp_keys_of(struct gp_host *h, const char *enc, const char *mac, const char *dek)
{
    uint8_t *to[] = {h->keys.enc, h->keys.mac, h->keys.dek};
    const char *from[] = {enc, mac, dek};
    h->keys.len = 16;
    for (int i = 0; i < 3; i++) {
        struct buf b = buf_of(to[i], 16);
        assert_true(hex_parse(from[i], &b, NULL));
    }
}

void gp_three_keys(struct gp_host *h, uint8_t type, const char *kvn, char *data)
{
    strcpy(data, kvn);
    gp_key_field(h, type, K1, data);
    gp_key_field(h, type, K2, data);
    gp_key_field(h, type, K3, data);
}
