/* SPDX-License-Identifier: Apache-2.0
 *
 * test_kill SOFTUICC [TRIALS [SEED]]: `softuicc run` killed (kill -9) while a terminal and an operator work
 * with the card, and started again. With --durability power and process, what was answered is there, what was
 * under way is there or not, counters, SQN and PIN tries never come back; with none, the card is as it was
 * when the process began, or was ended properly last. And a disk that is full, and has room again, and one
 * that is read-only.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "card_fixture.h"
#include "folder.h"
#include "hex.h"
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *softuicc;
static unsigned long trials = 90;
static uint64_t seed = 1;

struct world {
    struct fixture f; /* for its keys: there is no card in it */
    struct reader_end reader;
    char folder[256], deck[300], log[300];
    uint8_t answer[300];
    size_t n; /* of the answer; 0: the process was killed before it came */
    uint64_t until;
};

static uint32_t below(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

static int command(const char *const argv[])
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        int fd = open("/dev/null", O_WRONLY);
        dup2(fd, 1);
        dup2(fd, 2);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    if (w == NULL)
        return -1;
    if (!folder_make_on_disk(w->folder, "kill") || !reader_open(&w->reader))
        return -1;
    snprintf(w->deck, sizeof w->deck, "%s/d.uicc", w->folder);
    snprintf(w->log, sizeof w->log, "%s/log", w->folder);
    fixture_open(&w->f, "test");
    *state = w;
    return 0;
}

static void remove_deck(struct world *w)
{
    char key[320];
    snprintf(key, sizeof key, "%s.key", w->deck);
    unlink(w->deck);
    unlink(key);
}

static int tear_down(void **state)
{
    struct world *w = *state;
    remove_deck(w);
    unlink(w->log);
    int rc = rmdir(w->folder);
    reader_close(&w->reader);
    fixture_close(&w->f);
    free(w);
    return rc;
}

static void make_deck(struct world *w)
{
    const char *const argv[] = {softuicc,      "new",    w->deck,
                                "--profile",   "test",   "--iccid",
                                FIXTURE_ICCID, "--seed", "5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A",
                                NULL};
    assert_int_equal(command(argv), 0);
}

/* ---- commands ---- */

static uint16_t say(struct world *w, struct span c)
{
    w->n = reader_transmit(&w->reader, c.p, c.n, w->answer, sizeof w->answer, w->until);
    if (w->n == 2 && w->answer[0] == 0x61) {
        const uint8_t get[] = {c.p[0], 0xC0, 0, 0, w->answer[1]};
        w->n = reader_transmit(&w->reader, get, sizeof get, w->answer, sizeof w->answer, w->until);
    }
    return w->n < 2 ? 0 : (uint16_t)(w->answer[w->n - 2] << 8 | w->answer[w->n - 1]);
}

static uint16_t say_hex(struct world *w, const char *hex)
{
    uint8_t octets[300];
    struct buf b = buf_of(octets, sizeof octets);
    assert_true(hex_parse(hex, &b, NULL));
    return say(w, buf_span(&b));
}

/* ---- what is known of the card ---- */

enum { THINGS = 3 };
enum thing { SPN, ACC, TRIES };

/* A value is `sure`, or, while a change of it was under way, `maybe`. */
struct known {
    unsigned sure, maybe;
};

struct model {
    struct known things[THINGS];
    uint64_t sqn, counter; /* the highest that were answered: never again */
    uint64_t next_sqn, next_counter;
    struct fixture_message last; /* the OTA message that was answered last */
    bool sent;
};

static unsigned octets_value(const struct world *w)
{
    return (unsigned)(w->answer[0] << 8 | w->answer[1]);
}

static void look_like(struct model *m, enum thing t, unsigned value, unsigned trial)
{
    struct known *k = &m->things[t];
    if (value != k->sure && value != k->maybe)
        fail_msg("trial %u: thing %d is %u; %u was answered, %u under way", trial, t, value, k->sure,
                 k->maybe);
    k->sure = k->maybe = value;
}

/* OTA: sets EF.ACC. */
static void ota_message(struct world *w, uint64_t counter, unsigned value, struct fixture_message *to)
{
    char script[80];
    snprintf(script, sizeof script, "00A4000C026F7800D6000002%04X", value);
    const struct fixture_ota ota = {0, 0x1619, "B00001", script, counter};
    assert_int_equal(fixture_messages(&w->f, &ota, 0, "12345", to, 1), 1);
}

/* The response status code of the answer; 0xFF: none. */
static unsigned por_status(struct world *w, uint64_t counter)
{
    struct fixture_por por = {.answered = false};
    const struct fixture_ota ota = {0, 0x1619, "B00001", "", counter};
    if (w->n <= 2)
        return 0xFF;
    fixture_open_por(&w->f, &ota, span_of(w->answer, w->n - 2), &por);
    return por.verdict == SCP80_GENUINE || por.verdict == SCP80_UNPROTECTED ? por.status : 0xFF;
}

static uint16_t authenticate(struct world *w, uint64_t sqn)
{
    struct aka_vector expected;
    uint8_t c[5 + 34] = {0x00, 0x88, 0x00, 0x81, 34};
    fixture_challenge(&w->f, 0, sqn, c + 5, &expected);
    uint16_t sw = say(w, span_of(c, sizeof c));
    return sw == 0x9000 ? w->answer[0] : sw;
}

/* Everything the card can be asked, compared with what is known. */
static void look(struct world *w, struct model *m, unsigned trial)
{
    w->until = 0;
    assert_int_equal(say_hex(w, "00A4040C07A0000000871002"), 0x9000);
    assert_int_equal(say_hex(w, "00A4000C026F46"), 0x9000);
    assert_int_equal(say_hex(w, "00B0000011"), 0x9000);
    look_like(m, SPN, octets_value(w), trial);
    for (int i = 0; i < 16; i += 2)
        assert_int_equal(w->answer[i] << 8 | w->answer[i + 1], m->things[SPN].sure);
    assert_int_equal(say_hex(w, "0020008100") & 0xFFF0, 0x63C0);
    look_like(m, TRIES, w->answer[1] & 0xF, trial);
    assert_int_equal(say_hex(w, "00A4000C026F78"), 0x9000);
    assert_int_equal(say_hex(w, "00B0000002"), 0x9000);
    look_like(m, ACC, octets_value(w), trial);
}

static void look_at_counters(struct world *w, struct model *m, unsigned trial)
{
    if (m->sqn > 0 && authenticate(w, m->sqn) != 0xDC)
        fail_msg("trial %u: SQN %llu is accepted a second time", trial, (unsigned long long)m->sqn);
    if (!m->sent)
        return;
    (void)say(w, span_of(m->last.apdu, m->last.n));
    if (por_status(w, m->counter) != SCP80_CNTR_LOW)
        fail_msg("trial %u: counter %llu is accepted a second time (%02x)", trial,
                 (unsigned long long)m->counter, por_status(w, m->counter));
}

/* Works with the card until the time is up. */
static void work(struct world *w, struct model *m, unsigned stamp)
{
    struct fixture_message message;
    char hex[80];
    for (;; stamp++) {
        stamp = stamp % 60000 + 1;
        if (say_hex(w, "00A4040C07A0000000871002") == 0 || say_hex(w, "0020000A083132333435363738") == 0 ||
            say_hex(w, "00A4000C026F46") == 0)
            return;
        int n = snprintf(hex, sizeof hex, "00D6000010");
        for (int i = 0; i < 8; i++)
            n += snprintf(hex + n, sizeof hex - (size_t)n, "%04X", stamp);
        m->things[SPN].maybe = stamp;
        uint16_t sw = say_hex(w, hex);
        if (sw == 0)
            return;
        assert_int_equal(sw, 0x9000);
        m->things[SPN].sure = stamp;

        uint64_t sqn = m->next_sqn += 32;
        sw = authenticate(w, sqn);
        if (sw == 0)
            return;
        assert_int_equal(sw, 0xDB);
        m->sqn = sqn;

        uint64_t counter = ++m->next_counter;
        ota_message(w, counter, stamp, &message);
        m->things[ACC].maybe = stamp;
        if (say(w, span_of(message.apdu, message.n)) == 0)
            return;
        assert_int_equal(por_status(w, counter), SCP80_POR_OK);
        m->things[ACC].sure = stamp;
        m->counter = counter;
        m->last = message;
        m->sent = true;

        if (m->things[TRIES].sure > 1) {
            m->things[TRIES].maybe = m->things[TRIES].sure - 1;
            if ((sw = say_hex(w, "0020008108"
                                 "35363739FFFFFFFF")) == 0)
                return;
            assert_int_equal(sw, 0x63C0 | m->things[TRIES].maybe);
            m->things[TRIES].sure = m->things[TRIES].maybe;
        } else {
            m->things[TRIES].maybe =
                3; /* right: or 0, cut between the two writes; then it is unblocked below */
            if ((sw = say_hex(w, "0020008108"
                                 "35363738FFFFFFFF")) == 0) {
                m->things[TRIES].maybe = 0x30;
                return;
            }
            assert_int_equal(sw, 0x9000);
            m->things[TRIES].sure = 3;
        }
    }
}

static const char *const durabilities[] = {"process", "power", "none"};

static void end(struct world *w, pid_t pid, int signal)
{
    int status;
    kill(pid, signal);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (signal == SIGTERM)
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    reader_eject(&w->reader);
}

static void killed(struct world *w, const char *durability, unsigned long n)
{
    bool none = strcmp(durability, "none") == 0;
    static struct model m, began;
    unsigned long commands = 0;
    make_deck(w);
    m = (struct model){.next_sqn = 32, .next_counter = 1};
    m.things[SPN] = (struct known){0x0173, 0x0173};
    m.things[ACC] = (struct known){1, 1};
    m.things[TRIES] = (struct known){3, 3};
    for (unsigned trial = 0; trial < n; trial++) {
        pid_t pid = softuicc_run(softuicc, w->deck, w->reader.port, durability, w->log);
        if (!reader_insert(&w->reader, pid))
            fail_msg("trial %u: the card does not start after a kill", trial);
        w->until = 0;
        if (trial > 0) {
            /* a right PIN at its last try, cut: three tries, the one, or none */
            if (m.things[TRIES].maybe == 0x30) {
                assert_int_equal(say_hex(w, "00A4040C07A0000000871002"), 0x9000);
                assert_int_equal(say_hex(w, "0020008100") & 0xFFF0, 0x63C0);
                unsigned left = w->answer[1] & 0xF;
                assert_true(left == 3 || left == m.things[TRIES].sure || left == 0);
                m.things[TRIES] = (struct known){left, left};
            }
            look(w, &m, trial);
            /* ADM: gives back the try that a cut inside work()'s VERIFY PIN spent; three in a row would block
             * it */
            assert_int_equal(say_hex(w, "0020000A083132333435363738"), 0x9000);
        } else {
            /* the profile's SPN has not the shape of a stamp */
            assert_int_equal(say_hex(w, "00A4040C07A0000000871002"), 0x9000);
            assert_int_equal(say_hex(w, "0020000A083132333435363738"), 0x9000);
            assert_int_equal(say_hex(w, "00A4000C026F46"), 0x9000);
            assert_int_equal(say_hex(w, "00D600001001730173017301730173017301730173"), 0x9000);
        }
        if (m.things[TRIES].sure == 0) { /* unblocked: three again */
            assert_int_equal(say_hex(w, "002C008110"
                                        "3837363534333231"
                                        "35363738FFFFFFFF"),
                             0x9000);
            m.things[TRIES] = (struct known){3, 3};
        }
        look_at_counters(w, &m, trial);
        if (none && trial == 0) { /* that much is to be on the disk */
            end(w, pid, SIGTERM);
            continue;
        }
        began = m;
        bool clean = none && trial % 4 == 3;
        w->until = microseconds() + 300 + below(12000);
        work(w, &m, trial * 600);
        commands++;
        if (clean) { /* between two commands */
            w->until = 0;
            uint8_t rest[300];
            (void)recv(w->reader.fd, rest, sizeof rest, 0);
            end(w, pid, SIGTERM);
            m.things[SPN].sure = m.things[SPN].maybe; /* what was under way was done */
            m.things[ACC].sure = m.things[ACC].maybe;
            if (m.things[TRIES].maybe != 0x30)
                m.things[TRIES].sure = m.things[TRIES].maybe;
        } else {
            end(w, pid, SIGKILL);
            if (none) {
                began.next_sqn = m.next_sqn;
                began.next_counter = m.next_counter;
                m = began;
            }
        }
    }
    print_message("# %lu kills with --durability %s\n", n, durability);
    remove_deck(w);
}

static void test_kills(void **state)
{
    for (int i = 0; i < 3; i++)
        killed(*state, durabilities[i], trials / 3);
}

/* ---- a disk of its own, of a megabyte ---- */

/* Runs in a mount namespace of its own, where the folder is a small tmpfs; takes orders through a pipe. */
static void keeper(struct world *w, int orders, int answers, uid_t uid, gid_t gid)
{
    char path[330], text[64];
    static uint8_t zeros[4096];
    pid_t pid = -1;
    bool good = unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;
    const struct {
        const char *file;
        unsigned id;
    } maps[] = {{"/proc/self/uid_map", uid}, {"/proc/self/setgroups", 0}, {"/proc/self/gid_map", gid}};
    for (int i = 0; good && i < 3; i++) {
        int fd = open(maps[i].file, O_WRONLY);
        int n = i == 1 ? snprintf(text, sizeof text, "deny")
                       : snprintf(text, sizeof text, "%u %u 1", maps[i].id, maps[i].id);
        good = fd >= 0 && write(fd, text, (size_t)n) == n;
        close(fd);
    }
    good = good && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", w->folder, "tmpfs", 0, "size=1m,mode=0700") == 0;
    (void)!write(answers, good ? "y" : "n", 1);
    if (!good)
        _exit(0);
    snprintf(path, sizeof path, "%s/fill", w->folder);
    char order;
    while (read(orders, &order, 1) == 1) {
        bool done = true;
        int fd;
        switch (order) {
        case 'm':
            make_deck(w);
            break;
        case 'r':
            pid = softuicc_run(softuicc, w->deck, w->reader.port, "power", NULL);
            break;
        case 'f': /* full, to the last octet */
            fd = open(path, O_WRONLY | O_CREAT, 0600);
            for (size_t n = sizeof zeros; n > 0; n /= 2)
                while (write(fd, zeros, n) > 0)
                    ;
            close(fd);
            break;
        case 'e':
            done = unlink(path) == 0;
            break;
        case 'k':
            kill(pid, SIGTERM);
            done = waitpid(pid, NULL, 0) == pid;
            break;
        case 'o':
            done = mount("tmpfs", w->folder, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=1m") == 0;
            break;
        case 'x': { /* refused, and in one line why */
            const char *const argv[] = {softuicc, "apdu", w->deck, "00A40004023F00", NULL};
            done = command(argv) == 1;
            break;
        }
        default:
            done = false;
        }
        (void)!write(answers, done ? "y" : "n", 1);
    }
    _exit(0);
}

static bool order(const int pipes[2], char what)
{
    char said = 'n';
    return write(pipes[0], &what, 1) == 1 && read(pipes[1], &said, 1) == 1 && said == 'y';
}

static uint16_t create_file(struct world *w, unsigned fid, unsigned size)
{
    char hex[100];
    snprintf(hex, sizeof hex,
             "00E0000016"
             "62148202412183"
             "02%04X"
             "8A01058B032F0602"
             "8002%04X",
             fid, size);
    return say_hex(w, hex);
}

static void test_disk(void **state)
{
    struct world *w = *state;
    int to[2], from[2];
    assert_int_equal(pipe(to), 0);
    assert_int_equal(pipe(from), 0);
    const uid_t uid = getuid();
    const gid_t gid = getgid();
    pid_t pid = fork();
    if (pid == 0) {
        close(to[1]);
        close(from[0]);
        keeper(w, to[0], from[1], uid, gid);
    }
    close(to[0]);
    close(from[1]);
    const int pipes[2] = {to[1], from[0]};
    char good = 'n';
    bool mounted = read(from[0], &good, 1) == 1 && good == 'y';
    if (mounted) {
        unsigned made = 0, refused = 0;
        assert_true(order(pipes, 'm') && order(pipes, 'r'));
        assert_true(reader_insert(&w->reader, 0));
        w->until = 0;
        assert_int_equal(say_hex(w, "0020000A083132333435363738"), 0x9000);
        assert_int_equal(create_file(w, 0x4F00, 0x2000), 0x9000);
        assert_true(order(pipes, 'f'));
        for (unsigned i = 1; i < 40 && refused < 5; i++) {
            uint16_t sw = create_file(w, 0x4F00 + i, 0x2000);
            if (sw != 0x9000) {
                assert_int_equal(sw, 0x6581);
                refused++;
                char hex[20];
                snprintf(hex, sizeof hex, "00A4000C02%04X", 0x4F00 + i);
                assert_int_equal(say_hex(w, hex), 0x6A82); /* it is not there */
            } else {
                made++;
            }
        }
        assert_int_equal(refused, 5);
        assert_int_equal(say_hex(w, "00A4000C024F00"), 0x9000); /* the card serves on */
        assert_int_equal(say_hex(w, "00B0000000"), 0x9000);
        assert_true(order(pipes, 'e'));
        for (unsigned i = 0; i < 3; i++)
            assert_int_equal(create_file(w, 0x4E00 + i, 0x1000), 0x9000); /* the disk is back */
        assert_true(order(pipes, 'k'));
        reader_eject(&w->reader);
        assert_true(order(pipes, 'r'));
        assert_true(reader_insert(&w->reader, 0));
        assert_int_equal(say_hex(w, "00A4000C024E02"), 0x9000); /* and kept it */
        assert_true(order(pipes, 'k'));
        reader_eject(&w->reader);
        assert_true(order(pipes, 'o') && order(pipes, 'x'));
        print_message("# full disk: %u more files fitted, then five were refused\n", made);
    }
    close(pipes[0]);
    close(pipes[1]);
    waitpid(pid, NULL, 0);
    if (!mounted)
        print_message(
            "# no namespaces here: the full disk was not tried (test_power has every failing call)\n");
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    softuicc = argv[1];
    if (argc > 2)
        trials = strtoul(argv[2], NULL, 10);
    if (argc > 3)
        seed = strtoull(argv[3], NULL, 10);
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kills, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_disk, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
