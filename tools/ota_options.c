/* SPDX-License-Identifier: Apache-2.0 */
#include "ota_options.h"

#include <errno.h>
#include <stdlib.h>

#include "hex.h"
#include "keys.h"
#include "lines.h"
#include "smpp.h"
#include "smpp_link.h"
#include "sms.h"

enum { APDU_MIN = 4, EXPANDED_APDU_MAX = 4 + 3 + 65535 + 2 };

/* ---- keys ---- */

/* Takes a key off the command line: other users' ps need not see it longer than we do. */
static bool secret_hex(const struct subcommand *cmd, const char *what, char *text, uint8_t key[32], size_t *n)
{
    bool good = cli_hex(cmd, what, text, 8, 32, key, n);
    crypto_wipe(text, strlen(text));
    return good;
}

static bool one_octet(const struct subcommand *cmd, const char *what, const char *text, uint8_t *value,
                      bool *has)
{
    size_t n;
    *has = cli_hex(cmd, what, text, 1, 1, value, &n);
    return *has;
}

bool key_option(const struct subcommand *cmd, struct key_options *k, int opt)
{
    uint64_t number = 0;
    switch (opt) {
    case OPT_KIC_KEY:
        return secret_hex(cmd, "--kic-key", optarg, k->keys.kic_key, &k->keys.kic_len);
    case OPT_KID_KEY:
        return secret_hex(cmd, "--kid-key", optarg, k->keys.kid_key, &k->keys.kid_len);
    case OPT_KIC:
        return one_octet(cmd, "--kic", optarg, &k->keys.kic, &k->keys.has_kic);
    case OPT_KID:
        return one_octet(cmd, "--kid", optarg, &k->keys.kid, &k->keys.has_kid);
    case OPT_MAC_LEN:
        if (strcmp(optarg, "4") != 0 && strcmp(optarg, "8") != 0) {
            cli_usage(cmd, "--mac-len: 4 or 8");
            return false;
        }
        k->keys.mac_len = (uint8_t)(optarg[0] - '0');
        return true;
    case OPT_KEYS:
        k->path = optarg;
        return true;
    case OPT_ICCID:
        k->iccid = optarg;
        return cli_iccid(cmd, "--iccid", optarg);
    case OPT_INDEX:
        if (!cli_number(cmd, "--index", optarg, 0, 254, &number))
            return false;
        k->index = (unsigned)number;
        k->has_index = true;
        return true;
    case OPT_COMMON:
        k->common = true;
        return true;
    case OPT_KEY_VERSION:
        if (!cli_number(cmd, "--key-version", optarg, 1, 15, &number))
            return false;
        k->version = (uint8_t)number;
        return true;
    default:
        return false;
    }
}

/* The row of the key file that is wanted: by index, or the first whose keyset has the version. */
static bool find_row(struct key_options *k, struct key_row *row, struct keys_error *error)
{
    if (k->version == 0 || k->has_index)
        return keys_find(k->path, k->iccid, k->common, k->index, row, error);
    const unsigned end = k->common ? PROFILE_KEYSETS_MAX : PROFILE_PAIRS_MAX;
    unsigned missing = 0;
    for (unsigned i = 0; i < end && missing == 0; i++) {
        if (!keys_find(k->path, k->iccid, k->common, i, row, error)) {
            /* Rows are numbered from 0: the first that is not there ends the search. Row 0 missing is an
             * error of its own, such as no such file. */
            if (i == 0)
                return false;
            missing = 1;
        } else if (row->pair.ota.version == k->version) {
            return true;
        }
    }
    crypto_wipe(row, sizeof *row);
    snprintf(error->text, sizeof error->text, "%.300s: no %s of version %u%s%s", k->path,
             k->common ? "common keyset" : "pair with a keyset", k->version,
             k->iccid != NULL ? " for card " : "", k->iccid != NULL ? k->iccid : "");
    return false;
}

int key_options_load(const struct subcommand *cmd, struct key_options *k)
{
    if (k->path == NULL) {
        if (k->iccid != NULL || k->common || k->has_index)
            return cli_usage(cmd,
                             "--iccid, --index and --common choose a row of --keys FILE, which is missing");
        if (k->version != 0) {
            k->keys.kic = (uint8_t)(k->version << 4 | (k->keys.kic & 0x0F));
            k->keys.kid = (uint8_t)(k->version << 4 | (k->keys.kid & 0x0F));
        }
        return EXIT_OK;
    }
    if (k->keys.kic_len != 0 || k->keys.kid_len != 0)
        return cli_usage(cmd, "keys from --keys FILE, or --kic-key and --kid-key: not both");
    struct key_row row;
    struct keys_error error;
    cli_warn_readable(cmd, k->path);
    if (!find_row(k, &row, &error) || !keys_over_air(k->path, &row, &error)) {
        crypto_wipe(&row, sizeof row);
        return cli_refuse(cmd, "%s", error.text);
    }
    memcpy(k->row_iccid, row.iccid, sizeof row.iccid);
    k->row_index = row.index;
    k->row_common = row.common;
    k->keys.set = row.pair.ota;
    k->keys.has_set = true;
    crypto_wipe(&row, sizeof row);
    if (k->version != 0 && k->version != k->keys.set.version)
        return cli_refuse(cmd, "%.300s: the keyset chosen has version %u, not %u", k->path,
                          k->keys.set.version, k->version);
    return EXIT_OK;
}

/* ---- a packet ---- */

bool packet_options_init(struct packet_options *p, const struct subcommand *cmd)
{
    enum { SCRIPT_ROOM = 4 * OTA_DATA_MAX, PACKET_ROOM = 2 * OTA_DATA_MAX };
    *p = (struct packet_options){
        .cmd = cmd, .code = EXIT_USAGE, .header = {.spi1 = OTA_SPI1, .spi2 = OTA_SPI2}};
    p->room = malloc(SCRIPT_ROOM + OTA_DATA_MAX + PACKET_ROOM);
    if (p->room == NULL)
        return false;
    p->script = (struct ota_script){.bytes = p->room, .cap = SCRIPT_ROOM};
    p->data = buf_of(p->room + SCRIPT_ROOM, OTA_DATA_MAX);
    p->packet = buf_of(p->room + SCRIPT_ROOM + OTA_DATA_MAX, PACKET_ROOM);
    return true;
}

void packet_options_wipe(struct packet_options *p)
{
    if (p->room != NULL) {
        /* PINs and keys may be in a script. */
        crypto_wipe(p->script.bytes, p->script.cap);
        crypto_wipe(p->data.p, p->data.cap);
    }
    free(p->room);
    crypto_wipe(p, sizeof *p);
}

static bool add_apdu(struct packet_options *p, const char *what, const char *text)
{
    const size_t max = EXPANDED_APDU_MAX;
    uint8_t *bytes = malloc(max);
    size_t n = 0;
    if (bytes == NULL) {
        cli_refuse(p->cmd, "memory ran out");
        return false;
    }
    bool good = cli_hex(p->cmd, what, text, APDU_MIN, max, bytes, &n);
    if (good && !ota_script_add(&p->script, span_of(bytes, n))) {
        cli_usage(p->cmd, "%s: more commands than a packet can hold", what);
        good = false;
    }
    crypto_wipe(bytes, n);
    free(bytes);
    return good;
}

/* What a line of a script holds: a command in hex, maybe with the '>' of a transcript before it. NULL: none.
 */
static char *command_in(char *line)
{
    char *comment = strchr(line, '#');
    if (comment != NULL)
        *comment = '\0';
    line += strspn(line, " \t\r\n>");
    size_t n = strlen(line);
    while (n > 0 && strchr(" \t\r\n", line[n - 1]) != NULL)
        line[--n] = '\0';
    return line[0] != '\0' ? line : NULL;
}

static bool add_script(struct packet_options *p, const char *path)
{
    FILE *f = fopen(path, "re");
    char *line = NULL, what[320];
    size_t room = 0;
    ssize_t n;
    unsigned long number = 0;
    const unsigned before = p->script.n;
    bool good = f != NULL;
    if (!good)
        p->code = cli_refuse(p->cmd, "%s: %s", path, strerror(errno));
    while (good && (n = lines_next(&line, &room, f)) >= 0) {
        snprintf(what, sizeof what, "%.280s:%lu", path, ++number);
        char *command = NULL;
        if (strlen(line) != (size_t)n) {
            cli_usage(p->cmd, "%s: not text, it has a NUL octet", what);
            good = false;
        } else if ((command = command_in(line)) != NULL) {
            good = add_apdu(p, what, command);
        }
    }
    if (good && errno != 0) {
        p->code = cli_refuse(p->cmd, "%s:%lu: %s", path, number + 1, lines_trouble());
        good = false;
    }
    if (good && p->script.n == before) {
        cli_usage(p->cmd, "%s: no command in it", path);
        good = false;
    }
    if (line != NULL)
        crypto_wipe(line, room);
    free(line);
    if (f != NULL)
        fclose(f);
    return good;
}

bool tar_option(const struct subcommand *cmd, const char *text, uint8_t tar[3])
{
    size_t n;
    if (ota_tar_named(text, tar))
        return true;
    if (text[0] != '\0' && strspn(text, "0123456789abcdefABCDEF: ") == strlen(text))
        return cli_hex(cmd, "--tar", text, 3, 3, tar, &n);
    cli_usage(cmd, "--tar: '%.40s' is neither 3 octets of hex nor one of isd, uicc, usim, isim, subscription",
              text);
    return false;
}

static bool counter_option(struct packet_options *p, const char *text)
{
    if (text[0] < '0' || text[0] > '9') {
        if (ota_counter_named(text, &p->header.spi1))
            return true;
        cli_usage(p->cmd,
                  "--counter: '%.40s' is neither a number nor one of none, unchecked, higher, plus-one",
                  text);
        return false;
    }
    p->has_counter = cli_number(p->cmd, "--counter", text, 0, OTA_COUNTER_MAX, &p->counter);
    return p->has_counter;
}

static bool por_option(struct packet_options *p, const char *text)
{
    char wrong[24];
    if (ota_por_named(text, &p->header.spi2, wrong))
        return true;
    if (wrong[0] == '\0')
        cli_usage(p->cmd,
                  "--por: never, always or error is needed, then any of none, rc, cc, ciphered, submit");
    else
        cli_usage(
            p->cmd,
            "--por: '%s' is none of never, always, error, none, rc, cc, ds, ciphered, submit, or one too "
            "many",
            wrong);
    return false;
}

static bool expanded_option(struct packet_options *p, const char *text)
{
    if (text == NULL || strcmp(text, "definite") == 0)
        p->format = OTA_EXPANDED;
    else if (strcmp(text, "indefinite") == 0)
        p->format = OTA_EXPANDED_INDEFINITE;
    else {
        cli_usage(p->cmd, "--expanded: '%.40s' is neither definite nor indefinite", text);
        return false;
    }
    return true;
}

bool packet_option(struct packet_options *p, int opt)
{
    const struct subcommand *cmd = p->cmd;
    uint8_t spi[2];
    uint64_t number;
    size_t n;
    switch (opt) {
    case OPT_SPI:
        if (!cli_hex(cmd, "--spi", optarg, 2, 2, spi, &n))
            return false;
        p->header.spi1 = spi[0];
        p->header.spi2 = spi[1];
        return true;
    case OPT_CHECK:
        if (ota_check_named(optarg, &p->header.spi1))
            return true;
        cli_usage(cmd, "--check: '%.40s' is none of none, rc, cc, ds", optarg);
        return false;
    case OPT_CIPHER:
        p->header.spi1 |= SPI1_CIPHERING;
        return true;
    case OPT_NO_CIPHER:
        p->header.spi1 = (uint8_t)(p->header.spi1 & ~SPI1_CIPHERING);
        return true;
    case OPT_POR:
        return por_option(p, optarg);
    case OPT_TAR:
        p->has_tar = tar_option(cmd, optarg, p->header.tar);
        return p->has_tar;
    case OPT_COUNTER:
        return counter_option(p, optarg);
    case OPT_APDU:
        return add_apdu(p, "--apdu", optarg);
    case OPT_SCRIPT:
        return add_script(p, optarg);
    case OPT_DATA:
        if (p->has_data) {
            cli_usage(cmd, "--data may be given once");
            return false;
        }
        p->has_data = cli_hex(cmd, "--data", optarg, 0, p->data.cap, p->data.p, &p->data.len);
        return p->has_data;
    case OPT_EXPANDED:
        return expanded_option(p, optarg);
    case OPT_REFERENCE:
        if (!cli_number(cmd, "--reference", optarg, 0, 255, &number))
            return false;
        p->reference = (uint8_t)number;
        p->has_reference = true;
        return true;
    default:
        return key_option(cmd, &p->keys, opt);
    }
}

int packet_options_check(struct packet_options *p, enum counter_source source)
{
    const struct subcommand *cmd = p->cmd;
    if (!p->has_tar)
        return cli_usage(cmd, "which application? --tar HEX or name is needed");
    if (p->script.n > 0 && p->has_data)
        return cli_usage(cmd, "commands (--apdu, --script) or --data: not both");
    if (p->script.n == 0 && !p->has_data && !p->response)
        return cli_usage(cmd,
                         "nothing to send: --apdu HEX (repeatable), --script FILE or --data HEX is needed");
    if (!p->has_counter && source != COUNTER_OF_RECORDS && (p->header.spi1 & 0x10) != 0 && !p->response)
        return cli_usage(
            cmd, "SPI %02X asks for a counter, and a card takes each value once: --counter N%s is needed",
            p->header.spi1, source == COUNTER_RECORDS_WANTED ? ", or --records FILE, which counts," : "");
    return EXIT_OK;
}

/* Keys, and the octets that name them. */
static int settle_keys(struct packet_options *p)
{
    struct scp80_command *h = &p->header;
    const struct subcommand *cmd = p->cmd;
    const struct ota_keys *k = &p->keys.keys;
    const char *why = NULL;
    h->kic = k->has_kic ? k->kic : 0;
    h->kid = k->has_kid ? k->kid : 0;
    const bool rc = (h->spi1 & SPI1_CHECK) == SPI1_RC;
    const struct scp80_command asked = {.spi1 = h->spi1, .spi2 = h->spi2, .kic = 0xF0, .kid = 0xF0};
    const bool kic = p->response ? (h->spi2 & SPI2_POR_CIPHERED) != 0 : scp80_kic_version(&asked) != 0;
    const bool kid = p->response ? (h->spi2 & SPI2_POR_CHECK) == SPI2_POR_CC : scp80_kid_version(&asked) != 0;
    p->set = (struct keyset){0};
    if (k->has_set) {
        if (k->has_kic || (k->has_kid && !rc))
            return cli_usage(cmd, "--kic and --kid follow from the key file");
        h->kic = keyset_kic_octet(&k->set);
        if (!k->has_kid)
            h->kid = rc ? (uint8_t)(k->set.version << 4 | 0x05) : keyset_kid_octet(&k->set);
    } else if ((kic && !k->has_kic) || (kid && !k->has_kid)) {
        if (k->kic_len == 0 && k->kid_len == 0)
            return cli_usage(cmd, "this SPI needs keys: --keys FILE, or --kic-key, --kic, --kid-key, --kid");
        return cli_usage(cmd, "--%s XX is needed: it names the key's version and algorithm",
                         kic && !k->has_kic ? "kic" : "kid");
    }
    if (rc && (h->kid & 0x0F) != 0x01 && (h->kid & 0x0F) != 0x05)
        return cli_usage(cmd, "an RC needs a --kid that ends in 1 (CRC 16) or 5 (CRC 32)");
    if ((kic || kid) && !ota_keys_fit(k, kic, kid, h->kic, h->kid, 0, &p->set, &why))
        return cli_usage(cmd, "%s", why);
    return EXIT_OK;
}

int packet_options_prepare(struct packet_options *p)
{
    int code = key_options_load(p->cmd, &p->keys);
    if (code == EXIT_OK)
        code = settle_keys(p);
    if (code != EXIT_OK || p->script.n == 0)
        return code;
    unsigned wrong = ota_script_wrong(&p->script, p->format);
    if (wrong != 0)
        return cli_usage(p->cmd,
                         "command %u: in compact format a command is CLA INS P1 P2 P3 and the data that P3 counts, with no Le behind it: GET RESPONSE "
                         "(00C0000000) fetches what it answers; or --expanded",
                         wrong);
    p->data.len = 0;
    ota_script_build(&p->script, p->format, &p->data);
    return buf_ok(&p->data) ? EXIT_OK
                            : cli_refuse(p->cmd, "the script is longer than the %d octets a packet can hold",
                                         OTA_DATA_MAX);
}

int packet_options_build(struct packet_options *p, struct uicc_crypto *crypto)
{
    struct buf cntr = buf_of(p->header.cntr, SCP80_CNTR_LEN);
    buf_be(&cntr, p->counter, SCP80_CNTR_LEN);
    if (scp80_command_build(crypto, &p->set, &p->header, buf_span(&p->data), &p->packet))
        return EXIT_OK;
    return cli_refuse(
        p->cmd,
        "no such packet can be made: SPI %02X%02X with %zu octets of data and these keys (DS and "
        "reserved codings are not supported)",
        p->header.spi1, p->header.spi2, p->data.len);
}

/* ---- the way ---- */

void carrier_init(struct carrier_cli *c)
{
    *c = (struct carrier_cli){.options = {.timeout_ms = OTA_TIMEOUT_MS,
                                          .system_id = "test",
                                          .data_coding = SMS_DCS_CLASS2_8BIT},
                              .password = "test"};
    c->options.password = c->password;
}

static bool number_option(const struct subcommand *cmd, const char *what, const char *text)
{
    struct smpp_address address;
    if (smpp_address(text, &address))
        return true;
    cli_usage(cmd, "%s: '%.40s' is no number of 1 to 20 digits", what, text);
    return false;
}

bool carrier_option(const struct subcommand *cmd, struct carrier_cli *c, int opt)
{
    struct ota_carrier_options *o = &c->options;
    char host[256], port[6];
    uint64_t number;
    switch (opt) {
    case OPT_READER:
        o->reader = optarg;
        return true;
    case OPT_SMPP:
        o->smpp = optarg;
        if (smpp_endpoint(optarg, host, port))
            return true;
        cli_usage(cmd, "--smpp: '%.60s' is not HOST:PORT", optarg);
        return false;
    case OPT_SYSTEM_ID:
        c->any_smpp = true;
        o->system_id = optarg;
        if (strlen(optarg) <= OTA_SYSTEM_ID_MAX)
            return true;
        cli_usage(cmd, "--system-id: more than %d characters", OTA_SYSTEM_ID_MAX);
        return false;
    case OPT_DATA_CODING: {
        size_t n;
        c->any_smpp = true;
        return cli_hex(cmd, "--data-coding", optarg, 1, 1, &o->data_coding, &n);
    }
    case OPT_PASSWORD: {
        c->any_smpp = true;
        size_t n = strlen(optarg);
        if (n > OTA_PASSWORD_MAX) {
            crypto_wipe(optarg, n);
            cli_usage(cmd, "--password: more than %d characters", OTA_PASSWORD_MAX);
            return false;
        }
        memcpy(c->password, optarg, n + 1);
        crypto_wipe(optarg, n);
        return true;
    }
    case OPT_TO:
        c->any_smpp = true;
        o->to = optarg;
        return number_option(cmd, "--to", optarg);
    case OPT_FROM:
        o->from = optarg;
        return number_option(cmd, "--from", optarg);
    case OPT_USSD:
        o->ussd = true;
        return true;
    case OPT_TIMEOUT:
        if (!cli_number(cmd, "--timeout", optarg, 1, 3600, &number))
            return false;
        o->timeout_ms = (unsigned)number * 1000;
        return true;
    default:
        return false;
    }
}

int carrier_check(const struct subcommand *cmd, struct carrier_cli *c)
{
    if (c->options.smpp != NULL && c->options.reader != NULL)
        return cli_usage(cmd, "--reader or --smpp: one way only");
    if (c->options.smpp != NULL && c->options.to == NULL)
        return cli_usage(cmd, "--smpp: to which number? --to N is needed");
    if (c->options.smpp != NULL && c->options.ussd)
        return cli_usage(cmd, "--ussd: an SMSC carries short messages only");
    if (c->options.smpp == NULL && c->any_smpp)
        return cli_usage(cmd, "--to, --system-id, --password and --data-coding go with --smpp HOST:PORT");
    return EXIT_OK;
}
