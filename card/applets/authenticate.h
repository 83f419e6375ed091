/* SPDX-License-Identifier: Apache-2.0
 *
 * AUTHENTICATE as the USIM (3GPP TS 31.102 7.1) and the ISIM (TS 31.103 7.1) have it in common. The keys
 * belong to whichever applet shares "aka"; what is here parses challenges, writes answers, and keeps what GBA
 * leaves behind.
 */
#ifndef APPLETS_AUTHENTICATE_H
#define APPLETS_AUTHENTICATE_H

#include "applet.h"
#include "services.h"

/* P2 of AUTHENTICATE (TS 31.102 7.1.2, TS 31.103 7.1.2): b8 specific reference data, b3-b1 the context. */
enum {
    AUTH_GSM = 0x80,
    AUTH_AKA = 0x81,
    AUTH_VGCS = 0x82,
    AUTH_HTTP_DIGEST = 0x82, /* in an ISIM */
    AUTH_GBA = 0x84,
    AUTH_MBMS = 0x85, /* this and the next with the odd INS only */
    AUTH_LOCAL_KEY = 0x86,
};

/* Is service n (from 1) in this service table, a file of the applet's ADF? Service n is bit n - 1
 * (TS 31.102 4.2.8, TS 31.103 4.2.7). Without the file: no. */
bool service_available(struct applet self, uint16_t table_fid, unsigned n);

/* The 3G, EPS, 5G or IMS AKA context; with_kc: Kc is given as well (service 27 of a USIM). */
sw_t authenticate_aka(struct call *call, bool with_kc);
sw_t authenticate_gsm(struct call *call);

/* GBA_U (TS 33.220 5, annex G), bootstrapping and derivation of NAF keys. The files differ between USIM and
 * ISIM. */
struct gba_files {
    uint16_t bootstrapping; /* EF.GBABP */
    uint16_t naf_list;      /* EF.GBANL */
};
sw_t authenticate_gba(struct call *call, const struct gba_files *files);
/* What GBA left behind is gone: for struct subscriber_service. */
bool gba_forget(struct applet self, const struct gba_files *files);

/* The odd INS (TS 31.102 7.1.2): its contexts, MBMS and Local Key Establishment, are refused as not
 * supported, after the parameters were checked. */
sw_t command_authenticate_odd(struct call *call);

/* RAND and AUTN, each with its length before it, and nothing else. SW_OK with *accepted: *v is the answer
 * (wipe it). SW_OK without: the answer, a synchronisation failure, is written. */
sw_t authenticate_challenge(struct call *call, enum aka_context context, struct span data,
                            struct aka_vector *v, bool *accepted);

enum { TAG_AUTHENTICATED = 0xDB, TAG_SYNCHRONISATION_FAILURE = 0xDC };

/* A value with its length in one octet before it. */
void put_counted(struct buf *out, const uint8_t *p, size_t n);

#endif
