/*
 * tenant_rows: all rows of one tenant at one time, in three formats: NDJSON for
 * the next program, CSV for a spreadsheet, a table for people.
 */
#ifndef AGGREGATOR_TENANT_TENANT_ROWS_H
#define AGGREGATOR_TENANT_TENANT_ROWS_H

#include "common/base/buf.h"

#include "aggregator/tenant/pipeline.h"

struct tenant_rows {
	const struct model *model; /* recomputed; borrowed */
	const char *snapshot;      /* NULL: a stream, which has no
				    * markers */
	int64_t version;           /* of the rows; 0: they have none */
	const struct simulation *simulation; /* NULL: none; borrowed */
	/* Private. */
	struct pipeline *pipeline;
	enum metric_rows which;
};

/* Recomputes the pipeline and selects all rows. */
void tenant_rows_init(
    struct tenant_rows *r, struct pipeline *d, const char *snapshot);

/* Receives lines. Returns 0, or -1 to stop. */
typedef int tenant_rows_line_fn(void *ctx, const char *line, size_t len);

/* Writes each row as a line, those of a snapshot between markers. Returns 0 or
 * -1. */
int tenant_rows_ndjson(
    const struct tenant_rows *r, tenant_rows_line_fn *line, void *ctx);

/* The same for the changed rows of a recomputed pipeline, without markers. */
int tenant_rows_changed(
    struct pipeline *d, int64_t version, tenant_rows_line_fn *line, void *ctx);

/* Appends one table of all n tenants, with a header line. */
void tenant_rows_csv(const struct tenant_rows *r, size_t n,
    const struct metric *f, struct buf *to);

/* Appends each tenant's tables for people. */
void tenant_rows_table(const struct tenant_rows *r, size_t n, struct buf *to);

/* True if there is anything to show besides the overview. */
bool tenant_rows_has_plain(const struct metric_selection *c);

#endif
