/* SPDX-License-Identifier: Apache-2.0
 *
 * libuicc: a UICC as a library. This is its only public header. The core does no I/O, has no globals and
 * never blocks: everything outside comes in through struct uicc_env and the store. One thread per card at a
 * time; cards are independent of each other.
 */
#ifndef UICC_H
#define UICC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uicc;          /* a card */
struct uicc_profile;  /* what cards have in common: immutable, shared, made by the profile loader */
struct uicc_store;    /* where a card keeps its objects */
struct uicc_crypto;   /* cipher contexts, one per thread */
struct applet_class;  /* an applet the card may instantiate */
struct personal_given; /* keys, PINs and file contents from elsewhere (profile.h) */

enum {
    UICC_COMMAND_MAX = 4 + 3 + 65535 + 2, /* the longest APDU, extended lengths */
    UICC_RESPONSE_MAX = 65536 + 2,        /* data and status word */
    UICC_ATR_MAX = 33,                    /* ISO/IEC 7816-3 8.1 */
};

/* What a trace sink gets for every exchange. Borrowed, valid during the call only. Secrets are blanked before
 * it is called: PIN values, keys and CK/IK never reach a sink. */
struct uicc_trace_event {
    enum { UICC_TRACE_RESET, UICC_TRACE_APDU, UICC_TRACE_NOTE } kind;
    const uint8_t *command;   /* APDU: the command; RESET: the ATR; NOTE: none */
    size_t command_len;
    const uint8_t *response;  /* APDU: data and status word */
    size_t response_len;
    const char *text;         /* APDU: name of the command; NOTE: what happened */
    const char *status;       /* APDU: what the status word means */
    /* APDU: path of the file that the command worked on, "MF/ADF.USIM/EF.IMSI"; NULL: none */
    const char *file;
    /* APDU: of the toolkit's commands, what it is about: "DISPLAY TEXT: command performed
     * successfully"; NULL: nothing to say */
    const char *detail;
    /* APDU: a secret was left out: command shows its header only, response its status word */
    bool withheld;
};

/* Runs code that is not to be trusted to end: applets from shared objects. All on the
 * thread that uses the card. */
struct uicc_guard {
    void *ctx;
    /* function(arg), unless it dies or takes too long: then false, and the rest of
     * it never runs. Calls nest. */
    bool (*run)(void *ctx, void (*function)(void *arg), void *arg);
    /* Between these two the card's own code runs on behalf of such a function: what would end it waits until
     * leave. They nest with run. */
    void (*enter)(void *ctx);
    void (*leave)(void *ctx);
};

/* The world outside. Every pointer must stay valid as long as a card uses it. */
struct uicc_env {
    void *ctx;
    /* false: no entropy; the command fails */
    bool (*random)(void *ctx, uint8_t *to, size_t n);
    void (*trace)(void *ctx, const struct uicc_trace_event *event);       /* may be NULL */
    struct uicc_crypto *crypto;                                           /* this thread's */
    /* NULL: applets from outside are called as they are */
    const struct uicc_guard *guard;
};

struct uicc_config {
    const struct uicc_env *env;
    const struct uicc_profile *profile;
    struct uicc_store *store;                          /* stays the caller's */
    /* stays valid as long as the card: the applet classes a profile may name, NULL at the end */
    const struct applet_class *const *classes;
};

enum uicc_result {
    UICC_OK,
    UICC_NO_MEMORY,
    UICC_STORE_FAILED,    /* the store could not be read or written */
    UICC_TAMPERED,        /* the store's content fails its authentication */
    UICC_NOT_PERSONALISED,/* the store has no card of this profile */
    UICC_UNKNOWN_APPLET,  /* the profile names a class that is not in `classes` */
    UICC_REFUSED,         /* an applet refused its installation */
};

const char *uicc_result_text(enum uicc_result result);

/* What makes one card differ from the next. */
struct uicc_personal {
    const char *iccid;    /* 18 to 20 digits, Luhn digit included */
    const char *imsi;     /* 6 to 15 digits; NULL: the profile's */
    const uint8_t *seed;  /* derived keys come from it; never stored */
    size_t seed_len;      /* at least 16 */
    const struct personal_given *given; /* in place of the profile's and of derived keys; NULL: none */
};

/* Makes a card: writes the objects of a fresh card into the (empty) store in one transaction. */
enum uicc_result uicc_personalise(const struct uicc_config *config, const struct uicc_personal *personal);

/* Opens a card, unpowered. *card is the caller's, until uicc_close (which wipes it). */
enum uicc_result uicc_open(const struct uicc_config *config, struct uicc **card);
void uicc_close(struct uicc *card);

/* Power up, or warm reset: volatile state (PIN verifications, channels, the toolkit session) is
 * gone. Returns the length of the ATR, at most UICC_ATR_MAX, or 0 when the card is mute (storage
 * that could not be trusted). */
size_t uicc_reset(struct uicc *card, uint8_t *atr);
void uicc_power_off(struct uicc *card);

/* One command as a T=0 reader passes it (ETSI TS 102 221 7.3.1.1), one response: data, SW1, SW2. Returns the
 * response's length, 2 to UICC_RESPONSE_MAX. Any input is answered by a status word. Before a reset: 6F00. */
size_t uicc_transmit(struct uicc *card, const uint8_t *command, size_t n,
                     uint8_t response[UICC_RESPONSE_MAX]);

/* Heap that this card holds beyond the shared profile, in octets. */
size_t uicc_footprint(const struct uicc *card);

#endif
