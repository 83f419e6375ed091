/* SPDX-License-Identifier: Apache-2.0
 *
 * softuicc modem: a virtual terminal with a card of a deck in it, or the one in a PC/SC reader.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "at_io.h"
#include "cli.h"
#include "hex.h"
#include "modem.h"
#include "modem_link.h"
#include "modem_network.h"
#include "modem_script.h"
#include "modem_secure.h"
#include "modem_sms_socket.h"

enum {
    PROFILE_MAX = 64,
    SCRIPT_MAX = 1 << 20,
    CENTRES_MAX = 8,
    PATIENCE_MS = 10000,
    VIRTUAL_PATIENCE_MS = 120000, /* costs nothing */
};

struct request {
    const struct subcommand *cmd;
    const char *deck, *iccid, *reader, *script, *sms_socket, *auc_key;
    enum deck_durability durability;
    struct deck_anchor anchor;
    struct modem_config modem;
    uint8_t profile[PROFILE_MAX];
    struct at_service_config at;
    bool no_profile, virtual_clock, json, apdus, interactive, off;
    uint64_t seed;
    char pin[MODEM_PIN_MAX + 1];
    char *networks[NETWORKS_MAX];
    unsigned n_networks;
    uint8_t channel_key[SECURE_PSK_MAX];
    size_t channel_key_len; /* 0: no secure channel */
};

struct terminal_run {
    const struct request *request;
    struct cli_card card;
    struct pcsc *pcsc;
    struct link_card slot;
    struct link_cut battery;
    struct link_secure secure; /* with --secure-channel */
    struct loop *loop;
    struct auc *centres[CENTRES_MAX];
    unsigned n_centres;
    struct modem_network *network;
    struct modem *modem;
    struct script *script;
    struct sms_socket *sms_socket;
    struct at_service *at;
    int stop_fd;
    char line[4096]; /* of the keyboard, as far as it has come */
    size_t line_len;
    bool skipping; /* one that is too long */
    int code;
};

/* ---- what is told ---- */

/* Members of a flat JSON object, as text: name=value. */
static void print_members(const char *json)
{
    bool quoted = false;
    for (const char *at = json; *at != '\0'; at++) {
        if (*at == '\\' && at[1] == 'u') /* \u00XX stays what it is */
            putchar('\\');
        else if (*at == '\\' && at[1] != '\0')
            putchar(*++at);
        else if (*at == '"')
            quoted = !quoted;
        else if (!quoted && *at == ':')
            putchar('=');
        else if (!quoted && *at == ',')
            putchar(' ');
        else
            putchar(*at);
    }
}

static void tell(void *ctx, const char *what, const char *json)
{
    const struct terminal_run *t = ctx;
    const uint64_t now = loop_now(t->loop);
    if (strcmp(what, "apdu") == 0 && !t->request->apdus)
        return;
    if (t->request->json) {
        printf("{\"ms\":%llu,\"event\":\"%s\"%s%s}\n", (unsigned long long)now, what,
               json[0] != '\0' ? "," : "", json);
    } else {
        printf("%8llu.%03llu %s%s", (unsigned long long)now / 1000, (unsigned long long)now % 1000, what,
               json[0] != '\0' ? " " : "");
        print_members(json);
        putchar('\n');
    }
    if (fflush(stdout) != 0 || ferror(stdout))
        loop_end(t->loop); /* nobody listens; cli_finish says so */
}

/* ---- networks ---- */

static bool open_centre(struct terminal_run *t, const char *path, struct auc **auc)
{
    struct sealed_error error;
    const struct auc_config config = {.path = path, .key_file = t->request->auc_key};
    if (t->n_centres == CENTRES_MAX) {
        t->code = cli_usage(t->request->cmd, "--network: at most %d authentication centres", CENTRES_MAX);
        return false;
    }
    *auc = auc_open(&config, &error);
    if (*auc == NULL) {
        t->code = cli_refuse(t->request->cmd, "%s", error.text);
        return false;
    }
    t->centres[t->n_centres++] = *auc;
    return true;
}

/* PLMN[:NAME]=WHERE; WHERE is a data base of softuicc auc, unix:SOCKET, or "none". PLMN may be "home". */
static bool add_network(struct terminal_run *t, char *text)
{
    char *where = strchr(text, '='), *name = strchr(text, ':');
    struct network_spec spec = {.area = (uint16_t)(network_count(t->network) + 1), .cell = 1};
    if (where == NULL) {
        t->code = cli_usage(t->request->cmd, "--network: '%.60s' is not PLMN[:NAME]=WHERE", text);
        return false;
    }
    *where++ = '\0';
    if (name != NULL && name < where)
        *name++ = '\0';
    else
        name = NULL;
    spec.plmn = strcmp(text, "home") == 0 ? "" : text;
    spec.name = name != NULL ? name : "";
    if (strncmp(where, "unix:", 5) == 0)
        spec.gateway = where + 5;
    else if (strcmp(where, "none") != 0 && !open_centre(t, where, &spec.auc))
        return false;
    if (network_add(t->network, &spec) >= 0)
        return true;
    if (strlen(spec.name) > NETWORK_NAME_MAX)
        t->code = cli_usage(t->request->cmd, "--network %.6s: a name has at most %d characters", text,
                            NETWORK_NAME_MAX);
    else if (spec.gateway != NULL && strlen(spec.gateway) > NETWORK_GATEWAY_MAX)
        t->code = cli_usage(t->request->cmd, "--network %.6s: the name of a socket is shorter", text);
    else
        t->code = cli_usage(t->request->cmd,
                            "--network: '%.40s' is no network's number (5 or 6 digits, or home)", text);
    return false;
}

static unsigned submit(void *ctx, const char *centre, struct span tpdu)
{
    struct terminal_run *t = ctx;
    return sms_socket_submit(t->sms_socket, centre, tpdu);
}

/* ---- the card ---- */

static bool open_link(struct terminal_run *t)
{
    const struct request *r = t->request;
    struct pcsc_error error;
    if (r->deck != NULL) {
        if (!cli_card_open_anchored(r->cmd, r->deck, r->iccid, r->durability, &r->anchor, &t->card, &t->code))
            return false;
        t->slot.card = t->card.card;
        t->battery.inner = link_of_card(&t->slot);
        return true;
    }
    t->pcsc = pcsc_open(r->reader[0] != '\0' ? r->reader : NULL, &error);
    if (t->pcsc == NULL) {
        t->code = cli_refuse(r->cmd, "%s", error.text);
        return false;
    }
    t->battery.inner = link_of_pcsc(t->pcsc);
    return true;
}

/* ---- going on ---- */

static void stop(void *ctx, short revents)
{
    struct terminal_run *t = ctx;
    struct signalfd_siginfo info;
    (void)revents;
    while (read(t->stop_fd, &info, sizeof info) == (ssize_t)sizeof info)
        ;
    loop_end(t->loop);
}

static void do_line(struct terminal_run *t, const char *line)
{
    struct script_error error;
    if (!script_line(t->script, "", line, &error))
        fprintf(stderr, "%s\n", error.text);
}

/* Statements from the keyboard, each done when its line is whole. */
static void keyboard(void *ctx, short revents)
{
    struct terminal_run *t = ctx;
    (void)revents;
    ssize_t n = read(STDIN_FILENO, t->line + t->line_len, sizeof t->line - 1 - t->line_len);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        if (!t->skipping && t->line_len > 0) /* the last has no line end */
            do_line(t, t->line);
        loop_end(t->loop);
        return;
    }
    t->line_len += (size_t)n;
    t->line[t->line_len] = '\0';
    for (char *end; (end = strchr(t->line, '\n')) != NULL;) {
        char line[sizeof t->line];
        const size_t length = (size_t)(end - t->line);
        memcpy(line, t->line, length);
        line[length] = '\0';
        t->line_len -= length + 1;
        memmove(t->line, end + 1, t->line_len + 1);
        if (!t->skipping)
            do_line(t, line);
        t->skipping = false;
        crypto_wipe(line, length); /* a PIN, maybe */
    }
    if (t->line_len == sizeof t->line - 1) {
        if (!t->skipping)
            fprintf(stderr, "a line of more than %zu characters\n", sizeof t->line - 2);
        t->skipping = true; /* to its end */
        t->line_len = 0;
        t->line[0] = '\0';
    }
}

static int play(struct terminal_run *t)
{
    const struct subcommand *cmd = t->request->cmd;
    struct script_error error;
    FILE *f = fopen(t->request->script, "re");
    char *text = calloc(1, SCRIPT_MAX + 1);
    size_t n = 0;
    int code = EXIT_OK;
    if (f == NULL)
        code = cli_refuse(cmd, "%s: %s", t->request->script, strerror(errno));
    else if (text == NULL)
        code = cli_refuse(cmd, "no memory");
    else if (setvbuf(f, NULL, _IONBF, 0) != 0 || (n = fread(text, 1, SCRIPT_MAX + 1, f)) > SCRIPT_MAX ||
             ferror(f))
        code = cli_refuse(cmd, "%s: not a scenario: too long, or not to be read", t->request->script);
    else if (strlen(text) != n)
        code = cli_refuse(cmd, "%s: not a scenario: not a text", t->request->script);
    else if (!script_play(t->script, t->request->script, text, &error))
        code = cli_refuse(cmd, "%s", error.text);
    if (f != NULL)
        fclose(f);
    if (text != NULL)
        crypto_wipe(text, SCRIPT_MAX + 1); /* PINs */
    free(text);
    return code;
}

/* Of a pipe, or a socket, the other end is gone. */
static void unheard(void *ctx, short revents)
{
    const struct terminal_run *t = ctx;
    (void)revents;
    loop_end(t->loop);
}

/* Nobody listens any more: it is noticed at once, and not with the next event, of which there may be none. */
static bool watch_output(struct terminal_run *t)
{
    struct stat st;
    if (fstat(STDOUT_FILENO, &st) != 0 || !(S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
        return true;
    return loop_watch(t->loop, STDOUT_FILENO, 0, unheard, t);
}

static int go_on(struct terminal_run *t)
{
    const struct request *r = t->request;
    if (r->script != NULL)
        return play(t);
    if (!r->off)
        (void)modem_function_set(t->modem, MODEM_FULL);
    if (!watch_output(t) || (r->interactive && !loop_watch(t->loop, STDIN_FILENO, POLLIN, keyboard, t)))
        return cli_refuse(r->cmd, "no memory");
    if (ferror(stdout)) /* said by cli_finish: nobody listens any more */
        return EXIT_OK;
    loop_stand_still(t->loop); /* or years would pass while somebody types */
    return loop_run(t->loop) ? EXIT_OK : cli_refuse(r->cmd, "cannot go on: %s", strerror(errno));
}

/* A pty and a port for AT commands; where they are is an event like others. */
static bool serve_at(struct terminal_run *t)
{
    struct at_io_error error;
    char where[512];
    const struct at_service_config *config = &t->request->at;
    if (!config->pty && !config->tcp)
        return true;
    t->at = at_service_open(t->modem, config, &error);
    if (t->at == NULL) {
        t->code = cli_refuse(t->request->cmd, "%s", error.text);
        return false;
    }
    snprintf(where, sizeof where, "\"pty\":\"%s\",\"port\":%u,\"personality\":\"%s\"", at_service_pty(t->at),
             at_service_port(t->at), config->personality != NULL ? config->personality : "generic");
    tell(t, "at", where);
    return true;
}

/* Everything through the secure channel. */
static bool put_channel(struct terminal_run *t, struct modem_config *config)
{
    t->secure.inner = config->link;
    t->secure.crypto = crypto_new();
    memcpy(t->secure.key, t->request->channel_key, t->request->channel_key_len);
    t->secure.key_len = t->request->channel_key_len;
    snprintf(t->secure.identity, sizeof t->secure.identity, "%s",
             config->imei[0] != '\0' ? config->imei : "softuicc");
    if (t->secure.crypto != NULL)
        config->link = link_of_secure(&t->secure);
    return t->secure.crypto != NULL;
}

static bool assemble(struct terminal_run *t)
{
    const struct request *r = t->request;
    struct modem_config config = r->modem;
    t->loop = loop_new(r->virtual_clock);
    t->network = network_new(r->seed);
    if (t->loop == NULL || t->network == NULL || !loop_watch(t->loop, t->stop_fd, POLLIN, stop, t))
        return false;
    for (unsigned i = 0; i < r->n_networks; i++)
        if (!add_network(t, r->networks[i]))
            return false;
    if (!open_link(t))
        return false;
    config.link = link_of_cut(&t->battery);
    if (r->channel_key_len > 0 && !put_channel(t, &config))
        return false;
    config.loop = t->loop;
    config.network = t->network;
    config.seed = r->seed;
    config.pin = r->pin[0] != '\0' ? r->pin : NULL;
    t->modem = modem_new(&config);
    if (t->modem == NULL)
        return false;
    if (r->no_profile)
        modem_stk_profile(t->modem, SPAN_EMPTY);
    const struct modem_user user = {.log = tell, .ctx = t};
    if (!modem_listen(t->modem, &user) || !serve_at(t))
        return false;
    if (r->sms_socket != NULL) {
        struct sms_socket_error error;
        t->sms_socket = sms_socket_open(t->modem, r->sms_socket, &error);
        if (t->sms_socket == NULL) {
            t->code = cli_refuse(r->cmd, "%s", error.text);
            return false;
        }
        network_on_submit(t->network, submit, t);
    }
    if (r->script != NULL || r->interactive) {
        const struct script_world world = {t->modem,
                                           t->loop,
                                           t->network,
                                           &t->battery,
                                           stdout,
                                           r->auc_key,
                                           r->virtual_clock ? VIRTUAL_PATIENCE_MS : PATIENCE_MS};
        t->script = script_new(&world);
        if (t->script == NULL)
            return false;
    }
    return true;
}

static int run_terminal(void *ctx, int stop_fd)
{
    const struct request *r = ctx;
    struct terminal_run *t = calloc(1, sizeof *t);
    if (t == NULL)
        return cli_refuse(r->cmd, "no memory");
    t->request = r;
    t->stop_fd = stop_fd;
    t->code = EXIT_OK;
    int code = EXIT_OK;
    if (assemble(t))
        code = go_on(t);
    else
        code = t->code != EXIT_OK ? t->code : cli_refuse(r->cmd, "no memory");
    if (t->modem != NULL)
        (void)modem_function_set(t->modem, MODEM_OFF);
    sms_socket_close(t->sms_socket);
    at_service_close(t->at);
    modem_free(t->modem);
    script_free(t->script);
    network_free(t->network);
    for (unsigned i = 0; i < t->n_centres; i++)
        auc_close(t->centres[i]);
    loop_free(t->loop);
    pcsc_close(t->pcsc);
    if (t->card.deck != NULL)
        cli_card_close(&t->card);
    if (t->secure.crypto != NULL)
        crypto_free(t->secure.crypto);
    crypto_wipe(t, sizeof *t);
    free(t);
    const int printed = cli_finish(r->cmd);
    return code != EXIT_OK ? code : printed;
}

/* ---- the command line ---- */

static bool take_pin(void *request)
{
    struct request *r = request;
    char *text = optarg;
    const size_t n = strlen(text);
    const bool good = n >= 4 && n <= MODEM_PIN_MAX && strspn(text, "0123456789") == n;
    if (good)
        memcpy(r->pin, text, n + 1);
    else
        cli_usage(r->cmd, "--pin: a PIN has 4 to 8 digits");
    crypto_wipe(text, n); /* off the command line with it */
    return good;
}

static bool take_profile(void *request)
{
    struct request *r = request;
    const char *text = optarg;
    size_t n;
    struct span preset;
    if (modem_stk_preset(text, &preset)) {
        r->modem.profile = preset;
        r->no_profile = preset.n == 0;
        return true;
    }
    if (text[strspn(text, "0123456789abcdefABCDEF")] != '\0') {
        (void)cli_usage(r->cmd, "--profile: '%.40s' is neither hex nor one of full, machine, old, none",
                        text);
        return false;
    }
    if (!cli_hex(r->cmd, "--profile", text, 1, sizeof r->profile, r->profile, &n))
        return false;
    r->modem.profile = span_of(r->profile, n);
    return true;
}

/* A file, not an argument: everybody sees arguments. */
static bool take_channel_key(void *request)
{
    struct request *r = request;
    const char *path = optarg;
    char text[256];
    struct buf key = buf_of(r->channel_key, sizeof r->channel_key);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        cli_usage(r->cmd, "--secure-channel: %s: %s", path, strerror(errno));
        return false;
    }
    (void)setvbuf(file, NULL, _IONBF, 0); /* stdio's buffer would keep it */
    size_t n = fread(text, 1, sizeof text - 1, file);
    const bool whole = n < sizeof text - 1;
    fclose(file);
    text[n] = '\0';
    bool good = whole && strlen(text) == n && hex_parse(text, &key, NULL) && buf_ok(&key) &&
                key.len >= SECURE_PSK_MIN;
    crypto_wipe(text, sizeof text);
    if (!good)
        cli_usage(r->cmd, "--secure-channel: %s: a key of 32 to 64 hexadecimal digits, and nothing else",
                  path);
    r->channel_key_len = good ? key.len : 0;
    return good;
}

static bool take_personality(void *request)
{
    struct request *r = request;
    char known[200] = "";
    const char *one, *summary;
    r->at.personality = optarg;
    if (at_personality_find(optarg) != NULL)
        return true;
    for (unsigned i = 0; at_personality_nth(i, &one, &summary); i++)
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i == 0 ? "" : ", ", one);
    cli_usage(r->cmd, "--personality: '%.40s' is none of %s", optarg, known);
    return false;
}

static bool take_network(void *request)
{
    struct request *r = request;
    if (r->n_networks == NETWORKS_MAX) {
        cli_usage(r->cmd, "--network: at most %d", NETWORKS_MAX);
        return false;
    }
    r->networks[r->n_networks++] = optarg;
    return true;
}

static bool take_imei(void *request)
{
    struct request *r = request;
    const bool good = cli_digits(r->cmd, "--imei", optarg, 15, 15);
    if (good)
        memcpy(r->modem.imei, optarg, 16);
    return good;
}

static bool take_svn(void *request)
{
    struct request *r = request;
    const bool good = cli_digits(r->cmd, "--svn", optarg, 2, 2);
    if (good)
        memcpy(r->modem.svn, optarg, 3);
    return good;
}

static bool take_seed(void *request)
{
    struct request *r = request;
    return cli_number(r->cmd, "--seed", optarg, 1, UINT64_MAX, &r->seed);
}

static bool take_poll(void *request)
{
    struct request *r = request;
    uint64_t value;
    if (!cli_number(r->cmd, "--poll", optarg, 1, 3600, &value))
        return false;
    r->modem.poll_s = (uint32_t)value;
    return true;
}

static bool take_durability(void *request)
{
    struct request *r = request;
    return cli_durability(r->cmd, optarg, &r->durability);
}

static bool take_pty(void *request)
{
    struct request *r = request;
    r->at.pty = true;
    r->at.link = strcmp(optarg, "-") == 0 ? NULL : optarg;
    return true;
}

static bool take_at_port(void *request)
{
    struct request *r = request;
    uint64_t value;
    if (!cli_number(r->cmd, "--at-port", optarg, 0, UINT16_MAX, &value))
        return false;
    r->at.tcp = true;
    r->at.port = (uint16_t)value;
    return true;
}

static const struct cli_setting settings[] = {
    {"card", CLI_TEXT, offsetof(struct request, iccid), NULL},
    {"reader", CLI_TEXT, offsetof(struct request, reader), NULL},
    {"script", CLI_TEXT, offsetof(struct request, script), NULL},
    {"interactive", CLI_FLAG, offsetof(struct request, interactive), NULL},
    {"network", CLI_TAKEN, 0, take_network},
    {"auc-key", CLI_TEXT, offsetof(struct request, auc_key), NULL},
    {"imei", CLI_TAKEN, 0, take_imei},
    {"svn", CLI_TAKEN, 0, take_svn},
    {"profile", CLI_TAKEN, 0, take_profile},
    {"pin", CLI_TAKEN, 0, take_pin},
    {"seed", CLI_TAKEN, 0, take_seed},
    {"virtual-clock", CLI_FLAG, offsetof(struct request, virtual_clock), NULL},
    {"json", CLI_FLAG, offsetof(struct request, json), NULL},
    {"apdus", CLI_FLAG, offsetof(struct request, apdus), NULL},
    {"poll", CLI_TAKEN, 0, take_poll},
    {"allow-network", CLI_FLAG, offsetof(struct request, modem.allow_network), NULL},
    {"sms-socket", CLI_TEXT, offsetof(struct request, sms_socket), NULL},
    {"durability", CLI_TAKEN, 0, take_durability},
    {"anchor", CLI_TEXT, offsetof(struct request, anchor.path), NULL},
    {"anchor-reset", CLI_FLAG, offsetof(struct request, anchor.reset), NULL},
    {"off", CLI_FLAG, offsetof(struct request, off), NULL},
    {"pty", CLI_TAKEN, 0, take_pty},
    {"at-port", CLI_TAKEN, 0, take_at_port},
    {"personality", CLI_TAKEN, 0, take_personality},
    {"secure-channel", CLI_TAKEN, 0, take_channel_key},
    {NULL, CLI_FLAG, 0, NULL},
};

static int parse(struct request *r, int argc, char **argv, bool *stop_here)
{
    int code;
    *stop_here = true;
    if (!cli_settings(r->cmd, argc, argv, settings, r, NULL, &code))
        return code;
    if (optind + 1 < argc)
        return cli_usage(r->cmd, "one deck at most");
    r->deck = optind < argc ? argv[optind] : NULL;
    if ((r->deck == NULL) == (r->reader == NULL))
        return cli_usage(r->cmd, "which card? DECK or --reader NAME is needed, one of them");
    if (r->iccid != NULL && r->deck == NULL)
        return cli_usage(r->cmd, "--card is of a deck");
    if (!cli_anchor(r->cmd, &r->anchor))
        return EXIT_USAGE;
    if (r->anchor.path != NULL && r->deck == NULL)
        return cli_usage(r->cmd, "--anchor is of a deck");
    if (r->script != NULL && r->interactive)
        return cli_usage(r->cmd, "--script or --interactive, not both");
    if (r->virtual_clock && r->script == NULL && !r->interactive)
        return cli_usage(
            r->cmd, "--virtual-clock is for a scenario (--script): years would pass while nothing happens");
    if (r->at.personality != NULL && !r->at.pty && !r->at.tcp)
        return cli_usage(r->cmd, "--personality is of AT commands: with --pty or --at-port");
    *stop_here = false;
    return EXIT_OK;
}

static int run(int argc, char **argv)
{
    struct request *r = calloc(1, sizeof *r);
    if (r == NULL)
        return cli_refuse(&cmd_modem, "no memory");
    r->cmd = &cmd_modem;
    r->durability = DECK_POWER;
    bool stop_here;
    int code = parse(r, argc, argv, &stop_here);
    if (!stop_here)
        code = cli_with_signals(r->cmd, run_terminal, r);
    crypto_wipe(r, sizeof *r);
    free(r);
    return code;
}

const struct subcommand cmd_modem = {
    .name = "modem",
    .summary = "a virtual terminal: registers, takes messages, obeys the card",
    .help =
        "Usage: softuicc modem (DECK [--card ICCID] | --reader NAME|NUMBER) [--network PLMN[:NAME]=WHERE]...\n"
        "                      [--script FILE | --interactive] [OPTION]...\n"
        "A modem without a radio: initialises the card as 3GPP TS 31.102 says, registers by AKA with an\n"
        "authentication centre, takes short messages to the card and its answers back, does what the card's\n"
        "proactive commands say, and tells what happens, a line an event. Ends at SIGINT or SIGTERM, or with\n"
        "its scenario.\n\n"
        "  --card ICCID        which card of the deck, if it has more than one\n"
        "  --reader NAME|NUMBER  the card in a PC/SC reader; \"\": the only one\n"
        "  --network PLMN[:NAME]=WHERE  a network in the air; PLMN is 5 or 6 digits, or 'home' (the IMSI's);\n"
        "                      WHERE is a data base of 'softuicc auc', unix:SOCKET ('softuicc auc serve', or\n"
        "                      another gateway of hostapd's protocol), or 'none': it knows nobody\n"
        "  --auc-key FILE      the key file of these data bases (default: beside each)\n"
        "  --script FILE       plays a scenario (softuicc(1), SCENARIOS), and fails where it fails\n"
        "  --interactive       statements of a scenario from standard input, as they come\n"
        "  --imei N, --svn NN  its own numbers (default: a test number)\n"
        "  --profile NAME|HEX  TERMINAL PROFILE: full, machine (no display), old (SMS-PP, REFRESH), none; or octets\n"
        "  --pin DIGITS        PIN1, if the card wants it; never its last try\n"
        "  --secure-channel FILE  all commands go through the secure channel of ETSI TS 102 484; FILE has the\n"
        "                      pre-shared key, 32 to 64 hexadecimal digits\n"
        "  --poll SECONDS      STATUS at least so often (30)\n"
        "  --sms-socket PATH   messages come and go by this socket: 'softuicc smsc --modem PATH'\n"
        "  --pty LINK|-        AT commands at a pseudo-terminal, LINK pointing to it\n"
        "  --at-port N         AT commands at this TCP port of 127.0.0.1, up to 8 peers in all; 0: any\n"
        "  --personality NAME  generic (the standards), gsm (an old one), or phonesim (for ofono's driver)\n"
        "  --allow-network     the card's data channels may leave this machine\n"
        "  --seed N            everything drawn by lot follows from it, challenges too\n"
        "  --virtual-clock     time jumps to whatever is due next; for scenarios. With --interactive it\n"
        "                      stands still between statements\n"
        "  --off               stay without power until told otherwise\n"
        "  --apdus             commands and answers are events too; PINs and keys are withheld\n"
        "  --json              an event is a JSON object a line\n"
        "  --durability D      of the deck, as softuicc run has it (power)\n"
        "  --anchor FILE, --anchor-reset  likewise\n"
        "  --help              this text\n",
    .run = run,
};
