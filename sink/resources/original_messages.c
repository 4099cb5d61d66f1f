/*
 * original_messages: GET /api/v1/messages/conversation/ID of the message API
 * that this program replaces: the messages of a conversation, oldest first, in
 * the columns of its table. ID is the rest of the path, whatever it contains.
 * As in the original, an unknown conversation has no messages, and is not an
 * error.
 *
 * Our answers have pages: limit, and the cursor in the header Link: time and id
 * of the previous page's last message, "2026-11-20T10:00:00.000Z,ID". It is the
 * last one bytewise, as in the index: messages of the same time are sorted
 * within a page, and if pages share a time, they are divided bytewise.
 */
#include <inttypes.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/parse.h"
#include "common/base/xalloc.h"
#include "common/digest/encoding.h"
#include "common/text/jsonw.h"
#include "sink/api/question.h"
#include "sink/resources/chat_rows.h"
#include "sink/resources/resource.h"

static const struct sheet_column original_columns[] = {
	{ "message_id", SHEET_TEXT },
	{ "conversation_id", SHEET_TEXT },
	{ "sender_id", SHEET_TEXT },
	{ "receiver_id", SHEET_TEXT },
	{ "content", SHEET_TEXT },
	{ "created_at", SHEET_TIME },
	{ "message_type", SHEET_TEXT },
	{ "user_id", SHEET_TEXT },
	{ "event_type", SHEET_TEXT },
	{ "read_status", SHEET_TEXT },
	{ "read_at", SHEET_TIME },
};

/* The columns of the statement: those above without the status, which follows
 * from the time of the first receipt. */
enum { MESSAGE_ID = 0, CREATED_AT = 5, READ_AT = 9 };

struct history_page {
	struct question *q;
	char conversation[RECORD_MAX_ID + 1];
	int64_t limit;
	int64_t after_ms;     /* from the cursor */
	const char *after_id; /* NULL: the first page */
};

static bool
read_history_cursor(struct history_page *h)
{
	const char *text = question_parameter(h->q, "cursor"), *comma;

	if (text == NULL)
		return true;
	comma = strchr(text, ',');
	if (comma != NULL &&
	    clock_parse(text, (size_t)(comma - text), &h->after_ms) == 0 &&
	    strlen(comma + 1) <= RECORD_MAX_ID &&
	    parse_is_utf8(comma + 1, strlen(comma + 1))) {
		h->after_id = comma + 1;
		return true;
	}
	return question_problem(
	    h->q, 400, "cursor is not valid for this resource");
}

/* The first receipt of a message, as in the view read_status; the index is
 * forced, because otherwise the server reads all receipts of the tenant for
 * each message. */
#define FIRST_RECEIPT                                                          \
	"(SELECT MIN(v.viewed_at) FROM message_views v FORCE INDEX "           \
	"(by_message) WHERE v.tenant = m.tenant AND v.message_id = "           \
	"m.message_id AND v.conversation_id IN ('', m.conversation_id))"

/* Left to itself the server may choose the primary key, which has the order,
 * and read the whole tenant to find the first page. */
static bool
ask_history(const struct history_page *h, struct db_rows **rows)
{
	const struct db_value args[] = { db_str(h->conversation),
		db_time(h->after_ms), db_time(h->after_ms),
		db_str(h->after_id) };
	struct buf sql = BUF_INIT;
	bool good;

	buf_addf(&sql,
	    "SELECT message_id, conversation_id, sender_id, receiver_id, %s, "
	    "created_at, message_type, user_id, event_type, " FIRST_RECEIPT
	    " FROM messages m FORCE INDEX (by_chat) WHERE tenant = ? AND "
	    "conversation_id = ?%s ORDER BY created_at, message_id "
	    "LIMIT %" PRId64,
	    h->q->viewer.role < VIEWER_ADMIN ? "NULL" : "content",
	    h->after_id == NULL ? ""
				: " AND created_at >= ? AND (created_at > ? "
				  "OR message_id > ?)",
	    h->limit + 1);
	good = question_ask_page(h->q, buf_str(&sql), args,
	    h->after_id == NULL ? 1 : 4, (size_t)h->limit, rows);
	buf_release(&sql);
	return good;
}

/* Adds the header Link: the page after the last row, whose id is *last, if
 * there is one. */
static void
link_next_messages(
    const struct history_page *h, struct db_rows *rows, struct buf *last)
{
	struct buf *to = &h->q->answer->headers;
	char time[CLOCK_TEXT];

	if (!db_rows_cut(rows))
		return;
	while (db_next(rows))
		continue;
	buf_adds(last, db_get(rows, MESSAGE_ID));
	clock_format(db_get_time(rows, CREATED_AT), time);
	buf_addf(to, "Link: <?limit=%" PRId64 "&cursor=%s,", h->limit, time);
	percent_encode(to, buf_str(last));
	buf_adds(to, ">; rel=\"next\"\n");
}

static void
write_message(struct sheet *s, const struct db_rows *row)
{
	size_t i;

	for (i = 0; i < READ_AT; i++)
		sheet_cell(s, row, i);
	sheet_text(s, db_get(row, READ_AT) != NULL ? "read" : "sent");
	sheet_cell(s, row, READ_AT);
}

static void
write_history(const struct history_page *h, struct db_rows *rows)
{
	struct buf *to = &h->q->answer->body, last = BUF_INIT;
	struct sheet s;

	link_next_messages(h, rows, &last);
	message_order(rows, CREATED_AT, MESSAGE_ID);
	jsonw_open(to);
	jsonw_str(to, "conversation_id", h->conversation);
	jsonw_key(to, "messages");
	sheet_begin(
	    &s, to, SHEET_JSON, original_columns, ARRAY_LEN(original_columns));
	while (db_next(rows))
		write_message(&s, rows);
	sheet_end(&s);
	reply_end_linked(h->q, db_rows_cut(rows) ? buf_str(&last) : NULL);
	buf_release(&last);
}

void
original_messages(struct question *q)
{
	struct history_page h = { .q = q, .limit = LIST_PAGE };
	struct db_rows *rows = NULL;

	q->format = SHEET_JSON; /* a suffix belongs to the id */
	if (question_rest(q, 4, h.conversation) &&
	    question_int(q, "limit", 1, LIST_PAGE_MAX, &h.limit) &&
	    read_history_cursor(&h) && ask_history(&h, &rows))
		write_history(&h, rows);
	db_rows_free(rows);
}
