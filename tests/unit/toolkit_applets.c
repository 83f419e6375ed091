/* SPDX-License-Identifier: Apache-2.0 */
#include "toolkit_applets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "kernel.h"

static struct toolkit_play *playing; /* a class has no place for whose test it is */

static sw_t told(unsigned who, const struct event *event)
{
    struct toolkit_play *p = playing;
    if (p == NULL || event->kind == EVENT_POWER_ON)
        return SW_OK;
    if (p->n_seen < sizeof p->seen / sizeof p->seen[0]) {
        struct seen *s = &p->seen[p->n_seen++];
        *s = (struct seen){who, event->kind, event->toolkit, event->id, event->tag, {0}, 0};
        s->n = event->data.n < sizeof s->data ? event->data.n : sizeof s->data;
        if (s->n > 0)
            memcpy(s->data, event->data.p, s->n);
    }
    return p->does != NULL ? p->does(p, who, event) : SW_OK;
}

static sw_t one(struct applet self, const struct event *event)
{
    (void)self;
    return told(ONE, event);
}

static sw_t two(struct applet self, const struct event *event)
{
    (void)self;
    return told(TWO, event);
}

static sw_t three(struct applet self, const struct event *event)
{
    (void)self;
    return told(THREE, event);
}

static const struct toolkit_class single = {.events = NULL, .priority = 9, .one_session = true};
/* Two come from outside; the third is as one of the card's own. */
static const struct applet_package package = {6, {0xF0, 'p', 'l', 'a', 'y', 1}, {1, 0}};
static const struct applet_class class_one = {.name = "one", .event = one, .package = &package};
static const struct applet_class class_two = {.name = "two", .event = two, .package = &package};
static const struct applet_class class_three = {.name = "three", .event = three, .toolkit = &single};
static const struct applet_class *const more[] = {&class_one, &class_two, &class_three, NULL};

void toolkit_open(struct toolkit_play *p)
{
    memset(p, 0, sizeof *p);
    playing = NULL;
    fixture_open_text_classes(&p->f,
                              "format: 1\ninclude: test\napplets:\n"
                              "  - {class: one, tars: [BFFF11], msl: 16}\n"
                              "  - {class: two, tars: [BFFF12], msl: 16}\n"
                              "  - {class: three}\n",
                              more);
    static const char *const names[APPLETS] = {"one", "two", "three"};
    for (uint8_t i = 0; i < applets_count(p->f.card); i++)
        for (unsigned who = 0; who < APPLETS; who++)
            if (strcmp(applet_class_of(p->f.card, i)->name, names[who]) == 0)
                p->applet[who] = (struct applet){p->f.card, i};
    playing = p;
}

void toolkit_close(struct toolkit_play *p)
{
    playing = NULL;
    fixture_close(&p->f);
}

int toolkit_setup(void **state)
{
    static struct toolkit_play play;
    toolkit_open(&play);
    *state = &play;
    return 0;
}

int toolkit_teardown(void **state)
{
    toolkit_close(*state);
    return 0;
}

void toolkit_begin(struct toolkit_play *p)
{
    objects_begin(p->f.card->objects);
}

void toolkit_end(struct toolkit_play *p)
{
    assert_true(card_commit(p->f.card));
}

unsigned toolkit_told(const struct toolkit_play *p, unsigned who, unsigned event)
{
    unsigned n = 0;
    for (unsigned i = 0; i < p->n_seen; i++)
        n += p->seen[i].who == who && p->seen[i].kind == EVENT_TOOLKIT && p->seen[i].toolkit == event;
    return n;
}

void toolkit_forget_seen(struct toolkit_play *p)
{
    p->n_seen = 0;
}

void toolkit_profile(struct toolkit_play *p)
{
    exchange(&p->f,
             "8010000028"
             "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
             "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
             "9*");
}

void toolkit_fetch(struct toolkit_play *p, const char *pattern, const char *file, int line)
{
    char text[1100];
    snprintf(text, sizeof text, "%s9000", pattern);
    fixture_apdu(&p->f, "8012000000", pattern[0] == '*' ? "*" : text, true, file, line);
}

void toolkit_drain(struct toolkit_play *p)
{
    exchange(&p->f, "80F2000C00", "9*");
    for (unsigned i = 0; p->f.response[p->f.response_len - 2] == 0x91; i++) {
        assert_true(i < 64);
        exchange(&p->f, "8012000000", "D0*");
        answer_proactive(&p->f, 0, "", "9*");
    }
}
