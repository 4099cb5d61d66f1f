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

/* Their parameters, up to NULL. */
extern const char *const responses_parameters[], *const heatmap_parameters[],
						     *const figure_parameters[];

#endif
