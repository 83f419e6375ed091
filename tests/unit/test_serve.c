/* SPDX-License-Identifier: Apache-2.0
 *
 * The serving loop against a reader driver of the test's making, over real sockets; the cards are stand-ins.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "serve.h"

enum { CARDS_MAX = 2, PATIENCE_MS = 10000 };

/* ---- the cards ---- */

struct uicc {
    atomic_int resets, commands, mute; /* mute: so many resets without ATR are still to come */
    atomic_bool powered;
};

static const uint8_t the_atr[] = {0x3B, 0x64, 0x00, 0x00, 't', 'e', 's', 't'};

size_t uicc_reset(struct uicc *card, uint8_t *atr)
{
    card->resets++;
    card->powered = true;
    if (card->mute > 0) {
        card->mute--;
        return 0;
    }
    memcpy(atr, the_atr, sizeof the_atr);
    return sizeof the_atr;
}

void uicc_power_off(struct uicc *card)
{
    card->powered = false;
}

/* Answers what it was sent; FFFFnn: the longest answer there is, less nn octets. */
size_t uicc_transmit(struct uicc *card, const uint8_t *command, size_t n, uint8_t response[UICC_RESPONSE_MAX])
{
    card->commands++;
    if (n == 3 && command[0] == 0xFF && command[1] == 0xFF) {
        n = UICC_RESPONSE_MAX - 2 - command[2];
        memset(response, 0xA5, n);
    } else {
        memcpy(response, command, n);
    }
    response[n] = card->powered ? 0x90 : 0x6F;
    response[n + 1] = 0x00;
    return n + 2;
}

/* ---- the loop, in a thread, and what it says ---- */

struct rig {
    struct uicc cards[CARDS_MAX];
    struct serve_slot slots[CARDS_MAX];
    size_t n;
    int listeners[CARDS_MAX];
    int stop[2];
    pthread_t thread;
    pthread_mutex_t lock;
    char said[1024]; /* one letter an event, with the slot's number */
    int result;
};

static void notify(void *ctx, size_t slot, enum serve_event event, const char *detail)
{
    struct rig *r = ctx;
    assert_non_null(detail);
    pthread_mutex_lock(&r->lock);
    size_t n = strlen(r->said);
    if (n + 3 < sizeof r->said)
        snprintf(r->said + n, sizeof r->said - n, "%c%zu", "CIWLM+-"[event], slot);
    pthread_mutex_unlock(&r->lock);
}

static void *serve_thread(void *arg)
{
    struct rig *r = arg;
    const struct serve_options options = {
        .slots = r->slots, .n_slots = r->n, .stop_fd = r->stop[0], .notify = notify, .ctx = r};
    r->result = serve(&options, NULL);
    return NULL;
}

static void pause_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static bool has_said(struct rig *r, const char *all)
{
    pthread_mutex_lock(&r->lock);
    bool same = strcmp(r->said, all) == 0;
    pthread_mutex_unlock(&r->lock);
    return same;
}

/* Waits until that, and nothing else, has been said since the start. */
static void expect_said(struct rig *r, const char *all)
{
    for (int ms = 0; ms < PATIENCE_MS && !has_said(r, all); ms += 5)
        pause_ms(5);
    pthread_mutex_lock(&r->lock);
    assert_string_equal(r->said, all);
    pthread_mutex_unlock(&r->lock);
}

/* A port of this machine that refuses connections until the reader is there. */
static int reserve(uint16_t *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static struct rig *rig_new(size_t n)
{
    struct rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->n = n;
    pthread_mutex_init(&r->lock, NULL);
    assert_int_equal(pipe(r->stop), 0);
    for (size_t i = 0; i < n; i++) {
        r->slots[i].card = &r->cards[i];
        r->slots[i].host = "127.0.0.1";
        r->listeners[i] = reserve(&r->slots[i].port);
    }
    return r;
}

static void rig_start(struct rig *r)
{
    assert_int_equal(pthread_create(&r->thread, NULL, serve_thread, r), 0);
}

static void rig_listen(struct rig *r)
{
    for (size_t i = 0; i < r->n; i++)
        assert_int_equal(listen(r->listeners[i], 0), 0); /* as the driver does */
}

static void rig_end(struct rig *r)
{
    assert_int_equal(write(r->stop[1], "x", 1), 1);
    pthread_join(r->thread, NULL);
    assert_int_equal(r->result, 0);
    for (size_t i = 0; i < r->n; i++) {
        assert_false(r->cards[i].powered);
        close(r->listeners[i]);
    }
    close(r->stop[0]);
    close(r->stop[1]);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* ---- the driver ---- */

static int driver_accept(struct rig *r, size_t slot)
{
    const struct timeval patience = {PATIENCE_MS / 1000, 0};
    int fd = accept(r->listeners[slot], NULL, NULL);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

static void driver_send(int fd, const void *octets, size_t n)
{
    uint8_t frame[2 + 512];
    assert_true(n <= 512);
    frame[0] = (uint8_t)(n >> 8);
    frame[1] = (uint8_t)n;
    if (n > 0)
        memcpy(frame + 2, octets, n);
    assert_int_equal(send(fd, frame, 2 + n, MSG_NOSIGNAL), 2 + n);
}

static void control(int fd, uint8_t octet)
{
    driver_send(fd, &octet, 1);
}

static size_t driver_receive(int fd, uint8_t *to)
{
    uint8_t prefix[2];
    assert_int_equal(recv(fd, prefix, 2, MSG_WAITALL), 2);
    size_t n = (size_t)prefix[0] << 8 | prefix[1];
    assert_int_equal(recv(fd, to, n, MSG_WAITALL), n);
    return n;
}

static void expect_atr(int fd)
{
    uint8_t got[65536];
    control(fd, 4);
    assert_int_equal(driver_receive(fd, got), sizeof the_atr);
    assert_memory_equal(got, the_atr, sizeof the_atr);
}

static void expect_echo(int fd, const uint8_t *apdu, size_t n)
{
    uint8_t got[65536];
    driver_send(fd, apdu, n);
    assert_int_equal(driver_receive(fd, got), n + 2);
    assert_memory_equal(got, apdu, n);
    assert_int_equal(got[n], 0x90);
}

enum { OFF = 0, ON = 1, RESET = 2 };
static const uint8_t status[] = {0x80, 0xF2, 0x00, 0x00};

/* ---- tests ---- */

static void waits_once_and_connects(void **state)
{
    (void)state;
    struct rig *r = rig_new(1);
    rig_start(r);
    expect_said(r, "W0");
    pause_ms(700); /* several attempts */
    expect_said(r, "W0");
    rig_listen(r);
    expect_said(r, "W0C0");
    int fd = driver_accept(r, 0);
    expect_atr(fd);
    rig_end(r);
    close(fd);
}

/* A power-up is counted by the card (a change of operator on trial has so many), so presence must not be one.
 */
static void presence_is_no_power_up(void **state)
{
    (void)state;
    struct rig *r = rig_new(1);
    rig_listen(r);
    rig_start(r);
    int fd = driver_accept(r, 0);
    expect_atr(fd);
    assert_int_equal(r->cards[0].resets, 1);
    control(fd, ON); /* this is the power-up that the first request for the ATR went ahead of */
    expect_atr(fd);
    assert_int_equal(r->cards[0].resets, 1);
    expect_echo(fd, status, sizeof status);
    control(fd, RESET);
    expect_atr(fd);
    assert_int_equal(r->cards[0].resets, 2);
    control(fd, OFF);
    for (int i = 0; i < 5; i++)
        expect_atr(fd);
    assert_int_equal(r->cards[0].resets, 2);
    assert_false(r->cards[0].powered);
    control(fd, ON);
    expect_atr(fd);
    assert_int_equal(r->cards[0].resets, 3);
    control(fd, ON);
    expect_atr(fd);
    assert_int_equal(r->cards[0].resets, 4);
    expect_said(r, "C0+0+0-0+0+0");
    rig_end(r);
    close(fd);
}

static void a_command_powers_an_unpowered_card(void **state)
{
    (void)state;
    struct rig *r = rig_new(1);
    rig_listen(r);
    rig_start(r);
    int fd = driver_accept(r, 0);
    expect_echo(fd, status, sizeof status);
    control(fd, OFF);
    expect_echo(fd, status, sizeof status);
    assert_int_equal(r->cards[0].resets, 2);
    rig_end(r);
    close(fd);
}

static void frames_in_single_octets(void **state)
{
    (void)state;
    struct rig *r = rig_new(1);
    rig_listen(r);
    rig_start(r);
    int fd = driver_accept(r, 0);
    const uint8_t stream[] = {0, 1, ON, 0, 1, 4, 0, 0, 0, 4, 0x80, 0xF2, 0, 0, 0, 1, 0xFF, 0, 1, 4};
    for (size_t i = 0; i < sizeof stream; i++) {
        assert_int_equal(send(fd, stream + i, 1, MSG_NOSIGNAL), 1);
        pause_ms(2);
    }
    uint8_t got[65536];
    assert_int_equal(driver_receive(fd, got), sizeof the_atr);
    assert_int_equal(driver_receive(fd, got), 6);
    assert_int_equal(driver_receive(fd, got), 3); /* the APDU of one octet */
    assert_int_equal(driver_receive(fd, got), sizeof the_atr);
    rig_end(r);
    close(fd);
}

static void the_longest_answers(void **state)
{
    (void)state;
    struct rig *r = rig_new(1);
    rig_listen(r);
    rig_start(r);
    int fd = driver_accept(r, 0);
    control(fd, ON);
    uint8_t *got = malloc(65536);
    assert_non_null(got);
    for (unsigned less = 0; less < 8; less++) {
        const uint8_t apdu[] = {0xFF, 0xFF, (uint8_t)less};
        driver_send(fd, apdu, sizeof apdu);
        size_t n = driver_receive(fd, got), whole = UICC_RESPONSE_MAX - less;
        assert_int_equal(n, whole > 65535 ? 2 : whole);
        assert_int_equal(got[n - 2], whole > 65535 ? 0x6F : 0x90);
    }
    free(got);
    rig_end(r);
    close(fd);
}

static void a_lost_reader_comes_back(void **state)
{
    (void)state;
    struct rig *r = rig_new(1);
    rig_listen(r);
    rig_start(r);
    int fd = driver_accept(r, 0);
    control(fd, ON);
    expect_echo(fd, status, sizeof status);
    const uint8_t torn[] = {0x00, 0x10,
                            0x80}; /* the rest never comes, and must not stick to the next connection */
    assert_int_equal(send(fd, torn, sizeof torn, MSG_NOSIGNAL), sizeof torn);
    close(fd);
    fd = driver_accept(r, 0);
    expect_said(r, "C0+0-0L0C0");
    expect_atr(fd);
    control(fd, ON);
    expect_echo(fd, status, sizeof status);
    expect_said(r, "C0+0-0L0C0+0");
    rig_end(r);
    close(fd);
}

static void a_peer_that_hangs_up_is_mentioned_once(void **state)
{
    (void)state;
    struct rig *r = rig_new(1);
    rig_listen(r);
    rig_start(r);
    for (int i = 0; i < 4; i++)
        close(driver_accept(r, 0));
    int fd = driver_accept(r, 0);
    expect_said(r, "C0L0");
    expect_atr(fd);
    expect_said(r, "C0L0+0C0");
    rig_end(r);
    close(fd);
}

static void an_idle_reader_is_mentioned_once(void **state)
{
    (void)state;
    struct rig *r = rig_new(1);
    rig_listen(r);
    rig_start(r);
    expect_said(r, "C0I0");
    int fd = driver_accept(r, 0);
    expect_atr(fd);
    expect_said(r, "C0I0+0");
    rig_end(r);
    close(fd);
}

static void a_mute_card_is_in_no_reader(void **state)
{
    (void)state;
    struct rig *r = rig_new(1);
    r->cards[0].mute = 3;
    rig_listen(r);
    rig_start(r);
    uint8_t octet;
    int fd = driver_accept(r, 0);
    control(fd, 4);
    assert_int_equal(recv(fd, &octet, 1, 0), 0);
    close(fd);
    fd = driver_accept(r, 0);
    control(fd, ON);
    assert_int_equal(recv(fd, &octet, 1, 0), 0);
    close(fd);
    fd = driver_accept(r, 0);
    driver_send(fd, status, sizeof status);
    assert_int_equal(recv(fd, &octet, 1, 0), 0);
    close(fd);
    fd = driver_accept(r, 0);
    expect_atr(fd);
    expect_said(r, "C0+0M0-0+0-0+0-0+0C0");
    rig_end(r);
    close(fd);
}

/* One reader that floods without reading answers, one that works. */
static void slots_do_not_wait_for_each_other(void **state)
{
    (void)state;
    struct rig *r = rig_new(2);
    rig_listen(r);
    rig_start(r);
    int deaf = driver_accept(r, 0), fd = driver_accept(r, 1);
    const struct timeval soon = {0, 200000};
    setsockopt(deaf, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon);
    control(fd, ON);
    control(deaf, ON);
    const uint8_t flood[] = {0x00, 0x03, 0xFF, 0xFF, 0x10};
    for (int i = 0; i < 2000; i++) {
        if (send(deaf, flood, sizeof flood, MSG_NOSIGNAL) < 0)
            break;
        if (i % 100 == 0)
            expect_echo(fd, status, sizeof status);
    }
    int again = driver_accept(r, 0); /* it was dropped */
    expect_atr(again);
    expect_echo(fd, status, sizeof status);
    rig_end(r);
    close(deaf);
    close(again);
    close(fd);
}

static void an_unknown_host_is_an_error(void **state)
{
    (void)state;
    struct uicc cards[2] = {0};
    const struct serve_slot slots[2] = {{.card = &cards[0], .host = "127.0.0.1", .port = 1},
                                        {.card = &cards[1], .host = "no.such.host.invalid", .port = 1}};
    size_t bad = 99;
    assert_int_equal(serve(&(struct serve_options){.slots = slots, .n_slots = 2, .stop_fd = -1}, &bad),
                     ENOENT);
    assert_int_equal(bad, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_once_and_connects),
        cmocka_unit_test(presence_is_no_power_up),
        cmocka_unit_test(a_command_powers_an_unpowered_card),
        cmocka_unit_test(frames_in_single_octets),
        cmocka_unit_test(the_longest_answers),
        cmocka_unit_test(a_lost_reader_comes_back),
        cmocka_unit_test(a_peer_that_hangs_up_is_mentioned_once),
        cmocka_unit_test(an_idle_reader_is_mentioned_once),
        cmocka_unit_test(a_mute_card_is_in_no_reader),
        cmocka_unit_test(slots_do_not_wait_for_each_other),
        cmocka_unit_test(an_unknown_host_is_an_error),
    };
    return cmocka_run_group_tests_name("serve", tests, NULL, NULL);
}
