/* SPDX-License-Identifier: Apache-2.0
 *
 * The codecs of over the air, both directions: command and response packets, short messages, user data
 * headers, ENVELOPE, parts put together. What one end builds, the other takes apart to the same; what is
 * changed is refused, or is not what was signed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "assembly.h"
#include "fuzz.h"
#include "scp80.h"
#include "sms.h"

enum { ROOM = 8192 };

static struct uicc_crypto *crypto(void)
{
    static struct uicc_crypto *c;
    if (c == NULL && (c = crypto_new()) == NULL)
        exit(1);
    return c;
}

/* A keyset of each kind. */
static struct keyset keys_of(uint8_t which)
{
    struct keyset k = {.version = (uint8_t)(1 + which % 15)};
    static const struct {
        uint8_t cipher, len, mac;
    } kinds[] = {{OTA_AES, 16, 8},  {OTA_AES, 32, 4}, {OTA_3DES, 16, 8},
                 {OTA_3DES, 24, 8}, {OTA_AES, 24, 8}, {OTA_DES, 8, 8}};
    unsigned i = which / 16 % 6;
    k.kic_algorithm = k.kid_algorithm = kinds[i].cipher;
    k.kic_len = k.kid_len = k.kik_len = kinds[i].len;
    k.mac_len = kinds[i].mac;
    for (uint8_t n = 0; n < 32; n++) {
        k.kic[n] = (uint8_t)(n * 7 + which);
        k.kid[n] = (uint8_t)(n * 11 + which + 1);
        k.kik[n] = (uint8_t)(n * 13 + which + 2);
    }
    return k;
}

static void inside(struct span part, struct span whole)
{
    if (part.n > 0 && (part.p < whole.p || part.p + part.n > whole.p + whole.n))
        fuzz_die("a part that lies outside");
}

static void command_raw(struct span packet, const struct keyset *keys)
{
    uint8_t work[ROOM];
    struct scp80_command c;
    struct span data;
    struct buf w = buf_of(work, sizeof work);
    if (scp80_command_parse(packet, &c) != SCP80_POR_OK)
        return;
    inside(c.secured, packet);
    (void)scp80_kic_version(&c);
    (void)scp80_kid_version(&c);
    if (scp80_command_open(crypto(), keys, &c, &w, &data) == SCP80_POR_OK)
        inside(data, span_of(work, sizeof work));
    w = buf_of(work, sizeof work);
    (void)scp80_command_open(crypto(), NULL, &c, &w, &data);
}

static void command_round(struct reader *r, const struct keyset *keys)
{
    uint8_t packet[ROOM], work[ROOM];
    struct scp80_command c = {.spi1 = rd_u8(r),
                              .spi2 = rd_u8(r),
                              .kic = keyset_kic_octet(keys),
                              .kid = keyset_kid_octet(keys)},
                         back;
    uint8_t at = rd_u8(r), with = rd_u8(r);
    rd_copy(r, c.tar, 3);
    rd_copy(r, c.cntr, 5);
    if ((c.spi1 & SPI1_CHECK) == SPI1_RC)
        c.kid = (at & 1) != 0 ? 0x01 : 0x05;
    struct span script = rd_rest(r), data;
    script = span_slice(script, 0, 4000);
    struct buf out = buf_of(packet, sizeof packet), w = buf_of(work, sizeof work);
    if (!scp80_command_build(crypto(), keys, &c, script, &out))
        return;
    if (scp80_command_parse(buf_span(&out), &back) != SCP80_POR_OK ||
        scp80_command_open(crypto(), keys, &back, &w, &data) != SCP80_POR_OK || !span_equal(data, script) ||
        memcmp(back.cntr, c.cntr, 5) != 0)
        fuzz_die("a packet that was built does not open");
    if (with == 0)
        return;
    packet[at % out.len] ^= with; /* signed: whatever was changed, it does not pass */
    w = buf_of(work, sizeof work);
    if (scp80_command_parse(buf_span(&out), &back) == SCP80_POR_OK &&
        scp80_command_open(crypto(), keys, &back, &w, &data) == SCP80_POR_OK &&
        (c.spi1 & SPI1_CHECK) == SPI1_CC && (back.spi1 & SPI1_CHECK) == SPI1_CC)
        fuzz_die("a packet that was changed opens");
}

static void response(struct reader *r, const struct keyset *keys)
{
    uint8_t packet[ROOM], work[ROOM], spi2 = rd_u8(r), raw = rd_u8(r), at = rd_u8(r), with = rd_u8(r);
    struct scp80_response p = {.status = rd_u8(r) % 13,
                               .kid = (raw & 2) != 0 ? 0x05 : keyset_kid_octet(keys)},
                          back;
    struct span data, rest = span_slice(rd_rest(r), 0, 4000);
    struct buf out = buf_of(packet, sizeof packet), w = buf_of(work, sizeof work);
    if ((raw & 1) != 0) {
        (void)scp80_response_open(crypto(), keys, spi2, rest, &back, &w, &data);
        return;
    }
    if (!scp80_response_build(crypto(), keys, spi2, &p, rest, &out))
        return;
    enum scp80_verdict v = scp80_response_open(crypto(), keys, spi2, buf_span(&out), &back, &w, &data);
    if (v == SCP80_MALFORMED || ((spi2 & SPI2_POR_CHECK) == SPI2_POR_CC && v != SCP80_GENUINE))
        fuzz_die("a response that was built does not open (%d)", (int)v);
    if (with == 0)
        return;
    packet[at % out.len] ^= with;
    w = buf_of(work, sizeof work);
    if (scp80_response_open(crypto(), keys, spi2, buf_span(&out), &back, &w, &data) == SCP80_GENUINE &&
        (spi2 & SPI2_POR_CHECK) == SPI2_POR_CC)
        fuzz_die("a response that was changed is genuine");
}

static void messages(struct span octets)
{
    struct sms_deliver d;
    struct sms_submit s;
    struct sms_udh h;
    struct envelope_sms_pp e;
    if (sms_deliver_parse(octets, &d)) {
        inside(d.originator, octets);
        inside(d.user_data, octets);
        if (sms_udh_parse(d.user_data, &h))
            inside(h.body, octets);
        uint8_t again[ROOM];
        struct buf b = buf_of(again, sizeof again);
        struct sms_deliver back;
        sms_deliver_build(&d, &b);
        if (buf_ok(&b) &&
            (!sms_deliver_parse(buf_span(&b), &back) || !span_equal(back.user_data, d.user_data)))
            fuzz_die("a message that was built is none");
    }
    if (sms_submit_parse(octets, &s)) {
        inside(s.destination, octets);
        inside(s.user_data, octets);
    }
    if (sms_udh_parse(octets, &h))
        inside(h.body, octets);
    if (envelope_sms_pp_parse(octets, &e)) {
        inside(e.address, octets);
        inside(e.tpdu, octets);
    }
}

struct joining {
    struct assembly *a;
    struct buf out;
    bool whole;
    uint8_t swap;
};

static bool join(void *ctx, unsigned nth, struct span tpdu)
{
    struct joining *j = ctx;
    struct sms_deliver d;
    struct sms_udh h;
    (void)nth;
    if (!sms_deliver_parse(tpdu, &d) || !sms_udh_parse(d.user_data, &h))
        fuzz_die("a part that is none");
    if (!h.concatenated) {
        buf_put(&j->out, h.body);
        j->whole = true;
        return true;
    }
    const struct assembly_part part = {d.originator, h.reference, h.total, h.part, h.command_packet, h.body};
    for (unsigned times = 0; times <= (j->swap & 1u); times++) /* some come twice */
        j->whole |= assembly_take(j->a, &part, &j->out);
    return true;
}

static void split_and_join(struct reader *r)
{
    static struct assembly a;
    uint8_t room[ROOM], reference = rd_u8(r);
    static const uint8_t from[] = {0x05, 0x81, 0x21, 0x43, 0xF5};
    struct joining j = {&a, buf_of(room, sizeof room), false, rd_u8(r)};
    struct span packet = span_slice(rd_rest(r), 0, 4000);
    a = (struct assembly){0};
    if (sms_packet_split(packet, reference, span_of(from, sizeof from), join, &j) && packet.n > 0 &&
        packet.n < 3000 && (!j.whole || !span_equal(buf_span(&j.out), packet)))
        fuzz_die("a packet of %zu octets is not the same when it is put together", packet.n);
}

static void assembly(struct reader *r)
{
    static struct assembly a;
    a = (struct assembly){0};
    while (rd_ok(r) && r->left > 0) {
        uint8_t room[ROOM];
        struct buf out = buf_of(room, sizeof room);
        struct assembly_part p = {
            .reference = rd_u8(r) % 4, .total = rd_u8(r), .number = rd_u8(r), .packet = (rd_u8(r) & 1) != 0};
        p.source = rd_take(r, rd_u8(r) % 20u);
        p.body = rd_take(r, rd_u8(r) % 180u);
        if (assembly_take(&a, &p, &out) && !buf_ok(&out))
            fuzz_die("a whole that does not fit");
    }
    (void)assembly_idle(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
    struct reader r = rd_of(span_of(octets, n));
    uint8_t what = rd_u8(&r);
    const struct keyset keys = keys_of(rd_u8(&r));
    switch (what % 6) {
    case 0:
        command_raw(rd_rest(&r), &keys);
        break;
    case 1:
        command_round(&r, &keys);
        break;
    case 2:
        response(&r, &keys);
        break;
    case 3:
        messages(rd_rest(&r));
        break;
    case 4:
        split_and_join(&r);
        break;
    default:
        assembly(&r);
    }
    return 0;
}
