/* SPDX-License-Identifier: Apache-2.0 */
#include "smsc_cards.h"

#include <errno.h>
#include <stdlib.h>

#include "hex.h"
#include "inspect.h"
#include "lines.h"
#include "pcsc.h"
#include "plugins.h"
#include "smsc_modem.h"
#include "smsc_text.h"
#include "terminal.h"
#include "trace.h"

/* ---- numbers ---- */

enum key_kind { KEY_ROUTE = 'r', KEY_ICCID = 'c', KEY_IMSI = 'i' };

struct slot {
    char key[DECK_ICCID_MAX + 2]; /* kind and digits; "" when free */
    uint32_t card;                /* in known; NO_CARD: it was one, once */
};

#define NO_CARD UINT32_MAX

/* Open addressing; what goes in is the operator's, so nobody chooses collisions. */
struct map {
    struct slot *slots;
    size_t size, used; /* size is a power of two */
};

static size_t place(const struct map *m, const char *key)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    for (const char *at = key; *at != '\0'; at++)
        hash = (hash ^ (uint8_t)*at) * UINT64_C(1099511628211);
    size_t i = (size_t)hash & (m->size - 1);
    while (m->slots[i].key[0] != '\0' && strcmp(m->slots[i].key, key) != 0)
        i = (i + 1) & (m->size - 1);
    return i;
}

static bool map_grow(struct map *m)
{
    struct map bigger = {.size = m->size == 0 ? 1024 : 2 * m->size, .used = m->used};
    bigger.slots = calloc(bigger.size, sizeof *bigger.slots);
    if (bigger.slots == NULL)
        return false;
    for (size_t i = 0; i < m->size; i++)
        if (m->slots[i].key[0] != '\0')
            bigger.slots[place(&bigger, m->slots[i].key)] = m->slots[i];
    free(m->slots);
    *m = bigger;
    return true;
}

static void key_of(enum key_kind kind, const char *digits, char key[DECK_ICCID_MAX + 2])
{
    snprintf(key, DECK_ICCID_MAX + 2, "%c%s", (int)kind, digits);
}

static bool map_put(struct map *m, enum key_kind kind, const char *digits, uint32_t card)
{
    char key[DECK_ICCID_MAX + 2];
    if (4 * (m->used + 1) > 3 * m->size && !map_grow(m))
        return false;
    key_of(kind, digits, key);
    struct slot *s = &m->slots[place(m, key)];
    m->used += s->key[0] == '\0';
    memcpy(s->key, key, sizeof s->key);
    s->card = card;
    return true;
}

static uint32_t map_get(const struct map *m, enum key_kind kind, const char *digits)
{
    char key[DECK_ICCID_MAX + 2];
    if (m->size == 0 || strlen(digits) > DECK_ICCID_MAX)
        return NO_CARD;
    key_of(kind, digits, key);
    const struct slot *s = &m->slots[place(m, key)];
    return s->key[0] != '\0' ? s->card : NO_CARD;
}

/* ---- cards ---- */

struct seat {
    struct trace_text trace; /* first: it is found by the environment's ctx */
    char iccid[DECK_ICCID_MAX + 1];
    struct uicc_env env;
    struct uicc_store *store;
    struct uicc *card;
    uint8_t *response; /* UICC_RESPONSE_MAX, all seats' */
    uint32_t known;
    uint64_t last_used;
};

struct known {
    char iccid[DECK_ICCID_MAX + 1];
    char imsi[16];
    struct seat *seat; /* powered */
};

struct smsc_cards {
    struct smsc_cards_options options;
    struct map map;
    struct known *known;
    size_t n_known, cap_known;
    uint64_t uses;
    const struct smsc_listener *listener; /* of the message under way */
    /* a deck */
    struct cli_card deck;
    uint64_t count;
    size_t n_seats;
    uint8_t *response; /* UICC_RESPONSE_MAX */
    bool batch;
    /* a reader */
    struct pcsc *pcsc;
    bool lost; /* its card did not answer: it is met anew before the next message */
    /* a terminal */
    struct smsc_modem *modem;
};

static uint32_t know(struct smsc_cards *c, const char *iccid)
{
    uint32_t at = map_get(&c->map, KEY_ICCID, iccid);
    if (at != NO_CARD)
        return at;
    if (c->n_known == c->cap_known) {
        size_t cap = c->cap_known == 0 ? 64 : 2 * c->cap_known;
        struct known *more = realloc(c->known, cap * sizeof *more);
        if (more == NULL)
            return NO_CARD;
        c->known = more;
        c->cap_known = cap;
    }
    at = (uint32_t)c->n_known;
    if (!map_put(&c->map, KEY_ICCID, iccid, at))
        return NO_CARD;
    c->known[at] = (struct known){.imsi = ""};
    snprintf(c->known[at].iccid, sizeof c->known[at].iccid, "%s", iccid);
    c->n_known++;
    return at;
}

/* The IMSI that the card shows now is the one it is reached by. */
static void know_imsi(struct smsc_cards *c, uint32_t at, const struct uicc *card)
{
    struct known *k = &c->known[at];
    struct uicc_file_info info;
    char imsi[16] = "";
    for (uint16_t i = 0; imsi[0] == '\0' && uicc_inspect_file(card, i, &info); i++)
        if (info.row->fill == FILL_IMSI && info.row->kind == FILE_TRANSPARENT &&
            !imsi_unpack(info.body, imsi))
            imsi[0] = '\0';
    if (strcmp(imsi, k->imsi) == 0)
        return;
    if (k->imsi[0] != '\0' && map_get(&c->map, KEY_IMSI, k->imsi) == at)
        (void)map_put(&c->map, KEY_IMSI, k->imsi, NO_CARD);
    memcpy(k->imsi, imsi, sizeof imsi);
    if (imsi[0] != '\0')
        (void)map_put(&c->map, KEY_IMSI, imsi, at);
}

static void leave_seat(struct smsc_cards *c, struct seat *s)
{
    if (s == NULL)
        return;
    c->known[s->known].seat = NULL;
    c->n_seats--;
    if (s->card != NULL) {
        s->env.trace = NULL;
        uicc_close(s->card);
    }
    if (s->store != NULL)
        store_close(s->store);
    free(s);
}

static void make_room(struct smsc_cards *c)
{
    struct seat *oldest = NULL;
    if (c->n_seats < SMSC_OPEN_MAX)
        return;
    for (size_t i = 0; i < c->n_known; i++) {
        struct seat *s = c->known[i].seat;
        if (s != NULL && (oldest == NULL || s->last_used < oldest->last_used))
            oldest = s;
    }
    leave_seat(c, oldest);
}

/* Opens a card, unpowered. NULL: there is none, or it cannot be had. */
static struct seat *take_seat(struct smsc_cards *c, uint32_t at)
{
    struct deck_error error;
    struct seat *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    c->n_seats++;
    c->known[at].seat = s;
    s->known = at;
    memcpy(s->iccid, c->known[at].iccid, sizeof s->iccid);
    s->response = c->response;
    s->env = c->deck.env;
    s->env.ctx = s;
    if (c->options.trace != NULL) {
        s->trace = (struct trace_text){
            .out = c->options.trace, .label = s->iccid, .times = true, .start_ns = c->options.start_ns};
        s->env.trace = trace_text_event;
    }
    struct plugins_error unloaded; /* it was loaded when the deck was opened: nothing is said twice */
    s->store = deck_card(c->deck.deck, c->known[at].iccid, &error);
    const struct uicc_config config = {.env = &s->env,
                                       .profile = c->deck.profile,
                                       .store = s->store,
                                       .classes = plugins_classes(&c->deck.profile->p, &unloaded)};
    s->env.guard = plugins_guard();
    if (config.classes != NULL && s->store != NULL && uicc_open(&config, &s->card) == UICC_OK)
        return s;
    s->card = NULL;
    leave_seat(c, s);
    return NULL;
}

/* ---- terminals ---- */

static bool seat_exchange(void *ctx, struct span command, struct buf *response)
{
    struct seat *s = ctx;
    size_t n = uicc_transmit(s->card, command.p, command.n, s->response);
    buf_put(response, span_of(s->response, n));
    crypto_wipe(s->response, n);
    return buf_ok(response);
}

static bool seat_reset(void *ctx)
{
    uint8_t atr[UICC_ATR_MAX];
    struct seat *s = ctx;
    return uicc_reset(s->card, atr) > 0;
}

static bool send_submit(void *ctx, struct span tpdu)
{
    const struct smsc_cards *c = ctx;
    struct sms_submit sms;
    if (c->listener == NULL || !sms_submit_parse(tpdu, &sms))
        return false;
    return c->listener->submit(c->listener->ctx, &sms) == 0;
}

/* Power up, and what a terminal says first. */
static bool greet(const struct terminal *t)
{
    struct terminal_asked asked = {0};
    sw_t sw;
    if (!t->reset(t->ctx) || !terminal_profile(t, &asked, &sw))
        return false;
    if (!asked.reset_due)
        return true;
    asked = (struct terminal_asked){0};
    return t->reset(t->ctx) && terminal_profile(t, &asked, &sw);
}

static bool converse(struct smsc_cards *c, const struct terminal *t, const char *centre, struct span tpdu,
                     struct terminal_asked *asked, sw_t *sw)
{
    uint8_t bytes[256];
    struct buf report = buf_of(bytes, sizeof bytes);
    if (!terminal_sms(t, centre, tpdu, &report, sw))
        return false;
    if (report.len > 0)
        c->listener->report(c->listener->ctx, buf_span(&report));
    sw_t last = *sw;
    if (!terminal_serve(t, asked, &last))
        return false;
    return !asked->reset_due || greet(t);
}

static bool deliver_to_deck(struct smsc_cards *c, uint32_t at, const char *centre, struct span tpdu, sw_t *sw)
{
    struct seat *s = c->known[at].seat;
    struct terminal_asked asked = {0};
    const bool fresh = s == NULL;
    if (fresh) {
        make_room(c);
        s = take_seat(c, at);
    }
    if (s == NULL)
        return false;
    const struct terminal t = {
        .exchange = seat_exchange, .reset = seat_reset, .ctx = s, .sms = send_submit, .sms_ctx = c};
    s->last_used = ++c->uses;
    bool good = (!fresh || greet(&t)) && converse(c, &t, centre, tpdu, &asked, sw);
    if (good && asked.refresh)
        know_imsi(c, at, s->card);
    if (!good) /* the next message finds it switched off, and with it whatever was wrong */
        leave_seat(c, s);
    return good;
}

/* Who is in the reader, and what a terminal says first. The card is powered up. */
static bool meet(struct smsc_cards *c, struct terminal *t)
{
    char iccid[21], imsi[16];
    sw_t sw;
    *t = pcsc_terminal(c->pcsc);
    t->sms = send_submit;
    t->sms_ctx = c;
    if (!terminal_iccid(t, iccid, &sw) || !greet(t) || !terminal_imsi(t, imsi, &sw))
        return false;
    const uint32_t at = know(c, iccid);
    return at != NO_CARD && (imsi[0] == '\0' || map_put(&c->map, KEY_IMSI, imsi, at));
}

static bool deliver_to_reader(struct smsc_cards *c, const char *centre, struct span tpdu, sw_t *sw)
{
    struct terminal_asked asked = {0};
    struct terminal t = pcsc_terminal(c->pcsc);
    if (c->lost && (!pcsc_power(c->pcsc, true) || !meet(c, &t)))
        return false;
    t.sms = send_submit;
    t.sms_ctx = c;
    c->lost = !converse(c, &t, centre, tpdu, &asked, sw);
    if (c->lost)
        (void)pcsc_power(c->pcsc, false);
    return !c->lost;
}

static void modem_reports(void *ctx, struct span user_data)
{
    const struct smsc_cards *c = ctx;
    if (c->listener != NULL)
        c->listener->report(c->listener->ctx, user_data);
}

static unsigned modem_submits(void *ctx, struct span tpdu)
{
    enum { CAUSE_OUT_OF_ORDER = 38, CAUSE_INVALID = 95 };
    const struct smsc_cards *c = ctx;
    struct sms_submit sms;
    uint8_t octets[256];
    struct buf text = buf_of(octets, sizeof octets);
    if (c->listener == NULL)
        return CAUSE_OUT_OF_ORDER;
    if (!smsc_text_submit(tpdu, &sms, &text))
        return CAUSE_INVALID;
    return c->listener->submit(c->listener->ctx, &sms);
}

/* The card that it has now is reached by its numbers. */
static bool know_modem(struct smsc_cards *c)
{
    const char *iccid = smsc_modem_iccid(c->modem), *imsi = smsc_modem_imsi(c->modem);
    uint32_t at = know(c, iccid[0] != '\0' ? iccid : "-");
    return at != NO_CARD && (imsi[0] == '\0' || map_put(&c->map, KEY_IMSI, imsi, at));
}

static bool deliver_to_modem(struct smsc_cards *c, const char *centre, struct span tpdu, sw_t *sw)
{
    const struct smsc_modem_heard heard = {modem_reports, modem_submits, c};
    uint8_t failure;
    const bool good = smsc_modem_deliver(c->modem, centre, tpdu, &heard, sw, &failure);
    if (good && failure != 0 && (*sw == 0 || terminal_acknowledges(*sw)))
        *sw = SW_EXECUTION_ERROR; /* the terminal itself answered RP-ERROR */
    (void)know_modem(c);
    return good;
}

int smsc_cards_fd(const struct smsc_cards *c)
{
    return c->modem != NULL ? smsc_modem_fd(c->modem) : -1;
}

void smsc_cards_listen(struct smsc_cards *c, const struct smsc_listener *listener)
{
    const struct smsc_modem_heard heard = {modem_reports, modem_submits, c};
    if (c->modem == NULL)
        return;
    c->listener = listener;
    smsc_modem_listen(c->modem, &heard);
    c->listener = NULL;
    (void)know_modem(c);
}

const char *smsc_cards_number(const struct smsc_cards *c)
{
    return c->modem != NULL ? smsc_modem_imsi(c->modem) : "";
}

bool smsc_cards_deliver(struct smsc_cards *c, const char *iccid, const char *centre, struct span tpdu,
                        const struct smsc_listener *listener, sw_t *sw)
{
    bool good = false;
    *sw = 0;
    c->listener = listener;
    if (c->modem != NULL) {
        good = deliver_to_modem(c, centre, tpdu, sw);
    } else if (c->pcsc != NULL) {
        good = deliver_to_reader(c, centre, tpdu, sw);
    } else {
        uint32_t at = know(c, iccid);
        good = at != NO_CARD && deliver_to_deck(c, at, centre, tpdu, sw);
    }
    c->listener = NULL;
    return good;
}

/* ---- which card ---- */

static bool in_deck(struct smsc_cards *c, const char *iccid)
{
    struct deck_error error;
    if (map_get(&c->map, KEY_ICCID, iccid) != NO_CARD)
        return true;
    size_t n = strlen(iccid);
    if (n < 18 || n > DECK_ICCID_MAX || strspn(iccid, "0123456789") != n)
        return false;
    struct uicc_store *store = deck_card(c->deck.deck, iccid, &error);
    if (store != NULL)
        store_close(store);
    return store != NULL && know(c, iccid) != NO_CARD;
}

bool smsc_cards_route(struct smsc_cards *c, const char *digits, char iccid[DECK_ICCID_MAX + 1])
{
    uint32_t at = map_get(&c->map, KEY_ROUTE, digits);
    if (at == NO_CARD && c->deck.deck != NULL && in_deck(c, digits))
        at = map_get(&c->map, KEY_ICCID, digits);
    if (at == NO_CARD)
        at = map_get(&c->map, KEY_IMSI, digits);
    if (at == NO_CARD && c->count == 1)
        at = 0; /* the only one there is */
    if (at == NO_CARD || at >= c->n_known)
        return false;
    memcpy(iccid, c->known[at].iccid, sizeof c->known[at].iccid);
    return true;
}

static int bad_route(const struct smsc_cards *c, unsigned long line, const char *why)
{
    return cli_refuse(c->options.cmd, "%.300s:%lu: %s", c->options.routes, line, why);
}

/* A number and an ICCID a line. */
static int read_routes(struct smsc_cards *c)
{
    FILE *f = c->options.routes != NULL ? fopen(c->options.routes, "re") : NULL;
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    int code = EXIT_OK;
    unsigned long number = 0;
    if (c->options.routes == NULL)
        return EXIT_OK;
    if (f == NULL)
        return cli_refuse(c->options.cmd, "%.300s: %s", c->options.routes, strerror(errno));
    while (code == EXIT_OK && (n = lines_next(&line, &room, f)) >= 0) {
        number++;
        char *save = NULL, *msisdn, *iccid;
        line[strcspn(line, "#")] = '\0';
        msisdn = strtok_r(line, " \t\r\n", &save);
        iccid = strtok_r(NULL, " \t\r\n", &save);
        if (msisdn == NULL)
            continue;
        msisdn += msisdn[0] == '+';
        size_t digits = strlen(msisdn);
        uint32_t at;
        if (iccid == NULL || strtok_r(NULL, " \t\r\n", &save) != NULL)
            code = bad_route(c, number, "a number and an ICCID are expected");
        else if (digits < 1 || digits > DECK_ICCID_MAX || strspn(msisdn, "0123456789") != digits)
            code = bad_route(c, number, "the number is not 1 to 20 digits");
        else if (map_get(&c->map, KEY_ROUTE, msisdn) != NO_CARD)
            code = bad_route(c, number, "the number has a card already");
        else if (c->deck.deck == NULL ? map_get(&c->map, KEY_ICCID, iccid) == NO_CARD : !in_deck(c, iccid))
            code = bad_route(c, number, "there is no card with this ICCID");
        else if ((at = know(c, iccid)) == NO_CARD || !map_put(&c->map, KEY_ROUTE, msisdn, at))
            code = bad_route(c, number, "no memory");
    }
    if (code == EXIT_OK && errno != 0)
        code = bad_route(c, number + 1, lines_trouble());
    free(line);
    fclose(f);
    return code;
}

/* ---- opening ---- */

/* ICCIDs and IMSIs of a deck that is not too large for it. */
static int list_deck(struct smsc_cards *c)
{
    char iccid[DECK_ICCID_MAX + 1];
    if (c->count > SMSC_LISTED_MAX)
        return EXIT_OK;
    for (bool more = deck_next(c->deck.deck, "", iccid); more;
         more = deck_after(c->deck.deck, iccid, iccid)) {
        uint32_t at = know(c, iccid);
        struct seat *s = at != NO_CARD ? take_seat(c, at) : NULL;
        if (at == NO_CARD)
            return cli_refuse(c->options.cmd, "no memory");
        /* One that cannot be opened is told of when somebody wants it. */
        if (s != NULL)
            know_imsi(c, at, s->card);
        leave_seat(c, s);
    }
    const char *trouble = deck_trouble(c->deck.deck);
    return trouble[0] != '\0' ? cli_refuse(c->options.cmd, "%s", trouble) : EXIT_OK;
}

static int open_deck(struct smsc_cards *c)
{
    int code = EXIT_REFUSED;
    c->response = malloc(UICC_RESPONSE_MAX);
    if (c->response == NULL)
        return cli_refuse(c->options.cmd, "no memory");
    if (!cli_card_open_anchored(c->options.cmd, c->options.deck, "", c->options.durability,
                                &c->options.anchor, &c->deck, &code))
        return code;
    c->count = deck_count(c->deck.deck);
    if (c->count == 0)
        return cli_refuse(c->options.cmd, "%s has no card", c->options.deck);
    return list_deck(c);
}

static int open_reader(struct smsc_cards *c)
{
    struct pcsc_error error;
    const struct subcommand *cmd = c->options.cmd;
    struct terminal t;
    c->pcsc = pcsc_open(c->options.reader[0] != '\0' ? c->options.reader : NULL, &error);
    if (c->pcsc == NULL)
        return cli_refuse(cmd, "%s", error.text);
    if (!meet(c, &t))
        return cli_refuse(cmd, "%s", pcsc_why(c->pcsc));
    c->count = 1;
    return EXIT_OK;
}

static int open_modem(struct smsc_cards *c)
{
    const char *why = NULL;
    c->modem = smsc_modem_open(c->options.modem, &why);
    if (c->modem == NULL)
        return cli_refuse(c->options.cmd, "--modem %.200s: %s (is softuicc modem --sms-socket there?)",
                          c->options.modem, why);
    if (!know_modem(c))
        return cli_refuse(c->options.cmd, "no memory");
    c->count = 1;
    return EXIT_OK;
}

struct smsc_cards *smsc_cards_open(const struct smsc_cards_options *options, int *code)
{
    struct smsc_cards *c = calloc(1, sizeof *c);
    if (c == NULL) {
        *code = cli_refuse(options->cmd, "no memory");
        return NULL;
    }
    c->options = *options;
    *code = options->deck != NULL ? open_deck(c) : options->reader != NULL ? open_reader(c) : open_modem(c);
    if (*code == EXIT_OK)
        *code = read_routes(c);
    if (*code == EXIT_OK)
        return c;
    smsc_cards_close(c);
    return NULL;
}

void smsc_cards_close(struct smsc_cards *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->n_known; i++)
        leave_seat(c, c->known[i].seat);
    if (c->deck.deck != NULL)
        cli_card_close(&c->deck);
    pcsc_close(c->pcsc);
    smsc_modem_close(c->modem);
    free(c->response);
    free(c->known);
    free(c->map.slots);
    free(c);
}

uint64_t smsc_cards_count(const struct smsc_cards *c)
{
    return c->count;
}

static bool spoilt(const struct smsc_cards *c, const struct deck_error *error)
{
    cli_refuse(c->options.cmd, "%s", error->text);
    return false;
}

bool smsc_cards_begin(struct smsc_cards *c)
{
    struct deck_error error;
    if (c->deck.deck == NULL || c->batch)
        return true;
    c->batch = deck_batch_begin(c->deck.deck, &error);
    return c->batch || spoilt(c, &error);
}

bool smsc_cards_commit(struct smsc_cards *c)
{
    struct deck_error error;
    if (!c->batch)
        return true;
    c->batch = false;
    return deck_batch_end(c->deck.deck, &error) || spoilt(c, &error);
}
