/* SPDX-License-Identifier: Apache-2.0
 *
 * Registration: which network (3GPP TS 23.122 4.4), the authentication (TS 33.102 6.3), what becomes of it
 * (TS 24.008 4.4.4.7, TS 24.301 5.5.1.2.5), and what the card keeps of it (TS 31.102 5.2).
 */
#include "crypto.h"
#include "modem_inner.h"
#include "tlv.h"

enum {
    EF_KEYS = 0x6F08,
    EF_KEYSPS = 0x6F09,
    EF_KC = 0x4F20,
    EF_SIM_KC = 0x6F20,
    EF_PSLOCI = 0x6F73,
    EF_FPLMN = 0x6F7B,
    EF_LOCI = 0x6F7E,
    EF_EPSLOCI = 0x6FE3,
    CAUSE_IMSI_UNKNOWN = 2, /* TS 24.008 10.5.3.6 */
    CAUSE_ILLEGAL_MS = 3,
    CAUSE_PLMN_NOT_ALLOWED = 11,
    CAUSE_NETWORK_FAILURE = 17,
    CAUSE_MAC_FAILURE = 20,
    CAUSE_SYNCH_FAILURE = 21,
    CAUSE_NON_EPS = 26, /* non-EPS authentication unacceptable, TS 24.301 9.9.3.9 */
    ACT_E_UTRAN = 7,
    AGAIN_MS = 30000,        /* until the next look round */
    AUTHENTICATIONS_MAX = 3, /* challenges of one attempt: TS 24.008 4.3.2.6 (c) */
    SERVICE_GSM_ACCESS = 27,
    SERVICE_EPS = 85,
    EVENT_LOCATION_STATUS = 0x03,
    EVENT_ACCESS_TECHNOLOGY = 0x0B,
    EVENT_NETWORK_REJECTION = 0x12,
    TAG_LOCATION_STATUS = 0x9B,
    TAG_LOCATION_INFORMATION = 0x93,
    TAG_ACCESS_TECHNOLOGY = 0xBF,
    KEY_OCTETS = 16,
};

static const char *plmn_of(const struct modem *m, const struct network_spec *s, char plmn[7])
{
    if (s->plmn[0] != '\0') {
        memcpy(plmn, s->plmn, strlen(s->plmn) + 1);
    } else {
        const size_t n = 3 + m->mnc_digits;
        memcpy(plmn, m->imsi, strlen(m->imsi) < n ? strlen(m->imsi) : n);
        plmn[strlen(m->imsi) < n ? strlen(m->imsi) : n] = '\0';
    }
    return plmn;
}

/* list: MODEM_LIST_MAX numbers of seven characters */
static bool listed(const char *list, const char *plmn, unsigned *rank)
{
    for (unsigned i = 0; i < MODEM_LIST_MAX && list[7 * i] != '\0'; i++)
        if (strcmp(list + 7 * i, plmn) == 0) {
            *rank = i;
            return true;
        }
    return false;
}

/* The network that the IMSI begins with (TS 23.122 annex A): all digits of its MNC, and no more. A card that
 * does not say how many these are (EF.AD, TS 31.102 4.2.18) may be at home in either. */
static bool of_imsi(const struct modem *m, const char *plmn)
{
    return (m->mnc_length_known ? strlen(plmn) == 3 + m->mnc_digits : plmn[0] != '\0') &&
           strncmp(m->imsi, plmn, strlen(plmn)) == 0;
}

/* The IMSI's own network, or one that the card takes for that. */
static bool is_home(const struct modem *m, const char *plmn)
{
    unsigned rank;
    return of_imsi(m, plmn) || listed(m->plmn_lists[0][0], plmn, &rank);
}

/* TS 23.122 4.4.3.1.1: home, the user's list, the operator's, any other. The IMSI's own comes before what the
 * card's file of home networks adds, which may be of an earlier operator. */
static unsigned rank_of(const struct modem *m, const char *plmn)
{
    unsigned rank = 0;
    if (of_imsi(m, plmn))
        return 0;
    if (listed(m->plmn_lists[0][0], plmn, &rank))
        return 1 + rank;
    if (listed(m->plmn_lists[2][0], plmn, &rank))
        return 100 + rank;
    if (listed(m->plmn_lists[1][0], plmn, &rank))
        return 200 + rank;
    return 1000;
}

/* ---- events ---- */

void register_location(const struct modem *m, struct buf *out)
{
    char plmn[7];
    uint8_t octets[3];
    const struct network_spec *s =
        m->reg.network >= 0 ? network_at(m->network, (unsigned)m->reg.network) : NULL;
    if (s == NULL)
        return;
    plmn_pack(plmn_of(m, s, plmn), octets);
    buf_put(out, span_of(octets, sizeof octets));
    buf_u16(out, s->area);
    if (s->act == ACT_E_UTRAN) /* 28 bits, the rest 1 */
        buf_u32(out, s->cell << 4 | 0x0F);
    else
        buf_u16(out, (uint16_t)s->cell);
}

/* TS 102 223 7.5.4: LOCATION STATUS */
static void tell_card(void *ctx)
{
    struct modem *m = ctx;
    struct modem_registrar *g = &m->reg;
    uint8_t octets[32], place[9];
    struct buf objects = buf_of(octets, sizeof octets), where = buf_of(place, sizeof place);
    struct modem_operator now = {.plmn = ""};
    (void)modem_operator(m, &now);
    if (m->sim != MODEM_SIM_READY)
        return;
    if (g->told && g->told_service == g->service && strcmp(g->told_plmn, now.plmn) == 0)
        return;
    g->told = true;
    g->told_service = g->service;
    memcpy(g->told_plmn, now.plmn, sizeof g->told_plmn);
    buf_tlv_u8(&objects, TAG_LOCATION_STATUS, (uint8_t)g->service);
    if (g->service == SERVICE_NORMAL) {
        register_location(m, &where);
        buf_tlv(&objects, TAG_LOCATION_INFORMATION, buf_span(&where));
    }
    event_send(m, EVENT_LOCATION_STATUS, 0x82, buf_span(&objects));
    if (m->powered && g->service == SERVICE_NORMAL) {
        struct buf act = buf_of(octets, sizeof octets);
        /* TS 102 223 8.61: 00 GSM, 03 UTRAN, 08 E-UTRAN */
        buf_tlv_u8(&act, TAG_ACCESS_TECHNOLOGY, now.act == ACT_E_UTRAN ? 0x08 : now.act == 2 ? 0x03 : 0x00);
        event_send(m, EVENT_ACCESS_TECHNOLOGY, 0x82, buf_span(&act));
    }
}

void register_tell_card(struct modem *m)
{
    m->reg.tell.fire = tell_card;
    m->reg.tell.ctx = m;
    loop_start(m->loop, &m->reg.tell, 0);
}

/* What was asked of the network (TS 31.111 8.92): EPS attach, or IMSI attach; who was registered already
 * updates, its tracking area or its location. */
static uint8_t update_type(const struct modem *m, const struct network_spec *s)
{
    enum { LOCATION_UPDATING = 0x00, IMSI_ATTACH = 0x02, EPS_ATTACH = 0x09, TA_UPDATING = 0x0B };
    const bool attached = modem_registered(m);
    if (s->act == ACT_E_UTRAN)
        return attached ? TA_UPDATING : EPS_ATTACH;
    return attached ? LOCATION_UPDATING : IMSI_ATTACH;
}

/* TS 31.111 7.5.2: NETWORK REJECTION. What the terminal refused is none. */
static void tell_rejection(struct modem *m, const struct network_spec *s, unsigned cause)
{
    char plmn[7];
    if (cause == CAUSE_MAC_FAILURE || cause == CAUSE_SYNCH_FAILURE || cause == CAUSE_NON_EPS)
        return;
    uint8_t octets[40], place[5];
    struct buf objects = buf_of(octets, sizeof octets);
    plmn_pack(plmn_of(m, s, plmn), place);
    place[3] = (uint8_t)(s->area >> 8);
    place[4] = (uint8_t)s->area;
    if (s->act == ACT_E_UTRAN)
        buf_tlv(&objects, 0x7D, span_of(place, 5)); /* tracking area */
    else
        buf_tlv(&objects, TAG_LOCATION_INFORMATION, span_of(place, 5));
    buf_tlv_u8(&objects, TAG_ACCESS_TECHNOLOGY, s->act == ACT_E_UTRAN ? 0x08 : s->act == 2 ? 0x03 : 0x00);
    buf_tlv_u8(&objects, 0x74, update_type(m, s));
    buf_tlv_u8(&objects, 0x75, (uint8_t)cause);
    event_send(m, EVENT_NETWORK_REJECTION, 0x83, buf_span(&objects));
}

static void set_state(struct modem *m, enum modem_registration state, enum modem_service_state service)
{
    struct modem_registrar *g = &m->reg;
    const bool news = g->state != state, lost = g->service == SERVICE_NORMAL && service != SERVICE_NORMAL;
    struct modem_note n;
    struct modem_operator now = {.plmn = ""};
    g->state = state;
    g->service = service;
    if (state != MODEM_ROAMING)
        loop_stop(m->loop, &g->better);
    if (lost && m->powered)
        bip_no_service(m);
    if (!news)
        return;
    (void)modem_operator(m, &now);
    note_begin(&n, m, "registration");
    note_number(&n, "stat", state);
    if (now.plmn[0] != '\0')
        note_text(&n, "plmn", now.plmn);
    if (state == MODEM_HOME || state == MODEM_ROAMING)
        note_text(&n, "imsi", m->imsi);
    if (g->cause != 0 && state == MODEM_DENIED)
        note_number(&n, "cause", g->cause);
    note_end(&n);
    for (unsigned i = 0; i < m->n_users; i++)
        if (m->users[i].registration != NULL)
            m->users[i].registration(m->users[i].ctx, state);
}

/* ---- authentication ---- */

enum auth_result { AUTH_OK, AUTH_MAC, AUTH_SYNC, AUTH_WRONG, AUTH_CARD_FAILED, AUTH_NON_EPS, AUTH_GONE };

struct session_keys { /* a secret */
    uint8_t ck[KEY_OCTETS], ik[KEY_OCTETS], kc[8];
    bool has_umts, has_kc;
};

static struct span counted(struct reader *r)
{
    return rd_take(r, rd_u8(r));
}

/* The answer in the 3G context: DB RES CK IK [Kc], DC AUTS (TS 31.102 7.1.2.1). */
static enum auth_result judge(struct span answer, const struct network_vector *v, struct session_keys *keys,
                              struct span *auts)
{
    struct reader r = rd_of(answer);
    const uint8_t tag = rd_u8(&r);
    if (tag == 0xDC) {
        *auts = counted(&r);
        return rd_ok(&r) && auts->n > 6 ? AUTH_SYNC : AUTH_CARD_FAILED;
    }
    const struct span res = counted(&r), ck = counted(&r), ik = counted(&r);
    if (tag != 0xDB || !rd_ok(&r) || ck.n < KEY_OCTETS || ik.n < KEY_OCTETS)
        return AUTH_CARD_FAILED;
    memcpy(keys->ck, ck.p, KEY_OCTETS);
    memcpy(keys->ik, ik.p, KEY_OCTETS);
    keys->has_umts = true;
    if (r.left > 0) {
        const struct span kc = counted(&r);
        keys->has_kc = rd_ok(&r) && kc.n == sizeof keys->kc;
        if (keys->has_kc)
            memcpy(keys->kc, kc.p, kc.n);
    }
    return res.n == v->res_len && crypto_equal(res.p, v->res, res.n) ? AUTH_OK : AUTH_WRONG;
}

static enum auth_result challenge(struct modem *m, const struct network_vector *v, struct session_keys *keys,
                                  struct buf *answer, struct span *auts)
{
    uint8_t octets[2 + 16 + AUC_AUTN_MAX];
    struct buf data = buf_of(octets, sizeof octets);
    sw_t sw = 0;
    memset(keys, 0, sizeof *keys);
    if (m->gsm) { /* RUN GSM ALGORITHM, in DF.GSM */
        struct modem_file file;
        if (!card_select(m, DIR_ADF, EF_SIM_KC, &file, &sw) ||
            !card_send(m, 0xA0, 0x88, 0, 0, span_of(v->rand, 16), 0, answer, &sw))
            return AUTH_GONE;
        if (sw != SW_OK || answer->len != 12)
            return AUTH_CARD_FAILED;
        memcpy(keys->kc, answer->p + 4, sizeof keys->kc);
        keys->has_kc = true;
        return crypto_equal(answer->p, v->sres, 4) ? AUTH_OK : AUTH_WRONG;
    }
    buf_u8(&data, 16);
    buf_put(&data, span_of(v->rand, 16));
    buf_u8(&data, v->autn_len);
    buf_put(&data, span_of(v->autn, v->autn_len));
    if (!m->adf_selected && !card_select_usim(m, NULL, &sw))
        return AUTH_GONE;
    if (!card_send(m, 0x00, 0x88, 0x00, 0x81, buf_span(&data), 0, answer, &sw))
        return AUTH_GONE;
    if (sw == SW_AUTHENTICATION_MAC)
        return AUTH_MAC;
    return sw == SW_OK ? judge(buf_span(answer), v, keys, auts) : AUTH_CARD_FAILED;
}

/* The AMF separation bit, without which a terminal takes no vector from E-UTRAN (TS 33.401 6.1.1, TS 24.301
 * 5.4.2.6). */
static bool for_eps(const struct network_vector *v)
{
    enum { AMF_AT = 6, SEPARATION = 0x80 }; /* in AUTN, behind SQN: TS 33.102 6.3.2, annex H */
    return v->autn_len > AMF_AT && (v->autn[AMF_AT] & SEPARATION) != 0;
}

static void note_authentication(struct modem *m, const char *result)
{
    struct modem_note n;
    note_begin(&n, m, "authentication");
    note_text(&n, "result", result);
    note_end(&n);
}

static bool fail(struct modem *m, unsigned cause, const char *word)
{
    note_authentication(m, word);
    m->reg.cause = cause;
    return false;
}

/* The network challenges until it is content or has had enough. true: it is. A false with cause 0: the card
 * is gone. */
static bool authenticate(struct modem *m, unsigned nth, struct session_keys *keys)
{
    const bool eps = network_at(m->network, nth)->act == ACT_E_UTRAN;
    unsigned macs = 0, syncs = 0;
    m->reg.cause = 0;
    if (eps && m->gsm) /* TS 33.401 6.1.1: no access with a SIM */
        return fail(m, CAUSE_NON_EPS, "a SIM is not for E-UTRAN");
    for (unsigned i = 0; i < AUTHENTICATIONS_MAX; i++) {
        struct network_vector v;
        uint8_t octets[128];
        struct buf answer = buf_of(octets, sizeof octets);
        struct span auts = SPAN_EMPTY;
        const enum network_answer got = network_vector(m->network, nth, m->imsi, m->gsm, &v);
        if (got != NETWORK_OK) {
            m->reg.cause = got == NETWORK_UNKNOWN_IMSI ? CAUSE_IMSI_UNKNOWN : CAUSE_NETWORK_FAILURE;
            return false;
        }
        const enum auth_result result =
            !eps || for_eps(&v) ? challenge(m, &v, keys, &answer, &auts) : AUTH_NON_EPS;
        if (result == AUTH_SYNC)
            network_resync(m->network, nth, m->imsi, v.rand, auts);
        crypto_wipe(&v, sizeof v);
        crypto_wipe(octets, sizeof octets);
        switch (result) {
        case AUTH_OK:
            note_authentication(m, "ok");
            return true;
        case AUTH_GONE:
            return false;
        case AUTH_MAC: /* it may ask for the IMSI and try once more (TS 24.008 4.3.2.6 (c)) */
            note_authentication(m, "MAC failure");
            m->reg.cause = CAUSE_MAC_FAILURE;
            if (++macs == 2)
                return false;
            break;
        case AUTH_SYNC:
            note_authentication(m, "synch failure");
            m->reg.cause = CAUSE_SYNCH_FAILURE;
            if (++syncs == 2)
                return false;
            break;
        case AUTH_NON_EPS:
            return fail(m, CAUSE_NON_EPS, "a vector that is not for E-UTRAN");
        case AUTH_WRONG: /* AUTHENTICATION REJECT */
            return fail(m, CAUSE_ILLEGAL_MS, "wrong response");
        case AUTH_CARD_FAILED:
        default:
            return fail(m, CAUSE_ILLEGAL_MS, "the card refuses");
        }
    }
    return false;
}

/* ---- what the card keeps ---- */

/* A file may be absent, or not there to be written: then it is not kept. */
static void keep(struct modem *m, enum modem_dir dir, uint16_t fid, struct span data)
{
    sw_t sw;
    if (m->powered)
        (void)card_update(m, dir, fid, 0, data, &sw);
}

static void keep_keys(struct modem *m, const struct session_keys *keys, uint8_t act)
{
    uint8_t octets[1 + 2 * KEY_OCTETS], kc[9];
    m->reg.ksi = (uint8_t)((m->reg.ksi + 1) % 7);
    m->secret = true;
    if (keys->has_umts && act != ACT_E_UTRAN) {
        octets[0] = m->reg.ksi;
        memcpy(octets + 1, keys->ck, KEY_OCTETS);
        memcpy(octets + 1 + KEY_OCTETS, keys->ik, KEY_OCTETS);
        keep(m, DIR_ADF, EF_KEYS, span_of(octets, sizeof octets));
        keep(m, DIR_ADF, EF_KEYSPS, span_of(octets, sizeof octets));
    }
    if (keys->has_kc && act != ACT_E_UTRAN && (m->gsm || modem_service(m, SERVICE_GSM_ACCESS))) {
        memcpy(kc, keys->kc, 8);
        kc[8] = m->reg.ksi;
        keep(m, m->gsm ? DIR_ADF : DIR_GSM_ACCESS, m->gsm ? EF_SIM_KC : EF_KC, span_of(kc, sizeof kc));
    }
    m->secret = false;
    crypto_wipe(octets, sizeof octets);
    crypto_wipe(kc, sizeof kc);
}

static void draw(struct modem *m, struct buf *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_u8(b, (uint8_t)(modem_draw(m) >> 24));
}

/* Status in EF.LOCI, EF.PSLOCI and EF.EPSLOCI (TS 31.102 4.2.17, 4.2.23, 4.2.91) */
enum { UPDATED = 0x00, NOT_ALLOWED = 0x02, DELETED_AREA = 0xFFFE /* TS 23.003 4.1 */ };

static void keep_eps_location(struct modem *m, const struct network_spec *s, uint8_t status)
{
    char plmn[7];
    uint8_t octets[20], place[3];
    struct buf b = buf_of(octets, sizeof octets);
    plmn_pack(plmn_of(m, s, plmn), place);
    if (status != UPDATED) {
        buf_fill(&b, 0xFF, 12);
    } else { /* GUTI, TS 24.301 9.9.3.12: MME group 8001, code 01, M-TMSI */
        buf_u16(&b, 0x0BF6);
        buf_put(&b, span_of(place, 3));
        buf_be(&b, 0x800101, 3);
        draw(m, &b, 4);
    }
    buf_put(&b, span_of(place, 3));
    buf_u16(&b, status != UPDATED ? DELETED_AREA : s->area);
    buf_u8(&b, status);
    keep(m, DIR_ADF, EF_EPSLOCI, buf_span(&b));
}

/* A (P-)TMSI, signature if any, and the area. */
static void keep_area(struct modem *m, uint16_t fid, size_t identity, const struct network_spec *s,
                      uint8_t status)
{
    char plmn[7];
    uint8_t octets[20], place[3];
    struct buf b = buf_of(octets, sizeof octets);
    plmn_pack(plmn_of(m, s, plmn), place);
    if (status != UPDATED)
        buf_fill(&b, 0xFF, identity);
    else
        draw(m, &b, identity);
    buf_put(&b, span_of(place, 3));
    buf_u16(&b, status != UPDATED ? DELETED_AREA : s->area);
    buf_u8(&b, 0xFF); /* EF.LOCI: RFU; EF.PSLOCI: RAC */
    buf_u8(&b, status);
    keep(m, DIR_ADF, fid, buf_span(&b));
}

static void keep_location(struct modem *m, const struct network_spec *s, uint8_t status)
{
    const bool eps = s->act == ACT_E_UTRAN && modem_service(m, SERVICE_EPS);
    if (eps)
        keep_eps_location(m, s, status);
    if (eps && status == UPDATED)
        return;
    keep_area(m, EF_LOCI, 4, s, status);
    if (!m->gsm)
        keep_area(m, EF_PSLOCI, 7, s, status);
}

/* Refused: where it is, who it is there, and under which keys, is deleted, of every kind of network; roaming
 * is not allowed, whatever the cause (TS 24.008 4.4.4.7, TS 24.301 5.5.1.2.5). */
static void forget_location(struct modem *m, const struct network_spec *s)
{
    static const uint8_t no_keys[] = {0x07}; /* KSI, TS 31.102 4.2.3, 4.2.4, 4.4.3.1 */
    sw_t sw;
    keep_location(m, s, NOT_ALLOWED);
    if (!m->gsm) {
        keep(m, DIR_ADF, EF_KEYS, span_of(no_keys, 1));
        keep(m, DIR_ADF, EF_KEYSPS, span_of(no_keys, 1));
    }
    if (m->powered && (m->gsm || modem_service(m, SERVICE_GSM_ACCESS)))
        (void)card_update(m, m->gsm ? DIR_ADF : DIR_GSM_ACCESS, m->gsm ? EF_SIM_KC : EF_KC, 8,
                          span_of(no_keys, 1), &sw);
}

/* TS 31.102 4.2.16: the new one goes to the end, and pushes the first out. */
static void forbid(struct modem *m, const char *plmn)
{
    struct modem_file file;
    uint8_t octets[3 * MODEM_LIST_MAX];
    unsigned n = 0, rank;
    sw_t sw;
    if (listed(m->forbidden[0], plmn, &rank) || !card_select(m, DIR_ADF, EF_FPLMN, &file, &sw))
        return;
    unsigned room = sw == SW_OK ? file.size / 3u : 0;
    room = room > MODEM_LIST_MAX - 1 ? MODEM_LIST_MAX - 1 : room;
    if (room == 0)
        return;
    while (n < MODEM_LIST_MAX && m->forbidden[n][0] != '\0')
        n++;
    for (; n >= room; n--)
        memmove(m->forbidden[0], m->forbidden[1], (MODEM_LIST_MAX - 1) * sizeof m->forbidden[0]);
    memcpy(m->forbidden[n], plmn, strlen(plmn) + 1);
    memset(octets, 0xFF, sizeof octets);
    for (unsigned i = 0; i <= n; i++)
        plmn_pack(m->forbidden[i], octets + 3 * i);
    keep(m, DIR_ADF, EF_FPLMN, span_of(octets, 3 * room));
}

/* TS 23.122 4.4.3.1.2: a network that took us, because the user wanted it, is forbidden no more. */
static void allow(struct modem *m, const char *plmn)
{
    uint8_t octets[3 * MODEM_LIST_MAX];
    struct modem_file file;
    unsigned rank, n = 0;
    sw_t sw;
    if (!listed(m->forbidden[0], plmn, &rank))
        return;
    memmove(m->forbidden[rank], m->forbidden[rank + 1], (MODEM_LIST_MAX - 1 - rank) * sizeof m->forbidden[0]);
    m->forbidden[MODEM_LIST_MAX - 1][0] = '\0';
    if (!m->powered || !card_select(m, DIR_ADF, EF_FPLMN, &file, &sw) || sw != SW_OK)
        return;
    memset(octets, 0xFF, sizeof octets);
    for (; n < MODEM_LIST_MAX && m->forbidden[n][0] != '\0'; n++)
        plmn_pack(m->forbidden[n], octets + 3 * n);
    const size_t size = file.size / 3 * 3;
    keep(m, DIR_ADF, EF_FPLMN, span_of(octets, size < sizeof octets ? size : sizeof octets));
}

/* ---- an attempt ---- */

static void again(struct modem *m)
{
    register_begin(m, AGAIN_MS);
}

static void look_for_better(void *ctx);

void register_look_later(struct modem *m)
{
    m->reg.better.fire = look_for_better;
    m->reg.better.ctx = m;
    if (m->search_minutes > 0 && m->reg.state == MODEM_ROAMING && !m->reg.manual)
        loop_start(m->loop, &m->reg.better, m->search_minutes * UINT64_C(60000));
    else
        loop_stop(m->loop, &m->reg.better);
}

static void accepted(struct modem *m, unsigned nth, const struct network_spec *s,
                     const struct session_keys *keys)
{
    char plmn[7];
    struct modem_registrar *g = &m->reg;
    keep_keys(m, keys, s->act);
    keep_location(m, s, UPDATED);
    allow(m, plmn_of(m, s, plmn));
    if (!m->powered)
        return;
    g->network = (int)nth;
    g->cause = 0;
    memcpy(g->imsi, m->imsi, sizeof g->imsi);
    set_state(m, is_home(m, plmn_of(m, s, plmn)) ? MODEM_HOME : MODEM_ROAMING, SERVICE_NORMAL);
    register_look_later(m);
    register_tell_card(m);
    sms_registered(m);
}

/* true: look for another network. */
static bool refused(struct modem *m, const struct network_spec *s)
{
    char plmn[7];
    struct modem_registrar *g = &m->reg;
    struct modem_note n;
    plmn_of(m, s, plmn);
    /* A network that the IMSI is not of asks its home, and home does not know it. What the card takes for
     * home is no matter to it. */
    if (g->cause == CAUSE_IMSI_UNKNOWN && !of_imsi(m, plmn))
        g->cause = CAUSE_PLMN_NOT_ALLOWED;
    note_begin(&n, m, "rejected");
    note_text(&n, "plmn", plmn);
    note_number(&n, "cause", g->cause);
    note_end(&n);
    tell_rejection(m, s, g->cause);
    if (g->cause == CAUSE_PLMN_NOT_ALLOWED) {
        forbid(m, plmn);
        forget_location(m, s);
        return true;
    }
    if (g->cause == CAUSE_IMSI_UNKNOWN || g->cause == CAUSE_ILLEGAL_MS) {
        g->refused = true; /* until switched off or the card is taken out */
        forget_location(m, s);
        return false;
    }
    return true;
}

/* from: the visited network that the card may leave for another one, for home from anywhere, for what the
 * lists have only within the country (TS 23.122 4.4.3.3.1), and to which it comes back if none of them takes
 * it. NULL: any will do. */
static bool may_try(const struct modem *m, const char *plmn, const char *from)
{
    enum { MCC = 3 };
    unsigned rank;
    if (m->reg.manual)
        return strcmp(plmn, m->reg.wanted) == 0;
    if (is_home(m, plmn))
        return true;
    return !listed(m->forbidden[0], plmn, &rank) &&
           (from == NULL || strcmp(plmn, from) == 0 ||
            (strncmp(plmn, from, MCC) == 0 && rank_of(m, plmn) < rank_of(m, from)));
}

/* The best network not tried yet. -1: none. */
static int choose(const struct modem *m, const char *from, uint32_t tried, bool *any)
{
    int best = -1;
    unsigned best_rank = 0;
    for (unsigned i = 0; i < network_count(m->network); i++) {
        char plmn[7];
        if (!network_in_air(m->network, i))
            continue;
        plmn_of(m, network_at(m->network, i), plmn);
        *any = true;
        if ((tried >> i & 1) != 0 || !may_try(m, plmn, from))
            continue;
        const unsigned rank = rank_of(m, plmn);
        if (best < 0 || rank < best_rank) {
            best = (int)i;
            best_rank = rank;
        }
    }
    return best;
}

/* from: as may_try has it */
static void search(struct modem *m, const char *from)
{
    struct modem_registrar *g = &m->reg;
    struct session_keys keys;
    uint32_t tried = 0;
    bool any = false, more = true;
    int nth;
    if (m->sim != MODEM_SIM_READY || m->function != MODEM_FULL || g->detached || g->refused)
        return;
    while (more && (nth = choose(m, from, tried, &any)) >= 0) {
        const struct network_spec *s = network_at(m->network, (unsigned)nth);
        char plmn[7];
        tried |= 1u << nth;
        bool good = false;
        if (s->forbidden && !is_home(m, plmn_of(m, s, plmn)))
            g->cause = CAUSE_PLMN_NOT_ALLOWED;
        else
            good = authenticate(m, (unsigned)nth, &keys);
        if (good)
            accepted(m, (unsigned)nth, s, &keys);
        crypto_wipe(&keys, sizeof keys);
        if (good || !m->powered)
            return;
        more = refused(m, s);
    }
    if (!m->powered)
        return;
    g->network = -1;
    set_state(m, tried != 0 || any ? MODEM_DENIED : MODEM_NOT_REGISTERED,
              any ? SERVICE_LIMITED : SERVICE_NONE);
    register_tell_card(m);
    if (!g->refused && !g->timer.set) /* whoever was told may have had a better idea */
        again(m);
}

static void attempt(void *ctx)
{
    search(ctx, NULL);
}

static void look_for_better(void *ctx)
{
    struct modem *m = ctx;
    struct modem_operator now;
    char plmn[7];
    bool any;
    if (m->reg.state != MODEM_ROAMING || m->reg.manual || !modem_operator(m, &now))
        return;
    const int nth = choose(m, now.plmn, 0, &any);
    if (nth >= 0 && strcmp(plmn_of(m, network_at(m->network, (unsigned)nth), plmn), now.plmn) != 0)
        search(m, now.plmn);
    else
        register_look_later(m);
}

void register_begin(struct modem *m, uint64_t in_ms)
{
    m->reg.timer.fire = attempt;
    m->reg.timer.ctx = m;
    if (m->reg.detached) /* and stays so: nothing is searched for */
        return;
    if (in_ms == 0 && !modem_registered(m) && !m->reg.refused)
        set_state(m, MODEM_SEARCHING, m->reg.service);
    loop_start(m->loop, &m->reg.timer, in_ms);
}

void modem_radio_changed(struct modem *m)
{
    if (m->sim != MODEM_SIM_READY || m->function != MODEM_FULL)
        return;
    if (m->reg.network >= 0 && !network_in_air(m->network, (unsigned)m->reg.network)) {
        m->reg.network = -1;
        set_state(m, MODEM_NOT_REGISTERED, SERVICE_NONE);
        register_tell_card(m);
    }
    if (m->reg.network < 0)
        register_begin(m, 0);
}

void register_leave(struct modem *m)
{
    struct modem_registrar *g = &m->reg;
    loop_stop(m->loop, &g->timer);
    loop_stop(m->loop, &g->tell);
    g->network = -1;
    set_state(m, MODEM_NOT_REGISTERED, SERVICE_NONE);
    if (!m->powered) {
        g->refused = g->told = false;
        g->cause = 0;
        g->imsi[0] = '\0';
    }
}

/* ---- asked from outside ---- */

bool modem_registered(const struct modem *m)
{
    return m->reg.state == MODEM_HOME || m->reg.state == MODEM_ROAMING;
}

enum modem_registration modem_registration(const struct modem *m)
{
    return m->reg.state;
}

bool modem_operators(const struct modem *m, unsigned nth, struct modem_operator *out)
{
    unsigned rank;
    for (unsigned i = 0; i < network_count(m->network); i++) {
        const struct network_spec *s = network_at(m->network, i);
        if (!network_in_air(m->network, i) || nth-- != 0)
            continue;
        *out = (struct modem_operator){.act = s->act};
        plmn_of(m, s, out->plmn);
        snprintf(out->name, sizeof out->name, "%s", s->name);
        out->status = m->reg.network == (int)i                    ? MODEM_OPERATOR_CURRENT
                      : listed(m->forbidden[0], out->plmn, &rank) ? MODEM_OPERATOR_FORBIDDEN
                                                                  : MODEM_OPERATOR_AVAILABLE;
        return true;
    }
    return false;
}

bool modem_operator(const struct modem *m, struct modem_operator *out)
{
    const struct network_spec *s =
        m->reg.network >= 0 ? network_at(m->network, (unsigned)m->reg.network) : NULL;
    if (s == NULL)
        return false;
    *out = (struct modem_operator){.act = s->act, .status = MODEM_OPERATOR_CURRENT};
    plmn_of(m, s, out->plmn);
    snprintf(out->name, sizeof out->name, "%s", s->name);
    return true;
}

enum modem_selection modem_operator_selection(const struct modem *m)
{
    return m->reg.detached ? MODEM_DEREGISTERED : m->reg.manual ? MODEM_MANUAL : MODEM_AUTOMATIC;
}

void modem_operator_select(struct modem *m, const char *plmn)
{
    struct modem_registrar *g = &m->reg;
    g->manual = plmn != NULL && plmn[0] != '\0';
    g->detached = plmn != NULL && plmn[0] == '\0';
    g->wanted[0] = '\0';
    if (g->manual && strlen(plmn) < sizeof g->wanted)
        memcpy(g->wanted, plmn, strlen(plmn) + 1);
    struct modem_operator now;
    if (g->manual && modem_operator(m, &now) && strcmp(now.plmn, g->wanted) == 0)
        return;
    register_leave(m);
    if (g->detached)
        register_tell_card(m);
    else if (m->sim == MODEM_SIM_READY && m->function == MODEM_FULL)
        register_begin(m, 0);
}

uint16_t modem_location_area(const struct modem *m)
{
    const struct network_spec *s =
        m->reg.network >= 0 ? network_at(m->network, (unsigned)m->reg.network) : NULL;
    return s != NULL ? s->area : 0xFFFF;
}

uint32_t modem_cell(const struct modem *m)
{
    const struct network_spec *s =
        m->reg.network >= 0 ? network_at(m->network, (unsigned)m->reg.network) : NULL;
    return s != NULL ? s->cell : 0xFFFFFFFF;
}

unsigned modem_reject_cause(const struct modem *m)
{
    return m->reg.cause;
}
