/* SPDX-License-Identifier: Apache-2.0 */
#include "lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crypto.h"

/* Room for one octet and the NUL. */
static bool grow(char **line, size_t *room, size_t n)
{
    if (n + 2 <= *room)
        return true;
    size_t more = *room == 0 ? 256 : 2 * *room;
    char *p = malloc(more);
    if (p == NULL)
        return false;
    if (n > 0)
        memcpy(p, *line, n);
    if (*line != NULL)
        crypto_wipe(*line, *room);
    free(*line);
    *line = p;
    *room = more;
    return true;
}

ssize_t lines_next(char **line, size_t *room, FILE *f)
{
    size_t n = 0;
    int c = EOF;
    errno = 0;
    while (c != '\n' && (c = getc(f)) != EOF) {
        if (n == LINES_OCTETS_MAX) {
            errno = EMSGSIZE;
            return -1;
        }
        if (!grow(line, room, n)) {
            errno = ENOMEM;
            return -1;
        }
        (*line)[n++] = (char)c;
    }
    if (ferror(f) || n == 0)
        return -1;
    (*line)[n] = '\0';
    errno = 0;
    return (ssize_t)n;
}

const char *lines_trouble(void)
{
    return errno == EMSGSIZE ? "a line of more than 1048576 octets" : strerror(errno);
}
