/*
 * quarter_locks: see quarter_locks.h.
 */
#include "sink/rollup/quarter_locks.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"

enum { COLUMNS = 4 };

static struct db_bulk *
new_bulk(struct db *db, const char *row, const char *if_there)
{
	return db_bulk_new(db,
	    "INSERT INTO response_rollups (tenant, everyone, span, begin_at, "
	    "operator, sums, as_of, version) VALUES ",
	    row, if_there, COLUMNS);
}

#define HOUR_ROW "(?, 1, 'quarter', ?, '', '', ?, ?)"
#define DAY_ROW "(?, 2, 'day', ?, '', '', ?, ?)"
#define IF_THERE " ON DUPLICATE KEY UPDATE "

void
quarter_locks_init(struct quarter_locks *l, struct db *db)
{
	*l = (struct quarter_locks){ .changed = NULL };
	l->take = new_bulk(db, HOUR_ROW, IF_THERE "tenant = VALUES(tenant)");
	l->spoil = new_bulk(db, HOUR_ROW, IF_THERE "version = VALUES(version)");
	l->spoil_days =
	    new_bulk(db, DAY_ROW, IF_THERE "version = VALUES(version)");
}

void
quarter_locks_release(struct quarter_locks *l)
{
	db_bulk_free(l->take);
	db_bulk_free(l->spoil);
	db_bulk_free(l->spoil_days);
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
    struct db_bulk *rows, struct text tenant, int64_t begin, int64_t version)
{
	db_bulk_add(rows,
	    (const struct db_value[COLUMNS]){ db_text(tenant.p, tenant.len),
		db_time(begin), db_time(begin), db_int(version) });
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

/* Adds a row of each begin of a span of this length that has changed hours. */
static void
add_spoiled(const struct quarter_locks *l, struct db_bulk *rows, int64_t length)
{
	const struct changed_hour *hour = l->changed;
	struct changed_hour last = { .begin = CLOCK_NONE }, span;

	db_bulk_clear(rows);
	for (; hour < l->changed + l->changed_n; hour++) {
		span = (struct changed_hour){ hour->tenant,
			clock_floor(hour->begin, length) };
		if (last.begin != CLOCK_NONE &&
		    compare_hours(&last, &span) == 0)
			continue;
		add_lock_row(rows, span.tenant, span.begin, QUARTERS_DUE);
		last = span;
	}
}

/* All in the same order: no two wait for each other. */
enum outcome
quarter_locks_spoil(struct quarter_locks *l)
{
	enum outcome o;

	if (l->changed_n > 0)
		qsort(l->changed, l->changed_n, sizeof *l->changed,
		    compare_hours);
	add_spoiled(l, l->spoil, HOUR_MS);
	add_spoiled(l, l->spoil_days, DAY_MS);
	o = run(l->spoil);
	return o == OUTCOME_DONE ? run(l->spoil_days) : o;
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
