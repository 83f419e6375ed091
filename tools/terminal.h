/* SPDX-License-Identifier: Apache-2.0
 *
 * What a terminal does with a card, as far as the operator's tools need it: commands over T=0, reading who
 * the card is, handing it a short message, and obeying what it then asks for. How octets reach the card is
 * the caller's (pcsc.h is one way).
 */
#ifndef TOOLS_TERMINAL_H
#define TOOLS_TERMINAL_H

#include "span.h"
#include "sw.h"

/* One TPDU there and back: header and data, or header and Le; data and status word. false: the link is gone.
 */
struct terminal {
    bool (*exchange)(void *ctx, struct span command, struct buf *response);
    bool (*reset)(void *ctx); /* false: the card did not come back */
    void *ctx;
    /* Takes a short message that the card wants sent (SEND SHORT MESSAGE): its SMS-SUBMIT. false: it could
     * not be sent. NULL: this terminal sends none, and tells the card so. */
    bool (*sms)(void *ctx, struct span tpdu);
    /* Likewise a USSD string (SEND USSD): what follows the command's device identities is in `proactive`. */
    bool (*ussd)(void *ctx, struct span proactive);
    void *sms_ctx; /* of both */
};

/* A command whole: 61xx and 6Cxx are followed up (ETSI TS 102 221 7.3.1.1), *data (may be NULL) gets the
 * response data, *sw the final status word. A status word of 62xx or 63xx after which data waits is followed
 * up too, and kept. */
bool terminal_command(const struct terminal *t, struct span command, struct buf *data, sw_t *sw);

/* Selects and reads EF.ICCID below the MF. false: the link is gone. *sw is SW_OK when the file could be read;
 * iccid is empty when it could not, or holds no such number. */
bool terminal_iccid(const struct terminal *t, char iccid[21], sw_t *sw);

/* Likewise: selects the USIM and reads EF.IMSI. */
bool terminal_imsi(const struct terminal *t, char imsi[16], sw_t *sw);

/* The ENVELOPE command around its data. out becomes full when that is more than 255 octets. */
void terminal_envelope_apdu(struct span data, struct buf *out);

/* The ENVELOPE (SMS-PP DOWNLOAD) command in which a terminal hands over an SMS-DELIVER that came by this
 * service centre. out becomes full when the centre is no number, or there is no room. */
void terminal_envelope(const char *centre, struct span tpdu, struct buf *out);

/* Hands the card an SMS-DELIVER. *report gets what it puts into the delivery report, *sw its status word:
 * 91xx is the caller's to serve. false: the link is gone. */
bool terminal_sms(const struct terminal *t, const char *centre, struct span tpdu, struct buf *report,
                  sw_t *sw);

/* Whether a terminal acknowledges the message (RP-ACK) when the card's status word for its ENVELOPE is this
 * one: all of 62xx, 63xx and 6Fxx, too (3GPP TS 31.111 7.1.1.1). A SIM's 6Fxx is a failure (TS 51.014 7.1.1),
 * which is not said here. */
bool terminal_acknowledges(sw_t sw);

/* What a card asked for by proactive commands (ETSI TS 102 223). */
struct terminal_asked {
    bool refresh;         /* REFRESH was among them ... */
    uint8_t refresh_mode; /* ... with this command qualifier */
    bool reset_due; /* it calls for a reset (UICC reset), which is still to be done: no other command may come
                       between */
    unsigned messages; /* SEND SHORT MESSAGE and SEND USSD, taken by the terminal's sms and ussd */
    unsigned others; /* number of the other commands: answered OK when harmless, else as beyond the terminal's
                        capabilities */
};

/* Tells the card what this terminal can do, and serves what it then asks for. */
bool terminal_profile(const struct terminal *t, struct terminal_asked *asked, sw_t *sw);

/* Serves proactive commands as long as *sw is 91xx; *sw is what came last. */
bool terminal_serve(const struct terminal *t, struct terminal_asked *asked, sw_t *sw);

#endif
