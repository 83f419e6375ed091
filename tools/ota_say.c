/* SPDX-License-Identifier: Apache-2.0 */
#include "ota_say.h"

#include <stdarg.h>

#include "cli.h"

void say_section_end(struct printer *p)
{
    if (p->in_section && p->json)
        fputs("]}", p->to);
    p->in_section = false;
}

void say_section(struct printer *p, const char *title)
{
    say_section_end(p);
    if (p->json) {
        fputs(p->any_section ? ",{\"title\":" : "{\"title\":", p->to);
        cli_put_json(p->to, title);
        fputs(",\"fields\":[", p->to);
    } else {
        fprintf(p->to, "%s%s\n", p->any_section ? "\n" : "", title);
    }
    p->in_section = p->any_section = true;
    p->any_field = false;
}

static void item_start(struct printer *p)
{
    if (p->json && p->any_field)
        fputc(',', p->to);
    p->any_field = true;
}

static void text_octets(struct printer *p, struct span octets)
{
    enum { PER_LINE = 32 };
    for (size_t i = 0; i < octets.n; i += PER_LINE) {
        fprintf(p->to, "%19s", "");
        cli_put_hex(p->to, span_slice(octets, i, PER_LINE));
        fputc('\n', p->to);
    }
}

void say_field(struct printer *p, struct span octets, const char *name, const char *clause,
               const char *format, ...)
{
    enum { SHORT = 8 };
    char meaning[400];
    va_list args;
    va_start(args, format);
    vsnprintf(meaning, sizeof meaning, format, args);
    va_end(args);
    size_t at = p->offset + (octets.p != NULL && p->base != NULL ? (size_t)(octets.p - p->base) : 0);
    item_start(p);
    if (p->json) {
        fprintf(p->to, "{\"offset\":%zu,\"octets\":\"", at);
        cli_put_hex(p->to, octets);
        fputs("\",\"name\":", p->to);
        cli_put_json(p->to, name);
        fputs(",\"meaning\":", p->to);
        cli_put_json(p->to, meaning);
        fputs(",\"clause\":", p->to);
        cli_put_json(p->to, clause);
        fputc('}', p->to);
        return;
    }
    fprintf(p->to, "%5zu  %-10s  ", at, name);
    if (octets.n <= SHORT) {
        cli_put_hex(p->to, octets);
        fprintf(p->to, "%*s", (int)(2 * (SHORT - octets.n)), "");
    } else {
        fprintf(p->to, "%-*s", 2 * SHORT, "below");
    }
    fprintf(p->to, "  %s  [%s]\n", meaning, clause);
    if (octets.n > SHORT)
        text_octets(p, octets);
}

void say_note(struct printer *p, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    item_start(p);
    if (p->json) {
        fputs("{\"note\":", p->to);
        cli_put_json(p->to, text);
        fputc('}', p->to);
    } else {
        fprintf(p->to, "       - %s\n", text);
    }
}

void say_verdict(struct printer *p, enum verdict v, const char *why)
{
    static const struct {
        const char *json, *text;
    } words[] = {
        [ACCEPTED] = {"accepted", "A card with these keys would accept it"},
        [REFUSED] = {"refused", "A card would refuse it"},
        [UNDECIDED] = {"undecided", "Whether a card would accept it is open"},
        [PROVED] = {"genuine", "Genuine"},
        [UNPROVED] = {"unproved", "Proves nothing"},
    };
    if (p->json) {
        fprintf(p->to, "],\"verdict\":\"%s\",\"why\":", words[v].json);
        cli_put_json(p->to, why);
        fputc('}', p->to);
    } else {
        fprintf(p->to, "    => %s: %s\n", words[v].text, why);
    }
    p->in_section = false;
}

struct place say_rebase(struct printer *p, const uint8_t *base, const uint8_t *origin)
{
    struct place before = {p->base, p->offset};
    p->offset += origin != NULL && p->base != NULL ? (size_t)(origin - p->base) : 0;
    p->base = base;
    return before;
}

void say_restore(struct printer *p, struct place before)
{
    p->base = before.base;
    p->offset = before.offset;
}

void say_because(struct why *w, const char *format, ...)
{
    if (w->len > 0 && w->len + 3 < sizeof w->text) {
        memcpy(w->text + w->len, "; ", 3);
        w->len += 2;
    }
    va_list args;
    va_start(args, format);
    int n = vsnprintf(w->text + w->len, sizeof w->text - w->len, format, args);
    va_end(args);
    if (n > 0)
        w->len += (size_t)n < sizeof w->text - w->len ? (size_t)n : sizeof w->text - w->len - 1;
}
