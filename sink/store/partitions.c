/*
 * partitions: see partitions.h. Days are numbers since 1970.
 */
#include "sink/store/partitions.h"

#include "common/base/clock.h"
#include "common/base/log.h"

enum {
	/* Days after today that are split off before their first row. */
	DAYS_AHEAD = 3,
	/* After a longer outage, its days get one partition together. */
	OUTAGE_DAYS = 31,
	/* A partition with this many rows is large. */
	LARGE_ROWS = 20000,
	/* How long a split waits for the table's lock, and how long to pause
	 * after a timeout. */
	WAIT_S = 1,
	RETRY_MS = 60000,
};

static int64_t
this_day(void)
{
	return clock_now_ms() / DAY_MS;
}

/* Writes "YYYYMMDD", with `dash` between the parts. */
static void
write_day(struct buf *to, int64_t day, const char *dash)
{
	char text[CLOCK_TEXT];

	clock_format(day * DAY_MS, text);
	buf_addf(to, "%.4s%s%.2s%s%.2s", text, dash, text + 5, dash, text + 8);
}

/* Writes PARTITION name VALUES LESS THAN (...), for the days before `below`. */
static void
write_partition(struct buf *sql, char kind, int64_t name, int64_t below)
{
	buf_addf(sql, "PARTITION %c", kind);
	write_day(sql, name, "");
	buf_adds(sql, " VALUES LESS THAN ('");
	write_day(sql, below, "-");
	buf_adds(sql, " 00:00:00'), ");
}

/* Writes the statement that splits the days [first, last] off bmax, which
 * begins with the day `from`. */
static void
write_split(struct buf *sql, const char *table, int64_t from, int64_t first,
    int64_t last)
{
	int64_t day;

	buf_addf(
	    sql, "ALTER TABLE `%s` REORGANIZE PARTITION `bmax` INTO (", table);
	if (from < first)
		write_partition(sql, 'b', first, first);
	for (day = first; day <= last; day++)
		write_partition(sql, 'p', day, day + 1);
	buf_adds(sql, "PARTITION bmax VALUES LESS THAN (MAXVALUE))");
}

/* Finds the first day of bmax; INT64_MIN: it has all days, INT64_MAX: the table
 * has other partitions than ours. */
static enum outcome
find_last(struct db *db, const char *table, int64_t *from)
{
	const struct db_value name = db_str(table);
	struct db_rows *rows;
	int64_t begin;
	enum outcome o = db_query(db,
	    "SELECT MAX(partition_name = 'bmax'), MAX(IF(partition_description "
	    "= 'MAXVALUE', NULL, CONCAT(SUBSTRING(partition_description, 2, "
	    "10), ' 00:00:00'))) FROM information_schema.partitions "
	    "WHERE table_schema = DATABASE() AND table_name = ?",
	    &name, 1, &rows);

	*from = INT64_MAX;
	if (o == OUTCOME_DONE && db_next(rows) && db_get_int(rows, 0) == 1) {
		begin = db_get_time(rows, 1);
		if (db_get(rows, 1) == NULL)
			*from = INT64_MIN;
		else if (begin != CLOCK_NONE)
			*from = begin / DAY_MS;
	}
	db_rows_free(rows);
	return o;
}

/* Finds whether bmax has so many rows that splitting would take long. */
static enum outcome
is_last_large(struct db *db, const char *table, bool *large)
{
	struct buf sql = BUF_INIT;
	uint64_t rows;
	enum outcome o;

	buf_addf(&sql,
	    "SELECT COUNT(*) FROM (SELECT 1 FROM `%s` PARTITION (bmax) "
	    "LIMIT %d) some",
	    table, LARGE_ROWS);
	o = db_query_count(db, buf_str(&sql), NULL, 0, &rows);
	*large = rows >= LARGE_ROWS;
	buf_release(&sql);
	return o;
}

/* Until it is split manually, days get no partition. The statement begins a new
 * bmax after tomorrow, or a day after its beginning. */
static void
warn_of_large(struct partitions *d, size_t k, int64_t from)
{
	int64_t tomorrow = this_day() + 1;
	int64_t first = from > tomorrow ? from : tomorrow;
	struct buf sql = BUF_INIT;

	if (d->table[k].warned)
		return;
	d->table[k].warned = true;
	write_split(&sql, tables[k].name, from, first, first);
	log_warn("the partition bmax of %s has too many rows to split it while "
		 "rows arrive, so reaper --retention deletes its rows one by "
		 "one; stop the sinks and execute: %s",
	    tables[k].name, buf_str(&sql));
	buf_release(&sql);
}

static enum outcome
split_last(struct partitions *d, struct db *db, size_t k)
{
	const char *table = tables[k].name;
	int64_t today = this_day(), last = today + DAYS_AHEAD, from, first;
	struct buf sql = BUF_INIT;
	bool large = false;
	enum outcome o = find_last(db, table, &from);

	if (o != OUTCOME_DONE || from > last)
		return o;
	first = from >= today - OUTAGE_DAYS ? from : today;
	o = is_last_large(db, table, &large);
	if (o != OUTCOME_DONE)
		return o;
	if (large) {
		warn_of_large(d, k, from);
		return o;
	}
	write_split(&sql, table, from, first, last);
	o = db_alter(db, buf_str(&sql), WAIT_S);
	buf_release(&sql);
	if (o == OUTCOME_DONE)
		log_info("partitions_made", "table=%s days=%d", table,
		    (int)(last - first + 1));
	return o;
}

static void
postpone_table(struct partitions *d, size_t k, const struct db *db)
{
	d->table[k].retry_ms = clock_mono_ms() + RETRY_MS;
	if (db_cause(db) == DB_DENIED) {
		d->table[k].refused = true;
		log_warn(
		    "no permission to create partitions of %s; grant ALTER, "
		    "see "
		    "grants.sql.example; until then rows go into the existing "
		    "partition, and reaper --retention deletes them one by one",
		    tables[k].name);
		return;
	}
	log_debug(
	    "no_partition", "table=%s why=\"%s\"", tables[k].name, db_why(db));
}

static void
prepare_table(struct partitions *d, struct db *db, size_t k)
{
	enum outcome o;

	if (db_connect(db) != OUTCOME_DONE)
		return;
	o = split_last(d, db, k);
	/* Another sink may have split it meanwhile, so it is read again. */
	if (o != OUTCOME_DONE && db_cause(db) == DB_BUG)
		o = split_last(d, db, k);
	if (o == OUTCOME_DONE)
		d->table[k].ahead = this_day() + DAYS_AHEAD;
	else
		postpone_table(d, k, db);
}

void
partitions_prepare(
    struct partitions *d, struct db *db, const struct row_batch *b)
{
	size_t k;

	for (k = 0; k < TABLES; k++)
		if (tables[k].day != 0 && b->rows[k].n > 0 &&
		    !d->table[k].refused &&
		    d->table[k].ahead < this_day() + DAYS_AHEAD &&
		    clock_mono_ms() >= d->table[k].retry_ms)
			prepare_table(d, db, k);
}
