/* SPDX-License-Identifier: Apache-2.0
 *
 * What a fuzz target is: one function that takes any octets and calls fuzz_die when something does not hold.
 * With libFuzzer its main runs it; without, driver.c's main replays files and changes them. A target keeps
 * nothing between two calls that matters.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Are these octets among those? Not by memmem: libFuzzer listens to it, and would learn the key that is
 * looked for, and say it itself. */
#ifdef __clang__
__attribute__((no_sanitize("coverage"))) /* nor is there anything to be learnt from where it looks */
#endif
static inline bool
fuzz_has(const void *those, size_t n, const void *these, size_t m)
{
    const uint8_t *at = those, *const end = at + n, *needle = these;
    while (m > 0 && (size_t)(end - at) >= m &&
           (at = memchr(at, needle[0], (size_t)(end - at) - m + 1)) != NULL) {
        uint8_t differ = 0;
        for (size_t k = 0; k < m; k++)
            differ |= (uint8_t)(at[k] ^ needle[k]);
        if (differ == 0)
            return true;
        at++;
    }
    return false;
}

/* Something does not hold: prints it, and aborts. */
#define fuzz_die(...)                                                                                        \
    do {                                                                                                     \
        (void)fprintf(stderr, "# " __VA_ARGS__);                                                             \
        (void)fprintf(stderr, "\n");                                                                         \
        abort();                                                                                             \
    } while (0)

/* What a person is told when something is refused: one line, and no key of 16 octets that stood where another
 * thing was expected. (Other control characters than a line's end are cli.c's matter.) */
static inline void fuzz_refused(const char *text)
{
    size_t run = 0;
    if (text[0] == '\0' || strchr(text, '\n') != NULL)
        fuzz_die("a refusal without a reason, or in more than a line: %s", text);
    for (const char *at = text; *at != '\0'; at++) {
        run = strchr("0123456789abcdefABCDEF", *at) != NULL ? run + 1 : 0;
        if (run >= 32 && strstr(text, "certificate: ") == NULL) /* whose SHA-256 is named */
            fuzz_die("a refusal that says what may be a key: %s", text);
    }
}

/* A file with these octets that has a name; one at a time. Mode 0600. */
static inline const char *fuzz_file(const void *octets, size_t n)
{
    static char path[40];
    static int fd = -1;
    if (fd < 0) {
        fd = memfd_create("fuzz", MFD_CLOEXEC);
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (fd < 0 || ftruncate(fd, 0) != 0 || pwrite(fd, octets, n, 0) != (ssize_t)n)
        exit(1);
    return path;
}

#endif
