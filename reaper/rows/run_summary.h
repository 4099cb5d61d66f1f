/*
 * run_summary: what a run did, tenant by tenant, for the summary; and how many
 * chats were gone lately, which a long-running reaper has to remember.
 */
#ifndef REAPER_ROWS_RUN_SUMMARY_H
#define REAPER_ROWS_RUN_SUMMARY_H

#include "common/containers/strmap.h"
#include "common/text/out.h"

#include <stdint.h>

struct run_summary_tenant {
	uint64_t open, closed, gone; /* answers of the CRM */
	uint64_t deleted;            /* chats that had rows */
	uint64_t newer;              /* kept: seen open since */
	uint64_t refused;            /* kept: too many gone at once */
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

/* Never NULL. */
struct run_summary_tenant *run_summary_of(
    struct run_summary *t, const char *tenant, size_t len);

/* How many were gone within the last hour. */
uint64_t run_summary_gone_lately(struct run_summary_tenant *t);
void run_summary_add_gone(struct run_summary_tenant *t, uint64_t n);

/* The summary as a table, CSV or NDJSON, appended; and one event a tenant to
 * the log. */
void run_summary_show(
    const struct run_summary *t, enum out_format f, struct buf *to);
void run_summary_log(const struct run_summary *t);

void run_summary_release(struct run_summary *t);

#endif
