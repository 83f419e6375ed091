/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>

#include "modem_inner.h"
#include "one_line.h"

static void add(struct modem_note *n, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct modem_note *n, const char *format, ...)
{
    va_list args;
    const size_t room = sizeof n->json - n->n;
    va_start(args, format);
    int len = vsnprintf(n->json + n->n, room, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= room) {
        n->json[n->n] = '\0'; /* half a member is none */
        n->cut = true;
    } else {
        n->n += (size_t)len;
    }
}

static void member(struct modem_note *n, const char *name)
{
    add(n, "%s\"%s\":", n->n > 0 ? "," : "", name);
}

void note_begin(struct modem_note *n, struct modem *m, const char *what)
{
    n->modem = m;
    n->what = what;
    n->json[0] = '\0';
    n->n = 0;
    n->cut = false;
}

/* A member of too great length is left out whole. */
static void settle(struct modem_note *n, size_t before)
{
    if (n->cut) {
        n->n = before;
        n->json[before] = '\0';
        n->cut = false;
    }
}

void note_text(struct modem_note *n, const char *name, const char *text)
{
    const size_t before = n->n;
    member(n, name);
    add(n, "\"");
    for (; *text != '\0' && !n->cut; text++) {
        const unsigned char c = (unsigned char)*text;
        const size_t control = one_line_control(text);
        if (c == '"' || c == '\\')
            add(n, "\\%c", c);
        else if (control > 0) /* U+0080 to U+009F are two octets, C2 and themselves */
            add(n, "\\u%04x", (unsigned char)text[control - 1]);
        else
            add(n, "%c", c);
        text += control == 2;
    }
    add(n, "\"");
    settle(n, before);
}

void note_number(struct modem_note *n, const char *name, long long value)
{
    const size_t before = n->n;
    member(n, name);
    add(n, "%lld", value);
    settle(n, before);
}

void note_bool(struct modem_note *n, const char *name, bool value)
{
    const size_t before = n->n;
    member(n, name);
    add(n, "%s", value ? "true" : "false");
    settle(n, before);
}

void note_hex(struct modem_note *n, const char *name, struct span value)
{
    const size_t before = n->n;
    member(n, name);
    add(n, "\"");
    for (size_t i = 0; i < value.n && !n->cut; i++)
        add(n, "%02X", value.p[i]);
    add(n, "\"");
    settle(n, before);
}

void note_sw(struct modem_note *n, sw_t sw)
{
    const uint8_t octets[2] = {(uint8_t)(sw >> 8), (uint8_t)sw};
    note_hex(n, "sw", span_of(octets, sizeof octets));
}

void note_end(struct modem_note *n)
{
    const struct modem *m = n->modem;
    for (unsigned i = 0; i < m->n_users; i++)
        if (m->users[i].log != NULL)
            m->users[i].log(m->users[i].ctx, n->what, n->json);
}

void note(struct modem *m, const char *what)
{
    struct modem_note n;
    note_begin(&n, m, what);
    note_end(&n);
}

void note_why(struct modem *m, const char *what, const char *why)
{
    struct modem_note n;
    note_begin(&n, m, what);
    note_text(&n, "why", why);
    note_end(&n);
}
