/* SPDX-License-Identifier: Apache-2.0
 *
 * A profile package is a sequence of profile elements, a header first, an end last (TCA "Interoperable
 * Format", 8). They are read in order; what refers to something that may come later (links, PINs of an
 * application, PUKs, file management) is bound at the end. The result goes through profile_encode and
 * profile_decode, so that a profile from a package is the same thing as one from a deck.
 */
#include "upp_maker.h"

#include "hex.h"
#include "kept.h"
#include "one_line.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
    MAJOR_MIN = 2, /* versions of the format that are read */
    MAJOR_MAX = 3,
    ICCID_LEN = 10,
    ELEMENTS_MAX = 1024,
};

/* Numbers in ProfileElement, a CHOICE. */
enum {
    PE_HEADER = 0,
    PE_FILES = 1,
    PE_PINS = 2,
    PE_PUKS = 3,
    PE_AKA = 4,
    PE_CDMA = 5,
    PE_DOMAIN = 6,
    PE_RFM = 7,
    PE_APPLICATION = 8,
    PE_NON_STANDARD = 9,
    PE_END = 10,
    PE_CSIM = 25,
    PE_OPT_CSIM = 26,
};

static const char *const pe_names[] = {
    "header",
    "genericFileManagement",
    "pinCodes",
    "pukCodes",
    "akaParameter",
    "cdmaParameter",
    "securityDomain",
    "rfm",
    "application",
    "nonStandard",
    "end",
    "rfu1",
    "rfu2",
    "rfu3",
    "rfu4",
    "rfu5",
    "mf",
    "cd",
    "telecom",
    "usim",
    "opt-usim",
    "isim",
    "opt-isim",
    "phonebook",
    "gsm-access",
    "csim",
    "opt-csim",
    "eap",
    "df-5gs",
    "df-saip",
    "df-snpn",
    "df-5gprose",
    "iot",
    "opt-iot",
};

/* What an imported card answers to reset, for a package has no ATR: the built-in test profile's. T=0 first,
 * then T=15 with classes A, B, C and clock stop; selection by AID, path and FID; "softuic" (ISO/IEC
 * 7816-3 8.2, ETSI TS 102 221 6.3). */
static const uint8_t default_atr[] = {0x3B, 0x9F, 0x96, 0x80, 0x1F, 0xC7, 0x80, 0x31, 0xE0, 0x73, 0xF6,
                                      0x21, 0x00, 0x67, 0x73, 0x6F, 0x66, 0x74, 0x75, 0x69, 0x63, 0xB2};

/* ---- errors and notes ---- */

static size_t offset_of(const struct maker *m, const uint8_t *at)
{
    return at == NULL ? 0 : (size_t)(at - m->package.p);
}

bool upp_fail(struct maker *m, const uint8_t *at, const char *format, ...)
{
    if (m->failed)
        return false;
    m->failed = true;
    char reason[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    (void)snprintf(m->error->text, sizeof m->error->text, "%.160s: octet %zu: PE %u (%s): %s%s%s", m->origin,
                   offset_of(m, at), m->pe, m->pe_name, m->element, m->element[0] != 0 ? ": " : "", reason);
    return false;
}

bool upp_no_memory(struct maker *m)
{
    if (!m->failed)
        (void)snprintf(m->error->text, sizeof m->error->text, "%.160s: no memory", m->origin);
    m->failed = true;
    return false;
}

static struct upp_note *new_note(struct maker *m)
{
    enum { STEP = 64 };
    struct upp_import *out = m->out;
    if (out->n_notes == UPP_NOTES_MAX) {
        out->notes_cut = true;
        return NULL;
    }
    if (out->n_notes % STEP == 0) {
        struct upp_note *more = realloc(out->notes, (out->n_notes + STEP) * sizeof *more);
        if (more == NULL) {
            (void)upp_no_memory(m);
            return NULL;
        }
        out->notes = more;
    }
    return &out->notes[out->n_notes++];
}

static void note(struct maker *m, size_t offset, unsigned pe, const char *name, const char *element,
                 const char *format, va_list args)
{
    struct upp_note *n = new_note(m);
    if (n == NULL)
        return;
    *n = (struct upp_note){.offset = offset, .pe = pe, .name = name};
    size_t used = 0;
    if (element[0] != 0) {
        (void)snprintf(n->text, sizeof n->text, "%s: ", element);
        used = strlen(n->text);
    }
    (void)vsnprintf(n->text + used, sizeof n->text - used, format, args);
}

void upp_note(struct maker *m, const uint8_t *at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    note(m, offset_of(m, at), m->pe, m->pe_name, m->element, format, args);
    va_end(args);
}

void upp_note_later(struct maker *m, size_t offset, unsigned pe, const char *name, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    note(m, offset, pe, name, "", format, args);
    va_end(args);
}

/* ---- small things ---- */

void *upp_keep(struct maker *m, size_t n)
{
    void *p = kept_new(&m->kept, n);
    if (p == NULL)
        (void)upp_no_memory(m);
    return p;
}

static void release(struct maker *m)
{
    kept_free(&m->kept);
    free(m->nodes);
}

bool upp_has_class(const struct maker *m, const char *name)
{
    for (const char *const *c = m->o->classes; *c != NULL; c++)
        if (strcmp(*c, name) == 0)
            return true;
    return false;
}

/* ---- DER ---- */

bool upp_next(struct maker *m, struct reader *r, struct tlv *t)
{
    const uint8_t *at = r->p;
    if (m->failed || tlv_next(r, t))
        return !m->failed;
    if (!rd_ok(r))
        (void)upp_fail(m, at, "cut short, or not DER: an object reaches beyond its end");
    return false;
}

bool upp_fields(struct maker *m, struct span in, const struct upp_field *list, size_t n, struct span *out)
{
    struct reader r = rd_of(in);
    struct tlv t;
    for (size_t i = 0; i < n; i++)
        out[i] = SPAN_EMPTY;
    while (upp_next(m, &r, &t)) {
        size_t i = 0, same = n;
        while (i < n && (list[i].tag != t.tag || out[i].p != NULL)) {
            if (list[i].tag == t.tag)
                same = i;
            i++;
        }
        if (i == n && same < n)
            return upp_fail(m, t.value.p, "%s stands there twice", list[same].name);
        if (i == n) {
            upp_note(m, t.value.p, "element with tag %X: unknown", t.tag);
            continue;
        }
        if (list[i].max != 0 && (t.value.n < list[i].min || t.value.n > list[i].max))
            return upp_fail(m, t.value.p, "%s has %zu octets; must be %u to %u", list[i].name, t.value.n,
                            list[i].min, list[i].max);
        out[i] = t.value;
    }
    for (size_t i = 0; i < n && !m->failed; i++)
        if (list[i].needed && out[i].p == NULL)
            return upp_fail(m, in.p, "%s is missing", list[i].name);
    return !m->failed;
}

bool upp_number(struct maker *m, struct span s, uint32_t max, uint32_t *out)
{
    struct reader r = rd_of(s);
    while (r.left > 1 &&
           r.p[0] == 0) /* an INTEGER's first bit is its sign; sizes may come with leading zeros */
        (void)rd_u8(&r);
    if (s.n == 0 || r.left > 4)
        return upp_fail(m, s.p, "a number of %zu octets", s.n);
    uint64_t v = rd_be(&r, r.left);
    if (v > max)
        return upp_fail(m, s.p, "number %llu is larger than %lu", (unsigned long long)v, (unsigned long)max);
    *out = (uint32_t)v;
    return true;
}

/* ---- the header ---- */

enum service_kind { NEVER, ALWAYS, BY_CLASS, BY_ALGORITHM, BY_GET_IDENTITY, BY_GBA };

static const struct service {
    const char *name;
    uint8_t kind; /* what decides whether cards have it */
    const char *what;
} services[] = {
    {"contactless", NEVER, NULL},
    {"usim", BY_CLASS, "usim"},
    {"isim", BY_CLASS, "isim"},
    {"csim", NEVER, NULL},
    {"milenage", BY_ALGORITHM, "milenage"},
    {"tuak128", BY_ALGORITHM, "tuak"},
    {"cave", NEVER, NULL},
    {"gba-usim", BY_GBA, NULL},
    {"gba-isim", BY_GBA, NULL},
    {"mbms", NEVER, NULL},
    {"eap", NEVER, NULL},
    {"javacard", NEVER, NULL},
    {"multos", NEVER, NULL},
    {"multiple-usim", BY_CLASS, "usim"},
    {"multiple-isim", BY_CLASS, "isim"},
    {"multiple-csim", NEVER, NULL},
    {"tuak256", BY_ALGORITHM, "tuak"},
    {"usim-test-algorithm", BY_ALGORITHM, "xor"},
    {"ber-tlv", ALWAYS, NULL},
    {"dfLink", NEVER, NULL},
    {"cat-tp", NEVER, NULL},
    {"get-identity", BY_GET_IDENTITY, NULL},
    {"profile-a-x25519", BY_GET_IDENTITY, NULL},
    {"profile-b-p256", BY_GET_IDENTITY, NULL},
    {"suciCalculatorApi", NEVER, NULL},
    {"dns-resolution", NEVER, NULL},
    {"scp11ac", NEVER, NULL},
    {"scp11c-authorization-mechanism", NEVER, NULL},
    {"s16mode", NEVER, NULL},
    {"eaka", NEVER, NULL},
};

static bool has_service(const struct maker *m, const struct service *s)
{
    switch (s->kind) {
    case ALWAYS:
        return true;
    case BY_CLASS:
        return upp_has_class(m, s->what);
    case BY_ALGORITHM:
        return aka_algorithm_named(s->what) != NULL;
    case BY_GET_IDENTITY:
        return m->o->get_identity;
    case BY_GBA:
        return m->o->gba;
    default:
        return false;
    }
}

static bool read_services(struct maker *m, struct span list)
{
    struct reader r = rd_of(list);
    struct tlv t;
    while (upp_next(m, &r, &t)) {
        size_t i = t.tag - 0x80; /* NULLs with automatic tags */
        if (t.tag < 0x80 || i >= UPP_COUNT(services))
            upp_note(m, t.value.p, "mandatory service with tag %X: unknown", t.tag);
        else if (!has_service(m, &services[i]))
            upp_note(m, t.value.p, "mandatory service %s: not in this card", services[i].name);
    }
    return !m->failed;
}

/* Ten octets, digits in reading order, F at the end. */
static bool read_iccid(struct maker *m, struct span s)
{
    size_t n = 0;
    bool filled = false;
    for (size_t i = 0; i < 2 * s.n; i++) {
        uint8_t d = i % 2 == 0 ? s.p[i / 2] >> 4 : s.p[i / 2] & 0x0F;
        if (d == 0x0F)
            filled = true;
        else if (d > 9 || filled)
            return upp_fail(m, s.p, "ICCID: not decimal digits, or F before its end");
        else
            m->out->iccid[n++] = (char)('0' + d);
    }
    return n >= 18 || upp_fail(m, s.p, "ICCID: %zu digits; must be 18 to 20", n);
}

/* Text for people, from a file: on one line. UTF-8 is kept. */
static bool read_title(struct maker *m, struct span s)
{
    char *title = upp_keep(m, s.n + 1);
    if (title == NULL)
        return false;
    for (size_t i = 0; i < s.n; i++)
        title[i] = s.p[i] == 0 ? '?' : (char)s.p[i];
    one_line_make(title);
    m->p.title = title;
    return true;
}

static bool read_header(struct maker *m, struct span body)
{
    enum { MAJOR, MINOR, TYPE, ICCID, POL, SERVICES, TEMPLATES, CONNECTIVITY, AIDS, IOT };
    static const struct upp_field list[] = {
        {0x80, "major-version", true, 1, 2},
        {0x81, "minor-version", true, 1, 2},
        {0x82, "profileType", false, 1, 100},
        {0x83, "iccid", true, ICCID_LEN, ICCID_LEN},
        {0x84, "pol", false, 0, 0},
        {0xA5, "eUICC-Mandatory-services", true, 0, 0},
        {0xA6, "eUICC-Mandatory-GFSTEList", true, 0, 0},
        {0x87, "connectivityParameters", false, 0, 0},
        {0xA8, "eUICC-Mandatory-AIDs", false, 0, 0},
        {0xA9, "iotOptions", false, 0, 0},
    };
    struct span f[UPP_COUNT(list)];
    uint32_t major, minor;
    if (!upp_fields(m, body, list, UPP_COUNT(list), f) || !upp_number(m, f[MAJOR], 255, &major) ||
        !upp_number(m, f[MINOR], 255, &minor))
        return false;
    if (major < MAJOR_MIN || major > MAJOR_MAX)
        return upp_fail(m, f[MAJOR].p, "format version %u.%u; this softuicc reads %d and %d", major, minor,
                        MAJOR_MIN, MAJOR_MAX);
    if (!read_iccid(m, f[ICCID]) || (f[TYPE].p != NULL && !read_title(m, f[TYPE])))
        return false;
    static const uint8_t unsupported[] = {POL, CONNECTIVITY, AIDS, IOT};
    for (size_t i = 0; i < sizeof unsupported; i++)
        if (f[unsupported[i]].p != NULL)
            upp_note(m, f[unsupported[i]].p, "%s: for an eUICC's profile management, which this card has not",
                     list[unsupported[i]].name);
    return read_services(m, f[SERVICES]);
}

/* ---- elements ---- */

/* Tags are in context class: A0 to BE, then BF1F and on. */
static bool element_number(uint32_t tag, unsigned *number)
{
    if (tag >= 0xA0 && tag <= 0xBE) {
        *number = tag - 0xA0;
        return true;
    }
    *number = tag & 0x7F;
    return tag >= 0xBF1F && tag <= 0xBF7F;
}

static bool read_element(struct maker *m, unsigned number, struct span body)
{
    const struct upp_template *template = upp_template(number);
    if (template != NULL)
        return upp_read_template(m, template, body);
    switch (number) {
    case PE_HEADER:
        return upp_fail(m, body.p, "a second header");
    case PE_FILES:
        return upp_read_files(m, body);
    case PE_PINS:
        return upp_read_pins(m, body);
    case PE_PUKS:
        return upp_read_puks(m, body);
    case PE_AKA:
        return upp_read_aka(m, body);
    case PE_DOMAIN:
        return upp_read_domain(m, body);
    case PE_RFM:
        return upp_read_rfm(m, body);
    case PE_CSIM:
    case PE_OPT_CSIM:
        upp_skip_csim(m, body);
        return !m->failed;
    case PE_CDMA:
        upp_note(m, body.p, "keys of CDMA networks (CAVE, HRPD, IP): left out, there is no CSIM");
        return !m->failed;
    case PE_APPLICATION:
        upp_note(m, body.p, "an application in byte code: left out, there is no virtual machine");
        return !m->failed;
    case PE_NON_STANDARD:
        upp_note(m, body.p, "an issuer's own element: left out");
        return !m->failed;
    default:
        upp_note(m, body.p, "%s: left out",
                 number < UPP_COUNT(pe_names) ? "not supported" : "unknown element");
        return !m->failed;
    }
}

static bool read_sequence(struct maker *m)
{
    struct reader r = rd_of(m->package);
    struct tlv t;
    for (;; m->pe++) {
        const uint8_t *at = r.p;
        unsigned number;
        struct reader ahead = r;
        (void)tlv_next(&ahead, &t); /* the tag can be read where the rest is cut */
        bool known = element_number(t.tag, &number);
        m->pe_name = r.left == 0 ? "nothing" : known && number < UPP_COUNT(pe_names) ? pe_names[number] : "?";
        m->element = "";
        if (!upp_next(m, &r, &t))
            return m->failed ? false : upp_fail(m, at, "the package ends without an \"end\" element");
        if (!known)
            return upp_fail(m, at, "tag %X is not that of a profile element", t.tag);
        if ((m->pe == 0) != (number == PE_HEADER))
            return upp_fail(m, at,
                            m->pe == 0 ? "a package begins with a header; this is none" : "a second header");
        if (m->pe == ELEMENTS_MAX)
            return upp_fail(m, at, "more than %d profile elements", ELEMENTS_MAX);
        if (number == PE_END)
            break;
        if (!(number == PE_HEADER ? read_header(m, t.value) : read_element(m, number, t.value)))
            return false;
    }
    return r.left == 0 || upp_fail(m, r.p, "%zu octets follow the end of the package", r.left);
}

/* In the order of the package, not in that of their discovery. */
static int by_offset(const void *a, const void *b)
{
    const struct upp_note *x = a, *y = b;
    return x->offset != y->offset ? (x->offset > y->offset) - (x->offset < y->offset)
                                  : strcmp(x->text, y->text);
}

static bool finish(struct maker *m)
{
    m->element = "";
    m->p.name = "upp";
    if (m->p.title == NULL)
        m->p.title = "";
    memcpy(m->p.atr, default_atr, sizeof default_atr);
    m->p.atr_len = sizeof default_atr;
    m->p.applets = upp_keep(m, PROFILE_APPLETS_MAX * sizeof *m->p.applets);
    m->p.pins = upp_keep(m, PROFILE_PINS_MAX * sizeof *m->p.pins);
    m->p.pairs = upp_keep(m, PROFILE_PAIRS_MAX * sizeof *m->p.pairs);
    m->p.keysets = upp_keep(m, PROFILE_KEYSETS_MAX * sizeof *m->p.keysets);
    return m->p.applets != NULL && m->p.pins != NULL && m->p.pairs != NULL && m->p.keysets != NULL &&
           upp_finish_files(m) && upp_finish_keys(m) && !m->failed;
}

static struct uicc_profile *encode(struct maker *m)
{
    uint8_t *bytes = NULL;
    size_t n = 0;
    struct uicc_profile *u = NULL;
    if (profile_encode(&m->p, &bytes, &n)) {
        u = profile_decode(span_of(bytes, n));
        crypto_wipe(bytes, n);
    }
    free(bytes);
    if (u == NULL && !m->failed) /* everything else that decode refuses was refused before, with a reason */
        (void)snprintf(m->error->text, sizeof m->error->text, "%.160s: no memory", m->origin);
    return u;
}

bool upp_load(struct span package, const char *origin, const struct upp_options *options,
              struct upp_import *out, struct upp_error *error)
{
    memset(out, 0, sizeof *out);
    error->text[0] = 0;
    struct maker *m = calloc(1, sizeof *m);
    if (m == NULL || package.n > UPP_MAX) {
        (void)snprintf(error->text, sizeof error->text, "%.160s: %s", origin,
                       m == NULL ? "no memory" : "too large for a profile package");
        free(m);
        return false;
    }
    m->package = package;
    m->origin = origin;
    m->o = options;
    m->error = error;
    m->out = out;
    m->element = "";
    m->usim = m->isim = m->csim = m->context = UPP_NO_NODE;
    m->naa = "";
    if (read_sequence(m) && finish(m)) {
        if (out->n_notes > 0)
            qsort(out->notes, out->n_notes, sizeof *out->notes, by_offset);
        out->profile = encode(m);
    }
    release(m);
    crypto_wipe(m, sizeof *m);
    free(m);
    if (out->profile == NULL)
        upp_free(out);
    return out->profile != NULL;
}

void upp_free(struct upp_import *u)
{
    profile_free(u->profile);
    free(u->notes);
    memset(u, 0, sizeof *u);
}

/* ---- files on disk ---- */

bool upp_load_file(const char *path, const struct upp_options *options, struct upp_import *out,
                   struct upp_error *error)
{
    memset(out, 0, sizeof *out);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        (void)snprintf(error->text, sizeof error->text, "%.160s: %s", path, strerror(errno));
        return false;
    }
    (void)setvbuf(file, NULL, _IONBF, 0); /* stdio's own would keep keys after fclose */
    bool good = false;
    size_t room = (size_t)UPP_MAX + 1; /* one more, so that a file that is too long shows */
    uint8_t *bytes = malloc(room);
    if (bytes == NULL) {
        (void)snprintf(error->text, sizeof error->text, "%.160s: no memory", path);
    } else {
        size_t n = fread(bytes, 1, room, file);
        if (ferror(file))
            (void)snprintf(error->text, sizeof error->text, "%.160s: cannot be read: %s", path,
                           strerror(errno));
        else
            good = upp_load(span_of(bytes, n), path, options, out, error);
        crypto_wipe(bytes, n);
    }
    free(bytes);
    (void)fclose(file);
    return good;
}

bool upp_detect(const char *path)
{
    struct stat st;
    FILE *file = stat(path, &st) == 0 && S_ISREG(st.st_mode) ? fopen(path, "rb") : NULL;
    if (file == NULL)
        return false;
    (void)setvbuf(file, NULL, _IONBF, 0);
    int first = fgetc(file);
    (void)fclose(file);
    return first == 0xA0;
}
