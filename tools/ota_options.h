/* SPDX-License-Identifier: Apache-2.0
 *
 * Options that the sub-commands of the operator's end share: keys, what a command packet consists of, and how
 * it gets to the card.
 */
#ifndef TOOLS_OTA_OPTIONS_H
#define TOOLS_OTA_OPTIONS_H

#include "cli.h"
#include "ota_build.h"
#include "ota_carrier.h"
#include "ota_explain.h"

enum {
    OTA_DATA_MAX = 65535,
    /* TS 102 225 5.1.1: CC, ciphered, counter must be higher; PoR always, with CC and ciphered, in the
       DELIVER-REPORT */
    OTA_SPI1 = SPI1_CC | SPI1_CIPHERING | SPI1_COUNTER_HIGHER,
    OTA_SPI2 = SPI2_POR_ALWAYS | SPI2_POR_CC | SPI2_POR_CIPHERED,
};

#define OTA_COUNTER_MAX 0xFFFFFFFFFFu /* 5 octets */

/* ---- keys ---- */

struct key_options {
    const struct subcommand *cmd;
    struct ota_keys keys; /* secret */
    const char *path, *iccid;
    unsigned index;
    unsigned version; /* 0: as it comes */
    bool common, has_index;
    /* of the row that was found */
    char row_iccid[DECK_ICCID_MAX + 1];
    unsigned row_index;
    bool row_common;
};

/* The options of a struct key_options. */
extern const struct cli_setting key_settings[];
/* Reads the key file, when there is one. EXIT_OK, or it was said. */
int key_options_load(struct key_options *k);

/* ---- a packet ---- */

struct packet_options {
    const struct subcommand *cmd;
    int code; /* for an option that was refused: EXIT_USAGE, unless it was a file's fault */
    struct key_options keys;
    struct keyset set; /* secret: what follows from the keys */
    struct scp80_command header;
    bool has_tar, has_counter, has_data, has_reference;
    bool response; /* a response packet is wanted: no counter, no data needed */
    uint64_t counter;
    unsigned reference;
    enum ota_format format;
    struct ota_script script;
    uint8_t *room;   /* script, data, packet */
    struct buf data; /* secured data */
    struct buf packet;
};

/* Defaults, and room. false: no memory. */
bool packet_options_init(struct packet_options *p, const struct subcommand *cmd);
void packet_options_wipe(struct packet_options *p);

/* The options of a struct packet_options, without those of its keys. Where one is
 * refused, code is what to return. */
extern const struct cli_setting packet_settings[];

/* Where a counter comes from that --counter does not give: nowhere, or from records
 * that were not named, or were. */
enum counter_source { COUNTER_BY_HAND, COUNTER_RECORDS_WANTED, COUNTER_OF_RECORDS };
/* What is missing or does not go together: EXIT_OK, or it was said. */
int packet_options_check(struct packet_options *p, enum counter_source source);
/* Loads the keys, settles KIc and KID, and makes the secured data. */
int packet_options_prepare(struct packet_options *p);
/* Builds the command packet. */
int packet_options_build(struct packet_options *p, struct uicc_crypto *crypto);

static inline uint8_t packet_reference(const struct packet_options *p)
{
    return (uint8_t)(p->has_reference ? p->reference : p->counter);
}

/* ---- the way ---- */

#define OTA_PACKET_HELP                                                                                      \
    "  --tar HEX|NAME      toolkit application reference, or isd, uicc, usim, isim,\n"                       \
    "                      subscription (those of the built-in profiles)\n"                                  \
    "  --apdu HEX          a command of the script; repeatable, in order\n"                                  \
    "  --script FILE       commands from a file, one a line, in hex; # begins a comment\n"                   \
    "  --expanded[=indefinite]  expanded format (AA, or AE) in place of compact (TS 102 226 5.2)\n"          \
    "  --data HEX          secured data as it is, in place of commands\n"                                    \
    "  --counter N         CNTR; needed where the SPI has it checked\n"                                      \
    "  --reference N       concatenation reference (default: the counter's last octet)\n"

#define OTA_SECURITY_HELP                                                                                    \
    "SECURITY, by default --check cc --cipher --counter higher --por always,cc,ciphered:\n"                  \
    "  --check WORD        none, rc, cc\n"                                                                   \
    "  --cipher, --no-cipher\n"                                                                              \
    "  --counter WORD      none, unchecked, higher, plus-one (besides --counter N)\n"                        \
    "  --por WORD,...      never, always or error; then any of: rc or cc, ciphered, submit (by\n"            \
    "                      SMS-SUBMIT)\n"                                                                    \
    "  --spi XXXX          the same as two octets (default: 1619)\n"

#define OTA_KEYS_HELP                                                                                        \
    "KEYS, from a key file:\n"                                                                               \
    "  --keys FILE         key file (softuicc new writes them)\n"                                            \
    "  --iccid N           the card in it (default: the only one)\n"                                         \
    "  --index I           pair, or with --common, common keyset (default: 0)\n"                             \
    "  --common            a common keyset instead of a pair's keys\n"                                       \
    "  --key-version N     the keyset of this version, 1 to 15, in place of --index\n"                       \
    "or by hand:\n"                                                                                          \
    "  --kic-key HEX --kic XX   key for ciphering, and KIc: version and algorithm (12: AES\n"                \
    "                      version 1, 15: triple DES with 2 keys, 19: with 3)\n"                             \
    "  --kid-key HEX --kid XX   key for the CC, and KID likewise (for an RC: X1 CRC 16, X5\n"                \
    "                      CRC 32)\n"                                                                        \
    "  --key-version N     the version in KIc and KID\n"                                                     \
    "  --mac-len 4|8       octets of the CC (default: 8)\n"

#define OTA_CARRIER_HELP                                                                                     \
    "  --reader NAME|NUMBER  PC/SC reader (default: the only one that has a card)\n"                         \
    "  --ussd              in a USSD string in place of short messages (PC/SC)\n"                             \
    "  --smpp HOST:PORT    over an SMSC instead, as its ESME:\n"                                             \
    "    --to N              the card's number (MSISDN), or what that SMSC knows it by\n"                    \
    "    --from N            number the message comes from (default: +99900000001)\n"                        \
    "    --system-id ID, --password WORD  who we are to the SMSC (default: test, test)\n"                    \
    "    --data-coding HH    data_coding (default: F6; 04 for SMSCs that know no class)\n"                   \
    "    --timeout S         seconds to wait for SMSC and card, each (default: 10)\n"

struct carrier_cli {
    const struct subcommand *cmd;
    struct ota_carrier_options options;
    char password[OTA_PASSWORD_MAX + 1]; /* off the command line */
    bool any_smpp;
};

void carrier_init(struct carrier_cli *c, const struct subcommand *cmd);
/* The options of a struct carrier_cli. */
extern const struct cli_setting carrier_settings[];
/* What is missing or does not go together: EXIT_OK, or it was said. */
int carrier_check(const struct carrier_cli *c);

#endif
