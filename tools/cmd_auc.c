/* SPDX-License-Identifier: Apache-2.0
 *
 * softuicc auc: an operator's authentication centre.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "auc.h"
#include "cli.h"
#include "hex.h"
#include "publish.h"
#include "unix_socket.h"

enum { PATH_ROOM = 4096 };

struct request {
    const struct subcommand *cmd;
    const char *db, *key_file, *passphrase_file;
    const char *keys, *iccid, *imsi, *socket, *format, *out, *apn;
    int index; /* AUC_CURRENT: not given */
    uint8_t amf[2], rand[16], auts[AUC_AUTS_MAX];
    size_t auts_len;
    unsigned mnc_digits;
    bool passphrase, json, verbose, has_rand, has_auts;
};

static int refuse(const struct request *r, const struct sealed_error *error)
{
    return cli_refuse(r->cmd, "%s", error->text);
}

static int needs(const struct request *r, const char *option)
{
    return cli_usage(r->cmd, "%s is needed", option);
}

/* ---- opening ---- */

/* With `make`, a data base that is not there is made. */
static int open_auc(const struct request *r, bool make, struct auc **a)
{
    struct sealed_error error;
    struct stat st;
    char passphrase[SEALED_PASSPHRASE_MAX + 1] = "";
    bool wants = r->passphrase || r->passphrase_file != NULL;
    if (r->db == NULL)
        return needs(r, "--db FILE");
    if (wants && r->key_file != NULL)
        return cli_usage(r->cmd, "a passphrase or a key file: not both");
    bool create = make && lstat(r->db, &st) != 0;
    bool good = create || auc_wants_passphrase(r->db, &wants, &error);
    if (good && wants)
        cli_warn_readable(r->cmd, r->passphrase_file);
    if (good && wants)
        good = sealed_passphrase(r->passphrase_file, create, passphrase, &error);
    if (good) {
        const struct auc_config config = {r->db, create, r->key_file, wants ? passphrase : NULL};
        *a = auc_open(&config, &error);
        good = *a != NULL;
    }
    crypto_wipe(passphrase, sizeof passphrase);
    return good ? EXIT_OK : refuse(r, &error);
}

static int with_auc(const struct request *r, int (*act)(const struct request *r, struct auc *a))
{
    struct auc *a = NULL;
    int code = open_auc(r, false, &a);
    if (code == EXIT_OK)
        code = act(r, a);
    auc_close(a);
    return code;
}

/* ---- subscribers ---- */

static int add(const struct request *r, const struct key_row *row)
{
    struct sealed_error error;
    struct auc *a = NULL;
    int code = open_auc(r, true, &a);
    if (code != EXIT_OK)
        return code;
    bool good = auc_add(a, row, r->imsi, &error);
    auc_close(a);
    if (!good)
        return refuse(r, &error);
    if (r->json)
        printf("{\"imsi\": \"%s\", \"iccid\": \"%s\", \"index\": %u}\n", r->imsi, row->iccid, row->index);
    else
        printf("IMSI %s: pair %u of card %s\n", r->imsi, row->index, row->iccid);
    return cli_finish(r->cmd);
}

/* Which row of the record the IMSI is. */
struct named {
    const char *imsi, *iccid; /* iccid NULL: of any card */
    struct key_row row;
    unsigned n;
};

static bool note_named(void *ctx, const struct key_row *row, struct keys_error *error)
{
    struct named *named = ctx;
    (void)error;
    if (!row->common && !row->pin && strcmp(row->imsi, named->imsi) == 0 &&
        (named->iccid == NULL || strcmp(row->iccid, named->iccid) == 0) && named->n++ == 0)
        named->row = *row;
    return true;
}

/* The pair that was asked for; else the one that the record has with this IMSI;
 * else the only card's first. */
static bool find_pair(const struct request *r, struct key_row *row, struct keys_error *why)
{
    struct named named = {.imsi = r->imsi, .iccid = r->iccid};
    bool good = true;
    if (r->index == AUC_CURRENT)
        good = keys_each(r->keys, note_named, &named, why);
    if (good && named.n == 1)
        *row = named.row;
    else if (good)
        good =
            keys_find(r->keys, r->iccid, false, r->index == AUC_CURRENT ? 0 : (unsigned)r->index, row, why);
    crypto_wipe(&named, sizeof named);
    return good;
}

/* The key comes first: a data base is not made for nothing. */
static int do_add(const struct request *r)
{
    struct keys_error why;
    struct key_row row;
    if (r->keys == NULL)
        return needs(r, "--keys FILE");
    if (r->imsi == NULL)
        return needs(r, "--imsi N");
    if (r->db == NULL)
        return needs(r, "--db FILE");
    cli_warn_readable(r->cmd, r->keys);
    if (!find_pair(r, &row, &why))
        return cli_refuse(r->cmd, "%s", why.text);
    int code = add(r, &row);
    crypto_wipe(&row, sizeof row);
    return code;
}

static int remove_one(const struct request *r, struct auc *a)
{
    struct sealed_error error;
    return auc_remove(a, r->imsi, r->index, &error) ? EXIT_OK : refuse(r, &error);
}

static int do_remove(const struct request *r)
{
    return r->imsi == NULL ? needs(r, "--imsi N") : with_auc(r, remove_one);
}

struct listing {
    bool json;
    uint64_t n;
};

static bool list_one(void *ctx, const struct auc_subscriber *s)
{
    struct listing *l = ctx;
    if (l->json)
        printf("%s\n  {\"imsi\": \"%s\", \"iccid\": \"%s\", \"index\": %u, \"algorithm\": \"%s\", \"sqn\": "
               "%" PRIu64 ", \"current\": %s}",
               l->n > 0 ? "," : "", s->imsi, s->iccid, s->index, s->algorithm->name, s->sqn,
               s->current ? "true" : "false");
    else
        printf("%-15s  %-20s  %-5u  %-9s  %012" PRIX64 "%s\n", s->imsi, s->iccid, s->index,
               s->algorithm->name, s->sqn, s->current ? "  current" : "");
    l->n++;
    return !ferror(stdout);
}

static int list(const struct request *r, struct auc *a)
{
    struct sealed_error error;
    struct listing l = {.json = r->json};
    if (l.json)
        fputs("[", stdout);
    else
        printf("%-15s  %-20s  %-5s  %-9s  %s\n", "IMSI", "ICCID", "index", "algorithm", "SQN");
    bool good = auc_each(a, false, list_one, &l, &error);
    if (l.json)
        puts("]");
    return good || ferror(stdout) ? cli_finish(r->cmd) : refuse(r, &error);
}

static int do_list(const struct request *r)
{
    return with_auc(r, list);
}

/* ---- vectors ---- */

struct shown {
    const char *json, *text;
    struct span value;
};

static void put_vector(const struct request *r, const struct auc_vector *v)
{
    const struct shown rows[] = {
        {"rand", "RAND", span_of(v->rand, 16)},
        {"autn", "AUTN", span_of(v->autn, v->autn_len)},
        {"xres", "XRES", span_of(v->aka.res, v->aka.res_len)},
        {"ck", "CK", span_of(v->aka.ck, v->aka.ck_len)},
        {"ik", "IK", span_of(v->aka.ik, v->aka.ik_len)},
    };
    if (r->json)
        printf("{\"imsi\": \"%s\", \"index\": %u, \"sqn\": %" PRIu64, r->imsi, v->index, v->sqn);
    else
        printf("IMSI  %s\nindex %u\nSQN   %012" PRIX64 "\n", r->imsi, v->index, v->sqn);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (r->json)
            printf(", \"%s\": \"", rows[i].json);
        else
            printf("%-5s ", rows[i].text);
        cli_put_hex(stdout, rows[i].value);
        fputs(r->json ? "\"" : "\n", stdout);
    }
    if (r->json)
        puts("}");
}

static int vector(const struct request *r, struct auc *a)
{
    struct sealed_error error;
    struct auc_vector v;
    char buffer[BUFSIZ]; /* stdio's own would keep CK and IK */
    if (!auc_vector(a, r->imsi, r->index, r->amf, r->has_rand ? r->rand : NULL, &v, &error))
        return refuse(r, &error);
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    put_vector(r, &v);
    crypto_wipe(&v, sizeof v);
    const int code = cli_finish(r->cmd);
    setvbuf(stdout, NULL, _IONBF, 0);
    crypto_wipe(buffer, sizeof buffer);
    return code;
}

static int do_vector(const struct request *r)
{
    return r->imsi == NULL ? needs(r, "--imsi N") : with_auc(r, vector);
}

static int resync(const struct request *r, struct auc *a)
{
    struct sealed_error error;
    bool set;
    if (!auc_resync(a, r->imsi, r->index, r->rand, span_of(r->auts, r->auts_len), &set, &error))
        return refuse(r, &error);
    if (r->json)
        printf("{\"imsi\": \"%s\", \"set\": %s}\n", r->imsi, set ? "true" : "false");
    else
        printf("IMSI %s: %s\n", r->imsi,
               set ? "sequence number set to the card's"
                   : "genuine; the next sequence number would be accepted as it is");
    return cli_finish(r->cmd);
}

static int do_resync(const struct request *r)
{
    if (r->imsi == NULL)
        return needs(r, "--imsi N");
    if (!r->has_rand)
        return needs(r, "--rand HEX");
    return !r->has_auts ? needs(r, "--auts HEX") : with_auc(r, resync);
}

/* ---- export ---- */

static int export_to(const struct request *r, struct auc *a, FILE *f, const char *name)
{
    enum { BUFFER = 1 << 14 };
    struct sealed_error error;
    struct auc_export how = {r->format, r->apn, r->mnc_digits, {r->amf[0], r->amf[1]}};
    char buffer[BUFFER]; /* stdio's own would keep keys after fclose */
    setvbuf(f, buffer, _IOFBF, sizeof buffer);
    bool good = auc_export(a, &how, f, &error);
    bool written = fflush(f) == 0 && !ferror(f);
    if (written && f != stdout)
        written = fsync(fileno(f)) == 0;
    int code = EXIT_OK;
    if (!good && written)
        code = refuse(r, &error);
    else if (!written)
        code = cli_refuse(r->cmd, "%s: %s", name, strerror(errno));
    if (f == stdout)
        setvbuf(f, NULL, _IONBF, 0);
    else if (fclose(f) != 0 && code == EXIT_OK)
        code = cli_refuse(r->cmd, "%s: %s", name, strerror(errno));
    crypto_wipe(buffer, sizeof buffer);
    return code;
}

static int export_file(const struct request *r, struct auc *a)
{
    char temporary[PATH_ROOM];
    if ((size_t)snprintf(temporary, sizeof temporary, "%s.new", r->out) >= sizeof temporary)
        return cli_usage(r->cmd, "--out: the file name is too long");
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (f == NULL) {
        if (fd >= 0)
            close(fd);
        return cli_refuse(r->cmd, "%s: %s", temporary, strerror(errno));
    }
    int code = export_to(r, a, f, temporary);
    const int rc = code == EXIT_OK ? publish(temporary, r->out) : 0;
    if (rc != 0)
        code = cli_refuse(r->cmd, "%s: %s", r->out, rc == EEXIST ? "exists already" : strerror(rc));
    unlink(temporary);
    return code;
}

static int export(const struct request *r, struct auc *a)
{
    return strcmp(r->out, "-") == 0 ? export_to(r, a, stdout, "standard output") : export_file(r, a);
}

static int do_export(const struct request *r)
{
    if (r->format == NULL)
        return needs(r, "--format NAME");
    if (!auc_export_known(r->format))
        return cli_usage(r->cmd, "--format: '%.40s' is none of osmo-hlr, srsran, open5gs, free5gc",
                         r->format);
    if (r->out == NULL)
        return needs(r, "--out FILE (- for the standard output)");
    if (strspn(r->apn, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") !=
            strlen(r->apn) ||
        r->apn[0] == '\0' || strlen(r->apn) > 100)
        return cli_usage(r->cmd, "--apn: letters, digits, '.' and '-'");
    return with_auc(r, export);
}

/* ---- serving hostapd ---- */

/* The first two words: what was asked for whom. Never the rest, which has RAND and AUTS. */
static void tell(const char *request, size_t n, bool answered)
{
    size_t words = 0, end = 0;
    while (end < n && words < 2 && (unsigned char)request[end] >= 0x20 && (unsigned char)request[end] < 0x7F)
        if (request[end++] == ' ')
            words++;
    fprintf(stderr, "%.*s%s\n", (int)(end < 60 ? end : 60), request, answered ? "" : " (no answer)");
}

static void serve_one(const struct request *r, struct auc *a, int fd)
{
    char request[AUC_REQUEST_MAX + 1], answer[AUC_ANSWER_MAX];
    struct sockaddr_un from;
    socklen_t from_len = sizeof from;
    ssize_t n =
        recvfrom(fd, request, sizeof request, MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &from_len);
    if (n <= 0 || (size_t)n > AUC_REQUEST_MAX)
        return;
    size_t len = auc_answer(a, request, (size_t)n, r->amf, answer);
    /* A client that bound no name, or does not read, gets none: it must not hold up the others. */
    if (len > 0 && from_len > sizeof from.sun_family)
        (void)!sendto(fd, answer, len, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&from, from_len);
    if (r->verbose)
        tell(request, (size_t)n, len > 0);
    crypto_wipe(answer, sizeof answer);
    crypto_wipe(request, sizeof request);
}

static int serve_until(const struct request *r, struct auc *a, int fd, int stop)
{
    struct pollfd polled[2] = {{.fd = fd, .events = POLLIN}, {.fd = stop, .events = POLLIN}};
    printf("serving at %s\n", r->socket);
    int code = cli_finish(r->cmd);
    while (code == EXIT_OK) {
        if (poll(polled, 2, -1) < 0) {
            if (errno != EINTR)
                code = cli_refuse(r->cmd, "poll: %s", strerror(errno));
            continue;
        }
        if (polled[1].revents != 0)
            break;
        if (polled[0].revents != 0)
            serve_one(r, a, fd);
    }
    return code;
}

struct serving {
    const struct request *request;
    struct auc *auc;
    int fd;
};

static int serve_socket(void *ctx, int stop_fd)
{
    const struct serving *s = ctx;
    return serve_until(s->request, s->auc, s->fd, stop_fd);
}

static int serve(const struct request *r, struct auc *a)
{
    /* whoever may write there can ask for vectors */
    struct serving s = {r, a, unix_socket_listen(r->socket, SOCK_DGRAM)};
    if (s.fd < 0)
        return cli_refuse(r->cmd, "--socket: %s: %s", r->socket, strerror(errno));
    const int code = cli_with_signals(r->cmd, serve_socket, &s);
    close(s.fd);
    unlink(r->socket);
    return code;
}

static int do_serve(const struct request *r)
{
    return r->socket == NULL ? needs(r, "--socket PATH") : with_auc(r, serve);
}

/* ---- the command line ---- */

static bool take_imsi(void *request)
{
    struct request *r = request;
    r->imsi = optarg;
    return cli_digits(r->cmd, "--imsi", optarg, 6, 15);
}

static bool take_index(void *request)
{
    struct request *r = request;
    uint64_t number;
    if (!cli_number(r->cmd, "--index", optarg, 0, PROFILE_PAIRS_MAX - 1, &number))
        return false;
    r->index = (int)number;
    return true;
}

static bool take_mnc_digits(void *request)
{
    struct request *r = request;
    return cli_unsigned(r->cmd, "--mnc-digits", optarg, 2, 3, &r->mnc_digits);
}

static bool take_amf(void *request)
{
    struct request *r = request;
    size_t n;
    return cli_hex(r->cmd, "--amf", optarg, 2, 2, r->amf, &n);
}

static bool take_rand(void *request)
{
    struct request *r = request;
    size_t n;
    r->has_rand = cli_hex(r->cmd, "--rand", optarg, 16, 16, r->rand, &n);
    return r->has_rand;
}

static bool take_auts(void *request)
{
    struct request *r = request;
    r->has_auts = cli_hex(r->cmd, "--auts", optarg, 14, AUC_AUTS_MAX, r->auts, &r->auts_len);
    return r->has_auts;
}

static const struct cli_setting settings[] = {
    {"db", CLI_TEXT, offsetof(struct request, db), NULL},
    {"key-file", CLI_TEXT, offsetof(struct request, key_file), NULL},
    {"passphrase", CLI_FLAG, offsetof(struct request, passphrase), NULL},
    {"passphrase-file", CLI_TEXT, offsetof(struct request, passphrase_file), NULL},
    {"keys", CLI_TEXT, offsetof(struct request, keys), NULL},
    {"iccid", CLI_ICCID, offsetof(struct request, iccid), NULL},
    {"index", CLI_TAKEN, 0, take_index},
    {"imsi", CLI_TAKEN, 0, take_imsi},
    {"amf", CLI_TAKEN, 0, take_amf},
    {"rand", CLI_TAKEN, 0, take_rand},
    {"auts", CLI_TAKEN, 0, take_auts},
    {"socket", CLI_TEXT, offsetof(struct request, socket), NULL},
    {"format", CLI_TEXT, offsetof(struct request, format), NULL},
    {"apn", CLI_TEXT, offsetof(struct request, apn), NULL},
    {"mnc-digits", CLI_TAKEN, 0, take_mnc_digits},
    {"out", CLI_TEXT, offsetof(struct request, out), NULL},
    {"json", CLI_FLAG, offsetof(struct request, json), NULL},
    {"verbose", CLI_FLAG, offsetof(struct request, verbose), NULL},
    {NULL, CLI_FLAG, 0, NULL},
};

static const struct verb {
    const char *name;
    int (*run)(const struct request *r);
    const char *options;
} verbs[] = {
    {"add", do_add, " keys iccid index imsi "},
    {"remove", do_remove, " imsi index "},
    {"list", do_list, ""},
    {"vector", do_vector, " imsi index amf rand "},
    {"resync", do_resync, " imsi index rand auts "},
    {"serve", do_serve, " socket amf verbose "},
    {"export", do_export, " format apn mnc-digits amf out "},
};

static int run(int argc, char **argv)
{
    struct request r = {
        .cmd = &cmd_auc, .index = AUC_CURRENT, .amf = {0x80, 0x00}, .mnc_digits = 2, .apn = "internet"};
    uint32_t given = 0;
    int code;
    if (!cli_settings(r.cmd, argc, argv, settings, &r, &given, &code))
        return code;
    if (optind == argc)
        return cli_usage(r.cmd, "which of add, remove, list, vector, resync, serve, export?");
    if (optind + 1 != argc)
        return cli_usage(r.cmd, "what is '%.60s' for?", argv[optind + 1]);
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].name, argv[optind]) == 0)
            return cli_settings_for(r.cmd, settings, given, verbs[i].name,
                                    " db key-file passphrase passphrase-file json ", verbs[i].options)
                       ? verbs[i].run(&r)
                       : EXIT_USAGE;
    return cli_usage(r.cmd, "'%.40s' is none of add, remove, list, vector, resync, serve, export",
                     argv[optind]);
}

const struct subcommand cmd_auc = {
    .name = "auc",
    .summary = "the authentication centre: vectors, resynchronisation, hostapd, exports",
    .help = "Usage: softuicc auc VERB --db FILE [OPTION...]\n"
            "An operator's authentication centre: his subscribers' keys, sealed, and the sequence number of\n"
            "each IMSI and pair.\n\n"
            "  add --keys FILE --imsi N [--iccid N] [--index I]   the pair authenticates this IMSI from now\n"
            "                       on; makes FILE, with its key in FILE.key, if there is none\n"
            "  remove --imsi N [--index I]   the IMSI, or one of its pairs, is gone\n"
            "  list                 subscribers and the sequence number given out last; no keys\n"
            "  vector --imsi N [--index I] [--rand HEX]   RAND, AUTN, XRES, CK, IK\n"
            "  resync --imsi N --rand HEX --auts HEX   what a card said of its sequence numbers\n"
            "  serve --socket PATH  answer hostapd as its HLR/AuC gateway (EAP-SIM, EAP-AKA, EAP-AKA')\n"
            "  export --format NAME -o FILE   the keys, for osmo-hlr, srsran, open5gs or free5gc\n\n"
            "  --db FILE               the data base\n"
            "  --key-file FILE         its key, 32 octets (default: the data base's name and .key)\n"
            "  --passphrase            add, where it makes it: seal under a passphrase, asked for\n"
            "  --passphrase-file FILE  the passphrase is its first line; - is the standard input\n"
            "  --keys FILE             key file, as vault open writes it\n"
            "  --iccid N, --index I    card and pair (default: add takes the pair that FILE has with this IMSI,\n"
            "                          else pair 0 of its only card; the others the pair added last)\n"
            "  --imsi N                the subscriber, 6 to 15 digits\n"
            "  --amf HEX               authentication management field (default: 8000)\n"
            "  --rand HEX, --auts HEX  the challenge, and the card's answer to it\n"
            "  --socket PATH           a UNIX datagram socket, mode 0600\n"
            "  --format NAME           osmo-hlr: SQL for its data base; srsran: user_db.csv; open5gs:\n"
            "                          for mongoimport; free5gc: a line for each POST to its web console\n"
            "  --apn NAME              open5gs, free5gc: the network they may use (default: internet)\n"
            "  --mnc-digits 2|3        free5gc: of the home network (default: 2)\n"
            "  --out FILE, -o FILE     mode 0600, never overwritten; - is the standard output\n"
            "  --verbose               serve: tell who asks for whom\n"
            "  --json                  print JSON\n"
            "  --help                  this text\n",
    .run = run,
};
