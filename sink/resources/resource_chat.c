/*
 * resource_chat: one chat: GET /api/v1/chats/ID as it is now, and
 * /api/v1/chats/ID/timeline: its messages and the intervals that end with them,
 * in the order of time, so that a metric can be followed to what was written.
 */
#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/text/jsonw.h"
#include "sink/api/reply.h"
#include "sink/resources/resource.h"

/* Of one chat. */
#define TIMELINE_MAX "2000"

static const struct sheet_column chat_columns[] = {
	{ "chat", SHEET_TEXT },
	{ "operator", SHEET_TEXT },
	{ "channel", SHEET_TEXT },
	{ "customer", SHEET_TEXT },
	{ "customer_name", SHEET_TEXT },
	{ "tag", SHEET_TEXT },
	{ "status", SHEET_TEXT },
	{ "opened_at", SHEET_TIME },
	{ "last_message_at", SHEET_TIME },
	{ "messages", SHEET_NUMBER },
	{ "participants", SHEET_NUMBER },
	{ "responses", SHEET_NUMBER },
	{ "avg_response_seconds", SHEET_NUMBER },
	{ "first_response_seconds", SHEET_NUMBER },
	{ "waiting_since", SHEET_TIME },
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

#define CHAT_METRICS                                                           \
	"tag, status, opened_at, last_message_at, messages, participants, "    \
	"responses, avg_response_seconds, first_response_seconds, "            \
	"waiting_since, as_of FROM chat_metrics WHERE tenant = ? AND chat = ?"

/* An agent sees their own chats, and those that nobody has. */
static bool
ask_chat(struct question *q, const char *chat, struct db_rows **rows)
{
	const struct db_value args[] = { db_str(chat),
		db_str(q->viewer.claims.subject) };
	bool agent = q->viewer.role == VIEWER_AGENT;

	return question_ask(q,
	    agent ? "SELECT chat, operator, channel, NULL, NULL, " CHAT_METRICS
		    " AND (operator = ? OR operator IS NULL)"
		  : "SELECT chat, operator, channel, customer, "
		    "customer_name, " CHAT_METRICS,
	    args, agent ? 2 : 1, rows);
}

void
resource_chat(struct question *q)
{
	char chat[RECORD_MAX_ID + 1];
	struct db_rows *rows = NULL;
	struct sheet s;
	struct buf *to;

	if (!question_part(q, 3, chat) || !ask_chat(q, chat, &rows))
		return;
	if (!db_next(rows)) {
		question_problem(q, 404, "there is no such chat");
	} else {
		to = reply_begin(q);
		sheet_begin(
		    &s, to, q->format, chat_columns, ARRAY_LEN(chat_columns));
		sheet_row(&s, rows);
		sheet_end(&s);
		reply_end(q, NULL);
	}
	db_rows_free(rows);
}

#define MESSAGES_BUT_CONTENT                                                   \
	"SELECT created_at, message_id, sender, operator, channel, "           \
	"message_type, `private`, automated, "
#define MESSAGES_OF_CHAT                                                       \
	" FROM messages FORCE INDEX (by_chat) WHERE tenant = ? AND "           \
	"conversation_id = ? ORDER BY created_at, message_id "                 \
	"LIMIT " TIMELINE_MAX

static bool
ask_messages(struct question *q, const char *chat, struct db_rows **rows)
{
	const struct db_value id = db_str(chat);

	return question_ask(q,
	    q->viewer.role < VIEWER_ADMIN
		? MESSAGES_BUT_CONTENT "NULL" MESSAGES_OF_CHAT
		: MESSAGES_BUT_CONTENT "content" MESSAGES_OF_CHAT,
	    &id, 1, rows);
}

static bool
ask_intervals(struct question *q, const char *chat, struct db_rows **rows)
{
	const struct db_value id = db_str(chat);

	return question_ask(q,
	    "SELECT end_at, message, kind, start_at, operator, seconds, "
	    "withdrawn FROM intervals FORCE INDEX (by_chat) WHERE tenant = ? "
	    "AND chat = ? "
	    "ORDER BY end_at, message, kind LIMIT " TIMELINE_MAX,
	    &id, 1, rows);
}

void
resource_timeline(struct question *q)
{
	struct db_rows *messages = NULL, *intervals = NULL;
	char chat[RECORD_MAX_ID + 1];
	struct buf *to;

	if (!reply_takes_object(q) || !question_part(q, 3, chat) ||
	    !ask_messages(q, chat, &messages) ||
	    !ask_intervals(q, chat, &intervals))
		goto out;
	if (db_rows_count(messages) + db_rows_count(intervals) == 0) {
		question_problem(q, 404, "nothing is stored of such a chat");
		goto out;
	}
	to = reply_begin_object(q);
	jsonw_str(to, "chat", chat);
	reply_rows(to, "messages", message_columns, ARRAY_LEN(message_columns),
	    messages);
	reply_rows(to, "intervals", interval_columns,
	    ARRAY_LEN(interval_columns), intervals);
	reply_end(q, NULL);
out:
	db_rows_free(messages);
	db_rows_free(intervals);
}
