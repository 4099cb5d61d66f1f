/*
 * report: all rows of one tenant at one time, in three formats: NDJSON for the
 * next program, CSV for a spreadsheet, a table for people.
 */
#ifndef AGGREGATOR_TENANT_REPORT_H
#define AGGREGATOR_TENANT_REPORT_H

#include "common/base/buf.h"

#include "aggregator/tenant/pipeline.h"

struct report {
	const struct model *model;      /* recomputed; borrowed */
	const char *snapshot;           /* NULL: a stream, without markers */
	int64_t end_at;                 /* of the end marker */
	int64_t version;                /* of the rows; 0: they have none */
	bool continued;                 /* by another report, which has all rows
				   about the past */
	const struct buf *pass_through; /* lines before all rows
				   (pass_through.h), or NULL; borrowed */
	const struct simulation *simulation; /* NULL: none; borrowed */
	const char *definition;
	/* Private. */
	struct pipeline *pipeline;
	enum metric_rows which;
	struct rowset *tables; /* one for each selected metric; only where
				  rows are read more than once */
	size_t tables_n;
};

/* Recomputes the pipeline by the definition; the report has all rows. */
void report_init(struct report *r, struct pipeline *d,
    const struct definition *definition, const char *snapshot, int64_t end_at);
/* The pipeline was recomputed; the report has the rows that changed. */
void report_init_changed(struct report *r, struct pipeline *d,
    const struct definition *definition, int64_t version);
void report_release(struct report *r);

/* Where lines go: 0, or -1 to stop. */
typedef int report_line_fn(void *ctx, const char *line, size_t len);

/* Writes each row as a line, those of a snapshot between markers. 0 or -1. */
int report_ndjson(const struct report *r, report_line_fn *line, void *ctx);

/* Appends one table of all reports, with a header line. */
void report_csv(
    struct report *r, size_t n, const struct metric *f, struct buf *to);

/* Appends the tables for people, of each tenant. */
void report_table(struct report *r, size_t n, struct buf *to);

/* For report_table.c: makes the rows. */
void report_make_tables(struct report *r);

/* report_plain.c. The cell as people read it; NULL: empty. */
const char *report_cell_for_people(
    struct buf *b, const struct column *column, const struct cell *c);
/* Whether there is anything but the overview to show. */
bool report_has_plain(const struct metric_selection *c);
/* Appends a table of the rows of each such metric. */
void report_plain(const struct report *r, struct buf *to);

/* report_rows.c. Adds the rows of a table. */
void report_emit(const struct report *r, struct rowset *to);
/* Writes each as a line, and adds their number to *written: 0 or -1. */
int report_rows(const struct report *r, const struct metric *f,
    report_line_fn *line, void *ctx, int64_t *written)
    __attribute__((warn_unused_result));
/* Whether they stand within the snapshot. */
bool report_is_state(const struct report *r, const struct metric *f);

#endif
