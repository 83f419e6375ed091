/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of the YAML loader share: the profile under construction, and errors with the place of a
 * value.
 */
#ifndef PROFILE_YAML_MAKE_H
#define PROFILE_YAML_MAKE_H

#include "yaml_schema.h"

struct kept;

struct maker {
    const struct yaml_source *s;
    const struct y_profile *y;
    struct kept *kept;
    size_t content; /* octets of file content so far */
    bool insecure;
    struct profile p;
    bool *below_adf;     /* per file */
    uint8_t (*arr)[255]; /* the records of EF.ARR, one per rule */
    size_t *arr_len;
};

struct place { /* the path of a value, as "files[3].content" */
    char text[YAML_PATH_MAX];
};

/* Zeroed memory that lives as long as the maker; NULL: none. */
void *yaml_maker_memory(struct maker *m, size_t n);

struct place yaml_at(const char *list, unsigned index, const char *key);
struct place yaml_at_item(const char *list, unsigned index, const char *key, unsigned item);
/* What a person calls an entry: its place in its own file. */
struct place yaml_entry(const struct maker *m, const char *list, unsigned index);

/* Hexadecimal of min to max octets. The error never shows the text: it may be a key. */
bool yaml_octets(const struct maker *m, const char *path, const char *text, uint8_t *out, size_t min,
                 size_t max, size_t *n);
bool yaml_octet(const struct maker *m, const char *path, const char *text, uint8_t *out);

/* yaml_plugin.c: an applet's class, and the shared object that brings it */
bool yaml_make_class(struct maker *m, unsigned i);
bool yaml_make_subscription(struct maker *m); /* yaml_subscription.c: its parameters, from "subscription" */
uint16_t yaml_find_file(const struct maker *m, const char *path);
bool yaml_make_pairs(struct maker *m); /* yaml_pairs.c: the pairs, and the common keysets */

#endif
