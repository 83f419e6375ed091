/* SPDX-License-Identifier: Apache-2.0 */
#include "modem_network.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "hex.h"

enum {
    ANSWER_MS = 3000, /* what a gateway has for its answer */
    USSD_MAX = 16,
    USSD_TEXT_MAX = 183,
    AUTN_MIN = 16, /* TS 33.102 6.3.2, 6.3.7 */
    RES_MIN = 4,
};

/* TS 33.102 annex H: the separation bit is set, or no E-UTRAN may use the vector */
static const uint8_t amf[2] = {0x80, 0x00};

struct place {
    struct network_spec spec;
    char plmn[7], name[NETWORK_NAME_MAX + 1], gateway[NETWORK_GATEWAY_MAX + 1];
    bool in_air;
};

struct modem_network {
    uint64_t random; /* 0: the system's */
    struct place places[NETWORKS_MAX];
    unsigned n;
    unsigned (*submit)(void *ctx, const char *centre, struct span tpdu);
    void *submit_ctx;
    struct {
        char begins[USSD_TEXT_MAX + 1], answer[USSD_TEXT_MAX + 1];
    } ussd[USSD_MAX];
    unsigned n_ussd;
};

struct modem_network *network_new(uint64_t seed)
{
    struct modem_network *n = calloc(1, sizeof *n);
    if (n != NULL)
        n->random = seed != 0 ? (seed * UINT64_C(0xD1342543DE82EF95) | 1) : 0;
    return n;
}

void network_free(struct modem_network *n)
{
    free(n);
}

int network_add(struct modem_network *n, const struct network_spec *spec)
{
    const size_t digits = strlen(spec->plmn);
    if (n->n == NETWORKS_MAX || (digits != 0 && digits != 5 && digits != 6) ||
        strspn(spec->plmn, "0123456789") != digits || strlen(spec->name) >= sizeof n->places[0].name ||
        (spec->gateway != NULL && strlen(spec->gateway) > NETWORK_GATEWAY_MAX))
        return -1;
    struct place *p = &n->places[n->n];
    *p = (struct place){.spec = *spec, .in_air = true};
    memcpy(p->plmn, spec->plmn, digits + 1);
    memcpy(p->name, spec->name, strlen(spec->name) + 1);
    p->spec.plmn = p->plmn;
    p->spec.name = p->name;
    if (spec->gateway != NULL) {
        memcpy(p->gateway, spec->gateway, strlen(spec->gateway) + 1);
        p->spec.gateway = p->gateway;
    }
    return (int)n->n++;
}

unsigned network_count(const struct modem_network *n)
{
    return n != NULL ? n->n : 0;
}

const struct network_spec *network_at(const struct modem_network *n, unsigned nth)
{
    return n != NULL && nth < n->n ? &n->places[nth].spec : NULL;
}

bool network_in_air(const struct modem_network *n, unsigned nth)
{
    return n != NULL && nth < n->n && n->places[nth].in_air;
}

void network_switch(struct modem_network *n, unsigned nth, bool on)
{
    if (nth < n->n)
        n->places[nth].in_air = on;
}

/* ---- a centre in this process ---- */

static const uint8_t *challenge(struct modem_network *n, uint8_t octets[16])
{
    if (n->random == 0)
        return NULL;
    for (int i = 0; i < 16; i++) {
        n->random ^= n->random >> 12;
        n->random ^= n->random << 25;
        n->random ^= n->random >> 27;
        octets[i] = (uint8_t)((n->random * UINT64_C(0x2545F4914F6CDD1D)) >> 56);
    }
    return octets;
}

static enum network_answer ask_centre(struct modem_network *n, struct auc *auc, const char *imsi,
                                      bool triplet, struct network_vector *v)
{
    struct sealed_error error;
    struct auc_vector made;
    uint8_t rand[16];
    const uint8_t *given = challenge(n, rand);
    if (triplet ? !auc_triplet(auc, imsi, AUC_CURRENT, given, &made, &error)
                : !auc_vector(auc, imsi, AUC_CURRENT, amf, given, &made, &error))
        return strstr(error.text, "no IMSI") != NULL ? NETWORK_UNKNOWN_IMSI : NETWORK_OUT_OF_ORDER;
    memcpy(v->rand, made.rand, sizeof v->rand);
    memcpy(v->autn, made.autn, made.autn_len);
    v->autn_len = made.autn_len;
    memcpy(v->res, made.aka.res, made.aka.res_len);
    v->res_len = made.aka.res_len;
    memcpy(v->sres, made.sres, sizeof v->sres);
    crypto_wipe(&made, sizeof made);
    return NETWORK_OK;
}

/* ---- a centre behind a socket ---- */

/* One datagram there, and with `answer` one back. The system gives our end an address of its own. */
static bool ask_gateway(const char *path, const char *request, char *answer, size_t room)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const struct sockaddr_un own = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    memcpy(to.sun_path, path, strlen(path) + 1);
    ssize_t n = -1;
    if (bind(fd, (const struct sockaddr *)&own, sizeof own.sun_family) == 0 &&
        connect(fd, (const struct sockaddr *)&to, sizeof to) == 0 &&
        send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request)) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        n = answer == NULL ? 0 : poll(&p, 1, ANSWER_MS) == 1 ? recv(fd, answer, room - 1, 0) : -1;
    }
    close(fd);
    if (n >= 0 && answer != NULL)
        answer[n] = '\0';
    return n >= 0;
}

static bool take_hex(char **save, uint8_t *to, size_t room, uint8_t *n)
{
    const char *word = strtok_r(NULL, " :", save);
    struct buf b = buf_of(to, room);
    if (word == NULL || !hex_parse(word, &b, NULL))
        return false;
    *n = (uint8_t)b.len;
    return true;
}

static bool read_answer(char *answer, const char *imsi, bool triplet, struct network_vector *v)
{
    uint8_t kc[8], n = 0, keys[AKA_CK_MAX], m = 0;
    char *save = NULL;
    const char *verb = strtok_r(answer, " ", &save), *who = strtok_r(NULL, " ", &save);
    bool good = verb != NULL && who != NULL && strcmp(who, imsi) == 0 &&
                strcmp(verb, triplet ? "SIM-RESP-AUTH" : "AKA-RESP-AUTH") == 0;
    if (triplet) /* Kc:SRES:RAND */
        good = good && take_hex(&save, kc, sizeof kc, &n) && n == sizeof kc &&
               take_hex(&save, v->sres, sizeof v->sres, &n) && n == 4 &&
               take_hex(&save, v->rand, sizeof v->rand, &n) && n == 16;
    else /* RAND AUTN IK CK RES */
        good = good && take_hex(&save, v->rand, sizeof v->rand, &n) && n == 16 &&
               take_hex(&save, v->autn, sizeof v->autn, &v->autn_len) && v->autn_len >= AUTN_MIN &&
               take_hex(&save, keys, sizeof keys, &m) && take_hex(&save, keys, sizeof keys, &m) &&
               take_hex(&save, v->res, sizeof v->res, &v->res_len) && v->res_len >= RES_MIN;
    crypto_wipe(kc, sizeof kc);
    crypto_wipe(keys, sizeof keys);
    return good;
}

static enum network_answer ask_behind(const char *path, const char *imsi, bool triplet,
                                      struct network_vector *v)
{
    char request[64], answer[AUC_ANSWER_MAX + 1];
    snprintf(request, sizeof request, triplet ? "SIM-REQ-AUTH %s 1" : "AKA-REQ-AUTH %s", imsi);
    if (!ask_gateway(path, request, answer, sizeof answer))
        return NETWORK_OUT_OF_ORDER;
    enum network_answer how = strstr(answer, " FAILURE") != NULL      ? NETWORK_UNKNOWN_IMSI
                              : read_answer(answer, imsi, triplet, v) ? NETWORK_OK
                                                                      : NETWORK_OUT_OF_ORDER;
    crypto_wipe(answer, sizeof answer);
    return how;
}

enum network_answer network_vector(struct modem_network *n, unsigned nth, const char *imsi, bool triplet,
                                   struct network_vector *v)
{
    memset(v, 0, sizeof *v);
    if (nth >= n->n)
        return NETWORK_OUT_OF_ORDER;
    const struct network_spec *s = &n->places[nth].spec;
    enum network_answer how = s->auc != NULL       ? ask_centre(n, s->auc, imsi, triplet, v)
                              : s->gateway != NULL ? ask_behind(s->gateway, imsi, triplet, v)
                                                   : NETWORK_UNKNOWN_IMSI;
    if (how != NETWORK_OK)
        crypto_wipe(v, sizeof *v);
    return how;
}

void network_resync(struct modem_network *n, unsigned nth, const char *imsi, const uint8_t rand[16],
                    struct span auts)
{
    if (nth >= n->n || auts.n > AUC_AUTS_MAX)
        return;
    const struct network_spec *s = &n->places[nth].spec;
    if (s->auc != NULL) {
        struct sealed_error error;
        bool set;
        (void)auc_resync(s->auc, imsi, AUC_CURRENT, rand, auts, &set, &error);
    } else if (s->gateway != NULL) {
        char request[64 + 2 * (AUC_AUTS_MAX + 16)], auts_hex[2 * AUC_AUTS_MAX + 1], rand_hex[33];
        hex_format(auts, auts_hex);
        hex_format(span_of(rand, 16), rand_hex);
        snprintf(request, sizeof request, "AKA-AUTS %s %s %s", imsi, auts_hex, rand_hex);
        (void)ask_gateway(s->gateway, request, NULL, 0);
    }
}

/* ---- messages and strings ---- */

void network_on_submit(struct modem_network *n,
                       unsigned (*submit)(void *ctx, const char *centre, struct span tpdu), void *ctx)
{
    n->submit = submit;
    n->submit_ctx = ctx;
}

unsigned network_submit(struct modem_network *n, const char *centre, struct span tpdu)
{
    return n->submit != NULL ? n->submit(n->submit_ctx, centre, tpdu) : 0;
}

bool network_ussd_script(struct modem_network *n, const char *begins, const char *answer)
{
    if (n->n_ussd == USSD_MAX || strlen(begins) > USSD_TEXT_MAX || strlen(answer) > USSD_TEXT_MAX)
        return false;
    memcpy(n->ussd[n->n_ussd].begins, begins, strlen(begins) + 1);
    memcpy(n->ussd[n->n_ussd++].answer, answer, strlen(answer) + 1);
    return true;
}

const char *network_ussd(const struct modem_network *n, const char *text)
{
    for (unsigned i = 0; n != NULL && i < n->n_ussd; i++)
        if (strncmp(text, n->ussd[i].begins, strlen(n->ussd[i].begins)) == 0)
            return n->ussd[i].answer;
    return NULL;
}
