/*
 * response_sums: see response_sums.h. What is read from response_rollups is in
 * response_read.c; here it comes together with what is read from intervals.
 */
#include "sink/responses/response_read.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/containers/duration_bucket.h"
#include "common/tables/intervals.h"
#include "common/text/jsonw.h"

/* Groups of intervals that are read; an answer that needs more is refused. */
#define BUCKETS_MAX 300000

/* Sums that have a table at a time, see span_text_gather(). */
#define GATHERED_MAX 256

/* What a span in a zone at :30 has of the hours that both its ends cut. */
#define LITTLE_TIME_MS HOUR_MS

/* Of a row of several, else of its own time; -1: none, as of a time below 0,
 * which a row that others have stored may have. */
static int64_t
bucket_of(const struct db_rows *rows, int64_t ms)
{
	if (db_get(rows, 2) != NULL)
		return db_get_int(rows, 2);
	return ms >= 0 ? (int64_t)duration_bucket(ms) : -1;
}

/* False: it is one too many, and the answer is a problem. */
static bool
take_intervals(struct sums_reader *r, const struct db_rows *rows)
{
	struct response_sum *to;
	int64_t n = db_get_int(rows, 3), ms = db_get_int(rows, 4);
	int64_t max_ms = db_get_int(rows, 5), bucket = bucket_of(rows, ms);

	if (db_get_int(rows, 6) > r->to->version)
		r->to->version = db_get_int(rows, 6);
	if (db_get_time(rows, 7) > r->to->as_of)
		r->to->as_of = db_get_time(rows, 7);
	if (r->channels)
		response_note_kept(r, db_get_int(rows, 0), db_get_int(rows, 8));
	/* What was withdrawn has a version, and counts no more. */
	if (n == 0)
		return true;
	to = response_sum_of(r, db_get_int(rows, 0), db_get(rows, 1));
	if (to == NULL)
		return false;
	if (r->again && !to->again)
		return true;
	if (r->numbers) {
		span_sum_add(&to->of, r->takes_off ? -n : n, 0, 0, 0);
		return true;
	}
	if (r->takes_off) {
		if (max_ms > to->taken_max_ms)
			to->taken_max_ms = max_ms;
		n = -n;
		ms = -ms;
		max_ms = 0;
	}
	span_sum_add(&to->of, n, ms, max_ms, 0);
	if (bucket >= 0 && bucket < DURATION_BUCKETS)
		span_sum_add_bucket(&to->of, (uint32_t)bucket, n);
	return true;
}

/* The channel of an interval; '': none. */
#define CHANNEL "COALESCE(channel, '')"

/* Whether it is so little time that hardly two intervals share a bucket: to
 * group them takes the server longer than to send each one. */
static bool
is_little_time(const struct response_pieces *p)
{
	return response_pieces_ms(p) <= LITTLE_TIME_MS;
}

static const char *
name_column(const struct sums_reader *r)
{
	if (r->by_channel)
		return CHANNEL;
	return r->by_operator ? RESPONSE_WHO : "''";
}

/* Appends name and bucket; number, sum, maximum, version and time; and how many
 * count, whatever the channel. Of single ones the bucket is computed here. */
static void
add_interval_columns(const struct sums_reader *r, bool single, struct buf *sql)
{
	struct buf counts = BUF_INIT;
	const char *is;

	buf_adds(&counts, "(" INTERVAL_COUNTS);
	if (r->filter->channel != NULL) {
		buf_adds(&counts, " AND " CHANNEL " = ");
		db_quote(r->q->db, &counts, db_str(r->filter->channel));
	}
	buf_addc(&counts, ')');
	is = buf_str(&counts);
	buf_addf(sql, "%s AS who, ", name_column(r));
	if (single)
		buf_addf(sql,
		    "NULL, %s, ms, ms, version, as_of, " INTERVAL_COUNTS, is);
	else
		buf_addf(sql,
		    "IF(%s, %s, -1) AS bucket, SUM(%s), SUM(IF(%s, ms, 0)), "
		    "MAX(IF(%s, ms, 0)), MAX(version), MAX(as_of), "
		    "SUM(" INTERVAL_COUNTS ")",
		    is, DURATION_BUCKET_SQL("ms"), is, is, is);
	buf_release(&counts);
}

static bool
read_intervals(struct sums_reader *r, const struct response_pieces *p)
{
	struct buf sql = BUF_INIT;
	struct db_rows *rows = NULL;
	struct db_value *args;
	size_t n = 0;
	bool single = is_little_time(p), good;

	if (p->n == 0)
		return true;
	args = xcalloc(2 * p->n + 1, sizeof *args);
	buf_adds(&sql, "SELECT ");
	response_plan_add_slot(r->plan, p, &sql);
	buf_adds(&sql, " AS slot, ");
	add_interval_columns(r, single, &sql);
	buf_adds(&sql, " FROM intervals WHERE tenant = ?");
	response_add_ranges("end_at", p, &sql, args, &n);
	response_add_choice(r, &sql, args, &n);
	response_add_again(r, RESPONSE_WHO, &sql);
	buf_addf(&sql, "%s LIMIT %d",
	    single ? "" : " GROUP BY slot, who, bucket", BUCKETS_MAX + 1);
	good = response_ask(r, &sql, args, n, BUCKETS_MAX, &rows);
	while (good && db_next(rows))
		good = take_intervals(r, rows);
	db_rows_free(rows);
	buf_release(&sql);
	free(args);
	return good;
}

static int
compare_sums(const void *pa, const void *pb)
{
	const struct response_sum *a = pa, *b = pb;

	if (a->slot != b->slot)
		return a->slot < b->slot ? -1 : 1;
	return a->name == b->name ? 0 : strcmp(a->name, b->name);
}

static void
add_wholes(const struct response_rounded *l, struct response_pieces *pieces)
{
	const struct response_whole *whole;
	enum response_level level;
	size_t i;

	for (level = 0; level < ARRAY_LEN(l->wholes); level++) {
		for (i = 0; i < l->wholes[level].n; i++) {
			whole = &l->wholes[level].list[i];
			response_pieces_add(&pieces[level], whole->begin,
			    response_span_end(whole->begin, level));
		}
	}
}

static void
compact_all(struct sums_reader *r)
{
	size_t i;

	for (i = 0; i < r->to->n; i++)
		span_sum_compact(&r->to->list[i].of);
	r->room = GATHERED_MAX;
}

/* rounded: whose rest the plan is, or NULL. */
static bool
read_plan(struct sums_reader *r, const struct response_plan *p,
    const struct response_rounded *rounded,
    const struct response_available *available)
{
	struct response_pieces pieces[RESPONSE_LEVELS] = { { .n = 0 } };
	enum response_level level;
	bool good;

	r->plan = p;
	r->rounded = rounded;
	r->available = available;
	response_plan_cut(
	    p, response_is_available, available, !r->channels, pieces);
	r->intervals = pieces[RESPONSE_INTERVALS];
	if (rounded != NULL)
		add_wholes(rounded, pieces);
	good = response_read_rollups(r, pieces) &&
	       read_intervals(r, &r->intervals) && response_find_missing(r, p);
	compact_all(r);
	for (level = 0; level < RESPONSE_LEVELS; level++)
		free(pieces[level].list);
	return good;
}

/* Empties the sums whose maximum may have been taken off, and sets *plan to
 * their part of a plan. False: there are none. */
static bool
find_again(struct response_sums *s, const struct response_plan *p,
    struct response_plan *plan)
{
	struct strmap slots = STRMAP_INIT;
	struct response_sum *sum;
	int64_t slot;
	size_t i;

	*plan = (struct response_plan){ .from = p->from, .to = p->to };
	for (i = 0; i < s->n; i++) {
		sum = &s->list[i];
		slot = sum->slot;
		sum->again = sum->of.n > 0 && sum->taken_max_ms > 0 &&
			     sum->taken_max_ms >= sum->of.max_ms;
		if (!sum->again)
			continue;
		span_sum_release(&sum->of);
		*strmap_put(&slots, (const char *)&slot, sizeof slot) = sum;
	}
	for (i = 0; i < p->stretches_n && slots.n > 0; i++) {
		slot = p->stretches[i].slot;
		response_plan_stretch(plan, p->stretches[i].begin,
		    strmap_get(&slots, (const char *)&slot, sizeof slot) != NULL
			? slot
			: -1);
	}
	strmap_release(&slots, NULL);
	return plan->stretches_n > 0;
}

/* Reads the rounded plan, what it has too much, and once more what that has
 * made unsure. */
static bool
read_rounded(struct sums_reader *r, const struct response_plan *p,
    const struct response_available *available)
{
	struct response_rounded rounded;
	struct response_plan again = { .from = 0 };
	bool good;

	response_plan_round(p, response_is_available, available, &rounded);
	good = read_plan(r, &rounded.rest, &rounded, available);
	r->takes_off = true;
	good = good && read_plan(r, &rounded.excess, NULL, available);
	r->takes_off = false;
	if (good && find_again(r->to, p, &again)) {
		r->again = true;
		good = read_plan(r, &again, NULL, available);
		r->again = false;
	}
	response_plan_release(&again);
	response_rounded_release(&rounded);
	return good;
}

/* Of sums of which all was taken off, nothing is left. */
static void
drop_empty(struct response_sums *s)
{
	size_t i, n = 0;

	for (i = 0; i < s->n; i++) {
		if (s->list[i].of.n > 0)
			s->list[n++] = s->list[i];
		else
			span_sum_release(&s->list[i].of);
	}
	s->n = n;
}

/* Nothing at all can mean that nothing is kept. */
static bool
find_not_kept(struct question *q, struct response_sums *s)
{
	static const char *const needed[] = { "histograms", "intervals" };

	if (s->missing.n > 0)
		s->not_kept.metrics[s->not_kept.n++] = needed[1];
	if (s->missing.n > 0 || s->n > 0)
		return kept_find(q, needed[1], &s->opens);
	if (!kept_find_lacking(q, needed, ARRAY_LEN(needed), &s->not_kept))
		return false;
	s->opens = !kept_lacks(&s->not_kept, needed[1]);
	kept_drop_derivable(&s->not_kept);
	s->unknown = s->not_kept.n == ARRAY_LEN(needed);
	return true;
}

bool
response_sums_unknown(const struct response_sums *s, int64_t slot)
{
	return s->unknown || strmap_get(&s->missing, (const char *)&slot,
				 sizeof slot) != NULL;
}

static const struct response_sums no_sums = { .version = CLOCK_NONE,
	.as_of = CLOCK_NONE };

/* available: empty; becomes what is there. */
static bool
read_all(struct sums_reader *r, const struct response_plan *p,
    struct response_available *available)
{
	bool good = response_find_available(r, p, available) &&
		    read_rounded(r, p, available);

	free(r->cut);
	return good;
}

static bool
read_channel_intervals(struct sums_reader *r, const struct response_plan *p)
{
	struct response_pieces pieces = { .n = 0 };
	bool good;

	response_pieces_add(&pieces, p->from, p->to);
	r->plan = p;
	good = read_intervals(r, &pieces);
	compact_all(r);
	free(pieces.list);
	return good;
}

/* Of all channels together first how many there are: that tells whether some
 * lack intervals. */
static bool
read_channels(struct sums_reader *r, const struct response_plan *p,
    struct response_available *available)
{
	struct response_filter any = *r->filter;
	struct sums_reader of_all = *r;
	struct response_sums all = no_sums;
	bool good;
	size_t i;

	any.channel = NULL;
	of_all.filter = &any;
	of_all.by_channel = of_all.channels = false;
	of_all.numbers = true;
	of_all.to = &all;
	good = read_all(&of_all, p, available);
	for (i = 0; i < all.n; i++)
		response_note_kept(r, all.list[i].slot, -all.list[i].of.n);
	if (good && response_has_channel_rollups(r))
		good = response_find_channels(r, p, available) &&
		       read_rounded(r, p, available);
	else if (good)
		good = read_channel_intervals(r, p);
	good = good && response_find_missing_of_channels(r, p, &all);
	response_sums_release(&all);
	return good;
}

bool
response_sums_read(struct question *q, const struct response_plan *p,
    const struct response_filter *c, enum response_group group,
    struct response_sums *s)
{
	struct sums_reader r = { .q = q,
		.filter = c,
		.by_operator = group == GROUP_OPERATOR,
		.by_channel = group == GROUP_CHANNEL,
		.channels = group == GROUP_CHANNEL || c->channel != NULL,
		.to = s,
		.end_ms = clock_mono_ms() + q->timeout_ms,
		.room = GATHERED_MAX };
	struct response_available available = { .n = { 0 } };
	bool alone = !q->begun, good;

	*s = no_sums;
	/* All of one moment: a flush between two of them would be in one. */
	good = (alone ? question_begin(q) : true) &&
	       (r.channels ? read_channels(&r, p, &available)
			   : read_all(&r, p, &available));
	if (alone)
		question_end(q);
	response_available_release(&available);
	strmap_release(&r.kept, NULL);
	drop_empty(s);
	if (good && s->n > 0)
		qsort(s->list, s->n, sizeof *s->list, compare_sums);
	return good && find_not_kept(q, s);
}

void
response_sums_join(struct response_sums *to, const struct response_sums *before)
{
	const struct kept_lacking *l = &before->not_kept;
	bool unknown = before->unknown || before->missing.n > 0;
	size_t i;

	if (before->version > to->version)
		to->version = before->version;
	if (before->as_of > to->as_of)
		to->as_of = before->as_of;
	for (i = 0; unknown && i < l->n; i++) {
		if (!kept_lacks(&to->not_kept, l->metrics[i]))
			to->not_kept.metrics[to->not_kept.n++] = l->metrics[i];
	}
}

void
response_sums_release(struct response_sums *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		span_sum_release(&s->list[i].of);
	free(s->list);
	strmap_release(&s->places, NULL);
	strmap_release(&s->missing, NULL);
	strmap_release(&s->names, free);
}

static void
write_zoned_time(
    struct buf *to, const char *name, const struct zone *z, int64_t ms)
{
	char text[CALENDAR_TEXT];

	calendar_format(z, ms, text);
	jsonw_str(to, name, text);
}

void
response_write_range(struct buf *to, const struct response_filter *c,
    const struct response_span *span)
{
	write_zoned_time(to, "from", c->zone, span->from);
	write_zoned_time(to, "to", c->zone, span->to);
}

void
response_write_frame(struct buf *to, const struct response_filter *c,
    const struct response_span *span, const struct response_sums *s)
{
	jsonw_str(to, "zone", c->zone_name);
	jsonw_str(to, "kind", c->kind);
	response_write_range(to, c, span);
	if (s->version != CLOCK_NONE)
		jsonw_int(to, "version", s->version);
	else
		jsonw_null(to, "version");
	jsonw_time(to, "as_of", s->as_of);
	kept_write_lacking(&s->not_kept, to);
}
