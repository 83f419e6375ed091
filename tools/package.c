/* SPDX-License-Identifier: Apache-2.0 */
#include "package.h"

#include "applet.h"
#include "cli.h"
#include "dispatch.h"

enum { CLASSES_MAX = 32, INS_GET_IDENTITY = 0x78 }; /* 3GPP TS 31.102 7.5 */

static bool has_command(const struct applet_class *class, uint8_t ins)
{
    for (size_t i = 0; class->commands != NULL && i < class->commands->n; i++)
        if (class->commands->rows[i].ins == ins)
            return true;
    return false;
}

bool package_load(const char *path, const char *imsi, unsigned pairs, struct upp_import *out,
                  struct upp_error *error)
{
    const char *names[CLASSES_MAX + 1] = {NULL};
    struct upp_options options = {.classes = names, .imsi = imsi, .pairs = pairs, .gba = true};
    for (size_t i = 0; i < CLASSES_MAX && cli_applet_classes[i] != NULL; i++) {
        names[i] = cli_applet_classes[i]->name;
        if (strcmp(names[i], "usim") == 0)
            options.get_identity = has_command(cli_applet_classes[i], INS_GET_IDENTITY);
    }
    return upp_load_file(path, &options, out, error);
}

void package_print_notes(FILE *f, const char *path, const struct upp_import *u)
{
    for (size_t i = 0; i < u->n_notes; i++) {
        const struct upp_note *n = &u->notes[i];
        fprintf(f, "%s: not as in the package: octet %zu: PE %u (%s): %s\n", path, n->offset, n->pe, n->name,
                n->text);
    }
    if (u->notes_cut)
        fprintf(f, "%s: not as in the package: and more; the list ends here\n", path);
}
