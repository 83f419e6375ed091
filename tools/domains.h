/* SPDX-License-Identifier: Apache-2.0
 *
 * The keysets of an opened card's security domains, for people and for scripts: versions, check
 * values, counters, never a key.
 */
#ifndef TOOLS_DOMAINS_H
#define TOOLS_DOMAINS_H

#include <stdio.h>

struct uicc;

/* A table, and an empty line behind it; nothing when the card has none. */
void domains_print(FILE *f, struct uicc *card);
/* "domain_keys": [...], its lines begun with this. */
void domains_json(FILE *f, struct uicc *card, const char *indent);

#endif
