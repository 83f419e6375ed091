/* SPDX-License-Identifier: Apache-2.0 */
#include "modem_script_inner.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "crypto.h"
#include "hex.h"
#include "sms.h"
#include "tlv.h"

bool script_wrong(struct script *s, const char *format, ...)
{
    va_list args;
    size_t n = 0;
    if (s->where != NULL && s->where[0] != '\0')
        n = (size_t)snprintf(s->error->text, sizeof s->error->text, "%.200s: ", s->where);
    va_start(args, format);
    vsnprintf(s->error->text + n, sizeof s->error->text - n, format, args);
    va_end(args);
    return false;
}

/* ---- words ---- */

/* Words are parted by blanks; between double quotes a blank is a character like others. */
static bool split(struct script *s, const char *line, struct words *w)
{
    size_t n = strlen(line);
    char *to = w->text;
    w->n = 0;
    if (n >= sizeof w->text)
        return script_wrong(s, "a line of more than %zu characters", sizeof w->text - 1);
    for (const char *at = line;;) {
        at += strspn(at, " \t\r\n");
        if (*at == '\0' || *at == '#')
            break;
        if (w->n == WORDS_MAX)
            return script_wrong(s, "more than %d words", WORDS_MAX);
        w->at[w->n++] = to;
        bool quoted = false;
        for (; *at != '\0' && (quoted || strchr(" \t\r\n", *at) == NULL); at++) {
            if (*at == '"')
                quoted = !quoted;
            else
                *to++ = *at;
        }
        if (quoted)
            return script_wrong(s, "a quotation mark that is not closed");
        *to++ = '\0';
    }
    w->at[w->n] = NULL;
    return true;
}

bool script_duration(const char *text, uint64_t *ms)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}, {"d", 86400000}};
    char *end = NULL;
    if (*text < '0' || *text > '9')
        return false;
    const unsigned long long n = strtoull(text, &end, 10);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(end, units[i].unit) == 0 && n <= 1000000) {
            *ms = n * units[i].ms;
            return true;
        }
    return false;
}

bool script_number(const char *text, unsigned max, unsigned *value)
{
    char *end = NULL;
    if (*text < '0' || *text > '9')
        return false;
    const unsigned long n = strtoul(text, &end, 10);
    *value = (unsigned)n;
    return *end == '\0' && n <= max;
}

/* ---- events ---- */

/* The first n. */
static void forget(struct script *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(s->events[i].what);
        free(s->events[i].json);
    }
    memmove(s->events, s->events + n, (s->n_events - n) * sizeof *s->events);
    s->n_events -= n;
    s->at = s->at > n ? s->at - n : 0;
}

static void hear(void *ctx, const char *what, const char *json)
{
    struct script *s = ctx;
    if (s->n_events == EVENTS_MAX)
        forget(s, s->at > 0 ? s->at : EVENTS_MAX / 4);
    struct script_event *e = &s->events[s->n_events];
    *e = (struct script_event){strdup(what), strdup(json)};
    if (e->what != NULL && e->json != NULL) {
        s->n_events++;
        return;
    }
    free(e->what);
    free(e->json);
}

/* The value of a member as text; it is one of ours: flat, without blanks. */
static bool member(const char *json, const char *name, size_t name_len, char *to, size_t room)
{
    const char *at = json;
    while (*at == '"') {
        const char *key = at + 1, *end = strchr(key, '"');
        if (end == NULL || end[1] != ':')
            return false;
        const bool hit = (size_t)(end - key) == name_len && memcmp(key, name, name_len) == 0;
        size_t n = 0;
        at = end + 2;
        const bool quoted = *at == '"';
        at += quoted;
        for (; *at != '\0' && *at != (quoted ? '"' : ','); at++) {
            char c = *at;
            if (quoted && c == '\\' && at[1] == 'u' && strlen(at) > 5) { /* \u00XX, a control character */
                c = (char)(hex_digit(at[4]) << 4 | hex_digit(at[5]));
                if ((c & 0x80) != 0 && n + 1 < room)
                    to[n++] = (char)0xC2; /* of U+0080 to U+009F */
                at += 5;
            } else if (quoted && c == '\\' && at[1] != '\0') {
                c = *++at;
            }
            if (n + 1 < room)
                to[n++] = c;
        }
        to[n] = '\0';
        if (hit)
            return true;
        at += quoted && *at == '"';
        at += *at == ',';
    }
    return false;
}

/* A '*' at the end of the wanted value stands for anything. */
bool script_like(const char *value, const char *wanted)
{
    const size_t n = strlen(wanted);
    if (n > 0 && wanted[n - 1] == '*')
        return strncmp(value, wanted, n - 1) == 0;
    return strcmp(value, wanted) == 0;
}

static bool matches(const struct script_event *e, const char *const *conditions, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        char value[1600];
        const char *equals = strchr(conditions[i], '=');
        if (!member(e->json, conditions[i], (size_t)(equals - conditions[i]), value, sizeof value) ||
            !script_like(value, equals + 1))
            return false;
    }
    return true;
}

/* Looks from the first event not passed on. */
bool script_find(const struct script *s, const char *what, const char *const *conditions, unsigned n,
                 size_t *where)
{
    for (size_t i = s->at; i < s->n_events; i++)
        if (strcmp(s->events[i].what, what) == 0 && matches(&s->events[i], conditions, n)) {
            *where = i;
            return true;
        }
    return false;
}

/* ---- statements ---- */

bool script_one_of(struct script *s, const char *word, const char *const *choices)
{
    char list[256] = "";
    for (size_t i = 0; choices[i] != NULL; i++) {
        if (strcmp(word, choices[i]) == 0)
            return true;
        const size_t n = strlen(list);
        snprintf(list + n, sizeof list - n, "%s%s", i > 0 ? ", " : "", choices[i]);
    }
    return script_wrong(s, "'%.40s' is none of %s", word, list);
}

bool script_step(struct script *s, uint64_t until)
{
    const uint64_t now = loop_now(s->world.loop);
    if (!loop_step(s->world.loop, until > now ? until - now : 0))
        return script_wrong(s, "poll: %s", strerror(errno));
    return !loop_ended(s->world.loop) || script_wrong(s, "interrupted");
}

static const struct statement *row_of(const char *name)
{
    const struct statement *const tables[] = {script_deeds, script_card_deeds};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        for (const struct statement *t = tables[i]; t->name != NULL; t++)
            if (strcmp(t->name, name) == 0)
                return t;
    return NULL;
}

/* NULL: nothing to be done, or (error has a text) no statement. */
static const struct statement *parse(struct script *s, const char *line, struct words *w)
{
    if (!split(s, line, w) || w->n == 0)
        return NULL;
    const struct statement *t = row_of(w->at[0]);
    if (t == NULL) {
        script_wrong(s, "no statement '%.40s'", w->at[0]);
        return NULL;
    }
    if (w->n - 1 < t->min || w->n - 1 > t->max) {
        script_wrong(s, "'%s' has %u%s%u words after it", t->name, t->min,
                     t->min == t->max ? " and not " : " to ", t->min == t->max ? w->n - 1 : t->max);
        return NULL;
    }
    return t->check == NULL || t->check(s, w) ? t : NULL;
}

/* ---- whole scripts ---- */

struct script *script_new(const struct script_world *world)
{
    struct script *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->world = *world;
    const struct modem_user user = {.log = hear, .stk = script_takes, .ctx = s};
    if (modem_listen(world->modem, &user))
        return s;
    free(s);
    return NULL;
}

void script_free(struct script *s)
{
    if (s == NULL)
        return;
    forget(s, s->n_events);
    for (unsigned i = 0; i < s->n_centres; i++)
        auc_close(s->centres[i].auc);
    free(s);
}

bool script_line(struct script *s, const char *where, const char *line, struct script_error *error)
{
    struct words w;
    s->error = error;
    s->where = where;
    error->text[0] = '\0';
    const struct statement *t = parse(s, line, &w);
    const bool good = t == NULL ? error->text[0] == '\0' : t->run(s, &w);
    crypto_wipe(&w, sizeof w); /* PINs */
    return good;
}

/* Every line of text to each(). */
static bool lines(struct script *s, const char *name, const char *text, bool play, struct script_error *error)
{
    char where[300], line[LINE_MAX_OCTETS];
    unsigned long nth = 0;
    for (const char *at = text; *at != '\0';) {
        const size_t n = strcspn(at, "\n");
        snprintf(where, sizeof where, "%.200s:%lu", name, ++nth);
        s->error = error;
        s->where = where;
        error->text[0] = '\0';
        if (n >= sizeof line)
            return script_wrong(s, "a line of more than %zu characters", sizeof line - 1);
        memcpy(line, at, n);
        line[n] = '\0';
        if (play) {
            if (!script_line(s, where, line, error))
                return false;
        } else {
            struct words w;
            const bool good = parse(s, line, &w) != NULL || error->text[0] == '\0';
            crypto_wipe(&w, sizeof w);
            if (!good)
                return false;
        }
        crypto_wipe(line, n);
        at += n + (at[n] == '\n');
    }
    return true;
}

bool script_play(struct script *s, const char *name, const char *text, struct script_error *error)
{
    return lines(s, name, text, false, error) && lines(s, name, text, true, error);
}
