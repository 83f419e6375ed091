/* SPDX-License-Identifier: Apache-2.0
 *
 * What an operator writes, as what a command packet has: SPI in words, commands as a script. And the reverse
 * for what comes back. Pure.
 */
#ifndef TOOLS_OTA_BUILD_H
#define TOOLS_OTA_BUILD_H

#include "scp80.h"
#include "sw.h"

/* ---- SPI in words (TS 102 225 5.1.1) ---- */

bool ota_check_named(const char *word, uint8_t *spi1);   /* none, rc, cc, ds */
bool ota_counter_named(const char *word, uint8_t *spi1); /* none, unchecked, higher, plus-one */

/* A list with commas: never, always or error; none, rc, cc or ds; ciphered; submit. What is not named is off;
 * of the first kind one must be. false: *wrong (may be NULL) is the word that is none, "" when one is
 * missing, or two exclude each other. */
bool ota_por_named(const char *list, uint8_t *spi2, char wrong[24]);

/* ---- scripts (TS 102 226 5) ---- */

enum ota_format { OTA_COMPACT, OTA_EXPANDED, OTA_EXPANDED_INDEFINITE };

/* Commands, in their order. */
struct ota_script {
    uint8_t *bytes; /* the caller's room */
    size_t cap, used;
    unsigned n;
};

/* Appends a command. The room holds each with its length before it. false: no room, or longer than an APDU of
 * a script may be. */
bool ota_script_add(struct ota_script *s, struct span apdu);

/* TS 102 226 5.1.1: in compact format a command is CLA INS P1 P2 P3 and data; no Le behind them, no extended
 * lengths. The first that is another, counted from 1; 0: none, or another format. */
unsigned ota_script_wrong(const struct ota_script *s, enum ota_format format);

/* The secured data that the commands make; in compact format four octets get a P3 of 00. out becomes
 * full when there is no room. */
void ota_script_build(const struct ota_script *s, enum ota_format format, struct buf *out);

/* ---- what came back ---- */

struct ota_results {
    bool has_executed;
    unsigned executed; /* commands; expanded: as the card counts, else the answers there are */
    bool has_sw;
    sw_t sw;          /* of the last one executed */
    struct span data; /* its response data; borrowed */
    bool bad_format;  /* expanded: the card could not read the script ... */
    uint8_t bad;      /* ... because of this */
};

/* Takes the secured data of a response packet apart. false: it answers no script of this format. */
bool ota_results_parse(struct span data, enum ota_format format, struct ota_results *out);

/* Bad format TLV, TS 102 226 5.2.2 */
const char *ota_bad_format_text(unsigned bad);

#endif
