/*
 * chart: the chart of a report as SVG within HTML, without script, style sheet
 * or reference, so that it looks the same everywhere. It only shows data from
 * the table below it, because mail programs omit it and a screen reader reads
 * only its title.
 */
#ifndef SINK_REPORT_CHART_H
#define SINK_REPORT_CHART_H

#include "common/base/buf.h"

#include <stddef.h>

#define CHART_CURVES 2

/* A place on the horizontal axis: its label, and the value of each curve in
 * seconds. NAN: the curve has a gap. */
struct chart_point {
	const char *label;
	double values[CHART_CURVES];
};

/* Appends curves of durations over the points, in order; titles has a name for
 * each. */
void chart_curves(struct buf *to, const char *title,
    const char *const titles[CHART_CURVES], const struct chart_point *points,
    size_t n);

#endif
