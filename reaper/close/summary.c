/*
 * summary: see summary.h.
 */
#include "reaper/close/summary.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/monitoring/prometheus.h"

struct summary_tenant *
summary_of(struct summary *t, const char *tenant, size_t len)
{
	void **slot = strmap_put(&t->tenants, tenant, len);

	if (*slot == NULL)
		*slot = xcalloc(1, sizeof(struct summary_tenant));
	return *slot;
}

uint64_t
summary_gone_lately(struct summary_tenant *t)
{
	if (clock_mono_ms() - t->lately_since_ms > HOUR_MS)
		t->gone_lately = 0;
	return t->gone_lately;
}

void
summary_add_gone(struct summary_tenant *t, uint64_t n)
{
	if (summary_gone_lately(t) == 0)
		t->lately_since_ms = clock_mono_ms();
	t->gone_lately += n;
}

void
summary_add_metrics(void *summary, struct buf *to, const char *labels)
{
	static const char name[] = "messaging_reaper_chats_total";
	const struct summary *t = summary;
	uint64_t deleted = 0, newer = 0, refused = 0;
	const struct summary_tenant *n;
	struct strmap_entry *e;
	size_t i = 0;

	while ((e = strmap_next(&t->tenants, &i)) != NULL) {
		n = e->value;
		deleted += n->deleted;
		newer += n->newer;
		refused += n->refused;
	}
	prometheus_head(to, name, PROMETHEUS_COUNTER,
	    "Closed chats whose rows were deleted, or kept because they were "
	    "reopened (newer) or too many were gone at once (refused).");
	prometheus_result(to, name, labels, "deleted", deleted);
	prometheus_result(to, name, labels, "newer", newer);
	prometheus_result(to, name, labels, "refused", refused);
}

void
summary_release(struct summary *t)
{
	strmap_release(&t->tenants, free);
}
