/* SPDX-License-Identifier: Apache-2.0
 *
 * Look-up in a profile: hash tables of (parent, FID) and (parent, SFI), so that SELECT costs the same in a
 * tree of ten files and of four thousand.
 */
#include "profile.h"

#include <stdlib.h>

int profile_pin_bit(uint8_t reference)
{
    /* TS 102 221 9.5.1: global references have bit 8 clear, local ones set; x9 is RFU in both ranges */
    if (reference >= 0x01 && reference <= 0x08)
        return reference - 0x01;
    if (reference >= 0x0A && reference <= 0x0E)
        return reference - 0x0A + 8;
    if (reference == 0x11)
        return 13;
    if (reference >= 0x81 && reference <= 0x88)
        return reference - 0x81 + 16;
    if (reference >= 0x8A && reference <= 0x8E)
        return reference - 0x8A + 24;
    return -1;
}

uint32_t profile_access_conditions(const uint8_t octets[3])
{
    return (uint32_t)(octets[0] & 0x01) << profile_pin_bit(0x01) | (uint32_t)(octets[1] & 0x1F)
                                                                       << profile_pin_bit(0x0A);
}

/* A mixer with good low bits (FIDs of one DF are mostly consecutive). */
static uint32_t slot(const struct profile *p, uint16_t parent, uint16_t id)
{
    uint32_t x = ((uint32_t)parent << 16) | id;
    x ^= x >> 16;
    x *= 0x7FEB352DU;
    x ^= x >> 15;
    x *= 0x846CA68BU;
    x ^= x >> 16;
    return x & (p->hash_size - 1);
}

uint16_t profile_child(const struct profile *p, uint16_t parent, uint16_t fid)
{
    if (p->children == NULL)
        return PROFILE_NO_FILE;
    /* ends: the tables are at most half full */
    for (uint32_t s = slot(p, parent, fid);; s = (s + 1) & (p->hash_size - 1)) {
        uint16_t i = p->children[s];
        if (i == PROFILE_NO_FILE || (p->files[i].fid == fid && p->files[i].parent == parent))
            return i;
    }
}

uint16_t profile_sfi(const struct profile *p, uint16_t parent, uint8_t sfi)
{
    if (p->sfis == NULL || sfi == 0)
        return PROFILE_NO_FILE;
    for (uint32_t s = slot(p, parent, sfi);; s = (s + 1) & (p->hash_size - 1)) {
        uint16_t i = p->sfis[s];
        if (i == PROFILE_NO_FILE || (p->files[i].sfi == sfi && p->files[i].parent == parent))
            return i;
    }
}

static void enter(const struct profile *p, uint16_t *table, uint16_t parent, uint16_t id, uint16_t file)
{
    uint32_t s = slot(p, parent, id);
    while (table[s] != PROFILE_NO_FILE)
        s = (s + 1) & (p->hash_size - 1);
    table[s] = file;
}

static bool place(const struct profile *p, uint16_t i)
{
    const struct profile_file *f = &p->files[i];
    if (f->kind == FILE_MF || f->parent >= i || !profile_is_df(p->files[f->parent].kind))
        return false;
    if (!(f->kind == FILE_ADF && f->fid == PROFILE_FID_CURRENT_ADF)) {
        if (profile_child(p, f->parent, f->fid) != PROFILE_NO_FILE)
            return false;
        enter(p, p->children, f->parent, f->fid, i);
    }
    if (f->sfi != 0) {
        if (profile_sfi(p, f->parent, f->sfi) != PROFILE_NO_FILE)
            return false;
        enter(p, p->sfis, f->parent, f->sfi, i);
    }
    return true;
}

bool profile_index(struct profile *p, uint16_t *file)
{
    uint16_t ignored;
    if (file == NULL)
        file = &ignored;
    free(p->children); /* one allocation has both tables */
    p->children = NULL;
    p->sfis = NULL;
    *file = 0;
    if (p->n_files == 0 || p->n_files > PROFILE_FILES_MAX || p->files[0].kind != FILE_MF)
        return false;
    p->hash_size = 4;
    while (p->hash_size < 2u * p->n_files)
        p->hash_size *= 2;
    uint16_t *tables = malloc(2 * (size_t)p->hash_size * sizeof *tables);
    if (tables == NULL) {
        *file = PROFILE_NO_FILE;
        return false;
    }
    memset(tables, 0xFF, 2 * (size_t)p->hash_size * sizeof *tables); /* PROFILE_NO_FILE everywhere */
    p->children = tables;
    p->sfis = tables + p->hash_size;
    for (uint16_t i = 1; i < p->n_files; i++) {
        if (!place(p, i)) {
            *file = i;
            free(p->children);
            p->children = NULL;
            p->sfis = NULL;
            return false;
        }
    }
    return true;
}

void profile_free(struct uicc_profile *p)
{
    if (p == NULL)
        return;
    free(p->p.children);
    if (p->p.pool != NULL)
        crypto_wipe(p->p.pool, p->p.pool_size); /* K, OPc, OTA keys and PINs are in it */
    free(p->p.pool);
    free(p);
}

unsigned profile_common_keysets(const struct profile *p)
{
    unsigned n = 0;
    while (n < p->n_keysets && p->keysets[n].domain == 0)
        n++;
    return n;
}
