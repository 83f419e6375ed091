/* SPDX-License-Identifier: Apache-2.0
 *
 * The card itself: what the operating system's parts (kernel, fs, toolkit) share. Not for applets.
 */
#ifndef KERNEL_CARD_H
#define KERNEL_CARD_H

#include "applet.h"
#include "objects.h"
#include "registry.h"
#include "toolkit.h"

/* Object ids: kind, then what of that kind. Stored: values never change meaning. */
enum object_kind {
    OBJECT_FILE_BODY = 1,  /* file index << 8 */
    OBJECT_FILE_STATE = 2, /* file index << 8: one octet, enum file_state */
    OBJECT_PIN = 3,        /* PIN index: enabled, value, PUK */
    OBJECT_PIN_TRIES = 4,  /* PIN index: tries left, PUK tries left */
    OBJECT_APPLET = 5,     /* applet index << 16 | item */
    /* 0: format and profile name: the card exists. 1: terminated. 2: life cycle (enum card_life) */
    OBJECT_CARD = 6,
    OBJECT_FILE_MADE = 7,  /* file index << 8: a file that CREATE FILE made, its row (card/fs/made.c) */
    /* applet index << 16 | item: its ToolkitRegistry entry (card/toolkit/toolkit_registry.c) */
    OBJECT_TOOLKIT = 11,
    OBJECT_SUSPENDED = 8,  /* 0: token and session of SUSPEND UICC (card/kernel/suspend.c) */
    /* applet index: what INSTALL made, or what is otherwise than in the profile (card/kernel/registry.c) */
    OBJECT_INSTANCE = 9,
    /* slot << 1: a package that LOAD brought; slot << 1 | 1: its load file (card/kernel/packages.c) */
    OBJECT_PACKAGE = 10,
};

static inline uint32_t object_id(enum object_kind kind, uint32_t what)
{
    return (uint32_t)kind << 24 | what;
}

enum { INVOKE_DEPTH = 8 };

/* Gone with power and reset. */
struct ram {
    bool powered;
    bool started;                            /* a command has run since the reset */
    bool may_resume;                         /* none of those that end a suspension */
    bool suspended;                          /* by SUSPEND UICC, and there was no reset since */
    /* global key references the terminal has verified (profile_pin_bit) */
    uint32_t verified;
    struct session channels[APDU_CHANNELS];
    struct toolkit toolkit;
    bool inner;                              /* the command under way came through a secure channel */
    uint8_t channel_requirement;             /* enum secure_requirement, + 1 once it is known */
    /* index + 1 of the applet from outside that is running (card/api); 0: none */
    uint8_t context;
    uint8_t depth;                           /* of calls of shareable interfaces, one within the other */
    /* something half done is in the transaction: it cannot be committed */
    bool doomed;
    /* index + 1 of the applet that is being installed: nothing of it is durable before it is there */
    uint8_t installing;
    /* index + 1 of one that died: its transaction cannot be committed */
    uint8_t died;
    uint16_t target;                         /* what the command under way works on: for the trace */
    size_t waiting;                          /* octets that wait for GET RESPONSE, at card->waiting */
    size_t waiting_from;
    uint8_t waiting_channel;
    sw_t waiting_sw;                         /* what the last octet of them is answered with */
    /* they wait for the command with this header, repeated with the right Le */
    bool repeats;
    uint8_t repeated[4];
    bool waiting_secret;                     /* they have keys: not for the trace */
    /* while a script runs: of the keyset that secured its message (not in each session: a card has twenty) */
    const struct keyset *script_keys;
};

/* A file that CREATE FILE made. Derived from its object: found by hash, whatever their number. */
enum { MADE_MAX = 512, MADE_BUCKETS = 64, MADE_OCTETS_MAX = 128 * 1024, ACCESS_DATA_MAX = 64 };

struct made_file {
    /* kind 0: a free slot; content is empty: a made file's body is always its own */
    struct profile_file row;
    uint16_t next_fid, next_sfi;   /* next slot in the bucket, PROFILE_NO_FILE at the end */
    uint8_t access_tag;            /* 8B: row.arr_fid and row.arr_record; 8C, AB: access_data */
    uint8_t access_len;
    uint8_t access_data[ACCESS_DATA_MAX];
    /* index of the operator's K/OTA pair under whose keys it was made over the air, or NO_OWNER */
    uint16_t owner;
};

struct made_index {
    uint16_t by_fid[MADE_BUCKETS], by_sfi[MADE_BUCKETS]; /* first slot of each bucket */
};

struct made_files {
    struct made_file *slots;
    struct made_index *index;      /* NULL as long as there has been no slot: most cards never have one */
    uint16_t n;                    /* slots in use or free; file indices are profile->n_files + slot */
    uint32_t octets;               /* of all their bodies */
    uint16_t gone;                 /* files of the profile that were deleted */
    bool owned;                    /* some file is an operator's: not there while another's pair is active */
    bool dirty;                    /* the transaction changed them: an abort must read them again */
};

/* A BER-TLV object that SET DATA sends in parts, or RETRIEVE DATA fetches in parts
 * (TS 102 221 11.3). Volatile. */
struct ber_transfer {
    uint16_t file;                 /* PROFILE_NO_FILE: none under way */
    uint8_t channel;
    bool remote;                   /* a script began it: the terminal's basic channel is another session */
    bool setting;
    size_t last, at, n;            /* octets done before the last block, octets done, octets in all */
    uint8_t *data;                 /* n octets; of the heap */
};

/* Volatile memory of applets: few have any at a time. */
struct transient {
    void *p;               /* NULL: a free place */
    size_t n;
    uint8_t applet, slot;
    bool on_deselect;      /* ends with the selection of its applet */
};

struct uicc {
    const struct uicc_env *env;
    const struct profile *profile;
    struct registry registry;
    /* made and registry are of a transaction that was aborted: to be read again before anything else */
    bool stale;
    struct objects *objects;
    struct made_files made;
    struct ber_transfer transfer;
    struct transient *transients;
    size_t n_transients;                     /* places */
    uint8_t *waiting;                        /* grows with the longest answer that had to wait */
    size_t waiting_cap;
    struct toolkit_queue queue;
    struct secure_channels *secure;          /* only while there are any (secure_channel.h) */
    struct ram ram;
};

/* The kernel's own commands (card/kernel/commands.c is the table of them all). */
extern const struct command_table kernel_commands;

/* The gate of dispatch: resolves the target file, checks access (card/fs/gate.c). */
extern const struct gate card_gate;

#endif
