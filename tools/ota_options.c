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

static bool one_octet(const struct key_options *k, const char *what, uint8_t *value, bool *has)
{
    size_t n;
    *has = cli_hex(k->cmd, what, optarg, 1, 1, value, &n);
    return *has;
}

static bool take_kic_key(void *keys)
{
    struct key_options *k = keys;
    return secret_hex(k->cmd, "--kic-key", optarg, k->keys.kic_key, &k->keys.kic_len);
}

static bool take_kid_key(void *keys)
{
    struct key_options *k = keys;
    return secret_hex(k->cmd, "--kid-key", optarg, k->keys.kid_key, &k->keys.kid_len);
}

static bool take_kic(void *keys)
{
    struct key_options *k = keys;
    return one_octet(k, "--kic", &k->keys.kic, &k->keys.has_kic);
}

static bool take_kid(void *keys)
{
    struct key_options *k = keys;
    return one_octet(k, "--kid", &k->keys.kid, &k->keys.has_kid);
}

static bool take_mac_len(void *keys)
{
    struct key_options *k = keys;
    if (strcmp(optarg, "4") != 0 && strcmp(optarg, "8") != 0) {
        cli_usage(k->cmd, "--mac-len: 4 or 8");
        return false;
    }
    k->keys.mac_len = (uint8_t)(optarg[0] - '0');
    return true;
}

static bool take_index(void *keys)
{
    struct key_options *k = keys;
    k->has_index = cli_unsigned(k->cmd, "--index", optarg, 0, 254, &k->index);
    return k->has_index;
}

static bool take_key_version(void *keys)
{
    struct key_options *k = keys;
    return cli_unsigned(k->cmd, "--key-version", optarg, 1, 15, &k->version);
}

const struct cli_setting key_settings[] = {
    {"kic-key", CLI_TAKEN, 0, take_kic_key},
    {"kid-key", CLI_TAKEN, 0, take_kid_key},
    {"kic", CLI_TAKEN, 0, take_kic},
    {"kid", CLI_TAKEN, 0, take_kid},
    {"mac-len", CLI_TAKEN, 0, take_mac_len},
    {"keys", CLI_TEXT, offsetof(struct key_options, path), NULL},
    {"iccid", CLI_ICCID, offsetof(struct key_options, iccid), NULL},
    {"index", CLI_TAKEN, 0, take_index},
    {"common", CLI_FLAG, offsetof(struct key_options, common), NULL},
    {"key-version", CLI_TAKEN, 0, take_key_version},
    {NULL, CLI_FLAG, 0, NULL},
};

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

int key_options_load(struct key_options *k)
{
    const struct subcommand *cmd = k->cmd;
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
        .cmd = cmd, .code = EXIT_USAGE, .keys = {.cmd = cmd}, .header = {.spi1 = OTA_SPI1, .spi2 = OTA_SPI2}};
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

static bool take_script(void *packet)
{
    struct packet_options *p = packet;
    const char *path = optarg;
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

static bool take_tar(void *packet)
{
    struct packet_options *p = packet;
    size_t n;
    p->has_tar = true;
    if (ota_tar_named(optarg, p->header.tar))
        return true;
    if (optarg[0] != '\0' && strspn(optarg, "0123456789abcdefABCDEF: ") == strlen(optarg))
        return cli_hex(p->cmd, "--tar", optarg, 3, 3, p->header.tar, &n);
    cli_usage(p->cmd,
              "--tar: '%.40s' is neither 3 octets of hex nor one of isd, uicc, usim, isim, subscription",
              optarg);
    return false;
}

static bool take_counter(void *packet)
{
    struct packet_options *p = packet;
    if (optarg[0] < '0' || optarg[0] > '9') {
        if (ota_counter_named(optarg, &p->header.spi1))
            return true;
        cli_usage(p->cmd,
                  "--counter: '%.40s' is neither a number nor one of none, unchecked, higher, plus-one",
                  optarg);
        return false;
    }
    p->has_counter = cli_number(p->cmd, "--counter", optarg, 0, OTA_COUNTER_MAX, &p->counter);
    return p->has_counter;
}

static bool take_por(void *packet)
{
    struct packet_options *p = packet;
    char wrong[24];
    if (ota_por_named(optarg, &p->header.spi2, wrong))
        return true;
    if (wrong[0] == '\0')
        cli_usage(p->cmd,
                  "--por: never, always or error is needed, then any of none, rc, cc, ciphered, submit");
    else
        cli_usage(p->cmd,
                  "--por: '%s' is none of never, always, error, none, rc, cc, ds, ciphered, submit, or one too many",
                  wrong);
    return false;
}

static bool take_expanded(void *packet)
{
    struct packet_options *p = packet;
    if (optarg == NULL || strcmp(optarg, "definite") == 0)
        p->format = OTA_EXPANDED;
    else if (strcmp(optarg, "indefinite") == 0)
        p->format = OTA_EXPANDED_INDEFINITE;
    else {
        cli_usage(p->cmd, "--expanded: '%.40s' is neither definite nor indefinite", optarg);
        return false;
    }
    return true;
}

static bool take_spi(void *packet)
{
    struct packet_options *p = packet;
    uint8_t spi[2];
    size_t n;
    if (!cli_hex(p->cmd, "--spi", optarg, 2, 2, spi, &n))
        return false;
    p->header.spi1 = spi[0];
    p->header.spi2 = spi[1];
    return true;
}

static bool take_check(void *packet)
{
    struct packet_options *p = packet;
    if (ota_check_named(optarg, &p->header.spi1))
        return true;
    cli_usage(p->cmd, "--check: '%.40s' is none of none, rc, cc, ds", optarg);
    return false;
}

static bool take_cipher(void *packet)
{
    struct packet_options *p = packet;
    p->header.spi1 |= SPI1_CIPHERING;
    return true;
}

static bool take_no_cipher(void *packet)
{
    struct packet_options *p = packet;
    p->header.spi1 = (uint8_t)(p->header.spi1 & ~SPI1_CIPHERING);
    return true;
}

static bool take_apdu(void *packet)
{
    return add_apdu(packet, "--apdu", optarg);
}

static bool take_data(void *packet)
{
    struct packet_options *p = packet;
    if (p->has_data) {
        cli_usage(p->cmd, "--data may be given once");
        return false;
    }
    p->has_data = cli_hex(p->cmd, "--data", optarg, 0, p->data.cap, p->data.p, &p->data.len);
    return p->has_data;
}

static bool take_reference(void *packet)
{
    struct packet_options *p = packet;
    p->has_reference = cli_unsigned(p->cmd, "--reference", optarg, 0, 255, &p->reference);
    return p->has_reference;
}

const struct cli_setting packet_settings[] = {
    {"spi", CLI_TAKEN, 0, take_spi},
    {"check", CLI_TAKEN, 0, take_check},
    {"cipher", CLI_SWITCH, 0, take_cipher},
    {"no-cipher", CLI_SWITCH, 0, take_no_cipher},
    {"por", CLI_TAKEN, 0, take_por},
    {"tar", CLI_TAKEN, 0, take_tar},
    {"counter", CLI_TAKEN, 0, take_counter},
    {"apdu", CLI_TAKEN, 0, take_apdu},
    {"script", CLI_TAKEN, 0, take_script},
    {"data", CLI_TAKEN, 0, take_data},
    {"expanded", CLI_MAYBE, 0, take_expanded},
    {"reference", CLI_TAKEN, 0, take_reference},
    {NULL, CLI_FLAG, 0, NULL},
};

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
    int code = key_options_load(&p->keys);
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

void carrier_init(struct carrier_cli *c, const struct subcommand *cmd)
{
    *c = (struct carrier_cli){
        .cmd = cmd,
        .options = {.timeout_ms = OTA_TIMEOUT_MS, .system_id = "test", .data_coding = SMS_DCS_CLASS2_8BIT},
        .password = "test"};
    c->options.password = c->password;
}

static bool is_number(const struct carrier_cli *c, const char *what)
{
    struct smpp_address address;
    if (smpp_address(optarg, &address))
        return true;
    cli_usage(c->cmd, "%s: '%.40s' is no number of 1 to 20 digits", what, optarg);
    return false;
}

static bool take_smpp(void *carrier)
{
    struct carrier_cli *c = carrier;
    char host[256], port[6];
    c->options.smpp = optarg;
    if (smpp_endpoint(optarg, host, port))
        return true;
    cli_usage(c->cmd, "--smpp: '%.60s' is not HOST:PORT", optarg);
    return false;
}

static bool take_system_id(void *carrier)
{
    struct carrier_cli *c = carrier;
    c->any_smpp = true;
    c->options.system_id = optarg;
    if (strlen(optarg) <= OTA_SYSTEM_ID_MAX)
        return true;
    cli_usage(c->cmd, "--system-id: more than %d characters", OTA_SYSTEM_ID_MAX);
    return false;
}

static bool take_data_coding(void *carrier)
{
    struct carrier_cli *c = carrier;
    size_t n;
    c->any_smpp = true;
    return cli_hex(c->cmd, "--data-coding", optarg, 1, 1, &c->options.data_coding, &n);
}

static bool take_password(void *carrier)
{
    struct carrier_cli *c = carrier;
    const size_t n = strlen(optarg);
    const bool good = n <= OTA_PASSWORD_MAX;
    c->any_smpp = true;
    if (good)
        memcpy(c->password, optarg, n + 1);
    else
        cli_usage(c->cmd, "--password: more than %d characters", OTA_PASSWORD_MAX);
    crypto_wipe(optarg, n);
    return good;
}

static bool take_to(void *carrier)
{
    struct carrier_cli *c = carrier;
    c->any_smpp = true;
    c->options.to = optarg;
    return is_number(c, "--to");
}

static bool take_from(void *carrier)
{
    struct carrier_cli *c = carrier;
    c->options.from = optarg;
    return is_number(c, "--from");
}

static bool take_timeout(void *carrier)
{
    struct carrier_cli *c = carrier;
    unsigned seconds;
    if (!cli_unsigned(c->cmd, "--timeout", optarg, 1, 3600, &seconds))
        return false;
    c->options.timeout_ms = seconds * 1000;
    return true;
}

const struct cli_setting carrier_settings[] = {
    {"reader", CLI_TEXT, offsetof(struct carrier_cli, options.reader), NULL},
    {"smpp", CLI_TAKEN, 0, take_smpp},
    {"system-id", CLI_TAKEN, 0, take_system_id},
    {"data-coding", CLI_TAKEN, 0, take_data_coding},
    {"password", CLI_TAKEN, 0, take_password},
    {"to", CLI_TAKEN, 0, take_to},
    {"from", CLI_TAKEN, 0, take_from},
    {"ussd", CLI_FLAG, offsetof(struct carrier_cli, options.ussd), NULL},
    {"timeout", CLI_TAKEN, 0, take_timeout},
    {NULL, CLI_FLAG, 0, NULL},
};

int carrier_check(const struct carrier_cli *c)
{
    const struct subcommand *cmd = c->cmd;
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
