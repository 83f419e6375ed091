/* SPDX-License-Identifier: Apache-2.0
 *
 * One card of a deck, and one file of it, again and again: opened, reset, the file selected, read, updated.
 * For tests/bench/instructions, which counts what flat_batch takes in decks of few and of many cards, and on
 * cards of few and of many files.
 *
 *     flat DECK ICCID FID
 *
 * FID: four hex digits, a transparent file of the MF that anybody may read and update.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "sw.h"

enum { ROUNDS = 16 };

bool flat_batch(const struct uicc_config *config, unsigned fid);

static bool says(struct uicc *card, const uint8_t *command, size_t n, sw_t expected)
{
    static uint8_t response[UICC_RESPONSE_MAX];
    size_t got = uicc_transmit(card, command, n, response);
    sw_t sw = (sw_t)(response[got - 2] << 8 | response[got - 1]);
    if (sw != expected)
        fprintf(stderr, "flat: %02X%02X: %04X\n", command[0], command[1], sw);
    return sw == expected;
}

static bool use(struct uicc *card, unsigned fid, uint8_t value)
{
    const uint8_t select[] = {0x00, 0xA4, 0x00, 0x0C, 0x02, (uint8_t)(fid >> 8), (uint8_t)fid};
    const uint8_t read[] = {0x00, 0xB0, 0x00, 0x00, 0x01}, update[] = {0x00, 0xD6, 0x00, 0x00, 0x01, value};
    uint8_t atr[UICC_ATR_MAX];
    return uicc_reset(card, atr) > 0 && says(card, select, sizeof select, SW_OK) &&
           says(card, read, sizeof read, SW_OK) && says(card, update, sizeof update, SW_OK);
}

__attribute__((noinline)) bool flat_batch(const struct uicc_config *config, unsigned fid)
{
    bool good = true;
    for (unsigned i = 0; good && i < ROUNDS; i++) {
        struct uicc *card = NULL;
        good = uicc_open(config, &card) == UICC_OK && use(card, fid, (uint8_t)i);
        uicc_close(card);
    }
    return good;
}

/* Not counted: fetches algorithms, brings pages in. */
static bool warm_up(const struct uicc_config *config, unsigned fid)
{
    struct uicc *card = NULL;
    bool good = uicc_open(config, &card) == UICC_OK && use(card, fid, 0xFF);
    uicc_close(card);
    return good;
}

int main(int argc, char **argv)
{
    struct deck_error error = {"usage: flat DECK ICCID FID"};
    struct uicc_crypto *crypto = crypto_new();
    struct uicc_env env = {.random = crypto_random, .crypto = crypto};
    struct deck *deck = argc == 4 && crypto != NULL ? deck_open(argv[1], DECK_PROCESS, crypto, &error) : NULL;
    struct uicc_profile *profile = deck != NULL ? profile_decode(deck_profile(deck)) : NULL;
    struct uicc_store *store = profile != NULL ? deck_card(deck, argv[2], &error) : NULL;
    if (store == NULL) {
        fprintf(stderr, "flat: %s\n", error.text);
        return 1;
    }
    const struct uicc_config config = {&env, profile, store, cli_applet_classes};
    unsigned fid = (unsigned)strtoul(argv[3], NULL, 16);
    bool good = warm_up(&config, fid) && flat_batch(&config, fid);
    store_close(store);
    profile_free(profile);
    deck_close(deck);
    crypto_free(crypto);
    return good ? 0 : 1;
}
