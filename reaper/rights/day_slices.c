/*
 * day_slices: see day_slices.h.
 */
#include "reaper/rights/day_slices.h"

#include <stddef.h>

#include "common/base/clock.h"
#include "common/os/stop.h"

/* Returns the time column that is the next part of a key after the tenant; 0:
 * none. If a table's rows replace each other, it has no index by time except
 * its key. */
static size_t
slice_column(const struct table *t)
{
	return t->age < t->keys || !t->versions ? t->age : 0;
}

void
day_slice_write(struct db *db, const struct day_slice *slice, const char *of,
    struct buf *sql)
{
	size_t column = slice_column(slice->table);
	const char *name;

	if (column == 0)
		return;
	name = slice->table->columns[column].name;
	buf_addf(sql, " AND %s`%s` >= ", of, name);
	db_quote(db, sql, db_time(slice->from));
	buf_addf(sql, " AND %s`%s` <= ", of, name);
	db_quote(db, sql, db_time(slice->to));
}

/* Sets `from` to the time of the first row after the slice; CLOCK_NONE: there
 * is none. */
static enum outcome
find_next_row(struct db *db, void *ctx)
{
	struct day_slice *s = ctx;
	const char *name = s->table->columns[slice_column(s->table)].name;
	struct buf sql = BUF_INIT;
	struct db_rows *found;
	enum outcome o;

	buf_addf(&sql, "SELECT MIN(`%s`) FROM %s WHERE tenant = ", name,
	    s->table->name);
	db_quote(db, &sql, db_str(s->tenant));
	if (s->to != CLOCK_NONE) {
		buf_addf(&sql, " AND `%s` > ", name);
		db_quote(db, &sql, db_time(s->to));
	}
	o = db_query(db, buf_str(&sql), NULL, 0, &found);
	buf_release(&sql);
	if (o != OUTCOME_DONE)
		return o;
	s->from = db_next(found) ? db_get_time(found, 0) : CLOCK_NONE;
	db_rows_free(found);
	return OUTCOME_DONE;
}

static enum outcome
move_to_next_day(struct db *db, struct day_slice *s)
{
	enum outcome o = db_transaction(db, find_next_row, s, false);

	if (o == OUTCOME_DONE && s->from != CLOCK_NONE) {
		s->from = clock_floor(s->from, DAY_MS);
		s->to = s->from + DAY_MS - 1;
	}
	return o;
}

bool
day_slice_next(struct db *db, struct day_slice *s, enum outcome *o)
{
	bool all = slice_column(s->table) == 0;

	if (*o != OUTCOME_DONE || (all && s->begun))
		return false;
	if (!s->begun)
		s->from = s->to = CLOCK_NONE;
	s->begun = true;
	if (stop_asked())
		*o = OUTCOME_LATER;
	else if (!all)
		*o = move_to_next_day(db, s);
	return *o == OUTCOME_DONE && (all || s->from != CLOCK_NONE);
}
