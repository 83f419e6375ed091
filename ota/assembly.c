/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly.h"

enum { MISSING = 0xFF };

static bool makes_sense(const struct assembly_part *p)
{
    return p->total >= 1 && p->total <= ASSEMBLY_PARTS_MAX && p->number >= 1 && p->number <= p->total &&
           p->body.n <= ASSEMBLY_PART_MAX && p->source.n <= ASSEMBLY_SOURCE_MAX;
}

static void start(struct assembly_message *m, const struct assembly_part *p)
{
    memset(m, 0, sizeof *m);
    memset(m->lengths, MISSING, sizeof m->lengths);
    if (p->source.n > 0)
        memcpy(m->source, p->source.p, p->source.n);
    m->source_len = (uint8_t)p->source.n;
    m->reference = p->reference;
    m->total = p->total;
}

static bool same_message(const struct assembly_message *m, const struct assembly_part *p)
{
    return m->total != 0 && m->reference == p->reference &&
           span_equal(span_of(m->source, m->source_len), p->source);
}

/* The message this part belongs to: the one under way, else a free slot, else the oldest one's. */
static struct assembly_message *slot_for(struct assembly *a, const struct assembly_part *p)
{
    struct assembly_message *oldest = &a->messages[0];
    for (size_t i = 0; i < ASSEMBLY_MESSAGES; i++) {
        struct assembly_message *m = &a->messages[i];
        if (m->total != 0 && a->clock - m->touched > ASSEMBLY_PATIENCE)
            memset(m, 0, sizeof *m);
        if (same_message(m, p))
            return m;
        if (m->total == 0 ? oldest->total != 0 : oldest->total != 0 && m->touched < oldest->touched)
            oldest = m;
    }
    start(oldest, p);
    return oldest;
}

static bool contradicts(const struct assembly_message *m, const struct assembly_part *p)
{
    size_t i = p->number - 1u;
    if (m->total != p->total)
        return true;
    return m->lengths[i] != MISSING && !span_equal(span_of(m->parts[i], m->lengths[i]), p->body);
}

bool assembly_take(struct assembly *a, const struct assembly_part *p, struct buf *out)
{
    if (!makes_sense(p))
        return false;
    a->clock++;
    struct assembly_message *m = slot_for(a, p);
    if (contradicts(m, p))
        start(m, p);
    size_t i = p->number - 1u;
    if (m->lengths[i] != MISSING)
        return false; /* a duplicate */
    if (p->body.n > 0)
        memcpy(m->parts[i], p->body.p, p->body.n);
    m->lengths[i] = (uint8_t)p->body.n;
    m->have++;
    m->touched = a->clock;
    m->packet |= p->number == 1 && p->packet; /* TS 31.115 4.2: only the first part says so */
    if (m->have < m->total)
        return false;
    bool packet = m->packet;
    for (size_t k = 0; k < m->total && packet; k++)
        buf_put(out, span_of(m->parts[k], m->lengths[k]));
    memset(m, 0, sizeof *m);
    return packet && buf_ok(out);
}

bool assembly_idle(const struct assembly *a)
{
    for (size_t i = 0; i < ASSEMBLY_MESSAGES; i++)
        if (a->messages[i].total != 0)
            return false;
    return true;
}
