/* SPDX-License-Identifier: Apache-2.0 */
#include "profile_card.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "card_fixture.h"
#include "fuzz.h"

static void starts(struct uicc_profile *profile)
{
    static struct fixture factory; /* for its classes and ciphers */
    uint8_t atr[UICC_ATR_MAX], answer[UICC_RESPONSE_MAX];
    static const uint8_t select_mf[] = {0x00, 0xA4, 0x00, 0x04, 0x02, 0x3F, 0x00},
                         seed[16] = "0123456789abcde";
    if (factory.profile == NULL)
        fixture_open(&factory, "test");
    struct uicc_store *store = store_mem_new();
    struct uicc *card = NULL;
    const struct uicc_config config = {&factory.env, profile, store, factory.classes};
    const struct uicc_personal personal = {FIXTURE_ICCID, NULL, seed, sizeof seed, NULL};
    enum uicc_result made = uicc_personalise(&config, &personal);
    if (made == UICC_OK) {
        enum uicc_result opened = uicc_open(&config, &card);
        if (opened != UICC_OK)
            fuzz_die("a card that was made does not open: %s", uicc_result_text(opened));
        if (uicc_reset(card, atr) == 0 || uicc_transmit(card, select_mf, sizeof select_mf, answer) < 2)
            fuzz_die("a card that was made does not start");
    }
    uicc_close(card);
    store_close(store);
}

void fuzz_profile_holds(struct uicc_profile *profile)
{
    uint8_t *bytes = NULL, *again = NULL;
    size_t len = 0, len_again = 0;
    if (profile_encode(&profile->p, &bytes, &len)) {
        struct uicc_profile *back = profile_decode(span_of(bytes, len));
        if (back == NULL || !profile_encode(&back->p, &again, &len_again) || len != len_again ||
            memcmp(bytes, again, len) != 0)
            fuzz_die("a profile that is another after it was kept");
        free(again);
        profile_free(back);
    }
    free(bytes);
    starts(profile);
}
