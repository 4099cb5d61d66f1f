/*
 * resource_openapi: GET /api/v1/openapi.json: the description of the API. It is
 * made from what the resources declare, and from the shapes of parameters and
 * of shared parts, which are declared here.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/base/prog.h"
#include "common/base/xalloc.h"
#include "common/json/jsonw.h"
#include "common/json/openapi.h"
#include "sink/api/question.h"
#include "sink/resources/resource.h"

/* The size of a schema's name, with NUL. */
#define SCHEMA_NAME 64

/* The schemas of several answers. */
static const struct {
	const char *name, *shape;
} shared_shapes[] = {
	{ "Errors", "{detail: [{loc: [any], msg: text}]}" },
	{ "Id", "text 1..191" },
	{ "Period", "{start: time, end: time}" },
	{ "Problem",
	    "{type: text, title: text, status: integer 400..599, detail: text "
	    "'What is wrong, as a sentence'}" },
};

#define KIND "(response|first_response|reply|resolution|unanswered|waiting) "

#define AT_INTERVALS                                                           \
	"text 'Only intervals that had begun and not ended at this time; "     \
	"kind "                                                                \
	"response or unanswered lists the customers who were waiting'"

/* Shapes of parameters that do more than select rows by a value. of: the id of
 * the only resource to which this applies. */
static const struct {
	const char *name, *of, *shape;
} parameter_shapes[] = {
	{ "limit", NULL,
	    "integer 1..1000 =100 'Maximum number of rows in a page. A page "
	    "ends earlier after 4 MiB of text, or after 10000 rows examined "
	    "without an index; it may then be empty although another page "
	    "follows'" },
	{ "cursor", NULL, "text 'Cursor of the page, from the previous page'" },
	{ "late", NULL,
	    "(1) 'Only customers who should have been answered before now'" },
	{ "bom", NULL,
	    "(1) '1: CSV begins with a byte order mark, which Excel needs to "
	    "read it as UTF-8; only for .csv'" },
	{ "from", NULL,
	    "text 'Only rows at or after this time: 2026-11-20T10:00:00Z, "
	    "2026-11-20, or how long ago: 24h, 7d'" },
	{ "to", NULL, "text 'Only rows before this time'" },
	{ "at", "chats",
	    "text 'Only open chats whose customer has been waiting since this "
	    "time or longer; customers who were answered since are in "
	    "/api/v1/intervals with the same parameter'" },
	{ "at", "intervals", AT_INTERVALS },
	{ "at", "figure", AT_INTERVALS },
	{ "min_seconds", NULL,
	    "integer 0..316224000 'Only intervals of at least this length'" },
	{ "at", NULL,
	    "text 'Show at most 1000 rows before this time and 1000 at or "
	    "after it (2026-11-20T10:00:00Z, 2026-11-20, or how long ago: "
	    "24h, 7d); default: the first 2000 rows'" },
	{ "zone", NULL,
	    "text 'An IANA time zone; default: that of the tenant'" },
	{ "clock", "intervals",
	    "(calendar|work) 'work: only intervals with a work time, in "
	    "which min_seconds is counted'" },
	{ "clock", NULL,
	    "(calendar|work) 'How times are measured; default: work if there "
	    "are opening hours'" },
	{ "kept", NULL, "(0|1) '1: only kept targets; 0: only missed ones'" },
	{ "target", NULL,
	    "(response|first_response|reply|resolution) 'Only rows with this "
	    "kind of target: instead of kind, also closings of chats while "
	    "a customer waited'" },
	{ "kind", "responses", KIND "=response 'Kind of interval'" },
	{ "kind", "heatmap", KIND "=response 'Kind of interval'" },
	{ "kind", NULL, KIND "'Only rows with this value'" },
	{ "tag", NULL,
	    "text 'Only rows with this value; refused for the role "
	    "operator'" },
	{ "assigned", NULL, "(1) '1: only assigned chats'" },
	{ "nobody", NULL, "(1) '1: only rows without an operator'" },
	{ "no_channel", NULL, "(1) '1: only rows without a channel'" },
	{ "open", "chats", "(1) '1: only open chats'" },
	{ "open", NULL,
	    "(1) '1: only rows of the current episode of open chats'" },
	{ "waiting", NULL,
	    "(1) '1: only open chats in which a customer is waiting'" },
	{ "waiting_seconds", NULL,
	    "integer 0..316224000 'Only open chats whose customer has been "
	    "waiting for at least this long'" },
	{ "withdrawn", NULL,
	    "(0|1|false|true) 'Only rows with this value; 1 is true, 0 is"
	    " false'" },
	{ "weekday", NULL,
	    "integer 1..7 'Weekday on which the interval ended; 1 is Monday; "
	    "needs hour, from and to'" },
	{ "hour", NULL,
	    "integer 0..23 'Hour in which the interval ended, in "
	    "the time zone'" },
	{ "by", NULL,
	    "(quarter|hour|day|week|month|total) =day 'Length of a "
	    "period'" },
	{ "group", NULL,
	    "(none|operator|channel|team) =none 'One row per operator, channel "
	    "or team'" },
	{ "compare", NULL,
	    "(none|previous) =none 'previous: add the previous "
	    "period'" },
	{ "within_seconds", NULL,
	    "integer 0..31622400 'Adds the share answered within this time; "
	    "default: the target, if all responses have the same one'" },
	{ "tenant_id", NULL, "text 'The tenant of the token'" },
	{ "start_time", NULL, "time" },
	{ "end_time", NULL, "time" },
	{ "period", NULL, "(hour|day|week|month) =day" },
};

static const char *
parameter_shape(const struct resource *r, const char *name)
{
	const char *of;
	size_t i;

	for (i = 0; i < ARRAY_LEN(parameter_shapes); i++) {
		of = parameter_shapes[i].of;
		if (strcmp(parameter_shapes[i].name, name) == 0 &&
		    (of == NULL || strcmp(of, r->id) == 0))
			return parameter_shapes[i].shape;
	}
	return "text 'Only rows with this value'";
}

static const char SECURITY_SCHEMES[] =
    "\"securitySchemes\":{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\","
    "\"bearerFormat\":\"JWT\",\"description\":\"Signed "
    "with the key of [serve]; the claim role is wall, operator, lead or admin. "
    "Each operation's security lists the lowest role that it "
    "accepts.\"},\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":"
    "\"messaging_session\",\"description\":\"The "
    "same token, which /login sets in a browser. It replaces the bearer token "
    "of GET and HEAD requests only.\"}}";

/* Paths that are served besides the resources (sink/serve). */
static const char TO_THE_PAGE[] = "Location=text, Set-Cookie=text";

/* Lives as long as the program; constant while requests are served. */
static struct buf description = BUF_INIT;

/* Writes the id in camel case: ChannelAnalytics. */
static void
schema_name(const struct resource *r, char name[SCHEMA_NAME])
{
	const char *p;
	bool begins = true;

	for (p = r->id; *p != '\0'; p++) {
		if (*p != '_')
			*name++ = begins ? (char)toupper(*p) : *p;
		begins = *p == '_';
	}
	*name = '\0';
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
	char schema[SCHEMA_NAME];

	schema_name(r, schema);
	buf_addf(&contents, "application/json=@%s", schema);
	if (resource_is_table(r))
		buf_addf(&contents,
		    ", application/x-ndjson=@%sRow, text/csv=text", schema);
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
	size_t i, n = resource_parameters(r, names);

	jsonw_key(to, "parameters");
	jsonw_list(to);
	while (openapi_path_part(&p, part, sizeof part))
		openapi_parameter(to, part, "path", true, "@Id");
	for (i = 0; i < n; i++)
		openapi_parameter(to, names[i], "query", i < r->required,
		    parameter_shape(r, names[i]));
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
	if (r->required > 0)
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
		add_resource(to, resources[i]);
	add_stream(to);
	add_session(to, "/login", "login",
	    "Stores a token in the cookie messaging_session, which replaces it "
	    "in each GET. A browser whose token is rejected gets 303 to "
	    "/login#refused, without a cookie.",
	    "{token: text 0..4000}");
	add_session(to, "/logout", "logout", "Removes that cookie.", NULL);
	jsonw_close(to);
}

static const char *
type_shape(enum sheet_type type, bool nullable)
{
	static const char *const shapes[][2] = {
		[SHEET_TEXT] = { "text", "text?" },
		[SHEET_NUMBER] = { "number", "number?" },
		[SHEET_TIME] = { "time", "time?" },
		[SHEET_FLAG] = { "flag", "flag?" },
	};

	return shapes[type][nullable];
}

static void
add_rows(struct buf *to, const struct resource_rows *r)
{
	const struct sheet_column *c;
	struct buf row = BUF_INIT;
	size_t i;

	for (i = 0; i < r->columns_n; i++) {
		c = &r->columns[i];
		buf_addf(&row, "%s%s: %s", i > 0 ? ", " : "{", c->name,
		    c->shape != NULL ? c->shape : type_shape(c->type, true));
	}
	buf_addc(&row, '}');
	openapi_member(to, r->name, buf_str(&row));
	buf_release(&row);
}

static const char *
list_column_shape(const struct list *l, const struct list_column *c)
{
	bool key = false;
	size_t i;

	if (strcmp(c->name, "href") == 0)
		return "text? 'A link to the rows behind the figure; null if "
		       "the role may not read them'";
	for (i = 0; i < PAGE_CURSOR_KEYS && l->key[i] != NULL; i++)
		key |= strcmp(l->key[i], c->name) == 0;
	return type_shape(c->type, !key);
}

/* Adds the shapes of a page and its rows. */
static void
add_list_shapes(struct buf *to, const char *schema, const struct list *l)
{
	struct list_column columns[LIST_COLUMNS];
	struct buf page = BUF_INIT, row = BUF_INIT;
	size_t i, n = list_columns(l, columns);
	char name[SCHEMA_NAME + sizeof "Row"];

	(void)snprintf(name, sizeof name, "%sRow", schema);
	buf_addf(&page,
	    "{tenant: text, rows: [@%s], not_kept: text? 'If the page is "
	    "empty: the metric, if the tenant has no rows of it', %snext?: "
	    "text 'The cursor of the next page'}",
	    name, l->coverage != NULL ? COMPLETENESS_SHAPE ", " : "");
	for (i = 0; i < n; i++)
		buf_addf(&row, "%s%s: %s", i > 0 ? ", " : "{", columns[i].name,
		    list_column_shape(l, &columns[i]));
	buf_addc(&row, '}');
	openapi_member(to, schema, buf_str(&page));
	openapi_member(to, name, buf_str(&row));
	buf_release(&page);
	buf_release(&row);
}

static void
add_shapes(struct buf *to, const struct resource *r)
{
	char schema[SCHEMA_NAME];
	size_t i;

	schema_name(r, schema);
	if (r->list != NULL)
		add_list_shapes(to, schema, r->list);
	else
		openapi_member(to, schema, r->shape);
	for (i = 0; i < RESOURCE_ROWS_MAX && r->rows[i].name != NULL; i++)
		add_rows(to, &r->rows[i]);
}

static void
add_components(struct buf *to)
{
	size_t i;

	jsonw_open_in(to, "components");
	jsonw_members(to, SECURITY_SCHEMES, strlen(SECURITY_SCHEMES));
	jsonw_open_in(to, "schemas");
	for (i = 0; i < resources_n; i++)
		add_shapes(to, resources[i]);
	for (i = 0; i < ARRAY_LEN(shared_shapes); i++)
		openapi_member(
		    to, shared_shapes[i].name, shared_shapes[i].shape);
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

static void
answer_openapi(struct question *q)
{
	const struct buf *text = resource_openapi_text();

	if (!reply_takes_object(q))
		return;
	q->format = SHEET_NDJSON; /* complete as it is, without a frame */
	buf_add(reply_begin(q), text->data, text->len);
	q->answer->content_type = "application/json";
	reply_end(q, NULL);
}

const struct resource resource_openapi = { "/api/v1/openapi", VIEWER_NONE,
	"openapi", "This description.", .answer = answer_openapi,
	.shape = "object" };
