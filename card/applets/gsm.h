/* SPDX-License-Identifier: Apache-2.0
 *
 * Class A0 (3GPP TS 51.011): the SIM that old clients look for. It is the second face of the UICC's basic
 * channel, not a second card: its rows name the handlers of class 00 and 80, and what those answer is put
 * into TS 51.011's words. Unlike other applets it is made of the operating system's own parts, and so
 * includes fs.h.
 */
#ifndef APPLETS_GSM_H
#define APPLETS_GSM_H

#include "applet.h"

extern const struct applet_class gsm_class;

enum { FID_DF_GSM = 0x7F20, FID_DF_TELECOM = 0x7F10 };

/* ---- gsm_files.c: the directories and files of the SIM ---- */

/* The applet whose PIN 81 is CHV2 and whose files fill up DF.GSM and DF.TELECOM: the first of class "usim";
 * NO_APPLET if there is none. */
uint8_t gsm_home(const struct uicc *card);

/* Makes the home applet the one selected on the session, as class A0 has no other way to (a script stays
 * where it is). The class "usim" refuses no selection. */
void gsm_enter(struct uicc *card, struct session *session);

/* DF.GSM, or a directory below it, is the current one. */
bool gsm_in_df_gsm(const struct uicc *card, const struct session *session);

sw_t gsm_select(struct call *call);
sw_t gsm_status(struct call *call);

#endif
