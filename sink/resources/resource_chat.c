/*
 * resource_chat: GET /api/v1/chats/ID/timeline: the messages of a chat and the
 * intervals that end with them, in chronological order, so that a figure can be
 * traced to its messages. The present state of the chat and a wait that has not
 * ended are included.
 */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/json/jsonw.h"
#include "sink/access/scope.h"
#include "sink/api/question.h"
#include "sink/resources/chat_rows.h"
#include "sink/resources/resource.h"

/* Maximum messages, and intervals, of one chat; half of each before and after a
 * time. */
#define TIMELINE_MAX 2000

/* The intervals of a chat in its timeline. */
static const struct sheet_column now_columns[] = {
	{ "status", SHEET_TEXT, NULL },
	{ "operator", SHEET_TEXT,
	    "text? 'Null if the operator is in no team of the viewer'" },
	{ "assigned", SHEET_FLAG, "flag 'Whether an operator is assigned'" },
	{ "opened_at", SHEET_TIME, NULL },
	{ "as_of", SHEET_TIME, "time" },
};

static const struct sheet_column running_columns[] = {
	{ "kind", SHEET_TEXT, "text" },
	{ "start_at", SHEET_TIME, "time" },
	{ "operator", SHEET_TEXT, NULL },
	{ "seconds", SHEET_NUMBER, "number 'Until as_of'" },
	{ "as_of", SHEET_TIME, "time 'Present time of the tenant'" },
};

static const struct sheet_column message_columns[] = {
	{ "created_at", SHEET_TIME, NULL },
	{ "message_id", SHEET_TEXT, NULL },
	{ "sender", SHEET_TEXT, NULL },
	{ "operator", SHEET_TEXT, NULL },
	{ "channel", SHEET_TEXT, NULL },
	{ "message_type", SHEET_TEXT, NULL },
	{ "private", SHEET_FLAG, NULL },
	{ "automated", SHEET_FLAG, NULL },
	{ "content", SHEET_TEXT, NULL },
};

static const struct sheet_column interval_columns[] = {
	{ "end_at", SHEET_TIME, NULL },
	{ "message", SHEET_TEXT, NULL },
	{ "kind", SHEET_TEXT, NULL },
	{ "start_at", SHEET_TIME, NULL },
	{ "operator", SHEET_TEXT, NULL },
	{ "seconds", SHEET_NUMBER, NULL },
	{ "withdrawn", SHEET_FLAG, NULL },
	{ "work_seconds", SHEET_NUMBER, NULL },
	{ "target_seconds", SHEET_NUMBER, NULL },
	{ "kept", SHEET_FLAG, NULL },
};

/* A chat belongs to a team if its assignee is in the team, if it is unassigned,
 * or if the team has an interval in it. Returns false if the answer is now a
 * problem. */
static bool
find_scope(struct question *q, const char *chat, bool *yes)
{
	const struct viewer *v = &q->viewer;
	const struct db_value id = db_str(chat);
	struct buf sql = BUF_INIT;
	bool good;

	buf_adds(
	    &sql, "SELECT 1 FROM chat_metrics WHERE tenant = ? AND chat = ?");
	scope_add_waiting(v, "operator", &sql);
	good = question_finds(q, buf_str(&sql), &id, 1, yes);
	if (good && !*yes) {
		buf_clear(&sql);
		buf_adds(&sql, "SELECT 1 FROM intervals FORCE INDEX (by_chat) "
			       "WHERE tenant = ? AND chat = ?");
		scope_add_rows(v, "operator", &sql);
		buf_adds(&sql, " LIMIT 1");
		good = question_finds(q, buf_str(&sql), &id, 1, yes);
	}
	buf_release(&sql);
	return good;
}

static bool
check_scope(struct question *q, const char *chat)
{
	bool yes = true;

	if (scope_limits_rows(&q->viewer) && !find_scope(q, chat, &yes))
		return false;
	return yes || question_problem(q, 404, "unknown chat");
}

/* The start of a timeline; CLOCK_NONE: its first row. */
struct place {
	char chat[RECORD_MAX_ID + 1];
	int64_t at;
};

/* Rows before a time, NULL without one, and from it on, each in chronological
 * order. */
struct sides {
	struct db_rows *before, *after;
};

/* Rows of a chat; now and running have at most one. */
struct timeline {
	struct db_rows *now, *running;
	struct sides messages, intervals;
};

/* The times between which all rows are present, as in the database; NULL: no
 * rows precede or follow. */
struct range {
	const char *from, *to;
};

/* Only operators whom the viewer may see are named. */
static void
add_operator(struct question *q, struct buf *sql)
{
	buf_adds(sql, "IF(TRUE");
	scope_add_rows(&q->viewer, "operator", sql);
	buf_adds(sql, ", operator, NULL)");
}

static bool
ask_now(struct question *q, const char *chat, struct db_rows **rows)
{
	const struct db_value id = db_str(chat);
	struct buf sql = BUF_INIT;

	buf_adds(&sql, "SELECT status, ");
	add_operator(q, &sql);
	buf_adds(&sql,
	    ", operator IS NOT NULL, opened_at, as_of FROM chat_metrics "
	    "WHERE tenant = ? AND chat = ?");
	return question_run(q, &sql, &id, 1, rows);
}

/* Reads the running wait; visible to viewers who may see the intervals of the
 * assignee. */
static bool
ask_running(struct question *q, const char *chat, struct db_rows **rows)
{
	const struct db_value id = db_str(chat);
	struct buf sql = BUF_INIT;

	buf_adds(&sql, "SELECT 'waiting', c.waiting_since, c.operator, "
		       "CAST(" CHAT_WAITS_SECONDS
		       " AS DECIMAL(15,3)), " CHAT_WAITS_UNTIL CHAT_WAITS_FROM
		       " AND c.chat = ? AND c.waiting_since IS NOT NULL");
	scope_add_waiting(&q->viewer, "c.operator", &sql);
	return question_run(q, &sql, &id, 1, rows);
}

/* Reads the rows before or after a time, the nearest first; without a time,
 * from the first row on. Sorts only by the column `time`, which is the order of
 * the index: with any other order all of the chat would be read. */
static bool
ask_side(struct question *q, const char *select, const char *time,
    const struct place *p, bool before, struct db_rows **rows)
{
	const struct db_value args[] = { db_str(p->chat), db_time(p->at) };
	bool given = p->at != CLOCK_NONE;
	size_t most = given ? TIMELINE_MAX / 2 : TIMELINE_MAX;
	struct buf sql = BUF_INIT;
	bool good;

	buf_adds(&sql, select);
	if (given)
		buf_addf(&sql, " AND %s %s ?", time, before ? "<" : ">=");
	buf_addf(&sql, " ORDER BY %s%s LIMIT %zu", time, before ? " DESC" : "",
	    most + 1);
	good = question_ask_page(
	    q, buf_str(&sql), args, given ? 2 : 1, most, rows);
	buf_release(&sql);
	if (good)
		message_order(*rows, 0, 1);
	return good;
}

static bool
ask_sides(struct question *q, const char *select, const char *time,
    const struct place *p, struct sides *s)
{
	return (p->at == CLOCK_NONE ||
		   ask_side(q, select, time, p, true, &s->before)) &&
	       ask_side(q, select, time, p, false, &s->after);
}

static bool
ask_messages(struct question *q, const struct place *p, struct sides *s)
{
	struct buf sql = BUF_INIT;
	bool good;

	buf_adds(&sql, "SELECT created_at, message_id, sender, ");
	add_operator(q, &sql);
	buf_addf(&sql,
	    ", channel, message_type, `private`, automated, %s FROM messages "
	    "FORCE INDEX (by_chat) WHERE tenant = ? AND conversation_id = ?",
	    q->viewer.role < VIEWER_ADMIN ? "NULL" : "content");
	good = ask_sides(q, buf_str(&sql), "created_at", p, s);
	buf_release(&sql);
	return good;
}

static bool
ask_intervals(struct question *q, const struct place *p, struct sides *s)
{
	struct buf sql = BUF_INIT;
	bool good;

	buf_adds(&sql,
	    "SELECT end_at, message, kind, start_at, operator, seconds, "
	    "withdrawn, ROUND(work_ms / 1000, 3), ROUND(target_ms / 1000, 3), "
	    "kept FROM intervals FORCE INDEX (by_chat) WHERE tenant = ? "
	    "AND chat = ?");
	scope_add_waiting(&q->viewer, "operator", &sql);
	good = ask_sides(q, buf_str(&sql), "end_at", p, s);
	buf_release(&sql);
	return good;
}

static size_t
sides_count(const struct sides *s)
{
	return db_rows_count(s->after) +
	       (s->before != NULL ? db_rows_count(s->before) : 0);
}

/* Reads everything as of one moment, so that no wait continues next to the
 * reply that ended it. */
static bool
ask_timeline(struct question *q, const struct place *p, struct timeline *t)
{
	bool good = question_begin(q) && check_scope(q, p->chat) &&
		    ask_now(q, p->chat, &t->now) &&
		    ask_running(q, p->chat, &t->running) &&
		    ask_messages(q, p, &t->messages) &&
		    ask_intervals(q, p, &t->intervals);

	question_end(q);
	if (good && db_rows_count(t->now) + sides_count(&t->messages) +
			    sides_count(&t->intervals) ==
			0)
		good = question_problem(q, 404, "unknown chat");
	return good;
}

static const char *
last_time(struct db_rows *rows)
{
	while (db_next(rows))
		continue;
	return db_get(rows, 0);
}

/* Rows of a time for which only messages or only intervals are present are
 * omitted; otherwise a message would seem to have ended no interval. */
static void
narrow_range(struct range *r, const struct sides *s)
{
	const char *time;

	if (s->before != NULL && db_rows_cut(s->before) && db_next(s->before)) {
		time = db_get(s->before, 0);
		if (r->from == NULL || strcmp(time, r->from) > 0)
			r->from = time;
		db_rewind(s->before);
	}
	if (db_rows_cut(s->after)) {
		time = last_time(s->after);
		if (r->to == NULL || strcmp(time, r->to) < 0)
			r->to = time;
		db_rewind(s->after);
	}
}

static void
write_side(struct sheet *sheet, struct db_rows *rows, const struct range *r)
{
	while (rows != NULL && db_next(rows)) {
		if ((r->from == NULL ||
			strcmp(db_get(rows, 0), r->from) >= 0) &&
		    (r->to == NULL || strcmp(db_get(rows, 0), r->to) <= 0))
			sheet_row(sheet, rows);
	}
}

static void
write_sides(struct buf *to, const char *name,
    const struct sheet_column *columns, size_t n, const struct sides *s,
    const struct range *r)
{
	struct sheet sheet;

	jsonw_key(to, name);
	sheet_begin(&sheet, to, SHEET_JSON, columns, n);
	write_side(&sheet, s->before, r);
	write_side(&sheet, s->after, r);
	sheet_end(&sheet);
}

static void
write_timeline(struct question *q, const char *chat, struct timeline *t)
{
	struct buf *to = reply_begin_object(q);
	struct range r = { NULL, NULL };

	narrow_range(&r, &t->messages);
	narrow_range(&r, &t->intervals);
	jsonw_str(to, "chat", chat);
	reply_rows(q, "now", now_columns, ARRAY_LEN(now_columns), t->now, NULL);
	reply_rows(q, "running", running_columns, ARRAY_LEN(running_columns),
	    t->running, NULL);
	write_sides(to, "messages", message_columns, ARRAY_LEN(message_columns),
	    &t->messages, &r);
	write_sides(to, "intervals", interval_columns,
	    ARRAY_LEN(interval_columns), &t->intervals, &r);
	jsonw_bool(to, "earlier", r.from != NULL);
	jsonw_bool(to, "more", r.to != NULL);
	reply_end(q, NULL);
}

static bool
read_place(struct question *q, struct place *p)
{
	struct zone *zone = question_zone(q);
	bool good;

	if (zone == NULL)
		return false;
	p->at = CLOCK_NONE;
	good = question_part(q, 3, p->chat) &&
	       question_zoned_time(q, zone, "at", &p->at);
	zone_close(zone);
	return good;
}

static void
answer_timeline(struct question *q)
{
	struct timeline t = { .now = NULL };
	struct place p;

	if (reply_takes_object(q) && read_place(q, &p) &&
	    ask_timeline(q, &p, &t))
		write_timeline(q, p.chat, &t);
	db_rows_free(t.now);
	db_rows_free(t.running);
	db_rows_free(t.messages.before);
	db_rows_free(t.messages.after);
	db_rows_free(t.intervals.before);
	db_rows_free(t.intervals.after);
}

const struct resource resource_timeline = { "/api/v1/chats/{chat}/timeline",
	VIEWER_LEAD, "chat_timeline",
	"The messages of a chat, the intervals that they ended, and "
	"the running wait.",
	.answer = answer_timeline, .parameters = LIST_NAMES("at"),
	.shape =
	    "{tenant: text, chat: text, now: [@TimelineNow] 'Present state of "
	    "the chat; empty if it is closed or chats are not stored', "
	    "running: [@TimelineRunning] 'The running wait, if the customer is "
	    "waiting; viewers limited to teams see only waits of their "
	    "operators and of unassigned chats', messages: "
	    "[@TimelineMessage], intervals: [@TimelineInterval], earlier: flag "
	    "'Whether earlier messages or intervals were omitted; see more', "
	    "more: flag 'Whether later messages or intervals were omitted. The "
	    "limit for each is 4 MiB, and 1000 rows with at or 2000 without. "
	    "To continue, pass the time of the last one as at, or page through "
	    "/api/v1/messages and /api/v1/intervals'}",
	.rows = { RESOURCE_ROWS("TimelineNow", now_columns),
	    RESOURCE_ROWS("TimelineRunning", running_columns),
	    RESOURCE_ROWS("TimelineMessage", message_columns),
	    RESOURCE_ROWS("TimelineInterval", interval_columns) } };
