/* SPDX-License-Identifier: Apache-2.0
 *
 * From YAML to a profile: what the schema cannot say is checked here, access rules become EF.ARR records, and
 * the result goes through profile_encode and profile_decode, so that a profile from text is the same thing as
 * one from a deck.
 */
#include "profile_yaml.h"

#include "hex.h"
#include "kept.h"
#include "one_line.h"
#include "tlv.h"
#include "yaml_include.h"
#include "yaml_make.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    FORMAT = 1,            /* of the YAML; a change that old loaders would misread raises it */
    CONTENT_MAX = 8 << 20, /* octets of all files together */
    MSL_DEFAULT = 0x16,    /* TS 102 225 5.1.1: cryptographic checksum, ciphering, counter higher */
    FID_MF = 0x3F00,
    FID_ARR_MF = 0x2F06,  /* ETSI TS 102 221 13.4 */
    FID_ARR_ADF = 0x6F06, /* 3GPP TS 31.102 4.2.55 */
    TERMS_MAX = 8,        /* PINs in one condition */
    NAME_MAX_LEN = 63,
};

/* ---- small things ---- */

void *yaml_maker_memory(struct maker *m, size_t n)
{
    void *p = kept_new(&m->kept, n);
    if (p == NULL)
        (void)yaml_fail_at(m->s, 0, "", "no memory");
    return p;
}

struct place yaml_at(const char *list, unsigned index, const char *key)
{
    struct place w;
    (void)snprintf(w.text, sizeof w.text, "%s[%u]%s%s", list, index, key[0] ? "." : "", key);
    return w;
}

struct place yaml_at_item(const char *list, unsigned index, const char *key, unsigned item)
{
    struct place w;
    (void)snprintf(w.text, sizeof w.text, "%s[%u].%s[%u]", list, index, key, item);
    return w;
}

/* What a person calls an entry: its place in its own file. */
struct place yaml_entry(const struct maker *m, const char *list, unsigned index)
{
    struct place w;
    yaml_called(m->s, yaml_at(list, index, "").text, w.text, sizeof w.text);
    return w;
}

/* Hexadecimal of min to max octets. The error never shows the text: it may be a key. */
bool yaml_octets(const struct maker *m, const char *path, const char *text, uint8_t *out, size_t min,
                   size_t max, size_t *n)
{
    size_t where = 0;
    struct buf b = buf_of(out, max);
    if (!hex_parse(text, &b, &where)) {
        if (b.full)
            return yaml_fail(m->s, path, "more than %zu octet%s; shorten it", max, max == 1 ? "" : "s");
        if (text[where] == 0)
            return yaml_fail(m->s, path, "an odd number of hexadecimal digits; an octet has two");
        return yaml_fail(m->s, path, "character %zu is no hexadecimal digit", where + 1);
    }
    if (b.len < min)
        return yaml_fail(m->s, path, "%zu octet%s; must be %s%zu", b.len, b.len == 1 ? "" : "s",
                         min == max ? "" : "at least ", min);
    if (n != NULL)
        *n = b.len;
    return true;
}

bool yaml_octet(const struct maker *m, const char *path, const char *text, uint8_t *out)
{
    if (strlen(text) != 2)
        return yaml_fail(m->s, path, "must be two hexadecimal digits, like 0A");
    return yaml_octets(m, path, text, out, 1, 1, NULL);
}

uint16_t yaml_find_file(const struct maker *m, const char *path)
{
    for (unsigned i = 0; i < m->y->files_count; i++)
        if (strcmp(m->y->files[i].path, path) == 0)
            return (uint16_t)i;
    return PROFILE_NO_FILE;
}

/* ---- head ---- */

/* ISO/IEC 7816-3 8.2: TS, T0, interface characters as TDi say, historical bytes, TCK unless T=0 is all there
 * is. */
static bool check_atr(const struct maker *m, const uint8_t *atr, size_t n)
{
    if (atr[0] != 0x3B && atr[0] != 0x3F)
        return yaml_fail(m->s, "atr", "begins with %02X; TS is 3B or 3F (ISO/IEC 7816-3 8.1)", atr[0]);
    size_t i = 2;
    unsigned next = atr[1] >> 4, historical = atr[1] & 0x0F;
    bool first = true, tck = false;
    while (next != 0) {
        i += (next & 1) + (next >> 1 & 1) + (next >> 2 & 1);
        if ((next & 8) == 0)
            break;
        if (i >= n)
            return yaml_fail(m->s, "atr", "too short for the interface characters that it announces");
        uint8_t td = atr[i++];
        if (first && (td & 0x0F) != 0)
            return yaml_fail(m->s, "atr", "offers T=%u first; the card talks T=0", td & 0x0F);
        first = false;
        tck = tck || (td & 0x0F) != 0;
        next = td >> 4;
    }
    if (i + historical + tck != n)
        return yaml_fail(m->s, "atr", "has %zu octets; T0 and TDi announce %zu%s", n, i + historical + tck,
                         tck ? " (with TCK)" : "");
    uint8_t sum = 0;
    for (size_t k = 1; k < n; k++)
        sum ^= atr[k];
    return !tck || sum == 0 ||
           yaml_fail(m->s, "atr", "TCK is %02X; must be %02X (ISO/IEC 7816-3 8.2.5)", atr[n - 1],
                     atr[n - 1] ^ sum);
}

/* It is printed: on one line, and to terminals, which obey U+0080 to U+009F, too. */
static bool check_line(const struct maker *m, const char *path, const char *text)
{
    return text == NULL || one_line_is(text) ||
           yaml_fail(m->s, path, "has a control character in it; one line of plain text");
}

static bool make_head(struct maker *m)
{
    const struct y_profile *y = m->y;
    struct profile *p = &m->p;
    if (y->format != FORMAT)
        return yaml_fail(m->s, "format", "format %u; this softuicc reads format %d", y->format, FORMAT);
    if (!check_line(m, "name", y->name) || !check_line(m, "title", y->title))
        return false;
    p->name = y->name;
    p->title = y->title == NULL ? "" : y->title;
    p->insecure = m->insecure = y->insecure == YES;
    p->ota_silent = y->ota.silent == YES;
    size_t n = 0;
    if (!yaml_octets(m, "atr", y->atr, p->atr, 2, sizeof p->atr, &n) || !check_atr(m, p->atr, n))
        return false;
    p->atr_len = (uint8_t)n;
    n = strlen(y->imsi);
    if (n < 6 || n > 15 || strspn(y->imsi, "0123456789") != n)
        return yaml_fail(m->s, "imsi", "must be 6 to 15 digits");
    memcpy(p->imsi, y->imsi, n);
    return true;
}

/* ---- applets ---- */

static const struct y_pin *find_pin(const struct maker *m, const char *name, size_t n)
{
    for (unsigned i = 0; i < m->y->pins_count; i++)
        if (strlen(m->y->pins[i].name) == n && memcmp(m->y->pins[i].name, name, n) == 0)
            return &m->y->pins[i];
    return NULL;
}

static bool make_applet_aid(struct maker *m, unsigned i)
{
    struct profile_applet *a = &m->p.applets[i];
    const struct place w = yaml_at("applets", i, "aid");
    const char *text = m->y->applets[i].aid;
    size_t n = 0;
    if (text == NULL)
        return true;
    if (!yaml_octets(m, w.text, text, a->aid, 5, PROFILE_AID_MAX, &n))
        return false;
    a->aid_len = (uint8_t)n;
    for (unsigned k = 0; k < i; k++)
        if (span_equal(span_of(a->aid, n), span_of(m->p.applets[k].aid, m->p.applets[k].aid_len)))
            return yaml_fail(m->s, w.text, "%s has the same AID; each needs its own",
                             yaml_entry(m, "applets", k).text);
    return true;
}

/* The ADF that it owns, or the directory that it starts in. */
static bool make_applet_directory(struct maker *m, unsigned i)
{
    const struct y_applet *y = &m->y->applets[i];
    struct profile_applet *a = &m->p.applets[i];
    const char *df = y->adf != NULL ? y->adf : y->start;
    const struct place w = yaml_at("applets", i, y->adf != NULL ? "adf" : "start");
    a->adf = PROFILE_NO_FILE;
    if (y->adf != NULL && y->start != NULL)
        return yaml_fail(
            m->s, w.text,
            "\"adf\" and \"start\" together; give the ADF that it owns, or a DF that it starts in");
    if (df != NULL && (a->adf = yaml_find_file(m, df)) == PROFILE_NO_FILE)
        return yaml_fail(m->s, w.text, "no file \"%s\" under \"files\"", df);
    if (y->adf == NULL) {
        if (df != NULL && !profile_is_df((uint8_t)m->y->files[a->adf].kind))
            return yaml_fail(m->s, w.text, "\"%s\" is not a DF", df);
        return true;
    }
    if (m->y->files[a->adf].kind != FILE_ADF)
        return yaml_fail(m->s, w.text, "\"%s\" is not of kind adf; did you mean \"start\"?", df);
    if (a->aid_len == 0)
        return yaml_fail(m->s, yaml_at("applets", i, "").text,
                         "owns an ADF but has no \"aid\" to select it by");
    if (m->p.files[a->adf].applet != 0xFF)
        return yaml_fail(m->s, w.text, "\"%s\" is already owned by %s", df,
                         yaml_entry(m, "applets", m->p.files[a->adf].applet).text);
    m->p.files[a->adf].applet = (uint8_t)i;
    return true;
}

static bool make_applet_tars(struct maker *m, unsigned i)
{
    const struct y_applet *y = &m->y->applets[i];
    struct profile_applet *a = &m->p.applets[i];
    for (unsigned k = 0; k < y->tars_count; k++) {
        const struct place w = yaml_at_item("applets", i, "tars", k);
        if (!yaml_octets(m, w.text, y->tars[k], a->tars[k], 3, 3, NULL))
            return false;
        a->n_tars = (uint8_t)(k + 1);
        for (unsigned j = 0; j <= i; j++)
            for (unsigned t = 0; t < m->p.applets[j].n_tars && !(j == i && t == k); t++)
                if (memcmp(m->p.applets[j].tars[t], a->tars[k], 3) == 0)
                    return yaml_fail(m->s, w.text, "TAR already given to %s; each needs its own",
                                     yaml_entry(m, "applets", j).text);
    }
    return true;
}

static bool make_applet_msl(struct maker *m, unsigned i)
{
    struct profile_applet *a = &m->p.applets[i];
    const struct place w = yaml_at("applets", i, "msl");
    const char *text = m->y->applets[i].msl;
    a->msl = MSL_DEFAULT;
    if (text != NULL && !yaml_octet(m, w.text, text, &a->msl))
        return false;
    if ((a->msl & 0xE0) != 0)
        return yaml_fail(m->s, w.text, "bits 6 to 8 of SPI1 are reserved (TS 102 225 5.1.1)");
    if ((a->msl & 0x03) < 2 && !m->insecure)
        return yaml_fail(m->s, w.text,
                         "without a cryptographic checksum anyone may command this applet; use 16 (checksum, "
                         "ciphering, counter), or say \"insecure: true\"");
    return true;
}

static bool make_applet_access(struct maker *m, unsigned i)
{
    const struct y_applet *y = &m->y->applets[i];
    for (unsigned k = 0; k < y->access_count; k++) {
        uint8_t reference = 0;
        const struct place w = yaml_at_item("applets", i, "access", k);
        const struct y_pin *pin = find_pin(m, y->access[k], strlen(y->access[k]));
        if (pin == NULL)
            return yaml_fail(m->s, w.text, "no PIN \"%s\" under \"pins\"",
                             yaml_shown(y->access[k], strlen(y->access[k])).text);
        if (!yaml_octet(m, w.text, pin->reference, &reference) || profile_pin_bit(reference) < 0)
            return yaml_fail(m->s, w.text, "\"%s\" has no valid key reference", y->access[k]);
        m->p.applets[i].access |= 1u << profile_pin_bit(reference);
    }
    return true;
}

static bool make_applet_params(struct maker *m, unsigned i)
{
    const char *text = m->y->applets[i].params;
    if (text == NULL)
        return true;
    uint8_t *params = yaml_maker_memory(m, strlen(text));
    size_t n = 0;
    if (params == NULL ||
        !yaml_octets(m, yaml_at("applets", i, "params").text, text, params, 0, strlen(text), &n))
        return false;
    m->p.applets[i].params = span_of(params, n);
    return true;
}

static bool make_applet(struct maker *m, unsigned i)
{
    return check_line(m, yaml_at("applets", i, "class").text, m->y->applets[i].class_name) &&
           yaml_make_class(m, i) && check_line(m, yaml_at("applets", i, "so").text, m->p.applets[i].so) &&
           make_applet_aid(m, i) && make_applet_directory(m, i) && make_applet_tars(m, i) &&
           make_applet_msl(m, i) && make_applet_access(m, i) && make_applet_params(m, i);
}

/* ---- PINs ---- */

/* "derived", four to eight digits, or 16 hexadecimal ones (TS 102 221 9.5.1: eight octets, digits
 * in ASCII, padded with FF). */
static bool read_pin(const struct maker *m, const char *path, const char *text, size_t digits_min,
                     uint8_t out[8], uint8_t derive, uint8_t *derived)
{
    size_t n = strlen(text);
    if (strcmp(text, "derived") == 0) {
        memset(out, 0xFF, 8);
        *derived |= derive;
        return true;
    }
    if (n == 16)
        return yaml_octets(m, path, text, out, 8, 8, NULL);
    if (n < digits_min || n > 8 || strspn(text, "0123456789") != n)
        return digits_min == 8
                   ? yaml_fail(m->s, path, "must be 8 digits, 16 hexadecimal digits, or derived")
                   : yaml_fail(m->s, path, "must be 4 to 8 digits, 16 hexadecimal digits, or derived");
    memset(out, 0xFF, 8);
    memcpy(out, text, n);
    return true;
}

static bool make_pin(struct maker *m, unsigned i)
{
    const struct y_pin *y = &m->y->pins[i];
    struct profile_pin *p = &m->p.pins[i];
    struct place w = yaml_at("pins", i, "name");
    if (strcmp(y->name, "always") == 0 || strcmp(y->name, "never") == 0 || strcmp(y->name, "or") == 0 ||
        strcmp(y->name, "and") == 0 || strpbrk(y->name, " \t") != NULL)
        return yaml_fail(m->s, w.text, "one word, and not one that conditions use (always, never, or, and)");
    if (find_pin(m, y->name, strlen(y->name)) != y)
        return yaml_fail(m->s, w.text, "two PINs are called \"%s\"",
                         yaml_shown(y->name, strlen(y->name)).text);
    w = yaml_at("pins", i, "reference");
    if (!yaml_octet(m, w.text, y->reference, &p->reference))
        return false;
    if (profile_pin_bit(p->reference) < 0)
        return yaml_fail(m->s, w.text,
                         "no key reference; 01-08, 0A-0E, 11, 81-88 or 8A-8E (TS 102 221 9.5.1)");
    p->adf = 0xFF;
    bool local = (p->reference & 0x80) != 0;
    if (local != (y->scope != NULL))
        return yaml_fail(m->s, w.text,
                         local ? "a local PIN (81-8E) needs a \"scope\": the ADF that it belongs to"
                               : "a global PIN has no \"scope\"; local ones are 81-8E");
    if (local) {
        uint16_t adf = yaml_find_file(m, y->scope);
        if (adf == PROFILE_NO_FILE || m->p.files[adf].applet == 0xFF)
            return yaml_fail(m->s, yaml_at("pins", i, "scope").text, "no ADF \"%s\" under \"files\"",
                             y->scope);
        p->adf = m->p.files[adf].applet;
    }
    for (unsigned k = 0; k < i; k++)
        if (m->p.pins[k].reference == p->reference && m->p.pins[k].adf == p->adf)
            return yaml_fail(m->s, w.text, "%s has the same key reference", yaml_entry(m, "pins", k).text);
    if (!read_pin(m, yaml_at("pins", i, "value").text, y->value, 4, p->value, PIN_DERIVE_VALUE, &p->derived))
        return false;
    if (y->puk != NULL &&
        !read_pin(m, yaml_at("pins", i, "puk").text, y->puk, 8, p->puk, PIN_DERIVE_PUK, &p->derived))
        return false;
    /* TS 102 221 9.5.1: an administrative key is never disabled */
    bool adm = profile_pin_is_adm(p->reference);
    p->enabled = y->enabled != NO;
    p->can_disable = y->can_disable == UNSAID ? !adm : y->can_disable == YES;
    if (adm && (!p->enabled || p->can_disable))
        return yaml_fail(m->s, yaml_at("pins", i, "").text,
                         "an administrative key (0A-0E, 8A-8E) cannot be disabled");
    p->tries = y->tries == NULL ? 3 : *y->tries;
    if (p->tries < 1 || p->tries > 15)
        return yaml_fail(m->s, yaml_at("pins", i, "tries").text, "must be 1 to 15");
    w = yaml_at("pins", i, "puk-tries");
    if (y->puk == NULL && y->puk_tries != NULL && *y->puk_tries != 0)
        return yaml_fail(m->s, w.text, "there is no \"puk\" to try; add it, or remove this");
    p->puk_tries = y->puk == NULL ? 0 : y->puk_tries == NULL ? 10 : *y->puk_tries;
    if (y->puk != NULL && (p->puk_tries < 1 || p->puk_tries > 15))
        return yaml_fail(m->s, w.text, "must be 1 to 15");
    return true;
}

/* ---- access rules ---- */

/* A security condition data object (TS 102 221 9.2.7): 90 always, 97 never, A4 a key reference, A0 or, AF
 * and. */
static bool condition(const struct maker *m, const char *path, const char *text, struct buf *out)
{
    struct {
        const char *p;
        size_t n;
    } word[2 * TERMS_MAX - 1];
    unsigned n = 0;
    for (const char *c = text + strspn(text, " "); *c != 0; c += strspn(c, " ")) {
        if (n == 2 * TERMS_MAX - 1)
            return yaml_fail(m->s, path, "more than %d PINs in one condition", TERMS_MAX);
        word[n].p = c;
        word[n].n = strcspn(c, " ");
        c += word[n++].n;
    }
    if (n == 1 && word[0].n == 6 && memcmp(word[0].p, "always", 6) == 0) {
        buf_tlv(out, 0x90, SPAN_EMPTY);
        return true;
    }
    if (n == 1 && word[0].n == 5 && memcmp(word[0].p, "never", 5) == 0) {
        buf_tlv(out, 0x97, SPAN_EMPTY);
        return true;
    }
    uint8_t bytes[TERMS_MAX * 8];
    struct buf terms = buf_of(bytes, sizeof bytes);
    uint32_t group = 0;
    for (unsigned i = 0; i < n; i++) {
        if (i % 2 == 1) {
            uint32_t joined = word[i].n == 2 && memcmp(word[i].p, "or", 2) == 0    ? 0xA0
                              : word[i].n == 3 && memcmp(word[i].p, "and", 3) == 0 ? 0xAF
                                                                                   : 0;
            if (joined == 0 || (group != 0 && group != joined))
                return yaml_fail(m->s, path,
                                 "PINs are joined by \"or\" or by \"and\", not by both or anything else");
            group = joined;
            continue;
        }
        const struct y_pin *pin = find_pin(m, word[i].p, word[i].n);
        if (pin == NULL)
            return yaml_fail(m->s, path, "no PIN \"%s\" under \"pins\"; or say always or never",
                             yaml_shown(word[i].p, word[i].n).text);
        uint8_t crt[6] = {0x83, 0x01, 0,
                          0x95, 0x01, 0x08}; /* key reference; usage qualifier: user knowledge */
        crt[2] = m->p.pins[pin - m->y->pins].reference;
        buf_tlv(&terms, 0xA4, span_of(crt, sizeof crt));
    }
    if (n % 2 == 0)
        return yaml_fail(m->s, path, "must be always, never, or names of PINs joined by \"or\" or \"and\"");
    if (group != 0)
        buf_tlv(out, group, buf_span(&terms));
    else
        buf_put(out, buf_span(&terms));
    return true;
}

enum { RULE_EF = 1, RULE_DF = 2 };

struct access {
    const char *key;
    size_t offset; /* of the condition in struct y_rule */
    uint8_t bit;   /* of the access mode byte, TS 102 221 9.2.7, ISO/IEC 7816-4 tables 16, 17; 0: by INS */
    uint8_t ins;
    uint8_t only; /* for */
};

static const struct access accesses[] = {
    {"read", offsetof(struct y_rule, read), 0x01, 0, RULE_EF},
    {"update", offsetof(struct y_rule, update), 0x02, 0, RULE_EF},
    {"write", offsetof(struct y_rule, write), 0x04, 0, RULE_EF},
    {"delete-child", offsetof(struct y_rule, delete_child), 0x01, 0, RULE_DF},
    {"create-ef", offsetof(struct y_rule, create_ef), 0x02, 0, RULE_DF},
    {"create-df", offsetof(struct y_rule, create_df), 0x04, 0, RULE_DF},
    {"deactivate", offsetof(struct y_rule, deactivate), 0x08, 0, 0},
    {"activate", offsetof(struct y_rule, activate), 0x10, 0, 0},
    {"terminate", offsetof(struct y_rule, terminate), 0x20, 0, 0},
    {"delete", offsetof(struct y_rule, delete_self), 0x40, 0, 0},
    {"increase", offsetof(struct y_rule, increase), 0, 0x32, RULE_EF}, /* TS 102 221 11.1.8 */
    {"resize", offsetof(struct y_rule, resize), 0, 0xD4, 0},           /* TS 102 222 6.10 */
};

enum { ACCESSES = sizeof accesses / sizeof accesses[0] };

static const char *rule_text(const struct y_rule *y, const struct access *a)
{
    const char *text;
    memcpy(&text, (const char *)y + a->offset, sizeof text);
    return text;
}

static unsigned rule_for(const struct y_rule *y)
{
    unsigned only = 0;
    for (unsigned k = 0; k < ACCESSES; k++)
        if (rule_text(y, &accesses[k]) != NULL)
            only |= accesses[k].only;
    return only;
}

/* One record of EF.ARR: kinds of access with the same condition share one access mode object. */
static bool make_rule(struct maker *m, unsigned i)
{
    const struct y_rule *y = &m->y->access[i];
    struct buf record = buf_of(m->arr[i], sizeof m->arr[i]);
    bool done[ACCESSES] = {false};
    for (unsigned k = 0; k < i; k++)
        if (strcmp(m->y->access[k].name, y->name) == 0)
            return yaml_fail(m->s, yaml_at("access", i, "name").text, "two rules are called \"%s\"", y->name);
    if (rule_for(y) == (RULE_EF | RULE_DF))
        return yaml_fail(
            m->s, yaml_at("access", i, "").text,
            "mixes access to files (read, update, ..) and to directories (create-ef, ..); make two rules");
    for (unsigned k = 0; k < ACCESSES; k++) {
        const char *text = rule_text(y, &accesses[k]);
        if (text == NULL || done[k])
            continue;
        uint8_t bytes[TERMS_MAX * 8 + 4];
        struct buf sc = buf_of(bytes, sizeof bytes);
        if (!condition(m, yaml_at("access", i, accesses[k].key).text, text, &sc))
            return false;
        if (accesses[k].bit == 0) {
            buf_tlv_u8(&record, 0x84, accesses[k].ins);
        } else {
            uint8_t mode = 0;
            for (unsigned j = k; j < ACCESSES; j++) {
                const char *same = rule_text(y, &accesses[j]);
                if (accesses[j].bit != 0 && same != NULL && strcmp(same, text) == 0) {
                    mode |= accesses[j].bit;
                    done[j] = true;
                }
            }
            buf_tlv_u8(&record, 0x80, mode);
        }
        buf_put(&record, buf_span(&sc));
    }
    if (!buf_ok(&record))
        return yaml_fail(m->s, yaml_at("access", i, "").text, "more than 255 octets in EF.ARR; simplify it");
    if (record.len == 0)
        return yaml_fail(m->s, yaml_at("access", i, "").text,
                         "allows nothing; give at least one condition (never, if so)");
    m->arr_len[i] = record.len;
    return true;
}

/* ---- files ---- */

static bool hex4(const struct maker *m, const char *path, const char *text, uint16_t *out)
{
    uint8_t two[2];
    if (strlen(text) != 4)
        return yaml_fail(m->s, path, "must be four hexadecimal digits, like 6F07");
    if (!yaml_octets(m, path, text, two, 2, 2, NULL))
        return false;
    *out = (uint16_t)(two[0] << 8 | two[1]);
    return true;
}

/* Where the file stands: its name, its parent, its identifiers. */
static bool make_name(struct maker *m, unsigned i)
{
    const struct y_file *y = &m->y->files[i];
    struct profile_file *f = &m->p.files[i];
    struct place w = yaml_at("files", i, "path");
    const char *slash = strrchr(y->path, '/');
    f->name = slash == NULL ? y->path : slash + 1;
    f->kind = (uint8_t)y->kind;
    if (strlen(f->name) == 0 || strlen(f->name) > NAME_MAX_LEN)
        return yaml_fail(m->s, w.text, "a name has 1 to %d characters", NAME_MAX_LEN);
    for (const char *c = y->path; *c != 0; c++)
        if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7F)
            return yaml_fail(m->s, w.text, "blanks and letters beyond ASCII have no place in a path");
    if ((i == 0) != (strcmp(y->path, "MF") == 0) || (i == 0) != (y->kind == FILE_MF))
        return yaml_fail(m->s, w.text,
                         i == 0 ? "the first file is \"MF\", of kind mf"
                                : "only the first file is \"MF\", of kind mf");
    if (slash != NULL) {
        size_t n = (size_t)(slash - y->path);
        unsigned k = i;
        while (k-- > 0)
            if (strlen(m->y->files[k].path) == n && memcmp(m->y->files[k].path, y->path, n) == 0)
                break;
        if (k >= i)
            return yaml_fail(m->s, w.text, "its directory \"%.*s\" is not above it in the list", (int)n,
                             y->path);
        if (!profile_is_df((uint8_t)m->y->files[k].kind))
            return yaml_fail(m->s, w.text, "\"%s\" is not a directory", m->y->files[k].path);
        f->parent = (uint16_t)k;
        m->below_adf[i] = m->below_adf[k] || m->y->files[k].kind == FILE_ADF;
    } else if (i != 0) {
        return yaml_fail(m->s, w.text, "must begin with \"MF/\"");
    }
    w = yaml_at("files", i, "fid");
    if (y->fid != NULL) {
        if (!hex4(m, w.text, y->fid, &f->fid))
            return false;
    } else if (y->kind == FILE_MF || y->kind == FILE_ADF) {
        f->fid = y->kind == FILE_MF ? FID_MF : PROFILE_FID_CURRENT_ADF;
    } else {
        return yaml_fail(m->s, yaml_at("files", i, "").text, "%s: \"fid\" is missing; add it", f->name);
    }
    /* TS 102 221 8.6: reserved */
    if ((f->fid == FID_MF) != (i == 0) || f->fid == 0x3FFF || f->fid == 0xFFFF ||
        (f->fid == PROFILE_FID_CURRENT_ADF && y->kind != FILE_ADF))
        return yaml_fail(m->s, w.text, "%s: %04X is reserved (TS 102 221 8.6)", f->name, f->fid);
    if (y->sfi != NULL) {
        w = yaml_at("files", i, "sfi");
        if (profile_is_df((uint8_t)y->kind))
            return yaml_fail(m->s, w.text, "%s: a directory has no SFI", f->name);
        if (!yaml_octet(m, w.text, y->sfi, &f->sfi))
            return false;
        if (f->sfi < 1 || f->sfi > 30)
            return yaml_fail(m->s, w.text, "%s: an SFI is 01 to 1E (hexadecimal)", f->name);
    }
    return true;
}

/* The access rule, and that the EF.ARR which is to hold it is there. */
static bool make_reference(struct maker *m, unsigned i)
{
    const struct y_file *y = &m->y->files[i];
    struct profile_file *f = &m->p.files[i];
    struct place w = yaml_at("files", i, "access");
    unsigned rule = 0;
    while (rule < m->y->access_count && strcmp(m->y->access[rule].name, y->access) != 0)
        rule++;
    if (rule == m->y->access_count)
        return yaml_fail(m->s, w.text, "%s: no rule \"%s\" under \"access\"", f->name, y->access);
    unsigned only = rule_for(&m->y->access[rule]);
    if (only == (profile_is_df((uint8_t)y->kind) ? RULE_EF : RULE_DF))
        return yaml_fail(m->s, w.text, "%s: rule \"%s\" is for %s", f->name, y->access,
                         only == RULE_EF ? "files, not directories" : "directories, not files");
    f->arr_record = (uint8_t)(rule + 1);
    f->arr_fid = m->below_adf[i] ? FID_ARR_ADF : FID_ARR_MF;
    /* TS 102 221 9.2.7: looked for in the directory of the file, then upwards to the ADF or the MF */
    uint16_t top = 0;
    if (m->below_adf[i])
        for (top = f->parent; m->p.files[top].kind != FILE_ADF;)
            top = m->p.files[top].parent;
    uint16_t arr = profile_child(&m->p, top, f->arr_fid);
    if (arr == PROFILE_NO_FILE || m->y->files[arr].fill != Y_FILL_ACCESS_RULES)
        return yaml_fail(
            m->s, w.text,
            "%s: its rule stands in %s/EF.ARR (%04X), which is missing; add it, with \"fill: access-rules\"",
            f->name, m->y->files[top].path, f->arr_fid);
    return true;
}

static bool only_for(const struct maker *m, unsigned i, const char *key, bool there, bool allowed,
                     const char *whom)
{
    return !there || allowed ||
           yaml_fail(m->s, yaml_at("files", i, key).text, "%s: \"%s\" is for %s", m->p.files[i].name, key,
                     whom);
}

/* Size and record length, and that nothing is said which this kind of file does not have. */
static bool make_size(struct maker *m, unsigned i, size_t content)
{
    const struct y_file *y = &m->y->files[i];
    struct profile_file *f = &m->p.files[i];
    bool ef = !profile_is_df((uint8_t)y->kind), records = y->kind == FILE_LINEAR || y->kind == FILE_CYCLIC;
    bool rules = y->fill == Y_FILL_ACCESS_RULES;
    if (!only_for(m, i, "size", y->size != NULL, ef && !records, "transparent and ber-tlv files") ||
        !only_for(m, i, "records", y->records != NULL, records, "linear and cyclic files") ||
        !only_for(m, i, "content", y->content != NULL, ef && y->fill == FILL_CONTENT,
                  "files without \"fill\"") ||
        !only_for(m, i, "contents", y->contents != NULL,
                  records && y->fill == FILL_CONTENT && y->content == NULL,
                  "linear and cyclic files without \"content\" and \"fill\"") ||
        !only_for(m, i, "fill", y->fill != FILL_CONTENT, ef, "files, not directories") ||
        !only_for(m, i, "high-update", y->high_update == YES, ef, "files, not directories") ||
        !only_for(m, i, "open-deactivated", y->open_deactivated == YES, ef, "files, not directories") ||
        !only_for(m, i, "fill",
                  y->fill == FILL_ICCID || y->fill == FILL_IMSI || y->fill == FILL_IMPI ||
                      y->fill == FILL_DOMAIN,
                  y->kind == FILE_TRANSPARENT, "transparent files when it is iccid, imsi, impi or domain") ||
        !only_for(m, i, "fill", y->fill == FILL_IMPU, y->kind == FILE_LINEAR,
                  "linear files when it is impu") ||
        !only_for(m, i, "fill", rules, y->kind == FILE_LINEAR, "linear files when it is access-rules"))
        return false;
    if (!ef)
        return true;
    if (records) {
        size_t length = 0, count = m->y->access_count;
        for (unsigned k = 0; rules && k < count; k++)
            length = m->arr_len[k] > length ? m->arr_len[k] : length;
        if (y->records == NULL && !rules)
            return yaml_fail(m->s, yaml_at("files", i, "").text,
                             "%s: \"records\" is missing; add {length: .., count: ..}", f->name);
        struct place w = yaml_at("files", i, "records");
        if (y->records != NULL) {
            if (y->records->length < 1 || y->records->length > 255)
                return yaml_fail(m->s, w.text, "%s: length must be 1 to 255", f->name);
            if (y->records->count < 1 || y->records->count > 254)
                return yaml_fail(m->s, w.text, "%s: count must be 1 to 254", f->name);
            if (rules && (y->records->length < length || y->records->count < count))
                return yaml_fail(m->s, w.text,
                                 "%s: the rules need {length: %zu, count: %zu}; enlarge it or leave it out",
                                 f->name, length, count);
            length = y->records->length;
            count = y->records->count;
        }
        f->record_len = (uint8_t)length;
        f->size = (uint32_t)(length * count);
        if (f->size > 0xFFFF)
            return yaml_fail(m->s, w.text, "%s: %u octets; a file has at most 65535", f->name, f->size);
        return true;
    }
    size_t fixed = y->fill == FILL_ICCID  ? 10
                   : y->fill == FILL_IMSI ? 9
                                          : 0; /* TS 102 221 13.2, TS 31.102 4.2.2 */
    f->size = y->size != NULL ? *y->size : (uint32_t)(fixed != 0 ? fixed : content);
    struct place w = yaml_at("files", i, y->size != NULL ? "size" : "");
    if (fixed != 0 && f->size != fixed)
        return yaml_fail(m->s, w.text, "%s: must be %zu octets", f->name, fixed);
    uint32_t max = y->kind == FILE_BERTLV ? 0xFFFFFF : 0xFFFF;
    if (f->size < 1 || f->size > max)
        return yaml_fail(m->s, w.text, "%s: %u octets; must be 1 to %u: give a \"size\" or a \"content\"",
                         f->name, f->size, max);
    return true;
}

/* A link has the other file's kind, size and content; what is its own are name,
 * identifiers and access rule. */
static bool make_link(struct maker *m, unsigned i)
{
    const struct y_file *y = &m->y->files[i];
    struct profile_file *f = &m->p.files[i];
    struct place w = yaml_at("files", i, "link");
    uint16_t of = yaml_find_file(m, y->link);
    if (profile_is_df((uint8_t)y->kind) || y->size != NULL || y->records != NULL || y->content != NULL ||
        y->contents != NULL || y->fill != FILL_CONTENT || y->deactivated == YES || y->high_update == YES ||
        y->open_deactivated == YES)
        return yaml_fail(
            m->s, w.text,
            "%s: a link is an EF, and size, records, content, fill, deactivated, high-update and open-deactivated are the other file's; remove them",
            f->name);
    if (of == PROFILE_NO_FILE || of == i || of == 0 || profile_is_df((uint8_t)m->y->files[of].kind))
        return yaml_fail(m->s, w.text, "%s: no EF \"%s\" under \"files\"", f->name, y->link);
    if (m->y->files[of].link != NULL)
        return yaml_fail(m->s, w.text, "%s: \"%s\" is a link itself; give the file that it is linked to",
                         f->name, y->link);
    const struct profile_file *g = &m->p.files[of];
    if (g->kind != f->kind)
        return yaml_fail(m->s, w.text, "%s: \"%s\" is of another kind", f->name, y->link);
    f->link = of;
    f->size = g->size;
    f->record_len = g->record_len;
    f->content = g->content;
    f->high_update = g->high_update;
    f->open_deactivated = g->open_deactivated;
    return true;
}

static bool make_content(struct maker *m, unsigned i)
{
    const struct y_file *y = &m->y->files[i];
    struct profile_file *f = &m->p.files[i];
    if (y->link != NULL) /* when all others are made */
        return true;
    size_t given = 0;
    uint8_t *bytes = NULL;
    if (y->content != NULL) {
        size_t max = strlen(y->content) / 2;
        bytes = yaml_maker_memory(m, max);
        if (bytes == NULL ||
            !yaml_octets(m, yaml_at("files", i, "content").text, y->content, bytes, 0, max, &given))
            return false;
    }
    if (!make_size(m, i, given))
        return false;
    f->fill = y->fill == Y_FILL_ACCESS_RULES ? FILL_CONTENT : (uint8_t)y->fill;
    if (f->size == 0)
        return true;
    size_t room = f->record_len != 0 ? f->record_len : f->size;
    if (given > room)
        return yaml_fail(m->s, yaml_at("files", i, "content").text,
                         "%s: content has %zu octets, %s %zu; shorten it or enlarge that", f->name, given,
                         f->record_len != 0 ? "a record has" : "size is", room);
    m->content += f->size;
    if (m->content > CONTENT_MAX)
        return yaml_fail(m->s, yaml_at("files", i, "").text,
                         "%s: the files up to here have more than %d octets together", f->name, CONTENT_MAX);
    uint8_t *all = yaml_maker_memory(m, f->size);
    if (all == NULL)
        return false;
    f->content = span_of(all, f->size);
    memset(all, 0xFF, f->size); /* unused octets are FF: TS 31.102 4.2 and its annex E */
    if (given > 0)
        for (size_t r = 0; r < f->size; r += room)
            memcpy(all + r, bytes, given);
    struct reader objects = rd_of(span_of(bytes, given));
    struct tlv object;
    while (y->kind == FILE_BERTLV && objects.left > 0)
        if (!tlv_next(&objects, &object)) /* TS 102 221 8.2.2.4: nothing else is in such a file */
            return yaml_fail(m->s, yaml_at("files", i, "content").text,
                             "%s: not whole BER-TLV data objects, one after the other", f->name);
    if (y->fill == Y_FILL_ACCESS_RULES)
        for (unsigned k = 0; k < m->y->access_count; k++)
            memcpy(all + k * room, m->arr[k], m->arr_len[k]);
    if (y->contents_count > f->size / room)
        return yaml_fail(m->s, yaml_at("files", i, "contents").text, "%s: %u records given, there are %zu",
                         f->name, y->contents_count, f->size / room);
    for (unsigned k = 0; k < y->contents_count; k++)
        if (!yaml_octets(m, yaml_at_item("files", i, "contents", k).text, y->contents[k], all + k * room, 0,
                         room, NULL))
            return false;
    return true;
}

/* Two files under one name or number. */
static bool twins(struct maker *m, uint16_t i)
{
    const struct profile_file *f = &m->p.files[i];
    for (unsigned k = 1; k < i; k++) {
        const struct profile_file *g = &m->p.files[k];
        if (g->parent != f->parent)
            continue;
        if (f->fid == g->fid && f->fid != PROFILE_FID_CURRENT_ADF)
            return yaml_fail(m->s, yaml_at("files", i, "fid").text, "%s: %04X is also %s's FID; change one",
                             f->name, f->fid, g->name);
        if (f->sfi != 0 && f->sfi == g->sfi)
            return yaml_fail(m->s, yaml_at("files", i, "sfi").text, "%s: %02X is also %s's SFI; change one",
                             f->name, f->sfi, g->name);
    }
    return yaml_fail_at(m->s, 0, "", "no memory");
}

static bool make_files(struct maker *m)
{
    for (unsigned i = 0; i < m->p.n_files; i++)
        if (!make_name(m, i))
            return false;
    uint16_t bad = 0;
    if (!profile_index(&m->p, &bad)) {
        if (bad == PROFILE_NO_FILE)
            return yaml_fail_at(m->s, 0, "", "no memory");
        return twins(m, bad);
    }
    for (unsigned i = 0; i < m->p.n_files; i++) {
        struct profile_file *f = &m->p.files[i];
        for (unsigned k = i + 1; k < m->p.n_files; k++)
            if (m->p.files[k].parent == f->parent && strcmp(m->p.files[k].name, f->name) == 0)
                return yaml_fail(m->s, yaml_at("files", k, "path").text, "given twice; change one");
        if (f->kind == FILE_ADF && f->applet == 0xFF)
            return yaml_fail(m->s, yaml_at("files", i, "").text,
                             "%s: no applet has it as its \"adf\"; add one with an \"aid\"", f->name);
        f->pin_status = f->kind == FILE_MF || f->kind == FILE_ADF;
        f->deactivated = m->y->files[i].deactivated == YES;
        f->high_update = m->y->files[i].high_update == YES;
        f->open_deactivated = m->y->files[i].open_deactivated == YES;
        if (!make_reference(m, i) || !make_content(m, i))
            return false;
    }
    for (unsigned i = 0; i < m->p.n_files; i++)
        if (m->y->files[i].link != NULL && !make_link(m, i))
            return false;
    return true;
}

/* ---- the whole ---- */

static bool make(struct maker *m)
{
    const struct y_profile *y = m->y;
    struct profile *p = &m->p;
    p->n_files = (uint16_t)y->files_count;
    p->n_applets = (uint8_t)y->applets_count;
    p->n_pins = (uint8_t)y->pins_count;
    p->n_keysets = (uint8_t)y->keysets_count;
    p->files = yaml_maker_memory(m, p->n_files * sizeof *p->files);
    p->applets = yaml_maker_memory(m, p->n_applets * sizeof *p->applets);
    p->pins = yaml_maker_memory(m, p->n_pins * sizeof *p->pins);
    p->keysets = yaml_maker_memory(m, PROFILE_KEYSETS_MAX * sizeof *p->keysets);
    p->pairs = yaml_maker_memory(m, PROFILE_PAIRS_MAX * sizeof *p->pairs);
    m->below_adf = yaml_maker_memory(m, p->n_files * sizeof *m->below_adf);
    m->arr = yaml_maker_memory(m, y->access_count * sizeof *m->arr);
    m->arr_len = yaml_maker_memory(m, y->access_count * sizeof *m->arr_len);
    if (p->files == NULL || p->applets == NULL || p->pins == NULL || p->keysets == NULL || p->pairs == NULL ||
        m->below_adf == NULL || m->arr == NULL || m->arr_len == NULL)
        return false;
    for (unsigned i = 0; i < p->n_files; i++)
        p->files[i].applet = 0xFF;
    if (!make_head(m))
        return false;
    for (unsigned i = 0; i < p->n_applets; i++)
        if (!make_applet(m, i))
            return false;
    for (unsigned i = 0; i < p->n_pins; i++)
        if (!make_pin(m, i))
            return false;
    for (unsigned i = 0; i < y->access_count; i++)
        if (!make_rule(m, i))
            return false;
    return make_files(m) && yaml_make_pairs(m) && yaml_make_subscription(m);
}

static struct uicc_profile *make_profile(const struct yaml_source *source)
{
    struct y_profile *y = y_load(source);
    if (y == NULL)
        return NULL;
    struct maker m;
    memset(&m, 0, sizeof m);
    m.s = source;
    m.y = y;
    struct uicc_profile *u = NULL;
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    if (make(&m)) {
        if (profile_encode(&m.p, &bytes, &n_bytes))
            u = profile_decode(span_of(bytes, n_bytes));
        if (u == NULL) /* everything that decode refuses was refused above, with a reason */
            (void)yaml_fail_at(source, 0, "", "no memory");
    }
    if (bytes != NULL)
        crypto_wipe(bytes, n_bytes);
    free(bytes);
    free(m.p.children);
    kept_free(&m.kept);
    crypto_wipe(&m, sizeof m);
    y_free(y);
    return u;
}

struct uicc_profile *profile_load_text(const char *text, size_t n, const char *origin,
                                       struct profile_error *error)
{
    struct profile_error ignored;
    if (error == NULL)
        error = &ignored;
    error->text[0] = 0;
    struct yaml_whole whole;
    memset(&whole, 0, sizeof whole);
    struct uicc_profile *u =
        yaml_read_text(text, n, origin, error, &whole) ? make_profile(&whole.source) : NULL;
    yaml_release(&whole.arena);
    return u;
}

struct uicc_profile *profile_load(const char *name_or_path, struct profile_error *error)
{
    struct profile_error ignored;
    if (error == NULL)
        error = &ignored;
    error->text[0] = 0;
    struct yaml_whole whole;
    memset(&whole, 0, sizeof whole);
    struct uicc_profile *u = yaml_read(name_or_path, error, &whole) ? make_profile(&whole.source) : NULL;
    yaml_release(&whole.arena);
    return u;
}
