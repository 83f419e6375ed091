/* SPDX-License-Identifier: Apache-2.0
 *
 * Parameters of extended syntax commands (V.250 5.4.2), by the grammar of a row (at_inner.h).
 */
#include <ctype.h>
#include <stdlib.h>

#include "at_inner.h"
#include "hex.h"

/* ---- the grammar ---- */

struct grammar {
    const char *at;
    bool optional; /* what comes now may be left out */
    bool hidden;   /* and is not said in the answer to =? */
    struct span item, last;
};

static void skip_marks(struct grammar *g)
{
    for (; *g->at == '[' || *g->at == '|' || *g->at == ','; g->at++) {
        g->optional |= *g->at == '[';
        g->hidden |= *g->at == '|';
    }
}

/* The next item; false: no more. */
static bool grammar_next(struct grammar *g)
{
    skip_marks(g);
    if (*g->at == '*') {
        g->item = g->last;
        g->optional = true;
        return g->item.n > 0;
    }
    const char *from = g->at;
    if (*from == '\0')
        return false;
    if (*from == '(') {
        while (*g->at != '\0' && *g->at++ != ')')
            ;
    } else {
        g->at++;
    }
    g->item = g->last = span_of(from, (size_t)(g->at - from));
    return true;
}

void at_args_describe(const char *grammar, char *to, size_t room)
{
    struct grammar g = {.at = grammar != NULL ? grammar : ""};
    struct buf b = buf_of((uint8_t *)to, room - 1);
    bool any = false;
    for (unsigned i = 0; *g.at != '*' && grammar_next(&g) && !g.hidden; i++) {
        if (i > 0)
            buf_u8(&b, ',');
        if (g.item.p[0] == '(') {
            buf_put(&b, g.item);
            any = true;
        }
    }
    to[any && buf_ok(&b) ? b.len : 0] = '\0';
}

/* ---- sets ---- */

/* One element of a set: 3, 0-7 or "SC". */
static bool element_next(struct reader *r, struct span *out)
{
    bool quoted = false;
    while (r->left > 0 && (r->p[0] == ',' || r->p[0] == '(' || r->p[0] == ')'))
        (void)rd_u8(r);
    struct reader from = *r;
    while (r->left > 0 && (quoted || (r->p[0] != ',' && r->p[0] != ')')))
        quoted ^= rd_u8(r) == '"';
    *out = span_of(from.p, from.left - r->left);
    return out->n > 0;
}

static bool digits(struct span s, uint32_t *value)
{
    uint64_t v = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (!isdigit(s.p[i]) || v > UINT32_MAX / 10)
            return false;
        v = 10 * v + (uint64_t)(s.p[i] - '0');
    }
    *value = (uint32_t)v;
    return s.n > 0 && v <= UINT32_MAX;
}

static bool number_in_set(struct span set, uint32_t value)
{
    struct reader r = rd_of(set);
    struct span element;
    while (element_next(&r, &element)) {
        size_t dash = 0;
        uint32_t low, high;
        while (dash < element.n && element.p[dash] != '-')
            dash++;
        if (!digits(span_slice(element, 0, dash), &low))
            continue;
        if (!digits(span_slice(element, dash + 1, element.n), &high))
            high = low;
        if (value >= low && value <= high)
            return true;
    }
    return false;
}

static bool text_in_set(struct span set, struct span text)
{
    struct reader r = rd_of(set);
    struct span element;
    while (element_next(&r, &element)) {
        bool equal = element.n == text.n + 2;
        for (size_t i = 0; equal && i < text.n; i++)
            equal = toupper(element.p[i + 1]) == toupper(text.p[i]);
        if (equal)
            return true;
    }
    return false;
}

/* ---- values ---- */

/* The text of a string constant; \xx is an octet (V.250 5.4.2.2). A backslash before anything else is itself.
 */
static bool take_quoted(struct reader *r, struct buf *b)
{
    (void)rd_u8(r);
    while (r->left > 0 && r->p[0] != '"') {
        uint8_t c = rd_u8(r);
        if (c == '\\' && r->left >= 2 && hex_digit((char)r->p[0]) >= 0 && hex_digit((char)r->p[1]) >= 0) {
            c = (uint8_t)(16 * hex_digit((char)r->p[0]) + hex_digit((char)r->p[1]));
            (void)rd_take(r, 2);
        }
        buf_u8(b, c);
    }
    (void)rd_u8(r); /* bad when the quotation mark is missing */
    return rd_ok(r);
}

/* A word without quotation marks, blanks left out. */
static void take_word(struct reader *r, struct buf *b)
{
    while (r->left > 0 && r->p[0] != ',') {
        uint8_t c = rd_u8(r);
        if (c != ' ')
            buf_u8(b, c);
    }
}

static void skip_blanks(struct reader *r)
{
    while (r->left > 0 && r->p[0] == ' ')
        (void)rd_u8(r);
}

/* Reads one value; *quoted says how it stood there. */
static bool take_value(struct reader *r, struct buf *b, bool *quoted, struct span *out)
{
    size_t from = b->len;
    skip_blanks(r);
    *quoted = r->left > 0 && r->p[0] == '"';
    if (*quoted && !take_quoted(r, b))
        return false;
    if (!*quoted)
        take_word(r, b);
    skip_blanks(r);
    *out = span_of(b->p + from, b->len - from);
    buf_u8(b, 0);
    return buf_ok(b) && (r->left == 0 || r->p[0] == ',');
}

/* Decodes hexadecimal digits in place. */
static bool decode_octets(struct span *text, uint8_t *at)
{
    struct buf b = buf_of(at, text->n / 2);
    if (text->n % 2 != 0 || (text->n > 0 && !hex_parse((const char *)text->p, &b, NULL)))
        return false;
    *text = buf_span(&b);
    return true;
}

static bool all_hex(struct span text)
{
    for (size_t i = 0; i < text.n; i++)
        if (hex_digit((char)text.p[i]) < 0)
            return false;
    return true;
}

static bool fits(struct span item, bool quoted, struct span text, uint8_t *bytes, struct at_arg *out)
{
    bool names = item.n > 1 && item.p[1] == '"';
    *out = (struct at_arg){.kind = ARG_TEXT, .text = text};
    switch (item.p[0]) {
    case '(':
        if (names)
            return text_in_set(item, text);
        out->kind = ARG_NUMBER;
        return !quoted && digits(text, &out->number) && number_in_set(item, out->number);
    case 'n':
        out->kind = ARG_NUMBER;
        return !quoted && digits(text, &out->number);
    case 'h':
        return all_hex(text);
    case 'o':
        if (!decode_octets(&text, bytes))
            return false;
        out->text = text;
        return true;
    default:
        return true;
    }
}

bool at_args_parse(const char *grammar, struct span text, uint8_t *scratch, struct at_call *c)
{
    struct grammar g = {.at = grammar != NULL ? grammar : ""};
    struct reader r = rd_of(text);
    struct buf b = buf_of(scratch, sizeof c->at->scratch);
    for (c->n = 0;; c->n++) {
        size_t from = b.len;
        bool quoted;
        struct span value;
        if (c->n == AT_ARGS_MAX || !grammar_next(&g) || !take_value(&r, &b, &quoted, &value))
            return false;
        if (value.n == 0 && !quoted) {
            if (!g.optional)
                return false;
            c->arg[c->n] = (struct at_arg){0};
        } else if (!fits(g.item, quoted, value, scratch + from, &c->arg[c->n])) {
            return false;
        }
        if (r.left == 0)
            break;
        (void)rd_u8(&r); /* the comma */
    }
    c->n++;
    return !grammar_next(&g) || g.optional; /* what is missing may be */
}
