/* SPDX-License-Identifier: Apache-2.0
 *
 * An applet with a menu of two entries, for tests of terminals: "Balance" shows a text, "Top up" asks for an
 * amount and shows what was entered.
 */
#include "menu_applet.h"

enum {
    ENTRIES = 3,
    ITEM_IDS = 1, /* object: the entries' identifiers, in their order */
    TEXT_MAX = 200,
    TAG_AT_COMMAND = 0xA8, /* TS 102 223 9.3 */
    TAG_AT_RESPONSE = 0xA9,
};

static uicc_sw install(const struct uicc_applet *self, const struct uicc_installation *how)
{
    static const char *const entries[ENTRIES] = {"Balance", "Top up", "IMEI"};
    uint8_t ids[ENTRIES];
    (void)how;
    for (size_t i = 0; i < ENTRIES; i++) {
        const struct uicc_menu_entry entry = {.text = uicc_span_of(entries[i], strlen(entries[i]))};
        uicc_sw sw = uicc_init_menu_entry(self, &entry, &ids[i]);
        if (sw != UICC_SW_OK)
            return sw;
    }
    return uicc_put(self, ITEM_IDS, ids, sizeof ids);
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

static uicc_sw selected(const struct uicc_applet *self, uint8_t id)
{
    struct uicc_proactive_handler h;
    uint8_t ids[ENTRIES] = {0};
    (void)uicc_get(self, ITEM_IDS, ids, sizeof ids);
    if (id == ids[0])
        return show(self, "You have 5 EUR", uicc_span_of(NULL, 0));
    if (id == ids[1]) {
        uicc_init_get_input(&h, 0x00, UICC_DCS_8_BIT_DATA, "Amount?", 7, 1, 4); /* digits */
    } else {
        uicc_init(&h, UICC_PRO_CMD_RUN_AT_COMMAND, 0x00, UICC_DEV_ID_TERMINAL);
        uicc_append_tlv(&h.objects, TAG_AT_COMMAND, "AT+CGSN", 7);
    }
    return uicc_send(self, &h);
}

static uicc_sw answered(const struct uicc_applet *self, const struct uicc_event *event)
{
    struct uicc_span text;
    if (uicc_get_general_result(event) != 0)
        return UICC_SW_OK;
    if (event->tag == UICC_PRO_CMD_GET_INPUT && uicc_get_text_string(event, NULL, &text))
        return show(self, "Charged: ", text);
    if (event->tag == UICC_PRO_CMD_RUN_AT_COMMAND && uicc_find_tlv(event->data, TAG_AT_RESPONSE, 1, &text) &&
        text.n > 17)
        return show(self, "IMEI ", uicc_span_of(text.p + 2, 15)); /* <CR><LF>, digits, <CR><LF> */
    return UICC_SW_OK;
}

static uicc_sw process_toolkit(const struct uicc_applet *self, const struct uicc_event *event)
{
    switch (event->event) {
    case UICC_EVENT_MENU_SELECTION:
        return selected(self, event->id);
    case UICC_EVENT_TERMINAL_RESPONSE:
        return answered(self, event);
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
