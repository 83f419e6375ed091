/* SPDX-License-Identifier: Apache-2.0
 *
 * Basic syntax commands, S-parameters and dialling (V.250 5.3, 6).
 */
#include <ctype.h>
#include <stdio.h>

#include "at_inner.h"

/* A letter (with & before it, maybe) and a number, which is 0 when left out. */
struct basic {
    const char *name;
    const char *clause;
    uint8_t max;
    uint8_t setting;                                 /* AT_SETTINGS: none is kept */
    at_result (*run)(struct at *at, uint32_t value); /* NULL: the setting is all */
};

static at_result factory(struct at *at, uint32_t value)
{
    (void)value;
    at_defaults(at);
    return AT_OK;
}

static at_result reset(struct at *at, uint32_t value)
{
    (void)value;
    at_restore(at);
    return AT_OK;
}

/* What ATZ gives from now on, to every peer: as long as the modem runs. */
static at_result store(struct at *at, uint32_t value)
{
    (void)value;
    memcpy(at->shared->stored, at->set, sizeof at->shared->stored);
    return AT_OK;
}

/* ATI: 0 names the modem as one does to a person, the others in parts */
static at_result identify(struct at *at, uint32_t value)
{
    const struct at_personality *p = at->shared->personality;
    if (value == 0) {
        at_say(at, "%s", p->manufacturer);
        at_say(at, "%s", p->model);
        at_say(at, "Revision: %s", p->revision);
        at_say(at, "IMEI: %s", modem_imei(at->shared->modem));
        at_say(at, "+GCAP: %s", p->capabilities);
    } else if (value == 1) {
        at_say(at, "%s", p->revision);
    } else {
        at_say(at, "%s", p->model);
    }
    return AT_OK;
}

/* There is no call that could be answered or taken up again. */
static at_result no_call(struct at *at, uint32_t value)
{
    (void)value;
    at->shared->call_end = "No call";
    return AT_NO_CARRIER;
}

/* S-parameters, V.250 5.3.2 */
static const struct {
    uint8_t number, setting, min, max;
} registers[] = {
    {0, SET_S0, 0, 255}, {3, SET_S3, 0, 127}, {4, SET_S4, 0, 127}, {5, SET_S5, 0, 127},
    {6, SET_S6, 2, 10},  {7, SET_S7, 1, 255}, {8, SET_S8, 0, 255}, {10, SET_S10, 1, 254},
};

static at_result show(struct at *at, uint32_t value)
{
    char line[160];
    size_t n = 0;
    (void)value;
    at_say(at, "E%u V%u Q%u X%u &C%u &D%u", (unsigned)at->set[SET_ECHO], (unsigned)at->set[SET_VERBOSE],
           (unsigned)at->set[SET_QUIET], (unsigned)at->set[SET_X], (unsigned)at->set[SET_AMP_C],
           (unsigned)at->set[SET_AMP_D]);
    for (size_t i = 0; i < sizeof registers / sizeof registers[0]; i++)
        n += (size_t)snprintf(line + n, sizeof line - n, "%sS%u:%03u", i == 0 ? "" : " ", registers[i].number,
                              (unsigned)at->set[registers[i].setting]);
    at_say(at, "%s", line);
    return AT_OK;
}

static const struct basic rows[] = {
    {"&C", "V.250 6.2.8", 1, SET_AMP_C, NULL},
    {"&D", "V.250 6.2.9", 2, SET_AMP_D, NULL},
    {"&F", "V.250 6.1.2", 0, AT_SETTINGS, factory},
    {"&K", "flow control: there is no line to control", 6, AT_SETTINGS, NULL},
    {"&S", "DSR", 1, AT_SETTINGS, NULL},
    {"&V", "settings, shown", 0, AT_SETTINGS, show},
    {"&W", "settings, stored", 1, AT_SETTINGS, store},
    {"A", "V.250 6.3.5", 0, AT_SETTINGS, no_call},
    {"E", "V.250 6.2.4", 1, SET_ECHO, NULL},
    {"H", "V.250 6.3.6", 1, AT_SETTINGS, NULL},
    {"I", "V.250 6.1.3", 9, AT_SETTINGS, identify},
    {"L", "V.250 6.3.13", 3, AT_SETTINGS, NULL},
    {"M", "V.250 6.3.14", 3, AT_SETTINGS, NULL},
    {"O", "V.250 6.3.7", 1, AT_SETTINGS, no_call},
    {"P", "V.250 6.3.3", 0, AT_SETTINGS, NULL},
    {"Q", "V.250 6.2.5", 1, SET_QUIET, NULL},
    {"T", "V.250 6.3.2", 0, AT_SETTINGS, NULL},
    {"V", "V.250 6.2.6", 1, SET_VERBOSE, NULL},
    {"X", "V.250 6.2.7", 4, SET_X, NULL},
    {"Z", "V.250 6.1.1", 1, AT_SETTINGS, reset},
};

/* Digits at the front; *given says whether there were any. Large numbers stay large. */
static uint32_t take_number(struct reader *r, bool *given)
{
    uint32_t value = 0;
    *given = false;
    while (r->left > 0 && isdigit(r->p[0])) {
        uint8_t digit = (uint8_t)(rd_u8(r) - '0');
        value = value > 100000 ? value : 10 * value + digit;
        *given = true;
    }
    return value;
}

static at_result s_register(struct at *at, struct reader *r)
{
    bool given;
    uint32_t number = take_number(r, &given);
    for (size_t i = 0; given && i < sizeof registers / sizeof registers[0]; i++) {
        if (registers[i].number != number)
            continue;
        if (r->left > 0 && r->p[0] == '?') {
            (void)rd_u8(r);
            at_say(at, "%03u", (unsigned)at->set[registers[i].setting]);
            return AT_OK;
        }
        if (r->left == 0 || rd_u8(r) != '=')
            return AT_ERROR;
        uint32_t value = take_number(r, &given);
        if (value < registers[i].min || value > registers[i].max)
            return AT_ERROR;
        at->set[registers[i].setting] = value;
        return AT_OK;
    }
    return AT_ERROR;
}

enum { DIALLED_MAX = 24 };

/* What is left of a dial string without its modifiers (V.250 6.3.1): digits, *, # and a + in front. false:
 * too many. */
static bool dialled(struct reader *r, char number[DIALLED_MAX])
{
    size_t n = 0;
    bool fits = true;
    while (r->left > 0 && r->p[0] != ';') {
        char c = (char)rd_u8(r);
        if (!isdigit((unsigned char)c) && c != '*' && c != '#' && (c != '+' || n > 0))
            continue;
        fits = fits && n + 1 < DIALLED_MAX;
        if (fits)
            number[n++] = c;
    }
    number[n] = '\0';
    return fits;
}

/* D, V.250 6.3.1 and TS 27.007 6.2: the rest of the line, or up to a semicolon, which says that it is a voice
 * call. The card is asked first, if it wants to be. But this modem has no bearer: whatever is dialled, nobody
 * answers. */
static at_result dial(struct at *at, struct reader *r)
{
    char number[DIALLED_MAX];
    struct modem *m = at->shared->modem;
    if (!dialled(r, number))
        return AT_CME + CME_DIAL_TOO_LONG;
    bool voice = r->left > 0;
    at->shared->call_end = "No bearer: this modem carries neither calls nor data";
    if (modem_function_get(m) != MODEM_FULL)
        at->shared->call_end = "Radio off";
    else if (voice && number[0] != '\0' && modem_sim_state(m) == MODEM_SIM_READY &&
             !modem_control_allows(modem_call_control(m, number)))
        at->shared->call_end = "Barred by the card";
    return AT_NO_CARRIER;
}

static at_result perform(struct at *at, const struct basic *row, struct reader *r)
{
    bool given;
    uint32_t value = take_number(r, &given);
    if (value > row->max)
        return AT_ERROR;
    if (row->setting != AT_SETTINGS)
        at->set[row->setting] = value;
    return row->run != NULL ? row->run(at, value) : AT_OK;
}

at_result at_basic(struct at *at, struct span line, size_t *used)
{
    struct reader r = rd_of(line);
    at_result result = AT_ERROR;
    char name[3] = {0};
    name[0] = (char)toupper(rd_u8(&r));
    if (name[0] == '&')
        name[1] = (char)toupper(rd_u8(&r));
    if (name[0] == 'D') {
        result = dial(at, &r);
    } else if (name[0] == 'S') {
        result = s_register(at, &r);
    } else {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
            if (strcmp(rows[i].name, name) == 0)
                result = perform(at, &rows[i], &r);
    }
    *used = line.n - r.left;
    return result;
}
