/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the files of the registry.
 */
#ifndef KERNEL_INSTALL_H
#define KERNEL_INSTALL_H

#include "fs.h"

/* false: not 5 to 16 octets. */
bool aid_set(struct aid *to, struct span from);

/* The class behind a module that INSTALL may make instances of; NULL: this program has none. */
const struct applet_class *class_by_module(const struct uicc *card, struct span package, struct span module);

/* An entry with a copy of these parameters and nothing else; NULL: no memory. */
struct applet_entry *entry_new(struct span parameters);
/* An applet of the profile as the profile has it; NULL: no memory. */
struct applet_entry *entry_of_profile(const struct uicc *card, uint8_t index);
/* Its class, by package and module. */
void entry_bind(const struct uicc *card, struct applet_entry *e);
/* The table of entries, made when there was none; NULL: no memory. */
struct applet_entry **registry_entries(struct uicc *card);
/* registry.n anew. */
void registry_count(struct uicc *card);

/* As stored. changed_only: of an applet that the profile made. */
void instance_encode(const struct applet_entry *e, bool changed_only, struct span system, struct span uicc,
                     struct buf *out);
/* EF and EA of what is stored. */
void instance_parameters(struct span stored, struct span *system, struct span *uicc);

#endif
