/*
 * section: the table of what a report has, in its order. To add a section: a
 * file of its own with a struct section, its line below and in report.c, the
 * page messaging-report(7), and its figures in tests/e2e/report.py.
 */
#ifndef SINK_REPORT_SECTION_H
#define SINK_REPORT_SECTION_H

#include "sink/page/figures.h"
#include "sink/report/report_work.h"

struct section {
	const char *name;         /* of its lines in CSV */
	const char *title, *note; /* for people; note may be NULL */
	const struct figure_column *columns;
	size_t columns_n;
	bool is_long;       /* reads stored rows one by one; is filled first */
	const char *metric; /* without rows of it there is no table; or NULL */
	/* Why this report has no such section; NULL: it has. Without the
	 * function each has. */
	const char *(*leave_out)(const struct report_work *r);
	/* Adds the rows; there may be none. Any thread. False: r->code says
	 * why. */
	bool (*fill)(struct report_work *r, struct figure_table *t);
	/* Appends the chart of a table that has rows; NULL: there is none. */
	void (*draw)(const struct figure_table *t, struct buf *to);
};

extern const struct section section_about;     /* section_totals.c */
extern const struct section section_totals;    /* section_totals.c */
extern const struct section section_days;      /* section_days.c */
extern const struct section section_operators; /* section_operators.c */
extern const struct section section_week;      /* section_week.c */
extern const struct section section_waits;     /* section_waits.c */
extern const struct section section_transfers; /* section_waits.c */
extern const struct section section_resolved;  /* section_days.c */
extern const struct section section_channels;  /* section_traffic.c */
extern const struct section section_receipts;  /* section_traffic.c */
extern const struct section section_alerts;    /* section_alerts.c */
extern const struct section section_words;     /* section_words.c */

#endif
