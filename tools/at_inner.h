/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files at_*.c share: the table of commands, a command under way, answers. Nobody else includes it.
 */
#ifndef TOOLS_AT_INNER_H
#define TOOLS_AT_INNER_H

#include "at.h"

/* ---- results ---- */

/* A final result: a result code of V.250 5.7.1, or an error of TS 27.007 9.2 or TS 27.005 3.2.5 on top of a
 * base. */
typedef int at_result;
enum {
    AT_OK = 0,
    AT_NO_CARRIER = 3,
    AT_ERROR = 4,
    AT_PROMPT = -1, /* the peer now types a text, which at->prompt.text gets */
    AT_CME = 0x1000,
    AT_CMS = 0x2000,
};

/* <err> of +CME ERROR, TS 27.007 9.2 */
enum {
    CME_NOT_ALLOWED = 3,
    CME_NOT_SUPPORTED = 4,
    CME_NO_SIM = 10,
    CME_SIM_PIN = 11,
    CME_SIM_PUK = 12,
    CME_SIM_FAILURE = 13,
    CME_SIM_BUSY = 14,
    CME_SIM_WRONG = 15,
    CME_WRONG_PASSWORD = 16,
    CME_SIM_PIN2 = 17,
    CME_SIM_PUK2 = 18,
    CME_MEMORY_FULL = 20,
    CME_INVALID_INDEX = 21,
    CME_NOT_FOUND = 22,
    CME_MEMORY_FAILURE = 23,
    CME_TEXT_TOO_LONG = 24,
    CME_INVALID_TEXT = 25,
    CME_DIAL_TOO_LONG = 26,
    CME_INVALID_DIAL = 27,
    CME_NO_NETWORK = 30,
    CME_PARAMETERS = 50,
    CME_UNKNOWN = 100,
};

/* <err> of +CMS ERROR, TS 27.005 3.2.5 */
enum {
    CMS_NOT_ALLOWED = 302,
    CMS_NOT_SUPPORTED = 303,
    CMS_PDU_PARAMETER = 304,
    CMS_TEXT_PARAMETER = 305,
    CMS_NO_SIM = 310,
    CMS_SIM_PIN = 311,
    CMS_SIM_FAILURE = 313,
    CMS_SIM_PUK = 316,
    CMS_MEMORY_FAILURE = 320,
    CMS_INVALID_INDEX = 321,
    CMS_MEMORY_FULL = 322,
    CMS_NO_CNMA = 340,
};
const char *at_cme_text(unsigned err); /* "unknown" for one that is not in the table */
const char *at_cms_text(unsigned err);

/* ---- settings: small numbers that a command sets, reads and offers ---- */

enum at_setting {
    SET_ECHO,
    SET_VERBOSE,
    SET_QUIET,
    SET_X,
    SET_AMP_C,
    SET_AMP_D,
    SET_S0,
    SET_S3,
    SET_S4,
    SET_S5,
    SET_S6,
    SET_S7,
    SET_S8,
    SET_S10,
    SET_CMEE,
    SET_CREG,
    SET_CGREG,
    SET_CEREG,
    SET_C5GREG,
    SET_COPS_FORMAT,
    SET_CSMS,
    SET_CMGF,
    SET_CSDH,
    SET_CMMS,
    SET_CGSMS,
    SET_CNMI_MODE,
    SET_CNMI_MT,
    SET_CNMI_BM,
    SET_CNMI_DS,
    SET_CNMI_BFR,
    SET_CSMP_FO,
    SET_CSMP_VP,
    SET_CSMP_PID,
    SET_CSMP_DCS,
    SET_CMER_MODE,
    SET_CMER_KEYP,
    SET_CMER_DISP,
    SET_CMER_IND,
    SET_CMER_BFR,
    SET_CLIP,
    SET_CLIR,
    SET_COLP,
    SET_CCWA,
    SET_CRC,
    SET_CSSN_I,
    SET_CSSN_U,
    SET_CUSD,
    SET_CTZU,
    SET_CTZR,
    SET_CGEREP_MODE,
    SET_CGEREP_BFR,
    SET_CPLS,
    SET_CUSATA,
    SET_IPR,
    SET_ICF_FORMAT,
    SET_ICF_PARITY,
    SET_IFC_TE,
    SET_IFC_TA,
    SET_CVHU,
    AT_SETTINGS,
};

/* ---- the table ---- */

enum at_form {
    AT_EXECUTE = 1, /* AT+X */
    AT_READ = 2,    /* AT+X? */
    AT_TEST = 4,    /* AT+X=? : the engine answers it from `grammar`, or the handler if AT_OWN_TEST */
    AT_SET = 8,     /* AT+X=... */
    AT_OWN_TEST = 16,
};

enum at_needs {
    NEEDS_NOTHING,
    NEEDS_POWER, /* not while +CFUN=0 */
    NEEDS_CARD,  /* a card with power, be it locked */
    NEEDS_SIM,   /* an initialised one */
};

/* Whose errors it answers: plain ERROR, +CME ERROR or +CMS ERROR. */
enum at_family { FAMILY_V250, FAMILY_CME, FAMILY_CMS };

struct at_call;

/* Grammar of parameters, which is at the same time what `=?` answers: items, comma between them.
 *   (0-2,4)        a number of this set           ("SC","FD")  a string of this set (letters of either case)
 *   n              any number                     s            a string, or a word without quotes
 *   h              hexadecimal digits             o            octets given as hexadecimal digits, decoded
 * [ : what follows may be left out. | : what follows is not said in the answer to `=?`. A * at the end: and
 * more of the last. */
struct at_command {
    const char *name;
    const char *clause; /* "27.007 8.5" */
    const char *grammar;
    at_result (*run)(struct at_call *c); /* NULL: sets and reads settings */
    uint8_t forms;
    uint8_t needs;   /* enum at_needs */
    uint8_t family;  /* enum at_family */
    uint8_t setting; /* run NULL: the first of them */
    uint8_t n_settings;
};

struct at_table {
    const struct at_command *rows;
    size_t n;
};
extern const struct at_table at_table_general, at_table_card, at_table_network, at_table_packet, at_table_sms,
    at_table_sms_memory, at_table_phonebook, at_table_toolkit, at_table_calls;

/* ---- a command under way ---- */

enum { AT_ARGS_MAX = 16 };

struct at_arg {
    enum { ARG_ABSENT, ARG_NUMBER, ARG_TEXT } kind;
    uint32_t number;
    struct span text; /* ARG_TEXT: a NUL follows (octets, when the grammar says o) */
};

struct at_call {
    struct at *at;
    struct modem *modem;
    const struct at_command *row;
    enum at_form form;
    unsigned n;
    struct at_arg arg[AT_ARGS_MAX];
};

static inline bool at_given(const struct at_call *c, unsigned i)
{
    return i < c->n && c->arg[i].kind != ARG_ABSENT;
}
static inline uint32_t at_number(const struct at_call *c, unsigned i, uint32_t otherwise)
{
    return at_given(c, i) && c->arg[i].kind == ARG_NUMBER ? c->arg[i].number : otherwise;
}
static inline struct span at_text(const struct at_call *c, unsigned i)
{
    return at_given(c, i) && c->arg[i].kind == ARG_TEXT ? c->arg[i].text : SPAN_EMPTY;
}
/* "" when absent */
const char *at_string(const struct at_call *c, unsigned i);
bool at_is(struct span text, const char *word); /* letters of either case */

/* ---- peers ---- */

struct at_prompt {
    at_result (*text)(struct at *at, struct span text); /* NULL: nobody is asked */
    size_t limit;                                       /* octets of text; more are an error */
    /* of the command that asked */
    const char *name;
    uint32_t length; /* PDU mode: octets of TPDU */
    char number[48]; /* text mode: to whom */
    uint8_t type;    /* <toda>; 0: by the number */
    uint8_t stat;    /* +CMGW */
    bool positive;   /* +CNMA */
};

enum at_charset { CHARSET_IRA, CHARSET_GSM, CHARSET_UCS2, CHARSET_HEX, CHARSET_8859_1, CHARSET_UTF8 };

enum { AT_INDICATORS = 7 };

struct at {
    struct at_modem *shared;
    uint32_t set[AT_SETTINGS];
    enum at_charset charset;
    enum modem_memory mem_read, mem_write; /* +CPMS */
    uint8_t phonebook;                     /* +CPBS: row of at_phonebook.c */

    /* the line editor */
    uint8_t line[AT_LINE_MAX];
    size_t n;
    bool overlong;
    enum { EDIT_IDLE, EDIT_A, EDIT_COMMAND, EDIT_TEXT } edit;
    size_t last_n; /* octets of the last line, for A/: they stay in `last` */
    uint8_t last[AT_LINE_MAX];
    uint8_t scratch[AT_LINE_MAX + AT_ARGS_MAX]; /* arguments, unescaped */
    struct at_prompt prompt;

    bool after_cr; /* the text's last octet was a <CR> */
    bool there;    /* somebody has the other end */
    bool overflow; /* an answer found no room: the line ends with ERROR */
    bool running;  /* a command line is being executed: unsolicited result codes wait */
    uint8_t *out;  /* AT_OUTPUT_MAX */
    size_t out_n;
    uint8_t held[16384]; /* unsolicited result codes that wait */
    size_t held_n;
    void (*ready)(void *ctx);
    void *ready_ctx;
    uint8_t indicators[AT_INDICATORS]; /* as it last heard of them (+CIEV) */
    char registration[4][64];          /* likewise of +CREG, +CGREG, +CEREG, +C5GREG */
    bool pin2_wanted;                  /* a command was refused for want of it: +CPIN gives it */
    bool pin2_refused;                 /* the last one was */
    bool menu_shown; /* SET UP MENU was repeated to this peer: its answer is not for the card */
};

enum { AT_CONTEXTS = 8 };
struct at_context {
    bool defined;
    char type[8];
    char apn[101];
};

struct at_modem {
    struct modem *modem;
    const struct at_personality *personality;
    struct at *peers[AT_PEERS_MAX];
    struct at_context contexts[AT_CONTEXTS];
    const char *call_end;         /* +CEER */
    bool cops_else_any;           /* <mode> 4 of +COPS: automatic when the operator does not take us */
    uint32_t stored[AT_SETTINGS]; /* by AT&W */
    uint8_t profile[64];          /* the modem's own TERMINAL PROFILE */
    size_t profile_n;
    uint8_t te_profile[64]; /* +CUSATW's */
    size_t te_profile_n;
    bool combined;                 /* +CUSATD=1 */
    bool card_there;               /* as peers last heard of it */
    int64_t clock;                 /* seconds since 1970 (UTC) when the loop began */
    int8_t zone;                   /* quarters of an hour east of Greenwich */
    enum modem_memory mem_receive; /* <mem3> of +CPMS */
    struct at *asked; /* the peer that +CMT or +CDS went to and that has to acknowledge it; NULL: nobody */
    bool answering;   /* +CUSATT is under way */
};

/* ---- answers ---- */

/* An information response, a line of its own. What does not fit into AT_TEXT_MAX is cut. */
enum { AT_TEXT_MAX = 2048 };
void at_say(struct at *at, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* An information response: this text, then octets as hexadecimal digits, then this text. */
void at_say_hex(struct at *at, const char *before, struct span octets, const char *after);
void at_say_span(struct at *at, const char *before, struct span octets, const char *after);
/* Unsolicited result codes: the same, when no command is being executed, else afterwards. */
void at_tell(struct at *at, const char *format, ...) __attribute__((format(printf, 2, 3)));
void at_tell_hex(struct at *at, const char *before, struct span octets, const char *after);
void at_tell_span(struct at *at, const char *before, struct span octets, const char *after);

/* Unsolicited result codes reach somebody. at may be NULL. */
bool at_listens(const struct at *at);

void at_restore(struct at *at);        /* ATZ: what AT&W stored, else as at_defaults */
void at_defaults(struct at *at);       /* AT&F */
at_result at_plain(struct at_call *c); /* a command that is taken, and has nothing to do here */

/* ---- what the other files offer ---- */

/* at_args.c: false: they do not fit the grammar. */
bool at_args_parse(const char *grammar, struct span text, uint8_t *scratch, struct at_call *c);
/* What `=?` says, "" when nothing. */
void at_args_describe(const char *grammar, char *to, size_t room);

/* at.c */
const struct at_command *at_command_find(const struct at *at, struct span name);
const struct at_command *at_command_nth(const struct at *at, size_t n); /* NULL: no more */
bool at_command_has(const struct at *at, const struct at_command *row); /* this personality has it */
at_result at_sim_error(enum modem_sim state, enum at_family family);    /* AT_OK when the SIM is ready */

/* at_network.c */
at_result at_radio_error(struct modem *m); /* why it cannot register; AT_OK: nothing stands in the way */

/* at_card.c */
void at_pin2_given(struct at_modem *a);       /* nobody is to give it any more */
at_result at_pin2_refused(struct at_call *c); /* PIN2 or, when its tries are used up, PUK2 is wanted */

/* at_basic.c */
at_result at_basic(struct at *at, struct span line, size_t *used);

/* at_text.c: between UTF-8 and the peer's character set (+CSCS). */
bool at_charset_from(enum at_charset set, struct span text, char *utf8,
                     size_t room); /* false: not of this set, or too long */
size_t at_charset_to(enum at_charset set, const char *utf8, char *to, size_t room); /* with a NUL */
/* Stands for the default alphabet's @, which is the octet 00, in strings that at_say and its kin are given
 * for a peer with +CSCS="GSM". */
enum { AT_GSM_COMMERCIAL_AT = 0x80 };
bool at_charset_by_name(struct span name, enum at_charset *set);
const char *at_charset_name(enum at_charset set);

/* at_personality.c */
struct at_personality {
    const char *name, *summary;
    const char *manufacturer, *model, *revision, *capabilities; /* +CGMI, +CGMM, +CGMR, +GCAP */
    struct at_table commands;                                   /* besides the standards' */
    const char *const *absent; /* names that this one does not have; NULL at the end; may be NULL */
    const char *handled;  /* prefix of the result code that tells what the modem did by itself; NULL: none */
    const char *inserted; /* of the one that tells whether a SIM is in; NULL: none */
    bool toolkit_at_cfun; /* +CFUN=1 does what +CUSATA=1 does */
};

void at_indicators_changed(struct at_modem *a); /* at_general.c */

/* at_network.c, at_sms.c, at_toolkit.c, at_calls.c: what the modem tells */
void at_on_registration(void *ctx, enum modem_registration state);
void at_on_sim(void *ctx, enum modem_sim state);
void at_on_ussd(void *ctx, bool more, uint8_t dcs, struct span text);
void at_on_sms_stored(void *ctx, enum modem_memory memory, unsigned index);
bool at_on_sms_direct(void *ctx, const char *centre, struct span tpdu);
void at_on_sms_given_up(void *ctx);
bool at_on_sms_report_kept(void *ctx);
bool at_on_stk(void *ctx, struct span proactive);
void at_on_stk_done(void *ctx, struct span proactive, struct span response);
void at_on_stk_end(void *ctx);
void at_on_refresh(void *ctx, uint8_t mode, struct span files);
void at_sms_given_up(struct at *at); /* nobody will acknowledge what was shown to this peer */
void at_toolkit_menu(struct at *at); /* SET UP MENU again */

#endif
