/* SPDX-License-Identifier: Apache-2.0 */
#include "yaml_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

enum {
    KEY_MAX = 48, /* longest key shown in a path; the schema has none that long */
    BLOCK = 1 << 16,
};

/* ---- memory ---- */

struct yaml_block {
    struct yaml_block *next;
    size_t n, used;
    max_align_t data[];
};

void *yaml_keep(struct yaml_arena *a, size_t n)
{
    size_t align = sizeof(max_align_t);
    if (n > SIZE_MAX - BLOCK)
        return NULL;
    n = (n + align - 1) / align * align;
    if (a->blocks == NULL || a->blocks->n - a->blocks->used < n) {
        size_t room = n > BLOCK ? n : BLOCK;
        struct yaml_block *b = calloc(1, sizeof *b + room);
        if (b == NULL)
            return NULL;
        b->next = a->blocks;
        b->n = room;
        a->blocks = b;
    }
    void *p = (char *)a->blocks->data + a->blocks->used;
    a->blocks->used += n;
    return p;
}

void yaml_release(struct yaml_arena *a)
{
    while (a->blocks != NULL) {
        struct yaml_block *b = a->blocks;
        a->blocks = b->next;
        crypto_wipe(b->data, b->used);
        free(b);
    }
}

/* ---- errors ---- */

struct yaml_shown yaml_shown(const char *text, size_t n)
{
    struct yaml_shown s = {""};
    size_t digits = 0, first = n, colon = n;
    for (size_t i = n; i-- > 0;) {
        colon = text[i] == ':' ? i : colon;
        first = text[i] >= '0' && text[i] <= '9' ? i : first;
        digits += first == i;
    }
    size_t shown = digits > YAML_SHOWN_DIGITS && first < colon ? first : colon;
    shown = shown < YAML_SHOWN_MAX ? shown : YAML_SHOWN_MAX;
    (void)snprintf(s.text, sizeof s.text, "%.*s%s", (int)shown, text, shown < n ? ".." : "");
    return s;
}

/* A path, its keys as far as they may be repeated. */
static void show_path(const char *path, char shown[YAML_PATH_MAX])
{
    size_t at = 0;
    while (*path != 0 && at < YAML_PATH_MAX - 1) {
        const bool index = *path == '[';
        const size_t n = index ? strcspn(path, "]") : strcspn(path + 1, ".[") + 1, dot = *path == '.';
        int w = index ? snprintf(shown + at, YAML_PATH_MAX - at, "%.*s", (int)n, path)
                      : snprintf(shown + at, YAML_PATH_MAX - at, "%.*s%s", (int)dot, path,
                                 yaml_shown(path + dot, n - dot).text);
        at += w < 0 ? 0 : (size_t)w;
        path += n;
        if (index && *path == ']' && at < YAML_PATH_MAX - 1) {
            shown[at++] = ']';
            path++;
        }
    }
    shown[at < YAML_PATH_MAX ? at : YAML_PATH_MAX - 1] = 0;
}

/* The last net: sixteen octets of hexadecimal in a row may be a key, wherever they come from. */
static void hide_keys(char *text)
{
    enum { KEY_DIGITS = 32 };
    char *to = text;
    for (const char *at = text; *at != 0;) {
        const size_t n = strspn(at, "0123456789abcdefABCDEF"), kept = n == 0 ? 1 : n;
        const bool key = n >= KEY_DIGITS;
        memmove(to, key ? ".." : at, key ? 2 : kept);
        to += key ? 2 : kept;
        at += kept;
    }
    *to = 0;
}

static void write_error(const struct yaml_source *s, const char *origin, size_t line, const char *path,
                        const char *format, va_list args)
{
    struct profile_error *e = s->error;
    size_t room = sizeof e->text;
    int n = line > 0 ? snprintf(e->text, room, "%s:%zu: ", origin, line)
                     : snprintf(e->text, room, "%s: ", origin);
    size_t at = n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
    if (path[0] != 0) {
        char shown[YAML_PATH_MAX];
        show_path(path, shown);
        n = snprintf(e->text + at, room - at, "%s: ", shown);
        at += n < 0 ? 0 : (size_t)n < room - at ? (size_t)n : room - at - 1;
    }
    (void)vsnprintf(e->text + at, room - at, format, args);
    hide_keys(e->text);
    for (char *c = e->text; *c != 0; c++) /* one line, whatever the text had in it */
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            *c = '?';
}

bool yaml_fail_at(const struct yaml_source *s, size_t line, const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_error(s, s->origin, line, path, format, args);
    va_end(args);
    return false;
}

struct yaml_node *yaml_child(const struct yaml_node *mapping, const char *key)
{
    if (mapping == NULL || mapping->kind != YAML_MAPPING)
        return NULL;
    for (struct yaml_node *n = mapping->first; n != NULL; n = n->next)
        if (strcmp(n->key, key) == 0)
            return n;
    return NULL;
}

/* The value at `path`, or the nearest thing above it; *rest is what of the path is left. */
static const struct yaml_node *nearest(const struct yaml_node *root, const char *path, const char **rest)
{
    *rest = path;
    while (*path != 0) {
        const struct yaml_node *n = NULL;
        if (*path == '[') {
            char *end;
            unsigned long index = strtoul(path + 1, &end, 10);
            if (root->kind == YAML_LIST)
                for (n = root->first; n != NULL && index > 0; n = n->next)
                    index--;
            path = *end == ']' ? end + 1 : end + strlen(end);
        } else {
            char key[KEY_MAX + 1];
            path += *path == '.';
            size_t len = strcspn(path, ".[");
            if (len <= KEY_MAX) {
                memcpy(key, path, len);
                key[len] = 0;
                n = yaml_child(root, key);
            }
            path += len;
        }
        if (n == NULL)
            break;
        root = n;
        *rest = path;
    }
    return root;
}

/* Its path in its own file. */
static void path_of(const struct yaml_node *node, const char *rest, char *out, size_t room)
{
    const struct yaml_node *chain[YAML_DEPTH_MAX + 1];
    unsigned depth = 0;
    size_t at = 0;
    out[0] = 0;
    for (; node->above != NULL && depth <= YAML_DEPTH_MAX; node = node->above)
        chain[depth++] = node;
    while (depth-- > 0 && at < room) {
        const struct yaml_node *n = chain[depth];
        int w = n->key == NULL ? snprintf(out + at, room - at, "[%u]", n->index)
                               : snprintf(out + at, room - at, "%s%s", at == 0 ? "" : ".", n->key);
        at += w < 0 ? 0 : (size_t)w;
    }
    if (at < room)
        (void)snprintf(out + at, room - at, "%s", at == 0 && *rest == '.' ? rest + 1 : rest);
}

bool yaml_fail(const struct yaml_source *s, const char *path, const char *format, ...)
{
    char shown[YAML_PATH_MAX + KEY_MAX];
    const char *rest, *origin = s->origin;
    size_t line = 0;
    if (s->root != NULL) {
        const struct yaml_node *node = nearest(s->root, path, &rest);
        path_of(node, rest, shown, sizeof shown);
        path = shown;
        origin = node->origin;
        line = node->line;
    }
    va_list args;
    va_start(args, format);
    write_error(s, origin, line, path, format, args);
    va_end(args);
    return false;
}

bool yaml_fail_of(const struct yaml_source *s, const struct yaml_node *node, const char *format, ...)
{
    char path[YAML_PATH_MAX + KEY_MAX];
    path_of(node, "", path, sizeof path);
    va_list args;
    va_start(args, format);
    write_error(s, node->origin, node->line, path, format, args);
    va_end(args);
    return false;
}

void yaml_called(const struct yaml_source *s, const char *path, char *out, size_t room)
{
    const char *rest;
    const struct yaml_node *node = nearest(s->root, path, &rest);
    path_of(node, rest, out, room);
    size_t at = strlen(out);
    if (strcmp(node->origin, s->origin) != 0)
        (void)snprintf(out + at, room - at, " of %s", node->origin);
}

const char *yaml_origin(const struct yaml_source *s, const char *path)
{
    const char *rest;
    return s->root == NULL ? s->origin : nearest(s->root, path, &rest)->origin;
}

/* ---- reading ---- */

struct scan {
    const struct yaml_source *s;
    struct yaml_arena *arena;
    yaml_parser_t parser;
    struct {
        struct yaml_node *node;
        unsigned count; /* entries or keys so far */
        size_t path_len;
    } stack[YAML_DEPTH_MAX];
    unsigned depth;
    unsigned nodes;
    const char *key; /* its value comes next; NULL: none was read */
    size_t key_line;
    struct yaml_node *root;
    char path[YAML_PATH_MAX];
};

static size_t line_of_offset(const struct yaml_source *s, size_t offset)
{
    size_t line = 1;
    for (size_t i = 0; i < offset && i < s->n; i++)
        line += s->text[i] == '\n';
    return line;
}

static bool parser_failed(const struct scan *z)
{
    const yaml_parser_t *p = &z->parser;
    if (p->error == YAML_MEMORY_ERROR)
        return yaml_fail_at(z->s, 0, "", "no memory");
    const char *problem = p->problem != NULL ? p->problem : "not YAML";
    if (p->error == YAML_READER_ERROR)
        return yaml_fail_at(z->s, line_of_offset(z->s, p->problem_offset), "",
                            "%s; a profile is UTF-8 text in YAML", problem);
    if (p->context != NULL)
        return yaml_fail_at(z->s, p->problem_mark.line + 1, "", "not valid YAML here: %s %s from line %zu",
                            problem, p->context, p->context_mark.line + 1);
    return yaml_fail_at(z->s, p->problem_mark.line + 1, "", "not valid YAML here: %s", problem);
}

static const char *keep_text(struct scan *z, const yaml_event_t *event)
{
    char *text = yaml_keep(z->arena, event->data.scalar.length + 1);
    if (text == NULL)
        (void)yaml_fail_at(z->s, 0, "", "no memory");
    else
        memcpy(text, event->data.scalar.value, event->data.scalar.length);
    return text;
}

static bool take_key(struct scan *z, const yaml_event_t *event)
{
    struct yaml_node *mapping = z->stack[z->depth - 1].node;
    size_t path_len = z->stack[z->depth - 1].path_len;
    const uint8_t *key = event->data.scalar.value;
    size_t n = event->data.scalar.length;
    z->key_line = event->start_mark.line + 1;
    z->path[path_len] = 0;
    if (n == 0 || n > KEY_MAX || memchr(key, 0, n) != NULL)
        return yaml_fail_at(z->s, z->key_line, z->path,
                            "a key of %zu characters; no key is that long or short", n);
    int w = snprintf(z->path + path_len, sizeof z->path - path_len, "%s%.*s", path_len == 0 ? "" : ".",
                     (int)n, (const char *)key);
    if (w < 0 || (size_t)w >= sizeof z->path - path_len)
        return yaml_fail_at(z->s, z->key_line, "", "nested too deeply");
    if ((z->key = keep_text(z, event)) == NULL)
        return false;
    if (yaml_child(mapping, z->key) != NULL)
        return yaml_fail_at(z->s, z->key_line, z->path, "given twice; keep one");
    if (z->stack[z->depth - 1].count++ == YAML_KEYS_MAX)
        return yaml_fail_at(z->s, z->key_line, z->path, "more than %d keys in one mapping", YAML_KEYS_MAX);
    return true;
}

/* A value begins. */
static bool take_value(struct scan *z, const yaml_event_t *event)
{
    size_t line = event->start_mark.line + 1;
    if (++z->nodes > YAML_NODES_MAX)
        return yaml_fail_at(z->s, line, "", "more than %d values; no profile needs that many",
                            YAML_NODES_MAX);
    if (z->depth == 0 && event->type != YAML_MAPPING_START_EVENT)
        return yaml_fail_at(z->s, line, "", "a profile is a mapping: lines of \"key: value\"");
    struct yaml_node *node = yaml_keep(z->arena, sizeof *node);
    if (node == NULL)
        return yaml_fail_at(z->s, 0, "", "no memory");
    node->line = line;
    node->origin = z->s->origin;
    if (z->depth == 0) {
        z->root = node;
        z->path[0] = 0;
    } else {
        struct yaml_node *above = z->stack[z->depth - 1].node;
        node->above = above;
        if (above->kind == YAML_LIST) {
            size_t path_len = z->stack[z->depth - 1].path_len;
            node->index = z->stack[z->depth - 1].count++;
            int n = snprintf(z->path + path_len, sizeof z->path - path_len, "[%u]", node->index);
            if (n < 0 || (size_t)n >= sizeof z->path - path_len)
                return yaml_fail_at(z->s, line, "", "nested too deeply");
        } else {
            node->key = z->key;
            node->line = z->key_line;
            z->key = NULL;
        }
        *(above->last == NULL ? &above->first : &above->last->next) = node;
        above->last = node;
    }
    if (event->type == YAML_SCALAR_EVENT) {
        if (memchr(event->data.scalar.value, 0, event->data.scalar.length) != NULL)
            return yaml_fail_at(z->s, line, z->path, "has a NUL character in it");
        return (node->text = keep_text(z, event)) != NULL;
    }
    node->kind = event->type == YAML_SEQUENCE_START_EVENT ? YAML_LIST : YAML_MAPPING;
    if (z->depth == YAML_DEPTH_MAX)
        return yaml_fail_at(z->s, line, z->path, "nested too deeply");
    z->stack[z->depth].node = node;
    z->stack[z->depth].count = 0;
    z->stack[z->depth++].path_len = strlen(z->path);
    return true;
}

static bool take_event(struct scan *z, const yaml_event_t *event)
{
    size_t line = event->start_mark.line + 1;
    bool start = event->type == YAML_MAPPING_START_EVENT || event->type == YAML_SEQUENCE_START_EVENT;
    const yaml_char_t *anchor = NULL;
    if (event->type == YAML_SCALAR_EVENT)
        anchor = event->data.scalar.anchor;
    else if (event->type == YAML_MAPPING_START_EVENT)
        anchor = event->data.mapping_start.anchor;
    else if (event->type == YAML_SEQUENCE_START_EVENT)
        anchor = event->data.sequence_start.anchor;
    if (anchor != NULL || event->type == YAML_ALIAS_EVENT)
        return yaml_fail_at(z->s, line, z->path,
                            "anchors (&) and aliases (*) are not read; write the value out");

    if (event->type == YAML_SCALAR_EVENT || start) {
        bool key = z->depth > 0 && z->stack[z->depth - 1].node->kind == YAML_MAPPING && z->key == NULL;
        if (key && start)
            return yaml_fail_at(z->s, line, z->path, "a list or mapping as a key; keys are plain words");
        return key ? take_key(z, event) : take_value(z, event);
    }
    if ((event->type == YAML_MAPPING_END_EVENT || event->type == YAML_SEQUENCE_END_EVENT) && z->depth > 0) {
        z->depth--;
        if (z->depth > 0)
            z->path[z->stack[z->depth - 1].path_len] = 0;
    }
    return true;
}

static bool run(struct scan *z)
{
    unsigned documents = 0;
    bool good = true, end = false;
    if (!yaml_parser_initialize(&z->parser))
        return yaml_fail_at(z->s, 0, "", "no memory");
    yaml_parser_set_input_string(&z->parser, (const unsigned char *)z->s->text, z->s->n);
    while (good && !end) {
        yaml_event_t event;
        if (!yaml_parser_parse(&z->parser, &event)) {
            good = parser_failed(z);
            break;
        }
        end = event.type == YAML_STREAM_END_EVENT;
        if (event.type == YAML_DOCUMENT_START_EVENT && ++documents == 2)
            good = yaml_fail_at(z->s, event.start_mark.line + 1, "",
                                "a second document begins; a file has one profile");
        else
            good = take_event(z, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&z->parser);
    if (good && z->root == NULL)
        good = yaml_fail_at(z->s, 1, "", "empty; a profile is a mapping: lines of \"key: value\"");
    return good;
}

struct yaml_node *yaml_parse(const struct yaml_source *s, struct yaml_arena *a)
{
    if (s->n > YAML_TEXT_MAX) {
        (void)yaml_fail_at(s, 0, "", "more than %d octets; no profile is that big", YAML_TEXT_MAX);
        return NULL;
    }
    struct scan *z = calloc(1, sizeof *z);
    if (z == NULL) {
        (void)yaml_fail_at(s, 0, "", "no memory");
        return NULL;
    }
    z->s = s;
    z->arena = a;
    struct yaml_node *root = run(z) ? z->root : NULL;
    free(z);
    return root;
}
