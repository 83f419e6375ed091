/* SPDX-License-Identifier: Apache-2.0 */
#include "card_csv.h"

#include "hex.h"
#include "shown.h"

enum kind { ICCID = 1, IMSI, ALGORITHM, KI, OPC, OP, PIN, PUK, KIC, KID, KIK, ACC, SMSP, MSISDN };

enum {
    PIN_LEN = 8,
    FID_ACC = 0x6F78,
    FID_SMSP = 0x6F42,
    FID_MSISDN = 0x6F40,
    MSISDN_FOOT = 14, /* of a record, TS 31.102 4.2.26 */
    /* likewise, 4.2.27: what precedes is the alpha identifier, as long as the record leaves it */
    SMSP_FOOT = 28,
    NO_COLUMN = -1,
};

static const struct {
    const char *name;
    enum kind kind;
    uint8_t number; /* of PINs: the key reference (TS 102 221 9.5.1) */
} names[] = {
    {"iccid", ICCID, 0}, {"imsi", IMSI, 0},     {"algorithm", ALGORITHM, 0},
    {"ki", KI, 0},       {"k", KI, 0},          {"opc", OPC, 0},
    {"op", OP, 0},       {"pin1", PIN, 0x01},   {"puk1", PUK, 0x01},
    {"pin2", PIN, 0x81}, {"puk2", PUK, 0x81},   {"adm1", PIN, 0x0A},
    {"adm2", PIN, 0x0B}, {"adm3", PIN, 0x0C},   {"adm4", PIN, 0x0D},
    {"adm5", PIN, 0x0E}, {"acc", ACC, 0},       {"pin_adm", PIN, 0x0A},
    {"smsp", SMSP, 0},   {"msisdn", MSISDN, 0},
};

/* ---- the header ---- */

static bool column_of(const char *name, struct csv_column *out)
{
    static const char *const keys[] = {"kic", "kid", "kik"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i].name) == 0) {
            *out = (struct csv_column){(uint8_t)names[i].kind, names[i].number};
            return true;
        }
    for (int i = 0; i < 3; i++) {
        const char *digits = name + 3;
        size_t n = strncmp(name, keys[i], 3) == 0 ? strspn(digits, "0123456789") : 0;
        if (n == 0 || n > 2 || digits[n] != '\0' || digits[0] == '0')
            continue;
        unsigned version = (unsigned)(digits[0] - '0');
        if (n == 2)
            version = 10 * version + (unsigned)(digits[1] - '0');
        *out = (struct csv_column){(uint8_t)(KIC + i), (uint8_t)version};
        return version <= 15;
    }
    return false;
}

/* Pair 0's keyset (0), common keyset i (i + 1), or none (-1) of this version. */
static int keyset_of(const struct profile *p, unsigned version)
{
    if (p->n_pairs > 0 && p->pairs[0].ota.version == version)
        return 0;
    for (int i = 0; i < (int)profile_common_keysets(p); i++)
        if (p->keysets[i].keys.version == version)
            return i + 1;
    return -1;
}

/* One that can be unblocked, if it is about the PUK. */
static bool has_pin(const struct profile *p, uint8_t reference, bool puk)
{
    for (int i = 0; i < p->n_pins; i++)
        if (p->pins[i].reference == reference && (!puk || p->pins[i].puk_tries > 0))
            return true;
    return false;
}

static bool has_file(const struct profile *p, uint16_t fid, uint8_t kind)
{
    for (uint16_t i = 0; i < p->n_files; i++)
        if (p->files[i].fid == fid && p->files[i].kind == kind)
            return true;
    return false;
}

/* Does the profile have what the column fills? */
static bool has_place(const struct profile *p, const struct csv_column *column)
{
    switch (column->kind) {
    case KI:
    case OPC:
    case OP:
    case ALGORITHM:
        return p->n_pairs > 0;
    case KIC:
    case KID:
    case KIK:
        return keyset_of(p, column->number) >= 0;
    case PIN:
    case PUK:
        return has_pin(p, column->number, column->kind == PUK);
    case ACC:
        return has_file(p, FID_ACC, FILE_TRANSPARENT);
    case SMSP:
        return has_file(p, FID_SMSP, FILE_LINEAR);
    case MSISDN:
        return has_file(p, FID_MSISDN, FILE_LINEAR);
    default:
        return true;
    }
}

static int find_column(const struct card_csv *c, enum kind kind, uint8_t number)
{
    for (size_t i = 0; i < c->csv.columns; i++)
        if (c->columns[i].kind == kind && c->columns[i].number == number)
            return (int)i;
    return NO_COLUMN;
}

/* Digits, as keys and numbers are: a file without a first line of names has them there, and they are not
 * to be repeated in an error. */
static bool looks_like_value(const char *name)
{
    size_t n = strlen(name);
    return n >= 8 && strspn(name, "0123456789abcdefABCDEF") == n;
}

/* All names that are not known, in one go. */
static bool name_unknown(struct card_csv *c, struct csv_error *error)
{
    char list[200] = "";
    size_t at = 0;
    for (size_t i = 0; i < c->csv.columns; i++) {
        if (column_of(c->csv.field[i], &c->columns[i]))
            continue;
        if (looks_like_value(c->csv.field[i])) {
            csv_say(
                &c->csv, error,
                "column %zu has a value where its name should be: is the line with the names missing? (softuicc add --help lists them)",
                i + 1);
            return false;
        }
        int n = snprintf(list + at, sizeof list - at, "%s'%.30s'", at > 0 ? ", " : "", c->csv.field[i]);
        if (n > 0 && (size_t)n < sizeof list - at)
            at += (size_t)n;
    }
    if (at > 0)
        csv_say(&c->csv, error, "unknown columns: %s (softuicc add --help lists those that are known)", list);
    return at == 0;
}

static bool read_header(struct card_csv *c, struct csv_error *error)
{
    if (!name_unknown(c, error))
        return false;
    for (size_t i = 0; i < c->csv.columns; i++) {
        const char *name = c->csv.field[i];
        if (find_column(c, (enum kind)c->columns[i].kind, c->columns[i].number) != (int)i) {
            csv_say(&c->csv, error, "column '%.30s' is there twice", name);
            return false;
        }
        if (!has_place(c->p, &c->columns[i])) {
            csv_say(&c->csv, error, "column '%.30s': profile %s has nothing that it could fill", name,
                    c->p->name);
            return false;
        }
    }
    if (find_column(c, ICCID, 0) == NO_COLUMN || find_column(c, IMSI, 0) == NO_COLUMN) {
        csv_say(&c->csv, error, "no column '%s'", find_column(c, ICCID, 0) == NO_COLUMN ? "iccid" : "imsi");
        return false;
    }
    return true;
}

bool card_csv_open(struct card_csv *c, const struct subcommand *cmd, const char *path,
                   const struct profile *p, struct uicc_crypto *crypto, struct csv_error *error)
{
    c->cmd = cmd;
    c->p = p;
    c->crypto = crypto;
    if (!csv_open(&c->csv, path, error))
        return false;
    if (read_header(c, error))
        return true;
    csv_close(&c->csv);
    return false;
}

void card_csv_close(struct card_csv *c)
{
    csv_close(&c->csv);
    crypto_wipe(&c->given, sizeof c->given);
}

/* ---- a row ---- */

/* The field; NULL when there is no such column, or nothing in it. */
static const char *field(const struct card_csv *c, enum kind kind, uint8_t number)
{
    int i = find_column(c, kind, number);
    return i != NO_COLUMN && c->csv.field[i][0] != '\0' ? c->csv.field[i] : NULL;
}

static bool digits(const char *text, size_t min, size_t max)
{
    size_t n = text != NULL ? strspn(text, "0123456789") : 0;
    return text != NULL && text[n] == '\0' && n >= min && n <= max;
}

/* A key: never part of an error. *n is 0 when there is none. */
static bool key_of(struct card_csv *c, const char *name, const char *text, uint8_t key[32], uint8_t *n,
                   struct csv_error *error)
{
    struct buf out = buf_of(key, 32);
    size_t where = 0;
    *n = 0;
    if (text == NULL)
        return true;
    if (!hex_parse(text, &out, &where)) {
        csv_say(&c->csv, error, "%s is not %s", name, buf_ok(&out) ? "hexadecimal" : "32 octets or less");
        return false;
    }
    *n = (uint8_t)out.len;
    if (!c->p->insecure && profile_key_known(key, out.len)) {
        csv_say(&c->csv, error, "%s is a well-known or regular key, and profile %s is not one for test cards",
                name, c->p->name);
        return false;
    }
    return true;
}

static bool read_aka(struct card_csv *c, struct profile_pair *pair, bool *some, struct csv_error *error)
{
    const char *ki = field(c, KI, 0), *opc = field(c, OPC, 0), *op = field(c, OP, 0),
               *name = field(c, ALGORITHM, 0);
    const struct aka_algorithm *aka = c->p->n_pairs > 0 ? aka_algorithm(pair->algorithm) : NULL;
    if (name != NULL && (aka == NULL || strcmp(name, aka->name) != 0)) {
        csv_say(&c->csv, error, "algorithm %s: profile %s has %s", shown(name).text, c->p->name,
                aka != NULL ? aka->name : "none");
        return false;
    }
    if (ki == NULL && opc == NULL && op == NULL)
        return true;
    *some = true;
    if (opc != NULL && op != NULL) {
        csv_say(&c->csv, error, "opc and op: one of them");
        return false;
    }
    /* a fixed OPc was computed from the fixed K; with another K it would be wrong, and nobody would notice */
    bool fixed = (pair->derived & (PAIR_DERIVE_OPC | PAIR_FROM_OP)) == 0 && pair->key.opc_len > 0;
    if (ki != NULL && opc == NULL && op == NULL && fixed) {
        csv_say(&c->csv, error, "ki without opc (or op): profile %s has an OPc that belongs to another K",
                c->p->name);
        return false;
    }
    uint8_t n;
    if (ki != NULL) {
        if (!key_of(c, "ki", ki, pair->key.k, &n, error))
            return false;
        pair->key.k_len = n;
        pair->derived &= (uint8_t)~PAIR_DERIVE_K;
    }
    if (opc != NULL || op != NULL) {
        if (!key_of(c, opc != NULL ? "opc" : "op", opc != NULL ? opc : op, pair->key.opc, &n, error))
            return false;
        pair->key.opc_len = n;
        pair->derived &= (uint8_t) ~(PAIR_DERIVE_OPC | PAIR_FROM_OP);
        pair->derived |= opc != NULL ? 0 : PAIR_FROM_OP;
    }
    if (aka == NULL || !aka_key_valid(aka, &pair->key)) {
        csv_say(&c->csv, error, "the lengths of ki and opc are not those of %s",
                aka != NULL ? aka->name : "a known algorithm");
        return false;
    }
    return true;
}

/* The keys of a keyset of this version, if the row has any: then all that it has. */
static bool read_keyset(struct card_csv *c, unsigned version, struct keyset *set, bool *some,
                        struct csv_error *error)
{
    static const char *const kinds[] = {"kic", "kid", "kik"};
    const uint8_t algorithms[] = {set->kic_algorithm, set->kid_algorithm, keyset_kik_algorithm(set)};
    uint8_t *const keys[] = {set->kic, set->kid, set->kik}, *const lengths[] = {&set->kic_len, &set->kid_len,
                                                                                &set->kik_len};
    char name[8];
    uint8_t n[3] = {0};
    for (int i = 0; i < 3; i++) {
        const char *text = field(c, (enum kind)(KIC + i), (uint8_t)version);
        snprintf(name, sizeof name, "%s%u", kinds[i], version);
        if (text != NULL && !key_of(c, name, text, keys[i], &n[i], error))
            return false;
        if (n[i] > 0 && !c->p->insecure && ota_key_is_des(algorithms[i], span_of(keys[i], n[i]))) {
            csv_say(
                &c->csv, error,
                "parts of %s are equal: that is single DES, which is broken, and profile %s is not one for test cards",
                name, c->p->name);
            return false;
        }
        *some = *some || text != NULL;
    }
    for (int i = 0; i < 3 && *some; i++) {
        if ((n[i] > 0) == (*lengths[i] > 0)) {
            *lengths[i] = n[i];
            continue;
        }
        csv_say(&c->csv, error,
                n[i] > 0 ? "%s%u: the keyset of that version has no such key"
                         : "%s%u is missing: all keys of a keyset, or none",
                kinds[i], version);
        return false;
    }
    if (*some && !keyset_valid(set)) {
        csv_say(&c->csv, error, "the lengths of kic%u, kid%u, kik%u do not fit their algorithms", version,
                version, version);
        return false;
    }
    return true;
}

static bool read_keysets(struct card_csv *c, struct csv_error *error)
{
    struct personal_given *g = &c->given;
    for (unsigned version = 1; version <= 15; version++) {
        int which = keyset_of(c->p, version);
        bool some = false;
        if (which == 0) {
            if (!read_keyset(c, version, &g->pair.ota, &some, error))
                return false;
            g->has_pair = g->has_pair || some;
            if (some)
                g->pair.derived &= (uint8_t)~PAIR_DERIVE_OTA;
        } else if (which > 0) {
            g->keyset[which - 1] = c->p->keysets[which - 1];
            if (!read_keyset(c, version, &g->keyset[which - 1].keys, &some, error))
                return false;
            if (some) {
                g->keyset[which - 1].derived = false;
                g->keysets |= 1u << (which - 1);
            }
        }
    }
    return true;
}

/* Digits, or of an administrator's key its eight octets in hexadecimal; padded with FF (TS 102 221 9.5.1). */
static bool pin_of(const char *text, size_t min, bool hex, uint8_t out[PIN_LEN])
{
    struct buf b = buf_of(out, PIN_LEN);
    if (digits(text, min, PIN_LEN)) {
        memset(out, 0xFF, PIN_LEN);
        memcpy(out, text, strlen(text));
        return true;
    }
    return hex && strlen(text) == 2 * PIN_LEN && hex_parse(text, &b, NULL) && b.len == PIN_LEN;
}

static bool read_pins(struct card_csv *c, struct csv_error *error)
{
    struct personal_given *g = &c->given;
    for (int i = 0; i < c->p->n_pins; i++) {
        uint8_t reference = c->p->pins[i].reference;
        bool adm = (reference & 0x0F) >= 0x0A;
        const char *pin = field(c, PIN, reference), *puk = field(c, PUK, reference);
        if (pin != NULL && !pin_of(pin, 4, adm, g->pin[i])) {
            csv_say(&c->csv, error,
                    adm ? "an ADM key is neither 4 to 8 digits nor 16 hexadecimal ones"
                        : "a PIN is not 4 to 8 digits");
            return false;
        }
        if (puk != NULL && !pin_of(puk, 8, false, g->puk[i])) {
            csv_say(&c->csv, error, "a PUK is not 8 digits");
            return false;
        }
        g->pins |= pin != NULL ? 1u << i : 0;
        g->puks |= puk != NULL ? 1u << i : 0;
    }
    return true;
}

/* In every file with that FID: the USIM's and its double of class A0. */
static bool put_files(struct card_csv *c, const char *name, uint16_t fid, uint8_t kind, struct span octets,
                      bool at_end, struct csv_error *error)
{
    struct personal_given *g = &c->given;
    for (uint16_t i = 0; i < c->p->n_files; i++) {
        const struct profile_file *f = &c->p->files[i];
        size_t room = kind == FILE_LINEAR ? f->record_len : f->size;
        if (f->fid != fid || f->kind != kind)
            continue;
        if (octets.n > room || octets.n > PERSONAL_FILE_OCTETS || g->n_files == PERSONAL_FILES_MAX) {
            csv_say(&c->csv, error, "%s is longer than the %zu octets of its file", name, room);
            return false;
        }
        struct personal_file *to = &g->files[g->n_files++];
        *to = (struct personal_file){
            .file = i, .offset = (uint32_t)(at_end ? room - octets.n : 0), .n = (uint8_t)octets.n};
        memcpy(to->octets, octets.p, octets.n);
    }
    return true;
}

static bool read_files(struct card_csv *c, struct csv_error *error)
{
    const char *acc = field(c, ACC, 0), *smsp = field(c, SMSP, 0), *msisdn = field(c, MSISDN, 0);
    uint8_t octets[PERSONAL_FILE_OCTETS];
    struct buf b = buf_of(octets, sizeof octets);
    if (acc != NULL) {
        if (!hex_parse(acc, &b, NULL) || b.len != 2) {
            csv_say(&c->csv, error, "acc is not four hexadecimal digits");
            return false;
        }
        if (!put_files(c, "acc", FID_ACC, FILE_TRANSPARENT, buf_span(&b), false, error))
            return false;
    }
    b = buf_of(octets, sizeof octets);
    if (smsp != NULL) {
        if (!hex_parse(smsp, &b, NULL)) {
            csv_say(&c->csv, error, "smsp is not hexadecimal, or has more than %d octets",
                    PERSONAL_FILE_OCTETS);
            return false;
        }
        if (b.len < SMSP_FOOT) {
            csv_say(&c->csv, error, "smsp has %zu octets: the parameters alone have %d (TS 31.102 4.2.27)",
                    b.len, SMSP_FOOT);
            return false;
        }
        if (!put_files(c, "smsp", FID_SMSP, FILE_LINEAR, buf_span(&b), true, error))
            return false;
    }
    if (msisdn != NULL) {
        bool plus = msisdn[0] == '+';
        const char *number = msisdn + plus;
        memset(octets, 0xFF, MSISDN_FOOT);
        if (!digits(number, 1, 20) || !bcd_pack(number, octets + 2, 10)) {
            csv_say(&c->csv, error, "msisdn is not 1 to 20 digits");
            return false;
        }
        octets[0] = (uint8_t)(1 + (strlen(number) + 1) / 2); /* TON/NPI, then two digits an octet */
        octets[1] = plus ? 0x91 : 0x81;
        return put_files(c, "msisdn", FID_MSISDN, FILE_LINEAR, span_of(octets, MSISDN_FOOT), true, error);
    }
    return true;
}

static bool read_row(struct card_csv *c, struct card_data *out, struct csv_error *error)
{
    const char *iccid = field(c, ICCID, 0), *imsi = field(c, IMSI, 0);
    if (!digits(iccid, 18, DECK_ICCID_MAX)) {
        csv_say(&c->csv, error, "iccid %s is not 18 to 20 digits", shown(iccid != NULL ? iccid : "").text);
        return false;
    }
    if (!digits(imsi, 6, 15)) {
        csv_say(&c->csv, error, "imsi %s is not 6 to 15 digits", shown(imsi != NULL ? imsi : "").text);
        return false;
    }
    memcpy(out->iccid, iccid, strlen(iccid) + 1);
    memcpy(out->imsi, imsi, strlen(imsi) + 1);
    crypto_wipe(&c->given, sizeof c->given);
    if (c->p->n_pairs > 0)
        c->given.pair = c->p->pairs[0];
    out->given = &c->given;
    return read_aka(c, &c->given.pair, &c->given.has_pair, error) && read_keysets(c, error) &&
           read_pins(c, error) && read_files(c, error);
}

enum csv_result card_csv_next(struct card_csv *c, struct card_data *out, struct csv_error *error)
{
    enum csv_result result = csv_row(&c->csv, error);
    if (result == CSV_ROW && !read_row(c, out, error))
        result = CSV_BAD;
    return result;
}

/* ---- as a source ---- */

static bool back(void *ctx)
{
    struct card_csv *c = ctx;
    struct csv_error error;
    bool good = csv_rewind(&c->csv, &error);
    if (!good)
        cli_refuse(c->cmd, "%s", error.text);
    return good;
}

static enum source_result next(void *ctx, struct card_data *out)
{
    struct card_csv *c = ctx;
    struct csv_error error;
    switch (card_csv_next(c, out, &error)) {
    case CSV_ROW:
        return SOURCE_CARD;
    case CSV_END:
        return SOURCE_END;
    case CSV_BAD:
        break;
    }
    cli_refuse(c->cmd, "%s", error.text);
    return SOURCE_FAILED;
}

bool card_csv_check(struct card_csv *c)
{
    enum source_result result;
    struct card_data card;
    uint64_t n = 0;
    while ((result = next(c, &card)) == SOURCE_CARD)
        n++;
    if (result == SOURCE_END && n == 0) {
        cli_refuse(c->cmd, "%s has no row", c->csv.path);
        return false;
    }
    return result == SOURCE_END && back(c);
}

struct card_source card_csv_source(struct card_csv *c)
{
    return (struct card_source){next, back, c, 0};
}
