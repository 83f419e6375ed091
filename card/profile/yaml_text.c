/* SPDX-License-Identifier: Apache-2.0 */
#include "yaml_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

enum { KEY_MAX = 48 }; /* longest key shown in a path; the schema has none that long */

struct frame {
    bool list;
    bool at_key;     /* mapping: the next scalar is a key */
    unsigned index;  /* list: of the next entry */
    size_t path_len; /* of this collection itself */
    size_t key_line;
    unsigned n_keys;
    uint64_t keys[YAML_KEYS_MAX]; /* hashes of the keys seen */
};

struct scan {
    const struct yaml_source *s;
    yaml_parser_t parser;
    struct frame stack[YAML_DEPTH_MAX];
    unsigned depth;
    unsigned nodes;
    char path[YAML_PATH_MAX];
    const char *target; /* looking for this path's line; NULL: checking */
    size_t found_line;
    size_t found_len; /* how much of target that line stands for */
};

static void write_error(const struct yaml_source *s, size_t line, const char *path, const char *format,
                        va_list args)
{
    struct profile_error *e = s->error;
    size_t room = sizeof e->text;
    int n = line > 0 ? snprintf(e->text, room, "%s:%zu: ", s->origin, line)
                     : snprintf(e->text, room, "%s: ", s->origin);
    size_t at = n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
    if (path[0] != 0) {
        n = snprintf(e->text + at, room - at, "%s: ", path);
        at += n < 0 ? 0 : (size_t)n < room - at ? (size_t)n : room - at - 1;
    }
    (void)vsnprintf(e->text + at, room - at, format, args);
    for (char *c = e->text; *c != 0; c++) /* one line, whatever the text had in it */
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            *c = '?';
}

bool yaml_fail_at(const struct yaml_source *s, size_t line, const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_error(s, line, path, format, args);
    va_end(args);
    return false;
}

static uint64_t hash(const uint8_t *p, size_t n) /* FNV-1a */
{
    uint64_t h = 0xCBF29CE484222325U;
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 0x100000001B3U;
    return h;
}

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
    if (z->target != NULL)
        return false;
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

/* Is what is now in z->path the target, or above it? */
static void compare(struct scan *z, size_t line)
{
    size_t n = strlen(z->path);
    if (z->target == NULL || strncmp(z->path, z->target, n) != 0)
        return;
    char next = z->target[n];
    if (next != 0 && next != '.' && next != '[')
        return;
    if (n >= z->found_len) {
        z->found_len = n;
        z->found_line = line;
    }
}

/* A value begins: puts its path into z->path. */
static bool begin_value(struct scan *z, const yaml_event_t *event)
{
    size_t line = event->start_mark.line + 1;
    if (++z->nodes > YAML_NODES_MAX)
        return yaml_fail_at(z->s, line, "", "more than %d values; no profile needs that many",
                            YAML_NODES_MAX);
    if (z->depth == 0) {
        z->path[0] = 0;
        compare(z, line);
        return true;
    }
    struct frame *f = &z->stack[z->depth - 1];
    if (f->list) {
        int n = snprintf(z->path + f->path_len, sizeof z->path - f->path_len, "[%u]", f->index++);
        if (n < 0 || (size_t)n >= sizeof z->path - f->path_len)
            return yaml_fail_at(z->s, line, "", "nested too deeply");
    } else {
        line = f->key_line;
        f->at_key = true;
    }
    compare(z, line);
    return true;
}

static bool take_key(struct scan *z, const yaml_event_t *event)
{
    struct frame *f = &z->stack[z->depth - 1];
    const uint8_t *key = event->data.scalar.value;
    size_t n = event->data.scalar.length;
    f->key_line = event->start_mark.line + 1;
    f->at_key = false;
    z->path[f->path_len] = 0;
    if (n == 0 || n > KEY_MAX || memchr(key, 0, n) != NULL)
        return yaml_fail_at(z->s, f->key_line, z->path,
                            "a key of %zu characters; no key is that long or short", n);
    int w = snprintf(z->path + f->path_len, sizeof z->path - f->path_len, "%s%.*s",
                     f->path_len == 0 ? "" : ".", (int)n, (const char *)key);
    if (w < 0 || (size_t)w >= sizeof z->path - f->path_len)
        return yaml_fail_at(z->s, f->key_line, "", "nested too deeply");
    uint64_t h = hash(key, n);
    for (unsigned i = 0; i < f->n_keys; i++)
        if (f->keys[i] == h)
            return yaml_fail_at(z->s, f->key_line, z->path, "given twice; keep one");
    if (f->n_keys == YAML_KEYS_MAX)
        return yaml_fail_at(z->s, f->key_line, z->path, "more than %d keys in one mapping", YAML_KEYS_MAX);
    f->keys[f->n_keys++] = h;
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
        bool key = z->depth > 0 && !z->stack[z->depth - 1].list && z->stack[z->depth - 1].at_key;
        if (key && start)
            return yaml_fail_at(z->s, line, z->path, "a list or mapping as a key; keys are plain words");
        if (key)
            return take_key(z, event);
        if (!begin_value(z, event))
            return false;
        if (z->depth == 0 && event->type != YAML_MAPPING_START_EVENT)
            return yaml_fail_at(z->s, line, "", "a profile is a mapping: lines of \"key: value\"");
        if (start) {
            if (z->depth == YAML_DEPTH_MAX)
                return yaml_fail_at(z->s, line, z->path, "nested too deeply");
            struct frame *f = &z->stack[z->depth++];
            f->list = event->type == YAML_SEQUENCE_START_EVENT;
            f->at_key = true;
            f->index = 0;
            f->path_len = strlen(z->path);
            f->n_keys = 0;
        }
    } else if ((event->type == YAML_MAPPING_END_EVENT || event->type == YAML_SEQUENCE_END_EVENT) &&
               z->depth > 0) {
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
    if (good && documents == 0)
        good = yaml_fail_at(z->s, 1, "", "empty; a profile is a mapping: lines of \"key: value\"");
    return good;
}

bool yaml_check(const struct yaml_source *s)
{
    if (s->n > YAML_TEXT_MAX)
        return yaml_fail_at(s, 0, "", "more than %d octets; no profile is that big", YAML_TEXT_MAX);
    struct scan *z = calloc(1, sizeof *z);
    if (z == NULL)
        return yaml_fail_at(s, 0, "", "no memory");
    z->s = s;
    bool good = run(z);
    free(z);
    return good;
}

bool yaml_fail(const struct yaml_source *s, const char *path, const char *format, ...)
{
    size_t line = 0;
    struct scan *z = calloc(1, sizeof *z);
    if (z != NULL) { /* reads the text again: an error happens once */
        struct profile_error ignored;
        struct yaml_source quiet = *s;
        quiet.error = &ignored;
        z->s = &quiet;
        z->target = path;
        (void)run(z);
        line = z->found_line;
        free(z);
    }
    va_list args;
    va_start(args, format);
    write_error(s, line, path, format, args);
    va_end(args);
    return false;
}
