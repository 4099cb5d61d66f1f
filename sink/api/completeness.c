/*
 * completeness: see completeness.h.
 */
#include "sink/api/completeness.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/json/jsonw.h"

/* The least age at which metrics are stale; see chat_rows.h. */
#define FRESH_MS (3 * MINUTE_MS)

static void
add_range(struct completeness *c, int64_t begin, int64_t end)
{
	struct complete_range *last = c->n > 0 ? &c->list[c->n - 1] : NULL;

	if (last == NULL || begin > last->end) {
		c->list = xrealloc(c->list, c->n + 1, sizeof *c->list);
		c->list[c->n++] = (struct complete_range){ begin, end };
	} else if (end > last->end) {
		last->end = end;
	}
}

/* Adds a day before the days that were added, if it is of the same state. */
static void
add_day_before(struct completeness *c, int64_t begin, int64_t end)
{
	if (c->n == 0)
		add_range(c, begin, end);
	else if (end == c->list[0].begin)
		c->list[0].begin = begin;
}

/* Reads the stated ranges. */
static bool
read_ranges(struct question *q, const char *kind, struct completeness *c)
{
	bool joins = strcmp(kind, COMPLETE_CHATS) == 0;
	const struct db_value arg = db_str(kind);
	struct db_rows *rows = NULL;
	bool good;

	good = question_ask(q,
	    joins ? "SELECT begin_at, end_at FROM coverage WHERE tenant = ? "
		    "AND kind = ? ORDER BY begin_at"
		  : "SELECT begin_at, end_at FROM coverage WHERE tenant = ? "
		    "AND kind = ? ORDER BY end_at DESC, begin_at",
	    &arg, 1, &rows);
	while (good && db_next(rows)) {
		(joins ? add_range : add_day_before)(
		    c, db_get_time(rows, 0), db_get_time(rows, 1));
		c->stated = true;
	}
	db_rows_free(rows);
	return good;
}

/* The newest range reaches to now, unless the metrics are stale. */
static bool
extend_to_now(struct question *q, struct completeness *c)
{
	int64_t now = clock_now_ms(), *end = &c->list[c->n - 1].end;
	struct db_rows *rows = NULL;
	bool good = question_ask(
	    q, "SELECT stale_at FROM tenants WHERE tenant = ?", NULL, 0, &rows);
	bool fresh = *end + FRESH_MS >= now;

	if (good && db_next(rows))
		fresh = fresh || db_get_time(rows, 0) >= now;
	if (fresh && now > *end)
		*end = now;
	db_rows_free(rows);
	return good;
}

/* Without statements, the range begins with the first record. */
static bool
read_first(struct question *q, struct completeness *c)
{
	static const char *const sql[] = {
		"SELECT MIN(end_at) FROM intervals WHERE tenant = ?",
		"SELECT MIN(created_at) FROM messages WHERE tenant = ?",
	};
	int64_t first = CLOCK_NONE, at;
	struct db_rows *rows;
	size_t i;

	for (i = 0; i < ARRAY_LEN(sql); i++) {
		rows = NULL;
		if (!question_ask(q, sql[i], NULL, 0, &rows))
			return false;
		at = db_next(rows) ? db_get_time(rows, 0) : CLOCK_NONE;
		if (at != CLOCK_NONE && (first == CLOCK_NONE || at < first))
			first = at;
		db_rows_free(rows);
	}
	if (first != CLOCK_NONE)
		add_range(c, first, INT64_MAX);
	return true;
}

bool
completeness_read(struct question *q, const char *kind, struct completeness *c)
{
	size_t rows = q->rows; /* these are not part of the answer */
	bool good;

	*c = (struct completeness){ .n = 0 };
	good = read_ranges(q, kind, c) &&
	       (c->stated ? extend_to_now(q, c) : read_first(q, c));
	q->rows = rows;
	return good;
}

void
completeness_release(struct completeness *c)
{
	free(c->list);
	*c = (struct completeness){ .n = 0 };
}

int64_t
completeness_since(const struct completeness *c)
{
	return c->n > 0 ? c->list[c->n - 1].begin : CLOCK_NONE;
}

enum complete_state
complete_state(
    const struct completeness *c, int64_t begin, int64_t end, int64_t now)
{
	size_t i;

	if (end > now)
		end = now;
	for (i = 0; i < c->n; i++)
		if (begin >= c->list[i].begin && end <= c->list[i].end)
			return c->stated ? COMPLETE_YES : COMPLETE_UNKNOWN;
	return COMPLETE_NOT;
}

const char *
complete_word(enum complete_state s)
{
	static const char *const words[] = { [COMPLETE_NOT] = "0",
		[COMPLETE_YES] = "1",
		[COMPLETE_UNKNOWN] = NULL };

	return words[s];
}

void
complete_write(struct buf *to, enum complete_state s)
{
	if (s == COMPLETE_UNKNOWN)
		jsonw_null(to, "complete");
	else
		jsonw_bool(to, "complete", s == COMPLETE_YES);
}

static void
write_time(struct buf *to, const char *name, int64_t ms)
{
	if (ms == CLOCK_NONE)
		jsonw_null(to, name);
	else
		jsonw_time(to, name, ms);
}

void
completeness_write(const struct completeness *c, struct buf *to)
{
	int64_t since = completeness_since(c);

	write_time(to, "complete_since", c->stated ? since : CLOCK_NONE);
	write_time(to, "first_record", c->stated ? CLOCK_NONE : since);
}
