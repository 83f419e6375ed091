/* SPDX-License-Identifier: Apache-2.0
 *
 * softuicc change: the operator orders a card to go over to its next K/OTA pair (3GPP TR 33.812 5.3.2.2), and
 * learns from the card's proof of receipt what became of it. Over PC/SC it plays the short message service
 * and the terminal as well; over SMPP both are somebody's.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "hex.h"
#include "keys.h"
#include "order.h"
#include "ota_options.h"
#include "records.h"
#include "sms.h"

enum {
    PACKET_MAX = 512,
    POR_MAX = 512, /* a receipt has some 40 octets */
    PARTS_MAX = 4, /* short messages that one order may take; it needs one */
    ENVELOPE_APDU_MAX = 5 + 255,
};

/* The subscription applet's TAR in the built-in profiles, and that of remote file management in the USIM */
static const uint8_t default_tar[3] = {0xBF, 0xFF, 0x3B}, files_tar[3] = {0xB0, 0x00, 0x01};

struct change {
    const struct subcommand *cmd;
    /* the command line */
    const char *iccid;
    struct order order;
    const char *keys_path;
    unsigned key_index;
    bool common;
    uint64_t counter; /* 0: from the records */
    const char *records_path;
    struct carrier_cli way;
    uint8_t tar[3];
    bool has_tar;
    bool print, json, verbose;
    /* what follows from it */
    struct uicc_crypto *crypto;
    struct key_row key; /* secret */
    struct records *records;
    struct records_keyset keyset;
    int64_t record; /* this order's, when there are records */
    struct scp80_command header;
    uint8_t packet_bytes[PACKET_MAX];
    struct span packet;
    size_t n_parts;
    struct part {
        uint8_t bytes[ENVELOPE_APDU_MAX];
        size_t n;
    } parts[PARTS_MAX];
};

/* What became of an order. */
enum outcome {
    OUTCOME_OBEYED,
    OUTCOME_REFUSED, /* by the subscription applet: genuine PoR, packet accepted, but a status word against it
                      */
    OUTCOME_PACKET_REFUSED, /* genuine PoR, but the packet was not executed: counter, security level, TAR */
    OUTCOME_NOT_ACCEPTED,   /* unprotected answer: the card could not authenticate the packet */
    OUTCOME_FORGED,
    OUTCOME_UNINTELLIGIBLE,
    OUTCOME_NO_RECEIPT, /* the card said nothing, or a status word only */
};

static const char *const outcome_names[] = {
    [OUTCOME_OBEYED] = "obeyed",
    [OUTCOME_REFUSED] = "refused",
    [OUTCOME_PACKET_REFUSED] = "packet refused",
    [OUTCOME_NOT_ACCEPTED] = "not accepted",
    [OUTCOME_FORGED] = "forged answer",
    [OUTCOME_UNINTELLIGIBLE] = "unintelligible answer",
    [OUTCOME_NO_RECEIPT] = "no proof of receipt",
};

struct result {
    enum outcome outcome;
    struct ota_carrier_sent sent;
    uint8_t por_bytes[POR_MAX];
    size_t por_n;
    struct ota_por por; /* the best answer that came */
    bool answered;      /* answer is known */
    struct order_answer answer;
    struct terminal_asked asked;
    bool was_reset;
    bool looked; /* at EF.IMSI, after the REFRESH */
    char imsi[16];
    sw_t imsi_sw;
};

struct hearing {
    struct change *change;
    struct result *result;
};

/* ---- making the order ---- */

static void counter_octets(uint64_t counter, uint8_t cntr[SCP80_CNTR_LEN])
{
    struct buf b = buf_of(cntr, SCP80_CNTR_LEN);
    buf_be(&b, counter, SCP80_CNTR_LEN);
}

static const char *from_number(const struct change *c)
{
    return c->way.options.from != NULL ? c->way.options.from : OTA_ORIGINATOR;
}

/* One short message as the ENVELOPE command a terminal makes of it. */
static bool add_part(void *ctx, unsigned nth, struct span tpdu)
{
    struct change *c = ctx;
    (void)nth;
    if (c->n_parts == PARTS_MAX)
        return false;
    struct part *part = &c->parts[c->n_parts++];
    struct buf apdu = buf_of(part->bytes, sizeof part->bytes);
    terminal_envelope(from_number(c), tpdu, &apdu);
    part->n = apdu.len;
    return buf_ok(&apdu);
}

static int build(struct change *c)
{
    uint8_t script_bytes[300], address[SMS_ADDRESS_MAX];
    struct buf script = buf_of(script_bytes, sizeof script_bytes);
    struct buf packet = buf_of(c->packet_bytes, sizeof c->packet_bytes);
    struct buf from = buf_of(address, sizeof address);
    const struct keyset *keys = &c->key.pair.ota;
    c->header = (struct scp80_command){
        .spi1 = OTA_SPI1, .spi2 = OTA_SPI2, .kic = keyset_kic_octet(keys), .kid = keyset_kid_octet(keys)};
    memcpy(c->header.tar, c->tar, sizeof c->tar);
    counter_octets(c->counter, c->header.cntr);
    if (!order_script(&c->order, &script))
        return cli_refuse(c->cmd, "the order cannot be built");
    if (!scp80_command_build(c->crypto, keys, &c->header, buf_span(&script), &packet))
        return cli_refuse(c->cmd, "the keys of %s cannot secure a command with CC and ciphering",
                          c->keys_path);
    c->packet = buf_span(&packet);
    c->n_parts = 0;
    if (!sms_address_pack(from_number(c), &from) ||
        !sms_packet_split(c->packet, (uint8_t)c->counter, buf_span(&from), add_part, c))
        return cli_refuse(c->cmd, "the order does not fit %d short messages", (int)PARTS_MAX);
    return EXIT_OK;
}

static int load_keys(struct change *c)
{
    struct keys_error error;
    cli_warn_readable(c->cmd, c->keys_path);
    if (!keys_find(c->keys_path, c->iccid, c->common, c->key_index, &c->key, &error) ||
        !keys_over_air(c->keys_path, &c->key, &error))
        return cli_refuse(c->cmd, "%s", error.text);
    c->keyset = (struct records_keyset){
        .iccid = c->iccid, .common = c->common, .index = c->key_index, .version = c->key.pair.ota.version};
    return EXIT_OK;
}

/* Settles the counter, durably when there are records, and only then makes the packet that carries it. */
static int commit_and_build(struct change *c)
{
    struct records_error error;
    if (c->records != NULL &&
        !(c->counter == 0 ? records_take_counter(c->records, &c->keyset, &c->counter, &error)
                          : records_use_counter(c->records, &c->keyset, c->counter, &error)))
        return cli_refuse(c->cmd, "%s", error.text);
    int code = build(c);
    if (code != EXIT_OK || c->records == NULL)
        return code;
    const struct records_order order = {
        .keyset = c->keyset,
        .counter = c->counter,
        .imsi = c->order.imsi,
        .has_index = c->order.has_index,
        .index = c->order.index,
        .reference = span_of(c->order.reference, c->order.reference_len),
        .packet = c->packet,
    };
    if (!records_order(c->records, &order, &c->record, &error))
        return cli_refuse(c->cmd, "%s", error.text);
    return EXIT_OK;
}

/* ---- printing it ---- */

static void json_hex(FILE *f, const char *name, struct span s)
{
    fprintf(f, "\"%s\":\"", name);
    cli_put_hex(f, s);
    fputc('"', f);
}

static void print_order(const struct change *c)
{
    if (c->json) {
        printf("{\"iccid\":\"%s\",\"imsi\":\"%s\",\"counter\":%" PRIu64 ",", c->iccid, c->order.imsi,
               c->counter);
        json_hex(stdout, "packet", c->packet);
        fputs(",\"envelopes\":[", stdout);
        for (size_t i = 0; i < c->n_parts; i++) {
            fputs(i > 0 ? ",\"" : "\"", stdout);
            cli_put_hex(stdout, span_of(c->parts[i].bytes, c->parts[i].n));
            fputc('"', stdout);
        }
        puts("]}");
        return;
    }
    if (c->verbose) {
        printf("# counter %" PRIu64 ", command packet ", c->counter);
        cli_put_hex(stdout, c->packet);
        putchar('\n');
    }
    for (size_t i = 0; i < c->n_parts; i++) {
        cli_put_hex(stdout, span_of(c->parts[i].bytes, c->parts[i].n));
        putchar('\n');
    }
}

/* ---- sending it ---- */

/* Takes what came back, and keeps the best of it. */
static enum ota_heard heard(void *ctx, struct span packet)
{
    struct hearing *h = ctx;
    struct change *c = h->change;
    struct result *r = h->result;
    struct ota_por por;
    uint8_t work_bytes[POR_MAX];
    struct buf work = buf_of(work_bytes, sizeof work_bytes);
    if (packet.n > POR_MAX)
        packet.n = POR_MAX; /* no receipt: judged so */
    ota_por_open(c->crypto, &c->key.pair.ota, &c->header, packet, &work, &por);
    enum ota_heard worth = ota_por_heard(&por, &c->header);
    if (ota_por_better(&por, &r->por)) {
        r->answered = por.kind == OTA_POR_GENUINE && por.response.status == SCP80_POR_OK &&
                      order_answer_parse(por.data, &r->answer);
        r->por = por;
        r->por.data = r->por.response.packet = SPAN_EMPTY; /* borrowed from what is gone soon */
        r->por_n = packet.n;
        memcpy(r->por_bytes, packet.p, packet.n);
    }
    crypto_wipe(work_bytes, sizeof work_bytes);
    return worth;
}

/* The answer proves something only when its CC does, and when it answers this very packet. */
static enum outcome judge(const struct change *c, const struct result *r)
{
    switch (r->por.kind) {
    case OTA_POR_UNPROTECTED:
        return OUTCOME_NOT_ACCEPTED;
    case OTA_POR_FORGED:
    case OTA_POR_OTHER: /* an older answer, brought again */
        return OUTCOME_FORGED;
    case OTA_POR_GENUINE:
        if (r->por.response.status != SCP80_POR_OK)
            return OUTCOME_PACKET_REFUSED;
        if (!r->answered)
            return OUTCOME_UNINTELLIGIBLE;
        return order_obeyed(&c->order, &r->answer) ? OUTCOME_OBEYED : OUTCOME_REFUSED;
    case OTA_POR_UNINTELLIGIBLE:
        return OUTCOME_UNINTELLIGIBLE;
    case OTA_POR_NONE:
    default:
        return OUTCOME_NO_RECEIPT;
    }
}

static int note_result(struct change *c, const struct result *r)
{
    if (c->records == NULL)
        return EXIT_OK;
    struct records_error error;
    const struct records_outcome outcome = {
        .outcome = outcome_names[r->outcome],
        .sw = r->answered ? r->answer.sw : 0,
        .has_receipt = r->answered && r->answer.has_receipt,
        .active = r->answer.active,
        .unused = r->answer.unused,
        .por = span_of(r->por_bytes, r->por_n),
    };
    return records_answer(c->records, c->record, &outcome, &error) ? EXIT_OK
                                                                   : cli_refuse(c->cmd, "%s", error.text);
}

/* Does what the card asked for: the reset, above all; and looks whom it says it is then. */
static int follow(struct change *c, struct ota_carrier *way, struct result *r)
{
    struct ota_carrier_error error;
    const struct terminal *t = ota_carrier_terminal(way);
    if (!ota_carrier_follow(way, &r->asked, &r->was_reset, &error))
        return cli_refuse(c->cmd, "%s", error.text);
    if (t == NULL || !r->asked.refresh)
        return EXIT_OK;
    if (!terminal_imsi(t, r->imsi, &r->imsi_sw))
        return cli_refuse(c->cmd, "%s; after the card's REFRESH", ota_carrier_why(way));
    r->looked = true;
    return EXIT_OK;
}

/* ---- telling ---- */

static void tell_json(const struct change *c, const struct result *r)
{
    printf("{\"iccid\":\"%s\",\"imsi\":\"%s\",\"counter\":%" PRIu64 ",\"outcome\":\"%s\",", c->iccid,
           c->order.imsi, c->counter, outcome_names[r->outcome]);
    if (r->sent.has_sw)
        printf("\"envelope_sw\":\"%04X\",", r->sent.sw);
    if (r->sent.message_id[0] != '\0') {
        fputs("\"message_id\":", stdout);
        cli_put_json(stdout, r->sent.message_id);
        putchar(',');
    }
    json_hex(stdout, "por", span_of(r->por_bytes, r->por_n));
    if (r->por.opened)
        printf(",\"response_status\":\"%02X\"", r->por.response.status);
    if (r->answered) {
        printf(",\"executed\":%u,\"sw\":\"%04X\"", r->answer.executed, r->answer.sw);
        if (r->answer.has_receipt)
            printf(",\"active\":%u,\"unused\":%u", r->answer.active, r->answer.unused);
        if (r->answer.reference_len > 0) {
            putchar(',');
            json_hex(stdout, "reference", span_of(r->answer.reference, r->answer.reference_len));
        }
        if (r->answer.has_kcv_k) {
            putchar(',');
            json_hex(stdout, "kcv_k", span_of(r->answer.kcv_k, ORDER_KCV_LEN));
        }
        if (r->answer.has_kcv_kic) {
            putchar(',');
            json_hex(stdout, "kcv_kic", span_of(r->answer.kcv_kic, ORDER_KCV_LEN));
        }
    }
    if (r->asked.refresh)
        printf(",\"refresh\":\"%02X\"", r->asked.refresh_mode);
    printf(",\"reset\":%s", r->was_reset ? "true" : "false");
    if (r->imsi[0] != '\0')
        printf(",\"imsi_read\":\"%s\"", r->imsi);
    puts("}");
}

static void tell_obeyed(const struct change *c, const struct result *r)
{
    const struct order_answer *a = &r->answer;
    if (c->order.keep)
        puts("order obeyed: the IMSI is new, the keys are as they were");
    else
        printf("order obeyed: pair %u active, %u unused left\n", a->active, a->unused);
    if (a->has_kcv_k && a->has_kcv_kic) {
        fputs("key check values: K ", stdout);
        cli_put_hex(stdout, span_of(a->kcv_k, ORDER_KCV_LEN));
        fputs(", KIc ", stdout);
        cli_put_hex(stdout, span_of(a->kcv_kic, ORDER_KCV_LEN));
        putchar('\n');
    }
    if (c->way.options.silent || c->way.options.smpp != NULL)
        puts("REFRESH left to the terminal");
    else if (r->was_reset)
        puts("REFRESH (UICC reset): done");
    else if (r->asked.refresh)
        printf("REFRESH (mode %02X): acknowledged\n", r->asked.refresh_mode);
    else
        puts("the card asked for no REFRESH");
    if (r->imsi[0] != '\0')
        printf("IMSI is now %s\n", r->imsi);
    else if (r->looked && r->imsi_sw != SW_OK)
        printf("IMSI could not be read: %s (%04X)\n", sw_text(r->imsi_sw), r->imsi_sw);
}

/* One line on stderr for what did not come out well; the exit code. */
static int tell_failure(const struct change *c, const struct result *r)
{
    const struct subcommand *cmd = c->cmd;
    switch (r->outcome) {
    case OUTCOME_OBEYED:
        if (c->order.reference_len > 0 && !c->order.keep &&
            !span_equal(span_of(r->answer.reference, r->answer.reference_len),
                        span_of(c->order.reference, c->order.reference_len)))
            return cli_refuse(cmd, "order obeyed, but its receipt does not have its reference");
        if (r->looked && r->imsi_sw == SW_OK && strcmp(r->imsi, c->order.imsi) != 0)
            return cli_refuse(cmd, "order obeyed, but the card has IMSI %s now",
                              r->imsi[0] != '\0' ? r->imsi : "(none)");
        return EXIT_OK;
    case OUTCOME_REFUSED:
        if (c->order.keep)
            return cli_refuse(cmd, "refused: %s (%04X), %u of 2 commands executed; nothing changed",
                              sw_text(r->answer.sw), r->answer.sw, r->answer.executed);
        if (r->answer.sw == SW_OK || (r->answer.sw & 0xFF00) == SW_DATA_AVAILABLE)
            return cli_refuse(cmd, "the card's answer is genuine, but has no receipt (%u executed, %04X)",
                              r->answer.executed, r->answer.sw);
        return cli_refuse(cmd, "refused: %s (%04X); nothing changed", sw_text(r->answer.sw), r->answer.sw);
    case OUTCOME_PACKET_REFUSED:
        return cli_refuse(
            cmd, "the card knows the keys but did not execute the packet, and nothing changed: %s (%02X)%s",
            scp80_status_text(r->por.response.status), r->por.response.status,
            ota_por_advice(r->por.response.status));
    case OUTCOME_NOT_ACCEPTED:
        return cli_refuse(
            cmd,
            "the card did not accept the packet: %s (%02X); its answer is not protected and proves nothing",
            scp80_status_text(r->por.response.status), r->por.response.status);
    case OUTCOME_FORGED:
        return cli_refuse(
            cmd,
            "the answer is forged, or answers something else; whether the order was obeyed is not known");
    case OUTCOME_UNINTELLIGIBLE:
        return cli_refuse(
            cmd, "the answer is no response packet to an order; whether the order was obeyed is not known");
    case OUTCOME_NO_RECEIPT:
    default:
        if (!r->sent.has_sw)
            return cli_refuse(
                cmd,
                "no proof of receipt came within %u seconds; whether the order was obeyed is not "
                "known",
                c->way.options.timeout_ms / 1000);
        return cli_refuse(cmd, "the card gave no proof of receipt: %s (%04X)", sw_text(r->sent.sw),
                          r->sent.sw);
    }
}

static int send(struct change *c)
{
    struct ota_carrier_error error;
    struct ota_carrier *way = ota_carrier_open(&c->way.options, &error);
    if (way == NULL)
        return cli_refuse(c->cmd, "%s", error.text);
    struct result r = {.outcome = OUTCOME_NO_RECEIPT};
    struct hearing hearing = {c, &r};
    int code = commit_and_build(c);
    if (code == EXIT_OK && c->verbose && !c->json)
        print_order(c);
    const struct ota_carrier_job job = {
        .packet = c->packet,
        .reference = (uint8_t)c->counter,
        .answer = true,
        .heard = heard,
        .ctx = &hearing,
    };
    /* A receipt that came counts, whatever happened to the link afterwards. */
    if (code == EXIT_OK && !ota_carrier_send(way, &job, &r.sent, &error) && r.por.kind != OTA_POR_GENUINE)
        code = cli_refuse(c->cmd, "%s%s", error.text,
                          error.reached ? "; whether the order was obeyed is not known" : "");
    if (code == EXIT_OK) {
        r.outcome = judge(c, &r);
        /* The evidence first: what follows may fail and must not lose it. */
        int noted = note_result(c, &r);
        int followed = c->way.options.silent ? EXIT_OK : follow(c, way, &r);
        if (c->json)
            tell_json(c, &r);
        else if (r.outcome == OUTCOME_OBEYED)
            tell_obeyed(c, &r);
        code = tell_failure(c, &r);
        if (code == EXIT_OK)
            code = noted != EXIT_OK ? noted : followed;
        if (code == EXIT_OK)
            code = cli_finish(c->cmd);
    }
    ota_carrier_close(way);
    return code;
}

/* ---- the command line ---- */

static int carry_out(struct change *c)
{
    int code = load_keys(c);
    if (code != EXIT_OK)
        return code;
    struct records_error error;
    if (c->records_path != NULL && (c->records = records_open(c->records_path, &error)) == NULL)
        return cli_refuse(c->cmd, "%s", error.text);
    if (!c->print)
        code = send(c);
    else if ((code = commit_and_build(c)) == EXIT_OK) {
        print_order(c);
        code = cli_finish(c->cmd);
    }
    records_close(c->records);
    return code;
}

/* PATH[@OFFSET]=DATA, all but the offset in hex */
static bool take_file(void *change)
{
    struct change *c = change;
    const char *text = optarg;
    uint8_t path[16], data[ORDER_FILES_MAX];
    struct buf p = buf_of(path, sizeof path), d = buf_of(data, sizeof data);
    char head[64];
    const char *equals = strchr(text, '=');
    size_t n = equals != NULL ? (size_t)(equals - text) : 0;
    if (n == 0 || n >= sizeof head) {
        cli_usage(c->cmd, "--file: '%.60s' is not PATH=DATA or PATH@OFFSET=DATA", text);
        return false;
    }
    memcpy(head, text, n);
    head[n] = '\0';
    uint64_t offset = 0;
    char *at = strchr(head, '@');
    if (at != NULL) {
        *at = '\0';
        if (!cli_number(c->cmd, "--file", at + 1, 0, 0xFFFF, &offset))
            return false;
    }
    if (!hex_parse(head, &p, NULL) || p.len == 0 || p.len % 2 != 0 || !hex_parse(equals + 1, &d, NULL) ||
        d.len == 0) {
        cli_usage(c->cmd,
                  "--file: '%.60s': a path is FIDs, like 7FFF6F46, and the data are octets, both in hex",
                  text);
        return false;
    }
    if (order_add_file(&c->order, buf_span(&p), (unsigned)offset, buf_span(&d)))
        return true;
    cli_usage(c->cmd, "--file: more than %d octets of files do not go with one order", (int)ORDER_FILES_MAX);
    return false;
}

static bool take_trial(void *change)
{
    struct change *c = change;
    size_t n = 0;
    c->order.has_trial = true;
    if (strcmp(optarg, "none") == 0)
        return true;
    if (!cli_hex(c->cmd, "--trial", optarg, 4, ORDER_TRIAL_MAX, c->order.trial, &n))
        return false;
    c->order.trial_len = (uint8_t)n;
    return true;
}

static bool take_imsi(void *change)
{
    struct change *c = change;
    uint8_t packed[9];
    c->order.imsi = optarg;
    if (!cli_digits(c->cmd, "--imsi", optarg, 6, 15))
        return false;
    if (imsi_pack(optarg, packed))
        return true;
    cli_usage(c->cmd, "--imsi: '%s' is no IMSI", optarg);
    return false;
}

static bool take_index(void *change)
{
    struct change *c = change;
    uint64_t number;
    c->order.has_index = cli_number(c->cmd, "--index", optarg, 0, ORDER_INDEX_MAX, &number);
    if (c->order.has_index)
        c->order.index = (uint8_t)number;
    return c->order.has_index;
}

static bool take_key_index(void *change)
{
    struct change *c = change;
    return cli_unsigned(c->cmd, "--key-index", optarg, 0, ORDER_INDEX_MAX, &c->key_index);
}

static bool take_counter(void *change)
{
    struct change *c = change;
    return cli_number(c->cmd, "--counter", optarg, 1, RECORDS_COUNTER_MAX, &c->counter);
}

static bool take_reference(void *change)
{
    struct change *c = change;
    size_t n;
    if (!cli_hex(c->cmd, "--reference", optarg, 1, ORDER_REFERENCE_MAX, c->order.reference, &n))
        return false;
    c->order.reference_len = (uint8_t)n;
    return true;
}

static bool take_refresh_mode(void *change)
{
    struct change *c = change;
    size_t n;
    c->order.has_refresh = cli_hex(c->cmd, "--refresh-mode", optarg, 1, 1, &c->order.refresh, &n);
    return c->order.has_refresh;
}

static bool take_tar(void *change)
{
    struct change *c = change;
    size_t n;
    c->has_tar = cli_hex(c->cmd, "--tar", optarg, sizeof c->tar, sizeof c->tar, c->tar, &n);
    return c->has_tar;
}

static bool take_mnc_digits(void *change)
{
    struct change *c = change;
    uint64_t number;
    if (!cli_number(c->cmd, "--mnc-digits", optarg, 2, 3, &number))
        return false;
    c->order.mnc_digits = (uint8_t)number;
    return true;
}

static const struct cli_setting settings[] = {
    {"iccid", CLI_ICCID, offsetof(struct change, iccid), NULL},
    {"imsi", CLI_TAKEN, 0, take_imsi},
    {"index", CLI_TAKEN, 0, take_index},
    {"keys", CLI_TEXT, offsetof(struct change, keys_path), NULL},
    {"key-index", CLI_TAKEN, 0, take_key_index},
    {"common", CLI_FLAG, offsetof(struct change, common), NULL},
    {"counter", CLI_TAKEN, 0, take_counter},
    {"records", CLI_TEXT, offsetof(struct change, records_path), NULL},
    {"print", CLI_FLAG, offsetof(struct change, print), NULL},
    {"reference", CLI_TAKEN, 0, take_reference},
    {"json", CLI_FLAG, offsetof(struct change, json), NULL},
    {"no-refresh", CLI_FLAG, offsetof(struct change, way.options.silent), NULL},
    {"refresh-mode", CLI_TAKEN, 0, take_refresh_mode},
    {"tar", CLI_TAKEN, 0, take_tar},
    {"verbose", CLI_FLAG, offsetof(struct change, verbose), NULL},
    {"keep-key", CLI_FLAG, offsetof(struct change, order.keep), NULL},
    {"trial", CLI_TAKEN, 0, take_trial},
    {"mnc-digits", CLI_TAKEN, 0, take_mnc_digits},
    {"file", CLI_TAKEN, 0, take_file},
    {NULL, CLI_FLAG, 0, NULL},
};

static const struct cli_part parts[] = {
    {settings, 0}, {carrier_settings, offsetof(struct change, way)}, {NULL, 0}};

/* EXIT_OK, or (with *stop) what to return at once. */
static int parse(struct change *c, int argc, char **argv, bool *stop)
{
    const struct subcommand *cmd = c->cmd;
    int code;
    *stop = true;
    if (!cli_parts(cmd, argc, argv, parts, c, NULL, &code))
        return code;
    if (optind != argc)
        return cli_usage(cmd, "what is '%.60s' for?", argv[optind]);
    if (c->iccid == NULL)
        return cli_usage(cmd, "which card? --iccid N is needed");
    if (c->order.imsi == NULL)
        return cli_usage(cmd, "which IMSI is the card to have? --imsi N is needed");
    if (c->keys_path == NULL)
        return cli_usage(cmd, "whose keys secure the order? --keys FILE is needed");
    if (c->counter == 0 && c->records_path == NULL)
        return cli_usage(
            cmd,
            "a card takes each OTA counter once: give the next one with --counter N, or let --records FILE "
            "keep count");
    if (c->order.keep && (c->order.has_index || c->order.has_refresh || c->order.reference_len > 0 ||
                          c->order.has_trial || c->order.mnc_digits != 0 || c->order.files_len > 0))
        return cli_usage(
            cmd, "--keep-key changes EF.IMSI and nothing else: it goes with none of --index, --refresh-mode, "
                 "--reference, --trial, --mnc-digits, --file");
    if (c->order.keep && !c->common) { /* for the records: the pair that the card stays on */
        c->order.has_index = true;
        c->order.index = (uint8_t)c->key_index;
    }
    if (!c->has_tar)
        memcpy(c->tar, c->order.keep ? files_tar : default_tar, sizeof c->tar);
    if (c->print && (c->way.options.reader != NULL || c->way.options.smpp != NULL))
        return cli_usage(cmd, "--print sends nothing: what is --%s for?",
                         c->way.options.smpp != NULL ? "smpp" : "reader");
    c->way.options.iccid = c->iccid;
    code = carrier_check(&c->way);
    *stop = code != EXIT_OK;
    return code;
}

static int run(int argc, char **argv)
{
    struct change *c = calloc(1, sizeof *c);
    if (c == NULL)
        return cli_refuse(&cmd_change, "no memory");
    c->cmd = &cmd_change;
    carrier_init(&c->way, &cmd_change);
    bool stop;
    int code = parse(c, argc, argv, &stop);
    if (!stop) {
        c->crypto = crypto_new();
        code = c->crypto != NULL ? carry_out(c) : cli_refuse(c->cmd, "out of memory");
        crypto_free(c->crypto);
    }
    crypto_wipe(c, sizeof *c);
    free(c);
    return code;
}

const struct subcommand cmd_change = {
    .name = "change",
    .summary = "order a card, over the air, to change to another operator's K/OTA pair",
    .help =
        "Usage: softuicc change --iccid N --imsi N --keys FILE (--counter N | --records FILE)\n"
        "                       [--index I] [--reader NAME|NUMBER | --smpp HOST:PORT --to N | --print]\n"
        "                       [...]\n"
        "Orders a card to take its next unused K/OTA pair (or pair I) and a new IMSI, in one step.\n"
        "The order goes as a secured packet (SCP80: CC, ciphered, counter) in a short message to the\n"
        "card in a PC/SC reader, or by way of an SMSC to a card anywhere; the card's proof of receipt is\n"
        "verified; in a reader, its REFRESH is obeyed.\n\n"
        "  --iccid N           the card; one with another ICCID is left alone\n"
        "  --imsi N            the IMSI it is to have, 6 to 15 digits\n"
        "  --index I           the pair it is to take (default: the next unused one)\n"
        "  --keys FILE         the ordering operator's key file\n"
        "  --key-index I       which pair of the card there secures the order (default: 0)\n"
        "  --common            secure it with common keyset --key-index instead of a pair's keys\n"
        "  --counter N         OTA counter: higher than any this keyset was used with\n"
        "  --records FILE      takes the next counter from FILE (made if there is none), and logs\n"
        "                      order and proof of receipt there; with --counter, notes that "
        "one\n" OTA_CARRIER_HELP "  --print             print the ENVELOPE instead of sending it\n"
        "  --reference HEX     up to 8 octets of the operator's, which the receipt repeats\n"
        "  --refresh-mode HEX  command qualifier of the REFRESH that is asked for (default: the\n"
        "                      card's, 04: UICC reset)\n"
        "  --no-refresh        leave FETCH, REFRESH and the reset to whoever uses the card next\n"
        "  --keep-key          the IMSI alone, by remote file management, K stays (alternative 3a)\n"
        "  --trial LIMITS      how long the new subscription may go without an authentication: hex\n"
        "                      octets of power-ups, polls, failures, no service[, minutes]; or none\n"
        "  --mnc-digits N      digits of the MNC in the new IMSI, for EF.AD: 2 or 3\n"
        "  --file PATH[@OFFSET]=HEX   a further file to change in the same step: FIDs from the MF on, or\n"
        "                      from 7FFF, the USIM (7FFF6F46=..: EF.SPN); may be repeated\n"
        "  --tar HEX           the TAR it goes to (default: BFFF3B, the subscription applet's; with\n"
        "                      --keep-key B00001, remote file management in the USIM)\n"
        "  --json              tell the outcome as JSON\n"
        "  --verbose           show the packet and the ENVELOPE too\n"
        "  --help              this text\n\n"
        "Exit code 0 only when the order was obeyed, and proved so.\n",
    .run = run,
};
