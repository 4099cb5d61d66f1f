/*
 * partitions: see partitions.h.
 */
#include "sink/store/partitions.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"

enum {
	/* How long to wait for the table's lock, and how long to pause after a
	 * timeout. */
	WAIT_S = 1,
	RETRY_MS = 60000,
};

/* Collects the days of the rows, if they are not known yet, and future days. */
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
		if (day_gets_partition(day, today) &&
		    !day_list_has(&d->table[k].known, day))
			day_list_add(l, day);
	}
	if (rows->n > 0 && d->table[k].ahead < today + DAYS_AHEAD)
		for (day = today; day <= today + DAYS_AHEAD; day++)
			day_list_add(l, day);
}

static void
postpone_table(struct partitions *d, size_t k, const struct db *db)
{
	struct buf grant = BUF_INIT;

	d->table[k].retry_ms = clock_mono_ms() + RETRY_MS;
	if (db_cause(db) == DB_DENIED) {
		d->table[k].refused = true;
		db_grant(db, "ALTER", tables[k].name, &grant);
		log_warn(
		    "no permission to create partitions of %s; %s, see "
		    "grants.sql.example; until then rows go into the existing "
		    "partition, and reaper --retention deletes them one by one",
		    tables[k].name, buf_str(&grant));
		buf_release(&grant);
		return;
	}
	log_debug(
	    "no_partition", "table=%s why=\"%s\"", tables[k].name, db_why(db));
}

/* Until it is split manually, days get no partition. The statement begins a new
 * bmax after tomorrow. */
static void
warn_of_large(struct partitions *d, size_t k, const struct day_partition *p)
{
	int64_t tomorrow = day_number(clock_now_ms()) + 1;
	struct buf sql = BUF_INIT;

	if (d->table[k].warned)
		return;
	d->table[k].warned = true;
	day_partition_write_split(&sql, tables[k].name, p, &tomorrow, 1);
	log_warn("the partition bmax of %s has too many rows to split it while "
		 "rows arrive, so reaper --retention deletes its rows one by "
		 "one; stop the sinks and execute: %s",
	    tables[k].name, buf_str(&sql));
	buf_release(&sql);
}

/* Splits the n days off p, unless it is a single day or has many rows. Returns
 * false if the database refused that. */
static bool
cut_partition(struct partitions *d, struct db *db, size_t k,
    const struct day_partition *p, const int64_t *days, size_t n)
{
	bool is_day = p->from != INT64_MIN && p->below == p->from + 1;
	enum outcome o = OUTCOME_DONE;
	bool large = false;
	size_t i;

	if (!is_day)
		o = day_partition_is_large(db, tables[k].name, p, &large);
	if (o == OUTCOME_DONE && large && p->below == PARTITION_MAX)
		warn_of_large(d, k, p);
	if (o == OUTCOME_DONE && !is_day && !large)
		o = day_partition_split(db, tables[k].name, p, days, n);
	for (i = 0; i < n && o == OUTCOME_DONE; i++)
		day_list_add(&d->table[k].known, days[i]);
	return o == OUTCOME_DONE;
}

/* Splits each partition that contains wanted days. */
static bool
cut_partitions(
    struct partitions *d, struct db *db, size_t k, const struct day_list *l)
{
	struct day_partition *list;
	size_t parts, i, first = 0, end;
	bool fine = true;

	if (day_partitions_read(db, tables[k].name, &list, &parts) !=
		OUTCOME_DONE ||
	    list == NULL)
		return false;
	for (i = 0; i < parts && fine; i++, first = end) {
		end = day_list_position(l, list[i].below);
		if (end > first)
			fine = cut_partition(
			    d, db, k, &list[i], l->day + first, end - first);
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
	/* Another sink may have split it meanwhile, so they are read again. */
	if (cut_partitions(d, db, k, l) ||
	    (db_cause(db) == DB_BUG && cut_partitions(d, db, k, l)))
		d->table[k].ahead = today + DAYS_AHEAD;
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
	day_list_release(&wanted);
}

void
partitions_release(struct partitions *d)
{
	size_t k;

	for (k = 0; k < TABLES; k++)
		day_list_release(&d->table[k].known);
}
