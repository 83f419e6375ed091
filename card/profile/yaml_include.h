/* SPDX-License-Identifier: Apache-2.0
 *
 * Profiles made from others: `include`, and what a later file changes of an earlier one
 * (card/profile/README.md has the rules). Internal to profile_yaml.
 */
#ifndef PROFILE_YAML_INCLUDE_H
#define PROFILE_YAML_INCLUDE_H

#include "yaml_text.h"

enum {
    YAML_INCLUDE_DEPTH_MAX = 8,
    YAML_INCLUDES_MAX = 32, /* files in one profile */
};

/* A profile as one text, everything included, without `include` and `remove`. All zero is an empty one. */
struct yaml_whole {
    struct yaml_source source; /* its text, in `arena`; paths in errors lead to the files it came from */
    struct yaml_arena arena;
};

/* From a file (a name with which fopen does something), or the built-in profile of that name. */
bool yaml_read(const char *name_or_path, struct profile_error *error, struct yaml_whole *whole);

/* From text, which may include built-in profiles only. */
bool yaml_read_text(const char *text, size_t n, const char *origin, struct profile_error *error,
                    struct yaml_whole *whole);

#endif
