/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of a profile package: templates with what the package changes in them, generic file management,
 * links. TCA "Interoperable Format" 8.3; the FCP is that of ETSI TS 102 222 6.3.2.2.
 */
#include "upp_maker.h"

#include "hex.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    FID_MF = 0x3F00,
    FID_ARR_MF = 0x2F06,  /* ETSI TS 102 221 13.4 */
    FID_ARR_ADF = 0x6F06, /* 3GPP TS 31.102 4.2.55 */
    FID_DIR = 0x2F00,
    FID_ICCID = 0x2FE2,
    FID_IMSI = 0x6F07,
    LEN_ICCID = 10,
    LEN_IMSI = 9,
    SFI_MAX = 30,
    BERTLV_DEFAULT = 1024, /* octets of a BER-TLV file whose size the package leaves to the card */
};

/* Elements of File and of FileManagement have the same meaning under different tags. */
struct coding {
    uint32_t fcp, offset, content;
};
static const struct coding in_template = {0xA1, 0x82, 0x83}, in_management = {0x62, 0x02, 0x81};

/* ---- nodes ---- */

uint16_t upp_child(const struct maker *m, uint16_t parent, uint16_t id)
{
    for (size_t i = 1; i < m->n_nodes; i++)
        if (m->nodes[i].f.parent == parent && m->nodes[i].id == id)
            return (uint16_t)i;
    return UPP_NO_NODE;
}

static struct node *new_node(struct maker *m, const uint8_t *at)
{
    if (m->n_nodes == PROFILE_FILES_MAX) {
        (void)upp_fail(m, at, "more than %d files", PROFILE_FILES_MAX);
        return NULL;
    }
    if (m->n_nodes == m->cap_nodes) {
        size_t cap = m->cap_nodes == 0 ? 256 : 2 * m->cap_nodes;
        struct node *more = realloc(m->nodes, cap * sizeof *more);
        if (more == NULL) {
            (void)upp_no_memory(m);
            return NULL;
        }
        m->nodes = more;
        m->cap_nodes = cap;
    }
    struct node *n = &m->nodes[m->n_nodes];
    memset(n, 0, sizeof *n);
    n->f.applet = 0xFF;
    n->offset = (size_t)(at - m->package.p);
    n->pe = m->pe;
    n->pe_name = m->pe_name;
    return n;
}

/* A path from the MF: two octets a step, an ADF by its temporary FID (8.3.5). */
uint16_t upp_path(struct maker *m, struct span path)
{
    struct reader r = rd_of(path);
    uint16_t at = m->n_nodes > 0 ? 0 : UPP_NO_NODE;
    if (path.n % 2 != 0)
        return UPP_NO_NODE;
    while (r.left > 0 && at != UPP_NO_NODE) {
        bool first = r.left == path.n;
        uint16_t id = rd_u16(&r);
        if (!(first && id == FID_MF))
            at = upp_child(m, at, id);
    }
    return at;
}

static void tally(struct maker *m, struct upp_tally *t, const uint8_t *at)
{
    if (t->n++ == 0) {
        t->offset = (size_t)(at - m->package.p);
        t->pe = m->pe;
        t->name = m->pe_name;
    }
}

/* ---- file control parameters ---- */

enum {
    FCP_DESCRIPTOR,
    FCP_FID,
    FCP_NAME,
    FCP_LCSI,
    FCP_ARR,
    FCP_SIZE,
    FCP_PINS,
    FCP_SFI,
    FCP_INFO,
    FCP_LINK,
    FCPS
};
enum { INFO_SPECIAL, INFO_FILL, INFO_REPEAT, INFO_MAX, INFO_DETAILS, INFOS };

static const struct upp_field fcp_fields[FCPS] = {
    {0x82, "fileDescriptor", false, 2, 5},
    {0x83, "fileID", false, 2, 2},
    {0x84, "dfName", false, 5, 16},
    {0x8A, "lcsi", false, 1, 1},
    {0x8B, "securityAttributesReferenced", false, 1, 3},
    {0x80, "efFileSize", false, 1, 8},
    {0xC6, "pinStatusTemplateDO", false, 0, 0},
    {0x88, "shortEFID", false, 0, 1},
    {0xA5, "proprietaryEFInfo", false, 0, 0},
    {0xC7, "linkPath", false, 0, 8},
};

static const struct upp_field info_fields[INFOS] = {
    {0xC0, "specialFileInformation", false, 1, 1},
    {0xC1, "fillPattern", false, 1, 200},
    {0xC2, "repeatPattern", false, 1, 200},
    {0x86, "maximumFileSize", false, 1, 8},
    {0x84, "fileDetails", false, 1, 1},
};

/* One file while it is made. */
struct making {
    struct span fcp[FCPS], info[INFOS];
    const struct upp_row *row; /* NULL: by file management */
    struct node *n;
    size_t length; /* of a record; 0: not said yet */
    const uint8_t *at;
};

/* ETSI TS 102 222 6.3.2.2.1, ETSI TS 102 221 11.1.1.4.3. */
static bool read_descriptor(struct maker *m, struct making *k)
{
    struct span s = k->fcp[FCP_DESCRIPTOR];
    struct node *n = k->n;
    if (s.p == NULL)
        return k->row != NULL || upp_fail(m, k->at, "fileDescriptor is missing");
    uint8_t kind;
    switch (s.p[0] & 0xBF) {
    case 0x01:
        kind = FILE_TRANSPARENT;
        break;
    case 0x02:
        kind = FILE_LINEAR;
        break;
    case 0x06:
        kind = FILE_CYCLIC;
        break;
    case 0x39:
        kind = FILE_BERTLV;
        break;
    case 0x38:
        kind = k->row != NULL && profile_is_df(k->row->kind) ? k->row->kind
               : k->fcp[FCP_NAME].p != NULL                  ? FILE_ADF
                                                             : FILE_DF;
        break;
    default:
        return upp_fail(m, s.p, "fileDescriptor %02X: no kind of file that there is", s.p[0]);
    }
    if (k->row != NULL && profile_is_df(kind) != profile_is_df(k->row->kind))
        return upp_fail(m, s.p, "fileDescriptor %02X: the template has a %s there", s.p[0],
                        profile_is_df(kind) ? "file" : "directory");
    if (k->row != NULL && kind != k->row->kind)
        k->length = 0; /* what the template says of its records is of another structure */
    n->f.kind = kind;
    if ((s.p[0] & 0x40) == 0 && !profile_is_df(kind))
        tally(m, &m->not_shareable, s.p);
    if (kind == FILE_LINEAR || kind == FILE_CYCLIC) {
        if (s.n > 2)
            k->length = s.n == 3 ? s.p[2] : (size_t)(s.p[2] << 8 | s.p[3]);
        if (k->length > 255)
            return upp_fail(m, s.p, "records of %zu octets; at most 255", k->length);
    }
    return true;
}

static bool read_names(struct maker *m, struct making *k)
{
    struct node *n = k->n;
    struct span fid = k->fcp[FCP_FID], aid = k->fcp[FCP_NAME];
    if (fid.p != NULL)
        n->id = (uint16_t)(fid.p[0] << 8 | fid.p[1]);
    else if (k->row != NULL && (k->row->flags & ROW_MANY) == 0)
        n->id = k->row->fid;
    if (n->id == 0)
        return upp_fail(m, k->at, "fileID is missing; the template has none for it");
    /* TS 102 221 8.6: reserved */
    if ((n->id == FID_MF) != (n->f.kind == FILE_MF) || n->id == 0x3FFF || n->id == 0xFFFF ||
        n->id == PROFILE_FID_CURRENT_ADF)
        return upp_fail(m, k->at, "fileID %04X is reserved (TS 102 221 8.6)", n->id);
    n->f.fid = n->f.kind == FILE_ADF ? (uint16_t)PROFILE_FID_CURRENT_ADF : n->id;
    if (n->f.kind == FILE_ADF) {
        if (aid.p == NULL)
            return upp_fail(m, k->at, "dfName is missing: an ADF has an AID");
        memcpy(n->aid, aid.p, aid.n);
        n->aid_len = (uint8_t)aid.n;
        for (size_t i = 1; i < m->n_nodes; i++)
            if (span_equal(aid, span_of(m->nodes[i].aid, m->nodes[i].aid_len)))
                return upp_fail(m, aid.p, "two ADFs with one AID");
    } else if (aid.p != NULL) {
        upp_note(m, aid.p, "dfName of a file that is no ADF: left out");
    }
    return true;
}

static bool read_size(struct maker *m, struct making *k)
{
    struct node *n = k->n;
    const struct upp_row *row = k->row != NULL && k->row->kind == n->f.kind ? k->row : NULL;
    struct span s = k->fcp[FCP_SIZE];
    uint32_t size = 0;
    if (n->f.kind == FILE_BERTLV) {
        if (k->info[INFO_MAX].p != NULL)
            s = k->info[INFO_MAX];
        if (s.p != NULL && !upp_number(m, s, 0xFFFFFFFF, &size))
            return false;
        if (size == 0) {
            size = BERTLV_DEFAULT;
            upp_note(m, k->at, "a BER-TLV file without a size: it gets %d octets", BERTLV_DEFAULT);
        } else if (size > UPP_EF_MAX) {
            upp_note(m, s.p, "a BER-TLV file of up to %lu octets: limited to %d", (unsigned long)size,
                     UPP_EF_MAX);
            size = UPP_EF_MAX;
        }
    } else if (s.p != NULL) {
        if (!upp_number(m, s, UPP_EF_MAX, &size))
            return false;
    } else if (row != NULL) {
        size = row->kind == FILE_TRANSPARENT ? row->length : (uint32_t)(row->records * k->length);
    }
    if (n->f.kind == FILE_LINEAR || n->f.kind == FILE_CYCLIC) {
        if (k->length == 0)
            return upp_fail(m, k->at, "the length of its records is said nowhere");
        if (size % k->length != 0 || size / k->length > UPP_RECORDS_MAX)
            return upp_fail(m, k->at, "%lu octets in records of %zu", (unsigned long)size, k->length);
        n->f.record_len = (uint8_t)k->length;
    }
    if (size == 0)
        return upp_fail(m, k->at, "efFileSize is missing or 0, and the template has none");
    m->content += size;
    if (size > UPP_EF_MAX || m->content > UPP_CONTENT_MAX)
        return upp_fail(m, k->at, "the files up to here have more than %d octets together", UPP_CONTENT_MAX);
    n->f.size = size;
    return true;
}

/* Record or file from a pattern: its beginning, its end, and the last octet before the end in between. */
static void fill_piece(uint8_t *to, size_t n, struct span pattern, size_t tail, bool repeat)
{
    size_t head = pattern.n - tail;
    if (tail > n)
        tail = n;
    for (size_t i = 0; i < n - tail; i++)
        to[i] = repeat ? pattern.p[i % head] : pattern.p[i < head ? i : head - 1];
    memcpy(to + n - tail, pattern.p + pattern.n - tail, tail);
}

/* ETSI TS 102 222 6.3.2.2.2: a pattern is that of each record, or of a transparent file. Without one, octets
 * are FF. */
static bool fill(struct maker *m, struct making *k)
{
    struct node *n = k->n;
    n->data = upp_keep(m, n->f.size);
    if (n->data == NULL)
        return false;
    static const uint8_t unused = 0xFF;
    struct span pattern = span_of(&unused, 1);
    size_t tail = 0;
    bool repeat = false;
    if (k->info[INFO_FILL].p != NULL || k->info[INFO_REPEAT].p != NULL) {
        if (k->info[INFO_FILL].p != NULL && k->info[INFO_REPEAT].p != NULL)
            return upp_fail(m, k->at, "both a fillPattern and a repeatPattern");
        repeat = k->info[INFO_FILL].p == NULL;
        pattern = k->info[repeat ? INFO_REPEAT : INFO_FILL];
    } else if (k->row != NULL && k->row->fill.n > 0 && k->row->kind == n->f.kind) {
        pattern = span_of(k->row->fill.p, k->row->fill.n);
        tail = k->row->fill.tail;
        repeat = (k->row->flags & ROW_REPEAT) != 0;
    }
    size_t piece = n->f.record_len != 0 ? n->f.record_len : n->f.size;
    for (size_t at = 0; at < n->f.size; at += piece)
        fill_piece(n->data + at, piece, pattern, tail, repeat);
    return true;
}

static bool read_sfi(struct maker *m, struct making *k)
{
    struct node *n = k->n;
    struct span s = k->fcp[FCP_SFI];
    if (s.p == NULL && k->row != NULL) {
        n->f.sfi = k->row->sfi;
        n->sfi_implied = true;
    } else if (s.p == NULL) { /* ETSI TS 102 222 6.3.2.2.2: the five low bits of the FID */
        n->f.sfi = (n->id & 0x1F) <= SFI_MAX ? n->id & 0x1F : 0;
        n->sfi_implied = true;
    } else if (s.n == 1) {
        n->f.sfi = s.p[0] >> 3;
        if ((s.p[0] & 0x07) != 0 || n->f.sfi == 0 || n->f.sfi > SFI_MAX)
            return upp_fail(m, s.p, "shortEFID %02X: not an SFI in bits 8 to 4", s.p[0]);
    }
    return true;
}

/* The record of EF.ARR that holds the rule, and which EF.ARR when the FCP gives the record alone. */
static bool read_rule(struct maker *m, struct making *k)
{
    struct node *n = k->n;
    struct span s = k->fcp[FCP_ARR];
    if (s.p == NULL && k->row == NULL)
        return upp_fail(m, k->at, "securityAttributesReferenced is missing");
    if (s.n == 2)
        return upp_fail(m, s.p, "securityAttributesReferenced has 2 octets; must be 1 or 3");
    n->f.arr_fid =
        n->f.kind == FILE_MF || n->f.kind == FILE_ADF || n->f.parent == 0 ? FID_ARR_MF : FID_ARR_ADF;
    if (s.n == 3)
        n->f.arr_fid = (uint16_t)(s.p[0] << 8 | s.p[1]);
    n->f.arr_record = s.p != NULL ? s.p[s.n - 1] : k->row->arr;
    return n->f.arr_record != 0 || upp_fail(m, s.p, "record 0 of EF.ARR");
}

static void read_life_cycle(struct maker *m, struct making *k)
{
    struct span s = k->fcp[FCP_LCSI];
    if (s.p == NULL ||
        (s.p[0] & 0xFD) == 0x05) /* TS 102 221 11.1.1.4.9: 05 and 07 activated, 04 and 06 deactivated */
        return;
    if ((s.p[0] & 0xFD) == 0x04)
        k->n->f.deactivated = true;
    else
        upp_note(m, s.p, "lcsi %02X: the card begins with the file activated", s.p[0]);
}

static void read_special(struct maker *m, struct making *k)
{
    struct span s = k->info[INFO_SPECIAL];
    if (s.p != NULL) { /* ETSI TS 102 222 6.3.2.2.2, table 5 */
        k->n->f.high_update = (s.p[0] & 0x80) != 0;
        k->n->f.open_deactivated = (s.p[0] & 0x40) != 0;
        if ((s.p[0] & 0x3F) != 0)
            upp_note(m, s.p, "specialFileInformation %02X: bits 6 to 1 are unknown", s.p[0]);
    } else if (k->row != NULL) {
        k->n->f.high_update = (k->row->flags & ROW_HIGH) != 0;
    }
    if (k->info[INFO_DETAILS].p != NULL && k->info[INFO_DETAILS].p[0] != 0x01)
        upp_note(m, k->info[INFO_DETAILS].p, "fileDetails %02X: left out", k->info[INFO_DETAILS].p[0]);
}

/* The name that people call a file by; file management gives none. */
static const char *name_of(struct maker *m, const struct making *k)
{
    enum { ROOM = 8 };
    if (k->row != NULL)
        return k->row->name;
    bool df = profile_is_df(k->n->f.kind);
    const char *name = upp_file_name(m->nodes[k->n->f.parent].f.name, k->n->id);
    if (name != NULL && (name[0] == 'D') == df)
        return name;
    char *text = upp_keep(m, ROOM);
    if (text != NULL)
        (void)snprintf(text, ROOM, "%s.%04X", df ? "DF" : "EF", k->n->id);
    return text;
}

static bool link_file(struct maker *m, struct making *k)
{
    struct span s = k->fcp[FCP_LINK];
    if (s.n == 0)
        return true;
    if (s.n % 2 != 0)
        return upp_fail(m, s.p, "linkPath has %zu octets; a path has an even number", s.n);
    k->n->link = s;
    if (profile_is_df(k->n->f.kind)) {
        upp_note(m, s.p, "%s is a link to a directory: left out", k->n->f.name);
        k->n->out = true;
    }
    return true;
}

/* Makes one file below `parent`. *made: its node; UPP_NO_NODE when it lies below a directory that is left
 * out. */
static bool create(struct maker *m, uint16_t parent, const struct upp_row *row, struct span fcp,
                   const uint8_t *at, uint16_t *made)
{
    struct making k = {.row = row, .at = at};
    *made = UPP_NO_NODE;
    bool mf = row != NULL && row->kind == FILE_MF;
    if (!mf && parent == UPP_NO_NODE)
        return upp_fail(m, at, "a file before its directory");
    if (!upp_fields(m, fcp, fcp_fields, FCPS, k.fcp) ||
        (k.fcp[FCP_INFO].p != NULL && !upp_fields(m, k.fcp[FCP_INFO], info_fields, INFOS, k.info)))
        return false;
    struct node *n = k.n = new_node(m, at);
    if (n == NULL)
        return false;
    n->f.parent = mf ? 0 : parent;
    n->f.kind = row != NULL ? row->kind : 0;
    k.length = row != NULL && (row->kind == FILE_LINEAR || row->kind == FILE_CYCLIC) ? row->length : 0;
    if (!read_descriptor(m, &k) || !read_names(m, &k) || !read_rule(m, &k))
        return false;
    if (!mf && m->nodes[parent].out && !profile_is_df(n->f.kind)) {
        m->skipped++;
        return true; /* not counted as a node: nothing refers to a file that is not there */
    }
    n->f.name = name_of(m, &k);
    if (n->f.name == NULL)
        return false;
    uint16_t other = mf ? (m->n_nodes > 0 ? 0 : UPP_NO_NODE) : upp_child(m, parent, n->id);
    if (other != UPP_NO_NODE)
        return upp_fail(m, at, "%04X below %s is there already: %s", n->id, m->nodes[n->f.parent].f.name,
                        m->nodes[other].f.name);
    if (profile_is_df(n->f.kind)) {
        n->f.pin_status = true;
        n->out = !mf && m->nodes[parent].out;
        if (n->f.kind == FILE_ADF && row == NULL) {
            upp_note(m, at, "an ADF by file management, of no application that is known: left out");
            n->out = true;
        }
    }
    read_life_cycle(m, &k);
    if (!link_file(m, &k))
        return false;
    if (!profile_is_df(n->f.kind)) {
        read_special(m, &k);
        if (!read_sfi(m, &k) || (n->link.n == 0 && (!read_size(m, &k) || !fill(m, &k))))
            return false;
    }
    *made = (uint16_t)m->n_nodes++;
    return true;
}

/* ---- lists of elements: descriptor, offsets, contents ---- */

struct cursor {
    uint16_t node; /* UPP_NO_NODE: of a file that is left out */
    size_t at;
};

static bool skip(struct maker *m, struct cursor *c, struct span value)
{
    uint32_t by;
    if (!upp_number(m, value, UPP_EF_MAX, &by))
        return false;
    c->at += by;
    return true;
}

static bool write_content(struct maker *m, struct cursor *c, struct span value)
{
    if (c->node == UPP_NO_NODE)
        return true;
    struct node *n = &m->nodes[c->node];
    if (n->link.n > 0) {
        upp_note(m, value.p, "content of %s, which is a link: left out", n->f.name);
        return true;
    }
    if (profile_is_df(n->f.kind))
        return upp_fail(m, value.p, "content of a directory");
    if (c->at > n->f.size || value.n > n->f.size - c->at)
        return upp_fail(m, value.p, "content reaches octet %zu of %s, which has %lu", c->at + value.n,
                        n->f.name, (unsigned long)n->f.size);
    if (value.n > 0)
        memcpy(n->data + c->at, value.p, value.n);
    c->at += value.n;
    return true;
}

/* One element of a PE with a template: nothing or all of it may come from the template. *made: the last file
 * of it. */
static bool read_file(struct maker *m, uint16_t parent, const struct upp_row *row, struct span list,
                      uint16_t *made)
{
    struct reader r = rd_of(list);
    struct tlv t;
    struct cursor c = {UPP_NO_NODE, 0};
    bool there = false, wanted = true;
    const uint8_t *at = list.p;
    while (upp_next(m, &r, &t)) {
        if (t.tag == 0x80) { /* doNotCreate */
            wanted = row->kind == FILE_MF;
            continue;
        }
        bool descriptor = t.tag == in_template.fcp;
        if (descriptor && there && (row->flags & ROW_MANY) == 0)
            return upp_fail(m, t.value.p, "a second fileDescriptor");
        if (descriptor || !there) {
            if (!create(m, parent, row, descriptor ? t.value : SPAN_EMPTY, t.value.p, &c.node))
                return false;
            c.at = 0;
            there = true;
        }
        if (t.tag == in_template.offset ? !skip(m, &c, t.value)
            : t.tag == in_template.content
                ? !write_content(m, &c, t.value)
                : !descriptor && !upp_fail(m, t.value.p, "tag %X is none of a file's", t.tag))
            return false;
    }
    if (m->failed)
        return false;
    if (!there && wanted && !create(m, parent, row, SPAN_EMPTY, at, &c.node))
        return false;
    *made = c.node;
    return true;
}

/* ---- elements with a template ---- */

static const uint8_t template_oid[] = {0x67, 0x81, 0x0F, 0x01, 0x02}; /* 2.23.143.1.2 */

static bool read_oid(struct maker *m, const struct upp_template *t, struct span oid, unsigned *version)
{
    struct reader r = rd_of(oid);
    if (!span_equal(rd_take(&r, sizeof template_oid), span_of(template_oid, sizeof template_oid)) ||
        rd_u8(&r) != t->oid)
        return upp_fail(m, oid.p, "templateID is not that of %s", m->pe_name);
    *version = r.left == 0 ? 1 : rd_u8(&r);
    if (!rd_done(&r))
        return upp_fail(m, oid.p, "templateID is not that of %s", m->pe_name);
    if (*version > t->newest) {
        upp_note(m, oid.p, "version %u of the template: read as version %u, the newest that is known",
                 *version, t->newest);
        *version = t->newest;
    }
    return true;
}

/* The directory that an element's files lie in, or below which it makes one. */
static bool place_of(struct maker *m, const struct upp_template *t, const uint8_t *at, uint16_t *base)
{
    static const char *const naa[] = {"", "", "", "USIM", "", "ISIM"};
    *base = m->n_nodes > 0 ? 0 : UPP_NO_NODE;
    if (t->place == UPP_IN_USIM)
        *base = m->usim;
    if (t->place == UPP_IN_ISIM)
        *base = m->isim;
    return *base != UPP_NO_NODE || t->place == UPP_IS_MF ||
           upp_fail(m, at, naa[t->place][0] != 0 ? "no %s is there before it" : "no MF is there before it",
                    naa[t->place]);
}

/* An ADF belongs to an applet; without such a class it is left out, with its files. */
static void opened(struct maker *m, const struct upp_template *t, uint16_t dir)
{
    struct node *n = &m->nodes[dir];
    if (t->place == UPP_IS_USIM || t->place == UPP_IS_ISIM) {
        n->class_name = t->place == UPP_IS_USIM ? "usim" : "isim";
        *(t->place == UPP_IS_USIM ? &m->usim : &m->isim) = dir;
        m->naa = n->class_name;
        if (!upp_has_class(m, n->class_name)) {
            n->out = true;
            upp_note(m, m->package.p + n->offset,
                     "there is no %s in this card: it is left out, with its files",
                     t->place == UPP_IS_USIM ? "USIM" : "ISIM");
        }
    }
    if (t->place == UPP_IS_MF || t->place == UPP_IN_MF || t->place == UPP_IS_USIM || t->place == UPP_IS_ISIM)
        m->context = dir;
}

static void report_skipped(struct maker *m, const uint8_t *at)
{
    m->element = "";
    if (m->skipped > 0)
        upp_note(m, at, "files below a directory that is left out: %u", m->skipped);
    m->skipped = 0;
}

bool upp_read_template(struct maker *m, const struct upp_template *t, struct span body)
{
    struct reader r = rd_of(body);
    struct tlv tlv;
    unsigned version = 1, done = 0;
    uint16_t base, top, sub = UPP_NO_NODE, made;
    if (!upp_next(m, &r, &tlv) || tlv.tag != 0xA0)
        return upp_fail(m, body.p, "its header is missing");
    if (!upp_next(m, &r, &tlv) || tlv.tag != 0x81)
        return upp_fail(m, body.p, "templateID is missing");
    if (!read_oid(m, t, tlv.value, &version) || !place_of(m, t, tlv.value.p, &base))
        return false;
    top = base;
    bool homeless = false; /* the directory that the next files belong to was not made */
    bool more = upp_next(m, &r, &tlv);
    while (!m->failed && (done < t->n || more)) {
        /* row i is tag [i + 2]; from 31 on, tags have two octets */
        uint32_t tag = done + 2 < 31 ? 0xA0 + done + 2 : 0xBF00 + done + 2;
        if (done == t->n) {
            upp_note(m, tlv.value.p, "file with tag %X: not in the template as it is known", tlv.tag);
            more = upp_next(m, &r, &tlv);
            continue;
        }
        const struct upp_row *row = upp_template_row(t, done, version);
        m->element = row->element;
        bool given = more && tlv.tag == tag;
        if (!given && (row->flags & ROW_NEEDED) != 0)
            return upp_fail(m, more ? tlv.value.p : body.p, "is missing");
        if (given || t->by_default) {
            bool dir = profile_is_df(row->kind);
            if (dir)
                homeless = false;
            if (homeless)
                return upp_fail(m, tlv.value.p, "its directory is not there");
            uint16_t parent = done == 0 || dir ? top : sub != UPP_NO_NODE ? sub : top;
            if (!read_file(m, parent, row, given ? tlv.value : span_of(body.p, 0), &made))
                return false;
            if (dir &&
                made == UPP_NO_NODE) /* a directory that is not wanted; what lies in it has no place then */
                return upp_fail(m, tlv.value.p, "doNotCreate of a directory");
            if (dir && done == 0) {
                top = made;
                opened(m, t, made);
            } else if (dir) {
                sub = made;
            }
        } else if (profile_is_df(row->kind)) {
            /* made by an earlier element, perhaps; if not, its files have no place */
            sub = upp_child(m, top, row->fid);
            homeless = sub == UPP_NO_NODE;
        }
        done++;
        m->element = "";
        if (given)
            more = upp_next(m, &r, &tlv);
        else if (more && tlv.tag < tag)
            return upp_fail(m, tlv.value.p, "tag %X is out of order", tlv.tag);
    }
    report_skipped(m, body.p);
    return !m->failed;
}

/* There is no CSIM in any card: its ADF gets a place so that paths can be followed, and is left out. */
void upp_skip_csim(struct maker *m, struct span body)
{
    static const struct upp_row adf = {"adf-csim", "ADF.CSIM", FILE_ADF, 0, 0, 14, 0, 0, 0, {"", 0, 0}};
    struct reader r = rd_of(body);
    struct tlv t;
    unsigned n = 0;
    while (upp_next(m, &r, &t)) {
        if (t.tag == 0xA2 && strcmp(m->pe_name, "csim") == 0) {
            uint16_t made;
            m->element = adf.element;
            if (m->n_nodes == 0)
                (void)upp_fail(m, t.value.p, "no MF is there before it");
            else if (read_file(m, 0, &adf, t.value, &made) && made != UPP_NO_NODE) {
                m->nodes[made].out = true;
                m->nodes[made].class_name = "csim";
                m->csim = m->context = made;
                m->naa = "csim";
            }
            m->element = "";
        } else if (t.tag >= 0xA2) {
            n++;
        }
    }
    if (!m->failed)
        upp_note(m, body.p, "there is no CSIM in this card: left out, with its files (%u)", n);
}

/* ---- generic file management ---- */

static bool manage(struct maker *m, struct span commands)
{
    struct reader r = rd_of(commands);
    struct tlv t;
    struct cursor c = {UPP_NO_NODE, 0};
    uint16_t dir = 0; /* 8.3.1: it begins in the MF */
    bool there = false;
    while (upp_next(m, &r, &t)) {
        if (t.tag == 0x80) {
            m->element = "filePath";
            dir = t.value.n > 8 ? UPP_NO_NODE : upp_path(m, t.value);
            char hex[17] = "";
            if (t.value.n <= 8)
                hex_format(t.value, hex);
            if (dir == UPP_NO_NODE || !profile_is_df(m->nodes[dir].f.kind))
                return upp_fail(m, t.value.p, "%s is not a directory that is there", hex);
            there = false;
            m->context = dir;
        } else if (t.tag == in_management.fcp) {
            m->element = "createFCP";
            if (!create(m, dir, NULL, t.value, t.value.p, &c.node))
                return false;
            c.at = 0;
            there = true;
        } else if (t.tag == in_management.offset || t.tag == in_management.content) {
            m->element = t.tag == in_management.offset ? "fillFileOffset" : "fillFileContent";
            if (!there)
                return upp_fail(m, t.value.p, "no file is there to be filled");
            if (!(t.tag == in_management.offset ? skip(m, &c, t.value) : write_content(m, &c, t.value)))
                return false;
        } else {
            m->element = "";
            return upp_fail(m, t.value.p, "tag %X is no file management command", t.tag);
        }
        m->element = "";
    }
    return !m->failed;
}

bool upp_read_files(struct maker *m, struct span body)
{
    static const struct upp_field list[] = {{0xA0, "gfm-header", true, 0, 0},
                                            {0xA1, "fileManagementCMD", true, 0, 0}};
    struct span f[UPP_COUNT(list)];
    if (m->n_nodes == 0)
        return upp_fail(m, body.p, "no MF is there before it");
    if (!upp_fields(m, body, list, UPP_COUNT(list), f))
        return false;
    struct reader r = rd_of(f[1]);
    struct tlv t;
    while (upp_next(m, &r, &t)) {
        if (t.tag != 0x30)
            return upp_fail(m, t.value.p, "tag %X is no SEQUENCE of file management commands", t.tag);
        if (!manage(m, t.value))
            return false;
    }
    report_skipped(m, body.p);
    return !m->failed;
}

/* ---- what can be said when all files are there ---- */

/* A link shows another file's content; a link to a link, that of the file at the end. */
static void resolve_link(struct maker *m, struct node *n)
{
    const struct node *of = n;
    char hex[17];
    hex_format(n->link, hex);
    for (unsigned i = 0; of->link.n > 0; i++) {
        uint16_t next = i < UPP_LINKS_MAX ? upp_path(m, of->link) : UPP_NO_NODE;
        if (next == UPP_NO_NODE || profile_is_df(m->nodes[next].f.kind) || m->nodes[next].out) {
            upp_note_later(m, n->offset, n->pe, n->pe_name,
                           "%s is a link to %s, which is not there: left out", n->f.name, hex);
            n->out = true;
            return;
        }
        of = &m->nodes[next];
    }
    n->linked = of;
    n->data = of->data;
    n->f.kind = of->f.kind;
    n->f.size = of->f.size;
    n->f.record_len = of->f.record_len;
    n->f.high_update = of->f.high_update;
    n->f.open_deactivated = of->f.open_deactivated;
    n->f.deactivated = false;
}

static void spread_out(struct maker *m)
{
    for (size_t i = 1; i < m->n_nodes; i++) /* parents stand before their children */
        m->nodes[i].out = m->nodes[i].out || m->nodes[m->nodes[i].f.parent].out;
}

/* Two files of a directory with one SFI: the first keeps it, unless it was the package that gave it to the
 * second. */
static void settle_sfis(struct maker *m)
{
    for (size_t i = 1; i < m->n_nodes; i++) {
        struct node *b = &m->nodes[i];
        for (size_t k = 1; k < i && b->f.sfi != 0 && !b->out; k++) {
            struct node *a = &m->nodes[k];
            if (a->out || a->f.parent != b->f.parent || a->f.sfi != b->f.sfi)
                continue;
            struct node *loser = a->sfi_implied && !b->sfi_implied ? a : b;
            upp_note_later(m, loser->offset, loser->pe, loser->pe_name,
                           "SFI %02X of %s: it is %s's too, which keeps it", loser->f.sfi, loser->f.name,
                           (loser == a ? b : a)->f.name);
            loser->f.sfi = 0;
        }
    }
}

static uint16_t find_rule_file(const struct maker *m, const struct node *n, uint16_t self)
{
    uint16_t dir = n->f.kind == FILE_ADF || n->f.kind == FILE_MF ? self : n->f.parent;
    for (;;) { /* TS 102 221 9.2.7, as the card looks for it: upwards */
        uint16_t arr = upp_child(m, dir, n->f.arr_fid);
        if (arr != UPP_NO_NODE || dir == 0)
            return arr;
        dir = m->nodes[dir].f.parent;
    }
}

static void check_rule(struct maker *m, uint16_t i)
{
    const struct node *n = &m->nodes[i];
    uint16_t arr = find_rule_file(m, n, i);
    if (arr == UPP_NO_NODE || m->nodes[arr].out || m->nodes[arr].f.kind != FILE_LINEAR) {
        upp_note_later(m, n->offset, n->pe, n->pe_name,
                       "access rule of %s: there is no EF.ARR %04X, so nothing is allowed", n->f.name,
                       n->f.arr_fid);
        return;
    }
    const struct node *a = &m->nodes[arr];
    size_t at = (n->f.arr_record - 1u) * (size_t)a->f.record_len;
    if (at >= a->f.size || a->data[at] == 0xFF)
        upp_note_later(
            m, n->offset, n->pe, n->pe_name,
            "access rule of %s: record %u of EF.ARR %04X is not there or empty, so nothing is allowed",
            n->f.name, n->f.arr_record, n->f.arr_fid);
}

/* EF.DIR tells terminals what is there; they would select what is left out, and fail. */
static void clean_directory(struct maker *m)
{
    uint16_t dir = upp_child(m, 0, FID_DIR);
    if (dir == UPP_NO_NODE || m->nodes[dir].out || m->nodes[dir].f.record_len == 0)
        return;
    struct node *d = &m->nodes[dir];
    for (size_t at = 0; at < d->f.size; at += d->f.record_len) {
        struct span record = span_of(d->data + at, d->f.record_len), entry, aid;
        bool known = false;
        if (!tlv_find(record, 0x61, &entry) || !tlv_find(entry, 0x4F, &aid))
            continue;
        for (size_t i = 1; i < m->n_nodes; i++)
            known = known || (!m->nodes[i].out && m->nodes[i].aid_len > 0 &&
                              span_equal(aid, span_of(m->nodes[i].aid, m->nodes[i].aid_len)));
        if (known)
            continue;
        char hex[2 * PROFILE_AID_MAX + 1];
        hex_format(span_slice(aid, 0, PROFILE_AID_MAX), hex);
        upp_note_later(m, d->offset, d->pe, d->pe_name,
                       "EF.DIR record %zu names %s, which is left out: emptied", at / d->f.record_len + 1,
                       hex);
        memset(d->data + at, 0xFF, d->f.record_len);
    }
}

/* 3GPP TS 31.102 4.2.2: length, then digits low nibble first, the first of which is parity. */
static bool unpack_imsi(const uint8_t *p, char out[16])
{
    size_t n = 0;
    if (p[0] < 4 || p[0] > 8 || ((p[1] & 0x07) != 1))
        return false;
    for (size_t i = 1; i < 2u * p[0]; i++) {
        uint8_t d = i % 2 == 0 ? p[1 + i / 2] & 0x0F : p[1 + i / 2] >> 4;
        if (d == 0x0F && i == 2u * p[0] - 1)
            break;
        if (d > 9)
            return false;
        out[n++] = (char)('0' + d);
    }
    out[n] = 0;
    return n >= 6;
}

static bool make_imsi(struct maker *m)
{
    const struct node *first = NULL;
    for (size_t i = 1; i < m->n_nodes; i++) {
        struct node *n = &m->nodes[i];
        const struct node *dir = &m->nodes[n->f.parent];
        if (n->out || n->id != FID_IMSI || n->f.kind != FILE_TRANSPARENT || n->f.size != LEN_IMSI ||
            dir->class_name == NULL || strcmp(dir->class_name, "usim") != 0)
            continue;
        n->f.fill = FILL_IMSI;
        if (first == NULL)
            first = n;
    }
    if (m->o->imsi != NULL) {
        size_t n = strlen(m->o->imsi);
        if (n >= 6 && n < sizeof m->p.imsi && strspn(m->o->imsi, "0123456789") == n) {
            memcpy(m->p.imsi, m->o->imsi, n);
            return true;
        }
    } else if (first != NULL && unpack_imsi(first->data, m->p.imsi)) {
        return true;
    }
    if (first != NULL) {
        m->pe = first->pe;
        m->pe_name = first->pe_name;
    }
    return upp_fail(m, first == NULL ? m->package.p : m->package.p + first->offset,
                    "no USIM with an IMSI in it; name one");
}

static void check_iccid(struct maker *m)
{
    uint16_t i = upp_child(m, 0, FID_ICCID);
    if (i == UPP_NO_NODE || m->nodes[i].out)
        return;
    struct node *n = &m->nodes[i];
    if (n->f.kind != FILE_TRANSPARENT || n->f.size != LEN_ICCID)
        return;
    n->f.fill = FILL_ICCID;
    char digits[2 * LEN_ICCID + 1];
    for (size_t k = 0; k < 2 * LEN_ICCID; k++) { /* TS 102 221 13.2: low nibble first */
        uint8_t d = k % 2 == 0 ? n->data[k / 2] & 0x0F : n->data[k / 2] >> 4;
        digits[k] = d <= 9 ? (char)('0' + d) : 0;
    }
    digits[2 * LEN_ICCID] = 0;
    if (strcmp(digits, m->out->iccid) != 0)
        upp_note_later(m, n->offset, n->pe, n->pe_name,
                       "EF.ICCID has another number than the header, which counts");
}

static void report_tally(struct maker *m, const struct upp_tally *t, const char *what)
{
    if (t->n > 0)
        upp_note_later(m, t->offset, t->pe, t->name, "files that %s: %u, this is the first", what, t->n);
}

/* One applet an ADF. */
static bool make_applets(struct maker *m)
{
    struct profile *p = &m->p;
    for (size_t i = 1; i < m->n_nodes; i++) {
        struct node *n = &m->nodes[i];
        if (n->out || n->f.kind != FILE_ADF)
            continue;
        if (p->n_applets + 4 + m->n_rfms >= PROFILE_APPLETS_MAX)
            return upp_fail(m, m->package.p + n->offset, "too many applications");
        struct profile_applet *a = &p->applets[p->n_applets];
        a->class_name = n->class_name;
        memcpy(a->aid, n->aid, n->aid_len);
        a->aid_len = n->aid_len;
        a->adf = n->place;
        n->f.applet = p->n_applets++;
    }
    return true;
}

bool upp_finish_files(struct maker *m)
{
    if (m->n_nodes == 0)
        return upp_fail(m, m->package.p, "the package has no MF");
    spread_out(m);
    for (size_t i = 1; i < m->n_nodes; i++)
        if (m->nodes[i].link.n > 0 && !m->nodes[i].out)
            resolve_link(m, &m->nodes[i]);
    settle_sfis(m);
    clean_directory(m);
    check_iccid(m);
    if (!make_imsi(m))
        return false;
    for (size_t i = 0; i < m->n_nodes; i++)
        if (!m->nodes[i].out)
            m->nodes[i].place = m->p.n_files++;
    if (!make_applets(m))
        return false;
    m->p.files = upp_keep(m, m->p.n_files * sizeof *m->p.files);
    if (m->p.files == NULL)
        return false;
    for (size_t i = 0; i < m->n_nodes; i++) {
        struct node *n = &m->nodes[i];
        if (n->out)
            continue;
        check_rule(m, (uint16_t)i);
        struct profile_file *f = &m->p.files[n->place];
        *f = n->f;
        f->parent = m->nodes[n->f.parent].place;
        f->content = span_of(n->data, n->f.size);
        f->link = n->linked != NULL ? n->linked->place : 0;
        if (f->link != 0)
            f->fill = FILL_CONTENT;
    }
    report_tally(m, &m->not_shareable, "are not shareable: in this card they are");
    return true;
}
