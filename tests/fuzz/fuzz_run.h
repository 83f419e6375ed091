/* SPDX-License-Identifier: Apache-2.0
 *
 * A command of softuicc in this process, with streams of its own.
 */
#ifndef FUZZ_RUN_H
#define FUZZ_RUN_H

#include "cli.h"

struct fuzz_said { /* what it printed; free both */
    char *out, *err;
    size_t out_n, err_n;
};

/* argv[0] is the command's name. `input` is the file that standard input is. */
int fuzz_run(const struct subcommand *cmd, int argc, char **argv, const char *input, struct fuzz_said *said);

#endif
