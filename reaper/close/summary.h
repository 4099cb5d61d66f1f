/*
 * summary: counts the results of a run for each tenant, and the chats that were
 * gone in the last hour, because a reaper that reads a queue limits their
 * number.
 */
#ifndef REAPER_CLOSE_SUMMARY_H
#define REAPER_CLOSE_SUMMARY_H

#include "common/base/buf.h"
#include "common/containers/strmap.h"

#include <stdint.h>

struct summary_tenant {
	uint64_t open, closed, gone; /* answers of the CRM */
	uint64_t deleted;            /* chats that had rows */
	uint64_t newer;              /* kept: seen open later */
	uint64_t refused;            /* kept: too many gone at once */
	uint64_t gone_lately;
	int64_t lately_since_ms; /* monotonic */
};

struct summary {
	struct strmap tenants;
};

/* Returns a tenant's counts, which are added if the tenant is new. */
struct summary_tenant *summary_of(
    struct summary *t, const char *tenant, size_t len);

/* Returns how many of the tenant's chats were gone within the last hour. */
uint64_t summary_gone_lately(struct summary_tenant *t);
void summary_add_gone(struct summary_tenant *t, uint64_t n);

/* A daemon_metrics_writer for the fates of the chats of all tenants. summary: a
 * struct summary. */
void summary_add_metrics(void *summary, struct buf *to, const char *labels);

void summary_release(struct summary *t);

#endif
