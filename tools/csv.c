/* SPDX-License-Identifier: Apache-2.0 */
#include "csv.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "crypto.h"

void csv_say(const struct csv *c, struct csv_error *error, const char *format, ...)
{
    int n = snprintf(error->text, sizeof error->text, "%.200s:%lu: ", c->path, c->line);
    if (n < 0 || (size_t)n >= sizeof error->text)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(error->text + n, sizeof error->text - (size_t)n, format, args);
    va_end(args);
}

/* The next line with something in it. */
static enum csv_result next_line(struct csv *c, struct csv_error *error)
{
    for (;;) {
        memset(c->text, 'x', sizeof c->text); /* so that a NUL in the file is told from the one at the end */
        c->line++;
        if (fgets(c->text, sizeof c->text, c->f) == NULL) {
            if (!ferror(c->f))
                return CSV_END;
            csv_say(c, error, "%s", strerror(errno));
            return CSV_BAD;
        }
        char *end = c->text + sizeof c->text;
        while (*--end != '\0')
            ;
        size_t n = strlen(c->text);
        if (c->text + n != end) {
            csv_say(c, error, "not a text file: it has a NUL octet");
            return CSV_BAD;
        }
        if (n == 0 || c->text[n - 1] != '\n') { /* half a PIN can look like a whole one */
            if (feof(c->f))
                csv_say(c, error, "the line has no end: was the file cut short?");
            else
                csv_say(c, error, "line longer than %d characters", CSV_LINE_MAX - 2);
            return CSV_BAD;
        }
        n--;
        if (n > 0 && c->text[n - 1] == '\r')
            n--;
        c->text[n] = '\0';
        if (n > 0 && c->text[0] != '#')
            return CSV_ROW;
    }
}

/* One field from *at on, cut out in place; *at goes to what follows its separator, NULL at the end of the
 * line. */
static bool cut_field(struct csv *c, char **at, char **field, struct csv_error *error)
{
    char *from = *at, *to = *at;
    while (*from == ' ')
        from++;
    if (*from != '"') {
        *field = from;
        char *end = strchr(from, c->separator);
        char *stop = end != NULL ? end : from + strlen(from);
        *at = end != NULL ? end + 1 : NULL;
        while (stop > from && stop[-1] == ' ')
            stop--;
        *stop = '\0';
        return true;
    }
    *field = to;
    for (from++; *from != '\0' && (*from != '"' || from[1] == '"'); from++) {
        from += *from == '"';
        *to++ = *from;
    }
    if (*from != '"') {
        csv_say(c, error, "a quotation mark without its second");
        return false;
    }
    from++;
    while (*from == ' ')
        from++;
    if (*from != '\0' && *from != c->separator) {
        csv_say(c, error, "something behind the second quotation mark of a field");
        return false;
    }
    *at = *from != '\0' ? from + 1 : NULL;
    *to = '\0';
    return true;
}

static bool cut(struct csv *c, struct csv_error *error)
{
    c->n = 0;
    for (char *at = c->text; at != NULL;) {
        if (c->n == CSV_FIELDS_MAX) {
            csv_say(c, error, "more than %d columns", CSV_FIELDS_MAX);
            return false;
        }
        if (!cut_field(c, &at, &c->field[c->n++], error))
            return false;
    }
    return true;
}

static bool header(struct csv *c, struct csv_error *error)
{
    enum csv_result result = next_line(c, error);
    if (result == CSV_END)
        csv_say(c, error, "the file is empty: the first line should name the columns");
    if (result != CSV_ROW)
        return false;
    if (memcmp(c->text, "\xEF\xBB\xBF", 3) == 0) /* what some spreadsheets begin with */
        memmove(c->text, c->text + 3, strlen(c->text + 3) + 1);
    c->separator = strchr(c->text, ';') != NULL ? ';' : strchr(c->text, '\t') != NULL ? '\t' : ',';
    if (!cut(c, error))
        return false;
    for (size_t i = 0; i < c->n; i++)
        for (char *s = c->field[i]; *s != '\0'; s++)
            *s = (char)tolower((unsigned char)*s);
    c->columns = c->n;
    return true;
}

bool csv_open(struct csv *c, const char *path, struct csv_error *error)
{
    memset(c, 0, sizeof *c);
    c->path = path;
    c->f = fopen(path, "re");
    if (c->f == NULL) {
        snprintf(error->text, sizeof error->text, "%.300s: %s", path, strerror(errno));
        return false;
    }
    setvbuf(c->f, c->buffer, _IOFBF, sizeof c->buffer); /* stdio's own would keep keys after fclose */
    if (header(c, error))
        return true;
    csv_close(c);
    return false;
}

enum csv_result csv_row(struct csv *c, struct csv_error *error)
{
    enum csv_result result = next_line(c, error);
    if (result != CSV_ROW)
        return result;
    if (!cut(c, error))
        return CSV_BAD;
    if (c->n == c->columns)
        return CSV_ROW;
    csv_say(c, error, "%zu column%s, %zu expected", c->n, c->n == 1 ? "" : "s", c->columns);
    return CSV_BAD;
}

bool csv_rewind(struct csv *c, struct csv_error *error)
{
    if (fseek(c->f, 0, SEEK_SET) != 0) {
        csv_say(c, error, "cannot be read a second time: %s", strerror(errno));
        return false;
    }
    c->line = 0;
    return header(c, error);
}

void csv_close(struct csv *c)
{
    if (c->f != NULL)
        fclose(c->f);
    crypto_wipe(c, sizeof *c);
}
