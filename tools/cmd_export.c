/* SPDX-License-Identifier: Apache-2.0
 *
 * softuicc export: card data for a core network's database, or for other tools. A card never gives its keys
 * away: they come from the card maker's record, are held against the card's key check values, and of the card
 * it is asked only which IMSI and which pair are in use. One card's rows are in memory at a time, so that the
 * record may be as long as it likes.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"
#include "keys.h"
#include "making.h"
#include "progress.h"
#include "state.h"

struct record { /* what the file says of one card */
    char iccid[21];
    unsigned n;
    struct key_row rows[PROFILE_PAIRS_MAX + PROFILE_KEYSETS_MAX + PROFILE_PINS_MAX];
};

struct subscriber { /* what goes into the database */
    const struct record *record;
    const struct key_row *row; /* of the pair in use */
    const struct aka_algorithm *aka;
    char imsi[16];
    unsigned ind_bits;
    uint64_t sqn; /* the next */
};

struct format {
    const char *name;
    bool ota; /* OTA keys are in it */
    void (*head)(const struct profile *p);
    /* false: this format has no word for such a card; *why says what for */
    bool (*row)(const struct profile *p, const struct subscriber *s, const char **why);
};

/* ---- formats ---- */

static void put_key(const uint8_t *key, size_t n)
{
    cli_put_hex(stdout, span_of(key, n));
}

/* Versions of the keysets a profile has: its first pair's, then the common ones'. */
static unsigned versions(const struct profile *p, uint8_t out[1 + PROFILE_KEYSETS_MAX])
{
    unsigned n = 0;
    if (p->n_pairs > 0)
        out[n++] = p->pairs[0].ota.version;
    for (unsigned i = 0; i < profile_common_keysets(p); i++)
        out[n++] = p->keysets[i].keys.version;
    return n;
}

/* PINs that are each card's own have columns of these names. */
static const struct pin_column {
    uint8_t reference;
    const char *pin, *puk;
} pin_columns[] = {
    {0x01, "pin1", "puk1"}, {0x81, "pin2", "puk2"}, {0x0A, "adm1", NULL}, {0x0B, "adm2", NULL},
    {0x0C, "adm3", NULL},   {0x0D, "adm4", NULL},   {0x0E, "adm5", NULL},
};

static const struct pin_column *pin_column(const struct profile *p, unsigned pin)
{
    for (size_t i = 0; p->pins[pin].derived != 0 && i < sizeof pin_columns / sizeof pin_columns[0]; i++)
        if (pin_columns[i].reference == p->pins[pin].reference)
            return &pin_columns[i];
    return NULL;
}

/* Digits up to the padding; what are no digits, in hexadecimal. */
static void put_pin(const uint8_t octets[8])
{
    size_t n = 0, end;
    while (n < 8 && octets[n] >= '0' && octets[n] <= '9')
        n++;
    for (end = n; end < 8 && octets[end] == 0xFF;)
        end++;
    putchar(',');
    if (n >= 4 && end == 8)
        printf("%.*s", (int)n, (const char *)octets);
    else
        put_key(octets, 8);
}

static void put_pins(const struct profile *p, const struct record *record)
{
    for (unsigned i = 0; i < p->n_pins; i++) {
        const struct pin_column *c = pin_column(p, i);
        const struct key_row *row = NULL;
        for (unsigned k = 0; c != NULL && k < record->n; k++)
            if (record->rows[k].pin && record->rows[k].index == i)
                row = &record->rows[k];
        const bool puk = c != NULL && c->puk != NULL && p->pins[i].puk_tries > 0;
        if (row != NULL) {
            put_pin(row->pair.key.k);
            if (puk)
                put_pin(row->pair.key.opc);
        } else if (c != NULL) {
            fputs(puk ? ",," : ",", stdout);
        }
    }
}

static void put_key_columns(const struct profile *p)
{
    uint8_t list[1 + PROFILE_KEYSETS_MAX];
    unsigned n = versions(p, list);
    for (unsigned i = 0; i < n; i++)
        printf(",kic%u,kid%u,kik%u", list[i], list[i], list[i]);
    for (unsigned i = 0; i < p->n_pins; i++) {
        const struct pin_column *c = pin_column(p, i);
        if (c != NULL)
            printf(c->puk != NULL && p->pins[i].puk_tries > 0 ? ",%s,%s" : ",%s", c->pin, c->puk);
    }
    putchar('\n');
}

static void put_keyset(const struct keyset *set)
{
    putchar(',');
    put_key(set->kic, set->kic_len);
    putchar(',');
    put_key(set->kid, set->kid_len);
    putchar(',');
    put_key(set->kik, set->kik_len);
}

/* The keysets in the order of `versions`; that of the pair in use goes by its version. */
static void put_keysets(const struct profile *p, const struct subscriber *s)
{
    static const struct keyset none = {0};
    if (p->n_pairs > 0)
        put_keyset(s->row->pair.ota.version == p->pairs[0].ota.version ? &s->row->pair.ota : &none);
    for (unsigned i = 0; i < profile_common_keysets(p); i++) {
        const struct keyset *set = &none;
        for (unsigned k = 0; k < s->record->n; k++)
            if (s->record->rows[k].common && !s->record->rows[k].pin && s->record->rows[k].index == i)
                set = &s->record->rows[k].pair.ota;
        put_keyset(set);
    }
    put_pins(p, s->record);
    putchar('\n');
}

static void put_aka(const struct subscriber *s)
{
    put_key(s->row->pair.key.k, s->row->pair.key.k_len);
    putchar(',');
    put_key(s->row->pair.key.opc, s->row->pair.key.opc_len);
}

/* What `softuicc add --csv` reads. */
static void csv_head(const struct profile *p)
{
    fputs("iccid,imsi,algorithm,ki,opc", stdout);
    put_key_columns(p);
}

static bool csv_row_out(const struct profile *p, const struct subscriber *s, const char **why)
{
    (void)why;
    printf("%s,%s,%s,", s->record->iccid, s->imsi, s->aka->name);
    put_aka(s);
    put_keysets(p, s);
    return true;
}

/* The columns that pySim-prog --read-csv and pySim-shell --csv look for. */
static void pysim_head(const struct profile *p)
{
    fputs("iccid,imsi,ki,opc", stdout);
    put_key_columns(p);
}

static bool pysim_row(const struct profile *p, const struct subscriber *s, const char **why)
{
    (void)why;
    printf("%s,%s,", s->record->iccid, s->imsi);
    put_aka(s);
    put_keysets(p, s);
    return true;
}

/* Commands for OsmoHLR's VTY, to be typed or piped in enable mode. */
static bool osmo_hlr_row(const struct profile *p, const struct subscriber *s, const char **why)
{
    (void)p;
    if (s->aka->id != AKA_MILENAGE && s->aka->id != AKA_TUAK) {
        *why = "OsmoHLR's VTY has 3G keys for Milenage and TUAK only";
        return false;
    }
    if (!aka_key_usual(&s->row->pair.key)) {
        *why = "OsmoHLR's VTY has no word for parameters of its own";
        return false;
    }
    printf("subscriber imsi %s create\nsubscriber imsi %s update aud3g %s k ", s->imsi, s->imsi,
           s->aka->name);
    put_key(s->row->pair.key.k, s->row->pair.key.k_len);
    fputs(" opc ", stdout);
    put_key(s->row->pair.key.opc, s->row->pair.key.opc_len);
    printf(" ind-bitlen %u\n", s->ind_bits);
    return true;
}

/* A document a line, as mongoimport takes them into the collection `subscribers`; slice and session are
 * Open5GS's own defaults for a new subscriber: one slice, one IPv4v6 session "internet". */
static bool open5gs_row(const struct profile *p, const struct subscriber *s, const char **why)
{
    static const char ambr[] = "{\"downlink\":{\"value\":1,\"unit\":3},\"uplink\":{\"value\":1,\"unit\":3}}";
    (void)p;
    if (s->aka->id != AKA_MILENAGE || s->row->pair.key.k_len != 16) {
        *why = "Open5GS has Milenage only";
        return false;
    }
    if (!aka_key_usual(&s->row->pair.key)) {
        *why = "Open5GS has no word for parameters of its own";
        return false;
    }
    printf("{\"schema_version\":1,\"imsi\":\"%s\",\"security\":{\"k\":\"", s->imsi);
    put_key(s->row->pair.key.k, s->row->pair.key.k_len);
    fputs("\",\"op\":null,\"opc\":\"", stdout);
    put_key(s->row->pair.key.opc, s->row->pair.key.opc_len);
    printf("\",\"amf\":\"8000\",\"sqn\":{\"$numberLong\":\"%" PRIu64 "\"}},\"ambr\":%s,", s->sqn, ambr);
    printf("\"slice\":[{\"sst\":1,\"default_indicator\":true,\"session\":[{\"name\":\"internet\",\"type\":3,"
           "\"ambr\":%s,"
           "\"qos\":{\"index\":9,\"arp\":{\"priority_level\":8,\"pre_emption_capability\":1,"
           "\"pre_emption_vulnerability\":1}},\"pcc_rule\":[]}]}],",
           ambr);
    puts("\"access_restriction_data\":32,\"subscriber_status\":0,\"network_access_mode\":0,"
         "\"subscribed_rau_tau_timer\":12}");
    return true;
}

static const struct format formats[] = {
    {"csv", true, csv_head, csv_row_out},
    {"pysim", true, pysim_head, pysim_row},
    {"osmo-hlr", false, NULL, osmo_hlr_row},
    {"open5gs", false, NULL, open5gs_row},
};

/* ---- cards ---- */

struct export
{
    const struct subcommand *cmd;
    const char *deck_path, *keys_path, *only; /* only: one card's ICCID, or NULL */
    const struct format *format;
    struct cli_card card;
    struct record *record;
    uint64_t done, unknown;
    struct progress progress;
};

/* The pair that the network of today shares with the card. */
static bool pair_in_use(struct uicc *card, unsigned *index, struct pair_info *info)
{
    struct applet list;
    if (!subscription_of(card, &list))
        return false;
    for (*index = 0; subscription_info(list, *index, info); ++*index)
        if (info->state == PAIR_ACTIVE || info->state == PAIR_ON_TRIAL || info->state == PAIR_BLOCKED)
            return true;
    return false;
}

static const struct key_row *row_of(const struct record *record, unsigned index)
{
    for (unsigned i = 0; i < record->n; i++)
        if (!record->rows[i].common && record->rows[i].index == index)
            return &record->rows[i];
    return NULL;
}

static bool export_card(struct export *e)
{
    const char *iccid = e->record->iccid, *why = "";
    struct pair_info info;
    struct pair_texts texts;
    struct subscriber s = {.record = e->record};
    unsigned index;
    int code;
    const enum deck_has has = making_has_card(e->cmd, e->card.deck, iccid);
    if (has == DECK_UNREAD)
        return false;
    if (has == DECK_HAS_NOT) {
        e->unknown++; /* the record may be of more decks than this one */
        return true;
    }
    if (!cli_card_switch(e->cmd, e->deck_path, iccid, &e->card, &code))
        return false;
    if (!pair_in_use(e->card.card, &index, &info)) {
        cli_refuse(e->cmd, "card %s has no pair in use", iccid);
        return false;
    }
    s.row = row_of(e->record, index);
    if (s.row == NULL) {
        cli_refuse(e->cmd, "%s: no pair %u of card %s, which is the one in use", e->keys_path, index, iccid);
        return false;
    }
    const char *wrong = state_wrong_key(e->card.crypto, &info, &s.row->pair, e->format->ota);
    if (wrong != NULL) {
        cli_refuse(e->cmd, "%s: %s of pair %u is not the one that card %s has (key check value)",
                   e->keys_path, wrong, index, iccid);
        return false;
    }
    state_pair_texts(&info, &texts);
    memcpy(s.imsi, texts.imsi, sizeof s.imsi);
    s.aka = aka_algorithm(s.row->pair.algorithm);
    /* Open5GS takes it as it is: the next one that the card accepts (TS 33.102
     * C.2), as `auc export` has it */
    s.sqn = ((info.sqn >> s.row->pair.sqn.ind_bits) + 1) << s.row->pair.sqn.ind_bits;
    /* the record's: it knows what was made otherwise than the profile says */
    s.ind_bits = s.row->pair.sqn.ind_bits;
    if (s.aka == NULL || !e->format->row(&e->card.profile->p, &s, &why)) {
        cli_refuse(e->cmd, "card %s has %s: %s", iccid, s.aka != NULL ? s.aka->name : "?", why);
        return false;
    }
    e->done++;
    if (isatty(STDOUT_FILENO) != 1) /* where rows go by themselves */
        progress_cards(&e->progress, e->done, deck_count(e->card.deck));
    return true;
}

/* The rows of a card stand together: softuicc writes them so. */
static bool export_rows(struct export *e, struct keys_reader *keys, const struct keys_error *error)
{
    struct key_row row;
    int more;
    bool good = true;
    const unsigned room = sizeof e->record->rows / sizeof e->record->rows[0];
    while (good && (more = keys_next(keys, &row)) > 0) {
        if (e->only != NULL && strcmp(row.iccid, e->only) != 0)
            continue;
        if (strcmp(row.iccid, e->record->iccid) != 0) {
            if (e->record->n > 0)
                good = export_card(e);
            crypto_wipe(e->record, sizeof *e->record);
            memcpy(e->record->iccid, row.iccid, sizeof row.iccid);
        }
        if (e->record->n == room) {
            cli_refuse(e->cmd, "%s: more than %u keys of card %s", e->keys_path, room, row.iccid);
            good = false;
        } else {
            e->record->rows[e->record->n++] = row;
        }
    }
    crypto_wipe(&row, sizeof row);
    if (good && more < 0) {
        cli_refuse(e->cmd, "%s", error->text);
        return false;
    }
    return good && (e->record->n == 0 || export_card(e));
}

static int export_deck(struct export *e, struct keys_reader *keys, const struct keys_error *error)
{
    uint64_t all = e->only != NULL ? 1 : deck_count(e->card.deck);
    const enum deck_has has = e->only != NULL ? making_has_card(e->cmd, e->card.deck, e->only) : DECK_HAS;
    if (has == DECK_UNREAD)
        return EXIT_REFUSED;
    if (has == DECK_HAS_NOT)
        return cli_refuse(e->cmd, "%s has no card %s", e->deck_path, e->only);
    if (e->format->head != NULL)
        e->format->head(&e->card.profile->p);
    e->progress = progress_begin();
    bool good = export_rows(e, keys, error);
    progress_clear(&e->progress);
    int code = cli_finish(e->cmd);
    if (!good || code != EXIT_OK)
        return EXIT_REFUSED;
    if (e->done != all)
        return cli_refuse(e->cmd,
                          "%s has keys of %" PRIu64 " of the %" PRIu64 " card%s: the others were left out",
                          e->keys_path, e->done, all, all == 1 ? "" : "s");
    return EXIT_OK;
}

static int export_all(struct export *e)
{
    struct keys_error error;
    int code = EXIT_REFUSED;
    cli_warn_readable(e->cmd, e->keys_path);
    e->record = calloc(1, sizeof *e->record);
    struct keys_reader *keys = e->record != NULL ? keys_open(e->keys_path, &error) : NULL;
    if (keys == NULL) {
        cli_refuse(e->cmd, "%s", e->record != NULL ? error.text : "no memory");
    } else if (cli_card_open(e->cmd, e->deck_path, "", DECK_READ, &e->card, &code)) {
        code = export_deck(e, keys, &error);
        cli_card_close(&e->card);
    }
    if (keys != NULL)
        keys_close(keys);
    if (e->record != NULL)
        crypto_wipe(e->record, sizeof *e->record);
    free(e->record);
    return code;
}

static bool take_format(void *export)
{
    struct export *e = export;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (strcmp(optarg, formats[i].name) == 0) {
            e->format = &formats[i];
            return true;
        }
    cli_usage(e->cmd, "--format: '%.40s' is none of csv, pysim, osmo-hlr, open5gs", optarg);
    return false;
}

static const struct cli_setting settings[] = {
    {"format", CLI_TAKEN, 0, take_format},
    {"keys", CLI_TEXT, offsetof(struct export, keys_path), NULL},
    {"card", CLI_ICCID, offsetof(struct export, only), NULL},
    {NULL, CLI_FLAG, 0, NULL},
};

static int run(int argc, char **argv)
{
    const struct subcommand *cmd = &cmd_export;
    struct export e = {.cmd = cmd};
    int code;
    if (!cli_settings(cmd, argc, argv, settings, &e, NULL, &code))
        return code;
    if (optind + 1 != argc)
        return cli_usage(cmd, optind == argc ? "which deck?" : "one deck at a time");
    if (e.format == NULL)
        return cli_usage(cmd, "which --format?");
    if (e.keys_path == NULL)
        return cli_usage(cmd, "--keys: the card maker's record is needed; cards do not give their keys away");
    e.deck_path = argv[optind];
    /* what was printed has keys in it; and stdio keeps the buffer */
    static char buffer[BUFSIZ];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    code = export_all(&e);
    fflush(stdout);
    crypto_wipe(buffer, sizeof buffer);
    return code;
}

const struct subcommand cmd_export = {
    .name = "export",
    .summary = "write card data for core networks",
    .help = "Usage: softuicc export DECK --format csv|pysim|osmo-hlr|open5gs --keys FILE [--card ICCID]\n"
            "Writes for each card IMSI, K and OPc of the pair in use, to standard output. The keys are the\n"
            "card maker's (softuicc new --keys); each K is held against the card's key check value.\n\n"
            "  --format csv       what softuicc add --csv reads: OTA keys too\n"
            "  --format pysim     what pySim-prog and pySim-shell read\n"
            "  --format osmo-hlr  commands for OsmoHLR's VTY\n"
            "  --format open5gs   documents for mongoimport, database open5gs, collection subscribers\n"
            "  --keys FILE        the card maker's record, each card's rows together\n"
            "  --card ICCID       this card only\n"
            "  --help             this text\n\n"
            "PINs that the profile calls derived are in csv and pysim, as far as the record has them.\n",
    .run = run,
};
