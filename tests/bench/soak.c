/* SPDX-License-Identifier: Apache-2.0
 *
 * Many commands of all kinds to one card through PC/SC, and the memory of the process that the
 * card lives in beside them.
 *
 *     soak COUNT READER PID
 *
 * Prints a line of JSON. Exits 1 when a command is answered otherwise than in the first round, when PC/SC
 * fails, or when the process grew by more than GROWTH_KB after the first tenth.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <winscard.h>

enum { WAIT_TENTHS = 100, GROWTH_KB = 256, SW_MAX = 64 };

/* A round: selections, reads, writes, records, PINs, authentications, channels, toolkit, refusals. */
static const char *const commands[] = {
    "00A40004023F00",
    "00A40004022FE2",
    "00B000000A",
    "00A4040C07A0000000871002",
    "00A40004026F07",
    "00B0000009",
    "00A40004026F40",
    "00B201041C",
    "80F2000C",
    "00A40004026F7B",
    "00D600000300F110",
    "00D6000003FFFFFF",
    "0020000108FFFFFFFFFFFFFFFF",
    "002000010831323334FFFFFFFF",
    "0070000001",
    "01A40004023F00",
    "01B2010426",
    "00708001",
    "8010000004FFFFFFFF",
    "80C2000003D60100",
    "80C2000009D30782020181900101",
    "0084000008",
    "00A40004021234",
    "008800812210000102030405060708090A0B0C0D0E0F10000102030405060708090A0B0C0D0E0F",
    "80CB000000",     "00FF000000",     "00A4",           "801200000A",
};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static int fail(const char *what, LONG code)
{
    fprintf(stderr, "soak: %s: %s\n", what, pcsc_stringify_error(code));
    return 1;
}

static long rss_kb(const char *pid)
{
    char path[64], line[256];
    long kb = -1;
    snprintf(path, sizeof path, "/proc/%.20s/status", pid);
    FILE *f = fopen(path, "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "VmRSS: %ld", &kb) == 1)
            break;
    if (f != NULL)
        fclose(f);
    return kb;
}

static DWORD octets_of(const char *hex, BYTE to[64])
{
    DWORD n = 0;
    for (unsigned octet; sscanf(hex + 2 * n, "%2x", &octet) == 1; n++)
        to[n] = (BYTE)octet;
    return n;
}

/* Waits for the card: it may have been put in a moment ago. */
static LONG connect_card(SCARDCONTEXT context, const char *reader, SCARDHANDLE *card)
{
    LONG rv = SCARD_E_NO_SMARTCARD;
    for (int i = 0; i < WAIT_TENTHS; i++) {
        DWORD protocol = 0;
        rv = SCardConnect(context, reader, SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_T0, card, &protocol);
        if (rv == SCARD_S_SUCCESS)
            break;
        usleep(100000);
    }
    return rv;
}

/* The whole of what a command is answered with, by T=0: the status word that counts. */
static LONG transmit(SCARDHANDLE card, const BYTE *command, DWORD n, unsigned *sw, unsigned long *sent)
{
    BYTE answer[300];
    DWORD length = sizeof answer;
    LONG rv = SCardTransmit(card, SCARD_PCI_T0, command, n, NULL, answer, &length);
    ++*sent;
    if (rv != SCARD_S_SUCCESS || length < 2)
        return rv != SCARD_S_SUCCESS ? rv : SCARD_F_COMM_ERROR;
    *sw = (unsigned)answer[length - 2] << 8 | answer[length - 1];
    if (*sw >> 8 == 0x61) {
        const BYTE more[5] = {command[0] & 0x03, 0xC0, 0, 0, (BYTE)*sw};
        return transmit(card, more, sizeof more, sw, sent);
    }
    return SCARD_S_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fputs("Usage: soak COUNT READER PID\n", stderr);
        return 2;
    }
    const unsigned long count = strtoul(argv[1], NULL, 10);
    SCARDCONTEXT context;
    SCARDHANDLE card;
    LONG rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context);
    if (rv == SCARD_S_SUCCESS)
        rv = connect_card(context, argv[2], &card);
    if (rv != SCARD_S_SUCCESS)
        return fail(argv[2], rv);
    unsigned first[N_COMMANDS] = {0};
    unsigned long sent = 0, rounds = 0;
    long begin = -1, highest = 0;
    while (sent < count) {
        for (unsigned i = 0; i < N_COMMANDS; i++) {
            BYTE command[64];
            unsigned sw = 0;
            rv = transmit(card, command, octets_of(commands[i], command), &sw, &sent);
            if (rv != SCARD_S_SUCCESS)
                return fail(commands[i], rv);
            if (rounds == 0)
                first[i] = sw;
            if (sw != first[i] && (sw & 0xFFF0) != 0x63C0) {
                fprintf(stderr, "soak: round %lu: %s: %04X, in the first round %04X\n", rounds, commands[i],
                        sw, first[i]);
                return 1;
            }
        }
        if (rounds++ % 64 == 0) {
            const long now = rss_kb(argv[3]);
            if (begin < 0 && sent >= count / 10)
                begin = now;
            highest = now > highest ? now : highest;
        }
    }
    const long end = rss_kb(argv[3]);
    SCardDisconnect(card, SCARD_UNPOWER_CARD);
    SCardReleaseContext(context);
    printf("{\"apdus\":%lu,\"rounds\":%lu,\"rss_kb_begin\":%ld,\"rss_kb_highest\":%ld,\"rss_kb_end\":%ld}\n",
           sent, rounds, begin, highest, end);
    if (begin < 0 || end < 0 || end > begin + GROWTH_KB) {
        fprintf(stderr, "soak: the process of the card grew from %ld to %ld kB\n", begin, end);
        return 1;
    }
    return 0;
}
