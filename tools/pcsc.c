/* SPDX-License-Identifier: Apache-2.0 */
#include "pcsc.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <winscard.h>

#include "crypto.h"

enum {
    CARD_WAIT_MS = 3000,
    POLL_MS = 100,
    READERS_MAX = 64,
};

struct pcsc {
    SCARDCONTEXT context;
    SCARDHANDLE card;
    bool connected;
    char reader[256];
    char *wanted; /* as pcsc_open was told; NULL: the only one */
    struct pcsc_error why;
};

static void explain(struct pcsc_error *e, const char *where, LONG rv)
{
    const char *text = NULL;
    /* The library's codes are longs with bit 31 set on some systems and not on others: compare them as it
     * returns them. */
    if (rv == SCARD_E_NO_SERVICE || rv == SCARD_E_SERVICE_STOPPED)
        text = "pcscd is not running (or its socket is not reachable)";
    else if (rv == SCARD_E_NO_READERS_AVAILABLE)
        text = "pcscd knows no reader";
    else if (rv == SCARD_E_UNKNOWN_READER || rv == SCARD_E_READER_UNAVAILABLE)
        text = "the reader is not there";
    else if (rv == SCARD_E_NO_SMARTCARD || rv == SCARD_W_REMOVED_CARD)
        text = "no card in the reader";
    else if (rv == SCARD_W_UNRESPONSIVE_CARD || rv == SCARD_W_UNPOWERED_CARD)
        text = "the card is mute: it gives no ATR";
    else if (rv == SCARD_E_SHARING_VIOLATION)
        text = "another program is using the card";
    else if (rv == SCARD_E_PROTO_MISMATCH)
        text = "the card does not offer T=0";
    else if (rv == SCARD_W_RESET_CARD)
        text = "another program has reset the card";
    else if (rv == SCARD_E_NOT_TRANSACTED || rv == SCARD_E_COMM_DATA_LOST)
        text = "the card stopped answering";
    else
        text = pcsc_stringify_error(rv);
    snprintf(e->text, sizeof e->text, "%s%s%s", where, where[0] != '\0' ? ": " : "", text);
}

/* The readers pcscd has, as a list of strings that an empty one ends; the caller frees it. NULL: *error says
 * why. */
static char *list_readers(SCARDCONTEXT context, struct pcsc_error *error)
{
    DWORD n = 0;
    LONG rv = SCardListReaders(context, NULL, NULL, &n);
    char *names = NULL;
    if (rv == SCARD_S_SUCCESS) {
        names = calloc(1, (size_t)n + 2);
        if (names == NULL) {
            snprintf(error->text, sizeof error->text, "no memory");
            return NULL;
        }
        rv = SCardListReaders(context, NULL, names, &n);
    }
    if (rv != SCARD_S_SUCCESS || names[0] == '\0') {
        free(names);
        explain(error, "", rv != SCARD_S_SUCCESS ? rv : SCARD_E_NO_READERS_AVAILABLE);
        return NULL;
    }
    return names;
}

static size_t split_readers(char *names, const char *readers[READERS_MAX])
{
    size_t n = 0;
    for (char *at = names; *at != '\0' && n < READERS_MAX; at += strlen(at) + 1)
        readers[n++] = at;
    return n;
}

static void append(char *to, size_t size, const char *text)
{
    size_t have = strlen(to);
    if (have + 1 < size)
        snprintf(to + have, size - have, "%s", text);
}

static void list_in_error(struct pcsc_error *error, const char *const *readers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char number[32];
        snprintf(number, sizeof number, "%s%zu '", i == 0 ? ": " : ", ", i);
        append(error->text, sizeof error->text, number);
        append(error->text, sizeof error->text, readers[i]);
        append(error->text, sizeof error->text, "'");
    }
}

/* The reader that `wanted` means. */
static const char *find_reader(const char *wanted, const char *const *readers, size_t n,
                               struct pcsc_error *error)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(readers[i], wanted) == 0)
            return readers[i];
    char *end = NULL;
    unsigned long number = strtoul(wanted, &end, 10);
    if (wanted[0] >= '0' && wanted[0] <= '9' && *end == '\0' && number < n)
        return readers[number];
    const char *found = NULL;
    size_t hits = 0;
    for (size_t i = 0; i < n; i++)
        if (strstr(readers[i], wanted) != NULL) {
            found = readers[i];
            hits++;
        }
    if (hits == 1)
        return found;
    snprintf(error->text, sizeof error->text,
             hits == 0 ? "reader '%s': there is none; pcscd has"
                       : "reader '%s': more than one is called so; pcscd has",
             wanted);
    list_in_error(error, readers, n);
    return NULL;
}

/* Which of the readers have a card now. */
static LONG look(SCARDCONTEXT context, const char *const *readers, size_t n, SCARD_READERSTATE *states)
{
    for (size_t i = 0; i < n; i++)
        states[i] = (SCARD_READERSTATE){.szReader = readers[i], .dwCurrentState = SCARD_STATE_UNAWARE};
    return SCardGetStatusChange(context, 0, states, (DWORD)n);
}

/* Waits until `only` (or, when that is NULL, any reader) has a card, and says which. */
static const char *await_card(SCARDCONTEXT context, const char *only, const char *const *readers, size_t n,
                              struct pcsc_error *error)
{
    SCARD_READERSTATE states[READERS_MAX];
    const char *const *among = only != NULL ? &only : readers;
    size_t count = only != NULL ? 1 : n;
    for (unsigned waited = 0;; waited += POLL_MS) {
        LONG rv = look(context, among, count, states);
        if (rv != SCARD_S_SUCCESS && rv != SCARD_E_TIMEOUT) {
            explain(error, only != NULL ? only : "", rv);
            return NULL;
        }
        const char *found = NULL;
        size_t hits = 0;
        for (size_t i = 0; i < count; i++)
            if ((states[i].dwEventState & SCARD_STATE_PRESENT) != 0) {
                found = among[i];
                hits++;
            }
        if (hits == 1)
            return found;
        if (hits > 1) {
            snprintf(error->text, sizeof error->text,
                     "more than one reader has a card; say which with --reader");
            list_in_error(error, readers, n);
            return NULL;
        }
        if (waited >= CARD_WAIT_MS)
            break;
        /* Sleeps until something changes, but looks again anyway. */
        for (size_t i = 0; i < count; i++)
            states[i].dwCurrentState = states[i].dwEventState;
        SCardGetStatusChange(context, POLL_MS, states, (DWORD)count);
    }
    if (only != NULL)
        explain(error, only, SCARD_E_NO_SMARTCARD);
    else {
        snprintf(error->text, sizeof error->text, "no card in any reader; pcscd has");
        list_in_error(error, readers, n);
    }
    return NULL;
}

/* A card that was changed for another a moment ago is mute until pcscd has looked into the reader again. */
static LONG connect_patiently(struct pcsc *p)
{
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    for (unsigned waited = 0;; waited += POLL_MS) {
        DWORD protocol = 0;
        LONG rv = SCardConnect(p->context, p->reader, SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_T0, &p->card,
                               &protocol);
        const bool changing = rv == SCARD_W_UNRESPONSIVE_CARD || rv == SCARD_W_UNPOWERED_CARD ||
                              rv == SCARD_E_NO_SMARTCARD || rv == SCARD_W_REMOVED_CARD;
        if (!changing || waited >= CARD_WAIT_MS)
            return rv;
        nanosleep(&pause, NULL);
    }
}

static bool connect_to(struct pcsc *p, const char *wanted, struct pcsc_error *error)
{
    char *names = list_readers(p->context, error);
    if (names == NULL)
        return false;
    const char *readers[READERS_MAX];
    size_t n = split_readers(names, readers);
    const char *reader = NULL;
    bool ok = wanted == NULL || (reader = find_reader(wanted, readers, n, error)) != NULL;
    if (ok)
        ok = (reader = await_card(p->context, reader, readers, n, error)) != NULL;
    if (ok) {
        snprintf(p->reader, sizeof p->reader, "%s", reader);
        LONG rv = connect_patiently(p);
        ok = p->connected = rv == SCARD_S_SUCCESS;
        if (!ok)
            explain(error, p->reader, rv);
    }
    free(names);
    return ok;
}

static bool begin(struct pcsc *p, struct pcsc_error *error)
{
    LONG rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &p->context);
    if (rv != SCARD_S_SUCCESS) {
        explain(error, "", rv);
        return false;
    }
    if (connect_to(p, p->wanted, error))
        return true;
    SCardReleaseContext(p->context);
    p->context = 0;
    return false;
}

/* Ends what there is of a conversation; the next begins with begin(). */
static void end(struct pcsc *p, DWORD disposition)
{
    if (p->connected)
        SCardDisconnect(p->card, disposition);
    SCardReleaseContext(p->context);
    p->context = 0;
    p->connected = false;
}

struct pcsc *pcsc_open(const char *reader, struct pcsc_error *error)
{
    struct pcsc *p = calloc(1, sizeof *p);
    if (p == NULL) {
        snprintf(error->text, sizeof error->text, "no memory");
        return NULL;
    }
    if (reader != NULL && (p->wanted = strdup(reader)) == NULL) {
        snprintf(error->text, sizeof error->text, "no memory");
        free(p);
        return NULL;
    }
    if (!begin(p, error)) {
        free(p->wanted);
        free(p);
        return NULL;
    }
    return p;
}

static void hang_up(struct pcsc *p, DWORD disposition)
{
    if (p == NULL)
        return;
    end(p, disposition);
    free(p->wanted);
    free(p);
}

void pcsc_close(struct pcsc *p)
{
    hang_up(p, SCARD_UNPOWER_CARD);
}

void pcsc_leave(struct pcsc *p)
{
    hang_up(p, SCARD_LEAVE_CARD);
}

const char *pcsc_reader(const struct pcsc *p)
{
    return p->reader;
}

const char *pcsc_why(const struct pcsc *p)
{
    return p->why.text[0] != '\0' ? p->why.text : "the card's answers make no sense";
}

static bool exchange(void *ctx, struct span command, struct buf *response)
{
    struct pcsc *p = ctx;
    uint8_t bytes[MAX_BUFFER_SIZE_EXTENDED];
    DWORD n = sizeof bytes;
    LONG rv = SCardTransmit(p->card, SCARD_PCI_T0, command.p, (DWORD)command.n, NULL, bytes, &n);
    if (rv != SCARD_S_SUCCESS) {
        explain(&p->why, p->reader, rv);
        return false;
    }
    buf_put(response, span_of(bytes, n));
    crypto_wipe(bytes, n); /* AUTHENTICATE's answer has CK and IK */
    return buf_ok(response);
}

static bool reset(void *ctx)
{
    struct pcsc *p = ctx;
    DWORD protocol = 0;
    LONG rv = SCardReconnect(p->card, SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_T0, SCARD_RESET_CARD, &protocol);
    if (rv != SCARD_S_SUCCESS)
        explain(&p->why, p->reader, rv);
    return rv == SCARD_S_SUCCESS;
}

bool pcsc_power(struct pcsc *p, bool on)
{
    DWORD protocol = 0;
    LONG rv;
    if (!on) {
        if (!p->connected)
            return true;
        p->connected = false; /* whatever becomes of it: the next conversation is a new one */
        rv = SCardDisconnect(p->card, SCARD_UNPOWER_CARD);
        return rv == SCARD_S_SUCCESS;
    }
    if (p->connected) {
        rv = SCardReconnect(p->card, SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_T0, SCARD_UNPOWER_CARD, &protocol);
        if (rv == SCARD_S_SUCCESS)
            return true;
    }
    /* The card is without power, or the daemon is another one by now. */
    end(p, SCARD_UNPOWER_CARD);
    return begin(p, &p->why);
}

bool pcsc_atr(struct pcsc *p, uint8_t atr[33], size_t *n)
{
    BYTE octets[MAX_ATR_SIZE];
    DWORD length = sizeof octets, state = 0, protocol = 0, name = 0;
    LONG rv = SCardStatus(p->card, NULL, &name, &state, &protocol, octets, &length);
    if (rv != SCARD_S_SUCCESS || length > 33) {
        explain(&p->why, p->reader, rv);
        return false;
    }
    memcpy(atr, octets, length);
    *n = length;
    return true;
}

struct terminal pcsc_terminal(struct pcsc *p)
{
    return (struct terminal){.exchange = exchange, .reset = reset, .ctx = p};
}
