/* SPDX-License-Identifier: Apache-2.0
 *
 * Applets that do what none should. Each command is another way.
 */
#include <stdlib.h>
#include <unistd.h>

#include "uicc_applet.h"

enum { KEPT = 1 };

static volatile int forever = 1;
static void *volatile chain; /* what was taken and not given back: reachable, so that it counts as a choice
                                and not as a leak */

__attribute__((noinline)) static int deeper(int n)
{
    volatile char frame[4096];
    frame[0] = (char)n;
    return forever ? deeper(n + 1) + frame[0] : n;
}

/* Addresses that no compiler recognises. */
static void *nowhere(void)
{
    return (void *)(uintptr_t)(8 * forever);
}

static uicc_sw misdeed(const struct uicc_applet *self, uint8_t which, uint8_t other)
{
    struct uicc_applet forged = *self;
    struct uicc_file_view view;
    uint8_t octets[64];
    switch (which) {
    case 0: /* loops */
        while (forever)
            ;
        return UICC_SW_OK;
    case 1: /* loops in the card's own functions */
        while (forever)
            (void)uicc_get(self, KEPT, octets, sizeof octets);
        return UICC_SW_OK;
    case 2: /* writes, then loops */
        (void)uicc_put(self, KEPT, "half done", 9);
        while (forever)
            (void)uicc_random(self, octets, sizeof octets);
        return UICC_SW_OK;
    case 3: /* takes and gives back memory for ever: mostly inside malloc when its time is over */
        while (forever)
            free(malloc(10000));
        return UICC_SW_OK;
    case 4: /* keeps what it takes */
        for (int i = 0; i < 100000; i++) {
            void **more = malloc(64);
            if (more == NULL)
                return UICC_SW_NOT_ENOUGH_MEMORY;
            *more = chain;
            chain = more;
        }
        while (forever)
            ;
        return UICC_SW_OK;
    case 5: /* fills the card */
        for (uint16_t item = 10; item < 0x2000; item++) {
            static const uint8_t block[16384];
            uicc_sw sw = uicc_put(self, item, block, sizeof block);
            if (sw != UICC_SW_OK)
                return sw;
        }
        return UICC_SW_OK;
    case 6:
        *(volatile char *)nowhere() = 1;
        return UICC_SW_OK;
    case 7:
        return (uicc_sw)deeper(1);
    case 8:
        abort();
    case 9: /* has the card die for it */
        return uicc_put(self, KEPT, nowhere(), 100);
    case 10:
        return uicc_get(self, KEPT, nowhere(), 100) > 0 ? UICC_SW_OK : UICC_SW_DATA_NOT_FOUND;
    case 11: /* others' objects */
        forged.index = other;
        if (uicc_get(&forged, KEPT, octets, sizeof octets) != 0 ||
            uicc_put(&forged, KEPT, "x", 1) == UICC_SW_OK)
            return UICC_SW_OK;
        return UICC_SW_SECURITY_STATUS;
    case 12: /* waits for ever */
        while (forever)
            (void)pause();
        return UICC_SW_OK;
    case 13: /* files it was given no right to */
        if (uicc_get_the_uicc_view(self, &view) != UICC_SW_OK ||
            uicc_select(self, &view, 0x2F05, NULL) != UICC_SW_OK)
            return UICC_SW_FILE_NOT_FOUND;
        return uicc_update_binary(self, &view, 0, "xx", 2);
    case 14: /* all the timers, menu entries and transient memory there is, and more */
        for (int i = 0; i < 1000; i++) {
            uint8_t id;
            const struct uicc_menu_entry entry = {.text = {(const uint8_t *)"x", 1}};
            (void)uicc_allocate_timer(self, &id);
            (void)uicc_init_menu_entry(self, &entry, &id);
            (void)uicc_make_transient(self, (unsigned)i, UICC_TRANSIENT_MAX, UICC_CLEAR_ON_RESET);
        }
        return UICC_SW_OK;
    case 15: { /* floods the terminal */
        struct uicc_proactive_handler h;
        uicc_init_display_text(&h, 0x80, UICC_DCS_8_BIT_DATA, "x", 1);
        for (int i = 0; i < 100000; i++)
            if (uicc_send(self, &h) != UICC_SW_OK)
                return UICC_SW_NOT_ENOUGH_MEMORY;
        return UICC_SW_OK;
    }
    default:
        return uicc_put(self, KEPT, "good", 4);
    }
}

static uicc_sw process(const struct uicc_applet *self, const struct uicc_apdu *apdu)
{
    if (apdu->ins == 0x02) { /* gives back what it kept */
        uint8_t octets[64];
        size_t n = uicc_get(self, KEPT, octets, sizeof octets);
        uicc_append(apdu->out, octets, n);
        return UICC_SW_OK;
    }
    if (apdu->ins == 0x03)
        return uicc_put(self, KEPT, "bad-by", 6);
    return misdeed(self, apdu->p1, apdu->p2);
}

/* Parameters of one octet: the misdeed for its installation; of two: the second one for events. */
static uicc_sw install(const struct uicc_applet *self, const struct uicc_installation *how)
{
    if (how->parameters.n == 2)
        return uicc_set_event(self, UICC_EVENT_EVENT_DOWNLOAD_LOCATION_STATUS);
    return how->parameters.n == 1 ? misdeed(self, how->parameters.p[0], 0) : UICC_SW_OK;
}

static uicc_sw process_toolkit(const struct uicc_applet *self, const struct uicc_event *event)
{
    uint8_t parameters[2] = {0xFF, 0xFF};
    if (event->event == UICC_EVENT_POWER_ON)
        return UICC_SW_OK;
    (void)uicc_get_parameters(self, parameters, 2);
    return misdeed(self, parameters[1], 0);
}

static bool get_shareable_interface_object(const struct uicc_applet *self, struct uicc_span client,
                                           uint8_t parameter)
{
    (void)self;
    (void)client;
    return parameter == 1;
}

static uicc_sw invoke(const struct uicc_applet *self, struct uicc_span client, uint8_t parameter,
                      uint8_t method, struct uicc_span in, struct uicc_buf *out)
{
    (void)client;
    (void)parameter;
    (void)in;
    (void)out;
    return misdeed(self, method, 0);
}

static void deselect(const struct uicc_applet *self)
{
    uint8_t kept[16];
    if (uicc_get(self, KEPT, kept, sizeof kept) == 6 &&
        memcmp(kept, "bad-by", 6) == 0) { /* asked to, by command 03 */
        (void)uicc_put(self, KEPT, "half done", 9);
        (void)misdeed(self, 6, 0);
    }
}

/* Uses what another shares, and goes on whatever that did. */
static uicc_sw client_process(const struct uicc_applet *self, const struct uicc_apdu *apdu)
{
    uicc_sw sw = uicc_put(self, KEPT, "client", 6);
    if (sw != UICC_SW_OK)
        return sw;
    (void)uicc_invoke(self, apdu->data, 1, apdu->p1, uicc_span_of(NULL, 0), NULL);
    return UICC_SW_OK;
}

static const struct uicc_applet_class hostile = {
    .name = "hostile",
    .module = {8, "\xF0"
                  "bad\x01\x00\x00\x01"},
    .install = install,
    .deselect = deselect,
    .process = process,
    .process_toolkit = process_toolkit,
    .get_shareable_interface_object = get_shareable_interface_object,
    .invoke = invoke,
};
static const struct uicc_applet_class client = {.name = "client",
                                                .module = {8, "\xF0"
                                                              "bad\x01\x00\x00\x02"},
                                                .process = client_process};
static const struct uicc_applet_class *const classes[] = {&hostile, &client, NULL};

UICC_EXPORT const struct uicc_package uicc_package = {.abi = UICC_APPLET_ABI,
                                                      .aid = {7, "\xF0"
                                                                 "bad\x01\x00\x00"},
                                                      .version = {1, 0},
                                                      .classes = classes};
