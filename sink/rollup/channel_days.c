/*
 * channel_days: see channel_days.h.
 */
#include "sink/rollup/channel_days.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "sink/rollup/quarter_locks.h"
#include "sink/rollup/span_set.h"

/* Empties what is stored of the day, and adds up its hours. */
static enum outcome
add_hours(struct db *db, const char *tenant, int64_t day, struct span_set *days)
{
	struct span_set hours = { .span = SPAN_HOUR, .of = SPAN_OF_CHANNEL };
	enum outcome o = span_set_read(days, db, tenant, day, day + 1, true);
	const struct strmap_entry *e;
	const struct span_row *hour;
	struct span_row *row;
	size_t i = 0;

	if (o == OUTCOME_DONE)
		o = span_set_read(&hours, db, tenant, day, day + DAY_MS, false);
	while ((e = strmap_next(&hours.rows, &i)) != NULL) {
		hour = e->value;
		row = span_set_row(days, day, hour->id, strlen(hour->id));
		span_row_merge(row, hour);
		row->put = true;
	}
	span_set_release(&hours);
	return o;
}

/* What is asked of such a day is read from its hours. */
static enum outcome
spoil_unless_whole(struct db *db, const char *tenant, int64_t day)
{
	const struct db_value hours[] = { db_str(tenant), db_time(day),
		db_time(day + DAY_MS) };
	const struct db_value row[] = { db_int(QUARTERS_DUE), db_str(tenant),
		db_time(day) };
	struct db_rows *lacking = NULL;
	enum outcome o = db_query(db,
	    "SELECT 1" CHANNEL_HOURS_LACKING
	    " AND h.begin_at >= ? AND h.begin_at < ? LIMIT 1",
	    hours, ARRAY_LEN(hours), &lacking);

	if (o == OUTCOME_DONE && db_rows_count(lacking) > 0)
		o = db_exec(db,
		    "UPDATE response_rollups SET version = ? WHERE tenant = ? "
		    "AND everyone = 2 AND span = 'day' AND begin_at = ? "
		    "AND operator = ''",
		    row, ARRAY_LEN(row), NULL);
	db_rows_free(lacking);
	return o;
}

static enum outcome
make_day(struct db *db, struct db_bulk *put, const char *tenant, int64_t day)
{
	struct span_set days = { .span = SPAN_DAY, .of = SPAN_OF_CHANNEL };
	struct span_set *const sets[] = { &days };
	enum outcome o = span_set_lock(&days, db, tenant, day, NULL);

	if (o == OUTCOME_DONE)
		o = add_hours(db, tenant, day, &days);
	if (o == OUTCOME_DONE)
		o = span_sets_write(sets, ARRAY_LEN(sets), tenant, put);
	if (o == OUTCOME_DONE)
		o = spoil_unless_whole(db, tenant, day);
	span_set_release(&days);
	return o;
}

enum outcome
channel_days_make(struct db *db, struct db_bulk *put, const char *tenant,
    int64_t from, int64_t to)
{
	enum outcome o = OUTCOME_DONE;
	int64_t day;

	for (day = clock_floor(from, DAY_MS); o == OUTCOME_DONE && day < to;
	     day += DAY_MS)
		o = make_day(db, put, tenant, day);
	return o;
}
