/* SPDX-License-Identifier: Apache-2.0 */
#include "rehearse_report.h"

#include <stddef.h>

/* One list for all three forms. The name in JSON, the words for people. */
static const struct {
    const char *name, *words;
    size_t at;
} figures[] = {
#define FIGURE(member, words)                                                                                \
    {                                                                                                        \
#member, words, offsetof(struct rehearse_outcome, member)                                            \
    }
    FIGURE(cards, "cards"),
    FIGURE(changed, "changed: with the last operator"),
    FIGURE(rolled_back, "rolled back: with an earlier operator, after a change that did not hold"),
    FIGURE(unreachable, "unreachable: with an earlier operator, whose order was not heard of"),
    FIGURE(stranded, "without a working subscription"),
    FIGURE(changes, "hand-overs confirmed"),
    FIGURE(trials_lost, "hand-overs taken back by the card"),
    FIGURE(orders, "orders sent"),
    FIGURE(lost, "orders lost"),
    FIGURE(duplicated, "orders duplicated"),
    FIGURE(reordered, "orders overtaken"),
    FIGURE(corrupted, "orders spoiled"),
    FIGURE(delivered, "messages delivered"),
    FIGURE(refused, "answers that acknowledge nothing"),
    FIGURE(answers_lost, "answers lost"),
    FIGURE(cuts, "power cuts in a write"),
    FIGURE(authentications, "authentications"),
    FIGURE(resynchronised, "of them resynchronised"),
    FIGURE(revealed, "pairs revealed"),
    FIGURE(revealed_wrongly, "pairs asked for by a second party"),
#undef FIGURE
};

enum { FIGURES = sizeof figures / sizeof figures[0] };

static unsigned long figure(const struct rehearse_outcome *out, size_t i)
{
    return *(const unsigned long *)(const void *)((const char *)out + figures[i].at);
}

void rehearse_text(FILE *f, const struct rehearse_outcome *out)
{
    for (size_t i = 0; i < FIGURES; i++)
        fprintf(f, "%10lu  %s\n", figure(out, i), figures[i].words);
}

static void json_slots(FILE *f, const char *name, const unsigned long slots[REHEARSE_SLOTS])
{
    fprintf(f, ",\n  \"%s\": [", name);
    for (unsigned i = 0; i < REHEARSE_SLOTS; i++)
        fprintf(f, "%s%lu", i == 0 ? "" : ", ", slots[i]);
    fputc(']', f);
}

void rehearse_json(FILE *f, const struct rehearse_plan *plan, const struct rehearse_outcome *out)
{
    fprintf(f,
            "{\n  \"operators\": %u,\n  \"loss\": %g,\n  \"duplicate\": %g,\n  \"reorder\": %g,\n  "
            "\"corrupt\": %g,\n  \"cuts_rate\": %g,\n  "
            "\"unattached\": %g",
            plan->operators, plan->loss, plan->duplicate, plan->reorder, plan->corrupt, plan->cuts,
            plan->unattached);
    for (size_t i = 0; i < FIGURES; i++)
        fprintf(f, ",\n  \"%s\": %lu", figures[i].name, figure(out, i));
    json_slots(f, "orders_needed", out->orders_needed);
    json_slots(f, "steps_needed", out->steps_needed);
    fputs("\n}\n", f);
}

static void bars(FILE *f, const char *title, const unsigned long slots[REHEARSE_SLOTS])
{
    enum { WIDE = 20, HIGH = 160 };
    unsigned long most = 1;
    for (unsigned i = 0; i < REHEARSE_SLOTS; i++)
        most = slots[i] > most ? slots[i] : most;
    fprintf(f, "<h2>%s</h2>\n<svg width=\"%d\" height=\"%d\" role=\"img\" aria-label=\"%s\">\n", title,
            REHEARSE_SLOTS * WIDE, HIGH + 20, title);
    for (unsigned i = 0; i < REHEARSE_SLOTS; i++) {
        unsigned long high = slots[i] * HIGH / most;
        fprintf(f,
                "<rect x=\"%u\" y=\"%lu\" width=\"%d\" height=\"%lu\"><title>%lu</title></rect><text "
                "x=\"%u\" y=\"%d\">%u%s</text>\n",
                i * WIDE + 2, HIGH - high, WIDE - 4, high, slots[i], i * WIDE + WIDE / 2, HIGH + 14, i,
                i + 1 == REHEARSE_SLOTS ? "+" : "");
    }
    fputs("</svg>\n", f);
}

void rehearse_html(FILE *f, const struct rehearse_plan *plan, const struct rehearse_outcome *out)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>softuicc rehearse</title>\n"
          "<style>body{font:15px/1.4 sans-serif;max-width:46em;margin:2em auto;padding:0 1em}td{padding:.1em "
          ".8em .1em 0}"
          "td:first-child{text-align:right;font-variant-numeric:tabular-nums}rect{fill:#36c}text{font-size:"
          "10px;text-anchor:middle}"
          "svg{max-width:100%}</style>\n<h1>Changes of operator, rehearsed</h1>\n",
          f);
    fprintf(f,
            "<p>%lu cards, %u operators; messages lost %g, duplicated %g, overtaken %g, spoiled %g; power "
            "cuts %g; devices out of reach "
            "%g.</p>\n<table>\n",
            out->cards, plan->operators, plan->loss, plan->duplicate, plan->reorder, plan->corrupt,
            plan->cuts, plan->unattached);
    for (size_t i = 0; i < FIGURES; i++)
        fprintf(f, "<tr><td>%lu<td>%s\n", figure(out, i), figures[i].words);
    fputs("</table>\n", f);
    bars(f, "Orders sent for a confirmed hand-over", out->orders_needed);
    bars(f, "Steps of time for a confirmed hand-over", out->steps_needed);
    fputs("</html>\n", f);
}
