/* SPDX-License-Identifier: Apache-2.0
 *
 * How an explanation is told: sections of fields, notes and a verdict, as text or as JSON.
 */
#ifndef TOOLS_OTA_SAY_H
#define TOOLS_OTA_SAY_H

#include <stdio.h>

#include "span.h"

struct printer {
    FILE *to;
    bool json;
    bool in_section, any_section, any_field;
    const uint8_t *base; /* offsets count from here ... */
    size_t offset;       /* ... which is this far into what was given */
};

enum verdict { ACCEPTED, REFUSED, UNDECIDED, PROVED, UNPROVED };

void say_section(struct printer *p, const char *title);
void say_section_end(struct printer *p);
/* One field: where it lies, its octets, what they are called and what they mean. */
void say_field(struct printer *p, struct span octets, const char *name, const char *clause,
               const char *format, ...) __attribute__((format(printf, 5, 6)));
void say_note(struct printer *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Ends the section. */
void say_verdict(struct printer *p, enum verdict v, const char *why);

/* Offsets of what follows count from `base`, which lies (or whose cipher text lay) where `origin` points. */
struct place {
    const uint8_t *base;
    size_t offset;
};

struct place say_rebase(struct printer *p, const uint8_t *base, const uint8_t *origin);
void say_restore(struct printer *p, struct place before);

/* Reasons, one after the other. */
struct why {
    char text[900];
    size_t len;
};

void say_because(struct why *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
