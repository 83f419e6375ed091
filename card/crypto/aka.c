/* SPDX-License-Identifier: Apache-2.0 */
#include "aka.h"

#include "milenage.h"

static const struct aka_algorithm *const algorithms[] = {&aka_milenage};

enum { N_ALGORITHMS = sizeof algorithms / sizeof algorithms[0] };

const struct aka_algorithm *aka_algorithm(unsigned id)
{
    for (size_t i = 0; i < N_ALGORITHMS; i++)
        if ((unsigned)algorithms[i]->id == id)
            return algorithms[i];
    return NULL;
}

const struct aka_algorithm *aka_algorithm_named(const char *name)
{
    for (size_t i = 0; i < N_ALGORITHMS; i++)
        if (strcmp(algorithms[i]->name, name) == 0)
            return algorithms[i];
    return NULL;
}

void aka_gsm(const struct aka_vector *v, uint8_t sres[4], uint8_t kc[8])
{
    /* c2 pads RES with zeros to 128 bits and folds it to 32; c3 folds CK and IK to 64 (TS 33.102 6.8.1.2). */
    memset(sres, 0, 4);
    for (size_t i = 0; i < sizeof v->res && i < v->res_len; i++)
        sres[i % 4] ^= v->res[i];
    for (size_t i = 0; i < 8; i++)
        kc[i] = v->ck[i] ^ v->ck[i + 8] ^ v->ik[i] ^ v->ik[i + 8];
}
