/*
 * quarter_locks: see quarter_locks.h.
 */
#include "sink/rollup/quarter_locks.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "sink/rollup/span_set.h"

enum { COLUMNS = 5 };

static struct db_bulk *
new_bulk(struct db *db, const char *if_there)
{
	return db_bulk_new(db,
	    "INSERT INTO response_rollups (tenant, everyone, span, begin_at, "
	    "operator, sums, as_of, version) VALUES ",
	    "(?, 1, ?, ?, '', '', ?, ?)", if_there, COLUMNS);
}

void
quarter_locks_init(struct quarter_locks *l, struct db *db)
{
	*l = (struct quarter_locks){ .changed = NULL };
	l->take =
	    new_bulk(db, " ON DUPLICATE KEY UPDATE tenant = VALUES(tenant)");
	l->spoil =
	    new_bulk(db, " ON DUPLICATE KEY UPDATE version = VALUES(version)");
}

void
quarter_locks_release(struct quarter_locks *l)
{
	db_bulk_free(l->take);
	db_bulk_free(l->spoil);
	free(l->changed);
}

void
quarter_locks_begin(struct quarter_locks *l)
{
	l->changed_n = 0;
}

static int
compare_hours(const void *pa, const void *pb)
{
	const struct changed_hour *a = pa, *b = pb;
	int order = text_compare(a->tenant, b->tenant);

	if (order != 0)
		return order;
	return (a->begin > b->begin) - (a->begin < b->begin);
}

void
quarter_locks_add(struct quarter_locks *l, struct text tenant, int64_t hour)
{
	const struct changed_hour added = { tenant, hour };

	/* Rows come in the order of their keys. */
	if (l->changed_n > 0 &&
	    compare_hours(&l->changed[l->changed_n - 1], &added) == 0)
		return;
	XGROW(l->changed, l->changed_n, l->cap);
	l->changed[l->changed_n++] = added;
}

static void
add_lock_row(
    struct db_bulk *rows, struct text tenant, int64_t hour, int64_t version)
{
	db_bulk_add(rows,
	    (const struct db_value[COLUMNS]){ db_text(tenant.p, tenant.len),
		db_str(SPAN_QUARTER), db_time(hour), db_time(hour),
		db_int(version) });
}

static enum outcome
run(struct db_bulk *rows)
{
	enum outcome o = OUTCOME_DONE;

	if (db_bulk_rows(rows) > 0)
		o = db_bulk_run(rows, 0, db_bulk_rows(rows));
	db_bulk_clear(rows);
	return o;
}

/* All in the same order: no two wait for each other. */
enum outcome
quarter_locks_spoil(struct quarter_locks *l)
{
	const struct changed_hour *hour;
	size_t i;

	if (l->changed_n > 0)
		qsort(l->changed, l->changed_n, sizeof *l->changed,
		    compare_hours);
	db_bulk_clear(l->spoil);
	for (i = 0; i < l->changed_n; i++) {
		hour = &l->changed[i];
		if (i == 0 || compare_hours(hour - 1, hour) != 0)
			add_lock_row(
			    l->spoil, hour->tenant, hour->begin, QUARTERS_DUE);
	}
	return run(l->spoil);
}

enum outcome
quarter_locks_refuse(struct quarter_locks *l, struct text tenant, int64_t hour)
{
	db_bulk_clear(l->spoil);
	add_lock_row(l->spoil, tenant, hour, QUARTERS_UNEVEN);
	return run(l->spoil);
}

enum outcome
quarter_locks_take(
    struct quarter_locks *l, struct text tenant, int64_t from, int64_t to)
{
	int64_t hour;

	db_bulk_clear(l->take);
	for (hour = from; hour < to; hour += HOUR_MS)
		add_lock_row(l->take, tenant, hour, QUARTERS_DUE);
	return run(l->take);
}
