/* SPDX-License-Identifier: Apache-2.0
 *
 * The card itself: what the operating system's parts (kernel, fs, toolkit) share. Not for applets.
 */
#ifndef KERNEL_CARD_H
#define KERNEL_CARD_H

#include "applet.h"
#include "objects.h"
#include "toolkit.h"

/* Object ids: kind, then what of that kind. Stored: values never change meaning. */
enum object_kind {
    OBJECT_FILE_BODY = 1,  /* file index << 8 */
    OBJECT_FILE_STATE = 2, /* file index << 8: one octet, 1 when deactivated */
    OBJECT_PIN = 3,        /* PIN index: enabled, value, PUK */
    OBJECT_PIN_TRIES = 4,  /* PIN index: tries left, PUK tries left */
    OBJECT_APPLET = 5,     /* applet index << 16 | item */
    OBJECT_CARD = 6,       /* 0: format and profile name: the card exists */
};

static inline uint32_t object_id(enum object_kind kind, uint32_t what)
{
    return (uint32_t)kind << 24 | what;
}

/* Gone with power and reset. */
struct ram {
    bool powered;
    uint32_t verified;                       /* global key references the terminal has verified (profile_pin_bit) */
    struct session channels[APDU_CHANNELS];
    struct toolkit toolkit;
    size_t waiting;                          /* octets that wait for GET RESPONSE, at card->waiting */
    size_t waiting_from;
    sw_t waiting_sw;                         /* what the last octet of them is answered with */
    bool waiting_secret;                     /* they have keys: not for the trace */
};

struct uicc {
    const struct uicc_env *env;
    const struct profile *profile;
    const struct applet_class *classes[PROFILE_APPLETS_MAX]; /* bound to profile->applets */
    struct objects *objects;
    uint8_t *waiting;                        /* grows with the longest answer that had to wait */
    size_t waiting_cap;
    struct ram ram;
};

/* The kernel's own commands (card/kernel/commands.c is the table of them all). */
extern const struct command_table kernel_commands;

/* The gate of dispatch: resolves the target file, checks access (card/fs/gate.c). */
extern const struct gate card_gate;

#endif
