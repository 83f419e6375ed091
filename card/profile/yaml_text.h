/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of a profile as a person sees it: a source with lines, and errors that point into it. Internal to
 * profile_yaml.
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

struct yaml_source {
    const char *text;
    size_t n;
    const char *origin; /* what errors call it */
    struct profile_error *error;
};

/* Sets the error "ORIGIN:LINE: PATH: message"; no line when it is 0, no path when it is "". Control
 * characters of the message become '?'. Always false, so that a check can `return yaml_fail(...)`. */
bool yaml_fail_at(const struct yaml_source *s, size_t line, const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same, the line being that of `path`, or of the nearest thing above it that is there. */
bool yaml_fail(const struct yaml_source *s, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What must hold before a schema is asked: one well-formed document that is a mapping, of bounded size and
 * depth, without anchors and aliases (a few lines of those can expand to gigabytes) and without a key given
 * twice. */
bool yaml_check(const struct yaml_source *s);

#endif
