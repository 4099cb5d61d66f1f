/*
 * resource_now: GET /api/v1/now: how things are at this moment: the tenant, its
 * operators, and who waits, longest first. A wall sees no names; an agent only
 * their own row, and who waits for them or for nobody.
 */
#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/text/jsonw.h"
#include "sink/api/reply.h"
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

static bool
ask_tenant(struct question *q, struct db_rows **rows)
{
	return question_ask(q,
	    "SELECT as_of, operators, open_chats, unassigned_chats, "
	    "waiting_chats, longest_wait_seconds, responses, "
	    "avg_response_seconds FROM tenant_metrics_all WHERE tenant = ?",
	    NULL, 0, rows);
}

/* Behind who it is. */
#define OPERATOR_METRICS                                                       \
	"available, open_chats, responses, avg_response_seconds, "             \
	"median_response_seconds, p90_response_seconds, waiting_chats, "       \
	"longest_wait_seconds FROM operator_metrics_all WHERE tenant = ? "
#define MOST_CHATS_FIRST "ORDER BY open_chats DESC, operator"

static bool
ask_operators(struct question *q, struct db_rows **rows)
{
	const struct db_value own = db_str(q->viewer.claims.subject);

	if (q->viewer.role == VIEWER_AGENT)
		return question_ask(q,
		    "SELECT operator, name, " OPERATOR_METRICS
		    "AND operator = ?",
		    &own, 1, rows);
	return question_ask(q,
	    q->viewer.role == VIEWER_WALL
		? "SELECT NULL, NULL, " OPERATOR_METRICS MOST_CHATS_FIRST
		: "SELECT operator, name, " OPERATOR_METRICS MOST_CHATS_FIRST,
	    NULL, 0, rows);
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

	if (reply_takes_object(q) && ask_tenant(q, &tenant) &&
	    ask_operators(q, &operators) && ask_waiting(q, &waiting)) {
		to = reply_begin_object(q);
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
