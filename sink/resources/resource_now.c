/*
 * resource_now: GET /api/v1/now: how things are at this moment: the tenant, its
 * operators, and who waits, longest first. A wall sees no names; an agent only
 * their own row, and who waits for them or for nobody.
 */
#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/text/jsonw.h"
#include "sink/api/reply.h"
#include "sink/api/sharded.h"
#include "sink/resources/resource.h"

#define WAITING_MAX "200"

static const struct sheet_column operator_columns[] = {
	{ "operator", SHEET_TEXT },
	{ "name", SHEET_TEXT },
	{ "available", SHEET_FLAG },
	{ "open_chats", SHEET_NUMBER },
	{ "responses", SHEET_NUMBER },
	{ "avg_response_seconds", SHEET_NUMBER },
	{ "median_response_seconds", SHEET_NUMBER },
	{ "p90_response_seconds", SHEET_NUMBER },
	{ "waiting_chats", SHEET_NUMBER },
	{ "longest_wait_seconds", SHEET_NUMBER },
};

static const struct sheet_column waiting_columns[] = {
	{ "chat", SHEET_TEXT },
	{ "operator", SHEET_TEXT },
	{ "channel", SHEET_TEXT },
	{ "customer_name", SHEET_TEXT },
	{ "waiting_since", SHEET_TIME },
	{ "wait_seconds", SHEET_NUMBER },
};

static const struct sheet_column tenant_columns[] = {
	{ "as_of", SHEET_TIME },
	{ "operators", SHEET_NUMBER },
	{ "open_chats", SHEET_NUMBER },
	{ "unassigned_chats", SHEET_NUMBER },
	{ "waiting_chats", SHEET_NUMBER },
	{ "longest_wait_seconds", SHEET_NUMBER },
	{ "responses", SHEET_NUMBER },
	{ "avg_response_seconds", SHEET_NUMBER },
};

/* "COLUMNS FROM the table, or its view REST", with at most one argument. */
static bool
ask_sharded(struct question *q, const char *columns, const char *table,
    const char *parts, const char *rest, const struct db_value *arg,
    struct db_rows **rows)
{
	struct buf sql = BUF_INIT;
	bool good;

	buf_addf(&sql, "SELECT %s FROM ", columns);
	good = sharded_table(q, table, parts, &sql);
	if (good) {
		buf_addf(&sql, " WHERE tenant = ? %s", rest);
		good = question_ask(
		    q, buf_str(&sql), arg, arg != NULL ? 1 : 0, rows);
	}
	buf_release(&sql);
	return good;
}

static bool
ask_tenant(struct question *q, struct db_rows **rows)
{
	return ask_sharded(q,
	    "as_of, operators, open_chats, unassigned_chats, waiting_chats, "
	    "longest_wait_seconds, responses, avg_response_seconds",
	    "tenant_metrics", "tenant_metrics_parts", "", NULL, rows);
}

/* Behind who it is. */
#define OPERATOR_METRICS                                                       \
	"available, open_chats, responses, avg_response_seconds, "             \
	"median_response_seconds, p90_response_seconds, waiting_chats, "       \
	"longest_wait_seconds"

static bool
ask_operators(struct question *q, struct db_rows **rows)
{
	const struct db_value own = db_str(q->viewer.claims.subject);
	bool is_agent = q->viewer.role == VIEWER_AGENT;

	return ask_sharded(q,
	    q->viewer.role == VIEWER_WALL ? "NULL, NULL, " OPERATOR_METRICS
					  : "operator, name, " OPERATOR_METRICS,
	    "operator_metrics", "operator_metrics_parts",
	    is_agent ? "AND operator = ?"
		     : "ORDER BY open_chats DESC, operator",
	    is_agent ? &own : NULL, rows);
}

#define WAITING_WHO                                                            \
	"FROM chat_metrics WHERE tenant = ? AND waiting_since IS NOT NULL "    \
	"AND status <> 'left' "
#define WAITING_TIMES                                                          \
	"waiting_since, CAST(GREATEST(0, TIMESTAMPDIFF(MICROSECOND, "          \
	"waiting_since, as_of)) / 1000000 AS DECIMAL(15,3)) "
#define WAITING_ORDER "ORDER BY waiting_since, chat LIMIT " WAITING_MAX

static bool
ask_waiting(struct question *q, struct db_rows **rows)
{
	const struct db_value own = db_str(q->viewer.claims.subject);

	switch (q->viewer.role) {
	case VIEWER_NONE:
	case VIEWER_WALL:
		return question_ask(q,
		    "SELECT NULL, NULL, channel, NULL, " WAITING_TIMES
			WAITING_WHO WAITING_ORDER,
		    NULL, 0, rows);
	case VIEWER_AGENT:
		return question_ask(q,
		    "SELECT chat, operator, channel, NULL, " WAITING_TIMES
			WAITING_WHO
		    "AND (operator = ? OR operator IS NULL) " WAITING_ORDER,
		    &own, 1, rows);
	case VIEWER_LEAD:
	case VIEWER_ADMIN:
		break;
	}
	return question_ask(q,
	    "SELECT chat, operator, channel, customer_name, " WAITING_TIMES
		WAITING_WHO WAITING_ORDER,
	    NULL, 0, rows);
}

void
resource_now(struct question *q)
{
	struct db_rows *tenant = NULL, *operators = NULL, *waiting = NULL;
	struct buf *to;

	if (ask_tenant(q, &tenant) && ask_operators(q, &operators) &&
	    ask_waiting(q, &waiting) && (to = reply_begin_object(q)) != NULL) {
		reply_rows(to, "now", tenant_columns, ARRAY_LEN(tenant_columns),
		    tenant);
		reply_rows(to, "operators", operator_columns,
		    ARRAY_LEN(operator_columns), operators);
		reply_rows(to, "waiting", waiting_columns,
		    ARRAY_LEN(waiting_columns), waiting);
		reply_end(q, NULL);
	}
	db_rows_free(tenant);
	db_rows_free(operators);
	db_rows_free(waiting);
}
