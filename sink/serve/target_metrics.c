/*
 * target_metrics: see serve.h. Gauges of the last hours, not counters: a late
 * message may withdraw an interval, and old sums are deleted, so a counter of
 * all would decrease, which Prometheus takes for a restart.
 */
#include "sink/serve/serve.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/containers/strmap.h"
#include "common/hours/terms.h"
#include "common/monitoring/prometheus.h"
#include "sink/rollup/span.h"

#define NAME "messaging_tenant_targets"
#define HOURS 24

/* The results of a target, and where a span has their numbers. */
static const struct {
	const char *name;
	enum span_measure measure;
} results[] = {
	{ "kept", SPAN_KEPT },
	{ "missed", SPAN_MISSED },
};

/* The numbers of a tenant. */
struct tally {
	int64_t n[ARRAY_LEN(results)][TARGET_KINDS];
};

static void
add_sums(struct tally *t, const char *sums)
{
	struct span_text text = { .rest = sums, .wanted = SPAN_ALL };
	size_t r, k;

	while (span_text_next(&text) == 1)
		for (r = 0; r < ARRAY_LEN(results); r++)
			for (k = 0; k < TARGET_KINDS; k++)
				if (text.place == span_place(results[r].measure,
						      (enum span_kind)k))
					t->n[r][k] += text.n;
}

static void
write_tenant(struct buf *to, const char *tenant, const struct tally *t)
{
	struct buf labels = BUF_INIT;
	size_t r, k;

	for (k = 0; k < TARGET_KINDS; k++)
		for (r = 0; r < ARRAY_LEN(results); r++) {
			buf_clear(&labels);
			prometheus_label(&labels, "tenant", tenant);
			prometheus_label(&labels, "kind",
			    target_kind_name((enum target_kind)k));
			prometheus_label(&labels, "result", results[r].name);
			prometheus_sample(
			    to, NAME, buf_str(&labels), (uint64_t)t->n[r][k]);
		}
	buf_release(&labels);
}

void
target_metrics_write(struct buf *to, struct db *db,
    const struct terms_book *terms, struct db_rows *tenants)
{
	static const struct tally none;
	const struct db_value from =
	    db_time(clock_floor(clock_now_ms(), HOUR_MS) - HOURS * HOUR_MS);
	struct strmap tallies = { 0 };
	struct db_rows *rows = NULL;
	const struct tally *found;
	const char *tenant;
	void **slot;

	if (db_query(db,
		"SELECT tenant, sums FROM response_rollups WHERE subject = "
		"'" SPAN_OF_TENANT "' AND span = '" SPAN_HOUR "' "
		"AND begin_at >= ?",
		&from, 1, &rows) != OUTCOME_DONE) {
		log_info("no_target_metrics", "reason=\"%s\"", db_why(db));
		return;
	}
	while (db_next(rows)) {
		tenant = db_get(rows, 0);
		slot = strmap_put(&tallies, tenant, strlen(tenant));
		if (*slot == NULL)
			*slot = xcalloc(1, sizeof(struct tally));
		add_sums(*slot, db_get(rows, 1));
	}
	prometheus_head(to, NAME, PROMETHEUS_GAUGE,
	    "Targets kept and missed in the last 24 hours that are over.");
	db_rewind(tenants);
	while (db_next(tenants)) {
		tenant = db_get(tenants, 0);
		found = strmap_get(&tallies, tenant, strlen(tenant));
		if (terms_have_targets(
			terms_of_tenant(terms, text_from(tenant))))
			write_tenant(to, tenant, found != NULL ? found : &none);
	}
	strmap_release(&tallies, free);
	db_rows_free(rows);
}
