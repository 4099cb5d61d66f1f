/*
 * tenant_metrics: see tenant_metrics.h.
 */
#include "sink/serve/tenant_metrics.h"

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/monitoring/prometheus.h"
#include "sink/resources/chat_rows.h"

/* Beyond so many tenants their metrics are no longer small. */
#define TENANTS_SQL                                                            \
	"SELECT tenant, " TENANT_NEW_AT ", open_chats, waiting_chats, "        \
	"ROUND(longest_wait_seconds * 1000) FROM tenant_metrics_all t "        \
	"LEFT JOIN tenants s USING (tenant) ORDER BY tenant LIMIT 10000"

struct tenant_metric {
	const char *name, *help;
	size_t column; /* of TENANTS_SQL */
	enum { TENANT_COUNT, TENANT_TIME, TENANT_MS } kind;
};

static const struct tenant_metric metrics[] = {
	{ "messaging_tenant_as_of_timestamp_seconds",
	    "The time of the tenant's newest metrics, by our clock.", 1,
	    TENANT_TIME },
	{ "messaging_tenant_open_chats", "Open chats.", 2, TENANT_COUNT },
	{ "messaging_tenant_waiting_chats",
	    "Open chats in which a customer is waiting.", 3, TENANT_COUNT },
	{ "messaging_tenant_longest_wait_seconds",
	    "How long the one of them waits who waits longest; 0: nobody.", 4,
	    TENANT_MS },
};

/* NULL counts as 0. */
static int64_t
column_number(const struct db_rows *rows, size_t column)
{
	int64_t n = db_get_int(rows, column);

	return n == INT64_MIN ? 0 : n;
}

static void
write_tenant_sample(
    struct buf *to, const struct tenant_metric *m, const struct db_rows *rows)
{
	const char *tenant = db_get(rows, 0);

	switch (m->kind) {
	case TENANT_TIME:
		prometheus_seconds(to, m->name, "tenant", tenant,
		    db_get_time(rows, m->column));
		break;
	case TENANT_MS:
		prometheus_seconds(to, m->name, "tenant", tenant,
		    column_number(rows, m->column));
		break;
	case TENANT_COUNT:
		prometheus_count(to, m->name, "tenant", tenant,
		    (uint64_t)column_number(rows, m->column));
		break;
	}
}

/* The samples of a metric stand together, so each is gathered on its own. */
static void
write_tenants(struct buf *to, struct db_rows *rows)
{
	struct buf samples[ARRAY_LEN(metrics)] = { BUF_INIT };
	size_t i;

	while (db_next(rows))
		for (i = 0; i < ARRAY_LEN(metrics); i++)
			write_tenant_sample(&samples[i], &metrics[i], rows);
	for (i = 0; i < ARRAY_LEN(metrics); i++) {
		prometheus_head(
		    to, metrics[i].name, PROMETHEUS_GAUGE, metrics[i].help);
		buf_add(to, buf_str(&samples[i]), samples[i].len);
		buf_release(&samples[i]);
	}
}

void
tenant_metrics_write(struct buf *to, struct db *db)
{
	struct db_rows *rows = NULL;
	bool up = db_wake(db) == OUTCOME_DONE &&
		  db_query(db, TENANTS_SQL, NULL, 0, &rows) == OUTCOME_DONE;

	prometheus_gauge(to, "messaging_database_up",
	    "1 if the database answered just now, else 0.", up);
	if (up)
		write_tenants(to, rows);
	else
		log_info("no_tenant_metrics", "reason=\"%s\"", db_why(db));
	db_rows_free(rows);
}
