/* SPDX-License-Identifier: Apache-2.0 */
#include "making.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "folder_sync.h"
#include "hex.h"
#include "keys.h"
#include "progress.h"
#include "publish.h"
#include "subscription.h"
#include "vault.h"

enum {
    CARDS_PER_TRANSACTION = 1024,
    ISSUER_DIGITS = 7, /* of an ICCID: 89, country, issuer (ITU-T E.118): what counting up must not change */
    RECORD_BUFFER = 1 << 16,
};

/* ---- numbers ---- */

static void number(const struct series *s, uint64_t nth, char out[24])
{
    snprintf(out, 24, "%0*" PRIu64, s->digits, s->first + nth);
}

/* True when the last of `count` numbers still begins with the fixed digits. */
static bool series_fits(const struct series *s, uint64_t count)
{
    uint64_t below = 1;
    for (int i = s->fixed; i < s->digits; i++)
        below *= 10;
    return s->first % below + (count - 1) < below;
}

static bool series_of(const char *text, size_t n, int fixed, struct series *s)
{
    char digits[24];
    if (n >= sizeof digits)
        return false;
    memcpy(digits, text, n);
    digits[n] = '\0';
    *s = (struct series){.first = strtoull(digits, NULL, 10), .digits = (int)n, .fixed = fixed};
    return true;
}

/* Digits of MCC and MNC, by EF.AD octet 4, b4-b1 (TS 31.102 4.2.18). */
static int network_digits(const struct profile *p)
{
    for (uint16_t i = 0; i < p->n_files; i++) {
        const struct profile_file *f = &p->files[i];
        if (f->fid == 0x6FAD && f->kind == FILE_TRANSPARENT && f->content.n >= 4 &&
            (f->content.p[3] & 0x0F) == 3)
            return 6;
    }
    return 5;
}

bool numbering_foreign(const struct subcommand *cmd, struct numbering *n, const char *text)
{
    size_t length = strlen(text);
    if (length > 18)
        length--;
    if (n->count == 1)
        n->verbatim = text;
    if (series_of(text, length, ISSUER_DIGITS, &n->iccids) && series_fits(&n->iccids, n->count))
        return true;
    cli_usage(cmd, "%" PRIu64 " cards from the package's ICCID %s on would run over into the issuer's number",
              n->count, text);
    return false;
}

bool numbering_iccid(const struct subcommand *cmd, struct numbering *n, const char *text)
{
    if (!cli_iccid(cmd, "--iccid", text))
        return false;
    size_t length = strlen(text);
    if (length > 18) {
        char body[24];
        memcpy(body, text, length - 1);
        body[--length] = '\0';
        char check = luhn_digit(body);
        if (text[length] != check) {
            cli_usage(cmd,
                      "--iccid: the check digit of %s is %c, not %c (give 18 digits to have it computed)",
                      text, check, text[length]);
            return false;
        }
    }
    if (!series_of(text, length, ISSUER_DIGITS, &n->iccids) || !series_fits(&n->iccids, n->count)) {
        cli_usage(cmd, "--iccid: %" PRIu64 " cards from %s on would run over into the issuer's number",
                  n->count, text);
        return false;
    }
    return true;
}

bool numbering_imsi(const struct subcommand *cmd, struct numbering *n, const char *text,
                    const struct profile *p)
{
    if (text == NULL)
        text = p->imsi;
    if (text[0] == '\0') {
        cli_usage(cmd, "profile %s has no IMSI of its own: give one with --imsi", p->name);
        return false;
    }
    if (!cli_digits(cmd, "--imsi", text, 6, 15))
        return false;
    if (!series_of(text, strlen(text), network_digits(p), &n->imsis) || !series_fits(&n->imsis, n->count)) {
        cli_usage(cmd, "--imsi: %" PRIu64 " cards from %s on would run over into the network code", n->count,
                  text);
        return false;
    }
    return true;
}

void numbering_card(const struct numbering *n, uint64_t nth, struct card_data *out)
{
    out->given = NULL;
    number(&n->imsis, nth, out->imsi);
    if (n->verbatim != NULL) {
        snprintf(out->iccid, sizeof out->iccid, "%s", n->verbatim);
        return;
    }
    number(&n->iccids, nth, out->iccid);
    char check[2] = {luhn_digit(out->iccid), '\0'};
    strcat(out->iccid, check);
}

static enum source_result next_number(void *ctx, struct card_data *out)
{
    struct numbering *n = ctx;
    if (n->at >= n->count)
        return SOURCE_END;
    numbering_card(n, n->at++, out);
    return SOURCE_CARD;
}

static bool first_number(void *ctx)
{
    struct numbering *n = ctx;
    n->at = 0;
    return true;
}

struct card_source numbering_source(struct numbering *n)
{
    return (struct card_source){next_number, first_number, n, n->count};
}

bool making_take_count(const struct subcommand *cmd, struct numbering *n)
{
    const uint64_t max = 100000000;
    return cli_number(cmd, "--count", optarg, 1, max, &n->count);
}

bool making_take_seed(const struct subcommand *cmd, uint8_t seed[MAKING_SEED_MAX], size_t *len)
{
    if (!cli_hex(cmd, "--seed", optarg, MAKING_SEED_MIN, MAKING_SEED_MAX, seed, len))
        return false;
    memset(optarg, '*', strlen(optarg)); /* out of sight of ps */
    return true;
}

/* ---- the key record ---- */

bool record_open(const struct subcommand *cmd, const char *path, bool live, struct key_record *r)
{
    *r = (struct key_record){.path = path};
    if (path == NULL)
        return true;
    if (strcmp(path, "-") == 0) { /* nobody looks after the mode of what is piped */
        cli_refuse(
            cmd,
            "--keys: not to the standard output: name a file, which gets mode 0600 (./- for one of that name)");
        return false;
    }
    char name[sizeof r->temporary];
    snprintf(name, sizeof name, "%s.new", path);
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        cli_refuse(
            cmd, "--keys: %s: %s%s", name, strerror(errno),
            errno != EEXIST ? ""
            : live
                ? " (left by an add that was cut short? it has the keys of cards that may be in the deck: keep it, under another name)"
                : " (left by a making that was cut short? then remove it)");
        return false;
    }
    memcpy(r->temporary, name, sizeof name);
    r->buffer = malloc(RECORD_BUFFER);
    r->f = fdopen(fd, "w");
    if (r->f == NULL || r->buffer == NULL) {
        if (r->f == NULL)
            close(fd);
        cli_refuse(cmd, "no memory");
        return false;
    }
    setvbuf(r->f, r->buffer, _IOFBF, RECORD_BUFFER);
    keys_write_header(r->f);
    return true;
}

/* A row for each record there is. */
static bool record_row(struct making *m, const struct key_row *row)
{
    struct sealed_error error;
    if (m->record.f != NULL)
        keys_write_row(m->record.f, row);
    if (m->record.vault == NULL || vault_import_row(m->record.vault, row, &error))
        return true;
    cli_refuse(m->cmd, "--vault: %s", error.text);
    return false;
}

/* Is the PIN, or its PUK, this card's own: derived, or given for it? */
static bool own_pin(const struct profile *p, const struct card_data *card, unsigned pin)
{
    return p->pins[pin].derived != 0 ||
           (card->given != NULL && ((card->given->pins | card->given->puks) >> pin & 1) != 0);
}

static bool record_pins(struct making *m, const struct card_data *card, bool *noted)
{
    const struct profile *p = &m->profile->p;
    struct key_row row;
    memset(&row, 0, sizeof row);
    memcpy(row.iccid, card->iccid, strlen(card->iccid) + 1);
    row.common = row.pin = true;
    row.pair.key.k_len = 8;
    row.pair.ota.kic_algorithm = row.pair.ota.kid_algorithm = OTA_NONE;
    bool good = true;
    for (row.index = 0; good && *noted && row.index < p->n_pins; row.index++) {
        const struct profile_pin *pin = &p->pins[row.index];
        if (!own_pin(p, card, row.index))
            continue;
        row.pair.ota.version = pin->reference;
        row.pair.key.opc_len = pin->puk_tries > 0 ? 8 : 0;
        good = personal_pin(m->crypto, p, m->seed, card->iccid, card->given, row.index, row.pair.key.k,
                            row.pair.key.opc);
        if (good)
            *noted = record_row(m, &row);
    }
    crypto_wipe(&row, sizeof row);
    return good;
}

/* The keys of one card: derived anew, as the card derived them. */
static bool record_card(struct making *m, const struct card_data *card)
{
    if (m->record.f == NULL && m->record.vault == NULL)
        return true;
    const struct profile *p = &m->profile->p;
    struct key_row row;
    memset(&row, 0, sizeof row);
    memcpy(row.iccid, card->iccid, strlen(card->iccid) + 1);
    memcpy(row.imsi, card->imsi, strlen(card->imsi) + 1);
    bool good = true, noted = true;
    for (row.index = 0; good && noted && row.index < p->n_pairs; row.index++) {
        /* Only the first pair belongs to an IMSI yet (TR 33.812 5.3.2.2), and those that the
         * card itself selects among. */
        if (row.index > 0 && !subscription_made_imsi(p, row.index, card->imsi, row.imsi))
            row.imsi[0] = '\0';
        good = personal_pair_given(m->crypto, p, m->seed, card->iccid, card->given, row.index, &row.pair);
        if (good)
            noted = record_row(m, &row);
    }
    memset(&row.imsi, 0, sizeof row.imsi);
    row.common = true;
    for (row.index = 0; good && noted && row.index < p->n_keysets; row.index++) {
        struct profile_keyset set;
        good = personal_keyset_given(m->crypto, p, m->seed, card->iccid, card->given, row.index, &set);
        if (good) {
            row.pair.ota = set.keys;
            row.domain = set.domain != 0;
            noted = record_row(m, &row);
        }
        crypto_wipe(&set, sizeof set);
    }
    if (good && noted)
        good = record_pins(m, card, &noted);
    crypto_wipe(&row, sizeof row);
    if (!good)
        cli_refuse(m->cmd, "card %s: deriving its keys failed", card->iccid);
    else if (m->record.f != NULL && ferror(m->record.f))
        cli_refuse(m->cmd, "--keys: %s: %s", m->record.temporary, strerror(errno));
    return good && noted && (m->record.f == NULL || !ferror(m->record.f));
}

bool record_publish(const struct subcommand *cmd, struct key_record *r)
{
    if (r->f == NULL)
        return true;
    errno = EIO; /* of a write that failed earlier nobody kept the reason */
    const bool whole = fflush(r->f) == 0 && !ferror(r->f) && fsync(fileno(r->f)) == 0;
    const int rc = whole ? publish(r->temporary, r->path) : errno;
    if (rc != 0)
        cli_refuse(cmd, "--keys: %s: %s", r->path, strerror(rc));
    return rc == 0;
}

void record_close(struct key_record *r)
{
    if (r->f != NULL)
        fclose(r->f);
    if (r->temporary[0] != '\0')
        unlink(r->temporary);
    if (r->buffer != NULL)
        crypto_wipe(r->buffer, RECORD_BUFFER);
    free(r->buffer);
    memset(r, 0, sizeof *r);
}

/* ---- signals ---- */

static void stop_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
}

static bool interrupted(void)
{
    sigset_t pending;
    if (sigpending(&pending) != 0)
        return false;
    return sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1 ||
           sigismember(&pending, SIGHUP) == 1;
}

void making_hold_signals(sigset_t *before)
{
    sigset_t ours;
    stop_signals(&ours);
    sigprocmask(SIG_BLOCK, &ours, before);
}

void making_release_signals(const sigset_t *before)
{
    sigprocmask(SIG_SETMASK, before, NULL);
}

/* ---- cards ---- */

enum deck_has making_has_card(const struct subcommand *cmd, struct deck *d, const char *iccid)
{
    struct deck_error error;
    enum deck_has has = deck_has_card(d, iccid, &error);
    if (has == DECK_UNREAD)
        cli_refuse(cmd, "%s", error.text);
    return has;
}

static bool make_card(struct making *m, const struct card_data *card)
{
    struct deck_error error;
    const enum deck_has has = m->replace ? making_has_card(m->cmd, m->deck, card->iccid) : DECK_HAS_NOT;
    if (has == DECK_UNREAD)
        return false;
    if (has == DECK_HAS && !deck_remove_card(m->deck, card->iccid, &error)) {
        cli_refuse(m->cmd, "%s", error.text);
        return false;
    }
    struct uicc_store *store = deck_new_card(m->deck, card->iccid, &error);
    if (store == NULL) {
        cli_refuse(m->cmd, "%s", error.text);
        return false;
    }
    struct uicc_env env = {.random = crypto_random, .crypto = m->crypto};
    const struct uicc_config config = {.env = &env,
                                       .profile = m->profile,
                                       .store = store,
                                       .classes = cli_classes(m->cmd, &m->profile->p, &env)};
    if (config.classes == NULL) {
        store_close(store);
        return false;
    }
    const struct uicc_personal personal = {.iccid = card->iccid,
                                           .imsi = card->imsi,
                                           .seed = m->seed.p,
                                           .seed_len = m->seed.n,
                                           .given = card->given};
    enum uicc_result result = uicc_personalise(&config, &personal);
    store_close(store);
    if (result != UICC_OK) {
        bool told = result == UICC_STORE_FAILED && deck_trouble(m->deck)[0] != '\0';
        cli_refuse(m->cmd, "card %s of profile %s: %s", card->iccid, m->profile->p.name,
                   told ? deck_trouble(m->deck) : uicc_result_text(result));
        return false;
    }
    return record_card(m, card);
}

/* One transaction's cards. SOURCE_CARD: there may be more. */
static enum source_result make_batch(struct making *m, const struct card_source *source, struct progress *p)
{
    enum source_result result = SOURCE_CARD;
    struct card_data card;
    for (unsigned i = 0; result == SOURCE_CARD && (m->replace || i < CARDS_PER_TRANSACTION); i++) {
        result = source->next(source->ctx, &card);
        if (result != SOURCE_CARD)
            break;
        if (!make_card(m, &card))
            return SOURCE_FAILED;
        card.given = NULL; /* was borrowed */
        if (m->made++ == 0)
            m->first = card;
        m->last = card;
        progress_cards(p, m->made, source->count);
        if (interrupted()) {
            cli_refuse(m->cmd, "interrupted; %s", m->left);
            return SOURCE_FAILED;
        }
    }
    return result;
}

/* The record comes first: keys without a card are waste paper, a card without a
 * record of its keys is lost. */
static bool record_on_disk(const struct key_record *r)
{
    return r->f == NULL ||
           (fflush(r->f) == 0 && fsync(fileno(r->f)) == 0 && (errno = folder_sync(r->temporary)) == 0);
}

bool making_cards(struct making *m, const struct card_source *source)
{
    struct progress p = progress_begin();
    enum source_result result = SOURCE_CARD;
    struct deck_error error;
    while (result == SOURCE_CARD) {
        if (!deck_batch_begin(m->deck, &error)) {
            cli_refuse(m->cmd, "%s", error.text);
            result = SOURCE_FAILED;
            break;
        }
        result = make_batch(m, source, &p);
        if (result != SOURCE_FAILED && m->live && !record_on_disk(&m->record)) {
            cli_refuse(m->cmd, "--keys: %s: %s", m->record.temporary, strerror(errno));
            result = SOURCE_FAILED;
        }
        if (result == SOURCE_FAILED) {
            deck_batch_abort(m->deck); /* its keys may not be on the disk */
        } else if (!deck_batch_end(m->deck, &error)) {
            cli_refuse(m->cmd, "%s", error.text);
            result = SOURCE_FAILED;
        }
    }
    progress_clear(&p);
    return result == SOURCE_END;
}

bool making_undo(struct making *m, const struct card_source *source)
{
    struct deck_error error;
    struct card_data card;
    bool good = source->rewind(source->ctx) && deck_batch_begin(m->deck, &error);
    for (uint64_t i = 0; good && i < m->made; i++) {
        good = source->next(source->ctx, &card) == SOURCE_CARD;
        /* what a batch that failed had made is not there */
        const enum deck_has has = good ? making_has_card(m->cmd, m->deck, card.iccid) : DECK_UNREAD;
        good = has != DECK_UNREAD;
        if (has == DECK_HAS)
            good = deck_remove_card(m->deck, card.iccid, &error);
        if (good && (i + 1) % CARDS_PER_TRANSACTION == 0)
            good = deck_batch_end(m->deck, &error) && deck_batch_begin(m->deck, &error);
    }
    good = good && deck_batch_end(m->deck, &error);
    if (!good)
        cli_refuse(m->cmd, "not all cards that were made could be taken away again (the first was %s)",
                   m->first.iccid);
    return good;
}
