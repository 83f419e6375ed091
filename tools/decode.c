/* SPDX-License-Identifier: Apache-2.0 */
#include "decode.h"

#include "decode_rows.h"
#include "decode_text.h"

static const struct decode_row *find(enum decode_place place, uint16_t fid)
{
    const struct decode_rows *const subjects[] = {&decode_identity, &decode_network, &decode_keys,
                                                  &decode_numbers};
    for (size_t s = 0; s < sizeof subjects / sizeof subjects[0]; s++)
        for (size_t i = 0; i < subjects[s]->n; i++)
            if (subjects[s]->rows[i].place == place && subjects[s]->rows[i].fid == fid)
                return &subjects[s]->rows[i];
    return NULL;
}

enum decode_place decode_place(const struct profile_file *dir, struct span aid, enum decode_place above)
{
    /* ETSI TS 101 220 annex D: 3GPP, application code */
    static const uint8_t usim[] = {0xA0, 0, 0, 0, 0x87, 0x10, 0x02},
                         isim[] = {0xA0, 0, 0, 0, 0x87, 0x10, 0x04};
    if (dir->kind == FILE_MF)
        return PLACE_MF;
    if (dir->kind == FILE_ADF)
        return span_starts(aid, span_of(usim, sizeof usim))   ? PLACE_USIM
               : span_starts(aid, span_of(isim, sizeof isim)) ? PLACE_ISIM
                                                              : PLACE_UNKNOWN;
    switch (dir->fid) {
    case 0x7F10:
        return above == PLACE_MF ? PLACE_TELECOM : PLACE_UNKNOWN;
    case 0x7F20:
        return above == PLACE_MF ? PLACE_GSM : PLACE_UNKNOWN;
    case 0x5F3A:
        return above == PLACE_USIM || above == PLACE_TELECOM ? PLACE_PHONEBOOK : PLACE_UNKNOWN;
    case 0x5F3B: /* below DF.TELECOM it is DF.MULTIMEDIA */
        return above == PLACE_USIM ? PLACE_GSM_ACCESS : PLACE_UNKNOWN;
    case 0x5FC0:
        return above == PLACE_USIM ? PLACE_5GS : PLACE_UNKNOWN;
    case 0x5F40:
        return above == PLACE_USIM ? PLACE_WLAN : PLACE_UNKNOWN;
    case 0x5FD0:
        return above == PLACE_USIM ? PLACE_SAIP : PLACE_UNKNOWN;
    default:
        return PLACE_UNKNOWN;
    }
}

bool decode_secret(enum decode_place place, uint16_t fid)
{
    const struct decode_row *row = find(place, fid);
    return row != NULL && row->secret;
}

const char *decode_clause(enum decode_place place, uint16_t fid)
{
    const struct decode_row *row = find(place, fid);
    return row != NULL ? row->clause : NULL;
}

/* All FF is "nothing" for any file but a few, of which that is said all the same: a list without members, no
 * keys. */
enum decode_result decode(enum decode_place place, uint16_t fid, struct span content, bool json, char *to,
                          size_t room)
{
    struct out o;
    const struct decode_row *row = find(place, fid);
    if (room > 0)
        to[0] = '\0';
    if (text_blank(content))
        return DECODE_EMPTY;
    if (row == NULL || row->decode == NULL)
        return DECODE_UNKNOWN;
    out_begin(&o, json, to, room);
    bool good = row->decode(content, &o);
    const bool fits = out_end(&o);
    if (fits && good)
        return DECODED;
    if (room > 0)
        to[0] = '\0';
    return good ? DECODE_UNKNOWN : DECODE_BAD; /* a long list: its octets tell as much */
}
