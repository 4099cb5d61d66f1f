/*
 * run_summary: counts what a run does, tenant by tenant, and how many chats
 * were gone in the last hour, which a reaper at a queue has to limit.
 */
#ifndef REAPER_ROWS_RUN_SUMMARY_H
#define REAPER_ROWS_RUN_SUMMARY_H

#include "common/containers/strmap.h"
#include "common/output/output_table.h"

#include <stdint.h>

struct run_summary_tenant {
	uint64_t open, closed, gone; /* answers of the CRM */
	uint64_t deleted;            /* chats that had rows */
	uint64_t newer;              /* kept: seen open later */
	uint64_t refused;            /* kept: too many gone at once */
	uint64_t gone_said;          /* how many an answer says are gone */
	uint64_t gone_lately;
	int64_t lately_since_ms; /* monotonic */
};

struct run_summary {
	struct strmap tenants;
};

#define RUN_SUMMARY_INIT                                                       \
	{                                                                      \
		STRMAP_INIT                                                    \
	}

/* The counts of a tenant, added if it is new. */
struct run_summary_tenant *run_summary_of(
    struct run_summary *t, const char *tenant, size_t len);

/* Chats of the tenant that were gone within the last hour. */
uint64_t run_summary_gone_lately(struct run_summary_tenant *t);
void run_summary_add_gone(struct run_summary_tenant *t, uint64_t n);

/* Appends the summary as a table, CSV or NDJSON; and logs one event for each
 * tenant. */
void run_summary_show(
    const struct run_summary *t, enum output_format f, struct buf *to);
void run_summary_log(const struct run_summary *t);

/* A daemon_metrics_writer: what came of the chats of all tenants. summary: a
 * struct run_summary. */
void run_summary_add_metrics(void *summary, struct buf *to, const char *labels);

void run_summary_release(struct run_summary *t);

#endif
