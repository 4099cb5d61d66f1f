/*
 * picture: pictures of a report, as SVG within HTML: no script, no style sheet,
 * no reference, so that it looks the same wherever it is shown. A picture says
 * nothing that the table below it does not: mail programs leave it out, and a
 * screen reader hears only its title.
 */
#ifndef SINK_PAGE_PICTURE_H
#define SINK_PAGE_PICTURE_H

#include "common/base/buf.h"

#include <stddef.h>

#define PICTURE_CURVES 3
#define PICTURE_DAYS 7
#define PICTURE_HOURS 24

/* A place on the horizontal axis: its label, and the value of each curve in
 * seconds. NAN: none, the curve has a gap. */
struct picture_point {
	const char *label;
	double values[PICTURE_CURVES];
};

/* Appends curves of durations over points in order; titles names each. */
void picture_curves(struct buf *to, const char *title,
    const char *const *titles, size_t curves,
    const struct picture_point *points, size_t n);

/* Appends a bar for each label with its duration. */
void picture_bars(struct buf *to, const char *title,
    const struct picture_point *points, size_t n);

/* Appends a row for each day of the week from Monday, a cell for each hour, the
 * darker the more. */
void picture_week(struct buf *to, const char *title,
    double counts[PICTURE_DAYS][PICTURE_HOURS]);

#endif
