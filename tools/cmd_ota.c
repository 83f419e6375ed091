/* SPDX-License-Identifier: Apache-2.0
 *
 * softuicc ota: secured packets (SCP80) made from readable input, and explained octet by octet.
 */
#include <errno.h>
#include <stdlib.h>

#include "lines.h"
#include "ota_options.h"
#include "ota_send.h"
#include "page.h"
#include "sms.h"
#include "ussd.h"

enum { INPUTS_MAX = 1024 };

/* ---- encode ---- */

enum form { FORM_PACKET, FORM_TPDU, FORM_ENVELOPE, FORM_USSD, FORM_CELL_BROADCAST };

struct encode {
    struct packet_options packet;
    uint8_t status; /* of a response packet */
    enum form form;
    const char *originator;
};

static bool take_form(void *encode)
{
    struct encode *e = encode;
    static const char *const names[] = {[FORM_PACKET] = "packet",
                                        [FORM_TPDU] = "tpdu",
                                        [FORM_ENVELOPE] = "envelope",
                                        [FORM_USSD] = "ussd",
                                        [FORM_CELL_BROADCAST] = "cell-broadcast"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(optarg, names[i]) == 0) {
            e->form = (enum form)i;
            return true;
        }
    cli_usage(e->packet.cmd, "--form: '%.40s' is none of packet, tpdu, envelope, ussd, cell-broadcast",
              optarg);
    return false;
}

static bool take_response(void *encode)
{
    struct encode *e = encode;
    size_t n;
    e->packet.response = cli_hex(e->packet.cmd, "--response", optarg, 1, 1, &e->status, &n);
    return e->packet.response;
}

static const struct cli_setting encode_settings[] = {
    {"form", CLI_TAKEN, 0, take_form},
    {"originator", CLI_TEXT, offsetof(struct encode, originator), NULL},
    {"response", CLI_TAKEN, 0, take_response},
    {NULL, CLI_FLAG, 0, NULL},
};

static const struct cli_part encode_parts[] = {
    {encode_settings, 0},
    {packet_settings, offsetof(struct encode, packet)},
    {key_settings, offsetof(struct encode, packet.keys)},
    {NULL, 0},
};

static int encode_parse(struct encode *e, int argc, char **argv, bool *stop)
{
    const struct subcommand *cmd = e->packet.cmd;
    int code;
    *stop = true;
    if (!cli_parts(cmd, argc, argv, encode_parts, e, NULL, &code))
        return code == EXIT_USAGE ? e->packet.code : code;
    if (optind != argc)
        return cli_usage(cmd, "what is '%.60s' for? commands go with --apdu, data with --data", argv[optind]);
    code = packet_options_check(&e->packet, COUNTER_BY_HAND);
    if (code == EXIT_OK && e->packet.response && e->form != FORM_PACKET)
        code = cli_usage(cmd, "a response packet is printed as such: --form packet");
    *stop = code != EXIT_OK;
    return code;
}

static void print_line(struct span s)
{
    cli_put_hex(stdout, s);
    putchar('\n');
}

static bool print_tpdu(void *ctx, unsigned nth, struct span tpdu)
{
    const struct encode *e = ctx;
    uint8_t bytes[5 + 255];
    struct buf apdu = buf_of(bytes, sizeof bytes);
    (void)nth;
    if (e->form == FORM_TPDU) {
        print_line(tpdu);
        return true;
    }
    terminal_envelope(e->originator, tpdu, &apdu);
    if (buf_ok(&apdu))
        print_line(buf_span(&apdu));
    return buf_ok(&apdu);
}

static int encode_response(struct encode *e, struct uicc_crypto *crypto)
{
    struct packet_options *p = &e->packet;
    struct scp80_response r = {.status = e->status, .kid = p->header.kid};
    struct buf cntr = buf_of(r.cntr, sizeof r.cntr);
    memcpy(r.tar, p->header.tar, sizeof r.tar);
    buf_be(&cntr, p->counter, sizeof r.cntr);
    if (!scp80_response_build(crypto, &p->set, p->header.spi2, &r, buf_span(&p->data), &p->packet))
        return cli_refuse(
            p->cmd,
            "no such response packet can be made: SPI2 %02X with %zu octets of data and these keys "
            "(DS and reserved codings are not supported)",
            p->header.spi2, p->data.len);
    return EXIT_OK;
}

/* The ENVELOPE that brings it in a USSD string. */
static int print_ussd(const struct encode *e)
{
    uint8_t data[255], bytes[5 + 255];
    struct buf envelope = buf_of(data, sizeof data), apdu = buf_of(bytes, sizeof bytes);
    ussd_envelope_build(buf_span(&e->packet.packet), &envelope);
    terminal_envelope_apdu(buf_span(&envelope), &apdu);
    if (!buf_ok(&envelope))
        return cli_refuse(e->packet.cmd, "%zu octets are more than a USSD string holds",
                          e->packet.packet.len);
    print_line(buf_span(&apdu));
    return EXIT_OK;
}

/* The ENVELOPEs that bring it in pages; the reference is their serial number. */
static int print_pages(const struct encode *e)
{
    uint8_t data[255], bytes[5 + 255];
    struct span packet = buf_span(&e->packet.packet);
    unsigned total = (unsigned)((packet.n + CB_PAGE_CONTENT - 1) / CB_PAGE_CONTENT);
    if (total > CB_PAGES_MAX)
        return cli_refuse(e->packet.cmd, "%zu octets are more than %d pages hold", packet.n,
                          (int)CB_PAGES_MAX);
    for (unsigned i = 0; i < total; i++) {
        struct buf envelope = buf_of(data, sizeof data), apdu = buf_of(bytes, sizeof bytes);
        cb_envelope_build(span_slice(packet, i * CB_PAGE_CONTENT, CB_PAGE_CONTENT),
                          packet_reference(&e->packet), i + 1, total, &envelope);
        terminal_envelope_apdu(buf_span(&envelope), &apdu);
        print_line(buf_span(&apdu));
    }
    return EXIT_OK;
}

static int encode_packet(struct encode *e, struct uicc_crypto *crypto)
{
    struct packet_options *p = &e->packet;
    uint8_t address[SMS_ADDRESS_MAX];
    struct buf from = buf_of(address, sizeof address);
    if (!sms_address_pack(e->originator, &from))
        return cli_usage(p->cmd, "--originator: '%.40s' is no number of 1 to 20 digits", e->originator);
    int code = p->response ? encode_response(e, crypto) : packet_options_build(p, crypto);
    if (code != EXIT_OK)
        return code;
    if (e->form == FORM_USSD || e->form == FORM_CELL_BROADCAST)
        code = e->form == FORM_USSD ? print_ussd(e) : print_pages(e);
    else if (e->form == FORM_PACKET)
        print_line(buf_span(&p->packet));
    else if (!sms_packet_split(buf_span(&p->packet), packet_reference(p), buf_span(&from), print_tpdu, e))
        return cli_refuse(p->cmd, "%zu octets are more than 255 short messages hold", p->packet.len);
    return code == EXIT_OK ? cli_finish(p->cmd) : code;
}

static int encode_run(int argc, char **argv);
static int decode_run(int argc, char **argv);

static const struct subcommand ota_encode = {
    .name = "ota encode",
    .summary = "make a secured packet",
    .help = "Usage: softuicc ota encode --tar TAR (--apdu HEX... | --script FILE | --data HEX)\n"
            "                           [--counter N] [SECURITY] [KEYS] [...]\n"
            "Makes an SCP80 command packet (ETSI TS 102 225, 3GPP TS 31.115) and prints it in "
            "hex.\n\n" OTA_PACKET_HELP
            "  --form FORM         packet (default, from CPL on), tpdu (SMS-DELIVER), envelope (the ENVELOPE\n"
            "                      command a terminal sends), ussd or cell-broadcast (the ENVELOPE of these);\n"
            "                      one line per message or page\n"
            "  --originator N      number the message comes from (default: +99900000001)\n"
            "  --response XX       make a response packet with this status instead; the SPI is the\n"
            "                      command's, --data the response data\n\n" OTA_SECURITY_HELP
            "\n" OTA_KEYS_HELP "  --help              this text\n",
    .run = encode_run,
};

static int encode_run(int argc, char **argv)
{
    struct encode e = {.originator = OTA_ORIGINATOR};
    bool stop;
    struct uicc_crypto *crypto = crypto_new();
    int code = EXIT_REFUSED;
    if (!packet_options_init(&e.packet, &ota_encode) || crypto == NULL) {
        cli_refuse(&ota_encode, "out of memory");
    } else {
        code = encode_parse(&e, argc, argv, &stop);
        if (!stop)
            code = packet_options_prepare(&e.packet);
        if (!stop && code == EXIT_OK)
            code = encode_packet(&e, crypto);
    }
    crypto_free(crypto);
    packet_options_wipe(&e.packet);
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

static bool take_as(void *decode)
{
    struct decode *d = decode;
    static const char *const names[] = {
        [OTA_KIND_UNKNOWN] = "auto",    [OTA_KIND_COMMAND] = "command", [OTA_KIND_RESPONSE] = "response",
        [OTA_KIND_DELIVER] = "deliver", [OTA_KIND_SUBMIT] = "submit",   [OTA_KIND_ENVELOPE] = "envelope",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(optarg, names[i]) == 0) {
            d->explain.as = (enum ota_kind)i;
            return true;
        }
    cli_usage(d->cmd, "--as: '%.40s' is none of auto, command, response, deliver, submit, envelope", optarg);
    return false;
}

static bool take_spi(void *decode)
{
    struct decode *d = decode;
    uint8_t spi[2];
    size_t n;
    if (!cli_hex(d->cmd, "--spi", optarg, 2, 2, spi, &n))
        return false;
    d->explain.has_spi = true;
    d->explain.spi2 = spi[1];
    return true;
}

static bool take_counter(void *decode)
{
    struct decode *d = decode;
    d->explain.has_counter = cli_number(d->cmd, "--counter", optarg, 0, OTA_COUNTER_MAX, &d->explain.counter);
    return d->explain.has_counter;
}

static const struct cli_setting decode_settings[] = {
    {"spi", CLI_TAKEN, 0, take_spi},
    {"counter", CLI_TAKEN, 0, take_counter},
    {"as", CLI_TAKEN, 0, take_as},
    {"json", CLI_FLAG, offsetof(struct decode, explain.json), NULL},
    {NULL, CLI_FLAG, 0, NULL},
};

static const struct cli_part decode_parts[] = {
    {decode_settings, 0},
    {key_settings, offsetof(struct decode, keys)},
    {NULL, 0},
};

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
    while (code == EXIT_OK && (n = lines_next(&line, &room, stdin)) >= 0) {
        char what[40];
        number++;
        if (strlen(line) != (size_t)n)
            code = cli_refuse(d->cmd, "line %lu: not text, it has a NUL octet", number);
        else if (line[strspn(line, " \t\r\n")] != '\0' && line[0] != '#') {
            snprintf(what, sizeof what, "line %lu", number);
            code = add_input(d, what, line);
        }
    }
    if (code == EXIT_OK && errno != 0)
        code = cli_refuse(d->cmd, "cannot read the input: line %lu: %s", number + 1, lines_trouble());
    free(line);
    return code;
}

static int explain(struct decode *d)
{
    size_t which;
    d->explain.crypto = crypto_new();
    if (d->explain.crypto == NULL)
        return cli_refuse(d->cmd, "out of memory");
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
    d->cmd = d->keys.cmd = &ota_decode;
    int code;
    const bool go_on = cli_parts(d->cmd, argc, argv, decode_parts, d, NULL, &code);
    if (go_on)
        code = key_options_load(&d->keys);
    if (go_on && code == EXIT_OK && optind == argc)
        code = read_lines(d);
    for (int i = optind; go_on && code == EXIT_OK && i < argc; i++)
        code = add_input(d, "HEX", argv[i]);
    if (go_on && code == EXIT_OK)
        code = explain(d);
    for (size_t i = 0; i < d->n; i++)
        free((void *)(uintptr_t)d->inputs[i].p);
    crypto_wipe(d, sizeof *d);
    free(d);
    return code;
}

/* ---- the verbs ---- */

static int run(int argc, char **argv)
{
    const struct subcommand *const verbs[] = {&ota_encode, &ota_decode, &ota_send};
    if (argc < 2)
        return cli_usage(&cmd_ota, "encode, decode or send?");
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(argv[1], verbs[i]->name + strlen("ota ")) == 0)
            return verbs[i]->run(argc - 1, argv + 1);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        fputs(cmd_ota.help, stdout);
        return cli_finish(&cmd_ota);
    }
    return cli_usage(&cmd_ota, "'%.40s' is none of encode, decode, send", argv[1]);
}

const struct subcommand cmd_ota = {
    .name = "ota",
    .summary = "make, explain and send secured packets (SCP80)",
    .help = "Usage: softuicc ota encode|decode|send [...]\n"
            "Secured packets of ETSI TS 102 225, as 3GPP TS 31.115 puts them in short messages.\n\n"
            "  encode   make a packet, or the short messages that carry it\n"
            "  decode   explain a packet or message field by field, and why a card would refuse it\n"
            "  send     make a packet, send it to a card, and explain the card's answer\n\n"
            "softuicc ota encode --help (decode, send) says more.\n",
    .run = run,
};
