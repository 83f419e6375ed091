/* SPDX-License-Identifier: Apache-2.0
 *
 * PINs, PUKs, the authentication key, OTA keys and remote file management of a profile package. TCA
 * "Interoperable Format" 8.4 to 8.7.
 */
#include "upp_maker.h"

#include "hex.h"

enum {
    TRIES_PIN_DEFAULT = 0x33, /* maximum and left, a nibble each */
    TRIES_PUK_DEFAULT = 0xAA,
    PIN_ENABLED = 1,
    PIN_CHANGEABLE = 2,
    PIN_CAN_DISABLE = 4,
    MSL_OURS = 0x16,  /* TS 102 225 5.1.1: cryptographic checksum, ciphering, counter higher */
    SQN_IND_BITS = 5, /* sqnInit has 32 entries */
    SQN_DEFAULT_OPTIONS = 0x02,
    KEY_KIC = 1, /* key identifiers of an SCP80 keyset (TS 102 226 8.2.1.5) */
    KEY_KID = 2,
    KEY_KIK = 3,
    ALL_PINS = 0x1FFF3FFF, /* every bit that profile_pin_bit gives */
};

/* The subscription manager of every card: its AID is unregistered, its TAR is of those that ETSI TS 101 220
 * annex D leaves to proprietary applications. As in the built-in profiles. */
static const uint8_t subscription_aid[] = {0xF0, 0x73, 0x6F, 0x66, 0x74, 0x75, 0x69, 0x63, 0x63, 0x01, 0x01};
static const uint8_t subscription_tar[3] = {0xBF, 0xFF, 0x3B};

/* The content of a field that may be absent. */
static bool number_or(struct maker *m, struct span s, uint32_t max, uint32_t otherwise, uint32_t *out)
{
    *out = otherwise;
    return s.p == NULL || upp_number(m, s, max, out);
}

static uint64_t big_endian(struct span s)
{
    struct reader r = rd_of(s);
    return rd_be(&r, s.n);
}

/* ---- PINs and PUKs ---- */

static bool read_pin(struct maker *m, struct span in)
{
    static const struct upp_field list[] = {{0x80, "keyReference", true, 1, 2},
                                            {0x81, "pinValue", true, 8, 8},
                                            {0x82, "unblockingPINReference", false, 1, 2},
                                            {0x83, "pinAttributes", false, 1, 2},
                                            {0x84, "maxNumOfAttemps-retryNumLeft", false, 1, 2}};
    struct span f[UPP_COUNT(list)];
    uint32_t reference, unblock, attributes, tries;
    if (!upp_fields(m, in, list, UPP_COUNT(list), f) || !upp_number(m, f[0], 255, &reference) ||
        !number_or(m, f[2], 255, 0, &unblock) ||
        !number_or(m, f[3], 255, PIN_ENABLED | PIN_CHANGEABLE | PIN_CAN_DISABLE, &attributes) ||
        !number_or(m, f[4], 255, TRIES_PIN_DEFAULT, &tries))
        return false;
    bool local = (reference & 0x80) != 0, adm = (reference & 0x0F) >= 0x0A;
    if (profile_pin_bit((uint8_t)reference) < 0)
        return upp_fail(m, in.p, "%02X is no key reference (TS 102 221 9.5.1)", reference);
    for (unsigned i = 0; i < m->n_pins; i++)
        if (m->pins[i].p.reference == reference && (!local || m->pins[i].owner == m->context))
            return upp_fail(m, in.p, "key reference %02X is there twice", reference);
    if (m->n_pins == PROFILE_PINS_MAX)
        return upp_fail(m, in.p, "more than %d PINs", PROFILE_PINS_MAX);
    if (tries >> 4 == 0)
        return upp_fail(m, in.p, "key reference %02X: 0 attempts", reference);
    if (tries >> 4 != (tries & 0x0F))
        upp_note(m, in.p, "key reference %02X has %u of %u tries left: it begins with all", reference,
                 tries & 0x0F, tries >> 4);
    if ((attributes & PIN_CHANGEABLE) == 0)
        upp_note(m, in.p, "key reference %02X cannot be changed: in this card it can", reference);
    struct upp_pin *q = &m->pins[m->n_pins++];
    *q = (struct upp_pin){.owner = m->context,
                          .unblock = (uint8_t)unblock,
                          .offset = (size_t)(in.p - m->package.p),
                          .pe = m->pe};
    q->p = (struct profile_pin){.reference = (uint8_t)reference, .tries = (uint8_t)(tries >> 4), .adf = 0xFF};
    q->p.enabled = (attributes & PIN_ENABLED) != 0;
    q->p.can_disable = (attributes & PIN_CAN_DISABLE) != 0;
    if (adm && (!q->p.enabled || q->p.can_disable)) {
        if (!q->p.enabled)
            upp_note(m, in.p, "administrative key %02X is disabled: in this card it is enabled", reference);
        q->p.enabled = true; /* TS 102 221 9.5.1: an administrative key is never disabled */
        q->p.can_disable = false;
    }
    memcpy(q->p.value, f[1].p, sizeof q->p.value);
    return true;
}

bool upp_read_pins(struct maker *m, struct span body)
{
    static const struct upp_field list[] = {{0xA0, "pin-Header", true, 0, 0}, {0xA1, "pinCodes", true, 0, 0}};
    struct span f[UPP_COUNT(list)];
    struct tlv choice, t;
    if (!upp_fields(m, body, list, UPP_COUNT(list), f))
        return false;
    if (m->context == UPP_NO_NODE)
        return upp_fail(m, body.p, "no directory is there that they could belong to");
    struct reader r = rd_of(f[1]);
    if (!upp_next(m, &r, &choice))
        return upp_fail(m, f[1].p, "neither pinconfig nor filePath");
    if (choice.tag == 0x81) {
        uint16_t of = choice.value.n > 8 ? UPP_NO_NODE : upp_path(m, choice.value);
        if (of == UPP_NO_NODE || !profile_is_df(m->nodes[of].f.kind))
            return upp_fail(m, choice.value.p, "filePath: not a directory that is there");
        if (m->n_shared == UPP_SHARED_MAX)
            return upp_fail(m, choice.value.p, "more than %d directories that share PINs", UPP_SHARED_MAX);
        m->shared[m->n_shared++] = (struct upp_shared){
            .owner = m->context, .of = of, .offset = (size_t)(choice.value.p - m->package.p), .pe = m->pe};
        return true;
    }
    if (choice.tag != 0xA0)
        return upp_fail(m, choice.value.p, "neither pinconfig nor filePath");
    r = rd_of(choice.value);
    while (upp_next(m, &r, &t)) {
        if (t.tag != 0x30)
            return upp_fail(m, t.value.p, "tag %X is no PINConfiguration", t.tag);
        if (!read_pin(m, t.value))
            return false;
    }
    return !m->failed;
}

bool upp_read_puks(struct maker *m, struct span body)
{
    static const struct upp_field list[] = {{0xA0, "puk-Header", true, 0, 0}, {0xA1, "pukCodes", true, 0, 0}};
    static const struct upp_field one[] = {{0x80, "keyReference", true, 1, 2},
                                           {0x81, "pukValue", true, 8, 8},
                                           {0x82, "maxNumOfAttemps-retryNumLeft", false, 1, 2}};
    struct span f[UPP_COUNT(list)], g[UPP_COUNT(one)];
    struct tlv t;
    if (!upp_fields(m, body, list, UPP_COUNT(list), f))
        return false;
    struct reader r = rd_of(f[1]);
    while (upp_next(m, &r, &t)) {
        uint32_t reference, tries;
        if (t.tag != 0x30)
            return upp_fail(m, t.value.p, "tag %X is no PUKConfiguration", t.tag);
        if (!upp_fields(m, t.value, one, UPP_COUNT(one), g) || !upp_number(m, g[0], 255, &reference) ||
            !number_or(m, g[2], 255, TRIES_PUK_DEFAULT, &tries))
            return false;
        if (tries >> 4 == 0)
            return upp_fail(m, t.value.p, "PUK %02X: 0 attempts", reference);
        for (unsigned i = 0; i < m->n_puks; i++)
            if (m->puks[i].reference == reference)
                return upp_fail(m, t.value.p, "PUK %02X is there twice", reference);
        if (m->n_puks == PROFILE_PINS_MAX)
            return upp_fail(m, t.value.p, "more than %d PUKs", PROFILE_PINS_MAX);
        if (tries >> 4 != (tries & 0x0F))
            upp_note(m, t.value.p, "PUK %02X has %u of %u tries left: it begins with all", reference,
                     tries & 0x0F, tries >> 4);
        struct upp_puk *q = &m->puks[m->n_puks++];
        *q = (struct upp_puk){.reference = (uint8_t)reference, .tries = (uint8_t)(tries >> 4)};
        memcpy(q->value, g[1].p, sizeof q->value);
    }
    return !m->failed;
}

static bool add_pin(struct maker *m, const struct upp_pin *q, uint16_t owner)
{
    if (m->p.n_pins == PROFILE_PINS_MAX)
        return upp_fail(m, m->package.p + q->offset, "more than %d PINs", PROFILE_PINS_MAX);
    struct profile_pin *p = &m->p.pins[m->p.n_pins];
    *p = q->p;
    if ((p->reference & 0x80) != 0) {
        const struct node *n = &m->nodes[owner];
        if (n->out || n->f.kind != FILE_ADF) {
            upp_note_later(m, q->offset, q->pe, "pinCodes", "key reference %02X of %s: left out%s",
                           p->reference, n->f.name,
                           n->out ? " with it" : "; only applications have local PINs in this card");
            return true;
        }
        p->adf = n->f.applet;
        for (unsigned i = 0; i < m->p.n_pins; i++)
            if (m->p.pins[i].reference == p->reference && m->p.pins[i].adf == p->adf)
                return true; /* the application has one of its own already */
    }
    const struct upp_puk *puk = NULL;
    for (unsigned i = 0; i < m->n_puks; i++)
        if (m->puks[i].reference == q->unblock)
            puk = &m->puks[i];
    if (puk != NULL) {
        p->puk_tries = puk->tries;
        memcpy(p->puk, puk->value, sizeof p->puk);
    } else if (q->unblock != 0) {
        upp_note_later(m, q->offset, q->pe, "pinCodes",
                       "key reference %02X: its PUK %02X is not there, so it cannot be unblocked",
                       p->reference, q->unblock);
    }
    m->p.n_pins++;
    return true;
}

static bool finish_pins(struct maker *m)
{
    for (unsigned i = 0; i < m->n_pins; i++)
        if (!add_pin(m, &m->pins[i], m->pins[i].owner))
            return false;
    for (unsigned s = 0; s < m->n_shared; s++) {
        const struct upp_shared *shared = &m->shared[s];
        unsigned n = 0;
        for (unsigned i = 0; i < m->n_pins; i++) {
            if (m->pins[i].owner != shared->of || (m->pins[i].p.reference & 0x80) == 0)
                continue;
            n++;
            if (!add_pin(m, &m->pins[i], shared->owner))
                return false;
        }
        if (n > 0)
            upp_note_later(m, shared->offset, shared->pe, "pinCodes",
                           "PINs of %s shared with %s: copies, which change and block each for itself",
                           m->nodes[shared->of].f.name, m->nodes[shared->owner].f.name);
    }
    return true;
}

/* ---- authentication ---- */

enum { ID, OPTIONS, KEY, OPC, ROTATION, CONSTANTS, MAXIMUM, KECCAK, AKA_FIELDS };
enum { ALGORITHM_MILENAGE = 1, ALGORITHM_TUAK = 2, ALGORITHM_TEST = 3 };

/* r and c, when the package brings them: only what differs from TS 35.206 4.1 is kept. */
static bool read_constants(struct maker *m, const struct span f[AKA_FIELDS], struct aka_key *key)
{
    static const struct milenage_constants usual = {{0x40, 0x00, 0x20, 0x40, 0x60},
                                                    {{0}, {[15] = 1}, {[15] = 2}, {[15] = 4}, {[15] = 8}}};
    struct milenage_constants own = usual;
    if (f[ROTATION].p != NULL)
        memcpy(own.r, f[ROTATION].p, sizeof own.r);
    if (f[CONSTANTS].p != NULL)
        memcpy(own.c, f[CONSTANTS].p, sizeof own.c);
    if (memcmp(&own, &usual, sizeof own) == 0)
        return true;
    for (size_t i = 0; i < sizeof own.r; i++)
        if (own.r[i] > 127)
            return upp_fail(m, f[ROTATION].p, "rotationConstants: %u; at most 127", own.r[i]);
    key->own_constants = true;
    key->milenage = own;
    return true;
}

static bool read_parameters(struct maker *m, uint32_t id, const struct span f[AKA_FIELDS], uint32_t keccak,
                            struct aka_key *key)
{
    switch (id) {
    case ALGORITHM_MILENAGE:
        return read_constants(m, f, key);
    case ALGORITHM_TUAK:
        if (keccak > AKA_ITERATIONS_MAX)
            return upp_fail(m, f[KECCAK].p, "numberOfKeccak %lu; at most %d", (unsigned long)keccak,
                            AKA_ITERATIONS_MAX);
        key->iterations = (uint8_t)keccak;
        upp_note(m, f[OPTIONS].p, "algorithmOptions %02X: taken as 64 bits of MAC and RES, 128 of CK and IK",
                 f[OPTIONS].p[0]);
        return true;
    default:
        m->weak = true; /* the test algorithm protects nothing */
        if (f[OPTIONS].p[0] != 0x02)
            upp_note(m, f[OPTIONS].p, "algorithmOptions %02X: taken as 02, 128 bits of RES", f[OPTIONS].p[0]);
        return true;
    }
}

static bool read_algorithm(struct maker *m, struct span in)
{
    static const struct upp_field list[AKA_FIELDS] = {
        {0x80, "algorithmID", true, 1, 2},
        {0x81, "algorithmOptions", true, 1, 1},
        {0x82, "key", true, 1, 64},
        {0x83, "opc", true, 0, 64},
        {0x84, "rotationConstants", false, 5, 5},
        {0x85, "xoringConstants", false, 80, 80},
        {0x86, "authCounterMax", false, 3, 3},
        {0x87, "numberOfKeccak", false, 1, 2},
    };
    static const char *const names[] = {"", "milenage", "tuak", "xor"};
    struct span f[AKA_FIELDS];
    uint32_t id, keccak;
    if (!upp_fields(m, in, list, AKA_FIELDS, f) || !upp_number(m, f[ID], 255, &id) ||
        !number_or(m, f[KECCAK], 255, 1, &keccak))
        return false;
    if (f[MAXIMUM].p != NULL)
        upp_note(m, f[MAXIMUM].p, "authCounterMax: authentications are not limited in this card");
    const struct aka_algorithm *aka = id < UPP_COUNT(names) ? aka_algorithm_named(names[id]) : NULL;
    if (aka == NULL) {
        upp_note(m, in.p, "algorithm %lu: unknown; pair 0 gets derived keys for milenage", (unsigned long)id);
        return true;
    }
    struct aka_key *key = &m->pair.key;
    if (f[KEY].n > sizeof key->k || (f[KEY].n != aka->k_lens[0] && f[KEY].n != aka->k_lens[1]))
        return upp_fail(m, f[KEY].p, "a key of %zu octets; %s takes %u", f[KEY].n, aka->name, aka->k_lens[0]);
    if (aka->opc_len != 0 && f[OPC].n != aka->opc_len)
        return upp_fail(m, f[OPC].p, "an OPc (TOPc) of %zu octets; %s takes %u", f[OPC].n, aka->name,
                        aka->opc_len);
    m->pair.algorithm = (uint8_t)aka->id;
    key->k_len = (uint8_t)f[KEY].n;
    memcpy(key->k, f[KEY].p, f[KEY].n);
    key->opc_len = aka->opc_len;
    if (aka->opc_len > 0) /* opc means nothing to the test algorithm */
        memcpy(key->opc, f[OPC].p, aka->opc_len);
    m->weak = m->weak || profile_key_known(key->k, key->k_len) ||
              (key->opc_len > 0 && profile_key_known(key->opc, key->opc_len));
    m->has_key = true;
    return read_parameters(m, id, f, keccak, key) &&
           (aka_key_valid(aka, key) || upp_fail(m, in.p, "parameters that %s does not have", aka->name));
}

static bool read_sqn(struct maker *m, struct span options, struct span delta, struct span age,
                     struct span init)
{
    struct reader r = rd_of(init);
    struct tlv t;
    bool zero = true;
    m->pair.sqn.ind_bits = SQN_IND_BITS;
    m->pair.sqn.delta = delta.p == NULL ? 1u << 28 : big_endian(delta);
    m->pair.sqn.age = 0;
    if (m->pair.sqn.delta > 0x07FFFFFFFFFF || (age.p != NULL && big_endian(age) > 0x07FFFFFFFFFF))
        return upp_fail(m, delta.p == NULL ? age.p : delta.p, "sqnDelta or sqnAgeLimit above 07FFFFFFFFFF");
    /* 02 is the default: protection against wrap around by delta (TS 33.102 C.2.1). What other bits ask for
     * beyond that is not enforced. */
    if (options.p != NULL && options.p[0] != SQN_DEFAULT_OPTIONS)
        upp_note(m, options.p, "sqnOptions %02X: taken as 02, a limit on jumps (sqnDelta) and none on age",
                 options.p[0]);
    while (upp_next(m, &r, &t)) {
        if (t.tag != 0x04 || t.value.n != 6)
            return upp_fail(m, t.value.p, "sqnInit: not six octets each");
        zero = zero && big_endian(t.value) == 0;
    }
    if (!zero)
        upp_note(m, init.p, "sqnInit: sequence numbers begin at 0 in this card");
    return !m->failed;
}

bool upp_read_aka(struct maker *m, struct span body)
{
    static const struct upp_field list[] = {
        {0xA0, "aka-header", true, 0, 0},   {0xA1, "algoConfiguration", true, 0, 0},
        {0x82, "sqnOptions", false, 1, 1},  {0x83, "sqnDelta", false, 6, 6},
        {0x84, "sqnAgeLimit", false, 6, 6}, {0xA5, "sqnInit", false, 0, 0}};
    static const struct upp_field mapping[] = {{0x80, "mappingOptions", true, 1, 1},
                                               {0x81, "mappingSource", true, 5, 16}};
    struct span f[UPP_COUNT(list)], g[UPP_COUNT(mapping)];
    struct tlv choice;
    if (!upp_fields(m, body, list, UPP_COUNT(list), f))
        return false;
    struct reader r = rd_of(f[1]);
    if (!upp_next(m, &r, &choice) || (choice.tag != 0xA0 && choice.tag != 0xA1))
        return upp_fail(m, f[1].p, "neither mappingParameter nor algoParameter");
    if (m->naa[0] == 0)
        return upp_fail(m, body.p, "no application is there that it could belong to");
    if (!upp_has_class(m, m->naa)) {
        upp_note(m, body.p, "for the %s: left out with it", m->naa);
        return !m->failed;
    }
    if (choice.tag == 0xA0) {
        if (!upp_fields(m, choice.value, mapping, UPP_COUNT(mapping), g))
            return false;
        for (size_t i = 1; i < m->n_nodes;
             i++) /* every application of the card authenticates with the active pair */
            if (span_equal(g[1], span_of(m->nodes[i].aid, m->nodes[i].aid_len)))
                return true;
        upp_note(m, g[1].p, "mappingSource: no such application; all of the card use its active pair");
        return !m->failed;
    }
    if (m->has_aka) {
        if (!span_equal(m->aka, choice.value))
            upp_note(m, body.p,
                     "another key for the %s: left out; all applications of the card use its active pair",
                     m->naa);
        return !m->failed;
    }
    m->has_aka = true;
    m->aka = choice.value;
    return read_algorithm(m, choice.value) && read_sqn(m, f[2], f[3], f[4], f[5]);
}

/* ---- OTA keys ---- */

/* GlobalPlatform Card Specification, table 11-16. */
static uint8_t ota_algorithm(uint8_t type, size_t n)
{
    if (type == 0x88)
        return n == 16 || n == 24 || n == 32 ? OTA_AES : OTA_NONE;
    if (type == 0x80 || (type >= 0x82 && type <= 0x84))
        return n == 16 || n == 24 ? OTA_3DES : n == 8 ? OTA_DES : OTA_NONE;
    return OTA_NONE;
}

/* GlobalPlatform UICC Configuration: SCP02 has 20 to 2F (and 70), SCP03 30 to 3F. */
static bool channel_key(uint8_t version, uint8_t algorithm, size_t n)
{
    if ((version >= 0x20 && version <= 0x2F) || version == 0x70)
        return algorithm == OTA_3DES && n == 16;
    return version >= 0x30 && version <= 0x3F && algorithm == OTA_AES;
}

static struct upp_keyset *channel_keyset(struct maker *m, uint8_t version)
{
    struct upp_domain *d = &m->domain;
    for (unsigned i = 0; i < d->n_keysets; i++)
        if (d->keysets[i].k.version == version)
            return &d->keysets[i];
    return d->n_keysets < UPP_CHANNEL_KEYSETS ? &d->keysets[d->n_keysets++] : NULL;
}

static void take_key(struct maker *m, struct upp_keyset *s, uint8_t version, uint8_t id, uint8_t algorithm,
                     struct span key, uint32_t mac)
{
    if (s->has[id]) {
        upp_note(m, key.p, "key %u of version %u is there already: left out", id, version);
        return;
    }
    if (s->offset == 0) {
        s->offset = (size_t)(key.p - m->package.p);
        s->pe = m->pe;
        s->k.version = version;
        s->k.mac_len = 8;
    }
    s->has[id] = true;
    uint8_t *to = id == KEY_KIC ? s->k.kic : id == KEY_KID ? s->k.kid : s->k.kik;
    *(id == KEY_KIC ? &s->k.kic_len : id == KEY_KID ? &s->k.kid_len : &s->k.kik_len) = (uint8_t)key.n;
    *(id == KEY_KIC   ? &s->k.kic_algorithm
      : id == KEY_KID ? &s->k.kid_algorithm
                      : &s->kik_algorithm) = algorithm;
    memcpy(to, key.p, key.n);
    m->weak = m->weak || ota_key_is_des(algorithm, key) || profile_key_known(key.p, key.n);
    if (id == KEY_KID && mac == 4 && algorithm == OTA_AES)
        s->k.mac_len = 4;
    else if (id == KEY_KID && mac != 8)
        upp_note(m, key.p, "macLength %u: taken as 8", mac);
}

static bool read_key(struct maker *m, struct span in)
{
    static const struct upp_field list[] = {
        {0x95, "keyUsageQualifier", true, 1, 2}, {0x96, "keyAccess", false, 1, 1},
        {0x82, "keyIdentifier", true, 1, 1},     {0x83, "keyVersionNumber", true, 1, 1},
        {0x85, "keyCounterValue", false, 0, 0},  {0x30, "keyComponents", true, 0, 0}};
    static const struct upp_field component[] = {
        {0x80, "keyType", true, 1, 2}, {0x86, "keyData", true, 1, 512}, {0x87, "macLength", false, 1, 2}};
    struct span f[UPP_COUNT(list)], g[UPP_COUNT(component)];
    struct tlv t;
    uint32_t mac;
    if (!upp_fields(m, in, list, UPP_COUNT(list), f))
        return false;
    struct reader r = rd_of(f[5]);
    if (!upp_next(m, &r, &t) || t.tag != 0x30)
        return upp_fail(m, f[5].p, "keyComponents: no component");
    if (!upp_fields(m, t.value, component, UPP_COUNT(component), g) || !number_or(m, g[2], 255, 8, &mac))
        return false;
    uint8_t id = f[2].p[0], version = f[3].p[0], algorithm = ota_algorithm(g[0].p[0], g[1].n);
    struct upp_keyset *channel = NULL;
    if (m->in_domain && id >= KEY_KIC && id <= KEY_KIK && r.left == 0 &&
        channel_key(version, algorithm, g[1].n))
        channel = channel_keyset(m, version);
    if (channel != NULL)
        take_key(m, channel, version, id, algorithm, g[1], 8);
    else if (version < 1 ||
             version > 15) /* ETSI TS 102 225 5.1.2; the others are SCP02's, SCP03's, SCP81's, tokens' */
        upp_note(m, in.p, "key %u of version %02X: not one of SCP80, left out", id, version);
    else if (id < KEY_KIC || id > KEY_KIK || r.left > 0)
        upp_note(m, in.p, "key %u of version %u: not KIc, KID or KIK, left out", id, version);
    else if (algorithm == OTA_NONE)
        upp_note(m, in.p, "key %u of version %u: type %02X with %zu octets is not one of SCP80, left out", id,
                 version, g[0].p[0], g[1].n);
    else
        take_key(m, &m->keysets[version], version, id, algorithm, g[1], mac);
    if (f[4].p != NULL)
        upp_note(m, f[4].p, "keyCounterValue: counters begin at 0 in this card");
    if (f[1].p != NULL && f[1].p[0] != 0)
        upp_note(m, f[1].p, "keyAccess %02X: the key is for %s only", f[1].p[0],
                 channel != NULL ? "its security domain" : "command packets");
    return !m->failed;
}

/* TARs of toolkit parameters (ETSI TS 102 226 8.2.1.3.2.2.1); without any it is 000000. */
static void domain_tars(struct span ea, struct profile_applet *a)
{
    struct span toolkit = SPAN_EMPTY;
    (void)tlv_find(ea, 0x80, &toolkit);
    struct reader r = rd_of(toolkit);
    (void)rd_take(&r, 3); /* priority, timers, length of a menu entry */
    (void)rd_take(&r, 2 * (size_t)rd_u8(&r));
    (void)rd_u8(&r); /* channels */
    (void)rd_take(&r, rd_u8(&r)); /* minimum security level: not below this card's own */
    struct span tars = rd_take(&r, rd_u8(&r));
    for (size_t at = 0; rd_ok(&r) && at + 3 <= tars.n && a->n_tars < 4; at += 3)
        memcpy(a->tars[a->n_tars++], tars.p + at, 3);
    if (a->n_tars == 0)
        a->n_tars = 1;
}

/* The first becomes the issuer's; others, and their keys for secure channels, are left out. */
static void take_domain(struct maker *m, struct span aid, struct span ea)
{
    char hex[2 * PROFILE_AID_MAX + 1];
    hex_format(aid, hex);
    m->in_domain = !m->domain.there && upp_has_class(m, "isd");
    if (!m->in_domain) {
        upp_note(m, aid.p, "security domain %s with its TARs: not in this card; its SCP80 keys are taken",
                 hex);
        return;
    }
    m->domain.there = true;
    m->domain.a = (struct profile_applet){.class_name = "isd", .adf = PROFILE_NO_FILE, .msl = MSL_OURS};
    memcpy(m->domain.a.aid, aid.p, aid.n);
    m->domain.a.aid_len = (uint8_t)aid.n;
    domain_tars(ea, &m->domain.a);
}

bool upp_read_domain(struct maker *m, struct span body)
{
    static const struct upp_field list[] = {
        {0xA0, "sd-Header", true, 0, 0},      {0xA1, "instance", true, 0, 0},
        {0xA2, "keyList", false, 0, 0},       {0xA3, "sdPersoData", false, 0, 0},
        {0xA4, "openPersoData", false, 0, 0}, {0xA5, "catTpParameters", false, 0, 0}};
    static const struct upp_field instance[] = {{0x4F, "applicationLoadPackageAID", true, 5, 16},
                                                {0x4F, "classAID", true, 5, 16},
                                                {0x4F, "instanceAID", true, 5, 16},
                                                {0x4F, "extraditeSecurityDomainAID", false, 5, 16},
                                                {0x82, "applicationPrivileges", true, 0, 0},
                                                {0x83, "lifeCycleState", false, 1, 1},
                                                {0xC9, "applicationSpecificParametersC9", true, 0, 0},
                                                {0xEF, "systemSpecificParameters", false, 0, 0},
                                                {0xEA, "applicationParameters", false, 0, 0},
                                                {0x30, "processData", false, 0, 0},
                                                {0xB0, "controlReferenceTemplate", false, 0, 0}};
    struct span f[UPP_COUNT(list)], g[UPP_COUNT(instance)];
    struct tlv t;
    if (!upp_fields(m, body, list, UPP_COUNT(list), f))
        return false;
    m->element = "instance";
    if (!upp_fields(m, f[1], instance, UPP_COUNT(instance), g))
        return false;
    take_domain(m, g[2], g[8]);
    m->element = "keyList";
    struct reader r = rd_of(f[2]);
    while (upp_next(m, &r, &t)) {
        if (t.tag != 0x30)
            return upp_fail(m, t.value.p, "tag %X is no KeyObject", t.tag);
        if (!read_key(m, t.value))
            return false;
    }
    m->element = "";
    for (unsigned i = 3; i < UPP_COUNT(list); i++)
        if (f[i].p != NULL)
            upp_note(m, f[i].p, "%s: left out", list[i].name);
    return !m->failed;
}

/* ---- remote file management ---- */

/* ETSI TS 102 226 8.2.1.3.2.5 */
static uint32_t access_domain(struct maker *m, struct span s, const char *name)
{
    if (s.n == 0 || (s.n == 1 && s.p[0] == 0xFF)) /* no access */
        return 0;
    if (s.p[0] == 0x00)
        return ALL_PINS;
    char hex[2 * 8 + 1];
    hex_format(span_slice(s, 0, 8), hex);
    if (s.p[0] != 0x02 || s.n != 4) {
        upp_note(m, s.p, "%s %s: unknown, grants nothing", name, hex);
        return 0;
    }
    if ((s.p[1] & 0xFE) != 0 || (s.p[2] & 0xE0) != 0 || s.p[3] != 0)
        upp_note(m, s.p, "%s %s: of it, only PIN1 and ADM1 to ADM5 are granted", name, hex);
    return profile_access_conditions(s.p + 1);
}

static bool read_tars(struct maker *m, struct span list, struct profile_applet *a)
{
    struct reader r = rd_of(list);
    struct tlv t;
    while (upp_next(m, &r, &t)) {
        if (t.tag != 0x04 || t.value.n != 3)
            return upp_fail(m, t.value.p, "tarList: a TAR has three octets");
        if (a->n_tars == sizeof a->tars / sizeof a->tars[0])
            upp_note(m, t.value.p, "TAR %02X%02X%02X: left out, an application has at most %zu", t.value.p[0],
                     t.value.p[1], t.value.p[2], sizeof a->tars / sizeof a->tars[0]);
        else
            memcpy(a->tars[a->n_tars++], t.value.p, 3);
    }
    return !m->failed;
}

bool upp_read_rfm(struct maker *m, struct span body)
{
    static const struct upp_field list[] = {{0xA0, "rfm-header", true, 0, 0},
                                            {0x4F, "instanceAID", true, 5, 16},
                                            {0x4F, "securityDomainAID", false, 5, 16},
                                            {0xA0, "tarList", false, 0, 0},
                                            {0x81, "minimumSecurityLevel", true, 1, 1},
                                            {0x04, "uiccAccessDomain", true, 0, 0},
                                            {0x04, "uiccAdminAccessDomain", true, 0, 0},
                                            {0x30, "adfRFMAccess", false, 0, 0}};
    static const struct upp_field adf[] = {{0x80, "adfAID", true, 5, 16},
                                           {0x81, "adfAccessDomain", true, 0, 0},
                                           {0x82, "adfAdminAccessDomain", true, 0, 0}};
    enum { HEADER, AID, SD, TARS, MSL, UICC, UICC_ADMIN, ADF };
    struct span f[UPP_COUNT(list)], g[UPP_COUNT(adf)];
    if (!upp_fields(m, body, list, UPP_COUNT(list), f))
        return false;
    if (m->n_rfms == UPP_RFMS_MAX)
        return upp_fail(m, body.p, "more than %d of them", UPP_RFMS_MAX);
    struct upp_rfm *q = &m->rfms[m->n_rfms++];
    *q = (struct upp_rfm){.offset = (size_t)(body.p - m->package.p), .pe = m->pe};
    q->a.class_name = "rfm";
    q->a.adf = 0;
    q->a.msl = f[MSL].p[0];
    if ((q->a.msl & 0xE0) != 0) {
        upp_note(m, f[MSL].p,
                 "minimumSecurityLevel %02X: bits 8 to 6 are reserved (TS 102 225 5.1.1); taken as %02X",
                 q->a.msl, q->a.msl & 0x1F);
        q->a.msl &= 0x1F;
    }
    m->weak = m->weak || (q->a.msl & 0x03) < 2;
    if (f[TARS].p != NULL) {
        if (!read_tars(m, f[TARS], &q->a))
            return false;
    } else if (f[AID].n >= 15) { /* ETSI TS 101 220 annex D: a TAR is octets 13 to 15 of the AID */
        memcpy(q->a.tars[q->a.n_tars++], f[AID].p + 12, 3);
    }
    uint32_t files = access_domain(m, f[UICC], "uiccAccessDomain");
    uint32_t admin = access_domain(m, f[UICC_ADMIN], "uiccAdminAccessDomain");
    if (f[ADF].p != NULL) {
        if (!upp_fields(m, f[ADF], adf, UPP_COUNT(adf), g))
            return false;
        memcpy(q->adf_aid, g[0].p, g[0].n);
        q->adf_aid_len = (uint8_t)g[0].n;
        uint32_t own = access_domain(m, g[1], "adfAccessDomain"),
                 own_admin = access_domain(m, g[2], "adfAdminAccessDomain");
        if (own != files || own_admin != admin)
            upp_note(m, f[ADF].p,
                     "other access to the ADF's files than to the UICC's: what is common to both is granted");
        files &= own;
        admin &= own_admin;
    }
    if (files != admin)
        upp_note(m, body.p,
                 "other access for administration than for reading and updating: what is common to both is "
                 "granted");
    q->a.access = files & admin;
    return true;
}

static struct profile_applet *add_applet(struct maker *m, const char *class_name)
{
    struct profile_applet *a = &m->p.applets[m->p.n_applets++]; /* room for all was checked with the ADFs' */
    *a = (struct profile_applet){.class_name = class_name, .adf = PROFILE_NO_FILE, .msl = MSL_OURS};
    return a;
}

static void drop_known_tars(struct maker *m, const struct upp_rfm *q, struct profile_applet *a)
{
    for (unsigned t = 0; t < a->n_tars;) {
        bool known = false;
        for (unsigned i = 0; i < m->p.n_applets; i++)
            for (unsigned k = 0; k < m->p.applets[i].n_tars; k++)
                known = known || memcmp(m->p.applets[i].tars[k], a->tars[t], 3) == 0;
        if (!known) {
            t++;
            continue;
        }
        upp_note_later(m, q->offset, q->pe, "rfm", "TAR %02X%02X%02X: another application has it already",
                       a->tars[t][0], a->tars[t][1], a->tars[t][2]);
        memmove(a->tars[t], a->tars[t + 1], 3 * (size_t)(a->n_tars - t - 1));
        a->n_tars--;
    }
}

/* Complete ones go behind the common keysets, of which pairs have been made. */
static void finish_domain(struct maker *m)
{
    uint8_t index = 0;
    while (index < m->p.n_applets && strcmp(m->p.applets[index].class_name, "isd") != 0)
        index++;
    for (unsigned i = 0; i < m->domain.n_keysets; i++) {
        struct upp_keyset *s = &m->domain.keysets[i];
        bool whole = s->has[KEY_KIC] && s->has[KEY_KID] && s->has[KEY_KIK] && s->k.kic_len == s->k.kid_len &&
                     s->k.kic_len == s->k.kik_len && keyset_valid(&s->k);
        if (!whole || m->p.n_keysets >= PROFILE_KEYSETS_MAX)
            upp_note_later(m, s->offset, s->pe, "securityDomain", "keyset version %02X: %s, left out",
                           s->k.version, whole ? "one too many" : "not whole");
        else
            m->p.keysets[m->p.n_keysets++] =
                (struct profile_keyset){.keys = s->k, .domain = (uint8_t)(index + 1)};
    }
}

static void finish_applets(struct maker *m)
{
    struct profile_applet *own = add_applet(m, "subscription");
    memcpy(own->aid, subscription_aid, sizeof subscription_aid);
    own->aid_len = sizeof subscription_aid;
    memcpy(own->tars[own->n_tars++], subscription_tar, 3);
    (void)add_applet(m, "ota");
    if (m->domain.there) {
        struct profile_applet *domain = &m->p.applets[m->p.n_applets++];
        *domain = m->domain.a;
    }
    if (upp_has_class(m, "gsm")) /* class A0, for clients that know no USIM: every card has it */
        (void)add_applet(m, "gsm");
    for (unsigned i = 0; i < m->n_rfms; i++) {
        struct upp_rfm *q = &m->rfms[i];
        const struct node *dir = &m->nodes[0];
        for (size_t k = 1; q->adf_aid_len > 0 && k < m->n_nodes; k++)
            if (span_equal(span_of(q->adf_aid, q->adf_aid_len),
                           span_of(m->nodes[k].aid, m->nodes[k].aid_len)))
                dir = &m->nodes[k];
        if (dir->out || (q->adf_aid_len > 0 && dir == &m->nodes[0])) {
            upp_note_later(m, q->offset, q->pe, "rfm", "for %s: left out%s",
                           dir->out ? dir->f.name : "an ADF that is not there", dir->out ? " with it" : "");
            continue;
        }
        q->a.adf = dir->place;
        drop_known_tars(m, q, &q->a);
        if (q->a.n_tars == 0) {
            upp_note_later(m, q->offset, q->pe, "rfm", "it has no TAR of its own: left out");
            continue;
        }
        m->p.applets[m->p.n_applets++] = q->a;
    }
}

/* ---- the key list ---- */

static void derive_ota(struct profile_pair *pair, uint8_t version)
{
    pair->derived |= PAIR_DERIVE_OTA;
    pair->ota = (struct keyset){.version = version,
                                .kic_algorithm = OTA_AES,
                                .kid_algorithm = OTA_AES,
                                .mac_len = 8,
                                .kic_len = 16,
                                .kid_len = 16,
                                .kik_len = 16};
}

static void derive_key(struct profile_pair *pair)
{
    pair->algorithm = AKA_MILENAGE;
    pair->derived |= PAIR_DERIVE_K | PAIR_DERIVE_OPC;
    memset(&pair->key, 0, sizeof pair->key);
    pair->key.k_len = pair->key.opc_len = 16;
    pair->sqn = (struct sqn_scheme){.ind_bits = SQN_IND_BITS, .delta = 1u << 28}; /* TS 33.102 C.3.2 */
}

/* The package's subscriber is pair 0, under its first SCP80 keyset; further ones are keysets of the card's
 * owner, without rights in the key list; both may manage applets, being the security domain's. */
static bool finish_pairs(struct maker *m)
{
    struct profile_pair *first = &m->p.pairs[0];
    uint8_t version = 0;
    *first = m->pair;
    if (!m->has_key)
        derive_key(first);
    if (!m->has_aka)
        upp_note_later(m, 0, 0, "header",
                       "no akaParameter in the package: pair 0 gets derived keys for milenage");
    for (uint8_t v = 1; v < UPP_KEYSETS; v++) {
        struct upp_keyset *s = &m->keysets[v];
        if (s->offset == 0)
            continue;
        if (s->has[KEY_KIK] &&
            s->kik_algorithm != keyset_kik_algorithm(&s->k)) {
            upp_note_later(m, s->offset, s->pe, "securityDomain",
                           "KIK of version %u: of another algorithm than KIc, left out", v);
            s->k.kik_len = 0;
            memset(s->k.kik, 0, sizeof s->k.kik);
        }
        if (!keyset_valid(&s->k)) {
            upp_note_later(m, s->offset, s->pe, "securityDomain",
                           "keyset version %u: not one that the card can use, left out", v);
        } else if (version == 0) {
            version = v;
            first->ota = s->k;
        } else {
            m->p.keysets[m->p.n_keysets++] =
                (struct profile_keyset){.keys = s->k, .rights = m->domain.there ? RIGHT_MANAGE_APPLETS : 0};
        }
    }
    if (version == 0)
        derive_ota(first, version = 1);
    /* they are its keys */
    uint32_t rights = RIGHT_REMOTE_CHANGE | (m->domain.there ? RIGHT_MANAGE_APPLETS : 0);
    first->ota_rights = rights;
    if (m->o->pairs > PROFILE_PAIRS_MAX - 1)
        return upp_fail(m, m->package.p, "more than %d pairs", PROFILE_PAIRS_MAX);
    m->p.n_pairs = (uint16_t)(1 + m->o->pairs);
    for (unsigned i = 1; i < m->p.n_pairs; i++) {
        struct profile_pair *pair = &m->p.pairs[i];
        derive_key(pair);
        derive_ota(pair, version);
        pair->ota_rights = rights;
    }
    m->p.insecure = m->weak;
    if (m->weak)
        upp_note_later(m, 0, 0, "header",
                       "keys that anyone guesses, or applications without a checksum: a card for tests only");
    return true;
}

bool upp_finish_keys(struct maker *m)
{
    finish_applets(m);
    if (!finish_pins(m) || !finish_pairs(m))
        return false;
    finish_domain(m);
    return true;
}
