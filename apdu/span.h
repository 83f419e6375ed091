/* SPDX-License-Identifier: Apache-2.0
 *
 * span, reader and buf: the only three ways this project touches bytes it did not make itself.
 *
 * A span borrows: it never owns and never outlives what it points to. A reader is a cursor over a span with a
 * sticky error: read as much as you like, ask rd_ok() once. A buf is a bounded output with a sticky "full".
 */
#ifndef APDU_SPAN_H
#define APDU_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const uint8_t *p; /* may be NULL when n is 0 */
    size_t n;
};

static inline struct span span_of(const void *p, size_t n)
{
    return (struct span){(const uint8_t *)p, n};
}

#define SPAN_EMPTY                                                                                           \
    ((struct span){NULL, 0})

/* Bytes [from, from+n) of s, clipped to s: a slice never reaches outside what it was cut from. */
static inline struct span span_slice(struct span s, size_t from, size_t n)
{
    if (from > s.n)
        from = s.n;
    if (n > s.n - from)
        n = s.n - from;
    return (struct span){s.p ? s.p + from : NULL, n};
}

static inline bool span_equal(struct span a, struct span b) /* not constant time: never for secrets */
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool span_starts(struct span s, struct span prefix)
{
    return s.n >= prefix.n && span_equal(span_slice(s, 0, prefix.n), prefix);
}

/* ---- reader ---- */

struct reader {
    const uint8_t *p;
    size_t left;
    bool bad; /* sticky: set by the first read beyond the end; every later read gives 0 or an empty span */
};

static inline struct reader rd_of(struct span s)
{
    return (struct reader){s.p, s.n, false};
}

static inline bool rd_ok(const struct reader *r)
{
    return !r->bad;
}

/* All input read, and none read that was not there. */
static inline bool rd_done(const struct reader *r)
{
    return !r->bad && r->left == 0;
}

static inline struct span rd_take(struct reader *r, size_t n)
{
    if (r->bad || n > r->left) {
        r->bad = true;
        return SPAN_EMPTY;
    }
    struct span s = {r->p, n};
    if (n > 0)
        r->p += n;
    r->left -= n;
    return s;
}

static inline struct span rd_rest(struct reader *r)
{
    return rd_take(r, r->bad ? 0 : r->left);
}

static inline uint8_t rd_u8(struct reader *r)
{
    struct span s = rd_take(r, 1);
    return s.n ? s.p[0] : 0;
}

/* Big-endian integers: n bytes, 1 to 8. */
static inline uint64_t rd_be(struct reader *r, size_t n)
{
    struct span s = rd_take(r, n);
    uint64_t v = 0;
    for (size_t i = 0; i < s.n; i++)
        v = (v << 8) | s.p[i];
    return v;
}

static inline uint16_t rd_u16(struct reader *r)
{
    return (uint16_t)rd_be(r, 2);
}

static inline uint32_t rd_u32(struct reader *r)
{
    return (uint32_t)rd_be(r, 4);
}

/* Copies exactly n bytes out; on a short input leaves `to` zeroed and the reader bad. */
static inline void rd_copy(struct reader *r, uint8_t *to, size_t n)
{
    struct span s = rd_take(r, n);
    if (s.n == n && n > 0)
        memcpy(to, s.p, n);
    else if (n > 0)
        memset(to, 0, n);
}

/* ---- buf ---- */

struct buf {
    uint8_t *p;
    size_t cap;
    size_t len;
    bool full; /* sticky: something did not fit; what is in the buffer is then a prefix of nothing useful */
};

static inline struct buf buf_of(uint8_t *p, size_t cap)
{
    return (struct buf){p, cap, 0, false};
}

static inline bool buf_ok(const struct buf *b)
{
    return !b->full;
}

static inline struct span buf_span(const struct buf *b)
{
    return (struct span){b->p, b->len};
}

/* Room for n bytes at the end, or NULL (and full). The bytes count as written. */
static inline uint8_t *buf_grow(struct buf *b, size_t n)
{
    if (b->full || n > b->cap - b->len) {
        b->full = true;
        return NULL;
    }
    /* NULL + 0 is undefined: a buf of nothing has no place to point to */
    uint8_t *at = b->p != NULL ? b->p + b->len : NULL;
    b->len += n;
    return at;
}

static inline void buf_put(struct buf *b, struct span s)
{
    uint8_t *at = buf_grow(b, s.n);
    if (at != NULL && s.n > 0)
        memcpy(at, s.p, s.n);
}

/* The octets of a text, without the zero at its end. */
static inline void buf_text(struct buf *b, const char *text)
{
    buf_put(b, span_of(text, strlen(text)));
}

static inline void buf_fill(struct buf *b, uint8_t byte, size_t n)
{
    uint8_t *at = buf_grow(b, n);
    if (at != NULL && n > 0)
        memset(at, byte, n);
}

static inline void buf_u8(struct buf *b, uint8_t v)
{
    buf_fill(b, v, 1);
}

static inline void buf_be(struct buf *b, uint64_t v, size_t n)
{
    uint8_t *at = buf_grow(b, n);
    if (at != NULL)
        for (size_t i = 0; i < n; i++)
            at[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

static inline void buf_u16(struct buf *b, uint16_t v)
{
    buf_be(b, v, 2);
}

static inline void buf_u32(struct buf *b, uint32_t v)
{
    buf_be(b, v, 4);
}

#endif
