/*
 * assign_metrics: see assign_metrics.h.
 */
#include "poller/assign/assign_metrics.h"

#include "common/base/xalloc.h"

/* A daemon_metrics_writer. */
static void
add_assign_metrics(void *ctx, struct buf *to, const char *labels)
{
	static const char ended[] = "messaging_assign_reservations_total",
			  in_hand[] = "messaging_assign_open_reservations";
	static const enum reservation_result results[] = {
		RESERVATION_FULFILLED,
		RESERVATION_CONFIRMED,
		RESERVATION_TAKEN,
		RESERVATION_CLOSED,
		RESERVATION_REFUSED,
		RESERVATION_EXPIRED,
		RESERVATION_FAILED,
	};
	const struct assign_counts *c = ctx;
	size_t i;

	prometheus_head(to, ended, PROMETHEUS_COUNTER,
	    "Reservations that ended: the operator got the chat (fulfilled) or "
	    "had it (confirmed), another one has it (taken), it is closed, the "
	    "CRM refused, it was too late (expired), an error left it undone "
	    "(failed).");
	for (i = 0; i < ARRAY_LEN(results); i++)
		prometheus_result(to, ended, labels,
		    reservation_result_names[results[i]], c->ended[results[i]]);
	prometheus_head(to, in_hand, PROMETHEUS_GAUGE,
	    "Reservations that were read and are not done with.");
	prometheus_sample(to, in_hand, labels, c->in_hand);
	assigners_add_calls(c->assigners, to, labels);
}

struct daemon_metrics *
assign_metrics_open(
    const struct conf *conf, const char *queue, struct assign_counts *counts)
{
	return daemon_metrics_open(conf, queue, add_assign_metrics, counts);
}
