/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "api.h"
#include "cli.h"
#include "guard.h"

enum { CLASSES_MAX = 128, OBJECTS_MAX = 32 };

struct object {
    char *path;
    const struct uicc_package *package;
    struct foreign_class *classes;
    size_t n;
};

/* Grows only: cards point into it. */
static const struct applet_class *all[CLASSES_MAX + 1];
static size_t n_all;
static struct object objects[OBJECTS_MAX];
static size_t n_objects;

static bool fail(struct plugins_error *error, const char *path, const char *format, const char *a,
                 const char *b)
{
    size_t at = (size_t)snprintf(error->text, sizeof error->text, "%.300s: ", path);
    if (at < sizeof error->text) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(error->text + at, sizeof error->text - at, format, a, b);
#pragma GCC diagnostic pop
    }
    return false;
}

static void start(void)
{
    while (cli_applet_classes[n_all] != NULL && n_all < CLASSES_MAX) {
        all[n_all] = cli_applet_classes[n_all];
        n_all++;
    }
}

static const struct applet_class *by_name(const char *name)
{
    for (size_t i = 0; i < n_all; i++)
        if (strcmp(all[i]->name, name) == 0)
            return all[i];
    return NULL;
}

static const struct applet_class *by_module(const struct uicc_aid *module)
{
    for (size_t i = 0; i < n_all; i++)
        if (all[i]->module_len == module->n && memcmp(all[i]->module, module->octets, module->n) == 0)
            return all[i];
    return NULL;
}

static int note_code(struct dl_phdr_info *info, size_t size, void *path)
{
    (void)size;
    if (strcmp(info->dlpi_name, path) != 0)
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && (info->dlpi_phdr[i].p_flags & PF_X) != 0) {
            const char *from = (const char *)info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            guard_add_code(from, from + info->dlpi_phdr[i].p_memsz);
        }
    return 1;
}

static bool take_classes(struct object *o, struct plugins_error *error)
{
    size_t n;
    const char *wrong = package_check(o->package, &n);
    if (wrong != NULL)
        return fail(error, o->path, "%s%s", wrong, "");
    if (n_all + n > CLASSES_MAX)
        return fail(error, o->path, "more than %s applet classes%s", "128", "");
    for (size_t i = 0; i < n; i++) {
        const struct uicc_applet_class *c = o->package->classes[i];
        if (by_name(c->name) != NULL)
            return fail(error, o->path, "there is a class \"%s\" already%s", c->name, "");
        if (by_module(&c->module) != NULL)
            return fail(error, o->path, "class \"%s\" has the module AID of class \"%s\"", c->name,
                        by_module(&c->module)->name);
    }
    o->classes = calloc(n, sizeof *o->classes);
    if (o->classes == NULL)
        return fail(error, o->path, "no memory%s%s", "", "");
    o->n = n;
    for (size_t i = 0; i < n; i++) {
        foreign_class_of(o->package, i, &o->classes[i]);
        o->classes[i].base.package = &o->classes[0].package; /* one package, however many classes */
        all[n_all++] = &o->classes[i].base;
    }
    return true;
}

static bool load(const char *path, struct object *o, struct plugins_error *error)
{
    struct stat status;
    if (stat(path, &status) == 0 && (status.st_mode & S_IWOTH) != 0)
        return fail(error, path, "%s%s", "everybody may write to it: chmod o-w, if it is still what it was",
                    "");
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        const char *why = dlerror();
        size_t n = strlen(path);
        if (why != NULL && strncmp(why, path, n) == 0 &&
            why[n] == ':') /* it begins with the path, as we do */
            why += n + 1 + (why[n + 1] == ' ');
        return fail(error, path, "%s%s", why != NULL ? why : "cannot be loaded", "");
    }
    const void *symbol = dlsym(handle, "uicc_package");
    o->package = symbol;
    o->path = strdup(path);
    bool ok = symbol != NULL && o->path != NULL;
    if (!ok)
        (void)fail(
            error, path, "%s%s",
            symbol == NULL
                ? "no symbol \"uicc_package\": it needs `UICC_EXPORT const struct uicc_package uicc_package`"
                : "no memory",
            "");
    else
        ok = take_classes(o, error);
    if (!ok) {
        free(o->path);
        *o = (struct object){NULL, NULL, NULL, 0};
        (void)dlclose(handle);
        return false;
    }
    /* The handle is kept for good: code of it may be running, and its constants are in use. */
    (void)dl_iterate_phdr(note_code, o->path);
    return true;
}

static struct object *object_at(const char *path, struct plugins_error *error)
{
    for (size_t i = 0; i < n_objects; i++)
        if (strcmp(objects[i].path, path) == 0)
            return &objects[i];
    if (n_objects == OBJECTS_MAX) {
        (void)fail(error, path, "more than %s shared objects%s", "32", "");
        return NULL;
    }
    if (path[0] != '/') { /* dlopen would look for it elsewhere */
        (void)fail(error, path, "%s%s", "not a whole path", "");
        return NULL;
    }
    return load(path, &objects[n_objects], error) ? &objects[n_objects++] : NULL;
}

static bool has_class(const struct object *o, const char *name, struct plugins_error *error)
{
    char list[256] = "";
    for (size_t i = 0; i < o->n; i++) {
        if (strcmp(o->classes[i].base.name, name) == 0)
            return true;
        size_t at = strlen(list);
        (void)snprintf(list + at, sizeof list - at, "%s%s", at > 0 ? ", " : "", o->classes[i].base.name);
    }
    return fail(error, o->path, "has no class \"%s\"; it has: %s; say which with \"class\"", name, list);
}

const struct applet_class *const *plugins_classes(const struct profile *profile, struct plugins_error *error)
{
    if (n_all == 0)
        start();
    for (unsigned i = 0; i < profile->n_applets; i++) {
        const struct profile_applet *row = &profile->applets[i];
        if (row->so == NULL || row->so[0] == '\0')
            continue;
        const struct object *o = object_at(row->so, error);
        if (o == NULL || (row->class_name[0] != '\0' && !has_class(o, row->class_name, error)))
            return NULL;
    }
    return all;
}

const struct uicc_guard *plugins_guard(void)
{
    return n_objects > 0 ? guard_get() : NULL;
}
