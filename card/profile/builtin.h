/* SPDX-License-Identifier: Apache-2.0
 *
 * The built-in profiles: the YAML files of this folder, made into C by embed.py. Internal to profile_yaml.
 */
#ifndef PROFILE_BUILTIN_H
#define PROFILE_BUILTIN_H

#include <stddef.h>

struct profile_builtin {
    const char *name;
    const unsigned char *text;
    size_t n;
};

extern const struct profile_builtin profile_builtins[]; /* ends with a NULL name */

#endif
