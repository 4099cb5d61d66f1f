/*
 * route_events: POST /api/v1/analytics/events and /events/bulk: events of users
 * and systems become event records. A bulk is stored whole or not at all.
 */
#include "poller/routes/route.h"

#include <stdio.h>

#include "common/text/jsonw.h"
#include "poller/hooks/listener_context.h"
#include "poller/routes/route_collect.h"
#include "poller/routes/route_ids.h"
#include "poller/routes/validate.h"

#define ID_MAX 256    /* a key, a blank and a number */
#define NUMBER_MAX 24 /* the digits of 64 bits */

/* Characters, as in the column. */
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

/* A text that can be an id in a record. */
static const char *
usable(const json_t *v)
{
	const char *s = json_string_value(v);

	return s != NULL &&
		       validate_is_id(s, json_string_length(v), RECORD_MAX_ID)
		   ? s
		   : NULL;
}

/* A member of an event's data as an id: a text, or the digits of a whole
 * number, which are put into number. */
static const char *
data_id(const json_t *data, const char *name, char number[NUMBER_MAX])
{
	const json_t *v = json_object_get(data, name);

	if (!json_is_integer(v))
		return usable(v);
	(void)snprintf(
	    number, NUMBER_MAX, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	return number;
}

/* The fields of an event, with defaults. Borrowed. */
struct event_request {
	json_t *const *v;
	const char *id, *source, *session;
};

static void
event_record(struct collect *c, const struct event_request *e)
{
	struct buf *b = &c->a->records, data = BUF_INIT;
	json_t *const *v = e->v;
	char number[NUMBER_MAX];

	jsonw_open(&data);
	jsonw_str(&data, "source_service", e->source);
	jsonw_str(&data, "session_id", e->session);
	collect_member(&data, "event_data", v[EVENT_DATA]);
	jsonw_close(&data);
	jsonw_open(b);
	jsonw_str(b, "type", "event");
	jsonw_str(b, "tenant", c->sender.tenant);
	jsonw_str(b, "id", e->id);
	collect_optional(b, "user", usable(v[EVENT_USER]));
	jsonw_str(b, "event", json_string_value(v[EVENT_TYPE]));
	collect_optional(
	    b, "channel", data_id(v[EVENT_DATA], "channel_id", number));
	collect_optional(
	    b, "chat", data_id(v[EVENT_DATA], "conversation_id", number));
	jsonw_time(b, "at", c->at);
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
	collect_member(b, "event_data", e->v[EVENT_DATA]);
	collect_member(b, "user_id", e->v[EVENT_USER]);
	jsonw_str(b, "session_id", e->session);
	jsonw_str(b, "tenant_id", c->sender.tenant);
	jsonw_time(b, "created_at", c->at);
	jsonw_close(b);
}

/* Defaults are those of the original. id: of the client, or NULL. */
static bool
add_event(struct collect *c, json_t *const *v, const char *id,
    const struct validate_place *at)
{
	struct event_request e = { v, id, "communication-hub",
		json_string_value(v[EVENT_SESSION]) };
	struct buf session = BUF_INIT;
	size_t from = c->a->records.len;
	char uuid[ROUTE_ID];

	if (id == NULL) {
		route_uuid(uuid);
		e.id = uuid;
	}
	if (v[EVENT_SOURCE] != NULL)
		e.source = json_string_value(v[EVENT_SOURCE]);
	if (e.session == NULL || *e.session == '\0') {
		buf_setf(&session, "session_%lld.%03d",
		    (long long)(c->at / 1000), (int)(c->at % 1000));
		e.session = buf_str(&session);
	}
	event_record(c, &e);
	event_answer(c, &e);
	buf_release(&session);
	return collect_fits(c, from, at);
}

static bool
write_one(struct collect *c, void *ctx)
{
	return add_event(c, ctx, c->key, &collect_body);
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

/* The list itself; NULL when there is none. */
static json_t *
bulk_list(struct collect *c)
{
	const struct validate_field fields[] = { { "events", VALIDATE_LIST,
	    VALIDATE_REQUIRED, c->in->max_events, NULL } };
	const struct validate_model model = { "BulkEventCreate", fields, 1 };
	json_t *v[VALIDATE_FIELDS] = { NULL };

	if (c->body != NULL)
		validate_object(&c->errors, &collect_body, &model, c->body, v);
	return v[0];
}

/* All items were checked before. No key has a blank, so a single event cannot
 * have the id of one of a bulk. */
static bool
write_bulk(struct collect *c, void *ctx)
{
	const json_t *list = ctx;
	struct validate_place at = { &collect_body, "events", 0 };
	struct validate_place item = { &at, NULL, 0 };
	json_t *v[VALIDATE_FIELDS];
	size_t n = json_array_size(list);
	char id[ID_MAX];

	jsonw_list(&c->a->body);
	for (; item.index < n; item.index++) {
		validate_object(&c->errors, &item, &route_model_event,
		    json_array_get(list, item.index), v);
		jsonw_next(&c->a->body);
		(void)snprintf(id, sizeof id, "%s %zu", c->key, item.index);
		if (!add_event(c, v, c->key != NULL ? id : NULL, &item))
			return false;
	}
	jsonw_list_end(&c->a->body);
	return true;
}

void
route_events_bulk(const struct listener_context *in,
    const struct web_request *r, struct web_answer *a)
{
	struct collect c = { .in = in, .r = r, .a = a };
	struct validate_place at = { &collect_body, "events", 0 };
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
