/*
 * markup: text in HTML and SVG, written so that the page is well-formed XML,
 * too: anyone who reads a report by a program needs no parser of HTML.
 */
#ifndef SINK_PAGE_MARKUP_H
#define SINK_PAGE_MARKUP_H

#include "common/base/buf.h"

/* Appends text of anyone, in UTF-8, as text or within quotes: it becomes no
 * tag and no attribute. What XML forbids becomes a question mark. */
void markup_text(struct buf *to, const char *text);

/* The same of its first characters, with an ellipsis where it is longer. */
void markup_cut(struct buf *to, const char *text, size_t characters);

#endif
