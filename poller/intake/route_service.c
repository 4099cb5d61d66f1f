/*
 * route_service: the listener's health, in the form of the answers of the
 * original services. The health of analytics is the health of the intake:
 * whether the broker confirms, and whether the store accepts requests; while
 * the store does, requests succeed. The other two always report healthy. GET
 * /metrics is for Prometheus and does not answer other clients.
 */
#include <string.h>

#include "common/base/clock.h"
#include "common/http/server.h"
#include "common/json/jsonw.h"
#include "common/monitoring/prometheus.h"
#include "poller/intake/listener_context.h"
#include "poller/intake/request_intake.h"
#include "poller/intake/route.h"

/* Truncated to the second. */
static void
add_timestamp(struct buf *to, int64_t now_ms)
{
	char text[CLOCK_TEXT];

	clock_format(now_ms, text);
	text[19] = 'Z';
	jsonw_strn(to, "timestamp", text, 20);
}

/* The texts are those of the original service. */
void
route_root(const struct listener_context *in, const struct web_request *r,
    struct web_answer *a)
{
	(void)in;
	(void)r;
	jsonw_open(&a->body);
	jsonw_str(&a->body, "service", "Analytics Service");
	jsonw_str(&a->body, "version", "1.0.0");
	jsonw_str(&a->body, "status", "running");
	jsonw_close(&a->body);
}

void
route_health(const struct listener_context *in, const struct web_request *r,
    struct web_answer *a)
{
	(void)in;
	(void)r;
	jsonw_open(&a->body);
	jsonw_str(&a->body, "status", "healthy");
	jsonw_close(&a->body);
}

void
route_messages_health(const struct listener_context *in,
    const struct web_request *r, struct web_answer *a)
{
	(void)in;
	jsonw_open(&a->body);
	jsonw_str(&a->body, "status", "healthy");
	jsonw_str(&a->body, "service", "message-api");
	add_timestamp(&a->body, r->now_ms);
	jsonw_close(&a->body);
}

void
route_analytics_health(const struct listener_context *in,
    const struct web_request *r, struct web_answer *a)
{
	struct intake_view now = { .confirms = false };
	bool good;

	if (in->intake != NULL)
		intake_look(in->intake, &now);
	good = now.takes;
	jsonw_open(&a->body);
	jsonw_str(&a->body, "status", good ? "healthy" : "unhealthy");
	add_timestamp(&a->body, r->now_ms);
	jsonw_bool(&a->body, "database_connected", now.confirms);
	jsonw_bool(&a->body, "cache_connected", now.takes);
	jsonw_int(&a->body, "processing_queue_size", (int64_t)now.waiting);
	jsonw_close(&a->body);
}

static void
write_intake_metrics(struct buf *to, const struct listener_context *in)
{
	struct intake_view now;

	intake_look(in->intake, &now);
	prometheus_gauge(to, "messaging_listener_broker_confirms",
	    "1 if the broker confirmed the last message, else 0.",
	    now.confirms);
	prometheus_gauge(to, "messaging_listener_spool_usable",
	    "1 if the last request could be stored, else 0.", now.takes);
	prometheus_gauge(to, "messaging_listener_waiting_requests",
	    "Requests whose records are not yet published.", now.waiting);
	prometheus_total(to, "messaging_listener_records_total", "",
	    "Records stored.", atomic_load(&in->counts->records));
	prometheus_total(to, "messaging_listener_dead_letters_total", "",
	    "Authentic webhooks that were not understood.",
	    atomic_load(&in->counts->dead));
}

/* Prometheus runs on this machine and sends no X-Forwarded-For, so its address
 * is unknown ("::"). A client behind a proxy may have no address either, if the
 * header names none, but it is refused because of the header. */
static bool
may_scrape(const struct listener_context *in, const struct web_request *r)
{
	if (strcmp(r->peer, "::") == 0)
		return r->header(r, "X-Forwarded-For") == NULL;
	return listener_context_trusts(in, r->peer);
}

void
route_metrics(const struct listener_context *in, const struct web_request *r,
    struct web_answer *a)
{
	if (in->intake == NULL || !may_scrape(in, r)) {
		route_detail(a, 404, "Not Found");
		return;
	}
	a->content_type = PROMETHEUS_CONTENT_TYPE;
	prometheus_build_info(&a->body);
	server_metrics_write(&a->body, in->counts);
	write_intake_metrics(&a->body, in);
}
