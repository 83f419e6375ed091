/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "hex.h"
#include "modem_script_inner.h"

/* -- power -- */

static const char *const powers[] = {"on", "off", "cycle", "flight", NULL};

static bool check_power(struct script *s, const struct words *w)
{
    return script_one_of(s, w->at[1], powers);
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
    if (!script_one_of(s, w->at[1], when))
        return false;
    if (!instruction(w->at[2], &ins) && (!script_number(w->at[2], 1000000, &n) || n == 0 || w->n > 3))
        return script_wrong(
            s, "'%.40s' is neither a command (ENVELOPE, FETCH, ...) nor how many commands from now",
            w->at[2]);
    if (w->n > 3 && (!script_number(w->at[3], 1000000, &n) || n == 0))
        return script_wrong(s, "'%.40s' is no number from 1 on", w->at[3]);
    return true;
}

static bool run_cut(struct script *s, const struct words *w)
{
    uint8_t ins = 0;
    unsigned n = 1;
    const bool by_ins = instruction(w->at[2], &ins);
    if (by_ins ? w->n > 3 : true)
        (void)script_number(w->at[by_ins ? 3 : 2], 1000000, &n);
    link_cut_arm(s->world.battery, n, by_ins, ins, strcmp(w->at[1], "after") == 0);
    return true;
}

static bool run_pin(struct script *s, const struct words *w)
{
    const sw_t sw = w->n > 2 ? modem_pin_unblock(s->world.modem, MODEM_PIN1, w->at[1], w->at[2])
                             : modem_pin_enter(s->world.modem, MODEM_PIN1, w->at[1]);
    return sw == SW_OK || script_wrong(s, "the card answers %04X to the PIN", sw);
}

/* -- networks -- */

static bool check_network(struct script *s, const struct words *w)
{
    static const char *const options[] = {"auc", "gateway", "act", "forbidden", "title", NULL};
    static const char *const technologies[] = {"gsm", "utran", "eutran", NULL};
    const size_t digits = strlen(w->at[2]);
    if ((digits != 5 && digits != 6) || strspn(w->at[2], "0123456789") != digits)
        return script_wrong(s, "'%.40s' is no network's number: MCC and MNC, 5 or 6 digits", w->at[2]);
    for (unsigned i = 3; i < w->n; i++) {
        if (!script_one_of(s, w->at[i], options))
            return false;
        if (strcmp(w->at[i], "forbidden") == 0)
            continue;
        if (i + 1 == w->n)
            return script_wrong(s, "'%s' needs a word after it", w->at[i]);
        if (strcmp(w->at[i++], "act") == 0 && !script_one_of(s, w->at[i], technologies))
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
    if (s->n_centres == CENTRES_MAX || strlen(path) >= sizeof s->centres[0].path) {
        script_wrong(s,
                     s->n_centres == CENTRES_MAX ? "more than %zu authentication centres"
                                                 : "a path of more than %zu characters",
                     s->n_centres == CENTRES_MAX ? (size_t)CENTRES_MAX : sizeof s->centres[0].path - 1);
        return NULL;
    }
    struct auc *a = auc_open(&config, &error);
    if (a == NULL) {
        script_wrong(s, "%s", error.text);
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
        return script_wrong(s, "there is a network '%s' already", w->at[1]);
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
    const int nth = strlen(w->at[1]) < sizeof s->names[0] ? network_add(s->world.network, &spec) : -1;
    if (nth < 0)
        return script_wrong(s, "no more than %d networks, with names of less than %zu characters",
                            NETWORKS_MAX, sizeof s->names[0]);
    memcpy(s->names[nth], w->at[1], strlen(w->at[1]) + 1);
    modem_radio_changed(s->world.modem);
    return true;
}

static bool check_air(struct script *s, const struct words *w)
{
    static const char *const states[] = {"on", "off", NULL};
    return script_one_of(s, w->at[2], states);
}

static bool run_air(struct script *s, const struct words *w)
{
    const int nth = network_named(s, w->at[1]);
    if (nth < 0)
        return script_wrong(s, "there is no network '%.40s'", w->at[1]);
    network_switch(s->world.network, (unsigned)nth, strcmp(w->at[2], "on") == 0);
    modem_radio_changed(s->world.modem);
    return true;
}

static bool check_operator(struct script *s, const struct words *w)
{
    const size_t n = strlen(w->at[1]);
    return strcmp(w->at[1], "auto") == 0 || strcmp(w->at[1], "none") == 0 ||
           ((n == 5 || n == 6) && strspn(w->at[1], "0123456789") == n) ||
           script_wrong(s, "'%.40s' is none of auto, none, nor a network's number of 5 or 6 digits",
                        w->at[1]);
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
    return script_duration(w->at[1], &ms) ||
           script_wrong(s, "'%.40s' is no time: 500ms, 30s, 5min, 2h, 1d", w->at[1]);
}

static bool run_wait(struct script *s, const struct words *w)
{
    uint64_t ms = 0;
    (void)script_duration(w->at[1], &ms);
    const uint64_t until = loop_now(s->world.loop) + ms;
    do
        if (!script_step(s, until))
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
        if (!script_duration(w->at[w->n - 1], ms))
            return script_wrong(s, "'%.40s' is no time: 500ms, 30s, 5min, 2h, 1d", w->at[w->n - 1]);
    }
    for (unsigned i = 0; i < *n; i++)
        if (strcmp(w->at[2 + i], timing) == 0)
            return script_wrong(
                s, "'%s' stands at the end, with a time in one word: 500ms, 30s, 5min, 2h, 1d", timing);
        else if (strchr(w->at[2 + i], '=') == NULL)
            return script_wrong(s, "'%.40s' is no condition: name=value", w->at[2 + i]);
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
    while (!script_find(s, w->at[1], w->at + 2, n, &where)) {
        if (loop_now(s->world.loop) >= until) {
            char text[256] = "";
            for (unsigned i = 1; i < 2 + n; i++)
                snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i > 1 ? " " : "", w->at[i]);
            return script_wrong(s, "'%s' did not come within %llu ms", text, (unsigned long long)ms);
        }
        if (!script_step(s, until))
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
        if (script_find(s, w->at[1], w->at + 2, n, &where))
            return script_wrong(s, "'%s' came: {%.300s}", w->at[1], s->events[where].json);
        if (loop_now(s->world.loop) >= until)
            return true;
        if (!script_step(s, until))
            return false;
    }
}

static const char *const properties[] = {"imsi", "iccid",        "spn",   "operator",
                                         "sim",  "registration", "apdus", NULL};

static bool check_check(struct script *s, const struct words *w)
{
    return script_one_of(s, w->at[1], properties);
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
    return script_like(value, w->at[2]) ||
           script_wrong(s, "%s is '%.60s', not '%.60s'", w->at[1], value, w->at[2]);
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
            return script_wrong(
                s, "'%.40s' is none of full, machine, old, none, nor a TERMINAL PROFILE in hex", w->at[1]);
        profile = buf_span(&b);
    }
    modem_stk_profile(s->world.modem, profile);
    return true;
}

const struct statement script_deeds[] = {
    {"power", 1, 1, check_power, run_power},
    {"cut", 2, 3, check_cut, run_cut},
    {"pin", 1, 2, NULL, run_pin},
    {"profile", 1, 1, NULL, run_profile},
    {"network", 2, 10, check_network, run_network},
    {"air", 2, 2, check_air, run_air},
    {"operator", 1, 1, check_operator, run_operator},
    {"wait", 1, 1, check_wait, run_wait},
    {"expect", 1, WORDS_MAX, check_expect, run_expect},
    {"refute", 1, WORDS_MAX, check_refute, run_refute},
    {"check", 2, 2, check_check, run_check},
    {"print", 1, 1, NULL, run_print},
    {.name = NULL},
};
