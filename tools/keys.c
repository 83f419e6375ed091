/* SPDX-License-Identifier: Apache-2.0 */
#include "keys.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include "hex.h"
#include "shown.h"

enum column {
    ICCID,
    INDEX,
    IMSI,
    ALGORITHM,
    K,
    OPC,
    KVN,
    KIC_ALGORITHM,
    KIC,
    KID_ALGORITHM,
    KID,
    KIK,
    PARAMETERS,
    COLUMNS,
    COLUMNS_MIN = PARAMETERS /* files of softuicc 0.1 end there */
};

/* The longest row there can be is some 500 characters. */
enum { LINE_MAX_LENGTH = KEYS_LINE_MAX };

static const char *const column_names[COLUMNS] = {
    "iccid",         "index", "imsi",          "algorithm", "k",   "opc",       "kvn",
    "kic_algorithm", "kic",   "kid_algorithm", "kid",       "kik", "parameters"};

/* What TS 33.102 C.3 proposes, and profiles have unless they say otherwise. */
static const struct sqn_scheme usual_sqn = {.ind_bits = 5, .delta = (uint64_t)1 << 28};

/* ---- writing ---- */

void keys_header(char line[KEYS_LINE_MAX])
{
    size_t n = 0;
    for (int i = 0; i < COLUMNS; i++)
        n += (size_t)snprintf(line + n, KEYS_LINE_MAX - n, "%s%s", i > 0 ? "\t" : "", column_names[i]);
}

void keys_write_header(FILE *f)
{
    char line[KEYS_LINE_MAX];
    keys_header(line);
    fprintf(f, "%s\n", line);
}

static void put_hex(FILE *f, const uint8_t *p, size_t n, char end)
{
    char text[2 * 32 + 1];
    if (n > 0 && n <= 32)
        hex_format(span_of(p, n), text);
    else
        memcpy(text, "-", 2);
    fprintf(f, "%s%c", text, end);
    crypto_wipe(text, sizeof text);
}

static const char *ota_name(uint8_t algorithm)
{
    switch (algorithm) {
    case OTA_DES:
        return "des";
    case OTA_3DES:
        return "3des";
    case OTA_AES:
        return "aes";
    default:
        return "none";
    }
}

/* An algorithm's parameters that are one octet, 0 for "as usual". */
struct small {
    const char *name;
    size_t at;
};

static const struct small smalls[] = {
    {"mac", offsetof(struct aka_key, mac_len)},
    {"res", offsetof(struct aka_key, res_len)},
    {"ck", offsetof(struct aka_key, ck_len)},
    {"ik", offsetof(struct aka_key, ik_len)},
    {"iterations", offsetof(struct aka_key, iterations)},
};

enum { N_SMALLS = sizeof smalls / sizeof smalls[0] };

static void put_hex_bare(FILE *f, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        fprintf(f, "%02x", p[i]);
}

static void put_parameters(FILE *f, const struct profile_pair *pair)
{
    const char *between = "";
    const struct aka_key *key = &pair->key;
    const struct sqn_scheme *q = &pair->sqn;
    if (q->ind_bits != usual_sqn.ind_bits || q->delta != usual_sqn.delta || q->age != usual_sqn.age) {
        fprintf(f, "ind=%u,delta=%" PRIu64 ",age=%" PRIu64, q->ind_bits, q->delta, q->age);
        between = ",";
    }
    for (size_t i = 0; i < N_SMALLS; i++) {
        uint8_t value = *((const uint8_t *)key + smalls[i].at);
        if (value != 0) {
            fprintf(f, "%s%s=%u", between, smalls[i].name, value);
            between = ",";
        }
    }
    if (key->own_constants) {
        fprintf(f, "%sr=", between);
        put_hex_bare(f, key->milenage.r, sizeof key->milenage.r);
        fputs(",c=", f);
        put_hex_bare(f, key->milenage.c[0], sizeof key->milenage.c);
        between = ",";
    }
    if (between[0] == '\0')
        fputc('-', f);
}

const char *keys_kind(const struct key_row *row)
{
    return row->pin ? "p" : row->domain ? "d" : row->common ? "c" : "";
}

void keys_write_row(FILE *f, const struct key_row *row)
{
    const struct profile_pair *pair = &row->pair;
    const struct aka_algorithm *aka = row->common ? NULL : aka_algorithm(pair->algorithm);
    bool two = !row->common || row->pin;
    fprintf(f, "%s\t%s%u\t%s\t%s\t", row->iccid, keys_kind(row), row->index,
            row->common || row->imsi[0] == '\0' ? "-" : row->imsi, aka != NULL ? aka->name : "-");
    put_hex(f, pair->key.k, two ? pair->key.k_len : 0, '\t');
    put_hex(f, pair->key.opc, two ? pair->key.opc_len : 0, '\t');
    fprintf(f, "%u\t%s\t", pair->ota.version, ota_name(pair->ota.kic_algorithm));
    put_hex(f, pair->ota.kic, pair->ota.kic_len, '\t');
    fprintf(f, "%s%s\t", ota_name(pair->ota.kid_algorithm), pair->ota.mac_len == 4 ? "/4" : "");
    put_hex(f, pair->ota.kid, pair->ota.kid_len, '\t');
    put_hex(f, pair->ota.kik, pair->ota.kik_len, '\t');
    if (row->common)
        fputc('-', f);
    else
        put_parameters(f, pair);
    fputc('\n', f);
}

/* ---- reading ---- */

struct scan {
    const char *path;
    unsigned long line;
    struct keys_error *error;
};

static bool wrong(const struct scan *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool wrong(const struct scan *s, const char *format, ...)
{
    int n = snprintf(s->error->text, sizeof s->error->text, "%.300s:%lu: ", s->path, s->line);
    if (n > 0 && (size_t)n < sizeof s->error->text) {
        va_list args;
        va_start(args, format);
        vsnprintf(s->error->text + n, sizeof s->error->text - (size_t)n, format, args);
        va_end(args);
    }
    return false;
}

static bool digits(const char *text, size_t min, size_t max)
{
    size_t n = strspn(text, "0123456789");
    return text[n] == '\0' && n >= min && n <= max;
}

static bool small_number(const char *text, unsigned max, unsigned *value)
{
    if (!digits(text, 1, 3))
        return false;
    unsigned v = 0;
    for (; *text != '\0'; text++)
        v = 10 * v + (unsigned)(*text - '0');
    *value = v;
    return v <= max;
}

/* A key of at most 32 octets; "-" is none. What is in the field is never part of the error: it is a secret.
 */
static bool key_field(const struct scan *s, enum column column, char *const *field, uint8_t key[32],
                      uint8_t *n)
{
    if (strcmp(field[column], "-") == 0) {
        *n = 0;
        return true;
    }
    struct buf out = buf_of(key, 32);
    size_t where = 0;
    if (!hex_parse(field[column], &out, &where)) {
        if (field[column][where] == '\0')
            return wrong(s, "%s has an odd number of hex digits", column_names[column]);
        if (!buf_ok(&out))
            return wrong(s, "%s has more than 32 octets", column_names[column]);
        return wrong(s, "%s has a character that is no hex digit, at position %zu", column_names[column],
                     where + 1);
    }
    *n = (uint8_t)out.len;
    return true;
}

static bool ota_field(const struct scan *s, enum column column, char *const *field, uint8_t *algorithm)
{
    for (uint8_t a = OTA_NONE; a <= OTA_AES; a++)
        if (strcmp(field[column], ota_name(a)) == 0) {
            *algorithm = a;
            return true;
        }
    return wrong(s, "%s %s is none of none, des, 3des, aes%s", column_names[column],
                 shown(field[column]).text, column == KID_ALGORITHM ? ", aes/4" : "");
}

static bool big_number(const char *text, uint64_t *value)
{
    if (!digits(text, 1, 19))
        return false;
    *value = strtoull(text, NULL, 10);
    return true;
}

/* One "name=value". */
static bool parameter(struct profile_pair *pair, const char *name, const char *value)
{
    struct aka_key *key = &pair->key;
    unsigned number = 0;
    if (strcmp(name, "ind") == 0) {
        bool good = small_number(value, 5, &number);
        pair->sqn.ind_bits = (uint8_t)number;
        return good;
    }
    if (strcmp(name, "delta") == 0)
        return big_number(value, &pair->sqn.delta);
    if (strcmp(name, "age") == 0)
        return big_number(value, &pair->sqn.age);
    for (size_t i = 0; i < N_SMALLS; i++)
        if (strcmp(name, smalls[i].name) == 0) {
            bool good = small_number(value, 255, &number);
            *((uint8_t *)key + smalls[i].at) = (uint8_t)number;
            return good;
        }
    struct buf out = strcmp(name, "r") == 0 ? buf_of(key->milenage.r, sizeof key->milenage.r)
                                            : buf_of(key->milenage.c[0], sizeof key->milenage.c);
    key->own_constants = true;
    return (strcmp(name, "r") == 0 || strcmp(name, "c") == 0) && hex_parse(value, &out, NULL) &&
           out.len == out.cap;
}

static bool parameter_fields(const struct scan *s, char *text, struct profile_pair *pair)
{
    bool r = false, c = false;
    while (text != NULL) {
        char *next = strchr(text, ',');
        if (next != NULL)
            *next++ = '\0';
        char *value = strchr(text, '=');
        if (value == NULL)
            return wrong(s, "parameters: %s is no name=value", shown(text).text);
        *value++ = '\0';
        if (!parameter(pair, text, value))
            return wrong(s, "parameters: %s is not known, or has a value out of range", shown(text).text);
        r = r || strcmp(text, "r") == 0;
        c = c || strcmp(text, "c") == 0;
        text = next;
    }
    return r == c || wrong(s, "parameters: r and c go together");
}

static bool aka_fields(const struct scan *s, char *const *field, struct key_row *row)
{
    const struct aka_algorithm *aka = aka_algorithm_named(field[ALGORITHM]);
    struct aka_key *key = &row->pair.key;
    if (aka == NULL)
        return wrong(s, "algorithm %s is not known", shown(field[ALGORITHM]).text);
    row->pair.algorithm = (uint8_t)aka->id;
    row->pair.sqn = usual_sqn;
    if (!key_field(s, K, field, key->k, &key->k_len) || !key_field(s, OPC, field, key->opc, &key->opc_len))
        return false;
    if (key->k_len == 0 || (key->k_len != aka->k_lens[0] && key->k_len != aka->k_lens[1]))
        return wrong(s, "k has %u octets, which is no key of %s", key->k_len, aka->name);
    if (key->opc_len != aka->opc_len)
        return wrong(s, "opc has %u octets, %s needs %u", key->opc_len, aka->name, aka->opc_len);
    if (field[PARAMETERS] != NULL && strcmp(field[PARAMETERS], "-") != 0 &&
        !parameter_fields(s, field[PARAMETERS], &row->pair))
        return false;
    if (!aka_key_valid(aka, key))
        return wrong(s, "parameters are none that %s has", aka->name);
    return true;
}

static bool keyset_fields(const struct scan *s, char **field, bool domain, struct keyset *ota)
{
    unsigned version = 0;
    unsigned max = domain ? KEYSET_VERSION_MAX : KEYSET_OTA_MAX;
    if (!small_number(field[KVN], max, &version) || version == 0)
        return wrong(s, "kvn %s is not between 1 and %u", shown(field[KVN]).text, max);
    ota->version = (uint8_t)version;
    ota->mac_len = 8;
    size_t n = strlen(field[KID_ALGORITHM]);
    if (n == 5 && strcmp(field[KID_ALGORITHM], "aes/4") == 0) {
        ota->mac_len = 4;
        field[KID_ALGORITHM][3] = '\0';
    }
    if (!ota_field(s, KIC_ALGORITHM, field, &ota->kic_algorithm) ||
        !ota_field(s, KID_ALGORITHM, field, &ota->kid_algorithm) ||
        !key_field(s, KIC, field, ota->kic, &ota->kic_len) ||
        !key_field(s, KID, field, ota->kid, &ota->kid_len) ||
        !key_field(s, KIK, field, ota->kik, &ota->kik_len))
        return false;
    if (!keyset_valid(ota))
        return wrong(s, "the lengths of kic, kid, kik do not fit their algorithms");
    return true;
}

static bool pin_fields(const struct scan *s, char *const *field, struct key_row *row)
{
    static const enum column empty[] = {IMSI, ALGORITHM, KIC, KID, KIK, PARAMETERS};
    struct aka_key *key = &row->pair.key;
    unsigned reference = 0;
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++)
        if (field[empty[i]] != NULL && strcmp(field[empty[i]], "-") != 0)
            return wrong(s, "a PIN has no %s: '-' expected", column_names[empty[i]]);
    if (strcmp(field[KIC_ALGORITHM], "none") != 0 || strcmp(field[KID_ALGORITHM], "none") != 0)
        return wrong(s, "a PIN has no kic_algorithm and kid_algorithm: 'none' expected");
    if (!small_number(field[KVN], 255, &reference) || profile_pin_bit((uint8_t)reference) < 0)
        return wrong(s, "kvn %s is no key reference of a PIN", shown(field[KVN]).text);
    row->pair.ota.version = (uint8_t)reference;
    if (!key_field(s, K, field, key->k, &key->k_len) || !key_field(s, OPC, field, key->opc, &key->opc_len))
        return false;
    return (key->k_len == 8 && (key->opc_len == 0 || key->opc_len == 8)) ||
           wrong(s, "a PIN (k) and a PUK (opc) have 8 octets");
}

/* Cuts the line at its tabs, in place. */
static bool cut(const struct scan *s, char *line, char *field[COLUMNS])
{
    int n = 0;
    for (char *at = line; at != NULL; n++) {
        char *tab = strchr(at, '\t');
        if (tab != NULL)
            *tab++ = '\0';
        if (n < COLUMNS)
            field[n] = at;
        at = tab;
    }
    if (n != COLUMNS && n != COLUMNS_MIN)
        return wrong(s, "%d columns, %d or %d expected (separated by one tab each)", n, COLUMNS_MIN, COLUMNS);
    for (int i = 0; i < n; i++)
        if (field[i][0] == '\0')
            return wrong(s, "%s is empty: '-' stands for none", column_names[i]);
    return true;
}

static bool parse_row(const struct scan *s, char *line, struct key_row *row)
{
    char *field[COLUMNS] = {NULL};
    memset(row, 0, sizeof *row);
    if (!cut(s, line, field))
        return false;
    if (!digits(field[ICCID], 18, 20))
        return wrong(s, "iccid %s is not 18 to 20 digits", shown(field[ICCID]).text);
    memcpy(row->iccid, field[ICCID], strlen(field[ICCID]) + 1);
    row->domain = field[INDEX][0] == 'd';
    row->pin = field[INDEX][0] == 'p';
    row->common = row->domain || row->pin || field[INDEX][0] == 'c';
    if (!small_number(field[INDEX] + row->common,
                      row->pin      ? PROFILE_PINS_MAX - 1
                      : row->common ? PROFILE_KEYSETS_MAX - 1
                                    : PROFILE_PAIRS_MAX - 1,
                      &row->index))
        return wrong(
            s,
            "index %s is neither a pair's (0 to %d) nor a common keyset's (c0 to c%d), nor a PIN's (p0 to p%d)",
            shown(field[INDEX]).text, PROFILE_PAIRS_MAX - 1, PROFILE_KEYSETS_MAX - 1, PROFILE_PINS_MAX - 1);
    if (strcmp(field[IMSI], "-") != 0) {
        if (row->common || !digits(field[IMSI], 6, 15))
            return wrong(s, "imsi %s is not 6 to 15 digits%s", shown(field[IMSI]).text,
                         row->common ? ": a common keyset has '-'" : ", nor '-'");
        memcpy(row->imsi, field[IMSI], strlen(field[IMSI]) + 1);
    }
    if (row->pin)
        return pin_fields(s, field, row);
    if (row->common)
        for (enum column c = ALGORITHM; c <= OPC; c++)
            if (strcmp(field[c], "-") != 0)
                return wrong(s, "a common keyset has no %s: '-' expected", column_names[c]);
    if (row->common && field[PARAMETERS] != NULL && strcmp(field[PARAMETERS], "-") != 0)
        return wrong(s, "a common keyset has no parameters: '-' expected");
    return (row->common || aka_fields(s, field, row)) && keyset_fields(s, field, row->domain, &row->pair.ota);
}

static bool is_header(const char *line)
{
    for (int i = 0; i < COLUMNS; i++) {
        size_t n = strlen(column_names[i]);
        if (strncmp(line, column_names[i], n) != 0)
            return false;
        line += n;
        if (*line == '\0')
            return i + 1 >= COLUMNS_MIN;
        if (*line++ != '\t')
            return false;
    }
    return false;
}

/* The next line with something in it, its end cut off. 1, 0 at the end of the file, -1 on an error. */
static int next_line(struct scan *s, FILE *f, char line[LINE_MAX_LENGTH])
{
    for (;;) {
        /* So that a NUL in the file is told from the one at the end: fgets gives no length. */
        memset(line, 'x', LINE_MAX_LENGTH);
        s->line++;
        if (fgets(line, LINE_MAX_LENGTH, f) == NULL) {
            if (!ferror(f))
                return 0;
            wrong(s, "%s", strerror(errno));
            return -1;
        }
        char *end = line + LINE_MAX_LENGTH;
        while (*--end != '\0')
            ;
        size_t n = strlen(line);
        if (line + n != end) {
            wrong(s, "not a text file: it has a NUL octet");
            return -1;
        }
        /* A last line without an end may be half a line: half a key can be as good a key as the whole. */
        if (n == 0 || line[n - 1] != '\n') {
            if (feof(f))
                wrong(s, "the line has no end: the file was cut short");
            else
                wrong(s, "line longer than %d characters", LINE_MAX_LENGTH - 2);
            return -1;
        }
        n--;
        if (n > 0 && line[n - 1] == '\r')
            n--;
        line[n] = '\0';
        if (n > 0 && line[0] != '#')
            return 1;
    }
}

static bool begin(struct scan *s, FILE *f, char line[LINE_MAX_LENGTH])
{
    int more = next_line(s, f, line);
    if (more < 0)
        return false;
    if (more == 0 || !is_header(line))
        return wrong(s,
                     "not a key file: the first line should name the columns, 'iccid<TAB>index<TAB>imsi...'");
    return true;
}

struct want {
    const char *iccid; /* NULL: the file's only card */
    bool common;
    unsigned index;
};

static bool search(struct scan *s, FILE *f, char line[LINE_MAX_LENGTH], const struct want *want,
                   struct key_row *row)
{
    char only[sizeof row->iccid] = "";
    bool found = false, of_card = false;
    unsigned others = 0, other = 0; /* what the card has instead */
    int more = 0;
    struct key_row here;
    if (!begin(s, f, line))
        return false;
    while ((more = next_line(s, f, line)) > 0) {
        if (!parse_row(s, line, &here)) {
            more = -1;
            break;
        }
        if (want->iccid == NULL && only[0] != '\0' && strcmp(only, here.iccid) != 0) {
            wrong(s, "the file has keys of more than one card: say which by ICCID");
            more = -1;
            break;
        }
        memcpy(only, here.iccid, sizeof only);
        bool match = want->iccid == NULL || strcmp(want->iccid, here.iccid) == 0;
        of_card = of_card || match;
        if (match && here.common == want->common && !here.pin && !here.domain && here.index != want->index) {
            others++;
            other = here.index;
        }
        if (match && here.common == want->common && !here.pin && here.index == want->index) {
            if (found) {
                wrong(s, "the row for index %s%u of %s is there twice", want->common ? "c" : "", want->index,
                      here.iccid);
                more = -1;
                break;
            }
            *row = here;
            found = true;
            /* A maker's file may have millions of rows; only a search without ICCID needs to see the rest. */
            if (want->iccid != NULL)
                break;
        }
    }
    crypto_wipe(&here, sizeof here);
    if (more < 0)
        return false;
    if (found)
        return true;
    if (of_card) {
        const char *kind = want->common ? "c" : "";
        int n = snprintf(s->error->text, sizeof s->error->text, "%.300s: no %s %s%u for card %s", s->path,
                         want->common ? "common keyset" : "pair", kind, want->index,
                         want->iccid != NULL ? want->iccid : only);
        if (others == 1 && n > 0 && (size_t)n < sizeof s->error->text)
            snprintf(s->error->text + n, sizeof s->error->text - (size_t)n, "; there is only %s%u", kind,
                     other);
    } else
        snprintf(s->error->text, sizeof s->error->text, "%.300s: no keys of card %.24s", s->path,
                 want->iccid != NULL ? want->iccid : "at all");
    return false;
}

bool keys_find(const char *path, const char *iccid, bool common, unsigned index, struct key_row *row,
               struct keys_error *error)
{
    char line[LINE_MAX_LENGTH];
    char buffer[8192]; /* stdio's own would keep keys after fclose */
    struct scan s = {.path = path, .error = error};
    struct want want = {iccid, common, index};
    memset(row, 0, sizeof *row);
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        snprintf(error->text, sizeof error->text, "%.300s: %s", path, strerror(errno));
        return false;
    }
    setvbuf(f, buffer, _IOFBF, sizeof buffer);
    bool good = search(&s, f, line, &want, row);
    fclose(f);
    crypto_wipe(buffer, sizeof buffer);
    crypto_wipe(line, sizeof line);
    if (!good)
        crypto_wipe(row, sizeof *row);
    return good;
}

bool keys_over_air(const char *path, const struct key_row *row, struct keys_error *error)
{
    if (row->pair.ota.version <= KEYSET_OTA_MAX)
        return true;
    snprintf(
        error->text, sizeof error->text,
        "%.300s: keyset %s%u of card %s (version %02X) is a security domain's for SCP02 or SCP03: it secures nothing over the air",
        path, keys_kind(row), row->index, row->iccid, row->pair.ota.version);
    return false;
}

bool keys_each(const char *path, bool (*each)(void *ctx, const struct key_row *row, struct keys_error *error),
               void *ctx, struct keys_error *error)
{
    char line[LINE_MAX_LENGTH];
    char buffer[8192];
    struct scan s = {.path = path, .error = error};
    struct key_row row;
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        snprintf(error->text, sizeof error->text, "%.300s: %s", path, strerror(errno));
        return false;
    }
    setvbuf(f, buffer, _IOFBF, sizeof buffer);
    bool good = begin(&s, f, line);
    int more = 1;
    while (good && (more = next_line(&s, f, line)) > 0)
        good = parse_row(&s, line, &row) && each(ctx, &row, error);
    fclose(f);
    crypto_wipe(&row, sizeof row);
    crypto_wipe(buffer, sizeof buffer);
    crypto_wipe(line, sizeof line);
    return good && more == 0;
}

bool keys_format(const struct key_row *row, char line[KEYS_LINE_MAX])
{
    /* Unbuffered: stdio's own buffer would keep the keys. */
    memset(line, 0, KEYS_LINE_MAX);
    FILE *f = fmemopen(line, KEYS_LINE_MAX, "w");
    if (f == NULL)
        return false;
    setvbuf(f, NULL, _IONBF, 0);
    keys_write_row(f, row);
    long n = ftell(f);
    bool good = !ferror(f) && n > 0 && n < KEYS_LINE_MAX - 1;
    good = fclose(f) == 0 && good && line[n - 1] == '\n';
    if (good)
        line[n - 1] = '\0';
    else
        crypto_wipe(line, KEYS_LINE_MAX);
    return good;
}

bool keys_parse(const char *name, char line[KEYS_LINE_MAX], struct key_row *row, struct keys_error *error)
{
    const struct scan s = {.path = name, .line = 1, .error = error};
    bool good = parse_row(&s, line, row);
    if (!good)
        crypto_wipe(row, sizeof *row);
    return good;
}

struct keys_reader {
    struct scan scan;
    FILE *f;
    char line[LINE_MAX_LENGTH];
    char buffer[8192];
};

struct keys_reader *keys_open(const char *path, struct keys_error *error)
{
    struct keys_reader *r = calloc(1, sizeof *r);
    if (r == NULL) {
        snprintf(error->text, sizeof error->text, "no memory");
        return NULL;
    }
    r->scan = (struct scan){.path = path, .error = error};
    r->f = fopen(path, "re");
    if (r->f == NULL) {
        snprintf(error->text, sizeof error->text, "%.300s: %s", path, strerror(errno));
        keys_close(r);
        return NULL;
    }
    setvbuf(r->f, r->buffer, _IOFBF, sizeof r->buffer);
    if (begin(&r->scan, r->f, r->line))
        return r;
    keys_close(r);
    return NULL;
}

int keys_next(struct keys_reader *r, struct key_row *row)
{
    int more = next_line(&r->scan, r->f, r->line);
    if (more > 0 && !parse_row(&r->scan, r->line, row))
        more = -1;
    if (more <= 0)
        crypto_wipe(row, sizeof *row);
    return more;
}

void keys_close(struct keys_reader *r)
{
    if (r->f != NULL)
        fclose(r->f);
    crypto_wipe(r, sizeof *r);
    free(r);
}
