/* SPDX-License-Identifier: Apache-2.0 */
#include "tree.h"

#include <ctype.h>
#include <stdlib.h>

#include "cli.h"
#include "inspect.h"

enum {
    DEPTH_MAX = 16,
    WIDTH = 110,
    HEX_SHOWN = 48, /* octets of what cannot be decoded */
    CONDITION_ROOM = 128,
    TAG_EXPANDED = 0xAB,
};

/* ---- files ---- */

uint16_t tree_files(const struct tree_source *s)
{
    return s->card != NULL ? uicc_inspect_files(s->card) : s->p->n_files;
}

bool tree_file(const struct tree_source *s, uint16_t file, struct tree_file *out)
{
    struct uicc_file_info info;
    if (s->card == NULL) {
        if (file >= s->p->n_files)
            return false;
        const struct profile_file *row = &s->p->files[file];
        *out = (struct tree_file){.row = row, .deactivated = row->deactivated, .body = row->content};
        return true;
    }
    if (file >= uicc_inspect_files(s->card) || !uicc_inspect_file(s->card, file, &info))
        return false;
    *out = (struct tree_file){
        .row = info.row,
        .deactivated = info.deactivated,
        .terminated = info.terminated,
        .made = info.made,
        .body = info.body,
        .rule_tag = info.rule_tag,
        .rule = info.rule,
    };
    return true;
}

static bool is_dir(const struct profile_file *f)
{
    return profile_is_df(f->kind);
}

static void segment(const struct tree_file *f, bool names, char out[32])
{
    bool named = f->row->name != NULL && f->row->name[0] != '\0' && !f->made;
    if (f->row->kind == FILE_ADF)
        snprintf(out, 32, "%.28s", named ? f->row->name : "ADF");
    else if (names && named)
        snprintf(out, 32, "%.28s", f->row->name);
    else
        snprintf(out, 32, "%04X", f->row->fid);
}

static void path_of(const struct tree_source *s, uint16_t file, bool names, char path[TREE_PATH_MAX])
{
    struct tree_file f;
    char part[32], tail[TREE_PATH_MAX] = "";
    path[0] = '\0';
    for (unsigned level = 0; level <= DEPTH_MAX && tree_file(s, file, &f); level++) {
        segment(&f, names, part);
        int n = snprintf(path, TREE_PATH_MAX, "%.31s%s%.95s", part, tail[0] != '\0' ? "/" : "", tail);
        if (file == 0 || n < 0 || n >= 96)
            return;
        memcpy(tail, path, TREE_PATH_MAX);
        file = f.row->parent;
    }
}

void tree_path(const struct tree_source *s, uint16_t file, char path[TREE_PATH_MAX])
{
    path_of(s, file, false, path);
}

void tree_names(const struct tree_source *s, uint16_t file, char path[TREE_PATH_MAX])
{
    path_of(s, file, true, path);
}

static unsigned depth_of(const struct tree_source *s, uint16_t file)
{
    struct tree_file f;
    unsigned n = 0;
    while (file != 0 && n < DEPTH_MAX && tree_file(s, file, &f)) {
        file = f.row->parent;
        n++;
    }
    return n;
}

enum decode_place tree_place(const struct tree_source *s, uint16_t file)
{
    uint16_t above[DEPTH_MAX];
    unsigned n = 0;
    struct tree_file f;
    while (file != 0 && n < DEPTH_MAX && tree_file(s, file, &f))
        above[n++] = file = f.row->parent;
    enum decode_place place = PLACE_UNKNOWN;
    while (n > 0 && tree_file(s, above[--n], &f)) {
        struct span aid = SPAN_EMPTY;
        if (f.row->kind == FILE_ADF && f.row->applet < s->p->n_applets)
            aid = span_of(s->p->applets[f.row->applet].aid, s->p->applets[f.row->applet].aid_len);
        place = decode_place(f.row, aid, place);
    }
    return place;
}

const char *tree_kind(uint8_t kind)
{
    switch (kind) {
    case FILE_MF:
        return "MF";
    case FILE_DF:
        return "DF";
    case FILE_ADF:
        return "ADF";
    case FILE_TRANSPARENT:
        return "transparent";
    case FILE_LINEAR:
        return "linear fixed";
    case FILE_CYCLIC:
        return "cyclic";
    case FILE_BERTLV:
        return "BER-TLV";
    default:
        return "?";
    }
}

const char *tree_pin_name(uint8_t reference)
{
    return decode_key_reference(reference);
}

/* ---- access ---- */

static bool child(const struct tree_source *s, uint16_t dir, uint16_t fid, struct tree_file *out)
{
    uint16_t n = tree_files(s);
    for (uint16_t i = 0; i < n; i++)
        if (i != dir && tree_file(s, i, out) && out->row->parent == dir && out->row->fid == fid)
            return true;
    return false;
}

/* As the card looks for it: from the file's directory up to the MF (TS 102 221 9.2.7). */
struct span tree_rule(const struct tree_source *s, uint16_t file)
{
    struct tree_file f, arr;
    if (!tree_file(s, file, &f))
        return SPAN_EMPTY;
    if (f.rule_tag != 0)
        return f.rule_tag == TAG_EXPANDED ? f.rule : SPAN_EMPTY;
    if (f.row->arr_record == 0)
        return SPAN_EMPTY;
    uint16_t fid = f.row->arr_fid, dir = !is_dir(f.row) || f.row->kind == FILE_DF ? f.row->parent : file;
    unsigned record = f.row->arr_record;
    while (!child(s, dir, fid, &arr)) {
        if (dir == 0 || !tree_file(s, dir, &f))
            return SPAN_EMPTY;
        dir = f.row->parent;
    }
    size_t length = arr.row->record_len;
    return arr.row->kind == FILE_LINEAR ? span_slice(arr.body, (record - 1u) * length, length) : SPAN_EMPTY;
}

bool tree_secret(const struct tree_source *s, uint16_t file, const struct tree_file *f)
{
    char condition[CONDITION_ROOM];
    if (decode_secret(tree_place(s, file), f->row->fid))
        return true;
    struct span rule = tree_rule(s, file);
    if (rule.n == 0)
        return f->rule_tag == 0 && f->row->arr_record == 0; /* a file without a rule: nobody may */
    decode_condition(rule, 0x01, 0, condition, sizeof condition);
    if (strcmp(condition, "never") == 0)
        return true;
    /* a file that nobody knows and only administrators read: cards keep keys in such */
    return decode_clause(tree_place(s, file), f->row->fid) == NULL && strcmp(condition, "always") != 0 &&
           strstr(condition, "PIN") == NULL;
}

static void access_words(const struct tree_source *s, uint16_t file, const struct profile_file *row, char *to,
                         size_t room)
{
    char first[CONDITION_ROOM], second[CONDITION_ROOM];
    struct span rule = tree_rule(s, file);
    to[0] = '\0';
    if (rule.n == 0)
        return;
    decode_condition(rule, is_dir(row) ? 0x02 : 0x01, 0, first, sizeof first);
    decode_condition(rule, is_dir(row) ? 0x01 : 0x02, 0, second, sizeof second);
    if (first[0] == '\0')
        snprintf(to, room, "malformed rule");
    else if (is_dir(row))
        snprintf(to, room, "create %s, delete %s", first, second);
    else
        snprintf(to, room, "read %s, update %s", first, second);
}

/* ---- contents ---- */

static void hex_text(struct span s, bool whole, char *to, size_t room)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t shown = whole || s.n <= HEX_SHOWN ? s.n : HEX_SHOWN, at = 0;
    for (size_t i = 0; i < shown && at + 24 < room; i++) {
        to[at++] = digits[s.p[i] >> 4];
        to[at++] = digits[s.p[i] & 0x0F];
    }
    to[at] = '\0';
    if (at < 2 * s.n)
        snprintf(to + at, room - at, "... (%zu)", s.n);
}

void tree_content(const struct tree_source *s, uint16_t file, const struct tree_file *f, struct span content,
                  bool whole, char *to, size_t room)
{
    bool secret = tree_secret(s, file, f);
    /* what a BER-TLV file has in it is for whoever wrote it to say */
    enum decode_result result = f->row->kind == FILE_BERTLV && content.n == 0
                                    ? DECODE_EMPTY
                                    : decode(tree_place(s, file), f->row->fid, content, false, to, room);
    switch (result) {
    case DECODED:
        return;
    case DECODE_EMPTY:
        snprintf(to, room, "empty");
        return;
    case DECODE_BAD:
    case DECODE_UNKNOWN:
        break;
    }
    if (secret) {
        snprintf(to, room, "%zu octets, not shown", content.n);
        return;
    }
    size_t at = 0;
    if (result == DECODE_BAD)
        at = (size_t)snprintf(to, room, "not as %s says: ", decode_clause(tree_place(s, file), f->row->fid));
    hex_text(content, whole, to + at, room - at);
}

static size_t records_of(const struct tree_file *f)
{
    bool records = (f->row->kind == FILE_LINEAR || f->row->kind == FILE_CYCLIC) && f->row->record_len > 0;
    return records ? f->body.n / f->row->record_len : 0;
}

static struct span record_of(const struct tree_file *f, size_t i)
{
    return span_slice(f->body, i * f->row->record_len, f->row->record_len);
}

/* ---- printing ---- */

struct walk {
    FILE *to;
    const struct tree_source *s;
    const struct tree_options *options;
    char *room; /* DECODE_ROOM */
    bool json;
    bool some;
};

static bool has(const char *text, const char *part)
{
    size_t n = strlen(part);
    for (; *text != '\0'; text++) {
        size_t i = 0;
        while (i < n && text[i] != '\0' && tolower((unsigned char)text[i]) == tolower((unsigned char)part[i]))
            i++;
        if (i == n)
            return true;
    }
    return n == 0;
}

static bool wanted(const struct walk *w, uint16_t file)
{
    char path[TREE_PATH_MAX];
    if (w->options->only == NULL)
        return true;
    tree_path(w->s, file, path);
    if (has(path, w->options->only))
        return true;
    tree_names(w->s, file, path);
    return has(path, w->options->only);
}

/* With line breaks where there is a blank near the right margin. */
static void put_wrapped(FILE *to, unsigned indent, const char *mark, const char *text)
{
    unsigned room = WIDTH > indent + 30 ? WIDTH - indent : 30;
    unsigned hang = (unsigned)strlen(mark);
    fprintf(to, "%*s%s", (int)indent, "", mark);
    while (strlen(text) > room - hang) {
        size_t n = room - hang;
        while (n > 0 && text[n] != ' ')
            n--;
        if (n == 0)
            n = room - hang; /* hexadecimal digits, an address */
        fprintf(to, "%.*s\n%*s", (int)n, text, (int)(indent + hang), "");
        text += n;
        text += *text == ' ';
    }
    fprintf(to, "%s\n", text);
}

static bool record_empty(const struct walk *w, uint16_t file, const struct tree_file *f, size_t i)
{
    tree_content(w->s, file, f, record_of(f, i), w->options->only != NULL, w->room, DECODE_ROOM);
    return strcmp(w->room, "empty") == 0 || strcmp(w->room, "free") == 0;
}

static void print_records(struct walk *w, uint16_t file, const struct tree_file *f, unsigned indent)
{
    char mark[32];
    size_t n = records_of(f);
    for (size_t i = 0; i < n; i++) {
        size_t first = i;
        while (i < n && record_empty(w, file, f, i))
            i++;
        if (i > first) {
            snprintf(mark, sizeof mark, i == first + 1 ? "%zu: " : "%zu-%zu: ", first + 1, i);
            put_wrapped(w->to, indent, mark, "empty");
        }
        if (i == n)
            return;
        snprintf(mark, sizeof mark, "%zu: ", i + 1);
        put_wrapped(w->to, indent, mark, w->room);
    }
}

static void print_contents(struct walk *w, uint16_t file, const struct tree_file *f, unsigned depth)
{
    const unsigned indent = 2 * depth + 4;
    if (is_dir(f->row))
        return;
    if (w->s->card == NULL && f->row->fill != FILL_CONTENT) {
        put_wrapped(w->to, indent, "", "each card's own");
    } else if (records_of(f) > 0) {
        print_records(w, file, f, indent);
    } else {
        tree_content(w->s, file, f, f->body, w->options->only != NULL, w->room, DECODE_ROOM);
        put_wrapped(w->to, indent, "", w->room);
    }
}

static void size_text(const struct tree_file *f, char out[32])
{
    size_t n = records_of(f);
    if (n > 0)
        snprintf(out, 32, "%zu x %u", n, f->row->record_len);
    else if (f->row->kind == FILE_BERTLV)
        snprintf(out, 32, "%u", (unsigned)f->row->size);
    else if (f->row->kind >= FILE_TRANSPARENT)
        snprintf(out, 32, "%zu", f->body.n);
    else
        out[0] = '\0';
}

static void line(struct walk *w, uint16_t file, const struct tree_file *f)
{
    char size[32], fid[8] = "-", sfi[8] = "", access[16] = "-", words[2 * CONDITION_ROOM + 32], part[32];
    unsigned depth = depth_of(w->s, file);
    size_text(f, size);
    segment(f, true, part);
    access_words(w->s, file, f->row, words, sizeof words);
    if (f->row->fid != PROFILE_FID_CURRENT_ADF)
        snprintf(fid, sizeof fid, "%04X", f->row->fid);
    if (f->row->sfi != 0)
        snprintf(sfi, sizeof sfi, "%02X", f->row->sfi);
    if (f->rule_tag != 0)
        snprintf(access, sizeof access, "own");
    else if (f->row->arr_record != 0)
        snprintf(access, sizeof access, "%04X/%u", f->row->arr_fid, f->row->arr_record);
    char to[TREE_PATH_MAX] = "";
    if (f->row->link != 0)
        tree_names(w->s, f->row->link, to);
    fprintf(w->to, "%*s%-*.*s %-4s %-3s %-12s %9s  %-7s %s%s%s%s%s%s\n", (int)(2 * depth), "",
            28 - (int)(depth < 10 ? 2 * depth : 20), 40, part, fid, sfi, tree_kind(f->row->kind), size,
            access, words, f->deactivated ? "  deactivated" : "", f->terminated ? "  terminated" : "",
            f->made ? "  made" : "", to[0] != '\0' ? "  -> " : "", to);
    if (w->options->contents)
        print_contents(w, file, f, depth);
}

/* ---- JSON ---- */

static void json_member(FILE *to, const char *name, const char *text)
{
    fprintf(to, ", \"%s\": ", name);
    cli_put_json(to, text);
}

static void json_decoded(struct walk *w, uint16_t file, const struct tree_file *f, struct span content)
{
    enum decode_result result =
        decode(tree_place(w->s, file), f->row->fid, content, true, w->room, DECODE_ROOM);
    fputs(result == DECODED ? w->room : "null", w->to);
}

static void json_hex(FILE *to, struct span s)
{
    fputc('"', to);
    cli_put_hex(to, s);
    fputc('"', to);
}

static void json_contents(struct walk *w, uint16_t file, const struct tree_file *f)
{
    size_t n = records_of(f);
    bool secret = tree_secret(w->s, file, f);
    if (n == 0) {
        if (!secret) {
            fputs(", \"content\": ", w->to);
            json_hex(w->to, f->body);
        }
        fputs(", \"decoded\": ", w->to);
        json_decoded(w, file, f, f->body);
        return;
    }
    if (!secret) {
        fputs(", \"records\": [", w->to);
        for (size_t i = 0; i < n; i++) {
            fputs(i > 0 ? ", " : "", w->to);
            json_hex(w->to, record_of(f, i));
        }
        fputc(']', w->to);
    }
    fputs(", \"decoded\": [", w->to);
    for (size_t i = 0; i < n; i++) {
        fputs(i > 0 ? ", " : "", w->to);
        json_decoded(w, file, f, record_of(f, i));
    }
    fputc(']', w->to);
}

static void json_rule(struct walk *w, uint16_t file, const struct tree_file *f)
{
    struct out o;
    struct span rule = tree_rule(w->s, file);
    if (f->row->arr_record != 0 && f->rule_tag == 0)
        fprintf(w->to, ", \"access\": \"%04X/%u\"", f->row->arr_fid, f->row->arr_record);
    if (f->rule_tag != 0 && f->rule_tag != TAG_EXPANDED) {
        fputs(", \"compact_rule\": ", w->to);
        json_hex(w->to, f->rule);
    }
    out_begin(&o, true, w->room, DECODE_ROOM);
    bool good = rule.n > 0 && decode_rule(rule, &o);
    if (out_end(&o) && good)
        fprintf(w->to, ", \"access_rule\": %s", w->room);
}

static void object(struct walk *w, uint16_t file, const struct tree_file *f)
{
    char path[TREE_PATH_MAX];
    const struct profile_file *row = f->row;
    tree_path(w->s, file, path);
    fputs(w->some ? ",\n    {\"path\": " : "\n    {\"path\": ", w->to);
    cli_put_json(w->to, path);
    tree_names(w->s, file, path);
    json_member(w->to, "file", path);
    json_member(w->to, "name", row->name != NULL ? row->name : "");
    if (row->fid != PROFILE_FID_CURRENT_ADF)
        fprintf(w->to, ", \"fid\": \"%04X\"", row->fid);
    json_member(w->to, "kind", tree_kind(row->kind));
    if (row->sfi != 0)
        fprintf(w->to, ", \"sfi\": %u", row->sfi);
    if (row->kind == FILE_BERTLV)
        fprintf(w->to, ", \"size\": %u", (unsigned)row->size);
    else if (row->kind >= FILE_TRANSPARENT)
        fprintf(w->to, ", \"size\": %zu", f->body.n);
    if (row->kind == FILE_LINEAR || row->kind == FILE_CYCLIC)
        fprintf(w->to, ", \"record_length\": %u", row->record_len);
    json_rule(w, file, f);
    fprintf(w->to, ", \"activated\": %s", f->deactivated || f->terminated ? "false" : "true");
    if (f->terminated)
        fputs(", \"terminated\": true", w->to);
    if (f->made)
        fputs(", \"made\": true", w->to);
    if (row->link != 0) {
        tree_names(w->s, row->link, path);
        json_member(w->to, "link", path);
    }
    if (w->options->contents && !is_dir(row))
        json_contents(w, file, f);
    fputc('}', w->to);
}

/* ---- the walk ---- */

static void visit(struct walk *w, uint16_t file, const struct tree_file *f)
{
    if (!wanted(w, file))
        return;
    if (w->json)
        object(w, file, f);
    else
        line(w, file, f);
    w->some = true;
}

/* Depth first, with the position in each level on a stack of our own: how deep a tree is, the profile's
 * author decides. Directories follow the EFs of their parent. */
static void walk(struct walk *w)
{
    struct {
        uint16_t dir;
        uint32_t next;
        bool dirs; /* second round: the directories */
    } stack[DEPTH_MAX];
    const uint16_t n = tree_files(w->s);
    unsigned depth = 0;
    struct tree_file f;
    if (!tree_file(w->s, 0, &f))
        return;
    stack[0].dir = 0;
    stack[0].next = 1;
    stack[0].dirs = false;
    visit(w, 0, &f);
    for (;;) {
        uint32_t i = stack[depth].next;
        while (i < n && (!tree_file(w->s, (uint16_t)i, &f) || f.row->parent != stack[depth].dir ||
                         is_dir(f.row) != stack[depth].dirs))
            i++;
        if (i < n) {
            stack[depth].next = i + 1;
            visit(w, (uint16_t)i, &f);
            if (stack[depth].dirs && depth + 1 < DEPTH_MAX) {
                depth++;
                stack[depth].dir = (uint16_t)i;
                stack[depth].next = 1; /* a file that was made may have a lower index than its directory */
                stack[depth].dirs = false;
            }
        } else if (!stack[depth].dirs) {
            stack[depth].dirs = true;
            stack[depth].next = 1;
        } else if (depth == 0) {
            return;
        } else {
            depth--;
        }
    }
}

static bool walk_all(struct walk *w)
{
    w->room = malloc(DECODE_ROOM);
    if (w->room == NULL)
        return false;
    walk(w);
    free(w->room);
    return w->some;
}

bool tree_print_source(FILE *to, const struct tree_source *s, const struct tree_options *options)
{
    struct walk w = {.to = to, .s = s, .options = options};
    fprintf(to, "%-28s %-4s %-3s %-12s %9s  %s\n", "file", "FID", "SFI", "kind", "size", "access");
    return walk_all(&w);
}

bool tree_json_source(FILE *to, const struct tree_source *s, const struct tree_options *options)
{
    struct walk w = {.to = to, .s = s, .options = options, .json = true};
    fputc('[', to);
    bool some = walk_all(&w);
    fputs("\n  ]", to);
    return some;
}

void tree_print(FILE *to, const struct profile *p, const struct tree_source *source)
{
    const struct tree_source whole = {.p = p};
    const struct tree_options options = {.contents = true};
    tree_print_source(to, source != NULL ? source : &whole, &options);
}
