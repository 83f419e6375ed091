/* SPDX-License-Identifier: Apache-2.0 */
#include "trace.h"

#include <time.h>

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void put_hex(FILE *out, const uint8_t *octets, size_t n)
{
    static const char digits[] = "0123456789ABCDEF";
    char chunk[256];
    size_t have = 0;
    for (size_t i = 0; i < n; i++) {
        chunk[have++] = digits[octets[i] >> 4];
        chunk[have++] = digits[octets[i] & 15];
        if (have == sizeof chunk || i + 1 == n) {
            fwrite(chunk, 1, have, out);
            have = 0;
        }
    }
}

/* One event is one line whatever its text: a line break in it would read as another event. */
static void put_text(FILE *out, const char *text)
{
    for (; *text != '\0'; text++)
        putc((unsigned char)*text < ' ' || *text == 0x7F ? '?' : *text, out);
}

static void put_line(const struct trace_text *t, uint64_t at_ns, const char *mark, const uint8_t *octets,
                     size_t n, const char *text, const char *file)
{
    if (t->times)
        fprintf(t->out, "%4llu.%06llu ", (unsigned long long)(at_ns / 1000000000u),
                (unsigned long long)(at_ns % 1000000000u / 1000u));
    if (t->label != NULL)
        fprintf(t->out, "%s ", t->label);
    fputs(mark, t->out);
    put_hex(t->out, octets, n);
    if (text != NULL) {
        if (n > 0)
            fputs("  ", t->out);
        put_text(t->out, text);
        if (file != NULL) {
            putc(' ', t->out);
            put_text(t->out, file);
        }
    }
    putc('\n', t->out);
}

void trace_text_event(void *ctx, const struct uicc_trace_event *event)
{
    struct trace_text *t = ctx;
    if (ferror(t->out))
        return;
    uint64_t at = 0;
    if (t->times) {
        uint64_t now = now_ns();
        if (t->start_ns == 0)
            t->start_ns = now;
        at = now - t->start_ns;
    }
    switch (event->kind) {
    case UICC_TRACE_RESET:
        put_line(t, at, event->command_len > 0 ? "== ATR " : "== mute", event->command, event->command_len,
                 NULL, NULL);
        break;
    case UICC_TRACE_APDU:
        put_line(t, at, "-> ", event->command, event->command_len, event->text,
                 event->detail != NULL ? event->detail : event->file);
        put_line(t, at, "<- ", event->response, event->response_len, event->status, NULL);
        if (event->withheld)
            put_line(t, at, "-- ", NULL, 0, "a secret in this command or its answer is not shown", NULL);
        break;
    case UICC_TRACE_NOTE:
        put_line(t, at, "-- ", NULL, 0, event->text, NULL);
        break;
    }
    fflush(t->out);
}

void trace_fan_add(struct trace_fan *fan, struct trace_sink sink)
{
    if (fan->n < TRACE_SINKS_MAX)
        fan->sinks[fan->n++] = sink;
}

void trace_fan_event(void *ctx, const struct uicc_trace_event *event)
{
    const struct trace_fan *fan = ctx;
    for (size_t i = 0; i < fan->n; i++)
        fan->sinks[i].event(fan->sinks[i].ctx, event);
}
