/*
 * sums_due: see sums_due.h. Also the thread that computes the sums, separate
 * from the storing threads.
 */
#include "sink/rollup/sums_due.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/containers/duration_bucket.h"
#include "common/db/db.h"
#include "common/os/notify.h"
#include "common/os/stop.h"
#include "common/os/thread.h"
#include "common/tables/tables.h"
#include "sink/rollup/span.h"

/* message_analytics_hours: sums of message_analytics by hour and channel. Rows
 * that were deleted with their chat stay counted: an hour of a channel that
 * counts more than the remaining rows does not change. */

/* The number must be last, because its old value determines the others. */
static const char *const sums[] = { "inbound", "outbound", "sentiments",
	"sentiment_sum", "responses", "response_sum", "messages" };

/* For hours in [from, to). */
static enum outcome
analytics_hours_make(
    struct db *db, const char *tenant, int64_t from, int64_t to)
{
	const struct db_value args[] = { db_str(tenant), db_time(from),
		db_time(to) };
	struct buf sql = BUF_INIT;
	enum outcome o;
	size_t i;

	buf_adds(&sql,
	    "INSERT INTO message_analytics_hours (tenant, `hour`, channel, "
	    "messages, inbound, outbound, sentiments, sentiment_sum, "
	    "responses, response_sum) "
	    "SELECT tenant, CAST(DATE_FORMAT(created_at, '%Y-%m-%d %H:00:00') "
	    "AS DATETIME(3)), COALESCE(channel_id, ''), COUNT(*), "
	    "COUNT(NULLIF(direction <> 'inbound', TRUE)), "
	    "COUNT(NULLIF(direction <> 'outbound', TRUE)), "
	    "COUNT(sentiment_score), COALESCE(SUM(sentiment_score), 0), "
	    "COUNT(response_time), COALESCE(SUM(response_time), 0) "
	    "FROM message_analytics WHERE tenant = ? AND created_at >= ? "
	    "AND created_at < ? GROUP BY 1, 2, 3 ON DUPLICATE KEY UPDATE ");
	for (i = 0; i < ARRAY_LEN(sums); i++)
		buf_addf(&sql,
		    "%s%s = IF(VALUES(messages) < messages, %s, VALUES(%s))",
		    i > 0 ? ", " : "", sums[i], sums[i], sums[i]);
	o = db_exec(db, buf_str(&sql), args, ARRAY_LEN(args), NULL);
	buf_release(&sql);
	return o;
}

/* Most rows of an hour have arrived by this long after its end. */
#define SETTLING_MS (10 * MINUTE_MS)

enum { COLUMNS = 2 };

void
sums_due_init(struct sums_due *s, struct db *db)
{
	*s = (struct sums_due){ .db = db };
	/* An existing row only gets a shared lock, so transactions that store
	 * rows of the same hour do not wait for each other. */
	s->list = db_bulk_new(db,
	    "INSERT IGNORE INTO sums_due (tenant, `hour`) VALUES ", "(?, ?)",
	    "", COLUMNS);
	s->put = span_set_bulk(db);
}

void
sums_due_release(struct sums_due *s)
{
	db_bulk_free(s->list);
	db_bulk_free(s->put);
	free(s->hours);
}

void
sums_due_begin(struct sums_due *s)
{
	s->hours_n = 0;
}

static int
compare_hours(const void *pa, const void *pb)
{
	const struct due_hour *a = pa, *b = pb;
	int order = text_compare(a->tenant, b->tenant);

	if (order == 0)
		order = (a->begin > b->begin) - (a->begin < b->begin);
	return order;
}

void
sums_due_add(struct sums_due *s, struct text tenant, int64_t hour)
{
	const struct due_hour added = { tenant, hour };

	/* Rows come in the order of their keys. */
	if (s->hours_n > 0 &&
	    compare_hours(&s->hours[s->hours_n - 1], &added) == 0)
		return;
	XGROW(s->hours, s->hours_n, s->cap);
	s->hours[s->hours_n++] = added;
}

/* Always in the same order, so that no two transactions deadlock. */
enum outcome
sums_due_list(struct sums_due *s)
{
	const struct due_hour *h = s->hours;
	size_t i;

	if (s->hours_n == 0)
		return OUTCOME_DONE;
	qsort(s->hours, s->hours_n, sizeof *s->hours, compare_hours);
	db_bulk_clear(s->list);
	for (i = 0; i < s->hours_n; i++)
		if (i == 0 || compare_hours(&h[i - 1], &h[i]) != 0)
			db_bulk_add(s->list,
			    (const struct db_value[COLUMNS]){
				db_text(h[i].tenant.p, h[i].tenant.len),
				db_time(h[i].begin) });
	return db_bulk_run(s->list, 0, db_bulk_rows(s->list));
}

/* Adds up the intervals of a time by hour. */
static enum outcome
count_intervals(struct sums_due *s, const char *tenant, int64_t from,
    int64_t to, struct span_set *hours)
{
	const struct db_value args[] = { db_time(from), db_str(tenant),
		db_time(from), db_time(to) };
	struct db_rows *rows;
	enum span_kind kind;
	struct span_row *row;
	struct span_sum *sum;
	enum outcome o = db_query(s->db,
	    "SELECT TIMESTAMPDIFF(HOUR, ?, end_at) AS n, "
	    "COALESCE(channel, '') AS c, kind, " DURATION_BUCKET_SQL(
		"ms") " AS bucket, COUNT(*), SUM(ms), MAX(ms), "
		      "MAX(as_of) FROM intervals "
		      "WHERE tenant = ? AND end_at >= ? AND end_at < ? "
		      "AND kind <> 'waiting' AND " INTERVAL_COUNTS
		      " GROUP BY n, c, kind, bucket",
	    args, ARRAY_LEN(args), &rows);

	while (o == OUTCOME_DONE && db_next(rows)) {
		kind = span_kind_named(db_get(rows, 2), db_get_len(rows, 2));
		if (kind == SPAN_KINDS)
			continue;
		row = span_set_row(hours, from + db_get_int(rows, 0) * HOUR_MS,
		    db_get(rows, 1), db_get_len(rows, 1));
		row->put = true;
		if (db_get_time(rows, 7) > row->as_of)
			row->as_of = db_get_time(rows, 7);
		sum = &row->sums.kind[kind];
		span_sum_add(sum, db_get_int(rows, 4), db_get_int(rows, 5),
		    db_get_int(rows, 6));
		span_sum_add_bucket(
		    sum, (uint32_t)db_get_int(rows, 3), db_get_int(rows, 4));
	}
	db_rows_free(rows);
	return o;
}

/* Adds up the stored hours of a day; those in [from, to) are recomputed. */
static enum outcome
add_up_day(struct sums_due *s, const char *tenant, int64_t from, int64_t to,
    struct span_set *hours, struct span_set *days)
{
	int64_t day = clock_floor(from, DAY_MS);
	const struct strmap_entry *e;
	const struct span_row *hour;
	struct span_row *row;
	enum outcome o;
	size_t i = 0;

	/* Existing rows are written even if they become empty. */
	o = span_set_read(hours, s->db, tenant, from, to, true);
	if (o == OUTCOME_DONE)
		o = span_set_read(days, s->db, tenant, day, day + 1, true);
	if (o == OUTCOME_DONE)
		o = count_intervals(s, tenant, from, to, hours);
	if (o == OUTCOME_DONE)
		o = span_set_read(
		    hours, s->db, tenant, day, day + DAY_MS, false);
	while ((e = strmap_next(&hours->rows, &i)) != NULL) {
		hour = e->value;
		row = span_set_row(days, day, hour->id, strlen(hour->id));
		span_row_merge(row, hour);
		row->put = true;
	}
	return o;
}

static enum outcome
make_channels(struct sums_due *s, const char *tenant, int64_t from, int64_t to)
{
	struct span_set hours = { .span = SPAN_HOUR, .of = SPAN_OF_CHANNEL };
	struct span_set days = { .span = SPAN_DAY, .of = SPAN_OF_CHANNEL };
	struct span_set *const sets[] = { &hours, &days };
	enum outcome o = add_up_day(s, tenant, from, to, &hours, &days);

	if (o == OUTCOME_DONE)
		o = span_sets_write(sets, ARRAY_LEN(sets), tenant, s->put);
	span_set_release(&hours);
	span_set_release(&days);
	return o;
}

/* Locks those hours in [from, to), all of one day, that are on the list, and
 * before them the day of channels. *listed: there are some. */
static enum outcome
lock_hours(struct sums_due *s, const char *tenant, int64_t from, int64_t to,
    bool *listed)
{
	const struct span_set days = { .span = SPAN_DAY,
		.of = SPAN_OF_CHANNEL };
	const struct db_value args[] = { db_str(tenant), db_time(from),
		db_time(to) };
	struct db_rows *rows = NULL;
	enum outcome o =
	    span_set_lock(&days, s->db, tenant, clock_floor(from, DAY_MS));

	if (o == OUTCOME_DONE)
		o = db_query(s->db,
		    "SELECT `hour` FROM sums_due WHERE tenant = ? "
		    "AND `hour` >= ? AND `hour` < ? FOR UPDATE",
		    args, ARRAY_LEN(args), &rows);
	*listed = o == OUTCOME_DONE && db_rows_count(rows) > 0;
	db_rows_free(rows);
	return o;
}

/* With the lock: computes the sums of hours and removes them from the list. */
static enum outcome
make_hours(struct sums_due *s, const char *tenant, int64_t from, int64_t to)
{
	const struct db_value args[] = { db_str(tenant), db_time(from),
		db_time(to) };
	enum outcome o = make_channels(s, tenant, from, to);

	if (o == OUTCOME_DONE)
		o = analytics_hours_make(s->db, tenant, from, to);
	if (o == OUTCOME_DONE)
		o = db_exec(s->db,
		    "DELETE FROM sums_due WHERE tenant = ? AND `hour` >= ? "
		    "AND `hour` < ?",
		    args, ARRAY_LEN(args), NULL);
	return o;
}

/* Does nothing if another sink has already computed the hour. */
static enum outcome
make_hour(struct sums_due *s, const char *tenant, int64_t hour)
{
	bool listed = false;
	enum outcome o = db_begin(s->db);

	if (o == OUTCOME_DONE)
		o = lock_hours(s, tenant, hour, hour + HOUR_MS, &listed);
	if (o == OUTCOME_DONE && listed)
		o = make_hours(s, tenant, hour, hour + HOUR_MS);
	if (o == OUTCOME_DONE)
		o = db_commit(s->db);
	if (o != OUTCOME_DONE)
		db_rollback(s->db);
	return o;
}

/* Computes the sums of an hour that is on the list and ended some time ago, the
 * newest first. *made: there was one. Uses its own transaction. */
static enum outcome
sums_due_make_one(struct sums_due *s, int64_t now_ms, bool *made)
{
	const struct db_value args[] = { db_time(
	    clock_floor(now_ms - SETTLING_MS, HOUR_MS)) };
	struct db_rows *rows = NULL;
	enum outcome o = db_query(s->db,
	    "SELECT tenant, `hour` FROM sums_due "
	    "WHERE `hour` < ? ORDER BY `hour` DESC, tenant LIMIT 1",
	    args, ARRAY_LEN(args), &rows);

	*made = o == OUTCOME_DONE && db_next(rows);
	if (*made)
		o = make_hour(s, db_get(rows, 0), db_get_time(rows, 1));
	db_rows_free(rows);
	return o;
}

enum outcome
sums_due_make_day(struct sums_due *s, struct text tenant, int64_t day)
{
	char *name = text_dup(tenant);
	bool listed;
	enum outcome o = lock_hours(s, name, day, day + DAY_MS, &listed);

	if (o == OUTCOME_DONE)
		o = make_hours(s, name, day, day + DAY_MS);
	free(name);
	return o;
}

enum { PAUSE_MS = 10000, LOOK_MS = 200, HOURS_OF_RUN = 24 };

struct sums_maker {
	pthread_t thread;
	atomic_bool ending;
	struct db *db;
};

/* Computes one hour. Returns false if nothing is due, or if it failed and is
 * retried later. */
static bool
make_one(struct sums_due *s)
{
	enum outcome o = db_wake(s->db);
	bool made = false;

	if (o == OUTCOME_DONE)
		o = sums_due_make_one(s, clock_now_ms(), &made);
	if (o != OUTCOME_DONE)
		log_debug("sums_due", "why=\"%s\"", db_why(s->db));
	return o == OUTCOME_DONE && made;
}

static void *
sums_maker_main(void *ctx)
{
	struct sums_maker *m = ctx;
	int64_t made_ms = clock_mono_ms();
	struct sums_due s;

	db_thread_begin();
	notify_aside();
	sums_due_init(&s, m->db);
	while (!stop_sleep(LOOK_MS) && !atomic_load(&m->ending)) {
		if (clock_mono_ms() - made_ms < PAUSE_MS)
			continue;
		while (!stop_asked() && make_one(&s))
			continue;
		made_ms = clock_mono_ms();
	}
	sums_due_release(&s);
	db_close(m->db);
	db_thread_end();
	return NULL;
}

struct sums_maker *
sums_maker_start(struct db *db)
{
	struct sums_maker *m = xcalloc(1, sizeof *m);

	m->db = db;
	thread_must_start(&m->thread, "sums", sums_maker_main, m);
	return m;
}

void
sums_maker_end(struct sums_maker *m)
{
	atomic_store(&m->ending, true);
	(void)pthread_join(m->thread, NULL);
	free(m);
}

void
sums_maker_run(struct db *db)
{
	struct sums_due s;
	size_t n = 0;

	sums_due_init(&s, db);
	while (n < HOURS_OF_RUN && !stop_asked() && make_one(&s))
		n++;
	sums_due_release(&s);
	db_close(db);
}
