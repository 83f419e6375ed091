/* SPDX-License-Identifier: Apache-2.0 */
#include "modem_script.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "hex.h"
#include "sms.h"
#include "tlv.h"

enum {
    WORDS_MAX = 16,
    LINE_MAX_OCTETS = 4096,
    CENTRES_MAX = 8,
    EVENTS_MAX = 4096, /* that an `expect` finds again; when there are more, the oldest go */
    ENVELOPE_HEADER = 5,
};

struct event {
    char *what, *json;
};

struct script {
    struct script_world world;
    struct event events[EVENTS_MAX];
    size_t n_events, at; /* at: the first that no `expect` has passed */
    struct {
        char path[256];
        struct auc *auc;
    } centres[CENTRES_MAX];
    unsigned n_centres;
    char names[NETWORKS_MAX][32]; /* of networks, as the scenario calls them; "": by their own name */
    unsigned reports;             /* of short messages, so far */
    bool away;                    /* nobody is there to answer */
    struct script_error *error;
    const char *where;
};

struct words {
    char text[LINE_MAX_OCTETS];
    const char *at[WORDS_MAX + 1];
    unsigned n;
};

static bool wrong(struct script *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool wrong(struct script *s, const char *format, ...)
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
        return wrong(s, "a line of more than %zu characters", sizeof w->text - 1);
    for (const char *at = line;;) {
        at += strspn(at, " \t\r\n");
        if (*at == '\0' || *at == '#')
            break;
        if (w->n == WORDS_MAX)
            return wrong(s, "more than %d words", WORDS_MAX);
        w->at[w->n++] = to;
        bool quoted = false;
        for (; *at != '\0' && (quoted || strchr(" \t\r\n", *at) == NULL); at++) {
            if (*at == '"')
                quoted = !quoted;
            else
                *to++ = *at;
        }
        if (quoted)
            return wrong(s, "a quotation mark that is not closed");
        *to++ = '\0';
    }
    w->at[w->n] = NULL;
    return true;
}

static bool duration(const char *text, uint64_t *ms)
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

static bool number(const char *text, unsigned max, unsigned *value)
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
    struct event *e = &s->events[s->n_events];
    *e = (struct event){strdup(what), strdup(json)};
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
            if (quoted && *at == '\\' && at[1] != '\0')
                at++;
            if (n + 1 < room)
                to[n++] = *at;
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
static bool like(const char *value, const char *wanted)
{
    const size_t n = strlen(wanted);
    if (n > 0 && wanted[n - 1] == '*')
        return strncmp(value, wanted, n - 1) == 0;
    return strcmp(value, wanted) == 0;
}

static bool matches(const struct event *e, const char *const *conditions, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        char value[1600];
        const char *equals = strchr(conditions[i], '=');
        if (!member(e->json, conditions[i], (size_t)(equals - conditions[i]), value, sizeof value) ||
            !like(value, equals + 1))
            return false;
    }
    return true;
}

/* Looks from the first event not passed on. */
static bool find(const struct script *s, const char *what, const char *const *conditions, unsigned n,
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

struct statement {
    const char *name;
    unsigned min, max;                                      /* words after it */
    bool (*check)(struct script *s, const struct words *w); /* without doing anything; may be NULL */
    bool (*run)(struct script *s, const struct words *w);
};

static bool one_of(struct script *s, const char *word, const char *const *choices)
{
    char list[256] = "";
    for (size_t i = 0; choices[i] != NULL; i++) {
        if (strcmp(word, choices[i]) == 0)
            return true;
        const size_t n = strlen(list);
        snprintf(list + n, sizeof list - n, "%s%s", i > 0 ? ", " : "", choices[i]);
    }
    return wrong(s, "'%.40s' is none of %s", word, list);
}

/* -- power -- */

static const char *const powers[] = {"on", "off", "cycle", "flight", NULL};

static bool check_power(struct script *s, const struct words *w)
{
    return one_of(s, w->at[1], powers);
}

static bool run_power(struct script *s, const struct words *w)
{
    struct modem *m = s->world.modem;
    if (strcmp(w->at[1], "cycle") == 0)
        (void)modem_power_cycle(m);
    else
        (void)modem_function_set(m, strcmp(w->at[1], "on") == 0       ? MODEM_FULL
                                    : strcmp(w->at[1], "flight") == 0 ? MODEM_FLIGHT
                                                                      : MODEM_OFF);
    return true;
}

static const struct {
    const char *name;
    uint8_t ins;
} instructions[] = {
    {"SELECT", 0xA4},
    {"READ-BINARY", 0xB0},
    {"READ-RECORD", 0xB2},
    {"UPDATE-BINARY", 0xD6},
    {"UPDATE-RECORD", 0xDC},
    {"AUTHENTICATE", 0x88},
    {"STATUS", 0xF2},
    {"VERIFY-PIN", 0x20},
    {"ENVELOPE", 0xC2},
    {"GET-RESPONSE", 0xC0},
    {"TERMINAL-PROFILE", 0x10},
    {"FETCH", 0x12},
    {"TERMINAL-RESPONSE", 0x14},
};

static bool instruction(const char *word, uint8_t *ins)
{
    for (size_t i = 0; i < sizeof instructions / sizeof instructions[0]; i++)
        if (strcmp(word, instructions[i].name) == 0) {
            *ins = instructions[i].ins;
            return true;
        }
    return false;
}

static bool check_cut(struct script *s, const struct words *w)
{
    static const char *const when[] = {"before", "after", NULL};
    unsigned n;
    uint8_t ins;
    if (!one_of(s, w->at[1], when))
        return false;
    if (!instruction(w->at[2], &ins) && (!number(w->at[2], 1000000, &n) || n == 0 || w->n > 3))
        return wrong(s, "'%.40s' is neither a command (ENVELOPE, FETCH, ...) nor how many commands from now",
                     w->at[2]);
    if (w->n > 3 && (!number(w->at[3], 1000000, &n) || n == 0))
        return wrong(s, "'%.40s' is no number from 1 on", w->at[3]);
    return true;
}

static bool run_cut(struct script *s, const struct words *w)
{
    uint8_t ins = 0;
    unsigned n = 1;
    const bool by_ins = instruction(w->at[2], &ins);
    if (by_ins ? w->n > 3 : true)
        (void)number(w->at[by_ins ? 3 : 2], 1000000, &n);
    link_cut_arm(s->world.battery, n, by_ins, ins, strcmp(w->at[1], "after") == 0);
    return true;
}

static bool run_pin(struct script *s, const struct words *w)
{
    const sw_t sw = w->n > 2 ? modem_pin_unblock(s->world.modem, MODEM_PIN1, w->at[1], w->at[2])
                             : modem_pin_enter(s->world.modem, MODEM_PIN1, w->at[1]);
    return sw == SW_OK || wrong(s, "the card answers %04X to the PIN", sw);
}

/* -- networks -- */

static bool check_network(struct script *s, const struct words *w)
{
    static const char *const options[] = {"auc", "gateway", "act", "forbidden", "title", NULL};
    static const char *const technologies[] = {"gsm", "utran", "eutran", NULL};
    const size_t digits = strlen(w->at[2]);
    if ((digits != 5 && digits != 6) || strspn(w->at[2], "0123456789") != digits)
        return wrong(s, "'%.40s' is no network's number: MCC and MNC, 5 or 6 digits", w->at[2]);
    for (unsigned i = 3; i < w->n; i++) {
        if (!one_of(s, w->at[i], options))
            return false;
        if (strcmp(w->at[i], "forbidden") == 0)
            continue;
        if (i + 1 == w->n)
            return wrong(s, "'%s' needs a word after it", w->at[i]);
        if (strcmp(w->at[i++], "act") == 0 && !one_of(s, w->at[i], technologies))
            return false;
    }
    return true;
}

static struct auc *open_centre(struct script *s, const char *path)
{
    struct sealed_error error;
    const struct auc_config config = {.path = path, .key_file = s->world.auc_key};
    for (unsigned i = 0; i < s->n_centres; i++)
        if (strcmp(s->centres[i].path, path) == 0)
            return s->centres[i].auc;
    struct auc *a = s->n_centres < CENTRES_MAX && strlen(path) < sizeof s->centres[0].path
                        ? auc_open(&config, &error)
                        : NULL;
    if (a == NULL) {
        if (s->n_centres == CENTRES_MAX)
            wrong(s, "more than %d authentication centres", CENTRES_MAX);
        else
            wrong(s, "%s", error.text);
        return NULL;
    }
    memcpy(s->centres[s->n_centres].path, path, strlen(path) + 1);
    s->centres[s->n_centres++].auc = a;
    return a;
}

static int network_named(const struct script *s, const char *name)
{
    for (unsigned i = 0; i < network_count(s->world.network); i++)
        if (strcmp(s->names[i][0] != '\0' ? s->names[i] : network_at(s->world.network, i)->name, name) == 0)
            return (int)i;
    return -1;
}

static bool run_network(struct script *s, const struct words *w)
{
    struct network_spec spec = {.plmn = w->at[2], .name = w->at[1], .area = 1, .cell = 1};
    if (network_named(s, w->at[1]) >= 0)
        return wrong(s, "there is a network '%s' already", w->at[1]);
    for (unsigned i = 3; i < w->n; i++) {
        if (strcmp(w->at[i], "forbidden") == 0)
            spec.forbidden = true;
        else if (strcmp(w->at[i], "auc") == 0 && (spec.auc = open_centre(s, w->at[++i])) == NULL)
            return false;
        else if (strcmp(w->at[i], "gateway") == 0)
            spec.gateway = w->at[++i];
        else if (strcmp(w->at[i], "title") == 0)
            spec.name = w->at[++i];
        else if (strcmp(w->at[i], "act") == 0) {
            i++;
            spec.act = strcmp(w->at[i], "gsm") == 0 ? 0 : strcmp(w->at[i], "utran") == 0 ? 2 : 7;
        }
    }
    spec.area = (uint16_t)(network_count(s->world.network) + 1);
    const int nth = network_add(s->world.network, &spec);
    if (nth < 0 || strlen(w->at[1]) >= sizeof s->names[0])
        return wrong(s, "no more than %d networks, with names of less than %zu characters", NETWORKS_MAX,
                     sizeof s->names[0]);
    memcpy(s->names[nth], w->at[1], strlen(w->at[1]) + 1);
    modem_radio_changed(s->world.modem);
    return true;
}

static bool check_air(struct script *s, const struct words *w)
{
    static const char *const states[] = {"on", "off", NULL};
    return one_of(s, w->at[2], states);
}

static bool run_air(struct script *s, const struct words *w)
{
    const int nth = network_named(s, w->at[1]);
    if (nth < 0)
        return wrong(s, "there is no network '%.40s'", w->at[1]);
    network_switch(s->world.network, (unsigned)nth, strcmp(w->at[2], "on") == 0);
    modem_radio_changed(s->world.modem);
    return true;
}

static bool run_operator(struct script *s, const struct words *w)
{
    modem_operator_select(s->world.modem, strcmp(w->at[1], "auto") == 0   ? NULL
                                          : strcmp(w->at[1], "none") == 0 ? ""
                                                                          : w->at[1]);
    return true;
}

/* -- time -- */

static bool check_wait(struct script *s, const struct words *w)
{
    uint64_t ms;
    return duration(w->at[1], &ms) || wrong(s, "'%.40s' is no time: 500ms, 30s, 5min, 2h, 1d", w->at[1]);
}

static bool step_until(struct script *s, uint64_t until)
{
    const uint64_t now = loop_now(s->world.loop);
    if (!loop_step(s->world.loop, until > now ? until - now : 0))
        return wrong(s, "poll: %s", strerror(errno));
    return !loop_ended(s->world.loop) || wrong(s, "interrupted");
}

static bool run_wait(struct script *s, const struct words *w)
{
    uint64_t ms = 0;
    (void)duration(w->at[1], &ms);
    const uint64_t until = loop_now(s->world.loop) + ms;
    do
        if (!step_until(s, until))
            return false;
    while (loop_now(s->world.loop) < until);
    return true;
}

/* -- expectations -- */

/* Conditions are words with '='; the last two words may be `within` or `for` and a time. */
static bool conditions(struct script *s, const struct words *w, const char *timing, unsigned *n, uint64_t *ms)
{
    *n = w->n - 2;
    if (w->n >= 4 && strcmp(w->at[w->n - 2], timing) == 0) {
        *n -= 2;
        if (!duration(w->at[w->n - 1], ms))
            return wrong(s, "'%.40s' is no time: 500ms, 30s, 5min, 2h, 1d", w->at[w->n - 1]);
    }
    for (unsigned i = 0; i < *n; i++)
        if (strchr(w->at[2 + i], '=') == NULL)
            return wrong(s, "'%.40s' is no condition: name=value", w->at[2 + i]);
    return true;
}

static bool check_expect(struct script *s, const struct words *w)
{
    unsigned n;
    uint64_t ms;
    return conditions(s, w, "within", &n, &ms);
}

static bool run_expect(struct script *s, const struct words *w)
{
    unsigned n = 0;
    uint64_t ms = s->world.patience_ms;
    size_t where;
    (void)conditions(s, w, "within", &n, &ms);
    const uint64_t until = loop_now(s->world.loop) + ms;
    while (!find(s, w->at[1], w->at + 2, n, &where)) {
        if (loop_now(s->world.loop) >= until) {
            char text[256] = "";
            for (unsigned i = 1; i < 2 + n; i++)
                snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i > 1 ? " " : "", w->at[i]);
            return wrong(s, "'%s' did not come within %llu ms", text, (unsigned long long)ms);
        }
        if (!step_until(s, until))
            return false;
    }
    s->at = where + 1;
    return true;
}

static bool check_refute(struct script *s, const struct words *w)
{
    unsigned n;
    uint64_t ms;
    return conditions(s, w, "for", &n, &ms);
}

/* Neither has it come since the last `expect`, nor does it for so long. */
static bool run_refute(struct script *s, const struct words *w)
{
    unsigned n = 0;
    uint64_t ms = 0;
    size_t where;
    (void)conditions(s, w, "for", &n, &ms);
    const uint64_t until = loop_now(s->world.loop) + ms;
    for (;;) {
        if (find(s, w->at[1], w->at + 2, n, &where))
            return wrong(s, "'%s' came: {%.300s}", w->at[1], s->events[where].json);
        if (loop_now(s->world.loop) >= until)
            return true;
        if (!step_until(s, until))
            return false;
    }
}

static const char *const properties[] = {"imsi", "iccid",        "spn",   "operator",
                                         "sim",  "registration", "apdus", NULL};

static bool check_check(struct script *s, const struct words *w)
{
    return one_of(s, w->at[1], properties);
}

static bool run_check(struct script *s, const struct words *w)
{
    struct modem *m = s->world.modem;
    struct modem_operator op = {.plmn = ""};
    char text[32];
    const char *value = text;
    (void)modem_operator(m, &op);
    if (strcmp(w->at[1], "imsi") == 0)
        value = modem_imsi(m);
    else if (strcmp(w->at[1], "iccid") == 0)
        value = modem_iccid(m);
    else if (strcmp(w->at[1], "spn") == 0)
        value = modem_spn(m);
    else if (strcmp(w->at[1], "operator") == 0)
        value = op.plmn;
    else if (strcmp(w->at[1], "sim") == 0)
        snprintf(text, sizeof text, "%d", modem_sim_state(m));
    else if (strcmp(w->at[1], "registration") == 0)
        snprintf(text, sizeof text, "%d", modem_registration(m));
    else
        snprintf(text, sizeof text, "%lu", s->world.battery->commands);
    return like(value, w->at[2]) || wrong(s, "%s is '%.60s', not '%.60s'", w->at[1], value, w->at[2]);
}

/* -- short messages -- */

static void reported(void *ctx, const struct modem_report *report)
{
    struct script *s = ctx;
    (void)report;
    s->reports++;
}

/* A TPDU; or the ENVELOPE command that `softuicc change --print` and `ota encode` write, which has one in it.
 */
static bool deliver(struct script *s, const char *hex, const char *centre)
{
    uint8_t octets[ENVELOPE_HEADER + 256];
    struct buf b = buf_of(octets, sizeof octets);
    struct envelope_sms_pp e = {.tpdu = SPAN_EMPTY};
    char number_text[22] = "";
    if (!hex_parse(hex, &b, NULL) || b.len < 10)
        return wrong(s, "'%.40s' is neither a short message nor the ENVELOPE of one, in hex", hex);
    struct span tpdu = buf_span(&b);
    if (octets[0] == 0x80 && octets[1] == 0xC2) {
        if (!envelope_sms_pp_parse(span_slice(tpdu, ENVELOPE_HEADER, octets[4]), &e))
            return wrong(s, "this ENVELOPE has no short message in it");
        tpdu = e.tpdu;
        if (centre == NULL && e.address.n > 1 && bcd_unpack(span_slice(e.address, 1, 10), number_text + 1)) {
            number_text[0] = '+';
            centre = (e.address.p[0] & 0x70) == 0x10 ? number_text : number_text + 1;
        }
    }
    const unsigned before = s->reports;
    if (!modem_sms_deliver(s->world.modem, centre != NULL ? centre : "12345", tpdu, reported, s))
        return wrong(s, "the terminal cannot take a message now: it is not registered");
    const uint64_t until = loop_now(s->world.loop) + s->world.patience_ms;
    while (s->reports == before && loop_now(s->world.loop) < until)
        if (!step_until(s, until))
            return false;
    return s->reports != before || wrong(s, "the message was not answered");
}

static bool deliver_file(struct script *s, FILE *f, const char *path, const char *centre)
{
    char *line = NULL;
    size_t room = 0, delivered = 0;
    bool good = true;
    while (good && getline(&line, &room, f) >= 0) {
        line[strcspn(line, "#\r\n")] = '\0';
        if (line[strspn(line, " \t")] == '\0')
            continue;
        good = deliver(s, line + strspn(line, " \t>"), centre);
        delivered++;
    }
    free(line);
    return good && (delivered > 0 || wrong(s, "%.200s: no message in it", path));
}

static bool run_sms(struct script *s, const struct words *w)
{
    const char *centre = w->n > 2 ? w->at[2] : NULL;
    const size_t n = strlen(w->at[1]);
    if (n >= 20 && strspn(w->at[1], "0123456789abcdefABCDEF") == n)
        return deliver(s, w->at[1], centre);
    FILE *f = fopen(w->at[1], "re");
    if (f == NULL)
        return wrong(s, "%.200s: %s", w->at[1], strerror(errno));
    const bool good = deliver_file(s, f, w->at[1], centre);
    fclose(f);
    return good;
}

static bool run_send(struct script *s, const struct words *w)
{
    uint8_t octets[SMS_TPDU_MAX], address[SMS_ADDRESS_MAX], reference;
    struct buf tpdu = buf_of(octets, sizeof octets), to = buf_of(address, sizeof address);
    if (!sms_address_pack(w->at[1], &to))
        return wrong(s, "'%.40s' is no number", w->at[1]);
    const struct sms_submit sms = {
        .destination = buf_span(&to), .dcs = 0x04, .user_data = span_of(w->at[2], strlen(w->at[2]))};
    sms_submit_build(&sms, &tpdu);
    if (!buf_ok(&tpdu))
        return wrong(s, "a text of more than %d characters", SMS_UD_MAX);
    const unsigned cause = modem_sms_submit(s->world.modem, NULL, buf_span(&tpdu), &reference);
    return cause == 0 || wrong(s, "the message was not taken: cause %u", cause);
}

/* -- the user -- */

static bool take(void *ctx, struct span proactive)
{
    const struct script *s = ctx;
    (void)proactive;
    return !s->away;
}

static bool check_user(struct script *s, const struct words *w)
{
    static const char *const states[] = {"here", "away", NULL};
    return one_of(s, w->at[1], states);
}

static bool run_user(struct script *s, const struct words *w)
{
    s->away = strcmp(w->at[1], "away") == 0;
    return true;
}

/* The number of the item that begins with this text (items: tag 0F, number and text). 0: none. */
static uint8_t item_named(struct span command, const char *text)
{
    struct span body, item;
    if (!tlv_find(command, 0xD0, &body))
        return 0;
    for (unsigned i = 0; ctlv_find(body, 0x0F, i, &item); i++)
        if (item.n > strlen(text) && memcmp(item.p + 1, text, strlen(text)) == 0)
            return item.p[0];
    return 0;
}

static uint8_t item_of(struct script *s, struct span command, const char *word)
{
    unsigned n;
    if (number(word, 255, &n))
        return (uint8_t)n;
    const uint8_t item = item_named(command, word);
    if (item == 0)
        wrong(s, "the menu has no item that begins with '%.60s'", word);
    return item;
}

/* TS 102 223 7.2: MENU SELECTION */
static bool run_menu(struct script *s, const struct words *w)
{
    const uint8_t devices[] = {0x01, 0x81}; /* keypad to UICC */
    uint8_t octets[32], answer[256];
    struct buf b = buf_of(octets, sizeof octets), data = buf_of(answer, sizeof answer);
    sw_t sw;
    const struct span menu = modem_stk_menu(s->world.modem);
    if (menu.n == 0)
        return wrong(s, "the card has set up no menu");
    const uint8_t item = item_of(s, menu, w->at[1]);
    if (item == 0)
        return false;
    const size_t mark = buf_tlv_open(&b, 0xD3);
    buf_tlv(&b, 0x82, span_of(devices, sizeof devices));
    buf_tlv_u8(&b, 0x90, item);
    buf_tlv_close(&b, mark);
    return (modem_stk_envelope(s->world.modem, buf_span(&b), &data, &sw) && sw == SW_OK) ||
           wrong(s, "the card does not take the selection: %04X", sw);
}

static const struct {
    const char *word;
    uint8_t result;
    unsigned words; /* that follow */
} answers[] = {
    {"ok", 0x00, 0},   {"text", 0x00, 1},   {"item", 0x00, 1},   {"yes", 0x00, 0},
    {"no", 0x00, 0},   {"end", 0x10, 0},    {"back", 0x11, 0},   {"nothing", 0x12, 0},
    {"help", 0x13, 0}, {"result", 0x00, 1}, {"refuse", 0x22, 0},
};

static bool check_answer(struct script *s, const struct words *w)
{
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if (strcmp(w->at[1], answers[i].word) == 0)
            return w->n == 2 + answers[i].words ||
                   wrong(s, "'answer %s' has %u words after it", w->at[1], answers[i].words);
    return wrong(s, "'%.40s' is none of ok, yes, no, text, item, end, back, nothing, help, refuse, result",
                 w->at[1]);
}

/* 8 bits (TS 102 223 8.15) */
static void put_text(struct buf *b, struct span text)
{
    const size_t mark = buf_tlv_open(b, 0x8D);
    buf_u8(b, 0x04);
    buf_put(b, text);
    buf_tlv_close(b, mark);
}

static bool run_answer(struct script *s, const struct words *w)
{
    uint8_t octets[255], result = 0, additional[2];
    struct buf b = buf_of(octets, sizeof octets), more = buf_of(additional, sizeof additional);
    sw_t sw;
    const struct span waiting = modem_stk_waiting(s->world.modem);
    if (waiting.n == 0)
        return wrong(s, "the card waits for no answer");
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if (strcmp(w->at[1], answers[i].word) == 0)
            result = answers[i].result;
    if (strcmp(w->at[1], "text") == 0)
        put_text(&b, span_of(w->at[2], strlen(w->at[2])));
    else if (strcmp(w->at[1], "yes") == 0) /* 6.4.2: of GET INKEY */
        put_text(&b, span_of("\x01", 1));
    else if (strcmp(w->at[1], "no") == 0)
        put_text(&b, span_of("\x00", 1));
    if (strcmp(w->at[1], "item") == 0) {
        const uint8_t item = item_of(s, waiting, w->at[2]);
        if (item == 0)
            return false;
        buf_tlv_u8(&b, 0x90, item);
    }
    if (strcmp(w->at[1], "result") == 0) { /* general result, and what belongs to it, in hex */
        uint8_t given[3];
        struct buf g = buf_of(given, sizeof given);
        if (!hex_parse(w->at[2], &g, NULL) || g.len < 1)
            return wrong(s, "'%.40s' is no result: one to three octets in hex", w->at[2]);
        result = given[0];
        buf_put(&more, span_of(given + 1, g.len - 1));
    }
    return modem_stk_answer(s->world.modem, result, buf_span(&more), buf_span(&b), &sw) ||
           wrong(s, "the card is gone");
}

/* -- USSD, raw commands, words -- */

static bool run_ussd(struct script *s, const struct words *w)
{
    if (w->n > 2)
        return network_ussd_script(s->world.network, w->at[1], w->at[2]) || wrong(s, "too many or too long");
    return modem_ussd(s->world.modem, 0xF4, span_of(w->at[1], strlen(w->at[1]))) ||
           wrong(s, "the network does not answer to '%.60s'", w->at[1]);
}

/* '.' stands for any digit. */
static bool fits(const char *hex, const char *pattern)
{
    for (; *hex != '\0' && *pattern != '\0'; hex++, pattern++) {
        const char want = *pattern >= 'A' && *pattern <= 'F' ? (char)(*pattern - 'A' + 'a') : *pattern;
        if (want == '*')
            return true;
        if (want != '.' && want != *hex)
            return false;
    }
    return *hex == *pattern || *pattern == '*';
}

static bool run_apdu(struct script *s, const struct words *w)
{
    static const size_t room = MODEM_DATA_MAX + 2;
    uint8_t command[300];
    struct buf c = buf_of(command, sizeof command);
    sw_t sw = 0;
    if (!hex_parse(w->at[1], &c, NULL) || c.len < 4)
        return wrong(s, "'%.40s' is no command in hex", w->at[1]);
    uint8_t *octets = malloc(room);
    char *hex = malloc(2 * room + 1);
    struct buf data = buf_of(octets, octets != NULL ? room : 0);
    bool good = octets != NULL && hex != NULL;
    if (!good)
        wrong(s, "no memory");
    if (good && !modem_apdu(s->world.modem, buf_span(&c), &data, &sw))
        good = wrong(s, "the card does not answer");
    if (good) {
        buf_u16(&data, sw);
        hex_format(buf_span(&data), hex);
        if (w->n > 2 && !fits(hex, w->at[2]))
            good = wrong(s, "the card answers %.200s, not %.200s", hex, w->at[2]);
    }
    free(octets);
    free(hex);
    return good;
}

static bool run_print(struct script *s, const struct words *w)
{
    if (s->world.out != NULL)
        fprintf(s->world.out, "%s\n", w->at[1]);
    return true;
}

static bool run_profile(struct script *s, const struct words *w)
{
    uint8_t octets[64];
    struct buf b = buf_of(octets, sizeof octets);
    struct span profile;
    if (!modem_stk_preset(w->at[1], &profile)) {
        if (!hex_parse(w->at[1], &b, NULL))
            return wrong(s, "'%.40s' is none of full, machine, old, none, nor a TERMINAL PROFILE in hex",
                         w->at[1]);
        profile = buf_span(&b);
    }
    modem_stk_profile(s->world.modem, profile);
    return true;
}

static const struct statement statements[] = {
    {"power", 1, 1, check_power, run_power},
    {"cut", 2, 3, check_cut, run_cut},
    {"pin", 1, 2, NULL, run_pin},
    {"profile", 1, 1, NULL, run_profile},
    {"network", 2, 10, check_network, run_network},
    {"air", 2, 2, check_air, run_air},
    {"operator", 1, 1, NULL, run_operator},
    {"wait", 1, 1, check_wait, run_wait},
    {"expect", 1, WORDS_MAX, check_expect, run_expect},
    {"refute", 1, WORDS_MAX, check_refute, run_refute},
    {"check", 2, 2, check_check, run_check},
    {"sms", 1, 2, NULL, run_sms},
    {"send", 2, 2, NULL, run_send},
    {"user", 1, 1, check_user, run_user},
    {"menu", 1, 1, NULL, run_menu},
    {"answer", 1, 2, check_answer, run_answer},
    {"ussd", 1, 2, NULL, run_ussd},
    {"apdu", 1, 2, NULL, run_apdu},
    {"print", 1, 1, NULL, run_print},
};

static const struct statement *parse(struct script *s, const char *line, struct words *w)
{
    if (!split(s, line, w) || w->n == 0)
        return NULL;
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
        const struct statement *t = &statements[i];
        if (strcmp(t->name, w->at[0]) != 0)
            continue;
        if (w->n - 1 < t->min || w->n - 1 > t->max) {
            wrong(s, "'%s' has %u%s%u words after it", t->name, t->min,
                  t->min == t->max ? " and not " : " to ", t->min == t->max ? w->n - 1 : t->max);
            return NULL;
        }
        return t->check == NULL || t->check(s, w) ? t : NULL;
    }
    wrong(s, "no statement '%.40s'", w->at[0]);
    return NULL;
}

/* ---- whole scripts ---- */

struct script *script_new(const struct script_world *world)
{
    struct script *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->world = *world;
    const struct modem_user user = {.log = hear, .stk = take, .ctx = s};
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
    return t == NULL ? error->text[0] == '\0' : t->run(s, &w);
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
            return wrong(s, "a line of more than %zu characters", sizeof line - 1);
        memcpy(line, at, n);
        line[n] = '\0';
        if (play) {
            if (!script_line(s, where, line, error))
                return false;
        } else {
            struct words w;
            if (parse(s, line, &w) == NULL && error->text[0] != '\0')
                return false;
        }
        at += n + (at[n] == '\n');
    }
    return true;
}

bool script_play(struct script *s, const char *name, const char *text, struct script_error *error)
{
    return lines(s, name, text, false, error) && lines(s, name, text, true, error);
}
