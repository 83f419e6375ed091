/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz_run.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* What is written goes to a file in memory: a command may set its stream's buffer. */
static FILE *stream(void)
{
    const int fd = memfd_create("fuzz-said", MFD_CLOEXEC);
    FILE *f = fd >= 0 ? fdopen(fd, "w+") : NULL;
    if (f == NULL)
        exit(1);
    return f;
}

static char *read_back(FILE *f, size_t *n)
{
    const off_t size = fflush(f) == 0 ? lseek(fileno(f), 0, SEEK_END) : -1;
    char *text = size >= 0 ? malloc((size_t)size + 1) : NULL;
    if (text == NULL || pread(fileno(f), text, (size_t)size, 0) != size)
        exit(1);
    (void)fclose(f);
    text[size] = '\0';
    *n = (size_t)size;
    return text;
}

int fuzz_run(const struct subcommand *cmd, int argc, char **argv, const char *input, struct fuzz_said *said)
{
    FILE *const out = stdout, *const err = stderr, *const in = stdin;
    FILE *new_out = stream(), *new_err = stream(), *new_in = fopen(input, "re");
    if (new_in == NULL)
        exit(1);
    stdout = new_out;
    stderr = new_err;
    stdin = new_in;
    optind = 0;
    const int code = cmd->run(argc, argv);
    stdout = out;
    stderr = err;
    stdin = in;
    said->out = read_back(new_out, &said->out_n);
    said->err = read_back(new_err, &said->err_n);
    (void)fclose(new_in);
    return code;
}
