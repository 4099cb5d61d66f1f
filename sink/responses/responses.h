/*
 * responses: the resources of response times over a range, see
 * messaging-responses(7).
 */
#ifndef SINK_RESPONSES_RESPONSES_H
#define SINK_RESPONSES_RESPONSES_H

#include "sink/responses/interval_filter.h"

resource_handler resource_responses; /* resource_responses.c */
resource_handler resource_heatmap;   /* resource_heatmap.c */
resource_handler resource_figure;    /* resource_figure.c */

/* The longest range of a heat map: ten years. Each hour of the range takes
 * memory, and in zones whose hours begin with no hour of UTC a place in a
 * statement. */
#define HEATMAP_DAYS_MAX 3660

/* Their parameters, up to NULL. */
extern const char *const responses_parameters[], *const heatmap_parameters[],
						     *const figure_parameters[];

#endif
