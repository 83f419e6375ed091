/* SPDX-License-Identifier: Apache-2.0
 *
 * Files are read depth first; each is laid over what the ones before it made. The result is written out as
 * YAML again, because that is what libcyaml reads.
 */
#include "yaml_include.h"

#include "builtin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct input { /* a file being read, or waiting for those it includes */
    struct yaml_source source;
    struct yaml_node *root;
    const struct yaml_node *next; /* what it still has to include */
    const struct profile_builtin *builtin;
    bool file;
    dev_t device;
    ino_t inode;
};

struct reading {
    struct yaml_whole *whole;
    struct input stack[YAML_INCLUDE_DEPTH_MAX];
    unsigned depth;
    struct input read[YAML_INCLUDES_MAX]; /* all so far: a file that two others include is read once */
    unsigned n_read;
    struct yaml_node *result;
};

/* ---- texts ---- */

static bool no_memory(const struct yaml_source *s)
{
    return yaml_fail_at(s, 0, "", "no memory");
}

static const struct profile_builtin *builtin(const char *name)
{
    for (const struct profile_builtin *b = profile_builtins; b->name != NULL; b++)
        if (strcmp(name, b->name) == 0)
            return b;
    return NULL;
}

/* Fills in text, n and who it is. `s->origin` is the path. */
static bool read_file(struct input *in, struct yaml_arena *arena)
{
    struct yaml_source *s = &in->source;
    FILE *file = fopen(s->origin, "rb");
    struct stat st;
    if (file == NULL) {
        char names[200] = "";
        for (const char *const *n = profile_builtin_names; *n != NULL; n++) {
            size_t at = strlen(names);
            (void)snprintf(names + at, sizeof names - at, "%s%s", at == 0 ? "" : ", ", *n);
        }
        return yaml_fail_at(s, 0, "", "%s; give the path of a profile, or the name of a built-in one (%s)",
                            strerror(errno), names);
    }
    (void)setvbuf(file, NULL, _IONBF, 0); /* stdio's own would keep keys after fclose */
    bool good = false;
    size_t room = (size_t)YAML_TEXT_MAX + 1; /* one more, so that a text that is too long shows */
    char *text = malloc(room);
    if (text == NULL) {
        (void)no_memory(s);
    } else {
        size_t n = fread(text, 1, room, file);
        char *kept = NULL;
        if (ferror(file) || fstat(fileno(file), &st) != 0)
            (void)yaml_fail_at(s, 0, "", "cannot be read: %s", strerror(errno));
        else if ((kept = yaml_keep(arena, n)) == NULL)
            (void)no_memory(s);
        else
            memcpy(kept, text, n);
        good = kept != NULL;
        s->text = kept;
        s->n = n;
        crypto_wipe(text, n);
    }
    free(text);
    (void)fclose(file);
    if (good) {
        in->file = true;
        in->device = st.st_dev;
        in->inode = st.st_ino;
    }
    return good;
}

static bool open_input(struct input *in, struct yaml_arena *arena)
{
    in->builtin = builtin(in->source.origin);
    if (in->builtin == NULL)
        return read_file(in, arena);
    in->source.text = (const char *)in->builtin->text;
    in->source.n = in->builtin->n;
    return true;
}

static bool same(const struct input *a, const struct input *b)
{
    if (a->builtin != NULL || b->builtin != NULL)
        return a->builtin == b->builtin;
    return a->file && b->file && a->device == b->device && a->inode == b->inode;
}

/* ---- one file over another ---- */

/* The lists whose entries have a name, and where it stands. */
static const struct {
    const char *list, *key;
} named[] = {{"access", "name"}, {"pins", "name"}, {"files", "path"}, {"applets", "name"}};

static const char *entry_key(const char *list)
{
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++)
        if (strcmp(named[i].list, list) == 0)
            return named[i].key;
    return NULL;
}

static void append(struct yaml_node *to, struct yaml_node *node)
{
    node->next = NULL;
    *(to->last == NULL ? &to->first : &to->last->next) = node;
    to->last = node;
}

static void drop(struct yaml_node *from, const struct yaml_node *node)
{
    struct yaml_node *before = NULL, *n = from->first;
    for (; n != NULL && n != node; n = n->next)
        before = n;
    if (n == NULL)
        return;
    *(before == NULL ? &from->first : &before->next) = n->next;
    if (from->last == n)
        from->last = before;
}

static void drop_key(struct yaml_node *mapping, const char *key)
{
    const struct yaml_node *n = yaml_child(mapping, key);
    if (n != NULL)
        drop(mapping, n);
}

static void replace(struct yaml_node *in, struct yaml_node *old, struct yaml_node *by)
{
    struct yaml_node **link = &in->first;
    while (*link != old)
        link = &(*link)->next;
    by->next = old->next;
    *link = by;
    if (in->last == old)
        in->last = by;
}

static const char *scalar(const struct yaml_node *mapping, const char *key)
{
    const struct yaml_node *n = yaml_child(mapping, key);
    return n != NULL && n->kind == YAML_SCALAR ? n->text : NULL;
}

/* Key by key, and so the mappings in it. */
static void lay_mapping(struct yaml_node *under, struct yaml_node *over)
{
    for (struct yaml_node *next, *n = over->first; n != NULL; n = next) {
        next = n->next;
        struct yaml_node *old = yaml_child(under, n->key);
        if (old == NULL) {
            append(under, n);
        } else if (old->kind != YAML_MAPPING || n->kind != YAML_MAPPING) {
            replace(under, old, n);
        } else { /* {length: .., count: ..}: nothing that files can change goes deeper */
            for (struct yaml_node *after, *k = n->first; k != NULL; k = after) {
                after = k->next;
                struct yaml_node *inner = yaml_child(old, k->key);
                if (inner == NULL)
                    append(old, k);
                else
                    replace(old, inner, k);
            }
        }
    }
}

/* Keys of which an entry has one at most: a new one takes the place of the other. */
static void lay_entry(struct yaml_node *under, struct yaml_node *over)
{
    static const char *const either[][4] = {{"content", "contents", "fill", "link"},
                                            {"adf", "start", NULL, NULL},
                                            {"size", "records", "link", NULL},
                                            {"deactivated", "link", NULL, NULL},
                                            {"high-update", "link", NULL, NULL},
                                            {"open-deactivated", "link", NULL, NULL}};
    for (size_t i = 0; i < sizeof either / sizeof either[0]; i++) {
        bool said = false;
        for (unsigned k = 0; k < 4 && either[i][k] != NULL; k++)
            said = said || yaml_child(over, either[i][k]) != NULL;
        for (unsigned k = 0; said && k < 4 && either[i][k] != NULL; k++)
            if (yaml_child(over, either[i][k]) == NULL)
                drop_key(under, either[i][k]);
    }
    lay_mapping(under, over);
}

static const char *first_tar(const struct yaml_node *applet)
{
    const struct yaml_node *tars = yaml_child(applet, "tars");
    return tars != NULL && tars->kind == YAML_LIST && tars->first != NULL && tars->first->kind == YAML_SCALAR
               ? tars->first->text
               : NULL;
}

static bool text_equal(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* Which entry, of those that stand in earlier files, the one of `over` changes. An applet without a name goes
 * by class, and by its first TAR if it gives any. false: several. */
static bool find(const struct yaml_node *list, const struct yaml_node *over, const char *key,
                 struct yaml_node **found)
{
    const char *name = scalar(over, key), *class_name = scalar(over, "class"), *tar = first_tar(over);
    bool by_class = name == NULL && strcmp(list->key, "applets") == 0;
    *found = NULL;
    for (struct yaml_node *n = list->first; n != NULL; n = n->next) {
        if (n->origin == over->origin)
            continue;
        if (by_class
                ? text_equal(scalar(n, "class"), class_name) && (tar == NULL || text_equal(first_tar(n), tar))
                : text_equal(scalar(n, key), name)) {
            if (*found != NULL && by_class)
                return false;
            *found = n;
        }
    }
    return true;
}

/* Takes out the entry, and with a directory what is below it. */
static void take_out(struct yaml_node *list, const struct yaml_node *entry)
{
    const char *path = strcmp(list->key, "files") == 0 ? scalar(entry, "path") : NULL;
    size_t n = path == NULL ? 0 : strlen(path);
    drop(list, entry);
    for (struct yaml_node *next, *e = list->first; path != NULL && e != NULL; e = next) {
        const char *p = scalar(e, "path");
        next = e->next;
        if (p != NULL && strncmp(p, path, n) == 0 && p[n] == '/')
            drop(list, e);
    }
}

static bool lay_list(const struct yaml_source *s, struct yaml_node *under, const struct yaml_node *over,
                     const char *key)
{
    unsigned entries = 0;
    for (const struct yaml_node *n = under->first; n != NULL; n = n->next)
        entries++;
    for (struct yaml_node *next, *n = over->first; n != NULL; n = next) {
        struct yaml_node *old = NULL;
        char where[YAML_PATH_MAX];
        next = n->next;
        (void)snprintf(where, sizeof where, "%s[%u]", over->key, n->index);
        if (entries > 0 && (entries > PROFILE_FILES_MAX || n->index >= PROFILE_FILES_MAX))
            return yaml_fail_at(s, n->line, where, "more than %d entries", PROFILE_FILES_MAX);
        if (!find(under, n, key, &old))
            return yaml_fail_at(s, n->line, where,
                                "several applets of this class are included; name one by its first TAR, or "
                                "give it a \"name\" where it stands");
        const char *gone = scalar(n, "remove");
        bool said = gone != NULL, yes = said && (strcmp(gone, "yes") == 0 || strcmp(gone, "true") == 0);
        if (said && (yes || strcmp(gone, "no") == 0 || strcmp(gone, "false") == 0))
            drop_key(n, "remove"); /* any other word is the schema's to refuse */
        if (yes && old == NULL)
            return yaml_fail_at(s, n->line, where, "nothing like it is included; there is nothing to remove");
        for (const struct yaml_node *k = n->first; yes && k != NULL; k = k->next)
            if (strcmp(k->key, key) != 0 && strcmp(k->key, "class") != 0 && strcmp(k->key, "tars") != 0)
                return yaml_fail_at(s, n->line, where, "\"%s\" in an entry that is removed; remove that",
                                    k->key);
        if (yes) {
            take_out(under, old);
        } else if (old == NULL) {
            append(under, n);
        } else if (old->changed == n->origin) { /* the later one would win, in silence */
            return yaml_fail_at(s, n->line, where, "given twice; make it one entry");
        } else {
            old->changed = n->origin;
            lay_entry(old, n);
        }
    }
    return true;
}

static bool lay_file(struct reading *r, const struct input *in)
{
    const struct yaml_source *s = &in->source;
    const char *format = scalar(in->root, "format");
    if (in != &r->stack[0] && format == NULL) /* the outermost file's is the schema's to check */
        return yaml_fail_at(s, in->root->line, "", "\"format\" is missing; add it");
    if (in != &r->stack[0] && strcmp(format, "1") != 0)
        return yaml_fail_at(s, yaml_child(in->root, "format")->line, "format",
                            "format %.20s; this softuicc reads format 1", format);
    for (struct yaml_node *next, *n = in->root->first; n != NULL; n = next) {
        next = n->next;
        struct yaml_node *old = yaml_child(r->result, n->key);
        const char *key = n->kind == YAML_LIST ? entry_key(n->key) : NULL;
        if (key != NULL && (old == NULL || old->kind != YAML_LIST)) {
            struct yaml_node *list = yaml_keep(&r->whole->arena, sizeof *list);
            if (list == NULL)
                return no_memory(s);
            *list = *n;
            list->first = list->last = NULL;
            if (old == NULL)
                append(r->result, list);
            else
                replace(r->result, old, list);
            old = list;
        }
        if (key != NULL) {
            if (!lay_list(s, old, n, key))
                return false;
        } else if (old == NULL) {
            append(r->result, n);
        } else if (old->kind == YAML_MAPPING && n->kind == YAML_MAPPING) {
            lay_mapping(old, n);
        } else {
            replace(r->result, old, n);
        }
    }
    return true;
}

/* ---- which files ---- */

/* Takes "include" out of the file and says what it names. */
static bool take_include(struct input *in)
{
    struct yaml_node *n = yaml_child(in->root, "include");
    if (n == NULL)
        return true;
    drop(in->root, n);
    n->next = NULL;
    in->next = n->kind == YAML_LIST ? n->first : n;
    for (const struct yaml_node *k = in->next; k != NULL; k = k->next)
        if (k->kind != YAML_SCALAR || k->text[0] == 0)
            return yaml_fail_at(&in->source, k->line, "include",
                                "must be the name of a built-in profile, or the path of a file, or a list "
                                "of those");
    return n->kind == YAML_LIST && n->first == NULL
               ? yaml_fail_at(&in->source, n->line, "include", "an empty list; name a profile, or remove it")
               : true;
}

/* "base.yaml" of "profiles/mine.yaml" is "profiles/base.yaml". */
static const char *beside(const struct input *in, const char *name, struct yaml_arena *arena)
{
    const char *slash = strrchr(in->source.origin, '/');
    size_t dir = slash == NULL || name[0] == '/' ? 0 : (size_t)(slash - in->source.origin) + 1;
    size_t n = strlen(name);
    char *path = yaml_keep(arena, dir + n + 1);
    if (path != NULL) {
        memcpy(path, in->source.origin, dir);
        memcpy(path + dir, name, n);
    }
    return path;
}

static bool refuse_circle(const struct reading *r, unsigned from, size_t line, const struct input *again)
{
    char chain[600] = "";
    size_t at = 0;
    for (unsigned i = from; i < r->depth && at < sizeof chain; i++)
        at += (size_t)snprintf(chain + at, sizeof chain - at, "%s -> ", r->stack[i].source.origin);
    return yaml_fail_at(&r->stack[r->depth - 1].source, line, "include",
                        "goes in a circle: %s%s; take one of them out", chain, again->source.origin);
}

static bool push(struct reading *r, struct input *in)
{
    in->root = yaml_parse(&in->source, &r->whole->arena);
    if (in->root == NULL || !take_include(in))
        return false;
    r->read[r->n_read++] = *in;
    r->stack[r->depth++] = *in;
    return true;
}

static bool include(struct reading *r, const struct yaml_node *name)
{
    struct input *by = &r->stack[r->depth - 1];
    struct input in;
    memset(&in, 0, sizeof in);
    in.source.error = by->source.error;
    if (builtin(name->text) != NULL) {
        in.source.origin = name->text;
    } else if (!by->file) {
        return yaml_fail_at(&by->source, name->line, "include", "no built-in profile \"%s\"",
                            yaml_shown(name->text, strlen(name->text)).text);
    } else if ((in.source.origin = beside(by, name->text, &r->whole->arena)) == NULL) {
        return no_memory(&by->source);
    }
    if (r->depth == YAML_INCLUDE_DEPTH_MAX)
        return yaml_fail_at(&by->source, name->line, "include", "more than %d files deep",
                            YAML_INCLUDE_DEPTH_MAX);
    if (!open_input(&in, &r->whole->arena)) {
        struct profile_error why = *in.source.error;
        return yaml_fail_at(&by->source, name->line, "include", "%s", why.text);
    }
    for (unsigned i = 0; i < r->depth; i++)
        if (same(&r->stack[i], &in))
            return refuse_circle(r, i, name->line, &in);
    for (unsigned i = 0; i < r->n_read; i++)
        if (same(&r->read[i], &in))
            return true;
    if (r->n_read == YAML_INCLUDES_MAX)
        return yaml_fail_at(&by->source, name->line, "include", "more than %d files in one profile",
                            YAML_INCLUDES_MAX);
    return push(r, &in);
}

/* ---- out again ---- */

struct writer {
    char *to; /* NULL: only counts */
    size_t n;
};

static void put(struct writer *w, const char *text, size_t n)
{
    if (w->to != NULL)
        memcpy(w->to + w->n, text, n);
    w->n += n;
}

/* Double-quoted, in ASCII. The text is good UTF-8: libyaml read it. */
static void put_scalar(struct writer *w, const char *text)
{
    put(w, "\"", 1);
    for (const unsigned char *p = (const unsigned char *)text; *p != 0;) {
        char escaped[16];
        if (*p >= 0x20 && *p < 0x7F) {
            if (*p == '"' || *p == '\\')
                put(w, "\\", 1);
            put(w, (const char *)p++, 1);
            continue;
        }
        unsigned more = *p >= 0xF0 ? 3 : *p >= 0xE0 ? 2 : *p >= 0xC0 ? 1 : 0;
        uint32_t c = more == 0 ? *p : *p & (0x3Fu >> more);
        for (p++; more > 0 && *p != 0; more--)
            c = c << 6 | (*p++ & 0x3F);
        int n = snprintf(escaped, sizeof escaped, "\\U%08X", (unsigned)c);
        put(w, escaped, n > 0 ? (size_t)n : 0);
    }
    put(w, "\"", 1);
}

static void put_tree(struct writer *w, const struct yaml_node *root)
{
    const struct yaml_node *stack[YAML_DEPTH_MAX + 1], *n = root;
    unsigned depth = 0;
    for (;;) {
        if (n->key != NULL) {
            put_scalar(w, n->key);
            put(w, ": ", 2);
        }
        if (n->kind == YAML_SCALAR)
            put_scalar(w, n->text);
        else
            put(w, n->kind == YAML_LIST ? "[" : "{", 1);
        if (n->kind != YAML_SCALAR && n->first != NULL && depth <= YAML_DEPTH_MAX) {
            stack[depth++] = n;
            n = n->first;
            continue;
        }
        if (n->kind != YAML_SCALAR)
            put(w, n->kind == YAML_LIST ? "]" : "}", 1);
        while (depth > 0 && n->next == NULL) {
            n = stack[--depth];
            put(w, n->kind == YAML_LIST ? "]" : "}", 1);
        }
        if (depth == 0)
            return;
        put(w, ",\n", 2);
        n = n->next;
    }
}

static bool write_out(struct yaml_whole *whole, const struct yaml_node *root)
{
    struct writer w = {NULL, 0};
    put_tree(&w, root);
    w.to = yaml_keep(&whole->arena, w.n);
    if (w.to == NULL)
        return no_memory(&whole->source);
    whole->source.text = w.to;
    whole->source.n = w.n;
    w.n = 0;
    put_tree(&w, root);
    return true;
}

/* ---- the whole ---- */

static bool read_all(struct input *first, struct yaml_whole *whole)
{
    struct reading *r = calloc(1, sizeof *r);
    if (r == NULL)
        return no_memory(&first->source);
    r->whole = whole;
    whole->source = first->source;
    bool good = push(r, first);
    if (good) { /* an empty mapping that stands where the outermost file's does */
        r->result = yaml_keep(&whole->arena, sizeof *r->result);
        good = r->result != NULL || no_memory(&first->source);
    }
    if (good) {
        *r->result = *r->stack[0].root;
        r->result->first = r->result->last = NULL;
    }
    while (good && r->depth > 0) {
        struct input *top = &r->stack[r->depth - 1];
        const struct yaml_node *name = top->next;
        if (name != NULL) {
            top->next = name->next;
            good = include(r, name);
        } else {
            good = lay_file(r, top);
            r->depth--;
        }
    }
    good = good && write_out(whole, r->result);
    whole->source.root = r->result;
    free(r);
    return good;
}

bool yaml_read_text(const char *text, size_t n, const char *origin, struct profile_error *error,
                    struct yaml_whole *whole)
{
    struct input in;
    memset(&in, 0, sizeof in);
    in.source = (struct yaml_source){text, n, origin, error, NULL};
    return read_all(&in, whole);
}

bool yaml_read(const char *name_or_path, struct profile_error *error, struct yaml_whole *whole)
{
    struct input in;
    memset(&in, 0, sizeof in);
    in.source = (struct yaml_source){NULL, 0, name_or_path, error, NULL};
    return open_input(&in, &whole->arena) && read_all(&in, whole);
}
