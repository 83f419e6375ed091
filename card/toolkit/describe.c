/* SPDX-License-Identifier: Apache-2.0
 *
 * What the toolkit's commands are about, for people who read a trace. Names only: texts, numbers and messages
 * that a command carries stay where they are.
 */
#include "cat.h"
#include "card.h"

#include <stdio.h>

static const char *named(const char *name)
{
    return name != NULL ? name : "unknown";
}

static bool of_proactive(const struct cat_details *d, const char *result, char *text, size_t room)
{
    const struct cat_command *c = cat_command(d->type);
    const char *info = d->type == CAT_PROVIDE_LOCAL_INFORMATION ? cat_local_info_name(d->qualifier) : NULL;
    snprintf(text, room, "%s%s%s%s%s", named(c != NULL ? c->name : NULL), info != NULL ? ", " : "",
             info != NULL ? info : "", result != NULL ? ": " : "", result != NULL ? result : "");
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
    snprintf(text, room, "%s%s%s", named(cat_envelope_name(t.tag)), event ? ", " : "",
             event ? named(cat_event_name(list.p[0])) : "");
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
