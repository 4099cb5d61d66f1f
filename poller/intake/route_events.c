/*
 * route_events: the analytics API, /api/v1/analytics:
 *
 *     POST /events, /events/bulk   events from users and systems become event
 *                                  records; a bulk is stored as a whole or not
 *                                  at all
 *     POST /messages/analytics     the analysis of a message becomes a record
 *                                  about that message, with the analysis in its
 *                                  data; only the length of its text is stored
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json/jsonw.h"
#include "poller/intake/listener_context.h"
#include "poller/intake/route.h"

/* An id, a blank and a number. */
#define ID_MAX (ROUTE_KEY_ID + 24)

/* Characters; as in the column. */
#define SOURCE_MAX 50

static const char *const event_types[] = { "message_sent", "message_received",
	"conversation_started", "conversation_ended", "channel_connected",
	"channel_disconnected", "user_action", "system_action", NULL };

enum { EVENT_TYPE, EVENT_DATA, EVENT_USER, EVENT_SESSION, EVENT_SOURCE };

static const struct validate_field event_fields[] = {
	{ "event_type", VALIDATE_WORD, VALIDATE_REQUIRED, 0, event_types },
	{ "event_data", VALIDATE_OBJECT, VALIDATE_REQUIRED, 0, NULL },
	{ "user_id", VALIDATE_NAME, VALIDATE_OPTIONAL, RECORD_MAX_ID, NULL },
	{ "session_id", VALIDATE_NAME, VALIDATE_OPTIONAL, RECORD_MAX_ID, NULL },
	{ "source_service", VALIDATE_TEXT, VALIDATE_DEFAULT, SOURCE_MAX, NULL },
};

const struct validate_model route_model_event =
    VALIDATE_MODEL("EventCreate", event_fields);

/* Returns the text if it can be an id in a record. */
static const char *
usable(const json_t *v)
{
	const char *s = json_string_value(v);

	return s != NULL &&
		       validate_is_id(s, json_string_length(v), RECORD_MAX_ID)
		   ? s
		   : NULL;
}

/* The fields of an event, with defaults. Borrowed. */
struct event_request {
	json_t *const *v;
	const char *id, *source, *session, *data;
};

/* Adds a member of an event's data if it can be an id. */
static void
add_data_id(struct buf *b, const char *name, const struct event_request *e,
    const char *member)
{
	const json_t *v = json_object_get(e->v[EVENT_DATA], member);
	char number[24];

	(void)snprintf(
	    number, sizeof number, "%lld", (long long)json_integer_value(v));
	if (json_is_integer(v))
		jsonw_str(b, name, number);
	else if (usable(v) != NULL)
		jsonw_str(b, name, usable(v));
}

static void
event_record(struct collect *c, const struct event_request *e)
{
	struct buf *b = &c->a->records, data = BUF_INIT;
	json_t *const *v = e->v;
	const char *user = usable(v[EVENT_USER]);

	jsonw_open(&data);
	jsonw_str(&data, "source_service", e->source);
	jsonw_str(&data, "session_id", e->session);
	jsonw_raw(&data, "event_data", e->data, strlen(e->data));
	jsonw_close(&data);
	jsonw_open_record(b, "event", c->sender.tenant);
	jsonw_str(b, "id", e->id);
	if (user != NULL)
		jsonw_str(b, "user", user);
	else
		add_data_id(b, "user", e, "user_id");
	jsonw_str(b, "event", json_string_value(v[EVENT_TYPE]));
	add_data_id(b, "channel", e, "channel_id");
	add_data_id(b, "chat", e, "conversation_id");
	jsonw_time(b, "at", c->first.at);
	jsonw_raw(b, "data", data.data, data.len);
	jsonw_line(b);
	c->a->records_n++;
	buf_release(&data);
}

static void
event_answer(struct collect *c, const struct event_request *e)
{
	struct buf *b = &c->a->body;

	jsonw_open(b);
	jsonw_str(b, "id", e->id);
	jsonw_str(b, "event_type", json_string_value(e->v[EVENT_TYPE]));
	jsonw_str(b, "source_service", e->source);
	jsonw_raw(b, "event_data", e->data, strlen(e->data));
	collect_member(b, "user_id", e->v[EVENT_USER]);
	jsonw_str(b, "session_id", e->session);
	jsonw_str(b, "tenant_id", c->sender.tenant);
	jsonw_time(b, "created_at", c->first.at);
	jsonw_close(b);
}

/* A number like 1.1 is written as such, with the digits that are exact in any
 * double. */
#define DATA_FORMAT (JSON_COMPACT | JSON_REAL_PRECISION(15))

/* Adds an event, with the defaults of the original service. */
static bool
add_event(struct collect *c, json_t *const *v, const char *id,
    const struct validate_place *at)
{
	char *data = json_dumps(v[EVENT_DATA], DATA_FORMAT);
	struct event_request e = { v, id, "communication-hub",
		json_string_value(v[EVENT_SESSION]), data };
	struct buf session = BUF_INIT;
	size_t from = c->a->records.len;

	if (v[EVENT_SOURCE] != NULL)
		e.source = json_string_value(v[EVENT_SOURCE]);
	if (e.session == NULL || *e.session == '\0') {
		buf_setf(&session, "session_%lld.%03d",
		    (long long)(c->first.at / 1000), (int)(c->first.at % 1000));
		e.session = buf_str(&session);
	}
	event_record(c, &e);
	event_answer(c, &e);
	buf_release(&session);
	free(data);
	return collect_fits(c, from, at);
}

static bool
write_one(struct collect *c, void *ctx)
{
	char id[ROUTE_KEY_ID];

	collect_id(c, id);
	return add_event(c, ctx, id, &collect_body);
}

void
route_events_one(const struct listener_context *in, const struct web_request *r,
    struct web_answer *a)
{
	struct collect c = { .in = in, .r = r, .a = a };
	json_t *v[VALIDATE_FIELDS] = { NULL };

	if (collect_begin(&c)) {
		if (c.body != NULL)
			validate_object(&c.errors, &collect_body,
			    &route_model_event, c.body, v);
		collect_finish(&c, "event", write_one, v);
	}
	collect_end(&c);
}

/* The member that contains the events in a bulk. */
static const char bulk_member[] = "events";

/* Returns the list of events, or NULL. */
static json_t *
bulk_list(struct collect *c)
{
	const struct validate_field fields[] = { { bulk_member, VALIDATE_LIST,
	    VALIDATE_REQUIRED, c->in->max_events, NULL } };
	const struct validate_model model = { "BulkEventCreate", fields, 1 };
	json_t *v[VALIDATE_FIELDS] = { NULL };

	if (c->body != NULL)
		validate_object(&c->errors, &collect_body, &model, c->body, v);
	return v[0];
}

/* All items were checked before. An id made from a key contains no space, so a
 * single event cannot have the id of an event in a bulk. */
static bool
write_bulk(struct collect *c, void *ctx)
{
	const json_t *list = ctx;
	struct validate_place at = { &collect_body, bulk_member, 0 };
	struct validate_place item = { &at, NULL, 0 };
	json_t *v[VALIDATE_FIELDS];
	size_t n = json_array_size(list);
	char first[ROUTE_KEY_ID], id[ID_MAX];
	bool fits = true;

	collect_id(c, first);
	jsonw_list(&c->a->body);
	for (; fits && item.index < n; item.index++) {
		validate_object(&c->errors, &item, &route_model_event,
		    json_array_get(list, item.index), v);
		jsonw_next(&c->a->body);
		if (c->key != NULL)
			(void)snprintf(
			    id, sizeof id, "%s %zu", first, item.index);
		else
			route_uuid(id);
		fits = add_event(c, v, id, &item);
	}
	if (fits)
		jsonw_list_end(&c->a->body);
	return fits;
}

void
route_events_bulk(const struct listener_context *in,
    const struct web_request *r, struct web_answer *a)
{
	struct collect c = { .in = in, .r = r, .a = a };
	struct validate_place at = { &collect_body, bulk_member, 0 };
	struct validate_place item = { &at, NULL, 0 };
	json_t *v[VALIDATE_FIELDS], *list;

	if (collect_begin(&c)) {
		list = bulk_list(&c);
		for (; item.index < json_array_size(list); item.index++)
			validate_object(&c.errors, &item, &route_model_event,
			    json_array_get(list, item.index), v);
		collect_finish(&c, "events", write_bulk, list);
	}
	collect_end(&c);
}

/* ---- the analysis of a message ---- */

/* In characters. */
#define LABEL_MAX 20
#define INTENT_MAX 100

static const char *const directions[] = { "inbound", "outbound", NULL };

enum {
	ANALYTICS_ID,
	ANALYTICS_CONVERSATION,
	ANALYTICS_CHANNEL,
	ANALYTICS_DIRECTION,
	ANALYTICS_CONTENT,
	ANALYTICS_SENTIMENT,
	ANALYTICS_INTENT,
	ANALYTICS_RESPONSE_TIME
};

/* The members of its objects that are read. */
enum { CONTENT_TEXT };
enum { SENTIMENT_SCORE, SENTIMENT_LABEL, SENTIMENT_CONFIDENCE };
enum { INTENT_NAME, INTENT_CONFIDENCE };

static const struct validate_field analytics_fields[] = {
	{ "id", VALIDATE_ID, VALIDATE_REQUIRED, RECORD_MAX_ID, NULL },
	{ "conversation_id", VALIDATE_ID, VALIDATE_REQUIRED, RECORD_MAX_ID,
	    NULL },
	{ "channel_id", VALIDATE_ID, VALIDATE_REQUIRED, RECORD_MAX_ID, NULL },
	{ "direction", VALIDATE_WORD, VALIDATE_REQUIRED, 0, directions },
	{ "content", VALIDATE_OBJECT, VALIDATE_DEFAULT, 0, NULL },
	{ "sentiment", VALIDATE_OBJECT, VALIDATE_OPTIONAL, 0, NULL },
	{ "intent", VALIDATE_OBJECT, VALIDATE_OPTIONAL, 0, NULL },
	{ "response_time", VALIDATE_NUMBER, VALIDATE_OPTIONAL, 0, NULL },
};

static const struct validate_field content_fields[] = {
	{ "text", VALIDATE_TEXT, VALIDATE_OPTIONAL, 0, NULL },
};

static const struct validate_field sentiment_fields[] = {
	{ "score", VALIDATE_NUMBER, VALIDATE_OPTIONAL, 0, NULL },
	{ "label", VALIDATE_TEXT, VALIDATE_OPTIONAL, LABEL_MAX, NULL },
	{ "confidence", VALIDATE_NUMBER, VALIDATE_OPTIONAL, 0, NULL },
};

static const struct validate_field intent_fields[] = {
	{ "name", VALIDATE_TEXT, VALIDATE_OPTIONAL, INTENT_MAX, NULL },
	{ "confidence", VALIDATE_NUMBER, VALIDATE_OPTIONAL, 0, NULL },
};

const struct validate_model route_model_analytics =
    VALIDATE_MODEL("MessageAnalyticsCreate", analytics_fields);
const struct validate_model route_model_content =
    VALIDATE_MODEL("Content", content_fields);
const struct validate_model route_model_sentiment =
    VALIDATE_MODEL("Sentiment", sentiment_fields);
const struct validate_model route_model_intent =
    VALIDATE_MODEL("Intent", intent_fields);

/* The analysis of a message. Groups that are absent are NULL. */
struct analytics {
	char id[ROUTE_KEY_ID];
	json_t *v[VALIDATE_FIELDS], *content[VALIDATE_FIELDS];
	json_t *sentiment[VALIDATE_FIELDS], *intent[VALIDATE_FIELDS];
	int64_t length;
};

static void
add_number(struct buf *b, const char *name, const json_t *v)
{
	if (v == NULL) {
		jsonw_null(b, name);
		return;
	}
	jsonw_key(b, name);
	jsonw_real(b, validate_number(v));
}

static void
analytics_data(struct buf *b, const struct analytics *n)
{
	jsonw_open(b);
	jsonw_open_in(b, "analytics");
	jsonw_str(b, "id", n->id);
	collect_member(b, "direction", n->v[ANALYTICS_DIRECTION]);
	jsonw_int(b, "message_length", n->length);
	if (n->v[ANALYTICS_SENTIMENT] != NULL) {
		jsonw_open_in(b, "sentiment");
		add_number(b, "score", n->sentiment[SENTIMENT_SCORE]);
		collect_member(b, "label", n->sentiment[SENTIMENT_LABEL]);
		add_number(b, "confidence", n->sentiment[SENTIMENT_CONFIDENCE]);
		jsonw_close(b);
	}
	if (n->v[ANALYTICS_INTENT] != NULL) {
		jsonw_open_in(b, "intent");
		collect_member(b, "name", n->intent[INTENT_NAME]);
		add_number(b, "confidence", n->intent[INTENT_CONFIDENCE]);
		jsonw_close(b);
	}
	add_number(b, "response_time", n->v[ANALYTICS_RESPONSE_TIME]);
	jsonw_close(b);
	jsonw_close(b);
}

static void
analytics_record(struct collect *c, const struct analytics *n)
{
	struct buf *b = &c->a->records, data = BUF_INIT;
	bool inbound = strcmp(json_string_value(n->v[ANALYTICS_DIRECTION]),
			   "inbound") == 0;

	analytics_data(&data, n);
	jsonw_open_record(b, "message", c->sender.tenant);
	collect_member(b, "id", n->v[ANALYTICS_ID]);
	collect_member(b, "chat", n->v[ANALYTICS_CONVERSATION]);
	collect_member(b, "channel", n->v[ANALYTICS_CHANNEL]);
	jsonw_time(b, "at", c->first.at);
	jsonw_str(b, "from", inbound ? "customer" : "operator");
	jsonw_bool(b, "about", true);
	jsonw_raw(b, "data", data.data, data.len);
	jsonw_line(b);
	c->a->records_n++;
	buf_release(&data);
}

static void
analytics_answer(struct collect *c, const struct analytics *n)
{
	struct buf *b = &c->a->body;

	jsonw_open(b);
	jsonw_str(b, "id", n->id);
	collect_member(b, "message_id", n->v[ANALYTICS_ID]);
	collect_member(b, "conversation_id", n->v[ANALYTICS_CONVERSATION]);
	collect_member(b, "channel_id", n->v[ANALYTICS_CHANNEL]);
	collect_member(b, "direction", n->v[ANALYTICS_DIRECTION]);
	jsonw_int(b, "message_length", n->length);
	add_number(b, "sentiment_score", n->sentiment[SENTIMENT_SCORE]);
	collect_member(b, "sentiment_label", n->sentiment[SENTIMENT_LABEL]);
	add_number(
	    b, "sentiment_confidence", n->sentiment[SENTIMENT_CONFIDENCE]);
	collect_member(b, "intent_name", n->intent[INTENT_NAME]);
	add_number(b, "intent_confidence", n->intent[INTENT_CONFIDENCE]);
	add_number(b, "response_time", n->v[ANALYTICS_RESPONSE_TIME]);
	jsonw_str(b, "tenant_id", c->sender.tenant);
	jsonw_time(b, "created_at", c->first.at);
	jsonw_close(b);
}

/* Checks a member of the body that is an object. */
static void
read_analytics_group(struct collect *c, const struct validate_model *m,
    const char *name, json_t *group, json_t **values)
{
	struct validate_place at = { &collect_body, name, 0 };

	if (group != NULL)
		validate_object(&c->errors, &at, m, group, values);
}

static void
read_message_analytics(struct collect *c, struct analytics *n)
{
	const char *s;

	validate_object(
	    &c->errors, &collect_body, &route_model_analytics, c->body, n->v);
	read_analytics_group(c, &route_model_content, "content",
	    n->v[ANALYTICS_CONTENT], n->content);
	read_analytics_group(c, &route_model_sentiment, "sentiment",
	    n->v[ANALYTICS_SENTIMENT], n->sentiment);
	read_analytics_group(c, &route_model_intent, "intent",
	    n->v[ANALYTICS_INTENT], n->intent);
	s = json_string_value(n->content[CONTENT_TEXT]);
	if (s != NULL)
		n->length = (int64_t)validate_length(s);
}

static bool
write_analytics(struct collect *c, void *ctx)
{
	struct analytics *n = ctx;

	collect_id(c, n->id);
	analytics_record(c, n);
	analytics_answer(c, n);
	return collect_fits(c, 0, &collect_body);
}

void
route_message_analytics(const struct listener_context *in,
    const struct web_request *r, struct web_answer *a)
{
	struct collect c = { .in = in, .r = r, .a = a };
	struct analytics n = { .length = 0 };

	if (collect_begin(&c)) {
		if (c.body != NULL)
			read_message_analytics(&c, &n);
		collect_finish(&c, "analytics", write_analytics, &n);
	}
	collect_end(&c);
}
