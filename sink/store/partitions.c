/*
 * partitions: see partitions.h. Partition pYYYYMMDD holds that day, bYYYYMMDD
 * all days before it that no other one holds, and bmax all later days.
 */
#include "sink/store/partitions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"

enum {
	/* Days after today that are split off before their first row. */
	AHEAD = 3,
	/* Only days that near to today get a partition: a clock that is wrong
	 * by years must not create hundreds of them. */
	PAST = 400,
	FUTURE = 31,
	/* Splitting copies the rows of the partition, and everybody waits. */
	MOVED_ROWS = 20000,
	/* How long to wait for the table's lock, and how long to pause after
	 * a timeout. */
	WAIT_S = 1,
	RETRY_MS = 60000,
	PARTITIONS = 4096,
};

static int64_t
day_number(int64_t ms)
{
	return clock_floor(ms, DAY_MS) / DAY_MS;
}

/* "YYYYMMDD", or with a dash between the parts. */
static void
write_day(struct buf *to, int64_t day, const char *dash)
{
	char text[CLOCK_TEXT];

	clock_format(day * DAY_MS, text);
	buf_addf(to, "%.4s%s%.2s%s%.2s", text, dash, text + 5, dash, text + 8);
}

/* PARTITION name VALUES LESS THAN (...) */
static void
write_partition(struct buf *sql, int64_t from, int64_t below, size_t *n)
{
	buf_adds(sql, (*n)++ > 0 ? ", PARTITION " : "PARTITION ");
	if (below == PARTITIONS_MAX) {
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
partitions_cut(struct buf *sql, const char *table,
    const struct partitions_partition *p, int64_t from, const int64_t *days,
    size_t n)
{
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

/* The index of day in the sorted list, or where it would be. */
static size_t
day_position(const int64_t *list, size_t n, int64_t day)
{
	size_t low = 0, mid;

	while (low < n) {
		mid = low + (n - low) / 2;
		if (list[mid] < day)
			low = mid + 1;
		else
			n = mid;
	}
	return low;
}

static bool
day_is_known(const struct partitions *d, size_t k, int64_t day)
{
	size_t i = day_position(d->table[k].known, d->table[k].n, day);

	return i < d->table[k].n && d->table[k].known[i] == day;
}

static void
add_known_day(struct partitions *d, size_t k, int64_t day)
{
	size_t i = day_position(d->table[k].known, d->table[k].n, day);

	if (i < d->table[k].n && d->table[k].known[i] == day)
		return;
	XGROW(d->table[k].known, d->table[k].n, d->table[k].cap);
	memmove(&d->table[k].known[i + 1], &d->table[k].known[i],
	    (d->table[k].n - i) * sizeof d->table[k].known[0]);
	d->table[k].known[i] = day;
	d->table[k].n++;
}

struct day_list {
	int64_t *day;
	size_t n, cap;
};

static void
add_wanted_day(struct day_list *l, int64_t day)
{
	size_t i = day_position(l->day, l->n, day);

	if (i < l->n && l->day[i] == day)
		return;
	XGROW(l->day, l->n, l->cap);
	memmove(&l->day[i + 1], &l->day[i], (l->n - i) * sizeof l->day[0]);
	l->day[i] = day;
	l->n++;
}

/* Collects the days of the rows that are not known yet, and those ahead. */
static void
find_wanted(struct partitions *d, size_t k, const struct row_list *rows,
    struct day_list *l)
{
	int64_t today = day_number(clock_now_ms()), last = INT64_MIN, day;
	const struct sink_row *row;
	size_t i;

	for (i = 0; i < rows->n; i++) {
		row = rows->row[i];
		day = day_number(row->values[row->table->day].num);
		if (day == last)
			continue;
		last = day;
		if (day >= today - PAST && day <= today + FUTURE &&
		    !day_is_known(d, k, day))
			add_wanted_day(l, day);
	}
	if (rows->n > 0 && d->table[k].ahead < today + AHEAD)
		for (day = today; day <= today + AHEAD; day++)
			add_wanted_day(l, day);
}

/* Reads '2026-11-20 00:00:00' or MAXVALUE; false for anything else. */
static bool
read_bound(const char *text, int64_t *below)
{
	int64_t ms;
	char at[CLOCK_TEXT];

	*below = PARTITIONS_MAX;
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

/* The table's partitions in order; NULL when they have another form. */
static struct partitions_partition *
read_partitions(struct db *db, const char *table, size_t *n)
{
	struct db_value name = db_str(table);
	struct partitions_partition *list = NULL;
	struct db_rows *rows;
	enum outcome o;
	bool ours = true;

	*n = 0;
	o = db_query(db,
	    "SELECT partition_name, partition_description FROM "
	    "information_schema.partitions WHERE table_schema = DATABASE() "
	    "AND table_name = ? ORDER BY partition_ordinal_position",
	    &name, 1, &rows);
	if (o != OUTCOME_DONE)
		return NULL;
	list = xcalloc(db_rows_count(rows), sizeof *list);
	while (ours && db_next(rows)) {
		ours = db_get(rows, 0) != NULL &&
		       db_get_len(rows, 0) <= PARTITIONS_NAME &&
		       read_bound(db_get(rows, 1), &list[*n].below);
		if (ours)
			snprintf(list[*n].name, sizeof list[*n].name, "%s",
			    db_get(rows, 0));
		++*n;
	}
	db_rows_free(rows);
	if (ours && *n > 0 && *n < PARTITIONS)
		return list;
	free(list);
	return NULL;
}

/* Whether the partition has so few rows that copying them is quick. */
static bool
has_few_rows(struct db *db, const char *table, const char *partition)
{
	struct buf sql = BUF_INIT;
	struct db_rows *rows;
	enum outcome o;
	bool few;

	buf_addf(&sql,
	    "SELECT COUNT(*) FROM (SELECT 1 FROM `%s` PARTITION (`%s`) "
	    "LIMIT %d) some",
	    table, partition, MOVED_ROWS);
	o = db_query(db, buf_str(&sql), NULL, 0, &rows);
	few = o == OUTCOME_DONE && db_next(rows) &&
	      db_get_int(rows, 0) < MOVED_ROWS;
	db_rows_free(rows);
	buf_release(&sql);
	return few;
}

static void
postpone_table(struct partitions *d, size_t k, const struct db *db)
{
	d->table[k].retry_ms = clock_mono_ms() + RETRY_MS;
	if (db_cause(db) == DB_DENIED) {
		d->table[k].refused = true;
		log_warn("no right to make partitions of %s; GRANT ALTER ON "
			 "%s, see grants.sql.example; until then rows are "
			 "stored in the partition there is, and reaper "
			 "--retention cannot drop them by the day",
		    tables[k].name, tables[k].name);
		return;
	}
	log_debug(
	    "no_partition", "table=%s why=\"%s\"", tables[k].name, db_why(db));
}

/* Splits the n days off p, which begins with `from`, unless it is a single day
 * or has many rows. False: the database refused. */
static bool
cut_partition(struct partitions *d, struct db *db, size_t k,
    const struct partitions_partition *p, int64_t from, const int64_t *days,
    size_t n)
{
	bool is_day = from != INT64_MIN && p->below == from + 1;
	struct buf sql = BUF_INIT;
	enum outcome o = OUTCOME_DONE;
	size_t i;

	if (!is_day && has_few_rows(db, tables[k].name, p->name)) {
		partitions_cut(&sql, tables[k].name, p, from, days, n);
		o = db_exec(db, buf_str(&sql), NULL, 0, NULL);
		buf_release(&sql);
		if (o == OUTCOME_DONE)
			log_info("partitions_made", "table=%s days=%zu",
			    tables[k].name, n);
	}
	for (i = 0; i < n && o == OUTCOME_DONE; i++)
		add_known_day(d, k, days[i]);
	return o == OUTCOME_DONE;
}

/* Splits each partition that holds wanted days. */
static bool
cut_partitions(
    struct partitions *d, struct db *db, size_t k, const struct day_list *l)
{
	struct partitions_partition *list;
	int64_t from = INT64_MIN;
	size_t parts, i, first = 0, end;
	bool fine = true;

	list = read_partitions(db, tables[k].name, &parts);
	if (list == NULL)
		return false;
	for (i = 0; i < parts && fine; i++, first = end) {
		end = day_position(l->day, l->n, list[i].below);
		if (end > first)
			fine = cut_partition(d, db, k, &list[i], from,
			    l->day + first, end - first);
		from = list[i].below;
	}
	free(list);
	return fine;
}

static void
prepare_table(
    struct partitions *d, struct db *db, size_t k, const struct day_list *l)
{
	int64_t today = day_number(clock_now_ms());

	if (db_connect(db) != OUTCOME_DONE ||
	    db_wait_for_tables(db, WAIT_S) != OUTCOME_DONE)
		return;
	/* Another sink may have split it meanwhile: read them again. */
	if (cut_partitions(d, db, k, l) ||
	    (db_cause(db) == DB_BUG && cut_partitions(d, db, k, l)))
		d->table[k].ahead = today + AHEAD;
	else
		postpone_table(d, k, db);
	if (db_connected(db) && db_wait_for_tables(db, 0) != OUTCOME_DONE)
		log_debug("session", "%s", db_why(db));
}

void
partitions_prepare(
    struct partitions *d, struct db *db, const struct row_batch *b)
{
	struct day_list wanted = { NULL, 0, 0 };
	size_t k;

	for (k = 0; k < TABLES; k++) {
		if (tables[k].day < 0 || d->table[k].refused ||
		    clock_mono_ms() < d->table[k].retry_ms)
			continue;
		wanted.n = 0;
		find_wanted(d, k, &b->rows[k], &wanted);
		if (wanted.n > 0)
			prepare_table(d, db, k, &wanted);
	}
	free(wanted.day);
}

void
partitions_release(struct partitions *d)
{
	size_t k;

	for (k = 0; k < TABLES; k++)
		free(d->table[k].known);
}
