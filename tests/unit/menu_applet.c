/* SPDX-License-Identifier: Apache-2.0
 *
 * An applet with a menu of two entries, for tests of terminals: "Balance" shows a text, "Top up" asks for an
 * amount and shows what was entered.
 */
#include "menu_applet.h"

enum { ITEM_BALANCE = 1 /* object: the identifier of that entry */, TEXT_MAX = 200 };

static uicc_sw install(const struct uicc_applet *self, const struct uicc_installation *how)
{
    static const char *const entries[] = {"Balance", "Top up"};
    (void)how;
    for (size_t i = 0; i < 2; i++) {
        uint8_t id;
        const struct uicc_menu_entry entry = {.text = uicc_span_of(entries[i], strlen(entries[i]))};
        uicc_sw sw = uicc_init_menu_entry(self, &entry, &id);
        if (sw == UICC_SW_OK && i == 0)
            sw = uicc_put(self, ITEM_BALANCE, &id, 1);
        if (sw != UICC_SW_OK)
            return sw;
    }
    return UICC_SW_OK;
}

static uicc_sw show(const struct uicc_applet *self, const char *text, struct uicc_span more)
{
    struct uicc_proactive_handler h;
    uint8_t octets[TEXT_MAX];
    struct uicc_buf whole = uicc_buf_of(octets, sizeof octets);
    uicc_append(&whole, text, strlen(text));
    uicc_append(&whole, more.p, more.n);
    uicc_init_display_text(&h, 0x81, UICC_DCS_8_BIT_DATA, octets,
                           whole.len); /* high priority; the user clears it */
    return uicc_send(self, &h);
}

static uicc_sw process_toolkit(const struct uicc_applet *self, const struct uicc_event *event)
{
    struct uicc_proactive_handler h;
    struct uicc_span text;
    uint8_t balance = 0;
    switch (event->event) {
    case UICC_EVENT_MENU_SELECTION:
        if (uicc_get(self, ITEM_BALANCE, &balance, 1) == 1 && event->id == balance)
            return show(self, "You have 5 EUR", uicc_span_of(NULL, 0));
        uicc_init_get_input(&h, 0x00, UICC_DCS_8_BIT_DATA, "Amount?", 7, 1, 4); /* digits */
        return uicc_send(self, &h);
    case UICC_EVENT_TERMINAL_RESPONSE:
        if (event->tag == UICC_PRO_CMD_GET_INPUT && uicc_get_general_result(event) == 0 &&
            uicc_get_text_string(event, NULL, &text))
            return show(self, "Charged: ", text);
        return UICC_SW_OK;
    default:
        return UICC_SW_OK;
    }
}

static const struct uicc_applet_class menu = {.name = "menu",
                                              .module = {7, "\xF0menu\x01\x01"},
                                              .install = install,
                                              .process_toolkit = process_toolkit};
static const struct uicc_applet_class *const classes[] = {&menu, NULL};
UICC_EXPORT const struct uicc_package uicc_package = {UICC_APPLET_ABI, {6, "\xF0menu\x01"}, {1, 0}, classes};
