/* SPDX-License-Identifier: Apache-2.0
 *
 * Profile packages of whatever octets. With libFuzzer: clang -fsanitize=fuzzer,address -DWITH_LIBFUZZER.
 * Without, its own main changes, cuts, repeats and moves pieces of the files it is given, and of nothing:
 * fuzz_upp SEED ROUNDS [FILE...].
 */
#include <stdio.h>
#include <stdlib.h>

#include "upp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const classes[] = {"usim", "isim", "subscription", "ota", "rfm", NULL};
    const struct upp_options options = {.classes = classes, .imsi = "001010123456780", .pairs = 2};
    struct upp_import u;
    struct upp_error e;
    if (!upp_load(span_of(data, n), "input", &options, &u, &e) &&
        (e.text[0] == 0 || strchr(e.text, '\n') != NULL))
        abort(); /* a refusal without a reason, or in more than a line */
    upp_free(&u);
    return 0;
}

#ifndef WITH_LIBFUZZER
enum { ROOM = 1 << 16 };

static uint64_t next(uint64_t *state) /* xorshift64* */
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545F4914F6CDD1DULL;
}

static size_t below(uint64_t *state, size_t n)
{
    return n == 0 ? 0 : (size_t)(next(state) % n);
}

static size_t change(uint8_t *p, size_t n, uint64_t *state)
{
    size_t at = below(state, n), to = below(state, n), len = 1 + below(state, 40);
    if (n == 0)
        return 0;
    switch (below(state, 6)) {
    case 0:
        p[at] ^= (uint8_t)(1u << below(state, 8));
        return n;
    case 1:
        p[at] = (uint8_t)next(state);
        return n;
    case 2: /* a length or a number at its limit */
        p[at] = (uint8_t)(0x7F + below(state, 6));
        return n;
    case 3: /* copy a piece over another */
        len = len < n - at ? len : n - at;
        len = len < n - to ? len : n - to;
        memmove(p + to, p + at, len);
        return n;
    case 4: /* take a piece out */
        len = len < n - at ? len : n - at;
        memmove(p + at, p + at + len, n - at - len);
        return n - len;
    default:
        return below(state, 50) == 0 ? at : n;
    }
}

int main(int argc, char **argv)
{
    uint64_t state = argc > 1 ? strtoull(argv[1], NULL, 10) * 2654435761u + 1 : 1;
    unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000;
    uint8_t *original = malloc(ROOM), *changed = malloc(ROOM);
    for (int i = 3; original != NULL && changed != NULL && i < argc; i++) {
        FILE *f = fopen(argv[i], "rb");
        size_t whole = f == NULL ? 0 : fread(original, 1, ROOM, f);
        if (f != NULL)
            (void)fclose(f);
        for (unsigned long r = 0; r < rounds; r++) {
            size_t n = whole;
            memcpy(changed, original, n);
            for (size_t k = 1 + below(&state, 8); k > 0; k--)
                n = change(changed, n, &state);
            uint8_t *exact = malloc(n > 0 ? n : 1); /* sanitizers see a read beyond the end */
            if (exact == NULL)
                return 1;
            memcpy(exact, changed, n);
            (void)LLVMFuzzerTestOneInput(exact, n);
            free(exact);
        }
    }
    free(original);
    free(changed);
    puts("ok 1 - packages of whatever octets\n1..1");
    return 0;
}
#endif
