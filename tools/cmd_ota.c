/* SPDX-License-Identifier: Apache-2.0
 *
 * softuicc ota: secured packets (SCP80) made from readable input, and explained octet by octet.
 */
#include <errno.h>
#include <stdlib.h>

#include "cli.h"
#include "hex.h"
#include "keys.h"
#include "ota_explain.h"
#include "sms.h"

enum {
    /* TS 102 225 5.1.1: CC, ciphered, counter must be higher; PoR always, with CC and ciphered, in the
       DELIVER-REPORT */
    DEFAULT_SPI1 = SPI1_CC | SPI1_CIPHERING | SPI1_COUNTER_HIGHER,
    DEFAULT_SPI2 = SPI2_POR_ALWAYS | SPI2_POR_CC | SPI2_POR_CIPHERED,
    DATA_MAX = 65535,
    INPUTS_MAX = 1024,
};

#define COUNTER_MAX 0xFFFFFFFFFFu /* 5 octets */

/* A number that nobody has: output is the same every time. */
static const char default_originator[] = "+99900000001";

/* ---- options that both verbs have ---- */

enum {
    OPT_SPI = 256,
    OPT_TAR,
    OPT_COUNTER,
    OPT_KIC_KEY,
    OPT_KID_KEY,
    OPT_KIC,
    OPT_KID,
    OPT_MAC_LEN,
    OPT_KEYS,
    OPT_ICCID,
    OPT_INDEX,
    OPT_COMMON,
    OPT_APDU,
    OPT_DATA,
    OPT_FORM,
    OPT_ORIGINATOR,
    OPT_REFERENCE,
    OPT_RESPONSE,
    OPT_AS,
    OPT_JSON,
};

struct key_options {
    struct ota_keys keys; /* secret */
    const char *path, *iccid;
    unsigned index;
    bool common, has_index;
};

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

/* false: bad value, said so. */
static bool key_option(const struct subcommand *cmd, struct key_options *k, int opt)
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
    default:
        return false;
    }
}

static int load_keys(const struct subcommand *cmd, struct key_options *k)
{
    if (k->path == NULL) {
        if (k->iccid != NULL || k->common || k->has_index)
            return cli_usage(cmd,
                             "--iccid, --index and --common choose a row of --keys FILE, which is missing");
        return EXIT_OK;
    }
    if (k->keys.kic_len != 0 || k->keys.kid_len != 0)
        return cli_usage(cmd, "keys from --keys FILE, or --kic-key and --kid-key: not both");
    struct key_row row;
    struct keys_error error;
    if (!keys_find(k->path, k->iccid, k->common, k->index, &row, &error))
        return cli_refuse(cmd, "%s", error.text);
    k->keys.set = row.pair.ota;
    k->keys.has_set = true;
    crypto_wipe(&row, sizeof row);
    return EXIT_OK;
}

/* ---- encode ---- */

enum form { FORM_PACKET, FORM_TPDU, FORM_ENVELOPE };

struct encode {
    const struct subcommand *cmd;
    struct key_options keys;
    struct scp80_command header;
    bool has_tar, has_counter, has_apdu, has_data, has_reference;
    bool response;
    uint8_t status;
    uint64_t counter;
    uint8_t reference;
    enum form form;
    const char *originator;
    uint8_t *room; /* 3 * DATA_MAX: secured data, then the packet */
    struct buf data;
};

static bool add_data(struct encode *e, const char *what, const char *text, size_t min, size_t max)
{
    size_t left = e->data.cap - e->data.len, n = 0;
    if (!cli_hex(e->cmd, what, text, min, left < max ? left : max, e->data.p + e->data.len, &n))
        return false;
    e->data.len += n;
    return true;
}

static bool tar_option(const struct subcommand *cmd, const char *text, uint8_t tar[3])
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

static bool form_option(const struct subcommand *cmd, const char *text, enum form *form)
{
    static const char *const names[] = {
        [FORM_PACKET] = "packet", [FORM_TPDU] = "tpdu", [FORM_ENVELOPE] = "envelope"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(text, names[i]) == 0) {
            *form = (enum form)i;
            return true;
        }
    cli_usage(cmd, "--form: '%.40s' is none of packet, tpdu, envelope", text);
    return false;
}

static bool encode_option(struct encode *e, int opt)
{
    const struct subcommand *cmd = e->cmd;
    uint8_t spi[2];
    uint64_t number;
    size_t n;
    switch (opt) {
    case OPT_SPI:
        if (!cli_hex(cmd, "--spi", optarg, 2, 2, spi, &n))
            return false;
        e->header.spi1 = spi[0];
        e->header.spi2 = spi[1];
        return true;
    case OPT_TAR:
        e->has_tar = tar_option(cmd, optarg, e->header.tar);
        return e->has_tar;
    case OPT_COUNTER:
        e->has_counter = cli_number(cmd, "--counter", optarg, 0, COUNTER_MAX, &e->counter);
        return e->has_counter;
    case OPT_APDU:
        e->has_apdu = add_data(e, "--apdu", optarg, 4, 5 + 255 + 1);
        return e->has_apdu;
    case OPT_DATA:
        if (e->has_data) {
            cli_usage(cmd, "--data may be given once");
            return false;
        }
        e->has_data = add_data(e, "--data", optarg, 0, DATA_MAX);
        return e->has_data;
    case OPT_FORM:
        return form_option(cmd, optarg, &e->form);
    case OPT_ORIGINATOR:
        e->originator = optarg;
        return true;
    case OPT_REFERENCE:
        if (!cli_number(cmd, "--reference", optarg, 0, 255, &number))
            return false;
        e->reference = (uint8_t)number;
        e->has_reference = true;
        return true;
    case OPT_RESPONSE:
        return one_octet(cmd, "--response", optarg, &e->status, &e->response);
    default:
        return key_option(cmd, &e->keys, opt);
    }
}

static int encode_parse(struct encode *e, int argc, char **argv, bool *stop)
{
    static const struct option options[] = {
        {"spi", required_argument, NULL, OPT_SPI},
        {"tar", required_argument, NULL, OPT_TAR},
        {"counter", required_argument, NULL, OPT_COUNTER},
        {"kic-key", required_argument, NULL, OPT_KIC_KEY},
        {"kid-key", required_argument, NULL, OPT_KID_KEY},
        {"kic", required_argument, NULL, OPT_KIC},
        {"kid", required_argument, NULL, OPT_KID},
        {"mac-len", required_argument, NULL, OPT_MAC_LEN},
        {"keys", required_argument, NULL, OPT_KEYS},
        {"iccid", required_argument, NULL, OPT_ICCID},
        {"index", required_argument, NULL, OPT_INDEX},
        {"common", no_argument, NULL, OPT_COMMON},
        {"apdu", required_argument, NULL, OPT_APDU},
        {"data", required_argument, NULL, OPT_DATA},
        {"form", required_argument, NULL, OPT_FORM},
        {"originator", required_argument, NULL, OPT_ORIGINATOR},
        {"reference", required_argument, NULL, OPT_REFERENCE},
        {"response", required_argument, NULL, OPT_RESPONSE},
        {NULL, 0, NULL, 0},
    };
    int opt, code = EXIT_USAGE;
    *stop = true;
    while ((opt = cli_option(e->cmd, argc, argv, options, &code)) != -1) {
        if (opt == CLI_DONE)
            return code;
        if (!encode_option(e, opt))
            return EXIT_USAGE;
    }
    if (optind != argc)
        return cli_usage(e->cmd, "what is '%.60s' for? commands go with --apdu, data with --data",
                         argv[optind]);
    if (!e->has_tar)
        return cli_usage(e->cmd, "which application? --tar HEX or name is needed");
    if (e->has_apdu && e->has_data)
        return cli_usage(e->cmd, "--apdu or --data: not both");
    if (!e->has_apdu && !e->has_data && !e->response)
        return cli_usage(e->cmd, "nothing to send: --apdu HEX (repeatable) or --data HEX is needed");
    if (!e->has_counter && (e->header.spi1 & 0x10) != 0 && !e->response)
        return cli_usage(
            e->cmd, "SPI %02X asks for a counter, and a card takes each value once: --counter N is needed",
            e->header.spi1);
    if (e->response && e->form != FORM_PACKET)
        return cli_usage(e->cmd, "a response packet is printed as such: --form packet");
    *stop = false;
    return EXIT_OK;
}

/* Keys, and the octets that name them. */
static int encode_keys(struct encode *e, struct keyset *set)
{
    struct scp80_command *h = &e->header;
    const struct ota_keys *k = &e->keys.keys;
    const char *why = NULL;
    h->kic = k->has_kic ? k->kic : 0;
    h->kid = k->has_kid ? k->kid : 0;
    const bool rc = (h->spi1 & SPI1_CHECK) == SPI1_RC;
    const struct scp80_command asked = {.spi1 = h->spi1, .spi2 = h->spi2, .kic = 0xF0, .kid = 0xF0};
    const bool kic = e->response ? (h->spi2 & SPI2_POR_CIPHERED) != 0 : scp80_kic_version(&asked) != 0;
    const bool kid = e->response ? (h->spi2 & SPI2_POR_CHECK) == SPI2_POR_CC : scp80_kid_version(&asked) != 0;
    *set = (struct keyset){0};
    if (k->has_set) {
        if (k->has_kic || (k->has_kid && !rc))
            return cli_usage(e->cmd, "--kic and --kid follow from the key file");
        h->kic = keyset_kic_octet(&k->set);
        if (!k->has_kid)
            h->kid = rc ? (uint8_t)(k->set.version << 4 | 0x05) : keyset_kid_octet(&k->set);
    } else if ((kic && !k->has_kic) || (kid && !k->has_kid)) {
        if (k->kic_len == 0 && k->kid_len == 0)
            return cli_usage(e->cmd,
                             "this SPI needs keys: --keys FILE, or --kic-key, --kic, --kid-key, --kid");
        return cli_usage(e->cmd, "--%s XX is needed: it names the key's version and algorithm",
                         kic && !k->has_kic ? "kic" : "kid");
    }
    if (rc && (h->kid & 0x0F) != 0x01 && (h->kid & 0x0F) != 0x05)
        return cli_usage(e->cmd, "an RC needs a --kid that ends in 1 (CRC 16) or 5 (CRC 32)");
    if ((kic || kid) && !ota_keys_fit(k, kic, kid, h->kic, h->kid, 0, set, &why))
        return cli_usage(e->cmd, "%s", why);
    return EXIT_OK;
}

static void print_line(struct span s)
{
    cli_put_hex(stdout, s);
    putchar('\n');
}

static bool print_tpdu(void *ctx, unsigned nth, struct span tpdu)
{
    const struct encode *e = ctx;
    (void)nth;
    if (e->form == FORM_TPDU) {
        print_line(tpdu);
        return true;
    }
    uint8_t address[SMS_ADDRESS_MAX], data[255], bytes[5 + 255];
    struct buf centre = buf_of(address, sizeof address), envelope = buf_of(data, sizeof data);
    struct buf apdu = buf_of(bytes, sizeof bytes);
    if (!sms_address_pack(e->originator, &centre))
        return false;
    /* sms_address_pack counts digits, as TP-OA does; the toolkit's address (TS 102 223 8.1) is type and
     * digits alone. */
    const struct envelope_sms_pp pp = {.address = span_slice(buf_span(&centre), 1, centre.len), .tpdu = tpdu};
    envelope_sms_pp_build(&pp, &envelope);
    buf_put(&apdu, span_of("\x80\xC2\x00\x00", 4));
    buf_u8(&apdu, (uint8_t)envelope.len);
    buf_put(&apdu, buf_span(&envelope));
    if (buf_ok(&envelope) && buf_ok(&apdu))
        print_line(buf_span(&apdu));
    return buf_ok(&envelope) && buf_ok(&apdu);
}

static int encode_packet(struct encode *e, struct uicc_crypto *crypto, const struct keyset *set)
{
    struct buf out = buf_of(e->room + DATA_MAX, 2 * (size_t)DATA_MAX);
    uint8_t address[SMS_ADDRESS_MAX];
    struct buf from = buf_of(address, sizeof address), cntr = buf_of(e->header.cntr, SCP80_CNTR_LEN);
    if (!sms_address_pack(e->originator, &from))
        return cli_usage(e->cmd, "--originator: '%.40s' is no number of 1 to 20 digits", e->originator);
    buf_be(&cntr, e->counter, SCP80_CNTR_LEN);
    bool good;
    if (e->response) {
        struct scp80_response r = {.status = e->status, .kid = e->header.kid};
        memcpy(r.tar, e->header.tar, sizeof r.tar);
        memcpy(r.cntr, e->header.cntr, sizeof r.cntr);
        good = scp80_response_build(crypto, set, e->header.spi2, &r, buf_span(&e->data), &out);
    } else {
        good = scp80_command_build(crypto, set, &e->header, buf_span(&e->data), &out);
    }
    if (!good)
        return cli_refuse(e->cmd,
                          "no such packet can be made: SPI %02X%02X with %zu octets of data and these keys "
                          "(DS and reserved codings "
                          "are not supported)",
                          e->header.spi1, e->header.spi2, e->data.len);
    if (e->form == FORM_PACKET)
        print_line(buf_span(&out));
    else if (!sms_packet_split(buf_span(&out), e->has_reference ? e->reference : (uint8_t)e->counter,
                               buf_span(&from), print_tpdu, e))
        return cli_refuse(e->cmd, "%zu octets are more than 255 short messages hold", out.len);
    return cli_finish(e->cmd);
}

static int encode_run(int argc, char **argv);
static int decode_run(int argc, char **argv);

static const struct subcommand ota_encode = {
    .name = "ota encode",
    .summary = "make a secured packet",
    .help = "Usage: softuicc ota encode --tar TAR (--apdu HEX... | --data HEX) [--counter N] [KEYS] [...]\n"
            "Makes an SCP80 command packet (ETSI TS 102 225, 3GPP TS 31.115) and prints it in hex.\n\n"
            "  --spi XXXX          security parameters (default: 1619: CC, ciphered, counter higher;\n"
            "                      PoR always, with CC, ciphered)\n"
            "  --tar HEX|NAME      toolkit application reference, or isd, uicc, usim, isim,\n"
            "                      subscription (those of the built-in profiles)\n"
            "  --counter N         CNTR; needed where the SPI has it checked\n"
            "  --apdu HEX          a command of the script (compact format); repeatable, in order\n"
            "  --data HEX          secured data as it is, in place of --apdu\n"
            "  --form FORM         packet (default, from CPL on), tpdu (SMS-DELIVER) or envelope (the\n"
            "                      ENVELOPE command a terminal sends); one line per short message\n"
            "  --originator N      number the message comes from (default: +99900000001)\n"
            "  --reference N       concatenation reference (default: the counter's last octet)\n"
            "  --response XX       make a response packet with this status instead; --spi is the\n"
            "                      command's, --data the response data\n\n"
            "KEYS, from a key file:\n"
            "  --keys FILE         key file (softuicc new writes them)\n"
            "  --iccid N           the card in it (default: the only one)\n"
            "  --index I           pair, or with --common, common keyset (default: 0)\n"
            "  --common            a common keyset instead of a pair's keys\n"
            "or by hand:\n"
            "  --kic-key HEX --kic XX   key for ciphering, and KIc: version and algorithm (12: AES\n"
            "                      version 1, 15: triple DES with 2 keys, 19: with 3)\n"
            "  --kid-key HEX --kid XX   key for the CC, and KID likewise (for an RC: X1 CRC 16, X5\n"
            "                      CRC 32)\n"
            "  --mac-len 4|8       octets of the CC (default: 8)\n"
            "  --help              this text\n",
    .run = encode_run,
};

static int encode_run(int argc, char **argv)
{
    struct encode e = {
        .cmd = &ota_encode,
        .header = {.spi1 = DEFAULT_SPI1, .spi2 = DEFAULT_SPI2},
        .originator = default_originator,
    };
    struct keyset set = {0};
    bool stop;
    e.room = malloc(3 * (size_t)DATA_MAX);
    struct uicc_crypto *crypto = crypto_new();
    int code = EXIT_REFUSED;
    if (e.room == NULL || crypto == NULL) {
        cli_refuse(e.cmd, "OpenSSL's libcrypto lacks an algorithm, or memory ran out");
    } else {
        e.data = buf_of(e.room, DATA_MAX);
        code = encode_parse(&e, argc, argv, &stop);
        if (!stop)
            code = load_keys(e.cmd, &e.keys);
        if (!stop && code == EXIT_OK)
            code = encode_keys(&e, &set);
        if (!stop && code == EXIT_OK)
            code = encode_packet(&e, crypto, &set);
    }
    crypto_free(crypto);
    free(e.room);
    crypto_wipe(&set, sizeof set);
    crypto_wipe(&e, sizeof e);
    return code;
}

/* ---- decode ---- */

struct decode {
    const struct subcommand *cmd;
    struct key_options keys;
    struct ota_explain explain;
    struct span inputs[INPUTS_MAX];
    size_t n;
};

static bool as_option(const struct subcommand *cmd, const char *text, enum ota_kind *as)
{
    static const char *const names[] = {
        [OTA_KIND_UNKNOWN] = "auto",    [OTA_KIND_COMMAND] = "command", [OTA_KIND_RESPONSE] = "response",
        [OTA_KIND_DELIVER] = "deliver", [OTA_KIND_SUBMIT] = "submit",   [OTA_KIND_ENVELOPE] = "envelope",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(text, names[i]) == 0) {
            *as = (enum ota_kind)i;
            return true;
        }
    cli_usage(cmd, "--as: '%.40s' is none of auto, command, response, deliver, submit, envelope", text);
    return false;
}

static bool decode_option(struct decode *d, int opt)
{
    uint8_t spi[2];
    size_t n;
    switch (opt) {
    case OPT_SPI:
        if (!cli_hex(d->cmd, "--spi", optarg, 2, 2, spi, &n))
            return false;
        d->explain.has_spi = true;
        d->explain.spi2 = spi[1];
        return true;
    case OPT_COUNTER:
        d->explain.has_counter = cli_number(d->cmd, "--counter", optarg, 0, COUNTER_MAX, &d->explain.counter);
        return d->explain.has_counter;
    case OPT_AS:
        return as_option(d->cmd, optarg, &d->explain.as);
    case OPT_JSON:
        d->explain.json = true;
        return true;
    default:
        return key_option(d->cmd, &d->keys, opt);
    }
}

static int decode_parse(struct decode *d, int argc, char **argv, bool *stop)
{
    static const struct option options[] = {
        {"spi", required_argument, NULL, OPT_SPI},         {"counter", required_argument, NULL, OPT_COUNTER},
        {"as", required_argument, NULL, OPT_AS},           {"json", no_argument, NULL, OPT_JSON},
        {"kic-key", required_argument, NULL, OPT_KIC_KEY}, {"kid-key", required_argument, NULL, OPT_KID_KEY},
        {"kic", required_argument, NULL, OPT_KIC},         {"kid", required_argument, NULL, OPT_KID},
        {"mac-len", required_argument, NULL, OPT_MAC_LEN}, {"keys", required_argument, NULL, OPT_KEYS},
        {"iccid", required_argument, NULL, OPT_ICCID},     {"index", required_argument, NULL, OPT_INDEX},
        {"common", no_argument, NULL, OPT_COMMON},         {NULL, 0, NULL, 0},
    };
    int opt, code = EXIT_USAGE;
    *stop = true;
    while ((opt = cli_option(d->cmd, argc, argv, options, &code)) != -1) {
        if (opt == CLI_DONE)
            return code;
        if (!decode_option(d, opt))
            return EXIT_USAGE;
    }
    *stop = false;
    return EXIT_OK;
}

static int too_many(const struct decode *d)
{
    return cli_refuse(d->cmd, "more than %d inputs", INPUTS_MAX);
}

/* The octets are the decode's until decode_free. */
static int add_input(struct decode *d, const char *what, const char *text)
{
    if (d->n == INPUTS_MAX)
        return too_many(d);
    const size_t max = strlen(text) / 2 + 1;
    uint8_t *bytes = malloc(max);
    size_t n = 0;
    if (bytes == NULL)
        return cli_refuse(d->cmd, "memory ran out");
    if (!cli_hex(d->cmd, what, text, 1, max, bytes, &n)) {
        free(bytes);
        return EXIT_USAGE;
    }
    /* Exactly as long as what is in it: a reader beyond the end does not go unnoticed by a sanitizer. */
    uint8_t *exact = realloc(bytes, n);
    d->inputs[d->n++] = span_of(exact != NULL ? exact : bytes, n);
    return EXIT_OK;
}

static int read_lines(struct decode *d)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    int code = EXIT_OK;
    unsigned long number = 0;
    while (code == EXIT_OK && (n = getline(&line, &room, stdin)) >= 0) {
        char what[40];
        number++;
        if (strlen(line) != (size_t)n)
            code = cli_refuse(d->cmd, "line %lu: not text, it has a NUL octet", number);
        else if (line[strspn(line, " \t\r\n")] != '\0' && line[0] != '#') {
            snprintf(what, sizeof what, "line %lu", number);
            code = add_input(d, what, line);
        }
    }
    if (code == EXIT_OK && ferror(stdin))
        code = cli_refuse(d->cmd, "cannot read the input: %s", strerror(errno));
    free(line);
    return code;
}

static int explain(struct decode *d)
{
    size_t which;
    d->explain.crypto = crypto_new();
    if (d->explain.crypto == NULL)
        return cli_refuse(d->cmd, "OpenSSL's libcrypto lacks an algorithm, or memory ran out");
    d->explain.to = stdout;
    d->explain.keys = &d->keys.keys;
    int code;
    if (d->n == 0)
        code = cli_usage(d->cmd, "nothing to decode: HEX, or lines of it on standard input");
    else if (!ota_explain(&d->explain, d->inputs, d->n, &which))
        code = cli_refuse(d->cmd,
                          "input %zu (%zu octets) is no command or response packet, SMS-DELIVER, SMS-SUBMIT "
                          "or ENVELOPE; --as says "
                          "what it should be",
                          which + 1, which < d->n ? d->inputs[which].n : 0);
    else
        code = cli_finish(d->cmd);
    crypto_free(d->explain.crypto);
    return code;
}

static const struct subcommand ota_decode = {
    .name = "ota decode",
    .summary = "explain a packet",
    .help =
        "Usage: softuicc ota decode [--as KIND] [KEYS] [--json] [HEX...]\n"
        "Explains every field of command and response packets, SMS-DELIVER, SMS-SUBMIT and ENVELOPE: where\n"
        "it lies, what it is called, what it means, which clause says so; and why a card would refuse it.\n"
        "With keys, deciphers and verifies. Without HEX, reads lines of it from standard input. Parts of\n"
        "one packet in several short messages are put together.\n\n"
        "  --as KIND           auto (default), command, response, deliver, submit or envelope\n"
        "  --counter N         the counter the card has stored: judges CNTR\n"
        "  --spi XXXX          SPI of the command that a response answers (default: that of the command\n"
        "                      decoded before it, else what fits)\n"
        "  --json              as JSON\n\n"
        "KEYS, from a key file:\n"
        "  --keys FILE         key file (softuicc new writes them)\n"
        "  --iccid N           the card in it (default: the only one)\n"
        "  --index I           pair, or with --common, common keyset (default: 0)\n"
        "  --common            a common keyset instead of a pair's keys\n"
        "or by hand:\n"
        "  --kic-key HEX       key for ciphering\n"
        "  --kid-key HEX       key for the CC\n"
        "  --kic XX --kid XX   what names them (default: as the command packet has it)\n"
        "  --mac-len 4|8       octets of the CC (default: as the packet has it)\n"
        "  --help              this text\n\n"
        "Exit code 0 when the input could be explained, whether or not a card would take it.\n",
    .run = decode_run,
};

static int decode_run(int argc, char **argv)
{
    struct decode *d = calloc(1, sizeof *d);
    if (d == NULL)
        return cli_refuse(&ota_decode, "memory ran out");
    d->cmd = &ota_decode;
    bool stop;
    int code = decode_parse(d, argc, argv, &stop);
    if (!stop && code == EXIT_OK)
        code = load_keys(d->cmd, &d->keys);
    if (!stop && code == EXIT_OK && optind == argc)
        code = read_lines(d);
    for (int i = optind; !stop && code == EXIT_OK && i < argc; i++)
        code = add_input(d, "HEX", argv[i]);
    if (!stop && code == EXIT_OK)
        code = explain(d);
    for (size_t i = 0; i < d->n; i++)
        free((void *)(uintptr_t)d->inputs[i].p);
    crypto_wipe(d, sizeof *d);
    free(d);
    return code;
}

/* ---- the two verbs ---- */

static int run(int argc, char **argv)
{
    const struct subcommand *const verbs[] = {&ota_encode, &ota_decode};
    if (argc < 2)
        return cli_usage(&cmd_ota, "encode or decode?");
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(argv[1], verbs[i]->name + strlen("ota ")) == 0)
            return verbs[i]->run(argc - 1, argv + 1);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        fputs(cmd_ota.help, stdout);
        return cli_finish(&cmd_ota);
    }
    return cli_usage(&cmd_ota, "'%.40s' is neither encode nor decode", argv[1]);
}

const struct subcommand cmd_ota = {
    .name = "ota",
    .summary = "make and explain secured packets (SCP80)",
    .help = "Usage: softuicc ota encode|decode [...]\n"
            "Secured packets of ETSI TS 102 225, as 3GPP TS 31.115 puts them in short messages.\n\n"
            "  encode   make a packet, or the short messages that carry it\n"
            "  decode   explain a packet or message field by field, and why a card would refuse it\n\n"
            "softuicc ota encode --help and softuicc ota decode --help say more.\n",
    .run = run,
};
