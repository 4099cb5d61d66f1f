/*
 * sums_due: see sums_due.h. Also the thread that computes the sums, separate
 * from the storing threads.
 */
#include "sink/rollup/sums_due.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/containers/duration_bucket.h"
#include "common/db/db.h"
#include "common/db/tenant_lock.h"
#include "common/os/notify.h"
#include "common/os/stop.h"
#include "common/os/thread.h"
#include "common/records/record.h"
#include "common/tables/tables.h"
#include "sink/rollup/span.h"

/* message_analytics_hours: sums of message_analytics by hour. Rows that were
 * deleted with their chat stay counted: an hour that counts more than the
 * remaining rows does not change. */

/* The number must be last, because its old value determines the others. */
static const char *const analytics_sums[] = { "inbound", "outbound",
	"sentiments", "sentiment_sum", "responses", "response_sum",
	"messages" };

static enum outcome
analytics_hour_make(struct db *db, const char *tenant, int64_t hour)
{
	const struct db_value args[] = { db_time(hour), db_str(tenant),
		db_time(hour), db_time(hour + HOUR_MS) };
	struct buf sql = BUF_INIT;
	const char *sum;
	enum outcome o;
	size_t i;

	buf_adds(&sql,
	    "INSERT INTO message_analytics_hours (tenant, `hour`, messages, "
	    "inbound, outbound, sentiments, sentiment_sum, responses, "
	    "response_sum) SELECT tenant, ?, COUNT(*), "
	    "COUNT(NULLIF(direction <> 'inbound', TRUE)), "
	    "COUNT(NULLIF(direction <> 'outbound', TRUE)), "
	    "COUNT(sentiment_score), COALESCE(SUM(sentiment_score), 0), "
	    "COUNT(response_time), COALESCE(SUM(response_time), 0) "
	    "FROM message_analytics WHERE tenant = ? AND created_at >= ? "
	    "AND created_at < ? GROUP BY tenant ON DUPLICATE KEY UPDATE ");
	for (i = 0; i < ARRAY_LEN(analytics_sums); i++) {
		sum = analytics_sums[i];
		buf_addf(&sql,
		    "%s%s = IF(VALUES(messages) < messages, %s, VALUES(%s))",
		    i > 0 ? ", " : "", sum, sum, sum);
	}
	o = db_exec(db, buf_str(&sql), args, ARRAY_LEN(args), NULL);
	buf_release(&sql);
	return o;
}

/* Hours of channel_metrics that began before the aggregator counted, and that
 * an import covers. */

static enum outcome
channel_hour_is_ours(struct db *db, const char *tenant, int64_t hour, bool *is)
{
	const struct db_value args[] = { db_str(tenant), db_str(tenant),
		db_time(hour), db_time(hour + HOUR_MS), db_time(hour) };
	uint64_t n = 0;
	enum outcome o = db_query_count(db,
	    "SELECT COUNT(*) FROM coverage b JOIN (SELECT MIN(begin_at) AS at "
	    "FROM coverage WHERE tenant = ? AND kind = 'chats' "
	    "AND source <> 'backfill') began WHERE b.tenant = ? "
	    "AND b.kind = 'chats' AND b.source = 'backfill' "
	    "AND b.begin_at <= ? AND b.end_at >= LEAST(?, began.at) "
	    "AND began.at > ?",
	    args, ARRAY_LEN(args), &n);

	*is = n > 0;
	return o;
}

/* A row of the aggregator keeps its version, so a later one replaces it; then
 * the hour is due again. */
static enum outcome
channel_hour_make(struct db *db, const char *tenant, int64_t hour)
{
	const struct db_value args[] = { db_time(hour), db_str(tenant),
		db_time(hour), db_time(hour + HOUR_MS) };
	bool is = false;
	enum outcome o = channel_hour_is_ours(db, tenant, hour, &is);

	if (o != OUTCOME_DONE || !is)
		return o;
	return db_exec(db,
	    "INSERT INTO channel_metrics (tenant, `hour`, channel, messages, "
	    "inbound_messages, outbound_messages, active_conversations, as_of, "
	    "version) SELECT tenant, ?, COALESCE(channel, '') AS c, COUNT(*), "
	    "SUM(sender = 'customer'), SUM(sender <> 'customer'), "
	    "COUNT(DISTINCT conversation_id), UTC_TIMESTAMP(3), 1 "
	    "FROM messages WHERE tenant = ? AND created_at >= ? "
	    "AND created_at < ? AND sender IN ('customer', 'operator', 'bot') "
	    "AND `private` = 0 AND automated = 0 GROUP BY c "
	    "ON DUPLICATE KEY UPDATE messages = VALUES(messages), "
	    "inbound_messages = VALUES(inbound_messages), "
	    "outbound_messages = VALUES(outbound_messages), "
	    "active_conversations = VALUES(active_conversations)",
	    args, ARRAY_LEN(args), NULL);
}

/* Most rows of an hour have arrived by this long after its end. */
#define SETTLING_MS (10 * MINUTE_MS)

enum { COLUMNS = 2 };

void
due_hours_init(struct due_hours *d, struct db *db)
{
	*d = (struct due_hours){ .n = 0 };
	/* An existing row only gets a shared lock, so transactions that store
	 * rows of the same hour do not wait for each other. */
	d->bulk = db_bulk_new(db,
	    "INSERT IGNORE INTO sums_due (tenant, `hour`) VALUES ", "(?, ?)",
	    "", COLUMNS);
}

void
due_hours_release(struct due_hours *d)
{
	db_bulk_free(d->bulk);
	free(d->list);
}

void
due_hours_clear(struct due_hours *d)
{
	d->n = 0;
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
due_hours_add(struct due_hours *d, struct text tenant, int64_t hour)
{
	const struct due_hour added = { tenant, hour };

	/* Rows come in the order of their keys. */
	if (d->n > 0 && compare_hours(&d->list[d->n - 1], &added) == 0)
		return;
	XGROW(d->list, d->n, d->cap);
	d->list[d->n++] = added;
}

enum outcome
due_hours_store_messages(
    struct db *db, struct text tenant, int64_t begin, int64_t end)
{
	const struct db_value args[] = { db_text(tenant.p, tenant.len),
		db_time(begin), db_time(end) };

	return db_exec(db,
	    "INSERT IGNORE INTO sums_due (tenant, `hour`) "
	    "SELECT DISTINCT tenant, CAST(DATE_FORMAT(created_at, "
	    "'%Y-%m-%d %H:00:00') AS DATETIME(3)) FROM messages "
	    "WHERE tenant = ? AND created_at >= ? AND created_at < ?",
	    args, ARRAY_LEN(args), NULL);
}

/* Always in the same order, so that no two transactions deadlock. */
enum outcome
due_hours_store(struct due_hours *d)
{
	const struct due_hour *h = d->list;
	size_t i;

	if (d->n == 0)
		return OUTCOME_DONE;
	qsort(d->list, d->n, sizeof *d->list, compare_hours);
	db_bulk_clear(d->bulk);
	for (i = 0; i < d->n; i++)
		if (i == 0 || compare_hours(&h[i - 1], &h[i]) != 0)
			db_bulk_add(d->bulk,
			    (const struct db_value[COLUMNS]){
				db_text(h[i].tenant.p, h[i].tenant.len),
				db_time(h[i].begin) });
	return db_bulk_run(d->bulk, 0, db_bulk_rows(d->bulk));
}

/* Computes the sums. */
struct sums {
	struct db *db;       /* borrowed */
	struct db_bulk *put; /* into response_rollups */

	/* The last hour whose day failed in this round; CLOCK_NONE: none. It is
	 * passed over, with those before it in the order of find_day(). */
	int64_t failed_hour;
	char failed_tenant[RECORD_MAX_TENANT + 1];
};

static void
sums_init(struct sums *s, struct db *db)
{
	*s = (struct sums){
		.db = db, .put = span_set_bulk(db), .failed_hour = CLOCK_NONE
	};
}

static void
sums_release(struct sums *s) /* before db_close() */
{
	db_bulk_free(s->put);
}

/* The maximum number of hours in a transaction, which locks the tenant. */
enum { HOURS_MAX = 6 };

/* A day of a tenant, and those of its hours that are computed. */
struct due_day {
	const char *tenant;
	int64_t begin, hours[HOURS_MAX];
	size_t n;
};

/* The responses of a subject in the hours of a day. column: of intervals, names
 * the operator or channel; NULL: the tenant. */
struct subject_day {
	const char *column;
	struct span_set hours, days;
};

/* Reads sums of the hour's intervals by id, kind, what was awaited, and bucket:
 * after id, kind, bucket and as_of, the columns of `measures`. */
static enum outcome
query_intervals(struct sums *s, const char *tenant, int64_t hour,
    const struct subject_day *d, const char *bucket, const char *measures,
    const char *condition, struct db_rows **rows)
{
	const struct db_value args[] = { db_str(tenant), db_time(hour),
		db_time(hour + HOUR_MS) };
	struct buf sql = BUF_INIT;
	enum outcome o;

	buf_addf(&sql,
	    "SELECT COALESCE(%s, '') AS id, kind, %s AS bucket, MAX(as_of), %s "
	    "FROM intervals WHERE tenant = ? AND end_at >= ? AND end_at < ? "
	    "AND kind <> 'waiting' AND " INTERVAL_COUNTS "%s "
	    "GROUP BY id, kind, awaited, bucket",
	    d->column, bucket, measures, condition);
	o = db_query(s->db, buf_str(&sql), args, ARRAY_LEN(args), rows);
	buf_release(&sql);
	return o;
}

/* Returns the sums of the current row's operator or channel; NULL if the row is
 * not of a kind that is added up. */
static struct span_row *
row_of_group(const struct db_rows *rows, int64_t hour, struct subject_day *d,
    enum span_kind *kind)
{
	struct span_row *row;

	*kind = span_kind_named(db_get(rows, 1), db_get_len(rows, 1));
	if (*kind == SPAN_KINDS)
		return NULL;
	row =
	    span_set_row(&d->hours, hour, db_get(rows, 0), db_get_len(rows, 0));
	row->put = true;
	if (db_get_time(rows, 3) > row->as_of)
		row->as_of = db_get_time(rows, 3);
	return row;
}

/* Adds the number, sum and maximum in columns 4 to 6, of the bucket. */
static void
add_durations(const struct db_rows *rows, struct span_sum *sum)
{
	if (db_get_int(rows, 4) <= 0)
		return;
	span_sum_add(
	    sum, db_get_int(rows, 4), db_get_int(rows, 5), db_get_int(rows, 6));
	span_sum_add_bucket(
	    sum, (uint32_t)db_get_int(rows, 2), db_get_int(rows, 4));
}

/* Adds what hours and targets say about the intervals. */
static enum outcome
count_judged(
    struct sums *s, const char *tenant, int64_t hour, struct subject_day *d)
{
	static const enum span_measure counted[] = { SPAN_KEPT, SPAN_MISSED,
		SPAN_CLOSED };
	struct db_rows *rows;
	struct span_row *row;
	enum span_kind kind, awaited;
	enum outcome o;
	size_t i;

	o = query_intervals(s, tenant, hour, d,
	    "COALESCE(" DURATION_BUCKET_SQL("work_ms") ", 0)",
	    "COUNT(work_ms), SUM(work_ms), MAX(work_ms), "
	    "COUNT(NULLIF(kept, 0)), COUNT(NULLIF(kept, 1)), "
	    "COUNT(CASE WHEN " INTERVAL_CLOSED " THEN 1 END), awaited",
	    " AND judged IS NOT NULL", &rows);
	while (o == OUTCOME_DONE && db_next(rows)) {
		row = row_of_group(rows, hour, d, &kind);
		if (row == NULL)
			continue;
		add_durations(rows, &row->sums.of[span_place(SPAN_WORK, kind)]);
		for (i = 0; i < ARRAY_LEN(counted); i++)
			span_sum_add(
			    &row->sums.of[span_place(counted[i], kind)],
			    db_get_int(rows, 7 + i), 0, 0);
		awaited = db_get(rows, 10) != NULL
			      ? span_kind_named(
				    db_get(rows, 10), db_get_len(rows, 10))
			      : SPAN_KINDS;
		if (awaited != SPAN_KINDS && kind == SPAN_UNANSWERED)
			span_sum_add(
			    &row->sums.of[span_place(SPAN_MISSED, awaited)],
			    db_get_int(rows, 8), 0, 0);
	}
	db_rows_free(rows);
	return o;
}

/* Adds up the intervals of an hour. */
static enum outcome
count_intervals(
    struct sums *s, const char *tenant, int64_t hour, struct subject_day *d)
{
	struct db_rows *rows;
	struct span_row *row;
	enum span_kind kind;
	enum outcome o;
	bool judged = false;

	o = query_intervals(s, tenant, hour, d, DURATION_BUCKET_SQL("ms"),
	    "COUNT(*), SUM(ms), MAX(ms), MAX(judged) IS NOT NULL", "", &rows);
	while (o == OUTCOME_DONE && db_next(rows)) {
		row = row_of_group(rows, hour, d, &kind);
		if (row == NULL)
			continue;
		add_durations(
		    rows, &row->sums.of[span_place(SPAN_CALENDAR, kind)]);
		judged |= db_get_int(rows, 7) == 1;
	}
	db_rows_free(rows);
	return o == OUTCOME_DONE && judged ? count_judged(s, tenant, hour, d)
					   : o;
}

/* Adds the rows that begin then to a row without an id, or to one with the same
 * id. */
static void
add_up(const struct span_set *from, int64_t begin, int64_t end,
    struct span_set *to, int64_t at, bool by_id)
{
	const struct strmap_entry *e;
	const struct span_row *part;
	struct span_row *row;
	const char *id;
	size_t i = 0;

	while ((e = strmap_next(&from->rows, &i)) != NULL) {
		part = e->value;
		if (part->begin < begin || part->begin >= end)
			continue;
		id = by_id ? part->id : "";
		row = span_set_row(to, at, id, strlen(id));
		span_row_merge(row, part);
		row->put = true;
	}
}

/* Computes the hours from intervals, or the tenant's from those of its
 * operators, and the day from all its hours. Existing rows are written even if
 * they become empty. */
static enum outcome
make_subject(struct sums *s, const struct due_day *due,
    const struct span_set *operators, struct subject_day *d)
{
	int64_t day = due->begin, hour;
	enum outcome o =
	    span_set_read(&d->days, s->db, due->tenant, day, day + 1, true);
	size_t i;

	for (i = 0; i < due->n && o == OUTCOME_DONE; i++) {
		hour = due->hours[i];
		o = span_set_read(
		    &d->hours, s->db, due->tenant, hour, hour + 1, true);
		if (o == OUTCOME_DONE && d->column != NULL)
			o = count_intervals(s, due->tenant, hour, d);
		else if (o == OUTCOME_DONE)
			add_up(
			    operators, hour, hour + 1, &d->hours, hour, false);
	}
	if (o == OUTCOME_DONE)
		o = span_set_read(
		    &d->hours, s->db, due->tenant, day, day + DAY_MS, false);
	add_up(&d->hours, day, day + DAY_MS, &d->days, day, true);
	return o;
}

enum { OPERATORS, CHANNELS, TENANT, SUBJECTS };

static enum outcome
make_responses(struct sums *s, const struct due_day *due)
{
	struct subject_day subjects[SUBJECTS] = {
		[OPERATORS] = { .column = "operator",
		    .hours = { .span = SPAN_HOUR, .of = SPAN_OF_OPERATOR },
		    .days = { .span = SPAN_DAY, .of = SPAN_OF_OPERATOR } },
		[CHANNELS] = { .column = "channel",
		    .hours = { .span = SPAN_HOUR, .of = SPAN_OF_CHANNEL },
		    .days = { .span = SPAN_DAY, .of = SPAN_OF_CHANNEL } },
		[TENANT] = { .hours = { .span = SPAN_HOUR,
				 .of = SPAN_OF_TENANT },
		    .days = { .span = SPAN_DAY, .of = SPAN_OF_TENANT } },
	};
	struct span_set *sets[2 * SUBJECTS];
	enum outcome o = OUTCOME_DONE;
	size_t i;

	for (i = 0; i < SUBJECTS; i++) {
		if (o == OUTCOME_DONE)
			o = make_subject(
			    s, due, &subjects[OPERATORS].hours, &subjects[i]);
		sets[2 * i] = &subjects[i].hours;
		sets[2 * i + 1] = &subjects[i].days;
	}
	if (o == OUTCOME_DONE)
		o = span_sets_write(sets, ARRAY_LEN(sets), due->tenant, s->put);
	for (i = 0; i < ARRAY_LEN(sets); i++)
		span_set_release(sets[i]);
	return o;
}

/* Locks the tenant and finds the newest hours of the day before `end` that are
 * on the list. A lock on their rows is not enough: in a Galera cluster, a
 * transaction on another node that finds a row on the list does not conflict
 * with it. */
static enum outcome
find_hours(struct sums *s, struct due_day *due, int64_t end)
{
	const struct text name = text_from(due->tenant);
	int64_t next = due->begin + DAY_MS;
	const struct db_value args[] = { db_str(due->tenant),
		db_time(due->begin), db_time(next < end ? next : end) };
	struct db_rows *rows = NULL;
	enum outcome o = tenant_lock_alone(s->db, &name, 1);

	if (o == OUTCOME_DONE)
		o = db_query(s->db,
		    "SELECT `hour` FROM sums_due WHERE tenant = ? "
		    "AND `hour` >= ? AND `hour` < ? ORDER BY `hour` DESC",
		    args, ARRAY_LEN(args), &rows);
	while (o == OUTCOME_DONE && due->n < HOURS_MAX && db_next(rows))
		due->hours[due->n++] = db_get_time(rows, 0);
	db_rows_free(rows);
	return o;
}

/* With the lock: computes the sums of the hours and removes them from the
 * list. */
static enum outcome
make_sums(struct sums *s, const struct due_day *due)
{
	enum outcome o = make_responses(s, due);
	size_t i;

	for (i = 0; i < due->n && o == OUTCOME_DONE; i++) {
		o = analytics_hour_make(s->db, due->tenant, due->hours[i]);
		if (o == OUTCOME_DONE)
			o = channel_hour_make(
			    s->db, due->tenant, due->hours[i]);
		if (o == OUTCOME_DONE)
			o = db_exec(s->db,
			    "DELETE FROM sums_due WHERE tenant = ? "
			    "AND `hour` = ?",
			    (const struct db_value[]){
				db_str(due->tenant), db_time(due->hours[i]) },
			    2, NULL);
	}
	return o;
}

/* Does nothing if another sink has already computed the hours. */
static enum outcome
make_day(struct sums *s, struct due_day *due, int64_t end)
{
	enum outcome o = db_begin(s->db);

	if (o == OUTCOME_DONE)
		o = find_hours(s, due, end);
	if (o == OUTCOME_DONE && due->n > 0)
		o = make_sums(s, due);
	if (o == OUTCOME_DONE)
		o = db_commit(s->db);
	if (o != OUTCOME_DONE)
		db_rollback(s->db);
	return o;
}

/* Finds the newest hour that is on the list, began before `end`, and was not
 * passed over in this round: *rows has its tenant and time, or no row. */
static enum outcome
find_day(const struct sums *s, int64_t end, struct db_rows **rows)
{
	const struct db_value failed = db_time(s->failed_hour);
	const struct db_value args[] = { db_time(end), failed, failed, failed,
		db_str(s->failed_tenant) };

	return db_query(s->db,
	    "SELECT tenant, `hour` FROM sums_due WHERE `hour` < ? "
	    "AND (? IS NULL OR `hour` < ? OR `hour` = ? AND tenant > ?) "
	    "ORDER BY `hour` DESC, tenant LIMIT 1",
	    args, ARRAY_LEN(args), rows);
}

/* Computes the sums of the newest hour that ended some time ago and of other
 * such hours of its day in one transaction, which reads and writes the sums of
 * the day once. *hours is increased by their number. *made: there was such an
 * hour. */
static enum outcome
make_some(struct sums *s, int64_t now_ms, bool *made, size_t *hours)
{
	int64_t end = clock_floor(now_ms - SETTLING_MS, HOUR_MS);
	struct due_day due = { .n = 0 };
	struct db_rows *rows = NULL;
	enum outcome o = find_day(s, end, &rows);

	*made = o == OUTCOME_DONE && db_next(rows);
	if (*made) {
		due.tenant = db_get(rows, 0);
		due.begin = clock_floor(db_get_time(rows, 1), DAY_MS);
		o = make_day(s, &due, end);
		if (o != OUTCOME_DONE) {
			s->failed_hour = db_get_time(rows, 1);
			(void)snprintf(s->failed_tenant,
			    sizeof s->failed_tenant, "%s", due.tenant);
		}
	}
	if (o == OUTCOME_DONE)
		*hours += due.n;
	db_rows_free(rows);
	return o;
}

/* Every hour with rows or sums, by the column of its table. */
static const struct {
	const char *table, *time;
} dated_tables[] = {
	{ "intervals", "end_at" },
	{ "message_analytics", "created_at" },
	{ "response_rollups", "begin_at" },
};

static enum outcome
list_all_hours(struct db *db, void *ctx)
{
	const char *const *tenant = ctx;
	const struct db_value args[] = { db_str(*tenant) };
	struct buf sql = BUF_INIT;
	enum outcome o = OUTCOME_DONE;
	size_t i;

	for (i = 0; o == OUTCOME_DONE && i < ARRAY_LEN(dated_tables); i++) {
		buf_clear(&sql);
		buf_addf(&sql,
		    "INSERT IGNORE INTO sums_due (tenant, `hour`) "
		    "SELECT DISTINCT tenant, CAST(DATE_FORMAT(%s, "
		    "'%%Y-%%m-%%d %%H:00:00') AS DATETIME(3)) FROM %s%s",
		    dated_tables[i].time, dated_tables[i].table,
		    *tenant != NULL ? " WHERE tenant = ?" : "");
		o = db_exec(db, buf_str(&sql), args, *tenant != NULL, NULL);
	}
	buf_release(&sql);
	return o;
}

enum outcome
sums_recompute(struct db *db, const char *tenant, size_t *hours)
{
	enum outcome o = db_transaction(db, list_all_hours, &tenant, false);
	bool made = true;
	struct sums s;

	*hours = 0;
	sums_init(&s, db);
	while (o == OUTCOME_DONE && made && !stop_asked()) {
		o = make_some(&s, clock_now_ms(), &made, hours);
		if (o == OUTCOME_LATER && db_cause(db) == DB_CONFLICT) {
			s.failed_hour = CLOCK_NONE;
			o = OUTCOME_DONE;
			made = true;
		}
	}
	sums_release(&s);
	return o;
}

enum { PAUSE_MS = 10000, LOOK_MS = 200, RUN_MS = 2000 };

struct sums_maker {
	pthread_t thread;
	atomic_bool ending;
	struct db *db;
};

/* Returns true if other hours may be due. A day that fails is tried again in
 * the next round, unless its failure shows that all others would fail, too. */
static bool
make_due(struct sums *s)
{
	enum outcome o = db_wake(s->db);
	bool made = false;
	size_t hours = 0;
	enum db_cause cause;

	if (o == OUTCOME_DONE)
		o = make_some(s, clock_now_ms(), &made, &hours);
	if (o == OUTCOME_DONE)
		return made;
	log_debug("sums_due", "why=\"%s\"", db_why(s->db));
	cause = db_cause(s->db);
	return made &&
	       (cause == DB_CONFLICT || cause == DB_LOST || cause == DB_DATA);
}

static void *
sums_maker_main(void *ctx)
{
	struct sums_maker *m = ctx;
	int64_t made_ms = clock_mono_ms();
	struct sums s;

	db_thread_begin();
	notify_aside();
	sums_init(&s, m->db);
	while (!stop_sleep(LOOK_MS) && !atomic_load(&m->ending)) {
		if (clock_mono_ms() - made_ms < PAUSE_MS)
			continue;
		s.failed_hour = CLOCK_NONE;
		while (!stop_asked() && make_due(&s))
			continue;
		made_ms = clock_mono_ms();
	}
	sums_release(&s);
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
sums_maker_run(struct db *db, int64_t ms)
{
	int64_t end = clock_mono_ms() + (ms > RUN_MS ? ms : RUN_MS);
	struct sums s;

	sums_init(&s, db);
	while (make_due(&s) && clock_mono_ms() < end && !stop_asked())
		continue;
	sums_release(&s);
	db_close(db);
}
