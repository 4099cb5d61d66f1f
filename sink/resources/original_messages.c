/*
 * original_messages: GET /api/v1/messages/conversation/ID of the message API
 * that this program replaces: the messages of a conversation, oldest first,
 * with the columns of its table. ID is the rest of the path, including slashes.
 * As in the original, an unknown conversation has no messages, which is not an
 * error.
 *
 * Our answers have pages: limit, and the cursor of list.h in the Link header.
 * The cursor is that of the page's last message in the bytewise order of the
 * index: messages with the same time are sorted only within a page.
 */
#include <inttypes.h>

#include "common/base/xalloc.h"
#include "common/json/jsonw.h"
#include "sink/api/question.h"
#include "sink/resources/chat_rows.h"
#include "sink/resources/resource.h"

static const struct sheet_column original_columns[] = {
	{ "message_id", SHEET_TEXT, "text" },
	{ "conversation_id", SHEET_TEXT, "text" },
	{ "sender_id", SHEET_TEXT, NULL },
	{ "receiver_id", SHEET_TEXT, NULL },
	{ "content", SHEET_TEXT, NULL },
	{ "created_at", SHEET_TIME, "time" },
	{ "message_type", SHEET_TEXT, NULL },
	{ "user_id", SHEET_TEXT, NULL },
	{ "event_type", SHEET_TEXT, NULL },
	{ "read_status", SHEET_TEXT, "(sent|read)" },
	{ "read_at", SHEET_TIME, NULL },
};

/* The columns of the statement: those above without the status, which follows
 * from the time of the first receipt. */
enum { MESSAGE_ID = 0, CREATED_AT = 5, READ_AT = 9 };

struct history_page {
	struct question *q;
	char conversation[RECORD_MAX_ID + 1];
	int64_t limit;
	struct page_cursor cursor;
};

/* The first receipt of a message, as in the view read_status; the index is
 * forced, because otherwise the server reads all receipts of the tenant for
 * each message. */
#define FIRST_RECEIPT                                                          \
	"(SELECT MIN(v.viewed_at) FROM message_views v FORCE INDEX "           \
	"(by_message) WHERE v.tenant = m.tenant AND v.message_id = "           \
	"m.message_id AND v.conversation_id IN ('', m.conversation_id))"

/* Without this hint, the server may choose the primary key, which has the
 * order, and read the whole tenant to find the first page. */
static bool
ask_history(const struct history_page *h, struct db_rows **rows)
{
	struct db_value args[1 + PAGE_CURSOR_ARGS] = { db_str(
	    h->conversation) };
	struct buf sql = BUF_INIT;
	size_t n;
	bool good;

	buf_addf(&sql,
	    "SELECT message_id, conversation_id, sender_id, receiver_id, %s, "
	    "created_at, message_type, user_id, event_type, " FIRST_RECEIPT
	    " FROM messages m FORCE INDEX (by_chat) WHERE tenant = ? AND "
	    "conversation_id = ?",
	    h->q->viewer.role < VIEWER_ADMIN ? "NULL" : "content");
	n = 1 + page_cursor_condition(&h->cursor, &sql, args + 1);
	page_cursor_order(&h->cursor, &sql);
	buf_addf(&sql, " LIMIT %" PRId64, h->limit + 1);
	good = question_ask_page(
	    h->q, buf_str(&sql), args, n, (size_t)h->limit, rows);
	buf_release(&sql);
	return good;
}

/* Adds the Link header: the page after the last row, whose cursor is *next, if
 * there is one. */
static void
link_next_messages(
    const struct history_page *h, struct db_rows *rows, struct buf *next)
{
	if (!db_rows_cut(rows))
		return;
	while (db_next(rows))
		continue;
	page_cursor_write(&h->cursor, rows, next);
	buf_addf(&h->q->answer->headers,
	    "Link: <?limit=%" PRId64 "&cursor=%s>; rel=\"next\"\n", h->limit,
	    buf_str(next));
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
	struct buf *to = &h->q->answer->body, next = BUF_INIT;
	struct sheet s;

	link_next_messages(h, rows, &next);
	message_order(rows, CREATED_AT, MESSAGE_ID);
	jsonw_open(to);
	jsonw_str(to, "conversation_id", h->conversation);
	jsonw_key(to, "messages");
	sheet_begin(
	    &s, to, SHEET_JSON, original_columns, ARRAY_LEN(original_columns));
	while (db_next(rows))
		write_message(&s, rows);
	sheet_end(&s);
	reply_end_linked(h->q, next.len > 0 ? buf_str(&next) : NULL);
	buf_release(&next);
}

static void
answer_messages(struct question *q)
{
	struct history_page h = { .q = q,
		.limit = LIST_PAGE,
		.cursor = { .keys = { { "created_at", SHEET_TIME, CREATED_AT },
				{ "message_id", SHEET_TEXT, MESSAGE_ID } },
		    .keys_n = 2 } };
	struct db_rows *rows = NULL;

	q->format = SHEET_JSON; /* a suffix belongs to the id */
	if (question_rest(q, 4, h.conversation) &&
	    question_int(q, "limit", 1, LIST_PAGE_MAX, &h.limit) &&
	    page_cursor_read(&h.cursor, q) && ask_history(&h, &rows))
		write_history(&h, rows);
	page_cursor_release(&h.cursor);
	db_rows_free(rows);
}

const struct resource original_messages = {
	"/api/v1/messages/conversation/{*conversation_id}", VIEWER_LEAD,
	"conversation_messages",
	"The messages of a conversation, oldest first. The id is "
	"the rest of the path. An unknown conversation has an empty "
	"list.",
	.answer = answer_messages, .parameters = LIST_NAMES("limit", "cursor"),
	.lenient = true, .of_tenant = true,
	.shape = "{conversation_id: text, messages: [@ConversationMessage]}",
	.rows = { RESOURCE_ROWS("ConversationMessage", original_columns) }
};
