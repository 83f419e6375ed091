/* SPDX-License-Identifier: Apache-2.0
 *
 * softuicc apdu: talks to a card of a deck without a reader, and replays transcripts (tools/README.md has
 * their format).
 */
#include <errno.h>
#include <stdlib.h>

#include "apdu_channel.h"
#include "cli.h"
#include "command.h"
#include "hex.h"
#include "lines.h"

enum {
    SCRIPT_MAX = 64 << 20, /* octets of a script */
    SCRIPT_LINE_MAX = 2 * (UICC_COMMAND_MAX + UICC_RESPONSE_MAX),
    /* GET RESPONSE after GET RESPONSE: enough for 65536 octets in pieces of 256, and then stop */
    AUTO_ROUNDS = 600,
};

struct request {
    const char *iccid, *path, *keys;
    bool automatic;
    bool secured, level; /* --kvn, --level */
    struct apdu_channel channel;
    struct deck_anchor anchor;
};

enum step_kind { STEP_RESET, STEP_COMMAND, STEP_COMMENT };

struct step {
    enum step_kind kind;
    unsigned long line; /* in the script; 0: from the command line */
    size_t at, n;       /* what to send, or the comment's text, in script.bytes */
    bool expects;
    unsigned long expect_line;
    size_t expect_at; /* expected octets; their masks follow, as many */
    size_t expect_n;
};

struct script {
    const char *name;
    struct step *steps;
    size_t n_steps, cap_steps;
    uint8_t *bytes;
    size_t n_bytes, cap_bytes;
};

struct session {
    struct cli_card card;
    bool automatic;
    uint8_t *response; /* UICC_RESPONSE_MAX */
    /* with --auto: the data of all GET RESPONSEs, then the last status word; UICC_RESPONSE_MAX */
    uint8_t *joined;
    size_t joined_n;
    struct apdu_channel *channel; /* NULL: commands go as they are */
    char name[224]; /* of the command under way, as the card's trace calls it */
    unsigned long wrong;
    unsigned long expected;
};

/* ---- scripts ---- */

static bool grow(void **p, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap)
        return true;
    size_t want = *cap < 64 ? 64 : *cap;
    while (want < need)
        want *= 2;
    void *bigger = realloc(*p, want * size);
    if (bigger == NULL)
        return false;
    *p = bigger;
    *cap = want;
    return true;
}

static struct step *add_step(struct script *s, enum step_kind kind, unsigned long line)
{
    void *steps = s->steps;
    if (!grow(&steps, &s->cap_steps, s->n_steps + 1, sizeof *s->steps))
        return NULL;
    s->steps = steps;
    struct step *step = &s->steps[s->n_steps++];
    *step = (struct step){.kind = kind, .line = line, .at = s->n_bytes};
    return step;
}

static bool add_bytes(struct script *s, const void *from, size_t n)
{
    void *bytes = s->bytes;
    if (!grow(&bytes, &s->cap_bytes, s->n_bytes + n, 1))
        return false;
    s->bytes = bytes;
    if (n > 0)
        memcpy(s->bytes + s->n_bytes, from, n);
    s->n_bytes += n;
    return true;
}

static void script_free(struct script *s)
{
    if (s->bytes != NULL)
        crypto_wipe(s->bytes, s->n_bytes); /* PINs */
    free(s->bytes);
    free(s->steps);
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == ':';
}

static bool wild(char c)
{
    return c == '.' || c == 'x' || c == 'X';
}

/* Octets in hex, blanks between them; with masks, '.' or 'x' stand for any digit. NULL, or what is wrong
 * (*where: at which character). Values and masks go to value and mask, which have room for half of
 * strlen(text). */
static const char *parse_octets(const char *text, uint8_t *value, uint8_t *mask, size_t *n, size_t *where)
{
    size_t i = 0;
    *n = 0;
    while (text[i] != '\0') {
        if (blank(text[i])) {
            i++;
            continue;
        }
        uint8_t v = 0, m = 0;
        for (int half = 0; half < 2; half++, i++) {
            int d = text[i] == '\0' ? -1 : hex_digit(text[i]);
            *where = i;
            if (d < 0 && !(mask != NULL && wild(text[i])))
                return text[i] == '\0' || (half == 1 && blank(text[i])) ? "odd number of hex digits"
                                                                        : "no hex digit";
            v = (uint8_t)(v << 4 | (d < 0 ? 0 : d));
            m = (uint8_t)(m << 4 | (d < 0 ? 0 : 0x0F));
        }
        value[*n] = v;
        if (mask != NULL)
            mask[*n] = m;
        (*n)++;
    }
    return NULL;
}

/* A line of hex into the script's bytes, for the step that was added last. */
static const char *add_command(struct script *s, const char *text, unsigned long line, size_t *where)
{
    size_t n = 0, room = strlen(text) / 2 + 1;
    uint8_t *octets = malloc(room);
    const char *wrong = octets == NULL ? "no memory" : parse_octets(text, octets, NULL, &n, where);
    if (wrong == NULL && (n == 0 || n > UICC_COMMAND_MAX)) {
        *where = 0;
        wrong = n == 0 ? "a command without octets" : "longer than any APDU can be";
    }
    if (wrong == NULL) {
        struct step *step = add_step(s, STEP_COMMAND, line);
        if (step == NULL || !add_bytes(s, octets, n))
            wrong = "no memory";
        else
            step->n = n;
    }
    if (octets != NULL)
        crypto_wipe(octets, room);
    free(octets);
    return wrong;
}

static const char *add_expectation(struct script *s, const char *text, unsigned long line, size_t *where,
                                   bool of_reset)
{
    size_t n = 0, room = strlen(text) / 2 + 1;
    struct step *step = s->n_steps > 0 ? &s->steps[s->n_steps - 1] : NULL;
    while (step != NULL && step > s->steps && step->kind == STEP_COMMENT)
        step--;
    *where = 0;
    if (step == NULL || step->kind != (of_reset ? STEP_RESET : STEP_COMMAND))
        return of_reset ? "an ATR without a reset before it" : "an answer without a command before it";
    if (step->expects)
        return "a second answer to the same command";
    uint8_t *octets = malloc(2 * room);
    const char *wrong = octets == NULL ? "no memory" : parse_octets(text, octets, octets + room, &n, where);
    if (wrong == NULL && (n < 2 || n > UICC_RESPONSE_MAX)) {
        *where = 0;
        wrong = n < 2 ? "an answer has at least a status word" : "longer than any answer can be";
    }
    if (wrong == NULL) {
        step->expects = true;
        step->expect_line = line;
        step->expect_at = s->n_bytes;
        step->expect_n = n;
        if (!add_bytes(s, octets, n) || !add_bytes(s, octets + room, n))
            wrong = "no memory";
    }
    free(octets);
    return wrong;
}

/* Keyword, then a blank or nothing. */
static bool word(const char *line, const char *keyword)
{
    size_t n = strlen(keyword);
    return strncmp(line, keyword, n) == 0 && (line[n] == '\0' || line[n] == ' ' || line[n] == '\t');
}

/* NULL, or what is wrong with the line, at character *where. */
static const char *parse_line(struct script *s, char *line, unsigned long number, size_t *where)
{
    char *end = line + strcspn(line, "\r\n");
    *end = '\0';
    char *hash = strchr(line, '#');
    if (hash != NULL && strspn(line, " \t") == (size_t)(hash - line)) {
        size_t n = strlen(hash);
        struct step *step = add_step(s, STEP_COMMENT, number);
        if (step == NULL || !add_bytes(s, hash, n))
            return "no memory";
        step->n = n;
        return NULL;
    }
    if (hash != NULL)
        end = hash;
    while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *end = '\0';
    char *at = line + strspn(line, " \t");
    const char *wrong = NULL;
    if (*at == '\0')
        return NULL;
    if (strcmp(at, "reset") == 0) {
        wrong = add_step(s, STEP_RESET, number) == NULL ? "no memory" : NULL;
    } else if (word(at, "ATR")) {
        at += 3;
        wrong = add_expectation(s, at, number, where, true);
    } else if (*at == '<') {
        at++;
        wrong = add_expectation(s, at, number, where, false);
    } else {
        at += *at == '>';
        wrong = add_command(s, at, number, where);
    }
    *where += (size_t)(at - line) + 1;
    return wrong;
}

static bool script_read(const struct subcommand *cmd, struct script *s, FILE *f)
{
    char *line = NULL;
    size_t cap = 0, total = 0;
    unsigned long number = 0;
    bool good = true;
    ssize_t n;
    while (good && (n = lines_next(&line, &cap, f)) >= 0) {
        number++;
        total += (size_t)n;
        size_t where = 0;
        const char *wrong = NULL;
        if ((size_t)n != strlen(line))
            wrong = "not a text file: it has a NUL octet";
        else if (n > SCRIPT_LINE_MAX || total > SCRIPT_MAX)
            wrong = "line, or script, too long";
        else
            wrong = parse_line(s, line, number, &where);
        if (wrong != NULL) {
            good = false;
            if (where > 0)
                cli_refuse(cmd, "%s:%lu:%zu: %s", s->name, number, where, wrong);
            else
                cli_refuse(cmd, "%s:%lu: %s", s->name, number, wrong);
        }
    }
    if (good && errno != 0) {
        good = false;
        cli_refuse(cmd, "%s:%lu: %s", s->name, number + 1, lines_trouble());
    }
    if (line != NULL)
        crypto_wipe(line, cap);
    free(line);
    return good;
}

static bool script_load(const struct subcommand *cmd, struct script *s, const char *path)
{
    bool standard = strcmp(path, "-") == 0;
    s->name = standard ? "standard input" : path;
    FILE *f = standard ? stdin : fopen(path, "re");
    if (f == NULL) {
        cli_refuse(cmd, "%s: %s", path, strerror(errno));
        return false;
    }
    bool good = script_read(cmd, s, f);
    if (!standard)
        fclose(f);
    return good;
}

static bool script_from_words(const struct subcommand *cmd, struct script *s, int n, char **words)
{
    for (int i = 0; i < n; i++) {
        if (strcmp(words[i], "reset") == 0) {
            if (add_step(s, STEP_RESET, 0) == NULL) {
                cli_refuse(cmd, "no memory");
                return false;
            }
            continue;
        }
        size_t where = 0;
        const char *wrong = add_command(s, words[i], 0, &where);
        if (wrong != NULL) {
            cli_usage(cmd, "command %d, at character %zu: %s", i + 1, where + 1, wrong);
            return false;
        }
        if (s->steps[s->n_steps - 1].n < 4) {
            cli_usage(
                cmd,
                "command %d has %zu octets, an APDU at least 4: one argument a command, quotes round blanks",
                i + 1, s->steps[s->n_steps - 1].n);
            return false;
        }
    }
    return true;
}

/* ---- the exchange ---- */

/* The card's trace names the command; a note becomes a comment of the transcript. */
static void listen(void *ctx, const struct uicc_trace_event *event)
{
    struct session *s = ctx;
    const char *text = event->text != NULL ? event->text : "";
    if (event->kind == UICC_TRACE_APDU)
        snprintf(s->name, sizeof s->name, "%s%s%s", text, event->detail != NULL ? ", " : "",
                 event->detail != NULL ? event->detail : "");
    else if (event->kind == UICC_TRACE_NOTE)
        printf("# %s\n", text);
}

static bool matches(const struct script *script, const struct step *step, struct span got)
{
    if (got.n != step->expect_n)
        return false;
    const uint8_t *value = script->bytes + step->expect_at, *mask = value + step->expect_n;
    for (size_t i = 0; i < got.n; i++)
        if ((got.p[i] & mask[i]) != value[i])
            return false;
    return true;
}

static void put_expected(const struct script *script, const struct step *step)
{
    const uint8_t *value = script->bytes + step->expect_at, *mask = value + step->expect_n;
    for (size_t i = 0; i < step->expect_n; i++) {
        char digits[3];
        snprintf(digits, sizeof digits, "%02X", value[i]);
        putchar((mask[i] & 0xF0) != 0 ? digits[0] : '.');
        putchar((mask[i] & 0x0F) != 0 ? digits[1] : '.');
    }
}

static void judge(struct session *s, const struct script *script, const struct step *step, struct span got)
{
    if (!step->expects)
        return;
    s->expected++;
    if (matches(script, step, got))
        return;
    s->wrong++;
    printf("# MISMATCH, line %lu expects ", step->expect_line);
    put_expected(script, step);
    putchar('\n');
}

static void reset(struct session *s, const struct script *script, const struct step *step)
{
    uint8_t atr[UICC_ATR_MAX];
    puts("reset");
    size_t n = uicc_reset(s->card.card, atr);
    if (n == 0) {
        puts("# mute: the card's storage cannot be trusted");
    } else {
        fputs("ATR ", stdout);
        cli_put_hex(stdout, span_of(atr, n));
        putchar('\n');
    }
    if (step != NULL)
        judge(s, script, step, span_of(atr, n));
}

/* One command and its answer, printed. Returns the status word. */
static sw_t exchange(struct session *s, struct span command, struct span *data)
{
    s->name[0] = '\0';
    fputs("> ", stdout);
    cli_put_hex(stdout, command);
    putchar('\n');
    size_t n = uicc_transmit(s->card.card, command.p, command.n, s->response);
    sw_t sw = (sw_t)(s->response[n - 2] << 8 | s->response[n - 1]);
    fputs("< ", stdout);
    cli_put_hex(stdout, span_of(s->response, n));
    printf("  # %s%s%s\n", s->name, s->name[0] != '\0' ? ": " : "", sw_text(sw));
    *data = span_of(s->response, n - 2);
    return sw;
}

static void join(struct session *s, struct span data)
{
    struct buf to = buf_of(s->joined, UICC_RESPONSE_MAX - 2);
    to.len = s->joined_n;
    buf_put(&to, data);
    s->joined_n = to.len;
}

/* The class of the GET RESPONSE that fetches this command's data: its own family's, on its channel (TS 102
 * 221 7.3.1.1, TS 51.011 9.4). */
static uint8_t fetch_class(struct span command)
{
    struct command c;
    if (command_parse(command, &c) != SW_OK || c.klass == CLASS_UNKNOWN)
        return 0x00;
    return command_cla(c.klass == CLASS_GSM ? CLASS_GSM : CLASS_ISO, c.channel);
}

/* What a reader that speaks T=0 does by itself: 61xx is followed by GET RESPONSE, 6Cxx by the command with
 * the right Le. */
static sw_t follow(struct session *s, struct span command)
{
    uint8_t again[5];
    struct span data;
    sw_t sw = exchange(s, command, &data);
    s->joined_n = 0;
    join(s, data);
    uint8_t fetch = fetch_class(command);
    struct span last = command;
    for (int round = 0; s->automatic && round < AUTO_ROUNDS; round++) {
        uint8_t le = (uint8_t)(sw & 0xFF);
        if ((sw & 0xFF00) == SW_DATA_AVAILABLE || (sw & 0xFF00) == SW_GSM_DATA_AVAILABLE ||
            (sw & 0xFF00) == SW_GSM_DOWNLOAD_ERROR)
            memcpy(again, (const uint8_t[5]){fetch, 0xC0, 0x00, 0x00, le}, 5);
        else if ((sw & 0xFF00) == SW_WRONG_LE && (last.n == 4 || last.n == 5)) {
            if (last.p != again)
                memcpy(again, last.p, 4);
            again[4] = le;
        } else
            break;
        last = span_of(again, sizeof again);
        sw = exchange(s, last, &data);
        join(s, data);
    }
    s->joined[s->joined_n] = (uint8_t)(sw >> 8);
    s->joined[s->joined_n + 1] = (uint8_t)sw;
    return sw;
}

/* ---- under a secure channel ---- */

static void comment_hex(const char *what, struct span octets)
{
    printf("# %s ", what);
    cli_put_hex(stdout, octets);
    putchar('\n');
}

/* The session is opened, after each reset anew. */
static bool open_channel(struct session *s)
{
    uint8_t command[64];
    s->joined_n = 0;
    for (unsigned step = 0; step < APDU_CHANNEL_STEPS; step++) {
        struct buf b = buf_of(command, sizeof command);
        const char *wrong = apdu_channel_step(s->channel, step, span_of(s->joined, s->joined_n), &b);
        if (wrong != NULL)
            printf("# no secure channel: %s\n", wrong);
        if (wrong != NULL || (follow(s, buf_span(&b)) & 0xF000) != 0x9000)
            return false;
    }
    s->channel->open = true;
    return true;
}

/* What is expected is the answer in plain. */
static void understand(struct session *s, sw_t sw)
{
    uint8_t *plain = malloc(UICC_RESPONSE_MAX);
    struct buf b = buf_of(plain, plain != NULL ? UICC_RESPONSE_MAX - 2 : 0);
    const char *wrong = apdu_channel_unwrap(s->channel, sw, span_of(s->joined, s->joined_n), &b);
    if (wrong != NULL) {
        printf("# %s\n", wrong);
        s->wrong++;
    } else if (b.len > 0) {
        comment_hex("answered:", buf_span(&b));
        memcpy(s->joined, plain, b.len);
        s->joined_n = b.len;
        s->joined[b.len] = (uint8_t)(sw >> 8);
        s->joined[b.len + 1] = (uint8_t)sw;
    }
    free(plain);
}

static void transmit(struct session *s, const struct script *script, const struct step *step)
{
    uint8_t wrapped[300];
    struct buf b = buf_of(wrapped, sizeof wrapped);
    struct span command = span_of(script->bytes + step->at, step->n);
    if (s->channel != NULL && apdu_channel_wrap(s->channel, command, &b)) {
        comment_hex("under the secure channel:", command);
        understand(s, follow(s, buf_span(&b)));
    } else {
        (void)follow(s, command);
    }
    judge(s, script, step, span_of(s->joined, s->joined_n + 2));
}

static void play(struct session *s, const struct script *script)
{
    bool reset_done = false;
    for (size_t i = 0; i < script->n_steps && !ferror(stdout); i++) {
        const struct step *step = &script->steps[i];
        if (step->kind == STEP_COMMENT) {
            fwrite(script->bytes + step->at, 1, step->n, stdout);
            putchar('\n');
            continue;
        }
        if (step->kind == STEP_RESET || !reset_done) {
            reset(s, script, step->kind == STEP_RESET ? step : NULL);
            s->wrong += s->channel != NULL && !open_channel(s);
        }
        reset_done = true;
        if (step->kind == STEP_COMMAND)
            transmit(s, script, step);
    }
    if (!reset_done)
        reset(s, script, NULL);
}

/* The domain is the issuer's, unless --aid says otherwise. */
static bool prepare_channel(const struct subcommand *cmd, struct session *s, const char *keys)
{
    struct keys_error error;
    const struct profile *p = &s->card.profile->p;
    s->channel->crypto = s->card.crypto;
    for (unsigned i = 0; i < p->n_applets && s->channel->aid_len == 0; i++)
        if (strcmp(p->applets[i].class_name, "isd") == 0) {
            s->channel->aid_len = p->applets[i].aid_len;
            memcpy(s->channel->aid, p->applets[i].aid, p->applets[i].aid_len);
        }
    if (s->channel->aid_len == 0) {
        cli_refuse(cmd, "the card's profile has no issuer security domain: --aid names another");
        return false;
    }
    cli_warn_readable(cmd, keys);
    if (apdu_channel_keys(keys, s->card.iccid, s->channel->kvn, &s->channel->keys, &error))
        return true;
    cli_refuse(cmd, "--keys: %s", error.text);
    return false;
}

static int replay(const struct subcommand *cmd, const char *deck, struct request *r,
                  const struct script *script)
{
    struct session s = {.automatic = r->automatic || r->secured, .channel = r->secured ? &r->channel : NULL};
    int code = EXIT_REFUSED;
    s.response = malloc(UICC_RESPONSE_MAX);
    s.joined = malloc(UICC_RESPONSE_MAX);
    if (s.response == NULL || s.joined == NULL)
        cli_refuse(cmd, "no memory");
    else if (cli_card_open_anchored(cmd, deck, r->iccid, DECK_POWER, &r->anchor, &s.card, &code)) {
        s.card.env.ctx = &s;
        s.card.env.trace = listen;
        bool ready = !r->secured || prepare_channel(cmd, &s, r->keys);
        if (ready)
            play(&s, script);
        uicc_power_off(s.card.card);
        cli_card_close(&s.card);
        code = ready ? cli_finish(cmd) : EXIT_REFUSED;
        if (s.wrong > 0 && s.expected == 0)
            code = cli_refuse(cmd, "there was no secure channel, or it broke");
        else if (s.wrong > 0)
            code =
                cli_refuse(cmd, "%s: %lu of %lu expected answers differ", script->name, s.wrong, s.expected);
    }
    /* Answers may have had CK and IK in them. */
    if (s.response != NULL)
        crypto_wipe(s.response, UICC_RESPONSE_MAX);
    if (s.joined != NULL)
        crypto_wipe(s.joined, UICC_RESPONSE_MAX);
    free(s.response);
    free(s.joined);
    return code;
}

static bool octets_of(const struct subcommand *cmd, const char *option, const char *text, uint8_t *to,
                      size_t min, size_t max, size_t *n)
{
    struct buf b = buf_of(to, max);
    bool good = hex_parse(text, &b, NULL) && b.len >= min;
    *n = b.len;
    if (!good && max == 1)
        cli_usage(cmd, "%s: two hexadecimal digits", option);
    else if (!good)
        cli_usage(cmd, "%s: hexadecimal, %zu to %zu octets", option, min, max);
    return good;
}

/* One octet of the request's, in hex. */
static bool one_octet(const char *option, uint8_t *to)
{
    size_t n;
    return octets_of(&cmd_apdu, option, optarg, to, 1, 1, &n);
}

static bool take_kvn(void *request)
{
    struct request *r = request;
    r->secured = true;
    return one_octet("--kvn", &r->channel.kvn);
}

static bool take_level(void *request)
{
    struct request *r = request;
    r->level = true;
    return one_octet("--level", &r->channel.level);
}

static bool take_aid(void *request)
{
    struct apdu_channel *c = &((struct request *)request)->channel;
    return octets_of(&cmd_apdu, "--aid", optarg, c->aid, 5, sizeof c->aid, &c->aid_len);
}

static const struct cli_setting settings[] = {
    {"card", CLI_ICCID, offsetof(struct request, iccid), NULL},
    {"script", CLI_TEXT, offsetof(struct request, path), NULL},
    {"auto", CLI_FLAG, offsetof(struct request, automatic), NULL},
    {"kvn", CLI_TAKEN, 0, take_kvn},
    {"keys", CLI_TEXT, offsetof(struct request, keys), NULL},
    {"level", CLI_TAKEN, 0, take_level},
    {"aid", CLI_TAKEN, 0, take_aid},
    {"anchor", CLI_TEXT, offsetof(struct request, anchor.path), NULL},
    {"anchor-reset", CLI_FLAG, offsetof(struct request, anchor.reset), NULL},
    {NULL, CLI_FLAG, 0, NULL},
};

static int run(int argc, char **argv)
{
    const struct subcommand *cmd = &cmd_apdu;
    struct request r = {.channel = {.level = SCP_C_MAC | SCP_C_DECRYPTION}};
    int code;
    if (!cli_settings(cmd, argc, argv, settings, &r, NULL, &code))
        return code;
    if (optind == argc)
        return cli_usage(cmd, "which deck?");
    if (!cli_anchor(cmd, &r.anchor))
        return EXIT_USAGE;
    if (r.secured != (r.keys != NULL) || (!r.secured && (r.level || r.channel.aid_len > 0)))
        return cli_usage(cmd, "a secure channel needs both --kvn and --keys");
    const char *deck = argv[optind];
    int n_words = argc - optind - 1;
    if (r.path != NULL && n_words > 0)
        return cli_usage(cmd, "either --script or commands, not both");
    struct script script = {.name = "command line"};
    bool good = r.path != NULL ? script_load(cmd, &script, r.path)
                               : script_from_words(cmd, &script, n_words, argv + optind + 1);
    code = !good ? (r.path != NULL ? EXIT_REFUSED : EXIT_USAGE) : replay(cmd, deck, &r, &script);
    script_free(&script);
    crypto_wipe(&r, sizeof r);
    return code;
}

const struct subcommand cmd_apdu = {
    .name = "apdu",
    .summary = "send commands to a card without a reader; replay transcripts",
    .help = "Usage: softuicc apdu DECK [--card ICCID] [--auto] [HEX...]\n"
            "       softuicc apdu DECK [--card ICCID] [--auto] --script FILE\n"
            "Resets the card, sends it commands and prints what was said, as a transcript that\n"
            "--script reads again. Each HEX is one command APDU, or the word reset; without any, the\n"
            "card is reset only.\n\n"
            "  --card ICCID   which card of the deck (needed when it has several)\n"
            "  --script FILE  commands from a transcript; - reads standard input. Lines are\n"
            "                 '> HEX' or 'HEX' (a command), '< HEX' (the answer expected to it, with\n"
            "                 . or x for any digit), 'reset', 'ATR HEX' (expected), '# comment'.\n"
            "                 The script is checked as a whole before the card sees its first line.\n"
            "  --auto         follow 61xx with GET RESPONSE and repeat after 6Cxx with the right Le,\n"
            "                 as T=0 readers do; answers are then expected whole\n"
            "  --kvn HH --keys FILE\n"
            "                 opens a GlobalPlatform secure channel first, with the card's keyset of this\n"
            "                 version in a key file (20: SCP02, 30: SCP03, ...), and sends commands of\n"
            "                 class 8X under it; answers are then expected in plain\n"
            "  --level HH     its security level (default 03: C-MAC and C-DECRYPTION)\n"
            "  --aid HEX      the security domain (default: the issuer's)\n"
            "  --anchor FILE, --anchor-reset\n"
            "                 as softuicc run has them\n"
            "  --help         this text\n\n"
            "Exit code 1 when an answer is not the expected one.\n",
    .run = run,
};
