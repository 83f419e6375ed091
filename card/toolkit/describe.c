/* SPDX-License-Identifier: Apache-2.0
 *
 * What the toolkit's commands are about, for people who read a trace. Names only: texts, numbers and messages
 * that a command carries stay where they are.
 */
#include "card.h"
#include "cat.h"

static const char *named(const char *name)
{
    return name != NULL ? name : "unknown";
}

/* "what, more: result"; what is NULL is left out, and what there is no room for as well. */
static void say(char *text, size_t room, const char *what, const char *more, const char *result)
{
    struct buf b = buf_of((uint8_t *)text, room - 1);
    buf_text(&b, what);
    if (more != NULL) {
        buf_text(&b, ", ");
        buf_text(&b, more);
    }
    if (result != NULL) {
        buf_text(&b, ": ");
        buf_text(&b, result);
    }
    text[b.len] = '\0';
}

/* Those that no event download reports. */
static const struct {
    uint8_t event;
    const char *name;
} others[] = {
    {TOOLKIT_PROFILE_DOWNLOAD, "profile download"},
    {TOOLKIT_FORMATTED_SMS_PP_ENV, "secured packet"},
    {TOOLKIT_UNFORMATTED_SMS_PP_ENV, "short message"},
    {TOOLKIT_UNFORMATTED_SMS_CB, "cell broadcast"},
    {TOOLKIT_CALL_CONTROL, "call control"},
    {TOOLKIT_MO_SHORT_MESSAGE_CONTROL, "MO short message control"},
    {TOOLKIT_STATUS_COMMAND, "STATUS"},
    {TOOLKIT_FORMATTED_SMS_CB, "secured packet by cell broadcast"},
    {TOOLKIT_USSD_DOWNLOAD, "USSD download"},
    {TOOLKIT_MMS_TRANSFER_STATUS, "MMS transfer status"},
    {TOOLKIT_MMS_NOTIFICATION, "MMS notification"},
    {TOOLKIT_TERMINAL_APPLICATION, "terminal application"},
    {TOOLKIT_GEOGRAPHICAL_LOCATION_REPORT, "geographical location report"},
    {TOOLKIT_ENVELOPE_CONTAINER, "envelope container"},
    {TOOLKIT_PROSE_REPORT, "ProSe report"},
    {TOOLKIT_UNRECOGNISED_ENVELOPE, "unrecognised envelope"},
    {TOOLKIT_EXTERNAL_FILE_UPDATE, "external file update"},
    {TOOLKIT_APPLICATION_DESELECT, "application deselected"},
    {TOOLKIT_FIRST_COMMAND_AFTER_ATR, "first command after ATR"},
};

const char *toolkit_event_name(unsigned event)
{
    uint8_t code;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (others[i].event == event)
            return others[i].name;
    return toolkit_code_of_event(event, &code) ? cat_event_name(code) : NULL;
}

static bool of_proactive(const struct cat_details *d, const char *result, char *text, size_t room)
{
    const struct cat_command *c = cat_command(d->type);
    const char *info = d->type == CAT_PROVIDE_LOCAL_INFORMATION ? cat_local_info_name(d->qualifier) : NULL;
    say(text, room, named(c != NULL ? c->name : NULL), info, result);
    return true;
}

static bool of_envelope(struct span envelope, char *text, size_t room)
{
    struct reader r = rd_of(envelope);
    struct tlv t;
    struct span list;
    if (!tlv_next(&r, &t))
        return false;
    bool event =
        t.tag == CAT_EVENT_DOWNLOAD && ctlv_find(t.value, CAT_TAG_EVENT_LIST, 0, &list) && list.n >= 1;
    say(text, room, named(cat_envelope_name(t.tag)), event ? named(cat_event_name(list.p[0])) : NULL, NULL);
    return true;
}

bool toolkit_describe(const struct command_row *row, struct span data, struct span response, char *text,
                      size_t room)
{
    struct cat_proactive p;
    struct cat_response r;
    if (row->handler == command_fetch)
        return cat_proactive_parse(response, &p) && of_proactive(&p.details, NULL, text, room);
    if (row->handler == command_terminal_response)
        return cat_response_parse(data, &r) &&
               of_proactive(&r.details, named(cat_result_text(r.result)), text, room);
    return row->handler == command_envelope && of_envelope(data, text, room);
}
