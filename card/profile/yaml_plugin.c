/* SPDX-License-Identifier: Apache-2.0
 *
 * The class of an applet: one of the program's, by its name, or one of a shared object, by the object's path.
 * Whether the object can be loaded is for whoever opens the card to see: a profile is only text.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "yaml_make.h"

enum { SO_PATH_MAX = 255 }; /* as codec.c has it */

/* The path as seen from here: relative ones start where the file lies that names them. NULL: no memory, or
 * too long. */
static const char *whole_path(struct maker *m, const char *where, const char *so)
{
    const char *origin = yaml_origin(m->s, where), *slash = strrchr(origin, '/');
    int dir = so[0] == '/' || slash == NULL ? 0 : (int)(slash - origin) + 1;
    char joined[PATH_MAX], resolved[PATH_MAX];
    int n = snprintf(joined, sizeof joined, "%.*s%s", dir, origin, so);
    const char *path = joined;
    if (n > 0 && (size_t)n < sizeof joined) {
        if (realpath(joined, resolved) != NULL) {
            path = resolved;
        } else if (joined[0] != '/' && realpath(".", resolved) != NULL) {
            /* not there yet; where it would be */
            char relative[PATH_MAX];
            memcpy(relative, joined, (size_t)n + 1);
            n = snprintf(joined, sizeof joined, "%s/%s", resolved, relative);
        }
    }
    size_t len = strlen(path);
    if (n < 0 || (size_t)n >= sizeof joined || len > SO_PATH_MAX) {
        (void)yaml_fail(m->s, where, "the whole path has more than %d characters", SO_PATH_MAX);
        return NULL;
    }
    char *kept = yaml_maker_memory(m, len + 1);
    if (kept != NULL)
        memcpy(kept, path, len + 1);
    return kept;
}

/* "libhello.so" brings "hello". */
static char *class_of_file(struct maker *m, const char *path)
{
    const char *name = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
    if (strncmp(name, "lib", 3) == 0)
        name += 3;
    size_t len = strcspn(name, ".");
    char *kept = yaml_maker_memory(m, len + 1);
    if (kept != NULL)
        memcpy(kept, name, len);
    return kept;
}

bool yaml_make_class(struct maker *m, unsigned i)
{
    const struct y_applet *y = &m->y->applets[i];
    struct profile_applet *a = &m->p.applets[i];
    a->class_name = y->class_name;
    a->so = "";
    if (y->so == NULL) {
        if (y->class_name == NULL)
            return yaml_fail(m->s, yaml_at("applets", i, "").text,
                             "\"class\" is missing; add it, or \"so\": a shared object that brings one");
        if (y->instance != UNSAID)
            return yaml_fail(m->s, yaml_at("applets", i, "instance").text,
                             "is for a \"so\" whose package is wanted without an applet of it");
        return true;
    }
    a->so = whole_path(m, yaml_at("applets", i, "so").text, y->so);
    if (a->so == NULL)
        return false;
    if (y->instance == NO) {
        a->class_name = "";
        if (y->class_name != NULL || y->aid != NULL || y->adf != NULL || y->start != NULL ||
            y->tars_count > 0 || y->params != NULL)
            return yaml_fail(m->s, yaml_at("applets", i, "instance").text,
                             "no applet, but something about one; remove either");
        return true;
    }
    if (a->class_name == NULL)
        a->class_name = class_of_file(m, a->so);
    return a->class_name != NULL;
}
