/* SPDX-License-Identifier: Apache-2.0
 *
 * Trace sinks for uicc_env.trace: readable text, one line for what went in and one for what came out.
 *
 *     == ATR 3B9F...
 *     -> 00A40004023F00  SELECT
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

/* A uicc_env.trace: ctx is the environment's ctx, whose first member must be a struct trace_text. Each event
 * is flushed, so that the trace is complete whatever ends the process. A sink that fails (disk full, pipe
 * closed) is left alone from then on: ferror(out) tells. */
void trace_text_event(void *ctx, const struct uicc_trace_event *event);

#endif
