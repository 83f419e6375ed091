/* SPDX-License-Identifier: Apache-2.0
 *
 * A security domain (GlobalPlatform Card Specification 2.3, 7) between its own files. Clauses are that
 * specification's unless they name another.
 */
#ifndef GP_DOMAIN_H
#define GP_DOMAIN_H

#include "registry.h"
#include "scp.h"
#include "security_domain.h"
#include "services.h"

enum { /* items; stored: values never change meaning. The low octet is a key version number, a number of a
          data object, a block number. */
       DOMAIN_LOAD = 0x0001,     /* INSTALL [for load] that was begun: struct load, without a load file yet */
       DOMAIN_KEYS = 0x0100,     /* secret: struct domain_keyset */
       DOMAIN_SEQUENCE = 0x0200, /* SCP02, SCP03: sequence counter, three octets; absent: zero */
       DOMAIN_COUNTER = 0x0300,  /* SCP80: counter last accepted; absent: fresh */
       DOMAIN_DATA = 0x0400,     /* data objects by STORE DATA (data.c) */
       DOMAIN_BLOCK = 0x0800,    /* blocks of the load file under way */
};

/* ---- keys (keys.c) ---- */

enum { DOMAIN_KEYS_MAX = 3 };

struct domain_key {
    uint8_t algorithm; /* enum ota_algorithm; OTA_NONE: there is none */
    uint8_t len;
    uint8_t value[SCP_KEY_MAX];
};

/* Keys 01, 02, 03: KIc, KID and KIK for SCP80; ENC, MAC and DEK for SCP02 and SCP03. */
struct domain_keyset {
    uint8_t version;
    struct domain_key key[DOMAIN_KEYS_MAX];
};

enum key_use { KEY_USE_NONE, KEY_USE_SCP80, KEY_USE_SCP02, KEY_USE_SCP03 };

/* What a key version number is for (GlobalPlatform UICC Configuration; 70 is SCP02's on some makers' cards).
 */
enum key_use domain_key_use(uint8_t version);

/* Wipe *out after use. false: there is none of this version. */
bool domain_keyset_load(struct applet self, uint8_t version, struct domain_keyset *out);
bool domain_keyset_put(
    struct applet self,
    const struct domain_keyset *set); /* one without any key is removed, with its counters */
uint16_t domain_counter_item(uint8_t version); /* of its messages (SCP80), or of its sessions */
/* A keyset's counters begin anew: it has other keys. */
bool domain_counters_reset(struct applet self, uint8_t version);
/* Its counter has its room: a domain that is full otherwise must open sessions and messages, if only to
 * delete something. */
bool domain_counter_reserve(struct applet self, uint8_t version);

/* All three keys are there, of one length and of the protocol's algorithm. */
bool domain_keyset_complete(const struct domain_keyset *set);
/* The lowest version with a complete keyset for SCP02 or SCP03; 0: none. */
uint8_t domain_first_keyset(struct applet self);

sw_t domain_keys_install(struct applet self, const struct uicc_personal *personal);
extern const struct ota_key_service domain_ota_keys;

/* ---- the domain whose keys protect what an applet (or domain) says: its own, or while it has none its
 * parent's ---- */

struct applet
domain_of(struct applet any); /* itself, if it is one; else its security domain. index NO_APPLET: none */
struct applet domain_with_channel_keys(struct applet domain);

/* ---- volatile ---- */

enum channel_state {
    CHANNEL_CLOSED,
    CHANNEL_BEGUN,
    CHANNEL_OPEN
}; /* nothing; INITIALIZE UPDATE; EXTERNAL AUTHENTICATE */

struct domain_channel { /* a secure channel session on one logical channel; a secret */
    uint8_t state;      /* enum channel_state */
    uint8_t applet;     /* who is selected there: it ends with that */
    uint8_t version;    /* of the keyset, */
    uint8_t holder;     /* and whose it is */
    /* SCP03: that keyset was changed in this session, which goes on with the DEK that it began with */
    bool dek_kept;
    bool first;         /* open, and EXTERNAL AUTHENTICATE is not answered yet */
    struct scp_session scp;
};

struct domain_status { /* where GET STATUS stopped */
    bool more;
    bool remote;
    uint8_t channel;
    uint8_t subset;
    uint8_t applet;   /* next index */
    unsigned package; /* next cursor */
};

struct domain_personalization { /* INSTALL [for personalization]: whom STORE DATA is for */
    bool running, remote;
    uint8_t channel;
    uint16_t actor;     /* in whose name (domain_actor) */
    uint8_t applet;                         /* NO_APPLET: the domain itself */
    struct aid aid;                         /* its AID: the index is another's when it was deleted */
    uint8_t next;                           /* block number */
    uint8_t key_type, key_len, key_version; /* DGI 00B9, for the 8F01 that follows */
};

struct domain_memory {
    struct domain_channel channels[APDU_CHANNELS];
    struct domain_status status;
    struct domain_personalization personalization;
};

struct domain_memory *domain_memory(struct applet domain); /* NULL: no memory */

/* ---- the secure channel (channel.c) ---- */

/* Key data of PUT KEY and STORE DATA, under the DEK of what secured this command: the secure channel session,
 * or the keyset of the OTA message. in.n: whole blocks. false: there is no such key, or not of that length.
 */
bool domain_dek_decrypt(struct call *call, struct span in, uint8_t *out);
size_t domain_dek_block(struct call *call);
/* This keyset is about to change: if it is the session's, its DEK is noted. */
void domain_dek_keep(struct call *call, const struct domain_keyset *old);

/* ---- who may do what (domain.c) ---- */

enum domain_power {
    POWER_KEYS,    /* of its own: keys, data */
    POWER_CONTENT, /* load, install, extradite, delete */
    POWER_LIFE,    /* life cycle of what is its own */
};

/* The card's life cycle and the domain's privileges allow it. */
sw_t domain_may(struct call *call, enum domain_power power);
bool domain_is_issuer(struct applet self);
/* Whoever speaks may change keys, data and state of this domain, or application, now, as far as a trial goes.
 */
bool domain_settled(const struct call *call, struct applet domain);
bool domain_privilege(struct applet self, unsigned octet, uint8_t bit);
/* The operator in whose name this session speaks, or NO_OWNER: an operator's own OTA keyset, or a security
 * domain that is an operator's. */
uint16_t domain_actor(const struct call *call);
/* It may know of what belongs to `owner` and to security domain `domain` (or is that); and it may change it.
 */
bool domain_sees(const struct call *call, uint8_t domain, uint16_t owner);
bool domain_reaches(const struct call *call, uint8_t domain, uint16_t owner);

/* ---- commands ---- */

sw_t command_domain_get_data(struct call *call); /* data.c */
sw_t command_domain_store_data(struct call *call);
sw_t command_get_status(struct call *call); /* status.c */
sw_t command_set_status(struct call *call);
sw_t command_install(struct call *call); /* content.c */
sw_t command_delete(struct call *call);
sw_t command_load(struct call *call);           /* load.c */
sw_t command_domain_put_key(struct call *call); /* put_key.c */
sw_t domain_delete_key(struct call *call, struct span data);
sw_t domain_store_keys(struct call *call, struct applet to, const struct domain_personalization *p,
                       struct span keys);

sw_t install_for_load(struct call *call); /* load.c */
bool load_drop(struct applet self);       /* what LOAD has brought so far */

/* ---- fields ---- */

static inline struct span lv_take(struct reader *r)
{
    return rd_take(r, rd_u8(r));
}

#endif
