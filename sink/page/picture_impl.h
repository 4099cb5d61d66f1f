/*
 * picture_impl: what all kinds of pictures share: the frame of the SVG and text
 * in it.
 */
#ifndef SINK_PAGE_PICTURE_IMPL_H
#define SINK_PAGE_PICTURE_IMPL_H

#include "sink/page/picture.h"

#define PICTURE_WIDTH 720
#define PICTURE_INK "#222222"
#define PICTURE_GREY "#cccccc"

/* Where a text's place is in it. */
enum picture_anchor { PICTURE_START, PICTURE_MIDDLE, PICTURE_END };

void picture_begin(struct buf *to, const char *title, int height);
void picture_end(struct buf *to);

/* Appends a text, of long ones the beginning. */
void picture_text(struct buf *to, double x, double y,
    enum picture_anchor anchor, const char *ink, const char *text);
void picture_line(struct buf *to, double x1, double y1, double x2, double y2);

#endif
