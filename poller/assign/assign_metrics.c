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
	static const struct {
		const char *result;
		enum reservation_fate fate;
	} results[] = {
		{ "kept", RESERVATION_KEPT },
		{ "confirmed", RESERVATION_CONFIRMED },
		{ "taken", RESERVATION_TAKEN },
		{ "over", RESERVATION_OVER },
		{ "refused", RESERVATION_REFUSED },
		{ "expired", RESERVATION_EXPIRED },
		{ "left", RESERVATION_LEFT },
	};
	const struct assign_counts *c = ctx;
	size_t i;

	prometheus_head(to, ended, PROMETHEUS_COUNTER,
	    "Reservations that ended: the operator got the chat (kept) or had "
	    "it (confirmed), another one has it (taken), it was closed (over), "
	    "the CRM refused, it was too late (expired), nothing was done "
	    "(left).");
	for (i = 0; i < ARRAY_LEN(results); i++)
		prometheus_result(to, ended, labels, results[i].result,
		    c->ended[results[i].fate]);
	prometheus_head(to, in_hand, PROMETHEUS_GAUGE,
	    "Reservations that were read and are not done with.");
	prometheus_sample(to, in_hand, labels, c->in_hand);
}

struct daemon_metrics *
assign_metrics_open(
    const struct conf *conf, const char *queue, struct assign_counts *counts)
{
	return daemon_metrics_open(conf, queue, add_assign_metrics, counts);
}
