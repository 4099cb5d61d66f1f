/*
 * route_openapi: GET /openapi.json: the description of the listener's routes in
 * OpenAPI 3.1. It is made from the table of routes, the fields by which bodies
 * are checked, and the shapes of answers, which are declared here.
 */
#include <string.h>

#include "common/base/xalloc.h"
#include "common/conf/conf.h"
#include "common/json/jsonw.h"
#include "common/json/openapi.h"
#include "poller/intake/listener_context.h"
#include "poller/intake/route.h"

#define OR_HTML "application/json=@Detail, text/html=text"

static const char EVENT_TYPES[] =
    "(message_sent|message_received|conversation_started|conversation_ended|"
    "channel_connected|channel_disconnected|user_action|system_action)";

/* Answers, and the objects in them. */
static const struct {
	const char *name, *shape;
} shapes[] = {
	{ "Root", "{service: text, version: text, status: (running)}" },
	{ "Health", "{status: (healthy)}" },
	{ "MessageHealth",
	    "{status: (healthy), service: (message-api), timestamp: time}" },
	{ "AnalyticsHealthResponse",
	    "{status: text, timestamp: time, database_connected: flag, "
	    "cache_connected: flag, processing_queue_size: integer}" },
	{ "HookTaken", "{status: (ok)}" },
	{ "OriginalTaken", "{message: text}" },
	{ "OriginalError", "{error: text}" },
	{ "Detail", "{detail: text}" },
	{ "HTTPValidationError", "{detail?: [@ValidationError]}" },
	{ "ValidationError", "{loc: [any], msg: text}" },
	{ "MessageResponse",
	    "{status: (success), message_id: text, conversation_id: text}" },
	{ "EventResponse",
	    "{id: text 'A UUID, or the Idempotency-Key, a hyphen and 16 "
	    "digits', event_type: @EventType, source_service: text, "
	    "event_data: object, user_id?: text?, session_id: text, "
	    "tenant_id: text, created_at: time}" },
	{ "MessageAnalyticsResponse",
	    "{id: text 'A UUID, or the Idempotency-Key, a hyphen and 16 "
	    "digits', message_id: text, conversation_id: text, channel_id: "
	    "text, direction: text, message_length: integer, sentiment_score?: "
	    "number?, sentiment_label?: text?, sentiment_confidence?: number?, "
	    "intent_name?: text?, intent_confidence?: number?, response_time?: "
	    "number?, tenant_id: text, created_at: time}" },
};

/* Bodies, and the objects in them. */
static const struct validate_model *const models[] = { &route_model_send,
	&route_model_event, &route_model_analytics, &route_model_content,
	&route_model_sentiment, &route_model_intent };

/* Remarks on fields, their defaults, and the schemas of objects. */
static const struct {
	const char *model, *field, *about, *by_default, *object;
} remarks[] = {
	{ "MessageRequest", "conversation_id",
	    "By default derived from the ids of both people, the same in both "
	    "directions: conv- and the first 24 hexadecimal digits of an "
	    "HMAC-SHA256 with the key \"conversation\" over both ids in "
	    "ascending order, separated by a NUL",
	    NULL, NULL },
	{ "MessageRequest", "receiver_id",
	    "Required unless conversation_id is present", NULL, NULL },
	{ "MessageRequest", "message_type", NULL, "\"text\"", NULL },
	{ "EventCreate", "source_service", NULL, "\"communication-hub\"",
	    NULL },
	{ "MessageAnalyticsCreate", "content", NULL, "{}", "Content" },
	{ "MessageAnalyticsCreate", "sentiment", NULL, NULL, "Sentiment" },
	{ "MessageAnalyticsCreate", "intent", NULL, NULL, "Intent" },
	{ "Content", "text", "Only its length is stored", NULL, NULL },
};

/* What differs in form is described; every other refusal is alike. */
static void
add_responses(struct buf *to, const struct route *r)
{
	struct buf contents = BUF_INIT;

	jsonw_open_in(to, "responses");
	buf_addf(&contents, "%s=%s",
	    r->group == ROUTE_METRICS ? "text/plain" : "application/json",
	    r->answer);
	openapi_response(to, "200",
	    r->success != NULL ? r->success : "Successful Response", NULL,
	    buf_str(&contents));
	if (r->group == ROUTE_MESSAGE)
		openapi_response(to, "400", "Invalid request", NULL,
		    "text/plain=text, " OR_HTML);
	if (r->group == ROUTE_ORIGINAL)
		openapi_response(to, "400", "Not a request as Qiscus sends it",
		    NULL, "application/json=@OriginalError, text/html=text");
	if (r->group == ROUTE_ANALYTICS)
		openapi_response(to, "422", "Validation Error", NULL,
		    "application/json=@HTTPValidationError");
	openapi_response(to, "default",
	    "Refused. With 429 and 503, Retry-After says how many seconds to "
	    "wait. The body is HTML if the request cannot be parsed, and it "
	    "may be missing",
	    "Retry-After=integer", OR_HTML);
	jsonw_close(to);
	buf_release(&contents);
}

static const char *
about_part(const char *part)
{
	if (strcmp(part, "tenant") == 0)
		return "text 'The [crm NAME] section'";
	if (strcmp(part, "source") == 0)
		return "text 'The name of its profile'";
	return "text 'For CRMs that do not sign'";
}

static void
add_parameters(struct buf *to, const struct route *r)
{
	const char *p = r->pattern;
	char part[64];

	jsonw_key(to, "parameters");
	jsonw_list(to);
	while (openapi_path_part(&p, part, sizeof part))
		openapi_parameter(to, part, "path", true, about_part(part));
	if (r->group == ROUTE_ANALYTICS)
		openapi_parameter(to, "tenant_id", "query", true,
		    "pattern '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$' 'Tenant ID. "
		    "Ignored if a bearer token is required; the token then "
		    "determines the tenant.'");
	if (r->group == ROUTE_ANALYTICS || r->group == ROUTE_MESSAGE)
		openapi_parameter(to, "Idempotency-Key", "header", false,
		    "pattern '^[!-~]{1,180}$' 'Identifies a repeated request "
		    "for a day. The id begins with it; in a bulk request, it "
		    "is followed by a space and 0, 1, ...'");
	jsonw_list_end(to);
}

static void
add_body(struct buf *to, const char *shape)
{
	jsonw_open_in(to, "requestBody");
	jsonw_bool(to, "required", true);
	jsonw_open_in(to, "content");
	jsonw_open_in(to, "application/json");
	openapi_member(to, "schema", shape);
	jsonw_close(to);
	jsonw_close(to);
	jsonw_close(to);
}

static void
add_operation(struct buf *to, const struct route *r)
{
	static const char *const tags[] = {
		[ROUTE_HEALTH] = "health",
		[ROUTE_MESSAGE] = "messages",
		[ROUTE_ANALYTICS] = "analytics",
		[ROUTE_HOOK] = "webhooks",
		[ROUTE_ORIGINAL] = "webhooks",
		[ROUTE_METRICS] = "health",
	};

	jsonw_open_in(to, r->method == WEB_GET ? "get" : "post");
	jsonw_key(to, "tags");
	buf_addf(to, "[\"%s\"]", tags[r->group]);
	jsonw_str(to, "summary", r->summary);
	jsonw_str(to, "operationId", r->id);
	if (r->group == ROUTE_MESSAGE || r->group == ROUTE_ANALYTICS) {
		jsonw_key(to, "security");
		buf_adds(to, "[{\"bearer\":[]},{}]");
	}
	add_parameters(to, r);
	if (r->method == WEB_POST)
		add_body(to, r->body);
	add_responses(to, r);
	jsonw_close(to);
}

/* A field that may be null has its own type or null. */
static void
add_field(struct buf *to, const struct validate_model *m,
    const struct validate_field *f)
{
	static const char *const types[] = {
		[VALIDATE_ID] = "string",
		[VALIDATE_NAME] = "string",
		[VALIDATE_TEXT] = "string",
		[VALIDATE_WORD] = "string",
		[VALIDATE_NUMBER] = "number",
		[VALIDATE_OBJECT] = "object",
		[VALIDATE_LIST] = "array",
	};
	struct buf text = BUF_INIT;
	size_t i = 0, k;

	while (i < ARRAY_LEN(remarks) &&
	       (strcmp(remarks[i].model, m->name) != 0 ||
		   strcmp(remarks[i].field, f->name) != 0))
		i++;
	jsonw_key(to, f->name);
	if (f->need == VALIDATE_OPTIONAL)
		buf_adds(to, "{\"anyOf\":[");
	jsonw_open(to);
	if (i < ARRAY_LEN(remarks) && remarks[i].object != NULL) {
		buf_setf(&text, "#/components/schemas/%s", remarks[i].object);
		jsonw_str(to, "$ref", buf_str(&text));
	} else {
		jsonw_str(to, "type", types[f->kind]);
	}
	if (f->kind == VALIDATE_ID)
		jsonw_int(to, "minLength", 1);
	if (f->max > 0)
		jsonw_int(to, "maxLength", (int64_t)f->max);
	if (f->kind == VALIDATE_WORD) {
		jsonw_key(to, "enum");
		jsonw_list(to);
		for (k = 0; f->words[k] != NULL; k++) {
			jsonw_next(to);
			jsonw_quote(to, f->words[k], strlen(f->words[k]));
		}
		jsonw_list_end(to);
	}
	if (i < ARRAY_LEN(remarks) && remarks[i].by_default != NULL)
		jsonw_raw(to, "default", remarks[i].by_default,
		    strlen(remarks[i].by_default));
	if (i < ARRAY_LEN(remarks) && remarks[i].about != NULL)
		jsonw_str(to, "description", remarks[i].about);
	jsonw_close(to);
	if (f->need == VALIDATE_OPTIONAL)
		buf_adds(to, ",{\"type\":\"null\"}]}");
	buf_release(&text);
}

static void
add_model(struct buf *to, const struct validate_model *m)
{
	size_t i;

	jsonw_open_in(to, m->name);
	jsonw_str(to, "title", m->name);
	jsonw_str(to, "type", "object");
	jsonw_open_in(to, "properties");
	for (i = 0; i < m->n; i++)
		add_field(to, m, &m->fields[i]);
	jsonw_close(to);
	jsonw_key(to, "required");
	jsonw_list(to);
	for (i = 0; i < m->n; i++) {
		if (m->fields[i].need != VALIDATE_REQUIRED)
			continue;
		jsonw_next(to);
		jsonw_quote(to, m->fields[i].name, strlen(m->fields[i].name));
	}
	jsonw_list_end(to);
	jsonw_close(to);
}

static void
add_components(struct buf *to, size_t max_events)
{
	size_t i;

	jsonw_open_in(to, "components");
	jsonw_open_in(to, "schemas");
	for (i = 0; i < ARRAY_LEN(shapes); i++)
		openapi_member(to, shapes[i].name, shapes[i].shape);
	openapi_member(to, "EventType", EVENT_TYPES);
	for (i = 0; i < ARRAY_LEN(models); i++)
		add_model(to, models[i]);
	jsonw_key(to, "BulkEventCreate");
	buf_addf(to,
	    "{\"type\":\"object\",\"properties\":{\"events\":{\"type\":"
	    "\"array\",\"maxItems\":%zu,\"items\":{\"$ref\":\"#/components/"
	    "schemas/EventCreate\"},\"description\":\"At "
	    "most [listen] max_events\"}},\"required\":[\"events\"]}",
	    max_events);
	jsonw_close(to);
	jsonw_open_in(to, "securitySchemes");
	jsonw_open_in(to, "bearer");
	jsonw_str(to, "type", "http");
	jsonw_str(to, "scheme", "bearer");
	jsonw_str(to, "bearerFormat", "JWT");
	jsonw_str(
	    to, "description", "HS256; required only if a key is configured");
	jsonw_close(to);
	jsonw_close(to);
	jsonw_close(to);
}

void
route_openapi(const struct listener_context *in, const struct web_request *r,
    struct web_answer *a)
{
	struct buf *to = &a->body;
	size_t i;

	(void)r;
	jsonw_open(to);
	jsonw_str(to, "openapi", "3.1.0");
	jsonw_open_in(to, "info");
	jsonw_str(to, "title", "Analytics Service");
	jsonw_str(to, "version", "1.0.0");
	jsonw_str(to, "description",
	    "Messages, events and webhooks received by poller --listen.");
	jsonw_close(to);
	jsonw_open_in(to, "paths");
	for (i = 0; i < routes_n; i++) {
		jsonw_open_in(to, routes[i].pattern);
		add_operation(to, &routes[i]);
		jsonw_close(to);
	}
	jsonw_close(to);
	add_components(to, in->max_events);
	jsonw_close(to);
	buf_addc(to, '\n');
}
