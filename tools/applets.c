/* SPDX-License-Identifier: Apache-2.0 */
#include "applets.h"

#include "cli.h"
#include "hex.h"
#include "toolkit_registry.h"

const char *applets_state(const struct uicc *card, uint8_t index)
{
    uint8_t life = applet_life(card, index);
    if ((life & LIFE_LOCKED) != 0)
        return "locked";
    if (applet_suspended(card, index))
        return "suspended";
    switch (life) {
    case LIFE_INSTALLED:
        return "installed";
    case LIFE_SELECTABLE:
        return "selectable";
    case LIFE_PERSONALIZED:
        return "personalised";
    default:
        return "own state";
    }
}

static void text_of(struct span aid, char text[2 * PROFILE_AID_MAX + 1])
{
    hex_format(aid, text);
    if (aid.n == 0)
        memcpy(text, "-", 2);
    for (char *c = text; *c != '\0'; c++)
        *c = (char)(*c >= 'a' && *c <= 'f' ? *c - 0x20 : *c);
}

static struct span aid_of(const struct uicc *card, uint8_t index)
{
    const struct profile_applet *row = applet_row_of(card, index);
    return span_of(row->aid, row->aid_len);
}

/* A package without an applet has a row in the profile, and is none of them. */
static bool listed(const struct uicc *card, uint8_t index)
{
    return applet_exists(card, index) &&
           (index >= card_profile_applets(card) || applet_row_of(card, index)->class_name[0] != '\0');
}

static const char *class_of(const struct uicc *card, uint8_t index)
{
    const char *name = applet_class_of(card, index)->name;
    return name[0] != '\0' ? name : "(no code)";
}

/* ---- ToolkitRegistry (ETSI TS 102 241) ---- */

static bool in_toolkit(const struct uicc *card, uint8_t index, struct toolkit_entry *e)
{
    struct toolkit_menu m;
    bool any = toolkit_entry_load(card, index, e);
    for (unsigned slot = 0; slot < TOOLKIT_MENU_SLOTS && !any; slot++)
        any = toolkit_menu_load(card, index, slot, &m);
    return any;
}

/* An alpha identifier is text in most cards; what is none is shown as dots. */
static void put_alpha(FILE *f, struct span text)
{
    for (size_t i = 0; i < text.n; i++)
        putc(text.p[i] >= ' ' && text.p[i] < 0x7F && text.p[i] != '"' && text.p[i] != '\\' ? text.p[i] : '.',
             f);
}

static void print_toolkit(FILE *f, const struct uicc *card, uint8_t index, const struct toolkit_entry *e)
{
    const char *comma = "";
    struct toolkit_menu m;
    fprintf(f, "%-7u %-8u ", index, e->priority);
    for (unsigned event = 0; event < TOOLKIT_EVENTS; event++)
        if (toolkit_entry_has(e, event) && toolkit_event_name(event) != NULL) {
            fprintf(f, "%s%s", comma, toolkit_event_name(event));
            comma = ", ";
        }
    for (unsigned timer = 1; timer <= TOOLKIT_TIMERS; timer++)
        if ((e->timers >> (timer - 1) & 1) != 0) {
            fprintf(f, "%stimer %u", comma, timer);
            comma = ", ";
        }
    if (e->poll != 0) {
        fprintf(f, "%severy %u s", comma, e->poll);
        comma = ", ";
    }
    for (unsigned slot = 0; slot < TOOLKIT_MENU_SLOTS; slot++)
        if (toolkit_menu_load(card, index, slot, &m)) {
            fprintf(f, "%smenu %02X \"", comma, m.id);
            put_alpha(f, m.text);
            fprintf(f, "\"%s", m.enabled ? "" : " (disabled)");
            comma = ", ";
        }
    putc('\n', f);
}

static void json_toolkit(FILE *f, const struct uicc *card, uint8_t index)
{
    struct toolkit_entry e;
    struct toolkit_menu m;
    const char *comma = "";
    if (!in_toolkit(card, index, &e)) {
        fputs("null", f);
        return;
    }
    fprintf(f, "{\"priority\": %u, \"events\": [", e.priority);
    for (unsigned event = 0; event < TOOLKIT_EVENTS; event++)
        if (toolkit_entry_has(&e, event)) {
            fprintf(f, "%s%u", comma, event);
            comma = ", ";
        }
    fprintf(f, "], \"timers\": %u, \"poll_s\": %u, \"menu\": [", e.timers, e.poll);
    comma = "";
    for (unsigned slot = 0; slot < TOOLKIT_MENU_SLOTS; slot++)
        if (toolkit_menu_load(card, index, slot, &m)) {
            fprintf(f, "%s{\"id\": %u, \"text\": \"", comma, m.id);
            put_alpha(f, m.text);
            fprintf(f, "\", \"enabled\": %s}", m.enabled ? "true" : "false");
            comma = ", ";
        }
    fputs("]}", f);
}

void applets_print(FILE *f, const struct uicc *card)
{
    char text[2 * PROFILE_AID_MAX + 1], domain[2 * PROFILE_AID_MAX + 1];
    fprintf(f, "%-6s %-14s %-12s %-8s %-32s  %s\n", "applet", "class", "state", "made by", "AID",
            "TAR; security domain");
    for (uint8_t i = 0; i < applets_count(card); i++) {
        if (!listed(card, i))
            continue;
        const struct profile_applet *row = applet_row_of(card, i);
        uint8_t owner = applet_domain(card, i);
        text_of(aid_of(card, i), text);
        fprintf(f, "%-6u %-14s %-12s %-8s %-32s %s", i, class_of(card, i), applets_state(card, i),
                i < card_profile_applets(card) ? "profile" : "INSTALL", text, row->n_tars == 0 ? " -" : "");
        for (uint8_t t = 0; t < row->n_tars; t++)
            fprintf(f, " %02X%02X%02X", row->tars[t][0], row->tars[t][1], row->tars[t][2]);
        if (owner != NO_APPLET && i >= card_profile_applets(card)) {
            text_of(aid_of(card, owner), domain);
            fprintf(f, "; %s", domain);
        }
        putc('\n', f);
    }
    fprintf(f, "\n%-7s %-8s %s\n", "toolkit", "priority", "of applet; what it is told of, and has");
    struct toolkit_entry e;
    for (uint8_t i = 0; i < applets_count(card); i++)
        if (listed(card, i) && in_toolkit(card, i, &e))
            print_toolkit(f, card, i, &e);
    fprintf(f, "\n%-32s %-8s %-8s %s\n", "package", "version", "octets", "modules");
    struct package_info p;
    for (unsigned cursor = 0; package_next(card, &cursor, &p);) {
        char octets[16] = "program";
        text_of(aid_span(&p.aid), text);
        if (p.slot != NO_PACKAGE)
            (void)snprintf(octets, sizeof octets, "%u", (unsigned)p.octets);
        fprintf(f, "%-32s %u.%-6u %-8s", text, p.version[0], p.version[1], octets);
        for (uint8_t i = 0; i < p.n_modules; i++) {
            text_of(aid_span(&p.modules[i]), text);
            fprintf(f, " %s", text);
        }
        putc('\n', f);
    }
}

static void put_aid(FILE *f, const char *name, struct span aid)
{
    fprintf(f, "\"%s\": ", name);
    if (aid.n == 0) {
        fputs("null", f);
        return;
    }
    putc('"', f);
    cli_put_hex(f, aid);
    putc('"', f);
}

static void json_applet(FILE *f, const struct uicc *card, uint8_t index)
{
    const struct profile_applet *row = applet_row_of(card, index);
    struct aid package, module;
    uint8_t privileges[3];
    applet_origin(card, index, &package, &module);
    applet_privileges(card, index, privileges);
    fprintf(f, "{\"index\": %u, \"class\": ", index);
    cli_put_json(f, applet_class_of(card, index)->name);
    fputs(", ", f);
    put_aid(f, "aid", aid_of(card, index));
    fprintf(f, ", \"state\": \"%s\", \"life_cycle\": %u, \"installed\": %s, ", applets_state(card, index),
            applet_life(card, index), index >= card_profile_applets(card) ? "true" : "false");
    put_aid(f, "package", aid_span(&package));
    fputs(", ", f);
    put_aid(f, "module", aid_span(&module));
    fputs(", ", f);
    uint8_t domain = applet_domain(card, index);
    put_aid(f, "security_domain", domain == NO_APPLET ? SPAN_EMPTY : aid_of(card, domain));
    fputs(", \"privileges\": \"", f);
    cli_put_hex(f, span_of(privileges, sizeof privileges));
    fputs("\", \"tars\": [", f);
    for (uint8_t t = 0; t < row->n_tars; t++)
        fprintf(f, "%s\"%02X%02X%02X\"", t > 0 ? ", " : "", row->tars[t][0], row->tars[t][1],
                row->tars[t][2]);
    fputs("], \"toolkit\": ", f);
    json_toolkit(f, card, index);
    fputs(", \"owner\": ", f);
    if (applet_owner(card, index) == NO_OWNER)
        fputs("null}", f);
    else
        fprintf(f, "%u}", applet_owner(card, index));
}

void applets_json(FILE *f, const struct uicc *card, const char *indent)
{
    const char *comma = "";
    fprintf(f, "%s\"applets\": [", indent);
    for (uint8_t i = 0; i < applets_count(card); i++) {
        if (!listed(card, i))
            continue;
        fprintf(f, "%s\n%s  ", comma, indent);
        json_applet(f, card, i);
        comma = ",";
    }
    fprintf(f, "\n%s],\n%s\"packages\": [", indent, indent);
    comma = "";
    struct package_info p;
    for (unsigned cursor = 0; package_next(card, &cursor, &p);) {
        fprintf(f, "%s\n%s  {", comma, indent);
        put_aid(f, "aid", aid_span(&p.aid));
        fprintf(f, ", \"version\": \"%u.%u\", \"loaded\": %s, \"octets\": %u, \"modules\": [", p.version[0],
                p.version[1], p.slot != NO_PACKAGE ? "true" : "false", (unsigned)p.octets);
        for (uint8_t i = 0; i < p.n_modules; i++) {
            fputs(i > 0 ? ", \"" : "\"", f);
            cli_put_hex(f, aid_span(&p.modules[i]));
            putc('"', f);
        }
        putc(']', f);
        if (p.slot != NO_PACKAGE) {
            fputs(", \"sha256\": \"", f);
            cli_put_hex(f, span_of(p.hash, sizeof p.hash));
            putc('"', f);
        }
        putc('}', f);
        comma = ",";
    }
    fprintf(f, "\n%s]", indent);
}
