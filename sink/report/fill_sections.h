/*
 * fill_sections: the tables of a report's sections, read by two connections at
 * a time: three sections read stored rows one by one, and take longer than all
 * others together.
 */
#ifndef SINK_REPORT_FILL_SECTIONS_H
#define SINK_REPORT_FILL_SECTIONS_H

#include "sink/report/section.h"

/* A section, and its table once it is filled. */
struct filled_section {
	const struct section *section;
	struct figure_table table; /* owned */
	struct buf without;        /* why there is no table; empty: there is */
	bool filled;
};

/* Fills n sections. False: r->code says why; release all the same. */
bool fill_sections(struct report_work *r, struct filled_section *list, size_t n)
    __attribute__((warn_unused_result));
void filled_sections_release(struct filled_section *list, size_t n);

#endif
