/*
 * page: the frame of a report in HTML, and its tables. Whatever a mail program
 * takes away, pictures, styles, or all but tables and text, the rest says the
 * same: so tables have the attributes of old, which survive where styles do
 * not.
 */
#ifndef SINK_PAGE_PAGE_H
#define SINK_PAGE_PAGE_H

#include "common/base/buf.h"
#include "sink/page/figures.h"

/* How each page begins; see report_beginning(). */
#define PAGE_BEGIN "<!DOCTYPE html>\n<!-- messaging-analytics: a report -->\n"

/* What a part of the page is about; note may be NULL. */
struct page_part {
	const char *name, *title, *note;
};

void page_begin(struct buf *to, const char *title, const char *subtitle);
void page_end(struct buf *to);
void page_part_begin(struct buf *to, const struct page_part *part);
void page_part_end(struct buf *to);

/* Appends a table; one without rows is a sentence. */
void page_table(struct buf *to, const struct figure_table *t);

#endif
