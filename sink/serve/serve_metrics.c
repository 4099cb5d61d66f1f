/*
 * serve_metrics: see serve_metrics.h.
 */
#include "sink/serve/serve_metrics.h"

#include <string.h>

#include "common/http_server/server_metrics.h"
#include "common/monitoring/prometheus.h"
#include "sink/api/problem.h"
#include "sink/serve/serve.h"
#include "sink/serve/tenant_metrics.h"

/* Prometheus on this machine has no token, and sends no X-Forwarded-For, as a
 * proxy would: such a client has no address ("::"), as one whose header names
 * none. */
static bool
is_local(const struct web_request *r)
{
	if (strcmp(r->peer, "::") == 0)
		return r->header(r, "X-Forwarded-For") == NULL;
	return strcmp(r->peer, "::1") == 0 || strcmp(r->peer, "127.0.0.1") == 0;
}

/* In a thread of the queue. */
static void
write_samples(
    const void *context, const struct web_request *r, struct web_answer *a)
{
	const struct serve *s = context;
	struct db *db = db_pool_take(s->pool);

	(void)r;
	a->content_type = PROMETHEUS_CONTENT_TYPE;
	prometheus_build_info(&a->body);
	server_metrics_write(&a->body, s->counts);
	tenant_metrics_write(&a->body, db);
	db_pool_give(s->pool, db);
}

void
serve_metrics_answer(
    const void *context, const struct web_request *r, struct web_answer *a)
{
	const struct serve *s = context;

	if (!is_local(r)) {
		problem_answer(a, 404, "there is no such path");
		return;
	}
	a->later = write_samples;
	a->queue = s->queue;
}
