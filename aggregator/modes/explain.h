/*
 * explain: shows one chat, message by message: which clock each message started
 * or stopped, the seconds, and the operator who is credited by the selected
 * definition. It runs the same code as the metrics, so it shows what they
 * count.
 */
#ifndef AGGREGATOR_MODES_EXPLAIN_H
#define AGGREGATOR_MODES_EXPLAIN_H

#include "aggregator/tenant/tenant_rows.h"

struct explain {
	const struct model *model;
	const struct chat *chat;
	const struct definition *definition;
};

/* Finds the chat job->explain in the reports, whose data *x borrows. Returns
 * PROG_OK; or logs an error and returns PROG_NOINPUT (no such chat) or
 * PROG_DATA (several tenants have a chat with this id). */
enum exit_code explain_find(struct explain *x, const struct aggregator_job *job,
    const struct tenant_rows *reports, size_t n)
    __attribute__((warn_unused_result));

/* Appends the chat as a table for people, or as CSV. */
void explain_text(
    const struct explain *x, enum output_format format, struct buf *to);

/* Writes each interval that counts as a record. Returns 0, or -1 as soon as
 * line() does. */
int explain_ndjson(
    const struct explain *x, tenant_rows_line_fn *line, void *ctx);

#endif
