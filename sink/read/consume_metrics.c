/*
 * consume_metrics: see consume_metrics.h.
 */
#include "sink/read/consume_metrics.h"

static void
add_row_counts(const struct consume *c, struct buf *to, const char *labels)
{
	static const char name[] = "messaging_sink_rows_total";

	prometheus_head(to, name, PROMETHEUS_COUNTER,
	    "Rows that were stored, were older than the stored ones, or were "
	    "of closed chats, of days that are over, of removed tenants "
	    "(refused).");
	prometheus_result(to, name, labels, "stored", c->counts.stored);
	prometheus_result(to, name, labels, "older", c->counts.older);
	prometheus_result(to, name, labels, "refused", c->counts.refused);
}

/* A daemon_metrics_writer. */
static void
add_sink_metrics(void *ctx, struct buf *to, const char *labels)
{
	const struct consume *c = ctx;

	add_row_counts(c, to, labels);
	prometheus_total(to, "messaging_sink_transactions_total", labels,
	    "Transactions that stored rows.", c->counts.batches);
	prometheus_total(to, "messaging_sink_snapshots_total", labels,
	    "Snapshots that were stored completely.", c->counts.snapshots);
}

struct daemon_metrics *
consume_metrics_open(struct consume *c, const struct conf *conf)
{
	return daemon_metrics_open(conf,
	    endpoint_amqp_name(endpoint_name(c->in)), add_sink_metrics, c);
}

void
consume_metrics_stored(struct consume *c, const struct batch_group *g)
{
	daemon_metrics_retried(c->metrics, g->retries);
	daemon_metrics_flushed(c->metrics, g->took_ms);
	daemon_metrics_count(c->metrics, c->reader.lines, c->dead.count);
}
