/* SPDX-License-Identifier: Apache-2.0
 *
 * A TCP connection that carries SMPP PDUs, either end of it: non-blocking, with bounded buffers both ways.
 */
#ifndef TOOLS_SMPP_LINK_H
#define TOOLS_SMPP_LINK_H

#include "smpp.h"

enum {
    SMPP_LINK_IN = 8 * SMPP_PDU_MAX,
    SMPP_LINK_OUT = 32 * SMPP_PDU_MAX,
};

struct smpp_link {
    int fd; /* the link's own; -1: none */
    size_t in_at, in_len, out_at, out_len;
    uint8_t in[SMPP_LINK_IN];
    uint8_t out[SMPP_LINK_OUT];
};

struct smpp_link_error {
    char text[512];
};

/* Takes fd, and makes it non-blocking. */
bool smpp_link_init(struct smpp_link *l, int fd);
void smpp_link_close(struct smpp_link *l);

/* "HOST:PORT" or "[HOST]:PORT" into host (room for 256) and port. false: it is neither. */
bool smpp_endpoint(const char *text, char host[256], char port[6]);

/* Connects to HOST:PORT within so many milliseconds. */
bool smpp_link_connect(struct smpp_link *l, const char *endpoint, unsigned timeout_ms,
                       struct smpp_link_error *error);

/* Reads what is there, once. false: the other end is gone (errno 0: it hung up). */
bool smpp_link_read(struct smpp_link *l);

/* The next whole PDU, borrowed until the next call. SMPP_LINK_LOST: what stands there has the length of no
 * PDU; where the next one begins will never be known, and the connection is to be given up. */
enum smpp_link_next { SMPP_LINK_NONE, SMPP_LINK_PDU, SMPP_LINK_LOST };
enum smpp_link_next smpp_link_next(struct smpp_link *l, struct span *pdu);

/* smpp_link_next would find something. */
bool smpp_link_ready(const struct smpp_link *l);

/* The command_id of what smpp_link_next would find; 0: no PDU. */
uint32_t smpp_link_peek(const struct smpp_link *l);

/* Queues a PDU. false: no room. */
bool smpp_link_put(struct smpp_link *l, const struct smpp_pdu *pdu);
size_t smpp_link_room(const struct smpp_link *l);
static inline bool smpp_link_pending(const struct smpp_link *l)
{
    return l->out_at < l->out_len;
}

/* Writes what can be written now. false: the other end is gone. */
bool smpp_link_flush(struct smpp_link *l);

#endif
