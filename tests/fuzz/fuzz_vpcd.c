/* SPDX-License-Identifier: Apache-2.0
 *
 * What comes from a virtual reader, split anywhere: the input is split sizes, then the stream. Whatever the
 * split, the same messages come out; and GSMTAP and text traces are made of them, which must bear any octets.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "trace.h"
#include "vpcd.h"

struct seen {
    size_t n;
    uint32_t sum;
};

static void mix(struct seen *s, uint32_t with)
{
    s->sum = (s->sum ^ with) * 16777619u;
}

static FILE *nowhere(void)
{
    static FILE *f;
    if (f == NULL && (f = fopen("/dev/null", "we")) == NULL)
        exit(1);
    return f;
}

static void traced(const uint8_t *apdu, size_t n)
{
    struct trace_text t = {.out = nowhere()};
    const uint8_t answer[] = {0x6F, 0x00};
    const struct uicc_trace_event e = {.kind = UICC_TRACE_APDU,
                                       .command = apdu,
                                       .command_len = n,
                                       .response = answer,
                                       .response_len = 2,
                                       .text = "fuzz",
                                       .status = "none"};
    trace_text_event(&t, &e);
}

static struct seen feed(struct vpcd *v, const uint8_t *octets, size_t n, const uint8_t *splits,
                        size_t n_splits)
{
    struct seen seen = {.sum = 2166136261u};
    size_t turn = 0;
    vpcd_init(v);
    while (n > 0) {
        size_t room = 0;
        uint8_t *to = vpcd_room(v, &room);
        if (room == 0 || to < v->in || to + room > v->in + sizeof v->in)
            fuzz_die("no room");
        size_t part = n_splits > 0 ? 1u + splits[turn++ % n_splits] : n;
        part = part < n ? part : n;
        part = part < room ? part : room;
        memcpy(to, octets, part);
        vpcd_received(v, part);
        octets += part;
        n -= part;
        for (;;) {
            const uint8_t *apdu = NULL;
            size_t length = 0;
            enum vpcd_message m = vpcd_next(v, &apdu, &length);
            if (m == VPCD_MORE)
                break;
            if (m == VPCD_APDU && (apdu < v->in || apdu + length > v->in + sizeof v->in || length == 0))
                fuzz_die("an APDU that lies outside");
            seen.n++;
            mix(&seen, (uint32_t)m);
            for (size_t i = 0; m == VPCD_APDU && i < length; i++)
                mix(&seen, apdu[i]);
            if (m == VPCD_APDU && seen.n < 20)
                traced(apdu, length);
        }
    }
    vpcd_wipe(v);
    return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct vpcd v;
    size_t n_splits = n > 0 ? data[0] % 9u : 0;
    if (n < 1 + n_splits)
        return 0;
    const struct seen whole = feed(&v, data + 1 + n_splits, n - 1 - n_splits, NULL, 0);
    const struct seen parts = feed(&v, data + 1 + n_splits, n - 1 - n_splits, data + 1, n_splits);
    if (whole.n != parts.n || whole.sum != parts.sum)
        fuzz_die("the split makes a difference");
    return 0;
}
