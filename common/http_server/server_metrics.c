/*
 * server_metrics: see server_metrics.h.
 */
#include "common/http_server/server_metrics.h"

#include "common/base/xalloc.h"
#include "common/monitoring/prometheus.h"

static uint64_t
counted(const atomic_ullong *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

static void
write_requests(struct buf *to, const struct server_counts *c)
{
	static const char name[] = "messaging_http_requests_total";
	const struct {
		const char *result;
		const atomic_ullong *n;
	} results[] = {
		{ "accepted", &c->accepted },
		{ "malformed", &c->malformed },
		{ "too_large", &c->too_large },
		{ "too_many", &c->too_many },
		{ "refused", &c->refused },
		{ "later", &c->later },
		{ "failed", &c->failed },
	};
	size_t i;

	prometheus_head(to, name, PROMETHEUS_COUNTER,
	    "Requests that were answered: below 400 (accepted), 400 "
	    "(malformed), 413 and the like, 429, other 4xx (refused), 503 "
	    "(later), other 5xx.");
	for (i = 0; i < ARRAY_LEN(results); i++)
		prometheus_count(to, name, "result", results[i].result,
		    counted(results[i].n));
}

void
server_metrics_write(struct buf *to, const struct server_counts *c)
{
	write_requests(to, c);
	prometheus_counter(to, "messaging_http_connections_total",
	    "Connections that were admitted.", counted(&c->connections));
	prometheus_counter(to, "messaging_http_connections_refused_total",
	    "Connections that were refused: there were too many.",
	    counted(&c->turned_away));
	prometheus_counter(to, "messaging_http_connections_cut_off_total",
	    "Connections that were cut off: they were too slow.",
	    counted(&c->slow));
}
