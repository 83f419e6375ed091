/* SPDX-License-Identifier: Apache-2.0
 *
 * The virtual terminal: power-up, PINs, registration, short messages, the card raw.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "hex.h"
#include "modem_inner.h"
#include "modem_play.h"
#include "modem_sms_socket.h"
#include "unix_socket.h"

static void read_file_of(struct play *p, uint16_t fid, uint8_t length, char hex[200])
{
    uint8_t octets[100];
    struct buf b = buf_of(octets, sizeof octets);
    const struct modem_crsm how = {.command = 0xB0, .fid = fid, .p3 = length};
    sw_t sw;
    assert_true(modem_restricted(p->modem, &how, &b, &sw));
    assert_int_equal(sw, 0x9000);
    hex_format(buf_span(&b), hex);
}

static void read_file(struct play *p, uint16_t fid, char hex[200])
{
    read_file_of(p, fid, 0, hex);
}

/* ---- power-up and registration ---- */

static void test_order_of_things(void **state)
{
    (void)state;
    struct play p;
    play_begin(&p, "usim");
    assert_int_equal(modem_sim_state(p.modem), MODEM_SIM_OFF);
    play_register(&p);
    const char *at = NULL; /* TS 102 221 14, TS 31.102 5.1.1 */
    static const char *const order[] = {
        "reset {",        "00A40004023F00", "00A40804022F05",
        "00A40804022FE2", "00A40804022F00", "00A4040410A0000000871002",
        "0020000100",     "7FFF6F05",       "7FFF6F07",
        "7FFF6FAD",       "7FFF6F38",       "7FFF6F56",
        "7FFF6F46",       "7FFF6F78",       "7FFF6F31",
        "7FFF6F7E",       "7FFF6FE3",       "7FFF6F7B",
        "\"8010000019",   "\"80F2010C00",   "sim {\"state\":\"ready\"}",
        "\"0088008122",   "7FFF6F7E",       "registration {\"stat\":1,\"plmn\":\"00101\""};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        at = play_logged(&p, at, order[i]);
    assert_string_equal(modem_imsi(p.modem), FIXTURE_IMSI);
    assert_string_equal(modem_iccid(p.modem), FIXTURE_ICCID);
    assert_string_equal(modem_imei(p.modem), "490154203237518");
    assert_string_equal(modem_imeisv(p.modem), "4901542032375142");
    assert_string_equal(modem_spn(p.modem), "softuicc");
    assert_int_equal(modem_mnc_digits(p.modem), 2);
    assert_true(modem_service(p.modem, 28));
    assert_false(modem_service(p.modem, 0));
    struct modem_app app;
    assert_true(modem_app(p.modem, 0, &app));
    assert_string_equal(app.label, "USIM");
    assert_int_equal(modem_function_set(p.modem, MODEM_OFF), MODEM_SIM_OFF);
    play_logged(&p, at, "\"80F2020C00"); /* the session is ended */
    assert_string_equal(modem_imsi(p.modem), "");
    assert_int_equal(modem_registration(p.modem), MODEM_NOT_REGISTERED);
    play_end(&p);
}

/* A card for GSM; E-UTRAN; what is kept on the card. */
static void test_keeps_location(void **state)
{
    (void)state;
    struct play p;
    char hex[200];
    play_begin(&p, "usim");
    play_register(&p);
    read_file(&p, 0x6F7E, hex);
    assert_string_equal(hex + 8, "00f1101234ff00"); /* LAI, updated */
    read_file(&p, 0x6F08, hex);
    assert_string_not_equal(hex, "07");
    assert_memory_equal(hex, "01", 2); /* KSI */
    play_operator_b(&p, NULL);
    assert_int_equal(modem_registration(p.modem), MODEM_HOME);
    struct modem_operator op;
    assert_true(modem_operator(p.modem, &op));
    assert_string_equal(op.plmn, "00101");
    assert_string_equal(op.name, "A");
    assert_int_equal(modem_location_area(p.modem), 0x1234);
    assert_true(modem_operators(p.modem, 1, &op));
    assert_int_equal(op.status, MODEM_OPERATOR_AVAILABLE);
    assert_false(modem_operators(p.modem, 2, &op));
    /* B does not know this subscriber: it asks A, who is not asked here, and says so. B is forbidden from
     * then on. */
    modem_operator_select(p.modem, "00102");
    play_pass(&p, 10);
    assert_int_equal(modem_registration(p.modem), MODEM_DENIED);
    assert_int_equal(modem_reject_cause(p.modem), 11);
    read_file(&p, 0x6F7B, hex);
    assert_memory_equal(hex, "00f120", 6);
    /* Nothing of it is left: not allowed there (TS 31.102 4.2.91, 4.2.17), and no
     * keys (TS 24.301 5.5.1.2.5) */
    read_file(&p, 0x6FE3, hex);
    assert_string_equal(hex, "ffffffffffffffffffffffff00f120fffe02");
    read_file(&p, 0x6F7E, hex);
    assert_string_equal(hex, "ffffffff00f120fffeff02");
    read_file(&p, 0x6F73, hex);
    assert_string_equal(hex, "ffffffffffffff00f120fffeff02");
    read_file(&p, 0x6F08, hex);
    assert_memory_equal(hex, "07", 2);
    modem_operator_select(p.modem, NULL);
    play_pass(&p, 10);
    assert_int_equal(modem_registration(p.modem), MODEM_HOME);
    assert_true(modem_operators(p.modem, 1, &op));
    assert_int_equal(op.status, MODEM_OPERATOR_FORBIDDEN);
    /* TS 23.122 4.4.3.1.2: one that takes it after all, when the user wants it, is not forbidden any more. */
    play_subscriber(&p, p.auc[1], 0, FIXTURE_IMSI);
    modem_operator_select(p.modem, "00102");
    play_pass(&p, 10);
    assert_int_equal(modem_registration(p.modem), MODEM_ROAMING);
    read_file(&p, 0x6F7B, hex);
    assert_memory_equal(hex, "ffffff", 6);
    assert_true(modem_operators(p.modem, 0, &op));
    assert_int_equal(op.status, MODEM_OPERATOR_AVAILABLE);
    modem_operator_select(p.modem, "");
    play_pass(&p, 10);
    assert_int_equal(modem_registration(p.modem), MODEM_NOT_REGISTERED);
    play_end(&p);
}

/* One more network that serves the card's first pair. */
static void add_network(struct play *p, const char *plmn, uint8_t act)
{
    if (p->auc[1] == NULL) {
        p->auc[1] = play_centre();
        play_subscriber(p, p->auc[1], 0, FIXTURE_IMSI);
    }
    const struct network_spec one = {.plmn = plmn, .name = "", .act = act, .area = 1, .auc = p->auc[1]};
    assert_true(network_add(p->network, &one) > 0);
}

/* An octet of a file of the USIM, by the card itself. */
static void put_octet(struct play *p, const char *fid, unsigned at, const char *hex)
{
    char select[32], update[32];
    snprintf(select, sizeof select, "00A40804047FFF%s", fid);
    snprintf(update, sizeof update, "00D6%04X01%s", at, hex);
    fixture_apdu(&p->f, "00A4040C07A0000000871002", "9000", true, __FILE__, __LINE__);
    fixture_apdu(&p->f, "0020000A083132333435363738", "9000", true, __FILE__, __LINE__);
    fixture_apdu(&p->f, select, "61*", false, __FILE__, __LINE__);
    fixture_apdu(&p->f, update, "9000", true, __FILE__, __LINE__);
}

static void test_roams(void **state)
{
    (void)state;
    struct play p;
    char hex[200];
    play_begin(&p, "usim");
    network_switch(p.network, 0, false);
    p.auc[1] = play_centre();
    play_subscriber(&p, p.auc[1], 0, FIXTURE_IMSI);
    const struct network_spec abroad = {
        .plmn = "310410", .name = "", .act = 7, .area = 0x77, .cell = 9, .auc = p.auc[1]};
    assert_int_equal(network_add(p.network, &abroad), 1);
    assert_int_equal(modem_function_set(p.modem, MODEM_FULL), MODEM_SIM_READY);
    play_pass(&p, 10);
    assert_int_equal(modem_registration(p.modem), MODEM_ROAMING);
    read_file(&p, 0x6FE3, hex); /* GUTI, TAI, updated */
    assert_memory_equal(hex, "0bf6130014", 10);
    assert_string_equal(hex + 24, "130014007700");
    play_end(&p);

    /* An MNC of two digits (EF.AD): 001-010 is not 001-01, though the IMSI goes on like that */
    play_begin(&p, "usim");
    network_switch(p.network, 0, false);
    add_network(&p, "001010", 0);
    assert_int_equal(modem_function_set(p.modem, MODEM_FULL), MODEM_SIM_READY);
    play_pass(&p, 10);
    assert_int_equal(modem_registration(p.modem), MODEM_ROAMING);
    p.modem->mnc_length_known = false; /* a card that does not say it */
    modem_operator_select(p.modem, "001010");
    modem_operator_select(p.modem, NULL);
    play_pass(&p, 10);
    assert_int_equal(modem_registration(p.modem), MODEM_HOME);
    play_end(&p);

    /* Nor if the RFU bits of that octet are set (TS 31.102 4.2.18). */
    play_begin(&p, "usim");
    put_octet(&p, "6FAD", 3, "F2");
    network_switch(p.network, 0, false);
    add_network(&p, "001010", 0);
    assert_int_equal(modem_function_set(p.modem, MODEM_FULL), MODEM_SIM_READY);
    play_pass(&p, 10);
    assert_int_equal(modem_registration(p.modem), MODEM_ROAMING);
    play_end(&p);
}

static const char *operator_of(struct play *p, uint64_t after_ms)
{
    static struct modem_operator now;
    play_pass(p, after_ms);
    return modem_operator(p->modem, &now) ? now.plmn : "";
}

/* TS 23.122 4.4.3.3.1: home again, as often as EF.HPPLMN says; to what the lists have only within the
 * country. */
static void test_goes_home(void **state)
{
    (void)state;
    enum { MINUTE = 60000 };
    struct play p;
    play_begin(&p, "usim");
    network_switch(p.network, 0, false);
    add_network(&p, "00102", 2);
    assert_int_equal(modem_function_set(p.modem, MODEM_FULL), MODEM_SIM_READY);
    assert_string_equal(operator_of(&p, 10), "00102");
    network_switch(p.network, 0, true);
    assert_string_equal(operator_of(&p, 29 * MINUTE), "00102"); /* 05: half an hour */
    assert_string_equal(operator_of(&p, 2 * MINUTE), "00101");
    assert_int_equal(modem_registration(p.modem), MODEM_HOME);
    modem_operator_select(p.modem, "00102");
    assert_string_equal(operator_of(&p, 120 * MINUTE), "00102"); /* the user wants it */
    network_switch(p.network, 0, false);
    modem_operator_select(p.modem, NULL);
    add_network(&p, "310410", 2);
    memcpy(p.modem->plmn_lists[2][0], "310410", 7);
    assert_string_equal(operator_of(&p, 10), "310410");
    network_switch(p.network, 2, false);
    modem_radio_changed(p.modem);
    assert_string_equal(operator_of(&p, 10), "00102");
    network_switch(p.network, 2, true);
    assert_string_equal(operator_of(&p, 60 * MINUTE), "00102"); /* another country's */
    add_network(&p, "00103", 2);
    memcpy(p.modem->plmn_lists[2][1], "00103", 6);
    assert_string_equal(operator_of(&p, 60 * MINUTE), "00103"); /* though that is in the air still */
    network_switch(p.network, 2, false);
    network_switch(p.network, 3, false);
    modem_radio_changed(p.modem);
    assert_string_equal(operator_of(&p, 10), "00102");
    /* Home is out of order: back to where it was, and to no other country's. */
    const struct network_spec silent = {.plmn = "00101", .name = "", .gateway = "/nonexistent/socket"};
    const int ill = network_add(p.network, &silent);
    assert_true(ill > 0);
    network_switch(p.network, 2, true);
    assert_string_equal(operator_of(&p, 31 * MINUTE), "00102");
    assert_true(play_has_logged(&p, "rejected {\"plmn\":\"00101\",\"cause\":17}"));
    network_switch(p.network, (unsigned)ill, false);
    network_switch(p.network, 2, false);

    put_octet(&p, "6F31", 0, "00");
    assert_int_equal(modem_power_cycle(p.modem), MODEM_SIM_READY);
    assert_string_equal(operator_of(&p, 10), "00102");
    network_switch(p.network, 0, true);
    assert_string_equal(operator_of(&p, 600 * MINUTE), "00102"); /* 00: never */
    put_octet(&p, "6F31", 0, "02");
    play_proactive(&p, 0x01, 0x01, 0x82, "9207013F007FFF6F31"); /* REFRESH: 02, twelve minutes */
    play_answered(&p, "830103");
    assert_string_equal(operator_of(&p, 11 * MINUTE), "00102");
    assert_string_equal(operator_of(&p, 2 * MINUTE), "00101");
    play_end(&p);
}

/* A centre behind a socket that knows everybody by one vector, whatever the card thinks of it. Its end is
 * when it is killed; where the test fails before that, an alarm. */
static pid_t play_gateway(const char *path, const char *amf)
{
    const int fd = unix_socket_listen(path, SOCK_DGRAM);
    assert_true(fd >= 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child != 0) {
        close(fd);
        return child;
    }
    alarm(120);
    for (;;) {
        char line[200], answer[300];
        struct sockaddr_un from;
        socklen_t length = sizeof from;
        const ssize_t n = recvfrom(fd, line, sizeof line - 1, 0, (struct sockaddr *)&from, &length);
        if (n < 0)
            _exit(1);
        line[n] = '\0';
        snprintf(answer, sizeof answer,
                 "AKA-RESP-AUTH %.15s 000102030405060708090A0B0C0D0E0F 112233445566%s1122334455667788 "
                 "000102030405060708090A0B0C0D0E0F 000102030405060708090A0B0C0D0E0F 0011223344556677",
                 line + strlen("AKA-REQ-AUTH "), amf);
        (void)sendto(fd, answer, strlen(answer), 0, (struct sockaddr *)&from, length);
    }
}

/* TS 33.401 6.1.1, TS 24.301 5.4.2.6: what the terminal itself looks at before the card is asked. */
static void test_separation_bit(void **state)
{
    (void)state;
    static const struct {
        const char *amf;
        uint8_t act;
        unsigned cause;
    } rows[] = {{"0000", 7, 26}, {"7FFF", 7, 26}, {"8000", 7, 20}, {"0000", 2, 20}};
    char path[] = "/tmp/test_modem.XXXXXX", name[64];
    assert_non_null(mkdtemp(path));
    snprintf(name, sizeof name, "%s/centre", path);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct play p;
        const pid_t child = play_gateway(name, rows[i].amf);
        play_begin(&p, "usim");
        network_switch(p.network, 0, false);
        const struct network_spec home = {.plmn = "00101", .name = "", .act = rows[i].act, .gateway = name};
        assert_int_equal(network_add(p.network, &home), 1);
        assert_int_equal(modem_function_set(p.modem, MODEM_FULL), MODEM_SIM_READY);
        play_pass(&p, 10);
        assert_int_equal(modem_registration(p.modem), MODEM_DENIED);
        assert_int_equal(modem_reject_cause(p.modem), rows[i].cause);
        add_network(&p, "00102", 2); /* the next one */
        play_pass(&p, 31000);
        assert_int_equal(modem_registration(p.modem), MODEM_ROAMING);
        play_end(&p);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        assert_int_equal(unlink(name), 0);
    }
    assert_int_equal(rmdir(path), 0);

    struct play p; /* and no SIM */
    play_begin(&p, "gsm");
    network_switch(p.network, 0, false);
    add_network(&p, "00101", 7);
    assert_int_equal(modem_function_set(p.modem, MODEM_FULL), MODEM_SIM_READY);
    play_pass(&p, 10);
    assert_int_equal(modem_registration(p.modem), MODEM_DENIED);
    assert_int_equal(modem_reject_cause(p.modem), 26);
    play_end(&p);
}

static void test_no_network(void **state)
{
    (void)state;
    struct play p;
    play_begin(&p, "usim");
    network_switch(p.network, 0, false);
    assert_int_equal(modem_function_set(p.modem, MODEM_FULL), MODEM_SIM_READY);
    play_pass(&p, 10);
    assert_int_equal(modem_registration(p.modem), MODEM_NOT_REGISTERED);
    network_switch(p.network, 0, true);
    play_pass(&p, 31000); /* it looks again */
    assert_int_equal(modem_registration(p.modem), MODEM_HOME);
    network_switch(p.network, 0, false);
    modem_radio_changed(p.modem);
    assert_int_equal(modem_registration(p.modem), MODEM_SEARCHING);
    play_pass(&p, 10);
    assert_int_equal(modem_registration(p.modem), MODEM_NOT_REGISTERED);
    network_switch(p.network, 0, true);
    modem_radio_changed(p.modem);
    play_pass(&p, 10);
    assert_int_equal(modem_registration(p.modem), MODEM_HOME);
    assert_int_equal(modem_function_set(p.modem, MODEM_FLIGHT), MODEM_SIM_READY);
    assert_int_equal(modem_registration(p.modem), MODEM_NOT_REGISTERED);
    assert_int_equal(modem_function_set(p.modem, MODEM_FULL), MODEM_SIM_READY);
    play_pass(&p, 10);
    assert_int_equal(modem_registration(p.modem), MODEM_HOME);
    /* Who does not want any does not search. */
    modem_operator_select(p.modem, "");
    assert_int_equal(modem_function_set(p.modem, MODEM_FLIGHT), MODEM_SIM_READY);
    assert_int_equal(modem_function_set(p.modem, MODEM_FULL), MODEM_SIM_READY);
    assert_int_equal(modem_registration(p.modem), MODEM_NOT_REGISTERED);
    network_switch(p.network, 0, false);
    modem_radio_changed(p.modem);
    play_pass(&p, 60000);
    assert_int_equal(modem_registration(p.modem), MODEM_NOT_REGISTERED);
    play_end(&p);
}

static void test_unknown_subscriber(void **state)
{
    (void)state;
    struct play p;
    struct sealed_error error;
    char hex[200];
    play_begin(&p, "usim");
    assert_true(auc_remove(p.auc[0], FIXTURE_IMSI, AUC_CURRENT, &error));
    assert_int_equal(modem_function_set(p.modem, MODEM_FULL), MODEM_SIM_READY);
    play_pass(&p, 10);
    assert_int_equal(modem_registration(p.modem), MODEM_DENIED);
    assert_int_equal(modem_reject_cause(p.modem), 2);
    read_file(&p, 0x6F7E, hex); /* TS 24.008 4.4.4.7: roaming not allowed */
    assert_string_equal(hex, "ffffffff00f110fffeff02");
    play_subscriber(&p, p.auc[0], 0, FIXTURE_IMSI);
    play_pass(&p, 3600000); /* TS 24.008 4.4.4.7: invalid until switched off */
    assert_int_equal(modem_registration(p.modem), MODEM_DENIED);
    assert_int_equal(modem_power_cycle(p.modem), MODEM_SIM_READY);
    play_pass(&p, 10);
    assert_int_equal(modem_registration(p.modem), MODEM_HOME);
    play_end(&p);
}

static void test_wrong_key(void **state)
{
    (void)state;
    struct play p;
    struct sealed_error error;
    play_begin(&p, "usim");
    assert_true(auc_remove(p.auc[0], FIXTURE_IMSI, AUC_CURRENT, &error));
    play_subscriber(&p, p.auc[0], 1, FIXTURE_IMSI); /* pair 1's K: the card has pair 0's */
    assert_int_equal(modem_function_set(p.modem, MODEM_FULL), MODEM_SIM_READY);
    play_pass(&p, 10);
    assert_int_equal(modem_registration(p.modem), MODEM_DENIED);
    assert_int_equal(modem_reject_cause(p.modem), 20);
    const char *at = play_logged(&p, NULL, "MAC failure");
    play_logged(&p, at, "MAC failure"); /* asked once more, and no third time */
    assert_null(strstr(strstr(at, "MAC failure") + 1, "MAC failure"));
    play_end(&p);
}

/* A centre that does not answer is no reason to give up for good. */
static void test_centre_out_of_order(void **state)
{
    (void)state;
    struct play p;
    play_begin(&p, "usim");
    network_switch(p.network, 0, false);
    const struct network_spec silent = {.plmn = "00101", .name = "S", .gateway = "/nonexistent/socket"};
    assert_int_equal(network_add(p.network, &silent), 1);
    assert_int_equal(modem_function_set(p.modem, MODEM_FULL), MODEM_SIM_READY);
    play_pass(&p, 10);
    assert_int_equal(modem_registration(p.modem), MODEM_DENIED);
    assert_int_equal(modem_reject_cause(p.modem), 17); /* network failure */
    network_switch(p.network, 0, true);
    play_pass(&p, 31000);
    assert_int_equal(modem_registration(p.modem), MODEM_HOME);
    const struct network_spec wrong = {.plmn = "1", .name = ""};
    assert_int_equal(network_add(p.network, &wrong), -1);
    play_end(&p);
}

static void test_resynchronises(void **state)
{
    (void)state;
    struct play p;
    play_begin(&p, "usim");
    fixture_imsi(&p.f, (char[16]){0});
    for (unsigned i = 0; i < 32; i++) /* far ahead of the centre, with every index (TS 33.102 C.1.1.2) */
        assert_int_equal(fixture_authenticate(&p.f, 0, ((UINT64_C(1) << 20) + i) << 5 | i), 0xDB);
    uicc_power_off(p.f.card);
    assert_int_equal(modem_function_set(p.modem, MODEM_FULL), MODEM_SIM_READY);
    play_pass(&p, 10);
    assert_int_equal(modem_registration(p.modem), MODEM_HOME);
    play_logged(&p, play_logged(&p, NULL, "synch failure"), "{\"result\":\"ok\"}");
    play_end(&p);
}

static void test_class_a0(void **state)
{
    (void)state;
    struct play p;
    char hex[200];
    play_begin(&p, "gsm");
    play_register(&p);
    play_logged(&p, NULL, "class A0 {");
    play_logged(&p, NULL, "A088000010"); /* RUN GSM ALGORITHM */
    read_file_of(&p, 0x6F7E, 11, hex);
    assert_string_equal(hex + 8, "00f1101234ff00");
    play_end(&p);
}

/* K, CK, IK, Kc, PINs: none in the log, none in what the terminal keeps. */
static void test_no_secret_in_log(void **state)
{
    (void)state;
    struct play p;
    char keys[200], kc[200];
    play_begin(&p, "usim");
    play_register(&p);
    const size_t length = p.log_len;
    read_file(&p, 0x6F08, keys);
    const struct modem_crsm how = {
        .command = 0xB0, .fid = 0x4F20, .path = span_of("\x3F\x00\x7F\xFF\x5F\x3B", 6)};
    uint8_t octets[16];
    struct buf b = buf_of(octets, sizeof octets);
    sw_t sw;
    assert_true(modem_restricted(p.modem, &how, &b, &sw) && sw == SW_OK);
    hex_format(buf_span(&b), kc);
    /* By commands of the peer's own: the file selected, or by its short identifier, in class 0 and 4; and
     * keys that somebody writes. */
    static const char *const raw[] = {"00A40804047FFF6F08", "00B0000021", "00A40804047FFF5F3B", "00B0810008",
                                      "00A40004024F20",     "00B0000009", "00A40804047FFF6F07", "00B0880021",
                                      "00B0000121",         "00B0890021", "00A40804047FFF6F07", "00B0000009"};
    for (size_t i = 0; i < sizeof raw / sizeof raw[0]; i++) {
        uint8_t command_octets[16], data_octets[300];
        struct buf command = buf_of(command_octets, sizeof command_octets),
                   data = buf_of(data_octets, sizeof data_octets);
        assert_true(hex_parse(raw[i], &command, NULL) && modem_apdu(p.modem, buf_span(&command), &data, &sw));
        if (i == 1)
            assert_true(sw == SW_OK && data.len == 33);
    }
    /* Records, by identifier or as they are, of DF.5GS too; on a channel of its own;
     * after a SELECT that failed */
    static const char key[] = "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90";
    static const char *const records[] = {
        "00A40804047FFF6FE4", "00DC010436", "00B2010436",         "00A40804047FFF6F07", "00B201C436",
        "00A40804047FFF6FE4", "0070000001", "01A40804047FFF6F07", "00B2010436",         "00A40004026FFF",
        "00B2010436",         "00A40804047FFF5FC0", "00DC011C3E", "00B2011C3E",         "00DC01243E",
        "00A40004024F04",     "00B201043E",         "00D685006E", "00B085006E"};
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        uint8_t command_octets[160], data_octets[300];
        struct buf command = buf_of(command_octets, sizeof command_octets),
                   data = buf_of(data_octets, sizeof data_octets);
        assert_true(hex_parse(records[i], &command, NULL));
        const size_t length_of_data = command_octets[4];
        if (command_octets[1] == 0xDC || command_octets[1] == 0xD6) {
            assert_true(hex_parse(key, &command, NULL));
            buf_fill(&command, 0xFF, length_of_data - 32);
        }
        assert_true(modem_apdu(p.modem, buf_span(&command), &data, &sw));
        assert_true(sw >> 8 == 0x61 || sw == SW_OK || sw == 0x6A82 || (sw >> 8 == 0x6C && i > 0));
    }
    /* What AUTHENTICATE answered is fetched in pieces, and with a wrong length first. */
    uint8_t challenge[5 + 34] = {0x00, 0x88, 0x00, 0x81, 0x22, 0x10};
    struct aka_vector vector;
    fixture_challenge(&p.f, 0, UINT64_C(1) << 30, challenge + 5, &vector);
    static const char *const fetch[] = {"00C0000000", "00C0000010", "00C0000000", "00C0000025"};
    assert_true(modem_apdu(p.modem, span_of(challenge, sizeof challenge), NULL, &sw) && sw >> 8 == 0x61);
    for (size_t i = 0; i < sizeof fetch / sizeof fetch[0]; i++) {
        uint8_t command_octets[5], data_octets[300];
        struct buf command = buf_of(command_octets, sizeof command_octets),
                   data = buf_of(data_octets, sizeof data_octets);
        assert_true(hex_parse(fetch[i], &command, NULL) &&
                    modem_apdu(p.modem, buf_span(&command), &data, &sw));
        assert_true(sw >> 8 == 0x6C || sw >> 8 == 0x61 || sw == SW_OK);
    }
    play_logged(&p, p.log, "080910101032547608"); /* EF.IMSI is no secret */
    assert_true(p.log_len > length); /* +CRSM of a file with keys: what was asked is told, and no more */
    for (char *c = p.log; *c != '\0'; c++)
        *c = *c >= 'A' && *c <= 'F' ? (char)(*c + 32) : *c;
    keys[2 + 32] = '\0';
    kc[16] = '\0';
    assert_null(strstr(p.log, keys + 2));
    assert_null(strstr(p.log, kc));
    assert_null(strstr(p.log, "a1b2c3d4"));
    char ck[2 * 16 + 1];
    hex_format(span_of(vector.ck, 16), ck);
    assert_null(strstr(p.log, ck + 20)); /* the end of it is in the second piece */
    assert_int_equal(modem_pin_lock(p.modem, true, "1234"), SW_OK);
    assert_null(strstr(p.log, "31323334"));
    play_end(&p);
}

/* ---- PINs ---- */

static void test_pin(void **state)
{
    (void)state;
    struct play p;
    play_begin(&p, "usim");
    play_register(&p);
    assert_false(modem_pin_locked(p.modem));
    assert_int_equal(modem_pin_tries(p.modem, MODEM_PIN1), 3);
    assert_int_equal(modem_pin_tries(p.modem, MODEM_PIN2), 3);
    assert_int_equal(modem_pin_tries(p.modem, MODEM_PUK1), 10);
    assert_int_equal(modem_pin_lock(p.modem, true, "12a4"), SW_WRONG_DATA);
    assert_int_equal(modem_pin_lock(p.modem, true, "4321"), 0x63C2);
    assert_int_equal(modem_pin_lock(p.modem, true, "1234"), SW_OK);
    assert_true(modem_pin_locked(p.modem));
    assert_int_equal(modem_power_cycle(p.modem), MODEM_SIM_PIN);
    assert_string_equal(modem_imsi(p.modem), "");
    assert_string_equal(modem_iccid(p.modem), FIXTURE_ICCID);
    play_pass(&p, 1000);
    assert_int_equal(modem_registration(p.modem), MODEM_NOT_REGISTERED);
    assert_int_equal(modem_pin_enter(p.modem, MODEM_PIN1, "0000"), 0x63C2);
    assert_int_equal(modem_pin_enter(p.modem, MODEM_PIN1, "1234"), SW_OK);
    assert_int_equal(modem_sim_state(p.modem), MODEM_SIM_READY);
    play_pass(&p, 10);
    assert_int_equal(modem_registration(p.modem), MODEM_HOME);
    assert_int_equal(modem_pin_change(p.modem, MODEM_PIN1, "1234", "9876"), SW_OK);
    assert_int_equal(modem_power_cycle(p.modem), MODEM_SIM_PIN);
    for (unsigned left = 2; left > 0; left--)
        assert_int_equal(modem_pin_enter(p.modem, MODEM_PIN1, "1111"), 0x63C0 + left);
    modem_pin_enter(p.modem, MODEM_PIN1, "1111");
    assert_int_equal(modem_sim_state(p.modem), MODEM_SIM_PUK);
    assert_int_equal(modem_power_cycle(p.modem), MODEM_SIM_PUK);
    assert_int_equal(modem_pin_unblock(p.modem, MODEM_PIN1, "00000000", "5555"), 0x63C9);
    assert_int_equal(modem_pin_unblock(p.modem, MODEM_PIN1, "12345678", "5555"), SW_OK);
    assert_int_equal(modem_sim_state(p.modem), MODEM_SIM_READY);
    assert_int_equal(modem_pin_lock(p.modem, false, "5555"), SW_OK);
    assert_int_equal(modem_power_cycle(p.modem), MODEM_SIM_READY);
    play_end(&p);
}

/* More key references than the octet of TS 102 221 9.5.2 has bits: what comes then is enabled by none. */
static void test_many_pins(void **state)
{
    (void)state;
    struct play p;
    for (unsigned n = 7; n <= 32; n += 25) {
        uint8_t octets[200], nth[] = {0x83, 0x01, 0x81}, status[] = {0x90, 0x01, (uint8_t)(n < 8 ? 1 : 0x80)};
        struct buf b = buf_of(octets, sizeof octets);
        play_begin(&p, "usim");
        play_register(&p);
        const size_t fcp = buf_tlv_open(&b, 0x62), pins = buf_tlv_open(&b, 0xC6);
        buf_put(&b, span_of(status, sizeof status));
        for (unsigned i = 0; i < n; i++)
            buf_put(&b, span_of(nth, sizeof nth));
        nth[2] = 0x01;
        buf_put(&b, span_of(nth, sizeof nth));
        buf_tlv_close(&b, pins);
        buf_tlv_close(&b, fcp);
        assert_true(buf_ok(&b) && pin_read_state(p.modem, buf_span(&b)));
        assert_int_equal(modem_pin_locked(p.modem), n < 8);
        play_end(&p);
    }
}

/* The PIN of the configuration, right and wrong: it is never the one that blocks the card. */
static void test_own_pin(void **state)
{
    (void)state;
    struct play p;
    static const char *const pins[] = {"1234", "4321"};
    for (size_t i = 0; i < 2; i++) {
        play_begin_with(&p, "usim", (struct modem_config){.pin = pins[i]});
        assert_int_equal(modem_function_set(p.modem, MODEM_FULL), MODEM_SIM_READY);
        assert_int_equal(modem_pin_lock(p.modem, true, "1234"), SW_OK);
        assert_int_equal(modem_power_cycle(p.modem), i == 0 ? MODEM_SIM_READY : MODEM_SIM_PIN);
        assert_int_equal(modem_power_cycle(p.modem), i == 0 ? MODEM_SIM_READY : MODEM_SIM_PIN);
        assert_int_equal(modem_pin_tries(p.modem, MODEM_PIN1), i == 0 ? 3 : 2);
        play_end(&p);
    }
}

/* ---- the card, raw ---- */

static void test_raw(void **state)
{
    (void)state;
    struct play p;
    uint8_t octets[300];
    struct buf b = buf_of(octets, sizeof octets);
    sw_t sw;
    play_begin(&p, "usim");
    assert_false(modem_apdu(p.modem, span_of("\x00\xA4\x00\x04\x02\x3F\x00", 7), &b, &sw)); /* off */
    play_register(&p);
    assert_true(modem_apdu(p.modem, span_of("\x00\xA4\x00\x04\x02\x3F\x00", 7), &b, &sw));
    assert_int_equal(sw & 0xFF00, 0x6100); /* the peer's to follow */
    assert_true(modem_apdu(p.modem, span_of("\x00\xC0\x00\x00\x00", 5), &b, &sw));
    assert_int_equal(sw & 0xFF00, 0x6C00);
    /* The terminal finds its way back to the USIM. */
    char centre[22];
    assert_true(modem_sms_centre(p.modem, centre));
    assert_string_equal(centre, "+00101000001");

    b.len = 0;
    struct modem_crsm how = {.command = 0xC0, .fid = 0x6F07};
    assert_true(modem_restricted(p.modem, &how, &b, &sw));
    assert_int_equal(sw, SW_OK);
    assert_int_equal(octets[0], 0x62);
    b.len = 0;
    how =
        (struct modem_crsm){.command = 0xB2, .fid = 0x2F00, .p1 = 1, .p2 = 4, .path = span_of("\x3F\x00", 2)};
    assert_true(modem_restricted(p.modem, &how, &b, &sw));
    assert_int_equal(sw, SW_OK);
    assert_int_equal(octets[0], 0x61);
    how = (struct modem_crsm){.command = 0xD6, .fid = 0x6F07, .data = span_of("\x08", 1)};
    assert_true(modem_restricted(p.modem, &how, &b, &sw));
    assert_int_equal(sw, SW_SECURITY_STATUS);
    how = (struct modem_crsm){.command = 0xB0, .fid = 0x1234};
    assert_true(modem_restricted(p.modem, &how, &b, &sw));
    assert_int_equal(sw, SW_FILE_NOT_FOUND);
    how = (struct modem_crsm){.command = 0x20, .fid = 0x6F07}; /* not one of +CRSM's */
    assert_true(modem_restricted(p.modem, &how, &b, &sw));
    assert_int_equal(sw, SW_INS_NOT_SUPPORTED);
    play_end(&p);
}

static void test_channels(void **state)
{
    (void)state;
    struct play p;
    uint8_t octets[300];
    struct buf b = buf_of(octets, sizeof octets);
    unsigned channel = 0, other = 0;
    sw_t sw;
    struct modem_app app;
    play_begin(&p, "usim");
    play_register(&p);
    assert_true(modem_app(p.modem, 0, &app));
    assert_true(modem_channel_open(p.modem, span_of(app.aid, app.aid_len), &channel, &b, &sw));
    assert_int_equal(sw, SW_OK);
    assert_true(channel >= 1);
    assert_int_equal(octets[0], 0x62);
    b.len = 0;
    assert_true(modem_channel_apdu(p.modem, channel, span_of("\x00\xA4\x00\x04\x02\x6F\x07", 7), &b, &sw));
    assert_int_equal(sw, SW_OK);
    b.len = 0;
    assert_true(modem_channel_apdu(p.modem, channel, span_of("\x00\xB0\x00\x00\x09", 5), &b, &sw));
    assert_int_equal(sw, SW_OK);
    assert_memory_equal(octets, "\x08\x09\x10\x10\x10\x32\x54\x76\x08", 9);
    assert_true(modem_channel_open(p.modem, span_of("\xA0\x00\x00\x00\x87\x99", 6), &other, &b, &sw));
    assert_int_equal(sw, SW_FILE_NOT_FOUND); /* and no channel is left open */
    for (unsigned i = channel + 1; i < MODEM_CHANNELS; i++) {
        assert_true(modem_channel_open(p.modem, SPAN_EMPTY, &other, NULL, &sw));
        if (sw != SW_OK)
            break;
        assert_int_equal(other, i);
    }
    /* TS 102 221 10.1.1: only the channel is set; secure messaging and chaining are the command's */
    static const struct {
        unsigned channel;
        uint8_t cla, sent;
    } classes[] = {{1, 0x00, 0x01}, {1, 0x84, 0x85}, {1, 0x0C, 0x0D},  {2, 0x10, 0x12},  {1, 0xA0, 0x81},
                   {5, 0x80, 0xC1}, {5, 0x84, 0xE1}, {12, 0x14, 0x78}, {1, 0x60, 0x09}};
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        char sent[40];
        const uint8_t command[] = {classes[i].cla, 0xA4, 0x00, 0x04, 0x02, 0x6F, 0x07};
        b.len = 0;
        assert_true(
            modem_channel_apdu(p.modem, classes[i].channel, span_of(command, sizeof command), &b, &sw));
        snprintf(sent, sizeof sent, "\"%02XA40004026F07\"", classes[i].sent);
        play_logged(&p, NULL, sent);
    }
    assert_true(modem_channel_close(p.modem, channel, &sw));
    assert_int_equal(sw, SW_OK);
    assert_false(modem_channel_apdu(p.modem, channel, span_of("\x00\xB0\x00\x00\x09", 5), &b, &sw));
    assert_int_equal(sw, SW_CHANNEL_NOT_SUPPORTED);
    play_end(&p);
}

/* ---- short messages ---- */

/* "hi" in 8 bits from 12345, of this protocol and coding */
#define DELIVER(pid, dcs)                                                                                    \
    "04"                                                                                                     \
    "05"                                                                                                     \
    "81"                                                                                                     \
    "2143F5" pid dcs "62101000000000"                                                                        \
    "02"                                                                                                     \
    "6869"

struct inbox {
    unsigned stored, direct, index;
    enum modem_memory memory;
    bool takes;
};

static void stored(void *ctx, enum modem_memory memory, unsigned index)
{
    struct inbox *i = ctx;
    i->stored++;
    i->memory = memory;
    i->index = index;
}

static bool direct(void *ctx, const char *centre, struct span tpdu)
{
    struct inbox *i = ctx;
    assert_string_equal(centre, "+00101000001");
    assert_true(tpdu.n > 10);
    i->direct++;
    return i->takes;
}

/* The card's answer to ENVELOPE, replaced. */
static struct {
    struct terminal card;
    sw_t sw;
} replaced;

static bool exchange_replaced(void *ctx, struct span command, struct buf *response)
{
    struct reader r = rd_of(command);
    (void)rd_u8(&r);
    if (rd_u8(&r) != 0xC2)
        /* in brackets: exchange is a macro of the fixture */
        return (replaced.card.exchange)(ctx, command, response);
    buf_u16(response, replaced.sw);
    return true;
}

/* TS 31.111 7.1.1.1, TS 31.124 27.22.5.1: what is acknowledged. */
static void test_download_words(void **state)
{
    (void)state;
    static const struct {
        sw_t sw;
        uint8_t failure;
    } rows[] = {{0x9000, 0}, {0x6200, 0},    {0x6310, 0},    {0x63C0, 0},
                {0x6F00, 0}, {0x6A80, 0xD5}, {0x9300, 0xD4}, {0x6E00, 0xD5}};
    struct play p;
    struct play_report r;
    play_begin(&p, "usim");
    play_register(&p);
    replaced.card = p.modem->card;
    p.modem->card.exchange = exchange_replaced;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        replaced.sw = rows[i].sw;
        assert_true(play_sms(&p, DELIVER("7F", "F6"), &r));
        assert_int_equal(r.n, 1);
        if (r.failure != rows[i].failure)
            fail_msg("%04X: %02X", rows[i].sw, r.failure);
    }
    p.modem->gsm = true; /* a SIM's 6Fxx: TS 51.014 7.1.1 */
    replaced.sw = 0x6F00;
    assert_true(play_sms(&p, DELIVER("7F", "F6"), &r));
    assert_int_equal(r.failure, 0xD5);
    p.modem->gsm = false;
    p.modem->card = replaced.card;
    play_end(&p);
}

static void test_sms_in(void **state)
{
    (void)state;
    struct play p;
    struct inbox in = {0};
    struct play_report r;
    struct modem_sms sms;
    char status[200];
    play_begin(&p, "usim");
    const struct modem_user user = {.sms_stored = stored, .sms_direct = direct, .ctx = &in};
    assert_true(modem_listen(p.modem, &user));
    assert_false(play_sms(&p, DELIVER("00", "04"), &r)); /* off */
    play_register(&p);
    assert_int_equal(modem_sms_capacity(p.modem, MODEM_SM), 10);
    assert_int_equal(modem_sms_used(p.modem, MODEM_SM), 0);

    assert_true(play_sms(&p, DELIVER("00", "04"), &r)); /* no class: where the user says */
    assert_int_equal(r.n, 1);
    assert_int_equal(r.failure, 0);
    assert_int_equal(in.stored, 1);
    assert_int_equal(in.memory, MODEM_SM);
    assert_int_equal(in.index, 1);
    assert_true(modem_sms_read(p.modem, MODEM_SM, 1, &sms));
    assert_int_equal(sms.state, 0x03);
    assert_string_equal(sms.centre, "+00101000001");
    assert_int_equal(sms.tpdu_len, 18);
    assert_true(modem_sms_mark(p.modem, MODEM_SM, 1, 0x01));
    assert_true(modem_sms_read(p.modem, MODEM_SM, 1, &sms));
    assert_int_equal(sms.state, 0x01);

    assert_true(play_sms(&p, DELIVER("00", "F5"), &r)); /* class 1: the terminal's memory */
    assert_int_equal(in.memory, MODEM_ME);
    assert_int_equal(modem_sms_used(p.modem, MODEM_ME), 1);
    assert_true(
        play_sms(&p, DELIVER("00", "F6"), &r)); /* class 2 that is not for the card's applications: EF.SMS */
    assert_int_equal(in.memory, MODEM_SM);
    assert_int_equal(in.index, 2);
    in.takes = true;
    assert_true(play_sms(&p, DELIVER("00", "F4"), &r)); /* class 0: shown, not kept */
    assert_true(modem_sms_acknowledge(p.modem, 0));
    assert_int_equal(in.stored, 3);
    in.takes = false; /* TS 23.038 4: what cannot be displayed at once is treated as having no class */
    assert_true(play_sms(&p, DELIVER("00", "F4"), &r));
    assert_int_equal(in.stored, 4);
    assert_int_equal(in.memory, MODEM_SM);
    assert_true(modem_sms_delete(p.modem, MODEM_SM, in.index));
    in.stored--;
    in.direct--;
    assert_true(play_sms(&p, DELIVER("40", "04"), &r)); /* type 0: acknowledged, and that is all */
    assert_int_equal(r.failure, 0);
    assert_true(play_sms(&p, DELIVER("40", "F6"), &r)); /* of class 2, too */
    assert_int_equal(r.failure, 0);
    assert_int_equal(in.stored, 3);
    assert_int_equal(in.direct, 3);

    /* TS 23.040 9.2.3.9: type 3 takes the place of type 3 from the same sender, and of nothing else */
    assert_true(play_sms(&p, DELIVER("43", "04"), &r));
    assert_int_equal(in.index, 3);
    assert_true(play_sms(&p, DELIVER("44", "04"), &r));
    assert_int_equal(in.index, 4);
    assert_true(play_sms(&p,
                         "040581214306"
                         "43046210100000000002"
                         "6F6B",
                         &r)); /* somebody else */
    assert_int_equal(in.index, 5);
    assert_true(modem_sms_mark(p.modem, MODEM_SM, 3, 0x01));
    assert_true(play_sms(&p, DELIVER("43", "04"), &r));
    assert_int_equal(in.index, 3);
    assert_int_equal(r.failure, 0);
    assert_true(modem_sms_read(p.modem, MODEM_SM, 3, &sms));
    assert_int_equal(sms.state, 0x03);
    assert_int_equal(modem_sms_used(p.modem, MODEM_SM), 5);
    for (unsigned i = 3; i <= 5; i++)
        assert_true(modem_sms_delete(p.modem, MODEM_SM, i));
    in.stored -= 4;
    in.direct -= 4;

    in.takes = true; /* +CNMI=,2: waits for +CNMA */
    assert_true(play_sms(&p, DELIVER("00", "04"), &r));
    assert_int_equal(r.n, 0);
    assert_true(modem_sms_acknowledge(p.modem, 0));
    assert_int_equal(r.n, 1);
    assert_int_equal(r.failure, 0);
    assert_false(modem_sms_acknowledge(p.modem, 0));
    assert_true(play_sms(&p, DELIVER("00", "04"), &r));
    play_pass(&p, 16000); /* nobody acknowledges */
    assert_int_equal(r.failure, 0xFF);
    in.takes = false;

    for (unsigned i = 0; i < 8; i++) {
        assert_true(play_sms(&p, DELIVER("00", "04"), &r));
        assert_int_equal(r.failure, 0);
    }
    assert_true(play_sms(&p, DELIVER("00", "04"), &r));
    assert_int_equal(r.failure, 0xD0); /* full */
    read_file(&p, 0x6F43, status);
    assert_string_equal(status, "fffe"); /* TS 31.102 4.2.28: the flag is set when it is 0 */
    assert_true(modem_sms_delete(p.modem, MODEM_SM, 4));
    read_file(&p, 0x6F43, status);
    assert_string_equal(status, "ffff");
    const char *at = play_logged(&p, NULL, "sms memory available");
    assert_false(modem_sms_read(p.modem, MODEM_SM, 4, &sms));
    assert_true(play_sms(&p, DELIVER("00", "04"), &r));
    assert_int_equal(in.index, 4);
    assert_true(modem_sms_delete(p.modem, MODEM_SM, 4));
    assert_null(strstr(at, "sms memory available")); /* once */
    assert_true(play_sms(&p, "01", &r));             /* nothing of the network's */
    assert_int_equal(r.failure, 0xFF);
    play_end(&p);
}

struct outbox {
    unsigned n, cause;
    uint8_t tpdu[200];
    size_t length;
    char centre[22];
};

static unsigned take_submit(void *ctx, const char *centre, struct span tpdu)
{
    struct outbox *o = ctx;
    o->n++;
    memcpy(o->tpdu, tpdu.p, tpdu.n);
    o->length = tpdu.n;
    snprintf(o->centre, sizeof o->centre, "%s", centre);
    return o->cause;
}

static void test_sms_out(void **state)
{
    (void)state;
    struct play p;
    struct outbox out = {0};
    struct inbox in = {0};
    uint8_t reference = 0;
    static const uint8_t submit[] = {0x01, 0x00, 0x05, 0x81, 0x21, 0x43, 0xF5, 0x00, 0x04, 0x02, 'h', 'i'};
    static const uint8_t msisdn[28] = {[0 ... 13] = 0xFF, 0x06, 0x81, 0x21, 0x43, 0xF5, [19 ... 27] = 0xFF};
    char centre[22];
    sw_t sw;
    play_begin(&p, "usim");
    network_on_submit(p.network, take_submit, &out);
    assert_int_equal(modem_sms_submit(p.modem, NULL, span_of(submit, sizeof submit), &reference), 310);
    play_register(&p);
    assert_int_equal(modem_sms_submit(p.modem, NULL, span_of(submit, sizeof submit), &reference), 0);
    assert_string_equal(out.centre, "+00101000001");
    assert_int_equal(out.tpdu[1], reference);
    assert_true(modem_sms_centre_set(p.modem, "4912345"));
    assert_true(modem_sms_centre(p.modem, centre));
    assert_string_equal(centre, "4912345");
    out.cause = 41;
    assert_int_equal(modem_sms_submit(p.modem, NULL, span_of(submit, sizeof submit), &reference), 41);
    assert_string_equal(out.centre, "4912345");
    assert_int_equal(modem_sms_submit(p.modem, NULL, span_of("\x00\x00\x00", 3), &reference), 304);
    /* Numbers go on where the card has them (TS 23.040 9.2.3.6), FF before the first. */
    char status[200];
    assert_int_equal(reference, 1);
    read_file(&p, 0x6F43, status);
    assert_string_equal(status, "01ff");

    /* A message to its own number comes back. */
    const struct modem_crsm how = {
        .command = 0xDC, .fid = 0x6F40, .p1 = 1, .p2 = 4, .data = span_of(msisdn, sizeof msisdn)};
    assert_true(modem_restricted(p.modem, &how, NULL, &sw) && sw == SW_OK);
    const struct modem_user user = {.sms_stored = stored, .ctx = &in};
    assert_true(modem_listen(p.modem, &user));
    assert_int_equal(modem_power_cycle(p.modem), MODEM_SIM_READY);
    play_pass(&p, 10);
    assert_string_equal(modem_msisdn(p.modem), "12345");
    p.modem->sms.reference = 9; /* another terminal's */
    assert_int_equal(modem_sms_submit(p.modem, NULL, span_of(submit, sizeof submit), &reference), 0);
    assert_int_equal(reference, 2);
    play_pass(&p, 10);
    assert_int_equal(in.stored, 1);
    struct modem_sms sms;
    assert_true(modem_sms_read(p.modem, in.memory, in.index, &sms));
    assert_memory_equal(sms.tpdu, "\x04\x05\x81\x21\x43\xF5\x00\x04", 8);
    assert_memory_equal(sms.tpdu + 15, "\x02hi", 3);
    network_switch(p.network, 0, false);
    modem_radio_changed(p.modem);
    assert_int_equal(modem_sms_submit(p.modem, NULL, span_of(submit, sizeof submit), &reference), 331);
    play_end(&p);
}

/* Numbers of messages and the memory flag where the card does not take them, where there is no network to
 * tell, and where the power goes. */
static void test_sms_status(void **state)
{
    (void)state;
    struct play p;
    struct outbox out = {0};
    struct play_report r;
    uint8_t reference = 0;
    char status[200];
    sw_t sw;
    static const uint8_t submit[] = {0x01, 0x00, 0x05, 0x81, 0x21, 0x43, 0xF5, 0x00, 0x04, 0x02, 'h', 'i'};
    play_begin(&p, "usim");
    network_on_submit(p.network, take_submit, &out);
    play_register(&p);
    const unsigned capacity = modem_sms_capacity(p.modem, MODEM_SM);
    for (unsigned i = 0; i <= capacity; i++)
        assert_true(play_sms(&p, DELIVER("00", "04"), &r));
    assert_int_equal(r.failure, 0xD0);
    read_file(&p, 0x6F43, status);
    assert_string_equal(status, "fffe");
    network_switch(p.network, 0, false); /* nobody hears that there is room */
    modem_radio_changed(p.modem);
    assert_true(modem_sms_delete(p.modem, MODEM_SM, 1));
    read_file(&p, 0x6F43, status);
    assert_string_equal(status, "fffe");
    network_switch(p.network, 0, true);
    modem_radio_changed(p.modem);
    play_pass(&p, 10);
    read_file(&p, 0x6F43, status);
    assert_string_equal(status, "ffff");
    play_logged(&p, NULL, "sms memory available");

    assert_int_equal(modem_sms_submit(p.modem, NULL, span_of(submit, sizeof submit), &reference), 0);
    assert_int_equal(reference, 0);
    static const char *const commands[] = {"0020000A083132333435363738", "00A40804047FFF6F43", "0004000000"};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        uint8_t octets[20];
        struct buf apdu = buf_of(octets, sizeof octets);
        assert_true(hex_parse(commands[i], &apdu, NULL));
        assert_true(modem_apdu(p.modem, buf_span(&apdu), NULL, &sw) && (sw == SW_OK || sw >> 8 == 0x61));
    }
    for (unsigned next = 1; next < 4; next++) { /* deactivated */
        assert_int_equal(modem_sms_submit(p.modem, NULL, span_of(submit, sizeof submit), &reference), 0);
        assert_int_equal(reference, next);
        assert_int_equal(out.tpdu[1], next);
    }
    play_end(&p);
}

/* The power goes while the number of a message is kept: the message does not. */
static void test_sms_cut(void **state)
{
    (void)state;
    struct play p;
    struct outbox out = {0};
    uint8_t reference = 0;
    static const uint8_t submit[] = {0x01, 0x00, 0x05, 0x81, 0x21, 0x43, 0xF5, 0x00, 0x04, 0x02, 'h', 'i'};
    play_begin(&p, "usim");
    network_on_submit(p.network, take_submit, &out);
    play_register(&p);
    link_cut_arm(&p.battery, 1, true, 0xD6, true);
    assert_int_equal(modem_sms_submit(p.modem, "+4917", span_of(submit, sizeof submit), &reference), 310);
    assert_true(p.battery.happened);
    assert_int_equal(out.n, 0);
    play_end(&p);
}

/* An SMSC that comes after another hears nothing of what that one had delivered: the numbers are its own. */
static void test_sms_socket(void **state)
{
    (void)state;
    struct play p;
    struct sms_socket_error error;
    char path[] = "/tmp/test_modem.XXXXXX", name[64], line[300];
    play_begin(&p, "usim");
    assert_non_null(mkdtemp(path));
    snprintf(name, sizeof name, "%s/sms", path);
    struct sms_socket *s = sms_socket_open(p.modem, name, &error);
    assert_non_null(s);
    play_register(&p);
    const char *message = "DELIVER 1 +49 " DELIVER("00", "04");
    for (unsigned i = 0; i < 2; i++) {
        int one = unix_socket_connect(name, SOCK_SEQPACKET), two = -1;
        assert_true(one >= 0);
        assert_int_equal(send(one, message, strlen(message), 0), strlen(message));
        for (unsigned step = 0; step < 2; step++)
            assert_true(loop_step(p.loop, 0)); /* it is accepted, its message queued */
        if (i == 1) {
            two = unix_socket_connect(name, SOCK_SEQPACKET);
            assert_true(two >= 0);
        }
        play_pass(&p, 1000);
        ssize_t n = 0;
        bool reported = false;
        while ((n = recv(i == 0 ? one : two, line, sizeof line - 1, MSG_DONTWAIT)) > 0) {
            line[n] = '\0';
            reported = reported || strncmp(line, "REPORT 1 ", 9) == 0;
        }
        assert_int_equal(reported, i == 0);
        assert_int_equal(modem_sms_used(p.modem, MODEM_SM), i + 1); /* it was taken all the same */
        close(one);
        if (two >= 0)
            close(two);
        play_pass(&p, 10);
    }
    /* Who finds the place taken does not disturb who is there. */
    int one = unix_socket_connect(name, SOCK_SEQPACKET);
    play_pass(&p, 10);
    assert_true(recv(one, line, sizeof line, MSG_DONTWAIT) > 0);
    assert_int_equal(unix_socket_listen(name, SOCK_SEQPACKET), -1);
    assert_int_equal(errno, EADDRINUSE);
    play_pass(&p, 10);
    assert_int_equal(recv(one, line, sizeof line, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN); /* not hung up */
    close(one);
    sms_socket_close(s);
    assert_int_equal(rmdir(path), 0);
    play_end(&p);
}

/* A command packet goes to the card by ENVELOPE, its answer back in the report. */
static void test_sms_to_card(void **state)
{
    (void)state;
    struct play p;
    struct play_report r;
    char hex[400];
    play_begin(&p, "usim");
    play_register(&p);
    play_order(&p, 0, "001020000000042", "AA", hex);
    assert_true(play_sms(&p, hex, &r));
    assert_int_equal(r.n, 1);
    assert_int_equal(r.failure, 0);
    assert_memory_equal(r.data, "\x02\x71\x00", 3); /* a response packet */
    play_logged(&p, NULL, "refresh {\"mode\":4}");
    assert_string_equal(modem_imsi(p.modem), "001020000000042");
    p.busy = true;
    play_pass(&p, 10);
    play_end(&p);

    play_begin(&p, "usim"); /* busy, and a terminal that does not do it */
    play_register(&p);
    p.busy = true;
    play_order(&p, 0, "001020000000042", "AA", hex);
    assert_true(play_sms(&p, hex, &r));
    assert_int_equal(r.failure, 0xD4);
    struct span none;
    assert_true(modem_stk_preset("none", &none));
    modem_stk_profile(p.modem, none);
    p.busy = false;
    const unsigned before = p.envelopes;
    assert_int_equal(modem_power_cycle(p.modem), MODEM_SIM_READY);
    play_pass(&p, 10);
    assert_true(play_sms(&p, hex, &r));
    assert_int_equal(r.failure, 0);
    assert_int_equal(p.envelopes, before);
    assert_int_equal(modem_sms_used(p.modem, MODEM_SM), 1); /* TS 31.111 7.1.1: as any message of class 2 */
    play_end(&p);
}

static void test_card_pulled(void **state)
{
    (void)state;
    struct play p;
    uint8_t octets[16];
    struct buf b = buf_of(octets, sizeof octets);
    sw_t sw;
    play_begin(&p, "usim");
    play_register(&p);
    uicc_power_off(p.f.card);
    p.slot.card = NULL;
    assert_false(modem_apdu(p.modem, span_of("\x80\xF2\x00\x0C\x00", 5), &b, &sw));
    assert_int_equal(modem_sim_state(p.modem), MODEM_SIM_ABSENT);
    assert_int_equal(modem_registration(p.modem), MODEM_NOT_REGISTERED);
    play_logged(&p, NULL, "card lost {\"why\":\"no card is in the slot\"}");
    assert_int_equal(modem_pin_tries(p.modem, MODEM_PIN1), -1);
    assert_int_equal(modem_pin_enter(p.modem, MODEM_PIN1, "1234"), 0);
    assert_int_equal(modem_function_set(p.modem, MODEM_FULL), MODEM_SIM_ABSENT);
    p.slot.card = p.f.card;
    assert_int_equal(modem_function_set(p.modem, MODEM_FULL), MODEM_SIM_READY);
    play_pass(&p, 10);
    assert_int_equal(modem_registration(p.modem), MODEM_HOME);
    /* seen by polling, too */
    p.slot.card = NULL;
    play_pass(&p, 31000);
    assert_int_equal(modem_sim_state(p.modem), MODEM_SIM_ABSENT);
    p.slot.card = p.f.card;
    play_end(&p);
}

/* The same seed: the same life. */
static void test_repeatable(void **state)
{
    (void)state;
    char *logs[2];
    for (size_t i = 0; i < 2; i++) {
        struct play p;
        struct play_report r;
        play_begin(&p, "usim");
        play_register(&p);
        assert_true(play_sms(&p, DELIVER("00", "04"), &r));
        assert_int_equal(modem_power_cycle(p.modem), MODEM_SIM_READY);
        play_pass(&p, 100000);
        logs[i] = strdup(p.log);
        assert_non_null(logs[i]);
        play_end(&p);
    }
    assert_string_equal(logs[0], logs[1]);
    free(logs[0]);
    free(logs[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_of_things),
        cmocka_unit_test(test_keeps_location),
        cmocka_unit_test(test_roams),
        cmocka_unit_test(test_goes_home),
        cmocka_unit_test(test_separation_bit),
        cmocka_unit_test(test_no_network),
        cmocka_unit_test(test_unknown_subscriber),
        cmocka_unit_test(test_wrong_key),
        cmocka_unit_test(test_centre_out_of_order),
        cmocka_unit_test(test_resynchronises),
        cmocka_unit_test(test_class_a0),
        cmocka_unit_test(test_no_secret_in_log),
        cmocka_unit_test(test_pin),
        cmocka_unit_test(test_many_pins),
        cmocka_unit_test(test_own_pin),
        cmocka_unit_test(test_raw),
        cmocka_unit_test(test_channels),
        cmocka_unit_test(test_download_words),
        cmocka_unit_test(test_sms_in),
        cmocka_unit_test(test_sms_out),
        cmocka_unit_test(test_sms_status),
        cmocka_unit_test(test_sms_cut),
        cmocka_unit_test(test_sms_socket),
        cmocka_unit_test(test_sms_to_card),
        cmocka_unit_test(test_card_pulled),
        cmocka_unit_test(test_repeatable),
    };
    return cmocka_run_group_tests_name("modem", tests, NULL, NULL);
}
