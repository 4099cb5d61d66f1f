/*
 * day_partitions: see day_partitions.h.
 */
#include "sink/tables/day_partitions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"

enum {
	/* Range of days that get a partition. */
	PAST = 400,
	FUTURE = 31,
	/* A partition with this many rows is large. */
	LARGE_ROWS = 20000,
	PARTITIONS = 4096,
};

size_t
day_list_position(const struct day_list *l, int64_t day)
{
	size_t low = 0, high = l->n, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (l->day[mid] < day)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool
day_list_has(const struct day_list *l, int64_t day)
{
	size_t i = day_list_position(l, day);

	return i < l->n && l->day[i] == day;
}

void
day_list_add(struct day_list *l, int64_t day)
{
	size_t i = day_list_position(l, day);

	if (i < l->n && l->day[i] == day)
		return;
	XGROW(l->day, l->n, l->cap);
	memmove(&l->day[i + 1], &l->day[i], (l->n - i) * sizeof l->day[0]);
	l->day[i] = day;
	l->n++;
}

void
day_list_release(struct day_list *l)
{
	free(l->day);
	*l = (struct day_list){ NULL, 0, 0 };
}

int64_t
day_number(int64_t ms)
{
	return clock_floor(ms, DAY_MS) / DAY_MS;
}

bool
day_gets_partition(int64_t day, int64_t today)
{
	return day >= today - PAST && day <= today + FUTURE;
}

/* Writes "YYYYMMDD", with `dash` between the parts. */
static void
write_day(struct buf *to, int64_t day, const char *dash)
{
	char text[CLOCK_TEXT];

	clock_format(day * DAY_MS, text);
	buf_addf(to, "%.4s%s%.2s%s%.2s", text, dash, text + 5, dash, text + 8);
}

/* Writes PARTITION name VALUES LESS THAN (...) */
static void
write_partition(struct buf *sql, int64_t from, int64_t below, size_t *n)
{
	buf_adds(sql, (*n)++ > 0 ? ", PARTITION " : "PARTITION ");
	if (below == PARTITION_MAX) {
		buf_adds(sql, "bmax VALUES LESS THAN (MAXVALUE)");
		return;
	}
	buf_adds(sql, from == below - 1 ? "p" : "b");
	write_day(sql, from == below - 1 ? from : below, "");
	buf_adds(sql, " VALUES LESS THAN ('");
	write_day(sql, below, "-");
	buf_adds(sql, " 00:00:00')");
}

void
day_partition_write_split(struct buf *sql, const char *table,
    const struct day_partition *p, const int64_t *days, size_t n)
{
	int64_t from = p->from;
	size_t i, parts = 0;

	buf_addf(sql, "ALTER TABLE `%s` REORGANIZE PARTITION `%s` INTO (",
	    table, p->name);
	for (i = 0; i < n; i++) {
		if (days[i] > from)
			write_partition(sql, from, days[i], &parts);
		write_partition(sql, days[i], days[i] + 1, &parts);
		from = days[i] + 1;
	}
	if (from < p->below)
		write_partition(sql, from, p->below, &parts);
	buf_addc(sql, ')');
}

enum outcome
day_partition_split(struct db *db, const char *table,
    const struct day_partition *p, const int64_t *days, size_t n)
{
	struct buf sql = BUF_INIT;
	enum outcome o;

	day_partition_write_split(&sql, table, p, days, n);
	o = db_exec(db, buf_str(&sql), NULL, 0, NULL);
	buf_release(&sql);
	if (o == OUTCOME_DONE)
		log_info("partitions_made", "table=%s days=%zu", table, n);
	return o;
}

/* Reads '2026-11-20 00:00:00' or MAXVALUE; false for anything else. */
static bool
read_bound(const char *text, int64_t *below)
{
	int64_t ms;
	char at[CLOCK_TEXT];

	*below = PARTITION_MAX;
	if (text != NULL && strcmp(text, "MAXVALUE") == 0)
		return true;
	if (text == NULL || strlen(text) < 12 || text[0] != '\'')
		return false;
	snprintf(at, sizeof at, "%.10sT00:00:00Z", text + 1);
	if (clock_parse(at, strlen(at), &ms) != 0)
		return false;
	*below = day_number(ms);
	return true;
}

enum outcome
day_partitions_read(
    struct db *db, const char *table, struct day_partition **list, size_t *n)
{
	struct db_value name = db_str(table);
	struct day_partition *p;
	int64_t from = INT64_MIN;
	struct db_rows *rows;
	enum outcome o;
	bool ours = true;

	*list = NULL;
	*n = 0;
	o = db_query(db,
	    "SELECT partition_name, partition_description FROM "
	    "information_schema.partitions WHERE table_schema = DATABASE() "
	    "AND table_name = ? ORDER BY partition_ordinal_position",
	    &name, 1, &rows);
	if (o != OUTCOME_DONE)
		return o;
	*list = xcalloc(db_rows_count(rows), sizeof **list);
	while (ours && db_next(rows)) {
		p = &(*list)[(*n)++];
		ours = db_get(rows, 0) != NULL &&
		       db_get_len(rows, 0) <= PARTITION_NAME &&
		       read_bound(db_get(rows, 1), &p->below);
		if (ours)
			snprintf(
			    p->name, sizeof p->name, "%s", db_get(rows, 0));
		p->from = from;
		from = p->below;
	}
	db_rows_free(rows);
	if (!ours || *n == 0 || *n >= PARTITIONS) {
		free(*list);
		*list = NULL;
	}
	return OUTCOME_DONE;
}

enum outcome
day_partition_is_large(struct db *db, const char *table,
    const struct day_partition *p, bool *large)
{
	struct buf sql = BUF_INIT;
	uint64_t rows;
	enum outcome o;

	buf_addf(&sql,
	    "SELECT COUNT(*) FROM (SELECT 1 FROM `%s` PARTITION (`%s`) "
	    "LIMIT %d) some",
	    table, p->name, LARGE_ROWS);
	o = db_query_count(db, buf_str(&sql), NULL, 0, &rows);
	*large = rows >= LARGE_ROWS;
	buf_release(&sql);
	return o;
}
