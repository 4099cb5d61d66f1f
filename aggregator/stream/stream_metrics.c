/*
 * stream_metrics: the metrics of a stream for Prometheus: how far it has read,
 * and the results of its records. prometheus.h has the rest.
 */
#include "aggregator/stream/stream.h"

#include "common/base/clock.h"
#include "common/base/xalloc.h"

/* The newest time in the records of all tenants; 0 if there is no record. */
static int64_t
newest_time(const struct stream *s)
{
	int64_t newest = 0, as_of;
	size_t i;

	for (i = 0; i < s->tenants_n; i++) {
		as_of = s->tenants[i]->pipeline.model.as_of;
		if (as_of > newest)
			newest = as_of;
	}
	return newest;
}

/* Implements daemon_metrics_writer. */
static void
add_stream_metrics(void *ctx, struct buf *to, const char *labels)
{
	static const char as_of[] = "messaging_stream_as_of_timestamp_seconds";
	const struct stream *s = ctx;
	const struct stream_counts *c = &s->counts;
	const struct {
		const char *name, *help;
		uint64_t n;
	} totals[] = {
		{ "messaging_stream_repeated_records_total",
		    "Duplicate records of a stream.", c->again },
		{ "messaging_stream_late_records_total",
		    "Records refused because they were older than the window.",
		    c->late },
		{ "messaging_stream_ahead_records_total",
		    "Records refused because their time is ahead of the clock.",
		    c->ahead + s->staging.ahead },
		{ "messaging_stream_rows_total", "Rows written.", c->rows },
		{ "messaging_stream_reservations_total",
		    "Chats reserved for an operator.", c->assigned },
	};
	size_t i;

	prometheus_head(to, as_of, PROMETHEUS_GAUGE,
	    "Time of the newest record; 0: no record has arrived.");
	prometheus_sample_seconds(to, as_of, labels, newest_time(s));
	for (i = 0; i < ARRAY_LEN(totals); i++)
		prometheus_total(
		    to, totals[i].name, labels, totals[i].help, totals[i].n);
}

struct daemon_metrics *
stream_metrics_open(struct stream *s)
{
	if (s->job->until_empty)
		return NULL;
	return daemon_metrics_open(s->job->conf,
	    endpoint_amqp_name(endpoint_name(s->in)), add_stream_metrics, s);
}
