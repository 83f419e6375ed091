/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a card's secrets are. A process runs a card in a deck and has it do everything that uses keys and
 * PINs; after each command all memory that the process can write is searched for every K, OPc, OTA key, PIN,
 * PUK, CK, IK and for the seed, and whatever is freed is searched as it goes. They may be in the card's
 * objects and nowhere else: not on the stack, not in other heap, not in what was freed, not in a trace, not
 * in the deck's file.
 *
 * The secrets, and the commands that are made with them, come from another process, which ends before: here
 * they are kept masked, so that the search does not find what searches.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "card.h"
#include "card_fixture.h"
#include "deck.h"
#include "folder.h"
#include "hex.h"
#include "scp.h"
#include "trace.h"

#include <fcntl.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED                                                                                            \
    0 /* with it there is memory that is nobody's, and too much of it: what is freed is searched all the     \
         same */
#endif

enum { SECRETS_MAX = 160, COMMANDS_MAX = 120, WINDOW = 8, MASK = 0xA5, CHUNK = 1 << 16 };

#define PROFILE                                                                                              \
    "format: 1\ninclude: usim\nname: secrets\npairs:\n"                                                      \
    "  - algorithm: milenage\n    k: derived\n    opc: derived\n    sqn: {ind-bits: 5, delta: 268435456, "   \
    "age: 0}\n"                                                                                              \
    "    ota:\n      version: 1\n      kic: {algorithm: aes, bits: 128, key: derived}\n"                     \
    "      kid: {algorithm: aes, bits: 128, mac: 8, key: derived}\n      kik: {bits: 128, key: derived}\n"   \
    "    rights: [remote-change, admin, replace-keys]\n    repeat: 3\n"

struct secret {
    char name[24];
    uint8_t masked[32];
    size_t n;
};

struct command_made {
    uint8_t octets[261]; /* n 0: reset */
    size_t n;
};

/* What the other process hands over. */
struct handed {
    struct secret secrets[SECRETS_MAX];
    size_t n_secrets;
    struct command_made commands[COMMANDS_MAX];
    size_t n_commands;
    uint8_t masked_seed[16];
    uint8_t masked_pins[3][8], masked_puks[3][8];
};
static struct handed handed;

/* ---- searching ---- */

static struct {
    uint8_t first[256]; /* is this the first octet of a window that is looked for? */
    volatile unsigned long found, freed;
    const char *where;
    char said[2000];
    size_t said_n;
    volatile bool watching; /* the compiler knows free, and not that it is wrapped */
} search;

static void say(const char *secret, const char *what, unsigned long at)
{
    search.found++;
    int n = snprintf(search.said + search.said_n, sizeof search.said - search.said_n,
                     "\n  %s: %s in %s at %lx", search.where, secret, what, at);
    if (n > 0 && search.said_n + (size_t)n < sizeof search.said)
        search.said_n += (size_t)n;
}

/* Windows of eight octets of every secret, at steps of four: a copy of half a key is one too. */
__attribute__((no_sanitize("address"))) static const struct secret *window_at(const volatile uint8_t *p)
{
    for (size_t i = 0; i < handed.n_secrets; i++) {
        const struct secret *s = &handed.secrets[i];
        for (size_t at = 0; at + WINDOW <= s->n; at += 4) {
            size_t k = 0;
            while (k < WINDOW && (uint8_t)(p[k] ^ MASK) == s->masked[at + k])
                k++;
            if (k == WINDOW)
                return s;
        }
    }
    return NULL;
}

static void prepare_search(void)
{
    memset(search.first, 0, sizeof search.first);
    for (size_t i = 0; i < handed.n_secrets; i++)
        for (size_t at = 0; at + WINDOW <= handed.secrets[i].n; at += 4)
            search.first[handed.secrets[i].masked[at] ^ MASK] = 1;
}

/* ---- what is freed ---- */

void __real_free(void *p);
void __wrap_free(void *p);
void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);

__attribute__((no_sanitize("address"))) static void look_into(const volatile uint8_t *p, const char *what)
{
    size_t n = malloc_usable_size((void *)(uintptr_t)p);
    search.freed++;
    for (size_t i = 0; i + WINDOW <= n; i++) {
        const struct secret *s = search.first[p[i]] ? window_at(p + i) : NULL;
        if (s != NULL) {
            say(s->name, what, (unsigned long)n);
            return;
        }
    }
}

void __wrap_free(void *p)
{
    if (search.watching && p != NULL)
        look_into(p, "freed memory of the length");
    __real_free(p);
}

void *__wrap_realloc(void *p, size_t n)
{
    if (search.watching && p != NULL)
        look_into(p, "memory given to realloc, of the length"); /* it may move */
    return __real_realloc(p, n);
}

/* ---- live memory ---- */

struct range {
    uintptr_t from, to;
    char what[64];
};

static bool home(const struct uicc *card, uintptr_t at)
{
    size_t cursor = 0;
    uint32_t id;
    struct span value;
    while (card != NULL && objects_each(card->objects, &cursor, &id, &value))
        if (value.n > 0 && at >= (uintptr_t)value.p && at < (uintptr_t)value.p + value.n)
            return id >> 24 == OBJECT_PIN || id >> 24 == OBJECT_APPLET;
    return false;
}

static void look_at_memory(const struct uicc *card)
{
    static uint8_t chunk[CHUNK + WINDOW];
    struct range ranges[200];
    size_t n_ranges = 0;
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "re");
    int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    assert_true(maps != NULL && mem >= 0);
    while (fgets(line, sizeof line, maps) != NULL && n_ranges < 200) {
        unsigned long from, to;
        char rights[8], name[200] = "";
        if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %199s", &from, &to, rights, name) >= 3 &&
            rights[1] == 'w' && rights[3] == 'p') {
            ranges[n_ranges].from = from;
            ranges[n_ranges].to = to;
            snprintf(ranges[n_ranges++].what, sizeof ranges[0].what, "%.60s",
                     name[0] != '\0' ? name : "(no name)");
        }
    }
    (void)fclose(maps);
    for (size_t r = 0; r < n_ranges; r++)
        for (uintptr_t at = ranges[r].from; at < ranges[r].to; at += CHUNK) {
            size_t want = ranges[r].to - at;
            want = want < CHUNK + WINDOW ? want : CHUNK + WINDOW;
            ssize_t n = pread(mem, chunk, want, (off_t)at);
            for (ssize_t i = 0; i + WINDOW <= n && i < CHUNK; i++) {
                uintptr_t here = at + (uintptr_t)i;
                const struct secret *s = search.first[chunk[i]] ? window_at(chunk + i) : NULL;
                if (s != NULL && !home(card, here) &&
                    !(here >= (uintptr_t)chunk && here < (uintptr_t)chunk + sizeof chunk))
                    say(s->name, ranges[r].what, (unsigned long)(ranges[r].to - here));
            }
        }
    memset(chunk, 0, sizeof chunk);
    close(mem);
}

/* ---- traces ---- */

static void look_at_text(const uint8_t *p, size_t n, const char *what)
{
    static uint8_t octets[1 << 16];
    for (size_t i = 0; i + WINDOW <= n; i++) {
        const struct secret *s = search.first[p[i]] ? window_at(p + i) : NULL;
        if (s != NULL) {
            say(s->name, what, (unsigned long)i);
            return;
        }
    }
    for (size_t odd = 0; odd < 2; odd++) { /* and as hexadecimal digits, from either nibble */
        size_t m = 0;
        for (size_t i = odd; i + 1 < n && m < sizeof octets; i += 2) {
            unsigned v;
            const char two[3] = {(char)p[i], (char)p[i + 1], '\0'};
            octets[m++] = sscanf(two, "%2x", &v) == 1 ? (uint8_t)v : 0;
        }
        for (size_t i = 0; i + WINDOW <= m; i++) {
            const struct secret *s = search.first[octets[i]] ? window_at(octets + i) : NULL;
            if (s != NULL) {
                say(s->name, what, (unsigned long)i);
                break;
            }
        }
        memset(octets, 0, m);
    }
}

static void traced(void *ctx, const struct uicc_trace_event *e)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    struct trace_text t = {.out = f};
    (void)ctx;
    trace_text_event(&t, e);
    (void)fclose(f);
    look_at_text((const uint8_t *)text, n, "a trace");
    if (e->command_len > 0)
        look_at_text(e->command, e->command_len, "a trace event's command");
    if (e->response_len > 0)
        look_at_text(e->response, e->response_len, "a trace event's response");
    free(text);
}

/* ---- the other process: keys, and commands made with them ---- */

static void add_secret(struct handed *h, const char *name, unsigned i, const uint8_t *p, size_t n)
{
    if (n < WINDOW)
        return;
    assert_true(h->n_secrets < SECRETS_MAX);
    struct secret *s = &h->secrets[h->n_secrets++];
    snprintf(s->name, sizeof s->name, "%.16s %u", name, i);
    s->n = n;
    for (size_t k = 0; k < n; k++)
        s->masked[k] = p[k] ^ MASK;
}

static void add_keyset(struct handed *h, unsigned i, const struct keyset *k)
{
    add_secret(h, "KIc", i, k->kic, k->kic_len);
    add_secret(h, "KID", i, k->kid, k->kid_len);
    add_secret(h, "KIK", i, k->kik, k->kik_len);
}

static void add(struct handed *h, const char *hex)
{
    assert_true(h->n_commands < COMMANDS_MAX);
    struct command_made *c = &h->commands[h->n_commands++];
    struct buf b = buf_of(c->octets, sizeof c->octets);
    assert_true(hex_parse(hex, &b, NULL));
    c->n = b.len;
}

static void add_pin(struct handed *h, const char *header, const uint8_t *first, const uint8_t *second)
{
    char hex[60], one[17], two[17] = "";
    hex_format(span_of(first, 8), one);
    if (second != NULL)
        hex_format(span_of(second, 8), two);
    snprintf(hex, sizeof hex, "%s%s%s%s", header, second != NULL ? "10" : "08", one, two);
    add(h, hex);
}

static void add_ota(struct handed *h, struct fixture *f, unsigned pair, const char *tar, const char *script,
                    bool spoil)
{
    struct fixture_message m[8];
    const struct fixture_ota ota = {pair, 0x1619, tar, script, 0};
    size_t n = fixture_messages(f, &ota, (uint8_t)f->counter, "12345", m, 8);
    for (size_t i = 0; i < n; i++) {
        struct command_made *c = &h->commands[h->n_commands++];
        assert_true(h->n_commands < COMMANDS_MAX);
        memcpy(c->octets, m[i].apdu, m[i].n);
        c->n = m[i].n;
        if (spoil)
            c->octets[c->n - 1] ^= 1;
    }
}

static void add_aka(struct handed *h, struct fixture *f, unsigned pair, uint64_t sqn, uint8_t p2, bool spoil)
{
    struct aka_vector v;
    uint8_t c[5 + 34] = {0x00, 0x88, 0x00, p2, 34};
    static const uint8_t challenge[16] = "fedcba987654321";
    fixture_challenge_of(f, pair, sqn, challenge, c + 5, &v);
    if (p2 == 0x80) {
        c[4] = 17;
    } else if (spoil) { /* what the MAC should have been is what a forger wants to know */
        add_secret(h, "MAC", pair, c + 31, 8);
        c[38] ^= 1;
    }
    if (sqn == 32) {
        add_secret(h, "CK", pair, v.ck, 16);
        add_secret(h, "IK", pair, v.ik, 16);
    }
    struct command_made *m = &h->commands[h->n_commands++];
    m->n = p2 == 0x80 ? 22 : sizeof c;
    memcpy(m->octets, c, m->n);
}

static void key_field(struct handed *h, struct fixture *f, const struct keyset *kek, unsigned which,
                      struct buf *out)
{
    uint8_t key[16];
    for (unsigned i = 0; i < 16; i++)
        key[i] = (uint8_t)(0x51 + which * 37 + i * 29 + i * i);
    add_secret(h, "key put", which, key, 16);
    fixture_key_field(f, kek, key, sizeof key, false, out);
}

static void add_secured(struct handed *h, struct fixture *f, struct scp_session *s, const char *header,
                        struct span data)
{
    uint8_t head[4];
    struct buf b = buf_of(head, sizeof head),
               out = buf_of(h->commands[h->n_commands].octets, sizeof h->commands[0].octets);
    assert_true(hex_parse(header, &b, NULL) && scp_command_wrap(f->crypto, s, head, data, &out));
    h->commands[h->n_commands++].n = out.len;
}

/* A session with the issuer's security domain, whose challenge can be known beforehand (SCP03, i = 70): keys
 * are put, used, and put again for a domain below. */
static void add_domain(struct handed *h, struct fixture *f)
{
    static const uint8_t aid[] = {0xA0, 0, 0, 1, 0x51, 0, 0, 0}, host[] = {1, 2, 3, 4, 5, 6, 7, 8},
                         status[] = {0x4F, 0}, keys_deleted[] = {0xD2, 1, 0x3A};
    struct profile_keyset set = {0};
    struct scp_keys keys = {.len = 16};
    struct scp_session s;
    uint8_t card[8], cryptogram[16], fresh[16], encrypted[16], data[100];
    for (unsigned i = 0; i < f->profile->p.n_keysets && set.keys.version != 0x30; i++)
        assert_true(personal_keyset(f->crypto, &f->profile->p, span_of(f->seed, 16), FIXTURE_ICCID, i, &set));
    memcpy(keys.enc, set.keys.kic, 16);
    memcpy(keys.mac, set.keys.kid, 16);
    memcpy(keys.dek, set.keys.kik, 16);
    for (uint8_t round = 1; round <= 2; round++) {
        const uint8_t sequence[3] = {0, 0, round}, level = round == 1 ? 0x33 : 0x01;
        char header[9];
        assert_true(scp03_challenge(f->crypto, &keys, sequence, span_of(aid, sizeof aid), card, 8));
        assert_true(scp03_begin(f->crypto, &keys, host, card, 8, &s) &&
                    scp_cryptogram(f->crypto, &s, SCP_HOST, cryptogram));
        add(h, "00A4040008A000000151000000");
        add(h, "80503000080102030405060708");
        snprintf(header, sizeof header, "8082%02x00", level);
        add_secured(h, f, &s, header, span_of(cryptogram, 8));
        s.level = level;
        add_secured(h, f, &s, "80F28002", span_of(status, 2));
        struct buf b = buf_of(data, sizeof data);
        buf_u8(&b, 0x3A);
        for (unsigned i = 0; i < 3; i++) {
            static const uint8_t head[] = {0x88, 0x10};
            for (unsigned k = 0; k < 16; k++)
                fresh[k] = (uint8_t)(0x31 + 47 * k + 83 * i + 19 * round + k * k * (7 + i));
            add_secret(h, "new key of a domain", 10u * round + i, fresh, 16);
            assert_true(scp_dek_encrypt(f->crypto, &s, span_of(fresh, 16), encrypted));
            buf_put(&b, span_of(head, 2));
            buf_put(&b, span_of(encrypted, 16));
            buf_u8(&b, 0);
        }
        add_secured(h, f, &s, "80D80081", buf_span(&b));
        add(h, "80503A00080102030405060708");
        add(h, "00A4040008A000000151000000");
        assert_true(scp03_challenge(f->crypto, &keys, (const uint8_t[]){0, 0, (uint8_t)(round + 10)},
                                    span_of(aid, sizeof aid), card, 8));
        if (round == 1) { /* a wrong MAC, in the second session */
            s.mac[0] ^= 1;
            add_secured(h, f, &s, "80E40000", span_of(keys_deleted, 3));
        }
    }
}

static void make_handed(struct handed *h)
{
    struct fixture f;
    struct profile_pair pair;
    uint8_t pins[3][8] = {"739104\xFF\xFF", "8462\xFF\xFF\xFF\xFF", "\x9C\x41\x77\xE2\x18\xB3\x5F\xD6"},
            puks[3][8] = {"60318297", "51729384", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"};
    uint8_t changed[8] = "928374\xFF\xFF", octets[200];
    char hex[500], script[600];
    fixture_open_text(&f, PROFILE);
    for (int i = 0; i < 16; i++) {
        f.seed[i] = (uint8_t)(0x17 + i * 59 + i * i * 3);
        h->masked_seed[i] = f.seed[i] ^ MASK;
    }
    add_secret(h, "the seed", 0, f.seed, 16);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(personal_pair(f.crypto, &f.profile->p, span_of(f.seed, 16), FIXTURE_ICCID, i, &pair));
        add_secret(h, "K", i, pair.key.k, pair.key.k_len);
        add_secret(h, "OPc", i, pair.key.opc, pair.key.opc_len);
        add_keyset(h, i, &pair.ota);
        for (int k = 0; k < 8; k++) {
            h->masked_pins[i][k] = pins[i][k] ^ MASK;
            h->masked_puks[i][k] = puks[i][k] ^ MASK;
        }
        add_secret(h, "PIN", i, pins[i], 8);
        if (i < 2)
            add_secret(h, "PUK", i, puks[i], 8);
    }
    for (unsigned i = 0; i < f.profile->p.n_keysets; i++) {
        struct profile_keyset common;
        if (personal_keyset(f.crypto, &f.profile->p, span_of(f.seed, 16), FIXTURE_ICCID, i, &common))
            add_keyset(h, 100 + i, &common.keys);
    }
    add_secret(h, "the changed PIN", 0, changed, 8);

    add(h, "8010000014FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF");
    add(h, "00A4040C07A0000000871002");
    add_pin(h, "00280001", pins[0], NULL);
    add_pin(h, "00200001", puks[0], NULL); /* a wrong one */
    add_pin(h, "00200001", pins[0], NULL);
    add_pin(h, "00240001", pins[0], changed);
    add_pin(h, "002C0001", puks[0], changed);
    add_pin(h, "002C0001", pins[0], changed); /* a wrong PUK */
    add_pin(h, "00260001", changed, NULL);
    add_pin(h, "00280001", changed, NULL);
    add_pin(h, "00200081", pins[1], NULL);
    add_pin(h, "0020000A", pins[2], NULL);
    add(h, "00200001041234");              /* malformed */
    add_pin(h, "90200001", changed, NULL); /* a wrong class */
    add_pin(h, "00200007", changed, NULL); /* no such PIN */
    add_pin(h, "A0200001", changed, NULL);
    add_pin(h, "A0240002", pins[1], pins[1]);
    add_aka(h, &f, 0, 32, 0x81, false);
    add_aka(h, &f, 0, 32, 0x81, false); /* a replay */
    add_aka(h, &f, 0, 64, 0x81, true);
    add_aka(h, &f, 1, 64, 0x81, false); /* under another key */
    add_aka(h, &f, 0, 0, 0x80, false);
    add(h, "A0A40000027F20");
    add(h, "A08800001000112233445566778899AABBCCDDEEFF");
    add_ota(h, &f, 0, "B00001", "00A4000C026F7800D60000020004", false);
    add_ota(h, &f, 0, "B00001", "00A4000C026F7800D60000020004", true);  /* a wrong checksum */
    add_ota(h, &f, 1, "B00001", "00A4000C026F7800D60000020004", false); /* not its keys */
    add_ota(h, &f, 0, "B00001", "AE80220700A4000C026F78220500B00000020000", false);
    add_ota(h, &f, 0, "B00000",
            "00A4000C022F0600B20104FF00B20204FF00B20304FF00A4000C022F0600B20104FF00B20204FF00A4000C022F0000B2"
            "0104FF00A4000C022F0000B20104FF00A4000C022F0000B20104FF"
            "00A4000C022F0000B20104FF00A4000C022F0000B20104FF",
            false); /* in parts */
    assert_true(personal_pair(f.crypto, &f.profile->p, span_of(f.seed, 16), FIXTURE_ICCID, 0, &pair));
    struct buf data = buf_of(octets, sizeof octets);
    buf_u8(&data, 0x7A);
    for (unsigned i = 0; i < 2; i++)
        key_field(h, &f, &pair.ota, i, &data);
    hex_format(buf_span(&data), hex);
    snprintf(script, sizeof script, "80D87A81%02zx%s00C0000000", data.len, hex);
    add_ota(h, &f, 0, "BFFF3B", script, false);
    add_ota(h, &f, 0, "BFFF3B", "80CAE3000080CAE4000080CAE50000", false);
    add_ota(h, &f, 0, "BFFF3B",
            "80e2900010E10E8001018109"
            "08091020000000001000C0000000",
            false);
    add_ota(h, &f, 0, "BFFF3B",
            "80e290000DE10B8109"
            "08091020000000001000C0000000",
            false);
    add_domain(h, &f);
    add(h, "801200000B");
    add(h, "801400000C810301010482028281830100");
    h->n_commands++; /* reset */
    add(h, "00A4040C07A0000000871002");
    add_pin(h, "00200001", changed, NULL);
    add_aka(h, &f, 1, 32, 0x81, false);
    add_ota(h, &f, 1, "B00001", "00A4000C026F7800D60000020004", false);
    data = buf_of(octets, sizeof octets);
    assert_true(personal_pair(f.crypto, &f.profile->p, span_of(f.seed, 16), FIXTURE_ICCID, 1, &pair));
    buf_u8(&data, 2);
    for (unsigned i = 2; i < 5; i++)
        key_field(h, &f, &pair.ota, i, &data);
    hex_format(buf_span(&data), hex);
    snprintf(script, sizeof script, "80D80181%02zx%s00C0000000", data.len, hex);
    add_ota(h, &f, 1, "BFFF3B", script, false);
    add(h, "807800010000");
    add(h, "80F2000000");
    add(h, "807600000400010401");
    h->n_commands++;
    add(h, "80760100080011223344556677");
    for (size_t i = 0; i < h->n_commands; i++) /* PINs stand in them */
        for (size_t k = 0; k < h->commands[i].n; k++)
            h->commands[i].octets[k] ^= MASK;
    fixture_close(&f);
}

/* ---- the test ---- */

static void get_handed(void)
{
    int pipes[2], status;
    assert_int_equal(pipe(pipes), 0);
    pid_t pid = fork();
    if (pid == 0) {
        static struct handed h;
        make_handed(&h);
        for (size_t at = 0; at < sizeof h;) {
            ssize_t n = write(pipes[1], (const uint8_t *)&h + at, sizeof h - at);
            if (n <= 0)
                _exit(1);
            at += (size_t)n;
        }
        _exit(0);
    }
    close(pipes[1]);
    for (size_t at = 0; at < sizeof handed;) {
        ssize_t n = read(pipes[0], (uint8_t *)&handed + at, sizeof handed - at);
        if (n <= 0)
            fail_msg("the other process made nothing");
        at += (size_t)n;
    }
    close(pipes[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    prepare_search();
}

static void unmask(uint8_t *to, const uint8_t *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = from[i] ^ MASK;
}

/* Makes the card; what it took is wiped here, as whoever calls uicc_personalise has to. */
static void personalise(const struct uicc_config *config)
{
    static struct personal_given given;
    static uint8_t seed[16];
    memset(&given, 0, sizeof given);
    unmask(seed, handed.masked_seed, 16);
    const struct profile *p = &config->profile->p;
    static const uint8_t references[3] = {0x01, 0x81, 0x0A};
    for (int i = 0; i < p->n_pins; i++)
        for (int k = 0; k < 3; k++)
            if (p->pins[i].reference == references[k]) {
                given.pins |= 1u << i;
                unmask(given.pin[i], handed.masked_pins[k], 8);
                if (k < 2) {
                    given.puks |= 1u << i;
                    unmask(given.puk[i], handed.masked_puks[k], 8);
                }
            }
    const struct uicc_personal personal = {FIXTURE_ICCID, NULL, seed, sizeof seed, &given};
    assert_int_equal(uicc_personalise(config, &personal), UICC_OK);
    crypto_wipe(&given, sizeof given);
    crypto_wipe(seed, sizeof seed);
}

static void look(struct uicc *card, struct uicc_crypto *crypto)
{
    crypto_forget(crypto); /* keys in use have a second home, which this empties */
    if (!SANITIZED)
        look_at_memory(card);
}

static uint16_t transmit(struct uicc *card, const struct command_made *c)
{
    static uint8_t response[UICC_RESPONSE_MAX], command[sizeof c->octets];
    memcpy(command, c->octets, c->n);
    size_t n = uicc_transmit(card, command, c->n, response);
    uint16_t sw = (uint16_t)(response[n - 2] << 8 | response[n - 1]);
    uint8_t cla = command[0];
    crypto_wipe(command, sizeof command);
    crypto_wipe(response, n);
    if (sw >> 8 == 0x61 || sw >> 8 == 0x9F) {
        const uint8_t get[5] = {cla, 0xC0, 0, 0, (uint8_t)sw};
        n = uicc_transmit(card, get, 5, response);
        crypto_wipe(response, n);
    }
    return sw;
}

static void test_memory(void **state)
{
    (void)state;
    struct profile_error why;
    struct deck_error error;
    char folder[256], path[300], where[40];
    uint8_t *profile_bytes;
    size_t profile_n;
    assert_true(folder_make_on_disk(folder, "secrets"));
    snprintf(path, sizeof path, "%s/d.uicc", folder);
    get_handed();
    struct uicc_crypto *crypto = crypto_new(), *deck_crypto = crypto_new();
    struct uicc_profile *profile = profile_load_text(PROFILE, strlen(PROFILE), "secrets", &why);
    assert_non_null(profile);
    assert_true(profile_encode(&profile->p, &profile_bytes, &profile_n));
    struct deck *d = deck_create(path, span_of(profile_bytes, profile_n), deck_crypto, &error);
    assert_non_null(d);
    free(profile_bytes);
    struct uicc_store *s = deck_new_card(d, FIXTURE_ICCID, &error);
    struct uicc_env env = {.random = crypto_random, .crypto = crypto, .trace = traced};
    static struct fixture for_classes;
    fixture_open(&for_classes, "test");
    const struct uicc_config config = {&env, profile, s, for_classes.classes};
    search.where = "making";
    search.watching = true;
    personalise(&config);
    assert_true(deck_publish(d, &error));
    look(NULL, crypto);
    struct uicc *card;
    uint8_t atr[UICC_ATR_MAX];
    search.where = "opening";
    assert_int_equal(uicc_open(&config, &card), UICC_OK);
    assert_true(uicc_reset(card, atr) > 0);
    look(card, crypto);
    unsigned done = 0;
    for (size_t i = 0; i < handed.n_commands; i++) {
        struct command_made c = handed.commands[i];
        for (size_t k = 0; k < c.n; k++)
            c.octets[k] ^= MASK;
        snprintf(where, sizeof where, "command %zu, %02x%02x", i, c.n > 0 ? c.octets[0] : 0,
                 c.n > 0 ? c.octets[1] : 0);
        search.where = where;
        if (c.n == 0) {
            assert_true(uicc_reset(card, atr) > 0);
        } else {
            uint16_t sw = transmit(card, &c);
            if (getenv("SECRETS_VERBOSE") != NULL)
                print_message("# %s: %04x\n", where, sw);
            done += sw >> 8 == 0x90 || sw >> 8 == 0x91 || sw >> 8 == 0x61 || sw >> 8 == 0x9F;
        }
        crypto_wipe(&c, sizeof c);
        look(card, crypto);
    }
    search.where = "closing";
    uicc_close(card);
    look(NULL, crypto);
    store_close(s);
    deck_close(d);
    crypto_free(crypto);
    if (!SANITIZED)
        look_at_memory(NULL);
    search.watching = false;
    static uint8_t file[1 << 21];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, file, sizeof file);
    close(fd);
    assert_true(n > 0 && n < (ssize_t)sizeof file);
    search.where = "the end";
    look_at_text(file, (size_t)n, "the deck's file");
    snprintf(path, sizeof path, "%s/d.uicc.key", folder);
    unlink(path);
    path[strlen(path) - 4] = '\0';
    unlink(path);
    rmdir(folder);
    profile_free(profile);
    crypto_free(deck_crypto);
    fixture_close(&for_classes);
    print_message(
        "# %zu secrets, %zu commands of which %u were obeyed, %lu blocks freed, %zd octets of deck\n",
        handed.n_secrets, handed.n_commands, done, search.freed, n);
    assert_true(done > 34 && search.freed > 100);
    if (search.found > 0)
        fail_msg("%lu times a secret where none may be:%s", search.found, search.said);
}

/* The search does find: each kind of place, on purpose. */
static void test_search(void **state)
{
    (void)state;
    get_handed();
    search.where = "on purpose";
    volatile uint8_t *p = malloc(64); /* volatile, or the compiler sees that nobody reads it */
    for (int i = 0; i < 64; i++)
        p[i] = i >= 13 && i < 29 ? handed.secrets[3].masked[i - 13] ^ MASK : 0;
    if (!SANITIZED) {
        look_at_memory(NULL);
        assert_true(search.found > 0);
    }
    unsigned long before = search.found;
    search.watching = true;
    free((void *)(uintptr_t)p);
    search.watching = false;
    assert_true(search.found > before);
    before = search.found;
    char hex[40];
    uint8_t key[16];
    unmask(key, handed.secrets[5].masked, 16);
    hex_format(span_of(key, 16), hex + 1);
    hex[0] = ' ';
    look_at_text((const uint8_t *)hex, strlen(hex + 1) + 1, "text");
    assert_true(search.found > before);
    crypto_wipe(key, sizeof key);
    crypto_wipe(hex, sizeof hex);
    search.found = 0;
    search.said_n = 0;
}

/* OpenSSL's own, which are in a library that --wrap does not reach. */
static void *openssl_malloc(size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return malloc(n);
}

static void *openssl_realloc(void *p, size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return realloc(p, n);
}

static void openssl_free(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    free(p);
}

int main(void)
{
    if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) !=
        1) /* before its first use */
        return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_search), cmocka_unit_test(test_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
