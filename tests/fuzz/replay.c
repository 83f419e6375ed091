/* SPDX-License-Identifier: Apache-2.0
 *
 * The main of a fuzzer without libFuzzer: NAME [--mutate SEED ROUNDS] FILE... runs it on each file, and on each file changed a little so many times.
 */
#include "replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 1 << 12 };

static uint32_t next(uint64_t *r) /* xorshift64* */
{
    *r ^= *r >> 12;
    *r ^= *r << 25;
    *r ^= *r >> 27;
    return (uint32_t)((*r * 0x2545F4914F6CDD1Du) >> 32);
}

static void run_exactly(const uint8_t *p, size_t n)
{
    uint8_t *exact = malloc(n > 0 ? n : 1); /* sanitizers see a read beyond the end */
    if (exact == NULL)
        exit(1);
    memcpy(exact, p, n);
    (void)LLVMFuzzerTestOneInput(exact, n);
    free(exact);
}

static size_t whole_file(const char *name, uint8_t *to)
{
    FILE *f = fopen(name, "rb");
    if (f == NULL) {
        (void)fprintf(stderr, "%s cannot be read\n", name);
        exit(1);
    }
    size_t n = fread(to, 1, ROOM, f);
    (void)fclose(f);
    return n;
}

int main(int argc, char **argv)
{
    static uint8_t original[ROOM], changed[ROOM];
    uint64_t state = 1;
    unsigned long rounds = 0, runs = 0;
    int first = 1;
    if (argc > 3 && strcmp(argv[1], "--mutate") == 0) {
        state = strtoull(argv[2], NULL, 10) * 2654435761u + 1;
        rounds = strtoul(argv[3], NULL, 10);
        first = 4;
    }
    for (int i = first; i < argc; i++) {
        size_t n = whole_file(argv[i], original);
        run_exactly(original, n);
        runs++;
        for (unsigned long k = 0; k < rounds && n > 0; k++, runs++) {
            memcpy(changed, original, n);
            for (unsigned c = 1 + next(&state) % 6; c > 0; c--)
                changed[next(&state) % n] = (uint8_t)next(&state);
            run_exactly(changed, n);
        }
    }
    printf("ok 1 - %s: %lu sequences of whatever\n1..1\n", fuzz_what, runs);
    return 0;
}
