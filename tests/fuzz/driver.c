/* SPDX-License-Identifier: Apache-2.0
 *
 * main() of a fuzz target where there is no libFuzzer:
 *
 *   fuzz_NAME [--mutate SEED ROUNDS | --random SEED ROUNDS] [FILE...]
 *
 * runs the target on each file, and on nothing; then ROUNDS times on each changed a little, and grafted on
 * another; or ROUNDS times on octets drawn by lot. Speaks TAP. When the target aborts, the input that did it
 * lies in `crash-SEED-RUN` in the folder that FUZZ_CRASHES names, if any.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

enum { ROOM = 1 << 16, FILES_MAX = 2048, RANDOM_MAX = 4096 };

static struct {
    uint8_t *octets;
    size_t n;
} corpus[FILES_MAX];
static size_t n_corpus;

static const uint8_t *current;
static size_t current_n;
static unsigned long runs;
static uint64_t seed = 1;

static void keep(int signal)
{
    const char *folder = getenv("FUZZ_CRASHES");
    char path[512];
    if (folder != NULL && current != NULL) {
        (void)snprintf(path, sizeof path, "%.400s/crash-%llu-%lu", folder, (unsigned long long)seed, runs);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (fd >= 0 && write(fd, current, current_n) == (ssize_t)current_n)
            (void)fprintf(stderr, "# the input is in %s\n", path);
    }
    (void)fprintf(stderr, "# seed %llu, run %lu\n", (unsigned long long)seed, runs);
    (void)raise(signal); /* once more, and for good */
}

static void run(const uint8_t *p, size_t n)
{
    uint8_t *exact = malloc(n > 0 ? n : 1); /* sanitizers see a read beyond the end */
    if (exact == NULL)
        exit(1);
    if (n > 0)
        memcpy(exact, p, n);
    current = exact;
    current_n = n;
    (void)LLVMFuzzerTestOneInput(exact, n);
    current = NULL;
    runs++;
    free(exact);
}

static uint64_t next(uint64_t *state) /* xorshift64*: the same everywhere */
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545F4914F6CDD1Du >> 16;
}

static size_t below(uint64_t *state, size_t n)
{
    return n == 0 ? 0 : (size_t)(next(state) % n);
}

static size_t change(uint8_t *p, size_t n, uint64_t *state)
{
    size_t at = below(state, n), to = below(state, n), len = 1 + below(state, 40);
    len = len < n - at ? len : n - at;
    if (n == 0) {
        p[0] = (uint8_t)next(state);
        return 1;
    }
    switch (below(state, 9)) {
    case 0:
        p[at] ^= (uint8_t)(1u << below(state, 8));
        return n;
    case 1:
        p[at] = (uint8_t)next(state);
        return n;
    case 2: /* a length or a number at its limit */
        p[at] = (uint8_t)((below(state, 2) == 0 ? 0x7E : 0xFE) + below(state, 4));
        return n;
    case 3: /* one more, one less */
        p[at] = (uint8_t)(p[at] + (below(state, 2) == 0 ? 1 : 0xFF));
        return n;
    case 4: /* a piece over another */
        len = len < n - to ? len : n - to;
        memmove(p + to, p + at, len);
        return n;
    case 5: /* a piece out */
        memmove(p + at, p + at + len, n - at - len);
        return n - len;
    case 6: /* a piece in twice */
        if (n + len > ROOM)
            return n;
        memmove(p + at + len, p + at, n - at);
        return n + len;
    case 7: { /* the rest of another */
        size_t other = below(state, n_corpus), from = below(state, corpus[other].n);
        len = corpus[other].n - from;
        len = len < ROOM - at ? len : ROOM - at;
        if (len > 0)
            memcpy(p + at, corpus[other].octets + from, len);
        return at + len;
    }
    default:
        return below(state, 8) == 0 ? at : n;
    }
}

static void load(const char *name)
{
    static uint8_t octets[ROOM];
    FILE *f = fopen(name, "rb");
    if (f == NULL || n_corpus == FILES_MAX) {
        (void)fprintf(stderr, "# %s cannot be read\n", name);
        exit(1);
    }
    size_t n = fread(octets, 1, ROOM, f);
    (void)fclose(f);
    corpus[n_corpus].octets = malloc(n + 1);
    if (corpus[n_corpus].octets == NULL)
        exit(1);
    memcpy(corpus[n_corpus].octets, octets, n);
    corpus[n_corpus++].n = n;
}

static void draw(uint64_t *state)
{
    static uint8_t octets[RANDOM_MAX];
    const size_t n = below(state, sizeof octets);
    for (size_t i = 0; i < n; i++)
        octets[i] = (uint8_t)next(state);
    run(octets, n);
}

int main(int argc, char **argv)
{
    static uint8_t changed[ROOM + 64];
    unsigned long rounds = 0, drawn = 0;
    int first = 1;
    if (argc > 3 && (strcmp(argv[1], "--mutate") == 0 || strcmp(argv[1], "--random") == 0)) {
        seed = strtoull(argv[2], NULL, 10);
        *(argv[1][2] == 'm' ? &rounds : &drawn) = strtoul(argv[3], NULL, 10);
        first = 4;
    }
    uint64_t state = seed * 2654435761u + 1;
    const struct sigaction once = {.sa_handler = keep, .sa_flags = (int)SA_RESETHAND};
    (void)sigaction(SIGABRT, &once, NULL);
    (void)sigaction(SIGSEGV, &once, NULL);
    for (int i = first; i < argc; i++)
        load(argv[i]);
    if (n_corpus == 0)
        corpus[n_corpus++].octets = calloc(1, 1);
    run(changed, 0);
    for (size_t i = 0; i < n_corpus; i++)
        run(corpus[i].octets, corpus[i].n);
    for (unsigned long k = 0; k < rounds; k++)
        for (size_t i = 0; i < n_corpus; i++) {
            size_t n = corpus[i].n;
            if (n > 0)
                memcpy(changed, corpus[i].octets, n);
            for (size_t c = 1 + below(&state, 6); c > 0; c--)
                n = change(changed, n, &state);
            run(changed, n);
        }
    for (unsigned long k = 0; k < drawn; k++)
        draw(&state);
    for (size_t i = 0; i < n_corpus; i++)
        free(corpus[i].octets);
    printf("ok 1 - %lu inputs, %zu of them kept ones\n1..1\n", runs, n_corpus);
    return 0;
}
