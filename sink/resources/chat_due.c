/*
 * chat_due: see chat_due.h.
 */
#include "sink/resources/chat_due.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/tables/tables.h"
#include "sink/access/scope.h"

/* Positions after the first column. */
enum { WAITING_SINCE, NEXT_KIND, ANSWER_BY, SOON_AT, CHANNEL };

struct judged_wait
chat_wait(const struct db_rows *row, size_t column)
{
	return (struct judged_wait){
		.kind = target_kind_of_answer(
		    text_or_absent(db_get(row, column + NEXT_KIND))),
		.since = db_get_time(row, column + WAITING_SINCE),
		.answer_by = db_get(row, column + WAITING_SINCE) != NULL
				 ? db_get_time(row, column + ANSWER_BY)
				 : CLOCK_NONE,
		.soon_at = db_get_time(row, column + SOON_AT),
	};
}

/* Returns NULL if the tenant has no targets. */
static const struct tenant_terms *
terms_with_targets(const struct viewer *v)
{
	const struct tenant_terms *t = viewer_terms(v);

	return t != NULL && terms_have_targets(t) ? t : NULL;
}

static const struct terms *
terms_of_chat(const struct tenant_terms *t, const char *channel)
{
	return terms_of_channel(t, text_or_absent(channel));
}

/* Returns how much of a target in work time is left at the next opening or
 * closing, which does not depend on the present. */
static int64_t
work_left_then(const struct wait_state *s, int64_t now)
{
	if (!s->work)
		return CLOCK_NONE;
	if (s->due == WAIT_CLOSED)
		return s->left_ms;
	return s->until != HOURS_NEVER ? s->left_ms - (s->until - now)
				       : CLOCK_NONE;
}

void
chat_due_write(struct question *q, const struct db_rows *row, size_t column,
    const char *channel, bool waits, struct sheet *s)
{
	const struct tenant_terms *terms = terms_with_targets(&q->viewer);
	const struct judged_wait w = chat_wait(row, column);
	int64_t now = question_now(q), opens, closes;
	struct wait_state state;

	if (terms == NULL || !waits || w.answer_by == CLOCK_NONE) {
		sheet_text(s, NULL);
		sheet_time(s, CLOCK_NONE);
		sheet_time(s, CLOCK_NONE);
		sheet_seconds(s, CLOCK_NONE);
		return;
	}
	state = wait_state_at(terms_of_chat(terms, channel), &w, now);
	opens = closes = CLOCK_NONE;
	if (state.until != HOURS_NEVER && state.due == WAIT_CLOSED)
		opens = state.until;
	else if (state.until != HOURS_NEVER)
		closes = state.until;
	sheet_text(s, wait_due_name(state.due));
	sheet_time(s, opens);
	sheet_time(s, closes);
	sheet_seconds(s, work_left_then(&state, now));
}

/* The next opening or closing of any channel. */
struct next_change {
	int64_t now, at;
};

static void
look_at_hours(void *ctx, const char *channel, const struct terms *t)
{
	struct next_change *c = ctx;
	int64_t until =
	    t->hours != NULL ? hours_at(t->hours, c->now).until : HOURS_NEVER;

	(void)channel;
	c->at = until < c->at ? until : c->at;
}

/* Reads the earliest time of a column from an index. */
static bool
read_earliest(
    struct question *q, const char *sql, int64_t now, int64_t *earliest)
{
	const struct db_value at = db_time(now);
	struct db_rows *rows = NULL;
	bool good = question_ask(q, sql, &at, 1, &rows);

	*earliest = good && db_next(rows) ? db_get_time(rows, 0) : CLOCK_NONE;
	db_rows_free(rows);
	return good;
}

bool
chat_due_next(struct question *q, int64_t *at)
{
	const struct tenant_terms *terms = terms_with_targets(&q->viewer);
	struct next_change c = { question_now(q), HOURS_NEVER };
	int64_t soon = CLOCK_NONE, by = CLOCK_NONE;
	size_t before = q->rows;
	bool good;

	*at = INT64_MAX;
	if (terms == NULL)
		return true;
	terms_each_channel(terms, look_at_hours, &c);
	good = read_earliest(q,
		   "SELECT MIN(soon_at) FROM chat_metrics WHERE tenant = ? "
		   "AND soon_at > ?",
		   c.now, &soon) &&
	       read_earliest(q,
		   "SELECT MIN(answer_by) FROM chat_metrics WHERE tenant = ? "
		   "AND answer_by >= ?",
		   c.now, &by);
	q->rows = before;
	*at = c.at;
	if (soon != CLOCK_NONE && soon < *at)
		*at = soon;
	if (by != CLOCK_NONE && by < *at)
		*at = by + 1; /* an answer at answer_by keeps the target */
	return good;
}

void
due_count_add(struct due_count *c, const struct tenant_terms *terms,
    const struct db_rows *row, size_t column, int64_t now)
{
	const struct judged_wait w = chat_wait(row, column);
	struct wait_state state;

	if (w.answer_by == CLOCK_NONE)
		return;
	state = wait_state_at(
	    terms_of_chat(terms, db_get(row, column + CHANNEL)), &w, now);
	c->soon += state.due == WAIT_SOON;
	c->late += state.late;
}

static void
count_row(struct due_counts *c, const struct tenant_terms *terms,
    const struct db_rows *row, int64_t now)
{
	const char *id = db_get(row, 0);
	struct due_count one = { 0, 0 }, *of;
	void **slot;

	due_count_add(&one, terms, row, 1, now);
	c->all.soon += one.soon;
	c->all.late += one.late;
	if (id == NULL)
		return;
	slot = strmap_put(&c->operators, id, strlen(id));
	if (*slot == NULL)
		*slot = xcalloc(1, sizeof *of);
	of = *slot;
	of->soon += one.soon;
	of->late += one.late;
}

bool
due_counts_read(struct question *q, struct due_counts *c)
{
	const struct tenant_terms *terms = terms_with_targets(&q->viewer);
	int64_t now = question_now(q);
	const struct db_value at = db_time(now);
	struct db_rows *rows = NULL;
	struct buf sql = BUF_INIT;
	size_t before = q->rows;
	bool good;

	if (terms == NULL)
		return true;
	c->known = true;
	buf_adds(&sql, "SELECT operator, " DUE_COUNT_COLUMNS
		       " FROM chat_metrics WHERE tenant = ? "
		       "AND " DUE_COUNT_ROWS);
	scope_add_totals(&q->viewer, "operator", &sql);
	good = question_run(q, &sql, &at, 1, &rows);
	while (good && db_next(rows))
		count_row(c, terms, rows, now);
	db_rows_free(rows);
	q->rows = before;
	return good;
}

void
due_counts_release(struct due_counts *c)
{
	strmap_release(&c->operators, free);
}

struct due_count
due_counts_of(const struct due_counts *c, const char *id)
{
	const struct due_count *found;

	if (!c->known)
		return (struct due_count){ CLOCK_NONE, CLOCK_NONE };
	if (id == NULL)
		return c->all;
	found = strmap_get(&c->operators, id, strlen(id));
	return found != NULL ? *found : (struct due_count){ 0, 0 };
}

bool
chat_due_filter(struct question *q, struct buf *sql)
{
	char now[CLOCK_TEXT];
	bool late = false;

	if (!question_flag(q, "late", &late))
		return false;
	if (late) {
		clock_format_sql(question_now(q), now);
		buf_addf(sql, " AND " CHAT_IS_LATE("'%s'"), now);
	}
	return true;
}
