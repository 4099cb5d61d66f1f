/*
 * resource_openapi: GET /api/v1/openapi.json: the description of the API. It is
 * made from the table of resources, the columns and filters of lists, and the
 * shapes of the other answers, which are declared below.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/prog.h"
#include "common/base/xalloc.h"
#include "common/text/jsonw.h"
#include "common/text/openapi.h"
#include "sink/api/question.h"
#include "sink/resources/resource.h"

/* Answers, and objects in them. NAMERow describes a row of NAME, which can
 * then also be requested as CSV and NDJSON. The shapes of lists are made from
 * their columns. */
static const struct {
	const char *name, *shape;
} shapes[] = {
	{ "Openapi", "object" },
	{ "Allocation",
	    "{tenant: text, queue: [{as_of: time?, unassigned_chats: number?, "
	    "waiting_chats: number?, longest_wait_seconds: number?, "
	    "avg_wait_seconds: number?}], operators: [{operator: text, name: "
	    "text?, available: flag?, open_chats: number?, max_chats: number?, "
	    "free: number?}], assigned: [{operator: text, chats: number}], "
	    "not_kept: text? 'If a list is empty: which of chats, operators "
	    "and assignments have no rows'}" },
	{ "Backlog",
	    "{tenant: text, rows: [@BacklogRow], zone: text, from: time, to: "
	    "time, not_kept: text? 'Missing metrics that this answer needs'}" },
	{ "BacklogRow",
	    "{span: (asked|previous), period: number, at: text, at_utc: time, "
	    "open_chats: number? 'Null before the oldest interval', "
	    "waiting_chats: number?, waiting_5m: number? 'Waiting for less "
	    "than 5 minutes', waiting_15m: number? '5 to 15 minutes', "
	    "waiting_1h: number? '15 to 60 minutes', waiting_longer: number?, "
	    "longest_wait_seconds: number?}" },
	{ "ChannelAnalytics",
	    "{channel_id: text, period: @Period, metrics: "
	    "{total_conversations?: count, total_messages?: count, "
	    "avg_response_time?: number?, success_rate?: null, "
	    "uptime_percentage?: null} 'Empty if there are no hours', "
	    "time_series: [{timestamp: time, active_conversations: count, "
	    "messages_processed: count, response_time: number?, success_rate: "
	    "null}]}" },
	{ "ConversationAnalytics",
	    "{conversation_id: text, period: @Period, message_metrics: "
	    "{total_messages: count, inbound_messages: count, "
	    "outbound_messages: count, avg_message_length: number}, "
	    "sentiment_metrics: {avg_sentiment: number, sentiment_distribution:"
	    " <count>}, intent_metrics: {intent_distribution: <count>, "
	    "intent_changes: count}, performance_metrics: {avg_response_time: "
	    "number, max_response_time: number, min_response_time: number}}" },
	{ "ConversationMessages",
	    "{conversation_id: text, messages: [{message_id: text, "
	    "conversation_id: text, sender_id: text?, receiver_id: text?, "
	    "content: text?, created_at: time, message_type: text?, user_id: "
	    "text?, event_type: text?, read_status: (sent|read), read_at: "
	    "time?}]}" },
	{ "Dashboard",
	    "{period: @Period, message_metrics: {total: count, inbound: count, "
	    "outbound: count, avg_sentiment: number, avg_response_time: "
	    "number}, conversation_metrics: {total: count? 'Null, like "
	    "resolution_rate, if conversations are not stored', resolved: "
	    "count? 'Null, like avg_duration and resolution_rate, if a metric "
	    "that it needs is not stored', avg_duration: number? 'In minutes', "
	    "resolution_rate: number 0..100?}}" },
	{ "Errors", "{detail: [{loc: [any], msg: text}]}" },
	{ "Figure",
	    "{tenant: text, rows: [@FigureRow] 'One row', not_kept: text? "
	    "'intervals, if none are stored'}" },
	{ "FigureRow",
	    "{count: number? 'Null: no intervals are stored', sum_seconds: "
	    "number?, avg_seconds: number?, max_seconds: number?, as_of: "
	    "time?}" },
	{ "Health",
	    "{status: (healthy|unhealthy), timestamp: time, database_connected:"
	    " flag, cache_connected: null, processing_queue_size: null}" },
	{ "Heatmap",
	    "{tenant: text, rows: [@HeatmapRow], zone: text, kind: text, from: "
	    "time, to: time, as_of: time?, not_kept: text? "
	    "'Where there is nothing: metrics of which nothing is kept'}" },
	{ "HeatmapRow",
	    "{weekday: number, hour: number, count: number?, sum_seconds: "
	    "number?, avg_seconds: number?, median_seconds: number?, href: "
	    "text?}" },
	{ "Id", "text 1..191" },
	{ "Now",
	    "{tenant: text, role: text, of_teams: flag, chat_url: text? "
	    "'Address of a chat in the CRM; {chat} stands for its id', now: "
	    "[{as_of: time?, stale_at: time? 'When the figures become stale: "
	    "three minutes after as_of or three polling intervals after the "
	    "newest snapshot, whichever is later', operators: number?, "
	    "open_chats: number?, unassigned_chats: number?, waiting_chats: "
	    "number?, longest_wait_seconds: number?, responses: number?, "
	    "avg_response_seconds: number?, href: text? 'Address of the "
	    "responses in /api/v1/intervals; null if the role may not read "
	    "them'}], operators: [{operator: text?, "
	    "name: text?, available: flag?, open_chats: number?, responses: "
	    "number?, avg_response_seconds: number?, median_response_seconds: "
	    "number?, p90_response_seconds: number?, waiting_chats: number?, "
	    "longest_wait_seconds: number?, href: text? 'Address of the "
	    "responses in /api/v1/intervals; null if the role may not read "
	    "them'}], waiting: [{chat: text?, operator: "
	    "text?, assigned: flag? 'Whether an operator is assigned', "
	    "channel: text?, customer_name: text?, waiting_since: time?, "
	    "wait_seconds: number?}], not_kept: text? 'If a list is empty: "
	    "metrics that are not stored'}" },
	{ "Period", "{start: time, end: time}" },
	{ "Problem",
	    "{type: text, title: text, status: integer 400..599, detail: text "
	    "'What is wrong, as a sentence'}" },
	{ "Responses",
	    "{tenant: text, rows: [@ResponsesRow], zone: text, kind: text, "
	    "from: time, to: time, as_of: time?, not_kept: "
	    "text? 'Where there is nothing: metrics of which nothing is "
	    "kept'}" },
	{ "ResponsesRow",
	    "{span: (asked|previous), period: number, begin: text, end: text, "
	    "begin_utc: time, end_utc: time, operator: text?, channel: text?, "
	    "team: text?, count: number?, sum_seconds: number?, avg_seconds: "
	    "number?, median_seconds: number?, p90_seconds: number?, "
	    "p99_seconds: number?, max_seconds: number?, within: number?, "
	    "href: text?}" },
	{ "Timeline",
	    "{tenant: text, chat: text, now: [{status: text?, operator: text? "
	    "'Null if the operator is in no team of the viewer', assigned: "
	    "flag 'Whether an operator is assigned', opened_at: time?, as_of: "
	    "time}] 'Present state of the chat; empty if it is closed or chats "
	    "are not stored', running: [{kind: text, start_at: time, operator: "
	    "text?, seconds: number 'Until as_of', as_of: time 'Present time "
	    "of the tenant'}] 'The running wait, if the customer is waiting; "
	    "viewers limited to teams see only waits of their operators and of "
	    "unassigned chats', messages: [{created_at: time?, message_id: "
	    "text?, sender: text?, operator: text?, channel: text?, "
	    "message_type: text?, private: flag?, automated: flag?, content: "
	    "text?}], intervals: [{end_at: time?, message: text?, kind: text?, "
	    "start_at: time?, operator: text?, seconds: number?, withdrawn: "
	    "flag?}], earlier: flag 'Whether earlier messages or intervals "
	    "were omitted; see more', more: flag 'Whether later messages or "
	    "intervals were omitted. The limit for each is 4 MiB, and 1000 "
	    "rows with at or 2000 without. To continue, pass the time of the "
	    "last one as at, or page through /api/v1/messages and "
	    "/api/v1/intervals'}" },
	{ "Transfers",
	    "{tenant: text, rows: [@TransfersRow], zone: text, kind: text, "
	    "from: time, to: time, as_of: time?, not_kept: "
	    "text? 'Where there is nothing: metrics of which nothing is "
	    "kept'}" },
	{ "TransfersRow",
	    "{operator: text? 'Empty for unassigned chats, null for the "
	    "total', count: number? 'Parts of waits that ended in the range; a "
	    "wait split by transfers has one part per assignee', sum_seconds: "
	    "number?, max_seconds: number?, href: text?}" },
};

static const char SECURITY_SCHEMES[] =
    "\"securitySchemes\":{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\","
    "\"bearerFormat\":\"JWT\",\"description\":\"Signed "
    "with the key of [serve]; the claim role is wall, agent, lead or admin. "
    "Each operation's security lists the lowest role that it "
    "accepts.\"},\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":"
    "\"session\",\"description\":\"The "
    "same token, which /login sets in a browser. It replaces the bearer token "
    "of GET and HEAD requests only.\"}}";

/* Paths that are served besides the resources (sink/serve). */
static const char TO_THE_PAGE[] = "Location=text, Set-Cookie=text";

/* Lives as long as the program; constant while requests are served. */
static struct buf description = BUF_INIT;

static bool
has_shape(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(shapes); i++)
		if (strcmp(shapes[i].name, name) == 0)
			return true;
	return false;
}

/* All errors have the same form, whatever their status. */
static void
add_refusals(struct buf *to)
{
	openapi_response(to, "default",
	    "Refused; with 429 and 503, Retry-After says how long to wait",
	    NULL, "application/problem+json=@Problem");
}

static void
add_answer(struct buf *to, const struct resource *r)
{
	struct buf contents = BUF_INIT;
	char row[64];

	(void)snprintf(row, sizeof row, "%sRow", r->shape);
	buf_addf(&contents, "application/json=@%s", r->shape);
	if (r->list != NULL || has_shape(row))
		buf_addf(&contents, ", application/x-ndjson=@%s, text/csv=text",
		    row);
	openapi_response(to, "200", "The answer",
	    r->list != NULL || strstr(r->pattern, "{*") != NULL
		? "ETag=text 'For If-None-Match', Link=text 'The next page; "
		  "absent on the last one'"
		: "ETag=text 'For If-None-Match'",
	    buf_str(&contents));
	openapi_response(
	    to, "304", "Not modified since If-None-Match", NULL, NULL);
	buf_release(&contents);
}

static void
add_security(struct buf *to, enum viewer_role least)
{
	const char *role = viewer_role_name(least);

	jsonw_key(to, "security");
	jsonw_list(to);
	if (least != VIEWER_NONE)
		buf_addf(to, "{\"bearer\":[\"%s\"]},{\"session\":[\"%s\"]}",
		    role, role);
	jsonw_list_end(to);
}

static void
add_parameters(struct buf *to, const struct resource *r)
{
	const char *names[RESOURCE_PARAMETERS], *p = r->pattern;
	char part[64];
	size_t i, n = resource_parameters(r, names), len;

	jsonw_key(to, "parameters");
	jsonw_list(to);
	while (openapi_path_part(&p, part, sizeof part))
		openapi_parameter(to, part, "path", true, "@Id");
	for (i = 0; i < n; i++) {
		len = strcspn(names[i], "!");
		(void)snprintf(part, sizeof part, "%.*s", (int)len, names[i]);
		openapi_parameter(to, part, "query", names[i][len] == '!',
		    resource_parameter_shape(r, part));
	}
	jsonw_list_end(to);
}

static void
add_resource(struct buf *to, const struct resource *r)
{
	struct buf path = BUF_INIT;

	openapi_path(&path, r->pattern);
	jsonw_open_in(to, buf_str(&path));
	jsonw_open_in(to, "get");
	jsonw_str(to, "operationId", r->id);
	jsonw_str(to, "summary", r->summary);
	add_security(to, r->least);
	add_parameters(to, r);
	jsonw_open_in(to, "responses");
	add_answer(to, r);
	if (r->lenient && r->parameters != NULL &&
	    strcmp(r->parameters[0], "tenant_id!") == 0)
		openapi_response(to, "422", "Parameters are missing or invalid",
		    NULL, "application/json=@Errors");
	add_refusals(to);
	jsonw_close(to);
	jsonw_close(to);
	jsonw_close(to);
	buf_release(&path);
}

static void
add_stream(struct buf *to)
{
	jsonw_open_in(to, "/api/v1/now/stream");
	jsonw_open_in(to, "get");
	jsonw_str(to, "operationId", "now_stream");
	jsonw_str(to, "summary",
	    "The answers of /api/v1/now for the same token as Server-Sent "
	    "Events named now: one at once, and one after each change. Their "
	    "id is the ETag without the quotes. Ends after five minutes.");
	add_security(to, VIEWER_WALL);
	jsonw_key(to, "parameters");
	jsonw_list(to);
	openapi_parameter(to, "Last-Event-ID", "header", false,
	    "text 'Nothing is sent until there is a different answer.'");
	jsonw_list_end(to);
	jsonw_open_in(to, "responses");
	openapi_response(
	    to, "200", "A stream of events", NULL, "text/event-stream=text");
	add_refusals(to);
	jsonw_close(to);
	jsonw_close(to);
	jsonw_close(to);
}

static void
add_session(struct buf *to, const char *path, const char *id,
    const char *summary, const char *body)
{
	jsonw_open_in(to, path);
	jsonw_open_in(to, "post");
	jsonw_str(to, "operationId", id);
	jsonw_str(to, "summary", summary);
	add_security(to, VIEWER_NONE);
	if (body != NULL) {
		jsonw_open_in(to, "requestBody");
		jsonw_bool(to, "required", true);
		jsonw_open_in(to, "content");
		jsonw_open_in(to, "application/x-www-form-urlencoded");
		openapi_member(to, "schema", body);
		jsonw_close(to);
		jsonw_close(to);
		jsonw_close(to);
	}
	jsonw_open_in(to, "responses");
	openapi_response(to, "303", "To the page", TO_THE_PAGE, NULL);
	add_refusals(to);
	jsonw_close(to);
	jsonw_close(to);
	jsonw_close(to);
}

static void
add_paths(struct buf *to)
{
	size_t i;

	jsonw_open_in(to, "paths");
	for (i = 0; i < resources_n; i++)
		add_resource(to, &resources[i]);
	add_stream(to);
	add_session(to, "/login", "login",
	    "Stores a token in the cookie session, which replaces it in each "
	    "GET. A browser whose token is rejected gets 303 to "
	    "/login#refused, without a cookie.",
	    "{token: text 0..4000}");
	add_session(to, "/logout", "logout", "Removes that cookie.", NULL);
	jsonw_close(to);
}

static const char *
column_shape(const struct list *l, const struct list_column *c)
{
	static const char *const types[][2] = {
		[SHEET_TEXT] = { "text?", "text" },
		[SHEET_NUMBER] = { "number?", "number" },
		[SHEET_TIME] = { "time?", "time" },
		[SHEET_FLAG] = { "flag?", "flag" },
	};
	bool key = false;
	size_t i;

	if (strcmp(c->name, "href") == 0)
		return "text? 'A link to the rows behind the figure; null if "
		       "the role may not read them'";
	for (i = 0; i < PAGE_CURSOR_KEYS && l->key[i] != NULL; i++)
		key |= strcmp(l->key[i], c->name) == 0;
	return types[c->type][key];
}

/* Adds the shapes of a page and its rows. */
static void
add_list_shapes(struct buf *to, const struct resource *r)
{
	const struct list *l = r->list;
	struct list_column columns[LIST_COLUMNS];
	struct buf page = BUF_INIT, row = BUF_INIT;
	char name[64];
	size_t i, n = list_columns(l, columns);

	(void)snprintf(name, sizeof name, "%sRow", r->shape);
	buf_addf(&page,
	    "{tenant: text, rows: [@%s], not_kept: text? 'If the page is "
	    "empty: the metric, if the tenant has no rows of it', next?: text "
	    "'The cursor of the next page'}",
	    name);
	for (i = 0; i < n; i++)
		buf_addf(&row, "%s%s: %s", i > 0 ? ", " : "{", columns[i].name,
		    column_shape(l, &columns[i]));
	buf_addc(&row, '}');
	openapi_member(to, r->shape, buf_str(&page));
	openapi_member(to, name, buf_str(&row));
	buf_release(&page);
	buf_release(&row);
}

static void
add_components(struct buf *to)
{
	size_t i;

	jsonw_open_in(to, "components");
	jsonw_members(to, SECURITY_SCHEMES, strlen(SECURITY_SCHEMES));
	jsonw_open_in(to, "schemas");
	for (i = 0; i < resources_n; i++)
		if (resources[i].list != NULL)
			add_list_shapes(to, &resources[i]);
	for (i = 0; i < ARRAY_LEN(shapes); i++)
		openapi_member(to, shapes[i].name, shapes[i].shape);
	jsonw_close(to);
	jsonw_close(to);
}

static void
add_description(struct buf *to)
{
	jsonw_open(to);
	jsonw_str(to, "openapi", "3.1.0");
	jsonw_open_in(to, "info");
	jsonw_str(to, "title", "Messaging Analytics");
	jsonw_str(to, "version", "1.0.0");
	jsonw_str(to, "description",
	    "The API of sink --serve. A path may end in .json, .csv or "
	    ".ndjson, except below /api/v1/messages/conversation/, where the "
	    "end belongs to the id.");
	jsonw_close(to);
	add_paths(to);
	add_components(to);
	jsonw_close(to);
	buf_addc(to, '\n');
}

const struct buf *
resource_openapi_text(void)
{
	if (description.len == 0)
		add_description(&description);
	return &description;
}

void
resource_openapi(struct question *q)
{
	const struct buf *text = resource_openapi_text();

	if (!reply_takes_object(q))
		return;
	q->format = SHEET_NDJSON; /* complete as it is, without a frame */
	buf_add(reply_begin(q), text->data, text->len);
	q->answer->content_type = "application/json";
	reply_end(q, NULL);
}
