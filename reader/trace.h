/* SPDX-License-Identifier: Apache-2.0
 *
 * Trace sinks for uicc_env.trace: readable text, one line for what went in and one for what came out.
 *
 *     == ATR 3B9F...
 *     -> 00A40004023F00  SELECT MF
 *     <- 6132  response data available
 *     -- a note
 */
#ifndef READER_TRACE_H
#define READER_TRACE_H

#include <stdio.h>

#include "uicc.h"

struct trace_text {
    FILE *out;         /* the caller's */
    const char *label; /* put before each line (which card of several), or NULL */
    bool times;        /* prefix each line with seconds since start_ns */
    uint64_t start_ns; /* of CLOCK_MONOTONIC; 0: set by the first event */
};

/* uicc_env has one trace function. To have several sinks: this is it, ctx being the environment's ctx, whose
 * first member must be a struct trace_fan. Each sink gets every event, in order, with its own ctx. */
struct trace_sink {
    void (*event)(void *ctx, const struct uicc_trace_event *event);
    void *ctx;
};

enum { TRACE_SINKS_MAX = 4 };

struct trace_fan {
    struct trace_sink sinks[TRACE_SINKS_MAX];
    size_t n;
};

void trace_fan_add(struct trace_fan *fan, struct trace_sink sink); /* no more than TRACE_SINKS_MAX */
void trace_fan_event(void *ctx, const struct uicc_trace_event *event);

/* ctx is a struct trace_text, or something whose first member is one. Each event
 * is flushed, so that the trace is complete whatever ends the process. A sink that fails (disk full, pipe
 * closed) is left alone from then on: ferror(out) tells. */
void trace_text_event(void *ctx, const struct uicc_trace_event *event);

#endif
