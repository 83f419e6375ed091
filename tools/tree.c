/* SPDX-License-Identifier: Apache-2.0 */
#include "tree.h"

#include "cli.h"

enum { DEPTH_MAX = 16 };

static const char *display_name(const struct profile_file *f)
{
    return f->name != NULL ? f->name : "";
}

static void segment(const struct profile_file *f, char out[24])
{
    if (f->kind == FILE_ADF)
        snprintf(out, 24, "%.20s", display_name(f)[0] != '\0' ? f->name : "ADF");
    else
        snprintf(out, 24, "%04X", f->fid);
}

static unsigned depth_of(const struct profile *p, uint16_t file)
{
    unsigned n = 0;
    while (file != 0 && n < DEPTH_MAX) {
        file = p->files[file].parent;
        n++;
    }
    return n;
}

void tree_path(const struct profile *p, uint16_t file, char path[TREE_PATH_MAX])
{
    char tail[TREE_PATH_MAX] = "", part[24];
    for (unsigned level = 0; level <= DEPTH_MAX; level++) {
        segment(&p->files[file], part);
        int n = snprintf(path, TREE_PATH_MAX, "%.23s%s%.71s", part, tail[0] != '\0' ? "/" : "", tail);
        if (file == 0 || n < 0 || n >= 72)
            return;
        memcpy(tail, path, TREE_PATH_MAX);
        file = p->files[file].parent;
    }
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
    /* TS 102 221 9.5.1, table 9.3 */
    static const char names[][12] = {
        "PIN1",       "PIN1 app 2", "PIN1 app 3", "PIN1 app 4", "PIN1 app 5", "PIN1 app 6",
        "PIN1 app 7", "PIN1 app 8", "",           "ADM1",       "ADM2",       "ADM3",
        "ADM4",       "ADM5",       "",           "",           "universal",
    };
    static const char local[][12] = {
        "PIN2",       "PIN2 app 2", "PIN2 app 3", "PIN2 app 4", "PIN2 app 5", "PIN2 app 6", "PIN2 app 7",
        "PIN2 app 8", "",           "ADM6",       "ADM7",       "ADM8",       "ADM9",       "ADM10",
    };
    if (reference >= 0x81 && reference - 0x81u < sizeof local / sizeof local[0])
        return local[reference - 0x81];
    if (reference >= 1 && reference - 1u < sizeof names / sizeof names[0])
        return names[reference - 1];
    return "";
}

struct walk {
    FILE *to;
    const struct profile *p;
    const struct tree_source *source;
    bool json;
    bool first;
};

static bool deactivated(const struct walk *w, uint16_t file)
{
    struct tree_live live;
    if (w->source != NULL && w->source->file(w->source->ctx, file, &live))
        return live.deactivated;
    return w->p->files[file].deactivated;
}

static void size_text(const struct profile_file *f, char out[32])
{
    if ((f->kind == FILE_LINEAR || f->kind == FILE_CYCLIC) && f->record_len > 0)
        snprintf(out, 32, "%u x %u", (unsigned)(f->size / f->record_len), f->record_len);
    else if (f->kind >= FILE_TRANSPARENT)
        snprintf(out, 32, "%u", (unsigned)f->size);
    else
        out[0] = '\0';
}

static void line(struct walk *w, uint16_t file)
{
    const struct profile_file *f = &w->p->files[file];
    char size[32], fid[8] = "-", sfi[8] = "", access[16] = "-", part[24];
    unsigned depth = depth_of(w->p, file);
    size_text(f, size);
    segment(f, part);
    if (f->fid != PROFILE_FID_CURRENT_ADF)
        snprintf(fid, sizeof fid, "%04X", f->fid);
    if (f->sfi != 0)
        snprintf(sfi, sizeof sfi, "%02X", f->sfi);
    if (f->arr_record != 0)
        snprintf(access, sizeof access, "%04X/%u", f->arr_fid, f->arr_record);
    const char *name = display_name(f)[0] != '\0' ? f->name : part;
    fprintf(w->to, "%*s%-*.*s %-4s %-3s %-12s %9s  %s%s\n", (int)(2 * depth), "",
            28 - (int)(depth < 10 ? 2 * depth : 20), 40, name, fid, sfi, tree_kind(f->kind), size, access,
            deactivated(w, file) ? "  deactivated" : "");
}

static void object(struct walk *w, uint16_t file)
{
    const struct profile_file *f = &w->p->files[file];
    char path[TREE_PATH_MAX];
    tree_path(w->p, file, path);
    fputs(w->first ? "\n    {\"path\": " : ",\n    {\"path\": ", w->to);
    w->first = false;
    cli_put_json(w->to, path);
    fputs(", \"name\": ", w->to);
    cli_put_json(w->to, display_name(f));
    if (f->fid != PROFILE_FID_CURRENT_ADF)
        fprintf(w->to, ", \"fid\": \"%04X\"", f->fid);
    fprintf(w->to, ", \"kind\": \"%s\"", tree_kind(f->kind));
    if (f->sfi != 0)
        fprintf(w->to, ", \"sfi\": %u", f->sfi);
    if (f->kind >= FILE_TRANSPARENT)
        fprintf(w->to, ", \"size\": %u", (unsigned)f->size);
    if (f->kind == FILE_LINEAR || f->kind == FILE_CYCLIC)
        fprintf(w->to, ", \"record_length\": %u", f->record_len);
    if (f->arr_record != 0)
        fprintf(w->to, ", \"access\": \"%04X/%u\"", f->arr_fid, f->arr_record);
    fprintf(w->to, ", \"activated\": %s}", deactivated(w, file) ? "false" : "true");
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
    unsigned depth = 0;
    if (w->p->n_files == 0)
        return;
    stack[0].dir = 0;
    stack[0].next = 1;
    stack[0].dirs = false;
    w->json ? object(w, 0) : line(w, 0);
    for (;;) {
        uint32_t i = stack[depth].next;
        while (i < w->p->n_files && (w->p->files[i].parent != stack[depth].dir ||
                                     (w->p->files[i].kind < FILE_TRANSPARENT) != stack[depth].dirs))
            i++;
        if (i < w->p->n_files) {
            stack[depth].next = i + 1;
            w->json ? object(w, (uint16_t)i) : line(w, (uint16_t)i);
            if (stack[depth].dirs && depth + 1 < DEPTH_MAX) {
                depth++;
                stack[depth].dir = (uint16_t)i;
                stack[depth].next = i + 1;
                stack[depth].dirs = false;
            }
        } else if (!stack[depth].dirs) {
            stack[depth].dirs = true;
            stack[depth].next = stack[depth].dir + 1u;
        } else if (depth == 0) {
            return;
        } else {
            depth--;
        }
    }
}

void tree_print(FILE *to, const struct profile *p, const struct tree_source *source)
{
    struct walk w = {.to = to, .p = p, .source = source};
    fprintf(to, "%-28s %-4s %-3s %-12s %9s  %s\n", "file", "FID", "SFI", "kind", "size", "access");
    walk(&w);
}

void tree_json(FILE *to, const struct profile *p, const struct tree_source *source)
{
    struct walk w = {.to = to, .p = p, .source = source, .json = true, .first = true};
    fputc('[', to);
    walk(&w);
    fputs("\n  ]", to);
}
