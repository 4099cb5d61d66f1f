/*
 * resource_chat: GET /api/v1/chats/ID/timeline: the messages of a chat and the
 * intervals that end with them, in the order of time, so that a metric can be
 * followed to what was written; how the chat is now, and the wait that goes on,
 * which nothing has ended yet. One chat alone is a row of resource_lists.c.
 */
#include "common/base/xalloc.h"
#include "common/text/jsonw.h"
#include "sink/access/scope.h"
#include "sink/answer/message_order.h"
#include "sink/api/reply.h"
#include "sink/resources/chat_waits.h"
#include "sink/resources/resource.h"

/* Messages of one chat, and intervals. */
#define TIMELINE_MAX 2000
#define TIMELINE_LIMIT "2001" /* that and one more */

/* Of a chat in its timeline. */
static const struct sheet_column now_columns[] = {
	{ "status", SHEET_TEXT },
	{ "operator", SHEET_TEXT },
	{ "assigned", SHEET_FLAG },
	{ "opened_at", SHEET_TIME },
	{ "as_of", SHEET_TIME },
};

static const struct sheet_column running_columns[] = {
	{ "kind", SHEET_TEXT },
	{ "start_at", SHEET_TIME },
	{ "operator", SHEET_TEXT },
	{ "seconds", SHEET_NUMBER },
	{ "as_of", SHEET_TIME },
};

static const struct sheet_column message_columns[] = {
	{ "created_at", SHEET_TIME },
	{ "message_id", SHEET_TEXT },
	{ "sender", SHEET_TEXT },
	{ "operator", SHEET_TEXT },
	{ "channel", SHEET_TEXT },
	{ "message_type", SHEET_TEXT },
	{ "private", SHEET_FLAG },
	{ "automated", SHEET_FLAG },
	{ "content", SHEET_TEXT },
};

static const struct sheet_column interval_columns[] = {
	{ "end_at", SHEET_TIME },
	{ "message", SHEET_TEXT },
	{ "kind", SHEET_TEXT },
	{ "start_at", SHEET_TIME },
	{ "operator", SHEET_TEXT },
	{ "seconds", SHEET_NUMBER },
	{ "withdrawn", SHEET_FLAG },
};

/* Whether a condition has a row of the chat; no row of the answer. */
static bool
chat_has_row(
    struct question *q, const struct buf *sql, const char *chat, bool *yes)
{
	const struct db_value id = db_str(chat);
	struct db_rows *rows = NULL;
	size_t before = q->rows;
	bool good = question_ask(q, buf_str(sql), &id, 1, &rows);

	*yes = good && db_rows_count(rows) > 0;
	q->rows = before;
	db_rows_free(rows);
	return good;
}

/* A chat is of a team whose operator has it, or nobody, or when an interval in
 * it is one of their operators'. False: the answer is a problem. */
static bool
find_scope(struct question *q, const char *chat, bool *yes)
{
	const struct viewer *v = &q->viewer;
	struct buf sql = BUF_INIT;
	bool good;

	buf_adds(
	    &sql, "SELECT 1 FROM chat_metrics WHERE tenant = ? AND chat = ?");
	scope_add_waiting(v, "operator", &sql);
	good = chat_has_row(q, &sql, chat, yes);
	if (good && !*yes) {
		buf_clear(&sql);
		buf_adds(&sql, "SELECT 1 FROM intervals FORCE INDEX (by_chat) "
			       "WHERE tenant = ? AND chat = ?");
		scope_add_rows(v, "operator", &sql);
		buf_adds(&sql, " LIMIT 1");
		good = chat_has_row(q, &sql, chat, yes);
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
	return yes ||
	       question_problem(q, 404, "nothing is stored of such a chat");
}

bool
chat_opens_messages(struct question *q, bool *all)
{
	const char *chat = question_parameter(q, "conversation_id");

	*all = false;
	if (chat == NULL || !scope_limits_rows(&q->viewer) ||
	    question_parameter(q, "operator") != NULL)
		return true;
	return find_scope(q, chat, all);
}

/* Rows of a chat; now and running have one at most. */
struct timeline {
	struct db_rows *now, *running, *messages, *intervals;
};

/* An operator who is none of the viewer's is not named. */
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
	bool good;

	buf_adds(&sql, "SELECT status, ");
	add_operator(q, &sql);
	buf_adds(&sql,
	    ", operator IS NOT NULL, opened_at, as_of FROM chat_metrics "
	    "WHERE tenant = ? AND chat = ?");
	good = question_ask(q, buf_str(&sql), &id, 1, rows);
	buf_release(&sql);
	return good;
}

/* The wait that nobody has ended yet; seen by those who see the intervals of
 * whoever has the chat. */
static bool
ask_running(struct question *q, const char *chat, struct db_rows **rows)
{
	const struct db_value id = db_str(chat);
	struct buf sql = BUF_INIT;
	bool good;

	buf_adds(&sql,
	    "SELECT 'waiting', c.waiting_since, c.operator, "
	    "CAST(" CHAT_WAITS_SECONDS " AS DECIMAL(15,3)), " CHAT_WAITS_UNTIL);
	good = chat_waits_from(q, &sql);
	if (good) {
		buf_adds(
		    &sql, " AND c.chat = ? AND c.waiting_since IS NOT NULL");
		scope_add_waiting(&q->viewer, "c.operator", &sql);
		good = question_ask(q, buf_str(&sql), &id, 1, rows);
	}
	buf_release(&sql);
	return good;
}

static bool
ask_messages(struct question *q, const char *chat, struct db_rows **rows)
{
	const struct db_value id = db_str(chat);
	struct buf sql = BUF_INIT;
	bool good;

	buf_adds(&sql, "SELECT created_at, message_id, sender, ");
	add_operator(q, &sql);
	buf_addf(&sql,
	    ", channel, message_type, `private`, automated, %s FROM messages "
	    "FORCE INDEX (by_chat) WHERE tenant = ? AND "
	    "conversation_id = ? ORDER BY created_at, message_id "
	    "LIMIT " TIMELINE_LIMIT,
	    q->viewer.role < VIEWER_ADMIN ? "NULL" : "content");
	good = question_ask_page(q, buf_str(&sql), &id, 1, TIMELINE_MAX, rows);
	buf_release(&sql);
	if (good)
		message_order(*rows, 0, 1);
	return good;
}

static bool
ask_intervals(struct question *q, const char *chat, struct db_rows **rows)
{
	const struct db_value id = db_str(chat);
	struct buf sql = BUF_INIT;
	bool good;

	buf_adds(&sql,
	    "SELECT end_at, message, kind, start_at, operator, seconds, "
	    "withdrawn FROM intervals FORCE INDEX (by_chat) WHERE tenant = ? "
	    "AND chat = ?");
	scope_add_waiting(&q->viewer, "operator", &sql);
	buf_adds(&sql, " ORDER BY end_at, message, kind LIMIT " TIMELINE_LIMIT);
	good = question_ask_page(q, buf_str(&sql), &id, 1, TIMELINE_MAX, rows);
	buf_release(&sql);
	if (good)
		message_order(*rows, 0, 1);
	return good;
}

/* As they are at one moment: no wait goes on beside the reply that ended it. */
static bool
ask_timeline(struct question *q, const char *chat, struct timeline *t)
{
	bool good = question_begin(q) && check_scope(q, chat) &&
		    ask_now(q, chat, &t->now) &&
		    ask_running(q, chat, &t->running) &&
		    ask_messages(q, chat, &t->messages) &&
		    ask_intervals(q, chat, &t->intervals);

	question_end(q);
	if (good && db_rows_count(t->now) + db_rows_count(t->messages) +
			    db_rows_count(t->intervals) ==
			0)
		good = question_problem(
		    q, 404, "nothing is stored of such a chat");
	return good;
}

static void
write_timeline(struct question *q, const char *chat, struct timeline *t)
{
	struct buf *to = reply_begin_object(q);

	jsonw_str(to, "chat", chat);
	reply_rows(to, "now", now_columns, ARRAY_LEN(now_columns), t->now);
	reply_rows(to, "running", running_columns, ARRAY_LEN(running_columns),
	    t->running);
	reply_rows(to, "messages", message_columns, ARRAY_LEN(message_columns),
	    t->messages);
	reply_rows(to, "intervals", interval_columns,
	    ARRAY_LEN(interval_columns), t->intervals);
	jsonw_bool(
	    to, "more", db_rows_cut(t->messages) || db_rows_cut(t->intervals));
	reply_end(q, NULL);
}

void
resource_timeline(struct question *q)
{
	struct timeline t = { .now = NULL };
	char chat[RECORD_MAX_ID + 1];

	if (reply_takes_object(q) && question_part(q, 3, chat) &&
	    ask_timeline(q, chat, &t))
		write_timeline(q, chat, &t);
	db_rows_free(t.now);
	db_rows_free(t.running);
	db_rows_free(t.messages);
	db_rows_free(t.intervals);
}
