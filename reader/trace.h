/* SPDX-License-Identifier: Apache-2.0
 *
 * Trace sinks for uicc_env.trace: readable text.
 */
#ifndef READER_TRACE_H
#define READER_TRACE_H

#include <stdio.h>

#include "uicc.h"

struct trace_text {
    FILE *out;            /* the caller's */
    bool times;           /* prefix each line with seconds since the first event */
    uint64_t start_ns;    /* 0 before the first event */
};

/* A uicc_env.trace: ctx is the environment's ctx, whose first member must be a struct trace_text. */
void trace_text_event(void *ctx, const struct uicc_trace_event *event);

#endif
