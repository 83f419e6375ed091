/* SPDX-License-Identifier: Apache-2.0
 *
 * softuicc ota send: a command packet on its way to a card and the proof of receipt back, over PC/SC or SMPP.
 */
#include "ota_send.h"

#include <inttypes.h>
#include <stdlib.h>

#include "ota_options.h"
#include "records.h"

struct send {
    struct packet_options packet;
    struct carrier_cli way;
    const char *records_path;
    bool json, verbose;
    struct uicc_crypto *crypto;
    /* the best answer so far */
    struct ota_por por;
    uint8_t *por_bytes, *work, *data; /* OTA_DATA_MAX each */
    size_t por_n, data_n;
    struct ota_carrier_sent sent;
    struct terminal_asked asked;
    bool was_reset;
};

enum { ANSWER_MAX = 3 + OTA_DATA_MAX };

/* ---- hearing ---- */

static enum ota_heard heard(void *ctx, struct span packet)
{
    struct send *s = ctx;
    struct ota_por por;
    struct buf work = buf_of(s->work, ANSWER_MAX);
    if (packet.n > ANSWER_MAX)
        return OTA_HEARD_DOUBTFUL;
    ota_por_open(s->crypto, &s->packet.set, &s->packet.header, packet, &work, &por);
    enum ota_heard worth = ota_por_heard(&por, &s->packet.header);
    if (ota_por_better(&por, &s->por)) {
        s->por = por;
        s->por_n = packet.n;
        memcpy(s->por_bytes, packet.p, packet.n);
        s->data_n = por.data.n;
        if (por.data.n > 0)
            memcpy(s->data, por.data.p, por.data.n);
        s->por.data = span_of(s->data, s->data_n);
        s->por.response.packet = SPAN_EMPTY; /* borrowed from what is gone soon */
    }
    crypto_wipe(s->work, work.len);
    return worth;
}

/* ---- judging ---- */

enum outcome {
    EXECUTED,  /* genuine, 00, and the last status word is good */
    SENT,      /* no PoR was asked for, and the packet was taken */
    FAILED,    /* genuine, 00, but the script was not done to its end */
    REFUSED,   /* genuine, but the packet was not executed */
    ANNOUNCED, /* genuine announcement of an answer that did not come */
    UNPROVED,  /* whatever came proves nothing */
    NOTHING,   /* nothing came */
};

struct judgement {
    enum outcome outcome;
    bool has_results;
    struct ota_results results;
};

static bool por_wanted(const struct send *s)
{
    return (s->packet.header.spi2 & SPI2_POR) != SPI2_POR_NO;
}

/* A script must have been executed whole; of --data nobody knows what it is. */
static bool results_good(const struct send *s, const struct judgement *j)
{
    const struct ota_results *r = &j->results;
    if (!j->has_results)
        return s->packet.script.n == 0;
    return r->has_sw && sw_is_ok(r->sw) && !r->bad_format && r->executed >= s->packet.script.n;
}

static void judge(const struct send *s, struct judgement *j)
{
    *j = (struct judgement){.outcome = UNPROVED};
    if (s->por.opened && s->por.response.status == SCP80_POR_OK)
        j->has_results = ota_results_parse(s->por.data, s->packet.format, &j->results);
    switch (s->por.kind) {
    case OTA_POR_NONE:
        j->outcome = por_wanted(s) || (s->sent.has_sw && !sw_is_ok(s->sent.sw)) ? NOTHING : SENT;
        break;
    case OTA_POR_GENUINE:
        if (s->por.response.status == SCP80_RESPONSE_BY_SUBMIT ||
            s->por.response.status == SCP80_RESPONSE_BY_USSD || s->por.response.status == SCP80_MORE_TIME)
            j->outcome = ANNOUNCED;
        else if (s->por.response.status != SCP80_POR_OK)
            j->outcome = REFUSED;
        else
            j->outcome = results_good(s, j) ? EXECUTED : FAILED;
        break;
    default:
        break;
    }
}

/* ---- telling ---- */

static const char *const outcome_names[] = {
    [EXECUTED] = "executed", [SENT] = "sent",         [FAILED] = "failed",   [REFUSED] = "refused",
    [ANNOUNCED] = "pending", [UNPROVED] = "unproved", [NOTHING] = "nothing",
};

static void json_hex(const char *name, struct span s)
{
    printf(",\"%s\":\"", name);
    cli_put_hex(stdout, s);
    putchar('"');
}

static void tell_json(const struct send *s, const struct judgement *j)
{
    printf("{\"outcome\":\"%s\",\"counter\":%" PRIu64 ",\"messages\":%u", outcome_names[j->outcome],
           s->packet.counter, s->sent.parts);
    json_hex("packet", buf_span(&s->packet.packet));
    if (s->sent.has_sw)
        printf(",\"envelope_sw\":\"%04X\"", s->sent.sw);
    if (s->sent.message_id[0] != '\0') {
        fputs(",\"message_id\":", stdout);
        cli_put_json(stdout, s->sent.message_id);
    }
    printf(",\"proof\":\"%s\"", ota_por_name(s->por.kind));
    if (s->por_n > 0)
        json_hex("por", span_of(s->por_bytes, s->por_n));
    if (s->por.opened) {
        printf(",\"response_status\":\"%02X\"", s->por.response.status);
        json_hex("data", s->por.data);
    }
    if (j->has_results) {
        printf(",\"executed\":%u", j->results.executed);
        if (j->results.has_sw)
            printf(",\"sw\":\"%04X\"", j->results.sw);
        if (j->results.bad_format)
            printf(",\"bad_format\":\"%02X\"", j->results.bad);
        json_hex("answer", j->results.data);
    }
    if (s->asked.refresh)
        printf(",\"refresh\":\"%02X\"", s->asked.refresh_mode);
    printf(",\"reset\":%s}\n", s->was_reset ? "true" : "false");
}

/* The answer, octet by octet. */
static void explain(const struct send *s)
{
    struct ota_keys keys = s->packet.keys.keys;
    size_t which;
    const struct ota_explain e = {
        .to = stdout,
        .crypto = s->crypto,
        .as = OTA_KIND_RESPONSE,
        .keys = &keys,
        .has_spi = true,
        .spi2 = s->packet.header.spi2,
    };
    /* Bare keys: what names them in the command names them in the answer. */
    if (!keys.has_set) {
        keys.has_kic = keys.has_kid = true;
        keys.kic = s->packet.header.kic;
        keys.kid = s->packet.header.kid;
    }
    const struct span por = span_of(s->por_bytes, s->por_n);
    if (s->por_n > 0)
        (void)ota_explain(&e, &por, 1, &which);
    crypto_wipe(&keys, sizeof keys);
}

static void tell(const struct send *s, const struct judgement *j)
{
    if (s->verbose) {
        printf("counter %" PRIu64 ", command packet ", s->packet.counter);
        cli_put_hex(stdout, buf_span(&s->packet.packet));
        putchar('\n');
    }
    if (s->way.options.ussd)
        puts("sent in a USSD string");
    else
        printf("sent in %u short message%s%s%s\n", s->sent.parts, s->sent.parts == 1 ? "" : "s",
               s->sent.message_id[0] != '\0' ? ", id " : "", s->sent.message_id);
    explain(s);
    if (s->was_reset)
        puts("REFRESH (UICC reset): done");
    if (j->outcome == EXECUTED && j->has_results) {
        printf("executed: %u command%s, %04X", j->results.executed, j->results.executed == 1 ? "" : "s",
               j->results.sw);
        if (j->results.data.n > 0) {
            fputs(", ", stdout);
            cli_put_hex(stdout, j->results.data);
        }
        putchar('\n');
    } else if (j->outcome == EXECUTED) {
        puts("accepted");
    } else if (j->outcome == SENT) {
        puts("no proof of receipt was asked for");
    }
}

static int tell_failure(const struct send *s, const struct judgement *j)
{
    const struct subcommand *cmd = s->packet.cmd;
    const struct scp80_response *r = &s->por.response;
    switch (j->outcome) {
    case EXECUTED:
    case SENT:
        return EXIT_OK;
    case FAILED:
        if (j->has_results && j->results.bad_format)
            return cli_refuse(cmd, "the card cannot read the script: %s (%02X)",
                              ota_bad_format_text(j->results.bad), j->results.bad);
        if (!j->has_results || !j->results.has_sw)
            return cli_refuse(cmd,
                              "the packet was accepted, but its answer is none to a script of this format");
        if (sw_is_ok(j->results.sw))
            return cli_refuse(cmd, "only %u of %u commands were executed", j->results.executed,
                              s->packet.script.n);
        return cli_refuse(cmd, "command %u: %s (%04X)", j->results.executed, sw_text(j->results.sw),
                          j->results.sw);
    case REFUSED:
        return cli_refuse(cmd, "the card knows the keys but did not execute the packet: %s (%02X)%s",
                          scp80_status_text(r->status), r->status, ota_por_advice(r->status));
    case ANNOUNCED:
        return cli_refuse(cmd, "the card took the packet, but the answer it announced (%02X) did not come",
                          r->status);
    case UNPROVED:
        if (s->por.opened && s->por.kind == OTA_POR_UNPROTECTED)
            return cli_refuse(cmd, "an answer that is not protected and proves nothing: %s (%02X)",
                              scp80_status_text(r->status), r->status);
        return cli_refuse(cmd, "the answer is %s; whether the packet was executed is not known",
                          s->por.kind == OTA_POR_OTHER    ? "one to another command"
                          : s->por.kind == OTA_POR_FORGED ? "forged, or made with other keys"
                                                          : "no response packet");
    case NOTHING:
    default:
        if (s->sent.has_sw)
            return cli_refuse(cmd, "no proof of receipt: %s (%04X)", sw_text(s->sent.sw), s->sent.sw);
        if ((s->packet.header.spi2 & SPI2_POR) == SPI2_POR_ON_ERROR)
            return cli_refuse(cmd, "no proof of receipt: none was asked for unless something goes wrong");
        return cli_refuse(cmd, "no proof of receipt came within %u seconds",
                          s->way.options.timeout_ms / 1000);
    }
}

/* ---- sending ---- */

/* Settles the counter, durably when there are records, before there is a packet that carries it. */
static int take_counter(struct send *s)
{
    struct records_error error;
    const struct key_options *k = &s->packet.keys;
    if (s->records_path == NULL)
        return EXIT_OK;
    const struct records_keyset keyset = {
        .iccid = k->row_iccid,
        .common = k->row_common,
        .index = k->row_index,
        .version = k->keys.set.version,
    };
    struct records *records = records_open(s->records_path, &error);
    bool good = records != NULL;
    if (good && s->packet.has_counter)
        good = records_use_counter(records, &keyset, s->packet.counter, &error);
    else if (good)
        good = records_take_counter(records, &keyset, &s->packet.counter, &error);
    records_close(records);
    return good ? EXIT_OK : cli_refuse(s->packet.cmd, "%s", error.text);
}

static int carry(struct send *s)
{
    const struct subcommand *cmd = s->packet.cmd;
    struct ota_carrier_error error;
    struct judgement j;
    struct ota_carrier *carrier = ota_carrier_open(&s->way.options, &error);
    if (carrier == NULL)
        return cli_refuse(cmd, "%s", error.text);
    int code = take_counter(s);
    if (code == EXIT_OK)
        code = packet_options_build(&s->packet, s->crypto);
    if (code == EXIT_OK) {
        const struct ota_carrier_job job = {
            .packet = buf_span(&s->packet.packet),
            .reference = packet_reference(&s->packet),
            .answer = por_wanted(s),
            .heard = heard,
            .ctx = s,
        };
        if (!ota_carrier_send(carrier, &job, &s->sent, &error) && s->por.kind != OTA_POR_GENUINE) {
            code = cli_refuse(cmd, "%s%s", error.text,
                              error.reached ? "; whether the card executed the packet is not known" : "");
        } else {
            int followed = EXIT_OK;
            if (!ota_carrier_follow(carrier, &s->asked, &s->was_reset, &error))
                followed = EXIT_REFUSED;
            judge(s, &j);
            if (s->json)
                tell_json(s, &j);
            else
                tell(s, &j);
            code = tell_failure(s, &j);
            if (code == EXIT_OK && followed != EXIT_OK)
                code = cli_refuse(cmd, "%s", error.text);
            if (code == EXIT_OK)
                code = cli_finish(cmd);
        }
    }
    ota_carrier_close(carrier);
    return code;
}

/* ---- the command line ---- */

static const struct cli_setting settings[] = {
    {"records", CLI_TEXT, offsetof(struct send, records_path), NULL},
    {"json", CLI_FLAG, offsetof(struct send, json), NULL},
    {"verbose", CLI_FLAG, offsetof(struct send, verbose), NULL},
    {NULL, CLI_FLAG, 0, NULL},
};

static const struct cli_part parts[] = {
    {settings, 0},
    {packet_settings, offsetof(struct send, packet)},
    {key_settings, offsetof(struct send, packet.keys)},
    {carrier_settings, offsetof(struct send, way)},
    {NULL, 0},
};

static int parse(struct send *s, int argc, char **argv, bool *stop)
{
    const struct subcommand *cmd = s->packet.cmd;
    int code;
    *stop = true;
    if (!cli_parts(cmd, argc, argv, parts, s, NULL, &code))
        return code == EXIT_USAGE ? s->packet.code : code;
    if (optind != argc)
        return cli_usage(cmd, "what is '%.60s' for? commands go with --apdu, data with --data", argv[optind]);
    if (s->records_path != NULL && s->packet.keys.path == NULL)
        return cli_usage(cmd, "--records keeps counters of the keysets of --keys FILE, which is missing");
    code = packet_options_check(&s->packet,
                                s->records_path != NULL ? COUNTER_OF_RECORDS : COUNTER_RECORDS_WANTED);
    if (code == EXIT_OK)
        code = carrier_check(&s->way);
    *stop = code != EXIT_OK;
    return code;
}

static int run(int argc, char **argv)
{
    struct send *s = calloc(1, sizeof *s);
    uint8_t *room = malloc(3 * (size_t)ANSWER_MAX);
    if (s == NULL || room == NULL || !packet_options_init(&s->packet, &ota_send)) {
        free(s);
        free(room);
        return cli_refuse(&ota_send, "memory ran out");
    }
    carrier_init(&s->way, &ota_send);
    s->por_bytes = room;
    s->work = room + ANSWER_MAX;
    s->data = room + 2 * ANSWER_MAX;
    bool stop;
    int code = parse(s, argc, argv, &stop);
    if (!stop)
        code = packet_options_prepare(&s->packet);
    if (!stop && code == EXIT_OK) {
        /* A card of the key file must be that card. */
        s->way.options.iccid = s->packet.keys.row_iccid[0] != '\0' ? s->packet.keys.row_iccid : NULL;
        s->crypto = crypto_new();
        code = s->crypto != NULL ? carry(s) : cli_refuse(&ota_send, "out of memory");
        crypto_free(s->crypto);
    }
    packet_options_wipe(&s->packet);
    crypto_wipe(room, 3 * (size_t)ANSWER_MAX);
    crypto_wipe(s, sizeof *s);
    free(room);
    free(s);
    return code;
}

const struct subcommand ota_send = {
    .name = "ota send",
    .summary = "send a packet to a card, and explain its answer",
    .help = "Usage: softuicc ota send --tar TAR (--apdu HEX... | --script FILE | --data HEX) KEYS\n"
            "                         (--counter N | --records FILE) [SECURITY]\n"
            "                         [--reader NAME|NUMBER | --smpp HOST:PORT --to N] [...]\n"
            "Makes a command packet, as softuicc ota encode does, sends it in as many short messages as it\n"
            "needs, waits for the card's proof of receipt, verifies and explains it.\n\n" //
    OTA_PACKET_HELP                                                                       //
        OTA_CARRIER_HELP                                                                  //
            "  --records FILE      takes the next counter from FILE (made if there is none); with\n"
            "                      --counter N, notes that one. Needs --keys\n"
            "  --json              tell the outcome as JSON\n"
            "  --verbose           show the packet too\n\n" //
    OTA_SECURITY_HELP "\n"                                  //
    OTA_KEYS_HELP                                           //
            "  --help              this text\n\n"
            "Exit code 0 only when the proof is genuine, its status 00, and the last status word good; or\n"
            "when --por never asks for no proof, and the packet was taken.\n",
    .run = run,
};
