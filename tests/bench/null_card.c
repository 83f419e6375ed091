/* SPDX-License-Identifier: Apache-2.0
 *
 * The card that answers 9000 to everything, behind the real reader code: what an APDU costs through pcscd and
 * vpcd when the card costs nothing. The baseline that benchmarks of the real card are compared with, and a
 * stand-in to test the reader by.
 *
 *     null_card [-h HOST] [-p PORT] [-n CARDS] [-t]
 *
 * CARDS cards on consecutive ports; -t traces to standard output. With four octets of header 00FFNNNN it
 * answers NNNN octets of data before the 9000, to try lengths. Ends on SIGINT or SIGTERM.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "serve.h"
#include "trace.h"

/* What libuicc would define. */
struct uicc {
    bool powered;
    struct trace_text *trace; /* NULL: none */
};

static void emit(struct uicc *card, struct uicc_trace_event event)
{
    if (card->trace != NULL)
        trace_text_event(card->trace, &event);
}

size_t uicc_reset(struct uicc *card, uint8_t *atr)
{
    /* T=0, and historical octets that say "null". */
    static const uint8_t null_atr[] = {0x3B, 0x64, 0x00, 0x00, 'n', 'u', 'l', 'l'};
    memcpy(atr, null_atr, sizeof null_atr);
    card->powered = true;
    emit(card, (struct uicc_trace_event){
                   .kind = UICC_TRACE_RESET, .command = null_atr, .command_len = sizeof null_atr});
    return sizeof null_atr;
}

void uicc_power_off(struct uicc *card)
{
    card->powered = false;
    emit(card, (struct uicc_trace_event){.kind = UICC_TRACE_NOTE, .text = "power off"});
}

size_t uicc_transmit(struct uicc *card, const uint8_t *command, size_t n, uint8_t response[UICC_RESPONSE_MAX])
{
    size_t data = 0;
    if (n >= 4 && command[0] == 0x00 && command[1] == 0xFF)
        data = (size_t)command[2] << 8 | command[3];
    memset(response, 0xA5, data);
    response[data] = card->powered ? 0x90 : 0x6F;
    response[data + 1] = 0x00;
    emit(card, (struct uicc_trace_event){.kind = UICC_TRACE_APDU,
                                         .command = command,
                                         .command_len = n,
                                         .response = response,
                                         .response_len = data + 2,
                                         .status = card->powered ? "normal ending" : "no power"});
    return data + 2;
}

static void notify(void *ctx, size_t slot, enum serve_event event, const char *detail)
{
    static const char *const names[] = {
        [SERVE_CONNECTED] = "connected", [SERVE_IDLE] = "idle", [SERVE_WAITING] = "waiting",
        [SERVE_LOST] = "lost",           [SERVE_MUTE] = "mute", [SERVE_POWER_ON] = "power on",
        [SERVE_POWER_OFF] = "power off",
    };
    (void)ctx;
    fprintf(stderr, "null_card: slot %zu: %s %s\n", slot, names[event], detail);
}

int main(int argc, char **argv)
{
    enum { CARDS_MAX = 16 };
    struct uicc cards[CARDS_MAX] = {0};
    struct serve_slot slots[CARDS_MAX];
    struct trace_text trace = {.out = stdout, .times = true};
    const char *host = "127.0.0.1";
    unsigned long port = 35963, n = 1;
    bool tracing = false;
    for (int c; (c = getopt(argc, argv, "h:p:n:t")) != -1;) {
        if (c == 'h')
            host = optarg;
        else if (c == 'p')
            port = strtoul(optarg, NULL, 0);
        else if (c == 'n')
            n = strtoul(optarg, NULL, 0);
        else if (c == 't')
            tracing = true;
        else
            return 2;
    }
    if (n < 1 || n > CARDS_MAX || port < 1 || port + n > 65536) {
        fputs("null_card: 1 to 16 cards, ports up to 65535\n", stderr);
        return 2;
    }
    for (size_t i = 0; i < n; i++) {
        cards[i].trace = tracing ? &trace : NULL;
        slots[i] = (struct serve_slot){.card = &cards[i], .host = host, .port = (uint16_t)(port + i)};
    }
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    int stop = signalfd(-1, &ends, SFD_CLOEXEC);
    int error =
        serve(&(struct serve_options){.slots = slots, .n_slots = n, .stop_fd = stop, .notify = notify}, NULL);
    close(stop);
    if (error != 0) {
        fprintf(stderr, "null_card: %s\n", error == ENOENT ? "unknown host" : strerror(error));
        return 1;
    }
    return 0;
}
