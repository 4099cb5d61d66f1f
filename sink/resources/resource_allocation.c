/*
 * resource_allocation: GET /api/v1/allocation: the unassigned chats, the waits
 * of their customers, how many more chats each operator may take, and how many
 * were reserved for them in the last 24 hours.
 *
 * The limits are those of scripts/limits, for all channels together. max_chats
 * is null if only the CRM or the configuration sets it, because such limits are
 * not stored. Counts are null if no chats are stored; not_kept names the
 * missing metrics.
 */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/json/jsonw.h"
#include "sink/access/scope.h"
#include "sink/api/kept.h"
#include "sink/api/question.h"
#include "sink/resources/chat_rows.h"
#include "sink/resources/resource.h"

static const struct sheet_column queue_columns[] = {
	{ "as_of", SHEET_TIME, NULL },
	{ "unassigned_chats", SHEET_NUMBER, NULL },
	{ "waiting_chats", SHEET_NUMBER, NULL },
	{ "longest_wait_seconds", SHEET_NUMBER, NULL },
	{ "avg_wait_seconds", SHEET_NUMBER, NULL },
};

static const struct sheet_column operator_columns[] = {
	{ "operator", SHEET_TEXT, "text" },
	{ "name", SHEET_TEXT, NULL },
	{ "available", SHEET_FLAG, NULL },
	{ "open_chats", SHEET_NUMBER, NULL },
	{ "max_chats", SHEET_NUMBER, NULL },
	{ "free", SHEET_NUMBER, NULL },
};

static const struct sheet_column reservation_columns[] = {
	{ "operator", SHEET_TEXT, "text" },
	{ "chats", SHEET_NUMBER, "number" },
};

/* No row if the queue is empty. Snoozed chats are not assigned. */
static bool
ask_queue(struct question *q, struct db_rows **rows)
{
	struct buf sql = BUF_INIT;

	buf_adds(&sql,
	    "SELECT MAX(" CHAT_WAITS_UNTIL "), COUNT(*), "
	    "COUNT(c.waiting_since), "
	    "CAST(MAX(" CHAT_WAITS_SECONDS ") AS DECIMAL(15,3)), "
	    "CAST(AVG(" CHAT_WAITS_SECONDS ") AS DECIMAL(15,3))" CHAT_WAITS_FROM
	    " AND c.operator IS NULL AND c.status = 'open' "
	    "HAVING COUNT(*) > 0");
	return question_run(q, &sql, NULL, 0, rows);
}

/* Only operators who are online have free slots. Snoozed chats take none. */
static bool
ask_operators(struct question *q, struct db_rows **rows)
{
	const struct db_value tenant =
	    db_text(q->viewer.tenant, strlen(q->viewer.tenant));
	struct buf sql = BUF_INIT;

	buf_adds(&sql,
	    "SELECT operator, name, available, open_chats, max_chats, "
	    "IF(available, GREATEST(0, max_chats - open_chats + snoozed), 0) "
	    "FROM (SELECT o.tenant, o.operator, o.name, o.available, "
	    "CAST(COALESCE(s.chats, 0) AS SIGNED) AS snoozed, "
	    "CAST(o.open_chats AS SIGNED) AS open_chats, "
	    "CAST(COALESCE(own.max_chats, everyone.max_chats) AS SIGNED) "
	    "AS max_chats FROM operator_metrics o "
	    "LEFT JOIN allocation_limits own ON own.tenant = o.tenant "
	    "AND own.operator = o.operator AND own.channel = '' "
	    "LEFT JOIN allocation_limits everyone "
	    "ON everyone.tenant = o.tenant AND everyone.operator = '' "
	    "AND everyone.channel = '' "
	    "LEFT JOIN (SELECT operator, COUNT(*) AS chats FROM chat_metrics "
	    "WHERE tenant = ? AND status = 'snoozed' GROUP BY operator) s "
	    "ON s.operator = o.operator "
	    "WHERE o.tenant = ? AND o.left_at IS NULL");
	scope_add_rows(&q->viewer, "o.operator", &sql);
	buf_adds(&sql, ") o2 ORDER BY operator");
	return question_run(q, &sql, &tenant, 1, rows);
}

static bool
ask_reservations(struct question *q, struct db_rows **rows)
{
	const struct db_value since = db_time(q->request->now_ms - DAY_MS);
	struct buf sql = BUF_INIT;

	buf_adds(&sql, "SELECT operator, COUNT(*) FROM assignments "
		       "WHERE tenant = ? AND reserved_at >= ?");
	scope_add_rows(&q->viewer, "operator", &sql);
	buf_adds(&sql, " GROUP BY operator ORDER BY operator");
	return question_run(q, &sql, &since, 1, rows);
}

static void
write_queue(struct buf *to, struct db_rows *rows, bool is_kept)
{
	struct sheet s;

	jsonw_key(to, "queue");
	sheet_begin(
	    &s, to, SHEET_JSON, queue_columns, ARRAY_LEN(queue_columns));
	if (db_next(rows)) {
		sheet_row(&s, rows);
	} else {
		/* As in queue_columns. */
		sheet_time(&s, CLOCK_NONE);
		sheet_int(&s, is_kept ? 0 : CLOCK_NONE);
		sheet_int(&s, is_kept ? 0 : CLOCK_NONE);
		sheet_seconds(&s, CLOCK_NONE);
		sheet_seconds(&s, CLOCK_NONE);
	}
	sheet_end(&s);
}

static void
answer_allocation(struct question *q)
{
	struct db_rows *queue = NULL, *operators = NULL, *reservations = NULL;
	struct kept_lacking lacking = { .n = 0 };
	struct buf *to;

	if (reply_takes_object(q) && ask_queue(q, &queue) &&
	    ask_operators(q, &operators) &&
	    ask_reservations(q, &reservations) &&
	    kept_find_if_empty(
		q, db_rows_count(queue) == 0, "chats", &lacking) &&
	    kept_find_if_empty(
		q, db_rows_count(operators) == 0, "operators", &lacking) &&
	    kept_find_if_empty(
		q, db_rows_count(reservations) == 0, "assignments", &lacking)) {
		to = reply_begin_object(q);
		write_queue(to, queue, !kept_lacks(&lacking, "chats"));
		reply_rows(q, "operators", operator_columns,
		    ARRAY_LEN(operator_columns), operators, NULL);
		reply_rows(q, "assigned", reservation_columns,
		    ARRAY_LEN(reservation_columns), reservations, NULL);
		kept_write_lacking(&lacking, to);
		reply_end(q, NULL);
	}
	db_rows_free(queue);
	db_rows_free(operators);
	db_rows_free(reservations);
}

const struct resource resource_allocation = { "/api/v1/allocation", VIEWER_LEAD,
	"allocation",
	"Unassigned chats, and the free capacity of each operator.",
	.answer = answer_allocation, .impersonal = true,
	.shape = "{tenant: text, queue: [@AllocationQueue], operators: "
		 "[@AllocationOperator], assigned: [@AllocationAssigned], "
		 "not_kept: text? 'If a list is empty: which of chats, "
		 "operators and assignments have no rows'}",
	.rows = { RESOURCE_ROWS("AllocationQueue", queue_columns),
	    RESOURCE_ROWS("AllocationOperator", operator_columns),
	    RESOURCE_ROWS("AllocationAssigned", reservation_columns) } };
