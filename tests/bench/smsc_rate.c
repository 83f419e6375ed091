/* SPDX-License-Identifier: Apache-2.0
 *
 * How many messages a second softuicc smsc carries: one ESME, many cards of one deck, a window of messages
 * under way. Each is a command packet (READ BINARY of EF.IMSI; CC, ciphered), each proof of receipt is
 * verified.
 *
 *   smsc_rate HOST:PORT KEYS CARDS [ROUNDS [WINDOW]]
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "keys.h"
#include "ota_por.h"
#include "smpp_link.h"
#include "sms.h"

struct card {
    char iccid[21];
    struct keyset keys;
    uint64_t counter;
    struct scp80_command command; /* the last one sent */
    bool waits;
};

struct bench {
    struct smpp_link link;
    struct uicc_crypto *crypto;
    struct card *cards;
    size_t n, sent, answered, refused, window;
    uint32_t sequence;
    bool bound;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int fail(const char *what)
{
    fprintf(stderr, "smsc_rate: %s\n", what);
    return 1;
}

/* Pair 0 of the first n cards, in the file's order: keys_find would read the file for each. */
static bool read_cards(struct bench *b, const char *path)
{
    char line[1024], last[21] = "";
    struct keys_error error;
    FILE *f = fopen(path, "re");
    size_t have = 0;
    while (f != NULL && have < b->n && fgets(line, sizeof line, f) != NULL) {
        size_t digits = strspn(line, "0123456789");
        struct card *c = &b->cards[have];
        if (digits < 18 || digits > 20 || strncmp(line, last, digits) == 0)
            continue;
        memcpy(c->iccid, line, digits);
        memcpy(last, c->iccid, sizeof last);
        struct key_row row;
        if (!keys_find(path, c->iccid, false, 0, &row, &error)) {
            fprintf(stderr, "smsc_rate: %s\n", error.text);
            break;
        }
        c->keys = row.pair.ota;
        have++;
    }
    if (f != NULL)
        fclose(f);
    return have == b->n;
}

static bool send_one(struct bench *b, size_t at)
{
    static const uint8_t script[] = {0x00, 0xA4, 0x00, 0x04, 0x02, 0x6F, 0x07, 0x00, 0xB0, 0x00, 0x00, 0x09};
    struct card *c = &b->cards[at];
    struct smpp_pdu pdu = {.command = SMPP_SUBMIT_SM, .sequence = ++b->sequence};
    struct smpp_message *m = &pdu.message;
    c->command = (struct scp80_command){.spi1 = SPI1_CC | SPI1_CIPHERING | SPI1_COUNTER_HIGHER,
                                        .spi2 = SPI2_POR_ALWAYS | SPI2_POR_CC | SPI2_POR_CIPHERED,
                                        .kic = keyset_kic_octet(&c->keys),
                                        .kid = keyset_kid_octet(&c->keys),
                                        .tar = {0xB0, 0x00, 0x01}};
    struct buf cntr = buf_of(c->command.cntr, SCP80_CNTR_LEN), data = buf_of(m->data, SMS_UD_MAX);
    buf_be(&cntr, ++c->counter, SCP80_CNTR_LEN);
    buf_put(&data, span_of("\x02\x70\x00", 3));
    if (!scp80_command_build(b->crypto, &c->keys, &c->command, span_of(script, sizeof script), &data))
        return false;
    m->n = data.len;
    m->esm_class = SMPP_CLASS_UDHI;
    m->protocol_id = SMS_PID_USIM_DOWNLOAD;
    m->data_coding = SMS_DCS_CLASS2_8BIT;
    c->waits = true;
    b->sent++;
    return smpp_address("12", &m->source) && smpp_address(c->iccid, &m->destination) &&
           smpp_link_put(&b->link, &pdu);
}

static bool verify(struct bench *b, const struct smpp_message *m)
{
    uint8_t work_bytes[512];
    struct buf work = buf_of(work_bytes, sizeof work_bytes);
    struct ota_por por;
    /* In the order of the file, which is that of the ICCIDs. */
    size_t low = 0, high = b->n;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (strcmp(b->cards[middle].iccid, m->source.digits) <= 0)
            low = middle;
        else
            high = middle;
    }
    struct card *c = &b->cards[low];
    if (!c->waits || strcmp(c->iccid, m->source.digits) != 0)
        return false;
    c->waits = false;
    b->answered++;
    ota_por_open(b->crypto, &c->keys, &c->command, span_of(m->data, m->n), &work, &por);
    return por.kind == OTA_POR_GENUINE && por.response.status == SCP80_POR_OK && por.data.n == 3 + 9;
}

static bool take(struct bench *b, const struct smpp_pdu *pdu)
{
    const struct smpp_pdu ack = {.command = SMPP_DELIVER_SM | SMPP_RESPONSE, .sequence = pdu->sequence};
    switch (pdu->command) {
    case SMPP_BIND_TRANSCEIVER | SMPP_RESPONSE:
        b->bound = pdu->status == SMPP_OK;
        return b->bound;
    case SMPP_SUBMIT_SM | SMPP_RESPONSE:
        b->refused += pdu->status != SMPP_OK;
        return pdu->status == SMPP_OK;
    case SMPP_DELIVER_SM:
        return verify(b, &pdu->message) && smpp_link_put(&b->link, &ack);
    default:
        return false;
    }
}

static bool turn(struct bench *b)
{
    struct span bytes;
    struct smpp_pdu pdu;
    struct pollfd wait = {.fd = b->link.fd, .events = POLLIN};
    if (!smpp_link_flush(&b->link))
        return false;
    if (smpp_link_pending(&b->link))
        wait.events |= POLLOUT;
    if (poll(&wait, 1, 10000) != 1 || ((wait.revents & ~POLLOUT) != 0 && !smpp_link_read(&b->link)))
        return false;
    while (smpp_link_next(&b->link, &bytes) == SMPP_LINK_PDU)
        if (smpp_parse(bytes, &pdu) != SMPP_OK || !take(b, &pdu))
            return false;
    return true;
}

static bool go_round(struct bench *b)
{
    const size_t before = b->answered;
    b->sent = 0;
    while (b->answered - before < b->n) {
        while (b->sent < b->n && b->sent - (b->answered - before) < b->window &&
               smpp_link_room(&b->link) > SMPP_PDU_MAX)
            if (!send_one(b, b->sent))
                return false;
        if (!turn(b))
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct smpp_link_error error;
    if (argc < 4 || argc > 6)
        return fail("usage: smsc_rate HOST:PORT KEYS CARDS [ROUNDS [WINDOW]]");
    struct bench *b = calloc(1, sizeof *b);
    if (b == NULL)
        return fail("no memory");
    b->n = strtoul(argv[3], NULL, 10);
    const unsigned long rounds = argc > 4 ? strtoul(argv[4], NULL, 10) : 3;
    b->window = argc > 5 ? strtoul(argv[5], NULL, 10) : 100;
    b->cards = calloc(b->n + 1, sizeof *b->cards);
    b->crypto = crypto_new();
    if (b->cards == NULL || b->crypto == NULL || !read_cards(b, argv[2]))
        return fail("the keys of so many cards cannot be read");
    if (!smpp_link_connect(&b->link, argv[1], 5000, &error))
        return fail(error.text);
    struct smpp_pdu bind = {
        .command = SMPP_BIND_TRANSCEIVER, .sequence = ++b->sequence, .system_id = "bench"};
    bool good = smpp_link_put(&b->link, &bind);
    while (good && !b->bound)
        good = turn(b);
    for (unsigned long i = 1; good && i <= rounds; i++) {
        const double start = now();
        good = go_round(b);
        const double seconds = now() - start;
        if (good)
            printf("round %lu: %zu cards, window %zu: %.0f submit_sm/s, each with a verified PoR%s\n", i,
                   b->n, b->window, (double)b->n / seconds, i == 1 ? " (cards powered up in this one)" : "");
    }
    smpp_link_close(&b->link);
    crypto_free(b->crypto);
    free(b->cards);
    free(b);
    return good ? 0 : fail("the SMSC, or a card, answered wrongly or not in time");
}
