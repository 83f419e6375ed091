/* SPDX-License-Identifier: Apache-2.0
 *
 * Import of profile packages for eUICCs: TCA "eUICC Profile Package: Interoperable Format" (SAIP) 2.x
 * and 3.x, unprotected, DER. What comes out is a profile as the YAML loader makes it, with the package's
 * subscriber as pair 0, and a list of what the package asks for that this card does not have. Pure but for
 * upp_load_file; no size in the package is trusted.
 */
#ifndef PROFILE_UPP_H
#define PROFILE_UPP_H

#include "profile.h"

enum { UPP_MAX = 2 << 20 }; /* octets of a package */

struct upp_options {
    const char *const *classes; /* names of the applet classes that cards can run, NULL at the end: decides
                                   which NAAs are imported */
    bool get_identity;          /* their USIM has GET IDENTITY, with ECIES profiles A and B */
    bool gba;                   /* USIM and ISIM have the GBA context of AUTHENTICATE */
    const char *imsi;           /* in place of the one in EF.IMSI; NULL: that one */
    unsigned pairs;             /* so many derived pairs after the package's own */
};

/* Something in the package that the card does not have, or has otherwise. */
struct upp_note {
    size_t offset;    /* octets from the beginning of the package */
    unsigned pe;      /* which profile element, counted from 0 */
    const char *name; /* of the element's type: "securityDomain" */
    char text[224];   /* "keyList[3] (tag 30): keyset version 48 is not one of SCP80" */
};

struct upp_import {
    struct uicc_profile *profile;
    char iccid[21]; /* of the header: 18 to 20 digits */
    struct upp_note *notes;
    size_t n_notes;
    bool notes_cut; /* there were more than the list holds */
};

struct upp_error {
    char text[512]; /* one line: "bank.der: octet 1312: PE 4 (usim): ef-ust: .." */
};

/* `origin` is what errors call the package. false: *error says why, and *out is empty. */
bool upp_load(struct span package, const char *origin, const struct upp_options *options,
              struct upp_import *out, struct upp_error *error);
bool upp_load_file(const char *path, const struct upp_options *options, struct upp_import *out,
                   struct upp_error *error);
void upp_free(struct upp_import *u); /* wipes; may be called on an empty one */

/* The file begins like a package (a profile header in DER), which no YAML does. False as well when it cannot
 * be read, or only once: a pipe. */
bool upp_detect(const char *path);

#endif
