/*
 * response_read: see response_read.h.
 */
#include "sink/responses/response_read.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "sink/access/scope.h"
#include "sink/rollup/span_set.h"
#include "sink/rollup/span_text.h"

/* Spans of a statement: what it reads stays small enough for memory. */
#define SPANS_MAX 6000
#define SPANS_MAX_BY_OPERATOR 240
#define RANGES_MAX 200

/* Rows of a statement. */
#define ROWS_MAX 200000

/* Sums that are kept while they are read: some may be empty in the end, after
 * what a month or a day had too much is taken off. */
#define SUMS_MAX (2 * RESPONSE_ROWS_MAX)

/* As the column `span` has them. */
static const char *const level_names[RESPONSE_INTERVALS] = {
	[RESPONSE_MONTHS] = "month",
	[RESPONSE_DAYS] = "day",
	[RESPONSE_HOURS] = "hour",
	[RESPONSE_QUARTERS] = "quarter",
};

enum response_level
response_level_named(const char *name)
{
	enum response_level level = RESPONSE_MONTHS;

	while (
	    level < RESPONSE_INTERVALS && strcmp(level_names[level], name) != 0)
		level++;
	return level;
}

/* Whether sums of single operators are read, not of several together. */
static bool
reads_rows(const struct sums_reader *r)
{
	return r->by_operator || r->filter->operator_id != NULL;
}

/* Whether the viewer may see sums of some operators only. */
static bool
has_scope(const struct sums_reader *r)
{
	const struct viewer *v = &r->q->viewer;

	return !r->filter->of_tenant &&
	       (reads_rows(r) ? scope_limits_rows(v) : scope_limits_totals(v));
}

bool
response_has_channel_rollups(const struct sums_reader *r)
{
	return !reads_rows(r) && !has_scope(r);
}

/* Appends the condition that names them. */
static void
add_scope(const struct sums_reader *r, struct buf *sql)
{
	if (!has_scope(r))
		return;
	if (reads_rows(r))
		scope_add_rows(&r->q->viewer, "operator", sql);
	else
		scope_add_totals(&r->q->viewer, "operator", sql);
}

void
response_add_again(
    const struct sums_reader *r, const char *name, struct buf *sql)
{
	const char *comma = "";
	size_t i;

	if (!r->again || !r->by_operator)
		return;
	buf_addf(sql, " AND %s IN (", name);
	for (i = 0; i < r->to->n; i++) {
		if (!r->to->list[i].again)
			continue;
		buf_adds(sql, comma);
		db_quote(r->q->db, sql, db_str(r->to->list[i].name));
		comma = ", ";
	}
	buf_addc(sql, ')');
}

/* The name, kept as long as the sums. */
static const char *
keep_name(struct response_sums *s, const char *name)
{
	void **kept = strmap_put(&s->names, name, strlen(name));

	if (*kept == NULL)
		*kept = xstrdup(name);
	return *kept;
}

bool
response_refuse_rows(struct question *q)
{
	return question_problem(q, 400,
	    "more than %d rows; take a longer period (by), one operator or a "
	    "shorter range",
	    RESPONSE_ROWS_MAX);
}

struct response_sum *
response_sum_of(struct sums_reader *r, int64_t slot, const char *name)
{
	struct response_sums *s = r->to;
	struct buf key = BUF_INIT;
	uintptr_t i;
	void **place;

	buf_add(&key, &slot, sizeof slot);
	buf_adds(&key, name);
	place = strmap_put(&s->places, key.data, key.len);
	buf_release(&key);
	i = (uintptr_t)*place;
	if (i == 0 && s->n == SUMS_MAX) {
		(void)response_refuse_rows(r->q);
		return NULL;
	}
	if (i == 0) {
		XGROW(s->list, s->n, s->cap);
		s->list[s->n++] = (struct response_sum){ .slot = (uint32_t)slot,
			.name = keep_name(s, name) };
		i = s->n;
		*place = (void *)i; /* NOLINT(performance-no-int-to-ptr) */
	}
	return &s->list[i - 1];
}

void
response_note_kept(struct sums_reader *r, int64_t slot, int64_t n)
{
	void **kept;

	if (!r->channels || r->again)
		return;
	kept = strmap_put(&r->kept, (const char *)&slot, sizeof slot);
	n = (intptr_t)*kept + (r->takes_off ? -n : n);
	*kept = (void *)(intptr_t)n; /* NOLINT(performance-no-int-to-ptr) */
}

bool
response_ask(const struct sums_reader *r, const struct buf *sql,
    const struct db_value *args, size_t n, size_t most, struct db_rows **rows)
{
	if (clock_mono_ms() >= r->end_ms)
		return question_late(r->q);
	if (!question_ask(r->q, buf_str(sql), args, n, rows))
		return false;
	if (db_rows_count(*rows) <= most)
		return true;
	return question_problem(r->q, 400,
	    "too many periods and operators; take a longer period (by), one "
	    "operator or a shorter range");
}

void
response_add_ranges(const char *column, const struct response_pieces *p,
    struct buf *sql, struct db_value *args, size_t *n)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		buf_adds(sql, i == 0 ? " AND (" : " OR ");
		buf_addf(sql, "(%s >= ? AND %s < ?)", column, column);
		args[(*n)++] = db_time(p->list[i].from);
		args[(*n)++] = db_time(p->list[i].to);
	}
	buf_addc(sql, ')');
}

void
response_add_choice(const struct sums_reader *r, struct buf *sql,
    struct db_value *args, size_t *n)
{
	buf_addf(sql, " AND kind IN (%s)", r->filter->kinds);
	add_scope(r, sql);
	if (r->filter->operator_id != NULL) {
		buf_adds(sql, " AND " RESPONSE_WHO " = ?");
		args[(*n)++] = db_str(r->filter->operator_id);
	}
}

static void
keep_greatest(int64_t *greatest, int64_t n)
{
	if (n > *greatest)
		*greatest = n;
}

static bool
refuse_damage(const struct sums_reader *r, const char *begin)
{
	log_error("response_rollups has a damaged row at %s; run "
		  "`sink --recompute`",
	    begin);
	return question_problem(r->q, 503,
	    "the sums of responses are damaged at %s; run sink --recompute",
	    begin);
}

/* The slot of a span; -1: none. */
static int64_t
slot_of_span(
    const struct sums_reader *r, int64_t begin, enum response_level level)
{
	int64_t slot = response_plan_slot(r->plan, begin, level);

	return slot < 0 && r->rounded != NULL
		   ? response_whole_slot(r->rounded, begin, level)
		   : slot;
}

/* Adds a kind of a row to its slot, or takes it off. -1: it is damaged. */
static int
add_to_sum(
    struct sums_reader *r, const struct span_text *t, struct response_sum *to)
{
	if (r->again && !to->again)
		return 0;
	if (r->numbers) {
		span_sum_add(&to->of, r->takes_off ? -t->n : t->n, 0, 0, 0);
		return 0;
	}
	if (r->takes_off)
		keep_greatest(&to->taken_max_ms, t->max_ms);
	return span_text_gather(t, r->takes_off, &to->of, &r->room);
}

/* What is cut says how many intervals it has. */
static void
note_cut(
    struct sums_reader *r, int64_t begin, enum response_level level, int64_t n)
{
	const struct response_range time = { begin,
		response_span_end(begin, level) };
	struct response_range part;

	if (r->again || !response_pieces_cut(&r->intervals, &time, &part))
		return;
	XGROW(r->cut, r->cut_n, r->cut_cap);
	r->cut[r->cut_n++] = (struct response_cut){ time, n };
}

/* Whether it is a channel that was not asked for. */
static bool
is_other_channel(const struct sums_reader *r, const char *id)
{
	return r->filter->channel != NULL &&
	       strcmp(id, r->filter->channel) != 0;
}

/* A row of a span: into its slot, or only its version where it is cut.
 * False: it is damaged or one too many, and the answer is a problem. */
static bool
take_span(struct sums_reader *r, const struct db_rows *rows)
{
	int64_t begin = db_get_time(rows, 0);
	enum response_level level = response_level_named(db_get(rows, 4));
	int64_t slot = slot_of_span(r, begin, level);
	struct span_text t = { .rest = db_get(rows, 2) };
	struct response_sum *to = NULL;
	int rc;

	while ((rc = span_text_next(&t)) == 1) {
		if ((r->filter->kind_set & 1U << t.kind) == 0)
			continue;
		keep_greatest(&r->to->version, t.version);
		keep_greatest(&r->to->as_of, db_get_time(rows, 3));
		if (slot < 0)
			note_cut(r, begin, level, t.n);
		if (slot < 0 || t.n == 0)
			continue;
		response_note_kept(r, slot, t.n);
		if (is_other_channel(r, db_get(rows, 1)))
			continue;
		if (to == NULL)
			to = response_sum_of(r, slot,
			    r->by_operator || r->by_channel ? db_get(rows, 1)
							    : "");
		if (to == NULL)
			return false;
		rc = add_to_sum(r, &t, to);
		if (rc != 0)
			break;
	}
	return rc == 0 || refuse_damage(r, db_get(rows, 0));
}

/* All operators together have rows of their own; a team has none. Of a channel
 * all are read: those that were not asked for tell whether some are missing. */
static enum span_of
whose_spans(const struct sums_reader *r)
{
	if (r->channels)
		return SPAN_OF_CHANNEL;
	return reads_rows(r) || scope_limits_totals(&r->q->viewer)
		   ? SPAN_OF_OPERATOR
		   : SPAN_OF_EVERYONE;
}

/* Spans that begin in [from, to). */
struct span_range {
	enum response_level level;
	int64_t from, to;
};

/* What one statement reads. */
struct span_batch {
	struct span_range list[RANGES_MAX];
	size_t n;
	int64_t room; /* for so many spans more */
};

static void
batch_clear(const struct sums_reader *r, struct span_batch *b)
{
	bool is_one = r->filter->operator_id != NULL ||
		      whose_spans(r) == SPAN_OF_EVERYONE;

	b->n = 0;
	b->room = is_one ? SPANS_MAX : SPANS_MAX_BY_OPERATOR;
}

static bool
is_single(const struct span_range *r)
{
	return response_span_begin(r->from, r->level) == r->from &&
	       response_span_end(r->from, r->level) >= r->to;
}

/* Those of a level that stand alone: the server takes longer to plan so many
 * ranges than to read them. */
static void
add_singles(const struct span_batch *b, enum response_level level,
    struct buf *sql, struct db_value *args, size_t *n)
{
	const struct span_range *range;
	size_t first = *n;

	for (range = b->list; range < b->list + b->n; range++) {
		if (range->level != level || !is_single(range))
			continue;
		if (*n == first)
			buf_addf(sql, " OR (span = '%s' AND begin_at IN (?",
			    level_names[level]);
		else
			buf_adds(sql, ", ?");
		args[(*n)++] = db_time(range->from);
	}
	if (*n > first)
		buf_adds(sql, "))");
}

/* " AND (FALSE OR (span = 'day' AND begin_at >= ? AND begin_at < ?) OR ...)" */
static void
add_spans(const struct span_batch *b, struct buf *sql, struct db_value *args,
    size_t *n)
{
	const struct span_range *range;
	enum response_level level;

	buf_adds(sql, " AND (FALSE");
	for (range = b->list; range < b->list + b->n; range++) {
		if (is_single(range))
			continue;
		buf_addf(sql,
		    " OR (span = '%s' AND begin_at >= ? AND begin_at < ?)",
		    level_names[range->level]);
		args[(*n)++] = db_time(range->from);
		args[(*n)++] = db_time(range->to);
	}
	for (level = 0; level < RESPONSE_INTERVALS; level++)
		add_singles(b, level, sql, args, n);
	buf_addc(sql, ')');
}

/* To weigh both indexes takes the server longer than to read. Of some operators
 * among many it has to: by time it would read those of all. */
static const char *
choose_index(const struct sums_reader *r)
{
	if (r->filter->operator_id != NULL)
		return " FORCE INDEX (by_operator)";
	if (has_scope(r) || (r->by_operator && r->again))
		return "";
	return " FORCE INDEX (PRIMARY)";
}

static bool
read_spans(struct sums_reader *r, const struct span_batch *b)
{
	struct buf sql = BUF_INIT;
	struct db_rows *rows = NULL;
	struct db_value args[2 * RANGES_MAX + 1];
	const char *operator_id = r->filter->operator_id;
	size_t n = 0;
	bool good;

	if (b->n == 0)
		return true;
	buf_addf(&sql,
	    "SELECT begin_at, operator, sums, as_of, span "
	    "FROM response_rollups%s WHERE tenant = ? AND everyone = %d",
	    choose_index(r), (int)whose_spans(r));
	add_scope(r, &sql);
	if (operator_id != NULL) {
		buf_adds(&sql, " AND operator = ?");
		args[n++] = db_str(operator_id);
	}
	add_spans(b, &sql, args, &n);
	response_add_again(r, "operator", &sql);
	buf_addf(&sql, " LIMIT %d", ROWS_MAX + 1);
	good = response_ask(r, &sql, args, n, ROWS_MAX, &rows);
	while (good && db_next(rows))
		good = take_span(r, rows);
	db_rows_free(rows);
	buf_release(&sql);
	return good;
}

/* Adds a level's pieces to the batch, and reads it as often as it is full. */
static bool
read_level(struct sums_reader *r, enum response_level level,
    const struct response_pieces *pieces, struct span_batch *b)
{
	static const int64_t lengths[] = { 28 * DAY_MS, DAY_MS, HOUR_MS,
		QUARTER_MS };
	int64_t length = lengths[level], to;
	struct response_range rest;
	size_t i;

	for (i = 0; i < pieces->n; i++) {
		for (rest = pieces->list[i]; rest.from < rest.to;
		     rest.from = to) {
			if (b->n == RANGES_MAX || b->room <= 0) {
				if (!read_spans(r, b))
					return false;
				batch_clear(r, b);
			}
			to = rest.from + b->room * length;
			if (to > rest.to)
				to = rest.to;
			b->list[b->n++] =
			    (struct span_range){ level, rest.from, to };
			b->room -= (to - rest.from + length - 1) / length;
		}
	}
	return true;
}

bool
response_read_rollups(
    struct sums_reader *r, const struct response_pieces pieces[RESPONSE_LEVELS])
{
	struct span_batch b;
	enum response_level level;

	batch_clear(r, &b);
	for (level = 0; level < RESPONSE_INTERVALS; level++) {
		if (!read_level(r, level, &pieces[level], &b))
			return false;
	}
	return read_spans(r, &b);
}
