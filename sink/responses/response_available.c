/*
 * response_available: what is there to be read; see response_read.h.
 *
 * A month or a day is read as a whole if everyone's row of it is there, else in
 * days or hours: reaper --retention deletes the row of a month that began
 * before what it keeps, and leaves its later days. Quarters are read where
 * everyone's row of their hour says so (sink/rollup/quarters.h).
 *
 * Hours are there from the first to the last one. Before and behind them, as of
 * a tenant that has none, all is read from intervals.
 *
 * Channels have rows of an hour when it has quarters, if its quarters were made
 * with them; of a day if all its hours have them (sink/rollup/channel_days.h).
 */
#include "sink/responses/response_read.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/tables/intervals.h"
#include "sink/rollup/channel_days.h"

/* Days, months and cut hours that a range may have. */
#define AVAILABLE_MAX 100000

/* The first and the last hour there is, which the index knows. */
#define AVAILABLE_HOURS                                                        \
	" FROM response_rollups WHERE tenant = ? AND everyone = 1 "            \
	"AND span = 'hour'"
#define AVAILABLE_BOUNDS                                                       \
	" UNION ALL SELECT 'first', MIN(begin_at)" AVAILABLE_HOURS             \
	" UNION ALL SELECT 'last', MAX(begin_at)" AVAILABLE_HOURS

#define INTERVAL_BETWEEN                                                       \
	"SELECT 1 FROM intervals WHERE tenant = ? AND end_at >= ? "            \
	"AND end_at < ?"

/* Rows of everyone, behind what else is asked in the same statement. */
#define AVAILABLE_SPANS                                                        \
	" UNION ALL SELECT span, begin_at FROM response_rollups "              \
	"WHERE tenant = ? AND everyone = 1 AND operator = ''"

static int
compare_begins(const void *pa, const void *pb)
{
	const int64_t *a = pa, *b = pb;

	return (*a > *b) - (*a < *b);
}

static bool
has_begin(const struct response_available *k, enum response_level level,
    int64_t begin)
{
	return k->n[level] > 0 && bsearch(&begin, k->begins[level], k->n[level],
				      sizeof begin, compare_begins) != NULL;
}

/* Whether one of the hours of a time is listed. */
static bool
has_hour_of(const struct response_available *k, int64_t from, int64_t to)
{
	const int64_t *hours = k->begins[RESPONSE_HOURS];
	size_t low = 0, high = k->n[RESPONSE_HOURS], middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (hours[middle] < from)
			low = middle + 1;
		else
			high = middle;
	}
	return low < k->n[RESPONSE_HOURS] && hours[low] < to;
}

bool
response_is_available(const void *ctx, enum response_level level, int64_t begin)
{
	const struct response_available *k = ctx;
	int64_t end = response_span_end(begin, level);

	if (begin < k->first || end > k->end)
		return false;
	if (k->of_channels && has_hour_of(k, begin, end))
		return false;
	if (level == RESPONSE_HOURS ||
	    (k->of_channels && level == RESPONSE_QUARTERS))
		return true;
	return has_begin(k, level, begin);
}

/* After an upgrade that takes time. */
static bool
refuse_due(const struct sums_reader *r)
{
	(void)question_problem(r->q, 503,
	    "responses that were stored before an upgrade are not "
	    "added up yet; sink --migrate does that");
	r->q->answer->retry_after = 60;
	return false;
}

/* The first or the last hour; NULL: there is none. */
static bool
take_bound(struct response_available *k, const struct db_rows *rows)
{
	bool is_first = strcmp(db_get(rows, 0), "first") == 0;

	if (!is_first && strcmp(db_get(rows, 0), "last") != 0)
		return false;
	if (db_get(rows, 1) != NULL && is_first)
		k->first = db_get_time(rows, 1);
	else if (db_get(rows, 1) != NULL)
		k->end = db_get_time(rows, 1) + HOUR_MS;
	return true;
}

/* The present row: a span and its begin. */
static void
take_begin(struct response_available *k, const struct db_rows *rows)
{
	enum response_level level = response_level_named(db_get(rows, 0));

	XGROW(k->begins[level], k->n[level], k->cap[level]);
	k->begins[level][k->n[level]++] = db_get_time(rows, 1);
}

static void
sort_begins(struct response_available *k)
{
	enum response_level level;

	for (level = 0; level < RESPONSE_INTERVALS; level++) {
		if (k->n[level] > 0)
			qsort(k->begins[level], k->n[level], sizeof(int64_t),
			    compare_begins);
	}
}

static bool
take_available(const struct sums_reader *r, struct response_available *k,
    struct db_rows *rows)
{
	k->first = k->end = INT64_MAX;
	while (db_next(rows)) {
		if (strcmp(db_get(rows, 0), "due") == 0)
			return refuse_due(r);
		if (!take_bound(k, rows))
			take_begin(k, rows);
	}
	sort_begins(k);
	return true;
}

void
response_available_release(struct response_available *k)
{
	enum response_level level;

	for (level = 0; level < RESPONSE_INTERVALS; level++)
		free(k->begins[level]);
}

/* Appends the question which of the hours have quarters. The arguments have
 * room. */
static void
add_cut_hours(const struct response_pieces *hours, struct buf *sql,
    struct db_value *args, size_t *n)
{
	const char *comma = "";
	int64_t hour;
	size_t i;

	buf_addf(sql, AVAILABLE_SPANS " AND span = 'quarter' AND version >= 0 "
				      "AND begin_at IN (");
	for (i = 0; i < hours->n; i++) {
		for (hour = hours->list[i].from; hour < hours->list[i].to;
		     hour += HOUR_MS, comma = ", ") {
			buf_addf(sql, "%s?", comma);
			args[(*n)++] = db_time(hour);
		}
	}
	buf_addc(sql, ')');
}

/* Where nothing but hours tells of the time before the first or behind the last
 * one, nothing was answered then. */
static bool
drop_bounds(const struct sums_reader *r, const struct response_plan *p,
    struct response_available *k)
{
	const struct db_value args[] = { db_time(p->from),
		db_time(k->first < p->to ? k->first : p->to),
		db_str(r->q->viewer.tenant),
		db_time(k->end > p->from ? k->end : p->from), db_time(p->to) };
	struct buf sql = BUF_INIT;
	struct db_rows *rows = NULL;
	bool good;

	if (k->first == INT64_MAX || (p->from >= k->first && p->to <= k->end))
		return true;
	buf_adds(&sql, "SELECT EXISTS(" INTERVAL_BETWEEN
		       "), EXISTS(" INTERVAL_BETWEEN ")");
	good = response_ask(r, &sql, args, ARRAY_LEN(args), 1, &rows) &&
	       db_next(rows);
	if (good && db_get_int(rows, 0) == 0)
		k->first = INT64_MIN;
	if (good && db_get_int(rows, 1) == 0)
		k->end = INT64_MAX;
	db_rows_free(rows);
	buf_release(&sql);
	return good;
}

bool
response_find_available(const struct sums_reader *r,
    const struct response_plan *p, struct response_available *k)
{
	const struct db_value tenant = db_str(r->q->viewer.tenant);
	struct response_pieces hours = { .n = 0 };
	struct buf sql = BUF_INIT;
	struct db_rows *rows = NULL;
	struct db_value *args;
	size_t n = 0;
	bool good;

	response_plan_cut_hours(p, &hours);
	args = xcalloc(
	    (size_t)(response_pieces_ms(&hours) / HOUR_MS) + 6, sizeof *args);
	buf_adds(&sql, "SELECT 'due' AS span, day AS begin_at FROM rollups_due "
		       "WHERE tenant = ? AND done = 0" AVAILABLE_BOUNDS);
	args[n++] = tenant;
	args[n++] = tenant;
	if (p->to - p->from >= DAY_MS / 2) {
		buf_adds(&sql,
		    AVAILABLE_SPANS " AND span IN ('month', 'day') "
				    "AND begin_at >= ? AND begin_at < ?");
		args[n++] = tenant;
		args[n++] =
		    db_time(response_span_begin(p->from, RESPONSE_MONTHS));
		args[n++] = db_time(p->to);
	}
	if (hours.n > 0) {
		args[n++] = tenant;
		add_cut_hours(&hours, &sql, args, &n);
	}
	buf_addf(&sql, " LIMIT %d", AVAILABLE_MAX + 1);
	good = response_ask(r, &sql, args, n, AVAILABLE_MAX, &rows) &&
	       take_available(r, k, rows) && drop_bounds(r, p, k);
	db_rows_free(rows);
	buf_release(&sql);
	free(hours.list);
	free(args);
	return good;
}

/* Takes the begins that a statement finds. */
static bool
read_begins(const struct sums_reader *r, struct buf *sql,
    const struct db_value *args, size_t n, struct response_available *k)
{
	struct db_rows *rows = NULL;
	bool good;

	buf_addf(sql, " LIMIT %d", AVAILABLE_MAX + 1);
	good = response_ask(r, sql, args, n, AVAILABLE_MAX, &rows);
	while (good && db_next(rows))
		take_begin(k, rows);
	sort_begins(k);
	db_rows_free(rows);
	return good;
}

/* Days all of whose hours have their channels. */
static bool
find_channel_days(const struct sums_reader *r,
    const struct response_range *days, struct response_available *k)
{
	const struct db_value args[] = { db_time(days->from),
		db_time(days->to) };
	struct buf sql = BUF_INIT;
	bool good;

	buf_adds(&sql,
	    "SELECT span, begin_at FROM response_rollups WHERE tenant = ? "
	    "AND everyone = 2 AND span = 'day' AND begin_at >= ? "
	    "AND begin_at < ? AND operator = '' AND version >= 0");
	good = read_begins(r, &sql, args, ARRAY_LEN(args), k);
	buf_release(&sql);
	return good;
}

/* Of the other days the hours that do not have theirs. */
static bool
find_lacking_hours(const struct sums_reader *r,
    const struct response_pieces *others, struct response_available *k)
{
	struct buf sql = BUF_INIT;
	struct db_value *args = xcalloc(2 * others->n + 1, sizeof *args);
	size_t n = 0;
	bool good;

	buf_adds(&sql, "SELECT h.span, h.begin_at" CHANNEL_HOURS_LACKING);
	response_add_ranges("h.begin_at", others, &sql, args, &n);
	good = read_begins(r, &sql, args, n, k);
	buf_release(&sql);
	free(args);
	return good;
}

bool
response_find_channels(const struct sums_reader *r,
    const struct response_plan *p, struct response_available *k)
{
	const struct response_range days = {
		response_span_begin(p->from, RESPONSE_DAYS), p->to
	};
	struct response_pieces others = { .n = 0 };
	enum response_level level;
	int64_t day;
	bool good;

	for (level = 0; level < RESPONSE_INTERVALS; level++)
		k->n[level] = 0;
	k->of_channels = true;
	good = find_channel_days(r, &days, k);
	for (day = days.from; day < days.to; day += DAY_MS) {
		if (!has_begin(k, RESPONSE_DAYS, day))
			response_pieces_add(&others, day, day + DAY_MS);
	}
	if (good && others.n > 0)
		good = find_lacking_hours(r, &others, k);
	free(others.list);
	return good;
}

static int
compare_cuts(const void *pa, const void *pb)
{
	const struct response_cut *a = pa, *b = pb;

	return (a->time.from > b->time.from) - (a->time.from < b->time.from);
}

/* An hour leaves it to its quarters. */
static bool
has_quarters(const struct sums_reader *r, const struct response_range *time)
{
	return time->to - time->from == HOUR_MS &&
	       response_is_available(
		   r->available, RESPONSE_QUARTERS, time->from);
}

/* One of each that tells of responses, in order. */
static void
merge_cuts(struct sums_reader *r, struct response_pieces *times)
{
	struct response_cut *c = r->cut;
	size_t i, n = 0;

	if (r->cut_n > 0)
		qsort(c, r->cut_n, sizeof *c, compare_cuts);
	for (i = 0; i < r->cut_n; i++) {
		if (c[i].n == 0 || has_quarters(r, &c[i].time))
			continue;
		if (n > 0 && c[n - 1].time.from == c[i].time.from) {
			c[n - 1].n += c[i].n;
			continue;
		}
		c[n++] = c[i];
		response_pieces_add(times, c[i].time.from, c[i].time.to);
	}
	r->cut_n = n;
}

/* Of a time and what is cut, which do not overlap. */
static int
compare_time(const void *key, const void *p)
{
	const struct response_cut *cut = p;
	const int64_t *ms = key;

	return (*ms >= cut->time.to) - (*ms < cut->time.from);
}

#define QUARTER_MINUTES "15"

static bool
count_intervals(struct sums_reader *r, const struct response_pieces *times)
{
	struct buf sql = BUF_INIT;
	struct db_rows *rows = NULL;
	struct db_value *args = xcalloc(2 * times->n + 1, sizeof *args);
	struct response_cut *cut;
	int64_t quarter;
	size_t n = 0;
	bool good;

	buf_adds(&sql, "SELECT TIMESTAMPDIFF(MINUTE, '1970-01-01', end_at) "
		       "DIV " QUARTER_MINUTES " AS quarter, COUNT(*) "
		       "FROM intervals WHERE tenant = ?");
	response_add_ranges("end_at", times, &sql, args, &n);
	response_add_choice(r, &sql, args, &n);
	buf_adds(&sql, " AND " INTERVAL_COUNTS " GROUP BY quarter");
	good = response_ask(
	    r, &sql, args, n, HOUR_MS / QUARTER_MS * r->cut_n, &rows);
	while (good && db_next(rows)) {
		quarter = db_get_int(rows, 0) * QUARTER_MS;
		cut = bsearch(
		    &quarter, r->cut, r->cut_n, sizeof *cut, compare_time);
		if (cut != NULL)
			cut->n -= db_get_int(rows, 1);
	}
	db_rows_free(rows);
	buf_release(&sql);
	free(args);
	return good;
}

bool
response_find_missing(struct sums_reader *r, const struct response_plan *p)
{
	struct response_pieces times = { .n = 0 };
	struct response_range time, part;
	bool good = true;
	size_t i;

	merge_cuts(r, &times);
	if (r->cut_n > 0)
		good = count_intervals(r, &times);
	for (i = 0; good && i < r->cut_n; i++) {
		time = r->cut[i].time;
		while (r->cut[i].n > 0 &&
		       response_pieces_cut(&r->intervals, &time, &part)) {
			response_plan_mark(p, &part, &r->to->missing);
			time.from = part.to;
		}
	}
	r->cut_n = 0;
	free(times.list);
	return good;
}

static void
mark_missing(struct response_sums *s, const struct strmap_entry *slot)
{
	*strmap_put(&s->missing, slot->key, slot->key_len) = s;
}

/* Whether a slot has fewer intervals than responses. */
static bool
lacks_kept(const struct sums_reader *r)
{
	const struct strmap_entry *e;
	size_t i = 0;

	while ((e = strmap_next(&r->kept, &i)) != NULL) {
		if ((intptr_t)e->value < 0)
			return true;
	}
	return false;
}

/* The hours' sums, by names that intervals has not. */
#define HOUR_VERSIONS                                                          \
	"(SELECT begin_at AS hour_at, version AS hour_version "                \
	"FROM response_rollups WHERE tenant = ? AND everyone = 1 "             \
	"AND span = 'hour' AND begin_at >= ? AND begin_at < ? "                \
	"AND operator = '') AS h"

/* An interval that was withdrawn is in the sums while those of its hour are
 * older: it is as good as kept. */
static bool
keep_withdrawn(struct sums_reader *r, const struct response_plan *p)
{
	struct response_pieces whole = { .n = 0 };
	struct db_value args[6] = { db_time(clock_floor(p->from, HOUR_MS)),
		db_time(p->to), db_str(r->q->viewer.tenant) };
	struct buf sql = BUF_INIT;
	struct db_rows *rows = NULL;
	size_t n = 3;
	bool good;

	response_pieces_add(&whole, p->from, p->to);
	if (whole.n == 0)
		return true;
	buf_adds(&sql, "SELECT ");
	response_plan_add_slot(p, &whole, &sql);
	buf_adds(&sql, " AS slot, COUNT(*) FROM " HOUR_VERSIONS
		       " JOIN intervals ON end_at >= hour_at "
		       "AND end_at < hour_at + INTERVAL 1 HOUR "
		       "WHERE tenant = ? AND withdrawn = 1 "
		       "AND version > hour_version");
	response_add_ranges("end_at", &whole, &sql, args, &n);
	response_add_choice(r, &sql, args, &n);
	buf_adds(&sql, " GROUP BY slot");
	good = response_ask(r, &sql, args, n, AVAILABLE_MAX, &rows);
	while (good && db_next(rows))
		response_note_kept(r, db_get_int(rows, 0), db_get_int(rows, 1));
	db_rows_free(rows);
	buf_release(&sql);
	free(whole.list);
	return good;
}

bool
response_find_missing_of_channels(struct sums_reader *r,
    const struct response_plan *p, const struct response_sums *all)
{
	const struct strmap_entry *e;
	size_t i = 0;

	if (lacks_kept(r) && !keep_withdrawn(r, p))
		return false;
	while ((e = strmap_next(&r->kept, &i)) != NULL) {
		if ((intptr_t)e->value < 0)
			mark_missing(r->to, e);
	}
	for (i = 0; (e = strmap_next(&all->missing, &i)) != NULL;)
		mark_missing(r->to, e);
	if (all->version > r->to->version)
		r->to->version = all->version;
	if (all->as_of > r->to->as_of)
		r->to->as_of = all->as_of;
	return true;
}
