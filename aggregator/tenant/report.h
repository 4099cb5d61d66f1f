/*
 * report: all rows of one tenant at one instant, and their three faces:
 * NDJSON for the next program, CSV for a spreadsheet, a table for a person.
 */
#ifndef AGGREGATOR_TENANT_REPORT_H
#define AGGREGATOR_TENANT_REPORT_H

#include "common/base/buf.h"

#include "aggregator/tenant/pipeline.h"

struct report {
	const struct model *model; /* settled; borrowed */
	const char *snapshot;      /* NULL: a stream, without markers */
	int64_t end_at;            /* of the end marker */
	int64_t version;           /* of the rows; 0: they carry none */
	const struct buf *passed;  /* lines before all rows (pass_through.h), or
				      NULL;  borrowed */
	const struct simulation *simulation; /* NULL: none; borrowed */
	const char *definition;
	/* Private. */
	struct pipeline *pipeline;
	enum metric_rows which;
	struct rowset *tables; /* one for each chosen metric; only where
				  rows are looked at more than once */
	size_t tables_n;
};

/* Settles by the rules; of all rows. */
void report_init(struct report *r, struct pipeline *d,
    const struct rules *rules, const char *snapshot, int64_t end_at);
/* Of what is settled: the rows that changed. */
void report_init_changed(struct report *r, struct pipeline *d,
    const struct rules *rules, int64_t version);
void report_release(struct report *r);

/* Where lines go: 0, or -1 to stop. */
typedef int report_line_fn(void *ctx, const char *line, size_t len);

/* Every row a line, between markers when it was a snapshot. 0 or -1. */
int report_ndjson(const struct report *r, report_line_fn *line, void *ctx);

/* One table of all reports, with a head line. */
void report_csv(
    struct report *r, size_t n, const struct metric *f, struct buf *to);

/* What a person wants to see of each tenant. */
void report_table(struct report *r, size_t n, struct buf *to);

/* For report_table.c: makes the rows. */
void report_make_tables(struct report *r);

#endif
