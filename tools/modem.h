/* SPDX-License-Identifier: Apache-2.0
 *
 * A virtual terminal: what a modem does with a UICC, from power-up (ETSI TS 102 221 14, 3GPP TS 31.102 5.1)
 * through registration by AKA and short messages to the proactive commands (ETSI TS 102 223, 3GPP TS 31.111).
 * One card, one thread: every function is called from the thread that runs the loop, callbacks come from it
 * too. What blocks is the card alone: a command to it is answered when the function returns.
 *
 * Callbacks may call any function of this header but modem_free.
 */
#ifndef TOOLS_MODEM_H
#define TOOLS_MODEM_H

#include "loop.h"
#include "span.h"
#include "sw.h"

struct modem;

enum {
    MODEM_ATR_MAX = 33,
    MODEM_DATA_MAX = 65536, /* response data of one command */
    MODEM_AID_MAX = 16,
    MODEM_TPDU_MAX = 176,
    MODEM_CHANNELS = 20,
    MODEM_TEXT_MAX = 64, /* names, with the NUL */
    MODEM_APPS_MAX = 8,
    MODEM_PIN_MAX = 8,
};

/* ---- what it is connected to ---- */

/* The contacts of a card: modem_link.h makes one of a deck's card in process, or of a PC/SC reader. */
struct modem_link {
    /* Cold reset when without power, else warm. false: no card, or a mute one. */
    bool (*reset)(void *ctx, uint8_t atr[MODEM_ATR_MAX], size_t *n);
    /* One TPDU of T=0 there and back: header and data, or header and P3; data and status word. false: the
     * card is gone (taken out, power lost). */
    bool (*exchange)(void *ctx, struct span command, struct buf *response);
    void (*off)(void *ctx);
    const char *(*why)(void *ctx); /* why one of these said false, for a person */
    void *ctx;
};

/* A network in the air, and the home network's authentication centre behind it: modem_network.h. */
struct modem_network;

enum modem_registration { /* <stat> of +CREG, 3GPP TS 27.007 7.2 */
    MODEM_NOT_REGISTERED = 0,
    MODEM_HOME = 1,
    MODEM_SEARCHING = 2,
    MODEM_DENIED = 3,
    MODEM_UNKNOWN = 4,
    MODEM_ROAMING = 5,
};

enum modem_function { /* +CFUN, TS 27.007 8.2 */
    MODEM_OFF = 0,    /* the card is without power */
    MODEM_FULL = 1,
    MODEM_FLIGHT = 4, /* the card works, the radio does not */
};

enum modem_sim {
    MODEM_SIM_ABSENT, /* none, mute, or lost */
    MODEM_SIM_OFF,    /* no power: +CFUN=0 */
    MODEM_SIM_PIN,    /* PIN1 is wanted */
    MODEM_SIM_PUK,
    MODEM_SIM_BLOCKED, /* the PUK is used up: nothing helps */
    MODEM_SIM_FAILURE, /* no application that it can work with */
    MODEM_SIM_READY,   /* initialised */
};

enum modem_pin { MODEM_PIN1, MODEM_PIN2, MODEM_PUK1, MODEM_PUK2 };

enum modem_memory { MODEM_SM, MODEM_ME }; /* where short messages lie: EF.SMS, or the terminal */

/* What it tells whoever looks after the user (the AT commands, a scenario). Every function may be NULL. */
struct modem_user {
    void (*sim)(void *ctx, enum modem_sim state);
    void (*registration)(void *ctx, enum modem_registration state);
    /* A message lies in memory now (+CMTI). */
    void (*sms_stored)(void *ctx, enum modem_memory memory, unsigned index);
    /* An SMS-DELIVER or SMS-STATUS-REPORT for the user (+CMT, +CDS), of this service centre (digits, maybe
     * '+'). true: it was shown, and modem_sms_acknowledge will be called (+CNMA). false (or NULL): keep it in
     * memory. */
    bool (*sms_direct)(void *ctx, const char *centre, struct span tpdu);
    /* An SMS-STATUS-REPORT that sms_direct did not take is to be kept in memory
     * (+CDSI); else it is forgotten. */
    bool (*sms_report_kept)(void *ctx);
    /* Nobody acknowledged what sms_direct showed, for as long as the network waits. */
    void (*sms_given_up)(void *ctx);
    /* A proactive command (the whole D0 object) that wants a user, or that the user may want to know of.
     * true: the user answers it by modem_stk_response, in the callback or later. false (or NULL): the modem
     * does it itself as far as it can. */
    bool (*stk)(void *ctx, struct span proactive);
    /* The modem executed this one by itself, and this is the TERMINAL RESPONSE's data (empty for a REFRESH
     * that ends in a reset). */
    void (*stk_done)(void *ctx, struct span proactive, struct span response);
    /* The card has nothing more to say: the proactive session is over (TS 102 223 3.1). */
    void (*stk_end)(void *ctx);
    /* REFRESH with this mode (command qualifier, TS 102 223 8.6); the files it names (tag 92's value), or
     * empty. Comes after it was obeyed: a reset has been done, files have been read again. */
    void (*refresh)(void *ctx, uint8_t mode, struct span files);
    /* What the network has to say (+CUSD): text of this coding. more: it wants an answer. */
    void (*ussd)(void *ctx, bool more, uint8_t dcs, struct span text);
    /* It may be told of anything that is going on. `what` is a word ("registered"), `json` what goes with it,
     * a JSON object's members without the braces (maybe ""). */
    void (*log)(void *ctx, const char *what, const char *json);
    void *ctx;
};

struct modem_config {
    struct modem_link link;
    struct loop *loop;
    struct modem_network *network; /* NULL: there is none in the air */
    uint64_t seed;                 /* of all that it draws by lot */
    char imei[16];                 /* 15 digits; "" for a test number */
    char svn[3];                   /* software version, 2 digits: the end of the IMEISV; "" for 01 */
    struct span profile;           /* TERMINAL PROFILE; empty: what this terminal can do */
    struct span capability;        /* TERMINAL CAPABILITY's data; empty: power class, and no more */
    const char *pin;               /* to be entered when the card wants PIN1; NULL: the user does */
    uint32_t poll_s;               /* STATUS at least so often (TS 102 221 14.6.2); 0: 30 s */
    bool allow_network;            /* BIP beyond this machine */
};

/* NULL: no memory. The card is not touched: it is without power until modem_function_set. config->link.ctx,
 * loop and network stay the caller's; the rest is copied. */
struct modem *modem_new(const struct modem_config *config);
void modem_free(struct modem *m); /* without power-down procedure; NULL is allowed */

/* More than one may listen, and each hears everything; the first that takes something has it. */
enum { MODEM_USERS_MAX = 4 };
bool modem_listen(struct modem *m, const struct modem_user *user);

struct loop *modem_loop(const struct modem *m);

/* ---- power and state ---- */

/* Turns the terminal on or off (power-down: TS 31.102 5.1.2). Turning it on initialises the card, and goes on
 * as far as the card's PIN lets it; it registers when the loop runs. Returns what the card came to. */
enum modem_sim modem_function_set(struct modem *m, enum modem_function function);
enum modem_function modem_function_get(const struct modem *m);
enum modem_sim modem_sim_state(const struct modem *m);
/* Off as when the battery falls out, on again: no procedure at all. */
enum modem_sim modem_power_cycle(struct modem *m);

/* Digits; "" when not known (yet). Borrowed until the next call that changes the state. */
const char *modem_imsi(const struct modem *m);
const char *modem_iccid(const struct modem *m);
const char *modem_imei(const struct modem *m);    /* 15 digits */
const char *modem_imeisv(const struct modem *m);  /* 16 digits */
const char *modem_spn(const struct modem *m);     /* EF.SPN, UTF-8 */
const char *modem_msisdn(const struct modem *m);  /* the first of EF.MSISDN */
unsigned modem_mnc_digits(const struct modem *m); /* of EF.AD: 2 or 3 */
struct span modem_atr(const struct modem *m);
bool modem_service(const struct modem *m, unsigned n); /* service n of EF.UST is available */

/* ---- registration ---- */

struct modem_operator {
    char plmn[7];              /* MCC MNC, 5 or 6 digits; "" for none */
    char name[MODEM_TEXT_MAX]; /* may be "" */
    enum {
        MODEM_OPERATOR_UNKNOWN,
        MODEM_OPERATOR_AVAILABLE,
        MODEM_OPERATOR_CURRENT,
        MODEM_OPERATOR_FORBIDDEN
    } status;
    uint8_t act; /* access technology, TS 27.007 7.3: 0 GSM, 2 UTRAN, 7 E-UTRAN */
};

enum modem_registration modem_registration(const struct modem *m);
bool modem_registered(const struct modem *m); /* at home, or roaming */
/* The network that serves it; false: none. */
bool modem_operator(const struct modem *m, struct modem_operator *out);
/* The nth (from 0) of those in the air (+COPS=?). */
bool modem_operators(const struct modem *m, unsigned nth, struct modem_operator *out);
/* plmn NULL: the modem chooses (the usual way). "": detach and stay so. Else this one, and no other. The
 * result comes as an event. */
void modem_operator_select(struct modem *m, const char *plmn);
/* Who chooses, whoever said so last. */
enum modem_selection { MODEM_AUTOMATIC, MODEM_MANUAL, MODEM_DEREGISTERED };
enum modem_selection modem_operator_selection(const struct modem *m);
/* Networks have come or gone (network_switch). */
void modem_radio_changed(struct modem *m);
uint16_t modem_location_area(const struct modem *m); /* LAC, or TAC */
uint32_t modem_cell(const struct modem *m);
unsigned modem_reject_cause(const struct modem *m); /* the last, TS 24.008 10.5.3.6; 0: none */

/* A network's number as files have it (TS 24.008 10.5.1.13), and in 5 or 6 digits.
 * false, and "": no number. */
bool plmn_unpack(struct span three, char plmn[7]);
void plmn_pack(const char *plmn, uint8_t octets[3]);

/* ---- the card, raw ---- */

/* A command as the peer sends it (+CSIM): 61xx, 6Cxx and 91xx are the peer's to see; but what the card wants
 * to do (91xx) the modem fetches afterwards. false: no card. */
bool modem_apdu(struct modem *m, struct span command, struct buf *data, sw_t *sw);

/* Restricted access (+CRSM): command is the instruction (0xB0, 0xB2, 0xC0 for the file's FCP, 0xD6, 0xDC,
 * 0xF2, 0xCB, 0xDB), fid the file, path the FIDs above it, from 3F00 on and without fid ("3F007FFF" is the
 * USIM itself); empty: looked for where TS 27.007 8.18 says. Only what the terminal's user may do is done.
 * false: no card. */
struct modem_crsm {
    uint8_t command;
    uint16_t fid;
    uint8_t p1, p2, p3;
    struct span data;
    struct span path; /* octets */
};
bool modem_restricted(struct modem *m, const struct modem_crsm *how, struct buf *data, sw_t *sw);
/* Number and length of a linear fixed file's records, of what 0xC0 gave: an FCP (TS 102 221 11.1.1.4.3) or,
 * of a class A0 card, the answer of TS 51.011 9.2.1. false: it is no such file. */
bool modem_records_of(struct span answer, unsigned *records, unsigned *length);

/* Logical channels (+CCHO, +CGLA, +CCHC). *channel is 1 to 19. In an APDU for a channel the class's channel
 * bits are the modem's to set; 61xx and 6Cxx have been followed. false: no card, or no such channel is open
 * (*sw 6881). */
bool modem_channel_open(struct modem *m, struct span aid, unsigned *channel, struct buf *fcp, sw_t *sw);
bool modem_channel_apdu(struct modem *m, unsigned channel, struct span command, struct buf *data, sw_t *sw);
bool modem_channel_close(struct modem *m, unsigned channel, sw_t *sw);

struct modem_app { /* one record of EF.DIR (TS 102 221 13.1) */
    uint8_t aid[MODEM_AID_MAX];
    uint8_t aid_len;
    char label[MODEM_TEXT_MAX];
};
/* The nth (from 0); false: no more. */
bool modem_app(const struct modem *m, unsigned nth, struct modem_app *out);
/* The records of EF.DIR as they stand, one after another (+CUAD). */
struct span modem_dir(const struct modem *m);

/* ---- PINs ---- */

/* All return the card's status word: SW_OK, 63Cx with the tries left, 6983 blocked, 6984 not enabled; 0: no
 * card. A PIN has 4 to 8 digits; else SW_WRONG_DATA, and the card is not asked. */
sw_t modem_pin_enter(struct modem *m, enum modem_pin which,
                     const char *pin); /* PIN1 or PIN2; goes on with initialisation */
sw_t modem_pin_unblock(struct modem *m, enum modem_pin which, const char *puk,
                       const char *pin); /* PIN1 or PIN2 */
sw_t modem_pin_change(struct modem *m, enum modem_pin which, const char *old, const char *pin);
sw_t modem_pin_lock(struct modem *m, bool on, const char *pin); /* +CLCK "SC" */
bool modem_pin_locked(const struct modem *m);                   /* PIN1 is enabled */
/* Tries left; -1: not known. */
int modem_pin_tries(struct modem *m, enum modem_pin which);

/* ---- short messages ---- */

/* An SMS-SUBMIT (or -COMMAND) from the user. centre: NULL for that of EF.SMSP. The reference (TP-MR) is the
 * modem's. Returns 0, or RP cause and the like as <err> of +CMS ERROR (TS 27.005 3.2.5): 38 network out of
 * order, 331 no network service, 310 no SIM, 330 centre unknown, 302 the card does not allow it. */
unsigned modem_sms_submit(struct modem *m, const char *centre, struct span tpdu, uint8_t *reference);

/* One in memory: state is the first octet of EF.SMS's record (TS 31.102 4.2.25: 00 free, 01 read, 03 to be
 * read, 05 sent, 07 to be sent, 0D/15/1D sent with report). */
struct modem_sms {
    uint8_t state;
    char centre[22];
    uint8_t tpdu[MODEM_TPDU_MAX];
    uint8_t tpdu_len;
};
unsigned modem_sms_capacity(struct modem *m, enum modem_memory memory);
unsigned modem_sms_used(struct modem *m, enum modem_memory memory);
/* index from 1. false: no such place, or free. Reading does not mark it as read. */
bool modem_sms_read(struct modem *m, enum modem_memory memory, unsigned index, struct modem_sms *out);
bool modem_sms_mark(struct modem *m, enum modem_memory memory, unsigned index, uint8_t state);
bool modem_sms_delete(struct modem *m, enum modem_memory memory, unsigned index);
/* 0: no room. Else the index. */
unsigned modem_sms_write(struct modem *m, enum modem_memory memory, const struct modem_sms *sms);
void modem_sms_memory(struct modem *m, enum modem_memory received); /* where received ones go (+CPMS mem3) */
/* The answer to sms_direct: 0 for taken, else TP-FCS. false: none waits for one. */
bool modem_sms_acknowledge(struct modem *m, uint8_t failure);
/* EF.SMSP's service centre (+CSCA). false: none, or not to be written. */
bool modem_sms_centre(struct modem *m, char centre[22]);
bool modem_sms_centre_set(struct modem *m, const char *centre);

/* A message from the network: an SMS-DELIVER (or STATUS-REPORT) that came by this centre. done() is called
 * once, now or later, with what goes back: failure 0 and the DELIVER-REPORT's user data (may be empty), or
 * TP-FCS and the same. The messages that the card sends go to modem_network's. false: not registered, or busy
 * with MODEM_QUEUE_MAX others; done is not called. */
struct modem_report {
    bool lost;       /* there is no report: the terminal lost its power, or left the network */
    uint8_t failure; /* TP-FCS; 0: delivered */
    sw_t sw;         /* the card's, when it was for the card; else 0 */
    struct span user_data;
};
bool modem_sms_deliver(struct modem *m, const char *centre, struct span tpdu,
                       void (*done)(void *ctx, const struct modem_report *report), void *ctx);

/* ---- toolkit ---- */

/* The user's answer to a command that stk() took: TERMINAL RESPONSE's whole data. false: none waits for it.
 */
bool modem_stk_response(struct modem *m, struct span response, sw_t *sw);
/* The usual ones, in fewer words: result with additional information (may be empty), and what comes after it
 * as COMPREHENSION-TLV objects (text string, item identifier). */
bool modem_stk_answer(struct modem *m, uint8_t result, struct span additional, struct span objects, sw_t *sw);
/* An ENVELOPE (the whole BER-TLV object, D3 for a menu selection). *data: what the card says to it. The 91xx
 * that follows is the modem's. false: no card. */
bool modem_stk_envelope(struct modem *m, struct span envelope, struct buf *data, sw_t *sw);
/* Something is between the card and the modem that needs nobody else: a command to be fetched, or under way.
 */
bool modem_stk_busy(const struct modem *m);
/* The command that waits for the user's answer; empty: none. */
struct span modem_stk_waiting(const struct modem *m);
/* The last SET UP MENU; empty: none. */
struct span modem_stk_menu(const struct modem *m);
/* "full" (what this terminal can do), "machine" (the same without display), "old" (SMS-PP, REFRESH, SEND
 * SHORT MESSAGE), "none" (no toolkit: no TERMINAL PROFILE at all). false: no such. */
bool modem_stk_preset(const char *name, struct span *profile);
/* The TERMINAL PROFILE that is sent at the next power-up. */
void modem_stk_profile(struct modem *m, struct span profile);
struct span modem_stk_profile_get(const struct modem *m);

/* What the card says to a call that the user is about to make (TS 31.111 7.3.1; digits, *, # and a + in
 * front), if EF.UST announces such control; else it is allowed. Short messages and USSD strings are asked
 * about by the functions that send them. */
enum modem_control {
    MODEM_ALLOWED,
    MODEM_BARRED,
    MODEM_MODIFIED,
    MODEM_CONTROL_BUSY, /* it could not say (9300): not allowed now */
};
static inline bool modem_control_allows(enum modem_control said)
{
    return said == MODEM_ALLOWED || said == MODEM_MODIFIED;
}
enum modem_control modem_call_control(struct modem *m, const char *number);

/* A USSD string of the user (+CUSD): an answer comes by ussd(). false: no service. */
bool modem_ussd(struct modem *m, uint8_t dcs, struct span text);
void modem_ussd_cancel(struct modem *m);

#endif
