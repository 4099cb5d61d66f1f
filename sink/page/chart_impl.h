/*
 * chart_impl: what all kinds of charts share: the frame of the SVG and text in
 * it.
 */
#ifndef SINK_PAGE_CHART_IMPL_H
#define SINK_PAGE_CHART_IMPL_H

#include "sink/page/chart.h"

#define CHART_WIDTH 720
#define CHART_INK "#222222"
#define CHART_GREY "#cccccc"

/* Where a text's place is in it. */
enum chart_anchor { CHART_START, CHART_MIDDLE, CHART_END };

void chart_begin(struct buf *to, const char *title, int height);
void chart_end(struct buf *to);

/* Appends a text, of long ones the beginning. */
void chart_text(struct buf *to, double x, double y, enum chart_anchor anchor,
    const char *ink, const char *text);
void chart_line(struct buf *to, double x1, double y1, double x2, double y2);

#endif
