/* SPDX-License-Identifier: Apache-2.0 */
#include "ota_join.h"

#include <stdlib.h>

#include "crypto.h"

struct ota_join *ota_join_new(void)
{
    return calloc(1, sizeof(struct ota_join));
}

void ota_join_free(struct ota_join *j)
{
    if (j != NULL)
        crypto_wipe(j, sizeof *j);
    free(j);
}

static struct ota_join_message *message_of(struct ota_join *j, const struct sms_udh *u)
{
    struct ota_join_message *oldest = &j->messages[0];
    for (size_t i = 0; i < OTA_JOIN_MESSAGES; i++) {
        struct ota_join_message *m = &j->messages[i];
        if (m->used && m->reference == u->reference && m->reference16 == u->reference16 &&
            m->total == u->total)
            return m;
    }
    for (size_t i = 0; i < OTA_JOIN_MESSAGES; i++) {
        struct ota_join_message *m = &j->messages[i];
        if (!m->used) {
            oldest = m;
            break;
        }
        if (m->begun < oldest->begun)
            oldest = m;
    }
    memset(oldest, 0, sizeof *oldest);
    oldest->used = true;
    oldest->begun = ++j->begun;
    oldest->reference = u->reference;
    oldest->reference16 = u->reference16;
    oldest->total = u->total;
    return oldest;
}

/* What the check of a response covers, whatever stood in the messages (TS 31.115 5). */
static void put_header(struct buf *whole)
{
    buf_put(whole, span_of("\x02\x71\x00", 3));
}

static enum ota_join_result put_part(struct ota_join *j, const struct sms_udh *u, struct span *packet)
{
    if (u->part < 1 || u->part > u->total || u->body.n > SMS_UD_MAX)
        return OTA_JOIN_NONE;
    struct ota_join_message *m = message_of(j, u);
    const size_t at = u->part - 1u;
    if (m->there[at]) /* a duplicate; should it differ, the check will tell whether the right one came first
                       */
        return OTA_JOIN_PART;
    m->there[at] = true;
    m->n[at] = (uint8_t)u->body.n;
    if (u->body.n > 0)
        memcpy(m->parts[at], u->body.p, u->body.n);
    m->have++;
    /* TS 31.115 5: the identifier stands in the first part only. */
    m->response = m->response || u->response_packet;
    if (m->have < m->total)
        return OTA_JOIN_PART;
    struct buf whole = buf_of(j->whole, sizeof j->whole);
    put_header(&whole);
    for (size_t i = 0; i < m->total; i++)
        buf_put(&whole, span_of(m->parts[i], m->n[i]));
    m->used = false;
    *packet = buf_span(&whole);
    return m->response ? OTA_JOIN_WHOLE : OTA_JOIN_NONE;
}

enum ota_join_result ota_join_add(struct ota_join *j, struct span user_data, struct span *packet)
{
    struct sms_udh u;
    *packet = SPAN_EMPTY;
    if (!sms_udh_parse(user_data, &u))
        return OTA_JOIN_NONE;
    if (u.concatenated && u.total != 1)
        return put_part(j, &u, packet);
    if (!u.response_packet || (u.concatenated && u.part != 1))
        return OTA_JOIN_NONE;
    struct buf whole = buf_of(j->whole, sizeof j->whole);
    put_header(&whole);
    buf_put(&whole, u.body);
    *packet = buf_span(&whole);
    return buf_ok(&whole) ? OTA_JOIN_WHOLE : OTA_JOIN_NONE;
}
