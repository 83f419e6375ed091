/* SPDX-License-Identifier: Apache-2.0
 *
 * The program softuicc. A card in a reader needs a card and a reader and nothing else, and its reader waits
 * for it: `run` is in here. Everything else is softuicc-tools, with the libraries that the operator's side
 * needs (SQLite, OpenSSL, PC/SC, SMPP, YAML), which take longer to load than a card takes to answer.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "openssl_start.h"

enum { PATH_ROOM = 4096 };

/* Beside this program, as it is built; or where it is installed. Comes back only if neither can be run. */
static void run_tools(char **argv)
{
    static const char name[] = "softuicc-tools";
    char path[PATH_ROOM + sizeof name];
    ssize_t n = readlink("/proc/self/exe", path, PATH_ROOM - 1);
    path[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(path, '/');
    if (slash != NULL) {
        memcpy(slash + 1, name, sizeof name);
        execv(path, argv);
    }
    if (slash == NULL || errno == ENOENT)
        execv(SOFTUICC_LIBEXEC "/softuicc-tools", argv);
}

static int serve(int argc, char **argv)
{
    (void)openssl_start(); /* without it the card starts all the same, a little later */
    return cmd_run.run(argc, argv);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], cmd_run.name) == 0)
        return cli_protect() ? serve(argc - 1, argv + 1) : EXIT_REFUSED;
    run_tools(argv);
    fprintf(stderr, "softuicc: cannot start softuicc-tools, neither beside this program nor in %s: %s\n",
            SOFTUICC_LIBEXEC, strerror(errno));
    return EXIT_REFUSED;
}
