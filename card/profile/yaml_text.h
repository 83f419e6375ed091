/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of a profile as a person sees it: values with the file and line where each stands, and errors that
 * point there. Internal to profile_yaml.
 */
#ifndef PROFILE_YAML_TEXT_H
#define PROFILE_YAML_TEXT_H

#include "profile_yaml.h"

enum {
    YAML_TEXT_MAX = 4 << 20, /* octets */
    YAML_NODES_MAX = 250000, /* values in one text */
    YAML_DEPTH_MAX = 12,
    YAML_KEYS_MAX = 64,  /* of one mapping */
    YAML_PATH_MAX = 256, /* "files[3].records.length" */
};

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAPPING };

/* A value. `key`, `index` and `above` say where it stands in its own file and stay what they are when it is
 * put into another tree; the children are those of the tree it is in now. */
struct yaml_node {
    enum yaml_kind kind;
    unsigned index;          /* entry of a list, from 0 */
    size_t line;             /* of its key if it has one */
    const char *origin;      /* its file */
    const char *changed;     /* entry of a list: the file that has changed it last, by including it */
    const char *key;         /* value of a mapping; else NULL */
    struct yaml_node *above; /* NULL: the whole file */
    const char *text;        /* scalar */
    struct yaml_node *first, *last, *next;
};

/* Where nodes and their texts live; wiped when it goes: keys are among them. All zero is an empty one. */
struct yaml_arena {
    struct yaml_block *blocks;
};
void *yaml_keep(struct yaml_arena *a, size_t n); /* zeroed; NULL: no memory */
void yaml_release(struct yaml_arena *a);

struct yaml_source {
    const char *text;
    size_t n;
    const char *origin; /* what errors call it */
    struct profile_error *error;
    const struct yaml_node *root; /* what paths in errors start from; may be NULL */
};

/* Sets the error "ORIGIN:LINE: PATH: message"; no line when it is 0, no path when it is "". Control
 * characters of the message become '?'. Always false, so that a check can `return yaml_fail(...)`. */
bool yaml_fail_at(const struct yaml_source *s, size_t line, const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same for the value at `path` below s->root, or the nearest thing above it that is there: its file, its
 * line, and its path in that file. */
bool yaml_fail(const struct yaml_source *s, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a value that is at hand. */
bool yaml_fail_of(const struct yaml_source *s, const struct yaml_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What a person calls the value at `path`: its path in its own file, and that file when it isn't s->origin.
 */
void yaml_called(const struct yaml_source *s, const char *path, char *out, size_t room);

/* The file in which the value at `path`, or the nearest thing above it, stands. */
const char *yaml_origin(const struct yaml_source *s, const char *path);

/* Reads a text: one well-formed document that is a mapping, of bounded size and depth, without anchors and
 * aliases (a few lines of those can expand to gigabytes) and without a key given twice. `s->origin` must last
 * as long as the nodes. NULL: the error says why. */
struct yaml_node *yaml_parse(const struct yaml_source *s, struct yaml_arena *a);

/* The value of this key; NULL if there is none or if `mapping` isn't one. */
struct yaml_node *yaml_child(const struct yaml_node *mapping, const char *key);

/* A word or a key as far as it may be repeated to a person. Where another thing stands than should, it may be
 * a secret: 24 characters at most (no key is as short), nothing behind a colon ("k:465B.." for want of a
 * space), and no digits where there are more than three (a PIN); ".." for what is left out. */
enum { YAML_SHOWN_MAX = 24, YAML_SHOWN_DIGITS = 3 };
struct yaml_shown {
    char text[YAML_SHOWN_MAX + 3];
};
struct yaml_shown yaml_shown(const char *text, size_t n);

#endif
