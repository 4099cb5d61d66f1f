/*
 * explain: one chat, message by message: which clock each one started or
 * stopped, the seconds, and who is credited, in the selected definition. It
 * uses the same walk over the clocks as the metrics, so what it shows is what
 * they count.
 */
#ifndef AGGREGATOR_MODES_EXPLAIN_H
#define AGGREGATOR_MODES_EXPLAIN_H

#include "aggregator/tenant/job.h"

struct explain {
	const struct model *model;
	const struct chat *chat;
	const struct definition *definition;
};

/* Finds the chat job->explain in the reports; *x borrows from them. PROG_OK;
 * or, after a log line, PROG_NOINPUT (no such chat) or PROG_DATA (several
 * tenants have one). */
enum exit_code explain_find(struct explain *x, const struct aggregator_job *job,
    const struct tenant_rows *reports, size_t n)
    __attribute__((warn_unused_result));

/* Appends the chat as a table for people, or as CSV. */
void explain_text(
    const struct explain *x, enum output_format format, struct buf *to);

/* Writes each interval that counts as a record. 0, or -1 once line() returns
 * it. */
int explain_ndjson(
    const struct explain *x, tenant_rows_line_fn *line, void *ctx);

#endif
