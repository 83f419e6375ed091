/* SPDX-License-Identifier: Apache-2.0 */
#include "menu_applet.h"

#include "cat.h"

enum { ITEM_BALANCE = 1 /* object: the identifier of that entry */, DCS_8BIT = 0x04, DISPLAY_TEXT = 0x21, GET_INPUT = 0x23 };

static sw_t install(struct applet self, const struct uicc_personal *personal)
{
    static const char *const entries[] = {"Balance", "Top up"};
    (void)personal;
    for (size_t i = 0; i < 2; i++) {
        uint8_t id;
        const struct toolkit_menu_entry entry = {.text = span_of(entries[i], strlen(entries[i]))};
        if (toolkit_init_menu_entry(self, &entry, &id) != TOOLKIT_OK || (i == 0 && !applet_put(self, ITEM_BALANCE, span_of(&id, 1))))
            return SW_NOT_ENOUGH_MEMORY;
    }
    return SW_OK;
}

/* A text string, TS 102 223 8.15 */
static void put_text(struct buf *b, const char *text, struct span more)
{
    uint8_t octets[200];
    struct buf value = buf_of(octets, sizeof octets);
    buf_u8(&value, DCS_8BIT);
    buf_put(&value, span_of(text, strlen(text)));
    buf_put(&value, more);
    buf_tlv(b, CAT_COMPREHENSION | CAT_TAG_TEXT_STRING, buf_span(&value));
}

static void show(struct applet self, const char *text, struct span more)
{
    uint8_t octets[220];
    struct buf rest = buf_of(octets, sizeof octets);
    put_text(&rest, text, more);
    (void)proactive_send(self, DISPLAY_TEXT, 0x81, buf_span(&rest)); /* high priority, the user clears it */
}

static void ask(struct applet self)
{
    static const uint8_t length[] = {1, 4}; /* TS 102 223 8.11: digits at least and at most */
    uint8_t octets[64];
    struct buf rest = buf_of(octets, sizeof octets);
    put_text(&rest, "Amount?", SPAN_EMPTY);
    buf_tlv(&rest, CAT_COMPREHENSION | CAT_TAG_RESPONSE_LENGTH, span_of(length, sizeof length));
    (void)proactive_send(self, GET_INPUT, 0x00, buf_span(&rest)); /* digits */
}

static sw_t event(struct applet self, const struct event *e)
{
    struct span text;
    if (e->kind == EVENT_TOOLKIT && e->toolkit == TOOLKIT_MENU_SELECTION) {
        if (applet_get(self, ITEM_BALANCE, &text) && text.n == 1 && text.p[0] == e->id)
            show(self, "You have 5 EUR", SPAN_EMPTY);
        else
            ask(self);
    } else if (e->kind == EVENT_TERMINAL_RESPONSE && e->tag == GET_INPUT && e->id == 0 && ctlv_find(e->data, CAT_TAG_TEXT_STRING, 0, &text) &&
               text.n > 1) {
        show(self, "Charged: ", span_slice(text, 1, text.n));
    }
    return SW_OK;
}

const struct applet_class menu_class = {.name = "menu", .install = install, .event = event};
