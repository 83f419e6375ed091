/* SPDX-License-Identifier: Apache-2.0
 *
 * uicc.toolkit of ETSI TS 102 241 behind uicc_applet.h: ToolkitRegistry, ProactiveHandler, TerminalProfile.
 * card/toolkit does the work.
 */
#include "api.h"
#include "kernel.h"
#include "toolkit_registry.h"

/* ToolkitException in status words; uicc_applet.h has the same table in words. */
static uicc_sw word(enum toolkit_result result)
{
    switch (result) {
    case TOOLKIT_OK:
        return SW_OK;
    case TOOLKIT_EVENT_NOT_SUPPORTED:
        return SW_FUNCTION_NOT_SUPPORTED;
    case TOOLKIT_EVENT_NOT_ALLOWED:
        return SW_CONDITIONS_NOT_SATISFIED;
    case TOOLKIT_EVENT_ALREADY_REGISTERED:
        return SW_FILE_EXISTS;
    case TOOLKIT_NO_TIMER_AVAILABLE:
        return SW_NOT_ENOUGH_MEMORY;
    case TOOLKIT_INVALID_TIMER_ID:
    case TOOLKIT_MENU_ENTRY_NOT_FOUND:
        return SW_DATA_NOT_FOUND;
    case TOOLKIT_ALLOWED_LENGTH_EXCEEDED:
        return SW_WRONG_LENGTH;
    case TOOLKIT_REGISTRY_ERROR:
        break;
    }
    return SW_MEMORY_PROBLEM;
}

uicc_sw api_set_event(const struct uicc_applet *self, uint8_t event, bool set)
{
    struct applet a;
    if (!api_enter(self, &a))
        return SW_CONDITIONS_NOT_SATISFIED;
    enum toolkit_result result = set ? toolkit_set_event(a, event) : toolkit_clear_event(a, event);
    api_leave(a);
    return word(result);
}

bool api_is_event_set(const struct uicc_applet *self, uint8_t event)
{
    struct applet a;
    if (!api_enter(self, &a))
        return false;
    bool set = toolkit_event_is_set(a, event);
    api_leave(a);
    return set;
}

uicc_sw api_menu_entry(const struct uicc_applet *self, const struct uicc_menu_entry *entry, uint8_t *id,
                       bool change)
{
    struct applet a;
    const struct toolkit_menu_entry e = {.text = to_span(entry->text),
                                         .next_action = entry->next_action,
                                         .help = entry->help_supported,
                                         .icon_qualifier = entry->icon_qualifier,
                                         .icon = entry->icon_identifier};
    uint8_t given = *id;
    api_probe(e.text);
    api_probe_room(id, 1);
    if (!api_enter(self, &a))
        return SW_CONDITIONS_NOT_SATISFIED;
    enum toolkit_result result =
        change ? toolkit_change_menu_entry(a, given, &e) : toolkit_init_menu_entry(a, &e, &given);
    api_leave(a);
    if (result == TOOLKIT_OK)
        *id = given;
    return word(result);
}

uicc_sw api_enable_menu_entry(const struct uicc_applet *self, uint8_t id, bool enable)
{
    struct applet a;
    if (!api_enter(self, &a))
        return SW_CONDITIONS_NOT_SATISFIED;
    enum toolkit_result result = toolkit_enable_menu_entry(a, id, enable);
    api_leave(a);
    return word(result);
}

uicc_sw api_allocate_timer(const struct uicc_applet *self, uint8_t *id)
{
    struct applet a;
    uint8_t timer = 0;
    api_probe_room(id, 1);
    if (!api_enter(self, &a))
        return SW_CONDITIONS_NOT_SATISFIED;
    enum toolkit_result result = toolkit_allocate_timer(a, &timer);
    api_leave(a);
    if (result == TOOLKIT_OK)
        *id = timer;
    return word(result);
}

uicc_sw api_release_timer(const struct uicc_applet *self, uint8_t id)
{
    struct applet a;
    if (!api_enter(self, &a))
        return SW_CONDITIONS_NOT_SATISFIED;
    enum toolkit_result result = toolkit_release_timer(a, id);
    api_leave(a);
    return word(result);
}

uicc_sw api_request_poll_interval(const struct uicc_applet *self, uint16_t seconds)
{
    struct applet a;
    if (!api_enter(self, &a))
        return SW_CONDITIONS_NOT_SATISFIED;
    enum toolkit_result result = toolkit_request_poll_interval(a, seconds);
    api_leave(a);
    return word(result);
}

uint16_t api_get_poll_interval(const struct uicc_applet *self)
{
    struct applet a;
    struct toolkit_entry e;
    if (!api_enter(self, &a))
        return 0;
    uint16_t seconds = toolkit_entry_load(a.card, a.index, &e) ? e.poll : 0;
    if (seconds != 0 && a.card->ram.toolkit.poll != 0)
        seconds = a.card->ram.toolkit.poll;
    api_leave(a);
    return seconds;
}

uicc_sw api_file_event(const struct uicc_applet *self, const struct uicc_file_view *view, bool set)
{
    struct applet a;
    const struct uicc_file_view v = *view;
    if (!api_enter(self, &a))
        return SW_CONDITIONS_NOT_SATISFIED;
    uint16_t file = api_view_file(a.card, &v);
    sw_t sw = file == PROFILE_NO_FILE
                  ? SW_FILE_NOT_FOUND
                  : word(set ? toolkit_register_file(a, file) : toolkit_deregister_file(a, file));
    api_leave(a);
    return sw;
}

bool api_check_terminal_profile(const struct uicc_applet *self, uint16_t index)
{
    struct applet a;
    if (!api_enter(self, &a))
        return false;
    bool offered = toolkit_profile_bit(&a.card->ram.toolkit, index / 8u + 1, index % 8u + 1);
    api_leave(a);
    return offered;
}

uicc_sw api_send(const struct uicc_applet *self, uint8_t type, uint8_t qualifier, uint8_t destination,
                 struct uicc_span objects)
{
    struct applet a;
    if (objects.n > TOOLKIT_COMMAND_MAX)
        return SW_WRONG_LENGTH;
    api_probe(to_span(objects));
    if (!api_enter(self, &a))
        return SW_CONDITIONS_NOT_SATISFIED;
    bool queued = destination == 0 ? proactive_send(a, type, qualifier, to_span(objects))
                                   : proactive_send_to(a, type, qualifier, destination, to_span(objects));
    api_leave(a);
    return queued ? SW_OK : SW_CONDITIONS_NOT_SATISFIED;
}
