/* SPDX-License-Identifier: Apache-2.0
 *
 * hello-toolkit: a menu entry, a text on the display, a timer. The smallest toolkit applet that does
 * something.
 *
 * "Hello" in the menu displays a greeting with the number of times that it was asked for, and sets a timer;
 * when that expires, it says so. Parameters of the installation, if any: the greeting.
 */
#include <stdio.h>
#include <string.h>

#include "uicc_applet.h"

enum { COUNT = 1, TIMER = 2 }; /* its objects: how often, which timer */

static uint32_t count_of(const struct uicc_applet *self)
{
    uint8_t octets[4] = {0};
    (void)uicc_get(self, COUNT, octets, sizeof octets);
    return (uint32_t)octets[0] << 24 | (uint32_t)octets[1] << 16 | (uint32_t)octets[2] << 8 | octets[3];
}

static uicc_sw set_count(const struct uicc_applet *self, uint32_t n)
{
    const uint8_t octets[4] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    return uicc_put(self, COUNT, octets, sizeof octets);
}

static uicc_sw display(const struct uicc_applet *self, const char *text)
{
    struct uicc_proactive_handler h;
    uicc_init_display_text(&h, 0x81, UICC_DCS_8_BIT_DATA, text,
                           strlen(text)); /* high priority, wait for the user */
    return uicc_send(self, &h);
}

/* Once, when the instance is made: what it registers for, lasts. */
static uicc_sw install(const struct uicc_applet *self, const struct uicc_installation *how)
{
    const struct uicc_menu_entry entry = {.text = uicc_span_of("Hello", 5),
                                          .next_action = UICC_PRO_CMD_DISPLAY_TEXT};
    uint8_t id, timer;
    (void)how;
    uicc_sw sw = uicc_init_menu_entry(self, &entry, &id);
    if (sw == UICC_SW_OK)
        sw = uicc_allocate_timer(self, &timer);
    return sw == UICC_SW_OK ? uicc_put(self, TIMER, &timer, 1) : sw;
}

static uicc_sw greet(const struct uicc_applet *self)
{
    char greeting[64] = "Hello from the card", text[96];
    size_t n = uicc_get_parameters(self, greeting, sizeof greeting - 1);
    uint32_t count = count_of(self) + 1;
    struct uicc_proactive_handler h;
    uint8_t timer = 0;
    if (n > 0)
        greeting[n < sizeof greeting - 1 ? n : sizeof greeting - 1] = '\0';
    (void)snprintf(text, sizeof text, "%s (%u)", greeting, (unsigned)count);
    uicc_sw sw = set_count(self, count);
    if (sw == UICC_SW_OK)
        sw = display(self, text);
    if (sw != UICC_SW_OK)
        return sw; /* and the count is as it was */
    (void)uicc_get(self, TIMER, &timer, 1);
    uicc_init_start_timer(&h, timer, 0, 0, 10);
    (void)uicc_send(self, &h); /* a terminal without timers: no matter */
    return UICC_SW_OK;
}

static uicc_sw process_toolkit(const struct uicc_applet *self, const struct uicc_event *event)
{
    switch (event->event) {
    case UICC_EVENT_MENU_SELECTION:
        return greet(self);
    case UICC_EVENT_TIMER_EXPIRATION:
        return display(self, "Ten seconds are over");
    case UICC_EVENT_TERMINAL_RESPONSE: /* what send() returns in Java */
        if (event->tag == UICC_PRO_CMD_DISPLAY_TEXT && uicc_get_general_result(event) >= 0x20)
            uicc_note(self, "hello-toolkit: the terminal did not display it");
        return UICC_SW_OK;
    default:
        return UICC_SW_OK;
    }
}

/* It can be selected, too: 80 01 00 00 04 brings the count. */
static uicc_sw process(const struct uicc_applet *self, const struct uicc_apdu *apdu)
{
    uint8_t octets[4];
    uint32_t n = count_of(self);
    if (apdu->cla != (0x80 | (apdu->cla & 0x0F)) || apdu->ins != 0x01)
        return UICC_SW_INS_NOT_SUPPORTED;
    for (int i = 0; i < 4; i++)
        octets[i] = (uint8_t)(n >> (24 - 8 * i));
    uicc_append(apdu->out, octets, sizeof octets);
    return UICC_SW_OK;
}

static const struct uicc_applet_class hello = {
    .name = "hello-toolkit",
    .module = {12, {0xF0, 'h', 'e', 'l', 'l', 'o', '-', 't', 'k', 0, 1, 1}},
    .install = install,
    .process = process,
    .process_toolkit = process_toolkit,
};

static const struct uicc_applet_class *const classes[] = {&hello, NULL};

UICC_EXPORT const struct uicc_package uicc_package = {
    .abi = UICC_APPLET_ABI,
    .aid = {11, {0xF0, 'h', 'e', 'l', 'l', 'o', '-', 't', 'k', 0, 1}},
    .version = {1, 0},
    .classes = classes,
};
