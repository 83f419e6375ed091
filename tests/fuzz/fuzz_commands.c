/* SPDX-License-Identifier: Apache-2.0
 *
 * Commands of softuicc, whole and in this process, with a file that somebody else has made. The input's first
 * line names a row of `rows`, the rest is the file (and standard input). Whatever is in it: an exit code that
 * is one; an error in lines that say which command; no key of the card in what is printed; and a command that
 * fails has left nothing behind.
 */
/* cmocka.h needs these before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <dirent.h>
#include <openssl/pem.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>

#include "fuzz.h"
#include "fuzz_run.h"
#include "fuzz_sql.h"
#include "hex.h"
#include "identity.h"
#include "keys.h"

#define ICCID "8900101000000000019"
#define IMSI  "001010123456780"
#define SEED  "00112233445566778899aabbccddeeff"

enum { FILES_MAX = 24, WORDS_MAX = 40, NAME_ROOM = 64, PATH_ROOM = 160, PAIRS_MAX = 16 };

enum {
    MAY_HAVE_RUN = 1, /* what fails after something was printed has begun, and is in the deck */
    TELLS_KEYS = 2,   /* that is what it is for */
    ENDS = 4,         /* a server: told to end before it begins */
    NO_PATHS = 8,     /* the file may name files: none of another folder */
    AT_ONCE = 16,     /* and not take days, though they be virtual ones */
};

/* Words: D the deck, K the maker's record of it, V a vault, A an authentication centre, R records, C a
 * certificate, P its key, F the file, O and Q what is not there yet. */
static const struct row {
    const char *name;
    const struct subcommand *cmd;
    const char *words;
    unsigned flags;
} rows[] = {
    {"apdu", &cmd_apdu, "D --script F", MAY_HAVE_RUN},
    {"apdu-auto", &cmd_apdu, "D --auto --script F", MAY_HAVE_RUN},
    {"apdu-stdin", &cmd_apdu, "D --script -", MAY_HAVE_RUN},
    {"apdu-keys", &cmd_apdu, "D --kvn 30 --keys F 80CA00E000", MAY_HAVE_RUN},
    {"add", &cmd_add, "D --csv F --keys O --seed " SEED, 0},
    {"add-replace", &cmd_add, "D --csv F --replace --seed " SEED, 0},
    {"new", &cmd_new, "O --profile test --csv F --keys Q --seed " SEED, 0},
    {"new-profile", &cmd_new, "O --profile F --keys Q --seed " SEED, NO_PATHS},
    {"export", &cmd_export, "D --format csv --keys F", TELLS_KEYS},
    {"export-osmo", &cmd_export, "D --format osmo-hlr --keys F", TELLS_KEYS},
    {"change", &cmd_change, "--iccid " ICCID " --imsi 001020000000042 --keys F --counter 5 --print", 0},
    {"change-records", &cmd_change, "--iccid " ICCID " --imsi 001020000000042 --keys K --records F --print",
     0},
    {"ota-keys", &cmd_ota, "encode --keys F --iccid " ICCID " --counter 5 --tar isd --apdu 00A40004023F00",
     0},
    {"ota-script", &cmd_ota, "encode --spi 0000 --tar usim --script F", 0},
    {"ota-expanded", &cmd_ota, "encode --spi 0000 --tar usim --expanded --script F", 0},
    {"ota-decode", &cmd_ota, "decode", 0},
    {"ota-json", &cmd_ota, "decode --json", 0},
    {"routes", &cmd_smsc, "--deck D --listen 127.0.0.1:0 --routes F", ENDS},
    {"scenario", &cmd_modem, "D --network home=A --virtual-clock --seed 1 --script F",
     MAY_HAVE_RUN | NO_PATHS | AT_ONCE},
    {"channel-key", &cmd_modem, "D --secure-channel F", MAY_HAVE_RUN | ENDS},
    {"auc-key", &cmd_modem, "D --network home=A --auc-key F", MAY_HAVE_RUN | ENDS},
    {"profile", &cmd_profile, "check F", NO_PATHS},
    {"profile-json", &cmd_profile, "show F --json", NO_PATHS | TELLS_KEYS},
    {"vault-import", &cmd_vault, "import F --vault V", 0},
    {"vault-operator", &cmd_vault, "operator add X --vault V --cert F", 0},
    {"vault-open", &cmd_vault, "open F --cert C --key P -o O", 0},
    {"vault-key", &cmd_vault, "list --vault V --key-file F", 0},
    {"vault-passphrase", &cmd_vault, "init --vault O --passphrase-file F", 0},
    {"auc-add", &cmd_auc, "add --db A --imsi 001020000000042 --iccid " ICCID " --index 1 --keys F", 0},
    {"handover", &cmd_handover,
     "import F --cert C --key P --trust C --records R --imsi-range 001020000000000-001020000009999", 0},
    {"handover-keys", &cmd_handover,
     "make --row " ICCID ",001020000000042,1,-,- --keys F --sign C --key P --to C -o O", 0},
    {"handover-records", &cmd_handover,
     "make --records F --imsi-range 001020000000000-001020000009999 --sign C --key P --to C -o O", 0},
    {"show", &cmd_show, "F", 0},
    {"diff", &cmd_diff, "D F", 0},
};

static const struct {
    char letter;
    const char *name;
} places[] = {{'D', "deck"}, {'K', "keys"}, {'V', "vault"}, {'A', "auc"}, {'R', "records"},
              {'C', "cert"}, {'P', "key"},  {'F', "file"},  {'O', "new"}, {'Q', "new-keys"}};

static struct {
    const char *folder;
    struct {
        char name[NAME_ROOM];
        uint8_t *octets;
        size_t n;
    } files[FILES_MAX]; /* as they are before each command */
    size_t n_files;
    char secrets[PAIRS_MAX][33]; /* K of each pair, as digits */
    size_t n_secrets;
} base;

/* ---- files ---- */

static void path_of(const char *name, char path[PATH_ROOM])
{
    (void)snprintf(path, PATH_ROOM, "%s/%.60s", base.folder, name);
}

/* LMDB's own, which says nothing of what a deck has. */
static bool a_lock(const char *name)
{
    const size_t n = strlen(name);
    return n > 5 && strcmp(name + n - 5, "-lock") == 0;
}

static int known(const char *name)
{
    for (size_t i = 0; i < base.n_files; i++)
        if (strcmp(base.files[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* Each of the folder's files to `each`. */
static void every_file(void (*each)(const char *name))
{
    char names[2 * FILES_MAX][NAME_ROOM];
    size_t n = 0;
    DIR *d = opendir(base.folder);
    for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL && n < 2 * FILES_MAX;)
        if (e->d_name[0] != '.')
            (void)snprintf(names[n++], NAME_ROOM, "%.60s", e->d_name);
    (void)closedir(d);
    for (size_t i = 0; i < n; i++)
        each(names[i]);
}

static void take(const char *name)
{
    char path[PATH_ROOM];
    path_of(name, path);
    if (a_lock(name) || base.n_files == FILES_MAX)
        return;
    (void)snprintf(base.files[base.n_files].name, NAME_ROOM, "%s", name);
    base.files[base.n_files].octets = fuzz_slurp(path, &base.files[base.n_files].n);
    base.n_files++;
}

static void drop_unknown(const char *name)
{
    char path[PATH_ROOM];
    path_of(name, path);
    if (known(name) < 0)
        (void)unlink(path);
}

static void restore(void)
{
    every_file(drop_unknown);
    for (size_t i = 0; i < base.n_files; i++) {
        char path[PATH_ROOM];
        const struct span s = span_of(base.files[i].octets, base.files[i].n);
        path_of(base.files[i].name, path);
        if (!fuzz_same(path, s))
            fuzz_spill(path, s);
    }
}

static const char *of_row; /* for what is said */

static void must_be_old(const char *name)
{
    char path[PATH_ROOM];
    const int i = known(name);
    path_of(name, path);
    if (strcmp(name, "file") == 0 || a_lock(name))
        return;
    if (i < 0)
        fuzz_die("'%s' failed, and left %s behind", of_row, name);
    if (!fuzz_same(path, span_of(base.files[i].octets, base.files[i].n)))
        fuzz_die("'%s' failed, and changed %s", of_row, name);
}

/* ---- a command ---- */

/* Words as they stand, letters for places. */
static int line_of(const struct row *row, char *argv[WORDS_MAX], char text[4096])
{
    char *save = NULL, *to = text + 1024;
    int n = 0;
    (void)snprintf(text, 1024, "%s %s", row->cmd->name, row->words);
    for (char *word = strtok_r(text, " ", &save); word != NULL && n < WORDS_MAX - 1;
         word = strtok_r(NULL, " ", &save)) {
        char *letter = strchr(word, '=') != NULL ? strchr(word, '=') + 1 : word;
        argv[n++] = word;
        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
            if (letter[0] == places[i].letter && letter[1] == '\0') {
                argv[n - 1] = to;
                to += 1 + sprintf(to, "%.*s%s/%s", (int)(letter - word), word, base.folder, places[i].name);
            }
    }
    argv[n] = NULL;
    return n;
}

static int run(const struct row *row, const char *input, struct fuzz_said *said)
{
    char text[4096], *argv[WORDS_MAX];
    const int argc = line_of(row, argv, text);
    sigset_t term, before;
    (void)sigemptyset(&term);
    (void)sigaddset(&term, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &term, &before);
    if ((row->flags & ENDS) != 0)
        (void)raise(SIGTERM);
    const int code = fuzz_run(row->cmd, argc, argv, input, said);
    const struct timespec at_once = {0, 0};
    (void)sigtimedwait(&term, NULL, &at_once);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return code;
}

/* ---- what must hold ---- */

static void check_errors(const struct row *row, int code, const struct fuzz_said *said)
{
    char head[40];
    const size_t n = (size_t)snprintf(head, sizeof head, "softuicc %s", row->cmd->name);
    if (code < 0 || code > 2)
        fuzz_die("'%s': exit code %d", row->name, code);
    if ((code == 0) != (said->err_n == 0))
        fuzz_die("'%s': exit code %d, and says '%s'", row->name, code, said->err);
    for (const char *at = said->err; *at != '\0';) {
        const char *end = strchr(at, '\n');
        const char *colon = strstr(at, ": "); /* "ota decode: ", too */
        if (strncmp(at, head, n) != 0 || end == NULL || colon == NULL || colon + 2 >= end)
            fuzz_die("'%s': an error that is not a line of its own: '%s'", row->name, at);
        for (const char *c = at; c < end; c++)
            if (iscntrl((unsigned char)*c))
                fuzz_die("'%s': an error with control characters", row->name);
        at = end + 1;
    }
}

static void check_secrets(const struct row *row, struct span input, const struct fuzz_said *said)
{
    for (size_t i = 0; i < base.n_secrets; i++) {
        char upper[33];
        for (int k = 0; k < 33; k++)
            upper[k] = (char)toupper((unsigned char)base.secrets[i][k]);
        const char *const forms[] = {base.secrets[i], upper};
        for (int k = 0; k < 2; k++)
            if (fuzz_has(said->err, said->err_n, forms[k], 32) ||
                ((row->flags & TELLS_KEYS) == 0 && !fuzz_has(input.p, input.n, forms[k], 32) &&
                 fuzz_has(said->out, said->out_n, forms[k], 32)))
                fuzz_die("'%s' says K of pair %zu", row->name, i);
    }
}

/* No days, and no names of other places. */
static bool suits(const struct row *row, struct span s)
{
    size_t digits = 0;
    for (size_t i = 0; i < s.n; i++) {
        const char c = (char)s.p[i];
        if ((row->flags & NO_PATHS) != 0 && c == '/')
            return false;
        if ((row->flags & AT_ONCE) != 0 && digits > 0 && (digits > 5 || strchr("hdm", c) != NULL) &&
            (c == 's' || (c != 'm' && (i + 1 == s.n || isspace(s.p[i + 1]))) ||
             (c == 'm' && i + 1 < s.n && s.p[i + 1] == 'i')))
            return false;
        digits = isdigit(s.p[i]) ? digits + 1 : 0;
    }
    return true;
}

static void command(const struct row *row, struct span rest)
{
    struct fuzz_said said = {NULL, NULL, 0, 0};
    char path[PATH_ROOM];
    if (!suits(row, rest))
        return;
    of_row = row->name;
    restore();
    path_of("file", path);
    fuzz_spill(path, rest);
    const int code = run(row, path, &said);
    check_errors(row, code, &said);
    check_secrets(row, rest, &said);
    if (code != 0 && ((row->flags & MAY_HAVE_RUN) == 0 || said.out_n == 0))
        every_file(must_be_old);
    free(said.out);
    free(said.err);
}

/* ---- the world ---- */

static bool note_secret(void *ctx, const struct key_row *row, struct keys_error *error)
{
    (void)ctx, (void)error;
    /* pair 0 of the profile `test` has a K that everybody knows */
    if (!row->common && row->index > 0 && base.n_secrets < PAIRS_MAX)
        hex_format(span_of(row->pair.key.k, 16), base.secrets[base.n_secrets++]);
    return true;
}

static void write_pem(const char *name, const struct cms_identity *who)
{
    char path[PATH_ROOM];
    path_of(name, path);
    FILE *f = fopen(path, "we");
    if (f == NULL || fchmod(fileno(f), 0600) != 0 ||
        (strcmp(name, "cert") == 0 ? PEM_write_X509(f, who->certificate)
                                   : PEM_write_PrivateKey(f, who->key, NULL, NULL, 0, NULL, NULL)) != 1)
        exit(1);
    (void)fclose(f);
}

static void make(void)
{
    static const struct row first[] = {
        {"new", &cmd_new, "D --profile test --keys K --seed " SEED, 0},
        {"vault", &cmd_vault, "init --vault V", 0},
        {"auc", &cmd_auc, "add --db A --keys K --imsi " IMSI " --index 0", 0},
    };
    struct keys_error why;
    struct cms_identity who = identity("fuzz", false);
    char path[PATH_ROOM];
    base.folder = fuzz_folder();
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++) {
        struct fuzz_said said = {NULL, NULL, 0, 0};
        if (run(&first[i], "/dev/null", &said) != 0)
            fuzz_die("cannot begin: %s", said.err);
        free(said.out);
        free(said.err);
    }
    write_pem("cert", &who);
    write_pem("key", &who);
    identity_free(&who);
    path_of("keys", path);
    if (!keys_each(path, note_secret, NULL, &why))
        fuzz_die("cannot begin: %s", why.text);
    every_file(take);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (base.folder == NULL)
        make();
    const uint8_t *end = n > 0 ? memchr(data, '\n', n) : NULL;
    const size_t len = end != NULL ? (size_t)(end - data) : n;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strlen(rows[i].name) == len && memcmp(rows[i].name, data, len) == 0)
            command(&rows[i], span_slice(span_of(data, n), len + 1, n));
    return 0;
}
