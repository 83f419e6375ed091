/* SPDX-License-Identifier: Apache-2.0
 *
 * A profile: what a kind of card is made of, as data. Immutable after loading, shared by every card made from
 * it. The YAML loader (profile_yaml.h) makes one from text; profile_encode/decode turn it into the bytes that
 * a deck keeps and back. The core needs only this header, not the loader.
 */
#ifndef PROFILE_PROFILE_H
#define PROFILE_PROFILE_H

#include "aka.h"
#include "keyset.h"
#include "sqn.h"

enum {
    PROFILE_NO_FILE = 0xFFFF,
    PROFILE_FILES_MAX = 4096,
    PROFILE_PINS_MAX = 24,
    PROFILE_APPLETS_MAX = 32,
    PROFILE_PAIRS_MAX = 255,
    PROFILE_KEYSETS_MAX = 24,
    PROFILE_AID_MAX = 16,
};

enum file_kind { FILE_MF = 1, FILE_DF, FILE_ADF, FILE_TRANSPARENT, FILE_LINEAR, FILE_CYCLIC, FILE_BERTLV };

static inline bool profile_is_df(uint8_t kind)
{
    return kind == FILE_MF || kind == FILE_DF || kind == FILE_ADF;
}

/* What is put into a file when a card is personalised, in place of `content`. Those of the IMS (3GPP
 * TS 23.003 13) follow from the IMSI, and follow it when it changes. Stored: values never change meaning. */
enum file_fill {
    FILL_CONTENT,
    FILL_ICCID,
    FILL_IMSI,
    FILL_IMPI,
    FILL_IMPU,
    FILL_DOMAIN,
    FILL_MAX = FILL_DOMAIN
};

/* The FID of an ADF that has none of its own: TS 102 221 8.6 reserves it for "the ADF of this channel". Such
 * an ADF is found by AID only; profile_child never returns it. */
enum { PROFILE_FID_CURRENT_ADF = 0x7FFF };

struct profile_file {
    uint8_t kind;           /* enum file_kind */
    uint8_t sfi;            /* 1 to 30; 0: none */
    uint8_t record_len;     /* record files: 1 to 255 */
    uint8_t fill;           /* enum file_fill */
    uint16_t fid;
    uint16_t parent;        /* index; a parent stands before its children; the MF (index 0) is its own */
    uint16_t arr_fid;       /* 8B: EF.ARR (2F06 or 6F06) ... */
    uint8_t arr_record;     /* ... and record, from 1 */
    uint8_t applet;         /* ADF: index of the applet it belongs to; else 0xFF */
    /* index of the EF whose body and life cycle this one shares (kind, size and records
     * are the same); 0: its own */
    uint16_t link;
    bool deactivated;       /* life cycle at personalisation */
    bool high_update;       /* special file information (TS 102 222 6.3.2.2.2): high update activity */
    bool open_deactivated;  /* likewise: read and updated even when deactivated */
    bool pin_status;        /* DF: has its own C6 (MF and ADF) */
    bool has_names;         /* the body has several: this is a link, or one leads here. Not stored */
    uint32_t size;          /* EF: octets (records * record_len) */
    struct span content;    /* exactly `size` octets; in `pool` */
    const char *name;       /* "EF.IMSI"; in `pool` */
};

struct profile_pin {
    uint8_t reference;      /* key reference, TS 102 221 9.5.1: 01..08, 0A..0E, 11, 81..88, 8A..8E */
    uint8_t tries, puk_tries; /* 1 to 15; puk_tries 0: cannot be unblocked */
    bool enabled;
    bool can_disable;       /* DISABLE PIN is allowed (never for ADM) */
    uint8_t adf;            /* local PIN (81..): index of the applet; else 0xFF: global */
    uint8_t value[8];       /* padded with FF; a secret */
    uint8_t puk[8];
    uint8_t derived;        /* enum pin_derived: each card has its own */
};

enum pin_derived { PIN_DERIVE_VALUE = 1, PIN_DERIVE_PUK = 2 };

enum applet_right { /* what an OTA session that targets this applet may be given */
    RIGHT_REMOTE_CHANGE = 1u << 0, /* order a change of subscription */
    RIGHT_ADMIN = 1u << 1,
    RIGHT_REPLACE_KEYS = 1u << 2,  /* PUT KEY: the active operator's OTA keyset, K and OPc */
    RIGHT_MANAGE_APPLETS = 1u << 3, /* remote application management (TS 102 226 8) by a security domain */
};

struct profile_applet {
    /* "usim", "subscription", "rfm", "ota": bound to a struct applet_class when a card is opened */
    const char *class_name;
    uint8_t aid[PROFILE_AID_MAX];
    uint8_t aid_len;        /* 0: cannot be selected by AID */
    /* file index of its ADF, or PROFILE_NO_FILE. For "rfm": the DF its scripts start in */
    uint16_t adf;
    uint8_t n_tars;
    uint8_t tars[4][3];
    uint8_t msl;            /* minimum security level: an SPI1 octet (TS 102 225 5.1.1); 0 needs `insecure` */
    /* OTA access domain: bit profile_pin_bit(r) for each key reference r it counts as verified */
    uint32_t access;
    struct span params;     /* installation parameters, the class's own; in `pool` */
    /* shared object that brings the class; "": the program has it. Class "": only its package is wanted */
    const char *so;
};

/* One K/OTA pair. Where `derived` has a bit, personalisation derives that key from the card's seed, ICCID
 * and index. PAIR_FROM_OP: key.opc holds OP (TOP), from which personalisation computes OPc once K is
 * known. Not with DERIVE_OPC. */
enum { PAIR_DERIVE_K = 1, PAIR_DERIVE_OPC = 2, PAIR_DERIVE_OTA = 4, PAIR_FROM_OP = 8 };

struct profile_pair {
    uint8_t algorithm;      /* enum aka_id */
    uint8_t derived;
    struct sqn_scheme sqn;
    struct aka_key key;     /* lengths always set; octets where not derived */
    struct keyset ota;      /* likewise */
    uint32_t ota_rights;    /* enum applet_right: what this operator's keyset may do */
};

/* A keyset that is not an operator's: the subscription manager's (TR 33.812 5.3.2.3, V2), the owner's, or one
 * of a security domain, whose keys 01, 02, 03 are kic, kid and kik: KIc, KID and KIK with versions 01 to 0F,
 * else ENC, MAC and DEK of SCP02 (3DES) or SCP03 (AES). Those of security domains stand behind the others. */
struct profile_keyset {
    struct keyset keys;
    bool derived;
    uint32_t rights;
    uint8_t domain; /* 0: common; else 1 + index of the security domain in `applets` */
};

struct profile {
    const char *name;
    const char *title;      /* one line for people; "" if none */
    bool insecure;          /* allows well-known keys and MSL 0 */
    /* no answer at all to a packet that fails authentication, even if it asks for one */
    bool ota_silent;
    uint8_t atr[33];
    uint8_t atr_len;
    char imsi[16];          /* of pair 0 when `new` names none */
    uint16_t n_files;
    struct profile_file *files;     /* files[0] is the MF */
    uint8_t n_pins;
    struct profile_pin *pins;
    uint8_t n_applets;
    struct profile_applet *applets;
    uint16_t n_pairs;
    struct profile_pair *pairs;
    uint8_t n_keysets;
    struct profile_keyset *keysets;
    void *pool;             /* everything the above point to; one allocation of pool_size octets */
    size_t pool_size;
    /* Look-up tables made by profile_index(); O(1) whatever the number of files. */
    uint32_t hash_size;
    uint16_t *children;     /* hash of (parent, FID) */
    uint16_t *sfis;         /* hash of (parent, SFI) */
};

/* struct uicc_profile of the public header is this. */
struct uicc_profile {
    struct profile p;
};

/* The bit of a view's rights that stands for a key reference (TS 102 221 9.5.1): 01..08 are bits 0
 * to 7, 0A..0E bits 8 to 12, 11 (universal PIN) bit 13, 81..88 bits 16 to 23, 8A..8E bits 24 to
 * 28. -1: not a key reference. */
int profile_pin_bit(uint8_t reference);
/* Those that an access domain of the UICC's access conditions names (ETSI TS 102 226 8.2.1.3.2.5, access
 * domain parameter 02): of its three octets, PIN1 is b1 of the first, ADM1 to ADM5 are b1 to b5 of the
 * second. What else may be set in them grants nothing. */
uint32_t profile_access_conditions(const uint8_t octets[3]);
/* Is it an administrative key (0A to 0E, 8A to 8E)? */
static inline bool profile_pin_is_adm(uint8_t reference)
{
    return (reference & 0x0F) >= 0x0A;
}

/* File (index) with this FID right below `parent`, or with this SFI; PROFILE_NO_FILE if there is none. */
uint16_t profile_child(const struct profile *p, uint16_t parent, uint16_t fid);
uint16_t profile_sfi(const struct profile *p, uint16_t parent, uint8_t sfi);

/* Builds the look-up tables (anew); false: no memory, or two files share parent and FID (or SFI), or a parent
 * is not a DF or does not stand before its child. *file (may be NULL) gets the index of the offending file,
 * PROFILE_NO_FILE when it is memory. */
bool profile_index(struct profile *p, uint16_t *file);

/* A profile as bytes: a magic number, a version, then everything. Architecture-independent. The caller frees
 * *out (and wipes it: it has keys). false: no memory, or something in p that does not fit its own limits. */
bool profile_encode(const struct profile *p, uint8_t **out, size_t *n);

/* A key that stands in public documents, or that is all too regular (00 01 02 ..): only for a
 * profile that is insecure. */
bool profile_key_known(const uint8_t *key, size_t n);

/* How many keysets are common: the first ones. */
unsigned profile_common_keysets(const struct profile *p);

/* The reverse of profile_encode, with every bound checked; indexes it too. NULL: not a profile, of an
 * unknown version, or no memory. */
struct uicc_profile *profile_decode(struct span bytes);
void profile_free(struct uicc_profile *p); /* wipes */

/* ---- personalisation: pure functions of profile, seed, ICCID and index, so that the card maker can make the
 * same keys for his own records that he makes for the card ---- */

/* out_len octets (at most 32) for (label, index) of this card: HMAC-SHA-256(seed, label 00 iccid 00 index),
 * text in ASCII, index in four octets, big-endian. Labels: "pin", "puk" with the scope of the PIN (index of
 * the applet, 255: global) << 8 | key reference; "k", "opc", "kic", "kid", "kik" with the index of the pair;
 * "common-kic", "common-kid", "common-kik" with the index of the common keyset; "domain-kic", "domain-kid",
 * "domain-kik" with the security domain's index << 8 | key version. false (and zeros): seed of less than 16
 * octets, too long, or OpenSSL failed. */
bool personal_derive(struct uicc_crypto *c, struct span seed, const char *iccid, const char *label,
                     unsigned index, uint8_t *out, size_t out_len);

/* Pair `index` of a card: the profile's, with its derived keys filled in (and `derived` then 0). A secret:
 * wipe it. false: no such index, or as above; *out is then zeroed. */
bool personal_pair(struct uicc_crypto *c, const struct profile *p, struct span seed, const char *iccid,
                   unsigned index, struct profile_pair *out);
bool personal_keyset(struct uicc_crypto *c, const struct profile *p, struct span seed, const char *iccid,
                     unsigned index, struct profile_keyset *out);

/* What a card's maker was given for one card, in place of what the profile says (struct
 * uicc_personal). A secret: wipe it. */
enum { PERSONAL_FILES_MAX = 8, PERSONAL_FILE_OCTETS = 64 };

struct personal_given {
    bool has_pair;
    /* index 0, as a profile has it: what its `derived` names is derived still */
    struct profile_pair pair;
    uint32_t keysets;                            /* bit i: keyset[i] for the profile's common keyset i */
    struct profile_keyset keyset[PROFILE_KEYSETS_MAX];
    /* bit i: pin[i], puk[i] for the profile's PIN i, padded with FF */
    uint32_t pins, puks;
    uint8_t pin[PROFILE_PINS_MAX][8], puk[PROFILE_PINS_MAX][8];
    uint8_t n_files;
    struct personal_file {
        uint16_t file;                           /* index in the profile */
        uint32_t offset;
        uint8_t n, octets[PERSONAL_FILE_OCTETS];
    } files[PERSONAL_FILES_MAX];
};

/* As personal_pair and personal_keyset; given may be NULL. */
bool personal_pair_given(struct uicc_crypto *c, const struct profile *p, struct span seed, const char *iccid,
                         const struct personal_given *given, unsigned index, struct profile_pair *out);
/* The PIN and its PUK of a card, where derived in digits: four of a PIN, eight of an administrative key and
 * of a PUK. Secrets: wipe both. */
bool personal_pin(struct uicc_crypto *c, const struct profile *p, struct span seed, const char *iccid,
                  const struct personal_given *given, unsigned pin, uint8_t value[8], uint8_t puk[8]);
bool personal_keyset_given(struct uicc_crypto *c, const struct profile *p, struct span seed,
                           const char *iccid, const struct personal_given *given, unsigned index,
                           struct profile_keyset *out);

#endif
