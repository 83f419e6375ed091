/* SPDX-License-Identifier: Apache-2.0
 *
 * A card in memory for tests: made from a built-in profile, with a fixed seed, and a store that can be cut;
 * commands as hex in, hex patterns out.
 */
#ifndef TESTS_CARD_FIXTURE_H
#define TESTS_CARD_FIXTURE_H

#include "cat.h"
#include "fault_store.h"
#include "profile_yaml.h"
#include "scp80.h"
#include "services.h"
#include "sqn.h"
#include "subscription.h"
#include "uicc.h"

#define FIXTURE_ICCID "89882110000000000010"
#define FIXTURE_IMSI "001010123456780"
#define USIM_AID_PREFIX "A0000000871002"

struct fixture {
    struct uicc_env env;
    struct uicc_crypto *crypto;
    struct uicc_profile *profile;
    struct uicc_store *memory;   /* what is on the "disk" */
    struct uicc_store *store;    /* a fault_store over it */
    struct uicc *card;           /* powered */
    uint8_t seed[16];
    char trace[8192];            /* text of every trace event */
    size_t trace_len;
    bool tracing;
    uint8_t response[UICC_RESPONSE_MAX];
    size_t response_len;
    struct cat_details proactive; /* of the proactive command fetched last */
    const struct applet_class *classes[24];
    uint64_t counter;            /* of the OTA commands sent last */
    struct keyset other_keys;    /* of FIXTURE_OTHER */
};

/* Makes a card of the profile, powers it up. Fails the running cmocka test if it can't. */
void fixture_open(struct fixture *f, const char *profile);
void fixture_open_text(struct fixture *f, const char *yaml);
void fixture_open_text_classes(struct fixture *f, const char *yaml, const struct applet_class *const *more);
/* With classes of the test's own besides; NULL at the end. */
void fixture_open_classes(struct fixture *f, const char *profile, const struct applet_class *const *more);
void fixture_close(struct fixture *f);

/* For cmocka_unit_test_setup_teardown: *state is a struct fixture of the profile `test` whose terminal has
 * said what it can, one whose terminal has not, one of the profile `usim`. */
int fixture_setup(void **state);
int fixture_setup_bare(void **state);
int fixture_setup_usim(void **state);
int fixture_teardown(void **state); /* of whatever fixture *state is; frees it */

/* Another card as `factory`'s is now, powered up: the store is copied, profile and ciphers
 * are factory's (reading a profile takes longer than most tests). fixture_discard closes it,
 * and leaves factory as it is. */
void fixture_copy(struct fixture *f, const struct fixture *factory);
void fixture_discard(struct fixture *f);

/* The card process dies and starts again: what the store has is what there is. */
void fixture_restart(struct fixture *f);
void fixture_reset(struct fixture *f);

/* Sends hex and compares the whole response with a pattern of hex digits ('.' stands for any digit; a '*' at
 * the end for anything). Follows 61xx and 6Cxx like a terminal does when `follow`. Fails the test, with
 * command and both responses, when they differ. */
#define apdu(f, command, pattern) fixture_apdu(f, command, pattern, false, __FILE__, __LINE__)
#define exchange(f, command, pattern) fixture_apdu(f, command, pattern, true, __FILE__, __LINE__)
void fixture_apdu(struct fixture *f, const char *command, const char *pattern, bool follow, const char *file,
                  int line);

/* Raw octets; returns the status word; data in f->response. Follows 61xx when asked. */
uint16_t fixture_transmit(struct fixture *f, struct span command, bool follow);

/* Network side: RAND, AUTN for pair `index` and this SQN, as the data of AUTHENTICATE; RES for it in res. */
void fixture_challenge_of(struct fixture *f, unsigned index, uint64_t sqn, const uint8_t rand[16],
                          uint8_t data[34], struct aka_vector *expected);
/* The same with a RAND of its own. */
void fixture_challenge(struct fixture *f, unsigned index, uint64_t sqn, uint8_t data[34],
                       struct aka_vector *expected);

/* Operator's side: ENVELOPE with `script` for `tar`, secured with the OTA keyset of pair `index`. spi as in
 * the packet. Counter 0: the next. */
enum {
    FIXTURE_COMMON = 0x1000, /* in place of a pair's index: the profile's first common keyset */
    FIXTURE_OTHER = 0x2000,  /* f->other_keys */
};

struct fixture_ota {
    unsigned index;
    uint16_t spi;
    const char *tar;
    const char *script;
    uint64_t counter;
};
size_t fixture_envelope(struct fixture *f, const struct fixture_ota *ota, uint8_t apdu_out[261]);

/* The command packet itself, from CPL on. */
size_t fixture_packet(struct fixture *f, const struct fixture_ota *ota, uint8_t *packet, size_t room);

/* ENVELOPE (SMS-PP) of one TPDU. */
size_t fixture_wrap(struct span tpdu, uint8_t apdu_out[261]);

/* The packet in several messages with reference `ref` from originator `from`:
 * ENVELOPEs, at most `room` of them. */
struct fixture_message {
    uint8_t apdu[261];
    size_t n;
};
size_t fixture_messages(struct fixture *f, const struct fixture_ota *ota, uint8_t ref, const char *from,
                        struct fixture_message *to, size_t room);

struct fixture_por;
/* Opens a response packet. */
void fixture_open_por(struct fixture *f, const struct fixture_ota *ota, struct span response,
                      struct fixture_por *por);

/* Sends it and opens the answer. */
struct fixture_por {
    bool answered;
    enum scp80_verdict verdict;
    uint8_t status;
    uint8_t data[4200];
    size_t n;
    uint16_t sw;
};
void fixture_ota(struct fixture *f, const struct fixture_ota *ota, struct fixture_por *por);
void fixture_ota_raw(struct fixture *f, const struct fixture_ota *ota, struct span apdu,
                     struct fixture_por *por);

/* A command of the keyset of pair `keys` (or FIXTURE_COMMON) to the subscription applet, in expanded format:
 * its answer is data and status word, as hex; "genuine 02" or "unprotected 06" when there is none but a
 * response status. fixture_expect compares with a pattern as fixture_apdu has it. */
enum { FIXTURE_SPI = 0x1619 };
void fixture_command(struct fixture *f, unsigned keys, const char *apdu_hex, char *answer, size_t room);
void fixture_expect(struct fixture *f, unsigned keys, const char *apdu_hex, const char *pattern);

/* Keys of 16 octets each, AES, a CC of 8. */
struct keyset fixture_aes_keyset(uint8_t version, const uint8_t kic[16], const uint8_t kid[16],
                                 const uint8_t kik[16]);

/* A key data field of PUT KEY: type 88, own length, the key under KIK, its check value; `spoil` changes one
 * octet of the check value. */
void fixture_key_field(struct fixture *f, const struct keyset *kek, const uint8_t *key, size_t len,
                       bool spoil, struct buf *out);

/* First TAR of the profile's first applet of this class, as hex. */
void fixture_tar(struct fixture *f, const char *class_name, char hex[7]);

/* SELECTs the USIM and reads EF.IMSI into digits. */
void fixture_imsi(struct fixture *f, char digits[16]);

/* AUTHENTICATE with pair `index`'s key: the tag of the answer (DB success, DC resynchronisation), or the
 * status word when it is not 9000. */
unsigned fixture_authenticate(struct fixture *f, unsigned index, uint64_t sqn);

/* TERMINAL RESPONSE to the command that was fetched last, with this general result, and hex of what follows
 * it; expects the pattern, as exchange. */
#define answer_proactive(f, result, rest, pattern)                                                           \
    fixture_respond(f, result, rest, pattern, __FILE__, __LINE__)
void fixture_respond(struct fixture *f, uint8_t result, const char *rest, const char *pattern,
                     const char *file, int line);

/* A TERMINAL PROFILE with everything. */
void fixture_terminal_profile(struct fixture *f);

/* Hex of a change order's script: order (index < 0: next), GET RESPONSE. */
void fixture_order(const char *imsi, int index, const char *reference_hex, char *script, size_t room);

/* Everything the store holds, in a canonical order: two snapshots are equal when
 * nothing was changed. malloc'ed. */
uint8_t *fixture_snapshot(struct fixture *f, size_t *n);

#endif
