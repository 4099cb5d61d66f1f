/*
 * route_models: see route_models.h. Lengths are those of the columns and of
 * records.
 */
#include "poller/routes/route_models.h"

#include "common/base/xalloc.h"
#include "common/records/record.h"

#define SOURCE_MAX 50 /* characters of each */
#define LABEL_MAX 20
#define INTENT_MAX 100

static const char *const event_types[] = { "message_sent", "message_received",
	"conversation_started", "conversation_ended", "channel_connected",
	"channel_disconnected", "user_action", "system_action", NULL };

static const char *const directions[] = { "inbound", "outbound", NULL };

#define REQUIRED VALIDATE_REQUIRED
#define OPTIONAL VALIDATE_OPTIONAL

static const struct validate_field send_fields[] = {
	{ "conversation_id", VALIDATE_NAME, OPTIONAL, RECORD_MAX_ID, NULL },
	{ "sender_id", VALIDATE_ID, REQUIRED, RECORD_MAX_ID, NULL },
	{ "receiver_id", VALIDATE_NAME, OPTIONAL, RECORD_MAX_ID, NULL },
	{ "content", VALIDATE_TEXT, OPTIONAL, MODEL_CONTENT_MAX, NULL },
	{ "message_type", VALIDATE_NAME, OPTIONAL, 64, NULL },
	{ "channel_id", VALIDATE_NAME, OPTIONAL, RECORD_MAX_ID, NULL },
};

static const struct validate_field event_fields[] = {
	{ "event_type", VALIDATE_WORD, REQUIRED, 0, event_types },
	{ "event_data", VALIDATE_OBJECT, REQUIRED, 0, NULL },
	{ "user_id", VALIDATE_NAME, OPTIONAL, RECORD_MAX_ID, NULL },
	{ "session_id", VALIDATE_NAME, OPTIONAL, RECORD_MAX_ID, NULL },
	{ "source_service", VALIDATE_TEXT, VALIDATE_DEFAULT, SOURCE_MAX, NULL },
};

static const struct validate_field analytics_fields[] = {
	{ "id", VALIDATE_ID, REQUIRED, RECORD_MAX_ID, NULL },
	{ "conversation_id", VALIDATE_ID, REQUIRED, RECORD_MAX_ID, NULL },
	{ "channel_id", VALIDATE_ID, REQUIRED, RECORD_MAX_ID, NULL },
	{ "direction", VALIDATE_PATTERN, REQUIRED, 0, directions },
	{ "content", VALIDATE_OBJECT, VALIDATE_DEFAULT, 0, NULL },
	{ "sentiment", VALIDATE_OBJECT, OPTIONAL, 0, NULL },
	{ "intent", VALIDATE_OBJECT, OPTIONAL, 0, NULL },
	{ "response_time", VALIDATE_NUMBER, OPTIONAL, 0, NULL },
};

static const struct validate_field content_fields[] = {
	{ "text", VALIDATE_TEXT, OPTIONAL, 0, NULL },
};

static const struct validate_field sentiment_fields[] = {
	{ "score", VALIDATE_NUMBER, OPTIONAL, 0, NULL },
	{ "label", VALIDATE_TEXT, OPTIONAL, LABEL_MAX, NULL },
	{ "confidence", VALIDATE_NUMBER, OPTIONAL, 0, NULL },
};

static const struct validate_field intent_fields[] = {
	{ "name", VALIDATE_TEXT, OPTIONAL, INTENT_MAX, NULL },
	{ "confidence", VALIDATE_NUMBER, OPTIONAL, 0, NULL },
};

#define MODEL(name, fields)                                                    \
	{                                                                      \
		name, fields, ARRAY_LEN(fields)                                \
	}

const struct validate_model model_send = MODEL("MessageRequest", send_fields);
const struct validate_model model_event = MODEL("EventCreate", event_fields);
const struct validate_model model_analytics =
    MODEL("MessageAnalyticsCreate", analytics_fields);
const struct validate_model model_content = MODEL("Content", content_fields);
const struct validate_model model_sentiment =
    MODEL("Sentiment", sentiment_fields);
const struct validate_model model_intent = MODEL("Intent", intent_fields);
