/*
 * serve_metrics: see serve.h.
 */
#include "sink/serve/serve.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/containers/strmap.h"
#include "common/db/db.h"
#include "common/hours/terms.h"
#include "common/http/server.h"
#include "common/http/work_queue.h"
#include "common/monitoring/prometheus.h"
#include "sink/api/question.h"
#include "sink/resources/chat_due.h"
#include "sink/resources/chat_rows.h"

/* The age of each tenant's metrics, and its load. The metrics cover all tenants
 * and name no person, so they are for administrators of the server, not for
 * viewers of the API. */

/* With more tenants, the answer would become too large. */
#define TENANTS_SQL                                                            \
	"SELECT tenant, UNIX_TIMESTAMP(" TENANT_NEW_AT "), open_chats, "       \
	"waiting_chats, COALESCE(longest_wait_seconds, 0) "                    \
	"FROM tenant_metrics t "                                               \
	"LEFT JOIN tenants s USING (tenant) ORDER BY tenant LIMIT 10000"

/* One for each column after the tenant. */
static const struct {
	const char *name, *help;
} metrics[] = {
	{ "messaging_tenant_as_of_timestamp_seconds",
	    "Time of the tenant's newest metrics, by our clock." },
	{ "messaging_tenant_open_chats", "Open chats." },
	{ "messaging_tenant_waiting_chats",
	    "Open chats in which a customer is waiting." },
	{ "messaging_tenant_longest_wait_seconds",
	    "The longest wait; 0: no customer is waiting." },
};

/* NULL counts as 0. */
static void
write_tenant_sample(struct buf *to, const struct db_rows *rows, size_t i)
{
	const char *number = db_get(rows, 1 + i);
	struct buf labels = BUF_INIT;

	prometheus_label(&labels, "tenant", db_get(rows, 0));
	buf_addf(to, "%s{%s} %s\n", metrics[i].name, buf_str(&labels),
	    number != NULL ? number : "0");
	buf_release(&labels);
}

/* All samples of a metric must be adjacent, so each metric is written
 * separately. */
static void
write_tenants(struct buf *to, struct db_rows *rows)
{
	struct buf samples[ARRAY_LEN(metrics)] = { BUF_INIT };
	size_t i;

	while (db_next(rows))
		for (i = 0; i < ARRAY_LEN(metrics); i++)
			write_tenant_sample(&samples[i], rows, i);
	for (i = 0; i < ARRAY_LEN(metrics); i++) {
		prometheus_head(
		    to, metrics[i].name, PROMETHEUS_GAUGE, metrics[i].help);
		buf_add(to, buf_str(&samples[i]), samples[i].len);
		buf_release(&samples[i]);
	}
}

/* The counts of waiting chats by what is due, of tenants with targets. */
static const struct {
	const char *name, *help;
	bool late;
} due_metrics[] = {
	{ "messaging_tenant_soon_chats", "Waiting chats that are soon late.",
	    false },
	{ "messaging_tenant_late_chats",
	    "Waiting chats whose target is missed, also while the team is "
	    "closed.",
	    true },
};

/* Writes one of them; tenants: their rows. */
static void
write_due_metric(struct buf *to, size_t i, const struct terms_book *terms,
    const struct strmap *counts, struct db_rows *tenants)
{
	const struct due_count *n;
	struct buf labels = BUF_INIT;
	const char *tenant;
	int64_t is;

	prometheus_head(
	    to, due_metrics[i].name, PROMETHEUS_GAUGE, due_metrics[i].help);
	db_rewind(tenants);
	while (db_next(tenants)) {
		tenant = db_get(tenants, 0);
		if (!terms_have_targets(
			terms_of_tenant(terms, text_from(tenant))))
			continue;
		n = strmap_get(counts, tenant, strlen(tenant));
		is = n == NULL ? 0 : due_metrics[i].late ? n->late : n->soon;
		buf_clear(&labels);
		prometheus_label(&labels, "tenant", tenant);
		buf_addf(to, "%s{%s} %" PRId64 "\n", due_metrics[i].name,
		    buf_str(&labels), is);
	}
	buf_release(&labels);
}

/* Writes how many waiting chats are soon late, and late: computed now, because
 * rows do not change while customers wait. */
static void
write_due_counts(struct buf *to, struct db *db, const struct terms_book *terms,
    struct db_rows *tenants)
{
	int64_t now = clock_now_ms();
	const struct db_value at = db_time(now);
	struct strmap counts = { 0 };
	struct db_rows *rows = NULL;
	const char *tenant;
	void **slot;
	size_t i;

	if (db_query(db,
		"SELECT tenant, " DUE_COUNT_COLUMNS " FROM chat_metrics "
		"WHERE " DUE_COUNT_ROWS,
		&at, 1, &rows) != OUTCOME_DONE) {
		log_info("no_due_counts", "reason=\"%s\"", db_why(db));
		return;
	}
	while (db_next(rows)) {
		tenant = db_get(rows, 0);
		slot = strmap_put(&counts, tenant, strlen(tenant));
		if (*slot == NULL)
			*slot = xcalloc(1, sizeof(struct due_count));
		due_count_add(*slot, terms_of_tenant(terms, text_from(tenant)),
		    rows, 1, now);
	}
	for (i = 0; i < ARRAY_LEN(due_metrics); i++)
		write_due_metric(to, i, terms, &counts, tenants);
	strmap_release(&counts, free);
	db_rows_free(rows);
}

/* Which machine's aggregator keeps each stream, how old its state is, and how
 * large all states are. */
static void
write_streams(struct buf *to, struct db *db)
{
	static const char stored[] =
	    "messaging_stream_stored_timestamp_seconds";
	static const char since[] = "messaging_stream_host_timestamp_seconds";
	struct db_rows *rows = NULL;
	struct buf labels = BUF_INIT, hosts = BUF_INIT;
	uint64_t bytes;

	if (db_query(db, STREAMS_SQL, NULL, 0, &rows) != OUTCOME_DONE ||
	    db_query_count(db, STREAM_STATE_SQL, NULL, 0, &bytes) !=
		OUTCOME_DONE) {
		log_info("no_streams", "reason=\"%s\"", db_why(db));
		db_rows_free(rows);
		return;
	}
	if (db_rows_count(rows) > 0) {
		prometheus_gauge(to, "messaging_stream_state_bytes",
		    "Size of the states of all streams.", bytes);
		prometheus_head(to, stored, PROMETHEUS_GAUGE,
		    "When the stream's newest flush was stored.");
		prometheus_head(&hosts, since, PROMETHEUS_GAUGE,
		    "Since when the host has stored the stream's flushes.");
	}
	while (db_next(rows)) {
		buf_clear(&labels);
		prometheus_label(&labels, "stream", db_get(rows, 0));
		prometheus_label(&labels, "host", db_get(rows, 1));
		buf_addf(to, "%s{%s} %" PRId64 "\n", stored, buf_str(&labels),
		    db_get_time(rows, 2) / 1000);
		buf_addf(&hosts, "%s{%s} %" PRId64 "\n", since,
		    buf_str(&labels), db_get_time(rows, 3) / 1000);
	}
	buf_add(to, hosts.data, hosts.len);
	buf_release(&hosts);
	buf_release(&labels);
	db_rows_free(rows);
}

/* If the database does not answer, messaging_database_up is 0, and there are no
 * samples for tenants. */
static void
tenant_metrics_write(
    struct buf *to, struct db *db, const struct terms_book *terms)
{
	struct db_rows *rows = NULL;
	bool up = db_wake(db) == OUTCOME_DONE &&
		  db_query(db, TENANTS_SQL, NULL, 0, &rows) == OUTCOME_DONE;

	prometheus_gauge(to, "messaging_database_up",
	    "1 if the database answers, else 0.", up);
	if (up)
		write_tenants(to, rows);
	if (up)
		write_streams(to, db);
	if (up && terms_any_targets(terms)) {
		write_due_counts(to, db, terms, rows);
		target_metrics_write(to, db, terms, rows);
	}
	if (!up)
		log_info("no_tenant_metrics", "reason=\"%s\"", db_why(db));
	db_rows_free(rows);
}

/* Maximum wait for a statement, and again for a new connection if that one is
 * lost: both together are shorter than Prometheus waits. */
#define DATABASE_MS 3000

/* Maximum number of waiting requests. */
#define SCRAPES_MAX 16

struct serve_metrics {
	struct db *db; /* for the queue's only thread */
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
 * proxy would: a client behind a proxy that does not name its client has the
 * address "::", which is not local. */
static bool
is_local(const struct web_request *r)
{
	if (strcmp(r->peer, "::") == 0)
		return r->header(r, "X-Forwarded-For") == NULL;
	return strcmp(r->peer, "::1") == 0 || strcmp(r->peer, "127.0.0.1") == 0;
}

/* Runs in the queue's thread. */
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
	tenant_metrics_write(&a->body, s->metrics->db, s->terms);
}

void
serve_metrics_answer(
    const void *context, const struct web_request *r, struct web_answer *a)
{
	const struct serve *s = context;

	if (!is_local(r)) {
		problem_answer(a, 404, "unknown path");
		return;
	}
	a->later = write_samples;
	a->queue = s->metrics->queue;
}
