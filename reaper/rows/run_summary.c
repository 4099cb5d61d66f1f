/*
 * run_summary: see run_summary.h.
 */
#include "reaper/rows/run_summary.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/monitoring/prometheus.h"
#include "common/text/jsonw.h"

#define LATELY_MS (INT64_C(3600) * 1000)

/* The columns of the summary after the tenant. */
static const struct {
	const char *name;
	size_t offset;
} counts[] = {
	{ "open", offsetof(struct run_summary_tenant, open) },
	{ "closed", offsetof(struct run_summary_tenant, closed) },
	{ "gone", offsetof(struct run_summary_tenant, gone) },
	{ "deleted", offsetof(struct run_summary_tenant, deleted) },
	{ "newer", offsetof(struct run_summary_tenant, newer) },
	{ "refused", offsetof(struct run_summary_tenant, refused) },
};

struct run_summary_tenant *
run_summary_of(struct run_summary *t, const char *tenant, size_t len)
{
	void **slot = strmap_put(&t->tenants, tenant, len);

	if (*slot == NULL)
		*slot = xcalloc(1, sizeof(struct run_summary_tenant));
	return *slot;
}

uint64_t
run_summary_gone_lately(struct run_summary_tenant *t)
{
	if (clock_mono_ms() - t->lately_since_ms > LATELY_MS)
		t->gone_lately = 0;
	return t->gone_lately;
}

void
run_summary_add_gone(struct run_summary_tenant *t, uint64_t n)
{
	if (run_summary_gone_lately(t) == 0)
		t->lately_since_ms = clock_mono_ms();
	t->gone_lately += n;
}

static uint64_t
count_of(const struct run_summary_tenant *t, size_t i)
{
	const void *at = (const char *)t + counts[i].offset;

	return *(const uint64_t *)at;
}

static void
show_summary_ndjson(const struct run_summary *t, struct buf *to)
{
	struct strmap_entry *e;
	size_t i = 0, k;

	while ((e = strmap_next(&t->tenants, &i)) != NULL) {
		jsonw_open(to);
		jsonw_str(to, "type", "reaped");
		jsonw_str(to, "tenant", e->key);
		for (k = 0; k < ARRAY_LEN(counts); k++)
			jsonw_int(
			    to, counts[k].name, (int64_t)count_of(e->value, k));
		jsonw_line(to);
	}
}

void
run_summary_show(
    const struct run_summary *t, enum output_format f, struct buf *to)
{
	struct output_column columns[ARRAY_LEN(counts) + 1] = { { "tenant",
	    OUTPUT_TEXT } };
	struct output_table table;
	struct strmap_entry *e;
	char number[24];
	size_t i = 0, k;

	if (f == OUTPUT_NDJSON) {
		show_summary_ndjson(t, to);
		return;
	}
	for (k = 0; k < ARRAY_LEN(counts); k++) {
		columns[k + 1].title = counts[k].name;
		columns[k + 1].kind = OUTPUT_NUMBER;
	}
	output_table_init(&table, columns, ARRAY_LEN(columns));
	while ((e = strmap_next(&t->tenants, &i)) != NULL) {
		output_table_cell(&table, e->key);
		for (k = 0; k < ARRAY_LEN(counts); k++) {
			snprintf(number, sizeof number, "%" PRIu64,
			    count_of(e->value, k));
			output_table_cell(&table, number);
		}
	}
	output_table_show(&table, f, to);
	output_table_release(&table);
}

void
run_summary_log(const struct run_summary *t)
{
	const struct run_summary_tenant *n;
	struct strmap_entry *e;
	size_t i = 0;

	while ((e = strmap_next(&t->tenants, &i)) != NULL) {
		n = e->value;
		log_info("chats_reaped",
		    "tenant=%s open=%" PRIu64 " closed=%" PRIu64
		    " gone=%" PRIu64 " deleted=%" PRIu64 " newer=%" PRIu64
		    " refused=%" PRIu64,
		    e->key, n->open, n->closed, n->gone, n->deleted, n->newer,
		    n->refused);
	}
}

void
run_summary_add_metrics(void *summary, struct buf *to, const char *labels)
{
	static const char name[] = "messaging_reaper_chats_total";
	const struct run_summary *t = summary;
	uint64_t deleted = 0, newer = 0, refused = 0;
	const struct run_summary_tenant *n;
	struct strmap_entry *e;
	size_t i = 0;

	while ((e = strmap_next(&t->tenants, &i)) != NULL) {
		n = e->value;
		deleted += n->deleted;
		newer += n->newer;
		refused += n->refused;
	}
	prometheus_head(to, name, PROMETHEUS_COUNTER,
	    "Closed chats whose rows were deleted, or kept because they were "
	    "reopened (newer) or too many were gone at once (refused).");
	prometheus_result(to, name, labels, "deleted", deleted);
	prometheus_result(to, name, labels, "newer", newer);
	prometheus_result(to, name, labels, "refused", refused);
}

void
run_summary_release(struct run_summary *t)
{
	strmap_release(&t->tenants, free);
}
