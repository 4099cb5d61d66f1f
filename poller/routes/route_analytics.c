/*
 * route_analytics: POST /api/v1/analytics/messages/analytics: the analysis of a
 * message becomes a message record about it, with the analysis in its data. Of
 * the text of the message only the length is stored.
 */
#include "poller/routes/route.h"

#include <string.h>

#include "common/text/jsonw.h"
#include "poller/routes/route_collect.h"
#include "poller/routes/route_ids.h"
#include "poller/routes/validate.h"

/* Characters. */
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

/* The members that are read of its objects. */
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

/* The analysis of a message. Groups are NULL when absent. */
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
	jsonw_open(b);
	jsonw_str(b, "type", "message");
	jsonw_str(b, "tenant", c->sender.tenant);
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

/* Validates a member of the body that is an object. */
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
	for (; s != NULL && *s != '\0'; s++)
		n->length += ((unsigned char)*s & 0xC0) != 0x80;
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
