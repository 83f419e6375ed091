/* SPDX-License-Identifier: Apache-2.0
 *
 * Profiles as YAML (card/profile/README.md has the format). Read by libcyaml against a schema; then checked
 * for what a schema can't say. Every error names file, line, the path inside the profile and what to do.
 */
#ifndef PROFILE_YAML_H
#define PROFILE_YAML_H

#include "profile.h"

struct profile_error {
    /* one line for a person: "cards.yaml:12: files[3] (EF.IMSI): content has 10 octets, size is 9" */
    char text[1024];
};

/* Loads a profile from a file, or, when `name` is the name of a built-in one ("test"),
 * that. NULL: *error says why. */
struct uicc_profile *profile_load(const char *name_or_path, struct profile_error *error);

/* Loads from text; `origin` is what errors call it. */
struct uicc_profile *profile_load_text(const char *text, size_t n, const char *origin,
                                       struct profile_error *error);

/* Names of the built-in profiles, NULL at the end. */
extern const char *const profile_builtin_names[];

#endif
