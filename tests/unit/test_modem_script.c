/* SPDX-License-Identifier: Apache-2.0
 *
 * Scenarios: what they do, and that they fail where they must; the event loop beneath.
 */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "modem_play.h"
#include "modem_script.h"

static struct script *script(struct play *p)
{
    const struct script_world world = {p->modem, p->loop, p->network, &p->battery, NULL, NULL, 5000};
    struct script *s = script_new(&world);
    assert_non_null(s);
    return s;
}

static void plays(struct script *s, const char *text)
{
    struct script_error error;
    if (!script_play(s, "x", text, &error))
        fail_msg("%s", error.text);
}

static void fails(struct script *s, const char *text, const char *words)
{
    struct script_error error;
    if (script_play(s, "x", text, &error))
        fail_msg("played: %s", text);
    if (strstr(error.text, words) == NULL || strchr(error.text, '\n') != NULL)
        fail_msg("'%s' does not say '%s'", error.text, words);
}

static void test_statements(void **state)
{
    (void)state;
    struct play p;
    play_begin(&p, "usim");
    struct script *s = script(&p);
    plays(s, "# a day in the life\n"
             "power on\n"
             "  expect card imsi=" FIXTURE_IMSI "   # comments may follow\n"
             "expect registration stat=1 plmn=00101 within 1s\n"
             "check imsi " FIXTURE_IMSI "\ncheck spn soft*\ncheck operator 00101\ncheck registration 1\n"
             "refute \"card lost\" for 2min\n"
             "sms 0405812143F5000462101000000000026869 +4917\n"
             "expect \"sms in\" centre=+4917\n");
    play_end(&p);
    script_free(s);
}

static void test_sms_and_power(void **state)
{
    (void)state;
    struct play p;
    play_begin(&p, "usim");
    struct script *s = script(&p);
    plays(s, "power on\nexpect registration stat=1\n"
             "sms 0405812143F5000462101000000000026869\n"
             "expect \"sms stored\" memory=SM index=1\n"
             "send 12345 \"hello there\"\n"
             "expect \"sms out\" tpdu=01*\n"
             "air A off\nexpect registration stat=0\nair A on\nexpect registration stat=1\n"
             "power flight\nexpect registration stat=0\npower on\nexpect registration stat=1\n"
             "operator none\nexpect registration stat=0\noperator auto\nexpect registration stat=1\n"
             "apdu 80F2000C00 9000\napdu 00A40004023F00 61..\napdu 00A40004023F00 *\n"
             "ussd *100# \"Credit: 5\"\nussd *100#\n"
             "power cycle\nexpect \"power lost\"\nexpect sim state=ready\n"
             "cut after STATUS\nwait 31s\nexpect \"card lost\"\ncheck sim 0\n"
             "power on\ncut before 3\nwait 40s\nexpect \"card lost\"\n"
             "power on\nexpect registration stat=1\npower off\nexpect sim state=off\n");
    fails(s, "power on\nexpect registration stat=1\nair A off\nsend 12345 x",
          "x:4: the message was not taken: cause 331");
    fails(s, "air B on", "there is no network 'B'");
    char line[600];
    snprintf(line, sizeof line, "network C 00103 auc %0300d", 0);
    fails(s, line, "a path of more than 255 characters");
    fails(s, "network abcdefghijklmnopqrstuvwxyz0123456789 00103", "with names of less than 32 characters");
    plays(s, "network C 00103\nair C off");
    fails(s, "sms nosuchfile", "No such file");
    fails(s, "pin 9999", "the card answers 6984 to the PIN");
    fails(s, "apdu 80F2000C00 6985", "x:1: the card answers 9000, not 6985");
    fails(s, "check imsi 999", "imsi is '" FIXTURE_IMSI "', not '999'");
    fails(s, "menu 1", "the card has set up no menu");
    fails(s, "answer ok", "the card waits for no answer");
    fails(s, "expect never within 2s", "'never' did not come within 2000 ms");
    fails(s, "ussd *999#", "does not answer");
    plays(s, "power cycle");
    fails(s, "refute reset", "'reset' came: {");
    play_end(&p);
    script_free(s);
}

/* Nothing is played when anything is no statement. */
static void test_checks_first(void **state)
{
    (void)state;
    static const struct {
        const char *line, *words;
    } wrong[] = {
        {"dance", "x:2: no statement 'dance'"},
        {"power", "'power' has 1 and not 0 words after it"},
        {"power maybe", "'maybe' is none of on, off, cycle, flight"},
        {"wait 5", "'5' is no time"},
        {"wait 5minutes", "is no time"},
        {"expect", "'expect' has 1 to 16 words"},
        {"expect x y", "'y' is no condition"},
        {"expect x within soon", "'soon' is no time"},
        {"expect x within 10 s", "'within' stands at the end, with a time in one word"},
        {"expect x within", "'within' stands at the end"},
        {"refute x for 10 s", "'for' stands at the end"},
        {"operator A", "'A' is none of auto, none, nor a network's number"},
        {"operator 0010", "'0010' is none of auto"},
        {"refute x for soon", "'soon' is no time"},
        {"cut during ENVELOPE", "'during' is none of before, after"},
        {"cut after SOMETHING", "is neither a command"},
        {"cut after FETCH 0", "'0' is no number from 1 on"},
        {"cut after 0", "is neither a command"},
        {"network B 001", "is no network's number"},
        {"network B 00102 auc", "'auc' needs a word after it"},
        {"network B 00102 act lte", "'lte' is none of gsm, utran, eutran"},
        {"network B 00102 colour blue", "'colour' is none of"},
        {"air A maybe", "'maybe' is none of on, off"},
        {"check weather fine", "'weather' is none of"},
        {"user asleep", "'asleep' is none of here, away"},
        {"answer", "'answer' has 1 to 2 words"},
        {"answer text", "'answer text' has 1 words after it"},
        {"answer louder", "'louder' is none of"},
        {"print \"open", "a quotation mark that is not closed"},
        {"print a b", "'print' has 1 and not 2 words"},
        {"print 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", "more than 16 words"},
    };
    struct play p;
    play_begin(&p, "usim");
    struct script *s = script(&p);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char text[200];
        snprintf(text, sizeof text, "power on\n%s\n", wrong[i].line);
        fails(s, text, wrong[i].words);
        assert_int_equal(modem_sim_state(p.modem), MODEM_SIM_OFF);
    }
    play_end(&p);
    script_free(s);
}

/* The user of a menu: selection by number and by text, answers of all kinds. */
static void test_user(void **state)
{
    (void)state;
    struct play p;
    play_begin(&p, "usim");
    struct script *s = script(&p);
    plays(s, "power on\nexpect registration stat=1\n");
    play_proactive(&p, 0x25, 0, 0x82,
                   "850141 8F0701"
                   "42616C616E63 8F0602"
                   "5765617468");
    fails(s, "answer result zz", "is no result");
    plays(s, "answer ok\nmenu Weath\n");
    play_told(&p, "D307 82020181 900102");
    plays(s, "menu 1\n");
    play_told(&p, "D307 82020181 900101");
    plays(s, "envelope D30782020181900102 9000\nenvelope 80C2000009D30782020181900101 90..\n");
    play_told(&p, "D307 82020181 900101");
    fails(s, "envelope D30782020181900102 6A80", "x:1: the card answers 9000, not 6A80");
    fails(s, "envelope zz", "is no envelope");
    fails(s, "menu Food", "no item that begins with 'Food'");
    play_proactive(&p, 0x22, 0x04, 0x82, "8D0104");
    plays(s, "answer yes");
    play_answered(&p, "830100 8D020401");
    play_proactive(&p, 0x22, 0x04, 0x82, "8D0104");
    plays(s, "answer no");
    play_answered(&p, "830100 8D020400");
    play_proactive(&p, 0x23, 0, 0x82, "8D0104 91020004");
    plays(s, "answer text \"a b\"");
    play_answered(&p, "830100 8D0404612062");
    play_proactive(&p, 0x23, 0, 0x82, "8D0104 91020004");
    plays(s, "answer text a@_"); /* 8.15: in the default alphabet, which is not ASCII */
    play_answered(&p, "830100 8D0404610011");
    play_proactive(&p, 0x23, 0, 0x82, "8D0104 91020004");
    plays(s, "answer text \xD0\x96");
    play_answered(&p, "830100 8D03080416");
    play_proactive(&p, 0x23, 0, 0x82, "8D0104 91020004");
    char line[400];
    snprintf(line, sizeof line, "answer text %0240d", 0);
    fails(s, line, "an answer of more than 239 characters");
    snprintf(line, sizeof line, "answer text %0239d", 0);
    plays(s, line);
    play_answered(&p, "830100 8D81F00430*");
    play_proactive(&p, 0x21, 0x80, 0x02, "8D0504 41420D43"); /* with a control character */
    plays(s, "expect proactive command=\"DISPLAY TEXT\" text=\"AB\rC\"\nanswer ok");
    play_proactive(&p, 0x21, 0x80, 0x02, "8D0708 0041009B0042"); /* U+009B is what a terminal obeys, too */
    assert_true(play_has_logged(&p, "\"text\":\"A\\u009bB\""));
    plays(s, "expect proactive text=A\xC2\x9B"
             "B\nanswer ok");
    play_proactive(&p, 0x24, 0, 0x82, "8F03054131 8F03064232");
    plays(s, "answer item B");
    play_answered(&p, "830100 900106");
    static const struct {
        const char *word, *answer;
    } answers[] = {{"end", "830110"},  {"back", "830111"},   {"nothing", "830112"},
                   {"help", "830113"}, {"refuse", "830122"}, {"result 2004", "83022004"}};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        play_proactive(&p, 0x21, 0x80, 0x02, "8D0104");
        snprintf(line, sizeof line, "answer %s", answers[i].word);
        plays(s, line);
        play_answered(&p, answers[i].answer);
    }
    plays(s, "user away");
    play_proactive(&p, 0x21, 0, 0x02, "8D0104");
    play_answered(&p, "830100");
    play_end(&p);
    script_free(s);
}

/* ---- the loop ---- */

struct ticks {
    struct loop *loop;
    struct loop_timer timer[3];
    char order[16];
    unsigned n;
};

static void first(void *ctx)
{
    struct ticks *t = ctx;
    t->order[t->n++] = 'a';
    loop_start(t->loop, &t->timer[0], 10); /* again */
}

static void second(void *ctx)
{
    struct ticks *t = ctx;
    t->order[t->n++] = 'b';
    loop_stop(t->loop, &t->timer[2]);
}

static void third(void *ctx)
{
    struct ticks *t = ctx;
    t->order[t->n++] = 'c';
}

static void last(void *ctx)
{
    loop_end(ctx);
}

static void test_loop(void **state)
{
    (void)state;
    struct ticks t = {.loop = loop_new(true)};
    struct loop_timer end = {.fire = last, .ctx = t.loop};
    t.timer[0] = (struct loop_timer){.fire = first, .ctx = &t};
    t.timer[1] = (struct loop_timer){.fire = second, .ctx = &t};
    t.timer[2] = (struct loop_timer){.fire = third, .ctx = &t};
    loop_start(t.loop, &t.timer[0], 10);
    loop_start(t.loop, &t.timer[2], 15);
    loop_start(t.loop, &t.timer[1], 15); /* set later: fires later */
    loop_start(t.loop, &end, 35);
    assert_true(loop_run(t.loop));
    assert_string_equal(t.order, "acbaa");
    assert_int_equal(loop_now(t.loop), 35);
    loop_stop(t.loop, &t.timer[0]);
    assert_true(loop_run(t.loop)); /* nothing will ever happen: it ends */
    loop_start(t.loop, &t.timer[1], 5);
    loop_start(t.loop, &t.timer[1], 50); /* anew */
    const uint64_t before = loop_now(t.loop);
    assert_true(loop_step(t.loop, 20));
    assert_int_equal(loop_now(t.loop), before + 20);
    assert_int_equal(t.n, 5);
    loop_free(t.loop);
}

struct pipes {
    struct loop *loop;
    int fds[2];
    unsigned n;
};

static void readable(void *ctx, short revents)
{
    struct pipes *p = ctx;
    char c;
    assert_true((revents & POLLIN) != 0);
    assert_int_equal(read(p->fds[0], &c, 1), 1);
    if (++p->n == 2) {
        loop_unwatch(p->loop, p->fds[0]);
        loop_end(p->loop);
    }
}

static void test_loop_descriptors(void **state)
{
    (void)state;
    for (int virtual_clock = 0; virtual_clock < 2; virtual_clock++) {
        struct pipes p = {.loop = loop_new(virtual_clock != 0)};
        assert_int_equal(pipe(p.fds), 0);
        assert_true(loop_watch(p.loop, p.fds[0], POLLIN, readable, &p));
        assert_int_equal(write(p.fds[1], "ab", 2), 2);
        assert_true(loop_run(p.loop));
        assert_int_equal(p.n, 2);
        assert_int_equal(write(p.fds[1], "c", 1), 1);
        assert_true(loop_step(p.loop, 5)); /* nobody watches */
        assert_int_equal(p.n, 2);
        close(p.fds[0]);
        close(p.fds[1]);
        loop_free(p.loop);
    }
}

static uint64_t real_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* A server that never answers makes a virtual clock wait once, not before each of its jumps. */
static void test_loop_expectation(void **state)
{
    (void)state;
    struct ticks t = {.loop = loop_new(true)};
    const uint64_t before = real_ms();
    t.timer[0] = (struct loop_timer){.fire = first, .ctx = &t};
    loop_start(t.loop, &t.timer[0], 10);
    loop_expect(t.loop, 1);
    for (unsigned i = 0; i < 8; i++)
        assert_true(loop_step(t.loop, 1000));
    assert_int_equal(t.n, 8);
    const uint64_t took = real_ms() - before; /* a while is two seconds */
    assert_true(took >= 1900 && took < 8000);
    loop_stop(t.loop, &t.timer[0]);
    loop_free(t.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statements),
        cmocka_unit_test(test_sms_and_power),
        cmocka_unit_test(test_checks_first),
        cmocka_unit_test(test_user),
        cmocka_unit_test(test_loop),
        cmocka_unit_test(test_loop_descriptors),
        cmocka_unit_test(test_loop_expectation),
    };
    return cmocka_run_group_tests_name("modem-script", tests, NULL, NULL);
}
