/* SPDX-License-Identifier: Apache-2.0 */
#include "at.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "at_inner.h"
#include "crypto.h"
#include "loop.h"

enum {
    CTRL_Z = 0x1A,
    ESC = 0x1B,
    RESERVE = 256, /* of the output: a final result code always finds room */
};

/* ---- settings ---- */

/* What ATZ, AT&F and a new connection give (V.250 6.1.1, 6.1.2; the specifications' recommended values). */
static const uint8_t defaults[AT_SETTINGS] = {
    [SET_ECHO] = 1,       [SET_VERBOSE] = 1, [SET_X] = 4,        [SET_AMP_C] = 1,     [SET_AMP_D] = 2,
    [SET_S3] = '\r',      [SET_S4] = '\n',   [SET_S5] = '\b',    [SET_S6] = 2,        [SET_S7] = 60,
    [SET_S8] = 2,         [SET_S10] = 2,     [SET_CSMP_FO] = 17, [SET_CSMP_VP] = 167, [SET_ICF_FORMAT] = 3,
    [SET_ICF_PARITY] = 3, [SET_IFC_TE] = 2,  [SET_IFC_TA] = 2,
};

static void start_over(struct at *at)
{
    at->charset = CHARSET_IRA;
    at->mem_read = at->mem_write = MODEM_SM;
    at->phonebook = 0;
}

void at_defaults(struct at *at)
{
    for (size_t i = 0; i < AT_SETTINGS; i++)
        at->set[i] = defaults[i];
    start_over(at);
}

void at_restore(struct at *at)
{
    memcpy(at->set, at->shared->stored, sizeof at->set);
    start_over(at);
}

/* ---- output ---- */

static bool room_for(const struct at *at, size_t n, size_t reserve)
{
    return at->out_n + n + reserve <= AT_OUTPUT_MAX;
}

static void put(struct at *at, const void *p, size_t n, size_t reserve)
{
    if (!room_for(at, n, reserve)) {
        at->overflow = true;
        return;
    }
    if (n > 0)
        memcpy(at->out + at->out_n, p, n);
    at->out_n += n;
}

static void put_end(struct at *at, size_t reserve)
{
    const uint8_t end[2] = {(uint8_t)at->set[SET_S3], (uint8_t)at->set[SET_S4]};
    put(at, end, sizeof end, reserve);
}

/* V.250 5.7.1, table 1: an information response has a header when verbose, and a trailer always. Each line
 * gets both: clients look for lines between <CR><LF>s. */
static void put_line(struct at *at, struct span text)
{
    if (!room_for(at, text.n + 4, RESERVE)) { /* all of it or nothing */
        at->overflow = true;
        return;
    }
    if (at->set[SET_VERBOSE] != 0)
        put_end(at, RESERVE);
    put(at, text.p, text.n, RESERVE);
    put_end(at, RESERVE);
}

static void wake(struct at *at)
{
    if (at->ready != NULL)
        at->ready(at->ready_ctx);
}

bool at_listens(const struct at *at)
{
    return at != NULL && at->there && at->set[SET_QUIET] == 0;
}

/* An unsolicited result code waits while a command is being executed or a text typed (V.250 5.8 lets no other
 * output in between). With ATQ1 there are none (6.2.5). */
static void tell_line(struct at *at, struct span text)
{
    if (!at_listens(at))
        return;
    if (!at->running && at->edit != EDIT_TEXT) {
        put_line(at, text);
        at->overflow = false; /* unsolicited result codes may be lost */
        wake(at);
        return;
    }
    if (text.n + 2 > sizeof at->held - at->held_n || text.n > 0xFFFF)
        return;
    at->held[at->held_n++] = (uint8_t)(text.n >> 8);
    at->held[at->held_n++] = (uint8_t)text.n;
    memcpy(at->held + at->held_n, text.p, text.n);
    at->held_n += text.n;
}

static void tell_held(struct at *at)
{
    struct reader r = rd_of(span_of(at->held, at->held_n));
    while (r.left > 0 && at_listens(at))
        put_line(at, rd_take(&r, rd_u16(&r)));
    at->overflow = false;
    at->held_n = 0;
}

typedef void line_fn(struct at *at, struct span text);

static void put_commercial_at(const struct at *at, uint8_t *text, size_t n)
{
    for (size_t i = 0; at->charset == CHARSET_GSM && i < n; i++)
        if (text[i] == AT_GSM_COMMERCIAL_AT)
            text[i] = 0x00;
}

static void format_line(struct at *at, line_fn *line, const char *format, va_list args)
{
    char text[AT_TEXT_MAX];
    int n = vsnprintf(text, sizeof text, format, args);
    const size_t length = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    put_commercial_at(at, (uint8_t *)text, length);
    if (length > 0)
        line(at, span_of(text, length));
}

void at_say(struct at *at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    format_line(at, put_line, format, args);
    va_end(args);
}

void at_tell(struct at *at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    format_line(at, tell_line, format, args);
    va_end(args);
}

/* before, the octets (in hexadecimal or as they are), after */
static void compose(struct at *at, line_fn *line, const char *before, struct span octets, bool hex,
                    const char *after)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t nb = strlen(before), na = strlen(after), n = nb + (hex ? 2 : 1) * octets.n + na;
    uint8_t *text = malloc(n + 1);
    if (text == NULL) {
        at->overflow = true;
        return;
    }
    struct buf b = buf_of(text, n);
    buf_put(&b, span_of(before, nb));
    if (hex)
        for (size_t i = 0; i < octets.n; i++) {
            buf_u8(&b, (uint8_t)digits[octets.p[i] >> 4]);
            buf_u8(&b, (uint8_t)digits[octets.p[i] & 0xF]);
        }
    else
        buf_put(&b, octets);
    buf_put(&b, span_of(after, na));
    put_commercial_at(at, text, nb);
    line(at, buf_span(&b));
    crypto_wipe(text, n); /* +CGLA may have brought CK and IK */
    free(text);
}

void at_say_hex(struct at *at, const char *before, struct span octets, const char *after)
{
    compose(at, put_line, before, octets, true, after);
}

void at_say_span(struct at *at, const char *before, struct span octets, const char *after)
{
    compose(at, put_line, before, octets, false, after);
}

void at_tell_hex(struct at *at, const char *before, struct span octets, const char *after)
{
    compose(at, tell_line, before, octets, true, after);
}

void at_tell_span(struct at *at, const char *before, struct span octets, const char *after)
{
    compose(at, tell_line, before, octets, false, after);
}

/* V.250 5.7.1: a result code between headers and trailers when verbose, else its number and a <CR>. */
static void put_code(struct at *at, const char *word, int number)
{
    char text[160];
    bool verbose = at->set[SET_VERBOSE] != 0;
    if (at->set[SET_QUIET] != 0)
        return;
    int n = verbose || number < 0 ? snprintf(text, sizeof text, "%s", word)
                                  : snprintf(text, sizeof text, "%d", number);
    if (verbose)
        put_end(at, 0);
    put(at, text, n > 0 ? (size_t)n : 0, 0);
    if (verbose || number < 0)
        put_end(at, 0);
    else
        put(at, (const uint8_t[]){(uint8_t)at->set[SET_S3]}, 1, 0);
}

static void put_error(struct at *at, const char *which, unsigned err, const char *text)
{
    char line[160];
    if (at->set[SET_CMEE] == 2)
        snprintf(line, sizeof line, "+%s ERROR: %s", which, text);
    else
        snprintf(line, sizeof line, "+%s ERROR: %u", which, err);
    put_code(at, line, -1);
}

static void put_result(struct at *at, at_result result)
{
    if (at->overflow)
        result = AT_ERROR;
    at->overflow = false;
    if (result >= AT_CMS)
        put_error(at, "CMS", (unsigned)(result - AT_CMS), at_cms_text((unsigned)(result - AT_CMS)));
    else if (result >= AT_CME && at->set[SET_CMEE] != 0)
        put_error(at, "CME", (unsigned)(result - AT_CME), at_cme_text((unsigned)(result - AT_CME)));
    else if (result == AT_OK)
        put_code(at, "OK", 0);
    else if (result == AT_NO_CARRIER)
        put_code(at, "NO CARRIER", 3);
    else
        put_code(at, "ERROR", 4);
}

struct span at_output(const struct at *at)
{
    return span_of(at->out, at->out_n);
}

void at_sent(struct at *at, size_t n)
{
    if (n > at->out_n)
        n = at->out_n;
    memmove(at->out, at->out + n, at->out_n - n);
    crypto_wipe(at->out + at->out_n - n, n);
    at->out_n -= n;
}

void at_on_output(struct at *at, void (*ready)(void *ctx), void *ctx)
{
    at->ready = ready;
    at->ready_ctx = ctx;
}

/* ---- one command ---- */

bool at_is(struct span text, const char *word)
{
    if (text.n != strlen(word))
        return false;
    for (size_t i = 0; i < text.n; i++)
        if (toupper(text.p[i]) != toupper((unsigned char)word[i]))
            return false;
    return true;
}

const char *at_string(const struct at_call *c, unsigned i)
{
    struct span text = at_text(c, i);
    return text.p != NULL ? (const char *)text.p : "";
}

at_result at_plain(struct at_call *c)
{
    (void)c;
    return AT_OK;
}

static const struct at_table *const tables[] = {
    &at_table_general,    &at_table_card,      &at_table_network, &at_table_packet, &at_table_sms,
    &at_table_sms_memory, &at_table_phonebook, &at_table_toolkit, &at_table_calls,
};

static bool is_absent(const struct at_personality *p, const char *name)
{
    for (size_t i = 0; p->absent != NULL && p->absent[i] != NULL; i++)
        if (strcmp(p->absent[i], name) == 0)
            return true;
    return false;
}

/* The nth row of all tables that this personality has; NULL: no more. */
const struct at_command *at_command_nth(const struct at *at, size_t n)
{
    const struct at_personality *p = at->shared->personality;
    if (n < p->commands.n)
        return &p->commands.rows[n];
    n -= p->commands.n;
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
        if (n < tables[t]->n)
            return &tables[t]->rows[n];
        n -= tables[t]->n;
    }
    return NULL;
}

bool at_command_has(const struct at *at, const struct at_command *row)
{
    return !is_absent(at->shared->personality, row->name);
}

const struct at_command *at_command_find(const struct at *at, struct span name)
{
    const struct at_command *row;
    for (size_t i = 0; (row = at_command_nth(at, i)) != NULL; i++)
        if (at_is(name, row->name))
            return at_command_has(at, row) ? row : NULL;
    return NULL;
}

at_result at_sim_error(enum modem_sim state, enum at_family family)
{
    static const struct {
        uint16_t cme, cms;
    } errors[] = {
        [MODEM_SIM_ABSENT] = {CME_NO_SIM, CMS_NO_SIM},
        [MODEM_SIM_OFF] = {CME_NOT_ALLOWED, CMS_NOT_ALLOWED},
        [MODEM_SIM_PIN] = {CME_SIM_PIN, CMS_SIM_PIN},
        [MODEM_SIM_PUK] = {CME_SIM_PUK, CMS_SIM_PUK},
        [MODEM_SIM_BLOCKED] = {CME_SIM_FAILURE, CMS_SIM_FAILURE},
        [MODEM_SIM_FAILURE] = {CME_SIM_FAILURE, CMS_SIM_FAILURE},
    };
    if (state == MODEM_SIM_READY)
        return AT_OK;
    if (family == FAMILY_V250)
        return AT_ERROR;
    return family == FAMILY_CMS ? AT_CMS + errors[state].cms : AT_CME + errors[state].cme;
}

/* What stands in the way of this command now. */
static at_result check_needs(const struct at *at, const struct at_command *row)
{
    enum modem_sim sim = modem_sim_state(at->shared->modem);
    if (row->needs == NEEDS_NOTHING)
        return AT_OK;
    if (modem_function_get(at->shared->modem) == MODEM_OFF)
        return at_sim_error(MODEM_SIM_OFF, row->family);
    if (row->needs == NEEDS_POWER ||
        (row->needs == NEEDS_CARD && sim != MODEM_SIM_ABSENT && sim != MODEM_SIM_OFF))
        return AT_OK;
    return at_sim_error(sim, row->family);
}

static at_result parameter_error(const struct at *at, const struct at_command *row)
{
    if (row->family == FAMILY_V250)
        return AT_ERROR;
    if (row->family == FAMILY_CME)
        return AT_CME + CME_PARAMETERS;
    return AT_CMS + (at->set[SET_CMGF] != 0 ? CMS_TEXT_PARAMETER : CMS_PDU_PARAMETER);
}

/* A row without a handler is about settings. */
static at_result settings(struct at_call *c)
{
    uint32_t *set = c->at->set + c->row->setting;
    if (c->form == AT_READ) {
        char text[128];
        size_t n = 0;
        for (unsigned i = 0; i < c->row->n_settings && n < sizeof text; i++) {
            int more = snprintf(text + n, sizeof text - n, i == 0 ? "%u" : ",%u", set[i]);
            n += more > 0 ? (size_t)more : 0;
        }
        at_say(c->at, "%s: %s", c->row->name, text);
        return AT_OK;
    }
    for (unsigned i = 0; i < c->row->n_settings; i++) {
        /* AT+X alone: the default; a value left out of AT+X=: the one before, but the first is then 0 */
        if (c->form == AT_EXECUTE)
            set[i] = defaults[c->row->setting + i];
        else
            set[i] = at_number(c, i, set[i]);
    }
    return AT_OK;
}

static at_result test(struct at_call *c)
{
    char text[512];
    at_args_describe(c->row->grammar, text, sizeof text);
    if (text[0] != '\0')
        at_say(c->at, "%s: %s", c->row->name, text);
    return AT_OK;
}

static at_result run_row(struct at *at, const struct at_command *row, enum at_form form,
                         struct span arguments)
{
    struct at_call c = {.at = at, .modem = at->shared->modem, .row = row, .form = form};
    if ((row->forms & form) == 0)
        return row->family == FAMILY_V250  ? AT_ERROR
               : row->family == FAMILY_CMS ? AT_CMS + CMS_NOT_SUPPORTED
                                           : AT_CME + CME_NOT_SUPPORTED;
    if (form == AT_TEST && (row->forms & AT_OWN_TEST) == 0)
        return test(&c);
    at_result needs = form == AT_TEST ? AT_OK : check_needs(at, row);
    if (needs != AT_OK)
        return needs;
    if (form == AT_SET && !at_args_parse(row->grammar, arguments, at->scratch, &c))
        return parameter_error(at, row);
    return row->run != NULL ? row->run(&c) : settings(&c);
}

/* TS 27.007 8.3: +CPIN? says that PIN2 is wanted when the last command was refused for want of it. It may be
 * given later than that, too: clients ask for the signal and the like in between. */
static at_result run(struct at *at, const struct at_command *row, enum at_form form, struct span arguments)
{
    const at_result result = run_row(at, row, form, arguments);
    const bool refused = result == AT_CME + CME_SIM_PIN2 || result == AT_CME + CME_SIM_PUK2;
    at->pin2_refused |= refused;
    at->pin2_wanted |= refused;
    return result;
}

/* V.250 5.4.1: what a name consists of, behind its prefix. */
static bool in_name(uint8_t c)
{
    return isalnum(c) || (c != '\0' && strchr("!%-./:_", c) != NULL);
}

static bool is_prefix(uint8_t c)
{
    return c != '\0' && strchr("+*%^#$_!", c) != NULL;
}

/* Where the command that starts here ends: at a semicolon outside of strings, or with the line. */
static size_t command_end(struct span line)
{
    bool quoted = false;
    size_t i = 0;
    for (; i < line.n && (quoted || line.p[i] != ';'); i++)
        if (line.p[i] == '"')
            quoted = !quoted;
    return i;
}

static struct span trimmed(struct span s)
{
    while (s.n > 0 && s.p[0] == ' ')
        s = span_slice(s, 1, s.n);
    while (s.n > 0 && s.p[s.n - 1] == ' ')
        s.n--;
    return s;
}

/* An extended syntax command, V.250 5.4. */
static at_result extended(struct at *at, struct span line, size_t *used)
{
    size_t end = command_end(line), n = 1;
    *used = end;
    while (n < end && in_name(line.p[n]))
        n++;
    const struct at_command *row = at_command_find(at, span_slice(line, 0, n));
    struct span rest = trimmed(span_slice(line, n, end - n));
    if (row == NULL || strcmp(row->name, "+CPIN") != 0)
        at->pin2_refused = false;
    if (row == NULL)
        return AT_ERROR;
    if (rest.n == 0)
        return run(at, row, AT_EXECUTE, SPAN_EMPTY);
    if (rest.n == 1 && rest.p[0] == '?')
        return run(at, row, AT_READ, SPAN_EMPTY);
    if (rest.p[0] != '=')
        return AT_ERROR;
    rest = trimmed(span_slice(rest, 1, rest.n));
    if (rest.n == 1 && rest.p[0] == '?')
        return run(at, row, AT_TEST, SPAN_EMPTY);
    return run(at, row, AT_SET, rest);
}

static at_result one_command(struct at *at, struct span rest, size_t *used)
{
    if (is_prefix(rest.p[0]))
        return extended(at, rest, used);
    at->pin2_refused = false;
    return at_basic(at, rest, used);
}

/* A command line without its AT: commands one after another, until one fails (V.250 5.5). */
static void execute(struct at *at, struct span line)
{
    at_result result = AT_OK;
    at->prompt.text = NULL;
    at->running = true;
    at->pin2_refused &= line.n > 0; /* AT alone is a command, too */
    for (size_t from = 0, used; from < line.n && result == AT_OK && !at->overflow; from += used) {
        struct span rest = span_slice(line, from, line.n);
        if (rest.p[0] == ' ' || rest.p[0] == ';')
            used = 1;
        else
            result = one_command(at, rest, &used);
        crypto_wipe(at->scratch, sizeof at->scratch);
    }
    if (result == AT_PROMPT && at->prompt.text != NULL) {
        put(at, "\r\n> ", 4, 0);
        at->n = 0;
        at->overlong = false;
        at->edit = EDIT_TEXT;
    } else {
        put_result(at, result == AT_PROMPT ? AT_ERROR : result);
    }
    at->running = false;
    if (at->edit != EDIT_TEXT)
        tell_held(at);
}

/* ---- the line editor, V.250 5.2 ---- */

static void echo(struct at *at, const void *p, size_t n)
{
    if (at->set[SET_ECHO] != 0)
        put(at, p, n, RESERVE);
}

/* Correction of what was typed, V.250 5.2.2. true: the octet was one. DEL corrects besides S5, as terminals
 * send it; but not where it is a letter, which is a with a grave accent (TS 23.038 6.2.1). */
static bool corrected(struct at *at, uint8_t c)
{
    if (c != at->set[SET_S5] && (c != 0x7F || at->charset == CHARSET_GSM))
        return false;
    if (at->n > 0) {
        at->n--;
        echo(at, "\b \b", 3);
    }
    return true;
}

static void append(struct at *at, uint8_t c, size_t limit)
{
    if (at->n < limit)
        at->line[at->n++] = c;
    else
        at->overlong = true;
}

static void in_idle(struct at *at, uint8_t c)
{
    echo(at, &c, 1);
    if (c == 'A' || c == 'a')
        at->edit = EDIT_A;
}

static void after_a(struct at *at, uint8_t c)
{
    echo(at, &c, 1);
    if (c == '/') { /* A/: the last line again, without S3 */
        at->edit = EDIT_IDLE;
        at->after_cr = false;
        execute(at, span_of(at->last, at->last_n));
    } else if (c == 'T' || c == 't') {
        at->n = 0;
        at->overlong = false;
        at->edit = EDIT_COMMAND;
    } else if (c != 'A' && c != 'a') {
        at->edit = EDIT_IDLE;
    }
}

static void in_command(struct at *at, uint8_t c)
{
    if (c == at->set[SET_S3]) {
        echo(at, &c, 1);
        at->edit = EDIT_IDLE;
        at->after_cr = c == '\r'; /* a line end of <CR><LF>: the <LF> is none of a text that is asked for */
        at->last_n = at->overlong ? 0 : at->n;
        memcpy(at->last, at->line, at->last_n);
        if (at->overlong)
            put_result(at, AT_ERROR);
        else
            execute(at, span_of(at->last, at->last_n));
    } else if (!corrected(at, c)) {
        if (c >= 0x20) { /* other control characters are not for us: V.250 5.2.2 */
            echo(at, &c, 1);
            append(at, c, sizeof at->line);
        }
    }
}

static void text_done(struct at *at, bool cancelled)
{
    struct at_prompt *p = &at->prompt;
    at_result result = AT_OK; /* TS 27.005 3.5.1: cancelled by <ESC> */
    at->edit = EDIT_IDLE;
    at->running = true;
    if (!cancelled && at->overlong)
        result = AT_CMS + (at->set[SET_CMGF] != 0 ? CMS_TEXT_PARAMETER : CMS_PDU_PARAMETER);
    else if (!cancelled)
        result = p->text(at, span_of(at->line, at->n));
    *p = (struct at_prompt){0};
    put_result(at, result);
    at->running = false;
    tell_held(at);
}

/* The text after the prompt, TS 27.005 3.5.1: <CR> asks for more in text mode. */
static void in_text(struct at *at, uint8_t c)
{
    if (c == CTRL_Z || c == ESC) {
        echo(at, &c, 1); /* ofono goes by it */
        text_done(at, c == ESC);
    } else if (c == '\r' && at->set[SET_CMGF] != 0) {
        put(at, "\r\n> ", 4, RESERVE);
        append(at, '\n', at->prompt.limit);
        at->after_cr = true;
        return;
    } else if (!(c == '\n' && at->after_cr) && !corrected(at, c)) {
        echo(at, &c, 1);
        append(at, c, at->prompt.limit < sizeof at->line ? at->prompt.limit : sizeof at->line);
    }
    at->after_cr = false;
}

size_t at_input(struct at *at, struct span octets)
{
    size_t i = 0;
    at->there = at->there || octets.n > 0;
    for (; i < octets.n && at->out_n < AT_OUTPUT_MAX / 2; i++) {
        uint8_t c = octets.p[i];
        switch (at->edit) {
        case EDIT_IDLE:
            in_idle(at, c);
            break;
        case EDIT_A:
            after_a(at, c);
            break;
        case EDIT_COMMAND:
            in_command(at, c);
            break;
        case EDIT_TEXT:
            in_text(at, c);
            break;
        }
    }
    at->overflow = false; /* an echo that found no room */
    return i;
}

/* ---- peers ---- */

struct at *at_open(struct at_modem *a)
{
    for (size_t i = 0; i < AT_PEERS_MAX; i++) {
        if (a->peers[i] != NULL)
            continue;
        struct at *at = calloc(1, sizeof *at);
        if (at == NULL)
            return NULL;
        at->out = malloc(AT_OUTPUT_MAX);
        if (at->out == NULL) {
            free(at);
            return NULL;
        }
        at->shared = a;
        at_restore(at);
        a->peers[i] = at;
        return at;
    }
    return NULL;
}

void at_pick_up(struct at *at)
{
    at->there = true;
}

void at_hang_up(struct at *at)
{
    at->there = false;
    at_sms_given_up(at);
    at_restore(at);
    at->edit = EDIT_IDLE;
    at->prompt = (struct at_prompt){0};
    at->n = at->last_n = at->out_n = at->held_n = 0;
    at->menu_shown = at->pin2_wanted = at->pin2_refused = false;
    crypto_wipe(at->line, sizeof at->line);
    crypto_wipe(at->last, sizeof at->last);
    crypto_wipe(at->out, AT_OUTPUT_MAX);
    crypto_wipe(at->held, sizeof at->held);
}

void at_close(struct at *at)
{
    if (at == NULL)
        return;
    at_hang_up(at);
    for (size_t i = 0; i < AT_PEERS_MAX; i++)
        if (at->shared->peers[i] == at)
            at->shared->peers[i] = NULL;
    crypto_wipe(at->out, AT_OUTPUT_MAX);
    free(at->out);
    crypto_wipe(at, sizeof *at);
    free(at);
}

struct at_modem *at_modem_new(struct modem *m, const struct at_personality *personality)
{
    struct at_modem *a = calloc(1, sizeof *a);
    if (a == NULL)
        return NULL;
    a->modem = m;
    a->clock = (int64_t)time(NULL) - (int64_t)(loop_now(modem_loop(m)) / 1000);
    a->personality = personality != NULL ? personality : at_personality_find(NULL);
    const struct modem_user user = {
        .sim = at_on_sim,
        .registration = at_on_registration,
        .sms_stored = at_on_sms_stored,
        .sms_direct = at_on_sms_direct,
        .sms_given_up = at_on_sms_given_up,
        .sms_report_kept = at_on_sms_report_kept,
        .stk = at_on_stk,
        .stk_done = at_on_stk_done,
        .stk_end = at_on_stk_end,
        .refresh = at_on_refresh,
        .ussd = at_on_ussd,
        .ctx = a,
    };
    for (size_t i = 0; i < AT_SETTINGS; i++)
        a->stored[i] = defaults[i];
    struct buf own = buf_of(a->profile, sizeof a->profile);
    buf_put(&own, modem_stk_profile_get(m));
    a->profile_n = own.len;
    if (a->profile_n >= 8) { /* RUN AT COMMAND can be had: TS 102 223 5.2, octet 8, bit 6 */
        a->profile[7] |= 0x20;
        modem_stk_profile(m, span_of(a->profile, a->profile_n));
    }
    if (!modem_listen(m, &user)) {
        free(a);
        return NULL;
    }
    return a;
}

void at_modem_free(struct at_modem *a)
{
    free(a);
}
