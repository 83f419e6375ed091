/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of the virtual terminal share. Nobody else includes this.
 */
#ifndef TOOLS_MODEM_INNER_H
#define TOOLS_MODEM_INNER_H

#include "cat.h"
#include "modem.h"
#include "modem_network.h"
#include "terminal.h"

enum {
    MODEM_FILE_MAX = 512, /* what is kept of a file */
    MODEM_LIST_MAX = 64,  /* networks in one of the card's lists */
    MODEM_PROFILE_MAX = 64,
    MODEM_COMMAND_MAX = 258, /* a proactive command: D0, length, 255 octets */
    MODEM_ENVELOPES_MAX = 8, /* that wait until the card is less busy */
    MODEM_QUEUE_MAX = 16,    /* short messages that wait for their report */
    MODEM_TIMERS = 8,        /* TS 102 223 6.4.21 */
    MODEM_BIP_CHANNELS = 7,
    MODEM_ME_SLOTS = 20, /* short messages that the terminal itself keeps */
    MODEM_POLL_S = 30,
};

/* ---- files ---- */

enum modem_dir { DIR_MF, DIR_ADF, DIR_TELECOM, DIR_GSM_ACCESS };

struct modem_file {
    enum { FILE_IS_DIR, FILE_IS_TRANSPARENT, FILE_IS_LINEAR, FILE_IS_CYCLIC } kind;
    uint16_t size;
    uint8_t record_len;
    uint8_t records;
};

/* ---- proactive commands (modem_stk.c) ---- */

struct modem_command { /* one that has been fetched */
    uint8_t octets[MODEM_COMMAND_MAX];
    size_t n;
    struct cat_proactive is; /* what it says; is.rest lies in octets */
};

struct modem_result { /* what goes into the TERMINAL RESPONSE */
    uint8_t general;
    uint8_t additional[2];
    uint8_t n_additional;
    uint8_t objects[255];
    size_t n_objects;
};

struct modem_bip {
    struct modem *modem;
    bool open;
    bool connected, dropped;
    bool on_demand;    /* not connected before SEND DATA */
    bool stream;       /* TCP */
    bool wants_local;  /* the card asked for a local address */
    bool granted_less; /* a buffer smaller than was asked for */
    bool sending;      /* what is in `out` is to go now */
    bool awaited;      /* loop_expect() knows */
    enum { BIP_WAITS_NOTHING, BIP_WAITS_OPEN, BIP_WAITS_SEND } waits; /* which command its link is to end */
    int fd;                                                           /* -1 */
    uint16_t buffer;
    uint8_t to[28]; /* struct sockaddr_in or _in6 */
    uint8_t to_len;
    uint8_t *in, *out; /* buffer octets each */
    size_t in_len, out_len;
    size_t given; /* of the latter, by the last SEND DATA */
    bool told; /* of data available, and nothing fetched since */
    struct loop_timer patience;
};

struct modem_stk {
    uint8_t profile[MODEM_PROFILE_MAX];
    uint8_t profile_len;
    bool pending; /* 91xx, not fetched yet */
    uint8_t pending_len;
    bool session;   /* something was fetched, and the card has not said 9000 since */
    bool executing; /* fetched, and not answered yet */
    bool with_user;
    unsigned fetched; /* in this session */
    struct modem_command command;
    struct loop_timer fetch, patience;
    uint32_t events; /* of SET UP EVENT LIST, a bit each */
    uint8_t menu[MODEM_COMMAND_MAX];
    size_t menu_len;
    bool polling_off;
    uint32_t poll_s;
    struct modem_timer {
        struct modem *modem;
        struct loop_timer timer;
        uint64_t started; /* ms, of loop_now */
        uint8_t id;
    } timers[MODEM_TIMERS];
    struct modem_bip bip[MODEM_BIP_CHANNELS];
    struct {
        uint8_t octets[255];
        uint8_t n;
    } waiting[MODEM_ENVELOPES_MAX];
    unsigned n_waiting;
    unsigned tries; /* of the first */
    bool telling;   /* the first is on its way */
    struct loop_timer retry;
};

/* ---- short messages (modem_sms.c) ---- */

struct modem_incoming {
    char centre[22];
    uint8_t tpdu[MODEM_TPDU_MAX];
    uint8_t tpdu_len;
    void (*done)(void *ctx, const struct modem_report *report);
    void *ctx;
};

struct modem_sms_part {
    struct modem_incoming queue[MODEM_QUEUE_MAX];
    unsigned n_queue;
    bool with_user; /* the first of the queue was shown, and waits for its acknowledgement */
    struct loop_timer patience, next;
    struct modem_sms me[MODEM_ME_SLOTS];
    enum modem_memory received;
    uint8_t reference; /* TP-MR used last */
    bool own_numbers;  /* the card does not keep it */
    bool room_untold;  /* a message went while there was no network to tell */
};

/* ---- registration (modem_register.c) ---- */

enum modem_service_state { /* location status, TS 102 223 8.27 */
    SERVICE_NORMAL = 0,
    SERVICE_LIMITED = 1,
    SERVICE_NONE = 2,
};

struct modem_registrar {
    enum modem_registration state;
    enum modem_service_state service;
    int network; /* in the air, that serves it; -1: none */
    bool manual, detached;
    char wanted[7];
    bool refused; /* the subscription is not valid until the next power-up (TS 24.008 4.4.4.7) */
    unsigned cause;
    uint8_t ksi;
    char imsi[16]; /* that it registered with */
    bool told;     /* the card has heard of the location status */
    enum modem_service_state told_service;
    char told_plmn[7];
    unsigned auth_failures;
    struct loop_timer timer, tell;
    struct loop_timer better; /* while it roams */
};

struct modem {
    struct modem_link link;
    struct loop *loop;
    struct modem_network *network;
    uint64_t random;
    bool allow_network;
    char imei[16], imeisv[17];
    char pin[MODEM_PIN_MAX + 1]; /* to be entered by itself; "" for none */
    uint8_t capability[32];
    uint8_t capability_len;
    uint32_t poll_s;

    struct modem_user users[MODEM_USERS_MAX];
    unsigned n_users;

    enum modem_function function;
    enum modem_sim sim;
    /* everything from here on is gone with the power */
    bool powered;
    struct terminal card;
    bool secret;       /* what passes now is not for the log */
    bool secret_waits; /* nor is what GET RESPONSE will fetch */
    struct modem_place { /* what was selected last, as far as it is known */
        uint16_t df;     /* the directory; 0: an application's own */
        uint16_t file;   /* FID; 0: not by FID */
    } current[MODEM_CHANNELS];
    uint8_t atr[MODEM_ATR_MAX];
    size_t atr_len;
    bool gsm;          /* the card has class A0 only */
    bool adf_selected; /* the USIM is the current application, for all we know */
    bool open[MODEM_CHANNELS];
    struct modem_app apps[MODEM_APPS_MAX];
    unsigned n_apps;
    uint8_t dir[MODEM_FILE_MAX];
    size_t dir_len;
    uint8_t aid[MODEM_AID_MAX]; /* the USIM's */
    uint8_t aid_len;
    bool pin_enabled;
    uint8_t pin_reference; /* of PIN1: 01, or what the USIM's FCP says */
    struct loop_timer poll;
    uint64_t last_command; /* when */

    char iccid[21], imsi[16], spn[MODEM_TEXT_MAX], msisdn[22];
    unsigned mnc_digits;
    bool mnc_length_known;   /* EF.AD says it; else 2 is a guess */
    unsigned search_minutes; /* EF.HPPLMN: how often a better network is looked for; 0: never */
    uint8_t ust[32];
    size_t ust_len;
    char plmn_lists[3][MODEM_LIST_MAX][7]; /* home, operator's, user's */
    char forbidden[MODEM_LIST_MAX][7];
    uint8_t language[2];
    uint8_t last_tmsi[4];

    struct modem_registrar reg;
    struct modem_stk stk;
    struct modem_sms_part sms;
};

/* ---- control by the card (modem_control.c) ---- */

/* `out` gets the string, data coding first, or the one that the card wants sent instead; nothing when that
 * is no string at all. */
enum modem_control control_ussd(struct modem *m, struct span string, struct buf *out);
/* `out` gets the message, to another destination if the card wants that, and `centre` another one. */
enum modem_control control_sms(struct modem *m, char centre[MODEM_TEXT_MAX], struct span tpdu,
                               struct buf *out);

/* ---- modem.c ---- */

uint32_t modem_draw(struct modem *m);
void modem_tell_sim(struct modem *m, enum modem_sim state);
/* Everything volatile is as before power-up. The card, if it is still there, loses its power. */
void modem_dark(struct modem *m);

/* ---- modem_note.c: what goes on, for the log ---- */

struct modem_note {
    struct modem *modem;
    const char *what;
    char json[1600];
    size_t n;
    bool cut;
};
void note_begin(struct modem_note *n, struct modem *m, const char *what);
void note_text(struct modem_note *n, const char *name, const char *text);
void note_number(struct modem_note *n, const char *name, long long value);
void note_bool(struct modem_note *n, const char *name, bool value);
void note_hex(struct modem_note *n, const char *name, struct span value);
void note_sw(struct modem_note *n, sw_t sw);
void note_end(struct modem_note *n);
/* One without members, or with a text. */
void note(struct modem *m, const char *what);
void note_why(struct modem *m, const char *what, const char *why);

/* ---- modem_card.c: commands, files ---- */

bool card_reset(struct modem *m);
/* A command whole, as terminal_command; 91xx is taken note of, and becomes 9000. false: the card is gone, and
 * modem_dark() was called. */
bool card_command(struct modem *m, struct span command, struct buf *data, sw_t *sw);
/* Header, and data (Lc) or, without data, Le (0: 256; CARD_NO_LE: case 1, P3 00). cla: 00 or 80; A0 when the
 * card wants that. */
enum { CARD_NO_LE = -1 };
bool card_send(struct modem *m, uint8_t cla, uint8_t ins, uint8_t p1, uint8_t p2, struct span data, int le,
               struct buf *out, sw_t *sw);
/* Makes the USIM the current application; fcp may be NULL. */
bool card_select_usim(struct modem *m, struct buf *fcp, sw_t *sw);
/* By path, with what its FCP says. false: the card is gone. *sw is not SW_OK: no such file. */
bool card_select(struct modem *m, enum modem_dir dir, uint16_t fid, struct modem_file *file, sw_t *sw);
bool card_file_of(struct span fcp, struct modem_file *file);
/* The whole of it, as far as out has room. */
bool card_read(struct modem *m, enum modem_dir dir, uint16_t fid, struct buf *out, sw_t *sw);
bool card_read_record(struct modem *m, enum modem_dir dir, uint16_t fid, uint8_t record, struct buf *out,
                      sw_t *sw);
bool card_update(struct modem *m, enum modem_dir dir, uint16_t fid, size_t offset, struct span data,
                 sw_t *sw);
bool card_update_record(struct modem *m, enum modem_dir dir, uint16_t fid, uint8_t record, struct span data,
                        sw_t *sw);

/* ---- modem_init.c, modem_pin.c ---- */

enum modem_sim init_power_up(struct modem *m);
/* From the point where PIN1 has been verified. */
enum modem_sim init_go_on(struct modem *m);
/* Reads again what was read then. */
bool init_read(struct modem *m);
/* Ends the application session (TS 31.102 5.1.2); with `off`, everything. */
void init_end_session(struct modem *m);
void init_restart_polling(struct modem *m);
/* Enters config's PIN, if PIN1 is wanted. *ready: nothing more is wanted. */
bool pin_first(struct modem *m, bool *ready);
bool pin_read_state(struct modem *m, struct span fcp);

/* ---- modem_register.c ---- */

void register_begin(struct modem *m, uint64_t in_ms); /* looks for a network, after a while */
/* The time until who roams looks for a better network begins anew. */
void register_look_later(struct modem *m);
void register_leave(struct modem *m);
void register_tell_card(struct modem *m); /* location status, if the card wants it and it has changed */
/* MCC MNC, LAC or TAC, cell: TS 102 223 8.19. Empty without service. */
void register_location(const struct modem *m, struct buf *out);

/* ---- modem_stk.c ---- */

void stk_init(struct modem *m);
void stk_dark(struct modem *m);
void stk_pending(struct modem *m, uint8_t length);
void stk_quiet(struct modem *m); /* a status word without 91: the session, if one was, has ended */
bool stk_send_profile(struct modem *m);
/* Ends the command under way. */
void stk_finish(struct modem *m, const struct modem_result *r);
void stk_done(struct modem *m, uint8_t general);
void stk_done_with(struct modem *m, uint8_t general, uint8_t additional);
/* Each executes the command under way, and ends it now or later. */
void stk_user(struct modem *m);    /* modem_stk_user.c */
void stk_refresh(struct modem *m); /* modem_refresh.c */
void stk_local_information(struct modem *m);
void stk_timer(struct modem *m); /* modem_event.c */
void stk_timers_stop(struct modem *m);
void stk_open_channel(struct modem *m); /* modem_bip.c */
void stk_close_channel(struct modem *m);
void stk_send_data(struct modem *m);
void stk_receive_data(struct modem *m);
void stk_channel_status(struct modem *m);
void bip_dark(struct modem *m);
void bip_no_service(struct modem *m);

/* An envelope that the card gets now, or when it is less busy (modem_event.c). */
void envelope_send(struct modem *m, struct span envelope);
void envelope_go_on(struct modem *m);
/* EVENT DOWNLOAD: event list and device identities (from: 82 the terminal, 83 the network), then `objects`;
 * only if the card asked for this event. */
void event_send(struct modem *m, uint8_t event, uint8_t from, struct span objects);

/* ---- modem_sms.c ---- */

/* modem_sms_submit, and what the card said to it. */
unsigned sms_submit(struct modem *m, const char *centre, struct span tpdu, uint8_t *reference,
                    enum modem_control *said);
void sms_init(struct modem *m);
void sms_dark(struct modem *m);
void sms_registered(struct modem *m);
/* An address of the toolkit (TS 102 223 8.1): type, then digits. */
void sms_address_text(struct span address, char text[22]);
/* A string of USSD or of SMS: GSM default alphabet, packed or not, or 8 bits, by its data coding. false:
 * UCS2, or too long. */
bool ussd_text(uint8_t dcs, struct span in, char *text, size_t room);
/* An SMS-SUBMIT with the default alphabet in octets, as one that has it packed (TS 31.111 6.4.10).
 * false: it is none, or too long. */
bool sms_pack(struct span tpdu, struct buf *out);

#endif
