/*
 * serve_metrics: see serve_metrics.h.
 */
#include "sink/serve/serve_metrics.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/db/db.h"
#include "common/http_server/server_metrics.h"
#include "common/http_server/work_queue.h"
#include "common/monitoring/prometheus.h"
#include "sink/api/question.h"
#include "sink/serve/serve.h"
#include "sink/serve/tenant_metrics.h"

/* The longest wait for a statement, and again for a new connection when that
 * one is lost: both together are less than Prometheus waits. */
#define DATABASE_MS 3000

/* Requests that wait. */
#define SCRAPES_MAX 16

struct serve_metrics {
	struct db *db; /* of the one thread of the queue */
	struct work_queue *queue;
};

struct serve_metrics *
serve_metrics_open(const struct db *db)
{
	struct serve_metrics *m = xcalloc(1, sizeof *m);

	m->db = db_another(db);
	db_limit(m->db, DATABASE_MS);
	m->queue = work_queue_open(1, SCRAPES_MAX, SIZE_MAX, db_thread_end);
	return m;
}

void
serve_metrics_close(struct serve_metrics *m)
{
	if (m == NULL)
		return;
	work_queue_close(m->queue);
	db_close(m->db);
	free(m);
}

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

	(void)r;
	db_thread_begin();
	a->content_type = PROMETHEUS_CONTENT_TYPE;
	prometheus_build_info(&a->body);
	server_metrics_write(&a->body, s->counts);
	tenant_metrics_write(&a->body, s->metrics->db);
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
	a->queue = s->metrics->queue;
}
