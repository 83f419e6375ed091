/* SPDX-License-Identifier: Apache-2.0
 *
 * APDUs a second through PC/SC: sends one command again and again to the card in a reader and prints what
 * that took as JSON.
 *
 *     pcsc_rate [-n COUNT] [-r READER] [-a HEX]
 *
 * READER: a part of its name (default: the first with a card in it, waiting up to 10 s for one); HEX: the
 * APDU (default STATUS of 4 octets, 80F20000). Exits 1 when PC/SC fails, or when status words differ between
 * two answers.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <winscard.h>

enum { COUNT_MAX = 10000000, WAIT_TENTHS = 100 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int fail(const char *what, LONG code)
{
    fprintf(stderr, "pcsc_rate: %s: %s\n", what, pcsc_stringify_error(code));
    return 1;
}

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* Connects to the first reader whose name has `part` in it and that has a card. */
static LONG connect_card(SCARDCONTEXT context, const char *part, SCARDHANDLE *card, DWORD *protocol,
                         char name[256])
{
    LONG result = SCARD_E_NO_READERS_AVAILABLE;
    for (int i = 0; i < WAIT_TENTHS; i++) {
        char names[4096];
        DWORD n = sizeof names;
        result = SCardListReaders(context, NULL, names, &n);
        for (const char *r = names; result == SCARD_S_SUCCESS && *r != '\0'; r += strlen(r) + 1) {
            if (strstr(r, part) == NULL)
                continue;
            snprintf(name, 256, "%.255s", r);
            if (SCardConnect(context, r, SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, card,
                             protocol) == SCARD_S_SUCCESS)
                return SCARD_S_SUCCESS;
        }
        if (result == SCARD_S_SUCCESS)
            result = SCARD_E_NO_SMARTCARD;
        usleep(100000);
    }
    return result;
}

static size_t parse(const char *hex, uint8_t *to, size_t max)
{
    size_t n = 0;
    unsigned octet;
    int used = 0;
    for (; *hex != '\0'; hex += 2) {
        if (n == max || sscanf(hex, "%2x%n", &octet, &used) != 1 || used != 2)
            return 0;
        to[n++] = (uint8_t)octet;
    }
    return n;
}

int main(int argc, char **argv)
{
    long count = 2000;
    const char *reader = "";
    uint8_t apdu[300] = {0x80, 0xF2, 0x00, 0x00};
    size_t apdu_len = 4;
    for (int c; (c = getopt(argc, argv, "n:r:a:")) != -1;) {
        if (c == 'n')
            count = strtol(optarg, NULL, 10);
        else if (c == 'r')
            reader = optarg;
        else if (c == 'a')
            apdu_len = parse(optarg, apdu, sizeof apdu);
        else
            return 2;
    }
    if (count < 1 || count > COUNT_MAX || apdu_len < 4) {
        fputs("pcsc_rate: -n 1 to 10000000, -a at least four octets of hex\n", stderr);
        return 2;
    }
    SCARDCONTEXT context;
    LONG result = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context);
    if (result != SCARD_S_SUCCESS)
        return fail("no pcscd", result);
    SCARDHANDLE card;
    DWORD protocol = 0;
    char name[256] = "";
    result = connect_card(context, reader, &card, &protocol, name);
    if (result != SCARD_S_SUCCESS)
        return fail("no card", result);
    double *took = calloc((size_t)count, sizeof *took);
    if (took == NULL)
        return fail("memory", SCARD_E_NO_MEMORY);

    const SCARD_IO_REQUEST *pci = protocol == SCARD_PROTOCOL_T1 ? SCARD_PCI_T1 : SCARD_PCI_T0;
    unsigned sw = 0;
    double start = now(), last = start;
    for (long i = 0; i < count; i++) {
        uint8_t answer[65538];
        DWORD n = sizeof answer;
        result = SCardTransmit(card, pci, apdu, apdu_len, NULL, answer, &n);
        if (result != SCARD_S_SUCCESS || n < 2)
            return fail("transmit", result);
        unsigned this_sw = (unsigned)answer[n - 2] << 8 | answer[n - 1];
        if (i > 0 && this_sw != sw) {
            fprintf(stderr, "pcsc_rate: APDU %ld answered %04X, those before it %04X\n", i, this_sw, sw);
            return 1;
        }
        sw = this_sw;
        double t = now();
        took[i] = t - last;
        last = t;
    }
    double seconds = last - start;
    qsort(took, (size_t)count, sizeof *took, compare);
    printf("{\"reader\":\"%s\",\"protocol\":\"T=%d\",\"sw\":\"%04X\",\"apdus\":%ld,\"seconds\":%.6f,\"apdus_"
           "per_second\":%.1f,"
           "\"median_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f}\n",
           name, protocol == SCARD_PROTOCOL_T1 ? 1 : 0, sw, count, seconds, (double)count / seconds,
           took[count / 2] * 1e6, took[count - 1 - count / 100] * 1e6, took[count - 1] * 1e6);
    free(took);
    SCardDisconnect(card, SCARD_LEAVE_CARD);
    SCardReleaseContext(context);
    return 0;
}
