/* SPDX-License-Identifier: Apache-2.0
 *
 * The registry (GlobalPlatform Card Specification 2.3, 6.4): which packages and applets the card has, what
 * state they are in and whose they are. For the operating system's parts, for security domains and ota/; an
 * applet sees itself through applet.h.
 *
 * A card's applets are the profile's rows, by their index there, and behind them instances that INSTALL made.
 * Indices are stored: one is not used again before everything of its former owner is gone. What was changed
 * (or made) lies in objects; memory has a copy, only when there is any.
 */
#ifndef KERNEL_REGISTRY_H
#define KERNEL_REGISTRY_H

#include "applet.h"

enum { APPLETS_MAX = 64, QUOTA_DEFAULT = 256 * 1024 };

/* GlobalPlatform 2.3 table 11-4. An application's own states have bits b4 to b7 besides SELECTABLE's; a
 * security domain's PERSONALIZED is one. */
enum applet_life {
    LIFE_INSTALLED = 0x03,
    LIFE_SELECTABLE = 0x07,
    LIFE_PERSONALIZED = 0x0F,
    LIFE_LOCKED = 0x80, /* a bit: what the state was remains to be seen */
};

/* Table 11-6. */
enum card_life {
    CARD_OP_READY = 0x01,
    CARD_INITIALIZED = 0x07,
    CARD_SECURED = 0x0F,
    CARD_LOCKED = 0x7F,
    CARD_TERMINATED = 0xFF,
};

struct aid {
    uint8_t n; /* 0, or 5 to 16 */
    uint8_t octets[PROFILE_AID_MAX];
};

static inline struct span aid_span(const struct aid *aid)
{
    return span_of(aid->octets, aid->n);
}

/* ---- toolkit parameters of an installation: ETSI TS 102 226 8.2.1.3.2.2, or 3GPP TS 43.019's (tag CA in EF)
 * ---- */

enum { TOOLKIT_MENU_MAX = 16, TOOLKIT_PRIORITY_DEFAULT = 0xFF };

struct toolkit_parameters {
    uint8_t priority; /* 01 highest, FF lowest */
    uint8_t timers;   /* how many at most */
    uint8_t text_max; /* octets of a menu entry; 0: as many as fit */
    uint8_t channels;
    uint8_t services;
    uint8_t n_menu;
    struct {
        uint8_t position; /* in the menu, from 1; 0: at the end */
        uint8_t id;       /* 0: the card chooses */
    } menu[TOOLKIT_MENU_MAX];
};

/* ---- access domains of an installation (TS 102 226 8.2.1.3.2.3, .4): what its FileView, its AdminFileView
 * may ---- */

enum { ACCESS_ADFS_MAX = 4 };

struct access_domain {
    uint32_t uicc; /* files outside ADFs: bit profile_pin_bit(r) for each key reference r that it counts as
                      verified */
    uint8_t n_adfs;
    struct {
        struct aid aid;
        uint32_t access; /* likewise, for files in this application's ADF */
    } adf[ACCESS_ADFS_MAX];
};

/* ---- an applet ---- */

/* What is not as the profile has it: an instance made at run time, or one of the profile's whose state was
 * changed. */
struct applet_entry {
    struct profile_applet row; /* AID, TARs, MSL, access domain, parameters (C9) */
    const struct applet_class
        *class;            /* never NULL; a class without anything when this program lacks its code */
    uint8_t life;          /* enum applet_life */
    uint8_t privileges[3]; /* GlobalPlatform table 11-7 */
    uint8_t domain;        /* index of the security domain that it belongs to; NO_APPLET: the issuer's */
    uint16_t owner; /* index of the operator's K/OTA pair on whose behalf it was installed, or NO_OWNER */
    struct access_domain files, admin;
    uint32_t quota;  /* octets that it (a security domain: all that belongs to it) may keep in the store; 0:
                        QUOTA_DEFAULT; a security domain: no limit */
    uint32_t needed; /* octets that must be free when it is installed */
    uint32_t used;   /* octets it keeps */
    struct aid package, module; /* executable load file and module; empty for the profile's */
    /* whose is higher was installed later; 0: the profile's, or of a deck that is older than this */
    uint32_t turn;
    bool has_toolkit;           /* it was installed with toolkit parameters */
    struct toolkit_parameters toolkit;
    size_t octets; /* of this entry in memory */
};

enum { NO_CLASS = 0xFF };

struct registry {
    const struct applet_class *const *known; /* every class that there is: fewer than 256 */
    uint8_t
        classes[PROFILE_APPLETS_MAX]; /* of known, bound to profile->applets; NO_CLASS: a row without any */
    struct applet_entry *
        *entries;    /* APPLETS_MAX by index, NULL where all is as the profile has it; NULL: all is */
    uint8_t n;       /* indices in use are below this */
    bool owned;      /* some applet is an operator's */
    bool anyone;     /* nobody knows which operator's pair is active: none is suspended */
    uint16_t active; /* index of the active pair, as of the last registry_refresh */
    bool dirty;      /* the transaction changed it: an abort must read it again */
};

/* Indices are below this. Not every one is in use: those that are not have a row without AID and TAR and a
 * class without anything in it. */
uint8_t applets_count(const struct uicc *card);
uint8_t card_profile_applets(const struct uicc *card); /* indices below this are of the profile */
/* Borrowed until the transaction, or a step of it, ends. */
const struct profile_applet *applet_row_of(const struct uicc *card, uint8_t index);
bool applet_exists(const struct uicc *card, uint8_t index);

uint8_t applet_life(const struct uicc *card, uint8_t index); /* enum applet_life */
/* It runs: selectable, not locked, and not suspended with its operator's subscription. Only then does it get
 * commands, events and scripts. */
bool applet_active(const struct uicc *card, uint8_t index);
/* Active, and the card's own life cycle lets it be selected: in CARD_LOCKED only the issuer's security domain
 * can. */
bool applet_selectable(const struct uicc *card, uint8_t index);
/* Its operator's pair is not the active one (requirement S1). */
bool owner_suspended(const struct uicc *card, uint16_t owner); /* what is this operator's is not there now */
bool applet_suspended(const struct uicc *card, uint8_t index);

void applet_privileges(const struct uicc *card, uint8_t index, uint8_t privileges[3]);
uint8_t
applet_domain(const struct uicc *card,
              uint8_t index); /* its security domain; of the issuer's: itself. NO_APPLET: the card has none */
uint8_t applet_issuer_domain(const struct uicc *card); /* NO_APPLET: none */
uint16_t applet_owner(const struct uicc *card, uint8_t index);
/* What its FileView (or AdminFileView) has verified in this ADF (a file index), or outside of any (0). An
 * applet of the profile: its `access`, everywhere. */
uint32_t applet_file_access(const struct uicc *card, uint8_t index, bool admin, uint16_t adf);
/* Package and module that it is an instance of. */
void applet_origin(const struct uicc *card, uint8_t index, struct aid *package, struct aid *module);
/* Was this one installed after that one? Those of the profile are in the order of its rows. */
bool applet_is_later(const struct uicc *card, uint8_t index, uint8_t than);
/* NULL: it was installed without, or by the profile. */
const struct toolkit_parameters *applet_toolkit(const struct uicc *card, uint8_t index);

uint8_t applet_by_aid(const struct uicc *card, struct span aid); /* the whole AID; NO_APPLET */
bool applet_selected(const struct uicc *card, uint8_t index);    /* on any channel of the terminal's */

uint8_t card_life(const struct uicc *card); /* enum card_life; CARD_SECURED until it is set */

/* ---- changes, in the command's transaction ---- */

struct applet_installation {
    uint8_t domain; /* index of the security domain that it will belong to */
    uint16_t owner; /* or NO_OWNER */
    struct span package, module, aid;
    uint8_t privileges[3];
    struct span parameters; /* value of C9 */
    struct span system;     /* value of EF */
    struct span uicc;       /* value of EA */
    bool selectable;        /* INSTALL [for install and make selectable] */
};

/* Makes an instance and has its class install it. 6A88: no such package or module; 6A80: AID or TAR in use,
 * or parameters that make no sense; 6A84: no room, or not within the security domain's quota; else what the
 * class answered. */
sw_t applet_install(struct uicc *card, const struct applet_installation *how, uint8_t *index);

/* Removes an instance with all its objects and registrations; sessions leave it. Files that it made stay:
 * files belong to the file system (TS 102 241 has no owner of files). 6985: of the profile, or a security
 * domain that something belongs to. */
sw_t applet_delete(struct uicc *card, uint8_t index);

sw_t applet_set_life(struct uicc *card, uint8_t index, uint8_t life);
sw_t applet_set_privileges(struct uicc *card, uint8_t index, const uint8_t privileges[3]);
/* To another security domain, and so to its operator, or none. */
sw_t applet_extradite(struct uicc *card, uint8_t index, uint8_t domain);
sw_t applet_set_owner(struct uicc *card, uint8_t index, uint16_t owner);
sw_t card_set_life(struct uicc *card, uint8_t life);

/* Octets that the applets of this security domain, and of those below it, keep in the
 * store, packages included. */
uint32_t domain_used(const struct uicc *card, uint8_t domain);
/* n more octets fit, there and in every domain above. */
bool domain_has_room(const struct uicc *card, uint8_t domain, uint32_t n);

/* ---- packages ---- */

enum { PACKAGES_MAX = 16, PACKAGE_MODULES_MAX = 8 };

struct package_info {
    struct aid aid;
    uint8_t version[2]; /* major, minor */
    uint8_t slot;       /* of a package that was loaded; NO_PACKAGE for one that this program brings */
    uint8_t domain;     /* security domain that it belongs to */
    uint16_t owner;
    uint32_t octets;  /* of its load file */
    uint8_t hash[32]; /* SHA-256 of the load file; zero for one of the program's */
    uint8_t n_modules;
    struct aid modules[PACKAGE_MODULES_MAX];
};

enum { NO_PACKAGE = 0xFF };

/* Every package: start with *cursor 0; false at the end. */
bool package_next(const struct uicc *card, unsigned *cursor, struct package_info *out);
bool package_find(const struct uicc *card, struct span aid, struct package_info *out);
/* The program has code of this package, whatever was loaded under its name. */
bool package_built_in(const struct uicc *card, struct span aid);

/* A load file that came by LOAD. `file` is the whole of it, at most 64 KiB; info->slot is filled in. 6A80:
 * AID in use; 6A84: no room. */
sw_t package_add(struct uicc *card, struct package_info *info, struct span file);
/* 6985: of the program, or an instance of it exists. */
sw_t package_remove(struct uicc *card, struct span aid);
/* of one that was loaded */
bool package_set_owner(struct uicc *card, const struct package_info *info, uint16_t owner);
/* Its load file; empty for one of the program's. Borrowed until the next change. */
struct span package_file(const struct uicc *card, const struct package_info *info);

/* ---- for those who hold the deck: a change as a transaction of its own, on an opened card ---- */

sw_t registry_install(struct uicc *card, const struct applet_installation *how, uint8_t *index);
sw_t registry_delete(struct uicc *card, uint8_t index);

/* ---- for the kernel ---- */

/* Binds the profile's classes; false: it names one that is not known. */
bool registry_bind(struct uicc *card, const struct applet_class *const *known);
/* Reads what is stored; false: it makes no sense, or no memory. */
bool registry_load(struct uicc *card);
/* Asks which operator's pair is the active one: at every command and reset. */
void registry_refresh(struct uicc *card);
void registry_free(struct uicc *card);
size_t registry_footprint(const struct uicc *card);

/* An applet died: after the transaction has been aborted, that is counted, and the third time it is locked.
 */
void registry_bury(struct uicc *card);

/* An applet's object changes from `before` octets to `after`: room in the quotas. */
bool registry_account(struct uicc *card, uint8_t index, size_t before, size_t after);

/* Parameters of an installation into *entry: toolkit, access domains, TARs, MSL, quota. 9000 or 6A80. */
sw_t installation_parameters(struct span system, struct span uicc, struct applet_entry *entry);

#endif
