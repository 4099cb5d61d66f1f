/*
 * explain: one chat, message by message: which clock each one started or
 * stopped, the seconds, and who is credited, in the chosen definition. It
 * listens to the same walk the metrics are made by, so what it shows is what
 * they count.
 */
#ifndef AGGREGATOR_MODES_EXPLAIN_H
#define AGGREGATOR_MODES_EXPLAIN_H

#include "aggregator/tenant/job.h"

struct explain {
	const struct model *model;
	const struct chat *chat;
	const struct rules *rules;
};

/* Finds job->explain among the reports. PROG_OK, or after one line that says
 * why not PROG_NOINPUT (no such chat) or PROG_DATA (one in several tenants). */
enum exit_code explain_find(struct explain *x, const struct aggregator_job *job,
    const struct report *reports, size_t n) __attribute__((warn_unused_result));

/* A table (or CSV) a person can read. */
void explain_text(
    const struct explain *x, enum out_format format, struct buf *to);

/* The intervals that count, a record each. 0 or -1. */
int explain_ndjson(const struct explain *x, report_line_fn *line, void *ctx);

#endif
