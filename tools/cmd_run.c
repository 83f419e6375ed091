/* SPDX-License-Identifier: Apache-2.0
 *
 * softuicc run: puts cards of a deck into virtual PC/SC readers, until it is told to end.
 */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "gsmtap.h"
#include "serve.h"
#include "trace.h"
#include "vpcd.h"

enum { CARDS_MAX = 16 }; /* pcscd has no more readers (PCSCLITE_MAX_READERS_CONTEXTS) */

struct request {
    const char *deck, *host, *trace;
    char gsmtap[256]; /* host; "": none */
    uint16_t gsmtap_port;
    const char *iccids[CARDS_MAX];
    size_t n; /* of iccids; 0: the deck's only card */
    unsigned port;
    enum deck_durability durability;
    struct deck_anchor anchor;
};

/* A card in its reader. */
struct seat {
    struct trace_fan fan; /* first: it is found by the environment's ctx */
    struct trace_text text;
    struct gsmtap gsmtap;
    struct uicc_env env;
    const char *iccid;
    struct uicc_store *store; /* NULL: the card is the struct cli_card's */
    struct uicc *card;
};

struct session {
    const struct subcommand *cmd;
    const struct request *request;
    struct cli_card deck;
    struct seat seats[CARDS_MAX];
    struct serve_slot slots[CARDS_MAX];
    size_t n;
};

static void notify(void *ctx, size_t slot, enum serve_event event, const char *detail)
{
    const struct session *s = ctx;
    const char *iccid = s->seats[slot].iccid, *host = s->request->host;
    unsigned port = s->slots[slot].port;
    switch (event) {
    case SERVE_CONNECTED:
        fprintf(stderr, "card %s in reader at %s (connected)\n", iccid, detail);
        break;
    case SERVE_IDLE:
        fprintf(stderr, "card %s: the reader at %s:%u asks for nothing (%s)\n", iccid, host, port, detail);
        break;
    case SERVE_WAITING:
        fprintf(stderr, "card %s: waiting for a reader at %s:%u (is pcscd with vpcd running?): %s\n", iccid,
                host, port, detail);
        break;
    case SERVE_LOST:
        fprintf(stderr, "card %s: lost the reader at %s:%u, waiting for it: %s\n", iccid, host, port, detail);
        break;
    case SERVE_MUTE:
        fprintf(stderr,
                "card %s gives no ATR, so no reader will have it: its storage cannot be trusted ('softuicc "
                "show' may say more)\n",
                iccid);
        break;
    case SERVE_POWER_ON:
    case SERVE_POWER_OFF:
        break;
    }
}

/* One of several cards: cli_card_open opens one only. */
static bool open_seat(struct session *s, struct seat *seat, int *code)
{
    struct deck_error error;
    *code = EXIT_REFUSED;
    seat->store = deck_card(s->deck.deck, seat->iccid, &error);
    if (seat->store == NULL) {
        cli_refuse(s->cmd, "%s", error.text);
        return false;
    }
    seat->env = s->deck.env;
    const struct uicc_config config = {.env = &seat->env,
                                       .profile = s->deck.profile,
                                       .store = seat->store,
                                       .classes = cli_classes(s->cmd, &s->deck.profile->p, &seat->env)};
    if (config.classes == NULL)
        return false;
    enum uicc_result result = uicc_open(&config, &seat->card);
    if (result == UICC_OK)
        return true;
    seat->card = NULL;
    cli_refuse(s->cmd, "%s: card %s: %s", s->request->deck, seat->iccid, uicc_result_text(result));
    return false;
}

static void close_seats(struct session *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->seats[i].store == NULL)
            continue;
        if (s->seats[i].card != NULL)
            uicc_close(s->seats[i].card);
        store_close(s->seats[i].store);
    }
    cli_card_close(&s->deck);
}

static bool open_seats(struct session *s, int *code)
{
    const struct request *r = s->request;
    if (!cli_card_open_anchored(s->cmd, r->deck, r->n == 0 ? NULL : "", r->durability, &r->anchor, &s->deck,
                                code))
        return false;
    if (r->n == 0) {
        s->n = 1;
        s->seats[0].iccid = s->deck.iccid;
        s->seats[0].card = s->deck.card;
        return true;
    }
    while (s->n < r->n) {
        struct seat *seat = &s->seats[s->n++];
        seat->iccid = r->iccids[s->n - 1];
        if (!open_seat(s, seat, code)) {
            close_seats(s);
            return false;
        }
    }
    return true;
}

static struct uicc_env *seat_env(struct session *s, struct seat *seat)
{
    return seat->store != NULL ? &seat->env : &s->deck.env;
}

static void add_sink(struct session *s, struct seat *seat, struct trace_sink sink)
{
    struct uicc_env *env = seat_env(s, seat);
    trace_fan_add(&seat->fan, sink);
    env->ctx = seat;
    env->trace = trace_fan_event;
}

static void trace_to(struct session *s, FILE *out)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    for (size_t i = 0; i < s->n; i++) {
        struct seat *seat = &s->seats[i];
        seat->text = (struct trace_text){.out = out,
                                         .label = s->n > 1 ? seat->iccid : NULL,
                                         .times = true,
                                         .start_ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec};
        add_sink(s, seat, (struct trace_sink){trace_text_event, &seat->text});
    }
}

/* Closing a card may have something to say, and the sinks are gone. */
static void untrace(struct session *s)
{
    for (size_t i = 0; i < s->n; i++)
        seat_env(s, &s->seats[i])->trace = NULL;
}

static int serve_seats(struct session *s, int stop_fd)
{
    const struct request *r = s->request;
    for (size_t i = 0; i < s->n; i++)
        s->slots[i] =
            (struct serve_slot){.card = s->seats[i].card, .host = r->host, .port = (uint16_t)(r->port + i)};
    const struct serve_options options = {
        .slots = s->slots, .n_slots = s->n, .stop_fd = stop_fd, .notify = notify, .ctx = s};
    int error = serve(&options, NULL);
    if (error == ENOENT)
        return cli_refuse(s->cmd, "--host: no address for '%.200s'", r->host);
    if (error != 0)
        return cli_refuse(s->cmd, "cannot go on: %s", strerror(error));
    return EXIT_OK;
}

static int serve_traced(struct session *s, int stop_fd)
{
    const char *name = s->request->trace;
    if (name == NULL)
        return serve_seats(s, stop_fd);
    bool to_stdout = strcmp(name, "-") == 0;
    /* Appended: a card that is started again after a crash must not erase what led to it. */
    FILE *out = to_stdout ? stdout : fopen(name, "ae");
    if (out == NULL)
        return cli_refuse(s->cmd, "--trace %s: %s", name, strerror(errno));
    trace_to(s, out);
    int code = serve_seats(s, stop_fd);
    untrace(s);
    bool failed = ferror(out) != 0;
    if (!to_stdout && fclose(out) != 0)
        failed = true;
    if (failed && code == EXIT_OK)
        code = cli_refuse(s->cmd, "--trace %s: could not be written, it is not complete", name);
    return code;
}

static int serve_tapped(struct session *s, int stop_fd)
{
    const struct request *r = s->request;
    if (r->gsmtap[0] == '\0')
        return serve_traced(s, stop_fd);
    int error = 0;
    size_t n = 0;
    for (; n < s->n && error == 0; n++) {
        struct seat *seat = &s->seats[n];
        error = gsmtap_open(&seat->gsmtap, r->gsmtap, r->gsmtap_port, (uint8_t)n);
        if (error == 0)
            add_sink(s, seat, (struct trace_sink){gsmtap_event, &seat->gsmtap});
    }
    int code;
    if (error == ENOENT)
        code = cli_refuse(s->cmd, "--gsmtap: no address for '%.200s'", r->gsmtap);
    else if (error != 0)
        code = cli_refuse(s->cmd, "--gsmtap %.200s: %s", r->gsmtap, strerror(error));
    else
        code = serve_traced(s, stop_fd);
    untrace(s);
    while (n-- > 0)
        gsmtap_close(&s->seats[n].gsmtap);
    return code;
}

static int run_session(void *ctx, int stop_fd)
{
    struct session s = {.cmd = &cmd_run, .request = ctx};
    int code = EXIT_REFUSED;
    if (!open_seats(&s, &code))
        return code;
    code = serve_tapped(&s, stop_fd);
    close_seats(&s);
    return code;
}

static bool take_card(void *request)
{
    struct request *r = request;
    const char *iccid = optarg;
    if (!cli_iccid(&cmd_run, "--card", iccid))
        return false;
    for (size_t i = 0; i < r->n; i++) {
        if (strcmp(r->iccids[i], iccid) == 0) {
            cli_usage(&cmd_run, "--card %s twice: a card is in one reader only", iccid);
            return false;
        }
    }
    if (r->n == CARDS_MAX) {
        cli_usage(&cmd_run, "--card: at most %d cards, pcscd has no more readers", CARDS_MAX);
        return false;
    }
    r->iccids[r->n++] = iccid;
    return true;
}

/* HOST, HOST:PORT, [ADDRESS]:PORT; an IPv6 address without brackets has no port. */
static bool take_gsmtap(void *request)
{
    struct request *r = request;
    const char *text = optarg;
    const char *host = text, *end = text + strlen(text), *port = NULL;
    uint64_t number = GSMTAP_PORT;
    const char *colon = strrchr(text, ':'), *bracket = strchr(text, ']');
    if (text[0] == '[' && bracket != NULL && (bracket[1] == '\0' || bracket[1] == ':')) {
        host = text + 1;
        end = bracket;
        port = bracket[1] == ':' ? bracket + 2 : NULL;
    } else if (colon != NULL && strchr(text, ':') == colon) {
        end = colon;
        port = colon + 1;
    }
    if (port != NULL && !cli_number(&cmd_run, "--gsmtap: the port", port, 1, 65535, &number))
        return false;
    size_t n = (size_t)(end - host);
    if (n == 0 || n >= sizeof r->gsmtap) {
        cli_usage(&cmd_run, "--gsmtap: '%.60s' is no HOST[:PORT]", text);
        return false;
    }
    memcpy(r->gsmtap, host, n);
    r->gsmtap[n] = '\0';
    r->gsmtap_port = (uint16_t)number;
    return true;
}

static bool take_port(void *request)
{
    struct request *r = request;
    return cli_unsigned(&cmd_run, "--port", optarg, 1, 65535, &r->port);
}

static bool take_durability(void *request)
{
    struct request *r = request;
    return cli_durability(&cmd_run, optarg, &r->durability);
}

static const struct cli_setting settings[] = {
    {"card", CLI_TAKEN, 0, take_card},
    {"host", CLI_TEXT, offsetof(struct request, host), NULL},
    {"port", CLI_TAKEN, 0, take_port},
    {"trace", CLI_TEXT, offsetof(struct request, trace), NULL},
    {"gsmtap", CLI_TAKEN, 0, take_gsmtap},
    {"durability", CLI_TAKEN, 0, take_durability},
    {"anchor", CLI_TEXT, offsetof(struct request, anchor.path), NULL},
    {"anchor-reset", CLI_FLAG, offsetof(struct request, anchor.reset), NULL},
    {NULL, CLI_FLAG, 0, NULL},
};

static int run(int argc, char **argv)
{
    struct request r = {.host = "127.0.0.1", .port = VPCD_PORT, .durability = DECK_POWER};
    int code;
    if (!cli_settings(&cmd_run, argc, argv, settings, &r, NULL, &code))
        return code;
    if (optind == argc)
        return cli_usage(&cmd_run, "which deck?");
    if (optind + 1 < argc)
        return cli_usage(&cmd_run, "one deck only, not also '%.200s'", argv[optind + 1]);
    if (r.n > 1 && r.port + r.n - 1 > 65535)
        return cli_usage(&cmd_run, "--port %u: %zu cards need as many ports, and there are none above 65535",
                         r.port, r.n);
    if (!cli_anchor(&cmd_run, &r.anchor))
        return EXIT_USAGE;
    r.deck = argv[optind];
    return cli_with_signals(&cmd_run, run_session, &r);
}

const struct subcommand cmd_run = {
    .name = "run",
    .summary = "put cards into virtual PC/SC readers",
    .help = "Usage: softuicc run DECK [--card ICCID]... [--host H] [--port P] [--trace FILE]\n"
            "                    [--gsmtap HOST[:PORT]] [--durability power|process|none]\n"
            "                    [--anchor FILE [--anchor-reset]]\n"
            "Serves a card of the deck in the virtual reader of pcscd (package vsmartcard-vpcd) until\n"
            "SIGINT or SIGTERM. The reader may come and go: the card waits for it.\n\n"
            "  --card ICCID    which card of the deck (needed when it has several); given several\n"
            "                  times, the cards go into readers at P, P+1, ...\n"
            "  --host H        where pcscd runs (127.0.0.1)\n"
            "  --port P        the reader's TCP port (35963, Debian's first virtual reader)\n"
            "  --trace FILE    append every command and answer as text, with the file it worked on and the\n"
            "                  time in seconds; - is standard output. PINs and keys are left out\n"
            "  --gsmtap HOST[:PORT]\n"
            "                  send every command and answer there as GSMTAP (UDP, port 4729), which\n"
            "                  Wireshark shows live; PINs and keys are octets FF\n"
            "  --durability D  what a change survives once the card has answered: power (a power cut;\n"
            "                  the default), process (kill -9 of this process), none (a clean end)\n"
            "  --anchor FILE   refuse an older copy of the deck that was put back: FILE counts what is\n"
            "                  written, on another disk, out of reach of whoever could do that; made if\n"
            "                  the deck has never had one\n"
            "  --anchor-reset  the deck is older on purpose, or FILE is lost: count on from here\n"
            "  --help          this text\n",
    .run = run,
};
