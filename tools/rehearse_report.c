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
    FIGURE(served_wrongly, "cards that answer an operator besides the one they are with"),
#undef FIGURE
};

enum { FIGURES = sizeof figures / sizeof figures[0] };

static unsigned long figure(const struct rehearse_outcome *out, size_t i)
{
    return *(const unsigned long *)(const void *)((const char *)out + figures[i].at);
}

/* ---- what it took ---- */

/* Between the point before and this one: what the cards in between took each. */
static double us_per_card(const struct rehearse_run *run, unsigned i)
{
    const struct rehearse_point *p = &run->points[i], *from = i > 0 ? &run->points[i - 1] : NULL;
    unsigned long cards = p->cards - (from != NULL ? from->cards : 0);
    return cards == 0 ? 0 : (p->cpu_seconds - (from != NULL ? from->cpu_seconds : 0)) * 1e6 / (double)cards;
}

void rehearse_text(FILE *f, const struct rehearse_outcome *out, const struct rehearse_run *run)
{
    for (size_t i = 0; i < FIGURES; i++)
        fprintf(f, "%10lu  %s\n", figure(out, i), figures[i].words);
    if (run->making_seconds > 0)
        fprintf(f, "\nmade in %.1f s; ", run->making_seconds);
    else
        fputc('\n', f);
    fprintf(f, "%u thread%s\n\n%10s %10s %12s %18s %12s\n", run->threads, run->threads == 1 ? "" : "s",
            "cards", "seconds", "memory, KiB", "CPU us a card", "deck, KiB");
    for (unsigned i = 0; i < run->n_points; i++)
        fprintf(f, "%10lu %10.1f %12lu %18.1f %12lu\n", run->points[i].cards, run->points[i].seconds,
                run->points[i].kib, us_per_card(run, i), run->points[i].deck_kib);
}

static void json_slots(FILE *f, const char *name, const unsigned long slots[REHEARSE_SLOTS])
{
    fprintf(f, ",\n  \"%s\": [", name);
    for (unsigned i = 0; i < REHEARSE_SLOTS; i++)
        fprintf(f, "%s%lu", i == 0 ? "" : ", ", slots[i]);
    fputc(']', f);
}

static void json_run(FILE *f, const struct rehearse_run *run)
{
    fprintf(f, ",\n  \"run\": {\"threads\": %u, \"making_seconds\": %.3f, \"points\": [", run->threads,
            run->making_seconds);
    for (unsigned i = 0; i < run->n_points; i++) {
        const struct rehearse_point *p = &run->points[i];
        fprintf(
            f,
            "%s\n    {\"cards\": %lu, \"seconds\": %.3f, \"cpu_seconds\": %.3f, \"cpu_us_per_card\": %.1f, "
            "\"memory_kib\": %lu, \"deck_kib\": %lu}",
            i > 0 ? "," : "", p->cards, p->seconds, p->cpu_seconds, us_per_card(run, i), p->kib, p->deck_kib);
    }
    fputs("\n  ]}", f);
}

/* All but "run" is the same whenever the same is rehearsed. */
void rehearse_json(FILE *f, const struct rehearse_plan *plan, const struct rehearse_outcome *out,
                   const struct rehearse_run *run)
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
    json_run(f, run);
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

/* A line over the number of cards, in steps as the points have them: 100, 200, 500, 1000, ... */
static void curve(FILE *f, const char *title, const struct rehearse_run *run,
                  double (*value)(const struct rehearse_run *run, unsigned i))
{
    enum { STEP = 44, HIGH = 120, LEFT = 30 };
    double most = 1;
    for (unsigned i = 0; i < run->n_points; i++)
        most = value(run, i) > most ? value(run, i) : most;
    fprintf(
        f,
        "<h2>%s</h2>\n<svg width=\"%u\" height=\"%d\" role=\"img\" aria-label=\"%s\">\n<polyline points=\"",
        title, LEFT * 2 + run->n_points * STEP, HIGH + 36, title);
    for (unsigned i = 0; i < run->n_points; i++)
        fprintf(f, "%u,%.1f ", LEFT + i * STEP, 16 + HIGH * (1 - value(run, i) / most));
    fputs("\"/>\n", f);
    for (unsigned i = 0; i < run->n_points; i++) {
        double y = 16 + HIGH * (1 - value(run, i) / most);
        fprintf(f, "<text x=\"%u\" y=\"%.1f\">%.0f</text><text x=\"%u\" y=\"%d\">%lu</text>\n",
                LEFT + i * STEP, y - 4, value(run, i), LEFT + i * STEP, HIGH + 32, run->points[i].cards);
    }
    fputs("</svg>\n", f);
}

static double memory_mib(const struct rehearse_run *run, unsigned i)
{
    return (double)run->points[i].kib / 1024;
}

static double deck_octets_per_card(const struct rehearse_run *run, unsigned i)
{
    const struct rehearse_point *last = &run->points[run->n_points - 1];
    return (double)run->points[i].deck_kib * 1024 / (double)(last->cards > 0 ? last->cards : 1);
}

void rehearse_html(FILE *f, const struct rehearse_plan *plan, const struct rehearse_outcome *out,
                   const struct rehearse_run *run)
{
    fputs(REHEARSE_HTML_HEAD
          "<style>body{font:15px/1.4 sans-serif;max-width:46em;margin:2em auto;padding:0 1em}td{padding:.1em "
          ".8em .1em 0}"
          "td:first-child{text-align:right;font-variant-numeric:tabular-nums}rect{fill:#36c}polyline{fill:"
          "none;stroke:#36c;stroke-width:2}text{font-size:"
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
    if (run->n_points > 0) {
        const struct rehearse_point *end = &run->points[run->n_points - 1];
        fprintf(
            f,
            "<p>%lu cards in %.1f s by the clock, %.1f s of processors, %u thread%s; made in %.1f s.</p>\n",
            end->cards, end->seconds, end->cpu_seconds, run->threads, run->threads == 1 ? "" : "s",
            run->making_seconds);
        curve(f, "Microseconds of a processor for each card, by number of cards", run, us_per_card);
        curve(f, "Memory of the process, MiB, by number of cards", run, memory_mib);
        curve(f, "Octets of the deck for each of its cards, by number of cards played", run,
              deck_octets_per_card);
    }
    fputs("</html>\n", f);
}
