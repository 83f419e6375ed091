/* SPDX-License-Identifier: Apache-2.0
 *
 * The octets of a deck, and the bytes of a profile in it. The input says what to change in a whole deck:
 * (kind, offset, length, octets), again and again. Then: is the file sound (if it is found so, LMDB must bear
 * it), does it open, and its card; and if so, that is written to, and it opens again: looked through when it
 * is opened, and as a large deck, page by page.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deck_check.h"
#include "deck_tree.h"
#include "fuzz.h"
#include "objects.h"
#include "profile.h"

enum { ROOM = 1 << 19, PAGE = 4096 };

static struct {
    struct uicc_crypto *crypto;
    char folder[64], deck[80], key[96];
    uint8_t whole[ROOM];
    size_t n;
} base;

static void remove_all(void)
{
    (void)unlink(base.deck);
    (void)unlink(base.key);
    (void)rmdir(base.folder);
}

static void put(const uint8_t *octets, size_t n)
{
    int fd = open(base.deck, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, octets, n) != (ssize_t)n)
        exit(1);
    close(fd);
}

static void make(void)
{
    struct deck_error e;
    const char *tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    (void)snprintf(base.folder, sizeof base.folder, "%s/softuicc-fuzz-XXXXXX", tmp);
    base.crypto = crypto_new();
    if (base.crypto == NULL || mkdtemp(base.folder) == NULL)
        exit(1);
    (void)snprintf(base.deck, sizeof base.deck, "%s/d.uicc", base.folder);
    (void)snprintf(base.key, sizeof base.key, "%s.key", base.deck);
    (void)atexit(remove_all);
    struct deck *d = deck_create(base.deck, span_of("profile", 7), base.crypto, &e);
    static uint8_t octets[9000];
    for (unsigned card = 1; d != NULL && card <= 12; card++) {
        char iccid[24];
        struct store_change c[24];
        (void)snprintf(iccid, sizeof iccid, "89445000000000000%02u", card);
        for (uint32_t i = 0; i < 24; i++)
            c[i] = (struct store_change){.id = i,
                                         .value = span_of(octets, i == 20 ? sizeof octets : 10 + 30 * i)};
        struct uicc_store *s = deck_new_card(d, iccid, &e);
        if (s == NULL || store_write(s, c, 24) != STORE_OK)
            exit(1);
        store_close(s);
    }
    if (d == NULL || !deck_publish(d, &e) ||
        !deck_remove_card(d, "8944500000000000003", &e)) /* pages to be used again */
        exit(1);
    deck_close(d);
    int fd = open(base.deck, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, base.whole, ROOM);
    close(fd);
    if (n <= 0 || n >= ROOM)
        exit(1);
    base.n = (size_t)n;
}

static void open_it(off_t whole, enum deck_durability durability)
{
    struct deck_error e = {""};
    struct deck *d = deck_open_upto(base.deck, durability, base.crypto, NULL, &e, whole);
    if (d == NULL) {
        fuzz_refused(e.text);
        return;
    }
    char iccid[DECK_ICCID_MAX + 1];
    unsigned cards = 0;
    for (bool more = deck_next(d, "", iccid); more && cards < 100;
         more = deck_after(d, iccid, iccid), cards++) {
        struct uicc_store *s = deck_card(d, iccid, &e);
        struct objects *o = NULL;
        if (s != NULL && objects_open(s, &o) == STORE_OK) {
            uint8_t value[600];
            memset(value, (int)cards, sizeof value);
            objects_begin(o);
            (void)objects_put(o, 7, span_of(value, sizeof value));
            (void)objects_put(o, 100, span_of(value, 20));
            (void)objects_remove(o, 20);
            (void)objects_commit(o);
        }
        objects_close(o);
        store_close(s);
    }
    (void)deck_remove_card(d, "8944500000000000007", &e);
    deck_close(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static uint8_t changed[ROOM];
    struct reader r = rd_of(span_of(data, n));
    if (base.n == 0)
        make();
    size_t len = base.n;
    memcpy(changed, base.whole, len);
    while (rd_ok(&r) && r.left > 0) {
        uint8_t kind = rd_u8(&r);
        size_t page = rd_u8(&r) % (base.n / PAGE), at = page * PAGE + rd_u16(&r) % PAGE,
               count = rd_u8(&r) % 32u;
        struct span octets = rd_take(&r, kind % 4 == 0 ? count : 0);
        if (at + 64 >= ROOM)
            continue;
        switch (kind % 4) {
        case 0:
            if (octets.n > 0)
                memcpy(changed + at, octets.p, octets.n);
            break;
        case 1:
            changed[at] = (uint8_t)(changed[at] ^ 1u << count % 8);
            break;
        case 2: /* another page */
            memcpy(changed + page * PAGE, base.whole + count % (base.n / PAGE) * PAGE, PAGE);
            break;
        default:
            if (kind > 250)
                len = at;
        }
    }
    static uint8_t exact[ROOM];
    memcpy(exact, changed, len);
    (void)deck_check(span_of(exact, len), true);
    (void)deck_check(span_of(exact, len), false);
    put(changed, len);
    open_it(DECK_WHOLE, DECK_READ);
    open_it(DECK_WHOLE, DECK_POWER);
    open_it(DECK_WHOLE, DECK_POWER);
    put(changed, len);
    open_it(0, DECK_READ);
    open_it(0, DECK_POWER);
    put(changed, len);
    open_it(0, DECK_NONE); /* all of it in one transaction */
    open_it(0, DECK_PROCESS);
    /* what a deck keeps of a profile is sealed; whoever has the key may still have written nonsense */
    struct uicc_profile *p = profile_decode(span_of(data, n));
    profile_free(p);
    return 0;
}
