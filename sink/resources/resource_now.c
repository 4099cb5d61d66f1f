/*
 * resource_now: GET /api/v1/now: the present: the tenant, its operators, and
 * the waiting customers, as far as scope.h allows: by what is due next, and
 * those without a target by length of wait. A wall sees no names at all, and an
 * operator sees no customer names.
 */
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/conf/conf.h"
#include "common/json/jsonw.h"
#include "sink/access/scope.h"
#include "sink/api/completeness.h"
#include "sink/api/kept.h"
#include "sink/api/question.h"
#include "sink/resources/chat_due.h"
#include "sink/resources/chat_rows.h"
#include "sink/resources/resource.h"
#include "sink/responses/responses.h"

#define WAITING_MAX "200"

#define HREF_SHAPE                                                             \
	"text? 'Address of the responses in /api/v1/intervals; null if the "   \
	"role may not read them'"

/* Computed cells. */
#define DUE_COUNT_CELLS                                                        \
	{ "soon_chats", SHEET_NUMBER,                                          \
		"number? 'Waiting customers whose due is soon; null if there " \
		"are no targets'" },                                           \
	{                                                                      \
		"late_chats", SHEET_NUMBER,                                    \
		    "number? 'Waiting customers whose answer_by is over, "     \
		    "also while the team is closed'"                           \
	}
#define DUE_COUNTS 2

static const struct sheet_column operator_columns[] = {
	{ "operator", SHEET_TEXT, NULL },
	{ "name", SHEET_TEXT, NULL },
	{ "available", SHEET_FLAG, NULL },
	{ "open_chats", SHEET_NUMBER, NULL },
	{ "responses", SHEET_NUMBER, NULL },
	{ "avg_response_seconds", SHEET_NUMBER, NULL },
	{ "median_response_seconds", SHEET_NUMBER, NULL },
	{ "p90_response_seconds", SHEET_NUMBER, NULL },
	{ "waiting_chats", SHEET_NUMBER, NULL },
	{ "longest_wait_seconds", SHEET_NUMBER, NULL },
	DUE_COUNT_CELLS,
	{ "href", SHEET_TEXT, HREF_SHAPE },
};

static const struct sheet_column waiting_columns[] = {
	{ "chat", SHEET_TEXT, NULL },
	{ "operator", SHEET_TEXT, NULL },
	{ "assigned", SHEET_FLAG, "flag? 'Whether an operator is assigned'" },
	{ "channel", SHEET_TEXT, NULL },
	{ "customer_name", SHEET_TEXT, NULL },
	{ "waiting_since", SHEET_TIME, NULL },
	{ "wait_seconds", SHEET_NUMBER, NULL },
	{ "next_kind", SHEET_TEXT, "text? 'first_response or reply'" },
	{ "answer_by", SHEET_TIME, NULL },
	{ "soon_at", SHEET_TIME, NULL },
	{ "status", SHEET_TEXT, "(open|snoozed)" },
	CHAT_DUE_COLUMNS,
};

static const struct sheet_column tenant_columns[] = {
	{ "as_of", SHEET_TIME, NULL },
	{ "stale_at", SHEET_TIME,
	    "time? 'When the figures become stale: three minutes after as_of "
	    "or three polling intervals after the newest snapshot, whichever "
	    "is later'" },
	{ "operators", SHEET_NUMBER, NULL },
	{ "open_chats", SHEET_NUMBER, NULL },
	{ "unassigned_chats", SHEET_NUMBER, NULL },
	{ "waiting_chats", SHEET_NUMBER, NULL },
	{ "longest_wait_seconds", SHEET_NUMBER, NULL },
	{ "responses", SHEET_NUMBER, NULL },
	{ "avg_response_seconds", SHEET_NUMBER, NULL },
	DUE_COUNT_CELLS,
	{ "href", SHEET_TEXT, HREF_SHAPE },
};

/* A team's figures are added up from its operators; all viewers see the queue.
 * The row of an operator without waiting customers may be out of date. */
#define TEAM_AS_OF                                                             \
	"GREATEST(MAX(o.as_of), COALESCE(MAX(t.as_of), MAX(o.as_of)))"
#define TEAM_STALE_AT                                                          \
	STALE_AT(                                                              \
	    TEAM_AS_OF, "MAX(s.as_of)", "MAX(s.stored_at)", "MAX(s.stale_at)")
#define TEAM_METRICS                                                           \
	"SELECT " TEAM_AS_OF ", " TEAM_STALE_AT ", "                           \
	"SUM(o.available IS NOT NULL), "                                       \
	"SUM(o.open_chats), MAX(t.unassigned_chats), SUM(o.waiting_chats), "   \
	"MAX(o.longest_wait_seconds), SUM(o.responses), "                      \
	"CAST(SUM(o.responses * o.avg_response_seconds) / "                    \
	"SUM(o.responses) AS DECIMAL(15,3)) FROM operator_metrics o "          \
	"LEFT JOIN tenant_metrics t ON t.tenant = o.tenant "                   \
	"LEFT JOIN tenants s ON s.tenant = o.tenant WHERE o.tenant = ?"

#define TENANT_METRICS                                                         \
	"SELECT t.as_of, " TENANT_STALE_AT ", operators, open_chats, "         \
	"unassigned_chats, waiting_chats, longest_wait_seconds, responses, "   \
	"avg_response_seconds FROM tenant_metrics t "                          \
	"LEFT JOIN tenants s ON s.tenant = t.tenant WHERE t.tenant = ?"

static void
write_team_metrics(struct question *q, struct buf *sql)
{
	buf_adds(sql, TEAM_METRICS);
	scope_add_totals(&q->viewer, "o.operator", sql);
	buf_adds(sql, " HAVING COUNT(*) > 0");
}

static bool
ask_tenant(struct question *q, struct db_rows **rows)
{
	struct buf sql = BUF_INIT;

	if (scope_limits_totals(&q->viewer))
		write_team_metrics(q, &sql);
	else
		buf_adds(&sql, TENANT_METRICS);
	return question_run(q, &sql, NULL, 0, rows);
}

static bool
ask_operators(struct question *q, struct db_rows **rows)
{
	struct buf sql = BUF_INIT;

	buf_addf(&sql,
	    "SELECT %s, available, open_chats, responses, "
	    "avg_response_seconds, median_response_seconds, "
	    "p90_response_seconds, waiting_chats, longest_wait_seconds, "
	    "operator FROM operator_metrics WHERE tenant = ? AND left_at IS "
	    "NULL",
	    q->viewer.role < VIEWER_OPERATOR ? "NULL, NULL" : "operator, name");
	scope_add_rows(&q->viewer, "operator", &sql);
	buf_adds(&sql, " ORDER BY open_chats DESC, operator");
	return question_run(q, &sql, NULL, 0, rows);
}

/* A wall sees that a chat is assigned, but not to whom. */
#define ASSIGNED "c.operator IS NOT NULL"

/* Returns the columns about a waiting customer, up to the name, for each
 * role. */
static const char *
waiting_who(const struct viewer *v)
{
	switch (v->role) {
	case VIEWER_NONE:
	case VIEWER_WALL:
		return "NULL, NULL, " ASSIGNED ", c.channel, NULL";
	case VIEWER_OPERATOR:
		return "c.chat, c.operator, " ASSIGNED ", c.channel, NULL";
	case VIEWER_LEAD:
	case VIEWER_ADMIN:
		break;
	}
	return "c.chat, c.operator, " ASSIGNED ", c.channel, c.customer_name";
}

static bool
ask_waiting(struct question *q, struct db_rows **rows)
{
	struct buf sql = BUF_INIT;

	buf_addf(&sql,
	    "SELECT %s, c.waiting_since, "
	    "CAST(" CHAT_WAITS_SECONDS " AS DECIMAL(15,3)), "
	    "next_kind, answer_by, soon_at, status, " CHAT_WAIT_COLUMNS
		CHAT_WAITS_FROM " AND c.waiting_since IS NOT NULL",
	    waiting_who(&q->viewer));
	scope_add_waiting(&q->viewer, "c.operator", &sql);
	buf_adds(&sql,
	    " ORDER BY c.answer_by IS NULL, c.answer_by, c.waiting_since, "
	    "c.chat LIMIT " WAITING_MAX);
	return question_run(q, &sql, NULL, 0, rows);
}

static const struct sheet_column name_columns[] = {
	{ "kind", SHEET_TEXT, "(channel|operator)" },
	{ "id", SHEET_TEXT, "text" },
	{ "name", SHEET_TEXT, "text" },
};

#define NAMES_MAX "2000"

/* Channels, and operators whom the viewer may see and who are not listed any
 * more. */
static bool
ask_names(struct question *q, struct db_rows **rows)
{
	struct buf sql = BUF_INIT;

	buf_adds(&sql, "SELECT kind, id, name FROM names n WHERE tenant = ? "
		       "AND name IS NOT NULL AND (kind = 'channel'");
	if (q->viewer.role >= VIEWER_OPERATOR) {
		buf_adds(&sql,
		    " OR kind = 'operator' AND NOT EXISTS (SELECT 1 "
		    "FROM operator_metrics o WHERE o.tenant = n.tenant "
		    "AND o.operator = n.id)");
		scope_add_rows(&q->viewer, "n.id", &sql);
	}
	buf_adds(&sql, ") ORDER BY kind, as_of DESC, id LIMIT " NAMES_MAX);
	return question_run(q, &sql, NULL, 0, rows);
}

/* Writes the address at which the CRM shows a chat, from the configuration;
 * NULL if there is none, or not for this role. The configuration may lack a
 * token's tenant. */
static void
write_chat_url(const struct viewer *v, struct buf *to)
{
	const char *url = NULL;
	char section[RECORD_MAX_TENANT + sizeof "crm "];

	if (v->role >= VIEWER_OPERATOR && v->conf != NULL &&
	    conf_has_tenant(v->conf, v->tenant)) {
		(void)snprintf(section, sizeof section, "crm %s", v->tenant);
		url = conf_text(v->conf, section, "chat_url");
	}
	if (url == NULL)
		jsonw_null(to, "chat_url");
	else
		jsonw_str(to, "chat_url", url);
}

/* Positions of columns. */
enum {
	OPERATOR_COUNTS = ARRAY_LEN(operator_columns) - DUE_COUNTS - 1,
	OPERATOR_ID = OPERATOR_COUNTS,
	TENANT_COUNTS = ARRAY_LEN(tenant_columns) - DUE_COUNTS - 1,
	WAITING_CHANNEL = 3,
	WAITING_DUE = ARRAY_LEN(waiting_columns) - CHAT_DUE_CELLS,
	WAITING_WAIT = WAITING_DUE
};

static void
write_count(struct sheet *s, struct due_count n)
{
	sheet_int(s, n.soon);
	sheet_int(s, n.late);
}

static void
count_tenant(void *ctx, const struct db_rows *row, struct sheet *s)
{
	const struct due_counts *c = ctx;

	(void)row;
	write_count(s, due_counts_of(c, NULL));
}

static void
count_operator(void *ctx, const struct db_rows *row, struct sheet *s)
{
	const struct due_counts *c = ctx;

	write_count(s, due_counts_of(c, db_get(row, OPERATOR_ID)));
}

static void
write_due(void *ctx, const struct db_rows *row, struct sheet *s)
{
	chat_due_write(
	    ctx, row, WAITING_WAIT, db_get(row, WAITING_CHANNEL), true, s);
}

/* Writes whether the tenant has hours and targets, and the default target for
 * past figures; null if there is none. */
static void
write_due_members(
    const struct question *q, const struct due_counts *c, struct buf *to)
{
	const struct tenant_terms *terms = viewer_terms(&q->viewer);
	int64_t target = response_target_now(q);

	jsonw_bool(to, "hours", terms != NULL && terms_have_hours(terms));
	jsonw_bool(to, "targets", c->known);
	if (target != CLOCK_NONE)
		jsonw_int(to, "target_seconds", target / 1000);
	else
		jsonw_null(to, "target_seconds");
}

bool
resource_now_write(struct question *q)
{
	struct due_counts counts = { .known = false };
	const struct reply_computed of_tenant = { TENANT_COUNTS, DUE_COUNTS,
		count_tenant, &counts };
	const struct reply_computed of_operator = { OPERATOR_COUNTS, DUE_COUNTS,
		count_operator, &counts };
	const struct reply_computed of_chat = { WAITING_DUE, CHAT_DUE_CELLS,
		write_due, q };
	struct db_rows *tenant = NULL, *operators = NULL, *waiting = NULL;
	struct db_rows *names = NULL;
	struct kept_lacking lacking = { .n = 0 };
	struct completeness complete = { .n = 0 };
	struct buf *to;
	bool good;

	good = completeness_read(q, COMPLETE_CHATS, &complete) &&
	       ask_tenant(q, &tenant) && ask_operators(q, &operators) &&
	       ask_waiting(q, &waiting) && due_counts_read(q, &counts) &&
	       ask_names(q, &names) &&
	       kept_find_if_empty(
		   q, db_rows_count(tenant) == 0, "tenant", &lacking) &&
	       kept_find_if_empty(
		   q, db_rows_count(operators) == 0, "operators", &lacking) &&
	       kept_find_if_empty(
		   q, db_rows_count(waiting) == 0, "chats", &lacking);
	if (good) {
		to = reply_begin_object(q);
		reply_computed_rows(q, "now", tenant_columns,
		    ARRAY_LEN(tenant_columns), tenant, &of_tenant,
		    response_href_total);
		reply_computed_rows(q, "operators", operator_columns,
		    ARRAY_LEN(operator_columns), operators, &of_operator,
		    response_href_operator);
		reply_computed_rows(q, "waiting", waiting_columns,
		    ARRAY_LEN(waiting_columns), waiting, &of_chat, NULL);
		reply_rows(q, "names", name_columns, ARRAY_LEN(name_columns),
		    names, NULL);
		jsonw_str(to, "role", viewer_role_name(q->viewer.role));
		jsonw_bool(to, "of_teams", scope_limits_totals(&q->viewer));
		write_chat_url(&q->viewer, to);
		write_due_members(q, &counts, to);
		completeness_write(&complete, to);
		kept_write_lacking(&lacking, to);
	}
	db_rows_free(tenant);
	db_rows_free(operators);
	db_rows_free(waiting);
	db_rows_free(names);
	due_counts_release(&counts);
	completeness_release(&complete);
	return good;
}

static void
answer_now(struct question *q)
{
	if (reply_takes_object(q) && resource_now_write(q))
		reply_end(q, NULL);
}

const struct resource resource_now = { "/api/v1/now", VIEWER_WALL, "now",
	"The present figures that the role may see.", .answer = answer_now,
	.shape = "{tenant: text, role: text, of_teams: flag, chat_url: text? "
		 "'Address of a chat in the CRM; {chat} stands for its "
		 "id', hours: flag 'Whether the team has opening hours', "
		 "targets: flag 'Whether the team has targets', "
		 "target_seconds: number? 'The target of "
		 "first responses, or of replies', " COMPLETENESS_SHAPE ", "
		 "now: [@NowTotal], operators: [@NowOperator], waiting: "
		 "[@NowWaiting], names: [@NowName] 'Of channels and former "
		 "operators', not_kept: text? 'If a list is empty: metrics "
		 "that are not stored'}",
	.rows = { RESOURCE_ROWS("NowTotal", tenant_columns),
	    RESOURCE_ROWS("NowOperator", operator_columns),
	    RESOURCE_ROWS("NowWaiting", waiting_columns),
	    RESOURCE_ROWS("NowName", name_columns) } };
