/*
 * display_width: how wide text is on a terminal, and which of it a terminal may
 * be given.
 */
#ifndef COMMON_OUTPUT_DISPLAY_WIDTH_H
#define COMMON_OUTPUT_DISPLAY_WIDTH_H

#include "common/base/buf.h"

/* Appends the text, control characters and bytes that are no UTF-8 masked. A
 * text wider than max (at least 1) is cut, so that it has that width with the
 * ellipsis at its end. Returns the width in columns. */
size_t display_add(struct buf *to, const char *s, size_t max);

#endif
