/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hex.h"
#include "one_line.h"
#include "plugins.h"

/* Who starts us with a standard stream closed would have the next file opened take its number: what is
 * printed would go into the deck. In its place stands something that cannot be written (or read). */
static bool standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            return false;
    return true;
}

bool cli_protect(void)
{
    const struct rlimit none = {0, 0};
    if (!standard_streams())
        return false; /* nowhere to say it */
    (void)signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is a full disk: said so, not died of */
    if (setrlimit(RLIMIT_CORE, &none) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
        return true;
    perror("softuicc: cannot switch core files off");
    return false;
}

/* One line, whatever the names in it contain. */
static void complain(const struct subcommand *cmd, const char *format, va_list args, const char *tail)
{
    char text[1400];
    int n = vsnprintf(text, sizeof text, format, args);
    if (n < 0)
        text[0] = '\0';
    one_line_make(text);
    fprintf(stderr, "softuicc %s: %s%s\n", cmd->name, text, tail);
}

int cli_refuse(const struct subcommand *cmd, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain(cmd, format, args, "");
    va_end(args);
    return EXIT_REFUSED;
}

int cli_usage(const struct subcommand *cmd, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain(cmd, format, args, " (see --help)");
    va_end(args);
    return EXIT_USAGE;
}

void cli_warn_readable(const struct subcommand *cmd, const char *path)
{
    struct stat st;
    if (path != NULL && strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
        (st.st_mode & 077) != 0)
        cli_refuse(
            cmd,
            "warning: %.300s has secrets in it, and others than its owner may use it (mode %03o): chmod 600 it",
            path, (unsigned)(st.st_mode & 0777));
}

/* getopt_long over `options` (which need not list --help), long options only, with our own messages. Returns
 * what getopt_long does: -1 at the end, the option's val; or DONE when there is nothing more to do: --help
 * was printed, or an error; return *code then. */
enum { DONE = 0x7FFFFFFF };
static int next_option(const struct subcommand *cmd, int argc, char **argv, const struct option *options,
                       int *code)
{
    enum { OPTIONS_MAX = 48 };
    struct option all[OPTIONS_MAX + 2] = {{"help", no_argument, NULL, DONE}};
    for (size_t i = 0; i < OPTIONS_MAX && options[i].name != NULL; i++)
        all[i + 1] = options[i];
    opterr = 0;
    int at = optind;
    int val = getopt_long(argc, argv, ":h", all, NULL);
    /* optind still points to an option that takes no part in what follows only when getopt stopped inside a
     * cluster of short ones. */
    const char *word = optind > at && optind <= argc ? argv[optind - 1] : at < argc ? argv[at] : "";
    switch (val) {
    case 'h':
    case DONE:
        fputs(cmd->help, stdout);
        *code = cli_finish(cmd);
        return DONE;
    case ':':
        *code = cli_usage(cmd, "%.60s needs a value", word);
        return DONE;
    case '?':
        /* The word may hold a secret ("--seedx=00..."): shown up to the value only. */
        *code =
            cli_usage(cmd, "unknown, ambiguous or wrongly used option %.*s", (int)strcspn(word, "="), word);
        return DONE;
    default:
        return val;
    }
}

/* Puts an option's value where its row says. */
static bool take_setting(const struct subcommand *cmd, const struct cli_setting *s, void *at)
{
    char name[40];
    switch (s->kind) {
    case CLI_ICCID:
        (void)snprintf(name, sizeof name, "--%s", s->name);
        if (!cli_iccid(cmd, name, optarg))
            return false;
        *(const char **)at = optarg;
        return true;
    case CLI_TEXT:
        *(const char **)at = optarg;
        return true;
    case CLI_FLAG:
        *(bool *)at = true;
        return true;
    default:
        return s->take(at);
    }
}

bool cli_parts(const struct subcommand *cmd, int argc, char **argv, const struct cli_part *parts,
               void *request, uint32_t *given, int *code)
{
    enum { SETTINGS_MAX = 48, FIRST = 256 };
    static char out[] = "--out";
    static const int arguments[] = {
        [CLI_TEXT] = required_argument,  [CLI_ICCID] = required_argument, [CLI_FLAG] = no_argument,
        [CLI_TAKEN] = required_argument, [CLI_SWITCH] = no_argument,      [CLI_MAYBE] = optional_argument,
    };
    struct option options[SETTINGS_MAX + 1] = {{NULL, 0, NULL, 0}};
    const struct cli_setting *rows[SETTINGS_MAX];
    void *places[SETTINGS_MAX];
    int n = 0;
    bool has_out = false;
    for (const struct cli_part *part = parts; part->table != NULL; part++)
        for (const struct cli_setting *s = part->table; s->name != NULL && n < SETTINGS_MAX; s++, n++) {
            has_out = has_out || strcmp(s->name, "out") == 0;
            rows[n] = s;
            places[n] = (char *)request + part->at + s->at;
            options[n] = (struct option){s->name, arguments[s->kind], NULL, FIRST + n};
        }
    for (int i = 1; has_out && i < argc; i++)
        if (strcmp(argv[i], "-o") == 0)
            argv[i] = out;
    *code = EXIT_USAGE;
    int opt;
    while ((opt = next_option(cmd, argc, argv, options, code)) != -1) {
        if (opt == DONE || !take_setting(cmd, rows[opt - FIRST], places[opt - FIRST]))
            return false;
        if (given != NULL && opt - FIRST < 32) /* more rows are more than any first table has */
            *given |= UINT32_C(1) << (opt - FIRST);
    }
    return true;
}

bool cli_settings(const struct subcommand *cmd, int argc, char **argv, const struct cli_setting *table,
                  void *request, uint32_t *given, int *code)
{
    const struct cli_part parts[] = {{table, 0}, {NULL, 0}};
    return cli_parts(cmd, argc, argv, parts, request, given, code);
}

bool cli_settings_for(const struct subcommand *cmd, const struct cli_setting *table, uint32_t given,
                      const char *verb, const char *common, const char *own)
{
    for (int i = 0; table[i].name != NULL; i++) {
        char name[40];
        (void)snprintf(name, sizeof name, " %s ", table[i].name);
        if ((given >> i & 1) != 0 && strstr(common, name) == NULL && strstr(own, name) == NULL) {
            cli_usage(cmd, "--%s says nothing to '%s'", table[i].name, verb);
            return false;
        }
    }
    return true;
}

bool cli_hex(const struct subcommand *cmd, const char *what, const char *text, size_t min, size_t max,
             uint8_t *to, size_t *n)
{
    struct buf out = buf_of(to, max);
    size_t where = 0;
    if (!hex_parse(text, &out, &where)) {
        if (text[where] == '\0')
            cli_usage(cmd, "%s: odd number of hex digits", what);
        else if (!buf_ok(&out))
            cli_usage(cmd, "%s: more than %zu octets", what, max);
        else if ((unsigned char)text[where] < 0x20 || (unsigned char)text[where] > 0x7E)
            cli_usage(cmd, "%s: no hex digit at position %zu", what, where + 1);
        else
            cli_usage(cmd, "%s: '%c' is no hex digit, at position %zu", what, text[where], where + 1);
        return false;
    }
    if (out.len < min) {
        cli_usage(cmd, "%s: %zu octet%s, needs %s%zu", what, out.len, out.len == 1 ? "" : "s",
                  min == max ? "" : "at least ", min);
        return false;
    }
    *n = out.len;
    return true;
}

bool cli_number(const struct subcommand *cmd, const char *what, const char *text, uint64_t min, uint64_t max,
                uint64_t *value)
{
    char *end = NULL;
    errno = 0;
    unsigned long long v = text[0] >= '0' && text[0] <= '9' ? strtoull(text, &end, 10) : 0;
    if (end == NULL || *end != '\0') {
        cli_usage(cmd, "%s: '%.40s' is no number", what, text);
        return false;
    }
    if (errno == ERANGE || v < min || v > max) {
        cli_usage(cmd, "%s: %.40s is not between %llu and %llu", what, text, (unsigned long long)min,
                  (unsigned long long)max);
        return false;
    }
    *value = v;
    return true;
}

bool cli_unsigned(const struct subcommand *cmd, const char *what, const char *text, unsigned min,
                  unsigned max, unsigned *value)
{
    uint64_t number = 0;
    const bool good = cli_number(cmd, what, text, min, max, &number);
    if (good)
        *value = (unsigned)number;
    return good;
}

bool cli_digits(const struct subcommand *cmd, const char *what, const char *text, size_t min, size_t max)
{
    size_t n = strspn(text, "0123456789");
    if (text[n] != '\0') {
        cli_usage(cmd, "%s: '%.40s' has something other than digits at position %zu", what, text, n + 1);
        return false;
    }
    if (n < min || n > max) {
        if (min == max)
            cli_usage(cmd, "%s: %zu digits, needs %zu", what, n, min);
        else
            cli_usage(cmd, "%s: %zu digits, needs %zu to %zu", what, n, min, max);
        return false;
    }
    return true;
}

bool cli_iccid(const struct subcommand *cmd, const char *what, const char *text)
{
    return cli_digits(cmd, what, text, 18, DECK_ICCID_MAX);
}

void cli_put_hex(FILE *f, struct span s)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.n; i++) {
        fputc(digits[s.p[i] >> 4], f);
        fputc(digits[s.p[i] & 0x0F], f);
    }
}

/* Octets of the character that begins here, in UTF-8 (RFC 3629); 0: none does. A NUL ends the
 * text, and is no continuation. */
static size_t utf8_character(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t n = p[0] < 0x80                   ? 1
               : p[0] >= 0xC2 && p[0] < 0xE0 ? 2
               : (p[0] & 0xF0) == 0xE0       ? 3
               : p[0] >= 0xF0 && p[0] < 0xF5 ? 4
                                             : 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    bool overlong = (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xF0 && p[1] < 0x90);
    /* surrogates; above 10FFFF */
    bool beyond = (p[0] == 0xED && p[1] >= 0xA0) || (p[0] == 0xF4 && p[1] >= 0x90);
    return n > 1 && (overlong || beyond) ? 0 : n;
}

/* File names need not be text: what is none becomes the replacement character, for JSON is UTF-8. */
void cli_put_json(FILE *f, const char *text)
{
    fputc('"', f);
    while (*text != '\0') {
        unsigned char c = (unsigned char)*text;
        size_t n = utf8_character(text);
        if (n == 0)
            fputs("\\ufffd", f);
        else if (c == '"' || c == '\\')
            fprintf(f, "\\%c", c);
        else if (one_line_control(text) > 0)
            fprintf(f, "\\u%04x", (unsigned)(unsigned char)text[n - 1]);
        else
            fwrite(text, 1, n, f);
        text += n > 0 ? n : 1;
    }
    fputc('"', f);
}

bool cli_durability(const struct subcommand *cmd, const char *name, enum deck_durability *durability)
{
    static const char *const names[] = {
        [DECK_POWER] = "power", [DECK_PROCESS] = "process", [DECK_NONE] = "none"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0) {
            *durability = (enum deck_durability)i;
            return true;
        }
    cli_usage(cmd, "--durability: '%.40s' is none of power, process, none", name);
    return false;
}

int cli_with_signals(const struct subcommand *cmd, int (*serve)(void *ctx, int stop_fd), void *ctx)
{
    sigset_t ends, held, before;
    struct sigaction hangup;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN) /* nohup means it */
        sigaddset(&ends, SIGHUP);
    held = ends;
    sigaddset(&held, SIGPIPE);
    sigprocmask(SIG_BLOCK, &held, &before);
    const int stop_fd = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    int code =
        stop_fd >= 0 ? serve(ctx, stop_fd) : cli_refuse(cmd, "no signal descriptor: %s", strerror(errno));
    struct signalfd_siginfo info; /* the one that ended it, or it would strike when the mask is lifted */
    while (stop_fd >= 0 && read(stop_fd, &info, sizeof info) == (ssize_t)sizeof info)
        ;
    if (stop_fd >= 0)
        close(stop_fd);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return code;
}

int cli_finish(const struct subcommand *cmd)
{
    if (fflush(stdout) != 0 || ferror(stdout))
        return cli_refuse(cmd, "cannot write the output: %s", strerror(errno));
    return EXIT_OK;
}

/* The deck's only card, or the one that was asked for. */
static bool choose(const struct subcommand *cmd, const char *path, const char *iccid, struct cli_card *c,
                   int *code)
{
    if (iccid != NULL) {
        if (!cli_iccid(cmd, "--card", iccid)) {
            *code = EXIT_USAGE;
            return false;
        }
        memcpy(c->iccid, iccid, strlen(iccid) + 1);
        return true;
    }
    uint64_t n = deck_count(c->deck);
    if (n > 1) {
        *code = cli_usage(cmd, "%s has %llu cards: choose one with --card ICCID ('softuicc show' lists them)",
                          path, (unsigned long long)n);
        return false;
    }
    if (n == 0 || !deck_next(c->deck, "", c->iccid)) {
        const char *trouble = deck_trouble(c->deck);
        *code = trouble[0] != '\0' ? cli_refuse(cmd, "%s", trouble) : cli_refuse(cmd, "%s has no card", path);
        return false;
    }
    return true;
}

static void put_card_away(struct cli_card *c)
{
    if (c->card != NULL)
        uicc_close(c->card);
    store_close(c->store);
    c->card = NULL;
    c->store = NULL;
}

const struct applet_class *const *cli_classes(const struct subcommand *cmd, const struct profile *profile,
                                              struct uicc_env *env)
{
    struct plugins_error error;
    const struct applet_class *const *classes = plugins_classes(profile, &error);
    if (classes == NULL)
        cli_refuse(cmd, "%s", error.text);
    else if (env != NULL)
        env->guard = plugins_guard();
    return classes;
}

bool cli_card_switch(const struct subcommand *cmd, const char *path, const char *iccid, struct cli_card *c,
                     int *code)
{
    put_card_away(c);
    if (!choose(cmd, path, iccid, c, code))
        return false;
    *code = EXIT_REFUSED;
    struct deck_error error;
    c->store = deck_card(c->deck, c->iccid, &error);
    if (c->store == NULL) {
        cli_refuse(cmd, "%s", error.text);
        return false;
    }
    const struct uicc_config config = {.env = &c->env,
                                       .profile = c->profile,
                                       .store = c->store,
                                       .classes = cli_classes(cmd, &c->profile->p, &c->env)};
    enum uicc_result result = config.classes != NULL ? uicc_open(&config, &c->card) : UICC_UNKNOWN_APPLET;
    if (result == UICC_OK)
        return true;
    if (config.classes == NULL) {
        put_card_away(c);
        return false;
    }
    c->card = NULL;
    put_card_away(c);
    cli_refuse(cmd, "%s: card %s: %s", path, iccid != NULL ? iccid : c->iccid, uicc_result_text(result));
    return false;
}

bool cli_anchor(const struct subcommand *cmd, const struct deck_anchor *anchor)
{
    if (anchor->path != NULL || !anchor->reset)
        return true;
    cli_usage(cmd, "--anchor-reset: of which anchor? --anchor FILE is needed");
    return false;
}

bool cli_card_open(const struct subcommand *cmd, const char *path, const char *iccid,
                   enum deck_durability durability, struct cli_card *out, int *code)
{
    const struct deck_anchor none = {.path = NULL};
    return cli_card_open_anchored(cmd, path, iccid, durability, &none, out, code);
}

bool cli_card_open_anchored(const struct subcommand *cmd, const char *path, const char *iccid,
                            enum deck_durability durability, const struct deck_anchor *anchor,
                            struct cli_card *out, int *code)
{
    memset(out, 0, sizeof *out);
    *code = EXIT_REFUSED;
    out->crypto = crypto_new();
    if (out->crypto == NULL) {
        cli_refuse(cmd, "out of memory");
        return false;
    }
    out->env = (struct uicc_env){.random = crypto_random, .crypto = out->crypto};
    struct deck_error error;
    out->deck =
        deck_open_anchored(path, durability, out->crypto, anchor->path != NULL ? anchor : NULL, &error);
    bool good = out->deck != NULL;
    if (!good)
        cli_refuse(cmd, "%s", error.text);
    if (good) {
        out->profile = profile_decode(deck_profile(out->deck));
        good = out->profile != NULL;
        if (!good)
            cli_refuse(cmd, "%s: the profile in it cannot be read (damaged, or made by another version)",
                       path);
    }
    if (good && (iccid == NULL || iccid[0] != '\0'))
        good = cli_card_switch(cmd, path, iccid, out, code);
    if (!good)
        cli_card_close(out);
    return good;
}

void cli_card_close(struct cli_card *c)
{
    put_card_away(c);
    if (c->profile != NULL)
        profile_free(c->profile);
    if (c->deck != NULL)
        deck_close(c->deck);
    if (c->crypto != NULL)
        crypto_free(c->crypto);
    memset(c, 0, sizeof *c);
}
