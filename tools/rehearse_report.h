/* SPDX-License-Identifier: Apache-2.0
 *
 * The outcome of a rehearsal: as a table, as JSON, as a page with plots.
 */
#ifndef TOOLS_REHEARSE_REPORT_H
#define TOOLS_REHEARSE_REPORT_H

#include <stdio.h>

#include "rehearse.h"

/* What a page begins with. */
#define REHEARSE_HTML_HEAD                                                                                   \
    "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>softuicc rehearse</title>\n"

void rehearse_text(FILE *f, const struct rehearse_outcome *out, const struct rehearse_run *run);
void rehearse_json(FILE *f, const struct rehearse_plan *plan, const struct rehearse_outcome *out,
                   const struct rehearse_run *run);
void rehearse_html(FILE *f, const struct rehearse_plan *plan, const struct rehearse_outcome *out,
                   const struct rehearse_run *run);

#endif
