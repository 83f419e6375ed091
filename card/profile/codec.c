/* SPDX-License-Identifier: Apache-2.0
 *
 * A profile as bytes and back. All integers are big-endian; text is a two-octet length and its octets.
 * Decoding runs the same walk twice: first to check everything and to add up what it needs, then into one
 * allocation of just that size.
 */
#include "profile.h"

#include <stdlib.h>

enum {
    CODEC_MAGIC = 0x53555046, /* "SUPF" */
    CODEC_VERSION = 1,         /* what every softuicc reads */
    CODEC_VERSION_DOMAINS = 2, /* keysets of security domains: written only where there are any */
    CODEC_VERSION_PLUGINS = 3, /* besides: shared objects of applets: written only where there are any */
    /* besides: files that share a body, and what is filled in for the IMS; PINs that are derived: likewise */
    CODEC_VERSION_LINKS = 4,
    CODEC_TEXT_MAX = 255,
    CODEC_KEYSET_MAX = 250, /* room for keyset_encode, whose length stands in one octet */
    SIZE_EF_MAX = 0xFFFF,   /* TS 102 221 11.1.1.4.1: two octets of file size for all but BER-TLV structure */
    SIZE_BERTLV_MAX = 0xFFFFFF,
    RECORDS_MAX = 254, /* TS 102 221 8.2.2.2 */
};

enum {
    FLAG_DEACTIVATED = 1,
    FLAG_HIGH_UPDATE = 2,
    FLAG_PIN_STATUS = 4,
    FLAG_LINK = 8,
    FLAG_OPEN_DEACTIVATED = 16,
    FLAGS_FILE = 31
};
enum { FLAG_ENABLED = 1, FLAG_CAN_DISABLE = 2, FLAG_VALUE_DERIVED = 4, FLAG_PUK_DERIVED = 8, FLAGS_PIN = 15 };
enum { FLAG_INSECURE = 1, FLAG_OTA_SILENT = 2, FLAGS_PROFILE = 3 };
enum { PAIR_DERIVED_ALL = PAIR_DERIVE_K | PAIR_DERIVE_OPC | PAIR_DERIVE_OTA | PAIR_FROM_OP };
enum { RIGHTS_ALL = RIGHT_REMOTE_CHANGE | RIGHT_ADMIN | RIGHT_REPLACE_KEYS | RIGHT_MANAGE_APPLETS };

/* ---- encoding ---- */

static void put_text(struct buf *b, const char *text)
{
    size_t n = text == NULL ? 0 : strlen(text);
    if (n > CODEC_TEXT_MAX) {
        b->full = true;
        return;
    }
    buf_u16(b, (uint16_t)n);
    buf_put(b, span_of(text, n));
}

static void put_data(struct buf *b, struct span data)
{
    buf_u32(b, (uint32_t)data.n);
    buf_put(b, data);
}

static void put_keyset(struct buf *b, const struct keyset *k)
{
    uint8_t bytes[CODEC_KEYSET_MAX];
    struct buf one = buf_of(bytes, sizeof bytes);
    keyset_encode(k, &one);
    if (!buf_ok(&one))
        b->full = true;
    buf_u8(b, (uint8_t)one.len);
    buf_put(b, buf_span(&one));
    crypto_wipe(bytes, sizeof bytes);
}

static void put_file(struct buf *b, const struct profile_file *f)
{
    buf_u8(b, f->kind);
    buf_u8(b, f->sfi);
    buf_u8(b, f->record_len);
    buf_u8(b, f->fill);
    buf_u16(b, f->fid);
    buf_u16(b, f->parent);
    buf_u16(b, f->arr_fid);
    buf_u8(b, f->arr_record);
    buf_u8(b, f->applet);
    buf_u8(b, (uint8_t)((f->deactivated ? FLAG_DEACTIVATED : 0) | (f->high_update ? FLAG_HIGH_UPDATE : 0) |
                        (f->pin_status ? FLAG_PIN_STATUS : 0) | (f->link != 0 ? FLAG_LINK : 0) |
                        (f->open_deactivated ? FLAG_OPEN_DEACTIVATED : 0)));
    if (f->link != 0)
        buf_u16(b, f->link);
    put_text(b, f->name);
    put_data(b, f->link != 0 ? SPAN_EMPTY : f->content);
}

static void put_applet(struct buf *b, const struct profile_applet *a, bool plugins)
{
    put_text(b, a->class_name);
    buf_u8(b, a->aid_len);
    buf_put(b, span_of(a->aid, a->aid_len));
    buf_u16(b, a->adf);
    buf_u8(b, a->n_tars);
    buf_put(b, span_of(a->tars, (size_t)a->n_tars * 3));
    buf_u8(b, a->msl);
    buf_u32(b, a->access);
    put_data(b, a->params);
    if (plugins)
        put_text(b, a->so);
}

static void put_pair(struct buf *b, const struct profile_pair *q)
{
    buf_u8(b, q->algorithm);
    buf_u8(b, q->derived);
    buf_u8(b, q->sqn.ind_bits);
    buf_be(b, q->sqn.delta, 8);
    buf_be(b, q->sqn.age, 8);
    aka_key_encode(&q->key, b);
    put_keyset(b, &q->ota);
    buf_u32(b, q->ota_rights);
}

static bool lengths_ok(const struct profile *p)
{
    if (p->atr_len > sizeof p->atr || p->n_files > PROFILE_FILES_MAX || p->n_pins > PROFILE_PINS_MAX ||
        p->n_applets > PROFILE_APPLETS_MAX || p->n_pairs > PROFILE_PAIRS_MAX ||
        p->n_keysets > PROFILE_KEYSETS_MAX || memchr(p->imsi, 0, sizeof p->imsi) == NULL)
        return false;
    for (unsigned i = 0; i < p->n_files; i++)
        if (p->files[i].content.n > SIZE_BERTLV_MAX)
            return false;
    for (unsigned i = 0; i < p->n_applets; i++)
        if (p->applets[i].aid_len > PROFILE_AID_MAX || p->applets[i].n_tars > 4 ||
            p->applets[i].params.n > SIZE_EF_MAX)
            return false;
    for (unsigned i = 0; i < p->n_pairs; i++)
        if (p->pairs[i].key.k_len > sizeof p->pairs[i].key.k ||
            p->pairs[i].key.opc_len > sizeof p->pairs[i].key.opc)
            return false;
    return true;
}

/* An upper bound: text at its longest, and room to spare for the numbers of each row. */
static size_t encoded_max(const struct profile *p)
{
    size_t n = 1024;
    for (unsigned i = 0; i < p->n_files; i++)
        n += 64 + CODEC_TEXT_MAX + p->files[i].content.n;
    for (unsigned i = 0; i < p->n_applets; i++)
        n += 128 + 2 * CODEC_TEXT_MAX + p->applets[i].params.n;
    n += 64 * (size_t)p->n_pins;
    n += (64 + AKA_KEY_ENCODED_MAX + CODEC_KEYSET_MAX) * (size_t)p->n_pairs;
    n += (64 + CODEC_KEYSET_MAX) * (size_t)p->n_keysets;
    return n;
}

static bool has_plugins(const struct profile *p)
{
    for (unsigned i = 0; i < p->n_applets; i++)
        if (p->applets[i].so != NULL && p->applets[i].so[0] != '\0')
            return true;
    return false;
}

static bool has_links(const struct profile *p)
{
    for (unsigned i = 0; i < p->n_files; i++)
        if (p->files[i].link != 0 || p->files[i].fill > FILL_IMSI || p->files[i].open_deactivated)
            return true;
    for (unsigned i = 0; i < p->n_pins; i++)
        if (p->pins[i].derived != 0)
            return true;
    return false;
}

bool profile_encode(const struct profile *p, uint8_t **out, size_t *n)
{
    *out = NULL;
    *n = 0;
    if (!lengths_ok(p))
        return false;
    size_t cap = encoded_max(p);
    uint8_t *bytes = malloc(cap);
    if (bytes == NULL)
        return false;
    struct buf b = buf_of(bytes, cap);
    buf_u32(&b, CODEC_MAGIC);
    bool links = has_links(p), plugins = links || has_plugins(p),
         domains = plugins || profile_common_keysets(p) < p->n_keysets;
    buf_u8(&b, links     ? CODEC_VERSION_LINKS
               : plugins ? CODEC_VERSION_PLUGINS
               : domains ? CODEC_VERSION_DOMAINS
                         : CODEC_VERSION);
    put_text(&b, p->name);
    put_text(&b, p->title);
    buf_u8(&b, (uint8_t)((p->insecure ? FLAG_INSECURE : 0) | (p->ota_silent ? FLAG_OTA_SILENT : 0)));
    buf_u8(&b, p->atr_len);
    buf_put(&b, span_of(p->atr, p->atr_len));
    put_text(&b, p->imsi);
    buf_u16(&b, p->n_files);
    for (unsigned i = 0; i < p->n_files; i++)
        put_file(&b, &p->files[i]);
    buf_u8(&b, p->n_applets);
    for (unsigned i = 0; i < p->n_applets; i++)
        put_applet(&b, &p->applets[i], plugins);
    buf_u8(&b, p->n_pins);
    for (unsigned i = 0; i < p->n_pins; i++) {
        const struct profile_pin *q = &p->pins[i];
        buf_u8(&b, q->reference);
        buf_u8(&b, q->tries);
        buf_u8(&b, q->puk_tries);
        buf_u8(&b, (uint8_t)((q->enabled ? FLAG_ENABLED : 0) | (q->can_disable ? FLAG_CAN_DISABLE : 0) |
                             (q->derived & PIN_DERIVE_VALUE ? FLAG_VALUE_DERIVED : 0) |
                             (q->derived & PIN_DERIVE_PUK ? FLAG_PUK_DERIVED : 0)));
        buf_u8(&b, q->adf);
        buf_put(&b, span_of(q->value, sizeof q->value));
        buf_put(&b, span_of(q->puk, sizeof q->puk));
    }
    buf_u16(&b, p->n_pairs);
    for (unsigned i = 0; i < p->n_pairs; i++)
        put_pair(&b, &p->pairs[i]);
    buf_u8(&b, p->n_keysets);
    for (unsigned i = 0; i < p->n_keysets; i++) {
        buf_u8(&b, p->keysets[i].derived);
        buf_u32(&b, p->keysets[i].rights);
        if (domains)
            buf_u8(&b, p->keysets[i].domain);
        put_keyset(&b, &p->keysets[i].keys);
    }
    if (!buf_ok(&b)) {
        crypto_wipe(bytes, cap);
        free(bytes);
        return false;
    }
    *out = bytes;
    *n = b.len;
    return true;
}

/* ---- decoding ---- */

/* A pool being filled; while base is NULL it only counts. */
struct arena {
    uint8_t *base;
    size_t used;
};

static void *arena_take(struct arena *a, size_t n, size_t align)
{
    a->used = (a->used + align - 1) / align * align;
    void *at = a->base == NULL ? NULL : a->base + a->used;
    a->used += n;
    return at;
}

/* Text of at most CODEC_TEXT_MAX octets without NUL, kept with one. In the counting walk the result is "". */
static const char *get_text(struct reader *r, struct arena *a)
{
    size_t n = rd_u16(r);
    struct span s = rd_take(r, n);
    if (n > CODEC_TEXT_MAX || (s.n > 0 && memchr(s.p, 0, s.n) != NULL))
        r->bad = true;
    if (!rd_ok(r))
        return "";
    char *to = arena_take(a, s.n + 1, 1);
    if (to == NULL)
        return "";
    if (s.n > 0)
        memcpy(to, s.p, s.n);
    to[s.n] = 0;
    return to;
}

static struct span get_data(struct reader *r, struct arena *a)
{
    size_t n = rd_u32(r);
    struct span s = rd_take(r, n);
    if (!rd_ok(r) || s.n == 0)
        return SPAN_EMPTY;
    uint8_t *to = arena_take(a, s.n, 1);
    if (to == NULL)
        return s; /* counting: the length is what is checked */
    memcpy(to, s.p, s.n);
    return span_of(to, s.n);
}

static void require(struct reader *r, bool condition)
{
    if (!condition)
        r->bad = true;
}

static void get_file(struct reader *r, struct arena *a, unsigned i, struct profile_file *f)
{
    f->kind = rd_u8(r);
    f->sfi = rd_u8(r);
    f->record_len = rd_u8(r);
    f->fill = rd_u8(r);
    f->fid = rd_u16(r);
    f->parent = rd_u16(r);
    f->arr_fid = rd_u16(r);
    f->arr_record = rd_u8(r);
    f->applet = rd_u8(r);
    uint8_t flags = rd_u8(r);
    f->deactivated = flags & FLAG_DEACTIVATED;
    f->high_update = flags & FLAG_HIGH_UPDATE;
    f->pin_status = flags & FLAG_PIN_STATUS;
    f->open_deactivated = flags & FLAG_OPEN_DEACTIVATED;
    f->link = (flags & FLAG_LINK) != 0 ? rd_u16(r) : 0;
    f->name = get_text(r, a);
    f->content = get_data(r, a);
    f->size = (uint32_t)f->content.n;

    require(r, f->kind >= FILE_MF && f->kind <= FILE_BERTLV && (f->kind == FILE_MF) == (i == 0));
    require(r, i == 0 ? f->parent == 0 : f->parent < i);
    require(r, f->sfi <= 30 && f->fill <= FILL_MAX && (flags & ~FLAGS_FILE) == 0 && f->arr_record >= 1);
    require(r, (f->kind == FILE_ADF) == (f->applet != 0xFF));
    bool records = f->kind == FILE_LINEAR || f->kind == FILE_CYCLIC;
    require(r, records == (f->record_len > 0));
    if (profile_is_df(f->kind))
        require(r, f->size == 0 && f->sfi == 0 && f->fill == FILL_CONTENT);
    else if (f->link != 0)
        require(r, f->size == 0);
    else
        require(r, f->size > 0 && f->size <= (f->kind == FILE_BERTLV ? SIZE_BERTLV_MAX : SIZE_EF_MAX));
    if (records && f->record_len > 0)
        require(r, f->size % f->record_len == 0 && f->size / f->record_len <= RECORDS_MAX);
    require(r, (f->fill != FILL_IMPI && f->fill != FILL_DOMAIN) || f->kind == FILE_TRANSPARENT);
    require(r, f->fill != FILL_IMPU || f->kind == FILE_LINEAR);
    require(r, f->link == 0 || (!profile_is_df(f->kind) && f->fill == FILL_CONTENT && !f->deactivated));
    if (f->fill == FILL_ICCID)
        require(r, f->size == 10 && f->kind == FILE_TRANSPARENT);
    if (f->fill == FILL_IMSI)
        require(r, f->size == 9 && f->kind == FILE_TRANSPARENT);
}

static void get_applet(struct reader *r, struct arena *a, unsigned n_files, bool plugins,
                       struct profile_applet *q)
{
    q->class_name = get_text(r, a);
    q->aid_len = rd_u8(r);
    require(r, q->aid_len == 0 || (q->aid_len >= 5 && q->aid_len <= PROFILE_AID_MAX)); /* ISO/IEC 7816-4 */
    if (rd_ok(r))
        rd_copy(r, q->aid, q->aid_len);
    q->adf = rd_u16(r);
    require(r, q->adf < n_files || q->adf == PROFILE_NO_FILE);
    q->n_tars = rd_u8(r);
    require(r, q->n_tars <= sizeof q->tars / sizeof q->tars[0]);
    if (rd_ok(r))
        rd_copy(r, &q->tars[0][0], (size_t)q->n_tars * 3);
    q->msl = rd_u8(r);
    require(r, (q->msl & 0xE0) == 0); /* TS 102 225 5.1.1: reserved bits of SPI1 */
    q->access = rd_u32(r);
    q->params = get_data(r, a);
    q->so = plugins ? get_text(r, a) : "";
}

static void get_pin(struct reader *r, unsigned n_applets, struct profile_pin *q)
{
    q->reference = rd_u8(r);
    q->tries = rd_u8(r);
    q->puk_tries = rd_u8(r);
    uint8_t flags = rd_u8(r);
    q->enabled = flags & FLAG_ENABLED;
    q->can_disable = flags & FLAG_CAN_DISABLE;
    q->derived = (uint8_t)((flags & FLAG_VALUE_DERIVED ? PIN_DERIVE_VALUE : 0) |
                           (flags & FLAG_PUK_DERIVED ? PIN_DERIVE_PUK : 0));
    q->adf = rd_u8(r);
    rd_copy(r, q->value, sizeof q->value);
    rd_copy(r, q->puk, sizeof q->puk);
    require(r, profile_pin_bit(q->reference) >= 0 && (flags & ~FLAGS_PIN) == 0);
    require(r, (q->derived & PIN_DERIVE_PUK) == 0 || q->puk_tries > 0);
    require(r, q->tries >= 1 && q->tries <= 15 && q->puk_tries <= 15);
    require(r, q->adf == 0xFF || q->adf < n_applets);
}

static void get_keyset(struct reader *r, struct keyset *k)
{
    struct reader one = rd_of(rd_take(r, rd_u8(r)));
    require(r, keyset_decode(&one, k) && rd_done(&one) && keyset_valid(k));
}

static void get_pair(struct reader *r, struct profile_pair *q)
{
    q->algorithm = rd_u8(r);
    q->derived = rd_u8(r);
    q->sqn.ind_bits = rd_u8(r);
    q->sqn.delta = rd_be(r, 8);
    q->sqn.age = rd_be(r, 8);
    require(r, aka_key_decode(r, &q->key));
    get_keyset(r, &q->ota);
    require(r, q->ota.version <= KEYSET_OTA_MAX);
    q->ota_rights = rd_u32(r);

    const struct aka_algorithm *aka = aka_algorithm(q->algorithm);
    require(r, aka != NULL && aka_key_valid(aka, &q->key));
    require(r, (q->derived & ~PAIR_DERIVED_ALL) == 0 &&
                   (q->derived & (PAIR_DERIVE_OPC | PAIR_FROM_OP)) != (PAIR_DERIVE_OPC | PAIR_FROM_OP));
    require(r, aka == NULL || aka->opc != NULL || (q->derived & (PAIR_DERIVE_OPC | PAIR_FROM_OP)) == 0);
    require(r, q->sqn.ind_bits <= 5 && (q->ota_rights & ~(uint32_t)RIGHTS_ALL) == 0);
}

static void get_head(struct reader *r, struct arena *a, struct profile *p)
{
    p->name = get_text(r, a);
    p->title = get_text(r, a);
    uint8_t flags = rd_u8(r);
    require(r, (flags & ~FLAGS_PROFILE) == 0);
    p->insecure = flags & FLAG_INSECURE;
    p->ota_silent = flags & FLAG_OTA_SILENT;
    p->atr_len = rd_u8(r);
    require(r, p->atr_len >= 2 && p->atr_len <= sizeof p->atr);
    if (rd_ok(r))
        rd_copy(r, p->atr, p->atr_len);

    size_t imsi_len = rd_u16(r);
    struct span imsi = rd_take(r, imsi_len);
    require(r, imsi.n >= 6 && imsi.n < sizeof p->imsi);
    for (size_t i = 0; rd_ok(r) && i < imsi.n; i++)
        require(r, imsi.p[i] >= '0' && imsi.p[i] <= '9');
    memset(p->imsi, 0, sizeof p->imsi);
    if (rd_ok(r))
        memcpy(p->imsi, imsi.p, imsi.n);
}

/* Room for n rows. NULL: none is wanted, or the arena only counts. */
static void *take_rows(const struct reader *r, struct arena *a, size_t n, size_t size, size_t align)
{
    return rd_ok(r) ? arena_take(a, n * size, align) : NULL;
}

static void get_files(struct reader *r, struct arena *a, struct profile *p)
{
    p->n_files = rd_u16(r);
    require(r, p->n_files >= 1 && p->n_files <= PROFILE_FILES_MAX);
    p->files = take_rows(r, a, p->n_files, sizeof *p->files, _Alignof(struct profile_file));
    for (unsigned i = 0; rd_ok(r) && i < p->n_files; i++) {
        struct profile_file row;
        memset(&row, 0, sizeof row);
        get_file(r, a, i, &row);
        if (p->files != NULL)
            p->files[i] = row;
    }
}

static void get_applets(struct reader *r, struct arena *a, uint8_t version, struct profile *p)
{
    p->n_applets = rd_u8(r);
    require(r, p->n_applets <= PROFILE_APPLETS_MAX);
    p->applets = take_rows(r, a, p->n_applets, sizeof *p->applets, _Alignof(struct profile_applet));
    for (unsigned i = 0; rd_ok(r) && i < p->n_applets; i++) {
        struct profile_applet row;
        memset(&row, 0, sizeof row);
        get_applet(r, a, p->n_files, version >= CODEC_VERSION_PLUGINS, &row);
        if (p->applets != NULL)
            p->applets[i] = row;
    }
}

static void get_pins(struct reader *r, struct arena *a, struct profile *p)
{
    struct profile_pin row; /* secret, as pairs and keysets are */
    p->n_pins = rd_u8(r);
    require(r, p->n_pins <= PROFILE_PINS_MAX);
    p->pins = take_rows(r, a, p->n_pins, sizeof *p->pins, _Alignof(struct profile_pin));
    for (unsigned i = 0; rd_ok(r) && i < p->n_pins; i++) {
        memset(&row, 0, sizeof row);
        get_pin(r, p->n_applets, &row);
        if (p->pins != NULL)
            p->pins[i] = row;
    }
    crypto_wipe(&row, sizeof row);
}

static void get_pairs(struct reader *r, struct arena *a, struct profile *p)
{
    struct profile_pair row;
    p->n_pairs = rd_u16(r);
    require(r, p->n_pairs <= PROFILE_PAIRS_MAX);
    p->pairs = take_rows(r, a, p->n_pairs, sizeof *p->pairs, _Alignof(struct profile_pair));
    for (unsigned i = 0; rd_ok(r) && i < p->n_pairs; i++) {
        memset(&row, 0, sizeof row);
        get_pair(r, &row);
        if (p->pairs != NULL)
            p->pairs[i] = row;
    }
    crypto_wipe(&row, sizeof row);
}

static void get_keysets(struct reader *r, struct arena *a, uint8_t version, struct profile *p)
{
    struct profile_keyset row;
    p->n_keysets = rd_u8(r);
    require(r, p->n_keysets <= PROFILE_KEYSETS_MAX);
    p->keysets = take_rows(r, a, p->n_keysets, sizeof *p->keysets, _Alignof(struct profile_keyset));
    for (unsigned i = 0; rd_ok(r) && i < p->n_keysets; i++) {
        memset(&row, 0, sizeof row);
        uint8_t derived = rd_u8(r);
        row.derived = derived != 0;
        row.rights = rd_u32(r);
        row.domain = version >= CODEC_VERSION_DOMAINS ? rd_u8(r) : 0;
        get_keyset(r, &row.keys);
        require(r, row.domain != 0 || row.keys.version <= KEYSET_OTA_MAX);
        require(r, derived <= 1 && (row.rights & ~(uint32_t)RIGHTS_ALL) == 0);
        if (p->keysets != NULL)
            p->keysets[i] = row;
    }
    crypto_wipe(&row, sizeof row);
}

/* Reads the whole profile. While the arena counts, p's arrays stay NULL, and rows go nowhere. */
static bool walk(struct span bytes, struct arena *a, struct profile *p)
{
    struct reader reader = rd_of(bytes), *r = &reader;
    uint32_t magic = rd_u32(r);
    uint8_t version = rd_u8(r);
    if (magic != CODEC_MAGIC || version < CODEC_VERSION || version > CODEC_VERSION_LINKS)
        return false;
    get_head(r, a, p);
    get_files(r, a, p);
    get_applets(r, a, version, p);
    get_pins(r, a, p);
    get_pairs(r, a, p);
    get_keysets(r, a, version, p);
    return rd_done(r);
}

/* A link has the size and the content of what it is linked to: they are stored once. */
static bool resolve_links(struct profile *p)
{
    for (unsigned i = 0; i < p->n_files; i++) {
        struct profile_file *f = &p->files[i];
        if (f->link == 0)
            continue;
        struct profile_file *of = f->link < p->n_files ? &p->files[f->link] : NULL;
        if (of == NULL || of->link != 0 || of->kind != f->kind || of->record_len != f->record_len ||
            of->high_update != f->high_update || of->open_deactivated != f->open_deactivated)
            return false;
        f->size = of->size;
        f->content = of->content;
        f->has_names = of->has_names = true;
    }
    return true;
}

/* What only holds between rows: an ADF and its applet name each other, and a start DF is one; security
 * domains' keysets stand behind the common ones. */
static bool references_ok(const struct profile *p)
{
    for (unsigned i = 0; i < p->n_files; i++) {
        uint8_t applet = p->files[i].applet;
        if (applet != 0xFF && (applet >= p->n_applets || p->applets[applet].adf != i))
            return false;
    }
    for (unsigned i = 0; i < p->n_applets; i++)
        if (p->applets[i].adf != PROFILE_NO_FILE && !profile_is_df(p->files[p->applets[i].adf].kind))
            return false;
    for (unsigned i = profile_common_keysets(p); i < p->n_keysets; i++)
        if (p->keysets[i].domain == 0 || p->keysets[i].domain > p->n_applets)
            return false;
    for (unsigned i = 0; i < p->n_pins; i++)
        for (unsigned j = 0; j < i; j++)
            if (p->pins[i].reference == p->pins[j].reference && p->pins[i].adf == p->pins[j].adf)
                return false;
    return true;
}

struct uicc_profile *profile_decode(struct span bytes)
{
    struct profile counted;
    struct arena arena = {NULL, 0};
    memset(&counted, 0, sizeof counted);
    if (!walk(bytes, &arena, &counted))
        return NULL;
    struct uicc_profile *u = calloc(1, sizeof *u);
    if (u == NULL)
        return NULL;
    u->p.pool_size = arena.used;
    u->p.pool = calloc(1, arena.used);
    if (u->p.pool == NULL) {
        free(u);
        return NULL;
    }
    arena = (struct arena){u->p.pool, 0};
    if (!walk(bytes, &arena, &u->p) || !resolve_links(&u->p) || !references_ok(&u->p) ||
        !profile_index(&u->p, NULL)) {
        profile_free(u);
        return NULL;
    }
    return u;
}
